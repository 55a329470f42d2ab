"""Artifacts through the tracking server: listed, previewed, downloaded with resume, uploaded.

Stores that the server does not hand through are read by `artifact_subprocess`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from mantik_tui.backends.tracking.errors import Rejected, TrackingOffline
from mantik_tui.backends.tracking.records import ArtifactRecord
from mantik_tui.backends.tracking.wire import Params, Wire
from mantik_tui.domain.errors import BadInput

PREVIEW_BYTES = 256 * 1024
_CHUNK = 1024 * 1024
_PROXY = "/api/2.0/mlflow-artifacts/artifacts/"
Progress = Callable[[int, int | None], None]
"""Called with bytes there so far and the whole size, None while that is unknown."""


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """One artifact file of a run."""

    run_id: str
    artifact_uri: str
    """The run's root, as the server told: `mlflow-artifacts:/1/<run id>/artifacts`, `s3://...`."""
    path: str
    """Relative to the root, with `/`."""


@dataclass(frozen=True, slots=True)
class Preview:
    data: bytes
    size: int | None
    """Of the whole file; None if the server did not say."""
    binary: bool
    """Whether there is a NUL byte in what was read."""
    etag: str

    @property
    def complete(self) -> bool:
        return self.size is not None and len(self.data) >= self.size


@dataclass(frozen=True, slots=True)
class Download:
    """An open download. `offset` is where its bytes really start: 0 if the server can't resume."""

    offset: int
    size: int | None
    etag: str
    chunks: AsyncIterator[bytes]


class _Listing(msgspec.Struct, gc=False):
    root_uri: str = ""
    files: list[ArtifactRecord] = []
    next_page_token: str | None = None


_LISTING = msgspec.json.Decoder(_Listing)


class ArtifactCalls:
    """The part of a tracking client that reads and writes artifacts."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def list(self, run_id: str, path: str = "") -> list[ArtifactRecord]:
        """Entries of one folder of a run. One request, more where the server pages."""
        found: list[ArtifactRecord] = []
        token: str | None = None
        while True:
            params: list[tuple[str, str | int]] = [("run_id", run_id)]
            if path:
                params.append(("path", safe_path(path)))
            if token:
                params.append(("page_token", token))
            answer = await self._wire.get("artifacts/list", params)
            page = self._wire.decode(answer, _LISTING)
            found += page.files
            if not page.next_page_token or page.next_page_token == token:
                return found
            token = page.next_page_token

    def proxied(self, artifact_uri: str) -> bool:
        """Whether files under this root go through this server by its own artifact routes."""
        parts = urlsplit(artifact_uri)
        return parts.scheme == "mlflow-artifacts" and parts.netloc in (
            "",
            urlsplit(self._wire.address.url).netloc,
        )

    async def preview(self, ref: ArtifactRef, limit: int = PREVIEW_BYTES) -> Preview:
        """The first `limit` bytes and the size. Reading stops there even if the server knows no ranges."""
        async with self._open(ref, {"Range": f"bytes=0-{limit - 1}"}) as response:
            if response.status_code == 416:
                return Preview(b"", 0, False, "")
            size = _size(response)
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) >= limit:
                    break
        head = bytes(data[:limit])
        if size is None and len(data) < limit:
            size = len(head)
        return Preview(head, size, b"\0" in head, response.headers.get("etag", ""))

    @asynccontextmanager
    async def open(
        self, ref: ArtifactRef, *, start: int = 0, etag: str = ""
    ) -> AsyncIterator[Download]:
        """A download from byte `start` on. With the `etag` of an earlier part, a file that changed starts at 0."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and etag:
            headers["If-Range"] = etag
        async with self._open(ref, headers) as response:
            if response.status_code == 416:
                yield Download(start, start, etag, _nothing())
                return
            offset = start if response.status_code == 206 else 0
            yield Download(
                offset,
                _size(response),
                response.headers.get("etag", ""),
                response.aiter_bytes(_CHUNK),
            )

    async def download(
        self, ref: ArtifactRef, target: Path, progress: Progress | None = None
    ) -> int:
        """Downloads into `target` and returns its size; the folder must be there.

        Bytes are gathered in `<target>.part`, which a later call goes on with, and renamed when complete.
        Raises TrackingOffline if the connection ends early, OSError for the disk's troubles.
        """
        part = target.with_name(target.name + ".part")
        mark = target.with_name(target.name + ".etag")
        start, etag = await asyncio.to_thread(_resume_point, part, mark)
        async with self.open(ref, start=start, etag=etag) as found:
            done = found.offset
            await asyncio.to_thread(mark.write_text, found.etag)
            with await asyncio.to_thread(part.open, "r+b" if done else "wb") as sink:
                sink.seek(done)
                async for chunk in found.chunks:
                    await asyncio.to_thread(sink.write, chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, found.size)
                sink.truncate()
        if found.size is not None and done != found.size:
            raise TrackingOffline(
                f"{self._wire.where} sent only a part of {ref.path}",
                f"{done} of {found.size} bytes",
                "Download it again; it goes on where it stopped.",
            )
        await asyncio.to_thread(part.replace, target)
        mark.unlink(missing_ok=True)
        return done

    async def upload(self, artifact_uri: str, path: str, source: Path | bytes) -> None:
        """Stores a file under the root, replacing what is there; safe to repeat.

        Raises Rejected if this server does not hand artifacts through.
        """
        route = self._route(artifact_uri, path)
        if route is None:
            raise Rejected(
                "This server does not take artifacts",
                f"They lie in {artifact_uri.split('://')[0]}, which it does not hand through",
                "They are stored by MLflow's own command instead.",
            )
        if isinstance(source, bytes):
            body: bytes | AsyncIterator[bytes] = source
            length = len(source)
        else:
            length = source.stat().st_size
            body = _file_chunks(source, length)
        headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
        async with self._wire.stream("PUT", route, headers=headers, content=body) as response:
            await response.aread()
        if not isinstance(source, bytes):
            self._wire.counters.bytes_out += length

    @asynccontextmanager
    async def _open(
        self, ref: ArtifactRef, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        route = self._route(ref.artifact_uri, ref.path)
        params: Params = ()
        if route is None:
            # The server reads stores that it does not hand through with credentials of its own, if it has any.
            route, params = (
                "/get-artifact",
                [("run_uuid", ref.run_id), ("path", safe_path(ref.path))],
            )
        sent = {**headers, "Accept-Encoding": "identity"}
        async with self._wire.stream("GET", route, params=params, headers=sent) as response:
            yield response

    def _route(self, artifact_uri: str, path: str) -> str | None:
        if not self.proxied(artifact_uri):
            return None
        root = urlsplit(artifact_uri).path.strip("/")
        return _PROXY + quote(f"{root}/{safe_path(path)}")


def safe_path(path: str) -> str:
    """An artifact's path as it may be asked for. Raises BadInput for one that leaves its run."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path or "\\" in path:
        raise BadInput(
            "This artifact's name can't be used", f"{path[:80]!r} is no path inside a run"
        )
    return "/".join(parts)


def _size(response: httpx.Response) -> int | None:
    """Size of the whole file, from `Content-Range: bytes a-b/size` or `Content-Length`."""
    total = response.headers.get("content-range", "").rpartition("/")[2]
    if response.status_code == 206:
        return int(total) if total.isdigit() else None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _resume_point(part: Path, mark: Path) -> tuple[int, str]:
    try:
        return part.stat().st_size, mark.read_text()
    except OSError:
        return 0, ""


async def _nothing() -> AsyncIterator[bytes]:
    none: tuple[bytes, ...] = ()
    for chunk in none:
        yield chunk


async def _file_chunks(path: Path, length: int) -> AsyncIterator[bytes]:
    """The file's first `length` bytes; raises BadInput if it became shorter, since its length was announced."""
    left = length
    with await asyncio.to_thread(path.open, "rb") as source:
        while left:
            chunk = await asyncio.to_thread(source.read, min(_CHUNK, left))
            if not chunk:
                raise BadInput(
                    f"{path} changed while it was sent", "It became shorter", "Send it again."
                )
            left -= len(chunk)
            yield chunk
