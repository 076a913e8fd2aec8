"""Off switches: 'venvhook off' and 'on' in one shell, VENVHOOK_OFF, and 'venvhook ignore'."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal, started

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PYTHONHOME")


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME; beside it one that is refused, and a bare project."""
    (home / "bad/.venv").mkdir(parents=True)
    (home / "plain").mkdir()
    (home / "app/src").mkdir(parents=True)
    return make_environment(home / "app/.venv")


def set_variable(shell: Shell, value: str, exported: bool = False) -> str:
    """Return the line that sets VENVHOOK_OFF, or unsets it for an empty *value*."""
    if shell.name == "pwsh":
        return f"$env:VENVHOOK_OFF = '{value}'"
    if not value:
        return "set -e VENVHOOK_OFF" if shell.name == "fish" else "unset VENVHOOK_OFF"
    if shell.name == "fish":
        return f"set -g{'x' if exported else ''} VENVHOOK_OFF {value}"
    return f"{'export ' if exported else ''}VENVHOOK_OFF={value}"


def sessions(terminal: Terminal) -> Path:
    """Return the directory of the files of sessions where there is no runtime directory."""
    return terminal.home / ".cache/venvhook/sessions"


# ---- off and on ----------------------------------------------------------------------------------


def test_off_and_on_in_one_shell(any_shell: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    terminal = started(open_terminal, any_shell)
    before = terminal.values(*TOUCHED)
    terminal.cd(app.parent)
    inside = terminal.values(*TOUCHED)
    assert terminal.prompt == "(app) "
    # Off while active: all is as it was outside, at the next prompt.
    printed = terminal.run("venvhook off")
    assert printed.startswith("venvhook is off in this ")
    assert printed.count("\n") == 1
    assert "'venvhook on'" in printed
    assert terminal.prompt == ""
    assert terminal.values(*TOUCHED) == before
    # Nothing is said or done anywhere.
    for step in ("../bad", "../app", "src", "../../plain", "../app"):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment is None, step
    # Twice.
    again = terminal.run("venvhook off")
    assert again.startswith("venvhook is off already in this ")
    assert again.count("\n") == 1
    assert terminal.environment is None
    # On: active at the next prompt, as before.
    printed = terminal.run("venvhook on")
    assert printed.startswith("venvhook is on in this ")
    assert printed.count("\n") == 1
    assert terminal.prompt == "(app) "
    assert terminal.values(*TOUCHED) == inside
    assert not list(sessions(terminal).iterdir())
    assert terminal.run("venvhook on").startswith("venvhook is on already in this ")
    assert terminal.prompt == "(app) "
    # Refusals are told again, since they were not told yet.
    assert terminal.run("cd ../bad").count("\n") == 1
    assert terminal.run("cd ..") == ""
    assert terminal.values(*TOUCHED) == before


def test_on_ends_what_deactivate_has_put_to_rest(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    inside = terminal.values(*TOUCHED)
    for line in ("venvhook on", "venvhook on", "cd src; venvhook on; cd .."):
        terminal.run("deactivate")
        assert terminal.environment is None
        printed = terminal.run(line)
        assert printed.startswith("venvhook is on already in this ")
        assert printed.count("\n") == 1
        assert terminal.values(*TOUCHED) == inside, line
        assert terminal.prompt == "(app) "
        assert not list(sessions(terminal).iterdir())
        assert terminal.run("venvhook on").startswith("venvhook is on already in this ")
        assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


def test_what_the_user_did_by_hand_is_his_while_it_is_off(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    other = make_environment(home / "other")
    script = "activate.fish" if shell.name == "fish" else "activate"
    terminal = started(open_terminal, shell)
    before = terminal.values(*TOUCHED)
    activate = f"source {other}/bin/{script}"
    # By hand while off; on leaves it alone, and what comes after it is ours.
    terminal.run("cd app; venvhook off")
    terminal.run(activate)
    assert terminal.environment == str(other)
    terminal.run("venvhook on")
    assert terminal.environment == str(other)
    terminal.run("deactivate")
    assert terminal.environment == str(app)
    # On top of ours, in the line that switches off: ours goes, his stays.
    terminal.run(f"{activate}; venvhook off")
    assert terminal.environment == str(other)
    assert (terminal.value("PATH") or b"").count(bytes(app)) == 0
    terminal.run("deactivate")
    assert terminal.values(*TOUCHED) == before
    # Deactivated by hand in the project: on means on.
    terminal.run("venvhook on")
    assert terminal.environment == str(app)
    terminal.run("deactivate")
    assert terminal.environment is None
    terminal.run("venvhook off")
    terminal.run("venvhook on")
    assert terminal.environment == str(app)
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before


def test_the_line_that_switches_may_do_more(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell)
    assert "off" in terminal.run("venvhook off; cd app")
    assert terminal.environment is None
    # 'on' and what rests on it, at once where a change of directory is seen at once.
    terminal.run("cd ~; venvhook on; cd app")
    assert terminal.environment == str(app)
    terminal.run("venvhook off; venvhook on")
    assert terminal.environment == str(app)
    terminal.run("venvhook on; venvhook off")
    assert terminal.environment is None
    # Loading it again forgets nothing of that.
    terminal.run(shell.load_line(terminal.command))
    assert terminal.environment is None
    assert terminal.run("venvhook off").startswith("venvhook is off already")
    terminal.run("venvhook on")
    assert terminal.environment == str(app)


def test_the_exit_status_is_kept_while_it_is_off(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = started(open_terminal, shell)
    terminal.run("cd app; venvhook off")
    for code in ("3", "0", "7"):
        terminal.run(f"sh -c 'exit {code}'")
        assert terminal.status == code
    terminal.run("sh -c 'venvhook on; exit 5'")
    assert terminal.status == "5"
    terminal.run("sh -c 'venvhook off; exit 6'")
    assert terminal.status == "6"
    assert terminal.environment is None


BETWEEN = {
    "a subshell": ("(venvhook off)", "(cd /; (venvhook on))"),
    "a pipeline": ("venvhook off | cat", "true | venvhook on | cat"),
    "a group in a pipeline": ("{ true; venvhook off; } | cat", "{ true; venvhook on; } | cat"),
    "a substitution": ("x=$(venvhook off; true)", "x=$(true; venvhook on)"),
    "a job": ("venvhook off & wait", "venvhook on & wait"),
    "command": ("command venvhook off", "command venvhook on"),
    "sh": ("sh -c 'venvhook off; true'", "sh -c 'sh -c \"venvhook on; true\"; true'"),
    "env": ("env venvhook off", "nohup env venvhook on"),
}
BETWEEN_OF_FISH = {
    "a block": ("begin; venvhook off; end | cat", "begin; venvhook on; end | cat"),
    "a pipeline": ("venvhook off | cat", "true | venvhook on | cat"),
    "a substitution": ("set x (venvhook off)", "set x (venvhook on)"),
    "a job": ("venvhook off & wait", "venvhook on & wait"),
    "command": ("command venvhook off", "command venvhook on"),
    "sh": ("sh -c 'venvhook off; true'", "sh -c 'venvhook on; true'"),
}


def test_it_reaches_the_shell_through_what_stands_between(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell, app.parent)
    for what, lines in (BETWEEN_OF_FISH if shell.name == "fish" else BETWEEN).items():
        for line, expected in zip(lines, (None, str(app)), strict=True):
            printed = terminal.run(line)
            assert terminal.environment == expected, (what, line, printed)


def test_it_is_of_this_shell_only(shell: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    one = started(open_terminal, shell, app.parent)
    other = started(open_terminal, shell, app.parent)
    one.run("venvhook off")
    assert one.environment is None
    other.run("true")
    assert other.environment == str(app)
    # A child starts on, and what is done there stays there.
    one.start(shell)
    assert one.environment == str(app)
    one.run("venvhook off")
    assert one.environment is None
    one.run("venvhook on")
    one.run("exit")
    assert one.environment is None
    assert one.run("venvhook off").startswith("venvhook is off already")
    # exec keeps the number of the process, and starts on.
    number = one.value("_VENVHOOK_SESSION")
    one.become(shell)
    assert one.value("_VENVHOOK_SESSION") == number
    assert one.environment == str(app)
    assert one.run("venvhook on").startswith("venvhook is on already")


def test_another_kind_of_shell_inside_is_another(
    app: Path, open_terminal: OpenTerminal, bash: Shell, zsh: Shell, fish: Shell
) -> None:
    terminals = {row.name: started(open_terminal, row, app.parent) for row in (bash, zsh, fish)}
    terminal = terminals["bash"]
    terminal.run("venvhook off")
    for row in (zsh, fish):
        terminal.become(row)
        assert terminal.environment == str(app), row.name
        terminal.run("venvhook off")
        assert terminal.environment is None


# ---- Where it cannot be --------------------------------------------------------------------------

NO_SHELL = {
    "a script": ("{bash} {home}/script", "is not loaded in the bash that this was called from"),
    "a command": ("{bash} -c 'venvhook off; true'", "is not loaded in the bash"),
    "nothing inherited": ("env -i {programs}/venvhook off", "is not loaded in the shell"),
    "another session": ("env VENVHOOK_SESSION=/x/1 venvhook off", "only in one before it"),
    "no number": ("env VENVHOOK_SESSION=/x/y venvhook off", "names no session"),
    "relative": ("env VENVHOOK_SESSION=x/1 venvhook off", "names no session"),
    "no place": ("env VENVHOOK_SESSION= venvhook off", "found no place"),
}


def test_it_says_where_there_is_no_shell_to_switch(
    bash: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "script").write_text("venvhook off\ntrue\n")
    terminal = started(open_terminal, bash, app.parent)
    places = {"bash": bash.path, "home": home, "programs": terminal.scratch / "programs"}
    for what, (line, said) in NO_SHELL.items():
        if what == "another session":
            # That of the first process is no ancestor in a container of its own.
            line = line.replace("/1 ", f"/{os.getpid()}9 ")
        printed = terminal.run(line.format(**places))
        assert printed.startswith("venvhook: "), what
        assert said in printed, what
        assert printed.count("\n") == 1, what
        assert terminal.environment == str(app), what
    terminal.run("venvhook off; env -u VENVHOOK_SESSION venvhook on")
    assert terminal.environment is None


def test_a_script_of_another_shell_has_none(
    app: Path, home: Path, open_terminal: OpenTerminal, bash: Shell, zsh: Shell, fish: Shell
) -> None:
    (home / "script").write_text("venvhook off\ntrue\n")
    terminal = started(open_terminal, bash, app.parent)
    for row in (zsh, fish):
        printed = terminal.run(f"{row.path} {home}/script")
        assert f"is not loaded in the {row.name} that this was called from" in printed
        assert terminal.environment == str(app)


def test_where_the_file_cannot_be_written_it_says_so(
    bash: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, bash, app.parent)
    directory = sessions(terminal)
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    printed = terminal.run("venvhook off")
    assert printed.startswith(f"venvhook: {directory}: is not yours alone")
    assert printed.count("\n") == 1
    assert terminal.environment == str(app)
    directory.rmdir()
    directory.write_text("")
    assert terminal.run("venvhook off").startswith(f"venvhook: {directory}: ")
    assert terminal.environment == str(app)


# ---- The file of the session ---------------------------------------------------------------------


def test_the_runtime_directory_is_taken_if_it_is_the_users_own(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    runtime = home / "run time"
    runtime.mkdir(mode=0o700)
    theirs = home / "theirs"
    if IS_ROOT:
        theirs.mkdir(mode=0o777)
        os.chown(theirs, 12345, 12345)
    for value, directory in (
        (str(runtime), runtime / "venvhook"),
        (f"{runtime}/", runtime / "venvhook"),
        ("relative", home / ".cache/venvhook/sessions"),
        ("", home / ".cache/venvhook/sessions"),
        # fish makes a missing one.
        ("/proc/nowhere", home / ".cache/venvhook/sessions"),
        *([(str(theirs), home / ".cache/venvhook/sessions")] if IS_ROOT else []),
    ):
        terminal = started(open_terminal, shell, app.parent, XDG_RUNTIME_DIR=value)
        terminal.run("venvhook off")
        assert terminal.environment is None, value
        (file,) = directory.iterdir()
        assert file.read_bytes() == b"off\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert os.fsencode(file) == terminal.value("VENVHOOK_SESSION")
        # A change of the variable meanwhile is no obstacle.
        word = (
            "set -gx XDG_RUNTIME_DIR /tmp"
            if shell.name == "fish"
            else "export XDG_RUNTIME_DIR=/tmp"
        )
        terminal.run(word)
        terminal.run("venvhook on")
        assert terminal.environment == str(app), value
        assert not list(directory.iterdir())


def foreign(path: Path) -> None:
    path.write_bytes(b"off\n")
    os.chown(path, 12345, 12345)


def flood(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


# What may stand in the place of the file, by whomever: none of it switches anything.
PLANTED = {
    "a link": lambda path: (path.with_name("off").write_bytes(b"off\n"), path.symlink_to("off")),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
    "a directory": lambda path: path.mkdir(),
    "nothing in it": lambda path: path.write_bytes(b""),
    "another word": lambda path: path.write_bytes(b"offer\n"),
    "no end": lambda path: path.write_bytes(b"off"),
    "more lines": lambda path: path.write_bytes(b"off\noff\n"),
    "a code": lambda path: path.write_bytes(b"$(touch canary)\n"),
    "a gigabyte": flood,
    **({"of another user": foreign} if IS_ROOT else {}),
}


def test_what_is_no_session_file_switches_nothing(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell, app.parent)
    file = Path(os.fsdecode(terminal.value("VENVHOOK_SESSION") or b""))
    file.parent.mkdir(mode=0o700)
    for what, plant in PLANTED.items():
        plant(file)
        assert terminal.run("cd src; cd ..") == "", what
        assert terminal.environment == str(app), what
        if what == "a directory":
            file.rmdir()
        else:
            file.unlink()
    file.write_bytes(b"off\n")
    terminal.run("true")
    assert terminal.environment is None
    if IS_ROOT:
        # In a directory of another's.
        os.chown(file.parent, 12345, 12345)
        terminal.run("true")
        assert terminal.environment == str(app)


def test_one_left_by_an_earlier_process_is_removed_when_the_script_is_loaded(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell, app.parent)
    file = Path(os.fsdecode(terminal.value("VENVHOOK_SESSION") or b""))
    file.parent.mkdir(mode=0o700)
    for word in (b"off\n", b"on\n", b"nonsense"):
        file.write_bytes(word)
        # The same number, another shell.
        assert terminal.become(shell) == ""
        assert not file.exists()
        assert terminal.environment == str(app)


# ---- VENVHOOK_OFF --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["in the environment", "in the startup file", "exported there"])
def test_the_variable_switches_off_at_start(
    any_shell: Shell, app: Path, open_terminal: OpenTerminal, how: str
) -> None:
    if how == "in the environment":
        terminal = started(open_terminal, any_shell, app.parent, VENVHOOK_OFF="1")
    else:
        before = set_variable(any_shell, "1", exported=how == "exported there")
        terminal = started(open_terminal, any_shell, app.parent, before=before)
    assert terminal.greeting == ""
    for step in ("../bad", "../app"):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment is None
    assert "VENVHOOK_OFF is set" in terminal.run("venvhook status")
    # 'on' turns it on in this shell.
    printed = terminal.run("venvhook on")
    assert printed.startswith("venvhook is on in this ")
    assert "although VENVHOOK_OFF is set" in printed
    assert terminal.environment == str(app)
    assert terminal.run("venvhook on").startswith("venvhook is on already")
    assert "VENVHOOK_OFF" not in terminal.run("venvhook status")
    terminal.run("cd src")
    assert terminal.environment == str(app)
    terminal.run("venvhook off; venvhook on")
    assert terminal.environment == str(app)
    # What overruled it goes with it, so that it counts when it is set again.
    terminal.run(set_variable(any_shell, ""))
    assert terminal.environment == str(app)
    assert not list(sessions(terminal).iterdir())
    terminal.run(set_variable(any_shell, "1"))
    assert terminal.environment is None
    # 'off' holds also when it is unset.
    assert "also when VENVHOOK_OFF is unset" in terminal.run("venvhook off")
    terminal.run(set_variable(any_shell, ""))
    assert terminal.environment is None
    terminal.run("venvhook on")
    assert terminal.environment == str(app)
    # Unsetting it turns on.
    terminal.run(set_variable(any_shell, "x:"))
    assert terminal.environment is None
    terminal.run(set_variable(any_shell, ""))
    assert terminal.environment == str(app)


def test_while_it_is_off_no_process_is_started(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = started(open_terminal, shell)
    program = home / "helper"
    real = os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")
    program.write_text(f'#!/bin/sh\necho call >> {home}/calls\nexec {shell.word(real)} "$@"\n')
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))
    for switch in ("venvhook off", set_variable(shell, "1")):
        terminal.run(switch)
        for step in ("app", "../bad", "../plain", ".."):
            assert terminal.run(f"cd {step}") == ""
        assert not (home / "calls").exists()
        terminal.run("venvhook on")
    terminal.run("cd app")
    assert (home / "calls").exists()


# ---- All of it is quiet --------------------------------------------------------------------------


def test_the_guard_and_offers_are_off_as_well(
    shell: Shell, ground: Path, open_terminal: OpenTerminal
) -> None:
    (ground / "new").mkdir()
    (ground / "new/pyproject.toml").write_text("[project]\nname = 'new'\nversion = '1'\n")
    terminal = started(open_terminal, shell, VENVHOOK_GUARD="on", VENVHOOK_AUTO_CREATE="ask")
    assert terminal.value("PIP_REQUIRE_VIRTUALENV") == b"1"
    for off, on in (
        ("venvhook off", "venvhook on"),
        (set_variable(shell, "1"), set_variable(shell, "")),
    ):
        terminal.run(off)
        assert terminal.values("PIP_REQUIRE_VIRTUALENV", "VENVHOOK_GUARDED") == {
            "PIP_REQUIRE_VIRTUALENV": None,
            "VENVHOOK_GUARDED": None,
        }
        assert terminal.run(f"cd {ground}/new") == ""
        assert terminal.run("true") == ""
        assert terminal.run("cd ~") == ""
        terminal.run(on)
        assert terminal.value("PIP_REQUIRE_VIRTUALENV") == b"1"
    terminal.send(f"cd {ground}/new\r")
    terminal.wait_for("Make")
    terminal.wait_for("[y/N]")
    terminal.interrupt()


# ---- What is told --------------------------------------------------------------------------------


def test_status_why_and_doctor_say_that_it_is_off_and_why(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = started(open_terminal, shell, app.parent)
    told = "'venvhook off' was called in this shell"
    commands = ("venvhook status", "venvhook why", "venvhook doctor", "venvhook status --json")
    for directory in (app.parent, home / "plain"):
        terminal.cd(directory)
        for command in commands:
            assert told not in terminal.run(command), command
        terminal.run("venvhook off")
        for command in commands:
            assert told in terminal.run(command), command
        terminal.run("venvhook on")
        terminal.run(set_variable(shell, "1"))
        for command in commands:
            assert "VENVHOOK_OFF is set" in terminal.run(command), command
        terminal.run(set_variable(shell, ""))
    # A script is another shell.
    terminal.run("venvhook off")
    assert terminal.environment is None
    assert told not in terminal.run("sh -c 'env -u VENVHOOK_SESSION venvhook status'")


# ---- ignore --------------------------------------------------------------------------------------


def test_an_ignored_directory_is_as_if_there_were_no_environment(
    any_shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    own = make_environment(home / "work/x/.venv")
    (home / "app/vendor/lib/deep").mkdir(parents=True)
    (home / "app/vendored").mkdir()
    (home / "work/bad/.venv").mkdir(parents=True)
    terminal = started(open_terminal, any_shell, home / "app/vendor/lib")
    other = started(open_terminal, any_shell, home / "work/x")
    before = other.values(*TOUCHED)
    assert terminal.environment == str(app)
    # In it and below: what lies above is not looked for. At the next prompt, and said in one line.
    printed = terminal.run("venvhook ignore ..")
    assert printed == (
        f"{home}/app/vendor: ignored from the next prompt on, with all below; "
        f"'venvhook ignore --remove {home}/app/vendor' ends that\n"
    )
    assert terminal.environment is None
    # Where the walk goes, and what is active there; a name that begins alike is another.
    for step, active in (
        *(("deep", None), ("../..", None), ("..", app), ("vendored", app), ("../vendor", None)),
        *(("lib", None), ("~/app/src", app), ("~/app/vendor/lib/deep", None)),
    ):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment == (None if active is None else str(active)), step
    # What lies in it is not used either, and nothing is said of what would be refused: also in
    # shells that stand there.
    terminal.run("venvhook ignore ~/work")
    other.run("cd .")
    assert other.environment is None
    for step in ("../bad", "..", "x"):
        assert other.run(f"cd {step}") == ""
        assert other.environment is None, step
    assert "is ignored already" in terminal.run("venvhook ignore ~/work")
    assert terminal.run("venvhook ignore --list") == f"{home}/app/vendor\n{home}/work\n"
    # No more.
    assert other.run("venvhook ignore --remove") == f"{home}/work: no longer ignored\n"
    assert other.environment == str(own)
    assert other.values(*TOUCHED) == before
    assert other.run("cd ../bad").count("\n") == 1
    assert terminal.run("venvhook ignore --remove ~/app/vendor").endswith("no longer ignored\n")
    assert terminal.environment == str(app)
    assert terminal.run("venvhook ignore --list") == ""


def test_a_directory_is_ignored_by_its_name_and_by_its_real_one(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "far/lib").mkdir(parents=True)
    (home / "app/link").symlink_to("../far")
    terminal = started(open_terminal, shell, home / "app/link")
    assert terminal.environment == str(app)
    terminal.run("venvhook ignore")
    assert terminal.environment is None
    terminal.run("cd lib")
    assert terminal.environment is None
    # What lies in one is not used by any name.
    (home / "else").symlink_to("app")
    terminal.run("venvhook ignore ~/app")
    terminal.run("cd ~/else/src")
    assert terminal.environment is None
    terminal.run("venvhook ignore --remove ~/else")
    assert terminal.environment == f"{home}/else/.venv"
    # By either name it is taken back.
    assert terminal.run("venvhook ignore --remove ~/far").endswith("no longer ignored\n")
    assert terminal.run("venvhook ignore --list") == ""
    terminal.run("cd ~/app/link/lib")
    assert terminal.environment == str(app)


def test_bound_and_ignored_directories_in_each_other(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    science = make_environment(home / "kept/science")
    (home / "work/x/vendor").mkdir(parents=True)
    terminal = started(open_terminal, shell, home / "work/x")
    terminal.run("venvhook use ~/kept/science --in .")
    assert terminal.environment == str(science)
    # An ignored one in a bound one.
    terminal.run("venvhook ignore vendor")
    for step, expected in (("vendor", None), ("..", str(science))):
        terminal.run(f"cd {step}")
        assert terminal.environment == expected, step
    # A bound one in an ignored one: it is ignored, and 'use' says so.
    terminal.run("venvhook ignore ~/work")
    assert terminal.environment is None
    printed = terminal.run("venvhook use ~/kept/science --in .")
    assert printed.splitlines()[1].startswith(f"{home}/work: is ignored, and all below; ")
    assert terminal.environment is None
    # The nearest is taken back, and it says what still holds.
    terminal.run("cd vendor")
    printed = terminal.run("venvhook ignore --remove")
    assert printed.startswith(f"{home}/work/x/vendor: no longer ignored, but by way of {home}/work")
    printed = terminal.run("venvhook ignore --remove .")
    assert printed.startswith(f"venvhook: {home}/work/x/vendor: is ignored by way of {home}/work: ")
    terminal.run("venvhook ignore --remove ~/work")
    assert terminal.environment == str(science)
    # HOME and all: nothing anywhere.
    for place in ("~", "/"):
        terminal.run(f"venvhook ignore {place}")
        for step in ("~/app", "~", "~/work/x"):
            assert terminal.run(f"cd {step}") == ""
            assert terminal.environment is None, (place, step)
        terminal.run(f"venvhook ignore --remove {place}")
        terminal.run("cd ~/app")
        assert terminal.environment == str(app)


@pytest.mark.parametrize("name", ["two words", "it's $(x)", "[a]*?", "new\nline", "-x"])
def test_any_name_can_be_ignored(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal, name: str
) -> None:
    (home / "app" / name / "below").mkdir(parents=True)
    terminal = started(open_terminal, shell, app.parent)
    terminal.run(b"cd " + shell.quote(os.fsencode(app.parent / name)))
    assert terminal.environment == str(app)
    terminal.run("venvhook ignore")
    assert terminal.environment is None
    terminal.run("cd below")
    assert terminal.environment is None
    terminal.run("cd ../..")
    assert terminal.environment == str(app)
    terminal.run(b"venvhook ignore --remove -- " + shell.quote(os.fsencode(app.parent / name)))
    terminal.run(b"cd " + shell.quote(os.fsencode(app.parent / name)))
    assert terminal.environment == str(app)


def test_explicit_commands_in_an_ignored_directory(
    bash: Shell, ground: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    (ground / "new").mkdir()
    (ground / "new/pyproject.toml").write_text("[project]\nname = 'new'\nversion = '1'\n")
    environment = make_environment(ground / "old/.venv")
    terminal = started(open_terminal, bash, VENVHOOK_AUTO_CREATE="ask")
    terminal.run(f"venvhook ignore {ground}")
    said = f"{ground}: is ignored, and all below; 'venvhook ignore --remove {ground}' ends that"
    # No offer.
    assert terminal.run(f"cd {ground}/new") == ""
    # Made all the same, and not used.
    printed = terminal.run("venvhook create --backend venv --without-pip")
    assert printed.splitlines()[-1] == f"venvhook: {said}"
    assert (ground / "new/.venv/bin/python").exists()
    assert terminal.environment is None
    terminal.run("cd ../old")
    for command in ("which", "run true", "shellenv"):
        assert terminal.run(f"venvhook {command}") == f"venvhook: {said}\n"
        assert terminal.run(f"venvhook {command} 2> /dev/null; echo $?") == "1\n"
    for command in ("status", "why", f"why {environment}"):
        printed = terminal.run(f"venvhook {command}")
        assert f"no: {said}" in printed, command
    assert f'"ignored": "{ground}"' in terminal.run("venvhook status --json")
    assert said in terminal.run("venvhook allow")
    assert "not used (ignored)" in terminal.run("venvhook list")
    assert f"ignored   {ground}\n" in terminal.run("venvhook allow --list")
    terminal.run(f"venvhook ignore --remove {ground}")
    assert terminal.environment == str(environment)
