"""The engine's life: one for each home and host, from the first client until nothing is left to do."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

from mantik_tui import paths
from mantik_tui.domain.errors import MantikError, Refused
from mantik_tui.store.connect import Store
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.store.writes import outbox as outbox_writes
from mantik_tui.sync import lease, push, submit
from mantik_tui.sync.context import Engine
from mantik_tui.sync.demo import resume_demo
from mantik_tui.sync.histories import follow_histories
from mantik_tui.sync.hub import Client, Hub
from mantik_tui.sync.jobs import follow_logs, watch_jobs
from mantik_tui.sync.outbox import run_outbox
from mantik_tui.sync.requests import VERBS
from mantik_tui.sync.secrets import Secrets
from mantik_tui.sync.tracking import supervise

LOG = logging.getLogger("mantik.engine")

IDLE_S = 600.0
"""How long the engine stays after the last client, when nothing waits to be sent."""
FAULT_VARIABLE = "MANTIK_TUI_FAULT_AT"
"""Names a checkpoint of the submit path at which the engine kills itself with -9; for tests."""

HANDLERS = {**push.HANDLERS, **submit.HANDLERS}


def run_engine(*, keep: bool = False, idle_s: float = IDLE_S) -> int:
    """Run the engine of this home until it is stopped or idle. Returns the exit code: 0, also when another one runs."""
    os.umask(0o077)
    _log_to_file()
    lock = _lock()
    if lock is None:
        return 0
    try:
        asyncio.run(_live(keep, idle_s))
    except MantikError as error:
        LOG.error("%s", error)
        print(error, file=sys.stderr)  # noqa: T201 - goes to the file that the client names when nothing answers
        return error.exit_code
    finally:
        lock.close()
    return 0


def _lock() -> IO[str] | None:
    """Only one engine of a home runs on a host. The lock ends with the process, however it ends."""
    path = paths.socket_path().with_suffix(".lock")
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _log_to_file() -> None:
    handler = logging.handlers.RotatingFileHandler(
        paths.log_dir() / "engine.log", maxBytes=2_000_000, backupCount=2, delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("mantik")
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def _checkpoint() -> Callable[[str], None]:
    wanted = os.environ.get(FAULT_VARIABLE)
    if not wanted:
        return lambda _name: None

    def die_there(name: str) -> None:
        if name == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_there


async def _live(keep: bool, idle_s: float) -> None:
    store = Store(paths.database())
    engine = Engine(store=store, secrets=Secrets(), checkpoint=_checkpoint(), keep=keep)

    async def answer(client: Client, verb: str, args: dict[str, Any]) -> Any:
        handler = VERBS.get(verb)
        if handler is None:
            raise Refused(
                f"This engine does not know {verb!r}",
                hint="mantik-tui engine stop lets a newer one start",
            )
        return await handler(engine, client, args)

    engine.hub = Hub(answer, lambda: engine.life.set())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stopping.set)
    _hold_lease(engine)
    await engine.hub.listen(paths.socket_path())
    duties = [
        asyncio.create_task(duty, name=name)
        for name, duty in (
            ("lease", _keep_lease(engine)),
            ("tracking", supervise(engine)),
            ("outbox", run_outbox(engine, HANDLERS)),
            ("jobs", watch_jobs(engine)),
            ("logs", follow_logs(engine)),
            ("histories", follow_histories(engine)),
            ("life", _until_idle(engine, idle_s)),
        )
    ]
    demo = asyncio.create_task(resume_demo(engine))
    stop = asyncio.create_task(engine.stopping.wait())
    LOG.info(
        "engine %s is up, %s",
        os.getpid(),
        "sending" if engine.holds_lease else f"{engine.lease_host} sends",
    )
    await asyncio.wait([stop, *duties], return_when=asyncio.FIRST_COMPLETED)
    for duty in duties:
        if duty.done() and not duty.cancelled() and duty.exception() is not None:
            LOG.error("duty %s failed", duty.get_name(), exc_info=duty.exception())
    await _end(engine, [stop, demo, *duties])


async def _end(engine: Engine, tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.hub.close()
    for workspace_id in list(engine.clients):
        await engine.forget_tracking(workspace_id)
    await engine.sites.forget()
    if engine.demo_stop is not None:
        await asyncio.to_thread(engine.demo_stop)
    if engine.holds_lease:
        lease.release(engine.store, engine.epoch)
    with contextlib.suppress(FileNotFoundError):
        paths.socket_path().unlink()
    engine.store.close()
    LOG.info("engine %s has ended", os.getpid())


def _hold_lease(engine: Engine) -> bool:
    """Try to take the lease; returns whether this engine sends now."""
    holder = lease.acquire(engine.store, engine.now_ms())
    engine.lease_host = holder.host
    if holder.ours:
        engine.epoch, engine.holds_lease = holder.epoch, True
        with engine.store.transaction() as connection:
            left = outbox_writes.recover(connection, engine.epoch, engine.now_ms())
        if left:
            LOG.info("%s entries were being sent when an earlier engine ended", left)
        engine.wakes.outbox.set()
    return holder.ours


async def _keep_lease(engine: Engine) -> None:
    while True:
        await asyncio.sleep(lease.RENEW_S)
        if engine.holds_lease and not lease.renew(engine.store, engine.epoch, engine.now_ms()):
            LOG.warning("another engine has taken the lease")
            engine.holds_lease = False
        if not engine.holds_lease and _hold_lease(engine):
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
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.life.wait(), wait)


def _busy(engine: Engine) -> bool:
    """Something is being sent, could be sent now, or a training still reports to the demo's server, our child."""
    connection = engine.store.connection
    live = connection.execute(
        "SELECT 1 FROM outbox o JOIN workspace w ON w.id = o.workspace_id WHERE o.state IN ('pending', 'sending')"
        " AND w.state IN ('live', 'pulling', 'new') LIMIT 1"
    ).fetchone()
    return bool(live) or (engine.demo_stop is not None and bool(job_reads.open_jobs(connection)))
