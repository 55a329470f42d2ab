"""The bench's own logic: verdicts follow from figures, the page keeps what was not measured anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench import report, weight
from tests.bench.__main__ import LINES, PARTS, main, measure
from tests.bench.figures import (
    Row,
    Verdict,
    figure,
    limit_row,
    not_measured,
    percentile,
    ratio_row,
    stated,
)
from tests.bench.replay import prefixed
from tests.bench.sizes import QUICK, Sizes

REQUIRED = {f"P{number}" for number in (*range(1, 12), 14, 18, 22)}
WHEN = datetime(2026, 11, 24, tzinfo=UTC)


def test_every_required_line_is_measured_by_some_part() -> None:
    assert set(LINES) >= REQUIRED
    assert {line for part in PARTS for line in part.lines} == set(LINES)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)]
)
def test_a_percentile_is_a_value_that_occurred(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 ms"), (3, "3 ms"), (0.0421, "0.042 ms"), (3.456, "3.46 ms"), (34.56, "34.6 ms"), (1234.5, "1,234 ms")],
)  # fmt: skip
def test_figures_have_digits_that_mean_something(value: float, text: str) -> None:
    assert figure(value, "ms") == text


def test_a_ratio_at_its_limit_is_met_and_above_it_says_by_how_much_and_why() -> None:
    at = ratio_row(
        "P1", "start", mine=135, peer=100, limit=1.35, unit="ms", beside="hello", why="x"
    )
    assert (at.verdict, at.note) == (Verdict.MET, "")
    assert at.measured == "1.35 × (135 ms / 100 ms)"
    over = ratio_row(
        "P1", "start", mine=270, peer=100, limit=1.35, unit="ms", beside="hello", why="x"
    )
    assert (over.verdict, over.note) == (Verdict.MISSED, "100 % over. x")


def test_a_limit_of_nothing_is_missed_by_anything() -> None:
    assert limit_row("P18", "bytes", value=0, limit=0, unit="B/s").verdict is Verdict.MET
    assert limit_row("P18", "bytes", value=1, limit=0, unit="B/s").verdict is Verdict.MISSED


ROWS = [
    limit_row("P9", "requests | bytes", value=5, limit=5, unit=""),
    ratio_row("P4", "key", mine=9, peer=10, limit=0.4, unit="ms", beside="DataTable", why="a reason: long"),
    stated("P5", "p50", "1.1 ×", note="for orientation"),
    not_measured("P2", "the same", "wandb can't be installed here", beside="leet", target="≤ 0.65 ×"),
]  # fmt: skip


def test_what_is_written_is_read_back() -> None:
    found = report.read_table("\n".join(report.table(ROWS)))
    assert [row.line for row in found] == ["P9", "P4", "P5", "P2"]
    assert [row.verdict for row in found] == [
        Verdict.MET,
        Verdict.MISSED,
        Verdict.STATED,
        Verdict.NOT_MEASURED,
    ]
    assert found[1].note == ROWS[1].note
    assert found[0].what == "requests / bytes"
    assert report.read_table("\n".join(report.table(found))) == found


def test_the_page_keeps_its_head_and_the_lines_that_were_not_measured(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Mine\n\nWritten by hand.\n\n{report.BEGIN}\n\nold words\n")
    report.write_page(ROWS, page)
    report.write_page([limit_row("P9", "requests", value=7, limit=5, unit="")], page)
    text = page.read_text()
    assert text.startswith("# Mine\n\nWritten by hand.\n")
    assert "old words" not in text
    rows = report.read_table(text)
    assert [row.line for row in rows] == ["P2", "P4", "P5", "P9"]
    assert rows[3].verdict is Verdict.MISSED


def test_the_page_names_what_is_missed_with_the_reason() -> None:
    text = report.page("", ROWS, WHEN)
    below = text.partition("## What misses its target, and why")[2]
    assert "**P4**" in below
    assert "a reason: long" in below
    assert "**P2**" in below
    assert "wandb can't be installed here" in below
    assert "**P9**" not in below


def test_a_part_that_fails_costs_only_its_own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_sizes: Sizes) -> list[Row]:
        raise TimeoutError("no engine runs")

    def works(_sizes: Sizes) -> list[Row]:
        return [stated("P3", "help", "40 ms")]

    from tests.bench import __main__ as program

    monkeypatch.setattr(
        program, "PARTS", (program.Part(("P1", "P2"), fails), program.Part(("P3",), works))
    )
    told: list[Row] = []
    rows = measure(QUICK, ["P1", "P3"], told.extend)
    assert [(row.line, row.verdict) for row in rows] == [
        ("P1", Verdict.NOT_MEASURED),
        ("P2", Verdict.NOT_MEASURED),
        ("P3", Verdict.STATED),
    ]
    assert "no engine runs" in rows[0].note
    assert told == rows


def test_an_unknown_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "P99"])
    assert "P99" in capsys.readouterr().err


def test_copies_of_recorded_runs_are_other_runs() -> None:
    page = b'{"runs": [{"info": {"run_id": "ab", "run_uuid": "ab", "experiment_id": "1"}}]}'
    first, second = prefixed(page, 0), prefixed(page, 1)
    assert first != second
    assert b'"run_id": "gab"' in first
    assert b'"run_uuid": "hab"' in second
    assert b'"experiment_id": "h1"' in second


def test_pins_keep_the_marker_that_tells_pythons_apart() -> None:
    lines = [
        "numpy==2.4.6 ; python_version < '3.12' \\",
        "    --hash=sha256:abc \\",
        "# a remark",
        "click==8.5.1 \\",
    ]
    assert weight._pins(lines) == ["numpy==2.4.6 ; python_version < '3.12'", "click==8.5.1"]
