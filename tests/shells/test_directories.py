"""Every way of getting into a project, and which markers count where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """A project in HOME, with a link to it, and with others below ``more``."""
    make_environment(home / "app/.venv")
    make_environment(home / "more/other/.venv")
    (home / "link").symlink_to("app")
    (home / "plain").mkdir()
    return home / "app"


def active(terminal: Terminal) -> Path | None:
    """Return the environment that is active, by its real path; the prompt must agree."""
    environment = terminal.environment
    assert bool(terminal.prompt) == (environment is not None)
    if environment is None:
        return None
    assert terminal.which("python") == f"{environment}/bin/python"
    return Path(environment).resolve()


# What is typed, and where the environment is then, below HOME. Each starts where the last ended.
WAYS = (
    ("cd app", "app"),
    ("cd -", None),
    ("cd -", "app"),
    ("cd ..", None),
    ("pushd app", "app"),
    ("pushd ../more/other", "more/other"),
    ("popd", "app"),
    ("popd", None),
    ("cd link", "app"),
    ("cd ../plain", None),
    ("cd ../link/.venv/bin", "app"),
    ("cd", None),
    ("go app", "app"),
    ("go ..", None),
    ("z app", "app"),
    ("z ..", None),
    ("./app", "app"),
    ("..", None),
    ("cd other", "more/other"),
    ("cd ../..", None),
)
SET_UP = {
    "bash": 'go() { cd "$1"; }; shopt -s autocd; CDPATH=.:~/more',
    "zsh": 'go() { cd "$1"; }; setopt auto_cd; CDPATH=.:~/more',
    "fish": "function go; cd $argv[1]; end; set -g CDPATH . ~/more",
}
# zoxide's z is a function that calls the builtin; it stands in where zoxide is not installed.
ZOXIDE = {
    "bash": 'z() { \\builtin cd -- "$@"; }',
    "zsh": 'z() { \\builtin cd -- "$@"; }',
    "fish": "function z; builtin cd $argv; end",
}


@pytest.mark.usefixtures("app")
def test_every_way_of_changing_directory(
    shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    assert terminal.run(SET_UP[shell.name]) == ""
    if shutil.which("zoxide"):
        load = {"fish": "zoxide init fish | source"}.get(shell.name)
        terminal.run(load or f'eval "$(zoxide init {shell.name})"')
    else:
        assert terminal.run(ZOXIDE[shell.name]) == ""
    for line, expected in WAYS:
        terminal.run(line)
        where = None if expected is None else home / expected / ".venv"
        assert active(terminal) == where, line


def test_the_path_of_a_link_physical_and_logical(
    posix_shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run("cd -P link")
    assert terminal.value("PWD") == bytes(app)
    assert terminal.environment == f"{app}/.venv"
    terminal.run("cd -L ../link")
    assert terminal.value("PWD") == bytes(home / "link")
    assert active(terminal) == app / ".venv"


def test_the_rest_of_the_line_runs_in_the_environment(
    any_shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    where = any_shell.which % "python"
    expected = f"{app}/.venv/bin/python"
    terminal.run("cd app")
    terminal.cd(home)
    # bash can be told of a change of directory only at the next prompt.
    assert (terminal.run(f"cd app; {where}").strip() == expected) == any_shell.hooks_cd
    assert terminal.run(f"cd ../plain; cd ../app; {where}").strip() == expected


def test_what_is_no_environment_is_passed_over(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    outer = make_environment(home / "outer/.venv")
    (home / "outer/package/env/src").mkdir(parents=True)
    (home / "outer/package/env/README").write_text("full of something else\n")
    (home / "outer/service").mkdir()
    (home / "outer/service/env").write_text("DEBUG=1\n")
    (home / "outer/service/venv").mkdir()
    terminal = open_terminal(any_shell)
    for _visit in ("first", "kept"):
        for step in ("outer/package", "env/src", "../../../service", "../..", "outer/service"):
            assert terminal.run(f"cd {step}") == ""
            expected = None if step == "../.." else str(outer)
            assert terminal.environment == expected, step
        terminal.run("cd ../..")

    make_environment(home / "outer/package/.venv")
    terminal.run("cd outer/package")
    assert terminal.environment == f"{home}/outer/package/.venv"


def test_an_environment_made_beside_what_was_passed_over_is_noticed(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    (home / "app/env").mkdir(parents=True)
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment is None
    made = make_environment(home / "app/.venv")
    terminal.run("echo ''")
    assert terminal.environment == str(made)


def test_an_environment_made_beside_one_that_is_refused_is_noticed(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    for visit in ("standing there", "coming back"):
        root = home / visit
        (root / ".venv").mkdir(parents=True)
        terminal = open_terminal(any_shell)
        terminal.cd(root)
        if visit == "coming back":
            terminal.run("cd ..")
        made = make_environment(root / "venv")
        terminal.cd(root)
        assert terminal.environment == str(made), visit


def test_a_marker_that_becomes_an_environment_is_noticed(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    (home / "app/env").mkdir(parents=True)
    terminal = open_terminal(any_shell)
    for _visit in ("first", "kept"):
        terminal.run("cd app")
        assert terminal.environment is None
        terminal.run("cd ..")
    made = make_environment(home / "app/env")
    terminal.run("cd app")
    assert terminal.environment == str(made)


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_a_file_called_venv_leads_to_an_environment(
    any_shell: Shell,
    relative: bool,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    one, two = make_environment(home / "kept/one"), make_environment(home / "kept/two")
    (home / "app").mkdir()
    prefix = ".." if relative else str(home)
    redirect = home / "app/.venv"
    redirect.write_text(f"{prefix}/kept/one\n")
    terminal = open_terminal(any_shell)
    for _visit in ("first", "kept"):
        terminal.run("cd app")
        assert terminal.environment == str(one)
        assert terminal.prompt == "(one) "
        terminal.run("cd ..")
        assert terminal.environment is None
    terminal.run("cd app")
    redirect.write_text(f"{prefix}/kept/two\n")
    terminal.run("echo ''")
    assert terminal.environment == str(two)


def test_a_redirect_in_a_project_behind_a_link_is_relative_to_the_real_one(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    kept = make_environment(home / "real/kept")
    make_environment(home / "kept")
    (home / "real/app").mkdir()
    (home / "real/app/.venv").write_text("../kept\n")
    (home / "link").symlink_to("real/app")
    terminal = open_terminal(any_shell)
    for _visit in ("first", "kept"):
        terminal.run("cd link")
        assert active(terminal) == kept
        terminal.run("cd ..")


def test_the_environment_of_home_counts_for_home_alone(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    own = make_environment(home / ".venv")
    (home / "plain").mkdir()
    terminal = open_terminal(any_shell)
    assert terminal.environment == str(own)
    terminal.run("cd plain")
    assert terminal.environment is None
    terminal.run("cd ..")
    assert terminal.environment == str(own)
    terminal.run("cd /")
    assert terminal.environment is None


def test_the_environment_of_home_counts_for_home_alone_by_another_name(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / ".venv")
    (home / "plain").mkdir()
    (home.parent / "alias").symlink_to("home")
    terminal = open_terminal(any_shell)
    terminal.cd(home.parent / "alias/plain")
    assert terminal.environment is None


def test_an_environment_above_home_does_not_count_below_home(
    any_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    above = make_environment(home.parent / ".venv")
    (home / "plain").mkdir()
    (home.parent / "beside").mkdir()
    terminal = open_terminal(any_shell)
    assert terminal.environment is None
    for step in ("plain", ".."):
        terminal.run(f"cd {step}")
        assert terminal.environment is None, step
    terminal.run("cd ../beside")
    assert terminal.environment == str(above)
    terminal.cd(home / "plain")
    assert terminal.environment is None


def test_names_are_the_users_choice(
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "app/.venv")
    mine = make_environment(home / "mine/my env.d".replace(" ", "-"))
    terminal = open_terminal(shell, environ={"VENVHOOK_NAMES": "other my-env.d"})
    terminal.run("cd app")
    assert terminal.environment is None
    terminal.run("cd ../mine")
    assert terminal.environment == str(mine)
    assert terminal.prompt == "(mine) "


def test_switched_off_is_as_if_there_were_none(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
) -> None:
    (home / "bad/.venv").mkdir(parents=True)
    terminal = open_terminal(shell, environ={"VENVHOOK_OFF": "1"})
    for step in ("app", "..", "app", "../bad", ".."):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment is None
    terminal.run("unset VENVHOOK_OFF" if shell.name != "fish" else "set -e VENVHOOK_OFF")
    terminal.run("cd app")
    assert terminal.environment == f"{app}/.venv"


def test_an_environment_made_beside_the_active_one_counts_if_its_name_comes_first(
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    second = make_environment(home / "app/venv")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    assert terminal.environment == str(second)
    first = make_environment(home / "app/.venv")
    terminal.run("echo ''")
    assert terminal.environment == str(first)
    terminal.restart()
    terminal.run("cd app")
    assert terminal.environment == str(first)


def test_a_kept_recipe_of_other_marker_names_is_not_used(
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    hidden, plain = make_environment(home / "app/.venv"), make_environment(home / "app/venv")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    assert terminal.environment == str(hidden)
    terminal = open_terminal(shell, environ={"VENVHOOK_NAMES": "venv"})
    terminal.run("cd app")
    assert terminal.environment == str(plain)


def test_a_link_to_nothing_hides_an_outer_environment_from_below_too(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    outer = make_environment(home / "outer/.venv")
    (home / "outer/inner/sub/deep").mkdir(parents=True)
    (home / "outer/inner/.venv").symlink_to("gone")
    terminal = open_terminal(shell)
    terminal.run("cd outer")
    assert terminal.environment == str(outer)
    assert "is a link to nothing" in terminal.run("cd inner/sub")
    assert terminal.environment is None
    assert terminal.run("cd deep") == ""
    assert terminal.environment is None


def test_home_by_another_name_counts_for_itself_alone(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / ".venv")
    (home / "pkg/env").mkdir(parents=True)
    alias = home.parent / "alias"
    alias.symlink_to(home)
    terminal = open_terminal(shell)
    for _visit in ("first", "kept"):
        terminal.run(f"cd {alias}/pkg")
        assert terminal.environment is None
        terminal.run("cd /")
    terminal = open_terminal(shell, environ={"HOME": f"{home}/"})
    terminal.run(f"cd {home}/pkg")
    assert terminal.environment is None
