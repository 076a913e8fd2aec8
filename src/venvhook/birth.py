"""Condition 5 of trust, "made here": whether an environment was made in its place, by its times.

Makers of environments make the link ``bin/python`` first, and set no times. Tools that unpack or
copy set modification times, or bring files in another order; the change time is nobody's to set. It
moves later for harmless reasons (``chmod -R``, a backup by hard links); the birth time never moves.
"""

from __future__ import annotations

import os
import sys

from .environment import BIN, CONFIG, PYTHON, WINDOWS, Doubt, is_file
from .errors import shown
from .held import follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .environment import Environment

ENTRY_LIMIT = 20_000

_FORMAT, _LINK = 0o170000, 0o120000
# On Windows, how long before python.exe another program (pythonw.exe) may come, in nanoseconds.
_COPY_SLACK = 2_000_000_000
# How many links inside bin lead from bin/python to the outside: CPython makes two.
_CHAIN_LIMIT = 4
# How the directories in lib begin that Python takes packages from; the last is Windows'.
_LIBRARIES = (b"python", b"pypy", b"site-packages")
_COPIED = "was not made here (it was unpacked or copied)"


def check_made_here(environment: Environment, is_honest: bool | None) -> None:
    """Raise Doubt unless *environment* was made in its place, as far as its times can tell.

    *is_honest* says whether its file system keeps change times, None where that could not be tried.
    """
    if is_honest is None:
        raise Doubt("cannot be told from a copy: nothing can be written there to try its times")
    if not is_honest:
        raise Doubt("cannot be told from a copy: its file system does not keep times of its own")
    try:
        if WINDOWS:
            _check_created(environment.path)
        else:
            _check_order(environment.path, environment.config[b"home"])
    except OSError as error:
        where = shown(os.fsencode(error.filename or environment.path))
        raise Doubt(f"cannot be read ({where}: {error.strerror})") from error


def _check_order(path: bytes, home: bytes) -> None:
    """Raise Doubt where something at *path* was there before ``bin/python``, or has a set time."""
    python = os.path.join(path, BIN, PYTHON)
    link = os.lstat(python)
    if link.st_mode & _FORMAT != _LINK:
        raise Doubt("was made with copies, or unpacked: bin/python is no link", kept=True)
    made = _time_made(python, link)
    _check_config(os.path.join(path, CONFIG), made)
    if not _leads_into(python, home):
        # Makers write both, but 'python -m venv' leaves a link alone that it finds.
        raise Doubt("has another Python in bin than pyvenv.cfg names", kept=True)
    for entry in _entries(os.path.join(path, BIN)):
        if entry.name != PYTHON and _is_older(entry, made, link.st_ino, home):
            raise _there_before(path, entry, kept=True)
    for place in inner_links(path):
        if os.lstat(place).st_ctime_ns < made:
            name = shown(place[len(path) + 1 :])
            raise Doubt(f"holds the link {name}, which was there before it was made")
    for directory in _sites(path):
        for entry in _entries(directory):
            # By time alone: directories number their files apart from each other.
            if entry.stat(follow_symlinks=False).st_ctime_ns < made:
                raise _there_before(path, entry, kept=False)


def _check_created(path: bytes) -> None:
    """Raise Doubt, on Windows, where ``pyvenv.cfg`` has a set time, or a program is too old.

    Windows keeps no change time, and unpacking gives a file the modification time it had elsewhere,
    which is before its creation here. Programs are copies there, with the times of their originals.
    """
    config = os.lstat(os.path.join(path, CONFIG))
    if config.st_mtime_ns < _creation_time(config):
        raise Doubt(_COPIED, kept=True)
    limit = _creation_time(os.lstat(os.path.join(path, BIN, PYTHON))) - _COPY_SLACK
    for entry in _entries(os.path.join(path, BIN)):
        # Not the entry's own stat, which leaves fields out there.
        if _creation_time(os.lstat(entry.path)) < limit:
            raise _there_before(path, entry, kept=True)


def _creation_time(found: os.stat_result) -> int:
    """Return the time of creation on Windows, which CPython 3.11 calls the change time."""
    created: int = getattr(found, "st_birthtime_ns", found.st_ctime_ns)
    return created


def _there_before(path: bytes, entry: os.DirEntry[bytes], kept: bool) -> Doubt:
    """Return the Doubt about *entry*, somewhere below *path*."""
    name = shown(entry.path[len(path) :].lstrip(b"/"))
    return Doubt(f"holds {name}, which was there before it was made", kept=kept)


def _time_made(path: bytes, link: os.stat_result) -> int:
    """Return when the symbolic link *path* was made, in nanoseconds; raise Doubt if it was copied.

    A link is never written again, so its modification time is that of its making unless it was set.
    """
    made = link.st_mtime_ns
    if made != link.st_ctime_ns and made != _birth_time(path):
        raise Doubt(_COPIED, kept=True)
    return made


def _check_config(path: bytes, made: int) -> None:
    """Raise Doubt where ``pyvenv.cfg``, *path*, has a time that was set.

    Where its change time has moved, it may also be of its birth time, or of that of the link, which
    is *made*: within one tick of the clock many files get the same time, which nobody can foresee.
    (Linux 6.13 gives a file a finer time once its own was asked for, so CPython's are as the link.)
    """
    found = os.lstat(path)
    written = found.st_mtime_ns
    if written not in (found.st_ctime_ns, made) and written != _birth_time(path):
        raise Doubt(_COPIED, kept=True)


def _leads_into(link: bytes, home: bytes) -> bool:
    """Return whether the first place outside that the *link* in ``bin`` leads to is in *home*.

    Which is where ``pyvenv.cfg`` says that the interpreter is; before 20.16 virtualenv named the
    directory above.
    """
    here = os.path.dirname(link)
    place = link
    for _ in range(_CHAIN_LIMIT):
        if os.path.dirname(place) != here or not os.path.islink(place):
            break
        place = os.path.join(here, os.readlink(place))
    directory = os.path.dirname(place)
    if directory in (home, os.path.join(home, BIN)):
        return True
    try:
        # Followed step by step, since a mere look at some places can hang.
        return os.path.samefile(follow(directory).real, follow(home).real)
    except (Doubt, OSError):
        return False


def _is_older(entry: os.DirEntry[bytes], made: int, number: int, home: bytes) -> bool:
    """Return whether *entry* of ``bin`` can be run and was there when the link was *made*.

    *number* is the link's inode: within one tick of the clock, a lower one came before, unless the
    file system gives a freed one again, as ext4 does. So it counts for programs alone: uv makes a
    whole environment within a tick, of activate scripts and no programs. Of a link, what it leads
    to counts too. Makers make such as lead to an interpreter in *home* alone,
    some (``python3``, ``pypy3``) before the one that counts; so of others, a tie is doubt.
    """
    found = entry.stat(follow_symlinks=False)
    if is_file(found.st_mode):
        if found.st_mode & 0o111:
            return (found.st_ctime_ns, found.st_ino) < (made, number)
        return entry.name.lower().startswith(b"activate") and found.st_ctime_ns < made
    if found.st_mode & _FORMAT != _LINK or _leads_into(entry.path, home):
        return False
    try:
        target = os.lstat(follow(entry.path).real)
        return min(found.st_ctime_ns, target.st_ctime_ns) <= made
    except (Doubt, OSError):
        return found.st_ctime_ns <= made


def _sites(path: bytes) -> Iterator[bytes]:
    """Yield each ``lib/pythonX.Y/site-packages`` of *path*; of ``lib64`` too, if it is another."""
    for name in (b"lib", b"lib64"):
        library = os.path.join(path, name)
        if os.path.islink(library) and os.readlink(library) == b"lib":
            continue
        for entry in _entries(library):
            yield os.path.join(library, entry.name, b"site-packages")


def inner_links(path: bytes) -> Iterator[bytes]:
    """Yield each link by which the environment *path* has its programs or packages elsewhere.

    That is at ``bin``, ``lib``, ``lib64`` (but for one that leads to ``lib``), the directory of a
    Python there, or its ``site-packages``; 'python -m venv' uses most such links that it finds.
    Nothing behind a link is looked at before the next is asked for. Raises OSError, and Doubt where
    there is too much.
    """
    for name in (BIN, b"lib", b"lib64"):
        place = os.path.join(path, name)
        if os.path.islink(place):
            if name == b"lib64" and os.readlink(place) == b"lib":
                continue
            yield place
        for entry in _entries(place) if name != BIN else ():
            if not entry.name.lower().startswith(_LIBRARIES):
                continue
            if entry.is_symlink():
                yield entry.path
            packages = os.path.join(entry.path, b"site-packages")
            if os.path.islink(packages):
                yield packages


def _entries(directory: bytes) -> list[os.DirEntry[bytes]]:
    """Return what *directory* holds, if it is one; raise Doubt where that is too much."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                found.append(entry)
                if len(found) > ENTRY_LIMIT:
                    raise Doubt(f"{shown(directory)} holds more than {ENTRY_LIMIT} entries")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return found


# ---- Birth times ---------------------------------------------------------------------------------

# linux/stat.h: statx(2) and its structure
_AT_FDCWD, _AT_SYMLINK_NOFOLLOW, _STATX_BTIME = -100, 0x100, 0x800
_MASK_END, _SECONDS, _NANOSECONDS, _END = 4, 80, 88, 92


def _birth_time(path: bytes) -> int | None:
    """Return when the file *path* itself was created, in nanoseconds, or None where none can tell.

    Only Linux's proves anything: on macOS and the BSDs, setting an earlier modification time, which
    unpacking does, moves the birth time back to it (Node.js, fs.Stats, "birthtime").
    """
    if sys.platform != "linux":
        return None
    try:
        # Here, since it costs more than all the rest and is seldom wanted.
        import ctypes

        statx = ctypes.CDLL(None).statx
    except (ImportError, OSError, AttributeError):  # no libffi, or a C library before statx
        return None
    buffer = ctypes.create_string_buffer(256)
    if statx(_AT_FDCWD, path, _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, buffer) != 0:
        return None
    data = buffer.raw
    if not int.from_bytes(data[:_MASK_END], sys.byteorder) & _STATX_BTIME:
        return None
    seconds = int.from_bytes(data[_SECONDS:_NANOSECONDS], sys.byteorder, signed=True)
    return seconds * 1_000_000_000 + int.from_bytes(data[_NANOSECONDS:_END], sys.byteorder)
