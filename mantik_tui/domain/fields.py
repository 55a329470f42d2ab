"""Readers for single values of a file that a person wrote: each gives a typed value and says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mantik_tui.domain.faults import Faults, dotted, nearest, shown
from mantik_tui.domain.nodes import Entry, Items, Node, Scalar, Section

_INT_TEXT = re.compile(r"\s*[+-]?[0-9]{1,12}\s*")
_PLAIN_INT = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_MOST = 10**9
_MOST_UNKNOWN = 20


@dataclass(slots=True)
class Keys:
    """The keys of one section, and which of them were asked for."""

    section: Section
    path: str
    line: int
    """Line of the section's own key; 1 for the whole file."""
    faults: Faults
    asked: dict[str, None] = field(default_factory=dict)

    def get(self, key: str) -> Field | None:
        """The value of `key`, None if it is not there. What was never asked for is unknown."""
        self.asked[key] = None
        entry = self.section.entries.get(key)
        return Field(entry, dotted(self.path, key), self.faults) if entry else None

    def missing(self, key: str, why: str, hint: str) -> None:
        self.faults.error(self.line, dotted(self.path, key), why, hint)

    def warn_of_others(self, hints: dict[str, str] | None = None) -> None:
        """Warn of each key that was never asked for; `hints` has better advice for some of them."""
        others = [entry for entry in self.section if entry.key not in self.asked]
        for entry in others[:_MOST_UNKNOWN]:
            where = f"in {self.path}" if self.path else "at the top"
            message = f"{shown(entry.key) or 'An empty key'} is no key {where}; it is ignored."
            hint = (hints or {}).get(entry.key) or self._advice(entry.key)
            self.faults.warning(entry.line, dotted(self.path, entry.key), message, hint)
        if len(others) > _MOST_UNKNOWN:
            count = len(others) - _MOST_UNKNOWN
            message = f"{count} more keys are not known; they are ignored."
            hint = f"Keys here: {', '.join(self.asked)}."
            self.faults.warning(others[_MOST_UNKNOWN].line, self.path, message, hint)

    def _advice(self, key: str) -> str:
        near = nearest(key, self.asked)
        return f"Did you mean {near}?" if near else f"Keys here: {', '.join(self.asked)}."


@dataclass(frozen=True, slots=True)
class Field:
    """One value with the path of its key."""

    entry: Entry
    path: str
    faults: Faults

    @property
    def node(self) -> Node:
        return self.entry.value

    @property
    def line(self) -> int:
        return self.entry.value_line

    @property
    def empty(self) -> bool:
        """Nothing stands behind the colon."""
        return isinstance(self.node, Scalar) and self.node.kind == "null"

    def error(self, message: str, hint: str) -> None:
        self.faults.error(self.line, self.path, message, hint)

    def warning(self, message: str, hint: str) -> None:
        self.faults.warning(self.line, self.path, message, hint)

    @property
    def name(self) -> str:
        return self.entry.key


def read_text(given: Field, example: str, *, one_line: bool = True) -> str:
    """A text, as the person wrote it, blanks around it aside; empty after an error."""
    node = given.node
    if not isinstance(node, Scalar):
        given.error(
            f"{given.name} takes a text, not a {kind_of(node)}.", f"Write {given.name}: {example}"
        )
        return ""
    if not node.text.strip() or node.kind == "null":
        given.error(
            f"{given.name} is empty.",
            f"Give a value, {given.name}: {example}, or take the line out.",
        )
        return ""
    text = node.text.strip()
    if one_line and "\n" in text:
        given.error(
            f"{given.name} has several lines.", f"Write it on one line: {given.name}: {example}"
        )
        return ""
    warn_if_read_otherwise(node, given)
    return text


def read_word(given: Field, example: str) -> str:
    """A text without blanks, for what becomes one word of a command or a scheduler line."""
    text = read_text(given, example)
    if re.search(r"\s", text):
        given.error(f"{given.name} has a blank in it.", f"It is one word: {given.name}: {example}")
    return text


def warn_if_read_otherwise(node: Scalar, given: Field) -> None:
    """Warn where YAML makes something else of a value than what is written: 3.10 is 3.1, yes is True."""
    if (
        node.plain
        and node.kind in ("int", "float", "bool")
        and str(node.value) != node.text.strip()
    ):
        given.faults.warning(
            node.line,
            given.path,
            f"Mantik reads {shown(node.text)} without quotes as {node.value}.",
            f'Put it in quotes: "{shown(node.text)}".',
        )


def read_count(given: Field, *, least: int = 1) -> int | None:
    """A whole number of at least `least`, also when it is written in quotes; None after an error."""
    node = given.node
    hint = f"Write a whole number from {least} on, for example {given.name}: {max(least, 1)}."
    if not isinstance(node, Scalar):
        given.error(f"{given.name} takes a whole number, not a {kind_of(node)}.", hint)
        return None
    if node.kind == "null" or not node.text.strip():
        given.error(f"{given.name} is empty.", f"{hint[:-1]}, or take the line out.")
        return None
    value = _whole(node, given)
    if value is None:
        given.error(f"{given.name} takes a whole number, not {shown(node.text)}.", hint)
    elif value < least:
        given.error(f"{given.name} can't be {value}.", hint)
    elif value > _MOST:
        given.error(f"{given.name} can't be that large.", hint)
    else:
        return value
    return None


def _whole(node: Scalar, given: Field) -> int | None:
    value = node.value
    if node.kind == "int" and isinstance(value, int):
        if node.plain and not _PLAIN_INT.fullmatch(node.text):
            given.warning(
                f"{shown(node.text)} is read as {value}.", f"Write {given.name}: {value}."
            )
        return value
    if (
        node.kind == "float"
        and isinstance(value, float)
        and value.is_integer()
        and abs(value) < _MOST
    ):
        given.warning(f"{given.name} is a whole number.", f"Write {given.name}: {int(value)}.")
        return int(value)
    if node.kind == "text" and _INT_TEXT.fullmatch(node.text):
        return int(node.text)
    return None


def read_texts(given: Field, example: str, *, also_text: bool) -> tuple[str, ...]:
    """A list of texts; with `also_text` a single text stands for a list of one.

    Without `also_text` a text is an error (the original takes it letter by letter), yet its value is given back.
    """
    node = given.node
    if isinstance(node, Scalar) and node.kind != "null" and node.text.strip():
        if also_text:
            warn_if_read_otherwise(node, given)
        else:
            message = f"{given.name} takes a list; a text is read letter by letter."
            given.error(message, f"Write {given.name}: [{quoted(node.text)}]")
        return (node.text.strip(),)
    if isinstance(node, Scalar):
        if also_text:
            given.error(
                f"{given.name} is empty.", f"Write {given.name}: {example}, or take the line out."
            )
        else:
            warn_of_empty(given)
        return ()
    if isinstance(node, Section):
        wanted = "a text or a list of texts" if also_text else "a list of texts"
        given.error(
            f"{given.name} takes {wanted}, not a section.", f"Write {given.name}: {example}"
        )
        return ()
    return tuple(text for item in node.items if (text := _item(item, given)))


def _item(item: Node, given: Field) -> str:
    if not isinstance(item, Scalar):
        message = f"An entry of {given.name} is a text, not a {kind_of(item)}."
        hint = "Put the entry in quotes: a colon with a blank behind it makes a section of it."
        if isinstance(item, Items):
            hint = "Write each entry on its own line, with one dash."
        given.faults.error(item.line, given.path, message, hint)
        return ""
    if item.kind == "null" or not item.text.strip():
        given.faults.error(
            item.line, given.path, f"An entry of {given.name} is empty.", "Take it out."
        )
        return ""
    warn_if_read_otherwise(item, given)
    return item.text.strip()


def read_section(given: Field, hint: str) -> Keys | None:
    """The keys of a section; None with an error if it is none. An empty one is warned of, and has no keys."""
    node = given.node
    if isinstance(node, Section):
        return Keys(node, given.path, given.entry.line, given.faults)
    if given.empty:
        warn_of_empty(given)
        return Keys(Section({}, given.entry.line), given.path, given.entry.line, given.faults)
    what = "a text" if isinstance(node, Scalar) else "a list"
    given.error(f"{given.name} is a section of its own, not {what}.", hint)
    return None


def warn_of_empty(given: Field) -> None:
    given.warning(f"{given.name} is empty; Mantik stops at that.", "Fill it, or take the line out.")


def kind_of(node: Node) -> str:
    """What a person calls such a node: text, list, section."""
    if isinstance(node, Items):
        return "list"
    return "section" if isinstance(node, Section) else "text"


def quoted(text: str) -> str:
    """`text` as a message shows it in a YAML list."""
    return '"' + shown(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
