"""Other tools in startup files that change PATH or the prompt, or activate environments themselves.

What is said of each was tried in real shells, or stands in its source: pyenv with pyenv-virtualenv,
and what else puts itself first on PATH, direnv and mise, each in either order of loading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .diagnosis import ERROR, OK, WARNING, Finding, Part
from .startup import Line, Startup

_BEFORE = "put it before the line of venvhook"
# A command of the line's own, in no function: where it begins, or behind a condition.
_AT_START = r"^(?:\[.*\]\s*&&\s*)?"


@dataclass(frozen=True)
class Place:
    """Where a tool is loaded into *shell*: at *line*, *after* the hook or not (None: no hook)."""

    shell: str
    line: Line
    after: bool | None


# The status, what is said after the tool's name, and what to do.
Verdict = tuple[str, str, str]


@dataclass(frozen=True)
class Tool:
    """A tool: its *name*, what its line looks like, its *plugins* of oh-my-zsh, and its verdict."""

    name: str
    pattern: str
    judge: Callable[[Place], Verdict]
    plugins: tuple[str, ...] = ()


def _harmless(text: str) -> Callable[[Place], Verdict]:
    return lambda _place: (OK, text, "")


def _direnv(place: Place) -> Verdict:
    if place.shell == "fish":
        # There it acts at prompts alone.
        what = "beside an environment of the project's, what a .envrc sets counts one prompt late"
        return WARNING, what, "'venvhook ignore' such a project, or take it out of its .envrc"
    return OK, "an environment that a .envrc sets is left alone", ""


def _activates(_place: Place) -> Verdict:
    what = "activates environments itself on cd, and asks nobody whether they may be trusted"
    return WARNING, what, "keep one of the two: take this out, or 'venvhook uninstall'"


def _activated(_place: Place) -> Verdict:
    what = "an environment is active in every shell, so venvhook does nothing"
    return WARNING, what, "take this line out"


def _editor(_place: Place) -> Verdict:
    what = "activates what is selected there in its terminals, and venvhook leaves that alone"
    advice = "take this out, and set python-envs.terminal.autoActivationType to off"
    return WARNING, what, advice


def _overwrites(place: Place) -> Verdict:
    if not place.after:
        return OK, "comes before the line of venvhook", ""
    return ERROR, "is set anew, which throws venvhook's hook out", f"{_BEFORE}, or add to it"


_SHIMS = _harmless("changes PATH; what is active goes before it, in either order")
# Each says so itself, or the hook knows it, in whatever order they are loaded.
_PROMPT = _harmless("shows the environment itself, so venvhook does not")

TOOLS = (
    Tool("direnv", r"\bdirenv(?:\.exe)?[\"']?\s+hook\b", _direnv, ("direnv",)),
    Tool("starship", r"\bstarship(?:\.exe)?[\"']?\s+init\b", _PROMPT, ("starship",)),
    Tool("oh-my-posh", r"\boh-my-posh(?:\.exe)?[\"']?\s+init\b", _PROMPT),
    Tool("powerlevel10k", r"\bp10k-instant-prompt\b", _harmless("venvhook's line prints nothing")),
    Tool(
        "conda",
        r"\bshell\.\w+['\"]?\s+['\"]?hook\b|/conda\.(?:sh|fish)\b|\bmamba\S*\s+shell\s+hook\b",
        _harmless("'base' counts as none, another environment is left alone until you deactivate"),
    ),
    Tool("pyenv", r"\bpyenv[\"']?\s+init\b", _SHIMS, ("pyenv",)),
    Tool(
        "pyenv-virtualenv",
        r"\bpyenv[\"']?\s+virtualenv-init\b",
        _harmless("what it activates, by a .python-version, is left alone"),
    ),
    Tool(
        "mise",
        r"\b(?:mise|rtx)[\"']?\s+activate\b",
        _harmless("what its '_.python.venv' activates is left alone; else it changes PATH behind"),
        ("mise", "rtx"),
    ),
    Tool("asdf", r"/asdf\.(?:sh|fish|ps1)\b|\basdf/shims\b|\.asdf/shims\b", _SHIMS, ("asdf",)),
    Tool(
        "virtualenvwrapper",
        r"\bvirtualenvwrapper(?:_lazy)?\.sh\b",
        _harmless("what 'workon' activates is left alone until you deactivate it"),
    ),
    Tool(
        "autoswitch_virtualenv",
        r"\bautoswitch[-_]virtualenv\b",
        _activates,
        ("autoswitch_virtualenv", "zsh-autoswitch-virtualenv"),
    ),
    Tool("pyautoenv", r"\bpyautoenv\b", _activates, ("pyautoenv",)),
    Tool("autoenv", r"\bautoenv(?:/|\.sh\b|\.zsh\b|_init\b)", _activates, ("autoenv",)),
    Tool("virtualfish", r"\bauto_activation\b", _activates),
    Tool("oh-my-zsh's poetry-env", r"(?!)", _activates, ("poetry-env",)),
    Tool("bin/activate", rf"{_AT_START}(?:source|\.)\s+\S+/bin/activate\b", _activated),
    Tool("conda activate", rf"{_AT_START}(?:conda|\w*mamba)\s+activate\s+(?!base\b)\S", _activated),
    Tool("pyenv activate", rf"{_AT_START}pyenv\s+activate\b", _activated),
    Tool("workon", rf"{_AT_START}workon\s+\S", _activated),
    Tool("VS Code", r"\bVSCODE_\w*ACTIVATE\b", _editor),
)
# What a plugin of oh-my-zsh does on cd, unless a line says otherwise.
_UNLESS = {
    "virtualenvwrapper": r"\bDISABLE_VENV_CD=1\b",
    "pipenv": r":omz:plugins:pipenv.*\bauto-shell\s+no\b",
}
# And what only a line switches on.
_IF = {"python": r"\bPYTHON_AUTO_VRUN=true\b"}

# At the beginning of a line, so in no function; and not with its old value in the new one.
_OVERWRITTEN = {
    "bash": ("PROMPT_COMMAND", r"^(?:export\s+)?PROMPT_COMMAND=(?!.*PROMPT_COMMAND)"),
    "zsh": ("precmd_functions", r"^precmd_functions=(?!.*precmd_functions)"),
}


def find_clashes(startup: Startup) -> Iterator[Finding]:
    """Yield a finding for each tool in *startup*, in the order of the table."""
    scene = _Scene(startup)
    plugins = scene.plugins()
    for tool in TOOLS:
        found = scene.first(tool.pattern)
        names = [name for name in tool.plugins if name in plugins]
        if found is None and names:
            found = plugins[names[0]]
        if found is not None:
            yield scene.finding(tool.name, tool.judge, *found)
    for name, found in plugins.items():
        if name in _UNLESS and scene.first(_UNLESS[name]) is None:
            yield scene.finding(f"oh-my-zsh's {name}", _activates, *found)
        if name in _IF and scene.first(_IF[name]) is not None:
            yield scene.finding(f"oh-my-zsh's {name}", _activates, *found)
    if startup.shell.name in _OVERWRITTEN:
        name, pattern = _OVERWRITTEN[startup.shell.name]
        last = scene.last(pattern)
        if last is not None:
            yield scene.finding(name, _overwrites, *last)


class _Scene:
    """The startup of one shell, searched."""

    def __init__(self, startup: Startup) -> None:
        self._shell = startup.shell.name
        self._commands = [
            (at, line, line.text.decode("utf-8", "replace")) for at, line in startup.commands()
        ]
        loadings = startup.loadings()
        self._hook = loadings[-1][0] if loadings else None

    def first(self, pattern: str) -> tuple[int, Line] | None:
        """Return the first line that *pattern* is found in, with its place, or None."""
        return next(iter(self._matching(pattern)), None)

    def last(self, pattern: str) -> tuple[int, Line] | None:
        """Return the last line that *pattern* is found in, with its place, or None."""
        return next(reversed(self._matching(pattern)), None)

    def _matching(self, pattern: str) -> list[tuple[int, Line]]:
        search = re.compile(pattern).search
        return [(at, line) for at, line, text in self._commands if search(text)]

    def plugins(self) -> dict[str, tuple[int, Line]]:
        """Return the plugins of oh-my-zsh that are named, each with the place where it is loaded.

        They are where oh-my-zsh is; the line is the one that names the plugin.
        """
        source = self.first(r"\boh-my-zsh\.sh\b")
        found: dict[str, tuple[int, Line]] = {}
        if self._shell != "zsh" or source is None:
            return found
        inside = False
        for _at, line, text in self._commands:
            begins = re.match(r"\s*plugins\+?=\(", text)
            inside = inside or begins is not None
            if not inside:
                continue
            words, closed, _ = text[begins.end() if begins else 0 :].partition(")")
            for name in words.partition("#")[0].split():
                found.setdefault(name, (source[0], line))
            inside = not closed
        return found

    def finding(self, name: str, judge: Callable[[Place], Verdict], at: int, line: Line) -> Finding:
        """Return what *judge* says of the tool *name* at *line*."""
        after = None if self._hook is None else at > self._hook
        status, what, advice = judge(Place(self._shell, line, after))
        text: tuple[Part, ...] = (f"{name} (", line.file, f":{line.number}): {what}")
        hint = (advice,) if advice else ()
        return Finding(self._shell, status, text, hint, line.file, line.number)
