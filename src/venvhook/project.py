"""The project that a command is about: found as the hook finds it, with each step of the way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .binding import bound_marker
from .caller import absolute, home_directory, marker_names
from .decision import State, existing_state
from .discovery import Marker, find_marker, is_same, levels, present
from .environment import CONFIG
from .errors import VenvhookError, shown
from .ignoring import find_ignored


@dataclass(frozen=True)
class Level:
    """A directory that was looked at, and the marker found there, if any."""

    directory: bytes
    marker: Marker | None

    @property
    def is_passed(self) -> bool:
        """Whether the walk goes on upwards from here."""
        return self.marker is None or (
            self.marker.environment is None and self.marker.reason is None
        )


@dataclass(frozen=True)
class Project:
    """What was looked for from *start*: the *levels* on the way, and the *marker* that decides.

    Without one there is no project. *root* is the directory that holds the marker, else *start*.
    *ignored* is the directory at or above that which the user ignores, where the walk ends.
    """

    start: bytes
    names: tuple[bytes, ...]
    levels: tuple[Level, ...]
    marker: Marker | None
    ignored: bytes | None = None

    @property
    def root(self) -> bytes:
        """The project root."""
        return self.start if self.marker is None else self.marker.root

    @property
    def real_root(self) -> bytes:
        """The project root without links: what a denial is about."""
        return os.path.realpath(self.root)

    @property
    def environment(self) -> bytes:
        """The environment that the marker leads to, else the marker, else what would be one."""
        if self.marker is None:
            return os.path.join(self.start, self.names[0])
        return self.marker.environment or self.marker.path

    def required_marker(self) -> Marker:
        """Return the marker; raise VenvhookError where there is none."""
        if self.marker is None:
            raise VenvhookError(
                f"{shown(self.start)}: no {listed(self.names)} here or above; make an environment "
                "with 'venvhook create', or name one"
            )
        return self.marker


def find_project(path: bytes | None, environ: Mapping[str, str]) -> Project:
    """Return the project at or above *path*, a directory; by default the working directory.

    *path* may also be an environment, or a marker, and is then what the answer is about. Raises
    VenvhookError where it is something else, or missing.
    """
    names = marker_names(environ)
    start = absolute(path or b".", environ)
    try:
        os.lstat(start)
    except OSError as error:
        raise VenvhookError(
            f"{shown(start)}: {error.strerror}; name a project or an environment"
        ) from None
    is_directory = os.path.isdir(start)
    own = None if path is None else _own_marker(start, names, is_directory)
    state = existing_state(environ)
    ignored = find_ignored(start, state)
    if own is not None:
        return Project(start, names, (), own, ignored)
    if not is_directory:
        raise VenvhookError(f"{shown(start)}: is no environment; name one, or a project")
    steps = tuple(_walk(start, names, home_directory(environ), state, ignored))
    marker = steps[-1].marker if steps and not steps[-1].is_passed else None
    return Project(start, names, steps, marker, ignored)


def _own_marker(path: bytes, names: tuple[bytes, ...], is_directory: bool) -> Marker | None:
    """Return a marker for *path* where it is an environment itself, or called like a marker."""
    if is_directory and os.path.lexists(os.path.join(path, CONFIG)):
        return Marker(path, environment=path)
    if not is_directory and os.path.basename(path) in names:
        return find_marker(os.path.dirname(path), (os.path.basename(path),))
    return None


def _walk(
    start: bytes,
    names: tuple[bytes, ...],
    home: bytes,
    state: State | None,
    ignored: bytes | None,
) -> Iterator[Level]:
    """Yield the directories from *start* upwards as the hook looks at them, and what is there.

    The last is the first that is not passed, if there is one, or that which is *ignored*.
    """
    for directory in levels(start, home):
        # On the way up a link to nothing is seen by the first name only, as in the hook scripts.
        bound = bound_marker(directory, state)
        seen = bound is not None or directory == start or bool(present(directory, names))
        seen = seen or _is_there(directory, names[0])
        if seen and directory != start and is_same(directory, home):
            return
        level = Level(directory, (bound or find_marker(directory, names)) if seen else None)
        yield level
        if not level.is_passed or directory == ignored:
            return


def _is_there(directory: bytes, name: bytes) -> bool:
    return os.path.lexists(os.path.join(directory, name))


def listed(names: tuple[bytes, ...]) -> str:
    """Return *names* for a sentence that says there is none of them."""
    words = [shown(name) for name in names]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
