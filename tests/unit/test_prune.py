"""'venvhook prune': what goes, what never goes, and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import MAKERS, EnvironmentMaker
from venvhook import permission
from venvhook.binding import Binding, bind, binding_of
from venvhook.config import explain_settings
from venvhook.decision import DENY, Decision, State, existing_state
from venvhook.discovery import DEFAULT_NAMES
from venvhook.environment import examine
from venvhook.inventory import read_records, scan, survey
from venvhook.project import find_project
from venvhook.recipe import PROTOCOL
from venvhook.removal import Plan, carry_out, plan_removal
from venvhook.trust import judge

DAY = 86_400
NOWHERE = "/opt/no-such-python/bin/python3"
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


class Place:
    """A HOME with projects."""

    def __init__(self, home: Path, make_environment: EnvironmentMaker) -> None:
        self.home = home
        self.make_environment = make_environment
        self.environ = {"HOME": str(home), "PWD": str(home), "PATH": os.environ["PATH"]}

    @property
    def state(self) -> State:
        """What was decided."""
        return permission.open_state(self.environ)

    def project(self, name: str, maker: str = "venv", marker: str = ".venv") -> Path:
        """Make a project with a file of its own, and return its environment."""
        environment = self.make_environment(self.home / name / marker, maker)
        (self.home / name / "main.py").touch()
        return environment

    def broken(self, name: str, maker: str = "venv", marker: str = ".venv") -> Path:
        """Make a project whose environment has lost its Python, and return that."""
        environment = self.project(name, maker, marker)
        (environment / "bin/python").unlink()
        (environment / "bin/python").symlink_to(NOWHERE)
        return environment

    def visit(self, environment: Path) -> None:
        """Accept *environment*, as a shell that comes there does."""
        settings = explain_settings(self.environ)[0]
        verdict = judge(examine(bytes(environment)), bytes(environment), settings, self.state)
        assert verdict.doubt is None, verdict.doubt

    def ask_helper(self, root: Path) -> None:
        """Let the helper keep a recipe of the project *root*."""
        words = ["hook", PROTOCOL.decode(), "bash", str(root), *map(os.fsdecode, DEFAULT_NAMES)]
        done = self.run(*words)
        assert done.returncode == 0, done.stderr

    def plan(self, environ: Mapping[str, str] | None = None, days: float = 0) -> Plan:
        """Return what would be removed of all that is in HOME, in some *days*."""
        environ = {**self.environ, **(environ or {})}
        now = time.time() + days * DAY
        entries = survey(environ, scan(bytes(self.home), environ), now)
        return plan_removal(entries, read_records(existing_state(environ)), environ, now)

    def removed(self, plan: Plan) -> list[str]:
        """Return what *plan* removes, by the paths below HOME."""
        paths = (candidate.entry.path for candidate in plan.candidates)
        return [os.fsdecode(os.path.relpath(path, bytes(self.home))) for path in paths]

    def kept(self, plan: Plan) -> dict[str, str]:
        """Return why *plan* keeps what is broken, by the paths below HOME."""
        return {
            os.fsdecode(os.path.relpath(entry.path, bytes(self.home))): reason
            for entry, reason in plan.kept
        }

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run venvhook with *words* in HOME, without a terminal."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "venvhook", *words],
            env={**self.environ, "PYTHONPATH": SOURCE, **environ},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path, make_environment: EnvironmentMaker) -> Place:
    """A HOME."""
    home = tmp_path.resolve() / "home"
    home.mkdir()
    return Place(home, make_environment)


def decisions(state: State) -> Iterator[tuple[bytes, Decision]]:
    """Yield the kind of each decision, none of which is damaged, and what it says."""
    for kind, found in state.decisions():
        assert isinstance(found, Decision), found
        yield kind, found


def snapshot(directory: Path) -> set[str]:
    """Return the paths of all below *directory*."""
    return {str(path) for path in directory.rglob("*")}


# ---- What goes -----------------------------------------------------------------------------------


def test_one_whose_python_may_be_on_a_disk_that_is_not_mounted_stays(place: Place) -> None:
    for name, python in (("away", "/media/me/disk/python3"), ("top", "/gone-for-good/python3")):
        environment = place.broken(name)
        (environment / "bin/python").unlink()
        (environment / "bin/python").symlink_to(python)
    plan = place.plan()
    why = "its Python is perhaps on a disk that is not mounted"
    assert (place.removed(plan), place.kept(plan)) == (
        [],
        {"away/.venv": why, "top/.venv": why},
    )


@pytest.mark.parametrize("maker", MAKERS)
def test_one_whose_python_is_gone_goes_with_all_that_is_known_of_it(
    place: Place, maker: str
) -> None:
    environment = place.project("old", maker)
    fine = place.project("app", maker)
    place.visit(fine)
    before = snapshot(place.home / "app") | snapshot(place.home / ".local")
    place.visit(environment)
    place.ask_helper(environment.parent)
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(NOWHERE)
    stamp = Path(os.fsdecode(place.state.stamp))
    os.utime(stamp, (10**9, 10**9))
    ran = place.run("prune", "--yes")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "~/old/.venv: no interpreter, its Python " in ran.stdout
    assert "Removed: 1 environment (" in ran.stdout
    assert not environment.exists()
    assert (place.home / "old/main.py").exists()
    assert snapshot(place.home / "app") | snapshot(place.home / ".local") == before
    assert not list((place.home / ".cache").rglob("*venvhook.recipe*"))
    assert stamp.stat().st_mtime > 10**9, "running shells look again"
    assert place.run("prune", "--yes").stdout == "Nothing to remove.\n"


def test_what_is_bound_to_a_project_is_unbound(place: Place) -> None:
    environment = place.broken("envs", marker="ml")
    project = place.home / "app"
    project.mkdir()
    bind(Binding(bytes(project), bytes(project), bytes(environment)), place.state)
    assert place.run("prune", "--yes").returncode == 0
    assert not environment.exists()
    assert binding_of(bytes(project), place.state) is None


def test_an_orphan_goes_after_a_day(place: Place) -> None:
    environment = place.project("app")
    (environment.parent / "main.py").unlink()
    assert place.removed(place.plan()) == []
    day_before_yesterday = time.time() - 2 * DAY
    for name in ("pyvenv.cfg", "bin/python"):
        os.utime(environment / name, (day_before_yesterday,) * 2, follow_symlinks=False)
    ran = place.run("prune", "--scan", ".", "--yes")
    assert f"~/app/.venv: orphan, nothing else is in {place.home}/app" in ran.stdout
    assert not environment.exists()
    assert environment.parent.exists()


def test_an_unfinished_one_goes_after_a_day_unless_it_is_being_made(place: Place) -> None:
    import fcntl

    environment = place.project("app")
    mark = environment / ".venvhook-unfinished"
    mark.touch()
    empty = place.home / "killed/.venv"
    (empty / ".venvhook-old").mkdir(parents=True)
    (empty / ".venvhook-unfinished").touch()
    for one in (environment, empty):
        (one / ".venvhook-unfinished-0123").touch()  # what a mark is called while it is written
    former = place.project("former")
    (former / ".venvhook-unfinished").touch()
    (former / ".venvhook-old").mkdir()
    (former / ".venvhook-old/pyvenv.cfg").touch()
    assert place.removed(place.plan()) == []
    assert "was begun within a day" in place.kept(place.plan())["app/.venv"]
    later = place.plan(days=2)
    assert place.removed(later) == ["app/.venv", "killed/.venv"]
    assert "holds the one that was there before" in place.kept(later)["former/.venv"]
    with mark.open("w") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        assert place.kept(place.plan(days=2))["app/.venv"] == "is being made"
        # Also where it was begun after it was shown.
        [failed, done] = carry_out(later, place.environ)
        assert "is being made" in failed.failure
        assert not done.failure
    assert environment.exists()
    assert not empty.exists()


def test_a_link_is_unlinked_and_not_followed(place: Place) -> None:
    target = place.broken("elsewhere")
    (place.home / "data").mkdir()
    (place.home / "data/precious").write_text("mine")
    broken = place.broken("app")
    (broken / "share").mkdir()
    (broken / "share/data").symlink_to(place.home / "data")
    shutil.rmtree(broken / "include")
    (broken / "include").symlink_to(place.home / "data")
    (place.home / "linked").mkdir()
    (place.home / "linked/main.py").touch()
    link = place.home / "linked/.venv"
    link.symlink_to("../elsewhere/.venv")
    nothing = place.home / "linked/venv"
    nothing.symlink_to("../removed/.venv")
    ran = place.run("prune", "--scan", ".", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert not target.exists()
    assert not broken.exists()
    assert not nothing.is_symlink()
    assert (place.home / "data/precious").read_text() == "mine"
    # It led to what was removed: now to nothing, and goes the next time.
    assert link.is_symlink()
    place.run("prune", "--scan", ".", "--yes")
    assert not link.is_symlink()
    assert (place.home / "linked/main.py").exists()


def test_records_of_what_is_gone_go(place: Place) -> None:
    gone, denied = place.project("gone"), place.project("denied")
    fine = place.project("app")
    for environment in (gone, fine):
        place.visit(environment)
        place.ask_helper(environment.parent)
    permission.deny(find_project(bytes(denied.parent), place.environ), place.state)
    permission.deny(find_project(bytes(fine.parent), place.environ), place.state)
    bound = place.home / "bound"
    bound.mkdir()
    bind(Binding(bytes(bound), bytes(bound), bytes(fine)), place.state)
    damaged = place.state.file(bytes(place.home / "x"), DENY)
    assert damaged is not None
    Path(os.fsdecode(damaged)).parent.mkdir(parents=True)
    Path(os.fsdecode(damaged)).write_text("rubbish")
    for directory in (gone.parent, denied.parent):
        shutil.rmtree(directory)
    bound.rmdir()
    shown = place.run("prune", "--dry-run").stdout
    for line in (
        "decision about ~/gone/.venv, which is gone",
        "denial of ~/denied, which is gone",
        "binding of ~/bound, which is gone",
        "1 record that cannot be read",
        "what was found out about 1 project that is gone",
    ):
        assert f"  {line}\n" in shown
    assert len(list(place.state.decisions())) == 5
    ran = place.run("prune", "--yes")
    assert ran.stdout.endswith("Removed: 5 records.\n")
    kinds = [(kind, found.path) for kind, found in decisions(place.state)]
    assert sorted(kinds) == [(b"decision", bytes(fine)), (b"deny", bytes(fine.parent))]
    assert binding_of(bytes(bound), place.state) is None
    kept = [path.parent for path in (place.home / ".cache").rglob("venvhook.recipe.sh")]
    assert [str(path)[-len("home/app") :] for path in kept] == ["home/app"]


# ---- What never goes -----------------------------------------------------------------------------


def _with_a_file(environment: Path) -> None:
    (environment / "thesis.tex").write_text("years of work")


def _with_sources(environment: Path) -> None:
    (environment / "src/mine").mkdir(parents=True)


def _with_a_repository(environment: Path) -> None:
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "mine/.git").mkdir(parents=True)


def _without_home(environment: Path) -> None:
    (environment / "pyvenv.cfg").write_text("version = 3\n")


def _with_a_linked_config(environment: Path) -> None:
    (environment / "pyvenv.cfg").rename(environment.parent / "cfg")
    (environment / "pyvenv.cfg").symlink_to("../cfg")


def _as_condas(environment: Path) -> None:
    (environment / "conda-meta").mkdir()


def _tracked(environment: Path) -> None:
    for words in (["init", "-q"], ["add", "-f", ".venv/pyvenv.cfg"]):
        subprocess.run(["git", *words], cwd=environment.parent, check=True, capture_output=True)


def _in_a_checkout_that_nobody_can_read(environment: Path) -> None:
    (environment.parent / ".hg").mkdir()


KEPT: dict[Callable[[Path], None], str] = {
    _with_a_file: "has 'thesis.tex' in it, which is no part of an environment",
    _with_sources: "has 'src' in it, which is no part of an environment",
    _with_a_repository: "has a repository in it, ",
    _without_home: "has no pyvenv.cfg that names a Python",
    _with_a_linked_config: "has no pyvenv.cfg that names a Python",
    _as_condas: "has 'conda-meta' in it",
    _tracked: "is tracked by a repository",
    _in_a_checkout_that_nobody_can_read: "is tracked by a repository, or may be",
}


@pytest.mark.parametrize("treat", KEPT, ids=lambda treat: treat.__name__.strip("_"))
def test_more_than_an_environment_stays(place: Place, treat: Callable[[Path], None]) -> None:
    environment = place.broken("app")
    treat(environment)
    before = snapshot(place.home / "app")
    plan = place.plan()
    assert place.removed(plan) == []
    assert KEPT[treat] in place.kept(plan).get("app/.venv", "")
    place.run("prune", "--scan", ".", "--yes")
    assert snapshot(place.home / "app") == before


def test_what_is_in_use_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = place.broken("app")
    assert place.removed(place.plan()) == ["app/.venv"]
    for name in ("VIRTUAL_ENV", "VENVHOOK_ACTIVE", "CONDA_PREFIX"):
        assert place.kept(place.plan({name: str(environment)})) == {"app/.venv": "it is active"}
    (place.home / "way").symlink_to("app")
    through = {"VIRTUAL_ENV": str(place.home / "way/.venv")}
    assert place.kept(place.plan(through)) == {"app/.venv": "it is active"}
    inside = {"HOME": str(environment / "lib")}
    assert place.kept(place.plan(inside)) == {"app/.venv": "your home directory is in it"}
    with monkeypatch.context() as patch:
        patch.chdir(environment / "bin")
        assert place.kept(place.plan()) == {"app/.venv": "you are in it"}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "prefix", str(environment))
        assert place.kept(place.plan()) == {"app/.venv": "venvhook runs from it"}
    data = {"XDG_DATA_HOME": str(environment / "share")}
    assert place.kept(place.plan(data)) == {"app/.venv": "venvhook's own files are in it"}


def test_a_home_directory_with_a_pyvenv_cfg_stays(place: Place) -> None:
    (place.home / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (place.home / "bin").mkdir()
    (place.home / "bin/python").symlink_to(NOWHERE)
    assert place.removed(place.plan()) == []
    assert "home directory" in place.kept(place.plan())["."]


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_that_of_another_user_stays(place: Place) -> None:
    environment = place.broken("app")
    os.chown(environment, 12345, 12345)
    assert place.kept(place.plan()) == {"app/.venv": "belongs to another user"}


def test_what_is_moved_broken_or_not_trusted_stays(place: Place) -> None:
    place.project("moved")
    (place.home / "moved").rename(place.home / "elsewhere")
    for script in place.project("damaged").glob("bin/[aA]ctivate*"):
        script.unlink()
    os.utime(place.project("unpacked") / "pyvenv.cfg", (10**9, 10**9))
    plan = place.plan(days=2)
    assert plan.is_empty
    assert plan.kept == ()


def test_one_whose_python_is_on_a_disk_that_is_not_mounted_stays(place: Place) -> None:
    environment = place.broken("app")
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("/media/me/disk/bin/python3")
    assert place.plan().is_empty


@pytest.mark.skipif(not IS_ROOT, reason="only root can mount")
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_one_with_something_mounted_in_it_stays(place: Place, kind: str) -> None:
    environment = place.broken("app")
    (place.home / "data").mkdir()
    (place.home / "data/precious").write_text("mine")
    inside = environment / "share"
    inside.mkdir()
    how = ["-t", "tmpfs", "none"] if kind == "tmpfs" else ["--bind", str(place.home / "data")]
    if subprocess.run(["mount", *how, inside], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        plan = place.plan()
        assert place.removed(plan) == []
        assert place.kept(plan) == {"app/.venv": "has something mounted in it"}
    finally:
        subprocess.run(["umount", inside], check=True)
    assert place.removed(place.plan()) == ["app/.venv"]


def test_what_is_put_in_its_place_after_it_was_shown_stays(place: Place) -> None:
    environment = place.broken("app")
    plan = place.plan()
    environment.rename(place.home / "old")
    other = place.project("app")
    [done] = carry_out(plan, place.environ)
    assert "another is in its place now" in done.failure
    assert (other / "bin/python").exists()
    shutil.rmtree(other)
    other.symlink_to(place.home / "old")
    [done] = carry_out(plan, place.environ)
    assert done.failure
    assert (place.home / "old/pyvenv.cfg").exists()


def test_a_link_put_on_the_way_after_it_was_shown_is_not_followed(place: Place) -> None:
    environment = place.broken("app")
    plan = place.plan()
    environment.parent.rename(place.home / "moved")
    (place.home / "app").symlink_to("moved")
    [done] = carry_out(plan, place.environ)
    assert done.failure
    assert (place.home / "moved/.venv/pyvenv.cfg").exists()


def test_a_file_put_into_it_after_it_was_shown_stays_with_it(place: Place) -> None:
    environment = place.broken("app")
    plan = place.plan()
    (environment / "thesis.tex").write_text("years of work")
    before = snapshot(environment)
    [done] = carry_out(plan, place.environ)
    assert "thesis.tex" in done.failure
    assert snapshot(environment) == before


def test_one_that_can_be_removed_only_in_part_is_found_again(
    place: Place, ordinary_user: tuple[str, ...]
) -> None:
    environment = place.broken("app")
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "module.py").touch()
    packages.chmod(0o500)
    words = [sys.executable, "-P", "-m", "venvhook", "prune", "--scan", ".", "--yes"]
    done = subprocess.run(
        [*ordinary_user, *words],
        env={**place.environ, "PYTHONPATH": SOURCE},
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    packages.chmod(0o700)
    assert done.returncode == 1, done.stdout
    assert "app/.venv: not removed: Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (packages / "module.py").exists()
    assert place.removed(place.plan()) == ["app/.venv"]


# ---- The question --------------------------------------------------------------------------------


def answered(place: Place, answer: bytes, *words: str) -> tuple[int, str]:
    """Return the status and the screen of venvhook with *words*, answered in a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place.home)
        environ = {**place.environ, "PYTHONPATH": SOURCE, "TERM": "dumb"}
        os.execve(sys.executable, [sys.executable, "-P", "-m", "venvhook", *words], environ)
    screen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        # A Ctrl-C just before the program reads is not seen before the next key (Python's input()),
        # so it is pressed again.
        if not select.select([terminal], [], [], 0.5)[0]:
            os.write(terminal, answer if b"[y/N]: " in screen and answer == b"\x03" else b"")
            continue
        try:
            more = os.read(terminal, 4096)
        except OSError:  # Linux: the other side is closed.
            break
        if not more:
            break
        screen += more
        if screen.endswith(b"[y/N]: "):
            os.write(terminal, answer)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()


def test_it_asks_once_and_takes_only_a_yes(place: Place) -> None:
    environment = place.broken("app")
    for answer, expected in ((b"\n", 1), (b"n\n", 1), (b"\x03", 130)):
        status, screen = answered(place, answer, "prune", "--scan", ".")
        assert (status, screen.count("[y/N]")) == (expected, 1), screen
        assert environment.exists()
    status, screen = answered(place, b"y\n", "prune", "--scan", ".")
    assert status == 0, screen
    assert "Remove 1 environment (" in screen
    assert not environment.exists()


def test_without_a_terminal_nothing_is_removed_unasked(place: Place) -> None:
    environment = place.broken("app")
    ran = place.run("prune", "--scan", ".")
    assert ran.returncode == 1
    assert ran.stderr == (
        "venvhook: nothing was removed; there is no terminal to ask on, and --yes was not given\n"
    )
    ran = place.run("prune", "--scan", ".", "--dry-run")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "~/app/.venv: no interpreter" in ran.stdout
    assert environment.exists()
    assert place.run("prune", "--json").returncode == 2


def test_json_tells_what_goes_and_what_stays(place: Place) -> None:
    environment = place.broken("app")
    _with_a_file(place.broken("kept"))
    facts = json.loads(place.run("prune", "--scan", ".", "--dry-run", "--json").stdout)
    assert [entry["environment"] for entry in facts["environments"]] == [str(environment)]
    assert [entry["kept"] for entry in facts["kept"]] == [
        "has 'thesis.tex' in it, which is no part of an environment"
    ]
    assert facts["size"] == facts["environments"][0]["size"] > 10_000
    assert (facts["removed"], facts["records"], facts["recipes"]) == (False, [], [])
    facts = json.loads(place.run("prune", "--scan", ".", "--yes", "--json").stdout)
    assert facts["removed"] is True
    assert not environment.exists()
