"""`Workspace` on a filled database, without engine and server."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mantik_tui
from mantik_tui import Workspace
from mantik_tui.domain.errors import Ambiguous, BadInput, Conflict, EngineProblem, NotFound
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.workspace.session import open_session
from tests.support.store_fill import fill_store

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "python-api.md").read_text()
EXAMPLE = ROOT / "examples" / "wind-power-forecast"
FAILED = "0" * 31 + "4"


def _no_process() -> None:
    raise OSError("no processes in this test")


@pytest.fixture(autouse=True)
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    without = functools.partial(open_session, spawn=_no_process)
    monkeypatch.setattr("mantik_tui.workspace.api.open_session", without)


@pytest.fixture
def workspace(isolated_home: Path) -> Iterator[Workspace]:
    fill_store(isolated_home / "mantik.db", projects=3, runs=60)
    with Workspace() as made:
        yield made


def test_it_is_what_the_package_offers() -> None:
    assert mantik_tui.Workspace is Workspace
    assert mantik_tui.__all__ == ["Workspace", "__version__"]


def test_nothing_is_set_up_yet_says_how() -> None:
    with Workspace() as made:
        assert repr(made) == "Workspace(not set up)"
        with pytest.raises(NotFound, match="login"):
            made.runs()
    with pytest.raises(NotFound, match="nowhere"):
        Workspace("nowhere")


def test_lists(workspace: Workspace) -> None:
    assert repr(workspace) == "Workspace('hpc-group', 'https://mlflow.example.org')"
    assert {project.name for project in workspace.projects()} == {
        "wind power ensemble", "hail nowcasting", "station clustering",
    }  # fmt: skip
    assert workspace.project("wind").owner == "maria"
    assert [one.name for one in workspace.experiments("hail")] == ["hail-nowcasting-main"]
    assert len(workspace.runs()) == 60
    assert [site.name for site in workspace.sites()] == ["this-machine"]
    assert workspace.outbox() == []
    assert workspace.state().state == "live"


def test_runs_by_filter_order_and_values(workspace: Workspace) -> None:
    rows = workspace.runs("wind", filter="status:failed", sort="metrics.loss", limit=3)
    losses = [row.metrics["loss"] for row in rows]
    assert len(losses) == 3
    assert losses == sorted(losses)
    assert all(row.status == "FAILED" and row.params["data"] == "era5-2020" for row in rows)
    (only,) = workspace.runs(limit=1, metrics=["loss"], params=["lr"])
    assert (set(only.metrics), set(only.params)) == ({"loss"}, {"lr"})
    assert any(math.isnan(row.metrics["loss"]) for row in workspace.runs(filter="loss=nan"))
    with pytest.raises(BadInput):
        workspace.runs(filter="loss<much")


def test_a_run_by_any_of_its_names(workspace: Workspace) -> None:
    run = workspace.run(FAILED)
    assert workspace.run(run) == run
    assert workspace.run(workspace.runs(filter=f"id={FAILED}")[0]) == run
    assert workspace.status(FAILED) == "FAILED"
    assert workspace.info(FAILED)["metrics"]["loss"]["step"] == 30
    with pytest.raises(NotFound):
        workspace.run("nothing")
    with pytest.raises(Ambiguous):
        workspace.run("0000000")


def test_edits_are_there_at_once_and_can_be_taken_back(workspace: Workspace) -> None:
    workspace.set_tag(FAILED, "label", "bad")
    workspace.set_note(FAILED, "Diverged.")
    workspace.rename(FAILED, "diverged")
    run = workspace.run("diverged")
    assert (run.tags["label"], run.note, run.pending) == ("bad", "Diverged.", 3)
    renamed = workspace.outbox()[-1]
    assert workspace.take_back(renamed).what == renamed.what
    with pytest.raises(NotFound):
        workspace.run("diverged")
    workspace.set_tag(FAILED, "label", None)
    assert "label" not in workspace.run(FAILED).tags
    assert [entry.kind for entry in workspace.wait_sent(timeout=0)][-1] == "delete-tag"
    with pytest.raises(Conflict):
        workspace.cancel(FAILED)


def test_a_submission_waits_and_again_changes_parameters(workspace: Workspace) -> None:
    run = workspace.submit(
        EXAMPLE, params={"epochs": 3, "pause": 0.0}, project="wind", name="mine", time_limit="5m"
    )
    assert (run.name, run.status, run.params["epochs"], run.params["pause"]) == (
        "mine",
        "SCHEDULED",
        "3",
        "0.0",
    )
    assert (run.project_name, run.pending) == ("wind power ensemble", 1)
    assert run.doc["time_limit_s"] == 300
    again = workspace.submit_again(run, {"epochs": 4})
    assert (again.params["epochs"], again.params["pause"]) == ("4", "0.0")
    assert again.name != "mine"
    assert workspace.cancel("mine") == "taken back"


def test_a_saved_configuration_is_submitted(workspace: Workspace) -> None:
    config = RunConfig("nightly", str(EXAMPLE), params={"pause": "0"}, site="this-machine")
    saved = workspace.save_config(config, "wind")
    assert workspace.configs("wind") == [saved]
    run = workspace.submit(config="nightly", params={"seed": 7})
    assert (run.params["pause"], run.params["seed"], run.project_name) == (
        "0",
        "7",
        "wind power ensemble",
    )
    assert workspace.submit(config=config).params["pause"] == "0"


def test_problems_come_all_at_once(workspace: Workspace) -> None:
    with pytest.raises(BadInput) as caught:
        workspace.submit(EXAMPLE, params={"epochs": "many", "nonsense": 1}, site="nowhere")
    words = " ".join(f"{one.key} {one.message}" for one in caught.value.problems)
    assert all(word in words for word in ("epochs", "nonsense", "nowhere"))
    with pytest.raises(BadInput, match="code"):
        workspace.submit()
    assert workspace.outbox() == []


def test_what_needs_the_engine_says_that_it_is_missing(workspace: Workspace) -> None:
    for call in (
        workspace.sync,
        lambda: workspace.metrics(FAILED, "loss"),
        lambda: workspace.artifacts(FAILED),
    ):
        with pytest.raises(EngineProblem):
            call()
    assert workspace.metrics(FAILED, "loss", fetch=False) == []
    assert workspace.artifacts(FAILED, fetch=False) == []
    with pytest.raises(NotFound):
        workspace.log(FAILED)


def test_the_example_of_the_docs_runs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "wind", ignore=shutil.ignore_patterns("mlruns"))
    monkeypatch.chdir(tmp_path)
    first, *_ = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(first, "docs/python-api.md", "exec"), {})
    shown = out.getvalue()
    assert "wind power ensemble" in shown
    assert re.search(r"^forty epochs [0-9a-f-]{36} SCHEDULED$", shown, re.MULTILINE)
    assert re.search(r"^forty epochs 40 None$", shown, re.MULTILINE)
    assert workspace.outbox()[-1].what == "set tag why=twice as long"


def test_every_public_method_has_a_docstring_and_is_in_the_docs() -> None:
    public = [
        name
        for name, _ in inspect.getmembers(Workspace, inspect.isfunction)
        if not name.startswith("_")
    ]
    assert len(public) > 25
    for name in public:
        assert inspect.getdoc(getattr(Workspace, name)), name
        assert f"`{name}(" in DOCS or f"`{name}" in DOCS, name
        for parameter in inspect.signature(getattr(Workspace, name)).parameters:
            row = (
                next(
                    line
                    for line in DOCS.splitlines()
                    if line.startswith("|") and f"`{name}(" in line
                )
                if name != "close"
                else ""
            )
            assert parameter == "self" or not row or parameter in row, (name, parameter)
