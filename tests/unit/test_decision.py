"""The files of decisions: whole or not there, private, named as they are, found at one look."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import EnvironmentMaker
from venvhook.decision import (
    ALLOWED,
    DENY,
    ENVIRONMENT,
    KINDS,
    OWN,
    UNDER,
    Decision,
    State,
    keeps_times_beside,
    plant_token,
    token_proves_times,
)
from venvhook.environment import Doubt
from venvhook.recipe import PROTOCOL

ODD = (
    b"/a b/.venv",
    b"/new\nline/x\n/.venv",
    b"/\xff\xfe\x01",
    b"/it's",
    b"/path x\npath /y",
    b"/",
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    """The state of a user who has decided nothing."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return State(bytes(directory))


def file_of(state: State, path: bytes, kind: bytes = ENVIRONMENT) -> Path:
    """Return the file of the decision of *kind* about *path*."""
    file = state.file(path, kind)
    assert file is not None
    return Path(os.fsdecode(file))


def names_in(directory: Path) -> list[str]:
    """Return the names of all that is in *directory*."""
    return sorted(entry.name for entry in directory.iterdir())


def read_back(state: State, path: bytes, kind: bytes = ENVIRONMENT) -> Decision:
    """Return the decision about *path*, which must be there."""
    found = state.decision(path, kind)
    assert found is not None
    return found


@pytest.mark.parametrize("path", ODD)
@pytest.mark.parametrize("kind", KINDS)
def test_a_decision_is_read_as_it_was_kept(state: State, path: bytes, kind: bytes) -> None:
    kept = Decision(path, OWN, b"0" * 32, b"1:2:3", (b"birth", b"held"), b"ab cd")
    assert state.keep(kept, kind)
    found = read_back(state, path, kind)
    for name in Decision.__slots__:
        assert getattr(found, name) == getattr(kept, name), name
    assert [kind_ for kind_ in KINDS if state.decision(path, kind_)] == [kind]
    listed = [(kind_, found.path) for kind_, found in state.decisions() if type(found) is Decision]
    assert listed == [(kind, path)]


def test_decisions_mirror_the_path_as_bytes(state: State) -> None:
    for path in ODD:
        assert state.keep(Decision(path, ALLOWED))
        expected = state.directory + b"/decisions" + path.rstrip(b"/") + b"/venvhook.decision"
        assert bytes(file_of(state, path)) == expected
        assert Path(os.fsdecode(expected)).is_file()
    assert len(list(state.decisions())) == len(ODD)


def test_a_decision_does_not_stand_in_the_way_of_one_below(state: State) -> None:
    for path in (b"/a", b"/a/b", b"/a/b/c"):
        assert state.keep(Decision(path, ALLOWED))
    assert state.file(b"/a/venvhook.decision", ENVIRONMENT) is None
    assert not state.keep(Decision(b"/a/venvhook.decision/b", ALLOWED))
    assert read_back(state, b"/a/b").path == b"/a/b"


def test_files_are_private_whatever_the_umask(state: State) -> None:
    previous = os.umask(0)
    try:
        assert state.keep(Decision(b"/home/me/app/.venv", ALLOWED))
        state.touch()
        lock = state.lock()
        assert lock is not None
        lock.__exit__()
    finally:
        os.umask(previous)
    top = Path(os.fsdecode(state.directory))
    modes = {stat.S_IMODE(e.stat().st_mode) for e in top.rglob("*") if e.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(e.stat().st_mode) for e in top.rglob("*") if e.is_dir()} == {0o700}


def test_a_decision_is_replaced_whole(state: State) -> None:
    assert state.keep(Decision(b"/a", ALLOWED, b"1" * 32))
    held = os.open(file_of(state, b"/a"), os.O_RDONLY)
    try:
        before = os.read(held, 4096)
        assert state.keep(Decision(b"/a", OWN, b"2" * 32))
        os.lseek(held, 0, os.SEEK_SET)
        assert os.read(held, 4096) == before, "who reads it meanwhile reads the old one to its end"
    finally:
        os.close(held)
    assert read_back(state, b"/a").how == OWN
    assert names_in(file_of(state, b"/a").parent) == ["venvhook.decision"]


def test_what_cannot_be_written_is_not_kept_and_leaves_the_old_one(state: State) -> None:
    assert state.keep(Decision(b"/a", ALLOWED))
    # A limit on the size of files ends the writing in the middle, as a full disk does.
    code = (
        "import os, resource, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from venvhook.decision import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "print(State(os.fsencode(sys.argv[2])).keep(Decision(b'/a', b'own')))"
    )
    words = [sys.executable, "-c", code, str(CHECKOUT / "src"), os.fsdecode(state.directory)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    assert read_back(state, b"/a").how == ALLOWED


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"venvhook 2\nhow own\n",
        b"venvhook 1\n",
        b"venvhook 1\nhow own\npath /a",
        b"venvhook 1\nhow perhaps\ntoken \nidentity \naside \ndelivered \npath /a",
        b"venvhook 1\nhow",
        b"\xff" * 70_000,
    ],
    ids=["empty", "another version", "no lines", "too few", "unknown how", "cut", "large"],
)
def test_a_damaged_one_is_doubt_and_is_named(state: State, damage: bytes) -> None:
    assert state.keep(Decision(b"/a", ALLOWED))
    file = file_of(state, b"/a")
    file.write_bytes(damage)
    with pytest.raises(Doubt) as caught:
        state.decision(b"/a")
    assert str(file) in caught.value.what
    assert caught.value.mend == "venvhook allow --prune"
    [(kind, doubt)] = state.decisions()
    assert (kind, type(doubt)) == (ENVIRONMENT, Doubt)
    assert state.sweep() == [bytes(file)]
    assert state.decision(b"/a") is None


def test_what_is_no_regular_file_is_doubt_and_is_not_opened(state: State, tmp_path: Path) -> None:
    assert state.keep(Decision(b"/a", ALLOWED))
    file = file_of(state, b"/a")
    good = tmp_path / "good"
    file.rename(good)
    for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to(good)):
        make(file)
        with pytest.raises(Doubt, match="no regular file"):
            state.decision(b"/a")
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    good.rename(file)
    assert read_back(state, b"/a").how == ALLOWED


def test_forgetting_takes_empty_directories_along_and_no_others(state: State) -> None:
    for path in (b"/home/me/app/.venv", b"/home/me/other/.venv"):
        state.keep(Decision(path, ALLOWED))
    state.keep(Decision(b"/home/me/app", ALLOWED), DENY)
    assert state.forget(b"/home/me/app/.venv")
    assert not state.forget(b"/home/me/app/.venv")
    assert read_back(state, b"/home/me/app", DENY)
    assert state.forget(b"/home/me/app", DENY)
    decisions = Path(os.fsdecode(state.directory)) / "decisions"
    assert names_in(decisions / "home/me") == ["other"]
    assert state.forget(b"/home/me/other/.venv")
    assert names_in(decisions) == []


def test_a_path_of_two_thousand_directories_is_listed(state: State) -> None:
    # More than Python's calls may be deep.
    path = b"/d" * 1500
    assert state.keep(Decision(path, ALLOWED))
    assert [found.path for _kind, found in state.decisions() if type(found) is Decision] == [path]
    assert state.forget(path)
    assert state.decision(b"/d" * 3000) is None
    assert not state.keep(Decision(b"/d" * 3000, ALLOWED))


@pytest.mark.parametrize(
    ("path", "expected"),
    [(b"/home/me/work/app/.venv", True), (b"/home/me/work", False), (b"/home/me/works/x", False)],
)
def test_under_is_for_what_is_below(state: State, path: bytes, expected: bool) -> None:
    state.keep(Decision(b"/home/me/work", ALLOWED), UNDER)
    assert state.is_under(path) is expected


# ---- Two at once ---------------------------------------------------------------------------------

_WRITER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from venvhook.decision import Decision, State
state = State(os.fsencode(sys.argv[2]))
me = sys.argv[3].encode()
sys.stdin.read()
for i in range(200):
    lock = state.lock(5000)
    assert lock is not None
    with lock:
        before = state.decision(b"/counter")
        number = int(before.token) if before else 0
        assert state.keep(Decision(b"/counter", b"own", b"%d" % (number + 1), me * 2000))
    state.keep(Decision(b"/other", b"own", me, me * 2000))
    found = state.decision(b"/other")
    assert found is not None and found.identity == found.token * 2000
"""


def test_two_writers_at_once_lose_nothing_and_leave_whole_files(state: State) -> None:
    words = [sys.executable, "-c", _WRITER, str(CHECKOUT / "src"), os.fsdecode(state.directory)]
    writers = [
        subprocess.Popen([*words, name], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    # They begin together, when their input ends.
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    for writer in writers:
        assert writer.stderr is not None
        complaint = writer.stderr.read()
        writer.stderr.close()
        assert writer.wait(60) == 0, complaint.decode()
    assert read_back(state, b"/counter").token == b"600"


# ---- Many ----------------------------------------------------------------------------------------


@pytest.fixture
def fast_directory(tmp_path: Path) -> Iterator[Path]:
    """A directory for very many files: in memory, where there is such a place."""
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    yield directory
    shutil.rmtree(directory)


@pytest.mark.skipif(sys.platform != "linux", reason="strace counts system calls on Linux only")
def test_a_hundred_thousand_decisions_cost_a_helper_no_call_more(
    tmp_path: Path, fast_directory: Path, make_environment: EnvironmentMaker
) -> None:
    strace = shutil.which("strace") or go_without("strace")
    home = tmp_path.resolve() / "home"
    make_environment(home / "app/.venv")
    helper = "import sys; sys.path.append(sys.argv.pop(1)); from venvhook.hook import main; main()"
    trace = tmp_path / "trace"
    words = [strace, "-f", "-o", str(trace), "-e", "trace=file", sys.executable, "-I", "-S", "-c"]
    words += [helper, str(CHECKOUT / "src"), PROTOCOL.decode(), "bash", str(home / "app"), ".venv"]
    environ = {"HOME": str(home), "XDG_STATE_HOME": str(fast_directory), "PATH": os.environ["PATH"]}

    def calls() -> list[str]:
        """Return the calls about files of the user's that the helper makes."""
        answer = subprocess.run(words, env=environ, check=True, capture_output=True).stdout
        assert answer.startswith(b"_venvhook_activate")
        lines = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
        own = [line for line in lines if str(home) in line or str(fast_directory) in line]
        return sorted(line.partition("(")[0] for line in own)

    calls()
    one = calls()
    assert len(one) > 10
    decisions = fast_directory / "venvhook/decisions"
    [first] = decisions.rglob("venvhook.decision")
    # Beside it and at the directories above it.
    beside = first.parent.parent.parent
    assert beside.name == "home"
    for i in range(33_333):
        (beside / f"p{i}").mkdir()
        for kind in KINDS:
            (beside / f"p{i}/venvhook.{kind.decode()}").touch()
    assert sum(1 for _ in State(bytes(fast_directory / "venvhook"))._files()) > 100_000 - 1
    assert calls() == one


# ---- Times ---------------------------------------------------------------------------------------


def test_a_token_tells_that_times_are_kept(tmp_path: Path) -> None:
    assert not token_proves_times(bytes(tmp_path))
    token, honest = plant_token(bytes(tmp_path))
    assert token
    assert honest
    assert token_proves_times(bytes(tmp_path))
    os.utime(tmp_path / ".venvhook")
    assert not token_proves_times(bytes(tmp_path))


def test_times_are_tried_beside_without_a_trace(tmp_path: Path) -> None:
    environment, beside = bytes(tmp_path / "environment"), bytes(tmp_path / "beside")
    (tmp_path / "environment").mkdir()
    (tmp_path / "beside").mkdir()
    assert keeps_times_beside(environment, beside)
    assert names_in(tmp_path / "environment") == names_in(tmp_path / "beside") == []
    assert keeps_times_beside(environment, b"/proc/self") is None
    assert keeps_times_beside(environment, bytes(tmp_path / "missing")) is None
