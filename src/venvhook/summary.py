"""What 'venvhook status' and 'venvhook why' tell, as rows of a title and a text, and as JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .caller import home_directory
from .discovery import Marker
from .environment import CONFIG, Unusable, display_name, is_never_asked
from .errors import shown
from .explanation import NO, OK, Explanation
from .facts import Facts, ago, facts_of, size_of, size_text, timestamp
from .presence import Presence
from .project import Level, listed
from .session import off_reason

# How a row is meant; a terminal shows it by a colour.
GOOD, BAD, PLAIN = "good", "bad", ""
_NOTHING = "there is no environment here or above"
_BY = {"venvhook": "", "hand": ", activated by hand", "conda": ", activated by conda"}
# More entries than these in a directory are not looked through for environments by other names.
_ENTRY_LIMIT = 1000


@dataclass(frozen=True)
class Row:
    """One line: its *title*, its *text*, and how it is meant, GOOD, BAD or PLAIN."""

    title: str
    text: str
    meaning: str = PLAIN


@dataclass(frozen=True)
class Active:
    """The environment that is active in the calling shell.

    *by* is "venvhook", "hand" or "conda": who activated it.
    """

    path: bytes
    by: str


@dataclass(frozen=True)
class Summary:
    """All that is told: what was found about a project, and about the shell that asks.

    *presence* is None where it was asked about another place than that where the shell is.
    """

    told: Explanation
    environ: Mapping[str, str]
    presence: Presence | None = None
    size: int | None = None
    now: float = field(default_factory=time.time)

    @property
    def active(self) -> Active | None:
        """What is active in the calling shell."""
        return active_environment(self.environ)

    @property
    def off(self) -> str:
        """Why venvhook is switched off in the calling shell, or nothing."""
        return off_reason(self.environ)

    @property
    def facts(self) -> Facts | None:
        """What is known of the environment, broken or not; None where there is none."""
        marker = self.told.project.marker
        if marker is None or marker.environment is None:
            return None
        return facts_of(marker.environment)

    @property
    def hindrance(self) -> str:
        """Why an environment that may be used is not active all the same, or nothing."""
        told, active = self.told, self.active
        if not told.is_used or told.environment is None:
            return ""
        if self.off:
            return self.off
        if self.presence is None or (active is not None and active.path == told.environment.path):
            return ""
        if active is not None and active.by != "venvhook":
            who = f"{shown(active.path)} is active{_BY[active.by]}"
            return f"{who}, and left alone until you deactivate it"
        if self.presence.loaded:
            return "the next prompt activates it, unless you typed 'deactivate' in this project"
        return ""


def active_environment(environ: Mapping[str, str]) -> Active | None:
    """Return what is active in the shell that this process was called by; its base is not."""
    path = environ.get("VIRTUAL_ENV", "")
    if path:
        by = "venvhook" if path == environ.get("VENVHOOK_ACTIVE") else "hand"
        return Active(os.fsencode(path), by)
    if environ.get("CONDA_PREFIX") and (environ.get("CONDA_DEFAULT_ENV") or "base") != "base":
        return Active(os.fsencode(environ["CONDA_PREFIX"]), "conda")
    return None


def measured(told: Explanation) -> int | None:
    """Return how many bytes the environment takes on the disk, or None where there is none."""
    marker = told.project.marker
    return None if marker is None or marker.environment is None else size_of(marker.environment)


# ---- status --------------------------------------------------------------------------------------


def status_rows(summary: Summary) -> list[Row]:
    """Return what 'venvhook status' tells."""
    told = summary.told
    rows = [] if summary.presence is None else [Row("loaded", str(summary.presence))]
    active = Row("active", _active_text(summary))
    if told.project.marker is None:
        where = f"{listed(told.project.names)} in {shown(told.project.start)} or above"
        none = Row("project", f"none: there is no {where}")
        return [*rows, none, *_ignored(told), active, _trust(told), *_outcome(summary)]
    rows += [
        Row("project", shown(told.project.root)),
        Row("environment", shown(told.project.environment)),
        Row("found", _where_from(told)),
        *_ignored(told),
    ]
    return [*rows, *_fact_rows(summary), active, *_verdicts(summary)]


def _ignored(told: Explanation) -> list[Row]:
    """Return the row that tells which directory is ignored here, if one is."""
    ignored = told.project.ignored
    return [] if ignored is None else [Row("ignored", f"{shown(ignored)}, and all below")]


def _where_from(told: Explanation) -> str:
    """Return by what the environment was found, and where."""
    project, marker = told.project, told.project.marker
    if marker is None:
        return ""
    if marker.bound:
        how = "bound to the project by 'venvhook use'"
    elif marker.environment is not None and marker.environment != marker.path:
        how = f"by the file {shown(os.path.basename(marker.path))}"
    else:
        how = f"by its name, {shown(os.path.basename(marker.path))}"
    if not project.levels:
        return "named by you"
    above = len(project.levels) - 1
    if not above:
        return f"{how}, in the working directory"
    return f"{how}, {above} director{'y' if above == 1 else 'ies'} above"


def _fact_rows(summary: Summary) -> list[Row]:
    told, facts = summary.told, summary.facts
    if facts is None:
        return []
    rows = []
    if told.environment is not None:
        name = display_name(told.environment, told.project.root, told.project.names)
        rows.append(Row("name", name.decode()))
    rows.append(Row("python", facts.python_text or "unknown"))
    if facts.maker:
        when = "" if facts.made is None else f", {ago(facts.made, summary.now)}"
        rows.append(Row("made", f"by {facts.maker}{when}"))
    if facts.packages is not None:
        rows.append(Row("packages", str(facts.packages)))
    if summary.size is not None:
        rows.append(Row("size", size_text(summary.size)))
    return rows


def _active_text(summary: Summary) -> str:
    """Return what is active in the shell that this command was called by."""
    told, active = summary.told, summary.active
    if active is None:
        return f"no: {summary.off}" if told.is_used and summary.off else "no"
    if told.environment is not None and active.path == told.environment.path:
        return f"yes{_BY[active.by]}"
    return f"another, {shown(active.path)}{_BY[active.by]}"


def _verdicts(summary: Summary) -> list[Row]:
    told = summary.told
    meanings = {OK: GOOD, NO: BAD}
    return [
        Row("accepted", told.accepted),
        _trust(told),
        *(Row(a.title, a.verdict, meanings.get(a.state, PLAIN)) for a in told.answers),
        *_outcome(summary),
    ]


def _trust(told: Explanation) -> Row:
    return Row("trust", f"{told.settings.trust} ({told.origin})")


def _outcome(summary: Summary) -> list[Row]:
    """Return what all of it comes to, and before that whether all is switched off."""
    off = [Row("switched off", summary.off)] if summary.off else []
    return [*off, _used(summary)]


def _used(summary: Summary) -> Row:
    told = summary.told
    if told.project.marker is None and not told.refusal:
        return Row("used", f"no: {_NOTHING}")
    if not told.is_used:
        return Row("used", f"no: {told.refusal}", BAD)
    hindrance = summary.hindrance
    return Row("used", f"yes, but not now: {hindrance}" if hindrance else "yes", GOOD)


def status_facts(summary: Summary) -> dict[str, object]:
    """Return what 'venvhook status' tells, as it stands in JSON."""
    told, presence = summary.told, summary.presence
    facts, active, marker = summary.facts or Facts(), summary.active, told.project.marker
    name = None
    if told.environment is not None:
        name = display_name(told.environment, told.project.root, told.project.names).decode()
    return {
        "loaded": presence.loaded if presence else None,
        "shell": presence.shell or None if presence else None,
        "active": os.fsdecode(active.path) if active else None,
        "active_by": active.by if active else None,
        "project": None if marker is None else os.fsdecode(told.project.root),
        "environment": None if marker is None else os.fsdecode(told.project.environment),
        "bound": marker is not None and marker.bound,
        "name": name,
        "python": facts.python or None,
        "implementation": facts.implementation if facts.python else None,
        "maker": facts.maker or None,
        "made": timestamp(facts.made),
        "packages": facts.packages,
        "size": summary.size,
        **_verdict_facts(summary),
    }


def _verdict_facts(summary: Summary) -> dict[str, object]:
    told = summary.told
    reason = told.refusal or (_NOTHING if told.project.marker is None else "")
    return {
        "accepted": told.how.decode() or None,
        "denied": told.denied,
        "ignored": None if told.project.ignored is None else os.fsdecode(told.project.ignored),
        "off": summary.off or None,
        "trust": told.settings.trust,
        "trust_from": told.origin,
        "conditions": [
            {"name": a.title, "state": a.state, "evidence": a.evidence or None}
            for a in told.answers
        ],
        "used": told.is_used,
        "reason": reason or None,
        "hindrance": summary.hindrance or None,
    }


# ---- why -----------------------------------------------------------------------------------------


def why_lines(summary: Summary) -> tuple[list[str], list[Row]]:
    """Return what 'venvhook why' tells: the walk, and the conditions with what comes of them."""
    project = summary.told.project
    lines = [f"{shown(level.directory)}: {found}" for level, found in _walk(summary)]
    if project.ignored is not None:
        lines.append(f"{shown(project.ignored)}: ignored by 'venvhook ignore', and all below")
    if project.marker is None and project.ignored is not None:
        return lines, _outcome(summary)
    if project.marker is None:
        home = home_directory(summary.environ)
        if project.start != home and project.start.startswith(home + b"/"):
            lines.append(f"{shown(home)}: not looked at; what is there counts in itself alone")
        return lines, _outcome(summary)
    name = os.path.basename(project.marker.path)
    if name not in project.names and not project.marker.bound:
        lines.append(f"{shown(name)} is not looked for: the names are {listed(project.names)}")
    return lines, _verdicts(summary)


def why_facts(summary: Summary) -> dict[str, object]:
    """Return what 'venvhook why' tells, as it stands in JSON."""
    project = summary.told.project
    return {
        "walk": [
            {"directory": os.fsdecode(level.directory), "found": found}
            for level, found in _walk(summary)
        ],
        "project": None if project.marker is None else os.fsdecode(project.root),
        "environment": None if project.marker is None else os.fsdecode(project.environment),
        **_verdict_facts(summary),
    }


def _walk(summary: Summary) -> list[tuple[Level, str]]:
    """Return the directories that were looked at, each with what was found there."""
    project = summary.told.project
    levels = project.levels
    if not levels and project.marker is not None:
        levels = (Level(project.root, project.marker),)
    return [(level, _found(level, project.names)) for level in levels]


def _found(level: Level, names: tuple[bytes, ...]) -> str:
    """Return what was found at one directory of the walk."""
    if level.marker is not None:
        return _marker_text(level.marker)
    others = _other_environments(level.directory, names)
    if not others:
        return "nothing"
    first = shown(os.path.basename(others[0]))
    return (
        f"nothing called {listed(names)}; {first} is an environment, and "
        f"'venvhook use {first}', called there, would use it"
    )


def _marker_text(marker: Marker) -> str:
    """Return what *marker* is."""
    name = shown(os.path.basename(marker.path))
    if marker.bound:
        where = shown(marker.path)
        if isinstance(marker.reason, Unusable):
            return f"{where} {marker.reason.reason}"
        return f"bound to {where} by 'venvhook use', which beats all names"
    if marker.reason is not None:
        return f"{name} {marker.reason.reason}"
    if marker.environment is None:
        return f"{name} is no environment, and passed by"
    if marker.environment != marker.path:
        return f"{name} is a file that leads to {shown(marker.environment)}"
    if os.path.islink(marker.path):
        return f"{name} is a link to {shown(os.path.realpath(marker.path))}"
    return f"{name} is an environment"


def _other_environments(directory: bytes, names: tuple[bytes, ...]) -> list[bytes]:
    """Return the environments in *directory* by other names than *names*, by their names."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count > _ENTRY_LIMIT:
                    break
                if entry.name in names or is_never_asked(entry.path):
                    continue
                if entry.is_dir(follow_symlinks=False) and os.path.lexists(
                    os.path.join(entry.path, CONFIG)
                ):
                    found.append(entry.path)
    except OSError:
        return []
    return sorted(found)


# ---- As text -------------------------------------------------------------------------------------


def as_lines(rows: list[Row]) -> list[str]:
    """Return *rows* as aligned lines."""
    return [f"{row.title:<14} {row.text}" for row in rows]
