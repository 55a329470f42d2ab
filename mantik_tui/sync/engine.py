"""The engine's life: one for each home and host, from the first client until nothing is left to do."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Coroutine
from typing import IO, Any

from mantik_tui import paths
from mantik_tui.domain.errors import MantikError, Refused, StoreProblem
from mantik_tui.store.connect import Store, file_system_of, on_network
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.store.writes import setup
from mantik_tui.store.writes.jobs import add_notice
from mantik_tui.sync import cancel, lease, push, submit
from mantik_tui.sync.context import Engine
from mantik_tui.sync.demo import resume_demo
from mantik_tui.sync.histories import follow_histories
from mantik_tui.sync.hub import Client, Hub
from mantik_tui.sync.jobs import follow_logs, watch_jobs
from mantik_tui.sync.outbox import recover, run_outbox, stop_sending
from mantik_tui.sync.requests import VERBS
from mantik_tui.sync.secrets import Secrets
from mantik_tui.sync.tracking import supervise
from mantik_tui.sync.waiting import pause

LOG = logging.getLogger("mantik.engine")

IDLE_S = 600.0
"""How long the engine stays after the last client, when nothing waits to be sent."""
FAULT_VARIABLE = "MANTIK_TUI_FAULT_AT"
"""For tests: a checkpoint of the submit path at which the engine kills itself with -9, or `job:` and a point of the job
script at which that does, or both with a comma between."""
JOB_FAULT = "job:"
LOCK_WAIT_S = 15.0
"""How long a new engine waits for one that is about to end."""
DRAIN_S = 5.0
"""How long an engine that is asked to end lets what it is sending come to its end."""
DUTY_PAUSE_S = 5.0

HANDLERS = {**push.HANDLERS, **submit.HANDLERS, **cancel.HANDLERS}


def run_engine(*, keep: bool = False, idle_s: float = IDLE_S) -> int:
    """Run the engine of this home until it is stopped or idle. Returns the exit code: 0, also when another one runs."""
    os.umask(0o077)
    lock = None
    try:
        _log_to_file()
        lock = take_lock()
        if lock is None:
            return 0
        asyncio.run(live(keep=keep, idle_s=idle_s))
    except (MantikError, sqlite3.Error, OSError) as error:
        LOG.error("%s", error, exc_info=not isinstance(error, MantikError))
        print(error, file=sys.stderr)  # noqa: T201 - goes to the file that the client names when nothing answers
        return error.exit_code if isinstance(error, MantikError) else 1
    finally:
        if lock is not None:
            lock.close()
    return 0


def take_lock(wait_s: float = LOCK_WAIT_S) -> IO[str] | None:
    """Only one engine of a home runs on a host. The lock ends with the process, however it ends.

    Waits for an engine that is about to end; returns None when one is there and answers, or does not end in time.
    """
    path = paths.socket_path().with_suffix(".lock")
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w")
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if _answers() or time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.05)
        else:
            return file


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(paths.socket_path()))
        except OSError:
            return False
    return True


def _log_to_file() -> None:
    handler = logging.handlers.RotatingFileHandler(
        paths.log_dir() / "engine.log", maxBytes=2_000_000, backupCount=2, delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("mantik")
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def faults() -> tuple[Callable[[str], None], str]:
    """For tests: what happens at checkpoints, and where job scripts die."""
    wanted = [name for name in os.environ.get(FAULT_VARIABLE, "").split(",") if name]
    here = {name for name in wanted if not name.startswith(JOB_FAULT)}
    there = [name.removeprefix(JOB_FAULT) for name in wanted if name not in here]

    def die_there(name: str) -> None:
        if name in here:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_there, there[0] if there else ""


async def live(
    *,
    keep: bool = False,
    idle_s: float = IDLE_S,
    signals: bool = True,
    ready: Callable[[Engine], None] = lambda _engine: None,
) -> None:
    """An engine's life, in the loop that calls it. The caller holds the lock.

    Args:
        signals: end upon TERM and INT; only possible in a process's main thread.
        ready: told once clients can connect.
    """
    store = Store(paths.database())
    if store.read_only:
        store.close()
        raise StoreProblem(
            "The engine can't work in a home that is read-only", f"{store.path} can't be written"
        )
    checkpoint, kill_job_at = faults()
    engine = Engine(
        store=store, secrets=Secrets(), checkpoint=checkpoint, keep=keep, kill_job_at=kill_job_at
    )

    async def answer(client: Client, verb: str, args: dict[str, Any]) -> Any:
        handler = VERBS.get(verb)
        if handler is None:
            raise Refused(
                f"This engine does not know {verb!r}",
                hint="mantik-tui engine stop lets a newer one start",
            )
        return await handler(engine, client, args)

    engine.hub = Hub(answer, lambda: engine.life.set())
    if signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, engine.stopping.set)
    _hold_lease(engine)
    await engine.hub.listen(paths.socket_path())
    _say_how_the_database_lies(engine)
    ready(engine)
    stop = asyncio.create_task(engine.stopping.wait())
    idle = asyncio.create_task(_until_idle(engine, idle_s))
    demo = asyncio.create_task(resume_demo(engine))
    duties = [
        asyncio.create_task(_again_and_again(name, duty), name=name)
        for name, duty in _duties(engine).items()
    ]
    sends = "sending" if engine.holds_lease else f"{engine.lease_host} sends"
    LOG.info("engine %s is up, %s", os.getpid(), sends)
    await asyncio.wait([stop, idle], return_when=asyncio.FIRST_COMPLETED)
    await _end(engine, [stop, idle, demo, *duties])


Duty = Callable[[], Coroutine[Any, Any, None]]


def _duties(engine: Engine) -> dict[str, Duty]:
    return {
        "lease": lambda: _keep_lease(engine),
        "tracking": lambda: supervise(engine),
        "outbox": lambda: run_outbox(engine, HANDLERS),
        "jobs": lambda: watch_jobs(engine),
        "logs": lambda: follow_logs(engine),
        "histories": lambda: follow_histories(engine),
    }


async def _again_and_again(name: str, duty: Duty) -> None:
    """Run a duty until cancelled. A defect, or a disk that is full, ends it only for a moment: the others go on."""
    while True:
        try:
            await duty()
        except Exception:
            LOG.exception("duty %s failed", name)
        await asyncio.sleep(DUTY_PAUSE_S)


def _say_how_the_database_lies(engine: Engine) -> None:
    """Tell a person once when the database lies where several windows write more slowly."""
    if not on_network(engine.store.path) or engine.store.journal_mode() == "wal":
        return
    kind = file_system_of(engine.store.path)
    with engine.store.transaction() as connection:
        if setup.get_meta(connection, "told of journal") == kind:
            return
        setup.set_meta(connection, "told of journal", kind)
        add_notice(
            connection,
            "info",
            f"The database lies on a network file system ({kind}) and keeps a rollback journal: screens may wait for"
            " a moment while runs are stored. MANTIK_TUI_HOME moves it to a local disk",
            engine.now_ms(),
        )


async def _end(engine: Engine, tasks: list[asyncio.Task[Any]]) -> None:
    engine.stopping.set()  # nothing new is sent
    await stop_sending(engine, DRAIN_S)
    left: set[asyncio.Task[Any]] = set(tasks)
    while left:
        # More than once: a library that swallows a cancellation must not keep the engine from ending.
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1.0)
    await engine.hub.close()
    for workspace_id in list(engine.clients):
        await engine.forget_tracking(workspace_id)
    await asyncio.sleep(0)
    await engine.close_forgotten()
    await engine.sites.forget()
    if engine.demo_stop is not None:
        await asyncio.to_thread(engine.demo_stop)
    if engine.holds_lease:
        with contextlib.suppress(sqlite3.Error):
            lease.release(engine.store, engine.epoch)
    with contextlib.suppress(FileNotFoundError):
        paths.socket_path().unlink()
    engine.store.close()
    LOG.info("engine %s has ended", os.getpid())


def _hold_lease(engine: Engine) -> bool:
    """Try to take the lease; returns whether this engine sends now. To be called while nothing is being sent."""
    holder = lease.acquire(engine.store, engine.now_ms())
    engine.lease_host = holder.host
    if holder.ours:
        engine.epoch, engine.holds_lease = holder.epoch, True
        recover(engine)
    return holder.ours


async def _keep_lease(engine: Engine) -> None:
    while True:
        await asyncio.sleep(lease.RENEW_S)
        if engine.holds_lease and not lease.renew(engine.store, engine.epoch, engine.now_ms()):
            LOG.warning("another engine has taken the lease")
            engine.holds_lease = False
        if not engine.holds_lease:
            # Under a new epoch nothing may go on that was begun under the old one.
            await stop_sending(engine)
            if _hold_lease(engine):
                for event in engine.refreshes.values():
                    event.set()


async def _until_idle(engine: Engine, idle_s: float) -> None:
    """Return when there is no reason to stay: no client for a while, and nothing that could be sent now."""
    loop = asyncio.get_running_loop()
    while True:
        engine.life.clear()
        if engine.keep or engine.hub.clients or _busy(engine):
            wait = 30.0
        else:
            wait = engine.hub.last_client + idle_s - loop.time()
            if wait <= 0:
                LOG.info("nothing left to do")
                return
        await pause(engine.life, wait)


def _busy(engine: Engine) -> bool:
    """Something is being sent, could be sent now, or a training still reports to the demo's server, our child."""
    connection = engine.store.connection
    live = connection.execute(
        "SELECT 1 FROM outbox o JOIN workspace w ON w.id = o.workspace_id WHERE o.state IN ('pending', 'sending')"
        " AND w.state IN ('live', 'pulling', 'new') LIMIT 1"
    ).fetchone()
    return bool(live) or (engine.demo_stop is not None and bool(job_reads.open_jobs(connection)))
