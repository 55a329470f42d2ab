"""P1 to P3: from exec to content, and commands from exec to end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.figures import Row, figure, middle, not_measured, ratio_row
from tests.bench.places import OURS, PEERS, Home, filled_store, new_home, peer, scratch
from tests.bench.sizes import Sizes
from tests.bench.terminal import open_program

HELLO = [sys.executable, str(PEERS / "hello.py")]
ROWS = ("wind power ensemble", "hail nowcasting", "station clustering")
"""Names of projects that must be painted, not only a frame."""


OWN_IMPORTS = "import gc; gc.disable(); import mantik_tui.app, mantik_tui.workspace.session, mantik_tui.screens.projects"
HELLO_IMPORTS = "import textual.app, textual.widgets._static"


def starts(sizes: Sizes) -> list[Row]:
    """P1, P2: first painted rows of the projects screen, interleaved with a Textual hello and with leet."""
    store = filled_store(sizes.start, sizes.projects)
    what = f"exec to the projects screen with real rows: {sizes.projects} projects, {sizes.start:,} runs, engine not running"
    detail = f", medians of {sizes.starts}, interleaved"
    with new_home(store) as home, scratch() as folder:
        leet, missing = _leet(folder)
        ours, hello, leets = [], [], []
        own: list[float] = []
        theirs: list[float] = []
        for turn in range(sizes.starts + 1):  # the first one warms up
            own.append(_ran([sys.executable, "-c", OWN_IMPORTS], home.env))
            theirs.append(_ran([sys.executable, "-c", HELLO_IMPORTS], home.env))
            mine = _first_rows(home)
            floor = _painted(HELLO, home.env, "hello")
            other = _painted(leet, home.env, "offline-run") if leet else 0.0
            if turn:
                ours.append(mine)
                hello.append(floor)
                leets.append(other)
    over, imports = (middle(ours) - middle(hello)) * 1e3, (middle(own) - middle(theirs)) * 1e3
    why = (
        f"Of the {over:.0f} ms over a hello, {imports:.0f} are imports of the program's own modules; the rest is reading,"
        " styles and the layout of a table, a filter line and a card"
    )
    rows = [
        ratio_row(
            "P1",
            what,
            mine=middle(ours) * 1e3,
            peer=middle(hello) * 1e3,
            limit=1.35,
            unit="ms",
            beside="a Textual hello app",
            why=why,
            detail=detail,
        )
    ]
    if leet:
        share = middle(hello) / middle(leets)
        floor_words = f"The floor, a Textual hello, is {share:.2f} × leet here"
        rows.append(
            ratio_row(
                "P2",
                "the same",
                why=floor_words,
                mine=middle(ours) * 1e3,
                peer=middle(leets) * 1e3,
                limit=0.65,
                unit="ms",
                beside="`wandb leet` on a folder of 5 offline runs, its list of runs painted",
                detail=detail,
            )
        )
    else:
        rows.append(
            not_measured("P2", "the same", missing, beside="`wandb leet`", target="≤ 0.65 ×")
        )
    return rows


def _first_rows(home: Home) -> float:
    home.end_all()
    seconds = _painted([OURS], home.env, *ROWS)
    home.end_all()
    return seconds


def _painted(argv: Sequence[str], env: Mapping[str, str], *words: str) -> float:
    with open_program(argv, env) as program:
        return program.seconds_until(*words)


def _leet(folder: Path) -> tuple[list[str], str]:
    try:
        program = peer("wandb")
        subprocess.run(
            [str(Path(program).parent / "python"), str(PEERS / "leet_runs.py"), str(folder)],
            check=True,
            capture_output=True,
            timeout=120,
            cwd=folder,
        )
    except LookupError as error:
        return [], str(error)
    except subprocess.SubprocessError as error:
        return [], f"its runs could not be made: {error}"
    return [program, "leet", str(folder / "wandb")], ""


def commands(sizes: Sizes) -> list[Row]:
    """P3: commands against an interpreter that does nothing."""
    store = filled_store(sizes.start, sizes.projects)
    python = [sys.executable, "-c", "pass"]
    listing = [OURS, "runs", "list", "--json", "--limit", "50"]
    click = [sys.executable, str(PEERS / "empty_click.py"), "--help"]
    times: dict[str, list[float]] = {"python": [], "click": [], "help": [], "list": []}
    with new_home(store) as home:
        problem = _why_not(listing, home.env)
        for turn in range(sizes.starts * 2 + 1):
            took = {"python": _ran(python, home.env), "click": _ran(click, home.env)}
            took["help"] = _ran([OURS, "--help"], home.env)
            if not problem:
                took["list"] = _ran(listing, home.env)
            if turn:
                for name, seconds in took.items():
                    times[name].append(seconds * 1e3)
    detail = f", medians of {len(times['python'])}, interleaved"
    beside = "`python -c pass`"
    floor, empty = middle(times["python"]), middle(times["click"])
    why = (
        f"The floor, an empty click program, is {empty / floor:.1f} × here ({figure(empty, 'ms')})"
    )
    rows = [
        ratio_row(
            "P3",
            "`mantik-tui --help`, exec to end",
            mine=middle(times["help"]),
            peer=floor,
            limit=5,
            unit="ms",
            beside=beside,
            detail=detail,
            why=why,
        )
    ]
    what = f"`mantik-tui runs list --json` of 50 from {sizes.start:,} runs"
    if problem:
        rows.append(not_measured("P3", what, problem, beside=beside, target="≤ 8 ×"))
    else:
        rows.append(
            ratio_row(
                "P3",
                what,
                mine=middle(times["list"]),
                peer=floor,
                limit=8,
                unit="ms",
                beside=beside,
                detail=detail,
                why=why,
            )
        )
    return rows


def _ran(argv: Sequence[str], env: Mapping[str, str]) -> float:
    start = time.perf_counter()
    silent = subprocess.DEVNULL
    subprocess.run(argv, env=env, stdout=silent, stderr=silent, stdin=silent, check=True)
    return time.perf_counter() - start


def _why_not(argv: Sequence[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"the command failed: {(done.stderr.strip().splitlines() or ['no words'])[-1]}"
