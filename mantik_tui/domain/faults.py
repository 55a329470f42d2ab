"""A list of problems that grows while a file is read, so that all faults come at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.text import clean

_SHOWN = 60
"""Longest piece of a file that a message repeats, in characters."""


@dataclass(slots=True)
class Faults:
    """What is wrong with one file of `lines` lines."""

    file: str
    lines: int = 1
    found: list[Problem] = field(default_factory=list)

    def error(self, line: int, key: str, message: str, hint: str) -> None:
        self._add(Severity.ERROR, line, key, message, hint)

    def warning(self, line: int, key: str, message: str, hint: str) -> None:
        self._add(Severity.WARNING, line, key, message, hint)

    def note(self, line: int, key: str, message: str, hint: str) -> None:
        self._add(Severity.NOTE, line, key, message, hint)

    def _add(self, severity: Severity, line: int, key: str, message: str, hint: str) -> None:
        at = min(max(line, 1), max(self.lines, 1))
        self.found.append(Problem(severity, self.file, at, shown(key), message, hint))

    def in_order(self) -> list[Problem]:
        """All problems by line; those of one line in the order in which they were found."""
        return sorted(self.found, key=lambda problem: problem.line)


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether one of `problems` is an error."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def shown(text: str, limit: int = _SHOWN) -> str:
    """A piece of a file as a message may repeat it: on one line, harmless, at most `limit` characters."""
    short = clean(text, keep_newlines=False).strip()
    return short if len(short) <= limit else short[: limit - 1].rstrip() + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that `word` was probably meant to be; empty if none is near."""
    by_lower = {name.lower(): name for name in known}
    lower = word.lower()[:_SHOWN]
    if lower in by_lower:
        return by_lower[lower]
    near = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.72)
    return by_lower[near[0]] if near else ""


def dotted(path: str, key: str) -> str:
    """`key` below `path`, as `Resources.Nodes`."""
    return f"{path}.{key}" if path else key
