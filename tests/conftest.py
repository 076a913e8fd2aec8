"""What the tests share: the shells of the table, terminals that are closed again, environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import EnvironmentMaker

try:
    import termios  # noqa: F401  # what tells Windows, where Python can drive no pseudo-terminal
except ImportError:
    HAS_TERMINALS = False
    collect_ignore = ["shells", "attacks", "packaging/test_install.py", "packaging/test_prove.py"]
    collect_ignore += ["packaging/test_readme.py", "unit/test_offer.py"]
else:
    HAS_TERMINALS = True
    from terminal import SHELLS, OpenTerminal, Shell

# Variables of the person's own shell that would reach into the tests.
_INHERITED = ("VENVHOOK_", "VIRTUAL_ENV", "CONDA_", "PYTHONHOME", "PYTHONPATH", "XDG_", "UV_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for what takes long and finds little that the rest does not."""
    parser.addoption("--all", action="store_true", help="also the slow attacks and other tools")


def pytest_report_header() -> str:
    """Say which shells are tested, and what this machine cannot test."""
    if not HAS_TERMINALS:
        return "shells: only PowerShell, and by files: Python can drive no pseudo-terminal here"
    return "shells: " + ", ".join(f"{row.name} {row.path or 'MISSING'}" for row in SHELLS.values())


def pytest_configure() -> None:
    """Take the person's own settings out of the environment of the tests."""
    for name in list(os.environ):
        if name.startswith(_INHERITED) and name != "VENVHOOK_TEST_COMMAND":
            del os.environ[name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with ``any_shell`` in PowerShell too, where it is.

    Where it is not, that is said once: by the skip of test_powershell.py, and in the header.
    """
    if "any_shell" in metafunc.fixturenames:
        rows = [row for row in SHELLS.values() if row.name != "pwsh" or row.path is not None]
        metafunc.parametrize("any_shell", [row.name for row in rows], indirect=True)


def _required(shell: Shell) -> Shell:
    """Return *shell* if it is on this machine; skip the test if not, fail it in CI."""
    if shell.path is None:
        go_without(shell.name)
    return shell


@pytest.fixture
def any_shell(request: pytest.FixtureRequest) -> Shell:
    """Each shell of the table, for transcripts of commands that all of them have."""
    return _required(SHELLS[request.param])


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> Shell:
    """Each shell of the table that can be installed everywhere."""
    return _required(SHELLS[request.param])


@pytest.fixture(params=["bash", "zsh"])
def posix_shell(request: pytest.FixtureRequest) -> Shell:
    """Each shell of the table that reads what sh reads."""
    return _required(SHELLS[request.param])


@pytest.fixture
def bash() -> Shell:
    """The row of bash."""
    return _required(SHELLS["bash"])


@pytest.fixture
def zsh() -> Shell:
    """The row of zsh."""
    return _required(SHELLS["zsh"])


@pytest.fixture
def fish() -> Shell:
    """The row of fish."""
    return _required(SHELLS["fish"])


@pytest.fixture
def pwsh() -> Shell:
    """The row of PowerShell."""
    return _required(SHELLS["pwsh"])


@pytest.fixture(scope="session")
def ordinary_user() -> tuple[str, ...]:
    """The words that run a program as one to whom modes apply: none, where this is not root."""
    if os.geteuid() != 0:
        return ()
    program = shutil.which("unshare")
    if program is not None:
        words = (program, "-U", "--map-user=1000", "--map-group=1000")
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    pytest.skip("root reads everything, and unshare -U does not work here: modes are not tested")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The HOME of the terminals that ``open_terminal`` opens."""
    directory = tmp_path.resolve() / "home"
    directory.mkdir()
    return directory


@pytest.fixture
def ground() -> Iterator[Path]:
    """A directory to which no sticky one leads: below /tmp no environment is offered."""
    for base in (CHECKOUT / ".tests", Path.home().resolve()):
        above = [base, *base.parents]
        if base.is_dir() and not any(place.stat().st_mode & 0o1022 for place in above):
            with tempfile.TemporaryDirectory(prefix="ground.", dir=base) as path:
                yield Path(path)
            return
    go_without("a directory that only its user can write")


@pytest.fixture
def open_terminal(home: Path) -> Iterator[OpenTerminal]:
    """What opens a Terminal in this test's HOME, and closes it again."""
    terminals = OpenTerminal(home.parent)
    yield terminals
    terminals.close()


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> EnvironmentMaker:
    """What makes a real environment."""
    return EnvironmentMaker(tmp_path_factory.mktemp("maker"))
