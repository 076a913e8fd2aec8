"""The user's settings: ``config.toml`` in the configuration directory, and ``VENVHOOK_TRUST``.

No setting is ever read from a project, nor from a file that somebody else can write. In another
user's HOME, as under ``sudo -s``, that user's file is not this one's: silently, all is as by
default. Reading TOML takes a helper twice as long as all else it does, so what was read is kept in
the state directory with what the file looked like.
"""

from __future__ import annotations

import os

from .directories import config_directory, make
from .environment import WINDOWS, Unusable, is_directory, open_file, read_file
from .errors import VenvhookError, shown
from .held import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = b"config.toml"
VARIABLE = "VENVHOOK_TRUST"
TRUST = ("own", "ask", "all")

_LIMIT = 64 * 1024
# How many links from config.toml on are followed; people who keep it in a repository have one.
_LINK_LIMIT = 8
_GROUP, _EVERYONE, _STICKY = 0o020, 0o002, 0o1000
_FORMAT, _LINK = 0o170000, 0o120000


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
        way = _way(file)
        try:
            found = os.stat(file)
        except OSError:
            # Where there is none yet, the directory is what changes when there is one.
            if make(directory, environ):
                settings.witnesses = _directories(way)
        else:
            if not _is_of_another(directory, environ):
                _require_own_way(way)
                settings = _kept(file, found, state) or _read(file, state)
            # An older file that is moved into its place changes the directory alone.
            settings.witnesses = (file, *_directories(way))
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
    if directory and os.path.lexists(file) and not _is_of_another(directory, environ):
        _require_own_way(_way(file))
        table = _read_table(file)[0]
        settings = parse_settings(file, table)
        origin = shown(file) if "trust" in table else origin
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


# ---- Whose it is ---------------------------------------------------------------------------------


def _way(file: bytes) -> list[bytes]:
    """Return *file*, and where it is a link, each place that it leads to whose directory exists."""
    way = [file]
    for _ in range(_LINK_LIMIT):
        try:
            place = os.path.join(os.path.dirname(way[-1]), os.readlink(way[-1]))
        except OSError:
            break
        if not os.path.isdir(os.path.dirname(place)):
            break
        way.append(place)
    return way


def _directories(way: list[bytes]) -> tuple[bytes, ...]:
    """Return the directories of the places on the *way*, each once."""
    return tuple(dict.fromkeys(os.path.dirname(place) for place in way))


def _is_of_another(directory: bytes, environ: Mapping[str, str]) -> bool:
    """Return whether the configuration *directory* is that of another user, who is not root.

    That is in his HOME; for root, who may be given all variables of another's, wherever it is.
    """
    if WINDOWS:
        return False
    home = os.fsencode(environ.get("HOME", "")).rstrip(b"/")
    user = os.geteuid()
    places = [home] if home and directory.startswith(home + b"/") else []
    places += [] if user else [directory]
    try:
        return any(os.stat(place).st_uid not in (user, 0) for place in places)
    except OSError:
        return True


def _require_own_way(way: list[bytes]) -> None:
    """Raise VenvhookError where others can put something else at a place on the *way*."""
    for place in way:
        for part, follows in ((os.path.dirname(place), True), (place, False)):
            try:
                found = os.stat(part, follow_symlinks=follows)
            except OSError as error:
                raise VenvhookError(f"{shown(part)}: {error.strerror}; mend it") from None
            _require_own(part, found)


def _require_own(place: bytes, found: os.stat_result) -> None:
    """Raise VenvhookError where others than the user and root can write what was *found*."""
    if WINDOWS:
        return
    holder = Holder.current()
    if found.st_uid not in holder.owners:
        raise VenvhookError(
            f"{shown(place)}: belongs to user {found.st_uid}, so no setting there counts; "
            "'chown' or remove it"
        )
    is_sticky = is_directory(found.st_mode) and found.st_mode & _STICKY
    if is_sticky or found.st_mode & _FORMAT == _LINK:
        return  # What is in it, and what it leads to, is asked for its own owner.
    # An ACL may let others write what the mode lets a group write.
    if found.st_mode & _EVERYONE or (
        found.st_mode & _GROUP and (not holder.counts(found.st_gid, False) or _has_acl(place))
    ):
        raise VenvhookError(
            f"{shown(place)}: others can write it, so no setting there counts; 'chmod go-w' it"
        )


def _has_acl(place: bytes) -> bool:
    """Return whether *place* has a POSIX ACL, which only Linux tells."""
    try:
        return bool(getattr(os, "getxattr", lambda *_: b"")(place, "system.posix_acl_access"))
    except OSError:
        return False


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
    return b"2 " + b" ".join(b"%d" % part for part in parts) + b" " + file.replace(b"\n", b"?")


def _read(file: bytes, state: bytes | None) -> Settings:
    """Return what *file* says, and keep it in *state*."""
    table, found = _read_table(file)
    settings = parse_settings(file, table)
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


def parse_settings(file: bytes, table: dict[str, object]) -> Settings:
    """Return what the *table* of *file* says. Raises VenvhookError, naming what is no setting."""
    where = shown(file)
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


def _read_table(file: bytes) -> tuple[dict[str, object], os.stat_result]:
    """Return the keys and values of the TOML 1.0 *file*, and its ``fstat``.

    Raises VenvhookError where it cannot be read, or others can write it.
    """
    # Imported only where there is something new to read: it takes as long as starting Python.
    import tomllib

    where = shown(file)
    try:
        descriptor, found = open_file(file, _LIMIT)
        with open(descriptor, "rb") as opened:
            _require_own(file, found)
            text = opened.read(_LIMIT + 1)
        return tomllib.loads(text.decode()), found
    except OSError as error:
        raise VenvhookError(
            f"{where}: cannot be read ({error.strerror}); mend or remove it"
        ) from None
    except Unusable as error:
        raise VenvhookError(f"{where}: {error.reason}; mend or remove it") from None
    except ValueError as error:
        raise VenvhookError(f"{where}: {error}; mend it") from None
