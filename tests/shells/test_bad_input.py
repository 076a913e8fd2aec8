"""Bad input: one clear line, once, and a shell that goes on; nothing lost, nothing hangs."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "VENVHOOK_ACTIVE", "PS1")


def _fifo(marker: Path) -> None:
    os.mkfifo(marker)


def _socket(marker: Path) -> None:
    here = Path.cwd()
    os.chdir(marker.parent)  # the name of a socket is at most 108 bytes long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(marker.name)
    os.chdir(here)


def _device(marker: Path) -> None:
    if os.geteuid() == 0:
        os.mknod(marker, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    else:
        marker.symlink_to("/dev/zero")


def _loop(marker: Path) -> None:
    marker.symlink_to(marker.name)


def _dangling(marker: Path) -> None:
    marker.symlink_to("nowhere")


def _empty_directory(marker: Path) -> None:
    marker.mkdir()


def _empty_file(marker: Path) -> None:
    marker.touch()


def _huge_file(marker: Path) -> None:
    with marker.open("wb") as file:
        file.truncate(1 << 30)


def _two_lines(marker: Path) -> None:
    marker.write_text("../one\n../two\n")


def _binary(marker: Path) -> None:
    marker.write_bytes(bytes(range(256)))


def _to_another_host(marker: Path) -> None:
    marker.write_text("//host/share/env\n")


def _to_an_automount(marker: Path) -> None:
    marker.write_text("/net/host/env\n")


def _to_nothing(marker: Path) -> None:
    marker.write_text("../nowhere\n")


def _without_config(marker: Path) -> None:
    (marker / "bin").mkdir(parents=True)


def _config_directory(marker: Path) -> None:
    (marker / "pyvenv.cfg").mkdir(parents=True)


def _config_fifo(marker: Path) -> None:
    marker.mkdir()
    os.mkfifo(marker / "pyvenv.cfg")


def _config_loop(marker: Path) -> None:
    marker.mkdir()
    (marker / "pyvenv.cfg").symlink_to("pyvenv.cfg")


def _config_binary(marker: Path) -> None:
    marker.mkdir()
    (marker / "pyvenv.cfg").write_bytes(bytes(range(256)) * 10)


def _config_without_home(marker: Path) -> None:
    marker.mkdir()
    (marker / "pyvenv.cfg").write_text("version = 3.11\n")


def _config_huge(marker: Path) -> None:
    marker.mkdir()
    (marker / "pyvenv.cfg").write_bytes(b"home = /usr\n" + b"#" * 65536)


def _config_gigabyte(marker: Path) -> None:
    marker.mkdir()
    _huge_file(marker / "pyvenv.cfg")


# What .venv is, and what the line about it says.
BAD_MARKERS: tuple[tuple[Callable[[Path], None], str], ...] = (
    (_fifo, "is a FIFO"),
    (_socket, "is a socket"),
    (_device, "is a character device"),
    (_loop, "cannot be followed"),
    (_dangling, "is a link to nothing"),
    (_empty_directory, "no pyvenv.cfg in it"),
    (_empty_file, "is an empty file"),
    (_huge_file, "is larger than"),
    (_two_lines, "more than one line"),
    (_binary, ""),
    (_to_another_host, "leads to another host"),
    (_to_an_automount, "can hang"),
    (_to_nothing, "leads to no environment"),
    (_without_config, "no pyvenv.cfg in it"),
    (_config_directory, "pyvenv.cfg is a directory"),
    (_config_fifo, "pyvenv.cfg is a FIFO"),
    (_config_loop, "pyvenv.cfg is a symbolic link"),
    (_config_binary, "no 'home' key"),
    (_config_without_home, "no 'home' key"),
    (_config_huge, "pyvenv.cfg is larger than"),
    (_config_gigabyte, "pyvenv.cfg is larger than"),
)


def one_line(printed: str, marker: Path, text: str) -> bool:
    """Return whether *printed* is one line of ours about *marker* that holds *text*."""
    start = f"venvhook: {marker}"
    return printed.startswith(start) and text in printed and printed.count("\n") == 1


def test_a_marker_that_cannot_be_used_is_said_once(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    good = make_environment(home / "good/.venv")
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    for make_bad, text in BAD_MARKERS:
        name = make_bad.__name__
        marker = home / name / ".venv"
        marker.parent.mkdir()
        make_bad(marker)
        printed = terminal.run(f"cd {name}")
        assert one_line(printed, marker, text), (name, printed)
        assert terminal.values(*TOUCHED) == before, name
        assert terminal.run("echo alive") == "alive\n", name
        # Coming from an active environment: that one is left, and nothing is said again.
        terminal.run("cd ../good")
        assert terminal.environment == str(good), name
        assert terminal.run(f"cd ../{name}") == "", name
        assert terminal.environment is None, name
        terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


def test_a_marker_that_is_mended_is_used(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    terminal = open_terminal(any_shell)
    for make_bad, _text in BAD_MARKERS:
        name = make_bad.__name__
        marker = home / name / ".venv"
        marker.parent.mkdir()
        make_bad(marker)
        terminal.run(f"cd {name}")
        if stat.S_ISDIR(marker.lstat().st_mode):
            shutil.rmtree(marker)
        else:
            marker.unlink()
        make_environment(marker)
        terminal.run("echo ''")
        assert terminal.environment == str(marker), name
        terminal.run("cd ..")


# What of an environment may not be read, and what the line about it says.
UNREADABLE = (
    ("", "cannot be read (Permission denied)"),
    ("pyvenv.cfg", "cannot be read (Permission denied)"),
    ("bin", "cannot be used (Permission denied)"),
)


@pytest.mark.parametrize(("part", "text"), UNREADABLE, ids=["all", "pyvenv.cfg", "bin"])
def test_an_environment_that_may_not_be_read_is_said_once_and_used_when_it_may(
    any_shell: Shell,
    part: str,
    text: str,
    home: Path,
    ordinary_user: tuple[str, ...],
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / "app/.venv")
    mode = (environment / part).stat().st_mode
    terminal = open_terminal(any_shell, wrapper=ordinary_user)
    before = terminal.values(*TOUCHED)
    # Accepted before: chmod leaves a mark that cannot be told from unpacking.
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    terminal.run("cd ..")
    os.utime(environment / "pyvenv.cfg")  # a mode alone leaves no trace in it
    (environment / part).chmod(0)
    try:
        printed = terminal.run("cd app")
        assert one_line(printed, environment, text), printed
        assert terminal.run("echo alive") == "alive\n"
        assert terminal.values(*TOUCHED) == before
        terminal.run("cd ..")
        assert terminal.run("cd app") == ""
    finally:
        (environment / part).chmod(mode)
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


def _no_interpreter(environment: Path) -> None:
    for python in (environment / "bin").glob("python*"):
        python.unlink()


def _interpreter_gone(environment: Path) -> None:
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("/gone/bin/python3")


def _interpreter_fifo(environment: Path) -> None:
    (environment / "bin/python").unlink()
    os.mkfifo(environment / "bin/python")


def _interpreter_text(environment: Path) -> None:
    (environment / "bin/python").unlink()
    (environment / "bin/python").write_text("")


def _interpreter_loop(environment: Path) -> None:
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("python")


def _no_activate(environment: Path) -> None:
    for script in (environment / "bin").glob("[aA]ctivate*"):
        script.unlink()


def _config_cut(environment: Path) -> None:
    (environment / "pyvenv.cfg").write_text("")


DAMAGES: tuple[tuple[Callable[[Path], None], str], ...] = (
    (_no_interpreter, "no interpreter in bin/"),
    (_interpreter_gone, "(/gone/bin/python3) is gone; 'venvhook create --clear'"),
    (_interpreter_fifo, "the interpreter in bin/ is a FIFO"),
    (_interpreter_text, "not executable"),
    (_interpreter_loop, "the interpreter in bin/ cannot be used"),
    (_no_activate, "no activate script"),
    (_config_cut, "no 'home' key"),
)


def test_an_environment_that_breaks_while_active_is_left_at_the_next_prompt(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    for damage, text in DAMAGES:
        name = damage.__name__
        environment = make_environment(home / name / ".venv")
        terminal.run(f"cd {name}")
        assert terminal.environment == str(environment), name
        damage(environment)
        printed = terminal.run("echo ''")
        assert one_line(printed.removeprefix("\n"), environment, text), (name, printed)
        assert terminal.values(*TOUCHED) == before, name
        for _ in range(2):
            assert terminal.run("echo ''") == "\n", name
        terminal.run("cd ..")


def test_an_environment_of_another_user_is_refused(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell)
    # Accepted before: chown leaves a mark that cannot be told from unpacking.
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    terminal.run("cd ..")
    subprocess.run(["chown", "-R", "nobody", environment], check=True)
    printed = terminal.run("cd app")
    assert printed.startswith("venvhook: app/.venv belongs to user nobody; not used. ")
    assert printed.count("\n") == 1
    subprocess.run(["chown", "-R", "root", environment], check=True)
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


def test_a_colon_in_the_path_is_refused_and_said(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "plain/.venv")
    (home / "plain").rename(home / "a:b")
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    assert one_line(terminal.cd(home / "a:b"), home / "a:b/.venv", "has a ':' in its path")
    assert terminal.values(*TOUCHED) == before
    terminal.run("cd ..")
    assert terminal.cd("a:b") == ""


# ---- The working directory -----------------------------------------------------------------------


def test_a_working_directory_that_was_deleted(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    shutil.rmtree(home / "app")
    assert terminal.run("echo ''") == "\n"
    assert terminal.values(*TOUCHED) == before
    assert ours(terminal.run("echo ''")) == []
    assert terminal.run("cd ~") == ""
    assert terminal.values(*TOUCHED) == before


def test_a_working_directory_that_was_renamed(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    (home / "app").rename(home / "moved")
    terminal.run("echo ''")
    assert terminal.values(*TOUCHED) == before
    assert terminal.run("echo alive") == "alive\n"
    assert "moved/.venv was made for" in terminal.cd(home / "moved")
    assert terminal.environment is None


def test_a_shell_that_starts_in_a_directory_that_is_gone(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    (home / "gone").mkdir()
    terminal = open_terminal(shell, directory=home / "gone")
    (home / "gone").rmdir()
    assert ours(terminal.become(shell)) == []
    assert terminal.environment is None
    terminal.cd(home / "app")
    assert terminal.environment == str(environment)


def ours(printed: str) -> list[str]:
    """Return the lines of *printed* that are venvhook's."""
    return [line for line in printed.splitlines() if "venvhook" in line]


def test_a_root_without_leave_to_read_it_still_shows_its_marker(
    shell: Shell,
    home: Path,
    ordinary_user: tuple[str, ...],
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / "app/.venv")
    (home / "app").chmod(0o100)
    try:
        terminal = open_terminal(shell, wrapper=ordinary_user)
        assert ours(terminal.run("cd app")) == []
        assert terminal.run("echo alive") == "alive\n"
        # fish opens a directory to change into it, so it says no itself.
        if shell.name != "fish":
            assert terminal.environment == str(environment)
    finally:
        (home / "app").chmod(0o700)


def test_odd_names_do_no_harm_and_a_mistake_is_one_line(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    harmless = ("", " ", ":")
    mistakes = ("../app/.venv", "a/b", "..", "a\\b", "b c d .venv", "$(touch canary) /", "a:b:c:d")
    for value in (*harmless, "*", "-n", "$(touch canary)", "'", *mistakes):
        terminal = open_terminal(any_shell, environ={"VENVHOOK_NAMES": value})
        assert terminal.greeting == "", value
        said = f"venvhook: VENVHOOK_NAMES is '{value}'; set it to one to three names without "
        said += "slash, space or colon, between spaces; until then nothing is activated"
        assert ours(terminal.run("cd app")) == [said] * (value in mistakes), value
        assert ours(terminal.run("cd ..; cd app")) == [], value
        assert terminal.run("echo alive") == "alive\n", value
        expected = str(environment) if value in harmless else None
        assert terminal.environment == expected, value
        assert not (home / "canary").exists()
        assert not (home / "app/canary").exists()
        terminal.close()


def test_init_of_an_unknown_shell_names_those_there_are(
    bash: Shell, open_terminal: OpenTerminal
) -> None:
    terminal: Terminal = open_terminal(bash)
    printed = terminal.run(f"{bash.word(terminal.command)} init tcsh")
    assert terminal.status == "2"
    assert printed.startswith("venvhook: ")
    assert printed.count("\n") == 1
    for name in ("tcsh", "bash", "zsh", "fish", "powershell"):
        assert name in printed
