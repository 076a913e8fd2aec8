"""The slow road: the commands that are not called by a shell, and the one place that prints errors.

The only importer of click.
"""

from __future__ import annotations

import os
import sys

import click

from . import __version__
from .detect import chosen_shells, current_shell, installed_shells
from .errors import VenvhookError, complain
from .init import init_text
from .installation import install as install_blocks
from .installation import install_launcher, lines_to_add, tell, uninstall
from .launcher import command_path
from .shells import shell_named, shell_names

_INTERRUPTED = 130


def main() -> None:
    """Run the command in ``sys.argv`` and exit.

    Exits with 0 if all was done, 1 for a failure, 2 for a wrong call, 130 if interrupted.
    """
    # click would raise the help of a bare 'venvhook' as an error.
    words = sys.argv[1:] or ["--help"]
    try:
        status = commands.main(words, prog_name="venvhook", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except click.UsageError as error:
        complain(f"{error.format_message()} See 'venvhook --help'.")
        status = error.exit_code
    except VenvhookError as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        complain(str(error))
        status = error.exit_code
    except Exception as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        complain(f"failed ({type(error).__name__}: {error}); VENVHOOK_DEBUG=1 shows where")
        status = 1
    sys.exit(status)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  venvhook install                    set up every shell that is on this machine
  venvhook install --shells bash,zsh  set up these two
  eval "$(venvhook init zsh)"         load the hook into this zsh only
  venvhook uninstall                  take all of it out again""",
)
@click.version_option(__version__, message="venvhook %(version)s")
def commands() -> None:
    """Activate a project's Python environment when you cd into it.

    In bash, zsh, fish and PowerShell.
    """


@commands.command(epilog='Example: eval "$(venvhook init bash)"')
@click.argument("shell", required=False, metavar="[SHELL]")
def init(shell: str | None) -> None:
    """Print what loads the hook into SHELL, by default the one that asks."""
    row = shell_named(shell) if shell else current_shell()
    if row is None:
        raise click.UsageError(f"No shell is called '{shell}'; there are {shell_names()}.")
    sys.stdout.buffer.write(init_text(row, os.environ))
    sys.stdout.buffer.flush()


@commands.command(
    epilog="""\b
Examples:
  venvhook install
  venvhook install --shells fish
  venvhook install --no-rc"""
)
@click.option("--shells", metavar="NAMES", help=f"Only these of {shell_names()}, between commas.")
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


@commands.command(name="uninstall")
def uninstall_command() -> int:
    """Take the blocks out of the startup files again, and remove the cache.

    Each file is left byte for byte as it was before 'venvhook install'. What install.sh made (the
    command and its private environment) is removed as well.
    """
    return tell(uninstall(installed_shells(os.environ), os.environ))
