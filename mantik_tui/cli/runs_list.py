"""`mantik-tui runs list`: runs with filter, order and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import find_project, json_option, open_here, say_age
from mantik_tui.cli.output import print_json, print_table, say
from mantik_tui.domain.text import clock, duration, iso, number

if TYPE_CHECKING:
    from mantik_tui.domain.run import RunRow
    from mantik_tui.workspace.reads import runs as run_reads
    from mantik_tui.workspace.session import Session

PLAIN = (
    "name",
    "status",
    "start",
    "took",
    "user",
    "site",
    "job",
    "cause",
    "project",
    "experiment",
    "id",
    "end",
)
NUMBERS = ("took",)
STATUS_COLOURS = {"RUNNING": "cyan", "SCHEDULED": "blue", "FAILED": "red", "KILLED": "yellow"}
_PAGE = 2000
_SORTS = ("start", "end", "took", "name", "status", "user", "site", "experiment")


@click.command("list")
@click.option("--project", metavar="NAME", help="Only runs of this project.")
@click.option("--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option(
    "--filter",
    "filter_text",
    default="",
    metavar="TEXT",
    help="For example 'status:failed rmse<0.05'.",
)
@click.option("--active", is_flag=True, help="Only runs that are queued or running.")
@click.option(
    "--sort",
    default="-start",
    metavar="KEY",
    help="Column, metric or param; -KEY turns the order round.",
)
@click.option(
    "-n", "--limit", default=50, show_default=True, metavar="N", help="At most N runs; 0 for all."
)
@click.option(
    "--columns",
    default="",
    metavar="NAMES",
    help="Columns, metrics and params, separated by commas.",
)
@json_option
def list_runs(
    project: str | None,
    experiment: str | None,
    filter_text: str,
    active: bool,
    sort: str,
    limit: int,
    columns: str,
    as_json: bool,
) -> None:
    """List runs, newest first.

    A filter is words (part of the name) and terms: status:failed, user:maria, rmse<0.05, params.lr=0.001, started<2d,
    with `or` and `not`. Columns are name, status, start, took, user, site, job, cause, project, experiment, id, end,
    and names of metrics and params; write metrics.NAME or params.NAME where both exist.
    """
    from mantik_tui.domain.filters import parse_filter
    from mantik_tui.workspace.reads import runs

    session = open_here()
    workspace_id = session.workspace.id
    experiment_id = None
    if experiment:
        from mantik_tui.workspace.reads import projects

        experiment_id = session.read(projects.find_experiment, workspace_id, experiment)
    project_id = find_project(session, project)
    scope = runs.Scope(workspace_id, project_id, experiment_id, active_only=active)
    wanted = parse_filter(filter_text)
    ids = session.read(
        runs.run_ids,
        scope,
        wanted,
        sort_of(session, sort),
        session.now_ms(),
        limit + 1 if limit > 0 else None,
    )
    more = 0 < limit < len(ids)
    ids = ids[:limit] if more else ids
    shown = choose_columns(session, columns, project_id)
    if as_json:
        print_json(run_records(session, ids, shown if columns else None))
        return
    say_age(session)
    rows = read_rows(session, ids, shown.metrics, shown.params)
    if not rows:
        say("No run fits." if wanted or active else "There are no runs here yet.")
        return
    print_runs(session, rows, shown)
    if more:
        say(f"There are more: -n {limit * 2} shows twice as many, -n 0 all.")


def read_rows(
    session: Session, ids: Sequence[int], metrics: Sequence[str] = (), params: Sequence[str] = ()
) -> list[RunRow]:
    """Rows in the order of `ids`, read in pages, so that no query grows with their number."""
    from mantik_tui.workspace.reads import runs

    rows: list[RunRow] = []
    for start in range(0, len(ids), _PAGE):
        rows += session.read(runs.run_rows, ids[start : start + _PAGE], metrics, params)
    return rows


class Columns:
    """Which columns are shown, in their order, and which metrics and params these need."""

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        self.names = tuple(names)
        """(kind, name); kind is `plain`, `metric` or `param`."""
        self.metrics = tuple(name for kind, name in names if kind == "metric")
        self.params = tuple(name for kind, name in names if kind == "param")


def choose_columns(session: Session, text: str, project_id: int | None = None) -> Columns:
    """The columns that a person named, by default some that fit a terminal, with the metric that ranks the project.

    Raises:
        NotFound: no column, metric or param has that name.
    """
    if text:
        names = [name.strip() for name in text.split(",") if name.strip()]
        return Columns([_column(session, name) for name in names])
    names = ["name", "status", "start", "took", "user", "site", "cause"]
    chosen = [("plain", name) for name in names]
    if project_id is not None:
        from mantik_tui.workspace.reads import projects

        metric = session.read(projects.get_project, project_id).best_metric
        if metric:
            chosen.insert(2, ("metric", metric))
    return Columns(chosen)


def _column(session: Session, name: str) -> tuple[str, str]:
    if name in PLAIN:
        return "plain", name
    return _keyed(session, name)


def _keyed(session: Session, name: str) -> tuple[str, str]:
    """A metric or param, by its name alone if only one of them has it."""
    from mantik_tui.domain.errors import NotFound
    from mantik_tui.workspace.reads import runs

    for prefix, kind in (("metrics.", "metric"), ("params.", "param")):
        if name.startswith(prefix):
            return kind, name.removeprefix(prefix)
    for kind in ("metric", "param"):
        if session.read(runs.key_ids, kind, [name]):
            return kind, name
    raise NotFound(
        f"No column, metric or param is called {name!r}",
        f"columns are {', '.join(PLAIN)}",
        "mantik-tui runs info RUN shows a run's metrics and params",
    )


def sort_of(session: Session, text: str) -> run_reads.Sort:
    """The order that a person named: a column, metric or param, with `-` before it the other way round."""
    from mantik_tui.workspace.reads import runs

    key = text.lstrip("-+")
    if key in _SORTS:
        return runs.Sort(key, text.startswith("-"))
    kind, name = _keyed(session, key)
    return runs.Sort(f"{kind}:{name}", text.startswith("-"))


def print_runs(session: Session, rows: Sequence[RunRow], columns: Columns) -> None:
    now = session.now_ms()
    names = (
        _names(session, rows)
        if {("plain", "project"), ("plain", "experiment")} & set(columns.names)
        else {}
    )
    cells = [[_cell(row, kind, name, now, names) for kind, name in columns.names] for row in rows]
    numbers = [*NUMBERS, *columns.metrics]
    head = [name for _, name in columns.names]
    print_table(head, cells, right=numbers, paints={"status": STATUS_COLOURS})


def _cell(row: RunRow, kind: str, name: str, now: int, names: dict[tuple[str, int], str]) -> str:
    if kind == "metric":
        return number(row.metrics.get(name))
    if kind == "param":
        return row.params.get(name, "")
    if name == "start":
        return clock(row.start_ms, now)
    if name == "end":
        return clock(row.end_ms, now)
    if name == "took":
        return _took(row, now)
    if name == "project":
        return names.get(("project", row.project_id or 0), "")
    if name == "experiment":
        return names.get(("experiment", row.experiment_id), "")
    if name == "status":
        return f"{row.status} (unsent)" if row.pending and row.job_state == "queued" else row.status
    plain = {
        "name": row.name,
        "user": row.user,
        "site": row.site,
        "job": row.job_state,
        "cause": row.cause,
        "id": row.cid,
    }
    return plain[name]


def _took(row: RunRow, now: int) -> str:
    """From the job's start where it is known: what a run waited in a queue is no part of it."""
    began = row.began_ms or row.start_ms
    if not began or row.status == "SCHEDULED":
        return ""
    return duration((row.end_ms or now) - began)


def _names(session: Session, rows: Sequence[RunRow]) -> dict[tuple[str, int], str]:
    """Names of the rows' projects and experiments."""
    from mantik_tui.workspace.reads import listing

    projects = {row.project_id for row in rows if row.project_id is not None}
    found = {
        ("project", key): name
        for key, name in session.read(listing.project_names, projects).items()
    }
    experiments = session.read(listing.experiment_names, {row.experiment_id for row in rows})
    return found | {("experiment", key): name for key, name in experiments.items()}


def run_records(
    session: Session, ids: Sequence[int], columns: Columns | None = None
) -> list[dict[str, Any]]:
    """Runs for programs; with all their metrics and params, or those of `columns`."""
    from mantik_tui.workspace.reads import listing

    metrics, params = (columns.metrics, columns.params) if columns else ((), ())
    rows = read_rows(session, ids, metrics, params)
    names = _names(session, rows)
    records = [run_record(row, names) for row in rows]
    for start in range(0, len(rows) if columns is None else 0, _PAGE):
        page = rows[start : start + _PAGE]
        values = session.read(listing.all_values, [row.id for row in page])
        for record, row in zip(records[start:], page, strict=False):
            record["metrics"], record["params"] = values[row.id]
    return records


def run_record(row: RunRow, names: dict[tuple[str, int], str]) -> dict[str, Any]:
    """One run for programs; docs/commands.md says what each key is."""
    return {
        "id": row.cid,
        "name": row.name,
        "status": row.status,
        "job_state": row.job_state or None,
        "cause": row.cause or None,
        "user": row.user or None,
        "project": names.get(("project", row.project_id or 0)),
        "experiment": names.get(("experiment", row.experiment_id)),
        "site": row.site or None,
        "start": iso(row.start_ms),
        "end": iso(row.end_ms),
        "pending": row.pending,
        "metrics": row.metrics,
        "params": row.params,
    }
