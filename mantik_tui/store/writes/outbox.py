"""The outbox table: entries, their states, and who may change them.

The caller holds the transaction; the local change and its entry are made in the same one. An entry goes to `sending` only
under the lease: `take` compares the epoch in the transaction that takes it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from mantik_tui.domain.errors import Conflict, EngineProblem
from mantik_tui.domain.ids import new_id
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads.jobs import get_entry

EFFECTS = (EntryKind.SUBMIT, EntryKind.CANCEL)
"""Kinds that do something in the world: after a crash in `sending` the site is asked before anything is sent again."""


def add_entry(
    connection: sqlite3.Connection,
    *,
    workspace_id: int,
    kind: EntryKind,
    target: str,
    what: str,
    now_ms: int,
    run_id: int | None = None,
    payload: Mapping[str, object] | None = None,
    base: Mapping[str, object] | None = None,
    after: Sequence[str] = (),
    entry_id: str | None = None,
) -> str:
    """Queue an entry and count it on its run. Returns its id.

    Ids sort in the order of queueing, also of entries made in one millisecond or after the clock was set back, since
    entries of one target go in the order of their ids.
    """
    entry_id = entry_id or _next_id(connection, now_ms)
    connection.execute(
        "INSERT INTO outbox (id, workspace_id, kind, target, run_id, what, payload, base, after, state, created_ms,"
        " updated_ms) VALUES (?,?,?,?,?,?,?,?,?,'pending',?,?)",
        (entry_id, workspace_id, kind.value, target, run_id, what, json.dumps(payload or {}), json.dumps(base or {}),
         json.dumps(list(after)), now_ms, now_ms),
    )  # fmt: skip
    recount(connection, run_id)
    return entry_id


def _next_id(connection: sqlite3.Connection, now_ms: int) -> str:
    last = connection.execute("SELECT max(id) FROM outbox").fetchone()[0]
    fresh = new_id(now_ms)
    if last is None or fresh > last:
        return fresh
    return new_id(int(last.replace("-", "")[:12], 16) + 1)


def recount(connection: sqlite3.Connection, run_id: int | None) -> None:
    """Set a run's count of open entries."""
    if run_id is not None:
        connection.execute(
            "UPDATE run SET pending = (SELECT count(*) FROM outbox WHERE run_id = ?1"
            " AND state NOT IN ('done', 'cancelled')) WHERE id = ?1",
            (run_id,),
        )


_ITS_TURN = (
    "o.state IN ('pending', 'unsure')"
    " AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.target = o.target AND e.id < o.id"
    " AND e.state IN ('pending', 'sending', 'unsure'))"
    " AND NOT EXISTS (SELECT 1 FROM json_each(o.after) a JOIN outbox w ON w.id = a.value WHERE w.state <> 'done')"
)


def take(connection: sqlite3.Connection, epoch: int, now_ms: int) -> Entry | None:
    """The next entry that may be sent now, already in state `sending`; None if there is none.

    An entry waits for earlier ones of its target that are still to be sent, and for those that its `after` names until
    they are done. A blocked entry holds only those that name it. The entry is returned as it was: an `unsure` one may
    have been sent before, and its handler must look before it sends.

    Raises:
        EngineProblem: another engine holds the lease.
    """
    check_epoch(connection, epoch)
    row = connection.execute(
        f"SELECT o.id FROM outbox o WHERE {_ITS_TURN} AND o.next_try_ms <= ?"
        " ORDER BY o.kind <> 'cancel', o.id LIMIT 1",
        (now_ms,),
    ).fetchone()
    if row is None:
        return None
    before = get_entry(connection, row[0])
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, epoch = ?, updated_ms = ? WHERE id = ?",
        (epoch, now_ms, row[0]),
    )
    return before


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next entry whose turn it is wants to be tried, None if there is none."""
    row = connection.execute(
        f"SELECT min(o.next_try_ms) FROM outbox o WHERE {_ITS_TURN}"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def check_epoch(connection: sqlite3.Connection, epoch: int) -> None:
    """Make sure that the lease is still ours.

    Raises:
        EngineProblem: it is not.
    """
    row = connection.execute("SELECT epoch, host FROM lease").fetchone()
    if row is None or row[0] != epoch:
        holder = row[1] if row else "nobody"
        raise EngineProblem("Another engine has taken over", f"the lease is held by {holder}")


def step_done(
    connection: sqlite3.Connection,
    entry_id: str,
    step: str,
    now_ms: int,
    payload: Mapping[str, object] | None = None,
) -> None:
    """Note a finished step of an entry, and what it learned, so that it is not done again."""
    entry = get_entry(connection, entry_id)
    steps = [*entry.steps_done, step] if step not in entry.steps_done else list(entry.steps_done)
    connection.execute(
        "UPDATE outbox SET steps_done = ? WHERE id = ?", (json.dumps(steps), entry_id)
    )
    learn(connection, entry_id, payload or {}, now_ms)


def learn(
    connection: sqlite3.Connection, entry_id: str, payload: Mapping[str, object], now_ms: int
) -> None:
    """Keep with an entry what its sending brought to light, for the next try."""
    entry = get_entry(connection, entry_id)
    connection.execute(
        "UPDATE outbox SET payload = ?, updated_ms = ? WHERE id = ?",
        (json.dumps({**entry.payload, **payload}), now_ms, entry_id),
    )


def settle(
    connection: sqlite3.Connection,
    entry_id: str,
    state: EntryState,
    now_ms: int,
    *,
    epoch: int,
    error: str = "",
    next_try_ms: int = 0,
    payload: Mapping[str, object] | None = None,
    tried: bool = True,
) -> bool:
    """Give an entry its state after a try: done, pending again (with the next try), unsure, or blocked.

    `tried` is False when it was not its turn yet, which does not count as an attempt. Returns False, and changes nothing,
    if the entry is not being sent under this epoch any more: another engine has taken it over.
    """
    entry = get_entry(connection, entry_id)
    done = connection.execute(
        "UPDATE outbox SET state = ?, error = ?, next_try_ms = ?, payload = ?, updated_ms = ?,"
        " attempts = max(0, attempts - ?) WHERE id = ? AND state = 'sending' AND epoch = ?",
        (
            state.value,
            error,
            next_try_ms,
            json.dumps({**entry.payload, **(payload or {})}),
            now_ms,
            int(not tried),
            entry_id,
            epoch,
        ),
    )
    recount(connection, entry.run_id)
    return done.rowcount == 1


def recover(connection: sqlite3.Connection, now_ms: int) -> int:
    """To be called by the holder of the lease while nothing is being sent: entries that an engine left in `sending`.

    Effects become `unsure`, since they may have happened; a submission that has not even filled its run folder has not.
    The rest is sent again. Returns how many there were.
    """
    rows = connection.execute(
        "SELECT id, kind, steps_done FROM outbox WHERE state = 'sending'"
    ).fetchall()
    for entry_id, kind, steps in rows:
        begun = kind in EFFECTS and not (
            kind == EntryKind.SUBMIT and "upload" not in json.loads(steps)
        )
        # What was in doubt before this try still is.
        connection.execute(
            "UPDATE outbox SET state = iif(json_extract(payload, '$.in_doubt'), 'unsure', ?), next_try_ms = 0,"
            " payload = json_set(payload, '$.maybe_sent', json('true')), updated_ms = ? WHERE id = ?",
            ((EntryState.UNSURE if begun else EntryState.PENDING).value, now_ms, entry_id),
        )
    return len(rows)


def release(connection: sqlite3.Connection, workspace_id: int, now_ms: int) -> int:
    """A server answers again: what waited for it is tried at once, also what was blocked for want of a login.

    Returns how many entries that were.
    """
    waiting = connection.execute(
        "UPDATE outbox SET next_try_ms = 0 WHERE workspace_id = ? AND state IN ('pending', 'unsure') AND next_try_ms > ?"
        " AND attempts > 0",
        (workspace_id, now_ms),
    )
    blocked = connection.execute(
        "UPDATE outbox SET state = iif(json_extract(payload, '$.in_doubt'), 'unsure', 'pending'), next_try_ms = 0,"
        " error = '', payload = json_remove(payload, '$.needs_login') WHERE workspace_id = ? AND state = 'blocked'"
        " AND json_extract(payload, '$.needs_login')",
        (workspace_id,),
    )
    return waiting.rowcount + blocked.rowcount


def supersede(connection: sqlite3.Connection, run_id: int, kind: EntryKind, now_ms: int) -> None:
    """Drop entries of this kind that have not been sent, since a newer one says more."""
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', error = 'a newer one says more', updated_ms = ?"
        " WHERE run_id = ? AND kind = ? AND state IN ('pending', 'blocked')",
        (now_ms, run_id, kind.value),
    )
    recount(connection, run_id)


def in_doubt(entry: Entry) -> bool:
    """Whether what the entry does in the world may have happened already."""
    return entry.state is EntryState.UNSURE or bool(entry.payload.get("in_doubt"))


def maybe_sent(entry: Entry) -> bool:
    """Whether an earlier try may have reached the server, although nothing was heard of it."""
    return bool(entry.payload.get("maybe_sent"))


def retry(connection: sqlite3.Connection, entry_id: str, now_ms: int) -> Entry:
    """Let an entry be tried at once, by a person's wish.

    Raises:
        Conflict: it is not waiting for anything.
    """
    entry = get_entry(connection, entry_id)
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED, EntryState.UNSURE):
        raise Conflict(f"{entry.what} can't be retried", f"it is {entry.state.value}")
    # After a refusal an effect may go again; where it may have happened, its handler looks first.
    state = EntryState.UNSURE if in_doubt(entry) else EntryState.PENDING
    connection.execute(
        "UPDATE outbox SET state = ?, next_try_ms = 0, error = '', updated_ms = ? WHERE id = ?",
        (state.value, now_ms, entry.id),
    )
    return get_entry(connection, entry.id)


def cancel_entry(connection: sqlite3.Connection, entry_id: str, now_ms: int) -> Entry:
    """Mark an entry as taken back; restoring what it changed is `local.take_back`'s part.

    Entries that waited for it can't go any more and are blocked, with that as the reason.

    Raises:
        Conflict: it is being sent, has ended, or may have had its effect already.
    """
    entry = get_entry(connection, entry_id)
    if in_doubt(entry):
        raise Conflict(
            f"{entry.what} can't be taken back",
            "it may have been sent already",
            "Retry it: the other side is asked first",
        )
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED):
        raise Conflict(f"{entry.what} can't be taken back", f"it is {entry.state.value}")
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', updated_ms = ? WHERE id = ?", (now_ms, entry.id)
    )
    connection.execute(
        "UPDATE outbox SET state = 'blocked', error = ?, updated_ms = ? WHERE state = 'pending'"
        " AND EXISTS (SELECT 1 FROM json_each(after) WHERE value = ?)",
        (f"It waited for: {entry.what}; that was taken back", now_ms, entry.id),
    )
    recount(connection, entry.run_id)
    return entry
