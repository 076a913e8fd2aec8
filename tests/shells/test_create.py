"""'venvhook create' in real shells, with the real tools: what it makes is active at once."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from terminal import OpenTerminal, Shell, Terminal

# Where the prepared uv and virtualenv are, and an interpreter; nothing else need be on PATH.
TOOLS = str(Path(sys.executable).parent)
PYTHON = shlex.quote(sys.executable)


def line(terminal: Terminal, words: str) -> str:
    """Return the line that calls venvhook with *words*."""
    call = "& " if terminal.shell.name == "pwsh" else ""
    return f"{call}{terminal.shell.word(terminal.command)} {words}"


def command(terminal: Terminal, words: str) -> str:
    """Run venvhook with *words*, and return what it printed."""
    return terminal.run(line(terminal, words))


# The prepared tools are on PATH, and uv asks no network.
ENVIRON = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "UV_OFFLINE": "1"}


@pytest.mark.parametrize("backend", ["uv", "virtualenv", "venv"])
def test_what_was_made_is_active_at_the_next_prompt(
    any_shell: Shell, backend: str, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app").mkdir()
    terminal = open_terminal(any_shell, environ=ENVIRON)
    terminal.run("cd app")
    printed = command(terminal, f"create --backend {backend} --without-pip --python {PYTHON}")
    assert printed.startswith(f"{home}/app/.venv: made with {backend} and Python ")
    assert terminal.environment == f"{home}/app/.venv"
    assert terminal.prompt == "(app) "
    assert (home / "app/.venv/.gitignore").read_text().strip().endswith("*")
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.run("cd app") == ""
    assert terminal.environment == f"{home}/app/.venv"


def test_what_is_there_is_made_anew_only_after_a_yes(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app").mkdir()
    terminal = open_terminal(any_shell, environ=ENVIRON)
    terminal.run("cd app")
    create = f"create --without-pip --python {PYTHON}"
    command(terminal, create)
    (home / "app/.venv/mine").touch()
    again = command(terminal, create)
    assert again.startswith(f"venvhook: {home}/app/.venv: an environment is there already")
    for answer in ("n", "", "y"):
        assert (home / "app/.venv/mine").exists()
        terminal.send(line(terminal, f"{create} --clear") + "\r")
        terminal.wait_for("Go on? [y/N]: ")
        terminal.send(answer + "\r")
        terminal.wait_for_prompt()
    assert not (home / "app/.venv/mine").exists()
    assert terminal.environment == f"{home}/app/.venv"


def test_a_spinner_is_drawn_on_a_terminal_only_and_leaves_nothing(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    slow = home / "bin/uv"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 1.5\necho error: too slow >&2\nexit 1\n")
    slow.chmod(0o755)
    (home / "app").mkdir()
    environ = {"PATH": f"{slow.parent}:{os.environ['PATH']}"}
    terminal = open_terminal(bash, environ=environ)
    terminal.run("cd app")
    told = "uv failed (exit status 1): error: too slow; nothing was changed"
    create = f"create --backend uv --without-pip --python {PYTHON}"
    shown = command(terminal, create)
    assert "making .venv with uv and Python" in shown
    assert shown.endswith(f"\r\x1b[Kvenvhook: {told}\n")
    quiet = command(terminal, f"{create} 2>&1 | cat")
    assert quiet == f"venvhook: {told}\n"
    assert not (home / "app/.venv").exists()
