"""Programs of this machine that may be asked for their version, and how they are asked.

Nothing of a project is run: what PATH names relatively, what lies below the working directory and
what is in an environment is never started, nor found by what is. A program is asked in ``/``, with
no more of the environment than it needs, and not for long.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping

from .caller import home_directory, working_directory
from .environment import CONFIG
from .errors import VenvhookError

# Seconds that a program may take to say its version.
LIMIT = 2.0
_OUTPUT_LIMIT = 4096
_VERSION = re.compile(rb"\d+\.\d+(?:\.\d+)?")
# All that a program sees. Not PYTHONPATH or BASH_ENV, which may name code of a project.
_PASSED = (
    *("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "ZDOTDIR", "SHELL"),
    *("PYENV_ROOT", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    *("APPDATA", "LOCALAPPDATA", "PATHEXT", "SYSTEMROOT", "TEMP", "USERPROFILE"),
)


class Programs:
    """What may be run, for a user with *environ*."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._avoided = _project_here(environ)
        self._all = environ.get("PATH", "")
        self.environ = {name: environ[name] for name in _PASSED if name in environ}
        directories = self._all.split(os.pathsep)
        self.environ["PATH"] = os.pathsep.join(filter(self._is_safe, directories))
        self.environ["TERM"] = "dumb"
        if not self._is_apart(self.environ.get("SHELL", "")):
            self.environ.pop("SHELL", None)

    def find(self, name: str) -> str | None:
        """Return the path of the program *name* that may be run, or None."""
        return shutil.which(name, path=self.environ["PATH"])

    def find_unsafe(self, name: str) -> str | None:
        """Return the absolute path of *name* that a shell finds, only to be told; or None."""
        paths = [part for part in self._all.split(os.pathsep) if os.path.isabs(part)]
        return shutil.which(name, path=os.pathsep.join(paths))

    def version(self, path: str) -> str | None:
        """Return what the program *path* says is its version, or None."""
        printed = answer([path, "--version"], self.environ)
        found = None if printed is None else _VERSION.search(printed)
        return None if found is None else found[0].decode()

    def _is_safe(self, directory: str) -> bool:
        """Return whether what the entry *directory* of PATH holds may be run."""
        if not self._is_apart(directory):
            return False
        config = os.fsdecode(CONFIG)
        return not os.path.lexists(os.path.join(os.path.dirname(directory), config))

    def _is_apart(self, path: str) -> bool:
        """Return whether *path* is absolute, and neither it nor what it leads to is avoided."""
        if not os.path.isabs(path):
            return False
        if not self._avoided:
            return True
        places = (os.path.normpath(path), os.path.realpath(path))
        below = self._avoided.rstrip("/") + "/"
        return not any((place + "/").startswith(below) for place in places)


def _project_here(environ: Mapping[str, str]) -> str:
    """Return the working directory, or nothing where that is HOME or above it: no project."""
    try:
        here = os.path.realpath(os.fsdecode(working_directory(environ)))
    except VenvhookError:
        return ""
    home = os.path.realpath(os.fsdecode(home_directory(environ)) or "/")
    return "" if (home + "/").startswith(here.rstrip("/") + "/") else here


def answer(words: list[str], environ: Mapping[str, str], limit: float = LIMIT) -> bytes | None:
    """Return the first of what the command *words* prints; None where it fails.

    It and all that it started are ended after *limit* seconds.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # an absolute path, without a shell between
            words,
            cwd="/",
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    timer = threading.Timer(limit, _end, [process])
    timer.start()
    try:
        with process:
            printed = process.stdout.read(_OUTPUT_LIMIT) if process.stdout else b""
    finally:
        timer.cancel()
    return printed if process.returncode == 0 else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process* and what it started."""
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
