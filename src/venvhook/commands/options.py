"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

import os
from typing import Any

import click


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


PATH = Path(path_type=bytes)
DIRECTORY = Path(path_type=bytes, file_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
in_option = click.option(
    "--in", "directory", type=DIRECTORY, metavar="DIR", help="As if called in DIR."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Answer every question with yes.")
