"""`make bench` from end to end with little of everything, and the page that the full one has written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.figures import Row, Verdict
from tests.bench.places import ROOT

SECONDS = 900
REQUIRED = {f"P{number}" for number in (*range(1, 12), 14, 18, 22)}

pytestmark = [pytest.mark.acceptance("first-flight.9"), pytest.mark.timeout(SECONDS)]


def by_line(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.line, []).append(row)
    return found


def has_a_figure_or_a_reason(row: Row) -> bool:
    if row.verdict is Verdict.NOT_MEASURED:
        return bool(row.note)
    return any(letter.isdigit() for letter in row.measured)


def test_a_quick_bench_has_every_line(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    environment = {key: value for key, value in os.environ.items() if key != "MANTIK_TUI_HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--page", str(page)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lines = by_line(report.read_table(page.read_text()))
    assert set(lines) >= REQUIRED
    for rows in lines.values():
        for row in rows:
            assert has_a_figure_or_a_reason(row), row
    # Only a peer that can't be installed here may lack its figure.
    missing = {
        row.line for rows in lines.values() for row in rows if row.verdict is Verdict.NOT_MEASURED
    }
    assert missing <= {"P2", "P14"}


def test_the_page_has_every_line_of_the_full_bench_and_a_reason_for_each_miss() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    lines = by_line(report.read_table(text))
    assert set(lines) >= REQUIRED
    below = text.partition("## What misses its target, and why")[2]
    for rows in lines.values():
        for row in rows:
            assert has_a_figure_or_a_reason(row), row
            if row.verdict is Verdict.MISSED:
                assert "over" in row.note
                assert row.note.partition(". ")[2], f"{row.line} says no reason: {row.what}"
                assert f"**{row.line}**, {row.what}" in below


def test_the_figures_of_the_full_bench_are_those_of_large_stores() -> None:
    rows = report.read_table(report.PAGE.read_text(encoding="utf-8"))
    assert any("1,000,000 runs" in row.what for row in rows if row.line == "P4")
    assert any("10,000 runs" in row.what for row in rows if row.line == "P8")
