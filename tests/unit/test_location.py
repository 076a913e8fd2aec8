"""At home: what the makers of environments record, and what is no answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker
from venvhook.environment import Doubt, Environment, examine
from venvhook.location import SCRIPT_LIMIT, check_at_home

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the layout differs there")

# What a directory may be called, as far as every maker takes it.
NAMES = (
    "plain",
    "two words",
    "it's",
    'say "hi"',
    "do$llar",
    "back\\slash",
    "two\\\\of them",
    "bang!",
    "ünï",
    "par)en;(",
    "tick`s",
    "all'of\"them $a\\n!d",
)
SCRIPTS = ("activate", "activate.fish", "activate.csh")


def doubt(path: Path, real: Path | None = None) -> str:
    """Return why the environment at *path* is not at home, or an empty text if it is."""
    try:
        check_at_home(examine(bytes(path)), bytes(real or path))
    except Doubt as reason:
        return reason.what
    return ""


def leave_only(path: Path, script: str) -> None:
    """Remove the other activate scripts of the environment *path*."""
    for name in SCRIPTS:
        if name != script:
            (path / "bin" / name).unlink(missing_ok=True)


# ---- What makers write ---------------------------------------------------------------------------


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", NAMES)
def test_each_maker_records_its_location(
    maker: str, name: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / name / ".venv", maker)
    scripts = {name: (path / "bin" / name).read_bytes() for name in SCRIPTS}
    config = path / "pyvenv.cfg"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("command")))
    for script in SCRIPTS:
        leave_only(path, script)
        assert doubt(path) == "", script
        elsewhere = path.with_name("elsewhere")
        path.rename(elsewhere)
        assert "was made for " in doubt(elsewhere)
        elsewhere.rename(path)
        for name, content in scripts.items():
            (path / "bin" / name).write_bytes(content)


def interpreter(version: str) -> str:
    """Return CPython *version*; skip the test where it is not on this machine."""
    of_pyenv = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python{version}"))
    found = str(of_pyenv[-1]) if of_pyenv else shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no python{version} here; the table below holds what it writes")
    return found


@pytest.mark.parametrize("version", [f"3.{minor}" for minor in range(8, 15)])
def test_each_cpython_records_its_location(version: str, tmp_path: Path) -> None:
    path = tmp_path / "it's mine/.venv"
    subprocess.run([interpreter(version), "-m", "venv", "--without-pip", path], check=True)
    assert doubt(path) == ""
    path.rename(tmp_path / "moved")
    assert "was made for " in doubt(tmp_path / "moved")


# Lines as they stand in scripts, @ for the location; then whether they record it.
LINES = {
    "CPython 3.8 to 3.11": (b'VIRTUAL_ENV="@"\nexport VIRTUAL_ENV\n', True),
    "CPython 3.12.0": (
        b'if [ "${OSTYPE:-}" = "cygwin" ] ; then\n    export VIRTUAL_ENV=$(cygpath "@")\n'
        b'else\n    export VIRTUAL_ENV="@"\nfi\n',
        True,
    ),
    "CPython 3.13.1": (
        b"        VIRTUAL_ENV=$(cygpath @)\n        export VIRTUAL_ENV\n"
        b"        export VIRTUAL_ENV=@\n",
        True,
    ),
    "CPython with wslpath": (
        b"    VIRTUAL_ENV=$(wslpath @)\n    VIRTUAL_ENV=$(cygpath @)\n    export VIRTUAL_ENV=@\n",
        True,
    ),
    "virtualenv 20.0": (
        b"VIRTUAL_ENV='@'\nif [ \"$OSTYPE\" = cygwin ] ; then\n"
        b'    VIRTUAL_ENV=$(cygpath -u "$VIRTUAL_ENV")\nfi\nexport VIRTUAL_ENV\n',
        True,
    ),
    "virtualenv 21": (
        b'        VIRTUAL_ENV="$CURRENT_ENV"\n        VIRTUAL_ENV=@\n'
        b'            VIRTUAL_ENV=$(cygpath "$VIRTUAL_ENV")\n',
        True,
    ),
    "carriage returns": (b"VIRTUAL_ENV='@'\r\nexport VIRTUAL_ENV\r\n", True),
    "uv venv --relocatable": (
        b'VIRTUAL_ENV=\'\'"$(dirname -- "$(dirname -- "$(realpath -- "$SCRIPT_PATH")")")"\'\'\n',
        False,
    ),
    "nothing": (b"", False),
    "empty": (b"VIRTUAL_ENV=\nVIRTUAL_ENV=''\n", False),
    "a comment": (b"# VIRTUAL_ENV=@\n", False),
    "another variable": (b"VIRTUAL_ENV_PROMPT=@\nunset VIRTUAL_ENV\n", False),
    "backquotes": (b"VIRTUAL_ENV=`pwd`\n", False),
}


@pytest.fixture
def home_made(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """An environment whose ``pyvenv.cfg`` records nothing."""
    path = make_environment(tmp_path / "app/.venv", "uv")
    assert "command" not in (path / "pyvenv.cfg").read_text()
    return path


@pytest.mark.parametrize(("text", "is_there"), LINES.values(), ids=LINES)
def test_lines_as_they_stand_in_scripts(text: bytes, is_there: bool, home_made: Path) -> None:
    script = home_made / "bin/activate"
    script.write_bytes(text.replace(b"@", bytes(home_made)))
    expected = "" if is_there else "does not say where it was made"
    assert doubt(home_made) == expected
    script.write_bytes(text.replace(b"@", b"/else/where"))
    expected = "was made for /else/where, and moved or copied since" if is_there else expected
    assert doubt(home_made) == expected


def test_one_wrong_location_among_right_ones_is_doubt(home_made: Path) -> None:
    script = home_made / "bin/activate"
    right = b"VIRTUAL_ENV='" + bytes(home_made) + b"'\n"
    for text in (right + b"VIRTUAL_ENV=/x\n", b"VIRTUAL_ENV=/x\n" + right):
        script.write_bytes(text)
        assert "was made for /x, and" in doubt(home_made)


@pytest.mark.parametrize("suffix", ["x", "/", "/.", "x'", " x", "'; x", ")"])
def test_what_only_begins_like_the_location_is_another(suffix: str, home_made: Path) -> None:
    (home_made / "bin/activate").write_text(f"VIRTUAL_ENV={home_made}{suffix}\n")
    assert "was made for " in doubt(home_made)


def test_the_command_counts_as_the_script_does(home_made: Path) -> None:
    config = home_made / "pyvenv.cfg"
    plain = config.read_text()
    config.write_text(f"{plain}command = /usr/bin/python3 -m venv --clear {home_made}\n")
    assert doubt(home_made) == ""
    (home_made / "bin/activate").write_text("")
    assert doubt(home_made) == ""
    config.write_text(f"{plain}command = /usr/bin/python3 -m venv /x{home_made}\n")
    with pytest.raises(Doubt, match=rf"was made for /x{home_made}, and") as raised:
        check_at_home(examine(bytes(home_made)), bytes(home_made))
    assert raised.value.kept, "mended by an edit of pyvenv.cfg, which is a witness"


def test_a_doubt_about_the_script_is_not_kept(home_made: Path) -> None:
    (home_made / "bin/activate").write_text("VIRTUAL_ENV=/x\n")
    with pytest.raises(Doubt) as raised:
        check_at_home(examine(bytes(home_made)), bytes(home_made))
    assert not raised.value.kept, "an edit of activate leaves no trace in a witness"


# ---- Which place ---------------------------------------------------------------------------------


def test_the_name_and_the_real_path_are_both_this_place(home_made: Path) -> None:
    link = home_made.parent.with_name("link")
    link.symlink_to("app")
    assert doubt(link / ".venv", real=home_made) == ""
    assert "was made for " in doubt(link / ".venv", real=link / ".venv")


def test_the_logical_path_is_enough(tmp_path: Path, make_environment: EnvironmentMaker) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    path = make_environment(tmp_path / "link/.venv")
    assert str(path) in (path / "bin/activate").read_text(), "made by its logical name"
    assert doubt(path, real=tmp_path / "real/.venv") == ""


@pytest.mark.parametrize(
    "name", ["/proc/self/cwd/.venv", "./.venv", ".venv", "/app/../app/.venv", "/app/./.venv"]
)
def test_a_place_that_depends_is_no_place(name: str, home_made: Path) -> None:
    # Even where the shell's own name for it would be the same text.
    (home_made / "bin/activate").write_text(f"VIRTUAL_ENV='{name}'\n")
    environment = examine(bytes(home_made))
    with pytest.raises(Doubt, match="was made for"):
        check_at_home(environment, bytes(home_made))
    if not name.startswith("/proc"):
        same = Environment(home_made.name.encode(), environment.config)
        same.path = os.fsencode(name)
        with pytest.raises(Doubt):
            check_at_home(same, os.fsencode(name))


def test_no_recorded_path_is_looked_up(home_made: Path) -> None:
    # /proc/self/cwd leads here, so whoever looks it up finds the same directory.
    (home_made / "bin/activate").write_text("VIRTUAL_ENV=/proc/self/cwd/.venv\n")
    before = Path.cwd()
    os.chdir(home_made.parent)
    try:
        assert Path("/proc/self/cwd/.venv").samefile(home_made)
        assert "was made for /proc/self/cwd/.venv, and" in doubt(home_made)
    finally:
        os.chdir(before)


# ---- What is no script ---------------------------------------------------------------------------


def _to_fifo(script: Path) -> None:
    os.mkfifo(script)


def _to_directory(script: Path) -> None:
    script.mkdir()


def _to_link(script: Path) -> None:
    right = script.with_name("right")
    right.write_text(f"VIRTUAL_ENV='{script.parents[1]}'\n")
    script.symlink_to("right")


def _to_loop(script: Path) -> None:
    script.symlink_to(script.name)


def _to_sparse(script: Path) -> None:
    with script.open("wb") as file:
        file.truncate(1 << 30)


def _to_just_too_large(script: Path) -> None:
    line = f"VIRTUAL_ENV='{script.parents[1]}'\n".encode()
    script.write_bytes(line.ljust(SCRIPT_LIMIT + 1, b"#"))


@pytest.mark.parametrize(
    ("replace", "what"),
    [
        (_to_fifo, "is a FIFO"),
        (_to_directory, "is a directory"),
        (_to_link, "is a symbolic link"),
        (_to_loop, "is a symbolic link"),
        (_to_sparse, "is larger than 65536 bytes"),
        (_to_just_too_large, "is larger than 65536 bytes"),
    ],
)
def test_what_is_no_script_is_doubt(
    replace: Callable[[Path], None], what: str, home_made: Path
) -> None:
    script = home_made / "bin/activate"
    script.unlink()
    replace(script)
    assert doubt(home_made) == f"{script} {what}"


def test_what_is_shown_is_harmless(home_made: Path) -> None:
    (home_made / "bin/activate").write_bytes(b"VIRTUAL_ENV='/a\x1b]0;x\x07\xff'\n")
    assert r"/a\x1b]0;x\x07\xff, and" in doubt(home_made)
