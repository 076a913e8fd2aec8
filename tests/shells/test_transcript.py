"""The main job, as a user sees it: enter a project, leave it, in each shell and for each maker."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker
from terminal import OpenTerminal, Shell

# What activation touches. Leaving gives each of them back byte for byte.
TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "VENVHOOK_ACTIVE", "PS1")


@pytest.mark.parametrize("maker", MAKERS)
def test_entering_activates_and_leaving_deactivates(
    any_shell: Shell,
    maker: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / "app/.venv", maker)
    (home / "app/src").mkdir()
    terminal = open_terminal(any_shell)
    assert terminal.greeting == ""
    assert terminal.prompt == ""
    before = terminal.values(*TOUCHED)

    assert terminal.run("cd app") == ""
    assert terminal.prompt == "(app) "
    assert terminal.which("python") == f"{environment}/bin/python"
    assert terminal.environment == str(environment)
    assert terminal.value("VIRTUAL_ENV_PROMPT") == b"app"
    assert terminal.value("PATH") == b"%s/bin:%s" % (bytes(environment), before["PATH"])
    seen_by_programs = terminal.child_environment()
    assert seen_by_programs[b"VIRTUAL_ENV"] == bytes(environment)
    assert seen_by_programs[b"VENVHOOK_ACTIVE"] == bytes(environment)
    assert not [name for name in seen_by_programs if name.startswith(b"_VENVHOOK")]

    assert terminal.run("cd src") == ""
    assert terminal.environment == str(environment)
    assert terminal.prompt == "(app) "

    assert terminal.run("cd ../..") == ""
    assert terminal.prompt == ""
    assert terminal.values(*TOUCHED) == before


def test_a_second_visit_is_like_the_first(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell)
    outside = terminal.values(*TOUCHED)
    inside = None
    for _ in range(3):
        terminal.run("cd app")
        assert terminal.prompt == "(app) "
        assert inside in (None, terminal.values(*TOUCHED))
        inside = terminal.values(*TOUCHED)
        terminal.run("cd ..")
        assert terminal.values(*TOUCHED) == outside


def test_a_shell_that_starts_inside_is_active_at_its_first_prompt(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell, directory=home / "app")
    assert terminal.prompt == "(app) "
    assert terminal.environment == str(environment)
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.prompt == ""


def test_switching_is_one_step_and_leaves_one_entry(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    one, two = make_environment(home / "one/.venv"), make_environment(home / "two/.venv")
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd one")
    terminal.run("cd ../two")
    assert terminal.prompt == "(two) "
    assert terminal.path[0] == f"{two}/bin"
    assert f"{one}/bin" not in terminal.path
    terminal.run("cd ../one")
    assert terminal.prompt == "(one) "
    assert terminal.path[0] == f"{one}/bin"
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


def test_the_nearest_of_nested_projects_wins(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "outer/.venv")
    make_environment(home / "outer/packages/inner/venv")
    terminal = open_terminal(any_shell)
    prompts = []
    for step in ("outer", "packages", "inner", "..", ".."):
        terminal.run(f"cd {step}")
        prompts.append(terminal.prompt)
    assert prompts == ["(outer) ", "(outer) ", "(inner) ", "(outer) ", "(outer) "]


def test_an_environment_made_or_deleted_where_one_stands_is_noticed(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    (home / "app").mkdir()
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    make_environment(home / "app/.venv")
    terminal.run("echo ''")
    assert terminal.prompt == "(app) "
    (home / "app/.venv").rename(home / "gone")
    assert terminal.run("echo ''") == "\n"
    assert terminal.prompt == ""
    assert terminal.values(*TOUCHED) == before
    (home / "gone").rename(home / "app/.venv")
    terminal.run("echo ''")
    assert terminal.prompt == "(app) "


def test_the_name_shown_is_that_of_pyvenv_cfg_where_it_has_one(
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "a/.venv", "venv", prompt="my 'own' name")
    make_environment(home / "b/.venv", "virtualenv", prompt="other")
    terminal = open_terminal(shell)
    terminal.run("cd a")
    assert terminal.prompt == "(my 'own' name) "
    assert terminal.value("VIRTUAL_ENV_PROMPT") == b"my 'own' name"
    terminal.run("cd ../b")
    assert terminal.prompt == "(other) "
