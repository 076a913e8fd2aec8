"""PowerShell, where it is: nothing of the user's shell is spoiled, whatever he does with it.

Run like test_powershell.py; what the tests of all shells ask of PowerShell too is not asked here.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from checkout import venvhook_command
from environments import EnvironmentMaker
from powershell import ACTION, EVENT, TOUCHED, shown
from terminal import SHELLS, OpenTerminal, Shell, Terminal


@pytest.fixture
def app(home: Path, make_environment: EnvironmentMaker) -> Path:
    """The environment of a project in HOME, beside one that may not be used."""
    (home / "bad/.venv").mkdir(parents=True)
    (home / "plain").mkdir()
    return make_environment(home / "app/.venv")


@pytest.fixture
def terminal(pwsh: Shell, app: Path, open_terminal: OpenTerminal) -> Terminal:
    """A PowerShell that has loaded venvhook, in HOME, where app is."""
    del app
    return open_terminal(pwsh)


def full_load_line(home: Path) -> str:
    """Return the line that loads venvhook also where its cmdlets are functions of the user's."""
    word = SHELLS["pwsh"].word(venvhook_command(home.parent))
    return (
        "Microsoft.PowerShell.Utility\\Invoke-Expression "
        f"(& {word} init powershell | Microsoft.PowerShell.Utility\\Out-String)"
    )


def stock_script(environment: Path) -> Path:
    """Return the script of *environment*: makers differ in its first letter."""
    return next(path for path in environment.glob("bin/*ctivate.ps1"))


def replace_helper(terminal: Terminal, script: str) -> Path:
    """Let *script* of sh, in which $python is the real one, be the Python of the helper."""
    python = shown(terminal, "$global:_VENVHOOK_PYTHON")
    file = terminal.scratch / "helper"
    file.write_text(f"#!/bin/sh\npython='{python}'\n{script}\n")
    file.chmod(0o755)
    terminal.run(f"$global:_VENVHOOK_PYTHON = {terminal.shell.word(file)}")
    return file


# ---- Status and variables ------------------------------------------------------------------------


def test_the_status_is_what_it_was_at_every_prompt(terminal: Terminal) -> None:
    for where in ("app", "../plain", "../bad", "../app", ".."):
        terminal.run(f"cd {where}")
        assert shown(terminal, "$?") == "True", where
        terminal.run("sh -c 'exit 5'")
        assert shown(terminal, "$?") == "False", where
        assert shown(terminal, "$LASTEXITCODE") == "5", where
        terminal.run("Get-Item /nowhere -ErrorAction Ignore")
        assert shown(terminal, "$?") == "False", where
        terminal.run("$null = 1")
        assert shown(terminal, "$?") == "True", where


def test_a_cd_that_fails_fails_as_ever(terminal: Terminal) -> None:
    terminal.run("cd app; $Error.Clear(); sh -c 'exit 5'")
    assert "nowhere" in terminal.run("cd nowhere")
    assert shown(terminal, "$?") == "False"
    assert shown(terminal, "$Error.Count, $LASTEXITCODE") == "1 5"
    assert terminal.run("try { cd nowhere -ErrorAction Stop } catch { 'caught' }") == "caught\n"
    assert terminal.prompt == "(app) "


AROUND_CD = {
    "$Matches": "$null = 'x' -match '(x)'; cd app; $Matches[1]; cd ..",
    "$args": "function f { cd app; $args[0]; cd .. }; f x",
    "$input": "function f { cd app; $input; cd .. }; 'x' | f",
    "$_": "'x' | ForEach-Object { cd app; $_; cd .. }",
    "$PSItem of a switch": "switch ('x') { 'x' { cd app; $PSItem; cd .. } }",
    "$foreach": "foreach ($y in 'w', 'x') { cd app; cd .. }; $y",
    "$this": "$o = [pscustomobject]@{ n = 'x' }; $o | Add-Member ScriptMethod f "
    "{ cd app; cd ..; $this.n }; $o.f()",
    "a catch": "try { throw 'x' } catch { cd app; cd ..; $_.Exception.Message }",
    "an exception": "try { cd app; throw 'x' } catch { $_.Exception.Message } finally { cd .. }",
    "what -PassThru says": "$w = cd app -PassThru; cd ..; ('', 'x')[$w -is "
    "[System.Management.Automation.PathInfo]]",
    "the stack of locations": "pushd app; pushd src; ('', '', 'x')[(Get-Location -Stack).Count]; "
    "popd; popd",
    "a local variable": "& { $root = $path = $name = $here = 'x'; cd app; cd ..; $here }",
    "an array of errors": "$Error.Clear(); cd app; cd ../bad; cd ..; ('x', '')[$Error.Count]",
    "a module": "$null = New-Module { function g { cd app; cd ..; 'x' } }; g",
}


def test_nothing_changes_for_the_line_around_a_cd(terminal: Terminal, home: Path) -> None:
    (home / "app/src").mkdir()
    for visit in ("asked", "kept"):
        for what, line in AROUND_CD.items():
            assert terminal.run(f"{line}; cd ~") == "x\n", (what, visit)
    terminal.run("$global:_VENVHOOK_PYTHON = $global:_VENVHOOK_CACHE = '/nowhere/python'")
    for what, line in AROUND_CD.items():
        said = terminal.run(f"{line}; cd ~").splitlines()
        assert said[:1] == ["x"], what
        assert len(said) < 3, what


def test_the_history_holds_what_was_typed(terminal: Terminal) -> None:
    terminal.run("Clear-History")
    lines = ["cd app", "cd ../bad", "deactivate", "cd ..", "cd app"]
    for line in lines:
        terminal.run(line)
    typed = shown(terminal, "(Get-History).CommandLine -join '|'")
    assert typed.split("|")[-len(lines) :] == lines


SNAPSHOT = r"""
function global:_test_snapshot($file) {
    $moving = '^(\^|\$|\?|_|Error|StackTrace|PWD|args|input|MyInvocation|LASTEXITCODE|foreach|'
    $moving += 'PS.*|Matches|switch|ExecutionContext|_VENVHOOK_.*)$'
    $lines = @()
    foreach ($item in Get-Variable -Scope Global) {
        if ($item.Name -notmatch $moving) { $lines += "variable $($item.Name) $($item.Value)" }
    }
    foreach ($item in Get-ChildItem function:) {
        $lines += "function $($item.Name) $($item.Definition)"
    }
    foreach ($item in Get-Alias) { $lines += "alias $($item.Name) $($item.Definition)" }
    foreach ($item in Get-ChildItem env:) { $lines += "env $($item.Name) $($item.Value)" }
    foreach ($item in Get-PSDrive) { $lines += "drive $($item.Name) $($item.Root)" }
    foreach ($item in Get-Module) { $lines += "module $($item.Name)" }
    foreach ($item in Get-Job) { $lines += "job $($item.Name)" }
    foreach ($item in Get-EventSubscriber) { $lines += "event $($item.SubscriptionId)" }
    foreach ($item in Get-PSBreakpoint) { $lines += "breakpoint $($item.Id)" }
    $lines += "encoding $([Console]::OutputEncoding.WebName) $([Console]::InputEncoding.WebName)"
    $lines += "directory $([Environment]::CurrentDirectory)"
    [IO.File]::WriteAllText($file, ($lines -join [char]0))
}
"""


def snapshot(terminal: Terminal) -> set[str]:
    """Return all that can be seen of the state of the shell, but what changes by itself."""
    file = terminal.scratch / "snapshot"
    terminal.run(f"_test_snapshot {terminal.shell.word(file)}")
    return {line for line in file.read_text().split("\0") if not line.startswith("env OLDPWD")}


def names(lines: set[str]) -> set[str]:
    """Return the first two words of *lines*."""
    return {" ".join(line.split()[:2]) for line in lines}


def test_nothing_else_of_the_shell_changes(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    terminal = open_terminal(pwsh, rc=SNAPSHOT)
    snapshot(terminal)  # loads the modules that it needs itself
    without = snapshot(terminal)
    assert terminal.run(full_load_line(home)) == ""
    loaded = snapshot(terminal)
    assert names(without ^ loaded) - {"env VENVHOOK_SESSION"} == {"function prompt"}
    terminal.run("cd app")
    inside = snapshot(terminal)
    assert names(loaded ^ inside) == {
        "function deactivate",
        "env PATH",
        "env VENVHOOK_ACTIVE",
        "env VIRTUAL_ENV",
        "env VIRTUAL_ENV_PROMPT",
    }
    terminal.run("cd ..")
    assert snapshot(terminal) == loaded


# ---- The user's hand -----------------------------------------------------------------------------


def test_a_stock_activate_of_the_active_environment_takes_over(
    terminal: Terminal, app: Path
) -> None:
    before = terminal.values(*TOUCHED)
    script = terminal.shell.word(stock_script(app))
    for leave_first in (False, True):
        # The second is what VS Code types.
        for calls in (".", "&", ".."):
            terminal.run("cd app")
            for call in calls:
                terminal.run(f"{call} {script}")
            assert terminal.environment == str(app)
            assert terminal.path.count(f"{app}/bin") == 1
            assert terminal.prompt.count("(") == 1
            if leave_first:
                terminal.run("cd ..")
                assert terminal.environment == str(app)
            terminal.run("deactivate")
            assert terminal.values(*TOUCHED) == before, (leave_first, calls)
            assert terminal.prompt == ""
            assert terminal.run("Get-Command deactivate -ErrorAction Ignore") == ""
            terminal.run("cd ~")
            assert terminal.values(*TOUCHED) == before


def test_deactivate_knows_the_stock_options(terminal: Terminal) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    assert terminal.run("deactivate -NonDestructive") == ""
    assert terminal.values(*TOUCHED) == before


def test_deactivate_holds_in_a_project_around_another(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker
) -> None:
    inner = make_environment(home / "app/inner/.venv")
    terminal.run("cd app")
    terminal.run("deactivate")
    terminal.run("cd inner")
    assert terminal.environment == str(inner)
    terminal.run("cd ..")
    assert terminal.environment is None
    terminal.run("cd ~")
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_a_deactivate_defined_while_an_environment_is_active_stays(terminal: Terminal) -> None:
    terminal.run("cd app; function deactivate { 'mine' }")
    assert terminal.run("cd ..") == ""
    assert terminal.environment is None
    assert terminal.run("deactivate") == "mine\n"
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.run("deactivate") == "mine\n"


def test_a_deactivate_that_is_read_only_stays(terminal: Terminal, app: Path) -> None:
    terminal.run("function deactivate { 'mine' }; (Get-Item function:deactivate).Options = 1")
    for _ in range(2):
        assert terminal.run("cd app") == ""
        assert terminal.environment == str(app)
        assert terminal.run("deactivate") == "mine\n"
        assert terminal.run("cd ..") == ""
        assert terminal.environment is None


def test_a_variable_set_by_somebody_ends_ours(terminal: Terminal, app: Path) -> None:
    terminal.run("cd app")
    terminal.run("$env:VIRTUAL_ENV = '/somewhere'")
    assert f"{app}/bin" not in terminal.path
    assert terminal.prompt == ""
    assert terminal.run("Get-Command deactivate -ErrorAction Ignore") == ""
    terminal.run("cd ~; $env:VIRTUAL_ENV = $null")
    terminal.run("cd app")
    assert terminal.environment == str(app)


CONDA = """
function conda-on {
    $env:CONDA_PREFIX = '/opt/conda/envs/work'; $env:CONDA_DEFAULT_ENV = 'work'
    $env:CONDA_PROMPT_MODIFIER = '(work) '; $env:PATH = '/opt/conda/envs/work/bin:' + $env:PATH
}
function conda-off {
    $env:CONDA_PREFIX = '/opt/conda'; $env:CONDA_DEFAULT_ENV = 'base'
    $env:CONDA_PROMPT_MODIFIER = ''
    $env:PATH = $env:PATH.Replace('/opt/conda/envs/work/bin:', '')
}
"""


def test_an_environment_of_condas_is_the_users_choice(terminal: Terminal, app: Path) -> None:
    terminal.run_file(CONDA.replace("function ", "function global:"))
    terminal.run("conda-off")
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    assert terminal.environment == str(app)
    terminal.run("conda-on")
    assert terminal.environment is None
    assert terminal.path[0] == "/opt/conda/envs/work/bin"
    assert f"{app}/bin" not in terminal.path
    for step in ("..", "app"):
        terminal.run(f"cd {step}")
        assert terminal.environment is None, step
    terminal.run("conda-off")
    assert terminal.environment == str(app)
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


# ---- Inherited -----------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-Command", "-File"])
def test_what_is_inherited_is_active_where_no_prompt_follows(
    terminal: Terminal, app: Path, option: str
) -> None:
    show = "\"$env:VIRTUAL_ENV|$((Get-Command python).Source)|$($env:PATH.Split(':')[0])\""
    for where, line, expected in (
        ("app", show, f"{app}|{app}/bin/python|{app}/bin\n"),
        ("app", f"cd src; {show}", f"{app}|{app}/bin/python|{app}/bin\n"),
        ("app", "deactivate; \"[$env:VIRTUAL_ENV]$($env:PATH -like '*app/.venv*')\"", "[]False\n"),
        ("app", "cd ~; \"[$env:VIRTUAL_ENV]$($env:PATH -like '*app/.venv*')\"", "[]False\n"),
        ("plain", '"[$env:VIRTUAL_ENV]"', "[]\n"),
    ):
        (terminal.home / "app/src").mkdir(exist_ok=True)
        terminal.run(f"cd ~/{where}")
        if option == "-File":
            script = terminal.scratch / "script.ps1"
            script.write_text(line + "\n")
            line = str(script)
        words = (str(terminal.shell.path), "-NonInteractive", option, line)
        called = "& " + " ".join(terminal.shell.word(word) for word in words)
        assert terminal.run(called) == expected, line


def test_the_environment_outranks_what_the_profile_puts_first(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    rc = full_load_line(home) + "\n"
    rc += "cd ~/app; $env:PATH = '/profile:' + $env:PATH\n"
    inherited = {"VENVHOOK_ACTIVE": str(app), "VIRTUAL_ENV": str(app), "PATH": f"{app}/bin:/bin"}
    terminal = open_terminal(pwsh, rc=rc, directory=home, environ=inherited)
    assert terminal.path == [f"{app}/bin", "/profile", "/bin"]
    # The profile read again in the middle of all.
    terminal.run(f". {pwsh.word(terminal.rc_file)}")
    assert terminal.path == [f"{app}/bin", "/profile", "/profile", "/bin"]
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.path == ["/profile", "/profile", "/bin"]


def test_what_is_left_of_what_is_inherited_goes(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    (home / "other").mkdir()
    path = f"{app}/bin:/usr/bin:/bin"
    for name, environ in {
        "unset": {"VENVHOOK_ACTIVE": str(app), "VIRTUAL_ENV_PROMPT": "app"},
        "another": {"VENVHOOK_ACTIVE": str(app), "VIRTUAL_ENV": f"{home}/other"},
        "sudo": {"SUDO_COMMAND": "/bin/sh"},
    }.items():
        # An environment that was active once knows its token.
        (app / ".venvhook").write_text("0" * 32 + "\n")
        terminal = open_terminal(pwsh, environ={"PATH": path, **environ})
        assert terminal.path == ["/usr/bin", "/bin"], name
        assert terminal.environment == environ.get("VIRTUAL_ENV"), name
        assert terminal.value("VIRTUAL_ENV_PROMPT") is None, name
        assert terminal.value("VENVHOOK_ACTIVE") is None, name


# ---- PATH ----------------------------------------------------------------------------------------


def test_path_survives_random_walks(terminal: Terminal, app: Path, home: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    log = terminal.scratch / "paths"
    lines, expected = [f"Remove-Item {terminal.shell.word(log)} -ErrorAction Ignore"], []
    entries = ["/usr/bin", "/bin"]
    for walk in range(60):
        at = home
        for step in range(6):
            at = chance.choice([home, home / "app", home / "bad", home / "plain"])
            lines.append(f"Set-Location {terminal.shell.word(at)}")
            edit = chance.randrange(5)
            new = chance.choice([f"/new/{walk}.{step}", "", "/a b", "/bin"])
            if edit == 0:
                entries.insert(0, new)
                lines.append(f"$env:PATH = '{new}:' + $env:PATH")
            elif edit == 1:
                entries.append(new)
                lines.append(f"$env:PATH += ':{new}'")
        lines += ["Set-Location ~", f"[IO.File]::AppendAllText('{log}', $env:PATH + [char]0)"]
        expected.append(":".join(entries))
    terminal.run("$env:PATH = '/usr/bin:/bin'")
    terminal.run_file("\n".join(lines))
    assert log.read_text().split("\0")[:-1] == expected, f"seed {seed}"
    assert str(app) not in expected[-1]


def test_a_second_entry_of_ours_is_the_users(terminal: Terminal, app: Path) -> None:
    terminal.run("$env:PATH = '/usr/bin:/bin'")
    terminal.run(f"cd app; $env:PATH += ':{app}/bin'")
    terminal.run("cd ..")
    assert terminal.path == ["/usr/bin", "/bin", f"{app}/bin"]


def test_pythonhome_set_while_active_survives_the_next_project(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "other/.venv")
    terminal.run("cd app; $env:PYTHONHOME = '/opt/python'")
    terminal.run("cd ../other")
    assert terminal.value("PYTHONHOME") is None
    terminal.run("cd ~")
    assert terminal.value("PYTHONHOME") == b"/opt/python"


# ---- Prompt --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Write-Host 'written ' -NoNewline; 'ready> '", "(app) written "),
        ("$Host.UI.Write(''); 'ready> '", "(app) "),
        ('"first`nsecond ready> "', "second "),
        ("'ready> ', 'more'", "(app) "),
    ],
    ids=["writes itself", "string", "two lines", "two objects"],
)
def test_the_name_is_shown_once_before_any_prompt(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, prompt: str, expected: str
) -> None:
    del app
    rc = f"function global:prompt {{ {prompt} }}\n{full_load_line(home)}"
    terminal = open_terminal(pwsh, rc=rc)
    before = terminal.prompt
    terminal.run("cd app")
    for _ in range(2):
        assert terminal.run("$null").count("(app)") + terminal.prompt.count("(app)") == 1
        assert terminal.prompt == expected
    terminal.run("cd ..")
    assert terminal.prompt == before


def test_the_setting_that_hides_the_name_counts_at_once(terminal: Terminal) -> None:
    terminal.run("cd app")
    assert terminal.prompt == "(app) "
    terminal.run("$env:VIRTUAL_ENV_DISABLE_PROMPT = '1'")
    assert terminal.prompt == ""
    terminal.run("$env:VIRTUAL_ENV_DISABLE_PROMPT = $null")
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.prompt == ""


def test_nothing_in_a_name_is_expanded(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    for name in ("$(New-Item made)", "${HOME}", "`n`e[1m", "%h {0} !!", "a'b\"c"):
        make_environment(home / name / ".venv")
        terminal.run(f"Set-Location -LiteralPath {terminal.shell.word(home / name)}")
        assert terminal.prompt == f"({name}) "
        terminal.run("cd ~")
        assert terminal.prompt == ""
    assert not list(home.glob("**/made"))


def test_a_prompt_that_fails_is_as_it_was(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    rc = "function global:prompt { if ($global:fails) { throw 'no prompt' }; 'ready> ' }\n"
    terminal = open_terminal(pwsh, rc=rc + full_load_line(home))
    terminal.run("cd app")
    terminal.send("$global:fails = 1\r")
    terminal.wait_for("PS>")
    terminal.send("$global:fails = 0\r")
    terminal.wait_for_prompt()
    assert terminal.environment == str(app)
    assert terminal.prompt == "(app) "


# ---- Odd options, redefined commands -------------------------------------------------------------

OPTIONS = {
    "strict": "Set-StrictMode -Version Latest",
    "stop": "$ErrorActionPreference = 'Stop'",
    "strict, stop": "Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'",
    "inquire": "$ErrorActionPreference = 'Inquire'",
    "warnings stop": "$WarningPreference = 'Stop'",
    "verbose, debug": "$VerbosePreference = $DebugPreference = 'Continue'",
    "what if": "$WhatIfPreference = $true; $ConfirmPreference = 'Low'",
    "native errors stop": "$ErrorActionPreference = 'Stop'; "
    "$PSNativeCommandUseErrorActionPreference = $true",
    "default parameters": "$PSDefaultParameterValues = @{ '*:ErrorAction' = 'Stop'; "
    "'*:ErrorVariable' = 'e'; '*:OutVariable' = 'o' }",
    "separator": "$OFS = ':'",
    "few errors": "$MaximumErrorCount = 256; 1..300 | ForEach-Object { Write-Error x 2>$null }",
}


@pytest.mark.parametrize("when", ["before", "after"])
def test_options_of_the_users_do_not_reach_in(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, when: str
) -> None:
    terminal = open_terminal(pwsh, rc="$null = Microsoft.PowerShell.Utility\\Get-Date")
    for name, option in OPTIONS.items():
        load = full_load_line(home)
        terminal.restart()
        lines = (option, load) if when == "before" else (load, option)
        assert [terminal.run(line) for line in lines] == ["", ""], name
        before = terminal.values(*TOUCHED)
        for visit in ("asked", "kept"):
            assert terminal.run("cd app; 'next'") == "next\n", (name, visit)
            assert terminal.environment == str(app), (name, visit)
            assert terminal.prompt == "(app) ", (name, visit)
            assert terminal.run("cd ../bad; 'next'").startswith("next\n"), (name, visit)
            assert terminal.run("cd ../app; deactivate; 'next'") == "next\n", (name, visit)
            assert terminal.run("cd ..; 'next'") == "next\n", (name, visit)
            assert terminal.values(*TOUCHED) == before, (name, visit)


CMDLETS = """
New-Module Set-StrictMode Invoke-Expression Write-Error Write-Warning Get-History Out-String
Register-ArgumentCompleter Export-ModuleMember Write-Host Get-Item Test-Path Join-Path Get-Command
python venvhook _venvhook_hook _venvhook_walk _venvhook_switch _venvhook_prompt
"""


@pytest.mark.parametrize("kind", ["function", "alias"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_commands_that_the_user_has_redefined_are_not_called(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, kind: str, when: str
) -> None:
    rc = "function global:hijack { [Console]::WriteLine('HIJACKED'); throw 'HIJACKED' }\n"
    # A function of the script's own is found before one of the user's; an alias never is.
    for name in CMDLETS.split():
        if kind == "function":
            rc += f"function global:{name} {{ hijack }}\n"
        elif not name.startswith("_venvhook"):
            rc += f"Microsoft.PowerShell.Utility\\Set-Alias {name} hijack -Scope Global -Force\n"
    load = full_load_line(home) + "\n"
    terminal = open_terminal(pwsh, rc=rc + load if when == "before" else load + rc)
    assert "HIJACKED" not in terminal.greeting
    before = terminal.values(*TOUCHED)
    for _visit in ("asked", "kept"):
        assert terminal.run("cd app") == ""
        assert terminal.environment == str(app)
        assert terminal.prompt == "(app) "
        assert terminal.run("sh -c 'exit 3'") == ""
        assert "HIJACKED" not in terminal.run("cd ../bad")
        assert terminal.run("cd ..") == ""
        assert terminal.values(*TOUCHED) == before
    assert "HIJACKED" in terminal.run("try { Write-Error x } catch { 'still mine' }")


def test_a_cd_of_the_users_own_is_seen(terminal: Terminal, app: Path) -> None:
    for define in (
        "function global:z { Set-Location @args }; Set-Alias cd z -Scope Global -Force "
        "-Option AllScope",
        "Remove-Item alias:cd -Force; function global:cd { Set-Location @args; 'moved' }",
    ):
        terminal.run(define)
        assert "venvhook" not in terminal.run("cd app")
        assert terminal.environment == str(app), define
        terminal.run("cd ..")
        assert terminal.environment is None, define


# ---- Quiet ---------------------------------------------------------------------------------------


def quiet_runs(home: Path) -> dict[str, tuple[list[str], str | None]]:
    """Return ways to run PowerShell without a prompt: arguments, and the standard input."""
    (home / "script.ps1").write_text("cd bad\ncd ../app\n'out'\n")
    line = "cd bad; cd ../app; 'out'"
    nested = "& (Get-Process -Id $PID).Path -Command 'cd bad; cd ../app'; 'out'"
    return {
        "-Command": (["-Command", line], None),
        "-NonInteractive": (["-NonInteractive", "-Command", line], None),
        "-File": (["-File", str(home / "script.ps1")], None),
        "a pipeline": (["-Command", "cd bad | Out-Null; cd ../app | Out-Null; 'out'"], None),
        "a subexpression": (["-Command", "$x = $(cd bad; cd ../app; 'out'); $x"], None),
        "in a shell": (["-Command", nested], None),
        "a job": (["-Command", "Start-Job { 'out' } | Receive-Job -Wait"], None),
        "standard input": (["-NonInteractive", "-Command", "-"], f"{line}\n"),
    }


def test_nothing_is_said_where_no_prompt_follows(pwsh: Shell, app: Path, home: Path) -> None:
    with Terminal(pwsh, home.parent):
        pass  # writes the profile
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LANG": "C.UTF-8"}
    for name, (arguments, given) in quiet_runs(home).items():
        done = subprocess.run(
            [str(pwsh.path), "-NoLogo", *arguments],
            env=environ,
            cwd=home,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.stdout, done.stderr, done.returncode) == ("out\n", "", 0), name
    del app


def test_who_only_passes_a_refused_project_is_not_told(terminal: Terminal) -> None:
    assert terminal.run("pushd bad; popd; 'next'") == "next\n"
    assert terminal.run("$x = $(cd bad; $PWD.Path); cd ..; 'next'") == "next\n"
    said = terminal.run("cd bad; 'next'")
    assert said.startswith("next\nvenvhook: ")
    assert said.count("\n") == 2
    assert terminal.run("cd ..; cd bad") == ""


def test_completion_of_directories_says_nothing(terminal: Terminal) -> None:
    line = "(TabExpansion2 'cd ba' 5).CompletionMatches.Count"
    assert terminal.run(f'[Console]::WriteLine("$({line})")') == "1\n"
    assert terminal.environment is None


# ---- Interruptions -------------------------------------------------------------------------------

ONE_LINE = "venvhook: the helper did not answer within 1 s ("


def test_a_helper_is_waited_for_as_long_as_the_user_says(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "other/.venv")
    replace_helper(terminal, "exec sleep 6000")
    terminal.run("$env:VENVHOOK_TIMEOUT = '0'")
    wrong, hangs = terminal.run(f"cd {app.name}").splitlines()
    assert wrong == (
        "venvhook: VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s"
    )
    assert hangs.startswith(ONE_LINE)
    terminal.run("$env:VENVHOOK_TIMEOUT = '2'; $global:_VENVHOOK_HUNG = 0")
    begin = time.monotonic()
    said = terminal.run("cd ../other")
    assert said.startswith(ONE_LINE.replace("1 s", "2 s"))
    assert time.monotonic() - begin > 1.9


@pytest.mark.parametrize("hang", ["exec sleep 6000", "kill -STOP $$"], ids=["sleeps", "stopped"])
def test_a_helper_that_hangs_is_given_up(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker, hang: str
) -> None:
    make_environment(home / "other/.venv")
    terminal.run("$Error.Clear()")
    helper = replace_helper(terminal, f"echo $$ >> {home}/pids\n{hang}")
    said = terminal.run("cd app")
    assert said.startswith(ONE_LINE)
    assert said.count("\n") == 1
    assert terminal.environment is None
    asked = (home / "pids").read_text().split()
    assert len(asked) == 1
    assert terminal.run("'next'") == "next\n"
    assert (home / "pids").read_text().split() == asked
    assert not Path(f"/proc/{asked[0]}").exists()
    # It hangs again, unsaid; then it is not asked after the next change of directory.
    for step, times in (("../other", 2), ("../app", 2)):
        assert terminal.run(f"cd {step}") == ""
        assert len((home / "pids").read_text().split()) == times
    assert shown(terminal, "$Error.Count") == "0"
    helper.write_text(helper.read_text().replace(hang, 'exec "$python" "$@"'))
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)


def test_a_helper_that_is_slow_is_waited_for(terminal: Terminal, app: Path) -> None:
    replace_helper(terminal, 'sleep 0.4\nexec "$python" "$@"')
    assert terminal.run("cd app; 'next'") == "next\n"
    assert terminal.environment == str(app)


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1", 1),
        ("head -c 300000 /dev/zero | tr '\\0' x; exit 1", 0),
        ("kill -9 $$", 1),
        ("kill -TERM $$", 1),
        ("echo 'no recipe }'", 1),
        ("exit 7", 0),
        ("cat", 1),
    ],
    ids=["much on stderr", "much on stdout", "killed", "ended", "nonsense", "fails", "reads"],
)
def test_a_helper_that_fails_ends_nothing(
    terminal: Terminal, app: Path, home: Path, script: str, lines: int
) -> None:
    terminal.run("$Error.Clear()")
    helper = replace_helper(terminal, f"echo x >> {home}/asked\n{script}")
    said = terminal.run("cd app; 'next'")
    assert said.startswith("next\n")
    assert said.count("\n") == 1 + lines
    asked = (home / "asked").read_text()
    assert terminal.environment is None
    assert terminal.run("'next'") == "next\n"
    assert (home / "asked").read_text() == asked
    assert shown(terminal, "$Error.Count") == "0"
    helper.write_text('#!/bin/sh\nexec "$python" "$@"\n'.replace("$python", helper_python(helper)))
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(app)


def helper_python(helper: Path) -> str:
    """Return the real Python that *helper* names."""
    return helper.read_text().splitlines()[1].removeprefix("python='").removesuffix("'")


def test_a_helper_that_cannot_be_started_is_said_once(
    terminal: Terminal, home: Path, make_environment: EnvironmentMaker
) -> None:
    make_environment(home / "other/.venv")
    terminal.run("$Error.Clear()")
    helper = replace_helper(terminal, "exit 1")
    helper.write_text("no program at all\n")
    helper.chmod(0o600)
    said = terminal.run("cd app; 'next'")
    assert said == f"next\nvenvhook: the helper could not be started ({helper})\n"
    assert terminal.run("cd ../other") == ""
    assert shown(terminal, "$Error.Count") == "0"


def test_ctrl_c_in_the_helper_is_no_answer(terminal: Terminal, app: Path, home: Path) -> None:
    before = terminal.values(*TOUCHED)
    script = f"[ -e {home}/go ] || {{ echo waiting > /dev/tty; exec sleep 0.9; }}\n"
    replace_helper(terminal, script + 'exec "$python" "$@"')
    terminal.send("cd app\r")
    terminal.wait_for("waiting")
    (home / "go").touch()
    assert "venvhook" not in terminal.interrupt()
    assert terminal.environment in (None, str(app))
    terminal.run("$null")
    assert terminal.environment == str(app)
    assert terminal.prompt == "(app) "
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before


HALVES = (
    "$env:VIRTUAL_ENV = $null",
    "$env:PATH = $env:PATH.Substring($env:PATH.IndexOf(':') + 1)",
    "$env:VIRTUAL_ENV_PROMPT = $null; $env:VENVHOOK_ACTIVE = $null",
    "$env:PYTHONHOME = '/opt/python'; $env:VIRTUAL_ENV = $env:VIRTUAL_ENV_PROMPT = $null; "
    "$env:VENVHOOK_ACTIVE = $null; $global:_VENVHOOK_ENV = $global:_VENVHOOK_PREFIX = ''",
    "$env:PATH = '/other/bin:' + $env:PATH",
    "Remove-Item function:deactivate",
)


def test_a_switch_that_was_interrupted_is_taken_back(terminal: Terminal, app: Path) -> None:
    terminal.run("$env:PYTHONHOME = '/opt/python'")
    before = terminal.values(*TOUCHED)
    for half in HALVES:
        terminal.run("cd app")
        terminal.run(f"$global:_VENVHOOK_HALF = '{app}/bin', '/other/bin'; {half}")
        assert terminal.environment == str(app), half
        assert terminal.path.count(f"{app}/bin") == 1, half
        assert terminal.prompt == "(app) ", half
        terminal.run("cd ..")
        assert terminal.values(*TOUCHED) == before, half
        assert terminal.run("Get-Command deactivate -ErrorAction Ignore") == "", half


# ---- Environments that change, and nest ----------------------------------------------------------


def test_an_environment_is_made_anew_above_where_one_stands(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker
) -> None:
    (home / "app/src").mkdir()
    before = terminal.values(*TOUCHED)
    terminal.run("cd app/src")
    for _ in range(2):
        assert terminal.environment == str(app)
        shutil.rmtree(app)
        assert terminal.run("'next'") == "next\n"
        assert terminal.values(*TOUCHED) == before
        assert terminal.run("'next'") == "next\n"
        make_environment(app)
        assert terminal.run("$null") == ""
    assert terminal.prompt == "(app) "
    terminal.run("cd ~")
    assert terminal.values(*TOUCHED) == before


@pytest.mark.parametrize("what", ["emptied", "renamed", "a link", "a file", "nowhere"])
def test_what_takes_the_place_of_an_environment_is_none(
    terminal: Terminal, app: Path, home: Path, what: str
) -> None:
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    app.rename(home / "old")
    if what == "emptied":
        app.mkdir()
    elif what == "a link":
        app.symlink_to(home / "old")
    elif what == "a file":
        app.touch()
    elif what == "nowhere":
        app.symlink_to(home / "nowhere")
    assert terminal.run("$null").count("\n") <= 1
    assert terminal.values(*TOUCHED) == before
    assert terminal.run("$null") == ""
    assert terminal.prompt == ""


def test_the_nearest_of_nested_projects_is_active(
    terminal: Terminal, app: Path, home: Path, make_environment: EnvironmentMaker
) -> None:
    inner = make_environment(home / "app/lib/inner/.venv")
    (home / "link").symlink_to(home / "app/lib")
    for where, expected in (
        ("app", app),
        ("lib", app),
        ("inner", inner),
        ("../..", app),
        ("~/link/inner", None),
        ("..", None),
        ("~", None),
    ):
        terminal.run(f"cd {where}")
        if where == "~/link/inner":
            # The same environment by another name, which its scripts do not know.
            continue
        assert terminal.environment == (str(expected) if expected else None), where


# ---- Neighbours ----------------------------------------------------------------------------------

DIRENV = f"""
$global:changes = 0
$hook = [EventHandler[{EVENT}]]{{
    param($from, $change)
    $inside = $change.NewPath.ProviderPath -like '*/layout*'
    if ($inside -and -not $env:DIRENV_DIR) {{
        $global:changes += 1
        $env:DIRENV_DIR = '-layout'; $env:VIRTUAL_ENV = "$HOME/layout/.direnv/python"
        $env:PATH = "$env:VIRTUAL_ENV/bin:$env:PATH"
    }} elseif (-not $inside -and $env:DIRENV_DIR) {{
        $global:changes += 1
        $env:PATH = $env:PATH.Replace("$env:VIRTUAL_ENV/bin:", '')
        $env:DIRENV_DIR = $null; $env:VIRTUAL_ENV = $null
    }}
}}
{ACTION} = [Delegate]::Combine({ACTION}, $hook)
"""


# What direnv does when it leaves a directory: each variable holds again what it held before, also
# what was ours.
GIVES_BACK = f"""
$hook = [EventHandler[{EVENT}]]{{
    param($from, $change)
    $inside = $change.NewPath.ProviderPath -like '*/layout*'
    if ($inside -and -not $env:DIRENV_DIFF) {{
        $global:kept = $env:PATH, $env:VIRTUAL_ENV, $env:VIRTUAL_ENV_PROMPT
        $env:DIRENV_DIFF = 'eJy'
        $env:VIRTUAL_ENV = "$HOME/layout/.direnv/python"
        $env:PATH = "$env:VIRTUAL_ENV/bin:$env:PATH"
    }} elseif (-not $inside -and $env:DIRENV_DIFF) {{
        $env:PATH, $env:VIRTUAL_ENV, $env:VIRTUAL_ENV_PROMPT = $global:kept
        $env:DIRENV_DIFF = $null
    }}
}}
{ACTION} = [Delegate]::Combine({ACTION}, $hook)
"""


@pytest.mark.parametrize("order", ["first", "last"])
def test_what_a_tool_puts_back_of_ours_goes_again(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, order: str
) -> None:
    (home / "layout").mkdir()
    load = full_load_line(home) + "\n"
    rc = GIVES_BACK + load if order == "first" else load + GIVES_BACK
    terminal = open_terminal(pwsh, rc=rc)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    inside = terminal.values(*TOUCHED)
    for after, expected in (("../plain", before), ("../app", inside), ("..", before)):
        terminal.run("cd ~/app")
        terminal.run("cd ../layout")
        assert terminal.environment == f"{home}/layout/.direnv/python"
        assert f"{app}/bin" not in terminal.path
        terminal.run(f"cd {after}")
        terminal.run("$null")
        assert terminal.values(*TOUCHED) == expected, after


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_tool_that_sets_variables_by_directory_is_not_fought(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal, order: str
) -> None:
    (home / "layout").mkdir()
    load = full_load_line(home) + "\n"
    terminal = open_terminal(pwsh, rc=DIRENV + load if order == "first" else load + DIRENV)
    before = terminal.values(*TOUCHED)
    terminal.run("cd layout")
    inside = terminal.values(*TOUCHED)
    for _ in range(5):
        assert terminal.values(*TOUCHED) == inside
    assert shown(terminal, "$global:changes") == "1"
    terminal.run("cd ../app")
    assert terminal.environment == str(app)
    assert terminal.path[0] == f"{app}/bin"
    terminal.run("cd ..")
    assert terminal.values(*TOUCHED) == before
    assert shown(terminal, "$global:changes") == "2"


def test_condas_prompt_stands_beside_ours(
    pwsh: Shell, app: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    del app
    conda = (
        "$env:CONDA_PROMPT_MODIFIER = '(base) '; $env:CONDA_DEFAULT_ENV = 'base'\n"
        "Rename-Item function:prompt CondaPromptBackup\n"
        "function global:prompt { Write-Host $env:CONDA_PROMPT_MODIFIER -NoNewline; "
        "CondaPromptBackup }\n"
    )
    load = full_load_line(home) + "\n"
    for rc, inside in ((conda + load, "(app) (base) "), (load + conda, "(base) (app) ")):
        terminal = open_terminal(pwsh, rc=rc)
        assert terminal.prompt == "(base) "
        terminal.run("cd app")
        assert terminal.prompt == inside
        terminal.run("cd ..")
        assert terminal.prompt == "(base) "


def test_another_action_that_takes_our_place_costs_one_prompt(
    terminal: Terminal, app: Path
) -> None:
    terminal.run(f"{ACTION} = {{ }}")
    assert terminal.run('cd app; "[$env:VIRTUAL_ENV]"') == "[]\n"
    assert terminal.environment == str(app)
    terminal.run(f"{ACTION} = $null; cd ..")
    assert terminal.environment is None
