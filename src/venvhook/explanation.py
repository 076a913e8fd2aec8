"""Is an environment used here, and why or why not: found as the hook finds it, from the same parts.

Nothing is decided by it and no token planted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .config import Settings, explain_settings
from .decision import ALLOWED, OWN, Decision, State, existing_state, read_token
from .environment import BIN, PYTHON, Doubt, Environment, Unusable, examine
from .errors import shown
from .evidence import TITLES, Finding, finding, honesty
from .ignoring import ignored_line
from .project import Project
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
OK, NO, ASIDE, NOT_ASKED = "ok", "no", "set aside", "not asked"
_NOT_ALLOWED = Doubt("has not been allowed")


@dataclass(frozen=True)
class Answer:
    """What is said of one condition.

    *title* is what a user calls it; *state* is OK, NO, ASIDE or NOT_ASKED, with a *note* on why;
    *evidence* is what was found.
    """

    title: str
    state: str
    evidence: str = ""
    note: str = ""

    @property
    def verdict(self) -> str:
        """All of it in one line."""
        state = f"{self.state} ({self.note})" if self.note else self.state
        return f"{state}: {self.evidence}" if self.evidence else state


@dataclass(frozen=True)
class Explanation:
    """All there is to say about *project*.

    *origin* is where the setting of trust comes from. *how* its environment was accepted is OWN,
    ALLOWED or UNASKED, empty where it was not; *accepted* is that in words; *answers* are those of
    the conditions; *refusal* is the line that the hook says, or empty where it is used. *denied*:
    the user denied it, and the hook says nothing.
    """

    project: Project
    settings: Settings
    origin: str
    environment: Environment | None = None
    accepted: str = "no"
    answers: tuple[Answer, ...] = ()
    refusal: str = ""
    how: bytes = b""
    denied: bool = False

    @property
    def is_used(self) -> bool:
        """Whether there is an environment that is used."""
        return self.environment is not None and not self.refusal


def explain(project: Project, environ: Mapping[str, str]) -> Explanation:
    """Return what there is to say about *project*. Raises VenvhookError for bad settings."""
    told = _explain(project, environ)
    if project.ignored is None:
        return told
    return replace(told, refusal=ignored_line(project.ignored))


def _explain(project: Project, environ: Mapping[str, str]) -> Explanation:
    """Return what there would be to say about *project* if it were not ignored."""
    settings, origin = explain_settings(environ)
    marker = project.marker
    if marker is None:
        return Explanation(project, settings, origin)
    state = existing_state(environ)
    try:
        if marker.environment is None:
            raise marker.reason or Unusable("is no environment")
        environment = examine(marker.environment)
        look = Look(environment, marker.path, marker.root)
    except Unusable as reason:
        line = f"{shown(project.environment)}: {reason.reason}"
        answers = _answers_of_none(Answer("whole", NO, reason.reason))
        return Explanation(project, settings, origin, None, "no", answers, line)
    except Doubt as doubt:
        answers = _answers_of_none(Answer("whole", OK), Answer(TITLES[HELD], NO, doubt.what))
        line = message(Verdict((), doubt, WHOLE), doubt, project.root, marker.path)
        return Explanation(project, settings, origin, environment, "no", answers, line)
    case = Case(look, settings, state)
    line = ""
    if case.verdict.doubt is not None:
        line = message(case.verdict, case.verdict.doubt, project.root, marker.path)
    answers = (Answer("whole", OK, _interpreter(environment)), *case.answers())
    how = b"" if case.decision is None else case.decision.how
    denied = case.verdict.silent
    return Explanation(
        project, settings, origin, environment, case.accepted(), answers, line, how, denied
    )


def _interpreter(environment: Environment) -> str:
    """Return where the interpreter of *environment* leads."""
    return f"its Python is {shown(os.path.realpath(os.path.join(environment.path, BIN, PYTHON)))}"


def _answers_of_none(*first: Answer) -> tuple[Answer, ...]:
    """Return *first*, and that the other conditions were not asked."""
    rest = list(TITLES.values())[len(first) - 1 :]
    return (*first, *(Answer(title, NOT_ASKED) for title in rest))


class Case:
    """One environment that is whole, with what the conditions find and what was decided.

    *verdict* is that of ``trust.judge``, and *decision* what stands about it.
    """

    def __init__(self, look: Look, settings: Settings, state: State | None) -> None:
        self.look = look
        self.settings = settings
        self.state = state
        self._found: dict[bytes, Finding] = {}
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
            cause = self.finding(name).cause
            if cause is not None:
                return refused(name, cause, self.decision)
        return Verdict(())

    def _is_under(self) -> bool:
        return self.state is not None and self.state.is_under(self.look.real)

    @cached_property
    def honest(self) -> bool | None:
        """Whether its file system keeps change times of its own, as ``evidence.honesty``."""
        return honesty(self.look, self.state)

    def finding(self, name: bytes) -> Finding:
        """Return what the condition *name* finds, looked for once."""
        if name not in self._found:
            honest = name != BIRTH or self.honest is not False
            self._found[name] = finding(name, self.look, honest)
        return self._found[name]

    def answers(self) -> list[Answer]:
        """Return what is said of the conditions."""
        return [self._answer(self.finding(name)) for name in TITLES]

    def _answer(self, found: Finding) -> Answer:
        if found.cause is None:
            unsure = found.name == BIRTH and self.honest is None and self.decision is None
            limit = " (as far as can be told without writing there)" if unsure else ""
            return Answer(found.title, OK, found.evidence + limit)
        if found.name in self.asked:
            return Answer(found.title, NO, found.evidence)
        if self.decision is not None and found.name not in self.decision.aside:
            return Answer(found.title, NOT_ASKED, found.evidence, "accepted before")
        if self.decision is None and self.settings.trust == "all":
            return Answer(found.title, NOT_ASKED, found.evidence, 'trust = "all"')
        note = "venvhook allow --under" if self.decision is None else ""
        return Answer(found.title, ASIDE, found.evidence, note)

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
