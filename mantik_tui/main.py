"""The composition root: decides what this process is and wires it together. The only module that may import every room."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

COMPLETION = "_MANTIK_TUI_COMPLETE"
"""Set by the shell's completion, which runs the command without arguments to ask for words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the command `mantik-tui`. Without arguments, the full-screen app; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:2] == ["engine", "run"]:
        from mantik_tui.sync.engine import run_engine

        return run_engine(keep="--keep" in arguments)
    if arguments in ([], ["tui"]) and COMPLETION not in os.environ:
        return run_app()
    from mantik_tui.cli import run_command

    return run_command(arguments, start_engine)


def start_engine() -> Any:
    """Start an engine as a process of its own, or where none can be made, inside this one."""
    from mantik_tui.sync.inside import spawn_or_inside

    return spawn_or_inside()


def run_app(workspace: str | None = None, *, demo: bool = False) -> int:
    """Open the full-screen app on a workspace, by default the configured one."""
    import gc

    gc.disable()  # until the first paint, which it would delay by a twentieth; the app takes it up again
    from mantik_tui.app import MantikApp
    from mantik_tui.domain.errors import MantikError
    from mantik_tui.workspace.session import open_session

    try:
        session = open_session(workspace, spawn=start_engine)
    except MantikError as error:
        from mantik_tui.cli.failure import tell

        return tell(error)
    app = MantikApp(session, start_demo=demo)
    app.run(mouse=session.settings.mouse)
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
