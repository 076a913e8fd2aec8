"""The nearest environment that may be used: found and judged in one way by hook and commands."""

from __future__ import annotations

import os

from .binding import bound_marker
from .caller import home_directory
from .config import FILE, VARIABLE, Settings, read_settings
from .decision import State
from .directories import config_directory, state_directory, usable
from .discovery import find_marker, is_same, levels, present
from .environment import (
    Doubt,
    Environment,
    Unusable,
    display_name,
    examine,
    is_directory,
    witnesses,
)
from .errors import VenvhookError, shown
from .ignoring import ignored_at, ignored_line
from .trust import Verdict, is_denied, judge, message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .discovery import Marker


# ---- What the user has decided -------------------------------------------------------------------


class Policy:
    """What a decision goes by: the user's *settings*, and the *state* of what he decided before.

    *mistake* says what is not understood in the settings, or nothing: then nothing is used.
    """

    __slots__ = ("mistake", "settings", "state")

    def __init__(self, settings: Settings, state: State | None, mistake: str = "") -> None:
        self.settings = settings
        self.state = state
        self.mistake = mistake

    def denies(self, root: bytes, environment: bytes) -> bool:
        """Return whether the user denied the project *root*, or that of *environment*."""
        if self.state is None:
            return False
        try:
            return is_denied(os.path.realpath(root), os.path.realpath(environment), self.state)
        except Doubt:
            return False

    def witnesses(self) -> tuple[bytes, ...]:
        """Return what a refusal rests on of which the user decides how it is told."""
        return (*self.settings.witnesses, *self.stamp())

    def stamp(self) -> tuple[bytes, ...]:
        """Return the file that shows by its time when the user decided something, or nothing."""
        if self.state is None or not self.state.has_stamp():
            return ()
        return (self.state.stamp,)


def read_policy(environ: Mapping[str, str], trust: str) -> Policy:
    """Return the policy of the user; *trust* is the value of ``VENVHOOK_TRUST``."""
    directory = usable(state_directory(environ), environ)
    state = None if directory is None else State(directory)
    try:
        return Policy(read_settings(environ, trust, directory), state)
    except VenvhookError as error:
        settings, place = Settings(), config_directory(environ)
        if place is not None:
            settings.witnesses = (place, os.path.join(place, FILE))
        line = str(error).encode("utf-8", "surrogateescape")
        return Policy(settings, state, shown(line, limit=1000))


# ---- One project root ----------------------------------------------------------------------------


class Outcome:
    """What a project root comes to, and the files that this *rests_on*.

    Without an *environment* and a *refusal* what is there is something else, and the walk goes on.
    *environment* is one that is whole, and *verdict* whether it may be used. *refusal* is the line
    that says why not, or empty; *silent*: a shell need not be told. *kept* says whether the
    outcome may be used again while nothing that it rests on has changed.
    """

    __slots__ = ("environment", "kept", "refusal", "rests_on", "silent", "verdict")

    def __init__(self, rests_on: list[bytes], kept: bool, refusal: str = "") -> None:
        self.rests_on = rests_on
        self.kept = kept
        self.refusal = refusal
        self.silent = False
        self.environment: Environment | None = None
        self.verdict: Verdict | None = None


def roots(
    directory: bytes, home: bytes, names: tuple[bytes, ...], state: State | None = None
) -> Iterator[bytes]:
    """Yield the directories from *directory* upwards in which a shell sees one of *names*.

    And those to which the user bound an environment, as *state* knows.
    """
    for root in levels(directory, home):
        # A link to nothing is a marker too, where the shell sees it: by any name in its working
        # directory, by the first on the way up.
        if (
            root != directory
            and not present(root, names)
            and not os.path.lexists(os.path.join(root, names[0]))
            and bound_marker(root, state) is None
        ):
            continue
        if root != directory and is_same(root, home):
            return
        yield root


def look_into(root: bytes, names: tuple[bytes, ...], policy: Policy) -> Outcome | None:
    """Return what the directory *root* comes to, or None where there is no marker in it.

    Also where it is ignored, whatever is in it.
    """
    ignored = _as_ignored(root, policy)
    if ignored is not None:
        return ignored
    marker = bound_marker(root, policy.state) or find_marker(root, names)
    if marker is None:
        return None
    if policy.mistake:
        rests_on = [*marker.rests_on, *policy.witnesses()]
        return Outcome(rests_on, kept=False, refusal=_mistake_line(policy))
    if marker.environment is None and marker.reason is None:
        # An environment may be bound to it.
        return Outcome([*marker.rests_on, *policy.stamp()], kept=True)
    return _examined(root, marker, policy)


def _mistake_line(policy: Policy) -> str:
    """Return the line about the mistake in the settings."""
    return f"{policy.mistake}; until then nothing is activated"


def _examined(root: bytes, marker: Marker, policy: Policy) -> Outcome:
    """Return what comes of the environment that *marker* in *root* leads to, or is meant as."""
    rests_on = list(marker.rests_on)
    try:
        if marker.environment is None:
            raise marker.reason or Unusable("is no environment")
        rests_on += witnesses(marker.environment)
        environment = examine(marker.environment)
    except Unusable as reason:
        path = marker.environment or marker.path
        rests_on += policy.witnesses()
        outcome = Outcome(rests_on, reason.kept, f"{shown(path)}: {reason.reason}")
        outcome.silent = policy.denies(root, path)
        return outcome
    verdict = judge(environment, marker.path, policy.settings, policy.state, marker.root)
    outcome = Outcome([*rests_on, *verdict.witnesses], verdict.kept)
    outcome.environment, outcome.verdict = environment, verdict
    if verdict.doubt is not None:
        outcome.refusal = message(verdict, verdict.doubt, root, marker.path)
        outcome.silent = verdict.silent
    return outcome


def _as_ignored(root: bytes, policy: Policy) -> Outcome | None:
    """Return what *root* comes to if the user ignores it, or a directory above; else None."""
    try:
        directory = ignored_at(root, policy.state)
    except Doubt as doubt:
        return Outcome([*policy.stamp()], kept=False, refusal=doubt.line)
    if directory is None:
        return None
    stamp = policy.stamp()
    outcome = Outcome([*stamp], kept=bool(stamp), refusal=ignored_line(directory))
    outcome.silent = True
    return outcome


# ---- The nearest ---------------------------------------------------------------------------------


class Found:
    """An *environment* that may be used: that of the project *root*, called *name* in a prompt."""

    __slots__ = ("environment", "name", "root", "verdict")

    def __init__(
        self, root: bytes, environment: Environment, name: bytes, verdict: Verdict
    ) -> None:
        self.root = root
        self.environment = environment
        self.name = name
        self.verdict = verdict


def nearest_environment(
    directory: bytes, home: bytes, names: tuple[bytes, ...], policy: Policy
) -> Found:
    """Return the nearest environment at or above *directory*, if it may be used.

    It is accepted as a shell that comes there accepts it. Raises VenvhookError where there is none,
    and with the line that a shell would say where it may not be used.
    """
    for root in roots(directory, home, names, policy.state):
        outcome = look_into(root, names, policy)
        if outcome is None:
            continue
        if outcome.refusal:
            raise VenvhookError(outcome.refusal)
        if outcome.environment is not None and outcome.verdict is not None:
            name = display_name(outcome.environment, root, names)
            return Found(root, outcome.environment, name, outcome.verdict)
    if policy.mistake:
        # It may be called what was meant.
        raise VenvhookError(_mistake_line(policy))
    raise VenvhookError(
        f"no environment at or above {shown(directory)}; 'venvhook create' makes one"
    )


def environment_at(directory: bytes, environ: Mapping[str, str]) -> Found:
    """Return the nearest environment at or above the absolute *directory*, for a command.

    As ``nearest_environment`` for the caller whose variables are *environ*; raises VenvhookError
    also where *directory* is none.
    """
    try:
        mode = os.stat(directory).st_mode
    except OSError as error:
        raise VenvhookError(f"{shown(directory)}: {error.strerror}; name a directory") from None
    if not is_directory(mode):
        raise VenvhookError(f"{shown(directory)}: is no directory; name one")
    policy = read_policy(environ, environ.get(VARIABLE, ""))
    return nearest_environment(directory, home_directory(environ), policy.settings.names, policy)
