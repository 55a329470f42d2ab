"""Pictures of the screens for README and docs: docs/images/*.svg, from real runs of the demo.

`python scripts/screenshots.py [NAME...]` takes only the named ones. Without `MANTIK_TUI_HOME` the demo is set up in a
temporary home, which is removed at the end; with it, the demo's data there is used (`make demo` makes it).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from mantik_tui.app import MantikApp

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PROGRAM = Path(sys.executable).with_name("mantik-tui")
LARGE, SMALL = (120, 40), (80, 24)
CELL = 12.2
"""Width of a character in these pictures, in their units."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The app with the demo's data, and what a picture needs to find in it."""

    app: MantikApp
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Until all workers have ended and the screen was painted."""
        for _ in range(3):
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def wait(self, seconds: float) -> None:
        """Lets the engine bring what the screen asked for."""
        await self.pilot.pause(seconds)
        await self.settle()

    def number(self, query: str, *values: str) -> int:
        row = self.app.session.store.connection.execute(query, values).fetchone()
        if row is None:
            raise LookupError(f"nothing found by: {query} {values}")
        return int(row[0])

    def run(self, name: str) -> int:
        return self.number("SELECT id FROM run WHERE name = ? ORDER BY start_ms DESC", name)

    def project(self, name: str) -> int:
        return self.number("SELECT id FROM project WHERE name = ?", name)


Steps = Callable[[Scene], Awaitable[None]]


async def _first(scene: Scene) -> None:
    await scene.wait(1)


async def _project(scene: Scene) -> None:
    scene.app.open_project(scene.project("Wind power forecast"))
    await scene.wait(1)


async def _runs(scene: Scene) -> None:
    await _project(scene)
    await scene.press("5")
    await scene.wait(1)


async def _run(scene: Scene) -> None:
    scene.app.open_run(scene.run("mlp-48-fast"))
    await scene.wait(4)


async def _running(scene: Scene) -> None:
    scene.app.open_run(scene.run("long-training"))
    await scene.wait(6)


async def _failed(scene: Scene) -> None:
    scene.app.open_run(scene.run("too-many-groups"))
    await scene.wait(3)


async def _log(scene: Scene) -> None:
    scene.app.open_log(scene.run("mlp-24"))
    await scene.wait(2)


async def _compare(scene: Scene) -> None:
    names = ("mlp-24", "mlp-48-fast", "linear")
    scene.app.open_compare([scene.run(name) for name in names])
    await scene.wait(4)


async def _form(scene: Scene) -> None:
    scene.app.open_run(scene.run("mlp-24"))
    await scene.wait(1)
    await scene.press("r")
    await scene.wait(2)


async def _configs(scene: Scene) -> None:
    scene.app.action_go_configs()
    await scene.wait(1)


async def _active(scene: Scene) -> None:
    await scene.press("a")
    await scene.wait(2)


async def _outbox(scene: Scene) -> None:
    await scene.press("o")
    await scene.wait(1)


async def _sites(scene: Scene) -> None:
    scene.app.action_go_sites()
    await scene.wait(1)


async def _settings(scene: Scene) -> None:
    await scene.press("comma")
    await scene.wait(1)


async def _help(scene: Scene) -> None:
    await _runs(scene)
    await scene.press("question_mark")
    await scene.wait(1)


async def _welcome(scene: Scene) -> None:
    scene.app.action_go_welcome()
    await scene.wait(1)


SHOTS: dict[str, tuple[Steps, tuple[int, int]]] = {
    "projects": (_first, LARGE),
    "project": (_project, LARGE),
    "runs": (_runs, LARGE),
    "run": (_run, LARGE),
    "run-live": (_running, LARGE),
    "run-failed": (_failed, LARGE),
    "log": (_log, LARGE),
    "compare": (_compare, LARGE),
    "form": (_form, LARGE),
    "configs": (_configs, LARGE),
    "active": (_active, LARGE),
    "outbox": (_outbox, LARGE),
    "sites": (_sites, LARGE),
    "settings": (_settings, LARGE),
    "help": (_help, LARGE),
    "welcome": (_welcome, LARGE),
    "runs-80x24": (_runs, SMALL),
    "run-80x24": (_run, SMALL),
}


async def take(name: str) -> Path:
    """Drives the app to a screen and writes what it shows."""
    from mantik_tui.app import MantikApp
    from mantik_tui.workspace.session import open_session

    steps, size = SHOTS[name]
    session = open_session()
    app = MantikApp(session)
    try:
        async with app.run_test(size=size) as pilot:
            scene = Scene(app, pilot)
            await scene.settle()
            await steps(scene)
            app.clear_notifications()
            await scene.settle()
            picture = IMAGES / f"{name}.svg"
            picture.write_text(_plain(app.export_screenshot(title="mantik-tui")), encoding="utf-8")
    finally:
        session.close()
    return picture


def _plain(svg: str) -> str:
    """The picture with the reader's own fonts, and blanks as places: nothing is fetched, and every viewer sets it alike."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono")
    svg = re.sub(
        r'<text [^>]*?x="([\d.]+)"[^>]*?textLength="([\d.]+)"[^>]*>([^<]*)</text>', _trim, svg
    )
    # Made anew for each picture, these would make every picture differ from the last.
    return re.sub(r"terminal-\d+", "shot", svg)


def _trim(text: re.Match[str]) -> str:
    """A piece of text without the blanks at its ends: some viewers drop them, and move what follows."""
    whole, (left, length, words) = text[0], text.groups()
    blank = "&#160;"
    bare = words.replace(blank, "\0")
    before = len(bare) - len(bare.lstrip("\0"))
    after = len(bare) - len(bare.rstrip("\0"))
    if before == len(bare):
        return ""
    new_left = float(left) + before * CELL
    new_length = float(length) - (before + after) * CELL
    return (
        whole.replace(f'x="{left}"', f'x="{new_left:g}"', 1)
        .replace(f'textLength="{length}"', f'textLength="{new_length:g}"', 1)
        .replace(f">{words}<", f">{bare.strip(chr(0)).replace(chr(0), blank)}<", 1)
    )


def set_up() -> None:
    """The demo's server, projects and runs; and one training that is running while pictures are taken."""
    call("demo", "--no-app")
    call("runs", "wait", *json_names(), "--timeout", "300", check=False)
    call("runs", "submit", "--config", "long training", "--name", "long-training", "--yes")
    call("sync")


def json_names() -> list[str]:
    import json

    return [row["id"] for row in json.loads(call("runs", "list", "--json"))]


def call(*words: str, check: bool = True) -> str:
    """A command of the program; what it printed."""
    done = subprocess.run(
        [PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=check
    )
    return done.stdout


def main() -> int:
    names = sys.argv[1:] or list(SHOTS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mantik-", ignore_cleanup_errors=True) as spare:
        own = os.environ.setdefault("MANTIK_TUI_HOME", spare) == spare
        os.environ.update(COLORTERM="truecolor", TERM="xterm-256color")
        os.environ.pop("NO_COLOR", None)
        began = time.monotonic()
        set_up()
        try:
            for name in names:
                sys.stdout.write(f"{asyncio.run(take(name))}\n")
                sys.stdout.flush()
        finally:
            call("runs", "cancel", "long-training", check=False)
            if own:
                call("engine", "stop", check=False)
    sys.stdout.write(f"{len(names)} pictures in {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
