"""The session file: which shell a command was called from, and what it leaves for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from venvhook import ancestry
from venvhook.ancestry import Process
from venvhook.errors import VenvhookError
from venvhook.session import OFF, ON, Session, off_reason, switch_off, switch_on


def session(directory: Path, variable: bool = False) -> Session:
    """Return the session of this process, as of a shell."""
    return Session("bash", bytes(directory / str(os.getpid())), variable)


def ended_process() -> int:
    """Return the number of a process that was."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


# ---- Switching -----------------------------------------------------------------------------------

# What is there before, what is done, the line that says it, and what is there then.
SWITCHES: tuple[tuple[bytes, bool, Callable[[Session], str], str, bytes], ...] = (
    (b"", False, switch_off, "is off in this bash until 'venvhook on'", OFF),
    (OFF, False, switch_off, "is off already", OFF),
    (b"nonsense", False, switch_off, "is off in this bash until", OFF),
    (b"", True, switch_off, "also when VENVHOOK_OFF is unset,", OFF),
    (ON, True, switch_off, "is off in this bash until", OFF),
    (b"", False, switch_on, "is on already", ON),
    (OFF, False, switch_on, "is on in this bash", b""),
    (b"", True, switch_on, "is on in this bash, although VENVHOOK_OFF is set", ON),
    (OFF, True, switch_on, "although VENVHOOK_OFF is set", ON),
    (ON, True, switch_on, "is on already", ON),
)


@pytest.mark.parametrize(("before", "variable", "switch", "said", "after"), SWITCHES)
def test_each_switch_says_what_it_did(
    tmp_path: Path,
    before: bytes,
    variable: bool,
    switch: Callable[[Session], str],
    said: str,
    after: bytes,
) -> None:
    shell = session(tmp_path, variable)
    if before:
        Path(os.fsdecode(shell.file)).write_bytes(before)
    line = switch(shell)
    assert said in line
    assert "\n" not in line
    assert shell.word == after
    assert bool(shell.reason) is (after == OFF)


def test_what_was_left_for_processes_that_ended_is_removed(tmp_path: Path) -> None:
    gone = ended_process()
    kept = {str(os.getppid()), "notes", "1x", ".hidden", "x.y"}
    for name in (*kept, str(gone), f"{os.getppid()}.{gone}"):
        (tmp_path / name).write_bytes(OFF)
    shell = session(tmp_path)
    switch_off(shell)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, str(os.getpid())}


def test_the_directory_is_made_for_the_user_alone(tmp_path: Path) -> None:
    directory = tmp_path / "run/venvhook"
    directory.parent.mkdir(mode=0o700)
    previous = os.umask(0)
    try:
        switch_off(session(directory))
    finally:
        os.umask(previous)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / str(os.getpid())).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("what", ["open to others", "a file", "a link"])
def test_a_directory_that_others_could_have_made_is_not_taken(tmp_path: Path, what: str) -> None:
    directory = tmp_path / "venvhook"
    if what == "a file":
        directory.touch()
    elif what == "a link":
        (tmp_path / "other").mkdir(mode=0o700)
        directory.symlink_to("other")
    else:
        directory.mkdir()
        directory.chmod(0o777)
    with pytest.raises(VenvhookError, match="is not yours alone"):
        switch_off(session(directory))
    assert not list((tmp_path / "other").glob("*"))


# ---- Which shell ---------------------------------------------------------------------------------


def test_without_a_hook_the_variable_is_all_there_is() -> None:
    assert off_reason({}) == ""
    assert off_reason({"VENVHOOK_OFF": ""}) == ""
    assert off_reason({"VENVHOOK_OFF": "1"}) == "VENVHOOK_OFF is set"
    assert off_reason({"VENVHOOK_OFF": "1", "VENVHOOK_SESSION": "/nowhere/1"}) == (
        "VENVHOOK_OFF is set"
    )


def test_ps_and_proc_tell_the_same_processes() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc here; ps is all there is")
    if shutil.which("ps", path="/bin") is None:
        go_without("/bin/ps")
    by_ps = ancestry._from_ps()
    pid = os.getpid()
    for _ in range(3):
        one, other = ancestry._from_proc(pid), by_ps(pid)
        assert one is not None
        assert other is not None
        assert (one.parent, one.name) == (other.parent, other.name)
        pid = one.parent
        if pid <= 1:
            break


def test_a_process_is_called_as_its_program() -> None:
    for words, name in (
        ((b"-bash",), "bash"),
        ((b"/usr/bin/zsh", b"-i"), "zsh"),
        ((b"fish",), "fish"),
        ((), ""),
    ):
        assert Process(1, 0, words).name == name


def test_what_is_no_process_has_no_ancestors() -> None:
    assert ancestry._from_proc(0) is None
    assert ancestry._from_proc(ended_process()) is None


def test_the_shell_is_not_asked_for_by_a_process_that_it_did_not_start(tmp_path: Path) -> None:
    # That of a process beside this one, which is alive.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as beside:
        ran = subprocess.run(
            [sys.executable, "-m", "venvhook", "off"],
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "PYTHONPATH": str(CHECKOUT / "src"),
                "VENVHOOK_SESSION": str(tmp_path / str(beside.pid)),
            },
            capture_output=True,
            text=True,
        )
        assert beside.stdin is not None
        beside.stdin.close()
    assert ran.returncode == 1
    assert "only in one before it" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*[0-9]"))
