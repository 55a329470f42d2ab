"""Make stations.csv: the climate of made-up weather stations, month by month. Always the same file."""

import csv
import math
from pathlib import Path

import numpy as np

CLIMATES = (
    # name, stations, latitude, height (m), yearly mean and swing of temperature, rain of summer and winter
    ("coast", 110, 53.5, 10, 9.5, 7.5, 62, 72),
    ("lowland", 120, 51.5, 90, 9.6, 9.5, 68, 48),
    ("hills", 90, 50.5, 480, 7.6, 9.3, 84, 88),
    ("mountains", 50, 47.4, 1450, 3.2, 8.4, 175, 120),
    ("upper rhine", 50, 48.8, 130, 11.2, 10.0, 76, 46),
)
COLUMNS = (
    "station",
    "latitude",
    "height_m",
    *(f"t{month:02d}" for month in range(1, 13)),
    *(f"rain{month:02d}" for month in range(1, 13)),
)


def rows():
    random = np.random.default_rng(20230301)
    number = 10000
    for name, count, latitude, height, mean, swing, summer, winter in CLIMATES:
        for _ in range(count):
            number += 1
            own_height = max(0.0, random.normal(height, 0.25 * height + 8))
            offset = -0.0055 * (own_height - height) + random.normal(0, 0.5)
            season = [math.cos(2 * math.pi * (month - 7) / 12) for month in range(1, 13)]
            temperature = [mean + offset + swing * s + random.normal(0, 0.3) for s in season]
            wet = random.normal(1, 0.13)
            rain = [
                max(5.0, wet * (winter + (summer - winter) * (s + 1) / 2) + random.normal(0, 6))
                for s in season
            ]
            yield (
                number,
                f"{random.normal(latitude, 0.6):.2f}",
                f"{own_height:.0f}",
                *(f"{value:.1f}" for value in temperature),
                *(f"{value:.0f}" for value in rain),
            )


def write(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())


if __name__ == "__main__":
    write(Path(__file__).with_name("stations.csv"))
