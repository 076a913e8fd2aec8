"""The rest of a line after its 'cd': by nature, in bash with VENVHOOK_BASH_EAGER."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

EAGER = {"VENVHOOK_BASH_EAGER": "1"}


@pytest.fixture
def home(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with two projects."""
    make_environment(home / "app/.venv")
    make_environment(home / "b/.venv")
    return home


def active(printed: str, home: Path) -> str:
    """Return *printed* with the environments in it as 'app' and 'b'."""
    for name in ("app", "b"):
        printed = printed.replace(f"{home}/{name}/.venv/bin/python", f"{name}'s python")
        printed = printed.replace(f"{home}/{name}/.venv", name)
    return printed


# ---- The same in all three -----------------------------------------------------------------------

# A line typed in HOME, and what it prints.
LINES: tuple[tuple[str, str], ...] = (
    ("cd app && echo $VIRTUAL_ENV", "app\n"),
    ("cd app; echo $VIRTUAL_ENV", "app\n"),
    ("cd app && command -v python", "app's python\n"),
    ("cd app && python -c 'import sys; print(sys.prefix)'", "app\n"),
    ("cd app; cd ../b; echo $VIRTUAL_ENV", "b\n"),
    ("cd app; cd ..; echo none $VIRTUAL_ENV", "none\n"),
    ("cd app; echo $VIRTUAL_ENV; cd ..; echo none $VIRTUAL_ENV", "app\nnone\n"),
    ("cd app; cd ../b; cd - > /dev/null; echo $VIRTUAL_ENV", "app\n"),
    ("pushd app > /dev/null; echo $VIRTUAL_ENV; popd > /dev/null; echo none", "app\nnone\n"),
    ("pushd app > /dev/null; popd > /dev/null; echo none $VIRTUAL_ENV", "none\n"),
    ("cd app && echo $VIRTUAL_ENV | cat", "app\n"),
    ("cd app || echo not here; echo $VIRTUAL_ENV", "app\n"),
    ("cd nowhere 2> /dev/null || cd b; echo $VIRTUAL_ENV", "b\n"),
    ("cd app/.venv/bin; echo $VIRTUAL_ENV", "app\n"),
    ("cd app; deactivate; echo none $VIRTUAL_ENV", "none\n"),
    ("cd app && echo '$?' && true; echo $VIRTUAL_ENV", "$?\napp\n"),
)
OWN: dict[str, tuple[tuple[str, str], ...]] = {
    "bash": (
        ("for p in app b; do cd $p; echo $VIRTUAL_ENV; cd ..; done", "app\nb\n"),
        ("if cd app; then echo $VIRTUAL_ENV; fi", "app\n"),
        ("cd app; found=$(command -v python); echo $found", "app's python\n"),
        ("cd app; case $VIRTUAL_ENV in *app*) echo in;; esac", "in\n"),
        ("{ cd app; echo $VIRTUAL_ENV; }", "app\n"),
        ("cd app; eval 'cd ../b; echo $VIRTUAL_ENV'", "b\n"),
        # What bash runs before it is a command of the line is not seen: documented.
        ("go() { cd app; echo in: $VIRTUAL_ENV; }; go; echo $VIRTUAL_ENV", "in:\napp\n"),
        ("cd app; (echo in: $VIRTUAL_ENV); echo $VIRTUAL_ENV", "in:\napp\n"),
        # In a subshell nothing is activated, and nothing is said.
        ("(cd app; echo in: $VIRTUAL_ENV); echo $(cd b && pwd)", "in:\nHOME/b\n"),
    ),
    "zsh": (
        ("for p in app b; do cd $p; echo $VIRTUAL_ENV; cd ..; done", "app\nb\n"),
        ("if cd app; then echo $VIRTUAL_ENV; fi", "app\n"),
        ("go() { cd app; echo $VIRTUAL_ENV; }; go; echo $VIRTUAL_ENV", "app\napp\n"),
        ("(cd app; echo $VIRTUAL_ENV); echo $(cd b && pwd)", "app\nHOME/b\n"),
    ),
    "fish": (
        ("for p in app b; cd $p; echo $VIRTUAL_ENV; cd ..; end", "app\nb\n"),
        ("if cd app; echo $VIRTUAL_ENV; end", "app\n"),
        ("function go; cd app; echo $VIRTUAL_ENV; end; go; echo $VIRTUAL_ENV", "app\napp\n"),
        ("begin; cd app; echo $VIRTUAL_ENV; end; echo (cd ../b && pwd)", "app\nHOME/b\n"),
    ),
}


def test_the_rest_of_a_line_runs_in_the_environment(
    shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ=EAGER)
    assert terminal.greeting == ""
    for line, expected in (*LINES, *OWN[shell.name]):
        printed = active(terminal.run(line), home).replace(str(home), "HOME")
        # In bash before 5.3 an empty word of echo's leaves its blank.
        assert printed.replace(" \n", "\n") == expected, line
        terminal.cd(home)
        assert terminal.prompt == "", line


def test_by_default_bash_waits_for_the_prompt(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    for value in (None, "", "0", "off"):
        if value is not None:
            terminal.run(f"VENVHOOK_BASH_EAGER='{value}'")
        assert terminal.run("trap") == ""
        assert terminal.run("cd app; echo none $VIRTUAL_ENV") == "none\n"
        assert terminal.environment == f"{home}/app/.venv"
        terminal.cd(home)


@pytest.mark.parametrize("where", ["environ", "before", "after", "typed"])
def test_it_can_be_switched_on_anywhere_and_off_again(
    bash: Shell, where: str, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER if where == "environ" else {})
    load = bash.load_line(terminal.command)
    lines = {"before": f"VENVHOOK_BASH_EAGER=1\n{load}", "after": f"{load}\nVENVHOOK_BASH_EAGER=1"}
    if where in lines:
        terminal.rc_file.write_text(f"{bash.prelude}\n{lines[where]}\n")
        terminal.restart()
    if where == "typed":
        terminal.run("VENVHOOK_BASH_EAGER=1")
    line = "cd app; echo $VIRTUAL_ENV; cd .."
    for _ in range(2):
        assert active(terminal.run(line), home) == "app\n"
        assert terminal.run("trap").count("\n") == 1
        terminal.run("unset VENVHOOK_BASH_EAGER")
        assert terminal.run("trap") == ""
        assert terminal.run(line) == "\n"
        terminal.run("VENVHOOK_BASH_EAGER=1")


def test_loading_again_changes_nothing(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER)
    terminal.run("trap 'mine+=.' DEBUG")
    before = terminal.run("trap")
    assert before.count("mine") == 1
    for _ in range(2):
        terminal.run(bash.load_line(terminal.command))
        assert terminal.run("trap") == before
    assert active(terminal.run("cd app; echo $VIRTUAL_ENV"), home) == "app\n"


# ---- The user's own trap -------------------------------------------------------------------------

SEEN = 'seen+=("$BASH_COMMAND")'
MINE = "trap '" + SEEN.replace("'", "'\\''") + "' DEBUG"


def commands(terminal: Terminal, line: str) -> list[str]:
    """Return the commands of *line* that the user's trap has seen."""
    terminal.run("seen=()")
    terminal.run(line)
    listed = terminal.run("printf '%s\\n' \"${seen[@]}\"").splitlines()
    # From the prompt after the first line to the one before the last.
    return [text for text in listed if not text.startswith(("_venvhook_hook", "printf"))]


@pytest.mark.parametrize("when", ["before", "after", "typed"])
def test_a_trap_of_the_users_goes_on_working(
    bash: Shell, when: str, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER)
    load = bash.load_line(terminal.command)
    rc = {"before": f"{MINE}\n{load}", "after": f"{load}\n{MINE}", "typed": load}
    terminal.rc_file.write_text(f"{bash.prelude}\n{rc[when]}\n")
    terminal.restart()
    assert terminal.greeting == ""
    if when == "typed":
        terminal.run(MINE)
    assert commands(terminal, "cd app; true x") == ["cd app", "true x"]
    terminal.cd(home)
    assert active(terminal.run("cd app; echo $VIRTUAL_ENV; cd .."), home) == "app\n"
    # A trap in the place of that one, and then of none.
    terminal.run("trap 'other=$BASH_COMMAND' DEBUG")
    assert active(terminal.run("cd b; echo $VIRTUAL_ENV; echo $other; cd .."), home).split() == [
        "b",
        *("echo", "$other"),
    ]
    terminal.run("unset VENVHOOK_BASH_EAGER")
    assert terminal.run("trap") == "trap -- 'other=$BASH_COMMAND' DEBUG\n"
    terminal.run("VENVHOOK_BASH_EAGER=1")
    assert active(terminal.run("cd b; echo $VIRTUAL_ENV; cd .."), home) == "b\n"


def test_a_trap_that_the_user_removes_stays_away(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    del home
    terminal = open_terminal(bash, environ=EAGER)
    terminal.run("trap - DEBUG")
    for _ in range(3):
        assert terminal.run("trap") == ""
        assert terminal.run("cd app; echo none $VIRTUAL_ENV; cd ..") == "none\n"
    # Until he sets one of his own, or switches off and on.
    terminal.run("unset VENVHOOK_BASH_EAGER")
    terminal.run("VENVHOOK_BASH_EAGER=1")
    assert terminal.run("trap").count("\n") == 1


# What the user's lines show, with our trap, must be what they show without us.
PROBES = (
    "sh -c 'exit 3'; echo $?",
    "cd app; echo $?",
    "cd ~; false; cd app; echo $?; cd ~",
    "true one two; echo $_",
    "true one two; cd app; echo $_; cd ~",
    "true one two; [ a = a ]; echo $_; echo $_",
    "sh -c 'exit 3' | sh -c 'exit 4'; echo ${PIPESTATUS[*]}",
    "cd app; sh -c 'exit 3' | true; echo ${PIPESTATUS[*]}; cd ~",
    "cd app | true; echo ${PIPESTATUS[*]}",
    "echo $LINENO; cd app; echo $LINENO; cd ~",
    "echo $BASH_COMMAND",
    "cd app; echo $BASH_COMMAND $FUNCNAME $BASH_SUBSHELL; cd ~",
    "[[ abc =~ (b) ]]; cd app; echo ${BASH_REMATCH[1]}; cd ~",
    "set -- one two; cd app; echo $# $1; cd ~",
    'IFS=/; cd app; set -- a/b; echo $# "$IFS"; cd ~; unset IFS',
    "cd app; echo ${OLDPWD##*/} $REPLY $OPTIND; cd ~",
    "set -u; cd app; echo alive; cd ~; set +u",
    "set -e; cd app; false || echo alive; cd ~; set +e",
    "trap 'echo error $?' ERR; false; cd app; cd ~; true; trap - ERR",
    "trap 'echo returned' RETURN; f() { cd app; cd ~; }; f; trap - RETURN",
    "f() { echo $FUNCNAME $LINENO; }; f",
    "cd app; jobs; cd ~; echo $! ${#FUNCNAME[@]}",
    "x=1; cd app; echo $x $_; cd ~",
    "set -o posix; cd app; echo $?; cd ~; set +o posix",
    "shopt -s nocasematch; cd app; [[ a == A ]] && echo same; cd ~; shopt -u nocasematch",
    "history | wc -l; shopt -o | sort | md5sum; shopt | md5sum",
)
# With a trap of the user's own that shows all it sees.
TRAPPED = (
    "trap 'echo \"<$?:$_:$LINENO:$BASH_COMMAND:${PIPESTATUS[*]}>\"' DEBUG",
    *PROBES[:12],
    # 1 skips the command (extdebug), here each one whose words say so.
    "shopt -s extdebug; trap '[[ $BASH_COMMAND != *skipped* ]]' DEBUG",
    "cd app; echo kept; echo skipped; sh -c 'exit 3'; echo $?; cd ~",
    "false; echo $?; cd app; echo skipped; echo kept; cd ~",
    "trap 'case $BASH_COMMAND in *ended*) (exit 2);; esac' DEBUG",
    "f() { echo in; cd app; cd ~; echo ended; echo never; }; f; echo after",
    "trap 'false' DEBUG",
)


@pytest.mark.parametrize("lines", [PROBES, TRAPPED], ids=["alone", "with the user's"])
def test_lines_show_what_they_would_without_us(
    bash: Shell, lines: tuple[str, ...], home: Path, open_terminal: OpenTerminal
) -> None:
    del home
    # So that the directories are changed to, but nothing but our trap can make a difference.
    plain = open_terminal(bash, rc="")
    ours = open_terminal(bash, environ=EAGER)
    ours.rc_file.write_text(f"{bash.prelude}\n{bash.load_line(ours.command)}\n")
    ours.restart()
    for line in lines:
        expected = plain.run(line)
        printed = ours.run(line)
        # Where a trap shows the commands of PROMPT_COMMAND, there is one more with us.
        shown = [text for text in printed.splitlines() if "_venvhook_hook" not in text]
        assert shown == expected.splitlines(), line


def test_our_trap_never_skips_a_command(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    # A status of the trap other than 0 would (extdebug), also where the hook fails.
    terminal = open_terminal(bash, environ=EAGER)
    terminal.run("shopt -s extdebug")
    assert active(terminal.run("false; cd app; echo $VIRTUAL_ENV; cd ~"), home) == "app\n"
    terminal.run("_VENVHOOK_PYTHON=/gone/python")
    (home / "other/.venv").mkdir(parents=True)
    printed = terminal.run("cd other; echo kept; cd ..; echo kept")
    assert printed.count("kept\n") == 2
    assert printed.count("venvhook: ") == 1


def test_inherited_by_functions_and_subshells_it_still_holds(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER)
    terminal.run("set -o functrace")
    assert active(terminal.run("f() { cd app; echo $VIRTUAL_ENV; cd ..; }; f"), home) == "app\n"
    # Not a byte in subshells, also where it would complain.
    (home / "bad/.venv").mkdir(parents=True)
    assert terminal.run("(cd bad; echo in $VIRTUAL_ENV); echo $(cd bad && pwd)") == (
        f"in\n{home}/bad\n"
    )


# ---- Neighbours ----------------------------------------------------------------------------------

# What bash-preexec does, and what has it within, to know of each line before it runs: at the first
# prompt it takes the trap of that time as one of the functions that it calls once a line, and sets
# one of its own.
PREEXEC = r"""
_tool_install='_tool_prior=$(trap -p DEBUG)
trap - DEBUG
__bp_install'
__bp_install() {
  trap '_tool_invoke "$_"' DEBUG
  eval "set -- $_tool_prior"
  [ -z "${3-}" ] || eval "_tool_prior_trap() { $3
}"
  PROMPT_COMMAND=${PROMPT_COMMAND//$'\n'"$_tool_install"/}
  PROMPT_COMMAND="_tool_precmd"$'\n'"$PROMPT_COMMAND"$'\n'"_tool_ready=1"
  _tool_ready=1
}
_tool_precmd() { _tool_status=$?; }
_tool_status() { return "$1"; }
_tool_invoke() {
  local last=$1
  [ -n "${_tool_ready-}" ] || return 0
  _tool_ready=
  case $'\n'"$PROMPT_COMMAND"$'\n' in *$'\n'"$BASH_COMMAND"$'\n'*) return 0;; esac
  lines+=("$BASH_COMMAND")
  [ -z "$(type -t _tool_prior_trap)" ] || _tool_prior_trap
  _tool_status 0 "$last"
}
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_tool_that_waits_for_lines_goes_on_working(
    bash: Shell, order: str, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER)
    tool = PREEXEC + "PROMPT_COMMAND=${PROMPT_COMMAND-}$'\\n'$_tool_install\n"
    load = bash.load_line(terminal.command)
    text = tool + load if order == "before" else load + tool
    terminal.rc_file.write_text(f"{bash.prelude}\n{text}\n")
    terminal.restart()
    assert terminal.greeting == ""
    # At the first prompt the tool has taken the place of our trap.
    terminal.run("lines=()")
    for _ in range(2):
        assert active(terminal.run("cd app && echo $VIRTUAL_ENV"), home) == "app\n"
        terminal.cd(home)
    assert terminal.run("printf '%s\\n' \"${lines[@]}\"").splitlines() == [
        *("cd app", f"cd {bash.word(home)}") * 2,
        "printf '%s\\n' \"${lines[@]}\"",
    ]
    assert terminal.run("true last; echo $_") == "last\n"
    terminal.run("unset VENVHOOK_BASH_EAGER")
    assert terminal.run("trap") == "trap -- '_tool_invoke \"$_\"' DEBUG\n"


def test_a_completion_that_changes_the_directory_is_none_of_ours(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    del home
    terminal = open_terminal(bash, environ=EAGER)
    terminal.run("set -o functrace")
    terminal.run("_complete() { cd app; COMPREPLY=($VIRTUAL_ENV word); cd ..; }")
    terminal.run("complete -F _complete thing; bind 'set bell-style none'")
    terminal.run("COMP_LINE='thing ' COMP_POINT=6; _complete; unset COMP_LINE COMP_POINT")
    assert terminal.run("echo ${COMPREPLY[*]}") == "word\n"


def test_an_offer_waits_for_the_prompt(
    bash: Shell, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del home
    (ground / "new").mkdir()
    (ground / "new/requirements.txt").touch()
    terminal = open_terminal(bash, environ={**EAGER, "VENVHOOK_AUTO_CREATE": "ask"})
    terminal.send(f"cd {ground}/new; echo in the line\r")
    before, _, after = terminal.wait_for("[y/N]").partition("in the line\n")
    assert (before, "requirements.txt" in after or "environment" in after) == ("", True)
    terminal.send("n\r")
    terminal.wait_for_prompt()


def test_a_line_is_interrupted_as_ever(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, environ=EAGER)
    terminal.send("cd app; sh -c 'echo begun; exec sleep 1000'; echo never\r")
    terminal.wait_for("begun")
    assert "never" not in terminal.interrupt()
    assert terminal.environment == f"{home}/app/.venv"
    assert active(terminal.run("cd ../b; echo $VIRTUAL_ENV"), home) == "b\n"
