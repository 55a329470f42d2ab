"""What a person chose for a list: columns, order, named filters. Kept in the local database, one entry a place."""

from __future__ import annotations

from dataclasses import dataclass, field

from mantik_tui.store.reads.standing import view_state
from mantik_tui.store.writes.setup import remember_view
from mantik_tui.workspace.session import Session


@dataclass(frozen=True, slots=True)
class View:
    """How a list is shown. An empty `columns` or `sort` takes the list's own."""

    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    history: tuple[str, ...] = ()
    """Filters that were kept, oldest first."""
    named: dict[str, str] = field(default_factory=dict)
    """Filters that were saved under a name."""


def recall(session: Session, place: str) -> View:
    """What was remembered of a place, for example `projects` or `runs:12`; the plain view if nothing was."""
    doc = session.read(view_state, place)
    columns, history, named = doc.get("columns"), doc.get("history"), doc.get("named")
    return View(
        columns=tuple(map(str, columns)) if isinstance(columns, list) else (),
        sort=str(doc.get("sort") or ""),
        descending=bool(doc.get("descending")),
        history=tuple(map(str, history)) if isinstance(history, list) else (),
        named={str(k): str(v) for k, v in named.items()} if isinstance(named, dict) else {},
    )


def remember(session: Session, place: str, view: View) -> None:
    """Keep a view for next time, if anything can be kept here."""
    value: dict[str, object] = {
        "columns": list(view.columns),
        "sort": view.sort,
        "descending": view.descending,
        "history": list(view.history),
        "named": view.named,
    }
    if not session.read_only:
        session.write(remember_view, place, value)


def mark_notices_seen(session: Session, up_to: int) -> None:
    """What was told need not be told again; `up_to` is the id of the last notice told."""
    from mantik_tui.store.writes.jobs import notices_seen

    if not session.read_only:
        session.write(notices_seen, up_to)
