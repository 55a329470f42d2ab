"""Leaving the program; says first what is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.domain.outbox import Entry, EntryState
from mantik_tui.domain.text import clean
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp

_NAMED = 5


def ask_to_leave(app: MantikApp) -> None:
    """Leave at once when everything is sent, else after a dialog that says what is not."""
    try:
        entries = app.session.read(reads.jobs.open_entries)
    except StoreProblem:
        entries = []
    if not entries:
        app.exit()
        return
    from mantik_tui.widgets.dialogs import ConfirmDialog

    count = len(entries)
    title = f"{count} {'write is' if count == 1 else 'writes are'} not sent yet"

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            app.exit()

    lines = leaving_words(entries, engine_runs=app.session.engine.connected)
    app.push_screen(ConfirmDialog(title, lines, yes="leave", no="stay"), answered)


def leaving_words(entries: Sequence[Entry], *, engine_runs: bool) -> list[str]:
    """What goes out by itself, and what waits for a person: nobody sends that, however long the engine stays."""
    stuck = [entry for entry in entries if entry.state in (EntryState.BLOCKED, EntryState.UNSURE)]
    waiting = [entry for entry in entries if entry not in stuck]
    lines = _listed(waiting)
    if waiting and engine_runs:
        lines.append("Nothing is lost: the engine stays and goes on sending until these are done.")
    elif waiting:
        lines.append("Nothing is lost: they are sent when the program or its engine runs again.")
    if stuck:
        one = len(stuck) == 1
        lines += [""] if waiting else []
        lines += _listed(stuck)
        lines.append(
            f"{'This one needs' if one else 'These need'} you and {'is' if one else 'are'} not sent before:"
            " o shows why and what helps, L logs in where that is all."
        )
    return lines


def _listed(entries: Sequence[Entry]) -> list[str]:
    lines = [f"· {clean(entry.what, keep_newlines=False)}" for entry in entries[:_NAMED]]
    return [*lines, f"· and {len(entries) - _NAMED} more"] if len(entries) > _NAMED else lines
