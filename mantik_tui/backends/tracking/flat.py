"""From MLflow's nested records to rows: what a bulk write wants, made with as little work as possible."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mantik_tui.backends.tracking.records import Metric, RunRecord

MetricRow = tuple[str, float | None, int, int, int]
"""(key, value or None, is_nan as 0 or 1, step, timestamp in ms)."""

PointRow = tuple[int, int, float | None, int]
"""(step, timestamp in ms, value or None, is_nan as 0 or 1)."""


@dataclass(frozen=True, slots=True)
class FlatDataset:
    """A dataset that a run logged as its input."""

    name: str
    digest: str
    source_type: str
    source: str
    context: str


@dataclass(frozen=True, slots=True)
class FlatRun:
    """A run as rows. Times are ms since 1970; `start_ms` is 0 where the client that made the run gave none."""

    server_id: str
    experiment_id: str
    """The experiment's id on the server."""
    name: str
    status: str
    user: str
    start_ms: int | None
    end_ms: int | None
    lifecycle: str
    artifact_uri: str
    tags: dict[str, str]
    params: list[tuple[str, str]]
    metrics: list[MetricRow]
    datasets: list[FlatDataset]


def flatten(run: RunRecord) -> FlatRun:
    """One run as rows. The name falls back to the tag that old clients used, the user likewise."""
    info, data = run.info, run.data
    tags = {tag.key: tag.value or "" for tag in data.tags}
    return FlatRun(
        info.run_id,
        info.experiment_id,
        info.run_name or tags.get("mlflow.runName", ""),
        info.status or "RUNNING",
        info.user_id or tags.get("mlflow.user", ""),
        info.start_time,
        info.end_time,
        info.lifecycle_stage or "active",
        info.artifact_uri or "",
        tags,
        [(param.key, param.value or "") for param in data.params],
        [
            (metric.key, value, 0, metric.step or 0, metric.timestamp or 0)
            if (value := metric.value).__class__ is float
            else _metric_row(metric)
            for metric in data.metrics
        ],
        _datasets(run) if run.inputs is not None and run.inputs.dataset_inputs else [],
    )


def point_rows(points: Iterable[Metric]) -> list[PointRow]:
    """Points of one history as rows, in the order given."""
    rows: list[PointRow] = []
    for point in points:
        value = point.number
        nan = value != value
        rows.append((point.step or 0, point.timestamp or 0, None if nan else value, int(nan)))
    return rows


def _metric_row(metric: Metric) -> MetricRow:
    """A metric whose value is not plainly a float: text such as `NaN`, a whole number, nothing."""
    number = metric.number
    nan = math.isnan(number)
    return metric.key, None if nan else number, int(nan), metric.step or 0, metric.timestamp or 0


def _datasets(run: RunRecord) -> list[FlatDataset]:
    assert run.inputs is not None
    return [
        FlatDataset(
            entry.dataset.name,
            entry.dataset.digest,
            entry.dataset.source_type or "",
            entry.dataset.source or "",
            entry.context,
        )
        for entry in run.inputs.dataset_inputs
    ]
