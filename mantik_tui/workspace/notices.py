"""What happened while nobody looked. It is told once, and listed on the active screen until it was seen there."""

from __future__ import annotations

from mantik_tui.store.reads.jobs import Notice, unseen_notices, view_state
from mantik_tui.store.writes.jobs import notices_seen
from mantik_tui.store.writes.setup import remember_view
from mantik_tui.workspace.session import Session

_PLACE = "notices"


def untold(session: Session) -> list[Notice]:
    """Notices that were neither told nor seen, oldest first."""
    told = session.read(view_state, _PLACE).get("told")
    after = told if isinstance(told, int) else 0
    return [notice for notice in session.read(unseen_notices) if notice.id > after]


def mark_told(session: Session, up_to: int) -> None:
    """They were said in passing; the active screen still lists them. `up_to` is the id of the last one told."""
    if not session.read_only:
        session.write(remember_view, _PLACE, {"told": up_to})


def mark_seen(session: Session, up_to: int, first: int = 0) -> None:
    """A person has seen them. `first` and `up_to` are the ids of the first and the last one seen."""
    if not session.read_only:
        session.write(notices_seen, up_to, first)
