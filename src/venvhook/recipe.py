"""A recipe: a decision as a line of shell code, and its file in the recipe cache.

The cache mirrors the file system: the recipe of ``/home/me/app`` is kept in
``<cache>/<protocol>/home/me/app/venvhook.recipe.<suffix>``, where a shell finds it without starting
a process. A recipe's modification time is that of the moment before the first look at what it rests
on, so any later change is newer than it or as old.
"""

from __future__ import annotations

import os
import time

from .directories import cache_directory, make_directories, mirrored, usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shells import Shell

# Raised when the verbs, their arguments or the helper's own arguments change.
PROTOCOL = b"2"
STEM = b"venvhook.recipe"

ACTIVATE, REFUSE, PASS = b"activate", b"refuse", b"pass"


class Recipe:
    """What a shell is to do about the project *root*.

    *verb* is one of the three; *markers* are those that exist in *root*, each with a slash: a new
    one may count instead, and leaves no trace in a witness; *values* are the arguments between them
    and *witnesses*; *kept* says whether the answer may be used again while nothing has changed.
    """

    __slots__ = ("kept", "markers", "root", "values", "verb", "witnesses")

    def __init__(
        self,
        verb: bytes,
        root: bytes,
        markers: bytes,
        values: tuple[bytes, ...],
        witnesses: list[bytes],
        kept: bool,
    ) -> None:
        self.verb = verb
        self.root = root
        self.markers = markers
        self.values = values
        self.witnesses = witnesses
        self.kept = kept

    def line(self, shell: Shell) -> bytes:
        """Return the recipe as one command of *shell*."""
        words = (self.root, self.markers, *self.values, *self.witnesses)
        quoted = b" ".join(shell.quote(word) for word in words)
        return b"_venvhook_" + self.verb + b" " + quoted + b"\n"


def recipe_cache(environ: Mapping[str, str], protocol: bytes = PROTOCOL) -> bytes | None:
    """Return the directory of the recipes of *protocol*, or None where none can be kept.

    It is there then, and what is above it is the user's alone.
    """
    directory = usable(cache_directory(environ), environ)
    if directory is None:
        return None
    cache = os.path.join(directory, protocol)
    return cache if make_directories(cache) else None


def recipe_path(cache: bytes, root: bytes, shell: Shell) -> bytes | None:
    """Return the file that keeps *shell*'s recipe of *root*, or None where none can be kept.

    A directory called like a recipe would stand in the way of the recipe of the one above it.
    """
    directory = mirrored(cache, root, STEM)
    return None if directory is None else os.path.join(directory, STEM + b"." + shell.suffix)


class Draft:
    """A recipe file under way, made before the look at what the recipe will rest on.

    Every failure (a full disk, a cache that cannot be written) ends in no recipe kept.
    """

    __slots__ = ("_begun", "_descriptor", "_path", "_temporary")

    def __init__(self, path: bytes | None) -> None:
        self._begun = 0
        self._descriptor = -1
        self._path = path or b""
        self._temporary = self._path + b".%d" % os.getpid()
        if path is None:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        flags |= getattr(os, "O_BINARY", 0)
        for attempt in (self._open_plain, self._open_in_new_directory, self._open_over_remains):
            if attempt(flags):
                self._begun = os.fstat(self._descriptor).st_mtime_ns
                return

    def _open_plain(self, flags: int) -> bool:
        try:
            self._descriptor = os.open(self._temporary, flags, 0o600)
        except OSError:
            return False
        return True

    def _open_in_new_directory(self, flags: int) -> bool:
        return make_directories(os.path.dirname(self._temporary)) and self._open_plain(flags)

    def _open_over_remains(self, flags: int) -> bool:
        # Left by a helper of the same process number that was killed.
        try:
            os.unlink(self._temporary)
        except OSError:
            return False
        return self._open_plain(flags)

    def keep(self, text: bytes) -> None:
        """Put *text* in the recipe's place, dated to the draft's beginning."""
        if self._descriptor < 0:
            return
        try:
            whole = os.write(self._descriptor, text) == len(text)
            os.close(self._descriptor)
            self._descriptor = -1
            if whole:
                os.utime(self._temporary, ns=(self._begun, self._begun))
                os.replace(self._temporary, self._path)
                return
        except OSError:
            pass
        self.drop()

    def is_overtaken(self, witnesses: list[bytes]) -> bool:
        """Return whether one of *witnesses* has changed since the draft's beginning.

        One dated in the future has not: it would be overtaken for ever.
        """
        now = time.time_ns()
        for path in witnesses if self._begun else ():
            try:
                changed = os.stat(path).st_mtime_ns
            except OSError:
                continue
            if self._begun <= changed <= now:
                return True
        return False

    def drop(self) -> None:
        """Keep nothing: neither this draft nor a recipe from before."""
        if not self._path:
            return
        try:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
        finally:
            for path in (self._temporary, self._path):
                try:
                    os.unlink(path)
                except OSError:
                    continue
