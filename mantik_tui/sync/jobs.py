"""Jobs and their logs: one command a round and site for all jobs, logs by byte range.

Pace: quick while something changes or somebody looks, slow when all is quiet, not at all without jobs. Local processes
cost nothing to look at; a shared batch system gets the slow pace of its site.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.backends.compute.protocols import JobRef
from mantik_tui.backends.compute.run_folder import RunFolder, remove_secrets, run_login_commands
from mantik_tui.domain.errors import MantikError, NotFound, Refused, Unsure
from mantik_tui.domain.ids import job_name
from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.job_states import JobView, unify
from mantik_tui.store.reads import jobs as reads
from mantik_tui.store.writes import jobs as writes
from mantik_tui.store.writes import outbox
from mantik_tui.sync.submit import log_path
from mantik_tui.sync.waiting import pause

if TYPE_CHECKING:
    from mantik_tui.backends.compute.sites import SiteSession
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.jobs")

QUICK_S = {"local": 1.0}
"""Pause between rounds, by transport, while somebody looks; other transports take SLOW_S."""
SLOW_S = 30.0
LOG_S = 0.25
"""Pause between looks at a watched log on this machine."""
LOG_CHUNK = 4_000_000
CHECKPOINTS = ("end-seen", "end-noted", "secrets-removed", "tidied")
"""Moments between two steps of what follows a job's end, in their order."""
TIDY_S = 60.0
"""Pause between tries of what follows a job's end."""
TIDY_FOR_MS = 7 * 86_400_000
"""How long after its end a job is tidied up after."""


async def watch_jobs(engine: Engine) -> None:
    """Look after the jobs of all sites until cancelled."""
    views: dict[tuple[int, int], JobView] = {}
    tidied_ms = 0
    while True:
        pauses = [SLOW_S]
        if engine.holds_lease:
            pauses += [seconds async for seconds in _look_at_all(engine, views)]
            if engine.now_ms() - tidied_ms >= TIDY_S * 1000:
                tidied_ms = engine.now_ms()
                await tidy_up(engine)
        engine.wakes.jobs.clear()
        await pause(engine.wakes.jobs, min(pauses))


async def _look_at_all(
    engine: Engine, views: dict[tuple[int, int], JobView]
) -> AsyncIterator[float]:
    """One round for each site with jobs; yields how soon each wants the next."""
    jobs = [job for job in reads.open_jobs(engine.store.connection) if job.job_id]
    for site in sorted({job.site for job in jobs}):
        try:
            session = await engine.sites.get(engine, site)
            await look(engine, session, [job for job in jobs if job.site == site], views)
            local = session.transport.abilities.same_machine
            yield QUICK_S["local"] if local else SLOW_S
        except MantikError as error:
            LOG.warning("no news of %s: %s", site, error)
            yield 10.0
        except Exception:
            LOG.exception("looking at the jobs of %s failed", site)
            yield 10.0


async def look(
    engine: Engine, session: SiteSession, jobs: list[Job], views: dict[tuple[int, int], JobView]
) -> None:
    """One round: ask for all jobs at once, store what changed, then look after those that ended."""
    refs = [JobRef(job_name(_cid(engine, job.run_id)), job.folder, job.job_id) for job in jobs]
    seen = await session.scheduler.query(session.transport, refs)
    now = engine.now_ms()
    changed = False
    ended: list[Job] = []
    for job, observations in zip(jobs, seen, strict=True):
        key = (job.run_id, job.attempt)
        view = unify(observations, views.get(key) or _stored_view(job), now)
        views[key] = view
        if view.state.ended:
            # Who hears of the end wants to read why.
            await bring_log(engine, session, job)
            engine.checkpoint("end-seen")
        with engine.store.transaction() as connection:
            outbox.check_epoch(connection, engine.epoch)
            changed |= writes.note_seen(connection, job.run_id, job.attempt, view, now)
            if view.node and view.node != job.node:
                connection.execute(
                    "UPDATE job SET node = ? WHERE run_id = ? AND attempt = ?",
                    (view.node, job.run_id, job.attempt),
                )
        if view.state.ended:
            engine.checkpoint("end-noted")
            ended.append(job)
            views.pop(key, None)
    if changed:
        engine.hub.publish("job", "run", "project", "outbox", "notice")
        engine.wakes.outbox.set()
        engine.wakes.logs.set()
    for job in ended:
        await tidy(engine, session, job.run_id, job.folder)


async def bring_log(engine: Engine, session: SiteSession, job: Job) -> None:
    """Fetch what a job has written, as far as that goes now."""
    try:
        await fetch_log(engine, session, job.run_id, job.folder)
    except (MantikError, OSError, sqlite3.Error) as error:
        LOG.info("log of job %s: %s", job.job_id, error)


async def tidy_up(engine: Engine) -> None:
    """What follows the end of jobs, where an earlier engine or a cut link left it undone."""
    since = engine.now_ms() - TIDY_FOR_MS
    for run_id, site, folder in writes.untidied_jobs(engine.store.connection, since):
        try:
            await tidy(engine, await engine.sites.get(engine, site), run_id, folder)
        except MantikError as error:
            LOG.warning("after the end of run %s: %s", run_id, error)


def _stored_view(job: Job) -> JobView | None:
    """What an earlier engine knew of the job; silence since then must not look like a fresh start."""
    if job.seen_ms is None:
        return None
    return JobView(
        job.state,
        job.cause,
        job.words,
        started_ms=job.started_ms,
        seen_ms=job.seen_ms,
        job_id=job.job_id,
        last_known=job.state if job.state is not JobState.UNKNOWN else JobState.QUEUED,
    )


async def tidy(engine: Engine, session: SiteSession, run_id: int, folder: str) -> None:
    """After a job's end: remove its secrets, run the commands that follow on the login node, bring its whole log.

    Each may be repeated. Where the site can't be reached, `tidy_up` tries again later; a command that fails is told.
    """
    try:
        await remove_secrets(session.transport, RunFolder(folder))
        try:
            await run_login_commands(
                session.transport, RunFolder(folder), _login_post(engine, run_id), stage="post"
            )
        except (Refused, Unsure) as error:
            with engine.store.transaction() as connection:
                writes.add_notice(connection, "info", str(error), engine.now_ms(), run_id)
        engine.checkpoint("secrets-removed")
        await fetch_log(engine, session, run_id, folder, complete=True)
        engine.checkpoint("tidied")
    except (MantikError, OSError, sqlite3.Error) as error:
        LOG.warning("after the end of run %s: %s", run_id, error)


def _login_post(engine: Engine, run_id: int) -> list[str]:
    row = engine.store.connection.execute(
        "SELECT json_extract(local, '$.environment.post_login') FROM run_doc WHERE run_id = ?",
        (run_id,),
    ).fetchone()
    return list(json.loads(row[0])) if row and row[0] else []


def _cid(engine: Engine, run_id: int) -> str:
    return str(
        engine.store.connection.execute("SELECT cid FROM run WHERE id = ?", (run_id,)).fetchone()[0]
    )


async def fetch_log(
    engine: Engine, session: SiteSession, run_id: int, folder: str, *, complete: bool = False
) -> int:
    """Append to the local copy what the job has written since. Returns the new size in bytes.

    The copy's own length says where to go on, so that nothing is read twice and a crash loses nothing. Two callers at a
    time write the same bytes to the same place.
    """
    path = log_path(_cid(engine, run_id))
    size = path.stat().st_size if path.exists() else 0
    grown = False
    try:
        while True:
            data = await session.transport.get_range(RunFolder(folder).log, size, LOG_CHUNK)
            if data:
                _put_at(path, size, data)
                size += len(data)
                grown = True
            if len(data) < LOG_CHUNK:
                break
    except NotFound:
        if not complete:
            return size
    if grown or complete:
        with engine.store.transaction() as connection:
            writes.note_log(connection, run_id, str(path), size, complete, engine.now_ms())
        engine.hub.publish("log")
    return size


def _put_at(path: Path, offset: int, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.seek(offset)
        file.write(data)


async def follow_logs(engine: Engine) -> None:
    """Keep the logs of running jobs here: those that somebody looks at closely, the others with a slow pace."""
    beat = 0
    while True:
        watched = engine.hub.watched_logs | engine.hub.watched_runs
        jobs = [
            job
            for job in reads.open_jobs(engine.store.connection)
            if job.job_id and job.state is not JobState.QUEUED
        ]
        for job in jobs if engine.holds_lease else ():
            if job.run_id in watched or beat % 20 == 0:
                try:
                    session = await engine.sites.get(engine, job.site)
                except MantikError as error:
                    LOG.info("log of job %s: %s", job.job_id, error)
                    continue
                await bring_log(engine, session, job)
        beat += 1
        seconds = LOG_S if any(job.run_id in watched for job in jobs) else 5.0 if jobs else 60.0
        engine.wakes.logs.clear()
        await pause(engine.wakes.logs, seconds)
