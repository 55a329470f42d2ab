"""The engine's side of the socket: clients, what they watch, and the notices they get."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantik_tui.domain.errors import EngineProblem, MantikError
from mantik_tui.sync.wire import MAX_LINE, pack, pack_error, unpack

LOG = logging.getLogger("mantik.engine")

Answer = Callable[["Client", str, dict[str, Any]], Awaitable[Any]]
PUBLISH_S = 0.1
"""Notices of changed tables are gathered for so long, so that a busy engine does not make screens repaint all the time."""


@dataclass(eq=False)
class Client:
    """One connected window, command or script."""

    writer: asyncio.StreamWriter
    runs: tuple[int, ...] = ()
    """Runs whose metrics are followed."""
    log: int | None = None
    """Run whose log is followed closely."""
    visible: tuple[int, ...] = ()
    """Rows in sight, to be kept fresh."""
    said_hello: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Hub:
    """All clients of one engine."""

    def __init__(self, answer: Answer, on_change: Callable[[], None] = lambda: None) -> None:
        self._answer = answer
        self._on_change = on_change
        self._changed: set[str] = set()
        self._flush: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self.clients: set[Client] = set()
        self.last_client: float = 0.0
        """Loop time at which the last client went."""

    @property
    def watched_runs(self) -> set[int]:
        return {run for client in self.clients for run in client.runs}

    @property
    def watched_logs(self) -> set[int]:
        return {client.log for client in self.clients if client.log is not None}

    @property
    def visible_runs(self) -> set[int]:
        return {run for client in self.clients for run in client.visible}

    async def listen(self, path: Path) -> None:
        """Listen at `path` with mode 0600. The caller makes sure that no other engine does."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(path), limit=MAX_LINE)
        finally:
            os.umask(old)
        self.last_client = asyncio.get_running_loop().time()

    async def close(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._send_changes()
        if self._server is not None:
            self._server.close()
        for client in list(self.clients):
            for task in client.tasks:
                task.cancel()
            client.writer.close()

    def publish(self, *tables: str) -> None:
        """Say that these tables have changed."""
        self._changed.update(tables)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(PUBLISH_S, self._send_changes)

    def _send_changes(self) -> None:
        self._flush = None
        tables, self._changed = sorted(self._changed), set()
        if tables:
            self.say({"event": "changed", "tables": tables})

    def say(self, event: dict[str, Any], to: Iterable[Client] | None = None) -> None:
        """Send an event to some clients, by default all. One that does not read is dropped rather than waited for."""
        data = pack(event)
        for client in list(self.clients if to is None else to):
            if client.writer.transport.get_write_buffer_size() > 4 * MAX_LINE:
                client.writer.transport.abort()
            else:
                client.writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        self.clients.add(client)
        self._on_change()
        try:
            while line := await reader.readline():
                try:
                    message = unpack(line)
                except ValueError:
                    break
                task = asyncio.create_task(self._handle(client, message))
                client.tasks.add(task)
                task.add_done_callback(client.tasks.discard)
        except (ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            self.clients.discard(client)
            self.last_client = asyncio.get_running_loop().time()
            writer.close()
            self._on_change()

    async def _handle(self, client: Client, message: dict[str, Any]) -> None:
        number = message.get("id")
        try:
            result = await self._answer(
                client, str(message.get("verb")), dict(message.get("args") or {})
            )
            answer: dict[str, Any] = {"id": number, "result": result}
        except MantikError as error:
            answer = {"id": number, "error": pack_error(error)}
        except Exception as error:  # a defect; the log has its trace, the person its words
            LOG.exception("verb %s failed", message.get("verb"))
            problem = EngineProblem(
                "Something went wrong in the engine", str(error), "Its log says more"
            )
            answer = {"id": number, "error": pack_error(problem)}
        if number is not None:
            with contextlib.suppress(ConnectionError):
                client.writer.write(pack(answer))
                await client.writer.drain()
