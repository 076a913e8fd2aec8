"""The entry: what shells and scripts call often takes the fast road, the rest goes to click."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command in ``sys.argv`` and exit."""
    words = sys.argv[1:]
    name = words[0] if words and not os.environ.get("_VENVHOOK_COMPLETE") else ""
    if name == "hook":
        from .hook import main as fast
    elif name == "init" and len(words) > 1 and words[1] not in ("--help", "-h"):
        from .init import main as fast
    elif name == "which" and _is_plain(words):
        from .which import main as fast
    elif name == "run" and _is_plain(words):
        from .execution import main as fast
    else:
        from .cli import main as run_cli

        run_cli()
        return
    del sys.argv[1]
    fast()


def _is_plain(words: list[str]) -> bool:
    """Return whether *words* are those of a command that needs no click to be understood."""
    if words[0] == "which":
        from .which import is_plain
    else:
        from .execution import is_plain
    return is_plain(words[1:])


if __name__ == "__main__":
    main()
