"""Measure ``which``, ``run`` and ``shellenv`` by the launcher of install.sh, by hand:

``PYTHONPATH=src:tests python tests/bench/which.py``. One row a command: the median of the rounds in
milliseconds, and its ratio to a bare ``python -I -S -c pass`` of the same Python. Commands and the
bare Python take turns, so that what else the machine does falls on all alike. The target: ``which``
under 2.2 times the bare one, the others under 150 ms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.__main__ import install, machine, table

ROUNDS = 300


def seconds(words: list[str], environ: dict[str, str]) -> float:
    """Return how long *words* take, from before they are started until they have ended."""
    nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    begun = time.perf_counter()
    process = os.posix_spawn(words[0], words, environ, file_actions=[nowhere])
    _, status = os.waitpid(process, 0)
    taken = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{words}: status {status}")
    return taken


def main() -> None:
    """Install this checkout, measure in a project of its own, and print the table."""
    with tempfile.TemporaryDirectory(prefix="vh", dir="/tmp") as place:
        home, app = Path(place, "home"), Path(place, "home/work/app")
        app.mkdir(parents=True)
        launcher = str(install(home))
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", app / ".venv"], check=True)
        python = str(home / ".local/share/venvhook/env/bin/python")
        bare = [python, "-I", "-S", "-c", "pass"]
        rows = {
            "bare": bare,
            "`which`": [launcher, "which"],
            "`run true`": [launcher, "run", "true"],
            "`which --json`": [launcher, "which", "--json"],
            "`shellenv --shell bash`": [launcher, "shellenv", "--shell", "bash"],
        }
        os.chdir(app)
        environ = {"HOME": str(home), "PATH": os.environ["PATH"], "PWD": str(app)}
        taken: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(ROUNDS):
            for name, words in rows.items():
                taken[name].append(seconds(words, environ))
        os.chdir("/")
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"Medians of {ROUNDS} alternating rounds; {machine()}\n")
    cells = [[n, f"{m * 1000:.1f}", f"{m / medians['bare']:.2f}"] for n, m in medians.items()]
    print(table(["command", "ms", "ratio"], cells))


if __name__ == "__main__":
    main()
