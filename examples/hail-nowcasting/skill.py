"""Skill of a yes-or-no forecast in the words of weather services, and the cells themselves."""

import csv
from pathlib import Path

import numpy as np


def read(path):
    """Names of the features, their values (cells by features), and which cells brought hail."""
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise SystemExit(f"{path} has no rows")
    names = [name for name in rows[0] if name != "hail"]
    x = np.array([[float(row[name]) for name in names] for row in rows])
    return names, x, np.array([int(row["hail"]) for row in rows])


def contingency(forecast, truth):
    """Hits, misses, false alarms, correct rejections."""
    forecast, truth = np.asarray(forecast, bool), np.asarray(truth, bool)
    return (
        int(np.sum(forecast & truth)),
        int(np.sum(~forecast & truth)),
        int(np.sum(forecast & ~truth)),
        int(np.sum(~forecast & ~truth)),
    )


def skill(forecast, truth):
    """Probability of detection, false alarm ratio, critical success index, F1."""
    hits, misses, alarms, _ = contingency(forecast, truth)
    return {
        "pod": hits / max(1, hits + misses),
        "far": alarms / max(1, hits + alarms),
        "csi": hits / max(1, hits + misses + alarms),
        "f1": 2 * hits / max(1, 2 * hits + misses + alarms),
    }
