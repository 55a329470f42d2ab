"""Artifacts and run folders: listed into the database, fetched to this machine."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui import paths
from mantik_tui.backends.tracking.artifact_subprocess import MlflowCommand
from mantik_tui.backends.tracking.artifacts import ArtifactRef, safe_path
from mantik_tui.domain.errors import NotFound, Refused
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.store.writes import jobs as writes

if TYPE_CHECKING:
    from mantik_tui.backends.compute.protocols import Transport
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.sync.context import Engine

PIECE = 4_000_000
"""Bytes asked for at once of a file in a run folder."""


async def _run(engine: Engine, run_id: int) -> tuple[TrackingClient, str, str]:
    """The client, the server's run id and the artifact root."""
    row = engine.store.connection.execute(
        "SELECT r.workspace_id, r.server_id, d.artifact_uri FROM run r LEFT JOIN run_doc d ON d.run_id = r.id"
        " WHERE r.id = ?",
        (run_id,),
    ).fetchone()
    if row is None or row[1] is None:
        raise NotFound(
            "The run is not on the server yet", hint="See the outbox: it says what waits"
        )
    return await engine.tracking(row[0]), str(row[1]), str(row[2] or "")


async def list_artifacts(engine: Engine, run_id: int, folder: str) -> None:
    client, server_id, _ = await _run(engine, run_id)
    entries = await client.artifacts.list(server_id, folder)
    with engine.store.transaction() as connection:
        rows = [(entry.path, bool(entry.is_dir), entry.file_size) for entry in entries]
        writes.store_artifact_listing(connection, run_id, folder, rows, engine.now_ms())
    engine.hub.publish("artifact")


async def fetch_artifact(engine: Engine, run_id: int, path: str, destination: str | None) -> Path:
    """A file, a folder with all below it, or for an empty path everything. Names come from the server, so that each is
    made safe as a path here.

    Raises:
        NotFound: the run has no artifacts.
    """
    client, server_id, root = await _run(engine, run_id)
    base = (
        Path(destination)
        if destination
        else paths.downloads() / hashlib.sha256(server_id.encode()).hexdigest()[:16]
    )
    if not client.artifacts.proxied(root):
        base.mkdir(parents=True, exist_ok=True)
        row = engine.workspace(_workspace(engine, run_id))
        command = MlflowCommand(
            row.tracking_uri, await engine.login_of(row), Path(row.ca_file) if row.ca_file else None
        )
        return await command.download(server_id, path, base)
    files = await _files_below(client, server_id, path)
    if not files:
        raise NotFound("This run has no artifacts", hint="Its folder on the site may have files")
    single = [name for name, _ in files] == [path]
    for name, size in files:
        keep = name.rpartition("/")[2] if destination and single else name
        target = base / local_path(keep)
        target.parent.mkdir(parents=True, exist_ok=True)

        def progress(
            done: int, total: int | None, name: str = name, size: int | None = size
        ) -> None:
            engine.hub.say({"event": "progress", "kind": "download", "run": run_id, "path": name, "done": done,
                            "total": total or size})  # fmt: skip

        await client.artifacts.download(ArtifactRef(server_id, root, name), target, progress)
        if not destination:
            with engine.store.transaction() as connection:
                writes.note_downloaded(connection, run_id, name, str(target))
    engine.hub.publish("artifact")
    if not path:
        return base
    return base / local_path(path.rpartition("/")[2] if destination and single else path)


def _workspace(engine: Engine, run_id: int) -> int:
    row = engine.store.connection.execute(
        "SELECT workspace_id FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    return int(row[0])


async def _files_below(
    client: TrackingClient, server_id: str, path: str
) -> list[tuple[str, int | None]]:
    """(path, size) of the file at `path`, or of all files below the folder."""
    entries = await client.artifacts.list(server_id, path)
    if path and not entries:
        return [(path, None)]
    found: list[tuple[str, int | None]] = []
    for entry in entries:
        if entry.is_dir:
            found += await _files_below(client, server_id, entry.path)
        else:
            found.append((entry.path, entry.file_size))
    return found


def local_path(name: str) -> Path:
    """A name from elsewhere as a path below a folder of ours: never absolute, never upwards, no odd characters.

    Raises:
        Refused: nothing usable is left of the name.
    """
    parts = [re.sub(r"[\x00-\x1f\x7f:*?\"<>|\\]", "_", part) for part in name.split("/")]
    parts = [part[:200] for part in parts if part not in ("", ".", "..")]
    if not parts:
        raise Refused(f"{name!r} can't be a file's name here")
    return Path(*parts)


async def preview_artifact(engine: Engine, run_id: int, path: str, limit: int) -> Path:
    """The first bytes of an artifact in a file of ours; the whole file if it was downloaded."""
    row = engine.store.connection.execute(
        "SELECT local_path FROM artifact WHERE run_id = ? AND path = ?", (run_id, path)
    ).fetchone()
    if row and row[0] and Path(row[0]).is_file():
        return Path(row[0])
    client, server_id, root = await _run(engine, run_id)
    found = await client.artifacts.preview(ArtifactRef(server_id, root, safe_path(path)), limit)
    key = hashlib.sha256(f"{server_id}/{path}".encode()).hexdigest()[:24]
    target = paths.downloads() / f"preview-{key}"
    target.write_bytes(found.data)
    if found.size is not None and found.size <= limit:
        with engine.store.transaction() as connection:
            writes.note_downloaded(connection, run_id, path, str(target))
    return target


async def list_files(engine: Engine, run_id: int) -> None:
    """List the run folder on its site, folders with all below."""
    transport, folder = await _site_of(engine, run_id)
    found: list[tuple[str, bool, int | None, int | None]] = []
    pending = [""]
    while pending and len(found) < 20_000:
        below = pending.pop()
        for entry in await transport.listdir(f"{folder}/{below}".rstrip("/")):
            path = f"{below}/{entry.name}".lstrip("/")
            found.append((path, entry.stat.is_dir, entry.stat.size, entry.stat.modified_ms))
            if entry.stat.is_dir and not entry.stat.is_link:
                pending.append(path)
    with engine.store.transaction() as connection:
        writes.store_site_files(connection, run_id, found, engine.now_ms())
    engine.hub.publish("site_file")


async def fetch_file(engine: Engine, run_id: int, path: str, destination: str) -> Path:
    """Copy a file of the run folder, or a folder with all below it (an empty path takes all)."""
    transport, folder = await _site_of(engine, run_id)
    if path:
        safe_path(path)
    source = f"{folder}/{path}".rstrip("/")
    info = await transport.stat(source)
    if info is None:
        raise NotFound(f"{path or folder} is not in the run folder")
    base = Path(destination)
    if not info.is_dir:
        base.mkdir(parents=True, exist_ok=True)
        target = base / local_path(path.rpartition("/")[2])
        await _copy(transport, source, target)
        return target
    pending = [""]
    while pending:
        below = pending.pop()
        for entry in await transport.listdir(f"{source}/{below}".rstrip("/")):
            name = f"{below}/{entry.name}".lstrip("/")
            if name == ".mantik/env":
                continue
            if entry.stat.is_dir and not entry.stat.is_link:
                pending.append(name)
            elif not entry.stat.is_dir:
                target = base / local_path(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                await _copy(transport, f"{source}/{name}", target)
    return base


async def _copy(transport: Transport, source: str, target: Path) -> None:
    offset = 0
    part = target.with_name(target.name + ".part")
    with part.open("wb") as sink:
        while True:
            data = await transport.get_range(source, offset, PIECE)
            sink.write(data)
            offset += len(data)
            if len(data) < PIECE:
                break
    part.replace(target)


async def _site_of(engine: Engine, run_id: int) -> tuple[Transport, str]:
    job = job_reads.latest_job(engine.store.connection, run_id)
    if job is None or not job.folder:
        raise NotFound(
            "This run has no folder on a site", "it was not submitted from here, or is not sent yet"
        )
    session = await engine.sites.get(engine, job.site)
    return session.transport, job.folder
