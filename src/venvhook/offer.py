"""The offer to make a missing environment after a change of directory, as the settings say.

An entry of its own: the hook starts it in the foreground, with the terminal, in a directory that
holds a project file and has no environment. All that the shell has seen is looked at again here,
and all that makes an offer wrong. Where nothing is offered, nothing is said.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import contextmanager, suppress

from .caller import home_directory
from .decision import DECLINED, DENY, UNDER, State, decisions_below, remove_empty
from .directories import make_directories, upwards
from .discovery import is_same
from .environment import CONFIG, Doubt, is_directory, is_file
from .errors import VenvhookError, complain, shown
from .held import Holder, Way, check_way, follow
from .nearest import look_into, read_policy, roots

try:
    import fcntl
    import termios
except ImportError:
    HAS_TERMINALS = False  # Windows, where nothing is offered
else:
    HAS_TERMINALS = True

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .config import Settings
    from .nearest import Policy
    from .plan import Plan

# How it ends: there is an environment; there is none; there is none yet, since something is being
# typed; Ctrl-C.
MADE, NOTHING, LATER, INTERRUPTED = 0, 1, 3, 130
PATIENCE_SECONDS = 20.0

_STICKY = 0o1000
_LINE_LIMIT = 4096
_NAME_LIMIT = 60
_YES, _NO = (b"y", b"yes"), (b"", b"n", b"no")
# The kind of the file that is locked while one shell asks about a project.
_ASKING = b"asking"
# What lies below one of these came there as a part of something else.
_OF_OTHERS = frozenset((b"node_modules", b"site-packages", b"dist-packages", b".git"))


def main(patience: float = PATIENCE_SECONDS) -> None:
    """Offer the directory that ``sys.argv`` names an environment, and exit.

    Exits with 0 if there is an environment now, 1 if there is none, 3 if there is none and the
    question waits for the next prompt, since something is being typed, 130 for Ctrl-C.
    """
    try:
        # Whatever a shell lets its commands ignore.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status = offer(os.fsencode(sys.argv[1]), os.environ, patience)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as error:
        if os.environ.get("VENVHOOK_DEBUG") == "1":
            raise
        failed = f"failed ({type(error).__name__}: {error}); VENVHOOK_DEBUG=1 shows where"
        complain(str(error) if isinstance(error, VenvhookError) else failed)
        status = NOTHING
    sys.exit(status)


def offer(directory: bytes, environ: Mapping[str, str], patience: float) -> int:
    """Make an environment for the project at *directory* if all agree; return the exit status.

    The user has *patience* seconds to answer. Raises VenvhookError where none can be made,
    KeyboardInterrupt for Ctrl-C.
    """
    if not HAS_TERMINALS or not _has_terminal() or _is_active(environ):
        return NOTHING
    policy = read_policy(environ, environ.get("VENVHOOK_TRUST", ""))
    if policy.state is None or policy.mistake or policy.settings.auto_create == "never":
        return NOTHING
    place = _place(directory, environ, policy.settings, policy.state)
    if place is None:
        return NOTHING
    with _turn(place.real, policy.state) as is_ours:
        if not is_ours:
            return NOTHING
        # Only now, since another shell may just have been answered.
        there = _has_environment(directory, environ, policy)
        if there is not None:
            return MADE if there else NOTHING
        if policy.state.decision(place.real, DECLINED) is not None:
            return NOTHING
        return _make_if_wished(place, environ, policy.settings, policy.state, patience)


def _has_terminal() -> bool:
    """Return whether the user sees what is said, and can answer.

    A process in the background would be stopped when it reads.
    """
    try:
        return os.isatty(0) and os.isatty(2) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _is_active(environ: Mapping[str, str]) -> bool:
    """Return whether an environment is active: by hand, since the hook has found none."""
    return bool(environ.get("VIRTUAL_ENV")) or environ.get("CONDA_DEFAULT_ENV", "base") != "base"


# ---- The place -----------------------------------------------------------------------------------


class Place:
    """A directory where an environment may be made: *directory*, *real* without links.

    *file* is the name of a project file in it.
    """

    __slots__ = ("directory", "file", "real")

    def __init__(self, directory: bytes, real: bytes, file: bytes) -> None:
        self.directory = directory
        self.real = real
        self.file = file

    @property
    def name(self) -> str:
        """What the project is called in a line."""
        return shown(os.path.basename(self.directory), _NAME_LIMIT)


def _place(
    directory: bytes, environ: Mapping[str, str], settings: Settings, state: State
) -> Place | None:
    """Return *directory* as a place for an environment, or None where none is to be made.

    Raises VenvhookError where the settings can never come to anything.
    """
    file = _project_file(directory, settings.project_files)
    if not file:
        return None
    try:
        way = follow(directory)
        if not _is_good(way, home_directory(environ), state):
            return None
        if settings.auto_create == "always" and not _is_listed(way.real, settings, state):
            _require_listed(settings, state)
            return None
    except Doubt:
        return None
    return Place(directory, way.real, file)


def _project_file(directory: bytes, names: tuple[bytes, ...]) -> bytes:
    """Return the first of *names* that is a regular file in *directory*, or nothing."""
    for name in names:
        path = os.path.join(directory, name)
        try:
            if os.path.lexists(path) and is_file(follow(path).steps[-1][1].st_mode):
                return name
        except Doubt:
            continue  # A link to nothing, or to where a look could hang.
    return b""


def _is_good(way: Way, home: bytes, state: State) -> bool:
    """Return whether an environment may be made at the end of *way*. Raises Doubt if it may not.

    The directory is the user's own and below no denied one, and nobody else can put anything into
    one on the way; it is neither HOME nor ``/``, nor inside of something else.
    """
    holder = Holder.current()
    check_way(way, holder)
    if any(is_directory(found.st_mode) and found.st_mode & _STICKY for _, found in way.steps):
        return False
    if way.steps[-1][1].st_uid != holder.uid or _OF_OTHERS & set(way.real.split(b"/")):
        return False
    if not os.path.isabs(home) or is_same(way.real, home) or way.real == b"/":
        return False
    return not any(
        _is_environment(place) or state.decision(place, DENY) is not None
        for place in upwards(way.real)
    )


def _is_environment(directory: bytes) -> bool:
    """Return whether *directory* is an environment itself, also one of conda."""
    return any(os.path.lexists(os.path.join(directory, name)) for name in (CONFIG, b"conda-meta"))


def _is_listed(real: bytes, settings: Settings, state: State) -> bool:
    """Return whether *real* is below a directory that the user listed or allowed. Raises Doubt."""
    listed = {os.path.realpath(directory) for directory in settings.auto_create_under}
    return not listed.isdisjoint(upwards(os.path.dirname(real))) or state.is_under(real)


def _require_listed(settings: Settings, state: State) -> None:
    """Raise VenvhookError where 'always' can make nothing anywhere."""
    if not settings.auto_create_under and all(kind != UNDER for kind, _ in state.decisions()):
        raise VenvhookError(
            "auto_create is 'always', which needs directories below which it holds; list them in "
            "auto_create_under"
        )


def _has_environment(directory: bytes, environ: Mapping[str, str], policy: Policy) -> bool | None:
    """Return whether what a shell in *directory* finds may be used, or None where it finds none."""
    names = policy.settings.names
    for root in roots(directory, home_directory(environ), names, policy.state):
        outcome = look_into(root, names, policy)
        if outcome is not None and (outcome.refusal or outcome.environment is not None):
            return not outcome.refusal
    return None


@contextmanager
def _turn(path: bytes, state: State) -> Iterator[bool]:
    """Yield whether no other shell is at the project at *path*; until the end none will be."""
    descriptor, file = -1, state.file(path, _ASKING)
    if file is not None and make_directories(os.path.dirname(file)):
        descriptor = _locked(file)
    try:
        yield descriptor >= 0
    finally:
        if file is not None and descriptor >= 0:
            with suppress(OSError):  # Somebody has cleared the state directory.
                os.unlink(file)
            remove_empty(os.path.dirname(file), decisions_below(state.directory))
            os.close(descriptor)


def _locked(file: bytes) -> int:
    """Return a descriptor of *file* that is locked until it is closed, or -1 if it is already."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(file, flags, 0o600)
    except OSError:
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who had it removes it at the end.
        if os.path.samestat(os.fstat(descriptor), os.lstat(file)):
            return descriptor
    except OSError:
        pass  # Another has it, or has just had it.
    os.close(descriptor)
    return -1


# ---- The question --------------------------------------------------------------------------------


def _make_if_wished(
    place: Place, environ: Mapping[str, str], settings: Settings, state: State, patience: float
) -> int:
    """Ask where that is set, and make it; return the exit status."""
    # All of it takes longer to import than all that was done until here.
    from .commands.output import busy
    from .plan import Wishes, prepare

    asks = settings.auto_create == "ask"
    if asks and _is_typing():
        return LATER
    with busy("looking for a Python"):
        plan = prepare(place.directory, Wishes(), environ)
    for note in plan.notes:
        complain(note)
    if asks:
        status = _ask(_question(place, plan, environ, settings), place, patience, state)
        if status != MADE:
            return status
    try:
        _make(place, plan, environ, settings)
    except KeyboardInterrupt:
        # Over the ^C that the terminal shows (ECMA-48, EL).
        os.write(2, b"\r\x1b[K")
        # Nobody wants to stop it again in each new shell; what was wished for is asked for again.
        if not asks:
            _decline(place, state)
        elif not os.path.lexists(plan.environment):
            complain(f"stopped: {place.name} has no environment; 'venvhook create' makes one")
        raise
    return MADE


def _question(place: Place, plan: Plan, environ: Mapping[str, str], settings: Settings) -> str:
    """Return the question whether to do what is planned."""
    installed = _expected(place, environ) if settings.auto_install else None
    also = f", and install {installed}" if installed else ""
    return (
        f"venvhook: {place.name} has {shown(place.file, _NAME_LIMIT)} and no environment. "
        f"Make {plan.summary}{also}? [y/N] "
    )


def _ask(question: str, place: Place, patience: float, state: State) -> int:
    """Ask *question*; return MADE for yes, else the exit status. A no and a Ctrl-C are kept."""
    with _conversation():
        # What was typed before it is for the shell, and no answer.
        if _is_typing():
            return LATER
        os.write(2, question.encode())
        try:
            if not select.select([0], [], [], patience)[0]:
                termios.tcflush(0, termios.TCIFLUSH)
                os.write(2, b"\n")
                complain(f"no answer in {patience:.0f} s; 'venvhook create' makes one")
                return NOTHING
            line = os.read(0, _LINE_LIMIT)
        except KeyboardInterrupt:
            os.write(2, b"\n")
            _decline(place, state)
            raise
    answer = line.strip().lower()
    if not line:
        os.write(2, b"\n")  # Ctrl-D
    elif answer in _NO:
        _decline(place, state)
    elif answer not in _YES:
        complain(f"'{shown(answer, _NAME_LIMIT)}' is no answer; 'venvhook create' makes one")
    return MADE if answer in _YES else NOTHING


def _decline(place: Place, state: State) -> None:
    """Remember that the user wants none there."""
    from .permission import decline

    decline(place.real, state)
    complain(f"{place.name} is not asked about again; 'venvhook create' makes an environment")


def _is_typing() -> bool:
    """Return whether something was typed that nobody has read, also less than a line."""
    mode = termios.tcgetattr(0)
    by_keys = termios.tcgetattr(0)
    by_keys[3] &= ~(termios.ICANON | termios.ECHO)
    by_keys[6][termios.VMIN], by_keys[6][termios.VTIME] = 1, 0
    termios.tcsetattr(0, termios.TCSANOW, by_keys)
    try:
        return bool(select.select([0], [], [], 0)[0])
    finally:
        termios.tcsetattr(0, termios.TCSANOW, mode)


@contextmanager
def _conversation() -> Iterator[None]:
    """Have the terminal show what is typed and hand it over in lines; Ctrl-Z does nothing.

    A shell may have left it otherwise, and one stopped at a question would keep its turn.
    """
    before = termios.tcgetattr(0)
    mode = termios.tcgetattr(0)
    mode[0] |= termios.ICRNL
    mode[3] |= termios.ICANON | termios.ECHO | termios.ISIG
    handler = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    termios.tcsetattr(0, termios.TCSANOW, mode)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)
        signal.signal(signal.SIGTSTP, handler)


# ---- Making --------------------------------------------------------------------------------------


def _make(place: Place, plan: Plan, environ: Mapping[str, str], settings: Settings) -> None:
    """Make what is planned, and install what the project declares if the user has set that."""
    from .commands.output import busy
    from .create import make

    with busy(f"making {plan.summary} (Ctrl-C stops it)"):
        made = make(plan, environ)
    if made.note:
        complain(made.note)
    complain(f"made {made.summary}")
    # Where it is not used all the same, the hook says so when it looks.
    if settings.auto_install and not made.refusal:
        try:
            _install(place, made.environment, environ)
        except VenvhookError as error:
            complain(str(error))


def _install(place: Place, environment: bytes, environ: Mapping[str, str]) -> None:
    """Install what the project declares. Raises VenvhookError where that cannot or must not be."""
    from .dependencies import find_installation, require_own, run_installation

    require_own(place.directory, environ)
    installation = find_installation(place.directory, environment, environ)
    if installation is None:
        return
    complain(f"installing {installation.text} (Ctrl-C stops it)")
    status = run_installation(installation)
    if status:
        how = "stopped" if status == INTERRUPTED else f"exit status {status}"
        raise VenvhookError(f"{place.name}: not all is installed ({how})")


def _expected(place: Place, environ: Mapping[str, str]) -> str | None:
    """Return what would be installed, and by which tool, or None where nothing is."""
    from .dependencies import expected, require_own

    try:
        require_own(place.directory, environ)
        return expected(place.directory)
    except VenvhookError:
        return None  # Said when it comes to that.
