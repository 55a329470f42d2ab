"""What a client says when the engine that it starts does not come up."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mantik_tui.domain.errors import EngineProblem
from mantik_tui.sync.client import EngineLink, spawn_process


def test_an_engine_that_dies_at_its_start_is_noticed_at_once_and_its_words_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no module named store' >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    began = time.monotonic()
    with pytest.raises(EngineProblem) as told:
        EngineLink(spawn_process).ensure(timeout_s=20)
    assert time.monotonic() - began < 10
    assert told.value.cause == "ImportError: no module named store"
    assert "engine.err" in told.value.hint


def test_an_engine_that_says_nothing_is_waited_for_until_the_deadline() -> None:
    with pytest.raises(EngineProblem) as told:
        EngineLink(lambda: None).ensure(timeout_s=0.1)
    assert "nothing listens" in told.value.cause
