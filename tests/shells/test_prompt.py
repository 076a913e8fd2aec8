"""The name before the prompt: shown as it is, never expanded, never twice, gone after leaving."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell

# What a prompt could take for something to expand. Where a name does expand, "pwned" is made.
NAMES = (
    "$(touch ~/pwned)",
    "`touch ~/pwned`",
    "a`touch ~/pwned`b$(touch ~/pwned)c",
    "$HOME ${HOME} ${HOME:-x} $((1+1)) $[1+1] ${(e)PS1} $'\\n' $",
    "\\$(touch ~/pwned) \\\\$(touch ~/pwned) \\`touch ~/pwned\\`",
    "\\044(touch ~/pwned) \\x24(touch ~/pwned) \\",
    "\\u \\w \\$ \\! \\# \\[x\\] \\n \\e[31m",
    "%n %m %~ %# %! %% %",
    "%{x%} %F{red}x%f %B %(!.a.b) %5<..<abcdefgh %D{%s} %1v",
    "$%(touch ~/pwned) $%{%}(touch ~/pwned) %$(touch ~/pwned)",
    "! !! !1 !$ !!!",
    "'it's' \"two\" {a,b} (x) [y] *? ~ & ; | < >",
    "${_VENVHOOK_SHOWN-} $PS1 & \\& \\1",
    "\u2603 \u00fcn\u00ef \u65e5\u672c\u8a9e \U0001f40d $x",
)
# Options that change what a prompt expands, and how they are set in the running shell.
OPTIONS = {
    "bash": ("shopt -{} promptvars", "su"),
    "zsh": ("{} prompt_subst", ("setopt", "unsetopt")),
}


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    return make_environment(home / "app/.venv")


def name(environment: Path, text: str) -> None:
    """Let *environment* be called *text*."""
    file = environment / "pyvenv.cfg"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("prompt")]
    # As virtualenv writes it: nothing is an escape in double quotes around a text without "'".
    quoted = f"'{text}'" if "\\" not in text else repr(text)
    file.write_text("\n".join([*lines, f"prompt = {quoted}"]) + "\n")


def children_of(home: Path) -> set[str]:
    """Return the names in *home*: what an expansion makes would be one more."""
    return {entry.name for entry in home.iterdir()}


# ---- What is in a name ---------------------------------------------------------------------------


@pytest.mark.parametrize("posix", [False, True], ids=["plain", "posix"])
def test_in_bash_no_name_is_ever_expanded(
    posix: bool, bash: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    if posix:
        terminal.run("set -o posix")
    terminal.run_file("PS1='\\a$(echo x)\\$ ready> '")
    before = terminal.value("PS1")
    there = children_of(home)
    for text, vars_first in itertools.product(NAMES, (True, False)):
        name(app, text)
        escaped = text
        for special in "\\$`":
            escaped = escaped.replace(special, "\\" + special)
        terminal.run(f"shopt -{'s' if vars_first else 'u'} promptvars")
        terminal.run("cd app")
        for on in (vars_first, not vars_first, vars_first):
            terminal.run(f"shopt -{'s' if on else 'u'} promptvars")
            # In posix mode bash expands what is in variables, promptvars or not.
            shown = text if on or posix else escaped
            assert terminal.prompt.startswith(f"({shown}) "), text
        assert terminal.value("VIRTUAL_ENV_PROMPT") == text.encode()
        terminal.run("cd ..")
        assert terminal.value("PS1") == before
    assert children_of(home) == there


def test_in_zsh_no_name_is_ever_expanded(
    zsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(zsh)
    terminal.run_file("PS1='ready> '")
    before = terminal.value("PS1")
    there = children_of(home)
    modes = list(itertools.product((True, False), repeat=3))

    def options(mode: tuple[bool, ...]) -> str:
        names = ("prompt_subst", "prompt_percent", "prompt_bang")
        return " ".join(f"{'-' if on else '+'}o {n}" for on, n in zip(mode, names, strict=True))

    for number, text in enumerate(NAMES):
        name(app, text)
        # Each name is met under another mode first, and goes through all.
        first = modes[number % 8]
        terminal.run(f"set {options(first)}")
        terminal.run("cd app")
        for mode in (first, *modes, first):
            terminal.run(f"set {options(mode)}")
            subst, percent, _bang = mode
            shown = text if subst else text.replace("`", "?")
            if not subst and not percent:
                shown = shown.replace("$", "?")
            assert terminal.prompt == f"({shown}) ", (text, mode)
        terminal.run("cd ..")
        assert terminal.value("PS1") == before
    assert children_of(home) == there


def test_in_zsh_an_option_set_after_the_hook_expands_nothing(
    zsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    # As a theme does that is loaded late: the hook does not come in between.
    terminal = open_terminal(zsh)
    there = children_of(home)
    for text in NAMES:
        name(app, text)
        for before, after in itertools.product((("+", "+"), ("-", "+"), ("+", "-")), repeat=2):
            terminal.run(f"set {before[0]}o prompt_subst {before[1]}o prompt_percent")
            terminal.run("cd app")
            late = f"set {after[0]}o prompt_subst {after[1]}o prompt_percent; print -rP -- $PS1"
            terminal.run(late)
            terminal.run("set +o prompt_subst -o prompt_percent")
            terminal.run("cd ..")
    assert children_of(home) == there


def test_in_fish_no_name_is_ever_expanded(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(fish)
    there = children_of(home)
    for text in NAMES:
        name(app, text)
        terminal.run("cd app")
        assert terminal.prompt == f"({text}) "
        assert terminal.value("VIRTUAL_ENV_PROMPT") == text.encode()
        terminal.run("cd ..")
        assert terminal.prompt == ""
    assert children_of(home) == there


def test_a_directorys_name_is_shown_without_what_would_act_on_the_terminal(
    shell: Shell, home: Path, make_environment: EnvironmentMaker, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.value("PS1")
    names = {
        b"$(touch pwned)": "$(touch pwned)",
        b"%n`x`!\\": "%n`x`!\\" if shell.name != "zsh" else "%n?x?!\\",
        b"\x1b]0;t\x07\x1b[31mred\x7f": "?]0;t??[31mred?",
        "\u202eback\u2069".encode(): "?back?",
        b"-n {a,b} 'q' \"r\"": "-n {a,b} 'q' \"r\"",
    }
    for directory, shown in names.items():
        project = home / os.fsdecode(directory)
        make_environment(project / ".venv")
        terminal.cd(project)
        assert terminal.prompt == f"({shown}) "
        terminal.run("cd ~")
        assert terminal.value("PS1") == before
        assert terminal.prompt == ""
    assert not list(home.rglob("pwned"))


# ---- Prompts that are made anew ------------------------------------------------------------------

# Lines before and after the one that loads venvhook; $BUILD is what sets the prompt.
PLACES = {
    "bash": {
        "before": ("PROMPT_COMMAND=build", ""),
        "after": ("", 'PROMPT_COMMAND="build;$PROMPT_COMMAND"'),
        "appended": ("", 'PROMPT_COMMAND="$PROMPT_COMMAND;build"'),
        # starship evaluates what was there, and sets PS1 then.
        "around": (
            "",
            'was=$PROMPT_COMMAND; around() { eval "$was"; build; }; PROMPT_COMMAND=around',
        ),
    },
    "zsh": {
        "function": ("precmd() { build; }", ""),
        "before": ("precmd_functions+=(build)", ""),
        "after": ("", "precmd_functions+=(build)"),
        "at cd": ("", "precmd_functions=(build $precmd_functions); chpwd_functions+=(build)"),
    },
}
# What such a prompt is, and whether it shows the environment itself.
BUILT = {
    "bash": {
        "plain": ("PS1='x ready> '", False),
        "its directory": ('PS1="<${PWD##*/}> (${PWD##*/}/) ready> "', False),
        "its own name": ('PS1="${VIRTUAL_ENV:+(${VIRTUAL_ENV##*/}) }x ready> "', True),
        "in colours": (r'PS1="${VIRTUAL_ENV:+[\[\e[31m\]app\[\e[0m\]] }x ready> "', True),
        "by a variable": ("PS1='${VIRTUAL_ENV:+(app) }x ready> '", True),
        "by a function": ("PS1='$(virtualenv_info)x ready> '", True),
    },
    "zsh": {
        "plain": ("PS1='x ready> '", False),
        "its directory": ('PS1="<${PWD:t}> (${PWD:t}/) ready> "', False),
        "its own name": ('PS1="${VIRTUAL_ENV:+(${VIRTUAL_ENV:t}) }x ready> "', True),
        "in colours": (
            'PS1=\'x ready> \'; [ -z "$VIRTUAL_ENV" ] || PS1="[%F{red}app%f] $PS1"',
            True,
        ),
        "by a variable": ("setopt prompt_subst; PS1='${VIRTUAL_ENV:+(app) }x ready> '", True),
        "by a function": ("setopt prompt_subst; PS1='$(virtualenv_info)x ready> '", True),
    },
}
_FUNCTION = '\nvirtualenv_info() { if [ -n "$VIRTUAL_ENV" ]; then echo "(app) "; fi; }\n'


def times_shown(prompt: str) -> int:
    """Return how often *prompt* shows the environment of app."""
    plain = re.sub(r"\x1b\[\d*m", "", prompt)
    return sum(plain.count(text) for text in ("(app) ", "(.venv) ", "[app] "))


@pytest.mark.parametrize(
    ("which", "place"), [(which, place) for which in PLACES for place in PLACES[which]]
)
def test_a_prompt_made_anew_each_time_keeps_the_name_or_never_has_it(
    which: str,
    place: str,
    app: Path,
    open_terminal: OpenTerminal,
    request: pytest.FixtureRequest,
) -> None:
    (app.parent / "src").mkdir()
    shell: Shell = request.getfixturevalue(which)
    before, after = PLACES[which][place]
    load = shell.load_line("$HOME/../venvhook").replace("'", "")
    functions = _FUNCTION + 'build() { eval "$built"; }\nbuilt="PS1=\'x ready> \'"\n'
    terminal = open_terminal(shell, f"{functions}{before}\n{load}\n{after}")
    for kind, (build, own) in BUILT[which].items():
        terminal.run_file(f"built={shell.word(build)}")
        assert times_shown(terminal.prompt) == 0, kind
        plain = terminal.value("PS1")
        seen = []
        for line in ("cd app", "echo", "cd src", "echo", "cd ..", "echo", "echo"):
            terminal.run(line)
            seen.append(times_shown(terminal.prompt))
        assert seen == [1] * 7 if own else len(set(seen)) == 1, (kind, seen)
        assert seen[0] <= 1
        terminal.run("cd ..")
        # What bash runs before the hook has made its prompt before the environment is left.
        if not (own and which == "bash" and place == "after"):
            assert times_shown(terminal.prompt) == 0, kind
        terminal.run("echo")
        assert times_shown(terminal.prompt) == 0, kind
        assert terminal.value("PS1") == plain
