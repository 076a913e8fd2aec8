"""PATH belongs to the user: whatever he does to it, one entry comes and exactly that one goes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

WALKS = 1000
STEPS = 8
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def place(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with projects, one of them in another, and one that is refused."""
    for name in ("plain/deep", "app/src", "app/inner", "bad/.venv"):
        (home / name).mkdir(parents=True)
    for name in ("app", "app/inner", "other"):
        make_environment(home / name / ".venv")
    return home


# ---- Random walks, against a model ---------------------------------------------------------------


@dataclass
class Model:
    """What PATH has to be: its bytes, or None where it is unset."""

    path: bytes | None
    in_a_list: bool = False  # as in fish: then none are no entry, not an empty one
    environment: bytes | None = None
    was_unset: bool = False

    @property
    def entry(self) -> bytes:
        """The entry of the active environment."""
        return (self.environment or b"") + b"/bin"

    @property
    def entries(self) -> list[bytes]:
        """The entries of PATH."""
        if self.path is None or (self.in_a_list and not self.path):
            return []
        return self.path.split(b":")

    def go(self, environment: bytes | None) -> None:
        """Arrive where *environment* is to be active, or none."""
        if environment == self.environment:
            self.look()
            return
        if self.environment is not None:
            self._leave()
        if environment is not None:
            self.was_unset = self.path is None
            self.path = b":".join([environment + b"/bin", *self.entries])
        self.environment = environment

    def _leave(self) -> None:
        if self.was_unset and self.path == self.entry:
            self.path = None
        if self.path is not None:
            entries = self.entries
            if self.entry in entries:
                entries.remove(self.entry)
            self.path = b":".join(entries)

    def look(self) -> None:
        """A prompt where the same is active: shims do not stay before it."""
        entries = self.entries
        if self.environment is None or self.entry not in entries:
            return
        before = entries[: entries.index(self.entry)]
        shims = [number for number, entry in enumerate(before) if entry.endswith(b"/shims")]
        if shims:
            entries.remove(self.entry)
            entries.insert(shims[0], self.entry)
            self.path = b":".join(entries)


@dataclass
class Walk:
    """Steps of one walk as lines of *shell*, and what PATH is to be after each."""

    shell: Shell
    home: Path
    dice: random.Random
    model: Model
    lines: list[bytes] = field(default_factory=list)
    expected: list[bytes | None] = field(default_factory=list)

    def take(self) -> None:
        """Take all steps, and come back to HOME."""
        for _ in range(self.dice.randrange(2, STEPS)):
            if self.dice.random() < 0.5:
                self._cd(self.dice.choice(list(PLACES)))
            else:
                self._edit()
        self._cd("")

    def _cd(self, name: str) -> None:
        directory = bytes(self.home) if not name else bytes(self.home / name)
        self.lines.append(b"builtin cd " + self.shell.quote(directory))
        active = PLACES.get(name)
        self._look(None if active is None else bytes(self.home / active))

    def _edit(self) -> None:
        self.model.path = edited(self.model, self.dice, list(self._pool()))
        self.lines.append(assignment(self.shell, self.model.path))
        self._look(self.model.environment)

    def _look(self, environment: bytes | None) -> None:
        self.model.go(environment)
        self.lines.append(LOOK[self.shell.name])
        self.expected.append(self.model.path)

    def _pool(self) -> Iterator[bytes]:
        own = bytes(self.home / "app/.venv/bin")
        yield from (own, own + b"/", own + b"x", b"x" + own, own[1:], own.upper())
        yield from (bytes(self.home / "other/.venv/bin"), bytes(self.home / "app/inner/.venv/bin"))
        yield from (b"/usr/bin", b"/bin", b"/usr/local/bin", b".", b"relative/bin", b"~/bin")
        yield from (b"/a b", b"/*", b"/[a-z]?", b"/back\\slash", b"/$HOME`x`$(y)", b"/'\"", b"-e")
        yield from (b"/new\nline", b"/end\n", b"\xe9\xff", "/ä€".encode(), b"/x/shims", b"/shims")
        if self.shell.name != "fish":  # which makes it a dot
            yield b""


# Where to go, and what is active there. In HOME a walk begins and ends.
PLACES: dict[str, str | None] = {
    "plain": None,
    "plain/deep": None,
    "bad": None,
    "app": "app/.venv",
    "app/src": "app/.venv",
    "app/inner": "app/inner/.venv",
    "other": "other/.venv",
}
# What a prompt does, and what notes PATH; zsh and fish see a change of directory on their own.
LOOK = {
    "bash": b"_venvhook_hook; note",
    "zsh": b"_venvhook_hook; note",
    "fish": b"_venvhook_prompt; note",
}
NOTE = {
    "bash": b"note() { printf '%s\\0' \"${PATH+s}${PATH-u}\"; }",
    "zsh": b"note() { printf '%s\\0' \"${PATH+s}${PATH-u}\"; }",
    "fish": b"function note; set -q PATH; and printf 's%s\\0' \"$PATH\"; or printf 'u\\0'; end",
}


def edited(model: Model, dice: random.Random, pool: list[bytes]) -> bytes | None:
    """Return what the user makes of PATH."""
    if model.path is None:
        return b":".join(dice.choices(pool, k=2))
    entries = model.entries
    kind = dice.randrange(12)
    at = dice.randrange(len(entries) + 1)
    if kind == 0:
        return None
    if kind == 1:
        return b""
    if kind == 2:
        return b":".join(dice.choices(pool, k=dice.randrange(1, 5)))
    if kind in (3, 4):
        dice.shuffle(entries)
    elif kind in (5, 6) and len(entries) > 1:
        entries.remove(dice.choice(entries))
    elif kind == 7:
        entries.insert(at, model.entry)
    elif kind == 8 and model.entry in entries:
        entries.insert(entries.index(model.entry) + 1, dice.choice(pool))
    else:
        entries.insert(dice.choice((0, at, len(entries))), dice.choice(pool))
    return b":".join(entries)


def assignment(shell: Shell, path: bytes | None) -> bytes:
    """Return the line that makes PATH *path*."""
    if shell.name != "fish":
        return b"unset PATH" if path is None else b"export PATH=" + shell.quote(path)
    if path is None:
        return b"set -e PATH"
    # fish has a list, and no entry is not one empty entry.
    words = [shell.quote(entry) for entry in path.split(b":")] if path else []
    return b"set -gx PATH " + b" ".join(words)


def test_over_many_random_walks_exactly_the_own_entry_comes_and_goes(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    for name in PLACES:
        terminal.cd(place / name)
    terminal.cd(place)
    terminal.run_file(NOTE[shell.name])
    log = place / "log"
    # Other walks each time, but where a failure would stop others; a failure names the seed, by
    # which it comes again.
    start = 0 if "CI" in os.environ else random.randrange(10**9)
    for batch in range(0, WALKS, 100):
        walks = [walk(shell, place, start + batch + number) for number in range(100)]
        text = b"\n".join(line for one in walks for line in one.lines)
        block = b"begin\n%s\nend" if shell.name == "fish" else b"{\n%s\n}"
        printed = terminal.run_file(block % text + b" > " + shell.quote(bytes(log)))
        assert printed == ""
        found = [note[1:] if note[:1] == b"s" else None for note in log.read_bytes().split(b"\0")]
        for number, one in enumerate(walks):
            there, found = found[: len(one.expected)], found[len(one.expected) :]
            assert there == one.expected, (start + batch + number, one.lines)


def walk(shell: Shell, home: Path, seed: int) -> Walk:
    """Return the walk of *seed*."""
    taken = Walk(shell, home, random.Random(seed), Model(SYSTEM.encode(), shell.name == "fish"))
    # Each begins with a PATH of its own.
    taken.lines.append(assignment(shell, taken.model.path))
    taken.take()
    return taken


# ---- By the shell's own means --------------------------------------------------------------------

# What is typed while the environment is active; what is before its entry then, and behind it, where
# the system's entries are {}, and what is left when it is not. One list for each shell.
EDITS = {
    "bash": [
        ("PATH+=:/x", "", "{}:/x", "{}:/x"),
        ("PATH=/x:$PATH", "/x:", "{}", "/x:{}"),
        ("PATH=${PATH/:/:/x:}", "", "/x:{}", "/x:{}"),
        ("PATH=${PATH//:\\/bin/}", "", "/usr/local/bin:/usr/bin", "/usr/local/bin:/usr/bin"),
        ("typeset -x PATH=$PATH:$VIRTUAL_ENV/bin", "", "{}:{e}/bin", "{}:{e}/bin"),
        ("PATH=$VIRTUAL_ENV/bin:$PATH", "", "{e}/bin:{}", "{e}/bin:{}"),
        ("PATH=$PATH:", "", "{}:", "{}:"),
        ("PATH=:$PATH", ":", "{}", ":{}"),
        ("PATH=$PATH::/x", "", "{}::/x", "{}::/x"),
        ("hash -r; PATH=$PATH", "", "{}", "{}"),
    ],
    "zsh": [
        ("path+=(/x)", "", "{}:/x", "{}:/x"),
        ("path=(/x $path)", "/x:", "{}", "/x:{}"),
        ("path[2,0]=(/x)", "", "/x:{}", "/x:{}"),
        ("path=(${path:#/bin})", "", "/usr/local/bin:/usr/bin", "/usr/local/bin:/usr/bin"),
        ("typeset -x PATH=$PATH:$VIRTUAL_ENV/bin", "", "{}:{e}/bin", "{}:{e}/bin"),
        ("path=('' $path '')", ":", "{}:", ":{}:"),
        ("typeset -T PATH path; path+=(/y)", "", "{}:/y", "{}:/y"),
        ("typeset -T MINE mine; mine=(/x); path+=($mine)", "", "{}:/x", "{}:/x"),
        ("rehash; hash -d x=/x; path=(${path})", "", "{}", "{}"),
    ],
    "fish": [
        ("set -a PATH /x", "", "{}:/x", "{}:/x"),
        ("set -p PATH /x", "/x:", "{}", "/x:{}"),
        ("set PATH $PATH[1] /x $PATH[2..]", "", "/x:{}", "/x:{}"),
        ("set -e PATH[-1]", "", "/usr/local/bin:/usr/bin", "/usr/local/bin:/usr/bin"),
        ("set -gx PATH $PATH $VIRTUAL_ENV/bin", "", "{}:{e}/bin", "{}:{e}/bin"),
        ("fish_add_path --path --append /tmp > /dev/null", "", "{}:/tmp", "{}:/tmp"),
        ("fish_add_path --path /tmp > /dev/null", "/tmp:", "{}", "/tmp:{}"),
        ("set PATH $PATH .", "", "{}:.", "{}:."),
    ],
}  # fmt: skip


def test_edits_by_the_shells_own_means_stay(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    app = f"{place}/app/.venv"
    terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    for line, before, behind, left in EDITS[shell.name]:
        terminal.run_file(assignment(shell, SYSTEM.encode()))
        terminal.run("cd app")
        assert terminal.run(line) == ""
        inside, outside = (
            text.replace("{}", SYSTEM).replace("{e}", app)
            for text in (f"{before}{app}/bin:{behind}", left)
        )
        for _prompt in range(2):
            assert terminal.value("PATH") == inside.encode(), line
        terminal.run("cd src")
        assert terminal.value("PATH") == inside.encode(), line
        terminal.cd(place)
        assert terminal.value("PATH") == outside.encode(), line


# ---- zsh: typeset -U -----------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "inside"])
@pytest.mark.parametrize(
    "path",
    [SYSTEM, "{e}:{s}", "{s}:{e}", "/usr/bin:{e}:/bin", "{e}", "::{e}", "/a b:{e}:/*"],
)
def test_a_unique_path_keeps_an_entry_of_the_users_own(
    zsh: Shell, when: str, path: str, place: Path, open_terminal: OpenTerminal
) -> None:
    entry = f"{place}/app/.venv/bin"
    own = path.replace("{e}", entry).replace("{s}", SYSTEM)
    terminal = open_terminal(zsh)
    unique = "typeset -U path PATH"
    if when == "before":
        terminal.run(unique)
    terminal.run_file(f"PATH={zsh.word(own)}")
    own = os.fsdecode(terminal.value("PATH") or b"")
    for _visit in range(2):
        terminal.run("cd app")
        if when == "inside":
            terminal.run(unique)
        assert terminal.path[0] == entry
        assert terminal.path.count(entry) == 1
        terminal.run("cd ../other")
        terminal.run("cd ..")
        # zsh itself keeps one of several empty entries.
        expected = dict.fromkeys(own.split(":")) if when == "inside" else own.split(":")
        assert terminal.path == list(expected)


def test_a_unique_path_is_edited_like_another(
    zsh: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    entry = f"{place}/app/.venv/bin"
    terminal = open_terminal(zsh, environ={"PATH": SYSTEM})
    terminal.run("typeset -U path")
    terminal.run("cd app")
    terminal.run("path+=(/x /bin); path=(/y $path)")
    assert terminal.value("PATH") == f"/y:{entry}:{SYSTEM}:/x".encode()
    terminal.run("cd ..")
    assert terminal.value("PATH") == f"/y:{SYSTEM}:/x".encode()
    assert "unique" in terminal.run("print ${(t)path}")


# ---- fish: fish_user_paths -----------------------------------------------------------------------


def test_what_fish_puts_first_in_every_shell_does_not_stand_before_the_environment(
    fish: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    for name in ("one", "two", "three"):
        (place / name).mkdir()
    first, second = (open_terminal(fish, environ={"PATH": SYSTEM}) for _ in range(2))
    entry = f"{place}/app/.venv/bin"
    first.run("fish_add_path ~/one")
    second.run("true")
    first.run("cd app")
    second.run("cd app")
    own = f"{place}/one:{SYSTEM}"
    assert first.value("PATH") == second.value("PATH") == f"{entry}:{own}".encode()
    # In this shell, and in the other by the universal variable.
    first.run("fish_add_path ~/two")
    own = f"{place}/two:{own}"
    for terminal in (first, second):
        terminal.run("true")
        assert terminal.value("PATH") == f"{entry}:{own}".encode()
    # Behind it, and at the same time before it by hand.
    first.run("fish_add_path --append ~/three; set -p PATH /x")
    own = f"{place}/two:{place}/one:{place}/three:{SYSTEM}"
    assert first.value("PATH") == f"/x:{entry}:{own}".encode()
    first.run("cd ..")
    assert first.value("PATH") == f"/x:{own}".encode()
    second.run("cd ..")
    assert second.value("PATH") == own.encode()
    second.run("set -e fish_user_paths")
    assert second.value("PATH") == SYSTEM.encode()


# ---- Shims, and rc files that are read again -----------------------------------------------------

# What pyenv, asdf, mise and Homebrew put into rc files: they take an entry out and put it first.
TOOLS = ("~/.pyenv/shims", "~/.asdf/shims", "~/.local/share/mise/shims", "/opt/homebrew/bin")


def tool_line(shell: Shell, directory: str) -> str:
    """Return the rc line of the tool whose programs are in *directory*."""
    if shell.name == "fish":
        return f"set -gx PATH {directory} (string match -v -- {directory} $PATH)"
    if shell.name == "zsh":
        return f"d={directory}; path=($d ${{path:#$d}}); unset d"
    taken_out = '$(printf %s ":$PATH:" | sed "s|:$d:|:|; s/^://; s/:$//")'
    return f'd={directory}; PATH="$d:{taken_out}"; unset d'


@pytest.mark.parametrize("position", ["before", "after"])
def test_the_environment_is_before_shims_when_a_shell_starts(
    shell: Shell, position: str, place: Path, open_terminal: OpenTerminal
) -> None:
    lines = "\n".join(tool_line(shell, directory) for directory in TOOLS)
    terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    load = shell.load_line(terminal.command)
    texts = (lines, load) if position == "before" else (load, lines)
    terminal.rc_file.write_text("\n".join((shell.prelude, *texts, "")))
    terminal.restart(place / "app")
    entry = f"{place}/app/.venv/bin"
    own = [tool.replace("~", str(place)) for tool in reversed(TOOLS)] + SYSTEM.split(":")
    assert terminal.path == [entry, *own]
    # The rc file once more, as after an edit of it.
    terminal.run("cd src")
    assert terminal.run(shell.source % shell.word(terminal.rc_file)) == ""
    for _prompt in range(2):
        assert terminal.path == [entry, *own]
    assert terminal.prompt == "(app) "
    assert terminal.environment == f"{place}/app/.venv"
    terminal.cd(place)
    assert terminal.path == own


def test_shims_do_not_come_before_the_environment_while_it_is_active(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    entry = f"{place}/app/.venv/bin"
    terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    terminal.run("cd app")
    shims: list[str] = []
    for directory in TOOLS[:3]:
        line = tool_line(shell, directory)
        assert terminal.run_file(line) == ""
        shims = [directory.replace("~", str(place)), *shims]
        for _prompt in range(2):
            assert terminal.path == [entry, *shims, *SYSTEM.split(":")]
    # What the user puts first by hand is before both, also when shims come again.
    front = "set -p PATH /x" if shell.name == "fish" else "PATH=/x:$PATH"
    terminal.run(front)
    terminal.run("true")
    assert terminal.path == ["/x", entry, *shims, *SYSTEM.split(":")]
    terminal.run(f"{tool_line(shell, TOOLS[0])}; cd src")
    terminal.run("true")
    rest = [one for one in shims if ".pyenv" not in one]
    again = [f"{place}/.pyenv/shims", "/x", *rest]
    assert terminal.path == [entry, *again, *SYSTEM.split(":")]
    terminal.cd(place)
    assert terminal.path == [*again, *SYSTEM.split(":")]
    # Outside they are first, where their tool puts them.
    terminal.run_file(tool_line(shell, TOOLS[1]))
    assert terminal.path[0] == f"{place}/.asdf/shims"


def test_an_entry_put_first_by_hand_stays_first(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    """As long as its name says nothing of shims, and the rc file is not read again."""
    entry = f"{place}/app/.venv/bin"
    terminal: Terminal = open_terminal(shell, environ={"PATH": SYSTEM})
    terminal.run("cd app")
    terminal.run_file(tool_line(shell, "/opt/homebrew/bin"))
    for step in ("true", "cd src", "cd ..", "true"):
        terminal.run(step)
        assert terminal.path == ["/opt/homebrew/bin", entry, *SYSTEM.split(":")]
    terminal.run("cd ../other")
    assert terminal.path[:2] == [f"{place}/other/.venv/bin", "/opt/homebrew/bin"]
    terminal.run("cd ../app")
    assert terminal.path == [entry, "/opt/homebrew/bin", *SYSTEM.split(":")]
