"""`mantik-tui projects` and `mantik-tui experiments`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import find_project, json_option, open_here, say_age
from mantik_tui.cli.output import print_fields, print_json, print_table, say, write
from mantik_tui.domain.text import clean, clock, iso, number

if TYPE_CHECKING:
    from mantik_tui.domain.project import Project, ProjectRow, Result
    from mantik_tui.workspace.session import Session


@click.command("list")
@click.option(
    "--filter",
    "text",
    default="",
    metavar="TEXT",
    help="For example 'type:regression author:maria'.",
)
@json_option
def list_projects(text: str, as_json: bool) -> None:
    """List projects, last active first."""
    from mantik_tui.domain.project_filter import filter_projects
    from mantik_tui.workspace import reads

    session = open_here()
    rows = session.read(reads.projects.project_rows, session.workspace.id)
    rows = filter_projects(rows, text)
    if as_json:
        print_json([project_record(row) for row in rows])
        return
    say_age(session)
    if not rows:
        say("No project fits." if text else "There are no projects here yet.")
        return
    now = session.now_ms()
    print_table(
        ["name", "owner", "access", "type", "runs", "active", "best", "last run"],
        [
            [
                row.name, row.owner, row.ownership if row.ownership != "unknown" else "", ", ".join(row.problem_types),
                str(row.runs), str(row.running + row.queued or ""), _result_words(row.best), clock(row.last_run_ms, now),
            ]
            for row in rows
        ],
        right=["runs", "active"],
    )  # fmt: skip


def _result_words(result: Result | None) -> str:
    if result is None or result.value is None:
        return ""
    return f"{result.metric} {number(result.value)}"


def project_record(row: ProjectRow) -> dict[str, Any]:
    """One project of a list, for programs."""
    return {
        "id": row.uid,
        "name": row.name,
        "summary": row.summary,
        "owner": row.owner or None,
        "access": row.ownership,
        "problem_types": list(row.problem_types),
        "labels": [
            {"scope": one.scope, "name": one.name, "value": one.value} for one in row.labels
        ],
        "people": row.people,
        "runs": row.runs,
        "running": row.running,
        "queued": row.queued,
        "best": _result_record(row.best),
        "latest": _result_record(row.latest),
        "last_run": iso(row.last_run_ms),
    }


def _result_record(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "run_id": result.cid,
        "run": result.name,
        "status": result.status,
        "metric": result.metric or None,
        "value": result.value,
        "at": iso(result.at_ms),
    }


@click.command("show")
@click.argument("name", metavar="PROJECT")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one project whole: text, labels, people, code, data, experiments, models, best and latest results."""
    session = open_here()
    record = project_whole(session, find_project(session, name) or 0)
    if as_json:
        print_json(record)
        return
    say_age(session)
    print_fields(_project_fields(record))
    if record["description"]:
        write("\n" + clean(record["description"]).rstrip() + "\n")


def project_whole(session: Session, project_id: int) -> dict[str, Any]:
    """One project with everything that is known of it, for programs."""
    from mantik_tui.workspace import reads
    from mantik_tui.workspace.projects import web_page

    workspace_id = session.workspace.id
    project: Project = session.read(reads.projects.get_project, project_id)
    rows = session.read(reads.projects.project_rows, workspace_id)
    row = next((one for one in rows if one.id == project_id), None)
    experiments = session.read(reads.projects.experiments, workspace_id, project_id)
    models = session.read(reads.projects.models, workspace_id, project_id)
    datasets = session.read(reads.projects.datasets, workspace_id, project_id)
    return {
        **(
            project_record(row)
            if row
            else {"id": project.uid, "name": project.name, "summary": project.summary}
        ),
        "description": project.description,
        "visibility": project.visibility or None,
        "members": [{"name": one.name, "role": one.role} for one in project.members],
        "code": [_repository(one) for one in project.code],
        "data": [_repository(one) for one in project.data],
        "experiments": [
            {"id": one.server_id, "name": one.name, "runs": one.run_count} for one in experiments
        ],
        "models": [
            {"name": one.name, "version": one.version or None, "kind": one.kind} for one in models
        ],
        "datasets": [
            {"name": one.name, "source": one.source, "runs": one.runs} for one in datasets
        ],
        "folder": project.folder or None,
        "ranked_by": {"metric": project.best_metric, "goal": project.best_goal}
        if project.best_metric
        else None,
        "page": web_page(session, project_id),
        "as_of": iso(project.as_of_ms),
    }


def _repository(one: Any) -> dict[str, Any]:
    return {"name": one.name, "uri": one.uri, "description": one.description, "dvc": one.dvc}


def _project_fields(record: dict[str, Any]) -> list[tuple[str, str]]:
    def lines(values: list[str]) -> str:
        return "\n".join(clean(value, keep_newlines=False) for value in values)

    ranked = record["ranked_by"]
    best = record.get("best")
    return [
        ("project", record["name"]),
        ("id", record["id"]),
        ("summary", record["summary"]),
        ("owner", record.get("owner") or ""),
        ("access", str(record.get("access") or "")),
        ("labels", ", ".join(label_words(one) for one in record.get("labels", ()))),
        ("people", lines([f"{one['name']} ({one['role']})" for one in record["members"]])),
        ("code", lines([f"{one['name']}  {one['uri']}" for one in record["code"]])),
        ("data", lines([f"{one['name']}  {one['uri']}" for one in record["data"]])),
        ("folder here", record["folder"] or ""),
        (
            "experiments",
            lines([f"{one['name']}  {one['runs']} runs" for one in record["experiments"]]),
        ),
        (
            "models",
            lines([f"{one['name']} {one['version'] or ''}".strip() for one in record["models"]]),
        ),
        ("datasets", lines([f"{one['name']}  {one['runs']} runs" for one in record["datasets"]])),
        ("ranked by", f"{ranked['metric']}, {ranked['goal']} is best" if ranked else ""),
        ("best run", f"{best['run']}  {best['metric']} {number(best['value'])}" if best else ""),
        ("page", record["page"]),
    ]


def label_words(label: dict[str, str]) -> str:
    scope = f"{label['scope']}: " if label["scope"] else ""
    value = f"={label['value']}" if label["value"] else ""
    return f"{scope}{label['name']}{value}"


@click.command("list")
@click.option("--project", metavar="NAME", help="Only experiments of this project.")
@json_option
def list_experiments(project: str | None, as_json: bool) -> None:
    """List MLflow experiments."""
    from mantik_tui.workspace import reads

    session = open_here()
    project_id = find_project(session, project)
    rows = session.read(reads.projects.experiments, session.workspace.id, project_id)
    names = session.read(
        reads.listing.project_names, {row.project_id for row in rows if row.project_id is not None}
    )
    records = [
        {
            "id": row.server_id or None,
            "name": row.name,
            "project": names.get(row.project_id or 0),
            "runs": row.run_count,
            "state": row.lifecycle if row.access == "ok" else "no longer readable",
            "as_of": iso(row.as_of_ms),
        }
        for row in rows
    ]
    if as_json:
        print_json(records)
        return
    say_age(session)
    if not records:
        say("There are no experiments here yet.")
        return
    print_table(
        ["id", "name", "project", "runs", "state"],
        [
            [str(one[key] or "") for key in ("id", "name", "project", "runs", "state")]
            for one in records
        ],
        right=["runs"],
    )
