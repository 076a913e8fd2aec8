# venvhook for zsh, 5.3 and later. Read by what 'venvhook init zsh' prints, after a few assignments:
#   _VENVHOOK_PROTOCOL  which recipes this script understands
#   _VENVHOOK_PYTHON, _VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   _VENVHOOK_CACHE  where recipes of that protocol are kept, or empty
#   _VENVHOOK_SESSION  where the files of sessions are kept that have no other place, or empty

# ---- State ---------------------------------------------------------------------------------------
# _VENVHOOK_PWD   the directory of the last walk, or empty: walk at the next prompt
# _VENVHOOK_ROOT  the active project and its environment, or empty
# _VENVHOOK_ENV
# _VENVHOOK_TOKEN the token that it was known by, or empty
# _VENVHOOK_REST  the projects in which the user typed 'deactivate' and which he has not left since, a
#                 newline after each
# _VENVHOOK_JUST  the one of them where he has done so in the line that has just run
# _VENVHOOK_HAND  the environment that the user activated by hand, while it is active
# _VENVHOOK_RECIPE  the recipe that the last walk ended with, the markers there, and its witnesses
# _VENVHOOK_MARKERS
# _VENVHOOK_WATCH
# _VENVHOOK_PASSED  pairs of a recipe that passed on the way there and a witness of it
# _VENVHOOK_LOOK  what all these looked like then, and the markers in $PWD
# _VENVHOOK_CALM  what the variables that others activate with held then, or 'off'
# _VENVHOOK_SESSION  the file by which 'venvhook off' and 'on' reach this shell, or empty; exported as
#                 VENVHOOK_SESSION, with .off behind it while VENVHOOK_OFF is set
# _VENVHOOK_ASKED  the directory in which the helper was asked while it has not answered
# _VENVHOOK_GONE  not empty since the helper's complaints are not shown; mute: only until it answers
# _VENVHOOK_HUNG, _VENVHOOK_PAUSE  how often it is not asked after it has hung again, and still
# _VENVHOOK_AGAIN  1 from the loading of the script to the first prompt after it, or where something has
#                 to wait for the next prompt; the environment that was left in a line where PATH was
#                 perhaps only lent
# _VENVHOOK_TOLD  the lines said in this shell
# _VENVHOOK_WAITS   the prompt that is to come while nothing may be said yet, else empty
# _VENVHOOK_UNSAID  what is to be said then
# _VENVHOOK_PREFIX  how the name of what is active stands before the prompt, or empty
# _VENVHOOK_MODE  the options that a prompt was expanded by when that was made
# _VENVHOOK_DRAWN  how the wish that it is not shown and the prompt, with a colon between them, begin as
#                 long as there is nothing to do about it; empty while nothing is active
# _VENVHOOK_HALF  what is being set, while it is (see _venvhook_switch)
# _VENVHOOK_PATHLESS  1 if PATH was unset when what is active was entered
# _VENVHOOK_SEEN  PATH as it was at the last look at it while an environment was active
# _VENVHOOK_TWIN  what is before the user's own entry for what is active, between colons; or empty
# _VENVHOOK_LEFTOVER  x if _OLD_VIRTUAL_PATH was there although no stock script had just set it
# _VENVHOOK_PROMPT  what we have set VIRTUAL_ENV_PROMPT to
# _VENVHOOK_LEFT  environments that were active when another tool remembered what variables held, which
# _VENVHOOK_DIRENV  may put them back; and what direnv remembered at the last prompt
# _VENVHOOK_OLD_* what a variable held before we replaced it; unset where it was unset
# _VENVHOOK_UNEXPORTED  those of them that were not exported, each between colons
# _VENVHOOK_TYPED  what makes VIRTUAL_ENV_PROMPT an array, a number or the like again, or empty
# _VENVHOOK_POLICY  the generation of what the user has set, a directory and perhaps a file that it is to
# _VENVHOOK_SETTINGS be newer than; further ones are in _VENVHOOK_MANY
# _VENVHOOK_FILE
# _VENVHOOK_MANY
# _VENVHOOK_STALE   empty if these say all; 'many' if not; 'new' before the first time; 1 to ask for it
#                 each time, since they are not older; x never, since nothing shows a change
# _VENVHOOK_STANDS  what is there as long as nothing is bound: the generation, or what always is
# _VENVHOOK_AUTO_CREATE, _VENVHOOK_GUARD, _VENVHOOK_FILES  what it says: the settings of these names,
# _VENVHOOK_BOUND and the projects that environments are bound to, a newline before and after each
# _VENVHOOK_OFFER  1 if an environment may be offered at the next prompt
# _VENVHOOK_MISNAMED  what VENVHOOK_NAMES is if that is a mistake, for the helper to say; else empty
# _VENVHOOK_OFFERED  the projects that one was offered for, like these
# _VENVHOOK_UNGUARDED  1 since the user set PIP_REQUIRE_VIRTUALENV himself

# Nothing that the user has made of a name counts here. Functions of his are avoided by 'builtin',
# before each command that is no reserved word but 'return'. What 'venvhook init' prints turns aliases
# off while this is read.

_venvhook_load() {
  local mode
  # It sets a variable of the function that calls it.
  builtin setopt local_options no_warn_nested_var
  _venvhook_prompt_mode
  builtin emulate -L zsh -o no_aliases
  _venvhook_names
  _venvhook_session
  # By its process number, since after 'set -a' a child inherits it.
  if [[ ${_VENVHOOK_LOADED-} != "$$" ]]; then
    typeset -g _VENVHOOK_LOADED=$$
    typeset -g _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_TOKEN='' _VENVHOOK_REST='' _VENVHOOK_HAND=''
    typeset -g _VENVHOOK_TOLD='' _VENVHOOK_DRAWN='' _VENVHOOK_PREFIX='' _VENVHOOK_PATHLESS='' _VENVHOOK_DEACTIVATE=''
    typeset -g _VENVHOOK_OFFERED='' _VENVHOOK_UNGUARDED='' _VENVHOOK_REFUSED='' _VENVHOOK_UNEXPORTED='' _VENVHOOK_TYPED=''
    typeset -g _VENVHOOK_JUST='' _VENVHOOK_PROMPT='' _VENVHOOK_DIRENV='' _VENVHOOK_SEEN='' _VENVHOOK_TWIN=''
    typeset -ga _VENVHOOK_LEFT=() _VENVHOOK_HALF=()
    typeset -g _VENVHOOK_LEFTOVER=${_OLD_VIRTUAL_PATH+x}
    builtin unset _VENVHOOK_OLD_VIRTUAL_ENV _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT _VENVHOOK_OLD_PYTHONHOME
    [[ ! -e $_VENVHOOK_SESSION ]] || builtin command rm -f -- "$_VENVHOOK_SESSION"
    _venvhook_adopt
  fi
  # What is active is left and entered again at the next prompt: whatever the rc file did to PATH
  # before or after this line, the environment is first on it then.
  typeset -g _VENVHOOK_PWD='' _VENVHOOK_CALM='' _VENVHOOK_AGAIN=1
  typeset -g _VENVHOOK_LOOK='' _VENVHOOK_RECIPE='' _VENVHOOK_MARKERS='' _VENVHOOK_GONE=''
  typeset -g _VENVHOOK_ASKED='' _VENVHOOK_HUNG=0 _VENVHOOK_PAUSE=0
  typeset -ga _VENVHOOK_WATCH=() _VENVHOOK_PASSED=() _VENVHOOK_MANY=()
  typeset -g _VENVHOOK_POLICY='' _VENVHOOK_STALE=new _VENVHOOK_STANDS=/ _VENVHOOK_SETTINGS='' _VENVHOOK_FILE=''
  typeset -g _VENVHOOK_AUTO_CREATE=never _VENVHOOK_GUARD='' _VENVHOOK_FILES='' _VENVHOOK_BOUND='' _VENVHOOK_OFFER=''
  # Below this no recipe is found, so there is no other place that has to know.
  [[ -n $_VENVHOOK_CACHE && -O $_VENVHOOK_CACHE ]] || typeset -g _VENVHOOK_CACHE=/dev/null
  _venvhook_trust
  # Inherited ones may be exported, and with all_export those are that stand before this script.
  typeset -gm +x '_VENVHOOK_*'
  _venvhook_register
}

# What VENVHOOK_TRUST says: recipes made under one setting are not for another. The helper complains
# about a word that it does not know.
_venvhook_trust() {
  [[ -n ${VENVHOOK_TRUST-} ]] || return 0
  _VENVHOOK_PROTOCOL+=.$VENVHOOK_TRUST
  case $_VENVHOOK_CACHE:$VENVHOOK_TRUST in
    (/dev/null:*) ;;
    (*:own | *:ask | *:all) _VENVHOOK_CACHE+=.$VENVHOOK_TRUST ;;
    (*) _VENVHOOK_CACHE=/dev/null ;;
  esac
}

# Up to three names of markers, from VENVHOOK_NAMES, between spaces or colons; else as the user set them.
# Where it is a mistake, nothing is activated, and the helper says so.
_venvhook_names() {
  local IFS=$': \t\n' more names
  builtin read -r _VENVHOOK_NAME1 _VENVHOOK_NAME2 _VENVHOOK_NAME3 more <<< "${VENVHOOK_NAMES:-.venv venv env}"
  names=" $_VENVHOOK_NAME1 $_VENVHOOK_NAME2 $_VENVHOOK_NAME3 " _VENVHOOK_MISNAMED=''
  if [[ $more == *[!:]* || $names == *[/\\]* || $names == *' . '* || $names == *' .. '* ]]; then
    _VENVHOOK_MISNAMED=$VENVHOOK_NAMES _VENVHOOK_CACHE=/dev/null _VENVHOOK_NAME1=''
  fi
  [[ -n $_VENVHOOK_NAME1 ]] || _VENVHOOK_NAME1=.venv _VENVHOOK_NAME2=venv _VENVHOOK_NAME3=env
  builtin : "${_VENVHOOK_NAME2:=$_VENVHOOK_NAME1}" "${_VENVHOOK_NAME3:=$_VENVHOOK_NAME1}"
}

# Where 'venvhook off' and 'on' leave word for this shell: in the runtime directory (XDG Base Directory),
# else where the assignment says. Named by $$, which is that of the shell itself also in a subshell.
_venvhook_session() {
  if [[ ${XDG_RUNTIME_DIR-} == /* && -O $XDG_RUNTIME_DIR ]]; then
    typeset -g _VENVHOOK_SESSION=${XDG_RUNTIME_DIR%/}/venvhook
  fi
  [[ -z ${_VENVHOOK_SESSION-} ]] || _VENVHOOK_SESSION+=/$$
  export VENVHOOK_SESSION=${_VENVHOOK_SESSION-}
}

# ---- Verbs: what a recipe says -------------------------------------------------------------------
# Each sets verdict, unless it comes from a kept recipe that may no longer be used. $1 is the project,
# $2 the markers that there were, each with a slash; the last arguments are witnesses.

# The environment $3 is called $4 and has the token $5.
_venvhook_activate() {
  local token=$5
  _venvhook_knows "$3" "$5" || token=''
  [[ -n $asked$token ]] || return 0
  _venvhook_may_use "$1" "$2" "${@:6}" || return 0
  verdict=activate
  # Deactivated by hand after it was activated by hand: the user means it.
  if [[ -n $_VENVHOOK_HAND && $3 -ef $_VENVHOOK_HAND ]]; then _VENVHOOK_REST+=$1$'\n'; fi
  [[ -z $_VENVHOOK_REST ]] || _venvhook_prune_rest ''
  if [[ $'\n'$_VENVHOOK_REST == *$'\n'"$1"$'\n'* ]]; then
    _venvhook_switch '' '' ''
  else
    [[ $3 == "$_VENVHOOK_ENV" ]] || _venvhook_switch "$1" "$3" "$4" || return 0
    _VENVHOOK_ROOT=$1 _VENVHOOK_TOKEN=$token
  fi
}

# There is an environment that may not be used; $3 says why, or nothing where the user knows.
_venvhook_refuse() {
  _venvhook_may_use "$1" "$2" "${@:4}" && _venvhook_is_still_none "${@:4}" || return 0
  local active=$_VENVHOOK_ROOT told="/$1"$'\n'
  verdict=refuse
  [[ -z $_VENVHOOK_REST ]] || _venvhook_prune_rest "$1"
  _venvhook_switch '' '' ''
  if [[ -n $3 ]]; then
    _venvhook_tell "$1" "$3" "$active"
  else
    # Once that is taken back, what was said before is news.
    _VENVHOOK_TOLD=${_VENVHOOK_TOLD//"$told"/}
  fi
}

# What is called like an environment is none.
_venvhook_pass() {
  local witness
  _venvhook_may_use "$@" && _venvhook_is_still_none "${@:3}" || return 0
  verdict=pass
  for witness in "${@:3}"; do
    _VENVHOOK_PASSED+=("$_VENVHOOK_RECIPE" "$witness")
  done
}

# Of the projects in which the user typed 'deactivate', keeps those that $PWD is in, but for $1.
_venvhook_prune_rest() {
  local rest=$_VENVHOOK_REST root
  _VENVHOOK_REST=''
  while [[ -n $rest ]]; do
    root=${rest%%$'\n'*} rest=${rest#*$'\n'}
    [[ $root == "$1" || $PWD/ != "${root%/}"/* ]] || _VENVHOOK_REST+=$root$'\n'
  done
}

# ---- Recipes -------------------------------------------------------------------------------------

# Does the environment $1 know the token $2? One in the place of an accepted one does not, whatever
# its times say. Whose it is leaves no trace in a time either.
_venvhook_knows() {
  local value='' file=$1/.venvhook
  [[ -n $2 && -f $file && ! -L $file && -O $file && -O $1/bin ]] || return 1
  # The end of the file makes the status 1.
  # Silent also where it has gone meanwhile, whose name would be shown as it is.
  { IFS= builtin read -r -k 40 -u 0 value < "$file"; } 2> /dev/null
  [[ $value == "$2"$'\n' ]]
}

# May the answer for the project $1 with the markers $2, which rests on the other arguments, be used?
# Always if the helper has just given it; from a kept recipe if the markers are still the same, and
# all that it rests on exists and is older.
# (-nt is false in zsh for a missing file.)
_venvhook_may_use() {
  local root=$1 there=$2 witness
  builtin shift 2
  if [[ -n $asked ]]; then
    recipe=$_VENVHOOK_CACHE${root%/}/venvhook.recipe.sh fresh=''
  else
    [[ $root == "$level" && $there == "$markers" ]] || return 1
    fresh=''
    for witness; do
      [[ $recipe -nt $witness ]] || return 1
    done
    fresh=${(j::)@/*/n}
  fi
  _VENVHOOK_RECIPE=$recipe _VENVHOOK_MARKERS=$there _VENVHOOK_WATCH=("$@")
}

# Is none of the arguments an environment? One with old times may have been moved into its place.
_venvhook_is_still_none() {
  local witness
  for witness in "$@"; do
    [[ ! -e $witness/pyvenv.cfg || -n $asked ]] || return 1
  done
}

# Sets look to what all looks like: the markers in $PWD, each with a slash; then for each witness n if
# the recipe is newer, else 0 if it exists and 1 if not; then x if what is active lost its token.
_venvhook_look() {
  local i
  look=''
  [[ ! -e $_VENVHOOK_NAME1 ]] || look=$_VENVHOOK_NAME1/
  [[ ! -e $_VENVHOOK_NAME2 ]] || look+=$_VENVHOOK_NAME2/
  [[ ! -e $_VENVHOOK_NAME3 ]] || look+=$_VENVHOOK_NAME3/
  if ((${#_VENVHOOK_WATCH[@]})); then
    for i in "${_VENVHOOK_WATCH[@]}"; do
      [[ $_VENVHOOK_RECIPE -nt $i ]] && look+=n || { [[ -e $i ]]; look+=$?; }
    done
  fi
  [[ -z $_VENVHOOK_TOKEN ]] || _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN" || look+=x
  ((${#_VENVHOOK_PASSED[@]})) || return 0
  builtin set -- "${_VENVHOOK_PASSED[@]}"
  while (($#)); do
    if [[ $1 -nt $2 ]]; then look+=n; else [[ -e $2 ]]; look+=$?; fi
    builtin shift 2
  done
}

# ---- The policy: what the user has set -----------------------------------------------------------

# The policy $1 says that auto_create is $2 and guard $3, that markers are called $4, $5 and $6 and
# project files $7, and what is bound: $8. The rest are witnesses. From the cache it counts only while
# it is newer than each.
_venvhook_policy() {
  local stale='' stands=$1 witness
  for witness in "${@:9}"; do
    [[ $1 -nt $witness ]] || stale=1
  done
  [[ -n $asked || ( -z $stale && $# -gt 8 && -e $1 ) ]] || return 0
  [[ -n $1 && -n ${9-} ]] || stale=x
  [[ -z $stale ]] || stands=/
  [[ -n $stale || $# -lt 11 ]] || stale=many
  loaded=1
  _VENVHOOK_POLICY=$1 _VENVHOOK_STALE=$stale _VENVHOOK_STANDS=$stands
  _VENVHOOK_AUTO_CREATE=$2 _VENVHOOK_GUARD=$3 _VENVHOOK_FILES=$7 _VENVHOOK_BOUND=$8
  [[ -n ${VENVHOOK_NAMES-} && -z $_VENVHOOK_MISNAMED ]] ||
    _VENVHOOK_NAME1=$4 _VENVHOOK_NAME2=$5 _VENVHOOK_NAME3=$6
  _VENVHOOK_SETTINGS=${9-} _VENVHOOK_FILE=${10-} _VENVHOOK_MANY=("${@:9}")
}

# Loads the policy again, where it has changed: from the cache, or from the helper.
_venvhook_renew() {
  builtin emulate -L zsh -o no_aliases -o no_verbose -o no_source_trace
  local asked='' loaded='' kept=$_VENVHOOK_CACHE/venvhook.policy.sh
  case $_VENVHOOK_STALE in
    (x) return 0 ;;
    (many)
      for kept in "${_VENVHOOK_MANY[@]}"; do
        [[ $_VENVHOOK_POLICY -nt $kept ]] || loaded=1
      done
      [[ -n $loaded ]] || return 0
      kept=$_VENVHOOK_CACHE/venvhook.policy.sh loaded=''
      ;;
  esac
  if [[ -f $kept && -O $kept ]]; then builtin source "$kept"; fi
  [[ -n $loaded ]] || _venvhook_ask policy zsh
  # A helper that complains is not asked for this again.
  [[ -n $loaded || $_VENVHOOK_GONE != 1 ]] || _VENVHOOK_STALE=x
}

# ---- The helper ----------------------------------------------------------------------------------

# Asks the helper's module $1 with the other arguments, and does what it answers. If this is
# interrupted, or it hangs, it is asked again after a change of directory; while it goes on hanging,
# after ever more of them.
_venvhook_ask() {
  local answer='' limit=1
  asked=1
  _venvhook_mind_silence
  if [[ ! -x $_VENVHOOK_PYTHON ]]; then
    [[ -n $_VENVHOOK_GONE ]] ||
      _venvhook_say "the helper's Python is gone ($_VENVHOOK_PYTHON); install venvhook again"
    _VENVHOOK_GONE=mute
    return 0
  fi
  [[ $PWD != "$_VENVHOOK_ASKED" ]] || return 0
  _VENVHOOK_ASKED=$PWD
  if (( _VENVHOOK_PAUSE > 0 )); then
    _VENVHOOK_PAUSE=$(( _VENVHOOK_PAUSE - 1 ))
    return 0
  fi
  [[ -z ${VENVHOOK_TIMEOUT-} ]] || _venvhook_limit
  if [[ -z $_VENVHOOK_GONE$_VENVHOOK_WAITS ]]; then
    answer=$(_venvhook_run "$@") || :
  else
    # What is wrong with it has been said, or is when it is asked again.
    answer=$(_venvhook_run "$@" 2> /dev/null) || :
  fi
  case $answer in
    (*'#0')
      _VENVHOOK_ASKED='' _VENVHOOK_HUNG=0
      [[ $_VENVHOOK_GONE != mute ]] || _VENVHOOK_GONE=''
      builtin eval "$answer"
      ;;
    (*'#hangs') _venvhook_give_up "did not answer within $limit s ($_VENVHOOK_PYTHON)" ;;
    ('#') _venvhook_give_up "was killed ($_VENVHOOK_PYTHON)" ;;
    (*)
      # Its words are missing while nothing may be said.
      if [[ -n $_VENVHOOK_WAITS ]]; then
        _VENVHOOK_ASKED=''
        _venvhook_say ''
        return 0
      fi
      ;|
    ('#'*) _VENVHOOK_ASKED='' _VENVHOOK_GONE=1 ;;
    (*)
      # Its Python does not even start, and has said why.
      _VENVHOOK_ASKED=''
      : "${_VENVHOOK_GONE:=mute}"
      ;;
  esac
}

# Sets limit to the seconds that VENVHOOK_TIMEOUT says, if it says some.
_venvhook_limit() {
  case $VENVHOOK_TIMEOUT in
    ([1-9] | [1-9][0-9]) limit=$VENVHOOK_TIMEOUT ;;
    (*) _venvhook_tell '' 'VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s' / ;;
  esac
}

# Says once that the helper $1.
_venvhook_give_up() {
  (( _VENVHOOK_HUNG > 0 )) || _venvhook_say "the helper $1; it is asked again after a change of directory"
  _VENVHOOK_PAUSE=$_VENVHOOK_HUNG
  (( _VENVHOOK_HUNG > 31 )) || _VENVHOOK_HUNG=$(( _VENVHOOK_HUNG * 2 + 1 ))
}

# Prints the answer of the helper's module $1 between two #, and its exit status; 'hangs' after limit
# seconds without a word. Called in a subshell, whose traps these are.
_venvhook_run() {
  local pid='' answer='' part='' fd='' state
  # 0: it does not have to end itself.
  builtin set -- "$_VENVHOOK_PYTHON" -I -S "$_VENVHOOK_SOURCE/venvhook/helper.py" 0 "$1" "$_VENVHOOK_PROTOCOL" "${@:2}"
  # 'read -t' waits for ever where nothing comes from a process substitution.
  builtin zmodload zsh/system 2> /dev/null || builtin exec "$@"
  builtin trap '_venvhook_kill; \builtin exit 130' INT
  # Parsed now, since with ignore_braces it would have meant something else when this was loaded.
  builtin eval '\builtin exec {fd}< <(_venvhook_start "$@")'
  # No process more: zsh has said so.
  [[ -n $fd ]] || builtin return 0
  while builtin sysread -t $limit -i $fd part; state=$?; (( ! state )); do
    answer+=$part
    pid=${answer%%$'\n'*}
  done
  answer=${answer#*$'\n'}
  if (( state == 4 )); then
    _venvhook_kill
    answer+='#hangs'
  fi
  # So that it is nobody's zombie; 'wait' knows only jobs.
  repeat 200; do
    builtin kill -0 "$pid" || break
  done 2> /dev/null
  builtin printf %s "$answer"
}

# Becomes the helper, after printing its process number.
_venvhook_start() {
  # Python would say that Ctrl-C has ended its start; the helper does heed it, and is killed before.
  builtin trap '' INT
  builtin printf '%s\n' "$sysparams[pid]"
  builtin exec "$@"
}

# Kills the helper, and what it has started if it is not what it should be: first, so that it can be
# found, but without a word about it. Not by PATH, which may lead into a project.
_venvhook_kill() {
  # No number would be the number of the shell's own group.
  [[ $pid == [1-9]* ]] || return 0
  builtin kill -STOP "$pid" 2> /dev/null || :
  /usr/bin/pkill -KILL -P "$pid" 2> /dev/null || :
  builtin kill -KILL "$pid" 2> /dev/null || :
}

_venvhook_say() {
  _venvhook_mind_silence
  if [[ -n $_VENVHOOK_WAITS ]]; then
    _VENVHOOK_UNSAID+=("$1")
  else
    builtin printf 'venvhook: %s\n' "$1" >&2
  fi
}

# Lets all that is to be said wait where nobody would read it as such: for ever in a subshell, as in a
# pipeline, in a script and after -c (who comes himself is told), and for the next prompt while a line
# is typed.
_venvhook_mind_silence() {
  if (( ZSH_SUBSHELL )) || [[ ! -o interactive || -n ${ZSH_SCRIPT-}${ZSH_EXECUTION_STRING-} ]]; then
    _VENVHOOK_WAITS=always
  elif [[ -n ${WIDGET-} && -z $_VENVHOOK_WAITS ]]; then
    _VENVHOOK_WAITS=second
    precmd_functions+=(_venvhook_say_unsaid)
  fi
}

# Called at each prompt of a shell that started with powerlevel10k's instant prompt, until this is not the
# first: all that is printed before counts as a mistake of the user's. An empty line stands for what the
# helper would have said.
_venvhook_say_unsaid() {
  local line
  if [[ $_VENVHOOK_WAITS == first ]]; then
    _VENVHOOK_WAITS=second
    return 0
  fi
  _VENVHOOK_WAITS=''
  precmd_functions=("${(@)precmd_functions[@]:#_venvhook_say_unsaid}")
  for line in "${_VENVHOOK_UNSAID[@]}"; do
    if [[ -n $line ]]; then _venvhook_say "$line"; else _VENVHOOK_PWD=''; fi
  done
  _VENVHOOK_UNSAID=()
  _venvhook_hook
}

# Says $2 about the project $1, once in this shell; again if it is $3, the one that was active.
_venvhook_tell() {
  local line="/$1"$'\n'"$2"$'\n'
  [[ $1 == "$3" || $_VENVHOOK_TOLD != *"$line"* ]] || return 0
  _VENVHOOK_TOLD+=$line
  _venvhook_say "$2"
}

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to $2, of the project $1 and called $3; all empty: to none. Fails where
# that may not be. First it is worked out, then kept, and then set: what Ctrl-C leaves undone of that is
# done before this returns, and after a second one by the next hook. In one function, and in few
# commands: in zsh a call costs 10 us, and each command 1.
_venvhook_switch() {
  [[ -n $2$_VENVHOOK_ENV ]] || return 0
  local entries=${PATH-} unset='' text=${PS1-} prefix='' drawn='' lent='' twin=$_VENVHOOK_TWIN odd='' \
    kinds="${(t)VIRTUAL_ENV}${(t)VIRTUAL_ENV_PROMPT}${(t)VENVHOOK_ACTIVE} ${(t)PATH}${(t)path} \
      ${(t)PYTHONHOME}${(t)PS1}${(t)PROMPT}${(t)prompt}"
  [[ $kinds != *-local* && $kinds != *-readonly* ]] || _venvhook_may_change || return 1
  # An array or a number cannot take what is to be set.
  [[ $kinds == ' '* || $kinds == 'scalar-exportscalar-exportscalar-export '* ]] || odd=1
  [[ -n ${PATH+x} ]] || unset=1
  if [[ -n $_VENVHOOK_ENV ]]; then
    [[ -z $_VENVHOOK_PATHLESS || $entries != "$_VENVHOOK_ENV/bin" ]] || unset=1
    if [[ $entries == "$_VENVHOOK_ENV/bin:"* ]]; then
      entries=${entries#"$_VENVHOOK_ENV/bin:"}
    else
      [[ :$entries: == *":$_VENVHOOK_ENV/bin:"* || :$_VENVHOOK_SEEN: != *":$_VENVHOOK_ENV/bin:"* ||
        ${ZSH_EVAL_CONTEXT-} != toplevel* ]] || _VENVHOOK_AGAIN=$_VENVHOOK_ENV
      _venvhook_path_without "$_VENVHOOK_ENV/bin"
    fi
    [[ -z $twin ]] || _venvhook_path_twin
    [[ -z $_VENVHOOK_PREFIX || ${(t)PS1} == *readonly* ]] || text=${text/"$_VENVHOOK_PREFIX"/}
  fi
  if [[ -n $2 ]]; then
    if [[ -z $_VENVHOOK_ENV ]]; then
      _VENVHOOK_LEFTOVER=${_OLD_VIRTUAL_PATH+x} _VENVHOOK_UNEXPORTED='' _VENVHOOK_TYPED='' _VENVHOOK_DEACTIVATE=''
      [[ -z ${VIRTUAL_ENV+x}${VIRTUAL_ENV_PROMPT+x}${PYTHONHOME+x}${functions[deactivate]+x} &&
        -z ${_VENVHOOK_OLD_VIRTUAL_ENV+x}${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x}${_VENVHOOK_OLD_PYTHONHOME+x} ]] ||
        _venvhook_store
    fi
    [[ :$entries: != *":$2/bin:"* ]] || twin=${${:-:$entries:}%%":$2/bin:"*}:
    [[ -n $unset ]] || entries=:$entries
    entries=$2/bin$entries
    # It may be lent to this one command: see _venvhook_outrank.
    [[ ${ZSH_EVAL_CONTEXT-} != toplevel* ]] || lent=1
    _venvhook_prompt_show "$2" "$3"
  fi
  _VENVHOOK_HALF=(half "$1" "$2" "$3" "$entries" "$unset" "$text" "$prefix" "$drawn" "$twin" "$lent"
    "${mode-}" "$odd")
  {
    _venvhook_carry_out
  } always {
    [[ -z "$_VENVHOOK_HALF" ]] || _venvhook_carry_out
  }
}

# Calls the function $1 with the other arguments so that Ctrl-C does not end it half-way, but what comes
# after it.
_venvhook_uninterrupted() {
  local state interrupted=''
  if _venvhook_defer "$@"; then state=0; else state=$?; fi
  [[ -z $interrupted ]] || builtin kill -INT $$
  return $state
}

# The user's own trap is back when this returns.
_venvhook_defer() {
  builtin setopt local_options local_traps
  builtin trap 'interrupted=1' INT
  "$@"
}

# Has a function a PATH or the like of its own? Then all of it waits for the next prompt.
_venvhook_is_lent() {
  local name
  for name in PATH path VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME PS1 PROMPT prompt; do
    if [[ ${(Pt)name} == *-local* ]]; then
      # Nothing is to look as it did.
      _VENVHOOK_AGAIN=local _VENVHOOK_PWD='' _VENVHOOK_MARKERS=''
      return 0
    fi
  done
  return 1
}

# May be changed what activation changes? If not, that is said once: better all of it than a half.
_venvhook_may_change() {
  local name
  ! _venvhook_is_lent || return 1
  for name in PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME; do
    if [[ ${(Pt)name} == *readonly* ]]; then
      _venvhook_tell '' "$name is read-only in this shell, so environments are neither activated nor left" /
      return 1
    fi
  done
}

# Sets what _VENVHOOK_HALF says. From wherever it was ended, done again it comes to the same.
_venvhook_carry_out() {
  builtin set -- "${_VENVHOOK_HALF[@]}"
  [[ $7 == "${PS1-}" ]] || PS1=$7
  if [[ -n $3 ]]; then
    [[ -z ${13} ]] || builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE
    export PATH="$5" VIRTUAL_ENV=$3 VIRTUAL_ENV_PROMPT=$4 VENVHOOK_ACTIVE=$3
    if (( $+PYTHONHOME )); then
      # One that was set in a project that is left for this one is the user's as well.
      typeset -g _VENVHOOK_OLD_PYTHONHOME=$PYTHONHOME
      builtin unset PYTHONHOME
    fi
    # Written so, an alias of that name does no harm.
    [[ -n $_VENVHOOK_ENV ]] || function deactivate { _venvhook_deactivate; }
    _VENVHOOK_PROMPT=$4 _VENVHOOK_SEEN=$PATH
    [[ -z ${11} ]] || _VENVHOOK_SEEN=''
  else
    if [[ -n $6 ]]; then builtin unset PATH; else PATH=$5; fi
    builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE
    [[ -z ${_VENVHOOK_OLD_VIRTUAL_ENV+x}${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x}${_VENVHOOK_OLD_PYTHONHOME+x} ]] ||
      _venvhook_restore
    if [[ -n $_VENVHOOK_DEACTIVATE ]]; then
      _venvhook_deactivate_remove
    elif [[ ${functions[deactivate]-} == *_venvhook_deactivate* ]]; then
      builtin unset -f deactivate
    fi
  fi
  _VENVHOOK_ROOT=$2 _VENVHOOK_ENV=$3 _VENVHOOK_TOKEN='' _VENVHOOK_PATHLESS=$6 _VENVHOOK_PREFIX=$8 \
    _VENVHOOK_DRAWN=$9 _VENVHOOK_TWIN=${10} _VENVHOOK_MODE=${12} _VENVHOOK_HALF=()
}

# Remembers what activation replaces; PYTHONHOME when it takes it away.
_venvhook_store() {
  local name text
  builtin unset _VENVHOOK_OLD_VIRTUAL_ENV _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT _VENVHOOK_OLD_PYTHONHOME
  if (( $+VIRTUAL_ENV )); then typeset -g _VENVHOOK_OLD_VIRTUAL_ENV=$VIRTUAL_ENV; fi
  if (( $+VIRTUAL_ENV_PROMPT )); then
    typeset -g _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT=$VIRTUAL_ENV_PROMPT
  fi
  for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME; do
    [[ -z ${(Pt)name} || ${(Pt)name} == *export* ]] || _VENVHOOK_UNEXPORTED+=:$name:
  done
  # An array or a number comes back as one. With 'hideval' no value is said.
  case ${(t)VIRTUAL_ENV_PROMPT} in
    ('' | scalar | scalar-export | *hideval*) ;;
    (*)
      text=$(builtin typeset -p VIRTUAL_ENV_PROMPT)
      text=${text/#export/typeset -x}
      _VENVHOOK_TYPED="typeset -g ${text#typeset }"
      ;;
  esac
  if (( $+functions[deactivate] )); then
    _VENVHOOK_DEACTIVATE=$(builtin functions deactivate)
  fi
}

# Gives back the variables that activation replaced.
_venvhook_restore() {
  if (( $+_VENVHOOK_OLD_VIRTUAL_ENV )); then
    export VIRTUAL_ENV=$_VENVHOOK_OLD_VIRTUAL_ENV
    [[ $_VENVHOOK_UNEXPORTED != *:VIRTUAL_ENV:* ]] || typeset -g +x VIRTUAL_ENV
  fi
  if (( $+_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT )); then
    export VIRTUAL_ENV_PROMPT=$_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT
    [[ $_VENVHOOK_UNEXPORTED != *:VIRTUAL_ENV_PROMPT:* ]] || typeset -g +x VIRTUAL_ENV_PROMPT
  fi
  if [[ -n $_VENVHOOK_TYPED ]]; then
    builtin unset VIRTUAL_ENV_PROMPT
    builtin eval "$_VENVHOOK_TYPED"
  fi
  # A PYTHONHOME that the user has set meanwhile stays.
  if (( $+_VENVHOOK_OLD_PYTHONHOME && ! $+PYTHONHOME )); then
    if [[ $_VENVHOOK_UNEXPORTED == *:PYTHONHOME:* ]]; then
      typeset -g PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
    else
      export PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
    fi
  fi
}

# Gives back the user's 'deactivate', or none, in the place of ours.
_venvhook_deactivate_remove() {
  # One that the user has defined meanwhile stays.
  [[ ${functions[deactivate]-} == *_venvhook_deactivate* ]] || return 0
  if [[ -n $_VENVHOOK_DEACTIVATE ]]; then
    builtin eval "$_VENVHOOK_DEACTIVATE"
  else
    builtin unset -f deactivate
  fi
}

# The user has an entry of his own for the environment, which 'typeset -U path' takes away while ours
# stands before it: it comes back behind the one that it was behind, or first, or last.
_venvhook_path_twin() {
  local entry=$_VENVHOOK_ENV/bin after=${${twin%:}##*:} first=$twin
  twin=''
  [[ ${(t)path} == *unique* && :${PATH-}: == *":$entry:"* && :$entries: != *":$entry:"* ]] || return 0
  if [[ $first == : ]]; then
    if [[ $PATH == "$entry" ]]; then entries=$entry; else entries=$entry:$entries; fi
  else
    entries=:$entries:
    [[ $entries == *":$after:"* ]] || after=${${entries%:}##*:}
    entries=${entries%%":$after:"*}:$after:$entry:${entries#*":$after:"}
    entries=${${entries#:}%:}
  fi
}

# Takes the first entry $1 out of entries.
_venvhook_path_without() {
  if [[ $entries == "$1:"* ]]; then
    entries=${entries#"$1:"}
  elif [[ :$entries: == *":$1:"* ]]; then
    entries=:$entries:
    entries=${entries%%":$1:"*}:${entries#*":$1:"}
    entries=${entries#:}
    entries=${entries%:}
  fi
}

# PATH is another than at the last look. What the user puts before the environment stays there, but for
# shims, which choose a Python themselves: a tool that is set up again, such as pyenv, puts them first.
_venvhook_outrank() {
  builtin emulate -L zsh
  local entries=${PATH-} entry=$_VENVHOOK_ENV/bin before shims
  if [[ :$entries: != *":$entry:"* ]]; then
    # 'PATH=... cd app' puts back what PATH was, which shows at the prompt.
    [[ ${ZSH_EVAL_CONTEXT-} != toplevel* ]] || return 0
    [[ -n $_VENVHOOK_SEEN ]] || _VENVHOOK_CALM=''
    _VENVHOOK_SEEN=$entries
    return 0
  fi
  [[ -z $_VENVHOOK_SEEN && ${ZSH_EVAL_CONTEXT-} == toplevel* ]] || _VENVHOOK_SEEN=$entries
  before=:$entries:
  before=${before%%":$entry:"*}:
  [[ $before == *"/shims:"* ]] && _venvhook_may_change || return 0
  _venvhook_path_without "$entry"
  shims=${before%%"/shims:"*}
  before=${before%%":${shims##*:}/shims:"*}:
  entries=:$entries:
  entries=$before$entry:${entries#"$before"}
  entries=${entries#:}
  PATH=${entries%:}
  [[ -z $_VENVHOOK_SEEN ]] || _VENVHOOK_SEEN=$PATH
}

# Puts ($2), the name of the environment $1, before text, unless that is not wished or the prompt shows it
# itself: by a variable or a function, or by a program that makes it anew after this or did so before. A
# prompt that cannot be changed stays; one that may show it later, or shows a name by options that may
# change, is looked at again each time.
_venvhook_prompt_show() {
  local all=$text${RPS1-}${RPROMPT-} programs=" ${precmd_functions[*]-} "
  drawn=$'\n'
  if [[ -n ${VIRTUAL_ENV_DISABLE_PROMPT-} || ${(t)PS1} == *readonly* ]]; then
    drawn=${VIRTUAL_ENV_DISABLE_PROMPT-}:
  elif [[ -n ${PS1+x} && $all != *VIRTUAL_ENV* && $all != *virtualenv* &&
    $programs != *' prompt_starship_precmd '* && $programs != *' _omp_precmd '* && $programs != *' __lp_set_prompt '* &&
    ( $programs != *' powerlevel9k_prepare_prompts '* ||
    " $POWERLEVEL9K_LEFT_PROMPT_ELEMENTS $POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS " != *' virtualenv'[\ _]* ) ]]; then
    [[ $all != *[\(\[]* ]] || ! _venvhook_prompt_tells "$2" "${1:t}" || return 0
    if [[ $2 == *[%\\\$\`!]* ]]; then
      _venvhook_prompt_name "$2"
    else
      prefix="($2) " drawn=":($2) "
    fi
    text=$prefix$text
  fi
}

# Sets mode to the options that a prompt is expanded by; called before 'emulate'.
_venvhook_prompt_mode() {
  mode=''
  [[ ! -o prompt_subst ]] || mode=s
  [[ ! -o prompt_percent ]] || mode+=p
  [[ ! -o prompt_bang ]] || mode+=b
}

# Sets prefix to what shows ($1) in a prompt under the options mode, where nothing in it may be
# expanded, also if another option is set before the next prompt: between $ and what follows stands
# %{%}, which is nothing. Where no such thing can be said, a ? is shown.
_venvhook_prompt_name() {
  local name=$1 nothing='%{%}'
  case ${mode-} in
    (*p*) name=${name//\%/%%} name=${name//\\/\\$nothing} name=${name//\$/\$$nothing} ;;
    (*s*) name=${name//\\/\\\\} name=${name//\$/\\\$} ;;
    (*) name=${name//\$/?} ;;
  esac
  case ${mode-} in
    (*s*) name=${name//\`/\\\`} ;;
    (*) name=${name//\`/?} ;;
  esac
  [[ ${mode-} != *b* ]] || name=${name//\!/!!}
  prefix="($name) "
}

# Does the prompt, with what is at the right, show one of the names $@ in brackets, as where it was made
# anew with it, whatever the colours?
_venvhook_prompt_tells() {
  builtin setopt local_options extended_glob
  local name
  all=${all//(%\{[^%]#%\}|%[FK]\{[^\}]#\}|%[fkbBuUsS])/}
  for name in "$@"; do
    [[ $all != *[\(\[]"$name"[\)\]]* ]] || return 0
  done
  return 1
}

# The prompt is not as it was left, or the wish is another one. One that is only longer stays.
_venvhook_prompt_renew() {
  local mode
  _venvhook_prompt_mode
  builtin emulate -L zsh -o no_aliases
  [[ ${(t)PS1}${(t)PROMPT}${(t)prompt} != *-local* ]] || return 0
  [[ -n ${VIRTUAL_ENV_DISABLE_PROMPT-} || -z $_VENVHOOK_PREFIX || ${PS1-} != *"$_VENVHOOK_PREFIX"* ||
    $mode != "$_VENVHOOK_MODE" ]] || return 0
  _venvhook_prompt_change "$_VENVHOOK_ENV" "$_VENVHOOK_PROMPT"
}

# Puts ($2), the name of the environment $1, before the prompt in the place of what is there, or nothing.
_venvhook_prompt_change() {
  local text=${PS1-} prefix='' drawn=''
  [[ -z $_VENVHOOK_PREFIX || ${(t)PS1} == *readonly* ]] || text=${text/"$_VENVHOOK_PREFIX"/}
  [[ -z $1 ]] || _venvhook_prompt_show "$@"
  [[ $text == "${PS1-}" ]] || PS1=$text
  _VENVHOOK_PREFIX=$prefix _VENVHOOK_DRAWN=$drawn _VENVHOOK_MODE=${mode-}
}

# What 'deactivate' does while an environment is active: it stays off until the project is left.
_venvhook_deactivate() {
  if (( ${+functions[builtin]} )); then
    _venvhook_mind_builtin _venvhook_deactivate
    return 0
  fi
  builtin emulate -L zsh -o no_aliases
  [[ -z "${_VENVHOOK_HALF-}" ]] || _venvhook_carry_out
  _VENVHOOK_REST+=$_VENVHOOK_ROOT$'\n' _VENVHOOK_JUST=$_VENVHOOK_ROOT
  _venvhook_switch '' '' '' || :
  [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD} ]] || _venvhook_guard
}

# An environment was activated by hand on top of ours, and 'deactivate' is no longer ours: what is
# left of ours goes, also out of what the other one will give back.
_venvhook_yield() {
  local entries theirs entry=$_VENVHOOK_ENV/bin
  theirs=${functions[deactivate]-}
  entries=${PATH-}
  # Of two entries that are the same, the first is the user's.
  if [[ ${VIRTUAL_ENV-} == "$_VENVHOOK_ENV" && $entries == "$entry:"* ]]; then
    entries=${entries#"$entry:"}
    _venvhook_path_without "$entry"
    entries=$entry${entries:+:$entries}
  else
    _venvhook_path_without "$entry"
  fi
  PATH=$entries
  if [[ -n ${_OLD_VIRTUAL_PATH+x} ]]; then
    entries=$_OLD_VIRTUAL_PATH
    _venvhook_path_without "$entry"
    _OLD_VIRTUAL_PATH=$entries
  fi
  if [[ -n $_VENVHOOK_PREFIX && ${_OLD_VIRTUAL_PS1-} == "$_VENVHOOK_PREFIX"* ]]; then
    _OLD_VIRTUAL_PS1=${_OLD_VIRTUAL_PS1#"$_VENVHOOK_PREFIX"}
  fi
  _venvhook_prompt_change ''
  # What a stock script has set, it gives back. Others, and old ones, know of fewer variables.
  # An empty PYTHONHOME they leave as it is.
  if [[ $theirs == *_OLD_VIRTUAL_PYTHONHOME* && -n ${_VENVHOOK_OLD_PYTHONHOME-} ]]; then
    typeset -g _OLD_VIRTUAL_PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
  elif [[ -n ${_VENVHOOK_OLD_PYTHONHOME+x} && -z ${PYTHONHOME+x} ]]; then
    export PYTHONHOME="$_VENVHOOK_OLD_PYTHONHOME"
  fi
  [[ $theirs == *_OLD_VIRTUAL_PYTHONHOME* ]] || _venvhook_mind_leaving
  if [[ ${VIRTUAL_ENV_PROMPT-} == "$_VENVHOOK_PROMPT" && $theirs != *VIRTUAL_ENV_PROMPT* ]]; then
    builtin unset VIRTUAL_ENV_PROMPT
    [[ -z ${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x} ]] ||
      export VIRTUAL_ENV_PROMPT="$_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT"
  fi
  builtin unset VENVHOOK_ACTIVE
  builtin unset _VENVHOOK_OLD_VIRTUAL_ENV _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT _VENVHOOK_OLD_PYTHONHOME
  # Somebody may have set VIRTUAL_ENV and no more.
  _venvhook_deactivate_remove
  _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_TOKEN='' _VENVHOOK_DEACTIVATE=''
}

# Remembers that what is active now may be put back later, when it no longer is: when direnv leaves a
# directory, it sets each variable that it has changed to what that held before, and mise does so with
# VIRTUAL_ENV.
_venvhook_mind_leaving() {
  local env
  for env in ${_VENVHOOK_LEFT[@]+"${_VENVHOOK_LEFT[@]}"}; do
    [[ $env != "$_VENVHOOK_ENV" ]] || return 0
  done
  _VENVHOOK_LEFT+=("$_VENVHOOK_ENV")
}

# Takes away again what was put back, and puts back what direnv has taken away.
_venvhook_sweep() {
  local entries=${PATH-} env direnv='' prompt=''
  [[ ${DIRENV_DIFF-} == "$_VENVHOOK_DIRENV" ]] || direnv=1
  for env in ${_VENVHOOK_LEFT[@]+"${_VENVHOOK_LEFT[@]}"}; do
    [[ $env != "$_VENVHOOK_ENV" ]] || continue
    # Not by hand, which shows in what stock scripts remember.
    if [[ $env == "${VIRTUAL_ENV-}" && ${_OLD_VIRTUAL_PATH+x} == "$_VENVHOOK_LEFTOVER" ]]; then
      builtin unset VIRTUAL_ENV
    fi
    [[ $env != "${VIRTUAL_ENV-}" ]] || continue
    [[ -z $direnv ]] || _venvhook_path_without "$env/bin"
    [[ -z $direnv && -n ${VIRTUAL_ENV-} ]] || prompt=$_VENVHOOK_PROMPT
  done
  if [[ -n $_VENVHOOK_ENV && -n $direnv ]]; then
    [[ :$entries: == *":$_VENVHOOK_ENV/bin:"* ]] || entries=$_VENVHOOK_ENV/bin${entries:+:$entries}
    _venvhook_mind_leaving
    [[ ${VIRTUAL_ENV-} != "$_VENVHOOK_ENV" ]] || export VIRTUAL_ENV_PROMPT=$_VENVHOOK_PROMPT
  elif [[ -n $prompt && ${VIRTUAL_ENV_PROMPT-} == "$prompt" && -z $_VENVHOOK_ENV ]]; then
    builtin unset VIRTUAL_ENV_PROMPT
  fi
  [[ $entries == "${PATH-}" ]] || PATH=$entries
  _VENVHOOK_DIRENV=${DIRENV_DIFF-}
  [[ -n $_VENVHOOK_DIRENV || ${VIRTUAL_ENV-} != "$_VENVHOOK_ENV" ]] || _VENVHOOK_LEFT=()
}

# A shell started from one with an active environment inherits it, and keeps it up to the first prompt:
# there it is left, and entered again if it is right for the directory. If VIRTUAL_ENV is another's by
# now, what is left of ours goes.
_venvhook_adopt() {
  local entries=${PATH-} active=${VENVHOOK_ACTIVE-} name=${VIRTUAL_ENV_PROMPT-}
  [[ -z ${SUDO_COMMAND-} || -n $active${VIRTUAL_ENV-} ]] || _venvhook_adopt_entry
  builtin unset VENVHOOK_ACTIVE
  [[ -z $active || -z ${DIRENV_DIFF-} ]] || _VENVHOOK_LEFT=("$active")
  [[ -n $active ]] && _venvhook_may_change || return 0
  _venvhook_adopt_prompt
  if [[ ${VIRTUAL_ENV-} == "$active" ]]; then
    builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    _venvhook_store
    function deactivate { _venvhook_deactivate; }
    _VENVHOOK_ENV=$active _VENVHOOK_PROMPT=$name
    export VIRTUAL_ENV=$active VIRTUAL_ENV_PROMPT=$name VENVHOOK_ACTIVE=$active
  else
    _venvhook_path_without "$active/bin"
    PATH=$entries
    _venvhook_prompt_change ''
    [[ -n ${VIRTUAL_ENV-} ]] || builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
  fi
}

# Where the prompt is exported, the name is in it, written by this shell or by another.
_venvhook_adopt_prompt() {
  local mode prefix
  [[ -n $name ]] || return 0
  for mode in p sp s sb b pb spb ''; do
    _venvhook_prompt_name "$name"
    [[ ${PS1-} != *"$prefix"* ]] || _VENVHOOK_PREFIX=$prefix
  done
}

# Of all that says what is active, sudo may leave PATH.
_venvhook_adopt_entry() {
  local entry=${entries%%:*}
  [[ $entry == */bin && -f ${entry%/bin}/.venvhook && -f ${entry%/bin}/pyvenv.cfg ]] || return 0
  _venvhook_path_without "$entry"
  PATH=$entries
}

# ---- The walk ------------------------------------------------------------------------------------

# Does what is to be done about the project $1: nothing if it is active and unchanged, else what its
# kept recipe says, else what the helper answers.
_venvhook_decide() {
  # The user's options that matter, before all are set to zsh's own for this function.
  local mode='' recipe=$_VENVHOOK_CACHE${1%/}/venvhook.recipe.sh witness
  [[ ! -o prompt_subst && ! -o prompt_bang && -o prompt_percent ]] && mode=p || _venvhook_prompt_mode
  builtin emulate -L zsh -o no_aliases -o no_verbose -o no_source_trace
  level=$1 markers='' verdict=''
  [[ ! -e $1/$_VENVHOOK_NAME1 ]] || markers=$_VENVHOOK_NAME1/
  [[ ! -e $1/$_VENVHOOK_NAME2 ]] || markers+=$_VENVHOOK_NAME2/
  [[ ! -e $1/$_VENVHOOK_NAME3 ]] || markers+=$_VENVHOOK_NAME3/
  if [[ $1 == "$_VENVHOOK_ROOT" && $markers == "$_VENVHOOK_MARKERS" && $#_VENVHOOK_PASSED -eq 0 ]] &&
    _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN"; then
    verdict=activate
    for witness in "${_VENVHOOK_WATCH[@]}"; do
      [[ $_VENVHOOK_RECIPE -nt $witness ]] || { verdict='' && break; }
    done
    if [[ -n $verdict ]]; then
      fresh=${(j::)_VENVHOOK_WATCH/*/n}
      return 0
    fi
  fi
  if [[ -f $recipe && -O $recipe ]]; then builtin source "$recipe"; fi
  [[ -n $verdict ]] ||
    _venvhook_ask hook zsh "$1" "$_VENVHOOK_NAME1" "$_VENVHOOK_NAME2" "$_VENVHOOK_NAME3" \
      ${_VENVHOOK_MISNAMED:+"$_VENVHOOK_MISNAMED"}
}

# Sets bound to the nearest project at or above $dir that an environment is bound to, and stop as well:
# the walk ends there. What is no path has nothing above it.
_venvhook_find_bound() {
  [[ $dir/ == /* ]] || dir='' stop=''
  [[ -n $_VENVHOOK_BOUND ]] || return 0
  local at=$dir
  # $HOME counts for itself alone.
  while [[ $_VENVHOOK_BOUND != *$'\n'"$at"$'\n'* ]]; do
    [[ $at != "$stop" && ${at%/*} != "$stop" ]] || return 0
    at=${at%/*}
  done
  bound=$at stop=$at
}

# Nothing is found any more. Who still stands in the project may be making its environment anew.
_venvhook_leave() {
  if [[ ${+functions[builtin]} == 1 ]]; then
    _venvhook_mind_builtin _venvhook_leave
    return 0
  fi
  builtin emulate -L zsh -o no_aliases
  local root=${_VENVHOOK_ROOT%/}
  _venvhook_switch '' '' ''
  [[ $PWD/ != "$root"/* ]] || _VENVHOOK_WATCH=("$root/$_VENVHOOK_NAME1" "$root/$_VENVHOOK_NAME2" "$root/$_VENVHOOK_NAME3")
}

# Before direnv's turn after a change of directory, where it is loaded: out of a project that was left,
# so that no .envrc of elsewhere sees what was active ('layout python' would take it for its own), nor
# direnv remembers it.
_venvhook_depart() {
  [[ -z $_VENVHOOK_ENV || $PWD/ == "${_VENVHOOK_ROOT%/}"/* ||
    ${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-} != "$_VENVHOOK_CALM" ]] ||
    _venvhook_leave || :
}

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and where the shell can after each change of directory. Nothing if all looks
# as it did after the last walk; otherwise walks up from $PWD to the nearest project whose markers do
# not just pass, and does what is to be done there. No failure in it may end the shell (set -e).
# Up to where something is found, no option of the user's matters, so it needs no 'emulate'; and it
# is one function, for a call costs as much as two levels of the walk.
_venvhook_hook() {
  # Each command costs 1 us: so one for a prompt where nothing is active nor to be done, which is most of
  # them, and one for all that is rare.
  [[ $PWD == "$_VENVHOOK_PWD" &&
    -z "${VENVHOOK_GUARDED-}${VENVHOOK_OFF-}$_VENVHOOK_DRAWN$_VENVHOOK_LOOK$_VENVHOOK_OFFER${_VENVHOOK_HALF-}" &&
    ${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-} == "$_VENVHOOK_CALM" &&
    -e $_VENVHOOK_STANDS && ! -e $_VENVHOOK_NAME1 && ! -e $_VENVHOOK_NAME2 && ! -e $_VENVHOOK_NAME3 &&
    ! -e $_VENVHOOK_SESSION && ( -n $_VENVHOOK_COMPLETES || ${+functions[compdef]} == 0 ) ]] && return 0
  if [[ -n "${VENVHOOK_GUARDED-}${VENVHOOK_OFF-}$_VENVHOOK_DRAWN${_VENVHOOK_HALF-}" || -e $_VENVHOOK_SESSION ||
    ( -z $_VENVHOOK_COMPLETES && ${+functions[compdef]} == 1 ) || ${+functions[builtin]} == 1 ||
    -o warn_nested_var || -o all_export || -o xtrace ]]; then
    # Of $? nothing is left by now. (Of a pipeline, whichever command it was.)
    if [[ ${+functions[builtin]} == 1 ||
      ( -n ${VENVHOOK_GUARDED-} && " ${(j: :)pipestatus[@]} " == *" 3 "* ) ]]; then
      if [[ ${+functions[builtin]} == 1 ]]; then
        _venvhook_mind_builtin _venvhook_hook
        return 0
      fi
      _venvhook_explain_refusal || :
    fi
    # What a function sets for the one that called it is no mistake here, and nothing is to be exported or shown.
    builtin setopt local_options no_warn_nested_var no_all_export no_xtrace
    [[ -z "${_VENVHOOK_HALF-}" ]] || () { builtin emulate -L zsh -o no_aliases; _venvhook_carry_out; } || :
    # Once compinit has run, which may be later than now.
    [[ -n $_VENVHOOK_COMPLETES || ${+functions[compdef]} == 0 ]] || _venvhook_register_completion
    if [[ -n $_VENVHOOK_DRAWN ]]; then
      [[ ${VIRTUAL_ENV_DISABLE_PROMPT-}:${PS1-} == "$_VENVHOOK_DRAWN"* ]] || _venvhook_prompt_renew || :
      [[ ${PATH-} == "$_VENVHOOK_SEEN" ||
        ( ${PATH-} == "$_VENVHOOK_ENV/bin:"* && ${ZSH_EVAL_CONTEXT-} == toplevel* ) ]] || _venvhook_outrank || :
    fi
    if [[ -n ${VENVHOOK_OFF-} || -e $_VENVHOOK_SESSION ]] && _venvhook_is_off; then return 0; fi
  fi
  local look=''
  if [[ ${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-} != \
    "$_VENVHOOK_CALM" ]]; then
    if ! _venvhook_is_free; then
      _VENVHOOK_OFFER=''
      [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}${VENVHOOK_GUARDED-} ]] || _venvhook_guard || :
      return 0
    fi
  fi
  if [[ $PWD == "$_VENVHOOK_PWD" ]]; then
    if [[ -n $_VENVHOOK_LOOK || -e $_VENVHOOK_NAME1 || -e $_VENVHOOK_NAME2 ||
      -e $_VENVHOOK_NAME3 ]]; then
      _venvhook_look || :
    fi
    # Where nothing is looked at that rests on the stamp, something may have been bound.
    if [[ $look == "$_VENVHOOK_LOOK" && ( -n $look || -e $_VENVHOOK_STANDS ) ]]; then
      [[ -z $_VENVHOOK_OFFER ]] || _venvhook_offer || :
      return 0
    fi
  fi
  if [[ -n $_VENVHOOK_STALE || ! $_VENVHOOK_POLICY -nt $_VENVHOOK_SETTINGS ||
    ( -n $_VENVHOOK_FILE && ! $_VENVHOOK_POLICY -nt $_VENVHOOK_FILE ) ]]; then
    _venvhook_renew || :
  fi
  # The nearest marker. A link that leads nowhere is noticed on the way up only by the first name: a
  # test costs as much as the rest of a level.
  local dir=${PWD%/} stop='' own='' bound=''
  [[ $dir/ != "${HOME-}"/* ]] || stop=${HOME-}
  [[ $dir/ == /* && -z $_VENVHOOK_BOUND ]] || _venvhook_find_bound
  _VENVHOOK_OFFER=''
  [[ $PWD == "$_VENVHOOK_PWD" || ${VENVHOOK_AUTO_CREATE:-$_VENVHOOK_AUTO_CREATE} == never ]] ||
    _VENVHOOK_OFFER=1
  if [[ -e $_VENVHOOK_NAME1 || -e $_VENVHOOK_NAME2 || -e $_VENVHOOK_NAME3 ||
    -L $_VENVHOOK_NAME1 || -L $_VENVHOOK_NAME2 || -L $_VENVHOOK_NAME3 ]]; then
    own=1
  else
    [[ $dir == "$stop" ]] || dir=${dir%/*}
    until [[ $dir == "$stop" || -e $dir/$_VENVHOOK_NAME1 || -L $dir/$_VENVHOOK_NAME1 ||
      -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ]]; do
      dir=${dir%/*}
    done
    if [[ $dir == "$stop" &&
      -z $bound$_VENVHOOK_ENV$_VENVHOOK_LOOK$_VENVHOOK_REST$_VENVHOOK_HAND$_VENVHOOK_AGAIN ]]; then
      _VENVHOOK_PWD=$PWD _VENVHOOK_ASKED=''
      [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}${VENVHOOK_GUARDED-} ]] || _venvhook_guard || :
      [[ -z $_VENVHOOK_OFFER ]] || _venvhook_offer || :
      return 0
    fi
  fi
  # What is to be done about it, and if it just passes, about the next.
  local verdict='' asked='' fresh='' markers='' level=''
  look='' _VENVHOOK_PASSED=()
  # $HOME counts for itself alone, also when it is reached by another name.
  while [[ -n $own || $dir == "${bound:-/}" || ( $dir != "$stop" && ! $dir -ef ${HOME:-/} ) ]]; do
    _venvhook_decide "${dir:-/}" || :
    [[ -z $asked && $verdict == pass && $dir != "$stop" ]] || break
    own=''
    dir=${dir%/*}
    until [[ $dir == "$stop" || -e $dir/$_VENVHOOK_NAME1 || -L $dir/$_VENVHOOK_NAME1 ||
      -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ]]; do
      dir=${dir%/*}
    done
  done
  if [[ -z $verdict || $verdict == pass ]]; then
    _VENVHOOK_REST='' _VENVHOOK_RECIPE='' _VENVHOOK_WATCH=()
    [[ -z $_VENVHOOK_ENV ]] || _venvhook_leave || :
  else
    _VENVHOOK_OFFER=''
  fi
  # What was found by a kept recipe has been looked at already.
  if [[ -n $fresh && ${#_VENVHOOK_PASSED[@]} -eq 0 ]]; then
    [[ $level != "$PWD" ]] || look=$markers
    look+=$fresh
  elif [[ -n $verdict$asked || ${#_VENVHOOK_WATCH[@]} -gt 0 ]]; then
    _venvhook_look || :
  fi
  _VENVHOOK_PWD=$PWD _VENVHOOK_LOOK=$look _VENVHOOK_HAND='' _VENVHOOK_JUST='' _VENVHOOK_ASKED=''
  _VENVHOOK_CALM=${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-}
  [[ -z $_VENVHOOK_AGAIN ]] || _venvhook_settle
  [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}${VENVHOOK_GUARDED-} ]] || _venvhook_guard || :
  [[ -z $_VENVHOOK_OFFER ]] || _venvhook_offer || :
}

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
_venvhook_is_free() {
  builtin emulate -L zsh -o no_aliases
  local calm before=$_VENVHOOK_DIRENV
  ! _venvhook_is_lent || return 1
  [[ -z ${functions[_direnv_hook]-} ]] || _venvhook_precede_direnv
  [[ ${DIRENV_DIFF-} == "$before" && ${#_VENVHOOK_LEFT[@]} -eq 0 ]] || _venvhook_sweep
  calm=${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}
  if [[ $calm:$before == "$_VENVHOOK_CALM" ]]; then
    _VENVHOOK_CALM=$calm:$_VENVHOOK_DIRENV
    return 0
  fi
  if [[ -n $_VENVHOOK_ENV ]]; then
    if [[ ${_OLD_VIRTUAL_PATH+x} != "$_VENVHOOK_LEFTOVER" || ( -n ${VIRTUAL_ENV-} && $VIRTUAL_ENV != "$_VENVHOOK_ENV" ) ]]; then
      _venvhook_uninterrupted _venvhook_yield
    else
      # VIRTUAL_ENV was taken away, or conda activated an environment.
      [[ -n ${VIRTUAL_ENV-} ]] || _VENVHOOK_REST+=$_VENVHOOK_ROOT$'\n'
      _venvhook_switch '' '' ''
    fi
  fi
  _VENVHOOK_PWD=''
  export VENVHOOK_SESSION=$_VENVHOOK_SESSION${VENVHOOK_OFF:+.off}
  if [[ -n ${VIRTUAL_ENV-} || ${CONDA_DEFAULT_ENV:-base} != base ]]; then
    # Whatever calls 'deactivate' first, such as workon, means no project by it.
    [[ -z $_VENVHOOK_JUST ]] || _venvhook_prune_rest "$_VENVHOOK_JUST"
    _VENVHOOK_HAND=${VIRTUAL_ENV-} _VENVHOOK_CALM='' _VENVHOOK_JUST=''
    return 1
  fi
  _VENVHOOK_CALM=${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-}
}

# Is this shell switched off: by 'venvhook off', or by VENVHOOK_OFF, which 'venvhook on' overrules? Then
# nothing of ours is active, and nothing is looked at.
_venvhook_is_off() {
  builtin emulate -L zsh -o no_aliases
  local word='' file=$_VENVHOOK_SESSION off=${VENVHOOK_OFF:+x}
  if [[ -f $file && ! -L $file && -O $file && -O ${file%/*} ]]; then
    { IFS= builtin read -r -k 8 -u 0 word < "$file"; } 2> /dev/null
  fi
  export VENVHOOK_SESSION=$file${off:+.off}
  case $word:$off in
    ($'off\n':*) ;;
    ($'on\n':)
      # It overrules no variable, but what 'deactivate' has put to rest.
      builtin command rm -f -- "$file" 2> /dev/null
      _VENVHOOK_PWD='' _VENVHOOK_REST=''
      return 1
      ;;
    ($'on\n':* | *:) return 1 ;;
  esac
  _VENVHOOK_CALM=off
  _venvhook_is_free || :
  _VENVHOOK_PWD='' _VENVHOOK_REST='' _VENVHOOK_HAND='' _VENVHOOK_JUST='' _VENVHOOK_CALM=off _VENVHOOK_OFFER=''
  [[ -z ${VENVHOOK_GUARDED-} ]] || _venvhook_guard off
  return 0
}

# Ends what was to be done at the first prompt, or the next. After a 'cd' in the rc file this is no prompt
# yet.
_venvhook_settle() {
  builtin emulate -L zsh -o no_aliases
  local entries=${PATH-}
  case $_VENVHOOK_AGAIN:${ZSH_EVAL_CONTEXT-} in
    (local:*) _VENVHOOK_AGAIN=1 _VENVHOOK_PWD='' ;;
    (*:*file*) _VENVHOOK_CALM='' ;;
    (/*:toplevel*) _VENVHOOK_PWD='' ;;
    (/*)
      # 'PATH=... cd elsewhere' has put back what PATH was.
      if [[ $_VENVHOOK_AGAIN != "$_VENVHOOK_ENV" ]]; then
        _venvhook_path_without "$_VENVHOOK_AGAIN/bin"
        [[ $entries == "${PATH-}" ]] || PATH=$entries
        [[ -z $_VENVHOOK_ENV ]] || _VENVHOOK_SEEN=${PATH-}
      fi
      _VENVHOOK_AGAIN=''
      ;;
    (*) _VENVHOOK_AGAIN='' ;;
  esac
}

# ---- Where there is no environment ---------------------------------------------------------------

# Offers to make one for the project in $PWD, once in this shell. Who asks is Python, with the
# terminal to itself; Ctrl-C there ends all that this prompt was to do. 3 is its answer where something
# is being typed, so that it asks at the next prompt.
_venvhook_offer() {
  builtin emulate -L zsh -o no_aliases
  local file code offered=$_VENVHOOK_OFFERED
  # Not in the middle of a line that is run, nor of one that is typed.
  [[ ${ZSH_EVAL_CONTEXT-} != toplevel* && -z ${WIDGET-} ]] || return 0
  [[ -z $_VENVHOOK_WAITS ]] || return 0
  _VENVHOOK_OFFER=''
  [[ $'\n'$_VENVHOOK_OFFERED != *$'\n'"$PWD"$'\n'* ]] || return 0
  [[ -o interactive && -t 0 && -t 2 && -x $_VENVHOOK_PYTHON ]] || return 0
  for file in ${(s: :)${VENVHOOK_PROJECT_FILES:-$_VENVHOOK_FILES}//:/ }; do
    if [[ -f $file ]]; then
      _VENVHOOK_OFFERED+=$PWD$'\n'
      code='import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; main()'
      if VENVHOOK_AUTO_CREATE=${VENVHOOK_AUTO_CREATE:-$_VENVHOOK_AUTO_CREATE} \
        "$_VENVHOOK_PYTHON" -I -c "$code" "$_VENVHOOK_SOURCE" "$PWD"; then
        _VENVHOOK_PWD=''
        _venvhook_hook
      elif (( $? == 3 )); then
        _VENVHOOK_OFFER=1 _VENVHOOK_OFFERED=$offered
      fi
      return 0
    fi
  done
}

# Lets pip refuse while no environment is active, if the user wants that; otherwise gives back what he
# had. What that was, after a =, is exported, so that a shell started from this one goes on with it.
# $1 may be 'off', whatever he wants otherwise.
_venvhook_guard() {
  builtin emulate -L zsh -o no_aliases
  local wanted=''
  case ${1:-${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}} in
    (1 | true | on) [[ -n ${VIRTUAL_ENV-} || ${CONDA_DEFAULT_ENV:-base} != base ]] || wanted=1 ;;
    (*) _VENVHOOK_UNGUARDED='' ;;
  esac
  if [[ -z ${VENVHOOK_GUARDED-} ]]; then
    [[ -n $wanted && -z $_VENVHOOK_UNGUARDED ]] || return 0
    export VENVHOOK_GUARDED="${PIP_REQUIRE_VIRTUALENV+=}${PIP_REQUIRE_VIRTUALENV-unset}"
    export PIP_REQUIRE_VIRTUALENV=1
  elif [[ ${PIP_REQUIRE_VIRTUALENV-} != 1 ]]; then
    # The user has set it himself.
    builtin unset VENVHOOK_GUARDED
    _VENVHOOK_UNGUARDED=1
  elif [[ -z $wanted ]]; then
    builtin unset PIP_REQUIRE_VIRTUALENV
    [[ $VENVHOOK_GUARDED != '='* ]] || export PIP_REQUIRE_VIRTUALENV="${VENVHOOK_GUARDED#'='}"
    builtin unset VENVHOOK_GUARDED
  fi
}

# Says why pip has just refused, if it was pip.
_venvhook_explain_refusal() {
  builtin emulate -L zsh -o no_aliases
  # At a prompt HISTCMD is the number of the line to come.
  local line="$HISTCMD ${history[$(( HISTCMD - 1 ))]-}"
  [[ $line == *pip* && $line != "$_VENVHOOK_REFUSED" ]] || return 0
  _VENVHOOK_REFUSED=$line
  _venvhook_say "pip installs outside of environments are off; 'venvhook guard off' allows them"
}

# ---- Completion ----------------------------------------------------------------------------------

# Completes a command line of venvhook's: by the text that click has for that, loaded the first time.
# It never asks another program of that name that stands there, such as ./venvhook of a project.
_venvhook_complete() {
  if (( ! $+functions[_venvhook_completion] )); then
    local text
    text=$(builtin command venvhook completion zsh 2> /dev/null) || return 1
    builtin eval "$text"
    _venvhook_register_completion
  fi
  _venvhook_completion "$@"
}

_venvhook_register_completion() {
  builtin emulate -L zsh -o no_aliases
  typeset -g _VENVHOOK_COMPLETES=1
  compdef _venvhook_complete venvhook
}

# ---- Registration --------------------------------------------------------------------------------

# Calls $1 without a function of the user's that is called 'builtin', which stays as it is.
_venvhook_mind_builtin() {
  if (( ${+functions[builtin]} )); then
    disable -f builtin
    {
      "$1"
    } always {
      builtin enable -f builtin
    }
  else
    "$1"
  fi
}

# Puts _venvhook_depart first, before direnv's hook.
_venvhook_precede_direnv() {
  [[ ${chpwd_functions[1]-} == _venvhook_depart || ${(t)chpwd_functions} == *readonly* ]] ||
    chpwd_functions=(_venvhook_depart ${chpwd_functions:#_venvhook_depart})
}

_venvhook_register() {
  typeset -g _VENVHOOK_COMPLETES='' _VENVHOOK_WAITS=''
  typeset -ga _VENVHOOK_UNSAID=()
  local name
  for name in precmd_functions chpwd_functions; do
    (( ${${(P)name}[(Ie)_venvhook_hook]} )) && continue
    if [[ ${(Pt)name} == *readonly* ]]; then
      [[ ! -o interactive ]] || _venvhook_say \
        "$name is read-only, so nothing is activated here; load venvhook before it is made so"
      return 0
    fi
  done
  # What add-zsh-hook would do, which is not there where fpath is empty.
  typeset -ga chpwd_functions precmd_functions
  (( $chpwd_functions[(Ie)_venvhook_hook] )) || chpwd_functions+=(_venvhook_hook)
  (( $precmd_functions[(Ie)_venvhook_hook] )) || precmd_functions+=(_venvhook_hook)
  if (( $+__p9k_instant_prompt_active )); then
    _VENVHOOK_WAITS=first
    precmd_functions+=(_venvhook_say_unsaid)
  fi
}

_venvhook_mind_builtin _venvhook_load
