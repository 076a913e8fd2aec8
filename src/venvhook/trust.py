"""May this environment be used: yes, or no and which condition fails on what.

Whoever can write an environment can run code as the user. One that the user made here may be used
unasked; one that came from elsewhere only after 'venvhook allow'. An accepted one is known by its
token, and is asked again for what can change: who can write it, and whether a repository has it.
"""

from __future__ import annotations

import os

from .birth import check_made_here, inner_links
from .decision import (
    ALLOWED,
    DENY,
    OWN,
    UNASKED,
    Decision,
    State,
    holds_token,
    identity,
    keeps_times_beside,
    plant_token,
    read_token,
    remove_token,
)
from .directories import is_owned, upwards
from .environment import CONFIG, MAKE_ANEW, WINDOWS, Doubt, Environment, is_never_asked
from .errors import shown
from .gitindex import Repository, Tracked, enclosing, tracked
from .held import Holder, Shared, Way, check_held, find_doubts, follow, in_order
from .location import check_at_home
from .repository import repository_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .config import Settings

# The conditions by their names in a decision file, in the order in which they are asked; before
# them stands that the environment is whole (environment.examine).
HELD, DELIVERED, LOCATION, BIRTH = b"held", b"delivered", b"location", b"birth"
CONDITIONS = (HELD, DELIVERED, LOCATION, BIRTH)
# Not one that could be set aside: an environment to which no way leads.
WHOLE = b"whole"
# What is asked of an environment that has been accepted before.
_ASKED_AGAIN = (HELD, DELIVERED)
_UNREADABLE = b"unreadable"
_OWN_SENTENCE = ("/", "its ", "in ", "'")
# Which decisions count under which setting.
_COUNTS = {"own": (OWN, ALLOWED), "ask": (ALLOWED,), "all": (OWN, ALLOWED, UNASKED)}


class Verdict:
    """Whether an environment may be used.

    *doubt* is None for yes, else it says why not, and *condition* which one failed (empty: none of
    them, but the user's own word). *silent*: the user knows, and is told nothing. *token* are the
    digits in the environment now, or empty where it has none. *witnesses* are what the answer rests
    on besides the environment's own files. *decision* is what was decided before, or is now.
    """

    __slots__ = ("condition", "decision", "doubt", "kept", "silent", "token", "witnesses")

    def __init__(
        self,
        witnesses: tuple[bytes, ...],
        doubt: Doubt | None = None,
        condition: bytes = b"",
        silent: bool = False,
    ) -> None:
        self.witnesses = witnesses
        self.doubt = doubt
        self.condition = condition
        self.silent = silent
        self.token = b""
        self.decision: Decision | None = None
        self.kept = doubt is not None and doubt.kept


class Look:
    """One look at *environment*, to which the marker *marker* of a project leads.

    Nothing is found out twice. The conditions are its methods; each raises Doubt where it does not
    hold. Raises Doubt itself where the path cannot be followed. *root* is the project's, where that
    is not the directory of the marker.
    """

    def __init__(self, environment: Environment, marker: bytes, root: bytes | None = None) -> None:
        self.environment = environment
        self.marker = marker
        self.way = _followed(environment.path)
        self.root = os.path.realpath(os.path.dirname(marker) if root is None else root)
        self.witnesses: list[bytes] = []
        # Those around it, once they were asked.
        self.repositories: list[Repository] = []
        # Whether a repository has the environment itself, not only a link to it.
        self.is_tracked = False
        # What repositories have of it, and what of that cannot be found out, once they were asked.
        self._delivered: list[Tracked] | None = None
        self._doubts: list[Doubt] = []

    @property
    def real(self) -> bytes:
        """The real path of the environment."""
        return self.way.real

    def held(self) -> None:
        """Raise Doubt where others than the user and root can write it, or it cannot be told."""
        if not WINDOWS:
            check_held(self.environment, self.way, Holder.current())

    def held_doubts(self) -> list[Doubt]:
        """Return all that ``held`` would raise, in the order in which it does."""
        if WINDOWS:
            return []
        return in_order(find_doubts(self.environment, self.way, Holder.current()))

    def delivered(self) -> None:
        """Raise Doubt where a repository has it, or where that cannot be found out."""
        found = self.tracked()
        if found:
            raise Doubt("came with the project (tracked by git)", kept=True)

    def location(self) -> None:
        """Raise Doubt where it was made for another place, or does not say."""
        check_at_home(self.environment, self.real)

    def birth(self, honest: bool | None) -> None:
        """Raise Doubt where it was not made here by one of the creators, as far as times tell."""
        check_made_here(Environment(self.real, self.environment.config), honest)

    def tracked(self) -> list[Tracked]:
        """Return what repositories track of it, of the links to it, and of the redirect file.

        Of it is also what a link in it leads to that is in the place of its ``bin``, or of one of
        its libraries. Raises Doubt where that cannot be found out.
        """
        found = self._asked()
        if self._doubts:
            raise self._doubts[0]
        return found

    def has_entries(self) -> bool:
        """Return whether a repository that can be read tracks something of it."""
        return bool(self._asked())

    def digest(self) -> bytes:
        """Return what stands for all that repositories track of it; empty for nothing.

        Where one cannot be read, that doubt stands beside what the others track.
        """
        known = [found.digest.encode() for found in self._asked()]
        doubts = [doubt.what.encode("utf-8", "surrogateescape") for doubt in self._doubts]
        return b" ".join([*known, *(_UNREADABLE + b": " + doubt for doubt in doubts)])

    def _asked(self) -> list[Tracked]:
        """Return what can be found out of what repositories track."""
        if self._delivered is None:
            self._delivered = self._ask_repositories()
        return self._delivered

    def has_tracked_config(self) -> bool:
        """Return whether a repository tracks ``pyvenv.cfg`` of the environment itself."""
        config = os.path.join(self.real, CONFIG)
        try:
            repositories = enclosing(self.real, self.repositories)
            found = [(around.top, tracked(around, config)) for around in repositories]
        except Doubt:
            return False
        # Else it is a link, a submodule or the like above it.
        return any(own and os.path.join(top, own.first) == config for top, own in found)

    def _ask_repositories(self) -> list[Tracked]:
        found: list[Tracked] = []
        repositories: dict[bytes, list[Repository]] = {}
        for place, directory in self._places().items():
            if directory not in repositories:
                repositories[directory] = self._enclosing(directory)
            for repository in repositories[directory]:
                try:
                    entry = tracked(repository, place)
                except Doubt as doubt:
                    self._doubts.append(doubt)
                    continue
                if entry is not None:
                    found.append(entry)
                    self.is_tracked = self.is_tracked or place == self.real
        return found

    def _enclosing(self, directory: bytes) -> list[Repository]:
        """Return the repositories around *directory* that can be read, and note them."""
        try:
            repositories = enclosing(directory, self.repositories)
        except Doubt as doubt:
            self._doubts.append(doubt)
            repositories = list(_readable_repositories(directory))
        self.repositories += repositories
        for repository in repositories:
            if repository.witness not in self.witnesses:
                self.witnesses.append(repository.witness)
        return repositories

    def _places(self) -> dict[bytes, bytes]:
        """Return what repositories are asked for, each with the directory that they enclose."""
        places = {self.real: self.real}
        for link in self.way.links:
            places[link] = os.path.dirname(link)
        if self.environment.path != self.marker:
            # A redirect file may have come with the project too.
            places[os.path.join(self.root, os.path.basename(self.marker))] = self.root
        try:
            for link in inner_links(self.real):
                # Its programs or packages lie elsewhere, where a repository may bring more.
                way = _followed(link)
                places.setdefault(way.real, way.real)
                for passed in way.links:
                    places.setdefault(passed, os.path.dirname(passed))
        except OSError as error:
            where = shown(os.fsencode(error.filename or self.real))
            self._doubts.append(Doubt(f"{where} cannot be read ({error.strerror})"))
        except Doubt as doubt:
            self._doubts.append(doubt)
        below = os.path.join(self.real, b"")
        # What is in the environment is asked for with it.
        return {place: places[place] for place in places if not place.startswith(below)}


def _followed(path: bytes) -> Way:
    return Way(os.path.realpath(path), (), []) if WINDOWS else follow(path)


def _readable_repositories(directory: bytes) -> Iterator[Repository]:
    """Yield those around *directory* that can be read, where there are others besides."""
    for place in upwards(directory):
        try:
            found = None if is_never_asked(place) else repository_at(place)
        except Doubt:
            found = None
        if found is not None:
            yield found


def judge(
    environment: Environment,
    marker: bytes,
    settings: Settings,
    state: State | None,
    root: bytes | None = None,
) -> Verdict:
    """Return whether *environment*, which is whole and to which *marker* leads, may be used.

    *root* is the project's, where that is not the directory of the marker.

    An environment that is accepted for the first time gets its token, and that is kept in *state*;
    where it cannot be, the verdict may not be kept either.
    """
    witnesses = settings.witnesses
    stamped = state is not None and state.has_stamp()
    if state is not None and stamped:
        witnesses += (state.stamp,)
    try:
        look = Look(environment, marker, root)
    except Doubt as doubt:
        return Verdict(witnesses, doubt, WHOLE)
    try:
        verdict = _judged(look, settings, state)
    except Doubt as doubt:
        # A decision that cannot be read.
        verdict = Verdict((), doubt)
    verdict.witnesses = (*witnesses, *look.witnesses, *verdict.witnesses)
    if verdict.doubt is not None:
        # An older one that is moved into its place changes nothing else; of those that are
        # accepted the token tells.
        above = (os.path.dirname(environment.path), os.path.dirname(look.real))
        verdict.witnesses += tuple(dict.fromkeys(above))
    verdict.kept = stamped and verdict.kept
    return verdict


def _judged(look: Look, settings: Settings, state: State | None) -> Verdict:
    if state is not None and is_denied(look.root, look.real, state):
        return Verdict((), Doubt("is denied", kept=True), silent=True)
    token = read_token(look.real)
    decision = standing_decision(look, settings, state, token)
    if decision is None and settings.trust == "ask":
        return Verdict((), Doubt("has not been allowed", kept=True))
    for name in asked(look, settings, decision):
        try:
            _condition(look, name)()
        except Doubt as doubt:
            return refused(name, doubt, decision)
    if decision is not None:
        return _accepted(token, decision)
    return _accept(look, settings, state)


def is_denied(root: bytes, real: bytes, state: State) -> bool:
    """Return whether the project at *root* is denied, or that of the environment at *real*.

    Both are real paths. Raises Doubt where that cannot be read.
    """
    places = dict.fromkeys((root, real, os.path.dirname(real)))
    return any(state.decision(place, DENY) is not None for place in places)


def standing_decision(
    look: Look, settings: Settings, state: State | None, token: bytes
) -> Decision | None:
    """Return what was decided about *look*'s environment, where that still counts, or None."""
    decision = None if state is None else state.decision(look.real)
    if state is None or decision is None or decision.how not in _COUNTS[settings.trust]:
        return None
    if decision.how == OWN and BIRTH in decision.aside and not state.is_under(look.real):
        return None
    return decision if is_known(decision, look, token) else None


def is_known(decision: Decision, look: Look, token: bytes) -> bool:
    """Return whether *look* is at the environment that *decision* is about."""
    if decision.delivered and not look.digest():
        # Who takes it out of the repository has not looked at what changed before he did.
        return False
    if decision.token:
        return decision.token == token
    try:
        if decision.identity == identity(look.real):
            return True
    except OSError:
        return False
    # Git writes a new pyvenv.cfg with each change of branches; that it is what was allowed, the
    # digest says. What remains: another environment that the user himself puts over his work tree,
    # which git then shows as changed, counts as the allowed one.
    return bool(decision.delivered) and look.has_tracked_config()


def asked(look: Look, settings: Settings, known: Decision | None) -> tuple[bytes, ...]:
    """Return the names of the conditions that *look* has to meet, without BIRTH.

    *known* is the decision that stands about it.
    """
    if known is None:
        return (HELD,) if settings.trust == "all" else (HELD, DELIVERED, LOCATION)
    asked = (HELD,) if settings.trust == "all" else _ASKED_AGAIN
    return tuple(name for name in asked if not _is_aside(name, look, known))


def _is_aside(name: bytes, look: Look, known: Decision) -> bool:
    """Return whether *known* sets the condition *name* aside for what *look* finds."""
    if name not in known.aside:
        return False
    if name == DELIVERED:
        return known.delivered == look.digest()
    return name != HELD or all(isinstance(doubt, Shared) for doubt in look.held_doubts())


def _condition(look: Look, name: bytes) -> Callable[[], None]:
    return {HELD: look.held, DELIVERED: look.delivered, LOCATION: look.location}[name]


def refused(name: bytes, doubt: Doubt, known: Decision | None) -> Verdict:
    """Return the verdict that the condition *name* does not hold; *known* is what was decided."""
    if known is not None and name == DELIVERED and name in known.aside:
        doubt = Doubt("has changed since you allowed it (tracked by git)", kept=doubt.kept)
    verdict = Verdict((), doubt, name)
    verdict.decision = known
    return verdict


def _accepted(token: bytes, decision: Decision | None) -> Verdict:
    # Not by a witness: a shell reads the token itself.
    verdict = Verdict(())
    verdict.token = token
    verdict.kept = bool(token)
    verdict.decision = decision
    return verdict


def _accept(look: Look, settings: Settings, state: State | None) -> Verdict:
    """Return the verdict on an environment that is seen for the first time."""
    try:
        lock = None if state is None else state.lock()
        if lock is None:
            # Another process may just have planted its own token: nothing is changed here.
            return _first_verdict(look, settings, state, may_keep=False)
        with lock:
            token = read_token(look.real)
            if standing_decision(look, settings, state, token) is not None:
                # Decided by another process meanwhile.
                return _judged(look, settings, state)
            return _first_verdict(look, settings, state, may_keep=True)
    except OSError as error:
        return Verdict((), Doubt(f"cannot be read ({error.strerror})"), BIRTH)


def _first_verdict(look: Look, settings: Settings, state: State | None, may_keep: bool) -> Verdict:
    """Return the verdict on an environment that no decision is about; keep it if *may_keep*."""
    # Not by way of a link, which may be turned between what is checked and what gets the token.
    path = look.real
    if settings.trust == "all":
        look.digest()  # Nobody has asked yet whether a repository has it.
    known = identity(path)
    may_plant = may_keep and not look.is_tracked
    honest: bool | None
    token, honest = plant_token(path) if may_plant else (b"", False)
    if not token:
        # Where no file can be made in it, in another directory of the same file system.
        places = [path] if is_owned(path) else []
        places += [state.directory] if state is not None else []
        tried = {keeps_times_beside(path, place) for place in places} - {None}
        honest = any(tried) if tried else None
    aside: tuple[bytes, ...] = ()
    if settings.trust != "all":
        try:
            look.birth(honest)
        except Doubt as doubt:
            aside = (BIRTH,)
            if state is None or not state.is_under(look.real):
                _forget_token(path, token)
                verdict = refused(BIRTH, doubt, None)
                verdict.kept = verdict.kept and may_keep
                return verdict
    if identity(path) != known or (token and not holds_token(path, token)):
        # Another one was in its place meanwhile: it may have got the token of this one.
        return refused(BIRTH, Doubt("was exchanged while it was looked at"), None)
    how = UNASKED if settings.trust == "all" else OWN
    decision = Decision(look.real, how, token, known, aside)
    if state is None or not may_keep or not state.keep(decision):
        _forget_token(path, token)
        token = b""
    return _accepted(token, decision)


def _forget_token(environment: bytes, token: bytes) -> None:
    """Remove *token*, where one was planted."""
    try:
        if token:
            remove_token(environment)
    except OSError:
        return


def message(verdict: Verdict, doubt: Doubt, root: bytes, marker: bytes) -> str:
    """Return the one line about an environment that *verdict* refuses: what, why, what to do."""
    name = shown(marker, limit=100)
    if os.path.dirname(marker) == root:
        name = shown(os.path.join(os.path.basename(root), os.path.basename(marker)), limit=100)
    what = doubt.what.removeprefix(shown(marker) + " ")
    # A sentence of its own follows a colon, and what is just said of it does not.
    colon = ":" if what.startswith(_OWN_SENTENCE) else ""
    line = f"{name}{colon} {what}; not used. {_advice(verdict, doubt)}"
    return shown(line.encode("utf-8", "surrogateescape"), limit=1000)


def _advice(verdict: Verdict, doubt: Doubt) -> str:
    """Return what to do about *doubt*, in the message about *verdict*."""
    if doubt.mend == MAKE_ANEW:
        or_allow = ", 'venvhook allow' uses it as it is" if verdict.condition == LOCATION else ""
        return f"'{MAKE_ANEW}' makes it anew{or_allow}"
    if doubt.mend:
        return f"To mend it: {doubt.mend}"
    if verdict.silent:
        return "'venvhook revoke' takes that back"
    is_unknown = verdict.condition == HELD and not isinstance(doubt, Shared)
    if verdict.condition == WHOLE or is_unknown:
        return "'venvhook why' tells more"
    shared = " --shared" if verdict.condition == HELD else ""
    return f"'venvhook allow{shared}' to use it"
