"""The outbox: try again, take back, settle a conflict."""

from __future__ import annotations

from mantik_tui.domain.outbox import Entry
from mantik_tui.store.writes import local, outbox
from mantik_tui.workspace.session import Session


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
