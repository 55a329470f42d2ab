"""The log as people use it: follow, pause, search, filter, wrap, copy, save."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.pilot import Pilot
from textual.widgets import Input

from mantik_tui.actions import by_id
from mantik_tui.widgets.bindings import binding_of
from mantik_tui.widgets.log_pane import LogPane
from mantik_tui.widgets.log_view import LogView

_STYLES = Path(__file__).parents[2] / "styles" / "log_view.tcss"


_ACTIONS = ("search", "next-match", "previous-match", "follow", "wrap", "copy", "download")


class Pane(LogPane):
    """With the keys that a screen binds."""

    BINDINGS: ClassVar[list[BindingType]] = [binding_of(by_id(name)) for name in _ACTIONS]


class LogApp(App[None]):
    CSS_PATH = [_STYLES]

    def __init__(self, path: Path | None, clock: Callable[[], float] | None = None) -> None:
        super().__init__()
        self.view = LogView(path, clock=clock or time.monotonic)
        self.messages: list[object] = []
        self.copied: list[str] = []

    def compose(self) -> ComposeResult:
        yield Pane(self.view)

    def on_mount(self) -> None:
        self.view.focus()

    def on_log_view_follow_changed(self, event: LogView.FollowChanged) -> None:
        self.messages.append(event)

    def on_log_view_search_changed(self, event: LogView.SearchChanged) -> None:
        self.messages.append(event)

    def on_log_view_position_changed(self, event: LogView.PositionChanged) -> None:
        self.messages.append(event)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)

    @property
    def status(self) -> str:
        return self.query_one(LogPane).status_text

    def screen_text(self) -> list[str]:
        """What the log shows, row by row."""
        view = self.view
        return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mantik.log"
    path.write_text("".join(f"step {n} loss {n / 10}\n" for n in range(1, 101)))
    return path


def _append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


async def _until(pilot: Pilot[None], true: Callable[[], bool], what: str = "") -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, f"did not come: {what}; status {pilot.app.title}"
        await pilot.pause()
        await asyncio.sleep(0.005)


async def _type(pilot: Pilot[None], key: str, text: str) -> None:
    await pilot.press(key)
    pilot.app.query_one("#log-input", Input).value = text
    await pilot.press("enter")
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (20, 5), (1, 1), (2, 3)])
async def test_it_opens_at_the_end_and_follows(path: Path, size: tuple[int, int]) -> None:
    app = LogApp(path)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.status == "line 100 of 100 · following"
        if size[0] >= 20:
            assert app.screen_text()[-1].startswith("step 100 loss 10")
        _append(path, "step 101 done\n")
        app.view.notify_grown()
        await _until(pilot, lambda: app.status == "line 101 of 101 · following")
        if size[0] >= 20:
            assert app.screen_text()[-1] == "step 101 done"


async def test_scrolling_up_pauses_and_counts_new_lines_and_the_end_resumes(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("k", "k")
        assert not app.view.following
        before = app.screen_text()
        _append(path, "more\n" * 34)
        app.view.notify_grown()
        await _until(pilot, lambda: "paused, 34 new lines" in app.status)
        assert app.screen_text() == before
        assert app.status.startswith("line 98 of 134")
        await pilot.press("G")
        assert app.status == "line 134 of 134 · following"
        assert app.screen_text()[-1] == "more"
        changes = [m.following for m in app.messages if isinstance(m, LogView.FollowChanged)]
        assert changes == [False, True]


@pytest.mark.parametrize("key", ["p", "f", "F"])
async def test_a_pause_by_key_holds_at_the_end_until_the_key_comes_again(
    path: Path, key: str
) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        assert app.status.endswith("paused")
        _append(path, "one\n")
        app.view.notify_grown()
        await _until(pilot, lambda: "paused, 1 new line" in app.status)
        assert app.screen_text()[-1].startswith("step 100")
        await pilot.press("j", "k", "j")
        assert not app.view.following
        await pilot.press(key)
        assert app.status == "line 101 of 101 · following"


async def test_movement_keys(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        height = app.view.viewport.height
        await pilot.press("g")
        assert app.screen_text()[0].startswith("step 1 ")
        await pilot.press("j", "j", "k", "down")
        assert app.screen_text()[0].startswith("step 3 ")
        await pilot.press("ctrl+d")
        assert app.screen_text()[0].startswith(f"step {3 + height // 2} ")
        await pilot.press("ctrl+u")
        await pilot.press("pagedown")
        assert app.screen_text()[0].startswith(f"step {3 + height - 1} ")
        await pilot.press("end")
        assert app.view.following
        await pilot.press("home")
        assert app.screen_text()[0].startswith("step 1 ")


async def test_the_mouse_wheel_and_scroll_bar_pause_too(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.view.scroll_to(y=10, animate=False)
        await pilot.pause()
        assert app.screen_text()[0].startswith("step 11 ")
        assert not app.view.following
        app.view.scroll_to(y=app.view.max_scroll_y, animate=False)
        await pilot.pause()
        assert app.view.following


async def test_search_goes_to_the_match_shows_it_and_says_which_of_how_many(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("g")
        await _type(pilot, "slash", "STEP 7")
        await _until(pilot, lambda: "not found" in app.status)
        await _type(pilot, "slash", "step 7")
        await _until(pilot, lambda: "/step 7 1 of 11" in app.status, app.status)
        row = next(y for y, text in enumerate(app.screen_text()) if text.startswith("step 7 "))
        current = app.view.get_component_rich_style("log-view--current", partial=True)
        segments = list(app.view.render_line(row))
        assert segments[0].text == "step 7"
        assert segments[0].style and segments[0].style.bgcolor == current.bgcolor
        await pilot.press("n")
        assert "/step 7 2 of 11" in app.status
        assert any(text.startswith("step 70 ") for text in app.screen_text())
        await pilot.press("N", "N")
        await pilot.pause()
        assert "/step 7 11 of 11, from the end again" in app.status
        await pilot.press("n")
        assert "/step 7 1 of 11, from the top again" in app.status
        changes = [m for m in app.messages if isinstance(m, LogView.SearchChanged)]
        assert (changes[-1].count, changes[-1].at) == (11, 1)
        await pilot.press("escape")
        assert "step 7" not in app.status


async def test_search_by_regular_expression_and_its_mistakes(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("g")
        await _type(pilot, "slash", "re:^step 9\\d")
        await _until(pilot, lambda: "1 of 10" in app.status)
        await _type(pilot, "slash", "re:(")
        note = next(iter(app._notifications))
        assert note.title == "The regular expression can't be read"
        assert app.query_one("#log-input").has_focus
        await pilot.press("escape")
        assert app.view.has_focus
        assert "1 of 10" in app.status, "Escape left the prompt only"


async def test_a_match_far_to_the_right_comes_into_sight(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("short\n" + "x" * 500 + "needle" + "y" * 500 + "\n")
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.screen_text()[1] == "x" * (app.view.viewport.width - 1) + "›"
        await _type(pilot, "slash", "needle")
        await _until(pilot, lambda: "1 of 1" in app.status)
        assert "needle" in app.screen_text()[1]
        assert "from column" in app.status
        for _ in range(60):
            await pilot.press("left")
        assert app.screen_text()[0] == "short"


async def test_wrap_shows_all_of_a_long_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    words = " ".join(f"word{n}" for n in range(400))
    path.write_text(f"first\n{words}\nlast\n")
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("w")
        assert app.screen_text()[-1] == "last"
        seen: list[str] = []
        await pilot.press("g")
        assert app.screen_text()[0] == "first"
        for _ in range(60):
            seen.append(app.screen_text()[0])
            if app.view.viewport.at_end:
                break
            await pilot.press("j")
        seen += app.screen_text()[1:]
        assert app.view.following
        text = "".join(seen)
        assert all(f"word{n}" in text for n in range(400))
        await pilot.press("w")
        assert app.screen_text()[1].endswith("›")


async def test_progress_bars_are_folded_and_control_sequences_harmless(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        b"\x1b[2J\x1b[31mred\x1b[0m\x00 \x1b]52;c;aGk=\x07text\n"
        b"  1%|  | 1/90\r 50%|# | 45/90\r100%|##| 90/90\n"
        b"\xff\xfe broken\n 10%|#"
    )
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.screen_text()[:4] == ["red text", "100%|##| 90/90", "�� broken", " 10%|#"]
        _append(path, b"\r 20%|##")
        app.view.notify_grown()
        await _until(pilot, lambda: app.screen_text()[3] == " 20%|##")
        assert app.status == "line 4 of 4 · following"


async def test_empty_absent_and_unreadable_logs_say_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.screen_text()[0] == "No log yet."
        path.write_text("")
        app.view.notify_grown()
        await _until(pilot, lambda: app.screen_text()[0] == "The log is empty.")
        _append(path, "hello\n")
        app.view.notify_grown()
        await _until(pilot, lambda: app.screen_text()[0] == "hello")
        app.view.load(tmp_path)
        await pilot.pause()
        assert app.screen_text()[0] == "The log can't be read: is a directory."
        app.view.load(None)
        await pilot.pause()
        assert app.screen_text()[0] == "No log yet."
        for key in ("j", "k", "G", "g", "n", "escape", "y", "v", "w", "ctrl+d", "right"):
            await pilot.press(key)


async def test_a_log_that_starts_anew_is_shown_anew(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await _type(pilot, "slash", "attempt")
        path.write_text("attempt 2\n")
        app.view.notify_grown()
        await _until(pilot, lambda: app.screen_text()[0] == "attempt 2")
        assert app.status.startswith("line 1 of 1")
        await _until(pilot, lambda: "1 found" in app.status or "1 of 1" in app.status, app.status)
        assert app.screen_text()[1] == ""


async def test_many_notices_are_looked_at_together(path: Path) -> None:
    now = [1000.0]
    app = LogApp(path, clock=lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        looks = 0
        look = app.view.document.look

        def counted() -> object:
            nonlocal looks
            looks += 1
            return look()

        app.view.document.look = counted  # type: ignore[method-assign, assignment]
        for n in range(100):
            _append(path, f"more {n}\n")
            app.view.notify_grown()
        assert looks == 1
        await _until(pilot, lambda: app.status.startswith("line 200 of 200"))
        assert looks == 2


async def test_nothing_is_drawn_for_new_lines_out_of_sight(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("g")
        await pilot.pause()
        drawn = 0
        render_line = app.view.render_line

        def counted(y: int) -> object:
            nonlocal drawn
            drawn += 1
            return render_line(y)

        app.view.render_line = counted  # type: ignore[method-assign, assignment]
        _append(path, "more\n" * 10)
        app.view.notify_grown()
        await _until(pilot, lambda: "10 new lines" in app.status)
        await pilot.pause()
        assert drawn == 0


async def test_a_filter_shows_only_matching_lines_with_context_and_escape_ends_it(
    path: Path,
) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await _type(pilot, "ampersand", "loss 5.0,1")
        await _until(pilot, lambda: "&loss 5.0 3 lines" in app.status, app.status)
        assert [text[:7] for text in app.screen_text()[:4]] == ["step 49", "step 50", "step 51", ""]
        assert app.status.startswith("line 51 of 100")
        _append(path, "again loss 5.0\n")
        app.view.notify_grown()
        await _until(pilot, lambda: "again loss 5.0" in app.screen_text(), "the new line")
        await pilot.press("escape")
        assert len([text for text in app.screen_text() if text]) == app.view.viewport.height
        await _type(pilot, "ampersand", "nothing like it")
        await _until(pilot, lambda: app.screen_text()[0] == "No line matches.")


async def test_copy_takes_what_is_selected_else_what_is_in_sight(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("y")
        assert app.copied[-1].split("\n") == app.screen_text()
        await pilot.press("g", "v", "k", "k", "y")
        last = app.view.viewport.height
        assert app.copied[-1].split("\n") == [
            f"step {n} loss {n / 10}" for n in (last - 2, last - 1, last)
        ]
        assert app.view.selected is None
        assert any("Copied 3 lines" in note.message for note in app._notifications)
        await pilot.press("v")
        assert "1 line selected" in app.status
        await pilot.press("escape")
        assert app.view.selected is None


async def test_what_is_too_long_for_a_clipboard_is_not_cut_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(("x" * 79 + "\n") * 5_000)
    app = LogApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("v", "g", "y")
        assert not app.copied
        assert any(note.title == "Too long to copy" for note in app._notifications)


async def test_text_selected_by_mouse_is_copied(path: Path) -> None:
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("g")
        await pilot.mouse_down(LogView, offset=(5, 1))
        await pilot.hover(LogView, offset=(5, 2))
        await pilot.mouse_up(LogView, offset=(5, 2))
        await pilot.pause()
        await pilot.press("y")
        assert app.copied and app.copied[-1].startswith("2 loss 0.2\nstep")


async def test_save_writes_the_bytes_and_never_over_a_file(path: Path, tmp_path: Path) -> None:
    app = LogApp(path)
    target = tmp_path / "kept" / "copy.log"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await _type(pilot, "D", str(target))
        await _until(pilot, lambda: any("Saved as" in n.message for n in app._notifications))
        assert target.read_bytes() == path.read_bytes()
        await _type(pilot, "D", str(target))
        assert any(n.title == "The file is there already" for n in app._notifications)


async def test_a_large_log_can_be_read_at_both_ends_at_once_and_searched(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d of many\n" % n for n in range(1, 400_001)))
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.screen_text()[-1] == "line 400000 of many"
        await pilot.press("g")
        assert app.screen_text()[0] == "line 1 of many"
        await _until(pilot, lambda: "of 400,000" in app.status)
        await _type(pilot, "slash", "line 234567 ")
        await _until(pilot, lambda: "1 of 1" in app.status)
        assert any(text == "line 234567 of many" for text in app.screen_text())


async def test_the_text_in_sight_stays_when_the_lines_before_it_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    short, long = b"a\n" * 300_000, b"".join(b"%d %s\n" % (n, b"x" * 90) for n in range(20_000))
    path.write_bytes(short + long)
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("k", "k", "k")
        before = app.screen_text()
        await _until(pilot, lambda: app.view.document.settled)
        await pilot.pause()
        assert app.screen_text() == before
        assert app.status.startswith("line 319,997 of 320,000")


async def test_states_can_be_told_apart_without_colour(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LogApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("g")
        await _type(pilot, "slash", "step 1")
        await _until(pilot, lambda: "1 of 12" in app.status)
        first, other = (next(iter(app.view.render_line(y))).style for y in (0, 9))
        assert first and first.reverse
        assert other and other.underline and not other.reverse
