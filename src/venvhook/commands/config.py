"""``config``: shows the settings, and changes them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys

import click
from click.shell_completion import CompletionItem

from .. import settings
from ..config import DIRECTORIES, SETTINGS, SWITCH
from ..errors import UsageError, VenvhookError, complain, shown
from .options import Commands, json_option
from .output import confirm, path_text, print_json, print_lines, styled

# Tried in this order where neither VISUAL nor EDITOR is set.
_EDITORS = ("sensible-editor", "nano", "vi", "notepad")
# Where a source begins behind a value that is shorter.
_COLUMN = 30


# ---- Completion ----------------------------------------------------------------------------------


def _complete_name(
    ctx: click.Context,  # noqa: ARG001  # click's signature
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the settings that begin with *incomplete*."""
    return [
        CompletionItem(row.name, help=row.means)
        for row in SETTINGS
        if row.name.startswith(incomplete)
    ]


def _complete_value(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001  # click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return what the setting that stands before may be set to."""
    row = next((row for row in SETTINGS if row.name == ctx.params.get("name")), None)
    if row is None:
        return []
    if row.kind == DIRECTORIES:
        return [CompletionItem(incomplete, type="dir")]
    words = ("true", "false") if row.kind == SWITCH else row.choices
    if isinstance(row.default, tuple):
        words = tuple(map(os.fsdecode, row.default))
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


_name_argument = click.argument("name", shell_complete=_complete_name)


# ---- The commands --------------------------------------------------------------------------------


@click.group(
    "config",
    cls=Commands,
    invoke_without_command=True,
    epilog="""\b
Examples:
  venvhook config                        every setting, and where it is from
  venvhook config set auto_create ask
  venvhook config set names .venv my-env
  venvhook config edit""",
)
@json_option
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Show and change settings: those of config.toml, and of variables VENVHOOK_*.

    Without a command, as 'list'.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_settings, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"--json goes after '{ctx.invoked_subcommand}'.")


@config.command(
    "list",
    short_help="Show every setting, and where it is from",
    epilog="""\b
Examples:
  venvhook config list
  venvhook config list --json""",
)
@json_option
def list_settings(as_json: bool) -> int:
    """Show every setting, and where it is from: the default, a line of the file, or a variable.

    What is printed is a config.toml that sets all of it.
    """
    found = settings.entries(os.environ)
    path = settings.config_path(os.environ)
    if as_json:
        facts = {entry.setting.name: _facts(entry) for entry in found}
        return print_json({"file": path_text(path), "settings": facts})
    lines = [_line(entry) for entry in found]
    if settings.is_disregarded(os.environ):
        lines.append(f"# {shown(path)} is another user's, and does not count")
    return print_lines(lines)


def _line(entry: settings.Entry) -> str:
    """Return *entry* as a line of a config.toml, with its source."""
    line = f"{entry.setting.name} = {settings.text_of(entry.value)}".ljust(_COLUMN)
    origin = f"# {entry.origin}"
    return f"{line}  {origin if entry.source == settings.DEFAULT else styled(origin, 'green')}"


def _facts(entry: settings.Entry) -> dict[str, object]:
    """Return *entry* as JSON has it."""
    return {
        "value": _json_value(entry.value),
        "default": _json_value(entry.setting.default),
        "source": entry.source,
        "line": entry.line or None,
        "variable": entry.setting.variable,
    }


def _json_value(value: object) -> object:
    return [path_text(item) for item in value] if isinstance(value, tuple) else value


@config.command(
    short_help="Print one setting, for scripts",
    epilog="""\b
Examples:
  venvhook config get trust
  venvhook config get names --json""",
)
@_name_argument
@json_option
def get(name: str, as_json: bool) -> int:
    """Print the value of the setting NAME that counts; of a list, an item a line."""
    setting = settings.setting_named(name)
    entry = next(entry for entry in settings.entries(os.environ) if entry.setting is setting)
    if as_json:
        return print_json({"name": name, **_facts(entry)})
    items = entry.value if isinstance(entry.value, tuple) else (_word(entry.value),)
    # Bytes as they are: this is for scripts.
    click.echo(b"".join(item + b"\n" for item in items), nl=False)
    return 0


def _word(value: str | bool) -> bytes:
    """Return *value* as it is typed."""
    return str(value).lower().encode() if isinstance(value, bool) else value.encode()


@config.command(
    "set",
    # A word that begins with '-' is no option of ours, so that it is told as a wrong value.
    context_settings={"ignore_unknown_options": True},
    short_help="Change a setting in config.toml",
    epilog="""\b
Examples:
  venvhook config set trust ask
  venvhook config set notice false
  venvhook config set names .venv my-env
  venvhook config set auto_create_under ~/work ~/play""",
)
@_name_argument
@click.argument(
    "values", nargs=-1, required=True, metavar="VALUE...", shell_complete=_complete_value
)
def set_command(name: str, values: tuple[str, ...]) -> int:
    """Set NAME to VALUE in config.toml; a list takes several. Comments and order there stay.

    Shells that run follow at their next prompt or change of directory.
    """
    words = tuple(os.fsencode(value) for value in values)
    return _tell(*settings.set_value(name, words, os.environ))


@config.command(
    short_help="Take a setting out of it again",
    epilog="Example: venvhook config unset trust",
)
@_name_argument
def unset(name: str) -> int:
    """Take NAME out of config.toml, so that it is as by default; also what is no setting."""
    return _tell(*settings.unset(name, os.environ))


def _tell(done: list[str], mistake: str) -> int:
    """Print what was *done*, and the *mistake* that the file still has; return the status."""
    print_lines(done)
    if mistake:
        complain(mistake)
    return 1 if mistake else 0


@config.command(short_help="Print where it is", epilog='Example: cat "$(venvhook config path)"')
def path() -> int:
    """Print the path of config.toml, whether or not it is there."""
    click.echo(settings.config_path(os.environ))
    return 0


# ---- In an editor --------------------------------------------------------------------------------


@config.command(
    short_help="Open it in your editor",
    epilog="""\b
Examples:
  venvhook config edit
  EDITOR='code --wait' venvhook config edit""",
)
def edit() -> int:
    """Open a copy of config.toml in $VISUAL or $EDITOR; it counts once it has no mistake."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise VenvhookError("an editor needs a terminal; use 'venvhook config set'")
    editor = _editor()
    draft = settings.Draft(os.environ)
    while True:
        failed = _run(editor, draft.path)
        if draft.is_unchanged():
            draft.discard()
            if failed:
                raise VenvhookError(failed)
            return print_lines(["nothing was changed"])
        mistake = failed or draft.mistake()
        if not mistake:
            return print_lines([draft.accept()])
        complain(mistake)
        if failed or not _wants_to_go_on(draft):
            raise VenvhookError(f"nothing was changed; what you wrote is in {shown(draft.path)}")


def _wants_to_go_on(draft: settings.Draft) -> bool:
    """Return whether the user wants to mend *draft*. Raises click.Abort for Ctrl-C."""
    try:
        return confirm("Edit it again?")
    except click.Abort:
        complain(f"nothing was changed; what you wrote is in {shown(draft.path)}")
        raise


def _editor() -> list[str]:
    """Return the words of the editor's command. Raises VenvhookError where there is none."""
    for variable in ("VISUAL", "EDITOR"):
        text = os.environ.get(variable, "").strip()
        if text:
            try:
                return shlex.split(text, posix=os.name != "nt")
            except ValueError as error:
                raise UsageError(f"{variable} is not understood ({error}); set it anew") from None
    found = next(filter(None, map(shutil.which, _EDITORS)), None)
    if found is None:
        raise VenvhookError("no editor was found; set EDITOR")
    return [found]


def _run(editor: list[str], path: bytes) -> str:
    """Run *editor* on the file *path*; return how it failed, or nothing."""
    # Ctrl-C is the editor's; it gets the default back when it starts, which SIG_IGN would not be.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        ran = subprocess.run([*map(os.fsencode, editor), path], check=False)  # noqa: S603  # his
    except OSError as error:
        what = shown(os.fsencode(editor[0]))
        return f"'{what}' cannot be run ({error.strerror}); set EDITOR"
    finally:
        signal.signal(signal.SIGINT, before)
    return f"the editor failed (status {ran.returncode})" if ran.returncode else ""
