"""What an action is, and the screens there are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where the method of an action lives."""

    APP = "app"
    SCREEN = "screen"
    TABLE = "table"
    """Tables with a cursor and marks."""
    FILTER = "filter"
    """The line in which a filter is typed; its keys count only there."""
    LOG = "log-view"
    """A log; its keys count while it has the focus."""
    PLOT = "plot"
    """A plot; its keys count while it has the focus."""
    MOVE = "move"
    """Everything with a position that moves: tables and texts."""


OF_WIDGETS = frozenset({Scope.FILTER, Scope.LOG, Scope.PLOT})
"""Scopes whose keys count only in their widget, before those of the screen around it."""

SCREENS = (
    *("welcome", "projects", "project", "runs", "run", "log", "configs", "config"),
    *("active", "sites", "outbox", "settings", "help", "compare"),
)
"""Ids of the screens of the program."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done."""

    id: str
    keys: tuple[str, ...]
    """In Textual's words, or as the character itself; the first is the one that is shown. Empty: palette and `:` only."""
    words: str
    """Short label for the key line."""
    help: str
    """One sentence."""
    group: str
    screens: tuple[str, ...]
    """Ids of screens, or `("*",)` for all."""
    destructive: bool = False
    """A dialog comes first, and read-only use leaves it out."""
    needs_network: bool = False
    palette: bool = True
    command: str = ""
    """Short name after `:`; the id works always."""
    scope: Scope = Scope.SCREEN
    rank: int = 0
    """Place on the key line, low numbers first; 0 keeps it off that line."""

    @property
    def method(self) -> str:
        """Name of the action in Textual's sense; the method is `action_` + this."""
        return self.id.replace("-", "_")
