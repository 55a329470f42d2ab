"""What engine and clients say to each other, and what a client does when the engine is old, gone, or can't be started."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mantik_tui import __version__, paths
from mantik_tui.domain.errors import EngineProblem, NotFound, Refused
from mantik_tui.store import connect
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.jobs import unseen_notices
from mantik_tui.sync import client as client_module
from mantik_tui.sync import engine as engine_module
from mantik_tui.sync import inside, requests
from mantik_tui.sync.client import EngineLink
from mantik_tui.sync.context import Engine
from mantik_tui.sync.hub import Client, Hub
from mantik_tui.sync.inside import InsideEngine
from mantik_tui.sync.wire import MAX_LINE, pack, unpack
from tests.support.engine import no_engine, until

pytestmark = pytest.mark.usefixtures("isolated_home")


@pytest.fixture
def engines() -> Iterator[list[InsideEngine]]:
    """Engines in threads of this process; those that a test put here end with it."""
    made: list[InsideEngine] = []
    yield made
    for engine in made:
        engine.stop()
        assert not engine.alive
    for suffix in (".sock", ".lock"):
        paths.socket_path().with_suffix(suffix).unlink(missing_ok=True)


def spawning(engines: list[InsideEngine]) -> Callable[[], None]:
    def spawn() -> None:
        engine = InsideEngine()
        engines.append(engine)
        engine.start()

    return spawn


@pytest.fixture
def link(engines: list[InsideEngine]) -> Iterator[EngineLink]:
    made = EngineLink(spawning(engines))
    yield made
    made.close()


def test_the_engine_is_started_when_it_is_needed_and_found_again(
    link: EngineLink, engines: list[InsideEngine]
) -> None:
    assert not link.connect()
    link.ensure()
    assert link.engine["version"] == __version__
    assert link.engine["sends"] is True
    link.ensure()
    second = EngineLink(no_engine)
    assert second.connect()
    assert second.request("status")["clients"] == 2
    second.close()
    assert len(engines) == 1


def test_the_socket_is_closed_to_others(link: EngineLink) -> None:
    link.ensure()
    assert paths.socket_path().stat().st_mode & 0o777 == 0o600


def test_errors_arrive_as_what_they_are(link: EngineLink) -> None:
    link.ensure()
    with pytest.raises(Refused, match="does not know 'fly'"):
        link.request("fly")
    with pytest.raises(NotFound, match="no such workspace"):
        link.request("refresh", workspace=77)
    with pytest.raises(EngineProblem, match="went wrong"):
        link.request("refresh")  # an argument is missing: a defect of the caller


def test_many_threads_that_need_the_engine_at_once_start_one(
    link: EngineLink, engines: list[InsideEngine]
) -> None:
    threads = [threading.Thread(target=link.ensure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(engines) == 1
    assert link.request("status")["clients"] == 1


def test_an_older_engine_is_replaced(
    engines: list[InsideEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[dict[str, Any]] = []
    hello = requests.hello

    async def says_its_age(engine: Engine, client: Client, args: dict[str, Any]) -> dict[str, Any]:
        said = await hello(engine, client, args)
        return {**said, "version": "0.0.1"} if engine is engines[0]._engine else said

    monkeypatch.setitem(requests.VERBS, "hello", says_its_age)
    spawning(engines)()
    old = EngineLink(no_engine, events.append)
    old.connect()
    assert old.engine["version"] == "0.0.1"
    old.notify("watch", runs=[1])
    new = EngineLink(spawning(engines))
    new.ensure()
    assert new.engine["version"] == __version__
    assert [engine.alive for engine in engines] == [False, True]
    until(lambda: {"event": "engine-lost"} in events)
    # Who was connected to the old one finds the new one.
    assert old.connect()
    assert old.engine["version"] == __version__
    for each in (old, new):
        each.close()


def test_a_lost_engine_is_told_and_nobody_waits_for_its_answers(
    engines: list[InsideEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[dict[str, Any]] = []
    asked = threading.Event()

    async def never(*_args: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setitem(requests.VERBS, "never", never)
    link = EngineLink(spawning(engines), events.append)
    link.ensure()
    problems: list[Exception] = []

    def wait() -> None:
        try:
            link.request("never")
        except EngineProblem as error:
            problems.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    asked.wait(10)
    engines[0].stop()
    thread.join(10)
    assert "went away" in str(problems[0])
    assert {"event": "engine-lost"} in events
    assert not link.connected
    with pytest.raises(EngineProblem, match="not running"):
        link.request("status")
    link.ensure()
    assert link.request("status")["pid"]
    link.close()


def test_closing_answers_who_still_waits(link: EngineLink, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    async def never(*_args: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setitem(requests.VERBS, "never", never)
    link.ensure()

    def close_then() -> None:
        asked.wait(10)
        link.close()

    threading.Thread(target=close_then).start()
    with pytest.raises(EngineProblem, match="was closed"):
        link.request("never")


def test_what_was_watched_is_watched_again_after_a_new_connection(
    link: EngineLink, engines: list[InsideEngine]
) -> None:
    link.ensure()
    link.notify("watch", runs=[5], log=5)
    engines[0].stop()
    until(lambda: not link.connected)
    link.ensure()
    hub = engines[1]._engine
    assert hub is not None
    until(lambda: hub.hub.watched_runs == {5} and hub.hub.watched_logs == {5})


def test_an_engine_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    link = EngineLink(no_engine)
    with pytest.raises(EngineProblem, match="could not be started"):
        link.ensure()
    mute = EngineLink(lambda: None)
    with pytest.raises(EngineProblem, match="does not answer") as error:
        mute.ensure(timeout_s=0.2)
    assert str(paths.log_dir()) in error.value.hint


def test_where_no_process_can_be_made_the_engine_runs_inside(
    monkeypatch: pytest.MonkeyPatch, engines: list[InsideEngine]
) -> None:
    def no_process() -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    def remember() -> InsideEngine:
        engines.append(inside_engine())
        return engines[-1]

    inside_engine = inside.engine_in_thread
    monkeypatch.setattr(inside, "spawn_process", no_process)
    monkeypatch.setattr(inside, "engine_in_thread", remember)
    link = EngineLink(inside.spawn_or_inside)
    link.ensure()
    assert link.engine["sends"] is True
    assert link.request("status")["waiting"] == 0
    link.close()
    engines[0].stop()
    assert not EngineLink(no_engine).connect()


def test_a_second_engine_of_a_home_leaves_at_once(
    link: EngineLink, engines: list[InsideEngine]
) -> None:
    link.ensure()
    second = InsideEngine()
    second.start()
    second.stop()
    assert not second.alive
    assert engines[0].alive
    assert engine_module.run_engine() == 0


def test_an_engine_that_is_about_to_end_is_waited_for(engines: list[InsideEngine]) -> None:
    """The socket is gone and the lock still held, as while an engine drains."""
    lock = engine_module.take_lock()
    assert lock is not None
    threading.Timer(0.3, lock.close).start()
    link = EngineLink(spawning(engines))
    link.ensure()
    assert link.engine["sends"] is True
    link.close()


def test_a_database_on_a_network_file_system_is_told_of_once(
    engines: list[InsideEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "file_system_of", lambda _path: "nfs4")
    monkeypatch.setattr(engine_module, "file_system_of", lambda _path: "nfs4")
    for _ in range(2):
        link = EngineLink(spawning(engines))
        link.ensure()
        link.close()
        engines[-1].stop()
    store = Store(paths.database())
    assert store.journal_mode() == "delete"
    notices = unseen_notices(store.connection)
    store.close()
    assert len(notices) == 1
    assert "nfs4" in notices[0].text and "MANTIK_TUI_HOME" in notices[0].text


async def _answer(_client: Client, verb: str, args: dict[str, Any]) -> Any:
    return {"verb": verb, **args}


async def test_lines_that_are_no_messages_end_the_connection_and_nothing_else(
    tmp_path: Path,
) -> None:
    hub = Hub(_answer)
    path = Path(paths.socket_path())
    await hub.listen(path)
    for nonsense in (b"hello\n", b"[1]\n", b"x" * (MAX_LINE + 10) + b"\n"):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(nonsense)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(pack({"id": 1, "verb": "echo", "args": {"a": 1}}))
    assert unpack(await reader.readline()) == {"id": 1, "result": {"verb": "echo", "a": 1}}
    writer.close()
    await hub.close()
    path.unlink(missing_ok=True)


async def test_notices_are_gathered_and_a_client_that_does_not_read_is_dropped() -> None:
    hub = Hub(_answer)
    path = Path(paths.socket_path())
    await hub.listen(path)
    reader, writer = await asyncio.open_unix_connection(str(path))
    slow_reader, slow_writer = await asyncio.open_unix_connection(str(path), limit=1)
    while len(hub.clients) < 2:
        await asyncio.sleep(0)
    hub.publish("run")
    hub.publish("job", "run")
    assert unpack(await reader.readline()) == {"event": "changed", "tables": ["job", "run"]}

    async def drain() -> None:
        while await reader.readline():
            pass

    draining = asyncio.create_task(drain())
    async with asyncio.timeout(20):
        while len(hub.clients) == 2:
            hub.say({"event": "progress", "text": "x" * 100_000})
            await asyncio.sleep(0)
    (left,) = hub.clients
    assert left.writer.get_extra_info("peername") == writer.get_extra_info("sockname")
    draining.cancel()
    slow_reader.feed_eof()
    for each in (writer, slow_writer):
        each.close()
    await hub.close()
    path.unlink(missing_ok=True)


def test_a_hello_that_is_not_answered_counts_as_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    path = paths.socket_path()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        monkeypatch.setattr(client_module, "HELLO_TIMEOUT_S", 0.2)
        link = EngineLink(no_engine)
        assert not link.connect()
        assert not link.connected
    path.unlink()
