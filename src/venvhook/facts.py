"""What can be told of an environment without running or importing anything of it.

No link in it is followed: it may be a stranger's, and a link may lead to where a look can hang.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from .environment import (
    BIN,
    CONFIG,
    CONFIG_LIMIT,
    PYTHON,
    WINDOWS,
    Unusable,
    config_lines,
    is_directory,
    read_file,
)
from .errors import shown

# As a tool that makes environments writes its own version into pyvenv.cfg; venv writes none.
_MAKERS = (b"uv", b"virtualenv")
# What a package leaves where it is installed, by pip (PEP 376) and by setuptools long ago.
_INSTALLED = (b".dist-info", b".egg-info")
_LIBRARY = b"Lib" if WINDOWS else b"lib"
# POSIX: st_blocks counts these, whatever the file system's own blocks are.
_BLOCK = 512
_FORMAT, _LINK = 0o170000, 0o120000


@dataclass(frozen=True)
class Facts:
    """What is known of an environment; what cannot be found out is empty or None.

    *python* is its version, *implementation* "CPython" where nothing says otherwise; *maker* is the
    tool that made it, and its version where it says it; *made* is when, in seconds since 1970;
    *packages* counts what is installed.
    """

    python: str = ""
    implementation: str = "CPython"
    maker: str = ""
    made: float | None = None
    packages: int | None = None

    @property
    def python_text(self) -> str:
        """The Python with its implementation, where that is not CPython."""
        if self.implementation == "CPython":
            return self.python
        return f"{self.implementation} {self.python}".rstrip()


def facts_of(path: bytes, with_packages: bool = True) -> Facts:
    """Return what is known of the environment at *path*, which may be broken. Raises nothing.

    Only *with_packages* are these counted.
    """
    config = read_config(path)
    if config is None:
        return Facts(made=made_at(path))
    return Facts(
        python_version(config),
        shown(config.get(b"implementation", b"CPython"), limit=20),
        maker(config),
        made_at(path),
        count_packages(path) if with_packages else None,
    )


def read_config(path: bytes) -> dict[bytes, bytes] | None:
    """Return what ``pyvenv.cfg`` of *path* says, or None where it cannot be read."""
    try:
        text = read_file(os.path.join(path, CONFIG), CONFIG_LIMIT, links=False)
    except (OSError, Unusable):
        return None
    return dict(config_lines(text))


def python_version(config: Mapping[bytes, bytes]) -> str:
    """Return the version that ``pyvenv.cfg`` says: venv's 'version', others' longer one."""
    version = config.get(b"version") or config.get(b"version_info") or b""
    return shown(version.removesuffix(b".final.0"), limit=20)


def maker(config: Mapping[bytes, bytes]) -> str:
    """Return the tool that wrote ``pyvenv.cfg``, with its version where it says it."""
    for name in _MAKERS:
        if name in config:
            return shown(name + b" " + config[name], limit=40).rstrip()
    return "venv"


def made_at(path: bytes) -> float | None:
    """Return when the environment at *path* was made, or None where nothing tells.

    The earlier one of the modification times of ``pyvenv.cfg`` and of the link ``bin/python``:
    either may have been written again later. A copy of an interpreter may have that one's time.
    """
    times = []
    for name, is_link in ((CONFIG, False), (os.path.join(BIN, PYTHON), True)):
        try:
            found = os.lstat(os.path.join(path, name))
        except OSError:
            continue
        if (found.st_mode & _FORMAT == _LINK) is is_link:
            times.append(found.st_mtime)
    return min(times, default=None)


def count_packages(path: bytes) -> int | None:
    """Return how many packages are installed at *path*, pip included.

    None where there is no directory of packages that could be read.
    """
    counts = []
    for place in _site_packages(path):
        try:
            with os.scandir(place) as entries:
                counts.append(sum(entry.name.endswith(_INSTALLED) for entry in entries))
        except OSError:
            continue
    return sum(counts) if counts else None


def _site_packages(path: bytes) -> Iterator[bytes]:
    """Yield the directories of packages of *path*: ``lib/python3.12/site-packages`` (PEP 405)."""
    library = os.path.join(path, _LIBRARY)
    if WINDOWS:
        yield os.path.join(library, b"site-packages")
        return
    if os.path.islink(library):
        return
    try:
        with os.scandir(library) as entries:
            inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for directory in inner:
        place = os.path.join(directory, b"site-packages")
        if not os.path.islink(place):
            yield place


def size_of(path: bytes) -> int:
    """Return how many bytes *path* takes on the disk, as ``du`` counts: each file once.

    Not what lies on another file system. What cannot be read counts nothing.
    """
    return taken(found for _path, found in files_below(path))


def files_below(path: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield *path* and all below it with their ``lstat``, but not what another file system holds.

    Of that the directory on which it is mounted is the last. What cannot be read is left out.
    """
    try:
        top = os.lstat(path)
    except OSError:
        return
    yield path, top
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    yield entry.path, found
                    if is_directory(found.st_mode) and found.st_dev == top.st_dev:
                        waiting.append(entry.path)
        except OSError:
            continue


def taken(files: Iterable[os.stat_result]) -> int:
    """Return how many bytes *files* take on the disk; one with several names counts once."""
    total, seen = 0, set()
    for found in files:
        if found.st_nlink > 1 and not is_directory(found.st_mode):
            if found.st_ino in seen:
                continue
            seen.add(found.st_ino)
        total += found.st_size if WINDOWS else found.st_blocks * _BLOCK
    return total


# ---- As it is shown ------------------------------------------------------------------------------


def size_text(size: int) -> str:
    """Return *size* in bytes for a person: ``12 MB``."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}" if value < 10 and unit != "B" else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def ago(then: float, now: float) -> str:
    """Return how long before *now* *then* was, both in seconds since 1970: ``3 days ago``."""
    days = (date.fromtimestamp(now) - date.fromtimestamp(then)).days
    if days < 2:
        return "yesterday" if days == 1 else "today"
    for length, unit in ((365, "year"), (30, "month")):
        if days >= 2 * length:
            return f"{days // length} {unit}s ago"
    return f"{days} days ago"


def timestamp(moment: float | None) -> str | None:
    """Return *moment*, in seconds since 1970, as it stands in JSON: RFC 3339, in UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
