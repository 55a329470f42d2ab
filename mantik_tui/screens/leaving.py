"""Leaving the program; says first what is not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp


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
    lines = [f"· {entry.what}" for entry in entries[:6]]
    lines += [f"· and {count - 6} more"] if count > 6 else []
    lines.append("")
    if app.session.engine.connected:
        lines.append("Nothing is lost: the engine stays and goes on sending until all is done.")
    else:
        lines.append("Nothing is lost: it is sent when the program or its engine runs again.")

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            app.exit()

    app.push_screen(ConfirmDialog(title, lines, yes="leave", no="stay"), answered)
