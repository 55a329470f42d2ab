"""Projects: where they lie on this machine, and by which metric their runs are ranked."""

from __future__ import annotations

from pathlib import Path

from mantik_tui.domain.errors import BadInput
from mantik_tui.store.reads.projects import experiments, get_project
from mantik_tui.store.writes import setup
from mantik_tui.store.writes.projects import refresh_stats
from mantik_tui.workspace.session import Session

MLPROJECT = "MLproject"


def set_project_folder(session: Session, project_id: int, folder: str) -> str:
    """Set the folder on this machine that holds the project's MLproject; empty text forgets it.

    Returns the folder as stored, absolute.

    Raises:
        NotFound: there is no such project.
        BadInput: there is no such folder.
    """
    session.read(get_project, project_id)
    path = ""
    if folder.strip():
        wanted = Path(folder.strip()).expanduser().absolute()
        if not wanted.is_dir():
            raise BadInput(
                f"{wanted} is no folder", "it does not exist on this machine", "Give a folder that holds an MLproject"
            )  # fmt: skip
        path = str(wanted)
    session.write(setup.set_project_folder, project_id, path)
    return path


def has_mlproject(folder: str) -> bool:
    """Whether a folder on this machine holds an MLproject file."""
    return bool(folder) and (Path(folder) / MLPROJECT).is_file()


def rank_by(session: Session, project_id: int, metric: str, goal: str) -> None:
    """Rank a project's runs by a metric; `goal` is `min` or `max`.

    Raises:
        BadInput: another goal.
    """
    if goal not in ("min", "max"):
        raise BadInput(
            f"{goal!r} is no goal", "a metric is better when lower or higher", "Say min or max"
        )

    session.write(setup.set_project_metric, project_id, metric, goal)
    session.write(refresh_stats, [project_id])


def web_page(session: Session, project_id: int) -> str:
    """Address of the project's first experiment on the tracking server."""
    workspace = session.workspace
    found = session.read(experiments, workspace.id, project_id)
    base = workspace.tracking_uri.rstrip("/")
    return f"{base}/#/experiments/{found[0].server_id}" if found else base
