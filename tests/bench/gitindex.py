"""Measure reading a large index, by hand: ``PYTHONPATH=src:tests python tests/bench/gitindex.py``.

An index of real git with 200,000 entries (19 MiB), as in a very large repository. One row a form of
the index and path: the best and the median of the rounds, in milliseconds. The first row is the
target of at most 15; what is above it is parsed, since there is something to count or names are
compressed.
"""

from __future__ import annotations

import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from repositories import Git
from venvhook.gitindex import Tracked, tracked
from venvhook.repository import enclosing, repository_at

ENTRIES = 200_000
ROUNDS = 15
WORDS = "api core data docs handler index linker main model proto server services symlink test util"


def names() -> list[str]:
    """Return as many names of files as there are entries, one to five directories deep."""
    chance = random.Random(1)
    words = WORDS.split()
    found = {f"services/api/file{i}.py" for i in range(50)}
    while len(found) < ENTRIES:
        depth = chance.randrange(1, 5)
        directories = "/".join(f"{chance.choice(words)}{chance.randrange(6)}" for _ in range(depth))
        found.add(f"{directories}/{chance.choice(words)}_{chance.randrange(10**4)}.py")
    return sorted(found)


def fill(git: Git) -> None:
    """Put the entries into the index of *git*, and git's own extension for a commit."""
    blob = git("hash-object", "-w", "--stdin", given=b"x").decode().strip()
    lines = "".join(f"100644 {blob}\t{name}\n" for name in names())
    git("update-index", "--index-info", given=lines.encode())
    git("commit", "-q", "-m", "all")


def milliseconds(action: Callable[[], object]) -> str:
    """Return the best and the median of the rounds of *action*."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1000)
    return f"{min(times):8.2f} {statistics.median(times):8.2f}"


def row(form: str, top: bytes, name: str, ignores_case: bool = False) -> None:
    """Print what it costs to ask the repository at *top* for *name*, once found."""

    def ask() -> Tracked | None:
        # A repository remembers what it has read, so each question is to a new one.
        repository = repository_at(top)
        assert repository is not None
        repository.ignores_case = ignores_case
        return tracked(repository, top + b"/" + name.encode())

    found = ask()
    count = found.count if found else 0
    print(f"{milliseconds(ask)}  {form:22} {name} ({count})")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        git = Git(Path(scratch).resolve() / "app", Path(scratch)).init()
        fill(git)
        top = bytes(git.directory)
        size = (git.directory / ".git/index").stat().st_size
        print(f"{platform.python_version()}, {ENTRIES} entries, {size} bytes; best and median, ms")
        for name in (".venv", "services/api/.venv", "services/api/file1.py"):
            row("version 2", top, name)
        row("2, case ignored", top, ".venv", ignores_case=True)
        git("update-index", "--split-index")
        row("2, split", top, ".venv")
        git("update-index", "--no-split-index")
        git("update-index", "--index-version", "4")
        row("version 4", top, ".venv")
        deep = top + b"/services/api/.venv"
        print(f"{milliseconds(lambda: enclosing(deep))}  to find the repositories of {deep!r}")


if __name__ == "__main__":
    main()
