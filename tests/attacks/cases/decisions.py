"""What venvhook keeps: decisions, recipes; lost, damaged, and out of a project's reach."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import RECIPES, STRANGER, git
from attacks.stage import Stage

GROUP = Group("decisions")


def _state(stage: Stage) -> Path:
    """Return the directory of decisions."""
    return stage.watched.terminal.home / ".local/state/venvhook"


def _cache(stage: Stage) -> Path:
    """Return the directory of recipes."""
    return stage.watched.terminal.home / ".cache/venvhook"


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _lost(name: str, directory: Callable[[Stage], Path]) -> None:
    """Add the cases of a *directory* that is removed."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        stage.visit(environment.parent, environment)
        shutil.rmtree(directory(stage), ignore_errors=True)
        stage.visit(environment.parent, environment)

    GROUP.add(f"the directory of {name} is lost", act)

    def act_active(stage: Stage) -> None:
        environment = stage.build.own()
        stage.cd(environment.parent)
        stage.expect(environment)
        shutil.rmtree(directory(stage), ignore_errors=True)
        stage.prompt()
        stage.expect(environment, 0)
        stage.leave()

    GROUP.add(f"the directory of {name} is lost while active", act_active)


_lost("decisions", _state)
_lost("recipes", _cache)


@GROUP.case
def _damaged_decisions(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    for file in _files(_state(stage)):
        if os.fspath(stage.home) in os.fspath(file):
            file.write_bytes(b"\x1b]0;title\x07$(pwn)\0" * 100)
    # The line that says so begins with the place.
    stage.cd(environment.parent)
    stage.visit_as_seen(environment.parent, environment)


@GROUP.case
def _decisions_replaced_by_fifos(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    for file in _files(_state(stage)):
        if os.fspath(stage.home) in os.fspath(file):
            file.unlink()
            os.mkfifo(file)
    shutil.rmtree(_cache(stage), ignore_errors=True)
    stage.cd(environment.parent)
    stage.visit_as_seen(environment.parent, environment)
    shutil.rmtree(_state(stage), ignore_errors=True)


@GROUP.case
def _a_recipe_that_another_project_wrote(stage: Stage) -> None:
    # A project called like the path of another one in the cache is not that one.
    environment = stage.build.own("victim")
    evil = stage.build.project(f"evil{environment.parent}")
    for name in RECIPES:
        assert (evil / name).exists()
    stage.visit(environment.parent, environment)


@GROUP.case
def _recipes_replaced_by_fifos(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    for file in _files(_cache(stage)):
        if os.fspath(stage.home) in os.fspath(file):
            file.unlink()
            os.mkfifo(file)
    stage.visit(environment.parent, environment)


@GROUP.case(needs="root")
def _recipes_of_another_account(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    for file in _files(_cache(stage)):
        if os.fspath(stage.home) in os.fspath(file):
            stage.build.sourced(file)
            os.chown(file, STRANGER, STRANGER)
    stage.visit(environment.parent, environment)


@GROUP.case
def _settings_of_a_project_change_nothing(stage: Stage) -> None:
    environment = stage.build.foreign()
    assert (environment.parent / ".config/venvhook/config.toml").exists()
    stage.visit(environment.parent, None)


@GROUP.case
def _trust_ask(stage: Stage) -> None:
    environment = stage.build.own()
    stage.open(environ={"VENVHOOK_TRUST": "ask"})
    stage.visit(environment.parent, None)


@GROUP.case
def _trust_all(stage: Stage) -> None:
    environment = stage.build.foreign()
    stage.open(environ={"VENVHOOK_TRUST": "all"})
    stage.visit(environment.parent, environment)


@GROUP.case
def _trust_all_is_not_for_what_others_can_write(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / "bin").chmod(0o777)
    stage.open(environ={"VENVHOOK_TRUST": "all"})
    stage.visit(environment.parent, None)


@GROUP.case
def _trust_of_nonsense(stage: Stage) -> None:
    environment = stage.build.foreign()
    stage.open(environ={"VENVHOOK_TRUST": "$(pwn)\x1b]0;title\x07"})
    stage.cd(environment.parent)
    stage.expect(None, 1)
    stage.prompt()
    stage.expect(None, 0)
    stage.leave()


@GROUP.case
def _allowed(stage: Stage) -> None:
    environment = stage.build.foreign()
    stage.visit(environment.parent, None)
    stage.cd(environment.parent)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    stage.leave()
    stage.visit(environment.parent, environment)
    stage.command(f"revoke {stage.shell.word(environment.parent)}")
    stage.said.clear()
    stage.cd(environment.parent)
    stage.expect(None)
    stage.leave()


@GROUP.case
def _allowed_and_then_replaced(stage: Stage) -> None:
    environment = stage.build.foreign()
    stage.cd(environment.parent)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    environment.rename(stage.home / "old")
    stage.build.delivered(environment)
    stage.prompt()
    stage.expect(None)  # why has been said before it was allowed
    stage.leave()


@GROUP.case
def _allowed_and_then_pulled(stage: Stage) -> None:
    environment = stage.build.tracked()
    root = environment.parent
    git(root, "commit", "-q", "-m", "environment")
    stage.cd(root)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    (environment / "bin/ls").write_text("#!/bin/sh\n# new\n")
    git(root, "commit", "-q", "-a", "-m", "changed")
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case
def _allowed_and_others_pulled(stage: Stage) -> None:
    environment = stage.build.tracked()
    root = environment.parent
    git(root, "commit", "-q", "-m", "environment")
    stage.cd(root)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    (root / "README").write_text("changed\n")
    git(root, "commit", "-q", "-a", "-m", "changed")
    stage.prompt()
    stage.expect(environment, 0)
    stage.leave()


@GROUP.case
def _allowed_in_one_worktree(stage: Stage) -> None:
    environment = stage.build.tracked("one")
    git(environment.parent, "commit", "-q", "-m", "environment")
    git(environment.parent, "worktree", "add", "-q", "../two")
    stage.cd(environment.parent)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    stage.leave()
    stage.visit(stage.home / "two", None)


@GROUP.case
def _denied(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    stage.command("deny")
    stage.said.clear()
    stage.prompt()
    stage.expect(None, 0)
    stage.leave()
    stage.visit(environment.parent, None, lines=0)


@GROUP.case
def _allowed_although_all_can_write(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / "bin").chmod(0o777)
    stage.cd(environment.parent)
    stage.expect(None, 1)
    stage.command("allow")
    stage.said.clear()
    stage.prompt()
    stage.expect(None)
    stage.leave()


@GROUP.case
def _what_a_hostile_project_prints_in_status(stage: Stage) -> None:
    name = b"\x1b]0;title\x07$(pwn)\xe2\x80\xaee"
    environment = stage.build.foreign(name)
    stage.cd(environment.parent)
    stage.expect(None, 1)
    for words in ("status", "why", "allow --list"):
        printed = stage.command(words)
        assert b"\x1b" not in printed.replace(b"\x1b[?2004", b"")
        assert b"\x07" not in printed
        assert b"\xe2\x80\xae" not in printed
    stage.said.clear()
    stage.leave()


@GROUP.case(slow=True)
def _100_000_decisions(stage: Stage) -> None:
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    for number in range(100_000):
        if number % 1000 == 0:
            place = _state(stage) / f"many/{number // 1000}"
            place.mkdir(parents=True)
        (place / str(number)).touch()
    stage.visit(environment.parent, environment)
    shutil.rmtree(_state(stage) / "many")
