"""The nearest environment for a command: the one that a cd would activate, or the same refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from venvhook.binding import Binding, bind, unbind
from venvhook.decision import State
from venvhook.directories import state_directory, usable
from venvhook.discovery import present
from venvhook.errors import VenvhookError
from venvhook.hook import decide
from venvhook.nearest import environment_at, read_policy
from venvhook.recipe import ACTIVATE, REFUSE

NAMES = (b".venv", b"venv", b"env")


class Place:
    """A HOME in which projects are made."""

    def __init__(self, directory: Path, make_environment: EnvironmentMaker) -> None:
        self.home = directory
        self.make = make_environment
        self.environ = {"HOME": str(directory)}

    def nearest(self, directory: Path, **environ: str) -> Path:
        """Return the environment that a command in *directory* uses."""
        found = environment_at(bytes(directory), {**self.environ, **environ})
        return Path(os.fsdecode(found.environment.path))

    def refusal(self, directory: Path, **environ: str) -> str:
        """Return why there is none for a command in *directory*."""
        with pytest.raises(VenvhookError) as raised:
            environment_at(bytes(directory), {**self.environ, **environ})
        assert raised.value.exit_code == 1
        return str(raised.value)

    def state(self) -> State:
        """Return the user's decisions."""
        directory = usable(state_directory(self.environ), self.environ)
        assert directory is not None
        return State(directory)

    def recipe(self, root: Path, **environ: str) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the verb and the values of what a shell is told in *root*."""
        values = {**self.environ, **environ}
        policy = read_policy(values, values.get("VENVHOOK_TRUST", ""))
        found = decide(bytes(root), present(bytes(root), NAMES), NAMES, policy)
        assert found is not None
        return found.verb, found.values


@pytest.fixture
def place(tmp_path: Path, make_environment: EnvironmentMaker) -> Place:
    """An empty HOME."""
    home = tmp_path.resolve() / "home"
    home.mkdir()
    return Place(home, make_environment)


def test_it_is_the_nearest_at_or_above(place: Place) -> None:
    outer = place.make(place.home / "outer/.venv")
    inner = place.make(place.home / "outer/inner/venv")
    (place.home / "outer/inner/a/b").mkdir(parents=True)
    (place.home / "outer/beside").mkdir()
    assert place.nearest(place.home / "outer") == outer
    assert place.nearest(place.home / "outer/beside") == outer
    assert place.nearest(place.home / "outer/inner/a/b") == inner


def test_what_is_only_called_so_is_passed(place: Place) -> None:
    outer = place.make(place.home / "outer/.venv")
    (place.home / "outer/inner/env").mkdir(parents=True)
    (place.home / "outer/inner/venv").write_text("A=1\n")
    assert place.nearest(place.home / "outer/inner") == outer


def test_home_counts_for_itself_alone(place: Place) -> None:
    own = place.make(place.home / ".venv")
    (place.home / "below").mkdir()
    assert place.nearest(place.home) == own
    assert "no environment at or above" in place.refusal(place.home / "below")


def test_the_project_and_its_name_are_told(place: Place) -> None:
    place.make(place.home / "app/.venv", prompt="called so")
    (place.home / "app/src").mkdir()
    found = environment_at(bytes(place.home / "app/src"), place.environ)
    assert found.root == bytes(place.home / "app")
    assert found.name == b"called so"
    assert found.verdict.doubt is None


def test_a_shell_that_comes_next_finds_it_accepted(place: Place) -> None:
    environment = place.make(place.home / "app/.venv")
    place.nearest(place.home / "app")
    token = (environment / ".venvhook").read_bytes().strip()
    verb, values = place.recipe(place.home / "app")
    assert verb == ACTIVATE
    assert values == (bytes(environment), b"app", token)


def refusals(place: Place) -> dict[str, dict[str, str]]:
    """Return projects that may not be used, each with the variables that are set."""
    place.make(place.home / "asked/.venv")
    (place.make(place.home / "headless/.venv") / "bin/python").unlink()
    place.make(place.home / "shared/.venv").chmod(0o777)
    place.make(place.home / "copied/.venv").parent.rename(place.home / "moved")
    (place.home / "file").mkdir()
    (place.home / "file/.venv").write_text("nowhere/at/all\n")
    (place.home / "link").mkdir()
    (place.home / "link/.venv").symlink_to("nowhere")
    names = ("headless", "shared", "moved", "file", "link")
    return {"asked": {"VENVHOOK_TRUST": "ask"}, **{name: {} for name in names}}


def test_a_refusal_is_the_line_that_a_shell_says(place: Place) -> None:
    for name, environ in refusals(place).items():
        verb, values = place.recipe(place.home / name, **environ)
        assert verb == REFUSE, name
        assert values[0]
        assert place.refusal(place.home / name, **environ).encode() == values[0]


def test_what_a_shell_keeps_silent_about_is_said_to_a_command(place: Place) -> None:
    (place.make(place.home / "app/.venv") / "bin/python").unlink()
    config = place.home / ".config/venvhook"
    config.mkdir(parents=True, mode=0o700)
    (config / "config.toml").write_text("notice = false\n")
    assert place.recipe(place.home / "app") == (REFUSE, (b"",))
    assert "no interpreter in bin/" in place.refusal(place.home / "app")


def test_settings_that_are_not_understood_let_nothing_be_used(place: Place) -> None:
    place.make(place.home / "app/.venv")
    line = place.refusal(place.home / "app", VENVHOOK_TRUST="nonsense")
    assert line.startswith("VENVHOOK_TRUST is 'nonsense'")


def test_what_is_bound_comes_before_every_name(place: Place) -> None:
    app = place.home / "app"
    own, other = place.make(app / ".venv"), place.make(place.home / "elsewhere/tools")
    bare = place.home / "bare/below"
    bare.mkdir(parents=True)
    state = place.state()
    for root in (app, bare.parent):
        bind(Binding(bytes(root), bytes(root), bytes(other)), state)
    assert place.nearest(app) == other
    assert place.nearest(bare) == other
    assert environment_at(bytes(bare), place.environ).root == bytes(bare.parent)
    inner = place.make(bare / "venv")
    assert place.nearest(bare) == inner
    unbind(bytes(app), state)
    assert place.nearest(app) == own


def test_what_is_bound_and_gone_is_told(place: Place) -> None:
    app = place.home / "app"
    place.make(app / ".venv")
    bind(Binding(bytes(app), bytes(app), bytes(place.home / "gone")), place.state())
    assert "venvhook use --none" in place.refusal(app)


@pytest.mark.parametrize("name", ["nowhere", "app/.venv/pyvenv.cfg"])
def test_what_is_no_directory_is_told(place: Place, name: str) -> None:
    place.make(place.home / "app/.venv")
    assert place.refusal(place.home / name).startswith(f"{place.home / name}: ")
