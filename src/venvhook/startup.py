"""What a shell reads when it starts: its files line by line, with those that they read in turn.

Read as text, each file bounded, and only where its name is spelled out: nothing is run, and a name
that a shell would compute is not followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .caller import home_directory
from .environment import Unusable, is_never_asked, read_file
from .rcfile import rc_files
from .shells import Shell

_SIZE_LIMIT = 1024 * 1024
_FILES_LIMIT = 100
# How deep files may read each other.
_DEPTH_LIMIT = 4

# 'source FILE' or '. FILE' at the beginning of a command.
_INCLUDE = re.compile(
    rb"(?:^|[;&|{]|\bthen|\bdo|\belse|;\s*and|\band)\s*(?:builtin\s+)?(?:source|\.)\s+"
    rb"(\"[^\"]+\"|'[^']+'|[^\s;&|)\"']+)"
)
# A call of 'venvhook init', with the command before it and the shell after it.
_LOADING = re.compile(rb"([^\s(;&|`]*venvhook(?:\.exe)?[\"']?)\)?\s+init\s+[\"']?(\w+)")
# In a word whose value only the shell knows.
_COMPUTED = (b"$", b"`", b"*", b"?", b"\\", b"\0")
_LOGIN_FILES = (b".bash_profile", b".bash_login", b".profile")


@dataclass(frozen=True)
class Line:
    """Line *number* of *file*, where a shell comes to it."""

    file: bytes
    number: int
    text: bytes

    @property
    def is_comment(self) -> bool:
        """Whether it is one from its beginning."""
        return self.text.lstrip().startswith(b"#")


@dataclass(frozen=True)
class Loading:
    """A line that loads the hook: by which *command*, for which shell."""

    line: Line
    command: bytes
    shell: bytes


class Startup:
    """All lines that *shell* comes to when it reads *files*, in their order.

    *main* is the file that a user edits. *unread* are files that could not be read, each with the
    reason.
    """

    def __init__(
        self, shell: Shell, main: bytes, files: Iterable[bytes], environ: Mapping[str, str]
    ) -> None:
        self.shell = shell
        self.main = main
        self.unread: list[tuple[bytes, str]] = []
        self._environ = environ
        self._read: set[bytes] = set()
        self.lines = [line for file in files for line in self._lines(file, 0)]

    def commands(self) -> Iterator[tuple[int, Line]]:
        """Yield each line that is no comment, with its place in the order."""
        return ((at, line) for at, line in enumerate(self.lines) if not line.is_comment)

    def loadings(self) -> list[tuple[int, Loading]]:
        """Return the lines that load the shell's hook, each with its place in the order."""
        return [(at, loading) for at, loading in self._all_loadings() if self._is_right(loading)]

    def wrong_loading(self) -> Loading | None:
        """Return the first line that loads the hook of another shell, or None."""
        found = (loading for _at, loading in self._all_loadings() if not self._is_right(loading))
        return next(found, None)

    def _is_right(self, loading: Loading) -> bool:
        return os.fsdecode(loading.shell) in (self.shell.name, *self.shell.aliases)

    def _all_loadings(self) -> Iterator[tuple[int, Loading]]:
        for at, line in self.commands():
            loading = _loading(line)
            if loading is not None:
                yield at, loading

    def commented_out(self) -> Line | None:
        """Return the first comment that would load the hook, or None."""
        comments = (line for line in self.lines if line.is_comment)
        return next((line for line in comments if _loading(line) is not None), None)

    def _lines(self, file: bytes, depth: int) -> Iterator[Line]:
        real = os.path.realpath(file)
        if real in self._read or len(self._read) >= _FILES_LIMIT:
            return
        try:
            text = read_file(file, _SIZE_LIMIT)
        except FileNotFoundError:
            return
        except OSError as error:
            self.unread.append((file, f"cannot be read ({error.strerror})"))
            return
        except Unusable as error:
            self.unread.append((file, error.reason))
            return
        self._read.add(real)
        for number, content in enumerate(text.split(b"\n"), start=1):
            line = Line(file, number, content)
            yield line
            if depth < _DEPTH_LIMIT and not line.is_comment:
                for included in _INCLUDE.findall(content):
                    path = expanded(included, self._environ)
                    if path is not None:
                        yield from self._lines(path, depth + 1)


def _loading(line: Line) -> Loading | None:
    found = _LOADING.search(line.text)
    return None if found is None else Loading(line, found[1], found[2])


def expanded(word: bytes, environ: Mapping[str, str]) -> bytes | None:
    """Return the absolute path that *word* of a startup file spells out, or None."""
    home = home_directory(environ)
    config = os.fsencode(environ.get("XDG_CONFIG_HOME", "")) or os.path.join(home, b".config")
    dots = os.fsencode(environ.get("ZDOTDIR", "")) or home
    is_literal = word.startswith(b"'")
    path = word.replace(b'"', b"").replace(b"'", b"")
    if not is_literal:
        for name, value in (
            (b"HOME", home),
            (b"ZDOTDIR:-$HOME", dots),
            (b"ZDOTDIR", dots),
            (b"XDG_CONFIG_HOME", config),
            (b"__fish_config_dir", os.path.join(config, b"fish")),
        ):
            path = path.replace(b"${%b}" % name, value)
            # As text: a backslash in the value is none of the pattern's.
            path = value.join(re.split(rb"\$%b\b" % re.escape(name), path))
        if path.startswith(b"~/"):
            path = home + path[1:]
    if not os.path.isabs(path) or any(sign in path for sign in _COMPUTED):
        return None
    return None if is_never_asked(os.path.normpath(path)) else path


# ---- Which files ---------------------------------------------------------------------------------


def interactive_startup(shell: Shell, executable: str, environ: Mapping[str, str]) -> Startup:
    """Return what an interactive *shell* comes to. Raises VenvhookError where it does not say."""
    main = rc_files(shell, executable, environ)[0]
    directory = os.path.dirname(main)
    if shell.name == "bash":
        return Startup(shell, main, (b"/etc/bash.bashrc", b"/etc/bashrc", main), environ)
    if shell.name == "zsh":
        return Startup(shell, main, _zsh_files(directory), environ)
    if shell.name == "fish":
        config = os.path.join(os.path.dirname(directory), b"config.fish")
        files = (*_snippets(directory), b"/etc/fish/config.fish", config)
        return Startup(shell, config, files, environ)
    here = os.path.join(directory, b"Microsoft.PowerShell_profile.ps1")
    return Startup(shell, main, (main, here), environ)


def likely_startups(shell: Shell, environ: Mapping[str, str]) -> Iterator[Startup]:
    """Yield what *shell* comes to, as far as that can be told without asking it."""
    if shell.name == "powershell":
        return
    if shell.name == "zsh":
        directory = os.fsencode(environ.get("ZDOTDIR", "")) or home_directory(environ)
        main = os.path.join(directory, b".zshrc")
        yield Startup(shell, main, _zsh_files(directory), environ)
        return
    yield interactive_startup(shell, "", environ)
    if shell.name == "bash":
        yield login_startup(shell, environ)


def login_startup(bash: Shell, environ: Mapping[str, str]) -> Startup:
    """Return what a login *bash* comes to: the first of three files (bash(1), INVOCATION)."""
    home = home_directory(environ)
    files = [os.path.join(home, name) for name in _LOGIN_FILES]
    main = next((file for file in files if os.path.isfile(file)), files[0])
    return Startup(bash, main, (main,), environ)


def _zsh_files(directory: bytes) -> Iterator[bytes]:
    """Yield zsh's files, those for login shells too (zsh(1), STARTUP/SHUTDOWN FILES)."""
    for name in (b"zshenv", b"zprofile", b"zshrc", b"zlogin"):
        yield b"/etc/zsh/" + name
        yield b"/etc/" + name
        yield os.path.join(directory, b"." + name)


def _snippets(directory: bytes) -> list[bytes]:
    """Return fish's ``conf.d`` files: by name, the user's before the system's of the same name."""
    found: dict[bytes, bytes] = {}
    for place in (
        directory,
        b"/etc/fish/conf.d",
        b"/usr/share/fish/vendor_conf.d",
        b"/usr/local/share/fish/vendor_conf.d",
        b"/opt/homebrew/share/fish/vendor_conf.d",
    ):
        try:
            names = os.listdir(place)
        except OSError:
            continue
        for name in names:
            if name.endswith(b".fish"):
                found.setdefault(name, os.path.join(place, name))
    return [found[name] for name in sorted(found)]
