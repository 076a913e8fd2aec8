"""Owners, modes and access lists: who else could write what would be run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.case import Group
from attacks.projects import STRANGER, everything, give, grant, site_packages, widen
from attacks.stage import Stage

GROUP = Group("owners", by_turns=True)

# By what it is called: where something lies, from the environment.
PLACES: dict[str, Callable[[Path], Path]] = {
    "the directory above the project": lambda environment: environment.parent.parent,
    "the project": lambda environment: environment.parent,
    "the environment": lambda environment: environment,
    "bin": lambda environment: environment / "bin",
    "pyvenv.cfg": lambda environment: environment / "pyvenv.cfg",
    "activate": lambda environment: environment / "bin/activate",
    "an executable": lambda environment: environment / "bin/pip",
    "lib": lambda environment: environment / "lib",
    "site-packages": site_packages,
}


def _changed(find: Callable[[Path], Path], change: Callable[[Path], object]) -> Callable[..., None]:
    """Return the case of one's own environment in which one place was changed."""

    def act(stage: Stage) -> None:
        root = stage.build.home / "above" / "app"
        environment = stage.build.genuine(stage.build.project("above/app") / ".venv")
        change(find(environment))
        stage.visit(root, None)

    return act


def _given(path: Path) -> None:
    os.chown(path, STRANGER, -1)


def _of_a_group(path: Path) -> None:
    os.chown(path, -1, STRANGER)
    widen(path, 0o020)


def _granted(path: Path) -> None:
    if not grant(path):
        pytest.skip("no access list can be set on this file system")


for _name, _find in PLACES.items():
    GROUP.add(f"{_name} belongs to another", _changed(_find, _given), "root")
    GROUP.add(f"{_name} can be written by all", _changed(_find, lambda path: widen(path, 0o002)))
    GROUP.add(f"{_name} can be written by a group", _changed(_find, _of_a_group), "root")
for _name in ("the project", "bin", "an executable", "site-packages"):
    GROUP.add(f"{_name} is granted to another", _changed(PLACES[_name], _granted), "linux")


@GROUP.case(needs="root")
def _all_of_a_project_belongs_to_another(stage: Stage) -> None:
    environment = stage.build.own()
    give(environment.parent)
    stage.visit(environment.parent, None)


@GROUP.case(needs="root")
def _the_interpreter_belongs_to_another(stage: Stage) -> None:
    environment = stage.build.own()
    interpreter = stage.home / "python-of-another"
    interpreter.write_bytes(b"#!/bin/sh\n")
    interpreter.chmod(0o755)
    os.chown(interpreter, STRANGER, STRANGER)
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(interpreter)
    stage.visit(environment.parent, None)


@GROUP.case
def _the_interpreter_s_directory_can_be_written_by_all(stage: Stage) -> None:
    environment = stage.build.own()
    place = stage.home / "python"
    place.mkdir()
    stage.build.program(place / "python3")
    place.chmod(0o777)
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(place / "python3")
    stage.visit(environment.parent, None)


@GROUP.case
def _home_can_be_written_by_all(stage: Stage) -> None:
    environment = stage.build.own()
    place = stage.home / "python"
    place.mkdir()
    place.chmod(0o777)
    config = environment / "pyvenv.cfg"
    lines = config.read_text().splitlines()
    lines[0] = f"home = {place}"
    config.write_text("\n".join(lines) + "\n")
    stage.visit(environment.parent, None)


@GROUP.case
def _in_a_sticky_directory(stage: Stage) -> None:
    (stage.home / "tmp").mkdir()
    (stage.home / "tmp").chmod(0o1777)
    environment = stage.build.own("tmp/app")
    stage.visit(environment.parent, environment)


@GROUP.case
def _in_a_directory_that_all_can_write(stage: Stage) -> None:
    (stage.home / "tmp").mkdir()
    (stage.home / "tmp").chmod(0o777)
    environment = stage.build.own("tmp/app")
    stage.visit(environment.parent, None)


@GROUP.case(needs="root")
def _another_s_in_a_sticky_directory(stage: Stage) -> None:
    (stage.home / "tmp").mkdir()
    (stage.home / "tmp").chmod(0o1777)
    environment = stage.build.own("tmp/app")
    give(environment.parent)
    stage.visit(environment.parent, None)


@GROUP.case(needs="root")
def _a_marker_planted_above_a_project(stage: Stage) -> None:
    # /tmp/.venv of another account, seen from below /tmp/mine.
    (stage.home / "tmp").mkdir()
    (stage.home / "tmp").chmod(0o1777)
    give(stage.build.delivered(stage.home / "tmp/.venv"))
    mine = stage.home / "tmp/mine"
    mine.mkdir()
    stage.visit(mine, None)


@GROUP.case
def _a_sticky_bin(stage: Stage) -> None:
    # Another account could put a program beside those that are there.
    environment = stage.build.own()
    (environment / "bin").chmod(0o1777)
    stage.visit(environment.parent, None)


@GROUP.case(by_turns=False)
def _made_writable_after_trust(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    (environment / "bin").chmod(0o777)
    stage.build.program(environment / "bin/new")  # a trace that a witness shows
    stage.visit(environment.parent, None)


@GROUP.case(by_turns=False)
def _a_hole_made_writable_without_a_trace(stage: Stage) -> None:
    """No shell sees a mode: told in the README, by 'why', and as soon as something else changes."""
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    (environment / "lib").chmod(0o777)
    stage.visit(environment.parent, environment)
    os.utime(environment / "pyvenv.cfg")
    stage.visit(environment.parent, None)


@GROUP.case(by_turns=False)
def _made_writable_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    (environment / "bin").chmod(0o777)
    stage.build.program(environment / "bin/new")
    stage.prompt()
    stage.expect(None, 1)
    (environment / "bin").chmod(0o755)
    stage.leave()
    stage.visit(environment.parent, environment)


@GROUP.case(needs="root", by_turns=False)
def _given_to_another_after_trust(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    give(environment)
    stage.visit(environment.parent, None)


@GROUP.case(needs="root", by_turns=False)
def _rebuilt_by_another_in_a_sticky_directory(stage: Stage) -> None:
    # What cleans /tmp took the project away; another account makes it again, with old dates.
    (stage.home / "tmp").mkdir()
    (stage.home / "tmp").chmod(0o1777)
    environment = stage.build.own("tmp/app")
    stage.visit(environment.parent, environment)
    token = (
        (environment / ".venvhook").read_bytes() if (environment / ".venvhook").exists() else b""
    )
    environment.parent.rename(stage.home / "taken away")
    stage.build.foreign("tmp/app")
    (environment / ".venvhook").write_bytes(token)
    give(environment.parent)
    stage.visit(environment.parent, None)


@GROUP.case(needs="root", by_turns=False)
def _root_with_the_home_of_another(stage: Stage) -> None:
    # sudo -s: root trusts what root holds, and leaves nothing behind.
    home = stage.home / "home of another"
    environment = stage.build.genuine(stage.build.project("home of another/app") / ".venv")
    give(home)
    word = stage.shell.word(home)
    setup = {"fish": f"set -gx HOME {word}", "pwsh": f"$env:HOME = {word}"}
    stage.open(setup=setup.get(stage.shell.name, f"export HOME={word}"))
    stage.visit(environment.parent, None)
    left = [entry for entry in everything(home) if entry.lstat().st_uid == 0]
    # What visit has made itself.
    assert left in ([], [environment.parent / "sub dir"])
