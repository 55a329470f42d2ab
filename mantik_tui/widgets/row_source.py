"""Where a table's rows come from: an order of row ids, and a way to read the rows of some of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

from mantik_tui.domain.errors import MantikError

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)

PAGE = 128
"""Rows read at once."""
PAGES_KEPT = 8

_Page: TypeAlias = list[tuple[int, RowT | None]]


class RowSource(Protocol[RowT_co]):
    """Any number of rows in a fixed order. `rows` is called while painting: it must answer within a few milliseconds."""

    @property
    def complete(self) -> bool:
        """False while more ids may still be appended."""
        ...

    def __len__(self) -> int: ...

    def ids(self, start: int, stop: int) -> Sequence[int]:
        """Row ids at the positions `start` to `stop` (excluded, may lie beyond the end)."""
        ...

    def rows(self, ids: Sequence[int]) -> Sequence[RowT_co | None]:
        """One row for each id, None for one that is gone. Raises `MantikError` when they can't be read now."""
        ...

    def position(self, row_id: int, near: int = 0) -> int | None:
        """Where `row_id` stands, None if it is not in the order; `near` is where it was last seen."""
        ...


class IdSource(Generic[RowT]):
    """A source over an array of 64-bit row ids (8 MB for a million) and a function that reads rows by id.

    `read` may answer in any order and leave out rows that are gone. `append` and `finish` let the order grow: show the
    first few hundred at once, then append what a worker found, in the UI thread, and call the table's `source_grew`.
    """

    def __init__(
        self,
        ids: array[int],
        read: Callable[[Sequence[int]], Iterable[RowT]],
        row_id: Callable[[RowT], int],
        *,
        complete: bool = True,
    ) -> None:
        self._ids = ids
        self._read = read
        self._row_id = row_id
        self._complete = complete

    @property
    def complete(self) -> bool:
        return self._complete

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, start: int, stop: int) -> Sequence[int]:
        return self._ids[max(0, start) : stop]

    def rows(self, ids: Sequence[int]) -> Sequence[RowT | None]:
        by_id = {self._row_id(row): row for row in self._read(ids)}
        return [by_id.get(row_id) for row_id in ids]

    def position(self, row_id: int, near: int = 0) -> int | None:
        start = max(0, near - PAGE)
        nearby = self._ids[start : near + PAGE]
        try:
            if row_id in nearby:
                return start + nearby.index(row_id)
            return self._ids.index(row_id)
        except ValueError:
            return None

    def append(self, more: array[int], *, complete: bool = False) -> None:
        """Add ids at the end of the order; `complete` says that nothing follows."""
        self._ids.extend(more)
        self._complete = complete

    def replace_tail(self, whole: array[int]) -> None:
        """Take `whole` as the complete order; it begins with what is there already."""
        self._ids = whole
        self._complete = True


class ListSource(Generic[RowT]):
    """A source over rows that are all in memory; for lists of at most some thousands."""

    complete = True

    def __init__(self, rows: Sequence[RowT], row_id: Callable[[RowT], int]) -> None:
        self._order = [row_id(row) for row in rows]
        self._by_id = dict(zip(self._order, rows, strict=True))

    def __len__(self) -> int:
        return len(self._order)

    def ids(self, start: int, stop: int) -> Sequence[int]:
        return self._order[max(0, start) : stop]

    def rows(self, ids: Sequence[int]) -> Sequence[RowT | None]:
        return [self._by_id.get(row_id) for row_id in ids]

    def position(self, row_id: int, near: int = 0) -> int | None:
        if row_id not in self._by_id:
            return None
        if self._order[near : near + 1] == [row_id]:
            return near
        return self._order.index(row_id)


class PageCache(Generic[RowT]):
    """The pages of a source that were read last, so that a screenful costs at most two reads.

    When a page can't be read, what was there before stays in sight, `error` says why, and `retry` allows the next try.
    """

    def __init__(self, source: RowSource[RowT]) -> None:
        self.source = source
        self.error: MantikError | None = None
        self._pages: dict[int, _Page[RowT]] = {}
        self._stale: set[int] = set()

    def at(self, position: int) -> tuple[int, RowT | None]:
        """Id and row at `position`, which must be within the source."""
        number, offset = divmod(position, PAGE)
        page = self._pages.get(number)
        if page is None or number in self._stale or offset >= len(page):
            page = self._load(number)
        return page[offset]

    def drop(self, ids: set[int]) -> None:
        """Read the pages that hold one of `ids` again when they are next needed."""
        self._stale.update(
            number
            for number, page in self._pages.items()
            if any(row_id in ids for row_id, _row in page)
        )

    def retry(self) -> None:
        """Read everything again when it is next needed."""
        self._stale.update(self._pages)

    def _load(self, number: int) -> _Page[RowT]:
        ids = self.source.ids(number * PAGE, (number + 1) * PAGE)
        before = self._pages.pop(number, [])
        try:
            page = list(zip(ids, self.source.rows(ids), strict=True))
            self.error = None
        except MantikError as error:
            self.error = error
            known = dict(before)
            page = [(row_id, known.get(row_id)) for row_id in ids]
        while len(self._pages) >= PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        self._pages[number] = page
        self._stale.discard(number)
        return page
