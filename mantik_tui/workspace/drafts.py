"""Edits that were not saved yet, kept so that a closed terminal does not lose them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from mantik_tui.domain.run_config import RunConfig
from mantik_tui.store.reads.jobs import view_state
from mantik_tui.store.writes.setup import remember_view
from mantik_tui.workspace.configs import from_record
from mantik_tui.workspace.session import Session


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form held, and when."""

    config: RunConfig
    at_ms: int


def place_of(origin: RunConfig) -> str:
    """Where the draft of a form lies: by the saved configuration, or by what the form was opened with."""
    if origin.id is not None:
        return f"draft:config:{origin.id}"
    doc = json.dumps(dataclasses.asdict(origin), sort_keys=True)
    return f"draft:config:new:{hashlib.sha256(doc.encode()).hexdigest()[:16]}"


def keep(session: Session, origin: RunConfig, edited: RunConfig) -> None:
    """Keep unsaved edits of a form that was opened with `origin`."""
    doc = {"config": dataclasses.asdict(edited), "at_ms": session.now_ms()}
    session.write(remember_view, place_of(origin), doc)


def find(session: Session, origin: RunConfig) -> Draft | None:
    """Unsaved edits of this form; None if there are none, or if they come to the same as `origin`."""
    doc = session.read(view_state, place_of(origin))
    record, at_ms = doc.get("config"), doc.get("at_ms")
    if not isinstance(record, dict) or not isinstance(at_ms, int):
        return None
    config = dataclasses.replace(
        from_record(record),
        id=origin.id,
        project_id=origin.project_id,
        updated_ms=origin.updated_ms,
    )
    return None if config == origin else Draft(config, at_ms)


def drop(session: Session, origin: RunConfig) -> None:
    """Forget the unsaved edits of this form."""
    if session.read(view_state, place_of(origin)):
        session.write(remember_view, place_of(origin), {})
