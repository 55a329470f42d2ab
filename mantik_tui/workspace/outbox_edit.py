"""Changing what a pending write will send."""

from __future__ import annotations

import sqlite3

from mantik_tui.domain.errors import Conflict
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.writes import local
from mantik_tui.workspace.session import Session

EDITABLE = (EntryKind.SET_TAG, EntryKind.SET_NOTE, EntryKind.RENAME_RUN)


def value_of(entry: Entry) -> str:
    """What an editable entry will write."""
    name = "name" if entry.kind == EntryKind.RENAME_RUN else "value"
    return str(entry.payload.get(name) or "")


def edit(session: Session, entry_id: str, value: str) -> str:
    """Send another value than the one that waits: the old entry is taken back, a new one takes its place.

    Returns the new entry's id.

    Raises:
        Conflict: it is no tag, note or name, or it is being sent.
        Refused: the value is too long.
    """
    entry = session.write(_edit, entry_id, value, session.now_ms())
    session.wake_engine()
    return entry


def _edit(connection: sqlite3.Connection, entry_id: str, value: str, now_ms: int) -> str:
    entry = get_entry(connection, entry_id)
    if entry.kind not in EDITABLE or entry.run_id is None:
        raise Conflict(
            f"{entry.what} can't be edited", "only tags, notes and names can", "u takes it back"
        )
    if entry.state not in (EntryState.PENDING, EntryState.BLOCKED):
        raise Conflict(f"{entry.what} can't be edited now", f"it is {entry.state.value}")
    local.take_back(connection, entry.id, now_ms)
    if entry.kind == EntryKind.RENAME_RUN:
        return local.edit_name(connection, entry.run_id, value, now_ms)
    return local.edit_tag(connection, entry.run_id, str(entry.payload["key"]), value, now_ms)
