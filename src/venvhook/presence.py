"""Whether venvhook is loaded in the shell that a command was called from, as far as can be told.

A command does not see its shell's functions. What it sees: that an environment was activated by the
hook, there or in a shell above; and the lines of the startup file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .caller import home_directory
from .detect import current_shell, installed_shells
from .errors import UsageError, VenvhookError, shown
from .rcfile import SIZE_LIMIT, rc_files
from .shells import Shell

# A line that is no comment and calls 'venvhook init', by whatever path.
_LOADING = re.compile(rb"^[^#\n]*\bvenvhook\b[^#\n]*\binit\b", re.MULTILINE)


@dataclass(frozen=True)
class Presence:
    """Whether venvhook is loaded in the shell called *shell*, empty where that cannot be told.

    *loaded* is None where nothing tells, and *evidence* is what does.
    """

    shell: str
    loaded: bool | None
    evidence: str

    def __str__(self) -> str:
        """Return it in one line."""
        if self.loaded is None:
            return f"cannot be told: {self.evidence}"
        return f"{'yes' if self.loaded else 'no'}, as far as can be told: {self.evidence}"


def find_presence(environ: Mapping[str, str]) -> Presence:
    """Return whether venvhook is loaded in the shell that this process was started from."""
    try:
        shell = current_shell()
    except UsageError as error:
        return Presence("", None, str(error).partition(";")[0])
    if environ.get("VENVHOOK_ACTIVE"):
        text = f"it has activated an environment in this {shell.name}, or in the shell above"
        return Presence(shell.name, True, text)
    files = list(dict.fromkeys(_startup_files(shell, environ)))
    for file in files:
        if _loads(file):
            return Presence(shell.name, True, f"{shown(file)} loads it into {shell.name}")
    if not files:
        return Presence(shell.name, None, f"{shell.name} does not say which file it starts with")
    return Presence(shell.name, False, f"{shown(files[0])} does not load it into {shell.name}")


def _startup_files(shell: Shell, environ: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the files that *shell* reads, those first for which no shell has to be asked."""
    home = home_directory(environ)
    if shell.name == "zsh":
        yield os.path.join(os.fsencode(environ.get("ZDOTDIR", "")) or home, b".zshrc")
    if shell.name == "bash":
        yield from (os.path.join(home, name) for name in (b".bashrc", b".bash_profile"))
        yield from (os.path.join(home, name) for name in (b".bash_login", b".profile"))
    executable = installed_shells(environ).get(shell.name, "")
    if not os.path.isabs(executable):
        # Not what a relative entry of PATH finds in a project.
        return
    try:
        found = rc_files(shell, executable, environ)
    except VenvhookError:
        return
    yield from found
    if shell.name == "fish":
        yield from (
            os.path.join(os.path.dirname(os.path.dirname(f)), b"config.fish") for f in found
        )


def _loads(file: bytes) -> bool:
    """Return whether a line of *file* loads the hook."""
    try:
        if not os.path.isfile(file) or os.path.getsize(file) > SIZE_LIMIT:
            return False
        with open(file, "rb") as opened:
            return _LOADING.search(opened.read()) is not None
    except OSError:
        return False
