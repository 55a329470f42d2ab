"""The filter of the projects screen: `wind type:regression author:maria shared`.

All terms must fit. A word is looked for in name, summary, labels and problem types, and `own`, `shared`, `public` and
`running` stand for what they say. `field:value` looks into one thing: name, type, author (also by, owner), label, about
(the summary). `not` or `-` turns a term round; values with blanks go in double quotes. Case is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mantik_tui.domain.filters import Filter, Term, parse_filter
from mantik_tui.domain.project import ProjectRow

OWNERSHIPS = ("own", "shared", "public")
FIELDS = ("name", "type", "author", "label", "about", "is")

_ALIASES = {"user": "author", "owner": "author", "member": "author", "problem": "type", "summary": "about"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """A filter that was read; lets everything through when it is empty."""

    filter: Filter

    def fits(self, row: ProjectRow) -> bool:
        alternatives = self.filter.alternatives
        return not alternatives or any(
            all(_fits(row, term) != term.negated for term in terms) for terms in alternatives
        )


def parse_project_filter(text: str) -> ProjectFilter:
    """Read a filter as typed.

    Raises:
        BadInput: the text is no filter; its problem's key is the word at fault.
    """
    return ProjectFilter(parse_filter(text))


def filter_projects(rows: Iterable[ProjectRow], text: str) -> list[ProjectRow]:
    """The rows that fit, in their order. Raises BadInput like `parse_project_filter`."""
    wanted = parse_project_filter(text)
    return [row for row in rows if wanted.fits(row)]


def _fits(row: ProjectRow, term: Term) -> bool:
    field = _ALIASES.get(term.field.lower(), term.field.lower())
    value = term.value.lower()
    if field == "name" and term.op == ":":
        return _word(row, value)
    texts = _texts(row, field)
    if term.op in ("=", "!="):
        return (value in texts) == (term.op == "=")
    return any(value in text for text in texts)


def _word(row: ProjectRow, value: str) -> bool:
    """A word that was typed without a field. `own` is who it belongs to, but may begin a name as well."""
    if value in OWNERSHIPS and row.ownership == value:
        return True
    if value == "running" and row.running:
        return True
    return any(
        value in text for field in ("name", "about", "type", "label") for text in _texts(row, field)
    )


def _texts(row: ProjectRow, field: str) -> tuple[str, ...]:
    """What a field holds, in lower case; nothing for an unknown field."""
    if field == "name":
        return (row.name.lower(),)
    if field == "about":
        return (row.summary.lower(),)
    if field == "type":
        return tuple(kind.lower() for kind in row.problem_types)
    if field == "author":
        return (row.owner.lower(), *(name.lower() for name in row.members))
    if field == "label":
        return tuple(
            text.lower()
            for label in row.labels
            for text in (label.name, f"{label.scope}/{label.name}", f"{label.name}={label.value}")
        )
    if field == "is":
        words = [row.ownership]
        words += ["running"] if row.running else []
        return tuple(words)
    return ()
