"""Server stopped, engine killed, answers lost: what was done waits, says why, and goes out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.outbox import Entry
from mantik_tui.store.reads.jobs import open_entries
from mantik_tui.store.reads.runs import get_run
from mantik_tui.workspace import outbox, runs
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.status import read_status
from mantik_tui.workspace.submit import Submitted
from tests.support.engine import EngineHome, an_engine_home, runs_on_server, tags_of, until
from tests.support.faulty_proxy import FaultyProxy, Seen
from tests.support.fixtures import NewServer
from tests.support.mlflow_server import MlflowServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.acceptance("first-flight.4"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def home(isolated_home: Path, mlflow_server: MlflowServer) -> Iterator[EngineHome]:
    with an_engine_home(isolated_home, mlflow_server.url) as made:
        yield made


def waiting(session: Session) -> list[Entry]:
    return session.read(open_entries)


def tag_on_server(server: MlflowServer, run: dict[str, Any], key: str, value: str) -> None:
    body = {"run_id": run["info"]["run_id"], "key": key, "value": value}
    server.call("POST", "/api/2.0/mlflow/runs/set-tag", body)


def finished(home: EngineHome, session: Session, **params: str) -> Submitted:
    """A run of ours that has ended and is the same on both sides."""
    done = home.submit(session, **params)
    home.start()
    until(home.settled, wake=home.wake)
    return done


def test_what_is_done_offline_goes_out_once_when_the_server_returns(
    isolated_home: Path, new_mlflow_server: NewServer
) -> None:
    server = new_mlflow_server()
    server.start()
    with an_engine_home(isolated_home, server.url) as home:
        session = home.session()
        first = finished(home, session)
        home.kill()
        server.stop()

        second = home.submit(session)
        runs.set_note(session, first.run_id, "written on the train")
        runs.rename(session, first.run_id, "the-good-one")
        runs.set_tag(session, second.run_id, "label", "best")
        # No engine, no server: all of it is here at once, and waits.
        run = session.read(get_run, first.run_id)
        assert (run.note, run.name, run.pending) == ("written on the train", "the-good-one", 2)
        assert len(waiting(session)) == 4

        home.start()
        until(lambda: read_status(session).state == "offline", wake=home.wake)
        until(lambda: all(entry.error for entry in waiting(session) if entry.kind == "submit"))
        status = read_status(session)
        assert status.reason, "why it is offline is said in words"
        assert status.unsent == 4
        (submission,) = [entry for entry in waiting(session) if entry.kind == "submit"]
        assert "127.0.0.1" in submission.error, submission.error
        assert home.trainings == 1
        home.kill()  # in the middle of its tries
        home.start()

        server.start()
        until(home.settled, 120)
        assert home.trainings == 2
        (there,) = runs_on_server(server, first.cid)
        assert there["info"]["run_name"] == "the-good-one"
        assert tags_of(there)["mlflow.note.content"] == "written on the train"
        (other,) = runs_on_server(server, second.cid)
        assert other["info"]["status"] == "FINISHED"
        assert tags_of(other)["label"] == "best"
        until(lambda: read_status(session).state == "live", wake=home.wake)


def calls(path: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.path.endswith(path)


@pytest.mark.parametrize(
    "call", ["experiments/create", "runs/create", "runs/update", "runs/search", "experiments/get"]
)
def test_a_lost_answer_makes_no_second_run(
    isolated_home: Path, faulty_proxy: FaultyProxy, mlflow_server: MlflowServer, call: str
) -> None:
    with an_engine_home(isolated_home, faulty_proxy.url) as home:
        session = home.session()
        done = home.submit(session)
        faulty_proxy.lose_answers(
            times=2, only=calls(call) if "get" not in call else lambda s: call in s.path
        )
        home.start()
        until(home.settled, 90)
        (run,) = runs_on_server(mlflow_server, done.cid)
        assert run["info"]["status"] == "FINISHED"
        assert home.trainings == 1


def test_a_submission_that_never_left_is_taken_back_without_a_trace(
    isolated_home: Path, new_mlflow_server: NewServer
) -> None:
    server = new_mlflow_server()  # not started
    with an_engine_home(isolated_home, server.url) as home:
        session = home.session()
        done = home.submit(session)
        home.start()
        until(lambda: any(entry.error for entry in waiting(session)), wake=home.wake)
        until(lambda: all(entry.state == "pending" for entry in waiting(session)))
        assert runs.cancel(session, done.run_id) == "taken back"
        assert not waiting(session)
        assert not home.rows("SELECT 1 FROM run")
        assert home.trainings == 0


def test_a_lost_creation_that_is_taken_back_leaves_no_run_that_looks_alive(
    isolated_home: Path, faulty_proxy: FaultyProxy, mlflow_server: MlflowServer
) -> None:
    with an_engine_home(isolated_home, faulty_proxy.url) as home:
        session = home.session()
        done = home.submit(session)
        faulty_proxy.lose_answers(times=None, only=calls("runs/create"))
        home.start()
        until(lambda: runs_on_server(mlflow_server, done.cid))
        home.kill()
        # Restart with the server silent, so that nothing is looked up before it is taken back.
        faulty_proxy.answer_status(503)
        home.start()
        until(lambda: read_status(session).state == "offline", wake=home.wake)
        until(lambda: all(e.state == "pending" and e.error for e in waiting(session)))
        assert runs.cancel(session, done.run_id) == "taken back"
        faulty_proxy.heal()
        until(home.settled, 90)
        statuses = [run["info"]["status"] for run in runs_on_server(mlflow_server, done.cid)]
        assert statuses and set(statuses) == {"KILLED"}
        assert home.trainings == 0


@pytest.mark.parametrize("choice", ["mine", "theirs", "both"])
def test_a_conflict_shows_both_values_and_a_person_settles_it(
    home: EngineHome, mlflow_server: MlflowServer, choice: str
) -> None:
    session = home.session()
    done = finished(home, session)
    home.kill()
    (run,) = runs_on_server(mlflow_server, done.cid)
    runs.set_tag(session, done.run_id, "verdict", "mine")
    tag_on_server(mlflow_server, run, "verdict", "theirs")
    home.start()
    until(lambda: [entry for entry in waiting(session) if entry.state == "blocked"], wake=home.wake)
    (entry,) = waiting(session)
    assert (entry.payload["value"], entry.payload["theirs"]) == ("mine", "theirs")
    assert "theirs" in entry.error
    (run,) = runs_on_server(mlflow_server, done.cid)
    assert tags_of(run)["verdict"] == "theirs", "nothing was overwritten unasked"
    assert session.read(get_run, done.run_id).tags["verdict"] == "mine"

    outbox.resolve(session, entry.id, choice)
    session.engine.connect()
    session.engine.notify("written")
    until(home.settled, wake=home.wake)
    wanted = {"mine": "mine", "theirs": "theirs", "both": "theirs mine"}[choice]
    (run,) = runs_on_server(mlflow_server, done.cid)
    assert tags_of(run)["verdict"] == wanted
    assert session.read(get_run, done.run_id).tags["verdict"] == wanted


def test_on_fields_that_nobody_edited_the_server_wins(
    home: EngineHome, mlflow_server: MlflowServer
) -> None:
    session = home.session()
    done = finished(home, session)
    (run,) = runs_on_server(mlflow_server, done.cid)
    tag_on_server(mlflow_server, run, "verdict", "theirs")
    until(session.engine.connect)
    session.engine.request("reread-run", run_id=done.run_id)
    assert session.read(get_run, done.run_id).tags["verdict"] == "theirs"


def test_a_refused_edit_stays_with_the_servers_reason_until_it_is_changed(
    home: EngineHome, mlflow_server: MlflowServer
) -> None:
    session = home.session()
    done = finished(home, session)
    runs.set_tag(session, done.run_id, "k" * 251, "a key that is longer than MLflow takes")
    until(session.engine.connect)
    session.engine.notify("written")
    until(lambda: [entry for entry in waiting(session) if entry.state == "blocked"], wake=home.wake)
    (entry,) = waiting(session)
    assert "250" in entry.error, entry.error
    assert read_status(session).blocked == 1
    outbox.take_back(session, entry.id)
    assert not waiting(session)
    assert "k" * 251 not in session.read(get_run, done.run_id).tags
    with pytest.raises(MantikError):
        outbox.take_back(session, entry.id)


def test_two_runs_in_a_new_experiment_submitted_offline_share_it(
    isolated_home: Path, new_mlflow_server: NewServer
) -> None:
    """Both make the experiment when the server returns; one of them finds that the other was quicker."""
    server = new_mlflow_server()
    with an_engine_home(isolated_home, server.url) as home:
        session = home.session()
        cids = [home.submit(session).cid for _ in range(3)]
        home.start()
        until(lambda: read_status(session).state == "offline", wake=home.wake)
        server.start()
        until(home.settled, 120)
        experiments = {runs_on_server(server, cid)[0]["info"]["experiment_id"] for cid in cids}
        assert len(experiments) == 1
        rows = home.rows(
            "SELECT e.server_id FROM run r JOIN experiment e ON e.id = r.experiment_id WHERE r.cid IS NOT NULL"
        )
        assert rows == [(experiments.pop(),)] * 3
        assert home.trainings == 3


def test_an_engine_that_is_asked_to_end_gives_its_lease_back(home: EngineHome) -> None:
    """With a window connected and something on its way."""
    session = home.session()
    engine = home.start()
    until(session.engine.connect)
    done = home.submit(session)
    session.engine.notify("written")
    until(lambda: home.rows("SELECT 1 FROM outbox WHERE state <> 'pending'"))
    engine.terminate()
    assert engine.wait(20) == 0, home.talk()
    assert home.rows("SELECT pid, renewed_ms FROM lease") == [(0, 0)]
    until(lambda: not session.engine.connected)
    home.start()
    until(home.settled, 60)
    assert home.trainings == 1
    assert home.job_state(done.cid) == "finished"
