"""Preferences that the program changes itself, written into the configuration file."""

from __future__ import annotations

import dataclasses

from mantik_tui.settings import write_setting
from mantik_tui.workspace.session import Session


def set_theme(session: Session, name: str) -> None:
    """Keep a theme for next time."""
    write_setting("theme", name)
    session.settings = dataclasses.replace(session.settings, theme=name)
