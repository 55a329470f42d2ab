"""Where the lines of a log begin, without reading the log: newline counts for each block of 64 KiB.

A file of 1 GB has 16,384 blocks, so the index is 128 kB. The first and the last blocks are counted at once, which is
enough to paint either end; the rest is counted by `LineIndex.build` in a thread. Until then the number of lines is an
estimate, lines near the start are addressed from the start and lines near the end from the end.

The file is read by position (`pread`), never mapped: a mapped file that shrinks kills the process that reads it.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

BLOCK: Final = 1 << 16
SEED_BLOCKS: Final = 4
"""Blocks counted at either end before the first paint."""
CHUNK: Final = 4 * BLOCK
"""Bytes read at once in a thread: small enough to stay in the processor's cache."""
INLINE: Final = 1 << 23
"""Bytes of growth that are counted at once, in the caller: about 5 ms."""
MAX_LINE: Final = 1 << 14
"""Bytes of one line that are shown; of a redrawn line the last ones, of any other the first ones."""

_NEWLINE = re.compile(b"\n")
_CACHED_BLOCKS = 24

Cancelled = Callable[[], bool]


class LogFile:
    """A log opened for reading by position. Raises OSError when it can't be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = path.open("rb", buffering=0)
        stat = os.fstat(self._raw.fileno())
        self.identity = (stat.st_dev, stat.st_ino)

    def size(self) -> int:
        return os.fstat(self._raw.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`; fewer where the file is shorter than it was."""
        return os.pread(self._raw.fileno(), max(0, count), offset) if count > 0 else b""

    def read_into(self, buffer: bytearray, offset: int) -> int:
        return os.preadv(self._raw.fileno(), [buffer], offset)

    def is_current(self) -> bool:
        """Whether the path still names this very file."""
        try:
            stat = self.path.stat()
        except OSError:
            return False
        return (stat.st_dev, stat.st_ino) == self.identity

    def close(self) -> None:
        self._raw.close()


def chunks(file: LogFile, start: int, end: int) -> Iterator[tuple[int, bytearray, int]]:
    """Read `file` from `start` to `end`; yields (offset, buffer, valid bytes). The buffer is used again each time."""
    buffer = bytearray(CHUNK)
    while start < end:
        # A read never crosses a multiple of CHUNK, so that chunks always hold whole blocks.
        want = min(CHUNK - start % CHUNK, end - start)
        got = min(file.read_into(buffer, start), want)
        if not got:
            return
        yield start, buffer, got
        start += got


class NewlineCounts:
    """Running newline counts for consecutive blocks from block `first` on."""

    __slots__ = ("cum", "end", "first")

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.end = first * BLOCK
        """Byte offset up to which newlines are counted."""
        self.cum = array("Q", [0])
        """`cum[k]`: newlines in the first `k` of these blocks."""

    @property
    def newlines(self) -> int:
        return self.cum[-1]

    def add(self, data: bytes | bytearray, length: int) -> None:
        """Count the newlines of the bytes that follow `end`."""
        at = 0
        while at < length:
            step = min(BLOCK - self.end % BLOCK, length - at)
            found = data.count(b"\n", at, at + step)
            if self.end % BLOCK:
                self.cum[-1] += found
            else:
                self.cum.append(self.cum[-1] + found)
            self.end += step
            at += step

    def block_of(self, ordinal: int) -> tuple[int, int]:
        """(block, 0-based place in it) of the newline with this 1-based ordinal."""
        k = bisect_left(self.cum, ordinal)
        return self.first + k - 1, ordinal - self.cum[k - 1] - 1

    def before(self, block: int) -> int:
        """Newlines in these blocks before `block`."""
        return self.cum[block - self.first]


class LineIndex:
    """Finds lines of a growing file by number. Line numbers count from 0."""

    def __init__(self, file: LogFile) -> None:
        self.file = file
        self.size = file.size()
        self.head = NewlineCounts()
        self.tail: NewlineCounts | None = None
        self.building = False
        """A thread is counting: only `head` is its own, all else belongs to the caller."""
        self._ends_with_newline = False
        self._estimated = 0
        self._offsets: OrderedDict[tuple[int, int], array[int]] = OrderedDict()
        self._seed()

    def _seed(self) -> None:
        blocks = -(-self.size // BLOCK)
        seeded = blocks if blocks <= 2 * SEED_BLOCKS else SEED_BLOCKS
        self._count(self.head, min(self.size, seeded * BLOCK))
        if seeded < blocks:
            self.tail = NewlineCounts(blocks - SEED_BLOCKS)
            self._count(self.tail, self.size)
            self.estimate()
        self._look_at_end()

    def _count(self, counts: NewlineCounts, end: int) -> None:
        for _, buffer, got in chunks(self.file, counts.end, end):
            counts.add(buffer, got)

    def _look_at_end(self) -> None:
        self._ends_with_newline = self.file.read(self.size - 1, 1) == b"\n" if self.size else True

    # -- growing ----------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """All lines are counted, and `newlines` is exact."""
        return self.tail is None

    def build(self, file: LogFile, cancelled: Cancelled, progress: Callable[[], None]) -> None:
        """Count everything that is not counted yet. Runs in a thread, on a file handle of its own."""
        told = self.head.end
        for _, buffer, got in chunks(file, self.head.end, self.size):
            if cancelled():
                return
            self.head.add(buffer, got)
            if self.head.end - told >= 1 << 28:
                told = self.head.end
                progress()

    def grow(self) -> bool:
        """Take in what was appended. False: the file shrank or was replaced, and a new index is needed."""
        size = self.file.size()
        if size < self.size or not self.file.is_current():
            return False
        if size == self.size:
            return True
        self.size = size
        if self.tail is None and size - self.head.end <= INLINE:
            self._count(self.head, size)
        else:
            self._grow_tail()
        self._look_at_end()
        return True

    def _grow_tail(self) -> None:
        """Keep the end countable while the middle is not: a big gain starts a new tail."""
        if self.tail is None or self.size - self.tail.end > INLINE:
            self.tail = NewlineCounts(-(-self.size // BLOCK) - SEED_BLOCKS)
            self._count(self.tail, self.size)
            self.estimate()
            return
        before = self.tail.newlines
        self._count(self.tail, self.size)
        self._estimated += self.tail.newlines - before

    def finish(self) -> None:
        """Called once `build` has returned: takes over what came while it ran.

        Leaves the index incomplete, to be built once more, where that is a lot.
        """
        self.building = False
        if self.size - self.head.end <= INLINE:
            self._count(self.head, self.size)
            self.tail = None
        else:
            self.estimate()

    def estimate(self) -> None:
        """Guess the number of newlines anew from what is counted by now.

        Only on request: each new guess moves the numbers of the lines near the end.
        """
        if self.tail is None:
            return
        known = self.head.newlines + self.tail.newlines
        gap = self.tail.first * BLOCK - self.head.end
        if gap <= 0:
            self._estimated = self.head.before(self.tail.first) + self.tail.newlines
        else:
            self._estimated = known + gap * known // max(1, self.size - gap)

    # -- lines ------------------------------------------------------------------------------------

    @property
    def newlines(self) -> int:
        """Newlines in the file; an estimate until `complete`."""
        return self.head.newlines if self.tail is None else self._estimated

    @property
    def count(self) -> int:
        """Number of lines; an estimate until `complete`. A line without its newline counts."""
        return self.newlines + (0 if self._ends_with_newline else 1)

    def span(self, line: int) -> tuple[int, int] | None:
        """(start, end) in bytes of a line, the newline left out; None while that part is not counted yet."""
        newlines = self.newlines
        start = -1 if line <= 0 else self._newline_at(line, newlines)
        end = self.size if line >= newlines else self._newline_at(line + 1, newlines)
        if start is None or end is None:
            return None
        return start + 1, max(start + 1, end)

    def _newline_at(self, ordinal: int, newlines: int) -> int | None:
        if self.tail is not None and ordinal > newlines - self.tail.newlines:
            block, place = self.tail.block_of(ordinal - (newlines - self.tail.newlines))
        elif ordinal <= self.head.newlines:
            block, place = self.head.block_of(ordinal)
        else:
            return None
        offsets = self.newlines_in(block)
        return block * BLOCK + offsets[place] if place < len(offsets) else self.size

    def line_at(self, offset: int) -> int | None:
        """The number of the line that holds this byte; None while that part is not counted yet."""
        block, within = divmod(max(0, min(offset, self.size - 1)), BLOCK)
        if self.tail is not None and block >= self.tail.first:
            before = self.newlines - self.tail.newlines + self.tail.before(block)
        elif block < len(self.head.cum):
            before = self.head.before(block)
        else:
            return None
        return before + bisect_left(self.newlines_in(block), within)

    def newlines_in(self, block: int) -> array[int]:
        """Offsets of the newlines within one block, kept for the blocks in use."""
        length = min(BLOCK, self.size - block * BLOCK)
        key = (block, length)
        found = self._offsets.get(key)
        if found is None:
            data = self.file.read(block * BLOCK, length)
            found = array("I", (match.start() for match in _NEWLINE.finditer(data)))
            self._offsets[key] = found
            if len(self._offsets) > _CACHED_BLOCKS:
                self._offsets.popitem(last=False)
        else:
            self._offsets.move_to_end(key)
        return found

    def raw(self, start: int, end: int) -> tuple[bytes, int]:
        """(bytes to show, bytes left out) of a line: at most MAX_LINE, the last ones where it was redrawn."""
        if end - start <= MAX_LINE:
            return self.file.read(start, end - start), 0
        last = self.file.read(end - MAX_LINE, MAX_LINE)
        if b"\r" in last.rstrip(b"\r"):
            return last, 0
        return self.file.read(start, MAX_LINE), end - start - MAX_LINE
