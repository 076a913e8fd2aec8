"""The settings: what the file and the variable may say, and what is said where they do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from venvhook.config import SETTINGS, Settings, explain_settings, read_settings
from venvhook.errors import VenvhookError


class Place:
    """A HOME with a file of settings, and a state directory."""

    def __init__(self, home: Path) -> None:
        self.environ = {"HOME": str(home)}
        self.file = home / ".config/venvhook/config.toml"
        self.state = home / "state"
        self.state.mkdir(mode=0o700)

    def write(self, text: str | bytes) -> None:
        """Replace the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, trust: str = "") -> Settings:
        """Return what the helper reads."""
        return read_settings(self.environ, trust, bytes(self.state))

    def complains(self) -> str:
        """Return what is wrong with the file; each reader must say it, each time."""
        said = set()
        for read in (self.read, self.read, lambda: explain_settings(self.environ)):
            with pytest.raises(VenvhookError) as caught:
                read()
            said.add(str(caught.value))
        assert not (self.state / "settings").exists(), "what is wrong is not kept"
        [line] = said
        assert line.startswith(f"{self.file}:")
        assert "\n" not in line
        return line.removeprefix(f"{self.file}:")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A HOME without settings."""
    return Place(tmp_path.resolve())


ALL = tuple(row.name for row in SETTINGS)


def values(settings: Settings) -> tuple[str, bool]:
    """Return what is set."""
    return settings.trust, settings.notice


def test_without_a_file_all_is_as_by_default(place: Place) -> None:
    settings = place.read()
    assert values(settings) == ("own", True)
    # It is seen when a file appears.
    assert settings.witnesses == (bytes(place.file.parent),)
    assert place.file.parent.is_dir()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("own", True)),
        ("# nothing\n", ("own", True)),
        ('trust = "own"\n', ("own", True)),
        ('trust = "ask"\nnotice = true\n', ("ask", True)),
        ("trust = 'all'\r\nnotice = false\r\n", ("all", False)),
        ("notice = false", ("own", False)),
    ],
)
def test_the_file_says_what_is_set(place: Place, text: str, expected: tuple[str, bool]) -> None:
    place.write(text)
    for _ in range(2):
        settings = place.read()
        assert values(settings) == expected
        assert settings.witnesses == (bytes(place.file), bytes(place.file.parent))
    assert values(explain_settings(place.environ)[0]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('trust = "none"', "1: trust must be 'own', 'ask' or 'all'"),
        ("\n\ntrust = true", "3: trust must be 'own', 'ask' or 'all'"),
        ('trust = ["own"]', "1: trust must be 'own', 'ask' or 'all'"),
        ('trust = {own = "own"}', "1: trust must be 'own', 'ask' or 'all'"),
        ('notice = "no"', "1: notice must be true or false"),
        ("notice = 0", "1: notice must be true or false"),
        ('trsut = "own"', "1: no setting is called 'trsut'; did you mean trust?"),
        (
            '# c\n\n  auto-create = "ask"',
            "3: no setting is called 'auto-create'; did you mean auto_create?",
        ),
        ('"\\u001b[31m" = 1', f"1: no setting is called '\\x1b[31m'; there are {', '.join(ALL)}"),
        (
            "notice = true\n[venvhook]\ntrust = 'own'",
            "2: no setting is called 'venvhook'; there are",
        ),
        ("[names]\nx = 1", "1: names must be a list of one to three names without slash"),
        ('names = ".venv"', "1: names must be a list of one to three names without slash"),
        ("names = []", "1: names must be a list of one to three names"),
        ('names = ["a", "b", "c", "d"]', "1: names must be a list of one to three names"),
        ('names = ["a", 1]', "1: names must be a list of one to three names"),
        *(
            (f'names = [\n"x",\n"{name}"]', f", not '{name}'")
            for name in ("", ".", "..", "a/b", "a b", "a:b")
        ),
        (r"names = ['a\b']", r", not 'a\b'"),
        ('names = ["a\\u0000"]', ", not 'a\\x00'"),
        ('names = ["a\\n"]', ", not 'a\\n'"),
        ('auto_create = "sometimes"', "1: auto_create must be 'never', 'ask' or 'always'"),
        (
            'project_files = ["a", "b/c"]',
            "must be a list of names without slash or space, not 'b/c'",
        ),
        ('project_files = ["b c"]', "not 'b c'"),
        *(
            (f'auto_create_under = ["/srv", "{place}"]', f", not '{place}'")
            for place in ("/", "~", "~/", "~other/x", "work", "", "/a/../b", "~/./x", "/a\\n")
        ),
        ('auto_install = "yes"', "1: auto_install must be true or false"),
        ('backend = "conda"', "1: backend must be 'auto', 'uv', 'virtualenv' or 'venv'"),
        ("guard = 1", "1: guard must be true or false"),
        ("guard = 1\nnotce = 1\n", "1: guard"),
        ("notce = 1\nguard = 1\n", "1: no setting"),
        ("\n\ntrust = own", "3: Invalid value; 'venvhook config edit' mends it"),
        ("a = [\n1", "2: "),
        (
            'trust = "own"\ntrust = "all"',
            "2: Cannot overwrite a value; ",
        ),
        ("a = " + 9_000 * "[", "1: "),
        (b'notice = true\ntrust = "\xff"', "2: is not UTF-8; mend it"),
        (b"#" * 65_537, " is larger than 65536 bytes; mend or remove it"),
    ],
)
def test_what_is_not_understood_is_said(place: Place, text: str | bytes, expected: str) -> None:
    place.write(text)
    assert expected in place.complains()


@pytest.mark.parametrize(
    ("kind", "expected"), [("fifo", "is a FIFO"), ("directory", "is a directory")]
)
def test_what_is_no_file_is_said_and_not_waited_for(place: Place, kind: str, expected: str) -> None:
    place.file.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(place.file)
    else:
        place.file.mkdir()
    assert expected in place.complains()


def test_a_link_to_nothing_is_as_no_file_to_the_helper(place: Place) -> None:
    place.file.parent.mkdir(parents=True)
    place.file.symlink_to("nowhere")
    assert values(place.read()) == ("own", True)


def test_a_link_is_followed(place: Place) -> None:
    # As people keep their settings in a repository.
    place.file.parent.mkdir(parents=True)
    kept = place.state.parent / "dotfiles.toml"
    kept.write_text('trust = "ask"')
    place.file.symlink_to(kept)
    assert place.read().trust == "ask"
    kept.write_text('trust = "all"')
    assert place.read().trust == "all"


def test_what_was_read_is_kept_until_the_file_changes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write('trust = "ask"')
    assert place.read().trust == "ask"
    kept = place.state / "settings"
    assert kept.stat().st_mode & 0o077 == 0
    with monkeypatch.context() as patch:
        patch.setattr("venvhook.configtext.parse", lambda *_: pytest.fail("read again"))
        assert place.read().trust == "ask"
    # Of the same size and with the same time: the change time tells.
    found = place.file.stat()
    place.write('trust = "own"')
    os.utime(place.file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert place.read().trust == "own"
    other = place.file.with_name("other")
    other.write_text('trust = "all"')
    other.replace(place.file)
    assert place.read().trust == "all"


EVERYTHING = """\
trust = "ask"
notice = false
names = ["e-n-v", ".venv"]
auto_create = "always"
auto_create_under = ["~/work/", "/srv/a b//"]
auto_install = true
project_files = []
backend = "uv"
guard = true
"""


def all_values(settings: Settings) -> dict[str, object]:
    """Return every setting."""
    return {name: getattr(settings, name) for name in ALL}


def test_every_setting_is_read_and_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(EVERYTHING)
    expected = {
        "trust": "ask",
        "notice": False,
        "names": (b"e-n-v", b".venv"),
        "auto_create": "always",
        "auto_create_under": (bytes(place.state.parent / "work"), b"/srv/a b"),
        "auto_install": True,
        "project_files": (),
        "backend": "uv",
        "guard": True,
    }
    assert all_values(place.read()) == expected
    assert all_values(explain_settings(place.environ)[0]) == expected
    monkeypatch.setattr("venvhook.configtext.parse", lambda *_: pytest.fail("read again"))
    assert all_values(place.read()) == expected


def test_what_is_kept_is_for_every_home(place: Place, tmp_path: Path) -> None:
    place.write(EVERYTHING)
    place.environ["XDG_CONFIG_HOME"] = str(place.file.parent.parent)
    for home in (place.state.parent, tmp_path / "other"):
        place.environ["HOME"] = str(home)
        assert place.read().auto_create_under == (bytes(home / "work"), b"/srv/a b")
    # Where what the file says is above HOME, it is told as if it had not been kept.
    place.environ["HOME"] = "/srv/a b/c"
    with pytest.raises(VenvhookError, match=r":5: auto_create_under must be .*, not '/srv/a b//'"):
        place.read()
    place.environ["HOME"] = ""
    with pytest.raises(VenvhookError, match=r":5: auto_create_under must be .*, not '~/work/'"):
        place.read()


@pytest.mark.parametrize("kept", ["all\nnotice", "all\n", EVERYTHING])
def test_what_an_older_version_kept_is_read_anew(place: Place, kept: str) -> None:
    place.write('trust = "ask"')
    place.read()
    look, *_rest = (place.state / "settings").read_bytes().split(b"\n")
    assert look.startswith(b"3 ")
    for first in (b"2 ", b"3 "):
        text = first + look[2:] + b"\n" + kept.encode()
        (place.state / "settings").write_bytes(text)
        assert values(place.read()) == ("ask", True)
        assert place.read().names == (b".venv", b"venv", b"env")


@pytest.mark.parametrize("text", [b"", b"1 2 3\nall\nnotice", b"\xff" * 140_000])
def test_a_damaged_copy_is_not_believed(place: Place, text: bytes) -> None:
    place.write('trust = "ask"')
    place.read()
    (place.state / "settings").write_bytes(text)
    assert values(place.read()) == ("ask", True)
    kept = (place.state / "settings").read_bytes()
    for good, bad in (
        (b"trust ask", b"trust nonsense"),
        (b"trust ask", b"notice maybe"),
        (b"trust ask", b"ask"),
        (b"trust ask", b"names a/b"),
        (b"trust ask", b"names a\0\0b"),
        (b"trust ask", b"names "),
        (b"trust ask", b"auto_create_under ~"),
        (b"\ntrust ask\nend", b""),
        (b"\nend", b""),
        (b"ask\nend", b"ask\n"),
    ):
        assert good in kept
        (place.state / "settings").write_bytes(kept.replace(good, bad))
        settings = place.read()
        assert (*values(settings), settings.names) == ("ask", True, (b".venv", b"venv", b"env"))


def test_without_a_state_directory_it_is_read_each_time(place: Place) -> None:
    place.write("notice = false")
    assert values(read_settings(place.environ, "", None)) == ("own", False)
    (place.state / "settings").mkdir()
    assert values(place.read()) == ("own", False)


@pytest.mark.parametrize("trust", ["own", "ask", "all"])
def test_the_variable_comes_before_the_file(place: Place, trust: str) -> None:
    place.write('trust = "ask"\nnotice = false\n')
    for _ in range(2):
        assert values(place.read(trust)) == (trust, False)
    assert place.read().trust == "ask", "what the variable says is not kept for others"
    environ = {**place.environ, "VENVHOOK_TRUST": trust}
    settings, origin = explain_settings(environ)
    assert (settings.trust, origin) == (trust, "VENVHOOK_TRUST")


@pytest.mark.parametrize("trust", ["none", "OWN", "own ", "\x1b[31m"])
def test_a_variable_that_is_not_understood_is_said(place: Place, trust: str) -> None:
    with pytest.raises(VenvhookError) as caught:
        place.read(trust)
    assert "VENVHOOK_TRUST is " in str(caught.value)
    assert "set it to 'own', 'ask' or 'all'" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(VenvhookError, match="VENVHOOK_TRUST"):
        explain_settings({**place.environ, "VENVHOOK_TRUST": trust})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("names", "venv", (b"venv",)),
        ("names", " a:b c ", (b"a", b"b", b"c")),
        ("names", ": ", (b"in", b"file")),
        ("auto_create", "always", "always"),
        ("auto_create_under", "~/a b:/srv/", (b"~/a b", b"/srv")),
        ("auto_install", "1", True),
        ("project_files", "x y:z", (b"x", b"y", b"z")),
        ("project_files", "\udcff", (b"\xff",)),
        ("backend", "venv", "venv"),
        ("guard", "on", True),
        ("guard", "false", False),
        ("guard", "", True),
    ],
)
def test_each_variable_comes_before_the_file(
    place: Place, name: str, value: str, expected: object
) -> None:
    place.write('notice = true\nnames = ["in", "file"]\nguard = true\n')
    if isinstance(expected, tuple):
        home = bytes(place.state.parent)
        expected = tuple(item.replace(b"~", home) for item in expected)
    place.environ[f"VENVHOOK_{name.upper()}"] = value
    for _ in range(2):
        assert getattr(place.read(), name) == expected
    assert getattr(explain_settings(place.environ)[0], name) == expected
    del place.environ[f"VENVHOOK_{name.upper()}"]
    assert all_values(place.read())["guard"] is True, "what a variable says is not kept"


def test_whether_it_is_told_is_no_matter_of_a_variable_to_the_helper(place: Place) -> None:
    # What it answers is kept for all shells.
    place.write("notice = true")
    place.environ["VENVHOOK_NOTICE"] = "off"
    assert place.read().notice is True
    assert explain_settings(place.environ)[0].notice is False


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NOTICE", "no", "set it to 'true' or 'false'"),
        ("AUTO_CREATE", "sometimes", "set it to 'never', 'ask' or 'always'"),
        ("AUTO_CREATE", "\x1b[31m", "is '\\x1b[31m'; set it to"),
        ("AUTO_CREATE_UNDER", "work", "/ or ~/, and not HOME or above it, between ':'"),
        ("AUTO_CREATE_UNDER", "/srv:~", "is '/srv:~'; set it to directories"),
        ("AUTO_INSTALL", "True", "set it to 'true' or 'false'"),
        ("PROJECT_FILES", "a/b", "set it to names without slash or space, between spaces"),
        ("BACKEND", "conda", "set it to 'auto', 'uv', 'virtualenv' or 'venv'"),
        ("GUARD", "yes", "VENVHOOK_GUARD is 'yes'; set it to 'true' or 'false'"),
    ],
)
def test_a_mistake_in_any_variable_is_said(
    place: Place, name: str, value: str, expected: str
) -> None:
    place.environ[f"VENVHOOK_{name}"] = value
    for read in (place.read, lambda: explain_settings(place.environ)):
        with pytest.raises(VenvhookError) as caught:
            read()
        assert str(caught.value).startswith(f"VENVHOOK_{name} is '")
        assert expected in str(caught.value)


@pytest.mark.parametrize("value", ["a b c d", "../x", ". .."])
def test_names_in_the_variable_are_judged_by_helper_and_commands_alike(
    place: Place, value: str
) -> None:
    place.environ["VENVHOOK_NAMES"] = value
    for read in (place.read, lambda: explain_settings(place.environ)):
        with pytest.raises(VenvhookError, match=r"VENVHOOK_NAMES is .*; set it to one to three"):
            read()


def test_an_explanation_says_where_it_is_from_and_writes_nothing(place: Place) -> None:
    assert explain_settings(place.environ)[1] == "the default"
    assert not place.file.parent.exists()
    place.write("notice = false")
    assert explain_settings(place.environ)[1] == "the default"
    place.write('trust = "own"')
    assert explain_settings(place.environ)[1] == str(place.file)
    assert [entry.name for entry in place.state.iterdir()] == []


def test_no_setting_is_read_from_a_project(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    project = place.state.parent / "app"
    for name in ("config.toml", "venvhook.toml", ".venvhook.toml", ".config/venvhook/config.toml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text('trust = "all"')
    monkeypatch.chdir(project)
    assert place.read().trust == "own"
    # A relative directory would be the project's (XDG: it does not count).
    place.environ["XDG_CONFIG_HOME"] = ".config"
    assert place.read().trust == "own"
    place.environ["XDG_CONFIG_HOME"] = str(project / ".config")
    assert place.read().trust == "all", "the test would have seen it"


# ---- Whose file it is ----------------------------------------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
STRANGER = 12345
BELONGS = f"belongs to user {STRANGER}, so no setting there counts; 'chown' or remove it"
WRITABLE = "others can write it, so no setting there counts; 'chmod go-w' it"


def complaint(place: Place) -> str:
    """Return what the helper says about the settings, and 'why' too."""
    said = set()
    for read in (place.read, place.read, lambda: explain_settings(place.environ)):
        with pytest.raises(VenvhookError) as caught:
            read()
        said.add(str(caught.value))
    [line] = said
    return line.replace(f"{place.state.parent}/", "~/")


def link_to(place: Place, target: Path, text: str = 'trust = "all"') -> None:
    """Let the file be a link to *target*, with *text* in it."""
    place.file.parent.mkdir(parents=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    place.file.symlink_to(target)


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o622])
@pytest.mark.parametrize("which", ["", "/config.toml"])
def test_settings_that_others_can_write_do_not_count(place: Place, which: str, mode: int) -> None:
    place.write('trust = "all"')
    assert place.read().trust == "all"
    (place.file if which else place.file.parent).chmod(mode | 0o100)
    assert complaint(place) == f"~/.config/venvhook{which}: {WRITABLE}"


@pytest.mark.parametrize("which", ["dotfiles", "dotfiles/settings.toml"])
def test_what_a_link_leads_to_is_asked_too(place: Place, which: str) -> None:
    home = place.state.parent
    link_to(place, home / "dotfiles/settings.toml")
    assert place.read().trust == "all"
    (home / which).chmod(0o757)
    assert complaint(place) == f"~/{which}: {WRITABLE}"


def test_a_sticky_directory_is_no_matter(place: Place) -> None:
    # /nix/store is one, where home-manager's links lead to.
    target = place.state.parent / "store/settings.toml"
    link_to(place, target)
    target.parent.chmod(0o1777)
    assert place.read().trust == "all"


@as_root
def test_a_group_with_members_is_others(place: Place) -> None:
    place.write('trust = "all"')
    os.chown(place.file, -1, STRANGER)
    place.file.chmod(0o664)
    assert complaint(place) == f"~/.config/venvhook/config.toml: {WRITABLE}"


def test_the_user_s_own_group_is_the_user(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # As under umask 002.
    monkeypatch.setattr("venvhook.held._private_group", lambda _: place.file.stat().st_gid)
    place.write('trust = "all"')
    place.file.chmod(0o664)
    place.file.parent.chmod(0o775)
    assert place.read().trust == "all"
    assert explain_settings(place.environ)[0].trust == "all"
    # But not whom an ACL lets write.
    monkeypatch.setattr("os.getxattr", lambda *_, **__: b"acl", raising=False)
    assert complaint(place) == f"~/.config/venvhook: {WRITABLE}"


@as_root
@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_a_file_of_another_user_does_not_count(place: Place, mode: int) -> None:
    place.write('trust = "all"')
    place.file.chmod(mode)
    os.chown(place.file, STRANGER, -1)
    assert complaint(place) == f"~/.config/venvhook/config.toml: {BELONGS}"


@as_root
def test_a_link_of_another_user_does_not_count(place: Place) -> None:
    link_to(place, place.state.parent / "settings.toml")
    os.lchown(place.file, STRANGER, -1)
    assert complaint(place) == f"~/.config/venvhook/config.toml: {BELONGS}"


@as_root
@pytest.mark.parametrize("what", ["home", "directory"])
def test_root_has_no_settings_of_a_user_s(place: Place, what: str) -> None:
    # 'sudo -s' keeps HOME, 'sudo -E' may keep XDG_CONFIG_HOME.
    place.write('trust = "all"\nnotice = false\n')
    assert place.read().trust == "all"
    if what == "home":
        for part in (place.state.parent, place.file.parent, place.file):
            os.chown(part, STRANGER, -1)
    else:
        place.environ["XDG_CONFIG_HOME"] = str(place.file.parent.parent)
        os.chown(place.file.parent, STRANGER, -1)
    assert values(place.read()) == ("own", True)
    settings, origin = explain_settings(place.environ)
    assert (*values(settings), origin) == ("own", True, "the default")
    # A mistake in it is not root's either.
    place.write("trust = nonsense")
    assert values(place.read()) == ("own", True)
    assert place.read("ask").trust == "ask"


def test_what_was_read_before_does_not_hide_who_can_write_it_now(place: Place) -> None:
    place.write('trust = "all"')
    assert place.read().trust == "all"
    place.file.parent.chmod(0o777)
    with pytest.raises(VenvhookError, match="others can write it"):
        place.read()


# ---- What changes with them ----------------------------------------------------------------------


def test_a_link_s_directories_are_witnesses(place: Place) -> None:
    home = place.state.parent
    link_to(place, home / "one/middle.toml")
    (home / "two").mkdir()
    (home / "one/middle.toml").rename(home / "two/end.toml")
    (home / "one/middle.toml").symlink_to("../two/end.toml")
    found = [os.path.normpath(path) for path in place.read().witnesses]
    expected = [place.file, place.file.parent, home / "one", home / "two"]
    assert found == [bytes(path) for path in expected]
    # Also of one that leads nowhere yet.
    (home / "two/end.toml").unlink()
    found = [os.path.normpath(path) for path in place.read().witnesses]
    assert found == [bytes(path) for path in expected[1:]]


def test_links_in_a_circle_are_no_settings(place: Place) -> None:
    place.file.parent.mkdir(parents=True)
    place.file.symlink_to("config.toml")
    settings = place.read()
    assert values(settings) == ("own", True)
    assert len(settings.witnesses) == 1


def test_a_directory_that_cannot_be_read_is_no_default(
    tmp_path: Path, ordinary_user: tuple[str, ...]
) -> None:
    place = tmp_path / ".config/venvhook"
    place.mkdir(parents=True)
    (place / "config.toml").write_text('trust = "ask"\n')
    place.chmod(0)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from venvhook.config import explain_settings, read_settings\n"
        "from venvhook.errors import VenvhookError\n"
        "for ask in (explain_settings, lambda environ: read_settings(environ, '', None)):\n"
        "    try:\n"
        "        ask(os.environ)\n"
        "    except VenvhookError as error:\n"
        "        print(error)\n"
    )
    words = [*ordinary_user, sys.executable, "-c", code, str(CHECKOUT / "src")]
    done = subprocess.run(words, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    place.chmod(0o700)
    line = f"{place}/config.toml: cannot be read (Permission denied); mend its permissions\n"
    assert done.stdout == line * 2, done.stderr
