"""What all tests share, and the choice of tests by a story's line.

`pytest --story first-flight` runs only the tests marked `acceptance("first-flight.N")` and ends with a table of lines.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.support.fixtures"]

_LINE = re.compile(r"[a-z][a-z-]*\.[0-9]+")
_outcomes: dict[str, list[str]] = defaultdict(list)
_LINES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--story", default="", metavar="NAME", help="only tests that hold lines of this story"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    story = config.getoption("--story")
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        lines = [str(mark.args[0]) if mark.args else "" for mark in item.iter_markers("acceptance")]
        for line in lines:
            if not _LINE.fullmatch(line):
                raise pytest.UsageError(
                    f"{item.nodeid}: acceptance({line!r}) should be like 'first-flight.3'"
                )
        mine = [line for line in lines if line.startswith(f"{story}.")]
        item.stash[_LINES] = mine
        (chosen if mine else others).append(item)
    if story:
        config.hook.pytest_deselected(items=others)
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        for line in item.stash.get(_LINES, []):
            _outcomes[line].append(report.outcome)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--story"):
        return
    terminalreporter.section("acceptance")
    for line in sorted(_outcomes, key=lambda text: int(text.rpartition(".")[2])):
        found = _outcomes[line]
        counts = ", ".join(
            f"{found.count(kind)} {kind}"
            for kind in ("passed", "failed", "skipped")
            if kind in found
        )
        terminalreporter.line(f"{line}: {counts}")
