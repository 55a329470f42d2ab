"""What the demo consists of: three projects, their experiments, saved run configurations, and the runs of the first start.

Data only. `workspace/demo.py` lays the projects' folders out, `sync/demo_seed.py` writes them to the tracking server,
and the runs are submitted by the same verb as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mantik_tui.domain.project import Label, Member, Repository, Role
from mantik_tui.domain.project_tags import TaggedProject
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import THIS_MACHINE

NOTE_LIMIT = 5000
"""Longest experiment tag, in characters, that servers before MLflow 3.17 take; a description lies in one."""


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A run to submit: a saved configuration of the demo, or a run of its first start."""

    name: str
    experiment: str
    params: dict[str, str] = field(default_factory=dict)
    entry_point: str = "main"
    ends: str = "FINISHED"
    """The status that it is meant to end with; one run of the demo is meant to fail."""


@dataclass(frozen=True, slots=True)
class DemoProject:
    slug: str
    """Name of its folder below `examples/`, and of its copy."""
    uid: str
    name: str
    summary: str
    problem_type: str
    topics: tuple[str, ...]
    visibility: str
    best_metric: str
    best_goal: str
    colleagues: tuple[Member, ...]
    experiments: tuple[str, ...]
    configs: tuple[DemoRun, ...]
    runs: tuple[DemoRun, ...]

    def tagged(self, user: str, folder: str, description: str) -> TaggedProject:
        """The project as it lies on the server, without links to its experiments, whose ids only the server knows.

        Args:
            user: name on the tracking server; becomes the owner.
            folder: where the project's code lies on this machine.
            description: Markdown, cut to what every MLflow server stores.
        """
        return TaggedProject(
            uid=self.uid,
            name=self.name,
            summary=self.summary,
            description=description[:NOTE_LIMIT],
            owner=user,
            visibility=self.visibility,
            best_metric=self.best_metric,
            best_goal=self.best_goal,
            labels=(
                Label("problem-type", self.problem_type),
                *(Label("topic", topic) for topic in self.topics),
            ),
            members=(Member(user, Role.OWNER.value), *self.colleagues),
            code=(Repository("code", self.slug, folder, "the MLproject, on this machine"),),
            data=(
                Repository(
                    "data", f"{self.slug} data", f"{folder}/data", "made up, ships with the demo"
                ),
            ),
        )

    def run_config(self, run: DemoRun, folder: str, backend_config: str) -> RunConfig:
        """`run` as a run configuration on this machine.

        Args:
            run: one of `configs` or `runs`.
            folder: where the project's code lies on this machine.
            backend_config: text of the folder's `backend-config.yaml`.
        """
        return RunConfig(
            name=run.name,
            code=folder,
            entry_point=run.entry_point,
            params=dict(run.params),
            site=THIS_MACHINE,
            experiment=run.experiment,
            run_name=run.name,
            backend_config=backend_config,
            backend_config_path=f"{folder}/backend-config.yaml",
        )


_QUICK = {"pause": "0"}


def demo_plan() -> tuple[DemoProject, ...]:
    """The demo's projects, in the order in which they are made."""
    return (_wind(), _hail(), _stations())


def first_runs() -> tuple[tuple[DemoProject, DemoRun], ...]:
    """The runs of the first start, ordered so that each project has one early."""
    projects = demo_plan()
    longest = max(len(project.runs) for project in projects)
    return tuple(
        (project, project.runs[place])
        for place in range(longest)
        for project in projects
        if place < len(project.runs)
    )


def _wind() -> DemoProject:
    main, baselines = "wind-power", "wind-power-baselines"
    diverging = {
        "model": "linear",
        "optimizer": "sgd",
        "learning_rate": "0.45",
        "batch_size": "2000",
        **_QUICK,
    }
    return DemoProject(
        slug="wind-power-forecast",
        uid="019b76da-a800-7a74-8759-d8453d7113ab",
        name="Wind power forecast",
        summary="Power of a wind farm, hours ahead, from its weather and the weather forecast.",
        problem_type="Regression",
        topics=("energy", "weather"),
        visibility="SHARED",
        best_metric="rmse",
        best_goal="min",
        colleagues=(
            Member("maria", Role.MAINTAINER.value),
            Member("tom", Role.RESEARCHER.value),
        ),
        experiments=(main, baselines),
        configs=(
            DemoRun("quick check", main, {"epochs": "15", **_QUICK}),
            DemoRun("long training", main, {"epochs": "60", "pause": "0.5", "hidden": "48"}),
        ),
        runs=(
            DemoRun("mlp-24", main, dict(_QUICK)),
            DemoRun("mlp-48-fast", main, {"hidden": "48", "learning_rate": "0.01", **_QUICK}),
            DemoRun("linear", main, {"model": "linear", "learning_rate": "0.02", **_QUICK}),
            DemoRun("linear-diverges", main, diverging),
            DemoRun("no-skill-baselines", baselines, entry_point="evaluate"),
        ),
    )


def _hail() -> DemoProject:
    main, rules = "hail", "hail-rules-of-thumb"
    return DemoProject(
        slug="hail-nowcasting",
        uid="019b76da-a801-752d-904c-c66d333ca9f5",
        name="Hail nowcasting",
        summary="Which thunderstorm cells on the radar bring hail.",
        problem_type="Classification",
        topics=("radar", "weather"),
        visibility="PUBLIC",
        best_metric="f1",
        best_goal="max",
        colleagues=(Member("ines", Role.RESEARCHER.value),),
        experiments=(main, rules),
        configs=(
            DemoRun("more hail caught", main, {"threshold": "0.3"}),
            DemoRun("rule of thumb", rules, {"feature": "vil"}, entry_point="evaluate"),
        ),
        runs=(
            DemoRun("logistic", main, dict(_QUICK)),
            DemoRun("forest-6", main, {"model": "forest", **_QUICK}),
            DemoRun("dbz-threshold", rules, entry_point="evaluate"),
        ),
    )


def _stations() -> DemoProject:
    main = "station-groups"
    return DemoProject(
        slug="station-clustering",
        uid="019b76da-a802-7fb1-b1ca-612ace1e2613",
        name="Climate groups of stations",
        summary="Weather stations of like climate, to fill gaps and to pass trained models on.",
        problem_type="Clustering",
        topics=("climate",),
        visibility="PRIVATE",
        best_metric="silhouette",
        best_goal="max",
        colleagues=(),
        experiments=(main,),
        configs=(
            DemoRun("by rain alone", main, {"features": "rain", "clusters": "4"}),
            DemoRun("how many groups", main, {"most": "9"}, entry_point="evaluate"),
        ),
        runs=(
            DemoRun("five-groups", main, dict(_QUICK)),
            DemoRun("too-many-groups", main, {"clusters": "400", **_QUICK}, ends="FAILED"),
        ),
    )
