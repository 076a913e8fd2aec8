"""The block in an rc file: added once, brought up to date, and taken out without a trace."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from checkout import IS_ROOT, go_without
from venvhook.errors import VenvhookError
from venvhook.installation import uninstall
from venvhook.rcfile import (
    add_block,
    block_text,
    files_to_clean,
    loading_lines,
    rc_files,
    remove_block,
)
from venvhook.shells import SHELLS, Shell

LINES = b"load the hook\n"
BEFORE = {
    "plain": b"alias ll='ls -l'\n",
    "empty": b"",
    "no final newline": b"alias ll='ls -l'",
    "only a newline": b"\n",
    "blank lines at the end": b"a\n\n\n",
    "CRLF": b"a\r\nb\r\n",
    "CRLF without the last": b"a\r\nb",
    "ends with CR": b"a\r",
    "not UTF-8": b"\xff\xfe\n",
    "NUL": b"a\0b\n",
    "a line that is continued": b"a \\",
}


@pytest.fixture
def rc(tmp_path: Path) -> Path:
    return tmp_path / ".bashrc"


def add(path: Path, lines: bytes = LINES) -> str:
    return add_block(os.fsencode(path), lines)


def remove(path: Path) -> str:
    return remove_block(os.fsencode(path))


def tree(directory: Path) -> dict[str, bytes | str]:
    """Return everything below *directory*: contents of files, targets of links."""
    found: dict[str, bytes | str] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else "directory"
    return found


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_uninstall_leaves_the_file_byte_for_byte(rc: Path, before: bytes) -> None:
    rc.write_bytes(before)
    assert add(rc) == "added"
    assert rc.read_bytes().startswith(before)
    assert LINES in rc.read_bytes()
    assert remove(rc) == "restored"
    assert tree(rc.parent) == {".bashrc": before}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_an_update_in_between_changes_nothing_about_that(rc: Path, before: bytes) -> None:
    rc.write_bytes(before)
    add(rc, b"an older version\n")
    assert add(rc) == "updated"
    assert b"an older version" not in rc.read_bytes()
    assert remove(rc) == "restored"
    assert tree(rc.parent) == {".bashrc": before}


def test_a_second_run_changes_nothing(rc: Path) -> None:
    rc.write_bytes(b"a")
    add(rc)
    before, written = tree(rc.parent), rc.stat().st_mtime_ns
    assert add(rc) == "unchanged"
    assert tree(rc.parent) == before
    assert rc.stat().st_mtime_ns == written


def test_a_backup_is_made_first(rc: Path) -> None:
    rc.write_bytes(b"secret\n")
    rc.chmod(0o600)
    add(rc)
    backup = rc.with_name(".bashrc.venvhook-backup")
    assert backup.read_bytes() == b"secret\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_an_older_backup_is_kept(rc: Path) -> None:
    rc.write_bytes(b"old\n")
    add(rc)
    rc.write_bytes(b"new\n")
    add(rc)
    assert rc.with_name(".bashrc.venvhook-backup").read_bytes() == b"old\n"
    assert rc.with_name(".bashrc.venvhook-backup-2").read_bytes() == b"new\n"
    assert remove(rc) == "removed"
    assert tree(rc.parent) == {".bashrc": b"new\n", ".bashrc.venvhook-backup": b"old\n"}


def test_what_was_added_since_stays(rc: Path) -> None:
    rc.write_bytes(b"first")
    add(rc)
    with rc.open("ab") as file:
        file.write(b"second\n")
    rc.write_bytes(b"zeroth\n" + rc.read_bytes())
    assert remove(rc) == "removed"
    assert rc.read_bytes() == b"zeroth\nfirst\nsecond\n"


def test_a_file_made_for_the_block_goes_with_its_directories(tmp_path: Path) -> None:
    path = tmp_path / "fish" / "conf.d" / "venvhook.fish"
    add(path)
    add(path, b"an update\n")
    assert remove(path) == "deleted"
    assert tree(tmp_path) == {}


def test_directories_in_use_since_stay(tmp_path: Path) -> None:
    path = tmp_path / "fish" / "conf.d" / "venvhook.fish"
    add(path)
    other = tmp_path / "fish" / "config.fish"
    other.write_bytes(b"x\n")
    remove(path)
    assert tree(tmp_path) == {"fish": "directory", "fish/config.fish": b"x\n"}


def test_directories_that_were_there_stay(tmp_path: Path) -> None:
    path = tmp_path / "fish" / "conf.d" / "venvhook.fish"
    path.parent.mkdir(parents=True)
    add(path)
    remove(path)
    assert tree(tmp_path) == {"fish": "directory", "fish/conf.d": "directory"}


def test_a_file_made_for_the_block_and_used_since_stays(rc: Path) -> None:
    add(rc)
    with rc.open("ab") as file:
        file.write(b"mine\n")
    remove(rc)
    assert tree(rc.parent) == {".bashrc": b"mine\n"}


def test_a_link_stays_a_link(rc: Path) -> None:
    target = rc.parent / "dotfiles" / "bashrc"
    target.parent.mkdir()
    target.write_bytes(b"a")
    rc.symlink_to("dotfiles/bashrc")
    before = tree(rc.parent)
    add(rc)
    assert rc.is_symlink()
    assert LINES in target.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["bashrc"]
    remove(rc)
    assert tree(rc.parent) == before


def test_mode_and_owner_are_kept(rc: Path) -> None:
    rc.write_bytes(b"a\n")
    rc.chmod(0o640)
    os.chown(rc, -1, max([os.getgid(), *os.getgroups()]))
    before = rc.stat()
    add(rc)
    assert (rc.stat().st_mode, rc.stat().st_gid) == (before.st_mode, before.st_gid)
    remove(rc)
    assert (rc.stat().st_mode, rc.stat().st_gid) == (before.st_mode, before.st_gid)


def test_a_second_name_of_the_file_is_kept(rc: Path) -> None:
    rc.write_bytes(b"a\n")
    os.link(rc, rc.parent / "other")
    add(rc)
    assert rc.samefile(rc.parent / "other")
    remove(rc)
    assert (rc.parent / "other").read_bytes() == b"a\n"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_block_in_an_editors_crlf_is_known(rc: Path, end: bytes) -> None:
    rc.write_bytes(b"a\nb" + end)
    add(rc)
    rc.write_bytes(rc.read_bytes().replace(b"\n", b"\r\n"))
    assert add(rc) == "unchanged"
    assert remove(rc) == "removed"
    assert rc.read_bytes() == (b"a\nb" + end).replace(b"\n", b"\r\n")


WHOLE = block_text(LINES)
DAMAGED = {
    "the end is missing": (WHOLE.replace(b"# <<< venvhook <<<\n", b""), "no whole venvhook block"),
    "the beginning is missing": (b"# <<< venvhook <<<\n", "no whole venvhook block"),
    "two of them": (WHOLE + WHOLE, "more than one"),
    "one in another": (WHOLE.replace(LINES, WHOLE), "more than one"),
    "edited": (WHOLE.replace(b"load", b"unload"), "edited"),
    "no checksum": (b"# >>> venvhook >>>\nx\n# <<< venvhook <<<\n", "no whole venvhook block"),
    "indented": (WHOLE.replace(b"# ", b"  # "), "no whole venvhook block"),
}


@pytest.mark.parametrize(("block", "reason"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_block_is_reported_and_left_alone(rc: Path, block: bytes, reason: str) -> None:
    rc.write_bytes(b"a\n" + block + b"b\n")
    before = tree(rc.parent)
    for work in (add, remove):
        with pytest.raises(VenvhookError, match=reason) as raised:
            work(rc)
        assert f"{rc}, line 2" in str(raised.value)
        assert "by hand" in str(raised.value)
    assert tree(rc.parent) == before


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _read_only(path: Path) -> None:
    path.write_bytes(b"a\n")
    path.chmod(0o444)


NOT_EDITED = {
    "directory": (Path.mkdir, "no regular file"),
    "FIFO": (os.mkfifo, "no regular file"),
    "a link to nothing": (_dangling, "link to nothing"),
    "a link in a loop": (_loop, "cannot be read"),
    "read-only": (_read_only, "read-only"),
}


@pytest.mark.parametrize(("make", "reason"), NOT_EDITED.values(), ids=NOT_EDITED.keys())
def test_what_cannot_be_edited_is_one_line(rc: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]  # any callable
    make(rc)
    with pytest.raises(VenvhookError, match=reason) as raised:
        add(rc)
    assert str(rc) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [path.name for path in rc.parent.iterdir()] == [".bashrc"]


def test_there_is_nothing_to_take_out_of_a_link_to_nothing(rc: Path) -> None:
    _dangling(rc)
    assert remove(rc) == ""
    assert rc.is_symlink()


def test_a_file_that_cannot_be_read_may_still_hold_a_block(rc: Path) -> None:
    _loop(rc)
    (line,) = (line for line in uninstall({}, {"HOME": str(rc.parent)}) if line.failed)
    assert line.text.startswith(f"{rc}: cannot be read (")
    assert line.text.endswith(
        "; mend that and run this again; until then it may still load venvhook"
    )


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_another_users_file_is_not_edited(rc: Path) -> None:
    rc.write_bytes(b"a\n")
    os.chown(rc, 12345, -1)
    with pytest.raises(VenvhookError, match="belongs to user 12345"):
        add(rc)
    assert tree(rc.parent) == {".bashrc": b"a\n"}


@pytest.mark.parametrize("launcher", ["/opt/a b/venvhook", "{home}/it's/$(touch x)/venvhook"])
@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_lines_call_the_launcher_by_any_path(tmp_path: Path, name: str, launcher: str) -> None:
    shell = next(row for row in SHELLS if row.name == name)
    executable = shutil.which(name)
    if executable is None:
        go_without(name)
    home = tmp_path / "home 'of' me"
    home.mkdir()
    path = Path(launcher.format(home=home))
    if not path.is_relative_to(home):
        path = tmp_path / "opt" / path.relative_to("/")
    path.parent.mkdir(parents=True)
    path.write_text('#!/bin/sh\necho "echo loaded-$1-$2-$3"\n')
    path.chmod(0o755)
    lines = loading_lines(shell, os.fsencode(path), os.fsencode(home))
    assert _printed(executable, home, lines, interactive=True) == f"loaded-init-{name}---source"
    assert _printed(executable, home, lines, interactive=False) == ""
    # Whatever the user has made of the names in them.
    own = b"function source; echo own; end\n" if name == "fish" else b"source() { echo own; }\n"
    assert _printed(executable, home, own + lines, True) == f"loaded-init-{name}---source"
    path.unlink()
    assert _printed(executable, home, lines, interactive=True) == ""
    assert not (home / "x").exists()


@pytest.mark.parametrize(
    ("name", "trap", "end"),
    [
        ("bash", b"trap 'echo \"echo evaluated\"' EXIT\n", b"trap - EXIT\n"),
        ("zsh", b"TRAPEXIT() { print -l 'echo evaluated' \"it's\" }\n", b"unfunction TRAPEXIT\n"),
    ],
)
def test_what_a_trap_prints_at_the_end_of_the_launcher_is_not_run(
    tmp_path: Path, name: str, trap: bytes, end: bytes
) -> None:
    executable = shutil.which(name)
    if executable is None:
        go_without(name)
    launcher = tmp_path / "venvhook"
    launcher.write_text("#!/bin/sh\necho echo loaded\n")
    launcher.chmod(0o755)
    lines = loading_lines(row(name), os.fsencode(launcher), os.fsencode(tmp_path))
    assert _printed(executable, tmp_path, trap + lines + end, interactive=True) == "loaded"


def _printed(executable: str, home: Path, lines: bytes, interactive: bool) -> str:
    """Return what *lines* print, sourced in an empty HOME; nothing may go to stderr."""
    file = home / "lines"
    file.write_bytes(lines)
    options = ["-i"] if interactive else []
    ran = subprocess.run(
        [executable, *options, "-c", ". ./lines"],
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    complaints = [line for line in ran.stderr.splitlines() if "job control" not in line]
    assert [line for line in complaints if "terminal process group" not in line] == []
    return ran.stdout.strip()


def test_a_path_below_home_is_written_with_home() -> None:
    lines = loading_lines(SHELLS[0], b"/home/me/.local/bin/venvhook", b"/home/me/")
    assert b'"$HOME/.local/bin/venvhook"' in lines
    assert b"/home/me" not in lines


def row(name: str) -> Shell:
    return next(shell for shell in SHELLS if shell.name == name)


def test_zsh_says_where_its_rc_file_is(tmp_path: Path) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        go_without("zsh")
    # Not exported, so that only zsh knows.
    (tmp_path / ".zshenv").write_text('echo hello\nZDOTDIR="$HOME/z"\n')
    files = rc_files(row("zsh"), zsh, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    assert files == [os.fsencode(tmp_path / "z/.zshrc")]


def test_fish_follows_xdg_only_where_it_is_absolute() -> None:
    for value, expected in (("/c", b"/c"), ("c", b"/h/.config"), ("", b"/h/.config")):
        files = rc_files(row("fish"), "fish", {"HOME": "/h", "XDG_CONFIG_HOME": value})
        assert files == [expected + b"/fish/conf.d/venvhook.fish"]


def test_macos_reads_a_login_shells_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    environ = {"HOME": str(tmp_path)}
    names = [".bashrc", ".bash_profile"]
    assert rc_files(row("bash"), "bash", environ) == [os.fsencode(tmp_path / n) for n in names]
    (tmp_path / ".profile").touch()
    names = [".bashrc", ".profile"]
    assert rc_files(row("bash"), "bash", environ) == [os.fsencode(tmp_path / n) for n in names]


def test_without_home_there_is_one_clear_line() -> None:
    with pytest.raises(VenvhookError, match="HOME is not set"):
        rc_files(row("bash"), "bash", {})


def test_uninstall_looks_into_the_files_of_shells_that_are_gone() -> None:
    files = files_to_clean({"HOME": "/h"}, {})
    assert b"/h/.bashrc" in files
    assert b"/h/.zshrc" in files
    assert b"/h/.config/fish/conf.d/venvhook.fish" in files
