"""A real engine process for tests: a home with a workspace, tiny trainings that are counted, kill -9 at named points."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from mantik_tui import paths
from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.ids import job_name
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import THIS_MACHINE
from mantik_tui.settings import write_profile
from mantik_tui.sync.client import Spawn
from mantik_tui.workspace import submit as verbs
from mantik_tui.workspace.session import Session, open_session
from mantik_tui.workspace.submit import Submitted
from tests.support.compute import processes_of
from tests.support.mlflow_server import MlflowServer

T = TypeVar("T")
DEADLINE_S = 60.0
FAULT = "MANTIK_TUI_FAULT_AT"
ROOT = Path(__file__).parents[2]

TRAIN = '''\
"""Appends a line to a file outside the run folder, so that trainings are counted, and logs one metric by plain REST."""

import json, os, sys, time, urllib.request

marker, mode, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(marker, "a") as file:
    file.write(f"{os.getpid()}\\n")
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 0.5, "timestamp": int(time.time() * 1000), "step": 0}
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    json.dumps(body).encode(),
    {"Content-Type": "application/json"},
)
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).read()
except OSError as error:
    print("no tracking:", error, flush=True)
print("training", flush=True)
time.sleep(seconds)
if mode == "raise":
    raise RuntimeError("the training diverged")
'''
MLPROJECT = """\
name: tiny
entry_points:
  main:
    parameters:
      marker: {type: string}
      mode: {type: string, default: good}
      seconds: {type: float, default: 0}
    command: PYTHON -S train.py {marker} {mode} {seconds}
"""


def until(
    look: Callable[[], T], deadline_s: float = DEADLINE_S, wake: threading.Event | None = None
) -> T:
    """The first true answer of `look`, asked whenever `wake` is set and a few times a second; fails after the deadline."""
    wake = wake or threading.Event()
    end = time.monotonic() + deadline_s
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {deadline_s} s")
        wake.wait(0.05)
        wake.clear()
    return found


def no_engine() -> None:
    """A spawn for clients that are to find no engine."""
    raise OSError("this test starts its engines itself")


@dataclass
class EngineHome:
    """A home with one workspace. Engines are real processes, started and killed by the test."""

    home: Path
    url: str
    slots: int = 4
    engines: list[subprocess.Popen[bytes]] = field(default_factory=list)
    cids: list[str] = field(default_factory=list)
    wake: threading.Event = field(default_factory=threading.Event)
    sessions: list[Session] = field(default_factory=list)

    @property
    def marker(self) -> Path:
        return self.home / "trained"

    @property
    def run_root(self) -> Path:
        return self.home / "runs"

    @property
    def trainings(self) -> int:
        """How many trainings have ever begun in this home."""
        return len(self.marker.read_text().splitlines()) if self.marker.exists() else 0

    def environment(self, fault: str = "") -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MANTIK_")}
        kept |= {"MANTIK_TUI_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        kept |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        return {**kept, FAULT: fault} if fault else kept

    @contextlib.contextmanager
    def at_home(self) -> Iterator[None]:
        """This process's own home, for as long as a test works in several."""
        old = os.environ.get(paths.VARIABLE)
        os.environ[paths.VARIABLE] = str(self.home)
        try:
            yield
        finally:
            if old is None:
                del os.environ[paths.VARIABLE]
            else:
                os.environ[paths.VARIABLE] = old

    def set_up(self, **profile: str) -> None:
        """Write the configuration, and the code of the tiny training."""
        with self.at_home():
            write_profile("workspaces", "test", {"tracking_uri": self.url, **profile})
            write_profile(
                "sites", THIS_MACHINE, {"run_root": str(self.run_root), "slots": self.slots}
            )
        code = self.home / "code"
        code.mkdir(parents=True, exist_ok=True)
        (code / "train.py").write_text(TRAIN)
        (code / "MLproject").write_text(MLPROJECT.replace("PYTHON", sys.executable))

    def session(self, spawn: Spawn = no_engine) -> Session:
        """A person's session, which by itself starts no engine; it wakes `until` whenever the engine says something."""
        with self.at_home():
            session = open_session(spawn=spawn, on_event=lambda _event: self.wake.set())
        self.sessions.append(session)
        return session

    def submit(self, session: Session, **params: str) -> Submitted:
        """Queue the tiny training."""
        config = RunConfig(
            name="tiny",
            code=str(self.home / "code"),
            params={"marker": str(self.marker), **params},
            site=THIS_MACHINE,
            experiment="tiny",
        )
        with self.at_home():
            done = verbs.submit(session, config)
        self.cids.append(done.cid)
        return done

    def start(self, fault: str = "") -> subprocess.Popen[bytes]:
        """An engine process; `fault` names the point at which it or its jobs' scripts kill themselves."""
        with (self.home / "engine.out").open("ab") as out:
            engine = subprocess.Popen(
                [sys.executable, "-m", "mantik_tui.main", "engine", "run"],
                env=self.environment(fault), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.home,
            )  # fmt: skip
        self.engines.append(engine)
        return engine

    def dies_by_itself(self, engine: subprocess.Popen[bytes], deadline_s: float = 150.0) -> None:
        """Waits for an engine that was started with a fault."""
        code = engine.wait(deadline_s)
        assert code == -signal.SIGKILL, f"the engine ended with {code}: {self.talk()}"

    def kill(self) -> None:
        """kill -9 to every engine of this home."""
        for engine in self.engines:
            if engine.poll() is None:
                engine.kill()
            engine.wait(10)

    def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Rows of the home's database, by a connection of its own."""
        with contextlib.closing(sqlite3.connect(self.home / "mantik.db", timeout=20)) as connection:
            return connection.execute(sql, args).fetchall()

    def job_state(self, cid: str) -> str:
        found = self.rows(
            "SELECT j.state FROM job j JOIN run r ON r.id = j.run_id WHERE r.cid = ?", cid
        )
        return str(found[0][0]) if found else ""

    def settled(self) -> bool:
        """No job is open and nothing waits in the outbox."""
        (open_jobs,) = self.rows(
            "SELECT count(*) FROM job WHERE state IN ('queued', 'running', 'finishing', 'suspended', 'unknown')"
        )[0]
        (entries,) = self.rows(
            "SELECT count(*) FROM outbox WHERE state NOT IN ('done', 'cancelled')"
        )[0]
        return not open_jobs and not entries

    def describe(self) -> str:
        """Everything that helps to understand a failure."""
        parts = [
            f"trainings: {self.trainings}",
            f"jobs: {self.rows('SELECT run_id, job_id, state, cause, words FROM job')}",
            f"outbox: {self.rows('SELECT kind, state, attempts, steps_done, error, payload FROM outbox ORDER BY id')}",
            f"workspace: {self.rows('SELECT state, reason FROM workspace')}",
            self.talk(),
        ]
        return "\n".join(parts)

    def talk(self) -> str:
        """What the engines wrote, to their log and otherwise."""
        found = [self.home / "engine.out", self.home / "log" / "engine.log"]
        return "\n".join(path.read_text()[-6000:] for path in found if path.exists())

    def close(self) -> None:
        """End engines, jobs and what they left; remove the socket."""
        for session in self.sessions:
            session.close()
        self.kill()
        for cid in self.cids:
            end = time.monotonic() + 20
            while left := processes_of(job_name(cid)):
                for process in left:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                if time.monotonic() > end:
                    raise AssertionError(f"processes of {cid} do not end: {left}")
        with self.at_home(), contextlib.suppress(MantikError, OSError):
            socket = paths.socket_path()
            socket.unlink(missing_ok=True)
            socket.with_suffix(".lock").unlink(missing_ok=True)


@contextlib.contextmanager
def an_engine_home(home: Path, url: str, **more: Any) -> Iterator[EngineHome]:
    """A home that is set up, and cleaned up at the end."""
    made = EngineHome(home, url, **more)
    home.mkdir(parents=True, exist_ok=True)
    made.set_up()
    try:
        yield made
    finally:
        made.close()


def runs_on_server(server: MlflowServer, cid: str) -> list[dict[str, Any]]:
    """Every run, deleted ones too, that carries our id, in any experiment."""
    experiments = server.call(
        "POST",
        "/api/2.0/mlflow/experiments/search",
        {"max_results": 1000, "view_type": "ALL"},
    ).get("experiments", [])
    body = {
        "experiment_ids": [item["experiment_id"] for item in experiments],
        "filter": f"tags.`mantik.cid` = '{cid}'",
        "run_view_type": "ALL",
        "max_results": 50,
    }
    found = server.call("POST", "/api/2.0/mlflow/runs/search", body).get("runs", [])
    return list(found)


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in run["data"].get("tags", [])}


def artifact_names(server: MlflowServer, run_id: str, folder: str) -> set[str]:
    answer = server.call("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path={folder}")
    return {item["path"] for item in answer.get("files", [])}


def spec_of(home: EngineHome, cid: str) -> dict[str, Any]:
    text = (home.run_root / cid / ".mantik" / "spec.json").read_text()
    return dict(json.loads(text))
