"""Secrets: in the keyring where there is one that answers, else in a file for nobody else's eyes."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from types import SimpleNamespace

import keyring
import pytest

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.sync import secrets as module
from mantik_tui.sync.secrets import Secrets


class Ring:
    """A keyring in memory, as picky as the real ones: what is not there can't be deleted."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.asked = 0

    def get_password(self, service: str, name: str) -> str | None:
        self.asked += 1
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring()
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(keyring, name, getattr(made, name))
    monkeypatch.setattr(keyring, "get_keyring", lambda: SimpleNamespace(priority=5))
    return made


async def test_the_keyring_keeps_it_and_no_file_is_made(tmp_path: Path, ring: Ring) -> None:
    secrets = Secrets(tmp_path / "secrets.toml")
    await secrets.put("tracking:a", "word")
    assert await secrets.get("tracking:a") == "word"
    assert (secrets.where, list(tmp_path.iterdir())) == ("keyring", [])


async def test_forgetting_what_was_never_kept_does_not_cost_the_rest(
    tmp_path: Path, ring: Ring
) -> None:
    secrets = Secrets(tmp_path / "secrets.toml")
    await secrets.put("tracking:a", "word")
    await secrets.forget("tracking:other")
    assert await secrets.get("tracking:a") == "word"
    await secrets.forget("tracking:a")
    assert await secrets.get("tracking:a") == ""


async def test_without_a_keyring_a_file_of_mode_600_keeps_it(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.toml")
    await secrets.put("tracking:a", 'w"o\\rd\n')
    await secrets.put("tracking:b", "other")
    assert stat.S_IMODE((tmp_path / "secrets.toml").stat().st_mode) == 0o600
    assert await Secrets(tmp_path / "secrets.toml").get("tracking:a") == 'w"o\\rd\n'
    await secrets.forget("tracking:a")
    assert await secrets.get("tracking:a") == ""
    assert await secrets.get("tracking:b") == "other"
    assert "secrets.toml" in secrets.where


async def test_a_keyring_that_hangs_is_given_up_after_its_limit(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(keyring, "get_password", lambda *_args: release.wait(30))
    monkeypatch.setattr(module, "LIMIT_S", 0.05)
    secrets = Secrets(tmp_path / "secrets.toml")
    assert await secrets.get("tracking:a") == ""
    await secrets.put("tracking:a", "word")
    assert await secrets.get("tracking:a") == "word"
    release.set()


async def test_a_file_that_others_can_read_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('"tracking:a" = "word"\n')
    file.chmod(0o644)
    with pytest.raises(StoreProblem, match="open to others") as error:
        await Secrets(file).get("tracking:a")
    assert "chmod 600" in error.value.hint


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("no toml at all")
    file.chmod(0o600)
    with pytest.raises(StoreProblem, match="can't be read"):
        await Secrets(file).get("tracking:a")
