"""What README.md shows of a terminal is what one shows: each console block, typed as it stands.

The machine of the README is a directory: what is printed of ``<ground>/home`` stands there as
``/home/me``, and the rest of ``<ground>`` as ``/``. What differs from machine to machine and from
day to day is compared by its SHAPES, and a line ``...`` stands for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without, venvhook_command
from environments import EnvironmentMaker, uv
from repositories import Git
from terminal import SHELLS, Shell, Terminal
from venvhook.cli import COMMANDS

USER = "/home/me"
ANY_LINES = "..."
# A line that a user types, after the prompt; and one that asks, before the answer.
TYPED = re.compile(r"(\(\w+\) |)\$(?: (.*))?")
ASKED = re.compile(r".*(\? \[y/N\]:? )(\w+)")
# The spinner of what takes longer here.
DRAWN_OVER = re.compile(r"^.*\r\x1b\[K", re.MULTILINE)
# What is not the same everywhere, and how it is compared.
SHAPES = (
    # A Python outside of HOME, or the private one.
    (r"(?<=[( ])(~|(?!/home/me/))(/[^\s()/]+)+/bin/python[\d.]*(?=\)|$)", "PYTHON"),
    (r"(?<=\()(/[^\s()/]+)+/(?=(bash|zsh|fish)\))", ""),
    (r"\b\d+(\.\d+)? (bytes|[kMG]B)\b", "SIZE"),
    (r"(?<![\d.])\d+(\.\d+)+((a|b|rc)\d+)?t?\b", "VERSION"),
    (r"\bfound (\w+ )?VERSION(, (\w+ )?VERSION)*(, \.\.\.)?", "found VERSIONS"),
    (r"\b\d+ (files)\b", r"N \1"),
    (r"\b\d+ warnings?$", "N warnings"),
    (r"^(packages +)\d+$", r"\1N"),
    # The first that was looked at.
    (r"\bholds bin/\S+,", "holds FILE,"),
    # Columns are as wide as what is in them.
    (r" {2,}", "  "),
)
# Shown in "Install", and run by test_install.py.
INSTALL = {"install", "uninstall", "init"}
PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = "%s"\n'
# How the index of packages is reached is the machine's affair.
INDEX = ("PIP_", "UV_", "SSL_")


@dataclass(frozen=True)
class Block:
    """A console block of the README: the *number*-th below *heading*, and its lines."""

    heading: str
    number: int
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in BLOCKS."""
        return f"{self.heading} {self.number}"


@dataclass(frozen=True)
class Step:
    """A line that is *typed* after *prompt*, and what is *printed* then.

    *answers* are the ends of what is asked, each with what is typed there.
    """

    prompt: str
    typed: str
    answers: tuple[tuple[str, str], ...]
    printed: str


class Stage:
    """A machine of its own, with one user, for one block."""

    def __init__(self, ground: Path, make_environment: EnvironmentMaker) -> None:
        self.ground = ground.resolve()
        self.home = self.ground / "home"
        self.make_environment = make_environment
        programs = self.home / ".local/bin"
        programs.mkdir(parents=True)
        (self.ground / "usr/bin").mkdir(parents=True)
        (self.ground / "usr/bin/python").symlink_to(os.path.realpath(sys.executable))
        (programs / "venvhook").symlink_to(venvhook_command(self.ground))
        (programs / "uv").symlink_to(uv())
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(INDEX) or name.lower().endswith("_proxy")
        }
        system = os.environ["PATH"]
        self.environ["PATH"] = f"{programs}:{self.ground}/usr/bin:{system}"

    def project(self, name: str = "app", python: str = ">=3.11") -> Path:
        """Make the project *name* of HOME, which wants *python*, and return its directory."""
        root = self.home / name
        root.mkdir(parents=True)
        (root / "pyproject.toml").write_text(PROJECT % python)
        return root

    def environment(self, name: str = "app/.venv", maker: str = "venv") -> Path:
        """Make the environment *name* of HOME.

        Not by uv, which makes all of it within one tick of the clock: then the numbers of the files
        tell which was first, and on a busy disk (ext4 gives numbers away again) some tell it wrong.
        """
        return self.make_environment(self.home / name, maker)

    @contextmanager
    def passing_python(self, name: str) -> Iterator[None]:
        """Make the environment *name* of HOME by a Python that is gone afterwards."""
        python = self.ground / "opt/python3.11"
        python.parent.mkdir()
        python.symlink_to(Path(sys.base_prefix).resolve())
        program = f"{python}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        self.run(program, "-I", "-m", "venv", "--without-pip", str(self.home / name))
        yield
        python.unlink()

    def clone(self, name: str, made_at: Path) -> None:
        """Clone into *name* of HOME a repository with an environment that was made at *made_at*."""
        self.make_environment(made_at / ".venv", "virtualenv")
        git = Git(made_at, self.ground).init()
        (made_at / ".venv/.gitignore").unlink()
        git("add", "-f", ".")
        git("commit", "-q", "-m", "all of it")
        origin = made_at.rename(self.ground / "origin")
        git.at(self.ground)("clone", "-q", origin, self.home / name)

    def visit(self, name: str) -> None:
        """Stand in *name* of HOME once, with a shell that has the hook."""
        with Terminal(SHELLS["bash"], self.ground, directory=self.home / name) as terminal:
            assert terminal.prompt, terminal.greeting

    def run(self, *words: str, cwd: Path | None = None) -> None:
        """Run *words* as the user."""
        environ = {**self.environ, "HOME": str(self.home)}
        ran = subprocess.run(
            words, cwd=cwd or self.home, env=environ, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr

    def shown(self, printed: str) -> str:
        """Return what is seen of *printed*, with the places of the README."""
        printed = DRAWN_OVER.sub("", printed)
        return printed.replace(str(self.home), USER).replace(str(self.ground), "")


# ---- What is there before ------------------------------------------------------------------------


def an_environment(stage: Stage) -> None:
    stage.environment()


def a_lock(stage: Stage) -> None:
    stage.run("uv", "lock", "-q", cwd=stage.project())


def two_opinions(stage: Stage) -> None:
    major, minor = sys.version_info[:2]
    root = stage.project(python=f">={major}.{minor + 1}")
    (root / ".python-version").write_text(f"{major}.{minor}\n")


def a_python_of_the_future(stage: Stage) -> None:
    stage.project(python=">=3.99")


def a_project(stage: Stage) -> None:
    stage.project()


def a_project_at_work(stage: Stage) -> None:
    stage.project("work/api")


def notebooks(stage: Stage) -> None:
    (stage.home / "notebooks").mkdir()
    stage.environment("envs/science")


def sources(stage: Stage) -> None:
    stage.project("src/app")
    stage.environment("src/app/.venv", "virtualenv")


def a_clone_at_its_place(stage: Stage) -> None:
    # Pushed from another machine, where it lay at the same place.
    stage.clone("src/clone", made_at=stage.home / "src/clone")
    (stage.home / "src/clone/docs").mkdir()


def sources_of_all_kinds(stage: Stage) -> None:
    sources(stage)
    stage.visit("src/app")
    a_clone_at_its_place(stage)
    stage.project("src/old")
    with stage.passing_python("src/old/.venv"):
        stage.visit("src/old")


def a_vendored_project(stage: Stage) -> None:
    """An environment above a directory of others' code."""
    stage.environment()
    (stage.home / "app/vendor").mkdir()


def a_job(stage: Stage) -> None:
    environment = stage.environment()
    (environment.parent / "job.py").write_text("import sys\nprint('job in', sys.prefix)\n")


def a_clone(stage: Stage) -> None:
    stage.clone("clone", made_at=stage.ground / "srv/build/clone")


def an_allowed_clone(stage: Stage) -> None:
    a_clone(stage)
    stage.run("venvhook", "allow", "clone")


def broken_ones(stage: Stage) -> None:
    stage.project()
    with stage.passing_python("app/.venv"):
        pass
    stage.environment("old/.venv", "virtualenv")
    (stage.home / "old").rename(stage.home / "moved")


def nothing(stage: Stage) -> None:
    """Nothing but an empty HOME."""


STARTUP = """\
. ~/.virtualenvs/tools/bin/activate
eval "$(venvhook init bash)"
PROMPT_COMMAND='history -a'
"""


def a_profile(stage: Stage) -> None:
    (stage.home / ".profile").write_text(". ~/.bashrc\n")


def a_startup_file(stage: Stage) -> None:
    (stage.home / ".bashrc").write_text(STARTUP)


@dataclass(frozen=True)
class Row:
    """What a block needs: *before* the shell starts in *directory* of HOME, and *after* that.

    *hook*: venvhook is loaded. *shells* are those in which it is the same.
    """

    before: Callable[[Stage], None] = nothing
    directory: str = "."
    after: Callable[[Stage], None] = nothing
    hook: bool = True
    shells: tuple[str, ...] = ("bash",)


ALL = ("bash", "zsh", "fish")
BLOCKS = {
    "venvhook 1": Row(an_environment, shells=ALL),
    "Make one 1": Row(a_lock),
    "Which Python 1": Row(two_opinions, "app"),
    "Which Python 2": Row(a_python_of_the_future, "app"),
    "Made when you come there 1": Row(a_project),
    "Made when you come there 2": Row(a_project_at_work),
    "Use another, wherever it lives 1": Row(notebooks),
    "See 1": Row(sources, "src/app"),
    "See 2": Row(a_clone_at_its_place),
    "See 3": Row(sources_of_all_kinds),
    "See 4": Row(sources_of_all_kinds),
    "Without the hook: scripts, editors, cron, CI, agents 1": Row(a_job, "app", hook=False),
    "When something is wrong 1": Row(a_profile, after=a_startup_file),
    "When something is wrong 2": Row(broken_ones),
    "Never install globally 1": Row(),
    "Switch it off 1": Row(a_vendored_project, "app"),
    "Completion 1": Row(hook=False),
    "Trust 1": Row(a_clone),
    "Trust 2": Row(an_allowed_clone, "clone"),
    "Settings 1": Row(),
}


# ---- Reading -------------------------------------------------------------------------------------


def read_blocks(text: str) -> Iterator[Block]:
    """Return the console blocks of the Markdown *text*."""
    heading, number = "", 0
    lines: list[str] | None = None
    for line in text.splitlines():
        if lines is not None and line == "```":
            yield Block(heading, number, tuple(lines))
            lines = None
        elif lines is not None:
            lines.append(line)
        elif line == "```console":
            number, lines = number + 1, []
        elif line.startswith("#"):
            heading, number = line.lstrip("# "), 0


def read_steps(lines: tuple[str, ...]) -> list[Step]:
    """Return the steps of a block; the last may type nothing."""
    found: list[list[str]] = []
    for line in lines:
        if TYPED.fullmatch(line):
            found.append([line])
        else:
            found[-1].append(line)
    return [_step(*step) for step in found]


def _step(first: str, *rest: str) -> Step:
    typed = TYPED.fullmatch(first)
    assert typed is not None
    answers = tuple((asked[1], asked[2]) for line in rest if (asked := ASKED.fullmatch(line)))
    return Step(typed[1], typed[2] or "", answers, "".join(f"{line}\n" for line in rest))


def shape(text: str) -> str:
    """Return *text* with what is not the same everywhere by its shape."""
    for pattern, instead in SHAPES:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def says(written: str, printed: str) -> bool:
    """Return whether the README's *written* is true where *printed* came."""
    lines = shape(written).splitlines(keepends=True)
    patterns = (r"(?:.*\n)+" if line.strip() == ANY_LINES else re.escape(line) for line in lines)
    # On a busy machine: what is drawn while something takes longer than a moment.
    printed = re.sub(r"(?:\r[-|/\\] [^\r\n]*)+\r", "", printed)
    return re.fullmatch("".join(patterns), shape(printed)) is not None


README = {
    block.name: block for block in read_blocks((CHECKOUT / "README.md").read_text(encoding="utf-8"))
}


# ---- Tests ---------------------------------------------------------------------------------------


def test_every_block_is_typed() -> None:
    assert list(README) == list(BLOCKS)


def test_every_command_is_typed_somewhere() -> None:
    commands = {row[0] for rows in COMMANDS.values() for row in rows}
    typed = "\n".join(step.typed for block in README.values() for step in read_steps(block.lines))
    assert commands - set(re.findall(r"\bvenvhook (\w+)", typed)) == INSTALL


# What is written, and what may and may not be printed where that is written.
MEANT = {
    "made, 12 MB\n": (("made, 7.5 kB\n",), ("made, MB\n", "made, 12 MB", "made, 12 MB \n")),
    "Python 3.12\n": (("Python 3.9.18\n",), ("Python\n", "Python 3\n", "Pythons 3.12\n")),
    "found 3.12.1\n": (("found 3.14.0rc1, pypy 3.9.16\n",), ("found 3.13.0 pypy 3.9.16\n",)),
    "(/opt/3/bin/python3)\n": (("(/usr/bin/python3.12)\n",), ("(/home/me/a/bin/python)\n",)),
    "one\n...\ntwo\n": (("one\nmore\nand\ntwo\n",), ("one\ntwo\n", "one\nmore\ntwo\nthree\n")),
    "a.b\n": (("a.b\n",), ("aab\n", "a.b\na.b\n", "")),
    "": (("",), ("\n",)),
}


def test_what_is_written_means_no_more_than_its_shapes() -> None:
    for written, (true, false) in MEANT.items():
        assert [says(written, printed) for printed in true] == [True] * len(true), written
        assert [says(written, printed) for printed in false] == [False] * len(false), written


@pytest.mark.parametrize(
    ("name", "shell"), [(name, shell) for name, row in BLOCKS.items() for shell in row.shells]
)
def test_it_is_as_the_readme_says(
    name: str, shell: str, ground: Path, make_environment: EnvironmentMaker
) -> None:
    if SHELLS[shell].path is None:
        go_without(shell)
    row, stage = BLOCKS[name], Stage(ground, make_environment)
    row.before(stage)
    with open_terminal(SHELLS[shell], stage, row) as terminal:
        row.after(stage)
        for step in read_steps(README[name].lines):
            assert terminal.prompt == step.prompt, step
            printed = stage.shown(type_step(terminal, step))
            assert says(step.printed, printed), f"{step.typed}\n{step.printed}---\n{printed}"


def open_terminal(shell: Shell, stage: Stage, row: Row) -> Terminal:
    """Return a shell of the user of *stage*, as *row* wants it."""
    rc = None if row.hook else ""
    return Terminal(shell, stage.ground, rc, stage.home / row.directory, stage.environ)


def type_step(terminal: Terminal, step: Step) -> str:
    """Type what *step* types, and return what is on the screen then."""
    if not step.typed:
        return ""
    if not step.answers:
        return terminal.run(step.typed)
    terminal.send(f"{step.typed}\r")
    shown = ""
    for question, answer in step.answers:
        shown += terminal.wait_for(question)
        terminal.send(f"{answer}\r")
        # Drawn or not, as the terminal is left by who asks; a person sees it.
        shown += f"{answer}\n"
    return shown + terminal.wait_for_prompt().removeprefix(f"{answer}\n")
