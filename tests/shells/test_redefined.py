"""Commands that the user has redefined: no effect on venvhook, and none of venvhook's on them.

Each one says HIJACKED and fails. The lines typed here use what is not redefined: programs by their
path, and pushd and popd to change the directory.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

COMMON: tuple[str, ...] = (
    "cd",
    "test",
    "[",
    "echo",
    "printf",
    "read",
    "source",
    "unset",
    "export",
    "builtin",
)
COMMON += ("command", "python")
# What people redefine more rarely. Not 'local' in bash, and not 'return' in bash and zsh, by
# which nearly every function begins or ends: README.md says so.
RARE: tuple[str, ...] = (
    ".",
    ":",
    "eval",
    "set",
    "shift",
    "declare",
    "typeset",
    "exec",
    "shopt",
    "history",
    "type",
)
RARE += ("complete", "hash", "true", "false", "trap", "kill", "alias", "unalias", "let", "getopts")
RARE += ("mapfile", "compgen", "exit", "wait", "jobs", "enable", "pwd", "umask", "bind", "fc")
ZSH_RARE: tuple[str, ...] = (
    "emulate",
    "setopt",
    "unsetopt",
    "autoload",
    "functions",
    "print",
    "whence",
    "zle",
)
ZSH_RARE += (
    "unfunction",
    "zmodload",
    "zstyle",
    "rehash",
    "vared",
    "where",
    "which",
    "add-zsh-hook",
)
FISH_RARE: tuple[str, ...] = (
    "contains",
    "functions",
    "isatty",
    "path",
    "math",
    "random",
    "emit",
    "abbr",
    "count",
)
FISH_RARE += ("fish_add_path", "realpath", "set_color", "commandline", "sh", "cat", "rm")
# These words no function can stand for.
RESERVED = {
    "bash": set(),
    "zsh": {"declare", "typeset", "export"},
    "fish": {"[", "builtin", "command", "eval", "exec", "read", "set", "test", "type", "string"}
    | {".", ":", "and", "not", "unset", "declare", "typeset", "status"},
}
# What venvhook's functions call their variables.
WORDS = ("asked", "answer", "witness", "new", "many", "code", "file", "path", "look", "level")


# fish's own functions need these, so they fail only where ours call them.
FISH_FUNCTION = """
builtin functions -q NAME; and builtin functions -c NAME _their_NAME
function NAME
    # (_venvhook_plain is the user's own prompt.)
    if string match -rq '_venvhook_(?!plain)' -- (status stack-trace)
        /bin/echo HIJACKED >&2
        false
    else if builtin -q NAME
        set -l name NAME
        builtin $name $argv
    else if builtin functions -q _their_NAME
        _their_NAME $argv
    else
        command NAME $argv
    end
end
"""


def names(shell: Shell) -> dict[str, tuple[str, ...]]:
    """Return the names that are redefined in *shell* together, each under a title."""
    more = {"zsh": ZSH_RARE, "fish": FISH_RARE}.get(shell.name, ())
    rare = [name for name in RARE + more + WORDS if name not in RESERVED[shell.name]]
    common = [name for name in COMMON if name not in RESERVED[shell.name]]
    every = {name: (name,) for name in common}
    return {**every, "rare": tuple(rare), "all": (*common, *rare)}


def define(shell: Shell, which: tuple[str, ...]) -> str:
    """Return a text that redefines *which* in *shell*, each in the worst way."""
    if shell.name == "fish":
        return "\n".join(FISH_FUNCTION.replace("NAME", name) for name in which)
    # In one line, since what is defined here must not use what was defined before.
    return "; ".join(f"function {name} {{ /bin/echo HIJACKED >&2; [[ '' ]]; }}" for name in which)


@pytest.fixture
def projects(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with two environments, a refused one, and markers that just pass."""
    make_environment(home / "app/.venv")
    make_environment(home / "other/.venv")
    (home / "bad/.venv").mkdir(parents=True)
    (home / "passes/env").mkdir(parents=True)
    (home / "bin").mkdir()
    return home


class Redefined:
    """A terminal in which commands are redefined, asked by what is left."""

    def __init__(self, terminal: Terminal, home: Path) -> None:
        self.terminal = terminal
        self.home = home
        self.said = ""

    def run(self, line: str) -> str:
        """Run *line*, remember what it prints, and fail if one of theirs was called."""
        printed = self.terminal.run(line)
        assert "HIJACKED" not in printed, (line, printed)
        self.said += printed
        return printed

    def go(self, directory: str, expected: str | None) -> None:
        """Go to *directory* in HOME, where the environment of the project *expected* is active."""
        by = "builtin cd" if self.terminal.shell.name == "fish" else "\\pushd"
        self.run(f"{by} {self.home / directory} > /dev/null")
        self.check(expected)

    def check(self, expected: str | None) -> None:
        """Fail unless the environment of the project *expected* is active, and nothing else."""
        found = self.run('/bin/echo "$VIRTUAL_ENV" $PATH')
        environment = "" if expected is None else str(self.home / expected / ".venv")
        assert found.startswith(f"{environment} {environment}{'/bin' if environment else ''}")
        assert found.count(f"{self.home}/") == (2 if expected else 0), found
        assert self.terminal.prompt == ("" if expected is None else f"({expected}) ")

    def walk(self, leave: str = "deactivate") -> None:
        """Go through everything that the hook does; *leave* calls its 'deactivate'."""
        self.run(f"/bin/touch {self.home}/app/.venv/pyvenv.cfg")  # so the helper is asked
        self.go(".", None)
        for _visit in ("asked", "kept"):
            self.go("app", "app")
            self.run("/bin/true")
            self.go("other", "other")
            self.go("bad", None)
            self.go("passes", None)
        self.go("app", "app")
        self.run(leave)
        self.check(None)
        self.run("/bin/true")
        self.check(None)
        self.go(".", None)


def is_theirs(terminal: Terminal, name: str) -> bool:
    """Return whether *name* still is what was defined here."""
    if terminal.shell.name == "fish":
        line = f"builtin functions {name} | string match -q '*HIJACKED*'; and /bin/echo theirs"
        return terminal.run(line) == "theirs\n"
    return terminal.run(f"{name} x") == "HIJACKED\n"


def test_functions_defined_before_change_nothing(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    load = shell.load_line(terminal.command)
    for title, which in names(shell).items():
        terminal.close()
        # Where the line that loads venvhook calls 'eval', that has to be the shell's own.
        defined = tuple(name for name in which if name != "eval")
        terminal = open_terminal(shell, rc=f"{define(shell, defined)}\n{load}")
        assert "HIJACKED" not in terminal.greeting, title
        Redefined(terminal, projects).walk()
        assert [name for name in defined if not is_theirs(terminal, name)] == [], title


def test_functions_defined_after_change_nothing(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    load = shell.load_line(terminal.command)
    for title, which in names(shell).items():
        terminal.close()
        terminal = open_terminal(shell, rc=f"{load}\n{define(shell, which)}")
        assert "HIJACKED" not in terminal.greeting, title
        Redefined(terminal, projects).walk()
        assert [name for name in which if not is_theirs(terminal, name)] == [], title


# As aliases these can be anything, and in zsh stand anywhere in a line.
ALIASES = ("local", "return", "builtin", "deactivate", "function", "let", "break", "continue")
GLOBAL_ALIASES = (*WORDS, "G", "L", "T", "x", "1", "many", "none", "-r", "--", "2>", "$1", "local")


def alias_lines(shell: Shell) -> list[str]:
    """Return lines that make each name an alias that fails."""
    every = [name for name in names(shell)["all"] if name != "eval"] + list(ALIASES)
    lines = [f"alias {shell.word(f'{name}=/bin/echo HIJACKED; false ')}" for name in every]
    if shell.name == "zsh":
        lines += [f"alias -g -- {shell.word(f'{name}=HIJACKED')}" for name in GLOBAL_ALIASES]
    return ["\\" + line for line in lines]


@pytest.mark.parametrize("when", ["before", "after"])
def test_aliases_change_nothing(
    posix_shell: Shell, when: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    load = f"eval {posix_shell.load_line(terminal.command).removeprefix('eval ')}"
    lines = alias_lines(posix_shell)
    terminal.close()
    lines = [*lines, load] if when == "before" else [load, *lines]
    terminal = open_terminal(posix_shell, rc="\n".join(lines))
    assert "HIJACKED" not in terminal.greeting
    listed = "\\alias | /usr/bin/wc -l"
    count = terminal.run(listed)
    Redefined(terminal, projects).walk(leave="\\deactivate")
    assert terminal.run(listed) == count
    assert int(count) > 50
    assert terminal.run("umask").startswith("HIJACKED\n")


def test_aliases_are_still_off_where_they_were(bash: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(bash)
    terminal.run("shopt -u expand_aliases")
    terminal.run(bash.load_line(terminal.command))
    assert terminal.run("shopt -q expand_aliases || echo off") == "off\n"


# ---- 'deactivate' of the user's ------------------------------------------------------------------

MINE = {"fish": "function deactivate; echo my own; expr 7; end"}
MINE_POSIX = "deactivate() { echo my own; expr 7; }"
OWN = "my own\n7\n"


@pytest.mark.parametrize("when", ["before", "inside", "inside, and left by switching"])
def test_a_deactivate_of_the_users_stays(
    shell: Shell, when: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(shell)
    define = MINE.get(shell.name, MINE_POSIX)
    if when == "before":
        terminal.run(define)
        # Not a second time when it is given back: it would be 'echo echo'.
        terminal.run("alias expr='echo expanded'")
    terminal.run("cd app")
    if when == "before":
        assert terminal.run("deactivate") == ""
        assert terminal.environment is None
    else:
        terminal.run(define)
    if "switching" in when:
        terminal.run("cd ../other")
        assert terminal.prompt == "(other) "
    terminal.run("cd /; cd")
    assert terminal.environment is None
    if when != "before":
        assert terminal.run("deactivate") == OWN
        terminal.run("cd app; cd")
    expected = OWN if when != "before" or shell.name != "fish" else "my own\nexpanded 7\n"
    assert terminal.run("deactivate") == expected


def test_an_exported_deactivate_is_exported_again(
    bash: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(bash)
    terminal.run(f"{MINE_POSIX}; export -f deactivate")
    terminal.run("cd app")
    assert b"BASH_FUNC_deactivate%%" not in terminal.child_environment()
    terminal.run("cd")
    assert terminal.run("bash -c deactivate") == OWN


def test_an_alias_called_deactivate_stays(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(shell)
    terminal.run("alias deactivate='echo my own'")
    terminal.run("cd app")
    assert terminal.prompt == "(app) "
    terminal.run("cd")
    assert terminal.run("deactivate") == "my own\n"
