"""`mantik-tui completion`: the script that lets a shell complete commands, options and names."""

from __future__ import annotations

import click

from mantik_tui.cli.output import write

_HOW = """\
Print the completion script of a shell.

\b
bash  echo 'eval "$(mantik-tui completion bash)"' >> ~/.bashrc
zsh   echo 'eval "$(mantik-tui completion zsh)"' >> ~/.zshrc
fish  mantik-tui completion fish > ~/.config/fish/completions/mantik-tui.fish
"""


@click.command("completion", help=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    from click.shell_completion import get_completion_class

    from mantik_tui.main import COMPLETION

    root = ctx.find_root()
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(root.command, {}, root.info_name or "mantik-tui", COMPLETION)
    write(made.source_template % made.source_vars() + "\n")
