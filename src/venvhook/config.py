"""The user's settings: ``config.toml`` in the configuration directory, ``VENVHOOK_*`` variables.

No setting is ever read from a project, nor from a file that somebody else can write. In another
user's HOME, as under ``sudo -s``, that user's file is not this one's: silently, all is as by
default. Reading TOML takes a helper twice as long as all else it does, so what was read is kept in
the state directory with what the file looked like; ``configtext`` is imported only to read it anew.
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

    Value = str | bool | tuple[bytes, ...]

FILE = b"config.toml"
TRUST = ("own", "ask", "all")

LIMIT = 64 * 1024
_KEPT_LIMIT = 2 * LIMIT
# The last line of what is kept: what was cut short says less than the file.
_END = b"end"
# How many links from config.toml on are followed; people who keep it in a repository have one.
_LINK_LIMIT = 8
_GROUP, _EVERYONE, _STICKY = 0o020, 0o002, 0o1000
_FORMAT, _LINK = 0o170000, 0o120000


# ---- The table -----------------------------------------------------------------------------------

# What a value is: one of some words, true or false, or a list of names or of directories.
WORD, SWITCH, NAMES, DIRECTORIES = "word", "switch", "names", "directories"
NAMES_LIMIT = 3
UNDER = "auto_create_under"
_CONTROLS = bytes(range(32))
# As the hook scripts take them from a variable.
SWITCHES = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


class Setting:
    """One setting: its *name*, its *kind*, what it is by *default*, and what it *means*.

    *choices* are the words that one of WORD takes. *forbidden* are bytes that no item of a list
    holds, control characters among them; *wanted* says so.
    """

    __slots__ = ("choices", "default", "forbidden", "kind", "means", "name", "variable", "wanted")

    def __init__(
        self,
        name: str,
        kind: str,
        default: Value,
        means: str,
        choices: tuple[str, ...] = (),
        forbidden: bytes = b"",
        wanted: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.means = means
        self.choices = choices
        self.forbidden = forbidden + _CONTROLS
        self.wanted = wanted or one_of(choices) or "true or false"
        self.variable = f"VENVHOOK_{name.upper()}"

    @property
    def is_list(self) -> bool:
        """Whether a value has several items."""
        return self.kind in (NAMES, DIRECTORIES)

    def accepts(self, value: Value) -> bool:
        """Return whether *value* may be set, as far as that does not depend on HOME."""
        if self.kind == WORD:
            return value in self.choices
        if self.kind == SWITCH:
            return isinstance(value, bool)
        if not isinstance(value, tuple) or not all(map(self.accepts_item, value)):
            return False
        return self.name != "names" or 0 < len(value) <= NAMES_LIMIT

    def accepts_item(self, item: bytes) -> bool:
        """Return whether the list may hold *item*."""
        if item in (b"", b".", b"..") or item.translate(None, self.forbidden) != item:
            return False
        return self.kind != DIRECTORIES or _is_plain_directory(item)

    def read(self, text: bytes) -> Value | None:
        """Return the value that the variable's *text* sets, or None where that is none."""
        if self.kind == NAMES:
            return tuple(text.replace(b":", b" ").split())
        if self.kind == DIRECTORIES:
            return tuple(part for part in text.split(os.fsencode(os.pathsep)) if part)
        word = text.decode("utf-8", "replace")
        return SWITCHES.get(word) if self.kind == SWITCH else word


def one_of(words: tuple[str, ...]) -> str:
    """Return *words* as a choice in a sentence, or nothing where there are none."""
    quoted = [f"'{word}'" for word in words]
    return ", ".join(quoted[:-1]) + f" or {quoted[-1]}" if quoted else ""


def _is_plain_directory(item: bytes) -> bool:
    """Return whether *item* is absolute or begins with ``~/``, and its text says where it leads."""
    path = item.replace(b"\\", b"/") if WINDOWS else item
    parts = path.split(b"/")
    return (parts[0] == b"~" or os.path.isabs(item)) and b"." not in parts and b".." not in parts


SETTINGS = (
    Setting("trust", WORD, "own", "which environments are used unasked", TRUST),
    Setting("notice", SWITCH, True, "tell that an environment is not used"),
    Setting(
        "names",
        NAMES,
        (b".venv", b"venv", b"env"),
        "what environments are called, the first first",
        forbidden=b"/\\: ",
        wanted="one to three names without slash, space or colon",
    ),
    Setting(
        "auto_create",
        WORD,
        "never",
        "make a missing environment on cd",
        ("never", "ask", "always"),
    ),
    Setting(
        UNDER,
        DIRECTORIES,
        (),
        "where 'always' makes them unasked",
        wanted="directories that begin with / or ~/, and not HOME or above it",
    ),
    Setting("auto_install", SWITCH, False, "install the project's packages then, too"),
    Setting(
        "project_files",
        NAMES,
        (
            *(b"pyproject.toml", b"requirements.txt", b"setup.py", b"setup.cfg", b"Pipfile"),
            *(b"uv.lock", b"poetry.lock", b"pdm.lock", b"pylock.toml", b"environment.yml"),
        ),
        "what makes a directory a Python project",
        forbidden=b"/\\ ",
        wanted="names without slash or space",
    ),
    Setting(
        "backend",
        WORD,
        "auto",
        "what makes environments",
        ("auto", "uv", "virtualenv", "venv"),
    ),
    Setting("guard", SWITCH, False, "let pip refuse outside of environments"),
)
VARIABLE = SETTINGS[0].variable
_BY_NAME = {row.name.encode(): row for row in SETTINGS}


class Settings:
    """What the user has set, by the names of the table; directories are absolute.

    *witnesses* are what an answer that follows them rests on.
    """

    __slots__ = (*(row.name for row in SETTINGS), "witnesses")

    trust: str
    notice: bool
    names: tuple[bytes, ...]
    auto_create: str
    auto_create_under: tuple[bytes, ...]
    auto_install: bool
    project_files: tuple[bytes, ...]
    backend: str
    guard: bool
    witnesses: tuple[bytes, ...]

    def __init__(self, trust: str = "own", notice: bool = True, **others: Value) -> None:
        for row in SETTINGS:
            setattr(self, row.name, others.get(row.name, row.default))
        self.trust = trust
        self.notice = notice
        self.witnesses = ()


# ---- Reading -------------------------------------------------------------------------------------


def read_settings(environ: Mapping[str, str], trust: str, state: bytes | None) -> Settings:
    """Return the settings, for the helper.

    Variables of *environ* come before the file, but of ``VENVHOOK_TRUST`` *trust* is the value
    that counts, if not empty: the shell's when it loaded the hook, by which its recipes are kept.
    ``VENVHOOK_NOTICE`` is left to the shell, since a recipe is for all shells. Raises VenvhookError
    where something in them is not understood.
    """
    variables = _variables(environ, trust)
    variables.pop("notice", None)
    directory = config_directory(environ)
    settings: Settings | None = None
    rests_on: tuple[bytes, ...] = ()
    if directory is not None:
        file = os.path.join(directory, FILE)
        way = way_of(file)
        try:
            found = os.stat(file)
        except PermissionError as error:
            if not is_of_another(directory, environ):
                raise _unreadable(file, error) from None
        except OSError:
            # Where there is none yet, the directory is what changes when there is one.
            if make(directory, environ):
                rests_on = _directories(way)
        else:
            if not is_of_another(directory, environ):
                require_own_way(way)
                settings = _kept(file, found, state, environ) or _read(file, state, environ)
            # An older file that is moved into its place changes the directory alone.
            rests_on = (file, *_directories(way))
    if settings is None:
        settings = Settings()
    settings.witnesses = rests_on
    _set(settings, variables)
    return settings


def explain_settings(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """Return the settings, and where that of trust comes from, for a command; writes nothing.

    Raises VenvhookError where something in them is not understood.
    """
    variables = variables_of(environ)
    settings, origin = Settings(), "the default"
    file = file_that_counts(environ)
    if file is not None:
        values = parse_file(file, environ)
        _set(settings, values)
        origin = shown(file) if "trust" in values else origin
    _set(settings, variables)
    return settings, VARIABLE if "trust" in variables else origin


def file_that_counts(environ: Mapping[str, str]) -> bytes | None:
    """Return the path of ``config.toml``, or None where there is none or it is another user's.

    Raises VenvhookError where others can write what leads to it.
    """
    directory = config_directory(environ)
    file = os.path.join(directory, FILE) if directory is not None else b""
    if not directory or is_of_another(directory, environ):
        return None
    try:
        os.lstat(file)
    except PermissionError as error:
        raise _unreadable(file, error) from None
    except OSError:
        return None
    require_own_way(way_of(file))
    return file


def _unreadable(file: bytes, error: OSError) -> VenvhookError:
    """Return that nobody knows what *file* would set."""
    return VenvhookError(f"{shown(file)}: cannot be read ({error.strerror}); mend its permissions")


def parse_file(file: bytes, environ: Mapping[str, str]) -> dict[str, Value]:
    """Return what *file* sets. Raises VenvhookError where it is not understood."""
    from .configtext import parse  # only where there is something to read

    return expanded(parse(file, read_text(file)[0], environ), environ)


def variables_of(environ: Mapping[str, str]) -> dict[str, Value]:
    """Return what the variables of *environ* set. Raises VenvhookError for a mistake in one."""
    return _variables(environ, environ.get(VARIABLE, ""))


def _variables(environ: Mapping[str, str], trust: str) -> dict[str, Value]:
    """Return what the variables of *environ* set, where that of trust is *trust*.

    An empty variable, or a list of nothing, sets nothing.
    """
    values: dict[str, Value] = {}
    for row in SETTINGS:
        text = trust if row.name == "trust" else environ.get(row.variable, "")
        value = row.read(os.fsencode(text)) if text else ()
        if value == ():
            continue
        if value is None or not row.accepts(value) or not _fits(row, value, environ):
            raise VenvhookError(_variable_mistake(row, os.fsencode(text)))
        values[row.name] = value
    return expanded(values, environ)


def _fits(row: Setting, value: Value, environ: Mapping[str, str]) -> bool:
    """Return whether each directory of *value* is one that may be set where HOME is."""
    if row.kind != DIRECTORIES or not isinstance(value, tuple):
        return True
    return all(is_apart_from_home(item, environ) for item in value)


def _variable_mistake(row: Setting, text: bytes) -> str:
    """Return that the variable of *row* cannot be set to *text*."""
    wanted = "'true' or 'false'" if row.kind == SWITCH else row.wanted
    between = {NAMES: ", between spaces", DIRECTORIES: f", between '{os.pathsep}'"}
    return f"{row.variable} is '{shown(text)}'; set it to {wanted}{between.get(row.kind, '')}"


def _set(settings: Settings, values: Mapping[str, Value]) -> None:
    """Let *settings* have *values*."""
    for name, value in values.items():
        setattr(settings, name, value)


# ---- Directories ---------------------------------------------------------------------------------


def _home(environ: Mapping[str, str]) -> bytes:
    """Return HOME, or nothing; ``caller``, which has it too, reads settings."""
    return os.fsencode(environ.get("HOME") or (environ.get("USERPROFILE", "") if WINDOWS else ""))


def expanded(values: dict[str, Value], environ: Mapping[str, str]) -> dict[str, Value]:
    """Return *values* with each ``~`` as HOME, and no slash at the end of a directory."""
    under = values.get(UNDER)
    if not isinstance(under, tuple) or not under:
        return values
    home = _home(environ)
    return {**values, UNDER: tuple(_expanded(item, home) for item in under)}


def _expanded(item: bytes, home: bytes) -> bytes:
    return (home.rstrip(b"/") + item[1:] if item[:1] == b"~" else item).rstrip(b"/")


def is_apart_from_home(item: bytes, environ: Mapping[str, str]) -> bool:
    """Return whether the directory *item* is neither HOME nor above it.

    A ``~`` where HOME is not set leads nowhere, so that is no answer either: False.
    """
    home = _home(environ)
    if item[:1] == b"~" and not home:
        return False
    path = _expanded(item, home)
    return os.path.isabs(path) and not (home.rstrip(b"/") + b"/").startswith(path + b"/")


# ---- Whose it is ---------------------------------------------------------------------------------


def way_of(file: bytes) -> list[bytes]:
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


def is_of_another(directory: bytes, environ: Mapping[str, str]) -> bool:
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


def require_own_way(way: list[bytes]) -> None:
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


def _kept(
    file: bytes, found: os.stat_result, state: bytes | None, environ: Mapping[str, str]
) -> Settings | None:
    """Return what was read from *file* last time, or None where it looks otherwise now."""
    if state is None:
        return None
    try:
        look, *lines = read_file(os.path.join(state, b"settings"), _KEPT_LIMIT).split(b"\n")
    except (OSError, Unusable):
        return None
    if look != _look(file, found) or lines[-1:] != [_END]:
        return None
    values = {}
    for line in lines[:-1]:
        name, _, text = line.partition(b" ")
        row = _BY_NAME.get(name)
        value = None if row is None else _from_kept(row, text)
        if row is None or value is None or not (row.accepts(value) and _fits(row, value, environ)):
            return None
        values[row.name] = value
    settings = Settings()
    _set(settings, expanded(values, environ))
    return settings


def _look(file: bytes, found: os.stat_result) -> bytes:
    """Return what tells this *file* from an earlier one, in one line.

    The first number is that of the form of what is kept.
    """
    parts = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return b"3 " + b" ".join(b"%d" % part for part in parts) + b" " + file.replace(b"\n", b"?")


def _from_kept(row: Setting, text: bytes) -> Value | None:
    """Return the value of which ``_to_keep`` is *text*, or None where there is none."""
    if row.is_list:
        return tuple(text.split(b"\0")) if text else ()
    word = text.decode("ascii", "replace")
    return SWITCHES.get(word) if row.kind == SWITCH else word


def _to_keep(value: Value) -> bytes:
    """Return *value* as text without a line feed: no item of a list holds control characters."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return value.encode() if isinstance(value, str) else b"\0".join(value)


def _read(file: bytes, state: bytes | None, environ: Mapping[str, str]) -> Settings:
    """Return what *file* says, and keep it in *state* with each ``~`` as it is."""
    from .configtext import parse  # only where there is something new to read

    text, found = read_text(file)
    values = parse(file, text, environ)
    settings = Settings()
    _set(settings, values)
    if state is not None:
        lines = [name.encode() + b" " + _to_keep(value) for name, value in values.items()]
        temporary = os.path.join(state, b"settings.%d" % os.getpid())
        try:
            with open(temporary, "wb", opener=_private) as written:
                written.write(b"\n".join((_look(file, found), *lines, _END)))
            os.replace(temporary, os.path.join(state, b"settings"))
        except OSError:
            pass  # Read again the next time.
    _set(settings, expanded(values, environ))
    return settings


def _private(path: str, flags: int) -> int:
    """Open *path* as a file that only the user can read."""
    return os.open(path, flags, 0o600)


def read_text(file: bytes) -> tuple[bytes, os.stat_result]:
    """Return the content of *file*, and its ``fstat``.

    Raises VenvhookError where it cannot be read, or others can write it.
    """
    where = shown(file)
    try:
        descriptor, found = open_file(file, LIMIT)
        with open(descriptor, "rb") as opened:
            _require_own(file, found)
            text = opened.read(LIMIT + 1)
    except OSError as error:
        raise VenvhookError(
            f"{where}: cannot be read ({error.strerror}); mend or remove it"
        ) from None
    except Unusable as error:
        raise VenvhookError(f"{where}: {error.reason}; mend or remove it") from None
    if len(text) > LIMIT:
        raise VenvhookError(f"{where}: is larger than {LIMIT} bytes; mend or remove it")
    return text, found
