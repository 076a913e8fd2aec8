"""What ``run`` sets in the environment variables, and the same as lines for a shell to read."""

from __future__ import annotations

import os

from .environment import BIN, CONFIG
from .shells import SHELLS, quote_posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .nearest import Found

# How each shell exports a variable, and takes one away.
_LINES = {
    "bash": (b"export %b=%b\n", b"unset %b\n"),
    "zsh": (b"export %b=%b\n", b"unset %b\n"),
    "fish": (b"set -gx %b %b\n", b"set -e %b\n"),
    "powershell": (b"$env:%b = %b\n", b"Remove-Item Env:%b\n"),
    "sh": (b"export %b=%b\n", b"unset %b\n"),
}


class Dialect:
    """How the shell called *name* is told: lines to *export* and to *unset* a variable."""

    __slots__ = ("export", "name", "quote", "unset")

    def __init__(self, name: str, quote: Callable[[bytes], bytes]) -> None:
        self.name = name
        self.export, self.unset = _LINES[name]
        self.quote = quote


DIALECTS = {
    **{shell.name: Dialect(shell.name, shell.quote) for shell in SHELLS},
    # dash, busybox, ksh: whatever reads what POSIX says.
    "sh": Dialect("sh", quote_posix),
}


def changes(found: Found, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what to set in *environ* for the environment *found*; None: to take away.

    As the hook sets it, so that an interactive shell that is started with it can take it over.
    """
    path = os.fsdecode(found.environment.path)
    return {
        "VIRTUAL_ENV": path,
        "VIRTUAL_ENV_PROMPT": os.fsdecode(found.name),
        "PATH": _path(os.path.join(path, os.fsdecode(BIN)), environ),
        "VENVHOOK_ACTIVE": path,
        "PYTHONHOME": None,
    }


def _path(first: str, environ: Mapping[str, str]) -> str:
    """Return the PATH of *environ* with *first* before it, and no environment's that is active."""
    path = environ.get("PATH")
    if path is None:
        # Not nothing: whoever looks for a program then takes a default.
        path = os.defpath
    gone = {first, *_active_entry(environ)}
    entries = (entry for entry in path.split(os.pathsep) if entry not in gone)
    return os.pathsep.join([first, *entries])


def _active_entry(environ: Mapping[str, str]) -> list[str]:
    """Return the entry on PATH of the environment that is active, if there is one."""
    active = environ.get("VIRTUAL_ENV", "")
    if not active:
        return []
    # Ours goes also where it was deleted meanwhile; what another has set may be anything.
    if active != environ.get("VENVHOOK_ACTIVE") and not os.path.lexists(
        os.path.join(active, os.fsdecode(CONFIG))
    ):
        return []
    return [os.path.join(active, os.fsdecode(BIN))]


def changed(environ: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return *environ* with *changes*."""
    values = {**environ, **changes}
    return {name: value for name, value in values.items() if value is not None}


def lines(changes: Mapping[str, str | None], environ: Mapping[str, str], to: Dialect) -> bytes:
    """Return *changes* to *environ* as lines of the shell *to*."""
    text = b""
    for name, value in changes.items():
        variable = os.fsencode(name)
        if value is not None:
            text += to.export % (variable, to.quote(os.fsencode(value)))
        elif name in environ:
            text += to.unset % variable
    return text
