"""The attack suite: each hostile or awkward project of the table, in each shell.

What holds after every line is in stage.py, the projects are in cases/. Many cases are played in one
shell, each in a directory of its own; one that breaks the shell gets the blame, and the next one a
new shell.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.case import Case, Group
from attacks.cases import GROUPS
from attacks.projects import PROGRAMS, RECIPES, SOURCED, Builder
from attacks.stage import COLUMNS, Column, Stage, WatchedShell
from attacks.table import Table
from checkout import go_without
from terminal import TerminalError

SHELLS = ("bash", "zsh", "fish", "pwsh")


class Theatre:
    """The shell that is open: one for each column and group, with a HOME of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key: tuple[str, str] | None = None
        self._watched: WatchedShell | None = None

    def stage(self, column: Column, group: Group, case: Case) -> Stage:
        """Return the stage for *case*, in the shell that is open or in a new one."""
        scratch = self._directory / f"{column.name}-{group.name}"
        if self._key != (column.name, group.name):
            self.close()
            prepare(scratch)
        if self._watched is None:
            self._key = (column.name, group.name)
            self._watched = WatchedShell(column, scratch, group.setup.get(column.shell.name, ""))
        home = scratch / "home" / f"{group.cases.index(case):03}"
        home.mkdir()
        return Stage(column, self._watched, scratch, home)

    def play(self, column: Column, group: Group, case: Case) -> Stage:
        """Play *case*, and throw the shell away where it fails."""
        stage = self.stage(column, group, case)
        try:
            case.act(stage)
            stage.finish()
        except TerminalError:
            # Nothing is expected of another tool, not even that it comes back.
            self.close()
            if not column.reference:
                raise
            stage.outcome = "hung"
        except BaseException:
            self.close()
            raise
        finally:
            stage.close()
            shutil.rmtree(stage.home, ignore_errors=True)
        return stage

    def close(self) -> None:
        """End the shell."""
        if self._watched is not None:
            self._watched.close()
            self._watched = None


def prepare(scratch: Path) -> None:
    """Make the directories of a shell, and the program that hostile text calls."""
    for name in ("home", "canaries", "tools"):
        (scratch / name).mkdir(parents=True)
    program = scratch / "tools/pwn"
    program.write_text(f"#!/bin/sh\n: > {scratch}/canaries/pwn\n")
    program.chmod(stat.S_IRWXU)


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Where all is played."""
    found = Theatre(tmp_path_factory.mktemp("attacks"))
    yield found
    found.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play all of a group in one shell, then all of the next."""
    if "case" not in metafunc.fixturenames:
        return
    everything = metafunc.config.getoption("--all")
    names = [name for name in SHELLS if name != "pwsh" or COLUMNS[name].shell.path is not None]
    rows = [
        pytest.param(name, group, case, id=f"{name}-{group.name}-{case.name}")
        for name in names
        for group in GROUPS
        for case in group.cases
        if case.is_played(name, names, everything)
    ]
    metafunc.parametrize(("column_name", "group", "case"), rows)


def test_attack(column_name: str, group: Group, case: Case, theatre: Theatre, table: Table) -> None:
    column = COLUMNS[column_name]
    if column.shell.path is None:
        go_without(column.name)
    if case.missing:
        table.note(group.name, case.name, column.name, "skipped")
        pytest.skip(case.missing)
    try:
        stage = theatre.play(column, group, case)
    except pytest.skip.Exception:
        table.note(group.name, case.name, column.name, "skipped")
        raise
    except BaseException:
        table.note(group.name, case.name, column.name, "FAILED")
        raise
    table.note(group.name, case.name, column.name, stage.outcome or "held")


def play_reference(
    name: str, theatre: Theatre, table: Table, every: int = 1
) -> tuple[list[str], int]:
    """Play each case, or *every* so many, with another tool.

    Return the names of those in which something ran, and how many there were.
    """
    column = COLUMNS[name]
    if column.shell.path is None:
        go_without(column.shell.name)
    rows = [(group, case) for group in GROUPS for case in group.cases]
    rows = [(g, c) for g, c in rows if not c.missing and c.is_played("bash", ["bash"], False)]
    ran = []
    for group, case in rows[::every]:
        stage = theatre.play(column, group, case)
        ran += [case.name] if stage.fired else []
        outcome = "ran " + ", ".join(sorted(stage.fired)) if stage.fired else stage.outcome
        table.note(group.name, case.name, name, outcome or "held")
    return ran, len(rows[::every])


def test_the_canaries_sing_where_a_project_is_believed(
    pytestconfig: pytest.Config, theatre: Theatre, table: Table
) -> None:
    every = 1 if pytestconfig.getoption("--all") else 10
    ran, played = play_reference("credulous", theatre, table, every)
    assert played > 600 / every
    assert len(ran) > played / 2


def test_direnv_for_comparison(pytestconfig: pytest.Config, theatre: Theatre, table: Table) -> None:
    if not pytestconfig.getoption("--all"):
        pytest.skip("only with --all: another tool's column of the table")
    if shutil.which("direnv") is None:
        pytest.skip("direnv is not on this machine, and nothing of venvhook needs it")
    # Not a project's: its hook calls what the user has called 'eval'.
    assert play_reference("direnv", theatre, table)[0] == ["bash+zsh: a function called eval"]


def test_each_canary_sings(tmp_path: Path) -> None:
    prepare(tmp_path)
    build = Builder(tmp_path / "home", tmp_path / "canaries")
    environment = build.own()
    root = build.repository(environment.parent)
    build.arm(root)
    python = environment / "bin/python"
    tools = {**os.environ, "PATH": f"{tmp_path}/tools:{os.environ['PATH']}"}
    rows: list[list[str]] = [
        *([f"{environment}/bin/{name}"] for name in PROGRAMS),
        *(["sh", "-c", f". ./{name}"] for name in (*SOURCED, *RECIPES, ".venv/bin/activate")),
        [str(python), "-c", ""],
        [sys.executable, "-S", "-c", "import click"],
        ["git", "status"],
        ["sh", "-c", "$(pwn)"],
    ]
    for words in rows:
        for mark in (tmp_path / "canaries").iterdir():
            mark.unlink()
        # Most of them break what imports or calls them.
        subprocess.run(words, cwd=root, env=tools, capture_output=True, check=False, timeout=60)
        assert list((tmp_path / "canaries").iterdir()), words
