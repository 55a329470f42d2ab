"""Experiments and runs, in MLflow's words."""

from __future__ import annotations

from dataclasses import dataclass

from mantik_tui.domain.run_status import RunStatus as RunStatus


@dataclass(frozen=True, slots=True)
class Experiment:
    id: int
    server_id: str
    name: str
    lifecycle: str
    """`active` or `deleted`."""
    project_id: int | None
    run_count: int
    access: str
    """`ok`, or `lost` when the server no longer lists it; its runs are kept."""
    as_of_ms: int | None
    pulled: int
    """Runs stored by the first full pull so far; equals `pull_total` when that is complete."""
    pull_total: int | None
    """How many runs the server counted, None while it has not been asked."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """The latest value of one metric. NaN is kept as NaN; ±1.797e308 is how the server stores ±inf."""

    key: str
    value: float
    step: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a table shows of a run."""

    id: int
    """Row id in the local store; has no meaning elsewhere."""
    cid: str
    """Our id: the store's key, the run folder's name and the tag `mantik.cid`."""
    name: str
    status: str
    user: str
    start_ms: int | None
    end_ms: int | None
    experiment_id: int
    project_id: int | None
    site: str
    job_state: str
    """Our job state, empty for a run without a job."""
    cause: str
    """Why the job ended as it did, in words; empty if nothing is known."""
    pending: int
    """Outbox entries that still wait for this run."""
    metrics: dict[str, float]
    params: dict[str, str]
    began_ms: int | None = None
    """When its job began to run; without a job of ours, the run's start."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything known of one run, histories and artifacts aside."""

    id: int
    cid: str
    server_id: str | None
    name: str
    status: str
    lifecycle: str
    user: str
    start_ms: int | None
    end_ms: int | None
    experiment_id: int
    experiment_name: str
    project_id: int | None
    project_name: str
    artifact_uri: str
    note: str
    params: dict[str, str]
    metrics: dict[str, MetricValue]
    tags: dict[str, str]
    as_of_ms: int | None
    """When the server last told us about this run; None for one that it has not seen yet."""
    pending: int
    deleted_remotely: bool
    server_status: str
    """The status as the server has it; differs from `status` where the job knows better."""
    doc: dict[str, object]
    """What was recorded here at submission: entry point, code, config, site, snapshot; see `Provenance` in docs."""
    began_ms: int | None = None
    """When its latest job began to run; None without a job of ours."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of a run's artifact tree."""

    path: str
    is_dir: bool
    size: int | None
    as_of_ms: int
    local_path: str | None
    """Where a copy lies on this machine, if one was downloaded."""


@dataclass(frozen=True, slots=True)
class HistoryInfo:
    """How much of a metric's history is stored."""

    key: str
    count: int
    last_step: int
    complete: bool
    as_of_ms: int
