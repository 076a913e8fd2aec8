"""The proof that a shell works: a real one with its own startup files, in a pseudo-terminal.

It enters and leaves a throw-away project with a real environment, and says by its own clock how
long that took. Whatever the startup files do instead (wait, ask, start another program), the proof
ends in a reason within LIMIT seconds, and nothing that they started keeps running.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from .decision import decisions_below
from .directories import state_directory
from .errors import VenvhookError, shown
from .recipe import recipe_cache
from .shells import Shell

# Seconds until the first prompt, and again for all that is typed after it.
LIMIT = 10.0
# Seconds without output after which startup files are taken to be done, and to wait for output.
_QUIET, _FIRST_OUTPUT = 0.15, 1.0
_ROWS_AND_COLUMNS = (40, 200)
_OUTPUT_KEPT = 256 * 1024

# A terminal is asked where its cursor is and what it is; some shells wait for the answer.
_QUESTIONS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?6c", b"\x1b[0c": b"\x1b[?6c"}
_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]", re.S)

# What would make the shell differ from one in a new terminal: environments active here.
_NOT_INHERITED = (
    "VENVHOOK_ACTIVE",
    "VENVHOOK_GUARDED",
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "_OLD_VIRTUAL_PATH",
    "_OLD_VIRTUAL_PS1",
    "_OLD_VIRTUAL_PYTHONHOME",
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CONDA_PROMPT_MODIFIER",
    "CONDA_SHLVL",
    "PYTHONHOME",
)
# Where programs that startup files attach to keep their sockets: never to the user's own sessions.
_SESSIONS = ("TMUX_TMPDIR", "SCREENDIR", "ZELLIJ_SOCKET_DIR")


class UnprovedError(VenvhookError):
    """The shell does not do what it should; the message says what was seen."""


@dataclass(frozen=True)
class Proof:
    """What a proved shell is: its *version*, and its times as text ('' where it has no clock)."""

    version: str
    times: str


@dataclass(frozen=True)
class Dialect:
    """How a shell is started and spoken to.

    *arguments* start it as a terminal does, and keep what is typed out of its history. *hello*,
    *report* and *rounds* are lines to type, with ``@`` for a word that is new each time: they print
    ``VH<word><``, what was asked for, and ``><word>``, and no part of the line looks like that.
    *hello* asks for: version, whether the hook is loaded, the first marker name, whether it is
    switched off, and a session of tmux or the like; *report* for VIRTUAL_ENV and PATH; *rounds*
    for times, between the directories ``IN`` and ``OUT``. *read_times* makes text of that.
    """

    arguments: tuple[str, ...]
    hello: str
    report: str
    rounds: str
    read_times: Callable[[str], str]
    cd: str = " cd %b"


def _enter_and_leave(text: str) -> str:
    """Return the times in *text*: rounds of two clock readings each around enter and leave."""
    readings = [float(word.replace(",", ".")) for word in text.split()]
    if len(readings) < 4 or len(readings) % 4:
        return ""
    enter = (b - a for a, b in zip(readings[0::4], readings[1::4], strict=True))
    leave = (b - a for a, b in zip(readings[2::4], readings[3::4], strict=True))
    middles = [1e6 * statistics.median(list(times)) for times in (enter, leave)]
    return f"enter {middles[0]:.0f} us  leave {middles[1]:.0f} us"


def _both(text: str) -> str:
    """Return the time in *text*: two series of nanoseconds, with the hook and without.

    Between two readings are ten rounds, and starting date(1); the difference is the hook alone.
    """
    words = text.split()
    # Where date(1) knows no %N it prints the letter.
    if len(words) < 4 or len(words) % 2 or not all(word.isdigit() for word in words):
        return ""
    readings = [int(word) for word in words]
    half = len(readings) // 2
    batches = [[b - a for a, b in pairwise(r)] for r in (readings[:half], readings[half:])]
    hooked, bare = (statistics.median(batch) for batch in batches)
    return f"enter and leave {max(hooked - bare, 0) / 10 / 1000:.0f} us"


def _no_times(_text: str) -> str:
    """Return nothing, for a shell that is asked for no times."""
    return ""


_POSIX_HELLO = (
    ' printf \'VH%s<%s|%s|%s|%s|%s>%s\\n\' @ "${VERSION-}" "$(command -v _venvhook_hook)"'
    ' "${VENVHOOK_NAMES-}" "${VENVHOOK_OFF-}" "${TMUX-}${STY-}${ZELLIJ-}" @'
)
_POSIX_REPORT = ' printf \'VH%s<%s|%s>%s\\n\' @ "${VIRTUAL_ENV-}" "$PATH" @'
# The clock is read around the hook alone: 'cd' is called without it. In fish it cannot be, and the
# builtins know no clock, so there the same is done again without the hook.
_POSIX_ROUNDS = (
    " _vh() { local i=0 a b c d; CLOCK; while [ $i -lt 21 ]; do i=$((i + 1));"
    ' CD "$1"; a=$EPOCHREALTIME; _venvhook_hook; b=$EPOCHREALTIME;'
    ' CD "$2"; c=$EPOCHREALTIME; _venvhook_hook; d=$EPOCHREALTIME;'
    " printf '%s ' $a $b $c $d; done; }; printf 'VH%s<' @; _vh IN OUT; printf '>%s\\n' @"
)
_LOGIN = ("-l",) if sys.platform == "darwin" else ()

_DIALECTS = {
    "bash": Dialect(
        arguments=(*_LOGIN, "-i"),
        hello=" unset HISTFILE;" + _POSIX_HELLO.replace("VERSION", "BASH_VERSION"),
        report=_POSIX_REPORT,
        rounds=_POSIX_ROUNDS.replace("CLOCK", ":").replace("CD", "builtin cd"),
        read_times=_enter_and_leave,
    ),
    "zsh": Dialect(
        # With the space before each line nothing is kept, also where history is written at once.
        arguments=(*_LOGIN, "-i", "-o", "histignorespace"),
        hello=" unset HISTFILE;" + _POSIX_HELLO.replace("VERSION", "ZSH_VERSION"),
        report=_POSIX_REPORT,
        rounds=_POSIX_ROUNDS.replace("CLOCK", "zmodload zsh/datetime").replace(
            "CD", "builtin cd -q"
        ),
        read_times=_enter_and_leave,
    ),
    "fish": Dialect(
        arguments=(*_LOGIN, "-i", "--private"),
        hello=(
            " functions -q _venvhook_hook; and set -g _vh yes;"
            ' printf \'VH%s<%s|%s|%s|%s|%s>%s\\n\' @ "$FISH_VERSION" "$_vh"'
            ' "$VENVHOOK_NAMES" "$VENVHOOK_OFF" "$TMUX$STY$ZELLIJ" @'
        ),
        report=' printf \'VH%s<%s|%s>%s\\n\' @ "$VIRTUAL_ENV" "$PATH" @',
        rounds=(
            " set -g _vh; for i in (seq 44); set -a _vh (date +%s%N);"
            " test $i = 22; and functions -e _venvhook_prompt;"
            " for j in 1 2 3 4 5 6 7 8 9 10; builtin cd IN; builtin cd OUT; end; end;"
            " printf 'VH%s<%s>%s\\n' @ \"$_vh\" @"
        ),
        read_times=_both,
    ),
    "powershell": Dialect(
        arguments=("-NoLogo",),
        hello=(
            " 'VH{0}<{1}|{2}|{3}|{4}|{5}>{0}' -f '@', $PSVersionTable.PSVersion,"
            " [string](Get-Command _venvhook_* -ErrorAction Ignore | Select-Object -First 1),"
            ' $env:VENVHOOK_NAMES, $env:VENVHOOK_OFF, "$env:TMUX$env:STY$env:ZELLIJ"'
        ),
        report=" 'VH{0}<{1}|{2}>{0}' -f '@', $env:VIRTUAL_ENV, $env:PATH",
        rounds=" 'VH{0}<>{0}' -f '@'",
        read_times=_no_times,
    ),
}


def prove(shell: Shell, executable: str, environ: Mapping[str, str]) -> Proof:
    """Return the proof of *shell*, started from *executable*.

    Raises UnprovedError with the reason.
    """
    if os.name == "nt":
        raise UnprovedError("not proved: there is no pseudo-terminal here; open a new one and try")
    with tempfile.TemporaryDirectory(prefix="venvhook-proof-") as made:
        scratch = os.path.realpath(made)
        for name in ("outside", *_SESSIONS):
            os.mkdir(os.path.join(scratch, name), 0o700)
        dialect = _DIALECTS[shell.name]
        words = [executable, *dialect.arguments]
        home = environ.get("HOME", "")
        started_in = home if os.path.isdir(home) else scratch
        try:
            with _terminal(words, started_in, _environ_in(scratch, environ)) as terminal:
                return _prove_in(Conversation(terminal, shell, dialect), scratch, environ)
        finally:
            _end_sessions(scratch)
            _forget_recipes(scratch, environ)


def _environ_in(scratch: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a new terminal."""
    inherited = {name: value for name, value in environ.items() if name not in _NOT_INHERITED}
    inherited |= {name: os.path.join(scratch, name) for name in _SESSIONS}
    if inherited.get("TERM", "dumb") == "dumb":
        inherited["TERM"] = "xterm-256color"
    return inherited


def _end_sessions(scratch: str) -> None:
    """End the tmux servers that startup files have started in *scratch*."""
    sockets = os.path.join(scratch, "TMUX_TMPDIR")
    tmux = shutil.which("tmux")
    for directory, _, names in os.walk(sockets):
        for name in names if tmux else ():
            words = [str(tmux), "-S", os.path.join(directory, name), "kill-server"]
            subprocess.run(words, check=False, capture_output=True, timeout=LIMIT)  # noqa: S603  # our own socket


def _forget_recipes(scratch: str, environ: Mapping[str, str]) -> None:
    """Remove what is kept about what was in *scratch*."""
    state = state_directory(environ)
    decisions = None if state is None else decisions_below(state)
    for base in (recipe_cache(environ), decisions):
        if base is not None:
            shutil.rmtree(base + os.fsencode(scratch), ignore_errors=True)


def _prove_in(talk: Conversation, scratch: str, environ: Mapping[str, str]) -> Proof:
    """Enter and leave a project in the shell of *talk*."""
    version, loaded, names, off, session = talk.hello()
    if not version:
        raise UnprovedError("its startup files start another shell in its place")
    if session and session != "".join(environ.get(n, "") for n in ("TMUX", "STY", "ZELLIJ")):
        raise UnprovedError("its startup files start tmux or the like, so it could not be tried")
    if not loaded:
        raise UnprovedError(
            "its startup files do not load the hook; is a 'return' or 'exec' before the block?"
        )
    if off:
        raise UnprovedError("its startup files set VENVHOOK_OFF, so nothing is activated")
    marker = re.split(r"[:\s]+", names.strip() or ".venv")[0]
    project, outside = os.path.join(scratch, "app"), os.path.join(scratch, "outside")
    environment = os.path.join(project, marker)
    os.mkdir(project)
    venv.create(environment, symlinks=True, with_pip=False)
    _check_entered(talk, project, environment)
    _check_left(talk, outside, environment)
    times = talk.dialect.read_times(talk.times(project, outside))
    return Proof(shown(version.partition("(")[0].encode(), 40), times)


def _check_entered(talk: Conversation, project: str, environment: str) -> None:
    """Go to *project*, and raise UnprovedError unless *environment* is active then."""
    active, path = talk.report_after_cd(project)
    if active != environment:
        found = f"{shown(os.fsencode(active))} is" if active else "no environment is"
        raise UnprovedError(f"{found} active after entering a project; {talk.last_line()}")
    python = shutil.which("python", path=path)
    if python != os.path.join(environment, "bin", "python"):
        shadow = shown(os.fsencode(python or "nothing"))
        raise UnprovedError(f"after entering a project 'python' is {shadow}, not the project's")


def _check_left(talk: Conversation, outside: str, environment: str) -> None:
    """Leave for *outside*, and raise UnprovedError unless nothing of *environment* is left."""
    active, path = talk.report_after_cd(outside)
    if active or os.path.join(environment, "bin") in path.split(os.pathsep):
        raise UnprovedError(f"the environment is still active after leaving; {talk.last_line()}")


# ---- Talking to a shell --------------------------------------------------------------------------


class Conversation:
    """Questions to the shell in a terminal, and its answers. Each raises UnprovedError."""

    def __init__(self, terminal: Terminal, shell: Shell, dialect: Dialect) -> None:
        self.terminal = terminal
        self.shell = shell
        self.dialect = dialect
        self._deadline = time.monotonic() + LIMIT

    def hello(self) -> list[str]:
        """Return what the shell says to the first line, typed when its startup seems done."""
        self.terminal.settle(self._deadline)
        answer = self._ask(self.dialect.hello).split("|")
        self._deadline = time.monotonic() + LIMIT
        if len(answer) != 5:
            raise UnprovedError(f"does not answer as it should; {self.last_line()}")
        return answer

    def report_after_cd(self, directory: str) -> tuple[str, str]:
        """Change to *directory*, and return VIRTUAL_ENV and PATH at the next prompt."""
        line = self.dialect.cd.encode() % self.shell.quote(os.fsencode(directory))
        self.terminal.type(line + b"\r")
        active, _, path = self._ask(self.dialect.report).partition("|")
        return active, path

    def times(self, inside: str, outside: str) -> str:
        """Return the clock's readings around many changes between the two directories."""
        return self._ask(self.dialect.rounds, IN=inside, OUT=outside)

    def last_line(self) -> str:
        """Return what the shell showed last, as the end of a reason."""
        text = _ESCAPES.sub(b"", self.terminal.output).replace(b"\r", b"\n")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # Not what was typed.
        lines = [line for line in lines if not re.search(rb"VH%s|VH\{0\}", line)]
        return f"it showed last: {shown(lines[-1], 80)}" if lines else "it showed nothing"

    def _ask(self, line: str, **paths: str) -> str:
        """Type *line*, with the values of *paths* for their names, and return what it prints."""
        word = secrets.token_hex(4)
        quoted = {name: self.shell.quote(os.fsencode(path)) for name, path in paths.items()}
        quoted["@"] = word.encode()
        names = re.compile("|".join(quoted).encode())
        typed = names.sub(lambda found: quoted[found[0].decode()], line.encode())
        self.terminal.type(typed + b"\r")
        pattern = re.compile(b"VH%b<(.*?)>%b" % (word.encode(), word.encode()), re.S)
        match = self.terminal.wait_for(pattern, self._deadline)
        if match is None:
            raise UnprovedError(self._silence())
        return os.fsdecode(match[1])

    def _silence(self) -> str:
        """Return why no answer came."""
        if self.terminal.ended:
            return f"ended before its first prompt; {self.last_line()}"
        program = self.terminal.program_besides(self.shell.name, *self.shell.aliases)
        doing = f"run {program}" if program else "wait for something"
        return f"no prompt within {LIMIT:.0f} s: its startup files {doing}; {self.last_line()}"


class Terminal:
    """A pseudo-terminal with a program in it."""

    def __init__(self, pid: int, master: int) -> None:
        self.output = b""
        self.ended = False
        self.pid = pid
        self.master = master

    def type(self, keys: bytes) -> None:
        """Press *keys*; where the program has ended, nothing happens."""
        try:
            while keys:
                keys = keys[os.write(self.master, keys) :]
        except OSError:
            self.ended = True

    def settle(self, deadline: float) -> None:
        """Read until the program has written something and then nothing for a moment."""
        while not self.ended and time.monotonic() < deadline:
            if not self._read(_QUIET if self.output else _FIRST_OUTPUT):
                return

    def wait_for(self, pattern: re.Pattern[bytes], deadline: float) -> re.Match[bytes] | None:
        """Return the match of *pattern* in the output, or None at *deadline* or the end."""
        while (match := pattern.search(self.output)) is None:
            left = deadline - time.monotonic()
            if self.ended or left <= 0 or not self._read(left):
                return None
        return match

    def _read(self, seconds: float) -> bool:
        """Read what comes within *seconds*; return whether anything came."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux reports the end of a pseudo-terminal as EIO
            data = b""
        self.ended = not data
        self.output = (self.output + data)[-_OUTPUT_KEPT:]
        for question, answer in _QUESTIONS.items():
            if question in data:
                self.type(answer)
        return bool(data)

    def program_besides(self, *names: str) -> str:
        """Return the name of a program that is not called *names* and runs in here, or ''.

        That is the one in the foreground, the one in the shell's place, or a child of it.
        """
        try:
            group = os.tcgetpgrp(self.master)
            words = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "comm="]
            asked = subprocess.run(words, check=False, capture_output=True, timeout=LIMIT)  # noqa: S603  # no input
        except (OSError, subprocess.TimeoutExpired):
            return ""
        for line in asked.stdout.splitlines():
            process, parent, command = (*line.split(None, 2), b"", b"", b"")[:3]
            name = shown(os.path.basename(command.lstrip(b"-")), 40)
            near = {group, self.pid} & {int(process or 0), int(parent or 0)}
            if near and name not in names:
                return name
        return ""

    def close(self) -> None:
        """End the program and what it has in the foreground, at once and for certain."""
        groups = {self.pid}
        with suppress(OSError):
            groups.add(os.tcgetpgrp(self.master))
        os.close(self.master)  # A hangup, as when a window is closed.
        for group in groups - {0, os.getpgrp()}:
            try:
                os.killpg(group, signal.SIGKILL)
            except OSError:  # It is gone, as most are by now.
                continue
        os.waitpid(self.pid, 0)


@contextmanager
def _terminal(words: list[str], directory: str, environ: dict[str, str]) -> Iterator[Terminal]:
    """Start *words* in a pseudo-terminal, and end it at the end."""
    # Not on Windows; and only a proof pays for it.
    import fcntl
    import pty
    import struct
    import termios

    pid, master = pty.fork()
    if pid == 0:
        try:
            os.chdir(directory)
            size = struct.pack("HHHH", *_ROWS_AND_COLUMNS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these
                signal.signal(number, signal.SIG_DFL)
            environ["PWD"] = directory
            os.execve(words[0], words, environ)  # noqa: S606  # the user's own shell
        except OSError as error:
            os.write(2, os.fsencode(f"cannot start {words[0]}: {error.strerror}\r\n"))
        finally:
            os._exit(127)
    terminal = Terminal(pid, master)
    try:
        yield terminal
    finally:
        terminal.close()
