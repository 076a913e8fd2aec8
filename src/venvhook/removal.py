"""What 'venvhook prune' removes: broken and orphaned environments, and records of what is gone.

Only what is an environment and nothing else goes, and only if it is the very one that was shown.
No link is followed, neither in it nor on the way to it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .binding import binding_file, unbind
from .caller import home_directory
from .decision import ENVIRONMENT, TOKEN, State, existing_state
from .directories import state_directory
from .environment import BIN, CONFIG, PYTHON, UNFINISHED, WINDOWS, Doubt, Environment
from .errors import shown
from .facts import files_below, read_config, taken
from .gitindex import enclosing, tracked
from .inventory import (
    AWAY,
    DAY,
    GONE,
    NO_INTERPRETER,
    ORPHAN,
    UNFINISHED_STATE,
    Entry,
    Known,
    all_names,
    caches,
    is_below,
    lost_python,
    read_records,
    recipe_files,
    whereabouts,
)
from .launcher import data_directory
from .permission import locked
from .recipe import STEM
from .trust import Look
from .unfinished import ASIDE, is_draft, locked_mark

# One that was moved may hold packages that cannot be had again, and works after a fashion; one that
# is broken otherwise may be mended.
REMOVED = (NO_INTERPRETER, ORPHAN, UNFINISHED_STATE)
# What makers of environments put at the top of one, and what pip, this tool, pipenv,
# virtualenvwrapper and file managers add. Anything else is somebody's own.
_OWN = frozenset(
    (
        *(b"bin", b"lib", b"lib32", b"lib64", b"include", b"share", b"etc", b"man"),
        *(b"Scripts", b"Lib", b"Include", b"__pycache__"),
        *(CONFIG, b".gitignore", b"CACHEDIR.TAG", b".lock", b"pip-selfcheck.json", b".project"),
        *(b".DS_Store", b"Thumbs.db", b"desktop.ini", b".directory"),
        *(TOKEN, UNFINISHED, ASIDE),
    )
)
# By these a directory is somebody's work, whatever lies around it.
_REPOSITORIES = frozenset((b".git", b".hg", b".svn", b".jj", b".bzr", b".sl"))
_ACTIVE = ("VIRTUAL_ENV", "VENVHOOK_ACTIVE", "CONDA_PREFIX")
_MOUNT_TABLE = "/proc/self/mountinfo"
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY |= getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class Candidate:
    """What is to be removed: an environment, or a link to nothing.

    *identity* is its device and inode, so that nothing else is removed in its place; *size* is
    what it takes on the disk, in bytes.
    """

    entry: Entry
    identity: tuple[int, int]
    size: int


@dataclass(frozen=True)
class Record:
    """A decision of *kind* about *path*, or BINDING of the project *path*.

    *missing* is what is gone: the environment, or the project.
    """

    kind: bytes
    path: bytes
    missing: bytes


@dataclass(frozen=True)
class Plan:
    """What is removed, and what is *kept* although it is broken, with the reason.

    *recipes* are the projects that are gone and of which recipes are kept.
    """

    candidates: tuple[Candidate, ...]
    kept: tuple[tuple[Entry, str], ...]
    records: tuple[Record, ...]
    damaged: int
    recipes: tuple[bytes, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.candidates or self.records or self.damaged or self.recipes)

    @property
    def size(self) -> int:
        """What the environments take on the disk, in bytes."""
        return sum(candidate.size for candidate in self.candidates)


BINDING = b"binding"


# ---- What goes, and what stays -------------------------------------------------------------------


def plan_removal(
    entries: list[Entry], known: Known, environ: Mapping[str, str], now: float
) -> Plan:
    """Return what of *entries* and of what is *known* can go. Changes nothing."""
    candidates, kept = [], []
    state = existing_state(environ)
    mounts = mount_points()
    for entry in entries:
        if entry.state not in REMOVED and not entry.is_link:
            continue
        try:
            candidates.append(_candidate(entry, environ, mounts, now))
        except _Kept as reason:
            kept.append((entry, str(reason)))
        except OSError as error:
            kept.append((entry, f"cannot be read ({error.strerror})"))
    records = tuple(_gone_records(entries, known, state))
    gone = tuple(_gone_recipes(environ))
    return Plan(tuple(candidates), tuple(kept), records, known.damaged, gone)


class _Kept(Exception):  # noqa: N818  # an answer, not a failure
    """Why an environment is not removed."""


def _candidate(
    entry: Entry, environ: Mapping[str, str], mounts: list[bytes], now: float
) -> Candidate:
    """Return *entry* as it is to be removed. Raises _Kept where it stays, OSError."""
    path = entry.path
    found = os.lstat(path)
    if not WINDOWS and found.st_uid != os.geteuid():
        raise _Kept("belongs to another user")
    identity = (found.st_dev, found.st_ino)
    if entry.is_link:
        if not stat.S_ISLNK(found.st_mode):
            raise _Kept("is no link any more")
        _require_untracked_link(path)
        return Candidate(entry, identity, 0)
    if not stat.S_ISDIR(found.st_mode) or os.path.realpath(path) != path:
        raise _Kept("is reached by a link")
    if entry.state == NO_INTERPRETER and lost_python(path) == AWAY:
        raise _Kept("its Python is perhaps on a disk that is not mounted")
    _require_unneeded(path, environ)
    _require_environment(path, os.listdir(path))
    if any(is_below(mount, path) for mount in mounts):
        raise _Kept("has something mounted in it")
    if entry.state == UNFINISHED_STATE:
        _require_left(path, now)
    _require_undelivered(path)
    return Candidate(entry, identity, _require_nothing_inside(path))


def _require_unneeded(path: bytes, environ: Mapping[str, str]) -> None:
    """Raise _Kept where something that is in use lies at *path* or below."""
    needed: dict[str, list[bytes | None]] = {
        "your home directory is in it": [home_directory(environ), b"/"],
        "it is active": [os.fsencode(environ.get(name, "")) for name in _ACTIVE],
        "you are in it": [os.fsencode(environ.get("PWD", "")), _working_directory()],
        "venvhook runs from it": [os.fsencode(sys.prefix), os.fsencode(__file__)],
        "venvhook's own files are in it": [state_directory(environ), data_directory(environ)],
    }
    for reason, places in needed.items():
        if any(place and is_below(os.path.realpath(place), path) for place in places):
            raise _Kept(reason)
    data = data_directory(environ)
    if data is not None and is_below(path, os.path.realpath(data)):
        raise _Kept("venvhook itself is installed in it")


def _working_directory() -> bytes | None:
    try:
        return os.getcwdb()
    except OSError:
        return None  # It is gone.


def _require_environment(path: bytes, names: list[bytes]) -> None:
    """Raise _Kept unless *path*, with the entries *names*, is an environment and nothing else."""
    names = [name for name in names if not is_draft(name)]
    foreign = sorted(name for name in names if name not in _OWN)
    if foreign:
        raise _Kept(f"has {_listed(foreign)} in it, which is no part of an environment")
    if ASIDE in names and os.listdir(os.path.join(path, ASIDE)):
        raise _Kept("holds the one that was there before; 'venvhook create' goes on with it")
    if set(names) <= {UNFINISHED, ASIDE}:
        return  # 'venvhook create' was killed before it did anything.
    if not (read_config(path) or {}).get(b"home"):
        raise _Kept(f"has no {CONFIG.decode()} that names a Python")


def _listed(names: list[bytes]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"'{shown(names[0], limit=60)}'{more}"


def _require_left(path: bytes, now: float) -> None:
    """Raise _Kept where an unfinished environment is perhaps being made."""
    mark = os.path.join(path, UNFINISHED)
    if os.lstat(mark).st_mtime > now - DAY:
        raise _Kept("was begun within a day; 'venvhook create' goes on with it")
    with _locked_mark(path):
        pass


@contextmanager
def _locked_mark(path: bytes) -> Iterator[None]:
    """Hold the lock by which 'venvhook create' makes *path*. Raises _Kept where it is at it."""
    with locked_mark(path) as is_free:
        if not is_free:
            raise _Kept("is being made")
        yield


def _require_undelivered(path: bytes) -> None:
    """Raise _Kept where a repository has something of *path*, or that cannot be told."""
    try:
        has = bool(Look(Environment(path, read_config(path) or {}), path).digest())
    except Doubt as doubt:
        raise _Kept(doubt.what) from None
    if has:
        raise _Kept("is tracked by a repository, or may be")


def _require_untracked_link(path: bytes) -> None:
    """Raise _Kept where a repository has the link *path*, or that cannot be told."""
    try:
        has = any(tracked(around, path) for around in enclosing(os.path.dirname(path), []))
    except Doubt as doubt:
        raise _Kept(doubt.what) from None
    if has:
        raise _Kept("is tracked by a repository")


def _require_nothing_inside(path: bytes) -> int:
    """Return the size of *path*. Raises _Kept where a repository or another disk is in it."""
    found = list(files_below(path))
    device = found[0][1].st_dev
    for place, status in found:
        if os.path.basename(place) in _REPOSITORIES:
            raise _Kept(f"has a repository in it, {shown(os.path.dirname(place))}")
        if status.st_dev != device:
            raise _Kept("has another file system in it")
    return taken(status for _place, status in found)


def mount_points() -> list[bytes]:
    """Return where file systems are mounted, where the system tells (proc(5), mountinfo).

    A part of the same file system can be mounted too (``mount --bind``), which no device tells.
    """
    try:
        with open(_MOUNT_TABLE, "rb") as file:
            rows = [line.split(b" ") for line in file]
    except OSError:
        return []
    return [_unescaped(row[4]) for row in rows if len(row) > 4]


def _unescaped(text: bytes) -> bytes:
    """Return *text* with its octal escapes, those of white space and the backslash, undone."""
    for code in (b"040", b"011", b"012", b"134"):
        text = text.replace(b"\\" + code, bytes((int(code, 8),)))
    return text


def _gone_records(entries: list[Entry], known: Known, state: State | None) -> Iterator[Record]:
    """Yield the records about what is certainly gone."""
    if state is None:
        return
    for entry in entries:
        if entry.state == GONE and entry.path in known.decisions:
            yield Record(ENVIRONMENT, entry.path, os.path.join(entry.path, CONFIG))
    for kind, path in known.others:
        if whereabouts(path, None, _written(state.file(path, kind))) == GONE:
            yield Record(kind, path, path)
    for bound in known.bound.values():
        for binding in bound:
            since = _written(binding_file(binding.root, state))
            places = (binding.root, os.path.join(binding.environment, CONFIG))
            gone = [place for place in places if whereabouts(place, None, since) == GONE]
            if gone:
                yield Record(BINDING, binding.root, gone[0])


def _written(file: bytes | None) -> float | None:
    try:
        return None if file is None else os.lstat(file).st_mtime
    except OSError:
        return None


def _gone_recipes(environ: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the projects that are gone and of which recipes are kept."""
    if WINDOWS:
        return  # There the place of a recipe does not say which project it is about.
    roots: dict[bytes, None] = {}
    for cache in caches(environ):
        waiting = [cache]
        while waiting:
            place = waiting.pop()
            try:
                with os.scandir(place) as entries:
                    found = list(entries)
            except OSError:
                continue
            waiting += [entry.path for entry in found if entry.is_dir(follow_symlinks=False)]
            if any(entry.name.startswith(STEM) for entry in found):
                roots[place[len(cache) :] or b"/"] = None
    # A recipe can be found out again at any time, so it need not be certain.
    yield from sorted(root for root in roots if whereabouts(root) == GONE)


# ---- Removing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """What came of one candidate; *failure* says why it is still there, or nothing."""

    candidate: Candidate
    failure: str = ""


def carry_out(plan: Plan, environ: Mapping[str, str]) -> Iterator[Done]:
    """Remove what is planned, and yield what came of each candidate."""
    state = existing_state(environ)
    for candidate in plan.candidates:
        path = candidate.entry.path
        try:
            _remove(candidate)
        except (_Kept, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            yield Done(candidate, f"{shown(path)}: not removed: {reason}")
            continue
        _forget_recipes(_roots(candidate.entry, environ), environ)
        yield Done(candidate)
        if state is not None and not candidate.entry.is_link:
            with locked(state):
                _forget_environment(path, state)
    for root in plan.recipes:
        _forget_recipes([root], environ)
    if state is not None and (plan.records or plan.damaged):
        with locked(state):
            _forget_records(plan, state)
    if state is not None and not plan.is_empty:
        state.touch()


def _roots(entry: Entry, environ: Mapping[str, str]) -> list[bytes]:
    """Return the projects of which recipes may name *entry*."""
    roots = [] if entry.project is None else [entry.project, os.path.realpath(entry.project)]
    if os.path.basename(entry.path) in all_names(environ):
        roots.append(os.path.dirname(entry.path))
    return list(dict.fromkeys(roots))


def _remove(candidate: Candidate) -> None:
    """Remove what *candidate* is about, if it is still that. Raises _Kept, OSError."""
    path = candidate.entry.path
    directory, name = os.path.split(path)
    if WINDOWS:
        # No descriptors of directories there; rmtree refuses a junction.
        shutil.rmtree(path)
        return
    parent = _open_without_links(directory)
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        _require_same(found, candidate)
        if candidate.entry.is_link:
            os.unlink(name, dir_fd=parent)
            return
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            _require_same(os.fstat(descriptor), candidate)
            with _locked_mark(path):
                _empty(descriptor, path)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=parent)
    finally:
        os.close(parent)


def _require_same(found: os.stat_result, candidate: Candidate) -> None:
    if (found.st_dev, found.st_ino) != candidate.identity:
        raise _Kept("another is in its place now")


def _open_without_links(path: bytes) -> int:
    """Return a descriptor of the directory *path*; raises OSError where a link is on the way."""
    descriptor = os.open(b"/", _DIRECTORY)
    for part in path.split(b"/"):
        if not part:
            continue
        try:
            inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _empty(descriptor: int, path: bytes) -> None:
    """Remove all that is in the open directory *descriptor*, an environment. Raises _Kept, OSError.

    First its interpreter, last what says that it is an environment: one of which the removal is
    interrupted is broken, and found again.
    """
    names = [os.fsencode(name) for name in os.listdir(descriptor)]
    _require_environment(path, names)
    if BIN in names:
        _remove_interpreter(descriptor)
    for name in sorted(names, key=lambda name: (name == CONFIG, name == UNFINISHED)):
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(os.fsdecode(name), dir_fd=descriptor)
        else:
            os.unlink(name, dir_fd=descriptor)


def _remove_interpreter(descriptor: int) -> None:
    try:
        programs = os.open(BIN, _DIRECTORY, dir_fd=descriptor)
    except OSError:
        return  # A link, or nothing that could hold one.
    try:
        os.unlink(PYTHON, dir_fd=programs)
    except FileNotFoundError:
        pass
    finally:
        os.close(programs)


def _forget_environment(path: bytes, state: State) -> None:
    """Forget what was decided about the environment *path* itself, and what it is bound to."""
    state.forget(path, ENVIRONMENT)
    for binding in read_records(state).bound.get(path, ()):
        unbind(binding.root, state)
    state.touch()


def _forget_records(plan: Plan, state: State) -> None:
    """Forget the records of *plan*, except where what they are about has come back."""
    for record in plan.records:
        if os.path.lexists(record.missing):
            continue
        if record.kind == BINDING:
            unbind(record.path, state)
        else:
            state.forget(record.path, record.kind)
    if plan.damaged:
        state.sweep()


def _forget_recipes(roots: list[bytes], environ: Mapping[str, str]) -> None:
    """Remove the recipes of the projects *roots*, and the directories that held nothing else."""
    for cache in caches(environ):
        for root in roots:
            files = recipe_files([cache], root)
            if not files:
                continue
            place = os.path.dirname(files[0])
            try:
                for name in os.listdir(place):
                    if name.startswith(STEM):
                        os.unlink(os.path.join(place, name))
                while len(place) > len(cache):
                    os.rmdir(place)
                    place = os.path.dirname(place)
            except OSError:
                continue
