"""A project with its code on a real server, for tests that work through a day in it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.domain.demo_plan import demo_plan
from mantik_tui.domain.ids import new_id
from mantik_tui.sync.demo_seed import seed_projects
from tests.support.mlflow_server import MlflowServer, password_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "wind-power-forecast"


@dataclass(frozen=True, slots=True)
class Research:
    url: str
    user: str
    password: str
    project: str
    experiment: str
    code: Path


def begin_research(server: MlflowServer, folder: Path, user: str = "alice") -> Research:
    """Make a project of this user, with one experiment, and a copy of the example's code in `folder`."""
    mark = new_id()[-6:]
    name, experiment = f"Wind of {mark}", f"wind-{mark}"
    code = folder / "wind"
    shutil.copytree(
        EXAMPLE, code, ignore=shutil.ignore_patterns("mlruns", "__pycache__", "results")
    )
    project = replace(demo_plan()[0], uid=new_id(), name=name).tagged(
        user, str(code), "What will blow?"
    )

    async def seed() -> None:
        login = Login(username=user, password=password_of(user))
        async with TrackingClient(server.url, login) as client:
            await seed_projects(client, [(project, [experiment])])

    asyncio.run(seed())
    return Research(server.url, user, password_of(user), name, experiment, code)
