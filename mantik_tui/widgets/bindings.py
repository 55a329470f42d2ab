"""The table of actions as Textual bindings. Each has its action's id, so that a user's keymap can change its keys."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from mantik_tui.actions import Action, Scope, actions_for
from mantik_tui.actions.lookup import in_scope

_SCOPES = set(Scope) - {Scope.SCREEN}


def bindings_for(place: str) -> list[BindingType]:
    """Bindings for a screen id, or for one of the scopes `app`, `table`, `filter`, `move`. KeyError for anything else.

    Each class binds only its own scope: Textual looks from the focused widget outwards.
    """
    if place in _SCOPES:
        return [binding_of(action) for action in in_scope(Scope(place)) if action.keys]
    own = [action for action in actions_for(place) if action.scope is Scope.SCREEN]
    return [binding_of(action) for action in own if action.keys]


def binding_of(action: Action) -> Binding:
    """One action as a binding."""
    return Binding(
        key=",".join(_textual_key(key) for key in action.keys),
        action=action.method,
        description=action.words,
        tooltip=action.help,
        show=action.rank > 0,
        id=action.id,
    )


def _textual_key(key: str) -> str:
    """A comma separates keys in Textual, so the key itself is spelled out."""
    return "comma" if key == "," else key
