"""The recipe cache: where a recipe is kept, how it is written, and when it is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from venvhook import hook
from venvhook.config import Settings
from venvhook.nearest import Policy
from venvhook.recipe import (
    ACTIVATE,
    REFUSE,
    Draft,
    Recipe,
    recipe_path,
)
from venvhook.shells import SHELLS, shell_named

BASH = SHELLS[0]


def names_in(directory: Path) -> list[str]:
    """Return the names of all that is in *directory*."""
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (b"/home/me/app", b"/c/home/me/app/venvhook.recipe.sh"),
        (b"/", b"/c/venvhook.recipe.sh"),
        (b"/a/venvhook.recipe.sh/b", None),
        (b"/a/venvhook.recipe", None),
        (b"/a/my-venvhook.recipe", b"/c/a/my-venvhook.recipe/venvhook.recipe.sh"),
        (b"/\xff\n", b"/c/\xff\n/venvhook.recipe.sh"),
    ],
)
def test_the_cache_mirrors_the_file_system(root: bytes, expected: bytes | None) -> None:
    assert recipe_path(b"/c", root, BASH) == expected


def test_a_recipe_is_one_command_of_its_shell() -> None:
    values = (b"/a b/.venv", b"it's", b"")
    recipe = Recipe(ACTIVATE, b"/a b", b".venv/", values, [b"/w"], kept=True)
    begin = b"_venvhook_activate '/a b' '.venv/' '/a b/.venv' "
    assert recipe.line(BASH) == begin + b"'it'\\''s' '' '/w'\n"
    fish = shell_named("fish")
    assert fish is not None
    assert recipe.line(fish) == begin + b"'it\\'s' '' '/w'\n"
    powershell = shell_named("pwsh")
    assert powershell is not None
    assert b" 'it''s' " in recipe.line(powershell)


def test_a_kept_recipe_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "c/venvhook/1/home/app/venvhook.recipe.sh"
    previous = os.umask(0)
    try:
        Draft(bytes(path)).keep(b"text\n")
    finally:
        os.umask(previous)
    assert path.read_bytes() == b"text\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for directory in path.parents:
        if directory == tmp_path:
            break
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert names_in(path.parent) == [path.name]


def test_a_recipe_is_dated_to_the_drafts_beginning(tmp_path: Path) -> None:
    path = tmp_path / "recipe"
    draft = Draft(bytes(path))
    witness = tmp_path / "witness"
    witness.touch()
    draft.keep(b"text\n")
    assert path.stat().st_mtime_ns <= witness.stat().st_mtime_ns


def test_the_old_recipe_is_there_until_the_new_one_is(tmp_path: Path) -> None:
    path = tmp_path / "recipe"
    path.write_text("old\n")
    draft = Draft(bytes(path))
    assert path.read_text() == "old\n"
    draft.keep(b"new\n")
    assert path.read_text() == "new\n"


def test_a_dropped_draft_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "recipe"
    path.write_text("old\n")
    Draft(bytes(path)).drop()
    assert names_in(tmp_path) == []


def test_what_a_killed_helper_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "recipe"
    (tmp_path / f"recipe.{os.getpid()}").write_text("remains\n")
    Draft(bytes(path)).keep(b"new\n")
    assert path.read_text() == "new\n"
    assert names_in(tmp_path) == ["recipe"]


def test_a_link_in_the_drafts_place_is_not_written_through(tmp_path: Path) -> None:
    path, victim = tmp_path / "recipe", tmp_path / "victim"
    victim.write_text("precious\n")
    (tmp_path / f"recipe.{os.getpid()}").symlink_to(victim)
    Draft(bytes(path)).keep(b"new\n")
    assert victim.read_text() == "precious\n"


def test_no_draft_without_a_path() -> None:
    draft = Draft(None)
    draft.keep(b"text\n")
    draft.drop()


_WRITE_MUCH = """
import resource, signal, sys
from venvhook.recipe import Draft
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
Draft(sys.argv[1].encode()).keep(b"x" * 1000)
"""


@pytest.mark.parametrize("room", [0, 500])
def test_a_full_disk_keeps_no_part_of_a_recipe(room: int, tmp_path: Path) -> None:
    path = tmp_path / "recipe"
    path.write_text("old\n")
    subprocess.run(
        [sys.executable, "-c", _WRITE_MUCH, str(path), str(room)],
        env={"PYTHONPATH": str(CHECKOUT / "src")},
        check=True,
    )
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("times", [1, 9])
def test_what_is_exchanged_meanwhile_is_looked_at_again(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first look found may be of both, and what is there then older than the recipe."""
    root, cache = tmp_path / "app", tmp_path / "cache"
    root.mkdir()
    cache.mkdir()
    (root / ".venv").symlink_to("one")
    looks: list[bytes] = []

    def decide(
        path: bytes, markers: bytes, names: tuple[bytes, ...], policy: object
    ) -> Recipe | None:
        del names, policy
        looks.append(b"%d" % len(looks))
        if len(looks) <= times:
            (root / "next").symlink_to("other")
            (root / "next").rename(root / ".venv")
        return Recipe(REFUSE, path, markers, (looks[-1],), [], True)

    monkeypatch.setattr(hook, "decide", decide)
    policy = Policy(Settings(), None)
    recipe = hook.decide_and_keep(BASH, bytes(root), (b".venv",), bytes(cache), policy)
    assert recipe is not None
    assert recipe.values == (looks[-1],)
    kept = Path(os.fsdecode(recipe_path(bytes(cache), bytes(root), BASH) or b""))
    if times == 1:
        assert looks == [b"0", b"1"]
        assert kept.read_bytes() == recipe.line(BASH)
    else:
        assert len(looks) == 4
        assert not recipe.kept
        assert recipe.line(BASH) not in kept.read_bytes()
