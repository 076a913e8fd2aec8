"""What only fish has: prompts that are functions, scopes of variables, reserved words, events."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    (home / "app/a/b").mkdir(parents=True)
    return make_environment(home / "app/.venv")


def scope(terminal: Terminal, name: str) -> str:
    """Return what fish says of the variable *name*: its scopes, its export, its values."""
    return terminal.run(f"set --show {name}")


# ---- The prompt ----------------------------------------------------------------------------------


def test_a_prompt_sees_the_status_of_the_last_command(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("function fish_prompt; echo -n \"$status|$pipestatus|\"; printf 'ready> '; end")
    terminal.run("true | sh -c 'exit 3' | sh -c 'exit 4'")
    assert terminal.prompt == "4|0 3 4|"
    terminal.run("cd app")
    assert terminal.prompt == "(app) 0|0|"
    terminal.run("true | sh -c 'exit 3' | sh -c 'exit 4'")
    assert terminal.prompt == "(app) 4|0 3 4|"


def test_the_prompt_function_comes_back_as_it_was(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("function fish_prompt -d mine; echo -n 'my own '; printf 'ready> '; end")
    before = terminal.run("functions fish_prompt | string match -v '# *'")
    terminal.run("cd app")
    assert terminal.prompt == "(app) my own "
    terminal.run("cd ..")
    assert terminal.run("functions fish_prompt | string match -v '# *'") == before
    assert terminal.run("functions -a | string match -r '_venvhook_(plain|old).*'") == ""


def test_a_prompt_defined_inside_stays(fish: Shell, app: Path, open_terminal: OpenTerminal) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("cd app")
    terminal.run("function fish_prompt; printf 'new ready> '; end; cd ..")
    assert terminal.prompt == "new "
    for _visit in ("first", "second"):
        terminal.run("cd app")
        assert terminal.prompt == "(app) new "
        terminal.run("cd ..")
        assert terminal.prompt == "new "


def test_a_prompt_defined_around_ours_neither_loops_nor_doubles(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("cd app")
    terminal.run("functions -c fish_prompt inner; function fish_prompt; echo -n around; inner; end")
    assert terminal.prompt == "(app) around"
    terminal.run("cd ..")
    assert terminal.prompt == "around"
    for _visit in ("first", "second"):
        terminal.run("cd app")
        assert terminal.prompt == "(app) around"
        terminal.run("cd ..")
        assert terminal.prompt == "around"


def test_a_name_is_shown_as_it_is(
    fish: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    name = r"%s \n (echo sub) $HOME {a,b} *"
    make_environment(home / "app/.venv", prompt=name)
    terminal = open_terminal(fish)
    terminal.run("cd app")
    assert terminal.prompt == f"({name}) "
    assert terminal.value("VIRTUAL_ENV_PROMPT") == name.encode()


@pytest.mark.parametrize(
    ("setting", "shown"),
    [("set -g", False), ("set -U", False), ("set -gx", False)],
)
def test_the_prompt_is_left_alone_where_that_is_set_in_any_scope(
    fish: Shell, setting: str, shown: bool, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    for value, expected in ((" 1", shown), ("", shown), (" ''", True)):
        terminal.run(f"{setting} VIRTUAL_ENV_DISABLE_PROMPT{value}")
        terminal.run("cd app")
        assert (terminal.prompt == "(app) ") == expected, value
        terminal.run("cd ..")
        assert terminal.prompt == ""


# ---- Scopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["set -U", "set -Ux", "set -g", "set -gx"])
@pytest.mark.parametrize("values", ["", " ''", " mine", " two words"])
def test_a_variable_keeps_its_scope_its_export_and_its_values(
    fish: Shell, line: str, values: str, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(fish)
    for name in ("VIRTUAL_ENV_PROMPT", "PYTHONHOME"):
        terminal.run(f"{line} {name}{values}")
    before = scope(terminal, "VIRTUAL_ENV_PROMPT"), scope(terminal, "PYTHONHOME")
    assert f"in {'universal' if 'U' in line else 'global'} scope" in before[1]
    seen_before = terminal.child_environment()
    terminal.run("cd app")
    assert terminal.environment == str(app)
    seen = terminal.child_environment()
    assert seen[b"VIRTUAL_ENV_PROMPT"] == b"app"
    # An exported universal one can only be covered by an empty one, which Python takes for none.
    assert seen.get(b"PYTHONHOME", b"") == b""
    terminal.run("cd ..")
    assert (scope(terminal, "VIRTUAL_ENV_PROMPT"), scope(terminal, "PYTHONHOME")) == before
    seen_after = terminal.child_environment()
    for key in (b"VIRTUAL_ENV_PROMPT", b"PYTHONHOME", b"PATH"):
        assert seen_after.get(key) == seen_before.get(key)


def test_an_exported_universal_variable_is_seen_again_after_two_projects(
    fish: Shell, app: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    other = make_environment(app.parents[1] / "other/.venv")
    terminal = open_terminal(fish)
    terminal.run("set -Ux PYTHONHOME /opt/python")
    before = scope(terminal, "PYTHONHOME")
    terminal.run("cd app")
    terminal.run("cd ../other")
    assert terminal.environment == str(other)
    assert terminal.child_environment()[b"PYTHONHOME"] == b""
    terminal.run("cd ..")
    assert scope(terminal, "PYTHONHOME") == before
    assert terminal.child_environment()[b"PYTHONHOME"] == b"/opt/python"


def test_variables_of_the_users_with_names_that_the_hook_uses_stay(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    names = "root env name path words look also verdict asked recipe level doubt reason home dir"
    terminal = open_terminal(fish)
    terminal.run(f"for n in {names}; set -g $n mine; end; set -e n")
    for step in ("app", "a", "../..", "app/a/b", "../../.."):
        terminal.run(f"cd {step}")
    terminal.run("cd app")
    assert terminal.environment == str(app)
    assert set(terminal.values(*names.split()).values()) == {b"mine"}


def test_only_what_programs_need_is_exported(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    before = terminal.child_environment()
    terminal.run("cd app")
    added = terminal.child_environment().keys() - before.keys()
    assert added == {b"VIRTUAL_ENV", b"VIRTUAL_ENV_PROMPT", b"VENVHOOK_ACTIVE"}


@pytest.mark.parametrize("line", ["set -e PATH", "set -gx PATH", "set -gx PATH /bin '' /usr/bin"])
def test_a_path_of_any_kind_comes_back(
    fish: Shell, line: str, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("cd app")
    terminal.run("cd ..")
    terminal.run(line)
    before = scope(terminal, "PATH")
    for _visit in ("first", "second"):
        terminal.run("cd app")
        assert ".venv/bin" in scope(terminal, "PATH")
        terminal.run("cd ..")
        assert scope(terminal, "PATH") == before


# ---- Stock activate.fish -------------------------------------------------------------------------


@pytest.mark.parametrize("maker", ["venv", "virtualenv", "uv"])
def test_a_stock_activate_and_deactivate_in_one_line_leaves_nothing(
    fish: Shell,
    maker: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / "app/.venv", maker)
    terminal = open_terminal(fish)
    before = terminal.values("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE")
    prompt = terminal.run("functions fish_prompt | string match -v '# *'")
    terminal.run("cd app")
    terminal.run(f"source {environment}/bin/activate.fish; deactivate")
    assert terminal.environment is None
    assert terminal.values(*before) == before
    assert terminal.prompt == ""
    assert terminal.run("functions fish_prompt | string match -v '# *'") == prompt
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


@pytest.mark.parametrize("maker", ["venv", "virtualenv", "uv"])
def test_a_stock_activate_on_top_of_ours_gives_the_users_prompt_back(
    fish: Shell,
    maker: str,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    hand = make_environment(home / "hand", maker)
    terminal = open_terminal(fish)
    prompt = terminal.run("functions fish_prompt | string match -v '# *'")
    terminal.run("cd app")
    terminal.run(f"source {hand}/bin/activate.fish")
    assert terminal.prompt == "(hand) "
    terminal.run("cd ..")
    terminal.run("deactivate")
    assert terminal.run("functions fish_prompt | string match -v '# *'") == prompt
    terminal.run("cd app")
    assert terminal.environment == str(app)
    assert terminal.prompt == "(app) "


def test_an_activation_that_is_only_a_variable_leaves_nothing_of_ours(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("function deactivate; echo my own; end")
    before = terminal.values("PATH", "VENVHOOK_ACTIVE")
    terminal.run("cd app")
    terminal.run("set -gx VIRTUAL_ENV /other")
    assert terminal.values(*before) == before
    assert terminal.environment == "/other"
    assert terminal.prompt == ""
    assert terminal.run("deactivate") == "my own\n"


def test_what_a_parent_shell_s_stock_activate_exports_is_no_activation(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    """Stock activate.fish exports _OLD_VIRTUAL_PATH, which is left in a child shell."""
    environ = {"_OLD_VIRTUAL_PATH": "/usr/bin:/bin", "_OLD_FISH_PROMPT_OVERRIDE": str(home)}
    terminal = open_terminal(fish, environ=environ)
    before = terminal.path
    terminal.run("cd app")
    terminal.run("true")
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.path == before


# ---- Ways to start -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--no-config", "--private", "--login"])
def test_fish_started_with(
    fish: Shell, option: str, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    read_config = ("-C", f"source {home}/.config/fish/config.fish")
    arguments = (option, "-i", *(read_config if option == "--no-config" else ()))
    terminal = open_terminal(dataclasses.replace(fish, arguments=arguments))
    before = terminal.path
    terminal.run("cd app/a")
    assert terminal.environment == str(app)
    assert terminal.prompt == "(app) "
    terminal.run("cd ../..")
    assert terminal.path == before
    assert terminal.prompt == ""


def test_a_shell_that_runs_a_script_is_left_alone(
    fish: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    """It reads config.fish, too."""
    del app
    open_terminal(fish).close()
    script = "cd app; set -q VIRTUAL_ENV; or echo none; functions -q _venvhook_prompt; or echo no"
    words = [str(fish.path), "-c", script]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb"}
    done = subprocess.run(words, cwd=home, env=environ, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"none\nno\n", b"")


def test_loading_again_inside_a_project_is_harmless(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(fish)
    before = terminal.path
    terminal.run("cd app")
    inside = terminal.path
    assert terminal.run(fish.load_line(terminal.command)) == ""
    assert terminal.environment == str(app)
    assert terminal.path == inside
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.path == before
    assert terminal.prompt == ""


# ---- What users redefine -------------------------------------------------------------------------


def test_the_builtins_called_by_their_bare_name_cannot_be_redefined(
    fish: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(fish)
    for name in ("test", "set", "string", "command", "eval", "status", "builtin", "return"):
        assert "reserved" in terminal.run(f"eval 'function {name}; end'"), name


# Notes when the hook calls it (the user's own prompt may), and does what the builtin does.
_IMPOSTOR = """function {0}
    set -l trace (status stack-trace)
    string match -rq "^in function '_venvhook_(?!plain)" -- $trace[2..]; and set -ga CAUGHT {0}
    builtin {0} $argv
end"""


def test_functions_called_like_builtins_are_not_called_by_the_hook(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    names = ("printf", "functions", "contains", "emit", "path", "source")
    impostors = [_IMPOSTOR.format(name) for name in names]
    probe = "function _venvhook_probe; printf ''; contains a a; end"
    terminal = open_terminal(fish)
    terminal.run_file("\n".join([*impostors, probe]))
    terminal.run("_venvhook_probe")
    assert terminal.value("CAUGHT") == b"printf contains"
    terminal.run("set -e CAUGHT")
    for _visit in ("first", "kept"):
        terminal.run("cd app/a")
        assert terminal.environment == str(app)
        assert terminal.prompt == "(app) "
        terminal.run("cd ../..")
    assert terminal.value("CAUGHT") is None


def test_a_function_called_source_does_not_keep_the_hook_from_loading(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    command = open_terminal(fish).command
    # fish needs it for files itself.
    own = "function source; set -q argv[1]; and builtin source $argv; or echo OWN; end"
    terminal = open_terminal(fish, rc=f"{own}\n{fish.load_line(command)}")
    assert terminal.greeting == ""
    terminal.run("cd app")
    assert terminal.environment == str(app)
    assert terminal.run("source") == "OWN\n"


def test_tracing_shows_what_the_user_runs_and_not_the_hook(
    fish: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(fish)
    terminal.run("set -g fish_trace 1")
    shown = terminal.run("builtin cd app")
    assert "cd app" in shown
    assert "_venvhook" not in shown + terminal.run("true")
    terminal.run("set -e fish_trace")
    assert terminal.prompt == "(app) "


# ---- The walk ------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 5, 6, 7, 12, 13, 40])
def test_any_depth_below_a_project(
    fish: Shell, depth: int, app: Path, open_terminal: OpenTerminal
) -> None:
    """The walk looks at six levels at once."""
    deep = app.parent.joinpath(*["d"] * depth)
    deep.mkdir(parents=True)
    terminal = open_terminal(fish)
    for _visit in ("first", "kept"):
        terminal.cd(deep)
        assert terminal.environment == str(app)
        terminal.run("cd ..")
        assert terminal.environment == str(app)
        terminal.run("cd")
        assert terminal.environment is None


@pytest.mark.parametrize(
    "name", [r"a\Eb", r"\E", r"\Q", "(a|b)+", "a.c", r"back\\slash", "new\nline"]
)
def test_names_that_mean_something_in_a_pattern(
    fish: Shell,
    name: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    environment = make_environment(home / name / ".venv")
    (home / name / "a/b").mkdir(parents=True)
    (home / "abc").mkdir()
    (home / "ab/c").mkdir(parents=True)
    # Where an environment with a newline in its path was made cannot be read from it.
    terminal = open_terminal(fish, environ={"VENVHOOK_TRUST": "all"})
    before = terminal.path
    for step in (home / name, home / name / "a", home / name / "a/b"):
        assert terminal.cd(step) == ""
        assert terminal.environment == str(environment)
    assert terminal.cd(home / "abc") == ""
    assert terminal.environment is None
    assert terminal.path == before
    # Who is taken for a directory of the project asks a helper, which says that it is not there.
    terminal.cd(home / name)
    terminal.run("set -g _VENVHOOK_PYTHON /nowhere")
    assert terminal.cd(home / "ab/c") == ""
    assert terminal.environment is None


@pytest.mark.parametrize("name", ["home", r"h\Eome", "h(o)me*"])
def test_home_inside_a_project_is_where_the_walk_ends(
    fish: Shell,
    name: str,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    outer = make_environment(home / "outer/.venv")
    inner = home / "outer/users" / name
    (inner / "plain/a").mkdir(parents=True)
    terminal = open_terminal(fish)
    terminal.run(f"set -gx HOME {fish.word(inner)}")
    terminal.run("cd /")
    for step, expected in (
        (home / "outer/users", str(outer)),
        (inner, None),
        (inner / "plain", None),
        (home / "outer", str(outer)),
        (inner / "plain/a", None),
        (home / "outer/users", str(outer)),
    ):
        terminal.cd(step)
        assert terminal.environment == expected, step


def test_the_project_that_home_is_counts_for_home_alone(
    fish: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    own = make_environment(home / ".venv")
    (home / "plain/a").mkdir(parents=True)
    terminal = open_terminal(fish)
    for step, expected in (("plain", None), ("", str(own)), ("plain/a", None), ("", str(own))):
        terminal.cd(home / step)
        assert terminal.environment == expected, step
