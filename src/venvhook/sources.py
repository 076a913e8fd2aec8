"""What a project locks or declares to be installed: the files that say it, read and never run.

A lock comes before what it was made from, and a list of packages before the project itself.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from .environment import Unusable, read_file
from .errors import UsageError, VenvhookError, shown

PYPROJECT, SETUP, PIPFILE = "pyproject.toml", "setup.py", "Pipfile"
DEV = "dev"

_LIMIT = 4 * 1024 * 1024
_MEND = "mend it, or install by hand"
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock")
_REQUIREMENTS = "requirements"
# How people call the file of one purpose, beside requirements.txt.
_PATTERNS = ("requirements-%s.txt", "requirements_%s.txt", "%s-requirements.txt")
# In the directory: of each, the first that is there.
_BASES = ("base", "common", "main", "default", "requirements")
_DEVS = (DEV, "development", "local")
# The tables of a Pipfile that list no packages, and those that are installed unasked.
_NO_CATEGORIES = ("source", "requires", "scripts", "pipenv", "pipfile")
_CATEGORIES = ("packages", "dev-packages")

Table = Mapping[str, object]


@dataclass(frozen=True)
class Source:
    """What says what is to be installed: one *kind* of those below, and the names of its *files*.

    *groups* and *extras* are installed besides, by the names that the project has for them.
    """

    kind: str
    files: tuple[str, ...]
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The files, for a sentence."""
        return ", ".join(shown(os.fsencode(name)) for name in self.files)

    @property
    def is_lock(self) -> bool:
        """Whether it names exact versions of all that is needed."""
        return self.kind in _LOCKS


def find_sources(root: bytes, groups: tuple[str, ...] = ()) -> Iterator[Source]:
    """Yield what the project at *root* says, in the order in which it counts.

    With what the user wishes besides: *groups* (PEP 735) and extras. Raises UsageError where one of
    these is not there, VenvhookError where a file cannot be understood: in the turn of each source.
    """
    for find in _FINDERS:
        source = find(root, groups)
        if source is not None:
            yield source


def group_names(root: bytes) -> list[str]:
    """Return, sorted, what ``find_sources`` takes for groups in the project at *root*.

    Also of files that others come before; nothing of one that cannot be understood.
    """
    found = _text_files(root, "pylock.", ".toml")
    found += _text_files(os.path.join(root, _REQUIREMENTS.encode()), "", ".txt")
    for pattern in _PATTERNS:
        found += _text_files(root, *pattern.split("%s"))
    with suppress(VenvhookError):
        found += [name for part in _declared(read_table(root, PYPROJECT)) for name in part]
    with suppress(VenvhookError):
        tables = (*_NO_CATEGORIES, *_CATEGORIES)
        found += [name for name in read_table(root, PIPFILE) if name not in tables]
    return sorted(set(found))


def _is_there(root: bytes, name: str) -> bool:
    return os.path.isfile(os.path.join(root, os.fsencode(name)))


def _text_files(directory: bytes, prefix: str, suffix: str) -> list[str]:
    """Return, sorted, what the names in *directory* have between *prefix* and *suffix*."""
    try:
        names = [os.fsdecode(entry.name) for entry in os.scandir(directory) if entry.is_file()]
    except OSError:
        return []
    found = (name for name in names if name.startswith(prefix) and name.endswith(suffix))
    return sorted(name.removeprefix(prefix).removesuffix(suffix) for name in found)


# ---- Locks ---------------------------------------------------------------------------------------


def _lock_finder(name: str) -> Callable[[bytes, tuple[str, ...]], Source | None]:
    """Return what finds the lock *name*, whose groups and extras pyproject.toml declares."""

    def find(root: bytes, groups: tuple[str, ...]) -> Source | None:
        if not _is_there(root, name):
            return None
        chosen = _chosen(groups, read_table(root, PYPROJECT), root) if groups else ((), ())
        return Source(name, (name,), *chosen)

    return find


def _find_pipfile_lock(root: bytes, groups: tuple[str, ...]) -> Source | None:
    if not _is_there(root, "Pipfile.lock"):
        return None
    return Source("Pipfile.lock", ("Pipfile.lock",), _categories(root, groups))


def _find_pylock(root: bytes, groups: tuple[str, ...]) -> Source | None:
    """Find ``pylock.toml``, or the ``pylock.NAME.toml`` (PEP 751) that is wished or the only one.

    Each is whole, so only one is installed.
    """
    names = _text_files(root, "pylock.", ".toml")
    is_plain = _is_there(root, "pylock.toml")
    if groups:
        if not names and not is_plain:
            return None
        chosen = _named(groups, names, shown(root), "pylock.NAME.toml")
        if len(chosen) > 1:
            raise UsageError(f"{shown(root)}: of pylock.NAME.toml only one can be installed")
    elif is_plain or len(names) <= 1:
        chosen = () if is_plain else tuple(names)
    else:
        raise _which(root, "pylock.NAME.toml", names)
    files = tuple(f"pylock.{name}.toml" for name in chosen) or ("pylock.toml",)
    return Source("pylock", files) if chosen or is_plain else None


# ---- Lists ---------------------------------------------------------------------------------------


def _find_requirements(root: bytes, groups: tuple[str, ...]) -> Source | None:
    """Find ``requirements.txt`` and the one for development; else those of ``requirements/``."""
    directory = os.path.join(root, _REQUIREMENTS.encode())
    inside = _text_files(directory, "", ".txt")
    files = [name for name in ("requirements.txt", *_called(DEV)) if _is_there(root, name)]
    if not files:
        purposes = [next((name for name in some if name in inside), "") for some in (_BASES, _DEVS)]
        known = [name for name in purposes if name] or (inside if len(inside) == 1 else [])
        files = [f"{_REQUIREMENTS}/{name}.txt" for name in known]
    if not files and not inside:
        return None
    for group in groups:
        names = (*_called(group), f"{_REQUIREMENTS}/{group}.txt")
        found = [name for name in names if _is_there(root, name)]
        if not found or "/" in group:
            there = f"; there are {_listed(inside)}" if inside else ""
            group = shown(os.fsencode(group))
            raise UsageError(f"{shown(root)}: no requirements are called '{group}'{there}")
        files += [name for name in found[:1] if name not in files]
    if not files:
        raise _which(root, f"{_REQUIREMENTS}/NAME.txt", inside)
    return Source(_REQUIREMENTS, tuple(files))


def _called(purpose: str) -> tuple[str, ...]:
    """Return the names of a file of requirements for *purpose*."""
    return tuple(pattern % purpose for pattern in _PATTERNS)


def _find_pipfile(root: bytes, groups: tuple[str, ...]) -> Source | None:
    if not _is_there(root, PIPFILE):
        return None
    return Source(PIPFILE, (PIPFILE,), _categories(root, groups))


def _categories(root: bytes, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tables of the Pipfile to install for *groups*; none means pipenv's own choice."""
    if not groups:
        return ()
    there = [name for name in read_table(root, PIPFILE) if name not in _NO_CATEGORIES]
    chosen = _named(groups, there, shown(os.path.join(root, PIPFILE.encode())), "table")
    return tuple(dict.fromkeys((*_CATEGORIES, *chosen)))


# ---- The project itself --------------------------------------------------------------------------


def _find_package(root: bytes, groups: tuple[str, ...]) -> Source | None:
    """Find a project that is to be installed itself: it says how it is built, or has setup.py."""
    table = read_table(root, PYPROJECT)
    has_setup = _is_there(root, SETUP)
    if not (has_setup or _is_built(root, table)):
        return None
    says = "project" in table or "build-system" in table or not has_setup
    return Source("package", (PYPROJECT if says else SETUP,), *_with_dev(groups, table, root, True))


def _is_built(root: bytes, table: Table) -> bool:
    """Return whether ``pyproject.toml``, which says *table*, makes the project a package.

    Without [build-system] it would be setuptools' (PEP 518), which fails on the layouts of most
    applications; so, as for uv, it has to be meant: by settings of setuptools, or its setup.cfg.
    """
    dynamic = _inner(table, "project").get("dynamic")
    return bool(
        "build-system" in table
        or _inner(table, "tool", "setuptools")
        or (isinstance(dynamic, list) and dynamic)
        or (_is_there(root, PYPROJECT) and _has_metadata(root))
    )


def _has_metadata(root: bytes) -> bool:
    """Return whether ``setup.cfg`` tells of a package, rather than of linters only."""
    text = _read(root, "setup.cfg")
    return text is not None and re.search(r"^\[(metadata|options)\]", text, re.M) is not None


def _find_project(root: bytes, groups: tuple[str, ...]) -> Source | None:
    """Find a project that only lists what it needs, in ``pyproject.toml``."""
    table = read_table(root, PYPROJECT)
    if _find_package(root, ()) is not None:
        return None
    if not ("project" in table or "dependency-groups" in table):
        return None
    source = Source("project", (PYPROJECT,), *_with_dev(groups, table, root, False))
    return source if listed_requirements(root, source) else None


def _with_dev(
    groups: tuple[str, ...], table: Table, root: bytes, is_package: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the groups and extras for *groups*, and the group "dev" where there is one."""
    # What setup.py declares is known only to it, and so is what a build back end fills in.
    dynamic = _inner(table, "project").get("dynamic")
    is_open = is_package and ("project" not in table or bool(dynamic))
    chosen, extras = _chosen(groups, table, root, is_open)
    dev = [name for name in _inner(table, "dependency-groups") if _normal(name) == DEV]
    return tuple(dict.fromkeys((*dev, *chosen))), extras


def _find_conda(root: bytes, groups: tuple[str, ...]) -> Source | None:  # noqa: ARG001  # the table's
    names = [name for name in ("environment.yml", "environment.yaml") if _is_there(root, name)]
    return Source("conda", (names[0],)) if names else None


_FINDERS: tuple[Callable[[bytes, tuple[str, ...]], Source | None], ...] = (
    _lock_finder("uv.lock"),
    _lock_finder("poetry.lock"),
    _lock_finder("pdm.lock"),
    _find_pipfile_lock,
    _find_pylock,
    _find_requirements,
    _find_pipfile,
    _find_package,
    _find_project,
    _find_conda,
)


# ---- Groups and extras ---------------------------------------------------------------------------


def _chosen(
    groups: tuple[str, ...], table: Table, root: bytes, is_open: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of *groups* are groups in *table*, and which extras; some are both.

    Where *is_open*, what is neither is an extra, else UsageError is raised.
    """
    names, extras = _declared(table)
    known = {_normal(name) for name in (*names, *extras)}
    if is_open:
        extras += [group for group in groups if _normal(group) not in known]
    _named(groups, [*names, *extras], shown(os.path.join(root, PYPROJECT.encode())), "group")
    wished = [_normal(group) for group in groups]
    return (
        tuple(name for name in names if _normal(name) in wished),
        tuple(name for name in extras if _normal(name) in wished),
    )


def _declared(table: Table) -> tuple[list[str], list[str]]:
    """Return the groups and the extras that ``pyproject.toml``, which says *table*, declares."""
    tool = _inner(table, "tool")
    there = (
        _inner(table, "dependency-groups"),
        _inner(tool, "poetry", "group"),
        _inner(tool, "pdm", "dev-dependencies"),
    )
    extras = _inner(table, "project", "optional-dependencies") or _inner(tool, "poetry", "extras")
    return list(dict.fromkeys(name for part in there for name in part)), list(extras)


def _named(groups: Iterable[str], names: list[str], where: str, what: str) -> tuple[str, ...]:
    """Return those of *names* that *groups* mean; raise UsageError where one means none."""
    known = {_normal(name): name for name in names}
    for group in groups:
        if _normal(group) not in known:
            there = f"; there are {_listed(names)}" if names else ""
            raise UsageError(f"{where}: no {what} is called '{shown(os.fsencode(group))}'{there}")
    return tuple(dict.fromkeys(known[_normal(group)] for group in groups))


def _normal(name: str) -> str:
    """Return *name* as it is compared (PEP 503, PEP 685, PEP 735)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _which(root: bytes, what: str, names: list[str]) -> UsageError:
    return UsageError(f"{shown(root)}: of {what} there are {_listed(names)}; choose with --group")


def _listed(names: Iterable[str]) -> str:
    return shown(os.fsencode(", ".join(dict.fromkeys(names))))


def listed_requirements(root: bytes, source: Source) -> list[str]:
    """Return what ``pyproject.toml`` lists for *source*: its groups, resolved, and extras.

    Of a project that is not installed itself, what it depends on as well. For those that cannot
    read it themselves: pip only since 25.1, and only groups. Raises VenvhookError.
    """
    table = read_table(root, PYPROJECT)
    lists: list[object] = []
    if source.kind == "project":
        lists.append(_inner(table, "project").get("dependencies", []))
        extras = _inner(table, "project", "optional-dependencies")
        lists += [extras[name] for name in source.extras]
    declared = {_normal(name): value for name, value in _inner(table, "dependency-groups").items()}
    lists += [_resolved(_normal(name), declared, ()) for name in source.groups]
    found = [entry for entries in lists for entry in _entries(entries)]
    for entry in found:
        # It would be an option of the tool that is called with it.
        if not isinstance(entry, str) or not entry.strip() or entry.strip().startswith("-"):
            raise _mistake(root, f"'{shown(os.fsencode(str(entry)))}' is no requirement")
    return list(dict.fromkeys(str(entry) for entry in found))


def _resolved(name: str, groups: Mapping[str, object], inside: tuple[str, ...]) -> list[object]:
    """Return what the group *name* lists, with the groups that it includes (PEP 735)."""
    if name in inside:
        raise VenvhookError(f"{PYPROJECT}: the group '{name}' includes itself; {_MEND}")
    found: list[object] = []
    for entry in _entries(groups.get(name, [])):
        included = entry.get("include-group") if isinstance(entry, dict) else None
        if isinstance(included, str):
            found += _resolved(_normal(included), groups, (*inside, name))
        else:
            found.append(entry)
    return found


def _entries(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


# ---- Reading -------------------------------------------------------------------------------------


def read_table(root: bytes, name: str) -> Table:
    """Return what the TOML file *name* of *root* says, empty where there is none.

    Raises VenvhookError where it cannot be read or understood.
    """
    text = _read(root, name)
    if text is None:
        return {}
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _mistake(root, shown(str(error).encode()), name) from None
    except RecursionError:
        raise _mistake(root, "is nested too deeply", name) from None


def _read(root: bytes, name: str) -> str | None:
    """Return the text of the file *name* of *root*, or None where there is none."""
    path = os.path.join(root, os.fsencode(name))
    try:
        return read_file(path, _LIMIT).decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _mistake(root, f"cannot be read ({error.strerror})", name) from None
    except Unusable as error:
        raise _mistake(root, error.reason, name) from None
    except UnicodeDecodeError as error:
        raise _mistake(root, f"is not UTF-8 ({error.reason})", name) from None


def _mistake(root: bytes, what: str, name: str = PYPROJECT) -> VenvhookError:
    where = shown(os.path.join(root, os.fsencode(name)))
    return VenvhookError(f"{where}: {what}; {_MEND}")


def _inner(table: Table, *names: str) -> Table:
    """Return the table that *names* lead to, empty where there is none."""
    found: object = table
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
