"""Lines of braille dots on a grid of terminal cells, 2 x 4 dots a cell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

_LEFT = (0x01, 0x02, 0x04, 0x40)
_RIGHT = (0x08, 0x10, 0x20, 0x80)
_BRAILLE = 0x2800

Dot = tuple[int, int]


def _span_masks(bits: tuple[int, ...]) -> list[list[int]]:
    """masks[a][b]: the dots a to b of one side of a cell."""
    return [[sum(bits[a : b + 1]) for b in range(4)] for a in range(4)]


_MASKS = (_span_masks(_LEFT), _span_masks(_RIGHT))


class Canvas:
    """`width` x `height` cells; dots count from the upper left.

    A cell has one colour. Where several lines meet in it, neighbouring cells belong to them in turn, so that none
    hides the others.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        self.dots = bytearray(self.width * self.height)
        self.owners = [0] * (self.width * self.height)
        """Bit k: line k drew in the cell."""

    def column(self, x: int, y0: int, y1: int, owner: int) -> None:
        """A vertical line of dots; what lies outside is left out."""
        if y0 > y1:
            y0, y1 = y1, y0
        y0, y1 = max(0, y0), min(4 * self.height - 1, y1)
        if y0 > y1 or not 0 <= x < 2 * self.width:
            return
        masks = _MASKS[x & 1]
        bit = 1 << owner
        top, bottom = y0 >> 2, y1 >> 2
        at = top * self.width + (x >> 1)
        for row in range(top, bottom + 1):
            first = y0 & 3 if row == top else 0
            last = y1 & 3 if row == bottom else 3
            self.dots[at] |= masks[first][last]
            self.owners[at] |= bit
            at += self.width

    def line(self, points: Sequence[Dot], owner: int) -> None:
        """Connected dots from point to point. Points ascend in x."""
        if len(points) == 1:
            self.column(points[0][0], points[0][1], points[0][1], owner)
        for (x0, y0), (x1, y1) in pairwise(points):
            self._stroke(x0, y0, x1, y1, owner)

    def _stroke(self, x0: int, y0: int, x1: int, y1: int, owner: int) -> None:
        across = x1 - x0
        if across <= 0:
            self.column(x0, y0, y1, owner)
            return
        last = 2 * self.width - 1
        at = y0
        for x in range(x0, x1 + 1):
            # Each column goes to the middle between its own height and that of the next one.
            after = y1 if x == x1 else y0 + round((y1 - y0) * (x - x0 + 0.5) / across)
            if 0 <= x <= last:
                self.column(x, at, after, owner)
            at = after

    def row(self, y: int) -> Iterable[tuple[str, int]]:
        """(character, line) of each cell of a row; a space and -1 where nothing was drawn."""
        start = y * self.width
        for x in range(self.width):
            bits = self.dots[start + x]
            if not bits:
                yield " ", -1
                continue
            yield chr(_BRAILLE + bits), _in_turn(self.owners[start + x], x)

    def topmost(self, x: int, owner: int) -> int | None:
        """The highest row in which line `owner` drew in cell column `x`, best one in which no other did."""
        if not 0 <= x < self.width:
            return None
        bit = 1 << owner
        column = self.owners[x :: self.width]
        rows = [y for y, owners in enumerate(column) if owners & bit]
        return min(rows, key=lambda y: (column[y] != bit, y), default=None)


def _in_turn(owners: int, place: int) -> int:
    """One of the lines in the bit set, another one for each place."""
    if owners & (owners - 1) == 0:
        return owners.bit_length() - 1
    members = [k for k in range(owners.bit_length()) if owners >> k & 1]
    return members[place % len(members)]
