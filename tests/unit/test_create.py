"""Making environments with the real tools: how they come out, and that none is ever half."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT, go_without
from environments import EnvironmentMaker
from venvhook.create import Creation
from venvhook.create import make as make_planned
from venvhook.environment import UNFINISHED, Unusable, examine
from venvhook.errors import VenvhookError
from venvhook.nearest import nearest_environment, read_policy
from venvhook.plan import Plan, Wishes, prepare, project_directory
from venvhook.unfinished import ASIDE, is_draft

BACKENDS = ("uv", "virtualenv", "venv")
VERSION = ".".join(map(str, sys.version_info[:3]))
# The base of the interpreter that runs the tests: makers take that, too.
PYTHON = os.path.realpath(sys.executable)
# Tries to make, one after the other; a limit, so that a mistake ends.
ROUNDS = 400


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment variables of a user with his own HOME, and the prepared tools on PATH."""
    home = tmp_path.resolve() / "home"
    home.mkdir()
    tools = str(Path(sys.executable).parent)
    return {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/bin:/bin",
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
    }


@pytest.fixture
def app(environ: dict[str, str]) -> Path:
    """A project in HOME."""
    path = Path(environ["HOME"]) / "app"
    path.mkdir()
    return path


def make(root: Path, environ: dict[str, str], **wishes: object) -> Creation:
    """Make an environment at *root*, without pip and of this Python if nothing else is said."""
    values: dict[str, object] = {"seed": False, "python": PYTHON, **wishes}
    wished = Wishes(**values)  # type: ignore[arg-type]  # by name
    return make_planned(prepare(bytes(root), wished, environ), environ)


def used(root: Path, environ: dict[str, str]) -> str:
    """Return the environment that is used in *root*."""
    found = nearest_environment(
        bytes(root),
        os.fsencode(environ["HOME"]),
        (b".venv", b"venv", b"env"),
        read_policy(environ, ""),
    )
    return os.fsdecode(found.environment.path)


def names_in(directory: Path) -> set[str]:
    """Return the names of what is in *directory*."""
    return {entry.name for entry in directory.iterdir()}


# ---- What is made --------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_tool_makes_one_that_is_used_unasked(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    creation = make(app, environ, backend=backend)
    assert creation.refusal == ""
    assert used(app, environ) == f"{app}/.venv"
    assert (app / ".venv/.gitignore").read_text().strip().endswith("*")
    assert not names_in(app / ".venv") & {os.fsdecode(UNFINISHED), os.fsdecode(ASIDE)}
    assert names_in(app) == {".venv"}
    program = app / ".venv/bin/python"
    told = subprocess.run(
        [program, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"{app}/.venv\n"


@pytest.mark.parametrize("backend", BACKENDS)
def test_prompt_and_site_packages_are_as_wished(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    make(app, environ, backend=backend, prompt="it's mine", system_site_packages=True)
    config = examine(bytes(app / ".venv")).config
    assert config[b"include-system-site-packages"] == b"true"
    assert b"it's mine" in config[b"prompt"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["a'b", 'a"b', "-x", "$(touch canary)", "é"])
def test_a_project_of_an_odd_name_gets_a_whole_environment(
    backend: str, name: str, environ: dict[str, str]
) -> None:
    root = Path(environ["HOME"]) / name
    root.mkdir()
    make(root, environ, backend=backend)
    config = examine(bytes(root / ".venv")).config
    assert config[b"home"] == bytes(Path(PYTHON).parent)
    assert not list(Path(environ["HOME"]).rglob("canary"))


def test_the_root_directory_is_no_project(environ: dict[str, str]) -> None:
    with pytest.raises(VenvhookError, match="/ is no project"):
        make(Path("/"), environ)


def test_a_path_that_pyvenv_cfg_cannot_hold_is_refused(environ: dict[str, str]) -> None:
    for name in ("a\nhome = x", "a:b", "\udcff"):
        root = Path(environ["HOME"]) / name
        root.mkdir()
        with pytest.raises(VenvhookError, match="rename it"):
            make(root, environ)
        assert names_in(root) == set()


@pytest.mark.parametrize("backend", ["virtualenv", "venv"])
def test_pip_is_in_it_unless_it_is_not_wished(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    make(app, environ, backend=backend, seed=None)
    assert (app / ".venv/bin/pip").exists()
    make(app, environ, backend=backend, seed=False, clear=True)
    assert not (app / ".venv/bin/pip").exists()
    # And what is made anew is as it was.
    make(app, environ, backend=backend, seed=None, clear=True)
    assert not (app / ".venv/bin/pip").exists()


def test_another_name_is_used_all_the_same(app: Path, environ: dict[str, str]) -> None:
    (app / "pyproject.toml").touch()
    creation = make(app, environ, name=b"my_virtual_environment", backend="virtualenv")
    assert creation.refusal == ""
    assert names_in(app) == {"pyproject.toml", "my_virtual_environment"}, "and no redirect"
    (app / "src").mkdir()
    assert used(app / "src", environ) == f"{app}/my_virtual_environment"


def test_without_a_wish_uv_comes_first(app: Path, environ: dict[str, str]) -> None:
    make(app, environ)
    assert b"uv" in examine(bytes(app / ".venv")).config


def test_a_setting_chooses_the_tool(app: Path, environ: dict[str, str]) -> None:
    make(app, {**environ, "VENVHOOK_BACKEND": "venv"})
    config = examine(bytes(app / ".venv")).config
    assert b"uv" not in config
    assert b"virtualenv" not in config


def test_the_project_says_which_python(app: Path, environ: dict[str, str]) -> None:
    (app / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=99"\n')
    with pytest.raises(VenvhookError, match=r"99.*pyproject\.toml") as raised:
        make(app, environ, python=None)
    assert "\n" not in str(raised.value)
    assert names_in(app) == {"pyproject.toml"}
    (app / ".python-version").write_text(f"{VERSION}\n")
    creation = make(app, environ, python=None)
    assert creation.plan.interpreter.text == VERSION
    assert creation.plan.notes, "the two do not agree"


# ---- What is there already -----------------------------------------------------------------------


def test_an_environment_is_never_overwritten_unasked(app: Path, environ: dict[str, str]) -> None:
    make(app, environ)
    (app / ".venv/mine").touch()
    with pytest.raises(VenvhookError, match=r"is there already.*'venvhook create --clear'"):
        make(app, environ)
    assert (app / ".venv/mine").exists()


@pytest.mark.parametrize("name", ["venv", "my_env"])
def test_one_of_another_name_is_told(
    name: str, app: Path, environ: dict[str, str], make_environment: EnvironmentMaker
) -> None:
    make_environment(app / name)
    with pytest.raises(VenvhookError, match=f"{name}: an environment is there already") as raised:
        make(app, environ)
    assert ("venvhook use my_env" in str(raised.value)) == (name == "my_env")
    assert names_in(app) == {name}
    make(app, environ, name=b".venv")
    assert used(app, environ) == f"{app}/.venv"


@pytest.mark.parametrize("what", ["file", "directory", "link to nothing", "fifo"])
def test_what_is_no_environment_is_left_alone(
    what: str, app: Path, environ: dict[str, str]
) -> None:
    place = app / ".venv"
    if what == "file":
        place.write_text("x\n")
    elif what == "fifo":
        os.mkfifo(place)
    elif what == "directory":
        (place / "of mine").mkdir(parents=True)
    else:
        place.symlink_to("nowhere")
    with pytest.raises(VenvhookError, match=r"\.venv: is "):
        make(app, environ, clear=True)
    assert os.path.lexists(place)
    assert what != "directory" or names_in(place) == {"of mine"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_made_anew_it_keeps_name_prompt_and_options(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    make(app, environ, name=b"env", prompt="mine", system_site_packages=True, backend="venv")
    (app / "env/old").touch()
    token = (app / "env/.venvhook").read_text()
    make(app, environ, clear=True, name=b"env", python=None, backend=backend)
    config = examine(bytes(app / "env")).config
    assert b"mine" in config[b"prompt"]
    assert config[b"include-system-site-packages"] == b"true"
    assert (config.get(b"version") or config[b"version_info"]).startswith(
        b"%d.%d" % sys.version_info[:2]
    )
    assert not (app / "env/old").exists()
    assert (app / "env/.venvhook").read_text() != token
    assert used(app, environ) == f"{app}/env"


def test_made_anew_it_says_where_its_python_is_another(app: Path, environ: dict[str, str]) -> None:
    make(app, environ, backend="venv")
    config = app / ".venv/pyvenv.cfg"

    def plan(version: str) -> Plan:
        config.write_text(re.sub(r"(?m)^version = .*", f"version = {version}", config.read_text()))
        return prepare(bytes(app), Wishes(clear=True), environ)

    other = plan("3.5.1")
    assert other.origin == ""
    assert other.notes == ("its Python 3.5.1 is not found; --python takes the path of one",)
    here = other.interpreter.text
    assert (plan(here).origin, plan(here).notes) == ("as before", ())
    beside = f"{here.rpartition('.')[0]}.99"
    assert (plan(beside).origin, plan(beside).notes) == (f"it was {beside}", ())


def test_one_whose_python_is_gone_is_made_anew(app: Path, environ: dict[str, str]) -> None:
    make(app, environ, prompt="mine", backend="venv")
    for name in ("python", "python3"):
        (app / ".venv/bin" / name).unlink(missing_ok=True)
        (app / ".venv/bin" / name).symlink_to("/opt/gone/python")
    with pytest.raises(VenvhookError, match="'venvhook create --clear' makes it anew"):
        used(app, environ)
    make(app, environ, clear=True)
    assert used(app, environ) == f"{app}/.venv"
    assert b"mine" in examine(bytes(app / ".venv")).config[b"prompt"]


def test_an_environment_behind_a_link_is_made_anew_where_it_is(
    app: Path, environ: dict[str, str]
) -> None:
    elsewhere = Path(environ["HOME"]) / "envs"
    make(elsewhere.parent / "app", environ)
    (app / ".venv").rename(elsewhere)
    (app / ".venv").symlink_to(elsewhere)
    make(app, environ, clear=True)
    assert (app / ".venv").is_symlink()
    assert used(app, environ) == f"{app}/.venv"


# ---- Never half ----------------------------------------------------------------------------------


class BrokenError(Exception):
    """What is at the place is neither absent, nor marked, nor whole."""


def state_of(environment: Path) -> str:
    """Return whether *environment* is absent, marked or whole."""
    if not environment.exists():
        return "absent"
    if (environment / os.fsdecode(UNFINISHED)).exists():
        return "marked"
    # A making that is killed before it has marked anything leaves at most the draft of a mark.
    if all(is_draft(os.fsencode(name)) for name in names_in(environment)):
        return "absent"
    try:
        examine(bytes(environment))
    except Unusable as error:
        raise BrokenError(f"{error.reason}: {names_in(environment)}") from None
    return "whole"


def interrupted(
    app: Path, environ: dict[str, str], number: signal.Signals, *words: str
) -> Iterator[int]:
    """Run ``venvhook create`` again and again, each time sent *number* a little later.

    Yields the exit status each time, until one has ended by itself.
    """
    command = [sys.executable, "-P", "-m", "venvhook", "create", "--without-pip", *words, str(app)]
    delay = 0.0
    for _ in range(ROUNDS):
        running = subprocess.Popen(
            command,
            env={**environ, "PYTHONPATH": str(CHECKOUT / "src")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            running.wait(delay)
        except subprocess.TimeoutExpired:
            if number == signal.SIGINT:
                os.killpg(running.pid, number)  # As a terminal does.
            else:
                os.kill(running.pid, number)
            if running.wait():
                yield running.returncode
                delay += 0.04
                continue
        # By itself, maybe just before the signal came.
        assert running.returncode == 0
        return
    pytest.fail("it never came to an end")


def wait_until_free(environment: Path) -> None:
    """Wait until the tool that a killed process has started ends, too."""
    fcntl = pytest.importorskip("fcntl")
    try:
        descriptor = os.open(environment / os.fsdecode(UNFINISHED), os.O_RDWR)
    except FileNotFoundError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


@pytest.mark.parametrize("backend", ["uv", "venv"])
def test_kill_9_leaves_a_marked_one_that_the_next_replaces(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    words = ("--backend", backend, "--python", PYTHON)
    for status in interrupted(app, environ, signal.SIGKILL, *words):
        assert status == -signal.SIGKILL
        wait_until_free(app / ".venv")
        if state_of(app / ".venv") == "marked":
            with pytest.raises(VenvhookError, match="unfinished"):
                used(app, environ)
        if state_of(app / ".venv") == "whole":
            shutil.rmtree(app / ".venv")
    assert state_of(app / ".venv") == "whole"
    assert used(app, environ) == f"{app}/.venv"


def test_ctrl_c_leaves_nothing(app: Path, environ: dict[str, str]) -> None:
    words = ("--backend", "uv", "--python", PYTHON)
    for status in interrupted(app, environ, signal.SIGINT, *words):
        # -2: before Python has begun, or as it ends.
        assert status in (130, -signal.SIGINT, 1)
        assert state_of(app / ".venv") in ("absent", "whole")
        if state_of(app / ".venv") == "whole":
            shutil.rmtree(app / ".venv")
    assert used(app, environ) == f"{app}/.venv"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_clear_leaves_the_old_one_or_a_marked_one(
    number: signal.Signals, app: Path, environ: dict[str, str]
) -> None:
    make(app, environ, prompt="mine")
    (app / ".venv/old").touch()
    words = ("--backend", "uv", "--clear", "--yes", "--python", PYTHON)
    for _status in interrupted(app, environ, number, *words):
        wait_until_free(app / ".venv")
        state = state_of(app / ".venv")
        aside = app / ".venv" / os.fsdecode(ASIDE)
        if state == "whole" and not (app / ".venv/old").exists():
            (app / ".venv/old").touch()  # It had just been made anew.
        elif state == "marked":
            assert number == signal.SIGKILL
            assert (app / ".venv/old").exists() or (aside / "old").exists(), "nothing is lost"
        assert state != "absent"
        if state == "whole":
            assert used(app, environ) == f"{app}/.venv"
    assert state_of(app / ".venv") == "whole"
    assert not (app / ".venv/old").exists()
    assert b"mine" in examine(bytes(app / ".venv")).config[b"prompt"]


@pytest.mark.parametrize("was_there", [False, True])
def test_killed_while_a_tool_works_it_is_marked_and_locked_until_the_tool_ends(
    was_there: bool, app: Path, environ: dict[str, str]
) -> None:
    if was_there:
        make(app, environ)
        (app / ".venv/old").touch()
    tools = app.parent / "bin"
    tools.mkdir()
    os.mkfifo(tools / "waiting")
    os.mkfifo(tools / "go on")
    lines = f"for d; do :; done; : > $d/half; : > '{tools}/waiting'; : < '{tools}/go on'"
    (tools / "uv").write_text(f"#!/bin/sh\n{lines}\n")
    (tools / "uv").chmod(0o755)
    command = [sys.executable, "-P", "-m", "venvhook", "create", "--clear", "--yes", str(app)]
    running = subprocess.Popen(
        [*command, "--without-pip", "--python", PYTHON, "--backend", "uv"],
        env={
            **environ,
            "PATH": f"{tools}:{environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT / "src"),
        },
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    (tools / "waiting").read_bytes()  # The tool is at work.
    running.kill()
    running.wait()
    assert state_of(app / ".venv") == "marked"
    assert (app / ".venv" / os.fsdecode(ASIDE) / "old").exists() == was_there
    with pytest.raises(VenvhookError, match="is being made by another process"):
        make(app, environ)
    with (tools / "go on").open("wb"):
        pass
    wait_until_free(app / ".venv")
    assert (app / ".venv/half").exists()
    make(app, environ)
    assert used(app, environ) == f"{app}/.venv"
    assert not {"half", "old", os.fsdecode(ASIDE)} & names_in(app / ".venv")


def test_two_at_once_make_one(app: Path, environ: dict[str, str]) -> None:
    fcntl = pytest.importorskip("fcntl")
    (app / ".venv").mkdir()
    mark = app / ".venv" / os.fsdecode(UNFINISHED)
    with mark.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(VenvhookError, match="is being made by another process"):
            make(app, environ)
        # Also where the mark is not known, as that of another account.
        (app / ".venv/half").touch()
        with pytest.raises(VenvhookError, match="is being made by another process"):
            make(app, environ)
    with pytest.raises(VenvhookError, match="is unfinished, and not known to be of your making"):
        make(app, environ)
    (app / ".venv/half").unlink()
    assert names_in(app / ".venv") == {mark.name}
    make(app, environ)
    assert used(app, environ) == f"{app}/.venv"


def test_many_at_once_make_one(app: Path, environ: dict[str, str]) -> None:
    words = ("--backend", "venv", "--without-pip", "--python", PYTHON)
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "venvhook", "create", *words, str(app)],
            env={**environ, "PYTHONPATH": str(CHECKOUT / "src")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    said = [process.communicate()[1] for process in running]
    assert sorted(process.returncode for process in running) == [0] + [1] * 5
    for process, line in zip(running, said, strict=True):
        if process.returncode:
            assert re.search(r"another process|there already", line), line
    assert state_of(app / ".venv") == "whole"
    assert used(app, environ) == f"{app}/.venv"


def test_a_draft_that_another_takes_marks_nothing(
    app: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(draft: bytes, mark: bytes, src_dir_fd: int, dst_dir_fd: int) -> None:
        os.unlink(draft, dir_fd=src_dir_fd)
        real(draft, mark, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(VenvhookError, match="has just been made by another process"):
        make(app, environ)
    monkeypatch.undo()
    make(app, environ)
    assert used(app, environ) == f"{app}/.venv"


def test_what_another_has_made_meanwhile_is_not_made_anew(
    app: Path, environ: dict[str, str]
) -> None:
    for clear in (False, True):
        wished = Wishes(python=PYTHON, seed=False, clear=clear)
        plan = prepare(bytes(app), wished, environ)
        make(app, environ, prompt="theirs")
        with pytest.raises(VenvhookError, match="has just been made by another process"):
            make_planned(plan, environ)
        assert b"theirs" in examine(bytes(app / ".venv")).config[b"prompt"]
        assert used(app, environ) == f"{app}/.venv"
        shutil.rmtree(app / ".venv")


def test_a_tool_that_fails_leaves_what_was_there(app: Path, environ: dict[str, str]) -> None:
    make(app, environ)
    before = (app / ".venv/.venvhook").read_text()
    broken = app.parent / "bin"
    broken.mkdir()
    (broken / "uv").write_text(
        "#!/bin/sh\nfor d; do :; done; : > $d/half; echo error: no >&2; exit 3"
    )
    (broken / "uv").chmod(0o755)
    environ["PATH"] = f"{broken}:{environ['PATH']}"
    with pytest.raises(VenvhookError, match=r"uv failed \(exit status 3\): error: no; nothing"):
        make(app, environ, clear=True, backend="uv")
    assert not (app / ".venv/half").exists()
    assert (app / ".venv/.venvhook").read_text() == before
    assert used(app, environ) == f"{app}/.venv"


# Kills the process at the *n*-th call of the function *what* of os, before or after it was done.
KILLER = """
import os, sys
what, n, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
real, calls = getattr(os, what), []
def function(*words, **more):
    calls.append(1)
    if len(calls) == n:
        os._exit(99)
    return real(*words, **more)
setattr(os, what, function)
os.supports_dir_fd.add(function)
sys.argv = ["venvhook", *command]
from venvhook.cli import main
main()
"""


@pytest.mark.parametrize("what", ["mkdir", "write", "link", "unlink"])
def test_killed_at_any_step_of_the_first_making_the_next_makes_it(
    what: str, app: Path, environ: dict[str, str]
) -> None:
    words = ["create", "--without-pip", "--backend", "uv", "--python", PYTHON]
    for n in range(1, 30):
        done = subprocess.run(
            [sys.executable, "-P", "-c", KILLER, what, str(n), *words, str(app)],
            env={**environ, "PYTHONPATH": str(CHECKOUT / "src")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode != 99:
            assert done.returncode == 0, done.stderr
            assert n > 1
            break
        if state_of(app / ".venv") != "whole":
            make(app, environ, backend="uv")
            assert not [name for name in names_in(app / ".venv") if is_draft(os.fsencode(name))]
        assert state_of(app / ".venv") == "whole"
        assert used(app, environ) == f"{app}/.venv"
        shutil.rmtree(app / ".venv")
    else:
        pytest.fail("it never came to an end")


@pytest.mark.parametrize("what", ["rename", "unlink"])
@pytest.mark.parametrize("fails", [False, True], ids=["made", "given back"])
def test_killed_at_any_step_nothing_of_the_old_one_is_lost(
    what: str, fails: bool, app: Path, environ: dict[str, str]
) -> None:
    tools = app.parent / "bin"
    tools.mkdir()
    (tools / "uv").write_text("#!/bin/sh\nfor d; do :; done\n: > $d/half\nexit 3\n")
    (tools / "uv").chmod(0o755)
    failing = {**environ, "PATH": f"{tools}:{environ['PATH']}"}
    words = ["create", "--clear", "--yes", "--without-pip", "--backend", "uv", "--python", PYTHON]
    for n in (1, 2, 3, 5, 7, 10, 14, 20, 40, 100):
        shutil.rmtree(app / ".venv", ignore_errors=True)
        make(app, environ, backend="uv")
        files = {path.name for path in (app / ".venv").iterdir()}
        (app / ".venv/mine").touch()
        done = subprocess.run(
            [sys.executable, "-P", "-c", KILLER, what, str(n), *words, str(app)],
            env={**(failing if fails else environ), "PYTHONPATH": str(CHECKOUT / "src")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode != 99:
            assert done.returncode == int(fails), done.stderr
            assert n > 1
            break
        # The next one fails as well: what was there is given back, whole.
        was_made = state_of(app / ".venv") == "whole" and not (app / ".venv/mine").exists()
        with pytest.raises(VenvhookError, match="nothing was changed"):
            make(app, failing, clear=True, backend="uv")
        assert state_of(app / ".venv") == "whole"
        assert names_in(app / ".venv") >= files
        assert (app / ".venv/mine").exists() != was_made
        assert not (app / ".venv/half").exists()
        assert used(app, environ) == f"{app}/.venv"
        make(app, environ, clear=True, backend="uv")
        assert used(app, environ) == f"{app}/.venv"
        assert not {"mine", os.fsdecode(ASIDE), os.fsdecode(UNFINISHED)} & names_in(app / ".venv")
    else:
        pytest.fail("it never came to an end")


# ---- What a clone may bring ----------------------------------------------------------------------


def forge(app: Path, version: str, mark: bool) -> Path:
    """Put what a clone may bring at ``.venv``, whose version names a program; return its trace."""
    canary = app.parent / "canary"
    for name in ("evil", "python3.11"):
        (app / name).write_text(f"#!/bin/sh\n: > '{canary}'\n")
        (app / name).chmod(0o755)
    (app / ".venv").mkdir()
    (app / ".venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    if mark:
        (app / ".venv" / os.fsdecode(UNFINISHED)).touch()
    return canary


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("version", ["./evil", "evil", "./python3.11", "3.1./evil", "{}/evil"])
def test_what_is_there_names_no_program(
    version: str,
    mark: bool,
    app: Path,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canary = forge(app, version.format(app), mark)
    monkeypatch.chdir(app)
    environ["PATH"] = f"{app}:{environ['PATH']}"
    with pytest.raises(VenvhookError, match="'venvhook create --clear'"):
        make(app, environ, python=None)
    assert not canary.exists()
    make(app, environ, python=None, clear=True)
    assert not canary.exists()
    assert used(app, environ) == f"{app}/.venv"


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_called_as_ours_is_not_followed_nor_lost(
    is_link: bool, mark: bool, app: Path, environ: dict[str, str]
) -> None:
    documents = app.parent / "Documents"
    documents.mkdir()
    (documents / "thesis").touch()
    forge(app, "3.11", mark)
    aside = app / ".venv" / os.fsdecode(ASIDE)
    if is_link:
        aside.symlink_to("../../Documents")
    else:
        aside.mkdir()
        (aside / "theirs").touch()
    tools = app.parent / "bin"
    tools.mkdir()
    (tools / "uv").write_text("#!/bin/sh\nexit 3\n")
    (tools / "uv").chmod(0o755)
    with pytest.raises(VenvhookError, match="nothing was changed"):
        make(app, {**environ, "PATH": f"{tools}:{environ['PATH']}"}, clear=True, backend="uv")
    assert names_in(documents) == {"thesis"}
    # What is not known to be of our making stays marked.
    assert (app / ".venv" / os.fsdecode(UNFINISHED)).exists() == mark
    make(app, environ, clear=True)
    assert names_in(documents) == {"thesis"}
    assert used(app, environ) == f"{app}/.venv"


@pytest.mark.skipif(not IS_ROOT, reason="only root can mount")
def test_what_is_mounted_in_one_is_not_removed(app: Path, environ: dict[str, str]) -> None:
    make(app, environ)
    documents = app.parent / "Documents"
    documents.mkdir()
    (documents / "thesis").touch()
    (app / ".venv/data").mkdir()
    words = ["mount", "--bind", str(documents), str(app / ".venv/data")]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(VenvhookError, match="something is mounted there"):
            make(app, environ, clear=True)
        assert names_in(documents) == {"thesis"}
    finally:
        subprocess.run(["umount", "-l", str(app / ".venv/data")], check=True)


def test_what_is_put_in_its_place_meanwhile_is_left_alone(
    app: Path, environ: dict[str, str]
) -> None:
    make(app, environ)
    (app / ".venv/mine").touch()
    documents = app.parent / "Documents"
    documents.mkdir()
    (documents / "thesis").touch()
    tools = app.parent / "bin"
    tools.mkdir()
    swap = f"mv '{app}/.venv' '{app}/moved'; ln -s '{documents}' '{app}/.venv'"
    for status in (0, 3):
        (tools / "uv").write_text(f"#!/bin/sh\n{swap}\nexit {status}\n")
        (tools / "uv").chmod(0o755)
        with pytest.raises(VenvhookError):
            make(app, {**environ, "PATH": f"{tools}:{environ['PATH']}"}, clear=True, backend="uv")
        assert names_in(documents) == {"thesis"}
        (app / ".venv").unlink()
        (app / "moved").rename(app / ".venv")
        assert (app / ".venv/mine").exists()
        assert used(app, environ) == f"{app}/.venv"


def test_where_nothing_can_be_written_a_good_one_stays_in_use(
    app: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(app, environ)
    before = names_in(app / ".venv")
    for name in ("write", "mkdir", "link"):
        with monkeypatch.context() as patch:

            def full(*_words: object, **_more: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(os, name, full)
            with pytest.raises(VenvhookError, match="the disk is full; nothing was changed"):
                make(app, environ, clear=True)
            with pytest.raises(VenvhookError, match="the disk is full; nothing was changed"):
                make(app, environ, name=b"venv")
        assert names_in(app) == {".venv"}
        assert names_in(app / ".venv") == before, name
        assert used(app, environ) == f"{app}/.venv"


def test_a_mark_that_is_no_file_is_told(app: Path, environ: dict[str, str]) -> None:
    (app / ".venv").mkdir()
    os.mkfifo(app / ".venv" / os.fsdecode(UNFINISHED))
    with pytest.raises(VenvhookError, match="is no regular file; remove it"):
        make(app, environ, clear=True)


# ---- What may fail -------------------------------------------------------------------------------


def test_without_a_network_the_next_tool_brings_pip(app: Path, environ: dict[str, str]) -> None:
    creation = make(app, environ, seed=None)
    assert creation.creator.name == "virtualenv"
    assert creation.note.startswith("uv failed")
    assert (app / ".venv/bin/pip").exists()
    with pytest.raises(VenvhookError, match="'--without-pip' needs no network"):
        make(app, environ, seed=None, backend="uv", clear=True)
    assert (app / ".venv/bin/pip").exists()


def test_in_the_home_directory_one_is_made_only_by_its_name(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(environ["HOME"])
    home = {**environ, "PWD": environ["HOME"]}
    with pytest.raises(VenvhookError, match="is your home directory; 'venvhook create ~'"):
        project_directory(None, home)
    assert project_directory(os.fsencode(environ["HOME"]), home) == os.fsencode(environ["HOME"])


@pytest.mark.parametrize("size", ["16k", "3m"])
def test_a_full_disk_is_said(size: str, environ: dict[str, str], tmp_path: Path) -> None:
    mount = shutil.which("mount")
    if not IS_ROOT or mount is None:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    words = [mount, "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(VenvhookError, match="the disk is full; nothing was changed"):
            make(disk, environ, backend="venv", seed=True)
        assert names_in(disk) == set()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# ---- Nothing of the project's runs ---------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_of_the_project_is_run_or_obeyed(
    backend: str, app: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = app.parent / "canary"
    sing = f"open({str(canary)!r}, 'w').close()\n"
    for name in ("venv", "virtualenv", "ensurepip", "encodings", "uv"):
        (app / name).mkdir()
        for file in ("__init__.py", "__main__.py"):
            (app / name / file).write_text(sing)
    for name in ("sitecustomize.py", "usercustomize.py", "site.py", "os.py", "python.py"):
        (app / name).write_text(sing)
    for name in ("python3", "python3.99", "python", "virtualenv.exe", "pypy"):
        (app / name).write_text(f"#!/bin/sh\n: > '{canary}'\n")
        (app / name).chmod(0o755)
    (app / "bin").mkdir()
    for name in ("uv", "virtualenv", "python3", "python3.13"):
        (app / "bin" / name).write_text(f"#!/bin/sh\n: > '{canary}'\nexit 1\n")
        (app / "bin" / name).chmod(0o755)
    (app / "uv.toml").write_text("nonsense = [\n")
    (app / "virtualenv.ini").write_text("[virtualenv]\nprompt = theirs\n")
    (app / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.uv]\npython-preference = 1\n")
    (app / ".python-version").write_text("./python3.99\n/bin/sh\n")
    monkeypatch.chdir(app)
    # By a link too: in a directory elsewhere, and on the way there.
    linked = app.parent / "linked"
    linked.mkdir()
    (linked / "uv").symlink_to(app / "bin/uv")
    (app.parent / "way").symlink_to(app)
    more = f"{linked}:{app.parent}/way/bin"
    environ["PATH"] = f".:bin:{app}:{app}/bin:{more}:{environ['PATH']}"
    creation = make(app, environ, backend=backend, python=None)
    assert creation.refusal == ""
    assert not canary.exists()
    assert b"theirs" not in examine(bytes(app / ".venv")).config.get(b"prompt", b"")


def test_nothing_of_the_project_around_is_run_where_a_link_leads_into_it(
    app: Path, environ: dict[str, str]
) -> None:
    canary = app.parent / "canary"
    (app / "pyproject.toml").touch()
    (app / "sub").mkdir()
    (app / "bin").mkdir()
    for name in ("uv", "virtualenv", "python3", "python3.13"):
        (app / "bin" / name).write_text(f"#!/bin/sh\n: > '{canary}'\nexit 1\n")
        (app / "bin" / name).chmod(0o755)
    link = app.parent / "link"
    link.symlink_to(app / "sub")
    environ["PATH"] = f"{app}/bin:{environ['PATH']}"
    make(link, environ, python=None)
    assert not canary.exists()
    assert used(link, environ) == f"{link}/.venv"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_python_that_is_too_old_is_refused_with_who_could(
    backend: str, app: Path, environ: dict[str, str]
) -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    old = next((str(path) for path in pyenv.glob("versions/2.7*/bin/python")), None)
    if old is None:
        pytest.skip("no Python 2.7 of pyenv's on this machine")
    with pytest.raises(VenvhookError, match=r"is Python 2\.7\.\d+, of which .*virtualenv<20"):
        make(app, environ, backend=backend, python=old)
    assert names_in(app) == set()


def test_a_tool_that_is_not_there_is_told(app: Path, environ: dict[str, str]) -> None:
    environ["PATH"] = "/usr/bin:/bin"
    if shutil.which("virtualenv", path=environ["PATH"]):
        go_without("a PATH without virtualenv")
    with pytest.raises(VenvhookError, match="virtualenv is not on PATH; install it"):
        make(app, environ, backend="virtualenv")


def test_in_a_place_that_others_can_write_it_is_made_and_the_reason_told(
    app: Path, environ: dict[str, str]
) -> None:
    app.chmod(0o777)
    creation = make(app, environ)
    assert "others can write" in creation.refusal or "writable" in creation.refusal
    assert examine(bytes(app / ".venv"))
