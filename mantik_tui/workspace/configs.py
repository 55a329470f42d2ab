"""Run configurations: save, copy, rename, delete, and the one that repeats a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mantik_tui.domain.errors import Conflict, NotFound
from mantik_tui.domain.run import Run
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.store.reads import jobs, runs
from mantik_tui.store.writes import setup
from mantik_tui.workspace.session import Session


def save(session: Session, project_id: int, config: RunConfig) -> RunConfig:
    """Insert, or replace the configuration of this name in the project."""
    config_id = session.write(setup.save_run_config, project_id, config, session.now_ms())
    return session.read(jobs.get_run_config, config_id)


def find(session: Session, project_id: int | None, name: str) -> RunConfig:
    """The configuration of this name or unique beginning.

    Raises:
        NotFound: nothing, or more than one, fits.
    """
    all_configs = session.read(jobs.run_configs, project_id)
    found = [c for c in all_configs if c.name == name] or [
        c for c in all_configs if c.name.startswith(name)
    ]
    if len(found) != 1:
        names = ", ".join(c.name for c in all_configs) or "none yet"
        raise NotFound(f"No single run configuration is called {name!r}", f"there are: {names}")
    return found[0]


def duplicate(session: Session, config: RunConfig) -> RunConfig:
    """A copy under a free name."""
    assert config.project_id is not None
    taken = {c.name for c in session.read(jobs.run_configs, config.project_id)}
    number = 2
    while f"{config.name}-{number}" in taken:
        number += 1
    return save(
        session,
        config.project_id,
        dataclasses.replace(config, id=None, name=f"{config.name}-{number}"),
    )


def rename(session: Session, config: RunConfig, name: str) -> None:
    """Raises Conflict when the name is taken."""
    if any(c.name == name for c in session.read(jobs.run_configs, config.project_id)):
        raise Conflict(
            f"There is a configuration called {name!r} already", hint="Choose another name"
        )
    assert config.id is not None
    session.write(setup.rename_run_config, config.id, name, session.now_ms())


def delete(session: Session, config: RunConfig) -> None:
    assert config.id is not None
    session.write(setup.delete_run_config, config.id)


def from_run(session: Session, run_id: int) -> RunConfig:
    """What would repeat a run: as it was submitted, or, for a run that others made, what its tags and params tell.

    Nothing is sent; the form shows it first. For a foreign run the code folder is the project's, if one is known.
    """
    run = session.read(runs.get_run, run_id)
    recorded = run.doc.get("run_config")
    if isinstance(recorded, dict):
        return dataclasses.replace(
            from_record(recorded),
            id=None,
            project_id=run.project_id,
            updated_ms=None,
            run_name="",  # it was that run's own
        )
    return _guess(session, run)


def from_record(record: Mapping[str, Any]) -> RunConfig:
    """A configuration from what was kept of one; settings of other releases are left out."""
    known = {field.name for field in dataclasses.fields(RunConfig)}
    doc = {"name": "", "code": ""} | {key: value for key, value in record.items() if key in known}
    doc["extra_lines"] = tuple(doc.get("extra_lines", ()))
    return RunConfig(**doc)


def _guess(session: Session, run: Run) -> RunConfig:
    from mantik_tui.store.reads.projects import get_project

    folder = session.read(get_project, run.project_id).folder if run.project_id is not None else ""
    return RunConfig(
        name=run.name,
        code=folder,
        entry_point=run.tags.get("mlflow.project.entryPoint", "main"),
        params=dict(run.params),
        experiment=run.experiment_name,
        project_id=run.project_id,
    )
