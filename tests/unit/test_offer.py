"""The offer to make an environment, in a terminal of its own: when it is made, and what answers it.

Real terminals, and real environments made by uv without pip, since the projects have a uv.lock.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT
from environments import EnvironmentMaker, uv
from venvhook.decision import ALLOWED, DECLINED, DENY, UNDER, Decision, State
from venvhook.directories import usable
from venvhook.offer import INTERRUPTED, LATER, MADE, NOTHING

SOURCE = str(CHECKOUT / "src")
LIMIT = 60.0
QUESTION = "[y/N] "
CTRL_C, CTRL_D, CTRL_Z = b"\x03", b"\x04", b"\x1a"


class Call:
    """One call of the offer for *directory*, in a terminal where *typed* was typed before it."""

    def __init__(
        self,
        directory: Path,
        environ: dict[str, str],
        typed: bytes = b"",
        patience: str = "",
        behind: bool = False,
    ) -> None:
        code = "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; "
        words = [sys.executable, "-I", "-c", f"{code}main({patience})", SOURCE, str(directory)]
        self.screen = ""
        self._status = -1
        self.master, self.terminal = os.openpty()
        os.write(self.master, typed)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.login_tty(os.dup(self.terminal))
                # In the background of a terminal, as after '&'.
                if behind and (pid := os.fork()):
                    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, os.WUNTRACED)[1]))
                if behind:
                    os.setpgid(0, 0)
                os.chdir("/")
                os.execve(words[0], words, environ)
            finally:
                os._exit(127)

    def send(self, keys: bytes) -> None:
        """Press *keys*."""
        os.write(self.master, keys)

    def wait_for(self, text: str) -> None:
        """Return as soon as *text* is on the screen."""
        deadline = time.monotonic() + LIMIT
        while text not in self.screen:
            is_over = self._is_over()
            self._read()
            found = text in self.screen or (not is_over and time.monotonic() < deadline)
            assert found, f"waited for {text!r}; the screen:\n{self.screen}"

    def end(self) -> int:
        """Wait for the end, and return its status."""
        deadline = time.monotonic() + LIMIT
        while not self._is_over():
            self._read()
            assert time.monotonic() < deadline, f"waited for the end; the screen:\n{self.screen}"
        self._read()
        return self._status

    def _is_over(self) -> bool:
        if self.pid:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid, self._status = 0, os.waitstatus_to_exitcode(status)
        return not self.pid

    def _read(self) -> None:
        """Take what is on the screen now, or comes soon."""
        while select.select([self.master], [], [], 0.02)[0]:
            text = os.read(self.master, 65536).decode("utf-8", "surrogateescape")
            self.screen += text.replace("\r\n", "\n")

    def unread(self) -> bytes:
        """Return what was typed and not read, as a shell would read it."""
        mode = termios.tcgetattr(self.terminal)
        mode[3] &= ~termios.ICANON
        termios.tcsetattr(self.terminal, termios.TCSANOW, mode)
        found = b""
        while select.select([self.terminal], [], [], 0)[0]:
            found += os.read(self.terminal, 1024)
        return found

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.terminal)


class Home:
    """A HOME with a project ``app`` that has no environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.app = self.project("app")
        self.environ = {
            "HOME": str(path),
            "PATH": f"{Path(uv()).parent}:/usr/bin:/bin",
            "VENVHOOK_AUTO_CREATE": "ask",
            "VENVHOOK_BACKEND": "uv",
            "TERM": "dumb",
        }
        directory = usable(bytes(path / ".local/state/venvhook"), {})
        assert directory is not None
        self.state = State(directory)
        self._calls: list[Call] = []

    def set(self, *lines: str) -> None:
        """Write *lines* into the file of settings."""
        file = self.path / ".config/venvhook/config.toml"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text("\n".join(lines))

    def project(self, name: str) -> Path:
        """Make a project that uv keeps, called *name*; return its directory."""
        directory = self.path / name
        directory.mkdir(parents=True)
        (directory / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\n')
        (directory / "uv.lock").touch()
        return directory

    def offer(self, directory: Path | None = None, /, **environ: str) -> Call:
        """Call the offer for *directory*, the project ``app`` by default."""
        return self._keep(Call(directory or self.app, {**self.environ, **environ}))

    def offer_as(self, typed: bytes = b"", patience: str = "", behind: bool = False) -> Call:
        """Call the offer for ``app`` in another terminal, or with less patience."""
        return self._keep(Call(self.app, self.environ, typed, patience, behind))

    def _keep(self, call: Call) -> Call:
        self._calls.append(call)
        return call

    def asks(self, directory: Path | None = None, /, **environ: str) -> Call:
        """Call it, and wait for the question."""
        call = self.offer(directory, **environ)
        call.wait_for(QUESTION)
        return call

    def is_silent(self, directory: Path | None = None, /, **environ: str) -> bool:
        """Return whether it offers nothing and says nothing."""
        call = self.offer(directory, **environ)
        return (call.end(), call.screen) == (NOTHING, "")

    def decline(self) -> None:
        """Have it remembered that no environment is wanted for ``app``."""
        assert self.state.keep(Decision(bytes(self.app), ALLOWED), DECLINED)

    def is_made(self, directory: Path | None = None) -> bool:
        """Return whether the project has a whole environment that is known as the user's."""
        environment = (directory or self.app) / ".venv"
        if not (environment / "pyvenv.cfg").exists():
            assert not environment.exists(), "half an environment"
            return False
        return self.state.decision(bytes(environment)) is not None

    def says(self, *words: str) -> str:
        """Return what the command prints, which must succeed."""
        ran = subprocess.run(
            [sys.executable, "-m", "venvhook", *words],
            env={**self.environ, "PYTHONPATH": SOURCE, "PWD": str(self.app)},
            cwd=self.app,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def close(self) -> None:
        """End all calls."""
        for call in self._calls:
            call.close()


@pytest.fixture
def home(ground: Path) -> Iterator[Home]:
    """A HOME in which environments are offered."""
    (ground / "home").mkdir()
    made = Home(ground / "home")
    yield made
    made.close()


# ---- The question --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"y\r", b"YES\r"])
def test_yes_makes_the_environment(home: Home, answer: bytes) -> None:
    call = home.asks()
    assert call.screen.startswith(
        "venvhook: app has pyproject.toml and no environment. Make .venv with uv and Python 3."
    )
    call.send(answer)
    assert call.end() == MADE
    assert home.is_made()
    assert "venvhook: made .venv with uv and Python 3." in call.screen
    # Once it is there, that is said by the status alone.
    again = home.offer()
    assert (again.end(), again.screen) == (MADE, "")


@pytest.mark.parametrize(
    ("keys", "status"), [(b"n\r", NOTHING), (b"No\r", NOTHING), (b"\r", NOTHING), (CTRL_C, 130)]
)
def test_a_no_is_remembered(home: Home, keys: bytes, status: int) -> None:
    call = home.asks()
    call.send(keys)
    assert call.end() == status
    assert call.screen.endswith(
        "venvhook: app is not asked about again; 'venvhook create' makes an environment\n"
    )
    assert not home.is_made()
    assert home.is_silent()


def test_a_no_is_listed_and_revoked(home: Home) -> None:
    home.decline()
    assert home.is_silent()
    assert home.says("allow", "--list") == f"declined  {home.app}\n"
    assert home.says("revoke") == f"{home.app}: no longer declined\n"
    home.asks()


def test_what_the_user_makes_himself_ends_a_no(home: Home) -> None:
    home.decline()
    home.says("create")
    assert home.state.decision(bytes(home.app), DECLINED) is None


def test_no_answer_is_no_no(home: Home) -> None:
    call = home.offer_as(patience="0.1")
    assert call.end() == NOTHING
    assert QUESTION + "\nvenvhook: no answer in 0 s; 'venvhook create' makes one\n" in call.screen
    home.asks()


def test_half_an_answer_does_not_reach_the_shell(home: Home) -> None:
    call = home.offer_as(patience="1")
    call.wait_for(QUESTION)
    call.send(b"ye")
    assert call.end() == NOTHING
    assert call.unread() == b""


@pytest.mark.parametrize("keys", [b"make test\r", CTRL_D])
def test_what_is_no_answer_is_asked_again_elsewhere(home: Home, keys: bytes) -> None:
    call = home.asks()
    call.send(keys)
    assert call.end() == NOTHING
    assert not home.is_made()
    home.asks()


@pytest.mark.parametrize("typed", [b"y\r", b"y", b"make\rls"])
def test_what_was_typed_before_is_no_answer_and_stays(home: Home, typed: bytes) -> None:
    call = home.offer_as(typed=typed)
    assert call.end() == LATER
    assert call.unread() == typed.replace(b"\r", b"\n")
    assert QUESTION not in call.screen
    home.asks()


def test_the_question_cannot_be_stopped_halfway(home: Home) -> None:
    call = home.asks()
    call.send(CTRL_Z + b"y\r")
    assert call.end() == MADE


def test_the_terminal_is_left_as_it_was(home: Home) -> None:
    call = home.asks()
    mode = termios.tcgetattr(call.terminal)
    assert mode[3] & termios.ECHO
    call.send(b"n\r")
    call.end()
    quiet = home.offer()
    before = termios.tcgetattr(quiet.terminal)
    quiet.end()
    assert termios.tcgetattr(quiet.terminal) == before == termios.tcgetattr(call.terminal)


def test_two_shells_ask_once_for_each_project(home: Home) -> None:
    other = home.project("other")
    call = home.asks()
    assert home.is_silent()
    elsewhere = home.asks(other)
    elsewhere.send(CTRL_C)
    assert elsewhere.end() == INTERRUPTED
    call.send(b"y\r")
    assert call.end() == MADE
    assert home.is_made()
    assert not home.is_made(other)
    assert not list(Path(os.fsdecode(home.state.directory)).rglob("*.asking"))


def test_a_state_directory_that_is_cleared_meanwhile_is_made_again(home: Home) -> None:
    call = home.asks()
    shutil.rmtree(os.fsdecode(home.state.directory))
    call.send(CTRL_D)
    assert call.end() == NOTHING
    assert call.screen.endswith(QUESTION + "\n")
    home.asks()


# ---- The settings --------------------------------------------------------------------------------


def test_nothing_is_offered_unless_that_is_set(home: Home) -> None:
    assert home.is_silent(VENVHOOK_AUTO_CREATE="never")
    assert home.is_silent(VENVHOOK_AUTO_CREATE="")
    home.set('auto_create = "ask"')
    home.asks(VENVHOOK_AUTO_CREATE="")


def test_only_a_project_file_makes_a_project(home: Home) -> None:
    empty = home.path / "empty"
    empty.mkdir()
    assert home.is_silent(empty)
    (empty / "uv.lock").mkdir()
    os.mkfifo(empty / "setup.py")
    (empty / "Pipfile").symlink_to("nothing")
    assert home.is_silent(empty)
    assert home.is_silent(VENVHOOK_PROJECT_FILES="noxfile.py")
    (empty / "Pipfile").unlink()
    (empty / "noxfile.py").symlink_to("../app/uv.lock")
    call = home.asks(empty, VENVHOOK_PROJECT_FILES="setup.py noxfile.py")
    assert "empty has noxfile.py and no environment" in call.screen


def test_always_makes_it_unasked_below_what_is_listed_alone(home: Home) -> None:
    inner = home.project("work/inner")
    home.set('auto_create = "always"', 'auto_create_under = ["~/work", "~/app"]')
    always = {"VENVHOOK_AUTO_CREATE": ""}
    # What is listed holds projects, and is none itself.
    assert home.is_silent(**always)
    call = home.offer(inner, **always)
    assert call.end() == MADE
    assert home.is_made(inner)
    assert QUESTION not in call.screen
    assert call.screen.startswith("venvhook: made .venv with uv and Python 3.")


def test_always_makes_it_below_what_is_allowed(home: Home) -> None:
    assert home.state.keep(Decision(bytes(home.path), ALLOWED), UNDER)
    assert home.offer(VENVHOOK_AUTO_CREATE="always").end() == MADE
    assert home.is_made()


def test_always_without_a_directory_says_what_it_lacks(home: Home) -> None:
    call = home.offer(VENVHOOK_AUTO_CREATE="always")
    assert call.end() == NOTHING
    assert call.screen.startswith("venvhook: auto_create is 'always', which needs directories")
    assert call.screen.count("\n") == 1
    assert home.state.keep(Decision(b"/elsewhere", ALLOWED), UNDER)
    assert home.is_silent(VENVHOOK_AUTO_CREATE="always")


def test_a_python_that_cannot_be_had_is_one_line_and_no_question(home: Home) -> None:
    file = home.app / "pyproject.toml"
    file.write_text(file.read_text() + 'requires-python = ">=3.99"\n')
    call = home.offer()
    assert call.end() == NOTHING
    assert call.screen.count("\n") == 1, call.screen
    assert call.screen.startswith("venvhook: ")
    assert ">=3.99" in call.screen


def test_the_environment_gets_the_name_that_shells_look_for(home: Home) -> None:
    call = home.asks(VENVHOOK_NAMES="env:.venv")
    assert "Make env with uv" in call.screen
    call.send(b"y\r")
    assert call.end() == MADE
    assert (home.app / "env/pyvenv.cfg").exists()


# ---- Where none is offered -----------------------------------------------------------------------


def in_node_modules(home: Home) -> Path:
    return home.project("web/node_modules/gyp")


def in_an_environment(home: Home) -> Path:
    (home.path / "old").mkdir()
    (home.path / "old/pyvenv.cfg").touch()
    return home.project("old/src/app")


def in_one_of_conda(home: Home) -> Path:
    (home.path / "conda/conda-meta").mkdir(parents=True)
    return home.project("conda/app")


def denied(home: Home) -> Path:
    assert home.state.keep(Decision(bytes(home.app), ALLOWED), DENY)
    return home.app


def below_a_denied_one(home: Home) -> Path:
    denied(home)
    return home.project("app/inner")


def writable_by_all(home: Home) -> Path:
    home.app.chmod(0o777)
    return home.app


def below_what_all_can_write(home: Home) -> Path:
    inner = home.project("app/inner")
    home.app.chmod(0o757)
    return inner


def writable_by_a_group(home: Home) -> Path:
    if IS_ROOT:
        os.chown(home.app, -1, 1)
    home.app.chmod(0o775)
    return home.app


def sticky(home: Home) -> Path:
    home.app.chmod(0o1777)
    return home.app


def below_a_sticky_one(home: Home) -> Path:
    inner = home.project("app/inner")
    home.app.chmod(0o1755)
    return inner


def by_a_link_in_a_sticky_one(home: Home) -> Path:
    (home.path / "tmp").mkdir()
    (home.path / "tmp/link").symlink_to(home.app)
    (home.path / "tmp").chmod(0o1777)
    return home.path / "tmp/link"


def home_itself(home: Home) -> Path:
    (home.path / "pyproject.toml").touch()
    return home.path


def home_by_a_link(home: Home) -> Path:
    (home.path.parent / "link").symlink_to(home_itself(home))
    return home.path.parent / "link"


def gone(home: Home) -> Path:
    (home.app / "link").symlink_to("nothing")
    return home.app / "link"


@pytest.mark.parametrize(
    "make",
    [
        *(in_node_modules, in_an_environment, in_one_of_conda, denied, below_a_denied_one),
        *(writable_by_all, below_what_all_can_write, writable_by_a_group, sticky),
        *(below_a_sticky_one, by_a_link_in_a_sticky_one, home_itself, home_by_a_link, gone),
    ],
)
def test_none_is_offered(home: Home, make: Callable[[Home], Path]) -> None:
    place = make(home)
    assert home.is_silent(place)
    assert home.state.keep(Decision(bytes(home.path.parent), ALLOWED), UNDER)
    assert home.is_silent(place, VENVHOOK_AUTO_CREATE="always")
    assert not home.is_made(place)


def test_none_is_offered_below_tmp(home: Home, tmp_path: Path) -> None:
    """The same project that is asked about elsewhere."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/uv.lock").touch()
    assert any(place.stat().st_mode & 0o1000 for place in tmp_path.parents), "not a sticky place"
    assert home.is_silent(tmp_path / "app")


@pytest.mark.skipif(not IS_ROOT, reason="only root gives a directory away")
def test_none_is_offered_in_what_is_somebody_elses(home: Home) -> None:
    os.chown(home.app, 1, -1)
    assert home.is_silent()
    os.chown(home.app, 0, -1)
    inner = home.project("app/inner")
    os.chown(home.app, 1, -1)
    assert home.is_silent(inner)
    os.chown(home.app, 0, -1)
    home.asks(inner)


def test_an_environment_that_is_refused_is_none_to_replace(home: Home) -> None:
    (home.app / ".venv").symlink_to("nothing")
    assert home.is_silent()
    (home.app / ".venv").unlink()
    (home.app / "env").mkdir()  # a package
    home.asks()


def test_none_is_offered_below_an_environment_of_the_project(
    home: Home, make_environment: EnvironmentMaker
) -> None:
    make_environment(home.app / ".venv")
    inner = home.project("app/inner")
    call = home.offer(inner)
    assert (call.end(), call.screen) == (MADE, "")
    assert not home.is_made(inner)


@pytest.mark.parametrize(
    "environ",
    [{"VIRTUAL_ENV": "/somewhere"}, {"CONDA_DEFAULT_ENV": "science"}, {"HOME": ""}],
    ids=lambda environ: next(iter(environ)),
)
def test_none_is_offered_while_another_is_active_or_without_home(
    home: Home, environ: dict[str, str]
) -> None:
    assert home.is_silent(**environ)
    home.asks(CONDA_DEFAULT_ENV="base")


def test_nobody_is_asked_without_a_terminal(home: Home) -> None:
    code = "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; main()"
    words = [sys.executable, "-I", "-c", code, SOURCE, str(home.app)]
    _master, terminal = os.openpty()
    for stdin, stderr in ((subprocess.DEVNULL, terminal), (terminal, subprocess.PIPE)):
        ran = subprocess.run(words, env=home.environ, stdin=stdin, stderr=stderr)
        assert (ran.returncode, ran.stderr or b"") == (NOTHING, b"")
    os.close(_master)
    os.close(terminal)


def test_nobody_is_asked_from_the_background(home: Home) -> None:
    call = home.offer_as(behind=True)
    # Not stopped, as who reads from there is.
    assert (call.end(), call.screen) == (NOTHING, "")


# ---- Making it -----------------------------------------------------------------------------------


@pytest.fixture
def slow(home: Home) -> Path:
    """A FIFO that says when uv has begun to make an environment, of which there is no end."""
    programs = home.path / "programs"
    programs.mkdir()
    begun = home.path / "begun"
    os.mkfifo(begun)
    wait = f"case $1 in venv) echo begun > {begun}; exec sleep 1000 ;; esac"
    (programs / "uv").write_text(f'#!/bin/sh\n{wait}\nexec {shlex.quote(uv())} "$@"\n')
    (programs / "uv").chmod(0o755)
    home.environ["PATH"] = f"{programs}:{home.environ['PATH']}"
    return begun


def wait_for_begin(fifo: Path) -> None:
    """Return once uv has begun."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([reader], [], [], LIMIT)[0], "uv was not called"
    assert os.read(reader, 100) == b"begun\n"
    os.close(reader)


def test_a_making_that_was_wished_for_and_stopped_is_asked_for_again(
    home: Home, slow: Path
) -> None:
    call = home.asks()
    call.send(b"y\r")
    wait_for_begin(slow)
    call.send(CTRL_C)
    assert call.end() == INTERRUPTED
    said = "\r\x1b[Kvenvhook: stopped: app has no environment; 'venvhook create' makes one\n"
    assert call.screen.endswith(said)
    assert not home.is_made()
    home.asks()


def test_a_making_that_nobody_wished_for_and_stopped_is_a_no(home: Home, slow: Path) -> None:
    inner = home.project("work/inner")
    work = str(home.path / "work")
    always = {"VENVHOOK_AUTO_CREATE": "always", "VENVHOOK_AUTO_CREATE_UNDER": work}
    call = home.offer(inner, **always)
    wait_for_begin(slow)
    call.send(CTRL_C)
    assert call.end() == INTERRUPTED
    assert "\r\x1b[Kvenvhook: inner is not asked about again" in call.screen
    assert not home.is_made(inner)
    assert home.is_silent(inner, **always)


# ---- Installing ----------------------------------------------------------------------------------


@pytest.fixture
def locked(home: Home) -> None:
    """Have the project's uv.lock name a package, which lies beside it."""
    wheel = home.app / "thing-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing.py", "")
        about = "thing-1.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "thing.py,,\n")
    (home.app / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\n'
        f'dependencies = ["thing"]\n[tool.uv.sources]\nthing = {{path = "{wheel.name}"}}\n'
    )
    (home.app / "uv.lock").unlink()
    words = [uv(), "lock", "-q", "--offline", "--no-config"]
    subprocess.run(words, cwd=home.app, env=home.environ, check=True)
    home.environ["UV_OFFLINE"] = "1"


def is_installed(home: Home) -> bool:
    """Return whether that package is in the environment."""
    return any(home.app.glob(".venv/lib/python*/site-packages/thing.py"))


@pytest.mark.usefixtures("locked")
def test_nothing_is_installed_unless_that_is_set(home: Home) -> None:
    call = home.asks()
    assert "install" not in call.screen
    call.send(b"y\r")
    assert call.end() == MADE
    assert not is_installed(home)


@pytest.mark.usefixtures("locked")
def test_the_question_says_what_is_installed(home: Home) -> None:
    call = home.asks(VENVHOOK_AUTO_INSTALL="true")
    assert ", and install uv.lock by uv? [y/N] " in call.screen
    call.send(b"y\r")
    assert call.end() == MADE
    assert "venvhook: installing uv.lock by uv" in call.screen
    assert is_installed(home)


@pytest.mark.usefixtures("locked")
def test_what_others_can_write_is_not_installed(home: Home) -> None:
    (home.app / "uv.lock").chmod(0o646)
    call = home.asks(VENVHOOK_AUTO_INSTALL="true")
    assert "install" not in call.screen
    call.send(b"y\r")
    assert call.end() == MADE
    assert "nothing is installed, which could run its code" in call.screen
    assert home.is_made()
    assert not is_installed(home)


@pytest.mark.usefixtures("locked")
def test_an_installation_that_fails_leaves_the_environment(home: Home) -> None:
    (home.app / "thing-1-py3-none-any.whl").unlink()
    call = home.asks(VENVHOOK_AUTO_INSTALL="true")
    call.send(b"y\r")
    assert call.end() == MADE
    assert "venvhook: app: not all is installed (exit status " in call.screen
    assert home.is_made()


# ---- What it costs -------------------------------------------------------------------------------


def test_a_setting_that_says_never_costs_no_import_that_is_slow(home: Home) -> None:
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import offer\n"
        "sys.exit(' '.join(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, SOURCE],
        env=home.environ,
        capture_output=True,
        text=True,
    )
    loaded = set(ran.stderr.split())
    assert "venvhook.offer" in loaded
    assert not loaded & {"click", "dataclasses", "subprocess", "venvhook.create", "typing"}
