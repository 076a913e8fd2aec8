"""Directories that the user ignores: there and in all below it is as if there were no environment.

Each is a decision in the state directory, by the path that the user named and by its real one, so
that a shell sees it by either name.
"""

from __future__ import annotations

import os

from .decision import IGNORED, Decision
from .directories import upwards
from .environment import Doubt
from .errors import VenvhookError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .decision import State


def ignored_at(directory: bytes, state: State | None) -> bytes | None:
    """Return the nearest ignored directory at or above *directory*, by its name or its real one.

    None where there is none. Raises Doubt for a record that is damaged.
    """
    if state is None:
        return None
    for path in dict.fromkeys((directory, os.path.realpath(directory))):
        for place in reversed(_decided_places(path, state)):
            if state.decision(place, IGNORED) is not None:
                return place
    return None


def find_ignored(directory: bytes, state: State | None) -> bytes | None:
    """As ``ignored_at``, for a command. Raises VenvhookError for a record that is damaged."""
    try:
        return ignored_at(directory, state)
    except Doubt as doubt:
        raise VenvhookError(doubt.line) from None


def _decided_places(path: bytes, state: State) -> list[bytes]:
    """Return *path* and the directories above it that decisions may be about, the highest first.

    Where there is no directory for one, there is none for what is below it either.
    """
    places = [*upwards(path)][::-1]
    for count, place in enumerate(places):
        file = state.file(place, IGNORED)
        if file is None or not os.path.isdir(os.path.dirname(file)):
            return places[:count]
    return places


def ignored_directories(state: State | None) -> tuple[bytes, ...]:
    """Return all ignored directories, each by all its names. What is damaged is left out."""
    if state is None:
        return ()
    found = state.decisions((IGNORED,))
    return tuple(decision.path for _, decision in found if isinstance(decision, Decision))


def ignored_line(directory: bytes) -> str:
    """Return the line that says that *directory* is ignored, and what ends that."""
    where = shown(directory)
    return f"{where}: is ignored, and all below; 'venvhook ignore --remove {where}' ends that"
