"""Quiet where it must be: not a byte of venvhook's where somebody else reads, or nobody does."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell


@pytest.fixture
def projects(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with an environment that is used, one that is refused, and one in a sound project."""
    make_environment(home / "app/.venv")
    (home / "bad/.venv").mkdir(parents=True)
    (home / "bad/pyproject.toml").touch()
    return home


# ---- In an interactive shell ---------------------------------------------------------------------

POSIX_LINES = (
    ('echo "$(cd {} && pwd)"', "{path}\n"),
    ("(cd {} && pwd)", "{path}\n"),
    ("cd {} | cat", ""),
    ("cd {} 2>&1 | cat; pwd", "{home}\n"),
    ("(cd {}; pwd) | cat", "{path}\n"),
    ("{ cd {} && pwd; } | cat", "{path}\n"),
    ('x=$(cd {} 2>&1; cd /; cd ~/{} 2>&1); echo "<$x>"', "<>\n"),
    ("cat <(cd {} && pwd)", "{path}\n"),
    ("(cd {}; (cd ..; cd {}; pwd))", "{path}\n"),
)
# In fish a substitution and a pipeline change the directory of the shell itself.
FISH_LINES = (
    ("echo (cd {}; and pwd); cd", "{path}\n"),
    ("cd; cd {} 2>&1 | cat; cd", ""),
    ('set x (cd {} 2>&1); echo "<$x>"; cd', "<>\n"),
    ("begin; cd {}; and pwd; end 2>&1 | cat; cd", "{path}\n"),
    ("cd {}; echo in; cd ~; echo out", "in\nout\n"),
    ("fish -c 'cd {}; and pwd' 2>&1", "{path}\n"),
    ("fish -ic 'cd {}; and pwd' 2>&1", "{path}\n"),
)


@pytest.mark.parametrize("kind", ["app", "bad"])
def test_nothing_is_said_below_the_prompt(
    shell: Shell, kind: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    for visit in ("asked", "kept"):
        cache = {"XDG_CACHE_HOME": str(projects.parent / "cache")}
        terminal = open_terminal(shell, environ=cache)
        for line, expected in FISH_LINES if shell.name == "fish" else POSIX_LINES:
            if visit == "asked":
                shutil.rmtree(projects.parent / "cache", ignore_errors=True)
            printed = terminal.run(line.replace("{}", kind))
            path = projects / kind
            wanted = expected.replace("{path}", str(path)).replace("{home}", str(projects))
            assert (visit, line, printed) == (visit, line, wanted)
        terminal.close()


def test_what_was_not_said_there_is_said_to_who_comes(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(shell)
    terminal.run("echo (cd bad); cd" if shell.name == "fish" else "echo $(cd bad)")
    assert terminal.run("cd bad").count("venvhook: ") == 1
    assert terminal.run("cd ..; cd bad") == ""


def test_a_sourced_file_silences_nothing_for_good(
    posix_shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run_file("cd app; cd ..")
    assert terminal.run(f"cd {projects}/bad").count("venvhook: ") == 1


def test_completion_shows_nothing(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    terminal = open_terminal(shell)
    if shell.name == "bash":
        terminal.send("stty echo; exec bash -i\r")
    elif shell.name == "zsh":
        terminal.send("PS1='ready> '; setopt zle; autoload -U compinit; compinit -D\r")
    terminal.run("cd .") if shell.name == "fish" else terminal.wait_for("ready> ")
    terminal.send("cd ba\t")
    terminal.wait_for("bad/")
    terminal.send("\x15echo do\t\x15echo done\r")
    terminal.wait_for("done")
    assert "venvhook: " not in terminal.screen


# ---- Where no person is --------------------------------------------------------------------------

# What a shell is started with, and the files of its that then load venvhook without asking whether
# a person is there.
STARTS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "bash": (
        (("-c",), ".bashrc"),
        (("-ic",), ".bashrc"),
        (("-lc",), ".bash_profile"),
        (("-lic",), ".bash_profile"),
        (("-c",), "BASH_ENV"),
    ),
    "zsh": (
        (("-c",), ".zshenv"),
        (("-ic",), ".zshenv"),
        (("-ic",), ".zshrc"),
        (("-lc",), ".zprofile"),
        (("-lic",), ".zlogin"),
    ),
    "fish": (
        (("-c",), ".config/fish/config.fish"),
        (("-ic",), ".config/fish/config.fish"),
        (("-lc",), ".config/fish/config.fish"),
        (("--no-config", "-c"), ".config/fish/config.fish"),
    ),
}
# What sshd gives to 'ssh host command' and to scp, and cron to its jobs.
SURROUNDINGS: dict[str, dict[str, str]] = {
    "ssh": {"SSH_CLIENT": "192.0.2.1 50022 22", "SSH_CONNECTION": "192.0.2.1 50022 192.0.2.2 22"},
    "cron": {"SHELL": "/bin/sh", "LOGNAME": "me"},
}
# What an interactive shell says itself where there is no terminal.
_WITHOUT_A_TERMINAL = ("bash: cannot set terminal process group", "bash: no job", "warning: ")


def run_without_a_terminal(words: list[str], home: Path, environ: dict[str, str]) -> str:
    """Return what *words* print, both ways together, with a socket as their input, as sshd does."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)
        done = subprocess.run(
            words,
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environ},
            start_new_session=True,
            timeout=60,
        )
    lines = done.stdout.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_WITHOUT_A_TERMINAL))


@pytest.mark.parametrize("where", SURROUNDINGS)
def test_shells_without_a_person_print_nothing_more(
    shell: Shell, where: str, projects: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    load = shell.load_line(terminal.command)
    terminal.close()
    assert shell.path is not None
    (projects / "data").write_bytes(b"bytes")
    end = "; and " if shell.name == "fish" else " && "
    for arguments, name in STARTS[shell.name]:
        terminal.rc_file.unlink(missing_ok=True)
        environ = dict(SURROUNDINGS[where])
        file = projects / ("rc" if name == "BASH_ENV" else name)
        if name == "BASH_ENV":
            environ[name] = str(file)
        file.write_text(f"{load}\n")
        for directory in (projects / "app", projects / "bad"):
            # As scp: what comes has to be what the file holds; as rsync, in a project.
            lines = {
                f"cat {projects}/data": "bytes",
                f"cd {directory}{end}pwd; cd ..; cd {directory} 2>&1 | cat": f"{directory}\n",
            }
            for line, expected in lines.items():
                found = run_without_a_terminal([shell.path, *arguments, line], projects, environ)
                assert (arguments, name, line, found) == (arguments, name, line, expected)
        script = projects / "script"
        script.write_text(f"cd {projects}/bad\npwd\n")
        first = [word for word in arguments if word != "-c"]
        words = [shell.path, *(word.replace("c", "") for word in first if word[1] != "-"), "script"]
        found = run_without_a_terminal(words, projects, environ)
        assert (words, name, found) == (words, name, f"{projects}/bad\n")
        file.unlink()


# ---- Job notices, traces, history ----------------------------------------------------------------


def test_no_job_is_told_of(posix_shell: Shell, projects: Path, open_terminal: OpenTerminal) -> None:
    del projects
    terminal = open_terminal(posix_shell)
    terminal.run("set -m; set -b" if posix_shell.name == "bash" else "setopt monitor notify")
    for line in ("cd app", "cd ../bad", "cd ..", "cd app", "true", "cd .."):
        printed = terminal.run(line)
        assert [text for text in printed.splitlines() if not text.startswith("venvhook: ")] == []
    assert terminal.run("jobs") == ""


TRACES = {
    "bash": ("set -x", "BASH_XTRACEFD=2; set -x", "PS4='$(echo traced >&2)+ '; set -x"),
    "zsh": (
        "set -x",
        "PS4='%N:%i> '; set -x",
        "setopt prompt_subst; PS4='$(echo traced >&2)'; set -x",
    ),
    "fish": ("set -g fish_trace 1",),
}


def test_traces_break_nothing(shell: Shell, projects: Path, open_terminal: OpenTerminal) -> None:
    for option in TRACES[shell.name]:
        terminal = open_terminal(shell)
        terminal.run(option)
        for _visit in ("asked", "kept"):
            terminal.run("cd app")
            assert terminal.prompt == "(app) ", option
            assert terminal.environment == str(projects / "app/.venv"), option
            shutil.rmtree(projects / ".cache/venvhook", ignore_errors=True)
            traced = terminal.run("cd ../bad")
            assert terminal.environment is None, option
            if shell.name != "fish":
                # Only the first of what it does shows.
                assert "venvhook.recipe" not in traced, option
            terminal.run("cd ..")
        terminal.close()


def test_history_has_only_what_was_typed(
    shell: Shell, projects: Path, open_terminal: OpenTerminal
) -> None:
    del projects
    rc = "set -g fish_history mine" if shell.name == "fish" else "HISTSIZE=99"
    terminal = open_terminal(shell, rc="")
    load = shell.load_line(terminal.command)
    terminal.close()
    terminal = open_terminal(shell, rc=f"{rc}\n{load}")
    typed = ["cd app", "cd ../bad", "cd ..", "cd app/", "deactivate", "cd ../"]
    for line in typed:
        terminal.run(line)
    if shell.name == "fish":
        listed = terminal.run("history search | cat").splitlines()[::-1]
    else:
        listed = [line.split(None, 1)[1] for line in terminal.run("fc -l 1").splitlines()]
    assert [line for line in listed if not line.startswith(("fc", "history"))] == typed
