"""P4 and P5: from key to repaint in the table of runs, alone and while the engine stores a full pull."""

from __future__ import annotations

import contextlib
import os
import sys
import time

from tests.bench.figures import Row, figure, limit_row, middle, ratio_row, stated
from tests.bench.places import PEERS, Home, filled_store, new_home
from tests.bench.servers import let_go, replayed
from tests.bench.sizes import Sizes
from tests.bench.terminal import Costs, RawProbe, Times, open_program
from tests.support.pty_probe import KeyCost

RUNS = [sys.executable, str(PEERS / "one_screen.py"), "runs"]
BLOCK = 20
"""Keys that one program gets before the other has its turn."""
INSIDE = 10
"""So many steps down from the top stay inside any window."""


def stock_table(rows: int) -> list[str]:
    return [sys.executable, "-m", "tests.support.table_app", str(rows), "stock"]


def open_runs(env: dict[str, str], count: int) -> RawProbe:
    """The table of all runs, its order read to the end."""
    program = open_program(RUNS, env)
    program.wait_for(f"{count:,}", timeout=60)
    program.settle(0.5)
    return program


def press(program: RawProbe, key: str, times: int) -> list[KeyCost]:
    return [program.measure(key) for _ in range(times)]


def keys(sizes: Sizes) -> list[Row]:
    """P4."""
    store = filled_store(sizes.many, sizes.projects)
    mine: list[KeyCost] = []
    peer: list[KeyCost] = []
    my_pages: list[KeyCost] = []
    peer_pages: list[KeyCost] = []
    with (
        new_home(store) as home,
        open_runs(home.env, sizes.many) as ours,
        open_program(stock_table(1_000), home.env) as stock,
    ):
        stock.wait_for("stern-", timeout=60)
        stock.settle(0.5)
        press(ours, "down", 3)
        press(stock, "down", 3)
        for _ in range(max(1, sizes.keys // BLOCK)):
            mine += press(ours, "down", BLOCK)
            peer += press(stock, "down", BLOCK)
        for _ in range(max(1, sizes.keys // BLOCK // 5)):
            my_pages += press(ours, "pagedown", BLOCK // 2)
            peer_pages += press(stock, "pagedown", BLOCK // 2)
        ours.press("home")
        inside = press(ours, "down", INSIDE)
    return _rows(
        sizes,
        Costs(tuple(mine)),
        Costs(tuple(peer)),
        Costs(tuple(my_pages)),
        Costs(tuple(peer_pages)),
        inside,
    )


def _rows(
    sizes: Sizes,
    mine: Costs,
    peer: Costs,
    my_pages: Costs,
    peer_pages: Costs,
    inside: list[KeyCost],
) -> list[Row]:
    what = f"key `down` to repaint, {sizes.many:,} runs"
    beside = "stock DataTable, 1,000 rows"
    detail = f", n={len(mine.costs)} each, interleaved"
    scrolled = max(cost.bytes for cost in mine.costs)
    moves = [cost.bytes / 1e3 for cost in inside]
    mean = sum(cost.bytes for cost in mine.costs) / len(mine.costs) / 1e3
    why = (
        f"Textual sends the whole style, 39 bytes, with each run of one colour, and a scroll repaints all lines; since"
        f" the window jumps by half its height, a walk costs {figure(mean, 'kB')} a key on the average"
    )
    return [
        ratio_row(
            "P4",
            f"{what}, p50",
            mine=mine.p50,
            peer=peer.p50,
            limit=0.4,
            unit="ms",
            beside=beside,
            detail=detail,
        ),
        ratio_row(
            "P4",
            f"{what}, p99",
            mine=mine.p99,
            peer=peer.p99,
            limit=0.2,
            unit="ms",
            beside=beside,
            detail=detail,
        ),
        ratio_row(
            "P4",
            "the same with `page down`, p50",
            mine=my_pages.p50,
            peer=peer_pages.p50,
            limit=0.4,
            unit="ms",
            beside=beside,
            detail=f", n={len(my_pages.costs)} each",
        ),
        limit_row(
            "P4",
            "bytes of a move inside the window",
            value=middle(moves),
            limit=0.6,
            unit="kB",
            detail=f"median of {INSIDE}; largest {figure(max(moves), 'kB')}, when the line of keys changes too",
        ),
        limit_row(
            "P4",
            "bytes of a move that scrolls",
            value=scrolled / 1e3,
            limit=8,
            unit="kB",
            detail="largest",
            why=why,
        ),
    ]


COPIES = 8
"""So often the recorded runs are pulled, so that the pull lasts longer than the keys."""


def plain_table(rows: int) -> list[str]:
    """The same table over made-up rows: no store, no engine, no news."""
    return [sys.executable, "-m", "tests.support.table_app", str(rows), "freeze"]


def keys_beside_pull(sizes: Sizes) -> list[Row]:
    """P5: keys while the engine's process stores a full pull, and before it begins.

    Beside it a table that knows nothing of the store gets keys in the same moments: what it loses is the machine's.
    """
    store = filled_store(sizes.many, sizes.projects)
    idle: tuple[list[float], list[float]] = ([], [])
    busy: tuple[list[float], list[float]] = ([], [])
    with (
        replayed(sizes.pulled, COPIES) as url,
        new_home(store, url) as home,
        open_runs(home.env, sizes.many) as program,
        open_program(plain_table(sizes.keys * 3 + 100), home.env) as plain,
    ):
        plain.wait_for("stern-", timeout=60)
        plain.settle(0.5)
        home.engine()
        _press_both(program, plain, 5)
        for _ in range(sizes.keys // 5):
            _add(idle, _press_both(program, plain, 5))
        program.press("home")
        let_go(url)
        _ask_for_round(home)
        before = _await_pull(home)
        start = time.perf_counter()
        while len(busy[0]) < sizes.keys and _pulling(home):
            _add(busy, _press_both(program, plain, 5))
        stored, took = _runs(home) - before, time.perf_counter() - start
    return _rows_beside_pull(
        sizes, idle, busy, f"{stored:,} runs were stored meanwhile, {stored / took:,.0f} a second"
    )


def _rows_beside_pull(
    sizes: Sizes,
    idle: tuple[list[float], list[float]],
    busy: tuple[list[float], list[float]],
    stored: str,
) -> list[Row]:
    quiet, during = Times(tuple(idle[0])), Times(tuple(busy[0]))
    floor = Times(tuple(busy[1])).p99 / Times(tuple(idle[1])).p99
    typical = (
        f"{during.p50 / quiet.p50:.2f} × ({figure(during.p50, 'ms')} / {figure(quiet.p50, 'ms')})"
    )
    what = f"key `down` to repaint while the engine stores a full pull, {sizes.many:,} runs"
    return [
        ratio_row(
            "P5",
            f"{what}, p99",
            mine=during.p99,
            peer=quiet.p99,
            limit=1.3,
            unit="ms",
            beside="idle",
            detail=f", n={len(busy[0])}; {stored}",
            why=f"Part of it is the machine's: engine, replaying server, program and probe share {os.cpu_count()} cores, and"
            f" a table that reads no store is {floor:.2f} × slower in the same moments. The rest comes with the news of each"
            " page, with which rows in sight, status and order are read anew",
        ),
        stated("P5", "the same, p50", typical, beside="idle"),
    ]


def _press_both(program: RawProbe, plain: RawProbe, times: int) -> tuple[list[float], list[float]]:
    return (
        [program.key_to_cursor("down") for _ in range(times)],
        [plain.key_to_cursor("down") for _ in range(times)],
    )


def _add(all_times: tuple[list[float], list[float]], new: tuple[list[float], list[float]]) -> None:
    all_times[0].extend(new[0])
    all_times[1].extend(new[1])


def _ask_for_round(home: Home) -> None:
    with home.link() as link:
        link.request("refresh", workspace=1)


def _runs(home: Home) -> int:
    with contextlib.closing(home.connect()) as connection:
        return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])


def _pulling(home: Home) -> bool:
    with contextlib.closing(home.connect()) as connection:
        return bool(
            connection.execute(
                "SELECT 1 FROM experiment WHERE access = 'ok' AND pull_state IN ('new', 'pulling') LIMIT 1"
            ).fetchone()
        )


def _await_pull(home: Home) -> int:
    """Wait until the first runs of the pull are stored; how many runs there are then."""
    before, deadline = _runs(home), time.monotonic() + 30
    while (now := _runs(home)) == before:
        if time.monotonic() > deadline:
            raise TimeoutError("the engine does not pull")
        time.sleep(0.05)
    return now
