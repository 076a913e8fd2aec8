"""Names as an attacker would choose them: quoted, entered and left again, and never run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import SHELLS, OpenTerminal, Shell
from venvhook.shells import shell_named

# No '/' and no NUL, which no name can hold; 'canary' would be made in the working directory.
HOSTILE = (
    b"a b",
    b" leading and trailing ",
    b"it's",
    b"''",
    b'"double"',
    b"$(touch canary)",
    b"`touch canary`",
    b"${IFS}touch canary",
    b"$HOME",
    b"; touch canary;",
    b"& touch canary &",
    b"| touch canary",
    b"'; touch canary; '",
    b'"; touch canary; "',
    b"\\'; touch canary; \\'",
    b"(touch canary)",
    b"(app) ready> ",
    b"> canary",
    b"line\nbreak",
    b"\n",
    b"trailing\n",
    b"\ntouch canary\n",
    b"car\rriage",
    b"tab\tstop",
    b"%n%m%#%(?.a.b)",
    b"100%",
    b"%",
    b"!!",
    b"!$",
    b"^a^b",
    b"\\",
    b"\\\\",
    b"trailing\\",
    b"\\u0041\\x41\\n\\w\\$",
    b"-",
    b"--",
    b"-rf",
    b"-n",
    b"~",
    b"~root",
    b"#hash",
    b"*",
    b"?",
    b"[a-z]",
    b"{a,b}",
    b"=ls",
    b"\x01\x02\x1b]0;title\x07",
    b"\x1b[31mred\x1b[0m",
    b"\x7f\x80\x9b31m",
    b"\xff\xfe not UTF-8",
    b"\xc3",
    "ünïcödé".encode(),
    "\u202ereversed".encode(),
    "\u2018curly\u2019 \u201aquotes\u201b".encode(),
    "'\u2019'; touch canary; '\u2018'".encode(),
    b"x" * 255,
)


def test_quoted_names_arrive_byte_for_byte(shell: Shell, home: Path) -> None:
    row = shell_named(shell.name)
    assert row is not None
    assert shell.path is not None
    names = (*HOSTILE, b"", b"".join(bytes([byte]) for byte in range(1, 256)))
    script = home / "script"
    lines = [b"printf '%%s\\0' %s" % row.quote(name) for name in names]
    script.write_bytes(b"\n".join(lines) + b"\n")
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [shell.path, script], cwd=home, env=environ, capture_output=True, check=True
    )
    assert done.stderr == b""
    assert done.stdout.split(b"\0")[:-1] == list(names)
    assert not (home / "canary").exists()


@pytest.mark.parametrize("subst", [False, True], ids=["plain", "prompt_subst"])
def test_projects_of_hostile_names_are_entered_and_left(
    shell: Shell,
    subst: bool,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    # fish expands nothing in what a prompt prints, so that the second run is like the first.
    terminal = open_terminal(shell, environ={"VENVHOOK_TRUST": "all"})
    if shell.name == "zsh":
        terminal.run("setopt prompt_subst prompt_bang" if subst else "unsetopt prompt_subst")
    elif shell.name == "bash":
        terminal.run("shopt -s promptvars" if subst else "shopt -u promptvars")
    before = terminal.values("PATH", "VIRTUAL_ENV", "PS1")
    # One environment is moved from name to name, so it is not where it was made.
    make_environment(home / "first/.venv")
    last = os.fsencode(home / "first")
    for name in HOSTILE:
        root = os.fsencode(home) + b"/" + name
        os.rename(last, root)  # noqa: PTH104  # bytes
        last = root
        for visit in ("first", "kept"):
            assert terminal.cd(root) == "", (name, visit)
            found = terminal.values("VIRTUAL_ENV", "PATH")
            assert found["VIRTUAL_ENV"] == root + b"/.venv", (name, visit)
            assert found["PATH"] == b"%s/.venv/bin:%s" % (root, before["PATH"]), (name, visit)
            assert terminal.run("echo alive") == "alive\n", (name, visit)
            # What does not just draw itself is not sent to the terminal.
            assert not set(terminal.prompt) & {"\x1b", "\x07", "\x01", "\x9b", "\r"}, name
            terminal.cd(home)
            assert terminal.values("PATH", "VIRTUAL_ENV", "PS1") == before, (name, visit)
    for directory in (home, Path(os.fsdecode(last))):
        assert not (directory / "canary").exists()


SHOWN = (
    (b"$(touch canary)", "$(touch canary)"),
    (b"`touch canary`", "`touch canary`"),
    (b"100%", "100%"),
    (b"%n%m%#", "%n%m%#"),
    (b"!!", "!!"),
    (b"\\w\\$", "\\w\\$"),
    (b"it's", "it's"),
    (b"a\x1b[31mb", "a?[31mb"),
    (b"a\nb", "a?b"),
)


@pytest.mark.parametrize(
    ("name", "option", "signs", "instead"),
    [
        ("bash", "shopt -s promptvars", "", ""),
        # Where no variable is expanded: what is harmless too if the option is set later.
        ("bash", "shopt -u promptvars", r"([\\$`])", r"\\\1"),
        ("zsh", "setopt prompt_subst", "", ""),
        ("zsh", "unsetopt prompt_subst", "`", "?"),
        ("fish", "true", "", ""),
    ],
)
def test_hostile_names_are_shown_as_they_are(
    name: str,
    option: str,
    signs: str,
    instead: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    terminal = open_terminal(SHELLS[name], environ={"VENVHOOK_TRUST": "all"})
    terminal.run(option)
    last = make_environment(home / "first/.venv").parent
    for project, text in SHOWN:
        shown = re.sub(signs, instead, text) if signs else text
        root = home / os.fsdecode(project)
        last.rename(root)
        last = root
        terminal.cd(root)
        assert terminal.prompt == f"({shown}) "
        terminal.cd(home)
    assert not (home / "canary").exists()


def test_a_path_of_4096_bytes_does_no_harm(
    shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal = open_terminal(shell)
    terminal.run("cd app")
    step = "d" * 250
    for _ in range(18):
        # fish itself refuses at 4096 bytes; the others go on by relative steps.
        assert "venvhook" not in terminal.run(f"mkdir {step}; cd {step}")
    assert len(terminal.value("PWD") or b"") > (3800 if shell.name == "fish" else 4096)
    assert terminal.environment in (None, str(environment))
    assert terminal.run("echo alive") == "alive\n"
    terminal.run("cd ~/app")
    assert terminal.environment == str(environment)
    # pytest cannot remove what is deeper than a path may be long, rm can.
    assert terminal.run(f"rm -r {step}") == ""
