"""PowerShell, where it is: what test_transcript.py and the others do not ask of every shell.

Needs pwsh on PATH, and nothing beyond the standard library, pytest, click and shellingham; from the
checkout: PYTHONPATH=src python -m pytest tests/shells/test_powershell.py
"""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from checkout import venvhook_command
from environments import EnvironmentMaker
from powershell import ACTION, EVENT, TOUCHED, shown
from terminal import SHELLS, OpenTerminal, Shell, Terminal


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME."""
    return make_environment(home / "app/.venv")


@pytest.fixture
def terminal(pwsh: Shell, app: Path, open_terminal: OpenTerminal) -> Terminal:
    """A PowerShell that has loaded venvhook, in HOME, where app is."""
    del app
    return open_terminal(pwsh)


def load_line(pwsh: Shell, home: Path) -> str:
    """Return the line of the profile that loads venvhook."""
    return pwsh.load_line(venvhook_command(home.parent))


# ---- Entering and leaving ------------------------------------------------------------------------


def test_entering_and_leaving_in_every_way(terminal: Terminal, app: Path) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("function go($where) { Set-Location $where }")
    for enter, leave in (
        ("cd app", "cd .."),
        ("cd -", "cd -"),
        ("Set-Location app", "Set-Location .."),
        ("Push-Location app", "Pop-Location"),
        ("pushd app", "popd"),
        ("sl app", "sl .."),
        ("chdir app", "chdir .."),
        ("go app", "go .."),
        ("cd ./app/.venv/bin", "cd ~"),
    ):
        assert terminal.run(enter) == "", enter
        assert terminal.environment == str(app), enter
        assert terminal.prompt == "(app) ", enter
        assert terminal.value("PATH") == b"%s/bin:%s" % (bytes(app), before["PATH"]), enter
        assert terminal.run(leave) == "", leave
        assert terminal.prompt == "", leave
        assert terminal.values(*TOUCHED) == before, leave


def test_the_rest_of_the_line_runs_in_the_environment(terminal: Terminal, app: Path) -> None:
    line = "cd app; python -c 'import sys; print(sys.prefix)'; cd .."
    assert terminal.run(line) == f"{app}\n"
    assert terminal.environment is None


@pytest.mark.parametrize(
    "path", ["/usr/bin:/bin", "/usr/bin", ":/bin", "/bin:", "/bin::/usr/bin", "/a b:/bin:/a b"]
)
def test_path_is_given_back_byte_for_byte(terminal: Terminal, app: Path, path: str) -> None:
    terminal.run(f"$env:PATH = '{path}'")
    terminal.run("cd app")
    assert terminal.value("PATH") == f"{app}/bin:{path}".encode()
    terminal.run("$env:PATH = '/first:' + $env:PATH + ':/last'")
    terminal.run("cd ..")
    assert terminal.value("PATH") == f"/first:{path}:/last".encode()


def test_pythonhome_is_hidden_and_given_back(terminal: Terminal) -> None:
    terminal.run("$env:PYTHONHOME = '/opt/python'")
    terminal.run("cd app")
    assert terminal.value("PYTHONHOME") is None
    terminal.run("cd ..")
    assert terminal.value("PYTHONHOME") == b"/opt/python"


def test_another_provider_is_outside_of_every_project(terminal: Terminal, app: Path) -> None:
    terminal.run("cd app")
    assert terminal.run("cd Env:") == ""
    assert terminal.environment is None
    assert terminal.run("cd Variable:") == ""
    terminal.run(f"cd {terminal.shell.word(app.parent)}")
    assert terminal.environment == str(app)


def test_a_drive_is_the_directory_that_it_stands_for(terminal: Terminal, app: Path) -> None:
    (app.parent / "src").mkdir()
    terminal.run("$null = New-PSDrive -Name Proj -PSProvider FileSystem -Root app")
    for step in ("Proj:/", "Proj:/src", "Proj:/"):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment == str(app), step
    terminal.run("cd ~")
    assert terminal.environment is None


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "[a-z]",
        "it's",
        'a "quoted" one',
        "$(New-Item made) $HOME ${HOME}",
        "a `n back`tick",
        "semi; New-Item made",
        "curly \u2018 \u2019 \u201a \u201b \u201c \u201d \u201e",
        "\u2019; New-Item made; \u2018",
        "new\nline",
        "--",
        "-Force",
        "%PATH% !x! & | > < # {}",
        "n\u00e4chste \u6b21",
    ],
)
def test_names_are_only_names(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker, name: str
) -> None:
    environment = make_environment(home / name / ".venv")
    enter = f"Set-Location -LiteralPath {terminal.shell.word(home / name)}"
    before = terminal.values(*TOUCHED)
    for _visit in ("asked", "kept"):
        assert terminal.run(enter) == ""
        assert terminal.value("VIRTUAL_ENV") == bytes(environment)
        assert terminal.value("PATH") == b"%s/bin:%s" % (bytes(environment), before["PATH"])
        assert terminal.value("VIRTUAL_ENV_PROMPT") == name.replace("\n", "?").encode()
        assert terminal.run("cd ~") == ""
        assert terminal.values(*TOUCHED) == before
        # From here on an answer can only come from the kept recipe.
        terminal.run("$global:_VENVHOOK_PYTHON = '/nowhere/python'")
    assert not list(home.glob("**/made"))


# ---- What is left alone --------------------------------------------------------------------------


def test_the_users_prompt_sees_the_status_of_the_last_command(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    rc = "function global:prompt { $global:seen += \"$? $LASTEXITCODE;\"; 'ready> ' }\n"
    terminal = open_terminal(pwsh, rc=rc + load_line(pwsh, home))
    terminal.run("$global:seen = ''; & sh -c 'exit 3'")
    terminal.run("cd app")
    terminal.run("Get-Item /nowhere -ErrorAction Ignore")
    terminal.run("cd ..")
    assert shown(terminal, "$global:seen") == "False 3;True 3;False 3;True 3;"


def test_errors_and_exit_codes_stay_as_they_were(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "other/.venv")
    (home / "bad/.venv").mkdir(parents=True)
    terminal.run("$Error.Clear(); Get-Item /nowhere -ErrorAction SilentlyContinue; sh -c 'exit 7'")
    steps = ("app", "../other", "../bad", "../app", "../other", "..", "app")
    for step in steps:
        terminal.run(f"cd {step}")
        assert shown(terminal, "$Error.Count, $LASTEXITCODE") == "1 7", step
    terminal.run("deactivate")
    terminal.run("$global:_VENVHOOK_PYTHON = $global:_VENVHOOK_CACHE = '/nowhere/python'")
    terminal.run("cd ../bad")
    assert shown(terminal, "$Error.Count, $LASTEXITCODE") == "1 7"


def test_strict_mode_and_stop_do_not_reach_in(terminal: Terminal, app: Path) -> None:
    terminal.run("Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; $Error.Clear()")
    for _visit in range(2):
        assert terminal.run("cd app; 'next'") == "next\n"
        assert terminal.environment == str(app)
        assert terminal.prompt == "(app) "
        assert terminal.run("deactivate; 'next'") == "next\n"
        assert terminal.run("cd ..; 'next'") == "next\n"
        assert terminal.environment is None
    assert shown(terminal, "$Error.Count") == "0"


def test_variables_of_the_caller_do_not_reach_in(terminal: Terminal, app: Path) -> None:
    terminal.run(
        "function go { Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; "
        "$root = $watch = $verdict = $slash = $asked = $dir = 1; [int]$look = 2; cd app; $look }"
    )
    assert terminal.run("go") == "2\n"
    assert terminal.environment == str(app)


def test_the_file_of_a_broken_recipe_is_as_good_as_none(
    terminal: Terminal, app: Path, home: Path
) -> None:
    terminal.run("cd app; cd ..; $Error.Clear()")
    kept = list((home / ".cache").rglob("venvhook.recipe.ps1"))
    assert len(kept) == 1
    for text in ("_venvhook_activate '", "throw 'x'", "}", "_venvhook_nothing 'x'", "'x'"):
        kept[0].write_text(text)
        assert terminal.run("cd app; 'next'") == "next\n"
        assert terminal.environment == str(app)
        assert terminal.run("cd ..") == ""
        assert shown(terminal, "$Error.Count") == "0"
        assert kept[0].read_text() != text


def test_another_location_changed_action_is_kept(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    first = f"$global:moves = 0; {ACTION} = {{ $global:moves += 1 }}\n"
    terminal = open_terminal(pwsh, rc=first + load_line(pwsh, home))
    terminal.run("cd app")
    assert shown(terminal, "$global:moves") == "1"
    assert terminal.environment == str(app)
    more = f"[EventHandler[{EVENT}]]{{ $global:moves += 10 }}"
    terminal.run(f"{ACTION} = [Delegate]::Combine({ACTION}, {more})")
    terminal.run("cd ..")
    assert shown(terminal, "$global:moves") == "12"
    assert terminal.environment is None


def test_loading_twice_is_loading_once(
    pwsh: Shell, terminal: Terminal, app: Path, home: Path
) -> None:
    before = terminal.values(*TOUCHED)
    assert terminal.run(load_line(pwsh, home)) == ""
    terminal.run("cd app")
    assert terminal.run(load_line(pwsh, home)) == ""
    assert terminal.prompt == "(app) "
    assert shown(terminal, f"{ACTION}.GetInvocationList().Count") == "1"
    assert terminal.path.count(f"{app}/bin") == 1
    terminal.run("deactivate")
    assert terminal.prompt == ""
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


def test_loading_again_takes_the_newer_script(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(pwsh)
    command = pwsh.word(venvhook_command(home.parent))
    change = "-replace '\"\\(\\$name\\) \"', '\"<$name> \"'"
    terminal.run(f"Invoke-Expression ((& {command} init powershell | Out-String) {change})")
    terminal.run("cd app")
    assert terminal.prompt == "<app> "


def test_a_prompt_set_later_is_left_alone(
    pwsh: Shell, terminal: Terminal, app: Path, home: Path
) -> None:
    terminal.run("function global:prompt { 'theirs ready> ' }")
    terminal.run("cd app")
    assert terminal.prompt == "theirs "
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.environment is None
    assert terminal.run(load_line(pwsh, home)) == ""
    terminal.run("cd app")
    assert terminal.prompt == "(app) theirs "


def test_a_prompt_that_calls_ours_is_wrapped_without_end(
    pwsh: Shell, terminal: Terminal, home: Path
) -> None:
    terminal.run("$global:old = $function:prompt; function global:prompt { '[' + (& $global:old) }")
    assert terminal.run(load_line(pwsh, home)) == ""
    terminal.run("cd app")
    assert terminal.prompt == "(app) ["


def test_the_prompt_shows_no_name_where_that_is_not_wanted(
    pwsh: Shell, app: Path, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(pwsh, environ={"VIRTUAL_ENV_DISABLE_PROMPT": "1"})
    terminal.run("cd app")
    assert terminal.prompt == ""
    assert terminal.environment == str(app)


# ---- deactivate, and what was activated by hand --------------------------------------------------


def test_deactivate_holds_until_the_project_is_left(terminal: Terminal, app: Path) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.values(*TOUCHED) == before
    assert terminal.run("Get-Command deactivate -ErrorAction Ignore") == ""
    for step in (".venv", "..", "."):
        terminal.run(f"cd {step}")
        assert terminal.environment is None
        assert terminal.prompt == ""
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_a_deactivate_of_the_users_own_comes_back(terminal: Terminal, app: Path) -> None:
    terminal.run("function deactivate { 'my own' }")
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.run("deactivate") == "my own\n"
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.run("deactivate") == "my own\n"


def stock_script(environment: Path) -> Path:
    """Return the script of *environment*: makers differ in its first letter."""
    return next(path for path in environment.glob("bin/*ctivate.ps1"))


@pytest.mark.parametrize("maker", ["venv", "virtualenv", "uv"])
def test_a_stock_activate_on_top_of_ours_takes_over(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker, maker: str
) -> None:
    if maker != "venv" and find_spec(maker) is None and shutil.which(maker) is None:
        pytest.skip(f"{maker} is not on this machine")
    hand = make_environment(home / "hand", maker)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    terminal.run(f". {terminal.shell.word(stock_script(hand))}")
    assert terminal.environment == str(hand)
    assert f"{app}/bin" not in terminal.path
    assert "(app)" not in terminal.prompt
    assert "(hand)" in terminal.prompt
    terminal.run("cd ..")
    assert terminal.environment == str(hand)
    terminal.run("deactivate")
    assert terminal.values(*TOUCHED) == before
    assert terminal.prompt == ""
    terminal.run("cd app")
    assert terminal.environment == str(app)
    assert terminal.prompt == "(app) "


def test_pythonhome_survives_a_stock_activate_on_top(terminal: Terminal, app: Path) -> None:
    terminal.run("$env:PYTHONHOME = '/opt/python'")
    terminal.run("cd app")
    terminal.run(f". {terminal.shell.word(stock_script(app))}")
    terminal.run("cd ..")
    assert terminal.environment == str(app)
    terminal.run("deactivate")
    assert terminal.value("PYTHONHOME") == b"/opt/python"


def test_what_was_activated_by_hand_is_left_alone(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker
) -> None:
    hand = make_environment(home / "hand")
    before = terminal.values(*TOUCHED)
    terminal.run(f". {terminal.shell.word(stock_script(hand))}")
    inside = terminal.values(*TOUCHED)
    for step in ("app", "..", "app"):
        terminal.run(f"cd {step}")
        assert terminal.values(*TOUCHED) == inside
    terminal.run("deactivate")
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


# ---- Changes under one's feet --------------------------------------------------------------------


def test_an_environment_made_or_deleted_where_one_stands_is_noticed(
    pwsh: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    (home / "app").mkdir()
    terminal = open_terminal(pwsh)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    environment = make_environment(home / "app/.venv")
    terminal.run("$null")
    assert terminal.environment == str(environment)
    assert terminal.prompt == "(app) "
    shutil.rmtree(environment)
    assert terminal.run("'next'") == "next\n"
    assert terminal.values(*TOUCHED) == before
    assert terminal.prompt == ""


def test_an_interpreter_that_is_upgraded_away_is_noticed(
    terminal: Terminal, app: Path, home: Path
) -> None:
    interpreter = home / "python"
    interpreter.symlink_to((app / "bin/python").resolve())
    (app / "bin/python").unlink()
    (app / "bin/python").symlink_to(interpreter)
    terminal.run("cd app")
    assert terminal.environment == str(app)
    interpreter.rename(home / "gone")
    said = terminal.run("$null")
    assert f"({interpreter}) is gone" in said
    assert said.count("venvhook:") == 1
    assert terminal.environment is None
    (home / "gone").rename(interpreter)
    terminal.run("$null")
    assert terminal.environment == str(app)


def test_a_deleted_working_directory_ends_nothing(terminal: Terminal, home: Path) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("cd app; $Error.Clear()")
    shutil.rmtree(home / "app")
    assert terminal.run("'next'") == "next\n"
    assert terminal.values(*TOUCHED) == before
    assert terminal.run("cd ~; 'next'") == "next\n"
    assert shown(terminal, "$Error.Count") == "0"


# ---- What is said --------------------------------------------------------------------------------


def test_a_refusal_is_said_once(terminal: Terminal, home: Path) -> None:
    (home / "bad/.venv").mkdir(parents=True)
    said = terminal.run("cd bad")
    assert said.startswith(f"venvhook: {home}/bad/.venv: ")
    assert said.count("\n") == 1
    for step in (".venv", "..", "..", "bad", ".."):
        assert terminal.run(f"cd {step}") == "", step


def test_a_helper_that_is_gone_is_said_once(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "other/.venv")
    terminal.run("$global:_VENVHOOK_PYTHON = '/nowhere/python'; $Error.Clear()")
    said = terminal.run("cd app; 'next'")
    assert said == (
        "next\nvenvhook: the helper's Python is gone (/nowhere/python); install venvhook again\n"
    )
    assert terminal.environment is None
    assert terminal.run("cd ../other") == ""
    assert shown(terminal, "$Error.Count") == "0"


def test_what_the_helper_complains_of_is_shown(terminal: Terminal) -> None:
    terminal.run("$global:_VENVHOOK_PROTOCOL = 'none'")
    said = terminal.run("cd app; 'next'")
    assert said == (
        "next\nvenvhook: this shell was started with another version; start a new shell\n"
    )
    assert terminal.environment is None


def test_constrained_language_mode_is_told_and_left_alone(home: Path) -> None:
    program = shutil.which("pwsh")
    assert program is not None
    line = "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'; "
    line += load_line(SHELLS["pwsh"], home) + "; 'next'; (Get-Command prompt).Definition"
    done = subprocess.run(
        [program, "-NoProfile", "-NonInteractive", "-Command", line],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.stdout.count("venvhook:") == 1
    assert "next" in done.stdout.splitlines()
    assert "_venvhook" not in done.stdout


# ---- Settings and other shells -------------------------------------------------------------------


def test_switched_off_is_as_if_there_were_none(terminal: Terminal, app: Path, home: Path) -> None:
    (home / "bad/.venv").mkdir(parents=True)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    terminal.run("$env:VENVHOOK_OFF = '1'")
    assert terminal.values(*TOUCHED) == before
    for step in ("../bad", "../app"):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.environment is None
    terminal.run("$env:VENVHOOK_OFF = $null")
    assert terminal.environment == str(app)


def test_names_are_the_users_choice(
    pwsh: Shell,
    app: Path,
    home: Path,
    open_terminal: OpenTerminal,
    make_environment: EnvironmentMaker,
) -> None:
    del app
    mine = make_environment(home / "mine/my-env")
    terminal = open_terminal(pwsh, environ={"VENVHOOK_NAMES": "other:my-env"})
    terminal.run("cd app")
    assert terminal.environment is None
    terminal.run("cd ../mine")
    assert terminal.environment == str(mine)


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_what_is_inherited_is_adopted(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, inside: bool
) -> None:
    inherited = {
        "VENVHOOK_ACTIVE": str(app),
        "VIRTUAL_ENV": str(app),
        "VIRTUAL_ENV_PROMPT": "app",
        "PATH": f"/first:{app}/bin:/usr/bin:/bin",
    }
    start = home / "app" if inside else home
    terminal = open_terminal(pwsh, directory=start, environ=inherited)
    if inside:
        assert terminal.environment == str(app)
        assert terminal.value("PATH") == f"{app}/bin:/first:/usr/bin:/bin".encode()
        assert terminal.prompt == "(app) "
        terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == {
        "PATH": b"/first:/usr/bin:/bin",
        "VIRTUAL_ENV": None,
        "VIRTUAL_ENV_PROMPT": None,
        "PYTHONHOME": None,
        "VENVHOOK_ACTIVE": None,
    }


def test_a_powershell_in_powershell_adopts_what_it_inherits(
    pwsh: Shell, terminal: Terminal, app: Path
) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    terminal.start(pwsh)
    assert terminal.environment == str(app)
    assert terminal.path.count(f"{app}/bin") == 1
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


# ---- Completion, offers and refusals -------------------------------------------------------------


def completed(terminal: Terminal, line: str) -> list[str]:
    """Return what Tab would put at the end of *line*."""
    word = terminal.shell.word(line)
    call = f"(TabExpansion2 {word} {len(line)}).CompletionMatches.CompletionText"
    return shown(terminal, f"({call}) -join '|'").split("|")


def on_path(terminal: Terminal) -> None:
    """Put venvhook on PATH."""
    programs = terminal.scratch / "programs"
    programs.mkdir()
    (programs / "venvhook").symlink_to(terminal.command)
    terminal.run(f"$env:PATH = '{programs}:' + $env:PATH")


def test_tab_completes_commands_options_settings_and_environments(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "two words/my env")
    on_path(terminal)
    terminal.run("$global:LASTEXITCODE = 7")
    assert completed(terminal, "venvhook al") == ["allow"]
    assert completed(terminal, "venvhook allow --sh") == ["--shared"]
    assert completed(terminal, "venvhook config get notic") == ["notice"]
    terminal.run("cd 'two words'")
    assert completed(terminal, "venvhook use my") == ["'my env'"]
    assert completed(terminal, "venvhook use '") == ["'my env'"]
    assert shown(terminal, "$LASTEXITCODE") == "7"
    assert shown(terminal, "$env:_VENVHOOK_COMPLETE, $env:COMP_WORDS") == " "


def test_an_offer_is_made_at_the_prompt_once(pwsh: Shell, app: Path, home: Path) -> None:
    for name in ("new", "plain"):
        (home / name).mkdir()
    (home / "new/pyproject.toml").touch()
    settings = home / ".config/venvhook/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('auto_create = "ask"\n')
    with Terminal(pwsh, home.parent) as terminal:
        python = shown(terminal, "$global:_VENVHOOK_PYTHON")
        (home / "helper").write_text(
            f'#!/bin/sh\n[ "$2" = -c ] || exec {python} "$@"\n'
            f'printf "%s\\n" "$5" >> {home}/offers\nln -s {app} .venv\n'
        )
        (home / "helper").chmod(0o755)
        terminal.run(f"$global:_VENVHOOK_PYTHON = '{home}/helper'")
        assert terminal.run("cd new; [Console]::WriteLine('worked'); cd ../plain") == "worked\n"
        assert not (home / "offers").exists()
        terminal.run("cd ../new")
        assert (home / "offers").read_text() == f"{home}/new\n"
        assert terminal.environment == f"{home}/new/.venv"
        (home / "new/.venv").unlink()
        for step in ("..", "new", "../plain", "../new"):
            terminal.run(f"cd {step}")
        assert (home / "offers").read_text() == f"{home}/new\n"


def test_a_refusal_of_pips_is_explained_once(terminal: Terminal, home: Path) -> None:
    programs = home / "programs"
    programs.mkdir()
    for name in ("pip", "grep"):
        (programs / name).write_text("#!/bin/sh\nexit 3\n")
        (programs / name).chmod(0o755)
    terminal.run(f"$env:PATH = '{programs}:' + $env:PATH; $env:VENVHOOK_GUARD = 'on'")
    terminal.run("mkdir plain; cd plain")
    assert "venvhook guard off" in terminal.run("pip install x")
    assert terminal.run("cd ..") == ""
    assert terminal.run("grep x") == ""
