"""What the engine writes of what a tracking server told it. Bulk SQL; the caller holds the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mantik_tui.store.writes.keys import Keys
from mantik_tui.store.writes.projects import refresh_stats, refresh_stats_of_runs

CID_TAG = "mantik.cid"


class PulledDataset(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def context(self) -> str: ...


class PulledRun(Protocol):
    """A run as rows, as the tracking backend gives it."""

    @property
    def server_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def start_ms(self) -> int | None: ...
    @property
    def end_ms(self) -> int | None: ...
    @property
    def lifecycle(self) -> str: ...
    @property
    def artifact_uri(self) -> str: ...
    @property
    def tags(self) -> dict[str, str]: ...
    @property
    def params(self) -> list[tuple[str, str]]: ...
    @property
    def metrics(self) -> list[tuple[str, float | None, int, int, int]]: ...
    @property
    def datasets(self) -> Sequence[PulledDataset]: ...


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an experiment's runs belong: local row id of the experiment, and of its project."""

    experiment_id: int
    project_id: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a write changed."""

    run_ids: list[int]
    new: int
    status_changed: list[int]


def store_runs(
    connection: sqlite3.Connection,
    keys: Keys,
    workspace_id: int,
    places: Mapping[str, Placed],
    runs: Sequence[PulledRun],
    now_ms: int,
    asked_ms: int | None = None,
) -> Stored:
    """Insert or update runs by their server id. Fields that an open outbox entry edits keep our value.

    A run whose tag `mantik.cid` names a local row that the server has not seen yet becomes that row. The status of a run
    that has a job here is the job's affair; the server's word is kept beside it. `asked_ms` is when the runs were asked
    for (by default now): what was sent since then is newer than what they say.
    """
    runs = [run for run in runs if run.experiment_id in places]
    known = _known(connection, workspace_id, runs)
    masks = _masks(
        connection, [row[0] for row in known.values()], now_ms if asked_ms is None else asked_ms
    )
    next_id = int(connection.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0]) + 1
    inserts: list[tuple[object, ...]] = []
    updates: list[tuple[object, ...]] = []
    ids: list[int] = []
    changed: list[int] = []
    for run in runs:
        place = places[run.experiment_id]
        deleted = int(run.lifecycle != "active")
        found = known.get(run.server_id)
        if found is None:
            run_id, next_id = next_id, next_id + 1
            cid = run.tags.get(CID_TAG)
            if cid is not None and not _free(connection, cid):
                cid = None
            inserts.append(
                (run_id, workspace_id, place.experiment_id, place.project_id, cid, run.server_id, run.name,
                 run.status, run.user, run.start_ms or 0, run.end_ms, deleted, now_ms)
            )  # fmt: skip
            changed.append(run_id)
        else:
            run_id, old_status, job_state = found
            mask = masks.get(run_id, frozenset())
            keep_status = job_state != "" or "status" in mask
            if not keep_status and old_status != run.status:
                changed.append(run_id)
            updates.append(
                (place.experiment_id, place.project_id, run.server_id, "name" in mask, run.name,
                 keep_status, run.status, run.user, run.start_ms or 0, keep_status, run.end_ms, deleted, now_ms, run_id)
            )  # fmt: skip
        ids.append(run_id)
    connection.executemany(
        "INSERT INTO run (id, workspace_id, experiment_id, project_id, cid, server_id, name, status, user, start_ms,"
        " end_ms, deleted, as_of_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        inserts,
    )
    connection.executemany(
        "UPDATE run SET experiment_id = ?, project_id = ?, server_id = ?, name = iif(?, name, ?),"
        " status = iif(?, status, ?), user = ?, start_ms = ?, end_ms = iif(?, end_ms, ?), deleted = ?, as_of_ms = ?"
        " WHERE id = ?",
        updates,
    )
    _store_details(connection, keys, ids, runs, masks, {row[0] for row in known.values()})
    _store_datasets(connection, workspace_id, ids, runs)
    return Stored(ids, len(inserts), changed)


def _known(
    connection: sqlite3.Connection, workspace_id: int, runs: Sequence[PulledRun]
) -> dict[str, tuple[int, str, str]]:
    """Server id → (row id, status, job state) of the runs that have a row."""
    found: dict[str, tuple[int, str, str]] = {}
    for start in range(0, len(runs), 500):
        part = [run.server_id for run in runs[start : start + 500]]
        marks = ",".join("?" * len(part))
        for server_id, *row in connection.execute(
            f"SELECT server_id, id, status, job_state FROM run WHERE workspace_id = ? AND server_id IN ({marks})",
            (workspace_id, *part),
        ):
            found[server_id] = (row[0], row[1], row[2])
    for run in runs:
        cid = run.tags.get(CID_TAG)
        if cid and run.server_id not in found:
            row = connection.execute(
                "SELECT id, status, job_state FROM run WHERE cid = ? AND server_id IS NULL", (cid,)
            ).fetchone()
            if row is not None and row[0] not in {item[0] for item in found.values()}:
                found[run.server_id] = row
    return found


def _free(connection: sqlite3.Connection, cid: str) -> bool:
    return connection.execute("SELECT 1 FROM run WHERE cid = ?", (cid,)).fetchone() is None


def _masks(
    connection: sqlite3.Connection, run_ids: Sequence[int], asked_ms: int
) -> dict[int, frozenset[str]]:
    """Fields that entries edit which are open, or were sent since the page was asked for: `name`, `status`, `tag:KEY`."""
    masks: dict[int, set[str]] = {}
    wanted = set(run_ids)
    for run_id, kind, payload in connection.execute(
        "SELECT run_id, kind, payload FROM outbox WHERE state = 'done' AND updated_ms >= ?",
        (asked_ms,),
    ):
        if run_id in wanted:
            _mask(masks, run_id, kind, payload)
    for start in range(0, len(run_ids), 500):
        marks = ",".join(map(str, run_ids[start : start + 500]))
        for run_id, kind, payload in connection.execute(
            "SELECT run_id, kind, payload FROM outbox WHERE state NOT IN ('done', 'cancelled')"
            f" AND run_id IN ({marks})"
        ):
            _mask(masks, run_id, kind, payload)
    return {run_id: frozenset(mask) for run_id, mask in masks.items()}


def _mask(masks: dict[int, set[str]], run_id: int, kind: str, payload: str) -> None:
    if kind == "rename-run":
        masks.setdefault(run_id, set()).add("name")
    elif kind == "run-status":
        masks.setdefault(run_id, set()).add("status")
    elif kind in ("set-tag", "delete-tag", "set-note"):
        masks.setdefault(run_id, set()).add(f"tag:{json.loads(payload).get('key', '')}")


def _store_details(
    connection: sqlite3.Connection,
    keys: Keys,
    ids: Sequence[int],
    runs: Sequence[PulledRun],
    masks: Mapping[int, frozenset[str]],
    known: set[int],
) -> None:
    docs: list[tuple[object, ...]] = []
    metrics: list[tuple[object, ...]] = []
    params: list[tuple[object, ...]] = []
    tags: list[tuple[object, ...]] = []
    number = keys.number
    for run_id, run in zip(ids, runs, strict=True):
        shown = _masked_tags(connection, run_id, run.tags, masks.get(run_id))
        docs.append((run_id, json.dumps(shown, ensure_ascii=False), run.artifact_uri, run.status))
        for key, value, is_nan, step, at_ms in run.metrics:
            metrics.append((run_id, number(connection, "metric", key), value, is_nan, step, at_ms))
        for name, text in run.params:
            params.append((run_id, number(connection, "param", name), text))
        for name, text in shown.items():
            if not name.startswith(("mlflow.", "mantik.")):
                tags.append((run_id, number(connection, "tag", name), text))
    connection.executemany(
        "INSERT INTO run_doc (run_id, tags, artifact_uri, server_status) VALUES (?, ?, ?, ?) ON CONFLICT (run_id) DO"
        " UPDATE SET tags = excluded.tags, artifact_uri = excluded.artifact_uri, server_status = excluded.server_status",
        docs,
    )
    connection.executemany(
        "INSERT INTO metric (run_id, key_id, value, is_nan, step, at_ms) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, step = excluded.step,"
        " at_ms = excluded.at_ms WHERE value IS NOT excluded.value OR step <> excluded.step OR at_ms <> excluded.at_ms"
        " OR is_nan <> excluded.is_nan",
        metrics,
    )
    connection.executemany(
        "INSERT INTO param (run_id, key_id, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
        " WHERE value <> excluded.value",
        params,
    )
    connection.executemany(
        "DELETE FROM tag WHERE run_id = ?", [(run_id,) for run_id in ids if run_id in known]
    )
    connection.executemany(
        "INSERT OR REPLACE INTO tag (run_id, key_id, value) VALUES (?, ?, ?)", tags
    )


def _masked_tags(
    connection: sqlite3.Connection, run_id: int, tags: dict[str, str], mask: frozenset[str] | None
) -> dict[str, str]:
    """The server's tags, with our values of those that wait to be sent."""
    pending = [item[4:] for item in mask or () if item.startswith("tag:")]
    if not pending:
        return tags
    row = connection.execute("SELECT tags FROM run_doc WHERE run_id = ?", (run_id,)).fetchone()
    ours = json.loads(row[0]) if row else {}
    shown = dict(tags)
    for key in pending:
        if key in ours:
            shown[key] = ours[key]
        else:
            shown.pop(key, None)
    return shown


def _store_datasets(
    connection: sqlite3.Connection, workspace_id: int, ids: Sequence[int], runs: Sequence[PulledRun]
) -> None:
    for run_id, run in zip(ids, runs, strict=True):
        for item in run.datasets:
            row = connection.execute(
                "INSERT INTO dataset (workspace_id, name, digest, source) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET source = excluded.source RETURNING id",
                (workspace_id, item.name, item.digest, item.source),
            ).fetchone()
            connection.execute(
                "INSERT OR REPLACE INTO run_dataset (run_id, dataset_id, context) VALUES (?, ?, ?)",
                (run_id, row[0], item.context),
            )


def mark_deleted(connection: sqlite3.Connection, run_id: int) -> None:
    """The server says that it has this run no more; what was read of it stays readable here."""
    connection.execute("UPDATE run SET deleted = 1 WHERE id = ?", (run_id,))
    refresh_stats_of_runs(connection, [run_id])


def remove_runs(connection: sqlite3.Connection, run_ids: Iterable[int]) -> None:
    """Drop rows of runs whose absence on the server was proven, and recount their projects. Runs with a job or an open
    entry here stay, as deleted ones."""
    projects: set[int] = set()
    for run_id in run_ids:
        row = connection.execute("SELECT project_id FROM run WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            continue
        if row[0] is not None:
            projects.add(row[0])
        kept = connection.execute(
            "SELECT 1 FROM job WHERE run_id = ? UNION ALL SELECT 1 FROM outbox WHERE run_id = ?"
            " AND state NOT IN ('done', 'cancelled') LIMIT 1",
            (run_id, run_id),
        ).fetchone()
        if kept:
            connection.execute("UPDATE run SET deleted = 1 WHERE id = ?", (run_id,))
            continue
        for table in ("metric", "param", "tag", "series", "series_chunk", "artifact", "artifact_dir", "run_dataset",
                      "run_doc"):  # fmt: skip
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
        connection.execute("DELETE FROM run WHERE id = ?", (run_id,))
    refresh_stats(connection, projects)
