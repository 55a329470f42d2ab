"""Reads of jobs, logs, sites, the outbox, notices and other small tables."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.outbox import Entry, EntryState
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.store.reads.standing import OutboxCounts as OutboxCounts
from mantik_tui.store.reads.standing import job_counts as job_counts
from mantik_tui.store.reads.standing import outbox_counts as outbox_counts
from mantik_tui.store.reads.standing import view_state as view_state

_JOB = (
    "SELECT j.run_id, j.attempt, j.job_id, j.site, j.state, j.cause, j.words, j.exit_code, j.signal, j.node, j.folder,"
    " j.submitted_ms, j.started_ms, j.ended_ms, j.limit_ms, j.seen_ms, coalesce(l.size, 0)"
    " FROM job j LEFT JOIN log l ON l.run_id = j.run_id"
)


def _job(row: tuple) -> Job:  # type: ignore[type-arg]
    return Job(*(*row[:4], JobState(row[4]), *row[5:]))


def latest_job(connection: sqlite3.Connection, run_id: int) -> Job | None:
    row = connection.execute(
        _JOB + " WHERE j.run_id = ? ORDER BY j.attempt DESC LIMIT 1", (run_id,)
    ).fetchone()
    return None if row is None else _job(row)


def jobs_of_run(connection: sqlite3.Connection, run_id: int) -> list[Job]:
    return [
        _job(row)
        for row in connection.execute(_JOB + " WHERE j.run_id = ? ORDER BY j.attempt", (run_id,))
    ]


def open_jobs(connection: sqlite3.Connection, site: str | None = None) -> list[Job]:
    """Jobs whose end is not known, of one site or of all."""
    where = "j.state IN ('queued', 'running', 'finishing', 'suspended', 'unknown')"
    args: tuple[str, ...] = ()
    if site is not None:
        where, args = where + " AND j.site = ?", (site,)
    return [
        _job(row)
        for row in connection.execute(f"{_JOB} WHERE {where} ORDER BY j.submitted_ms", args)
    ]


@dataclass(frozen=True, slots=True)
class JobEvent:
    at_ms: int
    attempt: int
    state: str
    cause: str
    words: str


def job_events(connection: sqlite3.Connection, run_id: int) -> list[JobEvent]:
    return [
        JobEvent(*row)
        for row in connection.execute(
            "SELECT at_ms, attempt, state, cause, words FROM job_event WHERE run_id = ? ORDER BY at_ms, id",
            (run_id,),
        )
    ]


@dataclass(frozen=True, slots=True)
class LogInfo:
    path: str
    size: int
    complete: bool
    as_of_ms: int | None


def get_log(connection: sqlite3.Connection, run_id: int) -> LogInfo | None:
    row = connection.execute(
        "SELECT path, size, complete, as_of_ms FROM log WHERE run_id = ?", (run_id,)
    ).fetchone()
    return None if row is None else LogInfo(row[0], row[1], bool(row[2]), row[3])


@dataclass(frozen=True, slots=True)
class SiteFile:
    path: str
    is_dir: bool
    size: int | None
    changed_ms: int | None
    as_of_ms: int


def site_files(connection: sqlite3.Connection, run_id: int) -> list[SiteFile]:
    """The run folder on the site as last listed."""
    return [
        SiteFile(*(row[0], bool(row[1]), *row[2:]))
        for row in connection.execute(
            "SELECT path, is_dir, size, changed_ms, as_of_ms FROM site_file WHERE run_id = ? ORDER BY path",
            (run_id,),
        )
    ]


def sites(connection: sqlite3.Connection) -> list[Site]:
    return [_site(row) for row in connection.execute(_SITE + " ORDER BY name")]


_SITE = "SELECT name, transport, scheduler, address, run_root, account, settings, state, reason, as_of_ms FROM site"


def _site(row: tuple) -> Site:  # type: ignore[type-arg]
    settings = json.loads(row[6])
    modules, extra_lines = (
        tuple(settings.pop("modules", ())),
        tuple(settings.pop("extra_lines", ())),
    )
    return Site(*(*row[:6], modules, extra_lines, settings, *row[7:]))


def get_site(connection: sqlite3.Connection, name: str) -> Site:
    """The site of this name.

    Raises:
        NotFound: it is not configured.
    """
    row = connection.execute(_SITE + " WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(
            f"No site is called {name!r}",
            hint="mantik-tui sites list shows them, sites add adds one",
        )
    return _site(row)


_ENTRY = (
    "SELECT id, kind, target, run_id, what, payload, base, steps_done, after, state, attempts, next_try_ms, error,"
    " created_ms, updated_ms, workspace_id FROM outbox"
)


def _entry(row: tuple) -> Entry:  # type: ignore[type-arg]
    payload, base, steps, after = (json.loads(part) for part in row[5:9])
    return Entry(
        *(*row[:5], payload, base, tuple(steps), tuple(after), EntryState(row[9]), *row[10:])
    )


def open_entries(connection: sqlite3.Connection, run_id: int | None = None) -> list[Entry]:
    """Entries that are not done or taken back, oldest first; of one run, or all."""
    where, args = "state NOT IN ('done', 'cancelled')", ()
    if run_id is not None:
        return [
            _entry(row)
            for row in connection.execute(
                f"{_ENTRY} WHERE {where} AND run_id = ? ORDER BY id", (run_id,)
            )
        ]
    return [_entry(row) for row in connection.execute(f"{_ENTRY} WHERE {where} ORDER BY id", args)]


def recent_entries(connection: sqlite3.Connection, since_ms: int, limit: int = 500) -> list[Entry]:
    """Entries that were done or taken back since then, newest first."""
    return [
        _entry(row)
        for row in connection.execute(
            f"{_ENTRY} WHERE state IN ('done', 'cancelled') AND updated_ms >= ? ORDER BY updated_ms DESC LIMIT ?",
            (since_ms, limit),
        )
    ]


def get_entry(connection: sqlite3.Connection, entry_id: str) -> Entry:
    """The entry with this id or unique ending.

    Raises:
        NotFound: there is none.
    """
    rows = connection.execute(
        f"{_ENTRY} WHERE id = ? OR id LIKE ? LIMIT 2", (entry_id, f"%{entry_id}")
    ).fetchall()
    if len(rows) != 1:
        raise NotFound(
            f"No single outbox entry is called {entry_id!r}",
            hint="mantik-tui outbox list shows them",
        )
    return _entry(rows[0])


def run_configs(connection: sqlite3.Connection, project_id: int | None = None) -> list[RunConfig]:
    """Saved run configurations by name, of one project or of all."""
    where, args = ("project_id = ?", (project_id,)) if project_id is not None else ("1", ())
    return [
        _run_config(row)
        for row in connection.execute(
            f"SELECT id, project_id, name, doc, updated_ms FROM run_config WHERE {where} ORDER BY name",
            args,
        )
    ]


def _run_config(row: tuple) -> RunConfig:  # type: ignore[type-arg]
    doc = json.loads(row[3])
    doc["extra_lines"] = tuple(doc.get("extra_lines", ()))
    return RunConfig(id=row[0], project_id=row[1], name=row[2], updated_ms=row[4], **doc)


def get_run_config(connection: sqlite3.Connection, config_id: int) -> RunConfig:
    """One saved run configuration.

    Raises:
        NotFound: there is no such row.
    """
    row = connection.execute(
        "SELECT id, project_id, name, doc, updated_ms FROM run_config WHERE id = ?", (config_id,)
    ).fetchone()
    if row is None:
        raise NotFound(
            "There is no such run configuration", hint="mantik-tui configs list shows them"
        )
    return _run_config(row)


@dataclass(frozen=True, slots=True)
class Notice:
    id: int
    at_ms: int
    kind: str
    """`ended`, `blocked`, `info`."""
    run_id: int | None
    text: str


def unseen_notices(connection: sqlite3.Connection) -> list[Notice]:
    return [
        Notice(*row)
        for row in connection.execute(
            "SELECT id, at_ms, kind, run_id, text FROM notice WHERE seen = 0 ORDER BY id"
        )
    ]


@dataclass(frozen=True, slots=True)
class Lease:
    host: str
    boot_id: str
    pid: int
    epoch: int
    renewed_ms: int


def lease(connection: sqlite3.Connection) -> Lease | None:
    """Who sends: the engine that holds the lease, or held it last."""
    row = connection.execute("SELECT host, boot_id, pid, epoch, renewed_ms FROM lease").fetchone()
    return None if row is None else Lease(*row)
