"""Waiting for what the engine brings, without asking again and again."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantik_tui.domain.errors import EngineProblem

if TYPE_CHECKING:
    from mantik_tui.sync.client import EngineLink
    from mantik_tui.workspace.session import Session

LOOK_S = 5.0
"""The database is looked at so often even when nothing was heard, so that a lost notice delays but never hangs."""


class Bell:
    """Rings when the engine says something: give `bell.ring` to `open_session` as `on_event`."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self.on_progress: Callable[[dict[str, Any]], None] | None = None
        """Called from the engine's thread with each event of progress."""

    def ring(self, event: dict[str, Any]) -> None:
        if event.get("event") == "progress" and self.on_progress is not None:
            self.on_progress(event)
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Return when it rings, or has rung since the last wait, or after `seconds`."""
        self._rung.wait(seconds)
        self._rung.clear()


def until(
    session: Session, bell: Bell, done: Callable[[], bool], timeout_s: float | None = None
) -> bool:
    """Wait until `done`, which looks at the database, is true. Returns whether it became true in time.

    An engine that went away meanwhile is started again; where none can be started, the database is still looked at.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not done():
        rest = LOOK_S if deadline is None else min(LOOK_S, deadline - time.monotonic())
        if rest <= 0:
            return False
        with contextlib.suppress(EngineProblem):
            if not session.engine.connected:
                session.engine.ensure()
        bell.wait(rest)
    return True


def read_ends(session: Session, run_ids: Sequence[int]) -> None:
    """After jobs have ended: read their runs once more, since a job's end is known here before its last metrics are.

    A server that does not answer is no failure: what it has is read with a later round.
    """
    from mantik_tui.domain.errors import MantikError
    from mantik_tui.workspace import live

    for run_id in run_ids:
        with contextlib.suppress(MantikError):
            live.reread_run(session, run_id)


def wait_sent(session: Session, bell: Bell, timeout_s: float | None = None) -> bool:
    """Wait until nothing waits to be sent but what needs a person. Returns whether that came in time."""
    from mantik_tui.domain.outbox import EntryState
    from mantik_tui.workspace import reads

    def sent() -> bool:
        entries = session.read(reads.jobs.open_entries)
        return all(entry.state is EntryState.BLOCKED for entry in entries)

    return until(session, bell, sent, timeout_s)


def stop_engine(line: EngineLink, timeout_s: float = 60.0) -> int | None:
    """Stop the engine of this home and wait until its process has ended. Returns its process id, None if none ran.

    Raises:
        EngineProblem: it does not end.
    """
    if not line.connect():
        return None
    pid = int(line.engine["pid"])
    with contextlib.suppress(EngineProblem):
        line.request("stop")
    line.close()
    deadline = time.monotonic() + timeout_s
    while _lives(pid):
        if time.monotonic() > deadline:
            raise EngineProblem(
                "The engine does not end", f"process {pid} is still there", f"kill {pid} ends it"
            )
        time.sleep(0.02)
    return pid


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    if state == "Z":
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return False
    return True
