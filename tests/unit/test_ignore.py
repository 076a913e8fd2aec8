"""Ignored directories as the helper, the policy and the commands see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from environments import EnvironmentMaker
from venvhook.decision import ALLOWED, IGNORED, Decision, State
from venvhook.environment import Doubt
from venvhook.ignoring import ignored_at, ignored_directories


@pytest.fixture
def state(tmp_path: Path) -> State:
    """An empty state directory."""
    directory = tmp_path / "home/.local/state/venvhook"
    directory.mkdir(parents=True, mode=0o700)
    return State(bytes(directory))


def venvhook(home: Path, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in *cwd*, by default HOME."""
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT / "src")}
    return subprocess.run(
        [sys.executable, "-m", "venvhook", *words],
        env=environ,
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty HOME."""
    (tmp_path / "home").mkdir(exist_ok=True)
    return tmp_path / "home"


# What is ignored, and what of it is found at each place.
PLACES: tuple[tuple[str, str, bool], ...] = (
    ("a", "a", True),
    ("a", "a/b/c", True),
    ("a", "ab", False),
    ("a/b", "a", False),
    ("a/b", "a/bc", False),
    (".", "a", True),
)


@pytest.mark.parametrize(("ignored", "place", "found"), PLACES)
def test_a_directory_and_all_below(
    tmp_path: Path, state: State, ignored: str, place: str, found: bool
) -> None:
    path = bytes((tmp_path / ignored).resolve())
    assert state.keep(Decision(path, ALLOWED), IGNORED)
    assert ignored_at(bytes(tmp_path / place), state) == (path if found else None)
    assert ignored_at(bytes(tmp_path / place), None) is None


def test_the_root_is_everything(state: State) -> None:
    assert state.keep(Decision(b"/", ALLOWED), IGNORED)
    assert ignored_at(b"/", state) == b"/"
    assert ignored_at(b"/home/me/app", state) == b"/"


def test_a_real_path_counts_as_well(tmp_path: Path, state: State) -> None:
    (tmp_path / "real/in").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    assert state.keep(Decision(bytes(tmp_path / "real"), ALLOWED), IGNORED)
    assert ignored_at(bytes(tmp_path / "link/in"), state) == bytes(tmp_path / "real")


def test_a_damaged_record_is_a_doubt_and_no_end_of_a_walk(tmp_path: Path, state: State) -> None:
    path = bytes(tmp_path / "a")
    assert state.keep(Decision(path, ALLOWED), IGNORED)
    file = state.file(path, IGNORED)
    assert file is not None
    Path(os.fsdecode(file)).write_bytes(b"nonsense")
    with pytest.raises(Doubt):
        ignored_at(path, state)
    assert ignored_directories(state) == ()


def test_commands_with_a_damaged_record_say_what_mends_it(home: Path, state: State) -> None:
    (home / "app").mkdir()
    assert venvhook(home, "ignore", "app").returncode == 0
    file = state.file(bytes(home / "app"), IGNORED)
    assert file is not None
    Path(os.fsdecode(file)).write_bytes(b"nonsense")
    for words in (("status",), ("which",), ("ignore", "--remove")):
        ran = venvhook(home, *words, cwd=home / "app")
        assert ran.returncode == 1
        assert "'venvhook allow --prune'" in ran.stderr
        assert ran.stderr.count("\n") == 1
    assert venvhook(home, "allow", "--prune").returncode == 0
    assert venvhook(home, "status", cwd=home / "app").returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("ignore", "nowhere"), 1, "is no directory"),
        (("ignore", "file"), 1, "is no directory"),
        (("ignore", ""), 2, "is empty"),
        (("ignore", "--remove"), 1, "is not ignored; see 'venvhook ignore --list'"),
        (("ignore", "--remove", "app"), 1, "is not ignored"),
        (("ignore", "--list", "app"), 2, "--list goes without DIR"),
        (("ignore", "--json"), 2, "--json goes with --list"),
        (("ignore", "app", "other"), 2, "other"),
    ],
)
def test_what_cannot_be_ignored(home: Path, words: tuple[str, ...], status: int, said: str) -> None:
    (home / "app").mkdir()
    (home / "file").touch()
    ran = venvhook(home, *words)
    assert ran.returncode == status
    assert said in ran.stderr
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1


def test_a_directory_that_is_gone_can_be_taken_back(home: Path) -> None:
    (home / "app").mkdir()
    venvhook(home, "ignore", "app")
    (home / "app").rmdir()
    facts = json.loads(venvhook(home, "ignore", "--list", "--json").stdout)
    assert facts == {"version": 1, "ignored": [str(home / "app")]}
    assert venvhook(home, "ignore", "--remove", "app").stdout == (
        f"{home}/app: no longer ignored\n"
    )


def test_records_of_what_is_gone_are_pruned(home: Path) -> None:
    (home / "app").mkdir()
    (home / "stays").mkdir()
    venvhook(home, "ignore", "app")
    venvhook(home, "ignore", "stays")
    (home / "app").rmdir()
    ran = venvhook(home, "allow", "--prune")
    assert f"{home}/app: is gone; no longer ignored" in ran.stdout
    assert venvhook(home, "ignore", "--list").stdout == f"{home}/stays\n"


def test_what_lies_in_one_is_listed_as_ignored(
    home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    venvhook(home, "ignore")
    facts = json.loads(venvhook(home, "list", "--scan", ".", "--json").stdout)
    (entry,) = facts["environments"]
    assert entry["state"] == "not used"
    assert entry["reason"] == "ignored"
