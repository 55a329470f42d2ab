"""From what was seen of a job to its state: one pure function, `unify`.

What is seen comes from several sources that lag behind each other and lie in their own ways. The rules:

1. Not seen is not ended. A job becomes `lost` only after every source that was asked has been silent for `LOST_AFTER_MS`.
2. A word that is not in the tables is `unknown`, and unknown is never an end. The last known state is kept beside it.
3. The job's own record of its end wins over silence and over words that say the job still lives, since those lag.
4. The batch system's word for an end wins over the record's guess at the reason (a TERM by a time limit looks like a
   cancellation to the job), but not over a proven success or a proven failure of the command.
5. An end stays. Only proof of a requeue (a higher attempt, or the queue's word) brings a job back; a `lost` job may still
   turn out to have ended otherwise.
6. Records of an earlier attempt say nothing about a later one.
7. Observations made together have no order.

The words of Slurm and their meaning follow the table of squeue's and sacct's job state codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mantik_tui.domain.job import JobState
from mantik_tui.domain.run import RunStatus

LOST_AFTER_MS = 60_000
"""How long every asked source must be silent before a job counts as lost."""

PREEMPTED_GRACE_MS = 600_000
"""How long a preempted or revoked job may take to be requeued before it counts as failed."""


class Source(StrEnum):
    QUEUE = "queue"
    """The live list of the batch system, such as squeue."""
    ACCOUNTING = "accounting"
    """The batch system's history, such as sacct."""
    RECORD = "record"
    """A file that the job script wrote: `waiting`, `started`, `ended`, `warned`, `cancel`."""
    PROCESS = "process"
    """The process table: `alive`, `stopped`, `script-gone`, `gone`."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen of a job."""

    source: Source
    word: str
    """The source's word for the state. Empty: the source was asked, answered, and does not know the job.
    A source that gave no answer makes no observation."""
    seen_ms: int
    job_id: str = ""
    attempt: int = 0
    """From 1; 0 where the source does not tell."""
    exit_code: int | None = None
    signal: int | None = None
    cause: str = ""
    """The record's own reason: `timeout`, `stopped`, or empty."""
    stage: str = ""
    """What the script was doing when it ended: `modules`, `pre command 2`, `command`, ..."""
    reason: str = ""
    """Why it waits, in the site's words."""
    words: str = ""
    """Everything the site said, unshortened."""
    started_ms: int | None = None
    ended_ms: int | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is known now."""

    state: JobState
    cause: str = ""
    """Why it ended as it did, or what is wrong: `timeout`, `killed by signal 9`, `exit code 3`; empty if nothing is."""
    words: str = ""
    """The site's own words, unshortened."""
    reason: str = ""
    """Why it waits."""
    exit_code: int | None = None
    signal: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    seen_ms: int | None = None
    """When the site last gave information."""
    node: str = ""
    job_id: str = ""
    """The id that the site knows; may differ from the one asked for when a double submission was turned away."""
    attempt: int = 0
    last_known: JobState = JobState.UNKNOWN
    """The last state that was not `unknown`."""
    unsettled_ms: int | None = None
    """Since when nothing definite could be learned; None when something is known."""


def unify(observations: Iterable[Observation], previous: JobView | None, now_ms: int) -> JobView:
    """The state of one job after a round of asking. `observations` is what this round saw, in any order.

    Without any observation, or with none of the latest attempt, nothing is learned and `previous` is returned as it is.
    """
    seen = sorted(set(observations), key=_canonical)
    if not seen:
        return previous or JobView(JobState.UNKNOWN)
    attempt = max(max(o.attempt for o in seen), previous.attempt if previous else 0)
    current = [o for o in seen if o.attempt in (0, attempt)]
    if not current:
        return previous or JobView(JobState.UNKNOWN)
    fresh = _judge(current, attempt, previous, now_ms)
    if previous is None or not previous.state.ended:
        return _carry(fresh, previous)
    if _requeued(current, attempt, previous):
        return replace(fresh, unsettled_ms=None)
    return _keep_end(fresh, previous)


def run_status(state: JobState) -> RunStatus | None:
    """MLflow's status for a run whose job is in `state`; None where the job proves none (`lost`, `unknown`)."""
    return _RUN_STATUS.get(state)


_RUN_STATUS = {
    JobState.QUEUED: RunStatus.SCHEDULED,
    JobState.RUNNING: RunStatus.RUNNING,
    JobState.FINISHING: RunStatus.RUNNING,
    JobState.SUSPENDED: RunStatus.RUNNING,
    JobState.FINISHED: RunStatus.FINISHED,
    JobState.FAILED: RunStatus.FAILED,
    JobState.CANCELLED: RunStatus.KILLED,
}

_BATCH_WORDS = {
    **dict.fromkeys(
        [
            "PENDING",
            "CONFIGURING",
            "REQUEUED",
            "REQUEUE_FED",
            "REQUEUE_HOLD",
            "RESV_DEL_HOLD",
            "SPECIAL_EXIT",
        ],
        JobState.QUEUED,
    ),
    **dict.fromkeys(["RUNNING", "SIGNALING", "RESIZING", "STAGE_OUT"], JobState.RUNNING),
    "COMPLETING": JobState.FINISHING,
    **dict.fromkeys(["SUSPENDED", "STOPPED"], JobState.SUSPENDED),
    "COMPLETED": JobState.FINISHED,
    "CANCELLED": JobState.CANCELLED,
    **dict.fromkeys(
        [
            "FAILED",
            "BOOT_FAIL",
            "NODE_FAIL",
            "DEADLINE",
            "OUT_OF_MEMORY",
            "TIMEOUT",
            "LAUNCH_FAILED",
            "RECONFIG_FAIL",
        ],
        JobState.FAILED,
    ),
}
_BATCH_CAUSES = {
    "BOOT_FAIL": "node failed to boot",
    "NODE_FAIL": "node failure",
    "DEADLINE": "deadline missed",
    "OUT_OF_MEMORY": "out of memory",
    "TIMEOUT": "timeout",
    "LAUNCH_FAILED": "launch failed",
    "RECONFIG_FAIL": "node reconfiguration failed",
    "CANCELLED": "cancelled",
}
_UNSETTLED_WORDS = {"PREEMPTED": "preempted", "REVOKED": "revoked"}
_REQUEUE_WORDS = frozenset({"REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
_NEVER_STARTS = frozenset(
    {
        "DependencyNeverSatisfied",
        "PartitionConfig",
        "PartitionNodeLimit",
        "PartitionTimeLimit",
        "BadConstraints",
        "QOSMaxNodePerUserLimit",
        "InvalidAccount",
        "InvalidQOS",
        "ReservationDeleted",
    }
)
_HELD = frozenset({"JobHeldUser", "JobHeldAdmin"})
_SIGNALS = {1: "HUP", 2: "INT", 9: "KILL", 11: "SEGV", 6: "ABRT", 7: "BUS", 8: "FPE", 15: "TERM"}


def _canonical(o: Observation) -> tuple[object, ...]:
    return (
        o.source.value,
        -o.attempt,
        -o.seen_ms,
        o.word,
        o.job_id,
        o.words,
        o.reason,
        o.cause,
        o.stage,
        o.node,
        -1 if o.exit_code is None else o.exit_code,
        -1 if o.signal is None else o.signal,
        o.started_ms or 0,
        o.ended_ms or 0,
    )


def _judge(
    seen: Sequence[Observation], attempt: int, previous: JobView | None, now_ms: int
) -> JobView:
    """What this round alone says."""
    base = JobView(
        JobState.UNKNOWN,
        words="; ".join(dict.fromkeys(o.words for o in seen if o.words)),
        reason=next((o.reason for o in seen if o.reason), ""),
        started_ms=min((o.started_ms for o in seen if o.started_ms), default=None),
        seen_ms=max(o.seen_ms for o in seen),
        node=next((o.node for o in seen if o.node), ""),
        job_id=next((o.job_id for o in seen if o.job_id), ""),
        attempt=attempt,
    )
    ended = _find(seen, Source.RECORD, "ended")
    word_of_end = _batch_end(seen)
    if ended is not None and not _says_requeue(seen):
        return _by_record(base, ended, word_of_end, cancelled=_was_cancelled(seen))
    if word_of_end is not None and not _says_requeue(seen):
        return _by_batch(base, word_of_end)
    alive = _by_life(base, seen)
    if alive is not None:
        return alive
    if _find(seen, Source.PROCESS, "gone") is not None:
        return _by_absence(base, seen)
    return _unsettled(base, seen, previous, now_ms)


def _find(seen: Iterable[Observation], source: Source, word: str) -> Observation | None:
    return next((o for o in seen if o.source is source and o.word == word), None)


def _batch_word(o: Observation) -> str:
    """Slurm's word without what may follow it: `CANCELLED by 1002`, `CANCELLED+`."""
    return o.word.split(maxsplit=1)[0].rstrip("+").upper() if o.word.strip() else ""


def _from_batch(seen: Iterable[Observation]) -> list[tuple[Observation, str]]:
    return [(o, _batch_word(o)) for o in seen if o.source in (Source.QUEUE, Source.ACCOUNTING)]


def _batch_end(seen: Iterable[Observation]) -> Observation | None:
    """The batch system's word for an end; the most telling one if its sources differ."""
    ends = [
        (o, word)
        for o, word in _from_batch(seen)
        if word in _BATCH_WORDS and _BATCH_WORDS[word].ended
    ]
    rank = {JobState.FAILED: 0, JobState.CANCELLED: 1, JobState.FINISHED: 2}
    ends.sort(key=lambda e: (e[1] not in _BATCH_CAUSES, rank[_BATCH_WORDS[e[1]]], e[1]))
    return ends[0][0] if ends else None


def _was_cancelled(seen: Iterable[Observation]) -> bool:
    return _find(seen, Source.RECORD, "cancel") is not None


def _says_requeue(seen: Iterable[Observation]) -> bool:
    return any(o.source is Source.QUEUE and word in _REQUEUE_WORDS for o, word in _from_batch(seen))


def _by_record(
    base: JobView, ended: Observation, batch: Observation | None, *, cancelled: bool
) -> JobView:
    view = replace(
        base,
        exit_code=ended.exit_code,
        signal=ended.signal,
        ended_ms=ended.ended_ms,
        started_ms=ended.started_ms or base.started_ms,
    )
    if ended.cause == "timeout":
        state, cause = JobState.FAILED, "timeout"
    elif ended.cause == "stopped":
        state = JobState.CANCELLED
        cause = "cancelled" if cancelled else f"stopped by signal {_signal(ended.signal)}"
    elif ended.exit_code == 0 and ended.signal is None:
        return _end(view, JobState.FINISHED, "")
    else:
        state, cause = JobState.FAILED, _failure(ended)
        if cancelled and ended.signal is not None:
            state, cause = JobState.CANCELLED, "cancelled"
    if batch is not None:
        word = _batch_word(batch)
        stopped = ended.signal is not None or ended.cause != ""
        if word in _BATCH_CAUSES and (stopped or word != "CANCELLED"):
            state, cause = _BATCH_WORDS[word], _BATCH_CAUSES[word]
    return _end(view, state, cause)


def _failure(o: Observation) -> str:
    if o.signal is not None:
        cause = f"killed by signal {_signal(o.signal)}"
    elif o.exit_code is not None:
        cause = f"exit code {o.exit_code}"
    else:
        cause = o.cause or "unknown"
    return cause if o.stage in ("", "command") else f"{o.stage} failed: {cause}"


def _signal(number: int | None) -> str:
    if number is None:
        return "unknown"
    return f"{number} ({_SIGNALS[number]})" if number in _SIGNALS else str(number)


def _by_batch(base: JobView, o: Observation) -> JobView:
    word = _batch_word(o)
    view = replace(
        base,
        # TIMEOUT and CANCELLED come with exit code 0, which says nothing about the command.
        exit_code=None if word in _BATCH_CAUSES and o.exit_code == 0 else o.exit_code,
        signal=o.signal or None,
        ended_ms=o.ended_ms,
    )
    state = _BATCH_WORDS[word]
    if word == "COMPLETED":
        return _end(view, state, "")
    return _end(view, state, _BATCH_CAUSES.get(word) or _failure(replace(o, signal=view.signal)))


def _end(view: JobView, state: JobState, cause: str) -> JobView:
    return replace(view, state=state, cause=cause, reason="", last_known=state)


def _by_life(base: JobView, seen: Sequence[Observation]) -> JobView | None:
    """Signs of life. The most advanced one counts, since the others lag."""
    signs: list[tuple[int, JobState, str]] = []
    order = (JobState.QUEUED, JobState.RUNNING, JobState.SUSPENDED, JobState.FINISHING)
    started = _find(seen, Source.RECORD, "started") is not None
    for o, word in _from_batch(seen):
        state = _BATCH_WORDS.get(word)
        if state in order:
            # The live list is fresher than the history, so its word counts more.
            weight = order.index(state) + (10 if o.source is Source.QUEUE else 0)
            signs.append((weight, state, _why_waiting(o.reason)))
    for o in seen:
        if o.source is not Source.PROCESS or o.word not in ("alive", "stopped", "script-gone"):
            continue
        if o.word == "stopped":
            signs.append((23, JobState.SUSPENDED, ""))
        elif o.word == "script-gone":
            cause = "the job script is gone, the training goes on" if started else ""
            signs.append((22, JobState.RUNNING if started else JobState.QUEUED, cause))
        else:
            signs.append((21, JobState.RUNNING if started else JobState.QUEUED, ""))
    if not signs:
        return None
    _, state, cause = max(signs, key=lambda sign: (sign[0], sign[2]))
    if state is JobState.QUEUED and started and not _says_requeue(seen):
        state, cause = JobState.RUNNING, ""
    reason = base.reason if state is JobState.QUEUED else ""
    return replace(base, state=state, cause=cause, reason=reason, last_known=state)


def _why_waiting(reason: str) -> str:
    if reason in _NEVER_STARTS:
        return "can't start as asked"
    return "held" if reason in _HELD else ""


def _by_absence(base: JobView, seen: Sequence[Observation]) -> JobView:
    """The process table proves that nothing of the job lives, and there is no record of its end."""
    if _was_cancelled(seen):
        return _end(base, JobState.CANCELLED, "cancelled")
    started = _find(seen, Source.RECORD, "started") is not None
    cause = "the job script was killed" + ("" if started else " before the training began")
    return _end(base, JobState.FAILED, cause)


def _unsettled(
    base: JobView, seen: Sequence[Observation], previous: JobView | None, now_ms: int
) -> JobView:
    """Words that settle nothing, unknown words, and silence."""
    since = previous.unsettled_ms if previous and previous.unsettled_ms is not None else now_ms
    view = replace(
        base,
        unsettled_ms=since,
        last_known=previous.last_known if previous else JobState.UNKNOWN,
    )
    words = {word for _, word in _from_batch(seen)}
    preempted = sorted(words & set(_UNSETTLED_WORDS))
    if preempted and now_ms - since >= PREEMPTED_GRACE_MS:
        return _end(view, JobState.FAILED, _UNSETTLED_WORDS[preempted[0]])
    silent = all(o.word == "" or o.source is Source.RECORD for o in seen)
    if silent and any(o.word == "" for o in seen) and now_ms - since >= LOST_AFTER_MS:
        return _end(view, JobState.LOST, "the site no longer knows the job")
    return view


def _carry(fresh: JobView, previous: JobView | None) -> JobView:
    """What earlier rounds knew and this one did not say."""
    if previous is None:
        return fresh
    same_attempt = fresh.attempt == previous.attempt
    return replace(
        fresh,
        started_ms=fresh.started_ms or (previous.started_ms if same_attempt else None),
        node=fresh.node or previous.node,
        job_id=fresh.job_id or previous.job_id,
        unsettled_ms=fresh.unsettled_ms if fresh.state is JobState.UNKNOWN else None,
    )


def _requeued(seen: Sequence[Observation], attempt: int, previous: JobView) -> bool:
    if attempt > previous.attempt > 0:
        return True
    if previous.state is JobState.CANCELLED:
        return False
    return any(
        o.source is Source.QUEUE and (word in _REQUEUE_WORDS or word == "PENDING")
        for o, word in _from_batch(seen)
    )


def _keep_end(fresh: JobView, previous: JobView) -> JobView:
    """An ended job stays ended; details that arrive later are added."""
    if previous.state is JobState.LOST and fresh.state.ended:
        return replace(_carry(fresh, previous), unsettled_ms=None)
    better = fresh if fresh.state is previous.state else previous
    # The accounting may name the cause a round later than the record the end.
    cause = better.cause if better.cause in _BATCH_CAUSES.values() else previous.cause
    return replace(
        previous,
        cause=cause or better.cause,
        words=better.words or previous.words,
        exit_code=previous.exit_code if previous.exit_code is not None else better.exit_code,
        signal=previous.signal if previous.signal is not None else better.signal,
        started_ms=previous.started_ms or better.started_ms,
        ended_ms=previous.ended_ms or better.ended_ms,
        seen_ms=max(previous.seen_ms or 0, fresh.seen_ms or 0) or None,
        node=previous.node or better.node,
        job_id=previous.job_id or better.job_id,
    )
