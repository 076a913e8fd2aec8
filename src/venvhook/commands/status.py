"""``status`` and ``why``: what is used here, and why or why not."""

from __future__ import annotations

import os

import click

from ..explanation import explain, status_lines, why_lines
from ..project import find_project
from .options import PATH
from .output import print_lines


@click.command()
def status() -> int:
    """Show the project here, its environment, and whether it is used."""
    told = explain(find_project(None, os.environ), os.environ)
    return print_lines(status_lines(told, os.environ))


@click.command(epilog="Example: venvhook why ~/app")
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
def why(path: bytes | None) -> int:
    """Show step by step why an environment is used, or is not.

    PATH is a project, an environment, or a directory below; by default the working directory.
    """
    told = explain(find_project(path, os.environ), os.environ)
    return print_lines(why_lines(told, os.environ))
