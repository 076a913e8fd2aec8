"""The hook as a guest in a shell: $?, PROMPT_COMMAND, loading twice, a helper that fails."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME; beside it one that is refused."""
    (home / "bad/.venv").mkdir(parents=True)
    return make_environment(home / "app/.venv")


def assign(shell: Shell, name: str, value: str | bytes | Path) -> str:
    """Return the line that sets the global variable *name*."""
    if shell.name == "fish":
        return f"set -g {name} {shell.word(value)}"
    return f"{name}={shell.word(value)}"


# ---- $? ------------------------------------------------------------------------------------------


def test_the_exit_status_reaches_the_next_line(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    outcomes = ("true", "cd app", "cd app/.venv", "cd ../..", "cd bad", "cd ../nowhere", "cd ..")
    for line in ("sh -c 'exit 7'", *outcomes):
        terminal.run(line)
        expected = {"sh -c 'exit 7'": "7", "cd app/.venv": "1", "cd ../..": "0"}.get(line)
        if line == "cd app/.venv":
            terminal.run("cd .venv")
            assert terminal.status == "0"
        elif expected is not None:
            assert terminal.status == expected
    terminal.cd(terminal.home)
    for line in ("cd app", "cd ..", "cd bad", "cd .."):
        terminal.run("false")
        assert terminal.run(f"false; {line}; echo {shell.status}").endswith("0\n"), line
        terminal.run("sh -c 'exit 3'")
        assert terminal.status == "3"


def test_the_exit_status_is_kept_when_something_happens_at_the_prompt(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    (home / "app").mkdir()
    kept = make_environment(home / "kept")
    terminal = open_terminal(shell, directory=home / "app")
    terminal.run("sh -c 'ln -s ../kept .venv; exit 5'")
    assert terminal.status == "5"
    assert terminal.prompt == "(app) "
    terminal.run("sh -c 'rm .venv; exit 6'")
    assert terminal.status == "6"
    assert terminal.prompt == ""
    terminal.run("sh -c 'mkdir .venv; exit 7'")
    assert terminal.status == "7"
    assert kept.exists()


def test_a_change_of_directory_inside_a_condition_keeps_its_meaning(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    assert terminal.run("cd app && echo yes") == "yes\n"
    assert terminal.run("cd /nowhere 2> /dev/null || echo no") == "no\n"
    assert terminal.run("cd ../bad && echo yes").count("yes\n") == 1
    terminal.run("cd ../app")
    assert terminal.environment == str(app)


# ---- bash: PROMPT_COMMAND ------------------------------------------------------------------------


def need_array(terminal: Terminal) -> None:
    """Skip where PROMPT_COMMAND can be no array."""
    version = terminal.run('echo "${BASH_VERSINFO[0]} ${BASH_VERSINFO[1]}"').split()
    if (int(version[0]), int(version[1])) < (5, 1):
        pytest.skip("before bash 5.1 PROMPT_COMMAND is one string, whose first command sets it")


@pytest.mark.parametrize(
    "own",
    [
        "PROMPT_COMMAND='seen=$?'",
        "PROMPT_COMMAND=('seen=$?' 'second=1')",
        "PROMPT_COMMAND='seen=$?;'",
    ],
)
def test_a_prompt_command_of_the_users_sees_the_exit_status(
    bash: Shell, own: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(bash)
    if "(" in own:
        need_array(terminal)
    load = bash.load_line(terminal.command)
    terminal.rc_file.write_text(f"{bash.prelude}\n{own}\n{load}\n{load}\n")
    terminal.restart()
    assert terminal.greeting == ""
    terminal.run("sh -c 'exit 9'")
    assert terminal.value("seen") == b"9"
    terminal.run("cd app")
    assert terminal.value("seen") == b"0"
    assert terminal.prompt == "(app) "
    terminal.run("sh -c 'exit 4'")
    assert terminal.value("seen") == b"4"
    if "second" in own:
        assert terminal.value("second") == b"1"
    listed = terminal.run("printf '<%s>\\n' \"${PROMPT_COMMAND[@]}\"")
    assert listed.count("<_venvhook_") == 1


def test_pipestatus_reaches_the_users_prompt_command(
    bash: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(bash)
    need_array(terminal)
    terminal.run("PROMPT_COMMAND+=('all=\"${PIPESTATUS[*]}\"')")
    terminal.run("sh -c 'exit 3' | sh -c 'exit 0' | sh -c 'exit 5'")
    assert terminal.value("all") == b"3 0 5"


def test_a_prompt_command_of_the_users_runs_in_the_environment(
    bash: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash, rc="")
    terminal.run("PROMPT_COMMAND='seen=$VIRTUAL_ENV'")
    terminal.run(bash.load_line(terminal.command))
    terminal.run("cd app")
    assert terminal.value("seen") == bytes(app)
    terminal.run("cd ..")
    assert terminal.value("seen") == b""


def test_a_prompt_command_set_after_us_is_kept_on_a_second_load(
    bash: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(bash)
    terminal.run("PROMPT_COMMAND='mine=1'")
    terminal.run("cd app")
    assert terminal.prompt == ""
    terminal.run(bash.load_line(terminal.command))
    assert terminal.prompt == "(app) "
    assert terminal.value("mine") == b"1"


# ---- Loading -------------------------------------------------------------------------------------

COUNT_HOOKS = {
    "bash": "printf '%s\\n' \"${PROMPT_COMMAND[@]}\" | grep -c '^_venvhook_'",
    "zsh": "print -l $chpwd_functions $precmd_functions | grep -c '^_venvhook_'",
    "fish": "functions --handlers-type variable | grep -c _venvhook_",
}
HOOKS = {"bash": "1", "zsh": "2", "fish": "3"}


def test_loading_twice_is_harmless(shell: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "PS1")
    count = terminal.run(COUNT_HOOKS[shell.name])
    assert count.strip() == HOOKS[shell.name]
    terminal.run("cd app")
    inside = terminal.values("PATH", "PS1", "VIRTUAL_ENV")
    for _ in range(2):
        assert terminal.run(shell.load_line(terminal.command)) == ""
        assert terminal.values("PATH", "PS1", "VIRTUAL_ENV") == inside
        assert terminal.prompt == "(app) "
    assert terminal.run(COUNT_HOOKS[shell.name]) == count
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.values("PATH", "PS1") == before


def test_a_second_load_takes_the_newer_script(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    older = "function _venvhook_hook; end" if shell.name == "fish" else "_venvhook_hook() { :; }"
    terminal.run(older)
    terminal.run("cd app")
    assert terminal.environment is None
    terminal.run("cd ..")
    terminal.run(shell.load_line(terminal.command))
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_a_second_load_forgets_no_deactivate(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run("cd app")
    terminal.run("deactivate")
    terminal.run(shell.load_line(terminal.command))
    assert terminal.environment is None


# Options that people set, under which careless scripts fall over.
OPTIONS = {
    "bash": ("set -u", "set -o posix", "set -f", "shopt -s nocasematch failglob", "IFS=/"),
    "zsh": (
        "setopt ksh_arrays",
        "setopt sh_word_split",
        "setopt no_unset",
        "setopt nomatch glob_subst",
        "setopt warn_create_global",
        "setopt no_case_match extended_glob",
        "IFS=/",
    ),
    "fish": ("set -g IFS ''", "set -g fish_handle_reflow 0"),
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, all_ in OPTIONS.items() for option in all_]
)
def test_the_hook_works_under_the_users_options(
    name: str,
    option: str,
    app: Path,
    open_terminal: OpenTerminal,
    request: pytest.FixtureRequest,
) -> None:
    row: Shell = request.getfixturevalue(name)
    terminal = open_terminal(row)
    before = terminal.value("PATH")
    assert terminal.run(option) == ""
    for _visit in ("first", "kept"):
        assert terminal.run("cd app") == ""
        assert terminal.environment == str(app)
        assert terminal.run("cd ..") == ""
        assert terminal.value("PATH") == before


def test_aliases_of_common_names_do_no_harm(
    posix_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    names = ("cd", "printf", "test", "source", "echo", "python", "which")
    terminal = open_terminal(posix_shell)
    for name in names:
        terminal.run(f"alias {name}='\\builtin echo alias of {name}'")
    terminal.run(posix_shell.load_line(terminal.command))
    assert terminal.run("\\cd app") == ""
    for name in names:
        terminal.run(f"unalias {name}")
    assert terminal.environment == str(app)


# ---- The helper ----------------------------------------------------------------------------------


def test_a_helper_that_is_gone_is_said_once(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", "/gone/python"))
    printed = terminal.run("cd app")
    assert printed.startswith("venvhook: ")
    assert printed.count("\n") == 1
    assert "/gone/python" in printed
    for step in ("..", "app", "../bad", ".."):
        assert terminal.run(f"cd {step}") == ""
    assert terminal.run("echo alive") == "alive\n"


def test_zsh_reads_the_script_from_its_own_file(
    zsh: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(zsh, rc="alias local=false if=false builtin=false")
    assert terminal.run(f"source <({terminal.command} init zsh)") == ""
    terminal.run("cd app")
    assert terminal.environment == str(app)
    # Not where the package was upgraded away since the text was printed.
    terminal = open_terminal(zsh, rc="")
    terminal.run(f"{terminal.command} init zsh > ~/kept")
    text = (home / "kept").read_text()
    (home / "kept").write_text(re.sub("(_VENVHOOK_SOURCE=).*", r"\1/gone/lib", text))
    printed = terminal.run("source ~/kept")
    assert printed.startswith("venvhook: /gone/lib/")
    assert printed.endswith("; install venvhook again\n")
    assert printed.count("\n") == 1
    assert terminal.run("cd ~/app; echo alive") == "alive\n"


def fake_helper(home: Path, body: str) -> Path:
    """Make a program in the place of the helper's Python, which says in ``calls`` that it ran."""
    program = home / "helper"
    program.write_text(f"#!/bin/sh\necho call >> {home}/calls\n{body}\n")
    program.chmod(0o755)
    return program


def calls(home: Path) -> int:
    """Return how often the program of ``fake_helper`` ran."""
    file = home / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ("exit 1", ""),
        ("echo 'venvhook: it failed' >&2; exit 1", "venvhook: it failed\n"),
        ("exit 0", ""),
        ("kill -9 $$", None),
    ],
    ids=["silent", "one line", "nothing", "killed"],
)
def test_a_helper_that_fails_does_no_harm(
    shell: Shell,
    body: str,
    printed: str | None,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
) -> None:
    del app
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", fake_helper(home, body)))
    answer = terminal.run("cd app")
    assert printed in (None, answer)
    assert terminal.status == "0"
    assert calls(home) == 1
    terminal.run("echo")
    terminal.run("echo")
    assert calls(home) == 1
    assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before


def test_the_helper_is_asked_once_a_change(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
) -> None:
    del app
    terminal = open_terminal(shell)
    real = (terminal.value("_VENVHOOK_PYTHON") or b"").decode()
    terminal.run(
        assign(shell, "_VENVHOOK_PYTHON", fake_helper(home, f'exec {shell.word(real)} "$@"'))
    )
    steps: list[tuple[str, int]] = [
        ("cd app", 1),
        ("echo", 1),
        ("cd .venv", 1),
        ("cd ../..", 1),
        ("cd app", 1),
        ("cd ../bad", 2),
        ("echo", 2),
        ("cd ..", 2),
    ]
    for line, expected in steps:
        terminal.run(line)
        assert calls(home) == expected, line


def test_an_answer_of_another_version_is_one_line(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", "0"))
    printed = terminal.run("cd app")
    assert printed.startswith("venvhook: this shell was started with another version")
    assert printed.count("\n") == 1
    assert terminal.run("echo alive") == "alive\n"


def test_a_shell_of_before_the_upgrade_goes_on(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    cache = home / ".cache/venvhook/2"
    terminal.run(assign(shell, "_VENVHOOK_PROTOCOL", "2"))
    terminal.run(assign(shell, "_VENVHOOK_CACHE", cache))
    for _visit in ("asked", "kept"):
        assert terminal.run("cd app") == ""
        assert terminal.environment == str(app)
        assert terminal.run("cd ../bad").count("\n") == (_visit == "asked")
        terminal.run("cd ..")
    assert list(cache.rglob("venvhook.recipe.*"))


def test_ctrl_c_during_the_helper_leaves_a_shell(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    # In fish it is only once that time is over that it is taken for interrupted.
    terminal = open_terminal(shell, environ={"VENVHOOK_TIMEOUT": None})
    real = (terminal.value("_VENVHOOK_PYTHON") or b"").decode()
    # The first call stands until it is interrupted: nobody ever writes into this pipe.
    os.mkfifo(home / "fifo")
    body = f"if [ $(wc -l < {home}/calls) = 1 ]; then echo asked >&2; read x < {home}/fifo; fi\n"
    body += f'exec {shell.word(real)} "$@"'
    terminal.run(assign(shell, "_VENVHOOK_PYTHON", fake_helper(home, body)))
    terminal.send("cd app\r")
    terminal.wait_for("asked")
    terminal.interrupt()
    assert terminal.run("echo alive") == "alive\n"
    terminal.cd(home)
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_a_folder_called_like_the_package_is_not_imported(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    for name in ("venvhook", "os", "sys", "errors"):
        (home / "app" / name).mkdir()
        (home / "app" / name / "__init__.py").write_text("open('canary', 'w')\n")
    (home / "app/sitecustomize.py").write_text("open('canary', 'w')\n")
    terminal = open_terminal(shell, environ={"PYTHONPATH": ".", "PYTHONSTARTUP": "canary.py"})
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    assert not (home / "app/canary").exists()


def screen_of(terminal: Terminal, prefix: str) -> list[str]:
    """Return the lines on the screen that start with *prefix*."""
    return [line for line in terminal.screen.splitlines() if line.startswith(prefix)]


def test_the_line_editor_shows_the_name_too(
    posix_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    # The other tests run without readline and zle, since these draw what is typed.
    del app
    terminal = open_terminal(posix_shell)
    if posix_shell.name == "bash":
        terminal.send("stty echo; exec bash -i\r")
    else:
        terminal.send("PS1='ready> '; setopt zle\r")
    terminal.wait_for("ready> ")
    terminal.send("cd app\r")
    terminal.wait_for("(app) ready> ")
    terminal.send("cd ..\r")
    terminal.wait_for("\nready> ")
    assert screen_of(terminal, "(app) ready> ")


def test_what_is_appended_to_prompt_command_sees_the_status(
    bash: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(bash)
    terminal.run('PROMPT_COMMAND="$PROMPT_COMMAND; seen=\\$?"')
    terminal.run("sh -c 'exit 9'")
    assert terminal.value("seen") == b"9"


def test_names_that_differ_in_case_are_two_projects_under_nocasematch(
    bash: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    other = make_environment(home / "App/.venv")
    terminal = open_terminal(bash)
    terminal.run("shopt -s nocasematch")
    terminal.run("cd app")
    terminal.run("cd ../App")
    assert terminal.environment == str(other)
    assert terminal.run("shopt -q nocasematch && echo on") == "on\n"


def test_an_alias_called_deactivate_does_no_harm(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run("alias deactivate='echo aliased'")
    assert terminal.run(shell.load_line(terminal.command)) == ""
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_without_home_under_nounset(shell: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    if shell.name == "fish":
        pytest.skip("fish has no such option")
    terminal = open_terminal(shell)
    terminal.run("set -u; unset HOME")
    assert terminal.run(f"cd {app.parent}") == ""
    assert terminal.environment == str(app)
