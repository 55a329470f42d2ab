"""The options that describe a run configuration, shared by `runs submit` and `configs save`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import F

if TYPE_CHECKING:
    from mantik_tui.domain.run_config import RunConfig

_OPTIONS = [
    click.option("--code", type=click.Path(path_type=Path), metavar="DIR", help="Folder that holds the MLproject."),
    click.option("--backend-config", "backend_file", type=click.Path(path_type=Path), metavar="FILE",
                 help="Backend config, YAML or JSON."),
    click.option("--entry-point", metavar="NAME", help="Entry point of the MLproject; by default main."),
    click.option("-P", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE",
                 help="Set a parameter; may be given often."),
    click.option("--site", metavar="NAME", help="Where to run it; by default the only site there is."),
    click.option("--account", metavar="NAME", help="Account (project) that pays for it on the site."),
    click.option("--experiment", metavar="NAME", help="MLflow experiment; made when it is missing."),
    click.option("--name", "run_name", metavar="NAME", help="Name of the run; by default a free one is made."),
    click.option("--time-limit", metavar="TIME", help="For example 90m, 2h, 1:30:00; overrides the backend config."),
    click.option("--line", "lines", multiple=True, metavar="TEXT", help="A further line for the scheduler."),
]  # fmt: skip


def config_options(function: F) -> F:
    """Decorator: adds the options, which arrive as keyword arguments; see `apply`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def apply(config: RunConfig, given: dict[str, Any]) -> RunConfig:
    """`config` with what the options say.

    Raises:
        BadInput: the backend config can't be read.
    """
    changes: dict[str, Any] = {
        name: given[name]
        for name in ("entry_point", "site", "account", "experiment", "run_name", "time_limit")
        if given[name] is not None
    }
    if given["code"] is not None:
        changes["code"] = str(given["code"].expanduser().absolute())
    if given["backend_file"] is not None:
        from mantik_tui.workspace.assemble import read_backend_file

        changes["backend_config"] = read_backend_file(given["backend_file"])
        changes["backend_config_path"] = str(given["backend_file"])
    if given["parameters"]:
        changes["params"] = {**config.params, **pairs(given["parameters"])}
    if given["lines"]:
        changes["extra_lines"] = tuple(given["lines"])
    return dataclasses.replace(config, **changes)


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """`key=value` texts as a dictionary."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.UsageError(f"{text!r} is no KEY=VALUE.")
        found[key] = value
    return found
