"""Columns of tables of runs, and which of them a project's table shows at first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mantik_tui.domain.filters import as_number
from mantik_tui.domain.run import RunRow, RunStatus
from mantik_tui.domain.text import clock, duration, number
from mantik_tui.widgets.columns import Column, Tone, with_titles
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.project_card import status_tone

METRIC = "metric:"
PARAM = "param:"
FIXED = ("name", "status", "site", "start", "took", "end", "user", "experiment", "id")
"""Ids of the columns that every table of runs has. Others are `metric:NAME` and `param:NAME`."""
_BEFORE = ("name", "status", "site", "start", "took")
_AFTER = ("user",)
_LONG_NAME = 60
_TITLES = {"start": "started", "end": "ended", "user": "who"}


@dataclass(frozen=True, slots=True)
class RunColumns:
    """What a table of runs shows: the ids of its columns, in order."""

    ids: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(id.removeprefix(METRIC) for id in self.ids if id.startswith(METRIC))

    @property
    def params(self) -> tuple[str, ...]:
        return tuple(id.removeprefix(PARAM) for id in self.ids if id.startswith(PARAM))


def default_columns(
    best_metric: str,
    metrics: Sequence[str],
    params: Sequence[str],
    *,
    with_experiment: bool = False,
) -> tuple[str, ...]:
    """Eight to eleven columns: the best metric and the next ones, then the params that differ.

    `with_experiment`: for lists whose experiments have nothing to do with each other.
    """
    chosen = [best_metric] if best_metric else []
    chosen += [name for name in metrics if name != best_metric and not name.startswith("system/")]
    shown = [METRIC + name for name in chosen[: 4 - min(2, len(params))]]
    shown += [PARAM + name for name in params[: 4 - min(2, len(chosen))]]
    experiment = ("experiment",) if with_experiment else ()
    return (*_BEFORE[:2], *experiment, *_BEFORE[2:], *shown, *_AFTER)


def differing(rows: Sequence[RunRow]) -> list[str]:
    """Params that differ among these runs. First those of which fewest values occur: what people vary on purpose."""
    values: dict[str, set[str | None]] = {}
    for row in rows:
        for name in row.params:
            values.setdefault(name, set())
    for name, found in values.items():
        found.update(row.params.get(name) for row in rows)
    several = [name for name, found in values.items() if len(found) > 1]
    return sorted(several, key=lambda name: (len(values[name]), name))


def text_params(rows: Sequence[RunRow]) -> frozenset[str]:
    """Params that have a value which is no number."""
    return frozenset(
        name for row in rows for name, value in row.params.items() if as_number(value) is None
    )


def title_of(column_id: str) -> str:
    """A column's title: the name itself for metrics and params."""
    _kind, colon, name = column_id.partition(":")
    return name if colon else _TITLES.get(column_id, column_id)


def run_columns(
    ids: Sequence[str],
    now_ms: Callable[[], int],
    experiments: Mapping[int, str],
    texts: Collection[str] = (),
) -> tuple[Column[RunRow], ...]:
    """The columns with these ids. The less important go first where space is short. `texts` are params without numbers."""
    values = [id for id in ids if ":" in id]
    columns = [
        _value_column(id, values.index(id), texts)
        if ":" in id
        else _fixed_column(id, now_ms, experiments)
        for id in ids
    ]
    return with_titles(columns)


def _value_column(id: str, position: int, texts: Collection[str]) -> Column[RunRow]:
    kind, _, name = id.partition(":")

    def metric(row: RunRow) -> str:
        return number(row.metrics.get(name))

    def param(row: RunRow) -> str:
        return row.params.get(name, "-")

    if kind == "metric":
        return Column(
            id, name, metric, 8, 2 + position, numeric=True, max_width=10, tone=_metric_tone(name)
        )
    if name in texts:
        return Column(id, name, param, 9, 2 + position, max_width=18)
    return Column(id, name, param, 6, 2 + position, numeric=True, max_width=10)


def _metric_tone(name: str) -> Callable[[RunRow], Tone]:
    def tone(row: RunRow) -> Tone:
        value = row.metrics.get(name)
        if value is None:
            return Tone.MUTED
        return Tone.BAD if value != value or abs(value) >= 1.797e308 else Tone.PLAIN

    return tone


def _fixed_column(
    id: str, now_ms: Callable[[], int], experiments: Mapping[int, str]
) -> Column[RunRow]:
    def experiment(row: RunRow) -> str:
        return experiments.get(row.experiment_id, "-")

    def took(row: RunRow) -> str:
        return duration(took_ms(row, now_ms()))

    title = title_of(id)
    columns: dict[str, Column[RunRow]] = {
        "name": Column(id, title, _name, 18, 0, max_width=26),
        "status": Column(id, title, status_words, 14, 0, max_width=22, tone=_status_tone),
        "site": Column(
            id,
            title,
            lambda row: row.site or "-",
            12,
            8,
            max_width=14,
            tone=_muted,
            unless_same=True,
        ),
        "start": Column(id, title, lambda r: clock(r.start_ms, now_ms()), 9, 3, tone=_muted),
        "took": Column(id, title, took, 8, 4, numeric=True, tone=_muted),
        "end": Column(id, title, lambda r: clock(r.end_ms, now_ms()), 9, 7, tone=_muted),
        "user": Column(
            id,
            title,
            lambda row: row.user or "-",
            6,
            5,
            max_width=12,
            tone=_muted,
            unless_same=True,
        ),
        "experiment": Column(id, title, experiment, 12, 6, max_width=24, tone=_muted),
        "id": Column(id, title, lambda row: row.cid[-12:], 12, 9, tone=_muted),
    }
    return columns.get(id) or Column(id, title, lambda _row: "-", 6, 9)


def took_ms(row: RunRow, now_ms: int) -> int | None:
    """How long a run took, or has been running."""
    began = row.began_ms or row.start_ms
    if began is None or row.status == RunStatus.SCHEDULED:
        return None
    end = row.end_ms or (now_ms if row.status == RunStatus.RUNNING else None)
    return None if end is None else end - began


def status_words(row: RunRow) -> str:
    """MLflow's status, then what the job knows better: `FAILED out of memory`."""
    more = ""
    if row.cause:
        more = row.cause
    elif row.job_state in ("finishing", "suspended", "unknown", "lost"):
        more = row.job_state
    elif row.pending and row.status == RunStatus.SCHEDULED and not row.job_state:
        more = "unsent"
    return f"{row.status} {more}" if more else row.status


def _name(row: RunRow) -> str:
    """With a sign while something of it waits in the outbox."""
    name = row.name if len(row.name) <= _LONG_NAME else short_name(row.name, _LONG_NAME)
    return f"{name} ↑" if row.pending else name


def _status_tone(row: RunRow) -> Tone:
    return status_tone(row.status)


def _muted(_row: RunRow) -> Tone:
    return Tone.MUTED
