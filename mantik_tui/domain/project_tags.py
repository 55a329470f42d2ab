"""How a project lies on an MLflow server: as tags of an experiment of its own, which any MLflow client can read.

One tag holds one element of a set, so that two people who add and remove never lose each other's work:
`mantik.label.<scope>/<name>`, `mantik.author.<user>`, `mantik.code.<id>`, `mantik.data.<id>`, and
`mantik.link.<experiment id>` with the experiment's creation time, since servers may use an id again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mantik_tui.domain.project import Label, Member, Repository, Role
from mantik_tui.domain.text import clean

PREFIX = "mantik-project/"
"""Beginning of the carrying experiment's name."""
ID_TAG = "mantik.project.id"
SCHEMA = "1"
NOTE = "mlflow.note.content"


@dataclass(frozen=True, slots=True)
class TaggedProject:
    """What the tags of a carrying experiment say."""

    uid: str
    name: str
    summary: str = ""
    description: str = ""
    owner: str = ""
    visibility: str = ""
    best_metric: str = ""
    best_goal: str = "min"
    labels: tuple[Label, ...] = ()
    members: tuple[Member, ...] = ()
    code: tuple[Repository, ...] = ()
    data: tuple[Repository, ...] = ()
    links: dict[str, int] = field(default_factory=dict)
    """Experiment id on the server to its creation time in ms, 0 if that was not noted."""


def experiment_name(project: TaggedProject) -> str:
    """Name of the experiment that carries the project: readable, and unique by the end of the project's id."""
    slug = re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-")[:60] or "project"
    return f"{PREFIX}{slug}-{project.uid[-8:]}"


def to_tags(project: TaggedProject) -> dict[str, str]:
    """All tags of the carrying experiment."""
    tags = {
        ID_TAG: project.uid,
        "mantik.project.name": project.name,
        "mantik.project.summary": project.summary,
        "mantik.project.owner": project.owner,
        "mantik.project.visibility": project.visibility,
        "mantik.project.best-metric": project.best_metric,
        "mantik.project.best-goal": project.best_goal,
        "mantik.project.schema": SCHEMA,
        NOTE: project.description,
    }
    for label in project.labels:
        tags[f"mantik.label.{label.scope}/{label.name}"] = label.value
    for member in project.members:
        tags[f"mantik.author.{member.name}"] = member.role
    for kind, repositories in (("code", project.code), ("data", project.data)):
        for item in repositories:
            value = {
                "name": item.name,
                "uri": item.uri,
                "description": item.description,
                "dvc": item.dvc,
            }
            tags[f"mantik.{kind}.{item.uid}"] = json.dumps(value)
    for experiment, created_ms in project.links.items():
        tags[f"mantik.link.{experiment}"] = str(created_ms)
    return {
        key: value for key, value in tags.items() if value or not key.startswith("mantik.project.")
    }


def from_tags(tags: Mapping[str, str], experiment_name: str) -> TaggedProject | None:
    """The project that these tags describe, None if they describe none. What can't be read is left out."""
    uid = tags.get(ID_TAG, "").strip()
    if not uid:
        return None
    sets: dict[str, dict[str, str]] = {
        "label": {},
        "author": {},
        "code": {},
        "data": {},
        "link": {},
    }
    for key, value in sorted(tags.items()):
        kind, _, rest = key.removeprefix("mantik.").partition(".")
        if key.startswith("mantik.") and kind in sets and rest:
            sets[kind][clean(rest, keep_newlines=False)] = clean(value)
    get = {
        key: clean(value) for key, value in tags.items() if key.startswith("mantik.project.")
    }.get
    fallback = experiment_name.removeprefix(PREFIX)
    return TaggedProject(
        uid=uid,
        name=get("mantik.project.name") or fallback,
        summary=get("mantik.project.summary") or "",
        description=clean(tags.get(NOTE, "")),
        owner=get("mantik.project.owner") or "",
        visibility=(get("mantik.project.visibility") or "").upper(),
        best_metric=get("mantik.project.best-metric") or "",
        best_goal="max" if get("mantik.project.best-goal") == "max" else "min",
        labels=tuple(_label(key, value) for key, value in sets["label"].items()),
        members=tuple(Member(name, _role(value)) for name, value in sets["author"].items()),
        code=tuple(_repository(uid, value) for uid, value in sets["code"].items()),
        data=tuple(_repository(uid, value) for uid, value in sets["data"].items()),
        links={key: int(value) if value.isdigit() else 0 for key, value in sets["link"].items()},
    )


def _label(key: str, value: str) -> Label:
    scope, slash, name = key.partition("/")
    return Label(scope, name, value) if slash else Label("", key, value)


def _role(text: str) -> str:
    known = {role.value.lower(): role.value for role in Role}
    return known.get(text.strip().lower(), Role.RESEARCHER.value)


def _repository(uid: str, value: str) -> Repository:
    """From JSON, or from a bare address, which is how a person would write the tag by hand."""
    try:
        doc = json.loads(value)
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        return Repository(uid, uid, value)
    text = {key: str(doc.get(key) or "") for key in ("name", "uri", "description")}
    return Repository(
        uid, text["name"] or uid, text["uri"], text["description"], bool(doc.get("dvc"))
    )
