"""Lists as files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.workspace.exports import export, run_table
from mantik_tui.workspace.session import Session
from tests.support.ui import make_session


@pytest.fixture
def session() -> Session:
    return make_session(runs=60)


def test_csv_and_json_hold_the_same_runs_in_order(session: Session, tmp_path: Path) -> None:
    def table(session: Session) -> object:
        return run_table([2, 4, 7], ["loss"], ["lr"], session)

    assert export(session, table, tmp_path / "runs.csv") == 3  # type: ignore[arg-type]
    assert export(session, table, tmp_path / "runs.json") == 3  # type: ignore[arg-type]
    records = json.loads((tmp_path / "runs.json").read_text())
    assert [record["id"][-1] for record in records] == ["2", "4", "7"]
    assert records[2]["metrics.loss"] == "nan"
    assert records[0]["params.lr"] == "0.001"
    lines = (tmp_path / "runs.csv").read_text().splitlines()
    assert lines[0].startswith("id,name,status")
    assert len(lines) == 4


def test_nothing_is_overwritten(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    with pytest.raises(BadInput):
        export(session, lambda _: [], path)
    assert path.read_text() == "mine"


def test_other_endings_and_closed_folders_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        export(session, lambda _: [], tmp_path / "x.xlsx")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(MantikError):
        export(session, lambda _: [{"value": math.inf}], blocked / "x.csv")
