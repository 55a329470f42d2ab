"""What a YAML or JSON file holds, with the line of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 40
"""Deepest nesting that is read; a backend config needs 4."""

_MAX_VALUES = 1000
"""Most values that `python_value` copies out of one node."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `text` as the person wrote it, `value` as YAML or JSON reads it."""

    text: str
    value: object
    kind: str
    """`text`, `int`, `float`, `bool`, `null`, or `other` (a date, binary data)."""
    line: int
    plain: bool = False
    """Written without quotes, so that its kind was guessed from its looks."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: str
    line: int
    """Line of the key."""
    value: Node

    @property
    def value_line(self) -> int:
        """Line to name when the value is wrong: the value's own, the key's for sections and empty values."""
        if isinstance(self.value, Scalar) and self.value.kind != "null":
            return self.value.line
        return self.line


@dataclass(frozen=True, slots=True)
class Section:
    """A map. Of a key that stands twice the last one counts, as YAML and JSON readers have it."""

    entries: dict[str, Entry]
    line: int

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())


Node = Scalar | Items | Section


def python_value(node: Node) -> object:
    """`node` as plain Python values that JSON can hold: what is neither number, bool nor null is text.

    At most 1,000 values are copied (a few short lines of YAML can stand for millions); the rest is left out.
    """
    budget = [_MAX_VALUES]
    return _plain(node, budget)


def _plain(node: Node, budget: list[int]) -> object:
    budget[0] -= 1
    if isinstance(node, Scalar):
        return node.value if node.kind in _JSON_KINDS else str(node.value)
    if isinstance(node, Items):
        return [_plain(item, budget) for item in node.items if budget[0] > 0]
    return {entry.key: _plain(entry.value, budget) for entry in node if budget[0] > 0}


_JSON_KINDS = frozenset({"text", "int", "float", "bool", "null"})
