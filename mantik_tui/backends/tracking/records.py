"""MLflow's REST messages as typed records, decoded straight from bytes.

MLflow leaves out what is empty or unset, and other servers that speak its protocol send null: every field has a default.
Field names are MLflow's own (`mlflow/protos/service.proto`, `model_registry.proto`). Times are milliseconds since 1970.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec


class ViewType(StrEnum):
    """Which lifecycle stages a search returns."""

    ACTIVE = "ACTIVE_ONLY"
    DELETED = "DELETED_ONLY"
    ALL = "ALL"


class Pair(msgspec.Struct, gc=False):
    """A param or a tag."""

    key: str = ""
    value: str | None = None


class Metric(msgspec.Struct, gc=False):
    """The latest value of a metric, or one point of its history.

    `value` is the text `NaN` for not-a-number; the server keeps ±inf as ±1.797e308.
    """

    key: str = ""
    value: float | str | None = 0.0
    timestamp: int | None = None
    step: int | None = None
    run_id: str = ""

    @property
    def number(self) -> float:
        """The value as a float, NaN kept."""
        return to_float(self.value)


class RunInfo(msgspec.Struct, gc=False):
    run_id: str = ""
    experiment_id: str = ""
    run_name: str | None = None
    user_id: str | None = None
    status: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str | None = None
    lifecycle_stage: str | None = None


class RunData(msgspec.Struct, gc=False):
    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class DatasetInfo(msgspec.Struct, gc=False):
    name: str = ""
    digest: str = ""
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, gc=False):
    tags: list[Pair] = []
    dataset: DatasetInfo = msgspec.field(default_factory=DatasetInfo)

    @property
    def context(self) -> str:
        """What the run used the dataset for, for example `training`; empty if it did not say."""
        return next((tag.value or "" for tag in self.tags if tag.key == "mlflow.data.context"), "")


class RunInputs(msgspec.Struct, gc=False):
    dataset_inputs: list[DatasetInput] = []


class RunRecord(msgspec.Struct, gc=False):
    info: RunInfo = msgspec.field(default_factory=RunInfo)
    data: RunData = msgspec.field(default_factory=RunData)
    inputs: RunInputs | None = None


class ExperimentRecord(msgspec.Struct, gc=False):
    experiment_id: str = ""
    name: str = ""
    artifact_location: str | None = None
    lifecycle_stage: str | None = None
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: list[Pair] = []

    @property
    def tag_map(self) -> dict[str, str]:
        """Tags by key."""
        return {tag.key: tag.value or "" for tag in self.tags}

    @property
    def deleted(self) -> bool:
        return self.lifecycle_stage == "deleted"


class ArtifactRecord(msgspec.Struct, gc=False):
    """One entry of a run's artifacts; `path` is relative to the run's root."""

    path: str = ""
    is_dir: bool = False
    file_size: int | None = None


class ModelAlias(msgspec.Struct, gc=False):
    alias: str = ""
    version: str = ""


class ModelVersionRecord(msgspec.Struct, gc=False):
    name: str = ""
    version: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    user_id: str | None = None
    current_stage: str | None = None
    description: str | None = None
    source: str | None = None
    run_id: str | None = None
    status: str | None = None
    status_message: str | None = None
    tags: list[Pair] = []
    aliases: list[str] = []
    model_id: str | None = None


class RegisteredModelRecord(msgspec.Struct, gc=False):
    name: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    tags: list[Pair] = []
    aliases: list[ModelAlias] = []
    latest_versions: list[ModelVersionRecord] = []


class LoggedModelInfo(msgspec.Struct, gc=False):
    model_id: str = ""
    experiment_id: str = ""
    name: str = ""
    creation_timestamp_ms: int | None = None
    last_updated_timestamp_ms: int | None = None
    artifact_uri: str | None = None
    status: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    tags: list[Pair] = []


class LoggedModelData(msgspec.Struct, gc=False):
    params: list[Pair] = []
    metrics: list[Metric] = []


class LoggedModelRecord(msgspec.Struct, gc=False):
    info: LoggedModelInfo = msgspec.field(default_factory=LoggedModelInfo)
    data: LoggedModelData = msgspec.field(default_factory=LoggedModelData)


class DatasetSummary(msgspec.Struct, gc=False):
    """A dataset that some run of the experiment logged as its input."""

    experiment_id: str = ""
    name: str = ""
    digest: str = ""
    context: str | None = None


class ServerInfo(msgspec.Struct, gc=False):
    """What a server tells of its set-up without a login; absent on older ones."""

    store_type: str | None = None
    workspaces_enabled: bool | None = None
    multipart_uploads_enabled: bool | None = None
    multipart_downloads_enabled: bool | None = None


def to_float(value: float | str | None) -> float:
    """A metric's value as the server sends it, as a float; anything that is no number is NaN."""
    if value.__class__ is float:
        return value
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
