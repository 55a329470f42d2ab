"""Histories of metrics: the tail of what is new, cheaply, and the whole when someone opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mantik_tui.backends.tracking import query
from mantik_tui.backends.tracking.records import Metric
from mantik_tui.backends.tracking.wire import Wire
from mantik_tui.domain.errors import BadInput

MAX_SAMPLES = 2500
"""Points per run in one interval answer; where there are more, the server picks so many evenly."""
MAX_RUNS = 100
END_STEP = 2**53
"""Beyond any step that a float can count to."""
MAX_PAGE = 25_000


@dataclass(frozen=True, slots=True)
class Tail:
    """New points of one metric, of one or more runs."""

    points: dict[str, list[Metric]]
    """By run id; in the server's order (step, time, value). A run without new points is missing."""
    sampled: frozenset[str]
    """Runs of which the server may have left points out: read those by `whole`."""
    bytes: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a history, in the server's order (time, step)."""

    points: list[Metric]
    next_offset: int | None
    bytes: int


class _Metrics(msgspec.Struct, gc=False):
    metrics: list[Metric] = []
    next_page_token: str | None = None


_METRICS = msgspec.json.Decoder(_Metrics)


class HistoryCalls:
    """The part of a tracking client that reads metric histories."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def tail(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        from_step: int = 0,
        to_step: int = END_STEP,
        max_results: int = MAX_SAMPLES,
    ) -> Tail:
        """Points of one metric from a step on, that step included, of up to 100 runs.

        A run from whose last step on more than `max_results` points exist comes thinned, first and last point kept.
        Raises NotFound if one of the runs is gone.
        """
        if not 1 <= len(run_ids) <= MAX_RUNS:
            raise BadInput(
                "Histories can't be read",
                f"{len(run_ids)} runs; the server takes 1 to {MAX_RUNS} at once",
            )
        params: list[tuple[str, str | int]] = [("run_ids", one) for one in run_ids]
        params += [("metric_key", key), ("max_results", max_results)]
        params += [("start_step", from_step), ("end_step", to_step)]
        answer = await self._wire.get("metrics/get-history-bulk-interval", params)
        points: dict[str, list[Metric]] = {}
        for metric in self._wire.decode(answer, _METRICS).metrics:
            points.setdefault(metric.run_id, []).append(metric)
        sampled = frozenset(run for run, found in points.items() if len(found) >= max_results)
        return Tail(points, sampled, len(answer.content))

    async def whole(
        self,
        run_id: str,
        key: str,
        *,
        from_step: int = 0,
        to_step: int = END_STEP,
        max_results: int = MAX_SAMPLES,
    ) -> list[Metric]:
        """All points of a metric in a range of steps: thinned answers are split by step until nothing is left out.

        Points that share one step (programs that count no steps) are read by pages instead. One or more requests.
        """
        pending = [(from_step, to_step)]
        points: list[Metric] = []
        while pending:
            low, high = pending.pop()
            tail = await self.tail(
                [run_id], key, from_step=low, to_step=high, max_results=max_results
            )
            found = tail.points.get(run_id, [])
            if run_id not in tail.sampled:
                points += found
                continue
            low, high = found[0].step or 0, found[-1].step or 0
            if low >= high:
                points += await self._at_step(run_id, key, low)
                continue
            middle = (low + high) // 2
            pending += [(middle + 1, high), (low, middle)]
        return points

    async def page(
        self, run_id: str, key: str, *, offset: int = 0, max_results: int = 1000
    ) -> HistoryPage:
        """One page of a metric's history; `offset` counts points. Late points with old times shift offsets."""
        token = query.page_token(offset)
        params: list[tuple[str, str | int]] = [
            ("run_id", run_id), ("metric_key", key), ("max_results", min(max_results, MAX_PAGE)),
        ]  # fmt: skip
        if token:
            params.append(("page_token", token))
        answer = await self._wire.get("metrics/get-history", params)
        found = self._wire.decode(answer, _METRICS)
        next_offset = None
        if found.next_page_token:
            next_offset = query.offset_of(found.next_page_token) or offset + len(found.metrics)
        return HistoryPage(found.metrics, next_offset, len(answer.content))

    async def _at_step(self, run_id: str, key: str, step: int) -> list[Metric]:
        offset: int | None = 0
        points: list[Metric] = []
        while offset is not None:
            page = await self.page(run_id, key, offset=offset, max_results=MAX_PAGE)
            points += [point for point in page.points if (point.step or 0) == step]
            offset = page.next_offset
        return points
