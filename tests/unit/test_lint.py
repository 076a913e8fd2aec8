"""The linters, as tests, so that one closing line counts everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# What checks it, and what it is given: one row a file.
SHELL_FILES = (
    ("shellcheck", "shell/venvhook.bash"),
    ("shellcheck", "install.sh"),
    ("shellcheck", "tests/run"),
    ("shellcheck", ".ci/run"),
    ("bash -n", "shell/venvhook.bash"),
    ("bash -n", "tests/run"),
    ("dash -n", "install.sh"),
    ("dash -n", ".ci/run"),
    ("zsh -n", "shell/venvhook.zsh"),
    ("fish -n", "shell/venvhook.fish"),
)
# Only on Debian is sh certainly dash, so it may be missing elsewhere even in CI.
MAY_BE_MISSING = ("dash",)


@pytest.mark.parametrize(
    ("command", "file"), SHELL_FILES, ids=[" ".join(row) for row in SHELL_FILES]
)
def test_shell_files_are_clean(command: str, file: str) -> None:
    program, *options = command.split()
    if shutil.which(program) is None:
        if os.environ.get("CI") and program not in MAY_BE_MISSING and os.name != "nt":
            pytest.fail(f"{program} is not on this machine")
        pytest.skip(f"{program} is not on this machine")
    check([program, *options, file])


@pytest.mark.parametrize(
    "words",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "--platform", "linux"]],
    ids=" ".join,
)
def test_python_files_are_clean(words: list[str]) -> None:
    check([sys.executable, "-m", *words])


def check(words: list[str]) -> None:
    """Fail with what the linter *words* says, if it says anything is wrong."""
    done = subprocess.run(
        words, cwd=CHECKOUT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
