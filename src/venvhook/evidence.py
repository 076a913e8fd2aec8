"""What the conditions of trust find at an environment: all of them asked, with the evidence."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from .decision import State, keeps_times_beside, token_proves_times
from .environment import WINDOWS, Doubt
from .errors import shown
from .trust import BIRTH, DELIVERED, HELD, LOCATION, Look

# What a user calls them; before them stands that the environment is whole.
TITLES = {HELD: "held", LOCATION: "at home", DELIVERED: "not delivered", BIRTH: "made here"}

_HELD = "only you and root can write it, the way to it, and its Python"
_HOLDS = {
    DELIVERED: "",
    LOCATION: "it records this place",
    BIRTH: "its times are those of its making, and nothing in it is older",
}


@dataclass(frozen=True)
class Finding:
    """What the condition *name* found: the *evidence*, and if it does not hold, the *cause*."""

    name: bytes
    cause: Doubt | None = None
    evidence: str = ""

    @property
    def title(self) -> str:
        """What a user calls the condition."""
        return TITLES[self.name]


def findings(look: Look, honest: bool | None) -> list[Finding]:
    """Return what each condition finds, in the order of TITLES. *honest* as for ``finding``."""
    return [finding(name, look, honest) for name in TITLES]


def finding(name: bytes, look: Look, honest: bool | None) -> Finding:
    """Return what the condition *name* finds.

    *honest*: whether the file system keeps change times of its own, on which BIRTH rests. None
    where that could not be tried.
    """
    if name == HELD:
        return held(look)
    if name == DELIVERED:
        return _delivered(look)
    condition = look.location if name == LOCATION else lambda: look.birth(honest)
    return _finding(name, condition, look)


def held(look: Look) -> Finding:
    """Return whether only the user and root can write the environment; if not, what first."""
    doubts = look.held_doubts()
    if not doubts:
        return Finding(HELD, evidence="" if WINDOWS else _HELD)
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
        return Finding(DELIVERED, evidence=_not_tracked(look))
    return Finding(DELIVERED, finding.cause, f"tracked by git: {files} file{'s'[: files != 1]}")


def _not_tracked(look: Look) -> str:
    """Return which repositories were asked, none of which tracks the environment."""
    tops = [shown(repository.top) for repository in look.repositories]
    if not tops:
        return "no repository is around it"
    return "not tracked by the repository " + " or ".join(dict.fromkeys(tops))


def _finding(name: bytes, condition: Callable[[], None], look: Look) -> Finding:
    try:
        condition()
    except Doubt as doubt:
        return Finding(name, doubt, _about(doubt, look))
    return Finding(name, evidence=_HOLDS[name])


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
