"""Files of 2022 and 2023 work, and say what today's keys are."""

from __future__ import annotations

import pytest

from mantik_tui.domain.backend_config import (
    Apptainer,
    ImageType,
)
from mantik_tui.domain.problems import Problem, Severity
from tests.support.backend_configs import (
    FIRECREST,
    QUEUE,
    UNICORE,
    accepted,
    only,
    problems_of,
)


def note(text: str) -> Problem:
    found = only(text)
    assert found.severity is Severity.NOTE
    return found


def test_a_file_of_2022_works_and_says_todays_keys() -> None:
    text = (
        '{\n"SingularityImage": "image.sif",\n"UnicoreApiUrl": "https://unicore.example.org/rest",\n'
        '"Environment": {"TEST_ENV_VAR": "variable value"},\n'
        '"Resources": {"Runtime": "12h", "Queue": "batch", "Nodes": 1,\n"CPUs": 8,\n"Memory": "12GiB"}\n}\n'
    )
    config = accepted(text, "c.json")
    assert config.environment.apptainer == Apptainer("image.sif")
    assert config.environment.variables == {"TEST_ENV_VAR": "variable value"}
    assert (config.resources.total_cpus, config.resources.memory_per_node) == (8, "12GiB")
    assert [(one.severity, one.line, one.key) for one in problems_of(text, "c.json")] == [
        (Severity.NOTE, 2, "SingularityImage"),
        (Severity.NOTE, 4, "Environment"),
        (Severity.NOTE, 6, "Resources.CPUs"),
        (Severity.NOTE, 7, "Resources.Memory"),
    ]
    hints = [one.hint for one in problems_of(text, "c.json")]
    for hint, today in zip(
        hints, ("Apptainer", "Environment.Variables", "TotalCPUs", "MemoryPerNode"), strict=True
    ):
        assert today in hint


@pytest.mark.parametrize(
    "old",
    [
        "SingularityImage: {Path: /i.sif, Type: remote}",
        "Singularity: {Path: /i.sif, Type: remote}",
        "Environment: {Singularity: {Path: /i.sif, Type: remote}}",
        "Environment: {SingularityImage: {Path: /i.sif, Type: remote}}",
    ],
)
def test_an_old_image_works_wherever_it_stood(old: str) -> None:
    text = f"{UNICORE}{QUEUE}{old}\n"
    assert accepted(text).environment.apptainer == Apptainer("/i.sif", ImageType.REMOTE)
    assert "Environment.Apptainer" in note(text).hint


@pytest.mark.parametrize(
    ("old", "login", "compute"),
    [
        ("PreRunCommand: module load A", (), ("module load A",)),
        ("PreRunCommand: [a, b]", (), ("a", "b")),
        ("PreRunCommand: {Command: a}", (), ("a",)),
        ("PreRunCommand: {Command: a, ExecuteOnLoginNode: False}", (), ("a",)),
        ("PreRunCommand: {Command: a, ExecuteOnLoginNode: True}", ("a",), ()),
    ],
)
def test_an_old_command_works_as_text_list_and_map(
    old: str, login: tuple[str, ...], compute: tuple[str, ...]
) -> None:
    for text in (f"{UNICORE}{QUEUE}Environment: {{{old}}}\n", f"{UNICORE}{QUEUE}{old}\n"):
        environment = accepted(text).environment
        assert (environment.pre_run_login, environment.pre_run_compute) == (login, compute)
        today = "PreRunCommandOnLoginNode" if login else "PreRunCommandOnComputeNode"
        assert today in note(text).hint


def test_old_commands_that_cannot_work() -> None:
    tail = f"{QUEUE}Environment:\n  PostRunCommand: {{Command: a, ExecuteOnLoginNode: true}}\n"
    errors = [one for one in problems_of(FIRECREST + tail) if one.severity is Severity.ERROR]
    assert [(one.key, one.line) for one in errors] == [("Environment.PostRunCommandOnLoginNode", 5)]
    missing = only(f"{UNICORE}{QUEUE}PostRunCommand: {{ExecuteOnLoginNode: true}}\n")
    assert (missing.key, missing.severity) == ("PostRunCommand.Command", Severity.ERROR)
    text = f"{UNICORE}{QUEUE}PostRunCommand: {{Command: a, ExecuteOnLoginNode: perhaps, X: 1}}\n"
    assert [one.severity for one in problems_of(text)] == [
        Severity.WARNING,
        Severity.ERROR,
        Severity.NOTE,
    ]


def test_todays_key_wins_over_an_old_one() -> None:
    text = f"{UNICORE}{QUEUE}SingularityImage: a.sif\nEnvironment: {{Python: /v}}\nCPUs: 4\n"
    config = accepted(text + "")
    assert config.environment.apptainer is None
    assert config.resources.total_cpus == 4
    assert [one.severity for one in problems_of(text)] == [Severity.WARNING, Severity.NOTE]
