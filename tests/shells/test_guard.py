"""The guard: pip refuses while no environment is active, and what the user had comes back."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from checkout import go_without
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

NAME = "PIP_REQUIRE_VIRTUALENV"
LINE = "venvhook: pip installs outside of environments are off; 'venvhook guard off' allows them\n"


@pytest.fixture
def settings(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The file in which the guard is on; in HOME there is a project ``app``, and ``plain``."""
    make_environment(home / "app/.venv")
    (home / "plain").mkdir()
    file = home / ".config/venvhook/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("guard = true\n")
    return file


def assign(terminal: Terminal, name: str, value: str | None) -> None:
    """Export the variable *name*, or unset it for None."""
    shell = terminal.shell.name
    if shell == "fish":
        terminal.run(f"set -e {name}" if value is None else f"set -gx {name} '{value}'")
    elif shell == "pwsh":
        terminal.run(f"$env:{name} = " + ("$null" if value is None else f"'{value}'"))
    else:
        terminal.run(f"unset {name}" if value is None else f"export {name}='{value}'")


def exported(terminal: Terminal) -> bytes | None:
    """Return what a program sees of the variable."""
    return terminal.child_environment().get(NAME.encode())


@pytest.mark.usefixtures("settings")
def test_it_is_on_where_no_environment_is_active(
    any_shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    assert exported(terminal) == b"1"
    for step, expected in (("app", None), ("..", b"1"), ("plain", b"1"), ("../app", None)):
        terminal.run(f"cd {step}")
        assert exported(terminal) == expected, step
    terminal.run("deactivate")
    terminal.run("cd .")
    assert exported(terminal) == b"1"


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("value", ["", "0", "1", "two words"])
def test_the_users_own_value_comes_back(
    shell: Shell, open_terminal: OpenTerminal, value: str
) -> None:
    terminal = open_terminal(shell, environ={NAME: value})
    assert exported(terminal) == b"1"
    terminal.run("cd app")
    assert exported(terminal) == value.encode()
    terminal.run("cd ..")
    assert exported(terminal) == b"1"


def test_it_is_switched_while_the_shell_runs(
    any_shell: Shell, settings: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    for text, expected in (("false", None), ("true", b"1")):
        settings.write_text(f"guard = {text}\n")
        terminal.run("cd plain")
        assert exported(terminal) == expected
        terminal.run("cd ..")
    settings.unlink()
    terminal.run("cd plain")
    assert exported(terminal) is None


@pytest.mark.parametrize("word", ["1", "true", "on"])
def test_the_variable_comes_before_the_setting(
    any_shell: Shell, settings: Path, open_terminal: OpenTerminal, word: str
) -> None:
    terminal = open_terminal(any_shell)
    assign(terminal, "VENVHOOK_GUARD", "off")
    terminal.run("cd plain")
    assert exported(terminal) is None
    settings.write_text("guard = false\n")
    assign(terminal, "VENVHOOK_GUARD", word)
    terminal.run("cd ..")
    assert exported(terminal) == b"1"


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("own", [None, "0"])
def test_what_the_user_sets_himself_stays(
    any_shell: Shell, open_terminal: OpenTerminal, own: str | None
) -> None:
    terminal = open_terminal(any_shell)
    assign(terminal, NAME, own)
    expected = None if own is None else own.encode()
    for step in ("plain", "../app", "..", "plain"):
        terminal.run(f"cd {step}")
        assert exported(terminal) == expected, step


@pytest.mark.usefixtures("settings")
def test_one_that_is_activated_by_hand_counts(
    shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    suffix = ".fish" if shell.name == "fish" else ""
    terminal.run(f"source {home}/app/.venv/bin/activate{suffix}")
    assert exported(terminal) is None
    terminal.run("cd plain")
    assert exported(terminal) is None
    terminal.run("deactivate")
    assert exported(terminal) == b"1"
    for name, expected in (("base", b"1"), ("science", None)):
        assign(terminal, "CONDA_DEFAULT_ENV", name)
        terminal.run("cd ../plain")
        assert exported(terminal) == expected, name


@pytest.mark.usefixtures("settings")
def test_a_shell_started_from_a_guarded_one_goes_on_with_it(
    shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ={NAME: "0"})
    assert exported(terminal) == b"1"
    terminal.become(shell)
    assert exported(terminal) == b"1"
    terminal.run("cd app")
    assert exported(terminal) == b"0"


def refusing(terminal: Terminal) -> None:
    """Put a ``pip`` and a ``grep`` on PATH that end as pip does where it refuses."""
    folder = terminal.home / "programs"
    folder.mkdir()
    for name in ("pip", "grep"):
        (folder / name).write_text("#!/bin/sh\nexit 3\n")
        (folder / name).chmod(0o755)
    assign(terminal, "PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.usefixtures("settings")
def test_a_refusal_is_explained_once(shell: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(shell, environ={"HISTSIZE": "100"})
    if shell.name == "bash":
        terminal.run("set -o history")
    refusing(terminal)
    assert terminal.run("pip install x") == LINE
    assert terminal.status == "3"
    # An empty line is no refusal.
    terminal.send("\r")
    assert LINE.strip() not in terminal.wait_for_prompt()
    assert terminal.run("grep x") == ""
    assert terminal.screen.count(LINE.strip()) == 1
    assert terminal.run("pip install y") == LINE
    terminal.run("cd app")
    assert terminal.run("pip install x") == ""


def test_nothing_is_explained_where_the_guard_is_off(
    shell: Shell, settings: Path, open_terminal: OpenTerminal
) -> None:
    settings.write_text("guard = false\n")
    terminal = open_terminal(shell)
    refusing(terminal)
    assert terminal.run("pip install x") == ""


@pytest.mark.usefixtures("settings")
def test_what_was_typed_is_left_in_no_file(bash: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(bash)
    terminal.run("set -o history")
    refusing(terminal)
    assert terminal.run("pip install secret") == LINE
    kept = [file for file in (terminal.home / ".cache").rglob("*") if file.is_file()]
    assert kept
    assert not [file for file in kept if b"secret" in file.read_bytes()]


@pytest.mark.usefixtures("settings")
def test_a_real_pip_refuses(bash: Shell, home: Path, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(bash)
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        go_without("pip")
    # The Python that the tests' environment was made from, with that environment's pip.
    folder, python = Path(pip.origin).parents[1], os.path.realpath(sys.executable)
    printed = terminal.run(f"PYTHONPATH={folder} {python} -m pip install --no-index {home}")
    assert "virtualenv" in printed
    assert terminal.status == "3"


def test_the_command_reaches_the_shell_at_its_next_prompt(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app").mkdir()
    terminal = open_terminal(any_shell)
    for line in ("cd app", "cd ~"):
        terminal.run(line)
        call = "& " if terminal.shell.name == "pwsh" else ""
        command = f"{call}{terminal.shell.word(terminal.command)} guard"
        assert terminal.value(NAME) is None
        assert terminal.run(f"{command} on").startswith("guard is on")
        assert terminal.value(NAME) == b"1"
        terminal.run(f"{command} off")
        assert terminal.value(NAME) is None
