"""What the engine's duties share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import NotFound
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.projects import WorkspaceRow, workspaces
from mantik_tui.store.writes.keys import Keys
from mantik_tui.sync.hub import Hub
from mantik_tui.sync.secrets import Secrets
from mantik_tui.sync.sites import Sites

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.address import Login
    from mantik_tui.backends.tracking.client import TrackingClient


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Wakes:
    """Set to let a duty look at once instead of after its pause."""

    outbox: asyncio.Event = field(default_factory=asyncio.Event)
    jobs: asyncio.Event = field(default_factory=asyncio.Event)
    logs: asyncio.Event = field(default_factory=asyncio.Event)
    histories: asyncio.Event = field(default_factory=asyncio.Event)
    settings: asyncio.Event = field(default_factory=asyncio.Event)


LINGER_S = 120.0
"""How long a client that nobody takes any more stays open for requests that are under way."""


@dataclass
class Engine:
    """The engine's state that outlives a single request. Duties are functions of it."""

    store: Store
    secrets: Secrets
    hub: Hub = field(init=False)
    epoch: int = 0
    holds_lease: bool = False
    lease_host: str = ""
    now_ms: Callable[[], int] = clock_ms
    checkpoint: Callable[[str], None] = lambda _name: None
    """Called at named points of the submit path; tests let the process die there."""
    keep: bool = False
    """Stay even when nothing is left to do."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    life: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client came or went."""
    demo_url: str = ""
    demo_stop: Callable[[], None] | None = None
    """Ends the demo's server, while that is our child."""
    kill_job_at: str = ""
    """Point at which job scripts kill themselves with -9; for tests."""
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    """What is on its way right now."""
    wakes: Wakes = field(default_factory=Wakes)
    keys: Keys = field(default_factory=Keys)
    sites: Sites = field(default_factory=Sites)
    clients: dict[int, TrackingClient] = field(default_factory=dict)
    """By workspace."""
    refreshes: dict[int, asyncio.Event] = field(default_factory=dict)
    """By workspace: set to start a round at once."""
    rounds_done: dict[int, asyncio.Condition] = field(default_factory=dict)
    rounds_begun: dict[int, int] = field(default_factory=dict)
    """By workspace: how many rounds have begun, the one under way included."""
    rounds_ended: dict[int, int] = field(default_factory=dict)
    closing: set[asyncio.Task[None]] = field(default_factory=set)
    """Clients that were put aside while a round may still be using them."""

    def workspace(self, workspace_id: int) -> WorkspaceRow:
        """Raises NotFound for a workspace that is gone."""
        for row in workspaces(self.store.connection):
            if row.id == workspace_id:
                return row
        raise NotFound("There is no such workspace")

    async def tracking(self, workspace_id: int) -> TrackingClient:
        """The workspace's client, with the login kept for it; one connection pool for all duties.

        Raises:
            NotFound: the workspace is gone.
        """
        found = self.clients.get(workspace_id)
        if found is None:
            from mantik_tui.backends.tracking.client import TrackingClient

            row = self.workspace(workspace_id)
            ca_file = Path(row.ca_file) if row.ca_file else None
            found = TrackingClient(row.tracking_uri, await self.login_of(row), ca_file=ca_file)
            # Another duty may have been quicker while the keyring answered.
            found = self.clients.setdefault(workspace_id, found)
        return found

    async def login_of(self, row: WorkspaceRow) -> Login:
        """The login kept for a workspace; its secret is empty if none is kept."""
        from mantik_tui.backends.tracking.address import Login

        if row.auth == "none":
            return Login()
        secret = await self.secrets.get(f"tracking:{row.name}")
        return (
            Login(token=secret)
            if row.auth == "token"
            else Login(username=row.username, password=secret)
        )

    async def forget_tracking(self, workspace_id: int) -> None:
        """Let the next use take a new login. What is under way with the old client may end before it is closed."""
        client = self.clients.pop(workspace_id, None)
        if client is not None:
            task = asyncio.create_task(_close_later(client))
            self.closing.add(task)
            task.add_done_callback(self.closing.discard)

    async def close_forgotten(self) -> None:
        """Close at once what `forget_tracking` put aside."""
        tasks = list(self.closing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def refresh_soon(self, workspace_id: int) -> None:
        event = self.refreshes.get(workspace_id)
        if event is not None:
            event.set()

    def refresh_older_than(self, seconds: float) -> None:
        """Let no round be longer ago than this from now on: somebody has come who looks. A server that failed keeps
        its pause."""
        loop, now = asyncio.get_running_loop(), self.now_ms()
        for row in workspaces(self.store.connection):
            if row.state == "live":
                wait = seconds - (now - (row.round_ms or 0)) / 1000
                loop.call_later(min(max(0.0, wait), seconds), self.refresh_soon, row.id)


async def _close_later(client: TrackingClient) -> None:
    try:
        await asyncio.sleep(LINGER_S)
    finally:
        await client.close()
