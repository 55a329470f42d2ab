"""`mantik-tui doctor`: what this installation is and whether it is well."""

from __future__ import annotations

import click

from mantik_tui.cli.common import json_option
from mantik_tui.cli.lazy import State
from mantik_tui.cli.output import paint, print_json, write
from mantik_tui.domain.text import clean


@click.command("doctor")
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check versions, paths and modes, the database, the engine, the server, the keyring, the terminal.

    Prints a line for each: ok, or ! and what helps. Exits with 1 if something needs you. Changes nothing, and starts
    no engine.
    """
    from mantik_tui.actions import keymap_problems
    from mantik_tui.workspace.doctor import examine

    findings = examine(ctx.ensure_object(State).workspace, keymap_problems)
    good = all(one.ok is not False for one in findings)
    if as_json:
        rows = [
            {
                "group": one.group,
                "name": one.name,
                "ok": one.ok,
                "value": one.value,
                "help": one.help or None,
            }
            for one in findings
        ]
        print_json({"ok": good, "findings": rows})
    else:
        width = max(len(one.name) for one in findings)
        for one in findings:
            mark = (
                "  " if one.ok is None else paint("ok", "green") if one.ok else paint("! ", "red")
            )
            write(f"{mark}  {one.name:<{width}}  {clean(one.value, keep_newlines=False)}\n")
            if one.help and one.ok is not True:
                write(f"    {'':<{width}}  {clean(one.help, keep_newlines=False)}\n")
    ctx.exit(0 if good else 1)
