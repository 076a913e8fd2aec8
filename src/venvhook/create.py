"""Making a project's environment, as the user and the project wish it.

It is made in place, since its scripts name their place; marked unfinished until it is done; and
accepted then, since the user himself has made it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .binding import UNBIND, Binding, bind, binding_of
from .caller import absolute, home_directory, marker_names
from .config import Settings, explain_settings
from .creators import (
    Creator,
    Options,
    choose_creator,
    command_line,
    creator_environ,
    find_creators,
    require_venv,
)
from .decision import ALLOWED, DECLINED, OWN, Decision, State, identity, plant_token, remove_token
from .directories import is_own, state_directory
from .discovery import find_marker, levels
from .environment import (
    BIN,
    CONFIG,
    CONFIG_LIMIT,
    PYTHON,
    WINDOWS,
    Doubt,
    Unusable,
    config_lines,
    examine_unfinished,
    printable,
    read_file,
    unquoted,
)
from .errors import VenvhookError, shown
from .interpreters import Interpreter, find_interpreters
from .permission import locked, open_state
from .trust import Look, judge, message
from .unfinished import ASIDE, Site, failure, is_unfinished
from .wanted import NoSuitable, choose, wanted_python

# How much of what a creator says is shown where it fails.
_SAID_LIMIT = 300


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
    """An environment that can be made: of *interpreter*, by *creator*, at *environment*.

    *origin* says who wants that Python, or nothing where it is just the newest. *former* is what is
    there already. *notes* are lines that the user should see.
    """

    root: bytes
    environment: bytes
    creator: Creator
    interpreter: Interpreter
    origin: str
    options: Options
    settings: Settings
    former: Former | None = None
    notes: tuple[str, ...] = ()

    @property
    def python(self) -> str:
        """The Python, and who wants it: ``Python 3.12.1 (.python-version)``."""
        return _titled(self.interpreter) + (f" ({self.origin})" if self.origin else "")

    @property
    def summary(self) -> str:
        """What is made, for a question: ``.venv with uv and Python 3.12.1``."""
        name = shown(os.path.basename(self.environment))
        return f"{name} with {self.creator.name} and {_titled(self.interpreter)}"


def _titled(interpreter: Interpreter) -> str:
    """Return *interpreter* for a sentence: ``Python 3.12.1``, ``pypy 3.10.14``."""
    title = interpreter.title
    return f"Python {title}" if title[:1].isdigit() else title


@dataclass(frozen=True)
class Creation:
    """What was made; *refusal* is why it is not used all the same, or empty."""

    environment: bytes
    plan: Plan
    refusal: str = ""


def create(
    root: bytes, wishes: Wishes, environ: Mapping[str, str], tell: Callable[[str], None]
) -> Creation:
    """Make the environment of the project at *root*; *tell* is called with lines for the user.

    Raises VenvhookError where none can be made, KeyboardInterrupt for Ctrl-C: then all is as
    before.
    """
    plan = prepare(root, wishes, environ)
    for note in plan.notes:
        tell(note)
    return make(plan, environ)


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
    return start


def prepare(root: bytes, wishes: Wishes, environ: Mapping[str, str]) -> Plan:
    """Return what *wishes* come to in the project at *root*; changes nothing.

    Raises VenvhookError where that cannot be made.
    """
    settings = explain_settings(environ)[0]
    names = marker_names(environ)
    environment = os.path.join(root, _name(wishes, names))
    bound = _bound(root, environ)
    if bound and bound != environment:
        if wishes.name is not None or not wishes.clear:
            raise AlreadyThere(
                bound,
                f"{shown(bound)} is used in {shown(root)}; '{UNBIND}' ends that, and 'venvhook "
                "create --clear' makes it anew",
            )
        environment = bound
    former = _require_room(root, environment, wishes, names)
    interpreter, origin, notes = _interpreter(root, wishes, former, environ)
    creators = find_creators(environ, root)
    backend = wishes.backend or settings.backend
    creator = choose_creator(backend, interpreter, creators)
    options = _options(root, wishes, former, creator)
    if creator.name == "venv":
        require_venv(interpreter, options)
    return Plan(root, environment, creator, interpreter, origin, options, settings, former, notes)


def _bound(root: bytes, environ: Mapping[str, str]) -> bytes:
    """Return the environment that was bound to the project at *root*, or nothing."""
    directory = state_directory(environ)
    if directory is None or not is_own(directory):
        return b""
    try:
        binding = binding_of(root, State(directory))
    except Doubt as doubt:
        raise VenvhookError(f"{doubt.what}; '{doubt.mend}' mends it") from None
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


def _require_room(
    root: bytes, environment: bytes, wishes: Wishes, names: tuple[bytes, ...]
) -> Former | None:
    """Return what is at *environment*, or None. Raises VenvhookError where it may not go."""
    where = shown(environment)
    if os.path.dirname(root) == root:
        raise VenvhookError(f"{shown(root)} is no project; cd to one, or name it")
    for sign, what in ((os.fsencode(os.pathsep), f"a '{os.pathsep}'"), (b"\n", "a line break")):
        if sign in root:
            # Neither PATH nor pyvenv.cfg has a way to quote it.
            raise VenvhookError(
                f"{shown(root)}: has {what} in its path, where no environment works; rename it"
            )
    if not os.path.lexists(environment):
        if wishes.name is None and not wishes.clear:
            _require_no_other(root, names)
        return None
    if not os.path.isdir(environment):
        what = "a link to nothing" if os.path.islink(environment) else "no directory"
        raise VenvhookError(f"{where}: is {what}; remove it, or give another --name")
    if is_unfinished(environment):
        return _former(_aside_or_itself(environment))
    if not os.path.lexists(os.path.join(environment, CONFIG)):
        if os.listdir(environment):
            raise VenvhookError(f"{where}: is no environment, and not empty; give another --name")
        return None
    former = _former(environment)
    if not wishes.clear:
        of = f" (Python {former.version})" if former.version else ""
        raise AlreadyThere(
            environment,
            f"{where}: an environment is there already{of}; 'venvhook create --clear' makes it "
            "anew",
        )
    return former


def _aside_or_itself(environment: bytes) -> bytes:
    aside = os.path.join(environment, ASIDE)
    return aside if os.path.isdir(aside) else environment


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
        name = shown(others[0])
        raise VenvhookError(
            f"{shown(os.path.join(root, others[0]))}: an environment is there already; 'venvhook "
            f"use {name}' uses it here, 'venvhook create --name {shown(names[0])}' makes another"
        )


def _former(path: bytes) -> Former:
    """Return what of the environment at *path*, which may be broken, is kept by a new one."""
    try:
        config = dict(config_lines(read_file(os.path.join(path, CONFIG), CONFIG_LIMIT)))
    except (OSError, Unusable):
        return Former()
    version = config.get(b"version") or config.get(b"version_info") or b""
    return Former(
        shown(b".".join(version.split(b".")[:3])),
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
    root: bytes, wishes: Wishes, former: Former | None, environ: Mapping[str, str]
) -> tuple[Interpreter, str, tuple[str, ...]]:
    """Return the interpreter to take, who wants it, and lines about how it was chosen."""
    wanted = wanted_python(root, wishes.python)
    notes = tuple(line for line in (*wanted.ignored, wanted.conflict) if line)
    found = [] if wanted.path else find_interpreters(environ, root)
    if former is not None and former.version and not wanted.text:
        # Nobody wants another: as before, if that is still to be had.
        kept = wanted_python(root, ".".join(former.version.split(".")[:2]))
        try:
            return choose(kept, found, environ), "as before", notes
        except NoSuitable:
            pass
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


# ---- Making --------------------------------------------------------------------------------------


def make(plan: Plan, environ: Mapping[str, str]) -> Creation:
    """Make what is planned, and accept it. Raises as ``create``."""
    site = Site(plan.environment)
    site.open()
    try:
        try:
            _run_creator(plan, environ, site)
            _finish(plan)
            refusal = _accept(plan, environ)
        except BaseException:
            site.give_back()
            raise
        site.commit()
    finally:
        site.close()
    return Creation(plan.environment, plan, refusal)


def _run_creator(plan: Plan, environ: Mapping[str, str], site: Site) -> None:
    """Let the creator make the environment. Raises VenvhookError with what it said if it fails."""
    words = command_line(plan.creator, plan.environment, plan.interpreter, plan.options)
    try:
        # It inherits the locked mark: while it runs, also after this process was killed, nobody
        # else makes the same.
        done = subprocess.run(  # noqa: S603  # the words of creators, by absolute paths
            words,
            cwd="/",
            env=creator_environ(environ, plan.root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=() if WINDOWS else (site.descriptor,),
            check=False,
        )
    except OSError as error:
        raise VenvhookError(f"{shown(words[0])}: cannot be run ({error.strerror})") from None
    if done.returncode:
        raise VenvhookError(_said(plan, done.returncode, done.stdout))


def _said(plan: Plan, status: int, output: bytes) -> str:
    """Return the one line about a creator that failed: the last thing that it said."""
    if b"No space left" in output or b"os error 28" in output:
        return f"{shown(plan.environment)}: the disk is full; nothing was changed"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if line.lower().startswith((b"error", b"cause"))]
    what = shown(b"; ".join(causes or lines[-1:]), limit=_SAID_LIMIT) or "it said nothing"
    how = f"exit status {status}" if status > 0 else f"signal {-status}"
    return f"{plan.creator.name} failed ({how}): {what}; nothing was changed"


def _finish(plan: Plan) -> None:
    """Add what a creator may not have made, and raise VenvhookError if it is no environment."""
    ignored = os.path.join(plan.environment, b".gitignore")
    try:
        if not os.path.lexists(ignored):
            with open(ignored, "xb") as file:
                file.write(b"*\n")
    except OSError as error:
        raise failure(plan.environment, error) from None
    if not os.path.exists(os.path.join(plan.environment, BIN, PYTHON)):
        raise VenvhookError(f"{plan.creator.name} made no interpreter; nothing was changed")


def _accept(plan: Plan, environ: Mapping[str, str]) -> str:
    """Record that the user made the environment; return why it is not used all the same, if so."""
    environment = plan.environment
    try:
        state = open_state(environ)
    except VenvhookError as error:
        return str(error)
    try:
        look = Look(examine_unfinished(environment), environment)
        _record(look, plan.settings, state)
        verdict = judge(look.environment, environment, plan.settings, state)
    except (Unusable, Doubt) as error:
        return str(error)
    if os.path.dirname(environment) != plan.root or (
        os.path.basename(environment) not in marker_names(environ)
    ):
        with locked(state):
            bind(Binding(os.path.realpath(plan.root), plan.root, environment), state)
    if verdict.doubt is not None:
        return message(verdict, verdict.doubt, plan.root, environment)
    return ""


def _record(look: Look, settings: Settings, state: State) -> None:
    """Plant the token, and keep the decision that the environment of *look* was made here."""
    look.digest()  # Whether a repository has it, where no token may be.
    how = ALLOWED if settings.trust == "ask" else OWN
    with locked(state):
        former = state.decision(look.real)
        token = b"" if look.is_tracked else plant_token(look.real)[0]
        try:
            if not state.keep(Decision(look.real, how, token, identity(look.real))):
                remove_token(look.real)
            state.forget(look.root, DECLINED)
            state.touch()
        except BaseException:
            if former is not None:
                state.keep(former)
            raise
