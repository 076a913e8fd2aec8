"""What environment is to be made for a project: where, by which tool, of which Python, and how.

As the user wishes it, else as the project says, else as what was there, else as usual. Nothing is
changed by it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .binding import UNBIND, binding_of
from .caller import absolute, home_directory, marker_names
from .config import Settings, explain_settings
from .creators import (
    Creator,
    Options,
    choose_creators,
    find_creators,
    require_venv,
    safe_path,
)
from .decision import State, existing_state
from .discovery import find_marker, levels
from .environment import (
    CONFIG,
    CONFIG_LIMIT,
    WINDOWS,
    Doubt,
    Unusable,
    config_lines,
    printable,
    read_file,
    unquoted,
)
from .errors import VenvhookError, shown
from .interpreters import Interpreter, find_interpreters
from .surroundings import project_around
from .unfinished import (
    BEING_MADE,
    JUST_MADE,
    former_of,
    is_being_made,
    is_empty,
    is_known,
    is_unfinished,
)
from .wanted import NoSuitable, choose, wanted_python

# 3.12.1, 3.12.1.final.0: what is not of this form is no version, and may be a path.
_VERSION = re.compile(rb"(\d{1,3}(?:\.\d{1,3}){1,2})(?:\.(?:alpha|beta|candidate|final)\.\d+)?")
_PLAIN = re.compile(rb"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_ANEW = "'venvhook create --clear' makes it anew"


class AlreadyThere(VenvhookError):  # noqa: N818  # an answer
    """There is an environment already, at *environment*."""

    def __init__(self, environment: bytes, message: str) -> None:
        super().__init__(message)
        self.environment = environment


@dataclass(frozen=True)
class Wishes:
    """What the user wishes; None leaves it to the project, the settings, or what was there."""

    python: str | None = None
    backend: str | None = None
    name: bytes | None = None
    prompt: str | None = None
    system_site_packages: bool | None = None
    seed: bool | None = None
    clear: bool = False
    upgrade: bool = False


@dataclass(frozen=True)
class Former:
    """The environment that was there: what of it is kept by one that takes its place."""

    version: str = ""
    prompt: str = ""
    system_site_packages: bool = False
    seed: bool | None = None


@dataclass(frozen=True)
class Plan:
    """An environment that can be made: of *interpreter*, at *environment*.

    The first of *creators* makes it, or the next where that fails. *origin* says who wants that
    Python, or nothing where it is just the newest. *former* is what is there already, and
    *clears* says whether the user wishes that to be made anew. *notes* are lines for him.
    """

    root: bytes
    environment: bytes
    creators: tuple[Creator, ...]
    interpreter: Interpreter
    origin: str
    options: Options
    settings: Settings
    former: Former | None = None
    clears: bool = False
    notes: tuple[str, ...] = ()

    @property
    def creator(self) -> Creator:
        """The creator that is tried first."""
        return self.creators[0]

    @property
    def python(self) -> str:
        """The Python, and who wants it: ``Python 3.12.1 (.python-version)``."""
        return _titled(self.interpreter) + (f" ({self.origin})" if self.origin else "")

    @property
    def summary(self) -> str:
        """What is made, for a question: ``.venv with uv and Python 3.12.1``."""
        return self.summary_by(self.creator)

    def summary_by(self, creator: Creator) -> str:
        """Return what is made if it is *creator* who makes it."""
        name = shown(os.path.basename(self.environment))
        return f"{name} with {creator.name} and {_titled(self.interpreter)}"


def _titled(interpreter: Interpreter) -> str:
    """Return *interpreter* for a sentence: ``Python 3.12.1``, ``pypy 3.10.14``."""
    title = interpreter.title
    return f"Python {title}" if title[:1].isdigit() else title


# ---- What is to be made --------------------------------------------------------------------------


def project_directory(directory: bytes | None, environ: Mapping[str, str]) -> bytes:
    """Return the project to make an environment for: *directory*, where one is named.

    Else the nearest at or above the working directory that holds a marker, or a file by which a
    project says that it is one; else the working directory. Raises VenvhookError where it is
    missing.
    """
    start = absolute(directory or b".", environ)
    if not os.path.isdir(start):
        raise VenvhookError(f"{shown(start)}: is no directory; name that of a project")
    if directory is not None:
        return start
    settings = explain_settings(environ)[0]
    signs = (*settings.project_files, *marker_names(environ))
    for level in levels(start, home_directory(environ)):
        if any(os.path.lexists(os.path.join(level, sign)) for sign in signs):
            return level
    if start == home_directory(environ):
        raise VenvhookError(
            f"{shown(start)}: is your home directory; 'venvhook create ~' makes an environment "
            "there, or cd to a project"
        )
    return start


def safe_from(root: bytes, environ: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return the project that is really around *root*, and *environ* without programs of it.

    Nor of the project around *root* as it is named, which a link may lead out of.
    """
    around = project_around(os.path.realpath(root), environ)
    named = safe_path(environ, project_around(root, environ))
    entries = [entry for entry in safe_path(environ, around) if entry in named]
    path = os.fsdecode(os.fsencode(os.pathsep).join(entries))
    return around, {**environ, "PATH": path}


def prepare(root: bytes, wishes: Wishes, environ: Mapping[str, str]) -> Plan:
    """Return what *wishes* come to in the project at *root*; changes nothing.

    Raises VenvhookError where that cannot be made.
    """
    settings = explain_settings(environ)[0]
    state = existing_state(environ)
    environment = _place(root, wishes, marker_names(environ), state)
    former = _require_room(environment, wishes, state)
    around, environ = safe_from(root, environ)
    interpreter, origin, notes = _interpreter(root, wishes, former, around, environ)
    found = find_creators(environ, around)
    creators = choose_creators(wishes.backend or settings.backend, interpreter, found)
    options = _options(root, wishes, former, creators[0])
    if creators[0].name == "venv":
        require_venv(interpreter, options)
    return Plan(
        root=root,
        environment=environment,
        creators=creators,
        interpreter=interpreter,
        origin=origin,
        options=options,
        settings=settings,
        former=former,
        clears=wishes.clear and former is not None,
        notes=notes,
    )


# ---- Where ---------------------------------------------------------------------------------------


def _place(root: bytes, wishes: Wishes, names: tuple[bytes, ...], state: State | None) -> bytes:
    """Return where the environment goes. Raises VenvhookError where none can go."""
    _require_project(root)
    environment = os.path.join(root, _name(wishes, names))
    bound = _bound(root, state)
    if bound and bound != environment:
        if wishes.name is None and wishes.clear:
            return bound
        raise AlreadyThere(
            bound,
            f"{shown(bound)} is used in {shown(root)}; '{UNBIND}' ends that, and 'venvhook create "
            "--clear' makes it anew",
        )
    if wishes.name is None and not wishes.clear and not os.path.lexists(environment):
        _require_no_other(root, names)
    return environment


def _require_project(root: bytes) -> None:
    """Raise VenvhookError where *root* can hold no environment."""
    if os.path.dirname(root) == root:
        raise VenvhookError(f"{shown(root)} is no project; cd to one, or name it")
    try:
        root.decode()
    except UnicodeError:
        raise VenvhookError(
            f"{shown(root)}: its path is no UTF-8, where no tool makes environments; rename it"
        ) from None
    for sign, what in ((os.fsencode(os.pathsep), f"a '{os.pathsep}'"), (b"\n", "a line break")):
        if sign in root:
            # Neither PATH nor pyvenv.cfg has a way to quote it.
            raise VenvhookError(
                f"{shown(root)}: has {what} in its path, where no environment works; rename it"
            )


def _bound(root: bytes, state: State | None) -> bytes:
    """Return the environment that was bound to the project at *root*, or nothing."""
    try:
        binding = None if state is None else binding_of(root, state)
    except Doubt as doubt:
        raise VenvhookError(doubt.line) from None
    return binding.environment if binding is not None else b""


def _name(wishes: Wishes, names: tuple[bytes, ...]) -> bytes:
    """Return the name of the directory to make. Raises VenvhookError for one that cannot be."""
    name = wishes.name or names[0]
    if b"/" in name or b"\0" in name or name in (b".", b".."):
        raise VenvhookError(
            f"'{shown(name)}' is no name for a directory in the project; give one without a slash"
        )
    if os.fsencode(os.pathsep) in name:
        raise VenvhookError(f"'{shown(name)}' has a '{os.pathsep}' in it, which PATH cannot hold")
    return name


def _require_room(environment: bytes, wishes: Wishes, state: State | None) -> Former | None:
    """Return what is at *environment*, or None. Raises VenvhookError where it may not go."""
    where = shown(environment)
    if not os.path.lexists(environment):
        return None
    if not os.path.isdir(environment):
        what = "a link to nothing" if os.path.islink(environment) else "no directory"
        raise VenvhookError(f"{where}: is {what}; remove it, or give another --name")
    if is_unfinished(environment):
        _require_known(environment, wishes, state)
        return _former(former_of(environment, state))
    if not os.path.lexists(os.path.join(environment, CONFIG)):
        if not is_empty(environment):
            raise VenvhookError(f"{where}: is no environment, and not empty; give another --name")
        return None
    if wishes.clear:
        _require_no_mount(environment)
    former = _former(environment)
    if not wishes.clear:
        of = f" (Python {former.version})" if former.version else ""
        raise AlreadyThere(environment, f"{where}: an environment is there already{of}; {_ANEW}")
    return former


def _require_known(environment: bytes, wishes: Wishes, state: State | None) -> None:
    """Raise VenvhookError where what is unfinished at *environment* is perhaps another's."""
    if wishes.clear or is_known(environment, state):
        return
    if is_being_made(environment):
        reason = BEING_MADE
    elif is_unfinished(environment):
        reason = f"is unfinished, and not known to be of your making; {_ANEW}"
    else:
        reason = JUST_MADE
    raise VenvhookError(f"{shown(environment)}: {reason}")


def _require_no_mount(environment: bytes) -> None:
    """Raise VenvhookError where a disk is mounted in *environment*: what is on it would go, too."""
    # Not needed by most calls.
    from .inventory import is_below
    from .removal import mount_points

    real = os.path.realpath(environment)
    for place in mount_points():
        if is_below(place, real):
            raise VenvhookError(f"{shown(place)}: something is mounted there; unmount it first")


def _require_no_other(root: bytes, names: tuple[bytes, ...]) -> None:
    """Raise VenvhookError where the project has an environment by another name."""
    marker = find_marker(root, names)
    if marker is not None and marker.environment is not None:
        raise AlreadyThere(
            marker.environment,
            f"{shown(marker.path)}: an environment is there already, and is the one used here; "
            f"'venvhook create --clear --name {shown(os.path.basename(marker.path))}' makes it "
            f"anew, '--name {shown(names[0])}' another",
        )
    try:
        with os.scandir(root) as entries:
            others = sorted(
                entry.name for entry in entries if os.path.lexists(os.path.join(entry.path, CONFIG))
            )
    except OSError as error:
        raise VenvhookError(f"{shown(root)}: cannot be read ({error.strerror})") from None
    if others:
        # To be pasted, so it names only what no shell takes for anything else.
        name = others[0].decode() if _PLAIN.fullmatch(others[0]) else "DIR"
        raise VenvhookError(
            f"{shown(os.path.join(root, others[0]))}: an environment is there already; 'venvhook "
            f"use {name}' uses it here, 'venvhook create --name {shown(names[0])}' makes another"
        )


def _former(path: bytes) -> Former:
    """Return what of the environment at *path*, which may be broken, is kept by a new one."""
    if not path:
        return Former()
    try:
        config = dict(config_lines(read_file(os.path.join(path, CONFIG), CONFIG_LIMIT)))
    except (OSError, Unusable):
        return Former()
    version = _VERSION.fullmatch(config.get(b"version") or config.get(b"version_info") or b"")
    return Former(
        version[1].decode() if version is not None else "",
        printable(unquoted(config.get(b"prompt", b""))).decode(),
        config.get(b"include-system-site-packages", b"").lower() == b"true",
        _has_pip(path),
    )


def _has_pip(path: bytes) -> bool | None:
    """Return whether pip is installed in the environment at *path*; None where nothing tells."""
    found = None
    library = os.path.join(path, b"Lib" if WINDOWS else b"lib")
    try:
        places = [library] if WINDOWS else [entry.path for entry in os.scandir(library)]
    except OSError:
        return None
    for place in places:
        packages = os.path.join(place, b"site-packages")
        if os.path.isdir(packages):
            found = os.path.isdir(os.path.join(packages, b"pip"))
    return found


def _interpreter(
    root: bytes,
    wishes: Wishes,
    former: Former | None,
    around: bytes,
    environ: Mapping[str, str],
) -> tuple[Interpreter, str, tuple[str, ...]]:
    """Return the interpreter to take, who wants it, and lines about how it was chosen."""
    wanted = wanted_python(root, wishes.python)
    notes = tuple(line for line in (*wanted.ignored, wanted.conflict) if line)
    found = [] if wanted.path else find_interpreters(environ, around)
    if former is not None and former.version and not wanted.text:
        # Nobody wants another: as before, if that is still to be had.
        series = ".".join(former.version.split(".")[:2])
        for version, origin in (
            (former.version, "as before"),
            (series, f"it was {former.version}"),
        ):
            try:
                return choose(wanted_python(root, version), found, environ), origin, notes
            except NoSuitable:
                continue
        notes += (f"its Python {former.version} is not found; --python takes the path of one",)
    return choose(wanted, found, environ), wanted.origin, notes


def _options(root: bytes, wishes: Wishes, former: Former | None, creator: Creator) -> Options:
    """Return what the environment is to be like: as wished, else as before, else as usual."""
    former = former or Former()
    prompt = wishes.prompt
    if prompt is None:
        prompt = former.prompt or os.fsdecode(os.path.basename(root))
    # One line in pyvenv.cfg, and one word or some in a prompt.
    prompt = printable(os.fsencode(prompt)).decode() if prompt else ""
    system = wishes.system_site_packages
    seed = wishes.seed
    if seed is None:
        seed = former.seed
    if seed is None:
        # A project that uv keeps has no use for pip, and fetching it takes time.
        seed = not (creator.name == "uv" and os.path.lexists(os.path.join(root, b"uv.lock")))
    return Options(
        prompt,
        former.system_site_packages if system is None else system,
        seed,
        wishes.upgrade,
    )
