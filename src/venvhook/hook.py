"""The helper: what a shell is to do in a directory, as recipes on stdout.

Called as ``hook <protocol> <shell> <directory> <name>...``: the protocol and the shell whose
recipes are wanted, the nearest directory above the shell's working directory that holds a marker,
and the marker names in their order. It prints one recipe a project root, from *directory* upwards,
of which only the last does not pass. On failure it prints nothing there and one line on stderr.
"""

from __future__ import annotations

import os

from .discovery import DEFAULT_NAMES, find_marker, levels
from .environment import Environment, Unusable, display_name, examine, witnesses
from .errors import UsageError, run, shown
from .recipe import (
    ACTIVATE,
    PASS,
    PROTOCOL,
    REFUSE,
    Draft,
    Recipe,
    cache_directory,
    ensure_cache,
    recipe_path,
)
from .shells import Shell, shell_named, shell_names
from .trust import refusal

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
    if protocol != PROTOCOL:
        raise UsageError("this shell was started with another version; start a new shell")
    shell = shell_named(os.fsdecode(shell_name))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(shell_name)}'; there are {shell_names()}")
    home = os.fsencode(environ.get("HOME", ""))
    cache = cache_directory(environ)
    if cache is not None and not ensure_cache(cache):
        cache = None
    return answer(shell, directory, home, tuple(names) or DEFAULT_NAMES, cache)


def answer(
    shell: Shell, directory: bytes, home: bytes, names: tuple[bytes, ...], cache: bytes | None
) -> bytes:
    """Return the recipes from *directory* upwards for *shell*, and keep them in *cache*."""
    lines = []
    for root in levels(directory, home):
        draft = Draft(recipe_path(cache, root, shell) if cache is not None else None)
        recipe = decide(root, names)
        if recipe is None:
            draft.drop()
            continue
        line = recipe.line(shell)
        if recipe.kept:
            draft.keep(line)
        else:
            draft.drop()
        lines.append(line)
        if recipe.verb != PASS:
            break
    return b"".join(lines)


def decide(root: bytes, names: tuple[bytes, ...]) -> Recipe | None:
    """Return what to do about the directory *root*, or None where it has no marker."""
    marker = find_marker(root, names)
    if marker is None:
        return None
    if marker.environment is None:
        # Another marker made beside this one leaves its trace in the root alone.
        rests_on = [root, *marker.rests_on]
        if marker.reason is None:
            return Recipe(PASS, root, (), rests_on, kept=True)
        return _refuse(root, marker.path, marker.reason, rests_on)
    rests_on = [*marker.rests_on, *witnesses(marker.environment)]
    try:
        environment = examine(marker.environment)
    except Unusable as reason:
        return _refuse(root, marker.environment, reason, rests_on)
    reason_against = refusal(environment)
    if reason_against is not None:
        return _refuse(root, environment.path, reason_against, rests_on)
    return _activate(root, environment, names, rests_on)


def _refuse(root: bytes, path: bytes, reason: Unusable, rests_on: list[bytes]) -> Recipe:
    """Return the recipe that does not use *path*, and says why."""
    text = f"{shown(path)}: {reason.reason}".encode()
    return Recipe(REFUSE, root, (text,), rests_on, kept=reason.kept)


def _activate(
    root: bytes, environment: Environment, names: tuple[bytes, ...], rests_on: list[bytes]
) -> Recipe:
    """Return the recipe that activates *environment*."""
    name = display_name(environment, root, names)
    token = b""  # Comes with the conditions of trust.
    return Recipe(ACTIVATE, root, (environment.path, name, token), rests_on, kept=True)
