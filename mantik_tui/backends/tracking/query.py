"""Small pieces of MLflow's query language and paging."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from mantik_tui.domain.errors import BadInput


def page_token(offset: int) -> str | None:
    """The token of the page that starts at row `offset`; None for the first page, whose token must be left out.

    MLflow's SQL store makes its tokens in this form, so any page can be read without the one before it.
    """
    if offset <= 0:
        return None
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(token: str | None) -> int | None:
    """The row that a token points to; None for no token or one of another form."""
    if not token:
        return None
    try:
        value = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, int) else None


def text(value: str) -> str:
    """A string literal of a filter. Raises BadInput for text that has both kinds of quotes: MLflow has no escape."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    raise BadInput(
        "The server can't be asked for this text", f"{value[:60]!r} has both kinds of quotes"
    )


def tag_is(key: str, value: str) -> str:
    """Filter: the tag has this value."""
    return f"tags.`{key}` = {text(value)}"


def id_in(ids: Sequence[str]) -> str:
    """Filter: the run is one of these."""
    return f"run_id IN ({', '.join(text(one) for one in ids)})"
