"""A run configuration as text, for people to read and to compare."""

from __future__ import annotations

import difflib

from mantik_tui.domain.run_config import RunConfig


def describe(config: RunConfig) -> str:
    """All of a configuration, one setting a line, the backend config's text at the end. Name and age are left out."""
    pairs = [
        ("code", config.code),
        ("entry point", config.entry_point),
        *((f"param {name}", value) for name, value in sorted(config.params.items())),
        ("site", config.site),
        ("account", config.account),
        ("experiment", config.experiment),
        ("run name", config.run_name),
        ("time limit", config.time_limit),
        *(("scheduler line", line) for line in config.extra_lines),
    ]
    lines = [f"{name}: {value}" for name, value in pairs if value or name.startswith("param ")]
    return "\n".join((*lines, "", config.backend_config.rstrip("\n"))) + "\n"


def differences(before: RunConfig, after: RunConfig, *, old: str, new: str) -> list[str]:
    """A unified diff of two configurations, line by line; empty if they say the same. `old` and `new` name the sides."""
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(
            describe(before).splitlines(keepends=True),
            describe(after).splitlines(keepends=True),
            old,
            new,
        )
    ]
