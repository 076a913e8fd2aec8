"""What was decided about environments, and the token by which an accepted one is known again.

A decision is a small file in the state directory, ``<state>/decisions/<path>/venvhook.<kind>``,
that mirrors the real path it is about. Its lines are ``key value``; the last, ``path``, goes on to
the end of the file. The token is a file in the environment, ``.venvhook``: 32 hexadecimal digits
and a newline, which the decision and the recipe carry too. An environment that was put in the place
of an accepted one does not know them.
"""

from __future__ import annotations

import errno
import os
import time

from .directories import is_own, is_owned, make_directories, mirrored, state_directory, upwards
from .environment import CONFIG, WINDOWS, Doubt, Unusable, is_file, read_file
from .errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOKEN = b".venvhook"
TOKEN_LENGTH = 33
# What a decision is about: an environment; a project where none is ever used; a directory below
# which it does not matter where environments were made; a project for which none is to be offered;
# a directory in which and below which it is as if there were none.
ENVIRONMENT, DENY, UNDER, DECLINED = b"decision", b"deny", b"under", b"declined"
IGNORED = b"ignored"
KINDS = (ENVIRONMENT, DENY, UNDER, DECLINED, IGNORED)
OWN, ALLOWED, UNASKED = b"own", b"allowed", b"unasked"

_HEADER = b"venvhook 1"
_STEM = b"venvhook."
_LIMIT = 64 * 1024
_LOCK_TRIES = 50
_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
# 2001-02-03: long before, and no multiple of a second, to which some file systems round.
_LONG_AGO = 981_173_106_123_456_700
_SKEW = 60 * 10**9


class Decision:
    """What is known of the environment at the real path *path*.

    *how* it was accepted: OWN (all conditions held, but for those in *aside*), ALLOWED (by the
    user), UNASKED (the setting trust = "all"). *token* is its digits, or empty where none could be
    written; *identity* says which environment it was then; *aside* are the names of the conditions
    that were set aside; *delivered* is the digest of what a repository tracked of it, or empty.
    """

    __slots__ = ("aside", "delivered", "how", "identity", "path", "token")

    def __init__(
        self,
        path: bytes,
        how: bytes,
        token: bytes = b"",
        identity: bytes = b"",
        aside: tuple[bytes, ...] = (),
        delivered: bytes = b"",
    ) -> None:
        self.path = path
        self.how = how
        self.token = token
        self.identity = identity
        self.aside = aside
        self.delivered = delivered

    def text(self) -> bytes:
        """Return the content of its file."""
        rows = (
            (b"how", self.how),
            (b"token", self.token),
            (b"identity", self.identity),
            (b"aside", b" ".join(self.aside)),
            (b"delivered", self.delivered),
            (b"path", self.path),
        )
        return _HEADER + b"\n" + b"\n".join(key + b" " + value for key, value in rows)


class State:
    """The decisions in the directory *directory*, which is the user's alone."""

    __slots__ = ("directory",)

    def __init__(self, directory: bytes) -> None:
        self.directory = directory

    @property
    def stamp(self) -> bytes:
        """The file whose time is that of the last change of trust."""
        return os.path.join(self.directory, b"stamp")

    def has_stamp(self) -> bool:
        """Make the stamp where it is missing; return whether it is there."""
        try:
            descriptor = os.open(self.stamp, os.O_WRONLY | os.O_CREAT | _NO_FOLLOW, 0o600)
        except OSError:
            return False
        os.close(descriptor)
        return True

    def touch(self) -> None:
        """Let every kept recipe be looked at again. Raises OSError."""
        if self.has_stamp():
            os.utime(self.stamp)

    def file(self, path: bytes, kind: bytes) -> bytes | None:
        """Return the file of the decision of *kind* about *path*, or None if there can be none."""
        directory = mirrored(decisions_below(self.directory), path, _STEM)
        return None if directory is None else os.path.join(directory, _STEM + kind)

    def decision(self, path: bytes, kind: bytes = ENVIRONMENT) -> Decision | None:
        """Return the decision of *kind* about *path*, or None. Raises Doubt for a damaged one."""
        file = self.file(path, kind)
        if file is None:
            return None
        found = _read_decision(file)
        # On a disk that ignores case this is what was decided about another spelling.
        return found if found is not None and found.path == path else None

    def is_under(self, path: bytes) -> bool:
        """Return whether *path* lies in a directory where birth does not matter."""
        places = upwards(os.path.dirname(path))
        return any(self.decision(place, UNDER) is not None for place in places)

    def keep(self, decision: Decision, kind: bytes = ENVIRONMENT) -> bool:
        """Write *decision*, whole or not at all; return whether it is written."""
        file = self.file(decision.path, kind)
        if file is None:
            return False
        return write_own(file, decision.text())

    def forget(self, path: bytes, kind: bytes = ENVIRONMENT) -> bool:
        """Remove the decision of *kind* about *path*; return whether there was one.

        Raises OSError where it cannot be removed.
        """
        file = self.file(path, kind)
        if file is None:
            return False
        try:
            os.unlink(file)
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                return False
            raise
        remove_empty(os.path.dirname(file), decisions_below(self.directory))
        return True

    def decisions(
        self, kinds: tuple[bytes, ...] = KINDS
    ) -> Iterator[tuple[bytes, Decision | Doubt]]:
        """Yield the kind of every decision and what it says, or Doubt where it cannot be read."""
        for kind, file in self._files(kinds):
            try:
                found = _read_decision(file)
                if found is not None and not is_at(self.file(found.path, kind), file):
                    raise damaged(file, "it is about another path")
            except Doubt as doubt:
                yield kind, doubt
            else:
                # None if it has gone meanwhile.
                if found is not None:
                    yield kind, found

    def sweep(self) -> list[bytes]:
        """Remove the files of decisions that cannot be read; return their names.

        Raises OSError where one cannot be removed.
        """
        swept = []
        for kind, file in self._files():
            try:
                found = _read_decision(file)
                whole = found is None or is_at(self.file(found.path, kind), file)
            except Doubt:
                whole = False
            if not whole:
                os.unlink(file)
                remove_empty(os.path.dirname(file), decisions_below(self.directory))
                swept.append(file)
        return swept

    def _files(self, kinds: tuple[bytes, ...] = KINDS) -> Iterator[tuple[bytes, bytes]]:
        """Yield the kind and the file of every decision of *kinds*, in the order of their names.

        Not what a process has left that was killed as it wrote.
        """
        for path in directories_below(decisions_below(self.directory)):
            for kind in kinds:
                file = os.path.join(path, _STEM + kind)
                if os.path.lexists(file):
                    yield kind, file

    def lock(self, tries: int = _LOCK_TRIES) -> Lock | None:
        """Return the lock on all decisions, or None if another keeps it for *tries* times 2 ms."""
        try:
            flags = os.O_RDWR | os.O_CREAT | _NO_FOLLOW
            descriptor = os.open(os.path.join(self.directory, b"lock"), flags, 0o600)
        except OSError:
            return None
        for left in range(tries, 0, -1):
            if _is_locked(descriptor):
                return Lock(descriptor)
            if left > 1:
                time.sleep(0.002)
        os.close(descriptor)
        return None


def existing_state(environ: Mapping[str, str]) -> State | None:
    """Return the user's decisions, where there is a directory of them that may be used."""
    directory = state_directory(environ)
    return State(directory) if directory is not None and is_own(directory) else None


def _is_locked(descriptor: int) -> bool:
    """Lock the open file *descriptor* for this process; return whether that could be done."""
    if WINDOWS:
        return True  # It has no such locks: two at once there take the risk.
    # A library that takes 0.3 ms to load, and only a change of trust needs it.
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Lock:
    """A lock that is held until its end."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Lock:
        """Return itself; it is held since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        os.close(self._descriptor)


_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def directories_below(base: bytes) -> Iterator[bytes]:
    """Yield *base* and the directories in it, at any depth and by their names; not by links."""
    # A stack, since a path may have 2000 directories and Python fewer calls.
    waiting = [base]
    while waiting:
        path = waiting.pop()
        yield path
        try:
            with os.scandir(path) as entries:
                inner = sorted(e.path for e in entries if e.is_dir(follow_symlinks=False))
        except OSError:
            inner = []
        waiting += inner[::-1]


def decisions_below(state: bytes) -> bytes:
    """Return the directory of all decisions in the state directory *state*."""
    return os.path.join(state, b"decisions")


def policies_below(state: bytes) -> bytes:
    """Return the directory of the generations of policies in the state directory *state*."""
    return os.path.join(state, b"policies")


def _read_decision(file: bytes) -> Decision | None:
    """Return the decision in *file*, or None where there is no such file. Raises Doubt."""
    text = read_own(file)
    try:
        return None if text is None else _parsed(text)
    except ValueError as error:
        raise damaged(file, str(error)) from None


# ---- Files of the state directory ----------------------------------------------------------------


def damaged(file: bytes, how: str, mend: str = "venvhook allow --prune") -> Doubt:
    """Return the doubt that *file* is damaged: *how*, and the command that takes it away."""
    return Doubt(f"{shown(file)} is damaged ({how})", mend)


def is_at(expected: bytes | None, file: bytes) -> bool:
    """Return whether *file* is where *expected* is; where the disk ignores case, by other names."""
    if expected is None or expected == file:
        return expected is not None
    try:
        return os.path.samefile(expected, file)
    except OSError:
        return False


def read_own(file: bytes, mend: str = "venvhook allow --prune") -> bytes | None:
    """Return the content of *file*, or None where there is none.

    Raises Doubt where it cannot be read or is not the user's own; *mend* takes it away.
    """
    try:
        found = os.lstat(file)
        if not WINDOWS and found.st_uid != os.geteuid():
            raise Unusable("it is not yours")
        if not is_file(found.st_mode):
            raise Unusable("it is no regular file")
        return read_file(file, _LIMIT)
    except Unusable as error:
        raise damaged(file, error.reason, mend) from None
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise Doubt(f"{shown(file)} cannot be read ({error.strerror})") from None


def write_own(file: bytes, text: bytes) -> bool:
    """Write *text* to *file*, whole or not at all; return whether it is written."""
    temporary = file + b".%d" % os.getpid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_FOLLOW
    try:
        if not make_directories(os.path.dirname(file)):
            return False
        descriptor = os.open(temporary, flags, 0o600)
        try:
            whole = os.write(descriptor, text) == len(text)
        finally:
            os.close(descriptor)
        if whole:
            os.replace(temporary, file)
            return True
        os.unlink(temporary)
    except OSError:
        return False
    return False


def remove_empty(directory: bytes, base: bytes) -> None:
    """Remove *directory* and those above it below *base*, as far as nothing is in them any more."""
    while len(directory) > len(base):
        try:
            os.rmdir(directory)
        except OSError:
            return
        directory = os.path.dirname(directory)


# ---- A decision's text ---------------------------------------------------------------------------


def _parsed(text: bytes) -> Decision:
    """Return the decision that *text* says; raises ValueError where it says none."""
    header, _, rest = text.partition(b"\n")
    if header != _HEADER:
        raise ValueError("its first line is unknown")
    rows = {}
    while rest:
        key, separator, rest = rest.partition(b" ")
        if not separator:
            raise ValueError("it ends early")
        if key == b"path":
            rows[key] = rest
            break
        rows[key], _, rest = rest.partition(b"\n")
    if set(rows) != {b"how", b"token", b"identity", b"aside", b"delivered", b"path"}:
        raise ValueError("lines are missing")
    if rows[b"how"] not in (OWN, ALLOWED, UNASKED):
        raise ValueError("it does not say how")
    return Decision(
        rows[b"path"],
        rows[b"how"],
        rows[b"token"],
        rows[b"identity"],
        tuple(rows[b"aside"].split()),
        rows[b"delivered"],
    )


# ---- The token -----------------------------------------------------------------------------------


def read_token(environment: bytes) -> bytes:
    """Return the digits in the token file of *environment*, or nothing where it proves nothing.

    It must be a regular file of the user's, with one name only and exactly the length of a token.
    """
    path = os.path.join(environment, TOKEN)
    try:
        found = os.lstat(path)
        if not is_file(found.st_mode) or found.st_size != TOKEN_LENGTH or found.st_nlink != 1:
            return b""
        if not WINDOWS and found.st_uid != os.geteuid():
            return b""
        descriptor = _open_quietly(path)
        try:
            opened = os.fstat(descriptor)
            if (opened.st_ino, opened.st_dev) != (found.st_ino, found.st_dev):
                return b""
            text = os.read(descriptor, TOKEN_LENGTH + 1)
        finally:
            os.close(descriptor)
    except OSError:
        return b""
    return text[:-1] if is_token(text) else b""


def holds_token(environment: bytes, digits: bytes) -> bool:
    """Return whether the token file of *environment* has these *digits*, whatever else it is.

    For where one has just been planted: some file systems give files links or owners of their own.
    """
    path = os.path.join(environment, TOKEN)
    try:
        if not is_file(os.lstat(path).st_mode):
            return False
        descriptor = _open_quietly(path)
        try:
            return os.read(descriptor, TOKEN_LENGTH + 1) == digits + b"\n"
        finally:
            os.close(descriptor)
    except OSError:
        return False


def _open_quietly(path: bytes) -> int:
    """Return a descriptor of the user's own file *path*, to read it, that moves no access time.

    By the token's access time 'venvhook list' tells when a shell was last at the environment.
    """
    flags = os.O_RDONLY | _NO_FOLLOW
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, flags)  # Where a file system does not know who its owner is.


def is_token(text: bytes) -> bool:
    """Return whether *text* is a token: 32 digits in lower-case hexadecimal and a newline."""
    return (
        len(text) == TOKEN_LENGTH
        and text[-1:] == b"\n"
        and not text[:-1].strip(b"0123456789abcdef")
    )


def plant_token(environment: bytes) -> tuple[bytes, bool]:
    """Put a new token into *environment*; return its digits, and whether times are honest there.

    No digits where none can be written. Times are honest where a file keeps the modification time
    that it is given, and its change time becomes the time of that moment all the same: without it,
    equal times prove nothing (sshfs, exFAT). The token stays dated long ago, so that a recipe is
    always newer.
    """
    if not is_owned(environment):
        return b"", False
    path = os.path.join(environment, TOKEN)
    digits = os.urandom(16).hex().encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    try:
        remove_token(environment)
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        return b"", False
    try:
        whole = os.write(descriptor, digits + b"\n") == TOKEN_LENGTH
        honest = _keeps_times(path, descriptor)
    except OSError:
        whole = honest = False
    finally:
        os.close(descriptor)
    return (digits, honest) if whole else (b"", honest)


def remove_token(environment: bytes) -> None:
    """Remove the token of *environment*, whatever it is. Raises OSError where that fails."""
    try:
        os.unlink(os.path.join(environment, TOKEN))
    except FileNotFoundError:
        return


def _keeps_times(path: bytes, descriptor: int) -> bool:
    """Return whether the file keeps the time that it is given, and its own change time."""
    target = descriptor if os.utime in os.supports_fd else path
    os.utime(target, ns=(_LONG_AGO, _LONG_AGO))
    found = os.fstat(descriptor)
    if found.st_mtime_ns != _LONG_AGO:
        return False
    return WINDOWS or abs(time.time_ns() - found.st_ctime_ns) < _SKEW


def token_proves_times(environment: bytes) -> bool:
    """Return whether the token of *environment* has kept the time it was given, and its own."""
    try:
        found = os.lstat(os.path.join(environment, TOKEN))
    except OSError:
        return False
    return is_file(found.st_mode) and found.st_mtime_ns == _LONG_AGO != found.st_ctime_ns


def keeps_times_beside(environment: bytes, directory: bytes) -> bool | None:
    """Return whether the file system of *environment* keeps times, tried in *directory*.

    For an environment that gets no token. None where *directory* is on another one, or not written.
    """
    path = os.path.join(directory, b".venvhook-times.%d.%d" % (os.getpid(), time.time_ns()))
    try:
        if os.stat(environment).st_dev != os.stat(directory).st_dev:
            return None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            return _keeps_times(path, descriptor)
        finally:
            os.close(descriptor)
            os.unlink(path)
    except OSError:
        return None


def identity(environment: bytes) -> bytes:
    """Return what tells *environment* from another in its place where it can hold no token.

    That is the change time of ``pyvenv.cfg``, which only root can set, and its inode. Raises
    OSError.
    """
    found = os.lstat(os.path.join(environment, CONFIG))
    return b"%d:%d:%d" % (found.st_dev, found.st_ino, found.st_ctime_ns)
