"""``venvhook which`` on the fast road: the path of the environment's Python, and nothing else."""

from __future__ import annotations

import os

from .caller import absolute, chosen_directory
from .environment import BIN, PYTHON
from .errors import run
from .nearest import environment_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .environment import Environment


def main() -> None:
    """Run ``which``."""
    run(respond)


def is_plain(words: list[str]) -> bool:
    """Return whether *words*, the arguments of ``which``, are all that ``respond`` knows."""
    return not chosen_directory(words)[1]


def respond(words: list[bytes], environ: Mapping[str, str]) -> bytes:
    """Return the answer to the plain *words*. Raises VenvhookError where there is none."""
    given, _ = chosen_directory([os.fsdecode(word) for word in words])
    directory = absolute(os.fsencode(given) or b".", environ)
    return python_of(environment_at(directory, environ).environment) + b"\n"


def python_of(environment: Environment) -> bytes:
    """Return the path of the Python of *environment*."""
    return os.path.join(environment.path, BIN, PYTHON)
