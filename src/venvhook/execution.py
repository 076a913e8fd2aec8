"""A command in a project's environment: what ``venvhook run`` starts, in this process's place."""

from __future__ import annotations

import errno
import os
import sys

from .caller import absolute, chosen_directory
from .environment import BIN, WINDOWS
from .errors import VenvhookError, run, shown
from .nearest import environment_at
from .shellenv import changed, changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .nearest import Found

# What Python sets LC_CTYPE to where the locale is C, and hands on (PEP 538).
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


class NotFoundError(VenvhookError):
    """There is no such command (POSIX 2.8.2)."""

    exit_code = 127


class NotExecutableError(VenvhookError):
    """There is such a file, and it cannot be executed (POSIX 2.8.2)."""

    exit_code = 126


# ---- The fast road -------------------------------------------------------------------------------


def main() -> None:
    """Run ``run``."""
    run(respond)


def is_plain(words: list[str]) -> bool:
    """Return whether *words*, the arguments of ``run``, are all that ``respond`` knows."""
    rest = chosen_directory(words)[1]
    return len(rest) > 1 if rest[:1] == ["--"] else bool(rest) and not rest[0].startswith("-")


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Run the command of the plain *words*. Raises VenvhookError where that cannot be."""
    given, command = chosen_directory([os.fsdecode(word) for word in words])
    if command[0] == "--":
        del command[0]
    sys.exit(execute([os.fsencode(word) for word in command], os.fsencode(given), environ))


# ---- The command ---------------------------------------------------------------------------------


def execute(command: list[bytes], given: bytes, environ: Mapping[str, str]) -> int:
    """Run *command* in the environment of the project at *given*, empty: the working directory.

    What is given becomes the working directory. On POSIX the command takes the place of this
    process; on Windows its status is returned. Raises VenvhookError where it cannot be started.
    """
    directory = absolute(given or b".", environ)
    found = environment_at(directory, environ)
    values = changed(_as_inherited(environ), changes(found, environ))
    if given:
        try:
            os.chdir(directory)
        except OSError as error:
            raise VenvhookError(f"{shown(directory)}: {error.strerror}; name another") from None
        values["PWD"] = os.fsdecode(directory)
    if WINDOWS:
        return _execute_child(command, found, values)
    _replace_process(_program(command[0], found, values["PATH"]), command, values)
    raise AssertionError("not reached")


def _as_inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* as this process was given it: without what Python has put there itself."""
    values = dict(environ)
    is_coerced = sys.flags.utf8_mode and (
        sys.flags.ignore_environment or "PYTHONUTF8" not in values
    )
    if is_coerced and "LC_ALL" not in values and values.get("LC_CTYPE") in _COERCED:
        del values["LC_CTYPE"]
    return values


def _program(name: bytes, found: Found, path: str) -> bytes:
    """Return the file of the command *name*, looked for on *path* as a shell does (POSIX 2.9.1).

    Raises NotFoundError, or NotExecutableError where all that is called so cannot be executed.
    """
    is_path = b"/" in name
    entries = os.fsencode(path).split(os.fsencode(os.pathsep))
    files = [name] if is_path else [os.path.join(entry or b".", name) for entry in entries if name]
    # A directory on PATH that is called so is not meant.
    there = [file for file in files if (os.path.exists if is_path else os.path.isfile)(file)]
    for file in there:
        if os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    if there:
        what = "is a directory" if os.path.isdir(there[0]) else "is not executable; 'chmod +x' it"
        raise NotExecutableError(f"{shown(there[0])}: {what}")
    if is_path:
        raise NotFoundError(f"{shown(name)}: no such file; name a program that exists")
    where = shown(os.path.join(found.environment.path, BIN))
    what = shown(name) or "''"
    raise NotFoundError(f"{what}: not found in {where} nor elsewhere on PATH; install it")


def _replace_process(program: bytes, command: list[bytes], values: Mapping[str, str]) -> None:
    """Execute *program* as *command* in this process's place.

    Raises NotExecutableError where the system does not start it.
    """
    # A C module: 'signal' itself takes 1 ms to import.
    import _signal  # type: ignore[import-not-found]  # typeshed has none

    # Python ignores these, and what is ignored stays so in what is executed.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(_signal, name):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
    try:
        try:
            os.execve(program, command, values)  # noqa: S606  # what is asked for
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # No '#!' in it: for sh, as every shell takes it (POSIX 2.9.1).
            words = [b"sh", program, *command[1:]]
            os.execve(b"/bin/sh", words, values)  # noqa: S606  # what is asked for
    except OSError as error:
        why = error.strerror or "?"
        if isinstance(error, FileNotFoundError):
            why = "the interpreter in its first line is missing; install it anew"
        raise NotExecutableError(f"{shown(program)}: cannot be started: {why}") from None


def _execute_child(command: list[bytes], found: Found, values: dict[str, str]) -> int:
    """Run *command* and return its exit status: Windows has no exec that keeps the process."""
    import shutil
    import subprocess

    words = [os.fsdecode(word) for word in command]
    program = shutil.which(words[0], path=values["PATH"])
    if program is None:
        where = shown(os.path.join(found.environment.path, BIN))
        raise NotFoundError(f"{shown(command[0])}: not found in {where} nor on PATH; install it")
    with subprocess.Popen([program, *words[1:]], env=values) as child:  # noqa: S603  # what for
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # The child was told as well, and decides.
