"""Other tools that change the environment of a shell: alongside, no fight, nothing left behind.

direnv, virtualenvwrapper, poetry and pdm are the real ones. What the others do to a shell is done
by a few lines here, written after the real ones: conda (by its function and a program that prints
what is to be evaluated), mise, pyenv-virtualenv, oh-my-zsh's python plugin and zsh's
autoswitch-virtualenv.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, go_without
from environments import EnvironmentMaker
from terminal import SHELLS, OpenTerminal, Shell, Terminal

MAKERS = CHECKOUT / ".tests/makers"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory, make_environment: EnvironmentMaker) -> Path:
    """Two projects, two directories without one, and two environments elsewhere."""
    place = tmp_path_factory.mktemp("neighbours").resolve()
    for name, path in (
        ("app", "app/.venv"),
        ("lib", "lib/.venv"),
        ("own", "own/.venv"),
        ("other", "envs/other"),
        ("named", "envs/named"),
    ):
        make_environment(place / path, prompt=name)
    for name in ("plain", "tools/bin", "set", "layout", "app/src"):
        (place / name).mkdir(parents=True)
    return place


def count_helper(terminal: Terminal) -> None:
    """Put a program before the helper's Python that notes each call in ``calls``."""
    shell = terminal.shell
    real = os.fsdecode(terminal.value("_VENVHOOK_PYTHON") or b"")
    program = terminal.scratch / "helper"
    program.write_text(
        f'#!/bin/sh\necho call >> {terminal.scratch}/calls\nexec {shell.word(real)} "$@"\n'
    )
    program.chmod(0o755)
    line = "set -g _VENVHOOK_PYTHON %s" if shell.name == "fish" else "_VENVHOOK_PYTHON=%s"
    terminal.run(line % shell.word(program))


def calls(terminal: Terminal) -> int:
    """Return how often the helper was called since ``count_helper``."""
    file = terminal.scratch / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


WATCHED = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PATH", "CONDA_DEFAULT_ENV")


def stands_still(terminal: Terminal) -> dict[str, bytes | None]:
    """Return what the variables hold, and fail if any changes, or the helper is called, meanwhile.

    Ten prompts, of which the first may still put right what a tool did after venvhook's turn.
    """
    terminal.run("true")
    before, asked = terminal.values(*WATCHED), calls(terminal)
    file = terminal.scratch / "seen"
    file.unlink(missing_ok=True)
    for _ in range(8):
        if terminal.shell.name == "fish":
            terminal.run(f'echo "$VIRTUAL_ENV|$PATH" >> {file}')
        else:
            terminal.run(f'echo "${{VIRTUAL_ENV-}}|$PATH" >> {file}')
    assert len(set(file.read_text().splitlines())) == 1, file.read_text()
    assert terminal.values(*WATCHED) == before
    assert calls(terminal) == asked
    return before


def rounds(places: list[str]) -> Iterator[str]:
    """Yield a walk that goes from each place to each other one, once."""
    at, left = places[0], set(itertools.permutations(places, 2))
    while left:
        there = next((b for a, b in sorted(left) if a == at), None)
        if there is None:
            at = sorted(left)[0][0]
            yield at
            continue
        left.remove((at, there))
        at = there
        yield at


def startup(shell: Shell, terminal: Terminal, tool: str, order: str) -> str:
    """Return an rc text that loads *tool* before or after venvhook."""
    load = shell.load_line(terminal.command)
    return "\n".join([tool, load] if order == "before" else [load, tool])


# ---- direnv --------------------------------------------------------------------------------------

DIRENV_HOOK = {
    "bash": 'eval "$(direnv hook bash)"',
    "zsh": 'eval "$(direnv hook zsh)"',
    "fish": "direnv hook fish | source",
}


@pytest.mark.parametrize("order", ["before", "after"])
def test_direnv(
    shell: Shell, order: str, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    walk_with_direnv(shell, order, "", ground, home, open_terminal)


@pytest.mark.parametrize("order", ["before", "after"])
def test_direnv_where_the_rest_of_a_line_is_in_the_environment(
    order: str, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    shell = SHELLS["bash"]
    if shell.path is None:
        go_without(shell.name)
    walk_with_direnv(shell, order, "VENVHOOK_BASH_EAGER=1\n", ground, home, open_terminal)


def walk_with_direnv(
    shell: Shell, order: str, setting: str, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    """Check the projects of direnv and of ours one after another, whichever was loaded first."""
    if shutil.which("direnv") is None:
        go_without("direnv")
    environ = {**os.environ, "HOME": str(home)}
    texts = {
        # In a project: another environment, and its own by its stock script.
        "app": f"export VIRTUAL_ENV={ground}/envs/other\nPATH_add {ground}/envs/other/bin\n",
        "own": "source .venv/bin/activate\n",
        # In no project: one, direnv's own way to make one, and nothing but an entry of PATH.
        "set": f"export VIRTUAL_ENV={ground}/envs/other\nPATH_add {ground}/envs/other/bin\n",
        "layout": f"layout python {sys.executable}\n",
        "tools": "PATH_add bin\n",
    }
    for name, text in texts.items():
        (ground / name / ".envrc").write_text(text)
        command = ["direnv", "allow", str(ground / name / ".envrc")]
        subprocess.run(command, check=True, env=environ)
    # Made the first time, with pip, which takes seconds.
    command = ["direnv", "exec", str(ground / "layout"), "true"]
    subprocess.run(command, check=True, env=environ, capture_output=True)
    layout = next((ground / "layout/.direnv").glob("python-*"))
    plain = open_terminal(shell, "", ground)
    rc = setting + startup(shell, plain, DIRENV_HOOK[shell.name], order)
    terminal = open_terminal(shell, rc, ground, {"DIRENV_LOG_FORMAT": ""})
    count_helper(terminal)
    base, ps1 = plain.path, terminal.value("PS1")
    expected = {
        "app": ("envs/other", [f"{ground}/envs/other/bin"]),
        "own": ("own/.venv", [f"{ground}/own/.venv/bin"]),
        "set": ("envs/other", [f"{ground}/envs/other/bin"]),
        "layout": (f"{layout.relative_to(ground)}", [f"{layout}/bin"]),
        "tools": (None, [f"{ground}/tools/bin"]),
        "plain": (None, []),
        "lib": ("lib/.venv", [f"{ground}/lib/.venv/bin"]),
    }
    seen = ("VIRTUAL_ENV", "PATH", "VENVHOOK_ACTIVE", "VIRTUAL_ENV_PROMPT", "PS1")
    before = ""
    for at in rounds(sorted(expected)):
        if (shell.name, before, at) == ("fish", "app", "layout"):
            # There direnv acts at prompts alone, so it has found ours when it came to app, and puts
            # that back for the next .envrc to take.
            terminal.run(f"cd {ground}/plain")
        before = at
        terminal.run(f"cd {ground}/{at}")
        # In fish what was put right shows a prompt later.
        terminal.run("true")
        found = terminal.values(*seen)
        environment, ahead = expected[at]
        entries = os.fsdecode(found["PATH"] or b"").split(":")
        if at == "own":
            # Where direnv comes after us in the same prompt, its entry is before ours.
            entries = list(dict.fromkeys(entries))
        assert entries == ahead + base, at
        active = None if environment is None else bytes(ground / environment)
        assert found["VIRTUAL_ENV"] == active, at
        if at != "own":
            shown = "(lib) " if at == "lib" else ""
            assert (found["VENVHOOK_ACTIVE"] is not None) == (at == "lib"), at
            assert found["VIRTUAL_ENV_PROMPT"] == (b"lib" if at == "lib" else None), at
            assert terminal.prompt == shown, at
            assert found["PS1"] == (ps1 and shown.encode() + ps1), at
    for at in ("app", "own", "layout", "tools", "lib"):
        terminal.run(f"cd {ground}/{at}")
        stands_still(terminal)
    said = terminal.run(f"{shell.word(terminal.command)} doctor")
    line = next(line for line in said.splitlines() if "direnv (" in line)
    assert line.startswith("warning" if shell.name == "fish" else "ok"), line


# ---- conda ---------------------------------------------------------------------------------------

# What conda's program prints for its shell function to evaluate: the new prefix in the place of the
# old one on PATH, or before all; its own name out of the prompt and the new one before it.
CONDA = """
import os, sys
dialect, command, *names = sys.argv[1:]
root, old, level = os.environ["CONDA_ROOT"], os.environ.get("CONDA_PREFIX"), 0
level = int(os.environ.get("CONDA_SHLVL") or 0)
values = {}
if command == "activate":
    new = root if names == ["base"] else f"{root}/envs/{names[0]}"
    if old:
        values[f"CONDA_PREFIX_{level}"] = old
    level += 1
else:
    level -= 1
    new = os.environ.get(f"CONDA_PREFIX_{level}")
    if new:
        values[f"CONDA_PREFIX_{level}"] = None
path, shown = os.environ["PATH"].split(":"), os.environ.get("CONDA_PROMPT_MODIFIER", "")
at = path.index(f"{old}/bin") if old else 0
path[at : at + bool(old)] = [f"{new}/bin"] if new else []
name = new and ("base" if new == root else os.path.basename(new))
modifier = f"({name}) " if name else ""
values |= {"PATH": path, "CONDA_PREFIX": new, "CONDA_SHLVL": str(level)}
values |= {"CONDA_DEFAULT_ENV": name, "CONDA_PROMPT_MODIFIER": modifier or None}
for key, value in values.items():
    if dialect == "fish":
        words = " ".join(f"'{one}'" for one in ([value] if isinstance(value, str) else value or []))
        print(f"set -gx {key} {words};" if words else f"set -e {key};")
    elif value is None:
        print(f"unset {key}")
    else:
        print(f"export {key}='{value if isinstance(value, str) else ':'.join(value)}'")
if dialect != "fish":
    ps1 = os.environ.get("PS1", "")
    print(f"PS1='{modifier}{ps1.replace(shown, '') if shown else ps1}'")
"""

CONDA_FUNCTION = {
    "bash": 'conda() { eval "$(PS1="$PS1" %s posix "$@")"; hash -r; }',
    "zsh": 'conda() { eval "$(PS1="$PS1" %s posix "$@")"; rehash; }',
    "fish": "function conda; eval (%s fish $argv); end",
}

# Lines, and then: VIRTUAL_ENV, conda's environment, and those whose entries lead PATH.
CONDA_WALK = [
    ("true", None, "base", ["base"]),
    ("cd app", "app", "base", ["app", "base"]),
    ("conda activate science", None, "science", ["science"]),
    ("true", None, "science", ["science"]),
    ("cd ..", None, "science", ["science"]),
    ("cd lib", None, "science", ["science"]),
    ("conda deactivate", "lib", "base", ["lib", "base"]),
    ("conda deactivate", "lib", None, ["lib"]),
    ("cd ../plain", None, None, []),
    ("cd ../lib", "lib", None, ["lib"]),
    # As it is no activation, it goes behind the one that is active.
    ("conda activate base", "lib", "base", ["lib", "base"]),
    ("cd ../plain", None, "base", ["base"]),
    ("conda activate science; cd ../app", None, "science", ["science"]),
    ("conda activate data", None, "data", ["data"]),
    ("conda deactivate", None, "science", ["science"]),
    ("conda deactivate", "app", "base", ["app", "base"]),
    ("conda activate science; conda deactivate", "app", "base", ["app", "base"]),
    ("deactivate", None, "base", ["base"]),
    ("conda activate science", None, "science", ["science"]),
    ("conda deactivate", None, "base", ["base"]),
    ("cd ..", None, "base", ["base"]),
    ("cd app", "app", "base", ["app", "base"]),
    ("conda activate science; cd ..; conda deactivate", None, "base", ["base"]),
    ("conda deactivate", None, None, []),
]


@pytest.mark.parametrize("order", ["before", "after"])
def test_conda_with_base_active_at_the_start(
    shell: Shell, order: str, ground: Path, home: Path, open_terminal: OpenTerminal
) -> None:
    program = home / "conda.py"
    program.write_text(CONDA)
    words = f"{shell.word(sys.executable)} -I {shell.word(program)}"
    tool = CONDA_FUNCTION[shell.name] % words + "\nconda activate base"
    plain = open_terminal(shell, "", ground)
    rc = startup(shell, plain, tool, order)
    terminal = open_terminal(shell, rc, ground, {"CONDA_ROOT": str(ground / "conda")})
    count_helper(terminal)
    prefixes = {
        "app": ground / "app/.venv",
        "lib": ground / "lib/.venv",
        "base": ground / "conda",
        "science": ground / "conda/envs/science",
        "data": ground / "conda/envs/data",
    }
    for line, active, conda, leading in CONDA_WALK:
        assert terminal.run(line) == "", line
        found = terminal.values("VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "PATH")
        assert found == {
            "VIRTUAL_ENV": active and bytes(prefixes[active]),
            "CONDA_DEFAULT_ENV": conda and conda.encode(),
            "PATH": ":".join(
                [*(f"{prefixes[name]}/bin" for name in leading), *plain.path]
            ).encode(),
        }, line
        # fish shows conda's name on the right.
        shown = [active, None if shell.name == "fish" else conda]
        assert sorted(terminal.prompt.split()) == sorted(f"({one})" for one in shown if one), line
    for line in ("conda activate base", "cd app", "conda activate science"):
        terminal.run(line)
        stands_still(terminal)


# ---- Others that activate on cd or at prompts ----------------------------------------------------

# In the directory 'set' they have the environment 'other'.
# mise, with '_.python.venv' there: PATH, and VIRTUAL_ENV, which it gives back as it has found it.
_MISE_POSIX = """
_mise_hook() {
  local entry=$GROUND/envs/other/bin
  case ${_mise_on-}:$PWD/ in
    1:$GROUND/set/*) ;;
    :$GROUND/set/*)
      _mise_on=1 _mise_old=${VIRTUAL_ENV-}
      export VIRTUAL_ENV=$GROUND/envs/other PATH=$entry:$PATH ;;
    1:*)
      _mise_on=
      PATH=:$PATH:
      PATH=${PATH/":$entry:"/:}
      PATH=${PATH#:} PATH=${PATH%:}
      if [[ -n $_mise_old ]]; then export VIRTUAL_ENV=$_mise_old; else unset VIRTUAL_ENV; fi ;;
  esac
}
"""
MISE = {
    "bash": _MISE_POSIX + 'PROMPT_COMMAND="_mise_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"',
    "zsh": _MISE_POSIX
    + "precmd_functions=(_mise_hook $precmd_functions)\n"
    + "chpwd_functions=(_mise_hook $chpwd_functions)",
    "fish": """
function _mise_hook --on-event fish_prompt --on-variable PWD
  set -l entry $GROUND/envs/other/bin
  if string match -q "$GROUND/set/*" $PWD/
    set -q _mise_on; and return
    set -g _mise_on 1
    set -g _mise_old $VIRTUAL_ENV
    set -gx VIRTUAL_ENV $GROUND/envs/other
    set -gx PATH $entry $PATH
  else if set -q _mise_on
    set -e _mise_on
    if set -l at (contains -i $entry $PATH)
      set -e PATH[$at]
    end
    if test -n "$_mise_old"
      set -gx VIRTUAL_ENV $_mise_old
    else
      set -e VIRTUAL_ENV
    end
  end
end
""",
}
# pyenv-virtualenv, with a .python-version there: VIRTUAL_ENV alone, unless one is active that is
# not its own; at each prompt, and away with it elsewhere.
_PYENV_POSIX = """
_pyenv_virtualenv_hook() {
  local status_before=$?
  if [[ -n ${VIRTUAL_ENV-} && ${VIRTUAL_ENV-} != "${PYENV_VIRTUAL_ENV-}" ]]; then
    return $status_before
  elif [[ $PWD == $GROUND/set ]]; then
    export PYENV_VIRTUAL_ENV=$GROUND/envs/other VIRTUAL_ENV=$GROUND/envs/other
  elif [[ -n ${VIRTUAL_ENV-} ]]; then
    unset PYENV_VIRTUAL_ENV VIRTUAL_ENV
  fi
  return $status_before
}
"""
PYENV = {
    "bash": _PYENV_POSIX + 'PROMPT_COMMAND="_pyenv_virtualenv_hook;${PROMPT_COMMAND-}"',
    "zsh": _PYENV_POSIX + "precmd_functions=(_pyenv_virtualenv_hook $precmd_functions)",
    "fish": """
function _pyenv_virtualenv_hook --on-event fish_prompt
  if test -n "$VIRTUAL_ENV" -a "$VIRTUAL_ENV" != "$PYENV_VIRTUAL_ENV"
    return
  else if test $PWD = $GROUND/set
    set -gx PYENV_VIRTUAL_ENV $GROUND/envs/other
    set -gx VIRTUAL_ENV $GROUND/envs/other
  else if test -n "$VIRTUAL_ENV"
    set -e PYENV_VIRTUAL_ENV VIRTUAL_ENV
  end
end
""",
}
# oh-my-zsh's python plugin with PYTHON_AUTO_VRUN: what lies in the directory itself, by its script.
VRUN = {
    "zsh": """
auto_vrun() {
  local above=${VIRTUAL_ENV:h}
  if (( $+functions[deactivate] )) && [[ $PWD != $above* ]]; then deactivate > /dev/null 2>&1; fi
  if [[ $PWD != $above && -f .venv/bin/activate ]]; then . ./.venv/bin/activate > /dev/null 2>&1; fi
}
autoload -Uz add-zsh-hook
add-zsh-hook chpwd auto_vrun
auto_vrun
""",
}
# zsh's autoswitch-virtualenv: the nearest above, by its script; where there is none, 'deactivate'.
AUTOSWITCH = {
    "zsh": """
check_venv() {
  local at=$PWD
  until [[ -z $at || -d $at/.venv ]]; do at=${at%/*}; done
  if [[ -z $at ]]; then
    if [[ -n $VIRTUAL_ENV ]]; then deactivate; fi
  elif [[ $VIRTUAL_ENV != $at/.venv ]]; then
    . $at/.venv/bin/activate
  fi
}
autoload -Uz add-zsh-hook
add-zsh-hook chpwd check_venv
check_venv
""",
}
TOOLS = {"mise": MISE, "pyenv": PYENV, "vrun": VRUN, "autoswitch": AUTOSWITCH}


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "tool"), [(row, tool) for tool, texts in TOOLS.items() for row in texts]
)
def test_a_tool_that_activates_too(
    name: str,
    tool: str,
    order: str,
    ground: Path,
    open_terminal: OpenTerminal,
    request: pytest.FixtureRequest,
) -> None:
    shell: Shell = request.getfixturevalue(name)
    plain = open_terminal(shell, "", ground)
    rc = startup(shell, plain, TOOLS[tool][name], order)
    terminal = open_terminal(shell, rc, ground, {"GROUND": str(ground)})
    count_helper(terminal)
    other = ("envs/other", [f"{ground}/envs/other/bin"] if tool == "mise" else [])
    expected = {
        "app": ("app/.venv", [f"{ground}/app/.venv/bin"]),
        "app/src": ("app/.venv", [f"{ground}/app/.venv/bin"]),
        "lib": ("lib/.venv", [f"{ground}/lib/.venv/bin"]),
        "plain": (None, []),
        "set": other if tool in ("mise", "pyenv") else (None, []),
    }
    for at in rounds(sorted(expected)):
        terminal.run(f"cd {ground}/{at}")
        terminal.run("true")
        environment, ahead = expected[at]
        found = terminal.values("VIRTUAL_ENV", "PATH", "_OLD_VIRTUAL_PATH")
        assert found["VIRTUAL_ENV"] == (environment and bytes(ground / environment)), at
        assert os.fsdecode(found["PATH"] or b"").split(":") == ahead + plain.path, at
        shown = "" if environment in (None, "envs/other") else f"({at.partition('/')[0]}) "
        assert terminal.prompt == shown, at
        if environment is None:
            assert found["_OLD_VIRTUAL_PATH"] is None, at
    for at in sorted(expected):
        terminal.run(f"cd {ground}/{at}")
        stands_still(terminal)


# ---- Tools whose commands activate ---------------------------------------------------------------


def test_workon(posix_shell: Shell, ground: Path, home: Path, open_terminal: OpenTerminal) -> None:
    wrapper = MAKERS / "virtualenvwrapper/bin"
    if not (wrapper / "virtualenvwrapper.sh").exists():
        go_without("virtualenvwrapper")
    rc = f"export WORKON_HOME={ground}/envs VIRTUALENVWRAPPER_PYTHON={wrapper}/python\n"
    rc += f"export VIRTUALENVWRAPPER_VIRTUALENV={wrapper}/virtualenv\n"
    rc += f". {wrapper}/virtualenvwrapper.sh > {home}/said\n"
    plain = open_terminal(posix_shell, "", ground)
    rc += posix_shell.load_line(plain.command)
    terminal = open_terminal(posix_shell, rc, ground)
    count_helper(terminal)
    paths = {"named": ground / "envs/named", "other": ground / "envs/other"}
    paths |= {"app": ground / "app/.venv", "lib": ground / "lib/.venv"}
    for line, active in (
        ("cd app", "app"),
        # It calls our 'deactivate' first, which is nobody's wish to have app off.
        ("workon named", "named"),
        ("cd ../lib", "named"),
        ("workon other", "other"),
        ("cd ../app", "other"),
        ("deactivate", "app"),
        ("cd ..", None),
        ("workon named", "named"),
        ("cd app", "named"),
        ("deactivate", "app"),
        ("deactivate", None),
        ("workon named", "named"),
        ("deactivate", None),
        ("cd ../lib", "lib"),
        ("cd ..", None),
    ):
        assert terminal.run(line) == "", line
        found = terminal.values("VIRTUAL_ENV", "PATH")
        ahead = [] if active is None else [f"{paths[active]}/bin"]
        assert found["VIRTUAL_ENV"] == (active and bytes(paths[active])), line
        assert os.fsdecode(found["PATH"] or b"").split(":") == ahead + plain.path, line
        assert terminal.prompt == ("" if active is None else f"({active}) "), line
    terminal.run("workon named")
    terminal.run("cd app")
    stands_still(terminal)


@pytest.mark.parametrize(
    ("tool", "command"),
    [("poetry", "poetry env activate"), ("pdm", "pdm venv activate in-project 2> /dev/null")],
)
def test_a_tool_that_prints_the_line_to_activate(
    shell: Shell,
    tool: str,
    command: str,
    home: Path,
    make_environment: EnvironmentMaker,
    open_terminal: OpenTerminal,
) -> None:
    if not (MAKERS / "bin" / tool).exists():
        go_without(tool)
    app = make_environment(home / "app/.venv", prompt="app")
    (home / "app/pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    environ = {"PATH": f"{MAKERS}/bin:{SYSTEM}", "SHELL": f"{shell.path}"}
    terminal = open_terminal(shell, environ={**environ, "PDM_CHECK_UPDATE": "false"})
    before = terminal.path
    terminal.run("cd app")
    terminal.run(f"eval ({command})" if shell.name == "fish" else f'eval "$({command})"')
    assert terminal.value("VENVHOOK_ACTIVE") is None
    terminal.run("cd ..")
    assert (terminal.environment, terminal.path) == (str(app), [f"{app}/bin", *before])
    terminal.run("cd app")
    terminal.run("deactivate")
    assert (terminal.environment, terminal.path) == (None, before)
    terminal.run("cd ..")
    terminal.run("cd app")
    assert terminal.value("VENVHOOK_ACTIVE") == bytes(app)


@pytest.mark.parametrize("way", ["typed", "exported"])
def test_a_tools_child_shell(
    shell: Shell, way: str, ground: Path, open_terminal: OpenTerminal
) -> None:
    # 'pipenv shell', 'poetry shell' and 'hatch shell' type the line into a shell of their own;
    # 'pipenv shell --fancy' starts one with the variables set. Both from an active project.
    environment = ground / "envs/named"
    terminal = open_terminal(shell, directory=ground)
    before = terminal.path
    terminal.run(f"cd {ground}/app")
    script = "activate.fish" if shell.name == "fish" else "activate"
    if way == "typed":
        terminal.become(shell)
        terminal.run(shell.source % f"{environment}/bin/{script}")
    else:
        entries = ":".join([f"{environment}/bin", *terminal.path])
        terminal.become(shell, "env", f"VIRTUAL_ENV={environment}", f"PATH={entries}")
    for step in ("true", "cd ../lib", "cd ../plain", "cd ../app/src"):
        terminal.run(step)
        assert terminal.environment == str(environment), step
        assert terminal.value("VENVHOOK_ACTIVE") is None
        assert terminal.path == [f"{environment}/bin", *before], step
    if way == "typed":
        terminal.run("deactivate")
        assert terminal.path == [f"{ground}/app/.venv/bin", *before]
        assert terminal.prompt == "(app) "
