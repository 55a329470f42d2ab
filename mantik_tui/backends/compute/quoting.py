"""Text that goes into shell files: values, commands, names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from mantik_tui.domain.errors import BadInput

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\$\{[#!]?[A-Za-z_]")
_PLAIN = re.compile(r"\$[A-Za-z_]")

ENV_COMPLETE = "__mantik_env_complete"
"""The variable that the last line of an env file sets, so that a cut file is noticed."""


def double_quoted(value: str) -> str:
    """`value` in double quotes: `$NAME`, `${...}`, `$(...)` and backticks are left to the shell, all else arrives as it is.

    `\\$` stands for a dollar sign. A substitution without an end is taken as text. Raises `BadInput` for a NUL.
    """
    _refuse_nul(value)
    out: list[str] = []
    at = 0
    while at < len(value):
        end = _substitution_end(value, at)
        if end > at:
            out.append(value[at:end])
            at = end
            continue
        char = value[at]
        if char == "\\" and value[at + 1 : at + 2] in ("$", "`"):
            out.append(value[at : at + 2])
            at += 2
            continue
        out.append("\\" + char if char in '\\"$`' else char)
        at += 1
    return f'"{"".join(out)}"'


def _substitution_end(text: str, at: int) -> int:
    """Where the substitution that begins at `at` ends, or `at` if none begins there."""
    if text.startswith("$(", at):
        return _closing(text, at + 2, "(", ")") or at
    if _BRACED.match(text, at):
        return _closing(text, at + 2, "{", "}") or at
    if _PLAIN.match(text, at):
        name = _NAME.match(text, at + 1)
        return name.end() if name else at
    if text[at] == "`":
        end = at + 1
        while end < len(text):
            if text[end] == "\\":
                end += 1
            elif text[end] == "`":
                return end + 1
            end += 1
    return at


def _closing(text: str, at: int, opening: str, closing: str) -> int:
    """The place behind the bracket that closes one opened before `at`, quotes respected; 0 if there is none."""
    depth, quote = 1, ""
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return 0


def heredoc(text: str) -> str:
    """`<<'WORD'`, the text line by line, and a `WORD` that none of its lines is."""
    _refuse_nul(text)
    body = text.replace("\r\n", "\n")
    lines = set(body.split("\n"))
    word, number = "MANTIK_STEP", 1
    while word in lines:
        number += 1
        word = f"MANTIK_STEP_{number}"
    return f"<<'{word}'\n{body}\n{word}"


def render_env(variables: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The text of `.mantik/env`, which is written with mode 600 and sourced by the job script.

    Variables are left to the shell as far as `double_quoted` says, in the order given; secrets arrive letter by letter.
    Raises `BadInput` for a name that no shell takes.
    """
    lines = ["# Variables of this run. Removed when the job has ended."]
    lines += [f"export {checked_name(name)}={double_quoted(v)}" for name, v in variables.items()]
    for name, value in secrets.items():
        _refuse_nul(value)
        lines.append(f"export {checked_name(name)}={shlex.quote(value)}")
    return "\n".join([*lines, f"{ENV_COMPLETE}=1", ""])


def checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise BadInput(
            f"{name!r} can't be the name of an environment variable",
            "Names have letters, digits and underscores, and don't begin with a digit.",
            "Rename it under Environment.Variables.",
        )
    return name


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise BadInput("A command or value has a NUL character", "No shell can take it.")
