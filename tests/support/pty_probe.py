"""Runs a full-screen program in a pseudo-terminal and measures it: key to last byte, bytes per key, what is on the screen.

Answers the questions that programs ask a terminal at their start, as a common terminal would, so that none waits for
an answer that never comes.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import pyte

KEYS = {
    "down": b"\x1b[B",
    "up": b"\x1b[A",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "pagedown": b"\x1b[6~",
    "pageup": b"\x1b[5~",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "space": b" ",
    "backspace": b"\x7f",
    "delete": b"\x1b[3~",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f4": b"\x1bOS",
    "f5": b"\x1b[15~",
    "f6": b"\x1b[17~",
    "f9": b"\x1b[20~",
    **{f"ctrl+{chr(96 + n)}": bytes([n]) for n in range(1, 27) if n not in (9, 13)},
}
"""What a terminal sends for a named key; every other key is sent as its own characters."""

_QUERIES: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),  # device attributes
    (re.compile(rb"\x1b\[>c"), b"\x1b[>1;10;0c"),
    (re.compile(rb"\x1b\[>0?q"), b"\x1bP>|probe\x1b\\"),  # name and version
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),  # cursor position
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),  # synchronized output: known, off
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),  # in-band resize: unknown
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),  # keyboard protocol
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
)
_UNKNOWN_TO_EMULATOR = re.compile(
    r"\x1b\[[<>=?][0-9;]*[a-zA-Z]|\x1bP.*?\x1b\\|\x1b\[\?[0-9;]*\$[a-z]"
)
_CUT_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|P[^\x1b]*)?$")


@dataclass(frozen=True, slots=True)
class KeyCost:
    """What one key press cost."""

    first_ms: float
    """Until the first byte of the answer, in milliseconds."""
    last_ms: float
    """Until the last byte before the program fell silent, in milliseconds."""
    bytes: int


class Probe:
    """One program in a pseudo-terminal of `columns` × `lines`. Use it as a context manager: leaving ends the program."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        whole_env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        whole_env.update(env or {})
        for name in ("COLUMNS", "LINES"):
            whole_env.pop(name, None)  # they would count for more than the terminal's own size
        for name in ("NO_COLOR", "TEXTUAL"):
            if name not in (env or {}):
                whole_env.pop(name, None)
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""
        self.total_bytes = 0
        self.exit_code: int | None = None
        self.started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            if cwd is not None:
                os.chdir(cwd)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(argv[0], list(argv), whole_env)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def text(self) -> str:
        """What is on the screen, line by line, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, timeout: float) -> int:
        """Wait up to `timeout` seconds for output and take what is there; returns its bytes, 0 for silence or the end."""
        data = self._take(timeout)
        self._show(data)
        return len(data)

    def wait_for(self, text: str, timeout: float = 20.0) -> float:
        """Read until `text` is on the screen; seconds since the start. Raises TimeoutError with the screen."""
        deadline = time.perf_counter() + timeout
        while text not in self.text:
            left = deadline - time.perf_counter()
            if left <= 0:
                raise TimeoutError(f"{text!r} did not appear:\n{self.text}")
            self.read(min(left, 0.05))
        return time.perf_counter() - self.started

    def settle(self, quiet: float = 0.3, timeout: float = 20.0) -> int:
        """Read until nothing came for `quiet` seconds; returns the bytes. Raises TimeoutError if it never falls silent."""
        deadline = time.perf_counter() + timeout
        before = self.total_bytes
        while self.read(quiet):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"never silent for {quiet} s:\n{self.text}")
        return self.total_bytes - before

    def send(self, key: str) -> None:
        """Press a key by its name in `KEYS`, or type characters."""
        os.write(self._fd, KEYS.get(key, key.encode()))

    def press(self, *keys: str, quiet: float = 0.05) -> None:
        """Press keys one after the other, each after the answer to the one before."""
        for key in keys:
            self.send(key)
            self.settle(quiet)

    def measure(self, key: str, quiet: float = 0.06, timeout: float = 10.0) -> KeyCost:
        """Press a key and time its answer, which ends when nothing came for `quiet` seconds."""
        chunks: list[bytes] = []
        first = 0.0
        start = last = time.perf_counter()
        self.send(key)
        while data := self._take(quiet if chunks else timeout):
            last = time.perf_counter()
            first = first or last
            chunks.append(data)
        self._show(b"".join(chunks))  # only now: the emulator is slower than the program
        first_ms = (first - start) * 1e3 if chunks else 0.0
        return KeyCost(first_ms, (last - start) * 1e3, sum(map(len, chunks)))

    def idle(self, seconds: float) -> int:
        """Bytes that come within `seconds` without a key."""
        deadline = time.perf_counter() + seconds
        before = self.total_bytes
        while (left := deadline - time.perf_counter()) > 0:
            self.read(left)
        return self.total_bytes - before

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait(self, timeout: float = 10.0) -> int:
        """Wait for the program to end by itself; its exit code, negative for a signal. Raises TimeoutError."""
        deadline = time.perf_counter() + timeout
        while self.exit_code is None:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"still running:\n{self.text}")
            self.read(0.02)
            self._reap()
        return self.exit_code

    def close(self) -> None:
        """End the program if it runs, and give the terminal back."""
        self._reap()
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGTERM)
            deadline = time.perf_counter() + 3
            while self.exit_code is None and time.perf_counter() < deadline:
                self.read(0.02)
                self._reap()
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _reap(self) -> None:
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)

    def _take(self, timeout: float) -> bytes:
        """Output that comes within `timeout` seconds, with the program's questions answered."""
        poll = select.poll()  # not `select`, which takes no descriptor above 1,023
        poll.register(self._fd, select.POLLIN | select.POLLHUP)
        ready = poll.poll(timeout * 1000)
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            return b""
        self.total_bytes += len(data)
        self._answer(data)
        return data

    def _answer(self, data: bytes) -> None:
        for query, answer in _QUERIES:
            for _ in query.findall(data):
                os.write(self._fd, answer)

    def _show(self, data: bytes) -> None:
        """Give output to the emulator, without what it would take for text; a cut sequence waits for its rest."""
        text = self._unfinished + self._decoder.decode(data)
        whole = _CUT_SEQUENCE.sub("", text)
        self._unfinished = text[len(whole) :]
        self._stream.feed(_UNKNOWN_TO_EMULATOR.sub("", whole))
