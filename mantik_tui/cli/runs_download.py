"""`mantik-tui runs download`: artifacts from the server, or the run folder from the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mantik_tui.cli.common import find_run, open_here
from mantik_tui.cli.output import say, write
from mantik_tui.domain.text import clean, size


@click.command("download")
@click.argument("run", metavar="RUN")
@click.argument("path", required=False, default="")
@click.option(
    "--artifacts",
    "source",
    flag_value="artifacts",
    default=True,
    help="From the run's artifacts (the default).",
)
@click.option("--folder", "source", flag_value="folder", help="From the run folder on the site.")
@click.option("--to", "target", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="DIR",
              show_default="here", help="Folder to put it into; made if it is missing.")  # fmt: skip
def download(run: str, path: str, source: str, target: Path) -> None:
    """Download PATH of a run, a file or a folder with all below it; without PATH, everything. Prints where it lies."""
    from mantik_tui.workspace.files import download_artifacts, download_folder
    from mantik_tui.workspace.waiting import Bell

    bell = Bell()
    bell.on_progress = _tell
    session = open_here(bell)
    run_id = find_run(session, run)
    fetch = download_folder if source == "folder" else download_artifacts
    for place in fetch(session, run_id, path.strip("/"), target):
        write(f"{place}\n")


def _tell(event: dict[str, Any]) -> None:
    if event.get("kind") == "download" and event.get("done") == event.get("total"):
        say(clean(f"{event.get('path')}  {size(event.get('done'))}", keep_newlines=False))
