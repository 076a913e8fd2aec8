"""A missing environment is offered at the prompt, where the settings say so, by a program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environments import EnvironmentMaker, uv
from terminal import OpenTerminal, Shell, Terminal

# In the place of the Python that asks: notes what it was called with, and obeys the file 'orders'.
STUB = """#!/bin/sh
[ "$2" = -c ] || exec {python} "$@"
printf '%s\\n' "$5" >> {home}/offers
. {home}/orders
"""
# fish leaves its line editor's modes on the terminal.
ASKS = "stty sane; printf 'make it? ' >&2; read answer; [ $answer = y ] && ln -s {home}/kept .venv"


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """A project without an environment, beside other places."""
    make_environment(home / "kept")
    (home / "app/src").mkdir(parents=True)
    (home / "app/pyproject.toml").touch()
    (home / "plain").mkdir()
    (home / "orders").write_text("exit 1\n")
    settings = home / ".config/venvhook/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('auto_create = "ask"\n')
    return home / "app"


def credulous(open_terminal: OpenTerminal, shell: Shell) -> Terminal:
    """Return a shell in which a stub asks, and obeys HOME/orders."""
    terminal = open_terminal(shell)
    home = terminal.home
    python = shell.word(os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b""))
    program = home / "helper"
    program.write_text(STUB.format(python=python, home=home))
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))
    return terminal


def offers(terminal: Terminal) -> list[str]:
    """Return the directories that something was offered for."""
    file = terminal.home / "offers"
    return file.read_text().splitlines() if file.exists() else []


def test_it_is_offered_once_a_project_and_shell(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = credulous(open_terminal, shell)
    terminal.run("cd app")
    assert offers(terminal) == [str(app)]
    terminal.run("true")
    for step in ("..", "app", "src", "..", "../plain", "../app"):
        terminal.run(f"cd {step}")
    assert offers(terminal) == [str(app)]
    again = credulous(open_terminal, shell)
    again.run("cd app")
    assert offers(terminal) == [str(app)] * 2


def test_what_is_made_is_active_at_that_prompt(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "orders").write_text(ASKS.format(home=home))
    terminal = credulous(open_terminal, shell)
    terminal.run("sh -c 'exit 7'")
    terminal.send("cd app\r")
    terminal.wait_for("make it? ")
    terminal.send("y\r")
    terminal.wait_for_prompt()
    assert terminal.environment == str(app / ".venv")
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.environment is None


def test_the_status_of_the_last_command_stays(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = credulous(open_terminal, shell)
    end = "; sh -c 'exit 7'"
    terminal.run(f"cd app{end}")
    assert offers(terminal) == [str(app)]
    assert terminal.status == "7"


def test_never_in_the_middle_of_a_line(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "orders").write_text("echo asked >&2; exit 1\n")
    terminal = credulous(open_terminal, shell)
    assert terminal.run("cd app; echo worked; cd ../plain") == "worked\n"
    assert offers(terminal) == []
    assert terminal.run("cd ../app; echo worked") == "worked\nasked\n"
    assert offers(terminal) == [str(app)]


def test_interrupted_there_is_a_prompt(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "orders").write_text("printf 'make it? ' >&2; exec sleep 600\n")
    terminal = credulous(open_terminal, shell)
    terminal.send("cd app\r")
    terminal.wait_for("make it? ")
    terminal.interrupt()
    assert terminal.run("echo lives") == "lives\n"
    assert terminal.run("pwd") == f"{app}\n"
    terminal.run("cd src")
    terminal.run("cd ..")
    assert offers(terminal) == [str(app)]
    assert terminal.environment is None


def test_what_waits_is_asked_at_the_next_prompt(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "orders").write_text("exit 3\n")
    terminal = credulous(open_terminal, shell)
    terminal.run("cd app")
    assert len(offers(terminal)) == 1
    (home / "orders").write_text("exit 1\n")
    terminal.run("true")
    assert len(offers(terminal)) == 2
    terminal.run("true")
    assert offers(terminal) == [str(app)] * 2


NOT_OFFERED = {
    "never": "",
    "no project": "",
    "environment": "",
    "off": "VENVHOOK_OFF",
    "variable": "VENVHOOK_AUTO_CREATE",
    "by hand": "VIRTUAL_ENV",
}


@pytest.mark.parametrize("why", NOT_OFFERED)
def test_not_offered(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal, why: str
) -> None:
    if why == "never":
        (home / ".config/venvhook/config.toml").unlink()
    elif why == "no project":
        (app / "pyproject.toml").rename(app / "other.toml")
    elif why == "environment":
        (app / ".venv").symlink_to(home / "kept")
    terminal = credulous(open_terminal, shell)
    name = NOT_OFFERED[why]
    if name:
        value = "never" if why == "variable" else home / "kept"
        export = f"set -gx {name} " if shell.name == "fish" else f"export {name}="
        terminal.run(f"{export}{value}")
    terminal.run("cd app")
    terminal.run("cd src")
    assert offers(terminal) == []


def test_set_while_the_shell_runs_and_by_a_variable(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / ".config/venvhook/config.toml").unlink()
    terminal = credulous(open_terminal, shell)
    terminal.run("cd app")
    assert offers(terminal) == []
    export = "set -gx VENVHOOK_AUTO_CREATE ask" if shell.name == "fish" else ""
    terminal.run(export or "export VENVHOOK_AUTO_CREATE=ask")
    terminal.run("cd src")
    terminal.run("cd ..")
    assert offers(terminal) == [str(app)]
    other = credulous(open_terminal, shell)
    (home / ".config/venvhook/config.toml").write_text('auto_create = "ask"\n')
    other.run("cd app")
    assert offers(terminal) == [str(app)] * 2


def test_an_environment_that_was_removed_is_not_offered_again(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (app / ".venv").symlink_to(home / "kept")
    terminal = credulous(open_terminal, shell)
    terminal.run("cd app")
    assert terminal.environment == str(app / ".venv")
    terminal.run("rm .venv")
    assert terminal.environment is None
    assert offers(terminal) == []


def test_a_script_is_never_asked(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "orders").write_text("echo asked >&2\n")
    terminal = credulous(open_terminal, shell)
    load = shell.load_line(terminal.command)
    assert shell.path is not None
    printed = terminal.run(f"{shell.path} -c {shell.word(f'{load}; cd app; true')}")
    assert printed == ""
    assert app.exists()
    assert offers(terminal) == []


def test_really_made(shell: Shell, ground: Path, make_environment: EnvironmentMaker) -> None:
    home = ground / "home"
    (home / "app").mkdir(parents=True)
    (home / "app/pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\n')
    (home / "app/uv.lock").touch()
    there = make_environment(home / "other/.venv")
    environ = {
        "PATH": f"{Path(uv()).parent}:/usr/bin:/bin",
        "VENVHOOK_AUTO_CREATE": "ask",
        "VENVHOOK_BACKEND": "uv",
    }
    with Terminal(shell, ground, environ=environ) as terminal:
        terminal.run("cd other")
        assert terminal.environment == str(there)
        terminal.send("cd ../app\r")
        terminal.wait_for("[y/N] ")
        terminal.send("y\r")
        terminal.wait_for_prompt()
        assert terminal.environment == str(home / "app/.venv")
        assert terminal.prompt == "(app) "
        assert terminal.which("python") == f"{home}/app/.venv/bin/python"
