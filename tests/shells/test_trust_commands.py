"""Trust as a user meets it: what came with a clone, 'allow', 'revoke', 'deny', and the settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

CAME_WITH = "venvhook: app/.venv came with the project (tracked by git); not used. "
TO_USE = "'venvhook allow' to use it\n"


def git(directory: Path, *words: str | Path) -> None:
    """Run git in *directory*, as somebody."""
    who = [
        "-c",
        "user.name=me",
        "-c",
        "user.email=me@example.org",
        "-c",
        "protocol.file.allow=always",
    ]
    environ = {**os.environ, "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *who, *words], cwd=directory, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def origin(home: Path, make_environment: EnvironmentMaker) -> Path:
    """A project whose environment is tracked, made where the clone will lie; and moved away."""
    environment = make_environment(home / "app/.venv")
    # Git keeps no empty directory.
    for packages in environment.glob("lib/python*/site-packages"):
        (packages / "package.py").touch()
    git(home / "app", "init", "-q", "-b", "main")
    git(home / "app", "add", "-f", ".")
    git(home / "app", "commit", "-q", "-m", "with its environment")
    return (home / "app").rename(home.parent / "origin")


@pytest.fixture
def app(home: Path, origin: Path) -> Path:
    """A clone of it in HOME."""
    git(home, "clone", "-q", str(origin), "app")
    return home / "app"


def command(terminal: Terminal, words: str) -> str:
    """Run venvhook with *words*, and return what it printed."""
    call = "& " if terminal.shell.name == "pwsh" else ""
    return terminal.run(f"{call}{terminal.shell.word(terminal.command)} {words}")


def test_what_came_with_a_clone_is_used_once_it_is_allowed(
    any_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    assert terminal.run("cd app") == CAME_WITH + TO_USE
    assert terminal.environment is None
    # Said once in this shell.
    for line in ("cd ..", "cd app", "cd .git", "cd .."):
        assert terminal.run(line) == ""
    printed = command(terminal, "allow")
    assert f"{app}/.venv: allowed. Set aside:" in printed
    assert "not delivered  tracked by git: " in printed
    assert "'venvhook revoke' takes it back" in printed
    assert terminal.prompt == "(app) "
    assert terminal.environment == f"{app}/.venv"
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=app, capture_output=True, text=True, check=True
    )
    assert status.stdout == "", "nothing was added to what git sees"
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.run("cd app") == ""
    assert terminal.environment == f"{app}/.venv"


def test_a_pull_that_changes_an_allowed_one_asks_again(
    any_shell: Shell, app: Path, origin: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    command(terminal, "allow")
    assert terminal.environment == f"{app}/.venv"
    # Something else in the project changes: no question.
    (origin / "other").write_text("x\n")
    git(origin, "add", "other")
    git(origin, "commit", "-q", "-m", "other")
    git(app, "pull", "-q")
    assert terminal.run("cd .") == ""
    assert terminal.environment == f"{app}/.venv"
    (origin / ".venv/bin/ls").write_text("#!/bin/sh\n")
    git(origin, "add", "-f", ".venv/bin/ls")
    git(origin, "commit", "-q", "-m", "evil")
    git(app, "pull", "-q")
    assert "app/.venv has changed since you allowed it (tracked by git); not used." in (
        terminal.run("cd .")
    )
    assert terminal.environment is None
    command(terminal, "allow")
    assert terminal.environment == f"{app}/.venv"


def test_revoke_deactivates_at_the_next_prompt(
    any_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    command(terminal, "allow")
    assert terminal.environment == f"{app}/.venv"
    assert f"{app}/.venv: no longer allowed" in command(terminal, "revoke")
    assert terminal.environment is None
    assert terminal.prompt == ""
    assert "nothing was decided about it" in command(terminal, "revoke")


def test_after_a_deny_is_revoked_one_is_told_again(
    any_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(any_shell)
    assert terminal.run("cd app") == CAME_WITH + TO_USE
    command(terminal, "allow")
    assert "app: denied" in command(terminal, "deny")
    printed = command(terminal, "revoke")
    assert f"{app}/.venv: no longer allowed\n{app}: no longer denied\n" in printed
    assert (printed + terminal.run("cd .")).endswith(CAME_WITH + TO_USE)
    for line in ("cd ..", "cd app"):
        assert terminal.run(line) == ""


def test_another_shell_sees_it_at_its_next_prompt(
    any_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    one, other = open_terminal(any_shell), open_terminal(any_shell)
    one.run("cd app")
    other.run("cd app")
    assert other.environment is None
    command(one, "allow")
    other.run("cd .")
    assert other.environment == f"{app}/.venv"
    command(one, "revoke")
    other.run("cd .")
    assert other.environment is None


def test_deny_is_silent_and_takes_effect_at_once(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    assert f"{home}/app: denied" in command(terminal, "deny")
    assert terminal.environment is None
    for line in ("cd ..", "cd app", "cd .venv", "cd .."):
        assert terminal.run(line) == ""
        assert terminal.environment is None
    assert "is denied; 'venvhook revoke' takes that back first" in command(terminal, "allow")
    assert terminal.environment is None
    command(terminal, "revoke")
    assert terminal.environment == str(environment)


def test_a_broken_environment_of_a_denied_project_is_not_told_of(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app/.venv").mkdir(parents=True)
    terminal = open_terminal(any_shell)
    assert "no pyvenv.cfg" in terminal.run("cd app")
    command(terminal, "deny")
    terminal.restart()
    assert terminal.run("cd app") == ""


def test_what_others_can_write_is_used_once_it_is_allowed_as_shared(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    environment.chmod(0o777)
    terminal = open_terminal(any_shell)
    said = terminal.run("cd app")
    assert "app/.venv" in said
    assert "is writable by everyone; not used. To mend it: chmod " in said
    assert "or 'venvhook allow --shared' if you trust them" in command(terminal, "allow")
    assert terminal.environment is None
    printed = command(terminal, "allow --shared")
    assert "held           is writable by everyone" in printed
    assert terminal.environment == str(environment)
    command(terminal, "revoke")
    assert terminal.environment is None


# ---- Settings ------------------------------------------------------------------------------------


def configure(home: Path, text: str) -> None:
    """Write the user's settings."""
    (home / ".config/venvhook").mkdir(parents=True, exist_ok=True)
    (home / ".config/venvhook/config.toml").write_text(text)


def test_without_notice_nothing_is_said(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    configure(home, "notice = false\n")
    (home / "bad/.venv").mkdir(parents=True)
    terminal = open_terminal(any_shell)
    for place in ("app", "bad"):
        assert terminal.run(f"cd {place}") == ""
        assert terminal.environment is None
        terminal.run("cd ..")
    terminal.run("cd app")
    command(terminal, "allow")
    assert terminal.environment == f"{app}/.venv"


def test_under_ask_only_what_was_allowed_is_used(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    configure(home, 'trust = "ask"\n')
    terminal = open_terminal(any_shell)
    expected = "venvhook: app/.venv has not been allowed; not used. "
    assert terminal.run("cd app") == expected + TO_USE
    assert 'only trust = "ask" asks for it' in command(terminal, "allow")
    assert terminal.environment == str(environment)
    command(terminal, "revoke")
    assert terminal.environment is None


def test_under_all_only_who_can_write_it_is_asked(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    configure(home, 'trust = "all"\n')
    terminal = open_terminal(any_shell)
    assert terminal.run("cd app") == ""
    assert terminal.environment == f"{app}/.venv"
    terminal.run("cd ..")
    assert not (app / ".venv/.venvhook").exists(), "git would see it"
    (app / ".venv/bin").chmod(0o777)
    assert "is writable by everyone" in terminal.run("cd app")
    assert terminal.environment is None


def test_settings_that_are_put_back_count_at_the_next_prompt(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    configure(home, 'trust = "own"\n')
    config = home / ".config/venvhook/config.toml"
    kept = config.with_name("config.bak")
    shutil.copy2(config, kept)
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment is None
    configure(home, 'trust = "all"\n')
    terminal.run("cd .")
    assert terminal.environment == f"{app}/.venv"
    # With its older time, as 'mv config.bak config.toml' does it.
    kept.rename(config)
    terminal.run("cd .")
    assert terminal.environment is None


def test_settings_of_a_linked_file_that_are_put_back_count_too(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    (home / "dotfiles").mkdir()
    configure(home, "")
    (home / ".config/venvhook/config.toml").unlink()
    (home / ".config/venvhook/config.toml").symlink_to("../../dotfiles/venvhook.toml")
    (home / "dotfiles/kept").write_text('trust = "own"\n')
    (home / "dotfiles/venvhook.toml").write_text('trust = "all"\n')
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment == f"{app}/.venv"
    (home / "dotfiles/kept").rename(home / "dotfiles/venvhook.toml")
    terminal.run("cd .")
    assert terminal.environment is None


def test_settings_that_others_can_write_are_told_of_and_do_not_count(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    configure(home, 'trust = "all"\n')
    config = home / ".config/venvhook/config.toml"
    config.chmod(0o666)
    terminal = open_terminal(any_shell)
    said = terminal.run("cd app")
    assert f"{config}: others can write it, so no setting there counts; 'chmod go-w' it" in said
    assert terminal.environment is None
    config.chmod(0o644)
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == f"{app}/.venv"


def test_the_variable_in_the_rc_file_comes_before_the_file(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    configure(home, 'trust = "ask"\n')
    plain = open_terminal(any_shell)
    assert "has not been allowed" in plain.run("cd app")
    assignment = {"fish": "set -gx VENVHOOK_TRUST all", "pwsh": "$env:VENVHOOK_TRUST = 'all'"}
    line = assignment.get(any_shell.name, "export VENVHOOK_TRUST=all")
    terminal = open_terminal(any_shell, rc=f"{line}\n{any_shell.load_line(plain.command)}")
    terminal.run("cd app")
    assert terminal.environment == f"{app}/.venv"
    assert "all (VENVHOOK_TRUST)" in command(terminal, "status")
    assert f"ask ({home}/.config/venvhook/config.toml)" in command(plain, "status")


# ---- Worktrees -----------------------------------------------------------------------------------


def test_an_allowed_one_in_one_worktree_says_nothing_about_the_others(
    any_shell: Shell, home: Path, app: Path, open_terminal: OpenTerminal
) -> None:
    git(app, "worktree", "add", "-q", "-b", "other", str(home / "other"))
    terminal = open_terminal(any_shell)
    terminal.run("cd app")
    command(terminal, "allow")
    assert terminal.environment == f"{app}/.venv"
    assert "other/.venv " in terminal.run("cd ../other")
    assert terminal.environment is None
    assert "no: tracked by git" in command(terminal, "why")


def test_status_tells_what_is_active_here(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    (home / "app/src").mkdir()
    terminal = open_terminal(any_shell)
    assert "active         no" in command(terminal, "status")
    terminal.run("cd app")
    terminal.run("cd src")
    printed = command(terminal, "status")
    for line in (
        f"loaded         yes, as far as can be told: it has activated an environment in this "
        f"{any_shell.name.replace('pwsh', 'powershell')}, or in the shell above",
        "found          by its name, .venv, 1 directory above",
        f"project        {home}/app",
        f"environment    {environment}",
        "active         yes",
        "accepted       unasked: all conditions held when it was first seen",
        "used           yes",
    ):
        assert f"{line}\n" in printed
    terminal.run("deactivate")
    printed = command(terminal, "status")
    assert "active         no\n" in printed
    assert "used           yes, but not now: the next prompt activates it, unless you typed " in (
        printed
    )


# ---- What the commands tell ----------------------------------------------------------------------

# Relative to HOME: where one may stand, and the environment that is active there.
PLACES = {
    ".": ".venv",
    "plain": "plain/.venv",
    "plain/src/deep": "plain/.venv",
    "plain/.venv": "plain/.venv",
    "plain/.venv/bin": "plain/.venv",
    "second": "second/venv",
    "passed": "",
    "passed/src": "",
    "bad": "",
    "bad/.venv": "",
    "empty/src": "",
    "gone": "",
    "gone/src": "",
    "gone2": "",
    "gone2/src": "",
    "linked": "linked/.venv",
    "linked/.venv": "linked/.venv",
    "outer/mid": "outer/.venv",
    "outer/mid/inner/src": "outer/mid/inner/env",
    "outer/mid/passed": "outer/.venv",
    "outer/hole/src": "outer/.venv",
    "file": "plain/.venv",
    "name/plain/src": "name/plain/.venv",
    "name/empty/src": "",
    "..": "",
}


def test_status_and_why_tell_what_the_shell_does(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    for place in ("plain/.venv", "second/venv", ".venv", "outer/.venv", "outer/mid/inner/env"):
        make_environment(home / place)
    for place in (
        "passed/env",
        "passed/src",
        "bad/.venv",
        "outer/mid/passed/env",
        "plain/src/deep",
    ):
        (home / place).mkdir(parents=True)
    links = {
        "gone/.venv": "no",
        "gone2/venv": "no",
        "outer/hole/venv": "no",
        "linked/.venv": "../plain/.venv",
    }
    for place, target in links.items():
        (home / place).parent.mkdir()
        (home / place).symlink_to(target)
    for place in ("empty/src", "gone/src", "gone2/src", "outer/mid/inner/src", "outer/hole/src"):
        (home / place).mkdir(parents=True)
    (home / "file").mkdir()
    (home / "file/.venv").write_text("../plain/.venv\n")
    (home / "name").symlink_to(".")
    terminal = open_terminal(shell)
    for place, expected in PLACES.items():
        terminal.cd(home.parent)
        terminal.cd(home / place if place != ".." else home.parent)
        active = terminal.environment
        assert active == (str(home / expected) if expected else None), place
        for words in ("status", "why"):
            told = dict(line.split(maxsplit=1) for line in command(terminal, words).splitlines())
            assert told["used"].startswith("yes" if expected else "no"), (place, words, told)
            if words == "status" and expected:
                assert told["environment"] == active
                assert told["active"] == "yes"
