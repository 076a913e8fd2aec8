"""Ctrl-C at any moment, a helper that hangs or dies, and a machine that has no room left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import processless
from checkout import CHECKOUT, IS_ROOT, go_without
from environments import EnvironmentMaker
from terminal import GENERATED, PATIENCE, SHELLS, OpenTerminal, Shell, Terminal

# What no other process on this machine is called with, nor another run of these tests.
_LONG = f"98765.{os.getpid()}"
# A number that no account has.
ACCOUNT = 54321


def assign(shell: Shell, name: str, value: str | bytes | Path) -> str:
    """Return the line that sets the global variable *name*."""
    if shell.name == "fish":
        return f"set -g {name} {shell.word(value)}"
    return f"{name}={shell.word(value)}"


def program(path: Path, *lines: str) -> Path:
    """Make a program of sh's *lines* at *path*, which says in ``calls`` beside it that it ran."""
    calls = path.parent / "calls"
    path.write_text("\n".join(("#!/bin/sh", f"echo call >> '{calls}'", *lines, "")))
    path.chmod(0o755)
    return path


def calls(home: Path) -> int:
    """Return how often the programs of ``program`` in *home* ran."""
    file = home / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


def real_python(terminal: Terminal) -> str:
    """Return the helper's interpreter."""
    return os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")


def processes() -> list[list[str]]:
    """Return number, parent, state and command of each process of this machine."""
    words = ["ps", "-A", "-o", "pid=,ppid=,stat=,args="]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [line.split(None, 3) for line in listed.splitlines()]


def staying(terminal: Terminal, *parts: str) -> list[list[str]]:
    """Return the shell's children, and other processes with one of *parts* in their command.

    What was killed may take a moment to go.
    """
    shell, deadline = str(terminal.pid), time.monotonic() + 10
    while True:
        found = [
            words
            for words in processes()
            if words[1] == shell or (words[0] != shell and any(part in words[3] for part in parts))
        ]
        if not found or time.monotonic() > deadline:
            return found


def timed(terminal: Terminal, line: str) -> tuple[str, float]:
    """Run *line*, and return what it printed and how many seconds it took."""
    begin = time.monotonic()
    printed = terminal.run(line)
    return printed, time.monotonic() - begin


# ---- A helper that hangs -------------------------------------------------------------------------


def replace_python(home: Path, python: str) -> dict[str, Path]:
    """Replace the helper's Python by one that starts another program, and waits for it."""
    del python
    return {"_VENVHOOK_PYTHON": program(home / "hanging", f"sleep {_LONG}", "echo")}


def stop_python(home: Path, python: str) -> dict[str, Path]:
    """Stop the helper before it has begun."""
    return {"_VENVHOOK_PYTHON": program(home / "stopped", "kill -STOP $$", f'exec {python} "$@"')}


def answer_half(home: Path, python: str) -> dict[str, Path]:
    """Let the helper begin to answer."""
    del python
    return {"_VENVHOOK_PYTHON": program(home / "half", "printf '#\\n_venv'", f"exec sleep {_LONG}")}


def own_package(home: Path) -> Path:
    """Return a package that has nothing but the file that the hook scripts start."""
    package = home / "source/venvhook"
    package.mkdir(parents=True)
    shutil.copy(CHECKOUT / "src/venvhook/helper.py", package)
    return package


def hang_package(home: Path, python: str) -> dict[str, Path]:
    """Let the package be one whose reading does not end, as on a disk that does not answer."""
    del python
    package = own_package(home)
    os.mkfifo(package / "fifo")
    (package / "__init__.py").write_text(f"open({os.fspath(package / 'fifo')!r})\n")
    return {"_VENVHOOK_SOURCE": package.parent}


HANGS: tuple[Callable[[Path, str], dict[str, Path]], ...]
HANGS = (replace_python, stop_python, answer_half, hang_package)


def test_a_helper_that_hangs_is_given_up_after_a_second(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    terminal = open_terminal(shell, environ={"VENVHOOK_TIMEOUT": None})
    python = real_python(terminal)
    right = terminal.values("_VENVHOOK_PYTHON", "_VENVHOOK_SOURCE")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    for hang in HANGS:
        name = hang.__name__
        environment = make_environment(home / name / ".venv")
        terminal.run(assign(shell, "VENVHOOK_TIMEOUT", ""))
        for variable, value in hang(home, python).items():
            terminal.run(assign(shell, variable, value))
        if shell.name != "fish":
            terminal.run("true & wait; last=$!")
        printed, seconds = timed(terminal, f"cd {name}")
        assert printed.startswith("venvhook: the helper did not answer within 1 s ("), name
        assert printed.count("\n") == 1, printed
        assert seconds > 0.9, name
        # The next prompts do not wait, and the shell is as it was.
        prompts = [timed(terminal, f"echo {shell.status}; echo; echo") for _ in range(3)]
        assert {printed for printed, _ in prompts} == {"0\n\n\n"}, name
        assert min(seconds for _, seconds in prompts) < 0.9, name
        if shell.name != "fish":
            assert terminal.run("[ $last = $! ] && jobs && echo kept") == "kept\n"
        assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before, name
        assert staying(terminal, _LONG, str(home)) == [], name
        for variable, known in right.items():
            terminal.run(assign(shell, variable, known or b""))
        terminal.run(assign(shell, "VENVHOOK_TIMEOUT", PATIENCE))
        terminal.run("cd ..")
        assert terminal.run(f"cd {name}") == "", name
        assert terminal.environment == str(environment)
        terminal.run("cd ..")


def test_a_helper_that_goes_on_hanging_is_asked_ever_less(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell, environ={"VENVHOOK_TIMEOUT": None})
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", program(home / "hang", f"exec sleep {_LONG}")))
    asked = []
    lines = 0
    for _visit in range(6):
        before = calls(home)
        lines += terminal.run("cd app").count("\n")
        asked.append(calls(home) - before)
        terminal.run("cd ..")
    # After one that hung again, one visit without; after the next, three.
    assert (asked, lines) == ([1, 1, 0, 1, 0, 0], 1)


def test_a_helper_that_is_merely_slow_is_waited_for(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    slow = program(home / "slow", "sleep 2", f'exec {real_python(terminal)} "$@"')
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", slow))
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(environment)


def test_it_is_waited_for_as_long_as_the_user_says(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", program(home / "hang", f"exec sleep {_LONG}")))
    wrong = "venvhook: VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s\n"
    for value, limit in (("2", 2), ("0", 1), ("100", 1), ("a b", 1), ("1\n", 1)):
        terminal.run(assign(shell, "VENVHOOK_TIMEOUT", value))
        # As if it had not hung before.
        for variable in ("_VENVHOOK_HUNG", "_VENVHOOK_PAUSE"):
            terminal.run(f"set -g {variable}" if shell.name == "fish" else f"{variable}=0")
        printed, seconds = timed(terminal, "cd app")
        # What is wrong is said once in a shell.
        assert printed.startswith(wrong) == (value == "0")
        printed = printed.removeprefix(wrong)
        assert printed.startswith(f"venvhook: the helper did not answer within {limit} s ("), value
        assert printed.count("\n") == 1, printed
        assert seconds > limit - 0.1
        terminal.run("cd ..")


# ---- A helper that dies, or is interrupted -------------------------------------------------------


def test_a_helper_that_was_killed_is_asked_again(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    python = real_python(terminal)
    # It kills itself where it reads its first module: after it has begun.
    package = own_package(home)
    (package / "__init__.py").write_text("import os; os.kill(os.getpid(), 9)\n")
    source = terminal.value("_VENVHOOK_SOURCE") or b""
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", package.parent))
    printed = terminal.run("cd app")
    assert printed.startswith(f"venvhook: the helper was killed ({python}"), printed
    assert printed.count("\n") == 1
    assert terminal.run("echo") == "\n"
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", source))
    terminal.run("cd ..")
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(environment)


def test_ctrl_c_does_not_reach_a_python_that_only_starts(
    posix_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    """It would say so in several lines; the shell kills it."""
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(posix_shell)
    early = program(home / "early", "kill -INT $$", f'exec {real_python(terminal)} "$@"')
    terminal.run(assign(posix_shell, "_VENVHOOK_PYTHON", early))
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(environment)


def test_an_interrupted_helper_is_asked_again_after_a_change_of_directory(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    # In fish one that minds no Ctrl-C is waited for.
    terminal = open_terminal(shell, environ={"VENVHOOK_TIMEOUT": None})
    python = real_python(terminal)
    os.mkfifo(home / "fifo")
    begun = f"echo begun >&2; read x < '{home}/fifo'"
    for way in (begun, f"trap '' INT; {begun}"):
        before = calls(home)
        helper = program(home / "helper", f"if [ -e '{home}/fifo' ]; then {way}; fi")
        terminal.run(assign(shell, "_VENVHOOK_PYTHON", helper))
        terminal.send("cd app\r")
        terminal.wait_for("begun")
        terminal.interrupt()
        # Not once more at this prompt nor at the next ones.
        for _ in range(3):
            assert terminal.run("echo alive") == "alive\n"
        assert calls(home) == before + 1, way
        assert terminal.environment is None
        assert staying(terminal, str(helper)) == [], way
        terminal.run("cd ..")
    terminal.run(assign(shell, "VENVHOOK_TIMEOUT", PATIENCE))
    # It is not taken for one that is gone: what it complains about is said.
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", python))
    protocol = terminal.value("_VENVHOOK_PROTOCOL") or b""
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", "0"))
    assert terminal.run("cd app").startswith("venvhook: this shell was started with another")
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", protocol))
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


def test_a_helper_that_fails_in_its_own_way_is_one_line(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    package = own_package(home)
    for number, text in enumerate(("raise MemoryError", "syntax error", "import nothing_at_all")):
        (package / "__init__.py").write_text(f"{text}  # {'#' * number}\n")
        terminal.run(assign(shell, "_VENVHOOK_SOURCE", package.parent))
        terminal.run(assign(shell, "_VENVHOOK_GONE", ""))
        printed = terminal.run("cd app")
        assert printed.startswith("venvhook: the helper failed: "), text
        assert printed.count("\n") == 1, printed
        assert terminal.run("cd ..") == ""


def test_a_helper_without_its_package_is_one_line(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    source = terminal.value("_VENVHOOK_SOURCE") or b""
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", home / "nowhere"))
    printed = terminal.run("cd app")
    assert f"{home}/nowhere/venvhook" in printed
    assert printed.count("\n") == 1, printed
    assert terminal.run("cd ..; cd app; cd ..") == ""
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", source))
    terminal.run("cd app")
    assert terminal.environment == str(environment)


def test_debugging_shows_the_traceback_and_no_more(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell, None, None, {"VENVHOOK_DEBUG": "1"})
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", "0"))
    printed = terminal.run("cd app")
    assert printed.startswith("Traceback ")
    assert printed.splitlines()[-1].startswith("venvhook.errors.UsageError: this shell was started")
    terminal.run("cd ..")
    (own_package(home) / "__init__.py").write_text("import nothing_at_all\n")
    terminal.run(assign(shell, "_VENVHOOK_SOURCE", home / "source"))
    terminal.run(assign(shell, "_VENVHOOK_GONE", ""))
    printed = terminal.run("cd app")
    assert printed.startswith("Traceback ")
    assert printed.splitlines()[-1] == "ModuleNotFoundError: No module named 'nothing_at_all'"


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Kill what a failed test has left hanging."""
    yield
    subprocess.run(["pkill", "-KILL", "-f", f"sleep {_LONG}"], check=False)


# ---- A machine that has no room left -------------------------------------------------------------


def descriptors(terminal: Terminal) -> list[int]:
    """Return the limits under which *terminal* has as many as it needs itself, and too few for us.

    bash ends below 5, fish runs nothing below 20. zsh keeps those that a redirection replaces from
    10 on, and loses them where it takes the last one there: so it has none there, or more than 3.
    """
    if terminal.shell.name != "zsh":
        return list({"bash": range(5, 20), "fish": range(20, 26)}[terminal.shell.name])
    names = ("a", "b", "c", "d")
    opened = "; ".join(f"exec {{{name}}}< /dev/null" for name in names)
    closed = "; ".join(f"exec {{{name}}}<&-" for name in names)
    free = [int(word) for word in terminal.run(f"{opened}; echo $a $b $c $d; {closed}").split()]
    return [*range(5, free[0] + 1), *range(free[3] + 1, free[3] + 5)]


def test_a_shell_without_file_descriptors_goes_on(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    numbers = descriptors(terminal)
    for number in numbers:
        make_environment(home / f"{number}/.venv")
    terminal.run("cd app; cd ..")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    for number in numbers:
        terminal.run(f"ulimit -Sn {number}")
        for line in (f"cd {number}", "cd ..", "cd app", "cd .."):
            terminal.run(line)
            assert terminal.run("echo; echo $PWD").count("\n") == 2, (number, line)
        terminal.run("ulimit -Sn 256")
        assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before, number
        assert terminal.run(f"cd {number}") == "", number
        assert terminal.environment == str(home / f"{number}/.venv")
        terminal.run("cd ..")


@pytest.mark.parametrize("name_of_shell", ["bash", "zsh"])
def test_a_shell_without_memory_goes_on(
    name_of_shell: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    """fish ends where it has none for a thread, now and then, as it does without us."""
    shell = SHELLS[name_of_shell]
    if shell.path is None:
        go_without(name_of_shell)
    for name in ("app", "b"):
        make_environment(home / name / ".venv")
    terminal = open_terminal(shell)
    terminal.run("cd app; cd ..")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    # bash goes on with less than it has; zsh ends, as it does without us.
    terminal.run(f"ulimit -Sv {9500 if shell.name == 'zsh' else 3000}")
    terminal.run("cd b")
    assert terminal.run("echo") == "\n"
    terminal.run("cd ..")
    terminal.run("ulimit -Sv unlimited")
    assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
    for name in ("app", "b"):
        assert terminal.run(f"cd {name}") == ""
        assert terminal.environment == str(home / name / ".venv")
        terminal.run("cd ..")


def test_a_helper_without_memory_costs_a_line(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    for name in ("app", "b"):
        make_environment(home / name / ".venv")
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    python = real_python(terminal)
    poor = program(home / "poor", "ulimit -v 3000", f'exec {python} "$@"')
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", poor))
    said = [terminal.run(f"cd {name}") for name in ("app", "../b", "../app")]
    assert "".join(said).count("\n") == 1, said
    assert calls(home) > 0
    terminal.run("cd ..")
    assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", python))
    for name in ("app", "b"):
        assert terminal.run(f"cd {name}") == ""
        assert terminal.environment == str(home / name / ".venv")
        terminal.run("cd ..")


@pytest.fixture
def account() -> Iterator[Path]:
    """A directory of an account that has no other process."""
    setpriv = shutil.which("setpriv")
    if not IS_ROOT or setpriv is None:
        pytest.skip("only root may be another account, by setpriv")
    directory = Path(tempfile.mkdtemp())
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def test_zsh_of_an_account_without_processes_goes_on(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit itself: it counts fish's threads as well, and fish ends without them."""
    shell = SHELLS["zsh"]
    if shell.path is None:
        go_without(shell.name)
    python = "/usr/bin/python3"
    words = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"]
    for name in ("src", "shell"):
        shutil.copytree(CHECKOUT / name, account / name)
    command = account / "venvhook"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={account}/src exec {python} -P -m venvhook "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("VENVHOOK_TEST_COMMAND", str(command))
    home = account / "home"
    (home / GENERATED).mkdir(parents=True)
    subprocess.run(["chown", "-R", f"{ACCOUNT}:{ACCOUNT}", str(account)], check=True)
    # By the account itself: chown leaves a mark that now and then cannot be told from unpacking.
    for name in ("app", "b", "c", "d"):
        make = [*words, python, "-m", "venv", "--without-pip", str(home / name / ".venv")]
        if subprocess.run(make, check=False, capture_output=True, cwd=home).returncode:
            pytest.skip("the system's Python makes no environments")
    wrapper = [shutil.which(words[0]) or "", *words[1:]]
    with Terminal(shell, account, None, None, None, wrapper) as terminal:
        assert terminal.run("cd app") == ""
        assert terminal.environment == str(home / "app/.venv")
        terminal.run("cd ..")
        before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
        for number, name in ((1, "b"), (2, "c"), (3, "d")):
            terminal.run(f"ulimit -Su {number}")
            goes_on_without_processes(terminal, name)
            terminal.run("ulimit -Su 500")
            assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
            assert terminal.run(f"cd {name}") == ""
            assert terminal.environment == str(home / name / ".venv")
            terminal.run("cd ..")


def goes_on_without_processes(terminal: Terminal, name: str) -> None:
    """Check that *name* costs a line at most if no helper starts, and a known project nothing."""
    printed = terminal.run(f"cd {name}")
    if terminal.shell.name == "bash":
        # It says four times that it tries again, which takes it 15 seconds.
        printed = printed.replace("bash: fork: retry: Resource temporarily unavailable\n", "")
    assert printed.count("\n") <= 1, printed
    assert terminal.run("echo") == "\n"
    terminal.run("cd ..")
    assert terminal.run("cd app") == ""
    assert terminal.environment == str(terminal.home / "app/.venv")
    terminal.run("cd ..")


def test_a_shell_without_processes_goes_on(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    for name in ("app", "b"):
        make_environment(home / name / ".venv")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    terminal.run("cd ..")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    script = home.parent / "script"
    words = [terminal.command, "init", shell.name]
    environ = {**os.environ, "HOME": str(home)}
    script.write_bytes(subprocess.run(words, capture_output=True, check=True, env=environ).stdout)
    wrapper = [sys.executable, processless.__file__]
    if subprocess.run([*wrapper, "/bin/true"], check=False).returncode == processless.UNABLE:
        pytest.skip("no filter of system calls is to be had here")
    terminal = open_terminal(shell, shell.source % shell.word(script), wrapper=wrapper)
    assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
    goes_on_without_processes(terminal, "b")
    assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
    terminal = open_terminal(shell)
    assert terminal.run("cd b") == ""
    assert terminal.environment == str(home / "b/.venv")


def test_a_full_disk_costs_only_what_is_remembered(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    disk = home.parent / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", str(disk)]
    if not IS_ROOT or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk, and not everywhere")
    try:
        environ = {}
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            (disk / name).mkdir(mode=0o700)
            environ[name] = str(disk / name)
        for name in ("app", "b"):
            make_environment(home / name / ".venv")
        terminal = open_terminal(shell, None, None, environ)
        before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
        fill = ["dd", "if=/dev/zero", f"of={disk}/full", "bs=1k"]
        assert (
            "No space" in subprocess.run(fill, check=False, capture_output=True, text=True).stderr
        )
        for name in ("app", "b", "app", "b"):
            assert terminal.run(f"cd ~/{name}") == ""
            assert terminal.environment == str(home / name / ".venv")
            assert terminal.which("python") == f"{home}/{name}/.venv/bin/python"
        assert terminal.run("deactivate; cd ~") == ""
        assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before
        terminal.restart(home / "app")
        assert terminal.greeting == ""
        assert terminal.environment == str(home / "app/.venv")
        terminal.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# ---- Ctrl-C between any two steps ----------------------------------------------------------------

# Ctrl-C at the n-th command of ours that runs: by a trap that our functions inherit, without the
# option that would do so for all. And what a shell looks like, on one line.
STEPS = {
    "bash": r"""
_test_n=0 _test_count=0
_test_tick() {
  ((++_test_count != _test_n)) || kill -INT $$
}
_test_trap='[[ ${FUNCNAME-} != _venvhook_* ]] || _test_tick'
_test_arm() {
  local verb
  # A file that is sourced, as a recipe is, has no such trap; so what it calls sets it again.
  for verb in activate refuse pass; do
    eval "$(declare -f _venvhook_$verb | sed '2s/.*/{ trap "$_test_trap" DEBUG/')"
  done
  declare -ft $(declare -F | while read -r _ _ name; do
    case $name in _venvhook_* | deactivate) echo "$name";; esac; done)
  trap "$_test_trap" DEBUG
}
_test_state() {
  printf '%s|' "$1" "${PATH-unset}" "${VIRTUAL_ENV-unset}" "${VIRTUAL_ENV_PROMPT-unset}" \
    "${VENVHOOK_ACTIVE-unset}" "$(declare -p PYTHONHOME 2>&1)" "$PS1" "$-" \
    "$({ declare -f deactivate; shopt nocasematch expand_aliases; trap -p INT; } | tr '\n' ' ')"
  echo
}
""",
    "zsh": r"""
_test_n=0 _test_count=0
_test_tick() {
  (( ++_test_count != _test_n )) || kill -INT $$
}
_test_arm() { }
TRAPDEBUG() {
  [[ ${funcstack[2]-} != _venvhook_* ]] || _test_tick
}
_test_state() {
  printf '%s|' "$1" "${PATH-unset}" "${VIRTUAL_ENV-unset}" "${VIRTUAL_ENV_PROMPT-unset}" \
    "${VENVHOOK_ACTIVE-unset}" "${(t)PYTHONHOME}${PYTHONHOME-}" "$PS1" \
    "${functions[deactivate]//$'\n'/}" "${"$(trap)"//$'\n'/}" "${options[aliases]}"
  echo
}
""",
    "fish": r"""
set -g _test_n 0
set -g _test_left
function _test_tick
    set -l status_ $status
    set -ga _test_done x
    if set -q _test_left[1]
        set -e _test_left[1]
        set -q _test_left[1]; or command kill -INT $fish_pid
    end
    return $status_
end
function _test_arm
    # Not the one that holds a text in Python.
    for name in (functions -a | string match '_venvhook_*' \
            | string match -vr '_venvhook_(run|prompt_tells)')
        set -l text
        set -l open ''
        for line in (functions $name | string match -v '# Defined*')
            # What a prompt calls may be interrupted too: then it is empty, whosoever it is.
            string match -rq '^    function ' -- $line; and set open x
            test -z "$open"; and string match -q '    *' -- $line
            and not string match -rq '^\s*(function|and|or|else|case|end)\b' -- $line
            and set -a text _test_tick
            test "$open" = x -a "$line" != '    end'; or set open (string match -r '\\\\$' -- $line)
            set -a text $line
        end
        eval (string join \n -- $text | string collect)
    end
end
function _test_state
    set -l text (functions fish_prompt deactivate | string match -v '# Defined*' | string collect)
    set -l set_
    for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME
        set -q $name; and set -a set_ $$name; or set -a set_ unset
    end
    printf '%s|' $argv[1] "$PATH" $set_ \
        (string replace -ar '\s+' ' ' -- $text | string collect)
    echo
end
""",
}
OWN = {
    # These options are put aside while the hook runs.
    "bash": "PYTHONHOME=/mine; deactivate() { echo mine; }; shopt -s nocasematch; set -k",
    "zsh": "PYTHONHOME=/mine; deactivate() { echo mine; }",
    "fish": "set -gx PYTHONHOME /mine; function deactivate; echo mine; end",
}
# An entry of the user's own that is the same as ours.
OWN_ENTRY = {
    "bash": "PATH=$PATH:$HOME/app/.venv/bin:/last",
    "zsh": "PATH=$PATH:$HOME/app/.venv/bin:/last",
    "fish": "set -gx PATH $PATH $HOME/app/.venv/bin /last",
}
# At which command it is to happen.
ARM = {
    "bash": "_test_n=%d _test_count=0",
    "zsh": "_test_n=%d _test_count=0",
    "fish": "set -g _test_left (seq %d)",
}
# Where it begins, what is typed, and where the user then is.
MOVES = (
    ("~", "cd ~/app", "app"),
    ("~/app", "cd ~", "~"),
    ("~/app", "cd ~/b", "b"),
    ("~/app", "deactivate", "rest"),
)


def steps_of(shell: Shell, terminal: Terminal, begin: str, line: str) -> int:
    """Return how many commands of ours run for *line*, which nothing interrupts."""
    terminal.run(f"cd {begin}")
    terminal.run("set -g _test_done" if shell.name == "fish" else ARM[shell.name] % 0)
    terminal.run(line)
    count = "(count $_test_done)" if shell.name == "fish" else "$_test_count"
    return int(terminal.run(f"echo {count}"))


def states_after(shell: Shell, terminal: Terminal, lines: tuple[str, ...]) -> list[str]:
    """Return the states that *lines* write; the last of them prints 'at the prompt'.

    They are typed ahead, since what is interrupted may be a line, its prompt, or nothing.
    """
    for line in lines[:-1]:
        if shell.editor:
            terminal.run(line)  # fish forgets with a line also what was typed ahead
        else:
            terminal.send(f"{line}\r")
    terminal.send(f"{lines[-1]}\r")
    terminal.wait_for("at the prompt\r\n")
    terminal.wait_for_prompt()
    states = terminal.home / "states"
    seen = states.read_text().splitlines(keepends=True)
    states.unlink()
    return seen


@pytest.mark.parametrize(("begin", "line", "end"), MOVES, ids=["in", "out", "over", "by hand"])
def test_ctrl_c_between_two_steps_leaves_no_half(
    shell: Shell,
    begin: str,
    line: str,
    end: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
    request: pytest.FixtureRequest,
) -> None:
    make_environment(home / "app/.venv")
    make_environment(home / "b/.venv")
    terminal = open_terminal(shell)
    text = f"{shell.prelude}\n{STEPS[shell.name]}\n{shell.load_line(terminal.command)}\n"
    terminal.rc_file.write_text(f"{text}{OWN[shell.name]}\n_test_arm\n")
    terminal.restart()
    states: dict[str, str] = {}
    for name, directory in (("~", "~"), ("app", "~/app"), ("b", "~/b"), ("~", "~")):
        terminal.run(f"cd {directory}")
        state = terminal.run("_test_state x")
        assert states.setdefault(name, state) == state
    whole = {state: name for name, state in states.items()}
    assert len(whole) == 3
    count = steps_of(shell, terminal, begin, line)
    terminal.run("cd ~")
    wrong = []
    for step in range(1, count + 1, 1 if request.config.getoption("--all") else 3):
        terminal.run(f"cd {begin}")
        lines = (
            f"{ARM[shell.name] % (step + (shell.name == 'fish'))}; {line}",
            f"{ARM[shell.name] % 0}; _test_state x >> ~/states",
            "_test_state x >> ~/states; cd ~",
            "_test_state x >> ~/states; echo at the prompt",
        )
        seen = states_after(shell, terminal, lines)
        first, then, back = (whole.get(state, "half") for state in seen)
        wanted = {"rest": ("app", "~")}.get(end, (end,))
        if first == "half" or then not in wanted or back != "~":
            wrong.append((step, first, then, back))
    assert wrong == []


@pytest.mark.parametrize("other", ["b", "app"], ids=["another", "the same"])
def test_ctrl_c_after_activating_by_hand_leaves_nothing_of_ours(
    other: str,
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
    request: pytest.FixtureRequest,
) -> None:
    make_environment(home / "app/.venv")
    make_environment(home / "b/.venv")
    terminal = open_terminal(shell)
    text = f"{shell.prelude}\n{STEPS[shell.name]}\n{shell.load_line(terminal.command)}\n"
    terminal.rc_file.write_text(f"{text}{OWN_ENTRY[shell.name]}\n_test_arm\n")
    terminal.restart()
    script = "activate.fish" if shell.name == "fish" else "activate"
    by_hand = f"source ~/{other}/.venv/bin/{script}"

    def states(arm: str) -> list[str]:
        """Return the states after some lines; Ctrl-C ends what the prompt does after the first."""
        terminal.run(f"{OWN[shell.name]}; cd ~/app")
        lines = (
            f"{arm}; {by_hand}; _test_state x >> ~/states",
            f"{ARM[shell.name] % 0}; _test_state x >> ~/states",
            "_test_state x >> ~/states; deactivate; true",
            "_test_state x >> ~/states; cd ~; true",
            "_test_state x >> ~/states; echo at the prompt",
        )
        return states_after(shell, terminal, lines)

    states(ARM[shell.name] % 0)
    wanted = states(ARM[shell.name] % 0)
    assert states(ARM[shell.name] % 0) == wanted
    terminal.run(OWN[shell.name])
    count = steps_of(shell, terminal, "~/app", by_hand)
    terminal.run("deactivate; cd ~")
    wrong = []
    for step in range(1, count + 1, 1 if request.config.getoption("--all") else 5):
        seen = states(ARM[shell.name] % (step + (shell.name == "fish")))
        # Where the prompt that was ended is not made again, the next one does it.
        if seen[1] not in wanted[:2] or seen[2:] != wanted[2:]:
            wrong.append((step, seen))
    assert wrong == []


def test_a_trap_of_the_users_is_heard_during_a_switch(
    posix_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(posix_shell)
    text = f"{posix_shell.prelude}\n{STEPS[posix_shell.name]}\n"
    terminal.rc_file.write_text(f"{text}{posix_shell.load_line(terminal.command)}\n_test_arm\n")
    terminal.restart()
    terminal.run("cd app; cd")
    terminal.run("trap 'echo heard >&2' INT")
    for _ in range(2):  # what is done once only is not counted
        terminal.run("cd ~")
        terminal.run(f"{ARM[posix_shell.name] % 0}; cd app")
        count = int(terminal.run("echo $_test_count"))
    steps = range(1, count + 1, 7)
    unheard = []
    for step in steps:
        terminal.run("cd ~")
        printed = terminal.run(f"{ARM[posix_shell.name] % step}; cd app")
        if printed != "heard\n":
            assert printed == ""
            unheard.append(step)
        assert terminal.run(ARM[posix_shell.name] % 0) == ""
        assert terminal.environment == str(environment), step
    # But within the few commands that have no stderr themselves.
    assert len(steps) > 10
    assert len(unheard) <= 2, unheard


# ---- Ctrl-C while a shell starts -----------------------------------------------------------------


def test_ctrl_c_while_the_script_is_loaded_leaves_a_shell(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell, rc=STEPS[shell.name])
    before = terminal.run("_test_state x")
    script = home / "script"
    words = [terminal.command, "init", shell.name]
    text = subprocess.run(words, capture_output=True, check=True, env={"HOME": str(home)}).stdout
    load = script
    if shell.name == "zsh":
        # What is printed reads the script's own file.
        load = home / "load"
        source = re.search(rb"_VENVHOOK_SOURCE='([^']+)'", text)
        path = re.search(rb'\$_VENVHOOK_SOURCE(/[^ "]+)', text)
        assert source is not None
        assert path is not None
        load.write_bytes(text.replace(path[0], os.fsencode(script)))
        text = Path(os.fsdecode(source[1] + path[1])).read_bytes()
    # Before each of the functions.
    line = b"\nfunction _venvhook_" if shell.name == "fish" else b"\n_venvhook_"
    parts = text.split(line)
    kill = b"kill -INT $fish_pid" if shell.name == "fish" else b"kill -INT $$"
    for number in range(1, len(parts), 1 + len(parts) // 12):
        here = line.partition(b"_venvhook")[0].removesuffix(b"function ") + kill
        rest = line.join(parts[number:])
        script.write_bytes(line.join(parts[:number]) + here + line + rest)
        if shell.editor:
            terminal.run(f"{shell.source % shell.word(load)}")
        else:
            terminal.send(f"{shell.source % shell.word(load)}\r")
        terminal.send("echo at the prompt\r")
        terminal.wait_for("at the prompt\r\n")
        terminal.wait_for_prompt()
        assert terminal.run("_test_state x").lstrip("\n") == before, parts[number][:80]
        assert terminal.run("cd ~/app; cd ~") == "", parts[number][:80]
    script.write_bytes(text)
    terminal.run(f"{shell.source % shell.word(load)}")
    terminal.run("cd ~/app")
    assert terminal.environment == str(environment)


def test_ctrl_c_while_the_command_starts_leaves_a_shell(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    os.mkfifo(home / "fifo")
    slow = program(home / "venvhook", "echo begun >&2", f"read x < '{home}/fifo'")
    terminal = open_terminal(shell, rc="")
    terminal.send(f"{shell.load_line(str(slow))}\r")
    terminal.wait_for("begun")
    terminal.interrupt()
    assert terminal.run("echo alive; cd ~/app; cd ~") == "alive\n"
    assert terminal.run(shell.load_line(terminal.command)) == ""
    terminal.run("cd ~/app")
    assert terminal.environment == str(environment)
