"""PowerShell without a terminal, so on Windows too: a script enters a project and leaves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import CHECKOUT
from environments import EnvironmentMaker
from venvhook.shells import quote_powershell

# A script has no prompts, at which Windows PowerShell 5.1 looks: it asks for them itself.
SCRIPT = """
Invoke-Expression (& {python} -m venvhook init powershell | Out-String)
function show($when) {{
    $null = prompt
    $found = (Get-Command python -ErrorAction SilentlyContinue).Source
    [Console]::WriteLine("$when|$env:VIRTUAL_ENV|$found|$($env:PATH -ceq $path)")
}}
$path = $env:PATH
Set-Location {home}
show before
Set-Location app
show inside
Set-Location ..
show after
"""


@pytest.mark.parametrize("program", ["pwsh", "powershell"])
def test_a_script_enters_a_project_and_leaves_it(
    program: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    executable = shutil.which(program)
    if executable is None:
        if program == "pwsh" and os.name == "nt" and os.environ.get("CI"):
            pytest.fail("pwsh is not on this machine")
        pytest.skip(f"{program} is not on this machine")
    home = tmp_path.resolve()
    environment = make_environment(home / "app/.venv")
    words = {"python": sys.executable, "home": str(home)}
    quoted = {name: quote_powershell(os.fsencode(word)).decode() for name, word in words.items()}
    script = home / "script.ps1"
    script.write_text(SCRIPT.format(**quoted), encoding="utf-8-sig")
    environ = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(CHECKOUT / "src")}
    bypass = ["-ExecutionPolicy", "Bypass"] if os.name == "nt" else []
    ran = subprocess.run(
        [executable, "-NoProfile", *bypass, "-File", str(script)],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line.split("|") for line in ran.stdout.splitlines()]
    assert [row[0] for row in rows] == ["before", "inside", "after"], ran.stdout + ran.stderr
    before, inside, after = (row[1:] for row in rows)
    assert before == after
    assert (before[0], before[2]) == ("", "True")
    assert environment.samefile(inside[0])
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    assert programs.samefile(Path(inside[1]).parent)
