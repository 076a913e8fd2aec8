"""The linters, as tests, so that one closing line counts everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLACES = ("shell/*", "tests/bench/*", "install.sh", "tests/run", ".ci/run")
# Which programs check a file: by the end of its name, else by the first line.
CHECKS = {
    "bash": ("shellcheck", "bash -n"),
    "sh": ("shellcheck", "dash -n"),
    "zsh": ("zsh -n",),
    "fish": ("fish -n",),
    "ps1": (),  # test_powershell_grammar.py
    "py": (),
}
# What is said to be sh by its name, and is read by bash.
BASH_FILES = ("tests/bench/bench.sh",)


def language(file: Path) -> str:
    """Return the key of CHECKS for *file*."""
    if str(file.relative_to(CHECKOUT)) in BASH_FILES:
        return "bash"
    first_line = file.read_text().partition("\n")[0]
    return file.suffix.removeprefix(".") or first_line.replace("/", " ").split()[-1]


def shell_files() -> list[tuple[str, str]]:
    """Return what checks a file, and the file: one row each."""
    files = [file for place in PLACES for file in sorted(CHECKOUT.glob(place)) if file.is_file()]
    return [
        (check, file.relative_to(CHECKOUT).as_posix())
        for file in files
        for check in CHECKS[language(file)]
    ]


SHELL_FILES = shell_files()
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


def test_every_place_of_shell_files_has_some() -> None:
    checked = [Path(file) for _command, file in SHELL_FILES]
    for place in PLACES:
        assert any(file.match(place) for file in checked), place


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
