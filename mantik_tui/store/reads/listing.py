"""What lists of runs need besides their rows: names of projects and experiments, and all values of many runs at once."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence


def project_names(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Names of projects by their row ids."""
    return _names(connection, "project", ids)


def experiment_names(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Names of experiments by their row ids."""
    return _names(connection, "experiment", ids)


def _names(connection: sqlite3.Connection, table: str, ids: Iterable[int]) -> dict[int, str]:
    marks = ",".join(map(str, map(int, ids)))
    return dict(
        connection.execute(f"SELECT id, name FROM {table} WHERE id IN ({marks})").fetchall()
    )


def all_values(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> dict[int, tuple[dict[str, float], dict[str, str]]]:
    """Latest metrics and params of each run in `ids`, by its row id and in order of their names."""
    found: dict[int, tuple[dict[str, float], dict[str, str]]] = {run: ({}, {}) for run in ids}
    marks = ",".join(map(str, found))
    for run, name, value, is_nan in connection.execute(
        "SELECT m.run_id, k.name, m.value, m.is_nan FROM metric m JOIN key k ON k.id = m.key_id"
        f" WHERE m.run_id IN ({marks}) ORDER BY k.name"
    ):
        found[run][0][name] = math.nan if is_nan else value
    for run, name, value in connection.execute(
        "SELECT p.run_id, k.name, p.value FROM param p JOIN key k ON k.id = p.key_id"
        f" WHERE p.run_id IN ({marks}) ORDER BY k.name"
    ):
        found[run][1][name] = value
    return found
