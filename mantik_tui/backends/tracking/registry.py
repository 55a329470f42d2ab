"""Registered models, their versions and aliases, logged models, datasets: read only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from mantik_tui.backends.tracking.records import (
    DatasetSummary,
    LoggedModelRecord,
    ModelVersionRecord,
    RegisteredModelRecord,
)
from mantik_tui.backends.tracking.wire import Params, Wire

NEWEST_FIRST = "last_updated_timestamp DESC"
_AJAX = "/ajax-api/2.0/mlflow/"
_MAX_DATASET_EXPERIMENTS = 20


class _RegisteredModels(msgspec.Struct, gc=False):
    registered_models: list[RegisteredModelRecord] = []
    next_page_token: str | None = None


class _ModelVersions(msgspec.Struct, gc=False):
    model_versions: list[ModelVersionRecord] = []
    next_page_token: str | None = None


class _LoggedModels(msgspec.Struct, gc=False):
    models: list[LoggedModelRecord] = []
    next_page_token: str | None = None


class _Datasets(msgspec.Struct, gc=False):
    dataset_summaries: list[DatasetSummary] = []


_REGISTERED = msgspec.json.Decoder(_RegisteredModels)
_VERSIONS = msgspec.json.Decoder(_ModelVersions)
_LOGGED = msgspec.json.Decoder(_LoggedModels)
_DATASETS = msgspec.json.Decoder(_Datasets)


class RegistryCalls:
    """The part of a tracking client that reads models and datasets."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def registered_model_pages(
        self, *, page_size: int = 1000, filter: str = ""
    ) -> AsyncIterator[list[RegisteredModelRecord]]:
        """Registered models with aliases and latest versions, last changed first; stop when you meet known ones.

        One request a page, at most 1000 models each.
        """
        token: str | None = None
        while True:
            answer = await self._wire.get(
                "registered-models/search", _search(page_size, filter, NEWEST_FIRST, token)
            )
            page = self._wire.decode(answer, _REGISTERED)
            yield page.registered_models
            if not page.next_page_token or page.next_page_token == token:
                return
            token = page.next_page_token

    async def registered_models(self) -> list[RegisteredModelRecord]:
        """All registered models. One request per 1000."""
        return [model async for page in self.registered_model_pages() for model in page]

    async def model_version_pages(
        self, *, page_size: int = 5000, filter: str = ""
    ) -> AsyncIterator[list[ModelVersionRecord]]:
        """Versions of registered models, last changed first. `filter` as in MLflow: `name = 'x'`, `run_id = 'y'`."""
        token: str | None = None
        while True:
            answer = await self._wire.get(
                "model-versions/search", _search(page_size, filter, NEWEST_FIRST, token)
            )
            page = self._wire.decode(answer, _VERSIONS)
            yield page.model_versions
            if not page.next_page_token or page.next_page_token == token:
                return
            token = page.next_page_token

    async def model_versions(self, *, filter: str = "") -> list[ModelVersionRecord]:
        """All versions. One request per 5000."""
        return [
            version async for page in self.model_version_pages(filter=filter) for version in page
        ]

    async def logged_models(
        self, experiment_ids: Sequence[str], *, since_ms: int | None = None, page_size: int = 1000
    ) -> list[LoggedModelRecord]:
        """Models that runs logged, in a registry or not; with `since_ms` those changed after it. One request a page.

        Raises NoSuchCall on servers before MLflow 3.0.
        """
        body: dict[str, Any] = {
            "experiment_ids": list(experiment_ids),
            "max_results": page_size,
            "order_by": [{"field_name": "last_updated_timestamp", "ascending": False}],
            "filter": None if since_ms is None else f"last_updated_timestamp > {since_ms}",
        }
        found: list[LoggedModelRecord] = []
        while True:
            answer = await self._wire.post("logged-models/search", body)
            page = self._wire.decode(answer, _LOGGED)
            found += page.models
            if not page.next_page_token or page.next_page_token == body.get("page_token"):
                return found
            body["page_token"] = page.next_page_token

    async def datasets(self, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
        """Datasets that runs of these experiments logged as input. One request per 20 experiments.

        The call belongs to MLflow's own web pages; raises NoSuchCall where it is missing.
        """
        found: list[DatasetSummary] = []
        for start in range(0, len(experiment_ids), _MAX_DATASET_EXPERIMENTS):
            part = list(experiment_ids[start : start + _MAX_DATASET_EXPERIMENTS])
            answer = await self._wire.post(
                "experiments/search-datasets", {"experiment_ids": part}, api=_AJAX
            )
            found += self._wire.decode(answer, _DATASETS).dataset_summaries
        return found


def _search(page_size: int, filter: str, order_by: str, token: str | None) -> Params:
    params: list[tuple[str, str | int]] = [("max_results", page_size), ("order_by", order_by)]
    if filter:
        params.append(("filter", filter))
    if token:
        params.append(("page_token", token))
    return params
