"""Programs of this machine that may be asked for their version, and what they say.

Nothing of a project is run, nor what others could have written: what PATH names relatively, what
lies in the project around the working directory, what is in an environment, and what others can
write, or put into a directory on the way, is never started, nor found by what is. A program is
asked in ``/``, with no more of the environment than it needs, and not for long.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from .asking import answer
from .detect import installed_shells
from .environment import CONFIG, WINDOWS, Doubt, Unusable, open_file
from .held import Holder, check_program, follow
from .interpreters import is_avoided
from .surroundings import projects_here

_VERSION = re.compile(rb"\d+\.\d+(?:\.\d+)?")
# The first line of a script, and what it names to run it.
_SCRIPT = re.compile(rb"#!\s*(/[^\s]+)")
_LINE_LIMIT = 512
_SIZE_LIMIT = 1 << 32
# Written in Python, so that starting them takes up to half a second each.
_IN_PYTHON = ("virtualenv", "poetry", "pipenv", "pdm")
# More are started one after another.
_ASKED_AT_ONCE = 16
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
        self._environ = environ
        self._avoided = projects_here(environ)
        self._holder = Holder.current()
        self._all = environ.get("PATH", "")
        self.environ = {name: environ[name] for name in _PASSED if name in environ}
        directories = self._all.split(os.pathsep)
        self.environ["PATH"] = os.pathsep.join(filter(self._is_safe, directories))
        self.environ["TERM"] = "dumb"
        if self.hindrance(self.environ.get("SHELL", "")):
            self.environ.pop("SHELL", None)

    @property
    def for_startup(self) -> dict[str, str]:
        """What names the startup files, without what could name code of a project."""
        return {**self.environ, "HOME": self._environ.get("HOME", "")}

    def find(self, name: str) -> str | None:
        """Return the path of the program *name* that may be run, or None."""
        found = shutil.which(name, path=self.environ["PATH"])
        return None if found is None or self.hindrance(found) else found

    def shells(self) -> dict[str, str]:
        """Return the shells of the table that may be run, by their names."""
        found = installed_shells(self.environ)
        return {name: path for name, path in found.items() if not self.hindrance(path)}

    def find_unsafe(self, name: str) -> str | None:
        """Return the absolute path of *name* that a shell finds, only to be told; or None."""
        paths = [part for part in self._all.split(os.pathsep) if os.path.isabs(part)]
        return shutil.which(name, path=os.pathsep.join(paths))

    def versions(self, paths: Iterable[str]) -> dict[str, str | None]:
        """Return what the programs *paths* say are their versions, all asked at once."""
        asked = list(dict.fromkeys(paths))
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
            return dict(zip(asked, threads.map(self.version, asked), strict=True))

    def version(self, path: str) -> str | None:
        """Return what the program *path* says is its version, or None."""
        recorded = _recorded_version(path)
        if recorded:
            return recorded
        printed = answer([path, "--version"], self.environ)
        found = None if printed is None else _VERSION.search(printed)
        return None if found is None else found[0].decode()

    def hindrance(self, path: str) -> str:
        """Return why the program, or the directory of programs, *path* is not run, or nothing."""
        if not os.path.isabs(path):
            return "its path is relative"
        place = os.fsencode(path)
        if any(is_avoided(place, project, self._environ) for project in self._avoided):
            return "it is in the project here"
        directory = place if os.path.isdir(place) else os.path.dirname(place)
        if any(map(_is_in_environment, (directory, os.path.realpath(directory)))):
            return "it is in an environment"
        return "" if WINDOWS else self._writable(place) or self._writable(_interpreter(place))

    def _writable(self, path: bytes) -> str:
        """Return what others can write of *path* or on the way to it, or nothing."""
        try:
            check_program(follow(path or b"/"), self._holder)
        except Doubt as doubt:
            return doubt.what
        return ""

    def _is_safe(self, directory: str) -> bool:
        """Return whether what the entry *directory* of PATH holds may be run."""
        return not self.hindrance(directory)


def _is_in_environment(directory: bytes) -> bool:
    return os.path.lexists(os.path.join(os.path.dirname(directory), CONFIG))


def _recorded_version(path: str) -> str:
    """Return the version of the tool *path* as it was installed into an environment of its own.

    Nothing where that does not tell, or where the Python of that environment is gone.
    """
    name = os.path.basename(path)
    if name not in _IN_PYTHON:
        return ""
    python = _interpreter(os.fsencode(path))
    environment = os.path.dirname(os.path.dirname(python))
    if not python or not os.access(python, os.X_OK):
        return ""
    # As wheels are recorded: "poetry-2.1.0.dist-info" (PyPA, "Recording installed projects").
    record = re.compile(re.escape(os.fsencode(name)) + rb"-(\d[\d.]*)\.dist-info")
    found = [record.fullmatch(entry) for entry in _packages(environment)]
    versions = [match[1].decode() for match in found if match is not None]
    return versions[0] if len(versions) == 1 else ""


def _interpreter(path: bytes) -> bytes:
    """Return the program that runs the script *path*, by its absolute path; or nothing."""
    try:
        descriptor, _ = open_file(path, _SIZE_LIMIT)
    except (OSError, Unusable):
        return b""
    try:
        script = _SCRIPT.match(os.read(descriptor, _LINE_LIMIT))
    finally:
        os.close(descriptor)
    return b"" if script is None else script[1]


def _packages(environment: bytes) -> list[bytes]:
    """Return the names of what is installed in *environment*."""
    library = os.path.join(environment, b"lib")
    try:
        places = [os.path.join(library, name, b"site-packages") for name in os.listdir(library)]
        return [entry for place in places if os.path.isdir(place) for entry in os.listdir(place)]
    except OSError:
        return []
