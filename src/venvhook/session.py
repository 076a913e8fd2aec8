"""One running shell that has the hook, and the word that 'venvhook off' and 'on' leave for it.

The hook exports ``VENVHOOK_SESSION``, the name of a file: ``<directory>/<number of the shell's
process>``. Behind it stands ``.off`` while VENVHOOK_OFF is set in that shell, which need not be
exported. What is in the file holds as long as it is there: ``off``; or ``on``, which overrules
VENVHOOK_OFF, or else, once, every 'deactivate' that was typed in a project. The hook looks for it
at each prompt, and removes one that an earlier shell of the same number left when it is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from .ancestry import Process, ancestors
from .decision import read_own, write_own
from .directories import is_own
from .environment import WINDOWS, Doubt
from .errors import VenvhookError, shown
from .shells import shell_named

VARIABLE = "VENVHOOK_SESSION"
OFF, ON = b"off\n", b"on\n"
_OFF_VARIABLE = "VENVHOOK_OFF"
_MARK = ".off"


@dataclass(frozen=True)
class Session:
    """The shell that this process was called from, which is called *shell*.

    *file* is that of its session; *has_variable*: VENVHOOK_OFF is set in it.
    """

    shell: str
    file: bytes
    has_variable: bool

    @property
    def word(self) -> bytes:
        """What was left for the shell, or nothing."""
        try:
            return read_own(self.file) or b""
        except Doubt:
            return b""

    @property
    def reason(self) -> str:
        """Why it is switched off, or nothing where it is not."""
        word = self.word
        if word == OFF:
            return "'venvhook off' was called in this shell"
        return "VENVHOOK_OFF is set" if self.has_variable and word != ON else ""


def off_reason(environ: Mapping[str, str]) -> str:
    """Return why the shell that this process was called from is switched off, or nothing.

    Where that shell has no hook, a VENVHOOK_OFF in *environ* is why.
    """
    try:
        return find_session(environ).reason
    except VenvhookError:
        return "VENVHOOK_OFF is set" if environ.get(_OFF_VARIABLE) else ""


def find_session(environ: Mapping[str, str]) -> Session:
    """Return the shell that this process was called from. Raises VenvhookError if it has no hook.

    Subshells, pipelines and ``sh`` may stand in between, but no other shell that could have it.
    """
    value = environ.get(VARIABLE)
    if value is None:
        raise VenvhookError(
            "venvhook is not loaded in the shell that this was called from; call it at a prompt, "
            "and see 'venvhook doctor'"
        )
    name = value.removesuffix(_MARK)
    if not name:
        raise VenvhookError(
            "this shell found no place for the files of sessions; set XDG_RUNTIME_DIR or HOME, and "
            "open a new one"
        )
    number = os.path.basename(name)
    if not os.path.isabs(name) or not number.isascii() or not number.isdigit():
        raise VenvhookError(f"{VARIABLE} names no session ({shown(os.fsencode(value))}); unset it")
    shell = "shell" if WINDOWS else _calling_shell(int(number))
    has_variable = value != name or bool(environ.get(_OFF_VARIABLE))
    return Session(shell, os.fsencode(name), has_variable)


def _calling_shell(pid: int) -> str:
    """Return what the shell *pid* is called. Raises VenvhookError if it did not call this."""
    between: list[Process] = []
    for process in ancestors():
        if process.pid == pid:
            # A part of a shell that runs as a process of its own has the words of the whole.
            other = next(
                (p for p in between if _may_have_hook(p) and p.words != process.words), None
            )
            if other is not None:
                raise VenvhookError(
                    f"venvhook is not loaded in the {other.name} that this was called from (a "
                    "script?); call it at a prompt"
                )
            return process.name or "shell"
        between.append(process)
    raise VenvhookError(
        "venvhook is not loaded in the shell that this was called from, only in one before it; "
        "call it at a prompt, and see 'venvhook doctor'"
    )


def _may_have_hook(process: Process) -> bool:
    return shell_named(process.name) is not None


# ---- Off and on ----------------------------------------------------------------------------------


def switch_off(session: Session) -> str:
    """Switch *session* off; return the line that says so. Raises VenvhookError where that fails."""
    before = session.reason
    if session.word == OFF:
        return f"venvhook is off already in this {session.shell}; 'venvhook on' switches it on"
    _write(session, OFF)
    also = ", also when VENVHOOK_OFF is unset," if before else ""
    return (
        f"venvhook is off in this {session.shell}{also} until 'venvhook on'; other shells keep it"
    )


def switch_on(session: Session) -> str:
    """Switch *session* on, also after 'deactivate'; return the line that says so.

    Raises VenvhookError where that fails.
    """
    before = session.reason
    if not before:
        # For a 'deactivate' that was typed in a project; else it changes nothing.
        with suppress(VenvhookError):
            _write(session, ON)
        return f"venvhook is on already in this {session.shell}"
    if session.has_variable:
        _write(session, ON)
    else:
        _remove(session)
    although = ", although VENVHOOK_OFF is set" if session.has_variable else ""
    return f"venvhook is on in this {session.shell}{although}"


def _write(session: Session, word: bytes) -> None:
    """Leave *word* for *session*, and remove what was left for shells that have ended."""
    directory = os.path.dirname(session.file)
    if os.path.lexists(directory) and not is_own(directory):
        raise VenvhookError(
            f"{shown(directory)}: is not yours alone, so the shell would not heed what is there; "
            "call this as the shell's user, or remove it"
        )
    if not write_own(session.file, word):
        raise VenvhookError(
            f"{shown(directory)}: cannot be written, so nothing was changed; mend it, or set "
            "VENVHOOK_OFF in the shell"
        )
    _sweep(directory)


def _remove(session: Session) -> None:
    try:
        os.unlink(session.file)
    except OSError as error:
        raise VenvhookError(
            f"{shown(session.file)}: cannot be removed ({error.strerror}); mend its directory"
        ) from None


def _sweep(directory: bytes) -> None:
    """Remove from *directory* what was left for processes that are no more."""
    if WINDOWS:
        return  # There os.kill ends a process.
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                # A number; behind it a dot and another where a command was killed as it wrote.
                number = entry.name.rpartition(b".")[2]
                if number.isdigit() and not _is_alive(int(number)):
                    os.unlink(entry.path)
    except OSError:
        return  # Another command was here; what is left goes the next time.


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
