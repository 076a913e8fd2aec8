"""``completion``: what completes venvhook's command lines in a shell."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from ..detect import current_shell
from ..init import shipped_script
from ..shells import shell_named, shell_names
from .options import complete_shells

# As click derives it from the command's name.
_VARIABLE = "_VENVHOOK_COMPLETE"
_SCRIPTS = {"powershell": "venvhook.completion.ps1"}
# fish: what click answers is "kind,value", and its text takes that apart at each comma.
_FISH_MENDED = ('string split ","', 'string split -m 1 ","')


@click.command(
    epilog="""\b
Examples:
  venvhook completion bash
  venvhook completion fish > ~/.config/fish/completions/venvhook.fish

What 'venvhook init' prints does this by itself, the first time that Tab is pressed."""
)
@click.argument("shell", required=False, metavar="[SHELL]", shell_complete=complete_shells)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print what completes venvhook's command lines in SHELL, by default the one that asks.

    For bash 4.4 and later, zsh, fish and PowerShell.
    """
    row = shell_named(shell) if shell else current_shell()
    if row is None:
        raise click.UsageError(f"No shell is called '{shell}'; there are {shell_names()}.")
    sys.stdout.buffer.write(_text(row.name, ctx.find_root().command))
    sys.stdout.buffer.flush()


def _text(shell: str, commands: click.Command) -> bytes:
    """Return the text for *shell*: click's own, except where that has none in all its versions."""
    if shell in _SCRIPTS:
        return shipped_script(_SCRIPTS[shell])
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click completes nothing in {shell}.")
    text = found(commands, {}, "venvhook", _VARIABLE).source()
    return (text.replace(*_FISH_MENDED) if shell == "fish" else text).encode()
