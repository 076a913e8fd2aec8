"""Prompts that people have, real where they can be installed: the environment is shown once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

# What tests/run installs: files of packages, and where its own programs are.
LIQUIDPROMPT = Path("/usr/share/liquidprompt/liquidprompt")
POWERLEVEL9K = Path("/usr/share/powerlevel9k/powerlevel9k.zsh-theme")
GIT_PROMPTS = (
    Path("/usr/lib/git-core/git-sh-prompt"),
    Path("/usr/share/git-core/contrib/completion/git-prompt.sh"),
    Path("/Library/Developer/CommandLineTools/usr/share/git-core/git-prompt.sh"),
)
PLACES = ("before", "after")
# Not 'dumb', where starship shows nothing.
ENVIRON = {"TERM": "linux"}


@pytest.fixture(autouse=True)
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME, with a directory below it."""
    (home / "app/src").mkdir(parents=True)
    return make_environment(home / "app/.venv")


def starship() -> str:
    """Return where starship is: of this checkout's tests, or on PATH."""
    own = CHECKOUT / ".tests/prompts/bin/starship"
    found = str(own) if own.exists() else shutil.which("starship")
    if found is None:
        go_without("starship")
    return found


def lines_around(shell: Shell, theme: str, place: str) -> str:
    """Return rc text with the lines *theme* before or after the one that loads venvhook."""
    load = shell.load_line("$HOME/../venvhook").replace("'", "")
    return "\n".join([theme, load] if place == "before" else [load, theme])


def times_shown(terminal: Terminal) -> int:
    """Return how often the prompt of *terminal* names the environment; paths are not counted."""
    plain = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[(][0B])|\x0f|\x00", "", terminal.prompt)
    return len(re.findall(r"(?<![/\w])(?:app|\.venv)", plain))


def visits(terminal: Terminal) -> Iterator[tuple[str, int]]:
    """Enter, stay, go on, leave, enter, deactivate; yield each line and how often it is shown."""
    for line in ("cd app", "echo", "cd src", "cd ..", "echo", "cd ..", "echo", "cd app/src"):
        terminal.run(line)
        yield line, times_shown(terminal)
    for line in ("deactivate", "echo"):
        terminal.run(line)
        yield line, times_shown(terminal)


INSIDE_ONCE = [1, 1, 1, 1, 1, 0, 0, 1, 0, 0]
NEVER = [0] * 10


# ---- Real ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_starship_shows_the_environment_once(
    place: str, shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    program = starship()
    (home / ".config").mkdir(exist_ok=True)
    (home / ".config/starship.toml").write_text(
        "add_newline = false\nformat = '$directory$python$character'\n"
        "[character]\nformat = 'ready> '\n"
        "[python]\nformat = 'via (\\($virtualenv\\) )'\n"
    )
    init = f"{program} init {shell.name}"
    environ = {} if shell.name == "fish" else ENVIRON
    theme = f'eval "$({init})"'
    if shell.name == "fish":
        # These tests can wait for fish's prompt only on a terminal that starship is not for.
        full = f"{init} --print-full-init"
        theme = f"{full} | string replace -a {program} 'env TERM=linux {program}' | source"
    terminal = open_terminal(shell, lines_around(shell, theme, place), environ=environ)
    assert [shown for _line, shown in visits(terminal)] == INSIDE_ONCE
    # It is starship that says so, in its own words.
    terminal.run("cd ~")
    terminal.run("cd app")
    assert "via (" in terminal.prompt


@pytest.mark.parametrize("place", PLACES)
def test_liquidprompt_shows_the_environment_once(
    place: str, posix_shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    if not LIQUIDPROMPT.exists():
        go_without("liquidprompt")
    (home / ".config").mkdir(exist_ok=True)
    (home / ".config/liquidpromptrc").write_text("LP_MARK_DEFAULT='ready>'\nLP_ENABLE_TITLE=0\n")
    theme = f"LP_MARK_DEFAULT='ready>' LP_PS1_POSTFIX='ready> '\n. {LIQUIDPROMPT}"
    terminal = open_terminal(posix_shell, lines_around(posix_shell, theme, place), environ=ENVIRON)
    assert [shown for _line, shown in visits(terminal)] == INSIDE_ONCE


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("segment", ["virtualenv", "no such"])
def test_powerlevel9k_shows_the_environment_once(
    place: str, segment: str, zsh: Shell, open_terminal: OpenTerminal
) -> None:
    if not POWERLEVEL9K.exists():
        go_without("zsh-theme-powerlevel9k")
    elements = "virtualenv custom_end" if segment == "virtualenv" else "custom_end"
    theme = f"""
POWERLEVEL9K_IGNORE_TERM_COLORS=true POWERLEVEL9K_LEFT_SEGMENT_SEPARATOR=
POWERLEVEL9K_PYTHON_ICON='<' POWERLEVEL9K_CUSTOM_END="echo 'ready> '"
POWERLEVEL9K_LEFT_PROMPT_ELEMENTS=({elements}) POWERLEVEL9K_DISABLE_RPROMPT=true
POWERLEVEL9K_WHITESPACE_BETWEEN_LEFT_SEGMENTS= POWERLEVEL9K_LEFT_SEGMENT_END_SEPARATOR=
. {POWERLEVEL9K}
"""
    terminal = open_terminal(zsh, lines_around(zsh, theme, place), environ=ENVIRON)
    # It makes the prompt anew before the hook or after it, so the name is shown always or never.
    wanted = NEVER if segment != "virtualenv" and place == "after" else INSIDE_ONCE
    assert [shown for _line, shown in visits(terminal)] == wanted


@pytest.mark.parametrize("place", PLACES)
def test_gits_prompt_command_keeps_the_name_or_never_has_it(
    place: str, bash: Shell, open_terminal: OpenTerminal
) -> None:
    found = next((file for file in GIT_PROMPTS if file.exists()), None)
    if found is None:
        go_without("git-sh-prompt")
    call = """__git_ps1 "\\u:\\w" " ready> \""""
    theme = f". {found}\nPROMPT_COMMAND='{call}'${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"
    terminal = open_terminal(bash, lines_around(bash, theme, place), environ=ENVIRON)
    shown = [shown for _line, shown in visits(terminal)]
    # What comes after the hook sets the prompt; with stock activate it is the same.
    assert shown == (NEVER if place == "before" else INSIDE_ONCE)


# ---- What others do, in a few lines --------------------------------------------------------------

# By shell and theme: what it does about the prompt, and whether it shows the environment itself.
_LIKE: dict[str, dict[str, tuple[str, bool]]] = {
    "bash": {
        # Sets promptvars at each prompt, and takes it back while it makes its own.
        "oh-my-posh": (
            """
export VIRTUAL_ENV_DISABLE_PROMPT=1
primary() { [ -z "$VIRTUAL_ENV" ] || printf '<%s> ' "${VIRTUAL_ENV##*/}"; printf 'ready> '; }
_omp_hook() { PS1='$(primary)'; shopt -s promptvars; }
PROMPT_COMMAND=(_omp_hook "${PROMPT_COMMAND[@]}")
""",
            True,
        ),
        # One of old, which does not say that the name is not wished.
        "oh-my-posh of old": (
            """
primary() { [ -z "$VIRTUAL_ENV" ] || printf '<%s> ' "${VIRTUAL_ENV##*/}"; printf 'ready> '; }
_omp_hook() { PS1='$(primary)'; shopt -s promptvars; }
PROMPT_COMMAND="_omp_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
""",
            True,
        ),
        "powerline": (
            """
VIRTUAL_ENV_DISABLE_PROMPT=1
_powerline_set_prompt() { PS1="${VIRTUAL_ENV:+ ${VIRTUAL_ENV##*/} }ready> "; }
PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND;}_powerline_set_prompt"
""",
            True,
        ),
        "bash-it": (
            r"""
virtualenv_prompt() { [ -z "$VIRTUAL_ENV" ] || virtualenv="[${VIRTUAL_ENV##*/}] "; }
prompt_command() { local virtualenv=; virtualenv_prompt; PS1="\[\e[32m\]${virtualenv}ready> "; }
PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND;}prompt_command"
""",
            True,
        ),
        "bash-preexec": (
            """
precmd_functions=(starship_precmd)
starship_precmd() { PS1="${VIRTUAL_ENV:+via ${VIRTUAL_ENV##*/} }ready> "; }
invoke() { local f; for f in "${precmd_functions[@]}"; do "$f"; done; }
PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND;}invoke"
""",
            True,
        ),
    },
    "zsh": {
        "oh-my-zsh with its virtualenv plugin": (
            """
setopt prompt_subst
export VIRTUAL_ENV_DISABLE_PROMPT=1
virtualenv_prompt_info() { [[ -z $VIRTUAL_ENV ]] || print "[${VIRTUAL_ENV:t}] "; }
PROMPT='$(virtualenv_prompt_info)ready> '
""",
            True,
        ),
        "oh-my-zsh without it": (
            "setopt prompt_subst\nPROMPT='$(git_info)ready> '\ngit_info() :",
            False,
        ),
        # agnoster: shows it only where stock activate does not.
        "agnoster": (
            """
setopt prompt_subst
prompt_virtualenv() {
  [[ -z $VIRTUAL_ENV || -z $VIRTUAL_ENV_DISABLE_PROMPT ]] || print -n "(${VIRTUAL_ENV:t}) "
}
build_prompt() { prompt_virtualenv; print -n 'ready> '; }
PROMPT='%f%b$(build_prompt)'
""",
            False,
        ),
        # pure: in an element of psvar, under a number that says whose wish it is.
        "pure": (
            """
setopt prompt_subst
export VIRTUAL_ENV_DISABLE_PROMPT=${VIRTUAL_ENV_DISABLE_PROMPT:-20}
prompt_pure_precmd() {
  psvar[20]=
  [[ -z $VIRTUAL_ENV || $VIRTUAL_ENV_DISABLE_PROMPT != 20 ]] || psvar[20]=${VIRTUAL_ENV:t}
}
precmd_functions+=(prompt_pure_precmd)
PROMPT='%(20V.%F{242}%20v%f .)ready> '
""",
            True,
        ),
        "vcs_info": (
            """
precmd() { psvar=(); psvar[1]=main; }
PROMPT='%1v ready> '
""",
            False,
        ),
        "powerlevel10k": (
            """
setopt prompt_subst
export VIRTUAL_ENV_DISABLE_PROMPT=1
_p9k_precmd() {
  precmd_functions=(${precmd_functions:#_p9k_precmd} _p9k_precmd)
  PROMPT='${${VIRTUAL_ENV:+${VIRTUAL_ENV:t} }}ready> '
}
precmd_functions+=(_p9k_precmd)
""",
            True,
        ),
    },
    "fish": {
        "tide": (
            """
set -g VIRTUAL_ENV_DISABLE_PROMPT true
function fish_prompt
    test -z "$VIRTUAL_ENV"; or echo -n (path basename $VIRTUAL_ENV)' '
    echo -n 'ready> '
end
""",
            True,
        ),
        "hydro": (
            """
function _hydro_prompt --on-event fish_prompt
    set -g _hydro_status "ready> "
end
function fish_prompt
    echo -e -n "$_hydro_status"
end
""",
            False,
        ),
        "a prompt with virtualfish": (
            """
function fish_prompt
    set -q VIRTUAL_ENV; and echo -n -s (set_color -b blue white) "(" (basename "$VIRTUAL_ENV") ")" \
        (set_color normal) " "
    echo -n 'ready> '
end
""",
            True,
        ),
        "an asynchronous one": (
            """
function async_setup --on-event fish_prompt
    functions -e async_setup
    functions -c fish_prompt async_original
    function fish_prompt
        async_original
    end
end
""",
            False,
        ),
    },
}


@pytest.mark.parametrize(
    ("which", "theme"), [(which, theme) for which in _LIKE for theme in _LIKE[which]]
)
def test_a_prompt_like_this_shows_the_environment_once_or_never(
    which: str, theme: str, open_terminal: OpenTerminal, request: pytest.FixtureRequest
) -> None:
    shell: Shell = request.getfixturevalue(which)
    text, own = _LIKE[which][theme]
    for place in PLACES:
        terminal = open_terminal(shell, lines_around(shell, text, place))
        seen = [shown for _line, shown in visits(terminal)]
        assert seen == INSIDE_ONCE or (not own and seen == NEVER), place
