"""Stands in for MLflow in unit tests of training scripts: writes what is logged to `logged.jsonl`, one call a line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def _note(kind: str, **what: Any) -> None:
    with Path("logged.jsonl").open("a") as file:
        file.write(json.dumps({"kind": kind, **what}) + "\n")


@contextlib.contextmanager
def start_run() -> Iterator[None]:
    try:
        yield
    except BaseException:
        _note("end", status="FAILED")
        raise
    _note("end", status="FINISHED")


def log_params(params: dict[str, Any]) -> None:
    _note("params", values={key: str(value) for key, value in params.items()})


def log_metrics(metrics: dict[str, float], step: int = 0) -> None:
    _note("metrics", step=step, values={key: float(value) for key, value in metrics.items()})


def log_metric(key: str, value: float, step: int = 0) -> None:
    log_metrics({key: value}, step)


def set_tag(key: str, value: str) -> None:
    _note("tag", key=key, value=value)


def log_artifact(path: str) -> None:
    _note("artifact", path=Path(path).name)


def log_artifacts(folder: str) -> None:
    for path in sorted(Path(folder).iterdir()):
        log_artifact(str(path))
