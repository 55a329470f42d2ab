"""Files that are broken, odd, or no config at all: refused with a line and a hint, or read."""

from __future__ import annotations

import pytest

from mantik_tui.domain.backend_config import (
    parse_backend_config,
)
from mantik_tui.domain.problems import Severity
from tests.support.backend_configs import (
    QUEUE,
    SSH,
    UNICORE,
    accepted,
    only,
    problems_of,
)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("", 1, "Resources"),
        ("# nothing\n", 1, "Resources"),
        ("- a\n- b\n", 1, "Resources:"),
        ("just words\n", 1, "Resources:"),
        ("A: 1\nB:\n\t- c\n", 3, "tabs"),
        ("A: 1\nExclude:\n  - *.nc\n", 3, '"*.nc"'),
        ("A: *b\n", 1, '"*b"'),
        ("A: b: c\n", 1, "quotes"),
        ("A: 'x\n\nB: 1\n", 3, "closed"),
        ("A: [1, 2\nB: 1\n", 2, "closed"),
        ("A: 1\n---\nA: 2\n", 2, "---"),
        ("A: &a [*a]\n", 1, "out"),
        ("A: !!python/object:os.system x\n", 1, "out"),
        ("A: !mine {b: 1}\n", 1, "out"),
        ("? [a, b]\n: 1\n", 1, "quotes"),
        ("A: 1\nB\nC: 2\n", 3, ":"),
        ("A: 1\nB: \x00\n", 2, "out"),
        ("A: 1\nB: \x1b[31m\n", 2, "out"),
        ("A: \ud800\n", 1, "out"),
        ("[" * 100_000, 1, "levels"),
        ("A: " + "{a: " * 5000, 1, "levels"),
        ("A: x\n" * 100_000, 1, "kB"),
        ("<<: 1\n", 1, "out"),
    ],
)
def test_broken_files_are_refused_with_a_line_and_a_hint(text: str, line: int, hint: str) -> None:
    config, problems = parse_backend_config(text, "c.yaml")
    assert config is None
    errors = [one for one in problems if one.severity is Severity.ERROR]
    assert [one.line for one in errors] == [line]
    assert hint in errors[0].hint


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("", 1, "Resources"),
        ("[]", 1, "Resources:"),
        ('{\n"A": 1,\n}', 3, "comma"),
        ('{\n"A": [1,]\n}', 2, "comma"),
        ("{\n'A': 1\n}", 2, "double quotes"),
        ('{"A": 1}\n}', 2, "Take it out"),
        ('{"A" 1}', 1, '"A":'),
        ('{\n# no\n"A": 1}', 2, "double quotes"),
        ('{\n"A": # no\n 1}', 2, "comments"),
        ('{"A": "x\ny"}', 1, "\\n"),
        ('{"A": 1\n"B": 2}', 2, "line before"),
        ('{"A": NaN}', 1, "number"),
        ('{"A": "\\ud800"}', 1, "full"),
        ("[" * 100_000, 1, "levels"),
        ("{", 1, "double quotes"),
    ],
)
def test_broken_json_is_refused_with_a_line_and_a_hint(text: str, line: int, hint: str) -> None:
    config, problems = parse_backend_config(text, "c.json")
    assert config is None
    errors = [one for one in problems if one.severity is Severity.ERROR]
    assert [one.line for one in errors] == [line]
    assert hint in errors[0].hint


def test_keys_that_stand_twice_are_warned_of_and_the_last_counts() -> None:
    for text, file in (
        (f"{UNICORE}Resources:\n  Queue: a\n  Queue: b\n", "c.yaml"),
        (
            '{"UnicoreApiUrl": "https://u.org",\n"Resources": {"Queue": "a",\n\n"Queue": "b"}}',
            "c.json",
        ),
    ):
        assert accepted(text, file).resources.queue == "b"
        found = only(text, file)
        assert (found.severity, found.line, found.key) == (Severity.WARNING, 4, "Resources.Queue")


def test_bom_and_windows_line_ends_are_read() -> None:
    text = "\ufeff" + (UNICORE + "Resources:\n  Queue: b\n  Nodes: two\n").replace("\n", "\r\n")
    assert only(text).line == 4


def test_lines_are_those_of_an_editor_even_with_odd_line_breaks() -> None:
    first = "Environment: {Variables: {A: 'a\u2028b'}}\n"
    assert only(f"{first}{UNICORE}Resources:\n  Queue: b\n  Nodes: two\n").line == 5


def test_dates_and_other_odd_values_are_texts() -> None:
    config = accepted(
        f"{UNICORE}Resources: {{Queue: 2024-01-31, Reservation: 2024-13-45, QoS: =}}\n"
    )
    assert (config.resources.queue, config.resources.reservation) == ("2024-01-31", "2024-13-45")


def test_millions_of_values_in_few_lines_are_no_trouble() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    problems = problems_of("\n".join(lines) + "\n" + UNICORE + "Resources: {Queue: *a11}\n")
    assert problems[-1].severity is Severity.ERROR


@pytest.mark.parametrize("name", ["c.txt", "c", "c.toml", ".yaml2"])
def test_other_file_types_are_refused(name: str) -> None:
    found = only(UNICORE + QUEUE, name)
    assert (found.severity, found.file) == (Severity.ERROR, name)
    assert ".yaml, .yml or .json" in found.hint
    assert accepted(UNICORE + QUEUE, "") == accepted(UNICORE + QUEUE, "c.YML")


def test_messages_repeat_nothing_that_could_move_the_cursor() -> None:
    found = only(f'{UNICORE}Resources: {{Queue: b, Runtime: "\\e[2J{"x" * 500}"}}\n')
    assert "\x1b" not in found.message
    assert len(found.message) < 120


@pytest.mark.timeout(30)
def test_files_made_to_be_slow_are_not() -> None:
    """A check that grows with the square of the text runs into the time limit here."""
    head = UNICORE + QUEUE
    many = "".join(f"k{number}: x\n" for number in range(20_000))
    found = problems_of(head + many)
    assert len(found) == 21
    assert "19980 more keys" in found[-1].message
    for text in (
        f"{head}Exclude: ['{'[' * 200_000}']\n",
        f"{SSH}{QUEUE}Environment: {{Variables: {{A: '{'$(' * 90_000} b'}}}}\n",
        head + "Environment:\n" + "".join(f"  k{number}: x\n" for number in range(15_000)),
        f"{head}Environment: {{PreRunCommand: 'a{' ' * 200_000}b'}}\n",
    ):
        assert problems_of(text)
