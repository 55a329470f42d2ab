"""What the projects screen says of the project under the cursor."""

from __future__ import annotations

from collections.abc import Mapping

from mantik_tui.domain.project import ProjectRow, Result
from mantik_tui.domain.run_status import RunStatus
from mantik_tui.domain.text import clock, duration, number
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.line_block import Line, rule
from mantik_tui.widgets.one_line import STRONG, Part, short_name

_STATUS_TONES: dict[str, Tone] = {
    RunStatus.RUNNING: Tone.ACCENT,
    RunStatus.SCHEDULED: Tone.WARN,
    RunStatus.FINISHED: Tone.GOOD,
    RunStatus.FAILED: Tone.BAD,
    RunStatus.KILLED: Tone.BAD,
}


def status_tone(status: str) -> Tone:
    """How a run's status looks."""
    return _STATUS_TONES.get(status, Tone.PLAIN)


def is_rank(value: float | None) -> bool:
    """Whether a metric's value can make a run the best one: a diverged run (NaN, infinite) never is."""
    return value is not None and abs(value) < 1.797e308


def people_words(owner: str, people: int, ownership: str) -> str:
    """`owner maria · 3 people · shared`, as far as it is known."""
    parts = [f"owner {owner}"] if owner else []
    if people:
        parts.append(f"{people} {'person' if people == 1 else 'people'}")
    if ownership in ("own", "shared", "public"):
        parts.append(ownership)
    return " · ".join(parts)


def project_card(
    row: ProjectRow | None, width: int, now_ms: int, best_params: Mapping[str, str]
) -> list[Line]:
    """Five lines about a project: name, summary, labels, best and latest result."""
    if row is None:
        return [([], ())] * 5
    right = people_words(row.owner, row.people, row.ownership)
    return [
        rule(row.name, width),
        ([("   ", Tone.PLAIN), (row.summary or "no summary yet", Tone.PLAIN if row.summary else Tone.MUTED)],
         [(f"  {right} ", Tone.MUTED)]),
        ([("   ", Tone.PLAIN), (label_words(row), Tone.MUTED)], ()),
        result_line("best", row.best, now_ms, best_params),
        result_line("latest", row.latest, now_ms, {}),
    ]  # fmt: skip


def label_words(row: ProjectRow) -> str:
    words = [*row.problem_types]
    words += [label.name for label in row.labels if label.scope != "problem-type"]
    return " · ".join(words) or "no labels"


def result_line(title: str, result: Result | None, now_ms: int, params: Mapping[str, str]) -> Line:
    """`best   rmse 0.0431  calm-heron-12  lr 3e-4      by tom, 12 Nov`."""
    left: list[Part] = [("   ", Tone.PLAIN), (f"{title:<8}", Tone.MUTED)]
    if result is not None and title == "best" and not is_rank(result.value):
        result = None
    if result is None:
        return [*left, ("none yet", Tone.MUTED)], ()
    if result.metric:
        left.append((f"{result.metric} ", Tone.MUTED))
        left.append((f"{number(result.value)}  ", STRONG if title == "best" else Tone.PLAIN))
    left.append((short_name(result.name), Tone.PLAIN))
    if title == "latest":
        left.append((f"  {result.status}", status_tone(result.status)))
        if result.status == RunStatus.RUNNING and result.at_ms:
            left.append((f" for {duration(now_ms - result.at_ms)}", Tone.MUTED))
    for key, value in list(params.items())[:3]:
        left.append((f"  {short_name(key, 24)} {short_name(value, 24)}", Tone.MUTED))
    by = f"by {short_name(result.user, 20)}, " if result.user else ""
    return left, [(f"  {by}{clock(result.at_ms, now_ms)} ", Tone.MUTED)]
