"""Made here: what makers leave in the times of files, and what was there before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import MAKERS, EnvironmentMaker, wait_for_tick
from venvhook import birth
from venvhook.birth import check_made_here
from venvhook.environment import Doubt, examine

pytestmark = pytest.mark.skipif(os.name == "nt", reason="other times are looked at there")

COPIED = "was not made here (it was unpacked or copied)"
SECOND = 1_000_000_000
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="no birth time that proves anything")


def asked(path: Path, is_honest: bool | None = True) -> Doubt | None:
    """Return the doubt about the environment *path*, or None."""
    try:
        check_made_here(examine(bytes(path)), is_honest)
    except Doubt as reason:
        return reason
    return None


def doubt(path: Path) -> str:
    """Return what the doubt about the environment *path* says, or an empty text."""
    reason = asked(path)
    return "" if reason is None else reason.what


def set_time(path: Path, time: int) -> None:
    """Set the modification time of *path* itself, in nanoseconds."""
    os.utime(path, ns=(time, time), follow_symlinks=False)


@pytest.fixture(params=MAKERS)
def made(
    request: pytest.FixtureRequest, tmp_path: Path, make_environment: EnvironmentMaker
) -> Path:
    """A new environment of each maker."""
    return make_environment(tmp_path / "app/.venv", request.param)


@pytest.fixture
def plain(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """A new environment of CPython's venv."""
    return make_environment(tmp_path / "app/.venv")


def site(path: Path) -> Path:
    """Return the ``site-packages`` of the environment *path*."""
    return next(path.glob("lib/*/site-packages"))


# ---- What is made here ---------------------------------------------------------------------------


def test_what_each_maker_made_was_made_here(made: Path) -> None:
    assert doubt(made) == ""


def test_what_is_added_later_is_no_doubt(made: Path) -> None:
    wait_for_tick(made)
    (made / "bin/tool").write_text("#!/bin/sh\n")
    (made / "bin/tool").chmod(0o755)
    (made / "bin/link").symlink_to("tool")
    (site(made) / "package").mkdir()
    (site(made) / "package.pth").touch()
    assert doubt(made) == ""


def test_an_edit_of_the_config_is_no_doubt(made: Path) -> None:
    wait_for_tick(made)
    with (made / "pyvenv.cfg").open("a") as file:
        file.write("prompt = mine\n")
    assert doubt(made) == ""


def test_other_links_to_the_interpreter_may_be_older(plain: Path) -> None:
    (plain / "bin/python3.99").symlink_to((plain / "bin/python").resolve())
    (plain / "bin/pypy").symlink_to("python3.99")
    wait_for_tick(plain)
    remake_all(plain)
    older = (plain / "bin/pypy").lstat().st_ctime_ns
    assert older < (plain / "bin/python").lstat().st_ctime_ns
    assert doubt(plain) == ""


def remake_all(path: Path) -> None:
    """Replace all that counts by new, in the order of a maker."""
    remade(path / "bin/python")
    for script in (path / "bin").glob("[aA]ctivate*"):
        remade(script)
    with (path / "pyvenv.cfg").open("a") as file:
        file.write("\n")


def remade(path: Path) -> None:
    """Replace *path* by a new one that is the same."""
    if path.is_symlink():
        target = path.readlink()
        path.unlink()
        path.symlink_to(target)
    else:
        mode, content = path.stat().st_mode, path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        path.chmod(mode)


# ---- Change times moved later --------------------------------------------------------------------


@pytest.fixture
def tied(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """A new environment whose config and link got the same time, as nearly all do."""
    for number in range(20):
        path = make_environment(tmp_path / f"app{number}/.venv")
        link, config = ((path / name).lstat() for name in ("bin/python", "pyvenv.cfg"))
        if link.st_mtime_ns == config.st_mtime_ns:
            return path
    pytest.skip("here no two files get the same time")


@on_linux
def test_a_change_of_modes_is_no_doubt(tied: Path) -> None:
    wait_for_tick(tied)
    for path in [tied, *tied.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode)
    config = (tied / "pyvenv.cfg").stat()
    assert config.st_mtime_ns < config.st_ctime_ns
    assert doubt(tied) == ""


@on_linux
def test_hard_links_made_for_a_backup_are_no_doubt(tied: Path, tmp_path: Path) -> None:
    wait_for_tick(tied)
    shutil.copytree(
        tied,
        tmp_path / "backup",
        symlinks=True,
        copy_function=lambda source, to: os.link(source, to, follow_symlinks=False),
    )
    for name in ("bin/python", "pyvenv.cfg"):
        os.link(tied / name, tmp_path / name.replace("/", "-"), follow_symlinks=False)
        found = (tied / name).lstat()
        assert found.st_mtime_ns < found.st_ctime_ns
    assert doubt(tied) == ""


@on_linux
def test_without_birth_times_a_moved_change_time_is_doubt(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_tick(plain)
    os.link(plain / "bin/python", tmp_path / "backup", follow_symlinks=False)
    assert doubt(plain) == ""
    monkeypatch.setattr(birth, "_birth_time", lambda _path: None)
    assert doubt(plain) == COPIED


@on_linux
def test_a_file_system_without_birth_times_has_none() -> None:
    assert birth._birth_time(b"/proc/self/status") is None
    assert birth._birth_time(b"/nowhere") is None


@on_linux
def test_a_birth_time_is_that_of_the_link_itself(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wait_for_tick(tmp_path)
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        made = (tmp_path / name).lstat().st_ctime_ns
        set_time(tmp_path / name, SECOND)
        assert birth._birth_time(bytes(tmp_path / name)) == made


# ---- What was not made here ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bin/python", "pyvenv.cfg"])
@pytest.mark.parametrize("offset", [-1, 1, -86_400 * SECOND, 86_400 * SECOND])
def test_a_time_that_was_set_is_doubt_to_the_nanosecond(
    name: str, offset: int, plain: Path
) -> None:
    wait_for_tick(plain)
    set_time(plain / name, (plain / name).lstat().st_mtime_ns + offset)
    reason = asked(plain)
    assert reason is not None
    assert reason.what == COPIED
    assert reason.kept


def test_an_interpreter_that_is_no_link_is_doubt(plain: Path) -> None:
    link = plain / "bin/python"
    target = link.resolve()
    link.unlink()
    shutil.copy(target, link)
    assert "bin/python is no link" in doubt(plain)


def _program(path: Path) -> None:
    (path / "bin/ls").write_text("#!/bin/sh\n")
    (path / "bin/ls").chmod(0o755)


def _link(path: Path) -> None:
    (path / "evil").write_text("#!/bin/sh\n")
    (path / "evil").chmod(0o755)
    (path / "bin/ls").symlink_to("../evil")


def _link_to_nothing(path: Path) -> None:
    (path / "bin/ls").symlink_to("../not/yet/there")


def _link_by_a_link(path: Path) -> None:
    """One that leads to the interpreter, until the project's own link is turned elsewhere."""
    (path / "tool").symlink_to(os.path.realpath(sys.executable))
    (path / "bin/python3.99").symlink_to("../tool")


def _other_interpreter(path: Path) -> None:
    (path / "evil").write_text("#!/bin/sh\n")
    (path / "evil").chmod(0o755)
    (path / "bin/python3.99").symlink_to("../evil")


def _activator(path: Path) -> None:
    (path / "bin/Activate.sh").write_text("\n")


def _startup_file(path: Path) -> None:
    site(path).joinpath("evil.pth").write_text("import evil\n")


def _package(path: Path) -> None:
    site(path).joinpath("sitecustomize").mkdir()


def _other_library(path: Path) -> None:
    (path / "lib64").unlink(missing_ok=True)
    (path / "lib64/python3.99/site-packages/sitecustomize").mkdir(parents=True)


# What an archive brings before the environment is made, and what is said of it.
BROUGHT: dict[str, tuple[Callable[[Path], None], str]] = {
    "a program": (_program, "bin/ls"),
    "a link to a program": (_link, "bin/ls"),
    "a link to nothing": (_link_to_nothing, "bin/ls"),
    "a link to the interpreter by another link": (_link_by_a_link, "bin/python3.99"),
    "a link called like an interpreter": (_other_interpreter, "bin/python3.99"),
    "an activate script": (_activator, "bin/Activate.sh"),
    "a .pth file": (_startup_file, "evil.pth"),
    "a package": (_package, "sitecustomize"),
    "another library": (_other_library, "lib64/python3.99/site-packages/sitecustomize"),
}


@pytest.mark.parametrize(("bring", "name"), BROUGHT.values(), ids=BROUGHT)
def test_what_was_there_before_is_doubt(
    bring: Callable[[Path], None], name: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = tmp_path / "app/.venv"
    (path / "bin").mkdir(parents=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (path / "lib" / version / "site-packages").mkdir(parents=True)
    bring(path)
    wait_for_tick(tmp_path)
    make_environment(path)
    reason = asked(path)
    assert reason is not None
    assert reason.what.startswith("holds ")
    assert f"{name}, which was there before it was made" in reason.what
    assert reason.kept == ("site-packages" not in reason.what), "its removal shows in no witness"


@pytest.mark.parametrize("name", ["bin", "lib", "lib64", "python", "site-packages"])
def test_a_link_to_libraries_that_was_there_before_is_doubt(
    name: str, plain: Path, tmp_path: Path
) -> None:
    """'python -m venv' writes through most, and what comes to where they lead is used."""
    places = {"python": site(plain).parent, "site-packages": site(plain)}
    link = places.get(name, plain / name)
    elsewhere = tmp_path / "payload"
    if name == "lib64":
        link.unlink(missing_ok=True)
        elsewhere.mkdir()
    else:
        link.rename(elsewhere)
    link.symlink_to(elsewhere)
    wait_for_tick(tmp_path)
    remake_all(plain)
    reason = asked(plain)
    assert reason is not None
    where = link.relative_to(plain)
    assert reason.what == f"holds the link {where}, which was there before it was made"
    assert not reason.kept, "its removal shows in no witness"


def test_a_link_to_libraries_that_came_later_is_no_doubt(plain: Path, tmp_path: Path) -> None:
    wait_for_tick(plain)
    link = site(plain)
    link.rename(tmp_path / "packages")
    link.symlink_to(tmp_path / "packages")
    assert doubt(plain) == ""


OTHER_PYTHON = "has another Python in bin than pyvenv.cfg names"


@pytest.mark.parametrize("target", ["../evil", "evil", "./evil", "../../.venv/evil"])
def test_an_interpreter_that_was_brought_is_doubt(
    target: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    """As a link it has no time that was set, and 'python -m venv' leaves it alone."""
    path = tmp_path / "app/.venv"
    (path / "bin").mkdir(parents=True)
    for evil in (path / "bin/evil", path / "evil"):
        shutil.copy(sys.executable, evil)
    (path / "bin/python").symlink_to(target)
    make_environment(path)
    assert (path / "bin/python").readlink() == Path(target)
    assert doubt(path) == OTHER_PYTHON


def test_a_chain_of_links_out_of_the_directory_is_followed(plain: Path) -> None:
    # As 'python3.99 -m venv' makes them.
    target = (plain / "bin/python").resolve()
    made = {"python3.99": target, "python": Path("python3.99")}
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (plain / "bin" / name).unlink()
    for name, leads_to in made.items():
        (plain / "bin" / name).symlink_to(leads_to)
    remake_all(plain)
    assert doubt(plain) == ""


def test_the_home_of_the_interpreter_may_be_spelled_otherwise(plain: Path, tmp_path: Path) -> None:
    config = plain / "pyvenv.cfg"
    text = config.read_text()
    home = next(line for line in text.splitlines() if line.startswith("home"))
    directory = Path(home.partition(" = ")[2])
    (tmp_path / "link").symlink_to(directory)
    for other in (tmp_path / "link", directory / "../bin", directory.parent):
        config.write_text(text.replace(home, f"home = {other}"))
        assert doubt(plain) == ""
    for wrong in (tmp_path, directory.parent.parent, Path("bin")):
        config.write_text(text.replace(home, f"home = {wrong}"))
        assert doubt(plain) == OTHER_PYTHON


@pytest.mark.parametrize("place", ["evil", "bin/evil"])
def test_a_new_link_to_what_was_there_before_is_doubt(place: str, plain: Path) -> None:
    program = plain / place
    program.write_text("#!/bin/sh\n")
    # Not executable, so it says nothing yet.
    wait_for_tick(plain)
    remake_all(plain)
    assert doubt(plain) == ""
    (plain / "bin/ls").symlink_to(program)
    assert doubt(plain) == "holds bin/ls, which was there before it was made"


def remake(path: Path, names: list[str], mode: int = 0o755) -> bool:
    """Make *names* of ``bin`` anew, in their order; return whether all got the same time."""
    (path / "bin").rename(path / "old")
    (path / "bin").mkdir()
    for name in names:
        old = path / "old" / name
        if old.is_symlink():
            (path / "bin" / name).symlink_to(os.path.realpath(sys.executable))
        else:
            # Nothing that asks for its times, which would get finer then.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            os.close(os.open(path / "bin" / name, flags, mode))
    shutil.rmtree(path / "old")
    return len({(path / "bin" / name).lstat().st_ctime_ns for name in names}) == 1


@pytest.mark.parametrize("order", [["tool", "python"], ["python", "tool"]], ids=" ".join)
def test_within_a_tick_the_numbers_of_files_decide(order: list[str], plain: Path) -> None:
    (plain / "bin/tool").touch()
    for _ in range(1000):
        tied = remake(plain, [*order, "activate"])
        numbers = [(plain / "bin" / name).lstat().st_ino for name in [*order, "activate"]]
        if tied and numbers == sorted(numbers):
            break
    else:
        pytest.skip("here no two files get the same time")
    with (plain / "pyvenv.cfg").open("a") as file:
        file.write("\n")
    expected = "holds bin/tool, which was there before it was made" if order[0] == "tool" else ""
    assert doubt(plain) == expected


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_within_a_tick_the_number_of_what_is_no_program_says_nothing(
    mode: int, plain: Path
) -> None:
    # ext4 gives the number of a removed file again, and uv makes all within a tick.
    for _ in range(1000):
        tied = remake(plain, ["activate", "python"], mode)
        numbers = [(plain / "bin" / name).lstat().st_ino for name in ("activate", "python")]
        if tied and numbers == sorted(numbers):
            break
    else:
        pytest.skip("here no two files get the same time")
    with (plain / "pyvenv.cfg").open("a") as file:
        file.write("\n")
    expected = "holds bin/activate, which was there before it was made" if mode == 0o755 else ""
    assert doubt(plain) == expected


# ---- Limits --------------------------------------------------------------------------------------


def test_a_file_system_that_keeps_no_times_is_doubt(plain: Path) -> None:
    reason = asked(plain, is_honest=False)
    assert reason is not None
    assert "its file system does not keep times of its own" in reason.what
    assert not reason.kept
    reason = asked(plain, is_honest=None)
    assert reason is not None
    assert "nothing can be written there" in reason.what
    assert not reason.kept


def test_more_entries_than_are_looked_at_are_doubt(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(birth, "ENTRY_LIMIT", 20)
    for number in range(20):
        (site(plain) / f"{number}.pth").touch()
    assert doubt(plain) == ""
    (site(plain) / "one_more.pth").touch()
    assert doubt(plain) == f"{site(plain)} holds more than 20 entries"


@pytest.mark.parametrize("name", ["lib", "bin"])
def test_what_cannot_be_read_is_doubt(
    name: str, plain: Path, ordinary_user: tuple[str, ...]
) -> None:
    code = "import sys; sys.path[:0] = sys.argv[2:]; from test_birth import doubt; "
    code += "from pathlib import Path; print(doubt(Path(sys.argv[1])))"
    (plain / name).chmod(0o300)
    plain.parent.parent.chmod(0o755)
    words = [*ordinary_user, sys.executable, "-c", code, str(plain), *places()]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    (plain / name).chmod(0o700)
    assert done.stdout == f"cannot be read ({plain / name}: Permission denied)\n"


def places() -> list[str]:
    """Return where this module and what it imports are."""
    here = Path(__file__).resolve().parent
    return [str(here), str(here.parent), str(here.parents[1] / "src")]
