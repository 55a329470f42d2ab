"""Editing a text in the person's own editor, or in one line where there is no terminal to lend."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from mantik_tui.domain.errors import MantikError

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen


def editor_command(configured: str) -> list[str]:
    """The editor's words: as configured, else `$VISUAL`, `$EDITOR`, `vi`."""
    text = configured or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return shlex.split(text)


def edit_file(screen: MantikScreen, path: Path) -> bool:
    """Open a file in the editor while the program waits. False if the editor failed or can't be shown; that is said."""
    command = [*editor_command(screen.session.settings.editor), str(path)]
    try:
        with screen.app.suspend():
            code = subprocess.run(command, check=False).returncode
    except SuspendNotSupported:
        screen.app.notify(
            f"This terminal can't be lent to an editor. The file is {path}", severity="warning"
        )
        return False
    except OSError as error:
        hint = "Set editor in the settings (,)"
        screen.show_error(MantikError(f"{command[0]} can't be started", str(error), hint))
        return False
    if code != 0:
        screen.app.notify(
            f"{command[0]} ended with code {code}; nothing was taken", severity="warning"
        )
    return code == 0


def edit_text(
    screen: MantikScreen, title: str, text: str, then: Callable[[str], None], *, ending: str = ".md"
) -> None:
    """Edit a text; `then` gets it if it was changed."""
    if not can_suspend(screen):
        _edit_in_line(screen, title, text, then)
        return
    with tempfile.TemporaryDirectory(prefix="mantik-tui-") as folder:
        path = Path(folder) / f"text{ending}"
        path.write_text(text, encoding="utf-8")
        if not edit_file(screen, path):
            return
        fresh = path.read_text(encoding="utf-8", errors="replace")
    fresh = fresh.removesuffix("\n") if not text.endswith("\n") else fresh
    if fresh != text:
        then(fresh)


def can_suspend(screen: MantikScreen) -> bool:
    """Whether the terminal can be lent to another program."""
    driver = screen.app._driver
    return driver is not None and driver.can_suspend and not screen.app.is_headless


def _edit_in_line(screen: MantikScreen, title: str, text: str, then: Callable[[str], None]) -> None:
    from mantik_tui.widgets.dialogs import PromptDialog

    def entered(answer: str | None) -> None:
        if answer is not None and answer.replace("\\n", "\n") != text:
            then(answer.replace("\\n", "\n"))

    lines = ["\\n stands for a new line"]
    screen.app.push_screen(
        PromptDialog(title, text=text.replace("\n", "\\n"), lines=lines), entered
    )
