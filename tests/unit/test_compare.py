"""Runs side by side."""

from __future__ import annotations

import math
import time

from mantik_tui.domain.run import MetricValue, Run
from mantik_tui.insight.compare import best_of, compare, compare_params


def run(number: int, params: dict[str, str], metrics: dict[str, float]) -> Run:
    values = {key: MetricValue(key, value, 10, 0) for key, value in metrics.items()}
    return Run(
        id=number, cid=f"c{number}", server_id=None, name=f"run-{number}", status="FINISHED", lifecycle="active",
        user="me", start_ms=1, end_ms=2, experiment_id=1, experiment_name="e", project_id=1, project_name="p",
        artifact_uri="", note="", params=params, metrics=values, tags={}, as_of_ms=None, pending=0,
        deleted_remotely=False, server_status="", doc={},
    )  # fmt: skip


def test_params_that_differ_come_first_and_equal_numbers_are_alike() -> None:
    runs = [
        run(1, {"lr": "0.001", "arch": "unet", "seed": "1", "data": "era5"}, {}),
        run(2, {"lr": "1e-3", "arch": "resnet", "seed": "2", "data": "era5"}, {}),
        run(3, {"lr": "0.001", "arch": "unet", "seed": "3", "extra": "x", "data": "era5"}, {}),
    ]
    found = compare(runs)
    assert [row.key for row in found.differing] == ["arch", "extra", "seed"]
    assert [row.key for row in found.alike] == ["data", "lr"]
    assert found.differing[1].values == (None, None, "x")


def test_the_best_value_follows_the_goal_and_is_never_nan_or_infinite() -> None:
    runs = [
        run(1, {}, {"rmse": 0.3, "f1": 0.9, "loss": math.nan}),
        run(2, {}, {"rmse": 0.1, "f1": 0.7, "loss": 1.7976931348623157e308}),
        run(3, {}, {"rmse": 0.2, "f1": 0.8, "loss": 5.0}),
    ]
    by_key = {row.key: row for row in compare(runs, goals={"rmse": "min"}).metrics}
    assert next(iter(by_key)) == "rmse"
    assert (by_key["rmse"].best, by_key["f1"].best, by_key["loss"].best) == (1, 0, None)
    assert by_key["f1"].goal == "max"
    assert best_of([0.5, 0.5], "min") is None


def test_best_values_come_from_the_history_where_there_is_one() -> None:
    runs = [run(1, {}, {"rmse": 0.3}), run(2, {}, {"rmse": 0.25})]
    found = compare(runs, extremes=[{"rmse": (0.05, 0.9)}, {}], goals={"rmse": "min"})
    assert found.metrics[0].values == (0.05, 0.25)
    assert found.metrics[0].best == 0


def test_a_metric_that_one_run_lacks_is_still_shown() -> None:
    found = compare([run(1, {}, {"a": 1.0}), run(2, {}, {"a": 2.0, "system/cpu": 1.0, "b": 3.0})])
    assert [(row.key, row.values) for row in found.metrics] == [
        ("a", (1.0, 2.0)),
        ("b", (None, 3.0)),
        ("system/cpu", (None, 1.0)),
    ]


def test_ten_thousand_runs_are_compared_without_comparing_pairs() -> None:
    params = [{"lr": str(n % 7), "seed": str(n), "data": "era5"} for n in range(10_000)]
    began = time.process_time()
    differing, alike = compare_params(params)
    assert [row.key for row in differing] == ["lr", "seed"]
    assert [row.key for row in alike] == ["data"]
    assert time.process_time() - began < 5  # pairs would take minutes
