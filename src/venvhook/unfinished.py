"""An environment while it is made: its directory, the mark in it, and what was there before.

What is in the way of an environment's making is moved into a directory inside of it, and comes back
if the making fails. So at every moment there is the old environment, or one that is marked, which
no shell activates and which the next making replaces. The mark is locked by who makes it, and by
the tool that he has started.
"""

from __future__ import annotations

import errno
import os
import shutil

from .environment import BIN, CONFIG, UNFINISHED, WINDOWS
from .errors import VenvhookError, shown

# Where the environment before lies while the new one is made.
ASIDE = b".venvhook-old"
_OWN = (UNFINISHED, ASIDE)


def is_unfinished(environment: bytes) -> bool:
    """Return whether *environment* is marked."""
    return os.path.lexists(os.path.join(environment, UNFINISHED))


class Site:
    """The directory in which an environment is made, its mark, and what was there before."""

    def __init__(self, environment: bytes) -> None:
        self.environment = environment
        self._mark = os.path.join(environment, UNFINISHED)
        self._aside = os.path.join(environment, ASIDE)
        self._descriptor = -1
        self._is_new = False

    @property
    def descriptor(self) -> int:
        """The open, locked mark."""
        return self._descriptor

    def open(self) -> None:
        """Make the directory, mark and lock it, and move aside what is in it."""
        try:
            self._is_new = self._make_directory()
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(self._mark, flags, 0o600)
            self._lock()
            if os.path.isdir(self._aside):
                # Of a making that did not end: what it made goes, what was before is still there.
                self._remove_made()
            else:
                self._move_aside()
        except OSError as error:
            self.close()
            raise failure(self.environment, error) from None

    def _make_directory(self) -> bool:
        try:
            os.mkdir(self.environment)
        except FileExistsError:
            return False
        return True

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
            raise VenvhookError(f"{shown(self.environment)}: has just been made by another process")

    def _entries(self) -> list[bytes]:
        return [name for name in os.listdir(self.environment) if name not in _OWN]

    def _move_aside(self) -> None:
        names = self._entries()
        os.mkdir(self._aside, 0o700)
        # First what makes it an environment, so that none is ever half.
        for name in sorted(names, key=lambda name: name != CONFIG):
            os.rename(os.path.join(self.environment, name), os.path.join(self._aside, name))

    def _remove_made(self) -> None:
        for name in self._entries():
            _remove(os.path.join(self.environment, name))

    def give_back(self) -> None:
        """Put back what was there before; where nothing was, remove the directory."""
        try:
            self._remove_made()
            names = os.listdir(self._aside)
            for name in sorted(names, key=lambda name: name == CONFIG):
                os.rename(os.path.join(self._aside, name), os.path.join(self.environment, name))
            os.rmdir(self._aside)
            os.unlink(self._mark)
            if self._is_new or not names:
                os.rmdir(self.environment)
        except OSError:
            return  # It stays marked, and the next making goes on from there.

    def commit(self) -> None:
        """Take the mark away: from here on it is an environment. Then remove what was before."""
        os.unlink(self._mark)
        # For the shells that look: their answer rests on the time of this directory.
        os.utime(os.path.join(self.environment, BIN))
        _remove(self._aside)

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
