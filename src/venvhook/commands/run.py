"""``run``, ``shellenv`` and ``which``: a project's environment without the hook."""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import CompletionItem

from ..caller import absolute
from ..detect import current_shell_name
from ..environment import BIN
from ..errors import UsageError, VenvhookError, is_harmless
from ..execution import execute
from ..nearest import Found, environment_at
from ..project import find_project
from ..shellenv import DIALECTS, Dialect, changes, lines
from ..shells import shell_named
from ..which import python_of
from .options import DIRECTORY, in_option, json_option
from .output import path_text, print_json

# What reads what POSIX says, and has no hook.
_POSIX = ("sh", "ash", "dash", "ksh", "mksh", "oksh", "posh", "yash")


class _RunCommand(click.Command):
    """A command of which all that follows its first word is that word's."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the options of ``run``, or none once there is a command."""
        if ctx.params.get("command"):
            return [CompletionItem(incomplete, type="file")]
        return super().shell_complete(ctx, incomplete)


def _complete_command(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the environment's programs for the first word; files after it, and where none fits."""
    programs: list[str] = []
    if not ctx.params.get("command") and "/" not in incomplete:
        programs = _programs(ctx.params.get("directory"), incomplete)
    return [CompletionItem(name) for name in programs] or [CompletionItem(incomplete, type="file")]


def _programs(directory: bytes | None, prefix: str) -> list[str]:
    """Return the names of the environment's programs that begin with *prefix*."""
    try:
        # Words come as they were typed.
        project = find_project(directory and os.path.expanduser(directory), os.environ)
        project.required_marker()
        folder = os.path.join(project.environment, BIN)
        with os.scandir(folder) as entries:
            names = sorted(os.fsdecode(e.name) for e in entries if os.access(e.path, os.X_OK))
    except (VenvhookError, OSError):
        return []
    # A line break would be two names.
    return [n for n in names if n.startswith(prefix) and all(is_harmless(ord(c)) for c in n)]


@click.command(
    cls=_RunCommand,
    context_settings={"allow_interspersed_args": False},
    options_metavar="[--in DIR] [--]",
    epilog="""\b
Examples:
  venvhook run python -m pytest -q
  venvhook run --in ~/app -- python job.py     (in a crontab)
  venvhook run bash""",
)
@click.option(
    "--in", "directory", type=DIRECTORY, metavar="DIR", help="Change into DIR first, as 'git -C'."
)
@click.argument(
    "command",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="COMMAND [ARGUMENTS]...",
    shell_complete=_complete_command,
)
def run(directory: bytes | None, command: tuple[str, ...]) -> int:
    """Run a command in the project's environment, without any hook.

    The command takes this process's place: its input, its output, signals and exit status are its
    own. All that follows it is the command's. Exit status 127: there is no such command; 126: it
    cannot be executed; 1: the environment is missing or may not be used, or the command's own.
    """
    return execute([os.fsencode(word) for word in command], directory or b"", os.environ)


@click.command(
    epilog="""\b
Examples:
  eval "$(venvhook shellenv)"
  venvhook shellenv --shell fish | source
  venvhook shellenv --in ~/app --json"""
)
@in_option
@click.option(
    "--shell",
    metavar="NAME",
    type=click.Choice([*DIALECTS, "pwsh"]),
    help=f"For {', '.join(DIALECTS)}; by default the one that asks.",
)
@json_option
def shellenv(directory: bytes | None, shell: str | None, as_json: bool) -> int:
    """Print what 'run' sets, as lines that a shell can read."""
    found = _found(directory)
    values = changes(found, os.environ)
    if as_json:
        return print_json({**_facts(found), "variables": values})
    sys.stdout.buffer.write(lines(values, os.environ, _dialect(shell)))
    sys.stdout.buffer.flush()
    return 0


@click.command(
    epilog="""\b
Examples:
  "$(venvhook which)" -m pip list
  venvhook which --in ~/app"""
)
@in_option
@json_option
def which(directory: bytes | None, as_json: bool) -> int:
    """Print the path of the environment's Python, and nothing else."""
    found = _found(directory)
    if as_json:
        return print_json(_facts(found))
    sys.stdout.buffer.write(python_of(found.environment) + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _found(directory: bytes | None) -> Found:
    """Return the environment of the project at *directory*, by default the working directory."""
    return environment_at(absolute(directory or b".", os.environ), os.environ)


def _facts(found: Found) -> dict[str, object]:
    return {
        "project": path_text(found.root),
        "environment": path_text(found.environment.path),
        "python": path_text(python_of(found.environment)),
    }


def _dialect(given: str | None) -> Dialect:
    """Return how to tell the shell called *given*, by default the one that asks."""
    name = given or current_shell_name()
    shell = shell_named(name)
    if shell is not None:
        return DIALECTS[shell.name]
    if name in _POSIX:
        return DIALECTS["sh"]
    raise UsageError(f"this shell is {name}; name one that it understands with --shell")
