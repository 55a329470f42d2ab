"""Which lines the form has, and what a change of one of them makes of the run configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from mantik_tui.domain.backend_config_read import RESOURCE_KEYS
from mantik_tui.domain.backend_config_units import in_one_unit
from mantik_tui.domain.commands import value_fault
from mantik_tui.domain.mlproject import MLproject, Parameter
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.widgets.dialogs import Choice
from mantik_tui.widgets.param_field import FieldSpec
from mantik_tui.workspace.code import GitState

PARAM = "param:"
OFF = "\x00off"
"""Value of a flag that is switched off; an empty value stands for the default."""
RESOURCES = "Resources"
RESOURCE_PATHS = tuple((RESOURCES, key) for key in RESOURCE_KEYS if key != "Runtime")
_ALSO_PLACE = ("account", "extra_lines")
_RESOURCE_NOTES = {
    "Queue": "queue or partition",
    "Nodes": "whole number from 1",
    "CPUsPerNode": "whole number from 1",
    "GPUsPerNode": "whole number from 0",
    "MemoryPerNode": "in MB, 16000",
    "TotalCPUs": "Nodes times CPUsPerNode",
    "Reservation": "one word",
    "NodeConstraints": "one word",
    "QoS": "one word",
}


# ---------------------------------------------------------------- what the lines are


def code_fields(config: RunConfig, mlproject: MLproject | None) -> list[FieldSpec]:
    """Code folder and entry point."""
    return [
        FieldSpec("code", "code folder", config.code, placeholder="folder with the MLproject", folders=True, wide=True),
        entry_field(config, mlproject),
    ]  # fmt: skip


def entry_field(config: RunConfig, mlproject: MLproject | None) -> FieldSpec:
    points = mlproject.entry_points if mlproject else {}
    choices = tuple(
        Choice(name, name, " ".join(entry.command.split())) for name, entry in points.items()
    )
    count = len(points)
    note = f"{count} entry point{'s' * (count != 1)}" if mlproject else "no MLproject yet"
    return FieldSpec("entry_point", "entry point", config.entry_point, note, choices=choices, free=False)  # fmt: skip


def code_note(exists: bool, git: GitState) -> str:
    """Commit and number of changed files."""
    if not exists:
        return "no such folder"
    if not git.commit:
        return "not in a Git repository"
    branch = "" if git.branch in ("", "HEAD") else f"{git.branch} "
    changed = f"{git.changed} changed" if git.changed else "clean"
    return f"{branch}{git.commit[:7]}, {changed}"


def param_fields(config: RunConfig, mlproject: MLproject | None) -> list[FieldSpec]:
    """One line a parameter of the entry point, in its order, then those that it does not declare."""
    entry = mlproject.entry_points.get(config.entry_point) if mlproject else None
    declared = entry.parameters if entry else {}
    specs = [param_field(one, config.params) for one in declared.values()]
    note = "not declared; goes to the end" if entry else ""
    specs += [
        FieldSpec(PARAM + name, name, value, note)
        for name, value in config.params.items()
        if name not in declared
    ]
    return specs


def param_field(one: Parameter, given: Mapping[str, str]) -> FieldSpec:
    value = given.get(one.name, "")
    key, kind = PARAM + one.name, one.type
    if is_flag(one):
        shown = OFF if one.name in given and not value else value
        choices = (Choice("", f"{one.default}", "the default"), Choice(OFF, "off", "left out"))
        return FieldSpec(key, one.name, shown, f"{kind}, a flag", choices=choices, free=False)
    if kind.lower() in ("bool", "boolean"):
        return FieldSpec(key, one.name, value, _type_note(one), choices=_bools(one), free=False)
    return FieldSpec(
        key, one.name, value, _type_note(one), placeholder=one.default or "", check=_checker(one)
    )


def is_flag(one: Parameter) -> bool:
    """Whether the parameter's value is itself a flag of the command, as `--verbose`."""
    return (
        one.default is not None
        and one.default.startswith("-")
        and value_fault("", "int", default=one.default) is None
    )


def _bools(one: Parameter) -> tuple[Choice, ...]:
    yes, no = ("true", "false") if (one.default or "").islower() else ("True", "False")
    default = () if one.default is None else (Choice("", one.default, "the default"),)
    missing = (Choice("", "(choose)", "it has no default"),) if one.default is None else ()
    return (*default, *missing, Choice(yes, yes), Choice(no, no))


def _type_note(one: Parameter) -> str:
    if one.default is None:
        return f"{one.type}, needed"
    return f"{one.type}, default {one.default if one.default.strip() else 'empty'}"


def _checker(one: Parameter) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value:
            return "it has no default: give a value" if one.default is None else ""
        fault = value_fault(value, one.type, default=one.default)
        return f"is {fault} ({one.type})" if fault else ""

    return check


def place_fields(
    config: RunConfig, sites: Sequence[Site], experiments: Collection[str], default: str = ""
) -> list[FieldSpec]:
    """Where it runs and under which names. `default` is the experiment that is taken where none is given."""
    site_choices = tuple(
        Choice(site.name, site.name, f"{site.transport} × {site.scheduler}  {site.state}")
        for site in sites
    )
    site = next((one for one in sites if one.name == config.site), None)
    known = tuple(Choice(name, name) for name in experiments)
    return [
        FieldSpec("site", "site", config.site, "", choices=site_choices, free=False),
        FieldSpec("account", "account", config.account, "who is charged", placeholder=site.account if site else ""),
        FieldSpec("experiment", "experiment", config.experiment, "enter lists known ones", default, known, wide=True),
        FieldSpec("run_name", "run name", config.run_name, "empty: a free name is made"),
        FieldSpec("time_limit", "time limit", config.time_limit, ""),
    ]  # fmt: skip


def resource_fields(config: RunConfig, values: Mapping[tuple[str, ...], str]) -> list[FieldSpec]:
    """What is asked of the batch system; each stands in the text, too."""
    specs = [
        FieldSpec(".".join(path), path[-1], values.get(path, ""), _RESOURCE_NOTES.get(path[-1], ""))
        for path in RESOURCE_PATHS
    ]
    lines = "\n".join(config.extra_lines)
    return [*specs, FieldSpec("extra_lines", "extra lines", lines, "#SBATCH lines, one each", lines=True)]  # fmt: skip


def limit_note(config: RunConfig, seconds: int | None, *, wrong: bool) -> str:
    """What the time limit comes to. `seconds` is what holds in the end; `wrong`: the text's can't be read."""
    if config.time_limit:
        return f"{in_one_unit(seconds)}, not the text's" if seconds else ""
    if wrong:
        return "mend Runtime in the text"
    return f"{in_one_unit(seconds)}, from the text" if seconds else "no limit; 90m, 2h"


def without_effect(site: Site | None) -> dict[str, str]:
    """Lines of the form that change nothing on a site, with the reason."""
    if site is None or site.scheduler != "process":
        return {}
    keys = (*_ALSO_PLACE, *(".".join(path) for path in RESOURCE_PATHS))
    return dict.fromkeys(keys, "no effect here")


# ---------------------------------------------------------------- what a change makes


def take(config: RunConfig, key: str, value: str) -> RunConfig:
    """`config` with the value of one line, resources aside: those go into the text."""
    if key.startswith(PARAM):
        name = key.removeprefix(PARAM)
        params = {other: old for other, old in config.params.items() if other != name}
        if value:
            params[name] = "" if value == OFF else value
        return dataclasses.replace(config, params=params)
    if key == "extra_lines":
        lines = tuple(line for line in value.split("\n") if line.strip())
        return dataclasses.replace(config, extra_lines=lines)
    text = value if key == "run_name" else value.strip()
    changes: dict[str, str] = {key: text}
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


# ---------------------------------------------------------------- problems


def text_name(config: RunConfig) -> str:
    """The file name that problems of the backend config's text carry."""
    return config.backend_config_path or "backend-config.yaml"


def field_of(problem: Problem, config: RunConfig, mlproject: MLproject | None) -> str | None:
    """Key of the line of the form where a problem is mended; None if that is in a text."""
    entry = mlproject.entry_points.get(config.entry_point) if mlproject else None
    names = {*(entry.parameters if entry else ()), *config.params}
    if problem.file == text_name(config):
        known = {".".join(path) for path in RESOURCE_PATHS}
        return problem.key if problem.key in known else None
    if mlproject is not None and problem.file == mlproject.file and problem.key in names:
        return PARAM + problem.key
    if problem.key in ("code", "site", "entry_point", "time_limit"):
        return problem.key
    return "entry_point" if problem.key == "command" else None


def where(problem: Problem, config: RunConfig) -> str:
    """The line of a problem: in the text beside the form a bare number, else after the file's name."""
    if problem.file == text_name(config):
        return str(problem.line)
    name = Path(problem.file).name
    return f"{name}:{problem.line}" if name and problem.key not in ("code", "site") else ""


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def in_order(
    problems: Sequence[Problem], config: RunConfig, mlproject: MLproject | None, focused: str
) -> list[Problem]:
    """The problems of the line with the focus first, then errors, warnings, notes."""
    return sorted(
        problems,
        key=lambda one: (field_of(one, config, mlproject) != focused, _ORDER[one.severity]),
    )


def count_words(problems: Sequence[Problem]) -> str:
    """Errors and warnings in words for the top line; empty if there are none."""
    count = sum(one.severity is not Severity.NOTE for one in problems)
    return f"{count} problem{'s' * (count != 1)}" if count else ""
