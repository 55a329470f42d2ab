"""Pictures of the screens for README and docs, from the data of `make demo` (run that first): docs/images/*.svg.

`python scripts/screenshots.py [NAME...]` takes only the named ones. Each picture is a list of keys from the first screen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SIZE = (120, 36)

SHOTS: dict[str, tuple[str, ...]] = {
    "projects": (),
    "project": ("enter",),
    "runs": ("enter", "tab", "tab", "tab", "tab"),
    "active": ("a",),
    "outbox": ("o",),
    "help": ("question_mark",),
}


async def take(name: str, keys: tuple[str, ...]) -> Path:
    """Drives the app to a screen and writes what it shows."""
    from mantik_tui.app import MantikApp
    from mantik_tui.workspace.session import open_session

    app = MantikApp(open_session(None))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
        picture = IMAGES / f"{name}.svg"
        picture.write_text(app.export_screenshot(title="mantik-tui"), encoding="utf-8")
    return picture


def main() -> int:
    home = Path(os.environ.setdefault("MANTIK_TUI_HOME", str(ROOT / ".mantik-demo")))
    if not (home / "mantik.db").is_file():
        sys.stderr.write(f"No demo data in {home}: run `make demo` first.\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or SHOTS:
        sys.stdout.write(f"{asyncio.run(take(name, SHOTS[name]))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
