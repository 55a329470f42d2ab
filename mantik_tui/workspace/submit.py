"""Submitting: the snapshot, the local run and its outbox entry. The engine does the rest, now or when it can."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mantik_tui.domain.errors import BadInput, NotFound
from mantik_tui.domain.ids import new_id
from mantik_tui.domain.problems import Severity
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.store.reads import projects as project_reads
from mantik_tui.store.writes import local
from mantik_tui.store.writes import projects as project_writes
from mantik_tui.workspace.code import git_diff
from mantik_tui.workspace.plan import Plan, make_plan, spec_of, user_name
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.snapshot import take_snapshot

_ADJECTIVES = """
    amber brisk calm clear crisp dawn eager early fair fleet gentle golden grand keen lucid mild noble quick quiet rapid
    silver smooth steady stern still sunny swift tidal vivid warm
"""
_ANIMALS = """
    badger bison crane curlew dolphin eagle egret falcon finch fox gannet hare heron ibex jay kestrel lark linnet lynx
    marten merlin otter owl petrel plover raven seal stork swan tern
"""


@dataclass(frozen=True, slots=True)
class Submitted:
    run_id: int
    cid: str
    name: str
    entry: str
    """Id of the outbox entry that submits it."""


def submit(
    session: Session, config: RunConfig, project_id: int | None = None, *, plan: Plan | None = None
) -> Submitted:
    """Take the snapshot and queue the submission. What is sent later is what is there now.

    Raises:
        BadInput: with every problem, if one is an error. Nothing was queued.
        StoreProblem: no space for the snapshot or the row. Nothing was queued.
    """
    plan = (
        plan
        if plan is not None and plan.selection is not None and plan.config == config
        else make_plan(session, config)
    )
    if not plan.ok:
        faults = [problem for problem in plan.problems if problem.severity is Severity.ERROR]
        raise BadInput(
            f"{config.name or 'This configuration'} can't be submitted",
            f"{len(faults)} problem{'s' * (len(faults) != 1)}; first: {faults[0].message}",
            faults[0].hint,
            plan.problems,
        )
    assert plan.selection is not None
    now = session.now_ms()
    cid = new_id(now)
    folder = Path(config.code).expanduser()
    diff = git_diff(folder) if plan.git.changed else ""
    snapshot = take_snapshot(folder, plan.selection.kept, cid, diff)
    spec = spec_of(session, plan, cid, now)
    spec["snapshot"] = {"files": snapshot.files, "bytes": snapshot.size, "sha256": snapshot.sha256}
    spec["diff"] = bool(diff)
    project_id = project_id if project_id is not None else config.project_id
    run_id, entry, name = session.write(_insert, session, plan, spec, cid, project_id, now)
    session.wake_engine()
    return Submitted(run_id, cid, name, entry)


def _insert(
    connection: sqlite3.Connection,
    session: Session,
    plan: Plan,
    spec: dict[str, Any],
    cid: str,
    project_id: int | None,
    now: int,
) -> tuple[int, str, str]:
    workspace_id = session.workspace.id
    name = plan.config.run_name or free_name(connection)
    experiment = plan.config.experiment or default_experiment(connection, project_id)
    experiment_id, project = experiment_row(connection, workspace_id, project_id, experiment, now)
    spec["experiment"] = experiment
    user = user_name(session)
    tags = {
        "mantik.cid": cid,
        "mantik.site": plan.config.site,
        "mlflow.user": user,
        "mlflow.runName": name,
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": spec["code"]["repository"] or spec["code"]["folder"],
        "mlflow.project.entryPoint": plan.config.entry_point,
        "mlflow.project.backend": "mantik",
    }
    if plan.git.commit:
        tags["mlflow.source.git.commit"] = plan.git.commit
        tags["mlflow.source.git.repoURL"] = plan.git.repository
        tags["mlflow.source.git.branch"] = plan.git.branch
        tags["mantik.code.changed"] = str(plan.git.changed)
    limit = plan.time_limit_s * 1000 if plan.time_limit_s else None
    run_id, entry = local.add_submission(
        connection, workspace_id=workspace_id, experiment_id=experiment_id, project_id=project, cid=cid, name=name,
        user=user, site=plan.config.site, params=plan.params, tags=tags, spec=spec, folder="", limit_ms=limit, now_ms=now,
    )  # fmt: skip
    return run_id, entry, name


def free_name(connection: sqlite3.Connection) -> str:
    """A run name of two words and a number that no run here has."""
    while True:
        name = f"{random.choice(_ADJECTIVES.split())}-{random.choice(_ANIMALS.split())}-{random.randint(1, 99)}"
        if connection.execute("SELECT 1 FROM run WHERE name = ?", (name,)).fetchone() is None:
            return name


def default_experiment(connection: sqlite3.Connection, project_id: int | None) -> str:
    """The experiment that the project's newest run is in, else one of the project's, else MLflow's own `Default`."""
    if project_id is not None:
        row = connection.execute(
            "SELECT e.name FROM experiment e LEFT JOIN run r ON r.experiment_id = e.id WHERE e.project_id = ?"
            " AND e.lifecycle = 'active' AND e.name NOT LIKE 'mantik-project/%' ORDER BY r.start_ms DESC LIMIT 1",
            (project_id,),
        ).fetchone()
        if row is not None:
            return str(row[0])
    return "Default"


def experiment_row(
    connection: sqlite3.Connection, workspace_id: int, project_id: int | None, name: str, now: int
) -> tuple[int, int | None]:
    """Row of the experiment of this name and its project. One that the server does not have yet gets a row of its own,
    which the engine fills when it has made the experiment there."""
    try:
        found = project_reads.find_experiment(connection, workspace_id, name)
    except NotFound:
        if project_id is None:
            project_id = project_writes.unsorted_project(connection, workspace_id)
        row = connection.execute(
            "INSERT INTO experiment (workspace_id, server_id, created_ms, name, project_id, pull_state)"
            " VALUES (?, '', ?, ?, ?, 'local') RETURNING id",
            (workspace_id, -now, name, project_id),
        ).fetchone()
        return int(row[0]), project_id
    project = connection.execute(
        "SELECT project_id FROM experiment WHERE id = ?", (found,)
    ).fetchone()[0]
    return found, project


def preview_script(session: Session, config: RunConfig) -> str:
    """The job script as it would be sent, made by the engine. Raises BadInput when the configuration has errors."""
    plan = make_plan(session, config)
    if not plan.ok:
        raise BadInput(
            "There is no script yet",
            "the configuration has problems",
            "Mend them first",
            plan.problems,
        )
    spec = spec_of(session, plan, "00000000-0000-7000-8000-000000000000", session.now_ms())
    session.engine.ensure()
    return str(session.engine.request("render-script", spec=spec, site=config.site))


def again(session: Session, run_id: int, params: dict[str, str] | None = None) -> Submitted:
    """Submit a run again as it was, with some parameters changed. Raises as `submit` does."""
    from mantik_tui.workspace.configs import from_run

    config = from_run(session, run_id)
    config = dataclasses.replace(config, params={**config.params, **(params or {})}, run_name="")
    return submit(session, config, config.project_id)
