"""Writing what a list shows to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.workspace.exports import FORMATS, Table, export

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen


def export_list(screen: MantikScreen, name: str, table: Table) -> None:
    """Ask for a file name, `.csv` or `.json`, and write the list there in a worker."""
    from mantik_tui.widgets.dialogs import PromptDialog

    safe = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name).strip("-")
    proposal = _free_name(Path.cwd() / f"{safe or 'list'}.csv")

    def entered(text: str | None) -> None:
        if text is not None:
            path = Path(text.strip()).expanduser().absolute()
            screen.run_verb(
                export,
                table,
                path,
                done=lambda count: screen.app.notify(f"{count:,} lines written to {path}"),
            )

    dialog = PromptDialog(
        "Write this list to a file", text=str(proposal), lines=["CSV or JSON, by its ending"], check=_fault
    )  # fmt: skip
    screen.app.push_screen(dialog, entered)


def _free_name(path: Path) -> Path:
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free


def _fault(text: str) -> str:
    path = Path(text.strip()).expanduser()
    if path.suffix.lower() not in FORMATS:
        return "The name must end with .csv or .json"
    return f"{path} is there already" if path.exists() else ""
