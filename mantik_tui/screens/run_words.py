"""What the run's screens say of states, causes and logs, in words. No widgets, no reading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.domain.run import Run
from mantik_tui.domain.site import Site
from mantik_tui.domain.text import clock, duration
from mantik_tui.screens.outbox_words import brief_reason
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.job_panel import DELETED, is_deleted, says_more
from mantik_tui.widgets.one_line import short_name

_TONES = {
    "FINISHED": Tone.GOOD,
    "RUNNING": Tone.ACCENT,
    "SCHEDULED": Tone.WARN,
    "FAILED": Tone.BAD,
    "KILLED": Tone.WARN,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something is as it is, and what helps."""

    why: str
    helps: str = ""


def status_tone(status: str) -> Tone:
    """How a run's status looks; the word itself says it too."""
    return _TONES.get(status, Tone.PLAIN)


def run_tone(run: Run) -> Tone:
    """How a run's headline looks."""
    return Tone.WARN if is_deleted(run) else status_tone(run.status)


def why_no_change(run: Run) -> str | None:
    """Why tags, note and name can't be changed; None when they can."""
    return "It was deleted on the server: it can't be changed any more" if is_deleted(run) else None


def unsent(entries: Sequence[Entry]) -> Entry | None:
    """The submission that has not been sent, None if it has."""
    return next((entry for entry in entries if entry.kind == EntryKind.SUBMIT), None)


def headline(run: Run, job: Job | None, entries: Sequence[Entry] = ()) -> str:
    """A run's state in a few words: `RUNNING on juwels`, `FAILED: out of memory`, `not sent yet`."""
    if is_deleted(run):
        return DELETED
    entry = unsent(entries)
    if entry is not None and (job is None or not job.job_id):
        if entry.state is EntryState.SENDING:
            return f"being submitted to {_site(job)}"
        return f"not sent yet, for {_site(job)}"
    if job is None:
        return run.status
    if job.state.ended:
        return f"{run.status}: {job.cause}" if says_more(job) else run.status
    if job.state is JobState.UNKNOWN:
        return f"{run.status}? {job.site} says nothing"
    state = "" if job.state in (JobState.RUNNING, JobState.QUEUED) else f", {job.state.value}"
    return f"{run.status} on {job.site}{state}"


def _site(job: Job | None) -> str:
    return job.site if job is not None and job.site else "its site"


def elapsed_ms(job: Job, now_ms: int) -> int | None:
    """How long a job has run: until its end, else until now; None before its start."""
    if job.started_ms is None:
        return None
    return max(0, (job.ended_ms if job.ended_ms is not None else now_ms) - job.started_ms)


def elapsed_of_limit(job: Job, now_ms: int) -> str:
    """`0:43 of 2:00:00`; `-` before the start."""
    took = elapsed_ms(job, now_ms)
    if took is None:
        return "-" if job.limit_ms is None else f"- of {duration(job.limit_ms)}"
    return (
        duration(took) if job.limit_ms is None else f"{duration(took)} of {duration(job.limit_ms)}"
    )


def why_it_ended(run: Run, job: Job | None) -> Explanation:
    """Why a run that did not finish ended as it did, and what helps."""
    if job is None:
        if run.status == "KILLED":
            return Explanation("It was stopped. Who stopped it is not recorded.")
        return Explanation(
            "The server says that it failed, and not why.",
            "It was not submitted from here, so there is neither a job nor a log of it.",
        )
    cause = job.cause or run.status.lower()
    if job.state is JobState.LOST:
        return Explanation(
            f"{job.site} no longer knows the job, and left no record of its end.",
            "What it had written is in the run folder: f shows it.",
        )
    for pattern, why, helps in _CAUSES:
        match = re.search(pattern, cause)
        if match:
            limit = duration(job.limit_ms) if job.limit_ms else "not known"
            groups = {name: text for name, text in match.groupdict().items() if text is not None}
            words = {"cause": cause, "limit": limit, "node": job.node or "the node", **groups}
            return Explanation(why.format_map(words), helps.format_map(words))
    return Explanation(f"It ended: {cause}.", "The log's end says more: l shows all of it.")


_SEE_LOG = "The log's end usually says why: l shows all of it."
_CAUSES = (
    (
        r"^(?P<stage>[\w -]+) failed: (?P<rest>.+)$",
        "Not the training failed but what comes before or after it, the stage {stage}: {rest}.",
        _SEE_LOG,
    ),
    (
        r"^timeout$",
        "It reached its time limit ({limit}) and was stopped.",
        "r runs it again: give it more time in the form.",
    ),
    (
        r"^out of memory$",
        "It needed more memory than it was given, and the node ended it.",
        "r runs it again: ask for more memory, or take smaller batches.",
    ),
    (
        r"^node fail(ed to boot|ure)$|reconfiguration failed",
        "The node failed, not the training ({node}).",
        "r runs it again as it was.",
    ),
    (
        r"^deadline missed$",
        "It could not start before its deadline.",
        "r runs it again: ask for less time or fewer nodes.",
    ),
    (r"^cancelled$|^taken back$", "It was cancelled.", "r runs it again."),
    (
        r"^exit code 127$",
        "The shell did not find the command (exit code 127).",
        "Look at the environment and the modules of the configuration; r opens it.",
    ),
    (
        r"^exit code 126$",
        "The command could not be executed (exit code 126).",
        "Look at the entry point, and whether its file is executable.",
    ),
    (r"^exit code (?P<code>\d+)$", "The training ended with exit code {code}.", _SEE_LOG),
    (
        r"^killed by signal 9",
        "It was killed from outside (signal 9), often since the machine ran out of memory.",
        "The log may end in mid-line. r runs it again: smaller batches, or more memory.",
    ),
    (
        r"^(killed|stopped) by signal (?P<signal>.+)$",
        "It was stopped from outside by signal {signal}.",
        _SEE_LOG,
    ),
    (r"job script was killed|script is gone", "{cause}.", "r runs it again."),
)


def disagreement(run: Run) -> str:
    """Where the server's status differs from ours, in words; empty where they agree or the server knows nothing."""
    if not run.server_status or run.server_status == run.status:
        return ""
    waits = "; our word waits in the outbox" if run.pending else ""
    return f"the server still says {run.server_status}, the job says {run.status}{waits}"


def why_no_log(
    run: Run, job: Job | None, entries: Sequence[Entry], site: Site | None, now_ms: int
) -> Explanation:
    """Why there is no log here, and what helps."""
    entry = unsent(entries)
    if entry is not None and (job is None or not job.job_id):
        reason = f": {brief_reason(entry.error)}" if entry.error else ""
        return Explanation(
            f"{short_name(run.name)} has not been submitted yet{reason}.",
            "o shows what waits, and why.",
        )
    if job is None:
        return Explanation(
            "There is no log: this run was not submitted from here.",
            "Its files may hold one: f on the run shows them.",
        )
    if site is not None and site.state not in ("", "ok"):
        since = f" (as of {clock(site.as_of_ms, now_ms)})" if site.as_of_ms else ""
        why = f": {site.state_reason}" if site.state_reason else ""
        return Explanation(
            f"{job.site} is {site.state}{since}{why}.",
            "The log comes when the site answers; T on the sites screen tries it now.",
        )
    if job.state is JobState.QUEUED:
        words = f": {job.words}" if job.words else ""
        return Explanation(
            f"The job waits in the queue of {job.site}{words}.",
            "The log begins when it starts; this screen shows it then.",
        )
    if job.state.ended:
        return Explanation("The job ended without writing anything.", "")
    return Explanation(
        "The job runs and has written nothing yet.", "Output appears here within seconds."
    )
