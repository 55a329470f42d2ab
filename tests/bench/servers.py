"""Tracking servers for measurements: real ones filled once a machine, and one that replays what a real one answered."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from mantik_tui.backends.tracking.query import page_token
from mantik_tui.sync.pull import PAGE
from tests.bench.places import ROOT, cache, drop_old, keep, scratch, stamp_of
from tests.support import seed
from tests.support.mlflow_server import MlflowServer, free_port

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _filled_database(runs: int) -> Path:
    """MLflow's own database with so many runs, none of them running."""
    folder = cache() / f"mlflow-{runs}-{stamp_of(Path(seed.__file__))}"
    if not folder.is_dir():
        template = cache() / "mlflow-empty.db"
        if not template.exists():
            with scratch() as place, MlflowServer(place) as server:
                server.save_template(place / "empty.db").rename(template)
        drop_old(f"mlflow-{runs}-*")
        draft = Path(tempfile.mkdtemp(dir=cache(), prefix="draft-"))
        shutil.copyfile(template, draft / "mlflow.db")
        seed.seed_database(draft / "mlflow.db", seed.SeedPlan(runs=runs, running=0, scheduled=0))
        keep(draft, folder)
    return folder / "mlflow.db"


@contextlib.contextmanager
def tracking_server(runs: int) -> Iterator[MlflowServer]:
    """A real server with one worker and so many runs."""
    with scratch() as folder:
        shutil.copyfile(_filled_database(runs), folder / "mlflow.db")
        with MlflowServer(folder) as server:
            yield server


def post(url: str, path: str, body: dict[str, object]) -> bytes:
    """One call, answered with JSON as it came."""
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{path}", method="POST")
    request.add_header("Content-Type", "application/json")
    with _DIRECT.open(request, json.dumps(body).encode(), timeout=60) as response:
        return bytes(response.read())


def create_run(url: str, name: str, *, params: int = 0, metrics: int = 0) -> str:
    """A run that is running, in the server's first experiment; its id."""
    now = time.time_ns() // 1_000_000
    body = {"experiment_id": "0", "run_name": name, "start_time": now, "user_id": "bench"}
    run = str(json.loads(post(url, "runs/create", dict(body)))["run"]["info"]["run_id"])
    batch = {
        "run_id": run,
        "params": [{"key": f"param_{n}", "value": "0.001"} for n in range(params)],
        "metrics": [
            {"key": f"metric_{n}", "value": 0.5, "timestamp": now, "step": 1}
            for n in range(metrics)
        ],
    }
    if params or metrics:
        post(url, "runs/log-batch", dict(batch))
    return run


def log_metric(url: str, run: str, key: str, value: float, step: int) -> None:
    now = time.time_ns() // 1_000_000
    body = {"run_id": run, "key": key, "value": value, "timestamp": now, "step": step}
    post(url, "runs/log-metric", dict(body))


def page_body(experiment: str, offset: int) -> dict[str, object]:
    """What the program asks for a page of the full pull."""
    body: dict[str, object] = {
        "experiment_ids": [experiment],
        "order_by": ["attributes.start_time ASC"],
        "max_results": PAGE,
        "run_view_type": "ALL",
    }
    token = page_token(offset)
    return body | ({"page_token": token} if token else {})


def pages_of(server: MlflowServer) -> list[dict[str, object]]:
    """The requests of a full pull, the experiments' list first aside."""
    answer = json.loads(
        post(server.url, "experiments/search", {"max_results": 1000, "view_type": "ALL"})
    )
    bodies = []
    for experiment in answer.get("experiments", []):
        offset = 0
        while True:
            body = page_body(experiment["experiment_id"], offset)
            bodies.append(body)
            page = json.loads(post(server.url, "runs/search", body))
            if not page.get("next_page_token"):
                break
            offset += PAGE
    return bodies


def recorded(runs: int) -> Path:
    """Folder with a real server's answers to a full pull: `experiments.json` and `<experiment>-<offset>.json`."""
    folder = cache() / f"pages-{runs}-{PAGE}-{stamp_of(Path(seed.__file__))}"
    if not folder.is_dir():
        draft = Path(tempfile.mkdtemp(dir=cache(), prefix="draft-"))
        with tracking_server(runs) as server:
            listing = post(
                server.url, "experiments/search", {"max_results": 1000, "view_type": "ALL"}
            )
            (draft / "experiments.json").write_bytes(listing)
            for experiment in json.loads(listing)["experiments"]:
                _record_pages(server.url, experiment["experiment_id"], draft)
        keep(draft, folder)
    return folder


def _record_pages(url: str, experiment: str, folder: Path) -> None:
    offset = 0
    while True:
        page = post(url, "runs/search", page_body(experiment, offset))
        (folder / f"{experiment}-{offset}.json").write_bytes(page)
        if not json.loads(page).get("next_page_token"):
            return
        offset += PAGE


@contextlib.contextmanager
def replayed(runs: int, copies: int) -> Iterator[str]:
    """Address of a server that replays the recorded pages, each experiment `copies` times; silent until `POST /go`."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.bench.replay",
        str(recorded(runs)),
        str(port),
        str(copies),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), _DIRECT.open(f"{url}/health", timeout=2):
                break
            if time.monotonic() > deadline:
                raise TimeoutError("the replaying server does not answer")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def let_go(url: str) -> None:
    """From now on the replaying server answers."""
    request = urllib.request.Request(f"{url}/go", method="POST", data=b"")
    _DIRECT.open(request, timeout=10).close()
