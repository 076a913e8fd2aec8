"""May this environment be used: yes, or no and why."""

from __future__ import annotations

import os

from .environment import BIN, CONFIG, WINDOWS, Environment, Unusable


def check_trust(environment: Environment) -> None:
    """Raise Unusable, with the reason, where *environment*, which is whole, may not be used.

    The rule so far is ownership: its directory, its ``bin`` and its ``pyvenv.cfg`` belong to the
    user or to root. This is the one place that decides; conditions on where an environment came
    from belong here too. An owner leaves no trace in a witness, so such a refusal is not kept.
    """
    if WINDOWS:
        return
    for path in (environment.path, *(os.path.join(environment.path, n) for n in (BIN, CONFIG))):
        try:
            owner = os.stat(path).st_uid
        except OSError as error:
            raise Unusable(f"cannot be read ({error.strerror}); mend its permissions") from error
        if owner not in (os.geteuid(), 0):
            raise Unusable(f"belongs to user {owner}, not to you; make your own")
