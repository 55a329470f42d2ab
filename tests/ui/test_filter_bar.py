"""The filter line: live preview, counts, errors in words, one layer at a time, history."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mantik_tui.widgets.filter_bar import FilterBar, Hits, hits_in_words
from mantik_tui.widgets.frame import key_hints
from mantik_tui.widgets.virtual_table import VirtualTable
from tests.support.table_app import BASE_STYLES, COLUMNS, CountingSource


class FilterApp(App[None]):
    CSS_PATH = [BASE_STYLES]

    def __init__(self, text: str = "", history: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._start = (text, history)
        self.table = VirtualTable(COLUMNS, CountingSource(range(50)))
        self.changes: list[str] = []
        self.closed: list[str] = []

    def compose(self) -> ComposeResult:
        text, history = self._start
        yield FilterBar(text, history=history)
        yield self.table

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    def on_mount(self) -> None:
        self.table.focus()

    def on_filter_bar_filter_changed(self, event: FilterBar.FilterChanged) -> None:
        self.changes.append(event.text)

    def on_filter_bar_filter_closed(self, event: FilterBar.FilterClosed) -> None:
        self.closed.append(event.text)
        self.table.focus()

    def line(self) -> str:
        return self.screen._compositor.render_strips()[0].text.rstrip()


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    for _ in range(200):
        if reached():
            return
        await pilot.pause(0.01)
    raise AssertionError("did not happen in time")


async def type_text(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*text)


async def test_typing_previews_once_it_pauses_and_not_for_each_key() -> None:
    app = FilterApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        for text in ("o", "oo", "oom"):
            app.bar.set_text(text)
        await until(pilot, lambda: app.changes != [])
        assert app.changes == ["oom"]
        assert not app.closed


async def test_enter_keeps_the_filter_and_gives_the_focus_back() -> None:
    app = FilterApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await type_text(pilot, "oom")
        await pilot.press("enter")
        await pilot.pause()
        assert app.changes[-1] == "oom"
        assert app.closed == ["oom"]
        assert app.focused is app.table
        assert app.line().startswith(" / oom")
        assert app.bar.history == ("oom",)


async def test_escape_clears_first_and_leaves_second() -> None:
    app = FilterApp("status:failed")
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await pilot.press("escape")
        await pilot.pause()
        assert app.bar.text == ""
        assert app.changes[-1:] == [""]
        assert app.bar.is_open
        await pilot.press("escape")
        await pilot.pause()
        assert app.closed == [""]
        assert not app.bar.is_open


async def test_escape_during_a_preview_announces_the_empty_filter_last() -> None:
    app = FilterApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await type_text(pilot, "x")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.closed == [""])
        await app.workers.wait_for_complete()
        assert app.changes in ([], ["x", ""])


async def test_up_and_down_walk_through_kept_filters_and_back_to_the_draft() -> None:
    app = FilterApp(history=("rmse<0.1", "who:me"))
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await type_text(pilot, "dra")
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(app.bar.text)
        assert seen == ["who:me", "rmse<0.1", "rmse<0.1", "who:me", "dra", "dra"]


async def test_a_kept_filter_is_remembered_once_and_newest_last() -> None:
    app = FilterApp(history=("a", "b"))
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await type_text(pilot, "a")
        await pilot.press("enter")
        await pilot.pause()
        assert app.bar.history == ("b", "a")


async def test_the_line_says_how_many_and_when_more_may_come() -> None:
    app = FilterApp("oom")
    async with app.run_test(size=(80, 10)) as pilot:
        for hits, words in (
            (Hits(12, 340), "12 of 340"),
            (Hits(1200, 34000, complete=False), "1,200… of 34,000"),
            (Hits(340, 340), "340"),
            (Hits(12, 340, marks=2), "12 of 340  2 marked"),
        ):
            app.bar.show_hits(hits)
            await pilot.pause()
            assert app.line().endswith(words)
            assert hits_in_words(hits) == words


async def test_an_error_is_said_in_words_beside_what_was_typed() -> None:
    app = FilterApp("rmse<")
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.show_hits(Hits(12, 340, error="rmse< needs a number"))
        await pilot.pause()
        assert app.line().startswith(" / rmse<")
        assert app.line().endswith("rmse< needs a number")


async def test_letters_that_are_keys_elsewhere_are_typed_and_not_offered() -> None:
    app = FilterApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await type_text(pilot, "jkq/?:XG")
        assert app.bar.text == "jkq/?:XG"
        assert app.table.cursor_position == 0
        assert [hint.key for hint in key_hints(app.screen)] == ["enter", "esc", "↑"]


async def test_the_cursor_does_not_blink() -> None:
    app = FilterApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.bar.open()
        await pilot.pause()
        assert app.focused is not None
        assert getattr(app.focused, "cursor_blink", True) is False
