"""Words that a shell completes: names of runs, projects, configurations, sites, workspaces, from the local copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mantik_tui.cli.lazy import State
from mantik_tui.domain.text import clean

if TYPE_CHECKING:
    from mantik_tui.workspace.session import Session

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
AT_MOST = 50


def _from(read: Callable[[Session, str], list[str]]) -> Complete:
    """A completion that looks into the database. Whatever goes wrong, a key press in a shell must stay quiet."""

    def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
        from mantik_tui.domain.errors import MantikError
        from mantik_tui.workspace import session as sessions

        try:
            session = sessions.open_session(ctx.ensure_object(State).workspace)
        except MantikError:
            return []
        try:
            names = read(session, begun)
        except MantikError:
            return []
        finally:
            session.close()
        fits = [
            clean(name, keep_newlines=False)
            for name in names
            if name.lower().startswith(begun.lower())
        ]
        return fits[:AT_MOST]

    return complete


def _runs(session: Session, begun: str) -> list[str]:
    from mantik_tui.domain.filters import Filter, Term
    from mantik_tui.workspace import reads

    scope = reads.runs.Scope(workspace_id=session.workspace.id)
    fits = Filter(((Term("name", ":", begun),),)) if begun else Filter()
    ids = session.read(reads.runs.run_ids, scope, fits, limit=4 * AT_MOST)
    return [row.name for row in session.read(reads.runs.run_rows, ids)]


def _projects(session: Session, begun: str) -> list[str]:
    from mantik_tui.workspace import reads

    return [row.name for row in session.read(reads.projects.project_rows, session.workspace.id)]


def _experiments(session: Session, begun: str) -> list[str]:
    from mantik_tui.workspace import reads

    return [row.name for row in session.read(reads.projects.experiments, session.workspace.id)]


def _configs(session: Session, begun: str) -> list[str]:
    from mantik_tui.workspace import reads

    return [row.name for row in session.read(reads.jobs.run_configs)]


def _sites(session: Session, begun: str) -> list[str]:
    from mantik_tui.workspace import reads

    return [row.name for row in session.read(reads.jobs.sites)]


def _workspaces(session: Session, begun: str) -> list[str]:
    from mantik_tui.workspace import reads

    return [row.name for row in session.read(reads.projects.workspaces)]


complete_run = _from(_runs)
complete_project = _from(_projects)
complete_experiment = _from(_experiments)
complete_config = _from(_configs)
complete_site = _from(_sites)
complete_workspace = _from(_workspaces)

BY_METAVAR: dict[str, Complete] = {
    "RUN": complete_run,
    "RUN...": complete_run,
    "PROJECT": complete_project,
    "CONFIG": complete_config,
    "CONFIG...": complete_config,
    "SITE": complete_site,
    "WORKSPACE": complete_workspace,
    "[WORKSPACE]": complete_workspace,
}
"""For arguments, by how the help names them."""
BY_OPTION: dict[str, Complete] = {
    "--project": complete_project,
    "--experiment": complete_experiment,
    "--site": complete_site,
    "--workspace": complete_workspace,
    "--from-run": complete_run,
    "--config": complete_config,
}


def add_names(command: click.Command) -> None:
    """Let the shell complete what a command's arguments and options name."""
    for param in command.params:
        found = BY_OPTION.get(param.opts[0])
        if isinstance(param, click.Argument):
            found = BY_METAVAR.get(param.metavar or "")
        if found is not None:
            param._custom_shell_complete = found
