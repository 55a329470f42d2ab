"""What runs or waits, in words: rows of the active screen. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.domain.run import RunRow
from mantik_tui.domain.text import clean, clock, duration, number
from mantik_tui.screens.outbox_words import brief_reason, nobody_can_tell
from mantik_tui.screens.run_words import elapsed_of_limit, status_tone
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.one_line import STRONG, short_name
from mantik_tui.widgets.run_columns import took_ms
from mantik_tui.widgets.styled_text import Line
from mantik_tui.widgets.styled_text import plain as plain_line
from mantik_tui.workspace.reads import jobs, projects, runs
from mantik_tui.workspace.session import Session

LIMIT = 2_000
"""Active runs shown at most; more than any site lets one person have."""


SHOWN_NEWS = 5
"""So many of the news have a line, so that what runs stays in sight."""


@dataclass(frozen=True, slots=True)
class ActiveRow:
    """An active run, or (with `notice`) something that happened meanwhile."""

    id: int
    """The run's row id; below zero for a notice."""
    run_id: int | None
    name: str
    project: str
    site: str
    job_id: str
    state: str
    tone: Tone
    elapsed: str
    metric: str
    why: str
    notice: jobs.Notice | None = None


@dataclass(frozen=True, slots=True)
class ActiveModel:
    rows: tuple[ActiveRow, ...]
    """Notices first."""
    notices: tuple[jobs.Notice, ...]
    running: int
    """Jobs that are running now: while there are any, elapsed times grow."""


def read_active(session: Session, now_ms: int) -> ActiveModel:
    """Everything queued, running or unsent in all projects and workspaces, and what ended since the last look."""
    entries = session.read(jobs.open_entries)
    ids = [*session.read(runs.run_ids, runs.Scope(active_only=True), None, None, now_ms, LIMIT)]
    unsent = [e.run_id for e in entries if e.kind == EntryKind.SUBMIT and e.run_id is not None]
    ids += [run_id for run_id in unsent if run_id not in set(ids)]
    notices = tuple(session.read(jobs.unseen_notices))
    told = [n.run_id for n in notices if n.run_id is not None]
    found = session.read(runs.run_rows, [*ids, *told])
    best = _best_metrics(session, found)
    metrics = sorted({name for name, _ in best.values() if name})
    with_metrics = {r.id: r for r in session.read(runs.run_rows, [*ids, *told], metrics)}
    rows: list[ActiveRow] = []
    running = 0
    for run_id in ids:
        row = with_metrics.get(run_id)
        if row is None:
            continue
        job = session.read(jobs.latest_job, run_id)
        running += job is not None and job.state is JobState.RUNNING
        name, project = best.get(row.project_id, ("", ""))
        mine = [entry for entry in entries if entry.run_id == run_id]
        rows.append(active_row(row, job, mine, project, name, now_ms))
    rows.sort(key=_rank)
    newest = notices[: -SHOWN_NEWS - 1 : -1]
    news = []
    for notice in newest:
        ended_job = session.read(jobs.latest_job, notice.run_id) if notice.run_id else None
        news.append(_notice_row(notice, with_metrics, ended_job, best, now_ms))
    return ActiveModel((*news, *rows), notices, running)


_ORDER = ("running", "finishing", "suspended", "cancelling", "queued", "unknown")


def _rank(row: ActiveRow) -> int:
    """What runs first, then what waits on a site, then what has not left this machine. Newest first within each."""
    return _ORDER.index(row.state) if row.state in _ORDER else len(_ORDER)


def _best_metrics(session: Session, rows: Sequence[RunRow]) -> dict[int | None, tuple[str, str]]:
    """Project id → (metric that ranks its runs, its name)."""
    found: dict[int | None, tuple[str, str]] = {}
    for row in rows:
        if row.project_id is not None and row.project_id not in found:
            try:
                project = session.read(projects.get_project, row.project_id)
            except NotFound:
                continue
            found[row.project_id] = (project.best_metric, project.name)
    return found


def active_row(
    row: RunRow, job: Job | None, entries: Sequence[Entry], project: str, metric: str, now_ms: int
) -> ActiveRow:
    """One active run as it is shown."""
    submission = next((entry for entry in entries if entry.kind == EntryKind.SUBMIT), None)
    cancelling = any(entry.kind == EntryKind.CANCEL for entry in entries)
    state, tone = _state(row, job, submission)
    if cancelling:
        state, tone = "cancelling", Tone.WARN
    return ActiveRow(
        id=row.id,
        run_id=row.id,
        name=short_name(row.name),
        project=short_name(project),
        site=row.site or (job.site if job else ""),
        job_id=job.job_id if job else "",
        state=state,
        tone=tone,
        elapsed=elapsed_of_limit(job, now_ms).replace(" of ", "/") if job else "-",
        metric=_metric(row, metric),
        why=_why(job, submission, now_ms),
    )


def _metric(row: RunRow, metric: str) -> str:
    value = row.metrics.get(metric) if metric else None
    return f"{metric} {number(value)}" if value is not None else ""


def _state(row: RunRow, job: Job | None, submission: Entry | None) -> tuple[str, Tone]:
    if submission is not None and (job is None or not job.job_id):
        word = {EntryState.SENDING: "sending", EntryState.UNSURE: "checking"}.get(
            submission.state, "unsent"
        )
        is_lost = nobody_can_tell(submission)
        is_bad = is_lost or submission.state is EntryState.BLOCKED
        return "unsure" if is_lost else word, Tone.BAD if is_bad else Tone.WARN
    if job is None:
        return row.status.lower(), status_tone(row.status)
    tone = Tone.ACCENT if job.state in (JobState.RUNNING, JobState.FINISHING) else Tone.WARN
    return job.state.value, tone


def _why(job: Job | None, submission: Entry | None, now_ms: int) -> str:
    if submission is not None and (job is None or not job.job_id):
        return unsent_why(submission, job.site if job else "its site", now_ms)
    if job is None:
        return "submitted elsewhere"
    if job.state is JobState.UNKNOWN:
        return f"no news since {clock(job.seen_ms, now_ms)}: {clean(job.words)}".rstrip(": ")
    words = clean(job.words, keep_newlines=False)
    return words if job.state in (JobState.QUEUED, JobState.SUSPENDED) else ""


def unsent_why(entry: Entry, site: str, now_ms: int) -> str:
    """Why a submission has not gone out, and when it will."""
    error = brief_reason(entry.error)
    if nobody_can_tell(entry):
        return "nobody can tell whether it was submitted: o settles it"
    if entry.state is EntryState.BLOCKED:
        return f"{error or 'needs you'}: o settles it"
    if entry.state is EntryState.UNSURE:
        return f"{site} is asked whether it was submitted"
    if not error:
        return "goes out now" if entry.state is EntryState.PENDING else ""
    if entry.next_try_ms > now_ms:
        return f"{error}; next try {clock(entry.next_try_ms, now_ms)}"
    return f"{error}; goes out when {site} answers"


def _notice_row(
    notice: jobs.Notice,
    rows: dict[int, RunRow],
    job: Job | None,
    best: dict[int | None, tuple[str, str]],
    now_ms: int,
) -> ActiveRow:
    row = rows.get(notice.run_id) if notice.run_id is not None else None
    at = clock(notice.at_ms, now_ms)
    if row is None or notice.kind != "ended":
        name = short_name(row.name) if row else ""
        state = {"blocked": "needs you"}.get(notice.kind, notice.kind)
        tone = Tone.BAD if notice.kind == "blocked" else Tone.PLAIN
        text = clean(notice.text, keep_newlines=False)
        return ActiveRow(
            -notice.id,
            notice.run_id,
            name,
            "",
            "",
            "",
            state,
            tone,
            "-",
            "",
            f"{at}: {text}",
            notice,
        )
    cause = f"{row.cause}, " if row.cause and says_more(row) else ""
    metric, project = best.get(row.project_id, ("", ""))
    return ActiveRow(
        id=-notice.id,
        run_id=notice.run_id,
        name=short_name(row.name),
        project=short_name(project),
        site=row.site,
        job_id=job.job_id if job else "",
        state=row.status,
        tone=status_tone(row.status),
        elapsed=duration(took_ms(row, now_ms)),
        metric=_metric(row, metric),
        why=f"{cause}ended {at}",
        notice=notice,
    )


def says_more(row: RunRow) -> bool:
    """The cause adds something to the status."""
    return not (row.status == "KILLED" and row.cause == "cancelled")


def notice_words(notices: Sequence[jobs.Notice]) -> str:
    """`3 ended since you last looked here`; empty without notices."""
    ended = sum(notice.kind == "ended" for notice in notices)
    blocked = sum(notice.kind == "blocked" for notice in notices)
    parts = []
    if ended:
        parts.append(f"{ended} ended since you last looked here")
    if blocked:
        parts.append(f"{blocked} write{'s' * (blocked > 1)} need{'s' * (blocked == 1)} you")
    if not parts and notices:
        parts.append(f"{len(notices)} news")
    return " · ".join(parts)


def columns() -> tuple[Column[ActiveRow], ...]:
    def muted(_row: ActiveRow) -> Tone:
        return Tone.MUTED

    def plain(row: ActiveRow) -> Tone:
        return Tone.PLAIN if row.notice is None else Tone.MUTED

    return (
        Column("name", "run", lambda row: row.name, 16, 0, max_width=18, tone=plain),
        Column("project", "project", lambda row: row.project, 12, 2, max_width=14, tone=muted),
        Column("site", "site", lambda row: row.site, 12, 4),
        Column("job", "job", lambda row: row.job_id or "-", 10, 6, tone=muted),
        Column("state", "state", lambda row: row.state, 10, 0, tone=lambda row: row.tone),
        Column("elapsed", "elapsed/limit", lambda row: row.elapsed, 13, 2, numeric=True),
        Column("metric", "metric", lambda row: row.metric, 14, 5),
        Column("why", "why", lambda row: row.why, 18, 1, fill=True, tone=muted),
    )


def foot_lines(row: ActiveRow | None) -> list[Line]:
    """The row under the cursor in full: what the table has to cut."""
    if row is None:
        return []
    where = [
        part for part in (row.project, row.site, f"job {row.job_id}" if row.job_id else "") if part
    ]
    head = Line(
        (
            (f"{row.name}  ", STRONG),
            (row.state, row.tone),
            (f"  {' · '.join(where)}" if where else "", Tone.MUTED),
            (f" · {row.elapsed}" if row.elapsed != "-" else "", Tone.MUTED),
            (f" · {row.metric}" if row.metric else "", Tone.MUTED),
        )
    )
    return [head, plain_line(row.why)] if row.why else [head]
