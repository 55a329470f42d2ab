"""Runs: tags, notes, names, cancelling."""

from __future__ import annotations

from mantik_tui.store.reads.projects import server_id_of_experiment
from mantik_tui.store.reads.runs import NOTE_TAG, get_run
from mantik_tui.store.writes import local
from mantik_tui.workspace.session import Session


def set_tag(session: Session, run_id: int, key: str, value: str) -> str:
    """Set a tag here at once; it goes out through the outbox. Returns the entry's id.

    Raises:
        Refused: the value is longer than MLflow keeps, or the run was deleted on the server.
    """
    entry = session.write(local.edit_tag, run_id, key, value, session.now_ms())
    session.wake_engine()
    return entry


def delete_tag(session: Session, run_id: int, key: str) -> str:
    entry = session.write(local.edit_tag, run_id, key, None, session.now_ms())
    session.wake_engine()
    return entry


def set_note(session: Session, run_id: int, text: str) -> str:
    """Set a run's note (Markdown), which MLflow's own page shows too."""
    entry = session.write(local.edit_tag, run_id, NOTE_TAG, text, session.now_ms())
    session.wake_engine()
    return entry


def rename(session: Session, run_id: int, name: str) -> str:
    entry = session.write(local.edit_name, run_id, name, session.now_ms())
    session.wake_engine()
    return entry


def cancel(session: Session, run_id: int) -> str:
    """Cancel a run's job; a submission that has not been sent is taken back instead.

    Returns `taken back` or the id of the outbox entry.

    Raises:
        Conflict: the run has no job of ours, or it has ended.
    """
    done = session.write(local.ask_cancel, run_id, session.now_ms())
    session.wake_engine()
    return done


def web_page(session: Session, run_id: int) -> str:
    """Address of a run on the tracking server; the server's own page for a run that it has not seen."""
    run = session.read(get_run, run_id)
    base = session.workspace.tracking_uri.rstrip("/")
    if run.server_id is None:
        return base
    experiment = session.read(server_id_of_experiment, run.experiment_id)
    return f"{base}/#/experiments/{experiment}/runs/{run.server_id}"
