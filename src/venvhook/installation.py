"""What ``venvhook install`` and ``venvhook uninstall`` do, told line by line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .decision import State
from .detect import installed_shells
from .directories import cache_directory, config_directory, is_own, state_directory
from .errors import VenvhookError, complain, shown
from .launcher import data_directory, recorded, remove_private_environment, write_launcher
from .permission import remove_tokens
from .prove import prove
from .rcfile import add_block, files_to_clean, loading_lines, rc_files, remove_block
from .shells import Shell

_DONE = {
    "added": "block added",
    "updated": "block brought up to date",
    "unchanged": "block is there already",
    "removed": "block taken out; the file was edited since the backup beside it, which stays",
    "restored": "block taken out",
    "deleted": "removed; it was made for the block",
}


@dataclass(frozen=True)
class Line:
    """One line of what is told, and whether it tells of a failure."""

    text: str
    failed: bool = False


def main() -> None:
    """Uninstall: for install.sh, where the private environment no longer runs."""
    sys.exit(tell(uninstall(installed_shells(os.environ), os.environ)))


def tell(lines: Iterable[Line]) -> int:
    """Print *lines* as they come, failures on stderr; return 1 if there was one, else 0."""
    status = 0
    for line in lines:
        if line.failed:
            complain(line.text)
            status = 1
        else:
            print(line.text, flush=True)
    return status


def install(
    shells: list[Shell], executables: Mapping[str, str], launcher: bytes, environ: Mapping[str, str]
) -> Iterator[Line]:
    """Put the block into the rc files of *shells*, and prove each shell that has one."""
    edited = []
    for shell in shells:
        try:
            for path in rc_files(shell, executables[shell.name], environ):
                lines = loading_lines(shell, launcher, os.fsencode(environ.get("HOME", "")))
                done = add_block(path, lines)
                yield Line(f"{shell.name:<10}  {shown(path)}: {_DONE[done]}")
            edited.append(shell)
        except VenvhookError as error:
            yield Line(f"{shell.name:<10}  {error}", failed=True)
    for shell in edited:
        yield _proof_line(shell, executables[shell.name], environ)


def _proof_line(shell: Shell, executable: str, environ: Mapping[str, str]) -> Line:
    """Return the line that says whether *shell* works."""
    try:
        proof = prove(shell, executable, environ)
    except VenvhookError as error:
        return Line(f"{shell.name}  FAILED  {error}", failed=True)
    return Line(f"{shell.name} {proof.version}  ok  {proof.times}".rstrip())


def lines_to_add(
    shells: list[Shell], launcher: bytes, environ: Mapping[str, str]
) -> Iterator[Line]:
    """Tell what the user who edits his rc files himself is to put there."""
    for shell in shells:
        yield Line(f"For {shell.name}:")
        lines = loading_lines(shell, launcher, os.fsencode(environ.get("HOME", "")))
        for line in lines.decode("utf-8", "backslashreplace").splitlines():
            yield Line("    " + line)


def install_launcher(launcher: bytes, environ: Mapping[str, str]) -> Iterator[Line]:
    """Write the launcher, and tell where it is if PATH does not lead there."""
    data = data_directory(environ)
    if data is None:
        raise VenvhookError("HOME is not set, so there is no place for the installation; set it")
    write_launcher(launcher, data)
    yield Line(f"{shown(launcher)}: written")
    found = shutil.which("venvhook", path=environ.get("PATH"))
    if found is None:
        directory = shown(os.path.dirname(launcher))
        yield Line(f"{directory} is not on PATH. The shells find venvhook all the same; to type")
        yield Line(f'its name, add to a startup file: export PATH="{directory}:$PATH"')
    elif os.path.realpath(os.fsencode(found)) != os.path.realpath(launcher):
        yield Line(f"'venvhook' on PATH is another one: {shown(os.fsencode(found))}")


def uninstall(executables: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Line]:
    """Take out every block, the cache, the decisions, and what install.sh made."""
    for path in files_to_clean(environ, executables):
        try:
            done = remove_block(path)
            if done:
                yield Line(f"{shown(path)}: {_DONE[done]}")
        except VenvhookError as error:
            yield Line(f"{error}; until then it may still load venvhook", failed=True)
    yield from _remove_own(environ)
    yield from _remove_installation(environ)


def _remove_own(environ: Mapping[str, str]) -> Iterator[Line]:
    """Remove the tokens, the cache and the state directory, where they are the user's own."""
    state = state_directory(environ)
    if state is not None and is_own(state):
        remove_tokens(State(state))
    for directory in (cache_directory(environ), state_directory(environ)):
        if directory is None or not is_own(directory):
            continue
        try:
            shutil.rmtree(directory)
            yield Line(f"{shown(directory)}: removed")
        except OSError as error:
            text = f"{shown(directory)}: cannot be removed ({error.strerror})"
            yield Line(text, failed=True)
    config = config_directory(environ)
    # Made by the helper, to see a config.toml that appears in it; a config.toml stays.
    if config is not None and os.path.isdir(config) and not os.listdir(config):
        os.rmdir(config)


def _remove_installation(environ: Mapping[str, str]) -> Iterator[Line]:
    """Remove what install.sh made, or tell who else brought the package."""
    data = data_directory(environ)
    if data is not None and recorded(data, b"launcher"):
        try:
            for path in remove_private_environment(data):
                yield Line(f"{shown(path)}: removed")
        except VenvhookError as error:
            yield Line(str(error), failed=True)
    elif sys.prefix != sys.base_prefix:
        yield Line("The package stays: remove it as it came (pipx, uv tool or pip uninstall).")
