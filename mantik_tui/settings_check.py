"""What is wrong with a configuration file: every fault at once, each with its line and what would be right.

In a module of its own: a file without faults, which is nearly every one, needs the types of its values looked at only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from mantik_tui.domain.problems import Problem, Severity

Path = tuple[str, ...]
Check = Callable[[Any], str]
"""Says what a value must be, in words; empty if it is that."""
_EXAMPLE = "For example https://mlflow.example.org"
AUTHS = ("none", "basic", "token")


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "a text in quotes"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _count(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if good else "a whole number, 0 or more, without quotes"


def _texts(value: Any) -> str:
    good = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return "" if good else 'a list of texts, for example ["first", "second"]'


def _auth(value: Any) -> str:
    return "" if value in AUTHS else '"none", "basic" or "token"'


def _address(value: Any) -> str:
    wanted = "an address that begins with http:// or https://"
    if not isinstance(value, str):
        return wanted
    try:
        parts = urlsplit(value)
    except ValueError:
        return wanted
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return wanted
    if parts.username or parts.password:
        return "an address without user name and password in it"
    return ""


PLAIN: dict[str, Check] = {
    "theme": _text,
    "workspace": _text,
    "mouse": _switch,
    "notifications": _switch,
    "editor": _text,
}
WORKSPACE: dict[str, Check] = {
    "tracking_uri": _address,
    "username": _text,
    "auth": _auth,
    "ca_file": _text,
}
SITE: dict[str, Check] = {
    "transport": _text,
    "scheduler": _text,
    "address": _text,
    "run_root": _text,
    "account": _text,
    "modules": _texts,
    "extra_lines": _texts,
    "python": _text,
    "slots": _count,
}
TABLES = ("keys", "workspaces", "sites")


class _Findings:
    """Problems as they are found; their lines are looked up once there are any."""

    def __init__(self) -> None:
        self.found: list[tuple[Severity, Path, str, str]] = []

    def fault(self, path: Path, message: str, hint: str) -> None:
        self.found.append((Severity.ERROR, path, message, hint))

    def unknown(self, path: Path, known: tuple[str, ...]) -> None:
        from mantik_tui.domain.faults import nearest

        near = nearest(path[-1], known)
        hint = f"Did you mean {near}?" if near else f"Known are {', '.join(known)}"
        self.fault(path, "this key is not known", hint)


def check(doc: Mapping[str, Any], text: str, file: str) -> list[Problem]:
    """The faults of a configuration file, in the order of its lines. `doc` is what TOML makes of `text`."""
    told = _Findings()
    for key, value in doc.items():
        if key in PLAIN:
            _value(told, (key,), value, PLAIN[key])
        elif key not in TABLES:
            told.unknown((key,), (*PLAIN, *TABLES))
        elif not isinstance(value, dict):
            part = "[keys]" if key == "keys" else f"[{key}.NAME]"
            told.fault((key,), "must be a table", f"Write {part} and its keys below")
    _keys(told, ("keys",), doc.get("keys"))
    for name, profile in _parts(told, doc, "workspaces"):
        _workspace(told, name, profile)
    for name, profile in _parts(told, doc, "sites"):
        _known(told, ("sites", name), profile, SITE)
    if told.found:
        _first_workspace(told, doc)
    lines = key_lines(text) if told.found else {}
    problems = [
        Problem(severity, file, line_of(lines, path), ".".join(path), message, hint)
        for severity, path, message, hint in told.found
    ]
    return sorted(problems, key=lambda problem: problem.line)


def _value(told: _Findings, path: Path, value: Any, wanted: Check) -> None:
    if words := wanted(value):
        # What stands there may be an address with a password in it.
        secret = path[-1] == "tracking_uri"
        told.fault(path, f"must be {words}", _EXAMPLE if secret else f"It is {_shown(value)}")


def _shown(value: Any) -> str:
    from mantik_tui.domain.faults import shown

    return "a table" if isinstance(value, dict) else shown(repr(value))


def _known(
    told: _Findings, path: Path, part: Mapping[str, Any], known: Mapping[str, Check]
) -> None:
    for key, value in part.items():
        if key in known:
            _value(told, (*path, key), value, known[key])
        else:
            told.unknown((*path, key), tuple(known))


def _workspace(told: _Findings, name: str, part: Mapping[str, Any]) -> None:
    path = ("workspaces", name)
    _known(told, path, part, WORKSPACE)
    if "tracking_uri" not in part:
        told.fault(path, "tracking_uri is missing", 'Add tracking_uri = "https://…"')
    if part.get("auth") == "basic" and not part.get("username"):
        told.fault(path, "username is missing", 'auth = "basic" goes with username = "…"')


def _parts(told: _Findings, doc: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    tables = doc.get(name)
    found: list[tuple[str, dict[str, Any]]] = []
    for key, value in tables.items() if isinstance(tables, dict) else ():
        if isinstance(value, dict):
            found.append((key, value))
        else:
            told.fault((name, key), "must be a table", f"Write [{name}.{key}] and its keys below")
    return found


def _keys(told: _Findings, path: Path, part: Any) -> None:
    for key, value in part.items() if isinstance(part, dict) else ():
        if isinstance(value, dict):
            _keys(told, (*path, key), value)
        else:
            _value(told, (*path, key), value, _text)


def _first_workspace(told: _Findings, doc: Mapping[str, Any]) -> None:
    """Told together with other faults only: alone it is none, since another workspace opens then."""
    wanted, known = doc.get("workspace"), doc.get("workspaces")
    names = tuple(known) if isinstance(known, dict) else ()
    if isinstance(wanted, str) and wanted and wanted not in names:
        told.found.append((Severity.WARNING, ("workspace",), *gone_workspace(wanted, names)))


def gone_workspace(wanted: str, known: tuple[str, ...]) -> tuple[str, str]:
    """Message and hint for a workspace that is to open first and is not there."""
    from mantik_tui.domain.faults import nearest, shown

    near = nearest(wanted, known)
    hint = f"Did you mean {near}?" if near else f"Known are {', '.join(known) or 'none yet'}"
    return f"no workspace is called {shown(repr(wanted))}", hint


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Line of a key; where it has none of its own, its parent's."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def key_lines(text: str) -> dict[Path, int]:
    """Line, from 1, of every key and table of a TOML text that can be read."""
    found: dict[Path, int] = {}
    table: Path = ()
    statement, begun = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if not statement:
            begun = number
        statement += line + "\n"
        try:
            part = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # goes on in the next line
        if statement.lstrip().startswith("["):
            table = _innermost(part)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], begun)
            found[table] = begun
        else:
            _note(found, table, part, begun)
        statement = ""
    return found


def _innermost(part: Any) -> Path:
    """The name of a table, of whose header `part` was made."""
    path: Path = ()
    while part:
        part = part[0] if isinstance(part, list) else part
        if part:
            (key,) = part
            path, part = (*path, key), part[key]
    return path


def _note(found: dict[Path, int], table: Path, part: Mapping[str, Any], line: int) -> None:
    for key, value in part.items():
        found.setdefault((*table, key), line)
        if isinstance(value, dict):
            _note(found, (*table, key), value, line)
