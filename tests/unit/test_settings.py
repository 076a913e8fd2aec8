"""``venvhook config``: what it shows, what it changes in the file, and what it leaves as it is."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from checkout import CHECKOUT, IS_ROOT
from venvhook.config import SETTINGS, read_settings
from venvhook.configtext import lines_of
from venvhook.errors import UsageError, VenvhookError
from venvhook.settings import Draft, entries, set_value, template, text_of, unset

STRANGER = 12345
FILES = ", ".join(f'"{os.fsdecode(name)}"' for name in read_settings({}, "", None).project_files)


class Home:
    """A HOME with a file of settings, and commands that are called there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / ".config/venvhook/config.toml"
        self.environ = {"HOME": str(path), "PATH": os.environ["PATH"]}

    def write(self, text: str | bytes) -> None:
        """Replace the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def text(self) -> str:
        """Return what is in the file, with its line ends."""
        return self.file.read_bytes().decode()

    def set(self, name: str, *words: str) -> list[str]:
        """Set *name*; return what was said, with HOME as ``~``."""
        said, mistake = set_value(name, tuple(map(os.fsencode, words)), self.environ)
        assert mistake == ""
        return self.told(said)

    def unset(self, name: str) -> list[str]:
        """Unset *name*; return as ``set``."""
        said, mistake = unset(name, self.environ)
        assert mistake == ""
        return self.told(said)

    def told(self, lines: list[str]) -> list[str]:
        """Return *lines* with HOME as ``~``."""
        return [line.replace(str(self.path), "~") for line in lines]

    def sources(self, **environ: str) -> dict[str, tuple[str, str]]:
        """Return the value and the source of each setting that is not as by default."""
        found = entries({**self.environ, **environ})
        return {
            entry.setting.name: (text_of(entry.value), self.told([entry.origin])[0])
            for entry in found
            if entry.source != "default"
        }

    def run(
        self, *words: str | bytes, environ: dict[str, str] | None = None, limit: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``venvhook`` with *words*, without a terminal; files may grow to *limit* bytes."""

        def prepare() -> None:
            import resource  # not on Windows

            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            [sys.executable, "-P", "-m", "venvhook", *words],
            env={**self.environ, "PYTHONPATH": str(CHECKOUT / "src"), **(environ or {})},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            preexec_fn=prepare,
        )

    def prints(self, *words: str | bytes, **environ: str) -> str:
        """Return what ``venvhook config`` with *words* prints when all is well."""
        ran = self.run("config", *words, environ=environ)
        assert (ran.returncode, ran.stderr) == (0, b"")
        return ran.stdout.decode("utf-8", "surrogateescape")

    def complains(self, status: int, *words: str | bytes, **environ: str) -> str:
        """Return the one line on stderr of ``venvhook config`` with *words*, which fails."""
        ran = self.run("config", *words, environ=environ)
        assert ran.returncode == status
        assert ran.stderr.startswith(b"venvhook: ")
        assert ran.stderr.count(b"\n") == 1
        return self.told([ran.stderr.decode().removeprefix("venvhook: ").rstrip("\n")])[0]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A HOME without settings."""
    return Home(tmp_path.resolve())


# ---- Looking -------------------------------------------------------------------------------------


def test_the_list_is_a_file_that_sets_all_of_it_with_each_source(home: Home) -> None:
    home.write('# mine\n\ntrust = "ask"\nauto_create_under = ["~/work"]\n')
    printed = home.prints("list", VENVHOOK_GUARD="on", VENVHOOK_NAMES="venv:other")
    assert home.prints(VENVHOOK_GUARD="on", VENVHOOK_NAMES="venv:other") == printed
    rows = [line.split("  #", 1) for line in home.told(printed.splitlines())]
    assert [(row[0].strip(), row[1].strip()) for row in rows] == [
        ('trust = "ask"', "~/.config/venvhook/config.toml:3"),
        ("notice = true", "default"),
        ('names = ["venv", "other"]', "VENVHOOK_NAMES"),
        ('auto_create = "never"', "default"),
        ('auto_create_under = ["~/work"]', "~/.config/venvhook/config.toml:4"),
        ("auto_install = false", "default"),
        (f"project_files = [{FILES}]", "default"),
        ('backend = "auto"', "default"),
        ("guard = true", "VENVHOOK_GUARD"),
    ]
    home.write(printed)
    assert home.prints("get", "names") == "venv\nother\n"


def test_the_list_as_json(home: Home) -> None:
    home.write('names = ["a", "b"]\nguard = true')
    printed = json.loads(home.prints("list", "--json", VENVHOOK_TRUST="all"))
    assert printed["version"] == 1
    assert printed["file"] == str(home.file)
    found = printed["settings"]
    assert list(found) == [row.name for row in SETTINGS]
    assert found["names"] == {
        "value": ["a", "b"],
        "default": [".venv", "venv", "env"],
        "source": "file",
        "line": 1,
        "variable": "VENVHOOK_NAMES",
    }
    assert (found["guard"]["value"], found["guard"]["line"]) == (True, 2)
    assert (found["trust"]["value"], found["trust"]["source"]) == ("all", "variable")
    assert (found["notice"]["source"], found["notice"]["line"]) == ("default", None)
    assert json.loads(home.prints("--json", VENVHOOK_TRUST="all")) == printed
    one = json.loads(home.prints("get", "names", "--json"))
    assert one == {"version": 1, "name": "names", **found["names"]}


def test_get_prints_the_value_and_nothing_else(home: Home) -> None:
    home.write('trust = "ask"\nnotice = false\nauto_create_under = ["~/a b/", "/srv//"]')
    assert home.prints("get", "trust") == "ask\n"
    assert home.prints("get", "trust", VENVHOOK_TRUST="all") == "all\n"
    assert home.prints("get", "notice") == "false\n"
    assert home.prints("get", "auto_create_under") == f"{home.path}/a b\n/srv\n"
    assert home.prints("get", "auto_create_under", VENVHOOK_AUTO_CREATE_UNDER="/\udcff") == (
        "/\udcff\n"
    )
    home.write("auto_create_under = []")
    assert home.prints("get", "auto_create_under") == ""


@pytest.mark.parametrize("command", ["get", "unset", "set"])
def test_a_wrong_name_is_told_with_the_right_one(home: Home, command: str) -> None:
    words = (command, "auto-create", *(["ask"] if command == "set" else []))
    expected = "no setting is called 'auto-create'; did you mean auto_create?"
    assert home.complains(2, *words) == expected
    assert not home.file.exists()


def test_a_mistake_is_told_by_every_command_that_looks(home: Home) -> None:
    home.write("\nnotice = 1\n")
    for words in (("list",), ("get", "trust"), ("list", "--json")):
        said = home.complains(1, *words)
        assert said == "~/.config/venvhook/config.toml:2: notice must be true or false"
    home.file.unlink()
    for words in (("list",), ("get", "trust")):
        said = home.complains(1, *words, VENVHOOK_AUTO_CREATE="sometimes")
        assert said == ("VENVHOOK_AUTO_CREATE is 'sometimes'; set it to 'never', 'ask' or 'always'")


def test_path_prints_where_the_file_is_or_would_be(home: Home) -> None:
    assert home.prints("path") == f"{home.file}\n"
    assert not home.file.parent.exists()
    assert home.prints("path", XDG_CONFIG_HOME="/elsewhere") == "/elsewhere/venvhook/config.toml\n"
    assert "HOME is not set" in home.complains(1, "path", HOME="")


# ---- Changing ------------------------------------------------------------------------------------


def test_the_first_setting_makes_the_file_for_its_user_alone(home: Home) -> None:
    before = os.umask(0)
    try:
        said = home.set("trust", "ask")
    finally:
        os.umask(before)
    assert said == ['trust = "ask" in ~/.config/venvhook/config.toml']
    assert home.text() == 'trust = "ask"\n'
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.file.parent.stat().st_mode) == 0o700
    assert [path.name for path in home.file.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("trust", ["all"], '"all"'),
        ("notice", ["false"], "false"),
        ("notice", ["off"], "false"),
        ("guard", ["1"], "true"),
        ("names", ["venv"], '["venv"]'),
        ("names", [".venv", "my-env"], '[".venv", "my-env"]'),
        ("names", [".venv my-env"], '[".venv", "my-env"]'),
        ("names", ["-x", "é"], '["-x", "é"]'),
        ("auto_create", ["ask"], '"ask"'),
        ("auto_create_under", ["~/work", "/srv/a b"], '["~/work", "/srv/a b"]'),
        ("auto_install", ["on"], "true"),
        ("project_files", ["x.toml", 'a"b'], '["x.toml", "a\\"b"]'),
        ("backend", ["uv"], '"uv"'),
    ],
)
def test_what_is_typed_is_set(home: Home, name: str, words: list[str], expected: str) -> None:
    assert home.set(name, *words) == [f"{name} = {expected} in ~/.config/venvhook/config.toml"]
    assert home.text() == f"{name} = {expected}\n"
    value, origin = home.sources()[name]
    assert value == expected.replace("~", str(home.path))
    assert origin == "~/.config/venvhook/config.toml:1"


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("trust", ["none"], "trust must be 'own', 'ask' or 'all'"),
        ("trust", ["own", "ask"], "trust must be 'own', 'ask' or 'all'"),
        ("notice", ["maybe"], "notice must be true or false"),
        ("names", ["a", "b", "c", "d"], "names must be a list of one to three names"),
        ("names", ["a/b"], "not 'a/b'"),
        ("names", ["\udcff"], "'\\xff' is not UTF-8"),
        ("names", ["\x1b[31m"], "not '\\x1b[31m'"),
        ("names", [""], "names must be a list"),
        ("auto_create_under", ["work"], "that begin with / or ~/, and not HOME or above it"),
        ("auto_create_under", ["/"], "not '/'"),
        ("auto_create_under", ["~"], "not '~'"),
    ],
)
def test_what_may_not_be_set_is_a_wrong_call(
    home: Home, name: str, words: list[str], expected: str
) -> None:
    with pytest.raises(UsageError) as caught:
        home.set(name, *words)
    assert expected in str(caught.value)
    assert not home.file.exists()


def test_home_and_what_is_above_it_are_no_places_to_create_in(home: Home) -> None:
    above = home.path.parent
    for place in (home.path, f"{home.path}/", above, above.parent):
        with pytest.raises(UsageError, match="not HOME or above it"):
            home.set("auto_create_under", str(place))
    home.set("auto_create_under", f"{home.path}x", f"{above}/other")


KEPT = """\
# My settings.

trust = "own"  # for now
  notice=true

names = [ # in this order
  ".venv", # the usual one
  # some say venv
  "venv",
] # that is all
# The end."""


def test_comments_and_order_stay(home: Home) -> None:
    home.write(KEPT)
    home.set("trust", "ask")
    home.set("notice", "false")
    expected = KEPT.replace('"own"', '"ask"').replace("notice=true", "notice=false")
    assert home.text() == expected
    # Also those between the items of a list, of which one goes and one comes.
    home.set("names", "venv", "env")
    expected = expected.replace('  ".venv", # the usual one\n', "")
    expected = expected.replace('  "venv",\n', '  "venv",\n  "env",\n')
    assert home.text() == expected
    # In another order, the list is written anew.
    home.set("names", "env", "venv")
    assert 'names = ["env", "venv"] # that is all\n' in home.text()
    home.set("backend", "uv")
    assert home.text().endswith('# The end.\nbackend = "uv"\n')
    for name in ("trust", "notice", "names", "backend"):
        home.unset(name)
    assert [line for line in home.text().splitlines() if line.strip()] == [
        "# My settings.",
        "# The end.",
    ]


def test_line_ends_stay(home: Home) -> None:
    home.write(KEPT.replace("\n", "\r\n"))
    home.set("trust", "all")
    home.set("guard", "true")
    expected = KEPT.replace('"own"', '"all"') + "\nguard = true\n"
    assert home.text() == expected.replace("\n", "\r\n")


def test_what_is_set_already_is_not_written_again(home: Home) -> None:
    home.write("trust = 'ask' # by hand\n")
    before = home.file.stat()
    assert home.set("trust", "ask") == ['trust = "ask" in ~/.config/venvhook/config.toml']
    assert home.file.stat() == before


WORDS = strategies.sampled_from(["own", "ask", "all"])
LINES = strategies.lists(
    strategies.sampled_from(
        [
            "",
            "# a comment",
            "notice = true # told",
            'names = ["a", # first\n  "b"]',
            "names = [\n]",
            'backend = """auto"""',
            "auto_create = 'never'",
            "guard=false",
            "project_files = ['x', ]",
            "  ",
        ]
    ),
    unique_by=lambda line: line.partition("=")[0].strip() if "=" in line else object(),
)


@given(LINES, WORDS, strategies.sampled_from(["\n", "\r\n"]), strategies.booleans())
@settings(max_examples=60, deadline=None)
def test_setting_one_changes_no_other(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    word: str,
    end: str,
    is_ended: bool,
) -> None:
    home = Home(tmp_path_factory.mktemp("home").resolve())
    text = end.join(lines) + (end if is_ended else "")
    home.write(text.replace("\r\n", "\n").replace("\n", end))
    before = tomllib.loads(home.text())
    set_value("trust", (word.encode(),), home.environ)
    assert tomllib.loads(home.text()) == {**before, "trust": word}
    kept = [line.strip() for line in lines if line.strip()]
    assert all(part in home.text() for line in kept for part in line.split("\n"))
    set_value("names", (b"b", b"c"), home.environ)
    unset("trust", home.environ)
    assert tomllib.loads(home.text()) == {**before, "names": ["b", "c"]}


def test_unset_gives_the_default_back(home: Home) -> None:
    home.write('# one\ntrust = "all" # two\nnotice = false\n')
    said = home.unset("trust")
    assert said == [
        'trust was taken out of ~/.config/venvhook/config.toml; now it is "own", the default'
    ]
    assert home.text() == "# one\nnotice = false\n"
    assert home.unset("trust") == ["trust is not set in ~/.config/venvhook/config.toml"]


def test_mistakes_are_mended_one_by_one(home: Home) -> None:
    home.write("notce = false\nguard = 1\n[extra]\nx = 1\n")
    said, mistake = set_value("guard", (b"true",), home.environ)
    assert home.told([*said, mistake]) == [
        "guard = true in ~/.config/venvhook/config.toml",
        "~/.config/venvhook/config.toml:1: no setting is called 'notce'; did you mean notice?",
    ]
    said, mistake = unset("notce", home.environ)
    assert home.told(said) == ["notce was taken out of ~/.config/venvhook/config.toml"]
    assert home.told([mistake])[0].startswith("~/.config/venvhook/config.toml:2: no setting is")
    ran = home.run("config", "set", "trust", "ask")
    assert (ran.returncode, ran.stderr.count(b"\n")) == (1, 1)
    assert home.unset("extra") == ["extra was taken out of ~/.config/venvhook/config.toml"]
    assert home.text().rstrip() == 'guard = true\ntrust = "ask"'


@pytest.mark.parametrize("text", [b"trust = own\n", b"\n= 1", b'trust = "\xff"'])
def test_what_is_no_toml_is_not_changed(home: Home, text: bytes) -> None:
    home.write(text)
    for change in (home.set, home.unset):
        with pytest.raises(VenvhookError, match=f"{home.file}"):
            change("trust", *(["ask"] if change == home.set else []))
    assert home.file.read_bytes() == text


def test_a_variable_that_still_wins_is_told(home: Home) -> None:
    wins = "but VENVHOOK_TRUST is 'all' in this shell, and that wins"
    printed = home.prints("set", "trust", "ask", VENVHOOK_TRUST="all")
    assert printed.splitlines()[1:] == [wins]
    assert home.prints("unset", "trust", VENVHOOK_TRUST="all").splitlines()[1:] == [wins]
    assert home.prints("set", "notice", "true", VENVHOOK_TRUST="all").count("\n") == 1


def test_values_are_asked_for(home: Home) -> None:
    assert "Missing argument" in home.complains(2, "set", "trust")
    assert "notice must be true or false" in home.complains(2, "set", "notice", "--no")


# ---- The file ------------------------------------------------------------------------------------


def test_mode_and_links_stay(home: Home) -> None:
    kept = home.path / "dotfiles/venvhook.toml"
    middle = home.path / "dotfiles/middle"
    kept.parent.mkdir()
    kept.write_text("# mine\n")
    kept.chmod(0o640)
    middle.symlink_to("venvhook.toml")
    home.file.parent.mkdir(parents=True)
    home.file.symlink_to("../../dotfiles/middle")
    home.set("trust", "ask")
    assert (home.file.readlink(), middle.readlink()) == (
        Path("../../dotfiles/middle"),
        Path("venvhook.toml"),
    )
    assert kept.read_text() == '# mine\ntrust = "ask"\n'
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    # A link whose file is gone makes it again; one into a directory that is gone is told.
    kept.unlink()
    home.set("trust", "all")
    assert kept.read_text() == 'trust = "all"\n'
    assert not kept.is_symlink()
    home.file.unlink()
    home.file.symlink_to("nowhere/config.toml")
    with pytest.raises(VenvhookError, match="is a link to nothing"):
        home.set("trust", "own")
    home.file.unlink()
    home.file.symlink_to("config.toml")
    with pytest.raises(VenvhookError, match="is a link to nothing"):
        home.set("trust", "own")


def test_the_file_is_newer_after_a_change(home: Home) -> None:
    # Shells go by its time.
    home.write("trust = 'own'\n")
    os.utime(home.file, (1, 1))
    home.set("trust", "ask")
    assert home.file.stat().st_mtime > 1


def test_a_full_disk_loses_nothing(home: Home) -> None:
    text = f"# {200 * 'x'}\ntrust = 'own'\n"
    home.write(text)
    ran = home.run("config", "set", "trust", "ask", limit=100)
    assert ran.returncode == 1
    assert ran.stderr.decode() == (
        f"venvhook: {home.file}: cannot be changed (File too large); it is as it was\n"
    )
    assert home.text() == text
    assert [path.name for path in home.file.parent.iterdir()] == ["config.toml"]


def test_a_file_may_not_become_too_large_to_be_read(home: Home) -> None:
    text = "#" * 65_530
    home.write(text)
    with pytest.raises(VenvhookError, match="would be larger than 65536 bytes; not changed"):
        home.set("trust", "ask")
    assert home.text() == text


def test_changes_at_the_same_time_are_all_kept(home: Home) -> None:
    changes = (
        *(("trust", "ask"), ("notice", "false"), ("names", "a"), ("auto_create", "ask")),
        *(("auto_install", "true"), ("backend", "uv"), ("guard", "true")),
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "venvhook", "config", "set", *change],
            env={**home.environ, "PYTHONPATH": str(CHECKOUT / "src")},
            stdout=subprocess.DEVNULL,
        )
        for change in changes
    ]
    assert [process.wait() for process in running] == [0] * len(changes)
    assert sorted(home.sources()) == sorted(name for name, _value in changes)


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_others_can_write_is_not_changed(home: Home, what: str) -> None:
    home.write("trust = 'own'\n")
    place = home.file if what == "file" else home.file.parent
    place.chmod(0o777)
    with pytest.raises(VenvhookError, match=f"{place}: others can write it"):
        home.set("trust", "all")
    assert home.text() == "trust = 'own'\n"


def test_what_is_no_file_is_not_changed(home: Home) -> None:
    home.file.mkdir(parents=True)
    with pytest.raises(VenvhookError, match="is a directory"):
        home.set("trust", "all")
    home.file.rmdir()
    home.file.parent.rmdir()
    home.file.parent.touch()
    with pytest.raises(VenvhookError, match="cannot be changed"):
        home.set("trust", "all")


def test_a_file_that_was_made_read_only_is_not_changed(home: Home) -> None:
    home.write("trust = 'own'\n")
    home.file.chmod(0o400)
    with pytest.raises(VenvhookError, match="is read-only"):
        home.set("trust", "all")
    assert home.text() == "trust = 'own'\n"


@pytest.mark.skipif(not IS_ROOT, reason="gives files away")
@pytest.mark.parametrize("what", ["home", "directory", "nothing"])
def test_root_changes_nothing_in_the_home_of_a_user(home: Home, what: str) -> None:
    if what != "nothing":
        home.write("trust = 'all'\n")
    os.chown(home.path, STRANGER, -1)
    environ = {}
    if what == "directory":
        os.chown(home.path, 0, -1)
        os.chown(home.file.parent, STRANGER, -1)
        environ["XDG_CONFIG_HOME"] = str(home.path / ".config")
    said = home.complains(1, "set", "trust", "ask", **environ)
    assert said == ("~/.config/venvhook: is another user's, so nothing is changed there; set HOME")
    assert home.complains(1, "unset", "trust", **environ) == said
    if what == "nothing":
        assert list(home.path.iterdir()) == []
        return
    assert home.text() == "trust = 'all'\n"
    lines = home.told(home.prints("list", **environ).splitlines())
    assert lines[0].split() == ["trust", "=", '"own"', "#", "default"]
    assert lines[-1] == "# ~/.config/venvhook/config.toml is another user's, and does not count"


# ---- In an editor --------------------------------------------------------------------------------


def test_without_a_terminal_there_is_no_editor(home: Home) -> None:
    said = home.complains(1, "edit", EDITOR="touch canary;")
    assert said == "an editor needs a terminal; use 'venvhook config set'"
    assert list(home.path.iterdir()) == []


def test_a_draft_does_not_undo_what_was_changed_meanwhile(home: Home) -> None:
    home.write("trust = 'own'\n")
    draft = Draft(home.environ)
    Path(os.fsdecode(draft.path)).write_text("trust = 'all'\n")
    home.set("notice", "false")
    with pytest.raises(
        VenvhookError, match="was changed meanwhile; what you wrote is in"
    ) as caught:
        draft.accept()
    assert home.text() == "trust = 'own'\nnotice = false\n"
    assert Path(str(caught.value).split()[-1]).read_text() == "trust = 'all'\n"
    draft.discard()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda copy: copy.unlink(), "No such file or directory; nothing was changed"),
        (lambda copy: copy.write_bytes(b"#" * 65_537), "is larger than 65536 bytes; nothing was"),
        (lambda copy: (copy.unlink(), copy.mkdir()), "is a directory; nothing was changed"),
    ],
)
def test_a_copy_that_cannot_be_read_is_told(
    home: Home, damage: Callable[[Path], object], expected: str
) -> None:
    draft = Draft(home.environ)
    copy = Path(os.fsdecode(draft.path))
    damage(copy)
    for look in (draft.is_unchanged, draft.accept):
        with pytest.raises(VenvhookError, match=f"{copy}: {expected}"):
            look()
    draft.discard()
    assert not copy.parent.exists()


def test_an_editor_may_write_the_copy_anew_with_any_mode(home: Home) -> None:
    draft = Draft(home.environ)
    copy = Path(os.fsdecode(draft.path))
    copy.unlink()
    copy.write_text("guard = true\n")
    copy.chmod(0o666)
    assert (draft.is_unchanged(), draft.mistake()) == (False, "")
    assert home.told([draft.accept()]) == ["changed ~/.config/venvhook/config.toml"]
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    assert not copy.parent.exists()


def test_the_template_sets_nothing_and_each_of_its_lines_the_default() -> None:
    text = template()
    assert tomllib.loads(text) == {}
    lines = [line for line in text.splitlines() if " = " in line]
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
    assert list(shown) == [row.name for row in SETTINGS]
    defaults = {row.name: text_of(row.default) for row in SETTINGS}
    assert lines == [f"# {name} = {value}" for name, value in defaults.items()]


# ---- Completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("get au", ["plain,auto_create", "plain,auto_create_under", "plain,auto_install"]),
        ("unset tr", ["plain,trust"]),
        ("set trust ", ["plain,own", "plain,ask", "plain,all"]),
        ("set trust a", ["plain,ask", "plain,all"]),
        ("set guard t", ["plain,true"]),
        ("set names .venv v", ["plain,venv"]),
        ("set auto_create_under ~/w", ["dir,~/w"]),
        ("set nonsense ", []),
        ("un", ["plain,unset"]),
    ],
)
def test_names_and_values_are_completed(home: Home, words: str, expected: list[str]) -> None:
    typed = f"venvhook config {words}"
    count = len(typed.split()) - (not typed.endswith(" "))
    asked = {"_VENVHOOK_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(count)}
    ran = home.run(environ=asked)
    assert ran.stderr == b""
    assert ran.stdout.decode().split() == expected


# ---- Lines ---------------------------------------------------------------------------------------

VALUES = (
    *("1", "'#'", '"="', '"""\nnames = 1\n[x]\n"""', "'''\n'''", '""', "''", '"\\""', '""""a"""""'),
    *("[1, [2, # ]\n 3]\n]", "{a = 1, 'b]' = [2]}", "true # = 1", "1979-05-27T07:32:00Z", "[\n]"),
)
KEYS = ("plain", '"quoted # key ="', "'literal'", "dotted.key", "'a'.\"b.c\"", "spaced . out", "-")
STATEMENTS = strategies.one_of(
    strategies.tuples(strategies.sampled_from(KEYS), strategies.sampled_from(VALUES)),
    strategies.sampled_from(["", "# x = 1", "  # [y]", "\t"]),
)


@given(strategies.lists(STATEMENTS, max_size=8), strategies.booleans())
def test_lines_are_those_of_the_keys(statements: list[str | tuple[str, str]], table: bool) -> None:
    text, line, expected = "", 1, {}
    seen = set()
    for statement in statements:
        if isinstance(statement, tuple):
            name = next(iter(tomllib.loads(f"{statement[0]} = 1")))
            if name in seen:
                continue
            seen.add(name)
            expected[name] = line
            statement = " = ".join(statement)
        text += statement + "\n"
        line = text.count("\n") + 1
    if table:
        text += "[ 'a table' ] # x\nplain = 1\n[[more]]"
        expected |= {"a table": line, "more": line + 2}
    assert set(tomllib.loads(text)) == set(expected)
    assert lines_of(text) == expected


def test_many_lines_take_no_longer_than_they_are_long() -> None:
    # 64 KiB as they come: a key a line, and one list of as many lines.
    keys = "".join(f"k{number} = 1\n" for number in range(6_000))
    assert lines_of(keys)["k5999"] == 6_000
    items = "a = [\n" + "1,\n" * 20_000 + "]\nb = 1\n"
    assert lines_of(items) == {"a": 1, "b": 20_003}
