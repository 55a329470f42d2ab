"""Filters of runs as SQL.

A term has two forms. *Driving*: a set of run ids from an index, good when few runs fit. *Testing*: a condition on
one run, good when many fit, since a newest-first walk then fills a screen at once. Which one is used is decided by a
bounded look into the index, so that neither a rare nor a common needle scans a million rows before the first hits.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from mantik_tui.domain.filters import Filter, Term, as_number

FEW = 4000
"""Up to so many index entries, a term drives the query."""
DISTINCT = 1000
"""A param with up to so many different values is looked at value by value, else run by run."""

_COLUMNS = {
    "status": "r.status",
    "name": "r.name",
    "user": "r.user",
    "site": "r.site",
    "job": "r.job_state",
    "cause": "r.cause",
    "id": "coalesce(r.cid, r.server_id)",
}


@dataclass(frozen=True, slots=True)
class Condition:
    sql: str
    args: tuple[object, ...]


def compile_filter(connection: sqlite3.Connection, filter: Filter, now_ms: int) -> Condition:
    """The WHERE condition over `run AS r` that `filter` stands for; `1` when it is empty."""
    if not filter:
        return Condition("1", ())
    parts: list[str] = []
    args: list[object] = []
    for terms in filter.alternatives:
        conditions = [_term(connection, term, now_ms) for term in terms]
        parts.append("(" + " AND ".join(c.sql for c in conditions) + ")")
        for condition in conditions:
            args.extend(condition.args)
    return Condition("(" + " OR ".join(parts) + ")", tuple(args))


def _term(connection: sqlite3.Connection, term: Term, now_ms: int) -> Condition:
    condition = _positive(connection, term, now_ms)
    if term.negated:
        return Condition(f"NOT coalesce({condition.sql}, 0)", condition.args)
    return condition


def _positive(connection: sqlite3.Connection, term: Term, now_ms: int) -> Condition:
    field = term.field.lower()
    if field == "name":
        return _name(connection, term)
    if field == "status":
        return _status(term)
    if field in ("started", "ended"):
        return _age("r.start_ms" if field == "started" else "r.end_ms", term, now_ms)
    if field == "experiment":
        ids = "SELECT id FROM experiment WHERE name LIKE ? ESCAPE '\\'"
        return Condition(f"r.experiment_id IN ({ids})", (_like(term.value),))
    if field in _COLUMNS:
        return _text(_COLUMNS[field], term)
    if field == "is" and term.value.lower() in ("pending", "deleted"):
        return Condition(
            "r.pending > 0" if term.value.lower() == "pending" else "r.deleted = 1", ()
        )
    return _keyed(connection, term)


def _like(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _text(column: str, term: Term) -> Condition:
    if term.op == ":":
        return Condition(f"{column} LIKE ? ESCAPE '\\'", (_like(term.value),))
    op = {"=": "=", "!=": "<>"}.get(term.op, term.op)
    return Condition(f"{column} {op} ? COLLATE NOCASE", (term.value,))


def _status(term: Term) -> Condition:
    """Statuses by their beginning, so that `status:run` works while it is typed; job states and causes count too."""
    value = term.value.lower()
    known = ("SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED")
    fits = [word for word in known if word.lower().startswith(value)]
    if value == "queued":
        fits = ["SCHEDULED"]
    if term.op == "!=":
        fits = [word for word in known if word not in fits]
    if fits:
        marks = ",".join("?" * len(fits))
        return Condition(f"r.status IN ({marks})", tuple(fits))
    return Condition("(r.job_state LIKE ? OR r.cause LIKE ?)", (f"{value}%", f"%{value}%"))


def _age(column: str, term: Term, now_ms: int) -> Condition:
    span = as_number(term.value)
    if span is None:
        return Condition("1", ())
    op = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", ":": ">", "=": ">", "!=": "<"}[term.op]
    return Condition(f"({column} > 0 AND {column} {op} ?)", (now_ms - int(span),))


def _name(connection: sqlite3.Connection, term: Term) -> Condition:
    if term.op != ":":
        return _text("r.name", term)
    pattern = _like(term.value)
    if len(term.value) >= 3 and "\\" not in pattern:
        found = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM run_name WHERE name LIKE ? LIMIT ?)",
            (pattern, FEW + 1),
        ).fetchone()[0]
        if found <= FEW:
            return Condition("r.id IN (SELECT rowid FROM run_name WHERE name LIKE ?)", (pattern,))
    return Condition("r.name LIKE ? ESCAPE '\\'", (pattern,))


def _key_id(connection: sqlite3.Connection, kind: str, name: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM key WHERE kind = ? AND name = ?", (kind, name)
    ).fetchone()
    return None if row is None else int(row[0])


_PREFIXES = {
    "metrics": "metric",
    "metric": "metric",
    "params": "param",
    "param": "param",
    "tags": "tag",
    "tag": "tag",
}


def _keyed(connection: sqlite3.Connection, term: Term) -> Condition:
    prefix, dot, rest = term.field.partition(".")
    kinds, name = ("metric", "param", "tag"), term.field
    if dot and prefix.lower() in _PREFIXES:
        kinds, name = (_PREFIXES[prefix.lower()],) * 3, rest
    numeric = as_number(term.value) is not None
    for kind in kinds:
        key = _key_id(connection, kind, name)
        if key is None:
            continue
        if kind == "metric":
            return _metric(connection, key, term)
        return _param(connection, kind, key, term, numeric)
    return Condition("0", ())


def _metric(connection: sqlite3.Connection, key: int, term: Term) -> Condition:
    value = as_number(term.value)
    test, args = "1", tuple[object, ...]()
    if value is not None and math.isnan(value):
        test = "m.is_nan = 0" if term.op == "!=" else "m.is_nan = 1"
    elif value is not None:
        if math.isinf(value):
            value = math.copysign(1.7976931348623157e308, value)
        op = {":": "=", "!=": "<>"}.get(term.op, term.op)
        test, args = f"m.value {op} ?", (value,)
    return _drive_or_test(connection, "metric", key, test, args)


def _param(
    connection: sqlite3.Connection, table: str, key: int, term: Term, numeric: bool
) -> Condition:
    test, args = "1", tuple[object, ...]()
    if term.op in ("<", "<=", ">", ">="):
        test, args = f"CAST(m.value AS REAL) {term.op} ?", (as_number(term.value) or 0.0,)
    elif term.op == ":":
        test, args = "m.value LIKE ? ESCAPE '\\'", (_like(term.value),)
    else:
        op = "=" if term.op == "=" else "<>"
        same = f"m.value {op} ?"
        if numeric and term.op == "=":
            # 0.001 and 1e-3 are the same learning rate
            test = "(m.value = ? OR CAST(m.value AS REAL) = ?)"
            args = (term.value, as_number(term.value))
        else:
            return _drive_or_test(connection, table, key, same, (term.value,))
    values = _values(connection, table, key, test, args)
    if values is not None:
        test, args = f"m.value IN ({','.join('?' * len(values))})", tuple(values)
    return _drive_or_test(connection, table, key, test, args)


def _values(
    connection: sqlite3.Connection, table: str, key: int, test: str, args: tuple[object, ...]
) -> list[str] | None:
    """Values of a key that pass a test which no index answers; None if the key has too many different ones.

    Steps through the index from one value to the next, so that a million runs with four learning rates cost four looks.
    """
    rows = connection.execute(
        f"WITH RECURSIVE v (value) AS (SELECT min(value) FROM {table} WHERE key_id = ?"
        f" UNION ALL SELECT (SELECT min(n.value) FROM {table} n WHERE n.key_id = ? AND n.value > v.value)"
        f" FROM v WHERE v.value IS NOT NULL LIMIT ?) SELECT m.value, {test} FROM v m WHERE m.value IS NOT NULL",
        (key, key, DISTINCT + 1, *args),
    ).fetchall()
    return None if len(rows) > DISTINCT else [value for value, fits in rows if fits]


def _drive_or_test(
    connection: sqlite3.Connection, table: str, key: int, test: str, args: tuple[object, ...]
) -> Condition:
    probe = f"SELECT count(*) FROM (SELECT 1 FROM {table} m WHERE m.key_id = ? AND {test} LIMIT ?)"
    found = connection.execute(probe, (key, *args, FEW + 1)).fetchone()[0]
    if found <= FEW:
        driving = f"r.id IN (SELECT m.run_id FROM {table} m WHERE m.key_id = ? AND {test})"
        return Condition(driving, (key, *args))
    testing = f"EXISTS (SELECT 1 FROM {table} m WHERE m.run_id = r.id AND m.key_id = ? AND {test})"
    return Condition(testing, (key, *args))
