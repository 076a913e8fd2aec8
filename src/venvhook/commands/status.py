"""``status`` and ``why``: what is used here, and why or why not."""

from __future__ import annotations

import os

import click

from ..explanation import explain
from ..presence import find_presence
from ..project import find_project
from ..summary import (
    BAD,
    GOOD,
    Row,
    Summary,
    as_lines,
    measured,
    status_facts,
    status_rows,
    why_facts,
    why_lines,
)
from .options import PATH, json_option
from .output import busy, print_json, print_lines, styled

_COLOURS = {GOOD: "green", BAD: "red"}


@click.command(
    epilog="""\b
Examples:
  venvhook status
  venvhook status --size
  venvhook status --json"""
)
@click.option("--size", is_flag=True, help="Also how much disk it takes.")
@json_option
def status(size: bool, as_json: bool) -> int:
    """Show the project here, its environment, and whether it is used.

    The status is 0 also where there is none, or it is not used: to ask for that, 'venvhook which'.
    """
    told = explain(find_project(None, os.environ), os.environ)
    taken = None
    if size:
        with busy("measuring"):
            taken = measured(told)
    summary = Summary(told, os.environ, find_presence(os.environ), taken)
    if as_json:
        return print_json(status_facts(summary))
    return print_lines(_coloured(status_rows(summary)))


@click.command(
    epilog="""\b
Examples:
  venvhook why
  venvhook why ~/app
  venvhook why --json"""
)
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
@json_option
def why(path: bytes | None, as_json: bool) -> int:
    """Show step by step why an environment is used, or is not.

    PATH is a project, an environment, or a directory below; by default the working directory.
    """
    told = explain(find_project(path, os.environ), os.environ)
    presence = find_presence(os.environ) if path is None else None
    summary = Summary(told, os.environ, presence)
    if as_json:
        return print_json(why_facts(summary))
    lines, rows = why_lines(summary)
    return print_lines([*lines, *_coloured(rows)])


def _coloured(rows: list[Row]) -> list[str]:
    """Return *rows* as lines, coloured where stdout shows that."""
    return [
        styled(line, _COLOURS[row.meaning]) if row.meaning in _COLOURS else line
        for line, row in zip(as_lines(rows), rows, strict=True)
    ]
