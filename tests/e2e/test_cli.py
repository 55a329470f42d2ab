"""A day's work against a real server with real trainings: by commands alone, and by the Python API alone."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mantik_tui import Workspace
from mantik_tui.domain.errors import Conflict, NeedsLogin, NotFound
from mantik_tui.domain.run import Run
from mantik_tui.domain.site import THIS_MACHINE, Site
from mantik_tui.workspace import sites
from mantik_tui.workspace.waiting import stop_engine
from tests.support.mlflow_server import MlflowServer
from tests.support.research import Research, begin_research

pytestmark = [
    pytest.mark.server,
    pytest.mark.acceptance("first-flight.3"),
    pytest.mark.timeout(420),
]

PROGRAM = [sys.executable, "-m", "mantik_tui.main"]
QUICK = {"pause": "0", "epochs": "6"}


@pytest.fixture
def research(auth_server: MlflowServer, tmp_path: Path) -> Research:
    return begin_research(auth_server, tmp_path)


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs `mantik-tui` as a person does, each command a process of its own."""

    folder: Path

    def run(
        self, *words: object, code: int = 0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*PROGRAM, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=180, check=False,
            cwd=self.folder, env=self._environment(),
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def begin(self, *words: object) -> subprocess.Popen[str]:
        """A command that goes on while others run."""
        return subprocess.Popen(
            [*PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=self.folder, env=self._environment(),
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def shell(isolated_home: Path, tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.run("engine", "stop")


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_day_by_commands(shell: Shell, research: Research, auth_server: MlflowServer) -> None:
    wrong = shell.run(
        "login", research.url, "--username", "alice", "--password-stdin", stdin="no\n", code=5
    )
    assert wrong.stdout == ""
    done = shell.run(
        "login", research.url, "--name", "lab", "--username", research.user, "--password-stdin",
        stdin=f"{research.password}\n",
    )  # fmt: skip
    assert done.stdout.startswith(f"lab: {research.url}, MLflow 3.")
    assert research.password not in done.stdout + done.stderr
    shell.run("sites", "add", THIS_MACHINE, "--python", sys.prefix)
    assert all(one["ok"] for one in shell.json("sites", "test", THIS_MACHINE)["checks"])

    assert shell.json("sync")["state"] == "live"
    assert research.project in [one["name"] for one in shell.json("projects", "list")]
    experiments = shell.json("experiments", "list", "--project", research.project)
    assert research.experiment in [one["name"] for one in experiments]

    first = shell.json(
        "runs", "submit", research.code, "--project", research.project, "--experiment", research.experiment,
        "--name", "first", "-P", "epochs=30", "-P", "pause=0.2",
    )  # fmt: skip
    assert (first["name"], first["status"], first["project"]) == (
        "first",
        "SCHEDULED",
        research.project,
    )
    waiting = shell.begin("runs", "wait", "first")
    following = shell.begin("runs", "logs", "first", "-f")
    seen = [next_line(following)]
    while "epoch" not in seen[-1]:
        seen.append(next_line(following))
        assert seen[-1], f"the log ended early: {seen}"
    during = shell.json("runs", "info", "first", "--now")
    assert (during["status"], during["job"]["state"]) == ("RUNNING", "running")
    assert during["metrics"]["rmse"]["step"] >= 1
    rest, talk = following.communicate(timeout=120)
    assert following.returncode == 0, talk
    assert "epoch  30/30" in rest
    assert rest.splitlines()[-3:] != []
    _, told = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, told
    statuses = [line.removeprefix("first: ") for line in told.splitlines()]
    assert statuses[-2:] == ["RUNNING", "FINISHED"]
    assert set(statuses) <= {"SCHEDULED", "RUNNING", "FINISHED"}

    ended = shell.json("runs", "info", "first", "--now")
    assert ended["metrics"]["rmse"]["step"] == 30
    assert ended["mlflow_run_id"] == _on_server(auth_server, ended)["info"]["run_id"]
    assert "report.txt" in [one["path"] for one in ended["artifacts"]]
    place = shell.run("runs", "download", "first", "report.txt", "--to", "out").stdout.strip()
    assert Path(place) == shell.folder / "out" / "report.txt"
    assert "rmse" in Path(place).read_text()

    second = shell.run(
        "runs", "again", "first", "-P", "pause=0", "-P", "epochs=4", "--name", "second", "--wait"
    )
    assert second.stdout.startswith("second  ")
    rows = shell.json(
        "runs", "list", "--project", research.project, "--sort", "start", "--columns", "name,epochs,rmse"
    )  # fmt: skip
    assert [(one["name"], one["status"], one["params"]["epochs"]) for one in rows] == [
        ("first", "FINISHED", "30"), ("second", "FINISHED", "4"),
    ]  # fmt: skip
    assert rows[0]["metrics"]["rmse"] < rows[1]["metrics"]["rmse"]
    best = shell.run(
        "runs",
        "list",
        "--project",
        research.project,
        "--sort",
        "rmse",
        "--columns",
        "name,epochs,rmse",
    )
    assert [line.split()[0] for line in best.stdout.splitlines()] == ["NAME", "first", "second"]

    shell.run("runs", "again", "first", "-P", "pause=5", "--name", "third")
    third = shell.begin("runs", "logs", "third", "-f")
    assert next_line(third)
    assert shell.run("runs", "cancel", "third").stdout == "third: cancelling\n"
    shell.run("runs", "wait", "third", "--timeout", "60", code=1)
    third.communicate(timeout=60)
    assert third.returncode == 0
    killed = shell.json("runs", "status", "third")[0]
    assert (killed["status"], killed["job_state"]) == ("KILLED", "cancelled")
    shell.json("sync")
    assert shell.json("outbox", "list") == []
    assert (
        _on_server(auth_server, shell.json("runs", "info", "third"))["info"]["status"] == "KILLED"
    )
    shell.run("runs", "cancel", "third", code=6)


def _on_server(server: MlflowServer, run: dict[str, Any], user: str = "alice") -> dict[str, Any]:
    found = server.call("GET", f"/api/2.0/mlflow/runs/get?run_id={run['mlflow_run_id']}", user=user)
    answer: dict[str, Any] = found["run"]
    return answer


def test_offline_a_script_gets_exit_code_4_and_its_submission_waits(
    shell: Shell, research: Research, new_mlflow_server: Any
) -> None:
    server: MlflowServer = new_mlflow_server()
    server.start()
    shell.run("login", server.url, "--name", "lab")
    shell.run("sites", "add", THIS_MACHINE, "--python", sys.prefix)
    shell.run("sync")
    server.stop()
    offline = shell.json("sync", code=4)
    assert offline["state"] == "offline"
    made = shell.run(
        "runs", "submit", research.code, "--name", "later", "-P", "pause=0", "-P", "epochs=2"
    )
    assert made.stdout.startswith("later  ")
    assert "Queued" in made.stderr
    listed = shell.run("runs", "list")
    assert "later" in listed.stdout
    assert "offline" in listed.stderr
    server.start()
    shell.run("runs", "wait", "later", "--timeout", "150")
    assert shell.json("outbox", "list") == []
    found = server.call(
        "POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "max_results": 50}
    )
    assert [run["info"]["run_name"] for run in found["runs"]] == ["later"]


@pytest.fixture
def bobs(auth_server: MlflowServer, tmp_path: Path) -> Research:
    """Of another user, who does not see the runs of the test above, whose names are the same."""
    return begin_research(auth_server, tmp_path, "bob")


@pytest.fixture
def workspace(isolated_home: Path) -> Iterator[Workspace]:
    with Workspace() as made:
        yield made
        stop_engine(made._session.engine)


def test_a_day_by_python(
    workspace: Workspace, bobs: Research, auth_server: MlflowServer, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="login"):
        workspace.projects()
    with pytest.raises(NeedsLogin):
        workspace.login(bobs.url, username=bobs.user, password="wrong")
    told = workspace.login(bobs.url, username=bobs.user, password=bobs.password, name="lab")
    assert told["user"] == bobs.user
    sites.add(workspace._session, Site(THIS_MACHINE, settings={"python": sys.prefix}))
    assert workspace.sync().state == "live"
    assert bobs.project in [project.name for project in workspace.projects()]
    assert workspace.project(bobs.project[:12]).owner == bobs.user
    assert bobs.experiment in [one.name for one in workspace.experiments(bobs.project)]

    first = workspace.submit(
        bobs.code, params={"epochs": 30, "pause": 0.1}, project=bobs.project, experiment=bobs.experiment,
        name="first",
    )  # fmt: skip
    assert (first.name, first.status, first.params["epochs"]) == ("first", "SCHEDULED", "30")
    lines = workspace.follow_log(first)
    seen = [next(lines)]
    while "epoch" not in seen[-1]:
        seen.append(next(lines))
    assert workspace.status(first) == "RUNNING"
    early = workspace.metrics(first, "rmse")
    assert early and early[0].step == 1
    seen += lines
    assert any("epoch  30/30" in line for line in seen)
    assert seen == workspace.log(first).splitlines()
    changes: list[str] = []
    (ended,) = workspace.wait(first, timeout=120, poll=lambda run: changes.append(run.status))
    assert ended.status == changes[-1] == "FINISHED"
    points = workspace.metrics(first, "rmse")
    assert [point.step for point in points] == list(range(1, 31))
    assert all(math.isfinite(point.value) for point in points)
    assert points[: len(early)] == early

    assert "report.txt" in [artifact.path for artifact in workspace.artifacts(first)]
    (report,) = workspace.download(first, "report.txt", tmp_path / "out")
    assert report == tmp_path / "out" / "report.txt"
    assert "rmse" in report.read_text()
    (script,) = workspace.download(first, "train.py", tmp_path / "out", from_folder=True)
    assert script.read_text() == (bobs.code / "train.py").read_text()

    second = workspace.submit_again(first, {**QUICK}, name="second")
    workspace.wait(second, timeout=120)
    rows = workspace.runs(bobs.project, sort="metrics.rmse", filter="status:finished")
    assert [row.name for row in rows] == ["first", "second"]
    assert [row.params["epochs"] for row in rows] == ["30", "6"]
    assert rows[0].metrics["rmse"] < rows[1].metrics["rmse"]

    third = workspace.submit_again("first", {"pause": 5}, name="third")
    next(workspace.follow_log(third))
    workspace.cancel(third)
    (killed,) = workspace.wait(third, timeout=60)
    assert killed.status == "KILLED"
    with pytest.raises(Conflict):
        workspace.cancel(third)
    _edit(workspace, second, auth_server)


def _edit(workspace: Workspace, run: Run, server: MlflowServer) -> None:
    """Tags, note and name are there at once, and on the server once they are sent."""
    workspace.set_tag(run, "label", "best")
    workspace.set_note(run, "# Good")
    workspace.rename(run, "renamed")
    here = workspace.run("renamed")
    assert (here.tags["label"], here.note) == ("best", "# Good")
    assert workspace.wait_sent(timeout=60) == []
    there = _on_server(server, {"mlflow_run_id": here.server_id}, "bob")
    tags = {tag["key"]: tag["value"] for tag in there["data"]["tags"]}
    assert (tags["label"], tags["mlflow.note.content"]) == ("best", "# Good")
    assert there["info"]["run_name"] == "renamed"
