"""Environments that change while one is in them: the next prompt is right, with a line at most."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import EnvironmentMaker, uv
from terminal import OpenTerminal, Shell, Terminal

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "VENVHOOK_ACTIVE", "PS1")


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME, which has another beside it."""
    (home / "app/src").mkdir(parents=True)
    make_environment(home / "other/.venv")
    return make_environment(home / "app/.venv")


def another_python() -> str:
    """Return the system's Python, or where there is none, the one that runs this."""
    return shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable


def make(path: Path, *options: str, python: str = sys.executable) -> None:
    """Make an environment at *path* as a person would."""
    words = [python, "-m", "venv", "--without-pip", *options, str(path)]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONSAFEPATH": "1"}, cwd="/")


def make_by_uv(path: Path, *options: str) -> None:
    """Make an environment at *path* by uv."""
    words = [uv(), "venv", "-q", "--no-config", "--no-cache", "--offline", "--python"]
    subprocess.run([*words, sys.executable, *options, str(path)], check=True, cwd=path.parent)


# ---- Changes after which it is off, or another ---------------------------------------------------


def empty(env: Path) -> None:
    """Take all out of *env*."""
    for entry in env.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def replace_by_link(env: Path, target: str) -> None:
    """Put a link to *target* in the place of *env*."""
    shutil.rmtree(env)
    env.symlink_to(target)


def replace_by_file(env: Path, text: str) -> None:
    """Put a file with *text* in the place of *env*."""
    shutil.rmtree(env)
    env.write_text(text)


def make_with_another_python(env: Path) -> None:
    """Delete *env* and make it anew with another interpreter."""
    shutil.rmtree(env)
    make(env, python=another_python())


def upgrade_away(env: Path) -> None:
    """Take away what bin/python leads to."""
    for name in ("python", "python3"):
        (env / "bin" / name).unlink()
        (env / "bin" / name).symlink_to(env.parent.parent / "gone/python")


Change = Callable[[Path], object]
# What is done, and what its line says; None if it says nothing.
OFF: dict[str, tuple[Change, str | None]] = {
    "deleted": (shutil.rmtree, None),
    "renamed": (lambda env: env.rename(env.parent / "old"), None),
    "emptied": (empty, "no pyvenv.cfg in it"),
    "made a link to nothing": (lambda env: replace_by_link(env, "nowhere"), "is a link to nothing"),
    "made a link to itself": (lambda env: replace_by_link(env, ".venv"), "cannot be followed"),
    "made a file": (lambda env: replace_by_file(env, "text of another kind\n\n"), "leads to no"),
    "without pyvenv.cfg": (lambda env: (env / "pyvenv.cfg").unlink(), "no pyvenv.cfg"),
    "without bin": (lambda env: shutil.rmtree(env / "bin"), "no interpreter"),
    "without its Python": (lambda env: (env / "bin/python").unlink(), "no interpreter"),
    "its Python upgraded away": (upgrade_away, "is gone; 'venvhook create --clear'"),
    "copied over": (lambda env: copy_over(env), "made for"),
}
ANOTHER: dict[str, Change] = {
    "made anew with another Python": make_with_another_python,
    "cleared by venv": lambda env: make(env, "--clear"),
    "upgraded by venv": lambda env: make(env, "--upgrade"),
    "cleared by uv": lambda env: make_by_uv(env, "--clear"),
    "made a link to another": lambda env: replace_by_link(env, str(env.parents[1] / "other/.venv")),
    "made a redirect to another": lambda env: replace_by_file(env, "../other/.venv\n"),
}


def copy_over(env: Path) -> None:
    """Put a copy of the other project's environment in the place of *env*."""
    shutil.rmtree(env)
    shutil.copytree(env.parents[1] / "other/.venv", env, symlinks=True)


def at_next_prompt(terminal: Terminal) -> str:
    """Press Enter on a command that does nothing, and return what was printed."""
    return terminal.run("true")


@pytest.mark.parametrize("where", ["app", "app/src"])
@pytest.mark.parametrize("change", OFF)
def test_what_can_no_longer_be_used_is_off_at_the_next_prompt(
    shell: Shell, change: str, where: str, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.values(*TOUCHED)
    terminal.run(f"cd {where}")
    assert terminal.environment == str(app)
    apply, line = OFF[change]
    apply(app)
    printed = at_next_prompt(terminal)
    if line is None:
        assert printed == ""
    else:
        assert line in printed
        assert printed.count("\n") == 1
    assert terminal.values(*TOUCHED) == before
    assert terminal.prompt == ""
    # Said once, and over.
    assert at_next_prompt(terminal) == ""
    assert terminal.run("cd ~") == ""
    assert terminal.values(*TOUCHED) == before


@pytest.mark.parametrize("where", ["app", "app/src"])
@pytest.mark.parametrize("change", ANOTHER)
def test_what_was_put_in_its_place_is_active_at_the_next_prompt(
    shell: Shell, change: str, where: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.values(*TOUCHED)
    terminal.run(f"cd {where}")
    ANOTHER[change](app)
    assert at_next_prompt(terminal) == ""
    expected = app if app.is_dir() and not app.is_symlink() else home / "other/.venv"
    assert terminal.environment is not None
    assert Path(terminal.environment).samefile(expected)
    entries = [entry for entry in terminal.path if ".venv" in entry]
    assert entries == [f"{terminal.environment}/bin"]
    assert terminal.path[0] == entries[0]
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before


MAKERS: dict[str, Callable[[Path], None]] = {"venv": make, "uv": make_by_uv}


@pytest.mark.parametrize("where", ["app", "app/src"])
@pytest.mark.parametrize("maker", MAKERS)
def test_removed_and_made_again_is_off_and_then_on(
    shell: Shell, maker: str, where: str, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.values(*TOUCHED)
    terminal.run(f"cd {where}")
    inside = terminal.values(*TOUCHED)
    for _ in range(2):
        assert terminal.run(f"rm -rf {shell.word(app)}") == ""
        assert terminal.values(*TOUCHED) == before
        assert at_next_prompt(terminal) == ""
        MAKERS[maker](app)
        assert at_next_prompt(terminal) == ""
        assert terminal.values(*TOUCHED) == inside
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before


def test_removed_and_made_again_in_one_line_stays_on(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run("cd app/src")
    line = f"rm -rf {shell.word(app)}; {sys.executable} -m venv --without-pip {shell.word(app)}"
    assert terminal.run(line) == ""
    assert terminal.environment == str(app)
    assert terminal.path.count(f"{app}/bin") == 1


# ---- What is looked at ---------------------------------------------------------------------------

_PATHS = re.compile(rb'\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"')
# A prompt inside looks at the markers and at what the recipe rests on; the rest is the shell's own.
NAMED = {".venv", "venv", "env", ".venv/pyvenv.cfg", ".venv/bin", ".venv/bin/python"}
NAMED |= {".venv/.venvhook", ".git", ".git/index"}


@pytest.fixture
def traced(shell: Shell, app: Path, open_terminal: OpenTerminal) -> Terminal:
    """A shell whose looks at files strace writes down."""
    assert app.is_dir()
    strace = shutil.which("strace")
    if strace is None:
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail("strace is not on this machine")
        pytest.skip("strace is not on this machine")
    out = str(app.parents[2] / "trace")
    words = (strace, "-f", "-qq", "-e", "trace=file", "-e", "signal=none", "-o", out)
    return open_terminal(shell, wrapper=words)


def looked_at(terminal: Terminal, *lines: str) -> list[str]:
    """Return the paths that were looked at while *lines* ran, as they were named."""
    trace = terminal.scratch / "trace"
    begin = trace.stat().st_size
    for line in lines:
        terminal.run(line)
    with trace.open("rb") as file:
        file.seek(begin)
        return [os.fsdecode(path) for path in _PATHS.findall(file.read())]


def test_a_prompt_elsewhere_looks_at_no_project(traced: Terminal, home: Path) -> None:
    """On a network that hangs, only the shell's own 'cd' into it hangs."""
    (home / "plain").mkdir()
    inside = looked_at(traced, "cd app", "true", "cd ..")
    assert any("/app/.venv" in path for path in inside), "what is traced is seen"
    elsewhere = looked_at(traced, "true", "cd plain", "true", "true", "cd ..", "true")
    assert [path for path in elsewhere if "app" in path.split("/")] == []
    # Neither after a refusal, nor where one was deactivated by hand.
    shutil.copytree(home / "app/.venv", home / "bad/.venv", symlinks=True)
    looked_at(traced, "cd bad", "cd ..", "cd app", "deactivate", "cd ..")
    elsewhere = looked_at(traced, "true", "cd plain", "true")
    assert [path for path in elsewhere if {"app", "bad"} & set(path.split("/"))] == []


def test_a_prompt_inside_looks_at_no_more_than_it_rests_on(traced: Terminal, home: Path) -> None:
    looked_at(traced, "cd app", "cd ..", "cd app")
    project = f"{home}/app/"
    seen = {path.removeprefix(project) for path in looked_at(traced, "true", "true")}
    below = {path for path in seen if not path.startswith("/")}
    assert ".venv/pyvenv.cfg" in below, "what is traced is seen"
    assert below <= NAMED, below - NAMED
