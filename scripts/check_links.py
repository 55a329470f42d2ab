"""Check that the links between the Markdown pages lead somewhere: files, and headings within them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def pages(names: list[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = Path(name)
        found += sorted(path.rglob("*.md")) if path.is_dir() else [path]
    return found


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, made as GitHub makes them."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def faults(page: Path) -> list[str]:
    bad: list[str] = []
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        other = page if not name else (page.parent / name)
        if not other.exists():
            bad.append(f"{page}: {target} leads nowhere")
        elif anchor and other.suffix == ".md" and anchor not in headings(other):
            bad.append(f"{page}: {target} has no such heading")
    return bad


def main() -> int:
    checked = pages(sys.argv[1:])
    bad = [fault for page in checked for fault in faults(page)]
    sys.stdout.write("".join(f"{fault}\n" for fault in bad))
    sys.stdout.write(f"{len(checked)} pages, {len(bad)} broken links\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
