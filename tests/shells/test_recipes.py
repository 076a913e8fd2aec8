"""Kept recipes: used while they are right, never when in doubt, and missed by nobody."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal
from venvhook.recipe import PROTOCOL

SUFFIX = {"bash": "sh", "zsh": "sh", "fish": "fish", "pwsh": "ps1"}


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    return make_environment(home / "app/.venv")


def count_calls(terminal: Terminal) -> None:
    """Put a program before the helper's Python that notes each call's module in HOME/calls."""
    shell = terminal.shell
    real = os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")
    program = terminal.home / "helper"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$5" >> {terminal.home}/calls\nexec {shell.word(real)} "$@"\n'
    )
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))


def calls(terminal: Terminal) -> int:
    """Return how often the helper was asked what to do since ``count_calls``."""
    file = terminal.home / "calls"
    return file.read_text().splitlines().count("hook") if file.exists() else 0


def visit(terminal: Terminal) -> str | None:
    """Enter ``app`` from HOME, and return the environment that was active there, or None."""
    terminal.run("cd app")
    found = terminal.environment
    terminal.run("cd ..")
    assert terminal.environment is None
    return found


def cache_of(terminal: Terminal) -> Path:
    """Return the recipe cache that the shell uses."""
    return Path(os.fsdecode(terminal.value("_VENVHOOK_CACHE") or b""))


def recipe_of(terminal: Terminal, root: Path) -> Path:
    """Return where the recipe of *root* is kept."""
    cache = terminal.home / ".cache/venvhook" / PROTOCOL.decode()
    return Path(f"{cache}{root}/venvhook.recipe.{SUFFIX[terminal.shell.name]}")


def test_a_kept_recipe_spares_the_helper(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    count_calls(terminal)
    for _ in range(3):
        assert visit(terminal) == str(app)
    assert calls(terminal) == 1
    # Another shell of the same kind finds it too.
    terminal.restart()
    count_calls(terminal)
    assert visit(terminal) == str(app)
    assert calls(terminal) == 1
    recipe = recipe_of(terminal, home / "app")
    assert stat.S_IMODE(recipe.stat().st_mode) == 0o600
    for directory in recipe.parents:
        if directory == home:
            break
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700, directory


def test_a_recipe_is_renewed_when_the_environment_changes(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    visit(terminal)
    config = app / "pyvenv.cfg"
    config.write_text(config.read_text() + "prompt = other\n")
    terminal.run("cd app")
    assert terminal.prompt == "(other) "
    terminal.run("cd ..")
    shutil.rmtree(app / "bin")
    assert "no interpreter" in terminal.run("cd app")
    assert terminal.environment is None


WITNESSES = {
    "pyvenv.cfg": "app/.venv/pyvenv.cfg",
    "bin": "app/.venv/bin",
    "bin/python": "app/.venv/bin/python",
    "index": "app/.git/index",
    "index above": ".git/index",
    "stamp": ".local/state/venvhook/stamp",
    "settings": ".config/venvhook/config.toml",
}


@pytest.mark.parametrize("witness", WITNESSES)
def test_each_witness_is_looked_at(
    shell: Shell, witness: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    if witness.startswith("index"):
        project = home if witness == "index above" else home / "app"
        (project / "file").touch()
        for words in (["init", "-q"], ["add", "file"]):
            subprocess.run(["git", "-C", project, *words], check=True)
    elif witness == "settings":
        (home / ".config/venvhook").mkdir(parents=True)
        (home / ".config/venvhook/config.toml").touch()
    terminal = open_terminal(shell)
    count_calls(terminal)
    visit(terminal)
    target = home / WITNESSES[witness]
    if witness == "bin/python":
        target.unlink()
        assert visit_refused(terminal)
        assert calls(terminal) == 2
        return
    now = time.time()
    os.utime(target, (now + 3600, now + 3600))
    assert visit(terminal) == str(app)
    assert calls(terminal) == 2
    # Dated in the future: it works, and is asked for each time.
    assert visit(terminal) == str(app)
    assert calls(terminal) == 3


@pytest.mark.parametrize("gone", ["stamp", "token"])
def test_what_was_deleted_is_made_again(
    shell: Shell, gone: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    count_calls(terminal)
    visit(terminal)
    target = app / ".venvhook" if gone == "token" else home / WITNESSES["stamp"]
    target.unlink()
    assert visit(terminal) == str(app)
    assert target.exists()
    assert calls(terminal) == 2
    assert visit(terminal) == str(app)
    assert calls(terminal) == 2


def test_what_is_taken_away_while_active_is_told_each_time(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", app.parent, *words], check=True)

    git("init", "-q")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    for _ in range(2):
        assert terminal.environment == str(app)
        git("add", "-f", ".venv/bin/activate")
        assert "tracked by git" in terminal.run("true")
        assert terminal.environment is None
        # But once a shell where nothing was taken away.
        assert terminal.run("cd ..; cd app") == ""
        git("rm", "-q", "--cached", ".venv/bin/activate")
        terminal.run("true")


def test_each_mistake_in_the_settings_is_told(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    config = home / ".config/venvhook/config.toml"
    terminal = open_terminal(shell)
    terminal.run("cd app")
    mistakes = {"notce = false": "notce", 'notice = "no"': "notice must be", "[x]": "'x'", "x": ""}
    for text, reason in mistakes.items():
        assert terminal.environment == str(app)
        config.write_text(text + "\n")
        printed = terminal.run("true")
        assert printed.startswith(f"venvhook: {config}:1: "), text
        assert reason in printed
        assert printed.count("\n") == 1
        assert terminal.environment is None
        assert terminal.run("cd ..; cd app") == ""
        config.unlink()
        terminal.run("true")


def test_settings_that_appear_are_seen_at_the_next_prompt(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    terminal.run("cd app")
    assert terminal.environment == str(app)
    (home / ".config/venvhook/config.toml").write_text('trust = "ask"\n')
    assert "has not been allowed" in terminal.run("cd .")
    assert terminal.environment is None
    (home / ".config/venvhook/config.toml").unlink()
    terminal.run("cd .")
    assert terminal.environment == str(app)


@pytest.mark.parametrize("value", ["own", "ask", "all", "none of these"])
def test_the_variable_decides_for_its_shell_alone(
    shell: Shell, value: str, app: Path, open_terminal: OpenTerminal
) -> None:
    os.utime(app / "pyvenv.cfg", ns=(1, 1))  # as unpacked
    set_it = f"set -g VENVHOOK_TRUST '{value}'; " if shell.name == "fish" else ""
    set_it = set_it or f"VENVHOOK_TRUST='{value}'; "
    plain = open_terminal(shell)
    assert "was not made here" in plain.run("cd app")
    terminal = open_terminal(shell, rc=set_it + shell.load_line(plain.command))
    expected = {"own": "was not made here", "ask": "has not been allowed", "all": ""}
    said = "VENVHOOK_TRUST is 'none of these'; set it to 'own', 'ask' or 'all'"
    for _ in range(2):
        printed = terminal.run("cd app")
        assert expected.get(value, said) in printed
        assert terminal.environment == (str(app) if value == "all" else None)
        terminal.run("cd ..")
        expected, said = {}, ""
    plain.run("cd ..; cd app")
    assert plain.environment is None


def test_an_older_environment_in_its_place_is_looked_at_while_active(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    other = make_environment(home / "other/.venv")
    for part in (other, other / "bin", other / "pyvenv.cfg"):
        os.utime(part, ns=(10**18, 10**18))
    os.utime(other / "bin/python", ns=(10**18, 10**18), follow_symlinks=False)
    terminal = open_terminal(shell)
    terminal.run("cd app")
    assert terminal.environment == str(app)
    app.rename(home / "kept")
    other.rename(app)
    assert "app/.venv" in terminal.run("cd .")
    assert terminal.environment is None
    app.rename(other)
    (home / "kept").rename(app)
    terminal.run("cd ..")
    assert visit(terminal) == str(app)
    app.rename(home / "kept")
    other.rename(app)
    assert visit(terminal) is None
    app.rename(other)
    (home / "kept").rename(app)
    assert visit(terminal) == str(app)


def visit_refused(terminal: Terminal) -> bool:
    """Return whether entering ``app`` says a line and activates nothing."""
    printed = terminal.run("cd app")
    refused = printed.startswith("venvhook: ") and terminal.environment is None
    terminal.run("cd ..")
    return refused


def test_an_environment_that_changes_while_active_is_asked_about_once(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    count_calls(terminal)
    terminal.run("cd app")
    now = time.time()
    os.utime(app / "pyvenv.cfg", (now + 3600, now + 3600))
    for _ in range(4):
        terminal.run("echo")
    assert calls(terminal) == 2
    assert terminal.environment == str(app)


@pytest.mark.parametrize("forgery", ["text", "link", "mode", "root"])
def test_a_recipe_that_says_something_else_is_not_obeyed(
    shell: Shell,
    forgery: str,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    if forgery == "root":
        # The recipe of another project in this one's place, as on a disk that ignores case.
        make_environment(home / "other/.venv")
        terminal = open_terminal(shell)
        visit(terminal)
        terminal.run("cd other")
        terminal.run("cd ..")
        shutil.copy2(recipe_of(terminal, home / "other"), recipe_of(terminal, home / "app"))
    elif forgery == "text":
        terminal = open_terminal(shell)
        visit(terminal)
        recipe_of(terminal, home / "app").write_text("")
    elif forgery == "link":
        terminal = open_terminal(shell)
        visit(terminal)
        recipe = recipe_of(terminal, home / "app")
        recipe.unlink()
        recipe.symlink_to("/nowhere")
    else:
        terminal = open_terminal(shell)
        visit(terminal)
        recipe = recipe_of(terminal, home / "app")
        recipe.unlink()
        recipe.mkdir()
    assert visit(terminal) == str(app)


def foreign_uid() -> int:
    """Return another account's number; skip where files cannot be given away."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    return pwd.getpwnam("nobody").pw_uid


def canary_recipe(terminal: Terminal, root: Path) -> Path:
    """Put a recipe for *root* into the cache that leaves a mark when it is sourced."""
    mark = terminal.home / "mark"
    recipe = recipe_of(terminal, root)
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(f"echo sourced > {mark}\n")
    return mark


def test_a_recipe_of_another_user_is_not_read(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    nobody = foreign_uid()
    terminal = open_terminal(shell)
    visit(terminal)
    mark = canary_recipe(terminal, home / "app")
    os.chown(recipe_of(terminal, home / "app"), nobody, -1)
    assert visit(terminal) == str(app)
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["foreign", "group", "others", "link"])
def test_a_cache_that_is_not_the_users_alone_is_not_read(
    shell: Shell, kind: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    mark = canary_recipe(terminal, home / "app")
    cache = home / ".cache/venvhook"
    if kind == "foreign":
        os.chown(cache, foreign_uid(), -1)
    elif kind == "link":
        cache.rename(home / "cache-of-another")
        cache.symlink_to(home / "cache-of-another")
    else:
        cache.chmod(0o770 if kind == "group" else 0o707)
    terminal.restart()
    count_calls(terminal)
    for _ in range(2):
        assert visit(terminal) == str(app)
    assert calls(terminal) == 2
    assert not mark.exists()


def test_a_recipe_that_leaves_a_mark_would_be_noticed(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    """The two tests above can fail: in the user's own cache that recipe is read."""
    terminal = open_terminal(shell)
    mark = canary_recipe(terminal, home / "app")
    assert visit(terminal) == str(app)
    assert mark.exists()


@pytest.mark.parametrize("kind", ["file", "unset", "read-only", "full", "relative"])
def test_without_a_cache_it_works_and_is_asked_each_time(
    shell: Shell, kind: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    environ: dict[str, str | bytes | None] = {}
    disk = home / "disk"
    if kind == "file":
        (home / ".cache").write_text("in the way\n")
    elif kind == "unset":
        environ = {"HOME": None}
    elif kind == "relative":
        environ = {"XDG_CACHE_HOME": "relative", "HOME": None}
    else:
        disk.mkdir()
        mount_small_disk(disk)
        environ = {"XDG_CACHE_HOME": str(disk)}
    try:
        asked_each_time(open_terminal, shell, home, kind, environ)
    finally:
        if disk.exists():
            subprocess.run(["umount", disk], check=True)


def test_an_environment_on_a_read_only_disk_is_asked_about_once_a_visit(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    disk = home / "disk"
    disk.mkdir()
    mount_small_disk(disk, "32m")
    try:
        environment = make_environment(disk / "app/.venv")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        terminal = open_terminal(shell)
        assert "cannot be told from a copy" in terminal.cd(disk / "app")
        assert terminal.run(f"{shell.word(terminal.command)} allow").count("\n")
        terminal.run("true")
        assert terminal.environment == str(environment)
        terminal.run("cd ..")
        count_calls(terminal)
        terminal.run("cd app")
        for _ in range(3):
            terminal.run("true")
        assert terminal.environment == str(environment)
        assert calls(terminal) == 1
        terminal.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def mount_small_disk(directory: Path, size: str = "4k") -> None:
    """Mount a disk of *size* at *directory*; skip where that may not be done."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(directory)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")


def asked_each_time(
    open_terminal: OpenTerminal,
    shell: Shell,
    home: Path,
    kind: str,
    environ: dict[str, str | bytes | None],
) -> None:
    """Enter and leave twice in a shell of *environ*, on a disk that has no room or no leave."""
    terminal = open_terminal(shell, rc="")
    disk = environ.get("XDG_CACHE_HOME")
    if kind == "full":
        with (home / "disk/ballast").open("wb") as file, pytest.raises(OSError):  # noqa: PT012  # either call may fail
            file.write(bytes(65536))
            file.flush()
    elif kind == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name, value in environ.items():
        if value is None:
            terminal.run(f"set -e {name}" if shell.name == "fish" else f"unset {name}")
        else:
            word = shell.word(value)
            terminal.run(
                f"set -gx {name} {word}" if shell.name == "fish" else f"export {name}={word}"
            )
    assert terminal.run(shell.load_line(terminal.command)) == ""
    count_calls(terminal)
    for _ in range(2):
        assert visit(terminal) == f"{home}/app/.venv"
        assert terminal.status == "0"
    assert calls(terminal) == 2
    terminal.close()


def test_root_in_a_users_shell_leaves_nothing_behind(
    shell: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    """As after ``sudo -s``, which keeps HOME."""
    nobody = foreign_uid()
    os.chown(home, nobody, -1)
    terminal = open_terminal(shell)
    assert "belongs to user nobody" in terminal.run("cd app")
    assert terminal.environment is None
    assert app.exists()
    # What root holds, root may use.
    other = make_environment(home.parent / "roots/.venv")
    terminal.cd(other.parent)
    assert terminal.environment == str(other)
    for made in (".cache/venvhook", ".local/state/venvhook", ".config/venvhook"):
        assert not (home / made).exists()
    assert not (other / ".venvhook").exists()


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
def test_a_change_is_seen_by_every_shell_in_the_project(
    shell: Shell, kept: bool, app: Path, open_terminal: OpenTerminal
) -> None:
    """They share a recipe: it is new for one although another has just had it made."""
    if not kept:
        (app / ".venvhook/stands/in/the/way").mkdir(parents=True)
    terminals = [open_terminal(shell) for _ in range(3)]
    for terminal in terminals:
        count_calls(terminal)
        terminal.run("cd app")
        assert terminal.environment == str(app)
    (app / "bin/python").rename(app / "bin/kept")
    for terminal in terminals:
        assert "no interpreter" in terminal.run("cd .")
        assert terminal.environment is None
    before = calls(terminals[0])
    for terminal in terminals * 2:
        assert terminal.run("true") == ""
    assert calls(terminals[0]) == before
    (app / "bin/kept").rename(app / "bin/python")
    for terminal in terminals:
        terminal.run("cd .")
        assert terminal.environment == str(app)
    # And they do not wake each other: a change makes work once in each.
    for terminal in terminals:
        terminal.run("cd .")
    before = calls(terminals[0])
    for terminal in terminals * 3:
        terminal.run("true")
        assert terminal.environment == str(app)
    assert calls(terminals[0]) == before
    # A missing interpreter is not kept: it may come back without a trace.
    assert before == (1 + 3 + 1 if kept else 3 + 3 + 3)


def test_an_absolute_xdg_cache_home_is_used(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ={"XDG_CACHE_HOME": str(home / "elsewhere")})
    assert visit(terminal) == str(app)
    assert cache_of(terminal) == home / "elsewhere/venvhook" / PROTOCOL.decode()
    suffix = SUFFIX[shell.name]
    assert Path(f"{cache_of(terminal)}{home}/app/venvhook.recipe.{suffix}").exists()
    assert not (home / ".cache/venvhook").exists()


def test_a_path_too_long_for_the_cache_works(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "short/.venv")
    names = ["d" * 200] * 20
    deep = home
    steps = 0
    while len(str(deep)) + 201 < 3900:
        deep /= names[steps]
        steps += 1
    deep.mkdir(parents=True)
    (home / "short").rename(deep / "app")
    target = deep / "app/.venv"
    terminal = open_terminal(shell, environ={"VENVHOOK_TRUST": "all"})  # it was moved there
    for _ in range(2):
        assert terminal.cd(target.parent) == ""
        assert terminal.environment == str(target)
        terminal.cd(home)
        assert terminal.environment is None
    # pytest cannot remove what is deeper than a path may be long.
    shutil.rmtree(home / names[0])


def test_a_component_called_like_a_recipe_works(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    odd = home / f"venvhook.recipe.{SUFFIX[shell.name]}"
    inner, outer = make_environment(odd / "app/.venv"), make_environment(home / "outer/.venv")
    terminal = open_terminal(shell)
    for _ in range(2):
        terminal.cd(odd / "app")
        assert terminal.environment == str(inner)
        terminal.cd(home / "outer")
        assert terminal.environment == str(outer)


def test_two_shells_at_once_share_a_cache(
    shell: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    first, second = open_terminal(shell), open_terminal(shell)
    for _ in range(3):
        shutil.rmtree(home / ".cache/venvhook" / PROTOCOL.decode())
        first.send("cd app\r")
        second.send("cd app\r")
        for terminal in (first, second):
            terminal.wait_for("(app) ready> ")
            assert terminal.environment == str(app)
            terminal.cd(home)
    leftovers = list((home / ".cache/venvhook").rglob("*.recipe.*.*"))
    assert len(leftovers) == 1, "the generation of the recipe"
    assert leftovers[0].name in recipe_of(first, home / "app").read_text()
