"""Copying to the clipboard of the person's own machine, and opening a page of the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.domain.text import clean

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

MAX_COPY = 74_000
"""Characters; terminals drop longer OSC 52 sequences without a word."""


def copy_text(screen: MantikScreen, text: str, what: str) -> None:
    """Copy by OSC 52, which works over SSH, and say what was copied."""
    if len(text) > MAX_COPY:
        screen.app.notify(
            f"{what} is too long for the clipboard: {len(text):,} characters", severity="warning"
        )
        return
    screen.app.copy_to_clipboard(text)
    shown = clean(text, keep_newlines=False)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    screen.app.notify(f"{what} copied: {shown}", timeout=3)


def copy_one_of(screen: MantikScreen, parts: Sequence[tuple[str, str]]) -> None:
    """Ask which of several things to copy, each with what it is; copies at once if there is but one."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    parts = [(what, text) for what, text in parts if text]
    if len(parts) == 1:
        copy_text(screen, parts[0][1], parts[0][0])
        return

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids:
            what, text = parts[int(ids[0])]
            copy_text(screen, text, what)

    choices = [
        Choice(str(n), what, clean(text, keep_newlines=False)[:200])
        for n, (what, text) in enumerate(parts)
    ]
    screen.app.push_screen(PickDialog("Copy", choices), picked)


def open_web_page(screen: MantikScreen, address: str) -> None:
    """Open a page in a browser where there is one; over SSH, copy its address instead."""
    import os
    import sys

    graphical = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")  # fmt: skip
    if graphical and not os.environ.get("SSH_CONNECTION"):
        screen.app.open_url(address)
        screen.app.notify(f"Opened {address}")
    else:
        copy_text(screen, address, "Address")
