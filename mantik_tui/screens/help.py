"""All keys of a screen, made from the table of actions; typing narrows them."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.actions import HelpRow, help_rows
from mantik_tui.screens.base import MantikScreen
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.one_line import ACCENT_KEY
from mantik_tui.widgets.styled_text import BLANK, Line, StyledText, heading, plain

_KEYS = 14
_WORDS = 12


class HelpScreen(MantikScreen):
    """Help for the screen that it was opened from."""

    SCREEN_ID = "help"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("help")

    def __init__(self, about: str) -> None:
        super().__init__()
        self._about = about

    def compose_body(self) -> ComposeResult:
        self._filter = FilterBar(placeholder="words or a key")
        self._text = StyledText(id="help-text")
        yield self._filter
        yield self._text

    def on_mount(self) -> None:
        keys = self.session.settings.keys
        keymap = {name: tuple(part.strip() for part in text.split(",")) for name, text in keys.items()}  # fmt: skip
        self._rows = help_rows(self._about, keymap)
        self._show("")
        self._text.focus()

    def place(self) -> list[str]:
        return [self._about, "help"]

    def action_filter(self) -> None:
        self._filter.open()

    @on(FilterBar.FilterChanged)
    def _narrowed(self, event: FilterBar.FilterChanged) -> None:
        self._show(event.text)

    @on(FilterBar.FilterClosed)
    def _kept(self) -> None:
        self._text.focus()

    def _show(self, text: str) -> None:
        fitting = [row for row in self._rows if _fits(row, text)]
        self._text.show(help_lines(fitting, self._about), from_top=True)
        self._filter.show_hits(Hits(len(fitting), len(self._rows)))


def help_lines(rows: list[HelpRow], about: str) -> list[Line]:
    """Groups with a key, a word, a sentence and the `:` command on each line."""
    lines = [plain("Keys of this screen. The same letter means the same everywhere.", Tone.MUTED)]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += [BLANK, heading(group)]
        command = f"  {row.command}" if row.command else ""
        asks = " Asks first." if row.destructive else ""
        words = row.words if len(row.words) <= _WORDS else f"{row.words[: _WORDS - 1]}…"
        lines.append(
            Line(
                (
                    (f"  {row.keys:<{_KEYS - 2}} ", ACCENT_KEY),
                    (f"{words:<{_WORDS}} ", Tone.PLAIN),
                    (f"{row.help}{asks}", Tone.MUTED),
                    (command, Tone.ACCENT),
                ),
                _KEYS + _WORDS + 2,
            )
        )
    if about in ("runs", "project"):
        lines += [BLANK, heading("Filter"), *_FILTER_LINES]
    if not rows:
        lines.append(plain("Nothing fits.", Tone.MUTED))
    return lines


_FILTER_LINES = [
    plain("  otter              part of a run's name", indent=21),
    plain(
        "  status:failed      also running, finished, queued; a cause such as timeout", indent=21
    ),
    plain("  rmse<0.05  lr=1e-4 a metric or a param by its name", indent=21),
    plain("  user:maria site:juwels experiment:main tags.label:best", indent=21),
    plain("  started<2d         within two days; also ended, with s m h d w", indent=21),
    plain("  a b   a or b   not a   -a", indent=21),
]


def _fits(row: HelpRow, text: str) -> bool:
    words = f"{row.group} {row.words} {row.help} {row.command}".casefold()
    return all(part in words or part in row.keys.casefold().split() for part in text.casefold().split())  # fmt: skip
