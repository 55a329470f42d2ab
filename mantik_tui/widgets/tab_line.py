"""One line of tabs with the number that opens each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import OneLine, Part, parts_width

_ACTIVE = "key"


class TabLine(OneLine):
    """` 1 [params 10] 2 metrics 4 `: the open one stands out, figures beside a name say how much is in it."""

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
        """Where all do not fit, the figures go first, then the tabs before the open one."""
        tabs = [self._tab(number, with_count=True) for number in range(len(self.names))]
        if parts_width([part for tab in tabs for part in tab]) > width:
            tabs = [self._tab(number, with_count=False) for number in range(len(self.names))]
        first = 0
        while (
            first < self.active
            and parts_width([p for tab in tabs[first:] for p in tab]) > width - 2
        ):
            first += 1
        parts: list[Part] = [("‹", Tone.MUTED)] if first else []
        self._ends = [-1] * first
        for tab in tabs[first:]:
            parts += tab
            self._ends.append(parts_width(parts))
        return parts, ()

    def _tab(self, number: int, *, with_count: bool) -> list[Part]:
        is_active = number == self.active
        name = self.names[number]
        count = self._counts.get(name, "") if with_count else ""
        number_part: Part = (f" {number + 1} " if is_active else f" {number + 1}", Tone.MUTED)
        if is_active:
            return [number_part, (f"[{name}{f' {count}' if count else ''}]", _ACTIVE)]
        return [
            number_part,
            (f" {name} ", Tone.PLAIN),
            (f"{count} " if count else "", Tone.MUTED),
        ]

    def on_click(self, event: events.Click) -> None:
        for number, end in enumerate(self._ends):
            if event.x < end:
                self.post_message(self.Clicked(number))
                return
