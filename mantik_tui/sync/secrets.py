"""Secrets: in the keyring if it answers within two seconds, else in a file of mode 0600. Only the engine reads them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mantik_tui import paths
from mantik_tui.domain.errors import StoreProblem

SERVICE = "mantik-tui"
LIMIT_S = 2.0
"""Seconds a keyring may take; on login nodes one may hang for ever for want of a desktop."""

T = TypeVar("T")


class Secrets:
    """Names are like `tracking:<workspace>`."""

    def __init__(self, file: Path | None = None, *, use_keyring: bool = True) -> None:
        self._file = file or paths.secrets_file()
        self._use_keyring = use_keyring
        self._asked = False
        """Whether the keyring was asked for anything yet; before, nobody knows whether it answers."""
        self.where = "keyring"
        """In words, where secrets are kept as far as is known; see `place`."""
        if not use_keyring:
            self._fall_back()

    async def place(self) -> str:
        """In words, where secrets are kept: the keyring is asked once whether it answers."""
        if self._use_keyring and not self._asked:
            await self._keyring(lambda _ring: True)
        return self.where

    def _fall_back(self) -> None:
        self._use_keyring = False
        self.where = f"file {self._file}"

    async def get(self, name: str) -> str:
        """The secret, empty if there is none.

        Raises:
            StoreProblem: the file is readable by others, or damaged.
        """
        if self._use_keyring:
            found = await self._keyring(lambda ring: ring.get_password(SERVICE, name))
            if found:
                return str(found)
        return self._read().get(name, "")

    async def put(self, name: str, secret: str) -> None:
        if self._use_keyring:

            def store(ring: Any) -> bool:
                ring.set_password(SERVICE, name, secret)
                return bool(ring.get_password(SERVICE, name) == secret)

            if await self._keyring(store):
                self.where = "keyring"
                self._write({key: value for key, value in self._read().items() if key != name})
                return
        self.where = f"file {self._file}"
        self._write({**self._read(), name: secret})

    async def forget(self, name: str) -> None:
        if self._use_keyring:

            def drop(ring: Any) -> None:
                if ring.get_password(SERVICE, name) is not None:
                    ring.delete_password(SERVICE, name)

            await self._keyring(drop)
        self._write({key: value for key, value in self._read().items() if key != name})

    async def _keyring(self, use: Callable[[Any], T]) -> T | None:
        """What `use` gives of the keyring, None when it fails or takes too long; then it is not asked again.

        The thread is a daemon: one that hangs in the keyring's service must not keep the engine from ending.
        """
        self._asked = True
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: Exception | None) -> None:
            if not answer.done():
                if error is None:
                    answer.set_result(result)  # type: ignore[arg-type]
                else:
                    answer.set_exception(error)

        def ask() -> None:
            result: T | None = None
            problem: Exception | None = None
            try:
                import keyring

                if keyring.get_keyring().priority < 1:
                    raise RuntimeError("no keyring service")
                result = use(keyring)
            except Exception as error:  # noqa: BLE001 - backends raise anything
                problem = error
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result, problem)

        threading.Thread(target=ask, name="keyring", daemon=True).start()
        try:
            return await asyncio.wait_for(answer, LIMIT_S)
        except Exception:  # noqa: BLE001 - whatever it was, the file takes over
            self._fall_back()
            return None

    def _read(self) -> dict[str, str]:
        try:
            mode = self._file.stat().st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise StoreProblem(
                    "The file of secrets is open to others",
                    str(self._file),
                    f"chmod 600 {self._file}",
                )
            return {
                str(key): str(value) for key, value in tomllib.loads(self._file.read_text()).items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise StoreProblem(
                "The file of secrets can't be read", str(error), f"Move {self._file} away"
            ) from error

    def _write(self, secrets: dict[str, str]) -> None:
        import tomlkit

        if not secrets and not self._file.exists():
            return
        fresh = self._file.with_suffix(".new")
        try:
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            with open(
                fresh, "w", opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600)
            ) as file:
                file.write(tomlkit.dumps(secrets))
            fresh.replace(self._file)
        except OSError as error:
            raise StoreProblem(
                "The file of secrets can't be written", f"{self._file}: {error.strerror or error}"
            ) from error
