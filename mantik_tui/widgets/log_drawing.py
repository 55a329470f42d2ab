"""The rows of a log as strips. What was drawn before in the same look is kept, so a followed log costs little."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from mantik_tui.widgets.log_document import LogDocument
from mantik_tui.widgets.log_finder import Finder
from mantik_tui.widgets.log_paint import LogStyles, Piece, Span, line_style, paint
from mantik_tui.widgets.log_viewport import Viewport


@dataclass(frozen=True, slots=True)
class Look:
    """What a row's appearance depends on, its text, the search and the filter aside."""

    styles: LogStyles
    lines: tuple[int, int] | None
    """Rows selected by key."""
    text: Selection | None
    """Text selected by mouse."""
    text_style: Style


class LogDrawing:
    """Draws what the viewport shows."""

    def __init__(self, document: LogDocument, viewport: Viewport, finder: Finder) -> None:
        self.document = document
        self.viewport = viewport
        self.finder = finder
        self._pieces: list[Piece] | None = None
        self._drawn_with: object = None
        self._strips: dict[Piece, Strip] = {}

    def forget(self) -> None:
        """Lay out anew before the next row is drawn."""
        self._pieces = None

    def strip(self, y: int, look: Look) -> Strip | None:
        """Row `y` of the screen; None below the end of the log."""
        if self._pieces is None:
            self._pieces = self._lay_out(look)
        if y >= len(self._pieces):
            return None
        piece = self._pieces[y]
        found = self._strips.get(piece)
        if found is None:
            found = self._strips[piece] = self._paint(piece, look)
        return found

    def words(self, text: str, look: Look) -> Strip:
        """A row of words in place of the log."""
        styles = look.styles
        base = styles.base + styles.dim
        return paint(Piece(-1, text), base, (), 0, self.viewport.width, styles.dim)

    def _lay_out(self, look: Look) -> list[Piece]:
        pieces = self.viewport.pieces()
        document, view = self.document, self.viewport
        key = (
            look,
            (view.left, view.width, view.wrap),
            (document.search and document.search.pattern, self.finder.hit),
            document.filter and document.filter.pattern,
        )
        kept = self._strips if key == self._drawn_with else {}
        self._drawn_with = key
        self._strips = {piece: kept[piece] for piece in pieces if piece in kept}
        return pieces

    def _paint(self, piece: Piece, look: Look) -> Strip:
        styles, view = look.styles, self.viewport
        text = (self.document.text(piece.row) or "") if view.wrap else piece.text
        base = line_style(text, styles) if piece.known else styles.base + styles.dim
        if look.lines is not None and min(look.lines) <= piece.row <= max(look.lines):
            base += styles.selected
        left = 0 if view.wrap else view.left
        spans = self._spans(piece.row, text, look)
        strip = paint(piece, base, spans, left, view.width, styles.dim)
        return strip.apply_offsets(left + piece.start, piece.row)

    def _spans(self, row: int, text: str, look: Look) -> list[Span]:
        spans: list[Span] = []
        if (search := self.document.search) is not None:
            hit = self.finder.hit
            here = hit is not None and self.document.row_of(hit.offset) == row
            style = look.styles.current if here else look.styles.match
            spans += [(*span, style) for span in search.pattern.spans(text)]
        elif (lines := self.document.filter) is not None:
            spans += [(*span, look.styles.match) for span in lines.pattern.spans(text)]
        if look.text is not None and (span := look.text.get_span(row)):
            start, end = span
            spans.append((start, len(text) if end < 0 else end, look.text_style))
        return spans
