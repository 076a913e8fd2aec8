"""'venvhook create' in real shells, with the real tools: what it makes is active at once."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

# Where the prepared uv and virtualenv are, and an interpreter; nothing else need be on PATH.
TOOLS = str(Path(sys.executable).parent)
PYTHON = shlex.quote(sys.executable)


def command(terminal: Terminal, words: str) -> str:
    """Run venvhook with *words*, and return what it printed."""
    call = "& " if terminal.shell.name == "pwsh" else ""
    return terminal.run(f"{call}{terminal.shell.word(terminal.command)} {words}")


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
