"""Regular expressions with a time limit: they run in a small process beside the program, which is ended when it is too slow.

Python's `re` can't be stopped and holds up every thread while it works; one unlucky expression, `(a+)+$` say, would freeze
the screen for hours.
"""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import threading
import time
import weakref
from array import array
from typing import Final

CHUNK_S: Final = 2.0
"""Seconds that one part of a log, 256 kB, may take."""
LINE_S: Final = 0.25
"""Seconds that a line in sight may take to be marked."""
_START_S: Final = 10.0
_HEAD: Final = struct.Struct("!cIqqq")
_COUNT: Final = struct.Struct("!I")
Span = tuple[int, int]

_CHILD: Final = r"""
import re, struct, sys
from array import array
head, count = struct.Struct("!cIqqq"), struct.Struct("!I")
inp, out = sys.stdin.buffer, sys.stdout.buffer
size, flags = struct.unpack("!II", inp.read(8))
source = inp.read(size)
in_bytes, in_text = re.compile(source, flags), re.compile(source.decode(), flags)
out.write(b"r")
out.flush()
while True:
    told = inp.read(head.size)
    if len(told) < head.size:
        break
    kind, size, line, start, end = head.unpack(told)
    data = inp.read(size)
    found = array("q")
    if kind == b"s":
        found.extend((0, 0) if in_bytes.search(data) else ())
    else:
        if kind == b"t":
            data, pattern = data.decode("utf-8", "surrogatepass"), in_text
        else:
            pattern = in_bytes
        for match in pattern.finditer(data, line):
            if match.start() >= end:
                break
            if match.start() >= start and match.end() > match.start():
                found.extend(match.span())
    out.write(count.pack(len(found)) + found.tobytes())
    out.flush()
"""


class TooSlow(Exception):
    """The expression took longer than it may; it is not tried again."""


def is_quick(source: str) -> bool:
    """Without repeats an expression can't take long, whatever the text: it needs no process of its own."""
    return not any(sign in source for sign in "*+{")


class Regex:
    """One expression. Threads and the screen have a process each, so that none waits for the other."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source.encode()
        self._flags = int(flags)
        self.too_slow = False
        self._for_chunks = _Child()
        self._for_lines = _Child()

    def occurs(self, data: bytes | bytearray) -> bool:
        """Whether it matches anywhere. Raises TooSlow."""
        child, limit = self._side()
        return bool(self._ask(child, b"s", data, 0, 0, len(data), limit))

    def spans(self, data: bytes | bytearray, line: int, start: int, end: int) -> list[Span]:
        """Matches from `line` on that begin in [start, end), empty ones left out. Raises TooSlow."""
        child, limit = self._side()
        return self._ask(child, b"b", data, line, start, end, limit)

    def _side(self) -> tuple[_Child, float]:
        """The screen waits neither long nor for a thread's turn."""
        if threading.current_thread() is threading.main_thread():
            return self._for_lines, LINE_S
        return self._for_chunks, CHUNK_S

    def in_line(self, text: str) -> list[Span]:
        """Matches in a line of text, in characters; none once the expression was too slow."""
        data = text.encode("utf-8", "surrogatepass")
        try:
            return self._ask(self._for_lines, b"t", data, 0, 0, len(data), LINE_S)
        except TooSlow:
            return []

    def _ask(
        self, child: _Child, kind: bytes, data: bytes | bytearray, line: int, start: int, end: int,
        limit_s: float,
    ) -> list[Span]:  # fmt: skip
        if self.too_slow:
            raise TooSlow
        with child.lock:
            try:
                child.start(self._source, self._flags)
                request = _HEAD.pack(kind, len(data), line, start, end)
                return child.ask(request + bytes(data), limit_s)
            except (OSError, TooSlow) as error:
                self.too_slow = True
                child.end()
                raise TooSlow from error


class _Child:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes]], _Child] | None = None

    def start(self, source: bytes, flags: int) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._end = weakref.finalize(self, _end, self._process)
        self._write(struct.pack("!II", len(source), flags) + source)
        self._read(1, time.monotonic() + _START_S)

    def ask(self, request: bytes, limit_s: float) -> list[Span]:
        deadline = time.monotonic() + limit_s
        self._write(request)
        (count,) = _COUNT.unpack(self._read(_COUNT.size, deadline))
        found = array("q")
        found.frombytes(self._read(count * found.itemsize, deadline))
        return list(zip(found[::2], found[1::2], strict=True))

    def end(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _write(self, data: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self._process.stdin.fileno(), view) :]

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        ready = select.poll()  # not `select`, which takes no descriptor above 1,023
        ready.register(descriptor, select.POLLIN)
        found = bytearray()
        while len(found) < size:
            wait = deadline - time.monotonic()
            if wait <= 0 or not ready.poll(wait * 1000):
                raise TooSlow
            part = os.read(descriptor, size - len(found))
            if not part:
                raise TooSlow
            found += part
        return bytes(found)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def line_spans(pattern: re.Pattern[str], text: str) -> list[Span]:
    """The same, without a process, for expressions that can't take long."""
    return [match.span() for match in pattern.finditer(text) if match.end() > match.start()]
