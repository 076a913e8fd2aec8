"""The private environment that install.sh makes, the launcher in front of it, and their record.

``<data>/venvhook/env`` is a link to the environment; ``<data>/venvhook/installed`` is written when
that link is turned. Its time tells the launcher what is older than the installation; its lines
name what was made: ``launcher <path>`` and ``directory <path>``, outermost first.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Mapping

from .errors import VenvhookError, shown
from .init import shipped_script
from .shells import quote_posix

TEMPLATE = "venvhook.launcher.sh"
_FIRST_LINES = b"#!/bin/sh\n# venvhook launcher, made by install.sh\n"


def data_directory(environ: Mapping[str, str]) -> bytes | None:
    """Return where install.sh keeps things, or None where there is no such place.

    ``$XDG_DATA_HOME/venvhook``, or below ``~/.local/share`` where that is not absolute (XDG Base
    Directory 0.8).
    """
    base = environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):
        home = environ.get("HOME", "")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".local", "share")
    return os.path.join(os.fsencode(base), b"venvhook")


def launcher_text(data: bytes, path: bytes) -> bytes:
    """Return the launcher at *path* for the private environment in *data*."""
    lines = b"home=%b\ncommand=%b\n" % (quote_posix(data), quote_posix(path))
    return _FIRST_LINES + lines + shipped_script(TEMPLATE)


def is_launcher(path: bytes) -> bool:
    """Return whether *path* is a launcher of ours, and may be replaced or removed."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return file.read(len(_FIRST_LINES)) == _FIRST_LINES
    except OSError:
        return False


def write_launcher(path: bytes, data: bytes) -> None:
    """Write the launcher to *path*. Raises VenvhookError where something else is there."""
    if os.path.lexists(path) and not is_launcher(path):
        raise VenvhookError(
            f"{shown(path)}: is not from install.sh; remove it, or choose another --prefix"
        )
    temporary = path + b".%d" % os.getpid()
    try:
        with open(temporary, "wb") as file:
            file.write(launcher_text(data, path))
        os.chmod(temporary, 0o755)  # noqa: S103  # a command, as any other on PATH
        os.replace(temporary, path)
    except OSError as error:
        raise VenvhookError(f"{shown(path)}: cannot be written ({error.strerror})") from error


def recorded(data: bytes, kind: bytes) -> list[bytes]:
    """Return the paths that the record in *data* names as *kind*, in its order."""
    try:
        with open(os.path.join(data, b"installed"), "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    pairs = (line.partition(b" ") for line in lines)
    return [path for word, _, path in pairs if word == kind and os.path.isabs(path)]


def command_path(argv0: str, environ: Mapping[str, str]) -> bytes:
    """Return the absolute path of the venvhook command, as which *argv0* was called.

    Raises VenvhookError where there is only ``python -m venvhook`` and no command.
    """
    if os.path.basename(argv0) == "__main__.py":
        suffix = ".exe" if os.name == "nt" else ""
        beside = os.path.join(os.path.dirname(sys.executable), "venvhook" + suffix)
        found = beside if os.access(beside, os.X_OK) else None
    else:
        found = shutil.which(argv0, path=environ.get("PATH"))
    found = found or shutil.which("venvhook", path=environ.get("PATH"))
    if found is None:
        raise VenvhookError("the venvhook command is not on PATH; install the package first")
    return os.fsencode(os.path.abspath(found))


def remove_private_environment(data: bytes) -> list[bytes]:
    """Remove the launchers, the private environment and its record; return what was removed.

    Raises VenvhookError where something cannot be removed.
    """
    launchers = [path for path in recorded(data, b"launcher") if is_launcher(path)]
    directories = recorded(data, b"directory")
    removed = []
    try:
        for path in launchers:
            os.unlink(path)
            removed.append(path)
        if os.path.isdir(data):
            _remove_environments(data)
            removed.append(data)
        for directory in reversed(directories):
            if not os.path.isdir(directory) or os.listdir(directory):
                continue
            os.rmdir(directory)
    except OSError as error:
        where = os.fsencode(error.filename or data)
        raise VenvhookError(f"{shown(where)}: cannot be removed ({error.strerror})") from error
    return removed


def _remove_environments(data: bytes) -> None:
    """Remove what install.sh made in *data*, and *data* if nothing else is in it."""
    for name in os.listdir(data):
        path = os.path.join(data, name)
        if not name.startswith((b"env.", b"installed.")) and name not in (b"env", b"installed"):
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if not os.listdir(data):
        os.rmdir(data)
