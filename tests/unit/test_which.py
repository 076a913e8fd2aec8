"""``which`` and ``shellenv``: a path and lines for scripts, from every shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from checkout import go_without
from environments import EnvironmentMaker
from repositories import Git
from roads import ROADS, Road
from venvhook.shells import SHELLS

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")


@pytest.fixture(params=ROADS)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Road:
    """Each of the two roads."""
    return Road(request.param, tmp_path.resolve())


@pytest.fixture
def venvhook(tmp_path: Path) -> Road:
    """The road on which everything goes."""
    return Road("module", tmp_path.resolve())


@pytest.fixture
def app(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """A project with an environment."""
    return make_environment(tmp_path.resolve() / "app/.venv").parent


def printed(ran: subprocess.CompletedProcess[bytes]) -> bytes:
    """Return what was printed by *ran*, which has to be without a complaint."""
    assert (ran.returncode, ran.stderr) == (0, b""), ran
    return ran.stdout


# ---- which ---------------------------------------------------------------------------------------


def test_which_prints_the_path_of_the_python_and_nothing_else(either: Road, app: Path) -> None:
    expected = bytes(app / ".venv/bin/python") + b"\n"
    (app / "src").mkdir()
    assert printed(either("which", cwd=app)) == expected
    assert printed(either("which", cwd=app / "src")) == expected
    for words in (["--in", "app/src"], ["--in=app"], ["--in", str(app)]):
        assert printed(either("which", *words, cwd=app.parent)) == expected


def test_which_names_the_project_as_the_shell_does(either: Road, app: Path) -> None:
    (app.parent / "link").symlink_to("app")
    linked = app.parent / "link"
    ran = either("which", cwd=app, environ={"PWD": str(linked)})
    assert printed(ran) == bytes(linked / ".venv/bin/python") + b"\n"


def test_which_accepts_an_environment_as_a_cd_would(either: Road, app: Path) -> None:
    printed(either("which", cwd=app))
    token = (app / ".venv/.venvhook").read_bytes()
    printed(either("which", cwd=app))
    assert (app / ".venv/.venvhook").read_bytes() == token


def test_which_goes_by_the_names_that_are_set(
    either: Road, app: Path, make_environment: EnvironmentMaker
) -> None:
    other = make_environment(app / "other")
    ran = either("which", cwd=app, environ={"VENVHOOK_NAMES": "other:.venv"})
    assert printed(ran) == bytes(other / "bin/python") + b"\n"


@pytest.mark.parametrize("value", ["a b c .venv", "a/b"])
def test_which_says_what_is_wrong_with_the_names(either: Road, app: Path, value: str) -> None:
    for where in (app, app.parent):
        ran = either("which", cwd=where, environ={"VENVHOOK_NAMES": value})
        assert (ran.returncode, ran.stdout) == (1, b""), ran
        said = f"venvhook: VENVHOOK_NAMES is '{value}'; set it to one to three names"
        assert ran.stderr.startswith(said.encode()), ran


@pytest.mark.parametrize("case", ["none", "tracked", "broken", "gone"])
def test_which_says_why_there_is_none_on_stderr_alone(
    either: Road, app: Path, tmp_path: Path, case: str
) -> None:
    git = Git(app, tmp_path).init()
    where = app
    if case == "none":
        where = app.parent
    elif case == "tracked":
        git("add", "-f", ".")
    elif case == "broken":
        (app / ".venv/bin/python").unlink()
    words = ("--in", "nowhere") if case == "gone" else ()
    ran = either("which", *words, cwd=where)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.startswith(b"venvhook: ")
    assert ran.stderr.count(b"\n") == 1
    said = {
        "none": f"no environment at or above {where}; 'venvhook create' makes one",
        "tracked": "app/.venv came with the project (tracked by git); not used",
        "broken": f"{app}/.venv: no interpreter in bin/",
        "gone": "No such file or directory",
    }
    assert said[case] in ran.stderr.decode()


def test_which_prints_facts_as_json(venvhook: Road, app: Path) -> None:
    facts = json.loads(printed(venvhook("which", "--json", cwd=app)))
    assert facts == {
        "version": 1,
        "project": str(app),
        "environment": str(app / ".venv"),
        "python": str(app / ".venv/bin/python"),
    }


@pytest.mark.parametrize("words", [["x"], ["--in"], ["--in", ""], ["--nonsense"]])
def test_a_wrong_call_is_one_line_and_status_2(venvhook: Road, app: Path, words: list[str]) -> None:
    ran = venvhook("which", *words, cwd=app)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.count(b"\n") == 1


def test_which_steps_aside_for_completion(venvhook: Road, app: Path) -> None:
    environ = {
        "_VENVHOOK_COMPLETE": "bash_complete",
        "COMP_WORDS": "venvhook which --",
        "COMP_CWORD": "2",
    }
    ran = venvhook("which", cwd=app, environ=environ)
    assert b"plain,--json" in printed(ran).splitlines()


# ---- shellenv ------------------------------------------------------------------------------------

HOW = {
    "sh": ["sh", "-c"],
    "bash": ["bash", "--norc", "-c"],
    "zsh": ["zsh", "-f", "-c"],
    "fish": ["fish", "--no-config", "-c"],
    "powershell": ["pwsh", "-NoProfile", "-Command"],
}
# Evaluates what the command before prints, then prints the variables and the Python, between NULs.
_PRINT = """ '%s\\0' "$VIRTUAL_ENV" "$VIRTUAL_ENV_PROMPT" "$VENVHOOK_ACTIVE" "$PATH" """
CODE = {
    **dict.fromkeys(
        ("sh", "bash", "zsh"),
        'eval "$(VENVHOOK)"; printf' + _PRINT + '"${PYTHONHOME-none}"; command -v python',
    ),
    "fish": "VENVHOOK | source; printf" + _PRINT + "(set -q PYTHONHOME; or echo none); "
    "command -v python",
    "powershell": "VENVHOOK | Out-String | Invoke-Expression; "
    '[Console]::Write("${env:VIRTUAL_ENV}`0${env:VIRTUAL_ENV_PROMPT}`0${env:VENVHOOK_ACTIVE}`0'
    "${env:PATH}`0$(if ($env:PYTHONHOME) {'set'} else {'none'})`0\"); "
    "(Get-Command python).Source",
}
NAMES = ["plain", 'it\'s a "$(touch owned)" `touch owned` \\ naïve']


# Where there is no pwsh, that is said once, by the skip of tests/shells/test_powershell.py.
@pytest.fixture(params=[name for name in HOW if name != "powershell" or shutil.which("pwsh")])
def shell(request: pytest.FixtureRequest) -> str:
    """Each shell that can be told."""
    name: str = request.param
    if shutil.which(HOW[name][0]) is None:
        go_without(HOW[name][0])
    return name


def test_each_shell_of_the_table_can_be_told() -> None:
    assert {row.name for row in SHELLS} < set(HOW)


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_that_reads_it_has_the_environment(
    venvhook: Road, tmp_path: Path, make_environment: EnvironmentMaker, shell: str, name: str
) -> None:
    environment = make_environment(tmp_path.resolve() / name / ".venv")
    # A PYTHONHOME with which this Python still starts, and finds click.
    packages = sysconfig.get_path("purelib")
    before = {
        **venvhook.environ,
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": f"{venvhook.environ['PYTHONPATH']}:{packages}",
    }
    command = f"{' '.join(venvhook.words)} shellenv --shell {shell}"
    code = CODE[shell].replace("VENVHOOK", command, 1)
    ran = subprocess.run(
        [*HOW[shell], code], cwd=environment.parent, env=before, capture_output=True, check=False
    )
    *values, python = printed(ran).split(b"\0")
    expected = [environment, name, environment, f"{environment}/bin:{before['PATH']}", "none"]
    assert [os.fsdecode(value) for value in values] == [str(value) for value in expected]
    assert python == bytes(environment / "bin/python") + b"\n"
    assert not list(tmp_path.rglob("owned"))


def test_the_calling_shell_is_the_default(venvhook: Road, app: Path, shell: str) -> None:
    # Two commands, so that the shell does not become the one.
    code = f"{' '.join(venvhook.words)} shellenv; echo done"
    ran = subprocess.run(
        [*HOW[shell], code], cwd=app, env=venvhook.environ, capture_output=True, check=False
    )
    assert printed(ran).removesuffix(b"done\n") == printed(
        venvhook("shellenv", "--shell", shell, cwd=app)
    )


def test_shellenv_prints_facts_as_json(venvhook: Road, app: Path) -> None:
    facts = json.loads(printed(venvhook("shellenv", "--in", "app", "--json", cwd=app.parent)))
    environment = str(app / ".venv")
    assert facts == {
        "version": 1,
        "project": str(app),
        "environment": environment,
        "python": f"{environment}/bin/python",
        "variables": {
            "VIRTUAL_ENV": environment,
            "VIRTUAL_ENV_PROMPT": "app",
            "PATH": f"{environment}/bin:{venvhook.environ['PATH']}",
            "VENVHOOK_ACTIVE": environment,
            "PYTHONHOME": None,
        },
    }


def test_shellenv_of_what_may_not_be_used_changes_nothing(venvhook: Road, app: Path) -> None:
    ran = venvhook("shellenv", "--shell", "sh", cwd=app, environ={"VENVHOOK_TRUST": "ask"})
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert b"'venvhook allow' to use it" in ran.stderr


def test_a_shell_that_is_unknown_is_told(venvhook: Road, app: Path) -> None:
    ran = venvhook("shellenv", "--shell", "tcsh", cwd=app)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"'powershell'" in ran.stderr
