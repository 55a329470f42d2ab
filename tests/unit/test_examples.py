"""The examples: data that can be made again, and trainings that show what a demo has to show."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mantik_tui.domain.backend_config import parse_backend_config
from mantik_tui.domain.demo_plan import NOTE_LIMIT, DemoProject, DemoRun, demo_plan, first_runs
from mantik_tui.domain.mlproject import parse_mlproject
from mantik_tui.workspace.demo import description, lay_out_projects, run_config

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PROJECTS = demo_plan()
FAKE_MLFLOW = ROOT / "tests" / "support" / "fake_mlflow"


@dataclass(frozen=True)
class Logged:
    status: str
    params: dict[str, str]
    metrics: dict[str, list[tuple[int, float]]]
    tags: dict[str, str]
    artifacts: list[str]
    output: str


def command_of(project: DemoProject, run: DemoRun) -> list[str]:
    """The entry point's command with its parameters filled in, as MLflow does it."""
    doc = yaml.safe_load((EXAMPLES / project.slug / "MLproject").read_text())
    entry = doc["entry_points"][run.entry_point]
    values = {name: str(spec["default"]) for name, spec in entry["parameters"].items()}
    unknown = run.params.keys() - values.keys()
    assert not unknown, f"{run.name}: {unknown} are no parameters of {run.entry_point}"
    words: list[str] = entry["command"].format(**values | run.params).split()
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


def train(project: DemoProject, run: DemoRun, folder: Path) -> Logged:
    """Runs the training in a copy of the example, with a stand-in for MLflow."""
    place = folder / run.name
    shutil.copytree(EXAMPLES / project.slug, place)
    env = os.environ | {
        "PYTHONPATH": str(FAKE_MLFLOW),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        command_of(project, run),
        cwd=place,
        env=env,
        capture_output=True,
        timeout=120,
        check=False,
    )
    calls = [json.loads(line) for line in (place / "logged.jsonl").read_text().splitlines()]
    metrics: dict[str, list[tuple[int, float]]] = {}
    for call in calls:
        if call["kind"] == "metrics":
            for key, value in call["values"].items():
                metrics.setdefault(key, []).append((call["step"], value))
    return Logged(
        status=next(call["status"] for call in calls if call["kind"] == "end"),
        params=next(call["values"] for call in calls if call["kind"] == "params"),
        metrics=metrics,
        tags={call["key"]: call["value"] for call in calls if call["kind"] == "tag"},
        artifacts=[call["path"] for call in calls if call["kind"] == "artifact"],
        output=(done.stdout + done.stderr).decode(),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of the first start by name, trained once for all tests."""

    @functools.cache
    def by_name(name: str) -> tuple[DemoProject, DemoRun, Logged]:
        project, run = next((project, run) for project, run in first_runs() if run.name == name)
        return project, run, train(project, run, tmp_path_factory.mktemp("training"))

    return by_name


Trained = Callable[[str], tuple[DemoProject, DemoRun, Logged]]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.slug)
def test_data_ships_small_and_is_what_its_script_makes(
    project: DemoProject, tmp_path: Path
) -> None:
    folder = EXAMPLES / project.slug / "data"
    spec = importlib.util.spec_from_file_location("make_data", folder / "make_data.py")
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (shipped,) = folder.glob("*.csv")
    module.write(tmp_path / "again.csv")
    assert shipped.stat().st_size < 200_000
    assert (tmp_path / "again.csv").read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.slug)
def test_saved_and_first_runs_name_entry_points_and_parameters_that_exist(
    project: DemoProject,
) -> None:
    for run in (*project.configs, *project.runs):
        assert Path(EXAMPLES / project.slug / command_of(project, run)[1]).is_file()
        assert run.experiment in project.experiments


@pytest.mark.parametrize("name", ["mlp-24", "forest-6", "five-groups"])
def test_a_training_has_a_curve_results_and_a_log(name: str, trained: Trained) -> None:
    project, run, logged = trained(name)
    assert logged.status == "FINISHED", logged.output
    curve = logged.metrics[project.best_metric]
    assert len(curve) >= 15
    assert [step for step, _ in curve] == list(range(1, len(curve) + 1))
    assert all(math.isfinite(value) for _, value in curve)
    assert {"report.txt", "model.pkl"} <= set(logged.artifacts)
    assert any(path.endswith(".csv") for path in logged.artifacts)
    assert run.params.items() <= logged.params.items()
    assert "done: report" in logged.output


def test_a_diverging_training_ends_in_nan_and_says_so(trained: Trained) -> None:
    *_, logged = trained("linear-diverges")
    curve = [value for _, value in logged.metrics["rmse"]]
    assert len(curve) >= 10 and math.isnan(curve[-1])
    assert all(later > earlier for earlier, later in itertools.pairwise(curve[1:-1]))
    assert (logged.status, logged.tags["diverged"]) == ("FINISHED", "true")
    assert "a smaller learning rate helps" in logged.output


def test_a_wrong_parameter_fails_with_one_clear_line(trained: Trained) -> None:
    *_, logged = trained("too-many-groups")
    assert logged.status == "FAILED"
    assert "clusters must be 2 to 32 (the batch size), not 400" in logged.output.splitlines()[-1]
    assert "Traceback" not in logged.output


def test_the_hail_training_draws_its_bar_over_itself(trained: Trained) -> None:
    *_, logged = trained("forest-6")
    assert "\r 95%|######################  | 19/20" in logged.output


def test_evaluate_scores_baselines_step_by_step(trained: Trained) -> None:
    *_, logged = trained("dbz-threshold")
    assert len(logged.metrics["csi"]) == 19
    assert logged.artifacts == ["thresholds.csv"]


def test_exactly_one_run_is_meant_to_fail_and_every_project_has_one_that_ends_well() -> None:
    ends = [(project.slug, run.ends) for project, run in first_runs()]
    assert 8 <= len(ends) <= 10
    assert [end for _, end in ends].count("FAILED") == 1
    assert {slug for slug, end in ends if end == "FINISHED"} == {
        project.slug for project in PROJECTS
    }
    assert {slug for slug, _ in ends[:3]} == {project.slug for project in PROJECTS}


def test_the_demo_copies_the_examples_into_repositories_and_never_over_changes(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    folders = lay_out_projects(tmp_path / "projects", said.append)
    assert list(folders) == [project.slug for project in PROJECTS] and len(said) == 3
    wind = folders["wind-power-forecast"]
    commits = subprocess.run(
        ["git", "log", "--format=%an: %s"], cwd=wind, capture_output=True, check=True
    )
    assert commits.stdout.decode() == "mantik-tui demo: Example as it ships\n"
    state = subprocess.run(
        ["git", "status", "--porcelain"], cwd=wind, capture_output=True, check=True
    )
    assert state.stdout == b""
    (wind / "train.py").write_text("# mine")
    assert lay_out_projects(tmp_path / "projects", said.append) == folders and len(said) == 3
    assert (wind / "train.py").read_text() == "# mine"


def test_a_first_run_becomes_a_configuration_for_this_machine() -> None:
    project, run = next(
        (project, run) for project, run in first_runs() if run.name == "mlp-48-fast"
    )
    config = run_config(project, run, EXAMPLES / project.slug)
    assert (config.site, config.experiment, config.entry_point) == (
        "this-machine",
        "wind-power",
        "main",
    )
    assert config.params == {"hidden": "48", "learning_rate": "0.01", "pause": "0"}
    assert "Runtime: 10m" in config.backend_config
    text = description(EXAMPLES / project.slug)
    assert text.startswith("How much power") and len(text) <= NOTE_LIMIT


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.slug)
def test_the_examples_are_read_without_a_single_remark(project: DemoProject) -> None:
    folder = EXAMPLES / project.slug
    mlproject, remarks = parse_mlproject(
        (folder / "MLproject").read_text(), exists=lambda name: (folder / name).exists()
    )
    config, more = parse_backend_config(
        (folder / "backend-config.yaml").read_text(), "backend-config.yaml", site_chosen=True
    )
    assert (remarks, more) == ([], [])
    assert mlproject is not None and set(mlproject.entry_points) == {"main", "evaluate"}
    assert config is not None and config.resources.runtime_s == 600
