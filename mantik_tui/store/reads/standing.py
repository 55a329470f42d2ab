"""How things stand, and how lists are shown. In a module of its own, since the first paint needs only this."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass


def job_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Number of jobs in each state that is no end."""
    return dict(
        connection.execute(
            "SELECT state, count(*) FROM job WHERE state IN ('queued', 'running', 'finishing', 'suspended', 'unknown')"
            " GROUP BY state"
        ).fetchall()
    )


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    waiting: int
    blocked: int
    done_today: int


def outbox_counts(connection: sqlite3.Connection, today_ms: int) -> OutboxCounts:
    waiting, blocked = connection.execute(
        "SELECT coalesce(sum(state IN ('pending', 'sending')), 0), coalesce(sum(state IN ('blocked', 'unsure')), 0)"
        " FROM outbox WHERE state NOT IN ('done', 'cancelled')"
    ).fetchone()
    done = connection.execute(
        "SELECT count(*) FROM outbox WHERE state = 'done' AND updated_ms >= ?", (today_ms,)
    ).fetchone()[0]
    return OutboxCounts(waiting, blocked, done)


def lease_host(connection: sqlite3.Connection, since_ms: int) -> str:
    """The host whose engine holds the lease and renewed it since then; empty for none."""
    row = connection.execute("SELECT host FROM lease WHERE renewed_ms >= ?", (since_ms,)).fetchone()
    return "" if row is None else str(row[0])


def view_state(connection: sqlite3.Connection, place: str) -> dict[str, object]:
    """What was remembered of a view: columns, sort, filter; empty if nothing was."""
    row = connection.execute("SELECT value FROM view_state WHERE place = ?", (place,)).fetchone()
    return {} if row is None else json.loads(row[0])
