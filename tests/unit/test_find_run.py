"""Finding a run by what a person calls it: name, id, the beginning of either, the end of an id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mantik_tui.domain.errors import Ambiguous, NotFound
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.runs import Scope, find_run

CID = "018bcfe5-6800-7000-8000-00000000000"
RUNS = [
    (1, 1, CID + "1", "aa11" + "0" * 24 + "beef", "quiet-owl-1"),
    (2, 1, None, "aa22" + "0" * 22 + "c0ffee", "quiet-owl-12"),
    (3, 1, None, "bb33" + "0" * 22 + "c0ffed", "quiet-owl-12"),
    (4, 2, None, "cc44" + "0" * 22 + "c0ffee", "ab"),
    (5, 1, None, "dd55" + "0" * 28, "a*b[c]?"),
    (6, 1, None, "ee66" + "0" * 28, "aa11" + "0" * 24 + "beef-name"),
    (7, 1, CID + "7", None, "not-sent"),
]


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    store = Store(tmp_path / "mantik.db")
    store.connection.executemany(
        "INSERT INTO run (id, workspace_id, experiment_id, cid, server_id, name, status)"
        " VALUES (?, ?, 1, ?, ?, ?, 'FINISHED')",
        RUNS,
    )
    yield store.connection
    store.close()


@pytest.mark.parametrize(
    ("text", "run"),
    [
        (CID + "1", 1), (RUNS[1][3], 2), ("quiet-owl-1", 1), ("aa2", 2), ("not", 7), ("a*b[c]?", 5), ("a*b", 5),
        ("0ffed", None), ("c0ffed", 3), ("00beef", 1), ("00000000007", 7), ("c0ffee", 2), ("zz", None), ("aa", None),
        ("QUIET", None), ("quiet_owl_1", None), (RUNS[0][3], 1),
    ],
)  # fmt: skip
def test_one_run_is_found(base: sqlite3.Connection, text: str, run: int | None) -> None:
    scope = Scope(workspace_id=1)
    if run is None:
        with pytest.raises(NotFound):
            find_run(base, text, scope)
    else:
        assert find_run(base, text, scope) == run


def test_several_are_told_with_ends_of_ids_that_find_them(base: sqlite3.Connection) -> None:
    with pytest.raises(Ambiguous) as told:
        find_run(base, "quiet-owl-12", Scope(workspace_id=1))
    ends = [part.partition("(")[2].rstrip(")") for part in told.value.cause.split(", ")]
    assert [find_run(base, end, Scope(workspace_id=1)) for end in ends] == [2, 3]
    with pytest.raises(Ambiguous):
        find_run(base, "c0ffee")
    with pytest.raises(Ambiguous):
        find_run(base, "quiet")
    assert find_run(base, "ab", Scope(workspace_id=2)) == 4


def test_no_look_reads_the_table_from_end_to_end(base: sqlite3.Connection) -> None:
    asked: list[str] = []
    base.set_trace_callback(asked.append)
    with pytest.raises(NotFound):
        find_run(base, "0123456789abcdef", Scope(workspace_id=1))
    base.set_trace_callback(None)
    plans = [
        base.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        for sql in asked
        if "FROM run WHERE" in sql
    ]
    assert len(plans) >= 7
    assert [step[3] for plan in plans for step in plan if step[3] == "SCAN run"] == []
