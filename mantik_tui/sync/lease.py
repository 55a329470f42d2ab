"""The lease: of all engines that share a home, on one host or on several, one sends."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from mantik_tui.store.connect import Store
from mantik_tui.store.holder import STALE_MS, boot_id
from mantik_tui.store.tables import LeaseTable, rows

RENEW_S = 10
"""How often the holder renews it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds it: us, with an epoch of our own, or somebody else."""

    epoch: int
    ours: bool
    host: str


def acquire(
    store: Store, now_ms: int, *, host: str | None = None, pid: int | None = None
) -> Holder:
    """Take the lease if nobody holds it who lives. A new holder gets a new epoch; a living other one keeps it."""
    host = host or socket.gethostname()
    pid = pid or os.getpid()
    boot = boot_id()
    with rows(store.path) as session:
        held = session.get(LeaseTable, 1)
        if held is not None and not (
            held.host == host and held.pid == pid and held.boot_id == boot
        ):
            # Two machines may have one name, so that another boot is not taken for ours before it went quiet.
            same_machine = held.host == host and held.boot_id == boot
            fresh = now_ms - held.renewed_ms < STALE_MS
            alive = fresh and (not same_machine or _alive(held.pid))
            if alive:
                return Holder(held.epoch, False, held.host)
        epoch = (held.epoch if held else 0) + 1
        session.merge(
            LeaseTable(id=1, host=host, boot_id=boot, pid=pid, epoch=epoch, renewed_ms=now_ms)
        )
    return Holder(epoch, True, host)


def renew(store: Store, epoch: int, now_ms: int) -> bool:
    """Keep the lease; False if somebody else has taken it meanwhile (this process slept for long)."""
    with rows(store.path) as session:
        held = session.get(LeaseTable, 1)
        if held is None or held.epoch != epoch:
            return False
        held.renewed_ms = now_ms
    return True


def release(store: Store, epoch: int) -> None:
    """Let others take it at once."""
    with rows(store.path) as session:
        held = session.get(LeaseTable, 1)
        if held is not None and held.epoch == epoch:
            held.renewed_ms = held.pid = 0


def _alive(pid: int) -> bool:
    """Whether a process runs. One that has ended and whose parent, a window that started it, has not noticed does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")
