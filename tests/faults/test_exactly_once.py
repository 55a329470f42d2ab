"""The real engine, and the real job script, killed with -9 at each step: always exactly one training, and its end is known.

Every point has a home of its own: the run is queued, the engine is started and dies at the point, an engine is started
again, and when nothing is left to do, both sides are compared. Homes are worked through a few at a time.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mantik_tui.backends.compute.job_script import KILL_POINTS
from mantik_tui.domain.errors import Conflict
from mantik_tui.domain.ids import job_name
from mantik_tui.store.reads.jobs import open_entries
from mantik_tui.sync import jobs, submit
from mantik_tui.workspace import outbox
from mantik_tui.workspace.runs import cancel
from tests.support.compute import processes_of
from tests.support.engine import (
    EngineHome,
    an_engine_home,
    artifact_names,
    runs_on_server,
    tags_of,
    until,
)
from tests.support.mlflow_server import MlflowServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.acceptance("first-flight.5"),
    pytest.mark.timeout(900),
]

AT_A_TIME = 4
BETWEEN = 3.0
"""Seconds that a training takes which must still run when something happens to it."""

_LATER = ("looked-up-once", "looked-up-twice", "before-resubmit", "found", "claim-released")
"""Points that only come after an interruption or a refusal."""
ENGINE_ONCE = [
    point for point in (*submit.CHECKPOINTS, *jobs.CHECKPOINTS) if point not in _LATER
] + ["status-told", "end-told"]
ENGINE_TWICE = [
    ("claimed", "looked-up-once"),
    ("claimed", "looked-up-twice"),
    ("claimed", "before-resubmit"),
    ("before-submit", "before-submit"),
    ("claim-signed", "submitted"),
    ("submitted", "found"),
    ("job-id-written", "submit-noted"),
    ("run-created", "run-looked-up"),
]
BOTH = ["claimed,job:born", "submitted,job:forked", "job-id-written,job:before-ended"]
"""The engine dies, and so does the job's script."""
SCRIPT = [f"job:{point}" for point in KILL_POINTS]
BEFORE_THE_TRAINING = ("job:born", "job:owned", "job:waiting", "job:slot", "job:started")
ENDS = ["term", "kill-script", "kill-training", "raise", "cancel"]


def names() -> list[str]:
    points = [*ENGINE_ONCE, "refused", *(f"{a}+{b}" for a, b in ENGINE_TWICE), *BOTH, *SCRIPT]
    return points + [f"end:{end}" for end in ENDS]


@dataclass
class Told:
    """What was found when nothing was left to do."""

    trainings: int
    runs: list[dict[str, Any]]
    artifacts: set[str]
    local: tuple[Any, ...]
    """Status, job state, cause, server id of the one local run with our id."""
    states: list[str]
    """States that the job went through, as stored."""
    notices: list[str]
    secrets_left: bool
    seconds: float
    story: str


def go_through(point: str, home: EngineHome, server: MlflowServer) -> Told:
    began = time.monotonic()
    (cid,) = home.cids
    if point.startswith("end:"):
        _meet_an_end(point.removeprefix("end:"), home, cid)
    elif point == "refused":
        _refused_once(home)
    else:
        _die_at(point, home)
    home.start()
    until(home.settled, 90)
    until(lambda: home.rows("SELECT 1 FROM log WHERE complete = 1"), 30)
    runs = runs_on_server(server, cid)
    (local,) = home.rows("SELECT status, job_state, cause, server_id FROM run WHERE cid = ?", cid)
    found = Told(
        home.trainings,
        runs,
        artifact_names(server, runs[0]["info"]["run_id"], "mantik") if runs else set(),
        local,
        [row[0] for row in home.rows("SELECT state FROM job_event ORDER BY id")],
        [row[0] for row in home.rows("SELECT text FROM notice ORDER BY id")],
        (home.run_root / cid / ".mantik" / "env").exists(),
        time.monotonic() - began,
        home.describe(),
    )
    home.kill()
    return found


def _die_at(point: str, home: EngineHome) -> None:
    if point == "job:waiting":
        _wait_for_a_slot_and_die(home)
        return
    for part in point.split("+"):
        engine = home.start(part)
        if part.startswith("job:"):
            # The script dies, not the engine; so the engine is killed at some moment thereafter.
            until(lambda: home.rows("SELECT 1 FROM job WHERE state NOT IN ('queued', 'running')"))
            home.kill()
        else:
            home.dies_by_itself(engine)


def _wait_for_a_slot_and_die(home: EngineHome) -> None:
    """Somebody else holds the only slot."""
    slots = home.run_root / ".mantik-slots"
    slots.mkdir(parents=True)
    with (slots / "slot-1").open("w") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX)
        home.start("job:waiting")
        until(lambda: home.rows("SELECT 1 FROM job WHERE state = 'failed'"))
        home.kill()


def _refused_once(home: EngineHome) -> None:
    """The site refuses the job, and the engine dies when it has given the claim back."""
    in_the_way = home.run_root / ".mantik-slots"
    home.run_root.mkdir(exist_ok=True)
    in_the_way.write_text("a file where a folder is needed")
    home.dies_by_itself(home.start("claim-released"))
    in_the_way.unlink()


def _meet_an_end(end: str, home: EngineHome, cid: str) -> None:
    """The training runs, the engine is killed, and then something happens to the script that nobody sees."""
    home.start()
    until(lambda: home.trainings == 1)
    if end == "cancel":
        session = home.session()
        with home.at_home():
            cancel(session, home.rows("SELECT id FROM run WHERE cid = ?", cid)[0][0])
        return
    home.kill()
    mine = processes_of(job_name(cid))
    leader = next(process for process in mine if os.getsid(process.pid) == process.pid)
    training = next(process for process in mine if "train.py" in " ".join(process.cmdline()))
    if end == "term":
        leader.send_signal(signal.SIGTERM)
    elif end == "kill-script":
        leader.kill()
    elif end == "kill-training":
        training.kill()
    psutil.wait_procs([leader, training], timeout=30)


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest,
    mlflow_server: MlflowServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Told]]]:
    """What came of each chosen point; all are begun at once, some work at a time."""
    wanted = [
        str(item.callspec.params["point"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and "point" in getattr(getattr(item, "callspec", None), "params", {})
    ]
    base = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(AT_A_TIME) as pool:
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        # Submitting reads this process's environment, so that it comes first and one by one.
        homes = {
            point: _queued(base / str(number), point, mlflow_server)
            for number, point in enumerate(wanted)
        }
        results = {
            point: pool.submit(_closing, point, home, mlflow_server)
            for point, home in homes.items()
        }
        yield results
        for result in results.values():
            result.cancel()


def _queued(folder: Path, point: str, server: MlflowServer) -> EngineHome:
    home = EngineHome(folder, server.url, slots=1)
    folder.mkdir()
    home.set_up()
    mode = "raise" if point == "end:raise" else "good"
    seconds = BETWEEN if point.startswith("end:") else 0.0
    session = home.session()
    home.submit(session, mode=mode, seconds=str(seconds))
    return home


def _closing(point: str, home: EngineHome, server: MlflowServer) -> Told:
    try:
        return go_through(point, home, server)
    except BaseException as error:
        raise AssertionError(f"{point}: {error!r}\n{home.describe()}") from error
    finally:
        home.close()


def test_there_are_enough_points() -> None:
    assert len(set(names())) >= 40


@pytest.mark.parametrize("point", names())
def test_one_training_whose_end_is_known(told: dict[str, Future[Told]], point: str) -> None:
    found = told[point].result()
    job_states = " → ".join(found.states)
    print(f"{point}: {found.trainings} trained, {found.local}, {job_states}, {found.seconds:.0f} s")
    assert found.trainings == (0 if _script_died(point) in BEFORE_THE_TRAINING else 1), found.story
    (run,) = found.runs
    status, job_state, cause, server_id = found.local
    assert server_id == run["info"]["run_id"]
    assert run["info"]["status"] == status, found.story
    assert tags_of(run)["mantik.cid"]
    assert run["info"].get("end_time"), "the server knows when it ended"
    assert (status, job_state) == _expected(point), found.story
    assert bool(cause) == (status != "FINISHED"), found.story
    assert found.artifacts >= {"mantik/manifest", "mantik/job.sh", "mantik/spec.json"}
    assert not found.secrets_left
    ends = [text for text in found.notices if status in text]
    assert len(ends) == 1, f"its end is told once: {found.notices}"


def _script_died(point: str) -> str:
    """Where the job's script died; empty if it did not."""
    return next((part for part in point.split(",") if part.startswith("job:")), "")


def _expected(point: str) -> tuple[str, str]:
    if point in ("end:term", "end:cancel"):
        return "KILLED", "cancelled"
    failing = ("end:kill-script", "end:kill-training", "end:raise")
    # A script that dies after it wrote its last record has told all.
    if point in failing or _script_died(point) not in ("", "job:ended"):
        return "FAILED", "failed"
    return "FINISHED", "finished"


@pytest.mark.parametrize("choice", ["again", "drop"])
def test_where_nobody_can_tell_a_person_decides(
    isolated_home: Path, mlflow_server: MlflowServer, choice: str
) -> None:
    """An engine on another host claimed the run folder and was never heard of again."""
    with an_engine_home(isolated_home, mlflow_server.url) as home:
        session = home.session()
        done = home.submit(session)
        home.dies_by_itself(home.start("submit-begin"))
        claim = home.run_root / done.cid / ".mantik" / "claim"
        claim.mkdir()
        (claim / "by").write_text("host=another-login-node\n")
        home.start()
        until(lambda: [e for e in session.read(open_entries) if "another-login-node" in e.error])
        (entry,) = session.read(open_entries)
        assert entry.state == "unsure"
        with pytest.raises(Conflict, match="may have been sent"):
            outbox.take_back(session, entry.id)
        outbox.decide(session, entry.id, choice)
        until(session.engine.connect)
        session.engine.notify("written")
        until(home.settled)
        (run,) = runs_on_server(mlflow_server, done.cid)
        wanted = ("FINISHED", 1) if choice == "again" else ("KILLED", 0)
        assert (run["info"]["status"], home.trainings) == wanted
