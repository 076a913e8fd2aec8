"""The Pythons of a machine: where they are found, which are never run, and what they answer.

Those of the trees that are made here by hand are links to a real Python, or files that cannot be
run at all: what is told by the name of a directory is not asked for.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import MAKERS, EnvironmentMaker, uv
from venvhook import interpreters
from venvhook.errors import VenvhookError
from venvhook.interpreters import (
    Interpreter,
    Search,
    ask,
    find_interpreters,
    interpreter_at,
    search,
)
from venvhook.places import Release, paths_of_py, search_path

if sys.platform == "win32":
    pytest.skip("the layouts here are those of other systems", allow_module_level=True)

# The Python behind the environment that runs the tests.
BASE = Path(sys.executable).resolve()
OWN = sys.version_info[:3]
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")


class Machine:
    """A home directory and a PATH of their own, and a project beside."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.home = top / "home"
        self.project = top / "home/work/app"
        self.project.mkdir(parents=True)
        self.environ = {"HOME": str(self.home), "PATH": ""}

    def path(self, *directories: Path | str) -> None:
        """Let PATH name *directories*."""
        self.environ["PATH"] = ":".join(str(directory) for directory in directories)

    def link(self, place: str, target: Path = BASE) -> Path:
        """Make *place* a link to a real Python."""
        path = self.top / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        return path

    def file(self, place: str, content: bytes = b"\0no program\0") -> Path:
        """Make *place* an executable file, which is none that runs unless *content* is."""
        path = self.top / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
        return path

    def search(self) -> Search:
        """Return what is found for the project, without what this machine has itself."""
        done = search(self.environ, bytes(self.project))
        own = tuple(one for one in done.found if one.path.startswith(bytes(self.top)))
        refused = tuple(line for line in done.refused if line.startswith(str(self.top)))
        return Search(own, refused)

    def found(self) -> list[tuple[str, str, str]]:
        """Return title, path below the top, and origin of what is found."""
        prefix = len(bytes(self.top)) + 1
        return [
            (one.title, os.fsdecode(one.path[prefix:]), one.origin) for one in self.search().found
        ]

    def paths(self) -> list[str]:
        """Return the paths of what is found."""
        return [path for _title, path, _origin in self.found()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing but what the system has."""
    top = tmp_path.resolve() / "machine"
    top.mkdir()
    return Machine(top)


def real_paths(machine: Machine) -> list[Path]:
    """Return what is found anywhere, without links."""
    found = find_interpreters(machine.environ, bytes(machine.project))
    return [Path(os.fsdecode(one.path)).resolve() for one in found]


def asked(path: Path) -> Release | None:
    """Return what the Python at *path* answers."""
    return ask([bytes(path)], {}).get(bytes(path))


# ---- Where they are ------------------------------------------------------------------------------


# What is where by default, or where a variable says, below the top; and how it is listed.
DATA = "home/.local/share"
LAYOUTS = [
    ("pyenv", "3.98.1", "home/.pyenv/versions/3.98.1/bin/python3.98", ""),
    ("pyenv", "3.98.0rc2", "home/.pyenv/versions/3.98.0rc2/bin/python3.98", ""),
    ("pyenv", "3.98.1t", "home/.pyenv/versions/3.98.1t/bin/python3.98t", ""),
    ("pyenv", "2.7.99", "home/.pyenv/versions/2.7.99/bin/python", ""),
    ("pyenv", "3.98.2", "p/versions/3.98.2/bin/python3.98", "PYENV_ROOT=p"),
    ("uv", "3.98.3", f"{DATA}/uv/python/cpython-3.98.3-linux-x86_64-gnu/bin/python3.98", ""),
    (
        *("uv", "3.98.3t"),
        "data/uv/python/cpython-3.98.3+freethreaded-macos-aarch64-none/bin/python3.98t",
        "XDG_DATA_HOME=data",
    ),
    (
        *("uv", "pypy 3.98.9", "u/pypy-3.98.9-linux-x86_64-gnu/bin/pypy3.98"),
        "UV_PYTHON_INSTALL_DIR=u",
    ),
    (
        *("uv", "graalpy 3.98.0", "u/graalpy-3.98.0-linux-x86_64-gnu/bin/graalpy"),
        "UV_PYTHON_INSTALL_DIR=u",
    ),
    ("mise", "3.98.4", f"{DATA}/mise/installs/python/3.98.4/bin/python3", ""),
    ("mise", "3.98.4", "m/installs/python/3.98.4/bin/python3.98", "MISE_DATA_DIR=m"),
    ("asdf", "3.98.5", "home/.asdf/installs/python/3.98.5/bin/python3.98", ""),
    ("asdf", "3.98.5", "a/installs/python/3.98.5/bin/python3.98", "ASDF_DATA_DIR=a"),
    ("rye", "3.98.6", "home/.rye/py/cpython@3.98.6/bin/python3.98", ""),
    ("rye", "3.98.6", "r/py/cpython@3.98.6/install/bin/python3", "RYE_HOME=r"),
    ("pdm", "3.98.7", f"{DATA}/pdm/python/cpython@3.98.7/bin/python3.98", ""),
]


@pytest.mark.parametrize(("origin", "title", "place", "variable"), LAYOUTS)
def test_what_a_tool_installed_is_known_by_the_name_of_its_directory(
    origin: str, title: str, place: str, variable: str, machine: Machine
) -> None:
    machine.file(place)  # nothing that could be run
    if variable:
        name, _, below = variable.partition("=")
        machine.environ[name] = str(machine.top / below)
    assert machine.found() == [(title, place, origin)]


@pytest.mark.parametrize(
    "place",
    [
        "home/.pyenv/versions/pypy3.10-7.3.12/bin/python3",
        "home/.pyenv/versions/3.30-dev/bin/python3.30",
        "home/.local/share/hatch/pythons/3.30/python/bin/python3.30",
    ],
)
def test_where_the_directory_does_not_tell_the_python_is_asked(
    place: str, machine: Machine
) -> None:
    machine.link(place)
    found = find_interpreters(machine.environ, bytes(machine.project))
    versions = [one.version for one in found if Path(os.fsdecode(one.path)).resolve() == BASE]
    assert versions == [OWN]


def test_links_to_a_neighbour_are_the_same_python(machine: Machine) -> None:
    place = "home/.local/share/mise/installs/python/3.98.4/bin/python3.98"
    versions = machine.file(place).parents[2]
    for name in ("3", "3.98", "latest"):
        (versions / name).symlink_to("3.98.4")
    assert machine.found() == [("3.98.4", place, "mise")]


def test_a_python_that_was_linked_into_a_tools_directory_is_found(machine: Machine) -> None:
    machine.file("opt/mine/bin/python3.98")
    (machine.home / ".pyenv/versions").mkdir(parents=True)
    (machine.home / ".pyenv/versions/3.98.0").symlink_to(machine.top / "opt/mine")
    found = ("3.98.0", "home/.pyenv/versions/3.98.0/bin/python3.98", "pyenv")
    assert machine.found() == [found]


def test_a_directory_without_a_python_is_passed_over(machine: Machine) -> None:
    (machine.home / ".pyenv/versions/3.98.0/bin").mkdir(parents=True)
    (machine.home / ".pyenv/versions/3.98.1/bin/python3.98").mkdir(parents=True)
    (machine.home / ".pyenv/versions/3.98.2").touch()
    machine.file("home/.pyenv/versions/3.98.3/bin/python3.98").chmod(0o644)
    machine.link("home/.pyenv/versions/3.98.4/bin/python3.98", Path("nothing"))
    assert machine.found() == []


def test_uv_finds_its_own_at_the_same_places(machine: Machine) -> None:
    words = [uv(), "python", "list", "--offline", "--no-config", "--output-format", "json"]
    environ = {**machine.environ, "PATH": "/usr/bin:/bin"}
    listed = subprocess.run(
        [*words, "--only-downloads"], env=environ, capture_output=True, check=True
    )
    # cpython-3.13.1-linux-x86_64-gnu
    platform = json.loads(listed.stdout)[0]["key"].split("-", 2)[2]
    version = ".".join(str(number) for number in OWN)
    name = f"cpython-{version}-{platform}"
    series = f"python{OWN[0]}.{OWN[1]}"
    link = machine.link(f"home/.local/share/uv/python/{name}/bin/{series}")
    listed = subprocess.run(
        [*words, "--managed-python"],
        env=environ,
        cwd=machine.project,
        capture_output=True,
        check=True,
    )
    own = [row for row in json.loads(listed.stdout) if row["path"]]
    assert [machine.project / row["path"] for row in own] == [link]
    [found] = machine.search().found
    assert (os.fsdecode(found.path), found.text) == (str(link), own[0]["version"])


# ---- PATH ----------------------------------------------------------------------------------------


def test_one_on_path_is_asked_and_listed_once_by_its_best_name(machine: Machine) -> None:
    for place in ("z/bin/python", "z/bin/python3", "z/bin/python3.30", "y/bin/python"):
        machine.link(place)
    machine.path(machine.top / "y/bin", machine.top / "z/bin")
    assert real_paths(machine).count(BASE) == 1
    # Where the system has the same one, its name has fewer links.
    if not str(BASE).startswith("/usr/"):
        assert machine.paths() == ["z/bin/python3.30"]
        assert machine.search().found[0].version == OWN


def test_one_of_a_tool_is_of_that_tool_although_it_is_on_path(machine: Machine) -> None:
    place = "home/.pyenv/versions/3.98.1/bin/python3.98"
    machine.path(machine.file(place).parent)
    assert machine.found() == [("3.98.1", place, "pyenv")]


def test_a_better_name_on_path_does_not_hide_whose_it_is(machine: Machine) -> None:
    place = "home/.rye/py/cpython@3.98.6/bin/python"
    machine.path(machine.link("bin/python3.30", machine.file(place)).parent)
    assert machine.found() == [("3.98.6", place, "rye")]


def test_which_directories_of_path_are_looked_into() -> None:
    path = "/usr/bin::.:bin:/a/shims:/net/host/bin:/usr/bin/:/b:~/bin:/mnt/c/Windows:/mnt/data"
    assert search_path({"PATH": path}) == [b"/usr/bin", b"/b", b"/mnt/c/Windows", b"/mnt/data"]
    on_wsl = {"PATH": path, "WSL_DISTRO_NAME": "Debian"}
    assert search_path(on_wsl) == [b"/usr/bin", b"/b", b"/mnt/data"]
    assert search_path({}) == []


@pytest.mark.parametrize("entry", ["", ".", "bin", "../app/bin", "./bin", "~/work/app/bin"])
def test_what_path_names_relatively_is_not_found(
    entry: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = machine.home / "work/other"
    for directory in (elsewhere, elsewhere / "bin"):
        directory.mkdir()
        (directory / "python3.30").symlink_to(BASE)
    monkeypatch.chdir(elsewhere)
    machine.environ["PATH"] = f"{entry}:"
    assert not [one for one in find_interpreters(machine.environ, b"/nowhere") if is_ours(one)]


def is_ours(one: Interpreter) -> bool:
    """Return whether *one* is called as no Python of a system is yet."""
    return b"python3.30" in one.path


def test_nothing_of_the_project_or_reached_through_it_is_found(machine: Machine) -> None:
    project, top = machine.project, machine.top
    machine.link("home/work/app/bin/python3.30")
    machine.link("home/work/app/deep/er/python3.30")
    machine.file("home/work/app/versions/3.98.1/bin/python3.98")
    # From outside: a link to one in it, a directory that is a link into it, one that only leads
    # through it, and another name of the project.
    machine.link("one/python3.30", project / "bin/python3.30")
    (top / "two").symlink_to(project / "bin")
    (top / "other/bin").mkdir(parents=True)
    machine.link("other/bin/python3.30")
    (project / "through").symlink_to(top / "other")
    (top / "three").symlink_to(project / "through/bin")
    (top / "alias").symlink_to(project)
    inside = ("bin", "deep/er", "through/bin")
    machine.path(
        *(project / name for name in inside),
        *(top / name for name in ("one", "two", "three", "alias/bin")),
    )
    machine.environ["PYENV_ROOT"] = str(project)
    assert machine.search() == Search((), ())
    # The same from elsewhere is found: nothing but the project kept it from that.
    found = find_interpreters(machine.environ, bytes(top / "other"))
    assert b"3.98" in b" ".join(one.path for one in found)


def test_the_home_directory_as_project_hides_nothing(machine: Machine) -> None:
    machine.project = machine.home
    machine.file("home/.pyenv/versions/3.98.1/bin/python3.98")
    assert [title for title, _path, _origin in machine.found()] == ["3.98.1"]
    machine.project = machine.top
    assert [title for title, _path, _origin in machine.found()] == ["3.98.1"]


def test_shims_are_passed_over(machine: Machine) -> None:
    machine.link("home/.pyenv/shims/python3.30")
    machine.path(machine.home / ".pyenv/shims")
    assert machine.search() == Search((), ())


@pytest.mark.parametrize("maker", MAKERS)
def test_one_of_an_environment_counts_as_the_one_that_it_was_made_from(
    maker: str, machine: Machine, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(machine.top / "elsewhere/env", maker)
    machine.path(environment / "bin")
    assert machine.found() == []
    assert BASE in real_paths(machine)


def test_one_of_an_environment_in_a_tools_directory_is_no_other(
    machine: Machine, make_environment: EnvironmentMaker
) -> None:
    make_environment(machine.home / ".pyenv/versions/3.98.1")
    assert machine.found() == []
    assert real_paths(machine).count(BASE) == 1


@pytest.mark.parametrize("home", ["", "home =\n", "home = bin\n", "home = .\n", "home = {env}/bin"])
def test_an_environment_that_names_no_python_gives_none(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.link("env/bin/python3.30")
    machine.link("bin/python3.30")
    machine.link("python3.30")
    (machine.top / "env/pyvenv.cfg").write_text(home.format(env=machine.top / "env"))
    machine.path(machine.top / "env/bin")
    monkeypatch.chdir(machine.top)
    assert machine.search() == Search((), ())


# ---- Trust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "bin", "bin/python3.98"])
def test_what_others_can_write_is_neither_run_nor_listed(place: str, machine: Machine) -> None:
    top = "home/.pyenv/versions/3.98.1"
    machine.file(f"{top}/bin/python3.98")
    assert machine.found()
    path = (machine.top / top / place).resolve()
    path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o002)
    found = machine.search()
    assert found.found == ()
    assert len(found.refused) == 1
    assert f"not used, since {path} is writable by everyone" in found.refused[0]


@needs_root
def test_what_belongs_to_another_is_neither_run_nor_listed(machine: Machine) -> None:
    path = machine.file("home/.pyenv/versions/3.98.1/bin/python3.98")
    os.chown(path, 12345, 12345)
    assert machine.search().found == ()
    assert "belongs to user 12345" in machine.search().refused[0]


def test_a_script_is_not_run_since_it_may_start_any_other(machine: Machine) -> None:
    ran = machine.top / "ran"
    path = machine.file("bin/python3.30", b"#!/bin/sh\n: > %s\n" % bytes(ran))
    machine.path(path.parent)
    found = machine.search()
    assert found.found == ()
    assert found.refused == (
        f"{path}: not used, since {path} is a script, which may start any other",
    )
    assert not ran.exists()


def test_what_is_called_like_an_interpreter_and_leads_to_another_program_is_not_run(
    machine: Machine,
) -> None:
    # As mise's shims do, wherever they are put.
    machine.link("bin/python3.30", Path(shutil.which("env") or "/usr/bin/env"))
    machine.path(machine.top / "bin")
    assert machine.search() == Search((), ())


def test_what_does_not_answer_is_told(machine: Machine) -> None:
    true = shutil.which("true")
    assert true is not None
    silent = machine.file("bin/python3.30", Path(true).read_bytes())
    broken = machine.file("bin/python3.29")
    machine.path(machine.top / "bin")
    found = machine.search()
    assert found.found == ()
    why = "not used, since it does not say its version"
    assert sorted(found.refused) == [f"{broken}: {why}", f"{silent}: {why}"]


# ---- The order -----------------------------------------------------------------------------------


def test_the_newest_comes_first(machine: Machine) -> None:
    names = ["3.98.0rc10", "3.98.0", "3.98.10", "3.98.0b1", "3.98.0a7", "3.98.9", "3.98.0rc2"]
    for name in names:
        machine.file(f"home/.pyenv/versions/{name}/bin/python3.98")
    machine.environ["UV_PYTHON_INSTALL_DIR"] = str(machine.top / "u")
    machine.file("u/pypy-3.98.10-linux-x86_64-gnu/bin/pypy3.98")
    expected = ["3.98.10", "pypy 3.98.10", "3.98.9", "3.98.0", "3.98.0rc10", "3.98.0rc2"]
    assert [title for title, _, _ in machine.found()] == [*expected, "3.98.0b1", "3.98.0a7"]


# ---- Asking --------------------------------------------------------------------------------------


def test_every_python_of_this_machine_answers_as_it_was_listed() -> None:
    directory = BASE.parent
    environ = {**os.environ, "PATH": f"{directory}:{os.environ.get('PATH', '')}"}
    found = find_interpreters(environ, b"/nowhere")
    assert OWN in [one.version for one in found]
    answers = ask([one.path for one in found], environ)
    for one in found:
        answer = answers[one.path]
        assert (answer.implementation, answer.version) == (one.implementation, one.version)


def test_a_python_is_asked_in_the_root_directory_with_no_variable_of_the_callers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = machine.top / "told"
    script = b'#!/bin/sh\n{ pwd -P; env; } > %s\nexec %s "$@"\n' % (bytes(told), bytes(BASE))
    path = machine.file("bin/python3", script)
    monkeypatch.setenv("PYTHONHOME", str(machine.top))
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.chdir(machine.project)
    release = asked(path)
    assert release is not None
    assert release.version == OWN
    lines = told.read_text().splitlines()
    assert lines[0] == "/"
    # What a shell sets for itself.
    assert {line.partition("=")[0] for line in lines[1:]} <= {"PWD", "OLDPWD", "SHLVL", "_", "PATH"}


def test_a_python_that_does_not_know_an_option_is_asked_as_an_old_one(machine: Machine) -> None:
    script = b'#!/bin/sh\n[ "$1" != -I ] || exit 2\nexec %s "$@"\n' % bytes(BASE)
    release = asked(machine.file("bin/python", script))
    assert release is not None
    assert release.version == OWN


def test_one_that_never_ends_keeps_nobody_waiting_and_is_ended(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "ASKED_LIMIT", 1.0)
    fifo = machine.top / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    # It leaves a process of its own behind, which holds the FIFO open.
    script = b"#!/bin/sh\nexec 9> %s\necho started >&9\nsleep 600 & wait\n" % bytes(fifo)
    hangs = machine.file("a/python", script)
    floods = machine.file("b/python", b"#!/bin/sh\nexec yes\n")
    good = machine.link("c/python")
    answers = ask([bytes(hangs), bytes(floods), bytes(good)], {})
    assert list(answers) == [bytes(good)]
    assert os.read(reading, 100) == b"started\n"
    assert select.select([reading], [], [], 10)[0]
    assert os.read(reading, 100) == b""
    os.close(reading)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"cpython 3 14 0 candidate 2 .\n", Release("cpython", (3, 14, 0), "rc2")),
        (b"cpython 3 13 1 final 0 t.\n", Release("cpython", (3, 13, 1), "", True)),
        (b"cpython 2 7 18 final 0 .\r\n", Release("cpython", (2, 7, 18))),
        (b"pypy 3 10 14 final 0 .\n", Release("pypy", (3, 10, 14))),
        (b"cpython 3 14 0 final 0 .\nmore", None),
        (b"cpython 3 14 final 0 .\n", None),
        (b"", None),
    ],
)
def test_answers(text: bytes, expected: Release | None) -> None:
    assert interpreters._parsed(text) == expected


# ---- One that is named ---------------------------------------------------------------------------


def test_a_named_one_may_be_a_program_or_an_installation(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine.link("opt/bin/python3")
    monkeypatch.chdir(machine.top)
    for name in (
        bytes(path),
        bytes(machine.top / "opt"),
        b"opt/bin/python3",
        b"./opt/",
        b"opt/bin",
    ):
        found = interpreter_at(name, machine.environ)
        assert (found.path, found.version, found.origin) == (bytes(path), OWN, "named")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ["bin/python", "bin/python3", ""])
def test_a_named_environment_means_the_python_that_it_was_made_from(
    maker: str, name: str, machine: Machine, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(machine.top / "env", maker)
    found = interpreter_at(bytes(environment / name), machine.environ)
    assert Path(os.fsdecode(found.path)).resolve() == BASE
    assert not found.path.startswith(bytes(machine.top))


def test_a_named_environment_of_copies_means_the_python_of_its_version(machine: Machine) -> None:
    environment = machine.top / "env"
    words = [str(BASE), "-I", "-m", "venv", "--without-pip", "--copies", str(environment)]
    subprocess.run(words, check=True)
    found = interpreter_at(bytes(environment / "bin/python"), machine.environ)
    assert found.version == OWN
    assert not found.path.startswith(bytes(machine.top))


def named_wrongly(machine: Machine) -> dict[str, tuple[Path, str]]:
    """Return what may be named in error, and what is said about it."""
    top = machine.top
    os.mkfifo(top / "fifo")
    (top / "empty").mkdir()
    machine.link("loop", top / "loop")
    machine.file("text").chmod(0o644)
    machine.link("shims/python3")
    machine.link("env/bin/python3", Path("/nowhere/python3"))
    (top / "env/pyvenv.cfg").write_text("home = /nowhere\n")
    return {
        "missing": (top / "missing", "No such file or directory; name a version"),
        "nothing in it": (top / "empty", "no Python in it; name a version"),
        "fifo": (top / "fifo", "is a FIFO, and no Python"),
        "device": (Path("/dev/zero"), "is a character device, and no Python"),
        "circle": (top / "loop", "symbolic links"),
        "text": (top / "text", "cannot be executed"),
        "other program": (Path("/bin/sh"), "does not answer as a Python"),
        "no program": (machine.file("program"), "does not answer as a Python"),
        "shim": (top / "shims/python3", "is a shim, .*; give a version, as 3.12"),
        "base gone": (top / "env/bin/python3", "was made from is gone; name a version"),
    }


def test_what_is_named_wrongly_is_told_in_one_line(machine: Machine) -> None:
    for name, (path, expected) in named_wrongly(machine).items():
        with pytest.raises(VenvhookError, match=expected) as raised:
            interpreter_at(bytes(path), machine.environ)
        assert str(raised.value).startswith(str(path)), name
        assert "\n" not in str(raised.value)


# ---- Windows -------------------------------------------------------------------------------------


def test_what_the_launcher_of_windows_lists_is_read() -> None:
    text = (
        " -V:3.13 *        C:\\Users\\me\\Python 3.13\\python.exe\r\n"
        " -V:3.12          C:\\Python312\\python.exe\r\n"
        " -3.9-64          D:\\py39\\python.exe\r\n"
        " -V:Astral/CPython3.11.9 C:\\uv\\python.exe\r\n"
        "No installed Pythons found!\r\n"
    )
    assert paths_of_py(text) == [
        b"C:\\Users\\me\\Python 3.13\\python.exe",
        b"C:\\Python312\\python.exe",
        b"D:\\py39\\python.exe",
        b"C:\\uv\\python.exe",
    ]
