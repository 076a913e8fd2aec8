"""What a project names is text: paths on other hosts and below /proc are never looked up.

Seen by strace, which shows each path that the helper and the commands ask the kernel about. A link
that is the marker itself is another matter: the shell has followed it before the helper is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.cases import configs, redirects
from attacks.projects import Builder, git
from checkout import CHECKOUT, go_without
from venvhook.recipe import PROTOCOL

NEVER = re.compile(
    r'"(?:/net|/afs|/misc|/smb|/Network|//|/proc/self/(?:cwd|root|fd)|/dev/(?!null))'
)
READ_LINK = re.compile(r'(readlink(?:at)?\([^"]*"[^"]*"), "[^"]*"')
HELPER = str(CHECKOUT / "src/venvhook/helper.py")
COMMAND = (
    "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.cli import main; sys.exit(main())"
)

Make = Callable[[Builder], Path]


def _configured(change: Callable[[bytes], bytes]) -> Make:
    def make(build: Builder) -> Path:
        environment = build.own()
        config = environment / "pyvenv.cfg"
        config.write_bytes(change(config.read_bytes()))
        return environment.parent

    return make


def _redirected(text: bytes) -> Make:
    def make(build: Builder) -> Path:
        root = build.project()
        (root / ".venv").write_bytes(text)
        return root

    return make


def _activated(value: str) -> Make:
    """Return what makes an environment whose scripts name *value* as its place."""

    def make(build: Builder) -> Path:
        environment = build.own()
        for script in (environment / "bin").glob("activate*"):
            text = script.read_text().replace(str(environment), value)
            script.write_text(text)
        return environment.parent

    return make


def _in_repository(change: Callable[[Path], object]) -> Make:
    def make(build: Builder) -> Path:
        root = build.repository(build.own().parent)
        change(root)
        return root

    return make


def _gitdir(value: str) -> Make:
    def change(root: Path) -> None:
        shutil.rmtree(root / ".git")
        (root / ".git").write_text(f"gitdir: {value}\n")

    return _in_repository(change)


def _commondir(value: str) -> Make:
    return _in_repository(lambda root: (root / ".git/commondir").write_text(f"{value}\n"))


def _included(value: str) -> Make:
    return _in_repository(lambda root: git(root, "config", "include.path", value))


def _linked(target: str, name: str = "zz") -> Make:
    """Return what makes an environment whose ``bin`` holds a link *name* to *target*."""

    def make(build: Builder) -> Path:
        environment = build.own()
        (environment / "bin" / name).symlink_to(target)
        return environment.parent

    return make


# Those of configs.EDITED that name a place.
NAMING = (
    "no home",
    "an empty home",
    "home on another host",
    "home below /afs",
    "home by UNC",
    "home below /proc",
    "home below /dev",
    "home on another host by dots",
    "home below /proc by dots",
    "home by a relative path",
    "home is the project",
    "home with NULs",
    "home is gone",
    "command for another place",
    "command by a link of /proc",
    "command by a relative path",
    "command on another host",
)
CASES: dict[str, Make] = {
    **{name: _configured(configs.EDITED[name][0]) for name in NAMING},
    "a program on another host": _linked("/net/host/bin/zz"),
    "a program on another host by dots": _linked("../../../../../../../../../../../net/host/zz"),
    "a program below /proc": _linked("/proc/self/cwd/zz"),
    **{f"redirect: {name}": _redirected(text) for name, text in redirects.REFUSED.items()},
    "activate on another host": _activated("/net/host/app/.venv"),
    "activate by /proc": _activated("/proc/self/cwd/.venv"),
    "gitdir on another host": _gitdir("/net/host/repository"),
    "gitdir by UNC": _gitdir("//host/repository"),
    "gitdir by /proc": _gitdir("/proc/self/cwd/elsewhere"),
    "gitdir by dots": _gitdir("../../../../../../../../../../../net/host/repository"),
    "commondir on another host": _commondir("/net/host/repository"),
    "commondir by /proc": _commondir("/proc/self/cwd/.git"),
    "an included configuration": _included("/net/host/config"),
}


def lookups(root: Path, home: Path, words: list[str]) -> list[str]:
    """Return the calls by which a Python with *words*, called in *root*, looks up a path."""
    strace = shutil.which("strace")
    if strace is None:
        go_without("strace")
    trace = home / "trace"
    traced = [strace, "-f", "-qq", "-s", "9999", "-e", "trace=%file", "-o", str(trace)]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PWD": str(root)}
    done = subprocess.run(
        [*traced, sys.executable, "-I", *words],
        cwd=root,
        env=environ,
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr, done
    assert done.returncode in (0, 1), done
    return trace.read_text(errors="replace").splitlines()


def forbidden(found: list[str]) -> list[str]:
    """Return those of the calls *found* that ask about a place that is never looked up."""
    # The second text of readlink is its answer.
    asked = (READ_LINK.sub(r"\1", line) for line in found)
    return [line for line in asked if NEVER.search(line)]


def of_the_helper(root: Path, home: Path) -> list[str]:
    """Return what the helper looks up when it is asked about *root*."""
    asked = [PROTOCOL.decode(), "bash", str(root), ".venv", "venv", "env"]
    return lookups(root, home, ["-S", HELPER, "0", "hook", *asked])


def of_a_command(*words: str) -> Callable[[Path, Path], list[str]]:
    """Return what tells what 'venvhook' with *words* looks up."""

    def lookups_of(root: Path, home: Path) -> list[str]:
        return lookups(root, home, ["-c", COMMAND, str(CHECKOUT / "src"), *words])

    return lookups_of


ASKED: dict[str, Callable[[Path, Path], list[str]]] = {
    "helper": of_the_helper,
    "why": of_a_command("why"),
    "status": of_a_command("status"),
    "allow": of_a_command("allow"),
    "allow --shared": of_a_command("allow", "--shared"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
@pytest.mark.parametrize("path", ["/net/host", "/proc/self/cwd/x", "/dev/tty", "//host/share"])
def test_a_lookup_would_be_seen(path: str, tmp_path: Path) -> None:
    found = lookups(tmp_path, tmp_path, ["-c", f"import os; os.path.lexists({path!r})"])
    assert forbidden(found)


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
@pytest.mark.parametrize("name", CASES)
def test_what_a_project_names_is_not_looked_up(name: str, tmp_path: Path) -> None:
    for directory in ("home", "canaries"):
        (tmp_path / directory).mkdir()
    root = CASES[name](Builder(tmp_path / "home", tmp_path / "canaries"))
    for asked, lookups_of in ASKED.items():
        found = lookups_of(root, tmp_path / "home")
        # That the trace shows something: the project itself.
        assert any(str(root) in line for line in found), asked
        assert forbidden(found) == [], asked
