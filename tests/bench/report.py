"""The table: printed, and written to docs/performance.md. A part measured anew replaces its lines there."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import Row, Verdict
from tests.bench.places import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- figures: written by `make bench`, don't edit below -->"
_COLUMNS = ("#", "What", "Beside", "Target", "Measured", "Verdict", "Load")
HEAD = f"""\
# Performance

{BEGIN}
"""


def number(line: str) -> int:
    return int(line.removeprefix("P"))


def verdict_words(row: Row) -> str:
    note = f": {row.note}" if row.note else ""
    return f"{row.verdict}{note}"


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of a Markdown table."""
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    for row in rows:
        lines.append(
            _line(
                (
                    row.line,
                    row.what,
                    row.beside,
                    row.target,
                    row.measured,
                    verdict_words(row),
                    f"{row.load:.1f}",
                )
            )
        )
    return lines


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def read_table(text: str) -> list[Row]:
    """The rows of a table as `table` writes them."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == len(_COLUMNS) and re.fullmatch(r"P[0-9]+", cells[0]):
            name, what, beside, target, measured, words, load = cells
            verdict = max((one for one in Verdict if words.startswith(one)), key=len)
            note = words.removeprefix(verdict).removeprefix(": ")
            rows.append(Row(name, what, beside, target, measured, verdict, note, float(load)))
    return rows


def merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The old rows with all lines replaced that were measured anew, in the order of their numbers."""
    fresh = {row.line for row in new}
    return sorted(
        [*(row for row in old if row.line not in fresh), *new], key=lambda row: number(row.line)
    )


def misses(rows: Sequence[Row]) -> list[str]:
    """What is not as it should be, a line each, with the reason."""
    return [
        f"- **{row.line}**, {row.what}: {row.measured if row.verdict is Verdict.MISSED else 'no figure'}; {row.note}"
        for row in rows
        if row.verdict in (Verdict.MISSED, Verdict.NOT_MEASURED)
    ]


def machine() -> str:
    """Where it was measured, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores ({_cpu()}), {memory:.0f} GB, {platform.system()} {platform.release().split('-')[0]},"
        f" Python {platform.python_version()}, Textual {version('textual')}, SQLite {sqlite3.sqlite_version},"
        f" MLflow {version('mlflow')}"
    )


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"model name\s*: (.*)", text)
    return found.group(1).replace("(R)", "").strip() if found else platform.machine()


def page(old: str, rows: Sequence[Row], now: datetime) -> str:
    """The page with this table; what stands above the mark stays as it is."""
    head = old.partition(BEGIN)[0] if BEGIN in old else HEAD.partition(BEGIN)[0]
    missed = misses(rows)
    met = sum(1 for row in rows if row.verdict is Verdict.MET)
    parts = [
        head.rstrip() + "\n",
        BEGIN + "\n",
        f"Last measured {now:%d %B %Y} on {machine()}.\n",
        f"{met} of {met + len(missed)} targets are met.\n",
        "\n".join(table(rows)) + "\n",
        "## What misses its target, and why\n",
        ("\n".join(missed) if missed else "Nothing.") + "\n",
    ]
    return "\n".join(parts)


def write_page(rows: Sequence[Row], path: Path = PAGE) -> list[Row]:
    """Write the page, older lines that were not measured now kept; returns all rows that it has."""
    old = path.read_text(encoding="utf-8") if path.exists() else HEAD
    whole = merged(read_table(old), rows)
    path.write_text(page(old, whole, datetime.now(UTC)), encoding="utf-8")
    return whole


def print_rows(rows: Sequence[Row]) -> None:
    """For people: a block a row, since a table of these does not fit a terminal."""
    for row in rows:
        beside = f" beside {row.beside}" if row.beside != "-" else ""
        target = f"  target {row.target}" if row.target != "-" else ""
        print(
            f"{row.line:>4}  {row.what}{beside}\n      {row.measured}{target}  {verdict_words(row)}"
        )
    sys.stdout.flush()
