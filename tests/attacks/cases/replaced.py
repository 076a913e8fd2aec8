"""What takes the place of an environment that was accepted, and what becomes of its token."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import IN_2037, LONG_AGO, STRANGER, date, everything, git, replace_by
from attacks.stage import Stage
from environments import wait_for_tick

GROUP = Group("replaced")
TOKEN = ".venvhook"


def _accepted(stage: Stage) -> Path:
    """Make one's own environment, and let it be accepted."""
    environment = stage.build.own()
    stage.visit(environment.parent, environment)
    return environment


def _put_in_place(stage: Stage, environment: Path, seconds: int = LONG_AGO) -> Path:
    """Put a stranger's environment in the place of the accepted one, which is kept; return that."""
    kept = environment.rename(stage.home / "old")
    stage.build.delivered(environment)
    date(environment, seconds)
    return kept


# ---- The environment -----------------------------------------------------------------------------


@GROUP.case
def _by_a_stranger_s_of_long_ago(stage: Stage) -> None:
    environment = _accepted(stage)
    _put_in_place(stage, environment)
    stage.visit(environment.parent, None)


@GROUP.case
def _by_a_stranger_s_of_now(stage: Stage) -> None:
    environment = _accepted(stage)
    environment.rename(stage.home / "old")
    stage.build.delivered(stage.home / "new", environment).rename(environment)
    # By their names, as what unpacks goes about it. What happens within one tick of the clock can
    # only be told apart by the numbers of the files.
    for entry in sorted(everything(environment)):
        os.utime(entry, follow_symlinks=False)
        wait_for_tick(stage.home)
    stage.visit(environment.parent, None)


@GROUP.case
def _an_allowed_one_with_a_tracked_file_by_a_stranger_s(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    (environment / "README").touch()
    git(root, "add", "-f", ".venv/README")
    stage.cd(root)
    stage.expect(None, 1)
    stage.command("allow")
    stage.prompt()
    stage.said.clear()
    stage.expect(environment)
    stage.leave()
    _put_in_place(stage, environment)
    # Already said in this shell.
    stage.visit(root, None, lines=0)


@GROUP.case
def _by_a_stranger_s_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    _put_in_place(stage, environment)
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


def _with_any_token_while_active(stage: Stage, below: str) -> None:
    """Put a stranger's environment with a token of its own in the place of the active one.

    All that a prompt looks at is there, and old: only the token tells.
    """
    environment = stage.build.own()
    (environment.parent / "below").mkdir()
    stage.cd(environment.parent)
    stage.expect(environment)
    _put_in_place(stage, environment)
    _private(environment / TOKEN, b"0" * 32 + b"\n")
    date(environment, LONG_AGO)
    stage.cd(environment.parent / below)
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()
    stage.visit(environment.parent, None, lines=0)


@GROUP.case
def _by_a_stranger_s_with_a_token_while_active(stage: Stage) -> None:
    _with_any_token_while_active(stage, ".")


@GROUP.case
def _by_a_stranger_s_with_a_token_seen_from_below(stage: Stage) -> None:
    _with_any_token_while_active(stage, "below")


@GROUP.case
def _by_a_stranger_s_of_2037_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    _put_in_place(stage, environment, IN_2037)
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case
def _with_the_times_of_the_accepted_one(stage: Stage) -> None:
    environment = _accepted(stage)
    kept = _put_in_place(stage, environment)
    for entry in everything(environment):
        model = kept / entry.relative_to(environment)
        if model.exists():
            found = model.lstat()
            os.utime(entry, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
    stage.visit(environment.parent, None)


@GROUP.case
def _copied_to_its_own_place(stage: Stage) -> None:
    environment = _accepted(stage)
    shutil.copytree(environment, stage.home / "copy", symlinks=True)
    replace_by(environment, stage.home / "copy")
    # The token came along, but the environment is another.
    stage.cd(environment.parent)
    stage.visit_as_seen(environment.parent, environment)


@GROUP.case
def _made_again(stage: Stage) -> None:
    environment = _accepted(stage)
    shutil.rmtree(environment)
    stage.build.genuine(environment)
    stage.visit(environment.parent, environment)


@GROUP.case
def _made_again_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    shutil.rmtree(environment)
    stage.prompt()
    stage.expect(None, 0)
    stage.build.genuine(environment)
    stage.prompt()
    stage.expect(environment, 0)
    stage.leave()


@GROUP.case
def _moved_with_its_project(stage: Stage) -> None:
    environment = _accepted(stage)
    root = environment.parent.rename(stage.home / "moved")
    stage.visit(root, None)


@GROUP.case
def _exchanged_with_another_accepted_one(stage: Stage) -> None:
    one, other = stage.build.own("one"), stage.build.own("other")
    for environment in (one, other):
        stage.visit(environment.parent, environment)
    one.rename(stage.home / "aside")
    other.rename(one)
    (stage.home / "aside").rename(other)
    stage.visit(one.parent, None)
    stage.visit(other.parent, None)


@GROUP.case
def _the_whole_project_replaced(stage: Stage) -> None:
    environment = _accepted(stage)
    environment.parent.rename(stage.home / "old")
    stage.build.foreign()
    date(environment.parent, LONG_AGO)
    stage.visit(environment.parent, None)


@GROUP.case
def _only_bin_replaced(stage: Stage) -> None:
    environment = _accepted(stage)
    (environment / "bin").rename(stage.home / "bin")
    stage.build.delivered(stage.home / "evil", environment)
    (stage.home / "evil/bin").rename(environment / "bin")
    # What changes inside an accepted environment, others may not do: see test_deliveries.py.
    stage.visit_either(environment.parent, environment)


@GROUP.case
def _by_a_fifo_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    environment.rename(stage.home / "old")
    os.mkfifo(environment)
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


# ---- The token -----------------------------------------------------------------------------------
# A stranger's environment in the place of an accepted one, as old as one likes, with each token
# that the stranger could bring.


def _with_token(make: Callable[[Path, Path], object], needs: str = "") -> None:
    """Add the case of a token made by *make*, from its path and that of the old one."""

    def act(stage: Stage) -> None:
        environment = _accepted(stage)
        kept = _put_in_place(stage, environment)
        make(environment / TOKEN, kept / TOKEN)
        if make is not missing:
            date(environment / TOKEN, LONG_AGO)
        date(environment / "bin", LONG_AGO)
        stage.visit(environment.parent, None)

    GROUP.add(f"token {make.__name__.replace('_', ' ')}", act, needs)


def _private(token: Path, data: bytes) -> None:
    token.write_bytes(data)
    token.chmod(0o600)


def missing(_token: Path, _old: Path) -> None:
    """Leave it out."""


def a_link_to_the_old(token: Path, old: Path) -> None:
    token.symlink_to(old)


def a_fifo(token: Path, _old: Path) -> None:
    os.mkfifo(token)


def a_directory(token: Path, _old: Path) -> None:
    token.mkdir()


def a_link_to_a_terminal(token: Path, _old: Path) -> None:
    token.symlink_to("/dev/tty")


def a_link_to_zeros(token: Path, _old: Path) -> None:
    token.symlink_to("/dev/zero")


def a_sparse_gigabyte(token: Path, _old: Path) -> None:
    with token.open("wb") as file:
        file.truncate(1 << 30)


def a_sparse_gigabyte_after_a_token(token: Path, _old: Path) -> None:
    with token.open("wb") as file:
        file.write(b"0" * 32 + b"\n")
        file.truncate(1 << 30)


def empty(token: Path, _old: Path) -> None:
    _private(token, b"")


def a_newline(token: Path, _old: Path) -> None:
    _private(token, b"\n")


def of_zeros(token: Path, _old: Path) -> None:
    _private(token, b"0" * 32 + b"\n")


def of_globs(token: Path, _old: Path) -> None:
    _private(token, b"*\n")


def of_32_question_marks(token: Path, _old: Path) -> None:
    _private(token, b"?" * 32 + b"\n")


def of_a_pattern(token: Path, _old: Path) -> None:
    _private(token, b"[0-9a-f]*\n")


def of_a_command(token: Path, _old: Path) -> None:
    _private(token, b"$(pwn)`pwn`; pwn\n")


def of_a_subscript(token: Path, _old: Path) -> None:
    _private(token, b"a[$(pwn)]\n")


def of_escape_sequences(token: Path, _old: Path) -> None:
    _private(token, b"\x1b]0;title\x07\x1b[31m\n")


for _make in (
    missing,
    a_link_to_the_old,
    a_fifo,
    a_directory,
    a_link_to_a_terminal,
    a_link_to_zeros,
    a_sparse_gigabyte,
    a_sparse_gigabyte_after_a_token,
    empty,
    a_newline,
    of_zeros,
    of_globs,
    of_32_question_marks,
    of_a_pattern,
    of_a_command,
    of_a_subscript,
    of_escape_sequences,
):
    _with_token(_make)


def _with_a_hard_link(stage: Stage) -> Path:
    """Put a stranger's environment in the place of an accepted one, with a hard link to its token.

    tar makes one to whatever is there under the name that the archive says: here the user has moved
    the accepted environment aside to where the sender has guessed.
    """
    environment = _accepted(stage)
    (environment / TOKEN).touch()  # for the tools that know of none
    environment.rename(environment.parent / ".venv.old")
    evil = stage.build.delivered(stage.home / "evil", environment)
    archive = stage.home / "app.tar"
    with tarfile.open(archive, "w") as file:
        file.add(evil, "app/.venv")
        link = tarfile.TarInfo(f"app/.venv/{TOKEN}")
        link.type, link.linkname = tarfile.LNKTYPE, f"app/.venv.old/{TOKEN}"
        file.addfile(link)
        # So that writing the token leaves no trace in a time.
        for name in ("app/.venv/bin", "app/.venv"):
            file.addfile(file.gettarinfo(evil / "bin", name))
    subprocess.run(["tar", "-x", "-f", archive, "-C", stage.home], check=True)
    assert (environment / TOKEN).stat().st_nlink == 2
    return environment


@GROUP.case
def _a_hard_link_to_the_old_token_while_nothing_is_kept(stage: Stage) -> None:
    environment = _with_a_hard_link(stage)
    shutil.rmtree(stage.watched.terminal.home / ".cache/venvhook", ignore_errors=True)
    stage.visit(environment.parent, None)


@GROUP.case
def _a_hard_link_to_the_old_token(stage: Stage) -> None:
    # No builtin counts the links of a file: a kept recipe is used here.
    environment = _with_a_hard_link(stage)
    stage.visit_either(environment.parent, environment)


def _damaged(change: Callable[[Path], object], needs: str = "") -> None:
    """Add the case of one's own environment whose token was damaged: it is looked at afresh."""

    def act(stage: Stage) -> None:
        environment = _accepted(stage)
        if not stage.column.reference:
            change(environment / TOKEN)
            # As old as the other, so that nothing but its text tells.
            os.utime(environment / TOKEN, (LONG_AGO, LONG_AGO), follow_symlinks=False)
        # Whether it was ever accepted can no longer be known; its own times still say who made it.
        stage.cd(environment.parent)
        stage.visit_as_seen(environment.parent, environment)

    GROUP.add(f"one's own with a token {change.__name__.replace('_', ' ')}", act, needs)


def cut_to_31_digits(token: Path) -> None:
    token.write_bytes(token.read_bytes()[:31] + b"\n")


def of_33_digits(token: Path) -> None:
    token.write_bytes(token.read_bytes()[:32] + b"0\n")


def without_its_newline(token: Path) -> None:
    token.write_bytes(token.read_bytes()[:32])


def with_another_newline(token: Path) -> None:
    token.write_bytes(token.read_bytes() + b"\n")


def with_more_after_it(token: Path) -> None:
    token.write_bytes(token.read_bytes() + b"x" * 100)


def with_a_nul_in_front(token: Path) -> None:
    token.write_bytes(b"\0" + token.read_bytes())


def in_upper_case(token: Path) -> None:
    token.write_bytes(token.read_bytes().upper())


def removed(token: Path) -> None:
    token.unlink()
    token.touch()


def of_another_account(token: Path) -> None:
    os.chown(token, STRANGER, STRANGER)


def turned_into_a_fifo(token: Path) -> None:
    token.unlink()
    os.mkfifo(token)


for _change in (
    cut_to_31_digits,
    of_33_digits,
    without_its_newline,
    with_another_newline,
    with_more_after_it,
    with_a_nul_in_front,
    in_upper_case,
    removed,
    turned_into_a_fifo,
):
    _damaged(_change)
_damaged(of_another_account, "root")


@GROUP.case
def _a_token_that_is_there_before_the_first_look(stage: Stage) -> None:
    # It proves nothing, and is not written through.
    environment = stage.build.own()
    target = stage.home / "target"
    target.write_text("precious\n")
    (environment / TOKEN).symlink_to(target)
    stage.visit(environment.parent, environment)
    assert target.read_text() == "precious\n"


@GROUP.case
def _a_token_that_is_a_hard_link_before_the_first_look(stage: Stage) -> None:
    environment = stage.build.own()
    target = stage.home / "target"
    target.write_text("precious\n")
    (environment / TOKEN).hardlink_to(target)
    stage.visit(environment.parent, environment)
    assert target.read_text() == "precious\n"


@GROUP.case
def _a_token_that_is_a_directory_before_the_first_look(stage: Stage) -> None:
    environment = stage.build.own()
    (environment / TOKEN).mkdir()
    (environment / TOKEN / "precious").touch()
    stage.visit_either(environment.parent, environment)
    assert (environment / TOKEN / "precious").exists()


@GROUP.case
def _an_environment_that_cannot_be_written(stage: Stage) -> None:
    environment = stage.build.own()
    environment.chmod(0o555)
    try:
        stage.visit(environment.parent, environment)
    finally:
        environment.chmod(0o755)


# ---- Witnesses -----------------------------------------------------------------------------------


@GROUP.case
def _bin_is_dated_2037(stage: Stage) -> None:
    environment = stage.build.own()
    os.utime(environment / "bin", (IN_2037, IN_2037))
    stage.visit(environment.parent, environment)


@GROUP.case
def _bin_is_dated_2037_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    os.utime(environment / "bin", (IN_2037, IN_2037))
    stage.prompt()
    stage.expect(environment, 0)
    _put_in_place(stage, environment, IN_2037)
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case
def _everything_is_dated_1970(stage: Stage) -> None:
    environment = _accepted(stage)
    date(environment, 0)
    stage.visit(environment.parent, environment)


def _without_witness(name: str, lines: int) -> None:
    """Add the case of a part that is deleted while the environment is active."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        stage.cd(environment.parent)
        stage.expect(environment)
        path = environment / name
        path.rename(stage.home / "removed")
        stage.prompt()
        stage.expect(None, lines)
        stage.leave()

    GROUP.add(f"{name} is deleted while active", act)


for _part in ("pyvenv.cfg", "bin", "bin/python"):
    _without_witness(_part, 1)


@GROUP.case
def _the_token_is_deleted_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    (environment / TOKEN).unlink(missing_ok=True)
    stage.prompt()
    # It is the user's own all the same; a prompt need not look at the token.
    stage.expect(environment, 0)
    stage.leave()
    stage.visit(environment.parent, environment)
