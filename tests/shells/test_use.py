"""'venvhook use' in running shells: an environment from anywhere, for the project here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, started


@pytest.fixture
def science(home: Path, make_environment: EnvironmentMaker) -> Path:
    """An environment that lies in no project."""
    (home / "app/src/deep").mkdir(parents=True)
    return make_environment(home / "kept/science")


def test_what_is_bound_is_active_at_the_next_prompt_and_below(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, any_shell, home / "app")
    assert terminal.environment is None
    printed = terminal.run("venvhook use ../kept/science")
    assert printed == (
        f"{home}/app: {science} is used here and below; 'venvhook use --none' ends that\n"
    )
    assert terminal.prompt == "(science) "
    assert terminal.environment == str(science)
    for step, expected in (("src/deep", True), ("../..", True), ("..", False), ("app/src", True)):
        assert terminal.run(f"cd {step}") == ""
        assert (terminal.environment == str(science)) is expected, step
    assert terminal.run("venvhook use") == f"{home}/app: {science}\n"
    assert terminal.run("venvhook use --none") == f"{home}/app: nothing is bound here any more\n"
    assert terminal.environment is None
    assert terminal.run("cd ~/app") == ""
    assert terminal.environment is None


def test_another_shell_sees_it(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    one = started(open_terminal, any_shell, home / "app")
    other = started(open_terminal, any_shell, home / "app/src")
    one.run("venvhook use ../kept/science")
    other.run("true" if any_shell.name != "pwsh" else "$null")
    assert other.environment == str(science)
    one.run("venvhook use --none")
    other.run("true" if any_shell.name != "pwsh" else "$null")
    assert other.environment is None


def test_it_comes_before_what_lies_there_and_nested_projects_keep_theirs(
    any_shell: Shell,
    science: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    own = make_environment(home / "app/.venv")
    nested = make_environment(home / "app/src/nested/.venv")
    terminal = started(open_terminal, any_shell, home / "app")
    assert terminal.environment == str(own)
    terminal.run("venvhook use ../kept/science")
    assert terminal.environment == str(science)
    terminal.run("cd src/nested")
    assert terminal.environment == str(nested)
    terminal.run("cd ..")
    assert terminal.environment == str(science)
    terminal.run("venvhook use --none")
    assert terminal.environment == str(own)


def test_a_package_called_env_is_no_obstacle(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    # What is passed has a kept recipe of its own.
    (home / "app/env").mkdir()
    (home / "app/src/env").mkdir()
    terminal = started(open_terminal, any_shell, home / "app/src")
    assert terminal.environment is None
    terminal.run("venvhook use ../../kept/science --in ..")
    assert terminal.environment == str(science)
    terminal.run("cd ../..")
    assert terminal.environment is None
    terminal.run("cd app")
    assert terminal.environment == str(science)


@pytest.mark.parametrize("name", ["my_env", "two words", "it's $(x)"])
def test_any_name_in_the_project_will_do(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
    name: str,
) -> None:
    project = home / "a b" / name
    environment = make_environment(project / name)
    (project / "below").mkdir()
    terminal = started(open_terminal, any_shell, project)
    assert terminal.environment is None
    terminal.run(f"venvhook use {any_shell.word(name)}")
    assert terminal.environment == str(environment)
    terminal.run("cd below")
    assert terminal.environment == str(environment)


def test_a_project_is_known_by_both_its_names(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "link").symlink_to("app")
    terminal = started(open_terminal, any_shell, home)
    terminal.run("venvhook use kept/science --in link")
    for place in ("app", "link", "link/src", "app/src"):
        terminal.run(f"cd ~/{place}")
        assert terminal.environment == str(science), place
        terminal.run("cd ~")
        assert terminal.environment is None


def test_two_projects_share_one(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "other").mkdir()
    terminal = started(open_terminal, any_shell, home)
    for project in ("app", "other"):
        terminal.run(f"venvhook use kept/science --in {project}")
    for step in ("app", "../other", "../app/src", "../../other"):
        terminal.run(f"cd {step}")
        assert terminal.environment == str(science), step
    terminal.run("venvhook use --none")
    assert terminal.environment is None
    terminal.run("cd ../app")
    assert terminal.environment == str(science)


def test_bound_to_home_it_counts_there_alone(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, any_shell, home)
    terminal.run("venvhook use kept/science --in .")
    assert terminal.environment == str(science)
    terminal.run("cd app")
    assert terminal.environment is None
    terminal.run("cd ..")
    assert terminal.environment == str(science)


def test_deactivate_and_deny_count_for_it(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, any_shell, home / "app")
    terminal.run("venvhook use ../kept/science")
    terminal.run("deactivate")
    terminal.run("cd src")
    assert terminal.environment is None
    terminal.run("cd ~")
    terminal.run("cd app")
    assert terminal.environment == str(science)
    terminal.run("venvhook deny")
    assert terminal.environment is None
    terminal.run("venvhook revoke")
    assert terminal.environment == str(science)


def test_one_that_was_deleted_is_told_once(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, any_shell, home / "app")
    terminal.run("venvhook use ../kept/science")
    shutil.rmtree(science)
    printed = terminal.run("cd ~; cd app")
    assert printed.startswith(f"venvhook: {science}: ")
    assert printed.count("\n") == 1
    assert "'venvhook use --none'" in printed
    assert terminal.environment is None
    assert terminal.run("cd ~; cd app") == ""
    terminal.run("venvhook use --none")
    assert terminal.run("cd ~; cd app") == ""


def test_what_came_with_a_clone_has_to_be_allowed(
    any_shell: Shell, science: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    for words in (["init", "-q"], ["add", "-f", "science/bin/activate"]):
        subprocess.run(["git", "-C", science.parent, *words], check=True)
    terminal = started(open_terminal, any_shell, home / "app")
    printed = terminal.run("venvhook use ../kept/science")
    assert printed.startswith(f"{home}/app: {science} is used here and below")
    assert f"'venvhook allow {science}'" in printed
    assert "tracked by git" in printed
    assert terminal.environment is None
    terminal.run(f"venvhook allow {science}")
    assert terminal.environment == str(science)


REFUSED = {
    "nowhere": "No such file or directory; name an environment",
    "app": "is no environment (it holds no pyvenv.cfg); name one",
    "broken": "no interpreter in bin/",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_environment_is_refused(
    bash: Shell, science: Path, home: Path, open_terminal: OpenTerminal, what: str
) -> None:
    if what == "broken":
        shutil.copytree(science, home / "broken", symlinks=True)
        shutil.rmtree(home / "broken/bin")
    terminal = started(open_terminal, bash, home / "app")
    printed = terminal.run(f"venvhook use ../{what}")
    assert printed.startswith(f"venvhook: {home}/{what}: ")
    assert REFUSED[what] in printed
    assert terminal.status == "1"
    assert "nothing is bound here" in terminal.run("venvhook use")


@pytest.mark.usefixtures("science")
def test_the_project_is_the_nearest_that_says_it_is_one(
    bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app/pyproject.toml").touch()
    terminal = started(open_terminal, bash, home / "app/src/deep")
    assert terminal.run("venvhook use ~/kept/science").startswith(f"{home}/app: ")
    terminal.run("venvhook use --none")
    (home / "app/pyproject.toml").unlink()
    assert terminal.run("venvhook use ~/kept/science").startswith(f"{home}/app/src/deep: ")


def test_facts_as_json(bash: Shell, science: Path, home: Path, open_terminal: OpenTerminal) -> None:
    terminal = started(open_terminal, bash, home / "app")

    def told(words: str) -> tuple[object, ...]:
        # What follows is the hook's.
        printed = terminal.run(f"venvhook use {words} --json")
        facts, _end = json.JSONDecoder().raw_decode(printed)
        assert facts.pop("version") == 1
        return tuple(facts[name] for name in ("project", "environment", "refusal"))

    assert told("") == (None, None, None)
    assert told("~/kept/science") == (f"{home}/app", str(science), None)
    assert terminal.environment == str(science)
    assert told("") == (f"{home}/app", str(science), None)
    assert told("--none") == (f"{home}/app", None, None)
    assert terminal.environment is None
    shutil.copytree(science, home / "copy", symlinks=True)
    project, environment, refusal = told("~/copy")
    assert (project, environment) == (f"{home}/app", f"{home}/copy")
    assert "was made for" in str(refusal)
