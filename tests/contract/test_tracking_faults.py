"""The tracking client behind a network that misbehaves, before a real MLflow server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import NotMlflow, TrackingOffline
from mantik_tui.backends.tracking.wire import Timeouts
from mantik_tui.domain.errors import NeedsLogin
from mantik_tui.domain.ids import new_id
from tests.support.faulty_proxy import FaultyProxy
from tests.support.fixtures import NewServer
from tests.support.mlflow_server import free_port

pytestmark = pytest.mark.server


@pytest.fixture
async def client(faulty_proxy: FaultyProxy) -> AsyncIterator[TrackingClient]:
    async with TrackingClient(faulty_proxy.url, timeouts=Timeouts(5, 2)) as found:
        yield found


async def test_a_portal_s_page_is_no_answer(
    client: TrackingClient, faulty_proxy: FaultyProxy
) -> None:
    faulty_proxy.answer_html()
    for attempt in (
        client.access.health(),
        client.search_runs(["0"]),
        client.access.whoami(),
        client.access.version(),
    ):
        with pytest.raises(NotMlflow, match="hotel's network"):
            await attempt
    faulty_proxy.heal()
    await client.access.health()


async def test_a_login_that_ends_in_the_middle_is_noticed(
    client: TrackingClient, faulty_proxy: FaultyProxy
) -> None:
    faulty_proxy.answer_status(401, "You are not authenticated", after=2)
    assert await client.search_experiments(page_size=1000)
    await client.search_runs(["0"])
    with pytest.raises(NeedsLogin, match="not authenticated"):
        await client.search_runs(["0"])
    assert faulty_proxy.count == 3


async def test_a_busy_server_says_when_to_come_again(
    client: TrackingClient, faulty_proxy: FaultyProxy
) -> None:
    faulty_proxy.answer_status(503, "later", headers=(("Retry-After", "7"),))
    with pytest.raises(TrackingOffline) as busy:
        await client.search_experiments()
    assert busy.value.retry_after_s == 7


@pytest.mark.parametrize("after_bytes", [0, 40, 300])
async def test_a_cut_answer_is_no_answer(
    client: TrackingClient, faulty_proxy: FaultyProxy, after_bytes: int
) -> None:
    faulty_proxy.cut(after_bytes)
    with pytest.raises(TrackingOffline) as cut:
        await client.search_experiments()
    assert cut.value.maybe_sent is True


async def test_a_write_whose_answer_is_lost_may_have_happened(
    client: TrackingClient, faulty_proxy: FaultyProxy
) -> None:
    experiment, cid = await client.create_experiment(f"lost {new_id()}"), new_id()
    faulty_proxy.lose_answers(only=lambda seen: seen.path.endswith("runs/create"))
    with pytest.raises(TrackingOffline) as lost:
        await client.create_run(experiment, tags={"mantik.cid": cid}, start_ms=1)
    assert lost.value.maybe_sent is True
    assert len(await client.runs_with_tag([experiment], "mantik.cid", cid)) == 1


async def test_silence_ends_by_the_time_limit(
    client: TrackingClient, faulty_proxy: FaultyProxy
) -> None:
    faulty_proxy.black_hole()
    with pytest.raises(TrackingOffline, match="no answer in time"):
        await client.search_experiments()


async def test_a_request_can_be_given_up(client: TrackingClient, faulty_proxy: FaultyProxy) -> None:
    faulty_proxy.black_hole()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.search_experiments(), 0.2)
    faulty_proxy.heal()
    assert await client.search_experiments()


async def test_nobody_listening_means_nothing_was_sent() -> None:
    async with TrackingClient(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(TrackingOffline, match="does not answer") as offline:
            await client.create_run("0", start_ms=1)
    assert offline.value.maybe_sent is False


async def test_a_server_that_was_killed_and_restarted_is_used_again(
    new_mlflow_server: NewServer,
) -> None:
    server = new_mlflow_server().start()
    async with TrackingClient(server.url) as client:
        experiment = await client.create_experiment("before")
        server.kill()
        with pytest.raises(TrackingOffline):
            await client.search_experiments()
        server.start()
        assert experiment in {one.experiment_id for one in await client.search_experiments()}
