"""The program, opened on one of its screens: `one_screen.py runs`, `one_screen.py run 17`.

As if a person had gone there by keys, and independent of which keys those are.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from textual.screen import Screen

from mantik_tui.app import MantikApp
from mantik_tui.workspace.session import open_session

SCREENS = {
    "projects": "ProjectsScreen",
    "runs": "RunsScreen",
    "project": "ProjectScreen",
    "run": "RunScreen",
    "log": "LogScreen",
    "configs": "ConfigsScreen",
    "active": "ActiveScreen",
    "outbox": "OutboxScreen",
    "sites": "SitesScreen",
    "settings": "SettingsScreen",
    "help": "HelpScreen",
    "compare": "CompareScreen",
    "welcome": "WelcomeScreen",
}
"""Module below `mantik_tui.screens` to its screen."""


def kind_of(name: str) -> type[Screen[Any]]:
    found: type[Screen[Any]] = getattr(
        importlib.import_module(f"mantik_tui.screens.{name}"), SCREENS[name]
    )
    return found


class OneScreen(MantikApp):
    """Goes to a screen as soon as the first one is there."""

    wanted = "projects"
    subject: tuple[Any, ...] = ()

    def on_ready(self) -> None:
        if self.wanted == "projects":
            return
        go = getattr(self, f"action_go_{self.wanted}", None)
        if go is not None:
            go()
        elif self.wanted == "help":
            self.action_help()
        elif self.wanted == "compare":
            self.open_compare(self.subject)
        else:
            self.show_screen(kind_of(self.wanted), *self.subject)  # type: ignore[type-var]


if __name__ == "__main__":
    OneScreen.wanted = sys.argv[1]
    OneScreen.subject = tuple(int(word) for word in sys.argv[2:])
    OneScreen(open_session()).run()
