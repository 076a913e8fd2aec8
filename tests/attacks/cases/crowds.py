"""Very many, very large, very deep: a change of directory still takes no time to speak of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from attacks.case import Group
from attacks.projects import git, site_packages, standing_in
from attacks.stage import Stage

GROUP = Group("crowds", by_turns=True)
MANY = 25_000


def _crowd(directory: Path) -> None:
    """Make many small files in *directory*."""
    with standing_in(directory):
        for number in range(MANY):
            os.close(os.open(f"crowd{number}", os.O_CREAT | os.O_WRONLY, 0o755))


@GROUP.case
def _many_programs(stage: Stage) -> None:
    environment = stage.build.own()
    _crowd(environment / "bin")
    stage.visit_either(environment.parent, environment)


@GROUP.case
def _many_packages(stage: Stage) -> None:
    environment = stage.build.own()
    _crowd(site_packages(environment))
    stage.visit_either(environment.parent, environment)


@GROUP.case
def _many_files_in_the_project(stage: Stage) -> None:
    environment = stage.build.own()
    _crowd(environment.parent)
    stage.visit(environment.parent, environment)


@GROUP.case
def _many_pythons_in_lib(stage: Stage) -> None:
    environment = stage.build.own()
    for number in range(2000):
        (environment / f"lib/python3.{number}/site-packages").mkdir(parents=True, exist_ok=True)
    stage.visit_either(environment.parent, environment)


def _index_of(root: Path, number: int, prefix: str) -> None:
    """Add *number* entries to the index of *root*."""
    lines = "".join(f"100644 {'1' * 40}\t{prefix}/{n:06}\n" for n in range(number))
    words = ["git", "update-index", "--index-info"]
    subprocess.run(words, cwd=root, input=lines.encode(), check=True)


@GROUP.case
def _an_index_of_200_000_entries(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    _index_of(root, 200_000, "src/a-directory-of-some-length")
    stage.visit(root, environment)


@GROUP.case
def _an_index_of_200_000_entries_of_version_4(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    _index_of(root, 200_000, "src/a-directory-of-some-length")
    git(root, "update-index", "--index-version", "4")
    stage.visit(root, environment)


@GROUP.case
def _an_index_of_200_000_entries_of_the_environment(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    _index_of(root, 200_000, ".venv/lib")
    stage.visit(root, None)


@GROUP.case
def _many_shared_indexes(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    for number in range(5000):
        (root / f".git/sharedindex.{number:040}").touch()
    stage.visit_either(root, environment)


@GROUP.case
def _a_repository_at_each_level(stage: Stage) -> None:
    deep = stage.home.joinpath(*["d"] * 80)
    deep.mkdir(parents=True)
    first = stage.build.repository(stage.home / "first")
    for level in (deep, *deep.parents):
        if level == stage.home:
            break
        (level / ".git").symlink_to(first / ".git")
    environment = stage.build.genuine(deep / ".venv")
    stage.visit_either(deep, environment)


@GROUP.case
def _a_broken_repository_at_each_level(stage: Stage) -> None:
    deep = stage.home.joinpath(*["d"] * 80)
    deep.mkdir(parents=True)
    for level in (deep, *deep.parents):
        if level == stage.home:
            break
        (level / ".git").write_text("gitdir: ../.git\n")
    stage.build.genuine(deep / ".venv")
    stage.visit(deep, None)


@GROUP.case
def _something_else_called_env_at_each_level(stage: Stage) -> None:
    deep = stage.home.joinpath(*["d"] * 200)
    deep.mkdir(parents=True)
    for level in (deep, *deep.parents):
        if level == stage.home:
            break
        (level / "env").mkdir()
        (level / "venv").touch()
    stage.visit(deep, None, lines=0)


@GROUP.case
def _a_stranger_s_environment_at_each_level(stage: Stage) -> None:
    deep = stage.home.joinpath(*["d"] * 30)
    deep.mkdir(parents=True)
    for level in (deep, *deep.parents):
        if level == stage.home:
            break
        stage.build.delivered(level / ".venv")
    stage.visit(deep, None)


@GROUP.case
def _links_through_links(stage: Stage) -> None:
    # Each name doubles the steps: 2**30 of them, but for a limit.
    root = stage.build.project()
    (root / "l0").mkdir()
    for number in range(1, 31):
        (root / f"l{number}").symlink_to(f"l{number - 1}/../l{number - 1}")
    (root / ".venv").symlink_to("l30")
    stage.visit(root, None)


@GROUP.case
def _a_config_of_30_000_equal_keys(stage: Stage) -> None:
    environment = stage.build.own()
    config = environment / "pyvenv.cfg"
    text = config.read_text()
    config.write_text(text + "home=/x\n" * ((64 * 1024 - len(text)) // 8))
    stage.visit_either(environment.parent, environment)


@GROUP.case
def _an_activate_script_of_a_gigabyte(stage: Stage) -> None:
    environment = stage.build.own()
    with (environment / "bin/activate").open("r+b") as file:
        file.truncate(1 << 30)
    stage.visit_either(environment.parent, environment)


@GROUP.case
def _an_activate_script_of_assignments(stage: Stage) -> None:
    environment = stage.build.own()
    with (environment / "bin/activate").open("a") as file:
        file.write("VIRTUAL_ENV='" * 4000)
    stage.visit_either(environment.parent, environment)
