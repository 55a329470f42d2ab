"""A few lines of styled text, each with a left and a right end; only what changed is repainted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from mantik_tui.domain.text import clean
from mantik_tui.widgets.columns import Tone, fit_text
from mantik_tui.widgets.one_line import STYLES, Part, parts_width

Line: TypeAlias = tuple[Sequence[Part], Sequence[Part]]
"""Left and right part of a line."""

RULE = "─"


class LineBlock(Widget):
    """Lines as given to `show`; as high as they are many, unless the style says otherwise."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"one-line--{name}" for name in STYLES}
    DEFAULT_CSS = "LineBlock { height: auto; width: 1fr; }"

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = tuple(lines)

    @property
    def text(self) -> str:
        """What stands there, line by line."""
        return "\n".join(
            "".join(text for text, _tone in left) + "".join(text for text, _tone in right)
            for left, right in self._lines
        )

    def show(self, lines: Sequence[Line]) -> None:
        before, self._lines = self._lines, tuple(lines)
        if len(before) != len(self._lines):
            self.refresh(layout=True)
            return
        changed = [
            Region(0, y, self.size.width, 1)
            for y, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new
        ]
        if changed:
            self.refresh(*changed)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport, width
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        left, right = self._lines[y]
        room = width - parts_width(right)
        segments: list[Segment] = []
        for text, tone in left:
            style = (
                base if tone == Tone.PLAIN else self.get_component_rich_style(f"one-line--{tone}")
            )
            text = clean(text, keep_newlines=False).replace("\t", " ")
            used = sum(segment.cell_length for segment in segments)
            if used >= room:
                break
            if used + Segment(text).cell_length > room:
                text = fit_text(text, room - used)
            segments.append(Segment(text, style))
        strip = Strip(segments).adjust_cell_length(max(0, room), base)
        ends = [
            Segment(
                clean(text, keep_newlines=False),
                base if tone == Tone.PLAIN else self.get_component_rich_style(f"one-line--{tone}"),
            )
            for text, tone in right
        ]
        return Strip([*strip, *ends]).adjust_cell_length(width, base)


def rule(title: str, width: int) -> Line:
    """` ─ title ─────`, as wide as the block."""
    head = f" {RULE} "
    tail = RULE * max(2, width - len(head) - len(title) - 2)
    return ([(head, Tone.MUTED), (title, "strong"), (f" {tail}", Tone.MUTED)], ())
