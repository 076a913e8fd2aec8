"""The walk's levels, and what the markers in one directory lead to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from venvhook.discovery import DEFAULT_NAMES, REDIRECT_LIMIT, Marker, find_marker, levels


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("start", "home", "expected"),
    [
        (b"/home/me/app/src", b"/home/me", [b"/home/me/app/src", b"/home/me/app"]),
        (b"/home/me/app", b"/home/me", [b"/home/me/app"]),
        (b"/home/me", b"/home/me", [b"/home/me"]),
        (b"/home/me2/a", b"/home/me", [b"/home/me2/a", b"/home/me2", b"/home"]),
        (b"/srv/a/b", b"/home/me", [b"/srv/a/b", b"/srv/a", b"/srv"]),
        (b"/srv", b"/home/me", [b"/srv"]),
        (b"/", b"/home/me", [b"/"]),
        (b"/", b"/", [b"/"]),
        (b"/a/b", b"/", [b"/a/b", b"/a"]),
        (b"/a/b", b"", [b"/a/b", b"/a"]),
        (b"relative/path", b"", []),
        (b"", b"", []),
        (b"Proj:/x", b"", []),
        (b"/\xff/\n", b"", [b"/\xff/\n", b"/\xff"]),
    ],
)
def test_levels_end_below_home_and_the_root(
    start: bytes, home: bytes, expected: list[bytes]
) -> None:
    assert list(levels(start, home)) == expected


def found(root: Path, names: tuple[bytes, ...] = DEFAULT_NAMES) -> Marker:
    """Return what the markers in *root* lead to; there must be one."""
    marker = find_marker(bytes(root), names)
    assert marker is not None
    return marker


def test_no_marker_is_none(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    assert find_marker(bytes(tmp_path), DEFAULT_NAMES) is None
    assert find_marker(bytes(tmp_path / "gone"), DEFAULT_NAMES) is None


def test_the_first_that_is_an_environment_counts(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    for name in ("env", "venv", ".venv"):
        made = make_environment(tmp_path / name)
        assert found(tmp_path).environment == bytes(made)
    assert found(tmp_path, (b"env", b".venv")).environment == bytes(tmp_path / "env")


def test_what_is_no_environment_does_not_hide_one(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    (tmp_path / ".venv").mkdir()
    made = make_environment(tmp_path / "env")
    assert found(tmp_path).environment == bytes(made)


def test_something_else_called_env_is_passed_without_a_reason(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "venv").write_text("DEBUG=1\n")
    marker = found(tmp_path)
    assert marker.environment is None
    assert marker.reason is None
    assert set(marker.rests_on) == {bytes(tmp_path / "env"), bytes(tmp_path / "venv")}


def test_a_link_to_an_environment_is_named_by_the_link(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(tmp_path / "kept")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/.venv").symlink_to("../kept")
    assert found(tmp_path / "app").environment == bytes(tmp_path / "app/.venv")


REDIRECTS_THAT_WORK = (b"../kept", b"../kept\n", b"../kept\r\n", b"./../kept/\n", b"../app/../kept")


@pytest.mark.parametrize("line", REDIRECTS_THAT_WORK)
def test_a_redirect_is_relative_to_the_project(
    line: bytes, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    kept = make_environment(tmp_path / "kept")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/.venv").write_bytes(line)
    marker = found(tmp_path / "app")
    assert marker.environment == bytes(kept.resolve())
    assert bytes(tmp_path / "app/.venv") in marker.rests_on


def test_an_absolute_redirect(tmp_path: Path, make_environment: EnvironmentMaker) -> None:
    kept = make_environment(tmp_path / "kept")
    (tmp_path / ".venv").write_bytes(bytes(kept) + b"\n")
    assert found(tmp_path).environment == bytes(kept)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is an empty file"),
        (b"\n\n", "is an empty file"),
        (b"a\nb\n", "more than one line"),
        (b"a\0b\n", "more than one line"),
        (b"//host/share\n", "leads to another host"),
        (b"\\\\host\\share\n", "leads to another host"),
        (b"/net/host/env\n", "can hang"),
        (b"/proc/self/cwd\n", "can hang"),
        (b"/a/../net/host\n", "can hang"),
        (b"/dev\n", "can hang"),
        (b"../nowhere\n", "leads to no environment"),
        (b"/network/is/not/Network\n", "leads to no environment"),
        (b"x" * (REDIRECT_LIMIT + 1), "is larger than"),
        (b"x" * REDIRECT_LIMIT, "leads to no environment"),
    ],
)
def test_redirects_that_are_not_followed(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / ".venv").write_bytes(content)
    marker = found(tmp_path)
    assert marker.environment is None
    assert marker.reason is not None
    assert reason in marker.reason.reason


def test_a_reason_comes_before_something_else(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / ".venv").symlink_to("nowhere")
    marker = found(tmp_path)
    assert marker.path == bytes(tmp_path / ".venv")
    assert marker.reason is not None
    assert "link to nothing" in marker.reason.reason


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_a_directory_in_which_one_is_being_made_says_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / ".venvhook-unfinished").touch()
    marker = found(tmp_path)
    assert marker.environment is None
    assert marker.reason is not None
    assert "is unfinished" in marker.reason.reason
