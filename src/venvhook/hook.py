"""The helper: what a shell is to do in a directory, as recipes on stdout.

Called as ``hook <protocol>[.<trust>] <shell> <directory> <name>...``: the protocol, with the value
of ``VENVHOOK_TRUST`` where that is set, the shell whose recipes are wanted, the nearest directory
above the shell's working directory that holds a marker, and the three marker names in their order;
then the value of ``VENVHOOK_NAMES`` where the shell cannot go by it: a mistake, which is told. It
prints one recipe a project root, from *directory* upwards, of which only the last does not pass. On
failure it prints nothing there and one line on stderr.
"""

from __future__ import annotations

import os
import time

from .caller import home_directory
from .config import NAMES_LIMIT
from .discovery import DEFAULT_NAMES, present
from .environment import display_name
from .errors import UsageError, run
from .nearest import look_into, read_policy, roots
from .recipe import (
    ACTIVATE,
    PASS,
    REFUSE,
    Draft,
    Recipe,
    recipe_cache,
    recipe_path,
    require_spoken,
)
from .shells import Shell, require_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .nearest import Policy


def main() -> None:
    """Run the helper."""
    run(respond)


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to the helper's arguments *words*; raise VenvhookError on bad ones."""
    if len(words) < 3:
        raise UsageError("usage: hook <protocol> <shell> <directory> [<marker name>...]")
    protocol, shell_name, directory, *names = words
    trust = protocol.partition(b".")[2]
    require_spoken(protocol)
    shell = require_shell(shell_name)
    # The variable as it was when the shell loaded the hook, exported or not.
    mistaken = os.fsdecode(b" ".join(names[NAMES_LIMIT:]))
    policy = read_policy({**environ, "VENVHOOK_NAMES": mistaken}, os.fsdecode(trust))
    cache = recipe_cache(environ, protocol)
    home = home_directory(environ)
    known = tuple(names[:NAMES_LIMIT]) or DEFAULT_NAMES
    return answer(shell, directory, home, known, cache, policy)


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
    for root in roots(directory, home, names, policy.state):
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

    While something that it rests on changes (an environment is being made, or exchanged), looks
    again, up to four times and after a tick of the clock: what the shell sees next is not what was
    looked at here. A refusal of what has been exchanged meanwhile is not kept: it may be true of
    neither, and what stands there then may be older than it.
    """
    path = recipe_path(cache, root, shell) if cache is not None else None
    recipe = None
    for _ in range(4):
        before = _state_of(root)
        draft = Draft(path)
        recipe = decide(root, present(root, names), names, policy)
        if recipe is None:
            draft.drop()
            return None
        exchanged = _state_of(root) != before
        recipe.kept = recipe.kept and (recipe.verb == ACTIVATE or not exchanged)
        if recipe.kept:
            recipe.witnesses += draft.generation()
            draft.keep(recipe.line(shell))
        else:
            recipe.witnesses += draft.keep_time(recipe.witnesses)
        if not (exchanged or draft.is_overtaken(recipe.witnesses)):
            break
        time.sleep(0.005)
    if recipe is not None and not recipe.kept and path is not None:
        # Asked for at each directory change all the same: it is never newer than itself.
        recipe.witnesses.append(path)
    return recipe


def _state_of(root: bytes) -> tuple[int, ...]:
    """Return what changes when an entry of the directory *root* comes, goes or is renamed."""
    try:
        found = os.stat(root)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def decide(root: bytes, markers: bytes, names: tuple[bytes, ...], policy: Policy) -> Recipe | None:
    """Return what to do about the directory *root*, where *markers* exist, or None for nothing."""
    outcome = look_into(root, names, policy)
    if outcome is None:
        return None
    rests_on, kept = outcome.rests_on, outcome.kept
    if outcome.refusal:
        silent = outcome.silent or not policy.settings.notice
        text = "" if silent else outcome.refusal
        return Recipe(REFUSE, root, markers, (text.encode(),), rests_on, kept)
    if outcome.environment is None or outcome.verdict is None:
        return Recipe(PASS, root, markers, (), rests_on, kept)
    name = display_name(outcome.environment, root, names)
    values = (outcome.environment.path, name, outcome.verdict.token)
    return Recipe(ACTIVATE, root, markers, values, rests_on, kept)
