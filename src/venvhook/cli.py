"""The slow road: the table of commands, and the one place that prints errors."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from . import __version__
from .commands.options import Commands
from .errors import OutputError, complain, explained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_INTERRUPTED = 130

# What a standard stream is opened to that the caller has closed (``>&-``): reading there, and
# writing to stdout, fails as before; what is said on stderr goes nowhere.
_IN_PLACE_OF_CLOSED = (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_RDWR))

# Every command by its group in the help: name, module of ``commands``, what it does.
COMMANDS = {
    "Environments": (
        ("create", "create", "Make the project's environment, as the project wants it"),
        ("use", "use", "Use another environment for the project, wherever it lives"),
        ("run", "run", "Run a command in the project's environment"),
        ("shellenv", "run", "Print what 'run' sets, to be read by a shell"),
        ("which", "run", "Print the path of the environment's Python"),
        ("list", "inventory", "List environments, and what state they are in"),
        ("prune", "inventory", "Remove environments that are broken or left behind"),
    ),
    "What is used": (
        ("status", "status", "Show the environment here, and whether it is used"),
        ("why", "status", "Show step by step why one is used, or is not"),
        ("allow", "trust", "Use an environment although it was not made here"),
        ("deny", "trust", "Never use one here"),
        ("revoke", "trust", "Take 'allow' or 'deny' back"),
        ("ignore", "ignore", "Use none in a directory and below, for good"),
    ),
    "Venvhook itself": (
        ("off", "switch", "Switch venvhook off in this shell"),
        ("on", "switch", "Switch it on again"),
        ("config", "config", "Show and change settings"),
        ("guard", "guard", "Let pip refuse to install outside of environments"),
        ("doctor", "doctor", "Look for what is wrong, and say what to do"),
        ("install", "setup", "Load the hook from the shells' startup files"),
        ("uninstall", "setup", "Take all of it out again"),
        ("init", "setup", "Print what loads the hook into a shell"),
        ("completion", "completion", "Print what completes commands in a shell"),
    ),
}
_ROWS = {row[0]: row for rows in COMMANDS.values() for row in rows}
# Commands that share a line of the help, by the first of them, so that it fits a screen.
_SHARED = {
    "off": (("off", "on"), "Switch venvhook off in this shell, and on again"),
    "install": (("install", "uninstall"), "Load the hook from startup files; take all out again"),
    "init": (("init", "completion"), "Print what loads the hook, or completes commands"),
}


class _Commands(Commands):
    """The commands of the table, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of all commands, in the order of the table."""
        return list(_ROWS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command *cmd_name*, or None where there is none."""
        if cmd_name not in _ROWS:
            return None
        module = importlib.import_module(f".commands.{_ROWS[cmd_name][1]}", __package__)
        found: click.Command = getattr(module, f"{cmd_name}_command", None) or getattr(
            module, cmd_name
        )
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin with *incomplete*, without importing any."""
        found = [
            CompletionItem(name, help=summary)
            for name, _module, summary in _ROWS.values()
            if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the help of all commands: no longer than a screen of 24 lines."""
        formatter.write("Usage: venvhook COMMAND ...\n")
        for group, rows in COMMANDS.items():
            formatter.write(f"{group}\n")
            for names, summary in _help_lines(rows):
                formatter.write(f"  {', '.join(names):<18} {summary}\n")
        formatter.write("'venvhook COMMAND --help' shows how, with examples.\n")


def _help_lines(rows: Iterable[tuple[str, str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the lines of the help about *rows*: the names of commands, and what they do."""
    later = {name for names, _summary in _SHARED.values() for name in names[1:]}
    for name, _module, summary in rows:
        if name not in later:
            yield _SHARED.get(name, ((name,), summary))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="venvhook %(version)s")
def commands() -> None:
    """Activate a project's Python environment when you cd into it."""


def main() -> None:
    """Run the command in ``sys.argv`` and exit.

    Exits with 0 if all was done, 1 for a failure, 2 for a wrong call, 130 if interrupted.
    """
    _open_closed_streams()
    _prepare_output()
    # click would raise the help of a bare 'venvhook' as an error.
    sys.exit(_run(sys.argv[1:] or ["--help"]))


def _run(words: list[str]) -> int:
    """Run the command in *words*, say what goes wrong, and return the exit status."""
    try:
        status = commands.main(words, prog_name="venvhook", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except click.UsageError as error:
        complain(f"{_sentence(error.format_message())} See '{_help_of(error)}'.")
        return error.exit_code
    except Exception as error:
        status = explained(error)
        if isinstance(error, OSError | OutputError):
            _discard_output()
    return status or 0


def _sentence(text: str) -> str:
    """Return *text* with what ends a sentence: click ends some, and some with a question."""
    return text if text.endswith((".", "?", "?)")) else f"{text}."


def _help_of(error: click.UsageError) -> str:
    """Return the command that shows how what failed with *error* is called."""
    return f"{error.ctx.command_path} --help" if error.ctx is not None else "venvhook --help"


def _open_closed_streams() -> None:
    """Open what is closed of stdin, stdout and stderr, before another file gets its number."""
    for number, (name, flags) in enumerate(_IN_PLACE_OF_CLOSED):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # until the end


class _Output(io.FileIO):
    """Standard output, which says so itself where it cannot be written."""

    def write(self, text: ReadableBuffer) -> int:
        """Write *text*. Raises OutputError; BrokenPipeError is for click, which knows it."""
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error) from error


def _prepare_output() -> None:
    """Have stdout say what is wrong with it, and show what the locale cannot."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        return
    if os.name != "nt":  # where a console is no file
        buffered, lines = io.BufferedWriter(_Output(1, "w", closefd=False)), stream.line_buffering
        sys.stdout = stream = io.TextIOWrapper(buffered, stream.encoding, line_buffering=lines)
    # A name that the locale cannot show is no reason to fail.
    stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Let what is left to be written go nowhere: Python would complain of it again at its end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
