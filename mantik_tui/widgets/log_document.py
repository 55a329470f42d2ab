"""A log file as rows of text: all its lines, or those that pass a filter. No widgets here.

A row is a place in what is shown, a line a place in the file; they differ only while a filter is on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from mantik_tui.domain.text import clean, size
from mantik_tui.widgets.log_index import BLOCK, Cancelled, LineIndex, LogFile
from mantik_tui.widgets.log_search import LineFilter, Progress, Search, compile_pattern
from mantik_tui.widgets.log_text import display_text

_CACHED_LINES = 400


class Change(StrEnum):
    """What happened to the file since the last look."""

    NONE = "none"
    GROWN = "grown"
    RESTARTED = "restarted"
    """It is another file, or it lost what was already shown; all is read anew."""


class LogDocument:
    """Opens the file at once if it is there; `problem` says in words why there is nothing to show."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.problem = ""
        self.index: LineIndex | None = None
        self.search: Search | None = None
        self.filter: LineFilter | None = None
        self._texts: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._open()

    def _open(self) -> None:
        self.index = None
        self.problem = ""
        if self.path is None:
            return
        try:
            self.index = LineIndex(LogFile(self.path))
        except FileNotFoundError:
            return
        except OSError as error:
            self.problem = f"The log can't be read: {(error.strerror or str(error)).lower()}."

    def close(self) -> None:
        if self.index is not None:
            self.index.file.close()
            self.index = None

    def look(self) -> Change:
        """Take in what was appended since the last look."""
        if self.index is None:
            self._open()
            return Change.NONE if self.index is None else Change.RESTARTED
        before = self.index.size
        try:
            if self.index.grow():
                if self.index.size == before:
                    return Change.NONE
                for part in (self.search, self.filter):
                    if part is not None:
                        part.grow(self.index.size)
                return Change.GROWN
        except OSError as error:
            self.problem = f"The log can't be read: {(error.strerror or str(error)).lower()}."
            return Change.NONE
        self._restart()
        return Change.RESTARTED

    def _restart(self) -> None:
        self.close()
        self._texts.clear()
        self._open()
        if self.index is None:
            self.search = self.filter = None
            return
        if self.search:
            self.search = Search(self.index.file, self.search.pattern, self.index.size)
        if self.filter:
            old = self.filter
            self.filter = LineFilter(self.index.file, old.pattern, self.index.size, old.context)

    # -- rows -------------------------------------------------------------------------------------

    @property
    def lines(self) -> int:
        """Lines in the file; an estimate until `settled`."""
        return self.index.count if self.index else 0

    @property
    def settled(self) -> bool:
        """All lines are counted."""
        return self.index is None or self.index.complete

    @property
    def rows(self) -> int:
        return self.filter.count if self.filter else self.lines

    def start_of(self, row: int) -> int | None:
        """Byte offset at which the line in this row begins; None while that part is not counted."""
        if self.index is None:
            return None
        if self.filter:
            return self.filter.start_of(row)
        span = self.index.span(row)
        return span[0] if span else None

    def line_of(self, row: int) -> int | None:
        """Number of the line in this row, from 0."""
        if self.index is None or not self.filter:
            return row
        start = self.filter.start_of(row)
        return None if start is None else self.index.line_at(start)

    def row_of(self, offset: int) -> int | None:
        """The row of the line that holds this byte, or the one before it where the filter hides that line."""
        if self.index is None:
            return None
        return self.filter.row_at(offset) if self.filter else self.index.line_at(offset)

    def text(self, row: int) -> str | None:
        """What to show in a row; None while that part of the file is not counted yet."""
        line = self.line_of(row)
        if self.index is None or line is None:
            return None
        span = self.index.span(line)
        if span is None:
            return None
        found = self._texts.get(span)
        if found is not None:
            self._texts.move_to_end(span)
            return found
        raw, left_out = self.index.raw(*span)
        found = display_text(raw)
        if left_out:
            found += f" … {size(left_out)} more"
        self._texts[span] = found
        if len(self._texts) > _CACHED_LINES:
            self._texts.popitem(last=False)
        return found

    @property
    def name(self) -> str:
        """Name of the file, safe to show."""
        return clean(self.path.name, keep_newlines=False) if self.path else ""

    # -- search and filter ------------------------------------------------------------------------

    def start_search(self, text: str) -> None:
        """Look for `text` from now on. Raises BadInput for a pattern that can't be read."""
        pattern = compile_pattern(text)
        self.search = None
        if self.index is not None:
            self.search = Search(self.index.file, pattern, self.index.size)

    def start_filter(self, text: str, context: int = 0) -> None:
        """Show only lines with `text` from now on. Raises BadInput for a pattern that can't be read."""
        pattern = compile_pattern(text)
        self.filter = None
        if self.index is not None:
            self.filter = LineFilter(self.index.file, pattern, self.index.size, max(0, context))

    def jobs(self, search_from: int = 0) -> list[Job]:
        """What is to be counted, searched or filtered and has no thread yet; marked as begun by this call."""
        jobs = []
        index, search, lines = self.index, self.search, self.filter
        if index is not None and not index.complete and not index.building:
            index.building = True
            jobs.append(Job("log-index", index, index.build))
        if search is not None and not search.complete and not search.scanning:
            search.scanning = True
            scan = partial(search.scan, search_from // BLOCK)
            jobs.append(Job("log-search", search, scan))
        if lines is not None and not lines.complete and not lines.scanning:
            lines.scanning = True
            jobs.append(Job("log-filter", lines, lines.scan))
        return jobs

    def ended(self, subject: object) -> None:
        """The thread for this index, search or filter has returned."""
        if isinstance(subject, LineIndex | Search | LineFilter):
            subject.finish()

    def owns(self, subject: object) -> bool:
        """Whether this index, search or filter is still the one in use."""
        return any(subject is mine for mine in (self.index, self.search, self.filter))


@dataclass(frozen=True, slots=True)
class Job:
    """Work for a thread: `work(file, cancelled, progress)`, on a file handle of its own."""

    group: str
    subject: object
    work: Callable[[LogFile, Cancelled, Progress], None]

    def run(self, path: Path, cancelled: Cancelled, progress: Progress) -> None:
        try:
            file = LogFile(path)
        except OSError:
            return  # the file is gone; the next look at it says so
        try:
            self.work(file, cancelled, progress)
        finally:
            file.close()
