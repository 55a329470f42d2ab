"""Of all engines that share a home, one sends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mantik_tui.domain.errors import EngineProblem
from mantik_tui.domain.outbox import EntryKind, EntryState
from mantik_tui.store.connect import Store
from mantik_tui.store.holder import STALE_MS
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.writes import outbox
from mantik_tui.sync import lease

NOW = 1_700_000_000_000
DEAD = 2**22 + 7
"""A process number that Linux never gives."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "mantik.db")
    yield made
    made.close()


def test_the_first_takes_it_and_keeps_its_epoch(store: Store) -> None:
    first = lease.acquire(store, NOW, host="a", pid=os.getpid())
    assert (first.ours, first.epoch, first.host) == (True, 1, "a")
    assert lease.renew(store, first.epoch, NOW + 10_000)


def test_a_second_engine_on_this_machine_waits_while_the_first_lives(store: Store) -> None:
    lease.acquire(store, NOW, host="a", pid=os.getpid())
    late = NOW + STALE_MS
    assert not lease.acquire(store, late - 1, host="a", pid=DEAD).ours
    # Quiet for that long, its number may have gone to another process by now.
    assert lease.acquire(store, late, host="a", pid=DEAD).ours


def test_the_lease_of_a_dead_process_on_this_machine_is_free_at_once(store: Store) -> None:
    lease.acquire(store, NOW, host="a", pid=DEAD)
    second = lease.acquire(store, NOW + 1, host="a", pid=os.getpid())
    assert (second.ours, second.epoch) == (True, 2)


def test_another_host_sends_until_it_is_quiet_for_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lease.acquire(store, NOW, host="login1", pid=1)
    monkeypatch.setattr(lease, "boot_id", lambda: "another boot")
    refused = lease.acquire(store, NOW + STALE_MS - 1, host="login2", pid=1)
    assert (refused.ours, refused.host) == (False, "login1")
    lease.renew(store, first.epoch, NOW + STALE_MS)
    assert not lease.acquire(store, NOW + 2 * STALE_MS - 1, host="login2", pid=1).ours
    taken = lease.acquire(store, NOW + 2 * STALE_MS, host="login2", pid=1)
    assert (taken.ours, taken.epoch) == (True, first.epoch + 1)
    assert not lease.renew(store, first.epoch, NOW + 3 * STALE_MS)


def test_a_restarted_machine_is_not_told_from_one_of_the_same_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire(store, NOW, host="localhost", pid=1)
    monkeypatch.setattr(lease, "boot_id", lambda: "another boot")
    assert not lease.acquire(store, NOW + 1, host="localhost", pid=1).ours
    assert lease.acquire(store, NOW + STALE_MS, host="localhost", pid=1).ours


def test_a_clock_that_is_ahead_keeps_its_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire(store, NOW + 3_600_000, host="login1", pid=1)
    monkeypatch.setattr(lease, "boot_id", lambda: "another boot")
    assert not lease.acquire(store, NOW, host="login2", pid=1).ours


def test_a_released_lease_is_free_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lease.acquire(store, NOW, host="login1", pid=1)
    lease.release(store, first.epoch + 5)  # not theirs to release
    monkeypatch.setattr(lease, "boot_id", lambda: "another boot")
    assert not lease.acquire(store, NOW, host="login2", pid=1).ours
    lease.release(store, first.epoch)
    assert lease.acquire(store, NOW, host="login2", pid=1).ours


def test_who_lost_the_lease_takes_and_settles_nothing(store: Store) -> None:
    old = lease.acquire(store, NOW, host="login1", pid=DEAD)
    with store.transaction() as connection:
        entry = outbox.add_entry(
            connection, workspace_id=1, kind=EntryKind.SET_TAG, target="run:x", what="set tag", now_ms=NOW
        )  # fmt: skip
        outbox.take(connection, old.epoch, NOW)
    new = lease.acquire(store, NOW, host="login1", pid=os.getpid())
    with store.transaction() as connection:
        assert outbox.recover(connection, NOW) == 1
        taken = outbox.take(connection, new.epoch, NOW)
        assert taken is not None and taken.id == entry
    with store.transaction() as connection:
        assert not outbox.settle(connection, entry, EntryState.BLOCKED, NOW, epoch=old.epoch)
        assert get_entry(connection, entry).state is EntryState.SENDING
        with pytest.raises(EngineProblem, match="taken over"):
            outbox.take(connection, old.epoch, NOW)
        assert outbox.settle(connection, entry, EntryState.DONE, NOW, epoch=new.epoch)
