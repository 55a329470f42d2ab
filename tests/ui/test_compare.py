"""The comparison's screen."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mantik_tui.app import MantikApp
from mantik_tui.domain.errors import Offline
from mantik_tui.screens.compare import CompareScreen
from mantik_tui.store.writes.history import append_points
from mantik_tui.widgets.dialogs import PickDialog, PromptDialog
from mantik_tui.workspace import reads
from mantik_tui.workspace.session import Session
from tests.support.store_fill import NOW_MS
from tests.support.ui import FakeEngine, make_session, said, screen_text, settle, until


@pytest.fixture
def session() -> Session:
    session = make_session()
    with session.store.transaction() as connection:
        for run_id in (2, 4, 6):
            points = [(step, NOW_MS + step, 0.02 + math.exp(-step / run_id)) for step in range(50)]
            append_points(connection, run_id, "rmse", points, NOW_MS)
    return session


async def test_differing_params_metrics_with_the_best_then_the_rest(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4])
        await settle(pilot)
        lines = screen_text(app).splitlines()
        assert "proud-owl-58" in lines[1]
        text = "\n".join(lines)
        assert text.index("params that differ") < text.index("metrics, last values")
        assert "★ 0.1227" in text
        assert "2 params alike (d)" in text
        assert "era5-2020" not in text
        await pilot.press("d")
        await pilot.pause()
        assert "era5-2020" in screen_text(app)


async def test_best_values_come_from_stored_histories(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4, 1])
        await settle(pilot)
        await pilot.press("b")
        await pilot.pause()
        text = screen_text(app)
        assert "metrics, best values" in text
        assert "★ 0.02" in text
        assert "no history is here" in said(app)


async def test_ten_runs_are_reached_by_scrolling_right(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_compare(range(1, 11))
        await settle(pilot)
        last = session.read(reads.runs.get_run, 10)
        assert last.name not in screen_text(app).splitlines()[1]
        await pilot.press(*["right"] * 9)
        await pilot.pause()
        assert last.name in screen_text(app).splitlines()[1]


async def test_curves_are_asked_for_and_drawn_over_each_other(session: Session) -> None:
    engine = session.engine
    assert isinstance(engine, FakeEngine)
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4, 6])
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: len(screen._plot.series) == 3)
        asked = [args["run_id"] for verb, args in engine.asked if verb == "fetch-histories"]
        assert asked == [2, 4, 6]
        assert screen._plot.display


async def test_offline_the_stored_curves_are_shown_and_it_is_said(session: Session) -> None:
    engine = session.engine
    assert isinstance(engine, FakeEngine)
    engine.answers["fetch-histories"] = Offline("The server does not answer")
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4])
        await settle(pilot)
        await until(pilot, lambda: "Curves as they are stored here" in said(app))
        assert len(app.screen._plot.series) == 2  # type: ignore[attr-defined]


async def test_small_screens_draw_on_enter(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4])
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        assert not screen._plot.display
        row = next(n for n, row in enumerate(screen._rows) if row.key == "rmse")
        screen._table.go_to(row)
        await pilot.press("enter")
        await until(pilot, lambda: screen._plot.display and len(screen._plot.series) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: not screen._plot.display)


async def test_it_is_copied_for_a_spreadsheet_and_written_to_a_file(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session.store.transaction() as connection:
        connection.execute("UPDATE run SET name = 'two\tparts\nand more' WHERE id = 2")
    app = MantikApp(session)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_compare([2, 4, 6])
        await settle(pilot)
        assert "two parts and more" in screen_text(app)
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await pilot.press("y")
        await settle(pilot)
        assert isinstance(app.screen, PickDialog)
        app.screen.dismiss(
            (next(c.id for c in app.screen._choices if c.words == "the whole table"),)
        )
        await settle(pilot)
        lines = [line.split("\t") for line in copied[0].splitlines()]
        assert lines[0][:2] == ["", "two parts and more"]
        assert {len(line) for line in lines} == {4}, "a cell for each run in each line"
        screen.action_export()
        await settle(pilot)
        prompt: object = app.screen
        assert isinstance(prompt, PromptDialog)
        target = tmp_path / "c.json"
        prompt.dismiss(str(target))
        await settle(pilot)
        records = json.loads(target.read_text())
        assert {record["kind"] for record in records} >= {"param", "metric"}
        assert next(r for r in records if r["name"] == "rmse")
