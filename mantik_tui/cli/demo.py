"""`mantik-tui demo`: everything, without an account."""

from __future__ import annotations

import sys
from typing import Any

import click


@click.command("demo")
@click.option(
    "--no-app", is_flag=True, help="Set everything up and return, without opening the program."
)
@click.pass_context
def demo(ctx: click.Context, no_app: bool) -> None:
    """Start a local MLflow server, three projects and real trainings on this machine, then open the program.

    A second start takes over what is there. Prints where everything lies.
    """
    from mantik_tui.cli.common import open_here
    from mantik_tui.cli.output import say, write
    from mantik_tui.workspace.demo_start import WORKSPACE, start_demo
    from mantik_tui.workspace.waiting import Bell

    def hear(event: dict[str, Any]) -> None:
        if event.get("kind") == "demo":
            say(str(event.get("text", "")))

    opens_app = not no_app and sys.stdout.isatty()
    bell = Bell()
    bell.on_progress = hear
    session = open_here(bell)
    try:
        lines = start_demo(session, say)
    finally:
        session.close()
    for line in lines:
        if opens_app:
            say(line)
        else:
            write(line + "\n")
    if opens_app:
        from mantik_tui.main import run_app

        ctx.exit(run_app(WORKSPACE))
