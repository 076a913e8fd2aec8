"""``ignore``: directories where it is as if there were no environments."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem

from .. import permission
from ..decision import existing_state
from ..errors import shown
from ..ignoring import ignored_directories
from .options import PATH
from .output import path_text, print_json, print_lines


def _complete(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001  # click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return the ignored directories that begin as *incomplete*, after --remove; else any."""
    if ctx.params.get("remove"):
        known = map(os.fsdecode, ignored_directories(existing_state(os.environ)))
        found = [CompletionItem(path) for path in known if path.startswith(incomplete)]
        if found:
            return found
    return [CompletionItem(incomplete, type="dir")]


@click.command(
    epilog="""\b
Examples:
  venvhook ignore                        this directory and all below
  venvhook ignore ~/app/vendor
  venvhook ignore --remove ~/app/vendor
  venvhook ignore --list"""
)
@click.argument("directory", required=False, type=PATH, metavar="[DIR]", shell_complete=_complete)
@click.option("--remove", is_flag=True, help="Ignore it no more.")
@click.option("--list", "listing", is_flag=True, help="List what is ignored.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print facts as JSON.")
def ignore(directory: bytes | None, remove: bool, listing: bool, as_json: bool) -> int:
    """Let it be as if there were no environment in DIR and in all below, in every shell, for good.

    DIR is by default the working directory; with --remove, the nearest ignored one here or above.
    Nothing above DIR is used there either. 'run' and 'which' find nothing there; 'create' and 'use'
    work, and say that what they made is not used.
    """
    if listing and (remove or directory is not None):
        raise click.UsageError("--list goes without DIR and --remove.")
    if as_json and not listing:
        raise click.UsageError("--json goes with --list.")
    if listing:
        found = sorted(ignored_directories(existing_state(os.environ)))
        if as_json:
            return print_json({"ignored": [path_text(path) for path in found]})
        return print_lines([shown(path, 5000) for path in found])
    state = permission.open_state(os.environ)
    if remove:
        return print_lines(permission.stop_ignoring(directory, os.environ, state))
    return print_lines(permission.ignore(directory, os.environ, state))
