"""P22: what an installation weighs, in bytes and files: homes on clusters have quotas for both."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Row, ratio_row, stated
from tests.bench.places import BIN, ROOT, cache, drop_old, keep, scratch, stamp_of
from tests.bench.sizes import Sizes

KINDS = {
    "base": "{wheel}",
    "with `server`": "{wheel}[server]",
    "full mlflow": "mlflow textual",
}
"""What is installed into an environment of its own, at the versions of the lock."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Weight:
    mb: float
    files: int

    @property
    def words(self) -> str:
        return f"{self.mb:,.0f} MB, {self.files:,} files"


def weights(sizes: Sizes) -> list[Row]:
    """P22. In clean environments; a quick look counts the files of this environment's packages instead."""
    try:
        found = _counted() if sizes.quick else _installed()
        how = (
            "counted from the records of installed packages"
            if sizes.quick
            else "clean environments, compiled"
        )
    except (subprocess.SubprocessError, OSError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        found, how = _counted(), f"counted from records, since installing failed: {words[-1][:120]}"
    base, server, full = (found[name] for name in KINDS)
    beside = "full `mlflow` with Textual"
    return [
        ratio_row(
            "P22",
            "installed size, base",
            mine=base.mb,
            peer=full.mb,
            limit=0.33,
            unit="MB",
            beside=beside,
            detail=f"; {how}",
        ),
        ratio_row(
            "P22",
            "number of files, base",
            mine=base.files,
            peer=full.files,
            limit=0.5,
            unit="",
            beside=beside,
        ),
        stated("P22", "with the extra `server`", server.words, beside=f"{full.words}: {beside}"),
    ]


def _installed() -> dict[str, Weight]:
    """Each kind in an environment of its own, kept for the next time by the lock's content."""
    stamp = stamp_of(ROOT / "requirements" / "dev.lock", ROOT / "pyproject.toml")
    found = {}
    with scratch() as folder:
        wheel = _wheel(folder)
        pins = folder / "pins.txt"
        lines = (ROOT / "requirements" / "dev.lock").read_text().splitlines()
        pins.write_text("\n".join(_pins(lines)) + "\n")
        for number, (name, wanted) in enumerate(KINDS.items()):
            place = cache() / f"weight-{number}-{stamp}"
            if not place.is_dir():
                drop_old(f"weight-{number}-*")
                _install(place, wanted.format(wheel=wheel).split(), pins)
            found[name] = _weigh(_packages(place))
    return found


def _pins(lines: Iterable[str]) -> list[str]:
    """Versions without hashes; the markers stay, for a package may have a version for each Python."""
    return [line.rstrip(" \\") for line in lines if "==" in line and "--hash" not in line]


def _wheel(folder: Path) -> Path:
    """The wheel of what Git knows."""
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder / "dist"),
            str(source),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = (folder / "dist").glob("*.whl")
    return built


def _install(place: Path, wanted: list[str], pins: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=cache(), prefix="draft-"))
    draft = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(draft)], check=True, capture_output=True)
    subprocess.run(
        [
            str(draft / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "-c",
            str(pins),
            *wanted,
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    shutil.rmtree(_packages(draft) / "pip", ignore_errors=True)  # an installer, not ours
    keep(draft, place)
    folder.rmdir()


def _packages(place: Path) -> Path:
    (found,) = place.glob("lib/python*/site-packages")
    return found


def _weigh(folder: Path) -> Weight:
    total = files = 0
    for where, _folders, names in os.walk(folder):
        for name in names:
            files += 1
            total += (Path(where) / name).lstat().st_size
    return Weight(total / 1e6, files)


def _counted() -> dict[str, Weight]:
    """By the records of the packages in this environment."""
    own = importlib.metadata.requires("mantik-tui") or []
    base = _closure(line for line in own if "extra ==" not in line)
    server = base | _closure(["mlflow"])
    return {
        name: _recorded(names)
        for name, names in zip(KINDS, (base, server, _closure(["mlflow", "textual"])), strict=True)
    }


def _closure(wanted: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        match = _NAME.match(waiting.pop())
        name = match.group().lower().replace("_", "-").replace(".", "-") if match else ""
        if not name or name in found:
            continue
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # only for other systems
        found.add(name)
        waiting += [line for line in needed if "extra ==" not in line]
    return found


def _recorded(names: Iterable[str]) -> Weight:
    places = {
        Path(str(file.locate())) for name in names for file in importlib.metadata.files(name) or ()
    }
    there = [place for place in places if BIN not in place.parents and place.is_file()]
    return Weight(sum(place.stat().st_size for place in there) / 1e6, len(there))
