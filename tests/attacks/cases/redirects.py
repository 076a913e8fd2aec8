"""A marker that is a file: one line, the path of an environment (PEP 832)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import git, make_socket, site_packages
from attacks.stage import Stage

GROUP = Group("redirects", by_turns=True)

# What the file holds that may lead nowhere, whatever is there.
REFUSED: dict[str, bytes] = {
    "empty": b"",
    "newlines": b"\n\n\n",
    "two lines": b"../kept\n../kept\n",
    "NULs": b"../kept\0x\n",
    "all bytes": bytes(range(256)),
    "longer than the limit": b"x" * 5000,
    "at the limit": b"x" * 4095 + b"\n",
    "past what a path may be": b"d/" * 2047 + b"\n",
    "UTF-16": "../kept\n".encode("utf-16"),
    "a mark of byte order": b"\xef\xbb\xbf../kept\n",
    "a command": b"$(pwn)\n",
    "backticks": b"`pwn`\n",
    "commands": b"; pwn; | pwn & pwn\n",
    "a variable": b"$HOME/kept\n",
    "a tilde": b"~/kept\n",
    "quotes": b"'../kept'\n",
    "an option": b"-rf\n",
    "escape sequences": b"\x1b]0;title\x07\x1b[31m\n",
    "bidirectional marks": "\u202e../kept\u2069\n".encode(),
    "carriage return inside": b"../ke\rpt\n",
    "below /proc": b"/proc/self/cwd/kept\n",
    "the root of a process": b"/proc/self/root/\n",
    "an open file": b"/proc/self/fd/0\n",
    "below /dev": b"/dev/fd/0\n",
    "/dev/zero": b"/dev/zero\n",
    "/dev/tty": b"/dev/tty\n",
    "below /sys": b"/sys/kernel\n",
    "another host by automount": b"/net/host/env\n",
    "another host by AFS": b"/afs/host/env\n",
    "another host by UNC": b"//host/share/env\n",
    "another host by backslashes": b"\\\\host\\share\\env\n",
    "/proc by dots": b"../../../../../../../../../../proc/self/cwd/kept\n",
    "/proc by slashes": b"/./proc//self/cwd/../cwd/kept\n",
    "root": b"/\n",
    "the project": b".\n",
    "above the project": b"..\n",
    "itself": b".venv\n",
    "nowhere": b"../nowhere\n",
    "a directory that is no environment": b"/usr/bin\n",
}


def _holding(text: bytes) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        root = stage.build.project()
        (root / ".venv").write_bytes(text)
        stage.visit(root, None)

    return act


for _name, _text in REFUSED.items():
    GROUP.add(_name, _holding(_text))


def _kept(stage: Stage) -> Path:
    """Make an environment of the user's own, away from the project."""
    return stage.build.genuine(stage.home / "kept")


@GROUP.case
def _to_one_s_own_environment(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    (root / ".venv").write_text(f"{kept}\n")
    stage.visit(root, kept)


@GROUP.case
def _to_one_s_own_by_a_relative_path(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    (root / ".venv").write_text("../kept")
    stage.visit(root, kept)


@GROUP.case
def _by_way_of_a_link(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    (root / "way").symlink_to("..")
    (root / ".venv").write_text("way/kept\n")
    stage.visit_either(root, root / "way/kept")
    assert kept.exists()


@GROUP.case
def _above_by_way_of_a_link(stage: Stage) -> None:
    # app/way/../kept is deep/kept, not app/kept: what the kernel does, not what the text says.
    root = stage.build.project()
    (stage.home / "deep/down").mkdir(parents=True)
    stage.build.delivered(stage.home / "deep/kept")
    stage.build.genuine(root / "kept")
    (root / "way").symlink_to("../deep/down")
    (root / ".venv").write_text("way/../kept\n")
    stage.cd(root)
    assert stage.active != os.fsencode(stage.home / "deep/kept")
    stage.visit_as_seen(root, root / "kept")


@GROUP.case
def _to_a_stranger_s_environment(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.delivered(stage.home / "elsewhere")
    (root / ".venv").write_text("../elsewhere\n")
    stage.visit(root, None)


@GROUP.case
def _to_a_stranger_s_environment_in_the_project(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.delivered(root / "hidden/env")
    (root / ".venv").write_text("hidden/env\n")
    stage.visit(root, None)


@GROUP.case
def _to_another_redirect(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    (root / "second").write_text(f"{kept}\n")
    (root / ".venv").write_text("second\n")
    stage.visit(root, None)


@GROUP.case
def _tracked_to_one_s_own_environment(stage: Stage) -> None:
    # Whose environment it is decides a stranger.
    root, kept = stage.build.project(), _kept(stage)
    (root / ".venv").write_text("../kept\n")
    stage.build.repository(root)
    git(root, "add", "-f", ".venv")
    stage.visit(root, None)
    assert kept.exists()


@GROUP.case
def _to_an_environment_that_is_tracked(stage: Stage) -> None:
    root = stage.build.project()
    environment = stage.build.tracked("other")
    (root / ".venv").write_text(f"{environment}\n")
    stage.visit(root, None)


@GROUP.case(by_turns=False)
def _turned_elsewhere_after_trust(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    stage.build.delivered(stage.home / "elsewhere")
    (root / ".venv").write_text("../kept\n")
    stage.visit(root, kept)
    (root / ".venv").write_text("../elsewhere\n")
    stage.visit(root, None)


@GROUP.case(by_turns=False)
def _turned_elsewhere_while_active(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    stage.build.delivered(stage.home / "elsewhere")
    (root / ".venv").write_text("../kept\n")
    stage.cd(root)
    stage.expect(kept)
    (root / ".venv").write_text("../elsewhere\n")
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case
def _with_an_environment_s_own_canaries(stage: Stage) -> None:
    root, kept = stage.build.project(), _kept(stage)
    (root / ".venv").write_text("../kept\n")
    assert (site_packages(kept) / "evil.pth").exists()
    stage.visit(root, kept)


def _being(make: Callable[[Path], object], needs: str = "") -> None:
    """Add the case of a marker that is neither a directory nor a regular file."""

    def act(stage: Stage) -> None:
        root = stage.build.project()
        make(root / ".venv")
        stage.visit(root, None)

    GROUP.add(f"is {make.__name__.strip('_').replace('_', ' ')}", act, needs)


def a_fifo(marker: Path) -> None:
    os.mkfifo(marker)


def a_socket(marker: Path) -> None:
    make_socket(marker)


def a_device(marker: Path) -> None:
    os.mknod(marker, 0o020600, os.makedev(1, 5))


def a_link_to_a_fifo(marker: Path) -> None:
    os.mkfifo(marker.with_name("fifo"))
    marker.symlink_to("fifo")


def a_link_to_a_terminal(marker: Path) -> None:
    marker.symlink_to("/dev/tty")


def a_link_to_zeros(marker: Path) -> None:
    marker.symlink_to("/dev/zero")


def a_sparse_gigabyte(marker: Path) -> None:
    with marker.open("wb") as file:
        file.truncate(1 << 30)


for _make in (a_fifo, a_socket, a_link_to_a_fifo, a_link_to_a_terminal, a_link_to_zeros):
    _being(_make)
_being(a_sparse_gigabyte)
_being(a_device, "root")
