"""P6: how soon a filter over all runs finds something."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import partial

from mantik_tui.domain.filters import parse_filter
from mantik_tui.store.connect import Store
from mantik_tui.store.reads import runs
from tests.bench.figures import Row, figure, limit_row, middle, percentile, stated
from tests.bench.keys import open_runs
from tests.bench.places import filled_store, new_home
from tests.bench.sizes import Sizes
from tests.support.store_fill import NOW_MS

FIRST = 200
"""Rows that the screen shows at once."""
PARTIAL_S = 0.1
"""After so long the screen shows what was found until then."""
INDEXED: dict[str, Callable[[random.Random], str]] = {
    "status": lambda rnd: (
        f"status:{rnd.choice(('running', 'failed', 'killed', 'finished', 'scheduled'))}"
    ),
    "metric": lambda rnd: (
        f"{rnd.choice(('rmse', 'loss', 'val_loss', 'mae'))}<{rnd.uniform(0.0305, 0.5):.4f}"
    ),
    "param": lambda rnd: rnd.choice(
        ("lr=0.0001", "batch=64", "arch=resnet-12", "seed=7", "lr=0.5")
    ),
    "label": lambda rnd: f"tags.label={rnd.choice(('best', 'final', 'draft'))}",
    "part of a name, 3 letters or more": lambda rnd: rnd.choice(
        ("calm", "otter-9", "heron", "finch-33", "raven-96", "nothing-like-it", "stoat-1", "zzz")
    ),
}
OTHER: dict[str, Callable[[random.Random], str]] = {
    "two kinds at once": lambda rnd: f"status:failed rmse<{rnd.uniform(0.041, 0.06):.4f} lr=0.0001",
    "one letter of a name": lambda rnd: rnd.choice(("x", "q", "z", "9")),
    "part of a param": lambda rnd: rnd.choice(("arch:12", "data:nothing", "lr>0.9")),
    "a word that nothing has, negated": lambda rnd: (
        f"not calm user:{rnd.choice(('nobody', 'lin'))}"
    ),
    "other order": lambda rnd: f"loss<{rnd.uniform(0.05, 0.4):.3f}",
}


def filters(sizes: Sizes) -> list[Row]:
    """P6. Read as the screen does: the first 200 or what is found in a tenth of a second, then all."""
    path = filled_store(sizes.many, sizes.projects)
    rows: list[Row] = []
    store = Store(path)
    try:
        rnd = random.Random(1)
        for kind, make in INDEXED.items():
            first = [one[0] for one in _reads(store, kind, make, rnd, sizes.filters)]
            rows.append(
                limit_row(
                    "P6",
                    f"first hits by {kind}, {sizes.many:,} runs, p95",
                    value=percentile(first, 0.95) * 1e3,
                    limit=50,
                    unit="ms",
                    detail=f"median {figure(middle(first) * 1e3, 'ms')}, n={len(first)}",
                )
            )
        for kind, make in OTHER.items():
            reads = list(_reads(store, kind, make, rnd, max(3, sizes.filters // 3)))
            first, whole = [one[0] for one in reads], [one[1] for one in reads]
            cut = sum(1 for one in reads if not one[2])
            slowest = figure(max(whole) * 1e3, "ms")
            rows.append(
                limit_row(
                    "P6",
                    f"anything else: {kind}; first or partial hits, p95",
                    value=percentile(first, 0.95) * 1e3,
                    limit=150,
                    unit="ms",
                    detail=f"{cut} of {len(reads)} were partial first; complete after {slowest} at most",
                )
            )
    finally:
        store.close()
    return [*rows, _on_screen(sizes)]


def _reads(
    store: Store, kind: str, make: Callable[[random.Random], str], rnd: random.Random, count: int
) -> Iterator[tuple[float, float, bool]]:
    """Seconds to the first hits, to all, and whether the first were all that the screen waits for."""
    sort = runs.Sort("metric:loss") if kind == "other order" else runs.Sort()
    for _ in range(count):
        wanted = parse_filter(make(rnd))
        start = time.perf_counter()
        late = partial(_later_than, start + PARTIAL_S)
        found, whole = runs.run_ids_until(
            store.connection, runs.Scope(workspace_id=1), wanted, sort, NOW_MS, late, FIRST
        )
        first = time.perf_counter() - start
        if not whole:
            runs.run_ids_until(
                store.connection, runs.Scope(workspace_id=1), wanted, sort, NOW_MS, lambda: False
            )
        yield first, time.perf_counter() - start, whole or len(found) >= FIRST


def _later_than(moment: float) -> bool:
    return time.perf_counter() > moment


def _on_screen(sizes: Sizes) -> Row:
    """From the last letter typed to the hits on the screen, the pause for more letters (60 ms) included."""
    store = filled_store(sizes.many, sizes.projects)
    took = []
    with new_home(store) as home, open_runs(home.env, sizes.many) as program:
        for word in ("calm", "otter", "heron", "finch", "raven")[: sizes.filters // 5 + 1]:
            program.press("/")
            for letter in word[:-1]:
                program.send(letter)
            program.settle(1.0)
            took.append(program.key_until(word[-1], f"{word}-") * 1e3)
            program.settle(1.0)
            program.press("escape", "escape", quiet=0.5)
    return stated(
        "P6",
        "part of a name typed into the runs table: last letter to rows on the screen",
        f"{figure(middle(took), 'ms')} (median of {len(took)}, largest {figure(max(took), 'ms')})",
        note="60 ms of it wait for further letters",
    )
