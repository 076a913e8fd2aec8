"""Broken and hostile indexes: an answer or Doubt, in little time and memory, never a failure."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from checkout import CHECKOUT
from repositories import Git
from venvhook import gitindex, repository
from venvhook.environment import Doubt
from venvhook.gitindex import SIZE_LIMIT, Tracked, enclosing, tracked
from venvhook.repository import repository_at

SHARED = bytes(range(1, 21))
MEBIBYTE = 1024 * 1024


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with an environment that is tracked, and more."""
    git = Git(tmp_path.resolve() / "app", tmp_path).init()
    return git.commit("a", "readme", ".venv/bin/python", ".venv/pyvenv.cfg", "x/y/z")


def look(git: Git, name: str = ".venv") -> Tracked | Doubt | None:
    """Return the answer about *name*, or the doubt; anything else fails."""
    try:
        repository = repository_at(bytes(git.directory))
        assert repository is not None
        return tracked(repository, bytes(git.directory / name))
    except Doubt as doubt:
        return doubt


def repository_of(git: Git) -> repository.Repository:
    """Return the repository at the directory of *git*."""
    found = repository_at(bytes(git.directory))
    assert found is not None
    return found


def both_ways(git: Git, names: tuple[str, ...] = (".venv", "x/y", ".")) -> None:
    """Look at several paths, with and without a search first."""
    for small in (0, gitindex.SMALL):
        with patch.object(gitindex, "SMALL", small):
            for name in names:
                look(git, name)


def index_of(git: Git) -> Path:
    """Return the index of *git*'s repository."""
    return git.directory / ".git/index"


def in_form(git: Git, form: str) -> Path:
    """Give the index the *form*, and return the file that holds most of it."""
    if form == "4":
        git("update-index", "--index-version", "4")
    elif form == "3":
        git("update-index", "--skip-worktree", "a")
    elif form != "2":
        git("config", "splitIndex.maxPercentChange", "100")
        git("update-index", "--split-index")
        git.write("new")("add", "new")
        git("rm", "-q", "--cached", ".venv/pyvenv.cfg")
        git.write("a")
        (git.directory / "a").write_text("other")
        git("add", "a")
        if form == "shared":
            return next((git.directory / ".git").glob("sharedindex.*"))
    return index_of(git)


FORMS = ["2", "3", "4", "split", "shared"]


@pytest.mark.parametrize("form", FORMS)
def test_cut_off_anywhere_is_doubt(form: str, git: Git) -> None:
    """But after the last entry, where what is left looks like an index that ends there."""
    file = in_form(git, form)
    expected = look(git)
    assert isinstance(expected, Tracked)
    whole = file.read_bytes()
    answers = []
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        for small in (0, gitindex.SMALL):
            with patch.object(gitindex, "SMALL", small):
                answers.append(look(git))
    found = [answer for answer in answers if not isinstance(answer, Doubt)]
    assert len(found) <= 2
    assert all(answer and answer.digest == expected.digest for answer in found)


@pytest.mark.parametrize("form", FORMS)
def test_changed_bytes_anywhere_end_in_an_answer_or_doubt(form: str, git: Git) -> None:
    file = in_form(git, form)
    whole = file.read_bytes()
    for at in range(len(whole)):
        for value in (0, 0xFF, whole[at] ^ 0x40, whole[at] ^ 1):
            file.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            look(git)


@pytest.mark.parametrize("form", FORMS)
def test_changed_words_end_in_an_answer_or_doubt(form: str, git: Git) -> None:
    file = in_form(git, form)
    whole = file.read_bytes()
    chance = random.Random(4)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data))
            size = chance.choice((1, 2, 4, 8, 40))
            data[at : at + size] = chance.choice(
                (chance.randbytes(size), b"\xff" * size, b"\0" * size, b"", b".venv/")
            )
        file.write_bytes(data)
        both_ways(git, (".venv",))


# ---- Made by hand --------------------------------------------------------------------------------


def entry(name: bytes, stage: int = 0, padded: bool = True) -> bytes:
    """Return an entry of version 2 for a file called *name*."""
    flags = stage << 12 | min(len(name), 0xFFF)
    fixed = b"\0" * 24 + struct.pack(">I", 0o100644) + b"\0" * 12 + b"o" * 20
    text = fixed + struct.pack(">H", flags) + name
    return text + b"\0" * (8 - len(text) % 8 if padded else 1)


def compressed(removed: int, rest: bytes, length: int) -> bytes:
    """Return an entry of version 4 that takes away *removed* bytes and adds *rest*."""
    fixed = b"\0" * 24 + struct.pack(">I", 0o100644) + b"\0" * 12 + b"o" * 20
    digits = [removed & 127]
    while removed >> 7:
        removed = (removed >> 7) - 1
        digits.insert(0, 128 | removed & 127)
    return fixed + struct.pack(">H", min(length, 0xFFF)) + bytes(digits) + rest + b"\0"


def index(entries: bytes, count: int, extensions: bytes = b"", version: int = 2) -> bytes:
    """Return an index file with a checksum, which nothing reads but as a name."""
    return b"DIRC" + struct.pack(">II", version, count) + entries + extensions + SHARED


def extension(name: bytes, data: bytes) -> bytes:
    """Return an extension."""
    return name + struct.pack(">I", len(data)) + data


def bitmap(*words: int, size: int = 0) -> bytes:
    """Return an EWAH bitmap."""
    return struct.pack(f">II{len(words)}QI", size, len(words), *words, 0)


def split(deleted: bytes, replaced: bytes, name: bytes = SHARED) -> bytes:
    """Return the extension of a split index."""
    return extension(b"link", name + deleted + replaced)


def write_split(git: Git, own: bytes, shared: bytes) -> None:
    """Write an index and the one that it is split from."""
    index_of(git).write_bytes(own)
    (git.directory / f".git/sharedindex.{SHARED.hex()}").write_bytes(shared)


NONE = bitmap()
ALL = bitmap(1 | 0xFFFFFFFF << 1)
FIRST = bitmap(1 << 33, 1)
SECOND = bitmap(1 << 33, 2)


def test_what_is_made_by_hand_is_right(git: Git) -> None:
    """So that the tests below fail for their own reason."""
    index_of(git).write_bytes(index(entry(b".venv/a") + entry(b".venv/b"), 2))
    assert git("ls-files") == b".venv/a\n.venv/b\n"
    found = look(git)
    assert isinstance(found, Tracked)
    assert found.count == 2
    data = index(compressed(0, b".venv/a", 7) + compressed(1, b"b", 7), 2, version=4)
    index_of(git).write_bytes(data)
    assert git("ls-files") == b".venv/a\n.venv/b\n"
    found = look(git)
    assert isinstance(found, Tracked)
    assert found.count == 2


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (index(b"", 0, split(NONE, NONE)), [b".venv/a", b".venv/b"]),
        (index(b"", 0, split(FIRST, NONE)), [b".venv/b"]),
        (index(b"", 0, split(b"", b"")), [b".venv/a", b".venv/b"]),
        (index(entry(b""), 1, split(NONE, SECOND)), [b".venv/a", b".venv/b"]),
        (index(entry(b".venv/0"), 1, split(FIRST, NONE)), [b".venv/0", b".venv/b"]),
        (index(entry(b".venv/b"), 1, split(NONE, NONE)), [b".venv/a", b".venv/b"]),
    ],
)
def test_a_split_index_made_by_hand(own: bytes, expected: list[bytes], git: Git) -> None:
    write_split(git, own, index(entry(b".venv/a") + entry(b".venv/b"), 2))
    found = look(git)
    assert isinstance(found, Tracked)
    assert (found.count, found.first) == (len(expected), expected[0])


@pytest.mark.parametrize(
    "own",
    [
        index(b"", 0, split(ALL, NONE)),
        index(b"", 0, split(NONE, ALL)),
        index(b"", 0, split(bitmap(1 << 33, 4), NONE)),
        index(b"", 0, split(bitmap(0xFFFFFFFF << 1, 1 << 33, 1), NONE)),
        index(b"", 0, split(FIRST, FIRST)),
        index(entry(b"") + entry(b""), 2, split(NONE, FIRST)),
        index(entry(b""), 1, split(NONE, NONE)),
        index(entry(b""), 1),
        index(b"", 0, split(struct.pack(">II", 0, 0xFFFFFFFF), NONE)),
        index(b"", 0, split(NONE, NONE + b"more")),
        index(b"", 0, split(NONE, b"")),
        index(b"", 0, split(b"short", b"")),
        index(b"", 0, split(bitmap(*[0] * 1000), NONE)),
        index(b"", 0, split(NONE, NONE) + split(NONE, NONE)),
        index(b"", 0, extension(b"link", b"")),
        index(b"", 0, split(NONE, NONE, b"?" * 20)),
    ],
)
def test_a_split_index_that_does_not_fit_is_doubt(own: bytes, git: Git) -> None:
    write_split(git, own, index(entry(b".venv/a") + entry(b".venv/b"), 2))
    found = look(git)
    assert isinstance(found, Doubt)


@pytest.mark.parametrize(
    "shared",
    [
        index(b"", 0, split(NONE, NONE)),
        index(entry(b""), 1),
        index(b"", 0, extension(b"zzzz", b"")),
        index(b"", 5),
        index(entry(b".venv/b") + entry(b".venv/a"), 2),
    ],
    ids=["itself", "nameless", "unknown", "short", "unordered"],
)
def test_a_shared_index_that_is_none_is_doubt(shared: bytes, git: Git) -> None:
    write_split(git, index(b"", 0, split(NONE, NONE)), shared)
    doubt = look(git)
    assert isinstance(doubt, Doubt)
    assert not doubt.kept, "a change of the shared index mends it, and it is no witness"


@pytest.mark.parametrize(
    "data",
    [
        index(entry(b".venv/b") + entry(b".venv/a"), 2),
        index(entry(b".venv/a") + entry(b".venv/a"), 2),
        index(entry(b".venv/a", stage=2) + entry(b".venv/a", stage=1), 2),
        index(entry(b".venv/a"), 1, extension(b"zzzz", b"")),
        index(entry(b".venv/a"), 1, b"TREE\0\0\1\0"),
        index(entry(b".venv/a"), 1, b"TREE"),
        index(entry(b".venv/a"), 1, version=1),
        index(entry(b".venv/a"), 1, version=5),
        index(entry(b".venv/a"), 2),
        index(entry(b".venv/a"), 0xFFFFFFFF),
        index(entry(b".venv/a").replace(b"\0\x07", b"\0\x08"), 1),
        index(compressed(1, b".venv/a", 7), 1, version=4),
        index(compressed(2**62, b".venv/a", 7), 1, version=4),
        index(compressed(0, b"a" * 5000, 5000) * 2, 2, version=4),
        b"DIRC",
        b"TREE" + b"\0" * 100,
    ],
)
def test_an_index_that_cannot_be_is_doubt(data: bytes, git: Git) -> None:
    index_of(git).write_bytes(data)
    for small in (0, gitindex.SMALL):
        with patch.object(gitindex, "SMALL", small):
            doubt = look(git)
            assert isinstance(doubt, Doubt)
            assert "cannot be understood" in doubt.what
            assert doubt.kept


# ---- Time and memory -----------------------------------------------------------------------------


def costs(git: Git, limit: float = 20.0) -> Tracked | Doubt | None:
    """Return the answer; fail where it took much more time, or more than 64 MiB of memory."""
    began = time.monotonic()
    found = look(git)
    assert time.monotonic() - began < limit
    tracemalloc.start()
    try:
        look(git)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEBIBYTE
    finally:
        tracemalloc.stop()
    return found


def test_too_large_is_doubt(git: Git) -> None:
    with index_of(git).open("r+b") as file:
        file.truncate(1024 * MEBIBYTE)
    found = costs(git, 1.0)
    assert isinstance(found, Doubt)
    assert "larger than" in found.what


def test_the_shared_index_counts_together(git: Git) -> None:
    own = index(b"", 0, extension(b"TREE", b"\0" * 30 * MEBIBYTE) + split(NONE, NONE))
    write_split(git, own, index(b"", 0, extension(b"TREE", b"\0" * 20 * MEBIBYTE)))
    found = costs(git)
    assert isinstance(found, Doubt)
    assert "larger than" in found.what


def test_the_largest_index_costs_little_memory(git: Git) -> None:
    count = (SIZE_LIMIT - 1000) // 80
    entries = b"".join(entry(b"xvenv/%07d" % i) for i in range(count))
    index_of(git).write_bytes(index(entries, count))
    assert costs(git) is None


def test_compressed_names_that_grow_cost_little(git: Git) -> None:
    begin = compressed(0, b".venv/" + b"a" * 4000, 4006)
    count = (SIZE_LIMIT - 10000) // len(compressed(1, b"", 4005))
    index_of(git).write_bytes(index(begin + compressed(0, b"", 4006) * count, count + 1, version=4))
    assert isinstance(costs(git), Doubt)


def test_a_name_without_an_end_costs_little(git: Git) -> None:
    data = index(entry(b".venv/" + b".venv/" * (SIZE_LIMIT // 6 - 100)), 1)
    index_of(git).write_bytes(data)
    assert isinstance(costs(git), Doubt)


def test_bitmaps_as_large_as_they_can_be_cost_little(git: Git) -> None:
    words = 5 * MEBIBYTE
    data = struct.pack(">II", 0, words) + b"\0" * (8 * words) + b"\0" * 4
    write_split(git, index(b"", 0, split(data, NONE)), index(entry(b".venv/a"), 1))
    assert isinstance(costs(git), Doubt)


def test_a_tail_full_of_names_of_extensions_costs_little(git: Git) -> None:
    tree = extension(b"TREE", b"TREE\0\0\0\0" * (MEBIBYTE // 2))
    index_of(git).write_bytes(index(entry(b".venv/a"), 1, tree))
    assert isinstance(costs(git), Tracked)


def headers_looked_at(git: Git) -> tuple[Tracked | Doubt | None, int]:
    """Return the answer, and how many headers of extensions it took."""
    count = 0
    real = gitindex._Index._extensions

    def counted(self: gitindex._Index, position: int) -> Iterator[tuple[bytes, int, int]]:
        nonlocal count
        for found in real(self, position):
            count += 1
            yield found

    with patch.object(gitindex._Index, "_extensions", counted):
        return look(git), count


def test_a_million_extensions_are_not_all_looked_at(git: Git) -> None:
    """Nor again and again, from each place where they could begin."""
    marks = extension(b"IEOT", b"") * 100 + extension(b"TREE", b"") * 100
    for entries in (b"", entry(b".venv/a"), entry(b"a")):
        many = marks + extension(b"AAAA", b"") * MEBIBYTE
        index_of(git).write_bytes(index(entries, bool(entries), many))
        found, count = headers_looked_at(git)
        assert isinstance(found, Doubt)
        assert "too many extensions" in found.what
        assert count <= 2000


def test_as_many_extensions_as_no_git_writes_are_no_doubt(git: Git) -> None:
    many = extension(b"AAAA", b"") * 500
    index_of(git).write_bytes(index(entry(b".venv/a"), 1, many))
    assert isinstance(look(git), Tracked)


# ---- Many repositories ---------------------------------------------------------------------------


def nest(directory: Path, depth: int, **files: Path) -> Path:
    """Make *depth* repositories, each in the one before, of *files*; return the innermost top."""
    for _ in range(depth):
        directory /= "d"
        (directory / ".git").mkdir(parents=True)
        (directory / ".git/HEAD").write_text("ref: refs/heads/main\n")
        for name, file in files.items():
            (directory / ".git" / name.replace("_", "-")).hardlink_to(file)
    return directory


def look_around(path: Path, limit: float = 5.0) -> list[Tracked | None] | Doubt:
    """Return what all repositories around *path* say; fail if it takes much processor time."""
    began = time.process_time()
    try:
        return [tracked(found, bytes(path)) for found in enclosing(bytes(path))]
    except Doubt as doubt:
        return doubt
    finally:
        assert time.process_time() - began < limit


def many_compressed(size: int) -> bytes:
    """Return an index of version 4, of about *size* bytes and as many entries as fit."""
    rest = compressed(1, b"x", 1)
    count = size // len(rest)
    return index(compressed(0, b"x", 1) + rest * (count - 1), count, version=4)


@pytest.mark.parametrize("size", [5 * MEBIBYTE, SIZE_LIMIT - 1000])
def test_large_indexes_one_in_another_cost_what_one_does(size: int, tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(many_compressed(size))
    top = nest(tmp_path.resolve(), 30, index=tmp_path / "index")
    assert isinstance(look_around(top / ".venv"), Doubt)


def test_many_small_entries_in_many_repositories_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(index(b"".join(entry(b"a%d" % i) for i in range(9)), 9))
    top = nest(tmp_path.resolve(), 5, index=tmp_path / "index")
    for limit, is_doubt in ((1000, False), (35, True)):
        with patch.object(repository, "WORK_LIMIT", limit):
            assert isinstance(look_around(top / ".venv"), Doubt) == is_doubt


def test_large_configurations_cost_little(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(index(b"", 0))
    for name, text in (("none", ""), ("one", "[a]\nobjectformat\n")):
        (tmp_path / name).write_text(text + "\n" * (MEBIBYTE - 100))
        top = nest(tmp_path.resolve() / f"in-{name}", 40, index=tmp_path / "index")
        for level in (top, *top.parents):
            if (level / ".git").is_dir():
                (level / ".git/config").hardlink_to(tmp_path / name)
        assert isinstance(look_around(top / ".venv"), list if name == "none" else Doubt)


def test_large_lists_of_references_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "refs").write_bytes(b"\n" * 15 * MEBIBYTE)
    top = nest(tmp_path.resolve(), 90, packed_refs=tmp_path / "refs")
    found = look_around(top / ".venv")
    assert isinstance(found, Doubt)
    assert "larger than" in found.what


def test_more_repositories_than_anybody_nests_are_doubt(tmp_path: Path) -> None:
    top = nest(tmp_path.resolve(), 101)
    found = look_around(top / ".venv")
    assert isinstance(found, Doubt)
    assert "more than 100 repositories" in found.what
    assert look_around(top.parent / ".venv") == [None] * 100


def test_long_compressed_names_that_all_concern_the_path_cost_little(git: Git) -> None:
    begin = compressed(0, b".venv/" + b"a/" * 2000 + b"a", 4007)
    rest = b"".join(
        compressed(2, b"%c%c" % (b, c), 4007) for b in range(97, 122) for c in range(97, 122)
    )
    count = (SIZE_LIMIT - 10000) // len(rest)
    data = index(begin + rest * count, 1 + 625 * count, version=4)
    index_of(git).write_bytes(data)
    for ignores_case in (False, True):
        found = repository_of(git)
        found.ignores_case = ignores_case
        began = time.process_time()
        with pytest.raises(Doubt):
            tracked(found, found.top + b"/.venv")
        assert time.process_time() - began < 5


def test_long_names_in_other_alphabets_cost_little_where_case_is_ignored(git: Git) -> None:
    begin = compressed(0, "ä".encode() * 2000 + b"x", 4001)
    rest = compressed(1, b"y", 4001) + compressed(1, b"x", 4001)
    count = 300_000
    index_of(git).write_bytes(index(begin + rest * count, 1 + 2 * count, version=4))
    found = repository_of(git)
    found.ignores_case = True
    began = time.process_time()
    with pytest.raises(Doubt, match="too long"):
        tracked(found, found.top + b"/.venv")
    assert time.process_time() - began < 5


def test_a_deep_path_is_not_searched_for_name_by_name(git: Git) -> None:
    """Beyond a few, to parse the index once is less than to search it for each directory."""
    count = 300_000
    entries = b"".join(entry(b"a/%07d" % i) for i in range(count))
    index_of(git).write_bytes(index(entries, count))
    deep = git.directory.joinpath(*"d" * 500) / ".venv"
    assert look_around(deep) == [None]
    assert look_around(git.directory / "a/.venv") == [None]


def test_directories_full_of_names_are_not_listed_to_their_end(git: Git) -> None:
    for number in range(3000):
        (git.directory / f".git/{number}").touch()
    listed = 0
    real = os.scandir

    class Counted:
        """What os.scandir returns, counted."""

        def __init__(self, path: bytes) -> None:
            self.found = real(path)

        def __enter__(self) -> Counted:
            return self

        def __exit__(self, *_: object) -> None:
            self.found.close()

        def __iter__(self) -> Counted:
            return self

        def __next__(self) -> os.DirEntry[bytes]:
            nonlocal listed
            listed += 1
            return next(self.found)

    with patch.object(os, "scandir", Counted), patch.object(gitindex, "SMALL", 0):
        found = look_around(git.directory / ".venv")
        assert isinstance(found, list)
        assert found[0]
        assert 1000 <= listed <= 1100
        (git.directory / ".git/index").unlink()
        (git.directory / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
        listed = 0
        assert isinstance(look_around(git.directory / ".venv"), Doubt)
        assert listed < 10


# ---- Several places in one look ------------------------------------------------------------------


def test_an_index_is_read_once_for_all_places(git: Git) -> None:
    for form in ("2", "split"):
        in_form(git, form)
        with patch.object(repository, "read_inside", wraps=repository.read_inside) as reads:
            (one,) = enclosing(bytes(git.directory / ".venv"))
            (two,) = enclosing(bytes(git.directory / "x/y"), [one])
            assert one is two
            for name in (".venv", "x/y", "x/none", ".venv/bin"):
                tracked(two, bytes(git.directory / name))
        names = [call.args[1] for call in reads.call_args_list]
        assert len(names) == len(set(names))


def test_below_a_path_that_is_not_tracked_nothing_is_looked_for(git: Git) -> None:
    found = repository_of(git)
    assert tracked(found, found.top + b"/env") is None
    with patch.object(gitindex, "_search", side_effect=AssertionError("looked for")):
        assert tracked(found, found.top + b"/env/bin") is None
        for name in (b"/env2", b"/.venv/bin", b""):
            with pytest.raises(AssertionError):
                tracked(found, found.top + name)


def test_what_is_looked_for_again_and_again_ends_in_doubt(git: Git) -> None:
    index_of(git).write_bytes(many_compressed(MEBIBYTE))
    found = repository_of(git)
    with patch.object(found.survey, "work", 100_000):
        assert tracked(found, found.top + b"/0") is None
        names = (found.top + b"/%d" % number for number in range(1, 1000))
        with pytest.raises(Doubt, match="too long"):
            all(tracked(found, name) is None for name in names)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is not kept elsewhere")
def test_under_a_limit_of_memory_there_is_still_an_answer(git: Git) -> None:
    """What tracemalloc does not see is bounded too: the address space of the whole process."""
    count = (SIZE_LIMIT - 1000) // 80
    entries = b"".join(entry(b".venv/%07d" % i) for i in range(count))
    index_of(git).write_bytes(index(entries, count))
    code = (
        "import os, resource, sys\n"
        "from venvhook import gitindex\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + (64 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "path = os.fsencode(sys.argv[1])\n"
        "print(gitindex.tracked(gitindex.enclosing(path)[0], path).count)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(git.directory / ".venv")],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{count}\n", done.stderr
