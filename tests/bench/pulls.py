"""P8 and P9: the full pull beside curl and MLflow's own client, and what a quiet round costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import Row, limit_row, middle, ratio_row, stated
from tests.bench.places import ROOT, environment, scratch
from tests.bench.servers import pages_of, tracking_server
from tests.bench.sizes import Sizes
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mlflow_server import MlflowServer


def pulls(sizes: Sizes) -> list[Row]:
    """P8 and P9, on one server."""
    with tracking_server(sizes.pulled) as server:
        return [*_full(sizes, server), *_quiet(sizes, server)]


def _full(sizes: Sizes, server: MlflowServer) -> list[Row]:
    times: dict[str, list[float]] = {"ours": [], "curl": [], "mlflow": []}
    cpu: list[float] = []
    with scratch() as folder:
        requests = _curl_file(server.url, pages_of(server), folder)
        for _ in range(sizes.pulls):
            times["curl"].append(_curl(requests))
            mine = _child("pull", server.url)
            times["ours"].append(mine["seconds"])
            cpu.append(mine["cpu"])
            times["mlflow"].append(_child("search", server.url)["seconds"])
    what = f"full pull of {sizes.pulled:,} runs into the store, one server worker, pages of 500"
    detail = f", medians of {sizes.pulls}, interleaved"
    ours, curl, mlflow = (middle(times[name]) for name in ("ours", "curl", "mlflow"))
    why = f"Reading and storing takes {middle(cpu):.1f} s of CPU beside the server, which has the other core"
    return [
        ratio_row(
            "P8",
            what,
            mine=ours,
            peer=curl,
            limit=1.08,
            unit="s",
            beside="the same pages by curl to nowhere",
            detail=detail,
            why=why,
        ),
        ratio_row(
            "P8",
            "the same",
            mine=ours,
            peer=mlflow,
            limit=0.85,
            unit="s",
            beside="`MlflowClient.search_runs`, which stores nothing",
            detail=detail,
            why=why,
        ),
    ]


def _curl_file(url: str, bodies: list[dict[str, object]], folder: Path) -> Path:
    """One curl that asks for all pages, one after the other, over one connection."""
    parts = []
    for number, body in enumerate(bodies):
        file = folder / f"{number}.json"
        file.write_text(json.dumps(body))
        parts.append(
            f'url = "{url}/api/2.0/mlflow/runs/search"\nheader = "Content-Type: application/json"\n'
            f'data = "@{file}"\noutput = "/dev/null"\nsilent\nfail\n'
        )
    path = folder / "requests"
    path.write_text("next\n".join(parts))
    return path


def _curl(requests: Path) -> float:
    start = time.perf_counter()
    subprocess.run(["curl", "--noproxy", "*", "-K", str(requests)], check=True, capture_output=True)
    return time.perf_counter() - start


def _child(what: str, url: str) -> dict[str, Any]:
    """One pull in a process of its own; it times itself, without start and imports."""
    with scratch() as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.pull_child", what, url, str(home)],
            cwd=ROOT,
            env=environment(home),
            check=True,
            capture_output=True,
            text=True,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _quiet(sizes: Sizes, server: MlflowServer) -> list[Row]:
    with FaultyProxy("127.0.0.1", server.port) as proxy, scratch() as home:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.pull_child", "rounds", proxy.url, str(home)],
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        costs = []
        for _ in range(3):  # the pull with its first round, a quiet round, one with probes
            before = proxy.count, proxy.bytes_out
            process.stdout.readline()
            asked = [one.path for one in proxy.requests[before[0] :]]
            models = sum(1 for path in asked if "model" in path)
            costs.append((len(asked), models, proxy.bytes_out - before[1]))
            process.stdin.write("go\n")
            process.stdin.flush()
        process.wait(30)
    pull, quiet, probed = costs
    what = f"quiet round with {sizes.pulled:,} runs, none running"
    return [
        limit_row("P9", f"{what}: requests", value=quiet[0], limit=5, unit=""),
        limit_row(
            "P9", f"{what}: bytes, heads included", value=quiet[2] / 1e3, limit=10, unit="kB"
        ),
        limit_row(
            "P9",
            f"{what}, with count probes: requests",
            value=probed[0] - probed[1],
            limit=7,
            unit="",
            detail=f"and {probed[1]} that read models, in every tenth round",
        ),
        stated(
            "P9",
            "the full pull and the first round before it",
            f"{pull[0]} requests, {pull[2] / 1e6:.1f} MB",
        ),
    ]
