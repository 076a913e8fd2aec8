"""How a program is asked something: started by itself, listened to for a while, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping

# Seconds that a program may take to say its version, and how much of what it says is read.
LIMIT = 2.0
OUTPUT_LIMIT = 4096


def answer(
    words: list[str], environ: Mapping[str, str], limit: float = LIMIT, most: int = OUTPUT_LIMIT
) -> bytes | None:
    """Return the first *most* bytes that the command *words* prints; None where it fails.

    It is started in ``/``, not in a project, whose files it may read by relative names. It and all
    that it started are ended after *limit* seconds.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # an absolute path, without a shell between
            words,
            cwd="/",
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    timer = threading.Timer(limit, _end, [process])
    timer.start()
    try:
        with process:
            printed = process.stdout.read(most) if process.stdout else b""
    finally:
        timer.cancel()
    return printed if process.returncode == 0 else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process* and what it started."""
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
