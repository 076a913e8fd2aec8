"""Ctrl-C at any moment, a helper that hangs or dies, and a machine that has no room left."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

# What no other process on this machine is called with.
_LONG = "98765.4321"


def assign(shell: Shell, name: str, value: str | bytes | Path) -> str:
    """Return the line that sets the global variable *name*."""
    if shell.name == "fish":
        return f"set -g {name} {shell.word(value)}"
    return f"{name}={shell.word(value)}"


def program(path: Path, *lines: str) -> Path:
    """Make a program of sh's *lines* at *path*, which says in ``calls`` beside it that it ran."""
    calls = path.parent / "calls"
    path.write_text("\n".join(("#!/bin/sh", f"echo call >> '{calls}'", *lines, "")))
    path.chmod(0o755)
    return path


def calls(home: Path) -> int:
    """Return how often the programs of ``program`` in *home* ran."""
    file = home / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


def real_python(terminal: Terminal) -> str:
    """Return the helper's interpreter."""
    return os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")


def processes() -> list[list[str]]:
    """Return number, parent, state and command of each process of this machine."""
    words = ["ps", "-A", "-o", "pid=,ppid=,stat=,args="]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [line.split(None, 3) for line in listed.splitlines()]


def timed(terminal: Terminal, line: str) -> tuple[str, float]:
    """Run *line*, and return what it printed and how many seconds it took."""
    begin = time.monotonic()
    printed = terminal.run(line)
    return printed, time.monotonic() - begin


# ---- A helper that hangs -------------------------------------------------------------------------


def replace_python(home: Path, python: str) -> dict[str, Path]:
    """Replace the helper's Python by one that starts another program, and waits for it."""
    del python
    return {"_VENVHOOK_PYTHON": program(home / "hanging", f"sleep {_LONG}", "echo")}


def stop_python(home: Path, python: str) -> dict[str, Path]:
    """Stop the helper before it has begun."""
    return {"_VENVHOOK_PYTHON": program(home / "stopped", "kill -STOP $$", f'exec {python} "$@"')}


def answer_half(home: Path, python: str) -> dict[str, Path]:
    """Let the helper begin to answer."""
    del python
    return {"_VENVHOOK_PYTHON": program(home / "half", "printf '#\\n_venv'", f"exec sleep {_LONG}")}


def hang_package(home: Path, python: str) -> dict[str, Path]:
    """Let the package be one whose reading does not end, as on a disk that does not answer."""
    del python
    package = home / "source/venvhook"
    package.mkdir(parents=True)
    os.mkfifo(package / "fifo")
    (package / "__init__.py").write_text(f"open({os.fspath(package / 'fifo')!r})\n")
    return {"_VENVHOOK_SOURCE": package.parent}


HANGS: tuple[Callable[[Path, str], dict[str, Path]], ...]
HANGS = (replace_python, stop_python, answer_half, hang_package)


def test_a_helper_that_hangs_is_given_up_after_a_second(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    terminal = open_terminal(shell)
    python = real_python(terminal)
    right = terminal.values("_VENVHOOK_PYTHON", "_VENVHOOK_SOURCE")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    for hang in HANGS:
        name = hang.__name__
        environment = make_environment(home / name / ".venv")
        for variable, value in hang(home, python).items():
            terminal.run(assign(shell, variable, value))
        if shell.name != "fish":
            terminal.run("true & wait; last=$!")
        printed, seconds = timed(terminal, f"cd {name}")
        assert printed.startswith("venvhook: the helper did not answer within a second ("), name
        assert printed.count("\n") == 1, printed
        assert 0.9 < seconds < 5, name
        # The next prompts do not wait, and the shell is as it was.
        printed, seconds = timed(terminal, f"echo {shell.status}; echo; echo")
        assert (printed, seconds < 0.9) == ("0\n\n\n", True), name
        if shell.name != "fish":
            assert terminal.run("[ $last = $! ] && jobs && echo kept") == "kept\n"
        assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before, name
        left = [words for words in processes() if _LONG in words[3] or str(home) in words[3]]
        assert [words for words in left if words[0] != str(terminal.pid)] == [], name
        assert [words for words in processes() if words[1] == str(terminal.pid)][1:] == [], name
        for variable, known in right.items():
            terminal.run(assign(shell, variable, known or b""))
        terminal.run("cd ..")
        assert terminal.run(f"cd {name}") == "", name
        assert terminal.environment == str(environment)
        terminal.run("cd ..")


def test_a_helper_that_goes_on_hanging_is_asked_ever_less(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", program(home / "hang", f"exec sleep {_LONG}")))
    asked = []
    lines = 0
    for _visit in range(6):
        before = calls(home)
        lines += terminal.run("cd app").count("\n")
        asked.append(calls(home) - before)
        terminal.run("cd ..")
    # After one that hung again, one visit without; after the next, three.
    assert (asked, lines) == ([1, 1, 0, 1, 0, 0], 1)


def test_a_helper_that_is_merely_slow_is_waited_for(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    slow = program(home / "slow", "sleep 0.6", f'exec {real_python(terminal)} "$@"')
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", slow))
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(environment)


# ---- A helper that dies, or is interrupted -------------------------------------------------------


def test_a_helper_that_was_killed_is_asked_again(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    python = real_python(terminal)
    # It kills itself where it reads its first module: after it has begun.
    package = home / "source/venvhook"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import os; os.kill(os.getpid(), 9)\n")
    source = terminal.value("_VENVHOOK_SOURCE") or b""
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", package.parent))
    printed = terminal.run("cd app")
    assert printed.startswith(f"venvhook: the helper was killed ({python}"), printed
    assert printed.count("\n") == 1
    assert terminal.run("echo") == "\n"
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", source))
    terminal.run("cd ..")
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(environment)


def test_an_interrupted_helper_is_asked_again_after_a_change_of_directory(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    python = real_python(terminal)
    os.mkfifo(home / "fifo")
    begun = f"echo begun >&2; read x < '{home}/fifo'"
    for way in (begun, f"trap '' INT; {begun}"):
        before = calls(home)
        helper = program(home / "helper", f"if [ -e '{home}/fifo' ]; then {way}; fi")
        terminal.run(assign(shell, "_VENVHOOK_PYTHON", helper))
        terminal.send("cd app\r")
        terminal.wait_for("begun")
        terminal.interrupt()
        # Not once more at this prompt nor at the next ones.
        for _ in range(3):
            assert terminal.run("echo alive") == "alive\n"
        assert calls(home) == before + 1, way
        assert terminal.environment is None
        assert [words for words in processes() if str(helper) in words[3]] == [], way
        terminal.run("cd ..")
    # It is not taken for one that is gone: what it complains about is said.
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", python))
    protocol = terminal.value("_VENVHOOK_PROTOCOL") or b""
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", "0"))
    assert terminal.run("cd app").startswith("venvhook: this shell was started with another")
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", protocol))
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


def test_a_helper_that_fails_in_its_own_way_is_one_line(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    package = home / "source/venvhook"
    package.mkdir(parents=True)
    for number, text in enumerate(("raise MemoryError", "syntax error", "import nothing_at_all")):
        (package / "__init__.py").write_text(f"{text}  # {'#' * number}\n")
        terminal.run(assign(shell, "_VENVHOOK_SOURCE", package.parent))
        terminal.run(assign(shell, "_VENVHOOK_GONE", ""))
        printed = terminal.run("cd app")
        assert printed.startswith("venvhook: the helper failed: "), text
        assert printed.count("\n") == 1, printed
        assert terminal.run("cd ..") == ""


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Kill what a failed test has left hanging."""
    yield
    subprocess.run(["pkill", "-KILL", "-f", f"sleep {_LONG}"], check=False)
