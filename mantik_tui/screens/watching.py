"""Telling the engine what is looked at, so that a screen which goes does not wipe what the one that comes has said."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary, ref

from mantik_tui.workspace import live
from mantik_tui.workspace.session import Session

_owners: WeakKeyDictionary[Session, ref[object]] = WeakKeyDictionary()
"""Who spoke last for each session."""


def watch(
    owner: object,
    session: Session,
    *,
    runs: Sequence[int] = (),
    log: int | None = None,
    visible: Sequence[int] = (),
) -> None:
    """`owner`, a screen or list that is in sight, says what is looked at; see `live.watch`."""
    _owners[session] = ref(owner)
    live.watch(session, runs=runs, log=log, visible=visible)


def unwatch(owner: object, session: Session) -> None:
    """`owner` is out of sight. Nothing happens if another has spoken since: messages of two screens come in any order."""
    last = _owners.get(session)
    if last is not None and last() is owner:
        del _owners[session]
        live.watch(session)
