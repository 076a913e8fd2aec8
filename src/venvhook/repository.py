"""The repositories that enclose a path, found by reading: git is never run, its variables ignored.

Of a repository's configuration two settings are looked at: which hash its index is made of
(``extensions.objectformat``) and, where it has no index, whether it has no work tree either
(``core.bare``). Formats: gitrepository-layout(5), git-config(1).
"""

from __future__ import annotations

import os

from .environment import (
    WINDOWS,
    Doubt,
    Unusable,
    is_directory,
    is_file,
    is_never_asked,
    kind,
    open_file,
)
from .errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What may be read of all the repositories around an environment together.
SIZE_LIMIT = 48 * 1024 * 1024
# What may be done about them, in steps of about a microsecond: an entry of an index is one.
WORK_LIMIT = 1_500_000
# Deeper than anybody nests them.
_NESTED_LIMIT = 100

_GIT = b".git"
_TEXT_LIMIT = 64 * 1024
_CONFIG_LIMIT = 1024 * 1024
_REFERENCES_LIMIT = 16 * 1024 * 1024
_LINK_LIMIT = 40
_FORMAT, _LINK = 0o170000, 0o120000
_HASH_LENGTHS = {b"sha1": 20, b"sha256": 32}
# What git's reftable format writes into HEAD for readers who do not know it.
_NO_REFERENCE = b"refs/heads/.invalid"
# The systems whose lists of files are not read, by what they leave at the top of a work tree.
_OTHERS = (
    (b".hg", "Mercurial"),
    (b".svn", "Subversion"),
    (b".sl", "Sapling"),
    (b".bzr", "Bazaar"),
    (b"_darcs", "Darcs"),
    (b".pijul", "Pijul"),
    (b".fslckout", "Fossil"),
    (b"_FOSSIL_", "Fossil"),
)


class Survey:
    """What one look has found of the repositories around an environment, and may still cost.

    *known* says of directories whether a repository begins there, *passed* are those where none of
    another system does; *size* is how many bytes may still be read, *work* how much may still be
    done.
    """

    __slots__ = ("known", "passed", "size", "work")

    def __init__(self) -> None:
        self.known: dict[bytes, bool] = {}
        self.passed: set[bytes] = set()
        self.size = SIZE_LIMIT
        self.work = WORK_LIMIT

    def spend(self, work: int) -> None:
        """Take *work* from what may be done. Raises Doubt where so much is not left."""
        self.work -= work
        if self.work < 0:
            raise Doubt("lies in repositories that take too long to look through")

    def read(self, directory: bytes, name: bytes, limit: int = SIZE_LIMIT) -> bytes:
        """Return what ``read_inside`` does, as long as all that is read is not too much."""
        content = read_inside(directory, name, min(limit, self.size))
        self.size -= len(content)
        return content


class Repository:
    """A git repository with a work tree.

    *top* is the directory that holds ``.git``, *index* the name of its index file, through ``.git``
    as it stands there; *witness* is what changes when the index does: itself, or the directory in
    which it will appear. *directory* is the repository's own directory, without links;
    *hash_length* is in bytes; *ignores_case* says whether the disk does so at *top*. *lacking* are
    the names of which its index has been found to have nothing. *survey* is the look it is part of.
    """

    __slots__ = (
        *("_content", "directory", "hash_length", "ignores_case", "index", "lacking"),
        *("survey", "top", "witness"),
    )

    def __init__(
        self,
        survey: Survey,
        top: bytes,
        named: bytes,
        directory: bytes,
        hash_length: int,
        has_index: bool,
    ) -> None:
        self.survey = survey
        self.top = top
        self.directory = directory
        self.index = os.path.join(named, b"index")
        self.witness = self.index if has_index else named
        self.hash_length = hash_length
        self.ignores_case = is_same_entry(os.path.join(top, _GIT), os.path.join(top, b".GIT"))
        self.lacking: list[bytes] = []
        self._content: dict[bytes, bytes] = {}

    def content(self, name: bytes) -> bytes:
        """Return the content of the file *name* in the repository's directory, read once."""
        if name not in self._content:
            self._content[name] = self.survey.read(self.directory, name)
        return self._content[name]


def enclosing(path: bytes, near: Sequence[Repository] = ()) -> list[Repository]:
    """Return the repositories whose top is *path* or a directory above it, nearest first.

    *path* is absolute and only its last component may be a link. *near* are repositories that were
    found in the same look: what is known of them is used, and all together may cost what one look
    may. Raises Doubt where there is something around *path* of which it cannot be told which files
    it brought.
    """
    survey = near[0].survey if near else Survey()
    before = {repository.top: repository for repository in near}
    found = []
    for directory in _upwards(path):
        repository = before.get(directory)
        if repository is None and survey.known.get(directory, True):
            repository = repository_at(directory, survey)
        if repository is not None:
            found.append(repository)
        if len(found) > _NESTED_LIMIT:
            raise Doubt(f"lies in more than {_NESTED_LIMIT} repositories")
        if directory in survey.passed:
            continue
        system = _other_system(directory, repository is not None)
        if system:
            raise Doubt(
                f"lies in a {system} repository ({shown(directory)}), whose list of files venvhook "
                "cannot read"
            )
        survey.passed.add(directory)
    return found


def repository_at(top: bytes, survey: Survey | None = None) -> Repository | None:
    """Return the git repository whose work tree begins at *top*, or None where none does.

    Raises Doubt where there is a ``.git`` that is not understood.
    """
    survey = survey or Survey()
    found = _found_at(top, survey)
    survey.known[top] = found is not None
    return found


def is_top(directory: bytes, survey: Survey) -> bool:
    """Return whether a git repository begins at *directory*. Raises Doubt as ``repository_at``."""
    known = survey.known.get(directory)
    return repository_at(directory, survey) is not None if known is None else known


def _found_at(top: bytes, survey: Survey) -> Repository | None:
    """Return what ``repository_at`` does, looked for."""
    marker = os.path.join(top, _GIT)
    try:
        mode = os.lstat(marker).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _doubt(marker, error) from error
    try:
        return _read_repository(survey, top, marker, mode)
    except OSError as error:
        where = error.filename if isinstance(error.filename, bytes) else marker
        raise _doubt(where, error) from error
    except Unusable as error:
        raise Doubt(f"in its repository {shown(marker)} a file {error.reason}") from error


def is_same_entry(one: bytes, other: bytes) -> bool:
    """Return whether *other* is the same entry of a directory as *one*: the disk ignores case."""
    try:
        # Second first: on most disks it is not there.
        return os.path.samestat(os.lstat(other), os.lstat(one))
    except OSError:
        return False


def real_path(path: bytes) -> bytes:
    """Return the absolute *path* without links, ``.`` and ``..``; what it names must exist.

    Raises OSError where it leads nowhere, Doubt where it leads to a place whose names may not be
    looked up: each component is looked at only after the way there is known.
    """
    if WINDOWS:
        found = os.path.normpath(path)
        if found.startswith(b"\\\\"):
            raise Doubt(f"its repository leads to another host ({shown(path)})")
        os.lstat(found)
        return found
    pending = path.split(b"/")[::-1]
    real, links = b"", 0
    _refuse_to_ask(path)
    while pending:
        part = pending.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            real = real.rpartition(b"/")[0]
            continue
        step = real + b"/" + part
        _refuse_to_ask(step)
        if os.lstat(step).st_mode & _FORMAT != _LINK:
            real = step
            continue
        links += 1
        if links > _LINK_LIMIT:
            raise Doubt(f"its repository leads in a circle ({shown(path)})")
        target = os.readlink(step)
        _refuse_to_ask(target)
        if target.startswith(b"/"):
            real = b""
        pending += target.split(b"/")[::-1]
    return real or b"/"


def read_inside(directory: bytes, name: bytes, limit: int) -> bytes:
    """Return the content of the file *name* in a repository's *directory*.

    It may be a link. Raises OSError if it cannot be read, Unusable if it is no regular file or
    larger than *limit* bytes, Doubt if it leads to where a look can hang.
    """
    path = os.path.join(directory, name)
    if os.lstat(path).st_mode & _FORMAT == _LINK:
        path = real_path(path)
    descriptor, found = open_file(path, limit, links=False)
    try:
        return os.read(descriptor, found.st_size)
    finally:
        os.close(descriptor)


def _upwards(path: bytes) -> Iterator[bytes]:
    """Yield *path* and the directories above it, but none where ``.git`` would be a host's name."""
    while True:
        parent = os.path.dirname(path)
        if WINDOWS or os.path.dirname(parent) != parent or not is_never_asked(path):
            yield path
        if parent == path:
            return
        path = parent


def _other_system(directory: bytes, has_git: bool) -> str:
    """Return which version control system other than git has a work tree at *directory*, or ''."""
    for name, system in _OTHERS:
        if _mode(os.path.join(directory, name)):
            return system
    # In a work tree that both have, Jujutsu keeps git's index right.
    if not has_git and _mode(os.path.join(directory, b".jj")):
        return "Jujutsu"
    records = os.path.join(directory, b"CVS")
    if is_directory(_mode(records)) and _mode(os.path.join(records, b"Entries")):
        return "CVS"
    return ""


def _mode(path: bytes) -> int:
    """Return the mode of *path* itself, or 0 where there is nothing. Raises Doubt if in doubt."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise _doubt(path, error) from error


def _doubt(path: bytes, error: OSError) -> Doubt:
    """Return why nothing is known about *path*, a part of a repository or of the way to it."""
    return Doubt(f"its repository's {shown(path)} cannot be read ({error.strerror})")


def _refuse_to_ask(path: bytes) -> None:
    """Raise Doubt where *path* may not be looked up."""
    if is_never_asked(path):
        raise Doubt(f"its repository leads to {shown(path)}, where a look can hang")


def _read_repository(survey: Survey, top: bytes, marker: bytes, mode: int) -> Repository | None:
    """Return what the existing ``.git`` called *marker* is; *mode* is that of itself."""
    named = directory = marker
    if mode & _FORMAT == _LINK:
        directory = real_path(marker)
        mode = os.lstat(directory).st_mode
    if is_file(mode):
        named = os.path.join(top, _gitdir_target(marker, read_inside(top, _GIT, _TEXT_LIMIT)))
        directory = real_path(named)
        mode = os.lstat(directory).st_mode
    if not is_directory(mode):
        raise Doubt(f"its repository's {shown(marker)} is {kind(mode)}")
    common = _common_directory(directory)
    has_index = _mode(os.path.join(directory, b"index")) != 0
    if not has_index and not _is_repository_without_files(survey, marker, directory, common):
        return None
    hash_length = _hash_length(survey, marker, common)
    return Repository(survey, top, named, directory, hash_length, has_index)


def _gitdir_target(marker: bytes, text: bytes) -> bytes:
    """Return the path in the *text* of a ``.git`` that is a file, as git reads it."""
    target = text.removeprefix(b"gitdir: ").rstrip(b"\r\n")
    if not text.startswith(b"gitdir: ") or not target or b"\0" in target:
        raise Doubt(f"its repository's {shown(marker)} names no directory")
    return target


def _common_directory(directory: bytes) -> bytes:
    """Return the directory that the worktree's *directory* shares with the other worktrees."""
    text = _text(directory, b"commondir")
    if text is None:
        return directory
    return real_path(os.path.join(directory, text.rstrip(b"\r\n")))


def _text(directory: bytes, name: bytes, limit: int = _TEXT_LIMIT) -> bytes | None:
    """Return the content of a file in a repository, or None where nothing is called so."""
    if not _mode(os.path.join(directory, name)):
        return None
    return read_inside(directory, name, limit)


def _hash_length(survey: Survey, marker: bytes, common: bytes) -> int:
    """Return how many bytes an object's name has in the repository with the *common* directory."""
    name = _setting(survey, common, b"config", b"extensions", b"objectformat")
    length = _HASH_LENGTHS.get(b"sha1" if name is None else name)
    if length is None:
        raise Doubt(f"its repository {shown(marker)} has an unknown format of objects")
    return length


# ---- A repository without an index ---------------------------------------------------------------


def _is_repository_without_files(
    survey: Survey, marker: bytes, directory: bytes, common: bytes
) -> bool:
    """Return True for a repository that has no index since nothing was added, False for none.

    Raises Doubt where HEAD names a commit, whose files may be there; a bare one has no files.
    """
    head = _text(directory, b"HEAD")
    if head is None:
        if not _mode(os.path.join(directory, b"objects")):
            return False
        raise Doubt(f"its repository {shown(marker)} has neither an index nor a HEAD")
    names_commit = _names_commit(survey, head, common)
    if names_commit and not (directory == common and _is_bare(survey, common)):
        raise Doubt(f"its repository {shown(marker)} has commits but no index")
    return True


def _names_commit(survey: Survey, head: bytes, common: bytes) -> bool:
    """Return whether HEAD, which says *head*, may name a commit."""
    if not head.startswith(b"ref:"):
        return True
    name = head[4:].strip()
    if name == _NO_REFERENCE:
        return _has_objects(common)
    if not name.startswith(b"refs/") or b".." in name or b"\0" in name or b"\n" in name:
        return True
    try:
        return is_file(os.lstat(real_path(os.path.join(common, name))).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        if not _mode(os.path.join(common, b"packed-refs")):
            return False
        packed = survey.read(common, b"packed-refs", _REFERENCES_LIMIT)
        return b" " + name + b"\n" in packed


def _has_objects(common: bytes) -> bool:
    """Return whether the repository holds any object, or leads to those of another one."""
    objects = real_path(os.path.join(common, b"objects"))
    with os.scandir(objects) as entries:
        if any(entry.name not in (b"info", b"pack") for entry in entries):
            return True
    if _mode(os.path.join(objects, b"info", b"alternates")):
        return True
    pack = os.path.join(objects, b"pack")
    if not _mode(pack):
        return False
    with os.scandir(real_path(pack)) as entries:
        return next(entries, None) is not None


def _is_bare(survey: Survey, common: bytes) -> bool:
    """Return whether the configuration says that there is no work tree."""
    for name in (b"config.worktree", b"config"):
        value = _setting(survey, common, name, b"core", b"bare")
        if value is not None:
            return value.lower() in (b"", b"true", b"yes", b"on", b"1")
    return False


# ---- Settings ------------------------------------------------------------------------------------


def _setting(
    survey: Survey, common: bytes, name: bytes, section: bytes, key: bytes
) -> bytes | None:
    """Return the value of *key* in *section* of the git configuration *name*, as ``_value`` does.

    Parsed only where the key stands somewhere: many repositories can lie around, and each can have
    a large one.
    """
    if not _mode(os.path.join(common, name)):
        return None
    text = survey.read(common, name, _CONFIG_LIMIT)
    if key not in text.lower():
        return None
    survey.spend(text.count(b"\n") + len(text) // 8)
    return _value(text, section, key)


def _value(text: bytes, section: bytes, key: bytes) -> bytes | None:
    """Return the last value of *key* in *section*, without a subsection, in the *text*.

    b"" where it stands without a value, None where it is not set. Tolerant: what is no syntax of
    git-config(1) is passed over, and so is all that is included from elsewhere.
    """
    found, current = None, b""
    for line in _logical_lines(text):
        if line.startswith(b"["):
            name, closed, line = line[1:].partition(b"]")
            current = name.strip().lower() if closed else b""
            line = line.strip()
        name, _, value = line.partition(b"=")
        if current == section and name.strip().lower() == key:
            found = _unquoted(value)
    return found


def _logical_lines(text: bytes) -> Iterator[bytes]:
    """Yield the lines of a configuration, stripped, those that end with a backslash continued."""
    begun: list[bytes] = []
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = line.removesuffix(b"\r")
        is_comment = not begun and line.lstrip().startswith((b"#", b";"))
        # Two backslashes are one that is meant.
        if (len(line) - len(line.rstrip(b"\\"))) % 2 and not is_comment:
            begun.append(line[:-1])
            continue
        yield b"".join((*begun, line)).strip()
        begun = []
    yield b"".join(begun).strip()


def _unquoted(value: bytes) -> bytes:
    """Return the beginning of *value*, without a comment and quotes: all that is of interest."""
    inside, kept = False, b""
    for i in range(min(len(value), 200)):
        c = value[i : i + 1]
        if c == b'"':
            inside = not inside
        elif c in (b"#", b";") and not inside:
            break
        else:
            kept += c
    return kept.strip()
