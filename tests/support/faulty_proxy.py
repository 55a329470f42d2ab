"""A proxy before a real server that misbehaves on demand: cut, wrong answer, slow, silent.

It forwards one HTTP/1.1 request per connection (both sides are told `Connection: close`), so that requests can be
counted and a fault be aimed at the n-th one. Its asyncio loop runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_HEAD_LIMIT = 256 * 1024
HTML = "<!doctype html><html><head><title>Welcome</title></head><body><h1>Log in to the hotel's network</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that reached the proxy."""

    method: str
    path: str
    sent: int
    """Bytes of its body."""
    headers: dict[str, str]
    """Names in lower case."""


Matches = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests from the `after + 1`-th matching one on."""

    status: int = 0
    """Answer with this status instead of asking the server; 0 to ask it."""
    body: str = ""
    content_type: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()
    cut_after: int | None = None
    """Close the connection after so many bytes of the server's answer, head included; 0 before the first."""
    lose_answer: bool = False
    """Let the server do it, then close without a byte of its answer: a write that may or may not have happened."""
    delay_s: float = 0.0
    silent: bool = False
    """Accept, read, never answer."""
    after: int = 0
    times: int | None = None
    """How often; None for ever."""
    only: Matches = field(default=lambda seen: True)


@dataclass
class FaultyProxy:
    """Forwards to `host:port`. Set `fault`, or use the verbs; `heal` ends it. Counts as it goes."""

    host: str
    port: int
    listen_port: int = 0
    requests: list[Seen] = field(default_factory=list)
    bytes_out: int = 0
    """Bytes sent to the client, heads included."""
    _fault: Fault | None = None
    _hits: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _server: asyncio.Server | None = None
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listen_port}"

    @property
    def count(self) -> int:
        """Requests that arrived so far."""
        return len(self.requests)

    def set(self, fault: Fault | None) -> None:
        """Misbehaves like this from now on; its counting starts anew."""
        with self._lock:
            self._fault, self._hits = fault, 0

    def heal(self) -> None:
        """Forwards everything again; connections that hang are closed."""
        self.set(None)
        self._in_loop(self._drop_connections)

    def answer_html(self, after: int = 0, only: Matches | None = None) -> None:
        """A captive portal: HTML with status 200."""
        self.set(Fault(200, HTML, after=after, only=only or _all))

    def answer_status(
        self, status: int, body: str = "", *, after: int = 0, headers: tuple[tuple[str, str], ...] = (),
        content_type: str = "text/html", only: Matches | None = None,
    ) -> None:  # fmt: skip
        """This status, from the request after the next `after` ones on."""
        self.set(Fault(status, body, content_type, headers, after=after, only=only or _all))

    def cut(
        self,
        after_bytes: int,
        *,
        after: int = 0,
        times: int | None = None,
        only: Matches | None = None,
    ) -> None:
        """The connection ends in the middle of an answer."""
        self.set(Fault(cut_after=after_bytes, after=after, times=times, only=only or _all))

    def lose_answers(self, *, times: int | None = 1, only: Matches | None = None) -> None:
        """The server does what it was asked, but nobody hears of it."""
        self.set(Fault(lose_answer=True, times=times, only=only or _all))

    def delay(self, seconds: float) -> None:
        """Each answer comes so much later."""
        self.set(Fault(delay_s=seconds))

    def black_hole(self, after: int = 0) -> None:
        """Requests are swallowed."""
        self.set(Fault(silent=True, after=after))

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="faulty-proxy", daemon=True
        )
        self._thread.start()
        if not started.wait(10):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        assert self._loop is not None
        self._in_loop(self._drop_connections)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        self._loop = asyncio.new_event_loop()
        serving = asyncio.start_server(
            self._accept, "127.0.0.1", self.listen_port, limit=_HEAD_LIMIT
        )
        self._server = self._loop.run_until_complete(serving)
        self.listen_port = self._server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _in_loop(self, what: Callable[[], object]) -> None:
        done = threading.Event()

        def act() -> None:
            what()
            done.set()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(act)
        done.wait(10)

    def _drop_connections(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(_header(line) for line in lines[1:] if ":" in line)
        body = await _body(reader, headers)
        method, path, _ = lines[0].split(" ", 2)
        seen = Seen(method, path, len(body), headers)
        fault = self._note(seen)
        if fault is not None and fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and fault.silent:
            await asyncio.Event().wait()
        if fault is not None and fault.cut_after == 0:
            writer.transport.abort()
            return
        if fault is not None and fault.status:
            await self._send(writer, _answer(fault))
            return
        await self._forward(lines[0], headers, body, writer, fault)

    async def _forward(
        self,
        first: str,
        headers: dict[str, str],
        body: bytes,
        writer: asyncio.StreamWriter,
        fault: Fault | None,
    ) -> None:
        try:
            upstream, to_server = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()  # as if the server's own port were closed
            return
        try:
            kept = {
                key: value
                for key, value in headers.items()
                if key not in ("connection", "transfer-encoding")
            }
            kept |= {"connection": "close", "content-length": str(len(body))}
            head = "".join(f"{key}: {value}\r\n" for key, value in kept.items())
            to_server.write(f"{first}\r\n{head}\r\n".encode("latin-1") + body)
            await to_server.drain()
            left = fault.cut_after if fault is not None else None
            while piece := await upstream.read(65536):
                if fault is not None and fault.lose_answer:
                    continue
                if left is not None and len(piece) >= left:
                    await self._send(writer, piece[:left])
                    writer.close()
                    return
                left = None if left is None else left - len(piece)
                await self._send(writer, piece)
            if fault is not None and fault.lose_answer:
                writer.transport.abort()
        finally:
            to_server.close()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.bytes_out += len(data)

    def _note(self, seen: Seen) -> Fault | None:
        with self._lock:
            self.requests.append(seen)
            fault = self._fault
            if fault is None or not fault.only(seen):
                return None
            self._hits += 1
            hit = self._hits - fault.after
            return fault if hit > 0 and (fault.times is None or hit <= fault.times) else None


def _all(seen: Seen) -> bool:
    return True


def _header(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip().lower(), value.strip()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _answer(fault: Fault) -> bytes:
    data = fault.body.encode()
    more = "".join(f"{key}: {value}\r\n" for key, value in fault.headers)
    return (
        f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: {fault.content_type}\r\nContent-Length: {len(data)}\r\n"
        f"Connection: close\r\n{more}\r\n"
    ).encode() + data
