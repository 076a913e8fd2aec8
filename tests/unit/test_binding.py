"""Bindings: what 'venvhook use' keeps, read again, damaged, and found by hook and commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from venvhook.binding import (
    Binding,
    bind,
    binding_file,
    binding_of,
    bindings,
    bound_marker,
    bound_roots,
    unbind,
)
from venvhook.config import Settings
from venvhook.decision import State
from venvhook.environment import Doubt
from venvhook.errors import VenvhookError
from venvhook.nearest import Policy, nearest_environment
from venvhook.project import find_project

NAMES = (b".venv", b"venv", b"env")
# Names in which something could be taken for the end of a path.
HOSTILE = ["two words", "new\nline", "quote's", "venvhook", os.fsdecode(b"no utf-8 \xff")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A HOME, with the state directory that a command would use."""
    (tmp_path / ".local/state/venvhook").mkdir(parents=True, mode=0o700)
    return tmp_path.resolve()


@pytest.fixture
def state(home: Path) -> State:
    """The user's state directory."""
    return State(bytes(home / ".local/state/venvhook"))


@pytest.fixture
def environment(home: Path, make_environment: EnvironmentMaker) -> Path:
    """A real environment that no project holds."""
    return make_environment(home / "kept/science")


def bound(state: State, root: Path, environment: Path) -> Path:
    """Bind *environment* to *root*, made where it is missing, and return *root*."""
    root.mkdir(parents=True, exist_ok=True)
    real = os.path.realpath(bytes(root))
    bind(Binding(real, bytes(root), bytes(environment)), state)
    return root


def environ(home: Path) -> dict[str, str]:
    """Return the variables of a command in *home*."""
    return {"HOME": str(home)}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_bound_is_found_again(
    home: Path, state: State, environment: Path, name: str
) -> None:
    root = bound(state, home / name, environment)
    binding = binding_of(bytes(root), state)
    assert binding is not None
    assert (binding.root, binding.logical, binding.environment) == (
        bytes(root),
        bytes(root),
        bytes(environment),
    )
    marker = bound_marker(bytes(root), state)
    assert marker is not None
    assert (marker.environment, marker.root, marker.bound) == (
        bytes(environment),
        bytes(root),
        True,
    )
    assert [found.root for found in bindings(state) if isinstance(found, Binding)] == [bytes(root)]
    assert unbind(bytes(root), state)
    assert bound_marker(bytes(root), state) is None
    assert not unbind(bytes(root), state)
    assert list(bindings(state)) == []


def test_no_binding_where_nothing_was_ever_bound(home: Path, state: State) -> None:
    assert bound_marker(bytes(home), state) is None
    assert bound_marker(bytes(home), None) is None
    assert bound_roots(state) == bound_roots(None) == ()


def test_a_project_is_known_by_its_real_path_and_the_one_it_was_named_by(
    home: Path, state: State, environment: Path
) -> None:
    (home / "disk/app").mkdir(parents=True)
    (home / "app").symlink_to("disk/app")
    bound(state, home / "app", environment)
    assert set(bound_roots(state)) == {bytes(home / "app"), bytes(home / "disk/app")}
    for root in (home / "app", home / "disk/app"):
        assert bound_marker(bytes(root), state) is not None, root


def test_binding_lets_every_shell_look_again(home: Path, state: State, environment: Path) -> None:
    stamp = Path(os.fsdecode(state.stamp))
    bound(state, home / "app", environment)
    os.utime(stamp, (1, 1))
    assert unbind(bytes(home / "app"), state)
    assert stamp.stat().st_mtime > 1


@pytest.mark.parametrize(
    "text", [b"", b"venvhook 2\n\0/a\0/b\0/c", b"venvhook 1\n\0/a\0/b", b"venvhook 1\n\0/a\0b\0/c"]
)
def test_a_damaged_binding_is_told_and_goes_by_unbinding(
    home: Path, state: State, environment: Path, text: bytes
) -> None:
    root = bound(state, home / "app", environment)
    file = binding_file(bytes(root), state)
    assert file is not None
    Path(os.fsdecode(file)).write_bytes(text)
    with pytest.raises(Doubt, match="damaged"):
        binding_of(bytes(root), state)
    assert [type(found) for found in bindings(state)] == [Doubt]
    marker = bound_marker(bytes(root), state)
    assert marker is not None
    assert marker.environment is None
    assert "'venvhook use --none'" in str(marker.reason)
    assert unbind(bytes(root), state)
    assert bound_marker(bytes(root), state) is None


def test_a_binding_of_another_place_is_damaged(home: Path, state: State, environment: Path) -> None:
    file = binding_file(bytes(bound(state, home / "app", environment)), state)
    other = binding_file(bytes(bound(state, home / "other", environment)), state)
    assert file is not None
    assert other is not None
    Path(os.fsdecode(file)).replace(os.fsdecode(other))
    assert [type(found) for found in bindings(state)] == [Doubt]
    assert bound_marker(bytes(home / "other"), state) is None


def test_a_project_called_like_our_own_files_cannot_be_bound(
    home: Path, state: State, environment: Path
) -> None:
    with pytest.raises(VenvhookError, match="rename it"):
        bound(state, home / "venvhook.binding", environment)
    assert bound_marker(bytes(home / "venvhook.binding"), state) is None


def test_what_is_bound_comes_before_the_markers_and_counts_below(
    home: Path, state: State, environment: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    nested = make_environment(home / "app/nested/.venv")
    (home / "app/src").mkdir()
    bound(state, home / "app", environment)
    policy = Policy(Settings(), state)
    found = nearest_environment(bytes(home / "app/src"), bytes(home), NAMES, policy)
    assert (found.root, found.environment.path) == (bytes(home / "app"), bytes(environment))
    assert found.name == b"science"
    found = nearest_environment(bytes(home / "app/nested"), bytes(home), NAMES, policy)
    assert found.environment.path == bytes(nested)
    for start in (home / "app", home / "app/src"):
        project = find_project(bytes(start), environ(home))
        assert project.root == bytes(home / "app")
        assert project.environment == bytes(environment)


def test_what_is_bound_counts_without_any_marker(
    home: Path, state: State, environment: Path
) -> None:
    (home / "bare/src").mkdir(parents=True)
    root = bound(state, home / "bare", environment)
    policy = Policy(Settings(), state)
    for start in (root, root / "src"):
        found = nearest_environment(bytes(start), bytes(home), NAMES, policy)
        assert found.environment.path == bytes(environment)
        assert find_project(bytes(start), environ(home)).root == bytes(root)


def test_what_is_bound_to_home_counts_for_home_alone(
    home: Path, state: State, environment: Path
) -> None:
    (home / "below").mkdir()
    bound(state, home, environment)
    assert find_project(bytes(home), environ(home)).environment == bytes(environment)
    assert find_project(bytes(home / "below"), environ(home)).marker is None


@pytest.mark.parametrize("gone", ["whole", "config"])
def test_a_bound_environment_that_is_gone_is_told(
    home: Path, state: State, environment: Path, gone: str
) -> None:
    root = bound(state, home / "app", environment)
    if gone == "whole":
        environment.rename(home / "elsewhere")
    else:
        (environment / "pyvenv.cfg").unlink()
    with pytest.raises(VenvhookError) as raised:
        nearest_environment(bytes(root), bytes(home), NAMES, Policy(Settings(), state))
    assert str(raised.value).startswith(f"{environment}: ")
    assert "'venvhook use --none'" in str(raised.value)
