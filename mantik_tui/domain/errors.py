"""The one tree of errors that a person may see.

Each has a title (what failed), a cause (why, with a server's own words kept) and a hint (the key or command that helps).
Anything else that is raised is a defect: the log has its traceback, the person sees a `MantikError` made from it.

    MantikError
    ├── BadInput        what was given can't be used; carries all problems with file and line
    ├── NotFound        no such project, run, site, file
    ├── Ambiguous       a name or prefix that fits several things
    ├── Offline         a server or site did not answer; trying again later can help
    ├── NeedsLogin      credentials are missing, wrong or expired; a person is needed
    ├── Refused         a server or site answered no, and the same again will be refused too
    ├── Conflict        somebody else changed what we were about to change
    ├── Unsure          an effect in the world may or may not have happened; look before trying again
    ├── EngineProblem   the engine could not be started or does not answer
    └── StoreProblem    the local database can't be read or written
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mantik_tui.domain.problems import Problem


class MantikError(Exception):
    """Root of all errors meant for a person."""

    exit_code: ClassVar[int] = 1
    """Exit code of the command line; docs/commands.md lists them."""

    def __init__(self, title: str, cause: str = "", hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        return ". ".join(part.rstrip(".") for part in (self.title, self.cause, self.hint) if part)


class BadInput(MantikError):
    """What was given can't be used. `problems` has every fault found, not just the first."""

    exit_code = 1

    def __init__(
        self, title: str, cause: str = "", hint: str = "", problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(title, cause, hint)
        self.problems = tuple(problems)


class NotFound(MantikError):
    exit_code = 3


class Ambiguous(MantikError):
    exit_code = 3


class Offline(MantikError):
    exit_code = 4


class NeedsLogin(MantikError):
    exit_code = 5


class Refused(MantikError):
    exit_code = 6


class Conflict(MantikError):
    exit_code = 6


class Unsure(MantikError):
    exit_code = 7


class EngineProblem(MantikError):
    exit_code = 8


class StoreProblem(MantikError):
    exit_code = 8
