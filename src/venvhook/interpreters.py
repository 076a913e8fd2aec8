"""The Pythons of this machine: found, judged, and asked which versions they are.

An interpreter is run only if nobody but the user and root can write it or anything on the way to
it, as trust asks of an environment's (held.py), and if the way does not lead through the project.
It is not run at all where its tool tells its version by the name of a directory. The user's own
word for a path (``interpreter_at``) is enough: he could run it as well.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from .caller import absolute, home_directory
from .environment import BIN, WINDOWS, Doubt, Unusable, is_file, kind, open_file
from .errors import VenvhookError, shown
from .held import Holder, Way, check_program, follow
from .places import (
    PATH_ORIGIN,
    Place,
    Release,
    base_directory,
    environment_of,
    in_directory,
    is_shim_directory,
    places,
)

NAMED = "named"  # the origin of one that the user has named by its path
SHIM = "is a shim, which stands for another Python in each directory; give a version, as 3.12"
ASKED_LIMIT = 5.0
_ASKED_AT_ONCE = 16
_ANSWER_LIMIT = 4096

# For Pythons since 2.7. Only 'sys', which is part of the interpreter, since -S leaves little else.
_QUESTION = """
import sys
implementation = getattr(sys, "implementation", None)
name = implementation.name if implementation else "cpython"
if "__pypy__" in sys.builtin_module_names:
    name = "pypy"
flags = getattr(sys, "abiflags", "")
sys.stdout.write("%s %d %d %d %s %d %s.\\n" % ((name,) + tuple(sys.version_info) + (flags,)))
"""
_ANSWER = re.compile(
    rb"(?P<name>[a-z]+) (?P<major>\d+) (?P<minor>\d+) (?P<micro>\d+)"
    rb" (?P<level>[a-z]+) (?P<serial>\d+) (?P<flags>[a-z]*)\.\r?\n"
)
_LEVELS = {b"alpha": "a", b"beta": "b", b"candidate": "rc"}
# Python 2 has no -I and says so by this status; -E and -s are what it consists of there.
_OPTIONS, _OLD_OPTIONS, _UNKNOWN_OPTION = ("-I", "-S"), ("-E", "-s", "-S"), 2

# Whatever else a file called like an interpreter leads to is a program that stands for others.
_REAL_NAME = re.compile(rb"(?i)(python|pypy|graalpy)[^/\\]*")
_TELLING_NAME = re.compile(rb"(python|pypy)\d\.\d+t?(\.exe)?")


@dataclass(frozen=True)
class Interpreter:
    """A Python: where it is, which one, and who keeps it ("pyenv", "PATH", "system" ...).

    *implementation* is "cpython", "pypy" or "graalpy"; *suffix* is that of a pre-release, "rc1".
    """

    path: bytes
    implementation: str
    version: tuple[int, int, int]
    origin: str
    suffix: str = ""
    is_free_threaded: bool = False

    @property
    def text(self) -> str:
        """The version as people write it: "3.12.1", "3.14.0rc1", "3.13.0t"."""
        return self.release_text + self.suffix + ("t" if self.is_free_threaded else "")

    @property
    def release_text(self) -> str:
        """The version without what makes it special: the one that specifiers are about."""
        return ".".join(str(number) for number in self.version)

    @property
    def title(self) -> str:
        """The version, and the implementation where that is not the usual one: "pypy 3.10.12"."""
        return (
            self.text if self.implementation == "cpython" else f"{self.implementation} {self.text}"
        )


@dataclass(frozen=True)
class Search:
    """What was found, the newest first, and lines that say what is not used, and why."""

    found: tuple[Interpreter, ...]
    refused: tuple[str, ...]


def find_interpreters(environ: Mapping[str, str], avoid: bytes) -> list[Interpreter]:
    """Return the Pythons of this machine, the newest first, each real file once.

    Nothing is run or listed that is in the project directory *avoid*, or is reached through it,
    but where that is the home directory or one above it, nor what PATH names relatively.
    """
    return list(search(environ, avoid).found)


def search(environ: Mapping[str, str], avoid: bytes) -> Search:
    """Return what ``find_interpreters`` finds, and what it does not use."""
    holder, refused = Holder.current(), []
    accepted: list[tuple[Place, Way]] = []
    for place, way in _each_file_once(places(environ), _identity_to_avoid(environ, avoid)):
        try:
            _require_usable(place.path, way, holder)
        except Doubt as doubt:
            mend = f"; {doubt.mend}" if doubt.mend else ""
            refused.append(f"{shown(place.path)}: not used, since {doubt.what}{mend}")
        else:
            accepted.append((place, way))
    unknown = [place.path for place, _ in accepted if place.release is None]
    answers = ask(unknown, environ)
    found = []
    for place, _ in accepted:
        release = place.release or answers.get(place.path)
        if release is None:
            refused.append(f"{shown(place.path)}: not used, since it does not say its version")
        else:
            found.append(_interpreter(place, release))
    return Search(tuple(sorted(found, key=_rank)), tuple(refused))


def _interpreter(place: Place, release: Release) -> Interpreter:
    return Interpreter(
        place.path,
        release.implementation,
        release.version,
        place.origin,
        release.suffix,
        release.is_free_threaded,
    )


def _rank(interpreter: Interpreter) -> tuple[object, ...]:
    """Return what sorts the newest first, and of the same version the usual one on PATH."""
    stage, serial = _stage(interpreter.suffix)
    return (
        *(-number for number in interpreter.version),
        (-stage, -serial),
        interpreter.implementation != "cpython",
        interpreter.is_free_threaded,
        interpreter.origin != PATH_ORIGIN,
    )


def _stage(suffix: str) -> tuple[int, int]:
    """Return *suffix* ("rc1", or nothing for a release) as numbers that grow with time."""
    letters = suffix.rstrip("0123456789")
    return ("a", "b", "rc", "").index(letters), int(suffix[len(letters) :] or 0)


# ---- Which files ---------------------------------------------------------------------------------


def _identity_to_avoid(environ: Mapping[str, str], avoid: bytes) -> tuple[int, int] | None:
    """Return device and inode of *avoid*, or None where nothing is to be avoided.

    By identity, since a directory may have many names. The home directory is no project that came
    from elsewhere: what the user has installed is in it.
    """
    try:
        found = os.stat(avoid)
    except OSError:
        return None
    identity = (found.st_dev, found.st_ino)
    home = home_directory(environ)
    if not os.path.isabs(home):
        return identity
    with suppress(Doubt):
        return None if _passes(_way(home), identity) else identity
    return identity


def is_avoided(path: bytes, avoid: bytes, environ: Mapping[str, str]) -> bool:
    """Return whether *path* leads through *avoid*, so that ``find_interpreters`` has none there."""
    identity = _identity_to_avoid(environ, avoid)
    try:
        return identity is not None and _passes(_way(path), identity)
    except Doubt:
        return True


def _passes(way: Way, identity: tuple[int, int]) -> bool:
    """Return whether *way* leads through, or ends at, the directory with *identity*."""
    return any((found.st_dev, found.st_ino) == identity for _, found in way.steps)


def _way(path: bytes) -> Way:
    """Return the way along *path*; raise Doubt where it leads to nothing."""
    if not WINDOWS:
        return follow(path)
    # There only the end and what is above it: links are rare, and seldom anybody's but root's.
    real = os.path.realpath(path)
    steps: list[tuple[bytes, os.stat_result]] = []
    at = real
    try:
        while not steps or at != steps[-1][0]:
            steps.append((at, os.lstat(at)))
            at = os.path.dirname(at)
    except OSError as error:
        raise Doubt(f"{shown(at)} cannot be read ({error.strerror})") from None
    return Way(real, (), steps[::-1])


def _each_file_once(
    found: Iterable[Place], avoided: tuple[int, int] | None
) -> list[tuple[Place, Way]]:
    """Return the places that lead to a program, each real file by the best of its names."""
    best: dict[bytes, tuple[tuple[bool, bool, int], Place, Way]] = {}
    for place in found:
        try:
            way = _way(place.path)
        except Doubt:
            continue  # a link to nothing, or to where nothing is looked up
        if avoided is not None and _passes(way, avoided):
            continue
        if not _is_program(way):
            continue
        rank = (
            place.release is None,
            _TELLING_NAME.fullmatch(os.path.basename(place.path)) is None,
            len(way.links),
        )
        if way.real not in best or rank < best[way.real][0]:
            best[way.real] = (rank, place, way)
    return [(place, way) for _, place, way in best.values()]


def _is_program(way: Way) -> bool:
    """Return whether *way* ends at an executable file that is called like an interpreter."""
    mode = way.steps[-1][1].st_mode
    is_executable = is_file(mode) and (WINDOWS or mode & 0o111)
    return bool(is_executable and _REAL_NAME.fullmatch(os.path.basename(way.real)))


def _require_usable(path: bytes, way: Way, holder: Holder) -> None:
    """Raise Doubt where others can write *path*, reached by *way*, or where it is a script."""
    if not WINDOWS:
        check_program(way, holder)
    if _is_script(way.real):
        raise Doubt(f"{shown(path)} is a script, which may start any other")


def _is_script(path: bytes) -> bool:
    """Return whether *path* begins as a script does; raise Doubt where it cannot be read."""
    try:
        descriptor, _ = open_file(path, 1 << 32, links=False)
    except (OSError, Unusable) as error:
        raise Doubt(f"{shown(path)} cannot be read ({error})") from None
    try:
        return os.read(descriptor, 2) == b"#!"
    finally:
        os.close(descriptor)


# ---- Asking --------------------------------------------------------------------------------------


def ask(paths: list[bytes], environ: Mapping[str, str]) -> dict[bytes, Release]:
    """Run the interpreters *paths* side by side, and return which releases they are.

    One is missing that does not answer properly within 5 seconds. They are run in ``/``, without
    anything of *environ* (but on Windows where the system is), so that nothing but their own
    installation has a word.
    """
    answers: dict[bytes, Release] = {}
    for i in range(0, len(paths), _ASKED_AT_ONCE):
        some = paths[i : i + _ASKED_AT_ONCE]
        found, old = _ask_at_once(some, _OPTIONS, environ)
        answers |= found
        answers |= _ask_at_once(old, _OLD_OPTIONS, environ)[0]
    return answers


def _ask_at_once(
    paths: list[bytes], options: tuple[str, ...], environ: Mapping[str, str]
) -> tuple[dict[bytes, Release], list[bytes]]:
    """Return the answers of *paths* started with *options*, and those that do not know these."""
    end = time.monotonic() + ASKED_LIMIT
    started: dict[bytes, subprocess.Popen[bytes]] = {}
    answers, old = {}, []
    try:
        for path in paths:
            with suppress(OSError):
                started[path] = _start(path, options, environ)
        for path, process in started.items():
            answer = _answer(process, end)
            if answer is not None:
                answers[path] = answer
            elif process.returncode == _UNKNOWN_OPTION:
                old.append(path)
    finally:
        for process in started.values():
            _end(process)
    return answers, old


def _start(
    path: bytes, options: tuple[str, ...], environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the interpreter *path*, which is to answer on its output."""
    kept = {name: environ[name] for name in ("SYSTEMROOT",) if WINDOWS and name in environ}
    return subprocess.Popen(  # noqa: S603  # judged before, or named by the user
        [path, *options, "-c", _QUESTION],
        cwd=environ.get("SYSTEMROOT", "C:\\") if WINDOWS else "/",
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is for venvhook, which ends them; and what they start ends with them.
        start_new_session=not WINDOWS,
    )


def _answer(process: subprocess.Popen[bytes], end: float) -> Release | None:
    """Return what *process* answers until the time *end*, or None."""
    try:
        status = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    if status or process.stdout is None:
        return None
    # At its end all that fits into a pipe is there; what writes more than that waits too long.
    if not WINDOWS:
        os.set_blocking(process.stdout.fileno(), False)
    return _parsed(process.stdout.read(_ANSWER_LIMIT) or b"")


def _parsed(text: bytes) -> Release | None:
    """Return the release that the answer *text* tells, or None."""
    match = _ANSWER.fullmatch(text)
    if match is None:
        return None
    level, serial = match["level"], int(match["serial"])
    return Release(
        match["name"].decode(),
        (int(match["major"]), int(match["minor"]), int(match["micro"])),
        f"{_LEVELS[level]}{serial}" if level in _LEVELS else "",
        b"t" in match["flags"],
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let nothing of *process* be left."""
    if process.poll() is None:
        if WINDOWS:
            process.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


# ---- One that is named ---------------------------------------------------------------------------


def interpreter_at(path: bytes, environ: Mapping[str, str]) -> Interpreter:
    """Return the interpreter at *path*: a program, or a directory that has one.

    That of an environment is the one that it was made from. Raises VenvhookError where there is
    none, or where it does not answer.
    """
    path = absolute(path, environ)
    program = _in_installation(path) if os.path.isdir(path) else path
    directory = os.path.dirname(program)
    if is_shim_directory(directory):
        raise VenvhookError(f"{shown(program)}: {SHIM}")
    if environment_of(directory) is not None:
        program = _base_of(program)
    _require_program(program)
    release = ask([program], environ).get(program)
    if release is None:
        raise VenvhookError(f"{shown(program)}: does not answer as a Python; name another one")
    return Interpreter(
        program,
        release.implementation,
        release.version,
        NAMED,
        release.suffix,
        release.is_free_threaded,
    )


def _in_installation(directory: bytes) -> bytes:
    """Return the interpreter in *directory* or its ``bin``; raise VenvhookError without one."""
    for place in (os.path.join(directory, BIN), directory):
        for name in (b"python3", b"python", b"pypy3", b"pypy", b"graalpy", b"python.exe"):
            program = os.path.join(place, name)
            if os.path.isfile(program):
                return program
    raise VenvhookError(f"{shown(directory)}: no Python in it; name a version, or a Python")


def _base_of(program: bytes) -> bytes:
    """Return the interpreter that the environment around *program* was made from."""
    directory = base_directory(os.path.dirname(program))
    found = [place.path for place in in_directory(directory, "")] if directory else []
    same = [path for path in found if _is_same(path, program)]
    # Where an environment has copies, by the name of its library's directory.
    named = [path for path in found if os.path.basename(path) in _libraries_around(program)]
    for path in (*same, *named):
        return path
    raise VenvhookError(
        f"{shown(program)}: the Python that this environment was made from is gone; "
        "name a version, or another Python"
    )


def _libraries_around(program: bytes) -> list[bytes]:
    """Return what is in ``lib`` of the environment of *program*: "python3.12", mostly."""
    if WINDOWS:
        return [b"python.exe"]
    try:
        return os.listdir(os.path.join(os.path.dirname(os.path.dirname(program)), b"lib"))
    except OSError:
        return []


def _is_same(one: bytes, other: bytes) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _require_program(path: bytes) -> None:
    """Raise VenvhookError unless *path* is an executable file."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise VenvhookError(
            f"{shown(path)}: {error.strerror}; name a version, or another Python"
        ) from None
    if not is_file(mode):
        raise VenvhookError(f"{shown(path)}: is {kind(mode)}, and no Python; name one")
    if not os.access(path, os.X_OK):
        raise VenvhookError(f"{shown(path)}: cannot be executed; name another Python")
