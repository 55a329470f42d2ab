"""Submitting a configuration from a screen: check all of it, ask where much is sent, queue it, say what happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import MantikError, StoreProblem
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.text import size
from mantik_tui.screens.frame_lines import ENGINE_OFF
from mantik_tui.workspace import submit
from mantik_tui.workspace.plan import Plan, make_plan
from mantik_tui.workspace.status import read_status
from mantik_tui.workspace.submit import Submitted

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_SEND = "send"


def submit_config(
    screen: MantikScreen,
    config: RunConfig,
    *,
    refused: Callable[[Plan], None],
    done: Callable[[Submitted], None],
    ended: Callable[[], None] = lambda: None,
) -> None:
    """Submit, in threads.

    Args:
        refused: gets the plan when it has errors; nothing was queued.
        done: gets what was queued.
        ended: called when nothing goes on any more without anything being queued.
    """

    def planned(plan: Plan) -> None:
        if not plan.ok:
            ended()
            refused(plan)
        elif plan.question:
            ask(plan)
        else:
            send(plan)

    def ask(plan: Plan) -> None:
        from mantik_tui.widgets.dialogs import Verb, VerbDialog

        def answered(answer: str | None) -> None:
            if answer == _SEND:
                send(plan)
            else:
                ended()

        verbs = (Verb("t", "stay here", "stay"), Verb("s", "send all of it", _SEND))
        screen.app.push_screen(VerbDialog("That is much to send", question(plan), verbs), answered)

    def send(plan: Plan) -> None:
        screen.run_verb(
            submit.submit, config, config.project_id, plan=plan, done=done, failed=failed
        )

    def failed(error: MantikError) -> None:
        ended()
        screen.show_error(error)

    screen.run_verb(make_plan, config, done=planned, failed=failed)


def question(plan: Plan) -> list[str]:
    """What is asked above the size limit: how much it is, and the biggest files."""
    selection = plan.selection
    if selection is None:
        return []
    lines = [f"{len(selection.kept):,} files, {size(selection.size)}. The biggest:"]
    lines += [f"{size(file.size):>9}  {file.path}" for file in selection.biggest()]
    return [*lines, "", "Exclude in the backend config's text, or .gitignore, leaves files out."]


def why_queued(screen: MantikScreen) -> str:
    """Why a submission would wait in the outbox for now, in words; empty if it would go out at once."""
    if screen.mantik.engine_state == ENGINE_OFF:
        return "the engine is off"
    try:
        state = read_status(screen.session).state
    except StoreProblem:
        return ""
    return {"offline": "the server is offline", "needs login": "a login is needed"}.get(state, "")


def words_of(screen: MantikScreen, made: Submitted, site: str) -> str:
    """What happened, for the person."""
    waits = why_queued(screen)
    if waits:
        return f"{made.name} waits in the outbox and goes out once: {waits}"
    return f"{made.name} goes to {site}"
