"""One project and its tabs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mantik_tui.domain.project import Result
from mantik_tui.screens.project import ProjectScreen
from mantik_tui.store.connect import Store
from mantik_tui.widgets.project_card import result_line
from mantik_tui.widgets.run_columns import default_columns
from mantik_tui.workspace import reads
from mantik_tui.workspace.session import Session
from tests.support.store_fill import NOW_MS
from tests.support.ui import make_app, make_session, said, screen_text, settle, until


@pytest.fixture
def session() -> Session:
    return make_session()


async def open_tab(session: Session, *keys: str, size: tuple[int, int] = (120, 40)) -> str:
    app = make_app(session)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)
        return screen_text(app)


async def test_overview_has_people_results_and_the_description(session: Session) -> None:
    text = await open_tab(session)
    assert "maria (Owner), tom (Researcher)" in text
    assert "by rmse, lower is better" in text
    assert "proud-falcon-52" in text
    assert "Train on 2018 to 2022" in text
    assert "RUNNING" in text


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("key", ["1", "2", "3", "4", "5", "6"])
async def test_every_tab_opens_at_every_size(
    session: Session, key: str, size: tuple[int, int]
) -> None:
    text = await open_tab(session, key, size=size)
    assert text.splitlines()[0].startswith(" mantik ▸ wind power ensemble ▸ ")
    assert "? help" in text


async def test_tabs_go_round_by_tab_and_shift_tab(session: Session) -> None:
    assert "[Code]" in await open_tab(session, "tab")
    assert "[Experiments]" in await open_tab(session, "shift+tab")


async def test_code_and_data_that_are_not_known_say_how_to_add_them(session: Session) -> None:
    with session.store.transaction() as connection:
        connection.execute("UPDATE project SET doc = '{}'")
    code = await open_tab(session, "2")
    assert "No folder is set" in code
    assert "mantik.code.NAME = https://" in code
    assert "mantik.data.NAME = juwels:" in await open_tab(session, "3")


async def test_the_folder_on_this_machine_is_set_and_checked(
    session: Session, tmp_path: Path
) -> None:
    (tmp_path / "MLproject").write_text("name: x\n")
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("2", "e")
        await settle(pilot)
        app.screen._input.value = str(tmp_path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "holds an MLproject" in screen_text(app))
        assert f"Runs are made from {tmp_path}" in said(app)
    project = session.read(reads.projects.get_project, 1)
    assert project.folder == str(tmp_path)


async def test_a_folder_that_is_not_there_is_refused(session: Session) -> None:
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter", "2", "e")
        await settle(pilot)
        app.screen._input.value = "/no/such/folder"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "is no folder" in screen_text(app))


async def test_models_and_experiments_show_what_is_stored(session: Session) -> None:
    with session.store.transaction() as connection:
        connection.execute(
            "INSERT INTO model (workspace_id, kind, name, version, aliases, run_server_id, created_ms)"
            " SELECT 1, 'registered', 'wind-net', '3', '[\"best\"]', server_id, 1764000000000 FROM run WHERE id = 2"
        )
        connection.execute("UPDATE experiment SET pull_offset = 100, pull_total = 351 WHERE id = 1")
    models = await open_tab(session, "4")
    assert "wind-net" in models
    assert "@best" in models
    assert "100 of 351" in await open_tab(session, "6")


async def test_an_experiment_opens_its_runs(session: Session) -> None:
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ProjectScreen)
        assert screen.run_list is not None
        assert screen.run_list.filter_bar.text == 'experiment:"wind-power-ensemble-main"'
        await until(pilot, lambda: "351" in screen_text(app))


async def test_news_reach_the_tab_in_sight(session: Session) -> None:
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        other = Store(session.store.path)
        with other.transaction() as connection:
            connection.execute("UPDATE project SET summary = 'A new summary'")
        other.close()
        app.session.engine.say("changed", tables=["project"])  # type: ignore[attr-defined]
        await until(pilot, lambda: "A new summary" in screen_text(app))


async def test_keys_of_the_runs_say_where_they_work(session: Session) -> None:
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert "they have a tab of their own" in said(app)


async def test_hostile_text_of_a_project_is_harmless(session: Session) -> None:
    evil = "evil\x1b]52;c;AAAA\x07[bold]x[/nope] [link=x]"
    with session.store.transaction() as connection:
        connection.execute("UPDATE project SET name = ?, summary = ?, description = ?", (evil,) * 3)
    text = await open_tab(session)
    assert "\x1b" not in text
    assert "[bold]x[/nope]" in text


async def test_a_diverged_run_is_never_the_best(session: Session) -> None:
    for value in (math.inf, math.nan, 1.7976931348623157e308, None):
        best = Result(1, "c", "boom", "tom", "FINISHED", "rmse", value, NOW_MS)
        left, _right = result_line("best", best, NOW_MS, {})
        assert "none yet" in "".join(text for text, _ in left)
    with session.store.transaction() as connection:
        rows = connection.execute(
            "SELECT m.run_id, m.key_id FROM metric m JOIN key k ON k.id = m.key_id JOIN project p"
            " ON k.name = p.best_metric AND p.id = 1 JOIN run r ON r.id = m.run_id"
            " AND r.project_id = 1 AND r.status = 'FINISHED' LIMIT 3"
        ).fetchall()
        assert rows
        for run_id, key_id in rows:
            connection.execute(
                "UPDATE metric SET value = -1.7976931348623157e308 WHERE run_id = ? AND key_id = ?",
                (run_id, key_id),
            )
    app = make_app(session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_project(1)
        await settle(pilot)
        ranked = screen_text(app).split("Best")[1].split("Latest")[0]
        assert "inf" not in ranked


def test_unsorted_shows_which_experiment_a_run_is_of() -> None:
    assert "experiment" in default_columns("rmse", ["rmse"], [], with_experiment=True)
    assert "experiment" not in default_columns("rmse", ["rmse"], [])
