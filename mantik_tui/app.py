"""The app: wires session, theme, keymap and screens together, and passes the engine's notices on. Nothing else."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen
from textual.timer import Timer

from mantik_tui.actions import by_id, key_words
from mantik_tui.domain.errors import MantikError
from mantik_tui.screens.base import EngineEvent, MantikScreen, StoreChanged
from mantik_tui.screens.frame_lines import ENGINE_OFF, ENGINE_ON, ENGINE_STARTING, News
from mantik_tui.screens.key_order import KeyHandled, KeyOrder
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.styles import first_style_files, style_files

if TYPE_CHECKING:
    from textual.command import Provider

    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.workspace.reads import projects
    from mantik_tui.workspace.servers import Offer

S = TypeVar("S", bound=MantikScreen)

LONGEST_FIRST_PAINT_S = 1.0
"""So long the engine's start waits for the first paint."""
LONGEST_PAUSE_S = 60.0
"""Between two attempts to start an engine."""
_REMEMBER_MS = 600_000
REFRESH = "refresh"


def action_provider() -> type[Provider]:
    """What the palette offers, loaded when it is opened."""
    from mantik_tui.screens.palette import ActionProvider

    return ActionProvider


class MantikApp(App[None]):
    """The full-screen program."""

    TITLE = "mantik"
    CSS_PATH: ClassVar[list[str | PurePath]] = list(first_style_files())
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("app")
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {action_provider}

    def __init__(self, session: Session, *, start_demo: bool = False) -> None:
        super().__init__()
        self.session = session
        self.start_demo = start_demo
        self.engine_state = ENGINE_STARTING
        self._keys = KeyOrder(self, self.post_message)
        self._is_painted = self._has_all_styles = False
        self._lost_at: list[int] = []
        self._wake_timer: Timer | None = None
        self.news: News | None = None
        """What happened last while the program was open."""
        self.told_up_to = 0
        """Id of the last notice that this program has told."""
        self.has_focus: bool | None = None
        """Whether the terminal has the focus; None where it does not tell."""
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
        self._use_theme(self.session.settings.theme)
        if self.session.settings.keys:
            self.set_keymap(self.session.settings.keys)
        self.after_first_paint()
        # A screen that is left before it was painted never says that it was.
        self.set_timer(LONGEST_FIRST_PAINT_S, self._painted)

    def after_first_paint(self) -> None:
        """Do what waits for the first paint, once a screen was painted."""
        if not self._is_painted:
            self.call_after_refresh(self._painted)

    def _use_theme(self, wanted: str) -> None:
        if wanted == "high-contrast":
            self._register_themes()
        if wanted in self.available_themes:
            self.theme = wanted
        else:
            self.notify(f"There is no theme called {wanted!r}", severity="warning")

    def _register_themes(self) -> None:
        from mantik_tui.screens.themes import HIGH_CONTRAST

        self.register_theme(HIGH_CONTRAST)

    def _painted(self) -> None:
        """After the first paint: what was loaded is no garbage, and now there is time to start the engine."""
        if self._is_painted:
            return
        self._is_painted = True
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        self._register_themes()
        self._read_other_styles()
        self._wake_engine()
        self._tell_notices(on_return=True)
        self._tell_keys()

    def _tell_keys(self) -> None:
        """Say once what is wrong with the person's own keys; the others work."""
        if not self.session.settings.keys:
            return
        from mantik_tui.actions.keymap import keymap_problems

        found = keymap_problems(self.session.settings.keys)
        if found:
            first = found[0]
            more = f" (and {len(found) - 1} more; mantik-tui doctor lists them)"
            words = f"{first.key}: {first.message}{more if len(found) > 1 else ''}. {first.hint}"
            self.notify(words, title="Your keys", severity="warning", timeout=12, markup=False)

    def _read_other_styles(self) -> None:
        if self._has_all_styles:
            return
        self._has_all_styles = True
        for file in style_files():
            if not self.stylesheet.has_source(str(file)):
                self.stylesheet.read(file)
        self.stylesheet.parse()  # else a screen whose widgets are known already would go without
        if len(self.screen_stack) > 1:
            self.stylesheet.update(self)

    def _wake_engine(self) -> None:
        self.run_worker(self._start_engine, thread=True, exit_on_error=False, group="engine")

    def _start_engine(self) -> None:
        try:
            self.session.engine.ensure()
        except MantikError as error:
            self.call_later(self._engine_failed, error)
        else:
            self.call_later(self._engine_is, ENGINE_ON)

    def _engine_failed(self, error: MantikError) -> None:
        """Say so once; it is tried again all the same."""
        if self.engine_state == ENGINE_STARTING:
            self.notify(str(error), title="Working without the engine", severity="warning")
        self._engine_lost()

    def _engine_is(self, state: str) -> None:
        self.engine_state = state
        if state == ENGINE_ON and self._wake_timer is not None:
            self._wake_timer.stop()
            self._wake_timer = None
        if (screen := self.top_screen) is not None:
            screen.look_again()

    def note_engine(self) -> None:
        """An engine that somebody else has started meanwhile is one that runs."""
        if self.engine_state == ENGINE_OFF and self.session.engine.connected:
            self._engine_is(ENGINE_ON)

    def engine_words(self) -> str:
        """What helps while no engine runs; empty while one does."""
        if self.engine_state != ENGINE_OFF or not self.session.has_workspace:
            return ""
        keys = self.session.settings.keys.get(REFRESH) or by_id(REFRESH).keys[0]
        return f"{key_words(keys.partition(',')[0].strip())} starts the engine"

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

    def _pass_on(self, message: StoreChanged | EngineEvent) -> None:
        if isinstance(message, StoreChanged):
            self.note_engine()
            if "notice" in message.tables:
                self._tell_notices(on_return=False)
        elif message.event.get("event") == "engine-lost":
            self._engine_lost()
        if (screen := self.top_screen) is not None:
            screen.post_message(message)

    def _engine_lost(self) -> None:
        """Start another one, after a pause that grows where engines keep dying."""
        self._engine_is(ENGINE_OFF)
        now = self.session.now_ms()
        self._lost_at = [*(at for at in self._lost_at if at > now - _REMEMBER_MS), now]
        if self._wake_timer is not None:
            self._wake_timer.stop()
        pause = min(LONGEST_PAUSE_S, 2.0 ** (len(self._lost_at) - 1))
        self._wake_timer = self.set_timer(pause, self._wake_engine)

    def _tell_notices(self, *, on_return: bool) -> None:
        from mantik_tui.screens.notices import tell

        tell(self, on_return=on_return)

    async def on_event(self, event: events.Event) -> None:
        """As Textual does it; but a key waits until those before it have been handled."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._keys.may_pass(event):
            await super().on_event(event)
            self._keys.passed(event)

    def on_key_handled(self, message: KeyHandled) -> None:
        message.stop()
        self._keys.handled()

    def on_app_focus(self) -> None:
        self.has_focus = True
        if (screen := self.top_screen) is not None:
            screen.look_again()

    def on_app_blur(self) -> None:
        self.has_focus = False

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
        self._read_other_styles()
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

        self._read_other_styles()
        self.push_screen(ConfigFormScreen(config, project_id))

    def open_configs(self, project_id: int | None = None) -> None:
        from mantik_tui.screens.configs import ConfigsScreen

        self.show_screen(ConfigsScreen, project_id)

    def open_compare(self, run_ids: Sequence[int]) -> None:
        from mantik_tui.screens.compare import CompareScreen

        self.show_screen(CompareScreen, tuple(run_ids))

    def open_runs(self, filter_text: str | None = None) -> None:
        """The runs of all projects, narrowed by a filter if one is given."""
        if not self._has_workspace():
            return
        from mantik_tui.screens.runs import RunsScreen

        if filter_text is None:
            self.show_screen(RunsScreen)
        elif isinstance(self.screen, RunsScreen):
            self.screen.set_filter(filter_text)
        else:
            self.push_screen(RunsScreen(filter_text))

    def open_connect(self, origin: Offer | projects.WorkspaceRow | None) -> None:
        """The form that connects a server, filled in from an offer or from a workspace that is set up already."""
        from mantik_tui.screens.connect import ConnectScreen

        def left(opened: bool | None) -> None:
            if opened:
                self.workspace_opened()

        self.push_screen(ConnectScreen(self.session, origin), left)

    def workspace_opened(self) -> None:
        """Show the projects of the workspace that is open now, with nothing of another one behind them."""
        from mantik_tui.screens.projects import ProjectsScreen

        while len(self.screen_stack) > 1:
            self.pop_screen()
        if isinstance(self.screen, ProjectsScreen):
            self.screen.show_workspace()
        else:
            self.push_screen(ProjectsScreen())

    def action_go_projects(self) -> None:
        if not self._has_workspace():
            return
        from mantik_tui.screens.projects import ProjectsScreen

        self.show_screen(ProjectsScreen)

    def action_go_runs(self) -> None:
        self.open_runs()

    def action_go_configs(self) -> None:
        """The configurations of the project in sight, else all of them."""
        if self._has_workspace():
            self.open_configs(getattr(self.top_screen, "project_id", None))

    def _has_workspace(self) -> bool:
        if not self.session.has_workspace:
            self.notify("Connect a server or start the demo first", severity="warning")
        return self.session.has_workspace

    def action_go_active(self) -> None:
        if not self._has_workspace():
            return
        from mantik_tui.screens.active import ActiveScreen

        self.show_screen(ActiveScreen)

    def action_go_outbox(self) -> None:
        if not self._has_workspace():
            return
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

    # ------------------------------------------------------------ the program itself

    def action_help(self) -> None:
        from mantik_tui.screens.help import HelpScreen

        screen = self.top_screen
        if screen is not None and not isinstance(screen, HelpScreen):
            self.push_screen(HelpScreen(screen.SCREEN_ID))

    def action_command(self) -> None:
        from mantik_tui.screens.command_line import CommandLine
        from mantik_tui.screens.commands import run_command

        def entered(text: str | None) -> None:
            if text:
                run_command(self, text)

        self.push_screen(CommandLine(), entered)

    def action_refresh(self) -> None:
        from mantik_tui.workspace import live

        screen = self.top_screen
        if screen is not None and self.session.has_workspace:
            screen.run_verb(live.refresh, words="Asked server and sites for news")

    def action_theme(self) -> None:
        from mantik_tui.screens.themes import choose_theme

        if (screen := self.top_screen) is not None:
            choose_theme(screen)

    def keep_theme(self, name: str) -> None:
        """Change the colours, also for next time."""
        from mantik_tui.workspace.preferences import set_theme

        self.theme = name
        if (screen := self.top_screen) is not None:
            screen.run_verb(set_theme, name)

    async def action_quit(self) -> None:
        from mantik_tui.screens.leaving import ask_to_leave

        ask_to_leave(self)
