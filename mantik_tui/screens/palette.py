"""What Textual's command palette offers: the table of actions, and the projects by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from mantik_tui.actions import Scope, key_words, palette_entries
from mantik_tui.domain.text import clean
from mantik_tui.screens.commands import perform
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp


class ActionProvider(Provider):
    """Actions of the screen below the palette (`here`), then the program's (`everywhere`), then projects."""

    @property
    def mantik(self) -> MantikApp:
        return cast("MantikApp", self.app)

    async def discover(self) -> Hits:
        for title, help_text, do in self._actions():
            yield DiscoveryHit(title, do, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help_text, do in (*self._actions(), *self._projects()):
            score = max(matcher.match(title), 0.6 * matcher.match(help_text))
            if score > 0:
                yield Hit(score, matcher.highlight(title), do, help=help_text)

    def _actions(self) -> list[tuple[str, str, Callable[[], None]]]:
        screen = self.mantik.top_screen
        if screen is None:
            return []
        found: list[tuple[str, str, Callable[[], None]]] = []
        for action in palette_entries(screen.SCREEN_ID):
            reason = screen.reason_against(action.method)
            keys = f"  ({key_words(action.keys[0])})" if action.keys else ""
            words = f"{action.words}{keys}"
            place = "everywhere" if action.scope is Scope.APP else "here"
            help_text = f"{place} · {f'not now: {reason}' if reason else action.help}"
            found.append((words, help_text, partial(perform, self.mantik, action)))
        return found

    def _projects(self) -> list[tuple[str, str, Callable[[], None]]]:
        session = self.mantik.session
        if not session.has_workspace:
            return []
        rows = session.read(reads.projects.project_rows, session.workspace.id)
        return [
            (
                f"project {clean(row.name, keep_newlines=False)}",
                clean(row.summary, keep_newlines=False),
                partial(self.mantik.open_project, row.id),
            )
            for row in rows
        ]
