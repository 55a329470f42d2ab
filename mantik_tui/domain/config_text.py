"""One key of a backend config's text, read and changed in place: comments, order and layout stay as the person has them.

The step between a form's field and the text beside it. Each change is checked afterwards: what is read from the new
text differs from what was read before in that key alone, else the change is refused.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml

from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.faults import shown
from mantik_tui.domain.nodes import Node, Scalar, Section, python_value
from mantik_tui.domain.yaml_lines import read_nodes

Path = tuple[str, ...]
"""A key with the sections above it: `("Resources", "Queue")`."""

_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s*)+")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_STEP = "  "


def get_keys(text: str, paths: Iterable[Path], file: str = "") -> dict[Path, str] | None:
    """The single values at `paths`, as written; empty where there is none, or where a list or section stands.

    None if the text can't be read at all. `file` ends with `.json` for JSON, as everywhere.
    """
    root, _faults = read_nodes(text, file)
    if root is None:
        return None
    return {path: _text_at(root, path) for path in paths}


def set_key(text: str, path: Path, value: str, file: str = "") -> str:
    """`text` with `value` at `path`; an empty value takes the key out, and its section if nothing else is in it.

    Raises:
        BadInput: the text can't be read, or the key can't be changed without changing something else.
    """
    root, faults = read_nodes(text, file)
    if root is None:
        first = faults.found[0]
        raise BadInput("The text can't be read", first.message, f"Mend line {first.line} first")
    is_json = file.lower().endswith(".json")
    edited = _Edit(text, is_json).put(path, value)
    after, _ = read_nodes(edited, file)
    same = (
        after is not None
        and _text_at(after, path) == value
        and repr(_without(after, path)) == repr(_without(root, path))
    )
    if not same:
        raise _in_the_text(path)
    return edited


def _text_at(node: Node, path: Path) -> str:
    for key in path:
        entry = node.entries.get(key) if isinstance(node, Section) else None
        if entry is None:
            return ""
        node = entry.value
    return node.text if isinstance(node, Scalar) and node.kind != "null" else ""


def _without(root: Node, path: Path) -> object:
    """All that is read but the key at `path`, and sections above it that hold nothing else."""
    value = copy.deepcopy(python_value(root))
    chain = [value]
    for key in path[:-1]:
        below = chain[-1]
        chain.append(below.get(key) if isinstance(below, dict) else None)
    for key, holder in zip(reversed(path), reversed(chain), strict=True):
        if isinstance(holder, dict) and (key == path[-1] or not holder.get(key)):
            holder.pop(key, None)
    return value or None


def _in_the_text(path: Path) -> BadInput:
    name = shown(".".join(path))
    return BadInput(
        f"{name} can't be changed from the form", "the text says it in a way of its own", "Edit it in the text"
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Spot:
    key: yaml.ScalarNode
    value: yaml.Node

    @property
    def shared(self) -> bool:
        """The value stands elsewhere, and here only its name: `*name`."""
        return int(self.value.start_mark.index) < int(self.key.end_mark.index)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Changes by position in the text."""

    text: str
    is_json: bool

    def put(self, path: Path, value: str) -> str:
        # JSON is read as the YAML that it nearly is; only positions are taken from that.
        source = self.text.replace("\t", " ") if self.is_json else self.text
        try:
            root = yaml.compose(source, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise _in_the_text(path) from error
        if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
            return self._append(self.text, self._block(path, value, "")) if value else self.text
        above: list[tuple[yaml.MappingNode, _Spot]] = []
        holder = root
        for depth, name in enumerate(path):
            if not isinstance(holder, yaml.MappingNode):
                raise _in_the_text(path)
            spot = _find(holder, name)
            if spot is None:
                return self._add(holder, path[depth:], value, path) if value else self.text
            if spot.shared:
                raise _in_the_text(path)
            if name == path[-1] and depth == len(path) - 1:
                above.append((holder, spot))
                break
            if _is_empty(spot.value):
                return self._fill(spot, path[depth + 1 :], value, path) if value else self.text
            above.append((holder, spot))
            holder = spot.value
        return self._replace(above[-1][1], value, path) if value else self._remove(above, path)

    # ------------------------------------------------------------ one value

    def _replace(self, spot: _Spot, value: str, path: Path) -> str:
        node = spot.value
        if not isinstance(node, yaml.ScalarNode):
            raise _in_the_text(path)
        start, end = node.start_mark.index, node.end_mark.index
        if found := _PROPERTIES.match(self.text, start, end):
            start = found.end()
        style = node.style or ""
        if style in ("|", ">"):
            end = start + len(self.text[start:end].rstrip("\r\n"))
            style = ""
        fresh = _written(value, style, self.is_json)
        gap = " " if start == end and self.text[start - 1 : start] == ":" else ""
        return self.text[:start] + gap + fresh + self.text[end:]

    def _fill(self, spot: _Spot, rest: Path, value: str, path: Path) -> str:
        """Give a section that is there but empty its first key."""
        node = spot.value
        start, end = node.start_mark.index, node.end_mark.index
        if self.is_json or start != end:
            flow = "{" + self._flow(rest, value) + "}"
            return self.text[:start] + flow + self.text[end:]
        lines = self._block(rest, value, self._indent(spot.key, path) + _STEP)
        return self._insert_line(self._next_line(start), lines)

    # ------------------------------------------------------------ a new key

    def _add(self, holder: yaml.MappingNode, rest: Path, value: str, path: Path) -> str:
        if holder.flow_style:
            return self._add_in_braces(holder, self._flow(rest, value))
        if not holder.value:
            raise _in_the_text(path)
        first = holder.value[0][0]
        return self._insert_line(
            self._end(holder), self._block(rest, value, self._indent(first, path))
        )

    def _add_in_braces(self, holder: yaml.MappingNode, piece: str) -> str:
        if not holder.value:
            at = self.text.index("{", holder.start_mark.index) + 1
            return self.text[:at] + piece + self.text[at:]
        first = holder.value[0][0]
        gap = ", "
        if first.start_mark.line > holder.start_mark.line:
            indent = self.text[self._line_start(first.start_mark.index) : first.start_mark.index]
            gap = f",{self._break()}{indent}" if not indent.strip() else ", "
        last = _Spot(*holder.value[-1])
        if last.shared:
            at = first.start_mark.index
            return self.text[:at] + piece + gap + self.text[at:]
        at = last.value.end_mark.index
        return self.text[:at] + gap + piece + self.text[at:]

    # ------------------------------------------------------------ taking out

    def _remove(self, above: Sequence[tuple[yaml.MappingNode, _Spot]], path: Path) -> str:
        holder, spot = above[-1]
        if len(holder.value) == 1 and len(above) > 1:
            return self._remove(above[:-1], path)
        if holder.flow_style:
            return self._remove_in_braces(holder, spot)
        self._indent(spot.key, path)
        start = self._line_start(spot.key.start_mark.index)
        return self.text[:start] + self.text[self._end_of(spot) :]

    def _remove_in_braces(self, holder: yaml.MappingNode, spot: _Spot) -> str:
        spots = [_Spot(*pair) for pair in holder.value]
        at = next(n for n, one in enumerate(spots) if one.key is spot.key)
        start, end = spot.key.start_mark.index, spot.value.end_mark.index
        if at + 1 < len(spots):
            end = spots[at + 1].key.start_mark.index
        elif at:
            before = spots[at - 1]
            start = (before.key if before.shared else before.value).end_mark.index
        return self.text[:start] + self.text[end:]

    # ------------------------------------------------------------ places in the text

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _next_line(self, index: int) -> int:
        at = self.text.find("\n", index)
        return len(self.text) if at < 0 else at + 1

    def _indent(self, key: yaml.Node, path: Path) -> str:
        """What stands before a key on its line, which must be blanks only."""
        start = self._line_start(key.start_mark.index)
        indent = self.text[start : key.start_mark.index].removeprefix("\ufeff")
        if indent.strip():
            raise _in_the_text(path)
        return indent

    def _end(self, node: yaml.Node) -> int:
        """Start of the line after the last line of a node."""
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            end = int(node.end_mark.index)
            return end if self.text[end - 1 : end] == "\n" else self._next_line(end)
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end_of(_Spot(*last)) if isinstance(last, tuple) else self._end(last)
        return self._next_line(node.end_mark.index)

    def _end_of(self, spot: _Spot) -> int:
        return self._next_line(spot.key.end_mark.index) if spot.shared else self._end(spot.value)

    # ------------------------------------------------------------ writing

    def _break(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def _insert_line(self, at: int, lines: str) -> str:
        head = self.text[:at]
        if head and not head.endswith("\n"):
            head += self._break()
        return head + lines + self.text[at:]

    def _append(self, text: str, lines: str) -> str:
        return text + (self._break() if text and not text.endswith("\n") else "") + lines

    def _block(self, rest: Path, value: str, indent: str) -> str:
        if self.is_json:
            return "{" + self._flow(rest, value) + "}" + self._break()
        lines = [f"{indent}{_STEP * n}{_written(name, '', False)}:" for n, name in enumerate(rest)]
        lines[-1] += f" {_written(value, '', False)}"
        return "".join(line + self._break() for line in lines)

    def _flow(self, rest: Path, value: str) -> str:
        name = _written(rest[0], '"' if self.is_json else "", self.is_json)
        if len(rest) > 1:
            return f"{name}: {{{self._flow(rest[1:], value)}}}"
        return f"{name}: {_written(value, '', self.is_json)}"


def _find(holder: yaml.MappingNode, name: str) -> _Spot | None:
    """Of a key that stands twice the last one counts."""
    for key, value in reversed(holder.value):
        if isinstance(key, yaml.ScalarNode) and key.value == name:
            return _Spot(key, value)
    return None


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _written(value: str, style: str, is_json: bool) -> str:
    """A value as the text has it: quoted as before, bare where it is then read as it stands, else in double quotes."""
    if style == "'" and not is_json and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and _WHOLE.fullmatch(value) and value != "-0":
        return value
    if is_json or style == '"' or not _stands_bare(value):
        return json.dumps(value, ensure_ascii=False)
    return value


def _stands_bare(value: str) -> bool:
    if not value.isprintable():
        return False
    node, _faults = read_nodes(f"{{k: {value}, z: 1}}", "")
    if not isinstance(node, Section) or len(node.entries) != 2 or "k" not in node.entries:
        return False
    found = node.entries["k"].value
    return (
        isinstance(found, Scalar) and found.plain and found.kind == "text" and found.text == value
    )
