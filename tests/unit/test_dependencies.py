"""What is installed in a project: which file decides, who owns it, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT
from environments import EnvironmentMaker, uv
from venvhook.dependencies import (
    Installation,
    expected,
    find_installation,
    require_own,
    run_installation,
)
from venvhook.errors import UsageError, VenvhookError
from venvhook.sources import Source, find_sources, group_names

PACKAGE = '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "app"\nversion = "1"\n'
PLAIN = '[project]\nname = "app"\nversion = "1"\ndependencies = ["six"]\n'
GROUPS = '[dependency-groups]\ndev = ["iniconfig"]\ndocs = ["sphinx"]\n'
EXTRAS = '[project.optional-dependencies]\nfast = ["orjson"]\n'
LINTERS = "[tool.ruff]\nline-length = 100\n"


def project(path: Path, files: dict[str, str]) -> bytes:
    """Write *files* into the directory *path*, and return it."""
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return os.fsencode(path)


def first(path: Path, files: dict[str, str], *groups: str) -> Source | None:
    """Return what decides in a project of *files*."""
    return next(find_sources(project(path, files), groups), None)


def test_the_names_of_groups_are_those_that_can_be_installed(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": PLAIN + EXTRAS + GROUPS + "[tool.poetry.group.lint]\n",
        "requirements-ci.txt": "",
        "typing-requirements.txt": "",
        "requirements/prod.txt": "",
        "pylock.server.toml": "",
        "Pipfile": "[packages]\n[dev-packages]\n[bench]\n",
    }
    expected = ["bench", "ci", "dev", "docs", "fast", "lint", "prod", "server", "typing"]
    assert group_names(project(tmp_path / "app", files)) == expected
    broken = project(tmp_path / "broken", {"pyproject.toml": "[", "requirements-ci.txt": ""})
    assert group_names(broken) == ["ci"]
    assert group_names(bytes(tmp_path / "missing")) == []


# ---- What decides --------------------------------------------------------------------------------

# From first to last, with what is said of each.
ORDER = (
    ({"uv.lock": ""}, "uv.lock by uv"),
    ({"poetry.lock": ""}, "poetry.lock by poetry"),
    ({"pdm.lock": ""}, "pdm.lock by pdm"),
    ({"Pipfile.lock": "{}"}, "Pipfile.lock by pipenv"),
    ({"pylock.toml": ""}, "pylock.toml by uv or pip"),
    ({"requirements.txt": ""}, "requirements.txt by uv or pip"),
    ({"Pipfile": ""}, "Pipfile by pipenv"),
    ({"pyproject.toml": PACKAGE}, "pyproject.toml by uv or pip"),
    ({"environment.yml": ""}, "environment.yml by conda"),
)


@pytest.mark.parametrize("place", range(len(ORDER)), ids=lambda place: str(*ORDER[place][0]))
def test_the_first_by_the_order_decides(place: int, tmp_path: Path) -> None:
    for files, _said in ORDER[place:]:
        project(tmp_path, files)
    assert expected(os.fsencode(tmp_path)) == ORDER[place][1]


@pytest.mark.parametrize(
    ("files", "kind", "decides"),
    [
        ({"pylock.dev.toml": ""}, "pylock", ("pylock.dev.toml",)),
        ({"pylock.dev.toml": "", "pylock.toml": ""}, "pylock", ("pylock.toml",)),
        (
            {"requirements.txt": "", "requirements-dev.txt": ""},
            "requirements",
            ("requirements.txt", "requirements-dev.txt"),
        ),
        ({"dev-requirements.txt": ""}, "requirements", ("dev-requirements.txt",)),
        (
            {"requirements/base.txt": "", "requirements/dev.txt": "", "requirements/prod.txt": ""},
            "requirements",
            ("requirements/base.txt", "requirements/dev.txt"),
        ),
        ({"requirements/app.txt": ""}, "requirements", ("requirements/app.txt",)),
        (
            {"requirements.txt": "", "requirements/dev.txt": ""},
            "requirements",
            ("requirements.txt",),
        ),
        ({"setup.py": ""}, "package", ("setup.py",)),
        ({"setup.py": "", "pyproject.toml": LINTERS}, "package", ("setup.py",)),
        (
            {"setup.cfg": "[metadata]\nname = a\n", "pyproject.toml": LINTERS},
            "package",
            ("pyproject.toml",),
        ),
        (
            {"pyproject.toml": PLAIN + "[tool.setuptools]\npackages = []\n"},
            "package",
            ("pyproject.toml",),
        ),
        ({"pyproject.toml": PLAIN}, "project", ("pyproject.toml",)),
        ({"pyproject.toml": GROUPS}, "project", ("pyproject.toml",)),
        ({"environment.yaml": ""}, "conda", ("environment.yaml",)),
    ],
)
def test_each_way_to_say_it_is_found(
    files: dict[str, str], kind: str, decides: tuple[str, ...], tmp_path: Path
) -> None:
    source = first(tmp_path, files)
    assert source is not None
    assert (source.kind, source.files) == (kind, decides)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": LINTERS},
        {"pyproject.toml": '[project]\nname = "app"\nversion = "1"\n'},
        # pip and uv refuse a project that has nothing else.
        {"setup.cfg": "[metadata]\nname = a\n"},
        {"setup.cfg": "[flake8]\n", "pyproject.toml": LINTERS},
        {"requirements/notes.md": ""},
        {"uv.lock/file": ""},
    ],
)
def test_what_declares_nothing_installs_nothing(files: dict[str, str], tmp_path: Path) -> None:
    root = project(tmp_path, files)
    assert expected(root) is None
    assert find_installation(root, root + b"/.venv", {}) is None


def test_of_several_with_no_usual_name_one_is_to_be_chosen(tmp_path: Path) -> None:
    files = {"requirements/prod.txt": "", "requirements/stage.txt": ""}
    with pytest.raises(UsageError, match="there are prod, stage; choose with --group"):
        first(tmp_path, files)
    source = first(tmp_path, files, "prod")
    assert source is not None
    assert source.files == ("requirements/prod.txt",)


# ---- Groups and extras ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "wished", "groups", "extras"),
    [
        ({"pyproject.toml": PACKAGE + GROUPS}, (), ("dev",), ()),
        ({"pyproject.toml": PACKAGE + GROUPS}, ("Docs",), ("dev", "docs"), ()),
        ({"pyproject.toml": PACKAGE + EXTRAS + GROUPS}, ("fast",), ("dev",), ("fast",)),
        ({"pyproject.toml": PLAIN + EXTRAS}, ("fast",), (), ("fast",)),
        # What setup.py declares, only it knows.
        ({"setup.py": ""}, ("tests",), (), ("tests",)),
        ({"uv.lock": "", "pyproject.toml": PLAIN + GROUPS}, ("docs",), ("docs",), ()),
        (
            {"poetry.lock": "", "pyproject.toml": "[tool.poetry.group.lint.dependencies]\n"},
            ("lint",),
            ("lint",),
            (),
        ),
        (
            {"Pipfile.lock": "{}", "Pipfile": "[packages]\n[docs]\n"},
            ("docs",),
            ("packages", "dev-packages", "docs"),
            (),
        ),
    ],
)
def test_groups_and_extras_by_their_names(
    files: dict[str, str],
    wished: tuple[str, ...],
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    tmp_path: Path,
) -> None:
    source = first(tmp_path, files, *wished)
    assert source is not None
    assert (source.groups, source.extras) == (groups, extras)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"uv.lock": "", "pyproject.toml": PLAIN + EXTRAS + GROUPS}, "there are dev, docs, fast"),
        ({"pyproject.toml": PACKAGE + GROUPS}, "no group is called 'nope'; there are dev, docs"),
        ({"Pipfile.lock": "{}", "Pipfile": "[docs]\n"}, "there are docs"),
        ({"requirements.txt": ""}, "no requirements are called 'nope'"),
        ({"pylock.toml": "", "pylock.docs.toml": ""}, "there are docs"),
    ],
)
def test_a_group_that_is_not_there_is_a_wrong_call(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        first(tmp_path, files, "nope")


def test_a_group_of_requirements_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("")
    with pytest.raises(UsageError):
        first(tmp_path / "app", {"requirements/base.txt": ""}, "../../other")


# ---- Who is called -------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path, make_environment: EnvironmentMaker) -> Path:
    """An environment without pip, made by venv."""
    return make_environment(tmp_path / "env")


def with_pip(environment: Path, version: str) -> None:
    """Let *environment* look as if pip were installed in it."""
    (packages,) = environment.glob("lib/*/site-packages")
    (packages / f"pip-{version}.dist-info").mkdir()


def found(root: bytes, environment: Path, path: str, *groups: str) -> Installation:
    """Return what is installed with *path* as PATH."""
    environ = {"PATH": path, "HOME": "/nowhere"}
    installation = find_installation(root, os.fsencode(environment), environ, groups)
    assert installation is not None
    return installation


UV_DIRECTORY = str(Path(uv()).parent)


@pytest.mark.parametrize(
    ("lock", "tool"),
    [
        ("uv.lock", "uv"),
        ("poetry.lock", "poetry"),
        ("pdm.lock", "pdm"),
        ("Pipfile.lock", "pipenv"),
        ("Pipfile", "pipenv"),
    ],
)
def test_a_lock_whose_tool_is_missing_is_said(
    lock: str, tool: str, tmp_path: Path, environment: Path
) -> None:
    # What comes after it in the order is not taken in its place.
    root = project(tmp_path / "app", {lock: "", "setup.py": ""})
    with pytest.raises(
        VenvhookError, match=rf"{lock}: {tool} is not on PATH .* '.* install {tool}'"
    ):
        found(root, environment, "/nowhere")


def test_with_uv_there_a_tool_is_to_be_got_by_it(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"poetry.lock": ""})
    with pytest.raises(VenvhookError, match="'uv tool install poetry'"):
        found(root, environment, UV_DIRECTORY)


@pytest.mark.parametrize("entry", ["bin", "{root}/bin", "{root}/../link", ".", ""])
def test_nothing_in_the_project_is_run(entry: str, tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"poetry.lock": "", "bin/poetry": "#!/bin/sh\n"})
    (tmp_path / "app/bin/poetry").chmod(0o755)
    (tmp_path / "link").symlink_to("app/bin")
    with pytest.raises(VenvhookError, match="not on PATH outside of the project"):
        found(root, environment, entry.format(root=tmp_path / "app"))


def test_a_project_around_home_has_the_tools_of_home(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "home", {"poetry.lock": "", ".local/bin/poetry": "#!/bin/sh\n"})
    tool = tmp_path / "home/.local/bin/poetry"
    tool.chmod(0o755)
    environ = {"PATH": str(tool.parent), "HOME": os.fsdecode(root)}
    installation = find_installation(root, os.fsencode(environment), environ)
    assert installation is not None
    assert installation.argv[0] == os.fsencode(tool)


def test_pip_installs_where_it_is_and_uv_elsewhere(
    tmp_path: Path, environment: Path, make_environment: EnvironmentMaker
) -> None:
    root = project(tmp_path / "app", {"requirements.txt": ""})
    assert found(root, environment, UV_DIRECTORY).text == "requirements.txt by uv"
    with_pip(environment, "25.0")
    assert found(root, environment, UV_DIRECTORY).text == "requirements.txt by pip"
    by_uv = make_environment(tmp_path / "by-uv", "uv")
    with_pip(by_uv, "25.0")
    assert found(root, by_uv, UV_DIRECTORY).tool == "uv"
    assert found(root, by_uv, "/nowhere").tool == "pip"


def test_without_pip_and_uv_it_is_said_what_to_do(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"requirements.txt": ""})
    with pytest.raises(VenvhookError, match=r"has no pip, and uv is not on PATH; .*--clear --seed"):
        found(root, environment, "/nowhere")


def test_a_pip_that_cannot_read_pylock_is_not_called(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"pylock.toml": ""})
    with_pip(environment, "26.0.1")
    assert found(root, environment, UV_DIRECTORY).tool == "uv"
    with pytest.raises(VenvhookError, match=r"its pip 26\.0\.1 cannot read pylock\.toml"):
        found(root, environment, "/nowhere")


def test_a_pip_that_can_read_pylock_is_called(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"pylock.toml": ""})
    with_pip(environment, "26.1")
    assert found(root, environment, UV_DIRECTORY).argv[-2:] == (b"-r", b"pylock.toml")
    assert found(root, environment, UV_DIRECTORY).tool == "pip"


def test_pip_is_given_what_groups_and_extras_list(tmp_path: Path, environment: Path) -> None:
    text = PLAIN + EXTRAS + GROUPS + 'all = [{include-group = "Dev"}, "tomli; 1 < 2"]\n'
    root = project(tmp_path / "app", {"pyproject.toml": text})
    with_pip(environment, "23.0")
    words = found(root, environment, "/nowhere", "all", "fast").argv
    start = (os.fsencode(environment) + b"/bin/python", b"-I", b"-m", b"pip", b"install")
    assert words == (*start, b"six", b"orjson", b"iniconfig", b"tomli; 1 < 2")


def test_the_project_itself_is_installed_with_its_extras(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"pyproject.toml": PACKAGE + EXTRAS + GROUPS})
    words = found(root, environment, UV_DIRECTORY, "fast").argv
    assert words[-4:] == (b"-e", b".[fast]", b"--group", b"dev")


@pytest.mark.parametrize("entry", ['"--index-url=x"', '" -r other"', "1", '""', "{a = 1}"])
def test_what_is_no_requirement_is_not_handed_to_pip(
    entry: str, tmp_path: Path, environment: Path
) -> None:
    text = f"[dependency-groups]\ndev = [{entry}]\n"
    root = project(tmp_path / "app", {"pyproject.toml": text})
    with_pip(environment, "23.0")
    with pytest.raises(VenvhookError, match="is no requirement"):
        found(root, environment, "/nowhere")


def test_a_group_that_includes_itself_is_said(tmp_path: Path) -> None:
    text = '[dependency-groups]\ndev = [{include-group = "a"}]\na = [{include-group = "dev"}]\n'
    with pytest.raises(VenvhookError, match="includes itself"):
        first(tmp_path, {"pyproject.toml": text})


@pytest.mark.parametrize("text", ["[project", "a = " + "[" * 5000, "\udcff"])
def test_a_file_that_cannot_be_understood_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(VenvhookError, match=r"pyproject\.toml: .*; mend it, or install by hand"):
        next(find_sources(os.fsencode(tmp_path)))


def test_a_fifo_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(VenvhookError, match="is a FIFO"):
        next(find_sources(os.fsencode(tmp_path)))


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"uv.lock": "", "pyproject.toml": PACKAGE}, ""),
        ({"uv.lock": "", "requirements.txt": ""}, ""),
        (
            {"uv.lock": "", "poetry.lock": "", "pylock.toml": ""},
            "poetry.lock, pylock.toml passed over: uv.lock comes first",
        ),
        (
            {"requirements.txt": "", "pyproject.toml": PACKAGE},
            "pyproject.toml passed over: requirements.txt comes first",
        ),
        ({"requirements.txt": "", "pyproject.toml": "[broken"}, ""),
    ],
)
def test_what_is_passed_over_is_said(
    files: dict[str, str], note: str, tmp_path: Path, environment: Path
) -> None:
    root = project(tmp_path / "app", files)
    assert found(root, environment, UV_DIRECTORY).note == note


@pytest.mark.parametrize(
    ("program", "command"),
    [
        (None, "'conda env create --file environment.yml' does (conda is not on PATH either)"),
        ("mamba", "'mamba env create --file environment.yml' does"),
        ("micromamba", "'micromamba create --file environment.yml' does"),
    ],
)
def test_a_conda_project_is_told_its_command(
    program: str | None, command: str, tmp_path: Path, environment: Path
) -> None:
    root = project(tmp_path / "app", {"environment.yml": ""})
    (tmp_path / "bin").mkdir()
    if program is not None:
        (tmp_path / "bin" / program).symlink_to("/bin/true")
    with pytest.raises(VenvhookError) as raised:
        found(root, environment, str(tmp_path / "bin"))
    assert str(raised.value).endswith(command)


def test_pdm_is_not_called_for_a_python_that_it_would_not_use(
    tmp_path: Path, environment: Path
) -> None:
    text = PLAIN + 'requires-python = "<3"\n'
    root = project(tmp_path / "app", {"pdm.lock": "", "pyproject.toml": text})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pdm").symlink_to("/bin/true")
    with pytest.raises(VenvhookError, match=r"its Python is 3\.\d+.*requires-python .* '<3'"):
        found(root, environment, str(tmp_path / "bin"))


# ---- Whose project it is -------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project of the user's own."""
    project(tmp_path / "app", {"pyproject.toml": PACKAGE, "setup.py": ""})
    return tmp_path / "app"


def test_a_project_of_ones_own_may_be_installed(own: Path) -> None:
    require_own(os.fsencode(own), os.environ)


@pytest.mark.parametrize("name", [".", "..", "pyproject.toml", "setup.py"])
def test_what_others_can_write_is_not_installed(name: str, own: Path) -> None:
    place = own / name
    place.chmod(place.stat().st_mode | 0o002)
    try:
        with pytest.raises(VenvhookError, match=r"nothing is installed.*writable by everyone"):
            require_own(os.fsencode(own), os.environ)
    finally:
        place.chmod(place.stat().st_mode & ~0o002)


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
@pytest.mark.parametrize("name", [".", "pyproject.toml", "setup.py"])
def test_what_belongs_to_another_is_not_installed(name: str, own: Path) -> None:
    os.chown(own / name, 12345, -1)
    with pytest.raises(VenvhookError, match="belongs to user 12345"):
        require_own(os.fsencode(own), os.environ)


@pytest.mark.skipif(not IS_ROOT, reason="only root can be another user")
def test_a_project_of_the_systems_is_not_ones_own() -> None:
    os.seteuid(12345)
    try:
        with pytest.raises(VenvhookError, match=r"nothing is installed.*/usr is not yours"):
            require_own(b"/usr", os.environ)
    finally:
        os.seteuid(0)


# ---- Running -------------------------------------------------------------------------------------


def installation(*words: str, cwd: str = "/") -> Installation:
    """Return what runs *words*."""
    argv = tuple(os.fsencode(word) for word in words)
    return Installation("sh", "a file", argv, os.fsencode(cwd), {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("kill -TERM $$", 128 + signal.SIGTERM),
        ("kill -KILL $$", 128 + signal.SIGKILL),
        ("read line || exit 7", 7),
    ],
)
def test_the_tools_exit_status_counts(script: str, status: int) -> None:
    assert run_installation(installation("/bin/sh", "-c", script)) == status


def test_what_it_prints_is_seen(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("/bin/sh", "-c", "pwd; echo wrong >&2")
    run_installation(installation(*words, cwd=str(tmp_path)))
    assert capfd.readouterr() == (f"{tmp_path}\n", "wrong\n")


def test_a_tool_that_cannot_be_run_is_said() -> None:
    with pytest.raises(VenvhookError, match=r"/nowhere/sh: cannot be run .* install sh again"):
        run_installation(installation("/nowhere/sh"))


_RUN = """
import os, signal, sys
from venvhook.dependencies import Installation, run_installation
words = tuple(os.fsencode(word) for word in sys.argv[1:])
status = run_installation(Installation("sh", "", words, b"/", dict(os.environ)))
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
sys.exit(status)
"""


def interrupted(script: str, number: signal.Signals, to_group: bool) -> tuple[int, str]:
    """Return status and output of the sh *script* that gets the signal after its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, "/bin/sh", "-c", script],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process:
        line = process.stdout.readline()
        (os.killpg if to_group else os.kill)(process.pid, number)
        output = process.stdout.read()
    return process.returncode, line + output


def test_ctrl_c_reaches_the_tool_and_is_waited_for() -> None:
    script = "trap 'echo cleaned up; exit 1' INT; echo ready; while :; do sleep 0.05; done"
    assert interrupted(script, signal.SIGINT, True) == (130, "ready\ncleaned up\n")


def test_ctrl_c_ends_a_tool_that_does_nothing_about_it() -> None:
    script = "echo ready; exec tail -f /dev/null"
    assert interrupted(script, signal.SIGINT, True) == (130, "ready\n")


def test_sigterm_is_passed_on() -> None:
    script = "echo ready; exec tail -f /dev/null"
    assert interrupted(script, signal.SIGTERM, False) == (143, "ready\n")


def test_a_tool_that_ends_well_in_spite_of_ctrl_c_has_ended_well() -> None:
    script = "trap 'echo done; exit 0' INT; echo ready; while :; do sleep 0.05; done"
    assert interrupted(script, signal.SIGINT, True) == (0, "ready\ndone\n")


# ---- The variables -------------------------------------------------------------------------------


def test_wishes_stay_and_what_leads_elsewhere_goes(tmp_path: Path, environment: Path) -> None:
    root = project(tmp_path / "app", {"requirements.txt": ""})
    wishes = {
        "PIP_INDEX_URL": "https://index.example",
        "UV_INDEX_URL": "https://index.example",
        "UV_CACHE_DIR": "/cache",
        "SSL_CERT_FILE": "/certificate",
        "https_proxy": "http://proxy.example",
        "PIP_REQUIRE_VIRTUALENV": "1",
    }
    elsewhere = {
        "VIRTUAL_ENV": "/other",
        "PYTHONPATH": "/other",
        "PYTHONHOME": "/other",
        "PIP_TARGET": "/other",
        "UV_PYTHON": "/other",
        "UV_PROJECT": "/other",
        "CONDA_PREFIX": "/other",
        "POETRY_VIRTUALENVS_PATH": "/other",
        "PWD": "/other",
    }
    environ = {**wishes, **elsewhere, "PATH": f"bin::{UV_DIRECTORY}:."}
    made = find_installation(root, os.fsencode(environment), environ)
    assert made is not None
    assert {name: made.environ[name] for name in wishes} == wishes
    assert "/other" not in made.environ.values()
    assert made.environ["PATH"] == UV_DIRECTORY
    assert made.environ["VIRTUAL_ENV"] == str(environment)
    assert made.cwd == root
