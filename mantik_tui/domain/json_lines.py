"""Reads JSON into nodes that know their lines. The standard library's reader keeps none."""

from __future__ import annotations

import json
import re
from json import JSONDecodeError

from mantik_tui.domain.faults import Faults, dotted, shown
from mantik_tui.domain.nodes import MAX_DEPTH, Entry, Items, Node, Scalar, Section

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, tuple[object, str]] = {
    "true": (True, "bool"),
    "false": (False, "bool"),
    "null": (None, "null"),
}
_STRINGS = json.JSONDecoder()
_EXPECT_VALUE = "a value is missing here"
_EXPECT_KEY = "a key in double quotes is missing here"


class _Broken(Exception):
    def __init__(self, at: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.at, self.message, self.hint = at, message, hint


def read(text: str, faults: Faults) -> Node | None:
    """The content of a JSON file; None, with one error in `faults`, when its syntax is broken."""
    reader = _Reader(text, faults)
    if not text.strip():
        return Scalar("", None, "null", 1)
    try:
        return reader.document()
    except _Broken as broken:
        line = text.count("\n", 0, broken.at) + 1
        faults.error(line, "", f"This is not valid JSON: {broken.message}.", broken.hint)
        return None


class _Reader:
    def __init__(self, text: str, faults: Faults) -> None:
        self._text = text
        self._faults = faults
        self._at = 0
        self._counted_to = 0
        self._line = 1

    def document(self) -> Node:
        node = self._value("", 0)
        self._skip()
        if self._at < len(self._text):
            raise _Broken(self._at, "something follows the end", "Take it out, or close it with }.")
        return node

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line

    def _peek(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _value(self, path: str, depth: int) -> Node:
        char = self._peek()
        if depth > MAX_DEPTH:
            raise _Broken(
                self._at, "this is nested too deep", f"At most {MAX_DEPTH} levels are read."
            )
        if char == "{":
            return self._section(path, depth)
        if char == "[":
            return self._items(path, depth)
        line = self._here()
        if char == '"':
            text = self._string()
            return Scalar(text, text, "text", line)
        return self._bare(line)

    def _bare(self, line: int) -> Scalar:
        for word, (value, kind) in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return Scalar(word, value, kind, line, plain=True)
        found = _NUMBER.match(self._text, self._at)
        if not found:
            raise _Broken(self._at, _EXPECT_VALUE, self._bare_hint())
        self._at = found.end()
        text = found.group()
        if found.group(1) or found.group(2):
            return Scalar(text, float(text), "float", line, plain=True)
        try:
            return Scalar(text, int(text), "int", line, plain=True)
        except ValueError:  # thousands of digits
            return Scalar(text, text, "text", line, plain=True)

    def _bare_hint(self) -> str:
        rest = self._text[self._at : self._at + 2]
        if rest[:1] in ("}", "]"):
            return "Take out the comma before the closing bracket."
        if rest[:1] == "'":
            return "JSON wants double quotes."
        if rest[:1] == "#" or rest == "//":
            return "JSON has no comments; a .yaml file may have them."
        return "Give a number, true, false, null, or text in double quotes."

    def _string(self) -> str:
        try:
            text, self._at = _STRINGS.raw_decode(self._text, self._at)
        except JSONDecodeError as error:
            hint = "Close the text with a double quote on the same line; write a line break as \\n."
            raise _Broken(min(error.pos, len(self._text)), shown(error.msg).lower(), hint) from None
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise _Broken(self._at, "half of a character (a lone surrogate)", "Write it in full.")
        return str(text)

    def _items(self, path: str, depth: int) -> Items:
        line = self._here()
        self._at += 1
        items: list[Node] = []
        if self._peek() == "]":
            self._at += 1
            return Items((), line)
        while True:
            items.append(self._value(path, depth + 1))
            if self._ends("]"):
                return Items(tuple(items), line)

    def _section(self, path: str, depth: int) -> Section:
        line = self._here()
        self._at += 1
        entries: dict[str, Entry] = {}
        if self._peek() == "}":
            self._at += 1
            return Section({}, line)
        while True:
            if self._peek() != '"':
                raise _Broken(self._at, _EXPECT_KEY, self._key_hint())
            key_line = self._here()
            key = self._string()
            if self._peek() != ":":
                raise _Broken(
                    self._at,
                    "a colon is missing after the key",
                    f"Write {json.dumps(shown(key))}: value.",
                )
            self._at += 1
            below = dotted(path, key)
            if key in entries:
                message = f"{shown(key)} stands twice, first in line {entries[key].line}; only this one counts."
                self._faults.warning(key_line, below, message, "Take one of them out.")
            entries[key] = Entry(key, key_line, self._value(below, depth + 1))
            if self._ends("}"):
                return Section(entries, line)

    def _key_hint(self) -> str:
        if self._text[self._at : self._at + 1] == "}":
            return "Take out the comma before the closing bracket."
        return 'Keys stand in double quotes: "Queue": "batch".'

    def _ends(self, bracket: str) -> bool:
        char = self._peek()
        if char not in (bracket, ",") or not char:
            raise _Broken(
                self._at,
                f"a comma or {bracket} is missing here",
                "Look at the end of the line before.",
            )
        self._at += 1
        return char == bracket
