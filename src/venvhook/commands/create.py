"""``create``: makes the project's environment."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..create import Creation, make
from ..creators import AUTO, NAMES, can_download, download_python
from ..errors import VenvhookError, complain, shown
from ..interpreters import find_interpreters
from ..nearest import environment_at
from ..plan import AlreadyThere, Plan, Wishes, prepare, project_directory, safe_from
from ..surroundings import projects_here
from ..wanted import NoSuitable
from .options import DIRECTORY, complete_group, complete_marker_name, yes_option
from .output import busy, confirm, print_lines


def _complete_python(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the series of the Pythons that are here, newest first."""
    around = projects_here(os.environ)
    found = find_interpreters(os.environ, around[0] if around else b"")
    series = dict.fromkeys(
        ("" if one.implementation == "cpython" else one.implementation)
        + ".".join(map(str, one.version[:2]))
        for one in found
    )
    return [CompletionItem(text) for text in series if text.startswith(incomplete)]


def _not_empty(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return *value*. Raises click.BadParameter for an empty one, often a variable not set."""
    if value == "":
        raise click.BadParameter("is empty; name a directory.")
    return value


@click.command(
    epilog="""\b
Examples:
  venvhook create                     with the Python that the project wants
  venvhook create --python 3.12 --install
  venvhook create --clear             anew: same name, prompt and options
  venvhook create --name my_env       by another name, and used all the same"""
)
@click.argument("directory", required=False, type=DIRECTORY, metavar="[DIR]")
@click.option(
    "--python",
    "-p",
    metavar="PYTHON",
    shell_complete=_complete_python,
    help="3.12, '>=3.11', pypy, or a path.",
)
@click.option("--backend", type=click.Choice([AUTO, *NAMES]), help="Which tool makes it.")
@click.option(
    "--name",
    metavar="NAME",
    callback=_not_empty,
    shell_complete=complete_marker_name,
    help="Its directory; by default .venv.",
)
@click.option("--prompt", metavar="TEXT", help="Shown in the prompt; by default the project.")
@click.option(
    "--system-site-packages/--no-system-site-packages",
    "system_site_packages",
    default=None,
    help="Also use what is installed outside.",
)
@click.option("--seed/--without-pip", "seed", default=None, help="With pip in it, or without.")
@click.option("--upgrade-deps", "upgrade", is_flag=True, help="With the newest pip.")
@click.option("--clear", is_flag=True, help="Make anew what is there.")
@click.option("--install", is_flag=True, help="Install what the project locks or declares.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_group,
    help="With --install: also these.",
)
@yes_option
def create(
    directory: bytes | None,
    name: str | None,
    clear: bool,
    install: bool,
    groups: tuple[str, ...],
    yes: bool,
    **wishes: Any,  # as click has them, by the names of the fields of Wishes
) -> int:
    """Make the environment of the project at DIR, as the project wants it.

    The tool is uv if it is there, else virtualenv, else venv. The Python is the one of
    '.python-version', else the newest that 'requires-python' allows. It is used at the next prompt.
    """
    if groups and not install:
        raise click.UsageError("--group goes with --install.")
    root = project_directory(directory, os.environ)
    if groups:
        _require_groups(root, groups)
    place = None if name is None else os.fsencode(name)
    try:
        plan = _plan(root, Wishes(name=place, clear=clear, **wishes))
    except AlreadyThere:
        # Then what remains to be done is to install, if the one here may be used.
        if not install:
            raise
        return _install(root, environment_at(root, os.environ).environment.path, groups)
    if clear and plan.former is not None and not yes:
        _confirm_clear(plan)
    made = _make(plan)
    return _install(root, made.environment, groups) if install else 0


def _require_groups(root: bytes, groups: tuple[str, ...]) -> None:
    """Raise VenvhookError for a wrong name, before anything is made."""
    # Not needed by most calls.
    from ..dependencies import expected

    expected(root, groups)


def _make(plan: Plan) -> Creation:
    """Make what is planned, and tell it."""
    for note in plan.notes:
        complain(note)
    with busy(f"making {plan.summary}"):
        made = make(plan, os.environ)
    if made.note:
        complain(made.note)
    print_lines([f"{shown(made.environment)}: made with {made.creator.name} and {plan.python}"])
    if made.refusal:
        complain(made.refusal)
    return made


def _plan(root: bytes, wishes: Wishes) -> Plan:
    """Return what is made; where no Python is suitable, offer to let uv download one."""
    try:
        with busy("looking for a Python"):
            return prepare(root, wishes, os.environ)
    except NoSuitable as error:
        question = f"No suitable Python is here. Let uv download Python {error.request}?"
        around, environ = safe_from(root, os.environ)
        if not error.request or not can_download(environ, around) or not confirm(question):
            raise
        download_python(error.request, environ, around)
        return prepare(root, wishes, os.environ)


def _confirm_clear(plan: Plan) -> None:
    """Ask whether what is there may go. Raises VenvhookError where the answer is not yes."""
    where = shown(plan.environment)
    if os.path.islink(plan.environment):
        where += f" (a link to {shown(os.path.realpath(plan.environment))})"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise VenvhookError(f"{where}: is there already; add --yes to have it made anew unasked")
    if not confirm(f"{where} and all that is installed in it is made anew. Go on?"):
        raise VenvhookError("nothing was changed")


def _install(root: bytes, environment: bytes, groups: tuple[str, ...]) -> int:
    # Not needed by most calls.
    from ..dependencies import find_installation, run_installation

    installation = find_installation(root, environment, os.environ, groups)
    if installation is None:
        print_lines([f"{shown(root)}: declares nothing to install"])
        return 0
    if installation.note:
        complain(installation.note)
    print_lines([f"Installing {installation.text}"])
    sys.stdout.flush()
    return run_installation(installation)
