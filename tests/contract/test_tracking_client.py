"""The tracking client against a real MLflow server: experiments, runs, histories, models."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mantik_tui.backends.tracking.client import Count, TrackingClient
from mantik_tui.backends.tracking.errors import AlreadyExists, Rejected, TrackingOffline
from mantik_tui.backends.tracking.flat import flatten, point_rows
from mantik_tui.backends.tracking.query import tag_is
from mantik_tui.backends.tracking.records import RunRecord, ViewType
from mantik_tui.domain.errors import BadInput, NotFound
from mantik_tui.domain.ids import new_id
from mantik_tui.domain.project_tags import from_tags
from tests.support.mlflow_server import MlflowServer
from tests.support.seed import INF, Seeded, SeedPlan, TrueRun, read_runs, seed_database

pytestmark = pytest.mark.server
START = 1_700_000_000_000


@pytest.fixture
async def client(mlflow_server: MlflowServer) -> AsyncIterator[TrackingClient]:
    async with TrackingClient(mlflow_server.url) as found:
        yield found


@pytest.fixture(scope="module")
def seeded(mlflow_server: MlflowServer) -> Seeded:
    plan = SeedPlan(
        runs=700,
        prefix="contract-",
        long_history=6000,
        deleted_share=0.05,
        nan_share=0.1,
        inf_share=0.1,
    )
    return seed_database(mlflow_server.db, plan)


@pytest.fixture
async def experiment(client: TrackingClient) -> str:
    return await client.create_experiment(f"experiment {new_id()}")


async def new_run(client: TrackingClient, experiment: str, **tags: str) -> str:
    run = await client.create_run(experiment, name="first", tags=tags, start_ms=START)
    return run.info.run_id


def as_true_run(run: RunRecord) -> TrueRun:
    flat = flatten(run)
    metrics = {key: (value, step, at) for key, value, _, step, at in flat.metrics}
    return TrueRun(
        flat.server_id, flat.experiment_id, flat.name, flat.status, flat.start_ms, flat.end_ms, flat.lifecycle,
        dict(flat.params), flat.tags, metrics,
    )  # fmt: skip


async def test_every_run_is_read_as_the_server_has_it(
    client: TrackingClient, mlflow_server: MlflowServer, seeded: Seeded
) -> None:
    offset: int | None = 0
    found: dict[str, TrueRun] = {}
    while offset is not None:
        page = await client.search_runs(
            seeded.experiments,
            order_by=["attributes.start_time ASC"],
            max_results=200,
            offset=offset,
        )
        found |= {run.info.run_id: as_true_run(run) for run in page.runs}
        offset = page.next_offset
        assert page.bytes > 0
        assert page.server_date_ms is not None
    truth = read_runs(mlflow_server.db)
    assert found == {run: truth[run] for run in seeded.runs}
    assert client.counters.requests == 4
    assert {value for run in seeded.nan for value, _, _ in [found[run].metrics["loss"]]} == {None}
    assert {value for run in seeded.inf for value, _, _ in [found[run].metrics["loss"]]} == {
        INF,
        -INF,
    }


async def test_a_page_can_be_read_without_the_one_before_it(
    client: TrackingClient, seeded: Seeded
) -> None:
    order = ["attributes.start_time ASC"]
    whole = await client.search_runs(seeded.experiments, order_by=order, max_results=300)
    part = await client.search_runs(seeded.experiments, order_by=order, max_results=100, offset=150)
    assert [run.info.run_id for run in part.runs] == [
        run.info.run_id for run in whole.runs[150:250]
    ]
    assert part.next_offset == 250


async def test_views_tell_deleted_from_active_runs(client: TrackingClient, seeded: Seeded) -> None:
    deleted = await client.search_runs(seeded.experiments, max_results=1000, view=ViewType.DELETED)
    active = await client.search_runs(seeded.experiments, max_results=1000, view=ViewType.ACTIVE)
    assert {run.info.run_id for run in deleted.runs} == set(seeded.deleted)
    assert len(active.runs) == len(seeded.runs) - len(seeded.deleted)


async def test_a_count_is_proven_by_one_row(client: TrackingClient, seeded: Seeded) -> None:
    total = len(seeded.runs)
    answers = [
        await client.count_at(seeded.experiments, n) for n in (total - 1, total, total + 1, 0)
    ]
    assert answers == [Count.MORE, Count.EQUAL, Count.FEWER, Count.MORE]
    running = len(seeded.running)
    assert (
        await client.count_at(seeded.experiments, running, filter="attributes.status = 'RUNNING'")
        is Count.EQUAL
    )
    assert (
        await client.count_at(seeded.experiments, 0, filter=tag_is("nobody", "has")) is Count.EQUAL
    )
    assert client.counters.requests == 6
    assert client.counters.bytes_in < 40_000


async def test_runs_are_found_by_id_and_missing_ones_are_left_out(
    client: TrackingClient, seeded: Seeded
) -> None:
    wanted = [*seeded.runs[:30], *seeded.deleted[:2], "0" * 32]
    found = await client.runs_by_id(seeded.experiments, wanted)
    assert {run.info.run_id for run in found} == {*seeded.runs[:30], *seeded.deleted[:2]}
    assert client.counters.requests == 1


async def test_experiments_come_in_pages_with_their_project_tags(
    client: TrackingClient, seeded: Seeded
) -> None:
    found = {one.experiment_id: one for one in await client.search_experiments(page_size=2)}
    assert {*seeded.experiments, *seeded.projects} <= set(found)
    assert client.counters.requests >= 3
    carrier = found[seeded.projects[0]]
    project = from_tags(carrier.tag_map, carrier.name)
    assert project is not None
    assert project.name == "contract-Project 1"
    assert set(project.links) == {seeded.experiments[0], seeded.experiments[2]}
    only = await client.search_experiments(filter="tags.`mantik.project.id` IS NOT NULL")
    assert set(seeded.projects) <= {one.experiment_id for one in only}
    assert not set(seeded.experiments) & {one.experiment_id for one in only}


async def test_datasets_of_a_run_are_read(client: TrackingClient, seeded: Seeded) -> None:
    flat = flatten(await client.get_run(seeded.runs[0]))
    assert [(one.name, one.context) for one in flat.datasets] == [
        (f"stations-{seeded.experiments[0]}", "training")
    ]
    summary = await client.registry.datasets(seeded.experiments)
    assert {one.name for one in summary} == {f"stations-{one}" for one in seeded.experiments}


async def test_a_name_that_is_taken_is_adopted_only_when_asked(client: TrackingClient) -> None:
    name, tags = f"adopt {new_id()}", {"mantik.project.id": new_id()}
    first = await client.create_experiment(name, tags)
    with pytest.raises(AlreadyExists):
        await client.create_experiment(name, tags)
    assert (
        await client.create_experiment(name, tags, adopt=True, same_tag="mantik.project.id")
        == first
    )
    with pytest.raises(AlreadyExists, match="Another experiment"):
        await client.create_experiment(
            name, {"mantik.project.id": "x"}, adopt=True, same_tag="mantik.project.id"
        )
    await client.wire.post("experiments/delete", {"experiment_id": first})
    with pytest.raises(AlreadyExists, match="deleted"):
        await client.create_experiment(name, tags, adopt=True)


async def test_experiments_are_found_by_name_and_their_tags_change(
    client: TrackingClient, experiment: str
) -> None:
    await client.set_experiment_tag(experiment, "mantik.label.topic/rain", "yes")
    name = (await client.get_experiment(experiment)).name
    assert (await client.get_experiment_by_name(name)).tag_map == {"mantik.label.topic/rain": "yes"}
    assert await client.delete_experiment_tag(experiment, "mantik.label.topic/rain") is True
    assert await client.delete_experiment_tag(experiment, "mantik.label.topic/rain") is False
    with pytest.raises(NotFound):
        await client.get_experiment_by_name("nobody has this name")


async def test_a_created_run_is_found_by_its_id_tag(
    client: TrackingClient, experiment: str
) -> None:
    cid = new_id()
    assert await client.runs_with_tag([experiment], "mantik.cid", cid) == []
    run = await new_run(client, experiment, **{"mantik.cid": cid})
    assert [
        one.info.run_id for one in await client.runs_with_tag([experiment], "mantik.cid", cid)
    ] == [run]
    await client.delete_run(run)
    assert [
        one.info.run_id for one in await client.runs_with_tag([experiment], "mantik.cid", cid)
    ] == [run]


async def test_a_run_is_edited_ended_deleted_and_restored(
    client: TrackingClient, experiment: str
) -> None:
    run = await new_run(client, experiment)
    await client.set_tag(run, "mlflow.note.content", "Straße 気温")
    await client.set_tag(run, "label", "best")
    assert await client.delete_tag(run, "label") is True
    assert await client.delete_tag(run, "label") is False
    info = await client.update_run(run, status="FINISHED", end_ms=START + 5000, name="second")
    assert (info.status, info.end_time, info.run_name) == ("FINISHED", START + 5000, "second")
    await client.delete_run(run)
    with pytest.raises(Rejected, match="active"):
        await client.set_tag(run, "a", "b")
    await client.restore_run(run)
    flat = flatten(await client.get_run(run))
    assert (flat.name, flat.status, flat.lifecycle) == ("second", "FINISHED", "active")
    assert flat.tags == {"mlflow.note.content": "Straße 気温", "mlflow.runName": "second"}


async def test_not_a_number_and_infinity_survive_the_way_there_and_back(
    client: TrackingClient, experiment: str
) -> None:
    run = await new_run(client, experiment)
    points = [
        ("m", math.nan, START, 1),
        ("up", math.inf, START, 1),
        ("down", -math.inf, START, 1),
        ("one", 1.0, START, 2),
    ]
    await client.log_batch(run, metrics=points, params={"lr": "0.1"}, tags={"t": "v"})
    await client.log_batch(run, metrics=points, params={"lr": "0.1"}, tags={"t": "v"})
    flat = flatten(await client.get_run(run))
    assert {key: (value, nan) for key, value, nan, _, _ in flat.metrics} == {
        "m": (None, 1), "up": (INF, 0), "down": (-INF, 0), "one": (1.0, 0)
    }  # fmt: skip
    assert point_rows(await client.history.whole(run, "m")) == [(1, START, None, 1)]
    assert flat.params == [("lr", "0.1")]


async def test_a_param_never_changes(client: TrackingClient, experiment: str) -> None:
    run = await new_run(client, experiment)
    await client.log_param(run, "lr", "0.1")
    await client.log_param(run, "lr", "0.1")
    with pytest.raises(Rejected, match="already logged"):
        await client.log_param(run, "lr", "0.2")


async def test_what_the_server_would_cut_is_not_sent(
    client: TrackingClient, experiment: str
) -> None:
    run = await new_run(client, experiment)
    before = client.counters.requests
    for attempt in (
        client.set_tag(run, "long", "x" * 8001),
        client.log_param(run, "long", "x" * 6001),
        client.set_experiment_tag(experiment, "long", "x" * 5001),
        client.set_tag(run, "k" * 251, "x"),
        client.log_batch(run, metrics=[("m", 1.0, START, n) for n in range(1001)]),
    ):
        with pytest.raises(BadInput):
            await attempt
    assert client.counters.requests == before
    await client.set_tag(run, "long", "x" * 8000)
    await client.log_param(run, "long", "x" * 6000)
    flat = flatten(await client.get_run(run))
    assert len(flat.tags["long"]) == 8000
    assert len(flat.params[0][1]) == 6000


async def test_the_server_s_words_reach_the_person(client: TrackingClient, experiment: str) -> None:
    with pytest.raises(NotFound, match="not found"):
        await client.get_run("0" * 32)
    with pytest.raises(Rejected, match="Invalid clause") as refused:
        await client.search_runs([experiment], filter="bla = ")
    assert (refused.value.status, refused.value.code) == (400, "INVALID_PARAMETER_VALUE")


async def test_new_points_come_by_a_small_request(client: TrackingClient, seeded: Seeded) -> None:
    tail = await client.history.tail(seeded.runs[:2], "loss", from_step=5990)
    assert [point.step for point in tail.points[seeded.runs[0]]] == list(range(5990, 6000))
    assert seeded.runs[1] not in tail.points
    assert tail.sampled == frozenset()
    assert tail.bytes < 4000
    assert client.counters.requests == 1


async def test_a_long_history_is_read_whole_though_the_server_thins_it(
    client: TrackingClient, seeded: Seeded
) -> None:
    thinned = await client.history.tail([seeded.runs[0]], "loss")
    assert thinned.sampled == {seeded.runs[0]}
    points = await client.history.whole(seeded.runs[0], "loss")
    assert [point.step for point in points] == list(range(6000))


async def test_points_that_share_a_step_are_all_read(
    client: TrackingClient, experiment: str
) -> None:
    run = await new_run(client, experiment)
    await client.log_batch(run, metrics=[("m", float(n), START + n, 0) for n in range(50)])
    points = await client.history.whole(run, "m", max_results=20)
    assert [point.number for point in points] == [float(n) for n in range(50)]


async def test_a_history_is_read_by_pages(client: TrackingClient, seeded: Seeded) -> None:
    first = await client.history.page(seeded.runs[0], "loss", max_results=4000)
    assert first.next_offset == 4000
    rest = await client.history.page(seeded.runs[0], "loss", offset=4000, max_results=4000)
    assert rest.next_offset is None
    assert len(first.points) + len(rest.points) == 6000


async def test_models_are_read(client: TrackingClient, seeded: Seeded) -> None:
    models = {one.name: one for one in await client.registry.registered_models()}
    assert [(one.alias, one.version) for one in models["contract-model-1"].aliases] == [
        ("champion", "2")
    ]
    versions = await client.registry.model_versions(filter="name = 'contract-model-1'")
    assert {(one.version, one.run_id) for one in versions} == {
        ("1", seeded.runs[0]),
        ("2", seeded.runs[0]),
    }
    logged = await client.registry.logged_models(seeded.experiments)
    assert {one.info.source_run_id for one in logged} == set(seeded.runs[:2])
    newest = max(one.info.last_updated_timestamp_ms or 0 for one in logged)
    assert await client.registry.logged_models(seeded.experiments, since_ms=newest) == []


async def test_registered_models_come_in_pages_last_changed_first(
    client: TrackingClient, seeded: Seeded
) -> None:
    pages = [page async for page in client.registry.registered_model_pages(page_size=1)]
    changed = [model.last_updated_timestamp or 0 for page in pages for model in page]
    assert len(changed) >= 2
    assert changed == sorted(changed, reverse=True)


async def test_what_the_server_is_can_be_asked(client: TrackingClient) -> None:
    await client.access.health()
    assert (await client.access.version()).startswith("3.")
    assert (await client.access.server_info()).store_type == "SqlStore"
    identity = await client.access.whoami()
    assert (identity.username, identity.auth) == ("", "none")
    assert (await client.access.permissions()).known is False


async def test_a_host_name_that_the_server_does_not_know_is_explained(
    mlflow_server: MlflowServer,
) -> None:
    transport = httpx.AsyncHTTPTransport()

    async def under_another_name(request: httpx.Request) -> httpx.Response:
        request.headers["Host"] = "mlflow.example.org"
        return await transport.handle_async_request(request)

    async with TrackingClient(
        mlflow_server.url, transport=httpx.MockTransport(under_another_name)
    ) as client:
        with pytest.raises(TrackingOffline, match="--allowed-hosts"):
            await client.search_experiments()
    await transport.aclose()


def test_the_seed_is_the_same_each_time(mlflow_template: Path, tmp_path: Path) -> None:
    plan = SeedPlan(runs=50, experiments=2)
    copies = [tmp_path / "one.db", tmp_path / "two.db"]
    for copy in copies:
        copy.write_bytes(mlflow_template.read_bytes())
    assert seed_database(copies[0], plan) == seed_database(copies[1], plan)
