"""`make demo`, driven in a pseudo-terminal: the projects with runs appear, and a second start takes over what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mantik_tui.domain.demo_plan import first_runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.acceptance("first-flight.1")
@pytest.mark.server
@pytest.mark.timeout(700)
def test_make_demo_reaches_the_projects_with_runs_and_a_second_start_trains_nothing_again() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo_in_a_pty.py", "2"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=650,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    counts = [
        int(found) for found in re.findall(r"^start \d: (\d+) runs$", done.stdout, re.MULTILINE)
    ]
    assert len(counts) == 2
    assert 3 <= counts[0] <= counts[1] <= len(first_runs())
