"""The projects screen."""

from __future__ import annotations

import pytest

from mantik_tui.screens.project import ProjectScreen
from mantik_tui.screens.projects import ProjectsScreen
from mantik_tui.widgets.dialogs import PickDialog
from mantik_tui.workspace import views
from tests.support.ui import make_app, make_session, said, screen_text, settle, until
from tests.ui.test_app import shows, type_text


def names(screen: ProjectsScreen) -> list[str]:
    return [row.name for row in screen._shown]


async def test_best_and_latest_result_of_the_project_under_the_cursor() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        card = app.screen._card  # type: ignore[attr-defined]
        assert "Post-processing of ECMWF ensemble wind" in card.text
        assert "best    rmse 0.04" in card.text
        assert "RUNNING for 45:00" in card.text
        await pilot.press("j")
        await until(pilot, lambda: "fog at airports" in card.text)


async def test_filtering_while_typing_keeps_on_enter_and_is_in_the_history() -> None:
    session = make_session()
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ProjectsScreen)
        await pilot.press("slash")
        await type_text(pilot, "type:regression wind author:maria")
        await until(pilot, lambda: names(screen) == ["wind power ensemble"])
        assert "1 of 6" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.focused is screen._table
        assert views.recall(session, "projects").history == ("type:regression wind author:maria",)
        await pilot.press("slash", "escape")
        await until(pilot, lambda: len(names(screen)) == 6)


async def test_half_a_filter_is_said_and_the_list_stays() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await type_text(pilot, "wind or")
        await until(pilot, lambda: "Nothing stands after" in screen_text(app))
        assert "wind power ensemble" in screen_text(app)


async def test_sorting_by_name_and_back() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ProjectsScreen)
        screen._sort_by("name")
        assert names(screen) == sorted(names(screen))
        screen._sort_by("name")
        assert names(screen) == sorted(names(screen), reverse=True)
        screen._sort_by("runs")
        assert names(screen)[0] == "wind power ensemble"


async def test_chosen_columns_are_remembered() -> None:
    session = make_session()
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "owner" not in screen_text(app).splitlines()[2]
        await pilot.press("C")
        assert isinstance(app.screen, PickDialog)
        await pilot.press("j", "j", "space", "enter")
        await settle(pilot)
        assert "owner" in screen_text(app).splitlines()[2]
        assert "owner" in views.recall(session, "projects").columns


async def test_enter_opens_and_escape_comes_back_to_the_same_row() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ProjectScreen)
        assert app.screen.project.name == "sea ice drift"
        await pilot.press("escape")
        await settle(pilot)
        assert shows(app, ProjectsScreen)
        assert app.screen._table.cursor_position == 2  # type: ignore[attr-defined]


async def test_copy_says_what_was_copied() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("y", "enter")
        await settle(pilot)
        assert app.clipboard == "wind power ensemble"
        assert "name copied: wind power ensemble" in said(app)


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (200, 60)])
async def test_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter", "5", "escape")
        await settle(pilot)
        assert isinstance(app.screen, ProjectsScreen)


async def test_no_projects_yet_says_so() -> None:
    app = make_app(projects=0, runs=0)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "No projects yet" in screen_text(app)
        await pilot.press("s")
        await pilot.pause()
        assert "no project under the cursor" in said(app)
