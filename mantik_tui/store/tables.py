"""The small tables as SQLModel classes, for the engine's work on single rows.

The numbered migrations are the schema; a test holds that these classes have the same columns, types and keys. Importing
this module costs more than the whole first paint of the interface, so only the engine does. Bulk writes, all reads and
what clients write are named SQL.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlmodel import Field, Session, SQLModel, create_engine


class WorkspaceTable(SQLModel, table=True):
    __tablename__ = "workspace"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    tracking_uri: str
    username: str = ""
    auth: str = "none"
    ca_file: str = ""
    state: str = "new"
    reason: str = ""
    server_version: str = ""
    started_after_ms: int = 0
    ended_after_ms: int = 0
    round_ms: int | None = None
    rounds: int = 0
    latency_ms: int = 0


class SiteTable(SQLModel, table=True):
    __tablename__ = "site"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    transport: str
    scheduler: str
    address: str = ""
    run_root: str = ""
    account: str = ""
    settings: str = "{}"
    state: str = ""
    reason: str = ""
    as_of_ms: int | None = None


class LeaseTable(SQLModel, table=True):
    __tablename__ = "lease"
    id: int | None = Field(default=1, primary_key=True)
    host: str
    boot_id: str
    pid: int
    epoch: int
    renewed_ms: int


class LogTable(SQLModel, table=True):
    __tablename__ = "log"
    run_id: int | None = Field(default=None, primary_key=True)
    path: str
    size: int = 0
    complete: int = 0
    as_of_ms: int | None = None


class RunConfigTable(SQLModel, table=True):
    __tablename__ = "run_config"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int
    name: str
    doc: str
    updated_ms: int


class JobTable(SQLModel, table=True):
    __tablename__ = "job"
    run_id: int = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    job_id: str = ""
    site: str
    state: str
    cause: str = ""
    words: str = ""
    exit_code: int | None = None
    signal: int | None = None
    node: str = ""
    folder: str = ""
    submitted_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    limit_ms: int | None = None
    seen_ms: int | None = None
    cancel_asked_ms: int | None = None


class OutboxTable(SQLModel, table=True):
    __tablename__ = "outbox"
    id: str = Field(primary_key=True)
    workspace_id: int
    kind: str
    target: str
    run_id: int | None = None
    what: str
    payload: str
    base: str
    steps_done: str = "[]"
    after: str = "[]"
    state: str
    attempts: int = 0
    next_try_ms: int = 0
    error: str = ""
    created_ms: int
    updated_ms: int
    epoch: int = 0


MIRRORED: tuple[type[SQLModel], ...] = (
    WorkspaceTable,
    SiteTable,
    LeaseTable,
    LogTable,
    RunConfigTable,
    JobTable,
    OutboxTable,
)


@lru_cache(maxsize=4)
def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": 10.0},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: object) -> None:
        # Taken as a writer from the start, so that what was read still holds when it is written.
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    return engine


@contextlib.contextmanager
def rows(path: Path) -> Iterator[Session]:
    """A session in one write transaction on the database at `path`, committed at the end, rolled back upon an error.

    Raises sqlite3.Error, as `Store.transaction` does.
    """
    try:
        with Session(_engine(path)) as session, session.begin():
            yield session
    except DBAPIError as error:
        raise error.orig or error from error
