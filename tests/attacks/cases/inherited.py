"""Variables that a shell inherits, set to hostile text: data, whatever is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from attacks.case import Group
from attacks.stage import SYSTEM_PATH, Stage

GROUP = Group("inherited")
HOSTILE = "$(pwn)`pwn`;pwn;'\"%n\\[\x1b]0;title\x07*"

Environ = Mapping[str, str]


def _started_with(
    name: str, environ: Environ | Callable[[Stage], Environ], active: bool = True
) -> None:
    """Add the case of a shell that starts with *environ*; is an environment *active* in it?"""

    def act(stage: Stage) -> None:
        own, foreign = stage.shared()
        stage.open(environ=environ(stage) if callable(environ) else environ)
        stage.visit(foreign.parent, None, lines=1 if active else 0)
        stage.visit(own.parent, own if active else None, lines=0)

    GROUP.add(name, act)


def _adopted(value: str) -> Environ:
    """Return what a child of a shell with *value* active would inherit."""
    path = f"{value}/bin:{SYSTEM_PATH}"
    return {"VIRTUAL_ENV": value, "VENVHOOK_ACTIVE": value, "PATH": path}


# By a user's own hand, as far as can be seen: left alone.
_started_with("VIRTUAL_ENV is text", {"VIRTUAL_ENV": HOSTILE}, active=False)
_started_with(
    "VIRTUAL_ENV is a stranger's",
    lambda stage: {"VIRTUAL_ENV": str(stage.shared()[1])},
    active=False,
)
_started_with(
    "VENVHOOK_ACTIVE is another one",
    {"VIRTUAL_ENV": HOSTILE, "VENVHOOK_ACTIVE": "/x"},
    active=False,
)
_started_with(
    "conda is active", {"CONDA_DEFAULT_ENV": HOSTILE, "CONDA_PREFIX": HOSTILE}, active=False
)
_started_with("switched off by text", {"VENVHOOK_OFF": HOSTILE}, active=False)
_started_with("VENVHOOK_ACTIVE is text", {"VENVHOOK_ACTIVE": HOSTILE})
_started_with("an environment of text is adopted", _adopted(HOSTILE))
_started_with("an environment of globs is adopted", _adopted("/*[a-z]?"))
_started_with("a stranger's environment is adopted", lambda stage: _adopted(str(stage.shared()[1])))
_started_with(
    "a prompt is adopted", {**_adopted("/x"), "VIRTUAL_ENV_PROMPT": HOSTILE, "PS1": f"({HOSTILE}) "}
)
_started_with("a prompt of globs is adopted", {**_adopted("/x"), "VIRTUAL_ENV_PROMPT": "*"})

for _name in (
    *("_OLD_VIRTUAL_PATH", "_OLD_VIRTUAL_PS1", "_OLD_VIRTUAL_PYTHONHOME"),
    *("_OLD_FISH_PROMPT_OVERRIDE", "VIRTUAL_ENV_DISABLE_PROMPT"),
    *("_VENVHOOK_LOADED", "_VENVHOOK_PYTHON", "_VENVHOOK_SOURCE", "_VENVHOOK_CACHE"),
    *("_VENVHOOK_PROTOCOL", "_VENVHOOK_ROOT", "_VENVHOOK_ENV", "_VENVHOOK_REST"),
    *("_VENVHOOK_HAND", "_VENVHOOK_RECIPE", "_VENVHOOK_MARKERS", "_VENVHOOK_WATCH"),
    *("_VENVHOOK_PASSED", "_VENVHOOK_LOOK", "_VENVHOOK_CALM", "_VENVHOOK_TOLD"),
    *("_VENVHOOK_PREFIX", "_VENVHOOK_SHOWN", "_VENVHOOK_DEACTIVATE", "_VENVHOOK_PATHLESS"),
    *("_VENVHOOK_GONE", "_VENVHOOK_NAME1", "_VENVHOOK_OLD_VIRTUAL_ENV", "_VENVHOOK_PWD"),
    *("_VENVHOOK_OLD_PYTHONHOME", "_VENVHOOK_TOKEN", "VENVHOOK_DEBUG"),
):
    _started_with(f"{_name} is text", {_name: HOSTILE})


def _leading_into_a_project(name: str) -> Callable[[Stage], Environ]:
    return lambda stage: {name: str(stage.shared()[1].parent / ".envrc")}


_OURS = {
    **{f"_VENVHOOK_{name}": HOSTILE for name in ("ROOT", "ENV", "REST", "LOOK", "CALM", "TOLD")},
    **{f"_VENVHOOK_{name}": HOSTILE for name in ("PREFIX", "DEACTIVATE", "WATCH", "RECIPE")},
    **{f"_VENVHOOK_{name}": "1" for name in ("LOADED", "PATHLESS", "GONE", "LEFTOVER")},
}
_started_with("all of ours at once", _OURS)
_started_with(
    "all of ours at once, with an environment",
    {**_OURS, **_adopted("/x"), "_VENVHOOK_ENV": "/x", "_VENVHOOK_ROOT": "/"},
)


for _name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
    _started_with(f"{_name} is text", {_name: HOSTILE})
for _name in ("LC_ALL", "LANG", "LANGUAGE", "COLUMNS", "IFS", "TMPDIR", "OLDPWD"):
    _started_with(f"{_name} is text", {_name: HOSTILE})
for _name in ("BASH_ENV", "ENV", "LD_LIBRARY_PATH", "MAILPATH", "HISTFILE"):
    _started_with(
        f"{_name} leads into a project",
        _leading_into_a_project(_name),
    )
for _name in (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG", "GIT_EXEC_PATH"),
    *("GIT_OBJECT_DIRECTORY", "GIT_CEILING_DIRECTORIES", "GIT_SSH_COMMAND", "GIT_EDITOR"),
):
    _started_with(f"{_name} is text", {_name: HOSTILE})


@GROUP.case
def _git_s_variables_hide_no_index(stage: Stage) -> None:
    environment = stage.build.tracked()
    other = stage.build.repository(stage.home / "other")
    environ = {"GIT_DIR": f"{other}/.git", "GIT_INDEX_FILE": f"{other}/.git/index"}
    stage.open(environ={**environ, "GIT_CEILING_DIRECTORIES": os.fspath(stage.home)})
    stage.visit(environment.parent, None)


# Set when venvhook is loaded: they would reach into any Python that is started, but for its -I.
def _set_later(name: str, values: Callable[[Path], Mapping[str, str]]) -> None:
    def act(stage: Stage) -> None:
        own, foreign = stage.shared()
        lines = []
        for variable, value in values(foreign.parent).items():
            word = stage.shell.word(value)
            if stage.shell.name == "fish":
                lines.append(f"set -gx {variable} {word}")
            elif stage.shell.name == "pwsh":
                lines.append(f"$env:{variable} = {word}")
            else:
                lines.append(f"export {variable}={word}")
        stage.open(setup="; ".join(lines))
        stage.visit(foreign.parent, None)
        stage.visit(own.parent, own)

    GROUP.add(name, act)


_set_later("PYTHONPATH is a project", lambda root: {"PYTHONPATH": f"{root}:."})
_set_later("PYTHONSTARTUP is a project's", lambda root: {"PYTHONSTARTUP": f"{root}/site.py"})
_set_later("PYTHONHOME is a project", lambda root: {"PYTHONHOME": os.fspath(root)})
_set_later("PYTHONUSERBASE is a project", lambda root: {"PYTHONUSERBASE": os.fspath(root)})
_set_later(
    "Python's switches",
    lambda root: {
        "PYTHONINSPECT": "1",
        "PYTHONVERBOSE": "1",
        "PYTHONWARNINGS": "error::os.X",
        "PYTHONBREAKPOINT": "os.system",
        "PYTHONPYCACHEPREFIX": os.fspath(root),
        "PYTHONIOENCODING": "utf-16",
        "PYTHONUNBUFFERED": "x",
        "PYTHONPLATLIBDIR": os.fspath(root),
        "PYTHONEXECUTABLE": "/bin/false",
    },
)
# Before, fish would look for its own settings there.
_set_later("XDG_CONFIG_HOME is text", lambda _root: {"XDG_CONFIG_HOME": HOSTILE})
_set_later(
    "XDG directories in a project",
    lambda root: {"XDG_CACHE_HOME": f"{root}/.cache", "XDG_STATE_HOME": f"{root}/.state"},
)
_set_later("HOME is nowhere", lambda root: {"HOME": f"{root}/nowhere/$(pwn)"})
_set_later("HOME is text", lambda _root: {"HOME": HOSTILE})
_set_later("HOME is empty", lambda _root: {"HOME": ""})
_set_later("HOME is relative", lambda _root: {"HOME": "."})
_set_later("HOME ends with a slash", lambda root: {"HOME": f"{root.parent}//"})
_set_later("PATH has the working directory", lambda _root: {"PATH": ".::bin:.venv/bin"})
_set_later("PATH is empty", lambda _root: {"PATH": ""})
_set_later("PATH is hostile", lambda _root: {"PATH": f"/usr/bin:{HOSTILE}:*:~/bin::"})
_set_later("CDPATH is a project", lambda root: {"CDPATH": f"{root}:{root.parent}"})
_set_later("names of markers that climb", lambda _root: {"VENVHOOK_NAMES": "../theirs/.venv"})
_set_later("names of markers that are text", lambda _root: {"VENVHOOK_NAMES": HOSTILE})
