"""A recipe: a decision as a line of shell code, and its file in the recipe cache.

The cache mirrors the file system: the recipe of ``/home/me/app`` is kept in
``<cache>/<protocol>/home/me/app/venvhook.recipe.<suffix>``, where a shell finds it without starting
a process. A recipe's modification time is that of the moment before the first look at what it rests
on, so any later change is newer than it or as old.

Beside it lies its *generation*, an empty file whose name is in the recipe as one more witness, and
which is removed when the recipe is replaced: so each shell sees what was found for another one. A
recipe that may not be kept is a comment with that name: nothing to do, but a time to compare with.
"""

from __future__ import annotations

import os
import time

from .directories import cache_directory, make_directories, mirrored, usable
from .environment import is_file
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shells import Shell

# Raised when the verbs, their arguments or the helper's own arguments change.
PROTOCOL = b"3"
# Those whose verbs are the same still: what shells speak that were opened before an upgrade.
_SPOKEN = (PROTOCOL, b"2")
STEM = b"venvhook.recipe"

_GENERATION = b".g"
_LONG_AGO = 10**18
_DIGITS = 8
# Shorter than any recipe that says something, which holds paths.
_COMMENT_LIMIT = len(b"# " + STEM + b".fish" + _GENERATION) + _DIGITS + 1

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


def require_spoken(protocol: bytes) -> None:
    """Raise UsageError if no answer can be given in *protocol*, a setting of trust aside."""
    if protocol.partition(b".")[0] not in _SPOKEN:
        raise UsageError("this shell was started with another version; start a new shell")


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

    __slots__ = ("_begun", "_descriptor", "_generation", "_path", "_temporary")

    def __init__(self, path: bytes | None) -> None:
        self._begun = 0
        self._generation = b""
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

    def generation(self) -> list[bytes]:
        """Make the generation of this draft; return its path, or none where there can be none.

        It is dated long before, so that the recipe is newer.
        """
        if self._descriptor < 0:
            return []
        path = self._path + _GENERATION + os.urandom(_DIGITS // 2).hex().encode()
        if not _make_generation(path):
            return []
        self._generation = path
        return [path]

    def keep_time(self, witnesses: list[bytes]) -> list[bytes]:
        """Keep nothing but a time, by which a shell sees when one of *witnesses* changes.

        Return its generation, as ``generation``: that of the one that is there, where nothing has
        changed since. Shells that share it would else wake each other for ever.
        """
        standing = _standing_generation(self._path, witnesses)
        if standing:
            self._remove(self._temporary)
            return [standing]
        made = self.generation()
        self.keep(b"".join(b"# " + os.path.basename(path) + b"\n" for path in made))
        return made

    def keep(self, text: bytes) -> bool:
        """Put *text* in the recipe's place, dated to the draft's begin; return whether it is."""
        if self._descriptor < 0:
            return False
        try:
            whole = os.write(self._descriptor, text) == len(text)
            os.close(self._descriptor)
            self._descriptor = -1
            if whole:
                os.utime(self._temporary, ns=(self._begun, self._begun))
                os.replace(self._temporary, self._path)
                if self._generation:
                    _settle_generations(self._path)
                return True
        except OSError:
            pass
        self.drop()
        return False

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
        if self._path:
            self._remove(self._temporary, self._path)
            _remove_generations(self._path)

    def _remove(self, *paths: bytes) -> None:
        try:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
        finally:
            for path in paths:
                try:
                    os.unlink(path)
                except OSError:
                    continue


def _make_generation(path: bytes) -> bool:
    """Make the generation *path*; return whether it is there."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        os.utime(path, ns=(_LONG_AGO, _LONG_AGO))
    except FileNotFoundError:
        return True  # Taken for an old one by another helper: made again when the recipe is there.
    except OSError:
        return False
    return True


def _settle_generations(recipe: bytes) -> None:
    """See to it that the generation of *recipe* is there, and no other.

    Another helper may replace the recipe meanwhile, and take ours for an old one.
    """
    for _ in range(3):
        named = _named_generation(recipe)
        if named and not os.path.lexists(named):
            _make_generation(named)
        _remove_generations(recipe, but=named)
        if named == _named_generation(recipe) and (not named or os.path.lexists(named)):
            return


def _named_generation(recipe: bytes) -> bytes:
    """Return the generation that is named in *recipe*, at its end, or nothing."""
    try:
        with open(recipe, "rb") as file:
            text = file.read()
    except OSError:
        return b""
    start = text.rfind(os.path.basename(recipe) + _GENERATION)
    if start < 0:
        return b""
    length = len(os.path.basename(recipe) + _GENERATION) + _DIGITS
    return os.path.join(os.path.dirname(recipe), text[start : start + length])


def _remove_generations(recipe: bytes, but: bytes = b"") -> None:
    """Remove the generations of *recipe*, except *but*."""
    directory, name = os.path.split(recipe)
    try:
        with os.scandir(directory) as entries:
            old = [e.path for e in entries if e.name.startswith(name + _GENERATION)]
        for path in old:
            if path != but:
                os.unlink(path)
    except OSError:
        return  # By another helper; what is left goes with the next recipe.


def _standing_generation(recipe: bytes, witnesses: list[bytes]) -> bytes:
    """Return the generation of *recipe*, where that keeps but a time and is newer than the rest."""
    try:
        made = os.lstat(recipe)
    except OSError:
        return b""
    if not is_file(made.st_mode) or made.st_size > _COMMENT_LIMIT:
        return b""
    generation = _named_generation(recipe)
    if not generation or not os.path.lexists(generation):
        return b""
    return b"" if any(_is_changed(witness, made) for witness in witnesses) else generation


def _is_changed(witness: bytes, made: os.stat_result) -> bool:
    """Return whether *witness* is as new as what is *made*; what is missing does not change."""
    try:
        return os.stat(witness).st_mtime_ns >= made.st_mtime_ns
    except OSError:
        return False
