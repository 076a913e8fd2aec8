"""'status' and 'why': they tell what the helper would do, from the evidence, and change nothing."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import MAKERS, EnvironmentMaker
from venvhook import permission
from venvhook import presence as presence_module
from venvhook.binding import Binding, bind
from venvhook.config import explain_settings
from venvhook.decision import State
from venvhook.discovery import DEFAULT_NAMES, present
from venvhook.errors import UsageError
from venvhook.explanation import Explanation, explain
from venvhook.hook import decide
from venvhook.nearest import Policy
from venvhook.presence import Presence, find_presence
from venvhook.project import find_project
from venvhook.shells import SHELLS, Shell
from venvhook.summary import Summary, as_lines, measured, status_facts, status_rows, why_facts
from venvhook.summary import why_lines as lines_and_rows


def status_lines(told: Explanation, environ: Mapping[str, str]) -> list[str]:
    """Return what 'venvhook status' prints of *told*."""
    return as_lines(status_rows(Summary(told, environ)))


def why_lines(told: Explanation, environ: Mapping[str, str]) -> list[str]:
    """Return what 'venvhook why' prints of *told*."""
    lines, rows = lines_and_rows(Summary(told, environ))
    return [*lines, *as_lines(rows)]


class Place:
    """A HOME with a project ``app``."""

    def __init__(self, home: Path, make_environment: EnvironmentMaker) -> None:
        self.home = home
        self.app = home / "app"
        self.environment = make_environment(self.app / ".venv")
        self.make_environment = make_environment
        self.environ = {"HOME": str(home), "PWD": str(self.app)}

    @property
    def state(self) -> State:
        """What was decided."""
        return permission.open_state(self.environ)

    def treat(self, treatment: str) -> None:
        """Do what TREATMENTS says."""
        for step in TREATMENTS[treatment].split():
            getattr(self, step)()

    def visit(self) -> None:
        """Let the helper look at it."""
        self.helper_says()

    def allow(self, shared: bool = False) -> None:
        """Allow the environment."""
        permission.allow(find_project(bytes(self.app), self.environ), self.state, shared)

    def allow_shared(self) -> None:
        """Allow it although others can write it."""
        self.allow(shared=True)

    def allow_under(self) -> None:
        """Allow what was made elsewhere, below HOME."""
        permission.allow_under(bytes(self.home), self.environ, self.state)

    def own(self) -> None:
        """Set what is the default."""
        self.configure('trust = "own"')

    def ask(self) -> None:
        """Set that only what was allowed is used."""
        self.configure('trust = "ask"')

    def all(self) -> None:
        """Set that only who can write it is asked."""
        self.configure('trust = "all"')

    def configure(self, text: str) -> None:
        """Write the settings."""
        (self.home / ".config/venvhook").mkdir(parents=True, exist_ok=True)
        (self.home / ".config/venvhook/config.toml").write_text(text)

    def change(self) -> None:
        """Change a file of the environment."""
        (self.environment / "bin/activate").write_text("VIRTUAL_ENV=x")

    def replace(self) -> None:
        """Put another environment in its place."""
        self.environment.rename(self.home / "old")
        self.make_environment(self.environment)

    def break_it(self) -> None:
        """Remove the interpreter."""
        (self.environment / "bin/python").unlink()

    def damage(self) -> None:
        """Damage the decision about it."""
        file = self.state.file(bytes(self.environment), b"decision")
        assert file is not None
        Path(os.fsdecode(file)).write_text("rubbish")

    def unpack(self) -> None:
        """Let the environment look as if it had been unpacked."""
        os.utime(self.environment / "pyvenv.cfg", ns=(10**18, 10**18))

    def track(self) -> None:
        """Add all of the project to a repository."""
        for words in (["init", "-q"], ["add", "-f", "."]):
            subprocess.run(["git", *words], cwd=self.app, check=True, capture_output=True)

    def move(self) -> None:
        """Let the environment say that it was made elsewhere."""
        config = self.environment / "pyvenv.cfg"
        config.write_text(config.read_text().replace(str(self.app), "/home/you/app"))

    def share(self) -> None:
        """Let everybody write in ``bin``."""
        (self.environment / "bin").chmod(0o777)

    def explain(self, path: Path | None = None, **environ: str) -> Explanation:
        """Return what there is to say about the project."""
        values = {**self.environ, **environ}
        return explain(find_project(bytes(path or self.app), values), values)

    def answers(self, **environ: str) -> dict[str, str]:
        """Return what is said of each condition."""
        return {answer.title: answer.verdict for answer in self.explain(None, **environ).answers}

    def helper_says(self) -> str | None:
        """Return the line of the helper's refusal, or None if it activates."""
        settings, _origin = explain_settings(self.environ)
        root = bytes(self.app)
        names = present(root, DEFAULT_NAMES)
        recipe = decide(root, names, DEFAULT_NAMES, Policy(settings, self.state))
        assert recipe is not None
        return None if recipe.verb == b"activate" else recipe.values[0].decode()


@pytest.fixture
def place(tmp_path: Path, make_environment: EnvironmentMaker) -> Place:
    """A HOME with a project."""
    return Place(tmp_path.resolve(), make_environment)


# Each is what is done one after the other, by the methods of Place.
TREATMENTS = {
    "made here": "",
    "seen before": "visit",
    "seen before, then unpacked over": "visit unpack",
    "unpacked": "unpack",
    "made elsewhere": "move",
    "tracked": "track",
    "shared": "share",
    "all of it": "move unpack share track",
    "allowed": "unpack allow",
    "allowed as shared": "share allow_shared",
    "tracked, allowed": "track allow",
    "tracked, allowed, changed": "track allow change track",
    "allowed, then shared": "allow share",
    "allowed, then replaced": "allow replace unpack",
    "below a directory": "unpack allow_under",
    "below a directory, seen": "unpack allow_under visit",
    "ask": "ask",
    "ask, seen before": "visit ask",
    "ask, allowed": "ask allow",
    "all, tracked": "track all",
    "all, shared": "share all",
    "all, seen, own again": "unpack all visit own",
    "no interpreter": "break_it",
    "damaged": "allow damage",
}


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_what_is_told_is_what_the_helper_says(place: Place, treatment: str) -> None:
    place.treat(treatment)
    told = place.explain()
    said = place.helper_says()
    assert told.is_used is (said is None), told
    assert told.refusal == (said or "")
    # A reason for a refusal is one of those shown.
    doubts = [answer for answer in told.answers if answer.verdict.startswith("no: ")]
    if not told.is_used and told.settings.trust != "ask" and treatment != "damaged":
        assert doubts
    if told.is_used:
        assert not doubts


@pytest.mark.parametrize("treatment", ["made here", "unpacked", "tracked", "no interpreter", "ask"])
@pytest.mark.parametrize("seen", [False, True])
def test_explaining_writes_nothing(place: Place, treatment: str, seen: bool) -> None:
    if seen:
        place.visit()
    place.treat(treatment)

    def snapshot() -> dict[str, tuple[int, ...]]:
        found = {}
        for entry in [place.home, *place.home.rglob("*")]:
            info = entry.lstat()
            # A file is tried in the state directory itself, and is gone again.
            own = entry.name == "venvhook" and entry.parent.name == "state"
            times = () if own else (info.st_mtime_ns, info.st_ctime_ns)
            found[str(entry)] = (info.st_ino, info.st_mode, *times)
        return found

    before = snapshot()
    for lines in (status_lines, why_lines):
        assert lines(place.explain(), place.environ)
    assert snapshot() == before


def test_what_holds_is_told_with_its_evidence_too(place: Place) -> None:
    place.visit()
    assert place.answers() == {
        "whole": f"ok: its Python is {(place.environment / 'bin/python').resolve()}",
        "held": "ok: only you and root can write it, the way to it, and its Python",
        "at home": "ok: it records this place",
        "not delivered": "ok: no repository is around it",
        "made here": "ok: its times are those of its making, and nothing in it is older",
    }
    subprocess.run(["git", "init", "-q", place.app], check=True)
    told = place.answers()["not delivered"]
    assert told == f"ok: not tracked by the repository {place.app}"


def test_each_condition_is_told_with_its_evidence(place: Place) -> None:
    place.move()
    place.unpack()
    place.share()
    place.track()
    bin_ = place.environment / "bin"
    answers = place.answers()
    assert list(answers) == ["whole", "held", "at home", "not delivered", "made here"]
    python = (bin_ / "python").resolve()
    assert answers["whole"] == f"ok: its Python is {python}"
    assert answers["held"] == f"no: {bin_} is writable by everyone"
    assert answers["at home"] == "no: was made for /home/you/app/.venv, and moved or copied since"
    listed = subprocess.run(["git", "ls-files", ".venv"], cwd=place.app, capture_output=True)
    count = len(listed.stdout.splitlines())
    assert answers["not delivered"] == f"no: tracked by git: {count} files"
    assert answers["made here"].startswith("no: was not made here")
    place.allow(shared=True)
    answers = place.answers()
    assert answers["whole"].startswith("ok: ")
    del answers["whole"]
    assert all(verdict.startswith("set aside: ") for verdict in answers.values()), answers


def test_what_is_not_asked_is_told_as_such(place: Place) -> None:
    place.visit()
    place.unpack()
    assert place.answers()["made here"].startswith("not asked (accepted before): ")
    permission.revoke(bytes(place.app), place.environ, place.state)
    assert place.answers()["made here"].startswith("no: ")
    answers = place.answers(VENVHOOK_TRUST="all")
    assert answers["made here"].startswith('not asked (trust = "all"): ')
    permission.allow_under(bytes(place.home), place.environ, place.state)
    assert place.answers()["made here"].startswith("set aside (venvhook allow --under): ")
    (place.environment / "bin/python").unlink()
    assert set(list(place.answers().values())[1:]) == {"not asked"}


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [
        ("made here", "not yet: it will be when a shell comes here"),
        ("seen before", "unasked: all conditions held when it was first seen"),
        ("allowed", "by you, with 'venvhook allow'"),
        ("unpacked", "no"),
        ("allowed, then replaced", "no: what was accepted here before was another environment"),
    ],
)
def test_how_it_was_accepted_is_told(place: Place, treatment: str, expected: str) -> None:
    place.treat(treatment)
    assert place.explain().accepted == expected


def test_a_denied_project_is_told_of_although_the_hook_is_silent(place: Place) -> None:
    permission.deny(find_project(bytes(place.app), place.environ), place.state)
    told = place.explain()
    assert place.helper_says() == ""
    assert told.accepted == "no: you denied it, with 'venvhook deny'"
    assert told.refusal == "app/.venv is denied; not used. 'venvhook revoke' takes that back"


def test_where_trust_comes_from_is_told(place: Place) -> None:
    assert "trust          own (the default)" in status_lines(place.explain(), place.environ)
    place.configure('trust = "ask"')
    lines = status_lines(place.explain(), place.environ)
    assert f"trust          ask ({place.home}/.config/venvhook/config.toml)" in lines
    told = place.explain(VENVHOOK_TRUST="all")
    assert (told.settings.trust, told.origin) == ("all", "VENVHOOK_TRUST")


@pytest.mark.parametrize("maker", ["venv", "virtualenv", "uv"])
def test_the_name_and_the_version_are_told(place: Place, maker: str) -> None:
    place.make_environment(place.home / "other/.venv", maker, prompt="its name")
    told = place.explain(place.home / "other")
    lines = status_lines(told, place.environ)
    assert "name           its name" in lines
    assert f"python         {platform.python_version()}" in lines


def test_what_is_active_is_told(place: Place) -> None:
    def active(**environ: str) -> str:
        values = {**place.environ, **environ}
        lines = status_lines(place.explain(), values)
        [line] = [line for line in lines if line.startswith("active ")]
        return line.removeprefix("active").strip()

    here = str(place.environment)
    assert active() == "no"
    assert active(VENVHOOK_OFF="1") == "no: VENVHOOK_OFF is set"
    assert active(VIRTUAL_ENV=here, VENVHOOK_ACTIVE=here) == "yes"
    assert active(VIRTUAL_ENV=here) == "yes, activated by hand"
    assert (
        active(VIRTUAL_ENV="/x\x1b", VENVHOOK_ACTIVE=here) == "another, /x\\x1b, activated by hand"
    )
    assert active(VIRTUAL_ENV="/x", VENVHOOK_ACTIVE="/x") == "another, /x"


def test_the_walk_is_told_step_by_step(place: Place) -> None:
    deep = place.app / "passed/src"
    (place.app / "passed/env").mkdir(parents=True)
    deep.mkdir()
    lines = why_lines(place.explain(deep), place.environ)
    assert lines[:3] == [
        f"{deep}: nothing",
        f"{deep.parent}: env is no environment, and passed by",
        f"{place.app}: .venv is an environment",
    ]
    assert lines[-1] == "used           yes"
    (deep / ".venv").write_text("../../.venv\n")
    assert why_lines(place.explain(deep), place.environ)[0] == (
        f"{deep}: .venv is a file that leads to {place.environment}"
    )
    (deep / ".venv").unlink()
    (deep / ".venv").symlink_to("../../.venv")
    assert why_lines(place.explain(deep), place.environ)[0] == (
        f"{deep}: .venv is a link to {place.environment}"
    )
    (deep / ".venv").unlink()
    (deep / ".venv").symlink_to("nowhere")
    assert "is a link to nothing" in why_lines(place.explain(deep), place.environ)[0]


def test_where_there_is_none_the_end_of_the_walk_is_told(place: Place) -> None:
    (place.home / "empty/src").mkdir(parents=True)
    lines = why_lines(place.explain(place.home / "empty/src"), place.environ)
    assert lines == [
        f"{place.home}/empty/src: nothing",
        f"{place.home}/empty: nothing",
        f"{place.home}: not looked at; what is there counts in itself alone",
        "used           no: there is no environment here or above",
    ]
    named = place.home / "tools"
    place.environment.rename(named)
    lines = why_lines(place.explain(named), place.environ)
    assert lines[1] == "tools is not looked for: the names are .venv, venv or env"


def test_nothing_that_is_told_can_change_a_terminal(place: Place) -> None:
    evil = place.home / "a\x1b[31m\n\u202e"
    place.app.rename(evil)
    config = evil / ".venv/pyvenv.cfg"
    config.write_text(
        config.read_text()
        .replace("version = ", "version = \x1b[31m")
        .replace("/app", "/\x9b\u202e")
        + "prompt = \x1b]0;x\x07\n"
    )
    environ = {**place.environ, "VIRTUAL_ENV": "\x1b]0;x\x07"}
    told = place.explain(evil)
    for line in (*status_lines(told, environ), *why_lines(told, environ)):
        assert line.isprintable(), line


# ---- What else is told ---------------------------------------------------------------------------


def row(
    place: Place,
    title: str,
    told: Explanation | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Return what 'venvhook status' tells under *title*, in a shell that has loaded venvhook."""
    values = {**place.environ, **(environ or {})}
    presence = Presence("bash", True, "")
    rows = status_rows(Summary(told or place.explain(), values, presence))
    return next((found.text for found in rows if found.title == title), "")


@pytest.mark.parametrize("maker", MAKERS)
def test_the_maker_the_age_and_the_packages_are_told(place: Place, maker: str) -> None:
    environment = place.make_environment(place.home / "other/.venv", maker)
    [packages] = environment.glob("lib/python*/site-packages")
    before = {path.name for path in packages.glob("*.dist-info")}
    for name in ("one-1.0.dist-info", "two-2.dist-info", "three"):
        (packages / name).mkdir()
    told = place.explain(environment.parent)
    assert row(place, "made", told).startswith(f"by {maker}")
    assert row(place, "made", told).endswith(", today")
    assert row(place, "packages", told) == str(len(before) + 2)
    assert row(place, "size", told) == ""
    size = measured(told)
    assert size is not None
    assert size > 10_000
    week = time.time() - 7 * 86_400
    os.utime(environment / "pyvenv.cfg", (week, week))
    assert row(place, "made", told).endswith(", 7 days ago")


def test_how_the_project_was_found_is_told(place: Place) -> None:
    (place.app / "src/deep").mkdir(parents=True)
    assert row(place, "found") == "by its name, .venv, in the working directory"
    told = place.explain(place.app / "src/deep")
    assert row(place, "found", told) == "by its name, .venv, 2 directories above"
    (place.app / "src/.venv").write_text("../.venv")
    told = place.explain(place.app / "src")
    assert row(place, "found", told) == "by the file .venv, in the working directory"
    assert row(place, "found", place.explain(place.environment)) == "named by you"
    other = place.make_environment(place.home / "envs/ml")
    root = bytes(place.app)
    bind(Binding(root, root, bytes(other)), place.state)
    assert row(place, "found") == (
        "bound to the project by 'venvhook use', in the working directory"
    )
    assert row(place, "environment") == str(other)
    assert f"{place.app}: bound to {other} by 'venvhook use', which beats all names" in (
        why_lines(place.explain(), place.environ)
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"VENVHOOK_OFF": "1"}, "VENVHOOK_OFF is set"),
        (
            {"VIRTUAL_ENV": "/x"},
            "/x is active, activated by hand, and left alone until you deactivate it",
        ),
        (
            {"CONDA_PREFIX": "/c", "CONDA_DEFAULT_ENV": "c"},
            "/c is active, activated by conda, and left alone until you deactivate it",
        ),
        ({}, "the next prompt activates it, unless you typed 'deactivate' in this project"),
        (
            {"CONDA_PREFIX": "/c", "CONDA_DEFAULT_ENV": "base"},
            "the next prompt activates it, unless you typed 'deactivate' in this project",
        ),
    ],
)
def test_what_keeps_one_that_may_be_used_from_being_active_is_told(
    place: Place, environ: dict[str, str], expected: str
) -> None:
    assert row(place, "used", None, environ) == f"yes, but not now: {expected}"
    here = str(place.environment)
    active = {"VIRTUAL_ENV": here, "VENVHOOK_ACTIVE": here}
    assert row(place, "used", None, active) == "yes"


def test_an_unfinished_one_is_told(place: Place) -> None:
    (place.environment / ".venvhook-unfinished").touch()
    assert row(place, "used").startswith(f"no: {place.environment}: is unfinished; ")
    assert row(place, "python") == platform.python_version(), "known all the same"


def test_an_environment_by_another_name_is_told_by_why(place: Place) -> None:
    place.environment.rename(place.app / "my_env")
    (place.app / "src").mkdir()
    lines = why_lines(place.explain(place.app / "src"), place.environ)
    assert lines[:2] == [
        f"{place.app}/src: nothing",
        f"{place.app}: nothing called .venv, venv or env; my_env is an environment, "
        "and 'venvhook use my_env', called there, would use it",
    ]


def test_status_as_json_has_the_documented_keys(place: Place) -> None:
    here = str(place.environment)
    environ = {**place.environ, "VIRTUAL_ENV": here, "VENVHOOK_ACTIVE": here}
    summary = Summary(place.explain(), environ, Presence("bash", True, "because"), 12)
    facts = json.loads(json.dumps(status_facts(summary)))
    conditions = facts.pop("conditions")
    assert [condition["name"] for condition in conditions] == [
        *("whole", "held", "at home", "not delivered", "made here")
    ]
    assert {condition["state"] for condition in conditions} == {"ok"}
    assert facts.pop("made").endswith("Z")
    assert facts == {
        "loaded": True,
        "shell": "bash",
        "active": here,
        "active_by": "venvhook",
        "project": str(place.app),
        "environment": here,
        "bound": False,
        "name": "app",
        "python": platform.python_version(),
        "implementation": "CPython",
        "maker": "venv",
        "packages": 0,
        "size": 12,
        "accepted": None,
        "denied": False,
        "ignored": None,
        "off": None,
        "trust": "own",
        "trust_from": "the default",
        "used": True,
        "reason": None,
        "hindrance": None,
    }
    (place.home / "empty").mkdir()
    none = status_facts(Summary(place.explain(place.home / "empty"), place.environ))
    assert (none["project"], none["used"]) == (None, False)
    assert none["reason"] == "there is no environment here or above"
    assert set(none) == {*facts, "conditions", "made"}


def test_why_as_json_has_the_walk(place: Place) -> None:
    place.unpack()
    permission.allow(find_project(bytes(place.app), place.environ), place.state, shared=False)
    (place.app / "src").mkdir()
    facts = why_facts(Summary(place.explain(place.app / "src"), place.environ))
    assert facts["walk"] == [
        {"directory": f"{place.app}/src", "found": "nothing"},
        {"directory": str(place.app), "found": ".venv is an environment"},
    ]
    assert (facts["accepted"], facts["used"]) == ("allowed", True)
    conditions = facts["conditions"]
    assert isinstance(conditions, list)
    assert conditions[-1]["name"] == "made here"
    assert conditions[-1]["state"] == "set aside"


# ---- Is it loaded --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "file", "text", "expected"),
    [
        ("bash", ".bashrc", 'eval "$(venvhook init bash)"\n', True),
        ("bash", ".bashrc", '# eval "$(venvhook init bash)"\n', False),
        ("bash", ".bash_profile", 'eval "$(/opt/venvhook init bash)"\n', True),
        ("zsh", ".zshrc", 'eval "$(venvhook init zsh)"\n', True),
        ("zsh", ".zshrc", 'eval "$(exec venvhook init zsh)"\n', True),
        ("zsh", ".zshrc", "alias v=venvhook\n", False),
        ("fish", ".config/fish/config.fish", "venvhook init fish | source\n", True),
        ("fish", ".config/fish/conf.d/venvhook.fish", "venvhook init fish | source\n", True),
        ("fish", ".config/fish/config.fish", "venvhook init fish | builtin source\n", True),
        ("fish", ".config/fish/config.fish", "set x venvhook\n", False),
    ],
)
def test_the_startup_file_tells_whether_it_is_loaded(
    tmp_path: Path, shell: str, file: str, text: str, expected: bool
) -> None:
    executable = shutil.which(shell)
    if executable is None:
        go_without(shell)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    call = f"{shlex.quote(sys.executable)} -P -m venvhook status --json"
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]

    def status(**environ: str) -> dict[str, object]:
        done = subprocess.run(
            # In a subshell, since a shell puts its last command in its own place.
            [executable, *options, "-c", f"{call}; true"],
            env={
                "HOME": str(tmp_path),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(CHECKOUT / "src"),
                **environ,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        facts: dict[str, object] = json.loads(done.stdout)
        return facts

    assert (status()["shell"], status()["loaded"]) == (shell, expected)
    assert status(VENVHOOK_ACTIVE="/x")["loaded"] is True


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".bashrc": ". ~/.shellrc\n", ".shellrc": "venvhook init bash\n"}, ".shellrc"),
        ({".bashrc": "x=1\n", ".profile": "eval $(venvhook init bash)\n"}, ".profile"),
        ({".bashrc": "eval $(venvhook init zsh)\n"}, ""),
        ({".bashrc": "echo 'a venvhook to init'\n"}, ""),
    ],
    ids=["read by another", "for login shells", "of another shell", "mentioned"],
)
def test_startup_files_are_read_as_the_doctor_reads_them(
    files: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "current_shell", lambda: SHELLS[0])
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    presence = find_presence({"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    assert presence.loaded == bool(expected)
    file = expected or ".bashrc"
    assert presence.evidence.startswith(f"{tmp_path}/{file} ")


def test_a_shell_of_the_project_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zsh = tmp_path / "app/bin/zsh"
    zsh.parent.mkdir(parents=True)
    zsh.write_text(f"#!/bin/sh\n: > {tmp_path}/ran\n")
    zsh.chmod(0o755)
    row = next(row for row in SHELLS if row.name == "zsh")
    monkeypatch.setattr(presence_module, "current_shell", lambda: row)
    monkeypatch.chdir(tmp_path / "app")
    environ = {"HOME": str(tmp_path), "PATH": str(zsh.parent), "PWD": str(tmp_path / "app")}
    assert find_presence(environ).loaded is False
    assert not (tmp_path / "ran").exists()


def test_what_was_started_by_no_shell_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Shell:
        raise UsageError("this shell is tcsh; there are bash and others")

    # The tests may run in any shell, or in none.
    monkeypatch.setattr(presence_module, "current_shell", none)
    presence = find_presence({"HOME": str(tmp_path)})
    assert (presence.loaded, presence.shell) == (None, "")
    assert str(presence) == "cannot be told: this shell is tcsh"
