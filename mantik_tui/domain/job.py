"""Jobs: what a site's batch system knows of a run, in our unified states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHING = "finishing"
    SUSPENDED = "suspended"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The site no longer knows the job and no record of its end exists."""
    UNKNOWN = "unknown"
    """Nothing could be learned; never an end."""

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.LOST})


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a run: a retry or an array task is another job."""

    run_id: int
    attempt: int
    job_id: str
    site: str
    state: JobState
    cause: str
    """For example `timeout`, `out of memory`, `killed by signal 9`, `exit code 3`; empty if none."""
    words: str
    """The site's own words, unshortened."""
    exit_code: int | None
    signal: int | None
    node: str
    folder: str
    submitted_ms: int | None
    started_ms: int | None
    ended_ms: int | None
    limit_ms: int | None
    seen_ms: int | None
    log_size: int
    """Bytes of the log stored here."""
