"""Fills a local database with many projects and runs, by bulk SQL: a million runs take about a minute.

Everything is a function of the counts, so that two fills of the same size are equal.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from mantik_tui.domain.ids import new_id
from mantik_tui.store.connect import Store
from mantik_tui.store.writes import setup
from mantik_tui.store.writes.keys import key_number
from mantik_tui.store.writes.projects import refresh_stats

NOW_MS = int(time.mktime((2026, 11, 24, 14, 5, 0, 0, 0, -1))) * 1000
"""A Tuesday, five past two, local time."""
SERVER = "https://mlflow.example.org"
ME = "tom"

_FIRST = (
    "calm",
    "quick",
    "stern",
    "bold",
    "quiet",
    "brisk",
    "deep",
    "early",
    "fair",
    "grand",
    "keen",
    "light",
    "merry",
    "noble",
    "proud",
    "sharp",
)
_SECOND = (
    "heron",
    "otter",
    "owl",
    "lynx",
    "finch",
    "wolf",
    "crane",
    "badger",
    "falcon",
    "hare",
    "ibis",
    "kite",
    "marten",
    "raven",
    "seal",
    "stoat",
)
_PROJECTS = (
    ("wind power ensemble", "Post-processing of ECMWF ensemble wind at hub height.", "Regression", "maria", "rmse", "min"),
    ("hail nowcasting", "Hail within the next hour from radar and lightning.", "Classification", "maria", "f1", "max"),
    ("station clustering", "Groups of stations with a like climate.", "Clustering", "tom", "silhouette", "max"),
    ("sea ice drift", "Drift from two days of SAR images.", "Regression", "ada", "rmse", "min"),
    ("dust forecast", "Dust load over the Sahel, five days ahead.", "Regression", "tom", "mae", "min"),
    ("fog at airports", "Visibility below 550 m, by the hour.", "Classification", "ada", "f1", "max"),
)  # fmt: skip
_DESCRIPTION = """\
# {name}

{summary}

## Data

* **era5-2020**: hourly reanalysis, 0.25°
* **icon-eps**: 40 members, 2018 to 2024

Train on 2018 to 2022, validate on 2023, test on 2024. Ask *{owner}* before you use the test year.

```
mantik-tui runs submit wind-small --site juwels
```
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made."""

    workspace_id: int
    project_ids: tuple[int, ...]
    runs: int


def fill_store(
    path: Path, *, projects: int = 6, runs: int = 600, params: int = 5, now_ms: int = NOW_MS
) -> Filled:
    """Fill the database at `path`. The first project has half of the runs; each run has three metrics, `params` params."""
    store = Store(path)
    connection = store.connection
    connection.execute("PRAGMA synchronous = OFF")
    with store.transaction():
        workspace_id = setup.put_workspace(connection, "hpc-group", SERVER, ME, "none")
        connection.execute(
            "UPDATE workspace SET state = 'live', round_ms = ?, server_version = '3.17.2'", (now_ms - 60_000,)
        )  # fmt: skip
        ids = tuple(
            _project(connection, workspace_id, number, now_ms) for number in range(projects)
        )
        if runs:
            _fill_runs(connection, ids, runs, params, now_ms)
        refresh_stats(connection, ids)
    connection.execute("PRAGMA optimize")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return Filled(workspace_id, ids, runs)


def _project(connection: sqlite3.Connection, workspace_id: int, number: int, now_ms: int) -> int:
    name, summary, kind, owner, metric, goal = _PROJECTS[number % len(_PROJECTS)]
    round_number = number // len(_PROJECTS)
    if round_number:
        name = f"{name} {round_number + 1}"
    others = [user for user in ("maria", "tom", "ada", "lin") if user != owner][: 1 + number % 3]
    doc = {
        "labels": [["problem-type", kind, ""], ["", "ecmwf" if number % 2 == 0 else "radar", ""]],
        "members": [[owner, "Owner"], *([user, "Researcher"] for user in others)],
        "code": [{"uid": "c1", "name": "training code", "uri": f"https://git.example.org/{owner}/p{number}.git",
                  "description": "", "dvc": False}] if number % 2 == 0 else [],
        "data": [{"uid": "d1", "name": "era5-2020", "uri": "juwels:/p/scratch/era5/2020", "description": "hourly",
                  "dvc": True}] if number % 3 == 0 else [],
    }  # fmt: skip
    ownership = "own" if owner == ME else "shared" if ME in others else "public"
    row = connection.execute(
        "INSERT INTO project (workspace_id, uid, name, summary, description, owner, ownership, visibility, doc,"
        " best_metric, best_goal, as_of_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id",
        (workspace_id, new_id(now_ms), name, summary, _DESCRIPTION.format(name=name, summary=summary, owner=owner),
         owner, ownership, "PUBLIC" if ownership == "public" else "SHARED", json.dumps(doc), metric, goal, now_ms),
    ).fetchone()  # fmt: skip
    connection.execute(
        "INSERT INTO experiment (workspace_id, server_id, created_ms, name, project_id, pull_state, as_of_ms)"
        " VALUES (?, ?, 1, ?, ?, 'live', ?)",
        (workspace_id, str(number + 1), f"{name.replace(' ', '-')}-main", row[0], now_ms),
    )
    return int(row[0])


def _fill_runs(
    connection: sqlite3.Connection, projects: tuple[int, ...], runs: int, params: int, now_ms: int
) -> None:
    """Runs 1..n, newest first; number 1 and 2 run, 3 is queued, each ninth failed."""
    connection.execute("CREATE TEMP TABLE one (i INTEGER PRIMARY KEY, word TEXT)")
    connection.execute("CREATE TEMP TABLE two (i INTEGER PRIMARY KEY, word TEXT)")
    connection.executemany("INSERT INTO one VALUES (?, ?)", enumerate(_FIRST))
    connection.executemany("INSERT INTO two VALUES (?, ?)", enumerate(_SECOND))
    connection.execute(
        "CREATE TEMP TABLE owner (i INTEGER PRIMARY KEY, project INTEGER, experiment INTEGER)"
    )
    connection.executemany(
        "INSERT INTO owner SELECT ?, ?, id FROM experiment WHERE project_id = ?",
        [(number, project, project) for number, project in enumerate(projects)],
    )
    connection.execute(
        f"""
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {int(runs)}),
        r AS (SELECT i, (i * 2654435761) % 1000003 AS h FROM n)
        INSERT INTO run (id, workspace_id, experiment_id, project_id, server_id, name, status, user, start_ms, end_ms,
                         site, job_state, cause, as_of_ms)
        SELECT r.i, 1, o.experiment, o.project, printf('%032x', r.i),
               one.word || '-' || two.word || '-' || (r.h % 97),
               CASE WHEN r.i <= 2 THEN 'RUNNING' WHEN r.i = 3 THEN 'SCHEDULED'
                    WHEN r.i % 9 = 4 THEN 'FAILED' WHEN r.i % 31 = 5 THEN 'KILLED' ELSE 'FINISHED' END,
               CASE r.h % 4 WHEN 0 THEN 'tom' WHEN 1 THEN 'maria' WHEN 2 THEN 'ada' ELSE 'lin' END,
               :now - r.i * 2700000,
               CASE WHEN r.i <= 3 THEN NULL ELSE :now - r.i * 2700000 + 600000 + (r.h % 7200) * 1000 END,
               CASE r.h % 3 WHEN 0 THEN 'juwels' WHEN 1 THEN 'uni' ELSE '' END,
               CASE WHEN r.h % 3 = 2 THEN '' WHEN r.i <= 2 THEN 'running' WHEN r.i = 3 THEN 'queued'
                    WHEN r.i % 9 = 4 THEN 'failed' ELSE 'finished' END,
               CASE WHEN r.i % 9 = 4 THEN CASE r.h % 3 WHEN 0 THEN 'out of memory' WHEN 1 THEN 'timeout'
                    ELSE 'exit code 1' END ELSE '' END,
               :now
        FROM r JOIN one ON one.i = r.h % 16 JOIN two ON two.i = (r.h / 16) % 16
        JOIN owner o ON o.i = CASE WHEN r.i % 2 = 0 OR r.i <= 3 THEN 0 ELSE (r.h % {len(projects)}) END
        """,
        {"now": now_ms},
    )  # fmt: skip
    for name in ("rmse", "mae", "f1", "silhouette"):
        _metric(connection, name, 0.04, ranked=True)
    _metric(connection, "loss", 0.03)
    _metric(connection, "val_loss", 0.05)
    for number in range(params):
        _param(connection, number)
    for table in ("one", "two", "owner"):
        connection.execute(f"DROP TABLE temp.{table}")


def _metric(connection: sqlite3.Connection, name: str, low: float, *, ranked: bool = False) -> None:
    """One value for each run that is not queued; each 50th diverged to NaN. `ranked`: only in projects ranked by it."""
    source = "run r"
    if ranked:
        source += " JOIN project p ON p.id = r.project_id AND p.best_metric = :name"
    connection.execute(
        "INSERT INTO metric (run_id, key_id, value, is_nan, step, at_ms)"
        f" SELECT r.id, :key, CASE WHEN r.id % 50 = 7 THEN NULL ELSE {low} + ((r.id * 7919) % 10007) / 20000.0 END,"
        f" r.id % 50 = 7, 30, r.start_ms + 600000 FROM {source} WHERE r.status <> 'SCHEDULED'",
        {"key": key_number(connection, "metric", name)} | ({"name": name} if ranked else {}),
    )


_PARAMS = (
    ("lr", "CASE r.id % 4 WHEN 0 THEN '0.0003' WHEN 1 THEN '0.0001' WHEN 2 THEN '0.001' ELSE '0.003' END"),
    ("batch", "CASE r.id % 3 WHEN 0 THEN '64' WHEN 1 THEN '128' ELSE '256' END"),
    ("arch", "CASE r.id % 5 WHEN 0 THEN 'resnet-12' WHEN 1 THEN 'resnet-18' ELSE 'unet' END"),
    ("seed", "CAST(r.id % 10 AS TEXT)"),
    ("data", "'era5-2020'"),
)  # fmt: skip


def _param(connection: sqlite3.Connection, number: int) -> None:
    name, value = _PARAMS[number] if number < len(_PARAMS) else (f"option_{number}", "'x'")
    connection.execute(
        f"INSERT INTO param SELECT r.id, ?, {value} FROM run r",
        (key_number(connection, "param", name),),
    )
