"""What is under test: this checkout, and the command. Without a terminal, so on every system."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# May files be given to other accounts? Never on Windows.
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def venvhook_command(scratch: Path) -> str:
    """Return the executable under test: the installed one, or a script for this checkout's."""
    installed = os.environ.get("VENVHOOK_TEST_COMMAND")
    if installed:
        return installed
    script = scratch / "venvhook"
    line = f"PYTHONPATH={shlex.quote(str(CHECKOUT / 'src'))} exec {shlex.quote(sys.executable)}"
    script.write_text(f'#!/bin/sh\n{line} -m venvhook "$@"\n')
    script.chmod(0o755)
    return str(script)
