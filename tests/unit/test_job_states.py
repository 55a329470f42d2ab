"""What a job's state becomes from what was seen of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import (
    LOST_AFTER_MS,
    PREEMPTED_GRACE_MS,
    JobView,
    Observation,
    Source,
    run_status,
    unify,
)
from mantik_tui.domain.run import RunStatus

NOW = 1_700_000_000_000
KNOWN_WORDS = (
    "PENDING CONFIGURING REQUEUED REQUEUE_FED REQUEUE_HOLD RESV_DEL_HOLD SPECIAL_EXIT RUNNING "
    "SIGNALING RESIZING STAGE_OUT COMPLETING SUSPENDED STOPPED COMPLETED FAILED BOOT_FAIL NODE_FAIL "
    "DEADLINE OUT_OF_MEMORY TIMEOUT CANCELLED PREEMPTED REVOKED LAUNCH_FAILED RECONFIG_FAIL"
)
REQUEUE_WORDS = {"REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "PENDING"}


def queue(word: str, **more: object) -> Observation:
    return _seen(Source.QUEUE, word, **more)


def accounting(word: str, **more: object) -> Observation:
    return _seen(Source.ACCOUNTING, word, **more)


def record(word: str, **more: object) -> Observation:
    return _seen(Source.RECORD, word, **{"attempt": 1, **more})


def process(word: str, **more: object) -> Observation:
    return _seen(Source.PROCESS, word, **more)


def _seen(source: Source, word: str, **more: object) -> Observation:
    return replace(Observation(source, word, NOW), **more)  # type: ignore[arg-type]


def state_of(*seen: Observation, previous: JobView | None = None, now_ms: int = NOW) -> JobView:
    return unify(seen, previous, now_ms)


@pytest.mark.parametrize(
    ("word", "state", "cause"),
    [
        ("PENDING", JobState.QUEUED, ""),
        ("CONFIGURING", JobState.QUEUED, ""),
        ("REQUEUED", JobState.QUEUED, ""),
        ("RUNNING", JobState.RUNNING, ""),
        ("STAGE_OUT", JobState.RUNNING, ""),
        ("COMPLETING", JobState.FINISHING, ""),
        ("SUSPENDED", JobState.SUSPENDED, ""),
        ("STOPPED", JobState.SUSPENDED, ""),
        ("COMPLETED", JobState.FINISHED, ""),
        ("TIMEOUT", JobState.FAILED, "timeout"),
        ("OUT_OF_MEMORY", JobState.FAILED, "out of memory"),
        ("OUT_OF_ME+", JobState.UNKNOWN, ""),
        ("NODE_FAIL", JobState.FAILED, "node failure"),
        ("LAUNCH_FAILED", JobState.FAILED, "launch failed"),
        ("CANCELLED by 1002", JobState.CANCELLED, "cancelled"),
        ("CANCELLED+", JobState.CANCELLED, "cancelled"),
        ("PREEMPTED", JobState.UNKNOWN, ""),
        ("FROZEN", JobState.UNKNOWN, ""),
        ("", JobState.UNKNOWN, ""),
    ],
)
def test_words_of_slurm(word: str, state: JobState, cause: str) -> None:
    view = state_of(accounting(word, exit_code=0))
    assert (view.state, view.cause) == (state, cause)


def test_the_exit_code_of_a_timeout_is_not_shown_as_success() -> None:
    view = state_of(accounting("TIMEOUT", exit_code=0, signal=0))
    assert (view.exit_code, view.signal) == (None, None)


def test_failure_by_signal_and_by_code_are_told_apart() -> None:
    assert (
        state_of(accounting("FAILED", exit_code=0, signal=9)).cause == "killed by signal 9 (KILL)"
    )
    assert state_of(accounting("FAILED", exit_code=3, signal=0)).cause == "exit code 3"


def test_not_listed_is_not_ended_and_lost_only_after_a_while() -> None:
    running = state_of(queue("RUNNING"))
    silent = state_of(queue(""), accounting(""), previous=running)
    assert silent.state is JobState.UNKNOWN
    assert silent.last_known is JobState.RUNNING
    still = state_of(queue(""), previous=silent, now_ms=NOW + LOST_AFTER_MS - 1)
    assert still.state is JobState.UNKNOWN
    lost = state_of(queue(""), accounting(""), previous=still, now_ms=NOW + LOST_AFTER_MS)
    assert lost.state is JobState.LOST


def test_a_job_seen_again_after_silence_starts_the_silence_anew() -> None:
    silent = state_of(queue(""), previous=state_of(queue("RUNNING")))
    back = state_of(queue("RUNNING"), previous=silent)
    assert (back.state, back.unsettled_ms) == (JobState.RUNNING, None)
    again = state_of(queue(""), previous=back, now_ms=NOW + LOST_AFTER_MS)
    assert again.state is JobState.UNKNOWN


def test_no_answer_keeps_what_was_known() -> None:
    running = state_of(queue("RUNNING"))
    assert state_of(previous=running, now_ms=NOW + 10 * LOST_AFTER_MS) == running


def test_the_records_win_over_a_queue_that_lags() -> None:
    view = state_of(record("started"), record("ended", exit_code=0), queue("RUNNING"))
    assert view.state is JobState.FINISHED
    assert state_of(queue("PENDING"), record("started")).state is JobState.RUNNING


def test_the_accounting_names_the_cause_of_a_stopped_job() -> None:
    stopped = record("ended", exit_code=143, signal=15, cause="stopped")
    assert state_of(stopped, accounting("TIMEOUT")).cause == "timeout"
    assert state_of(stopped, accounting("TIMEOUT")).state is JobState.FAILED
    assert state_of(stopped).state is JobState.CANCELLED
    assert state_of(stopped).cause == "stopped by signal 15 (TERM)"
    assert state_of(stopped, record("cancel")).cause == "cancelled"


def test_a_success_that_is_on_record_stays_one() -> None:
    view = state_of(record("ended", exit_code=0), accounting("TIMEOUT", words="TIMEOUT"))
    assert (view.state, view.words) == (JobState.FINISHED, "TIMEOUT")


def test_a_cancellation_after_a_failure_does_not_hide_the_failure() -> None:
    view = state_of(record("ended", exit_code=3, stage="command"), accounting("CANCELLED"))
    assert (view.state, view.cause) == (JobState.FAILED, "exit code 3")


def test_the_failing_step_is_named() -> None:
    view = state_of(record("ended", exit_code=2, stage="pre command 1"))
    assert view.cause == "pre command 1 failed: exit code 2"


def test_processes() -> None:
    assert state_of(process("alive")).state is JobState.QUEUED
    waiting = state_of(process("alive"), record("waiting", reason="waits for a slot"))
    assert (waiting.state, waiting.reason) == (JobState.QUEUED, "waits for a slot")
    assert state_of(process("alive"), record("started")).state is JobState.RUNNING
    assert state_of(process("stopped"), record("started")).state is JobState.SUSPENDED
    orphaned = state_of(process("script-gone"), record("started"))
    assert orphaned.state is JobState.RUNNING
    assert "script is gone" in orphaned.cause
    assert state_of(process("gone"), record("started")).cause == "the job script was killed"
    assert state_of(process("gone"), record("cancel")).state is JobState.CANCELLED
    assert state_of(process("gone")).state is JobState.FAILED
    assert state_of(process("elsewhere"), record("started")).state is JobState.UNKNOWN


def test_jobs_that_can_never_start_say_so() -> None:
    view = state_of(queue("PENDING", reason="DependencyNeverSatisfied"))
    assert (view.state, view.cause) == (JobState.QUEUED, "can't start as asked")
    assert view.reason == "DependencyNeverSatisfied"
    assert state_of(queue("PENDING", reason="JobHeldUser")).cause == "held"


def test_preempted_waits_for_a_requeue_then_fails() -> None:
    first = state_of(queue("PREEMPTED"), previous=state_of(queue("RUNNING")))
    assert first.state is JobState.UNKNOWN
    assert state_of(queue("RUNNING"), previous=first).state is JobState.RUNNING
    after = state_of(queue("PREEMPTED"), previous=first, now_ms=NOW + PREEMPTED_GRACE_MS)
    assert (after.state, after.cause) == (JobState.FAILED, "preempted")


def test_a_requeue_brings_a_job_back_and_old_records_end_nothing() -> None:
    ended = record("ended", exit_code=143, signal=15, cause="stopped")
    failed = state_of(ended, accounting("NODE_FAIL"))
    assert state_of(queue("REQUEUED"), ended, previous=failed).state is JobState.QUEUED
    second = state_of(queue("RUNNING"), ended, record("started", attempt=2), previous=failed)
    assert second.state is JobState.RUNNING
    assert second.attempt == 2
    done = state_of(ended, record("ended", attempt=2, exit_code=0), previous=second)
    assert done.state is JobState.FINISHED


def test_a_lost_job_may_turn_out_to_have_ended() -> None:
    lost = JobView(JobState.LOST, cause="the site no longer knows the job")
    found = state_of(record("ended", exit_code=0), previous=lost)
    assert (found.state, found.cause) == (JobState.FINISHED, "")
    assert state_of(queue(""), previous=lost).state is JobState.LOST


def test_details_that_come_late_are_added_to_an_end() -> None:
    first = state_of(accounting("FAILED", exit_code=1))
    more = state_of(accounting("OUT_OF_MEMORY", words="OUT_OF_MEMORY"), previous=first)
    assert (more.state, more.cause, more.exit_code) == (JobState.FAILED, "out of memory", 1)


def test_the_status_on_the_server_follows_only_what_is_proven() -> None:
    assert run_status(JobState.QUEUED) is RunStatus.SCHEDULED
    assert run_status(JobState.SUSPENDED) is RunStatus.RUNNING
    assert run_status(JobState.CANCELLED) is RunStatus.KILLED
    assert run_status(JobState.LOST) is None
    assert run_status(JobState.UNKNOWN) is None


words = st.sampled_from([*KNOWN_WORDS.split(), "", "FROZEN", "CANCELLED by 1002", "weird"])
batch = st.builds(
    Observation,
    source=st.sampled_from([Source.QUEUE, Source.ACCOUNTING]),
    word=words,
    seen_ms=st.just(NOW),
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(0, 31),
    reason=st.sampled_from(["", "Resources", "JobHeldUser"]),
)
records = st.builds(
    Observation,
    source=st.just(Source.RECORD),
    word=st.sampled_from(["waiting", "started", "ended", "warned", "cancel"]),
    seen_ms=st.just(NOW),
    attempt=st.integers(1, 2),
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 31),
    cause=st.sampled_from(["", "timeout", "stopped"]),
    stage=st.sampled_from(["", "command", "pre command 1"]),
)
processes = st.builds(
    Observation,
    source=st.just(Source.PROCESS),
    word=st.sampled_from(["alive", "stopped", "script-gone", "gone", "elsewhere", ""]),
    seen_ms=st.just(NOW),
)
round_of_observations = st.lists(batch | records | processes, max_size=6)


@given(st.lists(round_of_observations, max_size=6), st.data())
def test_observations_made_together_have_no_order(
    rounds: list[list[Observation]], data: st.DataObject
) -> None:
    one: JobView | None = None
    other: JobView | None = None
    for number, seen in enumerate(rounds):
        now = NOW + number * 40_000
        one = unify(seen, one, now)
        other = unify(data.draw(st.permutations(seen)), other, now)
        assert one == other


@given(st.lists(round_of_observations, max_size=8))
def test_an_end_stays_unless_a_requeue_is_proven(rounds: list[list[Observation]]) -> None:
    view: JobView | None = None
    for number, seen in enumerate(rounds):
        before, view = view, unify(seen, view, NOW + number * 40_000)
        if before is None or not before.state.ended or view.state.ended:
            continue
        higher = any(o.attempt > before.attempt for o in seen)
        told = any(o.source is Source.QUEUE and o.word in REQUEUE_WORDS for o in seen)
        assert higher or told


@given(st.lists(round_of_observations, max_size=8))
def test_one_end_never_turns_into_another_except_from_lost(
    rounds: list[list[Observation]],
) -> None:
    view: JobView | None = None
    for number, seen in enumerate(rounds):
        before, view = view, unify(seen, view, NOW + number * 40_000)
        if before is None or not before.state.ended or before.state is JobState.LOST:
            continue
        requeue = any(
            o.attempt > before.attempt or (o.source is Source.QUEUE and o.word in REQUEUE_WORDS)
            for o in seen
        )
        assert requeue or view.state is before.state


@given(st.text(max_size=30), st.sampled_from([Source.QUEUE, Source.ACCOUNTING, Source.PROCESS]))
def test_unknown_words_are_unknown_and_never_an_end(word: str, source: Source) -> None:
    first = word.split(maxsplit=1)[0].rstrip("+").upper() if word.strip() else ""
    if first in KNOWN_WORDS.split() or word in ("alive", "stopped", "script-gone", "gone"):
        return
    view = None
    for number in range(5):
        seen = [_seen(source, word or "odd", words=word)]
        view = unify(seen, view, NOW + number * LOST_AFTER_MS)
        assert view.state is JobState.UNKNOWN


@given(round_of_observations, st.integers(0, 10 * LOST_AFTER_MS))
def test_a_first_look_never_says_lost(seen: list[Observation], later: int) -> None:
    assert unify(seen, None, NOW + later).state is not JobState.LOST


@given(round_of_observations)
def test_a_record_of_success_is_never_called_a_failure(seen: list[Observation]) -> None:
    """The record of the latest attempt proves it, whatever else was seen, a requeue aside."""
    others = [o for o in seen if not (o.source is Source.RECORD and o.word == "ended")]
    success = record("ended", attempt=3, exit_code=0)
    view = unify([*others, success], None, NOW)
    assert view.state in (JobState.FINISHED, JobState.QUEUED, JobState.RUNNING) or any(
        o.source is Source.QUEUE and o.word in REQUEUE_WORDS for o in seen
    )


@given(round_of_observations)
def test_seeing_the_same_again_changes_nothing(seen: list[Observation]) -> None:
    once = unify(seen, None, NOW)
    again = unify(seen, once, NOW)
    assert again == once
