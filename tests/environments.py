"""Real environments for tests, by each of the makers that people use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MAKERS = ("venv", "virtualenv", "uv")


class EnvironmentMaker:
    """Makes environments without pip; what the makers keep for themselves goes to *home*."""

    def __init__(self, home: Path) -> None:
        # Safe path: 'python -m' would import what lies in the project.
        self._environ = {**os.environ, "HOME": str(home), "PYTHONSAFEPATH": "1"}

    def __call__(self, path: Path, maker: str = "venv", prompt: str | None = None) -> Path:
        """Make an environment at *path* by *maker*, and return *path*."""
        path.parent.mkdir(parents=True, exist_ok=True)
        words = [*_command(maker), *([] if prompt is None else ["--prompt", prompt])]
        subprocess.run([*words, path], check=True, cwd=path.parent, env=self._environ)
        return path


def _command(maker: str) -> list[str]:
    """Return the words that start *maker*."""
    if maker == "venv":
        return [sys.executable, "-m", "venv", "--without-pip"]
    if maker == "virtualenv":
        return [sys.executable, "-m", "virtualenv", "--without-pip", "-q"]
    return [
        uv(),
        "venv",
        "-q",
        "--no-config",
        "--no-cache",
        "--offline",
        "--python",
        sys.executable,
    ]


def uv() -> str:
    """Return uv: the one installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found is not None, "uv is in the group dev of pyproject.toml"
    return found


def wait_for_tick(directory: Path) -> None:
    """Return once the clock of *directory*'s file system has moved on."""
    probe = directory / "probe"
    probe.touch()
    begun = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns <= begun:
        probe.touch()
    probe.unlink()
