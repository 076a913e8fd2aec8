"""Measure what the hook costs: ``python tests/bench``. A table, shell by row and case by column."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
ROUNDS = 200
SCRIPTS = {"bash": "bench.sh", "zsh": "bench.sh", "fish": "bench.fish"}
PEERS = {"direnv": "direnv hook bash", "mise": "mise activate bash"}
STARTS = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config", "-i"]}
Medians = dict[str, float]


def make_places(base: Path) -> None:
    """Create plain directories five and fifteen levels deep, and three projects."""
    deep = "/".join(str(level) for level in range(1, 13))
    for path in ("a/b/c", "a/b/d", f"{deep}/c", f"{deep}/d", "A/a/b", "A/a/c", "x/A", "x/B"):
        (base / path).mkdir(parents=True)
    for project in ("A", "x/A", "x/B"):
        target = base / project / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", target], check=True)
    # Their activate scripts differ: some start 'uname', which costs more than all the rest.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", base / "stock/venv"], check=True)
    subprocess.run([_uv(), "venv", "--quiet", base / "stock/uv"], check=True)


def _uv() -> str:
    """Return uv's path: on PATH, or beside this Python as in the environment of the tests."""
    return shutil.which("uv") or str(Path(sys.executable).parent / "uv")


def install(home: Path) -> Path:
    """Install this checkout into *home* as a user would, and return the launcher."""
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    command = ["sh", str(CHECKOUT / "install.sh"), "--no-rc", "--python", sys.executable]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return home / ".local/bin/venvhook"


def measure(shell: str, base: Path, home: Path, launcher: Path) -> Medians:
    """Run the rounds in *shell* and return the median of each step in microseconds."""
    python = os.path.realpath(sys.executable)
    command = [*STARTS[shell], str(HERE / SCRIPTS[shell])]
    return run_script(command, base, home, INIT=str(launcher), PYTHON=python)


def run_script(command: list[str], base: Path, home: Path, **variables: str) -> Medians:
    """Run *command*, which writes lines of a case, two times and a count; return the medians."""
    out = home / "out"
    environ = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "BASE": str(base),
        "ROUNDS": str(ROUNDS),
        "OUT": str(out),
        **variables,
    }
    subprocess.run(command, env=environ, check=True, cwd=base, stdin=subprocess.DEVNULL)
    samples: dict[str, list[float]] = defaultdict(list)
    for line in out.read_text().splitlines():
        case, begin, end, *times = line.split()
        microseconds = (Decimal(end) - Decimal(begin)) * 1_000_000
        samples[case].append(float(microseconds / int(times[0] if times else 1)))
    return {case: statistics.median(times) for case, times in samples.items()}


def measure_peers(base: Path, home: Path, launcher: Path) -> list[list[str]]:
    """Return a row for our hook in bash and for that of each other tool that is here."""
    hooks = {"venvhook": f"sh '{launcher}' init bash"}
    hooks |= {name: hook for name, hook in PEERS.items() if shutil.which(name)}
    rows = []
    for name, hook in hooks.items():
        m = run_script(["bash", "--norc", str(HERE / "peers.bash")], base, home, HOOK=hook)
        added = m["hooked_one"] - m["one"]
        rows.append([name, f"{m['at_prompt']:.0f}", f"{added:.0f}"])
    return rows


def row(shell: str, m: Medians) -> list[str]:
    """Return the cells of *shell*: microseconds added to the bare step, and ratios."""

    # What is timed in batches, and with the bare step taken off, needs nothing else taken off.
    asking = 0.0 if shell == "fish" else m["bare.nothing"]

    def added(case: str, bare: str) -> float:
        return m[case] - m[f"bare.{bare}"]

    plain = added("plain.hooked_one", "one")
    deep = added("plain.hooked_deep_one", "deep_one")
    inside = added("inside.hooked_inside_one", "inside_one")
    # As typed: in fish a function, and what is timed calls the builtin.
    bare = m["bare.typed" if shell == "fish" else "bare.one"]
    cells = [
        shell,
        f"{bare:.0f}",
        f"{plain:.0f} ({plain / bare:.1f})",
        f"{(deep - plain) / 10:.1f}",
    ]
    cells += [f"{inside:.0f} ({inside / bare:.1f})"]
    cells += [f"{m[f'{where}.at_prompt'] - asking:.0f}" for where in ("plain", "inside")]
    stock = [m[f"{maker}.stock"] - asking for maker in ("venv", "uv")]
    cells += [f"{time:.0f}" for time in stock]
    for step in STEPS[shell]:
        cost = added(f"known.hooked_{step}", step)
        cells.append(f"{cost:.0f} ({cost / stock[0]:.2f}, {cost / stock[1]:.2f})")
    start_of_python = m["stock.python_starts"] - m["bare.nothing"]
    first = m["first.hooked_enter"] - m["bare.nothing"]
    cells += [f"{first / start_of_python:.2f}"]
    cells += [f"{(m['start.load'] - m['bare.nothing']) / 1000:.2f} ms"]
    return cells


# In fish entering and leaving are timed together, and each is half of it.
STEPS = dict.fromkeys(("bash", "zsh"), ("enter", "leave", "switch_to"))
STEPS["fish"] = ("enter", "enter", "switch_to")
HEADINGS = [
    "shell",
    "bare `cd`",
    "plain `cd` (ratio to bare)",
    "per level deeper",
    "inside a project (ratio)",
    "idle prompt",
    "idle prompt inside",
    "`source activate` of venv",
    "of uv",
    "enter (ratio to these)",
    "leave",
    "switch",
    "first visit / `python -I -S -c pass`",
    "start",
]


PEER_HEADINGS = ["tool, in bash", "idle prompt", "plain `cd`"]


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return *rows* under *headings* as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def machine() -> str:
    """Return what was measured on."""
    python = platform.python_version()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {python}"


def main() -> None:
    """Measure each shell that is here, and print the table."""
    shells = sys.argv[1:] or [shell for shell in SCRIPTS if shutil.which(shell)]
    with tempfile.TemporaryDirectory(prefix="vh", dir="/tmp") as place:
        base, home = Path(place), Path(place, "home")
        home.mkdir()
        make_places(base)
        launcher = install(home)
        rows = [row(shell, measure(shell, base, home, launcher)) for shell in shells]
        peers = measure_peers(base, home, launcher)
    print(f"Microseconds, medians of {ROUNDS} rounds, added to the bare step; {machine()}\n")
    print(table(HEADINGS, rows))
    print(f"\n{table(PEER_HEADINGS, peers)}")


if __name__ == "__main__":
    main()
