"""Reads of projects and experiments."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import Ambiguous, NotFound
from mantik_tui.domain.project import (
    Dataset,
    Label,
    Member,
    Model,
    Project,
    ProjectRow,
    Repository,
    Result,
)
from mantik_tui.store.reads.workspaces import WorkspaceRow as WorkspaceRow
from mantik_tui.store.reads.workspaces import workspaces as workspaces

if TYPE_CHECKING:
    from mantik_tui.domain.run import Experiment

_PROJECT_ROW = (
    "SELECT p.id, p.uid, p.name, p.summary, p.owner, p.ownership, p.doc, p.best_metric, coalesce(s.runs, 0),"
    " coalesce(s.running, 0), coalesce(s.queued, 0), s.last_run_ms,"
    " b.id, coalesce(b.cid, b.server_id), b.name, b.user, b.status, s.best_value, b.start_ms,"
    " l.id, coalesce(l.cid, l.server_id), l.name, l.user, l.status, lm.value, l.start_ms"
    " FROM project p LEFT JOIN project_stat s ON s.project_id = p.id"
    " LEFT JOIN run b ON b.id = s.best_run_id LEFT JOIN run l ON l.id = s.latest_run_id"
    " LEFT JOIN key k ON k.kind = 'metric' AND k.name = p.best_metric"
    " LEFT JOIN metric lm ON lm.run_id = l.id AND lm.key_id = k.id"
)


def project_rows(connection: sqlite3.Connection, workspace_id: int) -> list[ProjectRow]:
    """All projects of a workspace, last active first; the collecting one at the end, and only if it has experiments."""
    rows = connection.execute(
        _PROJECT_ROW + " WHERE p.workspace_id = ? AND p.gone = 0 AND (p.uid <> 'unsorted' OR EXISTS"
        " (SELECT 1 FROM experiment e WHERE e.project_id = p.id))"
        " ORDER BY p.uid = 'unsorted', s.last_run_ms IS NULL, s.last_run_ms DESC, p.name",
        (workspace_id,),
    )
    return [_project_row(row) for row in rows]


def _project_row(row: tuple) -> ProjectRow:  # type: ignore[type-arg]
    doc = json.loads(row[6])
    labels = tuple(Label(*item) for item in doc.get("labels", ()))
    return ProjectRow(
        id=row[0],
        uid=row[1],
        name=row[2],
        summary=row[3],
        owner=row[4],
        ownership=row[5],
        problem_types=tuple(label.name for label in labels if label.scope == "problem-type"),
        labels=labels,
        people=len(doc.get("members", ())),
        runs=row[8],
        running=row[9],
        queued=row[10],
        last_run_ms=row[11] or None,
        best=_result(row[7], row[12:19]),
        latest=_result(row[7], row[19:26]),
        members=tuple(str(item[0]) for item in doc.get("members", ())),
    )


def _result(metric: str, part: tuple) -> Result | None:  # type: ignore[type-arg]
    if part[0] is None:
        return None
    return Result(
        part[0], part[1] or "", part[2], part[3], part[4], metric, part[5], part[6] or None
    )


def get_project(connection: sqlite3.Connection, project_id: int) -> Project:
    """One project whole.

    Raises:
        NotFound: there is no such row.
    """
    row = connection.execute(
        "SELECT id, uid, name, summary, description, owner, visibility, doc, folder, best_metric, best_goal, as_of_ms"
        " FROM project WHERE id = ?",
        (project_id,),
    ).fetchone()
    if row is None:
        raise NotFound(
            "There is no such project", hint="mantik-tui projects list shows those there are"
        )
    doc = json.loads(row[7])
    experiments = connection.execute(
        "SELECT id FROM experiment WHERE project_id = ? ORDER BY name", (project_id,)
    ).fetchall()
    return Project(
        *(
            *row[:7],
            tuple(Label(*item) for item in doc.get("labels", ())),
            tuple(Member(*item) for item in doc.get("members", ())),
            tuple(Repository(**item) for item in doc.get("code", ())),
            tuple(Repository(**item) for item in doc.get("data", ())),
            tuple(item[0] for item in experiments),
            *row[8:],
        )
    )


def find_project(connection: sqlite3.Connection, workspace_id: int, text: str) -> int:
    """Row id of the project that `text` names: its name (case ignored), its id, or a unique beginning of either.

    Raises:
        NotFound: nothing fits.
        Ambiguous: several fit.
    """
    rows = connection.execute(
        "SELECT id, name, uid FROM project WHERE workspace_id = ? AND gone = 0", (workspace_id,)
    ).fetchall()
    wanted = text.lower()
    exact = [row for row in rows if wanted in (row[1].lower(), row[2].lower())]
    found = exact or [
        row for row in rows if row[1].lower().startswith(wanted) or row[2].startswith(text)
    ]
    if not found:
        raise NotFound(
            f"No project is called {text!r}", hint="mantik-tui projects list shows those there are"
        )
    if len(found) > 1:
        names = ", ".join(f"{row[1]} ({row[2]})" for row in found[:6])
        raise Ambiguous(f"Several projects fit {text!r}", names, "Give more of the name, or the id")
    return int(found[0][0])


def experiments(
    connection: sqlite3.Connection, workspace_id: int, project_id: int | None = None
) -> list[Experiment]:
    """Experiments with the number of their stored runs, by name; a project's own carrier experiment is left out."""
    from mantik_tui.domain.run import Experiment  # the first screen shows none

    where, args = (
        "e.workspace_id = ? AND (p.carrier IS NULL OR p.carrier <> e.server_id)",
        [workspace_id],
    )
    if project_id is not None:
        where, args = where + " AND e.project_id = ?", [*args, project_id]
    return [
        Experiment(*row)
        for row in connection.execute(
            "SELECT e.id, e.server_id, e.name, e.lifecycle, e.project_id,"
            " (SELECT count(*) FROM run r WHERE r.experiment_id = e.id AND r.deleted = 0), e.access, e.as_of_ms,"
            " e.pull_offset, e.pull_total FROM experiment e LEFT JOIN project p ON p.id = e.project_id"
            f" WHERE {where} ORDER BY e.name",
            args,
        )
    ]


def find_experiment(connection: sqlite3.Connection, workspace_id: int, text: str) -> int:
    """Row id of the experiment with this name or server id.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(
        "SELECT id FROM experiment WHERE workspace_id = ? AND (name = ? OR server_id = ?)"
        " ORDER BY lifecycle, access DESC, name = ? DESC LIMIT 1",
        (workspace_id, text, text, text),
    ).fetchone()
    if row is None:
        raise NotFound(
            f"No experiment is called {text!r}", hint="mantik-tui experiments list shows them"
        )
    return int(row[0])


def pull_progress(connection: sqlite3.Connection, workspace_id: int) -> tuple[int, int] | None:
    """Runs stored and runs expected while a full pull is under way, None when none is."""
    row = connection.execute(
        "SELECT sum(min(pull_offset, coalesce(pull_total, pull_offset))), sum(coalesce(pull_total, pull_offset)),"
        " sum(pull_state IN ('new', 'pulling')) FROM experiment WHERE workspace_id = ? AND access = 'ok'",
        (workspace_id,),
    ).fetchone()
    return (int(row[0]), int(row[1])) if row and row[2] else None


def models(
    connection: sqlite3.Connection, workspace_id: int, project_id: int | None = None
) -> list[Model]:
    """Registered and logged models, newest first; with a project, those that its runs made."""
    where, args = "m.workspace_id = ?", [workspace_id]
    if project_id is not None:
        where += " AND (r.project_id = ? OR m.experiment_server_id IN"
        where += " (SELECT server_id FROM experiment WHERE project_id = ?))"
        args += [project_id, project_id]
    return [
        Model(
            name=row[0],
            version=row[1],
            kind=row[2],
            status=row[3],
            aliases=tuple(json.loads(row[4])),
            source=row[5],
            run_server_id=row[6],
            run_id=row[7],
            created_ms=row[8],
            description=row[9],
        )
        for row in connection.execute(
            "SELECT m.name, m.version, m.kind, m.status, m.aliases, m.source, m.run_server_id, r.id, m.created_ms,"
            " m.description FROM model m LEFT JOIN run r ON r.workspace_id = m.workspace_id"
            f" AND r.server_id = nullif(m.run_server_id, '') WHERE {where} ORDER BY m.created_ms DESC, m.name",
            args,
        )
    ]


def datasets(
    connection: sqlite3.Connection, workspace_id: int, project_id: int | None = None
) -> list[Dataset]:
    """Datasets that runs logged as input, the most used first."""
    where, args = "d.workspace_id = ?", [workspace_id]
    if project_id is not None:
        where, args = where + " AND r.project_id = ?", [*args, project_id]
    return [
        Dataset(*row)
        for row in connection.execute(
            "SELECT d.name, d.digest, d.source, min(rd.context), count(*) n FROM dataset d"
            " JOIN run_dataset rd ON rd.dataset_id = d.id JOIN run r ON r.id = rd.run_id"
            f" WHERE {where} GROUP BY d.id ORDER BY n DESC, d.name",
            args,
        )
    ]


def server_id_of_experiment(connection: sqlite3.Connection, experiment_id: int) -> str:
    """The server's id of an experiment, empty when there is no such row."""
    row = connection.execute(
        "SELECT server_id FROM experiment WHERE id = ?", (experiment_id,)
    ).fetchone()
    return str(row[0]) if row else ""
