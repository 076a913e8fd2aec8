"""``run``: a command as if it had been started in an activated shell, with nothing between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from environments import EnvironmentMaker
from repositories import Git
from roads import ROADS, Road

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")

SH = "/bin/sh"


@pytest.fixture(params=ROADS)
def venvhook(request: pytest.FixtureRequest, tmp_path: Path) -> Road:
    """Each of the two roads."""
    return Road(request.param, tmp_path.resolve())


@pytest.fixture
def app(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """A project with an environment."""
    return make_environment(tmp_path.resolve() / "app/.venv").parent


def shell_value(ran: subprocess.CompletedProcess[bytes]) -> bytes:
    """Return what was printed by *ran*, which has to be without a complaint."""
    assert (ran.returncode, ran.stderr) == (0, b""), ran
    return ran.stdout


def write_program(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


# ---- The process ---------------------------------------------------------------------------------


def test_the_command_runs_in_the_environment(venvhook: Road, app: Path) -> None:
    below = app / "src/deep"
    below.mkdir(parents=True)
    ran = venvhook("run", "python", "-c", "import sys; print(sys.prefix)", cwd=below)
    assert shell_value(ran) == bytes(app / ".venv") + b"\n"


def test_what_switches_the_hook_off_is_the_shells_affair(venvhook: Road, app: Path) -> None:
    ran = venvhook("run", "env", "-0", cwd=app, environ={"VENVHOOK_OFF": "1"})
    assert variables(ran)[b"VIRTUAL_ENV"] == bytes(app / ".venv")


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_is_the_commands(venvhook: Road, app: Path, status: int) -> None:
    assert venvhook("run", SH, "-c", f"exit {status}", cwd=app).returncode == status


def test_the_command_takes_the_process_and_its_signals(venvhook: Road, app: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = venvhook.start("run", SH, "-c", "echo $$; exec sleep 600", cwd=app)
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(number)
        assert process.wait(timeout=60) == -number
        process.stdout.close()


def test_the_command_ignores_no_signal_that_its_caller_did_not(venvhook: Road, app: Path) -> None:
    # Python ignores it for itself.
    ran = venvhook("run", SH, "-c", "kill -PIPE $$; exit 3", cwd=app)
    assert ran.returncode == -signal.SIGPIPE


def test_input_and_descriptors_are_the_commands(venvhook: Road, app: Path) -> None:
    given = b"line\n\x00\xff no line end"
    assert shell_value(venvhook("run", "cat", cwd=app, given=given)) == given
    reading, writing = os.pipe()
    code = "import os, sys; os.write(int(sys.argv[1]), b'through')"
    words = [*venvhook.words, "run", "python", "-c", code, str(writing)]
    subprocess.run(words, cwd=app, env=venvhook.environ, pass_fds=[writing], check=True)
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("before", [[], ["--"]])
def test_all_that_follows_the_command_is_its_own(
    venvhook: Road, app: Path, before: list[str]
) -> None:
    words = [b"-x", b"--in", b"/", b"--", b"-h", b"--help", b"", b"a b", b"\xff", b"new\nline"]
    # printf takes a first word that begins with '-' for an option of its own, so not that first.
    ran = venvhook("run", *before, "printf", "[%s]", "first", *words, cwd=app)
    assert shell_value(ran) == b"".join(b"[%b]" % word for word in [b"first", *words])


def test_a_command_that_begins_with_a_dash_needs_the_two(venvhook: Road, app: Path) -> None:
    write_program(app / ".venv/bin/-odd", f"#!{SH}\necho odd\n")
    assert shell_value(venvhook("run", "--", "-odd", cwd=app)) == b"odd\n"


# ---- Its environment variables -------------------------------------------------------------------


def variables(ran: subprocess.CompletedProcess[bytes]) -> dict[bytes, bytes]:
    """Return the variables that ``env -0`` printed."""
    pairs = (line.partition(b"=") for line in shell_value(ran).split(b"\0") if line)
    # A shell's own, which sets it for all that it starts.
    return {name: value for name, _, value in pairs if name != b"_"}


def test_nothing_but_what_activating_sets_is_changed(venvhook: Road, app: Path) -> None:
    # Nothing of the locale, for which Python would set LC_CTYPE; as in cron.
    odd = {"ODD": "a\udcff\nb", "EMPTY": "", "PWD": str(app)}
    # By the launcher, Python itself does not look at this one.
    hidden = {} if len(venvhook.words) > 1 else {"PYTHONHOME": "/nowhere"}
    found = variables(venvhook("run", "env", "-0", cwd=app, environ={**odd, **hidden}))
    environment = bytes(app / ".venv")
    expected = {os.fsencode(k): os.fsencode(v) for k, v in {**venvhook.environ, **odd}.items()}
    expected |= {
        b"VIRTUAL_ENV": environment,
        b"VIRTUAL_ENV_PROMPT": b"app",
        b"VENVHOOK_ACTIVE": environment,
        b"PATH": environment + b"/bin:" + expected[b"PATH"],
    }
    assert found == expected


def test_a_locale_of_the_users_is_left_alone(venvhook: Road, app: Path) -> None:
    ran = venvhook("run", "env", "-0", cwd=app, environ={"LC_CTYPE": "C.UTF-8", "LANG": "C"})
    assert variables(ran)[b"LC_CTYPE"] == b"C.UTF-8"


def path_of(venvhook: Road, app: Path, **environ: str) -> str:
    ran = venvhook("run", SH, "-c", 'printf %s "$PATH"', cwd=app, environ=environ)
    return os.fsdecode(shell_value(ran))


def test_path_has_no_entry_twice_and_none_of_what_was_active(
    venvhook: Road, app: Path, make_environment: EnvironmentMaker
) -> None:
    own, other = f"{app}/.venv/bin", make_environment(app.parent / "other/venv")
    plain = "/usr/bin:/bin"
    assert path_of(venvhook, app, PATH=plain) == f"{own}:{plain}"
    assert path_of(venvhook, app, PATH=f"/usr/bin:{own}:/bin") == f"{own}:{plain}"
    # By us, by hand, by us and deleted since, and something else altogether.
    active = {"PATH": f"{other}/bin:{plain}", "VIRTUAL_ENV": str(other)}
    assert path_of(venvhook, app, VENVHOOK_ACTIVE=str(other), **active) == f"{own}:{plain}"
    assert path_of(venvhook, app, **active) == f"{own}:{plain}"
    gone = {"VIRTUAL_ENV": "/gone", "VENVHOOK_ACTIVE": "/gone", "PATH": f"/gone/bin:{plain}"}
    assert path_of(venvhook, app, **gone) == f"{own}:{plain}"
    assert path_of(venvhook, app, PATH=plain, VIRTUAL_ENV="/usr") == f"{own}:{plain}"


def test_programs_of_the_system_are_found_without_a_path(venvhook: Road, app: Path) -> None:
    # The launcher itself is told by its path, and its sh has a default.
    ran = venvhook("run", "env", "-0", cwd=app, environ={"PATH": None})
    assert variables(ran)[b"PATH"] == bytes(app / ".venv/bin") + os.fsencode(f":{os.defpath}")


# ---- Which command -------------------------------------------------------------------------------


def complaint(ran: subprocess.CompletedProcess[bytes]) -> str:
    """Return the one line that *ran* said, without its beginning."""
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"venvhook: ")
    assert ran.stderr.count(b"\n") == 1
    return ran.stderr.decode().removeprefix("venvhook: ").rstrip()


def test_the_environments_programs_come_first(venvhook: Road, app: Path) -> None:
    write_program(app / ".venv/bin/ls", f"#!{SH}\necho own\n")
    assert shell_value(venvhook("run", "ls", cwd=app)) == b"own\n"


@pytest.mark.parametrize("name", ["nosuch", "./nosuch", "/nosuch/at/all"])
def test_a_command_that_is_missing_is_one_line_and_status_127(
    venvhook: Road, app: Path, name: str
) -> None:
    ran = venvhook("run", name, cwd=app)
    assert complaint(ran).startswith(f"{name}: no")
    assert ran.returncode == 127


def test_what_cannot_be_executed_is_one_line_and_status_126(venvhook: Road, app: Path) -> None:
    plain = write_program(app / "plain", "", mode=0o644)
    moved = write_program(app / ".venv/bin/moved", "#!/nowhere/bin/python\n")
    for name, words in {
        "./plain": "./plain: is not executable",
        str(plain): f"{plain}: is not executable",
        str(app): f"{app}: is a directory",
        "moved": f"{moved}: cannot be started: the interpreter in its first line is missing",
    }.items():
        ran = venvhook("run", name, cwd=app)
        assert complaint(ran).startswith(words)
        assert ran.returncode == 126


def test_what_is_no_program_on_path_does_not_hide_one(venvhook: Road, app: Path) -> None:
    write_program(app / ".venv/bin/printf", "", mode=0o644)
    (app / ".venv/bin/cat").mkdir()
    assert shell_value(venvhook("run", "printf", "x", cwd=app)) == b"x"
    assert shell_value(venvhook("run", "cat", cwd=app, given=b"y")) == b"y"


def test_a_script_without_a_first_line_is_for_sh(venvhook: Road, app: Path) -> None:
    write_program(app / ".venv/bin/old", 'echo "old: $1"\n')
    assert shell_value(venvhook("run", "old", "a b", cwd=app)) == b"old: a b\n"


# ---- Which project -------------------------------------------------------------------------------


def test_in_changes_into_the_directory(venvhook: Road, app: Path) -> None:
    (app / "sub").mkdir()
    (app.parent / "link").symlink_to("app")
    words = (SH, "-c", 'printf "%s %s" "$PWD" "$(pwd -P)"')
    for given, logical in {
        str(app / "sub"): f"{app}/sub",
        "app/sub": f"{app}/sub",
        "link": f"{app.parent}/link",
        "app/sub/..": str(app),
    }.items():
        real = os.path.realpath(logical)
        for options in (["--in", given], [f"--in={given}"], ["--in", given, "--"]):
            ran = venvhook(
                "run", *options, *words, cwd=app.parent, environ={"PWD": str(app.parent)}
            )
            assert shell_value(ran).decode() == f"{logical} {real}"


def test_where_no_project_is_nothing_runs(venvhook: Road, app: Path) -> None:
    outside = app.parent
    ran = venvhook("run", "touch", "ran", cwd=outside)
    assert complaint(ran) == (f"no environment at or above {outside}; 'venvhook create' makes one")
    assert ran.returncode == 1
    for given in ("nowhere", str(app / ".venv/pyvenv.cfg")):
        ran = venvhook("run", "--in", given, "touch", "ran", cwd=outside)
        assert given in complaint(ran)
        assert ran.returncode == 1
    assert not list(outside.rglob("ran"))


NAMES = [
    *(
        'it\'s a "test" $(touch owned) `touch owned`',
        "naïve ☃",
        "-dash",
        "new\nline",
        "back\\slash",
    ),
    *([] if sys.platform == "darwin" else [os.fsdecode(b"\xff\xfe")]),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_project_may_have_any_name(
    venvhook: Road, tmp_path: Path, make_environment: EnvironmentMaker, name: str
) -> None:
    app = tmp_path.resolve() / name
    # Not made there, since venv cannot write down a name that is no UTF-8; so it is asked about.
    make_environment(tmp_path / "made/.venv").parent.rename(app)
    environment = app / ".venv"
    told = {"VENVHOOK_TRUST": "all"}
    ran = venvhook("run", SH, "-c", 'printf %s "$VIRTUAL_ENV"; pwd >&2', cwd=app, environ=told)
    assert ran.stdout == bytes(environment)
    assert ran.stderr == bytes(app) + b"\n"
    ran = venvhook("run", "--in", app, "pwd", cwd=tmp_path, environ=told)
    assert shell_value(ran) == bytes(app) + b"\n"
    assert not list(tmp_path.rglob("owned"))


# ---- Trust ---------------------------------------------------------------------------------------


def test_an_environment_that_came_with_the_project_is_not_used(
    venvhook: Road, app: Path, tmp_path: Path
) -> None:
    git = Git(app, tmp_path).init()
    git("add", "-f", ".")
    write_program(app / ".venv/bin/python3000", f"#!{SH}\ntouch {app}/owned\n")
    ran = venvhook("run", "python3000", cwd=app)
    assert ran.returncode == 1
    assert complaint(ran) == (
        "app/.venv came with the project (tracked by git); not used. 'venvhook allow' to use it"
    )
    assert not (app / "owned").exists()
    allowed = Road("module", tmp_path.resolve())("allow", cwd=app)
    assert allowed.returncode == 0, allowed.stderr
    assert venvhook("run", "python3000", cwd=app).returncode == 0
    assert (app / "owned").exists()


def test_what_is_denied_is_said_to_be(venvhook: Road, app: Path, tmp_path: Path) -> None:
    assert Road("module", tmp_path.resolve())("deny", cwd=app).returncode == 0
    ran = venvhook("run", "true", cwd=app)
    assert complaint(ran) == "app/.venv is denied; not used. 'venvhook revoke' takes that back"
    assert ran.returncode == 1


def test_the_setting_of_trust_counts(venvhook: Road, app: Path) -> None:
    ran = venvhook("run", "true", cwd=app, environ={"VENVHOOK_TRUST": "ask"})
    assert "has not been allowed" in complaint(ran)
    config = venvhook.home / ".config/venvhook/config.toml"
    config.write_text('trust = "nonsense"\n')
    assert "trust must be" in complaint(venvhook("run", "true", cwd=app))


def test_nothing_of_the_project_is_imported(venvhook: Road, app: Path) -> None:
    owned = app / "owned"
    for name in ("click", "os", "errno", "_signal", "sitecustomize", "usercustomize", "venvhook"):
        (app / f"{name}.py").write_text(f"open({str(owned)!r}, 'w')\n")
    for name in ("venvhook", "encodings"):
        (app / name).mkdir()
        (app / name / "__init__.py").write_text(f"open({str(owned)!r}, 'w')\n")
    search = f"{app}:{venvhook.environ.get('PYTHONPATH', '')}"
    if len(venvhook.words) > 1:
        # Where PYTHONPATH is what leads to venvhook, it cannot be the project's too.
        search = str(CHECKOUT / "src")
    ran = venvhook(
        "run", "env", cwd=app, environ={"PYTHONPATH": search, "PYTHONSTARTUP": f"{app}/os.py"}
    )
    assert f"PYTHONPATH={search}".encode() in shell_value(ran)
    assert not owned.exists()


# ---- What click is for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["--"], 2),
        (["-x", "true"], 2),
        (["--in"], 2),
        (["--in", "", "true"], 2),
        ([""], 127),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path: Path, app: Path, words: list[str], status: int) -> None:
    ran = Road("module", tmp_path.resolve())("run", *words, cwd=app)
    assert complaint(ran)
    assert ran.returncode == status


def test_the_slow_road_does_the_same(tmp_path: Path, app: Path) -> None:
    # Twice --in is not what the fast road understands.
    words = ("run", "--in", "/", "--in", str(app), SH, "-c", "pwd; exit 7", "--in", "x")
    ran = Road("module", tmp_path.resolve())(*words, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (7, bytes(app) + b"\n")


def completed(road: Road, cwd: Path, *words: str) -> list[str]:
    """Return what TAB offers for the last of *words*, in click's form for bash."""
    ran = road(
        cwd=cwd,
        environ={
            "_VENVHOOK_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["venvhook", *words]),
            "COMP_CWORD": str(len(words)),
        },
    )
    return shell_value(ran).decode().split()


def test_completion_offers_the_environments_programs_then_files(tmp_path: Path, app: Path) -> None:
    road = Road("module", tmp_path.resolve())
    write_program(app / ".venv/bin/two lines\nof one", "")
    write_program(app / ".venv/bin/pyzzle", "")
    assert "plain,pyzzle" in completed(road, app, "run", "py")
    assert "plain,python" in completed(road, app, "run", "py")
    assert completed(road, app, "run", "two") == ["file,two"]
    assert completed(road, tmp_path, "run", "--in", "app", "pyz") == ["plain,pyzzle"]
    assert completed(road, tmp_path, "run", "pyz") == ["file,pyz"]
    assert completed(road, app, "run", "./py") == ["file,./py"]
    for last in ("x", "-"):
        assert completed(road, app, "run", "python", last) == [f"file,{last}"]
    assert completed(road, app, "run", "--in", "a") == ["dir,a"]
