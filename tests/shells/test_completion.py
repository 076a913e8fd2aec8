"""Tab in real line editors: commands, options, paths, settings and environments."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

# With the line editor, which the other tests switch off.
EDITING = {
    # Without the terminal's echo, readline draws nothing.
    "bash": "stty echo; bind 'set enable-bracketed-paste off'",
    "zsh": "setopt zle; autoload -Uz compinit; compinit -u -d $HOME/.zcompdump",
    "fish": "",
}
CLEAR = "\x15"
TAB = "\t"


def set_path(shell: Shell, path: str) -> str:
    """Return the line that sets PATH."""
    return f"set -gx PATH {path.replace(':', ' ')}" if shell.name == "fish" else f"PATH={path}"


@pytest.fixture
def editor(shell: Shell, home: Path, open_terminal: OpenTerminal) -> Terminal:
    """A shell with its line editor, in HOME, and venvhook on PATH."""
    (home / "two words/below").mkdir(parents=True)
    arguments = ("-i",)
    terminal = open_terminal(dataclasses.replace(shell, arguments=arguments), rc="")
    programs = terminal.scratch / "programs"
    programs.mkdir()
    (programs / "venvhook").symlink_to(terminal.command)
    load(terminal, EDITING[shell.name])
    return terminal


def load(terminal: Terminal, *lines: str, after: str = "") -> None:
    """Start the shell again with *lines* before the one that loads venvhook, and one *after*."""
    shell = terminal.shell
    path = set_path(shell, f"{terminal.scratch}/programs:/usr/bin:/bin")
    hook = shell.load_line(terminal.command)
    rc = "\n".join((shell.prelude, path, *lines, hook, after))
    terminal.rc_file.write_text(rc + "\n")
    terminal.restart()


def completes(terminal: Terminal, begun: str, whole: str) -> None:
    """Type *begun* and Tab, and wait for *whole* on the screen; take it back."""
    terminal.send(begun + TAB)
    terminal.wait_for(whole)
    terminal.send(CLEAR)


def runs(terminal: Terminal, keys: str) -> str:
    """Press *keys* and Enter, and return what that command printed."""
    # By way of a file, since line editors draw more than what is typed.
    terminal.send(f"{keys} > {terminal.scratch}/out 2>&1; echo do''ne\r")
    terminal.wait_for("done")
    return (terminal.scratch / "out").read_text()


def test_commands_options_and_settings(editor: Terminal) -> None:
    completes(editor, "venvhook al", "venvhook allow ")
    completes(editor, "venvhook allow --sh", "venvhook allow --shared ")
    completes(editor, "venvhook config get notic", "venvhook config get notice ")
    completes(editor, "venvhook completion fi", "venvhook completion fish ")
    completes(editor, "venvhook guard of", "venvhook guard off ")


def test_paths_with_spaces_are_one_word(editor: Terminal) -> None:
    completes(editor, "venvhook why tw", "venvhook why two\\ words/")
    assert "two words/below: nothing" in runs(editor, f"venvhook why tw{TAB}be{TAB}")


@pytest.mark.parametrize("name", ["my env", "it's", "star*", "one,two", "a(b)", "dollar$x"])
def test_environments_with_any_name(
    editor: Terminal, home: Path, make_environment: EnvironmentMaker, name: str
) -> None:
    environment = make_environment(home / "two words" / name)
    runs(editor, f"cd tw{TAB}")
    begun = name[: 2 if name[1].isalnum() else 1]
    told = runs(editor, f"venvhook use {begun}{TAB}")
    assert f"{environment} is used here and below" in told


def test_programs_of_the_environment_and_files(
    editor: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    program = make_environment(home / "app/.venv") / "bin/py-stocktake"
    program.write_text('#!/bin/sh\necho "taken: $*"\n')
    (home / "app/with-nothing").touch()
    program.chmod(0o755)
    runs(editor, "cd app")
    for begun in ("venvhook run ", "venvhook run -- ", "venvhook run --in ~/app "):
        completes(editor, f"{begun}py-st", f"{begun}py-stocktake ")
        told = runs(editor, f"{begun}py-sto{TAB}with-no{TAB}")
        assert told == "taken: with-nothing\n", begun
    # Where no program is called so.
    completes(editor, "venvhook run with-n", "venvhook run with-nothing ")
    runs(editor, f"cd {home}")
    completes(editor, "venvhook run tw", "venvhook run two\\ words/")


def test_shells_between_commas(editor: Terminal) -> None:
    completes(editor, "venvhook init fi", "venvhook init fish ")
    completes(editor, "venvhook install --shells ba", "venvhook install --shells bash ")
    completes(editor, "venvhook install --shells zsh,fi", "venvhook install --shells zsh,fish ")


def test_environments_below_are_named_from_here(
    editor: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    kept = make_environment(home / "two words/below/science")
    runs(editor, f"venvhook use {home}/two*/below/science")
    told = runs(editor, f"venvhook use tw{TAB} --in /")
    assert "/: is everything" in told
    completes(editor, "venvhook use two", "venvhook use two\\ words/below/science ")
    assert kept.exists()


def test_environments_that_are_known_elsewhere(
    editor: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    kept = make_environment(home / "far/away/science")
    runs(editor, f"venvhook use {kept} --in two*")
    for begun in (f"{home}/fa", "~/far/aw"):
        told = runs(editor, f"venvhook use {begun}{TAB}")
        assert f"{kept} is used here and below" in told, begun


def test_nothing_of_the_project_runs(editor: Terminal, home: Path) -> None:
    traps = home / "clone"
    traps.mkdir()
    (traps / "venvhook").write_text(f"#!/bin/sh\ntouch {home}/made\n")
    (traps / "venvhook").chmod(0o755)
    for name in ("click.py", "venvhook.py", "sitecustomize.py", "os.py"):
        (traps / name).write_text(f"open({str(home / 'made')!r}, 'w')\n")
    runs(editor, "cd clone")
    completes(editor, "venvhook al", "venvhook allow ")
    completes(editor, "./venvhook al", "./venvhook allow ")
    assert not (home / "made").exists()


def test_it_costs_no_process_before_the_first_tab(editor: Terminal) -> None:
    # What is loaded then is not there before.
    shell = editor.shell.name
    line = "{ typeset -f _venvhook_completion > /dev/null || echo not yet; }"
    if shell == "fish":
        line = "begin; functions -q _venvhook_completion; or echo not yet; end"
    assert runs(editor, line) == "not yet\n"
    completes(editor, "venvhook al", "venvhook allow ")
    assert runs(editor, line) == ""


def test_where_the_command_is_gone_tab_says_nothing(editor: Terminal) -> None:
    with_it = set_path(editor.shell, f"{editor.scratch}/programs:/usr/bin:/bin")
    without = set_path(editor.shell, "/usr/bin:/bin")
    assert runs(editor, without) == ""
    for path in (without, with_it, without, with_it):
        editor.run(path)
        if path == with_it:
            completes(editor, "venvhook al", "venvhook allow ")
            continue
        editor.send(f"venvhook al{TAB}{CLEAR}echo do''ne\r")
        seen = editor.wait_for("done")
        assert not re.search("nknown|not found|No such|completion", seen), seen


def test_compinit_may_come_later(zsh: Shell, home: Path, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(zsh, rc="")
    programs = terminal.scratch / "programs"
    programs.mkdir()
    (programs / "venvhook").symlink_to(terminal.command)
    load(terminal, "setopt zle", after=EDITING["zsh"])
    completes(terminal, "venvhook al", "venvhook allow ")
    load(terminal, "setopt zle")
    runs(terminal, EDITING["zsh"])
    completes(terminal, "venvhook al", "venvhook allow ")
    assert home.exists()


def test_without_compinit_nothing_is_said(zsh: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(zsh)
    assert terminal.greeting == ""
    assert terminal.run("cd .") == ""


def test_an_old_bash_gets_none_silently(bash: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(bash)
    # As far as the script can see.
    script = terminal.run(f"{terminal.command} init bash | grep -c BASH_VERSINFO")
    assert int(script) > 1
    assert terminal.greeting == ""


@pytest.mark.parametrize("name", ["bash", "zsh", "fish", "powershell"])
def test_the_text_is_printed(name: str, bash: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(bash, rc="")
    words = [terminal.command, "completion", name]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "_venvhook_completion" in done.stdout
    assert done.stderr == ""


def test_switches_and_ignored_directories(editor: Terminal, home: Path) -> None:
    completes(editor, "venvhook of", "venvhook off ")
    completes(editor, "venvhook on", "venvhook on ")
    completes(editor, "venvhook ig", "venvhook ignore ")
    completes(editor, "venvhook ignore --rem", "venvhook ignore --remove ")
    told = runs(editor, f"venvhook ignore tw{TAB}be{TAB}")
    assert told.startswith(f"{home}/two words/below: ignored ")
    # Those that are ignored, wherever they are; no others.
    (home / "two words/bear").mkdir()
    told = runs(editor, f"venvhook ignore --remove {home}/two{TAB}")
    assert told == f"{home}/two words/below: no longer ignored\n"
