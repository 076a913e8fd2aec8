"""The commands, as a user calls them: what they print, where, and their exit status."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import require_full_device
from environments import EnvironmentMaker
from venvhook.cli import COMMANDS

SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def venvhook(home: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m venvhook`` with *words* in an own HOME."""
    values = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, **environ}
    return subprocess.run(
        [sys.executable, "-m", "venvhook", *words],
        env=values,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


# Every command, with what is said of it.
SHOWN = [row for rows in COMMANDS.values() for row in rows]


@pytest.mark.parametrize("name", [row[0] for row in SHOWN])
def test_help_of_a_command_shows_examples(tmp_path: Path, name: str) -> None:
    ran = venvhook(tmp_path, name, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "Example" in ran.stdout
    assert ran.stdout == venvhook(tmp_path, name, "-h").stdout


def test_help_fits_a_screen_and_names_every_command_in_its_group(tmp_path: Path) -> None:
    ran = venvhook(tmp_path, "--help")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) < 80
    named = [line[2:20].split(", ") for line in lines if line.startswith("  ")]
    assert [name.strip() for names in named for name in names] == [r[0] for r in SHOWN]
    assert [line for line in lines if line in COMMANDS] == list(COMMANDS)


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    ran = venvhook(tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == venvhook(tmp_path, "--help").stdout


def test_version(tmp_path: Path) -> None:
    ran = venvhook(tmp_path, "--version")
    assert ran.returncode == 0
    assert ran.stdout.startswith("venvhook 0.")


@pytest.mark.parametrize(
    "words",
    [
        *(("--nonsense",), ("nonsense",), ("install", "--shells"), ("init", "tcsh")),
        *(
            ("init", "", "x"),
            ("allow", ""),
            ("allow", "--under", ""),
            ("why", ""),
            ("deny", "a", "b"),
        ),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = venvhook(tmp_path, *words)
    assert ran.returncode == 2, ran.stderr
    assert ran.stdout == ""
    assert ran.stderr.startswith("venvhook: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("creat",), "No such command 'creat'. Did you mean 'create'? See 'venvhook --help'."),
        (
            ("config", "gett"),
            "No such command 'gett'. Did you mean 'get'? See 'venvhook config --help'.",
        ),
        (("nonsense",), "No such command 'nonsense'. See 'venvhook --help'."),
    ],
)
def test_a_command_that_was_perhaps_meant_is_named(
    tmp_path: Path, words: tuple[str, ...], meant: str
) -> None:
    ran = venvhook(tmp_path, *words)
    assert ran.returncode == 2
    assert ran.stderr == f"venvhook: {meant}\n"


def test_a_sentence_has_one_end(tmp_path: Path) -> None:
    # One that click takes for one other option, one for several.
    for words in (("create", "--pyton"), ("allow", "--shred"), ("create", "--s")):
        ran = venvhook(tmp_path, *words)
        assert ran.returncode == 2
        assert "?" in ran.stderr
        assert "?." not in ran.stderr
        assert "?)." not in ran.stderr


def test_an_unknown_shell_is_told_which_there_are(tmp_path: Path) -> None:
    for words in (("init", "tcsh"), ("install", "--shells", "tcsh")):
        ran = venvhook(tmp_path, *words)
        assert ran.returncode == 2
        assert "'tcsh'; there are bash, zsh, fish, powershell" in ran.stderr


def test_init_without_a_shell_is_for_the_one_that_asks(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None, "bash is needed by the tests"
    line = f"'{sys.executable}' -m venvhook init; true"
    asked = subprocess.run(
        [bash, "-c", line],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stderr == ""
    assert asked.stdout == venvhook(tmp_path, "init", "bash").stdout


def test_a_failure_is_one_line_and_a_traceback_only_on_demand(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").mkdir()
    words = ("install", "--shells", "bash")
    command = tmp_path / "bin" / "venvhook"
    command.parent.mkdir()
    command.touch(mode=0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    ran = venvhook(tmp_path, *words, PATH=path)
    assert ran.returncode == 1
    assert "no regular file" in ran.stderr
    assert "Traceback" not in ran.stderr
    broken = venvhook(tmp_path, *words, PATH=path, HOME="")
    assert broken.returncode == 1
    assert "HOME is not set" in broken.stderr
    missing = str(command.parent)
    assert "Traceback" not in venvhook(tmp_path, *words, PATH=missing).stderr
    shown = venvhook(tmp_path, *words, PATH=missing, VENVHOOK_DEBUG="1")
    assert shown.returncode == 1
    assert shown.stderr.startswith("Traceback")
    assert "bash is not on PATH" in shown.stderr


def redirected(home: Path, *words: str, how: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m venvhook`` with *words* and the redirections *how* of a shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {how}', "sh", sys.executable, "-m", "venvhook", *words],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


# 'init' and, with a project, 'which' take the fast road.
@pytest.mark.parametrize("words", [("why",), ("--help",), ("config", "list"), ("init", "bash")])
@pytest.mark.parametrize(
    ("how", "reason"),
    [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_output_that_cannot_be_written_is_one_line_and_status_1(
    tmp_path: Path, words: tuple[str, ...], how: str, reason: str
) -> None:
    if "full" in how:
        require_full_device()
    ran = redirected(tmp_path, *words, how=how)
    assert ran.returncode == 1
    assert ran.stderr == f"venvhook: standard output: {reason}; what was done until then stays\n"


def test_what_was_done_stays_where_that_cannot_be_printed(tmp_path: Path) -> None:
    require_full_device()
    ran = redirected(tmp_path, "config", "set", "notice", "false", how="> /dev/full")
    assert ran.stderr.startswith("venvhook: standard output: ")
    assert (tmp_path / ".config/venvhook/config.toml").read_text() == "notice = false\n"


# 'which' takes the fast road.
@pytest.mark.parametrize("words", [["which"], ["which", "--json"]])
def test_nothing_is_said_where_nobody_reads(
    tmp_path: Path, make_environment: EnvironmentMaker, words: list[str]
) -> None:
    make_environment(tmp_path / "app/.venv")
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "venvhook", *words],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
        cwd=tmp_path / "app",
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.skipif(os.name == "nt", reason="no /bin/sh")
def test_a_command_does_its_work_where_streams_are_closed(tmp_path: Path) -> None:
    ran = redirected(tmp_path, "status", how="<&- 2>&-")
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "loaded")
    (tmp_path / "app").mkdir()
    ran = redirected(
        tmp_path, "create", "app", "--without-pip", "--backend", "venv", how="<&- 2>&-"
    )
    assert ran.returncode == 0
    assert (tmp_path / "app/.venv/pyvenv.cfg").exists()


@pytest.mark.parametrize("words", [("create", "--name", ""), ("create", ""), ("use", "")])
def test_an_empty_name_is_a_wrong_call(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = venvhook(tmp_path, *words)
    assert ran.returncode == 2
    assert f": is empty; name a directory. See 'venvhook {words[0]} --help'.\n" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no startup files to wait in")
def test_ctrl_c_is_status_130_and_no_traceback(tmp_path: Path) -> None:
    # The shell that is tried waits in its startup file, and says when.
    os.mkfifo(tmp_path / "waiting")
    (tmp_path / ".bashrc").write_text("echo > ~/waiting; sleep 600\n")
    command = tmp_path / "bin/venvhook"
    command.parent.mkdir()
    command.touch(mode=0o755)
    running = subprocess.Popen(
        [sys.executable, "-m", "venvhook", "install", "--shells", "bash"],
        env={
            "HOME": str(tmp_path),
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PYTHONPATH": SOURCE,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    (tmp_path / "waiting").read_text()
    running.send_signal(signal.SIGINT)
    _printed, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, complaint
    assert "Traceback" not in complaint


def test_no_rc_shows_the_lines_and_edits_nothing(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "venvhook"
    command.parent.mkdir()
    command.touch(mode=0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    ran = venvhook(tmp_path, "install", "--no-rc", "--shells", "bash", PATH=path)
    assert ran.returncode == 0, ran.stderr
    assert "init bash" in ran.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["bin"]


def test_uninstall_where_nothing_is_installed_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_bytes(b"mine\n")
    ran = venvhook(tmp_path, "uninstall")
    assert ran.returncode == 0, ran.stderr
    assert {entry.name for entry in tmp_path.iterdir()} == {".bashrc"}
    assert (tmp_path / ".bashrc").read_bytes() == b"mine\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("create --group ", ["docs", "fast"]),
        ("create --group docs --group ", ["fast"]),
        ("create app --group f", ["fast"]),
        ("create --name v", ["venv"]),
        ("install --shells bash,f", ["bash,fish"]),
        ("comp", ["completion"]),
    ],
)
def test_what_completes(tmp_path: Path, words: str, expected: list[str]) -> None:
    text = "[dependency-groups]\ndocs = []\n[project.optional-dependencies]\nfast = []\n"
    for folder in (tmp_path, tmp_path / "app"):
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(text)
    count = 1 + len(words.split()) - (not words.endswith(" "))
    asked = {"COMP_WORDS": f"venvhook {words}", "COMP_CWORD": str(count)}
    ran = venvhook(tmp_path, _VENVHOOK_COMPLETE="bash_complete", **asked)
    assert ran.stderr == ""
    assert ran.stdout.split() == [f"plain,{word}" for word in expected]
