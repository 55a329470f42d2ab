"""A run's files as a tree in a table: its artifacts on the server, and its run folder on the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mantik_tui.domain.run import Artifact
from mantik_tui.domain.text import clean, clock, size
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.workspace.reads import jobs

ARTIFACTS = "artifacts"
FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree."""

    root: str
    """`artifacts` or `folder`."""
    path: str
    """Below its root; empty for the root's own line."""
    is_dir: bool
    depth: int
    open: bool
    size: int | None
    note: str
    """What stands in the last column: age, where a copy lies, why there is nothing."""
    local_path: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.root, self.path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2] or self.note

    @property
    def words(self) -> str:
        """The name with its place in the tree."""
        sign = ("▾ " if self.open else "▸ ") if self.is_dir else "  "
        return f"{'  ' * self.depth}{sign}{clean(self.label, keep_newlines=False)}"

    @property
    def label(self) -> str:
        if self.path:
            return self.path.rpartition("/")[2] + ("/" if self.is_dir else "")
        return "artifacts on the server" if self.root == ARTIFACTS else "run folder on the site"


@dataclass(frozen=True, slots=True)
class Root:
    """What is known of one of the two trees."""

    root: str
    files: Sequence[Artifact] | Sequence[jobs.SiteFile]
    as_of_ms: int | None
    """When its top was listed last, None if never."""
    empty: str
    """Why there is nothing, in words."""


def tree_nodes(
    roots: Sequence[Root], opened: frozenset[tuple[str, str]], now_ms: int, filter: str = ""
) -> list[Node]:
    """The lines in sight: roots, and what lies in folders that are open. A filter shows every file that fits."""
    nodes: list[Node] = []
    for root in roots:
        is_open = (root.root, "") in opened
        age = f"as of {clock(root.as_of_ms, now_ms)}" if root.as_of_ms else "not read yet"
        if not root.files:
            age = f"{root.empty}, {age}" if root.as_of_ms else root.empty or age
        nodes.append(Node(root.root, "", True, 0, is_open, None, age))
        if is_open:
            nodes += _below(root, opened, filter.casefold(), now_ms)
    return nodes


def _below(root: Root, opened: frozenset[tuple[str, str]], filter: str, now_ms: int) -> list[Node]:
    children: dict[str, list[Artifact | jobs.SiteFile]] = {}
    for file in root.files:
        children.setdefault(file.path.rpartition("/")[0], []).append(file)
    found: list[Node] = []

    def walk(folder: str, depth: int) -> None:
        for file in sorted(children.get(folder, ()), key=lambda f: (not f.is_dir, f.path)):
            is_open = bool(filter) or (root.root, file.path) in opened
            local = file.local_path or "" if isinstance(file, Artifact) else ""
            fits = filter in file.path.casefold()
            if fits or file.is_dir:
                shown_size = None if file.is_dir else file.size
                note = _note(file, now_ms)
                found.append(
                    Node(root.root, file.path, file.is_dir, depth, file.is_dir and is_open,
                         shown_size, note, local)
                )  # fmt: skip
            if file.is_dir and is_open:
                walk(file.path, depth + 1)

    walk("", 1)
    if filter:
        keep = {n.path for n in found if filter in n.path.casefold()}
        found = [n for n in found if any(p == n.path or p.startswith(f"{n.path}/") for p in keep)]
    return found


def _note(file: Artifact | jobs.SiteFile, now_ms: int) -> str:
    if isinstance(file, Artifact):
        return "kept here" if file.local_path else ""
    return clock(file.changed_ms, now_ms) if file.changed_ms else ""


def _tone(node: Node) -> Tone:
    return Tone.ACCENT if node.is_dir else Tone.PLAIN


def _muted(_node: Node) -> Tone:
    return Tone.MUTED


COLUMNS: tuple[Column[Node], ...] = (
    Column("name", "file", lambda node: node.words, 26, 0, max_width=40, tone=_tone),
    Column("size", "size", lambda node: size(node.size) if node.size is not None else "", 8, 1,
           numeric=True),
    Column("note", "", lambda node: node.note, 14, 2, fill=True, tone=_muted),
)  # fmt: skip
