"""`mantik-tui sites`: places that run jobs."""

from __future__ import annotations

import click

from mantik_tui.cli.common import json_option, open_here
from mantik_tui.cli.output import paint, print_json, print_table, say, write
from mantik_tui.domain.text import clean, clock, iso


@click.command("list")
@json_option
def list_sites(as_json: bool) -> None:
    """List sites."""
    from mantik_tui.workspace import reads

    session = open_here()
    sites = session.read(reads.jobs.sites)
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "transport": one.transport,
                    "scheduler": one.scheduler,
                    "address": one.address or None,
                    "run_root": one.run_root or None,
                    "account": one.account or None,
                    "modules": list(one.modules),
                    "extra_lines": list(one.extra_lines),
                    "settings": dict(one.settings),
                    "state": one.state or None,
                    "reason": one.state_reason or None,
                    "as_of": iso(one.as_of_ms),
                }
                for one in sites
            ]
        )
        return
    now = session.now_ms()
    print_table(
        ["name", "kind", "address", "run root", "account", "state", "as of"],
        [
            [
                one.name, f"{one.transport} × {one.scheduler}", one.address, one.run_root, one.account, one.state,
                clock(one.as_of_ms, now),
            ]
            for one in sites
        ],
    )  # fmt: skip


@click.command("add")
@click.argument("name", metavar="SITE")
@click.option(
    "--run-root",
    default="",
    metavar="DIR",
    help="Folder for run folders; $VARIABLES are those of the site.",
)
@click.option(
    "--account", default="", metavar="NAME", help="Account that pays, where none is given."
)
@click.option(
    "--python",
    default="",
    metavar="VENV",
    help="Virtual environment for backend configs that name none.",
)
@click.option(
    "--slots",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="At most N jobs at a time; 0 for half the cores.",
)
@click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="NAME",
    help="Environment module to load; may be given often.",
)
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="TEXT",
    help="A line for the scheduler; may be given often.",
)
def add(
    name: str,
    run_root: str,
    account: str,
    python: str,
    slots: int,
    modules: tuple[str, ...],
    lines: tuple[str, ...],
) -> None:
    """Add a site, or write one of this name anew. This release runs jobs on this machine."""
    from mantik_tui.domain.site import Site
    from mantik_tui.workspace import sites

    settings = {"python": python, "slots": str(slots) if slots else ""}
    sites.add(
        open_here(),
        Site(
            name=name, run_root=run_root, account=account, modules=modules, extra_lines=lines,
            settings={key: value for key, value in settings.items() if value},
        ),
    )  # fmt: skip
    say(clean(f"mantik-tui sites test {name} tries it", keep_newlines=False))


@click.command("test")
@click.argument("name", metavar="SITE")
@json_option
@click.pass_context
def test(ctx: click.Context, name: str, as_json: bool) -> None:
    """Try everything that a submission needs on a site. Exits with 1 if something is missing."""
    from mantik_tui.workspace import sites

    checks = sites.test(open_here(), name)
    good = all(check.ok for check in checks)
    if as_json:
        lines = [{"name": one.name, "ok": one.ok, "words": one.words} for one in checks]
        print_json({"ok": good, "checks": lines})
    else:
        width = max((len(one.name) for one in checks), default=0)
        for one in checks:
            mark = paint("ok", "green") if one.ok else paint("! ", "red")
            write(f"{mark}  {one.name:<{width}}  {clean(one.words, keep_newlines=False)}\n")
    ctx.exit(0 if good else 1)


@click.command("remove")
@click.argument("name", metavar="SITE")
def remove(name: str) -> None:
    """Remove a site from the configuration. Runs made there stay."""
    from mantik_tui.workspace import sites

    sites.remove(open_here(), name)
