"""What a directory is: pyvenv.cfg, names shown, and why an environment is not whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker
from venvhook.environment import (
    CONFIG_LIMIT,
    NAME_LIMIT,
    Environment,
    Unusable,
    display_name,
    examine,
    parse_config,
    read_file,
    witnesses,
)
from venvhook.errors import shown

NAMES = (b".venv", b"venv", b"env")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", {}),
        (b"home = /usr/bin\n", {b"home": b"/usr/bin"}),
        (b"home=/usr/bin", {b"home": b"/usr/bin"}),
        (b"HOME = /usr/bin\r\n", {b"home": b"/usr/bin"}),
        (b"no separator\n= no key\nkey =\n", {b"": b"no key", b"key": b""}),
        (b"command = a = b\n", {b"command": b"a = b"}),
        (b"a = 1\na = 2\n", {b"a": b"2"}),
        (b"\xff = \xfe\n", {b"\xff": b"\xfe"}),
    ],
)
def test_config_is_read_as_lines_of_key_and_value(
    text: bytes, expected: dict[bytes, bytes]
) -> None:
    assert parse_config(text) == expected


@pytest.mark.parametrize("maker", MAKERS)
def test_environments_of_each_maker_are_whole(
    maker: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = bytes(make_environment(tmp_path / "app/.venv", maker))
    environment = examine(path)
    assert environment.path == path
    assert environment.config[b"home"]
    assert all(os.path.lexists(witness) for witness in witnesses(path))


# What venv, virtualenv and uv write for a prompt, and what is shown.
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    "prompt", ["plain", "two words", "it's", 'say "hi"', "back\\slash", "ünïcödé", "'quoted'"]
)
def test_the_prompt_that_a_maker_wrote_is_shown(
    maker: str, prompt: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    environment = examine(bytes(make_environment(tmp_path / ".venv", maker, prompt=prompt)))
    expected = prompt
    if maker == "uv" and prompt == "'quoted'":
        expected = "quoted"  # written bare, which nobody can tell from what CPython quotes
    assert display_name(environment, bytes(tmp_path), NAMES).decode() == expected


@pytest.mark.parametrize(
    ("path", "root", "prompt", "expected"),
    [
        (b"/p/app/.venv", b"/p/app", b"", b"app"),
        (b"/p/app/env", b"/p/app", b"", b"app"),
        (b"/p/envs/three", b"/p/app", b"", b"three"),
        (b"/p/app/.venv", b"/p/app", b"mine", b"mine"),
        (b"/p/app/.venv", b"/p/app", b"'", b"'"),
        (b"/p/app/.venv", b"/p/app", b"''", b"app"),
        (b"/p/app/.venv", b"/p/app", b'"it\'s"', b"it's"),
        (b"/p/app/.venv", b"/p/app", rb"'a\'b'", b"a'b"),
        (b"/p/app/.venv", b"/p/app", rb"'\x1b[31m'", b"?[31m"),
        (b"/p/app/.venv", b"/p/app", rb"'\xe9\u20ac'", "é€".encode()),
        (b"/p/app/.venv", b"/p/app", rb"'broken\'", rb"broken" + b"\\"),
        (b"/p/app/.venv", b"/p/app", b"a\x1b]0;t\x07b", b"a?]0;t?b"),
        (b"/p/app/.venv", b"/p/app", b"a\xffb", "a\ufffdb".encode()),
        (b"/p/app/.venv", b"/p/app", "\u202ex".encode(), b"?x"),
        (b"/.venv", b"/", b"", b"venv"),
    ],
)
def test_the_name_shown(path: bytes, root: bytes, prompt: bytes, expected: bytes) -> None:
    environment = Environment(path, {b"prompt": prompt} if prompt else {})
    assert display_name(environment, root, NAMES) == expected


def test_a_long_name_loses_its_middle() -> None:
    environment = Environment(b"/p/.venv", {b"prompt": b"a" * 500 + b"z"})
    name = display_name(environment, b"/p", NAMES).decode()
    assert len(name) <= NAME_LIMIT
    assert name.startswith("aaa")
    assert name.endswith("z")


def _remove_home(path: Path) -> None:
    (path / "pyvenv.cfg").write_text("version = 3\n")


def _grow_config(path: Path) -> None:
    (path / "pyvenv.cfg").write_bytes(b"home = /usr\n".ljust(CONFIG_LIMIT + 1, b"#"))


def _config_to_directory(path: Path) -> None:
    (path / "pyvenv.cfg").unlink()
    (path / "pyvenv.cfg").mkdir()


def _remove_interpreter(path: Path) -> None:
    (path / "bin/python").unlink()


def _interpreter_to_directory(path: Path) -> None:
    (path / "bin/python").unlink()
    (path / "bin/python").mkdir()


def _interpreter_to_text(path: Path) -> None:
    (path / "bin/python").unlink()
    (path / "bin/python").touch(mode=0o600)


def _remove_activators(path: Path) -> None:
    for script in (path / "bin").glob("[aA]ctivate*"):
        script.unlink()


@pytest.mark.skipif(os.name == "nt", reason="the layout differs, and modes mean little there")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_remove_home, "no 'home' key"),
        (_grow_config, "larger than 65536 bytes"),
        (_config_to_directory, "pyvenv.cfg is a directory"),
        (_remove_interpreter, "no interpreter in bin/"),
        (_interpreter_to_directory, "the interpreter in bin/ is a directory"),
        (_interpreter_to_text, "not executable"),
        (_remove_activators, "no activate script"),
    ],
)
def test_the_reason_against_what_is_not_whole(
    damage: Callable[[Path], None],
    reason: str,
    tmp_path: Path,
    make_environment: EnvironmentMaker,
) -> None:
    path = make_environment(tmp_path / ".venv")
    damage(path)
    with pytest.raises(Unusable, match=reason):
        examine(bytes(path))


def test_config_of_just_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * CONFIG_LIMIT)
    assert len(read_file(bytes(file), CONFIG_LIMIT)) == CONFIG_LIMIT
    file.write_bytes(b"x" * (CONFIG_LIMIT + 1))
    with pytest.raises(Unusable):
        read_file(bytes(file), CONFIG_LIMIT)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"/home/me/app", "/home/me/app"),
        (b"a\nb\tc\x1b[0m\x7f", r"a\nb\tc\x1b[0m\x7f"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"\xc2\x9b31m", r"\x9b31m"),
        ("\u202e\u2028\ufeff".encode(), r"\u202e\u2028\ufeff"),
        ("ünïcödé €".encode(), "ünïcödé €"),
        (b"", ""),
    ],
)
def test_what_is_shown_is_harmless(value: bytes, expected: str) -> None:
    assert shown(value) == expected


def test_what_is_shown_is_not_endless() -> None:
    text = shown(b"a" * 5000 + b"z", limit=100)
    assert len(text) <= 100
    assert text.startswith("aaa")
    assert text.endswith("z")
