"""Which part of a log is in sight: the first row shown and what follows it, wrapped or cut. No widgets here."""

from __future__ import annotations

from mantik_tui.widgets.log_document import LogDocument
from mantik_tui.widgets.log_paint import Piece
from mantik_tui.widgets.log_text import width_of, wrap_cells

UNKNOWN = "…"
"""Stands for a line whose place in the file is not counted yet."""

Place = tuple[int, int]
"""A row, and the piece of it where it is wrapped."""


class Viewport:
    """A window of `width` x `height` cells on a document. All moves keep it inside."""

    def __init__(self, document: LogDocument) -> None:
        self.document = document
        self.width = 0
        self.height = 0
        self.wrap = False
        self.left = 0
        """First cell shown of each row; always 0 when wrapped."""
        self.row = 0
        self.sub = 0
        self._rows = document.rows

    @property
    def place(self) -> Place:
        return self.row, self.sub

    def wrapped(self, row: int) -> list[str]:
        """The text of a row as the screen rows it takes."""
        text = self.document.text(row)
        if text is None:
            return [UNKNOWN]
        return wrap_cells(text, self.width) if self.wrap else [text]

    def end(self) -> Place:
        """The first place from which everything up to the last line is in sight."""
        rows = self.document.rows
        if not self.wrap:
            return max(0, rows - self.height), 0
        left = self.height
        for row in range(rows - 1, -1, -1):
            taken = len(self.wrapped(row))
            if taken >= left:
                return row, taken - left
            left -= taken
        return 0, 0

    @property
    def at_end(self) -> bool:
        return self.place >= self.end()

    def go(self, row: int, sub: int = 0) -> None:
        self.row, self.sub = min(max((row, sub), (0, 0)), self.end())
        self._rows = self.document.rows

    def move(self, steps: int) -> None:
        """Go down by `steps` screen rows, or up where negative."""
        if not self.wrap:
            self.go(self.row + steps)
            return
        row, sub = self.row, self.sub + steps
        while sub < 0 and row > 0:
            row -= 1
            sub += len(self.wrapped(row))
        last = self.document.rows - 1
        while row < last and sub >= (taken := len(self.wrapped(row))):
            sub -= taken
            row += 1
        self.go(row, max(0, sub))

    def follow_estimate(self) -> None:
        """Stay at the same text when the estimated number of rows before it changed."""
        index = self.document.index
        moved = self.document.rows - self._rows
        if (
            moved
            and index is not None
            and not self.document.filter
            and self.row > index.head.newlines
        ):
            self.row += moved
        self.go(self.row, self.sub)

    def pieces(self) -> list[Piece]:
        """What stands on the screen, from the top; shorter than `height` where the log is."""
        pieces: list[Piece] = []
        rows = self.document.rows
        row = self.row
        while len(pieces) < self.height and row < rows:
            start = 0
            for sub, text in enumerate(self.wrapped(row)):
                if row > self.row or sub >= self.sub:
                    pieces.append(Piece(row, text, start, known=text is not UNKNOWN))
                start += len(text)
            row += 1
        return pieces[: self.height]

    def last_row(self) -> int:
        """The last row of which something is in sight; -1 in an empty log."""
        if not self.wrap:
            return min(self.document.rows, self.row + self.height) - 1
        pieces = self.pieces()
        return pieces[-1].row if pieces else -1

    def show(self, row: int, column: int = 0) -> None:
        """Bring a row into sight, a third of the window from the top if it was outside."""
        if not self.row + (1 if self.sub else 0) <= row <= self.last_row():
            self.go(row)
            self.move(-(self.height // 3))
        if self.wrap:
            self.left = 0
        elif not self.left <= column < self.left + max(1, self.width - 8):
            self.left = max(0, column - self.width // 2)

    def widest(self) -> int:
        """Cells of the longest row in sight."""
        return max((width_of(piece.text) for piece in self.pieces()), default=0)
