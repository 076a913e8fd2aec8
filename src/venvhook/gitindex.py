"""Does a repository track this path: what its index says. Reads it, runs nothing.

Formats: gitformat-index(5), versions 2 to 4, split and sparse; the bitmaps of a split index are
EWAH, as in "Appendix A" of gitformat-bitmap(5).
"""

from __future__ import annotations

import os

from .environment import Doubt, Unusable
from .errors import shown
from .repository import SIZE_LIMIT, Repository, Survey, enclosing, is_same_entry, is_top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _blake2 import blake2b
    from collections.abc import Callable, Iterable, Iterator

    Matcher = Callable[[bytes], bool]
    # What orders an entry (its name, a NUL, its stage), and what it is (its mode and object).
    Record = tuple[bytes, bytes]

# An index, the shared index that it is split from and all around them have SIZE_LIMIT together.
__all__ = ["SIZE_LIMIT", "Repository", "Tracked", "enclosing", "tracked"]

# Parsed at once: a search first would not pay.
SMALL = 256 * 1024
# No path is longer where git runs, but a compressed name could be, at the price of a few bytes.
_NAME_LIMIT = 4096
# How far from its end the extensions of a large index may begin to be found without parsing it.
_TAIL = 8 * 1024 * 1024
# git writes less than ten; headers of extensions that are looked at in one index, at most.
_HEADERS_LIMIT = 1000
_MODES = (0o100644, 0o100755, 0o120000, 0o160000, 0o040000)
# The extension without which the meaning of the entries is not known, and one that changes nothing.
_LINK, _SPARSE = b"link", b"sdir"
# Characters without width, which disks that ignore case ignore too (HFS+, ext4's casefold): the
# default ignorable code points of Unicode, each row from one to another.
_IGNORED = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
_SHARED = b"sharedindex."
# A repository's directory is not searched for shared indexes any further.
_NAMES_LIMIT = 1000
_SEPARATOR = os.fsencode(os.sep)


class Tracked:
    """The entries of an index that concern a path.

    Their *count*, the name of the *first*, relative to the top, and a *digest* over name, mode,
    object and stage of each, which nothing else changes.
    """

    __slots__ = ("count", "digest", "first")

    def __init__(self, count: int, digest: str, first: bytes) -> None:
        self.count = count
        self.digest = digest
        self.first = first


class _BrokenError(Exception):
    """An index is not understood; *kept* says whether only a change of that file can mend it."""

    kept = True


def tracked(repository: Repository, path: bytes) -> Tracked | None:
    """Return what the index of *repository* has at *path*, below it or above it; None if nothing.

    *path* is the top or below it. An entry above is a link, a submodule or a directory outside a
    sparse checkout; it does not count where that directory is itself the top of a repository, which
    is asked for itself. Raises Doubt where the index cannot be read or is not understood.
    """
    relative = path[len(repository.top.rstrip(_SEPARATOR)) + 1 :]
    if os.sep != "/":
        relative = relative.replace(_SEPARATOR, b"/")
    where = f"its repository's {shown(repository.index)}"
    try:
        return _look_up(repository, relative)
    except FileNotFoundError as error:
        if repository.witness != repository.index:
            return None
        raise Doubt(f"{where} cannot be read ({error.strerror})") from error
    except OSError as error:
        raise Doubt(f"{where} cannot be read ({error.strerror})") from error
    except Unusable as error:
        raise Doubt(f"{where} {error.reason}") from error
    except _BrokenError as error:
        raise Doubt(f"{where} cannot be understood ({error})", kept=error.kept) from error


def _look_up(repository: Repository, relative: bytes) -> Tracked | None:
    """Return what *repository* tracks at, below or above *relative*, which is empty for the top."""
    if any(relative == name or relative.startswith(name + b"/") for name in repository.lacking):
        return None
    found = _search(repository, relative)
    if found is None and relative:
        repository.lacking.append(relative)
    return found


def _search(repository: Repository, relative: bytes) -> Tracked | None:
    """Return what ``_look_up`` does, looked for in the index."""
    survey = repository.survey
    above = _directories_that_count(repository, relative)
    folds = repository.ignores_case or _ignores_case(repository, relative)
    matches = _folding_matcher(relative, above, survey) if folds else _matcher(relative, above)
    needles = [] if folds or not relative else [relative, *(name + b"\0" for name in above)]
    own = _Index(repository.content(b"index"), repository.hash_length, survey)
    if not _may_be_split(repository.directory) and own.surely_lacks(needles):
        return None
    found = _summary(own.records(matches))
    start, end = own.link()
    identity = own.data[start : start + repository.hash_length]
    if end and any(identity):
        try:
            shared = _read_shared(repository, identity)
            if found is None and shared.surely_lacks(needles):
                return None
            marks = _marks(own.data, start + len(identity), end, shared.count)
            return _summary(_merged(own, shared, marks, matches))
        except _BrokenError as error:
            # A change of the shared index mends it too, and that is no witness.
            error.kept = False
            raise
    if own.nameless:
        raise _BrokenError("an entry without a name")
    return found


def _may_be_split(directory: bytes) -> bool:
    """Return False if no shared index lies in the repository's *directory*; True too if unsure."""
    with os.scandir(directory) as entries:
        return any(i >= _NAMES_LIMIT or e.name.startswith(_SHARED) for i, e in enumerate(entries))


def _read_shared(repository: Repository, identity: bytes) -> _Index:
    """Return the index from which *repository*'s own is split, whose checksum is *identity*."""
    try:
        data = repository.content(_SHARED + identity.hex().encode())
    except FileNotFoundError:
        raise _BrokenError("its shared index is missing") from None
    except Unusable as error:
        raise _BrokenError(f"its shared index {error}") from error
    if not data.endswith(identity):
        raise _BrokenError("its shared index is another one")
    return _Index(data, repository.hash_length, repository.survey)


# ---- Names ---------------------------------------------------------------------------------------


def _directories_that_count(repository: Repository, relative: bytes) -> list[bytes]:
    """Return the directories between the top and *relative* that are no tops themselves."""
    parts = relative.split(b"/")
    names = [b"/".join(parts[:i]) for i in range(1, len(parts))]
    top, survey = repository.top, repository.survey
    return [n for n in names if not is_top(os.path.join(top, n), survey)]


def _matcher(relative: bytes, above: list[bytes]) -> Matcher:
    """Return a test of an entry's name: whether it is at or below *relative*, or one of *above*."""
    if not relative:
        return bool
    exact = {relative, *above, *(name + b"/" for name in above)}
    below = relative + b"/"
    # A compressed index can say a long name in few bytes, and to find it among others costs more.
    longest = len(below)
    return lambda name: name.startswith(below) or (len(name) <= longest and name in exact)


def _ignores_case(repository: Repository, relative: bytes) -> bool:
    """Return whether a directory on the way to *relative* ignores case (ext4's +F)."""
    directory = repository.top
    for part in relative.split(b"/"):
        other = os.fsencode(os.fsdecode(part).swapcase())
        path = os.path.join(directory, part)
        # To look up a deep one takes long.
        repository.survey.spend(1 + (len(path) >> 5))
        if other != part and is_same_entry(path, os.path.join(directory, other)):
            return True
        directory = path
    return False


def _folding_matcher(relative: bytes, above: list[bytes], survey: Survey) -> Matcher:
    """Return the test for a disk that ignores case, and more than that: when in doubt, yes.

    Windows' disks drop the dots and blanks at the end of a name, and know each by a short one too.
    """
    if not relative:
        return bool
    wanted = [_folded(part) for part in relative.split(b"/")]
    depths = {name.count(b"/") + 1 for name in above}
    # The directory last found to be another one: most names come after one from the same.
    other = b"\0"

    def matches(name: bytes) -> bool:
        nonlocal other
        if name.startswith(other):
            return False
        survey.spend(1 + (len(name) >> 9))
        parts = name.rstrip(b"/").split(b"/", len(wanted))
        for i, (part, want) in enumerate(zip(parts, wanted, strict=False)):
            if not part.isascii():
                survey.spend(len(part))
            if not _may_be_same(_folded(part), want):
                other = b"/".join(parts[: i + 1]) + b"/"
                return False
        return len(parts) >= len(wanted) or len(parts) in depths

    return matches


def _may_be_same(part: bytes, wanted: bytes) -> bool:
    """Return whether an entry's *part* of a name may lead to the one *wanted*; both are folded."""
    return part == wanted or (b"~" in part and part.partition(b".")[0][-1:].isdigit())


def _folded(part: bytes) -> bytes:
    """Return *part* of a name without what disks that ignore case do not tell apart."""
    if part.isascii():
        return part.lower().rstrip(b". ")
    # Only here: most disks never need it.
    from unicodedata import normalize

    text = "".join(filter(_is_seen, part.decode("utf-8", "surrogateescape")))
    text = normalize("NFD", normalize("NFD", text).casefold())
    return text.encode("utf-8", "surrogateescape").rstrip(b". ")


def _is_seen(c: str) -> bool:
    """Return whether a disk that ignores case regards the character *c*."""
    return not any(first <= ord(c) <= last for first, last in _IGNORED)


# ---- Entries -------------------------------------------------------------------------------------


class _Index:
    """The bytes of one index file, read entry by entry."""

    def __init__(self, data: bytes, hash_length: int, survey: Survey) -> None:
        if len(data) < 12 + hash_length or data[:4] != b"DIRC":
            raise _BrokenError("it is no index")
        self.data = data
        self.survey = survey
        self.version = int.from_bytes(data[4:8], "big")
        self.count = int.from_bytes(data[8:12], "big")
        # Where the checksum begins; and where a name does in an entry, at the earliest.
        self.limit = len(data) - hash_length
        self.fixed = 40 + hash_length + 2
        # Known once all entries have been read: how many have no name, where the extensions begin.
        self.nameless = 0
        self.end = 0
        # How many headers of extensions may still be looked at.
        self.headers = 0
        if self.version not in (2, 3, 4):
            raise _BrokenError("an unknown version")
        if self.count * self.fixed > self.limit - 12:
            raise _BrokenError("it is shorter than it says")

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each entry begins, and its name. Raises _BrokenError."""
        self.survey.spend(self.count)
        self.nameless = 0
        position, name, find = 12, b"", self.data.find
        data, fixed, limit, compressed = self.data, self.fixed, self.limit, self.version == 4
        for _ in range(self.count):
            start = position + fixed
            if start >= limit:
                raise _BrokenError("it is shorter than it says")
            high, low = data[start - 2], data[start - 1]
            if high & 0x40:
                start += 2
            kept = b""
            if compressed:
                kept, start = self._kept_of(name, start)
            end = find(0, start, limit)
            if end < 0:
                raise _BrokenError("it is shorter than it says")
            length = len(kept) + end - start
            if length > _NAME_LIMIT:
                raise _BrokenError("a name longer than any path")
            # Longer ones say so and no more.
            if (high & 15) << 8 | low != (length if length < 0xFFF else 0xFFF):
                raise _BrokenError("a name of another length than it says")
            name = kept + data[start:end] if kept else data[start:end]
            if not name:
                self.nameless += 1
            yield position, name
            # One NUL, or one to eight, up to a multiple of eight bytes.
            position = end + 1 if compressed else position + ((end - position + 8) & -8)
        if position > limit:
            raise _BrokenError("it is shorter than it says")
        self.end = position

    def _kept_of(self, name: bytes, start: int) -> tuple[bytes, int]:
        """Return what an entry of version 4 keeps of the *name* before it, and where the rest is.

        At *start* stands how many bytes go, as offsets are written in packs (gitformat-pack(5)).
        """
        byte = self.data[start]
        removed = byte & 127
        while byte & 128:
            start += 1
            byte = self.data[start]
            removed = (removed + 1) << 7 | byte & 127
            if removed > len(name):
                break
        if removed > len(name):
            raise _BrokenError("a name that takes away more than there is")
        return name[: len(name) - removed], start + 1

    def record(self, position: int, name: bytes) -> Record:
        """Return the record of the entry at *position*, called *name*."""
        self.survey.spend(1 + (len(name) >> 8))
        data, flags = self.data, position + self.fixed - 2
        key = b"%b\0%c" % (name, data[flags] >> 4 & 3)
        return key, data[position + 24 : position + 28] + data[position + 40 : flags]

    def records(self, matches: Matcher) -> Iterator[Record]:
        """Yield the records of the entries whose name *matches*, in order. Raises _BrokenError."""
        for position, name in self.entries():
            if name and matches(name):
                yield self.record(position, name)

    # ---- Extensions ----

    def link(self) -> tuple[int, int]:
        """Return where the extension of a split index begins and ends; 0, 0 where there is none.

        Asked after all entries were read. Raises _BrokenError where there is one without which the
        index is not understood.
        """
        found = (0, 0)
        self.headers = _HEADERS_LIMIT
        for name, start, end in self._extensions(self.end):
            if name == _LINK:
                if end - start < self.fixed - 42 or found[1]:
                    raise _BrokenError("a broken extension")
                found = start, end
            elif name != _SPARSE and not b"A" <= name[:1] <= b"Z":
                raise _BrokenError("an unknown extension")
        return found

    def _extensions(self, position: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield the name of each extension from *position* on, and where its data begins and ends.

        Raises _BrokenError where the last does not end with the index, or if there are too many.
        """
        data, limit = self.data, self.limit
        while position < limit:
            self.headers -= 1
            if self.headers < 0:
                raise _BrokenError("too many extensions")
            start = position + 8
            end = start + int.from_bytes(data[position + 4 : start], "big")
            if end > limit or start > limit:
                raise _BrokenError("it is shorter than it says")
            yield data[position : position + 4], start, end
            position = end

    # ---- A search in a large one ----

    def surely_lacks(self, needles: list[bytes]) -> bool:
        """Return whether, by a search in the bytes alone, no name begins with one of *needles*.

        Only names as a whole, up to a NUL or a slash; False where that cannot be told, as in a
        compressed, a sparse or a small one. In a split one the other part must be searched too.
        """
        if self.version == 4 or len(self.data) < SMALL or not needles:
            return False
        work = len(needles) * len(self.data) >> 11
        if work > self.count:
            # To parse it once is less.
            return False
        self.survey.spend(work)
        end = self._probable_end()
        return end > 0 and not any(self._may_have(needle, end) for needle in needles)

    def _may_have(self, needle: bytes, end: int) -> bool:
        """Return whether *needle* stands before *end* where a name could begin."""
        find = self.data.find
        at = find(needle, 12, end)
        for _ in range(10_000):
            if at < 0:
                return False
            # Entries begin at 12 and fill multiples of eight bytes; the extended flags are two.
            if (at - 12 - self.fixed) % 8 in (0, 2):
                after = at + len(needle)
                if needle[-1:] == b"\0" or self.data[after : after + 1] in (b"\0", b"/"):
                    return True
            at = find(needle, at + 1, end)
        return True

    def _probable_end(self) -> int:
        """Return where the extensions begin, all of them ones that may be ignored, or 0.

        Found from behind, by the names of those that git writes first. Names of files cannot
        mislead it: they stand before these. All tries together look at no more headers than one
        parse does.
        """
        self.headers = _HEADERS_LIMIT
        if self._is_end(self.limit):
            return self.limit
        for name in (b"TREE", b"IEOT"):
            at = self.limit
            for _ in range(100):
                at = self.data.rfind(name, max(12, self.limit - _TAIL), at)
                if at < 0:
                    break
                if self._is_end(at):
                    return at
        return 0

    def _is_end(self, at: int) -> bool:
        """Return whether an entry ends at *at*, and only extensions that may be ignored follow."""
        if (at - 12) % 8:
            return False
        try:
            if not all(b"A" <= name[:1] <= b"Z" for name, _, _ in self._extensions(at)):
                return False
        except _BrokenError:
            return False
        end = len(self.data[at - 8 : at].rstrip(b"\0")) + at - 8
        return any(self._is_entry(at - size, end, at) for size in range(64, _NAME_LIMIT, 8))

    def _is_entry(self, position: int, end: int, after: int) -> bool:
        """Return whether an entry begins at *position*, whose name ends at *end* before *after*."""
        if position < 12:
            return False
        start = position + self.fixed
        if self.data[start - 2] & 0x40:
            start += 2
        length = end - start
        flags = int.from_bytes(self.data[position + self.fixed - 2 : position + self.fixed], "big")
        return (
            length > 0
            and flags & 0xFFF == min(length, 0xFFF)
            and position + ((end - position + 8) & -8) == after
            and int.from_bytes(self.data[position + 24 : position + 28], "big") in _MODES
            and self.data.find(0, start, end) < 0
        )


# ---- A split index -------------------------------------------------------------------------------

_DELETED, _REPLACED = 1, 2


def _merged(own: _Index, shared: _Index, marks: bytearray, matches: Matcher) -> Iterator[Record]:
    """Yield the records that match of *shared*, as *marks* and the entries of *own* change them.

    Entries of *own* without a name replace those that are marked so, in order; the others are new.
    """
    if marks.count(_REPLACED) + marks.count(_REPLACED | _DELETED) != own.nameless:
        raise _BrokenError("replacements that do not fit")
    added = own.records(matches)
    new = next(added, None)
    for record in _remaining(own, shared, marks, matches):
        while new is not None and new[0] < record[0]:
            yield new
            new = next(added, None)
        if new is None or new[0] != record[0]:
            yield record
    while new is not None:
        yield new
        new = next(added, None)
    if shared.nameless or shared.link()[1]:
        raise _BrokenError("its shared index is split itself")


def _remaining(own: _Index, shared: _Index, marks: bytearray, matches: Matcher) -> Iterator[Record]:
    """Yield the records that match of *shared*, without the deleted, with the replaced ones."""
    replacements = (position for position, name in own.entries() if not name)
    for i, (position, name) in enumerate(shared.entries()):
        mark = marks[i]
        source = shared
        if mark & _REPLACED:
            source, position = own, next(replacements)
        if not mark & _DELETED and name and matches(name):
            yield source.record(position, name)


def _marks(data: bytes, start: int, end: int, count: int) -> bytearray:
    """Return for each of *count* shared entries what the two bitmaps in *data* say of it."""
    marks = bytearray(count)
    if start < end:
        start = _mark(marks, data, start, end, _DELETED)
        if _mark(marks, data, start, end, _REPLACED) != end:
            raise _BrokenError("a broken extension")
    return marks


def _mark(marks: bytearray, data: bytes, start: int, limit: int, mark: int) -> int:
    """Add *mark* to those of *marks* whose bit is set in the bitmap at *start*; return its end."""
    words = int.from_bytes(data[start + 4 : start + 8], "big")
    position, end = start + 8, start + 8 + 8 * words
    # No more than one word to say what comes for each that comes.
    if end + 4 > limit or words > len(marks) // 32 + 8:
        raise _BrokenError("a broken extension")
    bit = literals = 0
    while position < end:
        word = int.from_bytes(data[position : position + 8], "big")
        position += 8
        if literals:
            literals -= 1
            _set(marks, _bits(word, bit), mark)
            bit += 64
            continue
        # A bit, how many words of it follow (32 bits), how many words that stand for themselves.
        run = 64 * (word >> 1 & 0xFFFFFFFF)
        if word & 1:
            _set(marks, range(bit, bit + run), mark)
        bit += run
        literals = word >> 33
    return end + 4


def _bits(word: int, first: int) -> list[int]:
    """Return the numbers of the bits of *word* that are set, the lowest being *first*."""
    return [first + i for i in range(word.bit_length()) if word >> i & 1]


def _set(marks: bytearray, numbers: range | list[int], mark: int) -> None:
    """Add *mark* to those of *marks* with the rising *numbers*."""
    if numbers and numbers[-1] >= len(marks):
        raise _BrokenError("a bitmap for more entries than there are")
    for number in numbers:
        marks[number] |= mark


# ---- The answer ----------------------------------------------------------------------------------


def _summary(records: Iterable[Record]) -> Tracked | None:
    """Return what *records*, which must be in order, come to, or None if there is none."""
    count, first, before, digest = 0, b"", b"", None
    for key, value in records:
        if key <= before:
            raise _BrokenError("its entries are not in order")
        first = first or key[:-2]
        before = key
        count += 1
        digest = digest or _new_digest()
        digest.update(key + value)
    return Tracked(count, digest.hexdigest(), first) if digest is not None else None


def _new_digest() -> blake2b:
    """Return an empty digest."""
    # A library whose loading takes 0.2 ms, for the few environments that a repository has.
    from _blake2 import blake2b

    return blake2b(digest_size=16)
