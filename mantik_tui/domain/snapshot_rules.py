"""Which files of a project go into a snapshot: a pure function over a listing.

Left out are, in this order: what never belongs to a project (`.git`, our own folder, caches, virtual environments), what
the config's `Exclude` names, and what `.gitignore` files name. Untracked files are in.

What an entry of `Exclude` hits is said in `domain.excludes`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from mantik_tui.domain.excludes import excluded

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
    """Entries of `Exclude` that hit no file."""

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
    ignores = [
        (folder, GitIgnoreSpec.from_lines(text.splitlines()))
        for folder, text in sorted((gitignores or {}).items())
    ]
    kept: list[ListedFile] = []
    left_out: list[LeftOut] = []
    used: set[str] = set()
    for file in listed:
        hits = [entry for entry in exclude if excluded(file.path, (entry,))]
        used.update(hits)
        rule = _reason(file.path, environments, hits, ignores)
        if rule and file.path not in always:
            left_out.append(LeftOut(file.path, rule))
        else:
            kept.append(file)
    unused = tuple(entry for entry in exclude if entry not in used)
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
