"""Turns one row of a table into a line of styled text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mantik_tui.domain.text import clean
from mantik_tui.widgets.columns import GAP, GUTTER, Layout, Tone, fit_text, more_words
from mantik_tui.widgets.one_line import clip

RowT = TypeVar("RowT")

CURSOR_SIGN = "▸"
MARK_SIGN = "◆"
_GONE = "(no longer there)"


class RowPainter(Generic[RowT]):
    """Paints lines of one table. `style_of` maps the last part of a component class to a style."""

    def __init__(self, style_of: Callable[[str], Style]) -> None:
        self._style_of = style_of
        self._styles: dict[str, Style] = {}

    def forget_styles(self) -> None:
        self._styles.clear()

    def style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self._style_of(name)
        return style

    def row(
        self, row: RowT | None, layout: Layout[RowT], width: int, *, cursor: bool, marked: bool
    ) -> Strip:
        """One row. The cursor's row has one style for all cells, so that a move costs few bytes."""
        base = self.style("cursor" if cursor else "row")
        sign = (CURSOR_SIGN if cursor else " ") + (MARK_SIGN if marked else " ")
        sign_style = base if cursor or not marked else base + self.style("mark")
        parts: list[tuple[str, Style]] = [(sign, sign_style), (" ", base)]
        if row is None:
            parts.append((_GONE, base + self.style(Tone.MUTED)))
        else:
            gap = ""
            for placed in layout.placed:
                column = placed.column
                text = fit_text(column.cell(row), placed.width, right=column.numeric)
                tone = Tone.PLAIN if cursor else column.tone(row)
                style = base if tone is Tone.PLAIN else base + self.style(tone)
                parts.append((gap, base))
                parts.append((text, style))
                gap = " " * GAP
        return _strip(parts, width, base)

    def header(
        self, layout: Layout[RowT], width: int, sort: str, descending: bool, *, has_rows: bool
    ) -> tuple[Strip, tuple[tuple[int, str], ...]]:
        """The header line, and for each column where it ends and its id, to find what was clicked."""
        base = self.style("header")
        strong = base + self.style("sorted")
        gutter = f"‹{layout.hidden_left}" if layout.hidden_left and has_rows else ""
        parts: list[tuple[str, Style]] = [(gutter.ljust(GUTTER)[:GUTTER], base)]
        ends: list[tuple[int, str]] = []
        at, gap = GUTTER, ""
        for placed in layout.placed:
            column = placed.column
            is_sorted = column.id == sort
            sign = (" ▼" if descending else " ▲") if is_sorted else ""
            title = fit_text(column.title + sign, placed.width, right=column.numeric)
            parts += [(gap, base), (title, strong if is_sorted else base)]
            at += len(gap) + placed.width
            ends.append((at, column.id))
            gap = " " * GAP
        more = _more(layout, parts, width) if has_rows else ""
        strip = _strip(parts, width, base)
        if more:
            end = Strip([Segment(more, base + self.style(Tone.MUTED))])
            strip = Strip.join([strip.crop(0, width - len(more)), end])
        return strip, tuple(ends)

    def line(self, text: str, width: int, tone: Tone = Tone.MUTED) -> Strip:
        """A line that is not a row: blank, or the words of an empty table."""
        base = self.style("row")
        style = base + self.style(tone) if text else base
        words = clip(clean(text, keep_newlines=False), width - GUTTER - 1)
        return _strip([(" " * GUTTER, base), (words, style)], width, base)


def _more(layout: Layout[RowT], parts: Sequence[tuple[str, Style]], width: int) -> str:
    """`2 more ›` for columns further right, shorter where the titles leave no room for it."""
    titles = "".join(text for text, _style in parts).rstrip()
    room = width - cell_len(titles)
    for words in (more_words(layout.hidden_right), f" {layout.hidden_right}›", " ›"):
        if layout.hidden_right and len(words) <= room:
            return words
    return ""


def _strip(parts: Sequence[tuple[str, Style]], width: int, base: Style) -> Strip:
    """A strip of exactly `width` cells. Neighbours of one style become one segment: each segment costs some 40 bytes.

    Blanks join what stands before them, since all styles of a line have its background.
    """
    used = sum(cell_len(part) for part, _style in parts)
    segments: list[Segment] = []
    text, style = "", base
    for part, part_style in (*parts, (" " * (width - used), base)):
        if part_style == style or part.isspace() or not part:
            text += part
            continue
        if text:
            segments.append(Segment(text, style))
        text, style = part, part_style
    segments.append(Segment(text, style))
    return Strip(segments, max(used, width)).crop(0, width)
