"""Reading a tracking server: the list of experiments, the first full pull, and cheap rounds after it.

States of an experiment: new → pulling → live ↔ reconciling. A page and the position after it are stored in one
transaction, so that a pull that was cut goes on where it stopped; a page may be stored twice. Runs have no time of change
on the server, so that a round asks for what can be asked: new ones, recently ended ones, running and scheduled ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mantik_tui.backends.tracking.flat import FlatRun, flatten
from mantik_tui.domain.project_tags import from_tags
from mantik_tui.store.writes import projects as project_writes
from mantik_tui.store.writes.projects import PulledExperiment
from mantik_tui.store.writes.pulled import Placed, store_runs

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import RunPage, TrackingClient
    from mantik_tui.sync.context import Engine

PAGE = 500
"""Runs in a page of the full pull: larger ones are no faster and hold a server's worker for seconds."""
AHEAD = 1
"""Pages asked for ahead of the one being stored, so that neither side waits for the other. More would only queue up at
a server's worker, and hold it for other people's requests."""
OVERLAP_MS = 60_000
"""Clients' clocks may lie by so much."""
STORE_AT_ONCE = 125
"""Runs in one transaction, which then stays below 50 ms, so that a person's write never waits long."""


@dataclass
class Listing:
    """The experiments of a workspace as the server listed them last, and where their runs belong."""

    places: dict[str, Placed] = field(default_factory=dict)
    """By the experiment's id on the server: those that can be read."""
    server_date_ms: int | None = None
    bytes: int = 0
    changed: bool = True


async def list_experiments(
    engine: Engine, workspace_id: int, client: TrackingClient, me: str
) -> Listing:
    """Read all experiments (deleted ones too), store them and the projects that their tags describe.

    An experiment that a complete listing lacks keeps its runs, and says that access was lost.
    """
    listing = Listing()
    found: list[PulledExperiment] = []
    async for page, answer in client.experiment_pages():
        listing.bytes += len(answer.content)
        listing.server_date_ms = answer.server_date_ms or listing.server_date_ms
        for item in page:
            found.append(
                PulledExperiment(
                    item.experiment_id,
                    item.creation_time or 0,
                    item.name,
                    "deleted" if item.deleted else "active",
                    item.artifact_location or "",
                    item.last_update_time or 0,
                    item.tag_map,
                )
            )
    _store_listing(engine, workspace_id, found, listing, me)
    return listing


def _store_listing(
    engine: Engine, workspace_id: int, found: Sequence[PulledExperiment], listing: Listing, me: str
) -> None:
    now = engine.now_ms()
    with engine.store.transaction() as connection:
        loose = project_writes.unsorted_project(connection, workspace_id)
        owner: dict[str, int] = {}
        for item in found:
            project = from_tags(item.tags, item.name)
            if project is None or item.lifecycle != "active":
                continue
            row = project_writes.store_project(
                connection, workspace_id, item.server_id, project, me, now
            )
            owner[item.server_id] = row
            created = {other.server_id: other.created_ms for other in found}
            for linked, created_ms in project.links.items():
                # Servers may use an id again: a link means the experiment that had it then.
                if not created_ms or not created.get(linked) or created[linked] == created_ms:
                    owner.setdefault(linked, row)
        rows = []
        for item in found:
            project_id = owner.get(item.server_id, loose)
            row = project_writes.store_experiment(connection, workspace_id, item, project_id, now)
            rows.append(row)
            listing.places[item.server_id] = Placed(row, project_id)
        project_writes.mark_lost(connection, workspace_id, rows)
        project_ids = {
            place.project_id for place in listing.places.values() if place.project_id is not None
        }
        project_writes.refresh_stats(connection, project_ids)
    engine.hub.publish("experiment", "project")


def store(
    engine: Engine,
    workspace_id: int,
    places: dict[str, Placed],
    runs: Sequence[FlatRun],
    asked_ms: int,
) -> list[int]:
    """Store runs in short transactions. Returns the rows of those that are new or have another status.

    `asked_ms` is when the request for them was made: what we have written since is newer than what they say.
    """
    changed: list[int] = []
    for start in range(0, len(runs), STORE_AT_ONCE):
        part = runs[start : start + STORE_AT_ONCE]
        try:
            with engine.store.transaction() as connection:
                changed += store_runs(
                    connection, engine.keys, workspace_id, places, part, engine.now_ms(), asked_ms
                ).status_changed
        except BaseException:
            engine.keys.forget()
            raise
    return changed


async def full_pull(
    engine: Engine, workspace_id: int, client: TrackingClient, listing: Listing
) -> bool:
    """Read every run of the experiments that were not read to the end yet. Returns whether there were any."""
    rows = engine.store.connection.execute(
        "SELECT server_id, id, pull_offset FROM experiment WHERE workspace_id = ? AND access = 'ok'"
        " AND pull_state IN ('new', 'pulling') ORDER BY lifecycle, id",
        (workspace_id,),
    ).fetchall()
    if rows:
        _first_watermarks(engine, workspace_id, listing)
    for server_id, experiment_id, offset in rows:
        if server_id in listing.places:
            await _pull_experiment(
                engine, workspace_id, client, listing, server_id, experiment_id, offset
            )
    return bool(rows)


def _first_watermarks(engine: Engine, workspace_id: int, listing: Listing) -> None:
    """Rounds after the pull begin where it began: what changed on the server meanwhile is asked for."""
    mark = (listing.server_date_ms or engine.now_ms()) - OVERLAP_MS
    with engine.store.transaction() as connection:
        connection.execute(
            "UPDATE workspace SET started_after_ms = ?1, ended_after_ms = ?1 WHERE id = ?2 AND started_after_ms = 0",
            (mark, workspace_id),
        )


async def _pull_experiment(
    engine: Engine,
    workspace_id: int,
    client: TrackingClient,
    listing: Listing,
    server_id: str,
    experiment_id: int,
    offset: int,
) -> None:
    place = listing.places[server_id]
    async with aclosing(_pages(engine, client, server_id, offset)) as pages:
        async for position, asked, page in pages:
            runs = [flatten(run) for run in page.runs]
            await asyncio.to_thread(store, engine, workspace_id, listing.places, runs, asked)
            done = page.next_offset is None
            with engine.store.transaction() as connection:
                connection.execute(
                    "UPDATE experiment SET pull_state = ?, pull_offset = ?, pull_total = ?, as_of_ms = ? WHERE id = ?",
                    (
                        "live" if done else "pulling",
                        position,
                        position if done else None,
                        engine.now_ms(),
                        experiment_id,
                    ),
                )
                if place.project_id is not None and (done or position % (PAGE * 4) == 0):
                    project_writes.refresh_stats(connection, [place.project_id])
            engine.hub.publish("run", "experiment", "project")
            engine.hub.say(
                {"event": "progress", "kind": "pull", "workspace": workspace_id, "runs": position}
            )
            await asyncio.sleep(0)


async def _pages(
    engine: Engine, client: TrackingClient, server_id: str, offset: int
) -> AsyncGenerator[tuple[int, int, RunPage], None]:
    """Pages in order from `offset` on, each with the position after it and when it was asked for; the next ones are
    under way meanwhile."""

    def ask(start: int) -> tuple[int, int, asyncio.Task[RunPage]]:
        search = client.search_runs(
            [server_id], order_by=["attributes.start_time ASC"], max_results=PAGE, offset=start
        )
        return start, engine.now_ms(), asyncio.create_task(search)

    waiting = deque([ask(offset)])
    try:
        while waiting:
            start, asked, task = waiting[0]
            page = await task
            waiting.popleft()
            if page.next_offset is not None:
                last = waiting[-1][0] if waiting else start
                while len(waiting) < AHEAD:
                    last += PAGE
                    waiting.append(ask(last))
            else:
                for *_, other in waiting:
                    other.cancel()
                waiting.clear()
            yield start + len(page.runs), asked, page
    finally:
        for *_, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for *_, task in waiting), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class RoundResult:
    changed: list[int]
    """Rows that are new or have another status."""
    server_date_ms: int | None
    requests: int


async def quick_round(
    engine: Engine,
    workspace_id: int,
    client: TrackingClient,
    listing: Listing,
    *,
    old_running: bool,
) -> RoundResult:
    """One cheap round over all experiments: four searches. The watermarks move only when all of them were stored.

    `old_running`: also follow runs that have been RUNNING for more than a day; these are asked for in every tenth round.
    """
    row = engine.store.connection.execute(
        "SELECT started_after_ms, ended_after_ms FROM workspace WHERE id = ?", (workspace_id,)
    ).fetchone()
    started, ended = int(row[0]), int(row[1])
    ids = list(listing.places)
    if not ids:
        return RoundResult([], listing.server_date_ms, 0)
    running = "attributes.status = 'RUNNING'"
    if not old_running and started:
        running += f" AND attributes.start_time > {started - 86_400_000}"
    searches = [
        f"attributes.start_time > {started}",
        f"attributes.end_time > {ended}",
        running,
        "attributes.status = 'SCHEDULED'",
    ]
    changed: list[int] = []
    date: int | None = None
    requests = 0
    for text in searches:
        offset: int | None = 0
        while offset is not None:
            asked = engine.now_ms()
            page = await client.search_runs(ids, filter=text, max_results=PAGE, offset=offset)
            requests += 1
            date = date or page.server_date_ms
            changed += store(
                engine, workspace_id, listing.places, [flatten(run) for run in page.runs], asked
            )
            offset = page.next_offset
    _move_watermarks(engine, workspace_id, date)
    if changed:
        refresh_projects(engine, changed)
        engine.hub.publish("run", "project", "experiment")
    return RoundResult(changed, date, requests)


def _move_watermarks(engine: Engine, workspace_id: int, server_date_ms: int | None) -> None:
    """To the server's clock, less the overlap: start and end times are made by clients, whose clocks may lie."""
    mark = (server_date_ms or engine.now_ms()) - OVERLAP_MS
    with engine.store.transaction() as connection:
        connection.execute(
            "UPDATE workspace SET started_after_ms = ?, ended_after_ms = ?, round_ms = ?, rounds = rounds + 1"
            " WHERE id = ?",
            (mark, mark, engine.now_ms(), workspace_id),
        )
    engine.hub.publish("workspace")


def refresh_projects(engine: Engine, run_ids: Sequence[int]) -> None:
    """Recount the projects that these runs belong to."""
    with engine.store.transaction() as connection:
        project_writes.refresh_stats_of_runs(connection, run_ids)


async def refresh_visible(
    engine: Engine,
    workspace_id: int,
    client: TrackingClient,
    places: dict[str, Placed],
    run_ids: Sequence[int],
) -> None:
    """Read the rows in sight again, at most 50 of them, in one request."""
    marks = ",".join(map(str, run_ids[:50]))
    rows = engine.store.connection.execute(
        f"SELECT r.server_id, e.server_id FROM run r JOIN experiment e ON e.id = r.experiment_id WHERE r.id IN ({marks})"
        " AND r.workspace_id = ? AND r.server_id IS NOT NULL",
        (workspace_id,),
    ).fetchall()
    experiments = sorted({row[1] for row in rows} & set(places))
    if not experiments:
        return
    asked = engine.now_ms()
    found = await client.runs_by_id(experiments, [row[0] for row in rows])
    changed = store(engine, workspace_id, places, [flatten(run) for run in found], asked)
    if changed:
        refresh_projects(engine, changed)
    engine.hub.publish("run")
