"""What a directory is: pyvenv.cfg, names shown, and why an environment is not whole."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker
from venvhook import environment as environment_module
from venvhook.environment import (
    CONFIG_LIMIT,
    NAME_LIMIT,
    Environment,
    Unusable,
    display_name,
    examine,
    examine_unfinished,
    is_never_asked,
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
        ("\u00a0home\u2003= /usr/bin\u00a0\n".encode(), {b"home": b"/usr/bin"}),
    ],
)
def test_config_is_read_as_lines_of_key_and_value(
    text: bytes, expected: dict[bytes, bytes]
) -> None:
    assert dict(environment_module.config_lines(text)) == expected


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


# ---- Whole ---------------------------------------------------------------------------------------


def _replace(path: Path) -> Path:
    """Remove the file or link *path*, and return it."""
    path.unlink()
    return path


def _put_fifo(path: Path) -> None:
    os.mkfifo(_replace(path))


def _put_directory(path: Path) -> None:
    _replace(path).mkdir()


def _put_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(_replace(path).parent)  # the name of a socket is at most 108 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _put_loop(path: Path) -> None:
    _replace(path).symlink_to(path.name)


def _put_zeros(path: Path) -> None:
    _replace(path).symlink_to("/dev/zero")


def _put_device(path: Path) -> None:
    try:
        os.mknod(_replace(path), stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root can make a device")


def _put_terminal(path: Path) -> None:
    _replace(path).symlink_to("/dev/tty")


def _put_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _put_gigabyte(path: Path) -> None:
    os.truncate(path, 1 << 30)


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes().ljust(CONFIG_LIMIT + 1, b"#"))


def _put_empty(path: Path) -> None:
    _replace(path).touch(mode=0o600)


def _remove(path: Path) -> None:
    path.unlink()


def _only_activator(path: Path) -> Path:
    """Return the one activate script that is left in the ``bin`` of *path*."""
    for script in path.parent.glob("[aA]ctivate*"):
        if script != path:
            script.unlink()
    return path


# What happens to which file, and the reason: all of these without ever waiting.
DAMAGES: tuple[tuple[str, Callable[[Path], None], str], ...] = (
    ("pyvenv.cfg", _put_fifo, "pyvenv.cfg is a FIFO"),
    ("pyvenv.cfg", _put_directory, "pyvenv.cfg is a directory"),
    ("pyvenv.cfg", _put_socket, "pyvenv.cfg is a socket"),
    ("pyvenv.cfg", _put_device, "pyvenv.cfg is a character device"),
    ("pyvenv.cfg", _put_zeros, "pyvenv.cfg is a symbolic link"),
    ("pyvenv.cfg", _put_terminal, "pyvenv.cfg is a symbolic link"),
    ("pyvenv.cfg", _put_link, "pyvenv.cfg is a symbolic link"),
    ("pyvenv.cfg", _put_loop, "pyvenv.cfg is a symbolic link"),
    ("pyvenv.cfg", _put_gigabyte, "pyvenv.cfg is larger than 65536 bytes"),
    ("pyvenv.cfg", _grow, "pyvenv.cfg is larger than 65536 bytes"),
    ("pyvenv.cfg", _put_empty, "pyvenv.cfg has no 'home' key"),
    ("pyvenv.cfg", _remove, "pyvenv.cfg cannot be read"),
    ("bin/python", _remove, "no interpreter in bin/"),
    ("bin/python", _put_fifo, "the interpreter in bin/ is a FIFO"),
    ("bin/python", _put_directory, "the interpreter in bin/ is a directory"),
    ("bin/python", _put_socket, "the interpreter in bin/ is a socket"),
    ("bin/python", _put_device, "the interpreter in bin/ is a character device"),
    ("bin/python", _put_zeros, "the interpreter in bin/ is a character device"),
    ("bin/python", _put_loop, "the interpreter in bin/ cannot be used"),
    ("bin/python", _put_empty, "the interpreter in bin/ is not executable"),
    ("bin/activate", _remove, "no activate script"),
    ("bin/activate", _put_fifo, "no activate script"),
    ("bin/activate", _put_directory, "no activate script"),
    ("bin/activate", _put_socket, "no activate script"),
    ("bin/activate", _put_link, "no activate script"),
    ("bin/activate", _put_loop, "no activate script"),
)


@pytest.mark.skipif(os.name == "nt", reason="the layout differs, and modes mean little there")
@pytest.mark.parametrize(
    ("part", "damage", "reason"),
    DAMAGES,
    ids=[f"{part}-{damage.__name__}" for part, damage, _reason in DAMAGES],
)
def test_the_reason_against_what_is_not_whole(
    part: str,
    damage: Callable[[Path], None],
    reason: str,
    tmp_path: Path,
    make_environment: EnvironmentMaker,
) -> None:
    path = make_environment(tmp_path / ".venv")
    file = path / part
    damage(_only_activator(file) if part == "bin/activate" else file)
    with pytest.raises(Unusable, match=reason):
        examine(bytes(path))


# What different readers of pyvenv.cfg would take for different homes.
HOMES: tuple[tuple[bytes, str | None], ...] = (
    (b"home = /usr/bin\n", None),
    (b"home = /usr/bin\r\nversion = 3\r\n", None),
    (b"home =\n", "has no 'home' key"),
    (b"# home\nversion = 3\n", "has no 'home' key"),
    (b"home = /one\nhome = /two\n", "has more than one 'home' key"),
    (b"HOME = /one\nhome = /one\n", "has more than one 'home' key"),
    (b"home =\nhome = /two\n", "has more than one 'home' key"),
    ("\u00a0home\u2003= /one\nhome = /two\n".encode(), "has more than one 'home' key"),
    (b"home = /one\0/two\n", "holds control characters"),
    (b"home = /one\rx = y\n", "holds control characters"),
)


@pytest.mark.parametrize(("text", "reason"), HOMES)
def test_all_readers_find_the_same_home(
    text: bytes, reason: str | None, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    (path / "pyvenv.cfg").write_bytes(text)
    if reason is None:
        assert examine(bytes(path)).config[b"home"] == b"/usr/bin"
        return
    with pytest.raises(Unusable, match=reason) as raised:
        examine(bytes(path))
    assert raised.value.kept


@pytest.mark.skipif(os.name == "nt", reason="the layout differs there")
def test_the_first_home_is_what_python_starts_with(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    prefix = Path(sys.base_prefix)
    (tmp_path / "other").mkdir()
    for name in ("bin", "lib"):
        (tmp_path / "other" / name).symlink_to(prefix / name)
    config = path / "pyvenv.cfg"
    genuine = config.read_text()
    config.write_text(f"home = {tmp_path}/other/bin\n{genuine}")
    words = [str(path / "bin/python"), "-I", "-c", "import sys; print(sys.base_prefix)"]
    started = subprocess.run(words, capture_output=True, text=True, check=True)
    assert started.stdout == f"{tmp_path}/other\n"
    with pytest.raises(Unusable, match="more than one 'home' key"):
        examine(bytes(path))


@pytest.mark.skipif(os.name == "nt", reason="the layout differs there")
def test_a_second_config_beside_the_interpreter_is_a_reason(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    (path / "bin/pyvenv.cfg").write_text("home = /other\n")
    words = [str(path / "bin/python"), "-c", "import sys; print(sys._home)"]
    started = subprocess.run(words, capture_output=True, text=True, check=True)
    assert started.stdout == "/other\n"
    with pytest.raises(Unusable, match=r"a second pyvenv.cfg in bin/"):
        examine(bytes(path))


@pytest.mark.skipif(os.name == "nt", reason="modes mean little there")
@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("pyvenv.cfg", "pyvenv.cfg cannot be read"),
        ("bin", "cannot be used"),
        ("", "cannot be read"),
    ],
)
def test_what_may_not_be_read_is_not_whole(
    part: str,
    reason: str,
    tmp_path: Path,
    ordinary_user: tuple[str, ...],
    make_environment: EnvironmentMaker,
) -> None:
    path = make_environment(tmp_path / ".venv")
    mode = (path / part).stat().st_mode
    (path / part).chmod(0)
    source = Path(environment_module.__file__).parents[1]
    code = (
        f"import sys; sys.path.append({str(source)!r})\n"
        "from venvhook.environment import Unusable, examine\n"
        f"try:\n    examine({bytes(path)!r})\n"
        "except Unusable as answer:\n    print(answer.reason)\n"
    )
    try:
        words = [*ordinary_user, sys.executable, "-I", "-c", code]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    finally:
        (path / part).chmod(mode)
    assert reason in done.stdout
    assert "Permission denied" in done.stdout


def test_a_file_is_read_to_just_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * CONFIG_LIMIT)
    assert len(read_file(bytes(file), CONFIG_LIMIT)) == CONFIG_LIMIT
    file.write_bytes(b"x" * (CONFIG_LIMIT + 1))
    with pytest.raises(Unusable):
        read_file(bytes(file), CONFIG_LIMIT)


@pytest.mark.skipif(os.name == "nt", reason="a link needs a privilege there")
def test_a_link_to_a_file_is_read_only_where_links_may_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    assert read_file(bytes(tmp_path / "link"), CONFIG_LIMIT) == b"text"
    with pytest.raises(Unusable, match="is a symbolic link"):
        read_file(bytes(tmp_path / "link"), CONFIG_LIMIT, links=False)


def _swap_after_the_look(
    monkeypatch: pytest.MonkeyPatch, path: Path, put: Callable[[Path], None]
) -> None:
    """Put something else in the place of *path* between the look at it and its opening."""
    genuine = os.open

    def racing(name: bytes, flags: int) -> int:
        monkeypatch.undo()
        put(path)
        return genuine(name, flags)

    monkeypatch.setattr(os, "open", racing)


# What wins the race against the look, and what is said then.
RACES: tuple[tuple[Callable[[Path], None], type[Exception], str], ...] = (
    (_put_fifo, Unusable, "is a FIFO"),
    (_put_device, Unusable, "is a character device"),
    (_put_gigabyte, Unusable, "is larger than"),
    (_put_link, OSError, "levels of symbolic links"),
    (_put_zeros, OSError, "levels of symbolic links"),
    (_remove, OSError, "No such file"),
)


@pytest.mark.skipif(os.name == "nt", reason="none of these can be made there")
@pytest.mark.parametrize(("put", "error", "text"), RACES, ids=[r[0].__name__ for r in RACES])
def test_what_counts_is_what_was_opened(
    put: Callable[[Path], None],
    error: type[Exception],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"home = /usr/bin\n")
    descriptors = len(list(Path("/dev/fd").iterdir()))
    _swap_after_the_look(monkeypatch, file, put)
    with pytest.raises(error, match=text):
        read_file(bytes(file), CONFIG_LIMIT, links=False)
    assert len(list(Path("/dev/fd").iterdir())) == descriptors


def test_of_a_file_that_grows_while_it_is_read_no_more_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"home = /usr/bin\n")
    look, read, sizes = os.fstat, os.read, []

    def look_and_grow(descriptor: int) -> os.stat_result:
        found = look(descriptor)
        os.truncate(file, 1 << 30)
        return found

    def read_and_count(descriptor: int, size: int) -> bytes:
        content = read(descriptor, size)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(os, "fstat", look_and_grow)
    monkeypatch.setattr(os, "read", read_and_count)
    with pytest.raises(Unusable, match="is larger than"):
        read_file(bytes(file), CONFIG_LIMIT)
    assert sum(sizes) == CONFIG_LIMIT + 1


def test_a_file_that_comes_in_pieces_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"home = /usr/bin\n" * 10)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 7)))
    assert read_file(bytes(file), CONFIG_LIMIT) == b"home = /usr/bin\n" * 10


@pytest.mark.skipif(os.name == "nt", reason="paths have another form there")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/net", True),
        (b"/net/host/x", True),
        (b"/proc/self/cwd", True),
        (b"/dev/shm/app", True),
        (b"//host/share", True),
        (b"/", False),
        (b"/network", False),
        (b"/home/net", False),
    ],
)
def test_where_no_name_is_asked(path: bytes, expected: bool) -> None:
    assert is_never_asked(path) is expected


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


# ---- A Python that is gone -----------------------------------------------------------------------

# What pyvenv.cfg says of the version, and what is told of it.
VERSIONS: tuple[tuple[str, str], ...] = (
    ("version = 3.11.9\n", " 3.11.9"),
    ("version_info = 3.12.1.final.0\n", " 3.12.1"),
    ("version_info = 3.12.1\n", " 3.12.1"),
    ("", ""),
    ("version = $(id).1\n", ""),
    ("version = 99999999999999999999\n", ""),
)


@pytest.mark.skipif(os.name == "nt", reason="there bin/python is no link")
@pytest.mark.parametrize(("line", "version"), VERSIONS)
def test_a_python_that_was_upgraded_away_is_named(
    line: str, version: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    (path / "pyvenv.cfg").write_text(f"home = /opt/gone/bin\n{line}")
    base = tmp_path / "python3.11"
    for link, target in (("python3", base), ("python", "python3")):
        (path / "bin" / link).unlink()
        (path / "bin" / link).symlink_to(target)
    with pytest.raises(Unusable) as raised:
        examine(bytes(path))
    told = f"its Python{version} ({base}) is gone; 'venvhook create --clear' makes it anew"
    assert raised.value.reason == told
    assert not raised.value.kept, "it may come back without a trace"


@pytest.mark.skipif(os.name == "nt", reason="there bin/python is no link")
def test_a_link_to_nothing_in_its_own_bin_is_no_interpreter(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    (path / "bin/python").unlink()
    (path / "bin/python").symlink_to("pypy3")
    with pytest.raises(Unusable, match="no interpreter in bin/; 'venvhook create --clear'"):
        examine(bytes(path))


# ---- One that is being made ----------------------------------------------------------------------


def test_an_unfinished_environment_is_not_used(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / ".venv")
    (path / ".venvhook-unfinished").touch()
    with pytest.raises(Unusable, match="is unfinished; run 'venvhook create' again"):
        examine(bytes(path))
    assert examine_unfinished(bytes(path)).config
