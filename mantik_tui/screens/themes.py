"""Themes of our own, and choosing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    success="#00ff00",
    warning="#ffff00",
    error="#ff6060",
    dark=True,
    variables={
        "text-muted": "#ffffff",
        "text-disabled": "#c0c0c0",
        "text-accent": "#ffff00",
        "text-success": "#00ff00",
        "text-warning": "#ffff00",
        "text-error": "#ff8080",
    },
)
"""White and yellow on black; nothing is greyed below a contrast of 7:1."""

_FIRST = {
    "textual-dark": "the usual one",
    "textual-light": "dark on light",
    "high-contrast": "white and yellow on black",
    "ansi-dark": "the terminal's own 16 colours, dark",
    "ansi-light": "the terminal's own 16 colours, light",
}


def choose_theme(screen: MantikScreen) -> None:
    """Ask for a theme, show it at once, and keep it for next time."""
    from mantik_tui.widgets.dialogs import Choice, PickDialog
    from mantik_tui.workspace.preferences import set_theme

    known = screen.app.available_themes
    names = [name for name in _FIRST if name in known]
    names += sorted(name for name in known if name not in _FIRST)

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids:
            screen.app.theme = ids[0]
            screen.run_verb(set_theme, ids[0], words=f"Theme {ids[0]}, also next time")

    choices = [Choice(name, name, _FIRST.get(name, "")) for name in names]
    screen.app.push_screen(PickDialog("Theme", choices, picked=(screen.app.theme,)), picked)
