"""Where venvhook keeps its own files, and that only the user can write there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout import IS_ROOT
from venvhook.directories import (
    cache_directory,
    config_directory,
    is_own,
    make_directories,
    mirrored,
    state_directory,
    usable,
)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/me"}, b"/home/me/.cache/venvhook"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/c"}, b"/c/venvhook"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": ""}, b"/home/me/.cache/venvhook"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "rel"}, b"/home/me/.cache/venvhook"),
        ({"XDG_CACHE_HOME": "/c"}, b"/c/venvhook"),
        ({"HOME": ""}, None),
        ({"HOME": "rel"}, None),
        ({}, None),
        ({"HOME": "/\udcff"}, b"/\xff/.cache/venvhook"),
    ],
)
def test_the_cache_follows_xdg_where_it_is_absolute(
    environ: dict[str, str], expected: bytes | None
) -> None:
    assert cache_directory(environ) == expected


def test_each_kind_has_its_variable_and_its_default() -> None:
    environ = {"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"}
    assert state_directory(environ) == b"/s/venvhook"
    assert config_directory(environ) == b"/c/venvhook"
    assert state_directory({"HOME": "/h"}) == b"/h/.local/state/venvhook"
    assert config_directory({"HOME": "/h"}) == b"/h/.config/venvhook"


def test_a_mirror_stands_for_a_path_byte_for_byte() -> None:
    assert mirrored(b"/s", b"/a/\xff\n b/", b"x.") == b"/s/a/\xff\n b"
    assert mirrored(b"/s", b"/", b"x.") == b"/s"
    assert mirrored(b"/s", b"/a/x.y/b", b"x.") is None


def test_a_cache_in_a_file_or_below_a_file_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert usable(bytes(tmp_path / "file/venvhook"), {}) is None
    for _ in range(2):
        assert usable(bytes(tmp_path / "dir/venvhook"), {}) == bytes(tmp_path / "dir/venvhook")
    (tmp_path / "link").symlink_to("dir/venvhook")
    assert usable(bytes(tmp_path / "link"), {}) is None


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o700, True), (0o755, True), (0o775, False), (0o707, False)]
)
def test_a_cache_that_others_can_write_is_not_used(
    mode: int, expected: bool, tmp_path: Path
) -> None:
    cache = tmp_path / "venvhook"
    cache.mkdir(parents=True)
    cache.chmod(mode)
    assert is_own(bytes(cache)) == expected


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_nothing_is_made_in_another_users_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    assert not make_directories(bytes(tmp_path / ".cache/venvhook"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".cache").mkdir()
    environ = {"HOME": str(tmp_path)}
    assert usable(bytes(tmp_path / ".cache/venvhook"), environ) is None
    assert list((tmp_path / ".cache").iterdir()) == []
