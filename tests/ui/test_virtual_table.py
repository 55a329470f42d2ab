"""The table over any number of rows: what people see, what it reads, what it repaints."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Region
from textual.pilot import Pilot

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.widgets.columns import Column
from mantik_tui.widgets.row_source import PAGE, IdSource
from tests.support.pty_probe import Probe
from tests.support.table_app import COLUMNS, CountingSource, FakeRun, TableApp, fake_run

MILLION = 1_000_000
SIZE = (100, 21)
WINDOW = 20


class Repaints:
    """Notes which lines a table asks to repaint; everything counts as None."""

    def __init__(self, app: TableApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Region, ...]] = []
        table = app.table
        original = type(table).refresh

        def refresh(self_: object, *regions: Region, **kwargs: bool) -> object:
            if self_ is table:
                self.asked.append(regions)
            return original(table, *regions, **kwargs)

        monkeypatch.setattr(type(table), "refresh", refresh)

    @property
    def lines(self) -> list[int]:
        return sorted(region.y for regions in self.asked for region in regions)

    @property
    def whole(self) -> int:
        """How often everything was repainted."""
        return sum(1 for regions in self.asked if not regions)


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def test_a_million_rows_are_shown_from_few_reads() -> None:
    source = CountingSource(range(MILLION))
    app = TableApp(source)
    async with app.run_test(size=SIZE) as pilot:
        assert app.lines()[1].strip().startswith(f"▸  {fake_run(0).name}")
        await press(pilot, "G")
        assert app.table.cursor_id == MILLION - 1
        assert fake_run(MILLION - 1).name in app.lines()[-1]
    assert len(source.reads) <= 4
    assert all(len(ids) <= PAGE for ids in source.reads)


async def test_keys_move_the_cursor_as_in_vim_and_by_arrows() -> None:
    app = TableApp(CountingSource(range(1000)))
    async with app.run_test(size=SIZE) as pilot:
        table = app.table
        moves = [
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0),
            ("ctrl+d", WINDOW // 2), ("ctrl+u", 0),
            ("pagedown", WINDOW), ("pageup", 0),
            ("G", 999), ("g", 0), ("end", 999), ("home", 0),
        ]  # fmt: skip
        for key, position in moves:
            await press(pilot, key)
            assert table.cursor_position == position, key


async def test_a_page_down_keeps_the_cursor_at_its_height() -> None:
    app = TableApp(CountingSource(range(1000)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "j", "j", "j", "pagedown")
        assert app.table.cursor_position - app.table.scroll_offset.y == 3


async def test_a_move_inside_the_window_repaints_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TableApp(CountingSource(range(MILLION)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "j")
        repaints = Repaints(app, monkeypatch)
        await press(pilot, "j")
        assert repaints.lines == [2, 3]
        assert repaints.whole == 0


async def test_at_the_edge_the_window_jumps_by_half() -> None:
    app = TableApp(CountingSource(range(1000)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *["j"] * WINDOW)
        assert app.table.cursor_position == WINDOW
        assert app.table.scroll_offset.y == WINDOW // 2
        await press(pilot, *["k"] * (WINDOW // 2 + 1))
        assert app.table.scroll_offset.y == 0


async def test_an_equal_source_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TableApp(CountingSource(range(500)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "j")
        repaints = Repaints(app, monkeypatch)
        app.table.replace_source(CountingSource(range(500)))
        app.table.source_grew()
        app.table.refresh_rows(range(500))
        await pilot.pause()
        assert repaints.asked == []


async def test_only_changed_rows_in_sight_are_repainted(monkeypatch: pytest.MonkeyPatch) -> None:
    source = CountingSource(range(500))
    app = TableApp(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        repaints = Repaints(app, monkeypatch)
        for row_id in (3, 400):
            source.changed[row_id] = replace(fake_run(row_id), status="KILLED  by maria")
        app.table.refresh_rows([3, 4, 400])
        await pilot.pause()
        assert repaints.lines == [4]
        assert "KILLED  by maria"[:12] in app.lines()[4]


async def test_the_cursor_stays_on_its_row_in_another_order() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *["j"] * 7)
        height = app.table.cursor_position - app.table.scroll_offset.y
        app.table.replace_source(CountingSource(range(99, -1, -1)))
        await pilot.pause()
        assert app.table.cursor_id == 7
        assert app.table.cursor_position == 92
        assert fake_run(7).name in app.lines()[1 + 92 - app.table.scroll_offset.y]
        app.table.replace_source(CountingSource(range(100)))
        await pilot.pause()
        assert app.table.cursor_id == 7
        assert app.table.cursor_position - app.table.scroll_offset.y == height


async def test_without_keep_cursor_the_first_row_is_under_it() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "G")
        app.table.replace_source(CountingSource(range(50)), keep_cursor=False)
        assert app.table.cursor_id == 0


async def test_a_row_that_went_leaves_the_cursor_at_its_place() -> None:
    app = TableApp(CountingSource(range(30)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *["j"] * 5)
        app.table.replace_source(CountingSource(n for n in range(30) if n != 5))
        assert app.table.cursor_id == 6
        app.table.replace_source(CountingSource(range(3)))
        assert app.table.cursor_id == 2


async def test_rows_that_come_later_bring_the_lost_cursor_back() -> None:
    app = TableApp(CountingSource(range(5000)))
    async with app.run_test(size=SIZE) as pilot:
        app.table.go_to(3000)
        first = CountingSource(range(200), complete=False)
        app.table.replace_source(first)
        assert app.table.cursor_id == 199
        first.append(array("q", range(200, 5000)), complete=True)
        app.table.source_grew()
        await pilot.pause()
        assert app.table.cursor_id == 3000
        assert fake_run(3000).name in "\n".join(app.lines())


async def test_a_growing_source_keeps_what_is_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    source = CountingSource(range(200), complete=False)
    app = TableApp(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        before = app.lines()
        source.append(array("q", range(200, MILLION)), complete=True)
        app.table.source_grew()
        await pilot.pause()
        assert app.lines() == before
        await press(pilot, "G")
        assert app.table.cursor_id == MILLION - 1


async def test_marks_show_as_a_sign_and_are_counted() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "space", "j", "J", "J")
        assert app.table.marks == {0, 1, 2}
        assert [line[:2] for line in app.lines()[1:5]] == [" ◆", " ◆", " ◆", "▸ "]
        assert ("marks", 3) in app.said
        assert app.table.chosen_ids == (0, 1, 2)
        await press(pilot, "k", "space")
        assert app.table.marks == {0, 1}
        await press(pilot, "M")
        assert app.table.marks == frozenset()
        assert set(app.table.chosen_ids) == {2}


async def test_mark_all_stops_at_its_limit() -> None:
    app = TableApp(CountingSource(range(MILLION)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "*")
        assert len(app.table.marks) == 10_000


async def test_enter_and_double_click_open_a_row_and_a_click_selects() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "j", "enter")
        assert app.said[-1] == ("selected", 1)
        await pilot.click(app.table, offset=(10, 5))
        await pilot.pause()
        assert app.table.cursor_id == 4
        assert app.said[-1] == ("highlighted", 4)
        await pilot.double_click(app.table, offset=(10, 7))
        await pilot.pause()
        assert app.said[-1] == ("selected", 6)


async def test_a_click_on_the_gutter_marks_and_one_on_a_title_names_the_column() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(app.table, offset=(1, 3))
        await pilot.pause()
        assert app.table.marks == {2}
        title_at = app.lines()[0].index("rmse")
        await pilot.click(app.table, offset=(title_at, 0))
        await pilot.pause()
        assert app.said[-1] == ("header", "rmse")


async def test_the_pointer_passing_over_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        repaints = Repaints(app, monkeypatch)
        for y in range(1, 12):
            await pilot.hover(app.table, offset=(20, y))
        assert repaints.asked == []


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(5):
            await pilot._post_mouse_events([events.MouseScrollDown], app.table, offset=(9, 9))
        await pilot.pause()
        assert app.table.cursor_id == 0
        top = app.table.scroll_offset.y
        assert top > 0
        assert fake_run(top).name in app.lines()[1]


async def test_an_empty_table_says_what_helps() -> None:
    app = TableApp(CountingSource(()))
    async with app.run_test(size=SIZE) as pilot:
        assert "No runs yet. s submits one." in "\n".join(app.lines())
        await press(pilot, "j", "G", "space", "enter", "ctrl+d", "*")
        assert app.table.cursor_id is None
        assert app.table.cursor_row is None
        assert not any(isinstance(said, tuple) and said[0] == "selected" for said in app.said)
        app.table.set_empty_text("No run fits. esc clears the filter.")
        await pilot.pause()
        assert "No run fits." in "\n".join(app.lines())


async def test_a_table_that_is_still_loading_does_not_say_that_it_is_empty() -> None:
    app = TableApp(CountingSource((), complete=False))
    async with app.run_test(size=SIZE):
        assert "No runs" not in "\n".join(app.lines())


async def test_the_sorted_column_is_signed_and_stays_when_it_is_narrow() -> None:
    app = TableApp(CountingSource(range(10)))
    async with app.run_test(size=(46, 12)) as pilot:
        app.table.set_sort("who", True)
        await pilot.pause()
        assert "who ▼" in app.lines()[0]
        app.table.set_sort("name", False)
        await pilot.pause()
        assert "run ▲" in app.lines()[0]
        assert "who" not in app.lines()[0]


@pytest.mark.parametrize("width", [30, 46, 60, 80, 120, 200])
async def test_no_line_is_wider_than_the_terminal_and_every_column_can_be_reached(
    width: int,
) -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=(width, 12)) as pilot:
        seen: set[str] = set()
        for _ in range(len(COLUMNS) + 1):
            assert all(app.table.render_line(y).cell_length <= width for y in range(12))
            assert "run" in app.lines()[0]
            assert "›" in app.lines()[0] or "‹" in app.lines()[0] or not 46 <= width < 80
            seen |= set(app.lines()[0].replace("›", " ").split())
            await press(pilot, "right")
        assert seen >= {column.title for column in COLUMNS}
        await press(pilot, *["left"] * len(COLUMNS))
        assert "‹" not in app.lines()[0]


async def test_least_important_columns_drop_first_and_the_header_says_how_many() -> None:
    app = TableApp(CountingSource(range(10)))
    async with app.run_test(size=(60, 12)):
        header = app.lines()[0]
        assert header.split() == ["run", "status", "rmse", "lr", "3›"]


def _name(run: FakeRun) -> str:
    return run.name


def _same(_run: FakeRun) -> str:
    return "this-machine"


async def test_with_room_the_header_says_in_words_that_there_is_more_and_without_rows_nothing() -> (
    None
):
    app = TableApp(CountingSource(range(10)))
    columns = (
        Column("name", "run", _name, 10, 0, max_width=40),
        Column("site", "site", _name, 20, 1),
    )
    async with app.run_test(size=(30, 12)) as pilot:
        app.table.set_columns(columns)
        await pilot.pause()
        assert app.lines()[0].rstrip().endswith(" 1 more ›")
        app.table.replace_source(CountingSource(()))
        await pilot.pause()
        assert "›" not in app.lines()[0]


async def test_spare_width_goes_to_what_would_be_cut_and_columns_that_say_nothing_go_first() -> (
    None
):
    columns = (
        Column("name", "run", _name, 10, 0, max_width=40),
        Column("site", "site", _same, 6, 1, unless_same=True),
        Column("rmse", "rmse", _name, 8, 2),
    )
    app = TableApp(CountingSource(range(10)))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_columns(columns)
        await pilot.pause()
        assert "this-machine" in app.lines()[1]
        await pilot.resize_terminal(26, 12)
        await pilot.pause()
        assert app.lines()[0].split()[:2] == ["run", "rmse"]


async def test_hostile_text_is_shown_harmless_on_one_line() -> None:
    evil = "\x1b[2Jred\x1b]0;title\x07\nsecond\tline\u202e" + "x" * 400
    source = CountingSource(range(3))
    source.changed[1] = replace(fake_run(1), name=evil)
    app = TableApp(source)
    async with app.run_test(size=SIZE):
        line = app.table.render_line(2).text
        assert line.startswith("   red second line")
        assert "…" in line
        assert line.isprintable()


async def test_wide_characters_keep_the_columns_in_line() -> None:
    source = CountingSource(range(2))
    source.changed[0] = replace(fake_run(0), name="風力 発電 予測 アンサンブル モデル の 実験")
    app = TableApp(source)
    async with app.run_test(size=SIZE):
        strips = [app.table.render_line(y) for y in (1, 2)]
        assert {strip.cell_length for strip in strips} == {SIZE[0]}


class _Failing(CountingSource):
    fails = False

    def rows(self, ids: Sequence[int]) -> Sequence[FakeRun | None]:
        if self.fails:
            raise StoreProblem("The local database is busy")
        return super().rows(ids)


async def test_rows_stay_in_sight_when_the_database_is_busy() -> None:
    source = _Failing(range(100))
    app = TableApp(source)
    async with app.run_test(size=SIZE) as pilot:
        before = app.lines()
        source.fails = True
        app.table.refresh_rows(range(100))
        await pilot.pause()
        assert app.lines() == before
        assert app.said.count(("failed", "The local database is busy")) == 1
        source.fails = False
        source.changed[0] = replace(fake_run(0), name="fresh-name")
        app.table.retry_read()
        await pilot.pause()
        assert "fresh-name" in app.lines()[1]


async def test_a_row_that_is_gone_says_so() -> None:
    source = IdSource(array("q", [1, 2]), lambda ids: [fake_run(1)], lambda run: run.id)
    app = TableApp(source)
    async with app.run_test(size=SIZE):
        assert "no longer there" in app.lines()[2]


async def test_resizing_keeps_the_cursor_in_sight() -> None:
    app = TableApp(CountingSource(range(100)))
    async with app.run_test(size=(100, 40)) as pilot:
        await press(pilot, *["j"] * 35)
        await pilot.resize_terminal(50, 10)
        await pilot.pause()
        assert fake_run(35).name in "\n".join(app.lines())


async def test_columns_can_be_replaced() -> None:
    app = TableApp(CountingSource(range(10)))
    async with app.run_test(size=SIZE) as pilot:
        app.table.set_columns([Column("who", "who", lambda run: run.who, 10, 0)])
        await pilot.pause()
        assert app.lines()[0].split() == ["who"]


# ---------------------------------------------------------------- in a terminal


def _program(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.table_app", *words]


def test_in_a_terminal_a_move_is_small_and_idle_is_silent() -> None:
    root = str(Path(__file__).parents[2])
    with Probe(_program("1000000"), cwd=root) as probe:
        probe.wait_for("rmse")
        probe.settle(0.5)
        assert probe.idle(1.0) == 0
        inside = [probe.measure("j").bytes for _ in range(5)]
        assert 0 < max(inside) <= 600
        assert 0 < probe.measure("pagedown").bytes <= 8_000
        probe.press("q")
        assert probe.wait() == 0


def test_without_colour_cursor_and_marks_can_still_be_told() -> None:
    root = str(Path(__file__).parents[2])
    with Probe(_program("50"), cwd=root, env={"NO_COLOR": "1"}) as probe:
        probe.wait_for("rmse")
        probe.press("space", "j")
        lines = probe.text.splitlines()
        assert lines[2].startswith(" ◆ ")
        assert lines[3].startswith("▸  ")
