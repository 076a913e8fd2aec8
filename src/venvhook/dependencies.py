"""What ``create --install`` runs, in whose projects, and how it is run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from .caller import absolute
from .creators import safe_path
from .environment import WINDOWS, Doubt
from .errors import VenvhookError, shown
from .held import Holder, check_way, follow
from .owners import Place, call_owner, owner
from .sources import PYPROJECT, SETUP, Source, find_sources

_INTERRUPTED = 130
_SIGNALLED = 128
# What the caller's shell has set that would lead somewhere else: another environment, Python,
# project or place, or nothing done at all. What is left are wishes: indexes, caches, certificates.
_DROPPED = frozenset(
    (
        *("CONDA_DEFAULT_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE"),
        *("__PYVENV_LAUNCHER__", "VIRTUAL_ENV_PROMPT"),
        *("PIP_DRY_RUN", "PIP_EDITABLE", "PIP_GROUP", "PIP_PREFIX", "PIP_PYTHON", "PIP_REPORT"),
        *("PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET"),
        *("UV_BREAK_SYSTEM_PACKAGES", "UV_FROZEN", "UV_ISOLATED", "UV_LOCKED", "UV_MANAGED_PYTHON"),
        *("UV_NO_MANAGED_PYTHON", "UV_NO_SYNC", "UV_PROJECT", "UV_PYTHON", "UV_SYSTEM_PYTHON"),
        *("UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "POETRY_ACTIVE"),
        *("PDM_IGNORE_ACTIVE_VENV", "PDM_IN_VENV", "PDM_LOCKFILE", "PDM_PROJECT", "PDM_PYTHON"),
        *("PIPENV_ACTIVE", "PIPENV_DEFAULT_PYTHON_VERSION", "PIPENV_IGNORE_VIRTUALENVS"),
        *("PIPENV_PYTHON", "PIPENV_SYSTEM"),
    )
)


@dataclass(frozen=True)
class Installation:
    """What is to be run: *argv* in *cwd* with *environ*, by which *tool* installs from *source*.

    *source* is the file that decided, or several. *note* is a line that tells what was passed over,
    or empty.
    """

    tool: str
    source: str
    argv: tuple[bytes, ...]
    cwd: bytes
    environ: Mapping[str, str]
    note: str = ""

    @property
    def text(self) -> str:
        """What is installed and by which tool, for a sentence: "uv.lock by uv"."""
        return f"{self.source} by {self.tool}"


def expected(root: bytes, groups: tuple[str, ...] = ()) -> str | None:
    """Return what would be installed in the project at *root*, and by which tool; None for nothing.

    Runs nothing, and does not ask whether the tool is there. Raises UsageError where one of
    *groups* is not there, VenvhookError where a file cannot be understood.
    """
    source = next(find_sources(root, groups), None)
    return None if source is None else f"{source.text} by {owner(source)}"


def find_installation(
    root: bytes, environment: bytes, environ: Mapping[str, str], groups: tuple[str, ...] = ()
) -> Installation | None:
    """Return what installs into *environment* what the project at *root* locks or declares.

    *groups* are groups (PEP 735) and extras to install besides. None where the project declares
    nothing. Raises UsageError for a group that is not there, VenvhookError where the tool that owns
    the lock is missing: no other is taken in its place.
    """
    sources = find_sources(root, groups)
    source = next(sources, None)
    if source is None:
        return None
    place = Place(root, environment, environ)
    call = call_owner(place, source)
    variables = {**_cleaned(place), **call.settings}
    return Installation(
        call.tool, source.text, call.words, root, variables, _passed_over(source, root)
    )


def _passed_over(source: Source, root: bytes) -> str:
    """Return the line that tells what besides *source* the project says, or an empty string."""
    others = []
    try:
        for other in find_sources(root):
            if source.is_lock and not other.is_lock:
                break
            if other.kind not in (source.kind, "conda"):
                others.append(other.text)
    except VenvhookError:
        pass  # What does not count need not be understood.
    return f"{', '.join(others)} passed over: {source.text} comes first" if others else ""


# ---- Whose project it is -------------------------------------------------------------------------


def require_own(root: bytes, environ: Mapping[str, str]) -> None:
    """Raise VenvhookError unless only the user can write the project at *root*, which is his.

    To install runs code of the project: its setup.py, its build back end. So the directories on the
    way to it are looked at, and the files that decide; what came to him from elsewhere, as in a
    clone, only he can judge.
    """
    path = absolute(root, environ)
    if WINDOWS:
        return
    names = {
        PYPROJECT,
        SETUP,
        "setup.cfg",
        *(file for one in find_sources(path) for file in one.files),
    }
    files = [os.path.join(path, os.fsencode(name)) for name in sorted(names)]
    holder = Holder.current()
    try:
        way = follow(path)
        check_way(way, holder)
        for file in files:
            if os.path.lexists(file):
                check_way(follow(file), holder)
    except Doubt as doubt:
        mend = f"; {doubt.mend}" if doubt.mend else ""
        raise _not_own(path, doubt.what + mend) from None
    if way.steps[-1][1].st_uid != holder.uid:
        raise _not_own(path, f"{shown(way.real)} is not yours")


def _not_own(root: bytes, why: str) -> VenvhookError:
    return VenvhookError(f"{shown(root)}: nothing is installed, which could run its code: {why}")


# ---- Running -------------------------------------------------------------------------------------


def run_installation(installation: Installation) -> int:
    """Run *installation* in the foreground; return its exit status, 128 + n for the signal n.

    The tool's output goes where ours does, and it reads nothing. Ctrl-C reaches it, and is waited
    for: 130 if it ends by that. Raises VenvhookError where it cannot be started.
    """
    running: list[subprocess.Popen[bytes]] = []
    with _signals_left_to(running) as came:
        running.append(_start(installation))
        if signal.SIGTERM in came:
            # Before there was anything to pass it on to.
            running[0].terminate()
        status = running[0].wait()
    if status and signal.SIGINT in came:
        return _INTERRUPTED
    return status if status >= 0 else _SIGNALLED - status


def _start(installation: Installation) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # absolute paths, no shell between
            installation.argv,
            cwd=installation.cwd,
            env=installation.environ,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise VenvhookError(
            f"{shown(installation.argv[0])}: cannot be run ({error.strerror}); install "
            f"{installation.tool} again"
        ) from None


@contextmanager
def _signals_left_to(running: list[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Outlive what ends *running*, and yield the signals that came, as they come.

    Ctrl-C is the terminal's to all in the foreground, so it is not passed on; SIGTERM is. A
    function, not SIG_IGN, which the tool would inherit. What is ignored already stays so.
    """
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        for process in running if number == signal.SIGTERM else ():
            process.terminate()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    noted = [number for number in before if before[number] is not signal.SIG_IGN]
    for number in noted:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number in noted:
            signal.signal(number, before[number])


def _cleaned(place: Place) -> dict[str, str]:
    """Return the caller's variables, of which none leads to another environment or place."""
    kept = {
        name: value
        for name, value in place.environ.items()
        if name not in _DROPPED and not name.startswith("POETRY_VIRTUALENVS_")
    }
    # In the project's directory, what PATH names relatively is the project's.
    directories = safe_path(place.environ, b"/")
    return {
        **kept,
        "PATH": os.fsdecode(os.fsencode(os.pathsep).join(directories)),
        "PWD": os.fsdecode(place.root),
        "VIRTUAL_ENV": os.fsdecode(place.environment),
    }
