"""The schema: made from nothing by the numbered migrations, mirrored by classes, closed to others."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine.reflection import Inspector
from sqlmodel import SQLModel

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.store import connect
from mantik_tui.store.connect import LATEST_SCHEMA, Store
from mantik_tui.store.tables import MIRRORED, LogTable, rows


@pytest.fixture
def database(tmp_path: Path) -> Path:
    Store(tmp_path / "mantik.db").close()
    return tmp_path / "mantik.db"


def columns(found: Inspector, table: str) -> dict[str, tuple[str, bool, bool]]:
    """Name → (kind of value, may be empty, part of the key)."""
    keys = set(found.get_pk_constraint(table)["constrained_columns"])
    return {
        column["name"]: (
            type(column["type"])
            .__name__.replace("AutoString", "VARCHAR")
            .replace("TEXT", "VARCHAR")
            .upper(),
            bool(column["nullable"]) and column["name"] not in keys,
            column["name"] in keys,
        )
        for column in found.get_columns(table)
    }


def test_the_newest_schema_is_the_newest_file() -> None:
    numbers = [number for number, _ in connect._migrations()]
    assert numbers == list(range(1, LATEST_SCHEMA + 1))


def test_a_new_database_is_closed_to_others_and_has_the_newest_schema(database: Path) -> None:
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == LATEST_SCHEMA
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


@pytest.mark.parametrize("model", MIRRORED, ids=lambda model: str(model.__tablename__))
def test_classes_mirror_the_tables(database: Path, tmp_path: Path, model: type[SQLModel]) -> None:
    name = str(model.__tablename__)
    engine = create_engine(f"sqlite:///{tmp_path / 'mirror.db'}")
    SQLModel.metadata.create_all(engine)
    real = create_engine(f"sqlite:///{database}")
    assert columns(inspect(real), name) == columns(inspect(engine), name)
    engine.dispose()
    real.dispose()


def test_a_row_written_by_a_class_is_read_by_sql(database: Path) -> None:
    with rows(database) as session:
        session.add(LogTable(run_id=1, path="/log", size=5, complete=1, as_of_ms=9))
    store = Store(database)
    assert store.connection.execute("SELECT * FROM log").fetchall() == [(1, "/log", 5, 1, 9)]
    with pytest.raises(sqlite3.IntegrityError), rows(database) as session:
        session.add(LogTable(run_id=1, path="/other"))
    assert store.connection.execute("SELECT path FROM log").fetchall() == [("/log",)]
    store.close()


def test_two_processes_that_open_a_new_home_at_once_both_succeed(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def open_it(_number: int) -> int:
        store = Store(tmp_path / "mantik.db")
        found = int(store.connection.execute("SELECT count(*) FROM run").fetchone()[0])
        store.close()
        return found

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(open_it, range(6))) == [0] * 6


def test_a_database_of_a_newer_program_is_left_alone(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST_SCHEMA + 1}")
    connection.close()
    with pytest.raises(StoreProblem, match="newer"):
        Store(database)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "mantik.db").write_text("this is no database" * 100)
    with pytest.raises(StoreProblem, match="can't be opened"):
        Store(tmp_path / "mantik.db")


def test_a_failed_commit_leaves_no_open_transaction(database: Path) -> None:
    store = Store(database)
    with pytest.raises(sqlite3.IntegrityError), store.transaction() as connection:
        connection.execute("PRAGMA foreign_keys")
        connection.execute("INSERT INTO meta VALUES ('a', '1')")
        connection.execute("INSERT INTO meta VALUES ('a', '2')")
    with store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', '3')")
    assert store.connection.execute("SELECT value FROM meta").fetchall() == [("3",)]
    # A transaction that SQLite itself has ended must not hide the reason behind a second error.
    with pytest.raises(ZeroDivisionError), store.transaction() as connection:
        connection.execute("ROLLBACK")
        raise ZeroDivisionError
    store.close()


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "gpfs"])
def test_on_a_network_file_system_a_rollback_journal_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(connect, "file_system_of", lambda _path: kind)
    store = Store(tmp_path / "mantik.db")
    assert store.journal_mode() == "delete"
    store.close()
