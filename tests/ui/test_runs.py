"""Tables of runs: filter, order, columns, marks, and what is done with runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from mantik_tui.app import MantikApp
from mantik_tui.domain.errors import StoreProblem
from mantik_tui.screens.compare import CompareScreen
from mantik_tui.screens.run_list import RunList
from mantik_tui.screens.runs import RunsScreen
from mantik_tui.store.connect import Store
from mantik_tui.widgets.dialogs import ConfirmDialog, PickDialog, PromptDialog
from mantik_tui.workspace import reads, views
from mantik_tui.workspace.session import Session
from tests.support.ui import FakeEngine, make_session, said, screen_text, settle, until
from tests.ui.test_app import type_text


@pytest.fixture
def session() -> Session:
    return make_session()


async def open_runs(pilot: Pilot[None], app: MantikApp) -> RunList:
    await settle(pilot)
    app.action_go_runs()
    await settle(pilot)
    assert isinstance(app.screen, RunsScreen)
    assert app.screen.run_list is not None
    await until(pilot, lambda: app.screen.run_list.table.source.complete)  # type: ignore[attr-defined]
    return app.screen.run_list


async def test_newest_first_with_metrics_and_params_that_differ(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        assert runs.table.row_count == 600
        title, first = screen_text(app).splitlines()[2:4]
        for word in ("status", "started ▼", "took", "loss", "arch", "batch", "who"):
            assert word in title
        assert "data" not in title, "it is the same in all runs"
        assert first.startswith("▸  early-otter-29")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status:failed", 67),
        ("status:run", 2),
        ("loss<0.05", 24),
        ("arch=unet lr=1e-3", 90),
        ("otter or owl", 75),
        ("not status:finished not status:failed", 21),
    ],
)
async def test_filters_find_what_the_store_finds(
    session: Session, text: str, expected: int
) -> None:
    from mantik_tui.domain.filters import parse_filter

    found = session.read(reads.runs.run_ids, reads.runs.Scope(1), parse_filter(text))
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        runs.set_filter(text)
        await until(
            pilot, lambda: runs.table.row_count == len(found) and runs.table.row_count < 600
        )
        assert list(runs.ids_in_order()) == list(found)
        assert f"{len(found)} of 600" in screen_text(app)


async def test_half_a_filter_says_what_is_wrong_and_keeps_the_rows(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        await pilot.press("slash")
        await type_text(pilot, "loss<")
        await until(pilot, lambda: runs.table.row_count == 599)
        await type_text(pilot, "x")
        await until(pilot, lambda: "is not a number" in screen_text(app))
        assert runs.table.row_count == 599


async def test_a_filter_that_nothing_fits_says_how_to_get_out(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        await pilot.press("slash")
        await type_text(pilot, "nothing-like-it")
        await until(pilot, lambda: runs.table.row_count == 0)
        assert "esc clears it" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: runs.table.row_count == 600)


async def test_sorting_by_a_metric_goes_by_its_goal_and_turns_round(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        runs.sort_by("metric:loss")
        await settle(pilot)

        def values() -> list[float]:
            rows = session.read(reads.runs.run_rows, list(runs.ids_in_order())[:50], ("loss",))
            return [row.metrics["loss"] for row in rows]

        await until(pilot, lambda: values() == sorted(values()))
        assert "loss ▲" in screen_text(app)
        runs.sort_by("metric:loss")
        await until(pilot, lambda: values() == sorted(values(), reverse=True))
        assert views.recall(session, "runs").sort == "metric:loss"


async def test_columns_are_chosen_and_remembered(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        await pilot.press("C")
        assert isinstance(app.screen, PickDialog)
        await pilot.press("slash")
        await type_text(pilot, "seed")
        await pilot.press("enter", "space", "enter")
        await settle(pilot)
        assert "param:seed" in runs.columns.ids
        assert "param:seed" in views.recall(session, "runs").columns
        assert "seed" in screen_text(app).splitlines()[2]


async def test_two_marked_runs_are_compared_in_the_tables_order(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_runs(pilot, app)
        await pilot.press("c")
        await pilot.pause()
        assert "Mark two runs or more" in said(app)
        await pilot.press("j", "j", "space", "k", "k", "space", "c")
        await settle(pilot)
        assert isinstance(app.screen, CompareScreen)
        names = [run.name for run in app.screen._loaded.runs]
        assert names == ["early-otter-29", "stern-heron-57"]


def give_job(session: Session, run_id: int, job_id: str = "4711021") -> None:
    with session.store.transaction() as connection:
        connection.execute(
            "INSERT INTO job (run_id, attempt, job_id, site, state) VALUES (?, 1, ?, 'juwels', 'running')",
            (run_id, job_id),
        )
        connection.execute("UPDATE run SET job_state = 'running' WHERE id = ?", (run_id,))


async def test_cancelling_asks_with_run_site_job_and_owner(session: Session) -> None:
    give_job(session, 1)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_runs(pilot, app)
        await pilot.press("X")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        text = screen_text(app)
        for word in ("early-otter-29", "juwels", "4711021", "lin"):
            assert word in text
        await pilot.press("enter")
        await settle(pilot)
        assert session.read(reads.jobs.open_entries) == [], "enter alone changes nothing"
        await pilot.press("X", "y")
        await until(pilot, lambda: bool(session.read(reads.jobs.open_entries)))
        assert session.read(reads.jobs.open_entries)[0].what == "cancel early-otter-29"
        assert "goes out through the outbox" in said(app)


async def test_a_run_that_ended_can_not_be_cancelled_and_says_so(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_runs(pilot, app)
        await pilot.press("j", "j", "j", "X")
        await pilot.pause()
        assert "grand-otter-86 has ended: FAILED" in said(app)


async def test_tagging_marked_runs_queues_a_write_for_each(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_runs(pilot, app)
        await pilot.press("space", "j", "space", "t")
        await pilot.pause()
        assert isinstance(app.screen, PromptDialog)
        await type_text(pilot, "label=best")
        await pilot.press("enter")
        await until(pilot, lambda: len(session.read(reads.jobs.open_entries)) == 2)
        await until(pilot, lambda: "early-otter-29 ↑" in screen_text(app))
        assert "2 writes pending" in screen_text(app)
        await pilot.press("M", "u")
        await pilot.pause()
        assert "set tag label=best" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: len(session.read(reads.jobs.open_entries)) == 1)


async def test_copy_offers_names_ids_and_params(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_runs(pilot, app)
        await pilot.press("y")
        await pilot.pause()
        assert isinstance(app.screen, PickDialog)
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.clipboard.endswith("0001")


async def test_export_writes_what_the_table_shows(session: Session, tmp_path: Path) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        runs.set_filter("status:failed")
        await until(pilot, lambda: runs.table.row_count == 67)
        app.screen.action_export()  # type: ignore[attr-defined]
        await pilot.pause()
        app.screen._input.value = str(tmp_path / "failed.csv")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "failed.csv").exists())
        assert len((tmp_path / "failed.csv").read_text().splitlines()) == 68


async def test_news_change_rows_and_order_and_keep_the_cursor_on_its_run(session: Session) -> None:
    engine = session.engine
    assert isinstance(engine, FakeEngine)
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        await pilot.press("j", "j")
        other = Store(session.store.path)
        with other.transaction() as connection:
            connection.execute("UPDATE run SET status = 'FINISHED' WHERE id = 1")
            connection.execute(
                "INSERT INTO run (id, workspace_id, experiment_id, project_id, server_id, name, status, start_ms)"
                " VALUES (9999, 1, 1, 1, 'ff', 'brand-new-run', 'RUNNING', 9000000000000)"
            )
        other.close()
        engine.say("changed", tables=["run"])
        await until(pilot, lambda: "brand-new-run" in screen_text(app))
        assert runs.table.cursor_id == 3
        assert runs.table.row_count == 601


async def test_the_engine_hears_which_rows_are_in_sight(session: Session) -> None:
    engine = session.engine
    assert isinstance(engine, FakeEngine)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_runs(pilot, app)
        await until(
            pilot,
            lambda: any(verb == "watch" and 1 in args["visible"] for verb, args in engine.told),
        )
        await pilot.press("G")
        await until(
            pilot,
            lambda: any(600 in args["visible"] for verb, args in engine.told if verb == "watch"),
        )


async def test_a_busy_database_keeps_the_rows_and_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)

        def busy(*_args: object) -> None:
            raise StoreProblem("The local database can't be read", "database is locked")

        with monkeypatch.context() as patch:
            patch.setattr(session, "read", busy)
            runs.load()
            await until(pilot, lambda: "database is locked" in said(app))
        assert runs.table.row_count == 600
        assert "early-otter-29" in screen_text(app)


async def test_a_filter_kept_by_name_comes_back(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        runs.set_filter("status:failed")
        await until(pilot, lambda: runs.table.row_count == 67)
        app.screen.action_save_view()  # type: ignore[attr-defined]
        await pilot.press("enter")
        await pilot.pause()
        await type_text(pilot, "broken")
        await pilot.press("enter")
        await settle(pilot)
        assert views.recall(session, "runs").named == {"broken": "status:failed"}
        runs.set_filter("")
        await until(pilot, lambda: runs.table.row_count == 600)
        app.screen.action_save_view()  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: runs.table.row_count == 67)


async def test_hundred_thousand_runs_show_the_first_at_once_and_then_all() -> None:
    app = MantikApp(make_session(projects=20, runs=100_000))
    async with app.run_test(size=(120, 40)) as pilot:
        runs = await open_runs(pilot, app)
        assert runs.table.row_count == 100_000
        await pilot.press("G")
        assert runs.table.cursor_position == 99_999
        runs.set_filter("otter")
        await until(pilot, lambda: 0 < runs.table.row_count < 100_000)
        assert runs.table.cursor_position == 0
