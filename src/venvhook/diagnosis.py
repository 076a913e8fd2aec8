"""What the doctor found, and how it is told: on a terminal, as JSON, in a bug report.

A finding is text with paths in it, and each is kept as what it is: a path is bytes. So a report can
leave out what is nobody else's business by what it is, not by what it looks like: of a path it
keeps only names that are the same on every machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import shown

OK, WARNING, ERROR = "ok", "warning", "error"
STATUSES = (OK, WARNING, ERROR)
# Programs that a report may name, wherever they are.
KNOWN_TOOLS = frozenset(
    (
        *("venvhook", "bash", "zsh", "fish", "pwsh", "powershell", "python", "python3", "git"),
        *("uv", "virtualenv", "poetry", "pipenv", "pdm", "hatch", "conda", "mamba", "micromamba"),
        *("pyenv", "mise", "rtx", "asdf", "direnv", "starship", "oh-my-posh"),
    )
)
# Names in paths that say nothing of whose machine it is.
_ORDINARY = frozenset(
    (
        *KNOWN_TOOLS,
        *("", "bin", "sbin", "usr", "local", "opt", "etc", "lib", "share", "state", "venv", "env"),
        *("var", "run", "tmp", "nix", "store", "snap", "homebrew", "linuxbrew"),
        *("Cellar", "Library", "Frameworks", "Python.framework", "Versions", "Program Files"),
        *(".local", ".config", ".cache", ".pyenv", ".asdf", ".cargo", ".nix-profile"),
        *("versions", "shims", "installs", "plugins", "condabin", "Scripts", "tools", "decisions"),
        *("miniconda3", "anaconda3", "miniforge3", "mambaforge", "pipx", "venvs", "current"),
        *(".bashrc", ".bash_profile", ".bash_login", ".bash_aliases", ".profile", "bash.bashrc"),
        *(".zshrc", ".zshenv", ".zprofile", ".zlogin", "zshrc", "zshenv", "zprofile", "bashrc"),
        *(".oh-my-zsh", "conf.d", "vendor_conf.d", "config.fish", "venvhook.fish", "config.toml"),
        *("profile", "profile.d", "profile.ps1", "Microsoft.PowerShell_profile.ps1", ".venv"),
    )
)
# Versions, in names too: 3.12.1, python3.12, cpython-3.12.1.
_VERSION_NAME = re.compile(r"(?:c?python-?|pypy-?)?\d[\d.]{0,12}")


class Private(str):
    """Text that may hold names of the user's, and is left out of a report."""

    __slots__ = ()


Part = str | bytes


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is about, how it is, and what to do.

    *what* and *advice* are text, and paths as bytes; *file* and *line* where it was found.
    """

    topic: str
    status: str
    what: tuple[Part, ...]
    advice: tuple[Part, ...] = ()
    file: bytes | None = None
    line: int | None = None


def count(findings: Iterable[Finding], status: str) -> int:
    """Return how many of *findings* have *status*."""
    return sum(finding.status == status for finding in findings)


def outcome(findings: list[Finding]) -> str:
    """Return the one line that ends it all."""
    errors, warnings = count(findings, ERROR), count(findings, WARNING)
    beside = f"{warnings} warning{'s'[: warnings != 1]}" if warnings else ""
    if not errors:
        return f"no problems found ({beside})" if beside else "no problems found"
    return f"{errors} problem{'s'[: errors != 1]}" + (f", {beside}" if beside else "")


# ---- On a terminal, as JSON ----------------------------------------------------------------------


def plain(parts: tuple[Part, ...], home: bytes) -> str:
    """Return *parts* as a user reads them: *home* is ``~`` in paths."""
    return "".join(part if isinstance(part, str) else _with_tilde(part, home) for part in parts)


def _with_tilde(path: bytes, home: bytes) -> str:
    if home not in (b"", b"/") and (path == home or path.startswith(home + b"/")):
        return "~" + shown(path[len(home) :])
    return shown(path)


def facts(findings: list[Finding]) -> dict[str, object]:
    """Return *findings* for JSON, paths in full."""
    return {
        "problems": count(findings, ERROR),
        "warnings": count(findings, WARNING),
        "findings": [
            {
                "topic": finding.topic,
                "status": finding.status,
                "what": _full(finding.what),
                "advice": _full(finding.advice) or None,
                "file": None if finding.file is None else os.fsdecode(finding.file),
                "line": finding.line,
            }
            for finding in findings
        ],
    }


def _full(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else os.fsdecode(part) for part in parts)


# ---- For a bug report ----------------------------------------------------------------------------


def report(findings: list[Finding], machine: str, environ: Mapping[str, str]) -> list[str]:
    """Return *findings* as lines of Markdown in which nothing is private; *machine* says on what.

    Of paths only names that are the same everywhere are kept: no user's, host's or project's name.
    """
    homes = own_homes(environ)
    width = max(len(finding.topic) for finding in findings)
    lines = ["### venvhook doctor", "", machine, "", "```text"]
    for finding in findings:
        what = public(finding.what, homes)
        lines.append(f"{finding.status:<7}  {finding.topic:<{width}}  {what}")
    return [*lines, outcome(findings), "```"]


def own_homes(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the names of the user's HOME: as it is set, and without links."""
    home = os.fsencode(environ.get("HOME", "")).rstrip(b"/")
    return tuple(dict.fromkeys((home, os.path.realpath(home)))) if home else ()


def public(parts: tuple[Part, ...], homes: tuple[bytes, ...]) -> str:
    """Return *parts* without anything private."""
    return "".join(_public_part(part, homes) for part in parts)


def _public_part(part: Part, homes: tuple[bytes, ...]) -> str:
    if isinstance(part, Private):
        return "(left out)"
    return part if isinstance(part, str) else public_path(part, homes)


def public_path(path: bytes, homes: tuple[bytes, ...]) -> str:
    """Return *path* with ``~`` for HOME and ``...`` for each run of names that are the user's."""
    start = ""
    for home in homes:
        if path == home or path.startswith(home + b"/"):
            start, path = "~", path[len(home) :]
            break
    names: list[str] = []
    for name in os.fsdecode(path).split("/"):
        kept = name if name in _ORDINARY or _VERSION_NAME.fullmatch(name) else "..."
        if kept != "..." or names[-1:] != ["..."]:
            names.append(kept)
    return start + "/".join(names)
