"""What an index has at a path, against git's own answer, for generated repositories."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories import Entry, Git, answer, concerned
from venvhook import gitindex
from venvhook.repository import Repository, repository_at

# The same examples each time where a failure would stop others.
GENERATED = settings(max_examples=60, deadline=None, database=None, derandomize="CI" in os.environ)
# Few, so that they meet: at, below and above each other, and beside each other in every order.
PARTS = [b".venv", b".ven", b".venv2", b".venv-", b"a", b"b", b"A", b"bin", b"a b", b"-"]
if os.name == "posix":
    PARTS += [b"\n", b"\x01", b'"\\']
if sys.platform == "linux":
    PARTS += [b"\xff\xfe", b"TREE", b"link", b"x" * 200]
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map(b"/".join)
MODES = st.sampled_from(["100644", "100755", "120000", "160000"])
ENTRIES = st.lists(
    st.tuples(NAMES, MODES, st.sampled_from([0, 0, 0, 1, 2, 3]), st.integers(1, 2**160 - 1)),
    max_size=12,
)


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def template(request: pytest.FixtureRequest) -> Iterator[Git]:
    """An empty repository, to be copied, with each format of object names."""
    with tempfile.TemporaryDirectory() as scratch:
        git = Git(Path(scratch).resolve() / "template", Path(scratch))
        git.init(f"--object-format={request.param}")
        # Never a new shared index because much has changed.
        git("config", "splitIndex.maxPercentChange", "100")
        yield git


def copy_of(template: Git, directory: str) -> Git:
    """Return a copy of the *template* in *directory*."""
    top = Path(directory).resolve() / "app"
    shutil.copytree(template.directory, top)
    return template.at(top)


def put(git: Git, entries: list[tuple[bytes, str, int, int]], removed: list[bytes]) -> None:
    """Put *entries* into the index, and take out the names *removed*."""
    length = 64 if git("rev-parse", "--show-object-format").strip() == b"sha256" else 40
    lines = [b"0 %b\t%b\0" % (b"0" * length, name) for name in removed]
    lines += [
        b"%b %0*x %d\t%b\0" % (mode.encode(), length, number, stage, name)
        for name, mode, stage, number in entries
    ]
    git("update-index", "-z", "--index-info", given=b"".join(lines))


def asked(entries: list[Entry]) -> list[bytes]:
    """Return names to ask about: each entry's, those above and beside it, and some more."""
    names = {b"", b".venv", b"a/.venv", b"a/b/.venv/bin"}
    for entry in entries:
        parts = entry.name.rstrip(b"/").split(b"/")
        names |= {b"/".join(parts[: i + 1]) for i in range(len(parts))}
        names |= {entry.name.rstrip(b"/") + b"/below", entry.name[:-1].rstrip(b"/")}
    return sorted(names)


def repository(git: Git) -> Repository:
    """Return the repository at the directory of *git*."""
    found = repository_at(bytes(git.directory))
    assert found is not None
    return found


def check(git: Git) -> None:
    """Fail where the answer about a name is not git's, searched or parsed, minding case or not."""
    entries = git.entries()
    for small, ignores_case in ((0, False), (gitindex.SMALL, False), (0, True)):
        with patch.object(gitindex, "SMALL", small):
            for name in asked(entries):
                # Another one for each, since it remembers what its index does not have.
                found = repository(git)
                found.ignores_case = ignores_case
                path = found.top + b"/" + name if name else found.top
                got = gitindex.tracked(found, path)
                own = got and (got.count, got.digest, got.first)
                assert own == answer(concerned(entries, name, ignores_case)), name


@pytest.mark.parametrize("version", ["2", "4"])
@GENERATED
@given(entries=ENTRIES, data=st.data())
def test_the_answer_is_gits(
    template: Git, version: str, entries: list[tuple[bytes, str, int, int]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        git = copy_of(template, scratch)
        git("update-index", "--index-version", version)
        put(git, entries, [])
        plain = [entry.name for entry in git.entries() if entry.stage == 0]
        if plain:
            # An index of version 3: extended flags.
            flagged = data.draw(st.lists(st.sampled_from(plain), unique=True))
            git(
                "update-index",
                "-z",
                "--skip-worktree",
                "--stdin",
                given=b"\0".join([*flagged, b""]),
            )
        if data.draw(st.booleans()):
            # Adds the extension TREE, where there is no conflict.
            git("write-tree", "--missing-ok", may_fail=True)
        check(git)


@pytest.mark.parametrize("version", ["2", "4"])
@GENERATED
@given(before=ENTRIES, after=ENTRIES, data=st.data())
def test_the_answer_is_gits_in_a_split_index(
    template: Git,
    version: str,
    before: list[tuple[bytes, str, int, int]],
    after: list[tuple[bytes, str, int, int]],
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        git = copy_of(template, scratch)
        git("update-index", "--index-version", version)
        put(git, before, [])
        git("update-index", "--split-index")
        names = sorted({entry.name for entry in git.entries()})
        removed = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        # The same names again with other objects are replaced, others are added.
        put(git, after, removed)
        check(git)
