"""What a measurement gives: rows of the table, each with a verdict that follows from figure and limit."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Verdict(StrEnum):
    MET = "met"
    MISSED = "missed"
    STATED = "stated"
    """There is no target; the figure is for orientation."""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    line: str
    """The target's number, as `P4`."""
    what: str
    beside: str
    target: str
    measured: str
    verdict: Verdict
    note: str = ""
    """By how much it was missed, why, or why there is no figure."""
    load: float = field(default_factory=lambda: os.getloadavg()[0])


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def figure(value: float, unit: str) -> str:
    """A value with so many digits as mean something."""
    if value >= 100 or value == int(value):
        text = f"{value:,.0f}"
    elif value >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
    return f"{text} {unit}".rstrip()


def ratio_row(
    line: str,
    what: str,
    *,
    mine: float,
    peer: float,
    limit: float,
    unit: str,
    beside: str,
    detail: str = "",
    why: str = "",
) -> Row:
    """A figure as a multiple of its peer's. `detail` follows the figures; `why` is said when the limit is missed."""
    ratio = mine / peer if peer else float("inf")
    measured = f"{ratio:.2f} × ({figure(mine, unit)} / {figure(peer, unit)}{detail})"
    return _judged(line, what, beside, f"≤ {limit:g} ×", measured, ratio, limit, why)


def limit_row(
    line: str,
    what: str,
    *,
    value: float,
    limit: float,
    unit: str,
    beside: str = "-",
    detail: str = "",
    why: str = "",
) -> Row:
    """A figure that has a limit of its own."""
    measured = figure(value, unit) + (f" ({detail})" if detail else "")
    return _judged(line, what, beside, f"≤ {figure(limit, unit)}", measured, value, limit, why)


def stated(line: str, what: str, measured: str, *, beside: str = "-", note: str = "") -> Row:
    """A figure without a target."""
    return Row(line, what, beside, "-", measured, Verdict.STATED, note)


def not_measured(line: str, what: str, reason: str, *, beside: str = "-", target: str = "") -> Row:
    """A line without a figure, and why."""
    return Row(line, what, beside, target or "-", "-", Verdict.NOT_MEASURED, reason)


def with_note(row: Row, note: str) -> Row:
    """The row with words added to its note."""
    return replace(row, note=". ".join(part for part in (row.note, note) if part))


def _judged(
    line: str,
    what: str,
    beside: str,
    target: str,
    measured: str,
    value: float,
    limit: float,
    why: str,
) -> Row:
    if value <= limit:
        return Row(line, what, beside, target, measured, Verdict.MET)
    over = f"{(value / limit - 1) * 100:.0f} % over" if limit else "over"
    why = (
        why
        or f"No cause is known but other work on the machine: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return Row(line, what, beside, target, measured, Verdict.MISSED, f"{over}. {why}".strip())
