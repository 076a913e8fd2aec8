"""``guard``: whether pip refuses to install outside of environments."""

from __future__ import annotations

import os

import click

from .. import settings
from ..errors import complain
from .options import json_option
from .output import path_text, print_json, print_lines

_NAME = "guard"
_WORDS = {True: "on", False: "off"}
_MEANS = {
    True: "pip refuses to install outside of environments",
    False: "pip may install outside of environments",
}


@click.command(
    epilog="""\b
Examples:
  venvhook guard         is it on?
  venvhook guard on
  venvhook guard off"""
)
@click.argument("word", required=False, type=click.Choice(("on", "off")), metavar="[on|off]")
@json_option
def guard(word: str | None, as_json: bool) -> int:
    """Let pip refuse to install outside of environments, in every shell that has venvhook.

    There, PIP_REQUIRE_VIRTUALENV=1 is set while no environment is active, from the next prompt
    on. uv refuses without an environment by itself; poetry, pdm and pipenv make their
    own. It is the setting 'guard', and VENVHOOK_GUARD comes before it.
    """
    overruled, mistake = _set(word)
    if mistake:
        complain(mistake)
        return 1
    entry = next(entry for entry in settings.entries(os.environ) if entry.setting.name == _NAME)
    if as_json:
        facts = {
            "guard": entry.value,
            "source": entry.source,
            "file": path_text(entry.file) if entry.file else None,
            "line": entry.line or None,
        }
        return print_json(facts)
    is_on = bool(entry.value) if word is None else word == "on"
    return print_lines([_told(is_on, entry.origin if word is None else ""), *overruled])


def _set(word: str | None) -> tuple[list[str], str]:
    """Set it to *word*, if there is one; return what overrules that, and a mistake in the file."""
    if word is None:
        return [], ""
    done, mistake = settings.set_value(_NAME, (word.encode(),), os.environ)
    return done[1:], mistake


def _told(is_on: bool, origin: str) -> str:
    """Return the line that tells what is so, by *origin*, or will be where that is empty."""
    when = "" if origin else ", from the next prompt on"
    because = f" ({origin})" if origin else ""
    undo = f"'venvhook guard {_WORDS[not is_on]}' {'changes' if origin else 'undoes'} that"
    return f"guard is {_WORDS[is_on]}{because}: {_MEANS[is_on]}{when}; {undo}"
