"""`mantik-tui runs logs`: from the copy kept here, with news from the site when it can be reached."""

from __future__ import annotations

import sys

import click

from mantik_tui.cli.common import find_run, open_here
from mantik_tui.cli.output import say, write
from mantik_tui.domain.text import clean


@click.command("logs")
@click.argument("run", metavar="RUN")
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows, until the job has ended.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Begin with the last N lines."
)
def logs(run: str, follow: bool, lines: int | None) -> None:
    """Print a run's log: what the job wrote to stdout and stderr.

    It is kept here and readable offline; news are fetched when the site can be reached. Progress bars are shown as they
    ended, and control sequences are left out.
    """
    from mantik_tui.workspace.logs import LogReader
    from mantik_tui.workspace.waiting import Bell

    bell = Bell()
    session = open_here(bell)
    run_id = find_run(session, run)
    reader = LogReader(session, bell, run_id)
    problem = reader.refresh()
    if problem is not None:
        say(
            clean(
                f"{problem.title}. Here is the copy kept here, as of {reader.age()}.",
                keep_newlines=False,
            )
        )
    if follow and reader.empty and not reader.ended:
        say("Nothing is written yet; waiting for the job.")
    for line in reader.follow(lines) if follow and problem is None else reader.read(lines):
        write(line + "\n")
        if follow:
            sys.stdout.flush()
    if not follow and not reader.ended:
        say("The job goes on; -f follows it.")
