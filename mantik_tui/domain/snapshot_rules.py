"""Which files of a project go into a snapshot: a pure function over a listing.

Left out are, in this order: what never belongs to a project (`.git`, our own folder, caches, virtual environments), what
the config's `Exclude` names, and what `.gitignore` files name. Untracked files are in.

`Exclude` keeps Mantik's two rules: a glob pattern is tried from each file's own folder, so that `*.nc` hits at any depth;
a name with a slash at its end drops every folder of that name. Patterns with a slash inside, which hit nothing there,
are tried from the project's folder here, as whoever writes them means it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

ASK_ABOVE_BYTES = 100_000_000
ASK_ABOVE_FILES = 5_000
"""A snapshot larger than this names its biggest files and asks first."""

NEVER = (".git", ".mantik", "__pycache__", ".ipynb_checkpoints", ".DS_Store")
"""Folders and files that are left out wherever they lie."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    path: str
    """From the project's folder on, with `/` between its parts."""
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    path: str
    rule: str
    """In words: `Exclude: *.nc`, `.gitignore`, `src/.gitignore`, `virtual environment`, `never sent: .git`."""


@dataclass(frozen=True, slots=True)
class Selection:
    kept: tuple[ListedFile, ...]
    """Sorted by path."""
    left_out: tuple[LeftOut, ...]
    unused: tuple[str, ...]
    """Patterns of `Exclude` that hit no file."""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.kept)

    @property
    def needs_question(self) -> bool:
        return self.size > ASK_ABOVE_BYTES or len(self.kept) > ASK_ABOVE_FILES

    def biggest(self, count: int = 5) -> tuple[ListedFile, ...]:
        return tuple(sorted(self.kept, key=lambda file: (-file.size, file.path))[:count])


def select(
    files: Iterable[ListedFile],
    exclude: Sequence[str] = (),
    gitignores: Mapping[str, str] | None = None,
    always: Collection[str] = (),
) -> Selection:
    """Chooses what is sent.

    `gitignores` maps folders (`""` is the project's own) to the text of their `.gitignore`. `always` are paths that no
    rule drops, such as the MLproject file or the container image that the config names.
    """
    listed = sorted(files, key=lambda file: file.path)
    environments = _environments(listed)
    rules = [(pattern, _compile(pattern)) for pattern in exclude if pattern.strip()]
    ignores = [
        (folder, GitIgnoreSpec.from_lines(text.splitlines()))
        for folder, text in sorted((gitignores or {}).items())
    ]
    kept: list[ListedFile] = []
    left_out: list[LeftOut] = []
    used: set[str] = set()
    for file in listed:
        hits = [pattern for pattern, matches in rules if matches.matches(file.path)]
        used.update(hits)
        rule = _reason(file.path, environments, hits, ignores)
        if rule and file.path not in always:
            left_out.append(LeftOut(file.path, rule))
        else:
            kept.append(file)
    unused = tuple(pattern for pattern, _ in rules if pattern not in used)
    return Selection(tuple(kept), tuple(left_out), unused)


def skip_folder(path: str) -> bool:
    """Whether whoever lists a project need not even look into this folder."""
    return path.rsplit("/", 1)[-1] in NEVER


def _reason(
    path: str,
    environments: Collection[str],
    hits: Sequence[str],
    ignores: Sequence[tuple[str, GitIgnoreSpec]],
) -> str:
    parts = path.split("/")
    never = next((part for part in parts if part in NEVER), "")
    if never:
        return f"never sent: {never}"
    if path == "mantik.log":
        return "never sent: the log of another run"
    if any(path.startswith(folder + "/") for folder in environments):
        return "virtual environment"
    if hits:
        return f"Exclude: {hits[0]}"
    return _gitignored(path, ignores)


def _environments(listed: Iterable[ListedFile]) -> frozenset[str]:
    ends = "/pyvenv.cfg"
    return frozenset(f.path.removesuffix(ends) for f in listed if f.path.endswith(ends))


def _gitignored(path: str, ignores: Sequence[tuple[str, GitIgnoreSpec]]) -> str:
    """The file that ignores `path`. A deeper `.gitignore` overrides those above it, also by `!`."""
    verdict = ""
    for folder, spec in ignores:
        prefix = folder + "/" if folder else ""
        if not path.startswith(prefix):
            continue
        inner = path[len(prefix) :]
        if any(spec.match_file(folder + "/") for folder in _folders(inner)):
            return f"{prefix}.gitignore"  # nothing below an ignored folder comes back
        include = spec.check_file(inner).include
        if include is not None:
            verdict = f"{prefix}.gitignore" if include else ""
    return verdict


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    anchored: re.Pattern[str] | None

    def matches(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if self.pattern.endswith("/"):
            wanted = self.pattern.rstrip("/")
            if "/" not in wanted:
                return wanted in folder.split("/")
            return f"/{folder}/".startswith(f"/{wanted.lstrip('/')}/")
        if self.anchored is not None:
            return self.anchored.fullmatch(path) is not None
        return fnmatch.fnmatchcase(name, self.pattern)


def _compile(pattern: str) -> _Rule:
    text = pattern.strip().removeprefix("./")
    while text.startswith("**/"):
        text = text[3:]
        if "/" in text.rstrip("/"):
            return _Rule(text, _regex(f"(?:.*/)?{_glob(text)}", text))
    if "/" in text.rstrip("/") and not text.endswith("/"):
        return _Rule(text, _regex(_glob(text.lstrip("/")), text))
    return _Rule(text, None)


def _regex(pattern: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:  # such as the range [z-a], which hits nothing but its own letters
        return re.compile(re.escape(text))


def _glob(text: str) -> str:
    """A regular expression for a glob pattern with slashes; `*` stays within a folder, `**/` crosses any number."""
    out = ""
    at = 0
    while at < len(text):
        if text.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif text.startswith("**", at):
            out, at = out + ".*", at + 2
        elif text[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif text[at] == "?":
            out, at = out + "[^/]", at + 1
        elif text[at] == "[" and (end := text.find("]", at + 2)) > 0:
            inner = text[at + 1 : end].replace("\\", "\\\\")
            inner = "^" + inner[1:] if inner.startswith("!") else inner
            out, at = out + f"[{inner}]", end + 1
        else:
            out, at = out + re.escape(text[at]), at + 1
    return out
