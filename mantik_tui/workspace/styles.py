"""Where the style files are: inside the package when it was installed from a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def package_folder(name: str) -> Path:
    """The folder `styles` or `examples`, wherever this installation has it.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    package = Path(__file__).parent.parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name} of mantik-tui is missing from this installation")


_FIRST = ("base", "projects", "welcome")


def first_style_files() -> list[str | Path]:
    """What the first screen needs; the others are read after the first paint."""
    return [file for file in style_files() if Path(file).stem in _FIRST]


def style_files() -> list[str | Path]:
    """All style files, `base.tcss` first."""
    files = sorted(
        package_folder("styles").glob("*.tcss"), key=lambda file: (file.stem != "base", file.stem)
    )
    return list(files)
