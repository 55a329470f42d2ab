"""Asking before the login of a workspace is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.workspace import servers

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen


def ask_logout(screen: MantikScreen) -> None:
    """Forget the secret of the open workspace, after a dialog that names server and user."""
    from mantik_tui.widgets.dialogs import ConfirmDialog

    workspace = screen.session.workspace
    lines = [
        f"server  {workspace.tracking_uri}",
        f"user    {workspace.username or '(no login)'}",
        "",
        "What was read stays readable here. Nothing is sent until you log in again.",
    ]

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            screen.run_verb(servers.logout, workspace.name, words=f"Logged out of {workspace.name}")

    screen.app.push_screen(ConfirmDialog("Forget this login?", lines, yes="log out"), answered)
