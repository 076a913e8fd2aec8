"""``off`` and ``on``: venvhook in the shell that the command was typed in."""

from __future__ import annotations

import os

import click

from ..session import find_session, switch_off, switch_on
from .output import print_lines


@click.command(
    epilog="""\b
Examples:
  venvhook off
  venvhook off; cd ~/app

For all shells to come: VENVHOOK_OFF=1 in a startup file. For a directory: 'venvhook ignore'."""
)
def off() -> int:
    """Switch venvhook off in this shell, until 'venvhook on'.

    What is active through it is deactivated before the next prompt. Shells that are started from
    this one have it on again.
    """
    return print_lines([switch_off(find_session(os.environ))])


@click.command(
    epilog="""\b
Example:
  venvhook on"""
)
def on() -> int:
    """Switch venvhook on again in this shell, where 'venvhook off' or VENVHOOK_OFF switched it off.

    In a project its environment is active at the next prompt.
    """
    return print_lines([switch_on(find_session(os.environ))])
