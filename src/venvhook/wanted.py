"""Which Python is wanted, and which of those found is taken.

Asked in this order, and the first that says something counts: ``--python``, ``.python-version``,
what the project declares (declared.py), and else any. Only the first can name a path, or a program
to run: a file of a project gives versions to look for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from .caller import absolute
from .declared import MEND, Declaration, Pins, find_declaration, find_pins
from .environment import WINDOWS
from .errors import UsageError, VenvhookError, shown
from .interpreters import SHIM, Interpreter, interpreter_at, is_avoided
from .places import SYSTEM_ORIGINS, is_shim_directory, search_path

GIVEN = "--python"
_LISTED = 8
# What 'uv python list --all-versions --only-downloads' ends with.
_OLDEST_OF_UV = (3, 8)
_NO_ENVIRON: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Request:
    """One thing that is asked for, as *text* says it; a Python must have all that is said here.

    One of *specifiers* must hold, if there are any. *suffix* names a pre-release ("rc1").
    """

    text: str
    specifiers: tuple[SpecifierSet, ...] = ()
    implementation: str = "cpython"
    suffix: str = ""
    takes_prereleases: bool = False
    is_free_threaded: bool = False
    is_system: bool = False

    def matches(self, interpreter: Interpreter) -> bool:
        """Return whether *interpreter* is what is asked for."""
        return (
            interpreter.implementation == self.implementation
            and interpreter.is_free_threaded == self.is_free_threaded
            and (not self.suffix or interpreter.suffix == self.suffix)
            and (not self.is_system or interpreter.origin in SYSTEM_ORIGINS)
            and self.allows(interpreter.release_text)
        )

    def allows(self, version: str) -> bool:
        """Return whether *version*, without the suffix of a pre-release, is among those asked for.

        So that "3.14.0rc1" has what 3.14 has, as for pip.
        """
        return not self.specifiers or any(
            specifier.contains(version, prereleases=True) for specifier in self.specifiers
        )


ANY = Request("")


@dataclass(frozen=True)
class Wanted:
    """What is wanted: *text*, as *origin* says it ("" for anything), for the project *root*.

    That is the first of *requests* that can be had; or the interpreter at *path*; or the program
    *name* on PATH. *ignored* are lines that tell what was passed over, and *conflict* one that
    warns, if not empty, of somebody else who says the contrary.
    """

    text: str
    origin: str
    requests: tuple[Request, ...] = (ANY,)
    path: bytes = b""
    name: bytes = b""
    root: bytes = b""
    ignored: tuple[str, ...] = ()
    conflict: str = ""

    def matches(self, interpreter: Interpreter) -> bool:
        """Return whether *interpreter* is one of those wanted."""
        return any(request.matches(interpreter) for request in self.requests)


class NoSuitable(VenvhookError):  # noqa: N818  # as the others call it: an answer
    """None of the Pythons that were found is *wanted*.

    *request* is what uv can be asked for to get one, the newest if possible, or empty.
    """

    def __init__(self, wanted: Wanted, found: Sequence[Interpreter]) -> None:
        super().__init__(_message(wanted, found))
        self.wanted = wanted
        self.request = _installable(wanted)


# ---- What is wanted ------------------------------------------------------------------------------


def wanted_python(root: bytes, given: str | None) -> Wanted:
    """Return which Python is wanted for the project *root*; *given* is what --python says.

    ``.python-version`` is looked for in *root*, then at the top of its git work tree. Raises
    UsageError for a *given* that cannot be understood, VenvhookError for such a file.
    """
    if given is not None:
        return _with_conflict(_given(root, given))
    pins = find_pins(root)
    wanted = None if pins is None else _pinned(root, pins)
    if wanted is not None and wanted.text:
        return _with_conflict(wanted)
    declared = declared_python(root)
    return declared if wanted is None else replace(declared, ignored=wanted.ignored)


def declared_python(root: bytes) -> Wanted:
    """Return which Python the project *root* declares that it works with, maybe any.

    Raises VenvhookError where that cannot be understood.
    """
    declaration = find_declaration(root)
    if declaration is None or not any(declaration.specifiers):
        return Wanted("", "", root=root)
    request = Request(declaration.text, _specifiers(declaration))
    return Wanted(declaration.text, declaration.origin, (request,), root=root)


def _given(root: bytes, given: str) -> Wanted:
    """Return what --python asks for."""
    text = given.strip()
    if not text or "\0" in text:
        raise UsageError(f"{GIVEN} is empty; give a version, as 3.12, or a path")
    request = _request(text)
    if request is not None:
        return Wanted(text, GIVEN, (request,), root=root)
    if text[0] in "<>=!~":
        try:
            return Wanted(text, GIVEN, (Request(text, (SpecifierSet(text),)),), root=root)
        except InvalidSpecifier:
            raise UsageError(
                f"{GIVEN} '{_shown(text)}' is no version specifier; write it like '>=3.11,<3.13'"
            ) from None
    if os.sep not in given and "/" not in given:
        return Wanted(text, GIVEN, name=os.fsencode(given), root=root)
    path = absolute(os.fsencode(given), _NO_ENVIRON)
    if is_shim_directory(os.path.dirname(path)):
        return _given_shim(root, path)
    return Wanted(text, GIVEN, path=path, root=root)


def _given_shim(root: bytes, path: bytes) -> Wanted:
    """Return what the shim *path* stands for, as ``which python3.12`` names one."""
    text = os.fsdecode(os.path.basename(path))
    request = _request(text)
    if request is None or not re.search(r"\d\.\d", text):
        raise UsageError(f"{GIVEN} {shown(path)}: {SHIM}")
    return Wanted(text, GIVEN, (request,), root=root)


def _pinned(root: bytes, pins: Pins) -> Wanted:
    """Return what a ``.python-version`` asks for; no text where none of it says a version."""
    requests, ignored = [], []
    for word in pins.words:
        request = _request(word)
        if request is not None:
            requests.append(request)
        else:
            reason = "a path is not followed" if "/" in word or "\\" in word else "is no version"
            ignored.append(f"{pins.origin}: '{_shown(word)}' is passed over: {reason}")
    text = " or ".join(request.text for request in requests)
    return Wanted(text, pins.origin, tuple(requests), root=root, ignored=tuple(ignored))


# What pyenv, uv and people call a version: 3.12, 3.12.3, 3.14.0rc1, 3.13t, 3.12-dev, python3.12,
# cpython-3.12.1-linux-x86_64-gnu, cpython@3.13+freethreaded, pypy3.10-7.3.12.
_REQUEST = re.compile(
    r"(?:(?P<implementation>python|cpython|pypy|graalpy)[-@]?)?"
    r"(?P<version>[23]|[1-9]\d?(?:\.\d{1,4}){1,2})?(?P<suffix>(?:a|b|rc)\d{1,4})?"
    r"(?P<threaded>t|\+freethreaded)?(?P<dev>-dev)?"
    r"(?:(?P<release>-v?\d[\w.]*)|-(?:linux|macos|darwin|windows)[\w.+-]*)?",
    re.ASCII,
)


def _request(word: str) -> Request | None:
    """Return what *word* asks for, or None where it is no version."""
    if word == "system":
        return Request(word, is_system=True)
    match = _REQUEST.fullmatch(word)
    if match is None:
        return None
    version, name = match["version"] or "", match["implementation"] or "python"
    if (not version and word != name) or (match["release"] and name != "pypy"):
        return None
    if name not in ("python", "cpython") and _numbers(version)[:1] not in ((), (2,), (3,)):
        return None  # GraalPy's own number
    return Request(
        word,
        (SpecifierSet(_as_specifier(version)),) if version else (),
        "cpython" if name == "python" else name,
        match["suffix"] or "",
        bool(match["suffix"] or match["dev"]),
        bool(match["threaded"]),
    )


def _as_specifier(version: str) -> str:
    return f"=={version}" if version.count(".") == 2 else f"=={version}.*"


def _specifiers(declaration: Declaration) -> tuple[SpecifierSet, ...]:
    """Return the specifiers of *declaration*; raise VenvhookError where one cannot be parsed."""
    try:
        return tuple(SpecifierSet(text) for text in declaration.specifiers)
    except InvalidSpecifier:
        key = declaration.origin.partition(" ")[0]
        raise VenvhookError(
            f"{declaration.place}: {key} '{_shown(declaration.text)}' is no version specifier, "
            f"as '>=3.11' is one; {MEND}"
        ) from None


def _shown(text: str) -> str:
    return shown(os.fsencode(text), limit=80)


# ---- Two that say different things ---------------------------------------------------------------


def _with_conflict(wanted: Wanted) -> Wanted:
    """Return *wanted* with a warning where the project declares something that excludes it.

    What the project declares is not followed then, so it may be wrong as well.
    """
    if wanted.path or wanted.name:
        return wanted
    try:
        declaration = find_declaration(wanted.root)
        declared = () if declaration is None else _specifiers(declaration)
    except VenvhookError as error:
        return replace(wanted, ignored=(*wanted.ignored, str(error)))
    other = Request("", declared)
    if declaration is None or any(_overlap(request, other) for request in wanted.requests):
        return wanted
    conflict = (
        f"{wanted.origin} says {_shown(wanted.text)}, but {declaration.origin} says "
        f"{_shown(declaration.text)}; the first is followed"
    )
    return replace(wanted, conflict=conflict)


def _overlap(one: Request, other: Request) -> bool:
    """Return whether there can be a version that both allow."""
    samples = _samples((*one.specifiers, *other.specifiers))
    return any(one.allows(version) and other.allows(version) for version in samples)


def _samples(specifiers: Iterable[SpecifierSet]) -> Iterator[str]:
    """Yield versions, one of which *specifiers* all allow if there is any such.

    Each series' first and last, and the neighbours of each version that is named.
    """
    yield "2.7.18"
    for minor in range(50):
        yield f"3.{minor}.0"
        yield f"3.{minor}.99"
    for text in re.findall(r"\d+(?:\.\d+){1,2}", " ".join(str(one) for one in specifiers)):
        major, minor, micro = (int(number) for number in (*text.split("."), "0")[:3])
        for near in (micro - 1, micro, micro + 1):
            yield f"{major}.{minor}.{max(near, 0)}"


# ---- Which is taken ------------------------------------------------------------------------------


def choose(
    wanted: Wanted, found: Sequence[Interpreter], environ: Mapping[str, str] = _NO_ENVIRON
) -> Interpreter:
    """Return the newest of *found*, which are sorted so, that the first possible request asks for.

    A pre-release is taken only if it is asked for or there is nothing else. What --python names by
    a path, or by a name on the PATH of *environ*, is looked at there. Raises NoSuitable, with what
    was found; VenvhookError for a path that leads to no Python.
    """
    path = wanted.path or (_on_path(wanted, environ) if wanted.name else b"")
    if path:
        return interpreter_at(path, environ)
    for request in () if wanted.name else wanted.requests:
        some = [interpreter for interpreter in found if request.matches(interpreter)]
        ready = [one for one in some if not one.suffix or request.takes_prereleases]
        if some:
            return (ready or some)[0]
    raise NoSuitable(wanted, found)


def _on_path(wanted: Wanted, environ: Mapping[str, str]) -> bytes:
    """Return the program that is called as wanted on PATH, outside of the project, or nothing."""
    names = (wanted.name, wanted.name + b".exe") if WINDOWS else (wanted.name,)
    for directory in search_path(environ):
        for path in (os.path.join(directory, name) for name in names):
            is_program = os.path.isfile(path) and os.access(path, os.X_OK)
            if is_program and not is_avoided(path, wanted.root, environ):
                return path
    return b""


def _message(wanted: Wanted, found: Sequence[Interpreter]) -> str:
    """Return the line that says what was wanted, what was found, and what to do."""
    origin = f" ({wanted.origin})" if wanted.origin else ""
    titles = list(dict.fromkeys(interpreter.title for interpreter in found))
    listed = ", ".join(titles[:_LISTED]) or "none"
    more = ", ..." if len(titles) > _LISTED else ""
    version = next(filter(None, map(_least, wanted.requests)), "")
    command = f" ('uv python install {version}')" if version else ""
    other = f"another {GIVEN}" if wanted.origin == GIVEN else GIVEN
    return (
        f"no {_what(wanted)}{origin}; found {listed}{more}; install one{command}, or give {other}"
    )


def _what(wanted: Wanted) -> str:
    """Return what is wanted, for a sentence that says that there is none."""
    text = _shown(wanted.text)
    if wanted.name:
        return f"'{text}' on PATH"
    if text.startswith(("pypy", "graalpy", "cpython")):
        return text
    return f"Python {text.removeprefix('python')}".rstrip()


def _installable(wanted: Wanted) -> str:
    """Return what uv can be asked for to get what is wanted, the newest if possible, or nothing."""
    if wanted.path or wanted.name:
        return ""
    for request in filter(_is_for_uv, wanted.requests):
        is_range = len(request.specifiers) == 1 and not _only_version(request)
        if is_range and request.implementation == "cpython":
            return str(request.specifiers[0])
        if _least(request):
            return _least(request)
    return ""


def _least(request: Request) -> str:
    """Return the version that *request* names, or its lower bound, as uv writes it, or nothing."""
    if not _is_for_uv(request):
        return ""
    version = _only_version(request) or _lower_bound(request)
    if request.implementation != "cpython":
        return request.implementation + version
    threaded = "t" if request.is_free_threaded else ""
    return version + request.suffix + threaded if version else ""


def _lower_bound(request: Request) -> str:
    """Return the lowest version of which *request* says that it will do, of those for uv."""
    bounds = [
        one.version
        for specifiers in request.specifiers
        for one in specifiers
        if one.operator in (">=", "~=")
    ]
    if not bounds:
        return ""
    oldest = ".".join(map(str, _OLDEST_OF_UV))
    return next((bound for bound in (*bounds, oldest) if _is_a_series_of_uv(request, bound)), "")


def _is_a_series_of_uv(request: Request, version: str) -> bool:
    return request.allows(version) and _numbers(version)[:2] >= _OLDEST_OF_UV


def _is_for_uv(request: Request) -> bool:
    """Return whether uv may have what *request* asks for: of CPython no series before 3.8.

    Nor another than Python 3. Which is its newest changes with each of its releases.
    """
    if request.is_system:
        return False
    if request.implementation != "cpython":
        return True
    return any(
        request.allows(version)
        for version in _samples(request.specifiers)
        if _OLDEST_OF_UV <= _numbers(version)[:2] < (4,)
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _only_version(request: Request) -> str:
    """Return the version or series that is all that *request* asks for, or nothing."""
    every = [one for specifiers in request.specifiers for one in specifiers]
    if len(every) == 1 and every[0].operator == "==":
        return every[0].version.removesuffix(".*")
    return ""
