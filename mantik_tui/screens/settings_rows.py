"""What the settings screen lists: workspaces, preferences, keys, places, versions. No widgets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mantik_tui.domain.text import clean, clock
from mantik_tui.settings import Settings
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.workspace.reads import projects
from mantik_tui.workspace.settings_verbs import EngineInfo


class Does(StrEnum):
    """What Enter does on a line."""

    SWITCH = "switch"
    PICK_THEME = "theme"
    TOGGLE = "toggle"
    TYPE = "type"
    EDIT_FILE = "file"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class SettingRow:
    group: str
    name: str
    value: str
    about: str
    """What it is good for, or what Enter does."""
    does: Does
    key: str
    """The preference's key, the workspace's name."""
    tone: Tone = Tone.PLAIN


def workspace_rows(
    found: Sequence[projects.WorkspaceRow], open_name: str, now_ms: int
) -> list[SettingRow]:
    """The workspaces that are set up; the open one says so."""
    rows = []
    for row in found:
        is_open = row.name == open_name
        login = (
            f"{row.username} ({row.auth})" if row.username else row.auth.replace("none", "no login")
        )
        as_of = f", as of {clock(row.round_ms, now_ms)}" if row.round_ms else ""
        reason = f": {row.reason}" if row.reason else ""
        value = clean(f"{row.tracking_uri}, {login}", keep_newlines=False)
        about = clean(
            f"{'open, ' if is_open else ''}{row.state}{reason}{as_of}", keep_newlines=False
        )
        tone = Tone.ACCENT if is_open else Tone.PLAIN
        rows.append(SettingRow("workspace", row.name, value, about, Does.SWITCH, row.name, tone))
    return rows


def preference_rows(settings: Settings, theme: str) -> list[SettingRow]:
    """What a person prefers; each can be changed in place."""

    def switch(value: bool) -> str:
        return "on" if value else "off"

    editor = settings.editor
    if not editor:
        inherited = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        editor = f"{inherited} (from the environment)"
    count = len(settings.keys)
    keys = f"{count} changed" if count else "as they are"
    make = SettingRow
    return [
        make("looks", "theme", theme, "enter chooses, shows it at once", Does.PICK_THEME, "theme"),
        make("looks", "mouse", switch(settings.mouse), "off leaves selecting to the terminal; from the next start on",
             Does.TOGGLE, "mouse"),
        make("habits", "notifications", switch(settings.notifications),
             "tell the terminal (OSC 9, 777, 99 or bell) when a run ends", Does.TOGGLE, "notifications"),
        make("habits", "editor", editor, "for notes and files; empty takes $VISUAL, then $EDITOR", Does.TYPE, "editor"),
        make("habits", "keys", keys, "[keys] in the configuration file, by action", Does.EDIT_FILE, "keys"),
    ]  # fmt: skip


def keymap_rows(settings: Settings) -> list[SettingRow]:
    """The keys that the person has changed."""
    return [
        SettingRow("keys", clean(action), clean(keys), "", Does.EDIT_FILE, "keys")
        for action, keys in sorted(settings.keys.items())
    ]


def place_rows(places: Sequence[tuple[str, str]]) -> list[SettingRow]:
    return [
        SettingRow("places", what, path, "", Does.COPY, what, Tone.MUTED) for what, path in places
    ]


def version_rows(versions: Sequence[tuple[str, str]], engine: EngineInfo) -> list[SettingRow]:
    rows = [
        SettingRow("versions", what, text, "", Does.COPY, what, Tone.MUTED)
        for what, text in versions
    ]
    return [
        *rows,
        SettingRow("versions", "engine", engine_words(engine), "", Does.COPY, "engine", Tone.MUTED),
    ]


def engine_words(engine: EngineInfo) -> str:
    """Whether the engine runs here, and who sends."""
    if not engine.running:
        return "does not run: nothing is read or sent until it does"
    words = f"{engine.version}, process {engine.pid}" if engine.pid else "runs"
    if engine.pid and not engine.sends:
        return f"{words}; {engine.sender or 'another machine'} sends"
    return words


def columns() -> tuple[Column[SettingRow], ...]:
    def muted(_row: SettingRow) -> Tone:
        return Tone.MUTED

    def tone(row: SettingRow) -> Tone:
        return row.tone

    return (
        Column("group", "", lambda row: row.group, 10, 1, tone=muted),
        Column("name", "setting", lambda row: row.name, 18, 0, max_width=26, tone=tone),
        Column("value", "value", lambda row: row.value, 28, 0, max_width=44, tone=tone),
        Column("about", "", lambda row: row.about, 16, 2, fill=True, tone=muted),
    )
