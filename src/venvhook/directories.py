"""Where venvhook keeps its own files: the cache, state and configuration directories, per user.

Each is named by the XDG Base Directory specification (0.8), whose variables count only where they
are absolute; on Windows by ``%LOCALAPPDATA%`` and ``%APPDATA%``.
"""

from __future__ import annotations

import os

from .environment import WINDOWS, is_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = b"venvhook"


def cache_directory(environ: Mapping[str, str]) -> bytes | None:
    """Return the directory of all that can be found out again, or None where there can be none."""
    return _below(environ, "XDG_CACHE_HOME", "LOCALAPPDATA", ".cache")


def session_directory(environ: Mapping[str, str]) -> bytes | None:
    """Return where word is left for one shell that has no runtime directory, or None.

    Not the name that the caller's ``XDG_RUNTIME_DIR`` gives: each shell looks at its own itself,
    since what 'venvhook init' printed may be kept for others. Below the cache, never in ``/tmp``,
    where others could be first.
    """
    cache = cache_directory(environ)
    return None if cache is None else os.path.join(cache, b"sessions")


def state_directory(environ: Mapping[str, str]) -> bytes | None:
    """Return the directory of what was decided, or None where there can be none."""
    base = _below(environ, "XDG_STATE_HOME", "LOCALAPPDATA", ".local/state")
    # On Windows the cache is there as well.
    return os.path.join(base, b"state") if base is not None and WINDOWS else base


def config_directory(environ: Mapping[str, str]) -> bytes | None:
    """Return the directory of ``config.toml``, or None where there can be none."""
    return _below(environ, "XDG_CONFIG_HOME", "APPDATA", ".config")


def _below(environ: Mapping[str, str], variable: str, windows: str, default: str) -> bytes | None:
    base = environ.get(variable, "")
    if not os.path.isabs(base) and WINDOWS:
        base = environ.get(windows, "")
    if not os.path.isabs(base):
        home = environ.get("HOME", "")
        base = os.path.join(home, default) if os.path.isabs(home) else ""
    return os.path.join(os.fsencode(base), _NAME) if base else None


def is_own(directory: bytes) -> bool:
    """Return whether *directory* exists, is no link, and only the user can write to it."""
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    if not is_directory(found.st_mode):
        return False
    return WINDOWS or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)


def usable(directory: bytes | None, environ: Mapping[str, str]) -> bytes | None:
    """Return *directory*, made where it is missing, or None where it cannot be used.

    It is made only where the user owns HOME and the nearest directory that exists: ``sudo`` with
    the user's HOME must leave nothing of root's behind.
    """
    if directory is None:
        return None
    return directory if make(directory, environ) and is_own(directory) else None


def make(directory: bytes, environ: Mapping[str, str]) -> bool:
    """Make *directory* where it is missing and that is allowed; return whether it is there."""
    home = os.fsencode(environ.get("HOME", "")).rstrip(b"/")
    if home and directory.startswith(home + b"/") and not is_owned(home):
        return False
    return make_directories(directory)


def make_directories(path: bytes) -> bool:
    """Create *path* and what is missing above it, mode 0700; return whether it is there.

    Nothing is created in a directory of another user's.
    """
    # A loop, since a path may have 2000 directories and Python's calls be less deep.
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path, child = os.path.dirname(path), path
        if path == child:
            return False
    for path in reversed(missing):
        if not is_owned(os.path.dirname(path)):
            return False
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        except OSError:
            return False
    return True


def upwards(path: bytes) -> Iterator[bytes]:
    """Yield *path* and the directories above it, up to ``/``."""
    yield path
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def is_owned(directory: bytes) -> bool:
    """Return whether *directory* belongs to the effective user."""
    try:
        return WINDOWS or os.stat(directory).st_uid == os.geteuid()
    except OSError:
        return False


def mirrored(base: bytes, path: bytes, stem: bytes) -> bytes | None:
    """Return the directory in *base* that stands for the absolute *path*, byte for byte.

    None where a component of *path* is called like the files that begin with *stem*: it would
    stand in the way of that of the directory above it.
    """
    inside = path.replace(b":", b"").replace(b"\\", b"/") if WINDOWS else path
    if b"/" + stem in b"/" + inside:
        return None
    inside = inside.strip(b"/")
    return os.path.join(base, inside) if inside else base
