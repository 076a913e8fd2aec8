"""Condition 2, held: a path followed as the kernel does, and who can write what is on the way.

Whoever can write a directory on the way to a program can put another in its place. So each
directory and link from ``/`` down belongs to the user or root and is writable by nobody else.
Looked at from the top, so that nobody else can change behind the look what it has found.

What cannot be read here: the ACLs of macOS (``chmod +a``), those of the BSDs, and NFS version 4's,
for which the standard library has no call. Not for Windows.
"""

from __future__ import annotations

import errno
import os
import sys

from .environment import (
    BIN,
    CONFIG,
    MAKE_ANEW,
    Doubt,
    Environment,
    is_directory,
    is_never_asked,
    missing_python,
)
from .errors import shown
from .shells import quote_posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LINK_LIMIT = 40  # Linux' MAXSYMLINKS; macOS and the BSDs stop at 32, so there nothing is missed
ENTRY_LIMIT = 20_000
_PATH_LIMIT = 4096

_GROUP, _EVERYONE, _STICKY = 0o020, 0o002, 0o1000
_OTHERS = _GROUP | _EVERYONE
_FORMAT, _LINK = 0o170000, 0o120000
# FreeBSD 13 has no ENODATA; nor is it asked for there.
_NO_ACL = (getattr(errno, "ENODATA", 0), errno.ENOTSUP)
_ACL_USER, _ACL_GROUP_OWNER, _ACL_GROUP = 2, 4, 8
# The other three are the owner, the mask, and everyone else, whom the mode tells of.
_ACL_TAGS = (1, _ACL_USER, _ACL_GROUP_OWNER, _ACL_GROUP, 16, 32)
# Only Linux has it.
_getxattr: Callable[..., bytes] | None = getattr(os, "getxattr", None)
# What a POSIX shell reads as itself.
_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,@%"


class Way:
    """A path as it was followed.

    *real* is the path without links that it ends at; *links* are the places of the links passed,
    each with a real parent; *steps* are the place and the ``lstat`` of each directory and link
    passed, and of the end, in their order.
    """

    __slots__ = ("links", "real", "steps")

    def __init__(
        self, real: bytes, links: tuple[bytes, ...], steps: list[tuple[bytes, os.stat_result]]
    ) -> None:
        self.real = real
        self.links = links
        self.steps = steps


class _Missing(Doubt):
    """A path that leads to nothing; *way* ends at the last directory that there is."""

    def __init__(self, what: str, way: Way) -> None:
        super().__init__(what)
        self.way = way


class Shared(Doubt):
    """A place that another can write, or owns: the user may trust him with it."""


class Holder:
    """Who counts as the user *uid*: he, root, a group that is his alone. For root, only root."""

    __slots__ = ("_private", "owners", "uid")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.owners = (uid, 0)
        self._private: int | None = None

    @classmethod
    def current(cls) -> Holder:
        """Return the one that this process runs as."""
        return cls(os.geteuid())

    @property
    def private_group(self) -> int:
        """The user's primary group, if it has his name and no other members, else -1.

        Its members by ``passwd`` are not looked for: listing all accounts may ask a server.
        """
        if self._private is None:
            self._private = _private_group(self.uid)
        return self._private

    def counts(self, group: int, as_root: bool) -> bool:
        """Return whether what *group* may write only the user may, or root where *as_root*."""
        return group == self.private_group or (as_root and _can_become_root(group))


def _private_group(uid: int) -> int:
    """Return the number of the group that is the user *uid*'s alone, or -1."""
    # Here, since only few look-ups come this far, and what is missing on Windows must not be asked.
    import grp
    import pwd

    try:
        account = pwd.getpwuid(uid)
        group = grp.getgrgid(account.pw_gid)
    except KeyError:
        return -1
    name = account.pw_name
    return group.gr_gid if group.gr_name == name and not set(group.gr_mem) - {name} else -1


def _can_become_root(group: int) -> bool:
    """Return whether the members of *group* can run code as root, by what it is for.

    ``admin`` of macOS may use ``sudo``. Debian's ``staff`` may write /usr/local, which is on root's
    PATH; its number is fixed there (base-passwd). On macOS all users are in a group of that name.
    """
    if group == 0:
        return True
    if sys.platform == "darwin":
        return group == 80
    return group == 50 and sys.platform == "linux" and _group_name(group) == "staff"


def _user_name(uid: int) -> str:
    """Return what the user *uid* is called, harmless to show, or the number."""
    import pwd

    try:
        return shown(os.fsencode(pwd.getpwuid(uid).pw_name))
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    """Return what the group *gid* is called, harmless to show, or the number."""
    import grp

    try:
        return shown(os.fsencode(grp.getgrgid(gid).gr_name))
    except KeyError:
        return str(gid)


# ---- The way -------------------------------------------------------------------------------------


def follow(path: bytes) -> Way:
    """Return the way along *path* from ``/``, through each link, as the kernel would go it.

    Raises Doubt where it is not absolute, ends nowhere, goes in a circle, cannot be read, or enters
    a directory where a mere look can hang: there no name is looked up.
    """
    if not path.startswith(b"/"):
        raise Doubt(f"{shown(path)} is not an absolute path")
    return _walk(path, b"/", {b"/": _look(b"/")})


def _walk(path: bytes, start: bytes, looks: dict[bytes, os.stat_result]) -> Way:
    """Return the way along *path* from the real directory *start*. Raises Doubt.

    *looks* has what is known of real places already, ``/`` among them; what is found is added.
    """
    if len(path) > _PATH_LIMIT or b"\0" in path:
        raise Doubt(f"{shown(path)} cannot be a path")
    at = b"" if path.startswith(b"/") else start.rstrip(b"/")
    links: list[bytes] = []
    steps = [] if at else [(b"/", looks[b"/"])]
    names = path.split(b"/")[::-1]
    while names:
        name = names.pop()
        if name in (b"", b"."):
            continue
        if name == b"..":
            at = at.rpartition(b"/")[0]
            continue
        place = at + b"/" + name
        found = looks.get(place)
        if found is None:
            try:
                found = looks[place] = _look(place)
            except FileNotFoundError:
                way = Way(at or b"/", tuple(links), steps)
                raise _Missing(f"{shown(place)} is missing", way) from None
        steps.append((place, found))
        if found.st_mode & _FORMAT == _LINK:
            if len(links) == LINK_LIMIT:
                raise Doubt(f"{shown(links[0])} leads through more than {LINK_LIMIT} links")
            links.append(place)
            target = _read_link(place)
            names += target.split(b"/")[::-1]
            at = b"" if target.startswith(b"/") else at
        elif names and not is_directory(found.st_mode):
            raise Doubt(f"{shown(place)} is not a directory")
        else:
            at = place
    return Way(at or b"/", tuple(links), steps)


def _look(place: bytes) -> os.stat_result:
    """Return the ``lstat`` of *place*, whose parent is real; raise Doubt, or FileNotFoundError."""
    if is_never_asked(place):
        raise Doubt(f"{shown(place)} is never looked into, since that can hang")
    try:
        return os.lstat(place)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(place, error) from error


def _read_link(place: bytes) -> bytes:
    """Return what the link *place* holds; raise Doubt where it cannot be read."""
    try:
        target = os.readlink(place)
    except OSError as error:
        raise _unreadable(place, error) from error
    if not target:
        raise Doubt(f"{shown(place)} is a link to nothing")
    return target


def _unreadable(place: bytes, error: OSError) -> Doubt:
    """Return the doubt that *place* cannot be looked at."""
    return Doubt(f"{shown(place)} cannot be read ({error.strerror})")


# ---- Who can write -------------------------------------------------------------------------------


def _acl_writers(path: bytes) -> list[tuple[int, int]] | None:
    """Return tag and number of what the POSIX ACL of *path* lets write; None where it has none.

    Asked only where the mode lets the group write: with an ACL those bits are its mask, which takes
    write from nobody then. Binary format of Linux' ``posix_acl_xattr.h``: the version, 2, in 32
    bits, then entries of tag and permissions, 16 bits each, and a number of 32, little-endian.
    """
    if _getxattr is None:
        return None
    try:
        acl = _getxattr(path, "system.posix_acl_access", follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_ACL:
            return None
        raise _unreadable(path, error) from error
    if acl[:4] != b"\2\0\0\0" or len(acl) % 8 != 4:
        raise Doubt(f"{shown(path)} has an ACL that cannot be understood")
    writers = []
    for i in range(4, len(acl), 8):
        tag = int.from_bytes(acl[i : i + 2], "little")
        if tag not in _ACL_TAGS:
            raise Doubt(f"{shown(path)} has an ACL that cannot be understood")
        if acl[i + 2] & 2:
            writers.append((tag, int.from_bytes(acl[i + 4 : i + 8], "little")))
    return writers


def _other_writer(path: bytes, found: os.stat_result, holder: Holder, as_root: bool) -> str:
    """Return who besides *holder* can write *path*, no link, or an empty string for nobody.

    Where *as_root*, groups that can become root count as root.
    """
    if found.st_mode & _EVERYONE:
        return "everyone"
    if not found.st_mode & _GROUP:
        return ""
    acl = _acl_writers(path)
    for tag, number in ((_ACL_GROUP_OWNER, 0),) if acl is None else acl:
        if tag == _ACL_USER and number not in holder.owners:
            return f"user {_user_name(number)}"
        if tag in (_ACL_GROUP, _ACL_GROUP_OWNER):
            group = number if tag == _ACL_GROUP else found.st_gid
            if not holder.counts(group, as_root):
                return f"group {_group_name(group)}"
    return ""


# ---- The condition -------------------------------------------------------------------------------


def check_held(environment: Environment, way: Way, holder: Holder) -> None:
    """Raise Doubt with the first part of *environment* that others than *holder* can write.

    Before these comes what no word of the user's sets aside: where it cannot be told who can.

    *way* is that of its path. None of this leaves a trace in a modification time; so what it says
    to do about it is all there is to do, where the user can.
    """
    doubts = in_order(find_doubts(environment, way, holder))
    if doubts:
        mends = dict.fromkeys(doubt.mend for doubt in doubts)
        doubts[0].mend = "" if "" in mends else "; ".join(mends)
        raise doubts[0]


def check_way(way: Way, holder: Holder) -> None:
    """Raise Doubt with the first place on *way* that others than *holder* can write."""
    for doubt in _Inspection(Environment(way.real, {}), way, holder).way_there():
        raise doubt


def check_program(way: Way, holder: Holder) -> None:
    """Raise Doubt with the first place on *way*, that of a program, that others can write.

    As for an environment's interpreter: groups that can become root count as root.
    """
    nothing = Environment(way.real, {})
    for doubt in _Inspection(nothing, way, holder).along_program():
        raise doubt


def in_order(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Return *doubts*, those first that are not about somebody whom the user may trust."""
    return sorted(doubts, key=lambda doubt: isinstance(doubt, Shared))


def find_doubts(environment: Environment, way: Way, holder: Holder) -> Iterator[Doubt]:
    """Yield all that ``check_held`` would raise, each once."""
    inspection = _Inspection(environment, way, holder)
    told = set()
    for part in (
        inspection.way_there,
        inspection.config,
        inspection.programs,
        inspection.libraries,
        inspection.home,
    ):
        try:
            for doubt in part():
                if doubt.what not in told:
                    told.add(doubt.what)
                    yield doubt
        except Doubt as doubt:
            yield doubt


class _Inspection:
    """One look at all parts of an environment, each place looked at once.

    Its methods yield what others can write, and raise Doubt where they cannot go on.
    """

    __slots__ = ("_below", "_config", "_holder", "_home", "_judged", "_looks", "_real", "_way")

    def __init__(self, environment: Environment, way: Way, holder: Holder) -> None:
        self._holder = holder
        self._config = environment.config
        self._home = environment.config.get(b"home", b"")
        self._real = way.real
        self._below = way.real.rstrip(b"/") + b"/"
        self._way = way
        self._looks = dict(way.steps)
        self._judged: dict[tuple[bytes, bool, bool], Doubt | None] = {}

    def along_program(self) -> Iterator[Doubt]:
        """Look at the way itself, as that of a program."""
        return self._along(self._way, as_root=True)

    def way_there(self) -> Iterator[Doubt]:
        """Look at the directories and links from ``/`` to the environment."""
        return self._along(self._way)

    def config(self) -> Iterator[Doubt]:
        """Look at ``pyvenv.cfg``."""
        return self._along(self._inner(CONFIG))

    def programs(self) -> Iterator[Doubt]:
        """Look at ``bin``, all in it, and what the links in it lead to: the interpreter, mostly.

        Not only at what is executable: shells find a script to source, and Python a module, in the
        directory of a program.
        """
        way = self._inner(BIN)
        yield from self._along(way)
        for entry in _entries(way.real):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # being uninstalled
            except OSError as error:
                yield _unreadable(entry.path, error)
                continue
            doubt = self._doubt_about(entry.path, found, is_end=True)
            if doubt is not None:
                yield doubt
            if found.st_mode & _FORMAT == _LINK:
                yield from self._behind(way.real, entry.path)

    def _behind(self, directory: bytes, link: bytes) -> Iterator[Doubt]:
        """Look at the way that *link* in the real *directory* leads."""
        try:
            target = _read_link(link)
            if b"/" not in target:
                return  # a neighbour, which is looked at in its turn
            way = _walk(target, directory, self._looks)
        except _Missing as missing:
            way = missing.way  # nothing to run, unless somebody else can put it there
        except Doubt as doubt:
            yield doubt
            return
        yield from self._along(way, as_root=True)

    def libraries(self) -> Iterator[Doubt]:
        """Look at ``lib`` and ``lib64``, the directory of each Python there, its site-packages."""
        seen = set()
        for name in (b"lib", b"lib64"):
            way = self._present(self._real, name)
            if way is None:
                continue
            yield from self._along(way)
            for entry in _entries(way.real) if way.real not in seen else ():
                if entry.name.startswith((b"python", b"pypy")):
                    yield from self._library(way.real, entry.name)
            seen.add(way.real)

    def _library(self, directory: bytes, name: bytes) -> Iterator[Doubt]:
        """Look at the directory *name* of a Python in *directory*, and its site-packages."""
        way = self._inner(name, directory)
        yield from self._along(way)
        packages = self._present(way.real, b"site-packages")
        if packages is not None:
            yield from self._along(packages)

    def _present(self, directory: bytes, name: bytes) -> Way | None:
        """Return the way to *name* in the real *directory*, or None where there is no such name."""
        try:
            return self._inner(name, directory)
        except _Missing as missing:
            if not missing.way.steps:
                return None
            # git keeps no empty directory, so of a clone's 'lib64 -> lib' the link may be all.
            if name != b"lib64" or _read_link(os.path.join(directory, name)) != b"lib":
                raise
        return None

    def home(self) -> Iterator[Doubt]:
        """Look at the directory with the Python that the environment was made from."""
        if not self._home.startswith(b"/"):
            config = shown(os.path.join(self._real, CONFIG))
            raise Doubt(f"'home' in {config} is not an absolute path")
        try:
            way = _walk(self._home, b"/", self._looks)
        except _Missing:
            raise Doubt(missing_python(self._config, self._home), MAKE_ANEW) from None
        yield from self._along(way, as_root=True)
        if not is_directory(self._looks[way.real].st_mode):
            raise Doubt(f"{shown(way.real)} is not a directory")

    def _inner(self, name: bytes, directory: bytes | None = None) -> Way:
        """Return the way to *name* in the real *directory*, else in the environment."""
        return _walk(name, directory or self._real, self._looks)

    def _along(self, way: Way, as_root: bool = False) -> Iterator[Doubt]:
        """Yield what of *way* others can write.

        Where *as_root*, groups that can become root count as root outside the environment. A sticky
        directory that is passed may be writable, since whoever owns what comes next in it keeps it.
        """
        for place, found in way.steps:
            doubt = self._doubt_about(place, found, place == way.real, as_root)
            if doubt is not None:
                yield doubt

    def _doubt_about(
        self, place: bytes, found: os.stat_result, is_end: bool, as_root: bool = False
    ) -> Doubt | None:
        """Return the doubt about *place*, as in ``_along``, or None."""
        if found.st_uid in self._holder.owners and not found.st_mode & _OTHERS:
            return None
        as_root = as_root and not place.startswith(self._below)
        key = (place, is_end, as_root)
        if key not in self._judged:
            self._judged[key] = self._judge(place, found, is_end, as_root)
        return self._judged[key]

    def _judge(
        self, place: bytes, found: os.stat_result, is_end: bool, as_root: bool
    ) -> Doubt | None:
        """Return the doubt about *place*, or None where only the user and root can write it."""
        if found.st_uid not in self._holder.owners:
            return Shared(f"{shown(place)} belongs to user {_user_name(found.st_uid)}")
        is_sticky = is_directory(found.st_mode) and found.st_mode & _STICKY
        if found.st_mode & _FORMAT == _LINK or (is_sticky and not is_end):
            return None
        try:
            writer = _other_writer(place, found, self._holder, as_root)
        except Doubt as doubt:
            return doubt
        if not writer:
            return None
        return Shared(f"{shown(place)} is writable by {writer}", self._mend(place, found))

    def _mend(self, place: bytes, found: os.stat_result) -> str:
        """Return the command with which the user takes write from others, or an empty string.

        For all of the environment where *place* is in it: one look tells of one place alone.
        """
        if found.st_uid != self._holder.uid:
            return ""
        if place == self._real or place.startswith(self._below):
            words, place = "chmod -R go-w ", self._real
        else:
            who = found.st_mode & _OTHERS
            words = {_GROUP: "chmod g-w ", _EVERYONE: "chmod o-w "}.get(who, "chmod go-w ")
        if shown(place).encode() != place:
            return ""  # cannot be typed as it is shown
        word = quote_posix(place) if place.translate(None, _PLAIN) else place
        return words + word.decode()


def _entries(directory: bytes) -> Iterator[os.DirEntry[bytes]]:
    """Yield what is in *directory*; raise Doubt where it cannot be read, or has no end."""
    try:
        with os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count == ENTRY_LIMIT:
                    raise Doubt(f"{shown(directory)} has more than {ENTRY_LIMIT} entries")
                yield entry
    except OSError as error:
        raise _unreadable(directory, error) from error
