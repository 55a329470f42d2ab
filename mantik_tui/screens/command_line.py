"""The line after `:`, with what it could become above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mantik_tui.screens.commands import Suggestion, suggestions
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.line_block import Line, LineBlock
from mantik_tui.widgets.one_line import ACCENT_KEY, STRONG

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp

_SHOWN = 8


class CommandLine(ModalScreen[str | None]):
    """Asks for a command at the bottom of the screen. The result is the line, or None for Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("tab", "complete", "complete", show=False, priority=True),
        Binding("down,ctrl+n", "choose(1)", "next", show=False, priority=True),
        Binding("up,ctrl+p", "choose(-1)", "previous", show=False, priority=True),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._input = Input(text, select_on_focus=False, compact=True, id="command-text")
        self._input.cursor_blink = False
        self._block = LineBlock(id="command-suggestions")
        self._found: list[Suggestion] = []
        self._chosen = -1

    def compose(self) -> ComposeResult:
        with Vertical(id="command-line"):
            yield self._block
            with Horizontal(id="command-row"):
                yield Static(" :", id="command-sign")
                yield self._input

    def on_mount(self) -> None:
        self._input.focus()
        self._input.action_end()
        self._suggest()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._chosen = -1
        self._suggest()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        chosen = self._found[self._chosen].text if self._chosen >= 0 else event.value
        self.dismiss(chosen)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_complete(self) -> None:
        """Take the chosen suggestion, else the first, and go on typing."""
        if self._found:
            self._input.value = self._found[max(0, self._chosen)].text + " "
            self._input.action_end()

    def action_choose(self, step: int) -> None:
        if self._found:
            self._chosen = (self._chosen + step) % len(self._found)
            self._paint()

    def _suggest(self) -> None:
        self._found = suggestions(cast("MantikApp", self.app), self._input.value, _SHOWN)
        self._paint()

    def _paint(self) -> None:
        lines: list[Line] = []
        for number, item in enumerate(self._found):
            is_chosen = number == self._chosen
            sign = " ▸ " if is_chosen else "   "
            tone = STRONG if is_chosen else ACCENT_KEY
            lines.append((((sign, Tone.ACCENT), (f"{item.text:<24}  ", tone), (item.words, Tone.MUTED)), ()))  # fmt: skip
        self._block.show(lines)
