"""The panel beside a run's plots: its job, its code, how the server sees it."""

from __future__ import annotations

from collections.abc import Sequence

from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.outbox import Entry, EntryKind
from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clean, clock, duration
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import Part, short_name
from mantik_tui.widgets.provenance import code_of, config_words
from mantik_tui.widgets.styled_text import Line, StyledText, fact

_LABEL = 8

_STATE_TONES = {
    JobState.RUNNING: Tone.ACCENT,
    JobState.FINISHING: Tone.ACCENT,
    JobState.QUEUED: Tone.WARN,
    JobState.SUSPENDED: Tone.WARN,
    JobState.UNKNOWN: Tone.WARN,
    JobState.FINISHED: Tone.GOOD,
    JobState.FAILED: Tone.BAD,
    JobState.LOST: Tone.BAD,
    JobState.CANCELLED: Tone.WARN,
}


_SPEAK_FOR_THEMSELVES = frozenset({JobState.RUNNING, JobState.FINISHED})
"""States that the site's words explain no further; the history has them."""


class JobPanel(StyledText, can_focus=False):
    """Facts beside the plots; scrolls by wheel only, so that keys stay with the tabs."""


def state_tone(state: JobState) -> Tone:
    return _STATE_TONES[state]


DELETED = "deleted on the server"


def is_deleted(run: Run) -> bool:
    """It was deleted on the server; the copy here stays readable."""
    return run.deleted_remotely or run.lifecycle == "deleted"


def says_more(job: Job) -> bool:
    """The cause of a job's end adds something to its state."""
    return bool(job.cause) and job.cause != job.state.value


def state_text(job: Job) -> str:
    """The state, and its cause where that says more."""
    return f"{job.state.value}: {job.cause}" if says_more(job) else job.state.value


def _row(label: str, text: str, tone: str = Tone.PLAIN) -> Line:
    return fact(label, text, tone, width=_LABEL)


def clocks(job: Job, now_ms: int) -> str:
    """`queued 13:02 · started 13:20 · limit 15:20`, with the end instead of the limit once it is known."""
    parts = []
    if job.submitted_ms:
        parts.append(f"queued {clock(job.submitted_ms, now_ms)}")
    if job.started_ms:
        parts.append(f"started {clock(job.started_ms, now_ms)}")
    if job.ended_ms:
        parts.append(f"ended {clock(job.ended_ms, now_ms)}")
    elif job.started_ms and job.limit_ms:
        parts.append(f"limit {clock(job.started_ms + job.limit_ms, now_ms)}")
    return " · ".join(parts)


def took(job: Job, now_ms: int) -> str:
    """How long it ran: until its end, else until it was last looked at, which is said."""
    if job.started_ms is None:
        return f"limit {duration(job.limit_ms)}" if job.limit_ms else ""
    of = f" of {duration(job.limit_ms)}" if job.limit_ms else ""
    if job.ended_ms is not None:
        return f"{duration(job.ended_ms - job.started_ms)}{of}"
    seen = job.seen_ms or now_ms
    return f"{duration(max(0, seen - job.started_ms))}{of}, at {clock(seen, now_ms)}"


def job_lines(
    run: Run, job: Job | None, attempts: int, entries: Sequence[Entry], now_ms: int
) -> list[Line]:
    """What the panel says. `attempts` is the number of jobs that the run has had."""
    lines = _unsent_part(job) if is_unsent(job, entries) else _job_part(run, job, attempts, now_ms)
    code, config = code_of(run).words, config_words(run)
    if code:
        lines.append(_row("code", code))
    if config:
        lines.append(_row("config", config))
    lines.append(
        _row(
            "in",
            f"{short_name(run.experiment_name)}, by {short_name(run.user) or 'nobody named'}",
        )
    )
    lines += _server_part(run, entries, now_ms)
    return lines


def is_unsent(job: Job | None, entries: Sequence[Entry]) -> bool:
    """The submission waits in the outbox, so that there is no job yet."""
    waits = any(entry.kind == EntryKind.SUBMIT for entry in entries)
    return waits and job is not None and not job.job_id


def _unsent_part(job: Job | None) -> list[Line]:
    assert job is not None
    lines = [_row("job", f"none yet, for {job.site}"), _row("state", "not submitted", Tone.WARN)]
    if job.limit_ms:
        lines.append(_row("may run", duration(job.limit_ms)))
    return lines


def _job_part(run: Run, job: Job | None, attempts: int, now_ms: int) -> list[Line]:
    if job is None:
        when = (
            f"{clock(run.start_ms, now_ms)} to {clock(run.end_ms, now_ms)}"
            if run.end_ms
            else (f"since {clock(run.start_ms, now_ms)}")
        )
        took_ms = run.end_ms - run.start_ms if run.end_ms and run.start_ms else None
        return [
            _row("ran", f"{when}{f', {duration(took_ms)}' if took_ms is not None else ''}"),
            _row("job", "not known: submitted elsewhere", Tone.MUTED),
        ]
    name = job.job_id or "none yet"
    node = f", node {clean(job.node)}" if job.node else ""
    attempt = f", attempt {job.attempt}" if attempts > 1 else ""
    lines = [_row("job", f"{name} on {job.site}{node}{attempt}")]
    lines.append(_row("state", state_text(job), state_tone(job.state)))
    if _site_says_more(job):
        lines.append(_row("site", f"“{clean(job.words, keep_newlines=False)}”", Tone.MUTED))
    when = clocks(job, now_ms)
    if when:
        lines.append(_row("times", when))
    elapsed = took(job, now_ms)
    if elapsed:
        label = "took" if job.ended_ms else ("elapsed" if job.started_ms else "may run")
        lines.append(_row(label, elapsed.removeprefix("limit ")))
    return lines


def _site_says_more(job: Job) -> bool:
    words = clean(job.words, keep_newlines=False).strip().rstrip(".").casefold()
    said = {job.state.value, job.cause.casefold(), state_text(job).casefold(), ""}
    return job.state not in _SPEAK_FOR_THEMSELVES and words not in said


def _server_part(run: Run, entries: Sequence[Entry], now_ms: int) -> list[Line]:
    lines: list[Line] = []
    if is_deleted(run):
        words = "it was deleted there; the copy here stays, and can't be changed"
        lines.append(_row("server", words, Tone.WARN))
    elif run.server_status and run.server_status != run.status:
        words = f"says {run.server_status}; the job decides"
        lines.append(_row("server", words, Tone.WARN))
    elif run.server_id is None:
        lines.append(_row("server", "does not know it yet", Tone.WARN))
    if entries:
        what = ", ".join(clean(entry.what, keep_newlines=False) for entry in entries[:3])
        more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
        lines.append(_row("unsent", f"{what}{more}", Tone.WARN))
    if run.as_of_ms:
        lines.append(_row("as of", clock(run.as_of_ms, now_ms), Tone.MUTED))
    return lines


def _since(job: Job, now_ms: int) -> str:
    """The one clock time that matters most, and how long it ran."""
    ran = duration(job.ended_ms - job.started_ms) if job.ended_ms and job.started_ms else ""
    if job.ended_ms is not None:
        return f", ended {clock(job.ended_ms, now_ms)}{f' after {ran}' if ran else ''}"
    if job.started_ms is not None:
        return f" since {clock(job.started_ms, now_ms)}, {took(job, now_ms)}"
    return f" since {clock(job.submitted_ms, now_ms)}" if job.submitted_ms else ""


def one_line(run: Run, job: Job | None, entries: Sequence[Entry], now_ms: int) -> tuple[Part, ...]:
    """The panel in one line, for narrow windows."""
    deleted: tuple[Part, ...] = ((f"{DELETED} · ", Tone.WARN),) if is_deleted(run) else ()
    if job is None:
        start = f"started {clock(run.start_ms, now_ms)}" if run.start_ms else "not started"
        return (*deleted, (f"{start}, submitted elsewhere", Tone.MUTED))
    if is_unsent(job, entries):
        return (*deleted, ("no job yet: ", Tone.PLAIN), (f"not submitted to {job.site}", Tone.WARN))
    return (
        *deleted,
        (f"job {job.job_id or 'none yet'} on {job.site} · ", Tone.PLAIN),
        (state_text(job), state_tone(job.state)),
        (_since(job, now_ms), Tone.MUTED),
    )
