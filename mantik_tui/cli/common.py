"""What commands share: the session, options, and how a thing is found by what a person calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mantik_tui.cli.lazy import State

if TYPE_CHECKING:
    from mantik_tui.workspace.session import Session
    from mantik_tui.workspace.waiting import Bell

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_here(bell: Bell | None = None) -> Session:
    """The session of this command, closed with it."""
    from mantik_tui.workspace import session as sessions

    context = click.get_current_context()
    state = context.ensure_object(State)
    how: dict[str, Any] = {"spawn": state.spawn} if state.spawn else {}
    found = sessions.open_session(state.workspace, on_event=bell.ring if bell else None, **how)
    context.call_on_close(found.close)
    if found.warnings:
        from mantik_tui.cli.failure import tell_problems

        tell_problems(found.warnings)
    return found


def say_sender(session: Session) -> None:
    """On stderr, which host sends what waits, if that is not this one."""
    from mantik_tui.cli.output import say
    from mantik_tui.domain.text import clean
    from mantik_tui.workspace.status import sending_host

    if host := sending_host(session):
        say(clean(f"The engine on {host} sends what waits; this host reads.", keep_newlines=False))


def find_run(session: Session, text: str) -> int:
    """Row of the run that `text` names. Raises NotFound or Ambiguous."""
    from mantik_tui.workspace import reads

    scope = reads.runs.Scope(workspace_id=session.workspace.id)
    return session.read(reads.runs.find_run, text, scope)


def find_project(session: Session, text: str | None) -> int | None:
    """Row of the project that `text` names, None for no text. Raises NotFound or Ambiguous."""
    if not text:
        return None
    from mantik_tui.workspace import reads

    return session.read(reads.projects.find_project, session.workspace.id, text)


def say_age(session: Session) -> None:
    """On stderr, how old the data is, when it does not come from a server that answers right now."""
    from mantik_tui.cli.output import say
    from mantik_tui.domain.text import clean, clock

    row = session.workspace
    if row.state == "live" and row.round_ms and session.now_ms() - row.round_ms < 120_000:
        return
    if row.round_ms is None:
        if row.state == "needs login":
            from mantik_tui.workspace.status import login_command

            why = (
                f"Nothing was read from {row.name} yet: {row.reason}; {login_command(row)} logs in."
            )
        elif row.reason:
            why = f"Nothing was read from {row.name} yet: {row.state} ({row.reason}); mantik-tui sync asks it again."
        else:
            why = f"Nothing was read from {row.name} yet; mantik-tui sync asks it now."
        say(clean(why, keep_newlines=False))
        return
    reason = f", {row.state}" if row.state not in ("live", "new", "pulling") else ""
    words = f" ({row.reason})" if reason and row.reason else ""
    say(clean(f"As of {clock(row.round_ms, session.now_ms())}{reason}{words}", keep_newlines=False))
