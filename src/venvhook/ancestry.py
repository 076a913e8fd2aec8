"""The processes that this one was started by: read from ``/proc``, elsewhere asked of ``ps``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# More would be a circle, read while processes came and went.
_LIMIT = 200


@dataclass(frozen=True)
class Process:
    """The process number *pid*, whose parent is *parent*; *words* are those it was started with."""

    pid: int
    parent: int
    words: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """What its program is called; a login shell without its ``-``."""
        return os.fsdecode(os.path.basename(self.words[0]).lstrip(b"-")) if self.words else ""


def ancestors() -> Iterator[Process]:
    """Yield the parent of this process, its parent, and so on, as far as they can be seen."""
    look = _from_proc if os.path.exists("/proc/self/stat") else _from_ps()
    pid = os.getppid()
    for _ in range(_LIMIT):
        process = look(pid)
        if process is None:
            return
        yield process
        pid = process.parent


def _from_proc(pid: int) -> Process | None:
    """Return the process *pid*, or None where there is none (Linux, proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name before the last parenthesis may hold anything.
            fields = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = tuple(file.read().split(b"\0")[:-1])
    except OSError:
        return None
    return Process(pid, int(fields[1]), words) if pid > 0 and len(fields) > 1 else None


def _from_ps() -> Callable[[int], Process | None]:
    """Return what tells a process by its number, from one call of ``ps`` (POSIX)."""
    words = ["/bin/ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "args="]
    try:
        ran = subprocess.run(words, capture_output=True, check=False)  # noqa: S603  # no shell
    except OSError:
        return lambda _pid: None
    found = {}
    for line in ran.stdout.splitlines():
        pid, parent, *command = line.split(None, 2)
        found[int(pid)] = Process(int(pid), int(parent), tuple(b" ".join(command).split()))
    return found.get
