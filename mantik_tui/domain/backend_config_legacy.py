"""Keys of 2022 and 2023: a file that has them is read as if it were written with today's, with a note for each.

Forms that real projects still hold: the image as `SingularityImage` or `Singularity`, at the top or in `Environment`;
`Environment` as the plain map of variables; `PreRunCommand` and `PostRunCommand` as text, list, or as a map of
`Command` and `ExecuteOnLoginNode`; `CPUs` and `Memory`. Today's Mantik ignores them all without a word.
"""

from __future__ import annotations

import re

from mantik_tui.domain.faults import Faults, dotted, nearest, shown
from mantik_tui.domain.nodes import Entry, Node, Scalar, Section

ENVIRONMENT_KEYS = (
    "Apptainer",
    "Python",
    "Variables",
    "Modules",
    "PreRunCommandOnLoginNode",
    "PreRunCommandOnComputeNode",
    "PostRunCommandOnComputeNode",
    "PostRunCommandOnLoginNode",
)
_IMAGES = ("SingularityImage", "Singularity")
_COMMANDS = ("PreRunCommand", "PostRunCommand")
_RESOURCES = {"CPUs": "TotalCPUs", "Memory": "MemoryPerNode"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UPPER = re.compile(r"[A-Z_][A-Z0-9_]*")
_MOST_VARIABLES = 200


def with_todays_keys(root: Section, faults: Faults) -> Section:
    """`root` under today's keys. Where both an old and today's key stand, today's counts."""
    entries = dict(root.entries)
    environment = _sub(entries.get("Environment"))
    if environment is not None and _are_variables(environment):
        given = entries["Environment"]
        faults.note(
            given.line,
            "Environment",
            "Environment holds the variables themselves, as in 2022.",
            "Today they stand under Environment.Variables.",
        )
        environment = Section(
            {"Variables": Entry("Variables", given.line, given.value)}, given.line
        )
    inside = dict(environment.entries) if environment is not None else {}
    resources = _sub(entries.get("Resources"))
    counts = dict(resources.entries) if resources is not None else {}
    moved_environment = _move_environment(entries, inside, faults)
    moved_resources = _move_resources(entries, counts, faults)
    if moved_environment or environment is not None:
        _place(entries, "Environment", inside)
    if moved_resources or resources is not None:
        _place(entries, "Resources", counts)
    return Section(entries, root.line)


def _sub(entry: Entry | None) -> Section | None:
    """The section behind `entry`; None where there is none, also when something else stands there."""
    return entry.value if entry is not None and isinstance(entry.value, Section) else None


def _place(entries: dict[str, Entry], name: str, inside: dict[str, Entry]) -> None:
    given = entries.get(name)
    if given is not None and not _replaceable(given.value):
        return
    line = given.line if given else min((entry.line for entry in inside.values()), default=1)
    entries[name] = Entry(name, line, Section(inside, line))


def _replaceable(node: Node) -> bool:
    return isinstance(node, Section) or (isinstance(node, Scalar) and node.kind == "null")


def _are_variables(section: Section) -> bool:
    """Whether a section `Environment` is the plain map of variables that it was in 2022."""
    known = (*ENVIRONMENT_KEYS, *_IMAGES, *_COMMANDS)
    return 0 < len(section.entries) <= _MOST_VARIABLES and all(
        isinstance(entry.value, Scalar)
        and _VARIABLE.fullmatch(entry.key) is not None
        and entry.key not in known
        and (_UPPER.fullmatch(entry.key) is not None or not nearest(entry.key, known))
        for entry in section
    )


def _move_environment(top: dict[str, Entry], inside: dict[str, Entry], faults: Faults) -> bool:
    moved = False
    for path, entries in (("", top), ("Environment", inside)):
        for name in _IMAGES:
            if name in entries:
                moved |= _move_image(entries.pop(name), path, inside, faults)
        for name in _COMMANDS:
            if name in entries:
                moved |= _move_command(entries.pop(name), path, inside, faults)
    return moved


def _move_image(old: Entry, path: str, inside: dict[str, Entry], faults: Faults) -> bool:
    key = dotted(path, old.key)
    for today in ("Apptainer", "Python"):
        if today in inside:
            _ignored(old, key, f"Environment.{today}", faults)
            return False
    value = old.value
    if isinstance(value, Scalar) and value.kind != "null":
        value = Section({"Path": Entry("Path", old.line, value)}, old.line)
    inside["Apptainer"] = Entry("Apptainer", old.line, value)
    faults.note(
        old.line,
        key,
        f"{old.key} is an old key.",
        "Today it is Environment.Apptainer with Path, Type and Options.",
    )
    return True


def _move_command(old: Entry, path: str, inside: dict[str, Entry], faults: Faults) -> bool:
    key = dotted(path, old.key)
    command, on_login = _command_of(old, key, faults)
    if command is None:
        return False
    today = old.key + ("OnLoginNode" if on_login else "OnComputeNode")
    if today in inside:
        _ignored(old, key, f"Environment.{today}", faults)
        return False
    inside[today] = Entry(today, command.line, command.value)
    faults.note(old.line, key, f"{old.key} is an old key.", f"Today it is Environment.{today}.")
    return True


def _command_of(old: Entry, key: str, faults: Faults) -> tuple[Entry | None, bool]:
    """The command as an entry, and whether it is for the login node."""
    if not isinstance(old.value, Section):
        return old, False
    keys = old.value.entries
    for name, entry in keys.items():
        if name not in ("Command", "ExecuteOnLoginNode"):
            message = f"{shown(name)} is no key in {old.key}; it is ignored."
            faults.warning(
                entry.line, dotted(key, name), message, "Keys here: Command, ExecuteOnLoginNode."
            )
    on_login = _truth(keys.get("ExecuteOnLoginNode"), key, faults)
    if "Command" not in keys:
        where = "OnLoginNode" if on_login else "OnComputeNode"
        faults.error(
            old.line,
            dotted(key, "Command"),
            f"{old.key} has no command.",
            f"Write Environment.{old.key}{where}: and the command.",
        )
        return None, on_login
    return keys["Command"], on_login


def _truth(entry: Entry | None, key: str, faults: Faults) -> bool:
    if entry is None:
        return False
    node = entry.value
    word = node.text.strip().lower() if isinstance(node, Scalar) else ""
    if word not in ("true", "false", "yes", "no", "on", "off"):
        message = "ExecuteOnLoginNode is true or false."
        faults.error(
            entry.value_line, dotted(key, entry.key), message, "Write ExecuteOnLoginNode: false."
        )
    return word in ("true", "yes", "on")


def _move_resources(top: dict[str, Entry], inside: dict[str, Entry], faults: Faults) -> bool:
    moved = False
    for path, entries in (("", top), ("Resources", inside)):
        for name, today in _RESOURCES.items():
            if name not in entries:
                continue
            old = entries.pop(name)
            key = dotted(path, name)
            if today in inside:
                _ignored(old, key, f"Resources.{today}", faults)
                continue
            inside[today] = Entry(today, old.line, old.value)
            faults.note(old.line, key, f"{name} is an old key.", f"Today it is Resources.{today}.")
            moved = True
    return moved


def _ignored(old: Entry, key: str, today: str, faults: Faults) -> None:
    faults.warning(
        old.line,
        key,
        f"{old.key} is an old key, and ignored since {today} stands too.",
        f"Take {old.key} out.",
    )
