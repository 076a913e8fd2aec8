"""What activation changes besides PATH, what it leaves alone, and how it shares with the user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout import go_without
from environments import EnvironmentMaker
from terminal import SHELLS, OpenTerminal, Shell

POSIX = ("bash", "zsh")


def export(shell: Shell, name: str, value: str) -> str:
    """Return the line that exports *name* in *shell*."""
    if shell.name == "fish":
        return f"set -gx {name} {shell.word(value)}"
    return f"export {name}={shell.word(value)}"


def unset(shell: Shell, name: str) -> str:
    """Return the line that unsets *name* in *shell*."""
    return f"set -e {name}" if shell.name == "fish" else f"unset {name}"


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    return make_environment(home / "app/.venv")


# ---- PATH ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/usr/bin:/bin", "/usr/bin", "", ":/bin", "/bin:", "/bin::/usr/bin", "/a b:/bin:/a b", "::"],
)
def test_any_path_comes_back_byte_for_byte(
    posix_shell: Shell, path: str, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run(export(posix_shell, "PATH", path))
    for _visit in ("first", "kept"):
        terminal.run("cd app")
        assert terminal.value("PATH") == b"%s/bin:%s" % (bytes(app), path.encode())
        terminal.run("cd ..")
        assert terminal.value("PATH") == path.encode()


def test_an_unset_path_is_unset_again(
    posix_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run("unset PATH")
    terminal.run("cd app")
    assert terminal.value("PATH") == b"%s/bin" % bytes(app)
    terminal.run("cd ..")
    assert terminal.value("PATH") is None


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_edits_of_path_made_inside_stay(name: str, app: Path, open_terminal: OpenTerminal) -> None:
    shell = SHELLS[name]
    terminal = open_terminal(shell)
    before = terminal.path
    terminal.run("cd app")
    if name == "fish":
        terminal.run("set -gx PATH /front $PATH /back")
    else:
        terminal.run('PATH="/front:$PATH:/back"')
    assert terminal.path == ["/front", f"{app}/bin", *before, "/back"]
    terminal.run("cd ..")
    assert terminal.path == ["/front", *before, "/back"]


def test_only_one_entry_is_taken_out(shell: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(shell)
    if shell.name == "fish":
        terminal.run(f"set -gx PATH $PATH {app}/bin")
    else:
        terminal.run(f'PATH="$PATH:{app}/bin"')
    own = terminal.path
    terminal.run("cd app")
    assert terminal.path == [f"{app}/bin", *own]
    terminal.run("cd ..")
    assert terminal.path == own


def test_an_entry_that_is_gone_already_is_no_loss(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run("cd app")
    terminal.run(export(shell, "PATH", "/usr/bin:/bin"))
    assert terminal.run("cd ..") == ""
    assert terminal.path == ["/usr/bin", "/bin"]


# ---- Variables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "", "/opt/python"], ids=["unset", "empty", "set"])
def test_pythonhome_is_hidden_and_given_back(
    shell: Shell, value: str | None, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    if value is not None:
        terminal.run(export(shell, "PYTHONHOME", value))
    terminal.run("cd app")
    assert terminal.value("PYTHONHOME") is None
    terminal.run("cd ..")
    expected = None if value is None else value.encode()
    assert terminal.value("PYTHONHOME") == expected
    assert terminal.child_environment().get(b"PYTHONHOME") == expected


def test_a_pythonhome_set_inside_stays(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run(export(shell, "PYTHONHOME", "/old"))
    terminal.run("cd app")
    terminal.run(export(shell, "PYTHONHOME", "/new"))
    terminal.run("cd ..")
    assert terminal.value("PYTHONHOME") == b"/new"


def test_a_pythonhome_set_inside_stays_on_the_way_through_another_project(
    shell: Shell, app: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(app.parents[1] / "other/.venv")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    terminal.run(export(shell, "PYTHONHOME", "/chosen"))
    terminal.run("cd ../other")
    assert terminal.value("PYTHONHOME") is None
    terminal.run("cd ..")
    assert terminal.child_environment().get(b"PYTHONHOME") == b"/chosen"


@pytest.mark.parametrize("value", ["", "mine"])
def test_a_prompt_name_of_the_users_comes_back(
    shell: Shell, value: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run(export(shell, "VIRTUAL_ENV_PROMPT", value))
    terminal.run("cd app")
    assert terminal.value("VIRTUAL_ENV_PROMPT") == b"app"
    terminal.run("cd ..")
    assert terminal.value("VIRTUAL_ENV_PROMPT") == value.encode()


# What a variable may be besides a text, how that is declared, and how it is shown.
KINDS = {
    "bash": (
        "declare -a {0}=(a 'b c')",
        "declare -A {0}=([a]='b c')",
        "declare -i {0}=5",
        "declare -u {0}='a$b'",
        "declare -ai {0}=(5 6)",
    ),
    "zsh": (
        "typeset -a {0}; {0}=(a 'b c')",
        "typeset -A {0}; {0}=(a 'b c')",
        "typeset -i {0}=5",
        "typeset -F {0}=1.5",
        "typeset -u {0}='a$b'",
        "typeset -l {0}=AB",
        "typeset -Z 12 {0}=ab",
        "typeset -T {0} tied; tied=(a b)",
        "typeset -T tied {0}; tied=a:b",
    ),
    "fish": ("set -g {0} a 'b c'", "set -g {0}", "set -g --path {0} a b"),
}
SHOWN = {"bash": "declare -p {0}", "zsh": "typeset -p {0}", "fish": "set -S {0} | grep -v '^$'"}
OURS = "sh -c 'echo \"$VIRTUAL_ENV,$VIRTUAL_ENV_PROMPT,$VENVHOOK_ACTIVE,$PYTHONHOME\"'"


@pytest.mark.parametrize("exported", [False, True], ids=["", "exported"])
def test_a_variable_of_any_kind_is_no_obstacle(
    shell: Shell,
    exported: bool,
    app: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    other = make_environment(app.parents[1] / "other/.venv")
    terminal = open_terminal(shell)
    path = terminal.value("PATH")
    # Before bash 4.2 only the value comes back.
    old = shell.name == "bash" and terminal.run("declare -g old") != ""
    for name in ("VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PYTHONHOME"):
        for kind in KINDS[shell.name]:
            declared = kind.format(name)
            terminal.run(declared)
            if exported:
                terminal.run(
                    f"set -gx {name} $" + name if shell.name == "fish" else f"export {name}"
                )
            before = terminal.run(SHOWN[shell.name].format(name))
            for environment in (app, other):
                place = environment.parent
                assert terminal.run(f"cd {place}; echo rest") == "rest\n", declared
                assert terminal.prompt == f"({place.name}) ", declared
                assert terminal.run(OURS) == f"{environment},{place.name},{environment},\n", (
                    declared
                )
            assert terminal.run("cd; echo rest") == "rest\n", declared
            assert terminal.prompt == "", declared
            assert terminal.value("PATH") == path, declared
            odder = old or "-T tied" in kind or "--path" in kind
            if name == "VIRTUAL_ENV_PROMPT" and not odder:
                assert terminal.run(SHOWN[shell.name].format(name)) == before, declared
            if name == "VENVHOOK_ACTIVE":
                assert terminal.value(name) is None, declared
            terminal.run(unset(shell, name))


@pytest.mark.parametrize("name", POSIX)
def test_a_variable_that_is_made_another_kind_inside_is_no_obstacle(
    name: str, app: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    other = make_environment(app.parents[1] / "other/.venv")
    terminal = open_terminal(SHELLS[name])
    before = terminal.values("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE")
    terminal.run("cd app")
    terminal.run("VIRTUAL_ENV_PROMPT=(a b) VENVHOOK_ACTIVE=(a b)")
    assert terminal.run("cd ../other; echo rest") == "rest\n"
    assert terminal.run(OURS) == f"{other},other,{other},\n"
    terminal.run("VIRTUAL_ENV_PROMPT=(a b) VENVHOOK_ACTIVE=(a b)")
    assert terminal.run("cd; echo rest") == "rest\n"
    after = terminal.values("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE")
    assert after == before


@pytest.mark.parametrize("name", POSIX)
def test_a_read_only_array_is_told_of_once(
    name: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(SHELLS[name])
    before = terminal.values("PATH", "PS1", "VIRTUAL_ENV")
    terminal.run("typeset -a VIRTUAL_ENV_PROMPT; VIRTUAL_ENV_PROMPT=(a b)")
    terminal.run("readonly VIRTUAL_ENV_PROMPT")
    said = terminal.run("cd app; echo rest")
    assert sorted(said.splitlines()) == [
        "rest",
        "venvhook: VIRTUAL_ENV_PROMPT is read-only in this shell,"
        " so environments are neither activated nor left",
    ]
    assert terminal.run("cd; cd app; echo rest") == "rest\n"
    assert terminal.values("PATH", "PS1", "VIRTUAL_ENV") == before


# ---- The prompt ----------------------------------------------------------------------------------


def test_the_prompt_is_left_alone_where_that_is_wished(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ={"VIRTUAL_ENV_DISABLE_PROMPT": "1"})
    terminal.run("cd app")
    assert terminal.prompt == ""
    assert terminal.environment == str(app)
    assert terminal.value("VIRTUAL_ENV_PROMPT") == b"app"
    terminal.run("cd ..")
    assert terminal.prompt == ""


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("bash", r"$(echo sub) \w `echo tick` \\ \$ ready> "),
        ("bash", "two\\nlines (x) ready> "),
        ("zsh", "%~ $(echo sub) `echo tick` %% %# ready> "),
        ("zsh", "two\nlines %B(x)%b ready> "),
    ],
)
def test_a_prompt_with_specials_comes_back(
    name: str, prompt: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    shell = SHELLS[name]
    terminal = open_terminal(shell)
    terminal.run_file(f"PS1={shell.word(prompt)}")
    terminal.run("cd app")
    assert terminal.value("PS1") == f"(app) {prompt}".encode()
    terminal.run("cd ..")
    assert terminal.value("PS1") == prompt.encode()


@pytest.mark.parametrize("name", POSIX)
def test_a_prompt_edited_inside_keeps_the_edit(
    name: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(SHELLS[name])
    terminal.run("cd app")
    terminal.run('PS1="<a>$PS1"')
    assert terminal.prompt == "<a>(app) "
    terminal.run("cd ..")
    assert terminal.prompt == "<a>"
    terminal.run("cd app")
    terminal.run("PS1='new ready> '")
    terminal.run("cd ..")
    assert terminal.prompt == "new "


def test_a_fish_prompt_defined_inside_stays(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("cd app")
    terminal.run("function fish_prompt; printf 'new ready> '; end")
    assert terminal.prompt == "(app) new "
    terminal.run("cd ..")
    assert terminal.prompt == "new "


# ---- Commands ------------------------------------------------------------------------------------


def test_a_program_looked_up_before_is_looked_up_again(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    mine = home / "bin"
    mine.mkdir()
    (mine / "python").write_text("#!/bin/sh\necho outside\n")
    (mine / "python").chmod(0o755)
    terminal = open_terminal(shell, environ={"PATH": f"{mine}:/usr/bin:/bin"})
    ask = "python -c 'import sys; print(sys.prefix)'"
    assert terminal.run(ask) == "outside\n"
    terminal.run("cd app")
    assert terminal.run(ask) == f"{app}\n"
    terminal.run("cd ..")
    assert terminal.run(ask) == "outside\n"


def test_deactivate_holds_until_the_project_is_left(
    any_shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app/src").mkdir()
    terminal = open_terminal(any_shell)
    before = terminal.values("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PS1")
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.values("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PS1") == before
    for step in ("src", "..", "."):
        terminal.run(f"cd {step}")
        assert terminal.environment is None
        assert terminal.prompt == ""
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_deactivate_is_gone_after_leaving(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    terminal.run("cd app")
    assert "deactivate" in terminal.run("type deactivate")
    terminal.run("cd ..")
    terminal.run("type deactivate")
    assert terminal.status != "0"


def test_a_deactivate_of_the_users_own_comes_back(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    define = "function deactivate; echo 'my own'; end"
    if shell.name != "fish":
        define = "deactivate() { echo 'my own'; }"
    terminal = open_terminal(shell)
    terminal.run(define)
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.environment is None
    assert terminal.run("deactivate") == "my own\n"
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.run("deactivate") == "my own\n"


# ---- Activated by hand ---------------------------------------------------------------------------


def stock(shell: Shell, environment: Path) -> str:
    """Return the line that activates *environment* by its own script."""
    script = "activate.fish" if shell.name == "fish" else "activate"
    return shell.source % shell.word(environment / "bin" / script)


def test_what_was_activated_by_hand_is_left_alone(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    hand = make_environment(home / "hand")
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "PS1")
    terminal.run(stock(shell, hand))
    inside = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    for step in ("app", "..", "app"):
        terminal.run(f"cd {step}")
        assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == inside
    assert terminal.run("deactivate") == ""
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.values("PATH", "PS1") == before


@pytest.mark.parametrize("maker", ["venv", "virtualenv"])
def test_a_stock_activate_on_top_of_ours_takes_over(
    shell: Shell,
    maker: str,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    hand = make_environment(home / "hand", maker)
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "PS1", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME")
    terminal.run("cd app")
    terminal.run(stock(shell, hand))
    assert terminal.environment == str(hand)
    assert terminal.prompt == "(hand) "
    assert f"{app}/bin" not in terminal.path
    terminal.run("cd ..")
    assert terminal.environment == str(hand)
    terminal.run("deactivate")
    after = terminal.values("PATH", "PS1", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME")
    assert after == before
    assert terminal.prompt == ""
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_the_same_environment_activated_by_hand_is_the_users(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "PS1")
    terminal.run("cd app")
    terminal.run(stock(shell, app))
    assert terminal.path.count(f"{app}/bin") == 1
    terminal.run("cd ..")
    assert terminal.environment == str(app)
    terminal.run("deactivate")
    assert terminal.environment is None
    assert terminal.values("PATH", "PS1") == before


def test_pythonhome_survives_a_stock_activate_on_top(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run(export(shell, "PYTHONHOME", "/opt/python"))
    terminal.run("cd app")
    terminal.run(stock(shell, app))
    terminal.run("cd ..")
    terminal.run("deactivate")
    assert terminal.value("PYTHONHOME") == b"/opt/python"


def test_an_active_conda_environment_is_left_alone_but_base_is_not(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run(export(shell, "CONDA_DEFAULT_ENV", "science"))
    terminal.run("cd app")
    assert terminal.environment is None
    terminal.run(export(shell, "CONDA_DEFAULT_ENV", "base"))
    assert terminal.environment == str(app)
    terminal.run(export(shell, "CONDA_DEFAULT_ENV", "science"))
    assert terminal.environment is None
    terminal.run(unset(shell, "CONDA_DEFAULT_ENV"))
    assert terminal.environment == str(app)


def test_virtual_env_unset_by_hand_is_a_deactivation(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.values("PATH", "PS1")
    terminal.run("cd app")
    terminal.run(unset(shell, "VIRTUAL_ENV"))
    assert terminal.environment is None
    assert terminal.values("PATH", "PS1") == before
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)


# ---- Child shells --------------------------------------------------------------------------------


@pytest.mark.parametrize("child", ["bash", "zsh", "fish"])
def test_a_child_shell_adopts_what_it_inherits(
    shell: Shell,
    child: str,
    app: Path,
    open_terminal: OpenTerminal,
) -> None:
    row = SHELLS[child]
    if row.path is None:
        go_without(child)
    open_terminal(row).close()  # writes its rc file
    terminal = open_terminal(shell)
    before = terminal.path
    terminal.run("cd app")
    terminal.become(row)
    terminal.run("cd .")
    assert terminal.environment == str(app)
    assert terminal.path == [f"{app}/bin", *before]
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.path == before
    assert b"VENVHOOK_ACTIVE" not in terminal.child_environment()


def test_a_bare_virtual_env_on_top_of_ours_leaves_nothing_of_ours(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(shell)
    path = terminal.value("PATH")
    terminal.run("cd app")
    name = "VIRTUAL_ENV"
    terminal.run(f"set -gx {name} /x" if shell.name == "fish" else f"export {name}=/x")
    assert terminal.value("PATH") == path
    assert terminal.value("VENVHOOK_ACTIVE") is None
    assert terminal.value("_OLD_VIRTUAL_PATH") is None
    assert terminal.value("VIRTUAL_ENV") == b"/x"
    assert "ours" not in terminal.run(
        {"fish": "functions -q deactivate; and echo ours"}.get(
            shell.name, "typeset -f deactivate > /dev/null && echo ours"
        )
    )


def test_after_a_hand_made_activation_the_project_is_active_again_once_left(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run("cd app")
    script = "activate.fish" if shell.name == "fish" else "activate"
    terminal.run(f"source {app}/bin/{script}")
    terminal.run("deactivate")
    assert terminal.environment is None
    for _ in range(2):
        terminal.run("cd ..")
        assert terminal.environment is None
        terminal.run("cd app")
        assert terminal.environment == str(app)


def test_an_owner_that_changed_is_noticed(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    terminal.run("cd ..")
    os.chown(app / "bin", 65534, -1)
    assert "belongs to user nobody" in terminal.run("cd app")
    assert terminal.environment is None
