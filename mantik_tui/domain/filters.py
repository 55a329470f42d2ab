"""The filter language of tables: `status:running rmse<0.05 or not name:test`.

Terms stand side by side (and), `or` separates alternatives, `not` or `-` turns a term round. A term is a word (part of the
name), `field:value` (contains, case ignored), or `field OP value` with one of `= != < <= > >=`. Values with blanks go in
double quotes. Fields of a run are status, name, user (also by, author), site, job, experiment, id, `tags.KEY`,
`params.KEY`, `metrics.KEY`, or simply the name of a metric or param. Ages: `started<2d` means within two days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.problems import Problem, Severity

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<not>-(?=[\w"'])|not\b)
    | (?P<or>or\b|\|)
    | (?P<and>and\b|&)
    | (?P<field>(?:[A-Za-z_][\w./@%+-]*|`[^`]+`))(?P<op><=|>=|!=|==|=|<|>|:)(?P<value>"[^"]*"?|[^\s]*)
    | "(?P<quoted>[^"]*)"?
    | (?P<word>\S+)
    )""",
    re.VERBOSE | re.IGNORECASE,
)

_ALIASES = {"by": "user", "author": "user", "who": "user", "state": "status", "exp": "experiment"}


@dataclass(frozen=True, slots=True)
class Term:
    field: str
    """Lower-cased for the known fields, as written for metrics, params and tags; `name` for a bare word."""
    op: str
    """`:` contains, `=`, `!=`, `<`, `<=`, `>`, `>=`."""
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Alternatives of conjunctions; none at all lets everything through."""

    alternatives: tuple[tuple[Term, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.alternatives)


def parse_filter(text: str) -> Filter:
    """Read a filter as typed.

    Raises:
        BadInput: the text is no filter; its problem's key is the word at fault.
    """
    alternatives: list[tuple[Term, ...]] = []
    terms: list[Term] = []
    negated = False
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        position = match.end()
        if match["or"]:
            if not terms:
                raise _fault("or", "Nothing stands before `or`")
            alternatives.append(tuple(terms))
            terms, negated = [], False
        elif match["not"]:
            negated = not negated
        elif not match["and"]:
            terms.append(_term(match, negated))
            negated = False
    if negated:
        raise _fault("not", "Nothing stands after `not`")
    if terms:
        alternatives.append(tuple(terms))
    elif alternatives:
        raise _fault("or", "Nothing stands after `or`")
    return Filter(tuple(alternatives))


def _term(match: re.Match[str], negated: bool) -> Term:
    field = match["field"]
    if field is None:
        return Term("name", ":", match["quoted"] or match["word"] or "", negated)
    field = field.strip("`")
    field = _ALIASES.get(field.lower(), field)
    op = "=" if match["op"] == "==" else match["op"]
    value = match["value"].strip('"')
    if op in ("<", "<=", ">", ">=") and value and as_number(value) is None:
        raise _fault(f"{field}{op}{value}", f"`{value}` is not a number")
    return Term(field, op, value, negated)


def _fault(key: str, message: str) -> BadInput:
    problem = Problem(
        Severity.ERROR, "filter", 1, key, message, "For example: status:failed rmse<0.05"
    )
    return BadInput("This is not a filter", message, problem.hint, (problem,))


_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def as_number(value: str) -> float | None:
    """A number as typed, `nan` and `inf` included; a span such as `2d` in milliseconds; None if it is neither."""
    try:
        return float(value)
    except ValueError:
        pass
    if len(value) > 1 and value[-1].lower() in _UNITS:
        try:
            return float(value[:-1]) * _UNITS[value[-1].lower()]
        except ValueError:
            return None
    return None
