"""Reading 10,000 runs from a real server: whole, cut and resumed, cheap when quiet, and never losing what was read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.domain.errors import MantikError, NeedsLogin, NotFound, Offline
from mantik_tui.store.connect import Store
from mantik_tui.store.reads import runs as reads
from mantik_tui.store.writes import setup
from mantik_tui.sync import files, histories, pull, reconcile, tracking
from mantik_tui.sync.context import Engine
from mantik_tui.sync.hub import Hub
from mantik_tui.sync.secrets import Secrets
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mlflow_server import MlflowServer, password_of
from tests.support.seed import SeedPlan, TrueRun, read_runs, seed_database

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

RUNS = 10_000
INF = 1.7976931348623157e308


@dataclass
class Desk:
    """An engine's parts in this process, without its socket and its duties, so that requests can be counted."""

    engine: Engine
    workspace_id: int
    client: TrackingClient

    async def pull(self) -> pull.Listing:
        listing = await pull.list_experiments(self.engine, self.workspace_id, self.client, "")
        await pull.full_pull(self.engine, self.workspace_id, self.client, listing)
        return listing

    @property
    def stored(self) -> int:
        return reads.count_runs(self.engine.store.connection, reads.Scope())


async def _nothing(*_args: object) -> None:
    return None


def desk(url: str, folder: Path, login: Login | None = None) -> Desk:
    store = Store(folder / "mantik.db")
    engine = Engine(
        store=store, secrets=Secrets(folder / "secrets.toml", use_keyring=False), holds_lease=True
    )
    engine.hub = Hub(_nothing)
    with store.transaction() as connection:
        workspace_id = setup.put_workspace(connection, "w", url, "", "none")
    client = TrackingClient(url, login or Login())
    engine.clients[workspace_id] = client
    return Desk(engine, workspace_id, client)


@pytest.fixture(scope="module")
def seeded(
    tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path
) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("ten-thousand")
    (folder / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    seed_database(folder / "mlflow.db", SeedPlan(runs=RUNS, running=0, scheduled=0))
    with MlflowServer(folder) as server:
        yield server


def same_as_server(desk: Desk, truth: dict[str, TrueRun]) -> None:
    """The store holds what the server's database holds, run by run."""
    connection = desk.engine.store.connection
    rows = connection.execute(
        "SELECT id, server_id FROM run WHERE server_id IS NOT NULL"
    ).fetchall()
    assert {row[1] for row in rows} == set(truth)
    for row_id, server_id in rows:
        mine, theirs = reads.get_run(connection, row_id), truth[server_id]
        assert (mine.name, mine.status, mine.start_ms or 0, mine.end_ms, mine.lifecycle) == (
            theirs.name, theirs.status, theirs.start_ms or 0, theirs.end_ms, theirs.lifecycle
        )  # fmt: skip
        assert mine.params == theirs.params
        assert mine.tags == theirs.tags
        metrics = {
            key: (None if math.isnan(found.value) else found.value, found.step, found.timestamp_ms)
            for key, found in mine.metrics.items()
        }
        assert metrics == theirs.metrics


@pytest.mark.acceptance("first-flight.6")
async def test_a_pull_that_was_cut_goes_on_where_it_stopped(
    seeded: MlflowServer, tmp_path: Path
) -> None:
    truth = read_runs(seeded.db)
    with FaultyProxy("127.0.0.1", seeded.port) as proxy:
        at = desk(proxy.url, tmp_path)
        proxy.cut(30_000, after=10)
        with pytest.raises(Offline):
            await at.pull()
        cut_at = at.stored
        assert 0 < cut_at < RUNS
        proxy.heal()
        before, bytes_before = proxy.count, proxy.bytes_out
        await at.pull()
        # Only pages that were not stored yet are asked for: one for each 500 runs that are left, and for each of the
        # experiments the page that the cut interrupted or that ends it.
        experiments = len({run.experiment_id for run in truth.values()})
        assert proxy.count - before <= (RUNS - cut_at) / pull.PAGE + 2 * experiments + 4
        assert proxy.bytes_out - bytes_before < 6_000 * (RUNS - cut_at) + 200_000
        same_as_server(at, truth)
        await at.client.close()


@pytest.mark.acceptance("first-flight.6")
async def test_diverged_runs_are_kept_and_found(seeded: MlflowServer, tmp_path: Path) -> None:
    at = desk(seeded.url, tmp_path)
    await at.pull()
    truth = read_runs(seeded.db)
    nan = {
        run.run_id
        for run in truth.values()
        if any(value[0] is None for value in run.metrics.values())
    }
    inf = {
        run.run_id
        for run in truth.values()
        if any(value[0] is not None and abs(value[0]) >= INF for value in run.metrics.values())
    }
    assert nan and inf
    connection = at.engine.store.connection
    stored_nan = connection.execute(
        "SELECT DISTINCT r.server_id FROM metric m JOIN run r ON r.id = m.run_id WHERE m.is_nan = 1"
    )
    stored_inf = connection.execute(
        "SELECT DISTINCT r.server_id FROM metric m JOIN run r ON r.id = m.run_id WHERE abs(m.value) >= ?",
        (INF,),
    )
    assert {row[0] for row in stored_nan} == nan
    assert {row[0] for row in stored_inf} == inf
    await at.client.close()


@pytest.mark.acceptance("first-flight.6")
async def test_a_quiet_round_costs_five_requests(seeded: MlflowServer, tmp_path: Path) -> None:
    with FaultyProxy("127.0.0.1", seeded.port) as proxy:
        at = desk(proxy.url, tmp_path)
        listing = await at.pull()
        await pull.quick_round(at.engine, at.workspace_id, at.client, listing, old_running=True)
        requests, sent = proxy.count, proxy.bytes_out
        listing = await pull.list_experiments(at.engine, at.workspace_id, at.client, "")
        result = await pull.quick_round(
            at.engine, at.workspace_id, at.client, listing, old_running=False
        )
        assert result.changed == []
        assert proxy.count - requests <= 5
        assert proxy.bytes_out - sent <= 10_000
        requests = proxy.count
        assert await reconcile.counts_agree(at.engine, at.client, listing)
        assert proxy.count - requests <= 2
        await at.client.close()


@pytest.mark.acceptance("first-flight.6")
async def test_deletions_restorations_and_late_runs_are_found(
    new_mlflow_server: Callable[..., MlflowServer], tmp_path: Path
) -> None:
    server = new_mlflow_server()
    made = seed_database(server.db, SeedPlan(runs=600, running=0, scheduled=0, deleted_share=0))
    server.start()
    at = desk(server.url, tmp_path)
    listing = await at.pull()
    assert await reconcile.counts_agree(at.engine, at.client, listing)
    await at.client.delete_run(made.runs[10])
    await at.client.create_run(made.experiments[0], name="backdated", start_ms=1_700_000_000_000)
    assert not await reconcile.counts_agree(at.engine, at.client, listing)
    before = at.client.counters.requests
    await reconcile.reconcile(at.engine, at.workspace_id, at.client, listing)
    assert at.client.counters.requests - before <= 60
    same_as_server(at, read_runs(server.db))
    await at.client.restore_run(made.runs[10])
    await reconcile.reconcile(at.engine, at.workspace_id, at.client, listing)
    same_as_server(at, read_runs(server.db))
    await at.client.close()


async def test_a_run_that_was_deleted_meanwhile_says_so_when_it_is_looked_at(
    new_mlflow_server: Callable[..., MlflowServer], tmp_path: Path
) -> None:
    server = new_mlflow_server()
    made = seed_database(server.db, SeedPlan(runs=20, running=0, scheduled=0, deleted_share=0))
    server.start()
    at = desk(server.url, tmp_path)
    await at.pull()
    connection = at.engine.store.connection

    def row(server_id: str) -> int:
        return int(
            connection.execute("SELECT id FROM run WHERE server_id = ?", (server_id,)).fetchone()[0]
        )

    trashed, gone = row(made.runs[3]), row(made.runs[4])
    await at.client.delete_run(made.runs[3])
    await histories.refresh_run(at.engine, trashed, [])
    assert reads.get_run(connection, trashed).deleted_remotely
    connection.execute("UPDATE run SET server_id = ? WHERE id = ?", ("0" * 32, gone))
    with pytest.raises(NotFound, match="deleted on the server"):
        await histories.refresh_run(at.engine, gone, [])
    assert reads.get_run(connection, gone).deleted_remotely
    await at.client.close()


async def test_an_empty_path_fetches_all_artifacts(
    new_mlflow_server: Callable[..., MlflowServer], tmp_path: Path
) -> None:
    server = new_mlflow_server()
    server.start()
    at = desk(server.url, tmp_path)
    experiment = await at.client.create_experiment("with files")
    run = (await at.client.create_run(experiment, name="x", start_ms=1_700_000_000_000)).info
    await at.pull()
    (run_id,) = at.engine.store.connection.execute("SELECT id FROM run").fetchone()
    with pytest.raises(NotFound, match="no artifacts"):
        await files.fetch_artifact(at.engine, run_id, "", str(tmp_path / "out"))
    for name in ("top.txt", "below/one.txt", "below/deeper/two.txt"):
        await at.client.artifacts.upload(run.artifact_uri or "", name, name.encode())
    assert await files.fetch_artifact(at.engine, run_id, "", str(tmp_path / "out")) == (
        tmp_path / "out"
    )
    found = {
        str(file.relative_to(tmp_path / "out")): file.read_text()
        for file in (tmp_path / "out").rglob("*.txt")
    }
    assert found == {name: name for name in ("top.txt", "below/one.txt", "below/deeper/two.txt")}
    await at.client.close()


@pytest.mark.acceptance("first-flight.7")
async def test_lost_permission_deletes_nothing_and_says_so(
    auth_server: MlflowServer, tmp_path: Path
) -> None:
    made = auth_server.call(
        "POST",
        "/api/2.0/mlflow/experiments/create",
        {"name": f"shared-{tmp_path.name}"},
        user="bob",
    )
    experiment = made["experiment_id"]
    for number in range(3):
        body = {
            "experiment_id": experiment,
            "start_time": 1_700_000_000_000 + number,
            "run_name": f"r{number}",
        }
        auth_server.call("POST", "/api/2.0/mlflow/runs/create", body, user="bob")
    auth_server.grant("alice", experiment, "READ", by="bob")
    at = desk(auth_server.url, tmp_path, Login(username="alice", password=password_of("alice")))
    await at.pull()
    rows = "SELECT count(*) FROM run r JOIN experiment e ON e.id = r.experiment_id WHERE e.server_id = ?"
    connection = at.engine.store.connection
    assert connection.execute(rows, (experiment,)).fetchone()[0] == 3
    auth_server.revoke("alice", experiment, by="bob")
    listing = await at.pull()
    await pull.quick_round(at.engine, at.workspace_id, at.client, listing, old_running=True)
    await reconcile.reconcile(at.engine, at.workspace_id, at.client, listing)
    assert connection.execute(rows, (experiment,)).fetchone()[0] == 3
    access = connection.execute(
        "SELECT access FROM experiment WHERE server_id = ?", (experiment,)
    ).fetchone()
    assert access[0] == "lost"
    await at.client.close()


async def _one_cycle(at: Desk) -> str:
    """A round as the engine's duty makes it, with its failure turned into the workspace's state. Returns that state."""
    link = tracking.Link(at.workspace_id)
    try:
        await tracking.cycle(at.engine, link)
    except MantikError as error:
        tracking.standing(at.engine, link, error)
    return at.engine.workspace(at.workspace_id).state


@pytest.mark.acceptance("first-flight.7")
async def test_odd_answers_become_a_state_and_cost_nothing(
    seeded: MlflowServer, tmp_path: Path
) -> None:
    with FaultyProxy("127.0.0.1", seeded.port) as proxy:
        at = desk(proxy.url, tmp_path)
        proxy.answer_status(401, after=8)
        assert await _one_cycle(at) == "needs login"
        kept = at.stored
        assert 0 < kept < RUNS
        assert "log" in at.engine.workspace(at.workspace_id).reason.lower()
        proxy.answer_html()
        assert await _one_cycle(at) == "not mlflow"
        assert at.stored == kept
        proxy.heal()
        assert await _one_cycle(at) == "live"
        assert at.stored == sum(
            1 for run in read_runs(seeded.db).values() if run.lifecycle == "active"
        )
        proxy.answer_html()
        assert await _one_cycle(at) == "not mlflow"
        proxy.answer_status(503)
        assert await _one_cycle(at) == "offline"
        assert at.engine.workspace(at.workspace_id).reason
        proxy.heal()
        assert await _one_cycle(at) == "live"
        await at.client.close()


@pytest.mark.acceptance("first-flight.7")
async def test_a_server_that_restarts_in_mid_pull(
    new_mlflow_server: Callable[..., MlflowServer], tmp_path: Path
) -> None:
    server = new_mlflow_server()
    seed_database(server.db, SeedPlan(runs=3000, running=0, scheduled=0))
    server.start()
    with FaultyProxy("127.0.0.1", server.port) as proxy:
        at = desk(proxy.url, tmp_path)
        pulling = asyncio.create_task(at.pull())
        while at.stored == 0 and not pulling.done():
            await asyncio.to_thread(lambda: None)
        await asyncio.to_thread(server.kill)
        with pytest.raises(Offline):
            await pulling
        kept = at.stored
        assert kept > 0
        await asyncio.to_thread(server.start)
        await at.pull()
        same_as_server(at, read_runs(server.db))
        await at.client.close()


async def test_a_refused_login_is_told_apart_from_silence(
    seeded: MlflowServer, tmp_path: Path
) -> None:
    with FaultyProxy("127.0.0.1", seeded.port) as proxy:
        at = desk(proxy.url, tmp_path)
        proxy.answer_status(401)
        with pytest.raises(NeedsLogin):
            await at.pull()
        await at.client.close()
