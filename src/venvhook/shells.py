"""The table of shells: what each is called, how it quotes and sets a variable, its hook script."""

from __future__ import annotations

import os

from .errors import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def quote_posix(value: bytes) -> bytes:
    """Return *value* as one word of bash or zsh (POSIX 2.2.2: in '...' only ' is special)."""
    return b"'" + value.replace(b"'", b"'\\''") + b"'"


def quote_fish(value: bytes) -> bytes:
    r"""Return *value* as one word of fish: \ escapes \ and ' inside '...' (fish docs, "Quotes")."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def quote_powershell(value: bytes) -> bytes:
    """Return *value* as one PowerShell string. U+2018 to U+201B end such a string as ' does."""
    value = value.replace(b"'", b"''")
    for code in (b"\x98", b"\x99", b"\x9a", b"\x9b"):
        curly = b"\xe2\x80" + code
        value = value.replace(curly, curly + curly)
    return b"'" + value + b"'"


class Shell:
    """One row of the table.

    *script* is a file of ``shell/``; *suffix* ends the names of its recipes; *assignment* is how it
    sets a global variable, with ``%b`` for the name and for the quoted value.
    """

    __slots__ = ("aliases", "assignment", "name", "quote", "script", "suffix")

    def __init__(
        self,
        name: str,
        aliases: tuple[str, ...],
        script: str,
        suffix: bytes,
        assignment: bytes,
        quote: Callable[[bytes], bytes],
    ) -> None:
        self.name = name
        self.aliases = aliases
        self.script = script
        self.suffix = suffix
        self.assignment = assignment
        self.quote = quote


SHELLS = (
    Shell("bash", (), "venvhook.bash", b"sh", b"%b=%b\n", quote_posix),
    Shell("zsh", (), "venvhook.zsh", b"sh", b"%b=%b\n", quote_posix),
    Shell("fish", (), "venvhook.fish", b"fish", b"set -g %b %b\n", quote_fish),
    Shell(
        "powershell",
        ("pwsh",),
        "venvhook.ps1",
        b"ps1",
        b"$global:%b = %b\n",
        quote_powershell,
    ),
)


def shell_named(name: str) -> Shell | None:
    """Return the row of the shell called *name* or by one of its aliases, or None."""
    for shell in SHELLS:
        if name == shell.name or name in shell.aliases:
            return shell
    return None


def require_shell(name: bytes) -> Shell:
    """Return the row of the shell called *name*. Raises UsageError where there is none."""
    shell = shell_named(os.fsdecode(name))
    if shell is None:
        raise UsageError(f"no shell is called '{shown(name)}'; there are {shell_names()}")
    return shell


def shell_names() -> str:
    """Return the names of all shells as text for a message."""
    return ", ".join(shell.name for shell in SHELLS)
