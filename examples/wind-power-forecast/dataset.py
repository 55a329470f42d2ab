"""Read the series and turn it into something that a regression can learn from."""

import csv
from pathlib import Path

import numpy as np

HISTORY = 3
"""Hours before the forecast is made that the model sees."""


def read(path):
    """The columns of a CSV file, each an array of numbers (times stay text)."""
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise SystemExit(f"{path} has no rows")
    return {
        name: np.array([row[name] for row in rows], dtype=object if name == "time" else float)
        for name in rows[0]
    }


def features(series, horizon):
    """What is known when the forecast is made, what came true `horizon` hours later, and the power of now."""
    count = len(series["power"])
    if not 1 <= horizon <= 48:
        raise SystemExit(f"horizon must be 1 to 48 hours, not {horizon}")
    now = np.arange(HISTORY, count - horizon)
    later = now + horizon
    angle = np.deg2rad(series["wind_direction"][now])
    hour = 2 * np.pi * (later % 24) / 24
    columns = [
        series["power"][now],
        series["temperature"][now],
        series["pressure"][now],
        series["wind_speed_forecast"][later],
        series["wind_speed_forecast"][later] ** 2,
        np.sin(angle),
        np.cos(angle),
        np.sin(hour),
        np.cos(hour),
    ]
    columns += [series["wind_speed"][now - back] for back in range(HISTORY)]
    return np.column_stack(columns), series["power"][later], series["power"][now]


def split(x, y, share=0.75):
    """The first part trains, the rest validates: shuffling would let the model see the future."""
    border = int(len(y) * share)
    mean, spread = x[:border].mean(axis=0), x[:border].std(axis=0) + 1e-9
    x = (x - mean) / spread
    return x[:border], y[:border], x[border:], y[border:]
