"""Runs side by side: the params that differ, the metrics, and the params that are alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mantik_tui.domain.goals import guess_goal
from mantik_tui.domain.run import Run

INFINITE = 1.797e308


@dataclass(frozen=True, slots=True)
class ParamRow:
    """One param over all runs; None where a run does not have it."""

    key: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric over all runs; None where a run does not have it, NaN kept."""

    key: str
    values: tuple[float | None, ...]
    goal: str
    """`min` or `max`."""
    best: int | None
    """Index of the run with the best value, None if there is none or all are alike."""


@dataclass(frozen=True, slots=True)
class Comparison:
    differing: tuple[ParamRow, ...]
    """Params with more than one value, those with fewest values first."""
    metrics: tuple[MetricRow, ...]
    """The ranking metric first, then those that most runs have."""
    alike: tuple[ParamRow, ...]
    """Params that are the same in all runs, by name."""


Extremes = Mapping[str, tuple[float | None, float | None]]
"""Smallest and largest value of a run's metrics, as far as their histories are stored."""


def compare(
    runs: Sequence[Run],
    *,
    extremes: Sequence[Extremes] | None = None,
    goals: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare any number of runs.

    Args:
        extremes: one for each run, to show best instead of last values; where a history is not stored, the last value
            stands in.
        goals: `min` or `max` by metric where it is known; else it is guessed by the name.
    """
    goals = goals or {}
    differing, alike = compare_params([run.params for run in runs])
    keys = _metric_keys(runs, first=list(goals))
    rows = [_metric_row(key, runs, extremes, goals.get(key) or guess_goal(key)) for key in keys]
    return Comparison(differing, tuple(rows), alike)


def compare_params(
    params: Sequence[Mapping[str, str]],
) -> tuple[tuple[ParamRow, ...], tuple[ParamRow, ...]]:
    """Params that differ, and those that are alike. `0.001` and `1e-3` are the same value."""
    names = sorted({name for one in params for name in one})
    differing: list[tuple[int, ParamRow]] = []
    alike: list[ParamRow] = []
    for name in names:
        row = ParamRow(name, tuple(one.get(name) for one in params))
        count = len({_same(value) for value in row.values})
        if count > 1:
            differing.append((count, row))
        else:
            alike.append(row)
    differing.sort(key=lambda pair: (pair[0], pair[1].key))
    return tuple(row for _count, row in differing), tuple(alike)


def best_of(values: Sequence[float | None], goal: str) -> int | None:
    """Index of the best value. Not-a-number and infinite values are never best; None when no value stands out."""
    usable = [
        (value, index)
        for index, value in enumerate(values)
        if value is not None and not math.isnan(value) and abs(value) < INFINITE
    ]
    if len(usable) < 2 or len({value for value, _ in usable}) == 1:
        return None
    pick = max if goal == "max" else min
    return pick(usable, key=lambda pair: pair[0])[1]


def _same(value: str | None) -> object:
    """What two values are compared by: the number, where there is one."""
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return value
    return value if math.isnan(number) else number


def _metric_keys(runs: Sequence[Run], first: Iterable[str]) -> list[str]:
    counts: dict[str, int] = {}
    for run in runs:
        for key in run.metrics:
            counts[key] = counts.get(key, 0) + 1
    order = {key: place for place, key in enumerate(first)}
    return sorted(
        counts, key=lambda key: (order.get(key, len(order)), key.startswith("system/"), -counts[key], key)
    )  # fmt: skip


def _metric_row(
    key: str, runs: Sequence[Run], extremes: Sequence[Extremes] | None, goal: str
) -> MetricRow:
    values: list[float | None] = []
    for index, run in enumerate(runs):
        last = run.metrics.get(key)
        value = None if last is None else last.value
        if extremes is not None and last is not None:
            low, high = extremes[index].get(key, (None, None))
            best = high if goal == "max" else low
            value = value if best is None else best
        values.append(value)
    return MetricRow(key, tuple(values), goal, best_of(values, goal))
