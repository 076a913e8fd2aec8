"""What the tests share: the shells of the table, terminals that are closed again, environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal import SHELLS, Shell, Terminal

IN_CI = bool(os.environ.get("CI"))
# PowerShell is in no distribution's archive.
_MAY_BE_MISSING = ("pwsh",)


def require(shell: Shell) -> Shell:
    """Return *shell* if it is on this machine; skip the test if not, fail it in CI."""
    if shell.path is None:
        text = f"{shell.name} is not on this machine"
        if IN_CI and shell.name not in _MAY_BE_MISSING:
            pytest.fail(text)
        pytest.skip(text)
    return shell


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> Shell:
    """Each shell of the table that can be installed everywhere."""
    return require(SHELLS[request.param])


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """A function that opens a Terminal (its arguments without *scratch*) and closes it later."""
    opened: list[Terminal] = []

    def open_one(*arguments: object, **options: object) -> Terminal:
        first, *rest = arguments
        assert isinstance(first, Shell)
        scratch = options.pop("scratch", tmp_path)
        opened.append(Terminal(require(first), scratch, *rest, **options))  # type: ignore[arg-type]  # passed through
        return opened[-1]

    yield open_one
    for terminal in opened:
        terminal.close()


def make_environment(path: Path | bytes, maker: str = "venv", prompt: str | None = None) -> None:
    """Make a real environment without pip at *path* by *maker*: venv, virtualenv or uv."""
    target = os.fsencode(path)
    words: list[str | bytes]
    if maker == "venv":
        words = [sys.executable, "-m", "venv", "--without-pip"]
    elif maker == "virtualenv":
        words = [sys.executable, "-m", "virtualenv", "--no-download", "--without-pip", "-q"]
    else:
        words = [_uv(), "venv", "-q", "--no-config", "--offline", "--python", sys.executable]
    if prompt is not None:
        words += ["--prompt", prompt]
    subprocess.run([*words, target], check=True, cwd=os.path.dirname(target))


def _uv() -> str:
    """Return uv: the one installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found is not None, "uv is in the group dev of pyproject.toml"
    return found
