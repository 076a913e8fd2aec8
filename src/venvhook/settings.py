"""``config.toml`` as the commands show and change it: each setting's source, and new values.

What is changed is the text: comments, order and line ends stay. It takes the old one's place whole
or not at all, where a link leads, with the mode it had.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .binding import tell_shells
from .caller import home_directory
from .config import (
    FILE,
    LIMIT,
    NAMES,
    SETTINGS,
    SWITCH,
    SWITCHES,
    Setting,
    expanded,
    file_that_counts,
    is_of_another,
    read_text,
    require_own_way,
    variables_of,
    way_of,
)
from .configtext import ROWS, lines_of, mistake, nearest, parse, table_of
from .decision import existing_state
from .directories import config_directory, is_owned, make
from .environment import Unusable, read_file
from .errors import UsageError, VenvhookError, shown

try:
    import fcntl
except ImportError:
    HAS_LOCKS = False  # Windows
else:
    HAS_LOCKS = True

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from .config import Value

DEFAULT, IN_FILE, IN_VARIABLE = "default", "file", "variable"


# ---- Looking -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """The *value* of one *setting*; *source* is DEFAULT, IN_FILE (on *line*) or IN_VARIABLE."""

    setting: Setting
    value: Value
    source: str = DEFAULT
    file: bytes = b""
    line: int = 0

    @property
    def origin(self) -> str:
        """The source in words: 'default', a variable's name, or the file and the line."""
        if self.source == IN_FILE:
            return f"{shown(self.file)}:{self.line}"
        return self.setting.variable if self.source == IN_VARIABLE else self.source


def config_path(environ: Mapping[str, str]) -> bytes:
    """Return the path of ``config.toml``, there or not. Raises VenvhookError without a HOME."""
    directory = config_directory(environ)
    if directory is None:
        raise VenvhookError("HOME is not set, so there is no place for settings; set it")
    return os.path.join(directory, FILE)


def setting_named(name: str) -> Setting:
    """Return the setting *name*. Raises UsageError that names the nearest one."""
    if name not in ROWS:
        quoted = shown(os.fsencode(name), 40)
        raise UsageError(f"no setting is called '{quoted}'; {nearest(name)}")
    return ROWS[name]


def entries(environ: Mapping[str, str]) -> list[Entry]:
    """Return every setting, in the order of the table. Raises VenvhookError for a mistake."""
    variables = variables_of(environ)
    file = file_that_counts(environ) or b""
    values: dict[str, Value] = {}
    lines: dict[str, int] = {}
    if file:
        text, _found = read_text(file)
        values = expanded(parse(file, text, environ), environ)
        lines = lines_of(text.decode())
    found = []
    for row in SETTINGS:
        if row.name in variables:
            found.append(Entry(row, variables[row.name], IN_VARIABLE))
        elif row.name in values:
            found.append(Entry(row, values[row.name], IN_FILE, file, lines.get(row.name, 0)))
        else:
            found.append(Entry(row, row.default))
    return found


def is_disregarded(environ: Mapping[str, str]) -> bool:
    """Return whether there is a ``config.toml`` that does not count, as it is another user's."""
    directory = config_directory(environ)
    if directory is None or not os.path.lexists(os.path.join(directory, FILE)):
        return False
    return is_of_another(directory, environ)


def text_of(value: Value) -> str:
    """Return *value* as TOML shows it, for a terminal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    items = (item.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for item in value)
    return "[" + ", ".join(f'"{shown(item)}"' for item in items) + "]"


# ---- Changing ------------------------------------------------------------------------------------


def value_of(setting: Setting, words: tuple[bytes, ...], environ: Mapping[str, str]) -> Value:
    """Return the value that a person means who types *words*. Raises UsageError."""
    value: Value | None
    if setting.is_list:
        # A name holds no space, so it may also be one word with all of them.
        value = tuple(b" ".join(words).split()) if setting.kind == NAMES else words
    elif len(words) == 1:
        word = words[0].decode("utf-8", "surrogateescape")
        value = SWITCHES.get(word) if setting.kind == SWITCH else word
    else:
        value = None
    wrong = mistake(setting, value, environ)
    if wrong:
        raise UsageError(wrong)
    return value if value is not None else ""


def set_value(
    name: str, words: tuple[bytes, ...], environ: Mapping[str, str]
) -> tuple[list[str], str]:
    """Set *name* to what *words* say; return what was done, and what else is wrong in the file.

    Raises UsageError for a wrong name or value, VenvhookError where the file cannot be changed.
    """
    setting = setting_named(name)
    value = value_of(setting, words, environ)
    plain = _plain(value)
    with _changing(environ) as file:
        _write(file, _text_with(file, name, plain))
    done = [f"{name} = {text_of(value)} in {shown(file.path)}"]
    return done + _overruled(setting, environ), _remaining_mistake(environ)


def unset(name: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Take *name* out of the file, whether or not there is such a setting; return as ``set_value``.

    Raises UsageError for one that is neither there nor a setting.
    """
    with _changing(environ) as file:
        where = shown(file.path)
        if name not in table_of(where, file.text):
            setting: Setting | None = setting_named(name)
            done = [f"{name} is not set in {where}"]
        else:
            _write(file, _text_with(file, name, None))
            setting = ROWS.get(name)
            now = f"; now it is {text_of(setting.default)}, the default" if setting else ""
            done = [f"{shown(name.encode(), 40)} was taken out of {where}{now}"]
    return done + _overruled(setting, environ), _remaining_mistake(environ)


def _plain(value: Value) -> object:
    """Return *value* as TOML's types. Raises UsageError for what is no text."""
    if not isinstance(value, tuple):
        return value
    try:
        return [item.decode() for item in value]
    except UnicodeDecodeError as error:
        raise UsageError(
            f"'{shown(error.object)}' is not UTF-8, so it cannot be in {FILE.decode()}; rename it"
        ) from None


def _overruled(setting: Setting | None, environ: Mapping[str, str]) -> list[str]:
    """Return that a variable counts before what the file says, if one does."""
    text = environ.get(setting.variable, "") if setting is not None else ""
    if setting is None or not text:
        return []
    return [f"but {setting.variable} is '{shown(os.fsencode(text))}' in this shell, and that wins"]


def _remaining_mistake(environ: Mapping[str, str]) -> str:
    """Return what is not understood in the file as it is now, or nothing."""
    try:
        file = file_that_counts(environ)
        if file is not None:
            parse(file, read_text(file)[0], environ)
    except VenvhookError as error:
        return str(error)
    return ""


def _text_with(file: _File, name: str, value: object) -> str:
    """Return the text of *file* where *name* is *value*, or is not set for None.

    Raises VenvhookError where another value would change with it.
    """
    # As long as all of the others together to import.
    import tomlkit

    where = shown(file.path)
    old = table_of(where, file.text)
    expected = {key: other for key, other in old.items() if key != name}
    if value is not None:
        expected[name] = value
    if old == expected and type(old.get(name)) is type(value):
        return file.text
    for change in (_change_in_place, _change_whole):
        try:
            document = tomlkit.parse(file.text)
            change(document, name, value)
            text = _with_line_ends_of(file.text, tomlkit.dumps(document))
            if tomllib.loads(text) == expected:
                return text
        except (tomlkit.exceptions.TOMLKitError, ValueError):
            continue
    raise VenvhookError(f"{where}: {name} cannot be changed alone; use 'venvhook config edit'")


def _change_in_place(document: TOMLDocument, name: str, value: object) -> None:
    """Let *name* be *value*, by as few items of a list as may be: comments stand between them."""
    array = document.get(name)
    if not isinstance(array, list) or not isinstance(value, list):
        _change_whole(document, name, value)
        return
    for item in [item for item in array if item not in value]:
        array.remove(item)
    for item in value[len(array) :]:
        array.append(item)


def _change_whole(document: TOMLDocument, name: str, value: object) -> None:
    if value is None:
        document.remove(name)
    else:
        document[name] = value


def _with_line_ends_of(old: str, new: str) -> str:
    """Return *new* with carriage returns at the ends of its lines if *old* has them."""
    plain = new.replace("\r\n", "\n")
    if "\r\n" in old and old.count("\n") == old.count("\r\n"):
        return plain.replace("\n", "\r\n")
    return new


# ---- The file ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """``config.toml`` as it was read: *target* is where *path* leads, *found* None for nothing."""

    path: bytes
    target: bytes
    text: str
    found: os.stat_result | None


@contextmanager
def _changing(environ: Mapping[str, str]) -> Iterator[_File]:
    """Yield the file, for as long as no other command changes it; its directory is made.

    Raises VenvhookError where it may not or cannot be changed, also for an OSError meanwhile.
    """
    path = config_path(environ)
    directory = os.path.dirname(path)
    made = make(directory, environ)
    if not made and not os.path.lexists(directory) and is_owned(home_directory(environ)):
        where = shown(os.path.dirname(directory))
        raise VenvhookError(f"{shown(directory)}: cannot be made; mend the permissions of {where}")
    if not made or is_of_another(directory, environ):
        raise VenvhookError(
            f"{shown(directory)}: is another user's, so nothing is changed there; set HOME"
        )
    try:
        with _locked(directory):
            yield _read(path)
        state = existing_state(environ)
        if state is not None:
            # A shell that only compares times sees it at its next change of directory.
            tell_shells(state)
    except OSError as error:
        raise VenvhookError(
            f"{shown(path)}: cannot be changed ({error.strerror}); it is as it was"
        ) from error


@contextmanager
def _locked(directory: bytes) -> Iterator[None]:
    """Keep other commands from changing what is in *directory*; at once free if one is killed."""
    if not HAS_LOCKS:
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # A file system without locks is no reason to refuse.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: bytes) -> _File:
    """Return the file at *path*. Raises VenvhookError where it may not be changed."""
    way = way_of(path)
    target = way[-1]
    if os.path.islink(target):
        raise VenvhookError(f"{shown(path)}: is a link to nothing; mend or remove it")
    if not os.path.lexists(target):
        require_own_way(way[:-1])
        return _File(path, target, "", None)
    require_own_way(way)
    content, found = read_text(path)
    if os.name != "nt" and (found.st_uid != os.geteuid() or not found.st_mode & stat.S_IWUSR):
        whose = "read-only" if found.st_uid == os.geteuid() else f"user {found.st_uid}'s"
        raise VenvhookError(f"{shown(target)}: is {whose}, so it is not changed; mend that")
    try:
        return _File(path, target, content.decode(), found)
    except UnicodeDecodeError:
        raise VenvhookError(f"{shown(path)}: is not UTF-8; mend or remove it") from None


def _write(file: _File, text: str) -> None:
    """Let *text* take the place of *file*: whole or not at all. Raises OSError."""
    content = text.encode()
    if text == file.text and file.found is not None:
        return
    if len(content) > LIMIT:
        raise VenvhookError(f"{shown(file.path)}: would be larger than {LIMIT} bytes; not changed")
    directory, name = os.path.split(file.target)
    temporary = os.path.join(directory, b".%s.venvhook-%d" % (name, os.getpid()))
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # of a killed command that had the same number
    try:
        _write_new(temporary, content, file)
        os.replace(temporary, file.target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if HAS_LOCKS:
        _sync(directory)


def _write_new(path: bytes, content: bytes, like: _File) -> None:
    """Write *content* to the new file *path*, with the mode, group and attributes of *like*."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o600), "wb") as written:
        if like.found is not None:
            if os.name != "nt" and os.fstat(written.fileno()).st_gid != like.found.st_gid:
                os.chown(path, -1, like.found.st_gid)
            shutil.copystat(like.target, path)
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    # Of now, which copystat had set back: the time is what shells go by.
    os.utime(path)


def _sync(directory: bytes) -> None:
    """Have the names in *directory* written to the disk, as far as it can be done."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems have no such call; the file itself is written by now.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- In an editor --------------------------------------------------------------------------------


class Draft:
    """A copy of the file to be edited; it takes the file's place by ``accept``.

    *path* is the copy's, in a directory of its own. Raises VenvhookError as ``set_value`` does.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        with _changing(environ) as file:
            self._file = file
        self._start = file.text if file.found is not None else template()
        self._directory = os.fsencode(tempfile.mkdtemp(prefix="venvhook-"))
        self.path = os.path.join(self._directory, FILE)
        with open(self.path, "wb") as copy:
            copy.write(self._start.encode())

    def is_unchanged(self) -> bool:
        """Return whether there is nothing in the copy that was not there at the start."""
        return self._content() == self._start.encode()

    def mistake(self) -> str:
        """Return what is not understood in the copy, with the line, or nothing."""
        try:
            parse(self._file.path, self._content(), self._environ)
        except VenvhookError as error:
            return str(error)
        return ""

    def accept(self) -> str:
        """Let the copy take the file's place; return what was done. Raises VenvhookError."""
        text = self._content().decode()
        with _changing(self._environ) as file:
            if file.text != self._file.text or (file.found is None) != (self._file.found is None):
                raise VenvhookError(
                    f"{shown(file.path)}: was changed meanwhile; what you wrote is in "
                    f"{shown(self.path)}"
                )
            _write(file, text)
        self.discard()
        return f"changed {shown(file.path)}"

    def discard(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _content(self) -> bytes:
        """Return what is in the copy now. Raises VenvhookError where it cannot be read.

        Whoever may write it: nobody else comes into its directory.
        """
        try:
            return read_file(self.path, LIMIT)
        except (OSError, Unusable) as error:
            reason = error.reason if isinstance(error, Unusable) else error.strerror
            raise VenvhookError(f"{shown(self.path)}: {reason}; nothing was changed") from None


def template() -> str:
    """Return a file that sets nothing, and shows what there is to set."""
    lines = ["# Settings of venvhook. Each shows its default; take the '#' away to change it."]
    for row in SETTINGS:
        lines += ["", f"# {row.name}: {row.means}", f"# {row.name} = {text_of(row.default)}"]
        if row.choices:
            lines[-2] += f" ({', '.join(row.choices)})"
    return "\n".join(lines) + "\n"
