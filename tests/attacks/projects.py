"""Hostile projects, and people's own, with canaries in all that could be run by mistake.

A canary is a file that, when it is executed, sourced or imported, leaves a file of its own name in
a directory outside. Names and values that are text carry calls of the program ``pwn`` instead,
which is on the PATH of every shell under watch, and does the same.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments import EnvironmentMaker

# Dated as if it had been unpacked from an archive of long ago, and far ahead.
LONG_AGO = 1_000_000_000
IN_2037 = 2_120_000_000
# Another account; it need not have a name.
STRANGER = 12345

# What a hook might be tempted to call by its name.
PROGRAMS = (
    *("awk", "basename", "bash", "cat", "cut", "date", "dirname", "env", "fish", "git", "grep"),
    *("head", "hostname", "id", "ls", "mkdir", "mv", "pip", "pwsh", "readlink", "realpath", "rm"),
    *("sed", "sh", "stat", "test", "touch", "tput", "tr", "true", "tty", "uname", "uv"),
    *("venvhook", "which", "whoami", "zsh"),
)
# What a Python started in a project, or with its environment, might import.
MODULES = (
    *("os.py", "sys.py", "posix.py", "posixpath.py", "site.py", "sitecustomize.py", "time.py"),
    *("usercustomize.py", "encodings/__init__.py", "codecs.py", "venvhook.py", "click/__init__.py"),
    *("_signal.py", "mmap.py", "grp.py", "pwd.py", "errno.py", "fcntl.py", "shellingham.py"),
)
# What other tools source or read when one enters a directory.
SOURCED = (".autoenv", ".autoenv.zsh", ".env.fish", ".envrc", ".in", ".out", ".venvrc", ".bashrc")
# What could be taken for a recipe or settings of venvhook.
SETTINGS = (".venvhook.toml", "venvhook.toml", "config.toml", ".config/venvhook/config.toml")
RECIPES = ("venvhook.recipe.sh", "venvhook.recipe.fish", "venvhook.recipe.ps1")
ACTIVATORS = ("activate", "activate.fish", "activate.csh", "Activate.ps1")
_LOCATION = {
    "activate": "VIRTUAL_ENV='%s'\nexport VIRTUAL_ENV\n",
    "activate.fish": "set -gx VIRTUAL_ENV '%s'\n",
    "activate.csh": "setenv VIRTUAL_ENV '%s'\n",
    "Activate.ps1": "",
}


class Builder:
    """Builds below *home*, and lets canaries sing in the directory *canaries*."""

    def __init__(self, home: Path, canaries: Path) -> None:
        self.home = home
        self._canaries = canaries
        self._make = EnvironmentMaker(canaries.parent)

    # ---- Canaries --------------------------------------------------------------------------------

    def mark(self, name: str) -> str:
        """Return the path that the canary *name* leaves behind."""
        return f"{self._canaries}/{name.replace('/', '-')}"

    def program(self, path: Path) -> Path:
        """Write an executable canary to *path*."""
        return _write(path, f"#!/bin/sh\n: > {self.mark(path.name)}\n", 0o755)

    def sourced(self, path: Path, text: str = "") -> Path:
        """Write a file that is a canary for whichever shell sources it, after *text*."""
        return _write(path, f"{text}echo > {self.mark(path.name)}\n")

    def module(self, path: Path, name: str) -> Path:
        """Write a module that is a canary for the Python that imports it."""
        return _write(path, f"open({self.mark(name)!r}, 'w').close()\n")

    def settings(self, path: Path) -> Path:
        """Write settings that would let everything in, and silently."""
        return _write(path, 'trust = "all"\nnotice = false\n')

    # ---- Projects --------------------------------------------------------------------------------

    def project(self, name: str | bytes = "app") -> Path:
        """Make the project directory *name* with canaries of all kinds, and no environment."""
        root = self.home / os.fsdecode(name)
        root.mkdir(parents=True)
        for module in MODULES:
            self.module(root / module, f"project-{module}")
        for program in PROGRAMS:
            if program != "env":  # which is the name of a marker
                self.program(root / program)
        for file in SOURCED:
            self.sourced(root / file, ". .venv/bin/activate\n")
        for file in RECIPES:
            self.sourced(root / file, f"_venvhook_activate {root}\n")
        for file in SETTINGS:
            self.settings(root / file)
        return root

    def genuine(self, environment: Path, maker: str = "venv", prompt: str | None = None) -> Path:
        """Make the user's own environment, as people do, with canaries in it."""
        self._make(environment, maker, prompt)
        for file in ACTIVATORS:
            script = environment / "bin" / file
            if script.exists():
                with script.open("a") as text:
                    text.write(f"\necho > {self.mark(file)}\n")
        self._plant(environment)
        return environment

    def own(self, name: str | bytes = "app", maker: str = "venv") -> Path:
        """Make the project *name* with the user's own environment; return the environment."""
        return self.genuine(self.project(name) / ".venv", maker)

    def delivered(self, environment: Path, location: Path | None = None) -> Path:
        """Make an environment as a stranger would send it: whole, old, and made for *location*.

        None: for the very place where it is, as if the sender had guessed that.
        """
        binaries = environment / "bin"
        binaries.mkdir(parents=True)
        (binaries / "python").symlink_to(os.path.realpath(sys.executable))
        (binaries / "python3").symlink_to("python")
        where = os.fspath(environment if location is None else location)
        for file in ACTIVATORS:
            self.sourced(binaries / file, _LOCATION[file].replace("%s", where))
        config = f"home = {Path(sys.executable).resolve().parent}\nversion = 3.11.7\n"
        _write(environment / "pyvenv.cfg", config)
        self._plant(environment)
        date(environment, LONG_AGO)
        return environment

    def foreign(self, name: str | bytes = "app") -> Path:
        """Make the project *name* with a stranger's environment; return the environment."""
        return self.delivered(self.project(name) / ".venv")

    def _plant(self, environment: Path) -> None:
        for program in PROGRAMS:
            if not (environment / "bin" / program).exists():
                self.program(environment / "bin" / program)
        packages = site_packages(environment)
        packages.mkdir(parents=True, exist_ok=True)
        text = f"import os; open({self.mark('evil.pth')!r}, 'w').close()\n"
        _write(packages / "evil.pth", text)
        for module in ("sitecustomize.py", "usercustomize.py", "_virtualenv.py", "venvhook.py"):
            self.module(packages / module, module)

    # ---- Git -------------------------------------------------------------------------------------

    def repository(self, root: Path, *options: str) -> Path:
        """Make *root* a repository with one commit of a file of its own."""
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "-q", *options)
        _write(root / "README", "hello\n")
        git(root, "add", "README")
        git(root, "commit", "-q", "-m", "first")
        return root

    def tracked(self, name: str | bytes = "app", *options: str) -> Path:
        """Make the project *name* whose repository tracks the user's own environment; return that.

        Nothing but the index says that it might have come with the project.
        """
        environment = self.own(name)
        self.repository(environment.parent, *options)
        git(environment.parent, "add", "-f", ".venv")
        return environment

    def arm(self, root: Path) -> None:
        """Put canaries into everything in the repository *root* that git would run."""
        directory = root / git(root, "rev-parse", "--git-dir").removesuffix("\n")
        program = self.program(self.home / f"git-ran-{root.name}")
        names = (
            *("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass"),
            *("diff.external", "filter.evil.clean", "filter.evil.smudge", "gpg.program"),
            *("credential.helper", "pager.status", "pager.ls-files", "alias.ls-files"),
        )
        for name in names:
            git(root, "config", name, f"!{program}" if name.startswith("alias") else str(program))
        git(root, "config", "core.hooksPath", str(directory / "hooks"))
        for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman", "pre-auto-gc"):
            self.program(directory / "hooks" / hook)
        _write(root / ".gitattributes", "* filter=evil\n")


def git(directory: Path, *words: str) -> str:
    """Run git in *directory* as somebody whose settings are none; return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {
        "HOME": "/nowhere",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    options = ("-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *options, *words], cwd=directory, env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, (words, done.stderr)
    return os.fsdecode(done.stdout)


@contextmanager
def standing_in(directory: Path) -> Iterator[None]:
    """Stand in *directory* meanwhile, for names that are too long to be called from elsewhere."""
    here = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(here)


def make_socket(path: Path) -> None:
    """Make a socket; its name may be 108 bytes long at most, so that its directory is left out."""
    with standing_in(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def site_packages(environment: Path) -> Path:
    """Return where packages of *environment* are, whatever its Python is called."""
    found = sorted(environment.glob("lib/python*/site-packages"))
    return found[0] if found else environment / "lib/python3.11/site-packages"


def everything(directory: Path) -> Iterator[Path]:
    """Yield what is in *directory* from the bottom up, and itself."""
    for place, directories, files in os.walk(directory, topdown=False):
        for name in (*files, *directories):
            yield Path(place, name)
    yield directory


def date(path: Path, seconds: int) -> None:
    """Give *path*, all that is below it, and links themselves, this modification time."""
    for entry in everything(path):
        os.utime(entry, (seconds, seconds), follow_symlinks=False)


def give(path: Path, owner: int = STRANGER) -> None:
    """Give *path* and all that is below it to *owner*."""
    for entry in everything(path):
        os.chown(entry, owner, owner, follow_symlinks=False)


def widen(path: Path, bits: int) -> None:
    """Add the permission *bits* to *path*."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) | bits)


def grant(path: Path, user: int = STRANGER, permissions: int = 7) -> bool:
    """Give *user* more of *path* by an ACL; return whether its file system has these.

    The attribute is that of linux/posix_acl_xattr.h: a version, then (tag, permissions, id) each.
    """
    mode = path.stat().st_mode
    undefined = 0xFFFFFFFF
    entries = (
        (0x01, mode >> 6 & 7, undefined),
        (0x02, permissions, user),
        (0x04, mode >> 3 & 7, undefined),
        (0x10, 7, undefined),
        (0x20, mode & 7, undefined),
    )
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", value)
    except OSError:
        return False
    return True


def replace_by(old: Path, new: Path) -> None:
    """Put *new* in the place of *old*, which is gone afterwards."""
    shutil.rmtree(old)
    new.rename(old)


def _write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.fsencode(text))
    path.chmod(mode)
    return path
