"""The name that ``pyvenv.cfg`` gives an environment, shown in a prompt that expands all it can."""

from __future__ import annotations

from collections.abc import Callable

from attacks.case import Group
from attacks.cases.names import NAMES
from attacks.stage import Stage

GROUP = Group(
    "prompts",
    setup={"bash": "shopt -s promptvars", "zsh": "setopt prompt_subst prompt_percent prompt_bang"},
)

MADE_BY_VENV = (
    *("substitution", "backticks", "variable", "arithmetic", "subscript", "semicolon", "group"),
    *("single quote", "double quotes", "end of a single quote", "percent codes"),
    *("percent with a command", "printf format", "history", "prompt escapes", "octal escape"),
    *("title sequence", "colour sequence", "newline", "carriage return", "bidirectional marks"),
    *("our own prompt", "other letters"),
)
# Written into the file as they are, which no maker does.
WRITTEN: dict[str, bytes] = {
    "bytes of control": b"\x1b]0;title\x07\x1b[31m\x9b31m",
    "not UTF-8": b"\xff\xfe\xc3",
    "escaped by Python": b"'\\x1b]0;title\\x07\\u202e$(pwn)'",
    "escaped, with a newline": b"'a\\npwn\\n'",
    "surrogates": b"'\\ud800\\udc00\\udcff'",
    "names of characters": b"'\\N{ESCAPE}[31m'",
    "a huge escape": b"'\\U7fffffff'",
    "half an escape": b"'\\x'",
    "quote alone": b"'",
    "empty in quotes": b"''",
    "60,000 bytes": b"x" * 60_000,
    "60,000 calls": b"$(pwn)" * 10_000,
    "NULs": b"a\0b$(pwn)",
    "bidirectional marks": "\u202ereversed\u2069".encode(),
}


# What these do to the rest of the file may be a reason not to use it.
AWKWARD = ("carriage return", "newline", "NULs")


def _made(name: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        prompt = NAMES[name].decode()
        environment = stage.build.genuine(stage.build.project() / ".venv", prompt=prompt)
        visit = stage.visit_either if name in AWKWARD else stage.visit
        visit(environment.parent, environment)

    return act


def _written(name: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        environment = stage.build.own()
        with (environment / "pyvenv.cfg").open("ab") as file:
            file.write(b"prompt = " + WRITTEN[name] + b"\n")
        visit = stage.visit_either if name in AWKWARD else stage.visit
        visit(environment.parent, environment)

    return act


for _name in MADE_BY_VENV:
    GROUP.add(f"--prompt: {_name}", _made(_name))
for _name in WRITTEN:
    GROUP.add(f"written: {_name}", _written(_name))


@GROUP.case
def _a_hostile_prompt_of_virtualenv(stage: Stage) -> None:
    root = stage.build.project()
    environment = stage.build.genuine(root / ".venv", "virtualenv", "$(pwn)`pwn`%n")
    stage.visit(root, environment)


@GROUP.case
def _a_hostile_prompt_of_uv(stage: Stage) -> None:
    root = stage.build.project()
    environment = stage.build.genuine(root / ".venv", "uv", "$(pwn)`pwn`%n")
    stage.visit(root, environment)
