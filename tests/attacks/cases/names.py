"""Names of projects, chosen by somebody who wants them run; with environments in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import standing_in
from attacks.stage import Stage

# Where a shell expands most in what it shows.
GROUP = Group(
    "names",
    setup={"bash": "shopt -s promptvars", "zsh": "setopt prompt_subst prompt_percent prompt_bang"},
)

# By what it tries: the name of a project directory. No '/' and no NUL, which no name can hold.
NAMES: dict[str, bytes] = {
    "spaces": b" a  b ",
    "single quote": b"it's",
    "single quotes": b"''",
    "double quotes": b'"double"',
    "substitution": b"$(pwn)",
    "substitution in double quotes": b'"$(pwn)"',
    "backticks": b"`pwn`",
    "variable": b"${IFS}pwn${PATH}",
    "arithmetic": b"$((a[$(pwn)]))",
    "subscript": b"a[$(pwn)]",
    "semicolon": b"; pwn;",
    "background": b"& pwn &",
    "pipe": b"| pwn",
    "end of a single quote": b"'; pwn; '",
    "end of a double quote": b'"; pwn; "',
    "end of a quote by a backslash": b"\\'; pwn; \\'",
    "ansi-c quote": b"$'\\x27; pwn'",
    "group": b"(pwn)",
    "fish substitution": b"(pwn)$()",
    "braces": b"{pwn,-x}",
    "here string": b"<<< $(pwn)",
    "process substitution": b"<(pwn)",
    "redirect": b"> canary",
    "newline": b"line\nbreak",
    "newline alone": b"\n",
    "newline at the end": b"trailing\n",
    "command between newlines": b"\npwn\n",
    "carriage return": b"over\rwritten",
    "tab": b"tab\tstop",
    "percent codes": b"%n%m%#%(?.a.b)%{x%}",
    "percent with a command": b"%$(pwn)%",
    "one percent": b"%",
    "printf format": b"%s%s%n%99999d",
    "history": b"!! !$ ^a^b",
    "backslash": b"\\",
    "backslash at the end": b"trailing\\",
    "prompt escapes": b"\\u0041\\x41\\n\\w\\$\\[\\]",
    "octal escape": b"\\044(pwn)",
    "option": b"-rf",
    "two dashes": b"--",
    "dash": b"-",
    "tilde": b"~root",
    "comment": b"#hash",
    "globs": b"*?[a-z]",
    "equals": b"=ls",
    "assignment": b"PATH=pwn",
    "our own prompt": b"(app) ready> ",
    "our own message": b"venvhook: trusted",
    "title sequence": b"\x01\x1b]0;title\x07",
    "colour sequence": b"\x1b[31mred\x1b[0m",
    "clear the screen": b"\x1b[2J\x1b[H",
    "delete and C1": b"\x7f\x80\x9b31m",
    "C1 in UTF-8": "\u009b31m\u0085".encode(),
    "bell and backspace": b"\x07\x08\x08\x08",
    "not UTF-8": b"\xff\xfe\xc3",
    "half a character": b"\xe2\x82",
    "other letters": "ünïcödé-日本語".encode(),
    "bidirectional marks": "\u202ereversed\u2066x".encode(),
    "line separator": "a\u2028b\u2029c".encode(),
    "curly quotes": "\u2018'; pwn; \u2019".encode(),
    "255 bytes": b"x" * 255,
    "like a recipe": b"venvhook.recipe.sh",
    "like a recipe of fish": b"venvhook.recipe.fish",
    "like a decision": b"venvhook.decision",
    "like a denial": b"venvhook.deny",
    "like a token": b".venvhook",
    "like a marker": b".venv",
    "like a program": b"python",
}


# No maker writes these down, so an environment there has been moved.
UNWRITABLE = ("our own message", "delete and C1", "not UTF-8", "half a character")
# A maker writes these so that they read as something else.
AWKWARD = (
    *("carriage return", "newline", "newline alone", "newline at the end"),
    "command between newlines",
)


def _own(name: str) -> Callable[[Stage], None]:
    """Return the case of one's own environment in a project of that *name*."""

    def act(stage: Stage) -> None:
        if name in UNWRITABLE:
            plain = stage.build.own("plain").parent
            stage.visit(plain.rename(stage.home / os.fsdecode(NAMES[name])), None)
            return
        environment = stage.build.own(NAMES[name])
        if name in AWKWARD:
            stage.visit_either(environment.parent, environment)
        else:
            stage.visit(environment.parent, environment)

    return act


def _foreign(name: bytes) -> Callable[[Stage], None]:
    """Return the case of a stranger's environment in a project called *name*."""

    def act(stage: Stage) -> None:
        environment = stage.build.foreign(name)
        stage.visit(environment.parent, None)

    return act


for _name, _bytes in NAMES.items():
    GROUP.add(f"own: {_name}", _own(_name))
    GROUP.add(f"stranger's: {_name}", _foreign(_bytes), by_turns=True)


@GROUP.case
def _a_colon(stage: Stage) -> None:
    environment = stage.build.own("plain")
    root = environment.parent.rename(stage.home / "a:b$(pwn)")
    stage.visit(root, None)


@GROUP.case
def _a_stranger_s_colon(stage: Stage) -> None:
    environment = stage.build.foreign(b"a:/bin:b")
    stage.visit(environment.parent, None)


def _deep(directory: Path, length: int) -> list[str]:
    """Make directories below *directory* whose path is *length* bytes long; return their names."""
    steps = []
    left = length - len(os.fsencode(directory))
    while left > 0:
        step = min(left - 1, 200)
        step -= 2 if 0 < left - 1 - step < 2 else 0
        steps.append("d" * step)
        left -= step + 1
    with standing_in(directory):
        for name in steps:
            Path(name).mkdir()
            os.chdir(name)
    return steps


@GROUP.case
def _a_path_close_to_the_limit(stage: Stage) -> None:
    root = stage.home.joinpath(*_deep(stage.home, 3900))
    environment = stage.build.genuine(root / ".venv")
    stage.visit(root, environment)


@GROUP.case
def _an_environment_past_the_limit(stage: Stage) -> None:
    # The directory can still be named, what would be in its environment cannot.
    root = stage.home.joinpath(*_deep(stage.home, 4085))
    with standing_in(root):
        Path(".venv/bin").mkdir(parents=True)
        Path(".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    stage.cd(root)
    stage.expect(None)
    stage.prompt()
    stage.expect(None, 0)
    stage.leave()
    stage.outcome = "refused"


@GROUP.case
def _a_path_past_the_limit(stage: Stage) -> None:
    environment = stage.build.own()
    steps = _deep(environment.parent, 5000)
    stage.cd(environment.parent)
    stage.expect(environment)
    # By relative steps, as far as the shell goes.
    for step in steps:
        stage.cd(step, noisy=True)
    stage.leave()
    stage.cd(environment.parent)
    stage.expect(environment)
    stage.outcome = "active"


def _in_locale(locale: str, name: str) -> None:
    """Add the case of shells in *locale* and a project of that *name*."""

    def act(stage: Stage) -> None:
        own = stage.build.own(NAMES[name])
        stage.open(environ={"LC_ALL": locale, "LANG": locale})
        stage.visit(own.parent, own)
        (stage.home / "theirs").mkdir()
        foreign = stage.build.foreign(b"theirs/" + NAMES[name])
        stage.visit(foreign.parent, None)

    GROUP.add(f"in {locale}: {name}", act)


for _locale in ("C", "C.UTF-8", "xx_YY.nonsense"):
    for _name in ("other letters", "bidirectional marks", "curly quotes", "substitution"):
        _in_locale(_locale, _name)
