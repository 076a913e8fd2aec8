"""Real git repositories for tests, and what git itself says of their index."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from checkout import go_without

# Submodules from this disk; nothing left running; and no waiting for the disk.
_SETTINGS = [
    *("-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "core.fsync=none"),
]
_IDENTITY = {"NAME": "me", "EMAIL": "me@example.org"}


class Entry(NamedTuple):
    """One line of ``git ls-files -s``."""

    name: bytes
    stage: int
    mode: int
    object_name: bytes


class Git:
    """Runs git in a directory, without the settings of this machine and its user."""

    def __init__(self, directory: Path, scratch: Path) -> None:
        program = shutil.which("git")
        if program is None:
            go_without("git")
        self._program = program
        self.directory = directory
        self._scratch = scratch
        plain = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        people = {
            f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in _IDENTITY.items()
        }
        self._environ = {
            **plain,
            **people,
            "HOME": str(scratch),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def __call__(
        self, *words: str | bytes | Path, given: bytes = b"", may_fail: bool = False
    ) -> bytes:
        """Run git with *words*, *given* on its stdin, and return what it prints."""
        done = subprocess.run(
            [self._program, *_SETTINGS, *words],
            cwd=self.directory,
            env=self._environ,
            input=given,
            capture_output=True,
        )
        assert may_fail or done.returncode == 0, (words, done.stderr)
        return done.stdout

    def at(self, directory: Path) -> Git:
        """Return the same for another *directory*."""
        return Git(directory, self._scratch)

    def init(self, *words: str) -> Git:
        """Make the directory and a repository in it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main", *words)
        return self

    def write(self, *names: str) -> Git:
        """Write files called *names*, each with its own name as content."""
        for name in names:
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return self

    def commit(self, *names: str) -> Git:
        """Write, add and commit files called *names*."""
        self.write(*names)
        self("add", "-f", "--", *names)
        self("commit", "-q", "-m", "work")
        return self

    def entries(self) -> list[Entry]:
        """Return the entries of the index, as git lists them."""
        lines = self("ls-files", "-s", "-z", "--sparse").split(b"\0")[:-1]
        found = []
        for line in lines:
            words, _, name = line.partition(b"\t")
            mode, object_name, stage = words.split()
            found.append(Entry(name, int(stage), int(mode, 8), bytes.fromhex(object_name.decode())))
        return found


def concerned(entries: list[Entry], relative: bytes, ignore_case: bool = False) -> list[Entry]:
    """Return those of *entries* that are at, below or above *relative*, which is empty for all."""
    wanted = _folded(relative) if ignore_case else relative
    found = []
    for entry in entries:
        name = _folded(entry.name) if ignore_case else entry.name
        above = wanted.startswith(name.rstrip(b"/") + b"/")
        if not wanted or name == wanted or name.startswith(wanted + b"/") or above:
            found.append(entry)
    return found


def _folded(name: bytes) -> bytes:
    """Return *name* in lower case, no part of it with dots or blanks at its end."""
    return b"/".join(part.lower().rstrip(b". ") for part in name.split(b"/"))


def answer(entries: list[Entry]) -> tuple[int, str, bytes] | None:
    """Return the count, the digest and the first name that ``tracked`` should give of *entries*."""
    if not entries:
        return None
    digest = blake2b(digest_size=16)
    for entry in entries:
        digest.update(b"%b\0%c" % (entry.name, entry.stage))
        digest.update(entry.mode.to_bytes(4, "big") + entry.object_name)
    return len(entries), digest.hexdigest(), entries[0].name
