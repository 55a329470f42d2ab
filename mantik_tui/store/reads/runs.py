"""Reads of runs: windows for tables, one run whole, lookup by name or id."""

from __future__ import annotations

import json
import math
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mantik_tui.domain.errors import Ambiguous, NotFound
from mantik_tui.domain.filters import Filter
from mantik_tui.domain.run import MetricValue, Run, RunRow
from mantik_tui.store.run_filter import Condition, compile_filter

NOTE_TAG = "mlflow.note.content"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which runs a table is about; all of them when nothing is set."""

    workspace_id: int | None = None
    project_id: int | None = None
    experiment_id: int | None = None
    active_only: bool = False
    """Only runs that are queued or running, or that wait in the outbox to be submitted."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """`key` is a column (start, end, took, name, status, user, site, experiment) or `metric:NAME`, `param:NAME`."""

    key: str = "start"
    descending: bool = True


_ORDER = {
    "start": "r.start_ms",
    "end": "r.end_ms",
    "took": "(r.end_ms - coalesce((SELECT max(j.started_ms) FROM job j WHERE j.run_id = r.id), r.start_ms))",
    "name": "r.name",
    "status": "r.status",
    "user": "r.user",
    "site": "r.site",
    "experiment": "r.experiment_id",
}


def _where(connection: sqlite3.Connection, scope: Scope, filter: Filter, now_ms: int) -> Condition:
    parts, args = [f"r.deleted = {int(scope.deleted)}"], list[object]()
    for column in ("workspace_id", "project_id", "experiment_id"):
        value = getattr(scope, column)
        if value is not None:
            parts.append(f"r.{column} = ?")
            args.append(value)
    if scope.active_only:
        parts.append("r.status IN ('RUNNING', 'SCHEDULED')")
    condition = compile_filter(connection, filter, now_ms)
    if condition.sql != "1":
        parts.append(condition.sql)
        args.extend(condition.args)
    return Condition(" AND ".join(parts), tuple(args))


def _order(connection: sqlite3.Connection, sort: Sort) -> tuple[str, str, tuple[object, ...]]:
    """JOIN clause, ORDER BY clause, arguments of the join."""
    way = "DESC" if sort.descending else "ASC"
    kind, colon, name = sort.key.partition(":")
    if colon:
        row = connection.execute(
            "SELECT id FROM key WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        table = "metric" if kind == "metric" else "param"
        value = "k.value" if kind == "metric" else "CAST(k.value AS REAL), k.value"
        value = ", ".join(f"{part.strip()} {way}" for part in value.split(", "))
        join = f"LEFT JOIN {table} k ON k.run_id = r.id AND k.key_id = ?"
        return join, f"k.value IS NULL, {value}, r.id DESC", (row[0] if row else -1,)
    column = _ORDER.get(sort.key, "r.start_ms")
    return "", f"{column} {way}, r.id {way}" if column != "r.start_ms" else f"r.start_ms {way}", ()


def run_ids(
    connection: sqlite3.Connection,
    scope: Scope,
    filter: Filter | None = None,
    sort: Sort | None = None,
    now_ms: int = 0,
    limit: int | None = None,
) -> array[int]:
    """Row ids in table order; with `limit`, the first ones only, which a common filter finds at once."""
    where = _where(connection, scope, filter or Filter(), now_ms)
    join, order, join_args = _order(connection, sort or Sort())
    sql = f"SELECT r.id FROM run r {join} WHERE {where.sql} ORDER BY {order}"
    args: tuple[object, ...] = (*join_args, *where.args)
    if limit is not None:
        sql, args = sql + " LIMIT ?", (*args, limit)
    return array("q", (row[0] for row in connection.execute(sql, args)))


_LOOK_EVERY = 20_000
"""So many steps of SQLite's machine lie between two questions whether to stop: about a millisecond."""


def run_ids_until(
    connection: sqlite3.Connection,
    scope: Scope,
    filter: Filter | None,
    sort: Sort | None,
    now_ms: int,
    stop: Callable[[], bool],
    limit: int | None = None,
) -> tuple[array[int], bool]:
    """Like `run_ids`, but gives up when `stop` says so. Returns what was found until then, and whether that is all."""
    where = _where(connection, scope, filter or Filter(), now_ms)
    join, order, join_args = _order(connection, sort or Sort())
    sql = f"SELECT r.id FROM run r {join} WHERE {where.sql} ORDER BY {order}"
    found = array("q")
    connection.set_progress_handler(lambda: int(stop()), _LOOK_EVERY)
    try:
        for (run_id,) in connection.execute(sql, (*join_args, *where.args)):
            if limit is not None and len(found) >= limit:
                return found, False
            found.append(run_id)
    except sqlite3.OperationalError:
        if not stop():
            raise
        return found, False
    finally:
        connection.set_progress_handler(None, 0)
    return found, True


def count_runs(
    connection: sqlite3.Connection, scope: Scope, filter: Filter | None = None, now_ms: int = 0
) -> int:
    where = _where(connection, scope, filter or Filter(), now_ms)
    return int(
        connection.execute(f"SELECT count(*) FROM run r WHERE {where.sql}", where.args).fetchone()[
            0
        ]
    )


def key_ids(connection: sqlite3.Connection, kind: str, names: Iterable[str]) -> dict[int, str]:
    """Key numbers of those `names` that occur at all."""
    found: dict[int, str] = {}
    for name in names:
        row = connection.execute(
            "SELECT id FROM key WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        if row:
            found[row[0]] = name
    return found


def run_rows(
    connection: sqlite3.Connection,
    ids: Sequence[int],
    metrics: Sequence[str] = (),
    params: Sequence[str] = (),
) -> list[RunRow]:
    """Rows of a window, in the order of `ids`; ids that are gone are left out."""
    if not ids:
        return []
    marks = ",".join(map(str, map(int, ids)))
    values = _metric_values(connection, marks, metrics)
    texts = _param_values(connection, marks, params)
    rows: dict[int, RunRow] = {}
    for row in connection.execute(
        "SELECT id, coalesce(cid, server_id, ''), name, status, user, start_ms, end_ms, experiment_id, project_id,"
        " site, job_state, cause, pending, iif(job_state = '', start_ms, (SELECT started_ms FROM job"
        f" WHERE run_id = run.id ORDER BY attempt DESC LIMIT 1)) FROM run WHERE id IN ({marks})"
    ):
        rows[row[0]] = RunRow(
            *(
                *row[:5],
                row[5] or None,
                row[6] or None,
                *row[7:13],
                values.get(row[0], {}),
                texts.get(row[0], {}),
                row[13],
            )
        )
    return [rows[id] for id in ids if id in rows]


def _metric_values(
    connection: sqlite3.Connection, marks: str, names: Sequence[str]
) -> dict[int, dict[str, float]]:
    keys = key_ids(connection, "metric", names)
    found: dict[int, dict[str, float]] = {}
    if keys:
        inside = ",".join(map(str, keys))
        for run, key, value, is_nan in connection.execute(
            f"SELECT run_id, key_id, value, is_nan FROM metric WHERE run_id IN ({marks}) AND key_id IN ({inside})"
        ):
            found.setdefault(run, {})[keys[key]] = math.nan if is_nan else value
    return found


def _param_values(
    connection: sqlite3.Connection, marks: str, names: Sequence[str]
) -> dict[int, dict[str, str]]:
    keys = key_ids(connection, "param", names)
    found: dict[int, dict[str, str]] = {}
    if keys:
        inside = ",".join(map(str, keys))
        for run, key, value in connection.execute(
            f"SELECT run_id, key_id, value FROM param WHERE run_id IN ({marks}) AND key_id IN ({inside})"
        ):
            found.setdefault(run, {})[keys[key]] = value
    return found


def get_run(connection: sqlite3.Connection, run_id: int) -> Run:
    """One run with all its params, latest metrics and tags.

    Raises:
        NotFound: there is no such row.
    """
    row = connection.execute(
        "SELECT r.id, coalesce(r.cid, r.server_id, ''), r.server_id, r.name, r.status,"
        " CASE r.deleted WHEN 0 THEN 'active' ELSE 'deleted' END, r.user, r.start_ms, r.end_ms, r.experiment_id,"
        " coalesce(e.name, ''), r.project_id, coalesce(p.name, ''), coalesce(d.artifact_uri, ''),"
        " coalesce(d.tags, '{}'), coalesce(d.local, '{}'), r.as_of_ms, r.pending, r.deleted,"
        " coalesce(d.server_status, ''),"
        " (SELECT started_ms FROM job WHERE run_id = r.id ORDER BY attempt DESC LIMIT 1)"
        " FROM run r LEFT JOIN experiment e ON e.id = r.experiment_id LEFT JOIN project p ON p.id = r.project_id"
        " LEFT JOIN run_doc d ON d.run_id = r.id WHERE r.id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        raise NotFound("There is no such run", hint="mantik-tui runs list shows those there are")
    tags = json.loads(row[14])
    return Run(
        *(
            *row[:7],
            row[7] or None,
            row[8] or None,
            *row[9:14],
            tags.get(NOTE_TAG, ""),
            get_params(connection, run_id),
            get_metrics(connection, run_id),
            tags,
            row[16],
            row[17],
            bool(row[18]),
            row[19],
            json.loads(row[15]),
            row[20],
        )
    )


def get_params(connection: sqlite3.Connection, run_id: int) -> dict[str, str]:
    return dict(
        connection.execute(
            "SELECT k.name, p.value FROM param p JOIN key k ON k.id = p.key_id WHERE p.run_id = ? ORDER BY k.name",
            (run_id,),
        ).fetchall()
    )


def get_metrics(connection: sqlite3.Connection, run_id: int) -> dict[str, MetricValue]:
    found: dict[str, MetricValue] = {}
    for name, value, is_nan, step, at_ms in connection.execute(
        "SELECT k.name, m.value, m.is_nan, m.step, m.at_ms FROM metric m JOIN key k ON k.id = m.key_id"
        " WHERE m.run_id = ? ORDER BY k.name",
        (run_id,),
    ):
        found[name] = MetricValue(name, math.nan if is_nan else value, step, at_ms)
    return found


def keys_in_use(
    connection: sqlite3.Connection, kind: str, scope: Scope, sample: int = 300
) -> list[str]:
    """Names of metrics or params of the scope's newest runs, most frequent first: what a column chooser offers."""
    ids = run_ids(connection, scope, limit=sample)
    if not ids:
        return []
    marks = ",".join(map(str, ids))
    return [
        row[0]
        for row in connection.execute(
            f"SELECT k.name, count(*) n FROM {kind} m JOIN key k ON k.id = m.key_id WHERE m.run_id IN ({marks})"
            " GROUP BY m.key_id ORDER BY n DESC, k.name",
        )
    ]


SHORTEST_PREFIX = 3
SHORTEST_SUFFIX = 6
"""Characters of an id's end that find a run; messages that ask for more of an id show its end."""
_SHOWN = 6
"""Runs that a message lists when several fit."""


def find_run(connection: sqlite3.Connection, text: str, scope: Scope | None = None) -> int:
    """Row id of the run that `text` names: our id, the server's, or a run's name; else the beginning of one of them;
    else the end of an id.

    Every look uses an index: a scan of 200,000 runs would take 10 to 40 ms.

    Raises:
        NotFound: nothing fits.
        Ambiguous: several runs fit; the cause lists them.
    """
    scope = scope or Scope()
    where, args = "1", list[object]()
    for column in ("workspace_id", "project_id"):
        value = getattr(scope, column)
        if value is not None:
            where, args = f"{where} AND {column} = ?", [*args, value]
    found: set[int] = set()
    for look, *values in _looks(text):
        found.update(
            row[0]
            for row in connection.execute(
                f"SELECT id FROM run WHERE {where} AND {look} LIMIT {_SHOWN}", (*args, *values)
            )
        )
        if found and look in _LAST_OF_KIND:
            break
    if not found:
        raise NotFound(
            f"No run is called {text!r}", hint="mantik-tui runs list shows names and ids"
        )
    if len(found) > 1:
        rows = run_rows(connection, sorted(found)[:_SHOWN])
        names = ", ".join(f"{row.name} ({row.cid[-12:] if row.cid else '-'})" for row in rows)
        hint = f"Give an id, its beginning, or at least its last {SHORTEST_SUFFIX} characters"
        raise Ambiguous(f"Several runs fit {text!r}", names, hint)
    return found.pop()


_SAME_NAME = "id IN (SELECT rowid FROM run_name WHERE name GLOB ?) AND name = ?"
_SAME_SHORT_NAME = "name = ?"
_NAME_BEGINS = "id IN (SELECT rowid FROM run_name WHERE name GLOB ?)"
_NAME_BEGINS_ODDLY = "name >= ? AND name < ?"
_CID_ENDS = "id IN (SELECT id FROM run WHERE cid IS NOT NULL AND substr(cid, ?) = ?)"
_SERVER_ID_ENDS = "server_id IS NOT NULL AND substr(server_id, ?) = ?"
_LAST_OF_KIND = (_SAME_NAME, _SAME_SHORT_NAME, _NAME_BEGINS, _NAME_BEGINS_ODDLY, _SERVER_ID_ENDS)
"""What fits exactly wins over a beginning, and that over an end."""


def _looks(text: str) -> Iterator[tuple[str, *tuple[object, ...]]]:
    """Conditions, with their arguments, in the order in which they are tried."""
    # The index of names knows three characters and more, and takes these as signs of its own.
    indexed = len(text) >= SHORTEST_PREFIX and not set(text) & set("*?[")
    yield "cid = ?", text
    yield "server_id = ?", text
    yield (_SAME_NAME, text, text) if indexed else (_SAME_SHORT_NAME, text)
    if len(text) >= SHORTEST_PREFIX:
        after = text + "\U0010ffff"
        yield "cid >= ? AND cid < ?", text, after
        yield "server_id >= ? AND server_id < ?", text, after
        yield (_NAME_BEGINS, f"{text}*") if indexed else (_NAME_BEGINS_ODDLY, text, after)
    if len(text) >= SHORTEST_SUFFIX and not set(text) - set("0123456789abcdef-"):
        yield _CID_ENDS, -len(text), text
        yield _SERVER_ID_ENDS, -len(text), text
