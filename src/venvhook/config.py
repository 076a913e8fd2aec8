"""The user's settings: ``config.toml`` in the configuration directory, and ``VENVHOOK_TRUST``.

No setting is ever read from a project. Reading TOML takes a helper twice as long as all else it
does, so what was read is kept in the state directory with what the file looked like.
"""

from __future__ import annotations

import os

from .directories import config_directory, make
from .environment import Unusable, read_file
from .errors import VenvhookError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = b"config.toml"
VARIABLE = "VENVHOOK_TRUST"
TRUST = ("own", "ask", "all")

_LIMIT = 64 * 1024


class Settings:
    """What the user has set.

    *trust* is one of TRUST; *notice* says whether it is told that an environment is not used;
    *witnesses* are what an answer that follows them rests on.
    """

    __slots__ = ("notice", "trust", "witnesses")

    def __init__(self, trust: str = "own", notice: bool = True) -> None:
        self.trust = trust
        self.notice = notice
        self.witnesses: tuple[bytes, ...] = ()


def read_settings(environ: Mapping[str, str], trust: str, state: bytes | None) -> Settings:
    """Return the settings; *trust*, from ``VENVHOOK_TRUST``, comes before the file's if not empty.

    Raises VenvhookError where something in them is not understood.
    """
    _check_variable(trust)
    directory = config_directory(environ)
    settings = Settings()
    if directory is not None:
        file = os.path.join(directory, FILE)
        try:
            found = os.stat(file)
        except OSError:
            # Where there is none yet, the directory is what changes when there is one.
            if make(directory, environ):
                settings.witnesses = (directory,)
        else:
            settings = _kept(file, found, state) or _read(file, found, state)
            settings.witnesses = (file,)
    if trust:
        settings.trust = trust
    return settings


def explain_settings(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """Return the settings, and where that of trust comes from, for a command; writes nothing.

    Raises VenvhookError where something in them is not understood.
    """
    settings, origin = Settings(), "the default"
    directory = config_directory(environ)
    file = os.path.join(directory, FILE) if directory is not None else b""
    if file and os.path.lexists(file):
        settings = parse_settings(file)
        origin = shown(file) if "trust" in _read_table(file) else origin
    trust = environ.get(VARIABLE, "")
    _check_variable(trust)
    if trust:
        settings.trust, origin = trust, VARIABLE
    return settings, origin


def _check_variable(trust: str) -> None:
    """Raise VenvhookError unless *trust* is empty or one of TRUST."""
    if trust and trust not in TRUST:
        raise VenvhookError(
            f"{VARIABLE} is '{shown(os.fsencode(trust))}'; set it to {_one_of(TRUST)}"
        )


def _one_of(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values[:-1]) + f" or '{values[-1]}'"


# ---- What was read last time ---------------------------------------------------------------------


def _kept(file: bytes, found: os.stat_result, state: bytes | None) -> Settings | None:
    """Return what was read from *file* last time, or None where it looks otherwise now."""
    if state is None:
        return None
    try:
        lines = read_file(os.path.join(state, b"settings"), _LIMIT).split(b"\n")
    except (OSError, Unusable):
        return None
    if len(lines) != 3 or lines[0] != _look(file, found):
        return None
    trust = lines[1].decode("ascii", "replace")
    return Settings(trust, lines[2] == b"notice") if trust in TRUST else None


def _look(file: bytes, found: os.stat_result) -> bytes:
    """Return what tells this *file* from an earlier one, in one line."""
    parts = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return b"1 " + b" ".join(b"%d" % part for part in parts) + b" " + file.replace(b"\n", b"?")


def _read(file: bytes, found: os.stat_result, state: bytes | None) -> Settings:
    """Return what *file* says, and keep it in *state*."""
    settings = parse_settings(file)
    if state is not None:
        text = b"\n".join(
            (_look(file, found), settings.trust.encode(), b"notice" if settings.notice else b"")
        )
        temporary = os.path.join(state, b"settings.%d" % os.getpid())
        try:
            with open(temporary, "wb", opener=_private) as written:
                written.write(text)
            os.replace(temporary, os.path.join(state, b"settings"))
        except OSError:
            pass  # Read again the next time.
    return settings


def _private(path: str, flags: int) -> int:
    """Open *path* as a file that only the user can read."""
    return os.open(path, flags, 0o600)


# ---- TOML ----------------------------------------------------------------------------------------


def parse_settings(file: bytes) -> Settings:
    """Return what the TOML 1.0 *file* says. Raises VenvhookError, naming what it cannot follow."""
    where, table = shown(file), _read_table(file)
    unknown = sorted(set(table) - {"trust", "notice"})
    if unknown:
        name = shown(unknown[0].encode())
        raise VenvhookError(f"{where}: no setting is called '{name}'; there are notice and trust")
    trust, notice = table.get("trust", "own"), table.get("notice", True)
    if not isinstance(trust, str) or trust not in TRUST:
        raise VenvhookError(f"{where}: trust must be {_one_of(TRUST)}")
    if not isinstance(notice, bool):
        raise VenvhookError(f"{where}: notice must be true or false")
    return Settings(trust, notice)


def _read_table(file: bytes) -> dict[str, object]:
    """Return the keys and values of the TOML *file*. Raises VenvhookError."""
    # Imported only where there is something new to read: it takes as long as starting Python.
    import tomllib

    where = shown(file)
    try:
        return tomllib.loads(read_file(file, _LIMIT).decode())
    except OSError as error:
        raise VenvhookError(
            f"{where}: cannot be read ({error.strerror}); mend or remove it"
        ) from None
    except Unusable as error:
        raise VenvhookError(f"{where}: {error.reason}; mend or remove it") from None
    except ValueError as error:
        raise VenvhookError(f"{where}: {error}; mend it") from None
