"""Logins and permissions against a real MLflow server with users."""

from __future__ import annotations

import pytest

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import Forbidden
from mantik_tui.domain.errors import NeedsLogin
from mantik_tui.domain.ids import new_id
from tests.support.mlflow_server import MlflowServer, password_of

pytestmark = pytest.mark.server


def as_user(server: MlflowServer, user: str) -> TrackingClient:
    return TrackingClient(server.url, Login(user, password_of(user)))


async def test_a_good_login_tells_who_we_are_in_one_request(auth_server: MlflowServer) -> None:
    async with as_user(auth_server, "alice") as alice:
        found = await alice.access.whoami()
        assert (found.username, found.is_admin, found.auth) == ("alice", False, "basic")
        assert alice.counters.requests == 1
        assert (await alice.access.version()).startswith("3.")


async def test_a_login_in_the_address_works_and_is_not_shown(auth_server: MlflowServer) -> None:
    inline = auth_server.url.replace("://", f"://alice:{password_of('alice')}@")
    async with TrackingClient(inline) as alice:
        assert (await alice.access.whoami()).username == "alice"
        assert (
            password_of("alice")
            not in alice.address.url + repr(alice.wire.login) + alice.wire.where
        )


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Login(), "asks for a login"),
        (Login("alice", "not-hers"), "User or password is wrong: alice at"),
        (Login("nobody", "not-hers"), "User or password is wrong: nobody at"),
        (Login(token="no-token"), "does not take this token"),
    ],
)
async def test_a_wrong_login_is_said_to_be_one(
    auth_server: MlflowServer, login: Login, words: str
) -> None:
    async with TrackingClient(auth_server.url, login) as stranger:
        await stranger.access.health()
        with pytest.raises(NeedsLogin) as refused:
            await stranger.access.whoami()
    assert refused.value.hint
    assert words in refused.value.title
    assert "not-hers" not in str(refused.value)
    assert "no-token" not in str(refused.value)


async def test_what_others_own_can_neither_be_read_nor_written(auth_server: MlflowServer) -> None:
    async with as_user(auth_server, "alice") as alice, as_user(auth_server, "bob") as bob:
        experiment = await alice.create_experiment(f"private {new_id()}")
        run = (await alice.create_run(experiment, start_ms=1)).info.run_id
        assert experiment not in {one.experiment_id for one in await bob.search_experiments()}
        for attempt in (
            bob.get_experiment(experiment),
            bob.get_run(run),
            bob.set_tag(run, "a", "b"),
        ):
            with pytest.raises(Forbidden, match="Permission denied"):
                await attempt


async def test_lost_access_looks_empty_and_no_error(auth_server: MlflowServer) -> None:
    async with as_user(auth_server, "alice") as alice, as_user(auth_server, "bob") as bob:
        experiment = await alice.create_experiment(f"shared {new_id()}")
        await alice.create_run(experiment, start_ms=1)
        auth_server.grant("bob", experiment, "READ", by="alice")
        assert len((await bob.search_runs([experiment])).runs) == 1
        assert (await bob.access.permissions()).of_experiment(experiment) == "READ"
        with pytest.raises(Forbidden):
            await bob.create_run(experiment, start_ms=1)
        auth_server.revoke("bob", experiment, by="alice")
        page = await bob.search_runs([experiment])
        assert (page.runs, page.next_offset) == ([], None)
        assert experiment not in {one.experiment_id for one in await bob.search_experiments()}


async def test_all_experiments_of_a_user_are_found_though_pages_are_filtered(
    auth_server: MlflowServer,
) -> None:
    async with as_user(auth_server, "alice") as alice, as_user(auth_server, "bob") as bob:
        for number in range(5):
            await alice.create_experiment(f"hidden {number} {new_id()}")
            mine = await bob.create_experiment(f"seen {number} {new_id()}")
        found = {one.experiment_id for one in await bob.search_experiments(page_size=2)}
        assert mine in found
        assert (
            len(
                [
                    one
                    for one in await bob.search_experiments(page_size=2)
                    if one.name.startswith("seen")
                ]
            )
            >= 5
        )
        assert not [one for one in await bob.search_experiments() if one.name.startswith("hidden")]


async def test_permissions_are_told_for_ourselves(auth_server: MlflowServer) -> None:
    async with as_user(auth_server, "alice") as alice, as_user(auth_server, "admin") as admin:
        experiment = await alice.create_experiment(f"mine {new_id()}")
        mine = await alice.access.permissions()
        assert (mine.known, mine.of_experiment(experiment), mine.of_experiment("999999")) == (
            True,
            "MANAGE",
            "",
        )
        assert (await admin.access.permissions()).of_experiment(experiment) == "MANAGE"
