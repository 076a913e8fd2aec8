"""What ``venvhook init <shell>`` prints: a few assignments, then the hook script.

That is its exact bytes, but for zsh lines that read its own file: see ``_reading``.
"""

from __future__ import annotations

import os
import sys

from .directories import cache_directory, session_directory, usable
from .errors import UsageError, run
from .recipe import PROTOCOL, Draft, recipe_cache
from .shells import Shell, require_shell, shell_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_OPTION = b"--keep"
# From rc files: what is printed is only read by that shell, so the launcher may print a line that
# sources what was kept. That saves starting cat.
SOURCE_OPTION = b"--source"


# For zsh. A text that 'eval' gets is parsed as a whole before its first line runs, with the user's
# aliases; so this one turns them off, and what would show each line of the script, by assignments,
# which call no command that could be redefined, and evaluates another. Ctrl-C leaves none off.
_UNDISTURBED = b"""\
_VENVHOOK_ALIASES=${options[aliases]} _VENVHOOK_VERBOSE=${options[verbose]}
_VENVHOOK_SOURCETRACE=${options[sourcetrace]}
{
options[aliases]=off options[verbose]=off options[sourcetrace]=off
\\eval $'%b'
} always {
options[aliases]=$_VENVHOOK_ALIASES options[verbose]=$_VENVHOOK_VERBOSE
options[sourcetrace]=$_VENVHOOK_SOURCETRACE
}
"""
_READ = b"""\
if [[ -r $_VENVHOOK_SOURCE/PATH ]]; then
builtin . "$_VENVHOOK_SOURCE/PATH"
else
builtin print -r "venvhook: $_VENVHOOK_SOURCE/PATH is gone; install venvhook again" >&2
fi
"""
# A function of the user's that is called 'builtin' is put aside, as in the script.
_READ_WITH_BUILTIN = b"""\
if (( ${+functions[builtin]} )); then
disable -f builtin
{
%b} always {
builtin enable -f builtin
}
else
%bfi"""


def shipped_script(name: str) -> bytes:
    """Return the bytes of the file *name* of ``shell/``. Raises UsageError where it is missing."""
    with open(os.path.join(_source(), _script_path(name)), "rb") as file:
        return file.read()


def _script_path(name: str) -> str:
    """Return where the file *name* of ``shell/`` is: beside the package, or in its checkout."""
    for folder in ("venvhook/shell", "venvhook/../../shell"):
        path = f"{folder}/{name}"
        if os.path.isfile(os.path.join(_source(), path)):
            return path
    raise UsageError(f"{name} is missing from this installation; install venvhook again")


def _source() -> str:
    """Return the directory that holds the package."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def init_text(shell: Shell, environ: Mapping[str, str]) -> bytes:
    """Return what loads the hook into *shell*."""
    cache = recipe_cache(environ)
    sessions = None if cache is None else session_directory(environ)
    assignments = (
        (b"_VENVHOOK_PROTOCOL", PROTOCOL),
        (b"_VENVHOOK_PYTHON", os.fsencode(sys.executable)),
        (b"_VENVHOOK_SOURCE", os.fsencode(_source())),
        (b"_VENVHOOK_CACHE", cache or b""),
        (b"_VENVHOOK_SESSION", sessions or b""),
    )
    lines = [shell.assignment % (name, shell.quote(value)) for name, value in assignments]
    end = _reading if shell.name == "zsh" else shipped_script
    return b"".join(lines) + end(shell.script)


def _reading(name: str) -> bytes:
    """Return a text of zsh that reads the script *name* while no alias of the user's is expanded.

    Quoted in it, or evaluated by it, the script takes zsh 7 ms to parse; read from its file, 2. All
    in one line, since with ``csh_junkie_quotes`` no quotes may hold a newline.
    """
    read = _READ.replace(b"PATH", os.fsencode(_script_path(name)))
    return _UNDISTURBED % (_READ_WITH_BUILTIN % (read, read)).replace(b"\n", b"\\n")


def main() -> None:
    """Run ``init``."""
    run(respond)


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to ``[--keep FILE] <shell> [--source]``; with a file, keep it there too.

    Raises UsageError for a shell that is not in the table.
    """
    keep = b""
    if words[:1] == [KEEP_OPTION] and len(words) > 1:
        keep, words = words[1], words[2:]
    if words[1:] == [SOURCE_OPTION]:
        del words[1]
    if len(words) != 1:
        raise UsageError(f"usage: venvhook init <shell>, with one of {shell_names()}")
    shell = require_shell(words[0])
    # Made before anything is read, so that an upgrade meanwhile is newer than what is kept.
    draft = Draft(keep if keep and _may_keep(keep, environ) else None)
    try:
        text = init_text(shell, environ)
    except UsageError:
        draft.drop()
        raise
    draft.keep(text)
    return text


def _may_keep(path: bytes, environ: Mapping[str, str]) -> bool:
    """Return whether *path*, for the launcher, lies in a cache that is the user's alone."""
    cache = usable(cache_directory(environ), environ)
    return cache is not None and os.path.dirname(path) == cache
