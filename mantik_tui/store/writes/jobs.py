"""What the engine learned of jobs, logs, run folders and artifacts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Protocol

from mantik_tui.domain.job import JobState
from mantik_tui.domain.outbox import EntryKind
from mantik_tui.domain.run import RunStatus
from mantik_tui.store.writes.outbox import add_entry, supersede
from mantik_tui.store.writes.projects import refresh_stats_of_runs

STATUS_OF = {
    JobState.QUEUED: RunStatus.SCHEDULED,
    JobState.RUNNING: RunStatus.RUNNING,
    JobState.FINISHING: RunStatus.RUNNING,
    JobState.SUSPENDED: RunStatus.RUNNING,
    JobState.FINISHED: RunStatus.FINISHED,
    JobState.FAILED: RunStatus.FAILED,
    JobState.LOST: RunStatus.FAILED,
    JobState.CANCELLED: RunStatus.KILLED,
}


class SeenJob(Protocol):
    """A job as the pure state logic gives it."""

    @property
    def state(self) -> JobState: ...
    @property
    def cause(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...
    @property
    def started_ms(self) -> int | None: ...
    @property
    def ended_ms(self) -> int | None: ...


def note_submitted(
    connection: sqlite3.Connection, run_id: int, attempt: int, job_id: str, folder: str, now_ms: int
) -> None:
    """A job has its id."""
    connection.execute(
        "UPDATE job SET job_id = ?, folder = ?, submitted_ms = coalesce(submitted_ms, ?), seen_ms = ?, words = ''"
        " WHERE run_id = ? AND attempt = ?",
        (job_id, folder, now_ms, now_ms, run_id, attempt),
    )
    connection.execute(
        "INSERT INTO job_event (run_id, attempt, at_ms, state, words) VALUES (?, ?, ?, 'queued', ?)",
        (run_id, attempt, now_ms, f"submitted as {job_id}"),
    )


def note_seen(
    connection: sqlite3.Connection, run_id: int, attempt: int, seen: SeenJob, now_ms: int
) -> bool:
    """Store what was seen of a job; a new state becomes an event, the run's status follows, and its server is told.

    Returns whether anything but the time of the look has changed.
    """
    old = connection.execute(
        "SELECT state, cause, words FROM job WHERE run_id = ? AND attempt = ?", (run_id, attempt)
    ).fetchone()
    if old is None:
        return False
    connection.execute(
        "UPDATE job SET state = ?, cause = ?, words = ?, exit_code = ?, signal = ?, started_ms = coalesce(?, started_ms),"
        " ended_ms = coalesce(?, ended_ms), seen_ms = ? WHERE run_id = ? AND attempt = ?",
        (seen.state.value, seen.cause, seen.words, seen.exit_code, seen.signal, seen.started_ms, seen.ended_ms, now_ms,
         run_id, attempt),
    )  # fmt: skip
    if tuple(old) == (seen.state.value, seen.cause, seen.words):
        return False
    if old[0] != seen.state.value:
        connection.execute(
            "INSERT INTO job_event (run_id, attempt, at_ms, state, cause, words) VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, attempt, seen.ended_ms or now_ms, seen.state.value, seen.cause, seen.words),
        )
    _follow(connection, run_id, seen, now_ms)
    return True


def _follow(connection: sqlite3.Connection, run_id: int, seen: SeenJob, now_ms: int) -> None:
    """Let the run's status follow its job; tell the server what was proven, and the person that a run has ended."""
    status = STATUS_OF.get(seen.state)
    row = connection.execute(
        "SELECT status, workspace_id, coalesce(cid, server_id), name FROM run WHERE id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return
    new_status = status.value if status else row[0]
    ended = seen.state.ended
    connection.execute(
        "UPDATE run SET status = ?, job_state = ?, cause = ?, end_ms = iif(?, coalesce(?, ?), end_ms) WHERE id = ?",
        (new_status, seen.state.value, seen.cause, ended, seen.ended_ms, now_ms, run_id),
    )
    if new_status == row[0]:
        return
    refresh_stats_of_runs(connection, [run_id])
    supersede(connection, run_id, EntryKind.RUN_STATUS, now_ms)
    payload: dict[str, object] = {"status": new_status}
    if ended:
        payload["end_ms"] = seen.ended_ms or now_ms
        why = f": {seen.cause}" if seen.cause else ""
        add_notice(connection, "ended", f"{row[3]} {new_status}{why}", now_ms, run_id)
    add_entry(
        connection, workspace_id=row[1], kind=EntryKind.RUN_STATUS, target=f"run:{row[2]}", run_id=run_id,
        what=f"status {new_status}", now_ms=now_ms, payload=payload,
    )  # fmt: skip


def add_notice(
    connection: sqlite3.Connection, kind: str, text: str, now_ms: int, run_id: int | None = None
) -> None:
    """Something a person should be told on return."""
    connection.execute(
        "INSERT INTO notice (at_ms, kind, run_id, text) VALUES (?, ?, ?, ?)",
        (now_ms, kind, run_id, text),
    )


def notices_seen(connection: sqlite3.Connection, up_to: int, first: int = 0) -> None:
    connection.execute(
        "UPDATE notice SET seen = 1 WHERE id BETWEEN ? AND ? AND seen = 0", (first, up_to)
    )
    connection.execute("DELETE FROM notice WHERE seen = 1 AND id < ? - 1000", (up_to,))


def note_log(
    connection: sqlite3.Connection, run_id: int, path: str, size: int, complete: bool, now_ms: int
) -> None:
    """How much of a log lies here."""
    connection.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET path = excluded.path,"
        " size = max(size, excluded.size), complete = max(complete, excluded.complete), as_of_ms = excluded.as_of_ms",
        (run_id, path, size, int(complete), now_ms),
    )


def untidied_jobs(connection: sqlite3.Connection, since_ms: int) -> list[tuple[int, str, str]]:
    """(run, site, run folder) of jobs that ended since then and whose log was not brought here as a whole.

    That is noted last of all that follows an end, so that their secrets may still lie in their run folders.
    """
    return connection.execute(
        "SELECT j.run_id, j.site, j.folder FROM job j LEFT JOIN log l ON l.run_id = j.run_id WHERE j.job_id <> ''"
        " AND j.state IN ('finished', 'failed', 'cancelled', 'lost') AND coalesce(j.ended_ms, j.seen_ms) >= ?"
        " AND coalesce(l.complete, 0) = 0",
        (since_ms,),
    ).fetchall()


FileRow = tuple[str, bool, int | None]
"""(path, is a folder, size in bytes)."""


def store_artifact_listing(
    connection: sqlite3.Connection,
    run_id: int,
    folder: str,
    entries: Iterable[FileRow],
    now_ms: int,
) -> None:
    """Replace what is known of one folder of a run's artifacts; what was downloaded stays known if it is still there."""
    entries = list(entries)
    names = {path for path, _, _ in entries}
    prefix = f"{folder}/" if folder else ""
    known = connection.execute("SELECT path FROM artifact WHERE run_id = ?", (run_id,)).fetchall()
    for (path,) in known:
        inside = path.startswith(prefix) and "/" not in path[len(prefix) :]
        if inside and path not in names:
            connection.execute(
                "DELETE FROM artifact WHERE run_id = ? AND (path = ? OR substr(path, 1, ?) = ?)",
                (run_id, path, len(path) + 1, f"{path}/"),
            )
    connection.executemany(
        "INSERT INTO artifact (run_id, path, is_dir, size, as_of_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " local_path = iif(size IS excluded.size, local_path, NULL), is_dir = excluded.is_dir, size = excluded.size,"
        " as_of_ms = excluded.as_of_ms",
        [(run_id, path, int(is_dir), size, now_ms) for path, is_dir, size in entries],
    )
    connection.execute(
        "INSERT OR REPLACE INTO artifact_dir VALUES (?, ?, ?)", (run_id, folder, now_ms)
    )


def note_downloaded(
    connection: sqlite3.Connection, run_id: int, path: str, local_path: str
) -> None:
    connection.execute(
        "UPDATE artifact SET local_path = ? WHERE run_id = ? AND path = ?",
        (local_path, run_id, path),
    )


def store_site_files(
    connection: sqlite3.Connection,
    run_id: int,
    entries: Iterable[tuple[str, bool, int | None, int | None]],
    now_ms: int,
) -> None:
    """Replace the listing of a run folder: (path, is a folder, size, changed in ms)."""
    connection.execute("DELETE FROM site_file WHERE run_id = ?", (run_id,))
    connection.executemany(
        "INSERT OR REPLACE INTO site_file VALUES (?, ?, ?, ?, ?, ?)",
        [
            (run_id, path, int(is_dir), size, changed, now_ms)
            for path, is_dir, size, changed in entries
        ],
    )
