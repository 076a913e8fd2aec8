"""Symbolic links: markers, and what is in an environment, leading somewhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from attacks.case import Group
from attacks.projects import LONG_AGO, date, git, give, site_packages
from attacks.stage import Stage

GROUP = Group("links")

NOWHERE: dict[str, str] = {
    "to itself": ".venv",
    "to nothing": "nowhere",
    "to the project": ".",
    "above": "..",
    "to root": "/",
    "to the working directory by /proc": "/proc/self/cwd/",
    "to an open file": "/proc/self/fd/0",
    "below /dev": "/dev/fd",
    "to a command": "$(pwn)",
    "to a name of escapes": "\x1b]0;title\x07\x1b[31m",
    "to a long name": "d" * 255,
    "to a long path": "d/" * 2040,
}


def _leading(target: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        root = stage.build.project()
        stage.build.delivered(root / "hidden")
        (root / ".venv").symlink_to(target)
        stage.visit(root, None)

    return act


for _name, _target in NOWHERE.items():
    GROUP.add(_name, _leading(_target))


@GROUP.case
def _below_the_working_directory_by_proc(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.delivered(root / "hidden", root / ".venv")
    (root / ".venv").symlink_to("/proc/self/cwd/hidden")
    stage.never(root)


def _chain(directory: Path, length: int, target: str) -> None:
    """Make links of *directory* that lead by *length* steps from ``.venv`` to *target*."""
    names = [".venv", *(f"link{number}" for number in range(1, length)), target]
    for name, following in pairwise(names):
        (directory / name).symlink_to(following)


@GROUP.case
def _a_chain_to_one_s_own_environment(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    _chain(root, 20, "../kept")
    stage.visit(root, root / ".venv")


@GROUP.case
def _a_chain_of_41_links(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    _chain(root, 41, "../kept")
    stage.visit(root, None)


@GROUP.case
def _a_loop_of_three(stage: Stage) -> None:
    root = stage.build.project()
    _chain(root, 3, ".venv")
    stage.visit(root, None)


@GROUP.case
def _to_one_s_own_environment(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    (root / ".venv").symlink_to("../kept")
    stage.visit(root, root / ".venv")


@GROUP.case
def _to_a_stranger_s_environment(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.delivered(root / "hidden", root / ".venv")
    (root / ".venv").symlink_to("hidden")
    stage.visit(root, None)


@GROUP.case
def _to_one_s_own_environment_of_another_project(stage: Stage) -> None:
    # Its real place is the one that it was made for.
    other = stage.build.own("other")
    root = stage.build.project()
    (root / ".venv").symlink_to("../other/.venv")
    stage.visit(root, root / ".venv")
    assert other.exists()


@GROUP.case
def _tracked_to_one_s_own_environment(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    (root / ".venv").symlink_to("../kept")
    stage.build.repository(root)
    git(root, "add", "-f", ".venv")
    stage.visit(root, None)


@GROUP.case
def _into_a_tracked_directory(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(root / "shipped/env")
    (root / ".venv").symlink_to("shipped/env")
    stage.build.repository(root)
    git(root, "add", "-f", "shipped")
    stage.visit(root, None)


@GROUP.case
def _of_the_whole_project(stage: Stage) -> None:
    environment = stage.build.own()
    link = stage.home / "link"
    link.symlink_to("app")
    stage.visit(link, link / ".venv")
    assert environment.exists()


@GROUP.case
def _of_the_whole_project_to_a_stranger_s(stage: Stage) -> None:
    stage.build.foreign()
    link = stage.home / "link"
    link.symlink_to("app")
    stage.visit(link, None)


@GROUP.case
def _re_pointed_after_trust(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    stage.build.delivered(stage.home / "evil", root / ".venv")
    (root / ".venv").symlink_to("../kept")
    stage.visit(root, root / ".venv")
    (root / ".venv").unlink()
    (root / ".venv").symlink_to("../evil")
    date(root / ".venv", LONG_AGO)
    stage.visit(root, None)


@GROUP.case
def _re_pointed_while_active(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    stage.build.delivered(stage.home / "evil", root / ".venv")
    (root / ".venv").symlink_to("../kept")
    stage.cd(root)
    stage.expect(root / ".venv")
    (root / "new").symlink_to("../evil")
    (root / "new").rename(root / ".venv")
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case
def _re_pointed_between_one_s_own(stage: Stage) -> None:
    root = stage.build.project()
    for name in ("one", "two"):
        stage.build.genuine(stage.home / name)
    for name in ("one", "two", "one"):
        (root / "new").symlink_to(f"../{name}")
        (root / "new").rename(root / ".venv")
        stage.visit(root, root / ".venv")


@GROUP.case
def _a_directory_on_the_way_re_pointed(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "mine/env")
    stage.build.delivered(stage.home / "theirs/env", stage.home / "mine/env")
    (stage.home / "current").symlink_to("mine")
    (root / ".venv").symlink_to("../current/env")
    stage.visit(root, root / ".venv")
    (stage.home / "current").unlink()
    (stage.home / "current").symlink_to("theirs")
    stage.visit(root, None)


@GROUP.case
def _a_link_for_bin(stage: Stage) -> None:
    environment = stage.build.own()
    evil = stage.build.delivered(stage.home / "evil", environment)
    (environment / "bin").rename(environment / "old")
    (environment / "bin").symlink_to(evil / "bin")
    stage.visit(environment.parent, None)


@GROUP.case
def _a_link_for_bin_below_proc(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / "bin").rename(environment / "old")
    (environment / "bin").symlink_to("/proc/self/cwd/.venv/old")
    stage.never(environment.parent)


@GROUP.case
def _a_link_for_bin_after_trust(stage: Stage) -> None:
    environment = stage.build.own()
    evil = stage.build.delivered(stage.home / "evil", environment)
    stage.visit(environment.parent, environment)
    (environment / "bin").rename(environment / "old")
    (environment / "bin").symlink_to(evil / "bin")
    # What changes inside an accepted environment, others may not do: see test_deliveries.py.
    stage.visit_either(environment.parent, environment)


def _interpreter(target: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        environment = stage.build.own()
        (environment / "bin/python").unlink()
        (environment / "bin/python").symlink_to(target)
        stage.visit(environment.parent, None)

    return act


for _name, _target in {
    "itself": "python",
    "nothing": "/gone/python3",
    "the project": "../../python3",
    "a directory": "/usr",
    "/proc/self/exe": "/proc/self/exe",
    "an open file": "/proc/self/fd/0",
    "a device": "/dev/zero",
    "a text": "../pyvenv.cfg",
}.items():
    GROUP.add(f"the interpreter is a link to {_name}", _interpreter(_target))


@GROUP.case
def _the_interpreter_is_a_program_of_the_project(stage: Stage) -> None:
    environment = stage.build.own()
    stage.build.program(environment.parent / "evil-python")
    date(environment.parent / "evil-python", LONG_AGO)
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("../../evil-python")
    stage.cd(environment.parent)
    stage.visit_as_seen(environment.parent, environment)


@GROUP.case(needs="root")
def _to_another_account_s_environment(stage: Stage) -> None:
    root = stage.build.project()
    give(stage.build.genuine(stage.home / "theirs"))
    (root / ".venv").symlink_to("../theirs")
    stage.visit(root, None)


@GROUP.case(needs="root")
def _by_way_of_another_account_s_directory(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    way = stage.home / "way"
    way.mkdir()
    (way / "there").symlink_to("../kept")
    os.chown(way, 12345, 12345)
    (root / ".venv").symlink_to("../way/there")
    stage.visit(root, None)


@GROUP.case
def _by_way_of_a_directory_that_all_can_write(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(stage.home / "kept")
    way = stage.home / "way"
    way.mkdir()
    (way / "there").symlink_to("../kept")
    way.chmod(0o777)
    (root / ".venv").symlink_to("../way/there")
    stage.visit(root, None)


@GROUP.case
def _lib_is_a_link_into_a_directory_that_all_can_write(stage: Stage) -> None:
    environment = stage.build.own()
    packages = site_packages(environment)
    open_to_all = stage.home / "open"
    packages.rename(open_to_all)
    packages.symlink_to(open_to_all)
    open_to_all.chmod(0o777)
    stage.visit(environment.parent, None)
