"""Other tools that change the environment of a shell: alongside, no fight, nothing left behind.

direnv, virtualenvwrapper, poetry and pdm are the real ones. What the others do to a shell is done
by a few lines here, written after the real ones: conda (by its function and a program that prints
what is to be evaluated), mise, pyenv-virtualenv, oh-my-zsh's python plugin and zsh's
autoswitch-virtualenv.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

MAKERS = CHECKOUT / ".tests/makers"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory, make_environment: EnvironmentMaker) -> Path:
    """Two projects, two directories without one, and two environments elsewhere."""
    place = tmp_path_factory.mktemp("neighbours").resolve()
    for name, path in (
        ("app", "app/.venv"),
        ("lib", "lib/.venv"),
        ("own", "own/.venv"),
        ("other", "envs/other"),
        ("named", "envs/named"),
    ):
        make_environment(place / path, prompt=name)
    for name in ("plain", "tools/bin", "set", "layout"):
        (place / name).mkdir(parents=True)
    return place


def count_helper(terminal: Terminal) -> None:
    """Put a program before the helper's Python that notes each call in ``calls``."""
    shell = terminal.shell
    real = os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")
    program = terminal.scratch / "helper"
    program.write_text(
        f'#!/bin/sh\necho call >> {terminal.scratch}/calls\nexec {shell.word(real)} "$@"\n'
    )
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))


def calls(terminal: Terminal) -> int:
    """Return how often the helper was called since ``count_helper``."""
    file = terminal.scratch / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


WATCHED = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PATH", "CONDA_DEFAULT_ENV")


def stands_still(terminal: Terminal) -> dict[str, bytes | None]:
    """Return what the variables hold, and fail if any changes, or the helper is called, meanwhile.

    Ten prompts, of which the first may still put right what a tool did after venvhook's turn.
    """
    terminal.run("true")
    before, asked = terminal.values(*WATCHED), calls(terminal)
    file = terminal.scratch / "seen"
    file.unlink(missing_ok=True)
    for _ in range(8):
        if terminal.shell.name == "fish":
            terminal.run(f'echo "$VIRTUAL_ENV|$PATH" >> {file}')
        else:
            terminal.run(f'echo "${{VIRTUAL_ENV-}}|$PATH" >> {file}')
    assert len(set(file.read_text().splitlines())) == 1, file.read_text()
    assert terminal.values(*WATCHED) == before
    assert calls(terminal) == asked
    return before


def rounds(places: list[str]) -> Iterator[str]:
    """Yield a walk that goes from each place to each other one, once."""
    at, left = places[0], set(itertools.permutations(places, 2))
    while left:
        there = next((b for a, b in sorted(left) if a == at), None)
        if there is None:
            at = sorted(left)[0][0]
            yield at
            continue
        left.remove((at, there))
        at = there
        yield at


def startup(shell: Shell, terminal: Terminal, tool: str, order: str) -> str:
    """Return an rc text that loads *tool* before or after venvhook."""
    load = shell.load_line(terminal.command)
    return "\n".join([tool, load] if order == "before" else [load, tool])


# ---- direnv --------------------------------------------------------------------------------------

DIRENV_HOOK = {
    "bash": 'eval "$(direnv hook bash)"',
    "zsh": 'eval "$(direnv hook zsh)"',
    "fish": "direnv hook fish | source",
}


@pytest.mark.parametrize("order", ["before", "after"])
def test_direnv(
    shell: Shell, order: str, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    if shutil.which("direnv") is None:
        go_without("direnv")
    environ = {**os.environ, "HOME": str(home)}
    texts = {
        # In a project: another environment, and its own by its stock script.
        "app": f"export VIRTUAL_ENV={ground}/envs/other\nPATH_add {ground}/envs/other/bin\n",
        "own": "source .venv/bin/activate\n",
        # In no project: one, direnv's own way to make one, and nothing but an entry of PATH.
        "set": f"export VIRTUAL_ENV={ground}/envs/other\nPATH_add {ground}/envs/other/bin\n",
        "layout": f"layout python {sys.executable}\n",
        "tools": "PATH_add bin\n",
    }
    for name, text in texts.items():
        (ground / name / ".envrc").write_text(text)
        command = ["direnv", "allow", str(ground / name / ".envrc")]
        subprocess.run(command, check=True, env=environ)
    # Made the first time, with pip, which takes seconds.
    command = ["direnv", "exec", str(ground / "layout"), "true"]
    subprocess.run(command, check=True, env=environ, capture_output=True)
    layout = next((ground / "layout/.direnv").glob("python-*"))
    plain = open_terminal(shell, "", ground)
    rc = startup(shell, plain, DIRENV_HOOK[shell.name], order)
    terminal = open_terminal(shell, rc, ground, {"DIRENV_LOG_FORMAT": ""})
    count_helper(terminal)
    base, ps1 = plain.path, terminal.value("PS1")
    expected = {
        "app": ("envs/other", [f"{ground}/envs/other/bin"]),
        "own": ("own/.venv", [f"{ground}/own/.venv/bin"]),
        "set": ("envs/other", [f"{ground}/envs/other/bin"]),
        "layout": (f"{layout.relative_to(ground)}", [f"{layout}/bin"]),
        "tools": (None, [f"{ground}/tools/bin"]),
        "plain": (None, []),
        "lib": ("lib/.venv", [f"{ground}/lib/.venv/bin"]),
    }
    seen = ("VIRTUAL_ENV", "PATH", "VENVHOOK_ACTIVE", "VIRTUAL_ENV_PROMPT", "PS1")
    before = ""
    for at in rounds(sorted(expected)):
        if (shell.name, before, at) == ("fish", "app", "layout"):
            # There direnv acts at prompts alone, so it has found ours when it came to app, and puts
            # that back for the next .envrc to take.
            terminal.run(f"cd {ground}/plain")
        before = at
        terminal.run(f"cd {ground}/{at}")
        # In fish what was put right shows a prompt later.
        terminal.run("true")
        found = terminal.values(*seen)
        environment, ahead = expected[at]
        entries = os.fsdecode(found["PATH"] or b"").split(":")
        if at == "own":
            # Where direnv comes after us in the same prompt, its entry is before ours.
            entries = list(dict.fromkeys(entries))
        assert entries == ahead + base, at
        active = None if environment is None else bytes(ground / environment)
        assert found["VIRTUAL_ENV"] == active, at
        if at != "own":
            shown = "(lib) " if at == "lib" else ""
            assert (found["VENVHOOK_ACTIVE"] is not None) == (at == "lib"), at
            assert found["VIRTUAL_ENV_PROMPT"] == (b"lib" if at == "lib" else None), at
            assert terminal.prompt == shown, at
            assert found["PS1"] == (ps1 and shown.encode() + ps1), at
    for at in ("app", "own", "layout", "tools", "lib"):
        terminal.run(f"cd {ground}/{at}")
        stands_still(terminal)
