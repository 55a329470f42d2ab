"""Run `make demo` in a pseudo-terminal, with nobody at the keys, until the projects screen shows runs; then quit.

`demo_in_a_pty.py [STARTS]`: how often it is started on the same data, by default once. Everything goes into a temporary
home, which is removed. Exit code 0 when the screen came within the deadline each time, 1 otherwise,
with what was on the screen.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mantik_tui.domain.demo_plan import demo_plan  # noqa: E402
from tests.support.pty_probe import Probe  # noqa: E402

DEADLINE_S = 300.0


def shows_runs(text: str) -> bool:
    """Whether each project of the demo has a line with at least one run."""
    return all(
        any(project.name in line and _has_number(line, project.name) for line in text.splitlines())
        for project in demo_plan()
    )


def _has_number(line: str, name: str) -> bool:
    return re.search(r"\s[1-9][0-9]*\s", line.partition(name)[2] + " ") is not None


def wait_for_projects(probe: Probe, until: float) -> None:
    """Raises TimeoutError with the screen when the projects with runs do not come, or the program ends before."""
    while not shows_runs(probe.text):
        if time.monotonic() > until:
            raise TimeoutError(f"no projects with runs within {DEADLINE_S:.0f} s:\n{probe.text}")
        if not probe.read(0.2) and has_ended(probe):
            raise TimeoutError(f"the demo ended with code {probe.exit_code}:\n{probe.text}")


def has_ended(probe: Probe) -> bool:
    try:
        probe.wait(0.05)
    except TimeoutError:
        return False
    return True


def leave(probe: Probe) -> int:
    """Quit; where something is not sent yet, answer the question with yes. Raises TimeoutError when it does not end."""
    probe.press("ctrl+q")
    until = time.monotonic() + 60
    while not has_ended(probe):
        if time.monotonic() > until:
            raise TimeoutError(f"it does not end:\n{probe.text}")
        if "y leave" in probe.text:
            probe.press("y")
    assert probe.exit_code is not None
    return probe.exit_code


def drive(home: str) -> None:
    """One start of `make demo` with its data in `home`. Raises TimeoutError when it shows no runs or does not end."""
    began = time.monotonic()
    command = ["make", "--no-print-directory", "demo"]
    with Probe(command, cwd=str(ROOT), env={"MANTIK_TUI_HOME": home}) as probe:
        wait_for_projects(probe, began + DEADLINE_S)
        took = time.monotonic() - began
        picture = probe.text
        code = leave(probe)
    sys.stdout.write(f"{picture}\n\n")
    sys.stdout.write(f"make demo: projects with runs after {took:.0f} s, left with code {code}\n")
    if code != 0:
        raise TimeoutError(f"make demo ended with code {code}")


def runs_in(home: str) -> int:
    """How many runs the local database holds."""
    with contextlib.closing(
        sqlite3.connect(f"file:{home}/mantik.db?mode=ro", uri=True)
    ) as database:
        found: int = database.execute("SELECT count(*) FROM run").fetchone()[0]
    return found


def main() -> int:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory(prefix="mantik-demo-", ignore_cleanup_errors=True) as home:
        try:
            for number in range(1, starts + 1):
                drive(home)
                sys.stdout.write(f"start {number}: {runs_in(home)} runs\n")
        except TimeoutError as error:
            sys.stdout.write(f"{error}\n")
            return 1
        finally:
            # The engine outlives the window on purpose; here nobody comes back.
            subprocess.run(
                [ROOT / ".venv" / "bin" / "mantik-tui", "engine", "stop"],
                env={**os.environ, "MANTIK_TUI_HOME": home},
                capture_output=True,
                timeout=60,
                check=False,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
