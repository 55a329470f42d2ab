"""Metric histories: read for runs that somebody opened or watches, from the last stored step on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.backends.tracking.flat import FlatRun, flatten
from mantik_tui.domain.errors import MantikError, NotFound
from mantik_tui.store.reads import projects as project_reads
from mantik_tui.store.writes.history import append_points
from mantik_tui.store.writes.pulled import Placed, mark_deleted
from mantik_tui.sync.pull import refresh_projects, store
from mantik_tui.sync.waiting import pause

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.backends.tracking.records import Metric
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.histories")

FOLLOW_S = 1.8
"""Pause between looks at a watched run that has not ended: with the look itself, a point is seen within two seconds."""


async def follow_histories(engine: Engine) -> None:
    """Follow the metrics of watched runs until cancelled. Runs that have ended are read once when they are opened."""
    settled: set[int] = set()
    while True:
        watched = engine.hub.watched_runs
        settled &= watched
        for run_id in watched - settled:
            try:
                if await refresh_run(engine, run_id):
                    settled.add(run_id)
            except NotFound as error:
                LOG.info("run %s: %s", run_id, error)
                settled.add(run_id)
            except MantikError as error:
                LOG.info("metrics of run %s: %s", run_id, error)
            except Exception:
                LOG.exception("following run %s failed", run_id)
        engine.wakes.histories.clear()
        await pause(engine.wakes.histories, FOLLOW_S if watched - settled else 30.0)


async def refresh_run(engine: Engine, run_id: int, keys: Sequence[str] | None = None) -> bool:
    """Read a run, then the histories of those metrics whose latest step moved. Returns whether the run has ended.

    One request, and one more for each metric with news. A run that was deleted on the server meanwhile is marked so.

    Raises:
        NotFound: the server has it no more.
        MantikError: what the server answered.
    """
    row = engine.store.connection.execute(
        "SELECT r.workspace_id, r.server_id, e.server_id, r.experiment_id, r.project_id FROM run r"
        " JOIN experiment e ON e.id = r.experiment_id WHERE r.id = ?",
        (run_id,),
    ).fetchone()
    if row is None or row[1] is None:
        return False
    client = await engine.tracking(row[0])
    asked = engine.now_ms()
    try:
        flat = flatten(await client.get_run(row[1]))
    except NotFound as error:
        with engine.store.transaction() as connection:
            mark_deleted(connection, run_id)
        engine.hub.publish("run", "project")
        raise NotFound(
            "The run was deleted on the server", error.cause, "What was read of it stays here"
        ) from error
    changed = store(engine, row[0], {flat.experiment_id: Placed(row[3], row[4])}, [flat], asked)
    refresh_projects(engine, changed)
    for key in _with_news(engine, run_id, flat, keys):
        await _read_history(engine, client, run_id, flat.server_id, key)
    engine.hub.publish("run", "metric", "series")
    return flat.status in ("FINISHED", "FAILED", "KILLED")


def _with_news(engine: Engine, run_id: int, flat: FlatRun, keys: Sequence[str] | None) -> list[str]:
    known = {
        name: (last_step, last_ms)
        for name, last_step, last_ms in engine.store.connection.execute(
            "SELECT k.name, s.last_step, s.last_ms FROM series s JOIN key k ON k.id = s.key_id WHERE s.run_id = ?",
            (run_id,),
        )
    }
    wanted = [metric for metric in flat.metrics if keys is None or metric[0] in keys]
    return [
        key
        for key, _value, _nan, step, at_ms in wanted
        if key not in known or (step, at_ms) != known[key]
    ]


async def _read_history(
    engine: Engine, client: TrackingClient, run_id: int, server_id: str, key: str
) -> None:
    row = engine.store.connection.execute(
        "SELECT s.last_step, s.count FROM series s JOIN key k ON k.id = s.key_id WHERE s.run_id = ? AND k.name = ?",
        (run_id, key),
    ).fetchone()
    start = int(row[0]) if row else 0
    tail = await client.history.tail([server_id], key, from_step=start)
    found: Sequence[Metric] = tail.points.get(server_id, [])
    if server_id in tail.sampled:
        found = await client.history.whole(server_id, key, from_step=start)
    points = sorted((point.step or 0, point.timestamp or 0, point.number) for point in found)
    for begin in range(0, len(points), 20_000):
        with engine.store.transaction() as connection:
            append_points(connection, run_id, key, points[begin : begin + 20_000], engine.now_ms())
        await asyncio.sleep(0)


def workspace_of(engine: Engine, run_id: int) -> project_reads.WorkspaceRow:
    """The workspace that a run belongs to. Raises NotFound if it is gone."""
    row = engine.store.connection.execute(
        "SELECT workspace_id FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    return engine.workspace(int(row[0]) if row else -1)
