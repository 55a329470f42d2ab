"""Who holds the lease, as clients see it. Imports nothing of the network or an ORM, since every window asks."""

from __future__ import annotations

import os
import sqlite3
from functools import cache
from pathlib import Path

STALE_MS = 45_000
"""A lease of another host that was not renewed for so long has no holder any more."""


@cache
def boot_id() -> str:
    """Changes when the machine restarts, so that a process number can't be taken for one from before."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def other_holder(connection: sqlite3.Connection, now_ms: int) -> str:
    """The other host whose engine holds the lease right now; empty if it is this one's, or nobody's."""
    row = connection.execute("SELECT host, boot_id, pid, renewed_ms FROM lease").fetchone()
    if row is None or not row[2] or now_ms - row[3] >= STALE_MS:
        return ""
    here = (row[0], row[1]) == (os.uname().nodename, boot_id())
    return "" if here else str(row[0])
