"""The handler of submissions: from a queued entry to a job, each step safe to repeat.

Steps of a submission: create-run, upload, script, submit, record. What a step learned is stored with the entry in the
transaction that notes it done, so that a crash repeats at most one step, and each finds what its earlier try left.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantik_tui import paths
from mantik_tui.backends.compute.job_spec import Container, JobSpec
from mantik_tui.backends.compute.protocols import FileToPut
from mantik_tui.backends.compute.quoting import render_env
from mantik_tui.backends.compute.run_folder import CHECKPOINTS as RUN_FOLDER_CHECKPOINTS
from mantik_tui.backends.compute.run_folder import (
    RunFiles,
    RunFolder,
    prepare,
    run_login_commands,
    submit_once,
)
from mantik_tui.backends.tracking.address import parse_address
from mantik_tui.domain.errors import MantikError, NotFound, Unsure
from mantik_tui.domain.ids import job_name
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.store.writes import jobs as job_writes
from mantik_tui.store.writes import outbox as outbox_writes
from mantik_tui.store.writes.outbox import add_entry
from mantik_tui.sync.outbox import Handler, NothingRuns

if TYPE_CHECKING:
    from mantik_tui.backends.compute.sites import SiteSession
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.backends.tracking.records import RunRecord
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.submit")

LOOK_AGAIN_S = {"process": 0.5}
"""Seconds between the two looks for a job that may have been submitted, by scheduler; processes can be looked up exactly."""


CHECKPOINTS = (
    "entry-taken",
    "experiment-known",
    "run-looked-up",
    "run-created",
    "create-run-noted",
    "folder-noted",
    *RUN_FOLDER_CHECKPOINTS[: RUN_FOLDER_CHECKPOINTS.index("submit-begin")],
    "upload-noted",
    "script-noted",
    "submit-step",
    *RUN_FOLDER_CHECKPOINTS[RUN_FOLDER_CHECKPOINTS.index("submit-begin") :],
    "submit-noted",
    "record-noted",
)
"""Moments between two steps of a submission, in their order."""


async def submit(engine: Engine, entry: Entry) -> None:
    """Bring a queued submission to its job."""
    assert entry.run_id is not None
    run = engine.store.connection.execute(
        "SELECT r.cid, r.name, r.user, r.start_ms, r.server_id, d.local, d.tags FROM run r JOIN run_doc d"
        " ON d.run_id = r.id WHERE r.id = ?",
        (entry.run_id,),
    ).fetchone()
    if run is None:
        raise NotFound("The run of this submission is gone")
    cid, spec = str(run[0]), json.loads(run[5])
    done = set(entry.steps_done)
    engine.checkpoint("entry-taken")
    if "create-run" not in done:
        await _create_run(engine, entry, cid, run[1], run[2], int(run[3]), json.loads(run[6]))
    if "submit" not in done:
        session = await engine.sites.get(engine, spec["site"])
        path = _folder(engine, entry, session, cid)
        job = replace(job_spec(spec, session, *_on_server(engine, entry)), folder=path)
        folder = RunFolder(path)
        if "upload" not in done:
            await _upload(engine, entry, session, folder, job, spec)
            _step(engine, entry, "upload")
            _step(engine, entry, "script")
        await run_login_commands(session.transport, folder, job.login_pre_commands, stage="pre")
        engine.checkpoint("submit-step")
        await _submit(engine, entry, session, job)
    _record(engine, entry, cid, spec)


def _folder(engine: Engine, entry: Entry, session: SiteSession, cid: str) -> str:
    """The run folder, fixed at the first try: what guards the submission lies in it, whatever the settings say later."""
    known = entry.payload.get("folder")
    if known:
        return str(known)
    path = session.folder(cid).path
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)
        outbox_writes.learn(connection, entry.id, {"folder": path}, engine.now_ms())
    engine.checkpoint("folder-noted")
    return path


def _step(engine: Engine, entry: Entry, step: str) -> None:
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)
        outbox_writes.step_done(connection, entry.id, step, engine.now_ms())
    engine.checkpoint(f"{step}-noted")


def _on_server(engine: Engine, entry: Entry) -> tuple[str, str]:
    """The server's id of the run, and the address that the job reports to."""
    row = engine.store.connection.execute(
        "SELECT server_id FROM run WHERE id = ?", (entry.run_id,)
    ).fetchone()
    return str(row[0]), engine.workspace(entry.workspace_id).tracking_uri


async def _create_run(
    engine: Engine,
    entry: Entry,
    cid: str,
    name: str,
    user: str,
    start_ms: int,
    tags: dict[str, str],
) -> None:
    """Make the run on the server, or find the one that an earlier try made: it carries our id as a tag."""
    client = await engine.tracking(entry.workspace_id)
    experiment_id = await _experiment(engine, entry, client)
    engine.checkpoint("experiment-known")
    record = await _created_before(client, experiment_id, cid)
    engine.checkpoint("run-looked-up")
    if record is None:
        _still_ours(engine)
        record = await client.create_run(
            experiment_id, name=name, tags=tags, start_ms=start_ms, user=user
        )
        engine.checkpoint("run-created")
    await client.update_run(record.info.run_id, status="SCHEDULED")
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)
        connection.execute(
            "UPDATE run SET server_id = ? WHERE id = ?", (record.info.run_id, entry.run_id)
        )
        connection.execute(
            "UPDATE run_doc SET artifact_uri = ?, server_status = 'SCHEDULED' WHERE run_id = ?",
            (record.info.artifact_uri or "", entry.run_id),
        )
        outbox_writes.step_done(connection, entry.id, "create-run", engine.now_ms())
    engine.checkpoint("create-run-noted")
    engine.hub.publish("run")


def _still_ours(engine: Engine) -> None:
    """Raises EngineProblem if another engine has taken the lease, for example while this machine slept."""
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)


async def _created_before(client: TrackingClient, experiment_id: str, cid: str) -> RunRecord | None:
    """The run with our id. Of two (an answer was lost at the wrong moment) the smaller id stays, the other is deleted."""
    found = sorted(
        await client.runs_with_tag([experiment_id], "mantik.cid", cid),
        key=lambda run: run.info.run_id,
    )
    for extra in found[1:]:
        await client.delete_run(extra.info.run_id)
    return found[0] if found else None


async def _experiment(engine: Engine, entry: Entry, client: TrackingClient) -> str:
    """The experiment's id on the server; one that is only known here is made there, and linked to its project."""
    row = engine.store.connection.execute(
        "SELECT e.id, e.server_id, e.name, p.carrier, e.project_id FROM run r JOIN experiment e ON e.id = r.experiment_id"
        " LEFT JOIN project p ON p.id = e.project_id WHERE r.id = ?",
        (entry.run_id,),
    ).fetchone()
    if row[1]:
        return str(row[1])
    server_id = await client.create_experiment(row[2], adopt=True)
    record = await client.get_experiment(server_id)
    if row[3]:
        await client.set_experiment_tag(
            row[3], f"mantik.link.{server_id}", str(record.creation_time or 0)
        )
    with engine.store.transaction() as connection:
        twin = connection.execute(
            "SELECT id FROM experiment WHERE workspace_id = ? AND server_id = ?",
            (entry.workspace_id, server_id),
        ).fetchone()
        if twin is not None and twin[0] != row[0]:
            connection.execute(
                "UPDATE run SET experiment_id = ? WHERE experiment_id = ?", (twin[0], row[0])
            )
            connection.execute("DELETE FROM experiment WHERE id = ?", (row[0],))
        else:
            connection.execute(
                "UPDATE experiment SET server_id = ?, created_ms = ?, pull_state = 'new' WHERE id = ?",
                (server_id, record.creation_time or 0, row[0]),
            )
    engine.refresh_soon(entry.workspace_id)
    return server_id


def job_spec(
    spec: dict[str, Any], session: SiteSession, mlflow_run_id: str, tracking_uri: str
) -> JobSpec:
    """The recorded submission in the terms of a site's script."""
    environment, cid = spec["environment"], spec["run_id"]
    container = environment["container"]
    image = None
    if container:
        path = container["image"]
        if container["type"] == "local" and not path.startswith("/"):
            path = f"./{path}"
        image = Container(path, tuple(container["options"]))
    return JobSpec(
        run_id=cid,
        job_name=job_name(cid),
        folder=session.folder(cid).path,
        command=spec["command"],
        submitted_ms=spec["submitted_ms"],
        mlflow_run_id=mlflow_run_id,
        tracking_uri=tracking_uri,
        modules=tuple(environment["modules"]),
        python_venv=environment["python"],
        container=image,
        pre_commands=tuple(environment["pre"]),
        post_commands=tuple(environment["post"]),
        login_pre_commands=tuple(environment["pre_login"]),
        login_post_commands=tuple(environment["post_login"]),
        time_limit_s=spec["time_limit_s"],
        resources={
            key: str(value) for key, value in spec["backend_config"].get("Resources", {}).items()
        },
        account=spec["account"],
        extra_lines=tuple(spec["extra_lines"]),
    )


async def _upload(
    engine: Engine,
    entry: Entry,
    session: SiteSession,
    folder: RunFolder,
    job: JobSpec,
    spec: dict[str, Any],
) -> None:
    """Fill the run folder: the snapshot, its manifest, the record, the environment with its secrets, the script."""
    kept = paths.snapshots() / spec["run_id"]
    try:
        manifest = (kept / "manifest").read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            "The snapshot of this submission is gone", str(kept), "Take this back and submit anew"
        ) from error
    files = RunFiles(
        snapshot=snapshot_files(manifest.decode(), folder.path),
        script=session.scheduler.render(job, kill_at=engine.kill_job_at),
        env=render_env(_variables(engine, entry, spec), await _secrets(engine, entry)),
        manifest=manifest,
        spec=json.dumps(spec, indent=2, ensure_ascii=False).encode(),
    )
    (kept / "job.sh").write_text(files.script)
    await prepare(
        session.transport, folder, files, store=session.store, checkpoint=engine.checkpoint
    )


def snapshot_files(manifest: str, folder: str) -> list[FileToPut]:
    """The manifest's lines as files to put below `folder`."""
    blobs = paths.snapshots() / "blobs"
    files = []
    for line in manifest.splitlines():
        sha256, mode, size, path = line.split(" ", 3)
        files.append(
            FileToPut(
                blobs / sha256[:2] / sha256, f"{folder}/{path}", sha256, int(size), int(mode, 8)
            )
        )
    return files


def _variables(engine: Engine, entry: Entry, spec: dict[str, Any]) -> dict[str, str]:
    """The configuration's variables; a server on this machine is never to be reached through the site's proxy."""
    address, _ = parse_address(engine.workspace(entry.workspace_id).tracking_uri)
    direct = (
        {"NO_PROXY": f"{address.host},localhost", "no_proxy": f"{address.host},localhost"}
        if address.loopback
        else {}
    )
    return {**direct, **spec["environment"]["variables"]}


async def _secrets(engine: Engine, entry: Entry) -> dict[str, str]:
    """The login that a job on this machine reports with. It goes into the run folder's file of mode 600 only."""
    row = engine.workspace(entry.workspace_id)
    secret = await engine.secrets.get(f"tracking:{row.name}")
    if row.auth == "token":
        return {"MLFLOW_TRACKING_TOKEN": secret}
    if row.auth == "basic":
        return {"MLFLOW_TRACKING_USERNAME": row.username, "MLFLOW_TRACKING_PASSWORD": secret}
    return {}


async def _submit(engine: Engine, entry: Entry, session: SiteSession, job: JobSpec) -> None:
    _still_ours(engine)
    try:
        if entry.payload.get("send_anew") and entry.state is EntryState.PENDING:
            # A person knows that the claim in the run folder led to no job; after a crash that is in doubt again.
            await session.transport.remove_tree(RunFolder(job.folder).claim)
        outcome = await submit_once(
            session.transport,
            session.scheduler,
            job,
            now_ms=engine.now_ms,
            look_again_s=LOOK_AGAIN_S.get(session.site.scheduler, 60.0),
            checkpoint=engine.checkpoint,
        )
        if outcome.kind == "submitted":
            _note_job(engine, entry, job, outcome.job_id)
    except (MantikError, asyncio.CancelledError):
        raise
    except Exception as error:
        LOG.exception("submission %s", entry.id)
        raise Unsure(
            "Something went wrong while the job was submitted", str(error), "The site is asked"
        ) from error
    if outcome.kind == "refused":
        raise NothingRuns(
            f"{session.site.name} refused the job",
            outcome.words,
            "Change the configuration and submit anew, or retry",
        )
    if outcome.kind == "unsure":
        raise Unsure(
            f"{session.site.name} can't tell whether the job was submitted",
            outcome.words,
            "It is asked again",
        )
    engine.checkpoint("submit-noted")
    engine.wakes.jobs.set()
    engine.hub.publish("job", "run")


def _note_job(engine: Engine, entry: Entry, job: JobSpec, job_id: str) -> None:
    assert entry.run_id is not None
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)
        job_writes.note_submitted(connection, entry.run_id, 1, job_id, job.folder, engine.now_ms())
        outbox_writes.step_done(connection, entry.id, "submit", engine.now_ms(), {"job_id": job_id})


def _record(engine: Engine, entry: Entry, cid: str, spec: dict[str, Any]) -> None:
    """What makes the run repeatable goes among its artifacts: manifest, script, record, uncommitted changes."""
    assert entry.run_id is not None
    kept = paths.snapshots() / cid
    kept.mkdir(mode=0o700, exist_ok=True)
    (kept / "spec.json").write_text(json.dumps(spec, indent=2, ensure_ascii=False))
    names = [
        "manifest",
        "job.sh",
        "spec.json",
        *(["changes.diff"] if (kept / "changes.diff").exists() else []),
    ]
    with engine.store.transaction() as connection:
        outbox_writes.check_epoch(connection, engine.epoch)
        if "record" not in job_reads.get_entry(connection, entry.id).steps_done:
            for name in names:
                add_entry(
                    connection,
                    workspace_id=entry.workspace_id,
                    kind=EntryKind.UPLOAD_ARTIFACT,
                    target=f"artifacts:{cid}",
                    run_id=entry.run_id,
                    what=f"artifact mantik/{name}",
                    now_ms=engine.now_ms(),
                    payload={"path": f"mantik/{name}", "source": str(kept / name)},
                )
            outbox_writes.step_done(connection, entry.id, "record", engine.now_ms())
    engine.checkpoint("record-noted")


def log_path(cid: str) -> Path:
    """Where a run's log is kept on this machine."""
    return paths.run_logs() / f"{cid}.log"


HANDLERS: dict[str, Handler] = {EntryKind.SUBMIT: submit}
