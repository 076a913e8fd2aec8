"""A shell's whole state, before and after: nothing changes but what the README's page names.

The page is the table below "What it does to your shell". A row says what it is (``variable``,
``function`` ...) and its names, in which shells, and from when to when. The state is all that a
shell can tell of itself; what changes in a shell without venvhook too is its own affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from checkout import CHECKOUT
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

HEADING = "## What it does to your shell"

# _test_dump FILE writes all that the shell tells of itself: parts, each below a line with its name.
_DUMP = {
    "bash": r"""
_test_dump() {
  {
    printf '\n\035variable\n'; declare -p
    printf '\n\035function\n'; declare -f
    printf '\n\035function attribute\n'; declare -F
    printf '\n\035option\n'; set +o; shopt -p
    printf '\n\035alias\n'; alias -p
    printf '\n\035key binding\n'; bind -p; bind -s; bind -X; bind -v
    # Told outside of functions, which have not all of them.
    printf '\n\035trap\n'; cat "$1.traps"
    printf '\n\035completion\n'; complete -p
    printf '\n\035builtin\n'; enable -a
    printf '\n\035limit\n'; umask; ulimit -a; jobs; dirs -p
    printf '\n\035terminal mode\n'; stty -a < /dev/tty
    printf '\n\035descriptor\n'; ls -l /proc/$$/fd
  } >| "$1" 2> /dev/null
}
""",
    "zsh": r"""
_test_dump() {
  zmodload zsh/parameter zsh/zleparameter
  {
    print -r $'\n\035variable'
    local _test_name
    for _test_name in ${(ko)parameters}; do
      # Not what the modules of this function define: what is of interest of it comes further below.
      [[ ${parameters[$_test_name]} == *hide*special* || $_test_name == _comps ]] ||
        print -r -- "$_test_name ${parameters[$_test_name]} ${(@qqqPkv)_test_name}"
    done
    print -r $'\n\035function'; functions
    print -r $'\n\035option'
    for _test_name in ${(k)options}; do print -r -- $_test_name $options[$_test_name]; done
    print -r $'\n\035alias'; alias -L; alias -gL; alias -sL
    print -r $'\n\035key binding'
    for _test_name in $keymaps; do bindkey -M $_test_name -L; done
    print -r $'\n\035widget'; zle -lL
    print -r $'\n\035trap'; trap
    print -r $'\n\035style'; zstyle -L
    print -r $'\n\035module'; zmodload
    print -r $'\n\035named directory'; hash -dL
    print -r $'\n\035builtin'; print -rl -- ${(k)builtins} ${(k)dis_builtins}
    print -r $'\n\035completion'; printf '%s %s\n' ${(kv)_comps}
    print -r $'\n\035limit'; umask; limit; jobs; dirs -l
    print -r $'\n\035terminal mode'; stty -a < /dev/tty
    print -r $'\n\035descriptor'; ls -l /proc/$$/fd
  } >| $1 2> /dev/null
}
""",
    "fish": r"""
function _test_dump
    begin
        printf '\n\035variable\n'; set --show
        printf '\n\035function\n'
        # Those that are defined, not those that may be loaded by their name.
        for _test_name in (functions -an)
            contains -- $_test_name $_test_loadable
            or functions $_test_name | string match -v '# Defined *'
        end
        printf '\n\035event handler\n'; functions --handlers
        printf '\n\035key binding\n'; bind
        printf '\n\035abbreviation\n'; abbr --show
        printf '\n\035completion\n'; complete
        printf '\n\035trap\n'; trap -p
        printf '\n\035option\n'; status features; status is-full-job-control; echo $status
        printf '\n\035limit\n'; umask; ulimit -a; jobs; dirs
        printf '\n\035terminal mode\n'; stty -a </dev/tty
        printf '\n\035descriptor\n'; ls -l /proc/$fish_pid/fd
    end >$argv[1] 2>/dev/null
end
set -g _test_loadable (functions -an | string match -v -- fish_prompt)
# A key tells it as it is between two lines: while one runs, fish_prompt is the user's own.
bind \cy '_test_dump ~/../state; commandline -f repaint'
""",
}
# What the user has already, of each kind, so that it would be seen if it were changed.
_OWN = {
    "bash": r"""
trap 'true' USR1; trap 'true' EXIT; trap 'true' ERR; alias ll='ls -l'
function deactivate { echo 'my own'; }
export PYTHONHOME=; VIRTUAL_ENV_PROMPT='old one'; PROMPT_COMMAND='seen=$?'
set -o noclobber; shopt -s extglob nullglob; umask 027; bind '"\C-t": "x"' 2> /dev/null
complete -W 'a b' mine; ulimit -c 0; pushd / > /dev/null; popd > /dev/null
""",
    "zsh": r"""
zmodload zsh/complist; autoload -Uz compinit; compinit -D; compdef _files mine
trap 'true' USR1; TRAPUSR2() { true }; alias ll='ls -l'; alias -g G='| grep'
alias -s txt=cat; function deactivate { echo 'my own' }
export PYTHONHOME=; VIRTUAL_ENV_PROMPT='old one'
setopt no_clobber extended_glob auto_pushd; umask 027; bindkey '^T' undo; typeset -U path
precmd_mine() { seen=$? }; precmd_functions=(precmd_mine); RPS1='%h'
zstyle ':x' y z; hash -d d=/usr; mine() { zle reset-prompt }; zle -N mine
""",
    "fish": r"""
trap true USR1; alias ll='ls -l'; function deactivate; echo 'my own'; end
set -gx PYTHONHOME; set -g VIRTUAL_ENV_PROMPT 'old one'; umask 027; bind \ct undo
abbr -a gs git status; complete -c mine -a 'a b'; set -U mine_universal 1
function mine --on-variable PWD --on-event fish_prompt; set -g seen $status; end
function fish_right_prompt; echo right; end; functions -e fish_right_prompt
""",
}
# How an item of a part begins; each line is one where nothing is said.
_BEGINS = {
    ("bash", "variable"): r"declare -\S+ (\w+)",
    ("bash", "function"): r"(\S+) \(\) $",
    ("zsh", "variable"): r"(\w+) \S+",
    ("zsh", "function"): r"(\S+) \(\) \{",
    ("fish", "variable"): r"\$(\w+)",
    ("fish", "function"): r"function (\S+)",
}
# The word by which the README's page calls an item that is a whole line.
_NAMED_BY = {
    "function attribute": r"declare \S+ (\S+)",
    "completion": r".*\b(venvhook)\b",
    "event handler": r"(\S+)",
    "trap": r".* (\w+)$",
}

# What changes with the time, and with each command.
_CLOCKS = (
    *("SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "RANDOM", "SRANDOM"),
    *("TTYIDLE", "CMD_DURATION", "BASH_COMMAND"),
)

State = dict[tuple[str, str], str]
Names = set[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """A row of the page: what is touched, in which shells, and when."""

    kind: str
    pattern: str
    shells: tuple[str, ...]
    when: str

    def names(self, kind: str, name: str) -> bool:
        """Return whether this row names the item."""
        return kind.partition(" attribute")[0] == self.kind and fnmatchcase(name, self.pattern)


def rows_of_the_page() -> Iterator[Row]:
    """Yield the rows of the README's table."""
    text = (CHECKOUT / "README.md").read_text().partition(f"\n{HEADING}\n")[2]
    for line in text.partition("\n## ")[0].splitlines():
        if not line.startswith("| ") or line.startswith(("| what |", "| ---")):
            continue
        what, shells, when = (cell.strip() for cell in line.split("|")[1:4])
        for pattern in re.findall(r"`([^`]+)`", what):
            kind = what.partition("`")[0].strip().removesuffix("s")
            if shells == "all four":
                shells = "bash, zsh, fish, PowerShell"
            yield Row(kind, pattern, tuple(shells.split(", ")), when)


ROWS = tuple(rows_of_the_page())


def state_of(terminal: Terminal) -> State:
    """Return what the shell tells of itself: texts by kind and name."""
    file = terminal.scratch / "state"
    file.unlink(missing_ok=True)
    traps = f"trap -p >| {file}.traps; " if terminal.shell.name == "bash" else ""
    if terminal.shell.name == "fish":
        terminal.send("\x19")
        assert terminal.wait_for_prompt() == ""
    else:
        assert terminal.run(f"{traps}_test_dump {file}") == ""
    found: State = {}
    for part in file.read_text(errors="surrogateescape").split("\n\x1d")[1:]:
        kind, _, text = part.partition("\n")
        begins = re.compile(_BEGINS.get((terminal.shell.name, kind), "(.+)"))
        name = ""
        for line in text.splitlines():
            if kind == "event handler" and not line:
                continue  # between two kinds of them, behind whichever is the last of one
            if kind == "descriptor":
                # What it is open to: nothing of the dump's, nor what fish waits with.
                opened = line.partition(" -> ")[2]
                theirs = opened == "/dev/null" or "fish_univ" in opened
                line = opened if opened.startswith("/") and not theirs else ""
            start = begins.match(line)
            name = start.group(1) if start else name
            # Of open files it matters which, not how often: the dump has some itself.
            before = "" if kind == "descriptor" else found.get((kind, name), "")
            found[kind, name] = before + line + "\n"
    return found


def changed(old: State, new: State) -> Names:
    """Return what differs: kind and name of each, as the page calls it."""
    found = set()
    for kind, name in old.keys() | new.keys():
        if name not in _CLOCKS and old.get((kind, name)) != new.get((kind, name)):
            called = re.match(_NAMED_BY.get(kind, "(.*)"), name)
            found.add((kind, called.group(1) if called else name))
    return found


# Before a step, what is typed for it; the state is told after each.
STEPS = ("nothing", "load", "enter", "leave", "enter again", "deactivate", "leave again")
LINES = {"nothing": "true", "enter": "cd app", "leave": "cd ..", "deactivate": "deactivate"}


def states(terminal: Terminal, load: str, deactivate: str) -> dict[str, State]:
    """Return the state after each of STEPS."""
    lines = {**LINES, "load": load, "deactivate": deactivate}
    found = {}
    for step in STEPS:
        line = lines[step.removesuffix(" again")]
        assert terminal.run(line) == "", line
        found[step] = state_of(terminal)
    return found


def what_changes_anyway(open_terminal: OpenTerminal, shell: Shell, rc: str) -> Names:
    """Return what differs in a shell without venvhook that goes the same way."""
    terminal = open_terminal(shell, rc)
    found = states(terminal, "true", "true").values()
    terminal.close()
    return {name for old in found for new in found for name in changed(old, new)}


def in_this_shell(shell: Shell, *when: str) -> list[Row]:
    """Return the rows of the page for *shell*, in these cases."""
    return [row for row in ROWS if shell.name in row.shells and row.when in when]


def assert_on_the_page(found: Names, rows: list[Row]) -> None:
    """Each of *found* is named by one of *rows*."""
    for kind, name in sorted(found):
        assert any(row.names(kind, name) for row in rows), f"{kind} {name} is not on the page"


def assert_seen(found: Names, rows: list[Row]) -> None:
    """Each of *rows* names one of *found*: nothing stands on the page that is not so."""
    for row in rows:
        assert any(row.names(kind, name) for kind, name in found), f"nothing changes: {row}"


# zsh's and bash's own other names for one variable: only zsh has them.
_ONLY_ZSH = ("path", "PROMPT", "prompt")


def rows_without_names_of_zsh(shell: Shell, rows: list[Row]) -> list[Row]:
    """Return *rows* without those whose name only zsh knows, in other shells."""
    return [row for row in rows if shell.name == "zsh" or row.pattern not in _ONLY_ZSH]


def test_the_page_has_rows_for_each_shell() -> None:
    assert {name for row in ROWS for name in row.shells} == {"bash", "zsh", "fish", "PowerShell"}
    assert {row.when for row in ROWS} == {"loaded", "inside", "guard", "eager"}


def test_nothing_changes_but_what_the_page_names(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    rc = _DUMP[shell.name] + _OWN[shell.name]
    anyway = what_changes_anyway(open_terminal, shell, rc)
    terminal = open_terminal(shell, rc)
    found = states(terminal, shell.load_line(terminal.command), "\\deactivate")
    # There is much to compare.
    kinds = {kind for kind, _ in found["nothing"]}
    assert {"variable", "function", "option", "key binding", "completion", "limit"} <= kinds
    assert len(found["nothing"]) > 300

    loaded = changed(found["nothing"], found["load"]) - anyway
    assert_on_the_page(loaded, in_this_shell(shell, "loaded"))
    assert_seen(loaded, in_this_shell(shell, "loaded"))
    own = [row for row in in_this_shell(shell, "loaded") if "_*" in row.pattern]
    inside: Names = set()
    for step in ("enter", "enter again"):
        inside = changed(found["load"], found[step]) - anyway
        assert_on_the_page(inside, own + in_this_shell(shell, "inside"))
        assert_seen(inside, rows_without_names_of_zsh(shell, in_this_shell(shell, "inside")))
    for step in ("leave", "deactivate", "leave again"):
        assert_on_the_page(changed(found["load"], found[step]) - anyway, own)


def assert_a_setting_changes(
    when: str, setting: str, shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    """With *setting*, the rows of the case *when* are what is changed more, outside."""
    rc = _DUMP[shell.name] + _OWN[shell.name]
    found: list[Names] = []
    for load in (shell.load_line(f"{home.parent}/venvhook"), "true"):
        terminal = open_terminal(shell, f"{rc}\n{load}")
        terminal.run("true")
        before = state_of(terminal)
        terminal.run(f"set -g {setting} 1" if shell.name == "fish" else f"{setting}=1")
        terminal.run("cd /")
        terminal.run("cd")
        found.append(changed(before, state_of(terminal)))
        terminal.close()
    own = [row for row in in_this_shell(shell, "loaded") if "_*" in row.pattern]
    assert_on_the_page(found[0] - found[1], own + in_this_shell(shell, when))
    assert_seen(found[0] - found[1], in_this_shell(shell, when))


def test_guard_changes_what_the_page_names(
    shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    assert_a_setting_changes("guard", "VENVHOOK_GUARD", shell, home, open_terminal)


def test_eager_changes_what_the_page_names(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    assert_a_setting_changes("eager", "VENVHOOK_BASH_EAGER", bash, home, open_terminal)


def test_no_file_appears_but_what_the_page_names(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    (home / "bad/.venv").mkdir(parents=True)
    open_terminal(shell, "").close()
    before = set(home.rglob("*"))
    terminal = open_terminal(shell)
    for line in ("cd app", "cd ../bad", "cd ..", "cd app", "deactivate", "cd .."):
        terminal.run(line)
    page = (CHECKOUT / "README.md").read_text().partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    named = [home / name for name in re.findall(r"`~/([^`]+)`", page)]
    named += [path for name in named for path in name.parents]
    for path in set(home.rglob("*")) - before:
        right = path in named or any(name in path.parents for name in named)
        assert right or path.name in re.findall(r"one file `([^`]+)`", page), path
