"""The entry: ``init`` and ``hook`` take the fast road, everything else goes to click."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command in ``sys.argv`` and exit."""
    words = sys.argv[1:]
    if words[:1] == ["hook"]:
        from .hook import main as run_hook

        del sys.argv[1]
        run_hook()
    elif words[:1] == ["init"] and len(words) > 1 and words[1] not in ("--help", "-h"):
        from .init import main as run_init

        del sys.argv[1]
        run_init()
    else:
        from .cli import main as run_cli

        run_cli()


if __name__ == "__main__":
    main()
