"""Where a run configuration starts from: a project's folder on this machine, and what lies in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import THIS_MACHINE
from mantik_tui.domain.yaml_lines import decode
from mantik_tui.store.reads import jobs
from mantik_tui.store.reads.projects import experiments, get_project
from mantik_tui.workspace.code import GitState, git_state
from mantik_tui.workspace.session import Session

CONFIG_FILES = ("backend-config.yaml", "backend-config.yml", "backend-config.json")


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What a code folder on this machine tells."""

    exists: bool = False
    git: GitState = field(default_factory=GitState)
    config_path: str = ""
    """Its backend config; empty if it has none that can be read."""
    config_text: str = ""


def look_at(code: str) -> FolderFacts:
    """Ask Git about a folder and read its backend config. Takes as long as Git takes: not for the UI's loop."""
    folder = Path(code).expanduser()
    if not code.strip() or not folder.is_dir():
        return FolderFacts()
    path, text = read_config_file(folder)
    return FolderFacts(True, git_state(folder), path, text)


def read_config_file(folder: Path) -> tuple[str, str]:
    """Path and text of the folder's backend config; both empty if it has none that can be read."""
    for name in CONFIG_FILES:
        try:
            data = (folder / name).read_bytes()
        except OSError:
            continue
        text, _faults = decode(data, name)
        if text is not None:
            return str(folder / name), text
    return "", ""


def new_config(session: Session, project_id: int | None) -> RunConfig:
    """An unnamed configuration of a project: its folder, the folder's backend config, the project's experiment."""
    folder, experiment = "", ""
    if project_id is not None:
        folder = session.read(get_project, project_id).folder
        found = session.read(experiments, session.workspace.id, project_id)
        experiment = next((e.name for e in found if not e.name.startswith("mantik-project/")), "")
    config = RunConfig(name="", code=folder, experiment=experiment, project_id=project_id)
    return filled_in(session, config)


def filled_in(session: Session, config: RunConfig) -> RunConfig:
    """A configuration that nobody has filled in yet (no site, no backend config), with what is at hand.

    The folder's backend config, and this machine as the site if no other is known. Anything else comes back as it is.
    """
    if config.id is not None or config.site or config.backend_config:
        return config
    path, text = read_config_file(Path(config.code).expanduser()) if config.code else ("", "")
    return dataclasses.replace(
        config, site=_usual_site(session), backend_config=text, backend_config_path=path
    )


def _usual_site(session: Session) -> str:
    try:
        names = [site.name for site in session.read(jobs.sites)]
    except StoreProblem:
        return ""
    if len(names) == 1:
        return names[0]
    return THIS_MACHINE if THIS_MACHINE in names else ""
