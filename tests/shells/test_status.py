"""Status and variables: what a line says is the same in a shell with the hook and in a bare one.

Each table runs twice, in two terminals that differ in nothing but the line that loads venvhook, and
the two transcripts have to be equal but for venvhook's own lines. The directories are of each kind:
an environment that is used, one that is refused, markers that just pass, nothing at all.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

# What is in HOME: one directory of each kind, and one that is not there.
KINDS = ("app", "bad", "passes", "plain", "nowhere")


@pytest.fixture
def projects(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with a directory of each kind, below each of which there is ``sub``."""
    for kind in KINDS[:-1]:
        (home / kind / "sub").mkdir(parents=True)
    make_environment(home / "app/.venv")
    make_environment(home / "other/.venv")
    (home / "bad/.venv").mkdir()
    (home / "passes/env").mkdir()
    return home


def assign(shell: Shell, name: str, value: str | Path) -> str:
    """Return the line that sets a global variable in *shell*."""
    word = shell.word(value)
    return f"set -g {name} {word}" if shell.name == "fish" else f"{name}={word}"


# How the helper is: what is done to a shell that has just loaded venvhook.
HELPERS = ("works", "fails", "is gone")


def spoil(terminal: Terminal, helper: str) -> None:
    """Let the helper of *terminal* be as *helper* says."""
    program = {"works": None, "fails": shutil.which("false"), "is gone": "/gone/python"}[helper]
    if program is not None:
        terminal.run(assign(terminal.shell, "_VENVHOOK_PYTHON", program))


# venvhook's own lines, the number of a process that a shell has just started, and what it says of
# one that ended, at one prompt or the next.
_OTHERWISE = re.compile(r"venvhook: |\[\d\] \d+$|\[\d\]\+ +Terminated")


def transcript(terminal: Terminal, lines: list[str]) -> list[str]:
    """Return what each of *lines* prints, one after the other, without what differs anyway."""
    said = []
    for line in lines:
        printed = terminal.run(line).splitlines(keepends=True)
        said.append("".join(text for text in printed if not _OTHERWISE.match(text)))
    return said


def assert_as_in_a_bare_shell(
    shell: Shell,
    lines: list[str],
    open_terminal: OpenTerminal,
    rc: str = "",
    bare_hook: str = "",
    helper: str = "works",
) -> None:
    """Run *lines* in a shell with the hook and in one without it, and compare what they print.

    Both read *rc* first; *bare_hook* stands where the other one loads venvhook.
    """
    bare = open_terminal(shell, rc=f"{rc}\n{bare_hook}")
    expected = transcript(bare, lines)
    bare.close()
    load = shell.load_line(bare.command)
    hooked = open_terminal(shell, rc=f"{rc}\n{load}")
    spoil(hooked, helper)
    found = transcript(hooked, lines)
    for line, ours, theirs in zip(lines, found, expected, strict=True):
        assert (line, ours) == (line, theirs)
    if helper == "works":
        hooked.run("cd; cd app")
        assert hooked.environment is not None


# ---- $?, $_ and the statuses of a pipeline -------------------------------------------------------

# With {move} for 'cd app' and the like. Between them the shell goes back to HOME.
POSIX_FORMS = (
    ("{move}", 'echo "$? $_"', "pwd", 'echo "$? $_"'),
    ("false", "{move}", 'echo "$? $_"'),
    ("{move}", "sh -c 'exit 7'", 'echo "$? $_"'),
    ("{move}", "true last 'of these'", 'echo "$? $_"'),
    ('false; {move}; echo "$? $_"', 'echo "$? $_"'),
    ("{move} && echo yes",),
    ("{move} || echo no",),
    ("if {move}; then echo yes; else echo no; fi",),
    ("! {move}", 'echo "$?"'),
    ("! {move} || echo no", 'echo "$?"'),
    ("while {move}; do echo once; break; done",),
    ("{move} | cat", 'echo "$? ${PIPESTATUS[*]}"', "pwd"),
    ("true | sh -c 'exit 3' | sh -c 'exit 0'", 'echo "${PIPESTATUS[*]}"'),
    ("{move}", "true | sh -c 'exit 4' | sh -c 'exit 5'", 'echo "${PIPESTATUS[*]}"'),
    ("{move}; sh -c 'exit 6' | true", 'echo "${PIPESTATUS[*]}"'),
    ("sh -c 'exit 8'; {move}", 'echo "${PIPESTATUS[*]}"'),
    ("({move} && pwd); pwd",),
    ('echo "$({move} && pwd)"', 'echo "$? $_"'),
    ("{move} sub", 'echo "$?"'),
    ("f() { {move}; return 9; }; f", 'echo "$?"'),
    ('({move} & wait $!; echo "$?")',),
    ("pushd {kind} > /dev/null", 'echo "$?"', "dirs", "popd", 'echo "$?"', "dirs"),
    ("cd /; CDPATH=~:/usr; {move}", 'echo "$?"', "cd share", "pwd", "unset CDPATH"),
    ("OPTIND=1; while getopts ab: o -a -b x; do echo $o $OPTIND $OPTARG; {move}; cd; done",),
    ("printf '%s\\n' a b c | while read -r x; do {move}; cd; echo $x; done", "echo $x $REPLY"),
    ("{move}", "cd -", 'echo "$? $OLDPWD"', "cd - > /dev/null", "pwd"),
)
FISH_FORMS = (
    ("{move}", "echo $status", "pwd", "echo $status"),
    ("false", "{move}", "echo $status"),
    ("{move}", "sh -c 'exit 7'", "echo $status"),
    ("false; {move}; echo $status", "echo $status"),
    ("{move} && echo yes",),
    ("{move}; and echo yes; or echo no",),
    ("{move} || echo no",),
    ("if {move}; echo yes; else; echo no; end",),
    ("not {move}", "echo $status"),
    ("while {move}; echo once; break; end",),
    ("{move} | cat", "echo $status $pipestatus", "pwd"),
    ("true | sh -c 'exit 3' | sh -c 'exit 0'", "echo $pipestatus"),
    ("{move}", "true | sh -c 'exit 4' | sh -c 'exit 5'", "echo $pipestatus"),
    ("{move}; sh -c 'exit 6' | true", "echo $pipestatus"),
    ("sh -c 'exit 8'; {move}", "echo $status $pipestatus"),
    ("true | sh -c 'exit 3' | true; {move}; echo $pipestatus", "echo $pipestatus"),
    ("echo ({move}; and pwd)", "echo $status", "pwd"),
    ("{move} sub", "echo $status"),
    ("function f; {move}; return 9; end; f", "echo $status"),
    ("pushd {kind}", "echo $status", "dirs", "popd", "echo $status", "dirs"),
    ("cd /; set -g CDPATH ~ /usr; {move}", "echo $status", "cd share", "pwd", "set -e CDPATH"),
    ("printf '%s\\n' a b c | while read x; {move}; cd; echo $x; end", "echo $x"),
    ("{move}", "cd -", "echo $status $dirprev", "prevd", "nextd", "pwd", "echo $dirprev"),
    ("echo (sh -c 'exit 5') | cat", "echo $status $pipestatus"),
)


def forms(shell: Shell) -> list[str]:
    """Return every form with every kind of directory, as lines to type."""
    table = FISH_FORMS if shell.name == "fish" else POSIX_FORMS
    lines = []
    for kind in KINDS:
        for form in table:
            lines += [line.replace("{move}", f"cd {kind}").replace("{kind}", kind) for line in form]
            lines.append(f"cd {shell.word(Path('/'))}; cd")
    # From one into another, up and down in one, and out at both ends.
    for kind in KINDS:
        lines += [f"cd ~/{kind}", "cd sub", "sh -c 'exit 5'", f"echo {shell.status}", "cd .."]
        lines += [f"echo {shell.status}", f"cd ~/other; echo {shell.status}", "pwd"]
    if shell.name == "zsh":
        lines = [line.replace("PIPESTATUS", "pipestatus") for line in lines]
    return lines


@pytest.mark.parametrize("helper", HELPERS)
def test_statuses_are_those_of_a_bare_shell(
    shell: Shell, helper: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    rc = "" if shell.name == "fish" else "set +m"
    assert_as_in_a_bare_shell(shell, forms(shell), open_terminal, rc, helper=helper)


# ---- Everything else -----------------------------------------------------------------------------

STATES = {
    "bash": (
        'echo "$#:$*:$OPTIND:$REPLY:${BASH_REMATCH[*]}:$-:$OLDPWD:${DIRSTACK[*]}:$CDPATH:$PPID"'
        ' | sed s/:[0-9]*$//; printf %s "$IFS" | od -An -c',
        "umask; ulimit -a | cksum; stty -g; shopt -p | cksum; set +o | cksum; trap; jobs; dirs -v",
        'fc -l -4; echo "$HISTCMD"; echo $(( $! == mine )) $RANDOM $((SECONDS / 100))',
        "alias; bind -p | cksum; bind -v | cksum; enable -a | cksum",
    ),
    "zsh": (
        'echo "$#:$*:$OPTIND:$REPLY:$match:$mbegin:$mend:$MATCH:$MBEGIN"'
        '; echo "$-:$OLDPWD:$dirstack:$CDPATH"; printf %s "$IFS" | od -An -c',
        "umask; ulimit -a | cksum; stty -g; setopt | cksum; trap; jobs; dirs -v; hash -d; zmodload"
        " | cksum",
        'fc -l -4; echo "$HISTCMD"; echo $(( $! == mine )) $RANDOM $((SECONDS / 100))',
        "alias | cksum; bindkey | cksum; echo $reply $ARGC $TRY_BLOCK_ERROR $LINENO",
    ),
    "fish": (
        "echo $argv : $OLDPWD : $dirprev : $dirnext : $CDPATH : $REPLY : $__fish_cd_direction",
        "umask; ulimit -a | cksum; stty -g; bind | cksum; trap -p; jobs -c; dirs; abbr",
        "echo $last_pid | string match -q $mine; and echo same; history search --max 4 | cat; "
        "builtin random",
        "status is-interactive; echo $status; status job-control 2>&1; echo $fish_kill_signal",
    ),
}
MADE = {
    "bash": (
        "set -- one 'two words'; REPLY=mine; [[ abc =~ a(.)c ]]; pushd /tmp > /dev/null; cd",
        "RANDOM=42; SECONDS=1000; umask 027; trap 'echo bye' EXIT; trap 'echo usr' USR1",
        "sleep 97 & mine=$!",
        "OPTIND=1; getopts ab o -a -b; IFS=:",
    ),
    "zsh": (
        "set -- one 'two words'; REPLY=mine; [[ abc = (#b)a(?)c ]]; [[ abc =~ b ]]; "
        "pushd /tmp > /dev/null; cd",
        "RANDOM=42; SECONDS=1000; umask 027; trap 'echo bye' EXIT; TRAPUSR1() { echo usr; }",
        "sleep 97 & mine=$!",
        "OPTIND=1; getopts ab o -a -b; IFS=:; hash -d here=/tmp; reply=(x y)",
    ),
    "fish": (
        "set argv one 'two words'; set -g REPLY mine; pushd /tmp; cd; builtin random 42",
        "umask 027; trap 'echo usr' USR1",
        "sleep 97 &; set -g mine $last_pid",
    ),
}


def walk(shell: Shell) -> list[str]:
    """Return lines that enter and leave each kind of directory, and print the state."""
    lines = list(MADE[shell.name])
    for kind in KINDS:
        for move in (f"cd ~/{kind}", "sh -c 'exit 4'", "cd ~/other", "cd"):
            lines += [move, *STATES[shell.name]]
    return [*lines, "kill $mine; wait $mine 2> /dev/null; echo ended"]


def test_all_other_state_is_that_of_a_bare_shell(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    rc = {"zsh": "setopt extended_glob\nautoload -Uz add-zsh-hook", "bash": ""}.get(
        shell.name, "set -g fish_history tests"
    )
    assert_as_in_a_bare_shell(shell, walk(shell), open_terminal, rc)


# ---- Traps ---------------------------------------------------------------------------------------

# In a bare shell that has a hook, which does nothing.
_EAGER = '"${VENVHOOK_BASH_EAGER:+$?}" '
_EAGER += '"${VENVHOOK_BASH_EAGER:+${_VENVHOOK_FIRED-$(\\builtin trap -p DEBUG)}}"'
BARE_HOOK = {
    "bash": f"_venvhook_hook() {{ :; }}; PROMPT_COMMAND='_venvhook_hook {_EAGER}'",
    "zsh": "",
}
TRAPS = {
    "bash": (
        "trap 'echo \"error $?\"' ERR; trap 'echo child' CHLD; trap 'echo returned' RETURN",
        "trap 'echo \"runs $BASH_COMMAND $?\"' DEBUG; trap 'echo bye' EXIT; trap 'echo int' INT",
    ),
    "zsh": (
        "TRAPZERR() { echo error $?; }; TRAPEXIT() { echo bye; }",
        "TRAPINT() { echo int; return 130; }",
        "trap 'echo usr' USR1; TRAPWINCH() { :; }",
    ),
}


def test_traps_see_nothing_of_the_hook(
    posix_shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    lines = list(TRAPS[posix_shell.name])
    for kind in KINDS:
        lines += [f"cd {kind}", "false", "echo $?", "f() { return 3; }; f", "echo $?", "trap", "cd"]
        lines += ["kill -USR1 $$" if posix_shell.name == "zsh" else "sh -c :", "(exit 2) || true"]
    # The first visits ask the helper, of which CHLD traps are told as of any process.
    visits = [f"cd ~/{kind}" for kind in KINDS[:-1]]
    bare_hook = BARE_HOOK[posix_shell.name]
    assert_as_in_a_bare_shell(posix_shell, [*visits, "cd", *lines], open_terminal, "", bare_hook)


@pytest.mark.parametrize("own", ["", "PROMPT_COMMAND=('seen=$?' 'also=$?')"], ids=["ours", "array"])
def test_an_error_is_reported_once(
    bash: Shell, own: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(bash, rc="")
    rc = f"{own}\n{bash.load_line(terminal.command)}"
    terminal.rc_file.write_text(f"{bash.prelude}\n{rc}\n")
    terminal.restart()
    terminal.run("trap 'echo error $?' ERR")
    assert terminal.run("sh -c 'exit 6'") == "error 6\n"
    assert terminal.status == "6"
    if own:
        terminal.run("sh -c 'exit 7'")
        assert terminal.values("seen", "also") == {"seen": b"7", "also": b"7"}
