"""`mantik-tui runs cancel`, `tag`, `note`, `rename`: made here at once, sent when the server can be reached."""

from __future__ import annotations

import sys

import click

from mantik_tui.cli.common import find_run, open_here
from mantik_tui.cli.output import say, write
from mantik_tui.domain.text import clean


@click.command("cancel")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
def cancel(runs: tuple[str, ...]) -> None:
    """Cancel the jobs of runs. A submission that was not sent yet is taken back."""
    from mantik_tui.workspace import reads
    from mantik_tui.workspace import runs as verbs

    session = open_here()
    for run_id in [find_run(session, text) for text in runs]:
        name = session.read(reads.runs.get_run, run_id).name
        done = verbs.cancel(session, run_id)
        words = "taken back, it was not sent yet" if done == "taken back" else "cancelling"
        write(clean(f"{name}: {words}", keep_newlines=False) + "\n")


@click.command("tag")
@click.argument("run", metavar="RUN")
@click.argument("tags", metavar="KEY=VALUE...", nargs=-1)
@click.option("--delete", "deleted", multiple=True, metavar="KEY", help="Delete this tag.")
def tag(run: str, tags: tuple[str, ...], deleted: tuple[str, ...]) -> None:
    """Set tags of a run, or delete them. Without either, print its tags."""
    from mantik_tui.workspace import reads
    from mantik_tui.workspace import runs as verbs

    pairs = [text.partition("=") for text in tags]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.UsageError(f"{key!r} is no KEY=VALUE.")
    session = open_here()
    run_id = find_run(session, run)
    for key, _, value in pairs:
        verbs.set_tag(session, run_id, key, value)
    for key in deleted:
        verbs.delete_tag(session, run_id, key)
    if not pairs and not deleted:
        for key, value in sorted(session.read(reads.runs.get_run, run_id).tags.items()):
            write(clean(f"{key}={value}", keep_newlines=False) + "\n")


@click.command("note")
@click.argument("run", metavar="RUN")
@click.argument("text", required=False)
def note(run: str, text: str | None) -> None:
    """Print a run's note, or set it to TEXT; `-` reads the text from stdin. Markdown is fine."""
    from mantik_tui.workspace import reads
    from mantik_tui.workspace import runs as verbs

    session = open_here()
    run_id = find_run(session, run)
    if text is None:
        found = clean(session.read(reads.runs.get_run, run_id).note)
        write(found.rstrip("\n") + "\n" if found else "")
        return
    verbs.set_note(session, run_id, sys.stdin.read() if text == "-" else text)


@click.command("rename")
@click.argument("run", metavar="RUN")
@click.argument("name")
def rename(run: str, name: str) -> None:
    """Give a run another name."""
    from mantik_tui.workspace import runs as verbs

    session = open_here()
    verbs.rename(session, find_run(session, run), name)
    say(clean(f"{run} is called {name} now", keep_newlines=False))
