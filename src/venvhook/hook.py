"""The helper: what a shell is to do in a directory, as recipes on stdout.

Called as ``hook <protocol>[.<trust>] <shell> <directory> <name>...``: the protocol, with the value
of ``VENVHOOK_TRUST`` where that is set, the shell whose recipes are wanted, the nearest directory
above the shell's working directory that holds a marker, and the marker names in their order. It
prints one recipe a project root, from *directory* upwards, of which only the last does not pass. On
failure it prints nothing there and one line on stderr.
"""

from __future__ import annotations

import os
import time

from .config import FILE, Settings, read_settings
from .decision import State
from .directories import config_directory, state_directory, usable
from .discovery import DEFAULT_NAMES, find_marker, is_same, levels, present
from .environment import WINDOWS, Doubt, Unusable, display_name, examine, witnesses
from .errors import UsageError, VenvhookError, run, shown
from .recipe import (
    ACTIVATE,
    PASS,
    PROTOCOL,
    REFUSE,
    Draft,
    Recipe,
    recipe_cache,
    recipe_path,
)
from .shells import Shell, shell_named, shell_names
from .trust import is_denied, judge, message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def main() -> None:
    """Run the helper."""
    run(respond)


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to the helper's arguments *words*; raise VenvhookError on bad ones."""
    if len(words) < 3:
        raise UsageError("usage: hook <protocol> <shell> <directory> [<marker name>...]")
    protocol, shell_name, directory, *names = words
    number, _, trust = protocol.partition(b".")
    if number != PROTOCOL:
        raise UsageError("this shell was started with another version; start a new shell")
    shell = shell_named(os.fsdecode(shell_name))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(shell_name)}'; there are {shell_names()}")
    home = os.fsencode(environ.get("HOME") or (environ.get("USERPROFILE", "") if WINDOWS else ""))
    home = home.rstrip(b"/") or home
    policy = read_policy(environ, os.fsdecode(trust))
    cache = recipe_cache(environ, protocol)
    return answer(shell, directory, home, tuple(names) or DEFAULT_NAMES, cache, policy)


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
        if self.state is None or not self.state.has_stamp():
            return self.settings.witnesses
        return (*self.settings.witnesses, self.state.stamp)


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


def answer(
    shell: Shell,
    directory: bytes,
    home: bytes,
    names: tuple[bytes, ...],
    cache: bytes | None,
    policy: Policy,
) -> bytes:
    """Return the recipes from *directory* upwards for *shell*, and keep them in *cache*."""
    lines = []
    for root in levels(directory, home):
        markers = present(root, names)
        # A link to nothing is a marker too, where the shell sees it: by any name in its working
        # directory, by the first on the way up.
        if not markers and root != directory and not os.path.lexists(os.path.join(root, names[0])):
            continue
        if root != directory and is_same(root, home):
            break
        recipe = decide_and_keep(shell, root, names, cache, policy)
        if recipe is not None:
            lines.append(recipe.line(shell))
            if recipe.verb != PASS:
                break
    return b"".join(lines)


def decide_and_keep(
    shell: Shell, root: bytes, names: tuple[bytes, ...], cache: bytes | None, policy: Policy
) -> Recipe | None:
    """Return what to do about the directory *root*, kept in *cache* if it may be kept.

    While something that it rests on changes (an environment is being made), looks again, up to four
    times and after a tick of the clock: what the shell sees next is not what was looked at here.
    """
    path = recipe_path(cache, root, shell) if cache is not None else None
    recipe = None
    for _ in range(4):
        draft = Draft(path)
        recipe = decide(root, present(root, names), names, policy)
        if recipe is None:
            draft.drop()
            return None
        if recipe.kept:
            recipe.witnesses += draft.generation()
            draft.keep(recipe.line(shell))
        else:
            recipe.witnesses += draft.keep_time(recipe.witnesses)
        if not draft.is_overtaken(recipe.witnesses):
            break
        time.sleep(0.005)
    if recipe is not None and not recipe.kept and path is not None:
        # Asked for at each directory change all the same: it is never newer than itself.
        recipe.witnesses.append(path)
    return recipe


def decide(root: bytes, markers: bytes, names: tuple[bytes, ...], policy: Policy) -> Recipe | None:
    """Return what to do about the directory *root*, where *markers* exist, or None for nothing."""
    marker = find_marker(root, names)
    if marker is None:
        return None
    rests_on = list(marker.rests_on)
    notice = policy.settings.notice
    if policy.mistake:
        rests_on += policy.witnesses()
        return Recipe(REFUSE, root, markers, (policy.mistake.encode(),), rests_on, kept=False)
    try:
        if marker.environment is None:
            if marker.reason is None:
                return Recipe(PASS, root, markers, (), rests_on, kept=True)
            raise marker.reason
        rests_on += witnesses(marker.environment)
        environment = examine(marker.environment)
    except Unusable as reason:
        path = marker.environment or marker.path
        silent = not notice or policy.denies(root, path)
        text = "" if silent else f"{shown(path)}: {reason.reason}"
        rests_on += policy.witnesses()
        return Recipe(REFUSE, root, markers, (text.encode(),), rests_on, kept=reason.kept)
    verdict = judge(environment, marker.path, policy.settings, policy.state)
    rests_on += verdict.witnesses
    if verdict.doubt is not None:
        silent = verdict.silent or not notice
        text = "" if silent else message(verdict, verdict.doubt, root, marker.path)
        return Recipe(REFUSE, root, markers, (text.encode(),), rests_on, verdict.kept)
    name = display_name(environment, root, names)
    values = (environment.path, name, verdict.token)
    return Recipe(ACTIVATE, root, markers, values, rests_on, verdict.kept)
