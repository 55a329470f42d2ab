"""What a `LogView` tells its screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from mantik_tui.widgets.log_view import LogView


@dataclass
class LogMessage(Message):
    """Base of a log's messages; `on(LogView.FollowChanged, "#log")` picks one log by its id."""

    view: LogView

    @property
    def control(self) -> LogView:
        return self.view


@dataclass
class FollowChanged(LogMessage, namespace="log_view"):
    """Following the end began or ceased."""

    following: bool


@dataclass
class SearchChanged(LogMessage, namespace="log_view"):
    """A search began, found more, jumped or ended.

    `count` are its matches, None until all is searched; `at` is the number of the one that was reached, from 1.
    """

    count: int | None
    at: int | None

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SearchChanged) and message.view is self.view


@dataclass
class PositionChanged(LogMessage, namespace="log_view"):
    """Another last visible line (from 1; 0 in an empty log), or another number of lines."""

    line: int
    total: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PositionChanged) and message.view is self.view


@dataclass
class ThreadProgress(Message, bubble=False, namespace="log_view"):
    """A thread got on. `subject` is the index, search or filter that it works for. For the view itself."""

    subject: object
    done: bool

    def can_replace(self, message: Message) -> bool:
        mine = isinstance(message, ThreadProgress) and message.subject is self.subject
        return mine and not self.done
