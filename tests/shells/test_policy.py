"""What the user sets reaches shells that run, by a file and without a process."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal
from venvhook.binding import Binding, bind
from venvhook.decision import State
from venvhook.recipe import PROTOCOL

SUFFIX = {"bash": "sh", "zsh": "sh", "fish": "fish", "pwsh": "ps1"}


@pytest.fixture
def settings(home: Path) -> Path:
    """Where ``config.toml`` is."""
    (home / ".config/venvhook").mkdir(parents=True)
    (home / "plain").mkdir()
    return home / ".config/venvhook/config.toml"


def policy_of(terminal: Terminal) -> Path:
    """Return where the policy is kept."""
    cache = terminal.home / ".cache/venvhook" / PROTOCOL.decode()
    return cache / f"venvhook.policy.{SUFFIX[terminal.shell.name]}"


def count_calls(terminal: Terminal) -> None:
    """Put a program before the helper's Python that notes each call's module in HOME/calls."""
    shell = terminal.shell
    real = os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")
    program = terminal.home / "helper"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$5" >> {terminal.home}/calls\nexec {shell.word(real)} "$@"\n'
    )
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))


def bind_something(home: Path) -> None:
    """Bind an environment to a project that no test visits."""
    project = bytes(home / "elsewhere")
    bind(Binding(project, project, b"/nowhere"), State(bytes(home / ".local/state/venvhook")))


def calls(terminal: Terminal) -> int:
    """Return how often the helper was asked for the policy since ``count_calls``."""
    file = terminal.home / "calls"
    return file.read_text().splitlines().count("policy") if file.exists() else 0


def test_names_reach_a_running_shell_at_its_next_cd(
    any_shell: Shell,
    settings: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    own = make_environment(home / "app/python")
    usual = make_environment(home / "other/.venv")
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment is None
    settings.write_text('names = ["python"]\n')
    terminal.run("cd ../plain")
    terminal.run("cd ../app")
    assert terminal.environment == str(own)
    terminal.run("cd ../other")
    assert terminal.environment is None
    settings.unlink()
    terminal.run("cd ../plain")
    terminal.run("cd ../other")
    assert terminal.environment == str(usual)


def test_the_variable_comes_before_the_names_that_are_set(
    any_shell: Shell,
    settings: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "app/python")
    mine = make_environment(home / "app/mine")
    settings.write_text('names = ["python"]\n')
    terminal = open_terminal(any_shell, environ={"VENVHOOK_NAMES": "mine"})
    terminal.run("cd app")
    assert terminal.environment == str(mine)


def test_the_helper_is_asked_once_for_all_shells(
    shell: Shell, settings: Path, open_terminal: OpenTerminal
) -> None:
    one = open_terminal(shell)
    other = open_terminal(shell)
    count_calls(one)
    count_calls(other)
    for terminal in (one, other, one, other):
        terminal.run("cd plain; cd ..; cd plain")
        terminal.run("cd ..")
    assert calls(one) == 0
    settings.write_text("guard = false\n")
    for terminal in (one, other, one, other):
        terminal.run("cd plain")
        terminal.run("cd ..")
    assert calls(one) == 1


@pytest.mark.parametrize("witness", ["bound", "file", "file dated back", "directory gone"])
def test_each_change_is_asked_about_once(
    shell: Shell, settings: Path, home: Path, open_terminal: OpenTerminal, witness: str
) -> None:
    settings.touch()
    terminal = open_terminal(shell)
    count_calls(terminal)
    terminal.run("cd plain")
    terminal.run("cd ..")
    assert calls(terminal) == 0
    if witness == "bound":
        bind_something(home)
    elif witness == "file":
        settings.write_text("notice = true\n")
    elif witness == "file dated back":
        other = settings.with_name("other")
        other.touch()
        os.utime(other, (1, 1))
        other.rename(settings)
    else:
        settings.unlink()
        settings.parent.rmdir()
    for step in ("plain", "..", "plain", ".."):
        terminal.run(f"cd {step}")
        terminal.run("true")
    assert calls(terminal) == 1


def test_an_idle_prompt_sees_alone_that_something_was_bound(
    shell: Shell, settings: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    count_calls(terminal)
    settings.write_text("guard = false\n")
    terminal.run("true")
    terminal.run("true")
    assert calls(terminal) == 0
    bind_something(home)
    terminal.run("true")
    terminal.run("true")
    assert calls(terminal) == 1


def test_a_file_of_the_future_is_asked_about_at_each_cd_and_never_at_a_prompt(
    shell: Shell, settings: Path, open_terminal: OpenTerminal
) -> None:
    settings.touch()
    terminal = open_terminal(shell)
    count_calls(terminal)
    later = time.time() + 3600
    os.utime(settings, (later, later))
    terminal.run("cd plain")
    for _ in range(3):
        terminal.run("true")
    assert calls(terminal) == 1
    terminal.run("cd ..")
    assert calls(terminal) == 2


def test_without_a_cache_it_is_asked_once_a_shell(
    shell: Shell, settings: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    settings.write_text('names = ["python"]\n')
    (home / ".cache").touch()
    terminal = open_terminal(shell, rc="")
    terminal.run(shell.load_line(terminal.command).replace("\n", "; "))
    count_calls(terminal)
    for step in ("plain", "..", "plain", ".."):
        terminal.run(f"cd {step}")
    # It was asked before the first of these prompts.
    assert calls(terminal) == 0


def test_a_damaged_policy_is_replaced(
    shell: Shell, settings: Path, open_terminal: OpenTerminal
) -> None:
    settings.touch()
    terminal = open_terminal(shell)
    kept = policy_of(terminal)
    assert kept.read_text().startswith("_venvhook_policy ")
    kept.write_text("_venvhook_policy\n")
    terminal.restart()
    assert terminal.greeting == ""
    assert terminal.run("cd plain") == ""
    assert kept.read_text().count("'") > 10


def test_a_cleared_cache_is_filled_by_the_next_shell(
    shell: Shell, settings: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    settings.write_text('names = ["python"]\n')
    terminal = open_terminal(shell)
    kept = policy_of(terminal)
    shutil.rmtree(home / ".cache")
    terminal.restart()
    assert kept.exists()
    assert [file.name for file in (home / ".local/state/venvhook/policies").iterdir()] == [
        Path(kept.read_text().split()[1].strip("'")).name
    ]
