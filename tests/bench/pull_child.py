"""What P8 and P9 time, in a process of its own: `python -m tests.bench.pull_child pull|search|rounds URL HOME`.

Prints a JSON object with seconds and CPU seconds, without the interpreter's start and the imports.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine


def main(what: str, url: str, home: Path) -> None:
    if what == "search":
        _search(url)
    else:
        asyncio.run(_pull(url, home, rounds=what == "rounds"))


async def _nothing(*_args: object) -> None:
    return None


async def _pull(url: str, home: Path, *, rounds: bool) -> None:
    """The engine's own full pull, without its socket and its other duties."""
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.store.connect import Store
    from mantik_tui.store.writes import setup
    from mantik_tui.sync import pull
    from mantik_tui.sync.context import Engine
    from mantik_tui.sync.hub import Hub
    from mantik_tui.sync.secrets import Secrets

    store = Store(home / "mantik.db")
    engine = Engine(
        store=store, secrets=Secrets(home / "secrets.toml", use_keyring=False), holds_lease=True
    )
    engine.hub = Hub(_nothing)
    with store.transaction() as connection:
        workspace = setup.put_workspace(connection, "bench", url, "", "none")
    if rounds:
        await _rounds(engine, workspace)
        return
    async with TrackingClient(url) as client:
        start, cpu = time.perf_counter(), time.process_time()
        listing = await pull.list_experiments(engine, workspace, client, "")
        await pull.full_pull(engine, workspace, client, listing)
        _say(time.perf_counter() - start, time.process_time() - cpu)


async def _rounds(engine: Engine, workspace: int) -> None:
    """The engine's own rounds: the pull and what follows it, a quiet one, one that also compares counts."""
    from mantik_tui.sync import tracking

    link = tracking.Link(workspace)
    for number in (0, 1, tracking.PROBE_EVERY):
        link.rounds = number
        await tracking.cycle(engine, link)
        _wait()
    await engine.forget_tracking(workspace)


def _search(url: str) -> None:
    """The same runs by MLflow's own client, page by page, kept nowhere."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    from mantik_tui.sync.pull import PAGE

    client = MlflowClient(url)
    start, cpu = time.perf_counter(), time.process_time()
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        token = None
        while True:
            page = client.search_runs(
                [experiment.experiment_id],
                run_view_type=ViewType.ALL,
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            token = page.token
            if not token:
                break
    _say(time.perf_counter() - start, time.process_time() - cpu)


def _say(seconds: float, cpu: float) -> None:
    print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)


def _wait() -> None:
    """Say that a step is done and wait for leave to go on."""
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
