"""What the tests of screens share: a session over a filled database without any engine, and ways to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from mantik_tui import paths
from mantik_tui.app import MantikApp
from mantik_tui.domain.errors import EngineProblem
from mantik_tui.settings import load_settings
from mantik_tui.store.connect import Store
from mantik_tui.sync.client import EngineLink
from mantik_tui.workspace.session import Session, apply_settings, choose_workspace
from tests.support.store_fill import NOW_MS, fill_store


class FakeEngine(EngineLink):
    """Stands for the engine: records what it is asked, answers from `answers`, and lets a test speak in its place."""

    def __init__(self, *, running: bool = True) -> None:
        super().__init__(lambda: None)
        self.running = running
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        """Verb to its answer; an exception is raised, a callable is called with the arguments."""

    @property
    def connected(self) -> bool:
        return self.running

    def connect(self) -> bool:
        return self.running

    def ensure(self, timeout_s: float = 0.0) -> None:
        if not self.running:
            raise EngineProblem("The engine could not be started", "this test has none")

    def request(self, verb: str, timeout_s: float = 60.0, **args: Any) -> Any:
        self.asked.append((verb, args))
        answer = self.answers.get(verb)
        if isinstance(answer, Exception):
            raise answer
        return answer(**args) if callable(answer) else answer

    def notify(self, verb: str, **args: Any) -> None:
        self.told.append((verb, args))

    def say(self, event: str, **fields: Any) -> None:
        """As if the engine had sent this event."""
        if self._on_event is not None:
            self._on_event({"event": event, **fields})

    def close(self) -> None:
        pass


def make_session(
    *,
    filled: bool = True,
    projects: int = 6,
    runs: int = 600,
    engine: FakeEngine | None = None,
    now_ms: Callable[[], int] = lambda: NOW_MS,
) -> Session:
    """A session in this test's home. `filled=False` leaves the database empty: no workspace is set up."""
    if filled:
        fill_store(paths.database(), projects=projects, runs=runs)
    store = Store(paths.database())
    settings = load_settings()
    apply_settings(store, settings)
    return Session(
        store,
        settings,
        choose_workspace(store, settings, None),
        engine or FakeEngine(),
        now_ms,
    )


def make_app(session: Session | None = None, **options: Any) -> MantikApp:
    """The app over such a session."""
    return MantikApp(session or make_session(**options))


async def settle(pilot: Pilot[None]) -> None:
    """Wait until all workers have ended and what they said was handled."""
    for _ in range(3):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[None], condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for a condition, which is looked at after each round of messages."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await pilot.pause(0.01)


def said(app: MantikApp) -> str:
    """All that was notified so far."""
    return "\n".join(notice.message for notice in app._notifications)


def screen_text(app: MantikApp) -> str:
    """What stands on the screen, as text."""
    width, height = app.size
    lines = []
    for strip in app.screen._compositor.render_strips():
        lines.append("".join(segment.text for segment in strip)[:width].rstrip())
    return "\n".join(lines[:height])
