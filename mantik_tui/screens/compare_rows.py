"""The lines of the comparison's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mantik_tui.domain.run import Run, RunStatus
from mantik_tui.domain.text import clock, duration, number
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.project_card import status_tone
from mantik_tui.workspace.comparing import Comparison


class Kind(StrEnum):
    TITLE = "title"
    ABOUT = "about"
    PARAM = "param"
    METRIC = "metric"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a title, or a value for each run."""

    id: int
    kind: Kind
    key: str
    values: tuple[str, ...]
    best: int | None = None


def table_rows(
    comparison: Comparison, runs: Sequence[Run], now_ms: int, *, best_values: bool, with_alike: bool
) -> list[Row]:
    """Params that differ first, then metrics, then how the runs went, then the params that are alike."""
    rows: list[Row] = []

    def add(kind: Kind, key: str, values: Sequence[str] = (), best: int | None = None) -> None:
        rows.append(Row(len(rows), kind, key, tuple(values), best))

    if comparison.differing:
        add(Kind.TITLE, "params that differ")
        for param in comparison.differing:
            add(
                Kind.PARAM,
                param.key,
                [value if value is not None else "-" for value in param.values],
            )
    elif comparison.alike:
        add(Kind.TITLE, "no param differs")
    add(Kind.TITLE, f"metrics, {'best' if best_values else 'last'} values")
    for metric in comparison.metrics:
        add(Kind.METRIC, metric.key, [number(value) for value in metric.values], metric.best)
    if not comparison.metrics:
        add(Kind.ABOUT, "none yet")
    add(Kind.TITLE, "runs")
    for name, value in _ABOUT:
        add(Kind.ABOUT, name, [value(run, now_ms) for run in runs])
    if comparison.alike:
        count = len(comparison.alike)
        words = f"{count} {'param' if count == 1 else 'params'} alike"
        add(Kind.TITLE, words if with_alike else f"{words} (d)")
        for param in comparison.alike if with_alike else ():
            add(
                Kind.PARAM,
                param.key,
                [value if value is not None else "-" for value in param.values],
            )
    return rows


def _took(run: Run, now_ms: int) -> str:
    began = run.began_ms or run.start_ms
    end = run.end_ms or (now_ms if run.status == RunStatus.RUNNING else None)
    return duration(end - began) if began and end else "-"


_ABOUT: tuple[tuple[str, Callable[[Run, int], str]], ...] = (
    ("status", lambda run, _now: run.status),
    ("started", lambda run, now: clock(run.start_ms, now)),
    ("took", _took),
    ("who", lambda run, _now: run.user or "-"),
    ("commit", lambda run, _now: run.tags.get("mlflow.source.git.commit", "-")[:8]),
    ("experiment", lambda run, _now: run.experiment_name or "-"),
)


def table_columns(names: Sequence[str], width: int) -> tuple[Column[Row], ...]:
    """The first column says what it is, then one column a run, wider where there is room."""
    share = max(14, min(24, (width - 26) // max(1, len(names)) - 2))
    first: Column[Row] = Column("what", "", _what, 20, 0, max_width=30, tone=_what_tone)
    return (first, *(_run_column(n, name, share) for n, name in enumerate(names)))


def _run_column(index: int, name: str, width: int) -> Column[Row]:
    def cell(row: Row) -> str:
        if index >= len(row.values):
            return ""
        return f"★ {row.values[index]}" if row.best == index else row.values[index]

    def tone(row: Row) -> Tone:
        if row.best == index:
            return Tone.GOOD
        value = row.values[index] if index < len(row.values) else ""
        if value in ("nan", "inf", "-inf"):
            return Tone.BAD
        if row.kind is Kind.ABOUT:
            return status_tone(value) if row.key == "status" else Tone.MUTED
        return Tone.MUTED if value == "-" else Tone.PLAIN

    return Column(str(index), name, cell, width, 0, numeric=True, tone=tone)


def _what(row: Row) -> str:
    return row.key if row.kind is Kind.TITLE else f"  {row.key}"


def _what_tone(row: Row) -> Tone:
    return Tone.ACCENT if row.kind is Kind.TITLE else Tone.PLAIN
