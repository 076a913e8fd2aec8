"""The user's hand wins: stock ``activate`` before, on top of and around what venvhook activates."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker, uv
from terminal import OpenTerminal, Shell, Terminal

# What a shell has of names that have to do with environments; asked of the shell itself.
NAMES = {
    "bash": "{ compgen -A function; compgen -v; compgen -a; }",
    "zsh": "print -l ${(k)functions} ${(k)parameters} ${(k)aliases}",
    "fish": "begin; functions -na; set -n; end",
}
OF_ENVIRONMENTS = "virtual|venv|activate|pydoc|fish_prompt|PYTHONHOME|CONDA|DIRENV"
OF_OURS = "^(_venvhook|_VENVHOOK|__fish|_test|VIRTUALENV)"


def names(terminal: Terminal) -> list[str]:
    """Return the names of functions, variables and aliases that some activation could have left."""
    ask = f"{NAMES[terminal.shell.name]} | grep -Ei '{OF_ENVIRONMENTS}' | grep -Ev '{OF_OURS}'"
    return sorted(set(terminal.run(ask).split()))


class Stage:
    """A terminal, and the environments of two projects and of none, told apart by their prompts."""

    def __init__(self, terminal: Terminal, environments: dict[str, Path]) -> None:
        self.terminal = terminal
        self.environments = environments
        self.base = terminal.path
        self.ps1 = terminal.value("PS1")

    def line(self, text: str) -> str:
        """Return *text* with each ``@name`` made the line that sources its stock script."""
        words = []
        script = "activate.fish" if self.terminal.shell.name == "fish" else "activate"
        for word in text.split(" "):
            name, end = word.strip("@;"), ";" * word.endswith(";")
            if word.startswith("@"):
                path = self.environments[name] / "bin" / script
                word = self.terminal.shell.source % self.terminal.shell.word(path) + end
            words.append(word)
        return " ".join(words)

    def state(self) -> tuple[str, str, bool, list[str]]:
        """Return what is active, what the prompt shows, whether by us, and what leads PATH."""
        found = self.terminal.values("VIRTUAL_ENV", "VENVHOOK_ACTIVE", "PATH")
        by_path = {os.fsencode(path): name for name, path in self.environments.items()}
        active = found["VIRTUAL_ENV"]
        entries = os.fsdecode(found["PATH"] or b"").split(":")
        assert entries[len(entries) - len(self.base) :] == self.base, entries
        ahead = entries[: len(entries) - len(self.base)]
        name = "" if active is None else by_path[active]
        return name, self.terminal.prompt, found["VENVHOOK_ACTIVE"] is not None, ahead

    def check(self, expected: str, line: str) -> None:
        """Fail unless *expected* is active: a name by us, ``+name`` by hand, ``-`` nothing."""
        name = expected.strip("+-")
        ahead = [f"{self.environments[name]}/bin"] if name else []
        shown = f"({name}) " if name else ""
        ours = bool(name) and not expected.startswith("+")
        assert self.state() == (name, shown, ours, ahead), line


ENVIRONMENTS = {
    "app": "app/.venv",
    "inner": "app/inner/.venv",
    "lib": "lib/.venv",
    "other": "envs/other",
}

Grounds = Callable[[str], Path]


@pytest.fixture(scope="session")
def grounds(
    tmp_path_factory: pytest.TempPathFactory, make_environment: EnvironmentMaker
) -> Grounds:
    """What returns the directory with projects whose environments one maker has made.

    Makers differ in the activate scripts. Made once, since virtualenv takes two seconds for each.
    """

    @functools.cache
    def ground(maker: str) -> Path:
        place = tmp_path_factory.mktemp(maker).resolve()
        for prompt, path in ENVIRONMENTS.items():
            make_environment(place / path, maker, prompt=prompt)
        (place / "app/src").mkdir()
        (place / "app/bad/.venv").mkdir(parents=True)
        (place / "link").symlink_to("app")
        (place / "short").symlink_to("app/.venv")
        return place

    return ground


def stage(shell: Shell, place: Path, open_terminal: OpenTerminal) -> Stage:
    """Open a terminal in *place*, which a maker has made."""
    environments = {name: place / path for name, path in ENVIRONMENTS.items()}
    return Stage(open_terminal(shell, directory=place), environments)


@pytest.fixture
def maker() -> str:
    """The maker for tests that are not parametrized by it."""
    return "venv"


@pytest.fixture
def here(shell: Shell, maker: str, grounds: Grounds, open_terminal: OpenTerminal) -> Stage:
    """A terminal where the maker has made the projects."""
    return stage(shell, grounds(maker), open_terminal)


# Each is a walk from HOME and back there: lines, and what is active after each.
WALKS = {
    "another on top, deactivated inside": [
        ("cd app", "app"),
        ("@other", "+other"),
        ("true", "+other"),
        ("cd src", "+other"),
        ("cd ..", "+other"),
        ("deactivate", "app"),
        ("cd ..", "-"),
    ],
    "another on top, deactivated outside": [
        ("cd app", "app"),
        ("@other", "+other"),
        ("cd ..", "+other"),
        ("deactivate", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "another on top, deactivated in the next project": [
        ("cd app", "app"),
        ("@other", "+other"),
        ("cd ../lib", "+other"),
        ("deactivate", "lib"),
        ("cd ..", "-"),
    ],
    "that of another project on top": [
        ("cd app", "app"),
        ("@lib", "+lib"),
        ("cd ../lib", "+lib"),
        ("deactivate", "-"),
        ("cd ../app", "app"),
        ("cd ../lib", "lib"),
        ("cd ..", "-"),
    ],
    "another before": [
        ("@other", "+other"),
        ("cd app", "+other"),
        ("cd src", "+other"),
        ("deactivate", "app"),
        ("cd ../..", "-"),
    ],
    "another before, deactivated outside": [
        ("@other", "+other"),
        ("cd app", "+other"),
        ("cd ..", "+other"),
        ("deactivate", "-"),
    ],
    "the very same on top": [
        ("cd app", "app"),
        ("@app", "+app"),
        ("true", "+app"),
        ("deactivate", "-"),
        ("true", "-"),
        ("cd src", "-"),
        ("cd ..", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "the very same on top, deactivated outside": [
        ("cd app/src", "app"),
        ("@app", "+app"),
        ("cd ../..", "+app"),
        ("cd lib", "+app"),
        ("cd ..", "+app"),
        ("deactivate", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "the very same on top, and left in the same line": [
        ("cd app", "app"),
        ("@app; cd ../lib", "+app"),
        ("deactivate", "lib"),
        ("cd ..", "-"),
    ],
    "the very same before": [
        ("@app", "+app"),
        ("cd app", "+app"),
        ("cd ..", "+app"),
        ("cd app", "+app"),
        ("deactivate", "-"),
        ("cd src", "-"),
        ("cd ../..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "twice": [
        ("cd app", "app"),
        ("@app", "+app"),
        ("@app", "+app"),
        ("deactivate", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("@app; @app", "+app"),
        ("cd ..", "+app"),
        ("deactivate", "-"),
    ],
    "one and another": [
        ("cd app", "app"),
        ("@other; @app", "+app"),
        ("deactivate", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("@app; @other", "+other"),
        ("deactivate", "app"),
        ("@other", "+other"),
        ("@app", "+app"),
        ("@other", "+other"),
        ("deactivate", "app"),
        ("cd ..", "-"),
    ],
    "on and off in one line": [
        ("cd app", "app"),
        ("@app; deactivate", "-"),
        ("cd src", "-"),
        ("cd ../..", "-"),
        ("cd app", "app"),
        ("deactivate; @app", "+app"),
        ("deactivate", "-"),
        ("cd ..", "-"),
    ],
    "first ours off, then another on": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("@other", "+other"),
        ("deactivate", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("deactivate; @other", "+other"),
        ("deactivate", "app"),
        ("cd ..", "-"),
    ],
}


@pytest.mark.parametrize("maker", MAKERS)
def test_stock_activate_and_deactivate_in_any_order(here: Stage) -> None:
    terminal = here.terminal
    # What the stock scripts leave behind by themselves, with nothing of ours at work.
    terminal.run(here.line("@other"))
    terminal.run("deactivate")
    clean = names(terminal)
    for title, walk in WALKS.items():
        for line, expected in walk:
            assert terminal.run(here.line(line)) == "", (title, line)
            here.check(expected, f"{title}: {line}")
        assert names(terminal) == clean, title
        assert terminal.value("PS1") == here.ps1, title


# ---- 'deactivate' typed in a project -------------------------------------------------------------

# A project in a project, and the walks that show where a 'deactivate' holds.
RESTS = {
    "in a directory below": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("cd src", "-"),
        ("true", "-"),
        ("cd ..", "-"),
        ("cd .", "-"),
        ("cd ..", "-"),
        ("cd app/src", "app"),
        ("deactivate", "-"),
        ("cd ..", "-"),
        ("cd src; cd ..", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "around a project inside": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("cd inner", "inner"),
        ("true", "inner"),
        ("cd ..", "-"),
        ("cd src", "-"),
        ("cd ../inner", "inner"),
        ("cd ../..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "in a project inside": [
        ("cd app/inner", "inner"),
        ("deactivate", "-"),
        ("cd ..", "app"),
        ("cd inner", "inner"),
        ("deactivate", "-"),
        ("cd ../..", "-"),
        ("cd app/inner", "inner"),
        ("cd ../..", "-"),
    ],
    "in both": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("cd inner", "inner"),
        ("deactivate", "-"),
        ("true", "-"),
        ("cd ..", "-"),
        ("cd inner", "inner"),
        ("cd ../..", "-"),
        ("cd app/inner", "inner"),
        ("cd ..", "app"),
        ("cd ..", "-"),
    ],
    "straight to another and back": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("cd ../lib", "lib"),
        ("cd ../app", "app"),
        ("deactivate; cd ..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "by taking VIRTUAL_ENV away": [
        ("cd app", "app"),
        ("UNSET VIRTUAL_ENV", "-"),
        ("cd inner", "inner"),
        ("cd ..", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "past one that is refused": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("cd bad", "-"),
        ("cd ..", "-"),
        ("cd ..", "-"),
        ("cd app", "app"),
        ("cd ..", "-"),
    ],
    "with one of the user's on top": [
        ("cd app", "app"),
        ("deactivate", "-"),
        ("@other", "+other"),
        ("cd inner", "+other"),
        ("deactivate", "inner"),
        ("cd ..", "-"),
        ("@inner", "+inner"),
        ("cd inner", "+inner"),
        ("deactivate", "-"),
        ("cd ..", "-"),
        ("cd ..", "-"),
    ],
}


def test_deactivate_holds_until_the_project_is_left(shell: Shell, here: Stage) -> None:
    terminal = here.terminal
    unset = "set -e" if shell.name == "fish" else "unset"
    for title, walk in RESTS.items():
        for line, expected in walk:
            terminal.run(here.line(line.replace("UNSET", unset)))
            here.check(expected, f"{title}: {line}")
        assert terminal.value("PS1") == here.ps1, title


# ---- What else the shell has -------------------------------------------------------------------


def exported(shell: Shell, name: str, value: str) -> str:
    """Return the line that exports the variable *name*."""
    if shell.name == "fish":
        return f"set -gx {name} {' '.join(shell.word(one) for one in value.split(':'))}"
    return f"export {name}={shell.word(value)}"


@pytest.mark.parametrize("maker", MAKERS)
def test_edits_of_path_around_a_stock_activate_stay(shell: Shell, here: Stage) -> None:
    terminal = here.terminal
    app, base = f"{here.environments['app']}/bin", ":".join(here.base)
    terminal.run("cd app")
    terminal.run(exported(shell, "PATH", f"/front:{app}:{base}:/back"))
    terminal.run(here.line("@app"))
    # That of the user's own is the one that stays, where he has put it.
    assert ":".join(terminal.path) == f"{app}:/front:{base}:/back"
    terminal.run("deactivate")
    assert ":".join(terminal.path) == f"/front:{base}:/back"
    # One that was always there is no entry of ours.
    terminal.run("cd ..")
    terminal.run(exported(shell, "PATH", f"{base}:{app}"))
    terminal.run("cd app")
    terminal.run(here.line("@app"))
    assert ":".join(terminal.path) == f"{app}:{base}:{app}"
    terminal.run("deactivate")
    assert ":".join(terminal.path) == f"{base}:{app}"


@pytest.mark.parametrize("maker", MAKERS)
def test_what_activation_hid_comes_back_after_a_stock_activate_on_top(
    shell: Shell, here: Stage
) -> None:
    terminal = here.terminal
    for name in ("app", "other"):
        terminal.run(exported(shell, "PYTHONHOME", "/opt/python"))
        terminal.run("cd app")
        assert terminal.value("PYTHONHOME") is None
        terminal.run(here.line(f"@{name}"))
        assert terminal.value("PYTHONHOME") is None
        terminal.run("cd ..")
        assert terminal.value("PYTHONHOME") is None
        terminal.run("deactivate")
        assert terminal.value("PYTHONHOME") == b"/opt/python"
        assert terminal.value("VIRTUAL_ENV_PROMPT") is None


@pytest.mark.parametrize("maker", MAKERS)
def test_an_empty_pythonhome_is_empty_again_after_a_stock_activate_on_top(
    posix_shell: Shell,
    maker: str,
    grounds: Grounds,
    open_terminal: OpenTerminal,
) -> None:
    here = stage(posix_shell, grounds(maker), open_terminal)
    terminal = here.terminal
    for name in ("app", "other"):
        for line in ("export PYTHONHOME=", "cd app", here.line(f"@{name}"), "deactivate"):
            terminal.run(line)
        # After the other one, that of the project is active again.
        assert terminal.value("PYTHONHOME") == (b"" if name == "app" else None)
        terminal.run("cd ..")
        assert terminal.value("PYTHONHOME") == b""
        assert terminal.child_environment().get(b"PYTHONHOME") == b""


def test_a_tool_that_sets_virtual_env_alone_leaves_nothing_of_ours(
    shell: Shell, here: Stage
) -> None:
    terminal = here.terminal
    for mine in (None, "mine"):
        terminal.run(exported(shell, "PYTHONHOME", "/opt/python"))
        if mine is not None:
            terminal.run(exported(shell, "VIRTUAL_ENV_PROMPT", mine))
        terminal.run("cd app")
        assert terminal.value("VIRTUAL_ENV_PROMPT") == b"app"
        terminal.run(exported(shell, "VIRTUAL_ENV", "/x"))
        found = terminal.values("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "PATH")
        assert found == {
            "VIRTUAL_ENV": b"/x",
            "VIRTUAL_ENV_PROMPT": mine and mine.encode(),
            "PYTHONHOME": b"/opt/python",
            "PATH": os.fsencode(":".join(here.base)),
        }
        # Put back by whoever had found it there.
        terminal.run(exported(shell, "VIRTUAL_ENV", str(here.environments["app"])))
        here.check("app", "put back inside")
        terminal.run(exported(shell, "VIRTUAL_ENV", "/x"))
        terminal.run("cd ..")
        terminal.run(exported(shell, "VIRTUAL_ENV", str(here.environments["app"])))
        here.check("-", "put back outside")
        assert terminal.value("PYTHONHOME") == b"/opt/python"


# ---- By another name -----------------------------------------------------------------------------


def test_one_environment_by_two_names_is_one(
    shell: Shell, grounds: Grounds, open_terminal: OpenTerminal
) -> None:
    place = grounds("venv")
    here = stage(shell, place, open_terminal)
    terminal = here.terminal
    script = "activate.fish" if shell.name == "fish" else "activate"
    for path in (f"{place}/link/.venv", f"{place}/short", "./.venv", "../app/.venv", "../short"):
        for step in ("app", "link"):
            terminal.run(f"cd {step}")
            assert terminal.environment == f"{place}/{step}/.venv"
            terminal.run(shell.source % shell.word(f"{path}/bin/{script}"))
            here.check("+app", f"{step}: {path}")
            terminal.run("deactivate")
            here.check("-", f"{step}: {path}")
            terminal.run("cd ..")
            here.check("-", f"{step}: {path}")


def test_a_relocatable_script_goes_by_where_it_lies(
    posix_shell: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    words = [uv(), "venv", "-q", "--no-config", "--no-cache", "--offline", "--relocatable"]
    words += ["--python", sys.executable, "--prompt", "app", str(home / "app/.venv")]
    (home / "app").mkdir()
    subprocess.run(words, check=True, env={**os.environ, "HOME": str(home)})
    (home / "link").symlink_to("app")
    terminal = open_terminal(posix_shell)
    before = terminal.path
    terminal.run(f"{posix_shell.word(terminal.command)} allow app")
    for step, path in (("app", ""), ("link", ""), ("app", "../link/"), ("link", "../app/")):
        terminal.run(f"cd {step}")
        assert (terminal.environment, terminal.prompt) == (f"{home}/{step}/.venv", "(app) ")
        terminal.run(f". ./{path}.venv/bin/activate")
        assert terminal.prompt == "(app) "
        # It takes the name by which it was called.
        assert terminal.path == [f"{terminal.environment}/bin", *before]
        assert terminal.value("VENVHOOK_ACTIVE") is None
        terminal.run("deactivate")
        assert (terminal.environment, terminal.prompt, terminal.path) == (None, "", before)
        terminal.run("cd ..")


# ---- VS Code -------------------------------------------------------------------------------------


def test_an_environment_that_the_editor_exports_is_the_users(
    shell: Shell, grounds: Grounds, open_terminal: OpenTerminal
) -> None:
    # Its Python extension sets these before the shell starts; there is no 'deactivate' then.
    place = grounds("venv")
    before = open_terminal(shell).path
    environ = {
        "VIRTUAL_ENV": f"{place}/app/.venv",
        "VIRTUAL_ENV_PROMPT": "(.venv) ",
        "PATH": ":".join([f"{place}/app/.venv/bin", *before]),
    }
    terminal = open_terminal(shell, directory=place / "app", environ=environ)
    here = Stage(terminal, {"app": place / "app/.venv"})
    here.base = before
    for step in ("true", "cd src", "cd ../..", "cd lib", "cd ../app"):
        terminal.run(step)
        assert here.state() == ("app", "", False, [f"{place}/app/.venv/bin"]), step
    assert terminal.value("VIRTUAL_ENV_PROMPT") == b"(.venv) "


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_activation_in_a_startup_file_is_the_users(
    shell: Shell, order: str, grounds: Grounds, open_terminal: OpenTerminal
) -> None:
    # The editor's shell integration runs what a variable holds: the line that sources the script.
    place = grounds("venv")
    script = "activate.fish" if shell.name == "fish" else "activate"
    load = open_terminal(shell).rc_file.read_text().splitlines()[-1]
    activate = 'eval "$VSCODE_TEST_ACTIVATE"'
    lines = [activate, load] if order == "before" else [load, activate]
    environ = {"VSCODE_TEST_ACTIVATE": f"source {place}/app/.venv/bin/{script}"}
    terminal = open_terminal(shell, "\n".join(lines), place / "app", environ)
    here = Stage(terminal, {"app": place / "app/.venv"})
    here.base = here.base[1:]
    here.check("+app", "at the start")
    terminal.run("cd ..")
    here.check("+app", "outside")
    terminal.run("cd app")
    terminal.run("deactivate")
    here.check("-", "deactivated")
    terminal.run("cd ..")
    terminal.run("cd app")
    here.check("app", "come back")
