"""What the doctor finds: the hook in startup files, other tools there, directories, variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkout import CHECKOUT
from venvhook import __version__, asking, doctor
from venvhook.asking import answer
from venvhook.clashes import find_clashes
from venvhook.config import SETTINGS
from venvhook.decision import DENY, Decision, State
from venvhook.diagnosis import (
    ERROR,
    OK,
    STATUSES,
    WARNING,
    Finding,
    outcome,
    own_homes,
    plain,
    public_path,
    report,
)
from venvhook.environment import BIN
from venvhook.loaded import find_shells
from venvhook.programs import Programs
from venvhook.rcfile import add_block, loading_lines
from venvhook.shells import SHELLS, shell_named
from venvhook.startup import Startup, login_startup

pytestmark = pytest.mark.skipif(os.name == "nt", reason="startup files of other shells")

BASH = SHELLS[0]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A HOME with the command in its bin."""
    directory = tmp_path.resolve() / "home"
    program(directory / "bin/venvhook")
    return directory


def program(path: Path, text: str = "echo 1.2.3") -> Path:
    """Make a program at *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def environ_of(home: Path, **others: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", **others}


def told(found: list[Finding], home: Path) -> list[tuple[str, str]]:
    """Return the status and the text of each of *found*."""
    return [(one.status, plain(one.what, bytes(home))) for one in found]


# ---- Loaded or not -------------------------------------------------------------------------------


def loaded(home: Path, shell: str = "bash", version: str | None = "9.9.9") -> list[Finding]:
    """Return what is found of *shell*, as if it were the user's and the only one."""
    environ = environ_of(home, SHELL=f"/bin/{shell}", ZDOTDIR=str(home))
    path = f"/bin/{shell}"
    return list(find_shells({shell: path}, {path: version}, environ, Programs(environ)))


LOAD = 'eval "$("$HOME/bin/venvhook" init bash)"\n'
READS = "[ -f ~/.bashrc ] && . ~/.bashrc\n"
# The files, then what is said besides of the version.
RC_FILES: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
    "a line by hand": (
        {".bashrc": f"x=1\n{LOAD}", ".profile": READS},
        [(OK, "is loaded by ~/.bashrc:2")],
    ),
    "by name": (
        {".bashrc": "command -v venvhook >/dev/null && eval $(venvhook init bash)\n"}
        | {".bash_login": "source ~/.bashrc\n"},
        [(OK, "is loaded by ~/.bashrc:1")],
    ),
    "by Python": (
        {".bashrc": 'eval "$(python3 -m venvhook init bash)"\n', ".profile": READS},
        [(OK, "is loaded by ~/.bashrc:1")],
    ),
    "nowhere": ({}, [(ERROR, "is not loaded by ~/.bashrc")]),
    "a comment": (
        {".bashrc": f"# {LOAD}"},
        [(ERROR, "the line that loads venvhook is a comment: ~/.bashrc:1")],
    ),
    "commented out besides": (
        {".bashrc": f"# {LOAD}{LOAD}", ".profile": READS},
        [(OK, "is loaded by ~/.bashrc:2")],
    ),
    "twice": (
        {".bashrc": LOAD * 2, ".profile": READS},
        [
            (OK, "is loaded by ~/.bashrc:1"),
            (WARNING, "is loaded a second time by ~/.bashrc:2"),
        ],
    ),
    "for another shell": (
        {".bashrc": LOAD.replace("bash", "zsh")},
        [(ERROR, "~/.bashrc:1 loads the hook of zsh into bash")],
    ),
    "for both, in a file of both": (
        {".bashrc": '. "$HOME/.shellrc"\n', ".profile": READS}
        | {".shellrc": LOAD.replace("bash", "zsh") + LOAD},
        [(OK, "is loaded by ~/.shellrc:2")],
    ),
    "a command that is gone": (
        {".bashrc": LOAD.replace("/bin/", "/gone/"), ".profile": READS},
        [(ERROR, "is not loaded: the command of ~/.bashrc:1 is gone: ~/gone/venvhook")],
    ),
    "not in a login shell": (
        {".bashrc": LOAD, ".bash_profile": "export A=1\n", ".profile": READS},
        [
            (OK, "is loaded by ~/.bashrc:1"),
            (
                WARNING,
                "a login bash (tmux, ssh) does not load it: ~/.bash_profile does not read "
                "~/.bashrc",
            ),
        ],
    ),
    "a profile with the line itself": (
        {".bashrc": LOAD, ".bash_profile": LOAD},
        [(OK, "is loaded by ~/.bashrc:1")],
    ),
    "files that read each other": (
        {".bashrc": f". ~/.other\n{LOAD}", ".other": ". ~/.bashrc\n", ".profile": READS},
        [(OK, "is loaded by ~/.bashrc:2")],
    ),
}


@pytest.mark.parametrize(("files", "expected"), RC_FILES.values(), ids=RC_FILES)
def test_the_line_that_loads_the_hook_is_found(
    files: dict[str, str], expected: list[tuple[str, str]], home: Path
) -> None:
    for name, text in files.items():
        (home / name).write_text(text)
    assert told(loaded(home), home) == [(OK, "9.9.9 (/bin/bash)"), *expected]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_block_of_each_shell_is_found_and_its_command_is_looked_for(
    shell: str, home: Path
) -> None:
    row = shell_named(shell)
    assert row is not None
    places = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/conf.d/venvhook.fish"}
    file = home / places[shell]
    (home / ".profile").write_text(READS)
    lines = loading_lines(row, bytes(home / "bin/venvhook"), bytes(home))
    assert add_block(bytes(file), lines) == "added"
    number = 1 + next(
        i for i, line in enumerate(file.read_text().splitlines()) if 'venvhook" init' in line
    )
    assert (OK, f"is loaded by ~/{places[shell]}:{number}") in told(loaded(home, shell), home)
    (home / "bin/venvhook").unlink()
    assert [one.status for one in loaded(home, shell)].count(ERROR) == 1
    # An edited block is said to be one; 'venvhook install' would not touch it.
    file.write_text(file.read_text().replace("init", "init  "))
    edited = [what for status, what in told(loaded(home, shell), home) if status == WARNING]
    assert shell == "fish" or "the venvhook block was edited" in edited[0]


def test_a_link_is_followed_and_a_fifo_is_not_waited_for(home: Path) -> None:
    (home / "dotfiles").write_text(LOAD + ". ~/fifo\n. ~/zeros\n")
    (home / ".bashrc").symlink_to("dotfiles")
    (home / ".profile").write_text(READS)
    os.mkfifo(home / "fifo")
    (home / "zeros").symlink_to("/dev/zero")
    assert told(loaded(home), home)[1:] == [
        (WARNING, "~/fifo is a FIFO"),
        (WARNING, "~/zeros is a character device"),
        (OK, "is loaded by ~/.bashrc:1"),
    ]


def test_what_a_shell_would_compute_is_not_followed(home: Path) -> None:
    names = ("$X/a", "~/$(x)", "~/*.sh", "/net/host/rc", "rc", "./rc", "'~/rc'", '"~/r\\c"')
    (home / ".bashrc").write_text("".join(f". {name}\n" for name in names))
    startup = Startup(BASH, b"", [bytes(home / ".bashrc")], environ_of(home))
    assert len(startup.lines) == len(names) + 1
    assert startup.unread == []


@pytest.mark.parametrize("depth", [2, 10])
def test_files_that_read_files_are_followed_for_a_while(depth: int, home: Path) -> None:
    for i in range(depth):
        (home / f"{i}").write_text(f"source ~/{i + 1}\n")
    (home / f"{depth}").write_text(LOAD)
    startup = Startup(BASH, b"", [bytes(home / "0")], environ_of(home))
    assert bool(startup.loadings()) == (depth == 2)


OLD = {"bash": ("3.1.17", "3.2.57"), "zsh": ("5.0.8", "5.3"), "fish": ("3.5.1", "3.6.0")}


@pytest.mark.parametrize("shell", OLD)
def test_a_shell_that_is_too_old_is_an_error(shell: str, home: Path) -> None:
    old, new = (loaded(home, shell, version)[0] for version in OLD[shell])
    assert (old.status, new.status) == (ERROR, OK)
    assert "is older than" in plain(old.what, b"")


def test_another_shell_need_not_load_it(home: Path) -> None:
    environ = environ_of(home, SHELL="/bin/bash", ZDOTDIR=str(home))
    shells = {"zsh": "/bin/zsh", "fish": "/bin/fish"}
    versions: dict[str, str | None] = dict.fromkeys(shells.values(), "9.9")
    found = list(find_shells(shells, versions, environ, Programs(environ)))
    assert {one.status for one in found if "not loaded" in plain(one.what, b"")} == {OK}


# ---- Other tools ---------------------------------------------------------------------------------

OMZ = "source $ZSH/oh-my-zsh.sh\n"
HOOK = "eval $(venvhook init %s)\n"
HIDE = "export VIRTUAL_ENV_DISABLE_PROMPT=1\n"
# The shell, lines before and after the hook's, and what is found: status and tool.
CLASHES: tuple[tuple[str, str, str, list[tuple[str, str]]], ...] = (
    ("bash", 'eval "$(direnv hook bash)"\n', "", [(OK, "direnv")]),
    ("bash", "", 'eval "$(direnv hook bash)"\n', [(OK, "direnv")]),
    ("zsh", 'eval "$(direnv hook zsh)"\n', "", [(OK, "direnv")]),
    ("fish", "", "direnv hook fish | source\n", [(WARNING, "direnv")]),
    ("bash", "# direnv hook bash\n", "alias d='direnv allow'\n", []),
    ("bash", 'eval "$(starship init bash)"\n', "", [(OK, "starship")]),
    ("zsh", "", 'eval "$(starship init zsh)"\n', [(OK, "starship")]),
    ("bash", HIDE + 'eval "$(starship init bash)"\n', "", [(OK, "starship")]),
    ("fish", "set -gx VIRTUAL_ENV_DISABLE_PROMPT 1\n", "oh-my-posh init fish | source\n",
     [(OK, "oh-my-posh")]),
    ("bash", "", "__conda_setup=\"$('/x/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n",
     [(OK, "conda")]),
    ("zsh", 'eval "$(pyenv init -)"\neval "$(pyenv virtualenv-init -)"\n', "",
     [(OK, "pyenv"), (OK, "pyenv-virtualenv")]),
    ("zsh", "", 'eval "$(/opt/mise activate zsh)"\n. "$HOME/.asdf/asdf.sh"\n',
     [(OK, "mise"), (OK, "asdf")]),
    ("bash", "source /usr/local/bin/virtualenvwrapper.sh\n", "", [(OK, "virtualenvwrapper")]),
    ("bash", "source ~/venv/bin/activate\n", "", [(WARNING, "bin/activate")]),
    ("bash", "[ -d ~/v ] && . ~/v/bin/activate\n", "", [(WARNING, "bin/activate")]),
    ("bash", "conda activate science\n", "", [(WARNING, "conda activate")]),
    ("fish", "micromamba activate /x\n", "", [(WARNING, "conda activate")]),
    ("zsh", "[ -d ~/m ] && mamba activate science\n", "", [(WARNING, "conda activate")]),
    ("bash", "conda activate base\nc() {\n  conda activate science\n}\n", "", []),
    ("zsh", "workon named\n", "pyenv activate named\n",
     [(WARNING, "pyenv activate"), (WARNING, "workon")]),
    ("bash", "", '[ -z "$VSCODE_BASH_ACTIVATE" ] || eval "$VSCODE_BASH_ACTIVATE"\n',
     [(WARNING, "VS Code")]),
    ("bash", "alias a='. .venv/bin/activate'\na() {\n  . .venv/bin/activate\n}\n", "", []),
    ("bash", "", "PROMPT_COMMAND='history -a'\n", [(ERROR, "PROMPT_COMMAND")]),
    ("bash", "PROMPT_COMMAND='history -a'\n", "", [(OK, "PROMPT_COMMAND")]),
    ("bash", "", "PROMPT_COMMAND+=(x)\nPROMPT_COMMAND=\"x;$PROMPT_COMMAND\"\n", []),
    ("zsh", "", "precmd_functions=(mine)\n", [(ERROR, "precmd_functions")]),
    ("zsh", "", "precmd_functions+=(mine)\n", []),
    ("zsh", f"plugins=(git pipenv)\n{OMZ}", "", [(WARNING, "oh-my-zsh's pipenv")]),
    ("zsh", f"zstyle ':omz:plugins:pipenv' auto-shell no\nplugins=(pipenv)\n{OMZ}", "", []),
    ("zsh", f"plugins=(\n  git # pipenv\n  poetry-env\n)\n{OMZ}", "",
     [(WARNING, "oh-my-zsh's poetry-env")]),
    ("zsh", f"plugins=(virtualenvwrapper)\n{OMZ}", "",
     [(WARNING, "oh-my-zsh's virtualenvwrapper")]),
    ("zsh", f"DISABLE_VENV_CD=1\nplugins=(virtualenvwrapper)\n{OMZ}", "", []),
    ("zsh", f"plugins=(python)\n{OMZ}", "", []),
    ("zsh", f"PYTHON_AUTO_VRUN=true\nplugins=(python)\n{OMZ}", "",
     [(WARNING, "oh-my-zsh's python")]),
    ("zsh", f"plugins=(starship virtualenv)\n{OMZ}", "", [(OK, "starship")]),
    ("zsh", "", f"plugins=(autoswitch_virtualenv)\n{OMZ}", [(WARNING, "autoswitch_virtualenv")]),
    ("zsh", "plugins=(pipenv)\n", "", []),
    ("zsh", "zinit light hsaulme/pyautoenv\n", "", [(WARNING, "pyautoenv")]),
    ("zsh", 'source "$HOME/.cache/p10k-instant-prompt-x.zsh"\n', "", [(OK, "powerlevel10k")]),
)  # fmt: skip  # a row a case


@pytest.mark.parametrize(("shell", "before", "after", "expected"), CLASHES)
def test_other_tools_are_told_with_file_and_line(
    shell: str, before: str, after: str, expected: list[tuple[str, str]], home: Path
) -> None:
    rc = home / "rc"
    rc.write_text(before + HOOK % shell + after)
    row = next(row for row in SHELLS if row.name == shell)
    startup = Startup(row, bytes(rc), [bytes(rc)], environ_of(home))
    found = list(find_clashes(startup))
    names = [(one.status, plain(one.what, bytes(home)).partition(" (~/rc:")[0]) for one in found]
    assert names == expected
    lines = rc.read_text().splitlines()
    for one, (status, name) in zip(found, expected, strict=True):
        assert one.file == bytes(rc)
        assert one.line is not None
        word = name.rpartition(" ")[2].partition("-virt")[0].replace("powerlevel10k", "p10k")
        word = word.replace("Code", "VSCODE")
        assert word in lines[one.line - 1]
        assert bool(one.advice) == (status != OK)


# ---- Which programs are run ----------------------------------------------------------------------


def test_nothing_of_a_project_is_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = home / "work/app"
    ran = home / "ran"
    for place in ("bin", ".venv/bin", "tools"):
        for name in ("uv", "bash", "venvhook", "python3", "env"):
            program(project / place / name, f"echo {place}/{name} >> {ran}; echo 1.2.3")
    (project / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    (home / "linked").symlink_to(project / "tools")
    entries = [f"{project}/bin", f"{project}/.venv/bin", "tools", "", ".", f"{home}/linked"]
    monkeypatch.chdir(project)
    path = os.pathsep.join([*entries, "/usr/bin", "/bin"])
    environ = environ_of(home, PATH=path, SHELL=f"{project}/bin/bash", PWD=str(project))
    found = told(doctor.examine_machine(f"{project}/bin/venvhook", environ), home)
    assert not ran.exists()
    assert any("uv (~/work/app/bin/uv) was not run" in what for _status, what in found)
    # Nor from another place: an environment's bin.
    monkeypatch.chdir("/")
    environ = environ_of(home, PATH=f"{project}/.venv/bin:/usr/bin:/bin", PWD="/")
    doctor.examine_machine("venvhook", environ)
    assert not ran.exists()
    # But what the user keeps in HOME, also while he stands there.
    monkeypatch.chdir(home)
    program(home / "bin/uv")
    environ = environ_of(home, PATH=f"{home}/bin:/usr/bin:/bin", PWD=str(home))
    assert Programs(environ).find("uv") == f"{home}/bin/uv"


@pytest.mark.parametrize("sign", [".git", ".venv", "pyproject.toml"])
def test_nothing_of_the_project_around_is_run(
    sign: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = home / "work/app"
    (project / "sub/deeper").mkdir(parents=True)
    (project / sign).touch()
    ran = home / "ran"
    for name in ("uv", "bash", "zsh", "poetry"):
        program(project / "bin" / name, f"echo {name} >> {ran}; echo 1.2.3")
    here = project / "sub/deeper"
    monkeypatch.chdir(here)
    path = f"{project}/bin:/usr/bin:/bin"
    environ = environ_of(home, PATH=path, SHELL=f"{project}/bin/zsh", PWD=str(here))
    found = told(doctor.examine_machine("venvhook", environ), home)
    assert not ran.exists()
    assert (OK, "uv (~/work/app/bin/uv) was not run: it is in the project here") in found
    # HOME is no project, whatever is in it.
    (home / sign).touch()
    assert Programs(environ).find("uv") is None
    monkeypatch.chdir("/")
    environ["PWD"] = "/"
    assert Programs(environ).find("uv") == f"{project}/bin/uv"


def open_directory(place: Path) -> None:
    program(place / "bin/uv")
    (place / "bin").chmod(0o777)


def open_above(place: Path) -> None:
    program(place / "bin/uv")
    place.chmod(0o777)


def open_file(place: Path) -> None:
    program(place / "bin/uv").chmod(0o757)


def link_into_open_directory(place: Path) -> None:
    target = program(place / "open/uv")
    target.parent.chmod(0o777)
    (place / "bin").mkdir()
    (place / "bin/uv").symlink_to(target)


def run_by_open_python(place: Path) -> None:
    python = program(place / "open/python")
    python.parent.chmod(0o777)
    program(place / "bin/uv").write_text(f"#!{python}\n")


@pytest.mark.parametrize(
    "make",
    [open_directory, open_above, open_file, link_into_open_directory, run_by_open_python],
)
def test_nothing_is_run_that_others_can_write(make: Callable[[Path], None], home: Path) -> None:
    place = home / "tools"
    make(place)
    environ = environ_of(home, PATH=f"{place}/bin:/usr/bin:/bin")
    programs = Programs(environ)
    assert programs.find("uv") is None
    found = told(list(doctor._tools(programs, {})), home)
    assert found[0][1].startswith("uv (~/tools/bin/uv) was not run: ")
    assert "is writable by everyone" in found[0][1]


def test_a_shell_that_others_can_write_is_told_and_not_run(home: Path) -> None:
    ran = home / "ran"
    shell = program(home / "bin/zsh", f": > {ran}; echo 5.9")
    shell.chmod(0o777)
    environ = environ_of(home, PATH=str(home / "bin"), SHELL=str(shell), PWD="/")
    found = told(doctor.examine_machine("venvhook", environ), home)
    assert (WARNING, f"zsh (~/bin/zsh) was not run: {shell} is writable by everyone") in found
    assert not ran.exists()


def test_all_are_asked_at_once(home: Path) -> None:
    # None answers before the last has begun.
    names = [f"tool{i}" for i in range(len(doctor.TOOLS) + len(SHELLS))]
    wait = f'touch "$0.began"; until [ -e {home}/{names[-1]}.began ]; do :; done; echo 1.2.3'
    paths = [str(program(home / name, wait)) for name in names]
    assert Programs(environ_of(home)).versions(paths) == dict.fromkeys(paths, "1.2.3")


def test_a_tool_in_an_environment_of_its_own_is_not_started(home: Path) -> None:
    environment = home / "pipx/venvs/poetry"
    record = environment / "lib/python3.12/site-packages/poetry-2.1.0.dist-info"
    record.mkdir(parents=True)
    python = program(environment / "bin/python", f"touch {home}/ran; echo 9.9.9")
    script = program(environment / "bin/poetry")
    script.write_text(f"#!{python}\n")
    (home / "bin/poetry").symlink_to(script)
    programs = Programs(environ_of(home, PATH=f"{home}/bin:/usr/bin:/bin"))
    found = programs.find("poetry")
    assert found == f"{home}/bin/poetry"
    assert programs.version(found) == "2.1.0"
    assert not (home / "ran").exists()
    # Where that does not tell, it is asked.
    record.rename(record.with_name("other-2.1.0.dist-info"))
    assert programs.version(found) == "9.9.9"
    record.with_name("other-2.1.0.dist-info").rename(record)
    python.unlink()
    assert programs.version(found) is None


def test_what_is_asked_sees_little_of_the_environment(home: Path) -> None:
    shown = program(home / "bin/shown", f"env > {home}/env; pwd > {home}/pwd; echo 3.4")
    environ = environ_of(home, PYTHONPATH="/app", BASH_ENV="/app/x", SECRET="x")
    assert Programs(environ).version(str(shown)) == "3.4"
    names = {line.partition("=")[0] for line in (home / "env").read_text().splitlines()}
    assert names <= {"HOME", "PATH", "TERM", "PWD", "SHLVL", "_"}
    assert (home / "pwd").read_text() == "/\n"


@pytest.mark.parametrize("text", ["sleep 600", "sleep 600 & sleep 600", "while :; do echo; done"])
def test_a_program_that_does_not_end_is_ended_with_all_it_started(text: str, home: Path) -> None:
    # The pipe is open until the last process that holds it is gone.
    reader, writer = os.pipe()
    hanging = program(home / "hanging", text)
    code = "import sys; from venvhook.asking import answer; print(answer(sys.argv[1:], {}, 0.2))"
    with subprocess.Popen(
        [sys.executable, "-c", code, hanging],
        env={"PYTHONPATH": str(CHECKOUT / "src"), "PATH": os.defpath},
        stdout=subprocess.PIPE,
        pass_fds=[writer],
        text=True,
    ) as asking:
        os.close(writer)
        printed, _ = asking.communicate(timeout=60)
    assert printed.strip() == "None"
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_program_that_fails_says_no_version(home: Path) -> None:
    environ = environ_of(home)
    assert Programs(environ).version(str(program(home / "a", "echo 1.2; exit 1"))) is None
    assert Programs(environ).version(str(program(home / "b", "echo none"))) is None
    assert Programs(environ).version(str(home / "gone")) is None
    (home / "a").write_text("#!/gone/python\n")
    assert answer([str(home / "a")], environ) is None
    assert asking.LIMIT <= 2


# ---- The command ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "status"), [("venvhook 0.0.1", ERROR), (f"venvhook {__version__}", WARNING)]
)
def test_another_command_on_path_is_told(version: str, status: str, home: Path) -> None:
    other = program(home / "other/venvhook", f"echo {version}")
    path = f"{other.parent}:{home}/bin:/usr/bin:/bin"
    environ = environ_of(home, PATH=path)
    found = told(list(doctor._command(f"{home}/bin/venvhook", Programs(environ))), home)
    what = "'venvhook' on PATH is another one: ~/other/venvhook"
    assert [(one, text.partition(" (")[0]) for one, text in found] == [(status, what)]


def test_a_command_that_is_not_on_path_is_a_warning_with_the_line_to_add(home: Path) -> None:
    found = list(doctor._command(f"{home}/bin/venvhook", Programs(environ_of(home))))
    assert [one.status for one in found] == [WARNING]
    assert plain(found[0].advice, b"").endswith(f'export PATH="{home}/bin:$PATH"')
    on_path = environ_of(home, PATH=f"{home}/bin:/bin")
    (home / "link").symlink_to(home / "bin/venvhook")
    assert [one.status for one in doctor._command(f"{home}/link", Programs(on_path))] == [OK]


# ---- Files, settings, variables ------------------------------------------------------------------


def statuses(found: object) -> list[str]:
    assert isinstance(found, list)
    return [one.status for one in found]


def test_directories_that_cannot_be_used_are_errors(home: Path) -> None:
    environ = environ_of(home)
    assert statuses(list(doctor._directories(environ))) == [OK] * 3
    cache, state = home / ".cache/venvhook", home / ".local/state/venvhook"
    for directory in (cache, state):
        directory.mkdir(parents=True, mode=0o700)
    assert statuses(list(doctor._directories(environ))) == [OK] * 3
    cache.chmod(0o777)
    state.rename(home / "elsewhere")
    state.symlink_to(home / "elsewhere")
    (home / ".config").write_text("")
    found = list(doctor._directories(environ))
    assert statuses(found) == [ERROR, ERROR, OK]
    assert plain(found[0].advice, bytes(home)) == "chmod go-w ~/.cache/venvhook"
    assert "is no directory" in plain(found[1].what, b"")
    assert statuses(list(doctor._directories({}))) == [ERROR] * 3


def test_a_damaged_decision_is_told_with_what_mends_it(home: Path) -> None:
    environ = environ_of(home)
    directory = home / ".local/state/venvhook"
    directory.mkdir(parents=True, mode=0o700)
    state = State(bytes(directory))
    for name in (b"/one", b"/two"):
        assert state.keep(Decision(name, b"allowed"), DENY)
    assert statuses(list(doctor._decisions(environ))) == [OK]
    file = state.file(b"/two", DENY)
    assert file is not None
    Path(os.fsdecode(file)).write_text("nonsense")
    found = list(doctor._decisions(environ))
    assert statuses(found) == [OK, WARNING]
    assert "venvhook allow --prune" in plain(found[1].advice, b"")


CONFIGS: tuple[tuple[str, dict[str, str], list[str]], ...] = (
    ("", {}, [OK]),
    ("trust = 'ask'\n", {}, [OK]),
    ("trsut = 'ask'\n", {}, [ERROR]),
    ("trust = \n", {}, [ERROR]),
    ("", {"VENVHOOK_TRUST": "me"}, [OK, ERROR]),
    ("", {"PIP_REQUIRE_VIRTUALENV": "1"}, [OK, OK]),
    ("guard = true\n", {"PIP_REQUIRE_VIRTUALENV": "1"}, [OK, OK]),
    ("guard = true\n", {"PIP_REQUIRE_VIRTUALENV": "false"}, [OK, WARNING]),
    ("", {"PIP_REQUIRE_VIRTUALENV": "0", "VENVHOOK_GUARD": "on"}, [OK, WARNING]),
)


@pytest.mark.parametrize(("text", "variables", "expected"), CONFIGS)
def test_settings_that_are_not_understood_are_errors(
    text: str, variables: dict[str, str], expected: list[str], home: Path
) -> None:
    if text:
        file = home / ".config/venvhook/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(0o600)
    assert statuses(list(doctor._settings(environ_of(home, **variables)))) == expected


VARIABLES: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"PYTHONHOME": "/x"}, WARNING, "PYTHONHOME is set"),
    ({"PYTHONPATH": "/x"}, WARNING, "PYTHONPATH is set"),
    ({"VENVHOOK_OFF": "1"}, WARNING, "switched off"),
    ({"VENVHOOK_TURST": "own"}, WARNING, "did you mean VENVHOOK_TRUST?"),
    ({"VENVHOOK_AUTOCREATE": "x"}, WARNING, "did you mean VENVHOOK_AUTO_CREATE?"),
    ({"VENVHOOK_X": "x"}, WARNING, "there are VENVHOOK_ACTIVE, "),
    ({"VIRTUAL_ENV": "/gone/.venv"}, ERROR, "/gone/.venv, which is gone"),
    ({"VIRTUAL_ENV": "~v", "PATH": "/bin"}, WARNING, "not on PATH"),
    ({"VIRTUAL_ENV": "~v", "PATH": "~v/bin/:/bin"}, OK, "by hand"),
    ({"VIRTUAL_ENV": "~v", "PATH": "~v/bin", "TERM_PROGRAM": "vscode"}, WARNING, "by VS Code"),
    ({"VIRTUAL_ENV": "~v", "PATH": "~v/bin", "VENVHOOK_ACTIVE": "~v"}, OK, "by venvhook"),
)


@pytest.mark.parametrize(("variables", "status", "text"), VARIABLES)
def test_variables_that_stand_in_the_way(
    variables: dict[str, str], status: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / "v" / os.fsdecode(BIN)).mkdir(parents=True)
    environ = {name: value.replace("~", f"{tmp_path}/") for name, value in variables.items()}
    found = list(doctor._variables(environ))
    assert statuses(found) == [status]
    assert text in plain((*found[0].what, *found[0].advice), b"")


def test_no_variable_that_means_something_is_complained_of() -> None:
    documented = re.findall(r"\bVENVHOOK_[A-Z][A-Z_]*", (CHECKOUT / "README.md").read_text())
    known = {*documented, *(row.variable for row in SETTINGS)}
    found = [one for name in sorted(known) for one in doctor._variables({name: "x"})]
    assert [plain(one.what, b"") for one in found] == [
        "VENVHOOK_OFF is set: venvhook is switched off"
    ]


def test_a_helper_that_does_not_answer_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.status for one in doctor._helper()] == [OK]
    monkeypatch.setattr(sys, "executable", str(program(home / "python", "exit 1")))
    assert [one.status for one in doctor._helper()] == [ERROR]


# ---- As a command --------------------------------------------------------------------------------


def run_doctor(home: Path, *words: str, **others: str) -> subprocess.CompletedProcess[str]:
    """Run 'venvhook doctor' from below HOME."""
    environ = environ_of(home, PYTHONPATH=str(CHECKOUT / "src"), **others)
    return subprocess.run(
        [sys.executable, "-m", "venvhook", "doctor", *words],
        env=environ,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_exits_with_1_for_an_error_and_0_for_warnings(home: Path) -> None:
    (home / ".bashrc").write_text(LOAD)
    (home / ".zshrc").write_text(HOOK % "zsh")
    # The shell that starts this counts too, if it is one of the table.
    config = home / ".config/fish/config.fish"
    config.parent.mkdir(parents=True)
    config.write_text("venvhook init fish | source\n")
    done = run_doctor(home, SHELL="/bin/bash")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("no problems found (")
    assert {line.split()[0] for line in lines if line[0] != " "} - {"no"} == {OK, WARNING}
    assert "\x1b" not in done.stdout
    (home / ".bashrc").write_text(LOAD + "PROMPT_COMMAND=x\n")
    done = run_doctor(home, SHELL="/bin/bash")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("1 problem, ")
    assert {entry.name for entry in home.iterdir()} == {"bin", ".bashrc", ".zshrc", ".config"}


def test_json_has_the_documented_keys(home: Path) -> None:
    done = run_doctor(home, "--json", VENVHOOK_TRUST="x")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(told) == {"version", "problems", "warnings", "findings"}
    statuses = [one["status"] for one in told["findings"]]
    assert told["problems"] == statuses.count(ERROR) > 0
    assert told["warnings"] == statuses.count(WARNING) > 0
    for one in told["findings"]:
        assert set(one) == {"topic", "status", "what", "advice", "file", "line"}
        assert one["status"] in STATUSES
        assert isinstance(one["line"], int | None)
        assert one["file"] is None or one["file"].startswith("/")
        assert one["advice"] != ""


def test_a_report_holds_no_names_of_the_user_or_of_projects(tmp_path: Path) -> None:
    home = tmp_path.resolve() / "wilhelmine"
    program(home / "bin/venvhook")
    program(home / "geheim/bin/uv", "echo uv 1.2.3 wilhelmine")
    (home / "geheim/rc").write_text(f"eval $(direnv hook bash)\n{LOAD * 2}PROMPT_COMMAND=x\n")
    (home / "geheim/fifo").symlink_to("/dev/zero")
    (home / ".bashrc").write_text(". ~/geheim/rc\n. ~/geheim/fifo\nsource ~/geheim/bin/activate\n")
    state = home / ".local/state/venvhook"
    state.mkdir(parents=True, mode=0o700)
    decisions = State(bytes(state))
    place = bytes(home / "geheim")
    assert decisions.keep(Decision(place, b"allowed"), DENY)
    file = decisions.file(place, DENY)
    assert file is not None
    Path(os.fsdecode(file)).write_text("nonsense")
    settings = home / ".config/venvhook/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("geheim = 'wilhelmine'\n")
    settings.chmod(0o600)
    others = {
        "PATH": f"/gone/{home.name}/bin:{home}/geheim/bin:/usr/bin:/bin",
        "SHELL": "/bin/bash",
        "USER": "wilhelmine",
        "VIRTUAL_ENV": f"{home}/geheim/.venv",
        "VENVHOOK_GEHEIM": "x",
        "VENVHOOK_TRUST": "geheim",
        "PYTHONHOME": "",
    }
    done = run_doctor(home, "--report", **others)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("### venvhook doctor\n")
    for name in ("wilhelmine", "geheim", "GEHEIM", str(tmp_path), os.uname().nodename):
        assert name not in done.stdout, name
    # What remains says something.
    for text in ("uv 1.2.3 (~/.../bin/uv)", "~/.../.venv, which is gone", "direnv (~/...:1)"):
        assert text in done.stdout
    told = run_doctor(home, **others).stdout
    assert "geheim" in told, "the user himself sees which"


def test_only_names_that_are_the_same_everywhere_stay_in_a_path(tmp_path: Path) -> None:
    homes = own_homes({"HOME": "/home/me"})
    for path, expected in (
        (b"/home/me", "~"),
        (b"/home/me/.bashrc", "~/.bashrc"),
        (b"/home/meadow/.bashrc", "/.../.bashrc"),
        (b"/home/me/work/app/x/.venv", "~/.../.venv"),
        (b"/usr/local/bin/python3.12", "/usr/local/bin/python3.12"),
        (b"/home/me/.pyenv/versions/3.12.1/bin/python", "~/.pyenv/versions/3.12.1/bin/python"),
        (b"/home/me/.pyenv/versions/app-3.12/bin", "~/.pyenv/versions/.../bin"),
        (b"/srv/me\nthere/\xff/bin", "/.../bin"),
    ):
        assert public_path(path, homes) == expected
    # HOME through a link counts by both of its names.
    (tmp_path / "link").symlink_to(tmp_path)
    homes = own_homes({"HOME": str(tmp_path / "link")})
    assert public_path(bytes(tmp_path.resolve() / ".zshrc"), homes) == "~/.zshrc"
    assert report([Finding("x", OK, ("y",))], "Linux", {})[-3:] == [
        "ok       x  y",
        "no problems found",
        "```",
    ]


def test_the_last_line_counts() -> None:
    def found(*statuses: str) -> list[Finding]:
        return [Finding("x", status, ("y",)) for status in statuses]

    assert outcome(found(OK)) == "no problems found"
    assert outcome(found(OK, WARNING)) == "no problems found (1 warning)"
    assert outcome(found(ERROR)) == "1 problem"
    assert outcome(found(ERROR, ERROR, WARNING, WARNING)) == "2 problems, 2 warnings"


def test_every_shell_of_the_table_has_an_oldest_version() -> None:
    from venvhook.loaded import OLDEST

    assert sorted(OLDEST) == sorted(row.name for row in SHELLS)


def test_a_login_bash_reads_the_first_of_its_files(home: Path) -> None:
    assert login_startup(BASH, environ_of(home)).main == bytes(home / ".bash_profile")
    (home / ".profile").write_text("")
    assert login_startup(BASH, environ_of(home)).main == bytes(home / ".profile")
    (home / ".bash_login").write_text("")
    assert login_startup(BASH, environ_of(home)).main == bytes(home / ".bash_login")
