"""The outbox's runner: takes entries in order, lets their kind's handler send them, and settles what came of it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import (
    Conflict,
    EngineProblem,
    MantikError,
    NeedsLogin,
    Offline,
    Refused,
    Unsure,
)
from mantik_tui.domain.outbox import Entry, EntryState
from mantik_tui.store.writes import outbox as table
from mantik_tui.store.writes.jobs import add_notice
from mantik_tui.sync.waiting import pause

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.outbox")

Handler = Callable[["Engine", Entry], Awaitable[None]]

WORKERS = 3
"""Entries sent at a time, so that a server which hangs does not hold a cancellation."""
RETRY_S = (2, 5, 15, 30, 60, 120, 300)
UNSURE_S = 60
"""Seconds until the other side is asked again after it could not tell."""
STORE_RETRY_S = 2.0
"""Seconds until the local database is tried again, for example when the disk is full."""


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


class NothingRuns(Refused):
    """The site refused a submission after it was looked whether an earlier try had come through: no job exists."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an entry after a try."""

    state: EntryState
    words: str = ""
    next_try_ms: int = 0
    payload: dict[str, object] = field(default_factory=dict)
    tried: bool = True


async def run_outbox(engine: Engine, handlers: Mapping[str, Handler]) -> None:
    """Send what waits until cancelled."""
    if engine.holds_lease:
        recover(engine)
    workers = [asyncio.create_task(_work(engine, handlers)) for _ in range(WORKERS)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await stop_sending(engine)


def recover(engine: Engine) -> None:
    """Take up what was being sent when an engine ended. To be called while nothing is being sent."""
    with engine.store.transaction() as connection:
        table.check_epoch(connection, engine.epoch)
        left = table.recover(connection, engine.now_ms())
    if left:
        LOG.info("%s entries were being sent when an earlier engine ended", left)
    engine.wakes.outbox.set()


async def _work(engine: Engine, handlers: Mapping[str, Handler]) -> None:
    while True:
        try:
            entry = None if engine.stopping.is_set() else take(engine)
        except sqlite3.Error as error:
            LOG.warning("the outbox can't be read now: %s", error)
            await asyncio.sleep(STORE_RETRY_S)
            continue
        if entry is not None:
            engine.hub.publish("outbox")
            await _send_as_task(engine, entry, handlers)
            engine.hub.publish("outbox", "run")
            engine.wakes.outbox.set()
            continue
        due = table.next_due(engine.store.connection) if engine.holds_lease else None
        seconds = 30.0 if due is None else max(0.2, min(30.0, (due - engine.now_ms()) / 1000))
        engine.wakes.outbox.clear()
        await pause(engine.wakes.outbox, seconds)


async def _send_as_task(engine: Engine, entry: Entry, handlers: Mapping[str, Handler]) -> None:
    """Send in a task of its own, so that a lost lease can end it while the worker lives on."""
    task = asyncio.create_task(send(engine, entry, handlers))
    engine.sending.add(task)
    try:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("entry %s could not be settled", entry.id, exc_info=error)
    finally:
        task.cancel()
        engine.sending.discard(task)


async def stop_sending(engine: Engine, grace_s: float = 0.0) -> None:
    """Let what is being sent end within `grace_s`, then cut it off; it is taken up by whoever sends next."""
    tasks = list(engine.sending)
    if tasks and grace_s:
        await asyncio.wait(tasks, timeout=grace_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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
    handler, epoch = handlers.get(entry.kind), engine.epoch
    outcome = Outcome(EntryState.DONE)
    try:
        if handler is None:
            raise Refused(f"This version can't send {entry.kind!r}", hint="Update mantik-tui")
        await handler(engine, entry)
    except EngineProblem as error:
        # Another engine has taken over: the entry is its affair now.
        LOG.warning("entry %s: %s", entry.id, error)
        engine.holds_lease = False
        return
    except Exception as error:  # noqa: BLE001 - every failure becomes the state of the entry, in words
        outcome = outcome_of(entry, error, engine.now_ms())
    await _settle(engine, entry, epoch, outcome)


def outcome_of(entry: Entry, error: Exception, now_ms: int) -> Outcome:
    """The state of an entry after a try that failed.

    What may have happened in the world stays in doubt until it was looked for, whatever else goes wrong meanwhile.
    """
    doubt = entry.kind in table.EFFECTS and (table.in_doubt(entry) or isinstance(error, Unsure))
    if isinstance(error, NothingRuns):
        doubt = False
    payload: dict[str, object] = {"in_doubt": doubt} if entry.kind in table.EFFECTS else {}
    again = EntryState.UNSURE if doubt else EntryState.PENDING
    if isinstance(error, Wait):
        return Outcome(again, str(error), now_ms + int(error.seconds * 1000), payload, tried=False)
    if isinstance(error, Offline):
        if getattr(error, "maybe_sent", True):
            payload["maybe_sent"] = True
        return Outcome(again, _words(error), now_ms + _delay_ms(entry), payload)
    if isinstance(error, Unsure):
        payload["maybe_sent"] = True
        return Outcome(again, _words(error), now_ms + UNSURE_S * 1000, payload)
    if isinstance(error, sqlite3.Error):
        words = f"The local database can't be written: {error}"
        return Outcome(again, words, now_ms + _delay_ms(entry), {**payload, "maybe_sent": True})
    if isinstance(error, MantikError):
        if isinstance(error, TheyChangedIt):
            payload["theirs"] = error.theirs
        if isinstance(error, NeedsLogin):
            payload["needs_login"] = True
        return Outcome(EntryState.BLOCKED, _words(error), payload=payload)
    LOG.error("entry %s failed", entry.id, exc_info=error)
    words = f"Something went wrong here: {error}. The engine's log says more"
    return Outcome(EntryState.BLOCKED, words, payload={**payload, "maybe_sent": True})


def _delay_ms(entry: Entry) -> int:
    return RETRY_S[min(entry.attempts, len(RETRY_S) - 1)] * 1000


def _words(error: MantikError) -> str:
    return ". ".join(part.rstrip(".") for part in (error.title, error.cause, error.hint) if part)


async def _settle(engine: Engine, entry: Entry, epoch: int, outcome: Outcome) -> None:
    """Store the outcome, however long that takes: on a full disk the entry must not stay in `sending` for ever."""
    while True:
        try:
            settled = _store(engine, entry, epoch, outcome)
            break
        except sqlite3.Error as error:
            LOG.warning("entry %s can't be settled now: %s", entry.id, error)
            await asyncio.sleep(STORE_RETRY_S)
    if not settled:
        LOG.warning("entry %s (%s) was taken over by another engine", entry.id, entry.what)
    elif outcome.words:
        LOG.info("entry %s (%s): %s: %s", entry.id, entry.what, outcome.state.value, outcome.words)


def _store(engine: Engine, entry: Entry, epoch: int, outcome: Outcome) -> bool:
    now = engine.now_ms()
    with engine.store.transaction() as connection:
        settled = table.settle(
            connection,
            entry.id,
            outcome.state,
            now,
            epoch=epoch,
            error=outcome.words,
            next_try_ms=outcome.next_try_ms,
            payload=outcome.payload,
            tried=outcome.tried,
        )
        if settled and outcome.state is EntryState.BLOCKED:
            add_notice(connection, "blocked", f"{entry.what}: {outcome.words}", now, entry.run_id)
    return settled


def release_waiting(engine: Engine, workspace_id: int) -> None:
    """A workspace's server answers again: what waited for it is tried at once."""
    with engine.store.transaction() as connection:
        released = table.release(connection, workspace_id, engine.now_ms())
    if released:
        engine.hub.publish("outbox")
        engine.wakes.outbox.set()
