"""What can be done where: the table of actions, and the questions that key line, palette and help ask it."""

from __future__ import annotations

from mantik_tui.actions.action import SCREENS, Action, Scope
from mantik_tui.actions.keymap import keymap_problems
from mantik_tui.actions.lookup import (
    HelpRow,
    actions_for,
    by_command,
    by_id,
    docs_table,
    help_rows,
    key_words,
    palette_entries,
)
from mantik_tui.actions.table import ACTIONS, SHARED_KEYS

__all__ = [
    "ACTIONS",
    "SCREENS",
    "SHARED_KEYS",
    "Action",
    "HelpRow",
    "Scope",
    "actions_for",
    "by_command",
    "by_id",
    "docs_table",
    "help_rows",
    "key_words",
    "keymap_problems",
    "palette_entries",
]
