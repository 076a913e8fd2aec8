"""What a directory is: an environment or not (PEP 405); nothing of it is run or trusted."""

from __future__ import annotations

import os

from .errors import is_harmless, shown

WINDOWS = os.name == "nt"
BIN = b"Scripts" if WINDOWS else b"bin"
CONFIG = b"pyvenv.cfg"
CONFIG_LIMIT = 64 * 1024
NAME_LIMIT = 100
# What makes an environment again that cannot be mended; its name, prompt and options stay.
MAKE_ANEW = "venvhook create --clear"
_ANEW = f"'{MAKE_ANEW}' makes it anew"
# How many links behind bin/python are told of: an environment's own are one or two.
_LINK_LIMIT = 8

# Directories that look up a host or mount a disk for a name asked of them, or hold no files at all.
_NEVER_ASKED = frozenset((b"net", b"misc", b"afs", b"smb", b"Network", b"proc", b"dev", b"sys"))
PYTHON = b"python.exe" if WINDOWS else b"python"
# An environment holds at least one of these, whoever made it for whichever shell.
_ACTIVATORS = (b"activate", b"activate.fish", b"activate.csh", b"Activate.ps1", b"activate.ps1")
_READ = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _READ |= getattr(os, _flag, 0)
_FORMAT, _FILE, _DIRECTORY = 0o170000, 0o100000, 0o040000
_KINDS = {
    0o010000: "a FIFO",
    0o020000: "a character device",
    0o040000: "a directory",
    0o060000: "a block device",
    0o120000: "a symbolic link",
    0o140000: "a socket",
}


# In an environment that 'venvhook create' is making, or whose making did not end.
UNFINISHED = b".venvhook-unfinished"


class Unusable(Exception):  # noqa: N818  # an answer, not a failure
    """Why an environment may not be used: the text after its path in the message.

    *kept* says whether the cause leaves a trace in the modification times of the environment's
    files, so that the refusal may be kept until one of them changes.
    """

    def __init__(self, reason: str, kept: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kept = kept


class Doubt(Exception):  # noqa: N818  # an answer, not a failure
    """Why a condition of trust does not hold: *what*, a phrase that names the place.

    *mend* is what to do about it where that is not to allow it. *kept* says whether the cause
    leaves a trace in the modification time of a witness, so that the refusal may be kept.
    """

    def __init__(self, what: str, mend: str = "", kept: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.kept = kept

    @property
    def line(self) -> str:
        """What is wrong, and the command that mends it where there is one."""
        return f"{self.what}; '{self.mend}' mends it" if self.mend else self.what


class Environment:
    """A whole environment: its path as the project names it, and what ``pyvenv.cfg`` says."""

    __slots__ = ("config", "path")

    def __init__(self, path: bytes, config: dict[bytes, bytes]) -> None:
        self.path = path
        self.config = config


def is_file(mode: int) -> bool:
    """Return whether *mode* (``st_mode``) is that of a regular file."""
    return mode & _FORMAT == _FILE


def is_directory(mode: int) -> bool:
    """Return whether *mode* (``st_mode``) is that of a directory."""
    return mode & _FORMAT == _DIRECTORY


def kind(mode: int) -> str:
    """Return what a file that is not regular is, with its article."""
    return _KINDS.get(mode & _FORMAT, "no regular file")


def is_never_asked(path: bytes) -> bool:
    """Return whether the absolute *path* lies where no name may be looked up unasked.

    By its text alone, so it must hold no ``..`` and no link above such a directory.
    """
    return path.startswith(b"//") or path[1:].partition(b"/")[0] in _NEVER_ASKED


def open_file(path: bytes, limit: int, links: bool = True) -> tuple[int, os.stat_result]:
    """Return a descriptor of the regular file *path*, of at most *limit* bytes, and its ``fstat``.

    With *links* it may be a link to one. Raises OSError if it cannot be opened, Unusable if it is
    something else or larger. Looked at before it is opened, since opening some devices does
    something, and opened without waiting; what counts is what was opened.
    """
    _require_file(os.stat(path, follow_symlinks=links), limit)
    descriptor = os.open(path, _READ if links else _READ | getattr(os, "O_NOFOLLOW", 0))
    try:
        found = os.fstat(descriptor)
        _require_file(found, limit)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found


def _require_file(found: os.stat_result, limit: int) -> None:
    """Raise Unusable unless *found* is a regular file of at most *limit* bytes."""
    if not is_file(found.st_mode):
        raise Unusable(f"is {kind(found.st_mode)}", kept=True)
    if found.st_size > limit:
        raise Unusable(f"is larger than {limit} bytes", kept=True)


def read_file(path: bytes, limit: int, links: bool = True) -> bytes:
    """Return the content of the regular file *path*, of at most *limit* bytes.

    Arguments and errors are those of ``open_file``.
    """
    descriptor, _found = open_file(path, limit, links)
    try:
        content = b""
        # A network's file system may return less than there is; a file may grow meanwhile.
        while len(content) <= limit and (more := os.read(descriptor, limit + 1 - len(content))):
            content += more
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise Unusable(f"is larger than {limit} bytes", kept=True)
    return content


def config_lines(text: bytes) -> list[tuple[bytes, bytes]]:
    """Return the keys and values of a ``pyvenv.cfg`` in their order.

    As CPython's start-up reads it (``getpath.py``): as text, where a space may be one of Unicode's,
    and by line feeds alone.
    """
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    pairs = (line.partition("=") for line in lines)
    return [
        (_encoded(key.strip().lower()), _encoded(value.strip()))
        for key, separator, value in pairs
        if separator
    ]


def _encoded(text: str) -> bytes:
    """Return the bytes that were decoded as *text*."""
    return text.encode("utf-8", "surrogateescape")


def examine(path: bytes) -> Environment:
    """Return the environment at *path*, an existing directory with a ``pyvenv.cfg``.

    Raises Unusable, with the reason, where it is not whole: it could not be used even if trusted.
    """
    require_finished(path)
    return examine_unfinished(path)


def examine_unfinished(path: bytes) -> Environment:
    """Return the environment at *path* as ``examine`` does, also while 'venvhook create' makes it.

    For who makes it: all others ask ``examine``.
    """
    config = _read_config(path)
    separator = os.fsencode(os.pathsep)
    if separator in path:
        raise Unusable(
            f"has a '{os.pathsep}' in its path, so it cannot be on PATH; rename that directory",
            True,
        )
    if os.path.lexists(os.path.join(path, BIN, CONFIG)):
        # CPython's start-up looks there first, so it would not use the one that was read.
        raise Unusable(f"has a second {CONFIG.decode()} in {BIN.decode()}/; remove that one", True)
    _check_interpreter(path, config)
    if not any(_is_regular(os.path.join(path, BIN, name)) for name in _ACTIVATORS):
        raise Unusable(f"no activate script in {BIN.decode()}/; {_ANEW}", kept=True)
    return Environment(path, config)


def require_finished(path: bytes) -> None:
    """Raise Unusable where 'venvhook create' has not finished the environment at *path*."""
    if os.path.lexists(os.path.join(path, UNFINISHED)):
        raise Unusable("is unfinished; run 'venvhook create' again, once no other makes it")


def _read_config(path: bytes) -> dict[bytes, bytes]:
    """Return what ``pyvenv.cfg`` of *path* says; raise Unusable where it cannot be read."""
    name = CONFIG.decode()
    try:
        text = read_file(os.path.join(path, CONFIG), CONFIG_LIMIT, links=False)
        lines = config_lines(text)
        _require_one_home(text, lines)
    except OSError as error:
        raise Unusable(f"{name} cannot be read ({error.strerror}); mend its permissions") from error
    except Unusable as error:
        reason = f"{name} {error.reason}; {_ANEW}"
        raise Unusable(reason, error.kept) from error
    return dict(lines)


def _require_one_home(text: bytes, lines: list[tuple[bytes, bytes]]) -> None:
    """Raise Unusable unless all that read the ``pyvenv.cfg`` *text* find the same ``home`` in it.

    Of two, CPython's start-up takes the first and its module ``site`` the last; at a NUL the
    start-up ends a path; at a carriage return alone only ``site`` ends a line.
    """
    homes = [value for key, value in lines if key == b"home"]
    if not any(homes):
        raise Unusable("has no 'home' key", kept=True)
    if len(homes) > 1:
        raise Unusable("has more than one 'home' key", kept=True)
    if b"\0" in text or b"\r" in text.replace(b"\r\n", b"\n"):
        raise Unusable("holds control characters", kept=True)


def _check_interpreter(path: bytes, config: dict[bytes, bytes]) -> None:
    """Raise Unusable unless ``bin/python`` of *path* leads to an executable regular file."""
    where = f"{BIN.decode()}/"
    try:
        mode = os.stat(os.path.join(path, BIN, PYTHON)).st_mode
    except FileNotFoundError:
        # A link to a Python that is gone leaves no trace here when that Python comes back.
        raise Unusable(f"{_missing_interpreter(path, config)}; {_ANEW}") from None
    except OSError as error:
        # What lies where one may not look is nothing to be made anew.
        mend = "mend its permissions" if isinstance(error, PermissionError) else _ANEW
        reason = f"the interpreter in {where} cannot be used ({error.strerror}); {mend}"
        raise Unusable(reason) from error
    if not is_file(mode):
        raise Unusable(f"the interpreter in {where} is {kind(mode)}; {_ANEW}", kept=True)
    if not mode & 0o111 and not WINDOWS:
        raise Unusable(f"the interpreter in {where} is not executable; {_ANEW}")


def _missing_interpreter(path: bytes, config: dict[bytes, bytes]) -> str:
    """Return what is missing where ``bin/python`` of *path* leads to nothing.

    Only along links that have just been followed: no other name is looked up.
    """
    directory = os.path.join(path, BIN)
    place = os.path.join(directory, PYTHON)
    for _ in range(_LINK_LIMIT):
        try:
            place = os.path.join(os.path.dirname(place), os.readlink(place))
        except OSError:
            break
    if os.path.dirname(place) == directory:
        return f"no interpreter in {BIN.decode()}/"
    return missing_python(config, place)


def missing_python(config: dict[bytes, bytes], place: bytes) -> str:
    """Return what is said where the Python that an environment was made from is gone.

    *config* is its ``pyvenv.cfg``, which records the version; *place* is where that Python was.
    """
    version = (config.get(b"version") or config.get(b"version_info", b"")).split(b".")[:3]
    is_plain = all(part.isdigit() and len(part) < 4 for part in version)
    text = " " + b".".join(version).decode() if is_plain else ""
    return f"its Python{text} ({shown(place)}) is gone"


def _is_regular(path: bytes) -> bool:
    """Return whether *path* is a regular file, and no link to one."""
    try:
        return is_file(os.lstat(path).st_mode)
    except OSError:
        return False


def display_name(environment: Environment, root: bytes, names: tuple[bytes, ...]) -> bytes:
    """Return the name shown in a prompt, in UTF-8 and without control characters.

    That is ``prompt =`` of ``pyvenv.cfg``, else the name of the project directory *root* where the
    environment is called like one of the marker *names*, else the environment's own name.
    """
    name = unquoted(environment.config.get(b"prompt", b""))
    if not name:
        own = os.path.basename(environment.path)
        name = os.path.basename(root.rstrip(b"/")) if own in names else own
    return printable(name or b"venv")


def unquoted(value: bytes) -> bytes:
    """Return *value* without the Python quotes that CPython's venv writes around a prompt."""
    if len(value) < 2 or value[:1] != value[-1:] or value[:1] not in (b"'", b'"'):
        return value
    inner = value[1:-1]
    # repr takes " only around a text with '; virtualenv puts it around every prompt, and escapes
    # nothing.
    if b"\\" not in inner or (value[:1] == b'"' and b"'" not in inner):
        return inner
    try:
        plain = inner.decode().encode("latin-1", "backslashreplace").decode("unicode_escape")
        return plain.encode()
    except UnicodeError:
        return inner


def printable(name: bytes) -> bytes:
    """Return *name* with each character that does not just draw itself as '?', and shortened."""
    text = name.decode("utf-8", "replace")
    clean = "".join(c if is_harmless(ord(c)) else "?" for c in text)
    if len(clean) > NAME_LIMIT:
        half = NAME_LIMIT // 2 - 2
        clean = clean[:half] + "..." + clean[-half:]
    return clean.encode()


def witnesses(path: bytes) -> list[bytes]:
    """Return the files that an answer about the environment at *path* rests on.

    The interpreter is one: behind it stands the Python that may be upgraded away. The directory
    itself is not: writing into it is no change of the environment.
    """
    return [
        os.path.join(path, CONFIG),
        os.path.join(path, BIN),
        os.path.join(path, BIN, PYTHON),
    ]
