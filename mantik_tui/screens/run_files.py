"""The files of a run: the tree of its artifacts and its run folder, and a preview of the file under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.text import size
from mantik_tui.screens.run_dialogs import ask_download, fetch_artifact, fetch_file
from mantik_tui.screens.run_model import RunModel
from mantik_tui.screens.run_tables import Numbers
from mantik_tui.widgets.artifact_tree import ARTIFACTS, COLUMNS, FOLDER, Node, Root, tree_nodes
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.preview import PREVIEW_BYTES, make_preview
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import BLANK, Line, StyledText, plain
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import live, records
from mantik_tui.workspace.session import Session

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

REMOTE_PREVIEW = 1_000_000
"""A file of the run folder that is larger is not fetched for a look."""


class RunFiles(Horizontal):
    """Tree at the left, preview at the right. Listings and previews are fetched in workers; what is stored shows at once."""

    def __init__(self, owner: MantikScreen, run_id: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._owner = owner
        self._run_id = run_id
        self._model: RunModel | None = None
        self._opened: set[tuple[str, str]] = {(ARTIFACTS, "")}
        self._asked: set[tuple[str, str]] = set()
        self._numbers = Numbers()
        self._by_number: dict[int, Node] = {}
        self._filter = ""
        self._problem: dict[str, str] = {}
        self._shown: tuple[str, str] | None = None
        self.table = VirtualTable[Node](COLUMNS, id="run-files-tree", empty_text="No files.")
        self.preview = StyledText(id="run-preview")

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.preview

    # ------------------------------------------------------------ what is shown

    def show(self, model: RunModel, filter: str = "") -> None:
        """Paint the listings that are stored."""
        self._model, self._filter = model, filter
        now_ms = self._owner.session.now_ms()
        files_as_of = model.site_files[0].as_of_ms if model.site_files else None
        roots = [
            Root(
                ARTIFACTS, model.artifacts, model.artifacts_as_of_ms, self._why_no_artifacts(model)
            )
        ]
        if model.job is not None:
            roots.append(Root(FOLDER, model.site_files, files_as_of, self._problem.get(FOLDER, "")))
        nodes = tree_nodes(roots, frozenset(self._opened), now_ms, filter)
        self._by_number = {self._numbers.of(node.key): node for node in nodes}
        self.table.replace_source(ListSource[Node](nodes, self._number))
        self._show_preview()

    def _number(self, node: Node) -> int:
        return self._numbers.of(node.key)

    def _why_no_artifacts(self, model: RunModel) -> str:
        if model.run.server_id is None:
            return "the server does not know this run yet"
        return self._problem.get(ARTIFACTS, "none" if model.artifacts_as_of_ms else "")

    def look(self) -> None:
        """Ask for fresh listings of what is open; called when the files come into sight."""
        for root, path in sorted(self._opened):
            self._list(root, path)

    def _list(self, root: str, path: str) -> None:
        if self._model is None or (root, path) in self._asked:
            return
        if root == ARTIFACTS and self._model.run.server_id is None:
            return
        self._asked.add((root, path))
        verb: Callable[..., None] = (
            partial(_list_artifacts, self._run_id, path)
            if root == ARTIFACTS
            else partial(_list_files, self._run_id)
        )
        self._owner.run_verb(
            verb, done=lambda _: self._listed(root), failed=partial(self._not_listed, root, path)
        )

    def _listed(self, root: str) -> None:
        self._problem.pop(root, None)
        self._owner.store_changed(frozenset({"artifact", "site_file"}))

    def _not_listed(self, root: str, path: str, error: MantikError) -> None:
        self._asked.discard((root, path))
        self._problem[root] = error.title[:1].lower() + error.title[1:]
        if self._model is not None and self.is_attached:
            self.show(self._model, self._filter)

    # ------------------------------------------------------------ the node under the cursor

    @property
    def node(self) -> Node | None:
        return (
            self._by_number.get(self.table.cursor_id) if self.table.cursor_id is not None else None
        )

    @on(VirtualTable.RowHighlighted)
    def _moved(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self._show_preview()

    @on(VirtualTable.RowSelected)
    def _chosen(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        node = self._by_number.get(event.row_id)
        if node is None or self._model is None:
            return
        if not node.is_dir:
            self._fetch_preview(node)
            return
        if node.key in self._opened:
            self._opened.discard(node.key)
        else:
            self._opened.add(node.key)
            if node.root == ARTIFACTS or node.path == "":
                self._list(node.root, node.path)
        self.show(self._model, self._filter)

    def _show_preview(self) -> None:
        """What is known without asking anybody: the copy kept here, else size and how to see more."""
        node = self.node
        if node is None or node.key == self._shown:
            return
        self._shown = None
        data = records.kept_artifact(node.local_path, PREVIEW_BYTES) if node.local_path else None
        if data is not None:
            self._paint(node, data)
        else:
            self.preview.show(self._about(node), from_top=True)

    def _about(self, node: Node) -> list[Line]:
        name = node.path or node.label
        lines = [plain(name, STRONG)]
        if node.note and not node.path:
            lines.append(plain(node.note, Tone.MUTED))
        if node.is_dir:
            inside = [
                n for n in self._by_number.values() if n.root == node.root and n.depth > node.depth
            ]
            total = sum(n.size or 0 for n in inside)
            if node.open and inside and not node.path:
                lines.append(plain(f"{len(inside)} in sight, {size(total)}", Tone.MUTED))
            keys = "enter closes it" if node.open else "enter opens it"
            return [*lines, BLANK, plain(f"{keys}, D saves all below it", Tone.MUTED)]
        lines.append(plain(size(node.size), Tone.MUTED))
        return [*lines, BLANK, plain("enter shows its beginning, D saves it", Tone.MUTED)]

    def _fetch_preview(self, node: Node) -> None:
        if node.root == FOLDER and (node.size or 0) > REMOTE_PREVIEW:
            words = f"{size(node.size)} is much for a look; D saves it"
            self.preview.show([plain(node.path, STRONG), BLANK, plain(words, Tone.MUTED)])
            return
        self.preview.show([plain(node.path, STRONG), BLANK, plain("fetching …", Tone.MUTED)])
        self._owner.run_verb(
            partial(_preview, self._run_id, node),
            done=partial(self._paint, node),
            failed=partial(self._no_preview, node),
        )

    def _paint(self, node: Node, data: bytes) -> None:
        if self.node is None or self.node.key != node.key:
            return
        self._shown = node.key
        found = make_preview(node.path, data, node.size)
        head = Line(((node.path, STRONG), (f"  {found.kind}, {size(node.size)}", Tone.MUTED)))
        self.preview.show([head, BLANK, *found.lines], from_top=True)

    def _no_preview(self, node: Node, error: MantikError) -> None:
        if self.node is not None and self.node.key == node.key:
            self.preview.show(
                [
                    plain(node.path, STRONG),
                    BLANK,
                    plain(error.title, Tone.WARN),
                    *([plain(error.cause, Tone.MUTED)] if error.cause else []),
                ]
            )

    # ------------------------------------------------------------ download

    def download(self) -> None:
        """Save the file or folder under the cursor on this machine."""
        node = self.node
        if node is None:
            return
        name = node.path or ("all artifacts" if node.root == ARTIFACTS else "the run folder")
        fetch = fetch_artifact if node.root == ARTIFACTS else fetch_file
        proposal = (
            Path.cwd()
            if node.path
            else Path.cwd() / (self._model.run.name if self._model else "run")
        )
        ask_download(self._owner, name, partial(fetch, self._run_id, node.path), proposal)


def _list_artifacts(run_id: int, folder: str, session: Session) -> None:
    live.list_artifacts(session, run_id, folder)


def _list_files(run_id: int, session: Session) -> None:
    live.list_files(session, run_id)


def _preview(run_id: int, node: Node, session: Session) -> bytes:
    if node.root == ARTIFACTS:
        return live.preview_artifact(session, run_id, node.path, PREVIEW_BYTES)
    return records.preview_file(session, run_id, node.path, PREVIEW_BYTES)
