"""No server, no engine: every screen opens with its data and their age, and a submission waits until the server is back."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mantik_tui.domain.outbox import EntryState
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.store.reads import jobs, runs
from mantik_tui.workspace.live import fetch_histories, list_artifacts
from mantik_tui.workspace.submit import submit
from tests.e2e.test_by_keys import escape, newest, until, wait
from tests.support.lab import first_pull, kill_engine, make_lab, session_of
from tests.support.mlflow_server import MlflowServer
from tests.support.pty_probe import Probe

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]

AS_OF = re.compile(r"as of (\w+ )?\d\d:\d\d")


def command(probe: Probe, words: str) -> None:
    """Type a command after the colon."""
    probe.press(":", quiet=0.2)
    probe.press(*words, "enter", quiet=0.1)


def shows(probe: Probe, words: str, what: str) -> None:
    """The screen has these words, and says as of when."""
    wait(
        probe,
        lambda text: words.lower() in text.lower() and AS_OF.search(text),
        f"{what} with {words}",
    )


@pytest.mark.acceptance("first-flight.4")
def test_every_screen_without_server_and_engine(
    isolated_home: Path, new_mlflow_server: Callable[..., MlflowServer]
) -> None:
    server = new_mlflow_server()
    server.start()
    lab = make_lab(isolated_home, server.url, "offline")
    with session_of(lab) as session:
        project = first_pull(lab, session)
        config = session_config(str(lab.code))
        done = submit(session, config, project)
        with Probe([sys.executable, "-c", "input()"]) as idle:
            until(
                "the run has ended",
                lambda: ended(session.read(runs.get_run, done.run_id).status),
                idle,
                90,
            )
        fetch_histories(session, done.run_id)
        list_artifacts(session, done.run_id)
        server.kill()
        kill_engine(session)
        with Probe([sys.executable, "-m", "mantik_tui.main"], columns=120, lines=40) as probe:
            wait(
                probe,
                lambda text: lab.project in text and AS_OF.search(text),
                "the projects and their age",
            )
            probe.press("/", *lab.project, "enter", "enter")
            wait(probe, lambda text: "overview" in text.splitlines()[0], "the project")
            assert "A project for tests" in probe.text
            for key, words in (
                ("2", "tiny-training"),
                ("3", "data"),
                ("4", "model"),
                ("5", done.name),
                ("6", "tiny-offline"),
            ):
                probe.press(key, quiet=0.2)
                shows(probe, words, f"tab {key} with {words}")
            probe.press("5", "enter", quiet=0.3)
            wait(probe, lambda text: "FINISHED" in text.splitlines()[0], "the run")
            wait(probe, lambda text: re.search(r"loss 0\.\d", text), "its stored metric, plotted")
            probe.press("4", quiet=0.3)
            wait(probe, lambda text: "report.txt" in text, "its files as last listed")
            probe.press("l", quiet=0.3)
            wait(probe, lambda text: "step 8 of 8" in text, "the whole log")
            assert AS_OF.search(probe.text)
            for name, words in (
                ("active", "active"), ("outbox", "outbox"), ("sites", "this-machine"), ("configs", "configurations"),
                ("settings", str(lab.url)), ("runs", done.name), ("help", "Keys of this screen"), ("projects", lab.project),
            ):  # fmt: skip
                command(probe, name)
                shows(probe, words, f":{name} with {words}")
                escape(probe)

            # A submission waits in the outbox, with the reason in words; edits do too.
            command(probe, "runs")
            wait(probe, lambda text: done.name in text, "the runs")
            probe.press("r")
            probe.wait_for("parameters of main")
            probe.press("f9")
            until("a second run", lambda: newest(session) != done.run_id, probe)
            second = newest(session)
            until(
                "it says that the server is not reached",
                lambda: any(entry.error for entry in session.read(jobs.open_entries, second)),
                probe,
            )
            entry = session.read(jobs.open_entries, second)[0]
            assert entry.state is EntryState.PENDING
            command(probe, "outbox")
            wait(
                probe,
                lambda text: session.read(runs.get_run, second).name in text,
                "the waiting submission",
            )
            kill_engine(session)
            server.start()
            session.wake_engine()
            until(
                "it has run", lambda: ended(session.read(runs.get_run, second).status), probe, 120
            )
            assert session.read(jobs.jobs_of_run, second)[0].job_id
            until("all is sent", lambda: not session.read(jobs.open_entries), probe)
    found = server.call(
        "POST",
        "/api/2.0/mlflow/runs/search",
        {"experiment_ids": [experiment_id(server, lab.experiment)]},
    )
    assert len(found["runs"]) == 2
    assert {run["info"]["status"] for run in found["runs"]} == {"FINISHED"}


def ended(status: str) -> bool:
    return status in ("FINISHED", "FAILED", "KILLED")


def session_config(code: str) -> RunConfig:

    return RunConfig(
        name="quick",
        code=code,
        params={"pause": "0"},
        site="this-machine",
        experiment="tiny-offline",
    )


def experiment_id(server: MlflowServer, name: str) -> str:
    answer = server.call("GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")
    return str(answer["experiment"]["experiment_id"])
