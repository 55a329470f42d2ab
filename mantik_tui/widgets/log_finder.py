"""Going from match to match while the search may still be running. No widgets here."""

from __future__ import annotations

from mantik_tui.widgets.log_document import LogDocument
from mantik_tui.widgets.log_regex import CHUNK_S
from mantik_tui.widgets.log_search import PENDING, Jump
from mantik_tui.widgets.one_line import short_name

TOO_SLOW = f"stopped: it needs more than {CHUNK_S:g} s for 256 kB"


class Finder:
    """Knows the match that was reached last and the one that is wanted next."""

    def __init__(self, document: LogDocument) -> None:
        self.document = document
        self.hit: Jump | None = None
        self.forward = True
        self.wanted: int | None = None
        """A jump from this byte on that waits for the search or for the index."""

    @property
    def text(self) -> str:
        return self.document.search.pattern.text if self.document.search else ""

    def want(self, offset: int, *, forward: bool) -> None:
        self.wanted = offset
        self.forward = forward

    def advance(self) -> int | None:
        """The row of the wanted match, once it is known; else None."""
        search = self.document.search
        if self.wanted is None or search is None:
            return None
        jump = search.after(self.wanted) if self.forward else search.before(self.wanted)
        if jump is PENDING:
            return None
        if jump is None:
            self.hit = self.wanted = None
            return None
        row = self.document.row_of(jump.offset)
        if row is None:
            return None
        self.hit = jump
        self.wanted = None
        return row

    @property
    def count(self) -> int | None:
        """Matches in the whole log; None while the search runs."""
        search = self.document.search
        return search.total if search is not None and search.complete else None

    @property
    def at(self) -> int | None:
        """Number of the match that was reached last, from 1."""
        search = self.document.search
        return search.place(self.hit.offset) if search is not None and self.hit else None

    def words(self) -> str:
        """`/loss 3 of 17, from the top again`; empty without a search."""
        search = self.document.search
        if search is None:
            return ""
        if search.pattern.too_slow:
            return f"/{short_name(search.pattern.text, 24)} {TOO_SLOW}"
        count, at = self.count, self.at
        if count is None:
            found = search.total
            state = f"{found:,} so far …" if found else "searching …"
        elif not count:
            state = "not found"
        else:
            state = f"{at:,} of {count:,}" if at else f"{count:,} found"
        if self.hit is not None and self.hit.wrapped:
            state += ", from the top again" if self.forward else ", from the end again"
        return f"/{search.pattern.text} {state}"
