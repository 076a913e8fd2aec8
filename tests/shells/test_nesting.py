"""Projects in projects, links between them, and directories that are reached in odd ways."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "VENVHOOK_ACTIVE", "PS1")
Steps = list[tuple[str, str | None]]


def follow(terminal: Terminal, home: Path, steps: Steps) -> None:
    """Type each line, twice over; the environment that is active then is named relative to *home*.

    One PATH entry at most is an environment's, and it is the first; at the end all is given back.
    """
    before = terminal.values(*TOUCHED)
    for _visit in ("first", "kept"):
        for line, expected in [*steps, ("cd ~", None)]:
            assert terminal.run(line) == "", line
            active = terminal.environment
            assert active == (None if expected is None else f"{home}/{expected}"), line
            entries = [entry for entry in terminal.path if entry.startswith(str(home.parent))]
            assert entries == ([] if active is None else [f"{active}/bin"]), line
            assert active is None or terminal.path[0] == entries[0]
    assert terminal.values(*TOUCHED) == before


def test_a_project_in_a_project(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "outer/.venv")
    make_environment(home / "outer/a/b/inner/venv")
    (home / "outer/a/b/inner/src/deep").mkdir(parents=True)
    (home / "outer/docs").mkdir()
    steps: Steps = [
        ("cd outer", "outer/.venv"),
        ("cd a/b/inner/src/deep", "outer/a/b/inner/venv"),
        ("cd ~/outer/docs", "outer/.venv"),
        ("cd ~/outer/a/b/inner/src", "outer/a/b/inner/venv"),
        ("cd ../..", "outer/.venv"),
        ("cd inner", "outer/a/b/inner/venv"),
        ("cd ~", None),
        ("cd outer/a/b/inner", "outer/a/b/inner/venv"),
    ]
    follow(open_terminal(shell), home, steps)


def test_a_monorepo_with_one_at_the_top_and_one_in_each_package(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    top = home / "mono"
    top.mkdir()
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    for place in ("", "packages/one", "packages/two"):
        make_environment(top / place / ".venv")
    (top / "packages/three/src").mkdir(parents=True)
    steps: Steps = [
        ("cd mono", "mono/.venv"),
        ("cd packages", "mono/.venv"),
        ("cd one", "mono/packages/one/.venv"),
        ("cd ../two", "mono/packages/two/.venv"),
        ("cd ../three/src", "mono/.venv"),
        ("cd ../../one", "mono/packages/one/.venv"),
        ("cd ~", None),
        ("cd mono/packages/two", "mono/packages/two/.venv"),
    ]
    follow(open_terminal(shell), home, steps)


def test_a_worktree_has_its_own_and_not_that_of_the_first(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(home / "app")]
    subprocess.run(["git", "init", "-q", str(home / "app")], check=True)
    (home / "app/.gitignore").write_text(".venv\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    for place in ("../with", "../without", "trees/below"):
        subprocess.run([*git, "worktree", "add", "-q", place], check=True, capture_output=True)
    for place in ("app", "with"):
        make_environment(home / place / ".venv")
    steps: Steps = [
        ("cd app", "app/.venv"),
        ("cd ../with", "with/.venv"),
        ("cd ../without", None),
        # It lies in the first one's directory.
        ("cd ../app/trees/below", "app/.venv"),
    ]
    follow(open_terminal(shell), home, steps)


@pytest.fixture
def linked(home: Path, make_environment: EnvironmentMaker) -> Path:
    """Two projects and a plain directory, with links into and out of them."""
    for name in ("app", "other"):
        make_environment(home / name / ".venv")
        (home / name / "src").mkdir()
    (home / "plain").mkdir()
    (home / "plain/in").symlink_to(home / "app/src")
    (home / "app/out").symlink_to(home / "plain")
    (home / "app/across").symlink_to(home / "other/src")
    (home / "name").symlink_to("app")
    return home


def test_links_into_and_out_of_projects_by_name(
    shell: Shell, linked: Path, open_terminal: OpenTerminal
) -> None:
    """The directory counts by the name that the shell has for it, as its prompt shows it."""
    steps: Steps = [
        ("cd name", "name/.venv"),
        ("cd src", "name/.venv"),
        ("cd ~/app", "app/.venv"),
        ("cd out", "app/.venv"),
        ("cd ~/app/across", "app/.venv"),
        ("cd ~/plain/in", None),
        ("cd ..", None),
    ]
    follow(open_terminal(shell), linked, steps)


def test_links_into_and_out_of_projects_physically(
    posix_shell: Shell, linked: Path, open_terminal: OpenTerminal
) -> None:
    steps: Steps = [
        ("cd -P name", "app/.venv"),
        ("cd -P out", None),
        ("cd -P ~/app/across", "other/.venv"),
        ("cd -P ~/plain/in", "app/.venv"),
        ("cd ..", "app/.venv"),
    ]
    follow(open_terminal(posix_shell), linked, steps)
    terminal = open_terminal(posix_shell)
    terminal.run("setopt chase_links" if posix_shell.name == "zsh" else "set -P")
    steps = [
        (f"cd {line.removeprefix('cd -P ')}" if "-P" in line else line, expected)
        for line, expected in steps
    ]
    follow(terminal, linked, steps)


# ---- HOME and the top ----------------------------------------------------------------------------


def test_the_environment_of_home_is_for_home_and_a_project_below_has_its_own(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / ".venv")
    make_environment(home / "app/.venv")
    (home / "plain").mkdir()
    terminal = open_terminal(shell)
    for line, expected in (
        ("cd plain", None),
        ("cd ..", ".venv"),
        ("cd app", "app/.venv"),
        ("cd /", None),
        ("cd ~/app", "app/.venv"),
        ("cd", ".venv"),
    ):
        assert terminal.run(line) == ""
        active = terminal.environment
        assert active == (None if expected is None else f"{home}/{expected}"), line
        assert terminal.path[1:] == [entry for entry in terminal.path[1:] if ".venv" not in entry]


@pytest.fixture
def world(tmp_path: Path) -> list[str]:
    """The words that run a program where ``/.venv`` is an environment: in a root of its own."""
    if not IS_ROOT or sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("only root can give a shell a root directory of its own, on Linux")
    root = tmp_path.resolve() / "world"
    root.mkdir()
    script = tmp_path / "enter"
    lines = ["set -e", f"mount --bind {root} {root}"]
    for entry in sorted(Path("/").iterdir()):
        if entry.is_symlink():
            (root / entry.name).symlink_to(entry.readlink())
        elif entry.is_dir() and entry.name != ".venv":
            (root / entry.name).mkdir()
            lines.append(f"mount --rbind /{entry.name} {root}/{entry.name}")
    lines.append(f'exec chroot {root} /bin/sh -c \'cd "$PWD"; exec "$@"\' sh "$@"')
    script.write_text("\n".join(lines) + "\n")
    words = [shutil.which("unshare") or "", "-m", "/bin/sh", str(script)]
    if subprocess.run([*words, "true"], capture_output=True, cwd="/").returncode != 0:
        pytest.skip("nothing can be mounted here, so no shell can have a root of its own")
    # Made in there, so that it records where it lies.
    make = [sys.executable, "-m", "venv", "--without-pip", "/.venv"]
    subprocess.run([*words, *make], check=True, cwd="/")
    return words


def test_an_environment_in_the_root_directory_is_for_that_alone(
    shell: Shell,
    world: list[str],
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    make_environment(home / "app/.venv")
    terminal = open_terminal(shell, wrapper=world)
    for line, expected in (
        ("cd /", "/.venv"),
        ("cd usr", None),
        ("cd bin", None),
        ("cd /", "/.venv"),
        ("cd ~/app", f"{home}/app/.venv"),
        ("cd ..", None),
    ):
        assert terminal.run(line) == "", line
        assert terminal.environment == expected, line
    terminal.run("cd /")
    assert terminal.path[0] == "/.venv/bin"


# ---- The same directory by another name, and one whose name changes ------------------------------


def test_a_bind_mount_is_another_place(
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    """Its environment records the other place, so there it is as good as copied: refused."""
    make_environment(home / "app/.venv")
    (home / "app/src").mkdir()
    (home / "bound").mkdir()
    (home / "source").mkdir()
    words = ["mount", "--bind"]
    if not IS_ROOT or subprocess.run([*words, home / "app", home / "bound"]).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run([*words, home / "app/src", home / "source"], check=True)
        terminal = open_terminal(shell)
        terminal.run("cd app")
        assert terminal.environment == f"{home}/app/.venv"
        printed = terminal.run("cd ../bound")
        assert "made for" in printed
        assert printed.count("\n") == 1
        assert terminal.environment is None
        # What is mounted elsewhere has nothing of the project above it.
        assert terminal.run("cd ../source") == ""
        assert terminal.environment is None
        assert terminal.run("cd ../app/src") == ""
        assert terminal.environment == f"{home}/app/.venv"
        terminal.close()
    finally:
        subprocess.run(["umount", "-l", home / "source"], check=False)
        subprocess.run(["umount", "-l", home / "bound"], check=True)


@pytest.mark.parametrize("moved", ["app", "above"])
def test_a_directory_renamed_under_the_shell(
    shell: Shell,
    moved: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    root = home / "above/app"
    environment = make_environment(root / ".venv")
    terminal = open_terminal(shell)
    before = terminal.values(*TOUCHED)
    terminal.run("cd above/app")
    here = root if moved == "app" else root.parent
    there = here.with_name("renamed")
    here.rename(there)
    # It records the old place, so it works at none until it is back.
    assert terminal.run("true").count("\n") <= 1
    assert terminal.values(*TOUCHED) == before
    assert terminal.run("true") == ""
    now = there if moved == "app" else there / "app"
    assert "made for" in terminal.cd(now)
    assert terminal.values(*TOUCHED) == before
    there.rename(here)
    assert terminal.cd(root) == ""
    assert terminal.environment == str(environment)
    # And back without a change of directory.
    here.rename(there)
    assert terminal.run("true").count("\n") <= 1
    assert terminal.values(*TOUCHED) == before
    there.rename(here)
    assert terminal.run("true") == ""
    assert terminal.environment == str(environment)
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before


def test_where_case_is_ignored_a_project_is_one_by_any_spelling(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "app/.venv")
    if not (home / "APP").exists():
        pytest.skip("this file system tells App from app")
    terminal = open_terminal(shell)
    before = terminal.values(*TOUCHED)
    for name in ("app", "App", "APP", "app"):
        assert terminal.run(f"cd ~/{name}") == ""
        assert terminal.environment is not None
        assert Path(terminal.environment).samefile(home / "app/.venv")
        assert len([entry for entry in terminal.path if ".venv" in entry]) == 1
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before
