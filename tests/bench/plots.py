"""P19: eight long histories plotted, and a point added."""

from __future__ import annotations

import contextlib
import math
import sys

from mantik_tui.store.connect import Store
from mantik_tui.store.writes.history import append_points
from tests.bench.figures import Row, figure, limit_row, middle
from tests.bench.places import PEERS, filled_store, new_home
from tests.bench.sizes import Sizes
from tests.bench.terminal import open_program

SERIES = 8


def plots(sizes: Sizes) -> list[Row]:
    """P19, from the key to the complete paint: reading the store, thinning, drawing."""
    with new_home(filled_store(sizes.start, sizes.projects)) as home:
        with contextlib.closing(Store(home.database)) as store, store.transaction() as connection:
            for run in range(1, SERIES + 1):
                made = [
                    (step, step * 1000, math.exp(-step / 30_000) + math.sin(step * run) / 20)
                    for step in range(sizes.points)
                ]
                append_points(connection, run, "rmse", made, 0)
        argv = [sys.executable, str(PEERS / "plot_app.py"), str(home.database)]
        with open_program(argv, home.env) as program:
            program.seconds_until("nothing yet")
            program.settle(0.5)
            first = []
            for _ in range(max(3, sizes.starts)):
                first.append(program.key_until("p", "run 1") * 1e3)
                program.settle(0.3)
                program.press("c", quiet=0.3)
            program.press("p", quiet=0.5)
            fresh = [program.measure("n") for _ in range(max(5, sizes.starts))]
    what = f"plot of {SERIES} runs × {sizes.points:,} points"
    times = [cost.last_ms for cost in fresh if cost.bytes]
    return [
        limit_row(
            "P19",
            f"{what}: key to picture, reading included",
            value=middle(first),
            limit=150,
            unit="ms",
            detail=f"median of {len(first)}, largest {figure(max(first), 'ms')}; 120x40",
        ),
        limit_row(
            "P19",
            f"{what}: a new point",
            value=middle(times),
            limit=40,
            unit="ms",
            detail=f"median of {len(times)}, largest {figure(max(times), 'ms')}",
        ),
    ]
