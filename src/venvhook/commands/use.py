"""``use``: any environment for the project here, wherever it lies."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem

from ..binding import UNBIND, Binding
from ..errors import shown
from ..usage import candidates, show, unuse, use_here
from .options import DIRECTORY, PATH, json_option
from .output import path_text, print_json, print_lines


def _complete(
    ctx: click.Context,  # noqa: ARG001  # click's signature
    param: click.Parameter,  # noqa: ARG001  # click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return the environments that *incomplete* may mean, and else its directories."""
    # zsh takes a ~ for a part of the name.
    expand = os.environ.get("_VENVHOOK_COMPLETE", "").startswith("zsh")
    found = candidates(os.fsencode(incomplete), os.environ, expand)
    items = [CompletionItem(os.fsdecode(path), help=about) for path, about in found]
    return items or [CompletionItem(incomplete, type="dir")]


@click.command(
    epilog="""\b
Examples:
  venvhook use my_env           a directory here, whatever its name
  venvhook use ~/envs/science   one that lies elsewhere
  venvhook use ~/envs/science --in ~/notebooks
  venvhook use                  show what is bound here
  venvhook use --none           as if nothing had been bound"""
)
@click.argument("environment", required=False, type=PATH, metavar="[DIR]", shell_complete=_complete)
@click.option(
    "--in", "project", type=DIRECTORY, metavar="PROJECT", help="Another project than the one here."
)
@click.option("--none", "none", is_flag=True, help="Use what lies in the project again.")
@json_option
def use(environment: bytes | None, project: bytes | None, none: bool, as_json: bool) -> int:
    """Use the environment DIR for the project here, wherever it lies.

    It is used in this directory and below, before any environment that lies in it; a project below
    that has its own keeps that. What is bound is kept in your state directory, not in the project.
    Without DIR, shows what is bound here.
    """
    if none and environment is not None:
        raise click.UsageError("DIR and --none do not go together.")
    if none:
        root = unuse(project, os.environ)
        told = [f"{shown(root)}: nothing is bound here any more"]
        return print_json(_facts(root, None)) if as_json else print_lines(told)
    if environment is not None:
        binding, refusal = use_here(environment, project, os.environ)
        if as_json:
            return print_json(_facts(binding.logical, binding.environment, refusal))
        return print_lines([_told(binding), *filter(None, [refusal])])
    bound, lines = show(project, os.environ)
    if not as_json:
        return print_lines(lines)
    return print_json(_facts(bound.logical, bound.environment) if bound else _facts(None, None))


def _told(binding: Binding) -> str:
    """Return the line that tells that *binding* was made."""
    what = f"{shown(binding.logical)}: {shown(binding.environment)} is used here and below"
    return f"{what}; '{UNBIND}' ends that"


def _facts(root: bytes | None, environment: bytes | None, refusal: str = "") -> dict[str, object]:
    """Return what is bound now, as JSON has it, and why it is not used all the same."""
    return {
        "project": path_text(root),
        "environment": path_text(environment),
        "refusal": refusal or None,
    }
