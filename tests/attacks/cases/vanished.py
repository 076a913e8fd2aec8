"""The working directory is gone, turned elsewhere, or may not be read."""

from __future__ import annotations

import shutil

from attacks.case import Group
from attacks.stage import Stage

GROUP = Group("vanished")


@GROUP.case
def _deleted_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    shutil.rmtree(environment.parent)
    stage.prompt()
    stage.expect(None)
    stage.prompt()
    stage.expect(None, 0)
    stage.leave()


@GROUP.case
def _deleted_and_made_again_by_a_stranger(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    shutil.rmtree(environment.parent)
    stage.build.foreign()
    stage.prompt()
    # Where the shell stands there is nothing any more, whatever its $PWD leads to.
    stage.expect(None, 0)
    stage.leave()
    stage.visit(environment.parent, None)


@GROUP.case
def _renamed_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    environment.parent.rename(stage.home / "renamed $(pwn)")
    stage.prompt()
    stage.expect(None)
    stage.leave()


@GROUP.case
def _renamed_and_replaced_while_active(stage: Stage) -> None:
    # $PWD leads to a stranger's now, although the shell still stands in the user's own.
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    environment.parent.rename(stage.home / "renamed")
    stage.build.foreign()
    stage.prompt()
    stage.expect(None)
    stage.leave()


@GROUP.case
def _deleted_before_anything_was_active(stage: Stage) -> None:
    place = stage.home / "place"
    place.mkdir()
    stage.cd(place)
    place.rmdir()
    stage.prompt()
    stage.expect(None, 0)
    stage.cd("..", noisy=True)
    stage.leave()


@GROUP.case
def _deleted_and_left_by_dots(stage: Stage) -> None:
    environment = stage.build.own()
    below = environment.parent / "a/b"
    below.mkdir(parents=True)
    stage.cd(below)
    stage.expect(environment)
    shutil.rmtree(environment.parent / "a")
    stage.prompt()
    stage.cd("../..", noisy=True)
    stage.prompt()
    stage.leave()


@GROUP.case
def _a_shell_that_starts_where_nothing_is(stage: Stage) -> None:
    environment = stage.build.own()
    place = stage.home / "gone"
    place.mkdir()
    # Deleted by the shell's own start, before its first prompt.
    stage.open(directory=place, before_load=f"command rmdir {stage.shell.word(place)}")
    stage.prompt()
    stage.expect(None, 0)
    stage.visit(environment.parent, environment)


@GROUP.case
def _replaced_by_a_link_to_a_stranger_s(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    environment.parent.rename(stage.home / "aside")
    stage.build.foreign("theirs")
    environment.parent.symlink_to("theirs")
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()
    stage.visit(environment.parent, None, lines=0)
