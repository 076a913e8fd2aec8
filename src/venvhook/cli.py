"""The slow road: the commands that are not called by a shell, and the one place that prints errors.

The only importer of click.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from . import __version__, permission
from .detect import chosen_shells, current_shell, installed_shells
from .errors import VenvhookError, complain, shown
from .explanation import explain, status_lines, why_lines
from .init import init_text
from .installation import install as install_blocks
from .installation import install_launcher, lines_to_add, tell, uninstall
from .launcher import command_path
from .project import find_project
from .shells import shell_named, shell_names

_INTERRUPTED = 130


class _Path(click.Path):
    """A path as bytes; an empty one is a mistake, often a variable that is not set."""

    # Any: as click has it, which takes what callers give as a default too.
    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> bytes:
        """Return *value* as bytes. Raises click.UsageError for an empty one."""
        if not value:
            self.fail("is empty; name a directory.", param, ctx)
        return os.fsencode(super().convert(value, param, ctx))


_PATH = _Path(path_type=bytes)


def main() -> None:
    """Run the command in ``sys.argv`` and exit.

    Exits with 0 if all was done, 1 for a failure, 2 for a wrong call, 130 if interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the locale cannot show is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    # click would raise the help of a bare 'venvhook' as an error.
    words = sys.argv[1:] or ["--help"]
    try:
        status = commands.main(words, prog_name="venvhook", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except click.UsageError as error:
        complain(f"{error.format_message().rstrip('.')}. See 'venvhook --help'.")
        status = error.exit_code
    except VenvhookError as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        complain(str(error))
        status = error.exit_code
    except OSError as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        complain(f"cannot go on ({error.strerror}{_of_file(error)}); VENVHOOK_DEBUG=1 shows where")
        status = 1
        _discard_output()
    except Exception as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        complain(f"failed ({type(error).__name__}: {error}); VENVHOOK_DEBUG=1 shows where")
        status = 1
    sys.exit(status)


def _of_file(error: OSError) -> str:
    """Return which file *error* is about, after a colon, or nothing."""
    return f": {shown(os.fsencode(error.filename))}" if error.filename else ""


def _discard_output() -> None:
    """Let what is left to be written go nowhere: Python would complain of it again at its end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  venvhook install                    set up every shell that is on this machine
  venvhook install --shells bash,zsh  set up these two
  eval "$(venvhook init zsh)"         load the hook into this zsh only
  venvhook why                        is an environment used here, and why or why not
  venvhook allow                      use the one here, although it was not made here
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


@commands.command(
    epilog="""\b
Examples:
  venvhook allow                  the environment of the project here
  venvhook allow ~/app            of that project
  venvhook allow --shared         although others can write it
  venvhook allow --under ~/work   all that was made elsewhere, below that directory
  venvhook allow --list"""
)
@click.argument("path", required=False, type=_PATH, metavar="[PATH]")
@click.option("--shared", is_flag=True, help="Although others than you and root can write it.")
@click.option(
    "--under", type=_PATH, metavar="DIR", help="Below DIR, it does not matter where one was made."
)
@click.option("--list", "listing", is_flag=True, help="List what you allowed and denied.")
@click.option("--all", "accepted", is_flag=True, help="With --list: also what was used unasked.")
@click.option("--prune", is_flag=True, help="Forget decisions about what is gone, or damaged.")
def allow(
    path: bytes | None,
    shared: bool,
    under: bytes | None,
    listing: bool,
    accepted: bool,
    prune: bool,
) -> int:
    """Let the environment of a project be used, although it was not made here.

    PATH is a project, an environment, or a directory below; by default the working directory. What
    is set aside is shown.
    """
    chosen = [path is not None or shared, under is not None, listing, prune]
    if sum(chosen) > 1 or (accepted and not listing):
        raise click.UsageError(
            "PATH with --shared, --under, --list and --prune do not go together."
        )
    state = permission.open_state(os.environ)
    if listing:
        lines, complaints = permission.list_decisions(state, accepted)
        _print(lines)
        for complaint in complaints:
            complain(complaint)
        return 1 if complaints else 0
    if prune:
        return _print(permission.prune(state))
    if under is not None:
        return _print(permission.allow_under(under, os.environ, state))
    return _print(permission.allow(find_project(path, os.environ), state, shared))


@commands.command(epilog="Example: venvhook deny ~/clones/strange")
@click.argument("path", required=False, type=_PATH, metavar="[PATH]")
def deny(path: bytes | None) -> int:
    """Never use an environment of a project, and say nothing of it.

    PATH is a project or a directory below; by default the working directory.
    """
    state = permission.open_state(os.environ)
    return _print(permission.deny(find_project(path, os.environ), state))


@commands.command(
    epilog="""\b
Examples:
  venvhook revoke
  venvhook revoke ~/app
  venvhook revoke --under ~/work"""
)
@click.argument("path", required=False, type=_PATH, metavar="[PATH]")
@click.option("--under", type=_PATH, metavar="DIR", help="What 'allow --under DIR' said.")
def revoke(path: bytes | None, under: bytes | None) -> int:
    """Forget what was decided about a project and its environment, by 'allow' or 'deny'.

    PATH is a project, an environment, or a directory below; by default the working directory.
    """
    if path is not None and under is not None:
        raise click.UsageError("PATH and --under do not go together.")
    state = permission.open_state(os.environ)
    if under is not None:
        return _print(permission.revoke_under(under, os.environ, state))
    return _print(permission.revoke(path, os.environ, state))


@commands.command()
def status() -> int:
    """Show the project here, its environment, and whether it is used."""
    told = explain(find_project(None, os.environ), os.environ)
    return _print(status_lines(told, os.environ))


@commands.command(epilog="Example: venvhook why ~/app")
@click.argument("path", required=False, type=_PATH, metavar="[PATH]")
def why(path: bytes | None) -> int:
    """Show step by step why an environment is used, or is not.

    PATH is a project, an environment, or a directory below; by default the working directory.
    """
    told = explain(find_project(path, os.environ), os.environ)
    return _print(why_lines(told, os.environ))


def _print(lines: list[str]) -> int:
    """Print *lines*; return 0, the status of what was done."""
    for line in lines:
        click.echo(line)
    return 0
