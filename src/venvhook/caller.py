"""What the caller gives: the working directory, HOME, the names of markers, and ``--in DIR``."""

from __future__ import annotations

import os

from .config import SETTINGS, explain_settings
from .discovery import DEFAULT_NAMES, is_same
from .environment import WINDOWS
from .errors import VenvhookError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = next(row for row in SETTINGS if row.name == "names")


def marker_names(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the names of markers: ``VENVHOOK_NAMES``, read as the hook scripts read it.

    Else as the user set them; where the settings are not understood, as by default.
    """
    words = tuple(os.fsencode(environ.get(_NAMES.variable, "")).replace(b":", b" ").split())
    if words and _NAMES.accepts(words):
        return words
    try:
        return explain_settings(environ)[0].names
    except VenvhookError:
        return DEFAULT_NAMES


def home_directory(environ: Mapping[str, str]) -> bytes:
    """Return HOME as the helper takes it, or nothing."""
    home = environ.get("HOME") or (environ.get("USERPROFILE", "") if WINDOWS else "")
    return os.fsencode(home).rstrip(b"/") or os.fsencode(home)


def working_directory(environ: Mapping[str, str]) -> bytes:
    """Return the working directory by the name that the shell has for it (POSIX, ``pwd -L``).

    Raises VenvhookError where it is gone.
    """
    try:
        physical = os.getcwdb()
    except OSError as error:
        raise VenvhookError(
            f"the working directory cannot be found ({error.strerror}); cd to one that exists"
        ) from None
    logical = os.fsencode(environ.get("PWD", ""))
    parts = logical.split(b"/")
    if os.path.isabs(logical) and b"." not in parts and b".." not in parts:
        return logical if is_same(logical, physical) else physical
    return physical


def absolute(path: bytes, environ: Mapping[str, str]) -> bytes:
    """Return *path* from ``/`` on; links in it stay, unless ``..`` goes through one."""
    if not os.path.isabs(path):
        path = os.path.join(working_directory(environ), path)
    if b".." in path.split(b"/"):
        directory, name = os.path.split(path.rstrip(b"/"))
        path = os.path.realpath(path)
        if name not in (b"..", b"."):
            path = os.path.join(os.path.realpath(directory), name)
    return os.path.normpath(path)


def chosen_directory(words: list[str]) -> tuple[str, list[str]]:
    """Return the DIR of a leading ``--in DIR`` or ``--in=DIR``, or nothing, and the other *words*.

    Where DIR is missing or empty, what comes first of the words is still that option.
    """
    if words[:1] == ["--in"] and words[1:2] not in ([], [""]):
        return words[1], words[2:]
    if words and words[0].startswith("--in=") and words[0] != "--in=":
        return words[0].partition("=")[2], words[1:]
    return "", words
