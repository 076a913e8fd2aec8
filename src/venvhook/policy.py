"""The policy: what a shell has to know without asking, and what may change while it runs.

One line of shell code, a call of ``_venvhook_policy`` with its generation, ``auto_create``,
``guard`` (1 or nothing), three names of markers, the names of project files between spaces, the
directories where a walk ends (a newline before and after each), which are projects that something
is bound to and ignored directories, and its witnesses: the configuration directory, and what else
the settings rest on.

It is kept in the recipe cache, in ``venvhook.policy.<suffix>``. Its generation is an empty file in
the state directory, made before anything was read and named anew each time. A shell compares that
with the witnesses; it is removed when another policy takes the place of this one, and when
something is bound or ignored, so that one look shows all of it. Variables of the shell come before
what the policy says, and are not read here: it is for all shells.

Called as ``policy <protocol>[.<trust>] <shell>``.
"""

from __future__ import annotations

import binascii
import os
import time

from .binding import bound_roots
from .config import FILE
from .decision import policies_below
from .directories import make_directories
from .errors import UsageError, run
from .ignoring import ignored_directories
from .nearest import Policy, read_policy
from .recipe import Draft, recipe_cache, require_spoken
from .shells import Shell, require_shell

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
    require_spoken(protocol)
    shell = require_shell(name)
    variables = {key: value for key, value in environ.items() if not key.startswith(_PREFIX)}
    return make_and_keep(shell, recipe_cache(environ, protocol), variables)


def make_and_keep(shell: Shell, cache: bytes | None, environ: Mapping[str, str]) -> bytes:
    """Return the policy for *shell*, and keep it in *cache*.

    While something that it rests on changes, looks again, up to four times.
    """
    policy = read_policy(environ, "")
    if cache is None:
        return _line(shell, policy, b"")
    path = os.path.join(cache, STEM + b"." + shell.suffix)
    generations = _generations(policy, path)
    line = b""
    for _ in range(4):
        draft, generation = Draft(path), _new(generations)
        policy = read_policy(environ, "")
        line = _line(shell, policy, generation)
        if not generation or not draft.keep(line):
            draft.drop()
            _remove(generations)
            return _line(shell, policy, b"")
        _remove(generations, but=generation)
        # Gone if something was bound meanwhile, or another helper was here.
        if os.path.lexists(generation) and not draft.is_overtaken(_witnesses(policy)):
            break
        time.sleep(0.005)
    return line


def _line(shell: Shell, policy: Policy, generation: bytes) -> bytes:
    """Return the policy as one command of *shell*; without a *generation* it is not kept."""
    settings = policy.settings
    names = (*settings.names, *settings.names[:1] * _NAMES)[:_NAMES]
    # What mends settings that are not understood may leave no trace: a mode. So these are asked for
    # at each change of directory, since nothing is newer than itself.
    mistaken = [generation] if policy.mistake else []
    words = (
        generation,
        settings.auto_create.encode(),
        b"1" if settings.guard else b"",
        *names,
        b" ".join(settings.project_files),
        _between_newlines(_ends(policy)),
        *_witnesses(policy),
        *mistaken,
    )
    return b"_venvhook_policy " + b" ".join(shell.quote(word) for word in words) + b"\n"


def _witnesses(policy: Policy) -> list[bytes]:
    """Return what *policy* rests on: the directories of the settings, then their file."""
    settings = policy.settings.witnesses
    files = [path for path in settings if os.path.basename(path) == FILE]
    return [*(path for path in settings if path not in files), *files]


def _ends(policy: Policy) -> tuple[bytes, ...]:
    """Return the directories where a walk ends."""
    ends = (*bound_roots(policy.state), *ignored_directories(policy.state))
    return tuple(dict.fromkeys(ends))


def _between_newlines(roots: tuple[bytes, ...]) -> bytes:
    """Return *roots* as a shell looks for one in them, the longest first for fish's pattern."""
    ordered = sorted(roots, key=len, reverse=True)
    return b"\n" + b"\n".join(ordered) + b"\n" if roots else b""


# ---- Generations ---------------------------------------------------------------------------------


def _generations(policy: Policy, path: bytes) -> bytes:
    """Return how the names of all generations of the policy that is kept at *path* begin.

    Without a state directory they lie beside it: then there is nothing bound either.
    """
    if policy.state is None:
        return path + b".g"
    name = b"%08x%s.g" % (binascii.crc32(path), os.path.splitext(path)[1])
    return os.path.join(policies_below(policy.state.directory), name)


def _new(generations: bytes) -> bytes:
    """Make a new one of *generations*; return its path, or nothing where that cannot be."""
    path = generations + os.urandom(4).hex().encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        if not make_directories(os.path.dirname(path)):
            return b""
        os.close(os.open(path, flags, 0o600))
    except OSError:
        return b""
    return path


def _remove(generations: bytes, but: bytes = b"") -> None:
    """Remove the *generations* except *but*."""
    directory, stem = os.path.split(generations)
    try:
        with os.scandir(directory) as entries:
            old = [entry.path for entry in entries if entry.name.startswith(stem)]
        for path in old:
            if path != but:
                os.unlink(path)
    except OSError:
        return  # By another helper; what is left goes with the next policy.
