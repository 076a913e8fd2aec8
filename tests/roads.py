"""The two roads to a command: ``python -m venvhook``, and the launcher that install.sh writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from checkout import CHECKOUT
from venvhook.launcher import launcher_text

ROADS = ("module", "launcher")
_NOTHING: Mapping[str, str | None] = {}


class Road:
    """Calls venvhook on one road, with a HOME of its own and few variables."""

    def __init__(self, name: str, scratch: Path) -> None:
        self.home = scratch / "home"
        self.home.mkdir(exist_ok=True)
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{scratch}/bin:/usr/local/bin:/usr/bin:/bin",
        }
        if name == "module":
            self.words: list[str] = [sys.executable, "-P", "-m", "venvhook"]
            self.environ["PYTHONPATH"] = str(CHECKOUT / "src")
        else:
            self.words = [str(_launcher(scratch))]

    def __call__(
        self,
        *words: str | bytes | Path,
        cwd: Path,
        given: bytes = b"",
        environ: Mapping[str, str | None] = _NOTHING,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run venvhook with *words* in *cwd*, *given* on its stdin; None takes a variable away."""
        values = {**self.environ, **environ}
        return subprocess.run(
            [*self.words, *words],
            cwd=cwd,
            env={name: value for name, value in values.items() if value is not None},
            input=given,
            capture_output=True,
            check=False,
        )

    def start(self, *words: str, cwd: Path) -> subprocess.Popen[bytes]:
        """Start venvhook with *words* in *cwd*, its output in a pipe."""
        return subprocess.Popen(
            [*self.words, *words], cwd=cwd, env=self.environ, stdout=subprocess.PIPE
        )


def _launcher(scratch: Path) -> Path:
    """Make the launcher, over an environment in which nothing is but this checkout.

    What it cannot do on the fast road fails, since there is no click.
    """
    data, path = scratch / "data", scratch / "bin/venvhook"
    (data / "env/bin").mkdir(parents=True, exist_ok=True)
    (data / "env/bin/python").unlink(missing_ok=True)
    (data / "env/bin/python").symlink_to(os.path.realpath(sys.executable))
    (data / "env/package").unlink(missing_ok=True)
    (data / "env/package").symlink_to(CHECKOUT / "src")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(launcher_text(bytes(data), bytes(path)))
    path.chmod(0o755)
    return path
