# venvhook for zsh, 5.3 and later. Printed by 'venvhook init zsh' after a few assignments:
#   _VENVHOOK_PROTOCOL  which recipes this script understands
#   _VENVHOOK_PYTHON, _VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   _VENVHOOK_CACHE  where recipes are kept, or empty

# ---- State ---------------------------------------------------------------------------------------
# _VENVHOOK_PWD   the directory of the last walk, or empty: walk at the next prompt
# _VENVHOOK_ROOT  the active project and its environment, or empty
# _VENVHOOK_ENV
# _VENVHOOK_REST  the project in which the user typed 'deactivate' and which he has not left since
# _VENVHOOK_HAND  the environment that the user activated by hand, while it is active
# _VENVHOOK_WATCH pairs of a recipe and a file that it rests on, of the last walk
# _VENVHOOK_LOOK  what these looked like then, and the markers in $PWD
# _VENVHOOK_TOLD  the lines said in this shell
# _VENVHOOK_OLD_* what a variable held before we replaced it; unset where it was unset

_venvhook_load() {
  emulate -L zsh
  _venvhook_names
  if [[ -z ${_VENVHOOK_LOADED-} ]]; then
    typeset -g _VENVHOOK_LOADED=1
    typeset -g _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_REST='' _VENVHOOK_HAND='' _VENVHOOK_TOLD=''
    typeset -g _VENVHOOK_SHOWN='' _VENVHOOK_PREFIX='' _VENVHOOK_PATHLESS='' _VENVHOOK_DEACTIVATE=''
    _venvhook_adopt
  fi
  typeset -g _VENVHOOK_PWD='' _VENVHOOK_LOOK='' _VENVHOOK_GONE=''
  typeset -ga _VENVHOOK_WATCH=()
  [[ -n $_VENVHOOK_CACHE && -O $_VENVHOOK_CACHE ]] || typeset -g _VENVHOOK_CACHE=''
  _venvhook_register
}

# Up to three names of markers, from VENVHOOK_NAMES, between spaces or colons.
_venvhook_names() {
  local IFS=$': \t\n'
  read -r _VENVHOOK_NAME1 _VENVHOOK_NAME2 _VENVHOOK_NAME3 _ <<< "${VENVHOOK_NAMES:-.venv venv env}"
  : "${_VENVHOOK_NAME2:=$_VENVHOOK_NAME1}" "${_VENVHOOK_NAME3:=$_VENVHOOK_NAME1}"
}

# ---- Verbs: what a recipe says; they set variables of the function that asked --------------------

_venvhook_activate() {
  verdict=activate root=$1 env=$2 name=$3 token=$4
  shift 4
  _venvhook_rests_on "$@"
}

_venvhook_refuse() {
  verdict=refuse root=$1 reason=$2
  shift 2
  _venvhook_rests_on "$@"
}

_venvhook_pass() {
  verdict=pass root=$1
  shift
  _venvhook_rests_on "$@"
}

_venvhook_rests_on() {
  local witness
  _venvhook_recipe_of "$root"
  for witness in "$@"; do
    watch+=("$recipe" "$witness")
  done
}

# ---- Recipes -------------------------------------------------------------------------------------

# Sets recipe to the file that keeps the recipe of the project $1, or to nothing.
_venvhook_recipe_of() {
  recipe=''
  [[ -z $_VENVHOOK_CACHE ]] || recipe=$_VENVHOOK_CACHE${1%/}/venvhook.recipe.sh
}

# Sets look to what the markers in $PWD and the files in watch look like.
_venvhook_look() {
  local i dir=${PWD%/}
  look=...
  if [[ -e $dir/$_VENVHOOK_NAME1 || -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ||
    -L $dir/$_VENVHOOK_NAME1 || -L $dir/$_VENVHOOK_NAME2 || -L $dir/$_VENVHOOK_NAME3 ]]; then
    look=''
    for i in "$_VENVHOOK_NAME1" "$_VENVHOOK_NAME2" "$_VENVHOOK_NAME3"; do
      if [[ -e $dir/$i ]]; then look+=e; elif [[ -L $dir/$i ]]; then look+=l; else look+=.; fi
    done
  fi
  for ((i = 1; i < $#watch; i += 2)); do
    if [[ ! -e $watch[i+1] ]]; then
      look+=-
    elif [[ $watch[i] -nt $watch[i+1] ]]; then
      look+=n
    else
      look+=o
    fi
  done
}

# Is all that watch lists after the first $1 on older than its recipe? A marker that is no
# environment must not have become one by a directory with old times being moved there.
_venvhook_is_fresh() {
  local i
  for ((i = $1 + 1; i < $#watch; i += 2)); do
    [[ -e $watch[i+1] && $watch[i] -nt $watch[i+1] ]] || return 1
    [[ $verdict == activate || ! -e $watch[i+1]/pyvenv.cfg ]] || return 1
  done
}

# Sets verdict and its values from the kept recipe of $1, if that may still be used.
_venvhook_recall() {
  local recipe
  integer first=$#watch
  verdict=''
  _venvhook_recipe_of "$1"
  if [[ -n $recipe && -f $recipe && -O $recipe ]]; then
    builtin source "$recipe" 2> /dev/null
    [[ -z $verdict || $root != "$1" ]] || ! _venvhook_is_fresh $first || return 0
    watch=("${(@)watch[1,first]}")
  fi
  verdict=''
  return 1
}

# ---- The helper ----------------------------------------------------------------------------------

# Sets verdict and its values to the helper's answer for $1 and the directories above it.
_venvhook_ask() {
  local recipe answer code
  verdict=''
  if [[ ! -x $_VENVHOOK_PYTHON ]]; then
    [[ -n $_VENVHOOK_GONE ]] ||
      _venvhook_say "the helper's Python is gone ($_VENVHOOK_PYTHON); install venvhook again"
    typeset -g _VENVHOOK_GONE=1
    return 0
  fi
  code='import sys, _signal; _signal.signal(2, _signal.SIG_DFL); sys.path.append(sys.argv.pop(1)); '
  code+='from venvhook.hook import main; main()'
  answer=$(command "$_VENVHOOK_PYTHON" -I -S -c "$code" "$_VENVHOOK_SOURCE" "$_VENVHOOK_PROTOCOL" \
    zsh "$1" "$_VENVHOOK_NAME1" "$_VENVHOOK_NAME2" "$_VENVHOOK_NAME3") || return 0
  builtin eval "$answer"
}

_venvhook_say() {
  builtin printf 'venvhook: %s\n' "$1" >&2
}

# Says $2 about the project $1, once in this shell.
_venvhook_tell() {
  case $_VENVHOOK_TOLD in
    *"/$1"$'\n'"$2"$'\n'*) ;;
    *)
      _VENVHOOK_TOLD+="/$1"$'\n'"$2"$'\n'
      _venvhook_say "$2"
      ;;
  esac
}

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to $2, of the project $1 and called $3; all empty: to none.
_venvhook_switch() {
  local entries=${PATH-}
  if [[ -n $_VENVHOOK_ENV ]]; then
    _venvhook_path_without "$_VENVHOOK_ENV/bin"
    _venvhook_prompt_hide
  fi
  if [[ -n $2 ]]; then
    [[ -n $_VENVHOOK_ENV ]] || _venvhook_store
    [[ -z $entries && -n $_VENVHOOK_PATHLESS ]] || entries=:$entries
    _VENVHOOK_ROOT=$1 _VENVHOOK_ENV=$2
    export PATH="$2/bin$entries" VIRTUAL_ENV=$2 VIRTUAL_ENV_PROMPT=$3 VENVHOOK_ACTIVE=$2
    unset PYTHONHOME
    _venvhook_prompt_show "$3"
  elif [[ -n $_VENVHOOK_ENV ]]; then
    _VENVHOOK_ROOT='' _VENVHOOK_ENV=''
    if [[ -n $entries || -z $_VENVHOOK_PATHLESS ]]; then PATH=$entries; else unset PATH; fi
    _venvhook_restore
  fi
}

# Remembers what activation replaces.
_venvhook_store() {
  local name
  for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME; do
    if (( ${(P)+name} )); then
      typeset -g "_VENVHOOK_OLD_$name=${(P)name}"
    else
      unset "_VENVHOOK_OLD_$name"
    fi
  done
  _VENVHOOK_PATHLESS=''
  (( $+PATH )) || _VENVHOOK_PATHLESS=1
  _VENVHOOK_DEACTIVATE=''
  if (( $+functions[deactivate] )); then
    _VENVHOOK_DEACTIVATE=$(builtin functions deactivate)
  fi
  deactivate() { _venvhook_deactivate; }
}

# Gives back what activation replaced.
_venvhook_restore() {
  local name old
  unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE
  for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME; do
    old=_VENVHOOK_OLD_$name
    # A PYTHONHOME that the user has set meanwhile stays.
    (( ! ${(P)+old} || ${(P)+name} )) || export "$name=${(P)old}"
    unset "$old"
  done
  unset -f deactivate
  [[ -z $_VENVHOOK_DEACTIVATE ]] || builtin eval "$_VENVHOOK_DEACTIVATE"
  _VENVHOOK_DEACTIVATE=''
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

# Puts ($1) before the prompt. A name in which zsh would expand something stands in a variable,
# which is shown as it is; where variables are not expanded, these characters are replaced.
_venvhook_prompt_show() {
  _VENVHOOK_PREFIX=''
  [[ -z ${VIRTUAL_ENV_DISABLE_PROMPT-} && -n ${PS1+x} ]] || return 0
  typeset -g _VENVHOOK_SHOWN=${1//\%/%%}
  case $1 in
    *[\\\$\`!]*)
      if [[ -n $_VENVHOOK_PROMPT_SUBST ]]; then
        _VENVHOOK_PREFIX='(${_VENVHOOK_SHOWN-}) '
      else
        _VENVHOOK_PREFIX="(${_VENVHOOK_SHOWN//[\\\$\`!]/?}) "
      fi
      ;;
    *) _VENVHOOK_PREFIX="($_VENVHOOK_SHOWN) " ;;
  esac
  PS1=$_VENVHOOK_PREFIX$PS1
}

_venvhook_prompt_hide() {
  if [[ -n $_VENVHOOK_PREFIX && ${PS1-} == *"$_VENVHOOK_PREFIX"* ]]; then
    PS1=${PS1%%"$_VENVHOOK_PREFIX"*}${PS1#*"$_VENVHOOK_PREFIX"}
  fi
  _VENVHOOK_PREFIX=''
}

# What 'deactivate' does while an environment is active: it stays off until the project is left.
_venvhook_deactivate() {
  local _VENVHOOK_PROMPT_SUBST=''
  emulate -L zsh
  _VENVHOOK_REST=$_VENVHOOK_ROOT
  _venvhook_switch '' '' ''
}

# An environment was activated by hand on top of ours, and 'deactivate' is no longer ours: what is
# left of ours goes, also out of what the other one will give back.
_venvhook_yield() {
  local entries entry=$_VENVHOOK_ENV/bin
  entries=${PATH-}
  _venvhook_path_without "$entry"
  PATH=$entries
  entries=${_OLD_VIRTUAL_PATH-}
  _venvhook_path_without "$entry"
  typeset -g _OLD_VIRTUAL_PATH=$entries
  if [[ -n $_VENVHOOK_PREFIX && ${_OLD_VIRTUAL_PS1-} == "$_VENVHOOK_PREFIX"* ]]; then
    _OLD_VIRTUAL_PS1=${_OLD_VIRTUAL_PS1#"$_VENVHOOK_PREFIX"}
  fi
  _venvhook_prompt_hide
  if [[ -n ${_VENVHOOK_OLD_PYTHONHOME+x} ]]; then
    typeset -g _OLD_VIRTUAL_PYTHONHOME=$_VENVHOOK_OLD_PYTHONHOME
  fi
  unset VENVHOOK_ACTIVE _VENVHOOK_OLD_PYTHONHOME
  _VENVHOOK_ROOT='' _VENVHOOK_ENV='' _VENVHOOK_DEACTIVATE=''
}

# A shell started from one with an active environment inherits it: given back here, it is activated
# again at the first prompt if it is right for the directory.
_venvhook_adopt() {
  local entries=${PATH-} active=${VENVHOOK_ACTIVE-}
  unset VENVHOOK_ACTIVE
  [[ -n $active && ${VIRTUAL_ENV-} == "$active" ]] || return 0
  _venvhook_path_without "$active/bin"
  PATH=$entries
  unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
}

# ---- The walk ------------------------------------------------------------------------------------

# Sets verdict for the project $1: 'same' where it is active and nothing has changed.
_venvhook_decide() {
  if [[ $1 == "$_VENVHOOK_ROOT" && $#watch -eq 0 && $#_VENVHOOK_WATCH -gt 0 ]]; then
    watch=("${(@)_VENVHOOK_WATCH}")
    verdict=activate
    if _venvhook_is_fresh 0; then
      verdict=same
      return 0
    fi
    watch=()
  fi
  _venvhook_recall "$1" && return 0
  asked=1
  _venvhook_ask "$1"
}

# Walks up from $PWD to the nearest project whose markers do not just pass, and does what it says.
_venvhook_walk() {
  local verdict='' root='' env='' name='' token='' reason='' look='' asked=''
  local -a watch=()
  local dir=${PWD%/} home=${HOME-}
  home=${home%/}
  if [[ $PWD == /* ]]; then
    # A link that leads nowhere is noticed only here, not on the way up: that halves the tests there.
    if [[ -e $dir/$_VENVHOOK_NAME1 || -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ||
      -L $dir/$_VENVHOOK_NAME1 || -L $dir/$_VENVHOOK_NAME2 || -L $dir/$_VENVHOOK_NAME3 ]]; then
      _venvhook_decide "${dir:-/}"
    fi
    [[ $dir == "$home" ]] || dir=${dir%/*}
    while [[ -z $asked && ( -z $verdict || $verdict == pass ) ]]; do
      until [[ -z $dir || $dir == "$home" || -e $dir/$_VENVHOOK_NAME1 ||
        -e $dir/$_VENVHOOK_NAME2 || -e $dir/$_VENVHOOK_NAME3 ]]; do
        dir=${dir%/*}
      done
      # $HOME counts for itself alone, also when it is reached by another name.
      [[ -n $dir && ! $dir -ef ${home:-/} ]] || break
      _venvhook_decide "$dir"
      dir=${dir%/*}
    done
  fi
  _venvhook_apply
  _venvhook_look
  _VENVHOOK_PWD=$PWD _VENVHOOK_LOOK=$look _VENVHOOK_HAND=''
  _VENVHOOK_WATCH=("${(@)watch}")
}

# Does what verdict says.
_venvhook_apply() {
  case $verdict in
    same) return 0 ;;
    activate)
      # Deactivated by hand after it was activated by hand: the user means it.
      if [[ -n $_VENVHOOK_HAND && $env -ef $_VENVHOOK_HAND ]]; then _VENVHOOK_REST=$root; fi
      if [[ $root != "$_VENVHOOK_REST" && -z ${VENVHOOK_OFF-} ]]; then
        _VENVHOOK_REST=''
        [[ $env == "$_VENVHOOK_ENV" ]] || _venvhook_switch "$root" "$env" "$name"
        _VENVHOOK_ROOT=$root
        return 0
      fi
      ;;
    refuse)
      _VENVHOOK_REST=''
      _venvhook_tell "$root" "$reason"
      ;;
    *) _VENVHOOK_REST='' ;;
  esac
  _venvhook_switch '' '' ''
}

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and where the shell can after each change of directory.
_venvhook_hook() {
  # The one option of the user's that matters, before all are set to zsh's own for this function.
  local _VENVHOOK_PROMPT_SUBST=''
  [[ ! -o prompt_subst ]] || _VENVHOOK_PROMPT_SUBST=1
  emulate -L zsh
  if [[ ${VIRTUAL_ENV-} != "$_VENVHOOK_ENV" || ${CONDA_DEFAULT_ENV:-base} != base ||
    ( -n $_VENVHOOK_ENV && -n ${_OLD_VIRTUAL_PATH+x} ) ]]; then
    _venvhook_is_free || return 0
  fi
  if [[ $PWD == "$_VENVHOOK_PWD" ]]; then
    local look
    local -a watch=("${(@)_VENVHOOK_WATCH}")
    _venvhook_look
    [[ $look != "$_VENVHOOK_LOOK" ]] || return 0
  fi
  _venvhook_walk
}

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
_venvhook_is_free() {
  if [[ -n $_VENVHOOK_ENV ]]; then
    if [[ -n ${_OLD_VIRTUAL_PATH+x} || ( -n ${VIRTUAL_ENV-} && $VIRTUAL_ENV != "$_VENVHOOK_ENV" ) ]]; then
      _venvhook_yield
    else
      # VIRTUAL_ENV was taken away, or conda activated an environment.
      [[ -n ${VIRTUAL_ENV-} ]] || _VENVHOOK_REST=$_VENVHOOK_ROOT
      _venvhook_switch '' '' ''
    fi
  fi
  [[ -n ${VIRTUAL_ENV-} || ${CONDA_DEFAULT_ENV:-base} != base ]] || return 0
  _VENVHOOK_HAND=${VIRTUAL_ENV-} _VENVHOOK_PWD=''
  return 1
}

# ---- Registration --------------------------------------------------------------------------------

_venvhook_prompt() {
  local -i ret=$?
  _venvhook_hook
  return ret
}

_venvhook_register() {
  autoload -Uz add-zsh-hook
  add-zsh-hook chpwd _venvhook_prompt
  add-zsh-hook precmd _venvhook_prompt
}

_venvhook_load
