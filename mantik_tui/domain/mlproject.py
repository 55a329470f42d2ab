"""MLprojects: the file that names a project's entry points, their parameters and commands.

The schema is MLflow's (`mlflow.projects`), widened by what real projects have: parameter types that MLflow takes as
plain text. MLflow itself checks next to nothing; here all faults come at once, each with line, key and a hint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mantik_tui.domain.commands import command_faults, placeholders, value_fault
from mantik_tui.domain.faults import Faults, dotted, has_errors, nearest, shown
from mantik_tui.domain.fields import Field, Keys, kind_of, listed
from mantik_tui.domain.nodes import Items, Scalar, Section, python_value
from mantik_tui.domain.problems import Problem
from mantik_tui.domain.yaml_lines import read_nodes

FILE_NAME = "MLproject"
ENVIRONMENT_KEYS = ("docker_env", "conda_env", "python_env")
MLFLOW_TYPES = ("string", "float", "path", "uri")
MORE_TYPES = ("str", "bool", "int", "list[int]", "list[float]", "list[str]")
"""Types of real projects; MLflow takes them as text, here their values are checked."""
_KEYS = ("name", *ENVIRONMENT_KEYS, "entry_points", "databricks_spark_job")
_TYPE_NAMES = re.compile(r"[A-Za-z_][\w.]*(\[[\w.,\s\[\]]*\])?")
_DEFAULT_FILES = (("python_env", "python_env.yaml"), ("conda_env", "conda.yaml"))


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str = "string"
    default: str | None = None
    """The text that MLflow would fill in; None if a value must be given. The text `None` is a default."""
    default_value: object = None
    """The default as YAML reads it: number, bool, list, text."""
    line: int = 1


@dataclass(frozen=True, slots=True)
class EntryPoint:
    name: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    """In the file's order."""
    command: str = ""
    """The template as written, with `{name}` where values go."""
    line: int = 1

    @property
    def required(self) -> tuple[str, ...]:
        """Parameters that have no default."""
        return tuple(name for name, one in self.parameters.items() if one.default is None)


@dataclass(frozen=True, slots=True)
class MLproject:
    name: str = ""
    environment: dict[str, object] = field(default_factory=dict)
    """Empty, or one of `docker_env`, `conda_env`, `python_env` with its value."""
    entry_points: dict[str, EntryPoint] = field(default_factory=dict)
    file: str = FILE_NAME

    def to_json(self) -> dict[str, object]:
        """`name`, `environment` and `entry_points`, as `mantik-tui mlproject show --json` prints them."""
        return {
            "name": self.name,
            "environment": dict(self.environment) or None,
            "entry_points": {
                name: {
                    "parameters": {
                        one.name: {"type": one.type, "default": _finite(one)}
                        for one in entry.parameters.values()
                    },
                    "command": entry.command,
                }
                for name, entry in self.entry_points.items()
            },
        }


def _finite(one: Parameter) -> object:
    """The default as JSON can hold it: JSON has neither nan nor inf."""
    value = one.default_value
    return one.default if isinstance(value, float) and not math.isfinite(value) else value


def find_mlproject(names: Iterable[str]) -> str | None:
    """Which of a folder's file names is its MLproject; upper and lower case don't matter to MLflow."""
    fitting = sorted(name for name in names if name.lower() == FILE_NAME.lower())
    return FILE_NAME if FILE_NAME in fitting else next(iter(fitting), None)


def parse_mlproject(
    text: str, file: str = FILE_NAME, *, exists: Callable[[str], bool] | None = None
) -> tuple[MLproject | None, list[Problem]]:
    """Read an MLproject; None if there is an error among the problems.

    `exists` tells whether a path below the project folder is there; without it no file is looked for.
    """
    project, problems = read_mlproject(text, file, exists=exists)
    return (None if has_errors(problems) else project), problems


def read_mlproject(
    text: str, file: str = FILE_NAME, *, exists: Callable[[str], bool] | None = None
) -> tuple[MLproject, list[Problem]]:
    """As `parse_mlproject`, but gives what could be read even when there are errors."""
    node, faults = read_nodes(text, file)
    if isinstance(node, Scalar) and node.kind == "null":
        faults.error(
            1,
            "",
            "The MLproject is empty.",
            "It needs entry_points with at least main and its command.",
        )
    elif node is not None and not isinstance(node, Section):
        faults.error(
            node.line,
            "",
            "The file holds no `key: value` pairs.",
            "It starts for example with name:",
        )
    if not isinstance(node, Section):
        return MLproject(file=file), faults.in_order()
    top = Keys(node, "", 1, faults)
    given = {key: top.get(key) for key in _KEYS}
    top.warn_of_others()
    project = MLproject(
        name=_name(given["name"]),
        environment=_environment(
            [one for key in ENVIRONMENT_KEYS if (one := given[key])], faults, exists
        ),
        entry_points=_entry_points(given["entry_points"], top),
        file=file,
    )
    if given["databricks_spark_job"] is not None:
        hint = "Give the job as an entry point with a command."
        given["databricks_spark_job"].warning(
            "databricks_spark_job is for Databricks only; it is ignored.", hint
        )
    return project, faults.in_order()


def _name(given: Field | None) -> str:
    if given is None or given.empty:
        return ""
    if not isinstance(given.node, Scalar):
        given.error(
            f"name takes a text, not a {kind_of(given.node)}.", "Write name: and a short name."
        )
        return ""
    return given.node.text.strip()


def _environment(
    given: list[Field], faults: Faults, exists: Callable[[str], bool] | None
) -> dict[str, object]:
    filled = [one for one in given if not one.empty]
    if len(given) > 1:
        second = sorted(given, key=lambda one: one.entry.line)[1]
        names = listed(one.name for one in given)
        faults.error(
            second.entry.line, second.path, f"Only one of {names} can be used.", "Keep one of them."
        )
    if not filled:
        for key, file in _DEFAULT_FILES:
            if exists is not None and exists(file):
                return {key: file}
        return {}
    one = filled[0]
    if one.name == "docker_env":
        return {one.name: _docker(one)}
    if not isinstance(one.node, Scalar) or not one.node.text.strip():
        one.error(f"{one.name} takes the path of a file.", f"Write {one.name}: {one.name}.yaml")
        return {}
    path = one.node.text.strip()
    if exists is not None and not exists(path):
        one.error(
            f"The project has no file {shown(path)}.",
            "Add it, or correct the path; MLflow stops without it.",
        )
    return {one.name: path}


def _docker(given: Field) -> object:
    node = given.node
    if not isinstance(node, Section):
        given.error(
            "docker_env is a section of its own.", "Write image: and the image's name below it."
        )
        return {}
    image = node.entries.get("image")
    if image is None or not isinstance(image.value, Scalar) or not image.value.text.strip():
        line = image.line if image else given.entry.line
        hint = "Write image: and the image's name, for example python:3.11"
        given.faults.error(line, dotted(given.path, "image"), "docker_env needs an image.", hint)
    for key, what, pairs in (
        ("volumes", "texts as /here:/there", False),
        ("environment", "names or pairs", True),
    ):
        entry = node.entries.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.kind == "null"):
            continue
        items = entry.value.items if isinstance(entry.value, Items) else None
        if items is None or not all(
            isinstance(item, Scalar) or (pairs and isinstance(item, Items)) for item in items
        ):
            path = dotted(given.path, key)
            given.faults.error(
                entry.value_line,
                path,
                f"{key} takes a list of {what}.",
                f"Write {key}: and a list.",
            )
    return python_value(node)


def _entry_points(given: Field | None, top: Keys) -> dict[str, EntryPoint]:
    if given is None or given.empty:
        line = given.line if given else 1
        hint = "Write entry_points: with main: and command: below it."
        top.faults.warning(line, "entry_points", "The project has no entry point to run.", hint)
        return {}
    if not isinstance(given.node, Section):
        given.error("entry_points is a section of its own.", "Write main: with command: below it.")
        return {}
    return {
        entry.key: _entry_point(Field(entry, dotted("entry_points", entry.key), top.faults))
        for entry in given.node
    }


def _entry_point(given: Field) -> EntryPoint:
    name, line = given.entry.key, given.entry.line
    if not isinstance(given.node, Section):
        hint = "Write command: and the command below its name."
        given.error(f"The entry point {shown(name)} is a section of its own.", hint)
        return EntryPoint(name, line=line)
    keys = Keys(given.node, given.path, line, given.faults)
    parameters = _parameters(keys.get("parameters"))
    command_field = keys.get("command")
    keys.warn_of_others()
    command = _command(command_field, keys)
    if command_field is not None and command:
        _check_command(command, command_field, parameters)
    return EntryPoint(name, parameters, command, line)


def _command(given: Field | None, keys: Keys) -> str:
    hint = "Write command: and what runs, for example python train.py --lr {lr}"
    if given is None:
        keys.missing("command", "The entry point has no command.", hint)
        return ""
    if not isinstance(given.node, Scalar):
        given.error(
            f"command takes a text, not a {kind_of(given.node)}.",
            f"{hint}; use > for several lines.",
        )
        return ""
    if given.empty or not given.node.text.strip():
        given.error("The command is empty.", hint)
        return ""
    return given.node.text


def _check_command(command: str, given: Field, parameters: dict[str, Parameter]) -> None:
    faults = command_faults(command, parameters)
    for message, hint in faults.errors:
        given.error(message, hint)
    for message, hint in faults.warnings:
        given.warning(message, hint)
    if faults.errors:
        return
    used = placeholders(command)
    for name, one in parameters.items():
        if name not in used:
            given.faults.warning(
                one.line,
                f"{given.path.removesuffix('.command')}.parameters.{name}",
                f"{shown(name)} is not used in the command; its value has no effect.",
                f"Add {{{shown(name)}}} to the command, or take the parameter out.",
            )


def _parameters(given: Field | None) -> dict[str, Parameter]:
    if given is None or given.empty:
        return {}
    if not isinstance(given.node, Section):
        given.error(
            "parameters is a section of its own.", "Write one `name: type` a line below it."
        )
        return {}
    return {
        entry.key: _parameter(Field(entry, dotted(given.path, entry.key), given.faults))
        for entry in given.node
    }


def _parameter(given: Field) -> Parameter:
    name, line = given.entry.key, given.entry.line
    node = given.node
    if not name.strip() or re.search(r"[\s{}\[\].!:]", name) or name.isdigit():
        hint = "Use letters, digits, - and _ only."
        given.faults.error(
            line, given.path, f"{shown(name) or 'An empty text'} is no name for a parameter.", hint
        )
    if given.empty:
        given.error(
            f"The parameter {shown(name)} has no type.",
            f"Write {shown(name)}: float, or another type.",
        )
        return Parameter(name, line=line)
    if isinstance(node, Scalar):
        return Parameter(name, _type(node, given), line=line)
    if not isinstance(node, Section):
        given.error(
            f"A parameter is a type or a section, not a {kind_of(node)}.",
            "Write type: and default: below it.",
        )
        return Parameter(name, line=line)
    keys = Keys(node, given.path, line, given.faults)
    type_field, default = keys.get("type"), keys.get("default")
    keys.warn_of_others()
    kind = "string"
    if type_field is not None and not type_field.empty:
        if isinstance(type_field.node, Scalar):
            kind = _type(type_field.node, type_field)
        else:
            type_field.error(
                f"A type is a text, not a {kind_of(type_field.node)}.", "Write type: string"
            )
    if default is None or default.empty:
        return Parameter(name, kind, line=line)
    value = python_value(default.node)
    text = str(value)
    _check_default(text, kind, default)
    return Parameter(name, kind, text, value, line)


def _type(node: Scalar, given: Field) -> str:
    kind = node.text.strip()
    if kind.lower() in _ALL_TYPES:
        return kind
    near = nearest(kind, _ALL_TYPES)
    known = (
        f"Did you mean {near}?" if near else f"Types: {', '.join((*MLFLOW_TYPES, *MORE_TYPES))}."
    )
    what = shown(kind) if _TYPE_NAMES.fullmatch(kind) else f"{shown(kind)!r}"
    given.faults.warning(
        node.line, given.path, f"The type {what} is not known; it is taken as text.", known
    )
    return kind or "string"


_ALL_TYPES = frozenset(
    (*MLFLOW_TYPES, *MORE_TYPES, "boolean", "integer", "number", "double", "list", "dict", "text")
)


def _check_default(text: str, kind: str, given: Field) -> None:
    node = given.node
    if isinstance(node, Section):
        message = f"The default is a section; MLflow fills in {shown(text)}."
        given.warning(message, "Put it in quotes as the text that the command should get.")
        return
    if isinstance(node, Scalar) and node.plain and node.kind == "int" and ":" in node.text:
        message = f"{shown(node.text)} without quotes is read as {text}."
        given.warning(message, f'Put it in quotes: "{shown(node.text)}".')
    elif (fault := value_fault(text, kind, default=text)) is not None:
        given.warning(
            f"The default {shown(text)} is {fault}.",
            f"Give one that is, or change the type {shown(kind)}.",
        )
