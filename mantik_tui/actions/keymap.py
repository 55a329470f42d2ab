"""What is wrong with the keys that a user gave to actions: warnings, since the rest of the keys work all the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from mantik_tui.actions.action import OF_WIDGETS, SCREENS, Action, Scope
from mantik_tui.actions.lookup import actions_for, by_id, key_words
from mantik_tui.actions.table import ACTIONS
from mantik_tui.domain.faults import nearest, shown
from mantik_tui.domain.problems import Problem, Severity

_NAMED = frozenset(
    {
        *("enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end"),
        *("pageup", "pagedown", "up", "down", "left", "right"),
        *("slash", "backslash", "at", "minus", "plus", "underscore"),
    }
)
"""Keys by their names in Textual; other characters go by their Unicode name or as themselves."""
_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_FUNCTION_KEY = re.compile(r"f([1-9]|1[0-9]|2[0-4])")
_CHARACTERS = {
    "/": "slash",
    "\\": "backslash",
    "@": "at",
    "-": "minus",
    "+": "plus",
    "_": "underscore",
}

Line = Callable[[str], int]


def keymap_problems(
    keys: Mapping[str, str], file: str = "", line_of: Line = lambda _action: 1
) -> list[Problem]:
    """What is wrong with a user's keys (action id → keys with commas between), as warnings.

    Told are ids of no action, keys that no terminal sends, and a key that means two things on one screen since the user
    changed it. `file` and `line_of` (the line of an action's key there) go into the problems.
    """

    def warn(action: str, message: str, hint: str) -> Problem:
        return Problem(Severity.WARNING, file, line_of(action), f"keys.{action}", message, hint)

    ids = {action.id: action for action in ACTIONS}
    found: list[Problem] = []
    chosen: dict[str, tuple[str, ...]] = {}
    for action, text in keys.items():
        if action not in ids:
            near = nearest(action, ids)
            hint = f"Did you mean {near}?" if near else "Settings and help (?) show the ids"
            found.append(warn(action, "no action has this id", hint))
            continue
        parts = [part.strip() for part in text.split(",")]
        chosen[action] = tuple(normal(part) for part in parts if not key_fault(part))
        found += [
            warn(action, f"{shown(repr(part))} is no key", fault)
            for part in parts
            if (fault := key_fault(part))
        ]
    for first, second, key, screens in _clashes(chosen):
        changed, other = (first, second) if first in chosen else (second, first)
        found.append(
            warn(
                changed,
                f"{key_words(key)} means {by_id(other).words!r} too, on the screen{'s' * (len(screens) != 1)}"
                f" {', '.join(screens)}",
                f"Choose another key, or give {other} one of its own",
            )
        )
    return found


def key_fault(key: str) -> str:
    """What helps if this is no key; empty if it is one."""
    if len(key) == 1:
        return "" if key.isprintable() and not key.isspace() else "A blank is called space"
    *modifiers, name = key.split("+") if not key.endswith("+") else [*key[:-2].split("+"), "+"]
    if any(modifier not in _MODIFIERS for modifier in modifiers):
        return "For example ctrl+k, f6, K, question_mark; several with commas between"
    if modifiers == ["shift"] and len(name) == 1 and name.isalpha():
        return f"Terminals send a capital: write {name.upper()}"
    if len(name) == 1 or name in _NAMED or _FUNCTION_KEY.fullmatch(name) or _character(name):
        return ""
    near = nearest(name, _NAMED)
    return f"Did you mean {'+'.join([*modifiers, near])}?" if near else "For example ctrl+k, f6, K"


def _character(name: str) -> str:
    """The character of a Unicode name such as `question_mark`, empty if there is none."""
    try:
        return unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return ""


def normal(key: str) -> str:
    """One spelling for a key: characters that are neither letter nor digit by name."""
    if len(key) != 1 or key.isalnum():
        return key
    name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
    return _CHARACTERS.get(key, name)


def _clashes(
    chosen: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """(action, action, key, screens) of what a user's keys bring together that was apart before."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for screen in SCREENS:
        holders: dict[tuple[Scope | None, str], list[Action]] = {}
        for action in actions_for(screen):
            own = action.scope if action.scope in OF_WIDGETS else None
            for key in chosen.get(action.id, tuple(map(normal, action.keys))):
                holders.setdefault((own, key), []).append(action)
        for (_, key), actions in holders.items():
            for place, one in enumerate(actions):
                for other in actions[place + 1 :]:
                    if (one.id in chosen or other.id in chosen) and not _together(one, other, key):
                        places.setdefault((one.id, other.id, key), []).append(screen)
    for (one_id, other_id, key), screens in places.items():
        yield one_id, other_id, key, tuple(screens)


def _together(one: Action, other: Action, key: str) -> bool:
    """Whether the table itself gives both this key."""
    return all(key in map(normal, action.keys) for action in (one, other))
