"""Environments that the user bound to projects with 'venvhook use', wherever they lie.

A binding is a small file in the state directory, ``<state>/bindings/<path>/venvhook.binding``, that
mirrors the real path of the project. After its first line come three paths, between NULs: the real
one of the project, that by which it was bound, and that of the environment.
"""

from __future__ import annotations

import os

from .decision import (
    State,
    damaged,
    directories_below,
    is_at,
    policies_below,
    read_own,
    remove_empty,
    write_own,
)
from .directories import mirrored
from .discovery import Marker
from .environment import CONFIG, Doubt, Unusable
from .errors import VenvhookError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

UNBIND = "venvhook use --none"

_HEADER = b"venvhook 1\n"
_STEM = b"venvhook."
_NAME = _STEM + b"binding"


class Binding:
    """The environment at *environment*, bound to the project at the real path *root*.

    *logical* is the path by which the user named the project, links in it and all.
    """

    __slots__ = ("environment", "logical", "root")

    def __init__(self, root: bytes, logical: bytes, environment: bytes) -> None:
        self.root = root
        self.logical = logical
        self.environment = environment


def bound_marker(root: bytes, state: State | None) -> Marker | None:
    """Return what the directory *root* was bound to, or None where it was not.

    It comes before every marker there. Where the binding cannot be read, or leads to nothing, the
    marker has a reason. Raises nothing.
    """
    if state is None or not os.path.lexists(_bindings_below(state)):
        return None
    file = binding_file(root, state)
    if file is None:
        return None
    try:
        binding = _read(file, os.path.realpath(root))
    except Doubt as doubt:
        reason = Unusable(f"{doubt.what}; '{UNBIND}' removes it")
        return Marker(file, reason=reason, rests_on=(file,), root=root)
    if binding is None:
        return None
    path = binding.environment
    config = os.path.join(path, CONFIG)
    if os.path.lexists(config):
        return Marker(path, environment=path, rests_on=(file,), root=root)
    # What is missing elsewhere leaves no trace here when it appears.
    reason = Unusable(f"is bound to this project, and no environment; '{UNBIND}' unbinds it")
    return Marker(path, reason=reason, rests_on=(file, config), root=root)


def binding_of(root: bytes, state: State) -> Binding | None:
    """Return the binding of the project *root*, or None. Raises Doubt for a damaged one."""
    file = binding_file(root, state)
    return None if file is None else _read(file, os.path.realpath(root))


def bindings(state: State) -> Iterator[Binding | Doubt]:
    """Yield every binding, by the paths of the projects, or Doubt where one cannot be read."""
    for file in _files(state):
        try:
            binding = _read(file)
            if binding is not None and not is_at(binding_file(binding.root, state), file):
                raise damaged(file, "it is about another path", UNBIND)
        except Doubt as doubt:
            yield doubt
        else:
            # None if it has gone meanwhile.
            if binding is not None:
                yield binding


def bound_roots(state: State | None) -> tuple[bytes, ...]:
    """Return the projects that something is bound to, each by its real path and as it was named."""
    found: dict[bytes, None] = {}
    for binding in bindings(state) if state is not None else ():
        if isinstance(binding, Binding):
            found[binding.logical] = found[binding.root] = None
    return tuple(found)


def bind(binding: Binding, state: State) -> None:
    """Keep *binding*, in the place of an earlier one, and let every shell look again.

    To be called with the state's lock. Raises VenvhookError where it cannot be kept.
    """
    file = binding_file(binding.root, state)
    if file is None:
        raise VenvhookError(
            f"{shown(binding.root)}: has a name like venvhook's own files in it, so nothing can be "
            "bound to it; rename it"
        )
    text = b"\0".join((_HEADER, binding.root, binding.logical, binding.environment))
    if not write_own(file, text):
        where = shown(os.path.dirname(file))
        raise VenvhookError(f"{where}: cannot be written, so nothing was bound; mend it")
    tell_shells(state)


def unbind(root: bytes, state: State) -> bool:
    """Forget the binding of the project *root*, damaged or not; return whether there was one.

    To be called with the state's lock. Raises OSError where it cannot be removed.
    """
    file = binding_file(root, state)
    if file is None or not os.path.lexists(file):
        return False
    os.unlink(file)
    remove_empty(os.path.dirname(file), _bindings_below(state))
    tell_shells(state)
    return True


def tell_shells(state: State) -> None:
    """Let every shell ask anew what is bound and set, and look at every recipe again.

    It does so at its next prompt. Raises OSError.
    """
    try:
        with os.scandir(policies_below(state.directory)) as entries:
            generations = [entry.path for entry in entries]
    except FileNotFoundError:
        generations = []
    for path in generations:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # A helper has replaced it.
    state.touch()


def binding_file(root: bytes, state: State) -> bytes | None:
    """Return the file of the binding of the project *root*, or None where there can be none."""
    directory = mirrored(_bindings_below(state), os.path.realpath(root), _STEM)
    return None if directory is None else os.path.join(directory, _NAME)


def _bindings_below(state: State) -> bytes:
    return os.path.join(state.directory, b"bindings")


def _read(file: bytes, root: bytes | None = None) -> Binding | None:
    """Return the binding in *file*, or None where there is none about *root*. Raises Doubt."""
    text = read_own(file, UNBIND)
    if text is None:
        return None
    header, *paths = text.split(b"\0")
    if header != _HEADER or len(paths) != 3 or not all(os.path.isabs(path) for path in paths):
        raise damaged(file, "it does not name three paths", UNBIND)
    # On a disk that ignores case this is what was bound to another spelling.
    return Binding(*paths) if root in (None, paths[0]) else None


def _files(state: State) -> Iterator[bytes]:
    """Yield the file of every binding, in the order of their names."""
    for path in directories_below(_bindings_below(state)):
        file = os.path.join(path, _NAME)
        if os.path.lexists(file):
            yield file
