"""The doctor in real shells: what it says of their startup files is what these do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal


def doctor(terminal: Terminal, words: str = "") -> str:
    """Run the doctor in *terminal*, and return what it printed."""
    call = "& " if terminal.shell.name == "pwsh" else ""
    return terminal.run(f"{call}{terminal.shell.word(terminal.command)} doctor {words}")


def problems(terminal: Terminal) -> list[str]:
    """Return what the doctor says of this shell's startup files, but for what is fine."""
    name = {"pwsh": "powershell"}.get(terminal.shell.name, terminal.shell.name)
    found = json.loads(doctor(terminal, "--json"))["findings"]
    return [
        f"{one['status']}: {one['what']}"
        for one in found
        if one["topic"] == name and one["status"] != "ok" and "login bash" not in one["what"]
    ]


def test_it_names_the_line_that_has_loaded_the_hook(
    any_shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    lines = terminal.rc_file.read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if " init " in line)
    assert f"is loaded by ~/{any_shell.rc_file}:{number}\n" in doctor(terminal)
    assert problems(terminal) == []


def test_a_shell_that_has_not_loaded_it_is_an_error(
    shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, rc="")
    assert [one.partition(" by ")[0] for one in problems(terminal)] == ["error: is not loaded"]
    doctor(terminal)
    assert terminal.status == "1"


RESET = {"bash": "PROMPT_COMMAND='true'", "zsh": "precmd_functions=(true)"}


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_line_that_throws_the_hook_out_is_told_where_it_does(
    posix_shell: Shell,
    order: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    load = open_terminal(posix_shell).rc_file.read_text().splitlines()[-1]
    reset = RESET[posix_shell.name]
    terminal = open_terminal(
        posix_shell, rc="\n".join([reset, load] if order == "before" else [load, reset])
    )
    found = [one.partition(" (")[0] for one in problems(terminal)]
    # An environment that appears where one stands is seen at the prompt alone.
    (home / "app").mkdir()
    terminal.run("cd app")
    environment = make_environment(home / "app/.venv")
    terminal.run("true")
    if order == "before":
        assert (found, terminal.environment) == ([], str(environment))
    else:
        variable = reset.partition("=")[0]
        assert (found, terminal.environment) == ([f"error: {variable}"], None)
