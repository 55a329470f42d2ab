"""The table of actions holds together: ids, keys, meanings, help, palette."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from mantik_tui.actions import (
    ACTIONS,
    SCREENS,
    SHARED_KEYS,
    Action,
    Scope,
    actions_for,
    by_command,
    by_id,
    docs_table,
    help_rows,
    palette_entries,
)
from mantik_tui.actions.action import OF_WIDGETS
from mantik_tui.widgets.bindings import bindings_for

MUST = {
    "l": "log", "e": "edit", "y": "copy", "c": "compare", "s": "submit", "r": "run-again", "X": "cancel",
    ":": "command", "?": "help", "space": "mark", "enter": "open-row", "escape": "back", "a": "go-active",
    "o": "go-outbox", "C": "columns", "S": "sort", "R": "retry", "u": "take-back", "D": "download",
    "q": "quit", "ctrl+p": "command-palette", "ctrl+r": "refresh", "j": "cursor-down", "k": "cursor-up",
    "g": "go-top", "G": "go-bottom", "ctrl+d": "half-page-down", "ctrl+u": "half-page-up",
}  # fmt: skip
"""Keys that people were promised."""


def _outside_widgets(actions: tuple[Action, ...]) -> list[Action]:
    """Without those whose keys count only in a widget of their own."""
    return [action for action in actions if action.scope not in OF_WIDGETS]


def test_ids_are_unique_and_make_method_names() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert all(action.method.isidentifier() for action in ACTIONS)


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_does_two_things_on_a_screen(screen: str) -> None:
    used = Counter(key for action in _outside_widgets(actions_for(screen)) for key in action.keys)
    assert [key for key, count in used.items() if count > 1] == []


def test_a_key_means_the_same_on_all_screens() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for action in _outside_widgets(ACTIONS):
        for key in action.keys:
            meanings[key].add(action.id)
    several = {key for key, ids in meanings.items() if len(ids) > 1}
    assert several == set(SHARED_KEYS)


@pytest.mark.parametrize(("key", "action_id"), MUST.items())
def test_the_keys_that_people_know(key: str, action_id: str) -> None:
    assert key in by_id(action_id).keys


def test_h_and_l_do_not_move() -> None:
    moving = {key for action in ACTIONS if action.scope is Scope.MOVE for key in action.keys}
    assert moving.isdisjoint({"h", "l"})


def test_what_destroys_is_flagged_and_nothing_else() -> None:
    flagged = {action.id for action in ACTIONS if action.destructive}
    assert flagged == {"cancel", "delete", "take-back", "logout"}


def test_destructive_keys_stand_apart_from_harmless_ones() -> None:
    """No destructive key is the capital of a harmless letter on the same screen, nor the other way round."""
    for screen in SCREENS:
        actions = _outside_widgets(actions_for(screen))
        harmless = {key for action in actions if not action.destructive for key in action.keys}
        for action in actions:
            if action.destructive:
                assert harmless.isdisjoint({key.swapcase() for key in action.keys}), screen


def test_every_action_has_words_help_and_known_screens() -> None:
    for action in ACTIONS:
        assert action.words, action.id
        assert action.help.endswith("."), action.id
        assert set(action.screens) <= {"*", *SCREENS}, action.id


def test_every_action_can_be_reached_by_key_or_palette() -> None:
    assert [action.id for action in ACTIONS if not action.keys and not action.palette] == []


@pytest.mark.parametrize("screen", SCREENS)
def test_help_lists_every_key_of_the_screen(screen: str) -> None:
    rows = help_rows(screen)
    words = {row.words for row in rows}
    assert words == {action.words for action in actions_for(screen)}
    keys = " ".join(row.keys for row in rows).split()
    assert "?" in keys
    assert "esc" in keys


def test_help_joins_the_numbered_tabs() -> None:
    assert [row.keys for row in help_rows("project") if row.words == "tab"] == ["1-7"]


def test_help_shows_the_keys_that_the_user_chose() -> None:
    rows = help_rows("runs", {"submit": ("ctrl+s",)})
    assert [row.keys for row in rows if row.words == "submit"] == ["ctrl+s"]


@pytest.mark.parametrize("screen", SCREENS)
def test_commands_are_unique_on_a_screen(screen: str) -> None:
    names = [action.command for action in palette_entries(screen) if action.command]
    assert len(names) == len(set(names))


def test_a_command_is_found_by_name_id_and_unique_beginning() -> None:
    def found(text: str, screen: str) -> str | None:
        action = by_command(text, screen)
        return action.id if action else None

    assert found("outbox", "runs") == "go-outbox"
    assert found("go-outbox", "runs") == "go-outbox"
    assert found("outb", "runs") == "go-outbox"
    assert found("s", "runs") is None
    assert found("save", "outbox") is None
    assert found("", "runs") is None


def test_the_palette_offers_the_screens_own_actions_first() -> None:
    entries = palette_entries("runs")
    scopes = [action.scope for action in entries]
    assert scopes.index(Scope.APP) > scopes.index(Scope.SCREEN)
    assert scopes == sorted(scopes, key=scopes.index)


def test_an_unknown_screen_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        actions_for("nowhere")


def test_the_docs_table_names_every_command_and_what_asks_first() -> None:
    text = docs_table()
    for action in ACTIONS:
        assert action.help in text
        assert not action.command or f"`:{action.command}`" in text
    assert text.count("Asks first.") == sum(action.destructive for action in ACTIONS)


@pytest.mark.parametrize("place", [*SCREENS, "app", "table", "filter", "move"])
def test_bindings_have_the_ids_of_their_actions(place: str) -> None:
    for binding in bindings_for(place):
        assert not isinstance(binding, tuple)
        assert binding.id is not None
        assert by_id(binding.id).method == binding.action


@pytest.mark.parametrize("screen", SCREENS)
def test_each_action_of_a_screen_is_bound_once(screen: str) -> None:
    places = (screen, *(scope for scope in Scope if scope is not Scope.SCREEN))
    bound = [b.id for place in places for b in bindings_for(place) if not isinstance(b, tuple)]
    assert len(bound) == len(set(bound))
    assert {action.id for action in actions_for(screen) if action.keys} <= set(bound)


def test_help_shows_the_keys_of_logs_and_plots() -> None:
    assert {"&", "v", "f p"} <= {row.keys for row in help_rows("log")}
    plot = {row.keys for row in help_rows("run") if row.group.startswith("Plot")}
    assert plot == {"← →", "shift+left shift+right", "+ =", "-", "0", "x"}


@pytest.mark.parametrize("scope", sorted(OF_WIDGETS))
def test_a_widgets_own_keys_do_one_thing_each(scope: Scope) -> None:
    used = Counter(key for action in ACTIONS if action.scope is scope for key in action.keys)
    assert max(used.values()) == 1
    assert len(bindings_for(scope)) == sum(a.scope is scope for a in ACTIONS)
