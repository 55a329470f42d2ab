"""What lists share: choosing columns, choosing an order, saving and naming filters, writing the list to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mantik_tui.widgets.columns import Column
from mantik_tui.workspace.views import View

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

DEFAULT = "default"


def choose_columns(
    screen: MantikScreen,
    choices: Sequence[tuple[str, str, str]],
    chosen: Sequence[str],
    then: Callable[[tuple[str, ...]], None],
) -> None:
    """Ask which columns to show. `choices` are id, title and a word on what it is; `then` gets the ids, in their order."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids is not None:
            kept = [column for column in chosen if column in ids]
            then((*kept, *(column for column in ids if column not in kept)))

    offered = [Choice(id, title, detail) for id, title, detail in choices]
    screen.app.push_screen(PickDialog("Columns", offered, picked=chosen, several=True), picked)


def choose_sort(
    screen: MantikScreen,
    choices: Sequence[tuple[str, str]],
    sort: str,
    then: Callable[[str], None],
) -> None:
    """Ask by which column to sort; the one that is in force again turns the order round. `then` gets its id."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids:
            then(ids[0])

    offered = [
        Choice(id, title, "again turns it round" if id == sort else "") for id, title in choices
    ]
    screen.app.push_screen(PickDialog("Sort by", offered, picked=(sort,)), picked)


def ask_name(screen: MantikScreen, title: str, then: Callable[[str], None], text: str = "") -> None:
    """Ask for one line; nothing happens on Escape or for an empty line."""
    from mantik_tui.widgets.dialogs import PromptDialog

    def entered(answer: str | None) -> None:
        if answer and answer.strip():
            then(answer.strip())

    screen.app.push_screen(PromptDialog(title, text=text), entered)


def sort_titles(columns: Sequence[Column[Any]]) -> list[tuple[str, str]]:
    return [(column.id, column.title) for column in columns]


def named_filters(
    screen: MantikScreen,
    view: View,
    text: str,
    apply: Callable[[str], None],
    remember: Callable[..., None],
) -> None:
    """Keep the filter under a name, or take one that was kept. `remember(named=…)` stores the names."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    keep, drop = "+", "-"

    def picked(ids: tuple[str, ...] | None) -> None:
        if not ids:
            return
        if ids[0] == keep:
            ask_name(screen, "Name of this filter", lambda name: remember(named=view.named | {name: text}))  # fmt: skip
        elif ids[0] == drop:
            remember(named={name: kept for name, kept in view.named.items() if kept != text})
        else:
            apply(view.named[ids[0][1:]])

    choices = [Choice(f"={name}", name, kept) for name, kept in view.named.items()]
    if text and text not in view.named.values():
        choices.append(Choice(keep, "keep this filter under a name", text))
    elif text:
        choices.append(Choice(drop, "forget the name of this filter", text))
    if not choices:
        screen.app.notify("Type a filter first; then it can be kept under a name")
        return
    screen.app.push_screen(PickDialog("Saved filters", choices), picked)
