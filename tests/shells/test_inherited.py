"""Shells started from shells: what is active is taken over, replaced or given back, never twice."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import permutations, product
from pathlib import Path

import pytest

from checkout import IS_ROOT, go_without
from environments import EnvironmentMaker
from terminal import SHELLS, OpenTerminal, Shell, Terminal

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE")
POSIX_SHELLS = ("bash", "zsh", "fish")
NEXT = {"bash": "zsh", "zsh": "fish", "fish": "bash"}
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
# What a terminal multiplexer, an editor or a launcher does: go somewhere, then start a shell there.
ELSEWHERE = ("sh", "-c", 'cd "$0" && exec "$@"')


@pytest.fixture
def place(home: Path, make_environment: EnvironmentMaker) -> Path:
    """HOME with the projects ``app`` and ``other``, one that is refused, and all shells set up."""
    for name in ("app/src", "plain", "bad/.venv"):
        (home / name).mkdir(parents=True)
    for name in ("app", "other"):
        make_environment(home / name / ".venv")
    return home


@pytest.fixture
def open_first(place: Path, open_terminal: OpenTerminal) -> OpenFirst:
    """What opens a terminal in ``place``, after writing the rc files of all shells."""
    return OpenFirst(place, open_terminal)


class OpenFirst:
    """Opens terminals in *home* whose shells all load venvhook."""

    def __init__(self, home: Path, open_terminal: OpenTerminal) -> None:
        self.home = home
        self._open_terminal = open_terminal

    def __call__(
        self,
        shell: Shell,
        directory: str = "",
        environ: Mapping[str, str | bytes | None] | None = None,
    ) -> Terminal:
        """Return a terminal in *directory* of HOME."""
        values: dict[str, str | bytes | None] = {"PATH": SYSTEM, **(environ or {})}
        terminal = self._open_terminal(shell, None, self.home / directory, values)
        for row in (SHELLS[name] for name in POSIX_SHELLS):
            write_rc(self.home, row, terminal.command)
        return terminal


def write_rc(home: Path, row: Shell, command: str, before: str = "", after: str = "") -> None:
    """Let *row* load venvhook, with lines *before* and *after* that."""
    file = home / row.rc_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([row.prelude, before, row.load_line(command), after, ""]))


def need(name: str) -> Shell:
    """Return the row of the shell *name*."""
    row = SHELLS[name]
    if row.path is None:
        go_without(name)
    return row


def expect(terminal: Terminal, environment: Path | None, path: str = SYSTEM) -> None:
    """Let *environment*, or none, be active in all that shows it, with *path* behind its entry."""
    found = terminal.values(*TOUCHED)
    if environment is None:
        assert found == dict(zip(TOUCHED, (path.encode(), None, None, None), strict=True))
        assert terminal.prompt == ""
        assert "deactivate" not in terminal.run(DEFINED[terminal.shell.name])
    else:
        name = environment.parent.name.encode()
        assert found["PATH"] == os.fsencode(f"{environment}/bin:{path}")
        assert found["VIRTUAL_ENV"] == found["VENVHOOK_ACTIVE"] == bytes(environment)
        assert found["VIRTUAL_ENV_PROMPT"] == name
        assert terminal.prompt == f"({name.decode()}) "
        assert terminal.which("python") == f"{environment}/bin/python"


DEFINED = {
    "bash": "declare -F deactivate || :",
    "zsh": "print -r -- ${functions[deactivate]+deactivate}",
    "fish": "functions -q deactivate; and echo deactivate; true",
}


def leave_shell(terminal: Terminal, parent: Shell) -> None:
    """End the shell, and be in its *parent* again."""
    terminal.run("exit")
    terminal.shell = parent


# ---- Shells in shells ----------------------------------------------------------------------------


@pytest.mark.parametrize("names", list(permutations(POSIX_SHELLS)), ids="-".join)
def test_shells_in_shells_are_each_right_for_their_directory(
    names: tuple[str, ...], open_first: OpenFirst
) -> None:
    rows = [need(name) for name in names]
    home = open_first.home
    app, other = home / "app/.venv", home / "other/.venv"
    terminal = open_first(rows[0], "app")
    expect(terminal, app)
    # The same directory, then one shell deeper in another, then outside.
    terminal.start(rows[1])
    expect(terminal, app)
    terminal.cd(home / "other")
    expect(terminal, other)
    terminal.start(rows[2])
    expect(terminal, other)
    assert terminal.run("deactivate") == ""
    expect(terminal, None)
    terminal.cd(home)
    expect(terminal, None)
    terminal.cd("app/src")
    expect(terminal, app)
    terminal.become(rows[0])
    expect(terminal, app)
    leave_shell(terminal, rows[1])
    expect(terminal, other)
    terminal.become(rows[2])
    expect(terminal, other)
    terminal.cd(home)
    expect(terminal, None)
    leave_shell(terminal, rows[0])
    expect(terminal, app)
    terminal.cd(home)
    expect(terminal, None)


def test_a_shell_started_elsewhere_is_right_there(shell: Shell, open_first: OpenFirst) -> None:
    """As by an editor that was started from an active shell: its terminals stand anywhere."""
    row, home = need(NEXT[shell.name]), open_first.home
    app, other = home / "app/.venv", home / "other/.venv"
    terminal = open_first(shell, "app")
    for directory, environment in (("app/src", app), ("other", other), ("plain", None)):
        printed = terminal.start(row, *ELSEWHERE, str(home / directory))
        assert printed == ""
        expect(terminal, environment)
        terminal.cd(home / "other")
        expect(terminal, other)
        leave_shell(terminal, shell)
        expect(terminal, app)
    assert "venvhook: " in terminal.start(row, *ELSEWHERE, str(home / "bad"))
    expect(terminal, None)
    leave_shell(terminal, shell)
    # The environment is gone by the time the shell is started.
    gone = home / "gone"
    (home / "app").rename(gone)
    printed = terminal.start(row, *ELSEWHERE, str(home / "plain"))
    assert printed == ""
    expect(terminal, None)


def test_a_shell_that_runs_one_command_has_what_its_parent_has(
    shell: Shell, open_first: OpenFirst
) -> None:
    """``bash -ic`` reads the rc file and has no prompt; so do editors ask for variables."""
    home = open_first.home
    terminal = open_first(shell, "app")
    before = terminal.child_environment()
    file = home / "environ"
    for name, option in product(POSIX_SHELLS, ("-ic", "-lic", "-c")):
        words = shlex.join([need(name).path or "", option, f"env -0 > {file}"])
        assert terminal.run(f"{words} 2>&1") == ""
        entries = (entry.partition(b"=") for entry in file.read_bytes().split(b"\0") if entry)
        found = {name: value for name, _, value in entries}
        for key in (b"VIRTUAL_ENV", b"VIRTUAL_ENV_PROMPT", b"VENVHOOK_ACTIVE"):
            assert found.get(key) == before[key], (name, option)
        if option != "-lic":  # /etc/profile may set another
            assert found[b"PATH"] == before[b"PATH"], (name, option)


# ---- Profiles ------------------------------------------------------------------------------------

# What a profile does to PATH; {} is what was there. The second is what macOS's path_helper does: it
# sorts the system's entries to the front.
PROFILES = ("/x:{}", "/usr/local/bin:/usr/bin:/bin:{}", "/x:/usr/bin:/bin")
POSITIONS = ("profile", "before", "after", "after a cd", "last")


def assign_path(row: Shell, value: str) -> str:
    """Return the line that gives PATH the *value*, in which {} is PATH."""
    if row.name == "fish":
        return "set -gx PATH " + value.replace("{}", "$PATH").replace(":", " ")
    return f'export PATH="{value.replace("{}", "$PATH")}"'


def write_profile(home: Path, row: Shell, command: str, position: str, line: str) -> None:
    """Put *line* where a login shell reads it: at *position* of POSITIONS."""
    before = line if position == "before" else ""
    after = line if position == "after" else ""
    if position == "after a cd":
        after = f"cd {home}/plain\ncd {home}/app\n{line}"
    files = {
        "bash": (".bash_profile", ".bash_profile"),
        "zsh": (".zprofile", ".zlogin"),
        "fish": (".config/fish/conf.d/a.fish", ".config/fish/config.fish"),
    }[row.name]
    first = line if position == "profile" else ""
    last = line if position == "last" else ""
    if row.name == "bash":
        (home / files[0]).write_text(f"{first}\n. ~/.bashrc\n{last}\n")
    elif row.name == "zsh":
        (home / files[0]).write_text(f"{first}\n")
        (home / files[1]).write_text(f"{last}\n")
    else:
        (home / files[0]).parent.mkdir(parents=True, exist_ok=True)
        (home / files[0]).write_text(f"{first}\n")
        after += f"\n{last}"
    write_rc(home, row, command, before, after)


def test_a_login_shell_whose_profile_edits_path_ends_with_the_environment_first(
    shell: Shell, open_first: OpenFirst
) -> None:
    home = open_first.home
    app = home / "app/.venv"
    terminal = open_first(shell, "app")
    for position, edit in product(POSITIONS, PROFILES):
        write_profile(home, shell, terminal.command, position, assign_path(shell, edit))
        assert terminal.start(shell, login=True) == ""
        first, *rest = terminal.path
        assert first == f"{app}/bin", (position, edit)
        assert f"{app}/bin" not in rest, (position, edit)
        assert "/x" in rest or "/x" not in edit
        assert terminal.which("python") == f"{app}/bin/python"
        assert terminal.prompt == "(app) "
        terminal.cd(home)
        assert f"{app}/bin" not in terminal.path
        assert terminal.environment is None
        leave_shell(terminal, shell)
    expect(terminal, app)


# ---- What else shells hand on --------------------------------------------------------------------


def take_over_prompts(home: Path) -> None:
    """Let the rc files leave the prompt that is handed on, also where /etc/bash.bashrc does not."""
    for name in ("bash", "zsh"):
        file = home / SHELLS[name].rc_file
        file.write_text(file.read_text().replace("PS1='ready> '", "PS1=${HANDED-$PS1}"))


@pytest.mark.parametrize(
    "names",
    [("bash", "bash"), ("bash", "fish", "bash"), ("zsh", "zsh"), ("zsh", "bash", "zsh")],
    ids="-".join,
)
def test_an_exported_prompt_is_not_doubled(
    names: tuple[str, ...], open_first: OpenFirst, make_environment: EnvironmentMaker
) -> None:
    home = open_first.home
    rows = [need(shell) for shell in names]
    # Each shell writes these characters in its own way.
    special = ("$(echo x)`y`\\!",) if len(names) == 2 else ()
    for number, name in enumerate(("app", "a%b", *special)):
        make_environment(home / f"{number}/.venv", prompt=name)
        terminal = open_first(rows[0])
        take_over_prompts(home)
        terminal.run("export PS1='x ready> '")
        if names[0] == "zsh":
            terminal.run("export PROMPT; setopt prompt_subst")
        plain = terminal.value("PS1")
        terminal.cd(home / str(number))
        for row in rows[1:]:
            inside = terminal.prompt
            if terminal.shell.name != "fish":
                terminal.run('export HANDED="$PS1"')
            terminal.start(row)
            terminal.run("true")
            if row.name != "fish":
                assert terminal.prompt.count("(") == inside.count("("), terminal.prompt
        terminal.cd(home)
        assert terminal.value("PS1") == plain
        assert terminal.prompt == "x "


@pytest.mark.parametrize("child", POSIX_SHELLS)
def test_an_edited_exported_prompt_loses_the_name_too(child: str, open_first: OpenFirst) -> None:
    row, bash = need(child), need("bash")
    terminal = open_first(bash, "app")
    take_over_prompts(open_first.home)
    terminal.run('export PS1="[mine] $PS1"; export HANDED=$PS1')
    terminal.start(row, *ELSEWHERE, str(open_first.home))
    assert terminal.value("PS1") == b"[mine] ready> "
    assert terminal.value("PATH") == SYSTEM.encode()


# What a shell inherits, the directory it starts in, what is to be active there, and what is on PATH
# before the system's entries, as before those that are inherited; {} is HOME.
APP, OURS = "{}/app/.venv", "{}/app/.venv/bin:"
INHERITED: dict[str, tuple[dict[str, str], str, str, str]] = {
    "another set on top": (
        {"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV": "{}/hand", "PATH": f"{{}}/hand/bin:{OURS}"},
        *("app", "{}/hand", "{}/hand/bin:"),
    ),
    "taken away on top": (
        {"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV_PROMPT": "app", "PATH": OURS},
        *("plain", "", ""),
    ),
    "emptied on top": (
        {"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV": "", "PATH": f"/x:{OURS}"},
        *("app", APP, f"{OURS}/x:"),
    ),
    "gone": (
        {"VENVHOOK_ACTIVE": "{}/gone", "VIRTUAL_ENV": "{}/gone", "PATH": "{}/gone/bin:"},
        *("plain", "", ""),
    ),
    "gone, in a project": (
        {"VENVHOOK_ACTIVE": "{}/gone", "VIRTUAL_ENV": "{}/gone", "PATH": "/x:{}/gone/bin:"},
        *("app", APP, f"{OURS}/x:"),
    ),
    "without its entry": ({"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV": APP}, "app", APP, OURS),
    "not in front": (
        {"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV": APP, "PATH": f"/x:{OURS}"},
        *("app", APP, f"{OURS}/x:"),
    ),
    "no more than that": ({"VENVHOOK_ACTIVE": APP}, "plain", "", ""),
    "empty": ({"VENVHOOK_ACTIVE": "", "VIRTUAL_ENV": ""}, "app", APP, OURS),
    "by hand": (
        {"VIRTUAL_ENV": "{}/hand", "VIRTUAL_ENV_PROMPT": "hand", "PATH": "{}/hand/bin:"},
        *("app", "{}/hand", "{}/hand/bin:"),
    ),
    "a name alone": ({"VIRTUAL_ENV_PROMPT": "mine"}, "app", APP, OURS),
    "switched off": (
        {"VENVHOOK_ACTIVE": APP, "VIRTUAL_ENV": APP, "VENVHOOK_OFF": "1", "PATH": OURS},
        *("app", "", ""),
    ),
}


def test_what_is_inherited_in_parts_ends_right(
    shell: Shell, place: Path, open_terminal: OpenTerminal
) -> None:
    for case, (variables, directory, active, behind) in INHERITED.items():
        environ = {key: value.replace("{}", str(place)) for key, value in variables.items()}
        before = environ["PATH"] = environ.get("PATH", "") + SYSTEM
        path = behind.replace("{}", str(place)) + SYSTEM
        terminal = open_terminal(shell, None, place / directory, environ)
        assert terminal.greeting == "", case
        for _prompt in range(2):
            found = terminal.values(*TOUCHED)
            assert (found["VIRTUAL_ENV"] or b"") == os.fsencode(active.replace("{}", str(place))), (
                case
            )
            assert found["PATH"] == path.encode(), case
        by_hand = "hand" in active
        assert (found["VENVHOOK_ACTIVE"] is None) == (by_hand or not active), case
        terminal.cd(place)
        found = terminal.values(*TOUCHED)
        if by_hand:
            assert found["PATH"] == path.encode()
        else:
            assert not found["VIRTUAL_ENV"], case
            for name in ("app/.venv", "gone"):
                before = before.replace(f"{place}/{name}/bin:", "")
            assert found["PATH"] == before.encode(), case
        terminal.close()


def test_what_was_activated_by_hand_is_the_childs_until_it_is_unset(
    shell: Shell, open_first: OpenFirst, make_environment: EnvironmentMaker
) -> None:
    """A child has no ``deactivate`` of a stock script: its variables are all that it inherits."""
    home = open_first.home
    hand = make_environment(home / "hand")
    terminal = open_first(shell)
    script = "activate.fish" if shell.name == "fish" else "activate"
    terminal.run(shell.source % shell.word(hand / "bin" / script))
    terminal.start(shell)
    for step in ("app", "src", "../../other", ".."):
        terminal.run(f"cd {step}")
        assert terminal.environment == str(hand)
        assert terminal.path == [f"{hand}/bin", *SYSTEM.split(":")]
    terminal.run("set -e VIRTUAL_ENV" if shell.name == "fish" else "unset VIRTUAL_ENV")
    terminal.run("cd other")
    assert terminal.environment == str(home / "other/.venv")


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_all_variables_exported_do_not_confuse_a_child(name: str, open_first: OpenFirst) -> None:
    row = need(name)
    app = open_first.home / "app/.venv"
    terminal = open_first(row)
    terminal.run("set -a")
    load = row.load_line(terminal.command)
    terminal.run(load)
    terminal.run("cd app")
    expect(terminal, app)
    # The process number stays, and all that is known is in the environment.
    terminal.become(row)
    expect(terminal, app)
    assert terminal.run("deactivate") == ""
    expect(terminal, None)
    terminal.run("cd ..")
    expect(terminal, None)
    terminal.run("cd app")
    expect(terminal, app)


def test_a_unique_path_is_handed_on(zsh: Shell, open_first: OpenFirst) -> None:
    home = open_first.home
    terminal = open_first(zsh)
    terminal.run("typeset -U path PATH")
    terminal.run("cd app")
    for name in POSIX_SHELLS:
        terminal.start(need(name))
        expect(terminal, home / "app/.venv")
        terminal.cd(home)
        expect(terminal, None)
        leave_shell(terminal, zsh)
        expect(terminal, home / "app/.venv")


def test_the_guard_is_handed_on(shell: Shell, open_first: OpenFirst) -> None:
    row, home = need(NEXT[shell.name]), open_first.home
    names = ("PIP_REQUIRE_VIRTUALENV", "VENVHOOK_GUARDED")
    terminal = open_first(shell, environ={"VENVHOOK_GUARD": "1"})
    outside = terminal.values(*names)
    assert outside == dict(zip(names, (b"1", b"unset"), strict=True))
    terminal.start(row, *ELSEWHERE, str(home / "app"))
    assert terminal.values(*names) == dict.fromkeys(names)
    terminal.start(shell, *ELSEWHERE, str(home))
    assert terminal.values(*names) == outside
    terminal.start(row, "env", "-u", "VENVHOOK_GUARD")
    assert terminal.values(*names) == dict.fromkeys(names)


# ---- Other accounts, multiplexers ----------------------------------------------------------------


def test_su_hands_on_and_su_with_a_dash_does_not(shell: Shell, open_first: OpenFirst) -> None:
    if not IS_ROOT:
        pytest.skip("su asks everybody but root for a password")
    row, home = need(NEXT[shell.name]), open_first.home
    app = home / "app/.venv"
    terminal = open_first(shell, "app")
    # With HOME, as its -m does; else the rc files would be another's.
    inner = ("su", "-m", "-s", "/bin/sh", "root", "-c", 'exec "$0" "$@"', "--")
    terminal.start(row, *inner)
    expect(terminal, app)
    terminal.cd(home)
    expect(terminal, None)
    leave_shell(terminal, shell)
    expect(terminal, app)
    dash = f"cd {shlex.quote(str(home))}/app && TERM=dumb HOME={shlex.quote(str(home))} "
    dash += f'PATH={SYSTEM} exec "$0" "$@"'
    terminal.start(row, "su", "-", "-s", "/bin/sh", "root", "-c", dash, "--")
    expect(terminal, app)


# What keeps which of the variables, and the words of sudo for it. HOME is kept in all: the rc files
# would be another's. Where sudoers sets secure_path, as Debian's does, -E keeps all but PATH.
KEPT = ",".join(("HOME", *TOUCHED))
SUDO = {
    "none": ("HOME={HOME}", "-s"),
    "all that -E keeps": ("-E", "-s"),
    "PATH alone": ("HOME={HOME}", "PATH={PATH}", "-s"),
    "all": (f"--preserve-env={KEPT}", "-s"),
    "all but PATH": (f"--preserve-env={KEPT.replace('PATH,', '', 1)}", "-s"),
}


@pytest.mark.parametrize("case", SUDO)
def test_a_shell_of_sudo_is_right_where_it_is(
    shell: Shell, case: str, open_first: OpenFirst
) -> None:
    if not IS_ROOT:
        pytest.skip("sudo asks everybody but root for a password")
    program = shutil.which("sudo")
    if program is None:
        go_without("sudo")
    row, home = need(NEXT[shell.name]), open_first.home
    app, other = home / "app/.venv", home / "other/.venv"
    terminal = open_first(shell, "app")
    # sudo -s starts $SHELL without arguments.
    script = home / "shell"
    script.write_text(f"#!/bin/sh\nexec {shlex.join([row.path or '', *row.arguments])}\n")
    script.chmod(0o755)
    for directory, environment in (("app/src", app), ("other", other), ("", None)):
        path = os.fsdecode(terminal.value("PATH") or b"")
        words = [word.format(HOME=home, PATH=path) for word in SUDO[case]]
        command = f"cd {shlex.quote(str(home / directory))} && SHELL={shlex.quote(str(script))} "
        command += shlex.join(["exec", program, *words])
        assert terminal.start(row, "sh", "-c", command) == ""
        assert terminal.values("SUDO_COMMAND") == {"SUDO_COMMAND": os.fsencode(script)}
        # What sudoers has for PATH, which is another machine's to say, with no entry of ours.
        before = [entry for entry in terminal.path if not entry.startswith(str(home))]
        expect(terminal, environment, ":".join(before))
        terminal.cd(home)
        expect(terminal, None, ":".join(before))
        terminal.cd(home / "other")
        assert terminal.run("deactivate") == ""
        expect(terminal, None, ":".join(before))
        leave_shell(terminal, shell)
        expect(terminal, app)


@pytest.fixture
def tmux(home: Path) -> Iterator[list[str]]:
    """The words of a tmux with a server of its own."""
    program = shutil.which("tmux")
    if program is None:
        go_without("tmux")
    words = [program, "-S", str(home.parent / "tmux"), "-f", "/dev/null"]
    yield words
    subprocess.run([*words, "kill-server"], check=False, capture_output=True)


@pytest.mark.parametrize("login", [False, True], ids=["plain", "login"])
def test_the_panes_of_tmux_are_right_where_they_are(
    shell: Shell, login: bool, tmux: list[str], open_first: OpenFirst
) -> None:
    home = open_first.home
    app, other = home / "app/.venv", home / "other/.venv"
    terminal = open_first(shell, "app")
    words = [shell.path or "", *shell.arguments, *(["-l"] if login else [])]
    if login:
        write_profile(home, shell, terminal.command, "before", assign_path(shell, SYSTEM))
    steps: list[tuple[str, Path | None]]
    steps = [(f"new-session -d -c {home}/app", app), (f"split-window -c {home}/other", other)]
    steps += [(f"new-window -c {home}", None), (f"new-window -c {home}/app/src", app)]
    file = home / "values"
    for step, environment in steps:
        assert terminal.run(shlex.join([*tmux, *shlex.split(step), shlex.join(words)])) == ""
        asked = f"_test_values {file} {' '.join(TOUCHED)}"
        said = shlex.join([*tmux, "wait-for", "-S", "done"])
        terminal.run(shlex.join([*tmux, "send-keys", f"{asked}; {said}", "Enter"]))
        terminal.run(shlex.join([*tmux, "wait-for", "done"]))
        found = [value[1:] or None for value in file.read_bytes().split(b"\0")[:-1]]
        name = None if environment is None else environment.parent.name.encode()
        path = SYSTEM if environment is None else f"{environment}/bin:{SYSTEM}"
        shown = None if environment is None else bytes(environment)
        assert found == [path.encode(), shown, name, shown], step


@pytest.fixture
def screen(home: Path) -> Iterator[list[str]]:
    """The words of a screen with sessions of its own."""
    program = shutil.which("screen")
    if program is None:
        go_without("screen")
    directory = home.parent / "screen"
    directory.mkdir(mode=0o700)
    words = ["env", f"SCREENDIR={directory}", program, "-c", "/dev/null", "-S", "test"]
    yield words
    subprocess.run([*words, "-X", "quit"], check=False, capture_output=True)


@pytest.mark.parametrize("login", [False, True], ids=["plain", "login"])
def test_the_windows_of_screen_are_right_where_they_are(
    shell: Shell, login: bool, screen: list[str], open_first: OpenFirst
) -> None:
    home = open_first.home
    app, other = home / "app/.venv", home / "other/.venv"
    terminal = open_first(shell, "app")
    if login:
        write_profile(home, shell, terminal.command, "before", assign_path(shell, SYSTEM))
    file, fifo = home / "values", home / "fifo"
    os.mkfifo(fifo)
    # That a session can be spoken to is known thus: its socket is there before its first window.
    script = home / "shell"
    words = [shell.path or "", *shell.arguments, *(["-l"] if login else [])]
    script.write_text(f"#!/bin/sh\necho > {fifo}\nexec {shlex.join(words)}\n")
    script.chmod(0o755)
    asked = f"_test_values {file} {' '.join(TOUCHED)}; echo > {fifo}"
    steps: list[tuple[str, str, Path | None]]
    # What screen hands on is what the shell had that it was started from.
    steps = [("", "app", app), ("", "other", other), ("", "", None), ("other", "", None)]
    steps += [("", "app/src", app)]
    for number, (stands, directory, environment) in enumerate(steps):
        if stands:
            terminal.cd(home / stands)
        begin = ["-X", "screen"] if number else ["-d", "-m"]
        if number:
            chdir = [*screen, "-X", "chdir", str(home / directory)]
            assert terminal.run(shlex.join(chdir)) == ""
        assert terminal.run(shlex.join([*screen, *begin, str(script)])) == ""
        terminal.run(shlex.join(["cat", str(fifo)]))
        stuff = [*screen, "-p", str(number), "-X", "stuff"]
        terminal.run(f"{shlex.join(stuff)} {shell.word(asked + '^M')}; cat {fifo}")
        found = [value[1:] or None for value in file.read_bytes().split(b"\0")[:-1]]
        name = None if environment is None else environment.parent.name.encode()
        path = SYSTEM if environment is None else f"{environment}/bin:{SYSTEM}"
        shown = None if environment is None else bytes(environment)
        assert found == [path.encode(), shown, name, shown], directory
