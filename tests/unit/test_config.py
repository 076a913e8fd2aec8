"""The settings: what the file and the variable may say, and what is said where they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from venvhook.config import Settings, explain_settings, parse_settings, read_settings
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
        assert line.startswith(f"{self.file}: ")
        assert "\n" not in line
        return line.removeprefix(f"{self.file}: ")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A HOME without settings."""
    return Place(tmp_path.resolve())


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
        assert settings.witnesses == (bytes(place.file),)
    assert values(explain_settings(place.environ)[0]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('trust = "none"', "trust must be 'own', 'ask' or 'all'"),
        ("trust = true", "trust must be 'own', 'ask' or 'all'"),
        ('trust = ["own"]', "trust must be 'own', 'ask' or 'all'"),
        ('trust = {own = "own"}', "trust must be 'own', 'ask' or 'all'"),
        ('notice = "no"', "notice must be true or false"),
        ("notice = 0", "notice must be true or false"),
        ('trsut = "own"', "no setting is called 'trsut'; there are notice and trust"),
        ('"\\u001b[31m" = 1', "no setting is called '\\x1b[31m'; there are notice and trust"),
        ("[venvhook]\ntrust = 'own'", "no setting is called 'venvhook'"),
        ("trust = own", "mend it"),
        ('trust = "own"\ntrust = "all"', "mend it"),
        (b'trust = "\xff"', "mend it"),
        (b"#" * 65_537, "is larger than 65536 bytes; mend or remove it"),
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
        patch.setattr("venvhook.config.parse_settings", lambda _: pytest.fail("read again"))
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


@pytest.mark.parametrize("text", [b"", b"1 2 3\nall\nnotice", b"\xff" * 70_000])
def test_a_damaged_copy_is_not_believed(place: Place, text: bytes) -> None:
    place.write('trust = "ask"')
    place.read()
    (place.state / "settings").write_bytes(text)
    assert values(place.read()) == ("ask", True)
    kept = (place.state / "settings").read_bytes()
    (place.state / "settings").write_bytes(kept.replace(b"\nask\n", b"\nnonsense\n"))
    assert values(place.read()) == ("ask", True)


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


def test_parsing_says_all_or_raises(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('notice = true\ntrust = "ask"')
    assert values(parse_settings(bytes(file))) == ("ask", True)
    with pytest.raises(VenvhookError, match="cannot be read"):
        parse_settings(bytes(tmp_path / "missing"))
