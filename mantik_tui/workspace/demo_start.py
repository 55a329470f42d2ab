"""Try everything without an account: a local MLflow server, this machine as a site, three projects, real trainings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mantik_tui import paths
from mantik_tui.domain.demo_plan import demo_plan, first_runs
from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.site import THIS_MACHINE
from mantik_tui.settings import write_profile, write_setting
from mantik_tui.store.reads import jobs, projects, runs
from mantik_tui.store.writes import setup
from mantik_tui.workspace.configs import save
from mantik_tui.workspace.demo import description, lay_out_projects, own_environment, run_config
from mantik_tui.workspace.live import refresh
from mantik_tui.workspace.session import DEMO, Session
from mantik_tui.workspace.submit import submit

WORKSPACE = DEMO
_START_S = 180.0


def start_demo(session: Session, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Set up the demo, or find it as it was left, and open its workspace. A second start changes nothing.

    Returns lines that say where everything lies.

    Raises:
        EngineProblem: the engine or the server does not start, for example since the extra `server` is not installed.
    """
    folders = lay_out_projects(paths.demo_dir() / "projects", progress)
    progress("starting the engine")
    session.engine.ensure()
    answer: dict[str, Any] = session.engine.request(
        "start-demo",
        timeout_s=_START_S,
        projects={
            slug: {"folder": str(path), "description": description(path)}
            for slug, path in folders.items()
        },
    )
    _write_profiles(session, answer["url"], answer["username"])
    progress("reading the projects")
    refresh(session, wait=True)
    ids = _fill(session, folders)
    _first_trainings(session, folders, ids, progress)
    password = paths.demo_dir() / "server" / "password"
    return [
        f"MLflow server   {answer['url']}, user {answer['username']}, password in {password}",
        f"projects        {paths.demo_dir() / 'projects'}",
        f"everything      {paths.data_dir()}",
    ]


def _write_profiles(session: Session, url: str, username: str) -> None:
    write_profile(
        "workspaces", WORKSPACE, {"tracking_uri": url, "username": username, "auth": "basic"}
    )
    if not session.settings.workspace:
        write_setting("workspace", WORKSPACE)
    if own_environment() and not session.read(jobs.get_site, THIS_MACHINE).settings.get("python"):
        write_profile("sites", THIS_MACHINE, {"python": own_environment()})
    session.reload(WORKSPACE)
    session.engine.request("settings")


def _fill(session: Session, folders: dict[str, Path]) -> dict[str, int]:
    """Give each project its folder and its saved configurations. Returns row ids by slug."""
    ids: dict[str, int] = {}
    for project in demo_plan():
        try:
            found = session.read(projects.find_project, session.workspace.id, project.uid)
        except NotFound:
            continue
        ids[project.slug] = found
        session.write(setup.set_project_folder, found, str(folders[project.slug]))
        saved = {config.name for config in session.read(jobs.run_configs, found)}
        for wanted in project.configs:
            if wanted.name not in saved:
                save(
                    session,
                    found,
                    replace(run_config(project, wanted, folders[project.slug]), run_name=""),
                )
    return ids


def _first_trainings(
    session: Session, folders: dict[str, Path], ids: dict[str, int], progress: Callable[[str], None]
) -> None:
    """Submit the runs that fill the screens, those that are not there yet."""
    for project, wanted in first_runs():
        project_id = ids.get(project.slug)
        if project_id is None or _there(session, project_id, wanted.name):
            continue
        submit(session, run_config(project, wanted, folders[project.slug]), project_id)
        progress(f"submitted {wanted.name} of {project.name}")


def _there(session: Session, project_id: int, name: str) -> bool:
    try:
        session.read(runs.find_run, name, runs.Scope(project_id=project_id))
    except NotFound:
        return False
    return True
