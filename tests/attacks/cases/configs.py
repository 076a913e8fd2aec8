"""What ``pyvenv.cfg`` may hold, or be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import make_socket
from attacks.stage import Stage

GROUP = Group("configs", by_turns=True)
LIMIT = 64 * 1024


def _rewritten(change: Callable[[bytes], bytes], holds: bool) -> Callable[[Stage], None]:
    """Return the case of one's own environment whose ``pyvenv.cfg`` was edited in its place."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        config = environment / "pyvenv.cfg"
        config.write_bytes(change(config.read_bytes()))
        stage.visit(environment.parent, environment if holds else None)

    return act


def _replaced(replace: Callable[[Path], object]) -> Callable[[Stage], None]:
    """Return the case of one's own environment whose ``pyvenv.cfg`` is something else now."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        config = environment / "pyvenv.cfg"
        config.rename(environment.parent / "kept.cfg")
        replace(config)
        stage.visit(environment.parent, None)

    return act


def _home(value: bytes) -> Callable[[bytes], bytes]:
    """Return what makes ``home =`` *value*."""

    def change(text: bytes) -> bytes:
        lines = [line for line in text.splitlines() if not line.startswith(b"home")]
        return b"\n".join([b"home = " + value, *lines]) + b"\n"

    return change


def _command(value: bytes) -> Callable[[bytes], bytes]:
    """Return what makes ``command =`` *value*."""

    def change(text: bytes) -> bytes:
        lines = [line for line in text.splitlines() if not line.startswith(b"command")]
        return b"\n".join([*lines, b"command = " + value]) + b"\n"

    return change


def _padded(length: int) -> Callable[[bytes], bytes]:
    return lambda text: text + b"#" * (length - len(text))


EDITED: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "empty": (lambda _text: b"", False),
    "binary": (lambda _text: bytes(range(256)) * 10, False),
    "zeros": (lambda _text: bytes(4096), False),
    "no home": (lambda _text: b"version = 3.11\n", False),
    "an empty home": (_home(b""), False),
    "64 KiB": (_padded(LIMIT), True),
    "64 KiB and a byte": (_padded(LIMIT + 1), False),
    "30,000 lines": (lambda text: text + b"a=\n" * 10_000 + b"b=\n" * 8_000, True),
    "one long line": (lambda text: text + b"x = " + b"y" * 60_000 + b"\n", True),
    "commands as keys and values": (lambda t: t + b"$(pwn) = `pwn`\n;pwn; = $(pwn)\n", True),
    "carriage returns": (lambda text: text.replace(b"\n", b"\r\n"), True),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), False),
    "home on another host": (_home(b"/net/host/bin"), False),
    "home below /afs": (_home(b"/afs/host/bin"), False),
    "home by UNC": (_home(b"//host/share/bin"), False),
    "home below /proc": (_home(b"/proc/self/cwd/bin"), False),
    "home below /dev": (_home(b"/dev/fd"), False),
    "home on another host by dots": (_home(b"/usr/../net/host/bin"), False),
    "home below /proc by dots": (_home(b"/usr/../proc/self/cwd/bin"), False),
    "home of escape sequences": (_home(b"/\x1b]0;title\x07\x1b[31m"), False),
    "home by a relative path": (_home(b"bin"), False),
    "home is the project": (_home(b"."), False),
    "home with NULs": (_home(b"/usr\0/bin"), False),
    "home is a command": (_home(b"$(pwn)"), False),
    "home is gone": (_home(b"/gone/bin"), False),
    "command for another place": (_command(b"/usr/bin/python3 -m venv /elsewhere/.venv"), False),
    "command by a link of /proc": (
        _command(b"/usr/bin/python3 -m venv /proc/self/cwd/.venv"),
        False,
    ),
    "command by a relative path": (_command(b"/usr/bin/python3 -m venv .venv"), False),
    "command on another host": (_command(b"/usr/bin/python3 -m venv /net/host/.venv"), False),
    "command to be run": (_command(b"$(pwn); pwn; `pwn`"), False),
}
for _name, (_change, _holds) in EDITED.items():
    GROUP.add(_name, _rewritten(_change, _holds))


def _sparse(config: Path) -> None:
    with config.open("wb") as file:
        file.write(b"home = /usr/bin\n")
        file.truncate(1 << 30)


def _link_to_fifo(config: Path) -> None:
    os.mkfifo(config.with_name("fifo"))
    config.symlink_to("fifo")


OTHERS: dict[str, Callable[[Path], object]] = {
    "gone": lambda config: config.with_name("other.cfg").touch(),
    "a directory": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a sparse gigabyte": _sparse,
    "a link to itself": lambda config: config.symlink_to(config.name),
    "a link to /dev/zero": lambda config: config.symlink_to("/dev/zero"),
    "a link to /dev/tty": lambda config: config.symlink_to("/dev/tty"),
    "a link to /dev/stdin": lambda config: config.symlink_to("/dev/stdin"),
    "a link to /proc/self/environ": lambda config: config.symlink_to("/proc/self/environ"),
    "a link to a FIFO": _link_to_fifo,
}
for _name, _replace in OTHERS.items():
    GROUP.add(_name, _replaced(_replace))


@GROUP.case(needs="root")
def _a_device(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / "pyvenv.cfg").unlink()
    os.mknod(environment / "pyvenv.cfg", 0o020600, os.makedev(1, 5))
    stage.visit(environment.parent, None)


@GROUP.case
def _a_link_to_a_file_in_the_project(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / "pyvenv.cfg").rename(environment.parent / "kept.cfg")
    (environment / "pyvenv.cfg").symlink_to("../kept.cfg")
    stage.visit_either(environment.parent, environment)
