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
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .decision import State, read_own, remove_empty, write_own
from .directories import mirrored
from .environment import BIN, CONFIG, UNFINISHED, WINDOWS, Doubt, Unusable, is_directory, read_file
from .errors import VenvhookError, shown

# Where the environment before lies while the new one is made.
ASIDE = b".venvhook-old"
# What to say where another process has locked the mark, or has taken it away.
BEING_MADE = "is being made by another process; wait for it, or stop it"
JUST_MADE = "has just been made by another process"
_FOREIGN = b".venvhook-other"
# How the name of a mark begins while it is written.
_DRAFT = UNFINISHED + b"-"
_MOVING, _MAKING = b"move", b"make"
_MARK = re.compile(rb"([0-9a-f]{32}) (move|make)\n")
_DIGITS = 32
# How many of them are kept.
_KNOWN = 3
_STEM = b"venvhook."
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


# ---- The mark ------------------------------------------------------------------------------------


def is_unfinished(environment: bytes) -> bool:
    """Return whether *environment* is marked."""
    return os.path.lexists(os.path.join(environment, UNFINISHED))


def is_being_made(environment: bytes) -> bool:
    """Return whether a process has locked the mark of *environment*; never so on Windows."""
    try:
        with locked_mark(environment) as is_free:
            return not is_free
    except OSError:
        return False


@contextmanager
def locked_mark(environment: bytes) -> Iterator[bool]:
    """Hold the lock on the mark of *environment*, if it has one; yield whether no other has it.

    Raises OSError where the mark cannot be opened or locked.
    """
    try:
        descriptor = os.open(os.path.join(environment, UNFINISHED), _FLAGS)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock the open mark *descriptor*; return whether no other process has it. Raises OSError."""
    if WINDOWS:
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_known(environment: bytes, state: State | None) -> bool:
    """Return whether what is marked at *environment* may be replaced: it is ours, or nothing."""
    if phase_of(environment, state):
        return True
    try:
        return is_empty(environment)
    except OSError:
        return False


def is_empty(environment: bytes) -> bool:
    """Return whether nothing but marks is in *environment*. Raises OSError.

    A making that is killed as it writes its mark leaves the draft of one.
    """
    return all(name == UNFINISHED or is_draft(name) for name in os.listdir(environment))


def is_draft(name: bytes) -> bool:
    """Return whether *name* is what a mark is called while it is written."""
    return name.startswith(_DRAFT)


def phase_of(environment: bytes, state: State | None) -> bytes:
    """Return in which phase the making of *environment* was left, or nothing.

    Nothing also where the mark is not known from *state*: it may have come with a clone.
    """
    try:
        mark = _MARK.fullmatch(read_file(os.path.join(environment, UNFINISHED), 64, links=False))
    except (OSError, Unusable):
        return b""
    return mark[2] if mark is not None and mark[1] in _recorded(environment, state) else b""


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


def _recorded(environment: bytes, state: State | None) -> list[bytes]:
    """Return the digits of marks that are known in *environment*."""
    file = None if state is None else _record(environment, state)
    try:
        return ((None if file is None else read_own(file)) or b"").split()
    except Doubt:
        return []


# ---- The making ----------------------------------------------------------------------------------


class Site:
    """The directory in which an environment is made, its mark, and what was there before.

    All in it is named from the open directory, so that nothing is moved or removed elsewhere where
    its name is given to something else meanwhile. (Windows, which cannot, names it by its path.)
    """

    def __init__(self, environment: bytes, state: State | None, clears: bool) -> None:
        self.environment = environment
        # Whether what is there is to be made anew; else there is nothing, or what is unfinished.
        self._clears = clears
        self._state = state
        self._directory = -1
        self._descriptor = -1
        self._is_new = False
        # Marked by whom nothing is known.
        self._is_foreign = False
        self._set_apart = False

    @property
    def descriptor(self) -> int:
        """The open, locked mark."""
        return self._descriptor

    def open(self) -> None:
        """Make the directory, mark and lock it, and move aside what is in it.

        Raises VenvhookError where that cannot be done; then all is as before.
        """
        try:
            self._is_new = self._make_directory()
            self._open_directory()
            was_marked = self._open_mark()
            phase = phase_of(self.environment, self._state)
            self._is_foreign = was_marked and not phase
        except OSError as error:
            self.close()
            if self._is_new:
                with suppress(OSError):
                    os.rmdir(self.environment)
            raise failure(self.environment, error) from None
        try:
            if not was_marked or self._is_foreign:
                self._take()
            if phase == _MAKING and was_marked:
                # What was before is all aside; next to it is what was made.
                self.clear()
            else:
                self._move_aside()
            self._write(_MAKING)
        except OSError as error:
            if phase != _MAKING or not was_marked:
                self._undo()
            self.close()
            raise failure(self.environment, error) from None

    def _make_directory(self) -> bool:
        try:
            os.mkdir(self.environment)
        except FileExistsError:
            return False
        return True

    def _open_directory(self) -> None:
        if not WINDOWS:
            self._directory = os.open(self.environment, os.O_RDONLY | os.O_DIRECTORY)

    def is_same(self) -> bool:
        """Return whether the environment's name still leads to the directory that was opened."""
        try:
            return WINDOWS or os.path.samestat(os.stat(self.environment), os.fstat(self._directory))
        except OSError:
            return False

    def _at(self, name: bytes) -> tuple[bytes, int | None]:
        """Return how *name* in the environment is called, and from which open directory."""
        if WINDOWS:
            return os.path.join(self.environment, name), None
        return name, self._directory

    def _has(self, name: bytes) -> bool:
        path, directory = self._at(name)
        try:
            os.lstat(path, dir_fd=directory)
        except OSError:
            return False
        return True

    def _is_directory(self, name: bytes) -> bool:
        path, directory = self._at(name)
        try:
            return is_directory(os.lstat(path, dir_fd=directory).st_mode)
        except OSError:
            return False

    def _move(self, name: bytes, to: bytes) -> None:
        (old, directory), (new, _same) = self._at(name), self._at(to)
        os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)

    def _unlink(self, name: bytes) -> None:
        path, directory = self._at(name)
        os.unlink(path, dir_fd=directory)

    def _remove(self, name: bytes) -> None:
        """Remove *name*, and all that is in it if it is a directory; links are not followed."""
        if self._is_directory(name):
            path, directory = self._at(name)
            shutil.rmtree(path, ignore_errors=True, dir_fd=directory)
        else:
            self._unlink(name)

    def _open(self, name: bytes, flags: int) -> int:
        path, directory = self._at(name)
        return os.open(path, flags, 0o600, dir_fd=directory)

    def _names(self, name: bytes = b"") -> list[bytes]:
        """Return what is in the environment, or in the directory *name* of it; not what is ours."""
        names = self._all_names(name)
        return [n for n in names if n not in (UNFINISHED, ASIDE) and not is_draft(n)]

    def _all_names(self, name: bytes = b"") -> list[bytes]:
        if WINDOWS:
            return os.listdir(os.path.join(self.environment, name))
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = self._open(name or b".", flags)
        try:
            return [os.fsencode(text) for text in os.listdir(descriptor)]
        finally:
            os.close(descriptor)

    # -- The mark --

    def _open_mark(self) -> bool:
        """Open and lock the mark; return whether there was one.

        A new one says all that it has to say from its beginning.
        """
        if not self._has(UNFINISHED):
            try:
                self._descriptor = self._new_mark()
            except (FileExistsError, FileNotFoundError):
                pass
            else:
                return False
        self._descriptor = self._open_other()
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            where = shown(os.path.join(self.environment, UNFINISHED))
            raise VenvhookError(f"{where}: is no regular file; remove it")
        self._lock()
        return True

    def _open_other(self) -> int:
        """Return the mark that is there. Raises VenvhookError where it has just gone."""
        try:
            return self._open(UNFINISHED, _FLAGS)
        except FileNotFoundError:
            raise self._lost(JUST_MADE) from None

    def _new_mark(self) -> int:
        """Return a new, locked mark.

        Raises FileExistsError where another process has made one, FileNotFoundError where one that
        has finished has taken this one's draft for what a killed one left.
        """
        digits = self._digits()
        draft = _DRAFT + digits
        self._descriptor = self._open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            os.write(self._descriptor, digits + b" " + _MOVING + b"\n")
            _lock(self._descriptor)  # Nobody else opens a draft.
            if WINDOWS:
                self._move(draft, UNFINISHED)
            else:
                (old, directory), (new, _same) = self._at(draft), self._at(UNFINISHED)
                os.link(old, new, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            os.close(self._descriptor)
            self._descriptor = -1
            raise
        finally:
            with suppress(FileNotFoundError):
                self._unlink(draft)
        return self._descriptor

    def _drop_drafts(self) -> None:
        """Remove the drafts that killed processes have left, as far as that can be done."""
        with suppress(OSError):
            for name in filter(is_draft, self._all_names()):
                self._unlink(name)

    def _digits(self) -> bytes:
        """Return new digits, that are recorded as those of the environment's mark."""
        digits = os.urandom(_DIGITS // 2).hex().encode()
        file = None if self._state is None else _record(self.environment, self._state)
        if file is not None:
            # Beside those of who may be at it at the same time.
            known = _recorded(self.environment, self._state)[-_KNOWN:]
            write_own(file, b"\n".join((*known, digits)))
        return digits

    def _lock(self) -> None:
        """Lock the mark. Raises VenvhookError where another process has it."""
        if not _lock(self._descriptor):
            raise self._lost(BEING_MADE)
        if not os.fstat(self._descriptor).st_nlink:
            # Who had it has just finished.
            raise self._lost(JUST_MADE)

    def _lost(self, reason: str) -> VenvhookError:
        """Return what to say where another process is at it, or was."""
        self.close()
        return VenvhookError(f"{shown(self.environment)}: {reason}")

    def _take(self) -> None:
        """Make the mark this one's. All that is there is of the environment before."""
        if not self._clears and self._names():
            if not self._is_foreign:
                self._unlink(UNFINISHED)
                self._forget()
            raise self._lost(JUST_MADE)
        if self._has(ASIDE):
            # Left by a making that was killed after its end; if it is something else, then it is
            # the user's, as all that is there.
            if self._is_foreign or not self._is_directory(ASIDE):
                self._move(ASIDE, _FOREIGN)
                self._set_apart = True
            else:
                self._remove(ASIDE)
        if self._is_foreign:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, self._digits() + b" " + _MOVING + b"\n")

    def _write(self, phase: bytes) -> None:
        os.lseek(self._descriptor, _DIGITS + 1, os.SEEK_SET)
        os.write(self._descriptor, phase)

    # -- What was there before --

    def _move_aside(self) -> None:
        if not self._has(ASIDE):
            path, directory = self._at(ASIDE)
            os.mkdir(path, 0o700, dir_fd=directory)
        # First what makes it an environment, so that none is ever half.
        for name in sorted(self._names(), key=lambda name: name != CONFIG):
            self._move(name, os.path.join(ASIDE, name))

    def clear(self) -> None:
        """Remove what was made. Raises OSError."""
        for name in self._names():
            self._remove(name)

    def give_back(self) -> None:
        """Put back what was there before; where nothing was, remove the directory."""
        try:
            self.clear()
            self._write(_MOVING)
        except OSError:
            return  # It stays marked, and the next making goes on from there.
        self._undo()

    def _undo(self) -> None:
        """Put back what was moved aside, and take the mark away, as far as that can be done."""
        try:
            names = self._names(ASIDE) if self._is_directory(ASIDE) else []
            for name in sorted(names, key=lambda name: name == CONFIG):
                self._move(os.path.join(ASIDE, name), name)
            path, directory = self._at(ASIDE)
            if self._is_directory(ASIDE):
                os.rmdir(path, dir_fd=directory)
            if self._set_apart:
                self._move(_FOREIGN, ASIDE)
            self._drop_drafts()
            if not self._is_foreign:
                self._unlink(UNFINISHED)
            self._forget()
            if self._is_new and self.is_same() and not self._names():
                os.rmdir(self.environment)
        except OSError:
            return  # It stays marked, and the next making goes on from there.

    def commit(self) -> None:
        """Take the mark away: from here on it is an environment. Then remove what was before."""
        self._drop_drafts()
        self._unlink(UNFINISHED)
        # For the shells that look: their answer rests on the time of this directory.
        path, directory = self._at(BIN)
        os.utime(path, dir_fd=directory)
        self._forget()
        self._remove(ASIDE)

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
        for descriptor in (self._descriptor, self._directory):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._directory = -1


def failure(environment: bytes, error: OSError) -> VenvhookError:
    """Return what to say of *error*, met at *environment*, of which nothing is left."""
    where = shown(os.fsencode(error.filename or environment))
    if error.errno == errno.ENOSPC:
        return VenvhookError(f"{where}: the disk is full; nothing was changed")
    return VenvhookError(f"{where}: {error.strerror}; nothing was changed")
