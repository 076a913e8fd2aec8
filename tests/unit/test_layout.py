"""The layout: what the fast road imports, what may import what, and scripts that match."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from environments import EnvironmentMaker
from venvhook import prove, rcfile
from venvhook.init import init_text
from venvhook.recipe import PROTOCOL
from venvhook.shells import SHELLS

PACKAGE = CHECKOUT / "src/venvhook"
HOT = (
    "binding",
    "birth",
    "caller",
    "config",
    "configtext",
    "decision",
    "directories",
    "discovery",
    "environment",
    "errors",
    "execution",
    "gitindex",
    "held",
    "hook",
    "ignoring",
    "location",
    "nearest",
    "policy",
    "recipe",
    "repository",
    "shellenv",
    "shells",
    "trust",
    "which",
)
# Besides built-in modules, C modules, and what 'python -I -S' has loaded before its first line.
MAY_BE_IMPORTED = {
    *(f"venvhook.{name}" for name in HOT),
    "venvhook",
    *("os", "abc", "_collections_abc", "genericpath", "io", "posixpath", "ntpath", "stat"),
    *("os.path", "__future__"),
    "linecache",  # loaded by CPython 3.13 for '-c'
}
SCRIPTS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


_PROBE = """
import sys
sys.path.append(%r)
before = set(sys.modules)
try:
    %s
except SystemExit:
    pass
new = [(name, module) for name, module in sys.modules.items() if name not in before]
files = [(name, getattr(module, "__file__", None) or "") for name, module in new]
sys.stderr.write(" ".join(["MODULES", *(name for name, file in files if file.endswith(".py"))]))
"""
# Runs helper.py as the hook scripts do, but comes back.
_START = f"""
    import os
    os._exit = sys.exit
    __file__ = {os.fspath(PACKAGE / "helper.py")!r}
    exec(open(__file__).read())
""".strip()


def imported(words: list[str], code: str, home: Path) -> set[str]:
    """Return the modules written in Python that ``-I -S -c code words`` has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROBE % (str(CHECKOUT / "src"), code), *words],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout, done.stderr
    return set(done.stderr.partition("MODULES")[2].split())


@pytest.mark.parametrize("prompt", ["plain", "it's"], ids=["plain", "quoted"])
def test_the_helper_imports_nothing_that_is_slow(
    prompt: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(tmp_path / "app/.venv", prompt=prompt)
    words = [PROTOCOL.decode(), "bash", str(tmp_path / "app"), ".venv"]
    found = imported(words, "from venvhook.hook import main; main()", tmp_path)
    assert "venvhook.hook" in found
    assert found <= MAY_BE_IMPORTED
    # Nor where it starts.
    started = imported(["0", "hook", *words], _START, tmp_path)
    assert "venvhook.hook" in started
    assert started <= MAY_BE_IMPORTED
    # Nor on the way by the command.
    by_command = imported(["hook", *words], "from venvhook.__main__ import main; main()", tmp_path)
    assert "venvhook.hook" in by_command
    assert by_command <= MAY_BE_IMPORTED | {"venvhook.__main__"}


def test_which_imports_nothing_that_is_slow(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(tmp_path / "app/.venv")
    words = ["which", "--in", str(tmp_path / "app")]
    found = imported(words, "from venvhook.__main__ import main; main()", tmp_path)
    assert "venvhook.which" in found
    assert found <= MAY_BE_IMPORTED | {"venvhook.__main__"}


def test_a_refusal_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to("nowhere")
    words = [PROTOCOL.decode(), "bash", str(tmp_path), ".venv"]
    found = imported(words, "from venvhook.hook import main; main()", tmp_path)
    assert "venvhook.hook" in found
    assert found <= MAY_BE_IMPORTED


@pytest.mark.parametrize("shell", SCRIPTS)
def test_init_imports_nothing_that_is_slow(shell: str, tmp_path: Path) -> None:
    found = imported(["init", shell], "from venvhook.__main__ import main; main()", tmp_path)
    assert "venvhook.init" in found
    assert found <= MAY_BE_IMPORTED | {"venvhook.init", "venvhook.__main__"}


def own_imports(module: str) -> set[str]:
    """Return the modules of the package that *module* imports anywhere."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module} if node.module else {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("venvhook"):
            found.add((node.module or "").partition(".")[2])
        elif isinstance(node, ast.Import):
            own = (name.name for name in node.names if name.name.startswith("venvhook."))
            found |= {name.partition(".")[2] for name in own}
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("module", [*HOT, "init"])
def test_hot_modules_import_only_hot_modules(module: str) -> None:
    assert own_imports(module) <= set(HOT) - {"hook"}


def test_nothing_imports_the_entries() -> None:
    for file in PACKAGE.glob("*.py"):
        if file.stem not in ("__main__", "helper"):
            found = own_imports(file.stem)
            assert not found & {"cli", "hook", "offer", "helper", "__main__"}, file.name
            # These show progress, and tell which command was meant.
            assert file.stem in ("offer", "cli") or "commands" not in found, file.name
    for file in (PACKAGE / "commands").glob("*.py"):
        pattern = r"^from \.\.(cli|hook|offer|helper|__main__) "
        assert not re.search(pattern, file.read_text(), re.M), file.name


@pytest.mark.parametrize(
    ("library", "modules"),
    [
        ("click", {"cli", "commands"}),
        ("shellingham", {"detect"}),
        ("watchdog", {"watch"}),
        ("packaging", {"wanted", "interpreters"}),
        ("tomlkit", {"settings"}),
    ],
)
def test_each_library_has_its_importers(library: str, modules: set[str]) -> None:
    pattern = re.compile(rf"^\s*(?:import|from) {library}\b", re.MULTILINE)
    files = [file for file in PACKAGE.rglob("*.py") if pattern.search(file.read_text())]
    importers = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in files}
    assert importers <= modules


def test_every_table_has_the_same_shells() -> None:
    names = [row.name for row in SHELLS]
    for table in (rcfile._LINES, rcfile._RC_FILES, prove._DIALECTS):
        assert sorted(table) == sorted(names)


@pytest.mark.parametrize("row", SHELLS, ids=lambda row: row.name)
@pytest.mark.parametrize("name", ["plain", None, "it's $(x)"])
def test_init_ends_with_the_scripts_exact_bytes(
    row: object, name: str | None, tmp_path: Path
) -> None:
    home = "" if name is None else str(tmp_path / name)
    shell = next(shell for shell in SHELLS if shell is row)
    script = (CHECKOUT / "shell" / shell.script).read_bytes()
    text = init_text(shell, {"HOME": home})
    if shell.name == "zsh":
        # Read from its file, without aliases: see init.py.
        start, between, end = text.partition(b"_VENVHOOK_ALIASES=")
        assert between
        (source,) = re.findall(rb"_VENVHOOK_SOURCE='([^']+)'", start)
        (path,) = set(re.findall(rb'builtin \. "\$_VENVHOOK_SOURCE(/[^"]+)"', end))
        text = start + Path(os.fsdecode(source + path)).read_bytes()
    assert text.endswith(script)
    assignments = text.removesuffix(script).decode().splitlines()
    assert len(assignments) == 5
    assert all("_VENVHOOK_" in line for line in assignments)


# ---- The four scripts ----------------------------------------------------------------------------


def script(shell: str) -> str:
    """Return the hook script of *shell*."""
    return (CHECKOUT / f"shell/venvhook.{SCRIPTS[shell]}").read_text()


def sections(shell: str) -> list[str]:
    """Return the titles of the sections of *shell*'s script."""
    titles = re.findall(r"^# ---- (.*?) -*$", script(shell), re.MULTILINE)
    return [title.partition(":")[0].partition(";")[0] for title in titles]


def functions(shell: str) -> list[str]:
    """Return the names of the functions that *shell*'s script defines, in their order.

    Not those that fish binds to events, which are defined inside the one that registers them.
    """
    defined = re.findall(r"^function (_venvhook_\w+)", script(shell), re.MULTILINE)
    plain = re.findall(r"^(_venvhook_\w+)\(\)", script(shell), re.MULTILINE)
    return list(dict.fromkeys(plain or defined))


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_the_scripts_have_the_same_sections_in_the_same_order(shell: str) -> None:
    assert sections("bash")
    assert sections(shell) == sections("bash")


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_common_functions_come_in_the_same_order(shell: str) -> None:
    reference, own = functions("bash"), functions(shell)
    common = [name for name in reference if name in own]
    assert len(common) > 15
    assert [name for name in own if name in reference] == common


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_the_verbs_and_the_entries_are_in_every_script(shell: str) -> None:
    for name in ("activate", "refuse", "pass", "hook", "switch", "deactivate", "load"):
        assert f"_venvhook_{name}" in functions(shell)


def test_no_builtin_of_fish_writes_into_a_pipe() -> None:
    """fish starts a thread for that, and waits for ever where none can be started."""
    code = re.sub(r"^\s*#.*", "", script("fish"), flags=re.MULTILINE)
    assert " | " not in re.sub(r"'[^'\n]*'", "", code)


def test_nothing_else_lies_at_the_top() -> None:
    """What was left there by a trial would be delivered with the rest."""
    # Whoever owns the clone: nothing of it is run.
    words = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True)
    if done.returncode != 0:
        pytest.skip("this is no clone of the repository")
    top = {name.partition("/")[0] for name in os.fsdecode(done.stdout).split("\0") if name}
    files = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "install.sh", ".gitignore"}
    assert top == {*files, "src", "shell", "tests", ".ci", ".github"}
