"""The nearest environment at or above a directory: project roots, and what markers lead to."""

from __future__ import annotations

import os

from .environment import (
    CONFIG,
    WINDOWS,
    Unusable,
    is_directory,
    is_file,
    is_never_asked,
    kind,
    read_file,
    require_finished,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_NAMES = (b".venv", b"venv", b"env")
REDIRECT_LIMIT = 4096


class Marker:
    """What one project root leads to.

    *environment* is the directory, named through the marker, or None where no marker is one;
    *path* is the marker that decided; *reason* is None, or says why a marker that can only be meant
    as an environment (``.venv``, a FIFO) is none; *rests_on* are files that the answer rests on
    besides the environment's own. *root* is the project root: the directory that holds the marker,
    or for one that is *bound* to the project any other.
    """

    __slots__ = ("bound", "environment", "path", "reason", "rests_on", "root")

    def __init__(
        self,
        path: bytes,
        environment: bytes | None = None,
        reason: Unusable | None = None,
        rests_on: tuple[bytes, ...] = (),
        root: bytes | None = None,
    ) -> None:
        self.path = path
        self.bound = root is not None
        self.root = os.path.dirname(path) if root is None else root
        self.environment = environment
        self.reason = reason
        self.rests_on = rests_on


def levels(start: bytes, home: bytes) -> Iterator[bytes]:
    """Yield *start* and the directories above it, by their names, up to ``/`` or *home*.

    Those two count for themselves alone: each is yielded only as *start*. Nothing is yielded where
    *start* is not absolute.
    """
    if not os.path.isabs(start):
        return
    yield start
    directory = start
    while directory != home:
        parent = os.path.dirname(directory)
        if parent in (directory, home) or os.path.dirname(parent) == parent:
            return
        yield parent
        directory = parent


def is_same(one: bytes, other: bytes) -> bool:
    """Return whether both names lead to the same directory."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def present(root: bytes, names: tuple[bytes, ...]) -> bytes:
    """Return those of *names* that exist in *root*, each with a slash: what a shell sees."""
    return b"".join(name + b"/" for name in names if os.path.exists(os.path.join(root, name)))


def find_marker(root: bytes, names: tuple[bytes, ...]) -> Marker | None:
    """Return what the markers in *root* lead to, or None where there is no marker.

    The first of *names* that leads to an environment counts. Where none does, the first that says
    why; where all are something else altogether (a package called ``env``), one without a reason.
    """
    seen = [found for found in (_look_at(os.path.join(root, name)) for name in names) if found]
    for i, found in enumerate(seen):
        if found.environment is not None:
            # One that comes first by its name may become an environment.
            found.rests_on = (*(other.path for other in seen[:i]), *found.rests_on)
            return found
    for found in seen:
        if found.reason is not None:
            return found
    if not seen:
        return None
    return Marker(seen[0].path, rests_on=tuple(found.path for found in seen))


def _look_at(path: bytes) -> Marker | None:
    """Return what the marker at *path* is, or None where there is nothing."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return _look_at_unreachable(path, error)
    if is_directory(mode):
        return _look_at_directory(path)
    meant = os.path.basename(path).startswith(b".")
    if is_file(mode):
        # A file called 'env' holds settings; one called '.venv' leads to an environment.
        return _look_at_redirect(path) if meant else Marker(path)
    reason = Unusable(f"is {kind(mode)}, not an environment; remove it", kept=True)
    return Marker(path, reason=reason, rests_on=(path,))


def _look_at_unreachable(path: bytes, error: OSError) -> Marker | None:
    """Return a marker with a reason for a link to nowhere, or None where nothing is there."""
    try:
        os.lstat(path)
    except OSError:
        return None
    if isinstance(error, FileNotFoundError):
        return Marker(path, reason=Unusable("is a link to nothing; remove it"))
    return Marker(
        path, reason=Unusable(f"cannot be followed ({error.strerror}); remove or mend the link")
    )


def _look_at_directory(path: bytes) -> Marker:
    """Return a marker for the directory *path*: an environment if there is a ``pyvenv.cfg``."""
    config = os.path.join(path, CONFIG)
    try:
        os.lstat(config)
    except FileNotFoundError:
        try:
            require_finished(path)
        except Unusable as unfinished:
            return Marker(path, reason=unfinished, rests_on=(path,))
        if not os.path.basename(path).startswith(b"."):
            return Marker(path)
        text = f"no {CONFIG.decode()} in it, so it is no environment; remove or recreate it"
        return Marker(path, reason=Unusable(text, kept=True), rests_on=(path,))
    except OSError as error:
        reason = Unusable(f"cannot be read ({error.strerror}); mend its permissions")
        return Marker(path, reason=reason, rests_on=(config,))
    return Marker(path, environment=path)


def _look_at_redirect(path: bytes) -> Marker:
    """Return a marker for the file *path*, which should hold one line: the environment's path."""
    try:
        target = _redirect_target(path)
    except Unusable as reason:
        return Marker(path, reason=reason, rests_on=(path,))
    except OSError as error:
        return Marker(
            path, reason=Unusable(f"cannot be read ({error.strerror}); mend its permissions")
        )
    config = os.path.join(target, CONFIG)
    try:
        os.lstat(config)
    except OSError as error:
        # What is missing elsewhere leaves no trace here when it appears, nor does a directory in
        # the place of this file.
        text = f"leads to no environment ({error.strerror}); mend the path in that file"
        replaced = os.path.join(path, CONFIG)
        return Marker(path, reason=Unusable(text), rests_on=(path, config, replaced))
    return Marker(path, environment=target, rests_on=(path,))


def _redirect_target(path: bytes) -> bytes:
    """Return the absolute path that the redirect file *path* holds, relative to its directory.

    Raises Unusable where it holds anything but one line with a path that may be looked up, OSError
    where it cannot be read.
    """
    line = read_file(path, REDIRECT_LIMIT).strip(b"\r\n")
    if not line:
        raise Unusable(
            "is an empty file; write the path of an environment into it, or remove it", kept=True
        )
    if b"\n" in line or b"\r" in line or b"\0" in line:
        raise Unusable("is a file of more than one line; write just a path into it", kept=True)
    if line.startswith((b"//", b"\\\\")):
        raise Unusable(
            "leads to another host, which is not followed; name a local path in it", kept=True
        )
    root = os.path.dirname(path)
    # '..' means the directory above the real one, as for whoever wrote it.
    base = os.path.realpath(root) if b".." in line.split(b"/") else root
    target = os.path.normpath(os.path.join(base, line))
    if not WINDOWS and is_never_asked(target):
        raise Unusable("leads to where a look can hang; name another path in it", kept=True)
    return target
