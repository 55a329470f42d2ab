"""Choosing the run to compare one with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clock
from mantik_tui.widgets.one_line import short_name
from mantik_tui.workspace.reads import projects, runs

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_RECENT = 100


def choose_other(screen: MantikScreen, run: Run) -> None:
    """Ask for a second run of the project, the best one first, and compare the two."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    session = screen.session
    scope = runs.Scope(project_id=run.project_id)
    ids = list(session.read(runs.run_ids, scope, None, None, session.now_ms(), _RECENT))
    best = None
    if run.project_id is not None:
        rows = session.read(projects.project_rows, session.workspace.id)
        best = next((row.best for row in rows if row.id == run.project_id), None)
    if best is not None:
        ids = [best.run_id, *(run_id for run_id in ids if run_id != best.run_id)]
    others = session.read(runs.run_rows, [run_id for run_id in ids if run_id != run.id])
    if not others:
        screen.app.notify("There is no other run in this project", severity="warning")
        return

    def words(run_id: int, status: str, user: str, start_ms: int | None) -> str:
        first = "the best, " if best is not None and run_id == best.run_id else ""
        return f"{first}{status}, {short_name(user, 16)}, {clock(start_ms, session.now_ms())}"

    def picked(answer: tuple[str, ...] | None) -> None:
        if answer:
            screen.mantik.open_compare([run.id, int(answer[0])])

    choices = [Choice(str(r.id), r.name, words(r.id, r.status, r.user, r.start_ms)) for r in others]
    screen.app.push_screen(PickDialog(f"Compare {short_name(run.name)} with", choices), picked)
