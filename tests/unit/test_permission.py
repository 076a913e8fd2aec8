"""Commands by which the user decides: what they record, what they say, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT, IS_ROOT
from environments import EnvironmentMaker
from venvhook.config import Settings
from venvhook.decision import ALLOWED, DENY, TOKEN, Decision, State, read_token
from venvhook.directories import usable
from venvhook.environment import examine
from venvhook.trust import BIRTH, DELIVERED, HELD, LOCATION, Verdict, judge, message

SOURCE = str(CHECKOUT / "src")


class Home:
    """A HOME with a project ``app``, and the command called in it."""

    def __init__(self, path: Path, make_environment: EnvironmentMaker) -> None:
        self.path = path
        self.app = path / "app"
        self.environment = make_environment(self.app / ".venv")
        self.make_environment = make_environment
        self.state = State(bytes(path / ".local/state/venvhook"))

    def call(
        self, *words: str | bytes | Path, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run venvhook with *words*, in the project."""
        where = cwd or self.app
        values = {"HOME": str(self.path), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE}
        return subprocess.run(
            [sys.executable, "-m", "venvhook", *words],
            env={**values, "PWD": str(where), **environ},
            cwd=where,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )

    def says(self, *words: str | bytes | Path, cwd: Path | None = None, **environ: str) -> str:
        """Return what venvhook prints, which must succeed."""
        ran = self.call(*words, cwd=cwd, **environ)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        return ran.stdout

    def complains(self, *words: str | bytes | Path, cwd: Path | None = None, **environ: str) -> str:
        """Return the one line with which venvhook fails."""
        ran = self.call(*words, cwd=cwd, **environ)
        assert (ran.returncode, ran.stdout) == (1, ""), ran.stdout
        assert ran.stderr.startswith("venvhook: ")
        assert ran.stderr.count("\n") == 1
        return ran.stderr

    def look(self, settings: Settings | None = None, marker: Path | None = None) -> Verdict:
        """Return what the helper would find."""
        path = bytes(marker or self.environment)
        usable(self.state.directory, {})
        return judge(examine(path), path, settings or Settings(), self.state)

    def git(self, *words: str, directory: Path | None = None) -> None:
        """Run git in the project."""
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        where = directory or self.app
        subprocess.run(["git", *who, *words], cwd=where, check=True, capture_output=True)

    def unpack(self) -> None:
        """Let the environment look as if it had been unpacked."""
        os.utime(self.environment / "pyvenv.cfg", ns=(10**18, 10**18))

    def decision(self) -> Decision:
        """Return what was decided about the environment."""
        found = self.state.decision(os.path.realpath(bytes(self.environment)))
        assert found is not None
        return found


@pytest.fixture
def home(tmp_path: Path, make_environment: EnvironmentMaker) -> Home:
    """A HOME with a project."""
    path = tmp_path.resolve() / "home"
    path.mkdir()
    return Home(path, make_environment)


# ---- Allow ---------------------------------------------------------------------------------------


def test_what_needs_no_permission_is_recorded_all_the_same(home: Home) -> None:
    printed = home.says("allow")
    assert printed.startswith(f"{home.environment}: allowed\n")
    assert 'only trust = "ask" asks for it' in printed
    assert home.look(Settings("ask")).doubt is None
    assert home.decision().how == ALLOWED
    assert home.decision().aside == ()


def test_what_is_set_aside_is_shown_and_recorded(home: Home) -> None:
    home.unpack()
    activate = home.environment / "bin/activate"
    activate.write_text(activate.read_text().replace(str(home.app), "/home/you/app"))
    config = home.environment / "pyvenv.cfg"
    config.write_text(config.read_text().replace(str(home.app), "/home/you/app"))
    home.unpack()
    assert home.look().condition == LOCATION
    printed = home.says("allow")
    assert (
        "  at home        was made for /home/you/app/.venv, and moved or copied since\n" in printed
    )
    assert "  made here      was not made here" in printed
    assert "'venvhook revoke' takes it back." in printed
    assert home.decision().aside == (LOCATION, BIRTH)
    assert home.look().doubt is None
    assert home.look().kept


def test_a_tracked_one_gets_no_token_and_is_known_by_the_index(home: Home) -> None:
    home.git("init", "-q")
    home.git("add", "-f", ".")
    listed = subprocess.run(["git", "ls-files", ".venv"], cwd=home.app, capture_output=True)
    count = len(listed.stdout.splitlines())
    assert f"not delivered  tracked by git: {count} files\n" in home.says("allow")
    assert home.decision().aside == (DELIVERED,)
    assert home.decision().token == b""
    assert not (home.environment / os.fsdecode(TOKEN)).exists()
    assert home.look().doubt is None
    (home.environment / "bin/activate").write_text("# changed\n")
    home.git("add", "-f", ".")
    verdict = home.look()
    assert verdict.doubt is not None
    assert "has changed since you allowed it" in verdict.doubt.what


def test_what_is_tracked_no_more_is_known_as_the_same_only_while_it_is(home: Home) -> None:
    home.git("init", "-q")
    home.git("add", "-f", ".")
    home.says("allow")
    home.git("rm", "-q", "-r", "--cached", ".")
    assert home.look().doubt is None
    # Another one in its place was not allowed, although no repository has it.
    home.environment.rename(home.path / "old")
    home.make_environment(home.environment)
    home.unpack()
    assert home.look().condition == BIRTH


def test_beside_what_cannot_be_read_git_is_asked_all_the_same(home: Home) -> None:
    home.git("init", "-q")
    (home.app / ".hg").mkdir()
    assert "Mercurial" in str(home.look().doubt)
    printed = home.says("allow")
    assert "Mercurial" in printed
    assert "asked again" not in printed, "nothing is known that could change"
    assert home.look().doubt is None
    (home.app / "other").touch()
    home.git("add", "other")
    assert home.look().doubt is None
    (home.environment / "lib/evil.pth").write_text("import evil\n")
    home.git("add", "-f", ".venv/lib/evil.pth")
    assert "has changed since you allowed it" in str(home.look().doubt)
    assert "You are asked again when a repository changes" in home.says("allow")
    assert home.look().doubt is None
    # Another reason for doubt is another doubt.
    (home.app / ".git/index").write_bytes(b"DIRC")
    assert "has changed since you allowed it" in str(home.look().doubt)


def test_the_token_is_planted_where_the_link_led(home: Home) -> None:
    project = home.path / "other"
    project.mkdir()
    (project / ".venv").symlink_to(home.environment)
    home.says("allow", cwd=project)
    assert home.decision().token == read_token(bytes(home.environment)) != b""


def test_a_tracked_link_leads_to_an_environment_with_a_token(home: Home) -> None:
    clone = home.path / "clone"
    clone.mkdir()
    (clone / ".venv").symlink_to(home.environment)
    home.git("init", "-q", directory=clone)
    home.git("add", "-f", ".venv", directory=clone)
    assert home.look(marker=clone / ".venv").condition == DELIVERED
    assert "tracked by git: 1 file\n" in home.says("allow", cwd=clone)
    assert home.decision().token == read_token(bytes(home.environment)) != b""
    assert home.look(marker=clone / ".venv").doubt is None


def test_a_token_of_before_is_taken_out_of_what_git_would_see(home: Home) -> None:
    home.look()
    token = home.environment / os.fsdecode(TOKEN)
    assert token.exists()
    home.git("init", "-q")
    home.git("add", "-f", ".venv/pyvenv.cfg")
    home.says("allow")
    assert not token.exists()


def test_what_others_can_write_is_allowed_only_as_shared(home: Home) -> None:
    (home.environment / "bin").chmod(0o777)
    said = home.complains("allow")
    assert f"{home.environment}/bin is writable by everyone; " in said
    assert f"mend that with 'chmod -R go-w {home.environment}'" in said
    assert "'venvhook allow --shared' if you trust them" in said
    assert not (home.environment / os.fsdecode(TOKEN)).exists()
    printed = home.says("allow", "--shared")
    assert f"  held           {home.environment}/bin is writable by everyone\n" in printed
    assert "Whoever can write it can run programs as you." in printed
    assert home.decision().aside == (HELD,)
    assert home.look().doubt is None


@pytest.mark.parametrize("also_shared", [False, True])
def test_where_it_cannot_be_told_who_can_write_it_nothing_is_allowed(
    home: Home, also_shared: bool
) -> None:
    lib64 = home.environment / "lib64"
    lib64.unlink(missing_ok=True)
    lib64.symlink_to("lib64")
    if also_shared:
        (home.environment / "bin").chmod(0o777)
    for words in (["allow"], ["allow", "--shared"]):
        said = home.complains(*words)
        assert "links; it cannot be allowed until that is mended" in said
        assert "--shared" not in said
    assert list(home.state.decisions()) == []
    verdict = home.look()
    assert verdict.doubt is not None
    line = message(verdict, verdict.doubt, bytes(home.app), bytes(home.environment))
    assert line.endswith("not used. 'venvhook why' tells more")
    assert "--shared" not in home.call("why").stdout


def test_shared_sets_aside_only_that_others_can_write_it(home: Home) -> None:
    (home.environment / "bin").chmod(0o777)
    home.says("allow", "--shared")
    lib64 = home.environment / "lib64"
    lib64.unlink(missing_ok=True)
    lib64.symlink_to("lib64")
    verdict = home.look()
    assert verdict.condition == HELD
    assert "links" in str(verdict.doubt)
    assert "links" in home.call("why").stdout
    lib64.unlink()
    assert home.look().doubt is None


@pytest.mark.parametrize("damage", ["no interpreter", "no pyvenv.cfg", "link to nothing"])
def test_what_is_not_whole_is_never_allowed(home: Home, damage: str) -> None:
    if damage == "no interpreter":
        (home.environment / "bin/python").unlink()
    elif damage == "no pyvenv.cfg":
        (home.environment / "pyvenv.cfg").unlink()
    else:
        home.environment.rename(home.path / "gone")
        home.environment.symlink_to("nowhere")
    assert damage in home.complains("allow", "--shared")
    assert list(home.state.decisions()) == []


def test_without_a_project_one_is_told_what_was_looked_for(home: Home, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no .venv, venv or env here or above" in home.complains("allow", cwd=empty)
    said = home.complains("allow", cwd=empty, VENVHOOK_NAMES="one:two")
    assert "no one or two here or above" in said
    assert "No such file" in home.complains("allow", "nowhere")
    (empty / "file").touch()
    assert "is no environment" in home.complains("allow", empty / "file")


@pytest.mark.parametrize("named", ["project", "environment", "below", "relative", "link"])
def test_a_path_names_a_project_or_an_environment(home: Home, named: str) -> None:
    home.unpack()
    (home.app / "src").mkdir()
    (home.path / "link").symlink_to(home.app)
    paths = {"project": home.app, "environment": home.environment, "below": home.app / "src"}
    path = paths.get(named, Path("../app/.venv" if named == "relative" else home.path / "link"))
    cwd = home.app if named == "relative" else home.path
    home.says("allow", path, cwd=cwd)
    assert home.look().doubt is None


def test_an_environment_that_is_no_marker_can_be_named(home: Home) -> None:
    other = home.make_environment(home.path / "environments/tools")
    (home.app / ".venv").rename(home.path / "gone")
    (home.app / ".venv").write_text(str(other))
    os.utime(other / "pyvenv.cfg", ns=(10**18, 10**18))
    home.says("allow", other)
    assert (
        judge(examine(bytes(other)), bytes(home.app / ".venv"), Settings(), home.state).doubt
        is None
    )
    home.says("revoke", other)
    assert home.look(marker=other).condition == BIRTH


def test_the_logical_working_directory_is_the_one_that_counts(home: Home) -> None:
    (home.path / "link").symlink_to(home.app)
    assert home.says("allow", cwd=home.path / "link").startswith(f"{home.path}/link/.venv: allowed")
    # One that leads elsewhere is not believed.
    printed = home.says("allow", PWD=str(home.path))
    assert printed.startswith(f"{home.environment}: allowed")


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", "\u202etxt".encode(), b"\x1b[31m"])
def test_any_name_can_be_decided_about_and_is_shown_harmless(home: Home, name: bytes) -> None:
    project = home.path / os.fsdecode(name)
    # Not every maker can make one there.
    home.app.rename(project)
    home.app.mkdir()
    for words in (["allow", project], ["deny", project], ["allow", "--list"], ["why", project]):
        printed = home.says(*words)
        assert printed.isascii(), printed
        assert "\x1b" not in printed
    rows = home.says("allow", "--list").splitlines()
    assert [row.split()[0] for row in rows] == ["denied", "allowed"]
    home.says("revoke", project)
    assert home.says("allow", "--list") == ""


def test_a_long_name_is_shortened_in_the_middle(home: Home) -> None:
    project = home.path / ("x" * 250)
    home.make_environment(project / ".venv")
    first = home.says("allow", project).splitlines()[0]
    assert "xxx...xxx" in first
    assert first.endswith("/.venv: allowed")
    assert f"{project}/.venv" in home.says("allow", "--list"), "a list is for looking up"


def test_where_the_working_directory_is_gone_that_is_said(home: Home) -> None:
    gone = home.path / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec "$@"'
    environ = {"HOME": str(home.path), "PATH": os.environ["PATH"], "PWD": str(gone)}
    code = f"import sys; sys.path.insert(0, {SOURCE!r}); from venvhook.cli import main; main()"
    for words in (
        ["allow"],
        ["deny"],
        ["revoke"],
        ["status"],
        ["why", "app"],
        ["allow", "--under", "x"],
    ):
        ran = subprocess.run(
            ["sh", "-c", script, "sh", sys.executable, "-I", "-c", code, *words],
            env=environ,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 1, words
        assert ran.stderr.startswith("venvhook: the working directory cannot be found"), ran.stderr
        assert ran.stderr.count("\n") == 1
        gone.mkdir()
    assert f"{home.environment}: allowed" in home.says("allow", home.app, cwd=gone)


def test_what_does_not_go_together_is_a_wrong_call(home: Home) -> None:
    for words in (
        ["allow", "--list", "--prune"],
        ["allow", ".", "--list"],
        ["allow", "--all"],
        ["allow", "--json"],
        ["allow", "--shared", "--under", "."],
        ["revoke", ".", "--under", "."],
        ["deny", "a", "b"],
    ):
        ran = home.call(*words)
        assert (ran.returncode, ran.stdout) == (2, ""), words
        assert ran.stderr.count("\n") == 1


# ---- Below a directory ---------------------------------------------------------------------------


def test_below_a_directory_it_does_not_matter_where_one_was_made(home: Home) -> None:
    home.unpack()
    (home.path / "link").symlink_to(home.app)
    assert home.look().condition == BIRTH
    printed = home.says("allow", "--under", home.path / "link", cwd=home.path)
    assert printed.startswith(f"{home.app}: ")
    assert home.look().doubt is None
    assert f"under     {home.app}\n" in home.says("allow", "--list")
    # All else is asked.
    home.git("init", "-q")
    home.git("add", "-f", ".")
    assert home.look().condition == DELIVERED
    assert "no longer under" in home.says("revoke", "--under", home.app)
    assert "was not allowed with --under" in home.complains("revoke", "--under", home.app)


def test_home_may_be_such_a_directory_with_a_warning_and_the_root_may_not(home: Home) -> None:
    printed = home.says("allow", "--under", "..")
    assert "all of your home directory" in printed
    assert "all of your home directory" not in home.says("allow", "--under", ".")
    assert "is everything" in home.complains("allow", "--under", "/")
    assert "is no directory" in home.complains("allow", "--under", "nowhere")
    assert "is no directory" in home.complains("allow", "--under", ".venv/pyvenv.cfg")


# ---- Deny and revoke -----------------------------------------------------------------------------


def test_a_denied_project_is_not_allowed_before_that_is_revoked(home: Home) -> None:
    assert home.says("deny", cwd=home.app / ".venv").startswith(f"{home.app}: denied")
    assert home.look().silent
    said = home.complains("allow")
    assert "is denied; 'venvhook revoke' takes that back first" in said
    assert home.says("revoke") == f"{home.app}: no longer denied\n"
    assert home.look().doubt is None


def test_a_directory_can_be_denied_before_it_has_an_environment(home: Home) -> None:
    project = home.path / "later"
    project.mkdir()
    home.says("deny", cwd=project)
    home.make_environment(project / ".venv")
    assert home.look(marker=project / ".venv").silent
    home.says("revoke", cwd=project)
    assert home.look(marker=project / ".venv").doubt is None


def test_denying_one_of_many_environments_leaves_the_others(home: Home) -> None:
    one = home.make_environment(home.path / "environments/one")
    two = home.make_environment(home.path / "environments/two")
    assert home.says("deny", one).startswith(f"{one}: denied")
    assert home.look(marker=one).silent
    assert home.look(marker=two).doubt is None
    assert f"{one}: no longer denied" in home.says("revoke", one)


def test_revoke_forgets_all_about_a_project_and_leaves_nothing(home: Home) -> None:
    home.unpack()
    home.says("allow")
    home.says("deny")
    printed = home.says("revoke").splitlines()
    assert printed == [
        f"{home.environment}: no longer allowed",
        f"{home.app}: no longer denied",
    ]
    assert not (home.environment / os.fsdecode(TOKEN)).exists()
    assert home.look().condition == BIRTH
    left = {entry.name for entry in Path(os.fsdecode(home.state.directory)).rglob("*")}
    assert left == {"decisions", "lock", "stamp"}
    assert "nothing was decided about it" in home.complains("revoke")


def test_revoking_what_was_accepted_unasked_says_that_it_will_be_again(home: Home) -> None:
    home.look()
    assert "is looked at afresh ('venvhook deny': never used)" in home.says("revoke")
    assert not (home.environment / os.fsdecode(TOKEN)).exists()
    assert home.look().doubt is None


def test_what_was_used_before_it_was_denied_stays_known(home: Home) -> None:
    first = home.look()
    assert first.doubt is None
    home.says("deny")
    assert home.says("revoke").splitlines() == [f"{home.app}: no longer denied"]
    again = home.look()
    assert again.doubt is None
    assert again.token == first.token


def test_what_is_gone_can_be_revoked(home: Home) -> None:
    home.says("allow")
    home.says("deny")
    home.app.rename(home.path / "moved")
    assert "no longer allowed" in home.says("revoke", home.app / ".venv", cwd=home.path)
    home.says("deny", cwd=home.path / "moved")
    home.complains("revoke", home.app, cwd=home.path)


def test_a_token_that_is_not_ours_stays(home: Home) -> None:
    home.says("allow")
    token = home.environment / os.fsdecode(TOKEN)
    token.write_text("0" * 32 + "\n")
    home.says("revoke")
    assert token.exists()


# ---- All decisions -------------------------------------------------------------------------------


def test_the_list_is_sorted_and_of_what_the_user_decided(home: Home) -> None:
    assert home.says("allow", "--list") == ""
    for name in ("b", "a"):
        home.make_environment(home.path / name / ".venv")
        home.says("allow", home.path / name)
    home.says("deny", home.path / "a")
    home.look()
    expected = [
        f"denied    {home.path}/a",
        f"allowed   {home.path}/a/.venv",
        f"allowed   {home.path}/b/.venv",
    ]
    assert home.says("allow", "--list").splitlines() == expected
    everything = home.says("allow", "--list", "--all").splitlines()
    assert everything == [*expected[:2], f"accepted  {home.environment}", expected[2]]
    assert everything != expected
    home.unpack()
    home.says("allow")
    assert f"{home.environment}  (set aside: made here)" in home.says("allow", "--list")


def test_the_list_as_json(home: Home) -> None:
    home.unpack()
    home.says("allow")
    (home.path / "b").mkdir()
    home.says("deny", home.path / "b")
    allowed = {
        "decision": "allowed",
        "path": str(home.environment),
        "set_aside": ["made here"],
    }
    denied = {"decision": "denied", "path": str(home.path / "b"), "set_aside": []}
    rows = sorted((allowed, denied), key=lambda row: str(row["path"]))
    whole = {"version": 1, "decisions": rows, "damaged": 0}
    assert json.loads(home.says("allow", "--list", "--json")) == whole
    file = home.state.file(bytes(home.environment), b"decision")
    assert file is not None
    Path(os.fsdecode(file)).write_text("rubbish")
    ran = home.call("allow", "--list", "--json")
    assert json.loads(ran.stdout) == {"version": 1, "decisions": [denied], "damaged": 1}
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)


def test_a_damaged_decision_is_named_and_swept(home: Home) -> None:
    home.says("allow")
    file = home.state.file(bytes(home.environment), b"decision")
    assert file is not None
    damaged = Path(os.fsdecode(file))
    damaged.write_text("rubbish")
    ran = home.call("allow", "--list")
    assert ran.returncode == 1
    assert f"{damaged} is damaged" in ran.stderr
    assert "'venvhook allow --prune' mends it" in ran.stderr
    verdict = home.look()
    assert verdict.doubt is not None
    assert str(damaged) in verdict.doubt.what
    assert f"{damaged}: removed; it was damaged" in home.says("allow", "--prune")
    assert home.look().doubt is None


def test_a_decision_that_was_copied_elsewhere_counts_for_nothing(home: Home) -> None:
    home.says("allow")
    other = home.make_environment(home.path / "other/.venv")
    source, target = (home.state.file(bytes(p), b"decision") for p in (home.environment, other))
    assert source is not None
    assert target is not None
    copy = Path(os.fsdecode(target))
    copy.parent.mkdir(parents=True)
    copy.write_bytes(Path(os.fsdecode(source)).read_bytes())
    assert home.state.decision(bytes(other)) is None
    assert "is about another path" in home.call("allow", "--list").stderr
    home.says("allow", "--prune")
    assert home.decision().how == ALLOWED
    assert not os.path.lexists(target)


def test_prune_forgets_what_is_gone_and_says_which(home: Home) -> None:
    other = home.make_environment(home.path / "other/.venv")
    home.says("allow", home.path / "other")
    home.says("deny", home.path / "other")
    home.says("allow", "--under", home.path / "other")
    home.says("allow")
    assert home.says("allow", "--prune") == ""
    (home.path / "other").rename(home.path / "moved")
    printed = home.says("allow", "--prune").splitlines()
    assert printed == [
        f"{other.parent}: is gone; no longer denied",
        f"{other.parent}: is gone; no longer under",
        f"{other}: is gone; no longer allowed",
    ]
    assert home.says("allow", "--list").splitlines() == [f"allowed   {home.environment}"]


@pytest.mark.skipif(not IS_ROOT, reason="needs what only root can make: another's directory")
def test_prune_keeps_what_only_cannot_be_read(home: Home) -> None:
    home.says("allow")
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); os.setgid(12345); os.setuid(12345)\n"
        "from venvhook.inventory import whereabouts\n"
        "print(whereabouts(os.fsencode(sys.argv[2]), None, 0))"
    )
    python = "/usr/bin/python3"
    if not os.access(python, os.X_OK):
        pytest.skip("no Python of the system, which another user could run")
    home.path.chmod(0o700)
    # Of its own, since the checkout may be in root's directory.
    copy = Path(f"/tmp/venvhook-prune-{os.getpid()}")
    subprocess.run(["cp", "-r", CHECKOUT / "src", copy], check=True)
    try:
        words = [python, "-I", "-c", code, str(copy), str(home.environment)]
        done = subprocess.run(words, capture_output=True, text=True)
    finally:
        subprocess.run(["rm", "-r", copy], check=True)
    assert done.stdout == "away\n", done.stderr


def test_prune_keeps_what_may_not_be_mounted(home: Home) -> None:
    home.says("allow")
    home.says("deny", home.path)
    # As a disk looks that is not mounted now: a directory with nothing in it, older than all that.
    (home.path / "app").rename(home.path.parent / "elsewhere")
    (home.path / "app").mkdir()
    os.utime(home.path / "app", (10**9, 10**9))
    assert home.says("allow", "--prune") == ""
    assert "allowed" in home.says("allow", "--list")


# ---- The state directory -------------------------------------------------------------------------


def test_a_state_directory_that_cannot_be_used_is_told_with_the_reason(home: Home) -> None:
    state = home.path / ".local/state/venvhook"
    assert "HOME is not set" in home.complains("allow", HOME="")
    state.parent.mkdir(parents=True)
    state.write_text("")
    assert f"{state}: is no directory" in home.complains("allow")
    state.unlink()
    state.symlink_to(home.path)
    assert f"{state}: is no directory" in home.complains("allow")
    state.unlink()
    state.mkdir()
    state.chmod(0o777)
    assert f"{state}: can be written by others" in home.complains("allow")
    if IS_ROOT:
        state.chmod(0o700)
        os.chown(state, 12345, -1)
        assert f"{state}: belongs to another user" in home.complains("deny")
        state.rmdir()
        os.chown(home.path, 12345, -1)
        assert f"{home.path}: belongs to another user" in home.complains("allow", home.app)
        assert not state.exists()


def test_a_state_directory_elsewhere_is_used(home: Home, tmp_path: Path) -> None:
    home.says("allow", XDG_STATE_HOME=str(tmp_path / "elsewhere"))
    assert (tmp_path / "elsewhere/venvhook/stamp").exists()
    assert not (home.path / ".local").exists()


def test_files_and_directories_are_the_users_alone(home: Home) -> None:
    previous = os.umask(0)
    try:
        home.says("allow")
        home.says("deny")
    finally:
        os.umask(previous)
    top = home.path / ".local"
    for entry in (top, *top.rglob("*")):
        expected = 0o700 if entry.is_dir() else 0o600
        assert entry.stat().st_mode & 0o7777 == expected, entry


def test_a_name_like_a_decision_is_refused(home: Home) -> None:
    environment = home.make_environment(home.path / "venvhook.decision/.venv")
    assert "rename it" in home.complains("allow", environment)
    assert not (environment / os.fsdecode(TOKEN)).exists()


_HOLDER = """
import fcntl, os, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def has_open(pid: int, file: Path) -> bool:
    """Return whether the process *pid* has *file* open."""
    try:
        return any(entry.readlink() == file for entry in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="what waits is seen in /proc")
def test_a_lock_is_waited_for_and_then_complained_about(home: Home) -> None:
    home.says("allow")
    lock = home.path / ".local/state/venvhook/lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        said = home.complains("deny")
        assert f"{lock}: another venvhook has held it for 5 s; try again" in said
        # A helper does not wait long, and keeps the token that is there.
        token = read_token(bytes(home.environment))
        home.state.forget(bytes(home.environment))
        verdict = home.look()
        assert verdict.doubt is None
        assert not verdict.kept
        assert read_token(bytes(home.environment)) == token
        waiting = subprocess.Popen(
            [sys.executable, "-m", "venvhook", "deny", home.app],
            env={"HOME": str(home.path), "PYTHONPATH": SOURCE},
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        # It says nothing while it waits; that it does is seen by what it has opened.
        while not has_open(waiting.pid, lock):
            assert waiting.poll() is None
        holder.stdin.close()
        assert waiting.wait(20) == 0
        assert waiting.stderr is not None
        waiting.stderr.close()
    finally:
        holder.stdin.close()
        holder.wait(20)
        holder.stdout.close()
    assert home.state.decision(bytes(home.app), DENY) is not None


# ---- Uninstalling --------------------------------------------------------------------------------


def test_uninstalling_takes_the_decisions_and_the_tokens_away(home: Home) -> None:
    other = home.make_environment(home.path / "other/.venv")
    foreign = other / os.fsdecode(TOKEN)
    home.says("allow")
    home.says("allow", other)
    foreign.write_text("f" * 32 + "\n")
    printed = home.says("uninstall")
    assert f"{home.path}/.local/state/venvhook: removed" in printed
    assert not (home.path / ".local/state/venvhook").exists()
    assert not (home.environment / os.fsdecode(TOKEN)).exists()
    assert foreign.exists(), "it is not known to be ours"
