"""The outbox: try again, take back, settle a conflict."""

from __future__ import annotations

from mantik_tui.domain.outbox import Entry, EntryKind
from mantik_tui.store.writes import doubt, local, outbox
from mantik_tui.workspace.session import Session

EDITABLE = (EntryKind.SET_TAG, EntryKind.SET_NOTE, EntryKind.RENAME_RUN)
"""Kinds whose value a person can change while they wait."""


def value_of(entry: Entry) -> str:
    """What an editable entry will write."""
    name = "name" if entry.kind == EntryKind.RENAME_RUN else "value"
    return str(entry.payload.get(name) or "")


def retry(session: Session, entry_id: str) -> Entry:
    """Try an entry at once. Raises Conflict when it waits for nothing."""
    entry = session.write(outbox.retry, entry_id, session.now_ms())
    session.wake_engine()
    return entry


def take_back(session: Session, entry_id: str) -> Entry:
    """Undo an entry that has not been sent. Raises Conflict when it was, or might have been."""
    return session.write(local.take_back, entry_id, session.now_ms())


def resolve(session: Session, entry_id: str, choice: str) -> Entry:
    """Settle a conflict by `mine`, `theirs` or `both`. Raises Conflict when there is none."""
    entry = session.write(local.resolve_conflict, entry_id, choice, session.now_ms())
    session.wake_engine()
    return entry


def edit(session: Session, entry_id: str, value: str | None) -> str:
    """Give a tag, note or name that waits or was refused another value; None deletes a tag. Returns the new entry's id.

    Raises Conflict when it edits no field or is being sent, Refused when the value is too long.
    """
    entry = session.write(local.edit_entry, entry_id, value, session.now_ms())
    session.wake_engine()
    return entry


def decide(session: Session, entry_id: str, choice: str) -> Entry:
    """Where nobody can tell whether a submission came through: `again` submits it anew, `drop` takes it back.

    Raises Conflict when there is no doubt.
    """
    entry = session.write(doubt.decide, entry_id, choice, session.now_ms())
    session.wake_engine()
    return entry
