"""What is under test: this checkout and the command, and on which machine.

Imported on every system, so it imports nothing of terminals.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
# May files be given to other accounts? Never on Windows.
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def go_without(program: str) -> NoReturn:
    """Skip the test, since *program* is missing; fail it in CI, but on Windows all may be."""
    text = f"{program} is not on this machine"
    if os.environ.get("CI") and os.name != "nt":
        pytest.fail(text)
    pytest.skip(text)


def require_full_device() -> None:
    """Skip the test where ``/dev/full`` may be missing, as on macOS; Linux has it."""
    if sys.platform != "linux" and not Path("/dev/full").exists():
        pytest.skip("no device that is full")


def venvhook_command(scratch: Path) -> str:
    """Return the executable under test: the installed one, or a script for this checkout's."""
    installed = os.environ.get("VENVHOOK_TEST_COMMAND")
    if installed:
        # Rc texts of tests name it from HOME.
        link = scratch / "venvhook"
        if not os.path.lexists(link):
            link.symlink_to(installed)
        return installed
    script = scratch / "venvhook"
    line = f"PYTHONPATH={shlex.quote(str(CHECKOUT / 'src'))} exec {shlex.quote(sys.executable)}"
    # -P: as for an installed command, what lies in the working directory is not imported.
    script.write_text(f'#!/bin/sh\n{line} -P -m venvhook "$@"\n')
    script.chmod(0o755)
    return str(script)
