"""`mantik-tui runs submit` and `mantik-tui runs again`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import find_project, find_run, json_option, open_here, say_sender
from mantik_tui.cli.config_options import apply, config_options, pairs
from mantik_tui.cli.output import print_json, say, write
from mantik_tui.domain.text import clean

if TYPE_CHECKING:
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace.session import Session
    from mantik_tui.workspace.submit import Submitted
    from mantik_tui.workspace.waiting import Bell

LISTEN_S = 3.0
"""So long a submission is looked after, to say whether it goes out now or waits."""


@click.command("submit")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config", "saved", metavar="NAME", help="A saved run configuration; other options change it."
)
@config_options
@click.option("--project", metavar="NAME", help="Project that the run belongs to.")
@click.option(
    "--wait",
    "wait_too",
    is_flag=True,
    help="Wait until it has ended; exit with 1 if it is not FINISHED.",
)
@click.option("--yes", is_flag=True, help="Send a large folder without asking.")
@json_option
@click.pass_context
def submit(
    ctx: click.Context,
    /,
    folder: Path | None,
    saved: str | None,
    project: str | None,
    wait_too: bool,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Submit a training: the MLproject in DIR (the same as --code DIR), or a saved configuration.

    The folder is copied now: what it holds at this moment is what runs. Without --backend-config the folder's own
    backend-config.yaml is taken. When server or site can't be reached, the submission waits and goes out later.
    Prints the run's name and id. All problems are printed at once, with file, line and what helps.
    """
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace import configs
    from mantik_tui.workspace.waiting import Bell

    given["code"] = given["code"] or folder
    if given["code"] is None and saved is None:
        raise click.UsageError("Say what to submit: DIR, or --config NAME.")
    bell = Bell()
    session = open_here(bell)
    project_id = find_project(session, project)
    config = RunConfig(name="", code="")
    if saved is not None:
        config = configs.find(session, project_id, saved)
    config = apply(config, given)
    project_id = project_id if project_id is not None else config.project_id
    ctx.exit(send(session, bell, config, project_id, wait_too=wait_too, yes=yes, as_json=as_json))


@click.command("again")
@click.argument("run", metavar="RUN")
@click.option(
    "-P",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a parameter; may be given often.",
)
@click.option("--site", metavar="NAME", help="Run it on another site.")
@click.option("--name", "run_name", metavar="NAME", help="Name of the new run.")
@click.option(
    "--wait",
    "wait_too",
    is_flag=True,
    help="Wait until it has ended; exit with 1 if it is not FINISHED.",
)
@click.option("--yes", is_flag=True, help="Send a large folder without asking.")
@json_option
@click.pass_context
def again(
    ctx: click.Context,
    run: str,
    parameters: tuple[str, ...],
    site: str | None,
    run_name: str | None,
    wait_too: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Submit a run again as it was, with other parameters where -P says so. Takes the code folder as it is now."""
    from mantik_tui.workspace import configs
    from mantik_tui.workspace.waiting import Bell

    changed = pairs(parameters)
    bell = Bell()
    session = open_here(bell)
    config = configs.from_run(session, find_run(session, run))
    config = dataclasses.replace(
        config,
        params={**config.params, **changed},
        run_name=run_name or "",
        site=site or config.site,
    )
    code = send(
        session, bell, config, config.project_id, wait_too=wait_too, yes=yes, as_json=as_json
    )
    ctx.exit(code)


def send(
    session: Session,
    bell: Bell,
    config: RunConfig,
    project_id: int | None,
    *,
    wait_too: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Check, ask where a person should be asked, submit, say how it stands. Returns the exit code."""
    from mantik_tui.cli.failure import tell_problems
    from mantik_tui.workspace import submit as verbs
    from mantik_tui.workspace.assemble import complete
    from mantik_tui.workspace.plan import make_plan

    config = complete(session, config)
    plan = make_plan(session, config)
    if plan.ok:
        tell_problems(plan.problems)
        if plan.question and not yes:
            _ask(plan.question)
    made = verbs.submit(session, config, project_id, plan=plan)
    if not as_json:
        write(clean(f"{made.name}  {made.cid}", keep_newlines=False) + "\n")
        sys.stdout.flush()
    _look_after(session, bell, made)
    say_sender(session)
    if as_json:
        print_json(submitted_record(session, made))
    if not wait_too:
        return 0
    from mantik_tui.cli.runs_watch import wait_for

    return wait_for(session, bell, [made.run_id], None)


def _ask(question: str) -> None:
    from mantik_tui.domain.errors import BadInput

    if not sys.stdin.isatty():
        raise BadInput(
            "This is much to send", question, "Exclude what the run does not need, or say --yes"
        )
    say(clean(question))
    click.confirm("Send it all?", abort=True, err=True)


def _look_after(session: Session, bell: Bell, made: Submitted) -> None:
    """Say on stderr whether the submission goes out now, waits, or needs somebody."""
    from mantik_tui.domain.outbox import EntryState
    from mantik_tui.workspace import reads
    from mantik_tui.workspace.waiting import until

    def moved() -> bool:
        entry = session.read(reads.jobs.get_entry, made.entry)
        return bool(entry.error) or bool(entry.steps_done) or not entry.state.open

    if session.engine.connected:
        until(session, bell, moved, LISTEN_S)
    entry = session.read(reads.jobs.get_entry, made.entry)
    if entry.state is EntryState.BLOCKED:
        say(clean(f"It waits and needs you: {entry.error}", keep_newlines=False))
    elif entry.error:
        say(
            clean(
                f"Queued; it is sent as soon as that is possible: {entry.error}",
                keep_newlines=False,
            )
        )
    elif not session.engine.connected:
        say("Queued; it is sent when the engine runs (mantik-tui engine start).")


def submitted_record(session: Session, made: Submitted) -> dict[str, Any]:
    """A fresh submission, for programs."""
    from mantik_tui.workspace import reads

    run = session.read(reads.runs.get_run, made.run_id)
    entry = session.read(reads.jobs.get_entry, made.entry)
    return {
        "run_id": made.cid,
        "mlflow_run_id": run.server_id,
        "name": run.name,
        "status": run.status,
        "project": run.project_name or None,
        "experiment": run.experiment_name or None,
        "outbox_entry": made.entry,
        "outbox_state": entry.state.value,
        "error": entry.error or None,
    }
