"""What ``venvhook init <shell>`` prints: a few quoted assignments, then the hook script's exact bytes."""

from __future__ import annotations

import os
import sys

from .errors import UsageError, run, shown
from .recipe import PROTOCOL, Draft, cache_directory, ensure_cache
from .shells import Shell, shell_named, shell_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_OPTION = "--keep"


def hook_script(shell: Shell) -> bytes:
    """Return the bytes of *shell*'s hook script: shipped beside the package, or in its checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(package, "shell"), os.path.join(package, "..", "..", "shell")):
        try:
            with open(os.path.join(folder, shell.script), "rb") as file:
                return file.read()
        except FileNotFoundError:
            continue
    raise UsageError(f"{shell.script} is missing from this installation; install venvhook again")


def init_text(shell: Shell, environ: Mapping[str, str]) -> bytes:
    """Return what loads the hook into *shell*."""
    cache = cache_directory(environ)
    if cache is None or not ensure_cache(cache):
        cache = b""
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    assignments = (
        (b"_VENVHOOK_PROTOCOL", PROTOCOL),
        (b"_VENVHOOK_PYTHON", os.fsencode(sys.executable)),
        (b"_VENVHOOK_SOURCE", os.fsencode(source)),
        (b"_VENVHOOK_CACHE", cache),
    )
    lines = [shell.assignment % (name, shell.quote(value)) for name, value in assignments]
    return b"".join(lines) + hook_script(shell)


def main() -> None:
    """Run ``init``."""
    run(respond)


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to ``[--keep FILE] <shell>``; with a file, keep it there as well.

    Raises UsageError for a shell that is not in the table.
    """
    keep = b""
    if words[:1] == [KEEP_OPTION] and len(words) > 1:
        keep, words = words[1], words[2:]
    if len(words) != 1:
        raise UsageError(f"usage: venvhook init <shell>, with one of {shell_names()}")
    shell = shell_named(os.fsdecode(words[0]))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(words[0])}'; there are {shell_names()}")
    text = init_text(shell, environ)
    if keep:
        _keep(keep, text, environ)
    return text


def _keep(path: bytes, text: bytes, environ: Mapping[str, str]) -> None:
    """Write *text* to *path* for the launcher, if that lies in a cache that is the user's alone."""
    cache = cache_directory(environ)
    if (
        cache is not None
        and ensure_cache(cache)
        and os.path.dirname(path) == os.path.dirname(cache)
    ):
        Draft(path).keep(text)
