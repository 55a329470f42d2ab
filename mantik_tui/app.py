"""The app: wires session, theme, keymap and screens together, and passes the engine's notices on. Nothing else."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen

from mantik_tui.domain.errors import MantikError
from mantik_tui.screens.base import EngineEvent, MantikScreen, StoreChanged
from mantik_tui.screens.frame_lines import ENGINE_OFF, ENGINE_ON, ENGINE_STARTING
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.styles import style_files

if TYPE_CHECKING:
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace.session import WorkspaceRow

S = TypeVar("S", bound=MantikScreen)


class MantikApp(App[None]):
    """The full-screen program."""

    TITLE = "mantik"
    CSS_PATH = style_files()
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("app")
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, session: Session, *, start_demo: bool = False) -> None:
        super().__init__()
        self.session = session
        self.start_demo = start_demo
        self.engine_state = ENGINE_STARTING
        self.animation_level = "none"
        session.engine._on_event = self._hear

    def get_default_screen(self) -> Screen[Any]:
        """The first layer: projects if a workspace is set up, else the first steps."""
        if self.session.has_workspace and not self.start_demo:
            from mantik_tui.screens.projects import ProjectsScreen

            return ProjectsScreen()
        from mantik_tui.screens.welcome import WelcomeScreen

        return WelcomeScreen(start_demo=self.start_demo)

    def on_mount(self) -> None:
        self.theme = self.session.settings.theme
        if self.session.settings.keys:
            self.set_keymap(self.session.settings.keys)
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """After the first paint: what was loaded is no garbage, and now there is time to start the engine."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        self.run_worker(self._start_engine, thread=True, exit_on_error=False, group="engine")

    def _start_engine(self) -> None:
        try:
            self.session.engine.ensure()
        except MantikError as error:
            self.call_later(self._engine_is, ENGINE_OFF)
            self.call_later(
                partial(
                    self.notify, str(error), title="Working without the engine", severity="warning"
                )
            )
        else:
            self.call_later(self._engine_is, ENGINE_ON)

    def _engine_is(self, state: str) -> None:
        self.engine_state = state
        if (screen := self.top_screen) is not None:
            screen.look_again()

    # ------------------------------------------------------------ news

    @property
    def top_screen(self) -> MantikScreen | None:
        """The screen in sight, below any dialog."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, MantikScreen):
                return screen
        return None

    def _hear(self, event: dict[str, Any]) -> None:
        """From the engine's thread."""
        if event.get("event") == "changed":
            message: Any = StoreChanged(frozenset(event.get("tables", ())))
        else:
            message = EngineEvent(event)
        self.call_later(self._pass_on, message)

    def _pass_on(self, message: Any) -> None:
        if isinstance(message, EngineEvent) and message.event.get("event") == "engine-lost":
            self._engine_is(ENGINE_OFF)
        if (screen := self.top_screen) is not None:
            screen.post_message(message)

    def on_app_focus(self) -> None:
        if (screen := self.top_screen) is not None:
            screen.look_again()

    async def run_action(
        self, action: Any, default_namespace: Any = None, namespaces: Any = None
    ) -> bool:
        """As Textual does it; but a key that can't be used now says why."""
        if await super().run_action(action, default_namespace, namespaces):
            return True
        if isinstance(default_namespace, MantikScreen):
            name = action if isinstance(action, str) else action[1]
            reason = default_namespace.reason_against(name.partition("(")[0])
            if reason:
                self.notify(reason, severity="warning", timeout=4)
                return True
        return False

    # ------------------------------------------------------------ going somewhere

    def show_screen(self, kind: type[S], *args: Any) -> None:
        """Show a screen of this kind. One that is open already, with the same subject, is returned to."""
        for depth, screen in enumerate(self.screen_stack):
            if type(screen) is kind and (getattr(screen, "subject", None) == (args or None)):
                while len(self.screen_stack) > depth + 1:
                    self.pop_screen()
                return
        fresh = kind(*args)
        fresh.subject = args or None
        self.push_screen(fresh)

    def open_project(self, project_id: int) -> None:
        from mantik_tui.screens.project import ProjectScreen

        self.show_screen(ProjectScreen, project_id)

    def open_run(self, run_id: int) -> None:
        from mantik_tui.screens.run import RunScreen

        self.show_screen(RunScreen, run_id)

    def open_log(self, run_id: int) -> None:
        from mantik_tui.screens.log import LogScreen

        self.show_screen(LogScreen, run_id)

    def open_config_form(self, config: RunConfig, project_id: int | None) -> None:
        from mantik_tui.screens.config_form import ConfigFormScreen

        self.push_screen(ConfigFormScreen(config, project_id))

    def open_configs(self, project_id: int | None = None) -> None:
        from mantik_tui.screens.configs import ConfigsScreen

        self.show_screen(ConfigsScreen, project_id)

    def open_compare(self, run_ids: Sequence[int]) -> None:
        from mantik_tui.screens.compare import CompareScreen

        self.show_screen(CompareScreen, tuple(run_ids))

    def open_connect(self, workspace: WorkspaceRow | None) -> None:
        """The form that connects a server, filled in from a workspace that is set up already."""
        from mantik_tui.screens.connect import ConnectScreen

        self.push_screen(ConnectScreen(workspace))

    def action_go_projects(self) -> None:
        if not self.session.has_workspace:
            self.notify("Connect a server or start the demo first", severity="warning")
            return
        from mantik_tui.screens.projects import ProjectsScreen

        self.show_screen(ProjectsScreen)

    def action_go_runs(self) -> None:
        from mantik_tui.screens.runs import RunsScreen

        self.show_screen(RunsScreen)

    def action_go_configs(self) -> None:
        self.open_configs(None)

    def action_go_active(self) -> None:
        from mantik_tui.screens.active import ActiveScreen

        self.show_screen(ActiveScreen)

    def action_go_outbox(self) -> None:
        from mantik_tui.screens.outbox import OutboxScreen

        self.show_screen(OutboxScreen)

    def action_go_sites(self) -> None:
        from mantik_tui.screens.sites import SitesScreen

        self.show_screen(SitesScreen)

    def action_go_settings(self) -> None:
        from mantik_tui.screens.settings import SettingsScreen

        self.show_screen(SettingsScreen)

    def action_go_welcome(self) -> None:
        from mantik_tui.screens.welcome import WelcomeScreen

        self.show_screen(WelcomeScreen)
