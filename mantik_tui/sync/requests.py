"""What clients may ask of the engine: one function a verb."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantik_tui import __version__
from mantik_tui.backends.tracking.address import Login, parse_address, sends_login_in_clear
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import Forbidden, NoSuchCall
from mantik_tui.domain.errors import NeedsLogin, Refused
from mantik_tui.domain.project_tags import from_tags
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.sync import files, histories, jobs
from mantik_tui.sync.hub import Client
from mantik_tui.sync.site_test import test_site
from mantik_tui.sync.submit import job_spec
from mantik_tui.sync.tracking import WATCHED_S
from mantik_tui.sync.wire import PROTOCOL

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine

Verb = Callable[["Engine", Client, dict[str, Any]], Awaitable[Any]]


async def hello(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
    client.said_hello = True
    engine.refresh_older_than(WATCHED_S)
    return {
        "version": __version__,
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        "sends": engine.holds_lease,
        "sender": engine.lease_host,
        "demo": engine.demo_url,
    }


async def watch(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    client.runs = tuple(args.get("runs", ()))
    client.log = args.get("log")
    client.visible = tuple(args.get("visible", ()))[:50]
    engine.wakes.histories.set()
    engine.wakes.logs.set()


async def written(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    engine.wakes.outbox.set()
    engine.hub.publish("outbox", "run", "project", "run_config", "view_state")


async def settings(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    """The configuration changed: take up new workspaces, drop logins and sessions that may be other ones now."""
    for workspace_id in list(engine.clients):
        await engine.forget_tracking(workspace_id)
    await engine.sites.forget()
    engine.wakes.settings.set()
    for event in engine.refreshes.values():
        event.set()
    engine.hub.publish("workspace", "site")


async def refresh(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
    """Start a round now; with `wait`, answer when it is over, with the state that it led to.

    A round that is under way has perhaps looked before the change that is asked about, so that it does not count.
    """
    workspace_id = int(args["workspace"])
    if args.get("full"):
        with engine.store.transaction() as connection:
            connection.execute(
                "UPDATE experiment SET pull_state = 'new', pull_offset = 0 WHERE workspace_id = ? AND pull_state = 'live'",
                (workspace_id,),
            )
    condition = engine.rounds_done.setdefault(workspace_id, asyncio.Condition())
    engine.wakes.settings.set()
    engine.wakes.jobs.set()
    async with condition:
        engine.refreshes.setdefault(workspace_id, asyncio.Event()).set()
        wanted = engine.rounds_begun.get(workspace_id, 0) + 1
        if args.get("wait"):
            await condition.wait_for(lambda: engine.rounds_ended.get(workspace_id, 0) >= wanted)
    row = engine.workspace(workspace_id)
    return {"state": row.state, "reason": row.reason}


async def login(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
    """Try a login; keep its secret only if the server takes it. Says in words what can be done there."""
    auth, secret = args["auth"], args["secret"]
    who = Login()
    if auth == "token":
        who = Login(token=secret)
    elif auth == "basic":
        if not secret:
            raise NeedsLogin(
                "A password is needed", f"for {args['username']} at {args['tracking_uri']}"
            )
        who = Login(username=args["username"], password=secret)
    address, _ = parse_address(args["tracking_uri"])
    ca_file = Path(args["ca_file"]) if args.get("ca_file") else None
    async with TrackingClient(args["tracking_uri"], who, ca_file=ca_file) as tracking:
        try:
            told = await _look_around(tracking, who)
        except NeedsLogin as error:
            if not who.given:
                raise
            raise NeedsLogin(
                error.title, error.cause, f"{error.hint} Nothing was changed here."
            ) from error
    if sends_login_in_clear(address, who):
        told["what"].append("The login crosses the network unencrypted: ask for an https address")
    if secret:
        await engine.secrets.put(f"tracking:{args['name']}", secret)
        told["secret"] = engine.secrets.where
    for row in engine.store.connection.execute(
        "SELECT id FROM workspace WHERE name = ?", (args["name"],)
    ):
        await engine.forget_tracking(int(row[0]))
        engine.refresh_soon(int(row[0]))
    return told


async def _look_around(tracking: TrackingClient, who: Login) -> dict[str, Any]:
    try:
        version = await tracking.access.version()
    except (NoSuchCall, NeedsLogin):
        version = ""
    identity = await tracking.access.whoami()
    experiments = await tracking.search_experiments()
    projects = [item for item in experiments if from_tags(item.tag_map, item.name)]
    what = [f"{len(experiments)} experiments can be read, {len(projects)} of them are projects"]
    try:
        models = await tracking.registry.registered_models()
        what.append(f"{len(models)} registered models")
    except (Refused, NoSuchCall, Forbidden):
        what.append("The model registry can't be read")
    if not who.given:
        what.append("No login: anyone who reaches this server can read and write")
    return {"version": version, "user": identity.username, "what": what}


async def logout(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    await engine.secrets.forget(f"tracking:{args['name']}")
    for row in engine.store.connection.execute(
        "SELECT id FROM workspace WHERE name = ?", (args["name"],)
    ):
        await engine.forget_tracking(int(row[0]))
        engine.refresh_soon(int(row[0]))


async def list_artifacts(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    await files.list_artifacts(engine, args["run_id"], args["folder"])


async def fetch_artifact(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, str]:
    path = await files.fetch_artifact(engine, args["run_id"], args["path"], args.get("destination"))
    return {"path": str(path)}


async def preview_artifact(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, str]:
    return {
        "path": str(
            await files.preview_artifact(engine, args["run_id"], args["path"], int(args["limit"]))
        )
    }


async def list_files(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    await files.list_files(engine, args["run_id"])


async def fetch_file(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, str]:
    return {
        "path": str(
            await files.fetch_file(engine, args["run_id"], args["path"], args["destination"])
        )
    }


async def fetch_log(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, str]:
    job = job_reads.latest_job(engine.store.connection, args["run_id"])
    if job is not None and job.folder:
        session = await engine.sites.get(engine, job.site)
        await jobs.fetch_log(engine, session, job.run_id, job.folder, complete=job.state.ended)
    known = job_reads.get_log(engine.store.connection, args["run_id"])
    return {"path": known.path if known else ""}


async def fetch_histories(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    await histories.refresh_run(engine, args["run_id"], args.get("keys"))


async def reread_run(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    await histories.refresh_run(engine, args["run_id"], [])


async def render_script(engine: Engine, client: Client, args: dict[str, Any]) -> str:
    session = await engine.sites.get(engine, args["site"])
    return session.scheduler.render(
        job_spec(args["spec"], session, "<MLflow run id>", "<tracking address>")
    )


async def check_site(engine: Engine, client: Client, args: dict[str, Any]) -> list[dict[str, Any]]:
    return await test_site(engine, str(args["name"]))


async def status(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
    counts = job_reads.outbox_counts(engine.store.connection, 0)
    return {
        "version": __version__,
        "pid": os.getpid(),
        "sends": engine.holds_lease,
        "sender": engine.lease_host,
        "clients": len(engine.hub.clients),
        "waiting": counts.waiting,
        "blocked": counts.blocked,
        "keep": engine.keep,
        "demo": engine.demo_url,
        "secrets": await engine.secrets.place(),
    }


async def keep(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    """Stay when nothing is left to do, until stopped."""
    engine.keep = True
    engine.life.set()


async def stop(engine: Engine, client: Client, args: dict[str, Any]) -> None:
    engine.stopping.set()


async def start_demo(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
    from mantik_tui.sync.demo import start_demo as start

    return await start(engine, client, args["projects"])


VERBS: dict[str, Verb] = {
    "hello": hello,
    "watch": watch,
    "written": written,
    "settings": settings,
    "refresh": refresh,
    "login": login,
    "logout": logout,
    "list-artifacts": list_artifacts,
    "fetch-artifact": fetch_artifact,
    "preview-artifact": preview_artifact,
    "list-files": list_files,
    "fetch-file": fetch_file,
    "fetch-log": fetch_log,
    "fetch-histories": fetch_histories,
    "reread-run": reread_run,
    "render-script": render_script,
    "test-site": check_site,
    "status": status,
    "keep": keep,
    "stop": stop,
    "start-demo": start_demo,
}
