"""What 'venvhook status' and 'venvhook why' tell: is an environment used here, and why or why not.

Nothing is decided by it and no token planted: what the hook would do is found from the same parts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .caller import home_directory
from .config import Settings, explain_settings
from .decision import ALLOWED, OWN, Decision, State, read_token
from .directories import is_own, state_directory
from .environment import BIN, PYTHON, Doubt, Environment, Unusable, display_name, examine
from .errors import shown
from .evidence import TITLES, Finding, findings, honesty
from .project import Level, Project, listed
from .trust import (
    BIRTH,
    HELD,
    WHOLE,
    Look,
    Verdict,
    asked,
    is_denied,
    message,
    refused,
    standing_decision,
)

_HOW = {
    OWN: "unasked: all conditions held when it was first seen",
    ALLOWED: "by you, with 'venvhook allow'",
}
_NOTHING = ("used", "no: there is no environment here or above")
_NOT_ALLOWED = Doubt("has not been allowed")


@dataclass(frozen=True)
class Answer:
    """What is said of one condition: its *title*, and the *verdict* with the evidence."""

    title: str
    verdict: str


@dataclass(frozen=True)
class Explanation:
    """All there is to say about *project*.

    *accepted* is how its environment was accepted; *answers* are those of the conditions; *refusal*
    is the line that the hook says, or empty where the environment is used.
    """

    project: Project
    settings: Settings
    origin: str
    environment: Environment | None = None
    accepted: str = "no"
    answers: tuple[Answer, ...] = ()
    refusal: str = ""

    @property
    def is_used(self) -> bool:
        """Whether there is an environment that is used."""
        return self.environment is not None and not self.refusal


def explain(project: Project, environ: Mapping[str, str]) -> Explanation:
    """Return what there is to say about *project*. Raises VenvhookError for bad settings."""
    settings, origin = explain_settings(environ)
    marker = project.marker
    if marker is None:
        return Explanation(project, settings, origin)
    state = _existing_state(environ)
    try:
        if marker.environment is None:
            raise marker.reason or Unusable("is no environment")
        environment = examine(marker.environment)
        look = Look(environment, marker.path, marker.root)
    except Unusable as reason:
        line = f"{shown(project.environment)}: {reason.reason}"
        answers = _answers_of_none(Answer("whole", f"no: {reason.reason}"))
        return Explanation(project, settings, origin, None, "no", answers, line)
    except Doubt as doubt:
        answers = _answers_of_none(Answer("whole", "ok"), Answer(TITLES[HELD], f"no: {doubt.what}"))
        line = message(Verdict((), doubt, WHOLE), doubt, project.root, marker.path)
        return Explanation(project, settings, origin, environment, "no", answers, line)
    case = _Case(look, settings, state)
    line = ""
    if case.verdict.doubt is not None:
        line = message(case.verdict, case.verdict.doubt, project.root, marker.path)
    answers = (Answer("whole", f"ok: {_interpreter(environment)}"), *case.answers())
    return Explanation(project, settings, origin, environment, case.accepted(), answers, line)


def _existing_state(environ: Mapping[str, str]) -> State | None:
    """Return the user's decisions, where there is a directory of them that may be used."""
    directory = state_directory(environ)
    return State(directory) if directory is not None and is_own(directory) else None


def _interpreter(environment: Environment) -> str:
    """Return where the interpreter of *environment* leads."""
    return f"its Python is {shown(os.path.realpath(os.path.join(environment.path, BIN, PYTHON)))}"


def _answers_of_none(*first: Answer) -> tuple[Answer, ...]:
    """Return *first*, and that the other conditions were not asked."""
    rest = list(TITLES.values())[len(first) - 1 :]
    return (*first, *(Answer(title, "not asked") for title in rest))


class _Case:
    """One environment that is whole, with what the conditions find and what was decided."""

    def __init__(self, look: Look, settings: Settings, state: State | None) -> None:
        self.look = look
        self.settings = settings
        self.state = state
        self.honest = honesty(look, state)
        self.findings = {f.name: f for f in findings(look, self.honest is not False)}
        self.decision: Decision | None = None
        # The conditions that must hold for it to be used.
        self.asked: tuple[bytes, ...] = tuple(TITLES)
        try:
            self.verdict = self._judged()
        except Doubt as doubt:
            # A decision that cannot be read.
            self.verdict = Verdict((), doubt)

    def _judged(self) -> Verdict:
        """Return the verdict as ``trust.judge`` finds it; sets *decision* and *asked*."""
        look, state = self.look, self.state
        if state is not None and is_denied(look.root, look.real, state):
            return Verdict((), Doubt("is denied"), silent=True)
        token = read_token(look.environment.path)
        self.decision = standing_decision(look, self.settings, state, token)
        if self.decision is None and self.settings.trust == "ask":
            return Verdict((), _NOT_ALLOWED)
        self.asked = asked(look, self.settings, self.decision)
        if self.decision is None and self.settings.trust != "all" and not self._is_under():
            self.asked += (BIRTH,)
        for name in self.asked:
            cause = self.findings[name].cause
            if cause is not None:
                return refused(name, cause, self.decision)
        return Verdict(())

    def _is_under(self) -> bool:
        return self.state is not None and self.state.is_under(self.look.real)

    def answers(self) -> list[Answer]:
        """Return what is said of the conditions."""
        return [Answer(finding.title, self._answer(finding)) for finding in self.findings.values()]

    def _answer(self, finding: Finding) -> str:
        if finding.cause is None:
            unsure = finding.name == BIRTH and self.honest is None and self.decision is None
            limit = " (as far as can be told without writing there)" if unsure else ""
            return f"ok: {finding.evidence}{limit}" if finding.evidence else "ok"
        if finding.name in self.asked:
            verdict = "no"
        elif self.decision is not None:
            is_aside = finding.name in self.decision.aside
            verdict = "set aside" if is_aside else "not asked (accepted before)"
        elif self.settings.trust == "all":
            verdict = 'not asked (trust = "all")'
        else:
            verdict = "set aside (venvhook allow --under)"
        return f"{verdict}: {finding.evidence}"

    def accepted(self) -> str:
        """Return how the environment was accepted."""
        if self.verdict.silent:
            return "no: you denied it, with 'venvhook deny'"
        if self.decision is not None:
            return _HOW.get(self.decision.how, 'unasked: trust = "all"')
        if self.verdict.doubt is None:
            return "not yet: it will be when a shell comes here"
        if self._is_another():
            return "no: what was accepted here before was another environment"
        return "no"

    def _is_another(self) -> bool:
        """Return whether there is a decision about this place, which counts no more."""
        try:
            found = None if self.state is None else self.state.decision(self.look.real)
        except Doubt:
            return False
        token = read_token(self.look.environment.path)
        return found is not None and bool(found.token) and found.token != token


# ---- What is printed -----------------------------------------------------------------------------


def status_lines(told: Explanation, environ: Mapping[str, str]) -> list[str]:
    """Return what 'venvhook status' prints: a title and a value a line."""
    project, environment = told.project, told.environment
    if project.marker is None:
        missing = f"none: there is no {listed(project.names)} in {shown(project.start)} or above"
        active = ("active", _active(told, environ))
        return _table([("project", missing), active, _trust(told), _NOTHING])
    rows = [("project", shown(project.root)), ("environment", shown(project.environment))]
    if environment is not None:
        rows.append(("name", display_name(environment, project.root, project.names).decode()))
        rows.append(("python", _version(environment)))
    rows.append(("active", _active(told, environ)))
    return _table([*rows, *_verdicts(told)])


def why_lines(told: Explanation, environ: Mapping[str, str]) -> list[str]:
    """Return what 'venvhook why' prints: the walk, the conditions, and what comes of it."""
    project = told.project
    if project.marker is None:
        lines = [_step(level) for level in project.levels]
        home = home_directory(environ)
        if project.start != home and project.start.startswith(home + b"/"):
            lines.append(f"{shown(home)}: not looked at; what is there counts in itself alone")
        return [*lines, *_table([_NOTHING])]
    lines = [_step(level) for level in project.levels or (Level(project.root, project.marker),)]
    name = os.path.basename(project.marker.path)
    if name not in project.names:
        lines.append(f"{shown(name)} is not looked for: the names are {listed(project.names)}")
    return [*lines, *_table(_verdicts(told))]


def _step(level: Level) -> str:
    """Return what was found at one directory of the walk."""
    where, marker = shown(level.directory), level.marker
    if marker is None:
        return f"{where}: nothing"
    name = shown(os.path.basename(marker.path))
    if marker.reason is not None:
        return f"{where}: {name} {marker.reason.reason}"
    if marker.environment is None:
        return f"{where}: {name} is no environment, and passed by"
    if marker.environment != marker.path:
        return f"{where}: {name} is a file that leads to {shown(marker.environment)}"
    if os.path.islink(marker.path):
        return f"{where}: {name} is a link to {shown(os.path.realpath(marker.path))}"
    return f"{where}: {name} is an environment"


def _verdicts(told: Explanation) -> list[tuple[str, str]]:
    return [
        ("accepted", told.accepted),
        _trust(told),
        *((answer.title, answer.verdict) for answer in told.answers),
        ("used", _outcome(told)),
    ]


def _trust(told: Explanation) -> tuple[str, str]:
    return ("trust", f"{told.settings.trust} ({told.origin})")


def _outcome(told: Explanation) -> str:
    if told.is_used:
        return "yes"
    return f"no: {told.refusal}"


def _active(told: Explanation, environ: Mapping[str, str]) -> str:
    """Return what is active in the shell that this command was called by."""
    active = environ.get("VIRTUAL_ENV", "")
    if not active:
        is_off = told.is_used and environ.get("VENVHOOK_OFF")
        return "no: VENVHOOK_OFF is set" if is_off else "no"
    by_us = active == environ.get("VENVHOOK_ACTIVE")
    how = "" if by_us else ", activated by hand"
    path = os.fsencode(active)
    if told.environment is not None and path == told.environment.path:
        return f"yes{how}"
    return f"another, {shown(path)}{how}"


def _version(environment: Environment) -> str:
    """Return the Python version that ``pyvenv.cfg`` says: venv's 'version', others' longer one."""
    config = environment.config
    version = config.get(b"version") or config.get(b"version_info") or b"unknown"
    return shown(version.removesuffix(b".final.0"))


def _table(rows: list[tuple[str, str]]) -> list[str]:
    return [f"{title:<14} {value}" for title, value in rows]
