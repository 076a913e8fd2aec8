"""Condition 3 of trust, "at home": the locations that an environment records, compared as text.

These are ``VIRTUAL_ENV`` in its activate script and the end of ``command =`` in ``pyvenv.cfg``
(CPython since 3.11, virtualenv 21). None is ever looked up: it may name an automount, or
``/proc/self/cwd``.
"""

from __future__ import annotations

import os

from .environment import BIN, MAKE_ANEW, WINDOWS, Doubt, Unusable, read_file
from .errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .environment import Environment

SCRIPT_LIMIT = 64 * 1024

# Those that spell the location out, which PowerShell's and nushell's do not all; the first that is
# there is read.
_SCRIPTS = (b"activate", b"activate.fish", b"activate.csh")
_ASSIGNMENTS = (
    b"VIRTUAL_ENV=",
    b"export VIRTUAL_ENV=",
    b"set -gx VIRTUAL_ENV ",
    b"setenv VIRTUAL_ENV ",
)
# CPython's for MSYS, Cygwin and WSL: what they are given is the location.
_CONVERTERS = (b"$(cygpath -u ", b"$(cygpath ", b"$(wslpath ")
_COMPUTED = (b"$", b"`", b"(")


def check_at_home(environment: Environment, real: bytes) -> None:
    """Raise Doubt unless *environment* records its own location, by its name or as *real*.

    Each location that is recorded must be one of the two, and absolute without ``.`` and ``..``.
    """
    homes = [_folded(path) for path in (environment.path, real) if _is_plain(path)]
    command = _folded(environment.config.get(b"command", b""))
    if command and not any(command.endswith(b" " + home) for home in homes):
        told = shown(command[command.rfind(b" /") + 1 :])
        raise Doubt(f"was made for {told}, and moved or copied since", MAKE_ANEW, kept=True)
    recorded = _recorded(environment.path)
    for value in recorded:
        if not any(value in _spellings(home) for home in homes):
            told = shown(value.strip(b"'\""))
            raise Doubt(f"was made for {told}, and moved or copied since", MAKE_ANEW)
    if not command and not recorded:
        raise Doubt("does not say where it was made")


def _folded(path: bytes) -> bytes:
    r"""Return *path* as it is compared: on Windows in lower case, and with ``\`` for ``/``."""
    return path.lower().replace(b"/", b"\\") if WINDOWS else path


def _is_plain(path: bytes) -> bool:
    """Return whether *path* is absolute and without ``.`` and ``..``."""
    parts = path.replace(b"\\", b"/").split(b"/") if WINDOWS else path.split(b"/")
    return os.path.isabs(path) and b"." not in parts and b".." not in parts


def _recorded(path: bytes) -> list[bytes]:
    """Return the values that the activate script of *path* sets VIRTUAL_ENV to, as it spells them.

    Without those that it computes. Raises Doubt where the script cannot be read.
    """
    for name in _SCRIPTS:
        script = os.path.join(path, BIN, name)
        try:
            return _assigned(read_file(script, SCRIPT_LIMIT, links=False))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Doubt(f"{shown(script)} cannot be read ({error.strerror})") from error
        except Unusable as error:
            raise Doubt(f"{shown(script)} {error.reason}") from error
    return []


def _assigned(text: bytes) -> list[bytes]:
    """Return the values, as they are spelled, that lines of *text* set VIRTUAL_ENV to.

    Only those spelled out: what begins with ``$``, a backquote or ``(`` is computed, and uv's
    ``--relocatable`` puts empty quotes before it.
    """
    values = []
    for line in text.split(b"\n"):
        line = line.strip()
        for start in _ASSIGNMENTS:
            if line.startswith(start):
                value = _without_converter(line[len(start) :])
                bare = value.lstrip(b"'\"")
                if bare and not bare.startswith(_COMPUTED):
                    values.append(_folded(value))
    return values


def _without_converter(value: bytes) -> bytes:
    """Return the argument where *value* is the call of a converter of paths, else *value*."""
    for start in _CONVERTERS:
        if value.startswith(start) and value.endswith(b")"):
            return value[len(start) : -1].strip()
    return value


def _spellings(path: bytes) -> tuple[bytes, ...]:
    r"""Return how the makers of environments write *path* into a script.

    As it is, bare or between quotes: CPython until 2024, virtualenv before 20.26.6. By
    ``shlex.quote``: both since, and uv. virtualenv 21 writes ``'\''`` for ``'`` in fish's script,
    and leaves the quotes for ``\`` there, for ``\`` and ``!`` in csh's.
    """
    shlex = b"'" + path.replace(b"'", b"'\"'\"'") + b"'"
    fish = b"'" + b"'\\''".join(p.replace(b"\\", b"'\\\\'") for p in path.split(b"'")) + b"'"
    csh = shlex.replace(b"\\", b"'\\\\'").replace(b"!", b"'\\!'")
    return (path, b'"' + path + b'"', b"'" + path + b"'", shlex, fish, csh)
