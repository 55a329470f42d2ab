"""One line of tabs with the number that opens each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG, OneLine, Part

_ACTIVE = "key"


class TabLine(OneLine):
    """` 1 params  2 metrics 14 ─────`: the open one stands out, figures beside a name say how much is in it."""

    DEFAULT_CSS = "TabLine { height: 1; }"

    @dataclass
    class Clicked(Message):
        """A tab was clicked."""

        number: int
        """From 0."""

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.names = tuple(names)
        self.active = 0
        self._counts: dict[str, str] = {}
        self._ends: list[int] = []

    def show(self, active: int, counts: dict[str, str] | None = None) -> None:
        """Open another tab; `counts` are short figures by name."""
        self.active = active
        if counts is not None:
            self._counts = counts
        self.repaint_if_changed()

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        del width
        parts: list[Part] = []
        self._ends = []
        at = 0
        for number, name in enumerate(self.names):
            count = self._counts.get(name, "")
            is_active = number == self.active
            label = f"[{name}]" if is_active else f" {name} "
            pieces: list[Part] = [
                (f" {number + 1}", Tone.MUTED),
                (label, _ACTIVE if is_active else Tone.PLAIN),
                (f"{count} " if count else "", STRONG if is_active else Tone.MUTED),
            ]
            parts += pieces
            at += sum(len(text) for text, _ in pieces)
            self._ends.append(at)
        return parts, ()

    def on_click(self, event: events.Click) -> None:
        for number, end in enumerate(self._ends):
            if event.x < end:
                self.post_message(self.Clicked(number))
                return
