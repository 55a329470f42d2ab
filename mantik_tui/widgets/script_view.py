"""A text to read in a window of its own: the job script, a diff. Escape closes it, `y` copies all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mantik_tui.domain.text import clean
from mantik_tui.widgets.bindings import bindings_for

_FRAME = 8
"""Lines around the text: title, hint, blanks, and what stays in sight of the screen below."""
MAX_COPY = 74_000
"""Characters; terminals drop longer OSC 52 sequences without a word."""


class ScriptView(ModalScreen[None]):
    """Lines of text, as they are; `is_diff` colours added and removed ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "close", show=False),
        Binding("y", "copy", "copy", show=False),
        *bindings_for("move"),
    ]

    def __init__(
        self, title: str, lines: Iterable[str], *, hint: str = "", is_diff: bool = False
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(clean(line, keep_newlines=False) for line in lines)
        self._hint = hint or "j k g G move, y copies, esc closes"
        self._is_diff = is_diff
        self._pane = VerticalScroll(id="script-pane", can_focus=False)

    @property
    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -text"):
            yield Static(Content(clean(self._title)), classes="dialog-title")
            with self._pane:
                yield Static(self._content(), id="script-text")
            yield Static(Content(self._hint), classes="dialog-hint")

    def on_resize(self, event: events.Resize) -> None:
        wanted = len(self._lines) + 1  # a line for the scrollbar
        self._pane.styles.height = max(3, min(wanted, event.size.height - _FRAME))

    def _content(self) -> Content:
        if not self._is_diff:
            return Content("\n".join(self._lines))
        return Content("\n").join(Content.styled(line, _diff_style(line)) for line in self._lines)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        if len(self.text) > MAX_COPY:
            self.app.notify(f"Too long for the clipboard: {len(self.text):,} characters", severity="warning")  # fmt: skip
            return
        self.app.copy_to_clipboard(self.text)
        self.app.notify(f"{self._title} copied: {len(self._lines)} lines", timeout=3)

    # ------------------------------------------------------------ moving

    def _by(self, lines: int) -> None:
        self._pane.scroll_relative(y=lines, animate=False)

    def action_cursor_down(self) -> None:
        self._by(1)

    def action_cursor_up(self) -> None:
        self._by(-1)

    def action_go_top(self) -> None:
        self._pane.scroll_home(animate=False)

    def action_go_bottom(self) -> None:
        self._pane.scroll_end(animate=False)

    def action_half_page_down(self) -> None:
        self._by(self._pane.size.height // 2)

    def action_half_page_up(self) -> None:
        self._by(-(self._pane.size.height // 2))

    def action_go_page_down(self) -> None:
        self._by(self._pane.size.height)

    def action_go_page_up(self) -> None:
        self._by(-self._pane.size.height)

    def action_go_right(self) -> None:
        self._pane.scroll_relative(x=8, animate=False)

    def action_go_left(self) -> None:
        self._pane.scroll_relative(x=-8, animate=False)


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "$text-muted"
    if line.startswith("+"):
        return "$text-success"
    return "$text-error" if line.startswith("-") else ""
