"""What the conditions of trust find at an environment: all of them asked, with the evidence."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from .decision import State, keeps_times_beside, token_proves_times
from .environment import WINDOWS, Doubt
from .errors import shown
from .held import Holder, find_doubts
from .trust import BIRTH, DELIVERED, HELD, LOCATION, Look

# What a user calls them; before them stands that the environment is whole.
TITLES = {HELD: "held", LOCATION: "at home", DELIVERED: "not delivered", BIRTH: "made here"}


@dataclass(frozen=True)
class Finding:
    """What the condition *name* found: the *cause* why it does not hold, and the *evidence*.

    None and empty where it holds.
    """

    name: bytes
    cause: Doubt | None = None
    evidence: str = ""

    @property
    def title(self) -> str:
        """What a user calls the condition."""
        return TITLES[self.name]


def findings(look: Look, honest: bool) -> list[Finding]:
    """Return what each condition finds, in the order of TITLES.

    *honest*: whether the file system keeps change times of its own.
    """
    return [
        held(look),
        _finding(LOCATION, look.location, look),
        _delivered(look),
        _finding(BIRTH, lambda: look.birth(honest), look),
    ]


def held(look: Look) -> Finding:
    """Return whether only the user and root can write the environment; if not, what first."""
    doubts = [] if WINDOWS else list(find_doubts(look.environment, look.way, Holder.current()))
    if not doubts:
        return Finding(HELD)
    more = f" (and {len(doubts) - 1} more)" if len(doubts) > 1 else ""
    return Finding(HELD, doubts[0], _about(doubts[0], look) + more)


def _delivered(look: Look) -> Finding:
    """Return whether repositories track the environment; if so, how much of it."""
    finding = _finding(DELIVERED, look.delivered, look)
    try:
        files = sum(found.count for found in look.tracked())
    except Doubt:
        return finding
    if finding.cause is None:
        return finding
    return Finding(DELIVERED, finding.cause, f"tracked by git: {files} file{'s'[: files != 1]}")


def _finding(name: bytes, condition: Callable[[], None], look: Look) -> Finding:
    try:
        condition()
    except Doubt as doubt:
        return Finding(name, doubt, _about(doubt, look))
    return Finding(name)


def _about(doubt: Doubt, look: Look) -> str:
    """Return what *doubt* says, without the environment's own path before it."""
    return doubt.what.removeprefix(shown(look.environment.path) + " ")


def honesty(look: Look, state: State | None) -> bool | None:
    """Return whether the environment's file system keeps change times of its own.

    None where nothing tells without writing into the environment. What tells is a token, or a file
    in the state directory where that is on the same file system.
    """
    if token_proves_times(look.environment.path):
        return True
    if state is None or not _is_one_device(look.environment.path, state.directory):
        return None
    return keeps_times_beside(look.environment.path, state.directory)


def _is_one_device(one: bytes, other: bytes) -> bool:
    try:
        return os.stat(one).st_dev == os.stat(other).st_dev
    except OSError:
        return False
