"""'venvhook list': which environments there are, in what state, and when they were last used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import MAKERS, EnvironmentMaker
from venvhook import permission
from venvhook.binding import Binding, bind
from venvhook.caller import marker_names
from venvhook.config import explain_settings
from venvhook.decision import State
from venvhook.environment import Unusable, examine
from venvhook.inventory import AWAY, GONE, HERE, Entry, Scan, scan, survey, whereabouts
from venvhook.project import find_project
from venvhook.trust import judge

DAY = 86_400
NOWHERE = "/opt/no-such-python/bin/python3"


class Place:
    """A HOME with projects, and what venvhook knows of them."""

    def __init__(self, home: Path, make_environment: EnvironmentMaker) -> None:
        self.home = home
        self.make_environment = make_environment
        self.environ = {"HOME": str(home), "PWD": str(home)}

    @property
    def state(self) -> State:
        """What was decided."""
        return permission.open_state(self.environ)

    def project(self, name: str, marker: str = ".venv", maker: str = "venv") -> Path:
        """Make a project with a file of its own, and return its environment."""
        environment = self.make_environment(self.home / name / marker, maker)
        (self.home / name / "main.py").touch()
        return environment

    def visit(self, environment: Path) -> None:
        """Accept *environment*, as a shell that comes there does."""
        settings = explain_settings(self.environ)[0]
        verdict = judge(examine(bytes(environment)), bytes(environment), settings, self.state)
        assert verdict.doubt is None, verdict.doubt

    def scan(self, directory: Path | None = None) -> Scan:
        """Return what is found in HOME, or in *directory*."""
        return scan(bytes(directory or self.home), self.environ)

    def entries(self, found: Scan | None = None, days: float = 0) -> dict[str, Entry]:
        """Return the entries by their paths below HOME, as they will be in some *days*."""
        entries = survey(self.environ, found, time.time() + days * DAY)
        return {os.fsdecode(os.path.relpath(e.path, bytes(self.home))): e for e in entries}

    def states(self, found: Scan | None = None, days: float = 0) -> dict[str, str]:
        """Return the states by the paths below HOME."""
        return {path: entry.state_text for path, entry in self.entries(found, days).items()}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run venvhook with *words* in HOME."""
        source = str(Path(__file__).resolve().parents[2] / "src")
        return subprocess.run(
            [sys.executable, "-P", "-m", "venvhook", *words],
            env={**self.environ, "PATH": os.environ["PATH"], "PYTHONPATH": source},
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


def break_python(environment: Path) -> None:
    """Let the Python of *environment* be upgraded away."""
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(NOWHERE)


# ---- What is known -------------------------------------------------------------------------------


def test_nothing_is_known_before_a_shell_was_anywhere(place: Place) -> None:
    place.project("app")
    assert place.entries() == {}
    assert not (place.home / ".local").exists(), "nothing is made by looking"


def test_what_was_used_allowed_bound_or_denied_is_known(place: Place) -> None:
    place.visit(place.project("used"))
    unpacked = place.project("allowed")
    os.utime(unpacked / "pyvenv.cfg", (10**9, 10**9))
    permission.allow(find_project(bytes(unpacked), place.environ), place.state, shared=False)
    named = place.make_environment(place.home / "envs/ml")
    project = bytes(place.home / "used")
    bind(Binding(project, project, bytes(named)), place.state)
    place.project("denied")
    denied = find_project(bytes(place.home / "denied"), place.environ)
    permission.deny(denied, place.state)
    entries = place.entries()
    assert {path: entry.state_text for path, entry in entries.items()} == {
        "used/.venv": "fine",
        "allowed/.venv": "fine",
        "envs/ml": "fine",
        "denied/.venv": "not used (denied)",
    }
    assert all(entry.known for entry in entries.values())
    assert entries["used/.venv"].project == project
    assert entries["envs/ml"].project == project


@pytest.mark.parametrize("maker", MAKERS)
def test_the_python_and_the_maker_are_told(place: Place, maker: str) -> None:
    place.visit(place.project("app", maker=maker))
    [entry] = place.entries().values()
    assert entry.facts.python == "{}.{}.{}".format(*sys.version_info)
    assert entry.facts.maker.split()[0] == maker
    assert (entry.facts.made or 0) == pytest.approx(time.time(), abs=600)


# ---- Its state -----------------------------------------------------------------------------------


def test_each_state_is_told(place: Place) -> None:
    for name in ("fine", "broken", "gone", "damaged", "unfinished"):
        place.visit(place.project(name))
    break_python(place.home / "broken/.venv")
    shutil.rmtree(place.home / "gone/.venv")
    (place.home / "damaged/.venv/bin/activate").unlink()
    for script in (place.home / "damaged/.venv/bin").glob("[aA]ctivate*"):
        script.unlink()
    (place.home / "unfinished/.venv/.venvhook-unfinished").touch()
    place.project("moved")
    (place.home / "moved").rename(place.home / "elsewhere")
    tracked = place.project("tracked")
    for words in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", *words], cwd=tracked.parent, check=True, capture_output=True)
    old = place.project("unpacked")
    os.utime(old / "pyvenv.cfg", (10**9, 10**9))
    assert place.states(place.scan()) == {
        "fine/.venv": "fine",
        "broken/.venv": "no interpreter",
        "gone/.venv": "gone",
        "damaged/.venv": "broken",
        "unfinished/.venv": "unfinished",
        "elsewhere/.venv": "moved",
        "tracked/.venv": "not used (not delivered)",
        "unpacked/.venv": "not used (made here)",
    }
    reasons = {path: entry.reason for path, entry in place.entries(place.scan()).items()}
    assert NOWHERE in reasons["broken/.venv"]
    assert f"{place.home}/moved/.venv" in reasons["elsewhere/.venv"]


def test_under_ask_what_was_not_allowed_is_not_used(place: Place) -> None:
    place.project("app")
    place.environ["VENVHOOK_TRUST"] = "ask"
    assert place.states(place.scan()) == {"app/.venv": "not used (not allowed)"}


def test_what_was_allowed_although_it_was_moved_is_fine(place: Place) -> None:
    place.project("app")
    moved = (place.home / "app").rename(place.home / "elsewhere")
    permission.allow(find_project(bytes(moved), place.environ), place.state, shared=False)
    assert place.states() == {"elsewhere/.venv": "fine"}


def test_one_that_is_alone_in_its_project_is_an_orphan_after_a_day(place: Place) -> None:
    environment = place.project("app")
    other = place.make_environment(place.home / "envs/named")
    (environment.parent / "main.py").unlink()
    (environment.parent / ".DS_Store").touch()
    found = place.scan()
    assert place.states(found) == {"app/.venv": "fine", "envs/named": "fine"}
    assert place.states(found, days=2) == {"app/.venv": "orphan", "envs/named": "fine"}
    # One that a shell was at today is about to be used.
    os.utime(environment / "pyvenv.cfg", (time.time() + 1.5 * DAY,) * 2)
    assert place.states(found, days=2)["app/.venv"] != "orphan"
    assert other.exists()


def test_one_of_pipenvs_is_an_orphan_when_its_project_is_gone(place: Place) -> None:
    environment = place.make_environment(place.home / "virtualenvs/app-1a2b")
    (place.home / "app").mkdir()
    (place.home / "other").mkdir()
    (environment / ".project").write_text(f"{place.home}/app")
    found = place.scan()
    assert place.states(found, days=2) == {"virtualenvs/app-1a2b": "fine"}
    assert place.entries(found)["virtualenvs/app-1a2b"].project == bytes(place.home / "app")
    (place.home / "app").rmdir()
    assert place.states(found, days=2) == {"virtualenvs/app-1a2b": "orphan"}
    # A file from elsewhere, which may name what must not be looked up.
    (environment / ".project").write_text("/net/host/app")
    assert place.entries(found)["virtualenvs/app-1a2b"].project is None


def test_a_copied_interpreter_without_its_library_is_no_interpreter(place: Place) -> None:
    environment = place.project("app")
    python = environment / "bin/python"
    target = python.resolve()
    python.unlink()
    shutil.copy(target, python)
    assert place.states(place.scan())["app/.venv"] != "no interpreter"
    config = environment / "pyvenv.cfg"
    lines = config.read_text().splitlines()
    lines[0] = "home = /opt/no-such-python/bin"
    config.write_text("\n".join(lines) + "\n")
    assert place.states(place.scan()) == {"app/.venv": "no interpreter"}


# ---- Gone, or on a disk that is not mounted ------------------------------------------------------


def test_an_empty_directory_may_be_where_a_disk_is_mounted(place: Place) -> None:
    disk = place.home / "disk"
    disk.mkdir()
    os.utime(disk, (10**9, 10**9))
    missing = bytes(disk / "app/.venv")
    assert whereabouts(missing) == AWAY
    # Once something was removed from it since, it is none.
    assert whereabouts(missing, since=10**8) == GONE
    assert whereabouts(missing, since=2 * 10**9) == AWAY
    # Nor where the file system is still the one that held it.
    assert whereabouts(missing, device=disk.stat().st_dev) == GONE
    (disk / "other").touch()
    assert whereabouts(missing) == GONE
    (disk / "app").mkdir()
    (disk / "app/.venv").symlink_to("nowhere")
    assert whereabouts(missing) == HERE


@pytest.mark.parametrize(
    "path", [b"/no-such-volume/app", b"/media/me/disk/app", b"/net/host/app", b"/mnt/disk/app"]
)
def test_where_disks_come_and_go_nothing_is_gone_for_certain(path: bytes) -> None:
    assert whereabouts(path) == AWAY


@pytest.mark.skipif(not IS_ROOT, reason="only root can mount")
def test_an_environment_on_a_disk_that_is_not_mounted_is_away(place: Place) -> None:
    disk = place.home / "disk"
    disk.mkdir()
    os.utime(disk, (10**9, 10**9))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        place.visit(place.project("disk/app"))
        assert place.states() == {"disk/app/.venv": "fine"}
        # It is found by itself, but not from the file system around it.
        assert list(place.states(place.scan(disk))) == ["disk/app/.venv"]
        assert place.scan().environments == ()
    finally:
        subprocess.run(["umount", disk], check=True)
    assert place.states() == {"disk/app/.venv": "away"}


@pytest.mark.parametrize(
    "gone", ["/gone-for-good/bin/python3", "/media/me/disk/bin/python3", NOWHERE]
)
def test_what_has_lost_its_python_is_told_as_when_it_is_entered(place: Place, gone: str) -> None:
    environment = place.project("app")
    place.visit(environment)
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(gone)
    entry = place.entries()["app/.venv"]
    assert entry.state == "no interpreter"
    with pytest.raises(Unusable) as raised:
        examine(bytes(environment))
    assert entry.reason == raised.value.reason
    assert gone in entry.reason


# ---- On a disk -----------------------------------------------------------------------------------


def test_a_scan_finds_environments_by_any_name_and_not_in_each_other(place: Place) -> None:
    environment = place.project("app", "my_env")
    place.project("deep/er/app")
    (environment / "share/inner").mkdir(parents=True)
    (environment / "share/inner/pyvenv.cfg").write_text("home = /usr/bin\n")
    for passed in ("node_modules", ".git"):
        (place.home / passed / "env").mkdir(parents=True)
        (place.home / passed / "env/pyvenv.cfg").write_text("home = /usr/bin\n")
    (place.home / "conda/conda-meta").mkdir(parents=True)
    (place.home / "conda/envs/x").mkdir(parents=True)
    (place.home / "conda/envs/x/pyvenv.cfg").write_text("home = /usr/bin\n")
    found = place.scan()
    expected = [place.home / "app/my_env", place.home / "deep/er/app/.venv"]
    assert sorted(found.environments) == [bytes(path) for path in expected]
    assert found.unreadable == 0


def test_a_scan_follows_no_link(place: Place) -> None:
    place.project("elsewhere/app")
    (place.home / "in").mkdir()
    (place.home / "in/loop").symlink_to(".")
    (place.home / "in/way").symlink_to("../elsewhere")
    (place.home / "in/.venv").symlink_to("../elsewhere/app/.venv")
    found = place.scan(place.home / "in")
    assert found.environments == ()
    assert found.links == (bytes(place.home / "in/.venv"),)
    # The one that is named is: it is what the user means.
    (place.home / "named").symlink_to("elsewhere")
    assert place.scan(place.home / "named").environments == (
        bytes(place.home / "elsewhere/app/.venv"),
    )


def test_a_stray_pyvenv_cfg_in_home_does_not_end_the_scan(place: Place) -> None:
    place.project("app")
    (place.home / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert bytes(place.home / "app/.venv") in place.scan().environments
    assert bytes(place.home / "app/.venv") in place.scan(place.home.parent).environments


def test_a_link_to_nothing_is_gone(place: Place) -> None:
    for name in ("one", "two", "three"):
        (place.home / name).mkdir()
        (place.home / name / "main.py").touch()
    (place.home / "one/.venv").symlink_to("../removed/.venv")
    (place.home / "two/current").symlink_to("../removed")
    (place.home / "three/.venv").symlink_to("/media/me/disk/.venv")
    entries = place.entries(place.scan())
    assert {path: entry.state for path, entry in entries.items()} == {"one/.venv": "gone"}
    assert entries["one/.venv"].is_link


def test_what_cannot_be_read_is_counted(place: Place, ordinary_user: tuple[str, ...]) -> None:
    place.project("app")
    (place.home / "closed").mkdir(mode=0)
    code = "import os, sys; from venvhook.inventory import scan; print(scan(b'.', os.environ))"
    done = subprocess.run(
        [*ordinary_user, sys.executable, "-c", code],
        env={**place.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")},
        cwd=place.home,
        capture_output=True,
        text=True,
        check=True,
    )
    (place.home / "closed").chmod(0o700)
    assert "unreadable=1" in done.stdout
    assert "app/.venv" in done.stdout


# ---- When it was last used -----------------------------------------------------------------------


def test_the_last_use_is_that_of_the_token(place: Place) -> None:
    environment = place.project("app")
    place.visit(environment)
    token = environment / ".venvhook"
    given = token.stat()
    [file] = (place.home / ".local/state/venvhook/decisions").rglob("venvhook.decision")
    month = time.time() - 30 * DAY
    os.utime(file, (month, month))
    [entry] = place.entries().values()
    assert entry.used == pytest.approx(month, abs=1), "when it was accepted"
    week = time.time() - 7 * DAY
    os.utime(token, (week, given.st_mtime))
    [entry] = place.entries().values()
    assert entry.used == pytest.approx(week, abs=1), "when a shell read its token"
    # To look is not to use.
    [entry] = place.entries().values()
    assert entry.used == pytest.approx(week, abs=1)


def test_what_was_never_used_has_no_last_use(place: Place) -> None:
    place.project("app")
    [entry] = place.entries(place.scan()).values()
    assert entry.used is None


# ---- The command ---------------------------------------------------------------------------------


def test_the_table_has_the_states_first_and_the_paths_last(place: Place) -> None:
    assert place.run("list").stdout == (
        "No environments are known. 'venvhook list --scan ~' looks for them.\n"
    )
    place.visit(place.project("app"))
    broken = place.project("old")
    place.visit(broken)
    break_python(broken)
    evil = place.home / "a\x1b[31m"
    place.visit(place.make_environment(evil / ".venv"))
    ran = place.run("list")
    assert (ran.returncode, ran.stderr) == (0, "")
    version = "{}.{}.{}".format(*sys.version_info)
    gap = " " * (len(version) - 6 + 2)
    assert ran.stdout.splitlines() == [
        f"STATE           PYTHON{gap}LAST USE  ENVIRONMENT",
        f"fine            {version}  today     ~/a\\x1b[31m/.venv",
        f"fine            {version}  today     ~/app/.venv",
        f"no interpreter  {version}  today     ~/old/.venv",
    ]
    assert " kB  today" in place.run("list", "--size").stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_a_scan_of_what_is_no_directory_is_one_line(place: Place) -> None:
    ran = place.run("list", "--scan", "missing")
    assert ran.returncode in (1, 2)
    assert ran.stderr.count("\n") == 1


def test_json_has_the_documented_keys(place: Place) -> None:
    place.visit(place.project("app"))
    facts = json.loads(place.run("list", "--json").stdout)
    assert list(facts) == ["version", "environments", "unreadable"]
    [entry] = facts["environments"]
    assert entry["environment"] == f"{place.home}/app/.venv"
    assert entry["project"] == f"{place.home}/app"
    assert (entry["state"], entry["reason"], entry["size"]) == ("fine", None, None)
    assert (entry["known"], entry["link"], entry["implementation"]) == (True, False, "CPython")
    assert set(entry) == {
        *("environment", "project", "state", "reason", "python", "implementation", "maker"),
        *("made", "last_used", "size", "known", "link"),
    }
    sized = json.loads(place.run("list", "--json", "--size").stdout)
    assert sized["environments"][0]["size"] > 10_000
    assert marker_names(place.environ) == (b".venv", b"venv", b"env")
