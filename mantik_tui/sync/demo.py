"""The demo's server as the engine's child: started on request, and again with every later engine of this home."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantik_tui import paths
from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.domain.demo_plan import demo_plan
from mantik_tui.domain.errors import MantikError
from mantik_tui.store.reads.projects import workspaces
from mantik_tui.store.writes import setup
from mantik_tui.sync.demo_seed import seed_projects
from mantik_tui.sync.demo_server import USER, DemoServer, start_demo_server

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine
    from mantik_tui.sync.hub import Client

LOG = logging.getLogger("mantik.demo")

WORKSPACE = "demo"


async def start_demo(
    engine: Engine, client: Client, projects: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """Start the server, or find it, and make the demo's projects on it.

    `projects` gives each project's folder and description by its slug. The client hears of the progress. Returns the
    server's `url` and `username`; the password stays with the engine's secrets.

    Raises:
        EngineProblem, Offline: the server does not start; its own words are the cause.
    """
    loop = asyncio.get_running_loop()

    def progress(text: str) -> None:
        event = {"event": "progress", "kind": "demo", "text": text}
        loop.call_soon_threadsafe(engine.hub.say, event, [client])

    server = await _start(engine, progress)
    async with TrackingClient(
        server.url, Login(username=server.username, password=server.password)
    ) as tracking:
        plan = [
            (project.tagged(server.username, projects[project.slug]["folder"], projects[project.slug]["description"]),
             project.experiments)
            for project in demo_plan()
        ]  # fmt: skip
        await seed_projects(tracking, plan, progress)
    return {"url": server.url, "username": server.username}


def _server_dir() -> Path:
    return paths.demo_dir() / "server"


async def _start(engine: Engine, progress: Any) -> DemoServer:
    server = await asyncio.to_thread(start_demo_server, _server_dir(), progress)
    engine.demo_url, engine.demo_stop = server.url, server.stop
    await engine.secrets.put(f"tracking:{WORKSPACE}", server.password)
    return server


async def resume_demo(engine: Engine) -> None:
    """Start the demo's server again if this home has one. Its port may be another one now."""
    rows = [row for row in workspaces(engine.store.connection) if row.name == WORKSPACE]
    if not rows or not (_server_dir() / "server.json").exists():
        return
    try:
        server = await _start(engine, lambda text: LOG.info("%s", text))
    except MantikError as error:
        LOG.error("the demo's server does not start: %s", error)
        return
    if rows[0].tracking_uri != server.url:
        with engine.store.transaction() as connection:
            setup.put_workspace(connection, WORKSPACE, server.url, USER, "basic")
    await engine.forget_tracking(rows[0].id)
    engine.refresh_soon(rows[0].id)
