"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

import os
from typing import Any

import click

from ..shells import SHELLS


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


PATH = Path(path_type=bytes)
DIRECTORY = Path(path_type=bytes, file_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
in_option = click.option(
    "--in", "directory", type=DIRECTORY, metavar="DIR", help="As if called in DIR."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Answer every question with yes.")
