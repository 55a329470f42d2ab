"""Lists as CSV or JSON files, for a spreadsheet or a script."""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.project import ProjectRow
from mantik_tui.domain.run import RunRow
from mantik_tui.domain.text import stamp
from mantik_tui.workspace import reads
from mantik_tui.workspace.session import Session

Record = dict[str, object]
Table = Callable[[Session], Iterable[Record]]
"""Gives the records of a list, read with the session of the thread that writes them."""

FORMATS = (".csv", ".json")
_PAGE = 500


def project_table(rows: Sequence[ProjectRow], session: Session) -> Iterable[Record]:
    """Projects, with the value and name of the best run."""
    del session
    for row in rows:
        yield {
            "id": row.uid, "name": row.name, "summary": row.summary, "owner": row.owner, "access": row.ownership,
            "problem_types": ", ".join(row.problem_types), "people": row.people, "runs": row.runs,
            "running": row.running, "queued": row.queued, "best_metric": row.best.metric if row.best else "",
            "best_value": row.best.value if row.best else None, "best_run": row.best.name if row.best else "",
            "last_run": stamp(row.last_run_ms),
        }  # fmt: skip


def run_table(
    ids: Sequence[int], metrics: Sequence[str], params: Sequence[str], session: Session
) -> Iterable[Record]:
    """Runs in the order of `ids`, with these metrics and params as `metrics.NAME`, `params.NAME`."""
    for start in range(0, len(ids), _PAGE):
        page = list(ids[start : start + _PAGE])
        for row in session.read(reads.runs.run_rows, page, metrics, params):
            yield _run_record(row, metrics, params)


def _run_record(row: RunRow, metrics: Sequence[str], params: Sequence[str]) -> Record:
    record: Record = {
        "id": row.cid, "name": row.name, "status": row.status, "job_state": row.job_state, "cause": row.cause,
        "user": row.user, "site": row.site, "start": stamp(row.start_ms), "end": stamp(row.end_ms),
    }  # fmt: skip
    record |= {f"metrics.{name}": row.metrics.get(name) for name in metrics}
    record |= {f"params.{name}": row.params.get(name) for name in params}
    return record


def export(session: Session, table: Table, path: Path) -> int:
    """Write a list to a new file, as CSV or JSON by its ending. Returns the number of records.

    Not-a-number and infinite values are written as the texts `nan`, `inf`, `-inf`, since JSON has no others.

    Raises:
        BadInput: another ending, or the file is there already.
        MantikError: the file can't be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise BadInput(f"{path.name} has an unknown ending", hint="End it with .csv or .json")
    if path.exists():
        raise BadInput(f"{path} is there already", "nothing is overwritten", "Give another name")
    records = [{key: _plain(value) for key, value in record.items()} for record in table(session)]
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", newline="", encoding="utf-8") as file:
            if path.suffix.lower() == ".json":
                json.dump(records, file, indent=1, ensure_ascii=False)
                file.write("\n")
            else:
                writer = csv.DictWriter(file, list(records[0]) if records else [])
                writer.writeheader()
                writer.writerows(records)
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise MantikError(f"{path} can't be written", str(error), "Give another folder") from error
    return len(records)


def _plain(value: object) -> object:
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if abs(value) >= 1.797e308:
            return "inf" if value > 0 else "-inf"
    return value
