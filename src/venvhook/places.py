"""Where Pythons are installed: on PATH, by the tools that install them, where systems keep them.

Nothing is run or trusted here, and what is yielded need not be a Python: interpreters.py judges.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .caller import home_directory
from .environment import BIN, CONFIG, CONFIG_LIMIT, WINDOWS, Unusable, is_never_asked, read_file

PATH_ORIGIN = "PATH"
# The origins of Pythons that no tool of the table keeps: what pyenv calls "system".
SYSTEM_ORIGINS = (PATH_ORIGIN, "system", "Homebrew", "python.org")

# More than anybody installs.
_ENTRY_LIMIT = 500
_PY_LIMIT = 5.0
# How many environments may be made one from another.
_NESTED_LIMIT = 4


@dataclass(frozen=True)
class Release:
    """Which Python one is: "cpython", (3, 14, 0), "rc1", and whether it is free-threaded."""

    implementation: str
    version: tuple[int, int, int]
    suffix: str = ""
    is_free_threaded: bool = False


@dataclass(frozen=True)
class Place:
    """A file that may be an interpreter; *release* is what its tool's layout says of it, if so."""

    path: bytes
    origin: str
    release: Release | None = None


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """Yield what may be an interpreter, many of them more than once by several names.

    First what tools keep, so that one of theirs that is also on PATH is known as theirs.
    """
    for tool in _TOOLS:
        for root in tool.roots(environ):
            yield from _installed_by(tool, root)
    for directory in search_path(environ):
        yield from in_directory(directory, PATH_ORIGIN)
    for directory, origin in _usual_directories():
        yield from in_directory(directory, origin)
    if WINDOWS:
        yield from _listed_by_py(environ)


# ---- Tools ---------------------------------------------------------------------------------------

# 3.12.1, 3.14.0rc1, 3.13.0t: what pyenv, asdf and mise call the versions of CPython. What they call
# others tells the other's own version (pypy3.10-7.3.12), so those are run.
_PLAIN = re.compile(r"(?P<version>[23]\.\d+\.\d+)(?P<suffix>(?:a|b|rc)\d+)?(?P<threaded>t)?")
# cpython-3.13.0+freethreaded-linux-x86_64-gnu of uv; cpython@3.12.1 of rye and pdm.
_QUALIFIED = re.compile(
    r"(?P<implementation>cpython|pypy|graalpy)[-@](?P<version>[23]\.\d+\.\d+)"
    r"(?P<suffix>(?:a|b|rc)\d+)?(?P<threaded>\+freethreaded|t)?(?:-[a-z].*)?"
)
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True)
class _Tool:
    """A tool, and where it keeps Pythons: a directory for each, whose name *names* may read.

    That is *below* what *variable* says, else below *home* in the home directory or *data* in the
    one for data; there programs are in one of *inner*.
    """

    origin: str
    variable: str
    below: bytes
    names: re.Pattern[str]
    home: bytes = b""
    data: bytes = b""
    inner: tuple[bytes, ...] = (BIN,)

    def roots(self, environ: Mapping[str, str]) -> list[bytes]:
        """Return the directories that hold one directory for each Python."""
        named = os.fsencode(environ.get(self.variable, "")) if self.variable else b""
        if named:
            tops = [named]
        elif self.home:
            tops = [os.path.join(home, self.home) for home in _home(environ)]
        else:
            tops = [os.path.join(data, self.data) for data in _data_homes(environ)]
        return [os.path.join(top, self.below) for top in tops if os.path.isabs(top)]


_TOOLS = (
    _Tool("pyenv", "PYENV_ROOT", b"versions", _PLAIN, home=b".pyenv"),
    _Tool("pyenv", "PYENV", b"versions", _PLAIN, home=b".pyenv/pyenv-win", inner=(b"",)),
    _Tool("uv", "UV_PYTHON_INSTALL_DIR", b"", _QUALIFIED, data=b"uv/python"),
    _Tool("mise", "MISE_DATA_DIR", b"installs/python", _PLAIN, data=b"mise"),
    _Tool("asdf", "ASDF_DATA_DIR", b"installs/python", _PLAIN, home=b".asdf"),
    _Tool("rye", "RYE_HOME", b"py", _QUALIFIED, home=b".rye", inner=(BIN, b"install/bin")),
    _Tool("pdm", "", b"python", _QUALIFIED, data=b"pdm"),
    _Tool("hatch", "", b"pythons", _NOTHING, data=b"hatch", inner=(b"python/bin",)),
)


def _home(environ: Mapping[str, str]) -> list[bytes]:
    """Return the home directory, or nothing."""
    return [home for home in (home_directory(environ),) if os.path.isabs(home)]


def _data_homes(environ: Mapping[str, str]) -> list[bytes]:
    """Return where programs keep data (XDG; macOS and Windows have their own besides)."""
    if WINDOWS:
        names = (environ.get("APPDATA", ""), environ.get("LOCALAPPDATA", ""))
        return [os.fsencode(name) for name in names if name]
    given = os.fsencode(environ.get("XDG_DATA_HOME", ""))
    usual = [os.path.join(home, b".local/share") for home in _home(environ)]
    found = [given] if os.path.isabs(given) else usual
    if sys.platform == "darwin":
        found += [os.path.join(home, b"Library/Application Support") for home in _home(environ)]
    return found


def _installed_by(tool: _Tool, root: bytes) -> Iterator[Place]:
    """Yield what *tool* has installed in *root*."""
    for name in _directories(root):
        top = os.path.join(root, name)
        release = _release(tool.names.fullmatch(os.fsdecode(name)))
        for inner in (*tool.inner, b"") if WINDOWS else tool.inner:
            directory = os.path.join(top, inner)
            if release is None or environment_of(directory) is not None:
                yield from in_directory(directory, tool.origin)
                continue
            paths = (os.path.join(directory, program) for program in _programs_of(release))
            yield from (Place(path, tool.origin, release) for path in _first_of(paths))


def _directories(root: bytes) -> list[bytes]:
    """Return the names of the directories in *root*, and of links to directories.

    mise's and uv's links (3.12, latest) lead to a neighbour, others elsewhere: to a Python that a
    person has linked there, or to an environment of pyenv-virtualenv.
    """
    try:
        with os.scandir(root) as entries:
            some = [entry for entry, _ in zip(entries, range(_ENTRY_LIMIT), strict=False)]
            return sorted(entry.name for entry in some if entry.is_dir())
    except OSError:
        return []


def _release(match: re.Match[str] | None) -> Release | None:
    """Return what the name of a directory says of the Python in it."""
    if match is None:
        return None
    parts = match.groupdict()
    major, minor, micro = (int(number) for number in parts["version"].split("."))
    return Release(
        parts.get("implementation") or "cpython",
        (major, minor, micro),
        parts["suffix"] or "",
        bool(parts["threaded"]),
    )


def _programs_of(release: Release) -> list[bytes]:
    """Return what the interpreter of *release* may be called, the most telling name first."""
    major, minor, _ = release.version
    own = [] if release.implementation == "cpython" else [release.implementation]
    thread = "t" if release.is_free_threaded else ""
    ends = [f"{major}.{minor}{thread}", f"{major}", ""]
    return [_program(stem + end) for stem in (*own, "python") for end in ends]


def _first_of(paths: Iterable[bytes]) -> list[bytes]:
    """Return the first of *paths* that is there, or nothing."""
    return [path for path in paths if os.path.lexists(path)][:1]


# ---- Directories ---------------------------------------------------------------------------------

# By name, not by what a directory holds: one on PATH may be on a slow disk and hold thousands.
_MINORS = range(2, 31)


def _program(name: str) -> bytes:
    return os.fsencode(name + ".exe" if WINDOWS else name)


_PROGRAMS = tuple(
    _program(name)
    for name in (
        *(f"python3.{minor}" for minor in _MINORS),
        *(f"python3.{minor}t" for minor in _MINORS if minor >= 13),
        *("python2.7", "python3", "python", "python2"),
        *(f"pypy3.{minor}" for minor in _MINORS),
        *("pypy3", "pypy", "graalpy"),
    )
)


def search_path(environ: Mapping[str, str]) -> list[bytes]:
    """Return the directories of PATH in which programs are looked for.

    Not what it names relatively, nor where a look can hang, nor shims (pyenv, asdf, mise, rye):
    which Python a shim starts is told by files of the project where it is started.
    """
    entries = os.fsencode(environ.get("PATH", "")).split(os.fsencode(os.pathsep))
    entries = [entry.rstrip(b"/") or entry for entry in entries if os.path.isabs(entry)]
    return [entry for entry in dict.fromkeys(entries) if not _is_passed_over(entry, environ)]


def _is_passed_over(directory: bytes, environ: Mapping[str, str]) -> bool:
    """Return whether nothing is looked for in *directory* of PATH."""
    if WINDOWS:
        # What lies there opens a shop where no Python is installed.
        return directory.lower().endswith(b"\\microsoft\\windowsapps") or is_shim_directory(
            directory
        )
    # Windows' PATH, as WSL hands it on: no Python of this system, and each look takes long.
    is_of_windows = "WSL_DISTRO_NAME" in environ and re.match(rb"/mnt/[a-z](/|$)", directory)
    return is_never_asked(directory) or is_shim_directory(directory) or bool(is_of_windows)


def is_shim_directory(directory: bytes) -> bool:
    """Return whether programs in *directory* stand for others, by how tools call such a one."""
    return os.path.basename(directory) == b"shims"


def in_directory(directory: bytes, origin: str) -> Iterator[Place]:
    """Yield what in *directory* is called like an interpreter.

    Where it is that of an environment, what is in the directory of that environment's Python.
    """
    base = base_directory(directory)
    if not base:
        return
    if _is_conda(base):
        origin = "conda"
    for program in _PROGRAMS:
        path = os.path.join(base, program)
        if os.path.lexists(path) and not _is_stub(path):
            yield Place(path, origin)


def base_directory(directory: bytes) -> bytes:
    """Return where the Python of the programs in *directory* is: there, or as an environment says.

    Nothing where an environment does not say it (``home``, PEP 405), or in a circle.
    """
    for _ in range(_NESTED_LIMIT):
        top = environment_of(directory)
        if top is None:
            return directory
        directory = home_of(top)
        if not os.path.isabs(directory):
            break
    return b""


def environment_of(directory: bytes) -> bytes | None:
    """Return the environment that *directory* has the programs of, or None."""
    for top in (os.path.dirname(directory), directory):
        if os.path.lexists(os.path.join(top, CONFIG)):
            return top
    return None


def home_of(environment: bytes) -> bytes:
    """Return the directory of the Python that *environment* was made from, as it says, or nothing.

    As CPython's start-up reads it, but nothing depends on that: what is found there is judged as
    if it had been found by itself.
    """
    try:
        text = read_file(os.path.join(environment, CONFIG), CONFIG_LIMIT, links=False)
    except (OSError, Unusable):
        return b""
    for line in text.split(b"\n"):
        key, _, value = line.partition(b"=")
        if key.strip().lower() == b"home":
            return value.strip()
    return b""


def _is_conda(directory: bytes) -> bool:
    top = directory if WINDOWS else os.path.dirname(directory)
    return os.path.lexists(os.path.join(top, b"conda-meta"))


def _is_stub(path: bytes) -> bool:
    """Return whether *path* is Apple's program that asks to install the developer tools."""
    if sys.platform != "darwin" or not path.startswith(b"/usr/bin/"):
        return False
    return not any(os.path.exists(real) for real in _APPLES)


_APPLES = (
    "/Library/Developer/CommandLineTools/usr/bin/python3",
    "/Applications/Xcode.app/Contents/Developer/usr/bin/python3",
)
_USUAL = (
    (b"/usr/local/bin", "system"),
    (b"/usr/bin", "system"),
    (b"/opt/homebrew/bin", "Homebrew"),
    (b"/home/linuxbrew/.linuxbrew/bin", "Homebrew"),
)
_FRAMEWORK = b"/Library/Frameworks/Python.framework/Versions"


def _usual_directories() -> list[tuple[bytes, str]]:
    """Return where systems keep Pythons, with its origin."""
    if WINDOWS:
        return []
    if sys.platform != "darwin":
        return list(_USUAL)
    versions = [os.path.join(_FRAMEWORK, name, BIN) for name in _directories(_FRAMEWORK)]
    return [*_USUAL, *((directory, "python.org") for directory in versions)]


# ---- Windows -------------------------------------------------------------------------------------

_PY_LINE = re.compile(r"\s*-(?:V:)?\S+\s+(?:\*\s+)?(?P<path>[A-Za-z]:\\.+\.exe)\s*")


def _listed_by_py(environ: Mapping[str, str]) -> Iterator[Place]:
    """Yield what the launcher of Windows, ``py``, knows."""
    launchers = (
        os.path.join(environ.get("SYSTEMROOT", "C:\\Windows"), "py.exe"),
        os.path.join(environ.get("LOCALAPPDATA", "C:\\"), "Programs\\Python\\Launcher\\py.exe"),
    )
    for launcher in launchers:
        if os.path.isfile(launcher):
            # -0p lists paths and starts no Python.
            done = subprocess.run(  # noqa: S603  # Windows' own program
                [launcher, "-0p"],
                cwd=os.path.dirname(launcher),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PY_LIMIT,
            )
            text = done.stdout.decode("utf-8", "replace")
            yield from (Place(path, "py") for path in paths_of_py(text))
            return


def paths_of_py(text: str) -> list[bytes]:
    """Return the paths in what ``py -0p`` printed: lines of a tag, a star, and a path."""
    matches = (_PY_LINE.fullmatch(line) for line in text.splitlines())
    return [os.fsencode(match["path"]) for match in matches if match]
