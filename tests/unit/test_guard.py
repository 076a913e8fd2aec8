"""``venvhook guard``: what it sets, shows and completes; what shells do then is in tests/shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT


def venvhook(home: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with *words*, in HOME *home*."""
    return subprocess.run(
        [sys.executable, "-m", "venvhook", *words],
        env={
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT / "src"),
            **environ,
        },
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def says(home: Path, *words: str, **environ: str) -> str:
    """Return what it prints, which must succeed."""
    ran = venvhook(home, *words, **environ)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of settings, which has a comment."""
    path = tmp_path / ".config/venvhook/config.toml"
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_text('# mine\ntrust = "ask"\n')
    return path


def test_it_is_off_until_it_is_set(tmp_path: Path, file: Path) -> None:
    assert says(tmp_path, "guard") == (
        "guard is off (default): pip may install outside of environments; "
        "'venvhook guard on' changes that\n"
    )
    assert says(tmp_path, "guard", "on") == (
        "guard is on: pip refuses to install outside of environments, from the next prompt "
        "on; 'venvhook guard off' undoes that\n"
    )
    assert file.read_text() == '# mine\ntrust = "ask"\nguard = true\n'
    assert says(tmp_path, "guard").startswith(f"guard is on ({file}:3): pip refuses to install")
    assert says(tmp_path, "guard", "off").startswith("guard is off: pip may install outside")
    assert says(tmp_path, "config", "get", "guard") == "false\n"


def test_facts_as_json(tmp_path: Path, file: Path) -> None:
    off = {"version": 1, "guard": False, "source": "default", "file": None, "line": None}
    assert json.loads(says(tmp_path, "guard", "--json")) == off
    on = {"version": 1, "guard": True, "source": "file", "file": str(file), "line": 3}
    assert json.loads(says(tmp_path, "guard", "on", "--json")) == on


def test_a_variable_that_wins_is_told(tmp_path: Path, file: Path) -> None:
    told = says(tmp_path, "guard", "on", VENVHOOK_GUARD="0").splitlines()
    assert told[0].startswith("guard is on: ")
    assert told[1:] == ["but VENVHOOK_GUARD is '0' in this shell, and that wins"]
    assert says(tmp_path, "guard", VENVHOOK_GUARD="0").startswith("guard is off (VENVHOOK_GUARD)")
    assert "guard = true" in file.read_text()


def test_another_mistake_in_the_file_is_told(tmp_path: Path, file: Path) -> None:
    file.write_text('trust = "sometimes"\n')
    ran = venvhook(tmp_path, "guard", "on")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"venvhook: {file}:1: trust ")
    assert ran.stderr.count("\n") == 1


def test_another_word_is_a_wrong_call(tmp_path: Path) -> None:
    ran = venvhook(tmp_path, "guard", "maybe")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1


def test_on_and_off_are_completed(tmp_path: Path) -> None:
    ran = venvhook(
        tmp_path, _VENVHOOK_COMPLETE="bash_complete", COMP_WORDS="venvhook guard o", COMP_CWORD="2"
    )
    assert ran.stdout == "plain,on\nplain,off\n"
