"""A day's work by keys alone, in terminals of two sizes, against a real server and real trainings."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mantik_tui.store.reads import history, jobs, runs
from mantik_tui.workspace.session import Session
from tests.support.lab import Lab, first_pull, make_lab, session_of
from tests.support.mlflow_server import MlflowServer
from tests.support.pty_probe import Probe

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]

ARGV = [sys.executable, "-m", "mantik_tui.main"]


@pytest.fixture
def lab(isolated_home: Path, mlflow_server: MlflowServer) -> Lab:
    return make_lab(isolated_home, mlflow_server.url, isolated_home.name)


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    with session_of(lab) as session:
        first_pull(lab, session)
        yield session


def wait(probe: Probe, found: Callable[[str], object], what: str, timeout_s: float = 60.0) -> None:
    """Read until the screen fits. Raises AssertionError with the screen."""
    deadline = time.monotonic() + timeout_s
    while not found(probe.text):
        assert time.monotonic() < deadline, f"{what} did not appear:\n{probe.text}"
        probe.read(0.2)


def until(what: str, holds: Callable[[], object], probe: Probe, timeout_s: float = 60.0) -> None:
    """Keep the program's screen going until something holds elsewhere."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"{what} does not hold:\n{probe.text}"
        probe.read(0.1)


def replace_field(probe: Probe, old: str, new: str) -> None:
    """Retype the focused field."""
    probe.press("end", *["backspace"] * len(old))
    probe.press(*new)


def escape(probe: Probe) -> None:
    """A terminal program can't tell Escape from the beginning of another key until nothing has followed for a while."""
    probe.press("escape", quiet=0.3)


def newest(session: Session) -> int:
    return session.read(runs.run_ids, runs.Scope(), limit=1)[0]


def title(probe: Probe) -> str:
    return probe.text.splitlines()[0]


@pytest.mark.acceptance("first-flight.2")
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_a_day_by_keys(
    lab: Lab, session: Session, tmp_path: Path, columns: int, lines: int
) -> None:
    with Probe(ARGV, columns=columns, lines=lines, cwd=str(tmp_path)) as probe:
        probe.wait_for(lab.project)
        probe.press("/", *lab.project, "enter")
        wait(
            probe,
            lambda text: re.search(rf"▸\s+{lab.project}", text),
            "the project under the cursor",
        )
        probe.press("enter")
        wait(probe, lambda text: "overview" in text.splitlines()[0], "the project")

        # A configuration: one parameter set, saved under a name, submitted.
        probe.press("s")
        probe.wait_for("parameters of main")
        probe.press("tab", "tab")
        replace_field(probe, "0.4", "2")
        probe.press("f2")
        probe.settle()
        probe.press(*"steady", "enter")
        wait(probe, lambda text: "steady" in text.splitlines()[0], "the saved configuration")
        assert [config.name for config in session.read(jobs.run_configs)] == ["steady"]
        probe.press("f9")
        wait(probe, lambda text: "RUNNING" in text.splitlines()[0], "a running training")
        first = newest(session)

        # Metric points and log lines while it runs.
        wait(probe, lambda text: re.search(r"loss 0\.\d+", text), "a plotted metric")
        probe.press("l")
        wait(
            probe,
            lambda text: re.search(r"step [3-7] of 8", text),
            "log lines of a running training",
        )
        assert session.read(runs.get_run, first).status == "RUNNING"
        points = len(session.read(history.points, first, "loss").steps)
        assert 0 < points < 8
        escape(probe)

        # Run it again with another parameter: it waits, then runs, then is done.
        probe.press("r")
        probe.wait_for("parameters of main")
        probe.press("tab", "tab")
        replace_field(probe, "2", "0.2")
        probe.press("tab")
        replace_field(probe, "0.1", "0.2")
        probe.press("f9")
        wait(probe, lambda text: "SCHEDULED" in text.splitlines()[0], "a queued run")
        wait(probe, lambda text: "queue" in text, "why it waits")
        second = newest(session)
        assert second != first

        # A third one, cancelled.
        probe.press("r")
        probe.wait_for("parameters of main")
        probe.press("f9")
        until("a third run", lambda: newest(session) != second, probe)
        third = newest(session)
        wait(probe, lambda text: "SCHEDULED" in text.splitlines()[0], "a third run that waits")
        until("its job is known", lambda: session.read(jobs.latest_job, third).job_id, probe)  # type: ignore[union-attr]
        probe.press("X")
        probe.wait_for("Cancel ")
        assert "this-machine" in probe.text
        probe.press("y")
        wait(probe, lambda text: "KILLED" in text.splitlines()[0], "the cancelled run")
        escape(probe)
        wait(
            probe, lambda text: "FINISHED" in text.splitlines()[0], "the end of the second run", 120
        )
        escape(probe)
        wait(
            probe, lambda text: "FINISHED" in text.splitlines()[0], "the end of the first run", 120
        )
        assert session.read(runs.get_run, first).params["pause"] == "2"

        # An artifact of the first one comes to this machine.
        probe.press("4")
        probe.wait_for("report.txt")
        for _ in range(8):
            if re.search(r"▸[^\n]*report\.txt", probe.text):
                break
            probe.press("j")
        probe.press("D")
        probe.settle()
        probe.press("enter")
        until("the artifact is here", lambda: list(tmp_path.rglob("report.txt")), probe)
        assert next(iter(tmp_path.rglob("report.txt"))).read_text().startswith("loss 0.")

        # Compare the two.
        while "▸ runs" not in title(probe) and "overview" not in title(probe):
            escape(probe)
        probe.press("5")
        wait(probe, lambda text: "▸ runs" in text.splitlines()[0], "the project's runs")
        probe.press("G", "space", "k", "space", "c")
        wait(
            probe,
            lambda text: re.search(r"lr\s+0\.1\s+0\.2|lr\s+0\.2\s+0\.1", text),
            "both values of lr",
        )
        assert "loss" in probe.text
        probe.press("q")
        assert probe.wait(20) == 0
