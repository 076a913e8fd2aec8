"""The user's hand wins: stock ``activate`` before, on top of and around what venvhook activates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker
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


@pytest.fixture
def places(home: Path) -> Path:
    """The two projects, with a directory below each."""
    (home / "app/src").mkdir(parents=True)
    (home / "lib").mkdir()
    return home


def stage(terminal: Terminal, home: Path, make: EnvironmentMaker, maker: str) -> Stage:
    """Make the environments by *maker*, which differ in the activate script that they have."""
    environments = {
        "app": make(home / "app/.venv", maker, prompt="app"),
        "lib": make(home / "lib/.venv", maker, prompt="lib"),
        "other": make(home / "envs/other", maker, prompt="other"),
    }
    return Stage(terminal, environments)


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
def test_stock_activate_and_deactivate_in_any_order(
    shell: Shell,
    maker: str,
    places: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    terminal = open_terminal(shell)
    here = stage(terminal, places, make_environment, maker)
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
