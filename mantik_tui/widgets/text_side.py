"""The text of a backend config beside the form: typed freely, and changed line by line from the fields."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import TextArea

_TAKEN = ("f6", "f7")
"""Keys of the text area that mean something else on the screens of this program."""


class TextSide(TextArea, inherit_bindings=False):
    """A text area without blinking, long lines wrapped, in which tab leaves and F-keys stay the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in TextArea.BINDINGS
        if isinstance(binding, Binding) and binding.key not in _TAKEN
    ]

    def __init__(self, text: str, *, id: str | None = None) -> None:
        super().__init__(text, compact=True, show_line_numbers=True, soft_wrap=True, id=id)
        self.cursor_blink = False

    def take_text(self, text: str) -> None:
        """Show another text by changing only what differs, so that cursor and undo stay useful. Says nothing."""
        before = self.text
        if text == before:
            return
        start, end_before, end_after = _span(before, text)
        with self.prevent(TextArea.Changed):
            self.replace(
                text[start:end_after], _location(before, start), _location(before, end_before)
            )
            if self.text != text:  # line breaks of another kind
                self.load_text(text)

    def go_to_line(self, line: int) -> None:
        """Put the cursor at the start of a line, counted from 1, and the focus here."""
        last = max(0, self.document.line_count - 1)
        row = min(max(0, line - 1), last)
        text = self.document.get_line(row)
        self.focus()
        self.move_cursor((row, len(text) - len(text.lstrip())), center=True)


def _span(before: str, after: str) -> tuple[int, int, int]:
    """Where two texts begin to differ, and where they end to, in each."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < shorter - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return start, len(before) - tail, len(after) - tail


def _location(text: str, index: int) -> tuple[int, int]:
    line = text.count("\n", 0, index)
    return line, index - (text.rfind("\n", 0, index) + 1)
