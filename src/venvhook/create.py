"""Making a project's environment as it was planned.

It is made in place, since its scripts name their place; marked unfinished until it is done; and
accepted then, since the user himself has made it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .binding import Binding, bind
from .caller import marker_names
from .config import Settings
from .creators import Creator, command_line, creator_environ, require_venv
from .decision import ALLOWED, DECLINED, OWN, Decision, State, identity, plant_token, remove_token
from .environment import BIN, PYTHON, WINDOWS, Doubt, Unusable, examine_unfinished
from .errors import VenvhookError, shown
from .ignoring import ignored_at, ignored_line
from .permission import locked, open_state
from .plan import Plan, safe_from
from .trust import Look, judge, message
from .unfinished import Site, failure

# How much of what a creator says is shown where it fails.
_SAID_LIMIT = 300
# Bytes: less than pip is, and more than what a file system keeps for itself.
_ROOM = 256 * 1024


@dataclass(frozen=True)
class Creation:
    """What was made, by *creator*.

    *refusal* is why it is not used all the same, *note* who could not make it; both may be empty.
    """

    environment: bytes
    creator: Creator
    plan: Plan
    refusal: str = ""
    note: str = ""

    @property
    def summary(self) -> str:
        """What was made: ``.venv with uv and Python 3.12.1``."""
        return self.plan.summary_by(self.creator)


def make(plan: Plan, environ: Mapping[str, str]) -> Creation:
    """Make what is planned, and accept it.

    Raises VenvhookError where it cannot be made, KeyboardInterrupt for Ctrl-C: then all is as
    before.
    """
    state, refusal = _state(environ)
    site = Site(plan.environment, state, plan.clears)
    # What is moved aside is so wholly, or put back.
    with _ctrl_c(held_back=True):
        site.open()
        try:
            try:
                with _ctrl_c(held_back=False):
                    creator, note = _run_creators(plan, environ, site)
                    if not site.is_same():
                        where = shown(plan.environment)
                        raise VenvhookError(f"{where}: was replaced by something else meanwhile")
                    _finish(plan, creator)
                    if state is not None:
                        refusal = _accept(plan, environ, state)
            except BaseException:
                site.give_back()
                raise
            site.commit()
        finally:
            site.close()
    return Creation(plan.environment, creator, plan, refusal, note)


@contextmanager
def _ctrl_c(held_back: bool) -> Iterator[None]:
    """Hold the signal of Ctrl-C back, or let it come, also what was held back; not on Windows."""
    if WINDOWS:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        how = signal.SIG_BLOCK if held_back else signal.SIG_UNBLOCK
        signal.pthread_sigmask(how, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _state(environ: Mapping[str, str]) -> tuple[State | None, str]:
    """Return the user's decisions, or None and why there can be none."""
    try:
        return open_state(environ), ""
    except VenvhookError as error:
        return None, str(error)


def _run_creators(plan: Plan, environ: Mapping[str, str], site: Site) -> tuple[Creator, str]:
    """Let the first creator that can make the environment; return it, and who could not.

    Raises VenvhookError with what the first of them said if none could.
    """
    failures: list[str] = []
    for creator in plan.creators:
        try:
            if failures and creator.name == "venv":
                require_venv(plan.interpreter, plan.options)
            _run_creator(plan, creator, environ, site)
        except VenvhookError as error:
            failures.append(str(error))
            try:
                site.clear()
            except OSError as left:
                raise failure(plan.environment, left) from None
        else:
            return creator, f"{failures[0]}; {creator.name} was taken" if failures else ""
    raise VenvhookError(f"{failures[0]}; nothing was changed{_way_out(plan)}")


def _way_out(plan: Plan) -> str:
    """Return what else could be tried where the creators failed."""
    is_uv_alone = [creator.name for creator in plan.creators] == ["uv"]
    if is_uv_alone and plan.options.seed:
        return "; '--without-pip' needs no network, '--backend venv' brings a pip of its own"
    return ""


def _run_creator(plan: Plan, creator: Creator, environ: Mapping[str, str], site: Site) -> None:
    """Let the creator make the environment. Raises VenvhookError with what it said if it fails."""
    words = command_line(creator, plan.environment, plan.interpreter, plan.options)
    try:
        # It inherits the locked mark: while it runs, also after this process was killed, nobody
        # else makes the same.
        done = subprocess.run(  # noqa: S603  # the words of creators, by absolute paths
            words,
            cwd="/",
            env=_clean(plan.root, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=() if WINDOWS else (site.descriptor,),
            check=False,
        )
    except OSError as error:
        raise VenvhookError(f"{shown(words[0])}: cannot be run ({error.strerror})") from None
    if done.returncode:
        raise VenvhookError(_said(plan.environment, creator, done.returncode, done.stdout))


def _clean(root: bytes, environ: Mapping[str, str]) -> dict[str, str]:
    around, safe = safe_from(root, environ)
    return creator_environ(safe, around)


def _said(environment: bytes, creator: Creator, status: int, output: bytes) -> str:
    """Return the one line about a creator that failed: the last thing that it said."""
    if b"No space left" in output or b"os error 28" in output or _is_full(environment):
        return f"{shown(environment)}: the disk is full"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if line.lower().startswith((b"error", b"cause"))]
    what = shown(b"; ".join(causes or lines[-1:]), limit=_SAID_LIMIT) or "it said nothing"
    how = f"exit status {status}" if status > 0 else f"signal {-status}"
    return f"{creator.name} failed ({how}): {what.rstrip('.')}"


def _is_full(directory: bytes) -> bool:
    """Return whether the disk of *directory* has no room for a file worth speaking of.

    venv says nothing of what its pip's installation met.
    """
    if WINDOWS:
        return False
    try:
        found = os.statvfs(directory)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _ROOM


def _finish(plan: Plan, creator: Creator) -> None:
    """Add what a creator may not have made, and raise VenvhookError if it is no environment."""
    ignored = os.path.join(plan.environment, b".gitignore")
    try:
        if not os.path.lexists(ignored):
            with open(ignored, "xb") as file:
                file.write(b"*\n")
    except OSError as error:
        raise failure(plan.environment, error) from None
    if not os.path.exists(os.path.join(plan.environment, BIN, PYTHON)):
        raise VenvhookError(f"{creator.name} made no interpreter; nothing was changed")


def _accept(plan: Plan, environ: Mapping[str, str], state: State) -> str:
    """Record that the user made the environment; return why it is not used all the same, if so."""
    environment = plan.environment
    try:
        look = Look(examine_unfinished(environment), environment)
        _record(look, plan.settings, state)
        verdict = judge(look.environment, environment, plan.settings, state)
        ignored = ignored_at(plan.root, state)
    except (Unusable, Doubt) as error:
        return str(error)
    if os.path.dirname(environment) != plan.root or (
        os.path.basename(environment) not in marker_names(environ)
    ):
        with locked(state):
            bind(Binding(os.path.realpath(plan.root), plan.root, environment), state)
    if verdict.doubt is not None:
        return message(verdict, verdict.doubt, plan.root, environment)
    return "" if ignored is None else ignored_line(ignored)


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
