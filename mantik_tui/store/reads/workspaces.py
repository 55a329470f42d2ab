"""Reads of workspaces. In a module of its own, since every command opens one and few need the rest."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    id: int
    name: str
    tracking_uri: str
    username: str
    auth: str
    ca_file: str
    state: str
    reason: str
    server_version: str
    round_ms: int | None
    """When the last complete round ended: what is shown is as of then."""


def workspaces(connection: sqlite3.Connection) -> list[WorkspaceRow]:
    return [
        WorkspaceRow(*row)
        for row in connection.execute(
            "SELECT id, name, tracking_uri, username, auth, ca_file, state, reason, server_version, round_ms"
            " FROM workspace ORDER BY id"
        )
    ]
