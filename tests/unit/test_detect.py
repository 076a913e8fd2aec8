"""Which shell is meant: the one that asks, those on this machine, those named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import go_without
from venvhook.detect import chosen_shells, installed_shells
from venvhook.errors import UsageError, VenvhookError

SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def fake(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).touch()
        (directory / name).chmod(0o755)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_that_asks_is_found(tmp_path: Path, name: str) -> None:
    executable = shutil.which(name)
    if executable is None:
        go_without(name)
    code = "from venvhook.detect import current_shell; print(current_shell().name)"
    script = tmp_path / "ask"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}'\n")
    script.chmod(0o755)
    # A command after it, or the shell would be replaced by it.
    asked = subprocess.run(
        [executable, "-c", f"'{script}'; true"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == f"{name}\n", asked.stderr


def test_shells_on_path_are_found(tmp_path: Path) -> None:
    fake(tmp_path, "zsh", "pwsh", "tcsh")
    found = installed_shells({"PATH": str(tmp_path)})
    assert found == {"zsh": str(tmp_path / "zsh"), "powershell": str(tmp_path / "pwsh")}


def test_the_users_own_shell_goes_first(tmp_path: Path) -> None:
    for name in ("system", "own"):
        (tmp_path / name).mkdir()
        fake(tmp_path / name, "bash")
    own = str(tmp_path / "own/bash")
    environ = {"PATH": str(tmp_path / "system"), "SHELL": own}
    assert installed_shells(environ) == {"bash": own}
    assert installed_shells({**environ, "SHELL": own + "gone"})["bash"] != own


def test_shells_are_chosen_by_name_and_alias() -> None:
    installed = {"bash": "/bin/bash", "powershell": "/bin/pwsh"}
    assert [row.name for row in chosen_shells("pwsh, bash", installed)] == ["powershell", "bash"]


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        ("tcsh", UsageError, "no shell is called 'tcsh'; there are bash, zsh, fish"),
        ("fish", VenvhookError, "fish is not on PATH"),
        (" , ", UsageError, "no shell is named"),
    ],
)
def test_a_wrong_choice_is_one_clear_line(
    words: str, error: type[VenvhookError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        chosen_shells(words, {"bash": "/bin/bash"})
