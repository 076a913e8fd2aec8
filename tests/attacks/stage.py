"""A shell under watch: after each line, what a hostile project must never reach is looked at.

A case builds its project through ``Stage.build`` and plays by ``Stage.cd``, ``Stage.prompt`` and
``Stage.run``. After each of these hold, or the case fails: no canary fired; it took less than
LIMIT; the shell answers; ``$?`` is what the user's own line left; nothing came to stdout; what came
to stderr are harmless lines of ours; PATH and its company are as before, byte for byte, or begin
with the one environment that is active.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from attacks.projects import Builder
from checkout import venvhook_command
from terminal import SHELLS, Shell, Terminal

LIMIT = 20.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PYTHONHOME", "PS1")
# Characters of format that reorder a line on the screen (UAX #9).
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What fish writes around each line it reads, on a terminal that can do nothing.
_FISH_OWN = re.compile(rb"\x1b\[\?2004[hl]|\x1e|\r")

_POSIX_TOOLS = r"""
_test_exit() { builtin return "$1"; }
_test_look() {
  _test_status=$?
  %s
  _test_file=$1
  builtin shift
  {
    builtin printf 's%%s\0' "$_test_status"
    for _test_name in "$@"; do
      if %s; then
        builtin printf 's%%s\0' "%s"
      else
        builtin printf 'u\0'
      fi
    done
  } >| "$_test_file"
}
"""
_FISH_TOOLS = r"""
function _test_exit
    return $argv[1]
end
function _test_look
    set -l _test_status $status
    begin
        builtin printf 's%s\0' $_test_status
        for _test_name in $argv[2..]
            if set -q $_test_name
                builtin printf 's%s\0' "$$_test_name"
            else
                builtin printf 'u\0'
            end
        end
    end > $argv[1]
end
"""
_POWERSHELL_TOOLS = r"""
function global:_test_exit($status) { $global:LASTEXITCODE = $status }
function global:_test_look($file) {
    $text = "s$LASTEXITCODE" + [char]0
    foreach ($name in $args) {
        $value = [Environment]::GetEnvironmentVariable($name)
        $text += $(if ($null -eq $value) { 'u' } else { 's' + $value }) + [char]0
    }
    [IO.File]::WriteAllText($file, $text, [Text.UTF8Encoding]::new($false))
}
"""
# What defines _test_exit STATUS and _test_look FILE NAME..., whatever else is redefined.
_TOOLS = {
    "bash": _POSIX_TOOLS % (":", "[[ -n ${!_test_name+x} ]]", "${!_test_name}"),
    "zsh": _POSIX_TOOLS % ("emulate -L zsh", "(( ${(P)+_test_name} ))", "${(P)_test_name}"),
    "fish": _FISH_TOOLS,
    "pwsh": _POWERSHELL_TOOLS,
}
_CD = {
    "bash": "cd -- %s; _test_cd=$?; _test_exit %d",
    "zsh": "cd -- %s; _test_cd=$?; _test_exit %d",
    "fish": "cd -- %s; set -g _test_cd $status; _test_exit %d",
    "pwsh": "Set-Location -LiteralPath %s; $env:_test_cd = [int]!$?; _test_exit %d",
}


@dataclass(frozen=True)
class Column:
    """One column of the table: a *shell* with what it loads, by the line *load* (None: venvhook).

    A *reference* is another tool: nothing is expected of it, what it runs is counted.
    """

    name: str
    shell: Shell
    load: str | None = None
    reference: bool = False


# What plugins do that believe in what is there: shows that the canaries sing.
_CREDULOUS = """
_credulous() {
  if [ "$PWD" != "${_credulous_pwd-}" ] && [ -f .venv/bin/activate ]; then . .venv/bin/activate; fi
  _credulous_pwd=$PWD
}
PROMPT_COMMAND=_credulous
"""
COLUMNS = {
    **{name: Column(name, shell) for name, shell in SHELLS.items()},
    "direnv": Column("direnv", SHELLS["bash"], 'eval "$(direnv hook bash)"', reference=True),
    "credulous": Column("credulous", SHELLS["bash"], _CREDULOUS, reference=True),
}


class _RawTerminal(Terminal):
    """A Terminal that also gives what was written to it as it is, escape sequences and all."""

    @property
    def raw(self) -> bytes:
        """All that the shell wrote since it was started."""
        return self._seen


class WatchedShell:
    """A shell whose stdout and stderr are told apart, with the directory of canaries it may fire.

    bash and zsh write their prompt to stderr, so their stdout goes to a file; fish and PowerShell
    write theirs to stdout, so for them it is the other one.
    """

    def __init__(
        self,
        column: Column,
        scratch: Path,
        setup: str = "",
        environ: Mapping[str, str | bytes | None] | None = None,
        directory: Path | None = None,
        before_load: str = "",
    ) -> None:
        self.shell = column.shell
        self.canaries = scratch / "canaries"
        self._file = scratch / f"other-stream-{time.monotonic_ns()}"
        self._file.write_bytes(b"")
        self._stdout_is_terminal = self.shell.name in ("fish", "pwsh")
        wrapper: tuple[str, ...] = ()
        redirect = f"exec >> {self.shell.word(self._file)}"
        if self._stdout_is_terminal:
            wrapper = ("/bin/sh", "-c", 'exec "$@" 2>> "$0"', str(self._file))
            redirect = ""
        load = column.load or self.shell.load_line(venvhook_command(scratch))
        rc = "\n".join((_TOOLS[self.shell.name], redirect, before_load, load))
        given = {"PATH": f"{scratch}/tools:{SYSTEM_PATH}", **(environ or {})}
        self.terminal = _RawTerminal(self.shell, scratch, rc, directory, given, wrapper)
        self._file_read = 0
        if setup:
            self.terminal.run(setup)
        self.streams()

    def streams(self) -> tuple[bytes, bytes]:
        """Return what came to stdout and to stderr by way of the file; both since the last call."""
        data = self._file.read_bytes()[self._file_read :]
        self._file_read += len(data)
        return (b"", data) if self._stdout_is_terminal else (data, b"")

    def play(self, line: str | bytes) -> Played:
        """Type *line* and return what came of it."""
        seen = len(self.terminal.raw)
        begun = time.monotonic()
        printed = os.fsencode(self.terminal.run(line))
        took = time.monotonic() - begun
        out, err = self.streams()
        if self._stdout_is_terminal:
            out += printed
        else:
            err += printed
        return Played(out, err, self.terminal.raw[seen:], took, self.terminal.prompt)

    def values(self, *names: str) -> tuple[int, dict[str, bytes | None]]:
        """Return ``$?`` and the variables *names*."""
        file = self.terminal.scratch / "look"
        file.unlink(missing_ok=True)
        self.terminal.run(f"_test_look {self.shell.word(file)} {' '.join(names)}")
        status, *found = file.read_bytes().split(b"\0")[:-1]
        assert len(found) == len(names), found
        pairs = zip(names, found, strict=True)
        return int(status[1:]), {n: v[1:] if v.startswith(b"s") else None for n, v in pairs}

    def fired(self) -> list[str]:
        """Return the canaries that fired."""
        return sorted(file.name for file in self.canaries.iterdir())

    def close(self) -> None:
        """End the shell."""
        self.terminal.close()


@dataclass(frozen=True)
class Played:
    """What came of one line: both streams, the terminal's bytes, seconds, the prompt after it."""

    out: bytes
    err: bytes
    raw: bytes
    took: float
    prompt: str


class Stage:
    """One case in one shell: builds, plays, and looks after each line.

    *home* is a directory of this case's own in the shell's HOME; *build* makes what is in it.
    """

    def __init__(self, column: Column, watched: WatchedShell, scratch: Path, home: Path) -> None:
        self.column = column
        self.shell = column.shell
        self.watched = watched
        self.scratch = scratch
        self.home = home
        self.build = Builder(home, watched.canaries)
        self.fired: set[str] = set()
        self.active: bytes | None = None
        self.said: list[str] = []
        self.outcome = ""
        # What the user's own line leaves in $?, to be seen by the next.
        self.status = 3
        self._own: list[WatchedShell] = []
        self._before = watched.values(*TOUCHED)[1]

    # ---- Shells ----------------------------------------------------------------------------------

    def open(
        self,
        setup: str = "",
        environ: Mapping[str, str | bytes | None] | None = None,
        directory: Path | None = None,
        before_load: str = "",
    ) -> None:
        """Play in a new shell from here on, with the line *setup* and the variables *environ*.

        *before_load* is rc text that runs before venvhook is loaded.
        """
        self.watched = WatchedShell(
            self.column, self.scratch, setup, environ, directory, before_load
        )
        self._own.append(self.watched)
        self.remember()

    def shared(self, own: str = "own", foreign: str = "theirs") -> tuple[Path, Path]:
        """Return the user's own environment and a stranger's, in projects of these names.

        Built by the first case that asks, for cases that change nothing in them; no recipe is kept.
        """
        builder = Builder(self.scratch / "home/shared", self.watched.canaries)
        for name, build in ((own, builder.own), (foreign, builder.foreign)):
            if not (builder.home / name).exists():
                build(name)
        shutil.rmtree(self.scratch / "home/.cache/venvhook", ignore_errors=True)
        return builder.home / own / ".venv", builder.home / foreign / ".venv"

    def remember(self) -> None:
        """Take what the shell has now as what it should be given back."""
        self._before = self.watched.values(*TOUCHED)[1]

    def close(self) -> None:
        """End the shells that this case opened."""
        for watched in self._own:
            watched.close()

    # ---- Play ------------------------------------------------------------------------------------

    def cd(self, directory: str | bytes | Path, noisy: bool = False) -> None:
        """Change to *directory*, which must succeed."""
        word = self.shell.quote(os.fsencode(directory))
        text = _CD[self.shell.name] % ("%b", self.status)
        self._act(os.fsencode(text).replace(b"%b", word), noisy)
        if not noisy and not self.column.reference and self.shell.name != "pwsh":
            _status, found = self.watched.values("_test_cd")
            assert found["_test_cd"] == b"0", f"cd {directory!r} failed"

    def prompt(self, noisy: bool = False) -> None:
        """Let the shell show its next prompt; *noisy*: something of the shell's own may be said."""
        self._act(f"_test_exit {self.status}", noisy)

    def run(self, line: str, noisy: bool = False) -> None:
        """Type *line*, whose output is the user's own where *noisy*."""
        self._act(f"{line}; _test_exit {self.status}", noisy)

    def command(self, words: str) -> bytes:
        """Run ``venvhook <words>`` in the shell; return what it printed. Nothing in a reference."""
        if self.column.reference:
            return b""
        call = "& " if self.shell.name == "pwsh" else ""
        played = self._act(f"{call}{self.shell.word(self.watched.terminal.command)} {words}", True)
        return played.out + played.err

    def _act(self, line: str | bytes, noisy: bool = False) -> Played:
        played = self.watched.play(line)
        status, found = self.watched.values(*TOUCHED)
        self._count_fired()
        self.active = found["VENVHOOK_ACTIVE"]
        self.said += [s for s in _text(played.err).splitlines() if s.startswith("venvhook:")]
        if self.column.reference:
            return played
        assert played.took < LIMIT, f"{line!r} took {played.took:.1f} s"
        assert not self.fired, f"after {line!r} something ran: {sorted(self.fired)}"
        self._check_values(found)
        check_prompt(self.shell, played)
        if not noisy:
            assert played.out == b"", f"{line!r} wrote to stdout: {played.out!r}"
            check_messages(played.err)
            assert status == self.status, f"$? is {status} after {line!r}"
        return played

    def _count_fired(self) -> None:
        self.fired.update(self.watched.fired())
        for name in self.watched.fired():
            (self.watched.canaries / name).unlink()

    def _check_values(self, found: Mapping[str, bytes | None]) -> None:
        if self.active is None:
            for name in TOUCHED:
                assert found[name] == self._before[name], (name, found[name], self._before[name])
            return
        path = self._before["PATH"]
        entry = self.active + b"/bin"
        assert found["PATH"] == (entry if path is None else entry + b":" + path)
        assert found["VIRTUAL_ENV"] == self.active
        assert found["VIRTUAL_ENV_PROMPT"]
        assert found["PYTHONHOME"] is None

    # ---- Expectations ----------------------------------------------------------------------------

    def expect(self, active: Path | None, lines: int | None = None) -> None:
        """Fail unless *active* is, and *lines* were said since the last time (None: 0 or 1)."""
        said, self.said = self.said, []
        if self.column.reference:
            return
        wanted = None if active is None else os.fsencode(active)
        assert self.active == wanted, f"active is {self.active!r}, not {wanted!r}; said {said}"
        assert len(said) <= 1 if lines is None else len(said) == lines, f"said {said}"

    def visit(self, root: Path, active: Path | None, lines: int | None = None) -> None:
        """Enter *root*, see a prompt, go deeper, leave, and come back: *active* is there, or none.

        *lines* are said at the first step and none later; None stands for no line where *active*
        is an environment and one where it is not.
        """
        if lines is None:
            lines = 0 if active is not None else 1
        self.outcome = "refused" if active is None else "active"
        self.cd(root)
        self.expect(active, lines)
        self.prompt()
        self.expect(active, 0)
        (root / "sub dir").mkdir(exist_ok=True)
        self.cd(root / "sub dir")
        self.expect(active, 0)
        self.leave()
        self.cd(root)
        self.expect(active, 0)
        self.leave()

    def visit_either(self, root: Path, possible: Path) -> None:
        """As ``visit``, where *possible* or nothing may be active, with at most one line.

        For what is awkward but no attack: a maker that cannot write such a name down, say.
        """
        self.cd(root)
        self.visit_as_seen(root, possible)

    def visit_as_seen(self, root: Path, possible: Path) -> None:
        """The rest of ``visit_either``, standing in *root*."""
        found = possible if self.active == os.fsencode(possible) else None
        self.outcome = "refused" if found is None else "active"
        self.expect(found)
        self.prompt()
        self.expect(found, 0)
        self.leave()
        self.cd(root)
        self.expect(found, 0)
        self.leave()

    def never(self, root: Path) -> None:
        """Enter *root*, go deeper and come back: nothing is active, with at most a line each time.

        Where what is there depends on where one looks from, so that the reason changes too.
        """
        (root / "sub dir").mkdir(exist_ok=True)
        for place in (root, root / "sub dir", root):
            self.cd(place)
            self.expect(None)
            self.prompt()
            self.expect(None, 0)
        self.leave()
        self.outcome = "refused"

    def leave(self) -> None:
        """Go HOME, where nothing is active and nothing is said."""
        self.cd(self.watched.terminal.home)
        self.expect(None, 0)

    def leave_quietly(self) -> None:
        """Go HOME, where nothing is active, whatever was said."""
        self.cd(self.watched.terminal.home)
        self.said.clear()
        self.expect(None, 0)

    def finish(self) -> None:
        """Leave, and look for canaries that fired late."""
        self.cd(self.watched.terminal.home, noisy=True)
        self._count_fired()
        if self.column.reference:
            return
        assert not self.fired, f"something ran late: {sorted(self.fired)}"
        assert self.active is None


Act = Callable[[Stage], None]


def _text(data: bytes) -> str:
    return data.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")


def is_harmless(character: str) -> bool:
    """Return whether *character* draws itself and nothing else; written apart from the product."""
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return False
    return character not in _REORDERING


def check_messages(err: bytes) -> None:
    """Fail unless *err* are whole lines of ours that do nothing to a terminal."""
    text = _text(err)
    assert not text or text.endswith("\n"), f"half a line: {err!r}"
    for line in text.splitlines():
        assert line.startswith("venvhook: "), f"not ours, or more than a line: {err!r}"
    harmful = [c for c in text if c != "\n" and not is_harmless(c)]
    assert not harmful, f"{harmful} in {err!r}"
    assert all(len(line) < 1100 for line in text.splitlines()), f"long: {err!r}"


def check_prompt(shell: Shell, played: Played) -> None:
    """Fail if the prompt, with all that was drawn around it, does something to a terminal."""
    if shell.name == "pwsh":
        return  # it draws with sequences of its own
    # bash and zsh write no more after the last newline; fish draws the line before it, too.
    raw = played.raw
    raw = _FISH_OWN.sub(b"", raw) if shell.name == "fish" else raw.rpartition(b"\n")[2]
    text = raw.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
    harmful = [c for c in text if c != "\n" and not is_harmless(c)]
    assert not harmful, f"{harmful} drawn: {raw!r}"
