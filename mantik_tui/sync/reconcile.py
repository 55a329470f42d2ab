"""Finding what the server has no clock for: deleted, restored and purged runs, and edits of runs that have ended.

Count probes say cheaply whether the numbers agree; where they do not, halving the time line finds the window that differs.
Only a window that was read again, of an experiment that was listed as readable in the same round, proves an absence: an
empty answer alone never removes anything here, since a server gives one to those who lost their permission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.backends.tracking.client import Count
from mantik_tui.backends.tracking.flat import flatten
from mantik_tui.backends.tracking.records import ViewType
from mantik_tui.store.writes.pulled import remove_runs
from mantik_tui.sync.pull import PAGE, refresh_projects, store

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.sync.context import Engine
    from mantik_tui.sync.pull import Listing

WINDOW = 50
"""Runs in a window that is read rather than halved."""
FAR_FUTURE_MS = 32_503_680_000_000


def _local_count(
    engine: Engine,
    experiment_ids: list[int],
    view: ViewType,
    low: int = -1,
    high: int = FAR_FUTURE_MS,
) -> int:
    marks = ",".join(map(str, experiment_ids))
    active = " AND deleted = 0" if view is ViewType.ACTIVE else ""
    row = engine.store.connection.execute(
        f"SELECT count(*) FROM run WHERE experiment_id IN ({marks}) AND server_id IS NOT NULL{active}"
        " AND start_ms > ? AND start_ms <= ?",
        (low, high),
    ).fetchone()
    return int(row[0])


async def counts_agree(engine: Engine, client: TrackingClient, listing: Listing) -> bool:
    """Two requests over all experiments: does the server have as many runs as we do, active ones and all?"""
    servers = list(listing.places)
    locals_ = [place.experiment_id for place in listing.places.values()]
    if not servers:
        return True
    for view in (ViewType.ACTIVE, ViewType.ALL):
        expected = _local_count(engine, locals_, view)
        if await client.count_at(servers, expected, view=view) is not Count.EQUAL:
            return False
    return True


async def reconcile(
    engine: Engine, workspace_id: int, client: TrackingClient, listing: Listing
) -> int:
    """Find and mend what differs, experiment by experiment. Returns the number of windows that were read again."""
    mended = 0
    for server_id, place in listing.places.items():
        for view in (ViewType.ALL, ViewType.ACTIVE):
            expected = _local_count(engine, [place.experiment_id], view)
            if await client.count_at([server_id], expected, view=view) is not Count.EQUAL:
                mended += await _halve(
                    engine, workspace_id, client, listing, server_id, view, -1, FAR_FUTURE_MS
                )
    return mended


async def _halve(
    engine: Engine,
    workspace_id: int,
    client: TrackingClient,
    listing: Listing,
    server_id: str,
    view: ViewType,
    low: int,
    high: int,
) -> int:
    """The window (low, high] differs: read it if it is small, else look into both halves."""
    experiment_id = listing.places[server_id].experiment_id
    times = [
        row[0]
        for row in engine.store.connection.execute(
            "SELECT start_ms FROM run WHERE experiment_id = ? AND server_id IS NOT NULL AND start_ms > ? AND start_ms <= ?"
            " ORDER BY start_ms",
            (experiment_id, low, high),
        )
    ]
    middle = times[(len(times) - 1) // 2] if times else low
    if len(times) <= WINDOW or middle >= high or middle <= low:
        return await _reread(engine, workspace_id, client, listing, server_id, low, high)
    mended = 0
    for start, end in ((low, middle), (middle, high)):
        expected = _local_count(engine, [experiment_id], view, start, end)
        window = f"attributes.start_time > {start} AND attributes.start_time <= {end}"
        if (
            await client.count_at([server_id], expected, filter=window, view=view)
            is not Count.EQUAL
        ):
            mended += await _halve(
                engine, workspace_id, client, listing, server_id, view, start, end
            )
    return mended


async def _reread(
    engine: Engine,
    workspace_id: int,
    client: TrackingClient,
    listing: Listing,
    server_id: str,
    low: int,
    high: int,
) -> int:
    """Read a window whole, store it, and drop the rows that it proves gone."""
    window = f"attributes.start_time > {low} AND attributes.start_time <= {high}"
    seen: set[str] = set()
    offset: int | None = 0
    while offset is not None:
        asked = engine.now_ms()
        page = await client.search_runs([server_id], filter=window, max_results=PAGE, offset=offset)
        runs = [flatten(run) for run in page.runs]
        seen.update(run.server_id for run in runs)
        refresh_projects(engine, store(engine, workspace_id, listing.places, runs, asked))
        offset = page.next_offset
    experiment_id = listing.places[server_id].experiment_id
    rows = engine.store.connection.execute(
        "SELECT id, server_id FROM run WHERE experiment_id = ? AND server_id IS NOT NULL AND start_ms > ?"
        " AND start_ms <= ?",
        (experiment_id, low, high),
    ).fetchall()
    gone = [row[0] for row in rows if row[1] not in seen]
    if gone and (seen or await _readable(client, server_id)):
        with engine.store.transaction() as connection:
            remove_runs(connection, gone)
    engine.hub.publish("run", "project")
    return 1


async def _readable(client: TrackingClient, server_id: str) -> bool:
    """An empty window proves something only if the experiment can be read at this very moment."""
    return any(item.experiment_id == server_id for item in await client.search_experiments())


async def audit_page(
    engine: Engine, workspace_id: int, client: TrackingClient, listing: Listing
) -> bool:
    """Read the next page of the experiment that was audited longest ago: the only finder of edits of ended runs.

    Returns False when there is nothing to audit.
    """
    row = engine.store.connection.execute(
        "SELECT server_id, id, audit_offset FROM experiment WHERE workspace_id = ? AND access = 'ok'"
        " AND pull_state = 'live' AND pull_total > 0 ORDER BY audit_offset = 0, audited_ms IS NOT NULL, audited_ms LIMIT 1",
        (workspace_id,),
    ).fetchone()
    if row is None or row[0] not in listing.places:
        return False
    server_id, experiment_id, offset = row
    asked = engine.now_ms()
    page = await client.search_runs(
        [server_id], order_by=["attributes.start_time ASC"], max_results=PAGE, offset=offset
    )
    changed = store(
        engine, workspace_id, listing.places, [flatten(run) for run in page.runs], asked
    )
    refresh_projects(engine, changed)
    with engine.store.transaction() as connection:
        connection.execute(
            "UPDATE experiment SET audit_offset = ?, audited_ms = ? WHERE id = ?",
            (page.next_offset or 0, engine.now_ms(), experiment_id),
        )
    engine.hub.publish("run")
    return True
