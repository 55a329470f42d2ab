"""`mantik-tui sync`: ask the server and sites now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mantik_tui.cli.common import json_option, open_here, say_sender
from mantik_tui.cli.output import count, print_json, say, write
from mantik_tui.domain.text import clean, clock, iso

if TYPE_CHECKING:
    from mantik_tui.workspace.status import Status

EXIT_CODES = {"live": 0, "new": 1, "pulling": 1, "offline": 4, "not mlflow": 4, "needs login": 5}
"""By the workspace's state, those of the errors that `login` meets there; any other is a refusal of the server."""
REFUSED = 6
SEND_S = 15.0
"""So long it is waited for what goes out to a server that answers."""


@click.command("sync")
@click.option("--full", is_flag=True, help="Read every run again, not only what changed.")
@json_option
@click.pass_context
def sync(ctx: click.Context, full: bool, as_json: bool) -> None:
    """Ask the tracking server and the sites now, send what waits, and wait for the answers.

    Exits with 4 when the server does not answer, or not like one, with 5 when it wants a login.
    """
    from mantik_tui.workspace import live, reads
    from mantik_tui.workspace.status import login_command, read_status
    from mantik_tui.workspace.waiting import Bell, wait_sent

    bell = Bell()
    session = open_here(bell)
    workspace_id = session.workspace.id
    live.refresh(session, wait=True, full=full)
    status = read_status(session)
    if status.state == "live" and status.waiting:
        wait_sent(session, bell, SEND_S)
        status = read_status(session)
    projects = session.read(reads.projects.project_rows, workspace_id)
    runs = session.read(reads.runs.count_runs, reads.runs.Scope(workspace_id))
    if as_json:
        print_json(
            {
                "workspace": status.workspace,
                "server": status.server,
                "state": status.state,
                "reason": status.reason or None,
                "as_of": iso(status.as_of_ms),
                "projects": len(projects),
                "runs": runs,
                "jobs": dict(status.jobs),
                "waiting": status.waiting,
                "blocked": status.blocked,
            }
        )
    else:
        write(
            clean(_words(status, session.now_ms(), len(projects), runs), keep_newlines=False) + "\n"
        )
        if status.blocked:
            say(
                f"{count(status.blocked, 'write')} need{'s' * (status.blocked == 1)} you: mantik-tui outbox list"
            )
    say_sender(session)
    if status.state == "needs login":
        say(clean(f"{login_command(session.workspace)} logs in again", keep_newlines=False))
    ctx.exit(EXIT_CODES.get(status.state, REFUSED))


def _words(status: Status, now: int, projects: int, runs: int) -> str:
    parts = [f"{status.workspace}: {status.state}"]
    if status.reason:
        parts.append(status.reason)
    parts.append(f"as of {clock(status.as_of_ms, now)}" if status.as_of_ms else "nothing read yet")
    parts += [count(projects, "project"), count(runs, "run")]
    parts += [f"{jobs} {state}" for state, jobs in status.jobs.items()]
    if status.waiting:
        parts.append(f"{count(status.waiting, 'write')} wait{'s' * (status.waiting == 1)}")
    return " · ".join(parts)
