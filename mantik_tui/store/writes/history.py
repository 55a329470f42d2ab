"""Metric histories, appended in chunks of doubles."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Sequence

from mantik_tui.store.writes.keys import key_number

CHUNK = 4096
"""Points in a chunk."""


def append_points(
    connection: sqlite3.Connection,
    run_id: int,
    key: str,
    points: Sequence[tuple[int, int, float]],
    now_ms: int,
    *,
    complete: bool = True,
) -> int:
    """Append (step, time in ms, value) in step order. Points that are stored already are skipped, so that a tail may
    overlap. Returns how many were new.

    A resumed training that counts from an earlier step logs steps again: its points come after those that are stored, and
    both are kept, as the server keeps both.
    """
    number = key_number(connection, "metric", key)
    state = connection.execute(
        "SELECT count, last_step FROM series WHERE run_id = ? AND key_id = ?", (run_id, number)
    ).fetchone()
    have = _tail(connection, run_id, number, points[0][0]) if state and points else set()
    fresh = [point for point in points if _identity(point) not in have]
    if fresh:
        _append(connection, run_id, number, fresh)
    count = (state[0] if state else 0) + len(fresh)
    last = max([state[1] if state else 0, *(point[0] for point in fresh)])
    last_ms = max((point[1] for point in points), default=0)
    connection.execute(
        "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count,"
        " last_step = excluded.last_step, last_ms = max(last_ms, excluded.last_ms), complete = excluded.complete,"
        " as_of_ms = excluded.as_of_ms",
        (run_id, number, count, last, last_ms, int(complete), now_ms),
    )
    return len(fresh)


def _identity(point: tuple[int, int, float]) -> tuple[int, int, float | str]:
    """NaN differs from itself, so that it is compared by name."""
    step, at_ms, value = point
    return step, at_ms, "nan" if math.isnan(value) else value


def _tail(
    connection: sqlite3.Connection, run_id: int, key_id: int, first_step: int
) -> set[tuple[int, int, float | str]]:
    found: set[tuple[int, int, float | str]] = set()
    for steps, times, values in connection.execute(
        "SELECT steps, times, vals FROM series_chunk WHERE run_id = ? AND key_id = ? AND last_step >= ?",
        (run_id, key_id, first_step),
    ):
        a, b, c = array("q", steps), array("q", times), array("d", values)
        found.update(
            _identity(point) for point in zip(a, b, c, strict=True) if point[0] >= first_step
        )
    return found


def _append(
    connection: sqlite3.Connection,
    run_id: int,
    key_id: int,
    points: Sequence[tuple[int, int, float]],
) -> None:
    row = connection.execute(
        "SELECT seq, count, steps, times, vals FROM series_chunk WHERE run_id = ? AND key_id = ?"
        " ORDER BY seq DESC LIMIT 1",
        (run_id, key_id),
    ).fetchone()
    if row is not None and row[1] < CHUNK:
        seq, steps, times, values = (
            row[0],
            array("q", row[2]),
            array("q", row[3]),
            array("d", row[4]),
        )
    else:
        seq, steps, times, values = (row[0] + 1 if row else 0), array("q"), array("q"), array("d")
    for start in range(0, len(points), CHUNK):
        for step, at_ms, value in points[start : start + CHUNK]:
            if len(steps) == CHUNK:
                _put(connection, run_id, key_id, seq, steps, times, values)
                seq, steps, times, values = seq + 1, array("q"), array("q"), array("d")
            steps.append(step)
            times.append(at_ms)
            values.append(value)
    _put(connection, run_id, key_id, seq, steps, times, values)


def _put(
    connection: sqlite3.Connection,
    run_id: int,
    key_id: int,
    seq: int,
    steps: array[int],
    times: array[int],
    values: array[float],
) -> None:
    finite = [value for value in values if not math.isnan(value)]
    connection.execute(
        "INSERT OR REPLACE INTO series_chunk VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (run_id, key_id, seq, len(steps), min(steps), max(steps), min(finite, default=None), max(finite, default=None),
         steps.tobytes(), times.tobytes(), values.tobytes()),
    )  # fmt: skip


def forget_series(connection: sqlite3.Connection, run_id: int, key: str) -> None:
    """Drop a stored history, to be read anew."""
    number = key_number(connection, "metric", key)
    for table in ("series", "series_chunk"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ? AND key_id = ?", (run_id, number))
