"""The text of ``config.toml``: what it sets, on which line, and what is wrong with it.

Imported only where the text has to be read: TOML takes as long as starting Python.
"""

from __future__ import annotations

import difflib
import re
import tomllib

from .config import (
    DIRECTORIES,
    SETTINGS,
    WORD,
    Setting,
    is_apart_from_home,
)
from .errors import VenvhookError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .config import Value

ROWS = {row.name: row for row in SETTINGS}
# Strings and comments as wholes, then what structures a statement (TOML 1.0).
_PIECES = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'|#[^\n]*|[][{}=\n]',
    re.DOTALL,
)
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def parse(file: bytes, content: bytes, environ: Mapping[str, str]) -> dict[str, Value]:
    """Return what *content*, that of *file*, sets.

    Raises VenvhookError that names the first line that is not understood.
    """
    where = shown(file)
    text = _decoded(where, content)
    table = table_of(where, text)
    values: dict[str, Value] = {}
    mistakes: dict[str, str] = {}
    for name, raw in table.items():
        row = ROWS.get(name)
        if row is None:
            mistakes[name] = _unknown(name)
            continue
        value = _value(row, raw)
        wrong = mistake(row, value, environ)
        if value is None or wrong:
            mistakes[name] = wrong
        else:
            values[name] = value
    if mistakes:
        lines = lines_of(text)
        line, name = min((lines.get(name, 0), name) for name in mistakes)
        raise VenvhookError(f"{where}:{line}: {mistakes[name]}")
    return values


def _decoded(where: str, content: bytes) -> str:
    """Return *content* as text."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise VenvhookError(f"{where}:{line}: is not UTF-8; mend it with an editor") from None


def table_of(where: str, text: str) -> dict[str, object]:
    """Return the keys and values of the TOML 1.0 *text*, that of the file *where*."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # RecursionError: a list in a list in a list ....
        what = str(error)
        place = _PLACE.search(what)
        line = text.count("\n") + 1 if place is None or not place[1] else int(place[1])
        what = what if place is None else what[: place.start()]
        raise VenvhookError(f"{where}:{line}: {what}; 'venvhook config edit' mends it") from None


def _value(row: Setting, raw: object) -> Value | None:
    """Return what TOML's *raw* sets, or None where it is of another type."""
    if row.is_list:
        if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
            return None
        return tuple(item.encode() for item in raw)
    if row.kind == WORD:
        return raw if isinstance(raw, str) else None
    return raw if isinstance(raw, bool) else None


# ---- What is said --------------------------------------------------------------------------------


def nearest(name: str) -> str:
    """Return which setting may be meant by *name*: a question, or all that there are."""
    plain = name.lower().replace("-", "_")
    found = difflib.get_close_matches(plain, ROWS, 1)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(ROWS)}"


def _unknown(name: str) -> str:
    """Return that no setting has *name*, and which may be meant."""
    return f"no setting is called '{shown(name.encode(), 40)}'; {nearest(name)}"


def _strays(row: Setting, value: Value, environ: Mapping[str, str]) -> list[bytes]:
    """Return the items of *value* that the list of *row* may not hold."""
    if not isinstance(value, tuple):
        return []
    return [
        item
        for item in value
        if not row.accepts_item(item)
        or (row.kind == DIRECTORIES and not is_apart_from_home(item, environ))
    ]


def _unaccepted(row: Setting, value: Value | None, environ: Mapping[str, str]) -> str:
    """Return what *row* must be, and which item of *value* is not so."""
    must = f"must be {f'a list of {row.wanted}' if row.is_list else row.wanted}"
    strays = [] if value is None else _strays(row, value, environ)
    return f"{row.name} {must}" + (f", not '{shown(strays[0], 80)}'" if strays else "")


def mistake(row: Setting, value: Value | None, environ: Mapping[str, str]) -> str:
    """Return what is wrong with *value* for *row*, or nothing; None is of another type."""
    if value is not None and row.accepts(value) and not _strays(row, value, environ):
        return ""
    return _unaccepted(row, value, environ)


# ---- Lines ---------------------------------------------------------------------------------------


def lines_of(text: str) -> dict[str, int]:
    """Return on which line each key of the valid TOML *text* is first set, of its tables too.

    tomllib does not tell. One pass over the text, whatever is in it.
    """
    lines: dict[str, int] = {}
    depth, start, line, is_named, in_table = 0, 0, 1, False, False
    for piece in _PIECES.finditer(f"{text}\n"):
        what = piece[0]
        if what in ("[", "{"):
            depth += 1
        elif what in ("]", "}"):
            depth -= 1
        elif depth == 0 and what == "=" and not is_named:
            is_named = True
            if not in_table:
                lines.setdefault(_first_key(text[start : piece.end()] + "0"), line)
        elif depth == 0 and what == "\n":
            statement = text[start : piece.start()]
            if not is_named and statement.lstrip().startswith("["):
                in_table = True
                lines.setdefault(_first_key(statement), line)
            line += text.count("\n", start, piece.end())
            start, is_named = piece.end(), False
    return lines


def _first_key(statement: str) -> str:
    """Return the key of the TOML *statement*; of a dotted one, the first part."""
    return next(iter(tomllib.loads(statement)))
