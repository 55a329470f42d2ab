"""`make demo` from a fresh clone, driven in a pseudo-terminal: the projects with runs appear, a second start takes over."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from mantik_tui.domain.demo_plan import first_runs

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = """#!{python}
import sys
from mantik_tui.main import main
sys.exit(main())
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that Git knows and nothing else, with an environment as `make venv` leaves it.

    The packages of others are taken from the environment that runs this test: `make venv` made that one from the same lock.
    """
    place = tmp_path / "clone"
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, known.stdout.decode().split("\0")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place / name)
    venv.create(place / ".venv", with_pip=False, symlinks=True)
    python = place / ".venv" / "bin" / "python"
    (packages,) = (place / ".venv" / "lib").glob("python*/site-packages")
    (packages / "clone.pth").write_text(f"{place}\n{sysconfig.get_path('purelib')}\n")
    program = python.with_name("mantik-tui")
    program.write_text(_COMMAND.format(python=python))
    program.chmod(0o755)
    stamp = subprocess.run(
        "cat requirements/dev.lock pyproject.toml | cksum",
        shell=True,
        cwd=place,
        capture_output=True,
        check=True,
    ).stdout
    (place / ".venv" / ".installed-from").write_bytes(stamp)
    return place


@pytest.mark.acceptance("first-flight.1")
@pytest.mark.server
@pytest.mark.timeout(700)
def test_make_demo_reaches_the_projects_with_runs_and_a_second_start_trains_nothing_again(
    clone: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, clone / "scripts" / "demo_in_a_pty.py", "2"],
        cwd=clone,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=650,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "making .venv" not in done.stdout
    counts = [
        int(found) for found in re.findall(r"^start \d: (\d+) runs$", done.stdout, re.MULTILINE)
    ]
    assert len(counts) == 2
    assert 3 <= counts[0] <= counts[1] <= len(first_runs())
