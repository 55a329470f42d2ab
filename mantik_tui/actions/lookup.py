"""Questions asked of the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mantik_tui.actions.action import SCREENS, Action, Scope
from mantik_tui.actions.table import ACTIONS

_KEY_WORDS = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "asterisk": "*",
    "ampersand": "&",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "delete": "del",
    "escape": "esc",
}
_SCOPE_ORDER = (
    *(Scope.SCREEN, Scope.TABLE, Scope.LOG, Scope.PLOT, Scope.FILTER, Scope.MOVE, Scope.APP),
)


@dataclass(frozen=True, slots=True)
class HelpRow:
    """One line of the help screen."""

    group: str
    keys: str
    """As people write them, `-` for none."""
    words: str
    help: str
    command: str
    """With its colon, empty if there is none."""
    destructive: bool


@cache
def actions_for(screen: str) -> tuple[Action, ...]:
    """What can be done on a screen, the program's own actions included. Raises KeyError for an unknown screen."""
    if screen not in SCREENS:
        raise KeyError(screen)
    return tuple(action for action in ACTIONS if "*" in action.screens or screen in action.screens)


@cache
def in_scope(scope: Scope) -> tuple[Action, ...]:
    """The actions whose method lives on the app, a table, or whatever moves."""
    return tuple(action for action in ACTIONS if action.scope is scope)


@cache
def _index() -> dict[str, Action]:
    return {action.id: action for action in ACTIONS}


def by_id(action_id: str) -> Action:
    """The action with that id; KeyError if there is none."""
    return _index()[action_id]


def by_command(text: str, screen: str) -> Action | None:
    """The action that `:text` means on a screen: its short name or id, or the only one that begins like it."""
    if not text:
        return None
    offered = [action for action in actions_for(screen) if action.palette]
    for action in offered:
        if text in (action.command, action.id):
            return action
    fitting = [a for a in offered if (a.command or a.id).startswith(text)]
    return fitting[0] if len(fitting) == 1 else None


def palette_entries(screen: str) -> tuple[Action, ...]:
    """What the palette offers on a screen, the screen's own actions first."""
    offered = [action for action in actions_for(screen) if action.palette]
    return tuple(sorted(offered, key=lambda action: _SCOPE_ORDER.index(action.scope)))


def key_words(key: str) -> str:
    """A key as people write it: `ctrl+d`, `↓`, `?`."""
    return _KEY_WORDS.get(key, key)


def help_rows(
    screen: str, keymap: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[HelpRow, ...]:
    """Help for a screen; `keymap` has the keys that the user changed, by action id.

    Actions that differ only in their key, such as the numbered tabs, share a line.
    """
    return _rows(actions_for(screen), keymap or {})


def docs_table() -> str:
    """All actions as Markdown, one table a group, for the docs."""
    parts: list[str] = []
    group = ""
    for row in _rows(ACTIONS, {}):
        if row.group != group:
            group = row.group
            parts += ["", f"## {group}", "", "| Key | `:` | What it does |", "| --- | --- | --- |"]
        keys = " ".join(f"`{key}`" for key in row.keys.split(" ")) if row.keys != "-" else "-"
        command = f"`{row.command}`" if row.command else ""
        asks = " Asks first." if row.destructive else ""
        parts.append(f"| {keys} | {command} | {row.help}{asks} |")
    return "\n".join(parts[1:]) + "\n"


def _rows(
    actions: tuple[Action, ...], keymap: Mapping[str, tuple[str, ...]]
) -> tuple[HelpRow, ...]:
    together: dict[tuple[str, str, str], list[Action]] = {}
    for action in actions:
        together.setdefault((action.group, action.words, action.help), []).append(action)
    rows = [
        HelpRow(
            group=group,
            keys=_keys_in_words([key for a in same for key in keymap.get(a.id, a.keys)]),
            words=words,
            help=help,
            command=f":{same[0].command}" if same[0].command else "",
            destructive=same[0].destructive,
        )
        for (group, words, help), same in together.items()
    ]
    groups = list(dict.fromkeys(row.group for row in rows))
    return tuple(sorted(rows, key=lambda row: groups.index(row.group)))


def _keys_in_words(keys: list[str]) -> str:
    if not keys:
        return "-"
    if len(keys) > 2 and all(len(key) == 1 and key.isdigit() for key in keys):
        return f"{keys[0]}-{keys[-1]}"
    return " ".join(key_words(key) for key in keys)
