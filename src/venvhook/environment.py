"""What a directory is: an environment or not (PEP 405); nothing of it is run or trusted."""

from __future__ import annotations

import os

from .errors import is_harmless

WINDOWS = os.name == "nt"
BIN = b"Scripts" if WINDOWS else b"bin"
CONFIG = b"pyvenv.cfg"
CONFIG_LIMIT = 64 * 1024
NAME_LIMIT = 100

_PYTHON = b"python.exe" if WINDOWS else b"python"
# An environment holds at least one of these, whoever made it for whichever shell.
_ACTIVATORS = (b"activate", b"activate.fish", b"activate.csh", b"Activate.ps1", b"activate.ps1")
_FORMAT, _FILE, _DIRECTORY = 0o170000, 0o100000, 0o040000
_KINDS = {
    0o010000: "a FIFO",
    0o020000: "a character device",
    0o040000: "a directory",
    0o060000: "a block device",
    0o120000: "a symbolic link",
    0o140000: "a socket",
}


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


def read_file(path: bytes, limit: int) -> bytes:
    """Return the content of the regular file *path*, of at most *limit* bytes.

    Raises OSError if it cannot be read, Unusable if it is no regular file or larger. Looked at
    before it is opened, since opening some devices does something, and opened without waiting.
    """
    mode = os.stat(path).st_mode
    if not is_file(mode):
        raise Unusable(f"is {kind(mode)}", kept=True)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(descriptor)
        if not is_file(found.st_mode):
            raise Unusable(f"is {kind(found.st_mode)}", kept=True)
        if found.st_size > limit:
            raise Unusable(f"is larger than {limit} bytes", kept=True)
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def parse_config(text: bytes) -> dict[bytes, bytes]:
    """Return the keys, in lower case, and values of a ``pyvenv.cfg``: lines of ``key = value``."""
    pairs = (line.partition(b"=") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, separator, value in pairs if separator}


def examine(path: bytes) -> Environment:
    """Return the environment at *path*, an existing directory with a ``pyvenv.cfg``.

    Raises Unusable, with the reason, where it is not whole: it could not be used even if trusted.
    """
    config = _read_config(path)
    separator = os.fsencode(os.pathsep)
    if separator in path:
        raise Unusable(
            f"has a '{os.pathsep}' in its path, so it cannot be on PATH; rename that directory",
            True,
        )
    if not config.get(b"home"):
        raise Unusable(f"{CONFIG.decode()} has no 'home' key; recreate the environment", kept=True)
    _check_interpreter(path)
    if not any(_is_regular(os.path.join(path, BIN, name)) for name in _ACTIVATORS):
        raise Unusable(
            f"no activate script in {BIN.decode()}/; recreate the environment", kept=True
        )
    return Environment(path, config)


def _read_config(path: bytes) -> dict[bytes, bytes]:
    """Return what ``pyvenv.cfg`` of *path* says; raise Unusable where it cannot be read."""
    try:
        return parse_config(read_file(os.path.join(path, CONFIG), CONFIG_LIMIT))
    except OSError as error:
        raise Unusable(
            f"{CONFIG.decode()} cannot be read ({error.strerror}); mend its permissions"
        ) from error
    except Unusable as error:
        reason = f"{CONFIG.decode()} {error.reason}; recreate the environment"
        raise Unusable(reason, error.kept) from error


def _check_interpreter(path: bytes) -> None:
    """Raise Unusable unless ``bin/python`` of *path* leads to an executable regular file."""
    where = f"{BIN.decode()}/"
    try:
        mode = os.stat(os.path.join(path, BIN, _PYTHON)).st_mode
    except FileNotFoundError:
        # A link to a Python that is gone leaves no trace here when that Python comes back.
        raise Unusable(f"no interpreter in {where}; recreate the environment") from None
    except OSError as error:
        reason = f"the interpreter in {where} cannot be used ({error.strerror}); recreate it"
        raise Unusable(reason) from error
    if not is_file(mode):
        raise Unusable(f"the interpreter in {where} is {kind(mode)}; recreate it", kept=True)
    if not mode & 0o111 and not WINDOWS:
        raise Unusable(f"the interpreter in {where} is not executable; recreate the environment")


def _is_regular(path: bytes) -> bool:
    """Return whether *path* leads to a regular file."""
    try:
        return is_file(os.stat(path).st_mode)
    except OSError:
        return False


def display_name(environment: Environment, root: bytes, names: tuple[bytes, ...]) -> bytes:
    """Return the name shown in a prompt, in UTF-8 and without control characters.

    That is ``prompt =`` of ``pyvenv.cfg``, else the name of the project directory *root* where the
    environment is called like one of the marker *names*, else the environment's own name.
    """
    name = _unquoted(environment.config.get(b"prompt", b""))
    if not name:
        own = os.path.basename(environment.path)
        name = os.path.basename(root.rstrip(b"/")) if own in names else own
    return _printable(name or b"venv")


def _unquoted(value: bytes) -> bytes:
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


def _printable(name: bytes) -> bytes:
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
        os.path.join(path, BIN, _PYTHON),
    ]
