"""Make wind.csv: 100 days of a wind farm and its weather, hour by hour. The same call always writes the same file."""

import csv
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

HOURS = 2400
COLUMNS = (
    "time",
    "wind_speed",
    "wind_direction",
    "temperature",
    "pressure",
    "wind_speed_forecast",
    "power",
)


def power_curve(speed: float) -> float:
    """Share of the installed power that the farm gives at a wind speed (m/s) at hub height."""
    if speed < 3 or speed > 25:
        return 0.0
    return min(1.0, (speed**3 - 27) / (12**3 - 27))


def rows():
    random = np.random.default_rng(20230101)
    start = datetime(2023, 1, 1)
    speed, front = 8.0, 0.0
    for hour in range(HOURS):
        front = 0.985 * front + random.normal(0, 0.18)
        daily = math.sin(2 * math.pi * (hour % 24 - 9) / 24)
        speed = 0.9 * speed + 0.1 * (8.5 + 4.5 * front + 0.8 * daily) + random.normal(0, 0.45)
        speed = max(0.2, speed)
        direction = (240 + 50 * math.tanh(front) + random.normal(0, 12)) % 360
        temperature = 4 + 6 * math.sin(2 * math.pi * (hour / 24 - 60) / 365) + 2.5 * daily
        temperature += random.normal(0, 0.8)
        pressure = 1013 - 7 * front + random.normal(0, 0.6)
        forecast = max(0.0, speed + random.normal(0, 1.1))
        wake = 0.94 if 225 < direction < 255 else 1.0
        power = min(1.0, max(0.0, wake * power_curve(speed) + random.normal(0, 0.015)))
        yield (
            (start + timedelta(hours=hour)).isoformat(timespec="minutes"),
            f"{speed:.2f}",
            f"{direction:.0f}",
            f"{temperature:.1f}",
            f"{pressure:.1f}",
            f"{forecast:.2f}",
            f"{power:.3f}",
        )


def write(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())


if __name__ == "__main__":
    write(Path(__file__).with_name("wind.csv"))
