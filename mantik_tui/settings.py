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
runs.cancel = "ctrl+k"         # action id = keys, separated by commas
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantik_tui import paths
from mantik_tui.domain.errors import BadInput
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


_PLAIN: dict[str, type] = {
    "theme": str,
    "workspace": str,
    "mouse": bool,
    "notifications": bool,
    "editor": str,
}


def load_settings(path: Path | None = None) -> Settings:
    """Read the configuration file; the defaults when there is none.

    Raises:
        BadInput: with every fault found, each with its key.
    """
    path = path or paths.config_file()
    try:
        doc = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = getattr(error, "lineno", 1)
        problem = Problem(
            Severity.ERROR, str(path), line, "", str(error), "Mend the file, or move it away"
        )
        raise BadInput(
            "The configuration file can't be read", str(error), f"Mend {path}", (problem,)
        ) from error
    problems: list[Problem] = []
    settings = _settings(doc, str(path), problems)
    if problems:
        first = problems[0]
        raise BadInput(f"{path} has faults", f"{first.key}: {first.message}", first.hint, problems)
    return settings


def _settings(doc: Mapping[str, Any], file: str, problems: list[Problem]) -> Settings:
    def fault(key: str, message: str, hint: str) -> None:
        problems.append(Problem(Severity.ERROR, file, 1, key, message, hint))

    plain: dict[str, Any] = {}
    known = {*_PLAIN, "keys", "workspaces", "sites"}
    for key, value in doc.items():
        if key not in known:
            fault(key, "this key is not known", f"Known are {', '.join(sorted(known))}")
        elif key in _PLAIN:
            if isinstance(value, _PLAIN[key]):
                plain[key] = value
            else:
                fault(
                    key,
                    f"must be a {'text' if _PLAIN[key] is str else 'true or false'}",
                    f"It is {value!r}",
                )
    keys = {name: str(value) for name, value in _flat(doc.get("keys", {})).items()}
    workspaces = {
        name: profile
        for name, part in _tables(doc, "workspaces", fault)
        if (
            profile := _profile(
                WorkspaceProfile, f"workspaces.{name}", part, fault, ("tracking_uri",)
            )
        )
    }
    sites = {
        name: profile
        for name, part in _tables(doc, "sites", fault)
        if (profile := _profile(SiteProfile, f"sites.{name}", part, fault, ()))
    }
    return Settings(keys=keys, workspaces=workspaces, sites=sites, **plain)


def _flat(doc: Any, prefix: str = "") -> dict[str, Any]:
    """`runs.cancel = "x"` is a nested table in TOML; action ids are dotted names."""
    found: dict[str, Any] = {}
    for key, value in doc.items() if isinstance(doc, dict) else ():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def _tables(doc: Mapping[str, Any], name: str, fault: Any) -> list[tuple[str, dict[str, Any]]]:
    part = doc.get(name, {})
    if not isinstance(part, dict):
        fault(name, "must be a table", f"Write [{name}.NAME]")
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    for key, value in part.items():
        if isinstance(value, dict):
            found.append((key, value))
        else:
            fault(f"{name}.{key}", "must be a table", f"Write [{name}.{key}]")
    return found


def _profile(
    kind: Any, key: str, part: dict[str, Any], fault: Any, required: tuple[str, ...]
) -> Any:
    fields = kind.__dataclass_fields__
    values: dict[str, Any] = {}
    for name, value in part.items():
        if name not in fields:
            fault(f"{key}.{name}", "this key is not known", f"Known are {', '.join(fields)}")
        elif isinstance(value, list):
            values[name] = tuple(map(str, value))
        else:
            values[name] = value
    for name in required:
        if not values.get(name):
            fault(key, f"{name} is missing", f'Add {name} = "…"')
            return None
    return kind(**values)


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
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    fresh.replace(path)
