"""Read the stations and make their climates comparable."""

import csv
from pathlib import Path

import numpy as np


def read(path, features="all"):
    """Ids and standardised values of the stations. `features` is `all`, `temperature` or `rain`."""
    prefixes = {"all": ("t", "rain"), "temperature": ("t",), "rain": ("rain",)}
    if features not in prefixes:
        raise SystemExit(f"features must be one of {', '.join(prefixes)}, not '{features}'")
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise SystemExit(f"{path} has no rows")
    names = [name for name in rows[0] if name.rstrip("0123456789") in prefixes[features]]
    x = np.array([[float(row[name]) for name in names] for row in rows])
    return [row["station"] for row in rows], (x - x.mean(axis=0)) / x.std(axis=0)
