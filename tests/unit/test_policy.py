"""The policy: what a shell knows without asking, kept beside the recipes, always newly named."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path

import pytest

from venvhook.binding import Binding, bind, unbind
from venvhook.decision import State
from venvhook.errors import UsageError
from venvhook.policy import STEM, respond
from venvhook.recipe import PROTOCOL

FILES = "pyproject.toml requirements.txt setup.py setup.cfg Pipfile uv.lock poetry.lock pdm.lock"


class Place:
    """A HOME in which the helper is asked for the policy."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {"HOME": str(home)}
        self.state = State(bytes(home / ".local/state/venvhook"))
        self.settings = home / ".config/venvhook/config.toml"
        self.cache = home / ".cache/venvhook" / PROTOCOL.decode()

    def set(self, text: str) -> None:
        """Write *text* into ``config.toml``."""
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(text)

    def words(self, protocol: bytes = PROTOCOL) -> list[str]:
        """Return the words of the policy for bash."""
        line = respond([protocol, b"bash"], self.environ)
        verb, *words = shlex.split(os.fsdecode(line))
        assert verb == "_venvhook_policy"
        return words


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty HOME."""
    return Place(tmp_path.resolve())


def test_by_default(place: Place) -> None:
    generation, *said = place.words()
    assert said[:5] == ["never", "", ".venv", "venv", "env"]
    assert said[5].startswith(FILES)
    assert said[6] == ""
    assert said[7:] == [str(place.settings.parent)]
    made = Path(generation).stat()
    assert made.st_size == 0
    assert all(made.st_mtime_ns > Path(witness).stat().st_mtime_ns for witness in said[7:])


def test_what_is_set_and_bound(place: Place) -> None:
    place.set(
        'auto_create = "ask"\nguard = true\nnames = ["py", ".venv"]\n'
        'project_files = ["a", "b.txt"]\n'
    )
    place.words()  # Makes the state directory.
    for name in ("one", "longer/two words"):
        root = bytes(place.home / name)
        Path(os.fsdecode(root)).mkdir(parents=True)
        bind(Binding(root, root, b"/env"), place.state)
    _, *said = place.words()
    assert said[:6] == ["ask", "1", "py", ".venv", "py", "a b.txt"]
    # The longest first: fish takes the first that fits.
    assert said[6] == f"\n{place.home}/longer/two words\n{place.home}/one\n"
    assert said[7:] == [str(place.settings.parent), str(place.settings)]


def test_variables_are_no_part_of_what_all_shells_read(place: Place) -> None:
    place.environ |= {
        "VENVHOOK_AUTO_CREATE": "always",
        "VENVHOOK_GUARD": "on",
        "VENVHOOK_NAMES": "x",
        "VENVHOOK_TRUST": "nonsense",
    }
    assert place.words()[1:4] == ["never", "", ".venv"]


def test_it_is_kept_with_one_generation(place: Place) -> None:
    first, second = place.words()[0], place.words()[0]
    assert first != second
    assert not Path(first).exists()
    assert Path(second).exists()
    kept = place.cache / f"{STEM.decode()}.sh"
    assert shlex.split(kept.read_text())[1] == second
    assert kept.stat().st_mode & 0o777 == 0o600


def test_it_goes_when_something_is_bound(place: Place) -> None:
    generation = Path(place.words()[0])
    bind(Binding(b"/a", b"/a", b"/env"), place.state)
    assert not generation.exists()
    generation = Path(place.words()[0])
    assert generation.exists()
    assert unbind(b"/a", place.state)
    assert not generation.exists()


def test_shells_of_different_caches_leave_each_other_alone(place: Place) -> None:
    one = Path(place.words()[0])
    place.environ["XDG_CACHE_HOME"] = str(place.home / "other")
    other = Path(place.words()[0])
    assert one.exists()
    assert other.exists()


def test_without_a_cache_nothing_is_kept(place: Place) -> None:
    (place.home / ".cache").touch()
    assert place.words()[:2] == ["", "never"]


def test_settings_that_are_not_understood_are_asked_for_each_time(place: Place) -> None:
    place.set("guard = 3\nauto_create = 'ask'\n")
    generation, *said = place.words()
    assert said[:2] == ["never", ""]
    witnesses = [Path(witness) for witness in said[7:]]
    made = Path(generation).stat().st_mtime_ns
    assert any(path.stat().st_mtime_ns >= made for path in witnesses)


def test_a_witness_of_the_future_is_waited_for_no_longer_than_once(place: Place) -> None:
    place.set("")
    later = time.time() + 3600
    os.utime(place.settings, (later, later))
    begun = time.monotonic()
    place.words()
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("words", [[], [PROTOCOL], [b"0", b"bash"], [PROTOCOL, b"tcsh"]])
def test_a_wrong_call_is_told(place: Place, words: list[bytes]) -> None:
    with pytest.raises(UsageError):
        respond(words, place.environ)


def test_a_shell_of_before_the_upgrade_is_answered(place: Place) -> None:
    assert place.words(b"2")[1] == "never"
