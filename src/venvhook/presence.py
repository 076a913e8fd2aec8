"""Whether venvhook is loaded in the shell that a command was called from, as far as can be told.

A command does not see its shell's functions. What it sees: that an environment was activated by the
hook, there or in a shell above; the lines of the startup files, read as the doctor reads them; and
what the hook exports for 'venvhook off', where these lines do not load it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .detect import current_shell
from .errors import UsageError, VenvhookError, shown
from .programs import Programs
from .session import find_session
from .shells import Shell
from .startup import Startup, interactive_startup, likely_startups

# Those that have to say themselves which files they read.
_ASKED = ("zsh", "powershell")


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
    main = b""
    for startup in _startups(shell, environ):
        main = main or startup.main
        for _at, loading in startup.loadings():
            text = f"{shown(loading.line.file)} loads it into {shell.name}"
            return Presence(shell.name, True, text)
    if _has_session(environ):
        return Presence(shell.name, True, f"it was loaded into this {shell.name} by hand")
    if not main:
        return Presence(shell.name, None, f"{shell.name} does not say which file it starts with")
    return Presence(shell.name, False, f"{shown(main)} does not load it into {shell.name}")


def _has_session(environ: Mapping[str, str]) -> bool:
    try:
        find_session(environ)
    except VenvhookError:
        return False
    return True


def _startups(shell: Shell, environ: Mapping[str, str]) -> Iterator[Startup]:
    """Yield what *shell* comes to when it starts: first what can be told without asking it."""
    try:
        yield from likely_startups(shell, environ)
        if shell.name in _ASKED:
            programs = Programs(environ)
            executable = programs.shells().get(shell.name)
            if executable is not None:
                yield interactive_startup(shell, executable, programs.for_startup)
    except VenvhookError:
        return  # HOME is not set, or PowerShell does not answer
