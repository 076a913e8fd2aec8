"""May this environment be used: yes, or no and why."""

from __future__ import annotations

import os

from .environment import BIN, CONFIG, WINDOWS, Environment, Unusable


def refusal(environment: Environment) -> Unusable | None:
    """Return why *environment*, which is whole, may not be used, or None where it may.

    The rule so far is ownership: its directory, its ``bin`` and its ``pyvenv.cfg`` belong to the
    user or to root. This is the one place that decides; conditions on where an environment came
    from belong here too. Whoever owns it can change it, so the answer is never kept.
    """
    if WINDOWS:
        return None
    for path in (environment.path, *(os.path.join(environment.path, n) for n in (BIN, CONFIG))):
        try:
            owner = os.stat(path).st_uid
        except OSError as error:
            return Unusable(f"cannot be read ({error.strerror})")
        if owner not in (os.geteuid(), 0):
            return Unusable(f"belongs to user {owner}, not to you; not used")
    return None
