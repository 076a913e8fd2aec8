"""An environment while it is made: its directory, the mark in it, and what was there before.

What is in the way of an environment's making is moved into a directory inside of it, and comes back
if the making fails. So at every moment there is the old environment, or one that is marked, which
no shell activates and which the next making replaces. The mark is locked by who makes it, and by
the tool that he has started.

A mark says by its digits whose it is: a record in the state directory has them too, since a clone
may bring a mark. And it says in which phase the making is: what is next to it is either of the
environment before, all or some of which has been moved aside, or of the one that is being made.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat

from .decision import State, read_own, remove_empty, write_own
from .directories import mirrored
from .environment import BIN, CONFIG, UNFINISHED, WINDOWS, Doubt, Unusable, read_file
from .errors import VenvhookError, shown

# Where the environment before lies while the new one is made.
ASIDE = b".venvhook-old"
_OWN = (UNFINISHED, ASIDE)
_FOREIGN = b".venvhook-other"
_MOVING, _MAKING = b"move", b"make"
_MARK = re.compile(rb"([0-9a-f]{32}) (move|make)\n")
_DIGITS = 32
_STEM = b"venvhook."
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


# ---- The mark ------------------------------------------------------------------------------------


def is_unfinished(environment: bytes) -> bool:
    """Return whether *environment* is marked."""
    return os.path.lexists(os.path.join(environment, UNFINISHED))


def is_known(environment: bytes, state: State | None) -> bool:
    """Return whether what is marked at *environment* may be replaced: it is ours, or nothing."""
    if phase_of(environment, state):
        return True
    try:
        return not [name for name in os.listdir(environment) if name != UNFINISHED]
    except OSError:
        return False


def phase_of(environment: bytes, state: State | None) -> bytes:
    """Return in which phase the making of *environment* was left, or nothing.

    Nothing also where the mark is not known from *state*: it may have come with a clone.
    """
    try:
        mark = _MARK.fullmatch(read_file(os.path.join(environment, UNFINISHED), 64, links=False))
    except (OSError, Unusable):
        return b""
    return mark[2] if mark is not None and mark[1] == _recorded(environment, state) else b""


def former_of(environment: bytes, state: State | None) -> bytes:
    """Return where the environment lies that was at *environment* before, or nothing."""
    phase = phase_of(environment, state)
    aside = os.path.join(environment, ASIDE)
    if phase and os.path.lexists(os.path.join(aside, CONFIG)):
        return aside
    return b"" if phase == _MAKING else environment


def _record(environment: bytes, state: State) -> bytes | None:
    """Return the file that knows the mark of *environment*, or None where there can be none."""
    directory = mirrored(_records(state), os.path.realpath(environment), _STEM)
    return None if directory is None else os.path.join(directory, _STEM + b"unfinished")


def _records(state: State) -> bytes:
    return os.path.join(state.directory, b"unfinished")


def _recorded(environment: bytes, state: State | None) -> bytes:
    """Return the digits of the mark that is known in *environment*, or nothing."""
    file = None if state is None else _record(environment, state)
    try:
        return (None if file is None else read_own(file)) or b""
    except Doubt:
        return b""


# ---- The making ----------------------------------------------------------------------------------


class Site:
    """The directory in which an environment is made, its mark, and what was there before."""

    def __init__(self, environment: bytes, state: State | None, clears: bool) -> None:
        self.environment = environment
        # Whether what is there is to be made anew; else there is nothing, or what is unfinished.
        self._clears = clears
        self._state = state
        self._mark = os.path.join(environment, UNFINISHED)
        self._aside = os.path.join(environment, ASIDE)
        self._descriptor = -1
        self._is_new = False
        # Marked by whom nothing is known.
        self._is_foreign = False

    @property
    def descriptor(self) -> int:
        """The open, locked mark."""
        return self._descriptor

    def open(self) -> None:
        """Make the directory, mark and lock it, and move aside what is in it."""
        try:
            self._is_new = self._make_directory()
            was_marked = is_unfinished(self.environment)
            self._open_mark()
            self._lock()
            phase = phase_of(self.environment, self._state)
            self._is_foreign = was_marked and not phase
            if not phase:
                self._take()
            if phase == _MAKING:
                # What was before is all aside; next to it is what was made.
                self.clear()
            else:
                self._move_aside()
            self._write(_MAKING)
        except OSError as error:
            self.close()
            raise failure(self.environment, error) from None

    def _make_directory(self) -> bool:
        try:
            os.mkdir(self.environment)
        except FileExistsError:
            return False
        return True

    def _open_mark(self) -> None:
        self._descriptor = os.open(self._mark, _FLAGS, 0o600)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise VenvhookError(f"{shown(self._mark)}: is no regular file; remove it")

    def _lock(self) -> None:
        """Lock the mark. Raises VenvhookError where another process has it."""
        if WINDOWS:
            return
        import fcntl

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                where = shown(self.environment)
                raise VenvhookError(
                    f"{where}: is being made by another process; wait for it, or stop it"
                ) from None
            raise
        if not os.path.lexists(self._mark):
            # Who had it has just finished.
            self.close()
            raise VenvhookError(f"{shown(self.environment)}: has just been made by another process")

    def _take(self) -> None:
        """Make the mark this one's. All that is there is of the environment before."""
        if not self._clears and self._entries():
            if not self._is_foreign:
                os.unlink(self._mark)
            self.close()
            where = shown(self.environment)
            raise VenvhookError(f"{where}: has just been made by another process")
        if os.path.lexists(self._aside):
            # Left by a making that was killed after its end; if it is something else, then it is
            # the user's, as all that is there.
            if os.path.islink(self._aside) or self._is_foreign:
                os.rename(self._aside, os.path.join(self.environment, _FOREIGN))
            else:
                _remove(self._aside)
        digits = os.urandom(_DIGITS // 2).hex().encode()
        file = None if self._state is None else _record(self.environment, self._state)
        if file is not None:
            write_own(file, digits)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, digits + b" " + _MOVING + b"\n")

    def _write(self, phase: bytes) -> None:
        os.lseek(self._descriptor, _DIGITS + 1, os.SEEK_SET)
        os.write(self._descriptor, phase)

    def _entries(self) -> list[bytes]:
        return [name for name in os.listdir(self.environment) if name not in _OWN]

    def _move_aside(self) -> None:
        if not os.path.lexists(self._aside):
            os.mkdir(self._aside, 0o700)
        # First what makes it an environment, so that none is ever half.
        for name in sorted(self._entries(), key=lambda name: name != CONFIG):
            os.rename(os.path.join(self.environment, name), os.path.join(self._aside, name))

    def clear(self) -> None:
        """Remove what was made. Raises OSError."""
        for name in self._entries():
            _remove(os.path.join(self.environment, name))

    def give_back(self) -> None:
        """Put back what was there before; where nothing was, remove the directory."""
        try:
            self.clear()
            self._write(_MOVING)
            names = os.listdir(self._aside)
            for name in sorted(names, key=lambda name: name == CONFIG):
                os.rename(os.path.join(self._aside, name), os.path.join(self.environment, name))
            os.rmdir(self._aside)
            if not (names and self._is_foreign):
                os.unlink(self._mark)
            self._forget()
            if not names and self._is_new:
                os.rmdir(self.environment)
        except OSError:
            return  # It stays marked, and the next making goes on from there.

    def commit(self) -> None:
        """Take the mark away: from here on it is an environment. Then remove what was before."""
        os.unlink(self._mark)
        # For the shells that look: their answer rests on the time of this directory.
        os.utime(os.path.join(self.environment, BIN))
        self._forget()
        _remove(self._aside)

    def _forget(self) -> None:
        """Remove the record of the mark."""
        file = None if self._state is None else _record(self.environment, self._state)
        if file is None or self._state is None:
            return
        try:
            os.unlink(file)
        except OSError:
            return  # It means nothing without the mark.
        remove_empty(os.path.dirname(file), _records(self._state))

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _remove(path: bytes) -> None:
    """Remove *path*, and all that is in it if it is a directory; links are not followed."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def failure(environment: bytes, error: OSError) -> VenvhookError:
    """Return what to say of *error*, met at *environment*, of which nothing is left."""
    where = shown(os.fsencode(error.filename or environment))
    if error.errno == errno.ENOSPC:
        return VenvhookError(f"{where}: the disk is full; nothing was changed")
    return VenvhookError(f"{where}: {error.strerror}; nothing was changed")
