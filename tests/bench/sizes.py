"""How much is measured: all of it, or little of everything to see that the measuring works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    quick: bool
    many: int
    """Runs in the large store."""
    start: int
    """Runs in the store that starts are measured with."""
    projects: int
    pulled: int
    """Runs on the tracking server."""
    log_mb: int
    starts: int
    """Repetitions of a program's start."""
    keys: int
    pulls: int
    filters: int
    """Filters of each kind."""
    seconds: float
    """How long idle and followed programs are looked at."""
    ended: int
    """Runs that end while somebody waits for it."""
    points: int
    """Points of a plotted series."""


FULL = Sizes(False, 1_000_000, 100_000, 200, 10_000, 1_000, 11, 300, 5, 25, 20.0, 8, 100_000)
QUICK = Sizes(True, 20_000, 10_000, 200, 1_000, 20, 2, 40, 2, 3, 4.0, 2, 10_000)
