"""Projects and experiments as pulled, and the figures that the projects screen shows of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass

from mantik_tui.domain.goals import guess_goal
from mantik_tui.domain.project import UNSORTED
from mantik_tui.domain.project_tags import TaggedProject

UNSORTED_UID = "unsorted"


@dataclass(frozen=True, slots=True)
class PulledExperiment:
    server_id: str
    created_ms: int
    name: str
    lifecycle: str
    artifact_location: str
    updated_ms: int
    tags: dict[str, str]


def unsorted_project(connection: sqlite3.Connection, workspace_id: int) -> int:
    """Row id of the project that holds experiments of none; made when it is missing."""
    connection.execute(
        "INSERT INTO project (workspace_id, uid, name, summary, ownership) VALUES (?, ?, ?, ?, 'own')"
        " ON CONFLICT DO NOTHING",
        (workspace_id, UNSORTED_UID, UNSORTED, "Experiments that belong to no project"),
    )
    row = connection.execute(
        "SELECT id FROM project WHERE workspace_id = ? AND uid = ?", (workspace_id, UNSORTED_UID)
    ).fetchone()
    return int(row[0])


def store_project(
    connection: sqlite3.Connection,
    workspace_id: int,
    carrier: str,
    project: TaggedProject,
    me: str,
    now_ms: int,
) -> int:
    """Insert or update a project by its id; `me` is the user name on the server. Returns the row id."""
    doc = {
        "labels": [astuple(label) for label in project.labels],
        "members": [astuple(member) for member in project.members],
        "code": [asdict(item) for item in project.code],
        "data": [asdict(item) for item in project.data],
    }
    members = {member.name for member in project.members}
    if me and project.owner == me:
        ownership = "own"
    elif me and me in members:
        ownership = "shared"
    else:
        ownership = "public" if project.visibility == "PUBLIC" else "unknown"
    row = connection.execute(
        "INSERT INTO project (workspace_id, uid, carrier, name, summary, description, owner, ownership, visibility, doc,"
        " best_metric, best_goal, as_of_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (workspace_id, uid) DO UPDATE"
        " SET carrier = excluded.carrier, name = excluded.name, summary = excluded.summary,"
        " description = excluded.description, owner = excluded.owner, ownership = excluded.ownership,"
        " visibility = excluded.visibility, doc = excluded.doc, gone = 0, as_of_ms = excluded.as_of_ms,"
        " best_goal = iif(excluded.best_metric <> '', excluded.best_goal, best_goal),"
        " best_metric = iif(excluded.best_metric <> '', excluded.best_metric, best_metric) RETURNING id",
        (workspace_id, project.uid, carrier, project.name, project.summary, project.description, project.owner,
         ownership, project.visibility, json.dumps(doc), project.best_metric, project.best_goal, now_ms),
    ).fetchone()  # fmt: skip
    return int(row[0])


def store_experiment(
    connection: sqlite3.Connection,
    workspace_id: int,
    experiment: PulledExperiment,
    project_id: int,
    now_ms: int,
) -> int:
    """Insert or update an experiment; moving it to another project moves its runs along. Returns the row id."""
    row = connection.execute(
        "INSERT INTO experiment (workspace_id, server_id, created_ms, name, lifecycle, artifact_location, updated_ms,"
        " tags, project_id, as_of_ms) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (workspace_id, server_id, created_ms)"
        " DO UPDATE SET name = excluded.name, lifecycle = excluded.lifecycle, updated_ms = excluded.updated_ms,"
        " artifact_location = excluded.artifact_location, tags = excluded.tags, access = 'ok',"
        " as_of_ms = excluded.as_of_ms RETURNING id, project_id",
        (workspace_id, experiment.server_id, experiment.created_ms, experiment.name, experiment.lifecycle,
         experiment.artifact_location, experiment.updated_ms, json.dumps(experiment.tags), project_id, now_ms),
    ).fetchone()  # fmt: skip
    if row[1] != project_id:
        connection.execute(
            "UPDATE experiment SET project_id = ? WHERE id = ?", (project_id, row[0])
        )
        connection.execute(
            "UPDATE run SET project_id = ? WHERE experiment_id = ?", (project_id, row[0])
        )
    return int(row[0])


def mark_lost(
    connection: sqlite3.Connection, workspace_id: int, listed: Iterable[int]
) -> list[int]:
    """Experiments that a complete listing lacks: their runs stay, and they say that access was lost."""
    kept = set(listed)
    lost = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM experiment WHERE workspace_id = ? AND access = 'ok' AND server_id <> ''",
            (workspace_id,),
        )
        if row[0] not in kept
    ]
    connection.executemany(
        "UPDATE experiment SET access = 'lost' WHERE id = ?", [(id,) for id in lost]
    )
    return lost


def refresh_stats(connection: sqlite3.Connection, project_ids: Iterable[int]) -> None:
    """Recount what the projects screen shows. Without a chosen metric, the commonest of the newest runs ranks them."""
    for project_id in set(project_ids):
        counts = connection.execute(
            "SELECT count(*), sum(status = 'RUNNING'), sum(status = 'SCHEDULED'), max(start_ms) FROM run"
            " WHERE project_id = ? AND deleted = 0",
            (project_id,),
        ).fetchone()
        latest = connection.execute(
            "SELECT id FROM run WHERE project_id = ? AND deleted = 0 ORDER BY start_ms DESC, id DESC LIMIT 1",
            (project_id,),
        ).fetchone()
        best = _best(connection, project_id)
        connection.execute(
            "INSERT OR REPLACE INTO project_stat VALUES (?,?,?,?,?,?,?,?)",
            (
                project_id,
                counts[0],
                counts[1] or 0,
                counts[2] or 0,
                counts[3],
                latest[0] if latest else None,
                *best,
            ),
        )


def refresh_stats_of_runs(connection: sqlite3.Connection, run_ids: Iterable[int]) -> None:
    """Recount the projects that these runs belong to. To be called in the transaction that changes a run's status."""
    projects: set[int] = set()
    wanted = list(run_ids)
    for start in range(0, len(wanted), 500):
        marks = ",".join(map(str, map(int, wanted[start : start + 500])))
        projects.update(
            row[0]
            for row in connection.execute(
                f"SELECT DISTINCT project_id FROM run WHERE id IN ({marks}) AND project_id IS NOT NULL"
            )
        )
    refresh_stats(connection, projects)


def _best(connection: sqlite3.Connection, project_id: int) -> tuple[int | None, float | None]:
    row = connection.execute(
        "SELECT best_metric, best_goal FROM project WHERE id = ?", (project_id,)
    ).fetchone()
    if row is None:
        return None, None
    name, goal = row
    if not name:
        name, goal = _guess_metric(connection, project_id)
        if not name:
            return None, None
        connection.execute(
            "UPDATE project SET best_metric = ?, best_goal = ? WHERE id = ?",
            (name, goal, project_id),
        )
    way = "DESC" if goal == "max" else "ASC"
    best = connection.execute(
        "SELECT r.id, m.value FROM key k JOIN metric m ON m.key_id = k.id JOIN run r ON r.id = m.run_id"
        " WHERE k.kind = 'metric' AND k.name = ? AND m.is_nan = 0 AND abs(m.value) < 1.797e308"
        f" AND r.project_id = ? AND r.deleted = 0 AND r.status = 'FINISHED' ORDER BY m.value {way} LIMIT 1",
        (name, project_id),
    ).fetchone()
    return (best[0], best[1]) if best else (None, None)


def _guess_metric(connection: sqlite3.Connection, project_id: int) -> tuple[str, str]:
    """The metric most of the newest runs have, validation and test ones first; more is better for scores and the like."""
    rows = connection.execute(
        "SELECT k.name, count(*) n FROM metric m JOIN key k ON k.id = m.key_id WHERE m.run_id IN"
        " (SELECT id FROM run WHERE project_id = ? AND deleted = 0 ORDER BY start_ms DESC LIMIT 50)"
        " AND k.name NOT LIKE 'system/%' GROUP BY k.id ORDER BY n DESC, k.name",
        (project_id,),
    ).fetchall()
    if not rows:
        return "", "min"
    common = [row[0] for row in rows if row[1] * 2 >= rows[0][1]]
    name = next((key for key in common if key.lower().startswith(("val", "test"))), common[0])
    return name, guess_goal(name)
