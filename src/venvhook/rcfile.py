"""The shells' rc files: which they are, and the one marked block in each that loads the hook.

A block says in itself whatever is needed to take it out again and leave the file byte for byte as
it was, so no record is kept anywhere else:

    # >>> venvhook 5e1f09a2 >>>     a checksum of the lines below, so that an edited one is noticed
    # Added by ...
    # This file had no newline at its end.      a note, where it applies
    ...
    # <<< venvhook <<<
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .asking import answer
from .errors import VenvhookError, shown
from .shells import SHELLS, Shell

BACKUP_SUFFIX = b".venvhook-backup"
SIZE_LIMIT = 16 * 1024 * 1024
# Seconds that a shell may take to say where its rc file is.
ASK_LIMIT = 20

_HEADER = b"# Added by 'venvhook install'; 'venvhook uninstall' takes it out. Do not edit it.\n"
_NO_NEWLINE = b"# This file had no newline at its end.\n"
_MADE = b"# This file was made for it, and directories above it: %d\n"
_END = b"# <<< venvhook <<<\n"
_BLOCK = re.compile(
    rb"^# >>> venvhook ([0-9a-f]{8}) >>>\r?\n(.*?)^# <<< venvhook <<<(?:\r?\n|\Z)", re.M | re.S
)
_MARKER = re.compile(rb"^.*(?:>>> venvhook\b|<<< venvhook\b).*$", re.M)
_MADE_NOTE = re.compile(re.escape(_MADE).replace(b"%d", rb"(\d+)"))

_BASH = b"""\
if [ -n "${%(shell)b_VERSION-}" ] && [ -x %(launcher)b ]; then
  case $- in *i*) eval "$(%(launcher)b init %(name)b --source)" ;; esac
fi
"""
# At the end of any other $( ) zsh runs the TRAPEXIT of the user, whose words would be evaluated.
_ZSH = _BASH.replace(b"$(%", b"$(exec %")
_FISH = b"""\
if status is-interactive; and test -x %(launcher)b
    %(launcher)b init fish --source | builtin source
end
"""
# PowerShell reads its profile for commands and scripts too; '-NoExit -Command' is interactive.
_POWERSHELL = b"""\
if ((Test-Path -LiteralPath %(launcher)b) -and (
    ([Environment]::GetCommandLineArgs() -match '^-noe') -or
    -not ([Environment]::GetCommandLineArgs() -match \
'^-(c|command|f|file|e|ec|enc|encodedcommand|noni|noninteractive)$'))) {
    Invoke-Expression (& %(launcher)b init powershell | Out-String)
}
"""
_LINES = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
# How a shell writes its home directory before the quoted rest of a path.
_HOMES = {"powershell": b"($HOME + %b)"}


@dataclass(frozen=True)
class Block:
    """A block of ours found in a file: the bytes before, in and after it, and what it notes."""

    before: bytes
    lines: bytes
    after: bytes
    newline_added: bytes  # b"" where the file had one at its end
    directories_made: int | None  # None where the file was there before

    def without(self) -> bytes:
        """Return what the file held before the block was added, and what was added since."""
        before = self.before
        # What the user appended since must not be joined to the line that had no end.
        if not self.after:
            before = before.removesuffix(self.newline_added)
        return before + self.after


@dataclass(frozen=True)
class Found:
    """An rc file as it is: *target* is where *path* leads, *status* is None where nothing is."""

    path: bytes
    target: bytes
    status: os.stat_result | None
    content: bytes


# ---- Which files ---------------------------------------------------------------------------------


def rc_files(shell: Shell, executable: str, environ: Mapping[str, str]) -> list[bytes]:
    """Return the files that an interactive *shell* reads.

    Raises VenvhookError where that cannot be told.
    """
    return _RC_FILES[shell.name](executable, environ)


def _home(environ: Mapping[str, str]) -> bytes:
    """Return HOME. Raises VenvhookError where it is not set."""
    home = environ.get("HOME", "")
    if not os.path.isabs(home):
        raise VenvhookError("HOME is not set, so there is no rc file; set it and run this again")
    return os.fsencode(home)


def _bash_files(_executable: str, environ: Mapping[str, str]) -> list[bytes]:
    """Return ``~/.bashrc`` and, on macOS, the file that a login shell reads."""
    home = _home(environ)
    files = [os.path.join(home, b".bashrc")]
    if sys.platform == "darwin":
        # Terminals there start login shells, which read the first of these (bash(1), INVOCATION).
        login = [os.path.join(home, n) for n in (b".bash_profile", b".bash_login", b".profile")]
        files.append(next((file for file in login if os.path.exists(file)), login[0]))
    return files


def _zsh_files(executable: str, environ: Mapping[str, str]) -> list[bytes]:
    """Return ``.zshrc`` where ZDOTDIR has it, as the zsh *executable* sees that."""
    # Asked of zsh, since ZDOTDIR is usually set in .zshenv, which other shells do not read.
    code = 'print -rn -- "${ZDOTDIR:-$HOME}"'
    directory = _answer([executable, "-c", "print -rn -- '>>>>'; " + code], environ)
    directory = directory.rpartition(b">>>>")[2]
    if not os.path.isabs(directory):
        directory = os.fsencode(environ.get("ZDOTDIR", "")) or _home(environ)
    return [os.path.join(directory, b".zshrc")]


def _fish_files(_executable: str, environ: Mapping[str, str]) -> list[bytes]:
    """Return a file of venvhook's own in the ``conf.d`` that fish reads before its config.fish."""
    base = os.fsencode(environ.get("XDG_CONFIG_HOME", ""))
    if not os.path.isabs(base):
        base = os.path.join(_home(environ), b".config")
    return [os.path.join(base, b"fish", b"conf.d", b"venvhook.fish")]


def _powershell_files(executable: str, environ: Mapping[str, str]) -> list[bytes]:
    """Return the user's profile for all hosts, as the PowerShell *executable* names it."""
    code = "[Console]::Out.Write('>>>>' + $PROFILE.CurrentUserAllHosts)"
    options = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", code]
    answer = _answer([executable, *options], environ)
    profile = answer.rpartition(b">>>>")[2].strip()
    if not os.path.isabs(profile):
        raise VenvhookError(f"{executable} does not say where its profile is; run it and try again")
    return [profile]


def _answer(words: list[str], environ: Mapping[str, str]) -> bytes:
    """Return what the command *words* prints, or nothing where it fails or takes too long."""
    return answer(words, environ, ASK_LIMIT, SIZE_LIMIT) or b""


_RC_FILES: dict[str, Callable[[str, Mapping[str, str]], list[bytes]]] = {
    "bash": _bash_files,
    "zsh": _zsh_files,
    "fish": _fish_files,
    "powershell": _powershell_files,
}


def files_to_clean(environ: Mapping[str, str], executables: Mapping[str, str]) -> list[bytes]:
    """Return every file that may hold a block of ours; *executables* are the shells there are."""
    files: list[bytes] = []
    for shell in SHELLS:
        executable = executables.get(shell.name)
        if executable is not None:
            files += rc_files(shell, executable, environ)
    home = _home(environ)
    # A shell may be gone since, or have been told where its files are by a variable.
    files += [os.path.join(home, n) for n in (b".bashrc", b".bash_profile", b".bash_login")]
    files += [os.path.join(home, n) for n in (b".profile", b".zshrc")]
    files += _fish_files("", environ)
    return list(dict.fromkeys(files))


# ---- The block -----------------------------------------------------------------------------------


def loading_lines(shell: Shell, launcher: bytes, home: bytes) -> bytes:
    """Return the lines that load the hook into *shell* by the command *launcher*.

    They do nothing where that is gone and in shells that are not interactive. A path below *home*
    is written with ``$HOME``, so that rc files can be shared between machines.
    """
    values = {
        b"shell": shell.name.upper().encode(),
        b"name": shell.name.encode(),
        b"launcher": _launcher_word(shell, launcher, home),
    }
    return _LINES[shell.name] % values


def _launcher_word(shell: Shell, launcher: bytes, home: bytes) -> bytes:
    """Return *launcher* as a word of *shell*, from ``$HOME`` where it is below *home*."""
    home = home.rstrip(b"/")
    if not home or not launcher.startswith(home + b"/"):
        return shell.quote(launcher)
    rest = launcher[len(home) :]
    if shell.name in _HOMES:
        return _HOMES[shell.name] % shell.quote(rest)
    if re.fullmatch(rb"[\w./+-]+", rest):
        return b'"$HOME' + rest + b'"'
    return b'"$HOME"' + shell.quote(rest)


def block_text(lines: bytes) -> bytes:
    """Return *lines* between our markers, which carry their checksum."""
    return b"# >>> venvhook %08x >>>\n" % _checksum(lines) + lines + _END


def _checksum(lines: bytes) -> int:
    """Return the checksum of a block's *lines*."""
    # An editor may have changed every line ending of the file.
    return zlib.crc32(lines.replace(b"\r\n", b"\n"))


def find_block(content: bytes, path: bytes) -> Block | None:
    """Return our block in *content*, or None where there is none.

    Raises VenvhookError, with the line, where there is half a block, more than one, or one that was
    edited: what is not exactly ours is not touched.
    """
    markers = list(_MARKER.finditer(content))
    if not markers:
        return None
    match = _BLOCK.search(content)
    where = f"{shown(path)}, line {content.count(10, 0, markers[0].start()) + 1}"
    if match is None or len(markers) != 2:
        raise VenvhookError(
            f"{where}: no whole venvhook block, or more than one;"
            " take these lines out by hand and run this again"
        )
    lines = match[2].replace(b"\r\n", b"\n")
    if int(match[1], 16) != _checksum(lines):
        raise VenvhookError(
            f"{where}: the venvhook block was edited; take it out by hand and run this again"
        )
    made = _MADE_NOTE.search(lines)
    newline = b"\r\n" if match[0].partition(b"\n")[0].endswith(b"\r") else b"\n"
    return Block(
        before=content[: match.start()],
        lines=lines,
        after=content[match.end() :],
        # An editor may have changed every line ending of the file.
        newline_added=newline if _NO_NEWLINE in lines else b"",
        directories_made=int(made[1]) if made else None,
    )


# ---- Adding and taking out -----------------------------------------------------------------------


def add_block(path: bytes, loading: bytes) -> str:
    """Put a block with the lines *loading* into the file *path*; return what was done.

    That is 'added', 'updated' or 'unchanged'. Raises VenvhookError where it cannot be done.
    """
    found = look_at(path)
    block = find_block(found.content, path)
    if block is not None:
        return _update(found, block, loading)
    notes = b""
    if found.status is None:
        made = _make_directories(os.path.dirname(found.target))
        notes = _MADE % made
    elif found.content and not found.content.endswith(b"\n"):
        notes = _NO_NEWLINE
    if found.status is not None:
        _back_up(found)
    start = found.content + (b"\n" if notes == _NO_NEWLINE else b"")
    _write(found, start + block_text(_HEADER + notes + loading))
    return "added"


def _update(found: Found, block: Block, loading: bytes) -> str:
    """Put *loading* in the place of the lines of *block*, whose notes stay."""
    notes = _NO_NEWLINE if block.newline_added else b""
    if block.directories_made is not None:
        notes += _MADE % block.directories_made
    lines = _HEADER + notes + loading
    if lines == block.lines:
        return "unchanged"
    _write(found, block.before + block_text(lines) + block.after)
    return "updated"


def remove_block(path: bytes) -> str:
    """Take our block out of the file *path*; return what was done.

    That is '' where there is none, 'removed', 'restored' where the file is byte for byte as in its
    backup (which goes then), or 'deleted' where it was made for the block. Raises VenvhookError.
    """
    if _is_missing(path):
        return ""
    found = look_at(path)
    block = find_block(found.content, path)
    if block is None:
        return ""
    content = block.without()
    if block.directories_made is not None and not content and not os.path.islink(path):
        _delete(path, block.directories_made)
        return "deleted"
    _write(found, content)
    return "restored" if _drop_backups(path, content) else "removed"


def _is_missing(path: bytes) -> bool:
    """Return whether there is no file *path*, nor where it leads as a link."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # It may be there.
    return False


def look_at(path: bytes) -> Found:
    """Return the rc file *path* as it is. Raises VenvhookError where it must not be edited."""
    target = os.path.realpath(path)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.lexists(path):
            raise VenvhookError(f"{shown(path)}: is a link to nothing; mend or remove it") from None
        return Found(path, target, None, b"")
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise VenvhookError(f"{shown(path)}: is no regular file; move it away and run this again")
    if status.st_size > SIZE_LIMIT:
        raise VenvhookError(f"{shown(path)}: is too large for an rc file; see whether it is one")
    try:
        with open(target, "rb") as file:
            return Found(path, target, status, file.read())
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: bytes, error: OSError) -> VenvhookError:
    return VenvhookError(
        f"{shown(path)}: cannot be read ({error.strerror}); mend that and run this again"
    )


def _check_writable(found: Found) -> None:
    """Raise VenvhookError where the file is another user's, or was made read-only."""
    if found.status is None or os.name == "nt":
        return
    if found.status.st_uid != os.geteuid():
        reason = f"belongs to user {found.status.st_uid}, not to you"
    elif not found.status.st_mode & stat.S_IWUSR:
        reason = "is read-only"
    else:
        return
    raise VenvhookError(
        f"{shown(found.path)}: {reason}; not changed:"
        " change that and run this again, or see 'venvhook install --no-rc'"
    )


def _make_directories(directory: bytes) -> int:
    """Create *directory* with what is missing above it; return how many were made."""
    missing = []
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for path in reversed(missing):
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            raise VenvhookError(f"{shown(path)}: cannot be made ({error.strerror})") from error
    return len(missing)


def _delete(path: bytes, directories: int) -> None:
    """Delete *path* and as many *directories* above it as are empty."""
    try:
        os.unlink(path)
    except OSError as error:
        raise VenvhookError(f"{shown(path)}: cannot be removed ({error.strerror})") from error
    for _ in range(directories):
        path = os.path.dirname(path)
        try:
            os.rmdir(path)
        except OSError:  # Something else is in it by now.
            return


def _write(found: Found, content: bytes) -> None:
    """Give the file its new *content*, whole or not at all; mode, owner and links stay."""
    _check_writable(found)
    directory, name = os.path.split(found.target)
    temporary = os.path.join(directory, b"." + name.lstrip(b".") + b".venvhook-%d" % os.getpid())
    try:
        if found.status is not None and found.status.st_nlink > 1:
            _overwrite(found.target, content)
            return
        try:
            _write_new(temporary, content, found)
            os.replace(temporary, found.target)
        finally:
            if os.path.lexists(temporary):
                os.unlink(temporary)
    except OSError as error:
        reason = error.strerror or str(error)
        raise VenvhookError(
            f"{shown(found.path)}: cannot be written ({reason}); not changed"
        ) from error


def _overwrite(path: bytes, content: bytes) -> None:
    """Write *content* in place: a file with a second name would lose that by a rename."""
    with open(path, "r+b") as file:
        file.write(content)
        file.truncate()
        os.fsync(file.fileno())


def _write_new(path: bytes, content: bytes, like: Found) -> None:
    """Write *content* to the new file *path*, with the mode, owner and attributes of *like*."""
    with open(path, "xb") as file:
        if like.status is not None:
            shutil.copystat(like.target, path)
            if os.name != "nt" and os.fstat(file.fileno()).st_gid != like.status.st_gid:
                os.chown(path, -1, like.status.st_gid)
                os.chmod(path, stat.S_IMODE(like.status.st_mode))
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.utime(path)


# ---- Backups -------------------------------------------------------------------------------------


def _back_up(found: Found) -> None:
    """Keep a copy of the file beside *found.path*; an older copy of other content stays."""
    _check_writable(found)
    for number in range(1, 100):
        backup = _backup_name(found.path, number)
        try:
            if _content(backup) == found.content:
                return
            _write_new(backup, found.content, found)
        except FileExistsError:
            continue
        except OSError as error:
            raise VenvhookError(
                f"{shown(backup)}: no backup can be written ({error.strerror}); nothing changed"
            ) from error
        return
    raise VenvhookError(f"{shown(found.path)}: has 99 backups; remove some and run this again")


def _backup_name(path: bytes, number: int) -> bytes:
    """Return the name of backup *number*, from 1, of *path*."""
    return path + BACKUP_SUFFIX + (b"" if number == 1 else b"-%d" % number)


def _content(path: bytes) -> bytes | None:
    """Return what the regular file *path* holds, or None."""
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read()


def _drop_backups(path: bytes, content: bytes) -> bool:
    """Delete the backups of *path* that hold just *content*; return whether none is left.

    One that differs stays: the file was edited since, and the older text may be wanted.
    """
    names = [_backup_name(path, number) for number in range(1, 100)]
    kept = False
    for backup in (name for name in names if os.path.lexists(name)):
        try:
            if _content(backup) == content:
                os.unlink(backup)
            else:
                kept = True
        except OSError:
            kept = True
    return not kept
