"""P14: a large log opened, walked, searched; and one that grows, beside toolong."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.bench.figures import Row, figure, limit_row, middle, not_measured, ratio_row, stated
from tests.bench.places import OURS, PEERS, Home, cache, filled_store, new_home, peer, scratch
from tests.bench.servers import tracking_server
from tests.bench.sizes import Sizes
from tests.bench.terminal import RawProbe, cpu_s, memory_of, open_program

NEEDLE = "Needle-of-the-bench"
FOUND = "this is where it lies"
LAST = "the very last line of this log"
HEAD = "FINISHED ·"
"""Begins the line over a log, whether or not there are lines; a paint counts when this is there too."""
LARGE, EMPTY = 6, 8
"""Runs of a filled store that have ended; so many lines from the top, less one, in the table of all runs."""
LINES_PER_S = 100


def _large_log(megabytes: int) -> Path:
    """A log of that size whose needle lies at nine tenths."""
    path = cache() / f"log-{megabytes}.txt"
    if not path.exists():
        lines = [
            f"2026-11-24 14:{n // 60 % 60:02}:{n % 60:02} INFO trainer epoch {n % 90} step {n} loss {n % 997 / 1000:.4f}"
            f" lr 3.0e-04 {n * 37 % 211} samples/s\n"
            for n in range(10_000)
        ]
        block = "".join(lines).encode()
        blocks = max(10, megabytes * 1_000_000 // len(block))
        draft = path.with_suffix(f".{os.getpid()}.draft")
        with draft.open("wb") as file:
            for number in range(blocks):
                if number == blocks * 9 // 10:
                    file.write(f"{NEEDLE}: {FOUND}\n".encode())
                file.write(block)
            file.write(f"{LAST}\n".encode())
        draft.rename(path)
    return path


def large(sizes: Sizes) -> list[Row]:
    """P14 without the growing log."""
    log = _large_log(sizes.log_mb)
    store = filled_store(sizes.start, sizes.projects)
    with new_home(store) as home:
        empty = home.path / "empty.log"
        empty.touch()
        with contextlib.closing(home.connect()) as connection:
            for run, path in ((LARGE, log), (EMPTY, empty)):
                connection.execute(
                    "INSERT OR REPLACE INTO log VALUES (?, ?, ?, 1, 0)",
                    (run, str(path), path.stat().st_size),
                )
        argv = [sys.executable, str(PEERS / "one_screen.py"), "runs"]
        with open_program(argv, home.env) as program:
            program.wait_for(f"{sizes.start:,}")
            program.settle(0.6)
            paints = _paints(program, sizes)
            before = memory_of(program.pid)
            program.press(*["down"] * (LARGE - 1))
            program.key_until("l", LAST)
            program.settle(3.0, timeout=120)
            ends = _jumps(program)
            times = min(3, sizes.starts)
            exact = [_search(program, NEEDLE) for _ in range(times)]
            either = [_search(program, NEEDLE.lower()) for _ in range(times)]
            grown = memory_of(program.pid)
    rows = _rows(sizes, paints, ends, grown.private - before.private)
    for how, took, words, why in (
        ("", exact, ("grep", "-F", "-m1", NEEDLE), ""),
        (
            ", typed in small letters, which finds capitals too",
            either,
            ("grep", "-F", "-i", "-m1", NEEDLE.lower()),
            "Python finds bytes as they are only: each block is turned into small letters first, which costs as much again",
        ),
    ):
        greps = [_ran(*words, str(log)) for _ in range(5)]
        rows.append(
            ratio_row(
                "P14",
                f"{sizes.log_mb:,} MB log: search of a rare text that lies at 90 %, from the top{how}",
                mine=middle(took) * 1e3,
                peer=middle(greps) * 1e3,
                limit=1.3,
                unit="ms",
                beside=f"`{' '.join(words[:-1])}`",
                why=why,
                detail=f", medians of {len(took)} / {len(greps)}",
            )
        )
    return rows


def _ran(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _rows(
    sizes: Sizes,
    paints: tuple[list[float], list[float]],
    ends: list[float],
    grown: float,
) -> list[Row]:
    size = f"{sizes.log_mb:,} MB log"
    full, empty = middle(paints[0]), middle(paints[1])
    return [
        limit_row(
            "P14",
            f"{size}: key `l` to its lines, over an empty log",
            value=(full - empty) * 1e3,
            limit=20,
            unit="ms",
            beside="an empty log screen",
            detail=f"{figure(full * 1e3, 'ms')} / {figure(empty * 1e3, 'ms')}, medians of {len(paints[0])}, interleaved",
        ),
        limit_row(
            "P14",
            f"{size}: from the top to the end",
            value=middle(ends) * 1e3,
            limit=20,
            unit="ms",
            detail=f"median of {len(ends)}",
        ),
        limit_row(
            "P14",
            f"{size}: memory after all that, over the table of runs before",
            value=grown,
            limit=20,
            unit="MB",
            beside="idle",
            detail="the process's own",
        ),
    ]


def _paints(program: RawProbe, sizes: Sizes) -> tuple[list[float], list[float]]:
    """Seconds from `l` to the first complete paint of the log's screen: the large log's, an empty one's."""
    full, empty = [], []
    for turn in range(sizes.starts + 1):
        program.press("home")
        program.press(*["down"] * (LARGE - 1))
        first = program.key_until("l", LAST, HEAD)
        program.settle(0.8, timeout=120)
        program.press("escape", quiet=0.3)
        program.press(*["down"] * (EMPTY - LARGE))
        second = program.key_until("l", HEAD)
        program.settle(0.3)
        program.press("escape", quiet=0.3)
        if turn:
            full.append(first)
            empty.append(second)
    program.press("home")
    return full, empty


def _jumps(program: RawProbe) -> list[float]:
    took = []
    for _ in range(9):
        program.press("g", quiet=0.2)
        took.append(program.key_until("G", LAST))
        program.settle(0.2)
    return took


def _search(program: RawProbe, needle: str) -> float:
    """From Enter to the match on the screen; the search is forgotten afterwards."""
    program.press("g", quiet=0.2)
    program.press("/", quiet=0.2)
    program.press("ctrl+u", quiet=0.2)
    program.send(needle)
    program.settle(0.3)
    took = program.key_until("enter", FOUND, timeout=60)
    program.settle(1.5, timeout=60)
    program.press("escape", quiet=0.5)
    return took


# ---------------------------------------------------------------- a log that grows

_PROJECT = f"""\
name: lines
entry_points:
  main:
    command: {sys.executable} lines.py
"""
_LINES = f"""\
import time

start = time.monotonic()
for number in range(60 * 60 * {LINES_PER_S}):
    print(f"epoch {{number // 500}} step {{number}} loss {{1 / (1 + number):.5f}} lr 3.0e-04 211 samples/s", flush=True)
    time.sleep(max(0.0, start + number / {LINES_PER_S} - time.monotonic()))
"""


def growing(sizes: Sizes) -> list[Row]:
    """P14: a training that writes 100 lines a second, followed by us and by toolong at the same time."""
    what = f"{LINES_PER_S} lines a second followed: CPU of the interface"
    try:
        toolong = peer("tl")
    except LookupError as error:
        return [not_measured("P14", what, str(error), beside="toolong", target="≤ 0.25 ×")]
    with tracking_server(200) as server, new_home(None, server.url) as home, _training(home) as run:
        log = _log_of(home, run)
        argv = [sys.executable, str(PEERS / "one_screen.py"), "log", str(run)]
        with (
            open_program(argv, home.env) as ours,
            open_program([toolong, str(log)], home.env) as tl,
        ):
            ours.until("samples/s", timeout=60)
            tl.blind = True
            tl.until("samples/s", timeout=60)
            _watch(ours, tl, 2.0)
            mine, other, engine = (psutil.Process(ours.pid), psutil.Process(tl.pid), home.engine())
            before = [cpu_s(one) for one in (mine, other, engine)]
            sent = ours.total_bytes, tl.total_bytes
            took = _watch(ours, tl, sizes.seconds)
            used = [
                (cpu_s(one) - was) / took * 100
                for one, was in zip((mine, other, engine), before, strict=True)
            ]
            rates = (
                (ours.total_bytes - sent[0]) / took / 1e3,
                (tl.total_bytes - sent[1]) / took / 1e3,
            )
    rates_words = f"{figure(rates[0], 'kB/s')} / {figure(rates[1], 'kB/s')}"
    return [
        ratio_row(
            "P14",
            what,
            mine=used[0],
            peer=used[1],
            limit=0.25,
            unit="% CPU",
            beside="toolong on the same log",
            detail=f", {took:.0f} s, at the same time; to the terminal {rates_words}",
            why="Each look repaints the window: half of the CPU is Textual's own for writing it",
        ),
        stated(
            "P14",
            "the same: CPU of the engine, which fetches the log by byte range",
            figure(used[2], "% CPU"),
        ),
    ]


def _watch(ours: RawProbe, other: RawProbe, seconds: float) -> float:
    """Take what both send, without an emulator; how long it took."""
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        ours._take(0.02)
        other._take(0.02)
    return passed


@contextlib.contextmanager
def _training(home: Home) -> Iterator[int]:
    """A training on this machine that writes lines until the end; its row."""
    with scratch() as folder:
        (folder / "MLproject").write_text(_PROJECT)
        (folder / "lines.py").write_text(_LINES)
        (folder / "backend-config.yaml").write_text("Resources:\n  Runtime: 30m\n")
        _say(home, "sync")
        told = json.loads(
            _say(home, "runs", "submit", str(folder), "--experiment", "bench", "--yes", "--json")
        )
        run = str(told["run_id"])
        try:
            deadline = time.monotonic() + 60
            while (found := _row_of(home)) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError("the training does not start")
                time.sleep(0.2)
            yield found
        finally:
            _say(home, "runs", "cancel", run)
            _await_end(home)


def _say(home: Home, *words: str, check: bool = True) -> str:
    done = subprocess.run(
        [OURS, *words], env=home.env, capture_output=True, text=True, check=False, timeout=120
    )
    if check and done.returncode:
        raise RuntimeError(f"mantik-tui {' '.join(words)}: {done.stderr}")
    return done.stdout


def _await_end(home: Home) -> None:
    """A training that goes on would outlive its home."""
    deadline = time.monotonic() + 60
    while _row_of(home) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError("the training does not end when it is cancelled")
        time.sleep(0.2)


def _row_of(home: Home) -> int | None:
    with contextlib.closing(home.connect()) as connection:
        found = connection.execute("SELECT run_id FROM job WHERE state = 'running'").fetchone()
    return None if found is None else int(found[0])


def _log_of(home: Home, run: int) -> Path:
    """The log where the job writes it."""
    with contextlib.closing(home.connect()) as connection:
        (folder,) = connection.execute("SELECT folder FROM job WHERE run_id = ?", (run,)).fetchone()
    return Path(folder) / "mantik.log"
