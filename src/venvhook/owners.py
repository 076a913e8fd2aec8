"""The tools that own what a project locks or declares, and how each is called.

So that it uses exactly one environment, whatever that is called and wherever it is. How, was tried
with uv 0.13, poetry 2.5, pdm 2.29 and pipenv 2026; what each does otherwise stands beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .creators import find_program
from .environment import BIN, PYTHON, WINDOWS
from .errors import VenvhookError, shown
from .facts import python_version, read_config
from .sources import PIPFILE, Source, listed_requirements
from .wanted import declared_python

# pip before it reads pylock.toml as if it were a list of requirements.
_PYLOCK_PIP = (26, 1)
_CONDAS = ("conda", "mamba", "micromamba")


@dataclass(frozen=True)
class Call:
    """How *tool* is called: its *words*, and the variables that it needs besides."""

    tool: str
    words: tuple[bytes, ...]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """The project at *root*, its *environment*, and the caller's *environ*."""

    root: bytes
    environment: bytes
    environ: Mapping[str, str]

    @property
    def python(self) -> bytes:
        """The environment's interpreter."""
        return os.path.join(self.environment, BIN, PYTHON)

    def file(self, name: str) -> str:
        """Return where the project's file *name* is, for a message."""
        return shown(os.path.join(self.root, os.fsencode(name)))

    def program(self, name: str) -> bytes | None:
        """Return the program *name* on PATH; nothing in the project is one.

        In a project that is around HOME, ``~/.local/bin`` is no part of it.
        """
        home = os.path.realpath(os.fsencode(self.environ.get("HOME", "/")))
        is_around = (home + b"/").startswith(os.path.realpath(self.root).rstrip(b"/") + b"/")
        return find_program(name, self.environ, b"/" if is_around else self.root)


def owner(source: Source) -> str:
    """Return who installs from *source*, for a sentence."""
    return _OWNERS[source.kind].name


def call_owner(place: Place, source: Source) -> Call:
    """Return how the tool that owns *source* is called.

    Raises VenvhookError where it is missing, or cannot do it.
    """
    return _OWNERS[source.kind].call(place, source)


# ---- How each tool is called ---------------------------------------------------------------------


def _required(name: str, place: Place, source: Source) -> bytes:
    """Return the program *name*; raise VenvhookError, with how to get it, where it is missing."""
    found = place.program(name)
    if found is not None:
        return found
    installer = "uv tool" if name != "uv" and place.program("uv") is not None else "pipx"
    raise VenvhookError(
        f"{place.file(source.files[0])}: {name} is not on PATH outside of the project; get it with "
        f"'{installer} install {name}'"
    )


def _options(option: str, values: Iterable[str]) -> tuple[bytes, ...]:
    """Return *option* before each of *values*."""
    return tuple(word for value in values for word in (option.encode(), os.fsencode(value)))


# Of an environment whose Python it may not use, uv says nothing and makes another in its place:
# "only-managed" in a uv.toml is enough.
_UV = {"UV_PYTHON_PREFERENCE": "system", "UV_PYTHON_DOWNLOADS": "never"}


def _call_uv_sync(place: Place, source: Source) -> Call:
    """``--python`` beats .python-version, for which uv would make the environment anew.

    The lock is never written: where it is old that is said, or with the user's ``UV_FROZEN`` not.
    As with the other tools, what is installed besides stays.
    """
    frozen = place.environ.get("UV_FROZEN", "").lower() in ("1", "true", "yes", "on", "y", "t")
    words = (
        *(_required("uv", place, source), b"sync", b"--frozen" if frozen else b"--locked"),
        *(b"--inexact", b"--python", place.python),
        *_options("--group", source.groups),
        *_options("--extra", source.extras),
    )
    settings = {**_UV, "UV_PROJECT_ENVIRONMENT": os.fsdecode(place.environment)}
    return Call("uv", words, settings)


def _call_poetry(place: Place, source: Source) -> Call:
    """Let poetry see ``VIRTUAL_ENV`` only.

    It does not where 'poetry env use' has left a note among its own environments: so these are
    looked for where there can be none. Without that, and told to make none, it installs into the
    Python that it runs on itself.
    """
    words = (
        *(_required("poetry", place, source), b"install", b"--no-interaction"),
        *_options("--with", source.groups),
        *_options("--extras", source.extras),
    )
    nowhere = os.path.join(os.devnull, "none")
    settings = {"POETRY_VIRTUALENVS_CREATE": "false", "POETRY_VIRTUALENVS_PATH": nowhere}
    return Call("poetry", words, settings)


def _call_pdm(place: Place, source: Source) -> Call:
    """Let pdm see ``VIRTUAL_ENV``, and not the Python of its ``.pdm-python``, which it keeps.

    In one that has not the Python that the project requires, pdm installs nothing: it takes another
    of the project's, or makes one. So that is told here, and should it find otherwise, it has
    nothing to make one with.
    """
    _require_python(place)
    words = (
        *(_required("pdm", place, source), b"sync"),
        *_options("--group", (*source.groups, *source.extras)),
    )
    settings = {
        "PDM_IGNORE_SAVED_PYTHON": "1",
        "PDM_USE_VENV": "1",
        "PDM_VENV_BACKEND": "none",
        "PDM_NON_INTERACTIVE": "1",
        "PDM_CHECK_UPDATE": "0",
    }
    return Call("pdm", words, settings)


def _require_python(place: Place) -> None:
    """Raise VenvhookError unless the environment's Python is one that the project says it takes."""
    wanted = declared_python(place.root)
    version = python_version(read_config(place.environment) or {})
    if version and not any(request.allows(version) for request in wanted.requests):
        raise VenvhookError(
            f"{shown(place.environment)}: its Python is {version}, and {wanted.origin} says "
            f"'{wanted.text}'; make it anew with 'venvhook create --clear'"
        )


def _call_pipenv(place: Place, source: Source) -> Call:
    """Without a lock, none is written."""
    from_lock = (b"sync",) if source.is_lock else (b"install", b"--skip-lock")
    words = (
        *(_required("pipenv", place, source), *from_lock, b"--dev"),
        *_options("--categories", [" ".join(source.groups)] if source.groups else ()),
    )
    # Else one of a directory above might be meant.
    file = os.path.join(place.root, os.fsencode(PIPFILE))
    return Call("pipenv", words, {"PIPENV_PIPFILE": os.fsdecode(file)})


def _call_pylock(place: Place, source: Source) -> Call:
    """Only one that is new enough can read it (PEP 751)."""
    version = pip_version(place.environment)
    uv = _uv_for(place, version if version and version >= _PYLOCK_PIP else None)
    if uv is None and version is not None and version < _PYLOCK_PIP:
        number = ".".join(str(part) for part in version)
        raise VenvhookError(
            f"{shown(place.environment)}: its pip {number} cannot read {source.text}, which 26.1 "
            "can; make it anew with 'venvhook create --clear --upgrade-deps', or install uv"
        )
    return _pip_call(place, uv, _options("-r", source.files))


def _call_requirements(place: Place, source: Source) -> Call:
    return _pip_call(place, _uv(place), _options("-r", source.files))


def _call_package(place: Place, source: Source) -> Call:
    uv = _uv(place)
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    return _pip_call(place, uv, (b"-e", os.fsencode(f".{extras}"), *_groups(place, uv, source)))


def _call_project(place: Place, source: Source) -> Call:
    uv = _uv(place)
    own = _options("-r", source.files) + _options("--extra", source.extras) if uv else ()
    return _pip_call(place, uv, (*own, *_groups(place, uv, source)))


def _groups(place: Place, uv: bytes | None, source: Source) -> tuple[bytes, ...]:
    """Return the words for the groups of *source*: uv knows where the packages in them come from.

    Of pip, only 25.1 and later could read them itself.
    """
    if uv is not None:
        return _options("--group", source.groups)
    return tuple(os.fsencode(line) for line in listed_requirements(place.root, source))


def _call_conda(place: Place, source: Source) -> Call:
    """Tell with which command it is made. Raises VenvhookError."""
    there = [name for name in _CONDAS if place.program(name) is not None]
    name = there[0] if there else _CONDAS[0]
    words = f"{name} create" if name == "micromamba" else f"{name} env create"
    missing = "" if there else f" ({name} is not on PATH either)"
    raise VenvhookError(
        f"{place.file(source.files[0])}: is for conda, whose environments venvhook does not make; "
        f"'{words} --file {source.text}' does{missing}"
    )


# ---- uv or pip -----------------------------------------------------------------------------------


def _uv(place: Place) -> bytes | None:
    return _uv_for(place, pip_version(place.environment))


def _uv_for(place: Place, pip: tuple[int, ...] | None) -> bytes | None:
    """Return uv where it is to install, or None for the environment's own *pip*.

    That is in what uv has made, and where there is no pip. Elsewhere the user has chosen what
    brings pip, whose settings (index, proxy) uv does not read.
    """
    if pip is None or _is_made_by_uv(place.environment):
        return place.program("uv")
    return None


def _pip_call(place: Place, uv: bytes | None, words: tuple[bytes, ...]) -> Call:
    """Return how *uv*, else the environment's pip, installs what *words* say."""
    if uv is not None:
        return Call("uv", (uv, b"pip", b"install", b"--python", place.python, *words), _UV)
    if pip_version(place.environment) is None:
        raise VenvhookError(
            f"{shown(place.environment)}: has no pip, and uv is not on PATH; make it anew with "
            "'venvhook create --clear --seed', or install uv"
        )
    # -I: 'python -m' would import what lies in the project.
    start = (place.python, b"-I", b"-m", b"pip", b"install")
    # "user" in a pip.conf makes it refuse in every environment.
    settings = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return Call("pip", (*start, *words), settings)


def _is_made_by_uv(environment: bytes) -> bool:
    return b"uv" in (read_config(environment) or {})


def pip_version(environment: bytes) -> tuple[int, ...] | None:
    """Return the version of the pip in *environment*, by what is installed, or None without one."""
    library = os.path.join(environment, b"Lib" if WINDOWS else b"lib")
    for directory in [b""] if WINDOWS else _names(library):
        for name in _names(os.path.join(library, directory, b"site-packages")):
            found = re.fullmatch(rb"pip-(\d+(?:\.\d+)*)\S*\.dist-info", name)
            if found:
                return tuple(int(part) for part in found[1].split(b"."))
    return None


def _names(directory: bytes) -> list[bytes]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


# ---- The table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Owner:
    """Who installs from a kind of source, by *name*, and how that is called."""

    name: str
    call: Callable[[Place, Source], Call]


_OWNERS = {
    "uv.lock": _Owner("uv", _call_uv_sync),
    "poetry.lock": _Owner("poetry", _call_poetry),
    "pdm.lock": _Owner("pdm", _call_pdm),
    "Pipfile.lock": _Owner("pipenv", _call_pipenv),
    "pylock": _Owner("uv or pip", _call_pylock),
    "requirements": _Owner("uv or pip", _call_requirements),
    "Pipfile": _Owner("pipenv", _call_pipenv),
    "package": _Owner("uv or pip", _call_package),
    "project": _Owner("uv or pip", _call_project),
    "conda": _Owner("conda", _call_conda),
}
