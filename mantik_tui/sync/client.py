"""The engine's client: finds the engine of this home, starts it if it is not there, asks it and hears from it.

Uses blocking sockets and one thread for what the engine says unasked, so that the command line imports no event loop.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mantik_tui import __version__, paths
from mantik_tui.domain.errors import EngineProblem, StoreProblem
from mantik_tui.sync.wire import MAX_LINE, PROTOCOL, pack, unpack, unpack_error

if TYPE_CHECKING:
    import queue
    import socket
    from pathlib import Path

Event = dict[str, Any]
Death = Callable[[], str | None]
"""Why a started engine ended with a failure, in its own last words; None while it lives or where another one took over."""
Spawn = Callable[[], Death | None]
"""Starts an engine for this home and returns at once; raises OSError where no process can be made."""

START_TIMEOUT_S = 20.0
HELLO_TIMEOUT_S = 10.0


class EngineLink:
    """One client's line to the engine. Safe to use from several threads."""

    def __init__(self, spawn: Spawn, on_event: Callable[[Event], None] | None = None) -> None:
        self._spawn = spawn
        self._on_event = on_event
        self._lock = threading.Lock()
        """Of the socket's writing end, and of the choice of the socket."""
        self._connecting = threading.RLock()
        """Held until the engine has said who it is: another thread must not take its silence for an old version."""
        self._socket: socket.socket | None = None
        self._answers: dict[int, queue.SimpleQueue[Event]] = {}
        self._numbers = itertools.count(1)
        self._watched: dict[str, Any] | None = None
        self.engine: dict[str, Any] = {}
        """What the engine said of itself: version, pid, whether it holds the lease, and who does if it does not."""

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def connect(self) -> bool:
        """Connect to a running engine; False if there is none."""
        with self._connecting:
            if self._socket is not None:
                return True
            import socket

            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                link.settimeout(5)
                link.connect(str(paths.socket_path()))
                link.settimeout(None)
            except OSError:
                link.close()
                return False
            with self._lock:
                self._socket = link
            threading.Thread(
                target=self._listen, args=(link,), name="engine-events", daemon=True
            ).start()
            try:
                self.engine = self.request(
                    "hello", HELLO_TIMEOUT_S, version=__version__, protocol=PROTOCOL
                )
            except EngineProblem:
                # It went away while we knocked.
                self.close()
                return False
            if self._watched:
                self.notify("watch", **self._watched)
            return True

    def ensure(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Connect; start an engine if none is there. An engine of another version drains, and ours takes its place.

        Raises:
            EngineProblem: it did not come up.
        """
        with self._connecting:
            if self.connect():
                if self._of_our_version():
                    return
                self._replace(timeout_s)
            if not self.connected:
                self._start(timeout_s)

    def _of_our_version(self) -> bool:
        said = self.engine
        return said.get("version") == __version__ and said.get("protocol") == PROTOCOL

    def _start(self, timeout_s: float) -> None:
        try:
            death = self._spawn()
        except (OSError, StoreProblem) as error:
            raise EngineProblem(
                "The engine could not be started", str(error), "mantik-tui doctor says more"
            ) from error
        deadline = time.monotonic() + timeout_s
        while not self.connect():
            if death is not None and (words := death()) is not None:
                raise EngineProblem(
                    "The engine ended right after its start", words, f"All of it is in {_errors()}"
                )
            if time.monotonic() > deadline:
                raise EngineProblem(
                    "The engine does not answer",
                    f"nothing listens at {paths.socket_path()} after {timeout_s:.0f} s",
                    f"Its logs are in {paths.place('log')}",
                )
            time.sleep(0.02)

    def _replace(self, timeout_s: float) -> None:
        """Ask an engine of another version to end, and wait until it no longer listens."""
        with contextlib.suppress(EngineProblem):
            self.request("stop", timeout_s=timeout_s)
        self.close()
        deadline = time.monotonic() + timeout_s
        while self.connect() and not self._of_our_version():
            self.close()
            if time.monotonic() > deadline:
                raise EngineProblem(
                    "An engine of another version is still at work",
                    hint="mantik-tui engine stop ends it",
                )
            time.sleep(0.05)

    def request(self, verb: str, timeout_s: float = 60.0, **args: Any) -> Any:
        """Ask the engine and wait for its answer.

        Raises:
            EngineProblem: no engine is connected, it went away, or it did not answer in time.
            MantikError: what the engine answered.
        """
        import queue

        number = next(self._numbers)
        box: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._answers[number] = box
        try:
            self._send({"id": number, "verb": verb, "args": args})
            answer = box.get(timeout=timeout_s)
        except queue.Empty:
            raise EngineProblem(
                f"The engine did not answer {verb!r} in {timeout_s:.0f} s"
            ) from None
        finally:
            self._answers.pop(number, None)
        if "error" in answer:
            raise unpack_error(answer["error"])
        return answer.get("result")

    def notify(self, verb: str, **args: Any) -> None:
        """Tell the engine something without waiting; nothing happens when none is connected."""
        if verb == "watch":
            self._watched = args
        if self._socket is not None:
            with contextlib.suppress(EngineProblem):
                self._send({"verb": verb, "args": args})

    def _send(self, message: Event) -> None:
        link = self._socket
        if link is None:
            raise EngineProblem(
                "The engine is not running", hint="mantik-tui engine start starts it"
            )
        try:
            with self._lock:
                link.sendall(pack(message))
        except OSError as error:
            self._lost(link)
            raise EngineProblem(
                "The engine went away", str(error), "Try again: it is started anew"
            ) from error

    def _listen(self, link: socket.socket) -> None:
        buffer = b""
        try:
            while True:
                try:
                    data = link.recv(65536)
                except OSError:
                    data = b""
                if not data or len(buffer) > MAX_LINE:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError):
                        self._hear(unpack(line))
        finally:
            # Also when what hears an event fails: a line that nobody listens to is no line.
            self._lost(link)

    def _hear(self, message: Event) -> None:
        if "event" not in message:
            box = self._answers.get(message.get("id", 0))
            if box is not None:
                box.put(message)
        elif self._on_event is not None:
            self._on_event(message)

    def _lost(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link.close()
        if self._socket is not link:
            return
        self._socket = None
        self._answer_all("The engine went away")
        if self._on_event is not None:
            self._on_event({"event": "engine-lost"})

    def _answer_all(self, title: str) -> None:
        """Nobody who waits shall wait for an answer that can't come."""
        gone = {"error": {"kind": "EngineProblem", "title": title, "hint": "Try again"}}
        for box in list(self._answers.values()):
            box.put(gone)

    def close(self) -> None:
        link, self._socket = self._socket, None
        self._answer_all("The line to the engine was closed")
        if link is not None:
            import socket

            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()


def _errors() -> Path:
    """What engines say before they can write their log, and as their last words."""
    return paths.log_dir() / "engine.err"


def spawn_process() -> Death:
    """Start an engine of its own session, so that it outlives this terminal.

    Raises:
        OSError: no process can be made.
    """
    import subprocess
    import sys

    with open(_errors(), "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "mantik_tui.main", "engine", "run"],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
            cwd="/",
        )

    def death() -> str | None:
        # Code 0: another engine of this home was there first.
        if not process.poll():
            return None
        lines = _errors().read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return said or f"exit code {process.returncode}"

    return death
