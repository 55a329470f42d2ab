"""Columns of a table: what a cell shows, and which columns fit a given width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from rich.cells import cell_len, set_cell_size

from mantik_tui.domain.text import clean

RowT = TypeVar("RowT")

GUTTER = 3
"""Cells on the left of each row: cursor, mark, space."""
GAP = 2
"""Cells between two columns."""
_A_BIT = 8
_MORE_SIGN = len(" ›")


class Tone(StrEnum):
    """What a piece of text means; the theme decides how that looks. The words carry the meaning, the tone only helps."""

    PLAIN = "plain"
    MUTED = "muted"
    ACCENT = "accent"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


def _always_plain(_row: object) -> Tone:
    return Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Column(Generic[RowT]):
    """One column. `priority` 0 always stays; of the others the highest number is the first to go when space is short."""

    id: str
    title: str
    cell: Callable[[RowT], str]
    width: int
    """Cells that the column gets at least, its title's sort sign included."""
    priority: int = 1
    numeric: bool = False
    """Right-aligned."""
    max_width: int = 0
    """Up to how many cells it may grow when there is spare width; 0 keeps it at `width`."""
    tone: Callable[[RowT], Tone] = _always_plain
    unless_same: bool = False
    """Where space is short the first to go if all rows in sight have the same in it."""
    fill: bool = False
    """Takes whatever width is left after all others; at most one column, usually the last, for long text."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[RowT]):
    """A column with the width it has on the screen."""

    column: Column[RowT]
    width: int


@dataclass(frozen=True, slots=True)
class Layout(Generic[RowT]):
    """The columns on the screen, left to right, and how many there are besides."""

    placed: tuple[Placed[RowT], ...]
    hidden_left: int
    hidden_right: int

    @property
    def hidden(self) -> int:
        return self.hidden_left + self.hidden_right


class Sight(Generic[RowT]):
    """What the columns showed so far: how wide it was, and whether it was always the same."""

    def __init__(self) -> None:
        self.widths: dict[str, int] = {}
        """Cells of the widest text of each column."""
        self._only: dict[str, str] = {}
        self._several: set[str] = set()
        self._rows = 0

    @property
    def same(self) -> frozenset[str]:
        """Columns in which all rows agree."""
        return frozenset(self._only) - self._several if self._rows > 1 else frozenset()

    def look(self, columns: Sequence[Column[RowT]], rows: Sequence[RowT]) -> None:
        """Take in some rows."""
        self._rows += len(rows)
        for column in columns:
            for row in rows:
                text = column.cell(row)
                if self._only.setdefault(column.id, text) != text:
                    self._several.add(column.id)
                if len(text) > self.widths.get(column.id, 0):
                    self.widths[column.id] = len(text)


def fit_columns(
    columns: Sequence[Column[RowT]],
    width: int,
    first: int = 0,
    keep: str = "",
    sight: Sight[RowT] | None = None,
) -> Layout[RowT]:
    """Which of `columns` are shown in `width` cells.

    At rest (`first` 0) the least important columns drop until the rest fits; the column named `keep` (the sorted one)
    stays. Scrolled right (`first` > 0) nothing is dropped for its rank: the first column stays, then come the others
    from number `first` on, as many as fit. So each column can be reached at any width. With `sight` spare width goes
    first to what would be cut.
    """
    if not columns:
        return Layout((), 0, 0)
    room = max(1, width - GUTTER)
    widths = sight.widths if sight else {}
    same = sight.same if sight else frozenset()
    if first > 0:
        return _scrolled(columns, room, min(first, max_first(columns, width)), widths)
    chosen = list(columns)
    while len(chosen) > 1 and _total(chosen) > room:
        droppable = [c for c in chosen[1:] if c.priority > 0 and c.id != keep]
        if not droppable:
            break
        least = max(
            droppable, key=lambda c: (c.unless_same and c.id in same, c.priority, chosen.index(c))
        )
        chosen.remove(least)
    while len(chosen) > 1 and _total(chosen) > room:
        others = [column for column in chosen[1:] if column.id != keep]
        chosen.remove(others[-1] if others else chosen[-1])
    hidden = len(columns) - len(chosen)
    return Layout(_share_out(chosen, room, hidden, widths), 0, hidden)


def more_words(hidden_right: int) -> str:
    """What stands at the header's right end where there are more columns; empty where there are none."""
    return f" {hidden_right} more ›" if hidden_right else ""


def max_first(columns: Sequence[Column[RowT]], width: int) -> int:
    """How far the columns can be scrolled right: the first offset at which the last column is in sight."""
    room = max(1, width - GUTTER)
    if _total(columns) <= room:
        return 0
    first = len(columns) - 1
    while first > 1 and _total([columns[0], *columns[first - 1 :]]) <= room:
        first -= 1
    return first


def _scrolled(
    columns: Sequence[Column[RowT]], room: int, first: int, widths: Mapping[str, int]
) -> Layout[RowT]:
    shown = [columns[0]]
    for column in columns[first:]:
        if len(shown) > 1 and _total([*shown, column]) > room:
            break
        shown.append(column)
    hidden = len(columns) - first - len(shown) + 1
    return Layout(_share_out(shown, room, hidden, widths), first - 1, hidden)


def _total(columns: Sequence[Column[RowT]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _share_out(
    columns: Sequence[Column[RowT]], room: int, hidden: int, wanted: Mapping[str, int]
) -> tuple[Placed[RowT], ...]:
    """Give spare width to columns whose text would be cut, then to those that may grow, from the left; take missing
    width from the right. Where columns are hidden, the words that say so get their room."""
    widths = [column.width for column in columns]
    spare = room - _total(columns)
    if hidden and 0 <= spare < _MORE_SIGN:
        _make_room(columns, widths, _MORE_SIGN - spare, wanted)
        spare = 0
    elif spare > 0:
        spare = max(0, spare - len(more_words(hidden)))
    for index, column in enumerate(columns):
        # As wide as the text, but no wider than it may grow; where nothing is said about that, a bit.
        most = max(column.max_width, column.width + _A_BIT)
        extra = min(spare, max(0, min(wanted.get(column.id, 0), most) - column.width))
        if extra > 0 and not column.fill:
            widths[index] += extra
            spare -= extra
    for index, column in enumerate(columns):
        extra = min(spare, max(0, column.max_width - widths[index]))
        if extra > 0:
            widths[index] += extra
            spare -= extra
    if spare > 0:
        for index, column in enumerate(columns):
            if column.fill:
                widths[index] += spare
                break
    for index in range(len(widths) - 1, -1, -1):
        if spare >= 0:
            break
        taken = min(-spare, widths[index] - 1)
        widths[index] -= taken
        spare += taken
    return tuple(Placed(column, width) for column, width in zip(columns, widths, strict=True))


def _make_room(
    columns: Sequence[Column[RowT]], widths: list[int], cells: int, wanted: Mapping[str, int]
) -> None:
    """Take a few cells from the column whose text needs its width least."""

    def spared(index: int) -> int:
        column = columns[index]
        return widths[index] - max(wanted.get(column.id, widths[index]), cell_len(column.title))

    most = max(range(len(widths)), key=lambda index: (spared(index), widths[index]))
    widths[most] = max(1, widths[most] - cells)


def fit_text(text: str, width: int, *, right: bool = False) -> str:
    """`text`, cleaned, on one line, in exactly `width` cells; what is cut ends with `…`."""
    if not (text.isascii() and text.isprintable()):
        text = clean(text, keep_newlines=False).replace("\t", " ")
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        if width <= 1:
            return "…"[:width]
        return set_cell_size(text, width - 1) + "…"
    if length == width:
        return text
    return " " * (width - length) + text if right else text + " " * (width - length)


def with_titles(columns: Sequence[Column[RowT]]) -> tuple[Column[RowT], ...]:
    """`columns`, each at least as wide as its title and a sort sign, up to 24 cells."""
    return tuple(
        replace(column, width=max(column.width, min(24, cell_len(column.title) + 2)))
        for column in columns
    )
