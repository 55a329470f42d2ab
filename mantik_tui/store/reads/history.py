"""Reads of metric histories and artifacts."""

from __future__ import annotations

import sqlite3
from array import array
from dataclasses import dataclass

from mantik_tui.domain.run import Artifact, HistoryInfo


@dataclass(frozen=True, slots=True)
class Points:
    """A metric's history in stored order."""

    steps: array[int]
    times_ms: array[int]
    values: array[float]


def points(connection: sqlite3.Connection, run_id: int, key: str) -> Points:
    """All stored points of one metric; empty arrays if none is stored."""
    found = Points(array("q"), array("q"), array("d"))
    for steps, times, values in connection.execute(
        "SELECT c.steps, c.times, c.vals FROM series_chunk c JOIN key k ON k.id = c.key_id"
        " WHERE c.run_id = ? AND k.kind = 'metric' AND k.name = ? ORDER BY c.seq",
        (run_id, key),
    ):
        found.steps.frombytes(steps)
        found.times_ms.frombytes(times)
        found.values.frombytes(values)
    return found


def histories(connection: sqlite3.Connection, run_id: int) -> list[HistoryInfo]:
    """Which metrics' histories are stored, and how far."""
    return [
        HistoryInfo(row[0], row[1], row[2], bool(row[3]), row[4])
        for row in connection.execute(
            "SELECT k.name, s.count, s.last_step, s.complete, s.as_of_ms FROM series s JOIN key k ON k.id = s.key_id"
            " WHERE s.run_id = ? ORDER BY k.name",
            (run_id,),
        )
    ]


def artifacts(
    connection: sqlite3.Connection, run_id: int, folder: str | None = None
) -> list[Artifact]:
    """A run's artifacts as last listed: all known ones, or the direct children of `folder` (`""` for the top)."""
    rows = [
        Artifact(*(row[0], bool(row[1]), *row[2:]))
        for row in connection.execute(
            "SELECT path, is_dir, size, as_of_ms, local_path FROM artifact WHERE run_id = ? ORDER BY is_dir DESC, path",
            (run_id,),
        )
    ]
    if folder is None:
        return rows
    return [row for row in rows if row.path.rpartition("/")[0] == folder]


def artifacts_as_of(connection: sqlite3.Connection, run_id: int, folder: str = "") -> int | None:
    """When this folder of artifacts was listed last, None if never."""
    row = connection.execute(
        "SELECT as_of_ms FROM artifact_dir WHERE run_id = ? AND path = ?", (run_id, folder)
    ).fetchone()
    return None if row is None else int(row[0])


def extremes(
    connection: sqlite3.Connection, run_id: int
) -> dict[str, tuple[float | None, float | None]]:
    """Smallest and largest stored value of each metric whose history is stored; None where all points are NaN."""
    return {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            "SELECT k.name, min(c.min), max(c.max) FROM series_chunk c JOIN key k ON k.id = c.key_id"
            " WHERE c.run_id = ? GROUP BY c.key_id",
            (run_id,),
        )
    }
