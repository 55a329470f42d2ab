"""`python -m tests.bench [--only P1,P4] [--quick] [--page FILE] [--no-page]`: measure, print, write docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import (
    filters,
    idle,
    keys,
    live,
    logs,
    memory,
    plots,
    pulls,
    report,
    starts,
    weight,
)
from tests.bench.figures import Row, not_measured
from tests.bench.places import free_of_noise
from tests.bench.sizes import FULL, QUICK, Sizes

CALM = 0.7
"""Load under which figures are worth most."""
WAIT_S = 20.0
"""So long a part waits for a calm machine, then measures anyway and says what the load was."""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that are measured together."""

    lines: tuple[str, ...]
    measure: Callable[[Sizes], list[Row]]


PARTS = (
    Part(("P1", "P2"), starts.starts),
    Part(("P3",), starts.commands),
    Part(("P4",), keys.keys),
    Part(("P5",), keys.keys_beside_pull),
    Part(("P6",), filters.filters),
    Part(("P7",), memory.memory),
    Part(("P8", "P9"), pulls.pulls),
    Part(("P10",), live.ends),
    Part(("P11",), live.points),
    Part(("P14",), logs.large),
    Part(("P14",), logs.growing),
    Part(("P18",), idle.idle),
    Part(("P19",), plots.plots),
    Part(("P22",), weight.weights),
)
LINES = tuple(dict.fromkeys(line for part in PARTS for line in part.lines))


def measure(sizes: Sizes, wanted: Sequence[str], tell: Callable[[list[Row]], None]) -> list[Row]:
    """Measure all parts that have a wanted line. A part that fails gives lines that say so."""
    found: list[Row] = []
    for part in PARTS:
        if not set(part.lines) & set(wanted):
            continue
        if not sizes.quick:
            free_of_noise(CALM, WAIT_S)
        start = time.monotonic()
        rows = _measure_part(part, sizes)
        tell(rows)
        print(f"      ({time.monotonic() - start:.0f} s)", flush=True)
        found += rows
    return found


def _measure_part(part: Part, sizes: Sizes) -> list[Row]:
    """Measure one part; once more if that fails, since a busy machine makes programs miss their moment."""
    failure = ""
    for _ in range(2):
        try:
            return part.measure(sizes)
        except Exception as error:  # noqa: BLE001 - one part's failure must not cost the others
            traceback.print_exc()
            failure = f"{type(error).__name__}: {error}"
    return [not_measured(line, "measuring failed", failure) for line in part.lines]


def main(argv: Sequence[str] | None = None) -> int:
    """0 when everything was measured, whether or not a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default="", metavar="P1,P4", help="only these lines")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="little of everything, to see that it works; writes no page",
    )
    parser.add_argument("--page", type=Path, help="write this page instead of docs/performance.md")
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args(argv)
    wanted = [line.strip().upper() for line in options.only.split(",") if line.strip()] or LINES
    if unknown := set(wanted) - set(LINES):
        parser.error(
            f"not measured here: {', '.join(sorted(unknown))}; there are {', '.join(LINES)}"
        )
    start = time.monotonic()
    rows = measure(QUICK if options.quick else FULL, wanted, report.print_rows)
    rows = [row for row in rows if row.line in wanted]
    page: Path | None = options.page
    if page is None and not options.quick and not options.no_page:
        page = report.PAGE
    if page is not None:
        report.write_page(rows, page)
        print(f"\nwritten: {page}")
    print(f"{time.monotonic() - start:.0f} s, load now {os.getloadavg()[0]:.1f}")
    print("\n".join(report.misses(rows)) or "all targets are met")
    failed = [row for row in rows if row.what == "measuring failed"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
