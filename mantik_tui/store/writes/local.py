"""What a person does, written at once here and queued for the server: tags, notes, names, runs, cancellations.

Each function makes the local change and its outbox entry in the caller's one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from mantik_tui.domain.errors import Conflict, Refused
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads.jobs import get_entry, open_entries
from mantik_tui.store.reads.runs import NOTE_TAG
from mantik_tui.store.writes.keys import key_number
from mantik_tui.store.writes.outbox import add_entry, cancel_entry, in_doubt, maybe_sent
from mantik_tui.store.writes.projects import refresh_stats, refresh_stats_of_runs
from mantik_tui.store.writes.pulled import remove_runs

MAX_TAG = 8000
"""Longer run tags are cut by MLflow's server without a word; so they are refused here."""


def _run(connection: sqlite3.Connection, run_id: int) -> tuple[int, str, str]:
    row = connection.execute(
        "SELECT workspace_id, coalesce(cid, server_id), name FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    return int(row[0]), str(row[1]), str(row[2])


def _must_be_there(connection: sqlite3.Connection, run_id: int, name: str) -> None:
    """Raises Refused for a run that was deleted on the server: what is changed here could never be stored there."""
    row = connection.execute("SELECT deleted FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is not None and row[0]:
        raise Refused(
            f"{name} was deleted on the server",
            "nothing can be changed of a deleted run there, and nothing was changed here",
            "Restore it on the server first, then read it again (mantik-tui sync)",
        )


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


def _check_length(key: str, value: str) -> None:
    if len(value) > MAX_TAG:
        raise Refused(
            f"The value of tag {key} is too long",
            f"it has {len(value)} characters; MLflow keeps {MAX_TAG} and cuts the rest without a word",
            "Put long text into an artifact",
        )


def edit_tag(
    connection: sqlite3.Connection, run_id: int, key: str, value: str | None, now_ms: int
) -> str:
    """Set or (None) delete a tag, here at once and on the server when it can be reached. Returns the entry's id.

    Raises:
        Refused: the value is longer than the server keeps, or the run was deleted there.
    """
    _check_length(key, value or "")
    workspace_id, cid, name = _run(connection, run_id)
    _must_be_there(connection, run_id, name)
    base = _base(connection, run_id, _TAG_KINDS, key, get_tags(connection, run_id).get(key), now_ms)
    put_tag(connection, run_id, key, value)
    if key == NOTE_TAG:
        kind, what = EntryKind.SET_NOTE, f"note of {name}"
    elif value is None:
        kind, what = EntryKind.DELETE_TAG, f"delete tag {key}"
    else:
        kind, what = EntryKind.SET_TAG, f"set tag {key}={value[:40]}"
    return add_entry(
        connection, workspace_id=workspace_id, kind=kind, target=f"run:{cid}", run_id=run_id, what=what, now_ms=now_ms,
        payload={"key": key, "value": value}, base=base,
    )  # fmt: skip


def edit_name(connection: sqlite3.Connection, run_id: int, name: str, now_ms: int) -> str:
    """Rename a run, here at once and on the server when it can be reached. Returns the entry's id.

    Raises:
        Refused: the run was deleted on the server.
    """
    workspace_id, cid, old = _run(connection, run_id)
    _must_be_there(connection, run_id, old)
    base = _base(connection, run_id, _NAME_KINDS, None, old, now_ms)
    connection.execute("UPDATE run SET name = ? WHERE id = ?", (name, run_id))
    return add_entry(
        connection, workspace_id=workspace_id, kind=EntryKind.RENAME_RUN, target=f"run:{cid}", run_id=run_id,
        what=f"rename {old} to {name}", now_ms=now_ms, payload={"name": name}, base=base,
    )  # fmt: skip


def _base(
    connection: sqlite3.Connection,
    run_id: int,
    kinds: tuple[EntryKind, ...],
    key: str | None,
    now_here: str | None,
    now_ms: int,
) -> dict[str, object]:
    """What a new edit of a field was made from, as far as the server can know it.

    An earlier edit of the field that is not under way gives way to the new one, which inherits its base. If its answer
    may have been lost on the way, its value may be what the server has by now (`or`).
    """
    base: dict[str, object] = {"value": now_here}
    for earlier in _open_edits(connection, run_id, kinds, key):
        if earlier.state not in (EntryState.PENDING, EntryState.BLOCKED):
            continue
        if "value" in earlier.base:
            base = dict(earlier.base)
        tried = [_value(earlier)] if maybe_sent(earlier) else []
        known = earlier.base.get("or")
        base["or"] = [*(known if isinstance(known, list) else ()), *tried]
        cancel_entry(connection, earlier.id, now_ms)
        connection.execute(
            "UPDATE outbox SET error = 'a newer edit says more' WHERE id = ?", (earlier.id,)
        )
    return base


_TAG_KINDS = (EntryKind.SET_TAG, EntryKind.DELETE_TAG, EntryKind.SET_NOTE)
_NAME_KINDS = (EntryKind.RENAME_RUN,)


def _kinds_of(entry: Entry) -> tuple[EntryKind, ...]:
    """The kinds of entries that edit the same field, given the same key; empty if it edits none."""
    if entry.kind in _TAG_KINDS:
        return _TAG_KINDS
    return _NAME_KINDS if entry.kind in _NAME_KINDS else ()


def _value(entry: Entry) -> object:
    return entry.payload.get("name" if entry.kind in _NAME_KINDS else "value")


def _open_edits(
    connection: sqlite3.Connection, run_id: int, kinds: tuple[EntryKind, ...], key: object
) -> list[Entry]:
    return [
        entry
        for entry in open_entries(connection, run_id)
        if entry.kind in kinds and entry.payload.get("key") == key
    ]


def _put_field(connection: sqlite3.Connection, entry: Entry, value: str | None) -> None:
    """Set the field that an entry edits, here."""
    assert entry.run_id is not None
    if entry.kind in _TAG_KINDS:
        put_tag(connection, entry.run_id, str(entry.payload["key"]), value)
    else:
        connection.execute("UPDATE run SET name = ? WHERE id = ?", (value or "", entry.run_id))


def edit_entry(
    connection: sqlite3.Connection, entry_id: str, value: str | None, now_ms: int
) -> str:
    """Give a tag, note or name that waits or was refused another value. Returns the id of the entry that takes over.

    Raises:
        Conflict: it is being sent or has ended, or it edits no field.
        Refused: the value is longer than the server keeps.
    """
    entry = get_entry(connection, entry_id)
    kinds = _kinds_of(entry)
    if not kinds or entry.run_id is None:
        raise Conflict(
            f"{entry.what} can't be edited", "only tags, notes and names can", "Take it back"
        )
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED):
        raise Conflict(f"{entry.what} can't be edited", f"it is {entry.state.value}")
    if kinds is _NAME_KINDS:
        return edit_name(connection, entry.run_id, value or "", now_ms)
    return edit_tag(connection, entry.run_id, str(entry.payload["key"]), value, now_ms)


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
    if project_id is not None:
        refresh_stats(connection, [project_id])
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
    for entry in open_entries(connection, run_id):
        unsent = entry.state in (EntryState.PENDING, EntryState.BLOCKED) and not in_doubt(entry)
        if entry.kind == EntryKind.SUBMIT and unsent and "submit" not in entry.steps_done:
            take_back(connection, entry.id, now_ms)
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
    """Undo an entry that has not been sent, and restore what was there before it; after a conflict, what the server has.

    Raises:
        Conflict: it is being sent, was sent, or might have been.
    """
    entry = get_entry(connection, entry_id)
    if entry.kind == EntryKind.SUBMIT and "submit" in entry.steps_done:
        raise Conflict(
            f"{entry.what} can't be taken back", "its job is known already", "Cancel the run"
        )
    entry = cancel_entry(connection, entry_id, now_ms)
    if entry.run_id is None:
        return entry
    if entry.kind == EntryKind.SUBMIT:
        _take_back_submission(connection, entry, now_ms)
    elif kinds := _kinds_of(entry):
        base = {**entry.base, **_theirs(entry)}
        later = _open_edits(connection, entry.run_id, kinds, entry.payload.get("key"))
        if later:
            # What the next edit was made from never reached the server.
            connection.execute(
                "UPDATE outbox SET base = ? WHERE id = ?", (json.dumps(base), later[0].id)
            )
        else:
            old = base.get("value")
            _put_field(connection, entry, None if old is None else str(old))
            if maybe_sent(entry) and entry.state is EntryState.PENDING:
                _restore_there(connection, entry, base, now_ms)
    return entry


def _restore_there(
    connection: sqlite3.Connection, entry: Entry, base: Mapping[str, object], now_ms: int
) -> None:
    """Queue what makes the server's value the old one, in case that an edit which was taken back did arrive there."""
    field = "name" if entry.kind in _NAME_KINDS else "value"
    payload = {"key": entry.payload.get("key"), field: base.get("value")}
    add_entry(
        connection, workspace_id=entry.workspace_id, kind=EntryKind(entry.kind), target=entry.target,
        run_id=entry.run_id, what=f"undo: {entry.what}", now_ms=now_ms, payload=payload,
        base={"value": base.get("value"), "or": [_value(entry)]},
    )  # fmt: skip


def _theirs(entry: Entry) -> dict[str, object]:
    return {"value": entry.payload["theirs"]} if "theirs" in entry.payload else {}


def _take_back_submission(connection: sqlite3.Connection, entry: Entry, now_ms: int) -> None:
    run_id = entry.run_id
    assert run_id is not None
    connection.execute(
        "UPDATE job SET state = 'cancelled', words = 'taken back before it was sent', ended_ms = ? WHERE run_id = ?",
        (now_ms, run_id),
    )
    connection.execute(
        "UPDATE run SET status = 'KILLED', job_state = 'cancelled', cause = 'taken back', end_ms = ? WHERE id = ?",
        (now_ms, run_id),
    )
    refresh_stats_of_runs(connection, [run_id])
    experiment_id, server_id = connection.execute(
        "SELECT experiment_id, server_id FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    for other in open_entries(connection, run_id):
        # The server has this run: what was edited meanwhile still counts.
        still_counts = server_id is not None and _kinds_of(other)
        waits = other.state in (EntryState.PENDING, EntryState.BLOCKED)
        if waits and not still_counts and not in_doubt(other):
            cancel_entry(connection, other.id, now_ms)
    payload: dict[str, object] = {"status": "KILLED", "end_ms": now_ms}
    if server_id is None:
        # Nobody but us has seen it, unless the answer to its creation was lost: then it is found by its id, and ended.
        payload["look_for"] = entry.target.removeprefix("run:")
        payload["experiment"] = connection.execute(
            "SELECT name FROM experiment WHERE id = ?", (experiment_id,)
        ).fetchone()[0]
        connection.execute("DELETE FROM job WHERE run_id = ?", (run_id,))
        remove_runs(connection, [run_id])
        connection.execute(
            "DELETE FROM experiment WHERE id = ?1 AND server_id = ''"
            " AND NOT EXISTS (SELECT 1 FROM run WHERE experiment_id = ?1)",
            (experiment_id,),
        )
        if not maybe_sent(entry):
            return
    add_entry(
        connection, workspace_id=entry.workspace_id, kind=EntryKind.RUN_STATUS, target=entry.target,
        run_id=None if server_id is None else run_id, what="status KILLED", now_ms=now_ms, payload=payload,
    )  # fmt: skip


def resolve_conflict(
    connection: sqlite3.Connection, entry_id: str, choice: str, now_ms: int
) -> Entry:
    """Settle a conflict: `mine` overwrites theirs, `theirs` drops mine, `both` joins two texts.

    Raises:
        Conflict: the entry is in no conflict.
        Refused: both together are longer than the server keeps.
    """
    entry = get_entry(connection, entry_id)
    if (
        entry.state is not EntryState.BLOCKED
        or "theirs" not in entry.payload
        or entry.run_id is None
    ):
        raise Conflict(f"{entry.what} is in no conflict", f"it is {entry.state.value}")
    theirs = entry.payload["theirs"]
    payload = {name: value for name, value in entry.payload.items() if name != "theirs"}
    if choice == "theirs":
        return take_back(connection, entry.id, now_ms)
    if choice == "both":
        gap = "\n" if entry.kind == EntryKind.SET_NOTE else " "
        joined = f"{theirs or ''}{gap}{_value(entry) or ''}".strip()
        _check_length(str(payload.get("key", "name")), joined)
        payload["name" if entry.kind in _NAME_KINDS else "value"] = joined
        _put_field(connection, entry, joined)
    elif choice != "mine":
        raise Conflict(f"{choice!r} settles no conflict", "mine, theirs or both does")
    connection.execute(
        "UPDATE outbox SET state = 'pending', next_try_ms = 0, error = '', payload = ?, base = ?, updated_ms = ?"
        " WHERE id = ?",
        (json.dumps(payload), json.dumps({"value": theirs}), now_ms, entry.id),
    )
    return get_entry(connection, entry.id)
