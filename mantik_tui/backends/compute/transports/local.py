"""The transport of this machine: `/bin/sh` as a child process, files by the file system."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import signal
import socket
import stat as stat_bits
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from mantik_tui.backends.compute import shell
from mantik_tui.backends.compute.protocols import (
    Chunk,
    Completed,
    FileEntry,
    FileStat,
    FileToPut,
    Sent,
    TransportAbilities,
)
from mantik_tui.domain.errors import MantikError, NotFound, Offline, Refused, Unsure

_KEPT_FROM_JOBS = ("MLFLOW_", "MANTIK_")
"""Variables of this program's own surroundings that must not leak into trainings; the env file has what a job needs."""
_PIECE = 1 << 20


class LocalTransport:
    """Commands and files on this machine. `poll_s` is how often a followed file is looked at."""

    def __init__(self, *, poll_s: float = 0.2, environment: dict[str, str] | None = None) -> None:
        source = dict(os.environ) if environment is None else environment
        self._environment = {
            name: value for name, value in source.items() if not name.startswith(_KEPT_FROM_JOBS)
        }
        self._poll_s = poll_s
        self.abilities = TransportAbilities(same_machine=True, host=socket.gethostname())

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing to disconnect."""

    async def run(self, script: str, *, timeout_s: float = 30.0) -> Completed:
        word = shell.new_word()
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd="/",
                env=self._environment,
                # Keys typed in the terminal must not reach it; and so it can be ended with its children.
                start_new_session=True,
            )
        except OSError as error:
            raise Offline("No command can be run on this machine", _told(error)) from error
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await process.communicate(shell.wrap(script, word))
        except TimeoutError:
            raise Unsure(
                "A command took too long",
                f"No answer within {timeout_s:g} s; it may have run in part.",
                "It is looked at again before anything is repeated.",
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return shell.unwrap(stdout, stderr, word)

    async def expand(self, text: str) -> str:
        if "$" not in text and not text.startswith("~"):
            return text
        return shell.expand_with(text, await self.run(shell.expansion_script(text)))

    async def put_bytes(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        await asyncio.to_thread(_put_bytes, Path(path), data, mode)

    async def put_files(self, files: Sequence[FileToPut], *, store: str) -> Sent:
        count = size = 0
        for file in files:
            if await asyncio.to_thread(_put_file, file, Path(store)):
                count, size = count + 1, size + file.size
        return Sent(count, size, len(files) - count)

    async def get_range(self, path: str, offset: int, length: int) -> bytes:
        return await asyncio.to_thread(_get_range, Path(path), offset, length)

    async def stat(self, path: str) -> FileStat | None:
        return await asyncio.to_thread(_stat, Path(path))

    async def listdir(self, path: str) -> list[FileEntry]:
        return await asyncio.to_thread(_listdir, Path(path))

    async def mkdir(self, path: str) -> bool:
        with _words(path):
            try:
                await asyncio.to_thread(os.mkdir, path)
            except FileExistsError:
                return False
        return True

    async def make_dirs(self, path: str) -> None:
        with _words(path):
            await asyncio.to_thread(os.makedirs, path, exist_ok=True)

    async def remove_tree(self, path: str) -> None:
        await asyncio.to_thread(_remove_tree, Path(path))

    async def follow(self, path: str, offset: int = 0) -> AsyncIterator[Chunk]:
        while True:
            found = await self.stat(path)
            if found is not None and found.size < offset:
                offset = 0
            data = b""
            if found is not None and found.size > offset:
                with contextlib.suppress(NotFound):
                    data = await self.get_range(path, offset, _PIECE)
            if data:
                yield Chunk(offset, data)
                offset += len(data)
            else:
                await asyncio.sleep(self._poll_s)


def _told(error: OSError) -> str:
    return error.strerror or str(error)


@contextlib.contextmanager
def _words(path: str | Path) -> Iterator[None]:
    """Turns the system's errors into ours, with the system's words."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no {path}", _told(error)) from error
    except OSError as error:
        hint = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Free some space, or choose another run root for this site."
        raise Refused(f"{path} can't be read or written", _told(error), hint) from error


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.part")


def _put_bytes(path: Path, data: bytes, mode: int) -> None:
    part = _temporary(path)
    with _words(path):
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o600)
            with os.fdopen(handle, "wb") as stream:
                os.fchmod(handle, mode)
                stream.write(data)
                stream.flush()
                os.fsync(handle)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _put_file(file: FileToPut, store: Path) -> bool:
    """True if the content had to be sent. The store's copies are never handed out as links: trainings write to files."""
    kept = store / file.sha256[:2] / file.sha256
    target = Path(file.path)
    with _words(file.path):
        sent = not (kept.is_file() and kept.stat().st_size == file.size)
        if sent:
            kept.parent.mkdir(parents=True, exist_ok=True)
            _copy(file.source, kept, 0o444, expect=file.sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(kept, target, file.mode, expect="")
    return sent


def _copy(source: Path, target: Path, mode: int, *, expect: str) -> None:
    part = _temporary(target)
    try:
        if expect:
            digest = hashlib.sha256()
            with source.open("rb") as reader, part.open("xb") as writer:
                while piece := reader.read(_PIECE):
                    digest.update(piece)
                    writer.write(piece)
            if digest.hexdigest() != expect:
                raise Refused(
                    f"{source} changed while it was sent",
                    "Its content is not what the snapshot recorded.",
                    "Submit again to take a new snapshot.",
                )
        else:
            shutil.copyfile(source, part)
        part.chmod(mode)
        part.replace(target)
    except (OSError, MantikError):
        part.unlink(missing_ok=True)
        raise


def _get_range(path: Path, offset: int, length: int) -> bytes:
    with _words(path), path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _describe(info: os.stat_result, *, link: bool) -> FileStat:
    return FileStat(
        size=info.st_size,
        modified_ms=info.st_mtime_ns // 1_000_000,
        is_dir=stat_bits.S_ISDIR(info.st_mode),
        is_link=link,
        mode=stat_bits.S_IMODE(info.st_mode),
    )


def _stat(path: Path) -> FileStat | None:
    with _words(path):
        try:
            return _describe(path.stat(), link=path.is_symlink())
        except (FileNotFoundError, NotADirectoryError):
            return None


def _listdir(path: Path) -> list[FileEntry]:
    entries = []
    with _words(path), os.scandir(path) as found:
        for entry in found:
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone since the folder was read
            entries.append(FileEntry(entry.name, _describe(info, link=entry.is_symlink())))
    return sorted(entries, key=lambda entry: entry.name)


def _remove_tree(path: Path) -> None:
    with _words(path):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            return
