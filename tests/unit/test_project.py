"""What a command is about: paths, names, the working directory.

That it finds what the hook finds is tested in tests/shells/test_trust_commands.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from venvhook.caller import absolute, marker_names, working_directory
from venvhook.errors import VenvhookError
from venvhook.project import find_project


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (b".venv", b"venv", b"env")),
        ("", (b".venv", b"venv", b"env")),
        (" : ", (b".venv", b"venv", b"env")),
        (".venv-dev", (b".venv-dev",)),
        ("a:b\tc", (b"a", b"b", b"c")),
        ("a:b c\td", (b".venv", b"venv", b"env")),
        ("a/b", (b".venv", b"venv", b"env")),
        ("\udcff", (b"\xff",)),
    ],
)
def test_names_are_read_as_the_hook_reads_them(value: str | None, expected: tuple[bytes]) -> None:
    environ = {} if value is None else {"VENVHOOK_NAMES": value}
    assert marker_names(environ) == expected


def test_a_path_is_taken_as_the_kernel_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path.resolve()
    (top / "a/b").mkdir(parents=True)
    (top / "link").symlink_to("a/b")
    monkeypatch.chdir(top / "link")
    logical = {"PWD": str(top / "link")}
    assert working_directory(logical) == bytes(top / "link")
    assert working_directory({}) == bytes(top / "a/b")
    assert working_directory({"PWD": "link"}) == bytes(top / "a/b")
    assert working_directory({"PWD": f"{top}/a/../a/b"}) == bytes(top / "a/b")
    assert absolute(b"x/./y/", logical) == bytes(top / "link/x/y")
    # '..' after a link leads to the directory above the real one.
    assert absolute(b"../x", logical) == bytes(top / "a/x")
    assert absolute(b"..", logical) == bytes(top / "a")
    assert absolute(bytes(top / "link/../../link"), logical) == bytes(top / "link")


def test_what_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PWD": str(tmp_path)}
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name, expected in (
        ("missing", "No such file"),
        ("file", "is no environment"),
        ("loop", "is no environment"),
    ):
        with pytest.raises(VenvhookError, match=expected):
            find_project(bytes(tmp_path / name), environ)
