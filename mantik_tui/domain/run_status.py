"""MLflow's statuses of a run, apart from runs: the first screen needs no more of them."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """MLflow's five run statuses."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED})
