"""A home with a workspace on a test server, one project, and this machine as a site: what a person has after set-up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.project import Label, Member
from mantik_tui.domain.project_tags import TaggedProject
from mantik_tui.domain.site import THIS_MACHINE
from mantik_tui.settings import write_profile
from mantik_tui.store.reads import projects
from mantik_tui.store.writes import setup
from mantik_tui.sync.demo_seed import seed_projects
from mantik_tui.workspace.live import refresh
from mantik_tui.workspace.session import Session, open_session

TINY = Path(__file__).parents[1] / "data" / "tiny-training"


@dataclass
class Lab:
    home: Path
    code: Path
    project: str
    experiment: str
    url: str


def make_lab(home: Path, url: str, name: str, *, slots: int = 1) -> Lab:
    """Set up the home that `MANTIK_TUI_HOME` names. The project is on the server already; nothing was pulled yet."""
    code = home / "code" / "tiny-training"
    shutil.copytree(TINY, code)
    lab = Lab(home, code, f"Tiny {name}", f"tiny-{name}", url)
    write_profile("workspaces", "lab", {"tracking_uri": url})
    write_profile("sites", THIS_MACHINE, {"python": sys.prefix, "slots": slots})
    asyncio.run(_make_project(lab))
    return lab


async def _make_project(lab: Lab) -> None:
    project = TaggedProject(
        uid=f"tiny-{lab.project}",
        name=lab.project,
        summary="A project for tests",
        description="Loses a tenth of its loss a step.",
        owner="maria",
        best_metric="loss",
        labels=(Label("problem-type", "Regression"),),
        members=(Member("maria", "Owner"),),
    )
    async with TrackingClient(lab.url) as client:
        await seed_projects(client, [(project, [lab.experiment])])


def first_pull(lab: Lab, session: Session) -> int:
    """Read the server once and tell the project where its code lies. Returns the project's row."""
    refresh(session, wait=True)
    row = session.read(projects.find_project, session.workspace.id, lab.project)
    session.write(setup.set_project_folder, row, str(lab.code))
    return row


@contextlib.contextmanager
def session_of(lab: Lab) -> Iterator[Session]:
    """A session with the real engine, which is ended with everything that it started."""
    session = open_session()
    try:
        yield session
    finally:
        end_engine(session)
        end_jobs(lab)
        session.close()


def end_engine(session: Session) -> None:
    with contextlib.suppress(MantikError):
        if session.engine.connect():
            session.engine.request("stop", timeout_s=20)


def kill_engine(session: Session) -> None:
    """As a crash would: -9, without a chance to tidy up."""
    if session.engine.connect():
        os.kill(int(session.engine.engine["pid"]), signal.SIGKILL)
        session.engine.close()


def end_jobs(lab: Lab) -> None:
    """Kill what still runs in the lab's run folders."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("MANTIK_WORKING_DIRECTORY", "").startswith(str(lab.home)):
                process.kill()
