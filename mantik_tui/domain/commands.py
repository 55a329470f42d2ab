"""From an entry point and values to the command line, by MLflow's rules.

Values are quoted for the shell and filled in as `str.format` does, `{{` and `}}` stand for braces, parameters that
are not declared go to the end as `--name value`. Format widths and the like are refused: MLflow would apply them
to the quoted text. Mantik runs the command as one line, so line breaks become blanks.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mantik_tui.domain.errors import BadInput, NotFound
from mantik_tui.domain.faults import nearest, shown
from mantik_tui.domain.problems import Problem, Severity

if TYPE_CHECKING:
    from mantik_tui.domain.mlproject import EntryPoint, MLproject, Parameter

_LOOSE_BREAK = re.compile(r"(?<!\\)\n(?=[^\s])")
_INT = re.compile(r"[+-]?[0-9]{1,4000}")
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")
_BOOLS = frozenset(("true", "false", "yes", "no", "on", "off", "1", "0"))
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(slots=True)
class CommandFaults:
    """Pairs of message and hint."""

    errors: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def placeholders(command: str) -> tuple[str, ...]:
    """Names that the command has in braces, each once, in its order. Empty if the braces don't match."""
    try:
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(command) if name))
    except ValueError:
        return ()


def command_faults(command: str, parameters: Collection[str]) -> CommandFaults:
    """Why a command can't be filled with values of these parameters, or does something else than it seems to."""
    faults = CommandFaults()
    if "\x00" in command:
        faults.errors.append(("The command has a NUL character.", "Take it out."))
    try:
        pieces = list(Formatter().parse(command))
    except ValueError:
        hint = "Braces hold a parameter's name; write {{ and }} for braces themselves."
        faults.errors.append(("The braces in the command don't match.", hint))
        return faults
    for _, name, spec, conversion in pieces:
        if name is None:
            continue
        problem = _placeholder_fault(name, spec, conversion, parameters)
        if problem is not None and problem not in faults.errors:
            faults.errors.append(problem)
    if _LOOSE_BREAK.search(command.strip()):
        hint = "Join commands with &&; indent lines that go on."
        faults.warnings.append(("Line breaks are taken out: this runs as one command line.", hint))
    return faults


def _placeholder_fault(
    name: str, spec: str | None, conversion: str | None, parameters: Collection[str]
) -> tuple[str, str] | None:
    if name not in parameters:
        near = nearest(name, parameters)
        advice = (
            f"did you mean {{{near}}}?"
            if near
            else f"or for the shell write ${{{{{shown(name)}}}}}."
        )
        if not name:
            return (
                "{} in the command names no parameter.",
                "Write {name}, or {{}} for braces themselves.",
            )
        return f"The parameter {shown(name)} is not declared.", f"Add it to parameters, {advice}"
    if spec or conversion:
        return (
            f"{{{shown(name)}}} has a format.",
            f"Write {{{shown(name)}}} alone; values go in as they are.",
        )
    return None


def value_fault(text: str, kind: str, *, default: str | None = None) -> str | None:
    """Why `text` is no value of a parameter's type, as the end of "… is …"; None if it is one.

    The text `None` and flags are good wherever the parameter's own default is one.
    """
    if default is not None and (
        text == default == "None" or (_is_flag(default) and (not text or _is_flag(text)))
    ):
        return None
    word = text.strip()
    match kind.lower():
        case "int" | "integer":
            return None if _INT.fullmatch(word) else "no whole number"
        case "float" | "number" | "double":
            return None if _is_float(word) else "no number"
        case "bool" | "boolean":
            return None if word.lower() in _BOOLS else "neither true nor false"
        case "list[int]":
            return (
                None
                if all(_INT.fullmatch(part) for part in _list_items(word))
                else "no list of whole numbers"
            )
        case "list[float]":
            return (
                None if all(_is_float(part) for part in _list_items(word)) else "no list of numbers"
            )
        case "uri":
            return None if _scheme(word) else "no address (such as s3://bucket/file)"
        case "path":
            return None if word else "no path"
    return None


_EXAMPLES = {
    "int": "8",
    "integer": "8",
    "float": "0.001",
    "number": "0.001",
    "double": "0.001",
    "bool": "True or False",
    "boolean": "True or False",
    "list[int]": "2 6",
    "list[float]": "0.5 1.0",
    "uri": "file:///data/file.nc",
    "path": "data/file.nc",
}


def _is_flag(text: str) -> bool:
    return _FLAG.fullmatch(text) is not None


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _list_items(text: str) -> list[str]:
    """`2 6`, `2,6` and `[2, 6]` alike."""
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    return inner.replace(",", " ").split()


def _scheme(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False


def check_params(
    entry_point: EntryPoint, given: Mapping[str, str], *, file: str = "MLproject"
) -> tuple[dict[str, str], list[Problem]]:
    """The values to fill in, as text: declared parameters in their order, then those that are not declared.

    Problems name the parameter as key and its line in the MLproject: no value for one without default, a value that
    does not fit the type. A parameter that is not declared is a note, with what was perhaps meant.
    """
    problems: list[Problem] = []
    values: dict[str, str] = {}

    def add(severity: Severity, line: int, name: str, message: str, hint: str) -> None:
        problems.append(Problem(severity, file, line, shown(name), message, hint))

    for name, one in entry_point.parameters.items():
        value = given.get(name, one.default)
        if value is None:
            hint = f"Give one: -P {name}={_EXAMPLES.get(one.type.lower(), 'VALUE')}"
            add(Severity.ERROR, one.line, name, f"{shown(name)} has no value and no default.", hint)
            continue
        values[name] = value
        if name in given:
            _check_value(name, value, one, add)
    for name, value in given.items():
        if name in entry_point.parameters:
            continue
        _check_extra(name, value, entry_point, add)
        values[name] = value
    return values, problems


_Add = Callable[[Severity, int, str, str, str], None]
"""Takes severity, line, parameter, message and hint of a problem."""


def _check_value(name: str, value: str, one: Parameter, add: _Add) -> None:
    fault = value_fault(value, one.type, default=one.default)
    if fault is not None:
        hint = f"{shown(name)} is of type {shown(one.type)}, for example {_EXAMPLES.get(one.type.lower(), 'VALUE')}."
        add(Severity.ERROR, one.line, name, f"{shown(value) or 'An empty text'} is {fault}.", hint)
    _check_controls(name, value, one.line, add)


def _check_extra(name: str, value: str, entry_point: EntryPoint, add: _Add) -> None:
    line = entry_point.line
    if not name.strip() or _CONTROLS.search(name) or "\n" in name:
        add(Severity.ERROR, line, name, "A parameter has no usable name.", "Write -P name=value.")
        return
    near = nearest(name, entry_point.parameters)
    hint = (
        f"Did you mean {near}?"
        if near
        else f"Declare it in {entry_point.name} to give it a place and a type."
    )
    message = (
        f"{shown(name)} is not declared; it goes to the end of the command as --{shown(name)}."
    )
    add(Severity.NOTE, line, name, message, hint)
    _check_controls(name, value, line, add)


def _check_controls(name: str, value: str, line: int, add: _Add) -> None:
    if _CONTROLS.search(value):
        add(
            Severity.ERROR,
            line,
            name,
            f"The value of {shown(name)} has control characters.",
            "Take them out.",
        )


def one_line(command: str) -> str:
    """A command without its line breaks: each, with the blanks around it and a backslash before it, is one blank."""
    *lines, last = command.strip().split("\n")
    parts = [line.rstrip().removesuffix("\\").strip() for line in lines] + [last.strip()]
    return " ".join(part for part in parts if part)


def build_command(mlproject: MLproject, entry: str, values: Mapping[str, str]) -> str:
    """The command line of an entry point with these values, as `check_params` gave them.

    Raises NotFound if there is no such entry point, BadInput if a value is missing or the command can't be filled.
    """
    entry_point = mlproject.entry_points.get(entry)
    if entry_point is None:
        names = ", ".join(mlproject.entry_points) or "none"
        raise NotFound(
            f"There is no entry point {shown(entry)}", hint=f"The MLproject has: {names}"
        )
    faults = command_faults(entry_point.command, entry_point.parameters)
    if faults.errors:
        message, hint = faults.errors[0]
        raise BadInput(f"The command of {shown(entry)} can't be filled", message, hint)
    template = one_line(entry_point.command)
    missing = [name for name in placeholders(template) if name not in values]
    if missing:
        hint = " ".join(f"-P {name}=VALUE" for name in missing)
        raise BadInput("Values are missing", ", ".join(missing), f"Give {hint}")
    words = [_fill(template, values, _dropped(template, entry_point, values))]
    for name, value in values.items():
        if name not in entry_point.parameters:
            words.append(f"--{shlex.quote(name)} {shlex.quote(value)}")
    return " ".join(words)


def _fill(template: str, values: Mapping[str, str], dropped: Collection[str]) -> str:
    filled = []
    for literal, name, _, _ in Formatter().parse(template):
        filled.append(literal)
        if name is not None and name not in dropped:
            filled.append(shlex.quote(values[name]))
    return "".join(filled).strip()


def _dropped(template: str, entry_point: EntryPoint, values: Mapping[str, str]) -> set[str]:
    """Flags that were switched off: the default is a flag, `{name}` stands alone, and the value is empty.

    MLflow would hand the program an empty argument there, which no program understands.
    """
    alone = set(template.split())
    return {
        name
        for name, one in entry_point.parameters.items()
        if one.default is not None
        and _is_flag(one.default)
        and not values.get(name, "x").strip()
        and f"{{{name}}}" in alone
    }
