"""What the tests of PowerShell share; who imports this is skipped where there is none."""

from __future__ import annotations

import shutil

import pytest

from terminal import Terminal

if shutil.which("pwsh") is None:
    # Not a failure in CI either: PowerShell is not to be had on every machine.
    pytest.skip(
        "pwsh is not on PATH: the PowerShell tests did not run",
        allow_module_level=True,
    )

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "VENVHOOK_ACTIVE")
ACTION = "$ExecutionContext.SessionState.InvokeCommand.LocationChangedAction"
EVENT = "System.Management.Automation.LocationChangedEventArgs"


def shown(terminal: Terminal, expression: str) -> str:
    """Return *expression* as a string, without the formatting that PowerShell has for objects."""
    return terminal.run(f'[Console]::WriteLine("$({expression})")').removesuffix("\n")
