"""A tracking server and a site in memory, which fail as asked: before, after, or in the middle of what they do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from mantik_tui.backends.tracking.errors import TrackingOffline
from mantik_tui.backends.tracking.records import RunRecord
from mantik_tui.domain.errors import NeedsLogin, Refused, Unsure

import msgspec  # isort: skip

T = TypeVar("T")


class Crash(BaseException):
    """kill -9: nothing that follows is done."""


class Fate(Enum):
    """What becomes of one call to the world outside."""

    FINE = "fine"
    NOT_REACHED = "not reached"
    ANSWER_LOST = "answer lost"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    NEEDS_LOGIN = "needs login"


BAD = "bad"
"""A value that the server refuses."""


@dataclass
class FakeRun:
    run_id: str
    name: str
    status: str
    tags: dict[str, str]


@dataclass
class World:
    """Both sides of what the outbox writes to. `fates` are used up call by call; then all goes well."""

    runs: dict[str, FakeRun] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    """Job id by run folder's run id."""
    submissions: list[str] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    fates: list[Fate] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def call(self, act: Callable[[], T]) -> T:
        fate = self.fates.pop(0) if self.fates else Fate.FINE
        if fate is Fate.CRASH_BEFORE:
            raise Crash
        if fate is Fate.NOT_REACHED:
            raise TrackingOffline("No network", maybe_sent=False)
        if fate is Fate.NEEDS_LOGIN:
            raise NeedsLogin("The login has expired")
        done = act()
        if fate is Fate.CRASH_AFTER:
            raise Crash
        if fate is Fate.ANSWER_LOST:
            raise TrackingOffline("The answer was cut", maybe_sent=True)
        return done

    def of(self, cid: str) -> list[FakeRun]:
        return [run for run in self.runs.values() if run.tags.get("mantik.cid") == cid]

    # The tracking server

    async def get_run(self, run_id: str) -> RunRecord:
        return self.call(lambda: self._record(run_id))

    async def runs_with_tag(
        self, experiment_ids: list[str], key: str, value: str
    ) -> list[RunRecord]:
        return self.call(
            lambda: [
                self._record(run.run_id)
                for run in list(self.runs.values())
                if run.tags.get(key) == value
            ]
        )

    async def create_run(
        self, experiment_id: str, *, name: str, tags: Mapping[str, str], start_ms: int, user: str
    ) -> RunRecord:
        def act() -> RunRecord:
            run = FakeRun(f"server-{next(self._numbers):03d}", name, "RUNNING", dict(tags))
            self.runs[run.run_id] = run
            return self._record(run.run_id)

        return self.call(act)

    async def update_run(
        self,
        run_id: str,
        *,
        status: str | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> None:
        def act() -> None:
            run = self.runs[run_id]
            if name == BAD:
                raise Refused("The name was refused", "INVALID_PARAMETER_VALUE")
            run.status = status or run.status
            run.name = run.name if name is None else name

        self.call(act)

    async def delete_run(self, run_id: str) -> None:
        self.call(lambda: self.runs.pop(run_id))

    async def set_tag(self, run_id: str, key: str, value: str) -> None:
        def act() -> None:
            if value == BAD:
                raise Refused("The tag was refused", "INVALID_PARAMETER_VALUE")
            self.runs[run_id].tags[key] = value

        self.call(act)

    async def delete_tag(self, run_id: str, key: str) -> bool:
        return self.call(lambda: self.runs[run_id].tags.pop(key, None) is not None)

    async def get_experiment_by_name(self, name: str) -> Any:
        return self.call(lambda: _Experiment("1"))

    async def log_batch(self, run_id: str, **_values: Any) -> None:
        self.call(lambda: None)

    def _record(self, run_id: str) -> RunRecord:
        run = self.runs[run_id]
        doc = {
            "info": {"run_id": run_id, "experiment_id": "1", "run_name": run.name, "status": run.status,
                     "lifecycle_stage": "active"},
            "data": {"tags": [{"key": key, "value": value} for key, value in run.tags.items()]},
        }  # fmt: skip
        return msgspec.convert(doc, RunRecord, strict=False)

    # The site

    def submit_job(self, cid: str, *, look_first: bool, refuse: bool) -> str:
        """What a site does with a submission; it has no guards of its own against a second one."""

        def act() -> str:
            if look_first and cid in self.jobs:
                return self.jobs[cid]
            if refuse:
                raise _NothingRuns()
            self.submissions.append(cid)
            self.jobs[cid] = f"job-{cid}"
            return self.jobs[cid]

        try:
            return self.call(act)
        except TrackingOffline as error:
            if error.maybe_sent:
                raise Unsure("Time out", "the controller did not answer") from error
            raise


@dataclass(frozen=True)
class _Experiment:
    experiment_id: str


def _NothingRuns() -> Exception:
    from mantik_tui.sync.outbox import NothingRuns

    return NothingRuns("The site refused the job", "invalid partition")
