"""Which Python a project wants, as its files say it, and which of those found is taken."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from venvhook import wanted as wanted_module
from venvhook.declared import _from_poetry, find_declaration, pinned_words
from venvhook.errors import UsageError, VenvhookError
from venvhook.interpreters import Interpreter
from venvhook.wanted import ANY, NoSuitable, Request, Wanted, choose, wanted_python

_TEXT = re.compile(
    r"(?:(?P<implementation>pypy|graalpy) )?(?P<version>[\d.]+?)(?P<suffix>(?:a|b|rc)\d+)?(?P<t>t)?"
)


def python(text: str, origin: str = "pyenv") -> Interpreter:
    """Return the interpreter that is shown as *text*."""
    match = _TEXT.fullmatch(text)
    assert match is not None
    major, minor, micro = (int(part) for part in match["version"].split("."))
    return Interpreter(
        b"/pythons/" + text.encode(),
        match["implementation"] or "cpython",
        (major, minor, micro),
        origin,
        match["suffix"] or "",
        bool(match["t"]),
    )


# As find_interpreters sorts them.
FOUND = [
    python("3.15.0a2"),
    python("3.14.0rc1"),
    python("3.13.1"),
    python("3.13.1t"),
    python("3.12.4"),
    python("3.12.1"),
    python("3.11.2", "PATH"),
    python("pypy 3.10.14"),
    python("3.9.18"),
    python("3.9.0"),
    python("graalpy 3.8.5"),
    python("2.7.18"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a git work tree's directory ``packages/app``, with nothing in it."""
    directory = tmp_path.resolve() / "work/packages/app"
    directory.mkdir(parents=True)
    (tmp_path / "work/.git").mkdir()
    return directory


def wanted(root: Path, given: str | None = None) -> Wanted:
    """Return what is wanted for the project *root*."""
    return wanted_python(bytes(root), given)


def taken(wish: Wanted) -> str:
    """Return which of FOUND is taken."""
    try:
        return choose(wish, FOUND).title
    except NoSuitable:
        return "none"


# ---- --python ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("3", "3.13.1"),
        ("2", "2.7.18"),
        ("3.12", "3.12.4"),
        (" 3.12 ", "3.12.4"),
        ("3.12.1", "3.12.1"),
        ("3.12.2", "none"),
        ("3.1", "none"),
        ("3.13t", "3.13.1t"),
        ("3.13+freethreaded", "3.13.1t"),
        ("3.12t", "none"),
        ("3.14", "3.14.0rc1"),
        ("3.14.0rc1", "3.14.0rc1"),
        ("3.14rc1", "3.14.0rc1"),
        ("3.14.0rc2", "none"),
        ("3.15-dev", "3.15.0a2"),
        (">=3.11", "3.13.1"),
        (">=3.11,<3.13", "3.12.4"),
        (">3.9, <3.12", "3.11.2"),
        ("<3.9", "2.7.18"),
        ("==3.9.*", "3.9.18"),
        ("~=3.9.0", "3.9.18"),
        ("!=3.13.*", "3.12.4"),
        (">=3.14", "3.15.0a2"),
        ("python", "3.13.1"),
        ("python3", "3.13.1"),
        ("python2.7", "2.7.18"),
        ("python3.12", "3.12.4"),
        ("cpython3.12", "3.12.4"),
        ("cpython@3.12.1", "3.12.1"),
        ("cpython-3.12.1-linux-x86_64-gnu", "3.12.1"),
        ("cpython-3.13.1+freethreaded-linux-x86_64-gnu", "3.13.1t"),
        ("pypy", "pypy 3.10.14"),
        ("pypy3", "pypy 3.10.14"),
        ("pypy3.10", "pypy 3.10.14"),
        ("pypy3.10-7.3.12", "pypy 3.10.14"),
        ("pypy@3.9", "none"),
        ("graalpy", "graalpy 3.8.5"),
        ("system", "3.11.2"),
    ],
)
def test_what_is_given_is_taken(given: str, expected: str, root: Path) -> None:
    wish = wanted(root, given)
    assert (wish.text, wish.origin) == (given.strip(), "--python")
    assert taken(wish) == expected
    matched = [one.title for one in FOUND if wish.matches(one)]
    assert expected in (matched or ["none"])


@pytest.mark.parametrize("given", ["", "  ", ">=", ">=3.x", "<3.9;", "~3.9", "a\0b", ">=3.9 || <3"])
def test_what_is_given_and_no_version_is_a_wrong_call(given: str, root: Path) -> None:
    with pytest.raises(UsageError, match=r"--python .*(like '>=3\.11,<3\.13'|as 3\.12)"):
        wanted(root, given)


def test_a_path_is_one_from_the_working_directory(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    link = tmp_path.resolve() / "bin/mine"
    link.symlink_to(Path(sys.executable).resolve())
    for name in ("bin/mine", "./bin/mine", str(link)):
        wish = wanted(root, name)
        assert wish.path == bytes(link)
        assert choose(wish, FOUND).path == bytes(link)
    with pytest.raises(VenvhookError, match=r"/bin/3\.12: No such file"):
        choose(wanted(root, "bin/3.12"), FOUND)


def test_a_shim_is_what_it_is_called(root: Path) -> None:
    assert taken(wanted(root, "/home/me/.pyenv/shims/python3.12")) == "3.12.4"
    for name in ("python", "python3"):
        with pytest.raises(UsageError, match=r"is a shim, .*; give a version, as 3\.12"):
            wanted(root, f"/home/me/.pyenv/shims/{name}")


def test_any_other_name_is_a_program_on_path(root: Path, tmp_path: Path) -> None:
    real = Path(sys.executable).resolve()
    for place in ("work/packages/app/bin", "through", "bin"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine").symlink_to(real)
    (tmp_path / "through/mine").unlink()
    (tmp_path / "through/mine").symlink_to(root / "bin/mine")
    names = ("work/packages/app/bin", "through", "bin")
    path = [".", "", *(str(tmp_path.resolve() / name) for name in names)]
    wish = wanted(root, "mine")
    environ = {"PATH": ":".join(path), "HOME": "/home/me"}
    assert choose(wish, FOUND, environ).path == bytes(tmp_path.resolve() / "bin/mine")
    environ["PATH"] = ":".join(path[:-1])
    with pytest.raises(NoSuitable, match=r"^no 'mine' on PATH \(--python\); found 3\.15\.0a2, "):
        choose(wish, FOUND, environ)


# ---- .python-version -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"3.12\n", "3.12.4"),
        (b"3.12.1", "3.12.1"),
        (b"\n# mine\n  3.12.1  # that one\n", "3.12.1"),
        (b"3.12.1 3.9.18\n", "3.12.1"),
        (b"3.8.1\n3.9\n3.12\n", "3.9.18"),
        (b"3.12.1\r\n3.9\r\n", "3.12.1"),
        (b"\xef\xbb\xbf3.9.0\n", "3.9.0"),
        ("3.9.0\r\n".encode("utf-16"), "3.9.0"),
        (b"pypy3.10-7.3.12\n", "pypy 3.10.14"),
        (b"cpython-3.9.0-macos-aarch64-none\n", "3.9.0"),
        (b"3.15-dev\n", "3.15.0a2"),
        (b"system\n", "3.11.2"),
        (b"miniconda3-4.7.12\n3.9\n", "3.9.18"),
        (b"3.8\n", "none"),
    ],
)
def test_the_first_line_that_can_be_had_is_taken(content: bytes, expected: str, root: Path) -> None:
    (root / ".python-version").write_bytes(content)
    assert taken(wanted(root)) == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("./python", "a path is not followed"),
        ("/usr/bin/python3", "a path is not followed"),
        ("bin/python3.12", "a path is not followed"),
        ("3.12.1/envs/mine", "a path is not followed"),
        ("..\\python", "a path is not followed"),
        ("~/python", "a path is not followed"),
        ("evil", "is no version"),
        ("my-project", "is no version"),
        ("3.12.1-mine", "is no version"),
        ("3.12.1-7", "is no version"),
        ("miniconda3-3.12-24.1.2-0", "is no version"),
        ("anaconda3-2023.09-0", "is no version"),
        ("graalpy-24.1.0", "is no version"),
        ("stackless-3.7.5", "is no version"),
        (">=3.12", "is no version"),
        ("pypy-dev", "is no version"),
        ("3.12.x", "is no version"),
        ("3.99999", "is no version"),
        ("٣.12", "is no version"),
        ("..", "is no version"),
        ("-", "is no version"),
        ("t", "is no version"),
    ],
)
def test_a_line_that_is_no_version_is_passed_over_and_told(
    line: str, why: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "evil").symlink_to(Path(sys.executable).resolve())
    monkeypatch.chdir(root)
    (root / ".python-version").write_text(f"{line}\n", encoding="utf-8")
    wish = wanted(root)
    assert wish == Wanted("", "", root=bytes(root), ignored=wish.ignored)
    assert wish.ignored == (f".python-version: '{line}' is passed over: {why}",)
    assert taken(wish) == "3.13.1"


def test_what_is_shown_of_a_line_is_harmless(root: Path) -> None:
    (root / ".python-version").write_bytes(b"\x1b[31mred" + b"a" * 5000 + b"\n\xff\n")
    ignored = wanted(root).ignored
    assert len(ignored) == 2
    assert all(line.isprintable() and len(line) < 200 for line in ignored)


def test_it_is_looked_for_in_the_project_and_at_the_top_of_the_work_tree(root: Path) -> None:
    top, between = root.parents[1], root.parent
    (top.parent / ".python-version").write_text("2.7\n")
    (between / ".python-version").write_text("3.9\n")
    assert wanted(root) == Wanted("", "", root=bytes(root))
    (top / ".python-version").write_text("3.12\n")
    assert (wanted(root).text, wanted(root).origin) == ("3.12", f"{top}/.python-version")
    (root / ".python-version").write_text("3.11\n")
    assert (wanted(root).text, wanted(root).origin) == ("3.11", ".python-version")


def test_an_empty_one_says_nothing(root: Path) -> None:
    (root / ".python-version").write_text("\n# nothing\n")
    (root / "pyproject.toml").write_text('[project]\nrequires-python = "<3.12"\n')
    assert wanted(root).origin == "requires-python of pyproject.toml"


@given(st.binary(max_size=80))
def test_any_content_is_words(content: bytes) -> None:
    for word in pinned_words(content):
        assert word
        assert not re.search(r"\s|#", word)


# ---- What a project declares ---------------------------------------------------------------------


DECLARATIONS = [
    ("pyproject.toml", '[project]\nrequires-python = ">=3.9,<3.12"', ">=3.9,<3.12", "3.11.2"),
    ("pyproject.toml", '[project]\nrequires-python = ">= 3.9, < 3.10"', ">= 3.9, < 3.10", "3.9.18"),
    ("pyproject.toml", '\ufeff[project]\r\nrequires-python = "<3"\r\n', "<3", "2.7.18"),
    ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.9"', "~3.9", "3.9.18"),
    (
        *("pyproject.toml", '[tool.poetry.dependencies]\npython = {version = "^3.9, <3.12"}'),
        *("^3.9, <3.12", "3.11.2"),
    ),
    (
        "pyproject.toml",
        '[project]\nrequires-python = "<3.12"\n[tool.poetry.dependencies]\npython = "^3.12"',
        *("<3.12", "3.11.2"),
    ),
    ("Pipfile", '[requires]\npython_version = "3.9"', "3.9", "3.9.18"),
    ("Pipfile", '[requires]\npython_full_version = "3.9.0"', "3.9.0", "3.9.0"),
    ("setup.cfg", "[options]\npython_requires = <3.10", "<3.10", "3.9.18"),
    ("setup.cfg", "[options]\npython_requires =\n    >=3.9\n", ">=3.9", "3.13.1"),
    ("setup.cfg", "[metadata]\nname = 50%\n[options]\npython_requires: <3.10", "<3.10", "3.9.18"),
]


@pytest.mark.parametrize(("name", "content", "text", "expected"), DECLARATIONS)
def test_what_a_project_declares_is_taken(
    name: str, content: str, text: str, expected: str, root: Path
) -> None:
    (root / name).write_text(content, encoding="utf-8")
    wish = wanted(root)
    assert wish.text == text
    assert wish.origin.endswith(f" of {name}")
    assert taken(wish) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", ""),
        ("pyproject.toml", "[project]\nname = 'x'\ndynamic = ['requires-python']"),
        ("pyproject.toml", "[project]\nrequires-python = ''"),
        ("pyproject.toml", "project = 'x'\ntool = 1"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nsix = '*'"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '*'"),
        ("Pipfile", "[packages]\nsix = '*'"),
        ("Pipfile", "[requires]\npython_version = '*'"),
        ("setup.cfg", "[metadata]\nname = x"),
        ("setup.cfg", "[options]\npython_requires ="),
    ],
)
def test_what_declares_nothing_asks_for_any(name: str, content: str, root: Path) -> None:
    (root / name).write_text(content)
    assert wanted(root) == Wanted("", "", (ANY,), root=bytes(root))
    assert taken(wanted(root)) == "3.13.1"


def test_the_first_file_that_declares_something_counts(root: Path) -> None:
    (root / "setup.cfg").write_text("[options]\npython_requires = <3\n")
    assert taken(wanted(root)) == "2.7.18"
    (root / "Pipfile").write_text("[requires]\npython_version = '3.9'\n")
    assert taken(wanted(root)) == "3.9.18"
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert taken(wanted(root)) == "3.9.18"
    (root / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.12'\n")
    assert taken(wanted(root)) == "3.13.1"


# A constraint of poetry, and the least of versions that it allows and that it does not.
POETRY = [
    ("^3.9", ["3.9.0", "3.13.5"], ["3.8.9", "4.0.0"]),
    ("^3", ["3.0.0", "3.99.0"], ["2.9.9", "4.0.0"]),
    ("^3.9.4", ["3.9.4", "3.10.0"], ["3.9.3", "4.0.0"]),
    ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
    ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
    ("^0.0", ["0.0.9"], ["0.1.0"]),
    ("^0", ["0.9.9"], ["1.0.0"]),
    ("~3.9", ["3.9.0", "3.9.99"], ["3.8.9", "3.10.0"]),
    ("~3.9.4", ["3.9.4", "3.9.99"], ["3.9.3", "3.10.0"]),
    ("~3", ["3.0.0", "3.99.0"], ["2.9.9", "4.0.0"]),
    ("3.9", ["3.9.0", "3.9.18"], ["3.10.0"]),
    ("=3.9.1", ["3.9.1"], ["3.9.2"]),
    ("3.*", ["3.0.0", "3.99.0"], ["4.0.0"]),
    ("==3.9.*", ["3.9.7"], ["3.10.0"]),
    ("!=3.9.*", ["3.10.0"], ["3.9.7"]),
    (">=3.8,<3.11", ["3.8.0", "3.10.9"], ["3.11.0"]),
    (">= 3.8 < 3.11", ["3.8.0", "3.10.9"], ["3.11.0"]),
    (">3.8 , !=3.9.0", ["3.9.1"], ["3.9.0", "3.8.0"]),
    ("~=3.8", ["3.9.0"], ["4.0.0"]),
    ("~2.7 || ^3.6", ["2.7.1", "3.6.0"], ["2.8.0", "3.5.0"]),
    ("<3|>=3.9", ["2.7.18", "3.9.0"], ["3.8.0"]),
    ("*", ["2.7.18", "3.9.0"], []),
]


@pytest.mark.parametrize(("text", "allowed", "others"), POETRY)
def test_constraints_of_poetry(text: str, allowed: list[str], others: list[str]) -> None:
    specifiers = tuple(SpecifierSet(one) for one in _from_poetry(text, "pyproject.toml:1"))
    request = Request(text, specifiers)
    assert [version for version in allowed + others if request.allows(version)] == allowed


# ---- What cannot be read -------------------------------------------------------------------------


DEEP = f"[{'.'.join(['a'] * 4000)}]\n" + "".join(f"k{i} = 1\n" for i in range(90_000))
WRONG = [
    ("pyproject.toml", "[project]\nrequires-python = \n", r"pyproject\.toml: .*\(at line 2, .*\)"),
    (
        *("pyproject.toml", "[project]\nname = 'x'\nrequires-python = '^3.9'\n"),
        r"pyproject\.toml:3: requires-python '\^3\.9' is no version specifier, as '>=3\.11' is one",
    ),
    (
        "pyproject.toml",
        "[project]\nrequires-python = 3.9\n",
        r"toml:2: requires-python is no",
    ),
    ("pyproject.toml", f"[project]\nrequires-python = '>{'1' * 2000}'\n", r"pyproject\.toml:2: "),
    (
        *("pyproject.toml", "[tool.poetry.dependencies]\nsix = '1'\npython = '3.9 or 3.10'\n"),
        r"pyproject\.toml:3: python '3\.9 or 3\.10' is no constraint of poetry",
    ),
    ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^'\n", "is no constraint of poetry"),
    ("pyproject.toml", "[tool.poetry.dependencies]\npython = ''\n", "is no constraint of poetry"),
    (
        "pyproject.toml",
        "[tool.poetry.dependencies]\npython = ['3.9']\n",
        "toml:2: python is no text",
    ),
    ("pyproject.toml", "x = " + "[" * 100_000, "is nested too deeply to be read"),
    ("pyproject.toml", ".".join(["a"] * 100_000) + " = 1", "has keys of too many parts"),
    (
        *(
            "pyproject.toml",
            f"[{'.'.join(['a'] * 4000)}]\n" + "".join(f"k{i}=1\n" for i in range(90_000)),
        ),
        "has keys of too many parts",
    ),
    ("pyproject.toml", b"# \xff\n", "is not UTF-8"),
    ("pyproject.toml", b" " * 2_000_000, "is larger than 1048576 bytes"),
    (
        "Pipfile",
        "[requires]\npython_version = '>=3.9'\n",
        r"Pipfile:2: python_version '>=3\.9' is no",
    ),
    ("Pipfile", "[[source]\n", r"Pipfile: .*\(at line 1, "),
    ("setup.cfg", "python_requires = >=3.9\n", r"setup\.cfg: .*section headers.*line: 1"),
    ("setup.cfg", "[options]\n[options]\n", r"setup\.cfg: .*\[line +2\]: section 'options'"),
    (
        *("setup.cfg", "[options]\npython_requires = 3.9\n"),
        r"setup\.cfg:2: python_requires '3\.9' is no version specifier",
    ),
    (".python-version", b"3.9\n" * 20_000, "is larger than 65536 bytes"),
]


@pytest.mark.parametrize(
    ("name", "content", "expected"), WRONG, ids=[f"{row[0]}-{i}" for i, row in enumerate(WRONG)]
)
def test_what_cannot_be_understood_is_told_in_one_line(
    name: str, content: str | bytes, expected: str, root: Path
) -> None:
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VenvhookError, match=expected) as raised:
        wanted(root)
    message = str(raised.value)
    assert message.startswith(f"{root}/{name}:")
    assert message.endswith("; mend it, or give --python")
    assert "\n" not in message
    assert len(message) < 500
    # And then it does not stand in the way.
    assert taken(wanted(root, "3.12")) == "3.12.4"


@pytest.mark.parametrize("name", [".python-version", "pyproject.toml", "Pipfile", "setup.cfg"])
def test_what_is_no_file_keeps_nobody_waiting(name: str, root: Path) -> None:
    path = root / name
    os.mkfifo(path)
    with pytest.raises(VenvhookError, match=f"/{name}: is a FIFO; mend it"):
        wanted(root)
    path.unlink()
    for target, expected in (
        ("/dev/zero", "cannot be read .*never looked into"),
        ("/net/host/share", "cannot be read .*never looked into"),
        (name, "cannot be read .*more than 40 links"),
        (".", "is a directory"),
        ("nothing", "cannot be read .*is missing"),
    ):
        path.symlink_to(target)
        with pytest.raises(VenvhookError, match=f"/{name}: {expected}.*; mend it"):
            wanted(root)
        path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(VenvhookError, match="is larger than"):
        wanted(root)


def test_a_link_to_a_file_is_read(root: Path) -> None:
    (root.parent / "shared").write_text("3.9\n")
    (root / ".python-version").symlink_to("../shared")
    assert taken(wanted(root)) == "3.9.18"


def test_nothing_of_a_project_is_run(root: Path) -> None:
    (root / "setup.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    (root / "setup.cfg").write_text("[options]\npython_requires = attr: app.needs\n")
    with pytest.raises(VenvhookError, match="is no version specifier"):
        wanted(root)
    assert not (root / "ran").exists()


# ---- Two that say different things ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin", "declared", "warns"),
    [
        ("3.9", ">=3.11", True),
        ("3.9.18", ">=3.11", True),
        ("3.9\n3.12", ">=3.11", False),
        ("3.11", ">=3.11", False),
        ("3.11.2", ">=3.11,!=3.11.2", True),
        ("3.11", ">=3.11,!=3.11.2", False),
        ("3.11", "==3.11.7", False),
        ("3.11", ">3.11.7,<3.11.9", False),
        ("3.14.0rc1", ">=3.14", False),
        ("pypy3.10", ">=3.11", True),
        ("system", ">=3.11", False),
        ("2.7", ">=3", True),
    ],
)
def test_a_contradiction_is_followed_and_warned_of(
    pin: str, declared: str, warns: bool, root: Path
) -> None:
    (root / ".python-version").write_text(pin)
    (root / "pyproject.toml").write_text(f"[project]\nrequires-python = '{declared}'\n")
    wish = wanted(root)
    assert wish.origin == ".python-version"
    expected = (
        f".python-version says {wish.text}, but requires-python of pyproject.toml says {declared}; "
        "the first is followed"
    )
    assert wish.conflict == (expected if warns else "")


def test_what_is_given_may_contradict_as_well(root: Path) -> None:
    (root / ".python-version").write_text("3.13")
    (root / "setup.cfg").write_text("[options]\npython_requires = >=3.11\n")
    assert wanted(root, "<3.11").conflict.startswith("--python says <3.11, but python_requires of")
    assert not wanted(root, ">=3.9").conflict
    assert not wanted(root, "/usr/bin/python3").conflict


def test_a_declaration_that_is_not_needed_may_be_wrong(root: Path) -> None:
    (root / ".python-version").write_text("3.12")
    (root / "pyproject.toml").write_text("[project]\nrequires-python = '^3'\n")
    wish = wanted(root)
    assert taken(wish) == "3.12.4"
    [line] = wish.ignored
    assert "pyproject.toml:2: requires-python '^3' is no version specifier" in line


SPECIFIERS = st.builds(
    "{}3.{}.{}".format,
    st.sampled_from((">=", "<", "<=", ">", "==", "!=", "~=")),
    st.integers(7, 10),
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(SPECIFIERS, min_size=1, max_size=3), st.lists(SPECIFIERS, min_size=1, max_size=3))
def test_a_contradiction_is_one_that_no_version_solves(one: list[str], other: list[str]) -> None:
    first = Request("", (SpecifierSet(",".join(one)),))
    second = Request("", (SpecifierSet(",".join(other)),))
    versions = [f"3.{minor}.{micro}" for minor in range(5, 13) for micro in range(7)]
    solved = any(first.allows(version) and second.allows(version) for version in versions)
    assert wanted_module._overlap(first, second) == solved


# ---- Which is taken ------------------------------------------------------------------------------


def test_a_pre_release_is_taken_if_there_is_nothing_else(root: Path) -> None:
    (root / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.14'\n")
    assert taken(wanted(root)) == "3.15.0a2"
    assert choose(wanted(root), [*FOUND[:2], python("3.14.0")]).title == "3.14.0"
    assert choose(Wanted("", ""), FOUND[:2]).title == "3.15.0a2"


def test_another_implementation_is_taken_only_if_it_is_asked_for(root: Path) -> None:
    others = [python("3.13.1t"), python("pypy 3.10.14"), python("graalpy 3.8.5")]
    with pytest.raises(NoSuitable):
        choose(Wanted("", ""), others)
    assert choose(wanted(root, "pypy"), others).title == "pypy 3.10.14"


# What is given; what is said to be missing; what uv is said to install; what uv can be asked for.
MISSING = [
    ("3.99", "Python 3.99", "3.99", "3.99"),
    (">=3.98,<4", "Python >=3.98,<4", "3.98", "<4,>=3.98"),
    ("<2.7", "Python <2.7", "", ""),
    # uv has no older than 3.8, and no other than Python 3.
    ("2.7.17", "Python 2.7.17", "", ""),
    ("3.7", "Python 3.7", "", ""),
    (">=3.6,<3.8", "Python >=3.6,<3.8", "", ""),
    (">=3.6,<3.9", "Python >=3.6,<3.9", "3.8", "<3.9,>=3.6"),
    ("9.9", "Python 9.9", "", ""),
    ("10.1", "Python 10.1", "", ""),
    ("python9.9", "Python 9.9", "", ""),
    ("pypy3.11", "pypy3.11", "pypy3.11", "pypy3.11"),
    ("3.15t", "Python 3.15t", "3.15t", "3.15t"),
    ("3.14.0rc3", "Python 3.14.0rc3", "3.14.0rc3", "3.14.0rc3"),
    ("python3.8", "Python 3.8", "3.8", "3.8"),
    ("mine", "'mine' on PATH", "", ""),
]


@pytest.mark.parametrize(("name", "missing", "version", "request_text"), MISSING)
def test_where_none_is_suitable_the_line_says_all(
    name: str, missing: str, version: str, request_text: str, root: Path
) -> None:
    wish = wanted(root, name)
    with pytest.raises(NoSuitable) as raised:
        choose(wish, FOUND)
    command = f" ('uv python install {version}')" if version else ""
    assert str(raised.value) == (
        f"no {missing} (--python); found 3.15.0a2, 3.14.0rc1, 3.13.1, 3.13.1t, 3.12.4, 3.12.1, "
        f"3.11.2, pypy 3.10.14, ...; install one{command}, or give another --python"
    )
    assert (raised.value.wanted, raised.value.request) == (wish, request_text)


def test_where_none_is_suitable_the_file_that_wants_it_is_told(root: Path) -> None:
    (root / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.99'\n")
    with pytest.raises(NoSuitable) as raised:
        choose(wanted(root), [python("3.13.1"), python("3.12.4", "PATH"), python("3.12.4")])
    assert str(raised.value) == (
        "no Python >=3.99 (requires-python of pyproject.toml); found 3.13.1, 3.12.4; "
        "install one ('uv python install 3.99'), or give --python"
    )
    (root / ".python-version").write_text("3.97\n3.98.1\n")
    with pytest.raises(NoSuitable) as raised:
        choose(wanted(root), [])
    assert str(raised.value) == (
        "no Python 3.97 or 3.98.1 (.python-version); found none; "
        "install one ('uv python install 3.97'), or give --python"
    )


def test_where_there_is_no_python_at_all_that_is_told() -> None:
    with pytest.raises(NoSuitable, match=r"^no Python; found none; install one, or give --python$"):
        choose(Wanted("", ""), [])


def test_a_project_without_files_declares_nothing(root: Path) -> None:
    assert find_declaration(bytes(root)) is None
