"""A shell that 'venvhook run' starts: its hook takes over what was set."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout import go_without
from environments import EnvironmentMaker
from terminal import SHELLS, OpenTerminal


@pytest.mark.parametrize("child", ["bash", "zsh", "fish"])
def test_a_shell_started_in_an_environment_leaves_it_with_the_project(
    child: str, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    row = SHELLS[child]
    if row.path is None:
        go_without(child)
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(row)
    before = terminal.values("PATH", "VIRTUAL_ENV", "VENVHOOK_ACTIVE")
    path = terminal.path
    terminal.become(row, terminal.command, "run", "--in", "app")
    assert terminal.environment == str(environment)
    assert terminal.path == [f"{environment}/bin", *path]
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.values("PATH", "VIRTUAL_ENV", "VENVHOOK_ACTIVE") == before


def test_one_started_elsewhere_has_none_of_it_at_its_prompt(
    home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    row = SHELLS["bash"]
    if row.path is None:
        go_without("bash")
    make_environment(home / "app/.venv")
    terminal = open_terminal(row)
    before = terminal.path
    terminal.become(row, terminal.command, "run", "--in", "app", "sh", "-c", 'cd; exec "$@"', "sh")
    assert terminal.environment is None
    assert terminal.path == before
