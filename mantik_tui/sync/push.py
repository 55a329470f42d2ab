"""Handlers of edits that go to a tracking server: tags, notes, names, statuses, artifacts.

None of them overwrites a value that somebody else changed since ours was made from it: the field is read first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.backends.tracking.limits import PARAM
from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.outbox import Entry, EntryKind
from mantik_tui.store.reads.runs import get_params
from mantik_tui.sync.outbox import Handler, TheyChangedIt, Wait

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.sync.context import Engine


async def _target(engine: Engine, entry: Entry) -> tuple[TrackingClient, str]:
    """The client and the server's id of the run that an entry is about."""
    row = engine.store.connection.execute(
        "SELECT server_id FROM run WHERE id = ?", (entry.run_id,)
    ).fetchone()
    if row is None:
        raise NotFound("The run is gone", "it was removed from the server", "Take this back")
    if row[0] is None:
        raise Wait("the run is not on the server yet", 5)
    return await engine.tracking(entry.workspace_id), str(row[0])


def _may_overwrite(entry: Entry, theirs: str | None) -> bool:
    """Whether the server has what the edit was made from, or an earlier value of ours whose answer was lost."""
    ours = entry.base.get("or")
    return theirs == entry.base.get("value") or (isinstance(ours, list) and theirs in ours)


async def set_tag(engine: Engine, entry: Entry) -> None:
    """Set or delete a tag, the note among them."""
    client, server_id = await _target(engine, entry)
    key = str(entry.payload["key"])
    mine = entry.payload.get("value")
    run = await client.get_run(server_id)
    theirs = next((tag.value or "" for tag in run.data.tags if tag.key == key), None)
    if theirs == mine:
        return
    if not _may_overwrite(entry, theirs):
        raise TheyChangedIt(f"Somebody set {key} to {_short(theirs)} meanwhile", theirs)
    if mine is None:
        await client.delete_tag(server_id, key)
    else:
        await client.set_tag(server_id, key, str(mine))


async def rename(engine: Engine, entry: Entry) -> None:
    client, server_id = await _target(engine, entry)
    mine = str(entry.payload["name"])
    theirs = (await client.get_run(server_id)).info.run_name or ""
    if theirs == mine:
        return
    if not _may_overwrite(entry, theirs):
        raise TheyChangedIt(f"Somebody renamed the run to {_short(theirs)} meanwhile", theirs)
    await client.update_run(server_id, name=mine)


async def set_status(engine: Engine, entry: Entry) -> None:
    """The proven state of a job. It wins over the server's, which a training that died could not set.

    With the end go those params that the training did not log itself. Not before: MLflow refuses a second spelling of a
    param (`1e-3` and `0.001`), and the training would die of it.
    """
    if "look_for" in entry.payload:
        await _end_if_there(engine, entry)
        return
    client, server_id = await _target(engine, entry)
    end = entry.payload.get("end_ms")
    if end is not None:
        await _log_missing_params(engine, entry, client, server_id)
    await client.update_run(
        server_id,
        status=str(entry.payload["status"]),
        end_ms=int(str(end)) if end is not None else None,
    )
    engine.checkpoint("end-told" if end is not None else "status-told")
    with engine.store.transaction() as connection:
        connection.execute(
            "UPDATE run_doc SET server_status = ? WHERE run_id = ?",
            (entry.payload["status"], entry.run_id),
        )


async def _end_if_there(engine: Engine, entry: Entry) -> None:
    """A submission was taken back while it was not known whether the server had made its run."""
    client = await engine.tracking(entry.workspace_id)
    try:
        experiment = await client.get_experiment_by_name(str(entry.payload["experiment"]))
    except NotFound:
        return
    for run in await client.runs_with_tag(
        [experiment.experiment_id], "mantik.cid", str(entry.payload["look_for"])
    ):
        if run.info.lifecycle_stage != "deleted":
            await client.update_run(
                run.info.run_id,
                status=str(entry.payload["status"]),
                end_ms=int(str(entry.payload["end_ms"])),
            )


async def _log_missing_params(
    engine: Engine, entry: Entry, client: TrackingClient, server_id: str
) -> None:
    assert entry.run_id is not None
    there = {param.key for param in (await client.get_run(server_id)).data.params}
    known = get_params(engine.store.connection, entry.run_id)
    missing = {
        key: value for key, value in known.items() if key not in there and len(value) <= PARAM
    }
    names = sorted(missing)
    for start in range(0, len(names), 100):
        await client.log_batch(
            server_id, params={name: missing[name] for name in names[start : start + 100]}
        )


async def upload_artifact(engine: Engine, entry: Entry) -> None:
    """Put a local file among the run's artifacts."""
    client, server_id = await _target(engine, entry)
    source = Path(str(entry.payload["source"]))
    if not source.is_file():
        raise NotFound(f"{source} is gone", "it was to become an artifact", "Take this back")
    run = await client.get_run(server_id)
    await client.artifacts.upload(run.info.artifact_uri or "", str(entry.payload["path"]), source)


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= 40 else f"{value[:39]}…")


HANDLERS: dict[str, Handler] = {
    EntryKind.SET_TAG: set_tag,
    EntryKind.DELETE_TAG: set_tag,
    EntryKind.SET_NOTE: set_tag,
    EntryKind.RENAME_RUN: rename,
    EntryKind.RUN_STATUS: set_status,
    EntryKind.UPLOAD_ARTIFACT: upload_artifact,
}
