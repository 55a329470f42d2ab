"""What the tabs of a project say, as lines of text; what is not known says so, and how to add it."""

from __future__ import annotations

from collections.abc import Sequence

from mantik_tui.domain.project import Dataset, Project, ProjectRow, Repository
from mantik_tui.domain.run import RunRow
from mantik_tui.domain.text import clock, duration, number
from mantik_tui.widgets.columns import Tone, fit_text
from mantik_tui.widgets.one_line import STRONG, Part, short_name
from mantik_tui.widgets.project_card import status_tone
from mantik_tui.widgets.run_columns import status_words, took_ms
from mantik_tui.widgets.styled_text import BLANK, Line, fact, heading, plain

_ROLE_ORDER = ("Owner", "Maintainer", "Researcher", "Reporter", "Guest")


def fact_lines(project: Project, row: ProjectRow | None, now_ms: int) -> list[Line]:
    """Summary, people, labels, what it is ranked by, and how old this is."""
    lines = [
        plain(project.summary or "No summary yet.", Tone.PLAIN if project.summary else Tone.MUTED),
        BLANK,
    ]
    kinds = [label.name for label in project.labels if label.scope == "problem-type"]
    labels = [
        f"{label.name}={label.value}" if label.value else label.name
        for label in project.labels
        if label.scope != "problem-type"
    ]
    lines.append(fact("type", ", ".join(kinds) or "not given", Tone.PLAIN if kinds else Tone.MUTED))
    lines.append(fact("labels", ", ".join(labels) or "none", Tone.PLAIN if labels else Tone.MUTED))
    lines.append(fact("access", _access(project, row)))
    lines += _people(project)
    if row is not None:
        active = [f"{row.runs:,}"]
        active += [f"{row.running} running"] if row.running else []
        active += [f"{row.queued} queued"] if row.queued else []
        lines.append(fact("runs", " · ".join(active)))
    code = _first(project.code) or project.folder
    lines.append(fact("code", code or "not known: e sets a folder, tab 2 says more", _known(code)))
    data = _first(project.data)
    lines.append(fact("data", data or "not known: tab 3 says how to add it", _known(data)))
    if project.as_of_ms:
        lines.append(fact("as of", clock(project.as_of_ms, now_ms), Tone.MUTED))
    return lines


def result_lines(
    project: Project, best: Sequence[RunRow], latest: Sequence[RunRow], now_ms: int
) -> list[Line]:
    """The best and the latest runs."""
    metric = project.best_metric
    if not latest:
        return [
            heading("Results"), plain("No runs yet. s starts one.", Tone.MUTED), BLANK,
        ]  # fmt: skip
    lines: list[Line] = []
    if metric:
        way = "higher" if project.best_goal == "max" else "lower"
        title: list[Part] = [("Best  ", STRONG), (f"by {metric}, {way} is better", Tone.MUTED)]
        lines.append(Line(tuple(title)))
        lines += [_result(run, metric, now_ms, place) for place, run in enumerate(best, 1)]
        if not best:
            lines.append(plain("  no finished run has this metric yet", Tone.MUTED))
        lines.append(BLANK)
    lines.append(heading("Latest"))
    lines += [_result(run, metric, now_ms, None) for run in latest]
    lines.append(BLANK)
    return lines


def code_lines(project: Project, has_mlproject: bool) -> list[Line]:
    """Code repositories, and the folder on this machine that runs are made from."""
    lines = [heading("On this machine")]
    if project.folder:
        found = (
            "holds an MLproject"
            if has_mlproject
            else "has no MLproject file: runs can't be made from it"
        )
        lines.append(fact("folder", project.folder))
        lines.append(fact("", found, Tone.GOOD if has_mlproject else Tone.WARN))
        lines.append(plain("e sets another folder, s starts a run from it.", Tone.MUTED))
    else:
        lines.append(
            plain("No folder is set, so a new run has to name its code itself.", Tone.MUTED)
        )
        lines.append(plain("e sets the folder that holds the MLproject.", Tone.MUTED))
    lines += [BLANK, heading("Code repositories")]
    lines += _repositories(project.code)
    if not project.code:
        lines += _how_to_add("code")
    return lines


def data_lines(project: Project, datasets: Sequence[Dataset]) -> list[Line]:
    """Data repositories, and the datasets that runs logged as their input."""
    lines = [heading("Data repositories"), *_repositories(project.data)]
    if not project.data:
        lines += _how_to_add("data")
    lines += [BLANK, heading("Datasets that runs used")]
    for item in datasets:
        lines.append(
            Line(
                (
                    (f"  {_cell(item.name, 28)} ", Tone.PLAIN),
                    (f"{_cell(item.digest, 12)} ", Tone.MUTED),
                    (f"{item.runs:>6,} {'run ' if item.runs == 1 else 'runs'}  ", Tone.PLAIN),
                    (f"{item.context or '-'}  {_short(item.source)}", Tone.MUTED),
                ),
                4,
            )
        )
    if not datasets:
        lines.append(plain("None yet. A training logs them with mlflow.log_input(dataset).", Tone.MUTED, 2))  # fmt: skip
    return lines


def _result(run: RunRow, metric: str, now_ms: int, place: int | None) -> Line:
    value = number(run.metrics.get(metric)) if metric else ""
    parts: list[Part] = [(f"{place:>2}  " if place else "    ", Tone.MUTED)]
    parts += [(f"{value:>9}  " if metric else "", STRONG if place == 1 else Tone.PLAIN)]
    parts += [(f"{_cell(run.name, 18)} ", Tone.PLAIN)]
    if place is None:
        parts.append((f"{fit_text(status_words(run), 18)} ", status_tone(run.status)))
    else:
        parts.append((f"{duration(took_ms(run, now_ms)):>8}           ", Tone.MUTED))
    parts.append((f"{_cell(run.user or '-', 6)} {clock(run.start_ms, now_ms)}", Tone.MUTED))
    return Line(tuple(parts), 4)


def _cell(text: str, width: int) -> str:
    return fit_text(short_name(text, width), width)


def _people(project: Project) -> list[Line]:
    members = sorted(
        project.members,
        key=lambda m: (_ROLE_ORDER.index(m.role) if m.role in _ROLE_ORDER else 9, m.name),
    )
    names = [f"{member.name} ({member.role})" for member in members]
    if project.owner and project.owner not in {member.name for member in members}:
        names.insert(0, f"{project.owner} (Owner)")
    words = ", ".join(names) or "not named"
    return [fact("people", words, Tone.PLAIN if names else Tone.MUTED)]


def _access(project: Project, row: ProjectRow | None) -> str:
    """What is wanted, and what the server tells of it; the two need not agree."""
    wanted = project.visibility.lower()
    seen = {"own": "your own", "shared": "shared with you", "public": "public"}.get(
        row.ownership if row else "", "not told by the server"
    )
    return f"{seen}; meant to be {wanted}" if wanted and wanted not in seen else seen


def _first(items: Sequence[Repository]) -> str:
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"{items[0].name}{more}" if items else ""


def _known(found: object) -> Tone:
    return Tone.PLAIN if found else Tone.MUTED


def _repositories(items: Sequence[Repository]) -> list[Line]:
    lines: list[Line] = []
    for item in items:
        dvc = "  DVC" if item.dvc else ""
        lines.append(Line((("  ", Tone.PLAIN), (item.name, STRONG), (dvc, Tone.ACCENT))))
        lines.append(plain(f"  {item.uri}", Tone.PLAIN, 4))
        if item.description:
            lines.append(plain(f"  {item.description}", Tone.MUTED, 4))
    return lines


def _how_to_add(kind: str) -> list[Line]:
    example = "https://git.example.org/group/name.git" if kind == "code" else "juwels:/p/scratch/project/data"  # fmt: skip
    return [
        plain("  None is known.", Tone.MUTED),
        plain("  Whoever may change the project adds one as a tag of its experiment on the server:", Tone.MUTED, 2),
        plain(f"    mantik.{kind}.NAME = {example}", Tone.ACCENT, 4),
    ]  # fmt: skip


def _short(source: str) -> str:
    return source if len(source) <= 60 else f"{source[:57]}…"
