"""What commands say of the engine, of who sends, and of servers that give no sense."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mantik_tui import main
from mantik_tui.cli import sync as cli_sync
from mantik_tui.cli.engine import _fields
from mantik_tui.domain.outbox import EntryKind, EntryState
from mantik_tui.store.connect import Store
from mantik_tui.store.holder import STALE_MS, boot_id
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.writes import outbox
from mantik_tui.sync import inside
from mantik_tui.sync.secrets import Secrets
from mantik_tui.workspace import session as sessions
from mantik_tui.workspace.session import open_session
from mantik_tui.workspace.status import sending_host, waiting_words
from tests.support.command import command, no_engine
from tests.support.store_fill import fill_store

HERE = os.uname().nodename


@pytest.fixture
def store(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    no_engine(monkeypatch)
    fill_store(isolated_home / "mantik.db", projects=1, runs=5)
    made = Store(isolated_home / "mantik.db")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("waiting", "blocked", "words"),
    [
        (0, 0, "nothing"), (1, 0, "1 waits"), (3, 0, "3 wait"), (0, 1, "1 needs you"), (0, 2, "2 need you"),
        (3, 1, "3 wait, 1 needs you"),
    ],
)  # fmt: skip
def test_what_waits_is_said_without_contradiction(waiting: int, blocked: int, words: str) -> None:
    assert waiting_words(waiting, blocked) == words
    told: dict[str, object] = dict.fromkeys(
        ("pid", "version", "sends", "sender", "keep", "clients", "demo", "secrets", "log"), ""
    )
    assert ("outbox", words) in _fields({**told, "waiting": waiting, "blocked": blocked})


async def test_the_keyring_is_asked_once_before_it_is_named(tmp_path: Path) -> None:
    """The tests' keyring answers nothing: then the file is what is used."""
    secrets = Secrets(tmp_path / "secrets.toml")
    assert await secrets.place() == f"file {tmp_path / 'secrets.toml'}"
    asked: list[object] = []

    async def keyring(use: object) -> None:
        asked.append(use)

    again = Secrets(tmp_path / "secrets.toml")
    again._keyring = keyring  # type: ignore[method-assign]
    again._asked = True
    assert await again.place() == "keyring"
    assert asked == []


def hold_lease(store: Store, host: str, boot: str, renewed_ms: int, pid: int = 1) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, 1, ?)", (host, boot, pid, renewed_ms)
        )


def test_the_host_that_sends_is_named_if_it_is_another_one(store: Store) -> None:
    session = open_session(now_ms=lambda: 10 * STALE_MS)
    now = session.now_ms()
    assert sending_host(session) == ""
    hold_lease(store, "login2", "b", now)
    assert sending_host(session) == "login2"
    hold_lease(store, "login2", "b", now - STALE_MS)
    assert sending_host(session) == ""
    hold_lease(store, "login2", "b", now, pid=0)
    assert sending_host(session) == ""
    hold_lease(store, HERE, boot_id(), now)
    assert sending_host(session) == ""
    session.close()


def test_commands_say_which_host_sends(store: Store) -> None:
    hold_lease(store, "login2", "b", open_session().now_ms() + STALE_MS)
    done = command("outbox", "list")
    assert "The engine on login2 sends what waits" in done.err
    assert command("outbox", "list", "--json").json == []


def test_a_server_that_is_none_has_the_exit_code_that_login_gives_it() -> None:
    assert cli_sync.EXIT_CODES["not mlflow"] == 4
    assert cli_sync.EXIT_CODES.get("refused", cli_sync.REFUSED) == 6


def test_lists_say_why_nothing_was_read(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(
            "UPDATE workspace SET round_ms = NULL, state = 'not mlflow', reason = 'a login page came'"
        )
    done = command("projects", "list")
    assert "Nothing was read from hpc-group yet: not mlflow (a login page came)" in done.err


def in_doubt(store: Store) -> str:
    with store.transaction() as connection:
        workspace = connection.execute("SELECT id FROM workspace").fetchone()[0]
        run = connection.execute("SELECT id FROM run LIMIT 1").fetchone()[0]
        entry = outbox.add_entry(
            connection, workspace_id=workspace, kind=EntryKind.SUBMIT, target="run:x", run_id=run,
            what="submit mine", now_ms=1, payload={"in_doubt": True},
        )  # fmt: skip
        connection.execute("UPDATE outbox SET state = 'unsure' WHERE id = ?", (entry,))
    return entry


@pytest.mark.parametrize(
    ("choice", "state"), [("again", EntryState.PENDING), ("drop", EntryState.CANCELLED)]
)
def test_a_submission_in_doubt_is_settled_by_a_person(
    store: Store, choice: str, state: EntryState
) -> None:
    entry = in_doubt(store)
    refused = command("outbox", "resolve", entry[-12:], "mine")
    assert (refused.code, get_entry(store.connection, entry).state) == (6, EntryState.UNSURE)
    done = command("outbox", "resolve", entry[-12:], choice)
    assert (done.code, done.err) == (0, f"submit mine: settled, {choice}\n")
    assert get_entry(store.connection, entry).state is state
    assert command("outbox", "resolve", entry[-12:], choice).code == 6


def test_the_program_starts_engines_inside_where_no_process_can_be_made(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The composition root gives its way of starting to every session of app and commands."""
    fill_store(isolated_home / "mantik.db", projects=1, runs=5)
    started: list[str] = []
    given: list[Any] = []
    monkeypatch.setattr(inside, "spawn_or_inside", lambda: started.append("engine"))
    original = sessions.open_session

    def opened(*args: Any, **kwargs: Any) -> Any:
        given.append(kwargs.get("spawn"))
        return original(*args, **kwargs)

    monkeypatch.setattr(sessions, "open_session", opened)
    assert main.main(["projects", "list"]) == 0
    assert given == [main.start_engine]
    main.start_engine()
    assert started == ["engine"]
