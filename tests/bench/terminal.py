"""Programs in a pseudo-terminal, timed by the bytes that they send, without an emulator in between."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from tests.bench.figures import middle, percentile
from tests.support.pty_probe import KeyCost, Probe

_SEQUENCES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1bP[^\x1b]*\x1b\\|\x1b[ -/]*[0-~]"
)
_CURSOR = "▸".encode()
_PAINTED = b"\x1b[?2026l"
"""How a paint ends: synchronized output is switched off."""


class RawProbe(Probe):
    """A probe that can wait for words in what a program sends. The emulator sees it too, but only afterwards."""

    blind = False
    """Without an emulator: for programs that send what it does not know."""

    def __enter__(self) -> RawProbe:
        return self

    def _show(self, data: bytes) -> None:
        if not self.blind:
            super()._show(data)

    def seconds_until(self, *words: str, timeout: float = 30.0) -> float:
        """Seconds since the start until all of these words were sent, and the paint that they are in was complete.

        Raises TimeoutError, with the screen, when they don't come.
        """
        return self._until(words, timeout, self.started)

    def key_until(self, key: str, *words: str, timeout: float = 30.0) -> float:
        """Press a key; seconds until all of these words were sent, and the paint that they are in was complete."""
        self.send(key)
        return self._until(words, timeout, time.perf_counter())

    def until(self, *words: str, timeout: float = 30.0) -> float:
        """Seconds from now until all of these words were sent, and the paint that they are in was complete."""
        return self._until(words, timeout, time.perf_counter())

    def key_to_cursor(self, key: str, pause: float = 0.06, timeout: float = 10.0) -> float:
        """Press a key; milliseconds until the paint that holds the cursor's row was complete.

        What is painted besides does not count, then the answer is given `pause` seconds to end.
        """
        start = time.perf_counter()
        self.send(key)
        data, took = b"", 0.0
        while not took:
            piece = self._take(timeout)
            data += piece
            at = data.find(_CURSOR)
            if at >= 0 and data.find(_PAINTED, at) >= 0:
                took = (time.perf_counter() - start) * 1e3
            elif not piece:
                raise TimeoutError(f"{key} moves nothing:\n{self.text}")
        deadline = time.perf_counter() + pause
        while (left := deadline - time.perf_counter()) > 0:
            data += self._take(left)
        self._show(data)
        return took

    def _until(self, words: Sequence[str], timeout: float, since: float) -> float:
        wanted = [word.encode() for word in words]
        deadline = time.perf_counter() + timeout
        data, begun, seen = b"", 0, 0.0
        while True:
            piece = self._take(0.03 if seen else 0.2)
            now = time.perf_counter()
            data += piece
            if seen and not piece:  # bytes that follow without a pause belong to the same paint
                self._show(data)
                return seen - since
            if piece and (seen or all(word in _SEQUENCES.sub(b"", data) for word in wanted)):
                begun = begun or len(data) - len(piece)
                seen = now
                if data.find(_PAINTED, begun) >= 0:
                    self._show(data)
                    return now - since
            elif now > deadline:
                self._show(data)
                raise TimeoutError(f"{words} did not appear:\n{self.text}")


def open_program(
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    columns: int = 120,
    lines: int = 40,
) -> RawProbe:
    return RawProbe(argv, env=env, columns=columns, lines=lines)


@dataclass(frozen=True, slots=True)
class Times:
    """Many times, in milliseconds."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        return middle(self.ms)

    @property
    def p99(self) -> float:
        return percentile(self.ms, 0.99)


@dataclass(frozen=True, slots=True)
class Costs:
    """Many key presses."""

    costs: tuple[KeyCost, ...]

    @property
    def p50(self) -> float:
        return middle([cost.last_ms for cost in self.costs])

    @property
    def p99(self) -> float:
        return percentile([cost.last_ms for cost in self.costs], 0.99)


def cpu_s(*processes: psutil.Process) -> float:
    """CPU seconds that processes have used so far, threads that ended included."""
    total = 0.0
    for process in processes:
        times = process.cpu_times()
        total += times.user + times.system
    return total


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB."""

    rss: float
    pss: float
    private: float
    """Memory of the process alone: what would be free without it."""


def memory_of(pid: int) -> Memory:
    info = psutil.Process(pid).memory_full_info()
    return Memory(info.rss / 1e6, info.pss / 1e6, info.uss / 1e6)
