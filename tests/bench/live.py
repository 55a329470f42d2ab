"""P10 and P11: how soon what happens on the tracking server is seen, by the real engine and the real program."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.bench.figures import Row, figure, limit_row, middle
from tests.bench.places import OURS, PEERS, Home, new_home
from tests.bench.servers import create_run, log_metric, post, tracking_server
from tests.bench.sizes import Sizes
from tests.bench.terminal import RawProbe, open_program
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mlflow_server import MlflowServer

RUNS = 500
"""Runs on the server besides."""
METRIC_PATHS = ("/runs/get?", "/metrics/get-history")


def ends(sizes: Sizes) -> list[Row]:
    """P10: runs that end on the server, one after the other, first with no window open, then with one."""
    with tracking_server(RUNS) as server, new_home(None, server.url) as home:
        names = [create_run(server.url, f"bench-{number}") for number in range(2 * sizes.ended)]
        subprocess.run(
            [OURS, "engine", "start", "--keep"], env=home.env, check=True, capture_output=True
        )
        _await_status(home, names, "RUNNING")
        unwatched = _seen_after(server, home, names[: sizes.ended], 1.7)
        with open_program([OURS], home.env) as program:
            reader = _drained(program)
            with reader:
                time.sleep(2)
                watched = _seen_after(server, home, names[sizes.ended :], 1.1)
    rows = []
    for how, took, limit in (("watched", watched, 10), ("unwatched", unwatched, 30)):
        detail = f"longest of {len(took)}, median {figure(middle(took), 's')}"
        what = f"status of a run seen after it ended on the server, {how}"
        rows.append(limit_row("P10", what, value=max(took), limit=limit, unit="s", detail=detail))
    return rows


def _seen_after(server: MlflowServer, home: Home, runs: list[str], pause: float) -> list[float]:
    """End these runs one after the other; for each, the seconds until the local store knows."""
    ended: dict[str, float] = {}
    seen: dict[str, float] = {}
    deadline = time.monotonic() + 90
    with contextlib.closing(home.connect()) as connection:
        while len(seen) < len(runs) and time.monotonic() < deadline:
            now = time.monotonic()
            if len(ended) < len(runs) and now >= max(ended.values(), default=0) + pause:
                run = runs[len(ended)]
                post(
                    server.url,
                    "runs/update",
                    {"run_id": run, "status": "FINISHED", "end_time": time.time_ns() // 1_000_000},
                )
                ended[run] = time.monotonic()
            marks = ",".join("?" * len(runs))
            found = connection.execute(
                f"SELECT server_id FROM run WHERE status = 'FINISHED' AND server_id IN ({marks})",
                runs,
            ).fetchall()
            for (run,) in found:
                seen.setdefault(run, time.monotonic())
            time.sleep(0.02)
    if len(seen) < len(runs):
        raise TimeoutError(f"{len(runs) - len(seen)} ends were never seen")
    return [seen[run] - ended[run] for run in runs]


def _await_status(home: Home, runs: list[str], status: str) -> None:
    deadline = time.monotonic() + 120
    marks = ",".join("?" * len(runs))
    with contextlib.closing(home.connect()) as connection:
        while True:
            (count,) = connection.execute(
                f"SELECT count(*) FROM run WHERE status = ? AND server_id IN ({marks})",
                (status, *runs),
            ).fetchone()
            if count == len(runs):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {count} of {len(runs)} runs are {status} here")
            time.sleep(0.1)


@contextlib.contextmanager
def _drained(program: RawProbe) -> Iterator[None]:
    """Somebody reads what the program paints."""
    end = threading.Event()

    def read() -> None:
        while not end.is_set():
            program.read(0.1)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        end.set()
        reader.join(5)


def points(sizes: Sizes) -> list[Row]:
    """P11: a new point of the run that is open, from the server's answer to its digits on the screen."""
    count = max(3, sizes.ended)
    with (
        tracking_server(RUNS) as server,
        FaultyProxy("127.0.0.1", server.port) as proxy,
        new_home(None, proxy.url) as home,
    ):
        run = create_run(server.url, "bench-open", params=10, metrics=10)
        log_metric(server.url, run, "rmse", 0.5, 0)
        subprocess.run(
            [OURS, "engine", "start", "--keep"], env=home.env, check=True, capture_output=True
        )
        _await_status(home, [run], "RUNNING")
        with contextlib.closing(home.connect()) as connection:
            (row,) = connection.execute("SELECT id FROM run WHERE server_id = ?", (run,)).fetchone()
        argv = [sys.executable, str(PEERS / "one_screen.py"), "run", str(row)]
        with open_program(argv, home.env) as program:
            program.wait_for("bench-open")
            program.settle(1.0)
            program.press("2")  # the tab of metrics
            program.settle(0.5)
            took = _points_seen(server, program, run, count)
            poll = _bytes_of_a_poll(proxy, server, program, run)
        request = _request_s(server, run)
    return [
        limit_row(
            "P11",
            "a new metric point of the open run, logged to the server, on the screen",
            value=max(took),
            limit=2 + request,
            unit="s",
            detail=f"longest of {count}, median {figure(middle(took), 's')}; a request takes {figure(request * 1e3, 'ms')}",
            why="After the look that finds news a second request reads the history, then the screen reads the store",
        ),
        limit_row(
            "P11",
            "bytes of a look with news of one metric, heads included",
            value=poll / 1e3,
            limit=4,
            unit="kB",
        ),
    ]


def _points_seen(server: MlflowServer, program: RawProbe, run: str, count: int) -> list[float]:
    took = []
    for step in range(1, count + 1):
        program.idle(0.37 * (step % 5) + 0.4)  # anywhere between two looks
        value = 0.4 - step / 1000
        log_metric(server.url, run, "rmse", value, step)
        took.append(program.until(f"{value:.3f}", timeout=20))
    return took


def _bytes_of_a_poll(proxy: FaultyProxy, server: MlflowServer, program: RawProbe, run: str) -> int:
    """Most bytes that came for one look with news: requests that follow each other closely belong together."""
    sizes = []
    for step in range(100, 103):
        log_metric(server.url, run, "rmse", 0.3 + step / 10000, step)
        before, seen = proxy.bytes_out, proxy.count
        quiet_since = time.monotonic()
        deadline = quiet_since + 10
        last = before
        while time.monotonic() < deadline:
            program.read(0.05)
            if proxy.bytes_out != last:
                last, quiet_since = proxy.bytes_out, time.monotonic()
            fresh = proxy.requests[seen:]
            if len(fresh) >= 2 and time.monotonic() - quiet_since > 0.5:
                break
        fresh = proxy.requests[seen:]
        if fresh and all(any(part in one.path for part in METRIC_PATHS) for one in fresh):
            looks = sum(1 for one in fresh if "/runs/get" in one.path)
            sizes.append((last - before) // max(1, looks))
    if not sizes:
        raise TimeoutError("no look at the metrics stood alone between two rounds")
    return max(sizes)


def _request_s(server: MlflowServer, run: str) -> float:
    took = []
    for _ in range(9):
        start = time.perf_counter()
        server.call("GET", f"/api/2.0/mlflow/runs/get?run_id={run}")
        took.append(time.perf_counter() - start)
    return middle(took)
