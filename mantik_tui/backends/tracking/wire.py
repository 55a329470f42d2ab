"""One pooled HTTP connection to a tracking server: sends, counts, and turns every failure into an error for people."""

from __future__ import annotations

import logging
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from mantik_tui.backends.tracking.address import NO_LOGIN, Address, Login, parse_address
from mantik_tui.backends.tracking.errors import (
    date_ms,
    from_response,
    from_transport,
    not_mlflow,
    words_of,
)
from mantik_tui.domain.errors import BadInput

log = logging.getLogger(__name__)
T = TypeVar("T")
Params = Sequence[tuple[str, str | int]]

API_2 = "/api/2.0/mlflow/"
API_3 = "/api/3.0/mlflow/"
_KEEP_ALIVE_S = 4.0
"""Below the 5 s after which MLflow's own server closes an idle connection, so that none is used as it closes."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection, and between two pieces of an answer."""

    connect: float = 10.0
    read: float = 60.0


@dataclass(slots=True)
class Counters:
    """What went over the wire since the client was made. Bodies only, as sent, compression included."""

    requests: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    """Requests by call, for example `POST runs/search`."""
    last_ms: float = 0.0
    """How long the last answer took to its end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer with a good status."""

    content: bytes
    headers: httpx.Headers
    server_date_ms: int | None
    """The server's clock, from the `Date` header."""
    what: str


class Wire:
    """The HTTP side of a tracking server. Make it inside the event loop that uses it, and close it."""

    def __init__(
        self,
        address: str,
        login: Login = NO_LOGIN,
        *,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeouts: Timeouts | None = None,
        user_agent: str = "mantik-tui",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`ca_file` replaces the public CAs; `insecure` switches TLS verification off and must be asked for.

        Raises BadInput for an address, login or CA file that can't be used.
        """
        self.address: Address
        self.address, inline = parse_address(address)
        self.login = login if login.given else inline
        self.counters = Counters()
        waits = timeouts or Timeouts()
        self._http = httpx.AsyncClient(
            base_url=self.address.url,
            auth=_auth(self.login),
            headers={"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
            timeout=httpx.Timeout(waits.read, connect=waits.connect),
            limits=httpx.Limits(
                max_connections=8, max_keepalive_connections=8, keepalive_expiry=_KEEP_ALIVE_S
            ),
            verify=_tls(self.address, ca_file, insecure),
            trust_env=not self.address.loopback,
            follow_redirects=False,
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def where(self) -> str:
        """The address for people."""
        return self.address.shown

    async def get(self, path: str, params: Params = (), *, api: str = API_2) -> Answer:
        """GET of an API call, for example `runs/get`."""
        return await self.send("GET", api + path, params=params)

    async def post(self, path: str, body: Mapping[str, Any], *, api: str = API_2) -> Answer:
        """POST of an API call. Unset (None) members of `body` are left out."""
        content = msgspec.json.encode(
            {key: value for key, value in body.items() if value is not None}
        )
        return await self.send("POST", api + path, content=content)

    async def send(
        self, method: str, path: str, *, params: Params = (), content: bytes | None = None
    ) -> Answer:
        """One request, its answer read whole.

        Raises NeedsLogin, Forbidden, NotFound, AlreadyExists, Rejected, TrackingOffline, NotMlflow or BadInput.
        """
        what = f"{method} {_short(path)}"
        headers = {"Content-Type": "application/json"} if content is not None else None
        started = time.perf_counter()
        try:
            request = self._http.build_request(
                method, path, params=list(params) or None, content=content, headers=headers
            )
            self._count(what, len(content or b""))
            response = await self._http.send(request)
        except httpx.TransportError as error:
            raise from_transport(error, self.where, what) from error
        except httpx.DecodingError as error:
            raise not_mlflow(self.where, what, "its compressed answer can't be unpacked") from error
        except httpx.InvalidURL as error:
            raise BadInput(f"{what} can't be sent to {self.where}", str(error)) from error
        self.counters.bytes_in += response.num_bytes_downloaded
        self.counters.last_ms = (time.perf_counter() - started) * 1000
        log.debug(
            "%s %s %d, %d bytes, %.0f ms",
            self.where,
            what,
            response.status_code,
            response.num_bytes_downloaded,
            self.counters.last_ms,
        )
        if not 200 <= response.status_code < 300:
            raise from_response(
                response.status_code,
                response.headers,
                response.content,
                self.where,
                what,
                self.login,
            )
        return Answer(
            response.content, response.headers, date_ms(response.headers.get("date")), what
        )

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """One request whose answer is read piece by piece. Leaving early closes the connection.

        Raises what `send` raises, also while the body is read. `count_received` counts what was read.
        """
        what = f"{method} {_short(path)}"
        try:
            self._count(what, len(content) if isinstance(content, bytes) else 0)
            async with self._http.stream(
                method, path, params=list(params) or None, headers=headers, content=content
            ) as response:
                try:
                    if not 200 <= response.status_code < 300 and response.status_code != 416:
                        body = await response.aread()
                        raise from_response(
                            response.status_code,
                            response.headers,
                            body,
                            self.where,
                            what,
                            self.login,
                        )
                    yield response
                finally:
                    self.counters.bytes_in += response.num_bytes_downloaded
        except httpx.TransportError as error:
            raise from_transport(error, self.where, what) from error
        except httpx.DecodingError as error:
            raise not_mlflow(self.where, what, "its compressed answer can't be unpacked") from error

    def decode(self, answer: Answer, decoder: msgspec.json.Decoder[T]) -> T:
        """The answer's JSON as a record. Raises NotMlflow for anything else."""
        try:
            return decoder.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = (
                words_of(answer.content, answer.headers.get("content-type", ""))
                or "an empty answer"
            )
            raise not_mlflow(self.where, answer.what, f"instead of JSON came: {said}") from error

    def _count(self, what: str, sent: int) -> None:
        self.counters.requests += 1
        self.counters.calls[what] += 1
        self.counters.bytes_out += sent


def _short(path: str) -> str:
    """A path as shown and counted: without the API's prefix, artifact paths without their file."""
    if path.startswith("/api/2.0/mlflow-artifacts/"):
        return "mlflow-artifacts"
    return path.removeprefix(API_2).removeprefix(API_3).lstrip("/")


def _auth(login: Login) -> httpx.Auth | None:
    if login.token:
        return _Bearer(login.token)
    return httpx.BasicAuth(login.username, login.password) if login.username else None


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise BadInput(
                "The token can't be used",
                "It has spaces, line breaks or letters outside ASCII",
                "Paste it again, without quotes and without the line's end.",
            )
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


def _tls(address: Address, ca_file: Path | None, insecure: bool) -> ssl.SSLContext:
    """The TLS settings of the connection; those of a plain http address trust nobody, and cost nothing to make."""
    if not address.secure:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(ca_file.expanduser()))
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            "The CA file can't be used",
            f"{ca_file}: {error.strerror or error}",
            "It has to be a PEM file with the certificate of the CA that signed the server's.",
        ) from error
