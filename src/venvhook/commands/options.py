"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

import os
from typing import Any

import click

from ..caller import marker_names
from ..errors import VenvhookError
from ..shells import SHELLS


class Commands(click.Group):
    """A group of commands that says which one was perhaps meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with. Raises click.UsageError where there is none.

        With the one that is called nearly so, which click itself names for options alone.
        """
        name = args[0]
        if self.get_command(ctx, name) or ctx.resilient_parsing or name.startswith("-"):
            return super().resolve_command(ctx, args)
        # Not needed by most calls.
        from difflib import get_close_matches

        near = get_close_matches(name, self.list_commands(ctx), 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise click.UsageError(f"No such command '{name}'.{hint}", ctx)


class Path(click.Path):
    """A path as bytes; an empty one is a mistake, often a variable that is not set."""

    # Any: as click has it, which takes what callers give as a default too.
    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> bytes:
        """Return *value* as bytes. Raises click.UsageError for an empty one."""
        if not value:
            self.fail("is empty; name a directory.", param, ctx)
        return os.fsencode(super().convert(value, param, ctx))


def complete_shells(
    ctx: click.Context,  # noqa: ARG001  # click's signature
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """Return the names of shells that begin with *incomplete*."""
    return [shell.name for shell in SHELLS if shell.name.startswith(incomplete)]


def complete_several_shells(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[str]:
    """Return what *incomplete*, names of shells between commas, may become: each name once."""
    before, comma, begun = incomplete.rpartition(",")
    there = before.split(",")
    names = complete_shells(ctx, param, begun)
    return [f"{before}{comma}{name}" for name in names if name not in there]


def complete_marker_name(
    ctx: click.Context,  # noqa: ARG001  # click's signature
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """Return the names that environments have, by the settings, and that begin so."""
    names = [os.fsdecode(name) for name in marker_names(os.environ)]
    return [name for name in names if name.startswith(incomplete)]


def complete_group(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001  # click's signature
    incomplete: str,
) -> list[str]:
    """Return the groups and extras of the project that begin so, but for those already given."""
    # Not needed by most calls.
    from ..plan import project_directory
    from ..sources import group_names

    try:
        root = project_directory(ctx.params.get("directory"), os.environ)
    except VenvhookError:
        return []
    given = ctx.params.get("groups") or ()
    return [name for name in group_names(root) if name.startswith(incomplete) and name not in given]


PATH = Path(path_type=bytes)
DIRECTORY = Path(path_type=bytes, file_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
in_option = click.option(
    "--in", "directory", type=DIRECTORY, metavar="DIR", help="As if called in DIR."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Answer every question with yes.")
