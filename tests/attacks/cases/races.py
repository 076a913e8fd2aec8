"""Another process that changes things while the hook runs, as fast as it can."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attacks.case import Group
from attacks.projects import git
from attacks.stage import Stage

GROUP = Group("races")
ROUNDS, MANY_ROUNDS = 8, 150

# Exchanges its first argument with its second, over and over, until its stdin ends; leaves all as
# it was. The last argument is where one is put meanwhile.
_SWAP = """
import os, select, sys
one, other, aside = sys.argv[1:]
turns = 0
print("begun", flush=True)
while turns % 2 or not select.select([0], [], [], 0)[0]:
    os.rename(one, aside)
    os.rename(other, one)
    os.rename(aside, other)
    turns += 1
"""
# Gives its first argument the one mode and the other.
_MODES = """
import os, select, sys
print("begun", flush=True)
while not select.select([0], [], [], 0)[0]:
    os.chmod(sys.argv[1], 0o777)
    os.chmod(sys.argv[1], 0o755)
"""


@contextmanager
def _running(code: str, *paths: Path) -> Iterator[None]:
    """Run *code* meanwhile, in a process of its own."""
    words = [sys.executable, "-I", "-S", "-c", code, *map(os.fspath, paths)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        try:
            yield
        finally:
            process.stdin.close()
            assert process.wait() == 0


def _swapped(name: str, prepare: object, refused: bool = True, accepted: bool = True) -> None:
    """Add the case of two paths, which *prepare* makes, that change places all the time.

    *accepted*: the environment has been used before. When all that has stopped, it is *refused*
    while the other one is there, and used when all is as it was at first.
    """
    assert callable(prepare)

    def played(rounds: int) -> object:
        def act(stage: Stage) -> None:
            environment = stage.build.own()
            root = environment.parent
            one, other = prepare(stage, environment)
            if accepted:
                stage.visit(root, environment)
            with _running(_SWAP, one, other, stage.home / "aside"):
                for _ in range(rounds):
                    stage.cd(root, noisy=True)
                    # fish itself says that a file has gone that was there a moment before.
                    stage.prompt(noisy=stage.shell.name == "fish")
                    stage.prompt(noisy=stage.shell.name == "fish")
                    assert stage.active in (None, os.fsencode(environment))
                    stage.cd(stage.watched.terminal.home, noisy=True)
                    assert stage.active is None
            stage.said.clear()
            # The other one stays: it was never right.
            one.rename(stage.home / "aside")
            other.rename(one)
            os.utime(one, follow_symlinks=False)
            if refused:
                stage.cd(root, noisy=True)
                stage.expect(None)
                stage.leave()
            one.rename(other)
            (stage.home / "aside").rename(one)
            os.utime(one, follow_symlinks=False)
            stage.visit(root, environment)

        return act

    GROUP.add(name, played(ROUNDS))  # type: ignore[arg-type]  # what it returns is one
    GROUP.add(f"{name}, for long", played(MANY_ROUNDS), slow=True)  # type: ignore[arg-type]


def _environments(stage: Stage, environment: Path) -> tuple[Path, Path]:
    other = stage.build.delivered(stage.home / "evil", environment)
    return environment, other


def _links(stage: Stage, environment: Path) -> tuple[Path, Path]:
    environment.rename(stage.home / "kept")
    stage.build.genuine(stage.home / "mine")
    stage.build.delivered(stage.home / "evil", environment)
    environment.symlink_to("../mine")
    (stage.home / "link").symlink_to("../evil")
    (stage.home / "evil").rename(environment.parent / "evil")
    (stage.home / "link").unlink()
    (stage.home / "link").symlink_to("evil")
    return environment, stage.home / "link"


def _bins(stage: Stage, environment: Path) -> tuple[Path, Path]:
    evil = stage.build.delivered(stage.home / "evil", environment)
    return environment / "bin", evil / "bin"


def _bin_and_link(stage: Stage, environment: Path) -> tuple[Path, Path]:
    evil = stage.build.delivered(stage.home / "evil", environment)
    (stage.home / "link").symlink_to(evil / "bin")
    return environment / "bin", stage.home / "link"


def _config_and_fifo(stage: Stage, environment: Path) -> tuple[Path, Path]:
    os.mkfifo(stage.home / "fifo")
    return environment / "pyvenv.cfg", stage.home / "fifo"


def _config_and_directory(stage: Stage, environment: Path) -> tuple[Path, Path]:
    (stage.home / "directory").mkdir()
    return environment / "pyvenv.cfg", stage.home / "directory"


def _interpreter_and_fifo(stage: Stage, environment: Path) -> tuple[Path, Path]:
    os.mkfifo(stage.home / "fifo")
    return environment / "bin/python", stage.home / "fifo"


def _environment_and_fifo(stage: Stage, environment: Path) -> tuple[Path, Path]:
    os.mkfifo(stage.home / "fifo")
    return environment, stage.home / "fifo"


def _indexes(stage: Stage, environment: Path) -> tuple[Path, Path]:
    root = stage.build.repository(environment.parent)
    other = stage.home / "index"
    kept = (root / ".git/index").read_bytes()
    git(root, "add", "-f", ".venv")
    other.write_bytes((root / ".git/index").read_bytes())
    (root / ".git/index").write_bytes(kept)
    return root / ".git/index", other


def _index_and_fifo(stage: Stage, environment: Path) -> tuple[Path, Path]:
    root = stage.build.repository(environment.parent)
    os.mkfifo(stage.home / "fifo")
    return root / ".git/index", stage.home / "fifo"


def _projects(stage: Stage, environment: Path) -> tuple[Path, Path]:
    evil = stage.build.foreign("evil").parent
    return environment.parent, evil


_swapped("an environment and a stranger's", _environments, accepted=False)
_swapped("a link to one's own and to a stranger's", _links, accepted=False)
# What changes inside an accepted environment, others may not do: see test_deliveries.py.
_swapped("bin and a stranger's", _bins, refused=False)
_swapped("bin and a link to a stranger's", _bin_and_link, refused=False)
_swapped("pyvenv.cfg and a FIFO", _config_and_fifo)
_swapped("pyvenv.cfg and a directory", _config_and_directory)
_swapped("the interpreter and a FIFO", _interpreter_and_fifo)
_swapped("the environment and a FIFO", _environment_and_fifo)
_swapped("an index and one that tracks it", _indexes)
_swapped("an index and a FIFO", _index_and_fifo)
_swapped("a project and a stranger's", _projects, accepted=False)


@GROUP.case
def _bin_opened_to_all_and_closed(stage: Stage) -> None:
    environment = stage.build.own()
    with _running(_MODES, environment / "bin"):
        for _ in range(ROUNDS):
            stage.cd(environment.parent)
            stage.prompt()
            assert stage.active in (None, os.fsencode(environment))
            stage.leave_quietly()
    stage.said.clear()
    stage.cd(environment.parent)
    stage.expect(environment)
    stage.leave()
