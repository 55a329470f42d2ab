"""Reads YAML and JSON into nodes that know their lines, and says what is wrong with the syntax.

YAML is read event by event instead of with `yaml.compose`: nesting is then no recursion, so that a hostile or
mistyped file can't exhaust the stack, and keys that stand twice are seen. What is read is what
`yaml.safe_load` (YAML 1.1) would read, since that is what Mantik and MLflow use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from mantik_tui.domain import json_lines
from mantik_tui.domain.faults import Faults, dotted, shown
from mantik_tui.domain.nodes import MAX_DEPTH, Entry, Items, Node, Scalar, Section

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_KINDS = {"str": "text", "int": "int", "float": "float", "bool": "bool", "null": "null"}
_SCALAR_TAGS = {*_KINDS, "binary", "timestamp", "merge", "value"}
_COLLECTIONS = {None, "!", _TAG + "map", _TAG + "seq", _TAG + "omap", _TAG + "set", _TAG + "pairs"}
_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # what YAML 1.1 forbids in a file
_ODD_BREAKS = re.compile("[\n\x85\u2028\u2029]")
_MAX_CHARS = 300_000

EMPTY = Scalar("", None, "null", 1)
"""What an empty file holds."""


def decode(data: bytes, file: str) -> tuple[str | None, Faults]:
    """The text of a file's bytes. None, with one error, for anything that is not UTF-8 text of up to 300 kB."""
    faults = Faults(file)
    if len(data) > _MAX_CHARS:
        faults.error(
            1, "", "The file is too large to be read.", "Such files have a few kB at most."
        )
        return None, faults
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        faults.error(1, "", "The file is UTF-16 text.", "Save it as UTF-8.")
        return None, faults
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        faults.lines = line
        faults.error(line, "", "The file is binary.", "Give a YAML or JSON text file.")
        return None, faults
    try:
        return data.decode("utf-8-sig"), faults
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        faults.lines = line
        faults.error(line, "", "The file is not UTF-8 text.", "Save it as UTF-8.")
        return None, faults


def read_nodes(text: str, file: str) -> tuple[Node | None, Faults]:
    """The content of a `.json` file (by `file`'s name), or of a YAML file; None when its syntax is broken.

    The faults have the syntax errors, and a warning for each key that stands twice. An empty file is `EMPTY`.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    faults = Faults(file, lines=max(text.count("\n") + (not text.endswith("\n")), 1))
    if len(text) > _MAX_CHARS:
        faults.error(
            1, "", "The file is too large to be read.", "Such files have a few kB at most."
        )
        return None, faults
    bad = _UNREADABLE.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        code = f"U+{ord(bad.group()):04X}"
        faults.error(line, "", f"The character {code} can't stand in this file.", "Take it out.")
        return None, faults
    if file.lower().endswith(".json"):
        return json_lines.read(text, faults), faults
    return _read_yaml(text, faults), faults


def _read_yaml(text: str, faults: Faults) -> Node | None:
    builder = _Builder(faults, _line_map(text))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not builder.take(event):
                return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = shown(error.problem or error.context or "it can't be read", 120)
        line = builder.line_of(mark.line) if mark else 1
        faults.error(
            line, "", f"This is not valid YAML: {message}.", _syntax_hint(message, text, line)
        )
        return None
    except yaml.YAMLError as error:
        message = shown(str(error), 120)
        faults.error(
            1, "", f"This is not valid YAML: {message}.", "Compare with docs/backend-config.md."
        )
        return None
    return builder.root if builder.root is not None else EMPTY


def _line_map(text: str) -> list[int] | None:
    """Line in the file for each of YAML's lines, where YAML breaks lines at more characters than editors do."""
    if not any(char in text for char in "\x85\u2028\u2029"):
        return None
    lines = [1]
    for found in _ODD_BREAKS.finditer(text):
        lines.append(lines[-1] + (found.group() == "\n"))
    return lines


def _syntax_hint(message: str, text: str, line: int) -> str:
    source = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    if "\t" in source[: len(source) - len(source.lstrip())] or "'\\t'" in message:
        return "Indent with blanks; YAML allows no tabs there."
    if "*" in source and ("alias" in message or "alphabetic" in message):
        return 'Quote what starts with a star: "*.nc".'
    if "mapping values are not allowed" in message:
        return "A value that holds `: ` needs quotes; else check the indentation of this line."
    if "cannot start any token" in message:
        return "Put the value in quotes."
    if "could not find expected ':'" in message:
        return "Each line of a section reads `Key: value`, with a blank after the colon."
    if "found unexpected end of stream" in message or "expected ',' or" in message:
        return "A quote or bracket that was opened is not closed."
    if "escape c" in message:
        return "Write the character itself, or put the text in single quotes."
    if "block end" in message or "did not find expected key" in message:
        return "Check the indentation: keys of one section start in the same column."
    return "Check this line and the one before: indentation, quotes, brackets."


@dataclass(slots=True)
class _Frame:
    """A list or map that is still open."""

    is_map: bool
    line: int
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[Section] = field(default_factory=list)
    key: Scalar | None = None
    is_merge: bool = False


class _Builder:
    """Makes nodes of YAML events. `take` is False once the document can't be used."""

    def __init__(self, faults: Faults, lines: list[int] | None) -> None:
        self.root: Node | None = None
        self._faults = faults
        self._lines = lines
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0
        self._resolver = Resolver()
        self._constructor = SafeConstructor()

    def line_of(self, yaml_line: int) -> int:
        """Line in the file, from 1, for YAML's line, from 0."""
        if self._lines is None:
            return yaml_line + 1
        return self._lines[min(yaml_line, len(self._lines) - 1)]

    def take(self, event: Any) -> bool:
        line = self.line_of(event.start_mark.line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            return self._open(event, line)
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            return self._close()
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                return self._refuse(
                    line, "A second document starts here.", "Take the line `---` out."
                )
        return True

    def _refuse(self, line: int, message: str, hint: str) -> bool:
        path = ""
        for frame in self._stack:
            if frame.key is not None:
                path = dotted(path, frame.key.text)
        self._faults.error(line, path, message, hint)
        return False

    def _open(self, event: Any, line: int) -> bool:
        if event.tag not in _COLLECTIONS:
            return self._refuse(line, f"The tag {shown(event.tag)} is not allowed.", "Take it out.")
        if len(self._stack) >= MAX_DEPTH:
            return self._refuse(
                line, "This is nested too deep.", f"At most {MAX_DEPTH} levels are read."
            )
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            return self._refuse(line, "A key must be text.", "Put it in quotes if it holds [ or {.")
        if event.anchor:
            self._anchors[event.anchor] = None
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Frame(is_map, line, event.anchor))
        return True

    def _close(self) -> bool:
        frame = self._stack.pop()
        node: Node
        if frame.is_map:
            entries = dict(frame.entries)
            for section in frame.merged:
                for entry in section:
                    entries.setdefault(entry.key, entry)
            node = Section(entries, frame.line)
        else:
            node = Items(tuple(frame.items), frame.line)
        if frame.anchor:
            self._anchors[frame.anchor] = node
        return self._put(node)

    def _alias(self, event: Any, line: int) -> bool:
        name = shown(event.anchor)
        if event.anchor not in self._anchors:
            hint = f'Quote it if a star is meant: "*{name}".'
            return self._refuse(line, f"*{name} refers to an anchor that is not there.", hint)
        node = self._anchors[event.anchor]
        if node is None:
            return self._refuse(line, f"*{name} refers to itself.", "Write the value out.")
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            if isinstance(node, Scalar):
                return self._key(Scalar(node.text, node.value, node.kind, line, node.plain), False)
            return self._refuse(line, "A key must be text.", "Write the key out.")
        return self._put(node)

    def _scalar(self, event: Any, line: int) -> bool:
        plain, quoted = event.implicit
        tag = event.tag
        if tag is None or tag == "!":
            resolver: Any = self._resolver
            tag = resolver.resolve(yaml.ScalarNode, event.value, (plain, quoted))
        if tag.removeprefix(_TAG) not in _SCALAR_TAGS:
            return self._refuse(line, f"The tag {shown(tag)} is not allowed.", "Take it out.")
        is_plain = event.style is None or event.style == ""
        node = self._typed(tag, event.value, line, is_plain)
        if event.anchor:
            self._anchors[event.anchor] = node
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            return self._key(node, tag == _TAG + "merge")
        return self._put(node)

    def _typed(self, tag: str, text: str, line: int, plain: bool) -> Scalar:
        short = tag.removeprefix(_TAG)
        kind = _KINDS.get(short, "other")
        if kind == "text" or short in ("merge", "value"):
            return Scalar(text, text, "text", line, plain)
        try:
            value = self._constructor.construct_object(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError, AttributeError, OverflowError, yaml.YAMLError):
            # What only looks like a number or date, as 2024-13-45 does, or is tagged as one wrongly.
            return Scalar(text, text, "text", line, plain)
        return Scalar(text, value, kind, line, plain)

    def _key(self, node: Scalar, is_merge: bool) -> bool:
        frame = self._stack[-1]
        frame.key = node
        frame.is_merge = is_merge
        return True

    def _put(self, node: Node) -> bool:
        if not self._stack:
            self.root = node
            return True
        frame = self._stack[-1]
        if not frame.is_map:
            frame.items.append(node)
            return True
        key = frame.key
        if key is None:  # a section stands where a key should be; `_open` refuses that
            return False
        if frame.is_merge:
            return self._merge(frame, node, key.line)
        if key.text in frame.entries:
            self._twice(key, frame.entries[key.text].line)
        frame.entries[key.text] = Entry(key.text, key.line, node)
        frame.key = None
        return True

    def _twice(self, key: Scalar, first: int) -> None:
        path = ""
        for frame in self._stack:
            if frame.key is not None:
                path = dotted(path, frame.key.text)
        message = f"{shown(key.text)} stands twice, first in line {first}; only this one counts."
        self._faults.warning(key.line, path, message, "Take one of them out.")

    def _merge(self, frame: _Frame, node: Node, line: int) -> bool:
        parts = node.items if isinstance(node, Items) else (node,)
        sections = [part for part in parts if isinstance(part, Section)]
        if len(sections) != len(parts):
            return self._refuse(
                line, "`<<` takes a section or a list of sections.", "Write the keys out."
            )
        frame.merged.extend(sections)
        frame.key = None
        frame.is_merge = False
        return True
