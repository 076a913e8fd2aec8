"""The project around a directory, whatever it is called in: nothing of it is run unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from .caller import home_directory, marker_names, working_directory
from .config import Settings, explain_settings
from .environment import is_never_asked
from .errors import VenvhookError

# What version control keeps at the top of a work tree.
_REPOSITORIES = (b".git", b".hg", b".svn", b".jj", b".sl")


def projects_here(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the projects around the working directory: by its name, and by its real one.

    Nothing where that is gone.
    """
    try:
        here = working_directory(environ)
    except VenvhookError:
        return ()
    found = (project_around(path, environ) for path in (here, os.path.realpath(here)))
    return tuple(dict.fromkeys(filter(None, found)))


def project_around(directory: bytes, environ: Mapping[str, str]) -> bytes:
    """Return the topmost directory at or above *directory* that is a project by what is in it.

    That is a marker, a project file or a repository. Else *directory* itself; and nothing where it
    is HOME or above that, which is no project.
    """
    home = os.path.realpath(home_directory(environ) or b"/")
    own = list(_below_home(directory, home))
    signs = (*marker_names(environ), *_project_files(environ), *_REPOSITORIES)
    tops = [path for path in own if any(_is_there(path, sign) for sign in signs)]
    return next(iter(tops[-1:] or own[:1]), b"")


def _below_home(directory: bytes, home: bytes) -> Iterator[bytes]:
    """Yield *directory* and those above it, up to HOME, or to the first that *home* is in."""
    inside = os.path.join(home, b"")
    while not inside.startswith(os.path.join(os.path.realpath(directory), b"")):
        if directory == os.path.dirname(directory):
            return
        yield directory
        directory = os.path.dirname(directory)


def _project_files(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the names of project files, by default where the settings are not understood."""
    try:
        return explain_settings(environ)[0].project_files
    except VenvhookError:
        return Settings().project_files


def _is_there(directory: bytes, name: bytes) -> bool:
    path = os.path.join(directory, name)
    return not is_never_asked(path) and os.path.lexists(path)
