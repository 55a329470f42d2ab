"""What a person does, written at once here and queued for the server: tags, notes, names, runs, cancellations.

Each function makes the local change and its outbox entry in the caller's one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from mantik_tui.domain.errors import Conflict, Refused
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.reads.runs import NOTE_TAG
from mantik_tui.store.writes.keys import key_number
from mantik_tui.store.writes.outbox import add_entry, cancel_entry
from mantik_tui.store.writes.pulled import remove_runs

MAX_TAG = 8000
"""Longer run tags are cut by MLflow's server without a word; so they are refused here."""


def _run(connection: sqlite3.Connection, run_id: int) -> tuple[int, str, str]:
    row = connection.execute(
        "SELECT workspace_id, coalesce(cid, server_id), name FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    return int(row[0]), str(row[1]), str(row[2])


def get_tags(connection: sqlite3.Connection, run_id: int) -> dict[str, str]:
    row = connection.execute("SELECT tags FROM run_doc WHERE run_id = ?", (run_id,)).fetchone()
    return json.loads(row[0]) if row else {}


def put_tag(connection: sqlite3.Connection, run_id: int, key: str, value: str | None) -> None:
    """Set or (None) remove a tag of the local row."""
    tags = get_tags(connection, run_id)
    tags.pop(key, None)
    if value is not None:
        tags[key] = value
    connection.execute(
        "INSERT INTO run_doc (run_id, tags) VALUES (?, ?) ON CONFLICT DO UPDATE SET tags = excluded.tags",
        (run_id, json.dumps(tags, ensure_ascii=False)),
    )
    if key.startswith(("mlflow.", "mantik.")):
        return
    number = key_number(connection, "tag", key)
    connection.execute("DELETE FROM tag WHERE run_id = ? AND key_id = ?", (run_id, number))
    if value is not None:
        connection.execute("INSERT INTO tag VALUES (?, ?, ?)", (run_id, number, value))


def edit_tag(
    connection: sqlite3.Connection, run_id: int, key: str, value: str | None, now_ms: int
) -> str:
    """Set or (None) delete a tag, here at once and on the server when it can be reached. Returns the entry's id.

    Raises:
        Refused: the value is longer than the server keeps.
    """
    if value is not None and len(value) > MAX_TAG:
        raise Refused(
            f"The value of tag {key} is too long",
            f"it has {len(value)} characters; MLflow keeps {MAX_TAG} and cuts the rest without a word",
            "Put long text into an artifact",
        )
    workspace_id, cid, name = _run(connection, run_id)
    old = get_tags(connection, run_id).get(key)
    put_tag(connection, run_id, key, value)
    if key == NOTE_TAG:
        kind, what = EntryKind.SET_NOTE, f"note of {name}"
    elif value is None:
        kind, what = EntryKind.DELETE_TAG, f"delete tag {key}"
    else:
        kind, what = EntryKind.SET_TAG, f"set tag {key}={value[:40]}"
    return add_entry(
        connection, workspace_id=workspace_id, kind=kind, target=f"run:{cid}", run_id=run_id, what=what, now_ms=now_ms,
        payload={"key": key, "value": value}, base={"value": old},
    )  # fmt: skip


def edit_name(connection: sqlite3.Connection, run_id: int, name: str, now_ms: int) -> str:
    """Rename a run, here at once and on the server when it can be reached. Returns the entry's id."""
    workspace_id, cid, old = _run(connection, run_id)
    connection.execute("UPDATE run SET name = ? WHERE id = ?", (name, run_id))
    return add_entry(
        connection, workspace_id=workspace_id, kind=EntryKind.RENAME_RUN, target=f"run:{cid}", run_id=run_id,
        what=f"rename {old} to {name}", now_ms=now_ms, payload={"name": name}, base={"value": old},
    )  # fmt: skip


def add_submission(
    connection: sqlite3.Connection,
    *,
    workspace_id: int,
    experiment_id: int,
    project_id: int | None,
    cid: str,
    name: str,
    user: str,
    site: str,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    spec: Mapping[str, object],
    folder: str,
    limit_ms: int | None,
    now_ms: int,
) -> tuple[int, str]:
    """A new run that waits to be submitted, its job, and the entry that will submit it.

    `spec` is the full record of what was asked for; it becomes `.mantik/spec.json`. Returns the run's row id and the
    entry's id.
    """
    run_id = int(
        connection.execute(
            "INSERT INTO run (workspace_id, experiment_id, project_id, cid, name, status, user, start_ms, site,"
            " job_state) VALUES (?,?,?,?,?,'SCHEDULED',?,?,?,'queued') RETURNING id",
            (workspace_id, experiment_id, project_id, cid, name, user, now_ms, site),
        ).fetchone()[0]
    )
    connection.execute(
        "INSERT INTO run_doc (run_id, tags, local) VALUES (?, ?, ?)",
        (
            run_id,
            json.dumps(dict(tags), ensure_ascii=False),
            json.dumps(dict(spec), ensure_ascii=False),
        ),
    )
    for key, value in params.items():
        connection.execute(
            "INSERT INTO param VALUES (?, ?, ?)",
            (run_id, key_number(connection, "param", key), value),
        )
    connection.execute(
        "INSERT INTO job (run_id, attempt, site, state, words, folder, limit_ms) VALUES (?, 1, ?, 'queued', ?, ?, ?)",
        (run_id, site, "not sent yet", folder, limit_ms),
    )
    entry = add_entry(
        connection, workspace_id=workspace_id, kind=EntryKind.SUBMIT, target=f"run:{cid}", run_id=run_id,
        what=f"submit {name}", now_ms=now_ms, payload={"site": site},
    )  # fmt: skip
    return run_id, entry


def ask_cancel(connection: sqlite3.Connection, run_id: int, now_ms: int) -> str:
    """Cancel a run's job. An unsent submission is taken back instead.

    Returns `taken back`, or the id of the entry that cancels.

    Raises:
        Conflict: the run has no job, or it has ended.
    """
    workspace_id, cid, name = _run(connection, run_id)
    job = connection.execute(
        "SELECT attempt, state, job_id, site FROM job WHERE run_id = ? ORDER BY attempt DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    if job is None:
        raise Conflict(
            f"{name} can't be cancelled", "it was not submitted from here, so its job is not known"
        )
    if job[1] in ("finished", "failed", "cancelled", "lost"):
        raise Conflict(f"{name} can't be cancelled", f"its job has ended: {job[1]}")
    unsent = connection.execute(
        "SELECT id, state, steps_done FROM outbox WHERE run_id = ? AND kind = 'submit'"
        " AND state NOT IN ('done', 'cancelled')",
        (run_id,),
    ).fetchone()
    if unsent and unsent[1] in ("pending", "blocked") and "submit" not in json.loads(unsent[2]):
        take_back(connection, unsent[0], now_ms)
        return "taken back"
    connection.execute(
        "UPDATE job SET cancel_asked_ms = ? WHERE run_id = ? AND attempt = ?",
        (now_ms, run_id, job[0]),
    )
    return add_entry(
        connection, workspace_id=workspace_id, kind=EntryKind.CANCEL, target=f"cancel:{cid}", run_id=run_id,
        what=f"cancel {name}", now_ms=now_ms, payload={"site": job[3]},
    )  # fmt: skip


def take_back(connection: sqlite3.Connection, entry_id: str, now_ms: int) -> Entry:
    """Undo an entry that has not been sent, and restore what was there before it.

    Raises:
        Conflict: it is being sent, was sent, or might have been.
    """
    entry = get_entry(connection, entry_id)
    if entry.state is EntryState.UNSURE:
        raise Conflict(
            f"{entry.what} can't be taken back",
            "it may have been sent already",
            "Retry it: the other side is asked first",
        )
    entry = cancel_entry(connection, entry_id, now_ms)
    if entry.run_id is None:
        return entry
    later = connection.execute(
        "SELECT 1 FROM outbox WHERE run_id = ? AND id > ? AND state NOT IN ('done', 'cancelled')"
        " AND kind = ? AND json_extract(payload, '$.key') IS ? LIMIT 1",
        (entry.run_id, entry.id, entry.kind, entry.payload.get("key")),
    ).fetchone()
    if (
        entry.kind in (EntryKind.SET_TAG, EntryKind.DELETE_TAG, EntryKind.SET_NOTE)
        and later is None
    ):
        old = entry.base.get("value")
        put_tag(
            connection, entry.run_id, str(entry.payload["key"]), None if old is None else str(old)
        )
    elif entry.kind == EntryKind.RENAME_RUN and later is None:
        connection.execute(
            "UPDATE run SET name = ? WHERE id = ?", (entry.base.get("value"), entry.run_id)
        )
    elif entry.kind == EntryKind.SUBMIT:
        _take_back_submission(connection, entry, now_ms)
    return entry


def _take_back_submission(connection: sqlite3.Connection, entry: Entry, now_ms: int) -> None:
    run_id = entry.run_id
    assert run_id is not None
    others = connection.execute(
        "SELECT id FROM outbox WHERE run_id = ? AND state IN ('pending', 'blocked')", (run_id,)
    ).fetchall()
    for (other,) in others:
        cancel_entry(connection, other, now_ms)
    connection.execute(
        "UPDATE job SET state = 'cancelled', words = 'taken back before it was sent', ended_ms = ? WHERE run_id = ?",
        (now_ms, run_id),
    )
    connection.execute(
        "UPDATE run SET status = 'KILLED', job_state = 'cancelled', cause = 'taken back', end_ms = ? WHERE id = ?",
        (now_ms, run_id),
    )
    server_id = connection.execute("SELECT server_id FROM run WHERE id = ?", (run_id,)).fetchone()[
        0
    ]
    if server_id is None and "create-run" not in entry.steps_done and entry.attempts == 0:
        # Nobody but us has ever seen it.
        connection.execute("DELETE FROM job WHERE run_id = ?", (run_id,))
        remove_runs(connection, [run_id])
        return
    add_entry(
        connection, workspace_id=entry.workspace_id, kind=EntryKind.RUN_STATUS, target=entry.target, run_id=run_id,
        what="status KILLED", now_ms=now_ms, payload={"status": "KILLED", "end_ms": now_ms},
    )  # fmt: skip


def resolve_conflict(
    connection: sqlite3.Connection, entry_id: str, choice: str, now_ms: int
) -> Entry:
    """Settle a conflict: `mine` overwrites theirs, `theirs` drops mine, `both` joins two texts.

    Raises:
        Conflict: the entry is in no conflict.
    """
    entry = get_entry(connection, entry_id)
    if (
        entry.state is not EntryState.BLOCKED
        or "theirs" not in entry.payload
        or entry.run_id is None
    ):
        raise Conflict(f"{entry.what} is in no conflict", f"it is {entry.state.value}")
    theirs, key = entry.payload["theirs"], str(entry.payload.get("key", ""))
    payload = {name: value for name, value in entry.payload.items() if name != "theirs"}
    if choice == "theirs":
        connection.execute(
            "UPDATE outbox SET base = ?, updated_ms = ? WHERE id = ?",
            (json.dumps({"value": theirs}), now_ms, entry.id),
        )
        return take_back(connection, entry.id, now_ms)
    if choice == "both":
        field = "name" if entry.kind == EntryKind.RENAME_RUN else "value"
        joined = (
            f"{theirs or ''}\n{payload.get(field) or ''}".strip()
            if key == NOTE_TAG
            else (f"{theirs or ''} {payload.get(field) or ''}".strip())
        )
        payload[field] = joined
        if field == "value":
            put_tag(connection, entry.run_id, key, joined)
        else:
            connection.execute("UPDATE run SET name = ? WHERE id = ?", (joined, entry.run_id))
    connection.execute(
        "UPDATE outbox SET state = 'pending', next_try_ms = 0, error = '', payload = ?, base = ?, updated_ms = ?"
        " WHERE id = ?",
        (json.dumps(payload), json.dumps({"value": theirs}), now_ms, entry.id),
    )
    return get_entry(connection, entry.id)
