"""Exclude in a backend config, and what is checked against the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from mantik_tui.domain.backend_config import (
    ProjectFiles,
    parse_backend_config,
)
from mantik_tui.domain.problems import Severity
from tests.support.backend_configs import (
    QUEUE,
    UNICORE,
    only,
    problems_of,
)


@pytest.mark.parametrize(
    "entry", ["data/sub/", "src/b.nc", "data", "data/*", "./", "*/", ".git", "*"]
)
def test_entries_that_do_not_do_what_they_say_are_warned_of(entry: str) -> None:
    found = only(f"{UNICORE}{QUEUE}Exclude:\n  - '*.csv'\n  - '{entry}'\n")
    assert (found.severity, found.line, found.key) == (Severity.WARNING, 6, "Exclude")
    assert found.hint


@pytest.mark.parametrize("entry", ["''", "/data/", "[x]", "", "a: b"])
def test_entries_that_cannot_be_used_are_errors(entry: str) -> None:
    found = only(f"{UNICORE}{QUEUE}Exclude:\n  - '*.csv'\n  - {entry}\n")
    assert (found.severity, found.line) == (Severity.ERROR, 6)


def test_an_image_that_is_left_out_is_an_error() -> None:
    for entry in ("images/", "*.sif"):
        text = f"{UNICORE}{QUEUE}Environment:\n  Apptainer:\n    Path: images/a.sif\nExclude: ['{entry}']\n"
        assert (only(text).severity, only(text).line) == (Severity.ERROR, 6)
    remote = "Environment: {Apptainer: {Path: /images/a.sif, Type: remote}}\nExclude: ['*.sif', images/]\n"
    assert problems_of(UNICORE + QUEUE + remote) == []


def test_a_config_that_leaves_itself_out_is_warned_of() -> None:
    found = only(f"{UNICORE}{QUEUE}Exclude: ['*.yaml']\n", "sub/c.yaml")
    assert (found.severity, found.line) == (Severity.WARNING, 4)


def test_with_a_project_a_local_image_must_be_there_and_not_too_large() -> None:
    text = f"{UNICORE}{QUEUE}Environment:\n  Apptainer:\n    Path: images/a.sif\n"

    def check(size: int | None) -> list[tuple[Severity, int]]:
        sizes = {Path("/p/images/a.sif"): size}
        project = ProjectFiles(Path("/p"), sizes.get)
        return [
            (one.severity, one.line)
            for one in parse_backend_config(text, "c.yaml", project=project)[1]
        ]

    assert check(1000) == []
    assert check(None) == [(Severity.ERROR, 6)]
    assert check(200_000_000) == [(Severity.WARNING, 6)]
    assert problems_of(text) == []
