"""How one row of a log looks: severity, matches and selection as styles over its text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mantik_tui.widgets.log_text import width_of

Span = tuple[int, int, Style]

_SEVERE = re.compile(
    r"\b(?:(ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*(?:Error|Exception)(?=:)|slurmstepd: error|Killed)"
    r"|(WARN(?:ING)?|\w*Warning(?=:)))\b"
)
_SCANNED = 200
"""Characters at the start of a line in which its severity is looked for."""


@dataclass(frozen=True, slots=True)
class LogStyles:
    """Styles of the view, taken from its component classes."""

    base: Style
    error: Style
    warning: Style
    dim: Style
    match: Style
    current: Style
    selected: Style


@dataclass(frozen=True, slots=True)
class Piece:
    """One row of the screen: a part of the text of one row of the log, from character `start` on."""

    row: int
    text: str
    start: int = 0
    known: bool = True


def line_style(text: str, styles: LogStyles) -> Style:
    """Style of a whole line by its severity."""
    found = _SEVERE.search(text, 0, _SCANNED)
    if found is None:
        return styles.base
    return styles.error if found.group(1) else styles.warning


def paint(
    piece: Piece, base: Style, spans: Iterable[Span], left: int, width: int, dim: Style
) -> Strip:
    """The strip of one screen row: `width` cells of the piece from cell `left` on, later spans over earlier ones.

    Text that goes on beyond the right edge is marked there.
    """
    segments = _segments(piece.text, piece.start, base, spans)
    strip = Strip(segments, width_of(piece.text))
    more = strip.cell_length > left + width and width > 1
    strip = strip.crop_extend(left, left + width - (1 if more else 0), base)
    return Strip([*strip, Segment("›", base + dim)], width) if more else strip


def _segments(text: str, start: int, base: Style, spans: Iterable[Span]) -> list[Segment]:
    """Segments of `text`; spans count from the start of the whole line, of which `text` begins at `start`."""
    shifted = [
        (max(0, a - start), min(len(text), b - start), style)
        for a, b, style in spans
        if b > start and a - start < len(text)
    ]
    if not shifted:
        return [Segment(text, base)]
    edges = sorted({0, len(text), *(a for a, _, _ in shifted), *(b for _, b, _ in shifted)})
    segments = []
    for low, high in pairwise(edges):
        style = base
        for a, b, over in shifted:
            if a <= low and high <= b:
                style += over
        segments.append(Segment(text[low:high], style))
    return segments
