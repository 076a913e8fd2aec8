"""Which repositories enclose a path, and what they track there: each form that git has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from checkout import CHECKOUT
from repositories import Git, answer, concerned
from venvhook import gitindex
from venvhook.environment import Doubt
from venvhook.gitindex import Tracked, tracked
from venvhook.repository import Repository, enclosing, repository_at

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="links, FIFOs and odd names of POSIX")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory without links on the way to it."""
    return tmp_path.resolve()


@pytest.fixture
def git(place: Path) -> Git:
    """A repository called app, with one commit."""
    return Git(place / "app", place).init().commit("readme")


def tops(path: Path) -> list[Path]:
    """Return the tops of the repositories that enclose *path*, up to the test's own directory."""
    return [Path(os.fsdecode(found.top)) for found in enclosing(bytes(path))]


def found_at(path: Path) -> list[Tracked | None]:
    """Return what each repository that encloses *path* tracks there."""
    return [tracked(repository, bytes(path)) for repository in enclosing(bytes(path))]


def count_at(path: Path) -> int:
    """Return how many entries all the repositories that enclose *path* have there."""
    return sum(found.count for found in found_at(path) if found)


def doubt_at(path: Path) -> Doubt:
    """Return why it is in doubt what encloses *path* and what is tracked there."""
    with pytest.raises(Doubt) as raised:
        found_at(path)
    return raised.value


def only(path: Path) -> Repository:
    """Return the repository at *path*."""
    found = repository_at(bytes(path))
    assert found is not None
    return found


# ---- What encloses a path ------------------------------------------------------------------------


def test_a_plain_directory_has_no_repository(place: Path) -> None:
    (place / "app/.venv").mkdir(parents=True)
    assert enclosing(bytes(place / "app/.venv")) == []


def test_all_repositories_above_enclose_and_those_beside_do_not(git: Git) -> None:
    inner = git.at(git.directory / "sub/inner").init()
    git.at(git.directory / "sub/beside").init()
    assert tops(inner.directory / "deep/.venv") == [inner.directory, git.directory]


def test_the_path_itself_may_be_the_top(git: Git) -> None:
    assert tops(git.directory) == [git.directory]
    found = found_at(git.directory)[0]
    assert found is not None
    assert found.first == b"readme"


def test_a_bare_repository_lying_about_does_not_enclose(place: Path) -> None:
    git = Git(place / "app", place).init("--bare")
    (git.directory / ".venv").mkdir()
    assert tops(git.directory / ".venv") == []


@pytest.mark.parametrize("content", [[], ["hooks", "info"]], ids=["empty", "no repository"])
def test_what_git_takes_for_no_repository_is_none(content: list[str], git: Git) -> None:
    inner = git.directory / "inner"
    (inner / ".git").mkdir(parents=True)
    for name in content:
        (inner / ".git" / name).mkdir()
    assert git.at(inner)("rev-parse", "--show-toplevel").strip() == bytes(git.directory)
    assert tops(inner / ".venv") == [git.directory]


def test_the_index_is_the_witness(git: Git) -> None:
    found = only(git.directory)
    assert found.index == found.witness == bytes(git.directory / ".git/index")


def test_without_an_index_its_directory_is_the_witness(place: Path) -> None:
    git = Git(place / "app", place).init()
    found = only(git.directory)
    assert found.witness == bytes(git.directory / ".git")
    assert not Path(os.fsdecode(found.index)).exists()
    assert tracked(found, bytes(git.directory / ".venv")) is None


def test_a_worktree_has_an_index_of_its_own(git: Git) -> None:
    tree = git.at(git.directory.parent / "tree")
    git("worktree", "add", "-q", tree.directory)
    tree.commit(".venv/pyvenv.cfg")
    assert count_at(tree.directory / ".venv") == 1
    assert count_at(git.directory / ".venv") == 0
    assert only(tree.directory).witness == bytes(git.directory / ".git/worktrees/tree/index")


def test_worktrees_of_a_bare_repository(git: Git) -> None:
    project = git.directory.parent / "project"
    project.mkdir()
    git("clone", "-q", "--bare", git.directory, project / ".bare")
    (project / ".git").write_text("gitdir: ./.bare\n")
    git.at(project)("worktree", "add", "-q", "--relative-paths", "main", may_fail=True)
    if not (project / "main").exists():
        git.at(project)("worktree", "add", "-q", "main")
    assert tops(project / "main/.venv") == [project / "main", project]
    assert count_at(project / "main/.venv") == 0
    git.at(project / "main").commit(".venv/bin/python")
    assert count_at(project / "main/.venv") == 1


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_a_git_directory_elsewhere(relative: bool, git: Git) -> None:
    elsewhere = git.directory.parent / "elsewhere.git"
    (git.directory / ".git").rename(elsewhere)
    target = "../elsewhere.git" if relative else str(elsewhere)
    (git.directory / ".git").write_bytes(os.fsencode(f"gitdir: {target}\r\n"))
    git.commit(".venv/bin/python")
    assert count_at(git.directory / ".venv") == 1


@POSIX_ONLY
@pytest.mark.parametrize("what", [".git", ".git/index", ".git/config"])
def test_links_in_a_repository_are_followed(what: str, place: Path) -> None:
    git = Git(place / "app", place).init("--object-format=sha256").commit(".venv/bin/python")
    (git.directory / what).rename(place / "moved")
    (git.directory / what).symlink_to(place / "moved")
    assert count_at(git.directory / ".venv") == 1
    assert count_at(git.directory / "venv") == 0


# ---- Doubt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gitdir: /nowhere/at/all\n", "/nowhere cannot be read"),
        ("gitdir: gone\n", "gone cannot be read"),
        ("gitdir: readme\n", "is a file|no regular file"),
        ("gitdir: \n", "names no directory"),
        ("worktree: x\n", "names no directory"),
        ("", "names no directory"),
        ("gitdir: /net/host/x\n", "leads to /net/host/x, where a look can hang"),
        ("gitdir: /tmp/../proc/self/cwd/.git\n", "leads to /proc, where a look can hang"),
        ("gitdir: //host/x\n", "a look can hang"),
    ],
)
@POSIX_ONLY
def test_a_git_file_that_leads_nowhere_is_doubt(text: str, reason: str, git: Git) -> None:
    inner = git.directory / "inner"
    inner.mkdir()
    (inner / "readme").touch()
    (inner / ".git").write_text(text)
    with pytest.raises(Doubt, match=reason) as raised:
        enclosing(bytes(inner / ".venv"))
    assert not raised.value.kept


@POSIX_ONLY
@pytest.mark.parametrize(
    "target", ["/net/host/.git", "/proc/self/cwd/.git", "gone", ".git", "../../../../dev/null"]
)
@pytest.mark.parametrize("what", [".git", ".git/index", ".git/commondir", ".git/config"])
def test_links_to_nowhere_or_to_where_a_look_can_hang(what: str, target: str, git: Git) -> None:
    path = git.directory / what
    if path.exists():
        path.rename(git.directory.parent / "moved")
    path.symlink_to(target)
    assert not doubt_at(git.directory / ".venv").kept


@POSIX_ONLY
@pytest.mark.parametrize("what", [".git", ".git/index", ".git/config", ".git/commondir"])
def test_what_is_no_file_is_never_waited_for(what: str, git: Git) -> None:
    path = git.directory / what
    if path.exists():
        path.rename(git.directory.parent / "moved")
    os.mkfifo(path)
    assert "FIFO" in doubt_at(git.directory / ".venv").what
    path.unlink()
    with socket.socket(socket.AF_UNIX) as server, in_directory(path.parent):
        server.bind(path.name)
        assert "socket" in doubt_at(git.directory / ".venv").what


class in_directory:  # noqa: N801  # reads as a word of the with statement
    """Work in *path*: a socket's whole path may be too long to bind."""

    def __init__(self, path: Path) -> None:
        self._path, self._before = path, Path.cwd()

    def __enter__(self) -> None:
        os.chdir(self._path)

    def __exit__(self, *_error: object) -> None:
        os.chdir(self._before)


def test_a_commit_without_an_index_is_doubt(git: Git) -> None:
    index = git.directory / ".git/index"
    index.rename(git.directory / "kept")
    assert "commits but no index" in doubt_at(git.directory / ".venv").what
    git("pack-refs", "--all")
    assert not (git.directory / ".git/refs/heads/main").exists()
    assert "commits but no index" in doubt_at(git.directory / ".venv").what
    git("symbolic-ref", "HEAD", "refs/heads/other")
    assert count_at(git.directory / ".venv") == 0
    git("update-ref", "--no-deref", "HEAD", "refs/heads/main")
    assert "commits but no index" in doubt_at(git.directory / ".venv").what


def test_no_head_is_doubt_where_there_are_objects(git: Git) -> None:
    (git.directory / ".git/index").unlink()
    (git.directory / ".git/HEAD").unlink()
    assert "neither an index nor a HEAD" in doubt_at(git.directory / ".venv").what


def test_a_reference_that_only_a_new_git_reads(place: Path) -> None:
    # What git init --ref-format=reftable leaves, of git 2.45; this may be an older one.
    git = Git(place / "app", place).init()
    (git.directory / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert count_at(git.directory / ".venv") == 0
    objects = git.directory / ".git/objects"
    (objects / "info/alternates").write_text("/x\n")
    assert "commits but no index" in doubt_at(git.directory / ".venv").what
    (objects / "info/alternates").unlink()
    (objects / "pack/pack-1.pack").touch()
    assert "commits but no index" in doubt_at(git.directory / ".venv").what


@pytest.mark.parametrize(
    ("marker", "system"),
    [
        (".hg", "Mercurial"),
        (".svn", "Subversion"),
        (".jj", "Jujutsu"),
        (".sl", "Sapling"),
        (".bzr", "Bazaar"),
        ("_darcs", "Darcs"),
        ("CVS/Entries", "CVS"),
        (".fslckout", "Fossil"),
        ("_FOSSIL_", "Fossil"),
        (".pijul", "Pijul"),
    ],
)
def test_another_system_around_it_is_doubt(marker: str, system: str, place: Path) -> None:
    (place / "work" / marker).mkdir(parents=True)
    doubt = doubt_at(place / "work/app/.venv")
    assert f"{system} repository ({place}/work)" in doubt.what
    assert not doubt.kept, "no witness changes when it goes"


def test_jujutsu_beside_git_keeps_gits_index(git: Git) -> None:
    (git.directory / ".jj").mkdir()
    assert count_at(git.directory / ".venv") == 0


def test_a_directory_called_cvs_is_no_doubt(place: Path) -> None:
    (place / "CVS").mkdir()
    assert enclosing(bytes(place / ".venv")) == []


@POSIX_ONLY
@pytest.mark.parametrize("place", [b"/net", b"/afs", b"/Network"])
def test_names_of_hosts_are_never_looked_up(place: bytes) -> None:
    looked_up = []

    def lstat(path: bytes) -> os.stat_result:
        looked_up.append(path)
        raise FileNotFoundError

    with patch.object(os, "lstat", lstat):
        enclosing(place + b"/host/app/.venv")
    assert place + b"/host/app/.git" in looked_up
    assert b"/.git" in looked_up
    assert not [path for path in looked_up if path.rpartition(b"/")[0] == place]


def test_a_path_that_is_no_directory_or_missing_has_those_above(git: Git) -> None:
    assert tops(git.directory / "readme") == [git.directory]
    assert tops(git.directory / "gone/.venv") == [git.directory]


def test_unreadable_is_doubt(git: Git, ordinary_user: tuple[str, ...]) -> None:
    code = (
        "import os, sys; from venvhook import gitindex, environment\n"
        "path = os.fsencode(sys.argv[1])\n"
        "try: print([gitindex.tracked(r, path) for r in gitindex.enclosing(path)])\n"
        "except environment.Doubt as doubt: print(doubt.what, doubt.kept)"
    )
    for name in ("index", "config", ""):
        target = git.directory / ".git" / name
        mode = target.stat().st_mode
        target.chmod(0)
        done = subprocess.run(
            [*ordinary_user, sys.executable, "-c", code, str(git.directory / ".venv")],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
            capture_output=True,
            text=True,
        )
        target.chmod(mode)
        assert "cannot be read (Permission denied) False" in done.stdout, done


# ---- The configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[extensions]\n\tobjectformat = sha256\n",
        "[extensions] objectFormat=sha256 ; of course\n",
        '[EXTENSIONS]\r\nOBJECTFORMAT = "sha256" # so\r\n',
        "\ufeff[extensions]\nobjectformat = sha1\nobjectformat = sha\\\n256\n",
        '[core]\na = "x # \\\\\n# a comment \\\n[extensions]\nobjectformat = sha256\n'
        '[extensions "x"]\nobjectformat = sha1\n',
    ],
)
def test_the_format_of_objects_is_read_as_git_does(text: str, place: Path) -> None:
    git = Git(place / "app", place).init("--object-format=sha256").commit(".venv/bin/python")
    config = git.directory / ".git/config"
    version = "[core]\nrepositoryformatversion = 1\n"
    config.write_text(text + version, newline="")
    if "a = " not in text:
        assert git("rev-parse", "--show-object-format").strip() == b"sha256"
    assert count_at(git.directory / ".venv") == 1


def test_an_unknown_format_of_objects_is_doubt(git: Git) -> None:
    config = git.directory / ".git/config"
    config.write_text(config.read_text() + "[extensions]\nobjectformat = sha3\n")
    assert "unknown format of objects" in doubt_at(git.directory / ".venv").what


def test_nothing_else_in_a_configuration_is_obeyed(git: Git) -> None:
    git.commit(".venv/bin/python")
    other = git.directory.parent / "other"
    other.write_text("[extensions]\nobjectformat = sha3\n")
    config = git.directory / ".git/config"
    config.write_text(
        config.read_text().replace("bare = false", "bare = true")
        + f"worktree = {git.directory.parent}\n[include]\npath = {other}\n"
    )
    assert count_at(git.directory / ".venv") == 1


# ---- What is tracked -----------------------------------------------------------------------------


def test_intent_to_add_counts(git: Git) -> None:
    git.write(".venv/bin/python")("add", "-N", "-f", ".venv")
    found = found_at(git.directory / ".venv")[0]
    assert found is not None
    entries = concerned(git.entries(), b".venv")
    assert (found.count, found.digest, found.first) == answer(entries)
    assert found.first == b".venv/bin/python"


def test_a_conflict_counts_each_stage(git: Git) -> None:
    git("checkout", "-q", "-b", "other")
    git.write(".venv/x")("add", ".venv/x")
    git("commit", "-q", "-m", "other")
    git("checkout", "-q", "main")
    (git.directory / ".venv").mkdir()
    (git.directory / ".venv/x").write_text("mine")
    git("add", ".venv/x")
    git("commit", "-q", "-m", "mine")
    git("merge", "-q", "other", may_fail=True)
    stages = [entry.stage for entry in git.entries() if entry.name == b".venv/x"]
    assert stages == [2, 3]
    assert count_at(git.directory / ".venv") == 2


def test_the_digest_rests_on_what_is_tracked_alone(git: Git) -> None:
    git.commit(".venv/a", ".venv/b", "c")
    path = git.directory / ".venv"

    def digest() -> str:
        found = found_at(path)[0]
        assert found is not None
        return found.digest

    before = digest()
    os.utime(path / "a", ns=(1, 1))
    git("update-index", "--refresh")
    git.commit("d")
    git("update-index", "--skip-worktree", ".venv/a")
    git("update-index", "--index-version", "4")
    git("update-index", "--split-index")
    assert digest() == before
    (path / "a").write_text("other")
    git("update-index", "--no-skip-worktree", ".venv/a")
    git("add", ".venv/a")
    changed = digest()
    assert changed != before
    git("update-index", "--chmod=+x", ".venv/a")
    assert digest() not in (before, changed)


def test_a_link_tracked_at_the_path_counts(git: Git) -> None:
    (git.directory / "real").mkdir()
    (git.directory / ".venv").symlink_to("real")
    git("add", ".venv")
    assert count_at(git.directory / ".venv") == 1
    assert count_at(git.directory / "real") == 0


def test_a_submodule_is_asked_itself_and_counts_above_only_without_its_repository(git: Git) -> None:
    library = git.at(git.directory.parent / "library").init().commit("code")
    git("submodule", "add", "-q", library.directory, "sub")
    git("commit", "-q", "-m", "sub")
    sub = git.directory / "sub"
    assert (sub / ".git").is_file()
    assert count_at(sub / ".venv") == 0
    assert count_at(sub) == 2, "its own file, and the submodule itself"
    git.at(sub).commit(".venv/bin/python")
    assert count_at(sub / ".venv") == 1
    git("submodule", "deinit", "-q", "-f", "sub")
    assert count_at(sub / ".venv") == 1, "the submodule, which brought what is there"
    (sub / ".git").mkdir()
    assert count_at(sub / ".venv") == 1, "an empty .git is no repository"


def test_a_directory_outside_a_sparse_checkout_counts_above(git: Git) -> None:
    git.commit("in/a", "out/deep/b", "out/c")
    git("sparse-checkout", "init", "--cone", "--sparse-index")
    git("sparse-checkout", "set", "in")
    assert b"out/" in [entry.name for entry in git.entries()]
    assert count_at(git.directory / "out/deep/.venv") == 1
    assert count_at(git.directory / "out") == 1
    assert count_at(git.directory / "in/.venv") == 0
    with patch.object(gitindex, "SMALL", 0):
        assert count_at(git.directory / "out/deep/.venv") == 1


def test_a_split_index_in_a_worktree(git: Git) -> None:
    tree = git.at(git.directory.parent / "tree")
    git("worktree", "add", "-q", tree.directory)
    tree.commit(".venv/a", ".venv/b")
    tree("update-index", "--split-index")
    tree("rm", "-q", "--cached", ".venv/a")
    assert list((git.directory / ".git/worktrees/tree").glob("sharedindex.*"))
    found = found_at(tree.directory / ".venv")[0]
    assert found is not None
    assert (found.count, found.first) == (1, b".venv/b")
    tree("rm", "-q", "--cached", ".venv/b")
    assert count_at(tree.directory / ".venv") == 0


def test_a_missing_or_foreign_shared_index_is_doubt(git: Git) -> None:
    git.commit(".venv/a")
    git("update-index", "--split-index")
    shared = next((git.directory / ".git").glob("sharedindex.*"))
    whole = shared.read_bytes()
    for damage in (whole[:-1] + b"?", whole[:40], b""):
        shared.write_bytes(damage)
        doubt = doubt_at(git.directory / ".venv")
        assert "shared index" in doubt.what
        assert not doubt.kept
    shared.unlink()
    assert "shared index is missing" in doubt_at(git.directory / ".venv").what


def test_an_index_that_goes_while_it_is_looked_at_is_doubt(git: Git) -> None:
    found = only(git.directory)
    (git.directory / ".git/index").unlink()
    with pytest.raises(Doubt):
        tracked(found, bytes(git.directory / ".venv"))


# ---- Disks that ignore case ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".VENV/bin/python", 1),
        (".Venv", 1),
        (".venv./x", 1),
        (".venv /x", 1),
        (".ve\u200cnv/x", 1),
        ("VENV~1/x", 1),
        ("venv/x", 0),
        (".venv2/x", 0),
        ("App/x", 0),
    ],
)
@POSIX_ONLY
def test_case_is_ignored_where_the_disk_does(name: str, expected: int, git: Git) -> None:
    git.commit(name)
    found = only(git.directory)
    found.ignores_case = True
    got = tracked(found, bytes(git.directory / ".venv"))
    assert (got.count if got else 0) == expected


@pytest.mark.parametrize(
    "name", ["Größe/.venv/x", "GRO\u0308SSE/.VENV/x", "Größe", "Gro\u0308\u00dfe/.venv"]
)
@POSIX_ONLY
def test_normal_forms_are_one_where_case_is_ignored(name: str, git: Git) -> None:
    git.commit(name)
    found = only(git.directory)
    found.ignores_case = True
    got = tracked(found, os.fsencode(git.directory / "größe/.venv"))
    assert got is not None
    assert os.fsdecode(got.first) == name


def test_whether_the_disk_ignores_case_is_seen(git: Git) -> None:
    expected = (git.directory / "README").exists()
    assert only(git.directory).ignores_case == expected
    (git.directory / ".venv").mkdir()
    git.commit(".VENV2/x")
    assert count_at(git.directory / ".venv2") == int(expected)


@POSIX_ONLY
def test_one_file_under_two_spellings_is_a_disk_that_ignores_case(git: Git) -> None:
    # As near as a disk that minds case comes to it: .git is a file with a second, hard link.
    elsewhere = git.directory.parent / "elsewhere"
    (git.directory / ".git").rename(elsewhere)
    (git.directory / ".git").write_text(f"gitdir: {elsewhere}\n")
    if not (git.directory / ".GIT").exists():
        os.link(git.directory / ".git", git.directory / ".GIT")
    assert only(git.directory).ignores_case


# ---- Nothing runs --------------------------------------------------------------------------------


def test_no_process_is_started_and_variables_are_ignored(git: Git) -> None:
    """Watched by Python's own audit events, with git's ways to run a program all set."""
    git.commit(".venv/bin/python")
    mark = git.directory.parent / "mark"
    program = git.directory.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.hooksPath"):
        git("config", name, str(program))
    other = git.at(git.directory.parent / "other").init()
    code = (
        "import os, sys\n"
        "def watch(event, _):\n"
        "    if event.startswith(('subprocess', 'os.fork', 'os.exec', 'os.posix', 'os.sys')):\n"
        "        os._exit(9)\n"
        "sys.addaudithook(watch)\n"
        "from venvhook import gitindex\n"
        "path = os.fsencode(sys.argv[1])\n"
        "print([gitindex.tracked(r, path).count for r in gitindex.enclosing(path)])"
    )
    variables = {
        "GIT_DIR": str(other.directory / ".git"),
        "GIT_WORK_TREE": "/",
        "GIT_INDEX_FILE": str(other.directory / "none"),
        "GIT_COMMON_DIR": "/nowhere",
        "GIT_CEILING_DIRECTORIES": str(git.directory),
        "GIT_DISCOVERY_ACROSS_FILESYSTEM": "0",
        "GIT_EXEC_PATH": str(git.directory.parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(git.directory / ".venv")],
        env={**os.environ, **variables, "PYTHONPATH": str(CHECKOUT / "src")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "[1]\n"), done
    assert not mark.exists()


# ---- A large index -------------------------------------------------------------------------------


def fill(git: Git, names: list[bytes]) -> None:
    """Put *names* into the index, all with the same content, and git's own extensions."""
    blob = git("hash-object", "-w", "--stdin", given=b"x").strip()
    lines = b"".join(b"100644 %b\t%b\0" % (blob, name) for name in names)
    git("update-index", "-z", "--index-info", given=lines)
    git("commit", "-q", "-m", "many")


@pytest.mark.parametrize("untracked", [False, True], ids=["plain", "untracked cache"])
def test_a_large_index_without_a_hit_is_not_parsed(untracked: bool, git: Git) -> None:
    git("config", "core.untrackedCache", str(untracked).lower())
    fill(git, [b"services/api/%d/TREE.venvs" % i for i in range(5000)])
    git("status", "--short")
    found = only(git.directory)
    with patch.object(gitindex._Index, "entries", side_effect=AssertionError("parsed")):
        for name in (".venv", "services/api/.venv", "services/api/7/TREE"):
            assert tracked(found, bytes(git.directory / name)) is None
        with pytest.raises(AssertionError, match="parsed"):
            tracked(found, bytes(git.directory / "services/api/7"))
    assert count_at(git.directory / "services/api/7") == 1
    assert count_at(git.directory / "services") == 5000


def test_names_that_look_like_a_hit_cannot_hide_one(git: Git) -> None:
    names = [b"%s%d" % (b".venv/" * n, n) for n in range(1, 60)]
    fill(
        git, [b"x" * n + b"/" + name for n, name in enumerate(names, 1)] + [b".venv-x", b"z/.venv"]
    )
    with patch.object(gitindex, "SMALL", 0):
        assert count_at(git.directory / ".venv") == 0
        for n in range(1, 9):
            name = "." + "y" * n + "/.venv"
            fill(git, [os.fsencode(name)])
            assert count_at(git.directory / name) == 1
        fill(git, [b".venv/x"])
        assert count_at(git.directory / ".venv") == 1


def test_an_unknown_mandatory_extension_is_doubt_in_a_large_index_too(git: Git) -> None:
    fill(git, [b"services/api/%d" % i for i in range(5000)])
    index = git.directory / ".git/index"
    whole = index.read_bytes()
    at = whole.index(b"TREE\0")
    for place in (at, len(whole) - 20):
        for name in (b"zzzz", b"ZZZZ"):
            index.write_bytes(whole[:place] + name + b"\0\0\0\5hello" + whole[place:])
            if name == b"zzzz":
                doubt = doubt_at(git.directory / ".venv")
                assert "cannot be understood (an unknown extension)" in doubt.what
                assert doubt.kept
            else:
                assert count_at(git.directory / ".venv") == 0
