"""What ``venvhook init <shell>`` prints: a few assignments, then the hook script's exact bytes."""

from __future__ import annotations

import os
import sys

from .directories import cache_directory, session_directory, usable
from .errors import UsageError, run, shown
from .recipe import PROTOCOL, Draft, recipe_cache
from .shells import Shell, shell_named, shell_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_OPTION = b"--keep"
# From rc files: what is printed is only read by that shell, so the launcher may print a line that
# sources what was kept. That saves starting cat.
SOURCE_OPTION = b"--source"


def shipped_script(name: str) -> bytes:
    """Return the bytes of the file *name* of ``shell/``: beside the package, or in its checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(package, "shell"), os.path.join(package, "..", "..", "shell")):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            continue
    raise UsageError(f"{name} is missing from this installation; install venvhook again")


def init_text(shell: Shell, environ: Mapping[str, str]) -> bytes:
    """Return what loads the hook into *shell*."""
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    cache = recipe_cache(environ)
    sessions = None if cache is None else session_directory(environ)
    assignments = (
        (b"_VENVHOOK_PROTOCOL", PROTOCOL),
        (b"_VENVHOOK_PYTHON", os.fsencode(sys.executable)),
        (b"_VENVHOOK_SOURCE", os.fsencode(source)),
        (b"_VENVHOOK_CACHE", cache or b""),
        (b"_VENVHOOK_SESSION", sessions or b""),
    )
    lines = [shell.assignment % (name, shell.quote(value)) for name, value in assignments]
    script = shipped_script(shell.script)
    return b"".join(lines) + (_without_aliases(script) if shell.name == "zsh" else script)


def _without_aliases(script: bytes) -> bytes:
    """Return a text of zsh that evaluates *script* while no alias of the user's is expanded.

    ``eval`` has parsed all of its argument before the first line of it runs, so this takes a second
    one. An assignment to ``options`` calls no command that could be redefined. In one line, since
    with ``csh_junkie_quotes`` no quotes may hold a newline. Ctrl-C does not leave them off.
    """
    for plain, escaped in ((b"\\", b"\\\\"), (b"'", b"\\'"), (b"\n", b"\\n")):
        script = script.replace(plain, escaped)
    return (
        b"_VENVHOOK_ALIASES=${options[aliases]}\n{\noptions[aliases]=off\n"
        b"\\eval $'%b'\n"
        b"} always {\noptions[aliases]=$_VENVHOOK_ALIASES\n}\n" % script
    )


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
    shell = shell_named(os.fsdecode(words[0]))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(words[0])}'; there are {shell_names()}")
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
