"""The snapshot of a submission, taken at the key press: what the form showed is what runs.

Contents lie under `snapshots/blobs/` by their sha256, each once, however many runs share them; a run's manifest names
them. Nothing here changes a blob after it was renamed into place.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mantik_tui import paths
from mantik_tui.domain.errors import BadInput, StoreProblem
from mantik_tui.domain.snapshot_rules import ListedFile

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    folder: Path
    """Holds `manifest`, and `changes.diff` if there are uncommitted changes."""
    files: int
    size: int
    """Bytes."""
    sha256: str
    """Of the manifest, which names the snapshot as a whole."""


def blobs() -> Path:
    folder = paths.snapshots() / "blobs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def take_snapshot(code: Path, files: Sequence[ListedFile], cid: str, diff: str = "") -> Snapshot:
    """Keep the files' contents and write the manifest: `sha256 mode size path`, one file a line.

    Raises:
        BadInput: a file vanished or can't be read, or its name has a line break.
        StoreProblem: the disk is full.
    """
    store = blobs()
    lines: list[str] = []
    total = 0
    for file in files:
        if "\n" in file.path:
            raise BadInput(
                f"{file.path!r} can't be sent", "its name has a line break", "Rename or exclude it"
            )
        try:
            digest, size, mode = _keep(code / file.path, store)
        except FileNotFoundError as error:
            raise BadInput(
                f"{file.path} vanished while the snapshot was taken", str(error), "Try again"
            ) from error
        except PermissionError as error:
            raise BadInput(
                f"{file.path} can't be read", str(error), "Exclude it, or change its mode"
            ) from error
        except OSError as error:
            raise StoreProblem(
                "The snapshot could not be kept",
                f"{file.path}: {error.strerror}",
                "Free some disk space or quota",
            ) from error
        total += size
        lines.append(f"{digest} {mode:o} {size} {file.path}\n")
    text = "".join(lines)
    folder = paths.snapshots() / cid
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "manifest").write_text(text, encoding="utf-8")
    if diff:
        (folder / "changes.diff").write_text(diff, encoding="utf-8", errors="replace")
    return Snapshot(folder, len(lines), total, hashlib.sha256(text.encode()).hexdigest())


def _keep(source: Path, store: Path) -> tuple[str, int, int]:
    """Copy a file's content into the store. Returns its sha256, size and permission bits (644 or 755)."""
    fresh = store / f".{os.getpid()}-{os.urandom(6).hex()}"
    digest = hashlib.sha256()
    size = 0
    try:
        with source.open("rb") as reader, fresh.open("xb") as writer:
            mode = os.fstat(reader.fileno()).st_mode
            while block := reader.read(_BLOCK):
                digest.update(block)
                writer.write(block)
                size += len(block)
        name = digest.hexdigest()
        target = store / name[:2] / name
        if target.exists():
            fresh.unlink()
        else:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return name, size, 0o755 if mode & stat.S_IXUSR else 0o644
