"""Fills an MLflow server's SQLite file with made-up runs by plain SQL: thousands a second, where REST does dozens.

The tables are those of MLflow 3.17. The server may be running; it sees the rows at once. The same plan gives the same
rows, ids included. What a test needs to compare with is read back by `read_runs`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantik_tui.domain.project import Label, Member, Repository, Role
from mantik_tui.domain.project_tags import TaggedProject, experiment_name, to_tags

INF = 1.7976931348623157e308
"""How MLflow keeps infinity."""
END_MS = 1_760_000_000_000
_DAY_MS = 86_400_000
_USERS = ("alice", "bob", "chiara", "deniz")
_MODELS = ("unet", "convlstm", "gcn", "vit")
_PARAMS = (
    "lr",
    "batch_size",
    "model",
    "epochs",
    "optimizer",
    "dropout",
    "seed",
    "region",
    "layers",
    "loss_name",
)
_METRICS = (
    "loss",
    "val_loss",
    "rmse",
    "mae",
    "acc",
    "bias",
    "crps",
    "grad_norm",
    "gpu_util",
    "throughput",
)

_COLUMNS = {
    "experiments": "experiment_id name artifact_location lifecycle_stage creation_time last_update_time workspace",
    "experiment_tags": "key value experiment_id",
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time end_time source_version "
    "lifecycle_stage artifact_uri experiment_id deleted_time",
    "params": "key value run_uuid",
    "tags": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "datasets": "dataset_uuid experiment_id name digest dataset_source_type dataset_source",
    "inputs": "input_uuid source_type source_id destination_type destination_id step",
    "input_tags": "input_uuid name value",
    "logged_models": "model_id experiment_id name artifact_location creation_timestamp_ms last_updated_timestamp_ms "
    "status lifecycle_stage model_type source_run_id",
    "registered_models": "name creation_time last_updated_time description workspace",
    "registered_model_aliases": "alias version name workspace",
    "model_versions": "name version creation_time last_updated_time description user_id current_stage source run_id "
    "status storage_location workspace",
}


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """What to make. Each experiment but the last is half as big as what is left, the first the biggest."""

    runs: int = 10_000
    experiments: int = 4
    projects: int = 2
    """Projects in the tags of an experiment of their own; they take the first experiments in turn, the last is free."""
    params: int = 10
    metrics: int = 10
    tags: int = 4
    running: int = 5
    """The newest runs, still RUNNING."""
    scheduled: int = 1
    deleted_share: float = 0.01
    nan_share: float = 0.02
    inf_share: float = 0.01
    history: int = 1
    """Points of each metric."""
    long_history: int = 0
    """Points of the metric `loss` of the very first run."""
    datasets: bool = True
    models: int = 2
    end_ms: int = END_MS
    days: int = 300
    prefix: str = ""
    """Before the names of experiments and models, so that several plans fit into one server."""
    seed: int = 1


@dataclass(slots=True)
class Seeded:
    """What was made: ids as the server's REST interface gives them."""

    experiments: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    """Ids of the experiments that stand for projects."""
    runs: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    nan: list[str] = field(default_factory=list)
    inf: list[str] = field(default_factory=list)


class _Writer:
    """Rows per table, sent in big batches; parents come before children in `_COLUMNS`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def add(self, table: str, *row: Any) -> None:
        self.rows[table].append(row)

    def flush(self) -> None:
        for table, names in _COLUMNS.items():
            rows = self.rows.pop(table, [])
            if rows:
                marks = ", ".join("?" * len(names.split()))
                self.db.executemany(
                    f"insert into {table} ({', '.join(names.split())}) values ({marks})", rows
                )


def seed_database(db: Path, plan: SeedPlan) -> Seeded:
    """Writes the plan's rows into the file in one transaction."""
    with contextlib.closing(sqlite3.connect(db, isolation_level=None, timeout=30)) as connection:
        connection.execute("pragma cache_size = -64000")
        connection.execute("pragma synchronous = off")
        connection.execute("begin immediate")
        try:
            made = _fill(connection, plan)
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")
    return made


def _fill(db: sqlite3.Connection, plan: SeedPlan) -> Seeded:
    rnd = random.Random(f"{plan.seed}{plan.prefix}")
    out, made = _Writer(db), Seeded()
    first = int(
        db.execute("select coalesce(max(experiment_id), 0) + 1 from experiments").fetchone()[0]
    )
    begin = plan.end_ms - plan.days * _DAY_MS
    for index in range(plan.experiments):
        made.experiments.append(str(first + index))
        _experiment(out, first + index, f"{plan.prefix}experiment-{index + 1}", begin, {})
    for index in range(plan.projects):
        number = first + plan.experiments + index
        mine = (
            made.experiments[:-1][index :: plan.projects]
            if plan.experiments > 1
            else made.experiments
        )
        project = tagged_project(f"{plan.prefix}Project {index + 1}", index, mine, begin)
        made.projects.append(str(number))
        _experiment(out, number, experiment_name(project), begin, to_tags(project))
    done = 0
    for size, experiment in zip(_sizes(plan), made.experiments, strict=True):
        dataset = f"{rnd.getrandbits(128):032x}"
        if plan.datasets and size:
            source = json.dumps({"uri": f"/data/{experiment}.zarr"})
            out.add(
                "datasets",
                dataset,
                int(experiment),
                f"stations-{experiment}",
                dataset[:8],
                "local",
                source,
            )
        for _ in range(size):
            _run(out, made, plan, rnd, experiment, done, dataset)
            done += 1
            if done % 2000 == 0:
                out.flush()
    _models(out, made, plan)
    out.flush()
    return made


def _sizes(plan: SeedPlan) -> Iterator[int]:
    left = plan.runs
    for index in range(plan.experiments):
        size = left if index == plan.experiments - 1 else (left + 1) // 2
        left -= size
        yield size


def _experiment(out: _Writer, number: int, name: str, created: int, tags: dict[str, str]) -> None:
    out.add(
        "experiments",
        number,
        name,
        f"mlflow-artifacts:/{number}",
        "active",
        created,
        created,
        "default",
    )
    for key, value in tags.items():
        out.add("experiment_tags", key, value, number)


def tagged_project(name: str, index: int, experiments: list[str], created_ms: int) -> TaggedProject:
    """A made-up project that ties the experiments together; the same name gives the same id."""
    rnd = random.Random(name)
    return TaggedProject(
        uid="01" + "".join(rnd.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(24)),
        name=name,
        summary=f"{name}, made up for tests",
        description=f"# {name}\n\nMade up for tests. *Straße*, 気温, ±0.5 °C.",
        owner="alice",
        visibility=("PUBLIC", "SHARED", "PRIVATE")[index % 3],
        best_metric="val_loss",
        labels=(
            Label("problem-type", ("regression", "classification")[index % 2]),
            Label("", "weather"),
        ),
        members=(Member("alice", Role.OWNER), Member("bob", Role.RESEARCHER)),
        code=(Repository("main", "training", f"https://git.example.org/project-{index + 1}.git"),),
        data=(
            Repository("era5", "ERA5", f"https://git.example.org/data-{index + 1}.git", dvc=True),
        ),
        links=dict.fromkeys(experiments, created_ms),
    )


def _run(
    out: _Writer,
    made: Seeded,
    plan: SeedPlan,
    rnd: random.Random,
    experiment: str,
    number: int,
    dataset: str,
) -> None:
    run = f"{rnd.getrandbits(128):032x}"
    made.runs.append(run)
    from_end = plan.runs - 1 - number
    start = plan.end_ms - from_end * (plan.days * _DAY_MS // max(1, plan.runs))
    status = rnd.choices(("FINISHED", "FAILED", "KILLED"), (90, 7, 3))[0]
    if from_end < plan.running:
        status = "RUNNING"
        made.running.append(run)
    elif from_end < plan.running + plan.scheduled:
        status = "SCHEDULED"
    length = rnd.randrange(20_000, 20_000_000)
    end = start + length if status not in ("RUNNING", "SCHEDULED") else None
    dead = end is not None and rnd.random() < plan.deleted_share
    if dead:
        made.deleted.append(run)
    user, model = rnd.choice(_USERS), rnd.choice(_MODELS)
    out.add(
        "runs", run, f"{model}-{number}", "UNKNOWN", "", "", user, status, start, end, "",
        "deleted" if dead else "active", f"mlflow-artifacts:/{experiment}/{run}/artifacts", int(experiment),
        start + length + 1000 if dead else None,
    )  # fmt: skip
    for key in _names(_PARAMS, plan.params):
        value = model if key == "model" else f"{10 ** rnd.uniform(-5, 2):.4g}"
        out.add("params", key, value, run)
    tags = {"mlflow.runName": f"{model}-{number}", "mlflow.user": user}
    tags |= {
        "mlflow.source.git.commit": hashlib.sha1(f"{experiment}{number // 20}".encode()).hexdigest()
    }
    tags |= {f"label_{index}": f"value {rnd.randrange(5)}" for index in range(plan.tags)}
    if number % 50 == 0:
        tags["mlflow.note.content"] = f"Note of run {number}: *Straße*, 気温"
    for key, value in tags.items():
        out.add("tags", key, value, run)
    _metrics(out, made, plan, rnd, run, number, start, length)
    if plan.datasets:
        link = f"{rnd.getrandbits(128):032x}"
        out.add("inputs", link, "DATASET", dataset, "RUN", run, 0)
        out.add("input_tags", link, "mlflow.data.context", "training")


def _metrics(
    out: _Writer,
    made: Seeded,
    plan: SeedPlan,
    rnd: random.Random,
    run: str,
    number: int,
    start: int,
    length: int,
) -> None:
    bad = rnd.random()
    for position, key in enumerate(_names(_METRICS, plan.metrics)):
        points = (
            plan.long_history
            if plan.long_history and number == 0 and key == "loss"
            else max(1, plan.history)
        )
        scale, rate = rnd.uniform(0.5, 3), rnd.uniform(1, 6)
        for step in range(points):
            value, nan = scale * math.exp(-rate * (step + 1) / points), 0
            at = start + length * step // points
            if position == 0 and step == points - 1:
                if bad < plan.nan_share:
                    value, nan = 0.0, 1
                    made.nan.append(run)
                elif bad < plan.nan_share + plan.inf_share:
                    value = INF if number % 2 else -INF
                    made.inf.append(run)
            out.add("metrics", key, value, at, run, step, nan)
        out.add("latest_metrics", key, value, at, points - 1, nan, run)


def _models(out: _Writer, made: Seeded, plan: SeedPlan) -> None:
    for index in range(min(plan.models, plan.runs)):
        run, experiment = made.runs[index], made.experiments[0]
        name = f"{plan.prefix}model-{index + 1}"
        model = "m-" + hashlib.sha1(run.encode()).hexdigest()[:32]
        place = f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
        at = plan.end_ms + index
        out.add(
            "logged_models",
            model,
            int(experiment),
            name,
            place,
            at,
            at,
            2,
            "active",
            "sklearn",
            run,
        )
        out.add("registered_models", name, at, at, f"Model {index + 1}, made up", "default")
        for version in (1, 2):
            out.add(
                "model_versions", name, version, at, at, "", "alice", "None", f"models:/{model}", run, "READY", place,
                "default",
            )  # fmt: skip
        out.add("registered_model_aliases", "champion", 2, name, "default")


def _names(known: tuple[str, ...], count: int) -> list[str]:
    return [known[index] if index < len(known) else f"key_{index:03d}" for index in range(count)]


@dataclass(frozen=True, slots=True)
class TrueRun:
    """A run as the server's database has it, for comparison with a local store."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    start_ms: int | None
    end_ms: int | None
    lifecycle: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, tuple[float | None, int, int]]
    """Latest value (None for NaN), step, timestamp."""


def read_runs(db: Path) -> dict[str, TrueRun]:
    """All runs of a server's database by id, deleted ones too."""
    params: dict[str, dict[str, str]] = defaultdict(dict)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, tuple[float | None, int, int]]] = defaultdict(dict)
    with contextlib.closing(
        sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=30)
    ) as connection:
        for key, value, run in connection.execute("select key, value, run_uuid from params"):
            params[run][key] = value
        for key, value, run in connection.execute("select key, value, run_uuid from tags"):
            tags[run][key] = value
        query = "select key, value, is_nan, step, timestamp, run_uuid from latest_metrics"
        for key, value, nan, step, at, run in connection.execute(query):
            metrics[run][key] = (None if nan else value, step, at)
        query = "select run_uuid, experiment_id, name, status, start_time, end_time, lifecycle_stage from runs"
        return {
            run: TrueRun(
                run,
                str(experiment),
                name,
                status,
                start,
                end,
                lifecycle,
                params[run],
                tags[run],
                metrics[run],
            )
            for run, experiment, name, status, start, end, lifecycle in connection.execute(query)
        }
