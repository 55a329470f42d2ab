"""What engine and clients say to each other: one JSON object a line.

A client sends `{"id": 3, "verb": "refresh", "args": {…}}` and gets `{"id": 3, "result": …}` or `{"id": 3, "error": {…}}`.
The engine sends events unasked: `{"event": "changed", "tables": [...]}`, `{"event": "progress", …}`. Data never travels
here; it lies in the database.
"""

from __future__ import annotations

import json
from typing import Any

from mantik_tui.domain import errors
from mantik_tui.domain.errors import MantikError

PROTOCOL = 1
"""Raised when old clients and new engines, or the other way round, would misunderstand each other."""

MAX_LINE = 1 << 20
"""Bytes; a longer line is no message."""


def pack(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Raises:
    ValueError: the line is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def pack_error(error: MantikError) -> dict[str, str]:
    """An error as sent; one of a backend's own kinds goes as the kind of `domain.errors` that it is."""
    kinds = [kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind]
    return {
        "kind": kinds[0].__name__,
        "title": error.title,
        "cause": error.cause,
        "hint": error.hint,
    }


def unpack_error(doc: dict[str, Any]) -> MantikError:
    kind = getattr(errors, str(doc.get("kind")), MantikError)
    if not (isinstance(kind, type) and issubclass(kind, MantikError)):
        kind = MantikError
    return kind(str(doc.get("title", "")), str(doc.get("cause", "")), str(doc.get("hint", "")))
