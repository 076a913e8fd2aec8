"""Which shell the user is in: the only importer of shellingham."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from .errors import UsageError, VenvhookError
from .shells import SHELLS, Shell, shell_named, shell_names


def current_shell() -> Shell:
    """Return the row of the shell that this process was started from.

    Raises UsageError where it cannot be told, or where it is none of the table.
    """
    name = current_shell_name()
    shell = shell_named(name)
    if shell is None:
        raise UsageError(f"this shell is {name}; there are {shell_names()}")
    return shell


def current_shell_name() -> str:
    """Return what the shell that this process was started from is called.

    Raises UsageError where it cannot be told.
    """
    # Here, so that the checkout can uninstall without the package's dependencies.
    import shellingham  # type: ignore[import-untyped]  # it ships no types

    try:
        name, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        raise UsageError(
            f"cannot tell which shell this is; name it, one of {shell_names()}"
        ) from None
    return str(name)


def installed_shells(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the path of each shell of the table that is on this machine, by its name.

    ``$SHELL`` goes before what is on PATH: it is the one that terminals start.
    """
    found = {}
    preferred = environ.get("SHELL", "")
    for shell in SHELLS:
        # 'pwsh' before 'powershell': on Windows both are there.
        commands = [*shell.aliases, shell.name]
        if os.path.basename(preferred) in commands and os.access(preferred, os.X_OK):
            found[shell.name] = preferred
            continue
        paths = (shutil.which(command, path=environ.get("PATH")) for command in commands)
        path = next((path for path in paths if path), None)
        if path:
            found[shell.name] = path
    return found


def chosen_shells(words: str, installed: Mapping[str, str]) -> list[Shell]:
    """Return the rows that *words*, names between commas, mean.

    Raises UsageError for a name that is not in the table, VenvhookError for a shell that is not on
    this machine.
    """
    chosen = []
    for word in filter(None, (word.strip() for word in words.split(","))):
        shell = shell_named(word)
        if shell is None:
            raise UsageError(f"no shell is called '{word}'; there are {shell_names()}")
        if shell.name not in installed:
            raise VenvhookError(f"{shell.name} is not on PATH; install it or leave it out")
        chosen.append(shell)
    if not chosen:
        raise UsageError(f"no shell is named; there are {shell_names()}")
    return chosen
