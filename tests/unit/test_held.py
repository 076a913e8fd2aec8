"""Held: paths followed as the kernel does, and each part of an environment others can write."""

from __future__ import annotations

import errno
import os
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout import CHECKOUT, IS_ROOT
from environments import MAKERS, EnvironmentMaker
from venvhook import held
from venvhook.environment import Doubt, Environment, examine
from venvhook.held import LINK_LIMIT, Holder, Way, check_held, find_doubts, follow

if sys.platform == "win32":
    pytest.skip("this condition is left out on Windows", allow_module_level=True)

import grp  # is not on Windows
import pwd

FOREIGN = 12345
STAFF = 50
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")


class Tree:
    """A small environment and the Python that it was made from, written by hand to be spoilt."""

    def __init__(self, top: Path, app: str = "app") -> None:
        self.top = top
        self.app = top / app
        self.path = self.app / ".venv"
        self.python = top / "python/bin/python3.11"
        for directory in (self.path / "bin", self.python.parent):
            directory.mkdir(parents=True)
        (self.path / "lib/python3.11/site-packages").mkdir(parents=True)
        (self.path / "lib64").symlink_to("lib")
        (self.path / "pyvenv.cfg").write_text(f"home = {self.python.parent}\n")
        (self.path / "bin/activate").write_text("")
        (self.path / "bin/python").symlink_to(self.python)
        (self.path / "bin/python3").symlink_to("python")
        for program in (self.python, self.path / "bin/pip"):
            program.write_text("")
            program.chmod(0o755)
        for place in (top, *top.rglob("*")):
            if not place.is_symlink():
                place.chmod(place.stat().st_mode & ~0o022)

    def environment(self) -> Environment:
        """Return what there is, looked at as the helper does."""
        return examine(bytes(self.path))

    def doubts(self, holder: Holder | None = None) -> list[Doubt]:
        """Return all that others than *holder*, else the user, can write."""
        environment = self.environment()
        return list(find_doubts(environment, follow(environment.path), holder or Holder.current()))

    def whats(self, holder: Holder | None = None) -> list[str]:
        """Return what is said about it."""
        return [doubt.what for doubt in self.doubts(holder)]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree in which all is held."""
    return Tree(tmp_path.resolve() / "top")


@pytest.fixture
def public_tree() -> Iterator[Tree]:
    """One that every account can reach."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Tree(Path(directory).resolve() / "top")


def no_private_group() -> Holder:
    """Return the user, without a group of his own."""
    holder = Holder.current()
    holder._private = -1
    return holder


# What is looked at, below the tree's top; links among them are looked at by their owners.
PLACES = (
    ".",
    "app",
    "app/.venv",
    "app/.venv/bin",
    "app/.venv/bin/activate",
    "app/.venv/bin/pip",
    "app/.venv/lib",
    "app/.venv/lib/python3.11",
    "app/.venv/lib/python3.11/site-packages",
    "app/.venv/pyvenv.cfg",
    "python",
    "python/bin",
    "python/bin/python3.11",
)
LINKS = ("app/.venv/bin/python", "app/.venv/bin/python3", "app/.venv/lib64")


# ---- The way -------------------------------------------------------------------------------------


def places(way: Way) -> list[str]:
    """Return the places of *way*'s steps."""
    return [os.fsdecode(place) for place, _found in way.steps]


def above(path: Path) -> list[str]:
    """Return *path* and the directories above it, from ``/``."""
    return [*(str(parent) for parent in reversed(path.parents)), str(path)]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A directory whose own path has no links."""
    return tmp_path.resolve()


def test_a_way_without_links_is_each_directory_and_the_end(real: Path) -> None:
    (real / "file").touch()
    way = follow(bytes(real / "file"))
    assert way.real == bytes(real / "file")
    assert way.links == ()
    assert places(way) == above(real / "file")
    assert all(os.path.samestat(found, os.lstat(place)) for place, found in way.steps)


@pytest.mark.parametrize("path", [b"/", b"//", b"/.", b"/..", b"/../.."])
def test_the_way_to_the_root_ends_there(path: bytes) -> None:
    way = follow(path)
    assert way.real == b"/"
    assert places(way) == ["/"]


def test_an_absolute_link_starts_at_the_root_again(real: Path) -> None:
    (real / "a/b").mkdir(parents=True)
    (real / "link").symlink_to(real / "a")
    way = follow(bytes(real / "link/b"))
    assert way.real == bytes(real / "a/b")
    assert way.links == (bytes(real / "link"),)
    assert places(way) == [*above(real / "link"), *above(real / "a/b")[1:]]


def test_a_relative_link_goes_on_where_it_is(real: Path) -> None:
    (real / "a/b").mkdir(parents=True)
    (real / "a/link").symlink_to("./b")
    way = follow(bytes(real / "a//link/"))
    assert way.real == bytes(real / "a/b")
    assert places(way) == [*above(real / "a/link"), str(real / "a/b")]


def test_two_dots_after_a_link_lead_above_the_real_directory(real: Path) -> None:
    (real / "far/a").mkdir(parents=True)
    (real / "far/b").mkdir()
    (real / "b").mkdir()
    (real / "link").symlink_to("far/a")
    way = follow(bytes(real / "link/../b"))
    assert way.real == bytes(real / "far/b")
    assert way.links == (bytes(real / "link"),)


def test_a_link_is_named_by_its_real_parent(real: Path) -> None:
    (real / "data").mkdir()
    (real / "env").mkdir()
    (real / "app").symlink_to("data")
    (real / "data/.venv").symlink_to("../env")
    way = follow(bytes(real / "app/.venv"))
    assert way.links == (bytes(real / "app"), bytes(real / "data/.venv"))
    assert way.real == bytes(real / "env")


def test_forty_links_are_followed_and_no_more(real: Path) -> None:
    (real / "0").mkdir()
    for i in range(LINK_LIMIT + 1):
        (real / str(i + 1)).symlink_to(str(i))
    way = follow(bytes(real / str(LINK_LIMIT)))
    assert way.real == bytes(real / "0")
    assert len(way.links) == LINK_LIMIT
    with pytest.raises(Doubt, match="more than 40 links"):
        follow(bytes(real / str(LINK_LIMIT + 1)))
    if sys.platform == "linux":
        assert (real / str(LINK_LIMIT)).stat()
        with pytest.raises(OSError, match="levels of symbolic links"):
            (real / str(LINK_LIMIT + 1)).stat()


def test_links_count_on_all_of_the_way(real: Path) -> None:
    (real / "here").symlink_to(".")
    assert follow(bytes(real / "/".join(["here"] * LINK_LIMIT))).real == bytes(real)
    with pytest.raises(Doubt, match="more than 40 links"):
        follow(bytes(real / "/".join(["here"] * (LINK_LIMIT + 1))))


def _loop(place: Path) -> None:
    place.symlink_to(place.name)


def _loop_of_two(place: Path) -> None:
    place.symlink_to("other")
    (place.parent / "other").symlink_to(place.name)


def _dangling(place: Path) -> None:
    place.symlink_to("nowhere")


def _file(place: Path) -> None:
    place.touch()


def _nothing(place: Path) -> None:
    assert not place.exists()


# What is in the way, what is asked below it, and what is said.
DEAD_ENDS: tuple[tuple[Callable[[Path], None], str, str], ...] = (
    (_loop, "", "more than 40 links"),
    (_loop_of_two, "/x", "more than 40 links"),
    (_dangling, "", "nowhere is missing"),
    (_dangling, "/x", "nowhere is missing"),
    (_file, "/x", "place is not a directory"),
    (_file, "/", "place is not a directory"),
    (_file, "/.", "place is not a directory"),
    (_file, "/..", "place is not a directory"),
    (_nothing, "", "place is missing"),
    (_nothing, "/..", "place is missing"),
)


@pytest.mark.parametrize(("make", "rest", "what"), DEAD_ENDS)
def test_a_way_that_ends_nowhere_is_doubt(
    make: Callable[[Path], None], rest: str, what: str, real: Path
) -> None:
    make(real / "place")
    path = f"{real}/place{rest}"
    with pytest.raises(Doubt, match=what) as raised:
        follow(os.fsencode(path))
    assert not raised.value.kept
    with pytest.raises(OSError):
        os.stat(path)  # noqa: PTH116  # pathlib would take the last slash away


@pytest.mark.parametrize(
    "path", [b"", b"x", b"./x", b"~/x", b"/x\0y", b"/" + b"x" * 300, b"/x/.." * 2000]
)
def test_what_is_no_path_is_doubt(path: bytes) -> None:
    with pytest.raises(Doubt):
        follow(path)


HANGING = (
    "/net/host/env",
    "/net",
    "//net/host",
    "/../net/host",
    "/usr/../net/host",
    "/misc/disk",
    "/afs/cell",
    "/smb/host",
    "/Network/Servers",
    "/proc/self/cwd",
    "/proc/1/root",
    "/dev/fd/0",
    "/sys/x",
)


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names that are looked up from now on."""
    names: list[bytes] = []
    for function in ("lstat", "stat", "readlink"):
        genuine = getattr(os, function)

        def noting(
            path: bytes, *words: object, _genuine: Callable[..., object] = genuine, **more: object
        ) -> object:
            names.append(os.fsencode(path) if isinstance(path, (str, bytes, Path)) else b"")
            return _genuine(path, *words, **more)

        monkeypatch.setattr(os, function, noting)
    return names


def asked_to_hang(names: list[bytes]) -> list[bytes]:
    """Return those of *names* that may not be looked up."""
    tops = {
        os.fsencode("/" + path.replace("/..", "").lstrip("/").split("/")[0]) for path in HANGING
    }
    tops = (tops - {b"/usr"}) | {b"/net"}
    return [name for name in names if b"/" + name.lstrip(b"/").split(b"/")[0] in tops]


@pytest.mark.parametrize("path", HANGING)
def test_no_name_is_looked_up_where_that_can_hang(
    path: str, real: Path, looked_up: list[bytes]
) -> None:
    (real / "link").symlink_to(path)
    for way in (path.encode(), bytes(real / "link")):
        with pytest.raises(Doubt, match="never looked into"):
            follow(way)
    assert looked_up
    assert asked_to_hang(looked_up) == []


NAMES = st.sampled_from(["a", "b", "c", "d"])
PARTS = st.lists(st.one_of(NAMES, st.sampled_from(["..", ".", ""])), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None, database=None)
@given(
    directories=st.lists(st.tuples(NAMES, NAMES), max_size=6),
    files=st.lists(st.tuples(NAMES, NAMES), max_size=3),
    links=st.lists(
        st.tuples(st.lists(NAMES, min_size=1, max_size=2), st.booleans(), PARTS), max_size=6
    ),
    path=PARTS,
)
def test_any_path_is_followed_as_the_kernel_follows_it(
    directories: list[tuple[str, str]],
    files: list[tuple[str, str]],
    links: list[tuple[list[str], bool, list[str]]],
    path: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    top = tmp_path_factory.mktemp("links").resolve()
    for names in directories:
        (top / "/".join(names)).mkdir(parents=True, exist_ok=True)
    for names in files:
        if (top / names[0]).is_dir() and not (top / "/".join(names)).exists():
            (top / "/".join(names)).touch()
    for place, absolute, target in links:
        link = top / "/".join(place)
        text = "/".join(target)
        if link.parent.is_dir() and not os.path.lexists(link) and (absolute or text):
            link.symlink_to(f"{top}/{text}" if absolute else text)
    asked = f"{top}/{'/'.join(path)}"
    try:
        expected = os.stat(asked)  # noqa: PTH116  # pathlib would change the text of the path
    except OSError:
        with pytest.raises(Doubt):
            follow(asked.encode())
    else:
        way = follow(asked.encode())
        assert os.path.samestat(os.lstat(way.real), expected)
        assert os.path.realpath(way.real) == way.real
        for step, _found in way.steps:
            parent = Path(os.fsdecode(step)).parent
            assert parent.resolve() == parent
        assert {place for place, found in way.steps if stat.S_ISLNK(found.st_mode)} == set(
            way.links
        )


# ---- Modes and owners ----------------------------------------------------------------------------


def test_what_the_user_holds_is_beyond_doubt(tree: Tree) -> None:
    assert tree.whats() == []
    environment = tree.environment()
    check_held(environment, follow(environment.path), Holder.current())


@pytest.mark.parametrize("place", PLACES)
def test_what_everyone_can_write_is_doubt(place: str, tree: Tree) -> None:
    spoilt = (tree.top / place).resolve()
    spoilt.chmod(spoilt.stat().st_mode | 0o002)
    doubts = tree.doubts()
    assert [doubt.what for doubt in doubts] == [f"{spoilt} is writable by everyone"]
    assert not doubts[0].kept
    environment = tree.environment()
    with pytest.raises(Doubt, match=f"^{spoilt} is writable by everyone$"):
        check_held(environment, follow(environment.path), Holder.current())


@pytest.mark.parametrize("place", PLACES)
def test_what_a_group_can_write_is_doubt(place: str, tree: Tree) -> None:
    spoilt = (tree.top / place).resolve()
    spoilt.chmod(spoilt.stat().st_mode | 0o020)
    number = spoilt.stat().st_gid
    if IS_ROOT:
        os.chown(spoilt, -1, FOREIGN)
        number = FOREIGN
    try:
        group = grp.getgrgid(number).gr_name
    except KeyError:
        group = str(number)
    if not IS_ROOT and number == 0 and place.startswith("python"):
        pytest.skip("the user's group is root's here")
    assert tree.whats(no_private_group()) == [f"{spoilt} is writable by group {group}"]


@needs_root
@pytest.mark.parametrize("place", [*PLACES, *LINKS])
def test_what_another_user_owns_is_doubt(place: str, tree: Tree) -> None:
    spoilt = tree.top / place
    os.chown(spoilt, FOREIGN, -1, follow_symlinks=False)
    doubts = tree.doubts()
    text = os.path.normpath(spoilt)
    assert [doubt.what for doubt in doubts] == [f"{text} belongs to user {FOREIGN}"]
    assert doubts[0].mend == "", "only that user, or root, can change it"


@needs_root
def test_another_user_is_called_by_name(tree: Tree) -> None:
    other = pwd.getpwnam("nobody")
    os.chown(tree.app, other.pw_uid, -1)
    assert tree.whats() == [f"{tree.app} belongs to user nobody"]


@needs_root
def test_what_is_roots_is_held_for_everyone(tree: Tree) -> None:
    assert tree.whats(Holder(FOREIGN)) == []
    for place in (tree.path, *tree.path.rglob("*")):
        os.chown(place, FOREIGN, -1, follow_symlinks=False)
    assert tree.whats(Holder(FOREIGN)) == []
    assert tree.whats(Holder(FOREIGN + 1))


@needs_root
def test_root_trusts_only_what_root_holds(tree: Tree) -> None:
    os.chown(tree.path / "bin/pip", FOREIGN, -1)
    assert tree.whats(Holder(0)) == [f"{tree.path}/bin/pip belongs to user {FOREIGN}"]
    assert tree.whats(Holder(FOREIGN)) == []


def test_all_doubts_are_told_each_once(tree: Tree) -> None:
    for place in ("app", "app/.venv/bin/pip", "python"):
        (tree.top / place).chmod(0o777)
    (tree.path / "bin/python4").symlink_to(tree.python)
    assert sorted(tree.whats()) == [
        f"{tree.app} is writable by everyone",
        f"{tree.path}/bin/pip is writable by everyone",
        f"{tree.top}/python is writable by everyone",
    ]


def test_names_in_a_doubt_are_harmless(tmp_path: Path) -> None:
    tree = Tree(tmp_path.resolve() / "top", "to\x1b]0;p\x07\n\u202e")
    tree.app.chmod(0o777)
    (doubt,) = tree.doubts()
    assert r"to\x1b]0;p\x07\n\u202e is writable by everyone" in doubt.what
    assert doubt.what.isprintable()
    assert doubt.mend == "", "what is shown could not be typed"


@needs_root
@pytest.mark.parametrize("mode", [0o700, 0o770, 0o707])
def test_the_users_own_part_of_a_mode_does_not_matter(mode: int, tree: Tree) -> None:
    tree.app.chmod(mode)
    os.chown(tree.app, -1, FOREIGN)
    assert len(tree.whats()) == (mode != 0o700)


def test_as_an_ordinary_user_who_reads_only_what_he_may(public_tree: Tree) -> None:
    if IS_ROOT:
        for place in (public_tree.app, *public_tree.app.rglob("*")):
            os.chown(place, FOREIGN, FOREIGN, follow_symlinks=False)
    assert seen_by_ordinary_user(public_tree) == ""
    for part, shut in (("bin", 0o300), ("lib", 0o300), ("lib/python3.11", 0)):
        directory = public_tree.path / part
        mode = directory.stat().st_mode
        directory.chmod(shut)
        seen = seen_by_ordinary_user(public_tree)
        directory.chmod(mode)
        assert "cannot be read (Permission denied)" in seen, part
        assert str(directory) in seen


@needs_root
def test_roots_shell_and_the_users_see_different_holders(public_tree: Tree) -> None:
    os.chown(public_tree.path / "bin", FOREIGN, FOREIGN)
    assert seen_by_ordinary_user(public_tree) == ""
    assert public_tree.whats() == [f"{public_tree.path}/bin belongs to user {FOREIGN}"]


def seen_by_ordinary_user(tree: Tree) -> str:
    """Return the lines of doubt about *tree* that the user has, or FOREIGN where he is root."""
    code = (
        f"import sys; sys.path.append({str(CHECKOUT / 'src')!r})\n"
        "import grp, os, pwd\n"
        "from venvhook.environment import examine\n"
        "from venvhook.held import Holder, find_doubts, follow\n"
        "if os.geteuid() == 0:\n"
        f"    os.setgroups([]); os.setegid({FOREIGN}); os.seteuid({FOREIGN})\n"
        f"environment = examine({bytes(tree.path)!r})\n"
        "for doubt in find_doubts(environment, follow(environment.path), Holder.current()):\n"
        "    print(doubt.what)\n"
    )
    words = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


# ---- Sticky directories --------------------------------------------------------------------------


def test_a_sticky_directory_may_be_passed(tree: Tree) -> None:
    tree.top.chmod(0o1777)
    (tree.top / "python").chmod(0o1775)
    assert tree.whats(no_private_group()) == []
    tree.top.chmod(0o777)
    assert tree.whats() == [f"{tree.top} is writable by everyone"]


@needs_root
@pytest.mark.parametrize("place", ["app", "python"])
def test_what_another_user_has_in_a_sticky_directory_is_doubt(place: str, tree: Tree) -> None:
    tree.top.chmod(0o1777)
    os.chown(tree.top / place, FOREIGN, -1)
    assert tree.whats() == [f"{tree.top / place} belongs to user {FOREIGN}"]


@needs_root
def test_a_link_of_another_user_in_a_sticky_directory_is_doubt(tree: Tree) -> None:
    tree.top.chmod(0o1777)
    link = tree.top / "link"
    link.symlink_to("app")
    environment = examine(bytes(link / ".venv"))
    assert list(find_doubts(environment, follow(environment.path), Holder.current())) == []
    os.chown(link, FOREIGN, -1, follow_symlinks=False)
    with pytest.raises(Doubt, match=f"^{link} belongs to user {FOREIGN}$"):
        check_held(environment, follow(environment.path), Holder.current())


@pytest.mark.parametrize(
    "place",
    ["app/.venv", "app/.venv/bin", "app/.venv/lib/python3.11/site-packages", "python/bin"],
)
def test_where_a_new_name_would_count_sticky_is_not_enough(place: str, tree: Tree) -> None:
    (tree.top / place).chmod(0o1777)
    assert tree.whats() == [f"{tree.top / place} is writable by everyone"]


def test_an_environment_in_the_systems_sticky_directory_is_held() -> None:
    if not Path("/tmp").resolve().stat().st_mode & stat.S_ISVTX:  # a property of the machine
        pytest.skip("/tmp is not sticky here")
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        assert Tree(Path(directory).resolve() / "top").whats() == []


# ---- Groups --------------------------------------------------------------------------------------


def name_groups(
    monkeypatch: pytest.MonkeyPatch, user: str | None, groups: dict[int, tuple[str, list[str]]]
) -> None:
    """Let the user be called *user*, and his group be that of the files, among *groups*."""
    gid = next(iter(groups), 0)

    def getpwuid(uid: int) -> SimpleNamespace:
        if user is None:
            raise KeyError(uid)
        return SimpleNamespace(pw_name=user, pw_uid=uid, pw_gid=gid)

    def getgrgid(number: int) -> SimpleNamespace:
        name, members = groups[number]
        return SimpleNamespace(gr_name=name, gr_gid=number, gr_mem=members)

    def refuse() -> None:
        raise AssertionError("all accounts were listed")

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.setattr(grp, "getgrgid", getgrgid)
    monkeypatch.setattr(pwd, "getpwall", refuse)
    monkeypatch.setattr(grp, "getgrall", refuse)


@pytest.mark.parametrize(
    ("user", "name", "members", "private"),
    [
        ("me", "me", [], True),
        ("me", "me", ["me"], True),
        ("me", "me", ["bob"], False),
        ("me", "me", ["me", "bob"], False),
        ("me", "users", [], False),
        ("me", "staff", ["me"], False),
        (None, "me", [], False),
    ],
)
def test_only_the_users_private_group_counts_as_the_user(
    user: str | None,
    name: str,
    members: list[str],
    private: bool,
    tree: Tree,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in PLACES:
        spoilt = tree.top / place
        spoilt.chmod(spoilt.stat().st_mode | 0o020)
    name_groups(monkeypatch, user, {tree.top.stat().st_gid: (name, members)})
    monkeypatch.setattr(held, "_can_become_root", lambda _group: False)
    expected = [] if private else sorted(os.path.normpath(tree.top / place) for place in PLACES)
    assert sorted(what.split(" is ")[0] for what in tree.whats()) == expected


def test_a_group_that_nobody_knows_is_not_private(monkeypatch: pytest.MonkeyPatch) -> None:
    name_groups(monkeypatch, "me", {})
    assert Holder(1000).private_group == -1


def test_accounts_are_looked_up_once_and_only_where_a_group_can_write(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    genuine = pwd.getpwuid

    def getpwuid(uid: int) -> pwd.struct_passwd:
        asked.append(uid)
        return genuine(uid)

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    assert tree.whats() == []
    assert asked == []
    for place in PLACES:
        (tree.top / place).chmod(0o775)
    tree.doubts()
    assert asked == [os.geteuid()]


@pytest.mark.parametrize(
    ("platform", "group", "name", "expected"),
    [
        ("linux", 0, "root", True),
        ("linux", STAFF, "staff", True),
        ("linux", STAFF, "ftp", False),
        ("linux", 20, "staff", False),
        ("linux", 80, "admin", False),
        ("darwin", 0, "wheel", True),
        ("darwin", 80, "admin", True),
        ("darwin", 20, "staff", False),
        ("darwin", STAFF, "staff", False),
        ("freebsd14", 0, "wheel", True),
        ("freebsd14", STAFF, "staff", False),
    ],
)
def test_which_groups_count_as_root(
    platform: str, group: int, name: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_groups(monkeypatch, None, {group: (name, [])})
    monkeypatch.setattr(sys, "platform", platform)
    holder = Holder(1000)
    assert holder.counts(group, as_root=True) is expected
    assert not holder.counts(group, as_root=False)


@needs_root
@pytest.mark.skipif(sys.platform != "linux", reason="that group is Debian's")
def test_debians_staff_may_write_the_interpreters_path_and_no_other(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_groups(monkeypatch, None, {STAFF: ("staff", []), 0: ("root", [])})
    for place in ("python", "python/bin", "python/bin/python3.11"):
        os.chown(tree.top / place, 0, STAFF)
        (tree.top / place).chmod(0o2775)
    holder = Holder(FOREIGN)
    assert tree.whats(holder) == []
    for place in ("app", "app/.venv/bin", "app/.venv/bin/pip"):
        os.chown(tree.top / place, 0, STAFF)
        (tree.top / place).chmod(0o775)
    assert tree.whats(holder) == [
        f"{tree.app} is writable by group staff",
        f"{tree.path}/bin is writable by group staff",
        f"{tree.path}/bin/pip is writable by group staff",
    ]


@needs_root
def test_a_link_in_bin_that_stays_inside_gets_no_such_leave(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_groups(monkeypatch, None, {0: ("root", [])})
    (tree.path / "bin/tool").symlink_to("../lib/tool")
    (tree.path / "lib/tool").touch()
    (tree.path / "lib/tool").chmod(0o775)
    assert tree.whats(Holder(FOREIGN)) == [f"{tree.path}/lib/tool is writable by group root"]


# ---- ACLs ----------------------------------------------------------------------------------------

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF


def acl(*entries: tuple[int, int, int]) -> bytes:
    """Return the ACL of *entries* (tag, permissions, number) in the kernel's binary format."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def give_acl(path: Path, *entries: tuple[int, int, int], name: str = "access") -> None:
    """Give *path* the ACL of *entries*; skip the test where the disk keeps none."""
    if sys.platform != "linux":
        pytest.skip("Python can write ACLs on Linux alone")
    mapped = Path("/proc/self/uid_map").read_text().split()
    if int(mapped[2]) <= FOREIGN:
        pytest.skip("in this user namespace there are no other users to name")
    try:
        os.setxattr(path, f"system.posix_acl_{name}", acl(*entries))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip(f"the disk of {path} keeps no ACLs")


def an_acl(
    *more: tuple[int, int, int], group: int = 5, mask: int = 7
) -> list[tuple[int, int, int]]:
    """Return an ACL with *more*, what the group that owns the file may, and the mask."""
    entries = [
        (USER_OBJ, 7, NOBODY),
        (GROUP_OBJ, group, NOBODY),
        (MASK, mask, NOBODY),
        (OTHER, 5, NOBODY),
        *more,
    ]
    return sorted(entries)


ME = os.geteuid() if hasattr(os, "geteuid") else 0

# Entries, and who can write then.
ACLS: tuple[tuple[list[tuple[int, int, int]], str | None], ...] = (
    (an_acl((USER, 7, FOREIGN)), f"user {FOREIGN}"),
    (an_acl((USER, 2, FOREIGN)), f"user {FOREIGN}"),
    (an_acl((USER, 5, FOREIGN)), None),
    (an_acl((USER, 7, FOREIGN), mask=5), None),
    (an_acl((USER, 7, ME)), None),
    (an_acl((USER, 7, 0)), None),
    (an_acl((USER, 7, ME), (USER, 7, FOREIGN)), f"user {FOREIGN}"),
    (an_acl((GROUP, 7, FOREIGN)), f"group {FOREIGN}"),
    (an_acl((GROUP, 5, FOREIGN)), None),
    (an_acl((GROUP, 7, FOREIGN), mask=5), None),
)


@pytest.mark.parametrize(("entries", "writer"), ACLS)
@pytest.mark.parametrize("place", ["app", "app/.venv/bin/pip", "python/bin"])
def test_whom_an_acl_lets_write(
    place: str, entries: list[tuple[int, int, int]], writer: str | None, tree: Tree
) -> None:
    spoilt = tree.top / place
    give_acl(spoilt, *entries)
    expected = [] if writer is None else [f"{spoilt} is writable by {writer}"]
    assert tree.whats(no_private_group()) == expected


def test_with_an_acl_the_modes_group_bits_say_nothing_of_the_group(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_acl(tree.app, *an_acl((USER, 7, ME), group=5))
    assert tree.app.stat().st_mode & 0o020
    holder = no_private_group()
    assert tree.whats(holder) == []
    give_acl(tree.app, *an_acl((USER, 7, ME), group=7))
    name_groups(monkeypatch, "me", {tree.app.stat().st_gid: ("users", [])})
    assert tree.whats(holder) == [f"{tree.app} is writable by group users"]
    holder._private = tree.app.stat().st_gid
    assert tree.whats(holder) == []


def test_a_private_group_says_nothing_where_an_acl_does(tree: Tree) -> None:
    give_acl(tree.app, *an_acl((USER, 7, FOREIGN), group=7))
    holder = Holder.current()
    holder._private = tree.app.stat().st_gid
    assert tree.whats(holder) == [f"{tree.app} is writable by user {FOREIGN}"]


def test_an_acl_for_what_is_made_later_does_not_matter(tree: Tree) -> None:
    give_acl(tree.app, *an_acl((USER, 7, FOREIGN)), name="default")
    assert tree.whats() == []


def test_what_mends_an_acl(tree: Tree) -> None:
    give_acl(tree.app, *an_acl((USER, 7, FOREIGN)))
    (doubt,) = tree.doubts(no_private_group())
    subprocess.run(["sh", "-c", doubt.mend], check=True)
    assert tree.whats(no_private_group()) == []


def test_an_acl_is_read_only_where_it_could_let_write(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def note(path: bytes, _name: str, **_more: object) -> bytes:
        read.append(path)
        raise OSError(errno.ENODATA, "No data available")

    monkeypatch.setattr(held, "_getxattr", note)
    assert tree.whats() == []
    assert read == []
    (tree.path / "bin").chmod(0o775)
    tree.doubts()
    assert read == [bytes(tree.path / "bin")]


# What a file system answers, and whether that is doubt.
ANSWERS: tuple[tuple[bytes | int, bool], ...] = (
    (errno.ENODATA, False),
    (errno.ENOTSUP, False),
    (errno.EIO, True),
    (errno.EACCES, True),
    (errno.ENOENT, True),
    (acl(*an_acl()), False),
    (b"", True),
    (b"\2", True),
    (acl(*an_acl())[:-1], True),
    (acl(*an_acl()) + b"\0", True),
    (b"\1" + acl(*an_acl())[1:], True),
    (b"\2\1" + acl(*an_acl())[2:], True),
    (acl(*an_acl(), (64, 7, 0)), True),
    (acl((0, 7, 0)), True),
)


@pytest.mark.skipif(sys.platform != "linux", reason="no ACLs are read elsewhere")
@pytest.mark.parametrize(("answer", "is_doubt"), ANSWERS)
def test_an_acl_that_is_not_understood_is_doubt(
    answer: bytes | int, is_doubt: bool, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getxattr(_path: bytes, _name: str, **_more: object) -> bytes:
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        return answer

    monkeypatch.setattr(held, "_getxattr", getxattr)
    tree.app.chmod(0o775)
    holder = no_private_group()
    holder._private = tree.app.stat().st_gid
    whats = tree.whats(holder)
    assert len(whats) == is_doubt
    assert all(what.startswith(f"{tree.app} ") for what in whats)


def test_where_no_acl_can_be_read_the_mode_decides(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "_getxattr", None)
    tree.app.chmod(0o775)
    holder = no_private_group()
    assert len(tree.whats(holder)) == 1
    holder._private = tree.app.stat().st_gid
    assert tree.whats(holder) == []


# ---- What mends it -------------------------------------------------------------------------------


@pytest.mark.parametrize("top", ["plain", "two words", "it's $(x) `y`", "-n", "*", "ünïcödé"])
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_what_a_doubt_says_to_do_mends_it(top: str, mode: int, tmp_path: Path) -> None:
    tree = Tree(tmp_path.resolve() / top)
    for place in ("app", "app/.venv", "app/.venv/bin/pip", "python/bin"):
        (tree.top / place).chmod(mode)
    if IS_ROOT:
        os.chown(tree.python.parent, -1, FOREIGN)
    holder = no_private_group()
    for _ in range(3):
        doubt = tree.doubts(holder)[0]
        subprocess.run(["sh", "-c", doubt.mend], check=True, cwd=tmp_path)
    if IS_ROOT:
        assert tree.whats(holder) == []


def test_what_to_do_about_a_place_names_it_and_about_an_environment_all_of_it(tree: Tree) -> None:
    tree.app.chmod(0o777)
    (tree.path / "bin").chmod(0o777)
    tree.python.chmod(0o757)
    assert [doubt.mend for doubt in tree.doubts(no_private_group())] == [
        f"chmod go-w {tree.app}",
        f"chmod -R go-w {tree.path}",
        f"chmod o-w {tree.python}",
    ]


@needs_root
def test_what_the_user_does_not_own_he_is_not_told_to_mend(tree: Tree) -> None:
    tree.app.chmod(0o777)
    (doubt,) = tree.doubts(Holder(FOREIGN))
    assert doubt.what == f"{tree.app} is writable by everyone"
    assert doubt.mend == ""


# ---- Links, programs, libraries, home ------------------------------------------------------------


@pytest.mark.parametrize("name", [".venv", ".venv/bin", ".venv/lib"])
def test_behind_a_link_all_is_looked_at(name: str, tree: Tree) -> None:
    far = tree.top / "far"
    far.mkdir(mode=0o755)
    part = tree.app / name
    part.rename(far / "part")
    part.symlink_to(far / "part")
    assert tree.whats() == []
    inside = next(path for path in (far / "part").rglob("*") if not path.is_symlink())
    for spoilt in (far, far / "part", inside):
        mode = spoilt.stat().st_mode
        spoilt.chmod(0o777)
        assert tree.whats() == [f"{spoilt} is writable by everyone"]
        spoilt.chmod(mode)


def test_each_link_of_an_interpreter_is_followed(tree: Tree) -> None:
    for name in ("one", "two", "three"):
        (tree.top / name).mkdir(mode=0o755)
    (tree.path / "bin/python").unlink()
    (tree.path / "bin/python").symlink_to("../../../one/python")
    (tree.top / "one/python").symlink_to(tree.top / "two/python")
    (tree.top / "two").rmdir()
    (tree.top / "two").symlink_to("three")
    (tree.top / "three/python").symlink_to(tree.python)
    assert tree.whats() == []
    for spoilt in (tree.top / "one", tree.top / "three", tree.python):
        spoilt.chmod(0o777)
        assert tree.whats() == [f"{spoilt} is writable by everyone"]
        spoilt.chmod(0o755)


def test_what_is_not_executable_is_looked_at_too(tree: Tree) -> None:
    for name in ("activate_this.py", "Activate.ps1"):
        (tree.path / "bin" / name).touch()
        (tree.path / "bin" / name).chmod(0o646)
    (tree.path / "bin/yaml").mkdir()
    (tree.path / "bin/yaml").chmod(0o777)
    assert len(tree.whats()) == 3


@pytest.mark.parametrize("target", ["/net/host/tool", "/proc/self/cwd/tool", "tool/x/../tool"])
def test_a_link_in_bin_that_cannot_be_followed_is_doubt(
    target: str, tree: Tree, looked_up: list[bytes]
) -> None:
    (tree.path / "bin/tool").symlink_to(target)
    assert len(tree.whats()) == 1
    assert asked_to_hang(looked_up) == []


def test_a_link_to_nothing_is_doubt_only_where_others_could_make_it_something(tree: Tree) -> None:
    (tree.path / "bin/gone").symlink_to("gone_too")
    (tree.path / "bin/tool").symlink_to(tree.top / "far/tool")
    assert tree.whats() == []
    (tree.top / "far").mkdir(mode=0o755)
    assert tree.whats() == []
    (tree.top / "far").chmod(0o1777)
    assert tree.whats() == [f"{tree.top}/far is writable by everyone"]


def test_a_bin_without_end_is_doubt(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "ENTRY_LIMIT", len(list((tree.path / "bin").iterdir())))
    assert tree.whats() == []
    (tree.path / "bin/more").touch(mode=0o755)
    (what,) = tree.whats()
    assert what == f"{tree.path}/bin has more than {held.ENTRY_LIMIT} entries"


def test_a_program_that_is_removed_meanwhile_is_no_doubt(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = held._entries

    def late(directory: bytes) -> Iterator[os.DirEntry[bytes]]:
        found = list(entries(directory))
        (tree.path / "bin/pip").unlink(missing_ok=True)
        yield from found

    monkeypatch.setattr(held, "_entries", late)
    assert tree.whats() == []
    assert not (tree.path / "bin/pip").exists()


def test_three_hundred_links_cost_one_look_each(tree: Tree, looked_up: list[bytes]) -> None:
    tools = tree.top / "python/share/tools"
    tools.mkdir(parents=True)
    for i in range(300):
        (tools / f"tool{i}").touch(mode=0o755)
        (tree.path / f"bin/tool{i}").symlink_to(tools / f"tool{i}")
    environment = tree.environment()
    looked_up.clear()
    check_held(environment, follow(environment.path), Holder.current())
    # Each link is read, and what it leads to is looked at; the directories on the way only once.
    assert len(looked_up) < 600 + 50


def test_a_directory_on_several_ways_is_looked_at_once(tree: Tree, looked_up: list[bytes]) -> None:
    environment = tree.environment()
    looked_up.clear()
    check_held(environment, follow(environment.path), Holder.current())
    assert looked_up.count(bytes(tree.top)) == 1
    assert looked_up.count(bytes(tree.python.parent)) == 1


def test_an_acl_on_many_ways_is_read_once_for_each_rule(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def note(path: bytes, _name: str, **_more: object) -> bytes:
        read.append(path)
        raise OSError(errno.ENODATA, "No data available")

    for i in range(20):
        (tree.path / f"bin/tool{i}").symlink_to(tree.python)
    tree.top.chmod(0o775)
    monkeypatch.setattr(held, "_getxattr", note)
    holder = Holder.current()
    holder._private = tree.top.stat().st_gid
    assert tree.whats(holder) == []
    assert read == [bytes(tree.top)] * 2, "on the environment's way, and on the interpreter's"


def test_each_library_is_looked_at(tree: Tree) -> None:
    lib64 = tree.path / "lib64"
    lib64.unlink()
    packages = lib64 / "pypy3.11/site-packages"
    packages.mkdir(parents=True, mode=0o755)
    for place in (lib64, packages.parent, packages):
        place.chmod(0o755)
    assert tree.whats() == []
    for spoilt in (lib64, lib64 / "pypy3.11", packages):
        spoilt.chmod(0o777)
        assert tree.whats() == [f"{spoilt} is writable by everyone"]
        spoilt.chmod(0o755)


def test_a_clone_without_its_empty_directories_is_held(tree: Tree) -> None:
    (tree.path / "lib").rename(tree.top / "lib")
    assert (tree.path / "lib64").readlink() == Path("lib")
    assert tree.whats() == []


def test_one_command_mends_all_that_others_can_write(tree: Tree) -> None:
    project = tree.path.parent
    for place in (project, tree.path, tree.path / "bin", tree.path / "pyvenv.cfg"):
        place.chmod(place.stat().st_mode | 0o002)
    environment = tree.environment()
    with pytest.raises(Doubt) as caught:
        check_held(environment, follow(environment.path), Holder.current())
    assert caught.value.mend == f"chmod o-w {project}; chmod -R go-w {tree.path}"
    subprocess.run(["sh", "-c", caught.value.mend], check=True)
    assert tree.whats() == []


def test_a_library_that_leads_nowhere_is_doubt_and_none_is_not(tree: Tree) -> None:
    (tree.path / "lib").rename(tree.top / "lib")
    (tree.path / "lib64").unlink()
    assert tree.whats() == []
    (tree.path / "lib").symlink_to("nowhere")
    assert tree.whats() == [f"{tree.path}/nowhere is missing"]


# 'home' with the tree's top, and what is said of it.
HOMES: tuple[tuple[str, str | None], ...] = (
    ("{top}/python/bin", None),
    ("{top}/./python/../python//bin/", None),
    ("{top}/link", None),
    ("python/bin", "is not an absolute path"),
    ("./python/bin", "is not an absolute path"),
    ("$HOME/bin", "is not an absolute path"),
    ("{top}/nowhere/bin", "nowhere/bin) is gone"),
    ("{top}/python/bin/python3.11", "python3.11 is not a directory"),
    ("{top}/python/bin/python3.11/..", "python3.11 is not a directory"),
    ("/net/host/bin", "never looked into"),
    ("/proc/self/cwd/bin", "never looked into"),
    ("{top}/hanging/bin", "never looked into"),
    ("{top}/open/bin", "open is writable by everyone"),
    ("{top}/" + "x" * 5000, "cannot be a path"),
)


@pytest.mark.parametrize(("home", "what"), HOMES)
def test_the_directory_that_home_names(
    home: str, what: str | None, tree: Tree, looked_up: list[bytes]
) -> None:
    (tree.top / "link").symlink_to("python/bin")
    (tree.top / "hanging").symlink_to("/net/host")
    (tree.top / "open/bin").mkdir(parents=True)
    (tree.top / "open").chmod(0o777)
    (tree.top / "open/bin").chmod(0o755)
    (tree.path / "pyvenv.cfg").write_text(f"home = {home.format(top=tree.top)}\n")
    looked_up.clear()
    whats = tree.whats()
    assert len(whats) == (what is not None)
    assert (what or "") in "".join(whats)
    assert asked_to_hang(looked_up) == []


def test_an_environment_without_home_is_doubt(tree: Tree) -> None:
    environment = Environment(bytes(tree.path), {})
    with pytest.raises(Doubt, match="is not an absolute path"):
        check_held(environment, follow(environment.path), Holder.current())


def test_a_nul_in_home_is_doubt(tree: Tree) -> None:
    environment = Environment(bytes(tree.path), {b"home": bytes(tree.python.parent) + b"\0"})
    with pytest.raises(Doubt, match="cannot be a path"):
        check_held(environment, follow(environment.path), Holder.current())


# ---- Real environments ---------------------------------------------------------------------------


def others_can_write(path: str) -> bool:
    """Return whether others can write *path* or a directory above it: the tests' own Python."""
    found = [place.stat() for place in (Path(path), *Path(path).parents)]
    return any(
        s.st_uid not in (0, os.geteuid()) or (s.st_mode & 0o022 and not s.st_mode & 0o1000)
        for s in found
    )


@pytest.mark.parametrize("maker", MAKERS)
def test_environments_of_each_maker_are_held(
    maker: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    path = make_environment(tmp_path / "app/.venv", maker)
    for place in (path, *path.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode & ~0o022)
    environment = examine(bytes(path))
    whats = [d.what for d in find_doubts(environment, follow(bytes(path)), Holder.current())]
    if others_can_write(os.path.realpath(path / "bin/python")):
        whats = [what for what in whats if str(path) in what]
    assert whats == []
    (path / "bin").chmod(0o777)
    with pytest.raises(Doubt, match=r"/bin is writable by everyone$"):
        check_held(environment, follow(bytes(path)), Holder.current())
