"""Comparing runs: reads them whole, and puts them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.run import Run
from mantik_tui.insight.compare import Comparison, Extremes, compare
from mantik_tui.store.reads.history import extremes
from mantik_tui.store.reads.projects import get_project
from mantik_tui.store.reads.runs import get_run
from mantik_tui.workspace.session import Session

__all__ = ["Comparison", "Material", "load", "side_by_side"]


@dataclass(frozen=True, slots=True)
class Material:
    """What a comparison is made from."""

    runs: tuple[Run, ...]
    """In the order asked for; runs that are gone are left out."""
    extremes: tuple[Extremes, ...]
    """Smallest and largest stored values, one mapping a run."""
    goals: dict[str, str]
    """By what the runs' projects rank: metric to `min` or `max`."""


def load(session: Session, run_ids: Sequence[int]) -> Material:
    """Read everything that a comparison shows. Raises StoreProblem."""
    runs: list[Run] = []
    for run_id in run_ids:
        try:
            runs.append(session.read(get_run, run_id))
        except NotFound:
            continue
    goals: dict[str, str] = {}
    for project_id in dict.fromkeys(run.project_id for run in runs):
        if project_id is not None:
            project = session.read(get_project, project_id)
            if project.best_metric:
                goals.setdefault(project.best_metric, project.best_goal)
    found = tuple(session.read(extremes, run.id) for run in runs)
    return Material(tuple(runs), found, goals)


def side_by_side(material: Material, *, best_values: bool = False) -> Comparison:
    """Differing params, metrics (last values, or the best that are stored), params alike."""
    known = material.extremes if best_values else None
    return compare(material.runs, extremes=known, goals=material.goals)
