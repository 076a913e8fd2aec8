"""Which Python a project's files ask for: read, bounded, and never run.

``.python-version`` (pyenv, uv) pins one or several; ``pyproject.toml``, ``Pipfile`` and
``setup.cfg`` declare a range. What is said is told as text here; wanted.py understands it.
"""

from __future__ import annotations

import codecs
import configparser
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from .environment import WINDOWS, Doubt, Unusable, is_never_asked, read_file
from .errors import VenvhookError, shown
from .held import follow

PINS = b".python-version"
MEND = "mend it, or give --python"

_PINS_LIMIT = 64 * 1024
_LIMIT = 1024 * 1024
# A key of n parts takes tomllib n * n steps, and each key below it n: about a second at this limit.
_TOML_WORK_LIMIT = 30_000_000
_LEVELS_LIMIT = 100


@dataclass(frozen=True)
class Pins:
    """The words of a ``.python-version`` that mean something, in their order, and where it is."""

    words: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Declaration:
    """What a project says it works with: *text* as written, in *place* (a file, and a line).

    *specifiers* are those of PEP 440 that mean the same, of which one must hold.
    """

    text: str
    origin: str
    place: str
    specifiers: tuple[str, ...]


# ---- .python-version -----------------------------------------------------------------------------


def find_pins(root: bytes) -> Pins | None:
    """Return what is pinned for the project *root*: there, else at the top of its git work tree.

    Raises VenvhookError where it cannot be read.
    """
    for directory in dict.fromkeys((root, _work_tree(root) or root)):
        path = os.path.join(directory, PINS)
        text = _read(path, _PINS_LIMIT)
        if text is not None:
            origin = PINS.decode() if directory == root else shown(path)
            words = pinned_words(text)
            return Pins(words, origin) if words else None
    return None


def pinned_words(text: bytes) -> tuple[str, ...]:
    """Return the first word of each line, without comments: as pyenv reads it."""
    # What '>' of PowerShell 5.1 writes.
    is_utf16 = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoded = text.decode("utf-16" if is_utf16 else "utf-8-sig", "backslashreplace")
    lines = (line.partition("#")[0].split() for line in decoded.splitlines())
    return tuple(words[0] for words in lines if words)


def _work_tree(root: bytes) -> bytes | None:
    """Return the top of the git work tree around *root*, or None."""
    directory = root
    for _ in range(_LEVELS_LIMIT):
        if is_never_asked(directory):
            break
        if os.path.lexists(os.path.join(directory, b".git")):
            return directory
        if os.path.dirname(directory) == directory:
            break
        directory = os.path.dirname(directory)
    return None


# ---- Declarations --------------------------------------------------------------------------------


def find_declaration(root: bytes) -> Declaration | None:
    """Return what the project *root* declares, or None.

    Raises VenvhookError where a file cannot be read or understood.
    """
    for name, read in _FILES:
        path = os.path.join(root, name)
        content = _read(path, _LIMIT)
        found = None if content is None else read(path, _decoded(path, content))
        if found is not None:
            return found
    return None


def _from_pyproject(path: bytes, text: str) -> Declaration | None:
    """Return what the ``pyproject.toml`` *text* declares (PEP 621, else poetry's own table)."""
    tables = _toml(path, text)
    project = _table(tables, "project")
    if "requires-python" in project:
        value = project["requires-python"]
        place = _place(path, text, "project", "requires-python")
        wanted = _text(value, place, "requires-python")
        return Declaration(wanted, "requires-python of pyproject.toml", place, (wanted,))
    dependencies = _table(tables, "tool", "poetry", "dependencies")
    if "python" not in dependencies:
        return None
    value = dependencies["python"]
    place = _place(path, text, "tool.poetry.dependencies", "python")
    wanted = _text(value.get("version") if isinstance(value, dict) else value, place, "python")
    origin = "tool.poetry.dependencies of pyproject.toml"
    return Declaration(wanted, origin, place, _from_poetry(wanted, place))


def _from_pipfile(path: bytes, text: str) -> Declaration | None:
    """Return what the ``Pipfile`` *text* requires."""
    requires = _table(_toml(path, text), "requires")
    for key in ("python_full_version", "python_version"):
        if key not in requires:
            continue
        place = _place(path, text, "requires", key)
        wanted = _text(requires[key], place, key)
        if wanted == "*":
            return None
        if not re.fullmatch(r"\d+(\.\d+){0,2}", wanted):
            raise VenvhookError(f"{place}: {key} '{_short(wanted)}' is no version; {MEND}")
        return Declaration(wanted, f"{key} of Pipfile", place, (_same_series(wanted),))
    return None


def _from_setup(path: bytes, text: str) -> Declaration | None:
    """Return what the ``setup.cfg`` *text* declares."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        said = " ".join(error.message.replace("'<string>'", "it").split())
        raise VenvhookError(f"{shown(path)}: {_short(said)}; {MEND}") from None
    wanted = parser.get("options", "python_requires", fallback="").strip()
    if not wanted:
        return None
    place = _place(path, text, "options", "python_requires")
    return Declaration(wanted, "python_requires of setup.cfg", place, (wanted,))


_FILES: tuple[tuple[bytes, Callable[[bytes, str], Declaration | None]], ...] = (
    (b"pyproject.toml", _from_pyproject),
    (b"Pipfile", _from_pipfile),
    (b"setup.cfg", _from_setup),
)


def _toml(path: bytes, text: str) -> dict[str, object]:
    """Return the tables of *text*; raise VenvhookError where it is no TOML."""
    dots = [line.count(".") for line in text.split("\n")]
    if max(dots) * (sum(dots) + len(dots)) > _TOML_WORK_LIMIT:
        raise VenvhookError(f"{shown(path)}: has keys of too many parts to be read; {MEND}")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise VenvhookError(f"{shown(path)}: {_short(str(error))}; {MEND}") from None
    except RecursionError:
        raise VenvhookError(f"{shown(path)}: is nested too deeply to be read; {MEND}") from None


def _table(tables: dict[str, object], *names: str) -> dict[str, object]:
    """Return the table that *names* lead to, empty where there is none."""
    found: object = tables
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object, place: str, key: str) -> str:
    """Return *value*, which must be a text; raise VenvhookError where it is none."""
    if isinstance(value, str) and len(value) <= 1000:
        return value.strip()
    raise VenvhookError(f"{place}: {key} is no text like '>=3.11'; {MEND}")


def _short(text: str) -> str:
    return shown(text.encode("utf-8", "surrogateescape"), limit=120)


def _place(path: bytes, text: str, section: str, key: str) -> str:
    """Return *path* with the number of the line that sets *key* in *section*, if it is seen."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("["):
            inside = line.strip().startswith(f"[{section}]")
        elif inside and line.replace('"', "").split("=")[0].split(":")[0].strip() == key:
            return f"{shown(path)}:{number}"
    return shown(path)


# ---- Poetry --------------------------------------------------------------------------------------

_POETRY_WORD = re.compile(
    r"\s*(?P<operator>\^|~=|~|>=|<=|==|!=|>|<|=|)\s*(?P<version>[^\s,|<>=!~^]+)"
)
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9})*")


def _from_poetry(text: str, place: str) -> tuple[str, ...]:
    """Return the specifiers that mean what poetry's constraint *text* does.

    Poetry's documentation, "Dependency specification": ``^`` and ``~``, ``||`` for "or", a comma or
    a space for "and". A version alone, ``3.9``, is taken to mean all of 3.9, not just 3.9.0.
    """
    unions = [_intersection(part) for part in re.split(r"\|\|?", text)]
    if None in unions:
        raise VenvhookError(f"{place}: python '{_short(text)}' is no constraint of poetry; {MEND}")
    return tuple(part for part in unions if part is not None)


def _intersection(text: str) -> str | None:
    """Return the specifiers, between commas, that mean *text*; None where it means nothing."""
    found: list[str] = []
    rest = text.strip()
    while rest:
        match = _POETRY_WORD.match(rest)
        specifier = None if match is None else _specifier(match["operator"], match["version"])
        if match is None or specifier is None:
            return None
        found.append(specifier)
        rest = rest[match.end() :].lstrip(" \t,")
    return ",".join(part for part in found if part) if found else None


def _specifier(operator: str, version: str) -> str | None:
    """Return the specifiers of PEP 440 for one word of a constraint, or None for no such word."""
    if version == "*":
        return ""
    is_series = version.endswith(".*")
    if not _VERSION.fullmatch(version.removesuffix(".*")):
        return None
    if operator == "^" or operator == "~":
        return None if is_series else _range(operator, [int(part) for part in version.split(".")])
    if operator in ("", "=", "=="):
        return f"=={version}" if is_series else _same_series(version)
    return None if is_series and operator != "!=" else operator + version


def _range(operator: str, numbers: list[int]) -> str:
    """Return the range from *numbers* on, up to the next version that breaks what it means."""
    if operator == "~":
        kept = min(len(numbers), 2)
    else:
        # The first number that is not zero stays, else the last that is given.
        kept = next((i for i, number in enumerate(numbers, 1) if number), len(numbers))
    end = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return f">={_dotted(numbers)},<{_dotted(end)}"


def _dotted(numbers: list[int]) -> str:
    return ".".join(str(number) for number in numbers)


def _same_series(version: str) -> str:
    """Return the specifier for all versions that begin with *version*."""
    return f"=={version}" if version.count(".") >= 2 else f"=={version}.*"


# ---- Files ---------------------------------------------------------------------------------------


def _read(path: bytes, limit: int) -> bytes | None:
    """Return the content of *path*, or None where nothing is there. Raises VenvhookError.

    A link is followed only where no look can hang.
    """
    try:
        if not os.path.lexists(path):
            return None
        real = path if WINDOWS else follow(path).real
        return read_file(real, limit, links=WINDOWS)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    except Unusable as error:
        reason = error.reason
    except Doubt as doubt:
        reason = f"cannot be read ({doubt.what})"
    raise VenvhookError(f"{shown(path)}: {reason}; {MEND}")


def _decoded(path: bytes, content: bytes) -> str:
    """Return *content* as text with line feeds; raise VenvhookError where it is not UTF-8."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise VenvhookError(f"{shown(path)}: is not UTF-8 ({error.reason}); {MEND}") from None
