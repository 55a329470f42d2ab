"""Rows and columns of a run's tabs: params, metrics, tags; and the lines of its history."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from mantik_tui.domain.outbox import Entry, EntryKind
from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clean, clock, duration, number
from mantik_tui.screens.run_model import RunModel
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.job_panel import job_lines, state_tone
from mantik_tui.widgets.plot_data import INFINITE, sparkline
from mantik_tui.widgets.styled_text import BLANK, Line, fact, heading, lines_of, plain
from mantik_tui.workspace.reads import history, jobs

SPARK_WIDTH = 16


class Numbers:
    """A number for each key, the same each time: what tables know rows by."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def of(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))


# -------------------------------------------------------------------------------- params and tags


@dataclass(frozen=True, slots=True)
class PairRow:
    """A param or tag."""

    key: str
    value: str
    own: bool = True
    """False for what MLflow or Mantik set."""
    pending: str = ""
    """What waits in the outbox for it, in words."""


def fits(text: str, *values: str) -> bool:
    """Whether every word of a filter occurs in one of the values, case ignored."""
    whole = "\n".join(values).casefold()
    return all(word in whole for word in text.casefold().split())


def param_rows(run: Run, filter: str = "") -> list[PairRow]:
    return [PairRow(k, v) for k, v in run.params.items() if fits(filter, k, v)]


def tag_rows(run: Run, entries: Iterable[Entry], filter: str = "") -> list[PairRow]:
    """People's tags first, then those of MLflow and Mantik. The note has its own place."""
    waits: dict[str, str] = {}
    for entry in entries:
        if entry.kind in (EntryKind.SET_TAG, EntryKind.DELETE_TAG):
            waits[str(entry.payload.get("key"))] = pending_words(entry)
    tags = {**run.tags}
    for key in waits:
        tags.setdefault(key, "")
    rows = [
        PairRow(key, value, not key.startswith(("mlflow.", "mantik.")), waits.get(key, ""))
        for key, value in tags.items()
        if key != "mlflow.note.content" and fits(filter, key, value)
    ]
    return sorted(rows, key=lambda row: (not row.own, row.key))


def pending_words(entry: Entry) -> str:
    if "theirs" in entry.payload:
        return "conflict, o settles it"
    if entry.kind == EntryKind.DELETE_TAG:
        return "its removal waits to be sent"
    return "needs you, see o" if entry.state.value == "blocked" else "waits to be sent"


def _pair_tone(row: PairRow) -> Tone:
    return Tone.PLAIN if row.own else Tone.MUTED


def _warn(_row: PairRow) -> Tone:
    return Tone.WARN


PARAM_COLUMNS: tuple[Column[PairRow], ...] = (
    Column("key", "param", lambda row: row.key, 18, 0, max_width=40),
    Column("value", "value", lambda row: row.value, 20, 0, fill=True),
)
TAG_COLUMNS: tuple[Column[PairRow], ...] = (
    Column("sign", "", lambda row: "●" if row.pending else "", 1, 0, tone=_warn),
    Column("key", "tag", lambda row: row.key, 18, 0, max_width=34, tone=_pair_tone),
    Column("value", "value", lambda row: row.value, 12, 0, fill=True, tone=_pair_tone),
    Column("pending", "", lambda row: row.pending, 17, 1, tone=_warn),
)

# -------------------------------------------------------------------------------- metrics


@dataclass(frozen=True, slots=True)
class Shape:
    """What a metric's stored history looks like."""

    spark: str
    low: float
    high: float
    not_finite: int
    """Points that are NaN or infinite."""


def shape_of(values: Sequence[float]) -> Shape | None:
    """None where no finite value is stored."""
    finite = [value for value in values if abs(value) < INFINITE]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    return Shape(sparkline(values, SPARK_WIDTH), low, high, len(values) - len(finite))


@dataclass(frozen=True, slots=True)
class MetricRow:
    key: str
    value: float
    step: int
    at_ms: int
    shape: Shape | None
    shown: bool
    """It is plotted above."""


def metric_rows(
    run: Run, shapes: dict[str, Shape | None], shown: Sequence[str], filter: str = ""
) -> list[MetricRow]:
    rows = [
        MetricRow(m.key, m.value, m.step, m.timestamp_ms, shapes.get(m.key), m.key in shown)
        for m in run.metrics.values()
        if fits(filter, m.key)
    ]
    return sorted(rows, key=lambda row: (row.key.startswith("system/"), row.key))


def metric_columns(now_ms: int) -> tuple[Column[MetricRow], ...]:
    def low(row: MetricRow) -> str:
        return number(row.shape.low) if row.shape else "-"

    def high(row: MetricRow) -> str:
        return number(row.shape.high) if row.shape else "-"

    def course(row: MetricRow) -> str:
        if row.shape is None:
            return ""
        odd = f" {row.shape.not_finite} not finite" if row.shape.not_finite else ""
        return f"{row.shape.spark}{odd}"

    def value_tone(row: MetricRow) -> Tone:
        is_finite = math.isfinite(row.value) and abs(row.value) < 1.797e308
        return Tone.PLAIN if is_finite else Tone.BAD

    def muted(_row: MetricRow) -> Tone:
        return Tone.MUTED

    def key_tone(row: MetricRow) -> Tone:
        return Tone.ACCENT if row.shown else Tone.PLAIN

    return (
        Column("key", "metric", lambda row: row.key, 16, 0, max_width=36, tone=key_tone),
        Column("value", "last", lambda row: number(row.value), 10, 0, numeric=True, tone=value_tone),
        Column("step", "step", lambda row: f"{row.step:,}", 7, 2, numeric=True),
        Column("low", "min", low, 10, 3, numeric=True, tone=muted),
        Column("high", "max", high, 10, 4, numeric=True, tone=muted),
        Column("course", "course", course, SPARK_WIDTH, 1, max_width=30, tone=lambda _r: Tone.ACCENT),
        Column("at", "at", lambda row: clock(row.at_ms, now_ms), 9, 5, tone=muted),
    )  # fmt: skip


def read_shapes(
    points: Iterable[tuple[str, history.Points]],
) -> dict[str, Shape | None]:
    return {key: shape_of(found.values) for key, found in points}


# -------------------------------------------------------------------------------- history


def history_lines(model: RunModel, now_ms: int, *, with_facts: bool) -> list[Line]:
    """What happened to the run, oldest first; `with_facts` puts what the panel says before it."""
    lines: list[Line] = []
    if with_facts:
        lines = [
            *job_lines(model.run, model.job, len(model.jobs), model.entries, now_ms),
            BLANK,
        ]
    several = len(model.jobs) > 1
    for event in model.events:
        lines.append(_event_line(event, several, now_ms))
    if not model.events:
        lines += _without_events(model.run, now_ms)
    if model.entries:
        lines += [BLANK, heading("Waits to be sent")]
        lines += [
            plain(f"  {clean(entry.what, keep_newlines=False)}", Tone.WARN)
            for entry in model.entries
        ]
    return lines


def _event_line(event: jobs.JobEvent, several: bool, now_ms: int) -> Line:
    from mantik_tui.domain.job import JobState

    cause = f": {event.cause}" if event.cause and event.cause != event.state else ""
    attempt = f" (attempt {event.attempt})" if several else ""
    known = event.state in set(JobState)
    return Line(
        (
            (f"{clock(event.at_ms, now_ms):<10} ", Tone.MUTED),
            (
                f"{event.state}{cause}{attempt}",
                state_tone(JobState(event.state)) if known else Tone.PLAIN,
            ),
            (f"  {clean(event.words, keep_newlines=False)}" if event.words else "", Tone.MUTED),
        ),
        11,
    )


def _without_events(run: Run, now_ms: int) -> list[Line]:
    lines = [fact("started", clock(run.start_ms, now_ms))]
    if run.end_ms:
        took = duration(run.end_ms - began) if (began := run.began_ms or run.start_ms) else "-"
        lines.append(fact("ended", f"{clock(run.end_ms, now_ms)}, after {took}"))
    lines.append(fact("status", run.status))
    lines.append(BLANK)
    lines.append(plain("The server keeps no more of a run's history than this.", Tone.MUTED))
    return lines


# -------------------------------------------------------------------------------- note and figures


def note_lines(note: str) -> list[Line]:
    if not note.strip():
        return [plain("No note. e writes one.", Tone.MUTED)]
    return [heading("Note"), BLANK, *lines_of(note)]


def tab_counts(model: RunModel) -> dict[str, str]:
    """Short figures beside the tabs' names; MLflow's own tags are not counted."""
    own = [key for key in model.run.tags if not key.startswith(("mlflow.", "mantik."))]
    counts = {
        "params": len(model.run.params),
        "metrics": len(model.run.metrics),
        "tags": len(own),
        "files": sum(not file.is_dir for file in model.artifacts),
    }
    return {name: f"{count:,}" for name, count in counts.items() if count}
