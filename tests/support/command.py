"""Runs commands of `mantik-tui` inside the test's process, with no engine to start: what is offline must work so."""

from __future__ import annotations

import functools
import io
import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from mantik_tui.cli import run_command
from mantik_tui.workspace import session as sessions


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def no_engine(patch: pytest.MonkeyPatch) -> None:
    """From here on, no process can be made: an engine that is needed is missing."""

    def spawn() -> None:
        raise OSError("no processes in this test")

    patch.setattr(sessions, "open_session", functools.partial(sessions.open_session, spawn=spawn))


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def command(*words: object, stdin: str = "", terminal: bool = False) -> Outcome:
    """One command. With `terminal`, stdout and stderr claim to be one, of `$COLUMNS` columns."""
    kind = Terminal if terminal else io.TextIOWrapper
    out, err = kind(io.BytesIO(), "utf-8"), kind(io.BytesIO(), "utf-8")
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), out, err
    try:
        code = run_command([str(word) for word in words])
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Outcome(code, *texts)
