"""One fault found in a file that a person wrote."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    """It can't work."""
    WARNING = "warning"
    """It works, but perhaps not as meant."""
    NOTE = "note"
    """It works; there is a newer or clearer way to write it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault, where it is, and what would be right."""

    severity: Severity
    file: str
    line: int
    """From 1; the parent's line where a key is missing."""
    key: str
    """Dotted path, for example `Resources.Nodes`; empty for the file as a whole."""
    message: str
    hint: str = ""
