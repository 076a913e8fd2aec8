"""Is the hook loaded into each shell: by which line, once, and by a command that is there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from .clashes import find_clashes
from .detect import current_shell
from .diagnosis import ERROR, OK, WARNING, Finding, Private
from .errors import UsageError, VenvhookError, shown
from .programs import Programs
from .rcfile import find_block, look_at
from .shells import SHELLS, Shell
from .startup import Loading, Startup, expanded, interactive_startup, login_startup

# The oldest that are meant to work, by the shell's name.
OLDEST = {"bash": (3, 2), "zsh": (5, 3), "fish": (3, 6), "powershell": (5, 1)}


def find_shells(
    shells: Mapping[str, str],
    versions: Mapping[str, str | None],
    environ: Mapping[str, str],
    programs: Programs,
) -> Iterator[Finding]:
    """Look at each of *shells*, and at its startup files."""
    if not shells:
        advice = "install bash, zsh, fish or PowerShell, or put it on PATH"
        yield Finding("shells", ERROR, ("none that venvhook knows is on PATH",), (advice,))
    own = _own_shells(environ)
    for shell in SHELLS:
        executable = shells.get(shell.name)
        if executable is None:
            continue
        yield _shell_version(shell, executable, versions[executable])
        try:
            startup = interactive_startup(shell, executable, programs.for_startup)
        except VenvhookError as error:
            yield Finding(shell.name, WARNING, (Private(error),))
            continue
        is_own = shell.name in own or len(shells) == 1
        yield from _loaded(startup, environ, is_own)
        if shell.name == "bash" and startup.loadings():
            yield from _login(startup, environ)
        yield from find_clashes(startup)


def _own_shells(environ: Mapping[str, str]) -> set[str]:
    """Return the names of the shells that the user is in, and that his terminals start."""
    names = {os.path.basename(environ.get("SHELL", "")).removesuffix(".exe")}
    with contextlib.suppress(UsageError):  # called by no shell, or by one that we do not know
        names.add(current_shell().name)
    return {"powershell" if name == "pwsh" else name for name in names}


def _shell_version(shell: Shell, executable: str, version: str | None) -> Finding:
    path = os.fsencode(executable)
    if version is None:
        if os.path.basename(executable).startswith("powershell"):
            return Finding(shell.name, OK, (path,))  # Windows PowerShell has no --version
        advice = f"run '{shell.name} --version', and install it again"
        return Finding(shell.name, WARNING, (path, " does not tell its version"), (advice,))
    numbers = tuple(map(int, version.split(".")))
    if numbers[:2] < OLDEST[shell.name]:
        oldest = ".".join(map(str, OLDEST[shell.name]))
        what = (f"{version} (", path, f") is older than {oldest}, which venvhook is made for")
        return Finding(shell.name, ERROR, what, (f"upgrade {shell.name}",))
    return Finding(shell.name, OK, (f"{version} (", path, ")"))


def _loaded(startup: Startup, environ: Mapping[str, str], is_own: bool) -> Iterator[Finding]:
    """Look whether the startup files load the hook, once, and for their shell."""
    shell = startup.shell
    for file, reason in startup.unread:
        yield Finding(shell.name, WARNING, (file, f" {reason}"), ("mend or remove it",), file)
    yield from _block(shell, startup.main)
    loadings = [found for _at, found in startup.loadings()]
    if not loadings:
        yield _not_loaded(startup, is_own)
        return
    yield _loading(shell, loadings[0], environ)
    for other in loadings[1:]:
        what = ("is loaded a second time by ", other.line.file, f":{other.line.number}")
        advice = ("harmless, but slower: take one of the lines out",)
        yield Finding(shell.name, WARNING, what, advice, other.line.file, other.line.number)


def _block(shell: Shell, main: bytes) -> Iterator[Finding]:
    """Look whether our block in *main* is whole, if there is one."""
    try:
        find_block(look_at(main).content, main)
    except VenvhookError as error:
        reason = str(error).removeprefix(shown(main)).lstrip(",: ")
        yield Finding(shell.name, WARNING, (main, f": {reason}"), (), main)


def _not_loaded(startup: Startup, is_own: bool) -> Finding:
    shell = startup.shell
    fix = f"'venvhook install --shells {shell.name}', then open a new shell"
    wrong, comment = startup.wrong_loading(), startup.commented_out()
    if wrong is not None:
        line = wrong.line
        what = f":{line.number} loads the hook of {shown(wrong.shell)} into {shell.name}"
        advice = (f"write 'init {shell.name}' there",)
        return Finding(shell.name, ERROR, (line.file, what), advice, line.file, line.number)
    status = ERROR if is_own else OK
    hint = (fix,) if is_own else ()
    if comment is not None:
        parts = ("the line that loads venvhook is a comment: ", comment.file, f":{comment.number}")
        return Finding(shell.name, status, parts, hint, comment.file, comment.number)
    beside = "" if is_own else f" ('venvhook install --shells {shell.name}' would load it)"
    return Finding(shell.name, status, ("is not loaded by ", startup.main, beside), hint)


def _loading(shell: Shell, loading: Loading, environ: Mapping[str, str]) -> Finding:
    """Return what is to say of the line that loads the hook: is its command there."""
    line = loading.line
    place = (line.file, f":{line.number}")
    # PowerShell joins strings to a path, which is not followed here.
    command = None if shell.name == "powershell" else expanded(loading.command, environ)
    if command is not None and not os.access(command, os.X_OK):
        what = ("is not loaded: the command of ", *place, " is gone: ", command)
        advice = ("./install.sh, or 'venvhook install', writes the line anew",)
        return Finding(shell.name, ERROR, what, advice, line.file, line.number)
    return Finding(shell.name, OK, ("is loaded by ", *place), (), line.file, line.number)


def _login(startup: Startup, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether a login bash comes to what loads the hook (tmux, ssh, macOS' terminals)."""
    login = login_startup(startup.shell, environ)
    if login.loadings():
        return
    what = ("a login bash (tmux, ssh) does not load it: ", login.main, " does not read ")
    advice = ("add to ", login.main, ": [ ! -f ~/.bashrc ] || . ~/.bashrc")
    yield Finding("bash", WARNING, (*what, startup.main), advice, login.main)
