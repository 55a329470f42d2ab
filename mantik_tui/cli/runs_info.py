"""`mantik-tui runs info`: everything that is known of a run, as YAML or JSON."""

from __future__ import annotations

import click

from mantik_tui.cli.common import find_run, open_here, say_age
from mantik_tui.cli.output import plain, print_json, write
from mantik_tui.domain.text import clean


@click.command("info")
@click.argument("run", metavar="RUN")
@click.option("-f", "--format", "kind", type=click.Choice(["yaml", "json"], case_sensitive=False), default="yaml",
              show_default=True, help="What to print.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--now", "ask", is_flag=True, help="Ask the server first, for its artifacts too.")
def info(run: str, kind: str, as_json: bool, ask: bool) -> None:
    """Everything that is known of a run: status, job and its history, params, metrics, tags, files, provenance."""
    from mantik_tui.workspace.info import run_info

    session = open_here()
    run_id = find_run(session, run)
    if ask:
        from mantik_tui.workspace import live

        live.reread_run(session, run_id)
        live.list_artifacts(session, run_id)
    found = run_info(session, run_id)
    if as_json or kind == "json":
        print_json(found)
        return
    say_age(session)
    import yaml

    text = yaml.safe_dump(plain(found), sort_keys=False, allow_unicode=True, width=100)
    if clean(text) != text:
        # A direction override or the like: as escapes it is the same YAML.
        text = yaml.safe_dump(plain(found), sort_keys=False, allow_unicode=False, width=100)
    write(text)
