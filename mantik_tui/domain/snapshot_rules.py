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
    ignores = [(folder, _spec(text)) for folder, text in sorted((gitignores or {}).items())]
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
        if any(_itself(spec, f"{below}/") for below in _folders(inner)):
            return f"{prefix}.gitignore"  # nothing below an ignored folder comes back
        include = _itself(spec, inner)
        if include is not None:
            verdict = f"{prefix}.gitignore" if include else ""
    return verdict


def _spec(text: str) -> GitIgnoreSpec:
    """The patterns of a `.gitignore`. A line that is none, such as a lone backslash, fits nothing, as for Git."""
    lines = text.splitlines()
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _itself(spec: GitIgnoreSpec, path: str) -> bool | None:
    """Whether the last pattern that fits ignores (True) or brings back (False) this path; None if none fits.

    A pattern that only fits a folder above says nothing of what lies in it: Git looks from the top down.
    """
    verdict = None
    for pattern in spec.patterns:
        fits = pattern.regex.match(path) if pattern.regex is not None else None
        above = fits is not None and fits.end() < len(path) and fits[0].endswith("/")
        if fits is not None and not (above and fits.groupdict().get("ps_d")):
            verdict = pattern.include
    return verdict


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]
