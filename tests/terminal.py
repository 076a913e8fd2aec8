"""A real interactive shell in a pseudo-terminal, driven line by line, and the table of shells.

    with Terminal(SHELLS["bash"], directory_for_this_test) as terminal:
        terminal.run("cd app")  # what the command printed, "" here
        terminal.prompt  # "(app) "
        terminal.value("VIRTUAL_ENV")  # b"/...", or None where it is unset

Standard library only. Every wait ends at a sentinel, the end of the prompt, or fails after LIMIT
seconds with the screen.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from checkout import venvhook_command

LIMIT = 60.0
# A directory in HOME: where it is missing, the first fish, also one that another shell starts,
# parses all manual pages in the background, which takes a minute.
GENERATED = ".local/share/fish/generated_completions"
# Seconds that a shell waits for the helper, but where that is what is tried.
PATIENCE = "30"
READY = b"ready> "

# Printed when a line was read and before it runs, by shells whose line editor draws what is typed.
_BEGUN = b"\x1e"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROWS, _COLUMNS = 50, 400
# ECMA-48: CSI, OSC and DCS strings, two-character escapes; and shift in, which resets colours.
_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|\x0f")
# How fish marks, before a prompt, where output stopped that does not end with a newline.
_FISH_MARK = re.compile(rb"\xe2\x8f\x8e *\r\xe2\x8f\x8e? *\r")
# What a terminal is asked, and what one that can do little answers.
_QUESTIONS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?6c", b"\x1b[0c": b"\x1b[?6c"}


class TerminalError(AssertionError):
    """The shell did not do what was waited for; the message ends with the screen."""


def quote_posix(value: bytes) -> bytes:
    """Return *value* as one word of bash or zsh."""
    return b"'" + value.replace(b"'", b"'\\''") + b"'"


def quote_fish(value: bytes) -> bytes:
    """Return *value* as one word of fish."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def quote_powershell(value: bytes) -> bytes:
    """Return *value* as one PowerShell string; the curly quotes end one too."""
    text = os.fsdecode(value)
    return os.fsencode("'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'")


@dataclass(frozen=True)
class Shell:
    """One row of the table.

    *arguments* start it interactively; *rc_file* is relative to HOME; *prelude* is put before every
    rc text: it sets a prompt that ends with READY and defines ``_test_values FILE NAME...``;
    *load* is the line for the rc file, with %s for the quoted command; *source* reads a file and
    *which* prints where a program is, with %s for it; *status* is the expression for the last
    command's exit status; *editor* says whether what is typed is drawn by the shell;
    *hooks_cd* says whether a change of directory is seen at once, not only at the next prompt.
    """

    name: str
    executable: str
    arguments: tuple[str, ...]
    rc_file: str
    prelude: str
    load: str
    source: str
    which: str
    status: str
    quote: Callable[[bytes], bytes]
    editor: bool
    hooks_cd: bool

    @property
    def path(self) -> str | None:
        """Where this shell is on this machine, or None. TEST_BASH=/... takes another bash."""
        return shutil.which(os.environ.get(f"TEST_{self.name.upper()}", self.executable))

    def word(self, value: str | bytes | Path) -> str:
        """Return *value* as one quoted word of this shell."""
        return os.fsdecode(self.quote(os.fsencode(value)))

    def load_line(self, command: str) -> str:
        """Return the line that loads venvhook, whose executable is *command*."""
        return self.load % self.word(command)


_BASH_PRELUDE = r"""
PS1='ready> ' PS2=''
unset HISTFILE
_test_values() {
  local _test_name _test_file
  _test_file=$1 # by itself, for 'set -k'
  shift
  for _test_name in "$@"; do
    if [ -n "${!_test_name+x}" ]; then printf 's%s\0' "${!_test_name}"; else printf 'u\0'; fi
  done > "$_test_file"
}
"""

_ZSH_PRELUDE = r"""
unsetopt zle prompt_cr prompt_sp
PS1='ready> ' PS2=''
unset HISTFILE
_test_values() {
  emulate -L zsh
  local _test_name _test_file=$1
  shift
  for _test_name in "$@"; do
    if (( ${(P)+_test_name} )); then printf 's%s\0' "${(P)_test_name}"; else printf 'u\0'; fi
  done > "$_test_file"
}
"""

_FISH_PRELUDE = r"""
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
set -g fish_history ''
# fish 4 would read all manual pages in the background.
string match -q '3.*' -- $version; or set -g FISH_UNIT_TESTS_RUNNING 1
function fish_title # else fish 4 writes the directory's name, whatever is in it, to the terminal
end
function fish_prompt
    printf 'ready> '
end
function _test_begun --on-event fish_preexec
    printf '\036'
end
function _test_values
    for _test_name in $argv[2..]
        if set -q $_test_name
            printf 's%s\0' "$$_test_name"
        else
            printf 'u\0'
        end
    end > $argv[1]
end
"""

_POWERSHELL_PRELUDE = r"""
Remove-Module PSReadLine -ErrorAction Ignore
function global:prompt { 'ready> ' }
function global:PSConsoleHostReadLine {
    $line = [Console]::In.ReadLine()
    [Console]::Write([char]0x1e)
    $line
}
function global:_test_values($file) {
    $text = ''
    foreach ($name in $args) {
        $value = [Environment]::GetEnvironmentVariable($name)
        $text += $(if ($null -eq $value) { 'u' } else { 's' + $value }) + [char]0
    }
    [IO.File]::WriteAllText($file, $text, [Text.UTF8Encoding]::new($false))
}
"""

SHELLS = {
    row.name: row
    for row in (
        Shell(
            name="bash",
            executable="bash",
            # Without readline the terminal's own echo is all there is, and that is off.
            arguments=("--noediting", "-i"),
            rc_file=".bashrc",
            prelude=_BASH_PRELUDE,
            load='eval "$(%s init bash)"',
            source=". %s",
            which="command -v %s",
            status="$?",
            quote=quote_posix,
            editor=False,
            hooks_cd=False,
        ),
        Shell(
            name="zsh",
            executable="zsh",
            arguments=("-i",),
            rc_file=".zshrc",
            prelude=_ZSH_PRELUDE,
            load='eval "$(%s init zsh)"',
            source=". %s",
            which="command -v %s",
            status="$?",
            quote=quote_posix,
            editor=False,
            hooks_cd=True,
        ),
        Shell(
            name="fish",
            executable="fish",
            arguments=("-i",),
            rc_file=".config/fish/config.fish",
            prelude=_FISH_PRELUDE,
            load="%s init fish | builtin source",
            source="source %s",
            which="command -v %s",
            status="$status",
            quote=quote_fish,
            editor=True,
            hooks_cd=True,
        ),
        Shell(
            name="pwsh",
            executable="pwsh",
            arguments=("-NoLogo",),
            rc_file=".config/powershell/Microsoft.PowerShell_profile.ps1",
            prelude=_POWERSHELL_PRELUDE,
            load="Invoke-Expression (& %s init powershell | Out-String)",
            source=". %s",
            which="(Get-Command %s).Source",
            status="$LASTEXITCODE",
            quote=quote_powershell,
            editor=True,
            hooks_cd=True,
        ),
    )
}


class Terminal:
    """A shell of its own HOME, ``<scratch>/home``, started in *directory* (HOME if None).

    *rc* is its rc text after the prelude; None is the one line that loads venvhook. *environ* are
    variables besides HOME, PATH, TERM, LANG and VENVHOOK_TIMEOUT; None as a value leaves one of
    these out. *wrapper* are words before the shell's own: a program that runs it, such as strace.
    """

    def __init__(
        self,
        shell: Shell,
        scratch: Path,
        rc: str | bytes | None = None,
        directory: Path | str | bytes | None = None,
        environ: Mapping[str, str | bytes | None] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self.shell = shell
        self.scratch = scratch.resolve()
        self.home = self.scratch / "home"
        self.rc_file = self.home / shell.rc_file
        self.command = ""
        self.greeting = ""
        self.prompt = ""
        self.pid = 0
        self._extras = dict(environ or {})
        self._wrapper = tuple(wrapper)
        self._master = -1
        self._seen = b""
        self._unread = b""
        self._prepare(rc)
        self.restart(directory)

    def __enter__(self) -> Terminal:
        """Return itself; the shell runs since it was made."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the shell."""
        self.close()

    def _prepare(self, rc: str | bytes | None) -> None:
        self.home.mkdir(exist_ok=True)
        self.command = venvhook_command(self.scratch)
        self.rc_file.parent.mkdir(parents=True, exist_ok=True)
        if rc is None:
            rc = self.shell.load_line(self.command)
        self.rc_file.write_bytes(os.fsencode(self.shell.prelude) + os.fsencode(rc) + b"\n")
        (self.home / GENERATED).mkdir(parents=True, exist_ok=True)

    # ---- Life ------------------------------------------------------------------------------------

    def restart(self, directory: Path | str | bytes | None = None) -> None:
        """End the shell if it runs and start a new one in *directory* (HOME if None).

        What it prints before its first prompt is in ``greeting`` then.
        """
        self.close()
        executable = self.shell.path
        if executable is None:
            raise TerminalError(f"{self.shell.name} is not on this machine")
        environ = self._environ()
        where = self.home if directory is None else directory
        words = [*self._wrapper, executable, *self.shell.arguments]
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            self._become(words, os.fsencode(where), environ)
        self._seen = self._unread = b""
        self.greeting = self._until_prompt(begun=True)

    def _environ(self) -> dict[bytes, bytes]:
        values: dict[str, str | bytes | None] = {
            "HOME": str(self.home),
            "PATH": _SYSTEM_PATH,
            "TERM": "dumb",
            "LANG": "C.UTF-8",
            # A machine where much is done at once may well stop for a second.
            "VENVHOOK_TIMEOUT": None if self.shell.name == "pwsh" else PATIENCE,
            **self._extras,
        }
        return {os.fsencode(k): os.fsencode(v) for k, v in values.items() if v is not None}

    @staticmethod
    def _become(words: list[str], directory: bytes, environ: dict[bytes, bytes]) -> None:
        """In the child: become the shell, or end with a message on the terminal."""
        try:
            os.chdir(directory)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
            mode = termios.tcgetattr(0)
            mode[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, mode)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these
                signal.signal(number, signal.SIG_DFL)
            # What whoever started the tests has left open would count among the shell's own.
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            environ[b"PWD"] = directory
            os.execve(words[0], words, environ)
        except BaseException as error:
            os.write(2, os.fsencode(f"cannot start {words[0]}: {error}\r\n"))
        finally:
            os._exit(127)

    def close(self) -> None:
        """End the shell at once."""
        if self.pid == 0:
            return
        os.close(self._master)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid, self._master = 0, -1

    # ---- Keys and screen -------------------------------------------------------------------------

    @property
    def screen(self) -> str:
        """All that the shell wrote since it was started, without escape sequences."""
        return os.fsdecode(_plain(self._seen))

    def send(self, keys: str | bytes) -> None:
        """Press *keys*; Enter is ``\\r``. Waits for nothing."""
        data = os.fsencode(keys)
        while data:
            data = data[os.write(self._master, data) :]

    def wait_for(self, text: str | bytes) -> str:
        """Return what the shell wrote from here on up to and including *text*."""
        wanted = os.fsencode(text)

        def end() -> int | None:
            found = self._unread.find(wanted)
            return None if found < 0 else found + len(wanted)

        return os.fsdecode(_plain(self._take(end, f"{os.fsdecode(wanted)!r}")))

    def wait_for_prompt(self) -> str:
        """Return what the shell wrote before its next prompt; sets ``prompt``.

        For what comes after an answer. After a whole line use ``run`` or ``start``: fish draws the
        prompt anew, without a word behind it for a moment, while that is being typed.
        """
        return self._until_prompt(begun=True)

    def interrupt(self) -> str:
        """Press Ctrl-C and return what the shell wrote before its next prompt."""
        self.send(b"\x03")
        return self.wait_for_prompt()

    def become(self, shell: Shell, *by: str) -> str:
        """Let the shell replace itself by *shell*; return what is printed before its prompt.

        *by* are the words of a command that starts it.
        """
        return self.start(shell, "exec", *by)

    def start(self, shell: Shell, *by: str, login: bool = False) -> str:
        """Start *shell* from this one, *by* a command; return what is printed before its prompt.

        What is typed goes to it from here on. When it has ended, set ``shell`` again.
        """
        assert shell.path is not None
        words = [*by, shell.path, *shell.arguments, *(["-l"] if login else [])]
        self.send(f"{shlex.join(words)}\r")
        printed = self._until_prompt(begun=not self.shell.editor)
        self.shell = shell
        if not shell.editor:
            # fish turns it on for what it starts.
            self.run("stty -echo")
        return printed

    def run(self, line: str | bytes) -> str:
        """Type *line*, and return what it printed: all up to the line of the next prompt.

        A line with bytes that a terminal would take for keys, or longer than it takes, is sourced
        from a file instead. Output should end with a newline, else its rest counts to the prompt.
        """
        data = os.fsencode(line)
        if not data.strip():
            raise ValueError("an empty line runs nothing that could be waited for")
        if len(data) > 1000 or not all(0x20 <= byte < 0x7F for byte in data):
            return self.run_file(data)
        self.send(data + b"\r")
        return self._until_prompt(begun=not self.shell.editor)

    def run_file(self, text: str | bytes) -> str:
        """Source a file with *text*, and return what it printed."""
        suffix = ".ps1" if self.shell.name == "pwsh" else ""
        file = self.scratch / f"line{suffix}"
        file.write_bytes(os.fsencode(text) + b"\n")
        return self.run(self.shell.source % self.shell.word(file))

    def _until_prompt(self, begun: bool) -> str:
        """Return what comes before the next prompt, after _BEGUN unless *begun* already."""

        def end() -> int | None:
            rest = self._unread
            if not begun:
                rest = rest.partition(_BEGUN)[2]
            return len(self._unread) if _plain(rest).endswith(READY) else None

        text = self._take(end, "the prompt")
        if not begun:
            text = text.partition(_BEGUN)[2]
        plain = text.replace(b"\r\n", b"\n")
        if self.shell.editor:
            # fish 4 returns the carriage before a command runs.
            plain = _FISH_MARK.sub(b"", _plain(text)).removeprefix(b"\r")
        output, newline, prompt = plain.removesuffix(READY).rpartition(b"\n")
        self.prompt = os.fsdecode(prompt.rpartition(b"\r")[2])
        return os.fsdecode(output + newline)

    def _take(self, end: Callable[[], int | None], what: str) -> bytes:
        """Return and consume what was read up to *end*, which says where that is once it came."""
        deadline = time.monotonic() + LIMIT
        while (found := end()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise TerminalError(f"waited {LIMIT:.0f} s for {what}; the screen:\n{self.screen}")
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux reports the end of a pseudo-terminal as EIO
                data = b""
            if not data:
                raise TerminalError(f"the shell ended before {what}; the screen:\n{self.screen}")
            self._seen += data
            self._unread += data
            for question, answer in _QUESTIONS.items():
                if question in data:
                    self.send(answer)
        taken, self._unread = self._unread[:found], self._unread[found:]
        return taken

    # ---- Values, exactly -------------------------------------------------------------------------

    def cd(self, directory: str | bytes | Path) -> str:
        """Change to *directory* and return what was printed."""
        return self.run(b"cd " + self.shell.quote(os.fsencode(directory)))

    def values(self, *names: str) -> dict[str, bytes | None]:
        """Return the bytes of the variables *names*, None where one is unset.

        A list of fish is joined: by ``:`` if it is a path variable, else by spaces.
        """
        file = self.scratch / "values"
        file.unlink(missing_ok=True)
        printed = self.run(f"_test_values {self.shell.word(file)} {' '.join(names)}")
        if not file.exists():
            raise TerminalError(f"no values came: {printed}")
        found = file.read_bytes().split(b"\0")[:-1]
        if len(found) != len(names):
            raise TerminalError(f"asked for {names}, got {found}")
        return {
            name: value[1:] if value.startswith(b"s") else None
            for name, value in zip(names, found, strict=True)
        }

    def value(self, name: str) -> bytes | None:
        """Return the bytes of the variable *name*, or None where it is unset."""
        return self.values(name)[name]

    def which(self, program: str) -> str:
        """Return where the shell finds *program*."""
        return self.run(self.shell.which % program).strip()

    @property
    def environment(self) -> str | None:
        """The active environment: ``$VIRTUAL_ENV``, or None."""
        value = self.value("VIRTUAL_ENV")
        return None if value is None else os.fsdecode(value)

    @property
    def path(self) -> list[str]:
        """The entries of PATH."""
        return os.fsdecode(self.value("PATH") or b"").split(":")

    @property
    def status(self) -> str:
        """The exit status of the last command, as the user would ask for it."""
        return self.run(f"echo {self.shell.status}").strip()

    def child_environment(self) -> dict[bytes, bytes]:
        """Return the environment of a program started from the shell."""
        file = self.scratch / "environ"
        code = "import os, sys; d = os.environb; f = open(sys.argv[1], 'wb'); "
        code += "f.write(b''.join(k + b'=' + d[k] + bytes(1) for k in d))"
        words = [sys.executable, "-I", "-S", "-c", code, str(file)]
        call = "& " if self.shell.name == "pwsh" else ""
        self.run(call + " ".join(self.shell.word(word) for word in words))
        entries = (entry.partition(b"=") for entry in file.read_bytes().split(b"\0") if entry)
        return {name: value for name, _, value in entries}


class OpenTerminal:
    """Opens terminals in *scratch*, and closes all of them."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._opened: list[Terminal] = []

    def __call__(
        self,
        shell: Shell,
        rc: str | bytes | None = None,
        directory: Path | str | bytes | None = None,
        environ: Mapping[str, str | bytes | None] | None = None,
        wrapper: Sequence[str] = (),
    ) -> Terminal:
        """Return a new Terminal of these arguments."""
        self._opened.append(Terminal(shell, self._scratch, rc, directory, environ, wrapper))
        return self._opened[-1]

    def close(self) -> None:
        """Close all that were opened."""
        for terminal in self._opened:
            terminal.close()


def started(
    open_terminal: OpenTerminal,
    shell: Shell,
    directory: Path | None = None,
    before: str = "",
    **environ: str,
) -> Terminal:
    """Return a shell that has the hook, loaded after the line *before*, and the command on PATH."""
    terminal = open_terminal(shell, rc="", environ=environ)
    folder = terminal.scratch / "programs"
    folder.mkdir(exist_ok=True)
    if not (folder / "venvhook").exists():
        (folder / "venvhook").symlink_to(terminal.command)
    path = f"{folder}:/usr/local/bin:/usr/bin:/bin"
    export = {
        "fish": f"set -gx PATH {path.replace(':', ' ')}",
        "pwsh": f"$env:PATH = '{path}'",
    }.get(shell.name, f"export PATH={path}")
    load = shell.load_line(terminal.command)
    terminal.rc_file.write_text(f"{shell.prelude}\n{export}\n{before}\n{load}\n")
    terminal.restart(directory)
    return terminal


def _plain(data: bytes) -> bytes:
    """Return *data* without escape sequences and with plain newlines."""
    return re.sub(rb"\r+\n", b"\n", _ESCAPES.sub(b"", data))
