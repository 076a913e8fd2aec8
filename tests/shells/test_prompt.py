"""The name before the prompt: shown as it is, never expanded, never twice, gone after leaving."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell

# What a prompt could take for something to expand. Where a name does expand, "pwned" is made.
NAMES = (
    "$(touch ~/pwned)",
    "`touch ~/pwned`",
    "a`touch ~/pwned`b$(touch ~/pwned)c",
    "$HOME ${HOME} ${HOME:-x} $((1+1)) $[1+1] ${(e)PS1} $'\\n' $",
    "\\$(touch ~/pwned) \\\\$(touch ~/pwned) \\`touch ~/pwned\\`",
    "\\044(touch ~/pwned) \\x24(touch ~/pwned) \\",
    "\\u \\w \\$ \\! \\# \\[x\\] \\n \\e[31m",
    "%n %m %~ %# %! %% %",
    "%{x%} %F{red}x%f %B %(!.a.b) %5<..<abcdefgh %D{%s} %1v",
    "$%(touch ~/pwned) $%{%}(touch ~/pwned) %$(touch ~/pwned)",
    "! !! !1 !$ !!!",
    "'it's' \"two\" {a,b} (x) [y] *? ~ & ; | < >",
    "${_VENVHOOK_SHOWN-} $PS1 & \\& \\1",
    "\u2603 \u00fcn\u00ef \u65e5\u672c\u8a9e \U0001f40d $x",
)
# Options that change what a prompt expands, and how they are set in the running shell.
OPTIONS = {
    "bash": ("shopt -{} promptvars", "su"),
    "zsh": ("{} prompt_subst", ("setopt", "unsetopt")),
}


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    return make_environment(home / "app/.venv")


def name(environment: Path, text: str) -> None:
    """Let *environment* be called *text*."""
    file = environment / "pyvenv.cfg"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("prompt")]
    # As virtualenv writes it: nothing is an escape in double quotes around a text without "'".
    quoted = f"'{text}'" if "\\" not in text else repr(text)
    file.write_text("\n".join([*lines, f"prompt = {quoted}"]) + "\n")


def children_of(home: Path) -> set[str]:
    """Return the names in *home*: what an expansion makes would be one more."""
    return {entry.name for entry in home.iterdir()}


# ---- What is in a name ---------------------------------------------------------------------------


@pytest.mark.parametrize("posix", [False, True], ids=["plain", "posix"])
def test_in_bash_no_name_is_ever_expanded(
    posix: bool, bash: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    if posix:
        terminal.run("set -o posix")
    terminal.run_file("PS1='\\a$(echo x)\\$ ready> '")
    before = terminal.value("PS1")
    there = children_of(home)
    for text, vars_first in itertools.product(NAMES, (True, False)):
        name(app, text)
        escaped = text
        for special in "\\$`":
            escaped = escaped.replace(special, "\\" + special)
        terminal.run(f"shopt -{'s' if vars_first else 'u'} promptvars")
        terminal.run("cd app")
        for on in (vars_first, not vars_first, vars_first):
            terminal.run(f"shopt -{'s' if on else 'u'} promptvars")
            # In posix mode bash expands what is in variables, promptvars or not.
            shown = text if on or posix else escaped
            assert terminal.prompt.startswith(f"({shown}) "), text
        assert terminal.value("VIRTUAL_ENV_PROMPT") == text.encode()
        terminal.run("cd ..")
        assert terminal.value("PS1") == before
    assert children_of(home) == there


def test_in_zsh_no_name_is_ever_expanded(
    zsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(zsh)
    terminal.run_file("PS1='ready> '")
    before = terminal.value("PS1")
    there = children_of(home)
    modes = list(itertools.product((True, False), repeat=3))

    def options(mode: tuple[bool, ...]) -> str:
        names = ("prompt_subst", "prompt_percent", "prompt_bang")
        return " ".join(f"{'-' if on else '+'}o {n}" for on, n in zip(mode, names, strict=True))

    for number, text in enumerate(NAMES):
        name(app, text)
        # Each name is met under another mode first, and goes through all.
        first = modes[number % 8]
        terminal.run(f"set {options(first)}")
        terminal.run("cd app")
        for mode in (first, *modes, first):
            terminal.run(f"set {options(mode)}")
            subst, percent, _bang = mode
            shown = text if subst else text.replace("`", "?")
            if not subst and not percent:
                shown = shown.replace("$", "?")
            assert terminal.prompt == f"({shown}) ", (text, mode)
        terminal.run("cd ..")
        assert terminal.value("PS1") == before
    assert children_of(home) == there


def test_in_zsh_an_option_set_after_the_hook_expands_nothing(
    zsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    # As a theme does that is loaded late: the hook does not come in between.
    terminal = open_terminal(zsh)
    there = children_of(home)
    for text in NAMES:
        name(app, text)
        for before, after in itertools.product((("+", "+"), ("-", "+"), ("+", "-")), repeat=2):
            terminal.run(f"set {before[0]}o prompt_subst {before[1]}o prompt_percent")
            terminal.run("cd app")
            late = f"set {after[0]}o prompt_subst {after[1]}o prompt_percent; print -rP -- $PS1"
            terminal.run(late)
            terminal.run("set +o prompt_subst -o prompt_percent")
            terminal.run("cd ..")
    assert children_of(home) == there


def test_in_fish_no_name_is_ever_expanded(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(fish)
    there = children_of(home)
    for text in NAMES:
        name(app, text)
        terminal.run("cd app")
        assert terminal.prompt == f"({text}) "
        assert terminal.value("VIRTUAL_ENV_PROMPT") == text.encode()
        terminal.run("cd ..")
        assert terminal.prompt == ""
    assert children_of(home) == there


def test_a_directorys_name_is_shown_without_what_would_act_on_the_terminal(
    shell: Shell, home: Path, make_environment: EnvironmentMaker, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(shell)
    before = terminal.value("PS1")
    names = {
        b"$(touch pwned)": "$(touch pwned)",
        b"%n`x`!\\": "%n`x`!\\" if shell.name != "zsh" else "%n?x?!\\",
        b"\x1b]0;t\x07\x1b[31mred\x7f": "?]0;t??[31mred?",
        "\u202eback\u2069".encode(): "?back?",
        b"-n {a,b} 'q' \"r\"": "-n {a,b} 'q' \"r\"",
    }
    for directory, shown in names.items():
        project = home / os.fsdecode(directory)
        make_environment(project / ".venv")
        terminal.cd(project)
        assert terminal.prompt == f"({shown}) "
        terminal.run("cd ~")
        assert terminal.value("PS1") == before
        assert terminal.prompt == ""
    assert not list(home.rglob("pwned"))


# ---- Prompts that are made anew ------------------------------------------------------------------

# Lines before and after the one that loads venvhook; $BUILD is what sets the prompt.
PLACES = {
    "bash": {
        "before": ("PROMPT_COMMAND=build", ""),
        "after": ("", 'PROMPT_COMMAND="build;$PROMPT_COMMAND"'),
        "appended": ("", 'PROMPT_COMMAND="$PROMPT_COMMAND;build"'),
        # starship evaluates what was there, and sets PS1 then.
        "around": (
            "",
            'was=$PROMPT_COMMAND; around() { eval "$was"; build; }; PROMPT_COMMAND=around',
        ),
    },
    "zsh": {
        "function": ("precmd() { build; }", ""),
        "before": ("precmd_functions+=(build)", ""),
        "after": ("", "precmd_functions+=(build)"),
        "at cd": ("", "precmd_functions=(build $precmd_functions); chpwd_functions+=(build)"),
    },
}
# What such a prompt is, and whether it shows the environment itself.
BUILT = {
    "bash": {
        "plain": ("PS1='x ready> '", False),
        "its directory": ('PS1="<${PWD##*/}> (${PWD##*/}/) ready> "', False),
        "its own name": ('PS1="${VIRTUAL_ENV:+(${VIRTUAL_ENV##*/}) }x ready> "', True),
        "in colours": (r'PS1="${VIRTUAL_ENV:+[\[\e[31m\]app\[\e[0m\]] }x ready> "', True),
        "by a variable": ("PS1='${VIRTUAL_ENV:+(app) }x ready> '", True),
        "by a function": ("PS1='$(virtualenv_info)x ready> '", True),
    },
    "zsh": {
        "plain": ("PS1='x ready> '", False),
        "its directory": ('PS1="<${PWD:t}> (${PWD:t}/) ready> "', False),
        "its own name": ('PS1="${VIRTUAL_ENV:+(${VIRTUAL_ENV:t}) }x ready> "', True),
        "in colours": (
            'PS1=\'x ready> \'; [ -z "$VIRTUAL_ENV" ] || PS1="[%F{red}app%f] $PS1"',
            True,
        ),
        "by a variable": ("setopt prompt_subst; PS1='${VIRTUAL_ENV:+(app) }x ready> '", True),
        "by a function": ("setopt prompt_subst; PS1='$(virtualenv_info)x ready> '", True),
    },
}
_FUNCTION = '\nvirtualenv_info() { if [ -n "$VIRTUAL_ENV" ]; then echo "(app) "; fi; }\n'


def times_shown(prompt: str) -> int:
    """Return how often *prompt* shows the environment of app."""
    plain = re.sub(r"\x1b\[\d*m", "", prompt)
    return sum(plain.count(text) for text in ("(app) ", "(.venv) ", "[app] "))


@pytest.mark.parametrize(
    ("which", "place"), [(which, place) for which in PLACES for place in PLACES[which]]
)
def test_a_prompt_made_anew_each_time_keeps_the_name_or_never_has_it(
    which: str,
    place: str,
    app: Path,
    open_terminal: OpenTerminal,
    request: pytest.FixtureRequest,
) -> None:
    (app.parent / "src").mkdir()
    shell: Shell = request.getfixturevalue(which)
    before, after = PLACES[which][place]
    load = shell.load_line("$HOME/../venvhook").replace("'", "")
    functions = _FUNCTION + 'build() { eval "$built"; }\nbuilt="PS1=\'x ready> \'"\n'
    terminal = open_terminal(shell, f"{functions}{before}\n{load}\n{after}")
    for kind, (build, own) in BUILT[which].items():
        terminal.run_file(f"built={shell.word(build)}")
        assert times_shown(terminal.prompt) == 0, kind
        plain = terminal.value("PS1")
        seen = []
        for line in ("cd app", "echo", "cd src", "echo", "cd ..", "echo", "echo"):
            terminal.run(line)
            seen.append(times_shown(terminal.prompt))
        assert seen == [1] * 7 if own else len(set(seen)) == 1, (kind, seen)
        assert seen[0] <= 1
        terminal.run("cd ..")
        # What bash runs before the hook has made its prompt before the environment is left.
        if not (own and which == "bash" and place == "after"):
            assert times_shown(terminal.prompt) == 0, kind
        terminal.run("echo")
        assert times_shown(terminal.prompt) == 0, kind
        assert terminal.value("PS1") == plain


def test_a_fish_prompt_made_anew_keeps_the_name(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (app.parent / "src").mkdir()
    (home / "mine").write_text("function fish_prompt; printf 'mine ready> '; end\n")
    # Lines that make the prompt anew, typed inside, and what it is then.
    makers = {
        "function fish_prompt; printf 'typed ready> '; end": "typed ",
        "source ~/mine": "mine ",
        # What fish brings along, with an end that these tests see.
        "fish_config prompt choose minimalist; functions -c fish_prompt chosen; "
        "function fish_prompt; chosen >/dev/null; printf 'chosen ready> '; end": "chosen ",
        "function fish_prompt; test -z \"$VIRTUAL_ENV\"; or printf '(%s) ' "
        "(basename $VIRTUAL_ENV); printf 'own ready> '; end": "own ",
        "function fish_prompt; test -z \"$VIRTUAL_ENV\"; or printf '[\\e[31mapp\\e[0m] ';"
        "printf 'red ready> '; end": "red ",
    }
    terminal = open_terminal(fish)
    for line, shown in makers.items():
        terminal.run("cd app")
        seen = []
        for step in (line, "echo", "cd src", "echo", "cd ..", "echo"):
            terminal.run_file(step)
            assert terminal.prompt.endswith(shown)
            seen.append(times_shown(terminal.prompt))
        assert seen == [1] * 6, line
        for step in ("cd ..", "echo"):
            terminal.run(step)
            assert terminal.prompt == shown
        terminal.run("cd app")
        assert terminal.prompt.endswith(shown)
        assert times_shown(terminal.prompt) == 1
        terminal.run("deactivate")
        assert terminal.prompt == shown
        terminal.run("cd ..")


def test_a_fish_prompt_defined_at_each_prompt_keeps_the_name_and_leaves_no_heap(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    define = "function define; function fish_prompt; printf 'each ready> '; end; end"
    for place in ("before", "after"):
        lines = [fish.load_line("$HOME/../venvhook").replace("'", "")]
        lines.insert(
            1 if place == "after" else 0,
            f"{define}\nfunction define --on-event fish_prompt"
            "\nfunction fish_prompt; printf 'each ready> '; end\nend",
        )
        terminal = open_terminal(fish, "\n".join(lines))
        terminal.run("cd app")
        seen = set()
        for _time in range(6):
            terminal.run("echo")
            seen.add(terminal.prompt)
        assert seen == ({"(app) each "} if place == "before" else {"each "})
        heap = terminal.run("functions -a | string match '_venvhook_plain*'").split()
        assert len(heap) <= 2
        terminal.run("cd ..")
        assert terminal.prompt == "each "


def test_a_fish_prompt_in_a_file_is_found_and_saved_as_the_users_own(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    file = home / ".config/fish/functions/fish_prompt.fish"
    file.parent.mkdir(parents=True)
    # As tide does: what is wished is known only when the file is loaded.
    text = "function fish_prompt\n    printf 'file ready> '\nend\n"
    file.write_text(text + "set -g VIRTUAL_ENV_DISABLE_PROMPT 1\n")
    terminal = open_terminal(fish)
    # The tests' own prompt goes: fish reads no file for a function that is defined.
    fish_prelude = terminal.rc_file.read_text()
    start = fish_prelude.index("function fish_prompt")
    end = fish_prelude.index("end\n", start) + 4
    terminal.rc_file.write_text(fish_prelude[:start] + fish_prelude[end:])
    terminal.restart(app.parent)
    assert terminal.environment == str(app)
    assert terminal.prompt == "file "
    file.write_text(text)
    terminal.restart(app.parent)
    assert terminal.prompt == "(app) file "
    terminal.run("cd ..")
    assert terminal.prompt == "file "
    terminal.run("cd app")
    for line in (
        "funcsave -q fish_prompt",
        "function fish_prompt; printf 'new ready> '; end",
        "echo",
        "funcsave -q fish_prompt",
    ):
        terminal.run(line)
        assert "_venvhook" not in file.read_text()
    assert terminal.prompt == "(app) new "
    assert "new ready> " in file.read_text()
    assert "_venvhook" not in terminal.run("functions fish_prompt")
    assert terminal.prompt == "(app) new "
    terminal.restart()
    assert terminal.prompt == "new "


# Ways to look at, copy or save one's prompt: lines where they are typed, and where.
_LOOKING = (
    ("~", "cd app; functions fish_prompt"),
    ("~", "cd app && type fish_prompt"),
    ("~", "for d in app app/src; cd ~/$d; functions fish_prompt; end"),
    ("~", "cd app; functions -c fish_prompt old; cd; cd app; functions old; functions -e old"),
    ("~/app", "type fish_prompt"),
    ("~/app", "look"),
    ("~/app", "source ~/look.fish"),
    ("~/app", "cd src; look; cd ~/app; look; cd ~; look"),
)


def test_what_a_line_does_with_fish_prompt_it_does_with_the_users_own(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (app.parent / "src").mkdir()
    file = home / ".config/fish/functions/fish_prompt.fish"
    file.parent.mkdir(parents=True)
    (home / "look.fish").write_text("functions fish_prompt; funcsave -q fish_prompt\n")
    rc = f"{fish.load_line('$HOME/../venvhook')}\nfunction look; source ~/look.fish; end\n"
    rc += "function saved --on-event fish_prompt; test -e ~/early; and functions fish_prompt; end"
    terminal = open_terminal(fish, rc.replace("'", ""))
    for where, line in _LOOKING:
        terminal.run(f"cd {where}")
        shown = terminal.run(f"{line}; funcsave -q fish_prompt")
        assert "ready> " in shown, line
        assert "venvhook" not in (shown + file.read_text()).lower(), line
        assert terminal.prompt == ("" if line.endswith("cd ~; look") else "(app) ")
        file.unlink()
    # What config.fish looks at, where it has changed to a project itself.
    text = terminal.rc_file.read_text() + "cd ~/app\nfunctions -c fish_prompt old\n"
    terminal.rc_file.write_text(text)
    terminal.restart()
    assert terminal.prompt == "(app) "
    assert "venvhook" not in terminal.run("functions old").lower()


def test_the_name_is_there_while_keys_are_pressed(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    load = fish.load_line("$HOME/../venvhook").replace("'", "")
    keys = (
        "bind \\cg 'cd ~/app; commandline -f repaint'",
        "bind \\co 'cd ~; commandline -f repaint'",
        "bind \\cr 'commandline -f repaint'",
    )
    terminal = open_terminal(fish, "\n".join((load, *keys)))
    for key, shown in (
        *(("\x12", ""), ("\x07", "(app) "), ("\x12", "(app) "), ("\x0c", "(app) ")),
        *(("\x0f", ""), ("\x12", ""), ("\x07", "(app) "), ("\r", "(app) ")),
    ):
        terminal.send(key)
        terminal.wait_for_prompt()
        assert terminal.prompt == shown, repr(key)
    assert terminal.environment == str(app)
    assert "venvhook" not in terminal.run("functions fish_prompt").lower()
    terminal.run("cd ~")
    assert terminal.prompt == ""


def test_a_prompt_that_a_key_changes_for_one_line_comes_back(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    """What stays above is short, and what comes next is whole, as transient prompts have it."""
    lines = (
        fish.load_line("$HOME/../venvhook").replace("'", ""),
        "function fish_prompt; printf 'whole ready> '; end",
        "function shorten; functions -c fish_prompt whole",
        "function fish_prompt; printf 'short> '; end; commandline -f repaint execute; end",
        "function again --on-event fish_postexec; functions -q whole; or return",
        "functions -e fish_prompt; functions -c whole fish_prompt; functions -e whole; end",
        "bind \\r shorten",
    )
    terminal = open_terminal(fish, "\n".join(lines))
    for line, shown in (
        *(("cd app", "(app) "), ("true", "(app) "), ("functions fish_prompt", "(app) ")),
        *(("cd ..", ""), ("true", ""), ("cd app", "(app) "), ("cd ..", ""), ("true", "")),
    ):
        said = terminal.run(line)
        assert terminal.prompt == f"{shown}whole ", line
        assert "short> " in terminal.screen
        assert said == "" or "short> " in said
    assert "(app) short> " not in terminal.screen
    assert app.exists()


def test_a_prompt_that_was_interrupted_comes_again(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish, fish.load_line("$HOME/../venvhook").replace("'", ""))
    slow = "test -e ~/slow; and begin; rm ~/slow; command kill -INT $fish_pid; cat; end"
    terminal.run_file(f"function fish_prompt; {slow}; printf 'ready> '; end; bind \\cr repaint")
    terminal.run("cd app")
    # Twice anew, as after Ctrl-C in what a slow prompt calls.
    (home / "slow").touch()
    terminal.send("\x12\x12\r")
    terminal.wait_for("(app) ready> ")
    assert "saved" not in terminal.screen
    assert terminal.run("true") == ""
    assert terminal.prompt == "(app) "


def test_a_key_that_saves_the_prompt_saves_the_users_own(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    file = home / ".config/fish/functions/fish_prompt.fish"
    load = fish.load_line("$HOME/../venvhook").replace("'", "")
    key = "bind \\cg 'funcsave -q fish_prompt; commandline -f repaint'"
    terminal = open_terminal(fish, f"{load}\n{key}")
    # A prompt with a variable of the name by which that is seen.
    terminal.run('function fish_prompt; for funcname in ready; echo -n "$funcname> "; end; end')
    terminal.run("cd app")
    assert terminal.prompt == "(app) "
    terminal.send("\x07")
    terminal.wait_for_prompt()
    assert "for funcname in ready" in file.read_text()
    assert "venvhook" not in file.read_text().lower()
    terminal.run("true")
    assert terminal.prompt == "(app) "


def test_what_a_key_has_saved_is_a_prompt_in_every_shell(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    file = home / ".config/fish/functions/fish_prompt.fish"
    file.parent.mkdir(parents=True)
    load = fish.load_line("$HOME/../venvhook").replace("'", "")
    key = "bind \\cg 'functions fish_prompt >~/saved; commandline -f repaint'"
    # What these tests wait for stands at the end of the directory.
    where = "function prompt_pwd; echo (path basename $PWD)' ready'; end"
    terminal = open_terminal(fish, "\n".join((load, key, where)))
    terminal.run("cd app")
    terminal.send("\x07")
    terminal.wait_for_prompt()
    assert terminal.prompt == "(app) "
    assert "_venvhook" in (home / "saved").read_text()
    file.write_bytes((home / "saved").read_bytes())
    # There is no other by now.
    text = terminal.rc_file.read_text()
    for loaded in (load, ""):
        terminal.rc_file.write_text(
            text.replace(load, loaded) + "functions -q fish_prompt; source " + str(file) + "\n"
        )
        terminal.restart()
        assert terminal.greeting.count("\n") == 1
        assert f"delete {file}" in terminal.greeting
        assert terminal.prompt == f"{home.name} "
        for line in ("true", "cd app", "true", f"source {file}", "true", "cd ..", "true"):
            assert terminal.run(line) == "", line
            shown = "(app) " if loaded and terminal.environment else ""
            assert terminal.environment == (str(app) if shown else None)
            assert terminal.prompt.startswith(shown)
        terminal.run("function fish_prompt; echo -n 'mine ready> '; end; cd app")
        assert terminal.prompt == ("(app) mine " if loaded else "mine ")


# ---- VIRTUAL_ENV_DISABLE_PROMPT ------------------------------------------------------------------


def test_the_name_comes_and_goes_with_the_wish(
    shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    is_fish = shell.name == "fish"
    put, unset = ("set -g VIRTUAL_ENV_DISABLE_PROMPT ", "set -eg VIRTUAL_ENV_DISABLE_PROMPT")
    if not is_fish:
        put, unset = ("VIRTUAL_ENV_DISABLE_PROMPT=", "unset VIRTUAL_ENV_DISABLE_PROMPT")
    terminal = open_terminal(shell)
    before = terminal.value("PS1")
    for steps in (
        [("cd app", 1), (f"{put}1", 0), ("echo", 0), (unset, 1), ("echo", 1), ("cd ..", 0)],
        [(f"{put}1", 0), ("cd app", 0), (f"{put}''", 1), (f"{put}x", 0), (f"{put}''", 1)],
        [("cd ~", 0), (f"{put}12", 0), ("cd app", 0), (f"{put}20", 0), ("cd ..", 0), (unset, 0)],
        [("cd app", 1), (f"{put}1; cd ..", 0), (unset, 0), ("cd app", 1), ("deactivate", 0)],
        [(f"{put}1", 0), (unset, 0), ("cd ..", 0), (f"export {put}1", 0), ("cd app", 0)],
    ):
        for line, shown in steps:
            terminal.run(line.replace("export set -g", "set -gx"))
            assert terminal.prompt == ("(app) " if shown else ""), (line, steps)
    terminal.run("cd ..")
    assert terminal.value("PS1") == before


# ---- What a prompt is made of --------------------------------------------------------------------


def test_prompts_of_several_lines_and_others_are_as_stock_activate_leaves_them(
    posix_shell: Shell,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    app = make_environment(home / "app/.venv", prompt="app")
    terminal = open_terminal(posix_shell)
    terminal.run_file("PS2='more ' PS3='? ' PS4='+ ' RPS1='right' RPROMPT2='r2'")
    for prompt in ("one\ntwo ready> ", "\n\nlast ready> ", "(app)ready> ", "\x01\x02ready> "):
        terminal.run_file(f"PS1={posix_shell.word(prompt)}")
        names = ("PS1", "PS2", "PS3", "PS4", "RPS1", "RPROMPT", "RPROMPT2")
        before = terminal.values(*names)
        terminal.run("cd app")
        inside = terminal.values(*names)
        own = "" if "(app)" in prompt else "(app) "
        assert inside == {**before, "PS1": f"{own}{prompt}".encode()}
        terminal.run("cd ..")
        assert terminal.values(*names) == before
    terminal.run_file(f"PS1='ready> '; . {posix_shell.word(app / 'bin/activate')}")
    stock = terminal.value("PS1")
    terminal.run("deactivate")
    terminal.run("cd app")
    assert terminal.value("PS1") == stock


def test_a_right_prompt_that_shows_the_environment_is_enough(
    zsh: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(zsh)
    terminal.run_file("setopt prompt_subst; RPROMPT='${VIRTUAL_ENV:t}'")
    for line in ("cd app", "echo"):
        terminal.run(line)
        assert terminal.prompt == ""
    terminal.run("RPROMPT=")
    assert terminal.prompt == "(app) "


def test_the_right_prompt_of_fish_stays(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("function fish_right_prompt; :; end; function fish_mode_prompt; :; end")
    ask = "functions fish_right_prompt fish_mode_prompt | string match -v '# *'"
    before = terminal.run(ask)
    for line in ("cd app", "echo", "cd ..", "echo"):
        terminal.run(line)
        assert terminal.run(ask) == before


@pytest.mark.parametrize("moment", ["before", "inside"])
def test_a_prompt_that_is_read_only_stays_and_stops_nothing(
    posix_shell: Shell, moment: str, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    path = terminal.value("PATH")
    lines = ["readonly PS1", "cd app"]
    for line in lines if moment == "before" else reversed(lines):
        assert terminal.run(line) == ""
    shown = "" if moment == "before" else "(app) "
    assert (terminal.environment, terminal.prompt) == (str(app), shown)
    assert terminal.run("cd ..") == ""
    assert terminal.environment is None
    assert terminal.value("PATH") == path


def test_a_prompt_that_is_unset_stays_so(
    posix_shell: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(posix_shell)
    hook = 'eval "${PROMPT_COMMAND[0]-_venvhook_hook}"'
    say = 'echo "<${PS1-unset}>${VIRTUAL_ENV+x}"'
    line = f"unset PS1; cd app; {hook}; {say}; cd ..; {hook}; {say}; PS1='ready> '"
    assert terminal.run(line) == "<unset>x\n<unset>\n"


# ---- Children ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["app", "$(touch ~/pwned)`x`", "100% %n \\w !"])
def test_an_exported_prompt_shows_the_name_once_in_a_child_too(
    posix_shell: Shell, text: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    name(app, text)
    shell = posix_shell
    shown = text.replace("`", "?") if shell.name == "zsh" else text
    # The tests' rc text sets a prompt; this one is what was inherited.
    load = shell.load_line("$HOME/../venvhook").replace("'", "")
    inherited = 'if [ -n "$INHERITED" ]; then PS1=$INHERITED; fi; [ -n "$NO_HOOK" ] || '
    terminal = open_terminal(shell, inherited + load)
    terminal.run("cd app")
    terminal.run(
        "export INHERITED=$PS1 NO_HOOK=1"
        if shell.name == "bash"
        else 'export INHERITED="$PS1" NO_HOOK=1'
    )
    assert terminal.prompt == f"({shown}) "
    terminal.become(shell)
    assert terminal.prompt == f"({shown}) "
    terminal.run("unset NO_HOOK")
    terminal.become(shell)
    assert terminal.prompt == f"({shown}) "
    terminal.run("cd ..")
    assert terminal.prompt == ""
    assert terminal.value("PS1") == b"ready> "
    assert "pwned" not in children_of(home)


# ---- powerlevel10k's instant prompt --------------------------------------------------------------

# What powerlevel10k does around an instant prompt: all output goes to a file until its own function
# has run; if there is any, the user is warned.
_INSTANT_BEGIN = """
typeset -gi __p9k_instant_prompt_active=1
exec {__p9k_fd_0}<&0 {__p9k_fd_1}>&1 {__p9k_fd_2}>&2 < /dev/null > ~/instant 2>&1
_p9k_precmd() {
  (( $+__p9k_instant_prompt_active )) || return 0
  unset __p9k_instant_prompt_active
  exec <&$__p9k_fd_0 >&$__p9k_fd_1 2>&$__p9k_fd_2
  [[ ! -s ~/instant ]] || { print WARNING; cat ~/instant; }
}
"""
_INSTANT_END = "\nprecmd_functions+=(_p9k_precmd)\n"


@pytest.mark.parametrize("place", ["before", "after"])
def test_nothing_is_printed_during_an_instant_prompt(
    place: str,
    zsh: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    load = zsh.load_line("$HOME/../venvhook").replace("'", "")
    rest = (_INSTANT_END, load) if place == "before" else (load, _INSTANT_END)
    rc = _INSTANT_BEGIN + "".join(rest)
    moved = make_environment(home / "moved/.venv")
    moved.parent.rename(home / "refused")
    terminal = open_terminal(zsh, rc, home / "refused")
    assert terminal.greeting == ""
    said = terminal.run("echo")
    assert said.count("venvhook: ") == 1
    assert "refused/.venv" in said
    assert terminal.run("echo") == "\n"
    terminal.restart(app.parent)
    assert (terminal.greeting, terminal.prompt) == ("", "(app) ")
    assert terminal.run("echo") == "\n"
    # A helper that fails says why when something may be said.
    terminal.rc_file.write_text(terminal.rc_file.read_text() + "\n_VENVHOOK_PYTHON=/bin/false-\n")
    (home / "unknown").mkdir()
    (home / "unknown/.venv").symlink_to("nowhere")
    terminal.restart(home / "unknown")
    assert terminal.greeting == ""
    assert "the helper's Python is gone" in terminal.run("echo")
    assert terminal.run("echo") == "\n"
