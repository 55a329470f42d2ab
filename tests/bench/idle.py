"""P18: what idle screens cost."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping

import psutil

from tests.bench.figures import Row, figure, limit_row, stated
from tests.bench.places import PEERS, Home, new_home
from tests.bench.servers import tracking_server
from tests.bench.sizes import Sizes
from tests.bench.terminal import RawProbe, cpu_s, open_program

SCREENS = (
    "projects",
    "project 1",
    "runs",
    "run 1",
    "log 1",
    "compare 1 2",
    "configs",
    "active",
    "outbox",
    "sites",
    "settings",
    "help",
    "welcome",
)
WINDOW_S = 5.0
"""So much of the pause between two rounds, which is 8 s, is looked at."""


def idle(sizes: Sizes) -> list[Row]:
    """P18: all screens at once, each in a program of its own, over pauses between the engine's rounds."""
    with (
        tracking_server(sizes.pulled) as server,
        new_home(None, server.url) as home,
        contextlib.ExitStack() as stack,
    ):
        first = stack.enter_context(_open(home, SCREENS[0]))
        first.wait_for("live", timeout=240)
        programs = {SCREENS[0]: first}
        for screen in SCREENS[1:]:
            programs[screen] = stack.enter_context(_open(home, screen))
            programs[screen].settle(0.4, timeout=60)
        dead = [name for name, program in programs.items() if not psutil.pid_exists(program.pid)]
        if dead:
            raise RuntimeError(f"not open any more: {', '.join(dead)}")
        engine = home.engine()
        seconds, sent, used = 0.0, dict.fromkeys(programs, 0), dict.fromkeys(programs, 0.0)
        engine_used = 0.0
        while seconds < sizes.seconds:
            _await_round(home, programs, engine)
            took, bytes_sent, cpu, engine_cpu = _window(programs, engine, WINDOW_S)
            seconds += took
            engine_used += engine_cpu
            for name in programs:
                sent[name] += bytes_sent[name]
                used[name] += cpu[name]
        whole, with_rounds, cpu, engine_whole = _window(programs, engine, max(10.0, sizes.seconds))
    rows = _rows(seconds, sent, used, engine_used)
    loudest = max(with_rounds, key=lambda name: with_rounds[name])
    told = [f"{name} {count:,} B" for name, count in with_rounds.items() if count]
    share = (sum(cpu.values()) / len(cpu) + engine_whole) / whole * 100
    return [
        *rows,
        stated(
            "P18",
            f"the same over {whole:.0f} s with the engine's rounds (each 8 s) in it",
            f"{figure(with_rounds[loudest] / whole, 'B/s')} at the loudest screen, {figure(share, '% CPU')} on the average",
            note=f"sent: {', '.join(told) or 'nothing'}",
        ),
    ]


def _rows(
    seconds: float, sent: Mapping[str, int], used: Mapping[str, float], engine: float
) -> list[Row]:
    loud = sorted(sent, key=lambda name: -sent[name])
    busy = sorted(used, key=lambda name: -used[name])
    share = {name: (used[name] + engine) / seconds * 100 for name in used}
    over = f"{len(sent)} screens over {seconds:.0f} s"
    return [
        limit_row(
            "P18",
            f"idle, {over}: bytes a second to the terminal, the loudest screen",
            value=sent[loud[0]] / seconds,
            limit=0,
            unit="B/s",
            detail="all are silent" if not sent[loud[0]] else f"loudest: {', '.join(loud[:3])}",
        ),
        limit_row(
            "P18",
            f"idle, {over}: CPU of interface and engine together, the busiest screen",
            value=share[busy[0]],
            limit=0.5,
            unit="%",
            detail=f"{busy[0]}; least {figure(share[busy[-1]], '%')}; of it the engine {figure(engine / seconds * 100, '%')}"
            f", which has {len(sent)} windows to serve",
        ),
    ]


def _open(home: Home, screen: str) -> RawProbe:
    return open_program([sys.executable, str(PEERS / "one_screen.py"), *screen.split()], home.env)


def _await_round(home: Home, programs: Mapping[str, RawProbe], engine: psutil.Process) -> None:
    """Wait until a round has just ended and what it changed is painted."""
    with contextlib.closing(home.connect()) as connection:
        ask = "SELECT rounds FROM workspace"
        before = connection.execute(ask).fetchone()
        deadline = time.monotonic() + 40
        while connection.execute(ask).fetchone() == before:
            if time.monotonic() > deadline:
                raise TimeoutError("the engine makes no rounds")
            for program in programs.values():
                program._take(0.005)
    used = -1.0
    while used != (now := cpu_s(engine)):  # the slow part of a round comes after what is counted
        used = now
        time.sleep(0.5)
    for program in programs.values():
        while program._take(0.01):
            pass


def _window(
    programs: Mapping[str, RawProbe], engine: psutil.Process, seconds: float
) -> tuple[float, dict[str, int], dict[str, float], float]:
    """Seconds, bytes and CPU seconds of each program, and the engine's."""
    processes = {name: psutil.Process(program.pid) for name, program in programs.items()}
    before = {name: cpu_s(process) for name, process in processes.items()}
    sent = {name: program.total_bytes for name, program in programs.items()}
    engine_before, start = cpu_s(engine), time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - start
    used = {name: cpu_s(process) - before[name] for name, process in processes.items()}
    engine_used = cpu_s(engine) - engine_before
    for program in programs.values():
        while program._take(0.01):
            pass
    return took, {n: p.total_bytes - sent[n] for n, p in programs.items()}, used, engine_used
