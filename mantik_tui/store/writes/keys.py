"""Numbers of metric, param and tag names."""

from __future__ import annotations

import sqlite3


def key_number(connection: sqlite3.Connection, kind: str, name: str) -> int:
    """The number of `name` among the names of `kind` (metric, param, tag), made when it is new."""
    row = connection.execute(
        "SELECT id FROM key WHERE kind = ? AND name = ?", (kind, name)
    ).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO key (kind, name) VALUES (?, ?) RETURNING id", (kind, name)
        ).fetchone()
    return int(row[0])


class Keys:
    """The same with what was found kept, for one bulk write; numbers never change, so that it may live on."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def number(self, connection: sqlite3.Connection, kind: str, name: str) -> int:
        found = self._known.get((kind, name))
        if found is None:
            found = self._known[kind, name] = key_number(connection, kind, name)
        return found

    def forget(self) -> None:
        """To be called when a transaction that may have made numbers was rolled back."""
        self._known.clear()
