"""``allow``, ``deny`` and ``revoke``: which environments may be used."""

from __future__ import annotations

import os

import click

from .. import permission
from ..decision import Decision, State
from ..errors import complain
from ..project import find_project
from .options import PATH
from .output import path_text, print_json, print_lines


@click.command(
    epilog="""\b
Examples:
  venvhook allow                  the environment of the project here
  venvhook allow ~/app            of that project
  venvhook allow --shared         although others can write it
  venvhook allow --under ~/work   all that was made elsewhere, below that directory
  venvhook allow --list --json"""
)
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
@click.option("--shared", is_flag=True, help="Although others than you and root can write it.")
@click.option(
    "--under", type=PATH, metavar="DIR", help="Below DIR, it does not matter where one was made."
)
@click.option("--list", "listing", is_flag=True, help="List what you allowed and denied.")
@click.option("--all", "accepted", is_flag=True, help="With --list: also what was used unasked.")
@click.option("--prune", is_flag=True, help="Forget decisions about what is gone, or damaged.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print facts as JSON.")
def allow(
    path: bytes | None,
    shared: bool,
    under: bytes | None,
    listing: bool,
    accepted: bool,
    prune: bool,
    as_json: bool,
) -> int:
    """Let the environment of a project be used, although it was not made here.

    PATH is a project, an environment, or a directory below; by default the working directory. What
    is set aside is shown.
    """
    chosen = [path is not None or shared, under is not None, listing, prune]
    if sum(chosen) > 1 or (accepted and not listing):
        raise click.UsageError(
            "PATH with --shared, --under, --list and --prune do not go together."
        )
    if as_json and not listing:
        raise click.UsageError("--json goes with --list.")
    state = permission.open_state(os.environ)
    if listing:
        return _list(state, accepted, as_json)
    if prune:
        return print_lines(permission.prune(state))
    if under is not None:
        return print_lines(permission.allow_under(under, os.environ, state))
    return print_lines(permission.allow(find_project(path, os.environ), state, shared))


def _list(state: State, accepted: bool, as_json: bool) -> int:
    """Print what was decided, as lines or *as_json*; return the status, 1 for damaged records."""
    found, complaints = permission.list_decisions(state, accepted)
    if as_json:
        print_json({"decisions": [_facts(*row) for row in found], "damaged": len(complaints)})
    else:
        print_lines([permission.row_of(*row) for row in found])
    for complaint in complaints:
        complain(complaint)
    return 1 if complaints else 0


def _facts(word: str, decision: Decision) -> dict[str, object]:
    return {
        "decision": word,
        "path": path_text(decision.path),
        "set_aside": permission.set_aside(decision),
    }


@click.command(epilog="Example: venvhook deny ~/clones/strange")
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
def deny(path: bytes | None) -> int:
    """Never use an environment of a project, and say nothing of it.

    PATH is a project or a directory below; by default the working directory.
    """
    state = permission.open_state(os.environ)
    return print_lines(permission.deny(find_project(path, os.environ), state))


@click.command(
    epilog="""\b
Examples:
  venvhook revoke
  venvhook revoke ~/app
  venvhook revoke --under ~/work"""
)
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
@click.option("--under", type=PATH, metavar="DIR", help="What 'allow --under DIR' said.")
def revoke(path: bytes | None, under: bytes | None) -> int:
    """Forget what was decided about a project and its environment, by 'allow' or 'deny'.

    PATH is a project, an environment, or a directory below; by default the working directory.
    """
    if path is not None and under is not None:
        raise click.UsageError("PATH and --under do not go together.")
    state = permission.open_state(os.environ)
    if under is not None:
        return print_lines(permission.revoke_under(under, os.environ, state))
    return print_lines(permission.revoke(path, os.environ, state))
