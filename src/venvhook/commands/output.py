"""What commands print: lines, JSON, colours, and progress on a terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import click

# The version of the shape of all that is printed as JSON; raised when a key changes its meaning.
JSON_VERSION = 1
_FRAMES = "|/-\\"
_FRAME_SECONDS = 0.1
# What takes less long shows no progress.
_PATIENCE_SECONDS = 1.0


def print_lines(lines: list[str]) -> int:
    """Print *lines*; return 0, the status of what was done."""
    for line in lines:
        click.echo(line)
    return 0


def print_json(facts: Mapping[str, object]) -> int:
    """Print *facts* as one JSON object, in which "version" is that of its shape; return 0.

    A path is a string in which bytes that are no UTF-8 are lone surrogates (PEP 383), as
    ``os.fsdecode`` gives them and ``json`` escapes them.
    """
    click.echo(json.dumps({"version": JSON_VERSION, **facts}, indent=2))
    return 0


def path_text(path: bytes | None) -> str | None:
    """Return *path* as it stands in JSON."""
    return None if path is None else os.fsdecode(path)


def has_colours(stream: IO[str]) -> bool:
    """Return whether *stream* is a terminal that may be coloured (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, colour: str) -> str:
    """Return *text* in *colour* ("green", "red" ...) if stdout shows colours."""
    return click.style(text, fg=colour) if has_colours(sys.stdout) else text


def confirm(question: str) -> bool:
    """Return whether the user says yes to *question*; False, and no question, without a terminal.

    Asked on stderr, since stdout may be read by a program. Raises click.Abort for Ctrl-C.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(question, default=False, err=True)


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show on stderr that something is *doing*, once it takes longer than a second.

    Only where stderr is a terminal. Nothing may be printed meanwhile.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    drawing = threading.Thread(target=_draw, args=(doing, done), daemon=True)
    drawing.start()
    try:
        yield
    finally:
        done.set()
        drawing.join()


def _draw(doing: str, done: threading.Event) -> None:
    frame = 0
    wait = _PATIENCE_SECONDS
    while not done.wait(wait):
        wait = _FRAME_SECONDS
        click.echo(f"\r{_FRAMES[frame % len(_FRAMES)]} {doing}", file=sys.stderr, nl=False)
        frame += 1
    if frame:
        # Back to an empty line (ECMA-48, EL).
        click.echo("\r\x1b[K", file=sys.stderr, nl=False)
