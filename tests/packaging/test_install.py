"""install.sh as a new user runs it: own HOME, real shells, and nothing left after --uninstall."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from checkout import CHECKOUT, require_full_device, venvhook_command
from environments import EnvironmentMaker, uv
from terminal import GENERATED, PATIENCE, SHELLS, Shell, Terminal

NAMES = ("bash", "zsh", "fish")
SHS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "sh": ["/bin/sh"]}
NEEDED = (
    *("bash", "cat", "dirname", "grep", "ln", "mkdir", "mktemp"),
    *("mv", "readlink", "rm", "rmdir", "sed"),
)
# Written by the shells themselves, with or without venvhook.
NOT_OURS = (
    ".cache/fish",
    ".config/fish/completions",
    ".config/fish/fish_variables",
    ".config/fish/functions",
    ".local/share/fish",
)


class User:
    """A new user: a HOME with rc files of his own, and an environment with little else in it."""

    def __init__(self, home: Path) -> None:
        self.scratch = home.parent
        self.home = home
        base = Path(sys.executable).resolve().parent
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"/usr/local/bin:/usr/bin:/bin:{base}",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "VENVHOOK_TIMEOUT": PATIENCE,
        }
        # How the index of packages is reached is the machine's affair.
        for name, value in os.environ.items():
            if name.startswith(("PIP_", "UV_", "SSL_")) or name.lower().endswith("_proxy"):
                self.environ[name] = value

    def write_rc_files(self) -> None:
        """Write rc files as people have them: without a newline, behind a link, private."""
        dotfiles = self.home / "dotfiles"
        dotfiles.mkdir()
        (dotfiles / "zshrc").write_text(SHELLS["zsh"].prelude + "alias ll='ls -l'\n")
        (self.home / ".zshrc").symlink_to("dotfiles/zshrc")
        (self.home / ".bashrc").write_text(SHELLS["bash"].prelude + "alias ll='ls -l'")
        (self.home / ".bashrc").chmod(0o600)
        fish = self.home / SHELLS["fish"].rc_file
        fish.parent.mkdir(parents=True)
        fish.write_text(SHELLS["fish"].prelude + "set -g mine yes\n")
        (self.home / GENERATED).mkdir(parents=True)

    def install(self, *words: str, sh: str = "sh", **environ: str) -> tuple[int, str]:
        """Run install.sh; return its exit status and all that it printed."""
        ran = subprocess.run(
            [*SHS[sh], str(CHECKOUT / "install.sh"), *words],
            env={**self.environ, **environ},
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout

    def tools(self, *more: str) -> str:
        """Return a PATH with what install.sh needs and the programs *more*, and no Python."""
        directory = self.scratch / "tools"
        directory.mkdir()
        for name in (*NEEDED, *more):
            found = shutil.which(name)
            assert found is not None, name
            (directory / Path(name).name).symlink_to(found)
        return str(directory)

    def private_python(self) -> Path:
        """Return what the Python of the private environment really is."""
        return (self.home / ".local/share/venvhook/env/bin/python").resolve()

    def init(self, launcher: Path, shell: str = "zsh", *options: str) -> bytes:
        """Return what *launcher* prints for the rc file of *shell*."""
        words = [str(launcher), "init", shell, *options]
        return subprocess.run(words, env=self.environ, capture_output=True, check=True).stdout

    def files(self) -> dict[str, tuple[int, bytes | str]]:
        """Return everything in HOME: mode, and content or what a link says."""
        found: dict[str, tuple[int, bytes | str]] = {}
        for path in sorted(self.home.rglob("*")):
            name = str(path.relative_to(self.home))
            if name.startswith(NOT_OURS):
                continue
            status = path.lstat()
            content: bytes | str = "directory"
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            found[name] = (stat.S_IMODE(status.st_mode), content)
        return found

    def rc_contents(self) -> dict[str, bytes]:
        """Return the rc files and their modification times."""
        names = (
            ".bashrc",
            ".zshrc",
            ".config/fish/conf.d/venvhook.fish",
            ".config/fish/config.fish",
        )
        paths = [self.home / name for name in names]
        return {str(path): path.read_bytes() + b"%d" % path.stat().st_mtime_ns for path in paths}

    def open(self, shell: Shell, **environ: str) -> Terminal:
        """Open *shell* as a new terminal would, with its rc file as it is."""
        rc = (self.home / shell.rc_file).read_text()
        assert rc.startswith(shell.prelude)
        rc = rc.removeprefix(shell.prelude).removesuffix("\n")
        return Terminal(shell, self.scratch, rc=rc, environ=environ)


@pytest.fixture
def user(home: Path) -> User:
    return User(home)


@pytest.fixture(params=SHS)
def sh(request: pytest.FixtureRequest) -> str:
    """Each sh that is on this machine; /bin/sh is everywhere."""
    name: str = request.param
    if shutil.which(SHS[name][0]) is None:
        pytest.skip(f"{name} is not on this machine")
    if name == "sh" and os.path.realpath("/bin/sh") == os.path.realpath(shutil.which("dash") or ""):
        pytest.skip("/bin/sh is dash, which is tried by its own name")
    return name


@pytest.mark.usefixtures("bash", "zsh", "fish")
def test_a_new_user_installs_works_updates_and_uninstalls(
    user: User, sh: str, make_environment: EnvironmentMaker
) -> None:
    user.write_rc_files()
    before = user.files()

    status, said = user.install("--shells", ",".join(NAMES), sh=sh)
    assert status == 0, said
    for name in NAMES:
        line = next(line for line in said.splitlines() if "  ok  " in line and name in line)
        assert " us" in line
    assert f"{user.home}/.local/bin is not on PATH" in said
    assert (user.home / ".zshrc").is_symlink()
    assert user.files()[".bashrc"][0] == 0o600

    project = user.home / "app"
    make_environment(project / ".venv")
    for name in NAMES:
        with user.open(SHELLS[name]) as terminal:
            path = terminal.path
            terminal.run("cd app")
            assert terminal.environment == str(project / ".venv")
            assert terminal.path == [str(project / ".venv/bin"), *path]
            terminal.run("cd ..")
            assert terminal.environment is None
            assert terminal.path == path
        _the_readme_is_right(user, SHELLS[name])
    shutil.rmtree(project)

    rc_files = user.rc_contents()
    status, said = user.install("--shells", ",".join(NAMES), sh=sh)
    assert status == 0, said
    assert said.count("block is there already") == len(NAMES)
    assert user.rc_contents() == rc_files
    environments = sorted((user.home / ".local/share/venvhook").glob("env.*"))
    assert len(environments) == 1, "the old environment is still there"

    status, said = user.install("--uninstall", sh=sh)
    assert status == 0, said
    assert user.files() == before


def _the_readme_is_right(user: User, shell: Shell) -> None:
    """Type the README's first transcript, of /home/me, and compare each prompt and answer."""
    outside = user.scratch / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "python").unlink(missing_ok=True)
    (outside / "python").symlink_to(sys.executable)
    readme = (CHECKOUT / "README.md").read_text()
    transcript = readme.partition("```console\n")[2].partition("```")[0]
    transcript = transcript.replace("/home/me", str(user.home))
    transcript = transcript.replace("/usr/bin/python", f"{outside}/python")
    seen = ""
    with user.open(shell, PATH=f"{outside}:/usr/bin:/bin") as terminal:
        for line in transcript.splitlines():
            if "$ " in line:
                seen += f"{terminal.prompt}$ {line.partition('$ ')[2]}\n"
                seen += terminal.run(line.partition("$ ")[2])
    assert seen.count("$ ") > 3
    assert seen == transcript


def completed(command: Path, user: User, line: str) -> list[str]:
    """Return what *command* completes the last word of *line* with, in a hostile directory."""
    clone = user.scratch / "clone"
    clone.mkdir(exist_ok=True)
    for name in ("click.py", "venvhook.py", "os.py"):
        (clone / name).write_text("raise SystemExit('of the project')\n")
    asked = {"_VENVHOOK_COMPLETE": "bash_complete", "COMP_WORDS": line}
    asked["COMP_CWORD"] = str(len(line.split()) - 1)
    environ = {**user.environ, **asked}
    ran = subprocess.run([command], env=environ, cwd=clone, capture_output=True, check=True)
    return ran.stdout.decode().splitlines()


@pytest.mark.usefixtures("bash")
def test_one_shell_and_a_prefix_on_path(user: User) -> None:
    """Also: an update that fails leaves all as it was; a broken installation can be removed."""
    user.write_rc_files()
    before = user.files()
    prefix = user.home / "my tools"
    user.environ["PATH"] += f":{prefix}/bin"
    status, said = user.install(f"--prefix={prefix}", "--shells=bash")
    assert status == 0, said
    assert "not on PATH" not in said
    assert "zsh" not in said
    assert b"venvhook" not in (user.home / ".zshrc").read_bytes()
    launcher = prefix / "bin/venvhook"
    assert completed(launcher, user, "venvhook al") == ["plain,allow"]
    assert completed(launcher, user, "venvhook init ba") == ["plain,bash"]

    installed = user.files()
    status, said = user.install(
        f"--prefix={prefix}",
        "--shells=bash",
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE="/dev/null",
    )
    assert status == 1
    assert "nothing was changed" in said
    assert user.files() == installed
    ran = subprocess.run([launcher, "--version"], env=user.environ, capture_output=True, check=True)
    assert ran.stdout.startswith(b"venvhook 0.")

    _launcher_starts_python_only_when_something_changed(user, launcher)
    _launcher_reads_no_cache_that_others_can_write(user, launcher)
    _launcher_imports_nothing_of_the_project(user, launcher)

    (user.home / ".local/share/venvhook/env/bin/python").unlink()
    ran = subprocess.run(
        [launcher, "--version"], env=user.environ, capture_output=True, check=False
    )
    assert ran.returncode == 1
    assert b"run install.sh again" in ran.stderr
    status, said = user.install("--uninstall")
    assert status == 0, said
    assert user.files() == before


def _launcher_starts_python_only_when_something_changed(user: User, launcher: Path) -> None:
    data = user.home / ".local/share/venvhook"
    kept = user.home / ".cache/venvhook/init.zsh"
    init = partial(user.init, launcher)
    text = init()
    assert b"/venvhook.zsh" in text
    assert kept.read_bytes() == text
    assert init("pwsh") == init("powershell")
    # What is kept is printed as it is: Python was not started.
    kept.write_bytes(b"kept")
    assert init() == b"kept"
    assert init("zsh", "--source") == b"\\. '%b'\n" % os.fsencode(kept)
    config = user.home / ".config/venvhook/config.toml"
    config.parent.mkdir(exist_ok=True)
    for changed in (data / "installed", config.parent, config):
        kept.write_bytes(b"old")
        changed.touch()
        newer = kept.stat().st_mtime_ns + 1_000_000_000
        os.utime(changed, ns=(newer, newer))
        assert init("zsh", "--source") == text, changed
        os.utime(changed, ns=(0, 0))
    shutil.rmtree(config.parent)
    # Another's words are not printed.
    target = user.home / "elsewhere"
    target.write_bytes(b"linked")
    kept.unlink()
    kept.symlink_to(target)
    assert init() == text
    assert target.read_bytes() == b"linked"
    target.unlink()


def _launcher_imports_nothing_of_the_project(user: User, launcher: Path) -> None:
    """On the fast road and on that by click, in a project that is set to be imported."""
    app = user.scratch / "app"
    environment = EnvironmentMaker(user.scratch)(app / ".venv")
    owned = app / "owned"
    for name in ("click", "os", "errno", "json", "_signal", "sitecustomize", "usercustomize"):
        (app / f"{name}.py").write_text(f"open({str(owned)!r}, 'w')\n")
    for name in ("venvhook", "shellingham", "encodings"):
        (app / name).mkdir()
        (app / name / "__init__.py").write_text(f"open({str(owned)!r}, 'w')\n")
    reached = {"PYTHONPATH": f"{app}:.", "PYTHONHOME": str(app), "PYTHONSTARTUP": f"{app}/os.py"}

    def said(*words: str) -> str:
        ran = subprocess.run(
            [launcher, *words],
            env={**user.environ, **reached},
            cwd=app,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), words
        return ran.stdout

    assert said("which") == f"{environment}/bin/python\n"
    assert json.loads(said("which", "--json"))["python"] == f"{environment}/bin/python"
    assert f"export VIRTUAL_ENV='{environment}'\n" in said("shellenv", "--shell", "bash")
    assert said("run", "printf", "[%s]", "a b", "-c") == "[a b][-c]"
    assert said("run", "--in=/", "--in", ".", "--", "printf", "x") == "x"
    assert "Examples:" in said("run", "--help")
    assert not owned.exists()


def _launcher_reads_no_cache_that_others_can_write(user: User, launcher: Path) -> None:
    cache = user.home / ".cache/venvhook"
    kept = cache / "init.zsh"
    kept.write_bytes(b"kept")
    assert user.init(launcher) == b"kept"

    def is_used() -> bool:
        said = user.init(launcher)
        assert kept.read_bytes() == b"kept"
        return b"_VENVHOOK_CACHE=''" not in said

    elsewhere = user.home / "elsewhere"
    cache.rename(elsewhere)
    cache.symlink_to(elsewhere)
    assert not is_used()
    cache.unlink()
    elsewhere.rename(cache)
    if os.geteuid() == 0:  # Nobody else can give a directory away.
        os.chown(cache, 1, -1)
        assert not is_used()
        os.chown(cache, 0, -1)
    # One that he has opened to others himself is noticed when the kept text is renewed.
    cache.chmod(0o770)
    installed = user.home / ".local/share/venvhook/installed"
    newer = kept.stat().st_mtime_ns + 1_000_000_000
    os.utime(installed, ns=(newer, newer))
    assert not is_used()
    cache.chmod(0o700)
    assert b"/venvhook.zsh" in user.init(launcher)


@pytest.mark.usefixtures("zsh")
def test_no_rc_edits_no_file_and_shows_the_lines(user: User) -> None:
    user.write_rc_files()
    before = user.files()
    status, said = user.install("--no-rc", "--shells", "zsh")
    assert status == 0, said
    assert '"$HOME/.local/bin/venvhook" init zsh --source' in said
    assert before.items() <= user.files().items()
    assert user.install("--uninstall")[0] == 0
    assert user.files() == before


@pytest.mark.usefixtures("bash")
def test_python_is_the_one_that_is_named(user: User) -> None:
    words = ("--no-rc", "--shells", "bash", "--python", sys.executable)
    status, said = user.install(*words, PATH=user.tools())
    assert status == 0, said
    assert user.private_python() == Path(sys.executable).resolve()


@pytest.mark.usefixtures("bash")
def test_uv_finds_a_python_where_path_has_none(user: User) -> None:
    asked = [uv(), "python", "list", "--offline", "--output-format", "json", sys.executable]
    listed = subprocess.run(asked, capture_output=True, check=True)
    installed = user.scratch / "installed" / json.loads(listed.stdout)[0]["key"]
    installed.mkdir(parents=True)
    for name in ("bin", "lib"):
        (installed / name).symlink_to(Path(sys.base_prefix) / name)
    environ = {
        "PATH": user.tools(uv()),
        "UV_PYTHON_INSTALL_DIR": str(installed.parent),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(user.scratch / "cache"),
    }
    status, said = user.install("--no-rc", "--shells", "bash", **environ)
    assert status == 0, said
    assert said.startswith(f"Installing into {user.home}/.local/share/venvhook with uv\n")
    assert user.private_python() == Path(sys.executable).resolve()
    launcher = user.home / ".local/bin/venvhook"
    assert b"/venvhook.zsh" in user.init(launcher)


@pytest.mark.usefixtures("bash")
def test_a_shell_that_fails_is_named_with_the_reason(user: User) -> None:
    (user.home / ".bashrc").write_text("return\n")
    status, said = user.install("--shells", "bash")
    assert status == 1
    assert "bash  FAILED  its startup files do not load the hook" in said
    assert user.install("--uninstall")[0] == 0
    assert (user.home / ".bashrc").read_text() == "return\n"


def test_help_and_wrong_calls(user: User, sh: str) -> None:
    status, said = user.install("--help", sh=sh)
    assert status == 0
    for option in ("--python", "--prefix", "--shells", "--no-rc", "--uninstall"):
        assert option in said
    for words in (
        *(["--nonsense"], ["extra"], ["--prefix"], ["--prefix="], ["--shells", ""]),
        *(["--shells", "bash,foo"], ["--shells=,"]),
    ):
        status, said = user.install(*words, sh=sh)
        assert status == 2, words
        assert said.startswith("venvhook: ")
        assert said.count("\n") == 1
    assert user.files() == {}


def test_what_cannot_be_done_is_one_line_and_leaves_nothing(user: User) -> None:
    foreign = user.home / "tools/bin/venvhook"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("#!/bin/sh\necho mine\n")
    (user.home / "file").touch()
    before = user.files()
    nothing = user.tools()
    cases = [
        (("--prefix", str(user.home / "tools")), {}, "is not from install.sh"),
        (("--prefix", str(user.home / "file")), {}, "cannot be made"),
        (("--python", "/bin/true"), {}, "not a Python of at least 3.11"),
        (("--python", str(user.home / "gone")), {}, "not a Python of at least 3.11"),
        ((), {"HOME": ""}, "HOME is not set"),
        ((), {"HOME": "home"}, "HOME is 'home', which does not begin with /"),
        (("--shells", "powershell"), {}, "powershell is not on PATH"),
        ((), {"PATH": nothing}, "no Python of at least 3.11 on PATH, and no uv"),
        (("--uninstall",), {"PATH": nothing}, "no Python of at least 3.11"),
    ]
    for words, environ, reason in cases:
        status, said = user.install(*words, **environ)
        assert status == 1, said
        assert reason in said
        assert said.strip().splitlines()[-1].startswith("venvhook: ")
        assert user.files() == before, reason


@pytest.mark.parametrize("how", ["> /dev/full", ">&-"])
def test_output_that_cannot_be_written_is_one_line_and_leaves_nothing(
    user: User, sh: str, how: str
) -> None:
    if "full" in how:
        require_full_device()
    words = ["/bin/sh", "-c", f'exec "$@" {how}', "sh", *SHS[sh], str(CHECKOUT / "install.sh")]
    ran = subprocess.run(words, env=user.environ, stderr=subprocess.PIPE, check=False)
    said = b"venvhook: standard output cannot be written; send it elsewhere\n"
    assert (ran.returncode, ran.stderr) == (1, said)
    assert user.files() == {}


@pytest.mark.usefixtures("bash", "zsh", "fish")
def test_venvhook_install_is_for_those_who_came_by_a_package(user: User) -> None:
    user.write_rc_files()
    # Empty ones could be anybody's, and would stay.
    (user.home / ".cache").mkdir()
    (user.home / ".local/state").mkdir()
    before = user.files()
    command = Path(venvhook_command(user.scratch))
    user.environ["PATH"] = f"{command.parent}:{user.environ['PATH']}"

    def venvhook(*words: str) -> str:
        ran = subprocess.run(
            [command, *words], env=user.environ, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    said = venvhook("install", "--shells", ",".join(NAMES))
    assert said.count("  ok  ") == len(NAMES)
    assert venvhook("install", "--shells", "zsh").count("block is there already") == 1
    venvhook("uninstall")
    assert user.files() == before
