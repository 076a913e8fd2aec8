"""What is shipped: wheel, sdist and editable install, each tried in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from checkout import CHECKOUT
from environments import uv
from venvhook.shells import SHELLS

PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def run(words: list[str | Path], **environ: str) -> bytes:
    """Return what *words* print; fail with all they say where they fail."""
    done = subprocess.run(
        words,
        cwd=CHECKOUT.parent,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environ},
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{words}:\n{os.fsdecode(done.stdout + done.stderr)}"
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist of this checkout, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", directory, CHECKOUT])
    return directory


def wheel_in(directory: Path) -> Path:
    """Return the one wheel in *directory*."""
    (wheel,) = directory.glob("*.whl")
    return wheel


def sdist_in(directory: Path) -> Path:
    """Return the one sdist in *directory*."""
    (sdist,) = directory.glob("*.tar.gz")
    return sdist


def printed_script(shell: str, text: bytes) -> bytes:
    """Return what ``init`` prints; zsh is told where it finds the script, which is read here."""
    if shell != "zsh":
        return text
    source = re.search(rb"_VENVHOOK_SOURCE='([^']+)'", text)
    path = re.search(rb'builtin \. "\$_VENVHOOK_SOURCE/([^"]+)"', text)
    assert source is not None
    assert path is not None
    return text + Path(os.fsdecode(source[1]), os.fsdecode(path[1])).read_bytes()


def init_works(command: Path, home: Path) -> None:
    """Check that ``init`` prints each script to its last byte, run from a bare environment."""
    for shell in SHELLS:
        environ = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        if os.name == "nt":
            environ["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        text = subprocess.run(
            [command, "init", shell.name], env=environ, cwd=home, capture_output=True, check=True
        ).stdout
        script = (CHECKOUT / "shell" / shell.script).read_bytes()
        assert printed_script(shell.name, text).endswith(script), shell.name
        assert text != script
    assert b"venvhook" in run([command, "--version"], HOME=str(home))


def new_environment(directory: Path) -> Path:
    """Make an environment with pip in *directory*, and return its programs."""
    run([sys.executable, "-m", "venv", directory])
    return directory / PROGRAMS


def test_the_wheel_holds_the_scripts_and_nothing_else_of_the_checkout(built: Path) -> None:
    with zipfile.ZipFile(wheel_in(built)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = CHECKOUT / "src/venvhook"
    modules = {file.relative_to(package.parent).as_posix() for file in package.rglob("*.py")}
    scripts = {f"venvhook/shell/{file.name}" for file in (CHECKOUT / "shell").iterdir()}
    assert names == modules | scripts | {"venvhook/py.typed"}


def test_the_sdist_holds_what_is_needed_to_build_and_test(built: Path) -> None:
    with tarfile.open(sdist_in(built)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "install.sh"):
        assert name in names
    for file in ("shell/venvhook.bash", "src/venvhook/hook.py", "tests/run", "tests/terminal.py"):
        assert file in names
    assert not [name for name in names if name.startswith(".tests") or "__pycache__" in name]


def test_the_wheel_works_in_a_clean_environment(built: Path, tmp_path: Path) -> None:
    programs = new_environment(tmp_path / "clean")
    run([programs / "python", "-m", "pip", "install", "-q", wheel_in(built)])
    init_works(programs / "venvhook", tmp_path)
    as_module: list[str | Path] = [programs / "python", "-m", "venvhook", "init", "bash"]
    as_script: list[str | Path] = [programs / "venvhook", "init", "bash"]
    assert run(as_module, HOME=str(tmp_path)) == run(as_script, HOME=str(tmp_path))
    listed = run([programs / "python", "-m", "pip", "list", "--format=freeze"]).decode().split()
    names = {line.partition("==")[0].lower() for line in listed}
    assert names - {"pip", "setuptools"} <= {
        *("venvhook", "click", "packaging", "shellingham", "tomlkit", "watchdog"),
        "colorama",  # click's, on Windows
    }


def uv_install(directory: Path, *words: str | Path) -> Path:
    """Make an environment in *directory*, install *words* into it, and return its programs."""
    run([uv(), "venv", "-q", "--python", sys.executable, directory])
    run([uv(), "pip", "install", "-q", "--python", directory, *words])
    return directory / PROGRAMS


def test_the_sdist_works_in_a_clean_environment(built: Path, tmp_path: Path) -> None:
    programs = uv_install(tmp_path / "clean", sdist_in(built))
    init_works(programs / "venvhook", tmp_path)


def test_an_editable_install_finds_the_scripts_of_the_checkout(tmp_path: Path) -> None:
    programs = uv_install(tmp_path / "editable", "-e", CHECKOUT)
    init_works(programs / "venvhook", tmp_path)


def test_it_works_as_a_tool_of_uv(built: Path, tmp_path: Path) -> None:
    environ = {
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_NO_PROGRESS": "1",
    }
    run([uv(), "tool", "install", "--python", sys.executable, wheel_in(built)], **environ)
    command = tmp_path / "bin" / ("venvhook.exe" if os.name == "nt" else "venvhook")
    init_works(command, tmp_path)
    run([uv(), "tool", "uninstall", "venvhook"], **environ)
    assert not command.exists()
