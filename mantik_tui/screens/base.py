"""What all screens share: the session, the action table's bindings, and the reaction to news in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.message import Message


@dataclass
class StoreChanged(Message):
    """Tables of the local database have changed. Only the newest of several is kept in the queue, with all tables."""

    tables: frozenset[str]

    def can_replace(self, message: Message) -> bool:
        if isinstance(message, StoreChanged):
            self.tables = self.tables | message.tables
            return True
        return False


@dataclass
class EngineEvent(Message):
    """Something else that the engine said: `progress`, `ask`, `engine-lost`."""

    event: dict[str, Any]
