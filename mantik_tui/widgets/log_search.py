"""Search and line filter over a log of any size: hits are counted for each block, and listed again where they are shown.

Only counts are kept, 4 or 8 bytes a block, so that a word found ten million times costs no more memory than a rare one.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mantik_tui.domain.errors import BadInput
from mantik_tui.widgets.log_index import BLOCK, CHUNK, INLINE, Cancelled, LogFile
from mantik_tui.widgets.log_regex import Regex, Span, TooSlow, is_quick, line_spans
from mantik_tui.widgets.log_text import state_start

MARGIN: Final = 1 << 13
"""Bytes looked at on either side of a block, so that lines and hits on its edges are seen whole."""
REGEX_PREFIX: Final = "re:"

Progress = Callable[[], None]
Buffer = bytes | bytearray


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for. Made by `compile_pattern`."""

    text: str
    """As typed."""
    needle: bytes
    """Plain text to find, in lower case where case is ignored; empty for a regular expression."""
    ignore_case: bool
    in_bytes: re.Pattern[bytes]
    in_text: re.Pattern[str]
    guarded: Regex | None = None
    """For expressions that might take for ever: they are only asked through it."""

    @property
    def too_slow(self) -> bool:
        """It took too long once, and is not asked any more."""
        return self.guarded is not None and self.guarded.too_slow

    def spans(self, text: str) -> list[Span]:
        """Where it occurs in a line of text."""
        return self.guarded.in_line(text) if self.guarded else line_spans(self.in_text, text)

    def hits(self, data: Buffer, start: int, end: int) -> list[int]:
        """Offsets in `data` of hits that start in [start, end), those in overwritten parts of a line left out.

        Empty once the expression was too slow.
        """
        found = self._plain(data, start, end) if self.needle else self._regex(data, start, end)
        if found and b"\r" in data:
            found = [at for at in found if _is_shown(data, at)]
        return found

    def _plain(self, data: Buffer, start: int, end: int) -> list[int]:
        needle, step = self.needle, len(self.needle)
        if self.ignore_case:
            data = data.lower()
        limit = end + step - 1
        found = []
        at = data.find(needle, start, limit)
        while at >= 0:
            found.append(at)
            at = data.find(needle, at + step, limit)
        return found

    def _regex(self, data: Buffer, start: int, end: int) -> list[int]:
        if b"\r" in data:
            # Each state of a redrawn line is a line of its own to ^, $ and the dot.
            data = data.replace(b"\r", b"\n")
        # From the start of the line on, so that a hit that crosses a block's edge is not found again behind it.
        line = data.rfind(b"\n", 0, start) + 1
        if self.guarded is not None:
            try:
                return [at for at, _ in self.guarded.spans(data, line, start, end)]
            except TooSlow:
                return []
        return [
            match.start()
            for match in self.in_bytes.finditer(data, line)
            if start <= match.start() < end and match.end() > match.start()
        ]

    def count(self, data: Buffer, start: int, end: int) -> int:
        """How many `hits` there are; faster, since plain text is counted without listing it."""
        if self.needle and b"\r" not in data:
            text = data.lower() if self.ignore_case else data
            return text.count(self.needle, start, end + len(self.needle) - 1)
        return len(self.hits(data, start, end))

    def absent(self, data: Buffer) -> bool:
        """True only where there is no hit in all of `data`."""
        if not self.needle:
            data = data.replace(b"\r", b"\n") if b"\r" in data else data
            if self.guarded is not None:
                try:
                    return not self.guarded.occurs(data)
                except TooSlow:
                    return True
            return self.in_bytes.search(data) is None
        return self.needle not in (data.lower() if self.ignore_case else data)


def compile_pattern(text: str) -> Pattern:
    """Plain text, or a regular expression after `re:`. Case counts only if a capital letter is in it.

    Letters beyond ASCII are always compared exactly. Raises BadInput for an expression that can't be read.
    """
    is_regex = text.startswith(REGEX_PREFIX)
    body = text[len(REGEX_PREFIX) :] if is_regex else text
    if not body:
        raise BadInput(
            "Nothing to search for", "the pattern is empty", "type a text, or re: and an expression"
        )
    ignore = body == body.lower() and body.upper() != body
    source = body if is_regex else re.escape(body)
    flags = re.MULTILINE | (re.IGNORECASE if ignore else 0)
    try:
        in_text = re.compile(source, flags)
        in_bytes = re.compile(source.encode(), flags)
    except (re.error, OverflowError, RecursionError) as error:
        hint = "without re: the text is searched as it is"
        raise BadInput("The regular expression can't be read", str(error), hint) from error
    guarded = Regex(source, flags) if is_regex and not is_quick(source) else None
    return Pattern(text, b"" if is_regex else body.encode(), ignore, in_bytes, in_text, guarded)


def _is_shown(data: Buffer, at: int) -> bool:
    end = data.find(b"\n", at)
    end = len(data) if end < 0 else end
    return state_start(data, at, end) == at


def _blocks(size: int) -> int:
    return -(-size // BLOCK)


def _region(file: LogFile, start: int, end: int, size: int) -> tuple[int, bytes]:
    """(offset, bytes) of a part of the file with its margins."""
    base = max(0, start - MARGIN)
    return base, file.read(base, min(size, end + MARGIN) - base)


def _regions(file: LogFile, first: int, last: int, size: int) -> Iterator[tuple[int, int, bytes]]:
    """(block, offset, bytes) for each chunk of blocks in [first, last), with margins."""
    step = CHUNK // BLOCK
    for block in range(first, last, step):
        base, data = _region(file, block * BLOCK, min(block + step, last) * BLOCK, size)
        yield block, base, data


class _BlockCache:
    """Lists of offsets for the blocks that are in use."""

    def __init__(self, keep: int = 24) -> None:
        self._keep = keep
        self._lists: OrderedDict[int, list[int]] = OrderedDict()

    def get(self, block: int, make: Callable[[int], list[int]]) -> list[int]:
        found = self._lists.get(block)
        if found is None:
            found = self._lists[block] = make(block)
            if len(self._lists) > self._keep:
                self._lists.popitem(last=False)
        return found

    def clear(self) -> None:
        self._lists.clear()


@dataclass(frozen=True, slots=True)
class Jump:
    """Where the next hit lies (byte offset), and whether the search went round the end or the start of the file."""

    offset: int
    wrapped: bool


PENDING: Final = Jump(-1, False)
"""The part of the file that decides has not been searched yet."""


class Search:
    """All hits of one pattern in one log."""

    def __init__(self, file: LogFile, pattern: Pattern, size: int) -> None:
        self.file = file
        self.pattern = pattern
        self.size = size
        self.scanning = False
        self.counts = array("i", [-1]) * _blocks(size)
        """Hits that start in each block; -1: not searched yet."""
        self._again: int | None = None
        """First block to search again, since the file grew under a running scan."""
        self._cache = _BlockCache()

    @property
    def complete(self) -> bool:
        return -1 not in self.counts

    @property
    def total(self) -> int:
        """Hits found so far."""
        return sum(count for count in self.counts if count > 0)

    def scan(
        self, first: int, file: LogFile, cancelled: Cancelled, progress: Progress = lambda: None
    ) -> None:
        """Count hits from block `first` to the end, then from the start. `progress` is told of the first hit."""
        told = False
        last = len(self.counts)
        for begin, end in ((min(first, last), last), (0, min(first, last))):
            if -1 not in self.counts[begin:end]:
                continue
            for block, base, data in _regions(file, begin, end, self.size):
                if cancelled():
                    return
                found = self._count_blocks(block, min(block + CHUNK // BLOCK, end), base, data)
                if found and not told:
                    told = True
                    progress()

    def _count_blocks(self, first: int, last: int, base: int, data: bytes) -> int:
        absent = self.pattern.absent(data)
        total = 0
        for block in range(first, last):
            if self.counts[block] < 0:
                at = block * BLOCK - base
                self.counts[block] = (
                    0 if absent else self.pattern.count(data, at, min(at + BLOCK, len(data)))
                )
            total += self.counts[block]
        return total

    def grow(self, size: int) -> None:
        """Take in what was appended; not `complete` any more where that is a lot or a scan runs."""
        changed = max(0, self.size - MARGIN) // BLOCK
        self.size = size
        self.counts.extend([-1] * (_blocks(size) - len(self.counts)))
        self._cache.clear()
        if self.scanning:
            self._again = changed if self._again is None else min(self._again, changed)
            return
        self._forget(changed)
        if (len(self.counts) - changed) * BLOCK <= INLINE:
            self.scan(changed, self.file, lambda: False)

    def _forget(self, first: int) -> None:
        for block in range(first, len(self.counts)):
            self.counts[block] = -1

    def finish(self) -> None:
        """Called once `scan` has returned in its thread."""
        self.scanning = False
        if self._again is not None:
            self._forget(self._again)
            self._again = None

    def _hits(self, block: int) -> list[int]:
        return self._cache.get(block, self._list_hits)

    def _list_hits(self, block: int) -> list[int]:
        base, data = _region(self.file, block * BLOCK, (block + 1) * BLOCK, self.size)
        at = block * BLOCK - base
        return [base + hit for hit in self.pattern.hits(data, at, min(at + BLOCK, len(data)))]

    def after(self, offset: int) -> Jump | None:
        """The first hit that starts at `offset` or later, round the end if need be; None: there is none at all."""
        return self._seek(offset, forward=True)

    def before(self, offset: int) -> Jump | None:
        """The last hit that starts before `offset`, round the start if need be."""
        return self._seek(offset, forward=False)

    def _seek(self, offset: int, *, forward: bool) -> Jump | None:
        blocks = len(self.counts)
        if not blocks:
            return None
        here = min(max(offset, 0) // BLOCK, blocks - 1)
        step = 1 if forward else -1
        # The block of `offset` comes twice: the part on this side first, the rest after going round.
        for turn in range(blocks + 1):
            block = here + step * turn
            wrapped = not 0 <= block < blocks
            block %= blocks
            if self.counts[block] < 0:
                return PENDING
            if not self.counts[block]:
                continue
            hits = self._hits(block)
            wrapped = wrapped or turn == blocks
            if turn == 0:
                hits = [at for at in hits if (at >= offset if forward else at < offset)]
            if hits:
                return Jump(hits[0] if forward else hits[-1], wrapped)
        return None

    def place(self, offset: int) -> int | None:
        """The 1-based number of the hit at `offset`; None until all before it are counted."""
        block = offset // BLOCK
        before = self.counts[:block]
        if -1 in before or block >= len(self.counts):
            return None
        return sum(before) + bisect_right(self._hits(block), offset)


class LineFilter:
    """The lines that have a hit, with `context` lines around each. Rows count from 0."""

    def __init__(self, file: LogFile, pattern: Pattern, size: int, context: int = 0) -> None:
        self.file = file
        self.pattern = pattern
        self.size = size
        self.context = context
        self.scanning = False
        self.cum = array("Q", [0])
        """`cum[k]`: rows that start in the first `k` blocks."""
        self._again: int | None = None
        self._cache = _BlockCache()

    @property
    def complete(self) -> bool:
        return len(self.cum) > _blocks(self.size)

    @property
    def count(self) -> int:
        return self.cum[-1]

    @property
    def done_percent(self) -> int:
        return 100 * (len(self.cum) - 1) // max(1, _blocks(self.size))

    def scan(self, file: LogFile, cancelled: Cancelled, progress: Progress = lambda: None) -> None:
        """Find the rows of all blocks that have not been looked at."""
        told = self.count
        last = _blocks(self.size)
        for block, base, data in _regions(file, len(self.cum) - 1, last, self.size):
            if cancelled():
                return
            absent = self.pattern.absent(data)
            for at in range(block, min(block + CHUNK // BLOCK, last)):
                rows = 0 if absent else len(self._rows_of(at, base, data))
                self.cum.append(self.cum[-1] + rows)
            if (told < 200 and self.count > told) or block % 2048 == 0:
                told = self.count
                progress()

    def grow(self, size: int) -> None:
        """Take in what was appended; not `complete` any more where that is a lot or a scan runs."""
        changed = max(0, self.size - MARGIN) // BLOCK
        self.size = size
        self._cache.clear()
        if self.scanning:
            self._again = changed if self._again is None else min(self._again, changed)
            return
        del self.cum[changed + 1 :]
        if size - changed * BLOCK <= INLINE:
            self.scan(self.file, lambda: False)

    def finish(self) -> None:
        """Called once `scan` has returned in its thread."""
        self.scanning = False
        if self._again is not None:
            del self.cum[self._again + 1 :]
            self._again = None
            self._cache.clear()

    def start_of(self, row: int) -> int | None:
        """Byte offset at which the line in this row begins."""
        if not 0 <= row < self.count:
            return None
        k = bisect_left(self.cum, row + 1)
        rows = self._cache.get(k - 1, self._list_rows)
        place = row - self.cum[k - 1]
        return rows[place] if place < len(rows) else None

    def row_at(self, offset: int) -> int:
        """The last row whose line begins at or before `offset`; 0 where there is none."""
        block = min(offset // BLOCK, len(self.cum) - 2)
        if block < 0:
            return 0
        rows = self._cache.get(block, self._list_rows)
        return max(0, min(self.cum[block] + bisect_right(rows, offset), self.count) - 1)

    def _list_rows(self, block: int) -> list[int]:
        # The same bytes as in `scan`: margins of a chunk and of a block differ only beyond the lines concerned.
        base, data = _region(self.file, block * BLOCK, (block + 1) * BLOCK, self.size)
        return self._rows_of(block, base, data)

    def _rows_of(self, block: int, base: int, data: bytes) -> list[int]:
        """Offsets in the file of the rows that start in `block`; `data` is what lies from `base` on."""
        # Cut to the margins of this one block, so that counting and listing always see the same bytes.
        low = max(0, block * BLOCK - MARGIN - base)
        high = min(len(data), (block + 1) * BLOCK + MARGIN - base)
        part = data[low:high]
        base += low
        starts: list[int] = []
        for hit in self.pattern.hits(part, 0, len(part)):
            start = part.rfind(b"\n", 0, hit) + 1
            if not starts or start != starts[-1]:
                starts.append(start)
        if self.context:
            starts = _with_context(part, starts, self.context)
        first, last = block * BLOCK - base, (block + 1) * BLOCK - base
        # A start of 0 is a line's start only at the top of the file: elsewhere the line begins before the margin.
        return [base + at for at in starts if first <= at < last and (at or not base)]


def _with_context(part: bytes, starts: list[int], context: int) -> list[int]:
    if not starts:
        return []
    lines = [0, *(match.end() for match in re.finditer(b"\n", part) if match.end() < len(part))]
    wanted: set[int] = set()
    for start in starts:
        place = bisect_left(lines, start)
        wanted.update(range(max(0, place - context), min(len(lines), place + context + 1)))
    return [lines[place] for place in sorted(wanted)]
