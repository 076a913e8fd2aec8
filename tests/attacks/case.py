"""One row of the table of attacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from attacks.stage import Stage
from checkout import IS_ROOT


@dataclass(frozen=True)
class Case:
    """What is built and played, *act*, under a *name* that is the only one in its *group*.

    *needs* is "root" where other accounts' files are made, or "linux"; *shells* are those in which
    it means something, or none for all; *slow* cases are played by ``tests/run --all`` only.
    Without it, a case that has a *turn* is played in one shell, by turns: what it asks is decided
    by the helper, which is the same for all.
    """

    group: str
    name: str
    act: Callable[[Stage], None] = field(repr=False)
    needs: str = ""
    slow: bool = False
    shells: tuple[str, ...] = ()
    turn: int = -1

    def is_played(self, shell: str, shells: Sequence[str], everything: bool) -> bool:
        """Return whether this case is played in *shell*, which is one of *shells*."""
        if shell not in (self.shells or shells):
            return False
        if everything:
            return True
        return not self.slow and (self.turn < 0 or shells[self.turn % len(shells)] == shell)

    @property
    def missing(self) -> str:
        """Why this case cannot be played here, or nothing."""
        if self.needs == "root" and not IS_ROOT:
            return "only root can give a file to another account"
        if self.needs == "linux" and sys.platform != "linux":
            return "only on Linux"
        return ""


class Group:
    """Cases of one kind, in the order in which they were added.

    *setup* are lines typed into the shells, by their names, before the first case; *by_turns*: each
    case is played in one shell only, unless everything is asked for.
    """

    def __init__(
        self, name: str, setup: dict[str, str] | None = None, by_turns: bool = False
    ) -> None:
        self.name = name
        self.by_turns = by_turns
        self.setup = setup or {}
        self.cases: list[Case] = []

    def add(
        self,
        name: str,
        act: Callable[[Stage], None],
        needs: str = "",
        slow: bool = False,
        shells: tuple[str, ...] = (),
        by_turns: bool | None = None,
    ) -> None:
        """Add a case."""
        assert all(name != case.name for case in self.cases), name
        turn = len(self.cases) if (self.by_turns if by_turns is None else by_turns) else -1
        self.cases.append(Case(self.name, name, act, needs, slow, shells, turn))

    def case(
        self,
        act: Callable[[Stage], None] | None = None,
        *,
        needs: str = "",
        slow: bool = False,
        by_turns: bool | None = None,
    ) -> Callable[..., object]:
        """Add the function below, by its name: ``@group.case`` or ``@group.case(needs="root")``."""

        def added(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
            name = function.__name__.removeprefix("_").replace("_", " ")
            self.add(name, function, needs, slow, by_turns=by_turns)
            return function

        return added if act is None else added(act)
