"""Jobs and their logs: one command a round and site for all jobs, logs by byte range.

Pace: quick while something changes or somebody looks, slow when all is quiet, not at all without jobs. Local processes
cost nothing to look at; a shared batch system gets the slow pace of its site.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from typing import TYPE_CHECKING

from mantik_tui.backends.compute.protocols import JobRef
from mantik_tui.backends.compute.run_folder import RunFolder, remove_secrets, run_login_commands
from mantik_tui.domain.errors import MantikError, NotFound
from mantik_tui.domain.ids import job_name
from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.job_states import JobView, unify
from mantik_tui.store.reads import jobs as reads
from mantik_tui.store.writes import jobs as writes
from mantik_tui.sync.pull import refresh_projects
from mantik_tui.sync.submit import log_path

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


async def watch_jobs(engine: Engine) -> None:
    """Look after the jobs of all sites until cancelled."""
    views: dict[tuple[int, int], JobView] = {}
    while True:
        jobs = reads.open_jobs(engine.store.connection)
        sites = sorted({job.site for job in jobs if job.job_id})
        pauses = [SLOW_S]
        for site in sites if engine.holds_lease else ():
            mine = [job for job in jobs if job.site == site and job.job_id]
            try:
                session = await engine.sites.get(engine, site)
                await look(engine, session, mine, views)
                local = session.transport.abilities.same_machine
                pauses.append(QUICK_S["local"] if local else SLOW_S)
            except MantikError as error:
                LOG.warning("no news of %s: %s", site, error)
                pauses.append(10.0)
            except Exception:
                LOG.exception("looking at the jobs of %s failed", site)
        engine.wakes.jobs.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.wakes.jobs.wait(), min(pauses))


async def look(
    engine: Engine, session: SiteSession, jobs: list[Job], views: dict[tuple[int, int], JobView]
) -> None:
    """One round: ask for all jobs at once, store what changed, finish what ended."""
    refs = [JobRef(job_name(_cid(engine, job.run_id)), job.folder, job.job_id) for job in jobs]
    seen = await session.scheduler.query(session.transport, refs)
    now = engine.now_ms()
    changed: list[int] = []
    for job, observations in zip(jobs, seen, strict=True):
        key = (job.run_id, job.attempt)
        view = unify(observations, views.get(key) or _stored_view(job), now)
        views[key] = view
        if view.state.ended:
            await _finish(engine, session, job)
            views.pop(key, None)
        with engine.store.transaction() as connection:
            if writes.note_seen(connection, job.run_id, job.attempt, view, now):
                changed.append(job.run_id)
            if view.node and view.node != job.node:
                connection.execute(
                    "UPDATE job SET node = ? WHERE run_id = ?", (view.node, job.run_id)
                )
    if changed:
        refresh_projects(engine, changed)
        engine.hub.publish("job", "run", "project", "outbox", "notice")
        engine.wakes.outbox.set()
        engine.wakes.logs.set()


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


async def _finish(engine: Engine, session: SiteSession, job: Job) -> None:
    """A job has ended: bring its whole log, run the commands that follow on the login node, remove its secrets.

    What fails here is logged and not tried for ever: the end itself is stored in any case.
    """
    folder = RunFolder(job.folder)
    try:
        await fetch_log(engine, session, job.run_id, job.folder, complete=True)
        await remove_secrets(session.transport, folder)
        spec = _login_post(engine, job.run_id)
        if spec:
            await run_login_commands(session.transport, folder, spec, stage="post")
    except MantikError as error:
        LOG.warning("after the end of job %s: %s", job.job_id, error)


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

    The copy's own length says where to go on, so that nothing is read twice and a crash loses nothing.
    """
    path = log_path(_cid(engine, run_id))
    size = path.stat().st_size if path.exists() else 0
    grown = False
    try:
        while True:
            data = await session.transport.get_range(RunFolder(folder).log, size, LOG_CHUNK)
            if data:
                with open(
                    path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)
                ) as file:
                    file.write(data)
                size += len(data)
                grown = True
            if len(data) < LOG_CHUNK:
                break
    except NotFound:
        return size
    if grown or complete:
        with engine.store.transaction() as connection:
            writes.note_log(connection, run_id, str(path), size, complete, engine.now_ms())
        engine.hub.publish("log")
    return size


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
                    await fetch_log(engine, session, job.run_id, job.folder)
                except MantikError as error:
                    LOG.info("log of job %s: %s", job.job_id, error)
        beat += 1
        pause = LOG_S if any(job.run_id in watched for job in jobs) else 5.0 if jobs else 60.0
        engine.wakes.logs.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.wakes.logs.wait(), pause)
