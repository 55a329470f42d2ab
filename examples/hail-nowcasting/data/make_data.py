"""Make cells.csv: storm cells as a radar sees them, and whether they brought hail. Always the same file."""

import csv
import math
from pathlib import Path

import numpy as np

CELLS = 2600
COLUMNS = (
    "max_dbz",
    "echo_top_km",
    "height_45dbz_km",
    "freezing_level_km",
    "vil",
    "lightning_per_min",
    "zdr",
    "age_min",
    "hail",
)


def rows():
    random = np.random.default_rng(20230719)
    for _ in range(CELLS):
        strength = random.normal(0, 1)
        freezing = float(np.clip(random.normal(3.6, 0.5), 2.0, 5.0))
        top = float(np.clip(9.5 + 2.2 * strength + random.normal(0, 1.0), 4, 17))
        dbz = float(np.clip(50 + 6 * strength + random.normal(0, 3), 30, 70))
        height = float(np.clip(4.6 + 1.6 * strength + random.normal(0, 0.8), 0, top))
        vil = max(0.5, 22 + 11 * strength + random.normal(0, 5))
        lightning = random.poisson(max(0.1, 6 + 6 * strength))
        zdr = 2.2 - 0.9 * strength + random.normal(0, 0.7)
        age = random.gamma(2.0, 14)
        signal = 1.5 * (height - freezing - 2.2) + 0.09 * (vil - 30) - 0.6 * (zdr - 1.2) + 0.02 * lightning
        hail = int(random.random() < 1 / (1 + math.exp(-signal)))
        yield (
            f"{dbz:.1f}",
            f"{top:.1f}",
            f"{height:.2f}",
            f"{freezing:.2f}",
            f"{vil:.1f}",
            lightning,
            f"{zdr:.2f}",
            f"{age:.0f}",
            hail,
        )


def write(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())


if __name__ == "__main__":
    write(Path(__file__).with_name("cells.csv"))
