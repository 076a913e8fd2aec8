"""What a project names is text: paths on other hosts and below /proc are never looked up.

Seen by strace, which shows each path that the helper asks the kernel about. A link is another
matter: the shell has followed it before the helper is asked.
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
CODE = "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.hook import main; main()"

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


CASES: dict[str, Make] = {
    **{name: _configured(change) for name, (change, _) in configs.EDITED.items() if "ho" in name},
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


def lookups(root: Path, home: Path, code: str = CODE) -> list[str]:
    """Return the calls by which the helper, asked about *root*, looks up a path."""
    strace = shutil.which("strace")
    if strace is None:
        go_without("strace")
    trace = home / "trace"
    words = [strace, "-f", "-qq", "-s", "9999", "-e", "trace=%file", "-o", str(trace)]
    words += [sys.executable, "-I", "-S", "-c", code, str(CHECKOUT / "src")]
    words += [PROTOCOL.decode(), "bash", str(root), ".venv", "venv", "env"]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    done = subprocess.run(words, cwd=root, env=environ, capture_output=True, timeout=60)
    assert done.stdout.startswith(b"_venvhook_"), done
    return trace.read_text(errors="replace").splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
@pytest.mark.parametrize("path", ["/net/host", "/proc/self/cwd/x", "/dev/tty", "//host/share"])
def test_a_lookup_would_be_seen(path: str, tmp_path: Path) -> None:
    code = f"import os; os.path.lexists({path!r}); print('_venvhook_')"
    found = lookups(tmp_path, tmp_path, code)
    assert [line for line in found if NEVER.search(line)]


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
@pytest.mark.parametrize("name", CASES)
def test_what_a_project_names_is_not_looked_up(name: str, tmp_path: Path) -> None:
    for directory in ("home", "canaries"):
        (tmp_path / directory).mkdir()
    root = CASES[name](Builder(tmp_path / "home", tmp_path / "canaries"))
    found = lookups(root, tmp_path / "home")
    # That the trace shows something: the project itself.
    assert any(str(root) in line for line in found)
    assert [line for line in found if NEVER.search(line)] == []
