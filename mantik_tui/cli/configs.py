"""`mantik-tui configs`: saved run configurations."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import find_project, find_run, json_option, open_here
from mantik_tui.cli.config_options import apply, config_options
from mantik_tui.cli.output import print_fields, print_json, print_table, say, write
from mantik_tui.domain.text import clean, clock, iso

if TYPE_CHECKING:
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace.session import Session

project_option = click.option(
    "--project", metavar="NAME", help="Project that the configuration belongs to."
)


@click.command("list")
@project_option
@json_option
def list_configs(project: str | None, as_json: bool) -> None:
    """List saved run configurations."""
    from mantik_tui.workspace import reads

    session = open_here()
    configs = session.read(reads.jobs.run_configs, find_project(session, project))
    records = [config_record(session, one) for one in configs]
    if as_json:
        print_json(records)
        return
    if not records:
        say("No run configuration is saved yet.")
        return
    now = session.now_ms()
    print_table(
        ["name", "project", "entry point", "site", "experiment", "params", "changed"],
        [
            [
                one.name, record["project"] or "", one.entry_point, one.site, one.experiment,
                " ".join(f"{key}={value}" for key, value in one.params.items()), clock(one.updated_ms, now),
            ]
            for one, record in zip(configs, records, strict=True)
        ],
    )  # fmt: skip


def config_record(session: Session, config: RunConfig) -> dict[str, Any]:
    """One configuration, for programs."""
    from mantik_tui.workspace import reads

    names = session.read(reads.listing.project_names, [config.project_id or 0])
    return {
        "name": config.name,
        "project": names.get(config.project_id or 0),
        "code": config.code,
        "entry_point": config.entry_point,
        "params": dict(config.params),
        "site": config.site or None,
        "account": config.account or None,
        "experiment": config.experiment or None,
        "run_name": config.run_name or None,
        "time_limit": config.time_limit or None,
        "extra_lines": list(config.extra_lines),
        "backend_config": config.backend_config or None,
        "backend_config_path": config.backend_config_path or None,
        "changed": iso(config.updated_ms),
    }


@click.command("show")
@click.argument("name", metavar="CONFIG")
@project_option
@json_option
def show(name: str, project: str | None, as_json: bool) -> None:
    """Show one configuration, with its backend config."""
    from mantik_tui.workspace import configs

    session = open_here()
    record = config_record(session, configs.find(session, find_project(session, project), name))
    if as_json:
        print_json(record)
        return
    text = record.pop("backend_config")
    record["params"] = "\n".join(f"{key}={value}" for key, value in record["params"].items())
    record["extra_lines"] = "\n".join(record["extra_lines"])
    print_fields((key.replace("_", " "), str(value or "")) for key, value in record.items())
    if text:
        write("\n" + clean(text).rstrip() + "\n")


@click.command("save")
@click.argument("name", metavar="CONFIG")
@click.option(
    "--project",
    metavar="NAME",
    help="Project that it belongs to; needed unless --from-run gives one.",
)
@click.option("--from-run", metavar="RUN", help="Begin with what would repeat this run.")
@config_options
def save(name: str, project: str | None, from_run: str | None, **given: Any) -> None:
    """Save a run configuration under a name, or change the one of this name. Problems are told, and it is saved."""
    from mantik_tui.cli.failure import tell_problems
    from mantik_tui.domain.errors import NotFound
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace import configs, reads
    from mantik_tui.workspace.assemble import complete
    from mantik_tui.workspace.plan import make_plan

    session = open_here()
    project_id = find_project(session, project)
    config = RunConfig(name=name, code="")
    if from_run is not None:
        config = configs.from_run(session, find_run(session, from_run))
        project_id = project_id if project_id is not None else config.project_id
    if project_id is None:
        raise click.UsageError("Say which project it belongs to: --project NAME.")
    if from_run is None:
        saved = session.read(reads.jobs.run_configs, project_id)
        config = next((one for one in saved if one.name == name), config)
    config = apply(dataclasses.replace(config, name=name, project_id=project_id), given)
    config = complete(session, config)
    if not config.code:
        raise NotFound(
            "No code folder is given", hint="--code DIR names the folder that holds the MLproject"
        )
    tell_problems(make_plan(session, config, files=False).problems)
    configs.save(session, project_id, config)


@click.command("duplicate")
@click.argument("name", metavar="CONFIG")
@click.argument("copy", metavar="[NEW-NAME]", required=False)
@project_option
def duplicate(name: str, copy: str | None, project: str | None) -> None:
    """Copy a configuration under a free name, or NEW-NAME. Prints the copy's name."""
    from mantik_tui.domain.errors import Conflict
    from mantik_tui.workspace import configs, reads

    session = open_here()
    config = configs.find(session, find_project(session, project), name)
    if copy is None:
        made = configs.duplicate(session, config)
    else:
        if any(one.name == copy for one in session.read(reads.jobs.run_configs, config.project_id)):
            raise Conflict(
                f"There is a configuration called {copy!r} already", hint="Choose another name"
            )
        made = configs.save(
            session, config.project_id or 0, dataclasses.replace(config, id=None, name=copy)
        )
    write(clean(made.name, keep_newlines=False) + "\n")


@click.command("delete")
@click.argument("names", metavar="CONFIG...", nargs=-1, required=True)
@project_option
def delete(names: tuple[str, ...], project: str | None) -> None:
    """Delete configurations, by their full names. Runs made from them stay."""
    from mantik_tui.domain.errors import NotFound
    from mantik_tui.workspace import configs

    session = open_here()
    project_id = find_project(session, project)
    found = [configs.find(session, project_id, name) for name in names]
    for name, config in zip(names, found, strict=True):
        if config.name != name:
            raise NotFound(
                f"No configuration is called {name!r}",
                f"perhaps {config.name!r} is meant",
                "Give the full name",
            )
    for config in found:
        configs.delete(session, config)
