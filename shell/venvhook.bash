# venvhook for bash, 3.2 and later. Printed by 'venvhook init bash' after a few assignments:
#   _VENVHOOK_PROTOCOL  which recipes this script understands
#   _VENVHOOK_PYTHON, _VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   _VENVHOOK_CACHE  where recipes of that protocol are kept, or empty
#   _VENVHOOK_SESSION  where the files of sessions are kept that have no other place, or empty
# shellcheck shell=bash
# shellcheck disable=SC2034  # verdict, root, ...: set here, read by the function that called

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
# _VENVHOOK_EAGER  1 while the DEBUG trap is ours, 'away' since the user has removed it
# _VENVHOOK_TRAP  the user's own, which ours has taken along
# _VENVHOOK_NEXT  what the trap is to become
# _VENVHOOK_FIRED  1 if it has run since the last prompt, for the hook; else unset
# _VENVHOOK_AT    the directory of the last prompt or of the last look by it
# _VENVHOOK_HALF  what is being set, while it is (see _venvhook_work_out)
# _VENVHOOK_TOLD  the lines said in this shell
# _VENVHOOK_PREFIX  how the name of what is active stands before the prompt, or empty
# _VENVHOOK_DRAWN  how the wish that it is not shown and the prompt, with a colon between them, begin as
#                 long as there is nothing to do about it; empty while nothing is active
# _VENVHOOK_PATHLESS  1 if PATH was unset when what is active was entered
# _VENVHOOK_SEEN  PATH as it was at the last look at it while an environment was active
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
# _VENVHOOK_MISNAMED  what VENVHOOK_NAMES is if that is a mistake, for the helper to say; else empty
# _VENVHOOK_OFFERED  the projects that an environment was offered for, like these
# _VENVHOOK_UNGUARDED  1 since the user set PIP_REQUIRE_VIRTUALENV himself

# What these options do to all that follows (a variable exported, a trap run at each command ...) is not
# meant for it: the end of this script sets them again.
_VENVHOOK_OPTIONS=$-
case $- in *[akTvx]*) \set +akTvx ;; esac # not by 'builtin', which may be the user's here

# Nothing that the user has made of a name counts here. Functions of his are avoided by 'builtin',
# before each command but 'local' and 'return'. One that is called 'builtin' is put away meanwhile,
# and its text kept here:
_VENVHOOK_AWAY=''

# Puts it away. Aliases are not off yet, so what could be one is quoted.
_venvhook_hide_builtin() {
  \local option options
  # Says by its status whether there is such a function: the attribute means nothing for one.
  \local -f +i builtin || \return 0
  options=${BASHOPTS-} _VENVHOOK_AWAY=$(\local -fp builtin)
  if [[ -o posix ]] || ! \local -f +i unset; then
    \unset -f builtin
    \return 0
  fi
  # In this mode no function counts instead of 'unset'. Without options nobody can tell what it was.
  POSIXLY_CORRECT=1
  \unset -f builtin
  \builtin unset POSIXLY_CORRECT
  [[ -n $options ]] || \return 0
  for option in expand_aliases inherit_errexit interactive_comments shift_verbose sourcepath; do
    case :$options: in
      *:$option:*) \builtin shopt -s $option ;;
      *) \builtin shopt -u $option 2> /dev/null ;; # some are missing in older ones
    esac
  done
}

# Gives it back; without 'function' an alias of that name would count.
_venvhook_show_builtin() {
  \local text
  [[ -n $_VENVHOOK_AWAY ]] || \return 0
  text=$_VENVHOOK_AWAY _VENVHOOK_AWAY=''
  \builtin eval "function $text"
}

_venvhook_hide_builtin
# Ctrl-C takes effect at the end of this script, as if it were one command. The user's own trap is read
# by way of a file, since a substitution is a process.
_VENVHOOK_INTERRUPTED='' _VENVHOOK_KEPT=$_VENVHOOK_CACHE/venvhook.line
if [[ -O $_VENVHOOK_CACHE && ! -L $_VENVHOOK_KEPT ]] &&
  { \builtin trap -p INT && \builtin printf '%s\0' "# $$"; } 2> /dev/null 1<> "$_VENVHOOK_KEPT"; then
  IFS= \builtin read -r -d '' _VENVHOOK_KEPT < "$_VENVHOOK_KEPT" || \builtin :
fi
[[ $_VENVHOOK_KEPT == *"# $$" ]] || _VENVHOOK_KEPT=$(\builtin trap -p INT)
\builtin trap '_VENVHOOK_INTERRUPTED=1' INT
# Aliases of the user's would be expanded in all that follows.
_VENVHOOK_ALIASES=''
if \builtin shopt -q expand_aliases; then
  _VENVHOOK_ALIASES=1
  \builtin shopt -u expand_aliases
fi

_venvhook_load() {
  _venvhook_names
  _venvhook_session
  # By its process number, since after 'set -a' a child inherits it.
  if [[ ${_VENVHOOK_LOADED-} != "$$" ]]; then
    _VENVHOOK_LOADED=$$
    _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_TOKEN='' _VENVHOOK_REST='' _VENVHOOK_HAND=''
    _VENVHOOK_TOLD='' _VENVHOOK_DRAWN='' _VENVHOOK_PREFIX='' _VENVHOOK_PATHLESS='' _VENVHOOK_DEACTIVATE=''
    _VENVHOOK_OFFERED='' _VENVHOOK_UNGUARDED='' _VENVHOOK_REFUSED='' _VENVHOOK_TYPED=''
    _VENVHOOK_JUST='' _VENVHOOK_PROMPT='' _VENVHOOK_DIRENV='' _VENVHOOK_SEEN=''
    _VENVHOOK_LEFT=() _VENVHOOK_HALF=()
    _VENVHOOK_EAGER='' _VENVHOOK_TRAP='' _VENVHOOK_NEXT='' _VENVHOOK_AT=''
    builtin unset _VENVHOOK_FIRED
    _VENVHOOK_LEFTOVER=${_OLD_VIRTUAL_PATH+x}
    builtin unset _VENVHOOK_OLD_VIRTUAL_ENV _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT _VENVHOOK_OLD_PYTHONHOME
    [[ ! -e $_VENVHOOK_SESSION ]] || builtin command rm -f -- "$_VENVHOOK_SESSION"
    _venvhook_adopt
  fi
  # What is active is left and entered again at the next prompt: whatever the rc file did to PATH
  # before or after this line, the environment is first on it then.
  _VENVHOOK_PWD='' _VENVHOOK_CALM='' _VENVHOOK_LOOK='' _VENVHOOK_RECIPE='' _VENVHOOK_MARKERS=''
  _VENVHOOK_WATCH=() _VENVHOOK_PASSED=() _VENVHOOK_GONE='' _VENVHOOK_ASKED='' _VENVHOOK_HUNG=0 _VENVHOOK_PAUSE=0
  _VENVHOOK_POLICY='' _VENVHOOK_STALE=new _VENVHOOK_STANDS=/ _VENVHOOK_SETTINGS='' _VENVHOOK_FILE=''
  _VENVHOOK_MANY=() _VENVHOOK_AUTO_CREATE=never _VENVHOOK_GUARD='' _VENVHOOK_FILES='' _VENVHOOK_BOUND=''
  # Below this no recipe is found, so there is no other place that has to know.
  [[ -n $_VENVHOOK_CACHE && -O $_VENVHOOK_CACHE ]] || _VENVHOOK_CACHE=/dev/null
  _venvhook_trust
  # Inherited ones may be exported, and 'set -a' has done so with those that stand before this script.
  builtin export -n "${!_VENVHOOK_@}"
  _venvhook_register
}

# What VENVHOOK_TRUST says: recipes made under one setting are not for another. The helper complains
# about a word that it does not know.
_venvhook_trust() {
  [[ -n ${VENVHOOK_TRUST-} ]] || return 0
  _VENVHOOK_PROTOCOL+=.$VENVHOOK_TRUST
  case $_VENVHOOK_CACHE:$VENVHOOK_TRUST in
    /dev/null:*) ;;
    *:own | *:ask | *:all) _VENVHOOK_CACHE+=.$VENVHOOK_TRUST ;;
    *) _VENVHOOK_CACHE=/dev/null ;;
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
    _VENVHOOK_SESSION=${XDG_RUNTIME_DIR%/}/venvhook
  fi
  [[ -z ${_VENVHOOK_SESSION-} ]] || _VENVHOOK_SESSION+=/$$
  builtin export VENVHOOK_SESSION="${_VENVHOOK_SESSION-}"
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
    _VENVHOOK_PASSED[${#_VENVHOOK_PASSED[@]}]=$_VENVHOOK_RECIPE
    _VENVHOOK_PASSED[${#_VENVHOOK_PASSED[@]}]=$witness
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
  # The end of the file makes the status 1; a NUL ends what is read.
  # Silent also where it has gone meanwhile, whose name would be shown as it is.
  IFS= builtin read -r -d '' -n 40 value 2>&- < "$file"
  [[ $value == "$2"$'\n' ]]
}

# May the answer for the project $1 with the markers $2, which rests on the other arguments, be used?
# Always if the helper has just given it; from a kept recipe if the markers are still the same, and
# all that it rests on exists and is older.
# (-nt alone is true in bash for a missing file.)
_venvhook_may_use() {
  local root=$1 there=$2 witness
  builtin shift 2
  if [[ -n $asked ]]; then
    recipe=$_VENVHOOK_CACHE${root%/}/venvhook.recipe.sh fresh=''
  else
    [[ $root == "$level" && $there == "$markers" ]] || return 1
    fresh=''
    for witness; do
      [[ -e $witness && $recipe -nt $witness ]] || return 1
      fresh+=n
    done
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
      if [[ -e $i && $_VENVHOOK_RECIPE -nt $i ]]; then look+=n; else [[ -e $i ]]; look+=$?; fi
    done
  fi
  [[ -z $_VENVHOOK_TOKEN ]] || _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN" || look+=x
  ((${#_VENVHOOK_PASSED[@]})) || return 0
  builtin set -- "${_VENVHOOK_PASSED[@]}"
  while (($#)); do
    if [[ -e $2 && $1 -nt $2 ]]; then look+=n; else [[ -e $2 ]]; look+=$?; fi
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
    [[ -e $witness && $1 -nt $witness ]] || stale=1
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
  local asked='' loaded='' kept=$_VENVHOOK_CACHE/venvhook.policy.sh
  case $_VENVHOOK_STALE in
    x) return 0 ;;
    many)
      for kept in "${_VENVHOOK_MANY[@]}"; do
        [[ -e $kept && $_VENVHOOK_POLICY -nt $kept ]] || loaded=1
      done
      [[ -n $loaded ]] || return 0
      kept=$_VENVHOOK_CACHE/venvhook.policy.sh loaded=''
      ;;
  esac
  if [[ -f $kept && -O $kept ]]; then builtin source "$kept"; fi
  [[ -n $loaded ]] || _venvhook_ask policy bash
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
  if [[ ! -x $_VENVHOOK_PYTHON ]]; then
    [[ -n $_VENVHOOK_GONE ]] ||
      _venvhook_say "the helper's Python is gone ($_VENVHOOK_PYTHON); install venvhook again"
    _VENVHOOK_GONE=mute
    return 0
  fi
  [[ $PWD != "$_VENVHOOK_ASKED" ]] || return 0
  _VENVHOOK_ASKED=$PWD
  if ((_VENVHOOK_PAUSE > 0)); then
    _VENVHOOK_PAUSE=$((_VENVHOOK_PAUSE - 1))
    return 0
  fi
  [[ -z ${VENVHOOK_TIMEOUT-} ]] || _venvhook_limit
  if [[ -z $_VENVHOOK_GONE ]]; then
    answer=$(_venvhook_run "$@") || :
  else
    # What is wrong with it has been said.
    answer=$(_venvhook_run "$@" 2> /dev/null) || :
  fi
  case $answer in
    *'#0')
      _VENVHOOK_ASKED='' _VENVHOOK_HUNG=0
      [[ $_VENVHOOK_GONE != mute ]] || _VENVHOOK_GONE=''
      builtin eval "$answer"
      ;;
    *'#hangs') _venvhook_give_up "did not answer within $limit s ($_VENVHOOK_PYTHON)" ;;
    '#') _venvhook_give_up "was killed ($_VENVHOOK_PYTHON)" ;;
    '#'*) _VENVHOOK_ASKED='' _VENVHOOK_GONE=1 ;;
    *)
      # Its Python does not even start, and has said why.
      _VENVHOOK_ASKED=''
      : "${_VENVHOOK_GONE:=mute}"
      ;;
  esac
}

# Sets limit to the seconds that VENVHOOK_TIMEOUT says, if it says some.
_venvhook_limit() {
  case $VENVHOOK_TIMEOUT in
    [1-9] | [1-9][0-9]) limit=$VENVHOOK_TIMEOUT ;;
    *) _venvhook_tell '' 'VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s' / ;;
  esac
}

# Says once that the helper $1.
_venvhook_give_up() {
  ((_VENVHOOK_HUNG > 0)) || _venvhook_say "the helper $1; it is asked again after a change of directory"
  _VENVHOOK_PAUSE=$_VENVHOOK_HUNG
  ((_VENVHOOK_HUNG > 31)) || _VENVHOOK_HUNG=$((_VENVHOOK_HUNG * 2 + 1))
}

# Prints the answer of the helper's module $1 between two #, and its exit status; 'hangs' after limit
# seconds. Called in a subshell, whose $! and traps these are.
_venvhook_run() {
  local pid='' answer='' status
  # 0: it does not have to end itself.
  builtin set -- "$_VENVHOOK_PYTHON" -I -S "$_VENVHOOK_SOURCE/venvhook/helper.py" 0 "$1" \
    "$_VENVHOOK_PROTOCOL" "${@:2}"
  builtin trap '_venvhook_kill; \builtin exit 130' INT
  {
    builtin read -r pid
    IFS= builtin read -r -d '' -t "$limit" answer
    status=$?
  } < <(_venvhook_start "$@")
  if ((status > 128)); then
    _venvhook_kill
    answer+='#hangs'
  fi
  # From 4.4 on it is waited for, so that it is nobody's zombie.
  builtin wait "$pid" 2> /dev/null || :
  builtin printf %s "$answer"
}

# Becomes the helper, after printing its process number, which before bash 4 only sh tells.
_venvhook_start() {
  # Python would say that Ctrl-C has ended its start; the helper does heed it, and is killed before.
  builtin trap '' INT
  if [[ -n ${BASHPID-} ]]; then
    builtin printf '%s\n' "$BASHPID"
    builtin exec "$@"
  fi
  # shellcheck disable=SC2016  # expanded by sh
  builtin exec /bin/sh -c 'echo $$; exec "$@"' sh "$@"
}

# Kills the helper, and what it has started if it is not what it should be: first, so that it can be
# found, but without a word about it. Not by PATH, which may lead into a project.
_venvhook_kill() {
  [[ $pid == [1-9]* ]] || return 0
  builtin kill -STOP "$pid" 2> /dev/null || :
  /usr/bin/pkill -KILL -P "$pid" 2> /dev/null || :
  builtin kill -KILL "$pid" 2> /dev/null || :
}

_venvhook_say() {
  builtin printf 'venvhook: %s\n' "$1" >&2
}

# Says $2 about the project $1, once in this shell; again if it is $3, the one that was active.
_venvhook_tell() {
  local line="/$1"$'\n'"$2"$'\n'
  [[ $1 == "$3" || $_VENVHOOK_TOLD != *"$line"* ]] || return 0
  _VENVHOOK_TOLD+=$line
  _venvhook_say "$2"
}

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to $2, of the project $1 and called $3; all empty: to none.
_venvhook_switch() {
  [[ -n $2$_VENVHOOK_ENV ]] || return 0
  _venvhook_work_out "$@" || _venvhook_may_change
}

# Calls the function $1 with the other arguments so that Ctrl-C does not end it half-way, but what comes
# after it: for what is rare and cannot be done twice, since it starts a process.
_venvhook_uninterrupted() {
  local kept
  kept=$(\builtin trap -p INT)
  _VENVHOOK_INTERRUPTED=''
  builtin trap '_VENVHOOK_INTERRUPTED=1' INT
  "$@" || builtin :
  builtin eval "\\builtin ${kept:-trap - INT}"
  [[ -z $_VENVHOOK_INTERRUPTED ]] || builtin kill -INT $$
}

# Is one of the variables $@ read-only? Then it can be no local one either, which bash says. (Closing
# stderr is cheaper than /dev/null.)
_venvhook_is_locked() {
  ! local "$@" 2>&-
}

# May be changed what activation changes? If not, that is said once: better all of it than a half.
_venvhook_may_change() {
  local name
  _venvhook_is_locked PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME || return 0
  for name in PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME; do
    if _venvhook_is_locked "$name"; then
      _venvhook_tell '' "$name is read-only in this shell, so environments are neither activated nor left" /
      return 1
    fi
  done
}

# Works out what _venvhook_switch is to set, remembers it, and sets it: what Ctrl-C then leaves undone
# is done at the next prompt. Fails if it may not be set.
_venvhook_work_out() {
  local path=${PATH-} unset='' prompt=${PS1-} prefix='' drawn='' locked=''
  if _venvhook_is_locked PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME PS1; then
    ! _venvhook_is_locked PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME || return 1
    locked=1
  fi
  [[ -n ${PATH+x} ]] || unset=1
  if [[ -n $_VENVHOOK_ENV ]]; then
    [[ -z $_VENVHOOK_PATHLESS || $path != "$_VENVHOOK_ENV/bin" ]] || unset=1
    _venvhook_path_without "$_VENVHOOK_ENV/bin"
    _venvhook_prompt_hide
  fi
  if [[ -n $2 ]]; then
    [[ -n $_VENVHOOK_ENV ]] || _venvhook_store
    [[ -n $unset ]] || path=:$path
    path=$2/bin$path
    _venvhook_prompt_show "$2" "$3"
  fi
  _VENVHOOK_HALF=(half "$1" "$2" "$3" "$path" "$unset" "$prompt" "$prefix" "$drawn")
  _venvhook_carry_out
}

# Sets what _VENVHOOK_HALF says. From wherever it was ended, done again it comes to the same.
_venvhook_carry_out() {
  builtin set -- "${_VENVHOOK_HALF[@]}"
  [[ $7 == "${PS1-}" ]] || PS1=$7
  if [[ -n $3 ]]; then
    # One that was set in a project that is left for this one is the user's as well.
    [[ -z ${PYTHONHOME+x} ]] || _VENVHOOK_OLD_PYTHONHOME=$PYTHONHOME
    # The others because an array is never exported, and a number takes no path.
    builtin unset -v PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE
    builtin export PATH="$5" VIRTUAL_ENV="$3" VIRTUAL_ENV_PROMPT="$4" VENVHOOK_ACTIVE="$3"
    [[ -n $_VENVHOOK_ENV ]] || _venvhook_deactivate_define
    _VENVHOOK_PROMPT=$4
  else
    if [[ -n $6 ]]; then builtin unset PATH; else PATH=$5; fi
    _venvhook_restore
    _venvhook_deactivate_remove
  fi
  _VENVHOOK_ROOT=$2 _VENVHOOK_ENV=$3 _VENVHOOK_TOKEN='' _VENVHOOK_SEEN=$5 _VENVHOOK_PATHLESS=$6 \
    _VENVHOOK_PREFIX=$8 _VENVHOOK_DRAWN=$9 _VENVHOOK_HALF=()
}

# Remembers what activation replaces.
_venvhook_store() {
  _VENVHOOK_LEFTOVER=${_OLD_VIRTUAL_PATH+x} _VENVHOOK_UNEXPORTED='' _VENVHOOK_TYPED='' _VENVHOOK_DEACTIVATE=''
  local before=${_VENVHOOK_OLD_VIRTUAL_ENV+x}${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x}${_VENVHOOK_OLD_PYTHONHOME+x}
  [[ -z ${VIRTUAL_ENV[*]+x}${VIRTUAL_ENV_PROMPT[*]+x}${PYTHONHOME+x}$before ]] || _venvhook_store_variables
  # Says by its status whether there is such a function, and prints nothing as -F would.
  ! builtin declare -f +t deactivate || _VENVHOOK_DEACTIVATE=$(\builtin declare -fp deactivate)
}

# What carries out the rest takes PYTHONHOME itself.
_venvhook_store_variables() {
  local name attributes all
  builtin unset _VENVHOOK_OLD_VIRTUAL_ENV _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT _VENVHOOK_OLD_PYTHONHOME
  if [[ -n ${VIRTUAL_ENV+x} ]]; then _VENVHOOK_OLD_VIRTUAL_ENV=$VIRTUAL_ENV; fi
  if [[ -n ${VIRTUAL_ENV_PROMPT+x} ]]; then _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT=$VIRTUAL_ENV_PROMPT; fi
  for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME; do
    all="${name}[*]"
    [[ -n ${!all+x} ]] || continue
    # A process, but hardly anybody has set one of these.
    attributes=$(\builtin declare -p "$name")
    attributes=${attributes#declare }
    [[ ${attributes%% *} == *x* ]] || _VENVHOOK_UNEXPORTED+=:$name:
    # An array or a number comes back as one, but before 4.2, which has no 'declare -g'.
    [[ $name == VIRTUAL_ENV_PROMPT && $BASH_VERSION != [1-3].* && $BASH_VERSION != 4.[01].* ]] || continue
    case ${attributes%% *} in
      *[aA]*) _VENVHOOK_TYPED=$attributes ;;
      *[cilu]*) _VENVHOOK_TYPED="${attributes%% *} $name=${!name}" ;;
    esac
  done
}

# Gives back what activation replaced.
_venvhook_restore() {
  builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE
  if [[ -n ${_VENVHOOK_OLD_VIRTUAL_ENV+x} ]]; then
    builtin export VIRTUAL_ENV="$_VENVHOOK_OLD_VIRTUAL_ENV"
    [[ $_VENVHOOK_UNEXPORTED != *:VIRTUAL_ENV:* ]] || builtin export -n VIRTUAL_ENV
  fi
  if [[ -n ${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x} ]]; then
    builtin export VIRTUAL_ENV_PROMPT="$_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT"
    [[ $_VENVHOOK_UNEXPORTED != *:VIRTUAL_ENV_PROMPT:* ]] || builtin export -n VIRTUAL_ENV_PROMPT
  fi
  if [[ -n $_VENVHOOK_TYPED ]]; then
    builtin unset VIRTUAL_ENV_PROMPT
    builtin declare -g "${_VENVHOOK_TYPED%% *}" "${_VENVHOOK_TYPED#* }"
  fi
  # A PYTHONHOME that the user has set meanwhile stays.
  if [[ -z ${_VENVHOOK_OLD_PYTHONHOME+x} || -n ${PYTHONHOME+x} ]]; then
    builtin :
  elif [[ $_VENVHOOK_UNEXPORTED == *:PYTHONHOME:* ]]; then
    PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
  else
    builtin export PYTHONHOME="$_VENVHOOK_OLD_PYTHONHOME"
  fi
}

# Puts our 'deactivate' in the place of the user's.
_venvhook_deactivate_define() {
  # What takes its place would still be exported. One that is read-only stays.
  if [[ -n $_VENVHOOK_DEACTIVATE ]] && ! builtin unset -f deactivate 2> /dev/null; then
    _VENVHOOK_DEACTIVATE=''
    return 0
  fi
  # shellcheck disable=SC2317  # called by the user
  # Written so, an alias of that name does no harm.
  function deactivate { _venvhook_deactivate; }
}

# Takes our 'deactivate' away, and gives back that of the user's. One that he has defined meanwhile stays.
_venvhook_deactivate_remove() {
  local text=''
  _venvhook_deactivate_text
  [[ -z $text || $text == *_venvhook_deactivate* ]] || return 0
  builtin unset -f deactivate 2>&- || builtin :
  [[ -z $_VENVHOOK_DEACTIVATE ]] || _venvhook_uninterrupted _venvhook_deactivate_give_back
}

# Not to be ended by Ctrl-C, after which bash 5.1 would leave aliases off whatever is done about it.
_venvhook_deactivate_give_back() {
  local text=$_VENVHOOK_DEACTIVATE exported='' aliases=''
  # From 5.0 on bash adds a line that says so.
  if [[ $text == *$'\n'"declare -f"*" deactivate" ]]; then
    exported=1 text=${text%$'\n'*}
  fi
  # Aliases in it were expanded when it was defined.
  ! builtin shopt -q expand_aliases || aliases=1
  builtin shopt -u expand_aliases
  builtin eval "function $text"
  [[ -z $aliases ]] || builtin shopt -s expand_aliases
  [[ -z $exported ]] || builtin export -f deactivate
}

# Sets text to the function 'deactivate' as it is. A substitution would start a process, so by way of
# a file; this process's number after it shows that no other shell has written there meanwhile.
_venvhook_deactivate_text() {
  local file=$_VENVHOOK_CACHE/venvhook.line
  if [[ -O $_VENVHOOK_CACHE && ! -L $file ]]; then
    # Up to a NUL, since the file is not cut: where it was longer, ext4 writes it to the disk then.
    if { builtin declare -f deactivate || builtin :; builtin printf '#%s\0' "$$"; } 2>&- 1<> "$file"; then
      IFS= builtin read -r -d '' text 2>&- < "$file" || builtin :
    fi
  fi
  if [[ $text == *"#$$" ]]; then
    text=${text%"#$$"}
  else
    text=$(\builtin declare -f deactivate)
  fi
}

# Takes the first entry $1 out of path.
_venvhook_path_without() {
  if [[ $path == "$1:"* ]]; then
    path=${path#"$1:"}
  elif [[ :$path: == *":$1:"* ]]; then
    path=:$path:
    path=${path%%":$1:"*}:${path#*":$1:"}
    path=${path#:}
    path=${path%:}
  fi
}

# PATH is another than at the last look. What the user puts before the environment stays there, but for
# shims, which choose a Python themselves: a tool that is set up again, such as pyenv, puts them first.
_venvhook_outrank() {
  local path=${PATH-} entry=$_VENVHOOK_ENV/bin before shims
  before=:$path:
  before=${before%%":$entry:"*}:
  if [[ :$path: == *":$entry:"* && $before == *"/shims:"* ]] && _venvhook_may_change; then
    _venvhook_path_without "$entry"
    shims=${before%%"/shims:"*}
    before=${before%%":${shims##*:}/shims:"*}:
    path=:$path:
    path=$before$entry:${path#"$before"}
    path=${path#:}
    PATH=${path%:}
  fi
  _VENVHOOK_SEEN=${PATH-}
}

# Puts ($2), the name of the environment $1, before prompt, unless that is not wished or it shows it
# itself. One that cannot be changed (locked) stays; one that may show it later is looked at again each
# time.
_venvhook_prompt_show() {
  drawn=$'\n'
  if [[ -n ${VIRTUAL_ENV_DISABLE_PROMPT-} ]]; then
    drawn=$VIRTUAL_ENV_DISABLE_PROMPT:
  elif [[ -n $locked ]]; then
    drawn=:
  elif [[ -n ${PS1+x} ]] && ! _venvhook_prompt_tells "$1" "$2"; then
    _venvhook_prompt_name "$2"
    prompt=$prefix$prompt drawn=:$prefix
  fi
}

# Sets prefix to what shows ($1) in a prompt, where nothing in it may be expanded: neither now nor if
# promptvars, which others switch on and off, or PS1 in a child says something else (bash decodes \\044
# to \$, which it expands to $; without promptvars that is what is seen).
_venvhook_prompt_name() {
  local rest=$1 plain
  prefix=''
  while [[ $rest == *[\\\$\`!]* ]]; do
    plain=${rest%%[\\\$\`!]*}
    prefix+=$plain
    rest=${rest#"$plain"}
    case $rest in
      \\*) prefix+="\\\\\\\\" ;;
      \$*) prefix+='\\\044' ;;
      \`*) prefix+='\\\140' ;;
      *) prefix+='\041' ;;
    esac
    rest=${rest#?}
  done
  prefix="($prefix$rest) "
}

# Does prompt show the environment $1 itself, which is called $2? By a variable or a function, or in
# brackets where it was made anew with it, whatever the colours; or by a program that makes it anew
# after this or did so before.
_venvhook_prompt_tells() {
  local IFS=' ' text=$prompt rest name
  case $text in
    *VIRTUAL_ENV* | *virtualenv*) return 0 ;;
  esac
  case "${PROMPT_COMMAND[*]-} ${precmd_functions[*]-}" in
    *starship_precmd* | *_omp_hook* | *__lp_set_prompt*) return 0 ;;
  esac
  while rest=${text#*'\['} && [[ $rest != "$text" && $rest == *'\]'* ]]; do
    text=${text%%'\['*}${rest#*'\]'}
  done
  for name in "$2" "${1##*/}"; do
    [[ $text != *[\(\[]"$name"[\)\]]* ]] || return 0
  done
  return 1
}

# The prompt is not as it was left, or the wish is another one. One that is only longer stays.
_venvhook_prompt_renew() {
  [[ -n ${VIRTUAL_ENV_DISABLE_PROMPT-} || -z $_VENVHOOK_PREFIX || ${PS1-} != *"$_VENVHOOK_PREFIX"* ]] ||
    return 0
  _venvhook_prompt_change "$_VENVHOOK_ENV" "$_VENVHOOK_PROMPT"
}

# Puts ($2), the name of the environment $1, before the prompt in the place of what is there, or nothing.
_venvhook_prompt_change() {
  local prompt=${PS1-} prefix='' drawn='' locked=''
  ! _venvhook_is_locked PS1 || locked=1
  _venvhook_prompt_hide
  [[ -z $1 ]] || _venvhook_prompt_show "$@"
  [[ $prompt == "${PS1-}" ]] || PS1=$prompt
  _VENVHOOK_PREFIX=$prefix _VENVHOOK_DRAWN=$drawn
}

# Takes what stands before the prompt out of it.
_venvhook_prompt_hide() {
  [[ -n $_VENVHOOK_PREFIX && -z $locked && $prompt == *"$_VENVHOOK_PREFIX"* ]] || return 0
  prompt=${prompt%%"$_VENVHOOK_PREFIX"*}${prompt#*"$_VENVHOOK_PREFIX"}
}

# What 'deactivate' does while an environment is active: it stays off until the project is left.
_venvhook_deactivate() {
  # shellcheck disable=SC2195  # under nocasematch it does match
  case $-$_VENVHOOK_OPTIONS:a in
    *[akTvxN]*:? | *:A)
      _VENVHOOK_OPTIONS=$?:$-${_VENVHOOK_OPTIONS#*:}
      set +akTvx
      _venvhook_mind_options _venvhook_deactivate && return || return
      ;;
  esac
  if [[ -z ${_VENVHOOK_ALONE-} ]] && local -f +i builtin; then
    _venvhook_mind_builtin _venvhook_deactivate 0
    return 0
  fi
  _VENVHOOK_REST+=$_VENVHOOK_ROOT$'\n' _VENVHOOK_JUST=$_VENVHOOK_ROOT
  _venvhook_switch '' '' ''
  [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD} ]] || _venvhook_guard
}

# An environment was activated by hand on top of ours, and 'deactivate' is no longer ours: what is
# left of ours goes, also out of what the other one will give back.
_venvhook_yield() {
  local path theirs entry=$_VENVHOOK_ENV/bin
  theirs=$(\builtin declare -f deactivate)
  path=${PATH-}
  # Of two entries that are the same, the first is the user's.
  if [[ ${VIRTUAL_ENV-} == "$_VENVHOOK_ENV" && $path == "$entry:"* ]]; then
    path=${path#"$entry:"}
    _venvhook_path_without "$entry"
    path=$entry${path:+:$path}
  else
    _venvhook_path_without "$entry"
  fi
  PATH=$path
  if [[ -n ${_OLD_VIRTUAL_PATH+x} ]]; then
    path=$_OLD_VIRTUAL_PATH
    _venvhook_path_without "$entry"
    _OLD_VIRTUAL_PATH=$path
  fi
  if [[ -n $_VENVHOOK_PREFIX && ${_OLD_VIRTUAL_PS1-} == "$_VENVHOOK_PREFIX"* ]]; then
    _OLD_VIRTUAL_PS1=${_OLD_VIRTUAL_PS1#"$_VENVHOOK_PREFIX"}
  fi
  _venvhook_prompt_change ''
  # What a stock script has set, it gives back. Others, and old ones, know of fewer variables.
  # An empty PYTHONHOME they leave as it is.
  if [[ $theirs == *_OLD_VIRTUAL_PYTHONHOME* && -n ${_VENVHOOK_OLD_PYTHONHOME-} ]]; then
    _OLD_VIRTUAL_PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
  elif [[ -n ${_VENVHOOK_OLD_PYTHONHOME+x} && -z ${PYTHONHOME+x} ]]; then
    builtin export PYTHONHOME="$_VENVHOOK_OLD_PYTHONHOME"
  fi
  [[ $theirs == *_OLD_VIRTUAL_PYTHONHOME* ]] || _venvhook_mind_leaving
  if [[ ${VIRTUAL_ENV_PROMPT-} != "$_VENVHOOK_PROMPT" || $theirs == *VIRTUAL_ENV_PROMPT* ]]; then
    builtin :
  elif [[ -n ${_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT+x} ]]; then
    builtin export VIRTUAL_ENV_PROMPT="$_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT"
  else
    builtin unset VIRTUAL_ENV_PROMPT
  fi
  builtin unset VENVHOOK_ACTIVE
  # Somebody may have set VIRTUAL_ENV and no more.
  [[ $theirs != *_venvhook_deactivate* ]] || _venvhook_deactivate_remove
  _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_TOKEN=''
}

# Remembers that what is active now may be put back later, when it no longer is: when direnv leaves a
# directory, it sets each variable that it has changed to what that held before, and mise does so with
# VIRTUAL_ENV.
_venvhook_mind_leaving() {
  local env
  for env in ${_VENVHOOK_LEFT[@]+"${_VENVHOOK_LEFT[@]}"}; do
    [[ $env != "$_VENVHOOK_ENV" ]] || return 0
  done
  _VENVHOOK_LEFT[${#_VENVHOOK_LEFT[@]}]=$_VENVHOOK_ENV
}

# Takes away again what was put back, and puts back what direnv has taken away.
_venvhook_sweep() {
  local path=${PATH-} env direnv='' prompt=''
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
    [[ :$path: == *":$_VENVHOOK_ENV/bin:"* ]] || path=$_VENVHOOK_ENV/bin${path:+:$path}
    _venvhook_mind_leaving
    [[ ${VIRTUAL_ENV-} != "$_VENVHOOK_ENV" ]] || builtin export VIRTUAL_ENV_PROMPT="$_VENVHOOK_PROMPT"
  elif [[ -n $prompt && ${VIRTUAL_ENV_PROMPT-} == "$prompt" && -z $_VENVHOOK_ENV ]]; then
    builtin unset VIRTUAL_ENV_PROMPT
  fi
  [[ $path == "${PATH-}" ]] || PATH=$path
  _VENVHOOK_DIRENV=${DIRENV_DIFF-}
  [[ -n $_VENVHOOK_DIRENV || ${VIRTUAL_ENV-} != "$_VENVHOOK_ENV" ]] || _VENVHOOK_LEFT=()
}

# A shell started from one with an active environment inherits it, and keeps it up to the first prompt:
# there it is left, and entered again if it is right for the directory. If VIRTUAL_ENV is another's by
# now, what is left of ours goes.
_venvhook_adopt() {
  local path=${PATH-} active=${VENVHOOK_ACTIVE-} name=${VIRTUAL_ENV_PROMPT-}
  [[ -z ${SUDO_COMMAND-} || -n $active${VIRTUAL_ENV-} ]] || _venvhook_adopt_entry
  builtin unset VENVHOOK_ACTIVE
  [[ -z $active || -z ${DIRENV_DIFF-} ]] || _VENVHOOK_LEFT=("$active")
  [[ -n $active ]] && _venvhook_may_change || return 0
  _venvhook_adopt_prompt
  if [[ ${VIRTUAL_ENV-} == "$active" ]]; then
    builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    _venvhook_store
    _venvhook_deactivate_define
    _VENVHOOK_ENV=$active _VENVHOOK_PROMPT=$name
    builtin export VIRTUAL_ENV="$active" VIRTUAL_ENV_PROMPT="$name" VENVHOOK_ACTIVE="$active"
  else
    _venvhook_path_without "$active/bin"
    PATH=$path
    _venvhook_prompt_change ''
    [[ -n ${VIRTUAL_ENV-} ]] || builtin unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
  fi
}

# Where the prompt is exported, the name is in it, written by this shell or by another.
_venvhook_adopt_prompt() {
  local prefix
  [[ -n $name ]] || return 0
  _venvhook_prompt_name "$name"
  for prefix in "($name) " "(${name//\%/%%}) " "$prefix"; do
    [[ ${PS1-} != *"$prefix"* ]] || _VENVHOOK_PREFIX=$prefix
  done
}

# Of all that says what is active, sudo may leave PATH.
_venvhook_adopt_entry() {
  local entry=${path%%:*}
  [[ $entry == */bin && -f ${entry%/bin}/.venvhook && -f ${entry%/bin}/pyvenv.cfg ]] || return 0
  _venvhook_path_without "$entry"
  PATH=$path
}

# ---- The walk ------------------------------------------------------------------------------------

# Does what is to be done about the project $1: nothing if it is active and unchanged, else what its
# kept recipe says, else what the helper answers.
_venvhook_decide() {
  level=$1
  local recipe=$_VENVHOOK_CACHE${1%/}/venvhook.recipe.sh witness
  markers=''
  [[ ! -e $1/$_VENVHOOK_NAME1 ]] || markers=$_VENVHOOK_NAME1/
  [[ ! -e $1/$_VENVHOOK_NAME2 ]] || markers+=$_VENVHOOK_NAME2/
  [[ ! -e $1/$_VENVHOOK_NAME3 ]] || markers+=$_VENVHOOK_NAME3/
  if [[ $1 == "$_VENVHOOK_ROOT" && $markers == "$_VENVHOOK_MARKERS" &&
    ${#_VENVHOOK_PASSED[@]} -eq 0 ]] &&
    _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN"; then
    fresh='' verdict=activate
    for witness in "${_VENVHOOK_WATCH[@]}"; do
      [[ -e $witness && $_VENVHOOK_RECIPE -nt $witness ]] || { fresh='' verdict='' && break; }
      fresh+=n
    done
    [[ -z $verdict ]] || return 0
  fi
  verdict=''
  if [[ -f $recipe && -O $recipe ]]; then builtin source "$recipe"; fi
  [[ -n $verdict ]] ||
    _venvhook_ask hook bash "$1" "$_VENVHOOK_NAME1" "$_VENVHOOK_NAME2" "$_VENVHOOK_NAME3" \
      ${_VENVHOOK_MISNAMED:+"$_VENVHOOK_MISNAMED"}
}

# Sets bound to the nearest project at or above $dir that an environment is bound to, and stop as well:
# the walk ends there.
_venvhook_find_bound() {
  local at=$dir
  # $HOME counts for itself alone.
  while [[ $_VENVHOOK_BOUND != *$'\n'"$at"$'\n'* ]]; do
    [[ $at != "$stop" && ${at%/*} != "$stop" ]] || return 0
    at=${at%/*}
  done
  bound=$at stop=$at
}

# Walks up from $PWD to the nearest project whose markers do not just pass, and does what is to be done
# there. Two functions, since bash copies the whole of one that it calls: the first is all that most
# changes of directory need.
_venvhook_walk() {
  if [[ -n $_VENVHOOK_STALE || ! $_VENVHOOK_POLICY -nt $_VENVHOOK_SETTINGS || ( -n $_VENVHOOK_FILE && (
    ! -e $_VENVHOOK_FILE || ! $_VENVHOOK_POLICY -nt $_VENVHOOK_FILE ) ) ]]; then
    _venvhook_alone _venvhook_renew || :
  fi
  # The nearest marker. A link that leads nowhere is noticed on the way up only by the first name: a
  # test costs as much as the rest of a level. What is no path has nothing above it.
  local dir=${PWD%/} stop='' own='' bound=''
  [[ $dir/ != "${HOME-}"/* ]] || stop=${HOME-}
  [[ $dir/ == /* ]] || dir='' stop=''
  [[ -z $_VENVHOOK_BOUND ]] || _venvhook_find_bound
  if [[ -e $_VENVHOOK_NAME1 || -e $_VENVHOOK_NAME2 || -e $_VENVHOOK_NAME3 ||
    -L $_VENVHOOK_NAME1 || -L $_VENVHOOK_NAME2 || -L $_VENVHOOK_NAME3 ]]; then
    own=1
  else
    [[ $dir == "$stop" ]] || dir=${dir%/*}
    until [[ $dir == "$stop" || -e $dir/$_VENVHOOK_NAME1 || -L $dir/$_VENVHOOK_NAME1 ||
      -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ]]; do
      dir=${dir%/*}
    done
    if [[ $dir == "$stop" && -z $bound$_VENVHOOK_ENV$_VENVHOOK_LOOK$_VENVHOOK_REST$_VENVHOOK_HAND ]]; then
      _VENVHOOK_PWD=$PWD _VENVHOOK_ASKED=''
      return 0
    fi
  fi
  _venvhook_alone _venvhook_arrive
}

# At the nearest marker, in $dir: does what is to be done about it, and if it just passes, about the
# next. The walk ends at stop; own says whether dir is $PWD.
_venvhook_arrive() {
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
    offer=''
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
}

# Nothing is found any more. Who still stands in the project may be making its environment anew.
_venvhook_leave() {
  if [[ -z ${_VENVHOOK_ALONE-} ]] && local -f +i builtin; then
    _venvhook_mind_builtin _venvhook_leave ''
    return 0
  fi
  local root=${_VENVHOOK_ROOT%/}
  _venvhook_switch '' '' ''
  [[ $PWD/ != "$root"/* ]] ||
    _VENVHOOK_WATCH=("$root/$_VENVHOOK_NAME1" "$root/$_VENVHOOK_NAME2" "$root/$_VENVHOOK_NAME3")
}

# Before direnv's turn after a change of directory, where it is loaded: out of a project that was left,
# so that no .envrc of elsewhere sees what was active ('layout python' would take it for its own), nor
# direnv remembers it.
_venvhook_depart() {
  # shellcheck disable=SC2195  # under nocasematch it does match
  case $-$_VENVHOOK_OPTIONS:a in
    *[akTvxN]*:? | *:A)
      _VENVHOOK_OPTIONS=$?:$-${_VENVHOOK_OPTIONS#*:}
      set +akTvx
      _venvhook_mind_options _venvhook_depart && return || return
      ;;
    *) local status=${1:-$?} ;;
  esac
  [[ $- != *e* ]] || status=0
  [[ -z $_VENVHOOK_ENV || $PWD/ == "${_VENVHOOK_ROOT%/}"/* ||
    ${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-} != "$_VENVHOOK_CALM" ]] ||
    _venvhook_leave || :
  return "$status"
}

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and where the shell can after each change of directory; $1 is the status to
# keep, if it is not $?, and $2 the DEBUG trap, as 'trap -p' prints it. Nothing if all looks as it did
# after the last walk; otherwise walks again. No failure in it may end the shell (set -e).
_venvhook_hook() {
  # Commands after this one in the same string see $? as it was; but where there are none, bash gives
  # it back itself, and what the user's own line has survived must not end the shell (set -e) nor be
  # reported again (trap ERR).
  # shellcheck disable=SC2195  # under nocasematch it does match
  case $-$_VENVHOOK_OPTIONS:a in
    *[akTvxN]*:? | *:A)
      _VENVHOOK_OPTIONS=${1:-$?}:$-${_VENVHOOK_OPTIONS#*:}
      set +akTvx
      _venvhook_mind_options _venvhook_hook "${@:2}" && return || return
      ;;
    *) local status=${1:-$?} look='' offer='' ;;
  esac
  # One test for all that is rare; the rest of a prompt where nothing is active calls no builtin.
  if [[ -n ${VENVHOOK_GUARDED-}${VENVHOOK_BASH_EAGER-}${VENVHOOK_OFF-} ||
    -n $_VENVHOOK_DRAWN$_VENVHOOK_LOOK$_VENVHOOK_EAGER$_VENVHOOK_AWAY${_VENVHOOK_HALF-} ||
    -e $_VENVHOOK_SESSION ]]; then
    # (After Ctrl-C it is still put away.)
    if [[ -z ${_VENVHOOK_ALONE-} ]] && { [[ -n $_VENVHOOK_AWAY ]] || local -f +i builtin; }; then
      _venvhook_mind_builtin _venvhook_hook "$status" "${@:2}" && return || return
    fi
    local _VENVHOOK_ALONE=1
    _venvhook_attend "$@" || return "$status"
  fi
  [[ $status == 0 || ( $- != *e* && ${PROMPT_COMMAND-} != "$_VENVHOOK_COMMAND" ) ]] || status=0
  if [[ ${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}:${DIRENV_DIFF-} == \
    "$_VENVHOOK_CALM" ]] || _venvhook_alone _venvhook_is_free; then
    if [[ $PWD == "$_VENVHOOK_PWD" ]]; then
      if [[ -n $_VENVHOOK_LOOK || -e $_VENVHOOK_NAME1 || -e $_VENVHOOK_NAME2 ||
        -e $_VENVHOOK_NAME3 ]]; then
        _venvhook_look || :
      fi
      # Where nothing is looked at that rests on the stamp, something may have been bound.
      [[ $look != "$_VENVHOOK_LOOK" || ( -z $look && ! -e $_VENVHOOK_STANDS ) ]] || return "$status"
    else
      offer=1
    fi
    _venvhook_walk || :
  fi
  [[ -z ${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}${VENVHOOK_GUARDED-} ]] || _venvhook_alone _venvhook_guard || :
  [[ -z $offer || ${VENVHOOK_AUTO_CREATE:-$_VENVHOOK_AUTO_CREATE} == never ]] ||
    _venvhook_alone _venvhook_offer || :
  return "$status"
}

# What is to be done before anything is looked at, where there is anything. Fails where it is switched off.
_venvhook_attend() {
  [[ -z ${_VENVHOOK_HALF-} ]] || _venvhook_carry_out || :
  [[ $status != 3 || -z ${VENVHOOK_GUARDED-} ]] || _venvhook_explain_refusal || :
  [[ -z ${VENVHOOK_BASH_EAGER-}$_VENVHOOK_EAGER || $# -lt 2 ]] || _venvhook_mind_eager "$2" || :
  if [[ -n $_VENVHOOK_DRAWN ]]; then
    [[ ${VIRTUAL_ENV_DISABLE_PROMPT-}:${PS1-} == "$_VENVHOOK_DRAWN"* ]] || _venvhook_prompt_renew || :
    [[ ${PATH-} == "$_VENVHOOK_SEEN" ]] || _venvhook_outrank || :
  fi
  [[ -z ${VENVHOOK_OFF-} && ! -e $_VENVHOOK_SESSION ]] || ! _venvhook_is_off
}

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
_venvhook_is_free() {
  local calm before=$_VENVHOOK_DIRENV
  ! builtin declare -f +t _direnv_hook || _venvhook_precede_direnv
  [[ ${DIRENV_DIFF-} == "$before" && ${#_VENVHOOK_LEFT[@]} -eq 0 ]] || _venvhook_sweep
  calm=${VIRTUAL_ENV-}:${CONDA_DEFAULT_ENV-}:${_OLD_VIRTUAL_PATH+x}
  if [[ $calm:$before == "$_VENVHOOK_CALM" ]]; then
    _VENVHOOK_CALM=$calm:$_VENVHOOK_DIRENV
    return 0
  fi
  if [[ -n $_VENVHOOK_ENV ]]; then
    if [[ ${_OLD_VIRTUAL_PATH+x} != "$_VENVHOOK_LEFTOVER" ||
      ( -n ${VIRTUAL_ENV-} && $VIRTUAL_ENV != "$_VENVHOOK_ENV" ) ]]; then
      _venvhook_uninterrupted _venvhook_yield
    else
      # VIRTUAL_ENV was taken away, or conda activated an environment.
      [[ -n ${VIRTUAL_ENV-} ]] || _VENVHOOK_REST+=$_VENVHOOK_ROOT$'\n'
      _venvhook_switch '' '' ''
    fi
  fi
  _VENVHOOK_PWD=''
  builtin export VENVHOOK_SESSION="$_VENVHOOK_SESSION${VENVHOOK_OFF:+.off}"
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
  local word='' file=$_VENVHOOK_SESSION off=${VENVHOOK_OFF:+x}
  if [[ -f $file && ! -L $file && -O $file && -O ${file%/*} ]]; then
    IFS= builtin read -r -d '' -n 8 word 2> /dev/null < "$file"
  fi
  builtin export VENVHOOK_SESSION="$file${off:+.off}"
  case $word:$off in
    $'off\n':*) ;;
    $'on\n':)
      # It overrules no variable, but what 'deactivate' has put to rest.
      builtin command rm -f -- "$file" 2> /dev/null
      _VENVHOOK_PWD='' _VENVHOOK_REST=''
      return 1
      ;;
    $'on\n':* | *:) return 1 ;;
  esac
  _VENVHOOK_CALM=off
  _venvhook_is_free || :
  _VENVHOOK_PWD='' _VENVHOOK_REST='' _VENVHOOK_HAND='' _VENVHOOK_JUST='' _VENVHOOK_CALM=off
  [[ -z ${VENVHOOK_GUARDED-} ]] || _venvhook_guard off
  return 0
}

# Called at a prompt with VENVHOOK_BASH_EAGER: sees to it that the DEBUG trap is ours, and after that the
# user's own; $1 says what it is, or 1 if ours has just run. One that he sets later is taken along, but if
# he removes it, it stays away. While it is not wished any more, his is given back.
_venvhook_mind_eager() {
  local wanted='' text='' eager=$_VENVHOOK_EAGER own=$_VENVHOOK_TRAP fired=${_VENVHOOK_FIRED-}
  case ${VENVHOOK_BASH_EAGER-} in
    1 | true | on) wanted=1 ;;
  esac
  builtin unset _VENVHOOK_FIRED
  _VENVHOOK_AT=$PWD _VENVHOOK_EAGER=$wanted
  if [[ -z $wanted ]]; then
    _VENVHOOK_TRAP=''
    [[ -z $fired ]] || _venvhook_set_trap "$own"
  elif [[ -z $fired ]]; then
    if [[ $1 == 'trap -- '* ]]; then
      builtin eval "\\builtin set $1"
      text=$3
    fi
    if [[ -z $text && -n $eager ]]; then
      _VENVHOOK_EAGER=away
    elif [[ $text != *'_venvhook_eager '* ]]; then
      _VENVHOOK_TRAP=$text
      _venvhook_set_trap "$(_venvhook_eager_trap "$text")"
    fi
  fi
}

# Prints the DEBUG trap that is ours, and before that the user's, which is $1.
_venvhook_eager_trap() {
  # shellcheck disable=SC2016  # expanded by the trap
  case $1 in
    '') builtin printf %s '[[ $PWD == "$_VENVHOOK_AT" && $BASH_COMMAND != _venvhook_hook* ]] || _venvhook_eager 0 "$_"' ;;
    # Called each time, since it has to return the status of the user's (extdebug). On a line of its own
    # only where it must be, for that changes LINENO in his.
    *[$'\n#']* | *[$';&\\ ']) builtin printf '%s\n_venvhook_eager "$?" "$_"' "$1" ;;
    *) builtin printf '%s; _venvhook_eager "$?" "$_"' "$1" ;;
  esac
}

# Makes $1 the DEBUG trap, or takes that away if it is empty. In a function either would hold at once, for
# the rest of all that have been called; so at first it is a trap that becomes $1 outside of ours.
_venvhook_set_trap() {
  _VENVHOOK_NEXT=$1
  # Of one line: the user's trap would see LINENO count the others.
  # shellcheck disable=SC2016  # expanded by the trap
  builtin trap '[[ ${FUNCNAME-} == _venvhook_* ]] || '\
'{ \builtin trap -- "${_VENVHOOK_NEXT:--}" DEBUG; \builtin eval "$_VENVHOOK_NEXT"; }' DEBUG
}

# Before each command of the user's, with VENVHOOK_BASH_EAGER: $1 is the status of his trap, and $2 his
# $_, which the last argument of a command becomes.
_venvhook_eager() {
  if [[ $BASH_COMMAND == _venvhook_hook* ]]; then
    _VENVHOOK_FIRED=1
  elif [[ $BASH_COMMAND == _venvhook_depart* ]]; then
    # The line is over, and the prompt begins: with direnv's turn.
    _VENVHOOK_AT=$PWD
  elif [[ $PWD != "$_VENVHOOK_AT" && $BASH_SUBSHELL -eq 0 && -z ${COMP_LINE-} ]]; then
    _venvhook_hook_early
  fi
  [[ $1 == 0 ]] || ! builtin shopt -q extdebug || return "$1"
}

# The hook in the middle of a line. What is to be asked there is asked at the prompt.
_venvhook_hook_early() {
  local wanted=${VENVHOOK_AUTO_CREATE-} VENVHOOK_AUTO_CREATE=never
  _VENVHOOK_AT=$PWD
  _venvhook_hook 0
  [[ ${wanted:-$_VENVHOOK_AUTO_CREATE} == never ]] || _VENVHOOK_PWD=''
}

# ---- Where there is no environment ---------------------------------------------------------------

# Offers to make one for the project in $PWD, once in this shell. Who asks is Python, with the
# terminal to itself; Ctrl-C there ends all that this prompt was to do. 3 is its answer where something
# is being typed, so that it asks at the next prompt.
_venvhook_offer() {
  local IFS=$': \t\n' file files code offered=$_VENVHOOK_OFFERED
  [[ $'\n'$_VENVHOOK_OFFERED != *$'\n'"$PWD"$'\n'* ]] || return 0
  [[ $- == *i* && -t 0 && -t 2 && -x $_VENVHOOK_PYTHON ]] || return 0
  builtin read -r -a files <<< "${VENVHOOK_PROJECT_FILES:-$_VENVHOOK_FILES}"
  for file in "${files[@]-}"; do
    if [[ -n $file && -f $file ]]; then
      _VENVHOOK_OFFERED+=$PWD$'\n'
      code='import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; main()'
      if VENVHOOK_AUTO_CREATE=${VENVHOOK_AUTO_CREATE:-$_VENVHOOK_AUTO_CREATE} \
        "$_VENVHOOK_PYTHON" -I -c "$code" "$_VENVHOOK_SOURCE" "$PWD"; then
        _VENVHOOK_PWD=''
        _venvhook_hook 0
      elif (($? == 3)); then
        _VENVHOOK_PWD='' _VENVHOOK_OFFERED=$offered
      fi
      return 0
    fi
  done
}

# Lets pip refuse while no environment is active, if the user wants that; otherwise gives back what he
# had. What that was, after a =, is exported, so that a shell started from this one goes on with it.
# $1 may be 'off', whatever he wants otherwise.
_venvhook_guard() {
  local wanted=''
  case ${1:-${VENVHOOK_GUARD:-$_VENVHOOK_GUARD}} in
    1 | true | on) [[ -n ${VIRTUAL_ENV-} || ${CONDA_DEFAULT_ENV:-base} != base ]] || wanted=1 ;;
    *) _VENVHOOK_UNGUARDED='' ;;
  esac
  if [[ -z ${VENVHOOK_GUARDED-} ]]; then
    [[ -n $wanted && -z $_VENVHOOK_UNGUARDED ]] || return 0
    builtin export VENVHOOK_GUARDED="${PIP_REQUIRE_VIRTUALENV+=}${PIP_REQUIRE_VIRTUALENV-unset}" \
      PIP_REQUIRE_VIRTUALENV=1
  elif [[ ${PIP_REQUIRE_VIRTUALENV-} != 1 ]]; then
    # The user has set it himself.
    builtin unset VENVHOOK_GUARDED
    _VENVHOOK_UNGUARDED=1
  elif [[ -z $wanted ]]; then
    builtin unset PIP_REQUIRE_VIRTUALENV
    [[ $VENVHOOK_GUARDED != =* ]] || builtin export PIP_REQUIRE_VIRTUALENV="${VENVHOOK_GUARDED#=}"
    builtin unset VENVHOOK_GUARDED
  fi
}

# Says why pip has just refused, if it was pip. What was typed is known by way of a file alone: a
# substitution would start a process.
_venvhook_explain_refusal() {
  local line='' file=$_VENVHOOK_CACHE/venvhook.line
  [[ -O $_VENVHOOK_CACHE && ! -L $file ]] || return 0
  { builtin history 1 >| "$file" && IFS= builtin read -r line < "$file" && builtin : >| "$file"; } \
    2> /dev/null || :
  [[ $line == *pip* && $line != "$_VENVHOOK_REFUSED" ]] || return 0
  _VENVHOOK_REFUSED=$line
  _venvhook_say "pip installs outside of environments are off; 'venvhook guard off' allows them"
}

# ---- Completion ----------------------------------------------------------------------------------

# Completes a command line of venvhook's: by the text that click has for that, loaded the first time.
# It never asks another program of that name that stands there, such as ./venvhook of a project.
_venvhook_complete() {
  # Also what click's text sets, which expands names as patterns.
  local i text completion type value -
  builtin set -f +ak
  if ! builtin declare -f +t _venvhook_completion; then
    text=$(\builtin command venvhook completion bash 2> /dev/null) || return 0
    builtin eval "$text"
    _venvhook_register_completion
  fi
  _venvhook_completion venvhook "${@:2}" 2> /dev/null
  # Candidates with spaces and the like, unless inside of quotes.
  [[ $2 != [\'\"]* ]] || return 0
  for i in ${COMPREPLY[@]+"${!COMPREPLY[@]}"}; do
    builtin printf -v value %q "${COMPREPLY[i]#\~}"
    # It is nothing special, and readline would not find what was typed again.
    value=${value//\\,/,}
    [[ ${COMPREPLY[i]} != \~* ]] || value=\~$value
    COMPREPLY[i]=$value
  done
}

# click's text needs bash 4.4.
_venvhook_register_completion() {
  ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))) || return 0
  builtin complete -o nosort -F _venvhook_complete venvhook
}

# ---- Registration --------------------------------------------------------------------------------

# Calls the function $1 with the other arguments, while no function of the user's is called 'builtin'.
_venvhook_alone() {
  if [[ -n ${_VENVHOOK_ALONE-} ]] || ! local -f +i builtin; then "$@"; else _venvhook_mind_builtin "$@"; fi
}

# Calls $1 with $2 without a function of the user's that is called 'builtin'.
_venvhook_mind_builtin() {
  local status _VENVHOOK_ALONE=1
  _venvhook_hide_builtin
  if "$1" "${@:2}"; then status=0; else status=$?; fi
  _venvhook_show_builtin
  return "$status"
}

# Calls the function $1 again, under options that do not change what it does: without nocasematch, which
# takes App for app. Off already, since they count from its first command on: -k, with which nothing
# can be declared, -a, with which all would be exported, and those that show each of its commands or
# run the user's traps for them. $? and these options were those of _VENVHOOK_OPTIONS, and are again:
# at the next prompt if Ctrl-C ends it, since it holds them (N for nocasematch) until then.
_venvhook_mind_options() {
  builtin export -n _VENVHOOK_OPTIONS
  local options=${_VENVHOOK_OPTIONS#*:} status=${_VENVHOOK_OPTIONS%%:*}
  # shellcheck disable=SC2050  # true under nocasematch
  [[ a != A ]] || options+=N
  _VENVHOOK_OPTIONS=:$options
  builtin shopt -u nocasematch
  if _venvhook_with_options "$1" "$status" "${@:2}"; then status=0; else status=$?; fi
  [[ $options != *N* ]] || builtin shopt -s nocasematch
  _venvhook_set_options "$options"
  _VENVHOOK_OPTIONS=''
  builtin export -n _VENVHOOK_OPTIONS
  return "$status"
}

_venvhook_with_options() {
  local _VENVHOOK_OPTIONS=''
  "$@"
}

# Sets those of the options $1, as $- has them, that are off while the script is at work.
_venvhook_set_options() {
  local option options=''
  for option in a k T v x; do
    [[ $1 != *$option* ]] || options+=$option
  done
  [[ -z $options ]] || builtin set "-$options"
}

# Puts _venvhook_depart first, before direnv's hook.
_venvhook_precede_direnv() {
  # shellcheck disable=SC2178  # the first of an array, from 5.1 on
  [[ ${PROMPT_COMMAND-} == _venvhook_depart* ]] || _venvhook_is_locked PROMPT_COMMAND ||
    PROMPT_COMMAND="_venvhook_depart;${PROMPT_COMMAND-}"
}

# What stands in PROMPT_COMMAND. The DEBUG trap can be read only there, outside of functions, and only a
# subshell tells it; so that is not started where the trap has just said itself that it is ours.
# shellcheck disable=SC2016  # expanded at each prompt
_VENVHOOK_COMMAND='_venvhook_hook "${VENVHOOK_BASH_EAGER:+$?}" '
# shellcheck disable=SC2016
_VENVHOOK_COMMAND+='"${VENVHOOK_BASH_EAGER:+${_VENVHOOK_FIRED-$(\builtin trap -p DEBUG)}}"'

# First in PROMPT_COMMAND, once: an array from bash 5.1 on, so that PIPESTATUS reaches the rest.
_venvhook_register() {
  local IFS=$' \t\n'
  _venvhook_register_completion
  [[ " ${PROMPT_COMMAND[*]-} " != *_venvhook_hook* ]] || return 0
  if _venvhook_is_locked PROMPT_COMMAND; then
    [[ $- != *i* ]] || _venvhook_say \
      "PROMPT_COMMAND is read-only, so nothing is activated here; load venvhook before it is made so"
    return 0
  fi
  # After others that set VIRTUAL_ENV, which has to be seen, where these come first.
  local first='' rest=${PROMPT_COMMAND-} part
  while [[ $rest == _direnv_hook* || $rest == _mise_hook* ]]; do
    part=${rest%%[;$'\n']*}
    rest=${rest#"$part"} first+=${first:+;}$part
    rest=${rest#[;$'\n']}
  done
  if [[ -n $first ]]; then
    PROMPT_COMMAND="$first;$_VENVHOOK_COMMAND${rest:+$'\n'$rest}"
  elif ((BASH_VERSINFO[0] > 5 || (BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] >= 1))) &&
    [[ ${PROMPT_COMMAND[*]-} != *__bp_install* ]]; then
    # Not where bash-preexec is to be installed later, by what must stand in one string with all others.
    PROMPT_COMMAND=("$_VENVHOOK_COMMAND" ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
  else
    # shellcheck disable=SC2128,SC2178  # before 5.1 it is a string
    PROMPT_COMMAND=$_VENVHOOK_COMMAND${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
  fi
}

_venvhook_load
[[ -z $_VENVHOOK_ALIASES ]] || builtin shopt -s expand_aliases
_venvhook_set_options "$_VENVHOOK_OPTIONS"
_VENVHOOK_OPTIONS=''
case $_VENVHOOK_KEPT in
  trap*) \builtin eval "\\builtin $_VENVHOOK_KEPT" ;;
  *) \builtin trap - INT ;;
esac
_venvhook_show_builtin
[[ -z $_VENVHOOK_INTERRUPTED ]] || \builtin kill -INT $$
