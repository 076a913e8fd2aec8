"""What may be wrong with venvhook on this machine: each thing looked at, and what to do about it.

Files are read and programs asked for their version; nothing is changed, but for a directory of the
doctor's own that is removed again.
"""

from __future__ import annotations

import difflib
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

from . import __version__
from .asking import answer
from .config import SETTINGS, Settings, file_that_counts, parse_file, variables_of
from .decision import State
from .diagnosis import ERROR, OK, WARNING, Finding, Part, Private
from .directories import cache_directory, config_directory, is_own, is_owned, state_directory
from .environment import BIN, WINDOWS, Doubt
from .errors import VenvhookError, shown
from .launcher import command_path
from .loaded import find_shells
from .programs import Programs
from .recipe import PROTOCOL
from .session import off_reason
from .shells import SHELLS

TOOLS = ("uv", "virtualenv", "poetry", "pipenv", "pdm", "conda")
_PREFIX = "VENVHOOK_"
# Variables that are no settings; the last three are the hook's own.
_VARIABLES = (
    *("VENVHOOK_OFF", "VENVHOOK_DEBUG", "VENVHOOK_TIMEOUT", "VENVHOOK_BASH_EAGER"),
    *("VENVHOOK_ACTIVE", "VENVHOOK_GUARDED", "VENVHOOK_SESSION"),
)
_HELPER_LIMIT = 10.0
# Milliseconds from which on a first visit is felt.
_SLOW = 250


def examine_machine(argv0: str, environ: Mapping[str, str]) -> list[Finding]:
    """Return all that was looked at; the command was called as *argv0*."""
    programs = Programs(environ)
    shells = programs.shells()
    versions = programs.versions([*shells.values(), *filter(None, map(programs.find, TOOLS))])
    return [
        *_itself(environ),
        *_command(argv0, programs),
        *find_shells(shells, versions, environ, programs),
        *_shells_not_run(shells, programs),
        *_directories(environ),
        *_decisions(environ),
        *_settings(environ),
        *_helper(),
        *_variables(environ),
        *_tools(programs, versions),
    ]


def machine() -> str:
    """Return on what system this runs, for a bug report; without the names of host and user."""
    release = re.match(r"[\d.]+", platform.release())
    parts = [platform.system(), release[0] if release else "", platform.machine()]
    try:
        system = platform.freedesktop_os_release()
        parts.append(f"({system.get('ID', '')} {system.get('VERSION_ID', '')})".replace(" )", ")"))
    except OSError:
        pass  # only Linux has it
    return " ".join(filter(None, parts))


# ---- venvhook itself -----------------------------------------------------------------------------


def _itself(environ: Mapping[str, str]) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    python = os.fsencode(sys.executable)
    what = (f"{__version__}, run by Python {version} (", python, ")")
    yield Finding("venvhook", OK, what)
    active = environ.get("VIRTUAL_ENV", "")
    if active and sys.prefix != sys.base_prefix and _is_same(active, sys.prefix):
        yield Finding(
            "venvhook",
            WARNING,
            ("is installed in the environment that is active here, so it goes when that does",),
            ("install it by itself: ./install.sh, pipx or 'uv tool install'",),
        )


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _command(argv0: str, programs: Programs) -> Iterator[Finding]:
    """Look whether PATH leads to this command, and to this version of it."""
    try:
        own = command_path(argv0, programs.environ)
    except VenvhookError:
        own = b""
    found = programs.find_unsafe("venvhook")
    if found is None:
        directory = os.path.dirname(own)
        advice: tuple[Part, ...] = ("install it: ./install.sh, pipx or 'uv tool install'",)
        if directory:
            advice = ('add to a startup file: export PATH="', directory, ':$PATH"')
        yield Finding("command", WARNING, ("'venvhook' is not on PATH",), advice)
        return
    path = os.fsencode(found)
    if own and _is_same(os.fsdecode(own), found):
        yield Finding("command", OK, (path, " is the first on PATH, and this one"))
        return
    is_run = programs.find("venvhook") == found
    version = programs.version(found) if is_run else None
    here = (own,) if own else ("'python -m venvhook'",)
    what = ("'venvhook' on PATH is another one: ", path, f" ({version or 'no version'}), not ")
    advice = ("remove one of the two, or change the order of PATH",)
    status = WARNING if version == __version__ else ERROR
    yield Finding("command", status, (*what, *here, f" ({__version__})"), advice)


def _shells_not_run(shells: Mapping[str, str], programs: Programs) -> Iterator[Finding]:
    """Tell the shells on PATH that are not asked, and so are not looked at."""
    for shell in SHELLS:
        if shell.name not in shells:
            yield from _not_run(shell.name, WARNING, shell.name, programs)


def _not_run(topic: str, status: str, name: str, programs: Programs) -> Iterator[Finding]:
    """Tell the program *name*, if it is on PATH, and why it may not be run."""
    found = programs.find_unsafe(name)
    if found is not None:
        place = (f"{name} (", os.fsencode(found), ") was not run: ")
        yield Finding(topic, status, (*place, Private(programs.hindrance(found))))


# ---- Files of venvhook ---------------------------------------------------------------------------


def _directories(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, directory, loss in (
        ("cache", cache_directory(environ), "nothing is kept there, so each visit asks the helper"),
        ("state", state_directory(environ), "nothing that is decided is kept"),
        ("configuration", config_directory(environ), "no setting there counts"),
    ):
        if directory is None:
            advice = ("set HOME to your home directory",)
            yield Finding(
                "files", ERROR, (f"there is no {name} directory: HOME is not set",), advice
            )
        else:
            yield _directory(name, directory, loss)


def _directory(name: str, directory: bytes, loss: str) -> Finding:
    """Return whether the *directory* of venvhook's can be used; if not, there is a *loss*."""
    if not os.path.lexists(directory):
        parent = _existing(directory)
        if not os.access(parent, os.W_OK) or not is_owned(parent):
            what = (f"{name}: ", directory, " cannot be made, so ", loss)
            return Finding("files", ERROR, what, ("make ", parent, " your own and writable"))
        return Finding("files", OK, (f"{name}: ", directory, " is not there yet"))
    if not os.path.isdir(directory) or os.path.islink(directory):
        what = (f"{name}: ", directory, " is no directory, so ", loss)
        return Finding("files", ERROR, what, ("move it away",))
    if not is_owned(directory):
        what = (f"{name}: ", directory, " belongs to another user, so ", loss)
        return Finding("files", ERROR, what, ("'chown' or remove it",))
    if not is_own(directory):
        what = (f"{name}: ", directory, " can be written by others, so ", loss)
        return Finding("files", ERROR, what, ("chmod go-w ", directory))
    if not os.access(directory, os.W_OK | os.X_OK):
        what = (f"{name}: ", directory, " cannot be written, so ", loss)
        return Finding("files", ERROR, what, ("chmod u+rwx ", directory))
    return Finding("files", OK, (f"{name}: ", directory))


def _existing(path: bytes) -> bytes:
    """Return the nearest directory above *path* that exists."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _decisions(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether each decision can be read."""
    directory = state_directory(environ)
    if directory is None or not is_own(directory):
        return
    try:
        found = [decision for _kind, decision in State(directory).decisions()]
    except OSError as error:
        what = ("decisions in ", directory, f" cannot be read ({error.strerror})")
        yield Finding("files", ERROR, what, ("mend its permissions",))
        return
    damaged = [doubt for doubt in found if isinstance(doubt, Doubt)]
    whole = len(found) - len(damaged)
    yield Finding("files", OK, (f"{whole} environments and projects are decided about",))
    for doubt in damaged:
        yield Finding("files", WARNING, (Private(doubt.what),), (f"'{doubt.mend}'",))


def _settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether ``config.toml`` and the variables are understood."""
    guarded = Settings().guard
    try:
        file = file_that_counts(environ)
        values = {} if file is None else parse_file(file, environ)
        guarded = values.get("guard", guarded) is True
        what: tuple[Part, ...] = ("no config.toml: all is as by default",)
        if file is not None:
            what = (file, f" is understood ({len(values)} settings)")
        yield Finding("settings", OK, what)
    except VenvhookError as error:
        advice = ("until then no environment is activated",)
        yield Finding("settings", ERROR, (Private(error),), advice)
    try:
        guarded = variables_of(environ).get("guard", guarded) is True
    except VenvhookError as error:
        yield Finding("variables", ERROR, (Private(error),), ("until then nothing is activated",))
    pip = environ.get("PIP_REQUIRE_VIRTUALENV", "")
    if guarded and pip.lower() in ("0", "false", "no", "off"):
        what = ("PIP_REQUIRE_VIRTUALENV is off, so pip does not obey the setting guard",)
        yield Finding("variables", WARNING, what, ("unset it in your startup files",))
    elif pip:
        beside = ", as the setting guard has it" if guarded else ""
        what = (f"PIP_REQUIRE_VIRTUALENV is set: pip refuses outside environments{beside}",)
        yield Finding("variables", OK, what)


# ---- The helper ----------------------------------------------------------------------------------


def _helper() -> Iterator[Finding]:
    """Start the helper as the hook does, on a project made for it, and time that."""
    if WINDOWS:
        return
    helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "helper.py")
    with tempfile.TemporaryDirectory(prefix="venvhook-doctor-") as scratch:
        os.symlink("nowhere", os.path.join(scratch, ".venv"))
        own = {"HOME": scratch, "PATH": os.defpath}
        words = [sys.executable, "-I", "-S", helper, "0", "hook"]
        words += [PROTOCOL.decode(), "bash", scratch, ".venv"]
        times = []
        for _ in range(3):
            started = time.perf_counter()
            printed = answer(words, own, _HELPER_LIMIT)
            times.append(1000 * (time.perf_counter() - started))
            if printed is None or not printed.startswith(b"#\n_venvhook_refuse "):
                advice = ("install venvhook again: ./install.sh",)
                yield Finding("helper", ERROR, ("does not answer",), advice)
                return
    best = min(times)
    if best > _SLOW:
        what = f"answers only after {best:.0f} ms, which each first visit of a project waits"
        advice = ("is its Python on a network's disk, or looked into by a scanner?",)
        yield Finding("helper", WARNING, (what,), advice)
    else:
        yield Finding("helper", OK, (f"answers in {best:.0f} ms",))


# ---- Variables -----------------------------------------------------------------------------------


def _variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get("PYTHONHOME"):
        what = ("PYTHONHOME is set; it keeps each other Python from finding its own library",)
        yield Finding("variables", WARNING, what, ("unset it in your startup files",))
    if environ.get("PYTHONPATH"):
        what = ("PYTHONPATH is set; what is there comes before the packages of an environment",)
        yield Finding("variables", WARNING, what, ("unset it, or install these packages",))
    reason = off_reason(environ)
    if reason:
        is_variable = reason.startswith("VENVHOOK_OFF")
        advice = "unset VENVHOOK_OFF, or 'venvhook on'" if is_variable else "'venvhook on'"
        what = (f"{reason}: venvhook is switched off",)
        yield Finding("variables", WARNING, what, (advice,))
    yield from _active(environ)
    known = [*_VARIABLES, *(setting.variable for setting in SETTINGS)]
    for name in sorted(set(environ) - set(known)):
        if name.startswith(_PREFIX):
            # Without what all have in common, which would make each near to each.
            rests = [one.removeprefix(_PREFIX) for one in known]
            near = difflib.get_close_matches(name.removeprefix(_PREFIX), rests, 1)
            text = (
                f"did you mean {_PREFIX}{near[0]}?"
                if near
                else f"there are {', '.join(sorted(known))}"
            )
            parts = (Private(shown(os.fsencode(name))), " is set, and means nothing")
            yield Finding("variables", WARNING, parts, (text,))


def _active(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether what is active is there, and on PATH."""
    active = environ.get("VIRTUAL_ENV", "")
    if not active:
        return
    path = os.fsencode(active)
    programs = os.path.join(path, BIN)
    entries = map(os.fsencode, environ.get("PATH", "").split(os.pathsep))
    if not os.path.isdir(programs):
        what = ("VIRTUAL_ENV is set to ", path, ", which is gone")
        yield Finding("variables", ERROR, what, ("'deactivate', or open a new shell",))
    elif programs not in [entry.rstrip(b"/") for entry in entries]:
        what = ("VIRTUAL_ENV is set to ", path, ", but its programs are not on PATH")
        yield Finding("variables", WARNING, what, ("'deactivate', or open a new shell",))
    elif environ.get("TERM_PROGRAM") == "vscode" and environ.get("VENVHOOK_ACTIVE") != active:
        what = ("active: ", path, ", by VS Code or by hand, so venvhook leaves it alone")
        advice = "set python.terminal.activateEnvironment to false there, and it is venvhook's"
        yield Finding("variables", WARNING, what, (advice,))
    else:
        how = "by venvhook" if environ.get("VENVHOOK_ACTIVE") == active else "by hand"
        yield Finding("variables", OK, ("active: ", path, f", {how}"))


# ---- Tools ---------------------------------------------------------------------------------------


def _tools(programs: Programs, versions: Mapping[str, str | None]) -> Iterator[Finding]:
    """Tell the tools that make environments and install into them, and their versions."""
    for name in TOOLS:
        found = programs.find(name)
        if found is None:
            yield from _not_run("tools", OK, name, programs)
            continue
        version, path = versions[found], os.fsencode(found)
        if version is None:
            failed = (f"{name} (", path, ") does not tell its version")
            advice = f"run '{name} --version'; its Python may be gone: install it again"
            yield Finding("tools", WARNING, failed, (advice,))
        else:
            yield Finding("tools", OK, (f"{name} {version} (", path, ")"))
    if not any(map(programs.find, TOOLS[:2])) and programs.find("python3") is None:
        what = ("neither uv, nor virtualenv, nor python3 is on PATH",)
        yield Finding("tools", WARNING, what, ("install uv, or Python",))
