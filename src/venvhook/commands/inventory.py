"""``list`` and ``prune``: the environments there are, and what is left behind of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import click

from ..caller import home_directory
from ..decision import existing_state
from ..errors import complain, shown
from ..facts import ago, size_of, size_text, timestamp
from ..inventory import (
    AWAY,
    BROKEN,
    FINE,
    GONE,
    MOVED,
    NO_INTERPRETER,
    NOT_USED,
    ORPHAN,
    UNFINISHED_STATE,
    Entry,
    Scan,
    is_below,
    read_records,
    scan,
    survey,
)
from ..removal import BINDING, Candidate, Plan, carry_out, plan_removal
from .options import DIRECTORY, json_option, yes_option
from .output import busy, confirm, path_text, print_json, print_lines, styled

_COLOURS = {
    FINE: "green",
    NOT_USED: "yellow",
    MOVED: "yellow",
    UNFINISHED_STATE: "yellow",
    BROKEN: "red",
    NO_INTERPRETER: "red",
    ORPHAN: "red",
    GONE: "red",
    AWAY: "yellow",
}
# Whole, since it may be copied.
_PATH_LIMIT = 5000
_WORDS = {
    b"decision": "decision about",
    b"deny": "denial of",
    b"under": "'allow --under' of",
    b"declined": "a no to making one in",
    b"ignored": "'ignore' of",
    BINDING: "binding of",
}

scan_option = click.option(
    "--scan",
    "directory",
    type=DIRECTORY,
    metavar="DIR",
    help="Also those found at and below DIR, on its file system.",
)


@click.command(
    "list",
    epilog="""\b
Examples:
  venvhook list
  venvhook list --scan ~/src --size
  venvhook list --json""",
)
@scan_option
@click.option("--size", "sizes", is_flag=True, help="Also how much disk each takes.")
@json_option
def list_command(directory: bytes | None, sizes: bool, as_json: bool) -> int:
    """List the environments that venvhook knows, and what state they are in.

    It knows those that a shell has used, and what you allowed, denied or bound.

    \b
    fine            is used as soon as you are in its project
    not used        it is not trusted, by the condition that is named
    moved           it was made for another place
    broken          'venvhook why' tells
    unfinished      'venvhook create' did not end
    no interpreter  its Python was upgraded away
    orphan          its project is gone, or nothing else is left in it
    away            it is perhaps on a disk that is not mounted
    gone            only a record is left of it, or a link
    """  # noqa: D301  # \b: what tells click not to wrap
    entries, found = _look(directory, sizes)
    if as_json:
        print_json({"environments": [_facts(e) for e in entries], "unreadable": found.unreadable})
    else:
        print_lines(_table(entries, sizes))
        if not entries:
            print_lines(["No environments are known. 'venvhook list --scan ~' looks for them."])
        _complain_of(found)
    return 0


@click.command(
    epilog="""\b
Examples:
  venvhook prune --dry-run            what would be removed
  venvhook prune --scan ~/src
  venvhook prune --scan ~ --yes"""
)
@scan_option
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be removed, and end.")
@yes_option
@json_option
def prune(directory: bytes | None, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove environments that are broken or left behind, and records of what is gone.

    \b
    Removed are, after one question:
    - environments without an interpreter, orphans, and those that
      'venvhook create' left unfinished more than a day ago;
    - links called like environments that lead to nothing;
    - decisions, bindings and kept recipes about what is gone.

    Never what is active, belongs to somebody else, is tracked by a repository, holds one, or holds
    anything besides an environment. Links are not followed. 'venvhook list' says what the states
    mean; what was moved, or is broken otherwise, stays.
    """  # noqa: D301  # \b: what tells click not to wrap
    if as_json and not (dry_run or yes):
        raise click.UsageError("--json asks nothing: give --dry-run or --yes with it.")
    now = time.time()
    entries, found = _look(directory, False)
    with busy("looking at what can be removed"):
        known = read_records(existing_state(os.environ))
        plan = plan_removal(entries, known, os.environ, now)
    removing = not (dry_run or plan.is_empty)
    if as_json:
        status = _carry_out(plan, quiet=True) if removing else 0
        print_json({**_plan_facts(plan), "removed": removing, "unreadable": found.unreadable})
        return status
    print_lines(list(_plan_lines(plan)))
    _complain_of(found)
    if removing and not yes and not _may_remove(plan):
        return 1
    return _carry_out(plan, quiet=False) if removing else 0


def _look(directory: bytes | None, sizes: bool) -> tuple[list[Entry], Scan]:
    """Return the environments, and what a scan of *directory* found, if one was wished."""
    with busy("looking for environments"):
        found = Scan() if directory is None else scan(directory, os.environ)
        entries = survey(os.environ, found, time.time())
        if sizes:
            entries = [entry if _is_gone(entry) else _measured(entry) for entry in entries]
    return entries, found


def _measured(entry: Entry) -> Entry:
    return replace(entry, size=size_of(entry.path))


def _is_gone(entry: Entry) -> bool:
    return entry.state in (GONE, AWAY)


def _may_remove(plan: Plan) -> bool:
    """Ask whether *plan* is to be carried out; where not, say that nothing was removed."""
    if confirm(_question(plan)):
        return True
    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    why = "" if can_ask else "; there is no terminal to ask on, and --yes was not given"
    complain(f"nothing was removed{why}")
    return False


def _complain_of(found: Scan) -> None:
    if found.unreadable:
        one = found.unreadable == 1
        complain(f"{found.unreadable} director{'y' if one else 'ies'} could not be read")


# ---- list ----------------------------------------------------------------------------------------


def _table(entries: list[Entry], sizes: bool) -> list[str]:
    """Return *entries* as lines, the paths last: all else has the same width in each."""
    now = time.time()
    rows = [("STATE", "PYTHON", "SIZE", "LAST USE", "ENVIRONMENT")]
    rows += [_row(entry, now) for entry in entries]
    columns = [0, 1, *([2] if sizes else []), 3]
    widths = {column: max(len(row[column]) for row in rows) for column in columns}
    lines = []
    for row, entry in zip(rows, [None, *entries], strict=True):
        cells = [f"{row[column]:<{widths[column]}}" for column in columns]
        if entry is not None:
            cells[0] = styled(cells[0], _COLOURS[entry.state])
        lines.append("  ".join([*cells, row[4]]))
    return lines if entries else []


def _row(entry: Entry, now: float) -> tuple[str, str, str, str, str]:
    where = _short(entry.path)
    if entry.project is not None and entry.project != os.path.dirname(entry.path):
        where += f" ({_short(entry.project)})"
    used = "-" if entry.used is None else ago(entry.used, now)
    size = "-" if entry.size is None else size_text(entry.size)
    return entry.state_text, entry.facts.python_text or "-", size, used, where


def _short(path: bytes) -> str:
    """Return *path* for a terminal, with ``~`` for HOME."""
    home = home_directory(os.environ)
    if home and home != b"/" and is_below(path, home):
        path = b"~" + path[len(home) :]
    return shown(path, _PATH_LIMIT)


def _facts(entry: Entry) -> dict[str, object]:
    """Return *entry* as it stands in JSON."""
    facts = entry.facts
    return {
        "environment": path_text(entry.path),
        "project": path_text(entry.project),
        "state": entry.state,
        "reason": entry.reason or None,
        "python": facts.python or None,
        "implementation": facts.implementation if facts.python else None,
        "maker": facts.maker or None,
        "made": timestamp(facts.made),
        "last_used": timestamp(entry.used),
        "size": entry.size,
        "known": entry.known,
        "link": entry.is_link,
    }


# ---- prune ---------------------------------------------------------------------------------------


def _plan_lines(plan: Plan) -> Iterator[str]:
    """Yield what is shown before the question."""
    if plan.candidates:
        yield "To be removed:"
    for candidate in plan.candidates:
        entry = candidate.entry
        size = f", {size_text(candidate.size)}" if candidate.size else ""
        yield f"  {_short(entry.path)}: {_why(entry)}{size}"
    if plan.records or plan.damaged or plan.recipes:
        yield "To be forgotten:"
    for record in plan.records:
        word = _WORDS.get(record.kind, "decision about")
        what = "" if is_below(record.missing, record.path) else f" to {_short(record.missing)}"
        yield f"  {word} {_short(record.path)}{what}, which is gone"
    if plan.damaged:
        yield f"  {_count(plan.damaged, 'record')} that cannot be read"
    if plan.recipes:
        verb = "is" if len(plan.recipes) == 1 else "are"
        projects = f"{_count(len(plan.recipes), 'project')} that {verb} gone"
        yield f"  what was found out about {projects}"
    if plan.kept:
        yield "Not removed:"
    for entry, reason in plan.kept:
        yield f"  {_short(entry.path)}: {entry.state}, but {reason}"
    if plan.is_empty:
        yield "Nothing to remove."


def _why(entry: Entry) -> str:
    """Return the state of *entry* and the reason, which may be the same, without what to do."""
    reason = entry.reason.partition("; ")[0]
    return reason if entry.is_link else f"{entry.state}, {reason}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s'[: number != 1]}"


def _question(plan: Plan) -> str:
    return f"Remove {_counted(list(plan.candidates), plan)}?"


def _counted(candidates: list[Candidate], plan: Plan) -> str:
    """Return how many *candidates* there are, and records in *plan*, in words."""
    parts = []
    links = sum(candidate.entry.is_link for candidate in candidates)
    if links < len(candidates):
        size = size_text(sum(candidate.size for candidate in candidates))
        parts.append(f"{_count(len(candidates) - links, 'environment')} ({size})")
    if links:
        parts.append(_count(links, "link"))
    records = len(plan.records) + plan.damaged + len(plan.recipes)
    if records:
        parts.append(_count(records, "record"))
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _carry_out(plan: Plan, quiet: bool) -> int:
    """Remove what is planned; return 1 where something could not be removed, else 0."""
    with busy("removing"):
        results = list(carry_out(plan, os.environ))
    failures = [done.failure for done in results if done.failure]
    for failure in failures:
        complain(failure)
    counted = _counted([done.candidate for done in results if not done.failure], plan)
    if not quiet:
        click.echo(f"Removed: {counted or 'nothing'}.")
    return 1 if failures else 0


def _plan_facts(plan: Plan) -> dict[str, object]:
    """Return *plan* as it stands in JSON."""
    return {
        "environments": [
            {**_facts(candidate.entry), "size": candidate.size} for candidate in plan.candidates
        ],
        "kept": [{**_facts(entry), "kept": reason} for entry, reason in plan.kept],
        "records": [
            {"kind": record.kind.decode(), "path": path_text(record.path)}
            for record in plan.records
        ],
        "damaged": plan.damaged,
        "recipes": [path_text(root) for root in plan.recipes],
        "size": plan.size,
    }
