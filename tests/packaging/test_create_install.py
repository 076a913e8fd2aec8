"""What a project locks or declares is installed, by the real tools, into its environment only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without, venvhook_command
from environments import EnvironmentMaker
from venvhook.dependencies import Installation, find_installation, run_installation

PROGRAMS = CHECKOUT / ".tests/makers/bin"
PYTHON = f">={sys.version_info.major}.{sys.version_info.minor},<4"
PROJECT = f"""\
[project]
name = "app"
version = "1"
requires-python = "{PYTHON}"
dependencies = ["six"]

[dependency-groups]
dev = ["iniconfig"]
"""
PIPFILE = '[packages]\nsix = "*"\n\n[dev-packages]\niniconfig = "*"\n'
PIPFILE_LOCK = """\
{"_meta": {"hash": {"sha256": ""}, "pipfile-spec": 6, "requires": {}, "sources": []},
 "default": {"six": {"version": "==1.17.0"}}, "develop": {"iniconfig": {"version": "==2.1.0"}}}
"""
# Where nothing can be made.
NOWHERE = "/dev/null/nowhere"
# What people's shells have set, for each of which one of the tools would install somewhere else.
ELSEWHERE = {
    "CONDA_DEFAULT_ENV": "base",
    "CONDA_PREFIX": NOWHERE,
    "VIRTUAL_ENV": NOWHERE,
    "PYTHONHOME": NOWHERE,
    "PIP_TARGET": NOWHERE,
    "PIP_USER": "1",
    "UV_PROJECT_ENVIRONMENT": NOWHERE,
    "UV_PYTHON": NOWHERE,
    "UV_PYTHON_PREFERENCE": "only-managed",
    "UV_SYSTEM_PYTHON": "1",
    "POETRY_VIRTUALENVS_IN_PROJECT": "true",
    "PDM_PYTHON": sys.executable,
    "PDM_IGNORE_ACTIVE_VENV": "1",
    "PDM_USE_VENV": "0",
    "PIPENV_IGNORE_VIRTUALENVS": "1",
    "PIPENV_PIPFILE": f"{NOWHERE}/Pipfile",
}


def environ(home: Path, **more: str) -> dict[str, str]:
    """Return what the tools are called with: the machine's way to the index, and their own HOME."""
    beside = Path(sys.executable).parent
    path = f"{PROGRAMS}:{beside}:{os.environ['PATH']}"
    return {**os.environ, "HOME": str(home), "PATH": path, "PDM_CHECK_UPDATE": "0", **more}


def run(words: list[str], cwd: Path, variables: dict[str, str]) -> str:
    """Return what the tool that *words* call prints; go without where it is missing."""
    program = shutil.which(words[0], path=variables["PATH"])
    if program is None:
        go_without(words[0])
    done = subprocess.run(
        [program, *words[1:]],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def installed(environment: Path) -> set[str]:
    """Return the names of what is installed in *environment*."""
    found = environment.glob("lib/*/site-packages/*.dist-info")
    return {path.name.partition("-")[0] for path in found}


def install(root: Path, environment: Path, variables: dict[str, str]) -> Installation:
    """Install what *root* says into *environment*, which must stay the one that it is."""
    mark = environment / "mark"
    mark.touch()
    installation = find_installation(os.fsencode(root), os.fsencode(environment), variables)
    assert installation is not None
    assert run_installation(installation) == 0
    assert mark.exists()
    return installation


# ---- Locks ---------------------------------------------------------------------------------------


def lock_uv(root: Path, variables: dict[str, str]) -> None:
    """Lock with uv, in a project that asks for another Python and other ways to find one."""
    (root / "pyproject.toml").write_text(PROJECT)
    run(["uv", "lock", "-q", "--python", sys.executable], root, variables)
    (root / ".python-version").write_text("3.99\n")
    (root / "uv.toml").write_text('python-preference = "only-managed"\n')


def lock_poetry(root: Path, variables: dict[str, str]) -> None:
    """Lock with poetry, and let it have an environment of its own for the project."""
    # What poetry asks the index by default, not every mirror of it has.
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    url = os.environ.get("PIP_INDEX_URL") or run([sys.executable, "-c", code], root, variables)
    source = f'[[tool.poetry.source]]\nname = "simple"\nurl = "{url.strip()}"\n'
    settings = f"[tool.poetry]\npackage-mode = false\n{source}"
    (root / "pyproject.toml").write_text(f"{PROJECT}\n{settings}")
    run(["poetry", "env", "use", sys.executable], root, variables)
    run(["poetry", "lock"], root, variables)


def lock_pdm(root: Path, variables: dict[str, str]) -> None:
    """Lock with pdm, and let it know another Python for the project."""
    (root / "pyproject.toml").write_text(f"{PROJECT}\n[tool.pdm]\ndistribution = false\n")
    (root / ".pdm-python").write_text(sys.executable)
    run(["pdm", "lock"], root, variables)


def lock_pipenv(root: Path, variables: dict[str, str]) -> None:
    """Write the lock by hand, for pipenv takes long."""
    run(["pipenv", "--version"], root, variables)
    (root / "Pipfile").write_text(PIPFILE)
    (root / "Pipfile.lock").write_text(PIPFILE_LOCK)


LOCKS: dict[str, tuple[str, Callable[[Path, dict[str, str]], None]]] = {
    "uv": ("uv.lock", lock_uv),
    "poetry": ("poetry.lock", lock_poetry),
    "pdm": ("pdm.lock", lock_pdm),
    "pipenv": ("Pipfile.lock", lock_pipenv),
}


@pytest.fixture(scope="module")
def tools_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HOME in which the tools keep what they keep."""
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(scope="module")
def locked(tools_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """What returns a project that a tool has locked, each once."""

    @cache
    def locked_by(tool: str) -> Path:
        root = tmp_path_factory.mktemp(tool)
        LOCKS[tool][1](root, environ(tools_home))
        return root

    return locked_by


@pytest.mark.parametrize(
    ("tool", "place"),
    # pipenv takes long, so only where it is most likely to be wrong.
    [
        *((tool, place) for tool in ("uv", "poetry", "pdm") for place in (".venv", "elsewhere")),
        ("pipenv", "elsewhere"),
    ],
)
def test_a_lock_is_installed_by_its_tool_into_this_environment(
    tool: str,
    place: str,
    locked: Callable[[str], Path],
    tools_home: Path,
    tmp_path: Path,
    make_environment: EnvironmentMaker,
) -> None:
    root = locked(tool)
    variables = environ(tools_home, **ELSEWHERE)
    environment = make_environment((root if place == ".venv" else tmp_path) / place)
    before = {file.name: file.lstat().st_mtime_ns for file in root.iterdir() if file.is_file()}
    installation = install(root, environment, variables)
    assert installation.text == f"{LOCKS[tool][0]} by {tool}"
    assert installed(environment) == {"six", "iniconfig"}
    # Nothing else was made or written, in the project or among the tool's own environments.
    after = {file.name: file.lstat().st_mtime_ns for file in root.iterdir() if file.is_file()}
    assert after == before
    assert not list(tools_home.rglob("site-packages/six.py"))
    if place == ".venv":
        shutil.rmtree(environment)
    assert not list(root.rglob("pyvenv.cfg"))


def test_an_old_lock_is_said_and_not_written(
    tools_home: Path,
    tmp_path: Path,
    make_environment: EnvironmentMaker,
    capfd: pytest.CaptureFixture[str],
) -> None:
    variables = environ(tools_home)
    lock_uv(tmp_path, variables)
    lock = (tmp_path / "uv.lock").read_bytes()
    (tmp_path / "pyproject.toml").write_text(PROJECT.replace('["six"]', '["six", "iniconfig"]'))
    environment = make_environment(tmp_path / "env")
    installation = find_installation(os.fsencode(tmp_path), os.fsencode(environment), variables)
    assert installation is not None
    assert run_installation(installation) != 0
    assert "uv lock" in capfd.readouterr().err
    assert (tmp_path / "uv.lock").read_bytes() == lock
    assert installed(environment) == set()


def test_what_is_installed_besides_stays(
    tools_home: Path, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    variables = environ(tools_home)
    lock_uv(tmp_path, variables)
    environment = make_environment(tmp_path / "env")
    words = ["uv", "pip", "install", "-q", "--no-config", "--python", str(environment), "tomli"]
    run(words, tmp_path, variables)
    install(tmp_path, environment, variables)
    assert installed(environment) == {"six", "iniconfig", "tomli"}


def test_pylock_is_installed_by_uv(
    tools_home: Path, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    variables = environ(tools_home)
    locked = tmp_path / "locked"
    locked.mkdir()
    lock_uv(locked, variables)
    words = ["uv", "export", "-q", "--no-config", "--format", "pylock.toml"]
    root = tmp_path / "app"
    root.mkdir()
    run([*words, "--python", sys.executable, "-o", str(root / "pylock.toml")], locked, variables)
    environment = make_environment(tmp_path / "env", "uv")
    assert install(root, environment, environ(tools_home, **ELSEWHERE)).tool == "uv"
    assert installed(environment) == {"six", "iniconfig"}


# ---- Lists, and the project itself ---------------------------------------------------------------


def test_requirements_by_the_environments_own_pip(tools_home: Path, tmp_path: Path) -> None:
    root = tmp_path / "app"
    # What 'python -m pip' would import in its place.
    (root / "pip").mkdir(parents=True)
    (root / "pip/__init__.py").touch()
    (root / "pip/__main__.py").write_text("import sys; sys.exit('not this one')\n")
    (root / "requirements.txt").write_text("six\n")
    (root / "requirements-dev.txt").write_text("iniconfig\n")
    environment = tmp_path / "env"
    words = ["virtualenv", "-q", "--python", sys.executable, str(environment)]
    run(words, tmp_path, environ(tools_home))
    (tools_home / "pip.conf").write_text("[install]\nuser = true\n")
    # A file of settings is one more thing that stays as the user has it.
    settings = {**ELSEWHERE, "PIP_CONFIG_FILE": str(tools_home / "pip.conf")}
    installation = install(root, environment, environ(tools_home, **settings))
    assert installation.text == "requirements.txt, requirements-dev.txt by pip"
    assert installed(environment) >= {"six", "iniconfig", "pip"}


def test_the_project_itself_can_be_edited(
    tools_home: Path, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    root = tmp_path / "app"
    root.mkdir()
    build = '[build-system]\nrequires = ["flit_core<4"]\nbuild-backend = "flit_core.buildapi"\n'
    text = PROJECT.replace('"1"', '"1"\ndescription = "An app"')
    (root / "pyproject.toml").write_text(text + build)
    (root / "app.py").write_text("WHERE = __file__\n")
    environment = make_environment(tmp_path / "env", "uv")
    assert install(root, environment, environ(tools_home, **ELSEWHERE)).tool == "uv"
    assert installed(environment) == {"app", "six", "iniconfig"}
    words = [str(environment / "bin/python"), "-c", "import app; print(app.WHERE)"]
    assert run(words, tmp_path, environ(tools_home)) == f"{root}/app.py\n"


def test_a_project_that_is_no_package_gets_what_it_lists(
    tools_home: Path, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    root = tmp_path / "app"
    # setuptools, which a missing [build-system] stands for, refuses two directories like these.
    for name in ("app", "data"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
    (root / "pyproject.toml").write_text(PROJECT)
    environment = make_environment(tmp_path / "env", "uv")
    install(root, environment, environ(tools_home, **ELSEWHERE))
    assert installed(environment) == {"six", "iniconfig"}


# ---- The command ---------------------------------------------------------------------------------


@pytest.fixture
def create(tools_home: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What runs ``venvhook create --install`` in a directory."""
    command = venvhook_command(tmp_path)

    def create_in(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, "create", "--install", "--python", sys.executable, *words],
            cwd=root,
            env={**environ(tools_home), "PWD": str(root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return create_in


def test_create_installs_what_the_project_locks(
    create: Callable[..., subprocess.CompletedProcess[str]], tools_home: Path, tmp_path: Path
) -> None:
    root = tmp_path / "app"
    root.mkdir()
    lock_uv(root, environ(tools_home))
    done = create(root)
    assert done.returncode == 0, done.stderr
    assert "uv.lock by uv" in done.stdout
    assert "+ six==" in done.stderr
    assert installed(root / ".venv") == {"six", "iniconfig"}


def test_a_group_that_is_not_there_is_told_before_anything_is_made(
    create: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    root = tmp_path / "app"
    root.mkdir()
    (root / "pyproject.toml").write_text(PROJECT)
    done = create(root, "--group", "docs")
    assert done.returncode == 2
    assert "no group is called 'docs'; there are dev" in done.stderr
    assert not (root / ".venv").exists()


def test_the_exit_status_of_the_tool_is_that_of_create(
    create: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    root = tmp_path / "app"
    root.mkdir()
    (root / "requirements.txt").write_text("./nothing-is-here\n")
    done = create(root)
    assert done.returncode != 0
    assert "nothing-is-here" in done.stderr
    assert (root / ".venv/pyvenv.cfg").exists()
