"""What 'venvhook use' does: bind an environment to a project, show that, and end it.

Each function raises VenvhookError where nothing was done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from .binding import Binding, bind, binding_file, binding_of, bindings, unbind
from .caller import absolute, home_directory, marker_names, working_directory
from .config import explain_settings
from .decision import ENVIRONMENT, Decision, State, existing_state
from .discovery import levels
from .environment import CONFIG, Doubt, Unusable, examine
from .errors import VenvhookError, is_harmless, shown
from .explanation import explain
from .permission import locked, open_state
from .project import find_project

_NOTHING = "nothing is bound here or above; 'venvhook use DIR' binds an environment"


# ---- Bind ----------------------------------------------------------------------------------------


def use_here(
    environment: bytes, project: bytes | None, environ: Mapping[str, str]
) -> tuple[Binding, str]:
    """Bind *environment* to *project*, by default that of the working directory.

    Returns the binding, and the line that says why it is not used all the same, or nothing.
    """
    path = _whole(absolute(environment, environ))
    logical = _project_for(path, project, environ)
    root = os.path.realpath(logical)
    if os.path.dirname(root) == root:
        raise VenvhookError(f"{shown(root)}: is everything; name the directory of a project")
    state = open_state(environ)
    binding = Binding(root, logical, path)
    with locked(state):
        bind(binding, state)
    return binding, _named(explain(find_project(logical, environ), environ).refusal, path)


def _whole(path: bytes) -> bytes:
    """Return *path* if it is that of an environment that is whole; raise VenvhookError if not."""
    try:
        os.stat(path)
    except OSError as error:
        raise VenvhookError(f"{shown(path)}: {error.strerror}; name an environment") from None
    if not os.path.lexists(os.path.join(path, CONFIG)):
        raise VenvhookError(
            f"{shown(path)}: is no environment (it holds no {CONFIG.decode()}); name one"
        )
    try:
        return examine(path).path
    except Unusable as error:
        raise VenvhookError(f"{shown(path)}: {error.reason}") from None


def _project_for(path: bytes, project: bytes | None, environ: Mapping[str, str]) -> bytes:
    """Return the directory that *path* is to be bound to, with the links in it.

    That is *project* where it is named; the working directory if *path* lies in it; the nearest at
    or above that holds a marker or a project file, or that something is bound to; else the working
    directory.
    """
    start = absolute(project or b".", environ)
    if not os.path.isdir(start):
        raise VenvhookError(f"{shown(start)}: is no directory; name that of a project")
    if project is not None or os.path.dirname(path) == start:
        return start
    state = existing_state(environ)
    signs = (*explain_settings(environ)[0].project_files, *marker_names(environ))
    for level in levels(start, home_directory(environ)):
        if any(os.path.lexists(os.path.join(level, sign)) for sign in signs) or (
            state is not None and _has_record(level, state)
        ):
            return level
    return start


def _named(refusal: str, path: bytes) -> str:
    """Return the line *refusal* with the environment in the command that it names."""
    for command in ("venvhook allow --shared", "venvhook allow"):
        if f"'{command}'" in refusal:
            return refusal.replace(f"'{command}'", f"'{command} {shown(path)}'")
    return refusal


# ---- Show and unbind -----------------------------------------------------------------------------


def show(project: bytes | None, environ: Mapping[str, str]) -> tuple[Binding | None, list[str]]:
    """Return what is bound to *project*, or to the working directory or above; and the lines."""
    state = existing_state(environ)
    root = None if state is None else _bound_root(project, state, environ)
    if state is None or root is None:
        return None, [_NOTHING]
    try:
        binding = binding_of(root, state)
    except Doubt as doubt:
        raise VenvhookError(f"{doubt.what}; '{doubt.mend}' removes it") from None
    if binding is None:
        return None, [_NOTHING]
    gone = "" if os.path.lexists(os.path.join(binding.environment, CONFIG)) else ", which is gone"
    return binding, [f"{shown(root)}: {shown(binding.environment)}{gone}"]


def unuse(project: bytes | None, environ: Mapping[str, str]) -> bytes:
    """End the binding of *project*, or of the working directory or above; return the project."""
    state = open_state(environ)
    with locked(state):
        root = _bound_root(project, state, environ)
        if root is None:
            raise VenvhookError(f"{shown(absolute(project or b'.', environ))}: {_NOTHING}")
        unbind(root, state)
    return root


def _bound_root(project: bytes | None, state: State, environ: Mapping[str, str]) -> bytes | None:
    """Return *project*, or the nearest at or above the working directory, if something is bound.

    Also where the record is damaged.
    """
    if project is not None:
        places: Iterator[bytes] = iter((absolute(project, environ),))
    else:
        places = levels(working_directory(environ), home_directory(environ))
    return next((place for place in places if _has_record(place, state)), None)


def _has_record(root: bytes, state: State) -> bool:
    file = binding_file(root, state)
    return file is not None and os.path.lexists(file)


# ---- Completion ----------------------------------------------------------------------------------


def candidates(begun: bytes, environ: Mapping[str, str], expand: bool) -> list[tuple[bytes, str]]:
    """Return the environments whose paths begin as *begun*, each with what it is.

    Those in the directory that *begun* names, and those that are known: below the working
    directory, relative to it, and from ``/`` or ``~`` on all.
    *expand* says whether a ``~`` is to be what it stands for.
    """
    home = home_directory(environ)
    prefix = home if begun[:2] in (b"~", b"~/") else b""
    path = prefix + begun[1:] if prefix else begun
    known = _known(existing_state(environ))
    if not os.path.isabs(path):
        known = list(_from_here(known, environ, bool(begun)))
    found = dict.fromkeys(known, "environment in use")
    found |= dict.fromkeys(_environments_in(path), "environment")
    shortened = {
        b"~" + place[len(prefix) :] if prefix and not expand else place: about
        for place, about in sorted(found.items(), key=lambda item: os.path.isabs(item[0]))
        if place.startswith(path)
    }
    return [(place, about) for place, about in shortened.items() if _is_plain(place)]


def _from_here(places: list[bytes], environ: Mapping[str, str], below: bool) -> Iterator[bytes]:
    """Yield those of *places* that lie below the working directory, relative to it.

    Unless *below* is all that is wished, the others too, as they are.
    """
    here = os.path.join(os.path.realpath(working_directory(environ)), b"")
    for place in places:
        real = os.path.realpath(place)
        if real.startswith(here):
            yield real[len(here) :]
        elif not below:
            yield place


def _environments_in(path: bytes) -> list[bytes]:
    """Return the environments in the directory of *path*, as *path* begins."""
    directory = os.path.dirname(path)
    try:
        with os.scandir(directory or b".") as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return []
    places = [os.path.join(directory, name) for name in names]
    return [place for place in places if os.path.lexists(os.path.join(place, CONFIG))]


def _known(state: State | None) -> list[bytes]:
    """Return the environments that *state* knows and that are still there."""
    if state is None:
        return []
    places = [
        found.path
        for kind, found in state.decisions()
        if kind == ENVIRONMENT and isinstance(found, Decision)
    ]
    places += [found.environment for found in bindings(state) if isinstance(found, Binding)]
    there = {place for place in places if os.path.lexists(os.path.join(place, CONFIG))}
    return sorted(there)


def _is_plain(place: bytes) -> bool:
    """Return whether *place* can stand in a line of what completes."""
    return all(is_harmless(ord(character)) for character in place.decode("utf-8", "replace"))
