"""Top line, status line and key line: what they say, at which width, and that they are silent without a change."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.screen import Screen

from mantik_tui.domain.text import clean
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.frame import (
    KeyHint,
    KeyLine,
    Place,
    Status,
    StatusLine,
    TopLine,
    key_hints,
)
from mantik_tui.widgets.one_line import OneLine, shorten
from mantik_tui.widgets.virtual_table import VirtualTable
from tests.support.table_app import BASE_STYLES, COLUMNS, CountingSource

NOW = 1_763_992_800_000
PLACE = Place(("wind power ensemble", "runs"), "hpc-group @ mlflow.example", "live", Tone.GOOD)


class _Runs(Screen[None]):
    BINDINGS = bindings_for("runs")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if action == "compare" else True

    def compose(self) -> ComposeResult:
        yield TopLine(PLACE)
        yield VirtualTable(COLUMNS, CountingSource(range(10)))
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(VirtualTable).focus()


class FrameApp(App[None]):
    CSS_PATH = [BASE_STYLES]
    BINDINGS = bindings_for("app")

    def on_mount(self) -> None:
        self.push_screen(_Runs())


def text_of(line: OneLine) -> str:
    return line.render_line(0).text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
async def test_the_frame_fits_any_width(width: int) -> None:
    app = FrameApp()
    async with app.run_test(size=(width, 24)) as pilot:
        await pilot.pause()
        for line in app.screen.query(OneLine).results(OneLine):
            assert line.render_line(0).cell_length == width
        top = text_of(app.screen.query_one(TopLine))
        assert "live" in top
        assert top.startswith(" mantik ▸ ")
        assert text_of(app.screen.query_one(KeyLine)).rstrip().endswith("? help")


async def test_what_is_narrow_loses_the_workspace_before_the_place() -> None:
    app = FrameApp()
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.pause()
        top = text_of(app.screen.query_one(TopLine))
        assert "wind power ensemble ▸ runs" in top
        assert "hpc-group" not in top


async def test_a_long_path_keeps_its_ends() -> None:
    app = FrameApp()
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        line.show(Place(("x" * 40, "y" * 40, "log"), connection="offline", tone=Tone.WARN))
        top = text_of(line)
        assert "log" in top
        assert "…" in top
        assert "offline" in top


async def test_a_detail_takes_the_place_of_the_workspace_beside_the_connection() -> None:
    app = FrameApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        line.show(Place(("wind", "quick-otter-31"), "w", "live", Tone.GOOD, "RUNNING on juwels"))
        assert text_of(line).rstrip().endswith("RUNNING on juwels  ● live")


@pytest.mark.parametrize("width", [30, 40, 60, 80])
async def test_a_long_name_and_a_long_note_leave_place_and_connection_in_sight(width: int) -> None:
    app = FrameApp()
    async with app.run_test(size=(width, 10)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        path = ("a project with a rather long name", "quick-otter-with-a-long-name-31")
        note = "RUNNING on a-site-with-a-name"
        line.show(Place(path, "w", "offline", Tone.WARN, note))
        text = text_of(line)
        place, _, _rest = text.partition(" RUN" if " RUN" in text else " ●")
        assert place.startswith(" ") and place.rstrip().endswith("31")
        assert text.rstrip().endswith("● offline")
        assert (" RUN" in text) == (width >= 40)
        assert len(text) == width


async def test_a_short_place_keeps_the_programs_name_beside_a_long_note() -> None:
    app = FrameApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        note = "1 needs you · 1 waiting · 0 done today"
        line.show(Place(("outbox",), "w", "engine is off", Tone.WARN, note))
        assert text_of(line).startswith(" mantik ▸ outbox  ")
        assert text_of(line).rstrip().endswith(f"{note}  ● engine is off")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_what_is_unsent_wins_over_the_reason_why(width: int) -> None:
    app = FrameApp()
    async with app.run_test(size=(width, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(StatusLine)
        reason = "127.0.0.1:5000 does not answer: connection refused, and it was asked three times"
        jobs = (("running", 2), ("queued", 1))
        line.show(Status(NOW, NOW, jobs, 3, 1, notice=reason, notice_tone=Tone.WARN))
        text = text_of(line)
        assert "3 writes pending · 1 needs you " in text
        assert len(text) == width
        if width >= 60:
            assert "127.0.0.1" in text
            assert text.rstrip().endswith("…")


async def test_the_status_line_names_the_host_that_sends() -> None:
    app = FrameApp()
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(StatusLine)
        line.show(Status(NOW, NOW, pending_writes=1, sender="jwlogin08"))
        assert "1 write pending · jwlogin08 sends" in text_of(line)


async def test_the_status_line_says_how_things_stand() -> None:
    app = FrameApp()
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(StatusLine)
        assert text_of(line).strip() == "not read yet"
        line.show(
            Status(
                as_of_ms=NOW,
                now_ms=NOW,
                jobs=(("running", 2), ("queued", 1), ("suspended", 0)),
                pending_writes=1,
                need_person=1,
                progress="reading runs, 4,500 of 10,000",
                notice="copied 31 characters",
            )
        )
        text = text_of(line)
        assert "as of " in text
        assert " · 2 running 1 queued · 1 write pending · 1 needs you · reading runs, 4,500" in text
        assert text.rstrip().endswith("copied 31 characters")


async def test_the_same_again_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FrameApp()
    async with app.run_test(size=(80, 24)) as pilot:
        line = app.screen.query_one(StatusLine)
        line.show(Status(NOW, NOW, (("running", 2),)))
        app.screen.query_one(TopLine).show(PLACE)
        await pilot.pause()
        asked: list[object] = []
        monkeypatch.setattr(OneLine, "refresh", lambda self, *a, **k: asked.append(self))
        line.show(Status(NOW, NOW + 30_000, (("running", 2),)))
        app.screen.query_one(TopLine).show(Place(*(getattr(PLACE, n) for n in PLACE.__slots__)))
        app.screen.query_one(KeyLine).show(app.screen.query_one(KeyLine).hints)
        app.screen.refresh_bindings()
        await pilot.pause()
        assert asked == []
        line.show(Status(NOW, NOW, (("running", 1),)))
        assert asked == [line]


async def test_the_key_line_shows_the_keys_of_the_focus_with_the_greyed_ones() -> None:
    app = FrameApp()
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        hints = app.screen.query_one(KeyLine).hints
        assert hints[0] == KeyHint("enter", "open")
        assert KeyHint("c", "compare", enabled=False) in hints
        assert hints[-1] == KeyHint("?", "help")
        text = text_of(app.screen.query_one(KeyLine))
        assert "enter open  s submit  r run again" in text.replace("   ", "  ")


async def test_the_key_line_shows_the_keys_that_the_user_chose() -> None:
    app = FrameApp()
    async with app.run_test(size=(120, 24)) as pilot:
        app.set_keymap({"submit": "ctrl+t", "cursor-down": "n"})
        await pilot.pause()
        assert KeyHint("ctrl+t", "submit") in key_hints(app.screen)
        await pilot.press("n")
        assert app.screen.query_one(VirtualTable).cursor_position == 1


async def test_names_from_elsewhere_are_harmless() -> None:
    app = FrameApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        line.show(Place(("\x1b[31mevil\x1b]0;t\x07\nname",)))
        assert line.render_line(0).cell_length == 80
        assert text_of(line).startswith(" mantik ▸ evil name")


async def test_joined_emojis_cut_no_line() -> None:
    app = FrameApp()
    name = "wind \U0001f469\u200d\U0001f52c \u2600\ufe0f \U0001f44d\U0001f3fd power"
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        line.show(Place((clean(name), "runs"), "w", "live", Tone.GOOD))
        assert line.render_line(0).cell_length == 80
        text = text_of(line)
        assert "power ▸ runs" in text
        assert text.rstrip().endswith("● live")
        assert "\u200d" not in text and "\ufe0f" not in text
        assert sum(map(cell_len, text)) == 80, "sign by sign, as a plain terminal counts"


def test_shorten_cuts_the_middle() -> None:
    assert shorten("calm-heron-12", 20) == "calm-heron-12"
    assert shorten("calm-heron-12", 9) == "calm…n-12"
    assert shorten("x", 0) == ""
