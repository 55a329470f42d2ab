"""What a person decides where neither we nor the site can tell whether a submission came through."""

from __future__ import annotations

import sqlite3

from mantik_tui.domain.errors import Conflict
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.writes.local import take_back
from mantik_tui.store.writes.outbox import in_doubt, learn


def decide(connection: sqlite3.Connection, entry_id: str, choice: str, now_ms: int) -> Entry:
    """Settle a submission in doubt: `again` submits it anew, `drop` takes it back. Returns the entry as it is then.

    Even if the person errs, one training runs at most: a job that finds the run folder owned by another ends at once.

    Raises:
        Conflict: the entry is no submission, it is being sent, or there is no doubt about it.
    """
    entry = get_entry(connection, entry_id)
    waits = entry.state in (EntryState.UNSURE, EntryState.BLOCKED)
    if entry.kind != EntryKind.SUBMIT or not waits or not in_doubt(entry):
        raise Conflict(f"There is no doubt about: {entry.what}", f"it is {entry.state.value}")
    if choice not in ("again", "drop"):
        raise Conflict(f"{choice!r} settles no doubt", "again or drop does")
    learn(connection, entry.id, {"in_doubt": False, "send_anew": choice == "again"}, now_ms)
    connection.execute(
        "UPDATE outbox SET state = 'pending', next_try_ms = 0, error = '' WHERE id = ?", (entry.id,)
    )
    if choice == "drop":
        take_back(connection, entry.id, now_ms)
    return get_entry(connection, entry.id)
