"""The app: wires session, theme, keymap and screens together, and passes the engine's notices on. Nothing else."""

from __future__ import annotations

import gc
from functools import partial
from typing import Any, ClassVar

from textual.app import App
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError
from mantik_tui.screens.base import EngineEvent, StoreChanged
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.styles import style_files


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
        self.animation_level = "none"
        session.engine._on_event = self._hear

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
            self.call_from_thread(
                self.notify, str(error), title="Working without the engine", severity="warning"
            )

    def _hear(self, event: dict[str, Any]) -> None:
        """From the engine's thread."""
        if event.get("event") == "changed":
            message: Any = StoreChanged(frozenset(event.get("tables", ())))
        else:
            message = EngineEvent(event)
        self.call_later(partial(self._pass_on, message))

    def _pass_on(self, message: Any) -> None:
        self.screen.post_message(message)
