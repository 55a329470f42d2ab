"""P7: what the processes hold."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.bench.figures import Row, figure, ratio_row
from tests.bench.keys import open_runs
from tests.bench.places import OURS, filled_store, new_home
from tests.bench.servers import tracking_server
from tests.bench.sizes import Sizes
from tests.bench.starts import HELLO, ROWS
from tests.bench.terminal import Memory, RawProbe, memory_of, open_program

WIDE = ("i", "status:finished", "not status:failed", "loss<0.5", "e", "user:tom or user:maria")
"""Filters that most runs fit."""
IMPORTS = "import httpx, sqlmodel; import sys; sys.stdin.read()"


def memory(sizes: Sizes) -> list[Row]:
    """P7."""
    store = filled_store(sizes.many, sizes.projects)
    with new_home(store) as home:
        with open_program(HELLO, home.env) as program:
            program.seconds_until("hello")
            program.settle(1.0)
            hello = memory_of(program.pid)
        with open_program([OURS], home.env) as program:
            program.seconds_until(*ROWS)
            home.engine()
            program.settle(2.0)
            start = memory_of(program.pid)
        home.end_all()
        with open_runs(home.env, sizes.many) as program:
            program.settle(2.0)
            table = memory_of(program.pid)
            _filter(program, sizes)
            filtered = memory_of(program.pid)
    beside = "a Textual hello app"
    return [
        _ratio(
            f"interface after start, {sizes.many:,} runs, projects screen",
            start,
            hello,
            2.5,
            beside,
        ),
        _ratio("interface with the table of all runs open", table, hello, 2.5, beside),
        _ratio(
            f"interface after {min(len(WIDE), sizes.filters)} wide filters",
            filtered,
            hello,
            5,
            beside,
        ),
        _engine(sizes),
    ]


def _filter(program: RawProbe, sizes: Sizes) -> None:
    for text in WIDE[: sizes.filters]:
        program.press("/")
        program.send(text)
        program.settle(1.5, timeout=60)
        program.press("escape", "escape", quiet=1.0)
    program.wait_for(f"{sizes.many:,}", timeout=60)
    program.settle(1.5)


def _engine(sizes: Sizes) -> Row:
    """The engine between rounds, after a full pull, beside a process that only imports what it is built on."""
    with tracking_server(sizes.pulled) as server, new_home(None, server.url) as home:
        with open_program([OURS], home.env) as program:
            engine = home.engine()
            program.wait_for("live", timeout=240)
            program.settle(3.0, timeout=60)
            mine = memory_of(engine.pid)
        with subprocess.Popen(
            [sys.executable, "-c", IMPORTS], stdin=subprocess.PIPE, env=home.env
        ) as process:
            time.sleep(3)
            peer = memory_of(process.pid)
            process.communicate(b"")
    return _ratio(
        f"engine, idle after a full pull of {sizes.pulled:,} runs",
        mine,
        peer,
        1.5,
        "a process that imported httpx and sqlmodel (asyncssh is no dependency yet)",
    )


def _ratio(what: str, mine: Memory, peer: Memory, limit: float, beside: str) -> Row:
    return ratio_row(
        "P7",
        what,
        mine=mine.rss,
        peer=peer.rss,
        limit=limit,
        unit="MB",
        beside=beside,
        detail=f", resident; proportional {figure(mine.pss, 'MB')} / {figure(peer.pss, 'MB')}",
    )
