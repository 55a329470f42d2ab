"""The list of saved run configurations, by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from mantik_tui.app import MantikApp
from mantik_tui.domain import snapshot_rules
from mantik_tui.screens.config_form import ConfigFormScreen
from mantik_tui.screens.configs import ConfigsScreen
from mantik_tui.widgets.dialogs import ConfirmDialog, PickDialog, PromptDialog, VerbDialog
from mantik_tui.workspace import reads
from mantik_tui.workspace.session import Session
from tests.support.config_form import WIND, form_session, saved, type_text
from tests.support.ui import said, screen_text, settle, until

SIZE = (80, 24)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return form_session(tmp_path)


@pytest.fixture
def opened_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    monkeypatch.setattr(MantikApp, "open_run", lambda _app, run_id: runs.append(run_id))
    return runs


def names(session: Session) -> list[str]:
    return [one.name for one in session.read(reads.jobs.run_configs)]


async def open_list(
    pilot: Pilot[None], app: MantikApp, project_id: int | None = WIND
) -> ConfigsScreen:
    await settle(pilot)
    app.open_configs(project_id)
    await settle(pilot)
    assert isinstance(app.screen, ConfigsScreen)
    return app.screen


async def test_the_list_shows_what_tells_configurations_apart(session: Session) -> None:
    saved(session, "wind-small", experiment="wind-tests")
    saved(session, "wind-large", entry_point="evaluate")
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_list(pilot, app, None)
        text = screen_text(app)
        for words in ("wind-small", "wind-tests", "evaluate", "wind power ensemble", "this-machine"):  # fmt: skip
            assert words in text
        await pilot.press("slash")
        await type_text(pilot, "large")
        await settle(pilot)
        assert "wind-small" not in screen_text(app) and "1 of 2" in screen_text(app)


async def test_an_empty_list_says_how_to_begin(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app)
        assert "n makes one" in screen_text(app)
        await pilot.press("s")
        assert "no configuration under the cursor" in said(app)


async def test_n_makes_a_new_one_from_the_projects_folder(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app, None)
        await pilot.press("n")
        assert isinstance(app.screen, PickDialog)
        await type_text(pilot, "/wind power")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfigFormScreen))
        form = app.screen
        assert isinstance(form, ConfigFormScreen)
        assert form.config.code.endswith("wind-power-forecast")
        assert "Runtime: 10m" in form.config.backend_config


async def test_enter_opens_the_form_and_escape_comes_back(session: Session) -> None:
    saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_list(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfigFormScreen))
        await settle(pilot)
        await pilot.press("escape")
        assert app.screen is screen


async def test_copy_rename_delete(session: Session) -> None:
    saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_list(pilot, app)
        await pilot.press("N")
        await until(pilot, lambda: "wind-small-2" in screen_text(app))
        assert names(session) == ["wind-small", "wind-small-2"]
        screen.action_rename()
        await until(pilot, lambda: isinstance(app.screen, PromptDialog))
        await pilot.press("end", "ctrl+u")
        await type_text(pilot, "other")
        await pilot.press("enter")
        await until(pilot, lambda: "Renamed to other" in said(app))
        await until(pilot, lambda: "other" in screen_text(app))
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("enter")
        await settle(pilot)
        assert names(session) == ["other", "wind-small"]
        await pilot.press("delete", "y")
        await until(pilot, lambda: "is deleted" in said(app))
        assert len(names(session)) == 1


async def test_a_name_that_is_taken_is_refused(session: Session) -> None:
    saved(session, "a")
    saved(session, "b")
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_list(pilot, app)
        screen.action_rename()
        await until(pilot, lambda: isinstance(app.screen, PromptDialog))
        await pilot.press("end", "ctrl+u", "b", "enter")
        await until(pilot, lambda: isinstance(app.screen, VerbDialog))
        assert "called 'b' already" in screen_text(app)
        assert names(session) == ["a", "b"]


async def test_s_submits_at_once(session: Session, opened_runs: list[int]) -> None:
    saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app)
        await pilot.press("s")
        await until(pilot, lambda: bool(opened_runs))
        assert "goes to this-machine" in said(app)
        assert [entry.kind for entry in session.read(reads.jobs.open_entries)] == ["submit"]


async def test_s_asks_where_much_is_sent(
    session: Session, opened_runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_rules, "ASK_ABOVE_FILES", 1)
    saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app)
        await pilot.press("s")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "wind.csv" in screen_text(app) and opened_runs == []
        await pilot.press("escape")
        await settle(pilot)
        assert session.read(reads.jobs.open_entries) == []


async def test_s_shows_the_problems_and_the_way_to_mend_them(
    session: Session, opened_runs: list[int]
) -> None:
    saved(session, params={"epochs": "few"})
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app)
        await pilot.press("s")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "few is no whole number" in screen_text(app) and opened_runs == []
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ConfigFormScreen))


async def test_the_order_is_remembered(session: Session) -> None:
    saved(session, "a", entry_point="main")
    saved(session, "b", entry_point="evaluate")
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        screen = await open_list(pilot, app)
        screen._sort_by("entry")
        await settle(pilot)
        text = screen_text(app)
        assert text.index("evaluate") < text.index("main")
    app = MantikApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await open_list(pilot, app)
        text = screen_text(app)
        assert text.index("evaluate") < text.index("main")
