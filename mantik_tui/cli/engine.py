"""`mantik-tui engine`: the program in the background that talks to servers and sites."""

from __future__ import annotations

import click

from mantik_tui.cli.common import json_option, open_here
from mantik_tui.cli.output import print_fields, print_json, say, write


@click.command("start")
@click.option(
    "--keep", is_flag=True, help="It stays when nothing is left to do, until engine stop."
)
def start(keep: bool) -> None:
    """Start the engine, if it does not run yet.

    Other commands start it when they need it. It ends by itself ten minutes after the last window or command, once
    nothing is left to send; --keep lets it stay. `mantik-tui engine run --keep` stays in the foreground instead, for
    tmux or systemd.
    """
    session = open_here()
    was_there = session.engine.connect()
    session.engine.ensure()
    if keep:
        session.engine.request("keep")
    told = session.engine.request("status")
    write(f"{'running already' if was_there else 'started'}, process {told['pid']}\n")
    if not told["sends"]:
        say(f"The engine on {told['sender']} sends; this one only reads.")


@click.command("status")
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Say whether the engine runs, and what it does. Exits with 1 if it does not run."""
    from mantik_tui import paths
    from mantik_tui.workspace.session import engine_line

    line = engine_line()
    ctx.call_on_close(line.close)
    running = line.connect()
    told = line.request("status") if running else {}
    told.pop("socket", None)
    answer = {
        "running": running,
        "pid": told.get("pid"),
        "version": told.get("version"),
        "sends": told.get("sends"),
        "sender": told.get("sender"),
        "clients": told["clients"] - 1 if running else None,
        "waiting": told.get("waiting"),
        "blocked": told.get("blocked"),
        "keep": told.get("keep"),
        "demo": told.get("demo"),
        "secrets": told.get("secrets"),
        "socket": str(paths.socket_path()),
        "log": str(paths.place("log") / "engine.log"),
    }
    if as_json:
        print_json(answer)
    elif not running:
        write("not running\n")
    else:
        print_fields(_fields(answer))
    ctx.exit(0 if running else 1)


def _fields(answer: dict[str, object]) -> list[tuple[str, str]]:
    from mantik_tui.workspace.status import waiting_words

    sends = "yes" if answer["sends"] else f"no, the engine on {answer['sender']} does"
    stays = "until engine stop" if answer["keep"] else "until nothing is left to do"
    return [
        ("process", str(answer["pid"])),
        ("version", str(answer["version"])),
        ("sends", sends),
        ("stays", stays),
        ("clients", str(answer["clients"])),
        ("outbox", waiting_words(int(str(answer["waiting"])), int(str(answer["blocked"])))),
        ("demo server", str(answer["demo"] or "")),
        ("secrets", str(answer["secrets"])),
        ("log", str(answer["log"])),
    ]


@click.command("stop")
def stop() -> None:
    """Stop the engine. What waits to be sent is kept and sent by the next one."""
    from mantik_tui.workspace.session import engine_line
    from mantik_tui.workspace.waiting import stop_engine

    pid = stop_engine(engine_line())
    write("not running\n" if pid is None else f"stopped, process {pid}\n")
