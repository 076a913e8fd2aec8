"""Ways in which an environment reaches a place where nobody made it.

Each takes a ``Parcel``, packs what is below its directory ``sent``, and delivers that to ``place``,
which is the place that the environment records: the sender has guessed it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attacks.projects import git
from checkout import go_without

# What a sender puts first who knows what is looked at.
_FIRST = (".venv", ".venv/bin", ".venv/bin/python", ".venv/bin/python3", ".venv/pyvenv.cfg")
# 2020, with what tells a time that was kept to the nanosecond.
_SENT_AT = 1_600_000_000_123_456_789


@dataclass(frozen=True)
class Parcel:
    """What is delivered: all below *sent*, to *place*, in the order of *names*."""

    sent: Path
    place: Path
    names: Sequence[str]

    @property
    def archive(self) -> Path:
        """Where an archive may be put."""
        return self.sent.parent / "archive"

    @property
    def listed(self) -> bytes:
        """The names, one a line, as programs want them on their standard input."""
        return "".join(f"{name}\n" for name in self.names).encode()


def pack_up(place: Path, scratch: Path, chosen: bool) -> Parcel:
    """Take the project at *place* away, with an old date on all; return it as a parcel.

    It is *chosen* whether the sender has put the names into his order, or they are sorted.
    """
    sent = scratch / "sent"
    for path in [place, *place.rglob("*")]:
        os.utime(path, ns=(_SENT_AT, _SENT_AT), follow_symlinks=False)
    place.rename(sent)
    place.mkdir()
    names = sorted(str(path.relative_to(sent)) for path in sent.rglob("*"))
    if chosen:
        names = [*_FIRST, *(name for name in names if name not in _FIRST)]
    return Parcel(sent, place, names)


def run(parcel: Parcel, directory: Path, *words: str | Path, given: bytes = b"") -> bytes:
    """Run the program *words* in *directory* and return what it prints; go without if missing."""
    program = str(words[0])
    if shutil.which(program) is None:
        go_without(program)
    environ = {**os.environ, "HOME": str(parcel.sent.parent)}
    done = subprocess.run(words, cwd=directory, input=given, capture_output=True, env=environ)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
    return done.stdout


# ---- Archives: what packs, and what unpacks ------------------------------------------------------


def pack_tar(parcel: Parcel) -> None:
    """Make a tar archive whose times are to the nanosecond."""
    words = ("tar", "-c", "--format=pax", "--no-recursion", "-f", parcel.archive, "-T", "-")
    run(parcel, parcel.sent, *words, given=parcel.listed)


def pack_old_tar(parcel: Parcel) -> None:
    """Make a tar archive of the format that every program reads."""
    words = ("tar", "-c", "--format=gnu", "--no-recursion", "-f", parcel.archive, "-T", "-")
    run(parcel, parcel.sent, *words, given=parcel.listed)


def pack_cpio(parcel: Parcel) -> None:
    """Make a cpio archive."""
    words = ("cpio", "-o", "-H", "newc", "--quiet", "-F", parcel.archive)
    run(parcel, parcel.sent, *words, given=parcel.listed)


def pack_zip(parcel: Parcel) -> None:
    """Make a zip archive with links in it."""
    with zipfile.ZipFile(parcel.archive, "w") as archive:
        for name in parcel.names:
            path = parcel.sent / name
            found = path.lstat()
            moment = time.localtime(found.st_mtime)[:6]
            entry = zipfile.ZipInfo(f"{name}/" if is_directory(path) else name, moment)
            entry.create_system = 3
            entry.external_attr = found.st_mode << 16
            if path.is_symlink():
                archive.writestr(entry, os.fsencode(path.readlink()))
            else:
                archive.writestr(entry, b"" if path.is_dir() else path.read_bytes())


def pack_7z(parcel: Parcel) -> None:
    """Make a 7z archive with links in it."""
    run(parcel, parcel.sent, "7z", "a", "-t7z", "-snl", "-bd", f"{parcel.archive}.7z", ".venv")


def is_directory(path: Path) -> bool:
    """Return whether *path* itself is a directory."""
    return path.is_dir() and not path.is_symlink()


def unpack(*words: str, pack: Callable[[Parcel], None]) -> Callable[[Parcel], None]:
    """Return the way that packs by *pack* and unpacks by *words*, @ for the archive."""

    def deliver(parcel: Parcel) -> None:
        pack(parcel)
        told = [word.replace("@", str(parcel.archive)) for word in words]
        run(parcel, parcel.place, *told)

    return deliver


def by_tarfile(parcel: Parcel) -> None:
    """Unpack by Python's tarfile."""
    pack_tar(parcel)
    with tarfile.open(parcel.archive) as archive:
        archive.extraction_filter = tarfile.fully_trusted_filter
        archive.extractall(parcel.place)


def by_zipfile(parcel: Parcel) -> None:
    """Unpack by Python's zipfile."""
    pack_zip(parcel)
    with zipfile.ZipFile(parcel.archive) as archive:
        archive.extractall(parcel.place)


def stream(*words: str, layout: int = tarfile.PAX_FORMAT) -> Callable[[Parcel], None]:
    """Return the way that sends an archive whose times are those of its sending, into *words*."""

    def deliver(parcel: Parcel) -> None:
        if shutil.which(words[0]) is None:
            go_without(words[0])
        program = subprocess.Popen(words, cwd=parcel.place, stdin=subprocess.PIPE)
        assert program.stdin is not None
        with tarfile.open(fileobj=program.stdin, mode="w|", format=layout, bufsize=512) as archive:
            for name in parcel.names:
                entry = archive.gettarinfo(parcel.sent / name, arcname=name)
                moment = time.time_ns() + 200_000
                entry.mtime = moment // 1_000_000_000
                if layout == tarfile.PAX_FORMAT:
                    text = f"{moment // 10**9}.{moment % 10**9:09}"
                    entry.pax_headers = {**entry.pax_headers, "mtime": text}
                if entry.isreg():
                    with (parcel.sent / name).open("rb") as content:
                        archive.addfile(entry, content)
                else:
                    archive.addfile(entry)
        program.stdin.close()
        assert program.wait() == 0

    return deliver


_BY_TARFILE = "import sys, tarfile; t = tarfile.open(fileobj=sys.stdin.buffer, mode='r|'); "
_BY_TARFILE += "t.extraction_filter = tarfile.fully_trusted_filter; t.extractall()"
stream_to_tarfile = stream(sys.executable, "-c", _BY_TARFILE)


# ---- Copies --------------------------------------------------------------------------------------


def copy(*words: str) -> Callable[[Parcel], None]:
    """Return the way that copies by *words*."""

    def deliver(parcel: Parcel) -> None:
        run(parcel, parcel.place, *words, f"{parcel.sent}/.", f"{parcel.place}/")

    return deliver


def by_copytree(parcel: Parcel) -> None:
    """Copy by Python's shutil."""
    shutil.copytree(parcel.sent / ".venv", parcel.place / ".venv", symlinks=True)


# ---- Git -----------------------------------------------------------------------------------------


def _commit(parcel: Parcel) -> Path:
    """Return a repository that tracks what is sent."""
    git(parcel.sent, "init", "-q")
    git(parcel.sent, "add", "-f", ".venv")
    git(parcel.sent, "commit", "-q", "-m", "first")
    return parcel.sent


def clone_without_git(parcel: Parcel) -> None:
    """Clone, and remove ``.git``: what tools that start a project from a template do."""
    git(parcel.place.parent, "clone", "-q", str(_commit(parcel)), str(parcel.place))
    shutil.rmtree(parcel.place / ".git")


def clone_and_forget(parcel: Parcel) -> None:
    """Clone, and ``git rm --cached`` the environment."""
    git(parcel.place.parent, "clone", "-q", str(_commit(parcel)), str(parcel.place))
    git(parcel.place, "rm", "-r", "-q", "--cached", ".venv")


def apply_patch(parcel: Parcel) -> None:
    """Apply a patch, with its parts in the order of the names."""
    source = _commit(parcel)
    git(parcel.place, "init", "-q")
    parts = []
    empty = git(source, "hash-object", "-t", "tree", os.devnull).strip()
    for name in parcel.names:
        if not is_directory(source / name):
            parts.append(git(source, "diff", "--binary", "--full-index", empty, "HEAD", "--", name))
    parcel.archive.write_text("".join(parts))
    git(parcel.place, "apply", "--whitespace=nowarn", str(parcel.archive))
