"""A PATH of a function's or a command's own, while the directory changes: half of nothing stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

SYSTEM = "/usr/local/bin:/usr/bin:/bin"
OTHER = "/usr/bin:/bin"


def function(shell: Shell, setting: str, *steps: str) -> str:
    """Return the line that defines and calls a function with a *setting* of its own."""
    body = "; ".join((setting, *steps))
    if shell.name == "fish":
        return f"function f; {body}; end; f"
    # bash runs no hook in a line but with VENVHOOK_BASH_EAGER, and that before a command.
    return f"f() {{ {body}; :; }}; f"


# What is set for the function alone; None where a shell has no such thing.
SETTINGS = {
    "PATH": (f"local PATH={OTHER}", "set -lx PATH /usr/bin /bin"),
    "path": ("local -a path; path=(/usr/bin /bin)", None),
    "hidden PATH": (f"local -h PATH={OTHER}", None),
    "VIRTUAL_ENV": ("local VIRTUAL_ENV", "set -lx VIRTUAL_ENV ''"),
    "VIRTUAL_ENV elsewhere": ("local VIRTUAL_ENV=/x", "set -lx VIRTUAL_ENV /x"),
    "VIRTUAL_ENV_PROMPT": ("local VIRTUAL_ENV_PROMPT=x", "set -lx VIRTUAL_ENV_PROMPT x"),
    "VENVHOOK_ACTIVE": ("local VENVHOOK_ACTIVE", "set -lx VENVHOOK_ACTIVE ''"),
    "PYTHONHOME": ("local PYTHONHOME=/x", "set -lx PYTHONHOME /x"),
    "PS1": ("local PS1='(app) x'", None),
    "PROMPT": ("local PROMPT='(app) x'", None),
}
# Only zsh ties an array to PATH, hides what is special, and calls PS1 so too.
ZSH_ALONE = ("path", "hidden PATH", "PROMPT")
# Where the function goes, from where, and what is active then; there and back again is nowhere.
ROADS = [
    ("", ("app",), "app"),
    ("app", ("",), None),
    ("app", ("other",), "other"),
    ("", ("app", ""), None),
    ("app", ("", "app"), "app"),
    ("app", ("app/src",), "app"),
    ("", ("bad",), None),
    ("app", ("app", "LEAVE"), None),
]


@pytest.fixture
def place(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with two projects, and one that is refused."""
    for name in ("app/src", "bad/.venv"):
        (home / name).mkdir(parents=True)
    for name in ("app", "other"):
        make_environment(home / name / ".venv")
    return home


def test_what_a_function_has_for_itself_never_replaces_what_the_user_has(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    lend(open_terminal(shell, environ={"PATH": SYSTEM}), place)


def test_eagerly_neither(bash: Shell, place: Path, open_terminal: OpenTerminal) -> None:
    lend(open_terminal(bash, environ={"PATH": SYSTEM, "VENVHOOK_BASH_EAGER": "1"}), place)


def lend(terminal: Terminal, place: Path) -> None:
    """Go all roads with all settings in *terminal*, which begins and ends in *place*."""
    shell = terminal.shell
    prompt = terminal.value("PS1")
    wrong: list[tuple[object, ...]] = []
    for what, settings in SETTINGS.items():
        setting = settings[shell.name == "fish"]
        if setting is None or (what in ZSH_ALONE and shell.name != "zsh"):
            continue
        for start, road, active in ROADS:
            if "LEAVE" in road and (shell.name == "bash" or what == "VIRTUAL_ENV elsewhere"):
                continue  # Typed in a function, bash does it there and then, as stock scripts do.
            terminal.cd(place / start)
            steps = [
                "deactivate" if step == "LEAVE" else f"cd {shell.word(place / step)}"
                for step in road
            ]
            said = terminal.run(function(shell, setting, *steps))
            terminal.run(":")
            environment = place / f"{active}/.venv"
            expected = SYSTEM if active is None else f"{environment}/bin:{SYSTEM}"
            seen = (terminal.value("PATH"), terminal.value("VIRTUAL_ENV"))
            if seen != (expected.encode(), bytes(environment) if active else None):
                wrong.append((what, start, road, seen))
            if active and not terminal.which("python").startswith(str(environment)):
                wrong.append((what, start, road, terminal.which("python")))
            if (said and "bad" not in road) or "read-only" in said:
                wrong.append((what, start, road, said))
            terminal.cd(place)
            seen = (terminal.value("PATH"), terminal.value("VIRTUAL_ENV"))
            if seen != (SYSTEM.encode(), None) or terminal.value("PS1") != prompt:
                wrong.append((what, start, road, "afterwards", seen, terminal.value("PS1")))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_path_that_is_lent_to_one_cd_is_gone_after_it(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    for start, end in (("", "app"), ("app", ""), ("app", "other"), ("app", "app/src"), ("", "bad")):
        terminal.cd(place / start)
        terminal.run(f"PATH={OTHER} cd {shell.word(place / end)}")
        environment = place / end.partition("/")[0] / ".venv"
        active = end not in ("", "bad")
        expected = f"{environment}/bin:{SYSTEM}" if active else SYSTEM
        seen = (terminal.value("PATH"), terminal.value("VIRTUAL_ENV"))
        assert seen == (expected.encode(), bytes(environment) if active else None), (start, end)
        terminal.cd(place)
        seen = (terminal.value("PATH"), terminal.value("VIRTUAL_ENV"))
        assert seen == (SYSTEM.encode(), None), (start, end)
