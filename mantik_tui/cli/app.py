"""`mantik-tui tui`: the full-screen program, by name."""

from __future__ import annotations

import click

from mantik_tui.cli.lazy import State


@click.command("tui")
@click.argument("name", metavar="[WORKSPACE]", required=False)
@click.pass_context
def tui(ctx: click.Context, name: str | None) -> None:
    """Open the full-screen program, on WORKSPACE if it is given."""
    from mantik_tui.main import run_app

    ctx.exit(run_app(name or ctx.ensure_object(State).workspace))
