"""Downloading what a run left: its artifacts, or its folder on the site."""

from __future__ import annotations

from pathlib import Path

from mantik_tui.workspace import live
from mantik_tui.workspace.session import Session


def download_artifacts(session: Session, run_id: int, path: str, target: Path) -> list[Path]:
    """Download one artifact (a file or a folder), or all of them for an empty path, into the folder `target`.

    Returns where it lies; for an empty path, that is `target`.

    Raises:
        NotFound: the run has no artifacts, or none at this path.
        Offline, NeedsLogin, Refused: what the server answered.
    """
    return [live.fetch_artifact(session, run_id, path, target)]


def download_folder(session: Session, run_id: int, path: str, target: Path) -> list[Path]:
    """Download a file or folder of the run folder on its site, or all of it for an empty path, into `target`.

    Returns where it lies.

    Raises:
        NotFound: the run has no folder on a site, or nothing is at this path.
        Offline, NeedsLogin, Refused: what the site answered.
    """
    return [live.fetch_file(session, run_id, path, target)]
