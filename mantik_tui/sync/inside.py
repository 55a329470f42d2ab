"""The engine inside the client, for places where no further process may be started."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from mantik_tui.sync.client import Death, spawn_process

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.engine")

START_S = 20.0
STOP_S = 10.0


class InsideEngine:
    """An engine in a thread of this process, with a loop of its own. Clients reach it by its socket like any other."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start it and return once it listens, or once it is clear that it can't or that another one does."""
        self._thread.start()
        self._ready.wait(START_S)

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Let it end: what is being sent gets a few seconds, the lease goes to who wants it next."""
        if self._loop is not None and self._engine is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._engine.stopping.set)
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        from mantik_tui.sync.engine import live, take_lock

        lock = take_lock()
        try:
            if lock is not None:
                asyncio.run(live(signals=False, ready=self._is_up))
        except Exception:
            LOG.exception("the engine inside this process failed")
        finally:
            if lock is not None:
                lock.close()
            self._ready.set()

    def _is_up(self, engine: Engine) -> None:
        self._loop, self._engine = asyncio.get_running_loop(), engine
        self._ready.set()


def engine_in_thread() -> InsideEngine:
    """Run an engine inside this process until the process ends; what it was sending then is taken up by the next one."""
    inside = InsideEngine()
    inside.start()
    atexit.register(inside.stop)
    return inside


def spawn_or_inside() -> Death | None:
    """Start an engine as a process of its own; where that can't be done, inside this one."""
    try:
        return spawn_process()
    except OSError as error:
        LOG.warning("no process can be started (%s): the engine runs inside this one", error)
        engine_in_thread()
        return None
