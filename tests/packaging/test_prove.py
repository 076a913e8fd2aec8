"""The proof at the end of an installation: right about shells that work, and never stuck."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkout import venvhook_command
from terminal import GENERATED, PATIENCE, Shell
from venvhook import prove as prove_module
from venvhook.errors import VenvhookError
from venvhook.prove import Proof, prove
from venvhook.shells import shell_named


class Attempt:
    """A HOME in which a shell with given startup files is proved."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {
            "HOME": str(home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "VENVHOOK_TIMEOUT": PATIENCE,
        }

    def __call__(self, shell: Shell, before: str, after: str = "") -> Proof:
        """Prove *shell*, whose rc file is *before*, what loads the hook, and *after*."""
        load = shell.load_line(venvhook_command(self.home.parent))
        rc = self.home / shell.rc_file
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text(f"{before}\n{load}\n{after}\n")
        (self.home / GENERATED).mkdir(parents=True, exist_ok=True)
        row = shell_named(shell.name)
        assert row is not None
        assert shell.path is not None
        return prove(row, shell.path, self.environ)

    def reason(self, shell: Shell, before: str, after: str = "") -> str:
        """Return why *shell* is not proved."""
        with pytest.raises(VenvhookError) as raised:
            self(shell, before, after)
        return str(raised.value)


@pytest.fixture
def attempt(home: Path) -> Attempt:
    return Attempt(home)


def test_a_shell_that_works_is_proved_with_its_times(attempt: Attempt, shell: Shell) -> None:
    proof = attempt(shell, "")
    assert proof.version[0].isdigit()
    if shell.name == "fish":
        times = re.fullmatch(r"enter and leave ([1-9]\d*) us", proof.times)
        assert (times is not None) == sys.platform.startswith("linux"), proof.times
    elif not proof.version.startswith(("3.", "4.")):
        assert proof.times.startswith("enter ")
        assert "leave " in proof.times
    assert not list((attempt.home / ".cache/venvhook").rglob("*.recipe.*"))


def test_startup_files_that_print_and_redefine_are_no_failure(
    attempt: Attempt, posix_shell: Shell
) -> None:
    noise = "echo 'VH<|>'; echo; printf 'no newline'; alias cd=pushd; PS1='\n> '; set -o vi"
    assert attempt(posix_shell, noise + "; VENVHOOK_NAMES='here there'").version


def test_an_environment_active_here_is_not_inherited(attempt: Attempt, shell: Shell) -> None:
    attempt.environ |= {"VIRTUAL_ENV": "/elsewhere", "CONDA_DEFAULT_ENV": "mine"}
    assert attempt(shell, "").version


def test_nothing_is_left_in_the_history(attempt: Attempt, bash: Shell, zsh: Shell) -> None:
    keep = "HISTFILE=~/history HISTSIZE=99 SAVEHIST=99"
    attempt(bash, f"{keep}; shopt -s histappend; PROMPT_COMMAND='history -a'")
    attempt(zsh, f"{keep}; setopt share_history")
    history = attempt.home / "history"
    assert not history.exists() or history.read_bytes() == b""


FAILURES = {
    "returns early": ("return", "do not load the hook"),
    "ends": ("exit 3", "ended before its first prompt"),
    "becomes another shell": ("exec zsh -f", "start another shell in its place"),
    "off": ("VENVHOOK_OFF=1", "set VENVHOOK_OFF"),
}


@pytest.mark.usefixtures("zsh")
@pytest.mark.parametrize(("rc", "reason"), FAILURES.values(), ids=FAILURES.keys())
def test_what_does_not_work_has_a_reason(
    attempt: Attempt, bash: Shell, rc: str, reason: str
) -> None:
    assert reason in attempt.reason(bash, rc)


STUCK = {
    "slow": ("sleep 1234", "run sleep"),
    "asks": ("read -p 'Update? '; read -p 'Sure? '", "wait for something; it showed last: Sure?"),
    "asks without end": ("while :; do read -n 1 -p 'Update? '; done", "Update?"),
    "floods": ("yes", "run yes"),
    "reads all": ("exec cat", "run cat"),
    "deaf": ("trap '' HUP INT TERM; sleep 1234", "run sleep"),
}


def programs_of_group(group: str) -> list[str]:
    """Return the programs of a process group that run; one that ended may wait for its parent."""
    asked = ["ps", "-A", "-o", "pgid=", "-o", "stat=", "-o", "comm="]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = (line.split(None, 2) for line in lines)
    return [name for found, state, name in rows if found == group and state[0] != "Z"]


def wait_until_gone(group: str) -> None:
    """Wait for the end of a process group that was told to end."""
    deadline = time.monotonic() + 60
    while running := programs_of_group(group):
        assert time.monotonic() < deadline, running


@pytest.mark.parametrize(("rc", "reason"), STUCK.values(), ids=STUCK.keys())
def test_what_hangs_ends_with_a_reason_and_leaves_no_process(
    attempt: Attempt, bash: Shell, monkeypatch: pytest.MonkeyPatch, rc: str, reason: str
) -> None:
    monkeypatch.setattr(prove_module, "LIMIT", 2.0)
    pid = attempt.home / "pid"
    said = attempt.reason(bash, f"echo $$ > {pid}; {rc}")
    assert said.startswith("no prompt within 2 s: ")
    assert reason in said
    wait_until_gone(pid.read_text().strip())


def test_tmux_is_named_and_its_server_ended(attempt: Attempt, bash: Shell) -> None:
    if shutil.which("tmux", path=attempt.environ["PATH"]) is None:
        pytest.skip("tmux is not on this machine")
    note = f"tmux display-message -p '#{{socket_path}} #{{pid}}' > {attempt.home}/tmux"
    start = f'[ -n "$TMUX" ] || {{ tmux new -d -s main; {note}; exec tmux attach; }}'
    assert "start tmux" in attempt.reason(bash, start)
    socket, server = (attempt.home / "tmux").read_text().split()
    assert not Path(socket).exists()
    wait_until_gone(server)


def test_another_program_first_on_path_is_a_failure(attempt: Attempt, bash: Shell) -> None:
    shims = attempt.home / "shims"
    shims.mkdir()
    (shims / "python").symlink_to("/bin/true")
    shadow = f'mine() {{ PATH={shims}:$PATH; }}; PROMPT_COMMAND="$PROMPT_COMMAND\n mine"'
    assert f"'python' is {shims}/python" in attempt.reason(bash, "", shadow)
