"""A line of styled text that is repainted only when it looks different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mantik_tui.domain.text import clean
from mantik_tui.widgets.columns import Tone

Part = tuple[str, str]
"""Text and how it looks: a `Tone`, or another name from `STYLES`."""

ACCENT_KEY = "key"
STRONG = "strong"
STYLES = (*Tone, STRONG, ACCENT_KEY, "disabled")


class OneLine(Widget):
    """Base of lines of one cell's height: subclasses say in `parts` what stands left and right for a given width."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"one-line--{name}" for name in STYLES}
    DEFAULT_CSS = """
    OneLine { height: 1; width: 1fr; }
    """

    _shown: tuple[Sequence[Part], Sequence[Part]] = ((), ())

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        """What stands at the left and at the right; together they should fit in `width` cells."""
        raise NotImplementedError

    def repaint_if_changed(self) -> None:
        """Repaint if `parts` gives something else than what is on the screen."""
        if self.parts(self.size.width) != self._shown:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y > 0:
            return Strip.blank(width, base)
        self._shown = left, right = self.parts(width)
        right_width = parts_width(right)
        left_segments = self._segments(left)
        strip = Strip(left_segments).adjust_cell_length(max(0, width - right_width), base)
        return Strip([*strip, *self._segments(right)]).adjust_cell_length(width, base)

    def _segments(self, parts: Sequence[Part]) -> list[Segment]:
        base = self.rich_style
        return [
            Segment(
                clean(text, keep_newlines=False).replace("\t", " "),
                base if name == Tone.PLAIN else self.get_component_rich_style(f"one-line--{name}"),
            )
            for text, name in parts
            if text
        ]


def parts_width(parts: Sequence[Part]) -> int:
    """Cells that parts take."""
    return sum(cell_len(text) for text, _name in parts)


def short_name(text: str, width: int = 40) -> str:
    """A name from elsewhere on one line and in at most `width` cells; names may hold line breaks, tabs, and much text."""
    return shorten(" ".join(clean(text, keep_newlines=False).split()), width)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` cells, its middle cut out: names differ at both ends."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head = (width - 1) // 2
    tail = text[-(width - 1 - head) :]
    while cell_len(tail) > width - 1 - head:
        tail = tail[1:]
    return set_cell_size(text, head) + "…" + tail


def path_tail(path: str, width: int) -> str:
    """A path in at most `width` cells, its outer folders left out: `…/wind-power-forecast`."""
    if cell_len(path) <= width:
        return path
    tail = path
    while tail and cell_len(tail) > width - 1:
        tail = tail[1:]
    whole = tail[tail.find("/") :] if "/" in tail[:-1] else tail
    return ("…" + whole)[:width] if width > 0 else ""


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells, its end cut off: sentences begin with what matters."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""
