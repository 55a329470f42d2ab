"""Filters by params: numbers are compared as numbers, texts by their parts, and common values don't cost a scan."""

from __future__ import annotations

import sqlite3

import pytest

from mantik_tui.domain.filters import parse_filter
from mantik_tui.store import run_filter
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.runs import Scope, run_ids
from tests.support.store_fill import NOW_MS, fill_store

RUNS = 5000


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    path = tmp_path_factory.mktemp("params") / "mantik.db"
    fill_store(path, runs=RUNS)
    return Store(path).connection


def found(connection: sqlite3.Connection, text: str) -> set[int]:
    return set(run_ids(connection, Scope(), parse_filter(text), now_ms=NOW_MS))


def expected(connection: sqlite3.Connection, name: str, test: str) -> set[int]:
    rows = connection.execute(
        f"SELECT p.run_id FROM param p JOIN key k ON k.id = p.key_id WHERE k.name = ? AND {test}",
        (name,),
    )
    return {row[0] for row in rows}


@pytest.mark.parametrize(
    ("text", "name", "test"),
    [
        ("lr=1e-4", "lr", "p.value = '0.0001'"),
        ("lr=0.001", "lr", "p.value = '0.001'"),
        ("lr=0.5", "lr", "0"),
        ("lr<0.001", "lr", "CAST(p.value AS REAL) < 0.001"),
        ("batch>=128", "batch", "p.value IN ('128', '256')"),
        ("arch:resnet", "arch", "p.value LIKE 'resnet%'"),
        ("arch=unet", "arch", "p.value = 'unet'"),
        ("arch!=unet", "arch", "p.value <> 'unet'"),
        ("arch:nothing", "arch", "0"),
    ],
)
@pytest.mark.parametrize("distinct", [run_filter.DISTINCT, 1])
def test_params_are_found(
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    name: str,
    test: str,
    distinct: int,
) -> None:
    """By looking at each value once, and, where there are too many values, at each run."""
    monkeypatch.setattr(run_filter, "DISTINCT", distinct)
    assert found(connection, text) == expected(connection, name, test)


def test_a_value_that_no_run_has_costs_few_steps(connection: sqlite3.Connection) -> None:
    """However many runs there are: the filter looks at the few values that a param has, not at its runs."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 100)
    try:
        assert found(connection, "lr=0.5") == set()
    finally:
        connection.set_progress_handler(None, 0)
    assert steps * 100 < RUNS
