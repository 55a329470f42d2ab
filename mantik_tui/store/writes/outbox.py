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
    """Queue an entry and count it on its run. Returns its id."""
    entry_id = entry_id or new_id(now_ms)
    connection.execute(
        "INSERT INTO outbox (id, workspace_id, kind, target, run_id, what, payload, base, after, state, created_ms,"
        " updated_ms) VALUES (?,?,?,?,?,?,?,?,?,'pending',?,?)",
        (entry_id, workspace_id, kind.value, target, run_id, what, json.dumps(payload or {}), json.dumps(base or {}),
         json.dumps(list(after)), now_ms, now_ms),
    )  # fmt: skip
    recount(connection, run_id)
    return entry_id


def recount(connection: sqlite3.Connection, run_id: int | None) -> None:
    """Set a run's count of open entries."""
    if run_id is not None:
        connection.execute(
            "UPDATE run SET pending = (SELECT count(*) FROM outbox WHERE run_id = ?1"
            " AND state NOT IN ('done', 'cancelled')) WHERE id = ?1",
            (run_id,),
        )


def take(connection: sqlite3.Connection, epoch: int, now_ms: int) -> Entry | None:
    """The next entry that may be sent now, already in state `sending`; None if there is none.

    An entry waits for earlier ones of its target that are still to be sent, and for those that its `after` names until
    they are done. A blocked entry holds only those that name it. An `unsure` entry comes back with `attempts` above 0:
    its handler must look before it sends.

    Raises:
        EngineProblem: another engine holds the lease.
    """
    check_epoch(connection, epoch)
    row = connection.execute(
        "SELECT o.id FROM outbox o WHERE o.state IN ('pending', 'unsure') AND o.next_try_ms <= ?"
        " AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.target = o.target AND e.id < o.id"
        " AND e.state IN ('pending', 'sending', 'unsure'))"
        " AND NOT EXISTS (SELECT 1 FROM json_each(o.after) a JOIN outbox w ON w.id = a.value"
        " WHERE w.state <> 'done') ORDER BY o.kind <> 'cancel', o.id LIMIT 1",
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
    """When the next entry wants to be tried, None if none waits."""
    row = connection.execute(
        "SELECT min(next_try_ms) FROM outbox WHERE state IN ('pending', 'unsure')"
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
        "UPDATE outbox SET steps_done = ?, payload = ?, updated_ms = ? WHERE id = ?",
        (json.dumps(steps), json.dumps({**entry.payload, **(payload or {})}), now_ms, entry_id),
    )


def settle(
    connection: sqlite3.Connection,
    entry_id: str,
    state: EntryState,
    now_ms: int,
    *,
    error: str = "",
    next_try_ms: int = 0,
    payload: Mapping[str, object] | None = None,
) -> None:
    """Give an entry its state after a try: done, pending again (with the next try), unsure, or blocked."""
    entry = get_entry(connection, entry_id)
    connection.execute(
        "UPDATE outbox SET state = ?, error = ?, next_try_ms = ?, payload = ?, updated_ms = ? WHERE id = ?",
        (
            state.value,
            error,
            next_try_ms,
            json.dumps({**entry.payload, **(payload or {})}),
            now_ms,
            entry_id,
        ),
    )
    recount(connection, entry.run_id)


def recover(connection: sqlite3.Connection, epoch: int, now_ms: int) -> int:
    """After a crash: entries that an earlier engine left in `sending`. Effects become `unsure`, the rest is sent again.

    Returns how many there were.
    """
    rows = connection.execute(
        "SELECT id, kind FROM outbox WHERE state = 'sending' AND epoch <> ?", (epoch,)
    ).fetchall()
    for entry_id, kind in rows:
        state = EntryState.UNSURE if kind in EFFECTS else EntryState.PENDING
        connection.execute(
            "UPDATE outbox SET state = ?, next_try_ms = 0, updated_ms = ? WHERE id = ?",
            (state.value, now_ms, entry_id),
        )
    return len(rows)


def supersede(connection: sqlite3.Connection, run_id: int, kind: EntryKind, now_ms: int) -> None:
    """Drop entries of this kind that have not been sent, since a newer one says more."""
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', error = 'a newer one says more', updated_ms = ?"
        " WHERE run_id = ? AND kind = ? AND state IN ('pending', 'blocked')",
        (now_ms, run_id, kind.value),
    )
    recount(connection, run_id)


def retry(connection: sqlite3.Connection, entry_id: str, now_ms: int) -> Entry:
    """Let an entry be tried at once, by a person's wish.

    Raises:
        Conflict: it is not waiting for anything.
    """
    entry = get_entry(connection, entry_id)
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED, EntryState.UNSURE):
        raise Conflict(f"{entry.what} can't be retried", f"it is {entry.state.value}")
    # After a refusal an effect may go again; where it is unsure, its handler looks first.
    state = EntryState.UNSURE if entry.state is EntryState.UNSURE else EntryState.PENDING
    connection.execute(
        "UPDATE outbox SET state = ?, next_try_ms = 0, error = '', updated_ms = ? WHERE id = ?",
        (state.value, now_ms, entry.id),
    )
    return get_entry(connection, entry.id)


def cancel_entry(connection: sqlite3.Connection, entry_id: str, now_ms: int) -> Entry:
    """Mark an entry as taken back; restoring what it changed is `local.take_back`'s part.

    Raises:
        Conflict: it is being sent or has ended.
    """
    entry = get_entry(connection, entry_id)
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED, EntryState.UNSURE):
        raise Conflict(f"{entry.what} can't be taken back", f"it is {entry.state.value}")
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', updated_ms = ? WHERE id = ?", (now_ms, entry.id)
    )
    recount(connection, entry.run_id)
    return entry
