"""A command line that does nothing: what parsing by click costs before any work."""

from __future__ import annotations

import click


@click.command()
def main() -> None:
    """Do nothing."""


if __name__ == "__main__":
    main()
