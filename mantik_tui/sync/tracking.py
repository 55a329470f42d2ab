"""One task a workspace: keeps it in step with its tracking server for as long as the engine lives."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mantik_tui.backends.tracking.errors import NotMlflow
from mantik_tui.domain.errors import MantikError, NeedsLogin, Offline, Refused
from mantik_tui.store.writes import setup
from mantik_tui.sync import pull, reconcile, registry
from mantik_tui.sync.outbox import release_waiting
from mantik_tui.sync.pull import Listing
from mantik_tui.sync.waiting import pause

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.sync.context import Engine

LOG = logging.getLogger("mantik.tracking")

WATCHED_S = 8.0
"""Pause between rounds while somebody looks: the end of a run is then seen within 10 s."""
UNWATCHED_S = 25.0
PROBE_EVERY = 10
"""Every so many rounds the counts are compared, old running runs asked for, and models read."""
SMALL_LISTING = 8_000
"""Bytes; a longer list of experiments is read in every PROBE_EVERY-th round only."""
BACK_OFF_S = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)


@dataclass
class Link:
    """The engine's standing with one tracking server."""

    workspace_id: int
    listing: Listing = field(default_factory=Listing)
    me: str | None = None
    """Our name on the server, empty where it knows none; None as long as it was not asked."""
    failures: int = 0
    rounds: int = 0
    full_wanted: bool = False


async def keep_in_step(engine: Engine, workspace_id: int) -> None:
    """Pull, then rounds, until cancelled. Whatever goes wrong becomes the workspace's state, in words."""
    link = Link(workspace_id)
    wake = engine.refreshes.setdefault(workspace_id, asyncio.Event())
    while True:
        seconds: float | None
        # Cleared before the round, so that a wish that comes in its middle brings another one.
        wake.clear()
        engine.rounds_begun[workspace_id] = engine.rounds_begun.get(workspace_id, 0) + 1
        try:
            if engine.holds_lease:
                await cycle(engine, link)
            link.failures = 0
            seconds = WATCHED_S if engine.hub.clients else UNWATCHED_S
        except MantikError as error:
            seconds = standing(engine, link, error)
        except Exception:
            LOG.exception("round of workspace %s failed", workspace_id)
            _set_state(
                engine,
                workspace_id,
                "offline",
                "something went wrong here; the engine's log says what",
            )
            seconds = BACK_OFF_S[-1]
        await _say_round_done(engine, workspace_id)
        await pause(wake, seconds)


async def cycle(engine: Engine, link: Link) -> None:
    """One round. The order matters: experiments first, so that a later absence proves something."""
    client = await engine.tracking(link.workspace_id)
    probe = link.rounds % PROBE_EVERY == 0
    if probe or link.listing.bytes < SMALL_LISTING or not link.listing.places:
        if link.me is None:
            link.me = await _identify(engine, link.workspace_id, client)
        link.listing = await pull.list_experiments(engine, link.workspace_id, client, link.me)
    if link.full_wanted:
        _start_anew(engine, link.workspace_id)
        link.full_wanted = False
    if _unpulled(engine, link.workspace_id):
        _set_state(engine, link.workspace_id, "pulling", "")
        await pull.full_pull(engine, link.workspace_id, client, link.listing)
        probe = True
    await pull.quick_round(engine, link.workspace_id, client, link.listing, old_running=probe)
    if _set_state(engine, link.workspace_id, "live", "") or link.rounds == 0:
        release_waiting(engine, link.workspace_id)
    await _slow_work(engine, link, client, probe)
    link.rounds += 1


async def _slow_work(engine: Engine, link: Link, client: TrackingClient, probe: bool) -> None:
    """What a round does for rows in sight and, now and then, for what the server has no clock for."""
    visible = sorted(engine.hub.visible_runs)
    if visible:
        await pull.refresh_visible(engine, link.workspace_id, client, link.listing.places, visible)
    if probe:
        if not await reconcile.counts_agree(engine, client, link.listing):
            await reconcile.reconcile(engine, link.workspace_id, client, link.listing)
        await registry.pull_models(engine, link.workspace_id, client, list(link.listing.places))
    elif link.rounds % PROBE_EVERY == PROBE_EVERY // 2:
        await reconcile.audit_page(engine, link.workspace_id, client, link.listing)


async def _identify(engine: Engine, workspace_id: int, client: TrackingClient) -> str:
    """Our name on the server, by which own and shared projects are told apart; its version is kept on the way."""
    identity = await client.access.whoami()
    try:
        version = await client.access.version()
    except (NotMlflow, Refused):
        version = ""  # some proxies let only the API through
    with engine.store.transaction() as connection:
        setup.set_server_version(connection, workspace_id, version)
    return identity.username or engine.workspace(workspace_id).username


def _unpulled(engine: Engine, workspace_id: int) -> bool:
    return (
        engine.store.connection.execute(
            "SELECT 1 FROM experiment WHERE workspace_id = ? AND access = 'ok' AND pull_state IN ('new', 'pulling')",
            (workspace_id,),
        ).fetchone()
        is not None
    )


def _start_anew(engine: Engine, workspace_id: int) -> None:
    with engine.store.transaction() as connection:
        connection.execute(
            "UPDATE experiment SET pull_state = 'new', pull_offset = 0 WHERE workspace_id = ?",
            (workspace_id,),
        )


def standing(engine: Engine, link: Link, error: MantikError) -> float | None:
    """Turn a failure into the workspace's state; returns how long to wait, None for until somebody acts."""
    words = ". ".join(part for part in (error.title, error.cause) if part)
    if isinstance(error, NeedsLogin):
        link.me = None
        _set_state(engine, link.workspace_id, "needs login", words)
        return None
    state = (
        "not mlflow"
        if isinstance(error, NotMlflow)
        else "offline"
        if isinstance(error, Offline)
        else "refused"
    )
    _set_state(engine, link.workspace_id, state, words)
    seconds = BACK_OFF_S[min(link.failures, len(BACK_OFF_S) - 1)]
    link.failures += 1
    return seconds * random.uniform(0.9, 1.1)


def _set_state(engine: Engine, workspace_id: int, state: str, reason: str) -> bool:
    """Returns whether it changed."""
    with engine.store.transaction() as connection:
        changed = setup.set_workspace_state(connection, workspace_id, state, reason)
    if changed:
        LOG.info("workspace %s: %s %s", workspace_id, state, reason)
        engine.hub.publish("workspace")
    return changed


async def _say_round_done(engine: Engine, workspace_id: int) -> None:
    condition = engine.rounds_done.setdefault(workspace_id, asyncio.Condition())
    async with condition:
        engine.rounds_ended[workspace_id] = engine.rounds_begun[workspace_id]
        condition.notify_all()


async def supervise(engine: Engine) -> None:
    """One `keep_in_step` for each workspace; new ones are taken up when the settings have changed."""
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while True:
            rows = engine.store.connection.execute("SELECT id FROM workspace").fetchall()
            for (workspace_id,) in rows:
                task = tasks.get(workspace_id)
                if task is None or task.done():
                    tasks[workspace_id] = asyncio.create_task(keep_in_step(engine, workspace_id))
            engine.wakes.settings.clear()
            await engine.wakes.settings.wait()
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
