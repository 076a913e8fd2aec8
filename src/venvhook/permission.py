"""What the user decides himself: to allow, to deny, to revoke; and the list of all decisions.

Each function returns the lines that tell what was done, and raises VenvhookError where nothing was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .binding import tell_shells
from .caller import absolute, home_directory, marker_names, working_directory
from .decision import (
    ALLOWED,
    DECLINED,
    DENY,
    ENVIRONMENT,
    IGNORED,
    OWN,
    UNASKED,
    UNDER,
    Decision,
    State,
    identity,
    keeps_times_beside,
    plant_token,
    read_token,
    remove_token,
)
from .directories import is_owned, state_directory, usable
from .environment import CONFIG, Doubt, Unusable, examine
from .errors import VenvhookError, shown
from .evidence import TITLES, Finding, findings, held
from .held import Shared
from .ignoring import find_ignored, ignored_directories, ignored_line
from .inventory import GONE, whereabouts
from .project import Project, find_project
from .trust import DELIVERED, HELD, Look, is_denied

# Five seconds, a look each 2 ms.
LOCK_TRIES = 2500
_LIST_LIMIT = 5000
_WORDS = {OWN: "accepted", ALLOWED: "allowed", UNASKED: "unasked"}


# ---- The state directory -------------------------------------------------------------------------


def open_state(environ: Mapping[str, str]) -> State:
    """Return the user's decisions. Raises VenvhookError that says why there can be none."""
    directory = state_directory(environ)
    if directory is None:
        raise VenvhookError("HOME is not set, so no decision can be kept; set it")
    if usable(directory, environ) is None:
        raise VenvhookError(_why_unusable(directory, environ))
    return State(directory)


def _why_unusable(directory: bytes, environ: Mapping[str, str]) -> str:
    home = home_directory(environ)
    where = shown(directory)
    if home and directory.startswith(home + b"/") and not is_owned(home):
        return f"{shown(home)}: belongs to another user, so nothing is written there; set HOME"
    if os.path.islink(directory) or (os.path.lexists(directory) and not os.path.isdir(directory)):
        return f"{where}: is no directory, so no decision can be kept in it; remove it"
    if not os.path.lexists(directory):
        return f"{where}: cannot be made; mend the permissions of the directory above it"
    if not is_owned(directory):
        return f"{where}: belongs to another user; remove it, or set XDG_STATE_HOME"
    return f"{where}: can be written by others, so no decision can be kept in it; 'chmod go-w' it"


@contextmanager
def locked(state: State) -> Iterator[None]:
    """Keep other commands and helpers from changing decisions.

    Waits up to five seconds. Raises VenvhookError where that does not do, or a change fails.
    """
    lock = state.lock(LOCK_TRIES)
    if lock is None:
        where = f"{shown(state.directory)}/lock"
        if os.access(state.directory, os.W_OK):
            raise VenvhookError(f"{where}: another venvhook has held it for 5 s; try again")
        raise VenvhookError(f"{where}: cannot be written; mend the directory's permissions")
    with lock:
        try:
            yield
        except OSError as error:
            where = shown(os.fsencode(error.filename or state.directory))
            raise VenvhookError(f"{where}: {error.strerror}; nothing more was changed") from error


def _keep(state: State, decision: Decision, kind: bytes = ENVIRONMENT) -> None:
    """Write *decision*, and let every shell look again."""
    if not state.keep(decision, kind):
        file = state.file(decision.path, kind)
        if file is None:
            raise VenvhookError(
                f"{shown(decision.path)}: has a name like venvhook's own files in it, so no "
                "decision about it can be kept; rename it"
            )
        where = shown(os.path.dirname(file))
        raise VenvhookError(f"{where}: cannot be written, so nothing was decided; mend it")
    state.touch()


# ---- Allow ---------------------------------------------------------------------------------------


def allow(project: Project, state: State, shared: bool) -> list[str]:
    """Let the environment of *project* be used, whatever conditions do not hold.

    That others can write it is set aside only with *shared*; one that is not whole, or denied, or
    of which it cannot be told who can write it, is never allowed.
    """
    look = look_at(project)
    with locked(state):
        _require_not_denied(look, state)
        writable = held(look)
        if writable.cause is not None and not (shared and isinstance(writable.cause, Shared)):
            raise VenvhookError(_held_by_others(look, writable.cause))
        aside = _allow(look, state)
    ignored = [] if project.ignored is None else [ignored_line(project.ignored)]
    return [*_told_of(look, aside), *ignored]


def look_at(project: Project) -> Look:
    """Return a look at the environment of *project*. Raises VenvhookError where it is not whole."""
    marker = project.required_marker()
    try:
        if marker.environment is None:
            raise marker.reason or Unusable("is no environment; name one, or a project")
        return Look(examine(marker.environment), marker.path, marker.root)
    except Unusable as error:
        raise VenvhookError(f"{shown(project.environment)}: {error.reason}") from None
    except Doubt as doubt:
        raise VenvhookError(f"{doubt.what}; it cannot be allowed") from None


def _require_not_denied(look: Look, state: State) -> None:
    try:
        if not is_denied(look.root, look.real, state):
            return
    except Doubt as doubt:
        raise VenvhookError(doubt.line) from None
    where = shown(look.environment.path)
    raise VenvhookError(f"{where}: is denied; 'venvhook revoke' takes that back first")


def _held_by_others(look: Look, doubt: Doubt) -> str:
    where = "" if doubt.what.startswith("/") else f"{shown(look.environment.path)}: "
    if not isinstance(doubt, Shared):
        return f"{where}{doubt.what}; it cannot be allowed until that is mended"
    mend = f"mend that with '{doubt.mend}'" if doubt.mend else "mend that"
    return f"{where}{doubt.what}; {mend}, or 'venvhook allow --shared' if you trust them"


def _allow(look: Look, state: State) -> list[Finding]:
    """Record that *look*'s environment is allowed; return what was set aside."""
    # Not by way of a link, which may be turned meanwhile.
    path = look.real
    digest = look.digest()
    _forget_own_token(path, state, path)
    honest: bool | None
    token, honest = (b"", False) if look.is_tracked else plant_token(path)
    try:
        if not token:
            honest = keeps_times_beside(path, state.directory)
        aside = [finding for finding in findings(look, honest) if finding.cause]
        names = tuple(finding.name for finding in aside)
        delivered = digest if DELIVERED in names else b""
        _keep(state, Decision(path, ALLOWED, token, identity(path), names, delivered))
    except BaseException:
        if token:
            remove_token(path)
        raise
    return aside


def _told_of(look: Look, aside: list[Finding]) -> list[str]:
    lines = [f"{shown(look.environment.path)}: allowed"]
    if aside:
        lines[0] += ". Set aside:"
        lines += [f"  {finding.title:<14} {finding.evidence}" for finding in aside]
    else:
        lines.append('  All conditions hold: only trust = "ask" asks for it.')
    if look.has_entries():
        lines.append("You are asked again when a repository changes one of these files.")
    if any(finding.name == HELD for finding in aside):
        lines.append("Whoever can write it can run programs as you.")
    lines.append("'venvhook revoke' takes it back.")
    return lines


def allow_under(directory: bytes, environ: Mapping[str, str], state: State) -> list[str]:
    """Let environments below *directory* be used that were not made here."""
    path = absolute(directory, environ)
    real = os.path.realpath(path)
    if not os.path.isdir(real):
        raise VenvhookError(f"{shown(path)}: is no directory; name one that exists")
    if os.path.dirname(real) == real:
        raise VenvhookError(f"{shown(path)}: is everything; name a directory of yours")
    with locked(state):
        _keep(state, Decision(real, ALLOWED), UNDER)
    lines = [f"{shown(real)}: environments below need not have been made here; all else is asked."]
    if real == os.path.realpath(home_directory(environ)):
        lines.append("That is all of your home directory, with what you download and unpack there.")
    lines.append(f"'venvhook revoke --under {shown(real)}' takes it back.")
    return lines


# ---- No environment wanted -----------------------------------------------------------------------


def decline(root: bytes, state: State) -> None:
    """Remember that none is to be offered for the project at the real path *root*."""
    with locked(state):
        _keep(state, Decision(root, ALLOWED), DECLINED)


# ---- Deny and revoke -----------------------------------------------------------------------------


def deny(project: Project, state: State) -> list[str]:
    """Let no environment of *project* be used, and say nothing of it."""
    path = project.real_root
    marker = project.marker
    is_own = marker is None or marker.bound or os.path.basename(marker.path) in project.names
    if marker is not None and not is_own:
        # Beside others that belong to other projects.
        path = os.path.realpath(marker.path)
    with locked(state):
        _keep(state, Decision(path, ALLOWED), DENY)
    return [
        f"{shown(path)}: denied; nothing is activated there, and nothing said.",
        "'venvhook revoke' takes it back.",
    ]


def revoke(path: bytes | None, environ: Mapping[str, str], state: State) -> list[str]:
    """Forget what was decided about the project at *path*, and about its environment."""
    environments, projects = _places(path, environ)
    with locked(state):
        denied = [line for place in projects for line in _forget(state, place, DENY)]
        # What was used unasked before it was denied stays known.
        own = [place for place in environments if not denied or _is_users(state, place)]
        lines = [line for place in own for line in _forget(state, place, ENVIRONMENT)] + denied
        lines += [line for place in projects for line in _forget(state, place, DECLINED)]
        if lines:
            state.touch()
    if not lines:
        where = shown(absolute(path or b".", environ))
        raise VenvhookError(f"{where}: nothing was decided about it; see 'venvhook allow --list'")
    return lines


def revoke_under(directory: bytes, environ: Mapping[str, str], state: State) -> list[str]:
    """Forget that environments below *directory* need not have been made here."""
    path = os.path.realpath(absolute(directory, environ))
    with locked(state):
        lines = _forget(state, path, UNDER)
        if lines:
            state.touch()
    if not lines:
        raise VenvhookError(
            f"{shown(path)}: was not allowed with --under; see 'venvhook allow --list'"
        )
    return lines


def _places(path: bytes | None, environ: Mapping[str, str]) -> tuple[list[bytes], list[bytes]]:
    """Return the environments and the projects that *path* may mean, which may be gone."""
    names = marker_names(environ)
    given = absolute(path or b".", environ)
    try:
        project = find_project(path, environ)
        environment, root = project.environment, project.root
    except VenvhookError:
        is_marker = os.path.basename(given) in names
        environment = given if is_marker else os.path.join(given, names[0])
        root = os.path.dirname(given) if is_marker else given
    environments = [environment, given, *(os.path.join(given, name) for name in names)]
    real = os.path.realpath(environment)
    projects = [root, given, real, os.path.dirname(real)]
    return _real(environments), _real(projects)


def _is_users(state: State, path: bytes) -> bool:
    """Return whether the user himself decided about the environment *path*, or nobody can tell."""
    try:
        decision = state.decision(path)
    except Doubt:
        return True
    return decision is not None and decision.how == ALLOWED


def _real(paths: list[bytes]) -> list[bytes]:
    """Return *paths* without links, each once."""
    return list(dict.fromkeys(os.path.realpath(path) for path in paths))


def _forget(state: State, path: bytes, kind: bytes) -> list[str]:
    """Forget the decision of *kind* about *path*; return the line that says so, or none."""
    try:
        decision = state.decision(path, kind)
    except Doubt:
        decision = None  # Damaged, and goes as well.
    if kind == ENVIRONMENT:
        _forget_own_token(path, state, path)
    if not state.forget(path, kind):
        return []
    line = f"{shown(path)}: no longer {_word(kind, decision)}"
    if kind == ENVIRONMENT and decision is not None and decision.how != ALLOWED:
        line += "; it is looked at afresh ('venvhook deny': never used)"
    return [line]


def _forget_own_token(environment: bytes, state: State, real: bytes) -> None:
    """Remove the token of *environment* if it is that of the decision about *real*."""
    try:
        decision = state.decision(real)
    except Doubt:
        return
    if decision is not None and decision.token and decision.token == read_token(environment):
        remove_token(environment)


def _word(kind: bytes, decision: Decision | None) -> str:
    if kind == DENY:
        return "denied"
    if kind == UNDER:
        return "under"
    if kind == DECLINED:
        return "declined"
    if kind == IGNORED:
        return "ignored"
    return _WORDS[decision.how] if decision is not None else "known (its record was damaged)"


# ---- Ignore --------------------------------------------------------------------------------------


def ignore(directory: bytes | None, environ: Mapping[str, str], state: State) -> list[str]:
    """Let it be as if there were no environment in *directory*, and in all below.

    By default the working directory.
    """
    path = absolute(directory or b".", environ)
    if not os.path.isdir(path):
        raise VenvhookError(f"{shown(path)}: is no directory; name one that exists")
    names = _real([path]) if os.path.realpath(path) == path else [path, os.path.realpath(path)]
    known = ignored_directories(state)
    where = shown(path)
    if all(name in known for name in names):
        return [f"{where}: is ignored already; 'venvhook ignore --remove {where}' ends that"]
    with locked(state):
        for name in names:
            _keep(state, Decision(name, ALLOWED), IGNORED)
        tell_shells(state)
    return [
        f"{where}: ignored from the next prompt on, with all below; "
        f"'venvhook ignore --remove {where}' ends that"
    ]


def stop_ignoring(directory: bytes | None, environ: Mapping[str, str], state: State) -> list[str]:
    """Ignore *directory* no more; by default the nearest ignored at or above the working one."""
    path = absolute(directory, environ) if directory is not None else working_directory(environ)
    with locked(state):
        ignored = find_ignored(path, state)
        if ignored is None:
            raise VenvhookError(f"{shown(path)}: is not ignored; see 'venvhook ignore --list'")
        real = os.path.realpath(path)
        if directory is not None and os.path.realpath(ignored) != real:
            raise VenvhookError(f"{shown(path)}: is ignored by way of {ignored_line(ignored)}")
        names = _names_of(ignored, state)
        for name in names:
            state.forget(name, IGNORED)
        tell_shells(state)
        above = find_ignored(ignored, state)
    lines = [f"{shown(ignored)}: no longer ignored"]
    if above is not None:
        lines[0] += f", but by way of {ignored_line(above)}"
    return lines


def _names_of(directory: bytes, state: State) -> list[bytes]:
    """Return the names by which the ignored *directory* is known: also those of links to it."""
    real = os.path.realpath(directory)
    return [name for name in ignored_directories(state) if os.path.realpath(name) == real]


# ---- All decisions -------------------------------------------------------------------------------


def list_decisions(state: State, accepted: bool) -> tuple[list[tuple[str, Decision]], list[str]]:
    """Return each decision of the user's with its word, by their paths; and what cannot be read.

    With *accepted* also what was accepted without him.
    """
    rows, complaints = [], []
    for kind, found in state.decisions():
        if isinstance(found, Doubt):
            complaints.append(found.line)
        elif accepted or kind != ENVIRONMENT or found.how == ALLOWED:
            rows.append((found.path, kind, found))
    rows.sort(key=lambda row: row[:2])
    return [(_word(kind, decision), decision) for _path, kind, decision in rows], complaints


def row_of(word: str, decision: Decision) -> str:
    """Return the line of *decision*, whose *word* is that of ``list_decisions``."""
    aside = ", ".join(set_aside(decision))
    more = f"  (set aside: {aside})" if aside else ""
    return f"{word:<9} {shown(decision.path, _LIST_LIMIT)}{more}"


def set_aside(decision: Decision) -> list[str]:
    """Return what the conditions are called that *decision* sets aside."""
    return [TITLES[name] for name in TITLES if name in decision.aside]


def prune(state: State) -> list[str]:
    """Forget decisions about what is gone, and what cannot be read."""
    with locked(state):
        gone = [
            (kind, found.path)
            for kind, found in state.decisions()
            if isinstance(found, Decision) and _is_gone(kind, found.path, state)
        ]
        lines = [line for kind, path in gone for line in _prune(state, kind, path)]
        swept = state.sweep()
        if swept:
            state.touch()
    return lines + [f"{shown(file)}: removed; it was damaged" for file in swept]


def _prune(state: State, kind: bytes, path: bytes) -> list[str]:
    decision = state.decision(path, kind)
    forgotten = state.forget(path, kind)
    return [f"{shown(path)}: is gone; no longer {_word(kind, decision)}"] if forgotten else []


def _is_gone(kind: bytes, path: bytes, state: State) -> bool:
    """Return whether *path* is certainly gone: not where its disk may not be mounted."""
    try:
        decided = os.stat(state.file(path, kind) or b"").st_mtime
    except OSError:
        return False
    what = os.path.join(path, CONFIG) if kind == ENVIRONMENT else path
    return whereabouts(what, None, decided) == GONE


def remove_tokens(state: State) -> None:
    """Remove the token from every environment that has one of ours."""
    for kind, found in state.decisions():
        if kind == ENVIRONMENT and isinstance(found, Decision):
            try:
                _forget_own_token(found.path, state, found.path)
            except OSError:
                continue  # It means nothing without the decision.
