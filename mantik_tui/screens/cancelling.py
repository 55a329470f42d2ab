"""Asking before a job is cancelled or a write is taken back; the dialog names run, site, job and owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mantik_tui.domain.run import RunRow, RunStatus
from mantik_tui.workspace import outbox, reads, runs
from mantik_tui.workspace.session import Session

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_SHOWN = 8


def ask_cancel(
    screen: MantikScreen, rows: Sequence[RunRow], done: Callable[[], None] | None = None
) -> None:
    """Cancel these runs' jobs after a dialog; those that have ended are left out. `done` is called afterwards."""
    from mantik_tui.widgets.dialogs import ConfirmDialog

    rows = [row for row in rows if not RunStatus(row.status).ended]
    if not rows:
        screen.app.notify("All of these runs have ended", severity="warning")
        return
    lines = [line for row in rows[:_SHOWN] for line in _about(screen.session, row)]
    if len(rows) > _SHOWN:
        lines.append(f"and {len(rows) - _SHOWN} more")
    what = f"Cancel {rows[0].name}?" if len(rows) == 1 else f"Cancel {len(rows)} runs?"

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            screen.run_verb(
                _cancel_all, [row.id for row in rows], done=lambda words: _say(screen, words, done)
            )

    screen.app.push_screen(ConfirmDialog(what, lines, yes="cancel it", no="let it run"), answered)


def ask_take_back(screen: MantikScreen, row: RunRow) -> None:
    """Take back the newest write of a run that has not been sent."""
    from mantik_tui.widgets.dialogs import ConfirmDialog

    entries = screen.session.read(reads.jobs.open_entries, row.id)
    if not entries:
        screen.app.notify(f"Nothing of {row.name} waits to be sent", severity="warning")
        return
    entry = entries[-1]
    lines = [entry.what, f"run     {row.name}", f"owner   {row.user or 'not known'}"]

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            screen.run_verb(outbox.take_back, entry.id, words=f"{entry.what}: taken back")

    screen.app.push_screen(ConfirmDialog("Take this back?", lines, yes="take it back"), answered)


def _about(session: Session, row: RunRow) -> list[str]:
    job = session.read(reads.jobs.latest_job, row.id)
    number = job.job_id if job and job.job_id else "not sent yet"
    return [
        f"run     {row.name}  ({row.status})",
        f"site    {(job.site if job else row.site) or 'not known'}",
        f"job     {number}",
        f"owner   {row.user or 'not known'}",
    ]


def _cancel_all(session: Session, ids: Sequence[int]) -> str:
    results = [runs.cancel(session, run_id) for run_id in ids]
    taken_back = sum(result == "taken back" for result in results)
    if taken_back == len(results):
        return "Taken back before it was sent"
    if len(results) == 1:
        return "The cancellation goes out through the outbox"
    return f"{len(results) - taken_back} cancellations go out, {taken_back} taken back unsent"


def _say(screen: MantikScreen, words: str, done: Callable[[], None] | None) -> None:
    screen.app.notify(words)
    if done is not None:
        done()
