"""Keys in the order in which they were typed, each sent to what has the focus once those before it were handled.

Textual sends a key to the focused widget as soon as it arrives. Over a slow line several keys arrive at once: of `/quick`
the `q` would then still go to the list, where it means to quit, since `/` has not moved the focus yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.app import App

LONGEST_S = 1.0
"""A key that was not handled by then holds up no other: an action may wait, or its widget may be gone."""


class KeyHandled(Message):
    """Goes the way of a key, right behind it, up to the app: when it gets there the key has been handled."""


class KeyOrder:
    """Holds keys back while one is under way."""

    def __init__(self, app: App[None], send: Callable[[events.Key], object]) -> None:
        self._app = app
        self._send = send
        self._waiting: deque[events.Key] = deque()
        self._under_way_since: float | None = None

    def may_pass(self, key: events.Key) -> bool:
        """Whether a fresh key can be sent now; if not it is kept, and sent later."""
        if self._under_way_since is None or key.time - self._under_way_since > LONGEST_S:
            return True
        self._waiting.append(key)
        self._app.set_timer(LONGEST_S, self._next)
        return False

    def passed(self, key: events.Key) -> None:
        """The key was sent to what has the focus. What is typed into a line moves no focus, so that none waits for it."""
        target = self._app.focused or self._app.screen
        if key.is_printable and isinstance(target, Input):
            self._under_way_since = None
            if self._waiting:
                self._app.call_later(self._next)
            return
        self._under_way_since = key.time
        if not target.post_message(KeyHandled()):
            self._under_way_since = None

    def handled(self) -> None:
        """The key under way was handled. What it set going, such as moving the focus, may take some messages more."""
        if self._waiting:
            self._app.screen.call_after_refresh(self._next)
        else:
            self._app.call_later(self._next)

    def _next(self) -> None:
        screen = self._app.screen
        if self._waiting and not screen.is_mounted:
            screen.call_after_refresh(self._next)
            return
        self._under_way_since = None
        if self._waiting:
            self._send(self._waiting.popleft())
