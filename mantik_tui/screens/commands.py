"""What can be typed after `:`, and doing it. Palette and command line use the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from mantik_tui.actions import Action, by_command, palette_entries
from mantik_tui.domain.errors import MantikError
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A way to go on typing."""

    text: str
    """The whole line as it would be."""
    words: str
    """What it does."""


_WITH_WORDS = {
    "runs": "runs FILTER: the runs of all projects that fit",
    "project": "project NAME: open a project",
    "theme": "theme NAME: change the colours",
}


def suggestions(app: MantikApp, typed: str, limit: int = 8) -> list[Suggestion]:
    """What the line could become; the best first."""
    name, space, rest = typed.lstrip(" :").partition(" ")
    if space:
        return [
            Suggestion(f"{name} {value}", words)
            for value, words in _values(app, name, rest)[:limit]
        ]
    found: dict[str, str] = {}
    for action in _offered(app):
        found.setdefault(action.command or action.id, action.help)
    found.update(_WITH_WORDS)
    starts = sorted(text for text in found if text.startswith(name))
    inside = sorted(
        text
        for text, words in found.items()
        if text not in starts and name in f"{text} {words}".casefold()
    )
    return [Suggestion(text, found[text]) for text in (*starts, *inside)][:limit]


def run_command(app: MantikApp, typed: str) -> None:
    """Do what was typed; says so when it means nothing."""
    name, _, rest = typed.strip().lstrip(":").strip().partition(" ")
    rest = rest.strip()
    if not name:
        return
    if name == "runs":
        app.open_runs(rest or None)
    elif name == "project" and rest:
        _open_project(app, rest)
    elif name == "theme" and rest in app.available_themes:
        app.keep_theme(rest)
    else:
        screen = app.top_screen
        action = by_command(name, screen.SCREEN_ID) if screen else None
        if action is None:
            app.notify(f"There is no command :{name}; : and then tab shows those there are", severity="warning")  # fmt: skip
        else:
            perform(app, action)


def perform(app: MantikApp, action: Action) -> None:
    """Do an action where it belongs: on what has the focus, the screen, or the app. What can't be done says why."""
    screen = app.top_screen
    if screen is None:
        return
    target: DOMNode
    method = f"action_{action.method}"
    focused = screen.focused
    nodes: Sequence[DOMNode] = [*(focused.ancestors_with_self if focused else ()), screen, app]
    for target in nodes:
        if hasattr(target, method):
            break
    else:
        target = screen
    app.call_later(app.run_action, action.method, target)


def _offered(app: MantikApp) -> list[Action]:
    screen = app.top_screen
    return [] if screen is None else list(palette_entries(screen.SCREEN_ID))


def _values(app: MantikApp, name: str, rest: str) -> list[tuple[str, str]]:
    wanted = rest.casefold()
    if name == "project" and app.session.has_workspace:
        rows = app.session.read(reads.projects.project_rows, app.session.workspace.id)
        return [(row.name, row.summary) for row in rows if wanted in row.name.casefold()]
    if name == "theme":
        return [(theme, "") for theme in sorted(app.available_themes) if wanted in theme]
    if name == "runs":
        examples = ("status:running", "status:failed", "started<2d", "user:")
        return [(text, "") for text in examples if text.startswith(rest)]
    return []


def _open_project(app: MantikApp, name: str) -> None:
    try:
        workspace = app.session.workspace.id
        app.open_project(app.session.read(reads.projects.find_project, workspace, name))
    except MantikError as problem:
        app.notify(str(problem), severity="warning")
