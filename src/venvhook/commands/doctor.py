"""``doctor``: what may be wrong, and what to do."""

from __future__ import annotations

import os
import sys

import click

from ..caller import home_directory
from ..diagnosis import ERROR, OK, WARNING, Finding, count, facts, outcome, plain, report
from ..doctor import examine_machine, machine
from .options import json_option
from .output import busy, print_json, print_lines, styled

_COLOURS = {OK: "green", WARNING: "yellow", ERROR: "red"}


@click.command(
    epilog="""\b
Examples:
  venvhook doctor
  venvhook doctor --json
  venvhook doctor --report > report.md"""
)
@json_option
@click.option("--report", "as_report", is_flag=True, help="For a bug report: Markdown, no names.")
def doctor(as_json: bool, as_report: bool) -> int:
    """Look for what is wrong, and say what to do about it.

    Changes nothing, and runs nothing of a project. Exit status 1 if there is an error; a warning
    is none.
    """
    if as_json and as_report:
        raise click.UsageError("--json and --report do not go together.")
    with busy("looking"):
        found = examine_machine(sys.argv[0], os.environ)
    status = 1 if count(found, ERROR) else 0
    if as_json:
        return status | print_json(facts(found))
    if as_report:
        return status | print_lines(report(found, machine(), os.environ))
    return status | print_lines(_lines(found))


def _lines(found: list[Finding]) -> list[str]:
    """Return *found* as aligned lines, each advice below what it is about."""
    home = home_directory(os.environ)
    width = max(len(finding.topic) for finding in found)
    lines = []
    for finding in found:
        mark = styled(f"{finding.status:<7}", _COLOURS[finding.status])
        lines.append(f"{mark}  {finding.topic:<{width}}  {plain(finding.what, home)}")
        if finding.advice:
            lines.append(" " * (width + 11) + plain(finding.advice, home))
    return [*lines, outcome(found)]
