"""The docs say what the program does, and lead somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mantik_tui.actions import docs_table

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_keys_is_the_table_of_actions() -> None:
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page.endswith(docs_table()), "`make keys` writes it anew"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [
        page.name
        for page in (ROOT / "docs").glob("*.md")
        if page.name != "README.md" and f"({page.name})" not in index
    ]
    assert not missing


def test_no_link_between_the_pages_is_broken() -> None:
    pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs", "examples"]
    done = subprocess.run(
        [sys.executable, "scripts/check_links.py", *pages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
