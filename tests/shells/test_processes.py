"""The hook starts no process unless the answer changed and no recipe is kept: counted by strace."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal
from venvhook.binding import Binding, bind
from venvhook.decision import State
from venvhook.directories import usable

# A thread is no process: fish has some for its own purposes.
_STARTED = re.compile(r"\b(?:fork|vfork|clone3?)\((?!.*CLONE_THREAD)|\bexecve\(")

# What is typed; each list begins and ends in HOME, and is run once before it is counted.
COSTS_NOTHING = {
    "plain directories": ["cd plain", "cd a/b/c/d", "cd ../../../..", "cd .."],
    "inside a project": ["cd app", "cd src", "cd ..", "cd src", "cd ../.."],
    "idle prompts": ["cd app", "true", "true", "cd ..", "true", "true"],
    "enter, leave, switch": ["cd app", "cd ..", "cd app", "cd ../other", "cd ../app", "cd .."],
    "passed over": ["cd outer/package", "true", "cd ../..", "cd outer/package", "cd ../.."],
    "refused": ["cd bad", "true", "cd ..", "cd bad", "cd .."],
    "bound": ["cd bound", "true", "cd src", "true", "cd ../..", "true"],
    "deactivated by hand": ["cd app", "deactivate", "cd src", "true", "cd ../.."],
}


@pytest.fixture
def trace(home: Path) -> Path:
    """The file that strace writes to."""
    if shutil.which("strace") is None:
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail("strace is not on this machine")
        pytest.skip("strace is not on this machine")
    return home.parent / "trace"


@pytest.fixture
def counted(
    shell: Shell,
    trace: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> Terminal:
    """A shell under strace, with projects."""
    strace = shutil.which("strace") or ""
    for name in ("app/.venv", "other/.venv", "outer/.venv"):
        make_environment(home / name)
    for name in ("app/src", "outer/package/env", "bad/.venv", "plain/a/b/c/d", "bound/src"):
        (home / name).mkdir(parents=True)
    settings = home / ".config/venvhook/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('guard = true\nauto_create = "ask"\n')
    state = usable(bytes(home / ".local/state/venvhook"), {})
    assert state is not None
    project = bytes(home / "bound")
    bind(Binding(project, project, bytes(make_environment(home / "kept/env"))), State(state))
    words = (strace, "-f", "-qq", "-e", "trace=process", "-e", "signal=none", "-o", str(trace))
    return open_terminal(shell, wrapper=words)


def started(terminal: Terminal, trace: Path, lines: list[str]) -> list[str]:
    """Return the calls that started a process while *lines* were run."""
    before = trace.stat().st_size
    for line in lines:
        terminal.run(line)
    with trace.open(errors="replace") as file:
        file.seek(before)
        return [line for line in file.read().splitlines() if _STARTED.search(line)]


def test_no_process_is_started_where_nothing_is_new(counted: Terminal, trace: Path) -> None:
    # The count counts: a first visit asks the helper.
    assert started(counted, trace, ["cd app", "cd .."])
    assert started(counted, trace, ["sh -c true"])
    for name, lines in COSTS_NOTHING.items():
        started(counted, trace, lines)
        assert started(counted, trace, lines) == [], name


def test_a_second_shell_visits_without_a_process(counted: Terminal, trace: Path) -> None:
    started(counted, trace, ["cd app", "cd ..", "cd other", "cd .."])
    counted.restart()
    assert started(counted, trace, ["cd app", "cd ../other", "cd .."]) == []
