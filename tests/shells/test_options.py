"""A user's options, however odd: nothing is printed because of them, and all works as without.

Each option goes through a transcript: loading, entering while the helper is asked and by a kept
recipe, an idle prompt, a switch, a refusal, ``deactivate``, an environment that appears and goes, a
helper that is gone, and leaving. All that is printed and each prompt is compared, and what a shell
may not change by itself: PATH, the other variables, the prompt.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from environments import EnvironmentMaker
from terminal import OpenTerminal, Shell, TerminalError

TOUCHED = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "VENVHOOK_ACTIVE", "PS1")
REFUSED = re.compile(r"venvhook: \S+/bad/\.venv: .*\n")
GONE = re.compile(r"venvhook: the helper's Python is gone \(/gone/python\); .*\n")


@dataclass(frozen=True)
class Odd:
    """An option: the line that sets it, the one that ends it, and the pattern of what it prints.

    *noise* are lines that the option itself makes the shell print, whatever runs.
    """

    name: str
    on: str
    off: str
    noise: str = ""


# What a trace prints: any line but a complaint, and but what is ours to say.
TRACE = r"(?!(?:bash|zsh|fish): )(?!venvhook: ).*"

# How all that is venvhook's is taken out of a shell, so that it is loaded as for the first time.
_UNLOAD = {
    "bash": "unset PROMPT_COMMAND ${!_VENVHOOK_*};"
    " for f in $(compgen -A function _venvhook_); do unset -f $f; done",
    "zsh": "unfunction -m '_venvhook_*'; unset -m '_VENVHOOK_*';"
    " precmd_functions=() chpwd_functions=()",
    "fish": "functions -e (functions -an | string match '_venvhook_*');"
    " set -eg (set -gn | string match '_VENVHOOK_*')",
}
_MAKE_GONE = {
    "bash": "_VENVHOOK_PYTHON=/gone/python",
    "zsh": "_VENVHOOK_PYTHON=/gone/python",
    "fish": "set -g _VENVHOOK_PYTHON /gone/python",
}


class Stage:
    """A HOME with projects, a terminal that can load and unload venvhook, and what was wrong."""

    def __init__(self, shell: Shell, open_terminal: OpenTerminal) -> None:
        self.shell = shell
        self.open_terminal = open_terminal
        self.wrong: list[str] = []
        self.terminal = open_terminal(shell, "")
        self.home = self.terminal.home
        text = self.terminal.scratch / "hook"
        self.terminal.run(f"{self.terminal.command} init {shell.name} > {text}")
        self.load = f"source {text}" if shell.name == "fish" else f'eval "$(cat {text})"'

    def forget(self, project: str = "") -> None:
        """Make the helper be asked again, in *project*."""
        for kept in (self.home / ".cache/venvhook").rglob(f"{project or '*'}/venvhook.recipe.*"):
            kept.unlink()

    def say(self, odd: Odd, line: str, found: object) -> None:
        """Note what is wrong."""
        text = f"{odd.name}: {line}: {found}".replace(str(self.home), "~")
        self.wrong.append(text[:500])

    def step(self, odd: Odd, line: str, prompt: str, printed: str | re.Pattern[str] = "") -> None:
        """Run *line*; note where it does not print *printed*, or not this prompt follows."""
        found = self.terminal.run(line)
        if odd.noise:
            found = re.sub(rf"(?m)^(?:{odd.noise})\n", "", found)
        if isinstance(printed, str):
            right = printed == found
        else:
            right = printed.fullmatch(found) is not None
        if not right or self.terminal.prompt != prompt:
            self.say(odd, line, f"printed {found!r}, prompt {self.terminal.prompt!r}")


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, make_environment: EnvironmentMaker) -> Path:
    """A directory with environments to link to."""
    directory = tmp_path_factory.mktemp("projects")
    for name in ("app", "other", "kept"):
        make_environment(directory / name)
    return directory


@pytest.fixture
def prepare(home: Path, projects: Path) -> None:
    """Make the projects of the transcript: their markers are links."""
    for name in ("app", "other"):
        (home / name).mkdir()
        (home / name / ".venv").symlink_to(projects / name)
    (home / "kept").symlink_to(projects / "kept")
    (home / "bad/.venv").mkdir(parents=True)
    (home / "fresh").mkdir()


def go_through(stage: Stage, odd: Odd, full: bool) -> None:
    """Go through the transcript with the option set; in *full*, all of it."""
    terminal, home = stage.terminal, stage.home
    outside = terminal.values(*TOUCHED)
    stage.step(odd, f"cd {home}/app", "(app) ")
    inside = terminal.values(*TOUCHED)
    environment = b"%s/app/.venv" % bytes(home)
    path = b"%s/bin:%s" % (environment, outside["PATH"])
    if (inside["PATH"], inside["VIRTUAL_ENV"]) != (path, environment):
        stage.say(odd, "inside", inside)
    stage.step(odd, f"cd {home}/other", "(other) ")
    stage.step(odd, f"cd {home}/bad", "", REFUSED)
    stage.step(odd, f"cd {home}/app", "(app) ")
    if full:
        if terminal.values(*TOUCHED) != inside:
            stage.say(odd, "inside again", terminal.values(*TOUCHED))
        stage.step(odd, "deactivate", "")
        stage.step(odd, f"cd {home}/fresh", "")
        stage.step(odd, "ln -s ../kept .venv", "(fresh) ")
        stage.step(odd, "rm .venv", "")
        stage.step(odd, f"cd {home}/app", "(app) ")
        stage.step(odd, "sh -c :", "(app) ")
    stage.step(odd, f"cd {home}", "")
    if terminal.values(*TOUCHED) != outside:
        stage.say(odd, "after", terminal.values(*TOUCHED))
    if full:
        stage.forget("app")
        stage.step(odd, _MAKE_GONE[stage.shell.name], "")
        stage.step(odd, f"cd {home}/app", "", GONE)
        stage.step(odd, f"cd {home}", "")


def try_out(stage: Stage, odd: Odd, when: str, full: bool) -> None:
    """Load *when* is said, go through the transcript, and put all back."""
    stage.terminal.run("cd")
    if when == "before":
        stage.forget("" if full else "app")
        stage.terminal.run(odd.on)
        stage.step(odd, stage.load, "")
    else:
        stage.terminal.run(stage.load)
        stage.terminal.cd("app")
        stage.step(odd, odd.on, "(app) ")
        stage.step(odd, "cd ..", "")
    go_through(stage, odd, full)
    stage.terminal.run(odd.off)
    stage.terminal.run(_UNLOAD[stage.shell.name])


def wrong(stage: Stage, table: Iterable[Odd], when: str, full: Iterable[str]) -> str:
    """Try each option of *table*, those of *full* in full; return what is wrong."""
    for odd in table:
        try:
            try_out(stage, odd, when, odd.name in full)
        except TerminalError as error:
            stage.say(odd, "the terminal", repr(str(error)[-300:]))
            stage.terminal = stage.open_terminal(stage.shell, "")
    return "\n".join(stage.wrong[:20])


# ---- bash ----------------------------------------------------------------------------------------

_SET = "nounset errexit noglob noclobber functrace errtrace allexport keyword noexec posix xtrace"
_SET += " verbose monitor notify pipefail physical hashall braceexpand interactive-comments nolog"


def bash_options(words: str, noise: str = "") -> Odd:
    """Return the row of some options of ``set`` and ``shopt``; ``-`` before one for off."""
    return Odd(words, _switched(words, True), _switched(words, False), noise)


def _switched(words: str, on: bool) -> str:
    lines = []
    for word in words.split():
        wanted = on ^ word.startswith("-")
        word = word.removeprefix("-")
        if word in _SET.split():
            lines.append(f"set {'-' if wanted else '+'}o {word}")
        else:
            # Not in every version.
            lines.append(f"{{ shopt -{'s' if wanted else 'u'} {word} || :; }} 2> /dev/null")
    return "; ".join(lines if on else reversed(lines))


BASH = (
    *map(
        bash_options,
        (
            "nounset",
            "errexit",
            "errexit errtrace",
            "noglob",
            "noclobber",
            "functrace",
            "errtrace",
            "allexport",
            "keyword",
            "keyword allexport nounset errexit",
            "noexec",
            "posix",
            "posix errexit nounset noglob noclobber",
            "-monitor",
            "notify",
            "pipefail",
            "physical",
            "-hashall",
            "-braceexpand",
            "nolog",
            "nullglob",
            "failglob",
            "failglob nullglob errexit",
            "extglob",
            "-extglob",
            "dotglob",
            "globstar",
            "nocasematch",
            "nocaseglob",
            "nocasematch nocaseglob errexit nounset keyword functrace",
            "localvar_inherit",
            "localvar_inherit nounset",
            "localvar_unset",
            "localvar_unset localvar_inherit nounset errexit",
            "xpg_echo",
            "inherit_errexit errexit",
            "lastpipe",
            "lastpipe -monitor",
            "-sourcepath",
            "shift_verbose",
            "checkhash",
            "checkjobs",
            "-promptvars",
            "execfail",
            "cdspell",
            "cdable_vars",
            "-expand_aliases",
            "-patsub_replacement",
            "-globasciiranges",
            "assoc_expand_once",
            "huponexit",
            "gnu_errfmt",
        ),
    ),
    bash_options("xtrace", TRACE),
    bash_options("verbose", TRACE),
    Odd("PS4", "PS4='+ $(echo x)`false`${nothing} '; set -x", "set +x; PS4='+ '", TRACE),
    Odd("IFS", "IFS=/v_", "IFS=$' \\t\\n'"),
    Odd("IFS empty", "IFS=", "IFS=$' \\t\\n'"),
    Odd("POSIXLY_CORRECT", "POSIXLY_CORRECT=1", "unset POSIXLY_CORRECT; set +o posix"),
    Odd("DEBUG", "trap 'd=$((d + 1))' DEBUG", "trap - DEBUG; unset d"),
    Odd("ERR", "trap 'echo ERR >&2' ERR", "trap - ERR"),
    Odd("ERR everywhere", "set -E; trap 'echo ERR >&2' ERR", "trap - ERR; set +E"),
    Odd("extdebug", "shopt -s extdebug; trap 'true' DEBUG", "trap - DEBUG; shopt -u extdebug"),
    # What a stricter one does: it keeps certain commands from running.
    Odd(
        "extdebug skips",
        "skips() { [[ $BASH_COMMAND != @(unset|export|PATH=|builtin)* ]]; };"
        " shopt -s extglob extdebug; trap skips DEBUG",
        "trap - DEBUG; shopt -u extdebug; unset -f skips",
    ),
    *(
        Odd(f"BASH_COMPAT={level}", f"BASH_COMPAT={level}", "unset BASH_COMPAT")
        for level in ("3.1", "3.2", "4.0", "4.1", "4.2", "4.3", "4.4", "5.0")
    ),
)


# Those that are most likely to do harm, or that people set.
BASH_IN_FULL = (
    "nounset",
    "errexit errtrace",
    "noglob",
    "noclobber",
    "keyword allexport nounset errexit",
    "posix errexit nounset noglob noclobber",
    "failglob nullglob errexit",
    "nocasematch nocaseglob errexit nounset keyword functrace",
    "localvar_unset localvar_inherit nounset errexit",
    "xtrace",
    "IFS empty",
    "ERR everywhere",
    "extdebug skips",
    "BASH_COMPAT=3.1",
)


@pytest.mark.usefixtures("prepare")
def test_options_of_bash_set_before_it_is_loaded(bash: Shell, open_terminal: OpenTerminal) -> None:
    found = wrong(Stage(bash, open_terminal), BASH, "before", BASH_IN_FULL)
    assert not found, found


@pytest.mark.usefixtures("prepare")
def test_options_of_bash_set_inside(bash: Shell, open_terminal: OpenTerminal) -> None:
    found = wrong(Stage(bash, open_terminal), BASH, "inside", ())
    assert not found, found


@pytest.mark.usefixtures("prepare")
@pytest.mark.parametrize("option", ["set -T", "shopt -s extdebug"])
def test_traps_of_the_users_do_not_run_for_each_command_of_ours(
    option: str, bash: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    log = terminal.home / "log"
    terminal.run(f"{option}; trap 'echo \"R ${{FUNCNAME-}}\" >> {log}' RETURN")
    terminal.run(f"trap 'echo \"$BASH_COMMAND\" >> {log}' DEBUG")
    for line in ("cd app", "true", "cd ../bad", "cd .."):
        log.write_text("")
        terminal.run(line)
        seen = log.read_text().splitlines()
        assert seen[0] == line
        # That PROMPT_COMMAND calls something is seen also where nothing is set.
        assert len(seen) <= 10, seen
        assert not re.search("VIRTUAL_ENV|PATH|local|unset|source", "\n".join(seen)), seen
    assert terminal.run("trap -p DEBUG | grep -c BASH_COMMAND") == "1\n"
    assert terminal.run("[[ $- == *T* ]] && echo on") == "on\n"


@pytest.mark.usefixtures("prepare")
def test_zsh_does_not_show_the_lines_of_the_script(zsh: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(zsh, rc="")
    for option in ("verbose", "source_trace"):
        printed = terminal.run(f"setopt {option}; {zsh.load_line(terminal.command)}")
        assert printed.count("\n") < 20, printed[:2000]
        assert terminal.run(f"[[ -o {option} ]]; echo $?").endswith("0\n")
        terminal.run(f"unsetopt {option}")
    assert terminal.run("cd app") == ""
    assert terminal.prompt == "(app) "


@pytest.mark.usefixtures("prepare")
def test_zsh_shows_nothing_of_what_is_kept_when_it_is_read(
    zsh: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(zsh)
    for option, shown in (("verbose", "{}\n"), ("source_trace", "")):
        terminal.run(f"setopt {option}")
        # At first by the helper, then by what it has kept.
        for line in ("cd app", "cd ..", "cd app", "cd ../other", "cd .."):
            assert terminal.run(line) == shown.format(line)
        assert terminal.run(f"[[ -o {option} ]]; echo $?").endswith("0\n")
        terminal.run(f"unsetopt {option}")


@pytest.mark.usefixtures("prepare")
def test_a_trace_shows_hardly_anything_of_the_hook(
    posix_shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run("set -x")
    for line in ("true", "cd /", "cd", "cd app", "true", "cd ..", "cd other", "cd ../app", "cd .."):
        traced = terminal.run(line).splitlines()
        # In zsh at the change of directory, too.
        assert len(traced) <= 9, traced
        assert not re.search("VIRTUAL_ENV=|local |unset |source ", "\n".join(traced)), traced
    if posix_shell.name == "bash":
        terminal.run(f"exec 9> {terminal.home}/trace; BASH_XTRACEFD=9")
        assert terminal.run("cd app") == ""
    assert "on" in terminal.run("case $- in *x*) echo on; esac").splitlines()


@pytest.mark.usefixtures("prepare")
def test_what_is_exported_by_allexport_is_none_of_ours(
    posix_shell: Shell, open_terminal: OpenTerminal
) -> None:
    for rc in ("set -a\n%s", "%s\nset -a", "export _VENVHOOK_PWD=1 _VENVHOOK_TOLD=1\n%s"):
        terminal = open_terminal(posix_shell)
        rc %= posix_shell.load_line(terminal.command)
        terminal.rc_file.write_text(f"{posix_shell.prelude}\n{rc}\n")
        terminal.restart()
        for step in ("app", "../bad", "../fresh", ".."):
            terminal.run(f"cd {step}")
            names = [name for name in terminal.child_environment() if b"_venvhook" in name.lower()]
            assert not names, (rc, step)
        assert ("a" in terminal.run("echo $-")) == ("set -a" in rc)
        terminal.close()


PROMPT_COMMANDS = (
    "unset PROMPT_COMMAND",
    "PROMPT_COMMAND=",
    "PROMPT_COMMAND='seen=$?'",
    "PROMPT_COMMAND='seen=$?;'",
    "PROMPT_COMMAND='seen=$?   '",
    "PROMPT_COMMAND='   seen=$?'",
    "PROMPT_COMMAND=$'seen=$?\\n'",
    "PROMPT_COMMAND=$'\\n\\nseen=$?;\\n\\n'",
    "PROMPT_COMMAND='seen=$? # and more'",
    "PROMPT_COMMAND='{ seen=$?; } 2> /dev/null'",
    "export PROMPT_COMMAND='seen=$?'",
    "declare -l PROMPT_COMMAND='seen=$?'",
    "PROMPT_COMMAND=('seen=$?')",
    "PROMPT_COMMAND=([3]='seen=$?' [7]='' [9]='other=1')",
    "PROMPT_COMMAND=('' 'seen=$?;' '# nothing')",
    "declare -a PROMPT_COMMAND",
)


@pytest.mark.usefixtures("prepare")
def test_any_prompt_command(bash: Shell, open_terminal: OpenTerminal) -> None:
    stage = Stage(bash, open_terminal)
    terminal = stage.terminal
    version = terminal.run('echo "${BASH_VERSINFO[0]} ${BASH_VERSINFO[1]}"').split()
    for own in PROMPT_COMMANDS:
        if ("(" in own or "-a" in own) and tuple(map(int, version)) < (5, 1):
            continue  # its first element is all that such a bash runs
        odd = Odd(own, own, "unset PROMPT_COMMAND seen other")
        terminal.run(own)
        mine = terminal.run("printf '%s\\n' \"${PROMPT_COMMAND[@]}\"")
        stage.step(odd, stage.load, "")
        stage.step(odd, stage.load, "")
        stage.step(odd, f"cd {stage.home}/app", "(app) ")
        terminal.run("sh -c 'exit 4'")
        if "seen" in own and terminal.value("seen") != b"4":
            stage.say(odd, "seen", terminal.value("seen"))
        stage.step(odd, f"cd {stage.home}", "")
        now = terminal.run("printf '%s\\n' \"${PROMPT_COMMAND[@]}\"")
        now = re.sub(r"^_venvhook_hook [^\n]*\n", "", now, count=1)
        if now.rstrip("\n") != mine.rstrip("\n"):
            stage.say(odd, "PROMPT_COMMAND", now)
        terminal.run(odd.off)
        terminal.run(_UNLOAD["bash"])
    assert not stage.wrong, "\n".join(stage.wrong)


@pytest.mark.usefixtures("prepare")
def test_loading_again_brings_back_what_a_new_prompt_command_threw_out(
    bash: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    before = terminal.values(*TOUCHED)
    terminal.run("cd app")
    terminal.run("PROMPT_COMMAND='seen=1'")
    terminal.run("cd ..")
    assert terminal.prompt == "(app) "
    assert terminal.run(bash.load_line(terminal.command)) == ""
    assert terminal.prompt == ""
    assert terminal.values(*TOUCHED) == before
    terminal.run("cd app")
    assert terminal.run("deactivate") == ""
    assert terminal.values(*TOUCHED) == before


# ---- What is read-only ---------------------------------------------------------------------------

READ_ONLY = (
    "venvhook: {} is read-only in this shell, so environments are neither activated nor left\n"
)


@pytest.mark.usefixtures("prepare")
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_what_is_read_only_is_told_once_and_nothing_is_half(
    inside: bool, posix_shell: Shell, open_terminal: OpenTerminal
) -> None:
    for lock in (
        "PATH",
        "VIRTUAL_ENV",
        "VIRTUAL_ENV=",
        "VIRTUAL_ENV_PROMPT",
        "VENVHOOK_ACTIVE",
        "PYTHONHOME=/opt",
    ):
        terminal = open_terminal(posix_shell)
        home = terminal.home
        if inside:
            terminal.run("cd app")
            lock = lock.partition("=")[0]
        terminal.run(f"readonly {lock}")
        before = terminal.values(*TOUCHED)
        line = READ_ONLY.format(lock.partition("=")[0])
        said = [
            terminal.run(f"cd {home}/{step}") for step in ("other", "fresh", "app", "other", "")
        ]
        assert said == [line, "", "", "", ""], lock
        assert terminal.run("true") == ""
        assert terminal.values(*TOUCHED) == before, lock
        terminal.close()


@pytest.mark.usefixtures("prepare")
def test_a_read_only_prompt_stays_as_it_is(posix_shell: Shell, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(posix_shell)
    terminal.run("readonly PS1")
    assert terminal.run("cd app") == ""
    assert terminal.prompt == ""
    assert terminal.environment == f"{terminal.home}/app/.venv"
    assert terminal.run("cd ../other") == ""
    assert terminal.environment == f"{terminal.home}/other/.venv"
    assert terminal.run("cd ..") == ""
    assert terminal.environment is None


@pytest.mark.usefixtures("prepare")
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_a_read_only_deactivate_is_left_in_peace(
    inside: bool, bash: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(bash)
    if inside:
        terminal.run("cd app")
    else:
        terminal.run("deactivate() { echo 'my own'; }")
    assert terminal.run("readonly -f deactivate") == ""
    own = terminal.run("declare -f deactivate")
    for step, prompt in (("other", "(other) "), ("bad", ""), ("app", "(app) "), ("", "")):
        assert re.fullmatch(f"(?:{REFUSED.pattern})?", terminal.run(f"cd {terminal.home}/{step}"))
        assert terminal.prompt == prompt
        assert terminal.run("declare -f deactivate") == own


@pytest.mark.usefixtures("prepare")
def test_what_was_not_exported_is_not_exported_afterwards(
    posix_shell: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(posix_shell)
    mine = {"PYTHONHOME": b"/x x", "VIRTUAL_ENV_PROMPT": b"mine", "VIRTUAL_ENV": b""}
    terminal.run("; ".join(f"{name}='{value.decode()}'" for name, value in mine.items()))
    for _visit in ("first", "second"):
        terminal.run("cd app")
        assert terminal.child_environment()[b"VIRTUAL_ENV_PROMPT"] == b"app"
        terminal.run("cd ..")
        assert terminal.values(*mine) == mine
        assert not terminal.child_environment().keys() & {name.encode() for name in mine}


def test_where_hooks_are_read_only_one_line_says_so(
    posix_shell: Shell, open_terminal: OpenTerminal
) -> None:
    names = {"bash": ("PROMPT_COMMAND=",), "zsh": ("precmd_functions=()", "chpwd_functions=()")}
    for name in names[posix_shell.name]:
        terminal = open_terminal(posix_shell)
        rc = f"readonly {name}; {posix_shell.load_line(terminal.command)}"
        terminal.rc_file.write_text(f"{posix_shell.prelude}\n{rc}\n")
        terminal.restart()
        assert terminal.greeting == (
            f"venvhook: {name.partition('=')[0]} is read-only, so nothing is activated here;"
            " load venvhook before it is made so\n"
        )
        assert terminal.run("cd /") == ""
        # A script that reads the same file is told nothing.
        program = posix_shell.path
        assert terminal.run(f"{program} -c '. {terminal.rc_file}' 2>&1") == ""
        terminal.close()


@pytest.mark.usefixtures("prepare")
def test_hooks_made_read_only_later_go_on(posix_shell: Shell, open_terminal: OpenTerminal) -> None:
    names = {"bash": "PROMPT_COMMAND", "zsh": "-a precmd_functions chpwd_functions"}
    terminal = open_terminal(posix_shell)
    terminal.run(f"readonly {names[posix_shell.name]}")
    assert terminal.run(posix_shell.load_line(terminal.command)) == ""
    for step, prompt in (("app", "(app) "), ("../other", "(other) "), ("..", "")):
        assert terminal.run(f"cd {step}") == ""
        assert terminal.prompt == prompt


# ---- zsh -----------------------------------------------------------------------------------------

# No option of a shell that runs, or one after which it does not run on.
_ZSH_SKIPPED = {
    "exec": "nothing is executed any more",
    "interactive": "how it was started",
    "login": "how it was started",
    "privileged": "who it runs as",
    "restricted": "cd itself is forbidden",
    "shinstdin": "how it was started",
    "singlecommand": "it ends after one line",
    "promptcr": "how the end of what is printed is drawn",
    "promptsp": "how the end of what is printed is drawn",
    "zle": "how what is typed is drawn",
}
_ZSH_NOISE = {"xtrace": TRACE, "verbose": TRACE, "sourcetrace": r"\+.*> <sourcetrace>"}

ZSH = (
    *(
        Odd(
            f"emulate {words}",
            f"emulate {words}",
            "emulate -R zsh; unsetopt zle prompt_cr prompt_sp",
        )
        for words in ("sh", "ksh", "csh", "-R sh", "-R ksh", "-R csh")
    ),
    *(
        Odd(words, f"setopt {words}", f"unsetopt {words}")
        for words in (
            "ksh_arrays sh_word_split glob_subst ksh_glob null_glob",
            "err_exit err_return no_unset no_clobber",
            "warn_create_global warn_nested_var no_unset",
            "extended_glob glob_dots mark_dirs numeric_glob_sort sh_glob",
            "auto_pushd pushd_silent pushd_to_home pushd_minus pushd_ignore_dups",
            "chase_links chase_dots cdable_vars auto_cd posix_cd",
            "posix_builtins posix_identifiers posix_strings posix_aliases posix_traps",
            "rc_expand_param rc_quotes csh_junkie_quotes csh_junkie_loops",
            "all_export local_options local_traps local_loops local_patterns",
            "bash_rematch case_match no_case_glob no_case_match",
            "ignore_braces ignore_close_braces",
        )
    ),
    Odd("fpath", "fpath_was=($fpath); fpath=()", "fpath=($fpath_was)"),
    Odd(
        "fpath ksh_arrays",
        "fpath_was=($fpath); fpath=(); setopt ksh_arrays",
        "unsetopt ksh_arrays; fpath=($fpath_was)",
    ),
    Odd("typeset -U", "typeset -U path", "typeset +U path"),
    Odd("IFS", "IFS=/v_", "IFS=$' \\t\\n\\0'"),
    Odd("ZERR", "trap 'echo ZERR >&2' ZERR", "trap - ZERR"),
    Odd("TRAPZERR", "TRAPZERR() { echo ZERR >&2 }", "unfunction TRAPZERR"),
    Odd("DEBUG", "trap 'd=$((d + 1))' DEBUG", "trap - DEBUG"),
    Odd(
        "PS4",
        "PS4='+ $(echo x) %N '; setopt prompt_subst xtrace",
        "unsetopt xtrace prompt_subst",
        TRACE,
    ),
)


def options_of(zsh: Shell) -> Iterator[Odd]:
    """Yield a row for each option that *zsh* has: turned from what it is by default."""
    assert zsh.path is not None
    command = "emulate -R zsh; print -rl -- ${(kv)options}"
    done = subprocess.run([zsh.path, "-fc", command], capture_output=True, text=True, check=True)
    words = done.stdout.split()
    for name, state in sorted(zip(words[::2], words[1::2], strict=True)):
        if name not in _ZSH_SKIPPED:
            lines = [f"setopt {name}", f"unsetopt {name}"]
            on, off = reversed(lines) if state == "on" else lines
            yield Odd(name, on, off, _ZSH_NOISE.get(name, ""))


@pytest.mark.usefixtures("prepare")
def test_options_of_zsh_set_before_it_is_loaded(zsh: Shell, open_terminal: OpenTerminal) -> None:
    found = wrong(Stage(zsh, open_terminal), ZSH, "before", [odd.name for odd in ZSH])
    assert not found, found


@pytest.mark.usefixtures("prepare")
def test_options_of_zsh_set_inside(zsh: Shell, open_terminal: OpenTerminal) -> None:
    found = wrong(Stage(zsh, open_terminal), ZSH, "inside", ())
    assert not found, found


@pytest.mark.usefixtures("prepare")
def test_each_option_that_zsh_has(zsh: Shell, open_terminal: OpenTerminal) -> None:
    rows = list(options_of(zsh))
    assert len(rows) > 150
    found = wrong(Stage(zsh, open_terminal), rows, "before", ())
    assert not found, found


@pytest.mark.usefixtures("prepare")
def test_errors_end_nothing_in_functions_and_subshells_of_zsh(
    zsh: Shell, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(zsh)
    home = terminal.home
    terminal.run("go() { cd $1; echo after }; silent() { go $1 2> /dev/null }")
    for helper in ("as it is", "/bin/false", "/gone/python"):
        for option in ("err_exit", "err_return", "err_exit err_return no_unset"):
            if helper != "as it is":
                terminal.run(f"_VENVHOOK_PYTHON={helper}")
            terminal.run(f"setopt {option}")
            for project in ("app", "bad", "fresh", "other"):
                line = f"silent {home}/{project}"
                assert terminal.run(line) == "after\n", (helper, option, project)
                line = f"x=$(go {home}/{project} 2> /dev/null) && (silent {home}; echo $x)"
                assert terminal.run(line) == "after\nafter\n", (helper, option, project)
                assert terminal.run(f"cd {home} && echo yes") == "yes\n"
            terminal.run(f"unsetopt {option}")
            for kept in (home / ".cache/venvhook").rglob("venvhook.recipe.*"):
                kept.unlink()


# ---- fish ----------------------------------------------------------------------------------------

FISH = (
    Odd("fish_trace", "set -g fish_trace 1", "set -e fish_trace", r"[-+]*> .*"),
    Odd("private", "set -g fish_private_mode 1", "set -e fish_private_mode"),
    Odd("IFS empty", "set -g IFS ''", r"set -g IFS \n\ \t"),
    Odd("IFS", "set -g IFS /v_", r"set -g IFS \n\ \t"),
    Odd(
        "cd wrapper",
        "functions -c cd was_cd; function cd; was_cd $argv; end",
        "functions -e cd was_cd",
    ),
    Odd("builtin cd wrapper", "function cd; builtin cd $argv; end", "functions -e cd"),
    Odd(
        "cd by z",
        "function z; builtin cd $argv; and emit went; end; alias cd=z",
        "functions -e cd z",
    ),
    Odd(
        "cd by eval",
        "function cd; eval builtin cd $argv; or return 1; true; end",
        "functions -e cd",
    ),
    Odd("CDPATH", "set -g CDPATH . /usr", "set -eg CDPATH"),
    Odd("no job control", "status job-control none", "status job-control interactive"),
    Odd("full job control", "status job-control full", "status job-control interactive"),
    Odd(
        "handlers",
        "function seen --on-variable VIRTUAL_ENV --on-variable PATH; false; end",
        "functions -e seen",
    ),
)
"""What a fish is started with, and what it needs in its startup file, for a terminal of its own."""
FISH_STARTS = (
    (("--private",), ""),
    (("--features=all",), ""),
    (("--features=no-stderr-nocaret,no-qmark-noglob,no-regex-easyesc",), ""),
    (("--features=stderr-nocaret,qmark-noglob,regex-easyesc",), ""),
    (("--features=ampersand-nobg-in-token,remove-percent-self,test-require-arg,mark-prompt",), ""),
    ((), "set -g fish_features all"),
    ((), "fish_vi_key_bindings; function fish_mode_prompt; end"),
    ((), "fish_hybrid_key_bindings; function fish_mode_prompt; end"),
    ((), "set -e fish_greeting; function fish_greeting; echo hello; end"),
)


@pytest.mark.usefixtures("prepare")
@pytest.mark.parametrize("when", ["before", "inside"])
def test_odd_settings_of_fish(when: str, fish: Shell, open_terminal: OpenTerminal) -> None:
    found = wrong(Stage(fish, open_terminal), FISH, when, [odd.name for odd in FISH])
    assert not found, found


@pytest.mark.usefixtures("prepare")
@pytest.mark.parametrize(("options", "rc"), FISH_STARTS, ids=lambda value: "".join(value))
def test_odd_starts_of_fish(
    options: tuple[str, ...], rc: str, fish: Shell, open_terminal: OpenTerminal
) -> None:
    shell = replace(fish, arguments=("-i", *options), prelude=f"{fish.prelude}\n{rc}\n")
    odd = Odd(f"{options} {rc}", "true", "true")
    found = wrong(Stage(shell, open_terminal), (odd,), "before", [odd.name])
    assert not found, found


@pytest.mark.usefixtures("prepare")
def test_fish_without_its_configuration(fish: Shell, open_terminal: OpenTerminal) -> None:
    # What is typed by hand there: the prelude, and the line that loads venvhook.
    usual = open_terminal(fish, "")
    prelude = usual.scratch / "prelude.fish"
    prelude.write_text(fish.prelude)
    start = ("-i", "--no-config", "-C", f"source {prelude}")
    terminal = open_terminal(replace(fish, arguments=start), "")
    assert terminal.run(fish.load_line(terminal.command)) == ""
    for project, prompt in (("app", "(app) "), ("other", "(other) "), ("fresh", "")):
        assert terminal.run(f"cd {terminal.home}/{project}") == ""
        assert terminal.prompt == prompt
    assert REFUSED.fullmatch(terminal.run(f"cd {terminal.home}/bad"))
