"""``init``, ``install`` and ``uninstall``: the hook in the shells."""

from __future__ import annotations

import os
import sys

import click

from ..detect import chosen_shells, current_shell, installed_shells
from ..errors import VenvhookError
from ..init import init_text
from ..installation import install as install_blocks
from ..installation import install_launcher, lines_to_add, tell
from ..installation import uninstall as remove_all
from ..launcher import command_path
from ..shells import shell_named, shell_names
from .options import complete_several_shells, complete_shells


@click.command(epilog='Example: eval "$(venvhook init bash)"')
@click.argument("shell", required=False, metavar="[SHELL]", shell_complete=complete_shells)
def init(shell: str | None) -> None:
    """Print what loads the hook into SHELL, by default the one that asks."""
    row = shell_named(shell) if shell else current_shell()
    if row is None:
        raise click.UsageError(f"No shell is called '{shell}'; there are {shell_names()}.")
    sys.stdout.buffer.write(init_text(row, os.environ))
    sys.stdout.buffer.flush()


@click.command(
    epilog="""\b
Examples:
  venvhook install
  venvhook install --shells fish
  venvhook install --no-rc"""
)
@click.option(
    "--shells",
    metavar="NAMES",
    shell_complete=complete_several_shells,
    help=f"Only these of {shell_names()}, between commas.",
)
@click.option("--no-rc", is_flag=True, help="Edit no file, and show the lines to add.")
@click.option("--launcher", type=click.Path(), hidden=True, help="Where install.sh wants it.")
def install(shells: str | None, no_rc: bool, launcher: str | None) -> int:
    """Load the hook from the shells' startup files, and try it in each.

    A marked block is added to ~/.bashrc (on macOS also to a login shell's file), .zshrc, fish's
    conf.d/venvhook.fish and PowerShell's $PROFILE; a backup is made first.
    """
    executables = installed_shells(os.environ)
    names = ",".join(executables) if shells is None else shells
    if not names:
        raise VenvhookError("no shell that venvhook knows is on PATH")
    chosen = chosen_shells(names, executables)
    status = 0
    if launcher is None:
        command = command_path(sys.argv[0], os.environ)
    else:
        command = os.fsencode(launcher)
        status = tell(install_launcher(command, os.environ))
    if no_rc:
        return status | tell(lines_to_add(chosen, command, os.environ))
    return status | tell(install_blocks(chosen, executables, command, os.environ))


@click.command(epilog="Example: venvhook uninstall")
def uninstall() -> int:
    """Take the blocks out of the startup files again, and remove the cache.

    Each file is left byte for byte as it was before 'venvhook install'. What install.sh made (the
    command and its private environment) is removed as well.
    """
    return tell(remove_all(installed_shells(os.environ), os.environ))
