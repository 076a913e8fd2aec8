"""Which environments there are: those that venvhook knows, those found on a disk, and their state.

Nothing is decided, planted or run. The rules of trust are asked as 'venvhook why' asks them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .binding import Binding, bindings
from .caller import marker_names
from .config import Settings, explain_settings
from .decision import ALLOWED, DENY, ENVIRONMENT, TOKEN, Decision, State, existing_state
from .directories import cache_directory, mirrored
from .discovery import DEFAULT_NAMES, find_marker
from .environment import (
    BIN,
    CONFIG,
    MAKE_ANEW,
    PYTHON,
    UNFINISHED,
    Doubt,
    Environment,
    Unusable,
    examine,
    is_file,
    is_never_asked,
    read_file,
)
from .errors import VenvhookError, shown
from .evidence import TITLES
from .explanation import Case
from .facts import Facts, facts_of, read_config
from .ignoring import ignored_at
from .recipe import STEM
from .shells import SHELLS
from .trust import Look

FINE = "fine"
NO_INTERPRETER = "no interpreter"  # its Python was upgraded away
ORPHAN = "orphan"  # its project is gone, or nothing else is in it
MOVED = "moved"  # it records another place
UNFINISHED_STATE = "unfinished"  # 'venvhook create' was killed, or is at it
BROKEN = "broken"  # for another reason
NOT_USED = "not used"  # not trusted
GONE = "gone"  # only the record is left, or a link
AWAY = "away"  # where it lies is perhaps not mounted
STATES = (FINE, NOT_USED, MOVED, BROKEN, UNFINISHED_STATE, NO_INTERPRETER, ORPHAN, AWAY, GONE)

DAY = 86_400
# In these nothing is looked for: packages of other languages, and what version control keeps.
_PASSED_BY = frozenset((b"node_modules", b".git", b".hg", b".svn", b".jj", b".sl"))
# What says that a directory is an environment of conda's.
_CONDA = b"conda-meta"
# What file managers leave in every directory.
_TRIFLES = frozenset((b".DS_Store", b"Thumbs.db", b"desktop.ini", b".directory"))
# Where disks are mounted that come and go, by their users (udisks) or by hand.
_MOUNTS = (b"/media", b"/run/media", b"/mnt", b"/Volumes")
# Written by pipenv and virtualenvwrapper into environments: the path of the project.
_PROJECT_FILE = b".project"
_PROJECT_LIMIT = 4096


_UNKNOWN = Facts()


@dataclass(frozen=True)
class Entry:
    """An environment, or what is left of one: a record, or a link to nothing.

    *path* has no links in it; *project* is whose it is, where that can be told. *state* is one of
    STATES, and *reason* says more. *used* is when a shell was last there, in seconds since 1970.
    *known*: there is a decision about it, or a binding. *is_link*: it is a link to nothing.
    """

    path: bytes
    state: str
    reason: str = ""
    project: bytes | None = None
    facts: Facts = _UNKNOWN
    used: float | None = None
    known: bool = False
    size: int | None = None
    is_link: bool = False

    @property
    def state_text(self) -> str:
        """The state, and in a word why it is not used."""
        return f"{self.state} ({self.reason})" if self.state == NOT_USED else self.state


@dataclass(frozen=True)
class Scan:
    """What was found on a disk: *environments*, and *links* called like markers.

    *unreadable* counts the directories that could not be read.
    """

    environments: tuple[bytes, ...] = ()
    links: tuple[bytes, ...] = ()
    unreadable: int = 0


# ---- On a disk -----------------------------------------------------------------------------------


def scan(directory: bytes, environ: Mapping[str, str]) -> Scan:
    """Return the environments at and below *directory*. Raises VenvhookError where it is none.

    Follows no link, stays on one file system, and does not look into environments, node_modules,
    or what version control keeps.
    """
    top = os.path.realpath(directory)
    try:
        device = os.stat(top).st_dev
        os.scandir(top).close()
    except OSError as error:
        raise VenvhookError(f"{shown(directory)}: {error.strerror}; name a directory") from None
    walk = _Walk(top, device, environ)
    waiting = [top]
    while waiting:
        waiting += sorted(walk.look_into(waiting.pop()), reverse=True)
    return Scan(tuple(walk.environments), tuple(walk.links), walk.unreadable)


class _Walk:
    """The directories at and below *top*, on the file system *device*, one after another."""

    def __init__(self, top: bytes, device: int, environ: Mapping[str, str]) -> None:
        self.environments: list[bytes] = []
        self.links: list[bytes] = []
        self.unreadable = 0
        self._top = top
        self._device = device
        self._names = all_names(environ)
        self._home = os.path.realpath(os.fsencode(environ.get("HOME", "")) or b"/")

    def look_into(self, path: bytes) -> list[bytes]:
        """Note what is in the directory *path*, and return those in it to be looked into."""
        try:
            with os.scandir(path) as entries:
                found = {entry.name: entry for entry in entries}
        except FileNotFoundError:
            return []
        except OSError:
            self.unreadable += 1
            return []
        if CONFIG in found or UNFINISHED in found:
            self.environments.append(path)
            # Somebody may have put a pyvenv.cfg into a directory that is more than an environment.
            if path != self._top and not is_below(self._home, path):
                return []
        if _CONDA in found:
            return []
        markers = (found[name] for name in self._names if name in found)
        self.links += [entry.path for entry in markers if entry.is_symlink()]
        inner = (entry for name, entry in found.items() if name not in _PASSED_BY)
        return [entry.path for entry in inner if _is_on(entry, self._device)]


def _is_on(entry: os.DirEntry[bytes], device: int) -> bool:
    """Return whether *entry* is a directory on the file system *device* where nothing can hang."""
    try:
        if not entry.is_dir(follow_symlinks=False) or is_never_asked(entry.path):
            return False
        return entry.stat(follow_symlinks=False).st_dev == device
    except OSError:
        return False


def is_below(path: bytes, directory: bytes) -> bool:
    """Return whether *path* is *directory* or in it, by their text."""
    return path == directory or path.startswith(os.path.join(directory, b""))


def all_names(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the names of markers, those of the user's and the usual ones."""
    return tuple(dict.fromkeys((*marker_names(environ), *DEFAULT_NAMES)))


# ---- Is it there ---------------------------------------------------------------------------------

HERE = "here"


def whereabouts(path: bytes, device: int | None = None, since: float | None = None) -> str:
    """Return HERE, GONE or AWAY: whether *path* is there, certainly not, or perhaps not mounted.

    A disk that is not mounted looks as if all on it had been removed: what is left of the path is
    then an empty directory, ``/``, or one in which disks are mounted. It is certainly gone all the
    same if what is left is on the file system *device*, where that is known to have held it, or if
    the empty directory has changed *since* it was there.
    """
    if is_never_asked(path):
        return AWAY
    try:
        place, found = _left_of(path)
    except OSError:
        return AWAY
    if place == path:
        return HERE
    if device is not None and found.st_dev == device:
        return GONE
    if place in (b"/", *_MOUNTS) or os.path.dirname(place) in _MOUNTS[:2]:
        return AWAY
    try:
        if not stat.S_ISDIR(found.st_mode) or os.listdir(place):
            return GONE
    except OSError:
        return AWAY
    return GONE if since is not None and found.st_mtime > since else AWAY


def _left_of(path: bytes) -> tuple[bytes, os.stat_result]:
    """Return the nearest place at or above *path* that is there. Raises OSError."""
    while True:
        try:
            return path, os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            path = os.path.dirname(path)


def _device_of(decision: Decision | None) -> int | None:
    """Return the file system on which the environment of *decision* was (decision.identity)."""
    number = b"" if decision is None else decision.identity.partition(b":")[0]
    return int(number) if number.isdigit() else None


# ---- What is known -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What the user's records say, read once.

    *decisions* by the paths of the environments; *bound* the projects that each environment is
    bound to, by its real path; *others* are the decisions about directories, with their kinds;
    *damaged* is how many records cannot be read.
    """

    decisions: dict[bytes, Decision]
    bound: dict[bytes, list[Binding]]
    others: tuple[tuple[bytes, bytes], ...]
    damaged: int = 0


def read_records(state: State | None) -> Known:
    """Return what is recorded in *state*."""
    decisions: dict[bytes, Decision] = {}
    bound: dict[bytes, list[Binding]] = {}
    others, damaged = [], 0
    for kind, found in state.decisions() if state is not None else ():
        if isinstance(found, Doubt):
            damaged += 1
        elif kind == ENVIRONMENT:
            decisions[found.path] = found
        else:
            others.append((kind, found.path))
    for binding in bindings(state) if state is not None else ():
        if isinstance(binding, Binding):
            bound.setdefault(_real(binding.environment), []).append(binding)
    return Known(decisions, bound, tuple(others), damaged)


def _real(path: bytes) -> bytes:
    return path if is_never_asked(path) else os.path.realpath(path)


def _denied(known: Known, names: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the environments of projects that the user denied."""
    for kind, path in known.others:
        if kind != DENY or is_never_asked(path):
            continue
        if os.path.lexists(os.path.join(path, CONFIG)):
            yield path
        elif (marker := find_marker(path, names)) is not None and marker.environment is not None:
            yield _real(marker.environment)


def survey(environ: Mapping[str, str], found: Scan | None, now: float) -> list[Entry]:
    """Return every environment that venvhook knows, and those that were *found*, by their paths.

    *now* is in seconds since 1970. Raises VenvhookError for settings that are not understood.
    """
    state = existing_state(environ)
    surveyor = Surveyor(environ, explain_settings(environ)[0], state, read_records(state), now)
    return surveyor.entries(found or Scan())


class Surveyor:
    """Tells the state of one environment after another, by what was *known* before."""

    def __init__(
        self,
        environ: Mapping[str, str],
        settings: Settings,
        state: State | None,
        known: Known,
        now: float,
    ) -> None:
        self.names = all_names(environ)
        self.settings = settings
        self.state = state
        self.known = known
        self.now = now
        self.caches = caches(environ)

    def entries(self, found: Scan) -> list[Entry]:
        """Return an entry for each environment that is known or *found*, by their paths."""
        known = self.known
        recorded = {*known.decisions, *known.bound, *_denied(known, self.names)}
        entries = [self.entry(path, path in recorded) for path in {*recorded, *found.environments}]
        for link in found.links:
            target = os.path.realpath(link)
            if whereabouts(target, None, _modified(link)) == GONE:
                reason = f"is a link to {shown(target)}, which is gone"
                project = os.path.dirname(link)
                entries.append(Entry(link, GONE, reason, project, is_link=True))
        return sorted(entries, key=lambda entry: entry.path)

    def entry(self, path: bytes, known: bool) -> Entry:
        """Return what there is to say about the environment at *path*."""
        decision = self.known.decisions.get(path)
        project = self._project(path)
        entry = Entry(path, FINE, project=project, known=known)
        file = None if self.state is None else self.state.file(path, ENVIRONMENT)
        since = None if file is None else _modified(file)
        where = whereabouts(os.path.join(path, CONFIG), _device_of(decision), since)
        if where != HERE and not os.path.lexists(os.path.join(path, UNFINISHED)):
            reason = "only a record is left" if where == GONE else "perhaps its disk is not mounted"
            return replace(entry, state=where, reason=reason, used=self._used(path))
        used = self._used(path)
        entry = replace(entry, facts=facts_of(path, with_packages=False), used=used)
        state, reason = self._state(entry, decision)
        return replace(entry, state=state, reason=reason)

    def _state(self, entry: Entry, decision: Decision | None) -> tuple[str, str]:
        """Return the state of an environment that is there, and the reason."""
        path = entry.path
        if os.path.lexists(os.path.join(path, UNFINISHED)):
            return UNFINISHED_STATE, "'venvhook create' did not end"
        try:
            environment = examine(path)
        except Unusable as unusable:
            # Perhaps on a disk that is not mounted: entering says the same then; prune asks again.
            if lost_python(path) != HERE:
                return NO_INTERPRETER, unusable.reason
            return self._orphan(entry) or (BROKEN, unusable.reason)
        if lost_python(path) == GONE:
            home = shown(environment.config[b"home"])
            return NO_INTERPRETER, f"the Python that its own is a copy of ({home}) is gone"
        return self._orphan(entry) or self._judged(environment, entry.project, decision)

    def _orphan(self, entry: Entry) -> tuple[str, str] | None:
        """Return the state and the reason where the environment's project is gone.

        What was made or used within a day is no orphan: somebody is about to begin.
        """
        path, project = entry.path, entry.project
        if project is None or path in self.known.bound:
            return None
        if max(entry.used or 0, _changed(path)) > self.now - DAY:
            return None
        if project != os.path.dirname(path):
            since = _modified(os.path.join(path, _PROJECT_FILE))
            is_gone = whereabouts(project, None, since) == GONE
            return (ORPHAN, f"its project {shown(project)} is gone") if is_gone else None
        try:
            others = set(os.listdir(project)) - _TRIFLES - {os.path.basename(path)}
        except OSError:
            return None
        return None if others else (ORPHAN, f"nothing else is in {shown(project)}")

    def _judged(
        self, environment: Environment, project: bytes | None, decision: Decision | None
    ) -> tuple[str, str]:
        """Return the state of an environment that is whole: whether it may be used."""
        try:
            look = Look(environment, environment.path, project)
            allowed = decision is not None and decision.how == ALLOWED
            case = Case(look, self.settings, self.state)
            moved = None if allowed else _moved(look)
        except Doubt as doubt:
            return NOT_USED, doubt.what
        verdict = case.verdict
        if ignored_at(look.root, self.state) is not None:
            return NOT_USED, "ignored"
        if verdict.silent:
            return NOT_USED, "denied"
        if moved is not None:
            return MOVED, moved.what
        if verdict.doubt is None:
            return FINE, ""
        return NOT_USED, TITLES.get(verdict.condition, "not allowed")

    def _project(self, path: bytes) -> bytes | None:
        """Return the project of the environment at *path*, where it can be told."""
        for binding in self.known.bound.get(path, ()):
            return binding.logical
        if os.path.basename(path) in self.names:
            return os.path.dirname(path)
        try:
            text = read_file(os.path.join(path, _PROJECT_FILE), _PROJECT_LIMIT, links=False)
        except (OSError, Unusable):
            return None
        project = os.path.normpath(text.partition(b"\n")[0].rstrip(b"\r") or b".")
        is_path = os.path.isabs(project) and b"\0" not in project
        return project if is_path and not is_never_asked(project) else None

    def _used(self, path: bytes) -> float | None:
        """Return when a shell was last at the environment, or None where there is no trace.

        The latest of: the access time of its token, which the hook reads at each prompt and
        nothing of venvhook's besides (Linux moves it once a day, mounted "noatime" never); when
        the helper last looked at its project; when it was accepted.
        """
        times = [_accessed(os.path.join(path, TOKEN))]
        files = [] if self.state is None else [self.state.file(path, ENVIRONMENT)]
        roots = [binding.root for binding in self.known.bound.get(path, ())]
        if os.path.basename(path) in self.names:
            roots.append(os.path.dirname(path))
        for root in roots:
            files += recipe_files(self.caches, root)
        times += [_modified(file) for file in files if file is not None]
        known = [time for time in times if time is not None]
        return min(max(known), self.now) if known else None


def lost_python(path: bytes) -> str:
    """Return GONE or AWAY where the Python of the environment at *path* is, else HERE."""
    python = os.path.join(path, BIN, PYTHON)
    try:
        found = os.lstat(python)
        os.stat(python)
    except (FileNotFoundError, NotADirectoryError):
        return whereabouts(os.path.realpath(python), None, _changed(path))
    except OSError:
        return HERE
    if stat.S_ISLNK(found.st_mode):
        return HERE
    # A copy, which needs the library of the one that it was copied from.
    home = (read_config(path) or {}).get(b"home", b"")
    return whereabouts(home, None, _changed(path)) if os.path.isabs(home) else HERE


def _changed(path: bytes) -> float:
    """Return when the environment at *path* was made, or made again, as its files tell."""
    times = [_modified(os.path.join(path, name)) for name in (CONFIG, os.path.join(BIN, PYTHON))]
    return max((time for time in times if time is not None), default=0)


def _moved(look: Look) -> Doubt | None:
    """Return the doubt where an environment records another place than its own."""
    try:
        look.location()
    except Doubt as doubt:
        return doubt if doubt.mend == MAKE_ANEW else None
    return None


def _modified(file: bytes) -> float | None:
    try:
        return os.lstat(file).st_mtime
    except OSError:
        return None


def _accessed(token: bytes) -> float | None:
    """Return the access time of *token*, unless it is still that which it was given."""
    try:
        found = os.lstat(token)
    except OSError:
        return None
    return found.st_atime if is_file(found.st_mode) and found.st_atime > found.st_mtime else None


# ---- Recipes -------------------------------------------------------------------------------------


def caches(environ: Mapping[str, str]) -> list[bytes]:
    """Return the directories in which recipes are kept: one for each protocol and setting."""
    base = cache_directory(environ)
    if base is None:
        return []
    try:
        with os.scandir(base) as entries:
            return sorted(
                entry.path
                for entry in entries
                if entry.name[:1].isdigit() and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def recipe_files(directories: Iterable[bytes], root: bytes) -> list[bytes]:
    """Return the files that may keep recipes of the project *root* in the cache *directories*."""
    places = (mirrored(cache, root, STEM) for cache in directories)
    suffixes = dict.fromkeys(shell.suffix for shell in SHELLS)
    return [
        os.path.join(place, STEM + b"." + suffix)
        for place in places
        if place is not None
        for suffix in suffixes
    ]
