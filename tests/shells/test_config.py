"""``venvhook config`` as one types it: in an editor, and what running shells see of a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, Terminal

CONFIG = ".config/venvhook/config.toml"


def command(terminal: Terminal, words: str) -> str:
    """Run ``venvhook config`` with *words*, and return what it printed."""
    call = "& " if terminal.shell.name == "pwsh" else ""
    return terminal.run(f"{call}{command_word(terminal)} config {words}")


def command_word(terminal: Terminal) -> str:
    """Return the command as a word of the shell."""
    return terminal.shell.word(terminal.command)


def test_a_change_reaches_a_running_shell_at_its_next_cd(
    any_shell: Shell, home: Path, open_terminal: OpenTerminal, make_environment: EnvironmentMaker
) -> None:
    environment = make_environment(home / "app/.venv")
    terminal, changing = open_terminal(any_shell), open_terminal(any_shell)
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    assert command(changing, "set trust ask") == f'trust = "ask" in {home / CONFIG}\n'
    assert "has not been allowed" in terminal.run("cd ..") + terminal.run("cd app")
    assert terminal.environment is None
    command(changing, "unset trust")
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)
    (home / CONFIG).write_text('trust = "ask"\n')
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment is None
    (home / CONFIG).unlink()
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.environment == str(environment)


# ---- The editor ----------------------------------------------------------------------------------


@pytest.fixture
def editor(home: Path) -> Path:
    """An editor that waits for a line, and then appends what is in 'next' to the file."""
    script = home / "my editor"
    script.write_text('#!/bin/sh\necho "open with $*"\nread -r line\ncat "$HOME/next" >> "$2"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def terminal(bash: Shell, home: Path, editor: Path, open_terminal: OpenTerminal) -> Terminal:
    """A bash with that editor."""
    (home / CONFIG).parent.mkdir(parents=True)
    return open_terminal(bash, environ={"EDITOR": f"'{editor}' --wait", "VISUAL": None})


def edit(terminal: Terminal, appended: str) -> str:
    """Open the editor, let it append text, and return what was printed after it had ended."""
    (terminal.home / "next").write_text(appended)
    terminal.send(f"{command_word(terminal)} config edit\r")
    terminal.wait_for("open with --wait ")
    terminal.wait_for("config.toml\r\n")
    terminal.send("\r")
    return terminal.wait_for_prompt()


def test_what_is_edited_takes_the_place_of_the_file(terminal: Terminal, home: Path) -> None:
    (home / CONFIG).write_text("# mine\n")
    (home / CONFIG).chmod(0o640)
    assert edit(terminal, "guard = true\n") == f"changed {home / CONFIG}\n"
    assert (home / CONFIG).read_text() == "# mine\nguard = true\n"
    assert (home / CONFIG).stat().st_mode & 0o777 == 0o640
    assert edit(terminal, "") == "nothing was changed\n"
    assert terminal.status == "0"


def test_a_new_file_starts_from_a_template(terminal: Terminal, home: Path) -> None:
    assert edit(terminal, "") == "nothing was changed\n"
    assert not (home / CONFIG).exists()
    assert edit(terminal, 'trust = "ask"\n') == f"changed {home / CONFIG}\n"
    text = (home / CONFIG).read_text()
    assert '# trust = "own"\n' in text
    assert text.endswith('\ntrust = "ask"\n')


def test_a_mistake_is_told_and_may_be_edited_again(terminal: Terminal, home: Path) -> None:
    (home / CONFIG).write_text("# mine\n")
    (home / "next").write_text("trsut = 1\n")
    terminal.send(f"{command_word(terminal)} config edit\r")
    terminal.wait_for("open with")
    terminal.send("\r")
    said = terminal.wait_for("again? [y/N]: ")
    assert f"venvhook: {home / CONFIG}:2: no setting is called 'trsut'; did you mean trust?" in said
    assert (home / CONFIG).read_text() == "# mine\n", "only what is right takes its place"
    terminal.send("y\r")
    terminal.wait_for("open with")
    terminal.send("\r")
    terminal.wait_for("again? [y/N]: ")
    terminal.send("n\r")
    printed = terminal.wait_for_prompt()
    assert terminal.status == "1"
    assert (home / CONFIG).read_text() == "# mine\n"
    copy = Path(printed.split("what you wrote is in ")[1].split()[0])
    assert copy.read_text() == "# mine\ntrsut = 1\ntrsut = 1\n"
    copy.unlink()
    copy.parent.rmdir()


def test_ctrl_c_in_the_editor_is_the_editor_s(terminal: Terminal, home: Path) -> None:
    (home / "my editor").write_text(
        "#!/bin/sh\ntrap 'echo not me; echo guard = true >> \"$2\"; exit 0' INT\n"
        "echo open with\nread -r line\n"
    )
    terminal.send(f"{command_word(terminal)} config edit\r")
    terminal.wait_for("open with\r\n")
    terminal.send("\x03")
    assert f"changed {home / CONFIG}" in terminal.wait_for_prompt()
    assert "guard = true" in (home / CONFIG).read_text()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("false", "the editor failed (status 1)"),
        ("nonsense --wait", "'nonsense' cannot be run (No such file or directory); set EDITOR"),
        ("'unfinished", "EDITOR is not understood (No closing quotation); set it anew"),
    ],
)
def test_an_editor_that_fails_is_told(
    terminal: Terminal, home: Path, value: str, expected: str
) -> None:
    # Its copy goes there.
    (home / "tmp").mkdir()
    terminal.run('export TMPDIR="$HOME/tmp"')
    printed = terminal.run(f'EDITOR="{value}" {command_word(terminal)} config edit')
    assert printed.startswith("venvhook: ")
    assert printed.count("\n") == 1
    assert expected in printed
    assert list((home / CONFIG).parent.iterdir()) == []
    assert list((home / "tmp").iterdir()) == []
    # What one did write is not lost.
    text = '#!/bin/sh\necho x >> "$1"\nexit 2\n'
    (home / "my editor").write_text(text)
    printed = terminal.run(f"EDITOR=\"'$HOME/my editor'\" {command_word(terminal)} config edit")
    assert "the editor failed (status 2)\n" in printed
    [directory] = (home / "tmp").iterdir()
    assert f"what you wrote is in {directory}/config.toml\n" in printed


def test_no_answer_to_the_question_loses_nothing(terminal: Terminal, home: Path) -> None:
    (home / "next").write_text("trsut = 1\n")
    terminal.send(f"{command_word(terminal)} config edit\r")
    terminal.wait_for("open with")
    terminal.send("\r")
    terminal.wait_for("again? [y/N]: ")
    # Ctrl-D, which ends as Ctrl-C does: input() misses a signal just before it starts to read.
    terminal.send("\x04")
    printed = terminal.wait_for_prompt()
    assert terminal.status == "130"
    copy = Path(printed.split("what you wrote is in ")[1].split()[0])
    assert copy.read_text().endswith("trsut = 1\n")
    copy.unlink()
    copy.parent.rmdir()
