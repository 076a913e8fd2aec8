"""Options of the shells, and functions and aliases called like what the hook uses."""

from __future__ import annotations

from attacks.case import Group
from attacks.stage import Stage

GROUP = Group("options")


def _with(
    shells: tuple[str, ...], name: str, setup: str = "", before: str = "", status: int = 3
) -> None:
    """Add the case of *shells* with the line *setup*; *before* is run before it is loaded."""

    def act(stage: Stage) -> None:
        own, foreign = stage.shared("own $(pwn)`pwn`%n*", "theirs $(pwn)`pwn`%n*")
        stage.status = status
        stage.open(setup=setup, before_load=before)
        stage.visit(foreign.parent, None)
        stage.visit(own.parent, own)

    GROUP.add(f"{'+'.join(shells)}: {name}", act, shells=shells)


BASH, ZSH, FISH = ("bash",), ("zsh",), ("fish",)
BOTH = (*BASH, *ZSH)

for _option in (
    *("nocasematch", "nocaseglob", "nullglob", "failglob", "dotglob", "extglob", "globstar"),
    *("xpg_echo", "autocd", "cdable_vars", "cdspell", "lastpipe", "execfail", "compat31"),
    *("checkhash", "localvar_inherit", "localvar_unset", "assoc_expand_once", "extdebug"),
):
    _with(BASH, _option, f"shopt -s {_option}")
for _option in ("promptvars", "sourcepath", "expand_aliases", "interactive_comments"):
    _with(BASH, f"no {_option}", f"shopt -u {_option}")
for _option in ("nounset", "noglob", "noclobber", "allexport", "functrace", "errtrace"):
    _with(BASH, _option, f"set -o {_option}")
for _option in ("posix", "physical", "pipefail", "vi", "ignoreeof", "hashall", "notify"):
    _with(BASH, _option, f"set -o {_option}")
_with(BASH, "errexit", "set -o errexit", status=0)
_with(BASH, "no hashall", "set +h")
_with(BASH, "IFS of letters", "IFS=/.abcdefghijklmnopqrstuvwxyz01")
_with(BASH, "IFS is empty", "IFS=")
_with(BASH, "IFS is unset", "unset IFS")
_with(BASH, "a DEBUG trap", "trap : DEBUG")
_with(BASH, "an ERR trap", "trap : ERR")
_with(BASH, "a RETURN trap", "trap : RETURN")
_with(BASH, "posix before it is loaded", before="set -o posix")
_with(BASH, "nounset before it is loaded", before="set -u")
_with(BASH, "GLOBIGNORE", "GLOBIGNORE='*:.*'")
_with(BASH, "EXECIGNORE", "EXECIGNORE='*'")
_with(BASH, "a restrictive umask", "umask 0777")
_with(BASH, "PROMPT_COMMAND of the project's name", "PROMPT_COMMAND+=('x=$PWD; : $x')")

for _option in (
    *("prompt_subst", "prompt_bang", "ksh_arrays", "sh_word_split", "null_glob", "csh_null_glob"),
    *("glob_subst", "extended_glob", "ksh_glob", "sh_glob", "glob_assign", "rc_expand_param"),
    *("nounset", "noclobber", "all_export", "posix_builtins", "posix_cd", "posix_identifiers"),
    *("warn_create_global", "warn_nested_var", "chase_links", "chase_dots", "auto_cd"),
    *("auto_pushd", "cdable_vars", "ignore_braces", "ksh_typeset", "sh_file_expansion"),
    *("bsd_echo", "c_bases", "octal_zeroes", "err_return", "magic_equal_subst", "glob_dots"),
    *("local_options", "local_traps", "pipe_fail", "posix_strings", "posix_aliases", "rc_quotes"),
    *(
        "sh_nullcmd",
        "sh_option_letters",
        "typeset_silent",
        "hist_subst_pattern",
        "csh_junkie_quotes",
    ),
    *("ksh_zero_subscript", "debug_before_cmd", "dvorak", "flow_control", "no_unset", "path_dirs"),
):
    _with(ZSH, _option, f"setopt {_option}")
for _option in (
    *("nomatch", "multibyte", "equals", "glob", "function_argzero", "case_glob", "case_match"),
    *("prompt_percent", "bad_pattern", "unset", "eval_lineno", "exec_dummy", "hash_cmds"),
):
    if _option != "exec_dummy":
        _with(ZSH, f"no {_option}", f"unsetopt {_option}")
_with(ZSH, "err_exit", "setopt err_exit", status=0)
_with(ZSH, "emulate sh", "emulate sh")
_with(ZSH, "emulate ksh", "emulate ksh")
_with(ZSH, "emulate sh before it is loaded", before="emulate sh")
_with(ZSH, "ksh_arrays before it is loaded", before="setopt ksh_arrays sh_word_split")
_with(ZSH, "a DEBUG trap", "TRAPDEBUG() { : }")
_with(ZSH, "a ZERR trap", "TRAPZERR() { : }")
_with(ZSH, "IFS of letters", "IFS=/.abcdefghijklmnopqrstuvwxyz01")
_with(ZSH, "a chpwd function that fails", "chpwd() { return 1 }")
_with(ZSH, "a precmd function that fails", "precmd() { return 1 }")
_with(ZSH, "named directories", "hash -d pwn=/; setopt auto_name_dirs")
_with(ZSH, "a global alias", "alias -g .venv='$(pwn)'", before="alias -g bin=pwn")

_with(FISH, "IFS", "set -g IFS /.abcdefg")
_with(FISH, "no globbing of question marks", "set -g fish_features qmark-noglob")
_with(FISH, "a restrictive umask", "umask 0777")
_with(FISH, "an event of one's own that fails", "function x --on-variable PWD; false; end")
_with(FISH, "an abbreviation", "abbr -a test pwn; abbr -a printf pwn")
_with(FISH, "PATH as one string", "set -gx PATH (string join : $PATH)")

# The user's own, not a hostile project's; but what he calls so must not be what the hook runs.
FUNCTIONS = (
    *("ls", "cat", "stat", "dirname", "basename", "readlink", "python", "python3", "git", "grep"),
    *("sed", "awk", "tr", "cut", "env", "id", "mktemp", "sleep", "uname", "which", "sh"),
)
_with(BOTH, "functions called like programs", "; ".join(f"{n}() {{ pwn; }}" for n in FUNCTIONS))
_with(
    FISH,
    "functions called like programs",
    "; ".join(f"function {n}; pwn; end" for n in FUNCTIONS),
)
BUILTINS = ("printf", "echo", "eval", "source", "declare", "type", "hash", "pwd", "pushd", "popd")
for _name in BUILTINS:
    _with(BOTH, f"a function called {_name}", f"{_name}() {{ pwn; }}")
for _name in ("cd", "test", "[", "read", "true", ":"):
    # Does what it always did, and tells who calls it by way of a program.
    _with(
        BOTH,
        f"a function called {_name}",
        f'function {_name} {{ builtin {_name} "$@"; }}',
    )
ALIASES = (
    *("cd", "echo", "printf", "test", "source", "type", "hash", "pwd", "ls", "cat", "set"),
    *("true", "grep", "which", "python", "rm", "cp", "history", "command"),
)
for _name in ALIASES:
    _with(BOTH, f"an alias called {_name}", before=f"alias {_name}=pwn", setup=f"unalias {_name}")
for _name in ("cd", "echo", "printf", "count", "contains", "pwd", "isatty"):
    _with(
        FISH,
        f"a function called {_name}",
        f"function {_name}; builtin {_name} $argv; end" if _name == "cd" else "true",
    )


@GROUP.case
def _loaded_twice(stage: Stage) -> None:
    own, foreign = stage.build.own(), stage.build.foreign("theirs")
    stage.run(stage.shell.load_line(stage.watched.terminal.command))
    stage.visit(own.parent, own)
    stage.visit(foreign.parent, None)


@GROUP.case
def _loaded_inside_a_hostile_project(stage: Stage) -> None:
    foreign = stage.build.foreign("theirs")
    stage.open(directory=foreign.parent)
    stage.said.clear()
    stage.prompt()
    stage.expect(None, 0)
    stage.leave()
