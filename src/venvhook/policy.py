"""The policy: what a shell has to know without asking, and what may change while it runs.

One line of shell code, a call of ``_venvhook_policy`` with its generation, ``auto_create``,
``guard`` (1 or nothing), three names of markers, the names of project files between spaces, the
projects that environments are bound to (a newline before and after each), and its witnesses: the
stamp, the configuration directory, and what else the settings rest on.

It is kept in the recipe cache, in ``venvhook.policy.<suffix>``. Its generation is an empty file
with the time of the moment before the settings were read, named anew each time: so a shell that
compares that with the witnesses also sees that the policy of another shell has taken the place of
its own. Variables of the shell come before what it says, and are not read here: it is for all.

Called as ``policy <protocol>[.<trust>] <shell>``.
"""

from __future__ import annotations

import os
import time

from .binding import bound_roots
from .config import FILE
from .errors import UsageError, run, shown
from .nearest import Policy, read_policy
from .recipe import Draft, is_spoken, recipe_cache
from .shells import Shell, shell_named, shell_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

STEM = b"venvhook.policy"
_NAMES = 3
_PREFIX = "VENVHOOK_"


def main() -> None:
    """Run the helper."""
    run(respond)


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to the helper's arguments *words*; raise VenvhookError on bad ones."""
    if len(words) != 2:
        raise UsageError("usage: policy <protocol> <shell>")
    protocol, name = words
    if not is_spoken(protocol):
        raise UsageError("this shell was started with another version; start a new shell")
    shell = shell_named(os.fsdecode(name))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(name)}'; there are {shell_names()}")
    return make_and_keep(shell, recipe_cache(environ, protocol), environ)


def make_and_keep(shell: Shell, cache: bytes | None, environ: Mapping[str, str]) -> bytes:
    """Return the policy for *shell*, and keep it in *cache*.

    While something that it rests on changes, looks again, as for a recipe.
    """
    environ = {key: value for key, value in environ.items() if not key.startswith(_PREFIX)}
    path = os.path.join(cache, STEM + b"." + shell.suffix) if cache is not None else None
    line = b""
    for _ in range(4):
        draft = Draft(path)
        policy = read_policy(environ, "")
        rests_on = _witnesses(policy)
        witnesses = rests_on + _never_fresh(policy, path)
        generation = [*draft.generation(dated=True), b""][0]
        line = _line(shell, policy, generation, witnesses)
        if not generation:
            draft.drop()
            break
        draft.keep(line)
        if not os.path.lexists(generation):
            # No room for it.
            line = _line(shell, policy, b"", witnesses)
            break
        if not draft.is_overtaken(rests_on):
            break
        time.sleep(0.005)
    return line


def _witnesses(policy: Policy) -> list[bytes]:
    """Return what *policy* rests on: the stamp, the directories of the settings, and their file."""
    settings = policy.settings.witnesses
    files = [path for path in settings if os.path.basename(path) == FILE]
    return [*policy.stamp(), *(path for path in settings if path not in files), *files]


def _never_fresh(policy: Policy, path: bytes | None) -> list[bytes]:
    """Return a witness that is never older where the settings are not understood.

    What mends them may leave no trace: a mode. So it is asked at each change of directory.
    """
    return [path] if policy.mistake and path is not None else []


def _line(shell: Shell, policy: Policy, generation: bytes, witnesses: list[bytes]) -> bytes:
    """Return the policy as one command of *shell*."""
    settings = policy.settings
    names = (*settings.names, *settings.names[:1] * _NAMES)[:_NAMES]
    words = (
        generation,
        settings.auto_create.encode(),
        b"1" if settings.guard else b"",
        *names,
        b" ".join(settings.project_files),
        _between_newlines(bound_roots(policy.state)),
        *witnesses,
    )
    return b"_venvhook_policy " + b" ".join(shell.quote(word) for word in words) + b"\n"


def _between_newlines(roots: tuple[bytes, ...]) -> bytes:
    """Return *roots* as a shell looks for one in them, the longest first for fish's pattern."""
    ordered = sorted(roots, key=len, reverse=True)
    return b"\n" + b"\n".join(ordered) + b"\n" if roots else b""
