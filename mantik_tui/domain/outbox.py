"""What waits to be written to a server or site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EntryState(StrEnum):
    PENDING = "pending"
    """Waits for its turn or for its next try."""
    SENDING = "sending"
    """Being sent right now by the engine that holds the lease."""
    UNSURE = "unsure"
    """May have been sent; the other side is asked before anything is sent again."""
    BLOCKED = "blocked"
    """Needs a person: login, conflict, refusal."""
    DONE = "done"
    CANCELLED = "cancelled"
    """Taken back; what was there before was restored."""

    @property
    def open(self) -> bool:
        return self not in (EntryState.DONE, EntryState.CANCELLED)


class EntryKind(StrEnum):
    SUBMIT = "submit"
    CANCEL = "cancel"
    SET_TAG = "set-tag"
    DELETE_TAG = "delete-tag"
    SET_NOTE = "set-note"
    RENAME_RUN = "rename-run"
    RUN_STATUS = "run-status"
    UPLOAD_ARTIFACT = "upload-artifact"


SUBMIT_STEPS = ("create-run", "upload", "script", "submit", "record")
"""Steps of a submission after the snapshot, which is taken at the key press. Each may be repeated without harm."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the outbox."""

    id: str
    kind: str
    target: str
    """Ordering key: entries of one target go in order. For a run: `run:<cid>`; for a cancellation: `cancel:<cid>`."""
    run_id: int | None
    what: str
    """In words, for people: `set tag label=best`."""
    payload: dict[str, object]
    base: dict[str, object]
    """What the edited fields were before, to restore and to detect a conflict."""
    steps_done: tuple[str, ...]
    after: tuple[str, ...]
    state: EntryState
    attempts: int
    next_try_ms: int
    error: str
    created_ms: int
    updated_ms: int
    workspace_id: int
