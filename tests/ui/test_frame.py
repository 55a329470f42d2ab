"""Top line, status line and key line: what they say, at which width, and that they are silent without a change."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.screen import Screen

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


async def test_a_detail_takes_the_place_of_workspace_and_connection() -> None:
    app = FrameApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        line = app.screen.query_one(TopLine)
        line.show(Place(("wind", "quick-otter-31"), "w", "live", Tone.ACCENT, "RUNNING on juwels"))
        assert text_of(line).rstrip().endswith("RUNNING on juwels")


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


def test_shorten_cuts_the_middle() -> None:
    assert shorten("calm-heron-12", 20) == "calm-heron-12"
    assert shorten("calm-heron-12", 9) == "calm…n-12"
    assert shorten("x", 0) == ""
