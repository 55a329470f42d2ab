"""The configuration file: workspaces, sites and preferences, in TOML.

theme = "textual-dark"
workspace = "group"            # the one that opens first
mouse = true

[workspaces.group]
tracking_uri = "https://mlflow.example.org"
username = "maria"
auth = "basic"                 # none, basic or token; the secret lies in the keyring

[sites.this-machine]
run_root = "$HOME/mantik-runs"

[keys]
cancel = "ctrl+k"              # id of an action = its keys, separated by commas
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantik_tui import paths
from mantik_tui.domain.errors import BadInput, StoreProblem
from mantik_tui.domain.problems import Problem, Severity


@dataclass(frozen=True, slots=True)
class WorkspaceProfile:
    tracking_uri: str
    username: str = ""
    auth: str = "none"
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class SiteProfile:
    transport: str = "local"
    scheduler: str = "process"
    address: str = ""
    run_root: str = ""
    account: str = ""
    modules: tuple[str, ...] = ()
    extra_lines: tuple[str, ...] = ()
    python: str = ""
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    theme: str = "textual-dark"
    workspace: str = ""
    mouse: bool = True
    notifications: bool = True
    """Tell the terminal (OSC 9, 777, 99 or a bell) when a run ends."""
    editor: str = ""
    """Command of the editor; empty takes `$VISUAL`, then `$EDITOR`, then `vi`."""
    keys: dict[str, str] = field(default_factory=dict)
    workspaces: dict[str, WorkspaceProfile] = field(default_factory=dict)
    sites: dict[str, SiteProfile] = field(default_factory=dict)


def load_settings(path: Path | None = None) -> Settings:
    """Read the configuration file; the defaults when there is none.

    Raises:
        BadInput: with every fault found, each with its key, its line and what would be right.
    """
    path = path or paths.config_file()
    try:
        text = path.read_text()
        import tomllib  # only when there is something to read

        doc = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except (OSError, ValueError) as error:  # not UTF-8 and not TOML are ValueErrors
        words = getattr(error, "strerror", None) or str(error)
        problem = Problem(
            Severity.ERROR, str(path), line_in(words), "", words, "Mend the file, or move it away"
        )
        raise BadInput(
            "The configuration file can't be read", words, f"Mend {path}", (problem,)
        ) from error
    from mantik_tui.settings_check import check

    problems = check(doc, text, str(path))
    if problems:
        first = problems[0]
        raise BadInput(
            f"{path} has {len(problems)} fault{'s' * (len(problems) != 1)}",
            f"{first.key}: {first.message}",
            first.hint,
            problems,
        )
    return _settings(doc)


def lines_of_keys(path: Path | None = None) -> Callable[[str], int]:
    """Tells the line of an action's keys in the configuration file."""
    from mantik_tui.settings_check import key_lines, line_of

    try:
        lines = key_lines((path or paths.config_file()).read_text())
    except (OSError, UnicodeDecodeError):
        lines = {}
    return lambda action: line_of(lines, ("keys", *action.split(".")))


def line_in(words: str) -> int:
    """The line that a message of TOML's reader names, 1 if it names none."""
    after = words.partition("at line ")[2]
    digits = after[: len(after) - len(after.lstrip("0123456789"))]
    return int(digits) if digits else 1


def _settings(doc: Mapping[str, Any]) -> Settings:
    """The settings of a document that was checked."""
    plain = {key: value for key, value in doc.items() if not isinstance(value, dict)}
    workspaces = {
        name: WorkspaceProfile(**part) for name, part in doc.get("workspaces", {}).items()
    }
    sites = {name: _site(part) for name, part in doc.get("sites", {}).items()}
    return Settings(keys=flat(doc.get("keys", {})), workspaces=workspaces, sites=sites, **plain)


def _site(part: Mapping[str, Any]) -> SiteProfile:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in part.items()
    }
    return SiteProfile(**values)


def flat(doc: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`a.b = "x"` is a nested table in TOML; here it is one name with a dot."""
    found: dict[str, Any] = {}
    for key, value in doc.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def write_profile(section: str, name: str, values: Mapping[str, Any] | None) -> None:
    """Set or (None) remove `[section.name]` in the configuration file; comments and the rest stay as they are."""
    import tomlkit

    path = paths.config_file()
    doc = tomlkit.parse(path.read_text()) if path.exists() else tomlkit.document()
    table = doc.setdefault(section, tomlkit.table(is_super_table=True))
    if values is None:
        table.pop(name, None)
    else:
        table[name] = {
            key: value for key, value in values.items() if value not in ("", (), None, [], 0)
        }
    _write(path, tomlkit.dumps(doc))


def write_setting(name: str, value: Any) -> None:
    """Set one plain preference in the configuration file."""
    import tomlkit

    path = paths.config_file()
    doc = tomlkit.parse(path.read_text()) if path.exists() else tomlkit.document()
    doc[name] = value
    _write(path, tomlkit.dumps(doc))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise StoreProblem(
            "The configuration file can't be written",
            f"{path}: {error.strerror or error}",
            "Make its folder writable, or set MANTIK_TUI_HOME to another one",
        ) from error
