"""The tools that make environments: uv, virtualenv and venv, and what each of them can make.

None of them is called in a project: with ``python -m venv`` in a clone that holds a package
``venv``, the clone's code would run. An interpreter is named by its absolute path and isolated, and
no configuration of a project is read.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from .asking import answer
from .environment import WINDOWS
from .errors import VenvhookError, shown
from .interpreters import Interpreter, is_avoided

AUTO = "auto"
NAMES = ("uv", "virtualenv", "venv")

_SECONDS = 20.0
# What would lead a creator elsewhere than to what it is told.
_MISLEADING = (
    *("UV_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_CONFIG_FILE"),
    *("UV_VENV_CLEAR", "UV_VENV_RELOCATABLE", "UV_VENV_SEED", "UV_SYSTEM_PYTHON", "UV_ENV_FILE"),
    *("VIRTUALENV_CLEAR", "VIRTUALENV_PYTHON", "VIRTUALENV_PROMPT", "VIRTUALENV_CREATOR"),
    *("VIRTUALENV_SYSTEM_SITE_PACKAGES", "VIRTUALENV_WITHOUT_PIP", "VIRTUALENV_NO_PIP"),
    *("VIRTUALENV_VENV_REDIRECT", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER"),
    *("PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"),
    "__PYVENV_LAUNCHER__",
)
# The oldest CPython for which releases of virtualenv from the first on make environments with pip
# (its changelog: 20.22 dropped 2.7 to 3.6, 20.27 dropped 3.7, 21 dropped 3.8).
_VIRTUALENV = (((21, 0), (3, 9)), ((20, 27), (3, 8)), ((20, 22), (3, 7)), ((0, 0), (2, 7)))


@dataclass(frozen=True)
class Creator:
    """One tool: its *name*, how it is called, and the *oldest* Python that it makes one for."""

    name: str
    command: tuple[bytes, ...]
    oldest: tuple[int, int]

    def can_make(self, interpreter: Interpreter) -> bool:
        """Return whether it makes environments of *interpreter*."""
        return interpreter.version[:2] >= self.oldest


@dataclass(frozen=True)
class Options:
    """What an environment is to be like: its *prompt* (or empty), and whether it *seeds* pip."""

    prompt: str = ""
    system_site_packages: bool = False
    seed: bool = True
    upgrade: bool = False


def find_creators(environ: Mapping[str, str], avoid: bytes) -> list[Creator]:
    """Return the creators that are on PATH, but not below *avoid*; venv is always there."""
    found = []
    uv = find_program("uv", environ, avoid)
    if uv is not None:
        found.append(Creator("uv", (uv,), (3, 6)))
    virtualenv = find_program("virtualenv", environ, avoid)
    if virtualenv is not None:
        found.append(
            Creator(
                "virtualenv",
                (virtualenv,),
                _oldest_of_virtualenv(virtualenv, creator_environ(environ, avoid)),
            )
        )
    return [*found, Creator("venv", (), (3, 4))]


def find_program(name: str, environ: Mapping[str, str], avoid: bytes) -> bytes | None:
    """Return the program *name* on PATH by its absolute path, or None.

    What PATH names relatively, or at or below *avoid*, does not count.
    """
    for entry in safe_path(environ, avoid):
        file = os.path.join(entry, os.fsencode(name) + (b".exe" if WINDOWS else b""))
        is_program = os.path.isfile(file) and os.access(file, os.X_OK)
        if is_program and _is_apart(file, environ, avoid):
            return file
    return None


def safe_path(environ: Mapping[str, str], avoid: bytes) -> list[bytes]:
    """Return the entries of PATH that are absolute and do not lead through *avoid*."""
    entries = os.fsencode(environ.get("PATH", os.defpath)).split(os.fsencode(os.pathsep))
    return [entry for entry in entries if os.path.isabs(entry) and _is_apart(entry, environ, avoid)]


def _is_apart(path: bytes, environ: Mapping[str, str], avoid: bytes) -> bool:
    """Return whether *path* does not lead through *avoid*; all do through ``/``."""
    return avoid == b"/" or not is_avoided(path, avoid, environ)


def _oldest_of_virtualenv(command: bytes, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return the oldest Python that the program *command*, a virtualenv, makes environments for."""
    printed = answer([os.fsdecode(command), "--version"], environ, _SECONDS)
    release = re.search(rb"virtualenv (\d+)\.(\d+)", printed or b"")
    version = (int(release[1]), int(release[2])) if release else _VIRTUALENV[0][0]
    return next(oldest for first, oldest in _VIRTUALENV if version >= first)


# ---- Which one -----------------------------------------------------------------------------------


def choose_creators(
    wanted: str, interpreter: Interpreter, found: list[Creator]
) -> tuple[Creator, ...]:
    """Return the creator called *wanted*; for AUTO all that can make an environment, best first.

    Raises VenvhookError that says which other could.
    """
    able = [creator for creator in found if creator.can_make(interpreter)]
    if wanted == AUTO:
        if able:
            return tuple(able)
        raise VenvhookError(_refusal("no tool here makes", interpreter, able))
    for creator in found:
        if creator.name == wanted:
            if creator in able:
                return (creator,)
            raise VenvhookError(_refusal(f"this {wanted} does not make", interpreter, able))
    others = ", ".join(creator.name for creator in found)
    way = "https://docs.astral.sh/uv/" if wanted == "uv" else f"'uv tool install {wanted}'"
    raise VenvhookError(f"{wanted} is not on PATH; install it ({way}), or take --backend {others}")


def _refusal(who: str, interpreter: Interpreter, able: list[Creator]) -> str:
    """Return why no environment can be made of *interpreter*, and who of *able* could."""
    what = f"{shown(interpreter.path)} is Python {interpreter.text}"
    line = f"{what}, of which {who} environments any more"
    if able:
        others = " or ".join(f"'--backend {creator.name}'" for creator in able)
        return f"{line}; {others} does"
    return (
        f"{line}; a virtualenv older than 20.22 does ('uv tool install --force "
        "\"virtualenv<20.22\"', then '--backend virtualenv')"
    )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


# ---- How it is called ----------------------------------------------------------------------------


def command_line(
    creator: Creator, environment: bytes, interpreter: Interpreter, options: Options
) -> list[bytes]:
    """Return the words that make *environment*, a directory that exists, of *interpreter*."""
    words = _LINES[creator.name](creator, interpreter, options)
    if options.prompt:
        words.append(b"--prompt=" + os.fsencode(options.prompt))
    if options.system_site_packages:
        words.append(b"--system-site-packages")
    return [*words, b"--", environment] if creator.name == "uv" else [*words, environment]


def _uv_line(creator: Creator, interpreter: Interpreter, options: Options) -> list[bytes]:
    words = [*creator.command, b"venv", b"--no-config", b"--no-project", b"--allow-existing"]
    words += [b"--no-python-downloads", b"--color=never", b"--python", interpreter.path]
    return [*words, b"--seed"] if options.seed else words


def _virtualenv_line(creator: Creator, interpreter: Interpreter, options: Options) -> list[bytes]:
    words = [*creator.command, b"--no-periodic-update", b"--python", interpreter.path]
    if not options.seed:
        return [*words, b"--no-seed"]
    return [*words, b"--download"] if options.upgrade else words


def _venv_line(_creator: Creator, interpreter: Interpreter, options: Options) -> list[bytes]:
    words = [interpreter.path, b"-I", b"-m", b"venv"]
    if not options.seed:
        return [*words, b"--without-pip"]
    # Python 3.9 has it first.
    return [*words, b"--upgrade-deps"] if options.upgrade else words


_LINES = {"uv": _uv_line, "virtualenv": _virtualenv_line, "venv": _venv_line}


def creator_environ(environ: Mapping[str, str], avoid: bytes) -> dict[str, str]:
    """Return *environ* for a creator: without what would mislead it, or a PATH into *avoid*."""
    kept = {name: value for name, value in environ.items() if name not in _MISLEADING}
    kept["PATH"] = os.fsdecode(os.fsencode(os.pathsep).join(safe_path(environ, avoid)))
    # virtualenv 21 writes a file .venv beside an environment of another name (PEP 832).
    kept["VIRTUALENV_VENV_REDIRECT"] = "0"
    return kept


def require_venv(interpreter: Interpreter, options: Options) -> None:
    """Raise VenvhookError where *interpreter* lacks the modules to make an environment itself."""
    modules = "venv, ensurepip" if options.seed else "venv"
    done = subprocess.run(  # noqa: S603  # an interpreter that was chosen
        [interpreter.path, "-I", "-S", "-c", f"import {modules}"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        version = _dotted(interpreter.version[:2])
        raise VenvhookError(
            f"{shown(interpreter.path)} cannot make environments: it has no {modules}; install it "
            f"(Debian, Ubuntu: 'apt install python{version}-venv'), or uv or virtualenv"
        )


def can_download(environ: Mapping[str, str], avoid: bytes) -> bool:
    """Return whether uv is there, and may fetch what is not."""
    offline = environ.get("UV_OFFLINE", "") or environ.get("UV_PYTHON_DOWNLOADS", "") == "never"
    return not offline and find_program("uv", environ, avoid) is not None


def download_python(version: str, environ: Mapping[str, str], avoid: bytes) -> None:
    """Let uv download a Python of *version*. Raises VenvhookError where that fails."""
    uv = find_program("uv", environ, avoid)
    if uv is None:
        raise VenvhookError("uv is not on PATH, which could download a Python; install one of them")
    words = [uv, b"python", b"install", b"--no-config", os.fsencode(version)]
    clean = creator_environ(environ, avoid)
    done = subprocess.run(words, cwd="/", env=clean, check=False)  # noqa: S603  # uv, as above
    if done.returncode:
        raise VenvhookError(f"uv could not download Python {version}; give another --python")
