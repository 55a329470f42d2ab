"""MLflow's tracking REST API, asynchronous: experiments and runs here, the rest in `history`, `artifacts`,
`registry` and `access`. Each method is one request unless its text says otherwise.

All methods raise: `NeedsLogin` (401), `Forbidden` (403), `NotFound`, `AlreadyExists`, `Rejected` (refused for good),
`TrackingOffline` (no answer, or none that says anything; its `maybe_sent` tells whether a write may have happened),
`NotMlflow` (a `TrackingOffline`: something else answered) and `BadInput` (nothing was sent).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from mantik_tui.backends.tracking import limits, query
from mantik_tui.backends.tracking.access import AccessCalls
from mantik_tui.backends.tracking.address import NO_LOGIN, Address, Login
from mantik_tui.backends.tracking.artifacts import ArtifactCalls
from mantik_tui.backends.tracking.errors import AlreadyExists, not_mlflow
from mantik_tui.backends.tracking.history import HistoryCalls
from mantik_tui.backends.tracking.records import ExperimentRecord, RunInfo, RunRecord, ViewType
from mantik_tui.backends.tracking.registry import RegistryCalls
from mantik_tui.backends.tracking.wire import Answer, Counters, Timeouts, Wire
from mantik_tui.domain.errors import NotFound


class Count(StrEnum):
    """What a count probe found: how the server's number of rows compares with the one asked for."""

    EQUAL = "equal"
    FEWER = "fewer"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of a run search."""

    runs: list[RunRecord]
    next_offset: int | None
    """Where the next page starts, None after the last."""
    next_token: str | None
    server_date_ms: int | None
    """The server's clock when it answered, ms since 1970."""
    bytes: int
    """Size of the page's JSON."""


class _Runs(msgspec.Struct, gc=False):
    runs: list[RunRecord] = []
    next_page_token: str | None = None


class _OneRun(msgspec.Struct, gc=False):
    run: RunRecord = msgspec.field(default_factory=RunRecord)


class _UpdatedRun(msgspec.Struct, gc=False):
    run_info: RunInfo = msgspec.field(default_factory=RunInfo)


class _Experiments(msgspec.Struct, gc=False):
    experiments: list[ExperimentRecord] = []
    next_page_token: str | None = None


class _OneExperiment(msgspec.Struct, gc=False):
    experiment: ExperimentRecord = msgspec.field(default_factory=ExperimentRecord)


class _Created(msgspec.Struct, gc=False):
    experiment_id: str = ""


_RUNS = msgspec.json.Decoder(_Runs)
_ONE_RUN = msgspec.json.Decoder(_OneRun)
_UPDATED = msgspec.json.Decoder(_UpdatedRun)
_EXPERIMENTS = msgspec.json.Decoder(_Experiments)
_ONE_EXPERIMENT = msgspec.json.Decoder(_OneExperiment)
_CREATED = msgspec.json.Decoder(_Created)


class TrackingClient:
    """A tracking server. Use it as an async context manager, or call `close`."""

    def __init__(
        self,
        address: str,
        login: Login = NO_LOGIN,
        *,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeouts: Timeouts | None = None,
        user_agent: str = "mantik-tui",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """See `Wire`. `transport` is for tests."""
        self.wire = Wire(
            address, login, ca_file=ca_file, insecure=insecure, timeouts=timeouts, user_agent=user_agent,
            transport=transport,
        )  # fmt: skip
        self.history = HistoryCalls(self.wire)
        self.artifacts = ArtifactCalls(self.wire)
        self.registry = RegistryCalls(self.wire)
        self.access = AccessCalls(self.wire)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.wire.close()

    @property
    def address(self) -> Address:
        return self.wire.address

    @property
    def counters(self) -> Counters:
        """Requests and bytes since the client was made."""
        return self.wire.counters

    # Experiments

    async def experiment_pages(
        self, *, view: ViewType = ViewType.ALL, filter: str = "", page_size: int = 1000
    ) -> AsyncIterator[tuple[list[ExperimentRecord], Answer]]:
        """Pages of experiments, one request each, with the answer that they came in (its Date is of interest)."""
        token: str | None = None
        while True:
            answer = await self.wire.post(
                "experiments/search",
                {
                    "max_results": page_size,
                    "view_type": view,
                    "filter": filter or None,
                    "page_token": token,
                },
            )
            page = self.wire.decode(answer, _EXPERIMENTS)
            yield page.experiments, answer
            if not page.next_page_token or page.next_page_token == token:
                return
            token = page.next_page_token

    async def search_experiments(
        self, *, view: ViewType = ViewType.ALL, filter: str = "", page_size: int = 1000
    ) -> list[ExperimentRecord]:
        """All experiments that this login may read. One request per `page_size` experiments."""
        found: list[ExperimentRecord] = []
        async for page, _ in self.experiment_pages(view=view, filter=filter, page_size=page_size):
            found += page
        return found

    async def get_experiment(self, experiment_id: str) -> ExperimentRecord:
        answer = await self.wire.get("experiments/get", [("experiment_id", experiment_id)])
        return self._experiment(answer)

    async def get_experiment_by_name(self, name: str) -> ExperimentRecord:
        """Deleted ones are found too, since their names stay taken. Raises NotFound."""
        answer = await self.wire.get("experiments/get-by-name", [("experiment_name", name)])
        return self._experiment(answer)

    async def create_experiment(
        self,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        adopt: bool = False,
        same_tag: str = "",
    ) -> str:
        """Creates an experiment and returns its id.

        With `adopt`, one that has the name already is taken over (a second request), so that sending twice has the
        effect of sending once. With `same_tag` only if that tag of it has the value that `tags` gives; otherwise, and
        for a deleted one, raises AlreadyExists. Without `adopt`, raises AlreadyExists.
        """
        wanted = dict(tags or {})
        limits.check_experiment_tags(wanted.items())
        limits.check_value("name", name, limits.EXPERIMENT_NAME, "experiment's")
        try:
            answer = await self.wire.post(
                "experiments/create", {"name": name, "tags": _pairs(wanted)}
            )
        except AlreadyExists:
            if not adopt:
                raise
            return await self._adopt(name, wanted, same_tag)
        created = self.wire.decode(answer, _CREATED).experiment_id
        if not created:
            raise not_mlflow(self.wire.where, answer.what, "the new experiment's id is missing")
        return created

    async def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """Sets or replaces a tag; safe to repeat."""
        limits.check_experiment_tags([(key, value)])
        await self.wire.post(
            "experiments/set-experiment-tag",
            {"experiment_id": experiment_id, "key": key, "value": value},
        )

    async def delete_experiment_tag(self, experiment_id: str, key: str) -> bool:
        """Removes a tag. False if it was gone already."""
        return await self._delete(
            "experiments/delete-experiment-tag", {"experiment_id": experiment_id, "key": key}
        )

    # Runs, read

    async def search_runs(
        self,
        experiment_ids: Sequence[str],
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        max_results: int = 500,
        offset: int = 0,
        token: str | None = None,
        view: ViewType = ViewType.ALL,
    ) -> RunPage:
        """One page of runs. `offset` is a row number, any may be asked for; `token` is a server's own and wins."""
        answer = await self.wire.post(
            "runs/search",
            {
                "experiment_ids": list(experiment_ids),
                "filter": filter or None,
                "order_by": list(order_by) or None,
                "max_results": max_results,
                "page_token": token or query.page_token(offset),
                "run_view_type": view,
            },
        )
        page = self.wire.decode(answer, _RUNS)
        after = page.next_page_token or None
        next_offset = None
        if after is not None:
            next_offset = query.offset_of(after) or offset + len(page.runs)
        return RunPage(page.runs, next_offset, after, answer.server_date_ms, len(answer.content))

    async def count_at(
        self,
        experiment_ids: Sequence[str],
        n: int,
        *,
        filter: str = "",
        view: ViewType = ViewType.ALL,
    ) -> Count:
        """Whether exactly `n` runs match, by asking for the row `n - 1` alone."""
        page = await self.search_runs(
            experiment_ids, filter=filter, max_results=1, offset=max(0, n - 1), view=view
        )
        if n <= 0:
            return Count.MORE if page.runs else Count.EQUAL
        if not page.runs:
            return Count.FEWER
        return Count.EQUAL if page.next_token is None else Count.MORE

    async def get_run(self, run_id: str) -> RunRecord:
        """One run with all its latest values. Raises NotFound."""
        answer = await self.wire.get("runs/get", [("run_id", run_id)])
        run = self.wire.decode(answer, _ONE_RUN).run
        return self._known(run, answer)

    async def runs_by_id(
        self,
        experiment_ids: Sequence[str],
        run_ids: Sequence[str],
        *,
        view: ViewType = ViewType.ALL,
    ) -> list[RunRecord]:
        """The runs among `run_ids` that the server has, in no given order. One request per 1000 ids."""
        found: list[RunRecord] = []
        for start in range(0, len(run_ids), limits.ID_FILTER):
            part = run_ids[start : start + limits.ID_FILTER]
            page = await self.search_runs(
                experiment_ids, filter=query.id_in(part), max_results=len(part), view=view
            )
            found += page.runs
        return found

    async def runs_with_tag(
        self, experiment_ids: Sequence[str], key: str, value: str, *, max_results: int = 100
    ) -> list[RunRecord]:
        """Runs, deleted ones too, that carry this tag: how a creation is looked up before it is sent again."""
        page = await self.search_runs(
            experiment_ids, filter=query.tag_is(key, value), max_results=max_results
        )
        return page.runs

    # Runs, written

    async def create_run(
        self, experiment_id: str, *, name: str = "", tags: Mapping[str, str] | None = None, start_ms: int,
        user: str = "",
    ) -> RunRecord:  # fmt: skip
        """Creates a run. Not safe to repeat: look for its id tag with `runs_with_tag` first."""
        wanted = dict(tags or {})
        limits.check_run_tags(wanted.items())
        answer = await self.wire.post(
            "runs/create",
            {
                "experiment_id": experiment_id,
                "run_name": name or None,
                "user_id": user or None,
                "start_time": start_ms,
                "tags": _pairs(wanted),
            },
        )
        return self._known(self.wire.decode(answer, _ONE_RUN).run, answer)

    async def update_run(
        self,
        run_id: str,
        *,
        status: str | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> RunInfo:
        """Changes status, end time or name; safe to repeat. A run set back to RUNNING keeps its old end time."""
        answer = await self.wire.post(
            "runs/update",
            {"run_id": run_id, "status": status, "end_time": end_ms, "run_name": name},
        )
        return self.wire.decode(answer, _UPDATED).run_info

    async def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Sets or replaces a tag of an active run; safe to repeat."""
        limits.check_run_tags([(key, value)])
        await self.wire.post("runs/set-tag", {"run_id": run_id, "key": key, "value": value})

    async def delete_tag(self, run_id: str, key: str) -> bool:
        """Removes a tag. False if it, or the run, was gone already."""
        return await self._delete("runs/delete-tag", {"run_id": run_id, "key": key})

    async def log_param(self, run_id: str, key: str, value: str) -> None:
        """Logs a param; the same value again is fine, another one is refused (Rejected): params never change."""
        limits.check_params([(key, value)])
        await self.wire.post("runs/log-parameter", {"run_id": run_id, "key": key, "value": value})

    async def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[tuple[str, float, int, int]] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Logs metrics as (key, value, timestamp in ms, step), params and tags in one request; safe to repeat.

        Raises BadInput above MLflow's limits for one request: 1000 metrics, 100 params, 100 tags, 1000 together.
        """
        params, tags = dict(params or {}), dict(tags or {})
        limits.check_params(params.items())
        limits.check_run_tags(tags.items())
        limits.check_batch(len(metrics), len(params), len(tags))
        await self.wire.post(
            "runs/log-batch",
            {
                "run_id": run_id,
                "metrics": [
                    {"key": key, "value": _json_number(value), "timestamp": at_ms, "step": step}
                    for key, value, at_ms, step in metrics
                ],
                "params": _pairs(params),
                "tags": _pairs(tags),
            },
        )

    async def delete_run(self, run_id: str) -> None:
        """Moves a run to the deleted ones; safe to repeat."""
        await self.wire.post("runs/delete", {"run_id": run_id})

    async def restore_run(self, run_id: str) -> None:
        """Takes a run back from the deleted ones; safe to repeat."""
        await self.wire.post("runs/restore", {"run_id": run_id})

    # Helpers

    async def _adopt(self, name: str, tags: Mapping[str, str], same_tag: str) -> str:
        found = await self.get_experiment_by_name(name)
        if found.deleted:
            raise AlreadyExists(
                f"The experiment {name!r} was deleted on the server, its name is still taken",
                hint="Restore it in MLflow's own interface, or choose another name.",
            )
        if same_tag and found.tag_map.get(same_tag) != tags.get(same_tag):
            raise AlreadyExists(
                f"Another experiment is named {name!r}",
                "It was not made by this request",
                "Choose another name.",
            )
        return found.experiment_id

    async def _delete(self, path: str, body: Mapping[str, Any]) -> bool:
        try:
            await self.wire.post(path, body)
        except NotFound:
            return False
        return True

    def _experiment(self, answer: Answer) -> ExperimentRecord:
        found = self.wire.decode(answer, _ONE_EXPERIMENT).experiment
        if not found.experiment_id:
            raise not_mlflow(self.wire.where, answer.what, "the experiment is missing")
        return found

    def _known(self, run: RunRecord, answer: Answer) -> RunRecord:
        if not run.info.run_id:
            raise not_mlflow(self.wire.where, answer.what, "the run is missing")
        return run


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]] | None:
    return [{"key": key, "value": value} for key, value in values.items()] or None


def _json_number(value: float) -> float | str:
    """JSON has no NaN and no infinity; MLflow takes them as text."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
