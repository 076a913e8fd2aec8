"""False questions: what people make for themselves activates unasked, whoever makes it and where.

And what people do to it before it is first seen: what is asked then, holds no surprise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT, go_without
from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal
from venvhook.birth import check_made_here
from venvhook.environment import Doubt, examine
from venvhook.location import check_at_home

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only there is one in memory")
PROGRAMS = CHECKOUT / ".tests/makers/bin"
_PROJECT = """\
[project]
name = "app"
version = "1"
requires-python = ">=3.8"

[tool.hatch.envs.default]
type = "virtual"
path = ".venv"
skip-install = true
"""


@dataclass(frozen=True)
class Maker:
    """A tool that makes ``.venv`` where it is called with *words*, @ for a Python."""

    words: tuple[str, ...]
    settings: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """Return the words of the command; go without where the tool is missing."""
        program, *arguments = self.words
        found = sys.executable if program == "@" else _program(program)
        return [found, *(sys.executable if word == "@" else word for word in arguments)]


def _program(name: str) -> str:
    """Return the path of the tool *name*: tests/run has installed it, else by PATH."""
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{PROGRAMS}:{beside}:{os.environ['PATH']}")
    return found if found is not None else go_without(name)


MAKERS = {
    "venv": Maker(("@", "-m", "venv", ".venv")),
    "venv without pip": Maker(("@", "-m", "venv", "--without-pip", ".venv")),
    "virtualenv": Maker(("virtualenv", "-q", ".venv")),
    "uv": Maker(("uv", "venv", "-q", "--no-config", "--offline", "--python", "@")),
    "poetry": Maker(("poetry", "env", "use", "@"), ("POETRY_VIRTUALENVS_IN_PROJECT=1",)),
    "pipenv": Maker(("pipenv", "--python", "@"), ("PIPENV_VENV_IN_PROJECT=1",)),
    "pdm": Maker(("pdm", "venv", "create", "@"), ("PDM_CHECK_UPDATE=0",)),
    "hatch": Maker(("hatch", "env", "create"), ("HATCH_PYTHON=@",)),
}


@pytest.fixture(scope="session")
def tools_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HOME in which the tools keep what they keep."""
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tools_home: Path) -> Callable[[Path], Path]:
    """What makes an environment in a project, by each maker."""
    maker = MAKERS[request.param]
    command = maker.command()
    settings = [setting.replace("@", sys.executable) for setting in maker.settings]

    def make_in(project: Path) -> Path:
        (project / "pyproject.toml").write_text(_PROJECT)
        # PWD is how a program started by a shell knows the name of its directory.
        environ = {
            "HOME": str(tools_home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PWD": str(project),
            **dict(setting.split("=", 1) for setting in settings),
        }
        done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (project / ".venv/pyvenv.cfg").exists(), done.stdout + done.stderr
        return project / ".venv"

    return make_in


# ---- Where ---------------------------------------------------------------------------------------


def assert_unasked(terminal: Terminal, environment: Path) -> None:
    """Fail unless entering the project of *environment* activates it and says nothing."""
    assert terminal.cd(environment.parent) == ""
    assert terminal.environment == str(environment)
    assert terminal.which("python") == f"{environment}/bin/python"


def test_in_a_plain_directory(
    make: Callable[[Path], Path], bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "app").mkdir()
    assert_unasked(open_terminal(bash), make(home / "app"))


def test_in_a_git_repository(
    make: Callable[[Path], Path], bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    project = home / "app"
    project.mkdir()
    (project / "README").write_text("hello\n")
    (project / ".gitignore").write_text("/.venv/\n")
    name = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*name, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *words], cwd=project, check=True)
    environment = make(project)
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    assert_unasked(open_terminal(bash), environment)


@pytest.fixture
def private_group() -> int:
    """The user's own group, which is one's alone; skip the test where there is none."""
    grp, pwd = pytest.importorskip("grp"), pytest.importorskip("pwd")
    group, user = grp.getgrgid(os.getegid()), pwd.getpwuid(os.geteuid())
    if group.gr_name != user.pw_name or set(group.gr_mem) - {user.pw_name}:
        pytest.skip("the group of this account is not its alone")
    return int(group.gr_gid)


def test_in_a_home_that_ones_own_group_may_write(
    make: Callable[[Path], Path],
    bash: Shell,
    home: Path,
    private_group: int,
    open_terminal: OpenTerminal,
) -> None:
    before = os.umask(0o002)
    try:
        home.chmod(0o775)
        (home / "app").mkdir()
        environment = make(home / "app")
    finally:
        os.umask(before)
    found = (environment / "bin").stat()
    assert (found.st_mode & 0o777, found.st_gid) == (0o775, private_group)
    assert_unasked(open_terminal(bash), environment)


def test_behind_a_linked_home(
    make: Callable[[Path], Path], bash: Shell, home: Path, open_terminal: OpenTerminal
) -> None:
    link = home.with_name("link")
    link.symlink_to("home")
    (link / "app").mkdir()
    environment = make(link / "app")
    terminal = open_terminal(bash, directory=link, environ={"HOME": str(link)})
    assert_unasked(terminal, environment)
    # And by its real name, in another shell: nothing was kept under this one.
    assert_unasked(open_terminal(bash), home / "app/.venv")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system in memory; not /dev/shm, since nothing in /dev is trusted."""
    place = Path(f"/run/user/{os.geteuid()}")
    if os.access(place, os.W_OK) and not IS_ROOT:
        directory = Path(tempfile.mkdtemp(prefix="venvhook-", dir=place))
        yield directory
        shutil.rmtree(directory)
        return
    words = ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing may be mounted here: {done.stderr}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@on_linux
def test_in_memory(make: Callable[[Path], Path], bash: Shell, memory: Path) -> None:
    project = memory / "home/app"
    project.mkdir(parents=True)
    terminals = OpenTerminal(memory)
    try:
        assert_unasked(terminals(bash), make(project))
    finally:
        terminals.close()


@pytest.mark.parametrize("maker", ["venv", "virtualenv", "uv"])
def test_in_each_shell(
    maker: str,
    shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    assert_unasked(open_terminal(shell), make_environment(home / "app/.venv", maker))


# ---- What is done to it before it is first seen --------------------------------------------------


def question(path: Path) -> str:
    """Return why the environment *path* is asked about at first sight, or an empty text."""
    try:
        environment = examine(bytes(path))
        check_at_home(environment, bytes(path.resolve()))
        check_made_here(environment, is_honest=True)
    except Doubt as reason:
        return reason.what
    return ""


# Shell commands in the environment; then what is said of it at first sight, nothing if not asked.
TREATMENTS: dict[str, tuple[str, str]] = {
    "nothing": (":", ""),
    "a package is installed": ("printf '#!/bin/sh\n' > bin/tool; chmod +x bin/tool", ""),
    "pyvenv.cfg is edited in place": ("echo 'prompt = mine' >> pyvenv.cfg", ""),
    "pyvenv.cfg is touched": ("touch pyvenv.cfg", ""),
    "all files are touched": ("find . -type f -exec touch {} +", ""),
    "it is copied for a backup": ("cp -a . ../backup", ""),
    "it is packed for a backup": ("tar -cf ../backup.tar .", ""),
    "its directory is moved away and back": ("mv ../.venv ../x && mv ../x ../.venv", ""),
    "a script is written anew": ("cp bin/activate x && mv x bin/activate", ""),
    "its modes are changed, but for pyvenv.cfg": ("chmod -R g-w bin lib", ""),
    "python -m venv is run again": (f"{sys.executable} -m venv --without-pip .", ""),
    "python -m venv --upgrade": (f"{sys.executable} -m venv --without-pip --upgrade .", ""),
    "it is restored from a copy": (
        "cp -a ../.venv ../x && rm -r ../.venv && mv ../x ../.venv",
        "was not made here (it was unpacked or copied)",
    ),
    "its interpreter is linked anew": (
        "ln -s python3 x && touch pyvenv.cfg && mv x bin/python",
        "was there before it was made",
    ),
    "a link leads to where it was moved": ("mv ../.venv ../x && ln -s x ../.venv", ""),
}


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_what_is_done_to_it_before_it_is_seen(
    treatment: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    command, expected = TREATMENTS[treatment]
    path = make_environment(tmp_path.resolve() / "app/.venv")
    assert question(path) == ""
    subprocess.run(["sh", "-c", command], cwd=path, check=True)
    if expected:
        assert expected in question(path)
    else:
        assert question(path) == ""
