"""Write docs/keys.md from the table of actions: `make keys`. A test holds that the page is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mantik_tui.actions import docs_table  # noqa: E402

PAGE = ROOT / "docs" / "keys.md"
_HEAD = """\
# Keys

<!-- Written by `make keys` from mantik_tui/actions/table.py; changes here are lost. -->

The same letter means the same on every screen. `?` shows the keys of the screen you are on, with your own changes to
them; the line at the bottom shows the ones you are most likely to want next. A key that can't be used right now says
why. Everything with a word after the colon can also be typed: `:` opens that line, `ctrl+p` a list to choose from.

Keys can be changed in the [configuration file](configuration.md#keys).

"""


def page() -> str:
    """The whole page."""
    return _HEAD + docs_table()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
