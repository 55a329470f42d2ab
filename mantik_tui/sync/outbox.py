"""The outbox's runner: takes entries in order, lets their kind's handler send them, and settles what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import (
    Conflict,
    EngineProblem,
    MantikError,
    NeedsLogin,
    NotFound,
    Offline,
    Refused,
    Unsure,
)
from mantik_tui.domain.outbox import Entry, EntryState
from mantik_tui.store.writes import outbox as table
from mantik_tui.store.writes.jobs import add_notice

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.outbox")

Handler = Callable[["Engine", Entry], Awaitable[None]]

WORKERS = 3
"""Entries sent at a time, so that a server which hangs does not hold a cancellation."""
RETRY_S = (2, 5, 15, 30, 60, 120, 300)
UNSURE_S = 60
"""Seconds until the other side is asked again after it could not tell."""


class Wait(MantikError):
    """The entry's turn has not come yet, for a reason that is no fault: try again after `seconds`."""

    def __init__(self, title: str, seconds: float = 2.0) -> None:
        super().__init__(title)
        self.seconds = seconds


class TheyChangedIt(Conflict):
    """A newer value on the server, on a field that the entry edits."""

    def __init__(self, title: str, theirs: str | None) -> None:
        super().__init__(title, hint="Keep mine, theirs or both")
        self.theirs = theirs


async def run_outbox(engine: Engine, handlers: Mapping[str, Handler]) -> None:
    """Send what waits until cancelled."""
    workers = [asyncio.create_task(_work(engine, handlers)) for _ in range(WORKERS)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(engine: Engine, handlers: Mapping[str, Handler]) -> None:
    while True:
        entry = take(engine)
        if entry is not None:
            engine.hub.publish("outbox")
            await send(engine, entry, handlers)
            engine.hub.publish("outbox", "run")
            engine.wakes.outbox.set()
            continue
        due = table.next_due(engine.store.connection) if engine.holds_lease else None
        pause = 30.0 if due is None else max(0.2, min(30.0, (due - engine.now_ms()) / 1000))
        engine.wakes.outbox.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.wakes.outbox.wait(), pause)


def take(engine: Engine) -> Entry | None:
    """The next entry to send, None if there is none or another engine sends."""
    if not engine.holds_lease:
        return None
    try:
        with engine.store.transaction() as connection:
            return table.take(connection, engine.epoch, engine.now_ms())
    except EngineProblem as error:
        LOG.warning("%s", error)
        engine.holds_lease = False
        return None


async def send(engine: Engine, entry: Entry, handlers: Mapping[str, Handler]) -> None:
    """Let the handler send `entry`, as it was before it was taken, and settle it."""
    handler = handlers.get(entry.kind)
    try:
        if handler is None:
            raise Refused(f"This version can't send {entry.kind!r}", hint="Update mantik-tui")
        await handler(engine, entry)
    except Exception as error:  # noqa: BLE001 - every failure becomes the state of the entry, in words
        _failed(engine, entry, error)
        return
    _settle(engine, entry, EntryState.DONE)


def _failed(engine: Engine, entry: Entry, error: Exception) -> None:
    now = engine.now_ms()
    delay = RETRY_S[min(entry.attempts, len(RETRY_S) - 1)]
    if isinstance(error, Wait):
        _settle(engine, entry, EntryState.PENDING, str(error), now + int(error.seconds * 1000))
    elif isinstance(error, Offline):
        unsure = entry.kind in table.EFFECTS and entry.state is EntryState.UNSURE
        state = EntryState.UNSURE if unsure else EntryState.PENDING
        _settle(engine, entry, state, _words(error), now + delay * 1000)
    elif isinstance(error, Unsure):
        _settle(engine, entry, EntryState.UNSURE, _words(error), now + UNSURE_S * 1000)
    elif isinstance(error, TheyChangedIt):
        _settle(engine, entry, EntryState.BLOCKED, _words(error), payload={"theirs": error.theirs})
    elif isinstance(error, NeedsLogin | Refused | Conflict | NotFound | MantikError):
        _settle(engine, entry, EntryState.BLOCKED, _words(error))
    else:
        LOG.error("entry %s failed", entry.id, exc_info=error)
        words = f"Something went wrong here: {error}. The engine's log says more"
        _settle(engine, entry, EntryState.BLOCKED, words)


def _words(error: MantikError) -> str:
    return ". ".join(part.rstrip(".") for part in (error.title, error.cause, error.hint) if part)


def _settle(
    engine: Engine,
    entry: Entry,
    state: EntryState,
    error: str = "",
    next_try_ms: int = 0,
    payload: Mapping[str, object] | None = None,
) -> None:
    with engine.store.transaction() as connection:
        table.settle(
            connection,
            entry.id,
            state,
            engine.now_ms(),
            error=error,
            next_try_ms=next_try_ms,
            payload=payload,
        )
        if state is EntryState.BLOCKED:
            add_notice(
                connection, "blocked", f"{entry.what}: {error}", engine.now_ms(), entry.run_id
            )
    if error:
        LOG.info("entry %s (%s): %s: %s", entry.id, entry.what, state.value, error)


def release_waiting(engine: Engine, workspace_id: int) -> None:
    """The server answers again: what waited for it is tried at once. What is unsure keeps its time."""
    with engine.store.transaction() as connection:
        done = connection.execute(
            "UPDATE outbox SET next_try_ms = 0 WHERE workspace_id = ? AND state = 'pending' AND next_try_ms > ?"
            " AND attempts > 0",
            (workspace_id, engine.now_ms()),
        )
    if done.rowcount:
        engine.wakes.outbox.set()
