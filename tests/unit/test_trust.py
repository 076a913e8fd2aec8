"""May this environment be used: the conditions together, what was decided before, the token."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT
from environments import EnvironmentMaker
from venvhook.config import Settings
from venvhook.decision import (
    ALLOWED,
    DENY,
    OWN,
    TOKEN,
    UNASKED,
    UNDER,
    Decision,
    State,
    identity,
    plant_token,
    read_token,
)
from venvhook.environment import examine
from venvhook.trust import BIRTH, DELIVERED, LOCATION, Look, Verdict, judge, message

OWN_SETTINGS = Settings()


class Place:
    """A project with an environment, and a state directory beside it."""

    def __init__(self, directory: Path, make_environment: EnvironmentMaker) -> None:
        self.directory = directory
        self.make_environment = make_environment
        self.project = directory / "app"
        self.environment = make_environment(self.project / ".venv")
        (directory / "state").mkdir(mode=0o700)
        self.state = State(bytes(directory / "state"))

    def look(self, settings: Settings = OWN_SETTINGS, marker: Path | None = None) -> Verdict:
        """Return the verdict on the environment, as the helper asks for it."""
        path = bytes(marker or self.environment)
        return judge(examine(path), path, settings, self.state)

    def why(self, verdict: Verdict) -> str:
        """Return what would be said of *verdict*; empty where it is a yes."""
        if verdict.doubt is None:
            return ""
        return message(verdict, verdict.doubt, bytes(self.project), bytes(self.environment))

    def allow(self, *aside: bytes, delivered: bytes = b"") -> None:
        """Record that the environment was allowed, as 'venvhook allow' does."""
        token = b"" if delivered else plant_token(bytes(self.environment))[0]
        path = bytes(self.environment)
        decision = Decision(path, ALLOWED, token, identity(path), aside, delivered)
        assert self.state.keep(decision)

    def git(self, *words: str, directory: Path | None = None) -> None:
        """Run git in the project."""
        identify = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        where = directory or self.project
        subprocess.run(
            ["git", "-C", str(where), *identify, *words], check=True, capture_output=True
        )


@pytest.fixture
def place(make_environment: EnvironmentMaker) -> Iterator[Place]:
    """A project in a directory that only the user can write, and that all may enter."""
    directory = Path(f"/tmp/venvhook-trust-{os.getpid()}").resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o755)
    yield Place(directory, make_environment)
    shutil.rmtree(directory)


# ---- Accepted ------------------------------------------------------------------------------------


def test_what_was_made_here_is_accepted_and_gets_a_token(place: Place) -> None:
    verdict = place.look()
    assert place.why(verdict) == ""
    assert verdict.kept
    token = place.environment / os.fsdecode(TOKEN)
    assert token.read_bytes() == verdict.token + b"\n"
    assert len(verdict.token) == 32
    assert token.stat().st_mode & 0o7777 == 0o600
    decision = place.state.decision(bytes(place.environment))
    assert decision is not None
    assert (decision.how, decision.token) == (OWN, verdict.token)
    # What the answer rests on.
    assert place.state.stamp in verdict.witnesses


def test_an_accepted_one_keeps_its_token_and_is_not_asked_for_its_birth_again(place: Place) -> None:
    first = place.look()
    config = place.environment / "pyvenv.cfg"
    os.utime(config, ns=(1, 1))
    again = place.look()
    assert place.why(again) == ""
    assert again.token == first.token


def test_without_a_decision_a_token_that_is_there_proves_nothing(place: Place) -> None:
    first = place.look()
    assert place.state.forget(bytes(place.environment))
    second = place.look()
    assert place.why(second) == ""
    assert second.token != first.token
    place.state.forget(bytes(place.environment))
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    third = place.look()
    assert "not used" in place.why(third)
    assert read_token(bytes(place.environment)) == b"", "a refused one keeps none"


def test_one_that_was_made_again_is_looked_at_afresh(place: Place) -> None:
    first = place.look()
    shutil.rmtree(place.environment)
    place.make_environment(place.environment)
    second = place.look()
    assert place.why(second) == ""
    assert second.token != first.token


def test_one_that_was_copied_over_an_accepted_one_is_refused(place: Place) -> None:
    place.look()
    place.environment.rename(place.directory / "old")
    shutil.copytree(place.directory / "old", place.environment, symlinks=True)
    (place.environment / os.fsdecode(TOKEN)).unlink()
    assert "was not made here" in place.why(place.look())


def test_a_copy_elsewhere_is_not_the_accepted_one(place: Place) -> None:
    place.look()
    other = place.project / "copy"
    subprocess.run(["cp", "-a", place.environment, other], check=True)
    verdict = place.look(marker=other)
    assert verdict.condition == LOCATION
    assert "was made for" in place.why(verdict)


@pytest.mark.parametrize(
    "forgery", ["link", "hard link", "no newline", "longer", "upper case", "fifo", "directory"]
)
def test_a_token_that_is_no_token_proves_nothing(place: Place, forgery: str) -> None:
    place.look()
    token = place.environment / os.fsdecode(TOKEN)
    text = token.read_bytes()
    old = place.directory / "old-token"
    token.rename(old)
    if forgery == "link":
        token.symlink_to(old)
    elif forgery == "hard link":
        os.link(old, token)
    elif forgery == "fifo":
        os.mkfifo(token)
    elif forgery == "directory":
        token.mkdir()
    else:
        forged = {"no newline": text[:-1], "longer": text + b"x", "upper case": text.upper()}
        token.write_bytes(forged[forgery])
    digits = text[:-1]
    if forgery == "upper case" and digits.isdigit():
        pytest.skip("a token of digits alone has no upper case; it comes once in a million")
    assert read_token(bytes(place.environment)) == b""
    verdict = place.look()
    assert place.why(verdict) == "", "its birth still speaks for it"
    assert verdict.token != digits
    assert verdict.kept == (forgery != "directory"), "a directory cannot be replaced by a token"


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_a_token_of_another_user_proves_nothing(place: Place) -> None:
    place.look()
    os.chown(place.environment / os.fsdecode(TOKEN), 12345, -1)
    assert read_token(bytes(place.environment)) == b""


# ---- Refused -------------------------------------------------------------------------------------


def test_one_whose_project_was_moved_is_told_with_the_place_it_was_made_for(place: Place) -> None:
    old = place.environment
    place.project.rename(place.directory / "moved")
    moved = place.directory / "moved/.venv"
    verdict = judge(examine(bytes(moved)), bytes(moved), Settings(), place.state)
    assert verdict.doubt is not None
    line = message(verdict, verdict.doubt, bytes(moved.parent), bytes(moved))
    assert line == (
        f"moved/.venv was made for {old}, and moved or copied since; not used. "
        "'venvhook create --clear' makes it anew, 'venvhook allow' uses it as it is"
    )


def test_one_whose_home_is_gone_is_told_which_python_that_was(place: Place) -> None:
    # As 'python -m venv --copies' leaves it: its interpreter is still there.
    config = "home = /gone/python/bin\nversion = 3.11.9\n"
    (place.environment / "pyvenv.cfg").write_text(config)
    assert place.why(place.look()) == (
        "app/.venv: its Python 3.11.9 (/gone/python/bin) is gone; not used. "
        "'venvhook create --clear' makes it anew"
    )


def test_what_git_tracks_is_refused_in_one_line(place: Place) -> None:
    place.git("init", "-q")
    place.git("add", "-f", ".")
    verdict = place.look()
    assert verdict.condition == DELIVERED
    expected = "app/.venv came with the project (tracked by git); not used."
    assert place.why(verdict) == f"{expected} 'venvhook allow' to use it"
    assert bytes(place.project / ".git/index") in verdict.witnesses
    assert verdict.kept
    assert not (place.environment / os.fsdecode(TOKEN)).exists()


@pytest.mark.parametrize("entry", ["link", "redirect"])
def test_a_marker_that_git_tracks_is_refused_wherever_it_leads(place: Place, entry: str) -> None:
    assert place.why(place.look()) == "", "by its own name it may be used"
    other = place.directory / "clone"
    other.mkdir()
    marker = other / ".venv"
    if entry == "link":
        marker.symlink_to(place.environment)
    else:
        marker.write_text(str(place.environment))
    place.git("init", "-q", directory=other)
    environment = examine(bytes(marker if entry == "link" else place.environment))
    before = judge(environment, bytes(marker), OWN_SETTINGS, place.state)
    assert before.doubt is None
    place.git("add", "-f", ".venv", directory=other)
    after = judge(environment, bytes(marker), OWN_SETTINGS, place.state)
    assert after.condition == DELIVERED


@pytest.mark.parametrize("name", ["lib", "lib64", "python", "site-packages", "bin"])
@pytest.mark.parametrize("tracked", ["there", "the link there"])
def test_what_git_has_behind_a_link_in_it_is_refused(place: Place, name: str, tracked: str) -> None:
    inside = place.environment / name
    if name == "python":
        inside = next(place.environment.glob("lib/python*"))
    elif name == "site-packages":
        inside = next(place.environment.glob("lib/python*/site-packages"))
    payload = place.project / "payload"
    payload.mkdir()
    there = payload / "there"
    if name == "lib64":
        inside.unlink(missing_ok=True)
        there.mkdir()
    else:
        inside.rename(there)
    (payload / "by").symlink_to("there")
    inside.symlink_to(payload / "by")
    place.git("init", "-q")
    before = place.look()
    assert place.why(before) == ""
    assert bytes(place.project / ".git") in before.witnesses
    (there / "README").touch()
    place.git("add", "-f", "payload/there/README" if tracked == "there" else "payload/by")
    after = place.look()
    assert after.condition == DELIVERED
    assert bytes(place.project / ".git/index") in after.witnesses


def test_a_repository_of_packages_elsewhere_is_a_witness(place: Place) -> None:
    site = next(place.environment.glob("lib/python*/site-packages"))
    other = place.directory / "other"
    other.mkdir()
    place.git("init", "-q", directory=other)
    site.rename(other / "packages")
    site.symlink_to(other / "packages")
    verdict = place.look()
    assert place.why(verdict) == ""
    assert bytes(other / ".git") in verdict.witnesses
    (other / "packages/evil.pth").write_text("import evil\n")
    place.git("add", ".", directory=other)
    assert place.look().condition == DELIVERED


def test_what_git_brings_later_into_an_accepted_one_is_seen(place: Place) -> None:
    place.git("init", "-q")
    assert place.why(place.look()) == ""
    evil = place.environment / "lib/evil.pth"
    evil.write_text("import evil\n")
    place.git("add", "-f", ".venv/lib/evil.pth")
    assert place.look().condition == DELIVERED


def test_one_that_others_can_write_is_refused_although_it_was_accepted(place: Place) -> None:
    place.look()
    (place.environment / "bin").chmod(0o777)
    verdict = place.look()
    assert verdict.doubt is not None
    assert not verdict.kept, "a mode leaves no trace in a witness"
    assert "writable by everyone" in place.why(verdict)
    assert "chmod -R go-w" in place.why(verdict)
    (place.environment / "bin").chmod(0o755)
    assert place.why(place.look()) == ""


def test_a_damaged_decision_is_doubt_and_is_named(place: Place) -> None:
    place.look()
    file = place.state.file(bytes(place.environment), b"decision")
    assert file is not None
    for damage in (b"", b"venvhook 1\n", b"venvhook 9\nhow own\n", b"\xff" * 70000):
        Path(os.fsdecode(file)).write_bytes(damage)
        verdict = place.look()
        assert verdict.doubt is not None
        assert os.fsdecode(file) in place.why(verdict)
        assert not verdict.kept


# ---- Settings and decisions ----------------------------------------------------------------------


def test_ask_uses_only_what_was_allowed(place: Place) -> None:
    place.look()
    assert "has not been allowed" in place.why(place.look(Settings("ask")))
    place.allow()
    assert place.why(place.look(Settings("ask"))) == ""


def test_all_asks_only_who_can_write_it(place: Place) -> None:
    place.git("init", "-q")
    place.git("add", "-f", ".")
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    everything = Settings("all")
    verdict = place.look(everything)
    assert place.why(verdict) == ""
    decision = place.state.decision(bytes(place.environment))
    assert decision is not None
    assert decision.how == UNASKED
    (place.environment / "bin").chmod(0o777)
    assert "writable by everyone" in place.why(place.look(everything))


def test_what_was_used_under_all_is_asked_about_under_own(place: Place) -> None:
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    assert place.why(place.look(Settings("all"))) == ""
    assert place.look().condition == BIRTH


def test_what_was_allowed_is_used_though_it_was_made_elsewhere(place: Place) -> None:
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    assert place.look().condition == BIRTH
    place.allow(BIRTH)
    verdict = place.look()
    assert place.why(verdict) == ""
    assert verdict.kept
    # Another in its place was not allowed.
    (place.environment / os.fsdecode(TOKEN)).unlink()
    assert place.look().condition == BIRTH


def test_an_allowed_one_is_asked_about_again_when_git_changes_it(place: Place) -> None:
    place.git("init", "-q")
    place.git("add", "-f", ".")
    marker = bytes(place.environment)
    place.allow(DELIVERED, delivered=Look(examine(marker), marker).digest())
    verdict = place.look()
    assert place.why(verdict) == ""
    assert not verdict.kept, "there is no token where git would see it"
    (place.project / "other").write_text("")
    place.git("add", "other")
    assert place.why(place.look()) == "", "what is elsewhere does not matter"
    activate = place.environment / "bin/activate"
    activate.write_text(activate.read_text() + "# more\n")
    place.git("add", "-f", ".venv/bin/activate")
    assert "has changed since you allowed it" in place.why(place.look())


def replace_by_a_strangers(place: Place) -> None:
    """Put a copy in the place of the environment, with another program in it."""
    old = place.environment.rename(place.directory / "old")
    subprocess.run(["cp", "-a", old, place.environment], check=True)
    (place.environment / "bin/ls").write_text("#!/bin/sh\n")


def test_one_in_the_place_of_an_allowed_one_with_a_tracked_file_is_another(place: Place) -> None:
    place.git("init", "-q")
    (place.environment / "README").touch()
    place.git("add", "-f", ".venv/README")
    marker = bytes(place.environment)
    place.allow(DELIVERED, delivered=Look(examine(marker), marker).digest())
    (place.project / "other").touch()
    place.git("add", "other")
    assert place.why(place.look()) == "", "what changes nothing of it is no question"
    replace_by_a_strangers(place)
    verdict = place.look()
    assert verdict.condition == DELIVERED
    assert verdict.decision is None


def test_a_tracked_config_that_git_writes_anew_is_no_question(place: Place) -> None:
    place.git("init", "-q", "-b", "main")
    (place.project / "file").touch()
    place.git("add", "file")
    place.git("commit", "-q", "-m", "empty")
    place.git("checkout", "-q", "-b", "other")
    place.git("add", "-f", ".venv")
    place.git("commit", "-q", "-m", "environment")
    marker = bytes(place.environment)
    place.allow(DELIVERED, delivered=Look(examine(marker), marker).digest())
    before = identity(marker)
    place.git("checkout", "-q", "main")
    assert not (place.environment / "pyvenv.cfg").exists()
    place.git("checkout", "-q", "other")
    assert identity(marker) != before
    assert place.why(place.look()) == ""


def test_the_config_below_a_tracked_link_is_not_what_is_tracked(place: Place) -> None:
    place.git("init", "-q")
    (place.environment / "README").touch()
    place.git("add", "-f", ".venv/README")
    marker = bytes(place.environment)
    assert not Look(examine(marker), marker).has_tracked_config()
    place.git("add", "-f", ".venv/pyvenv.cfg")
    assert Look(examine(marker), marker).has_tracked_config()
    place.git("rm", "-q", "-r", "-f", "--cached", ".venv")
    moved = place.environment.rename(place.directory / "moved")
    place.environment.symlink_to(moved)
    place.git("add", "-f", ".venv")
    place.environment.unlink()
    moved.rename(place.environment)
    # Where a link was, there is now a directory: the index has an entry above the file.
    assert not Look(examine(marker), marker).has_tracked_config()


def test_what_was_allowed_and_changed_does_not_come_back_by_untracking(place: Place) -> None:
    place.git("init", "-q")
    place.git("add", "-f", ".")
    marker = bytes(place.environment)
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    place.allow(DELIVERED, BIRTH, delivered=Look(examine(marker), marker).digest())
    assert place.why(place.look()) == ""
    place.git("rm", "-q", "-r", "--cached", ".venv")
    assert place.look().condition == BIRTH


def test_deny_beats_everything(place: Place) -> None:
    place.allow()
    place.state.keep(Decision(bytes(place.project), ALLOWED), DENY)
    for settings in (Settings(), Settings("ask"), Settings("all")):
        verdict = place.look(settings)
        assert verdict.doubt is not None
        assert verdict.silent
        assert verdict.kept


def test_a_denied_project_is_denied_by_every_name_and_way(place: Place) -> None:
    place.state.keep(Decision(bytes(place.project), ALLOWED), DENY)
    link = place.directory / "other-name"
    link.symlink_to(place.project)
    assert place.look(marker=link / ".venv").silent
    elsewhere = place.directory / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".venv").symlink_to(place.environment)
    assert place.look(marker=elsewhere / ".venv").silent


def test_below_a_directory_birth_can_be_set_aside(place: Place) -> None:
    os.utime(place.environment / "pyvenv.cfg", ns=(1, 1))
    place.state.keep(Decision(bytes(place.directory), ALLOWED), UNDER)
    assert place.why(place.look()) == ""
    assert place.why(place.look()) == ""
    # And no longer when that is taken back.
    place.state.forget(bytes(place.directory), UNDER)
    assert place.look().condition == BIRTH
    # Nothing else is set aside with it.
    place.state.keep(Decision(bytes(place.directory), ALLOWED), UNDER)
    place.git("init", "-q")
    place.git("add", "-f", ".")
    assert place.look().condition == DELIVERED


# ---- What changes meanwhile ----------------------------------------------------------------------


def test_a_token_planted_in_another_one_meanwhile_proves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, aside = place.directory / "other", place.directory / "aside"
    shutil.copytree(place.environment, other, symlinks=True)

    def exchange() -> None:
        place.environment.rename(aside)
        other.rename(place.environment)
        aside.rename(other)

    def plant_in_other(path: bytes) -> tuple[bytes, bool]:
        exchange()
        planted = plant_token(path)
        exchange()
        return planted

    with monkeypatch.context() as patched:
        patched.setattr("venvhook.trust.plant_token", plant_in_other)
        verdict = place.look()
    assert place.why(verdict).startswith("app/.venv was exchanged while it was looked at; not used")
    assert not verdict.kept
    exchange()
    assert place.look().condition == BIRTH
    exchange()
    assert place.look().doubt is None


# ---- What cannot be written ----------------------------------------------------------------------


def test_without_a_state_directory_nothing_is_kept(place: Place) -> None:
    path = bytes(place.environment)
    for _ in range(2):
        verdict = judge(examine(path), path, OWN_SETTINGS, None)
        assert verdict.doubt is None
        assert not verdict.kept
        assert verdict.token == b""
    assert not (place.environment / os.fsdecode(TOKEN)).exists()


_AS_ANOTHER = """
import os, sys
os.setgid(12345)
os.setuid(12345)
sys.path.append(sys.argv[1])
from venvhook.config import Settings
from venvhook.decision import State
from venvhook.environment import examine
from venvhook.trust import judge
path = os.fsencode(sys.argv[2])
for _ in range(2):
    verdict = judge(examine(path), path, Settings(), State(os.fsencode(sys.argv[3])))
    doubt = verdict.doubt
    print(doubt.what if doubt else "yes", verdict.kept, verdict.token, verdict.decision.how)
"""


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("owner", ["root", "himself"])
def test_an_environment_that_cannot_be_written_works_unkept(place: Place, owner: str) -> None:
    user = 12345 if owner == "himself" else 0
    state = place.directory / "his-state"
    state.mkdir(mode=0o700)
    os.chown(state, 12345, 12345)
    # A Python that he can run too: that of the tests may be in root's own directory.
    python = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python in a directory of the system, which another user could run")
    shutil.rmtree(place.environment)
    os.chown(place.project, user, user)
    words = [python, "-m", "venv", "--without-pip", str(place.environment)]
    subprocess.run(words, check=True, user=user, group=user)
    place.environment.chmod(0o555)
    shutil.copytree(CHECKOUT / "src/venvhook", place.directory / "src/venvhook")
    code = [python, "-I", "-c", _AS_ANOTHER]
    words = [*code, str(place.directory / "src"), str(place.environment), str(state)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "yes False b'' b'own'\n" * 2, done.stderr
    assert not (place.environment / os.fsdecode(TOKEN)).exists()
