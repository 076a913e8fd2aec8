#!/bin/sh
# Installs this checkout of venvhook for the user who runs it: a private environment, the command
# 'venvhook', and a marked block in the startup file of each shell. Running it again updates all of
# that. Nothing is done as root or outside of the user's own directories.

set -eu

usage() {
  cat << 'EOF'
usage: ./install.sh [options]

  --python PATH    use this Python (3.11 or newer) instead of the first found
  --prefix DIR     put the command into DIR/bin (default: ~/.local)
  --shells NAMES   set up only these, between commas: bash,zsh,fish,powershell
  --no-rc          edit no startup file, and show the lines to add
  --uninstall      remove all of it; startup files are byte for byte as before
  --help           show this
EOF
}

fail() {
  printf 'venvhook: %s\n' "$1" >&2
  exit "${2:-1}"
}

say() {
  printf '%s\n' "$1" 2> /dev/null || fail "standard output cannot be written; send it elsewhere"
}

# ---- Options -------------------------------------------------------------------------------------

python='' prefix='' shells='' no_rc='' uninstall=''

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --python=* | --prefix=* | --shells=*)
        value=${1#*=} option=${1%%=*}
        shift
        set -- "$option" "$value" "$@"
        continue
        ;;
      --python | --prefix | --shells)
        [ -n "${2-}" ] || fail "$1 needs a value; see ./install.sh --help" 2
        case $1 in
          --python) python=$2 ;;
          --prefix) prefix=$2 ;;
          --shells) shells=$2 ;;
        esac
        shift
        ;;
      --no-rc) no_rc=yes ;;
      --uninstall) uninstall=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "no option is called '$1'; see ./install.sh --help" 2 ;;
    esac
    shift
  done
}

# Sets home, the directory of what is installed, and launcher.
find_places() {
  case ${HOME-} in
    /*) ;;
    '') fail "HOME is not set; set it to your home directory" ;;
    *) fail "HOME is '$HOME', which does not begin with /; set it to your home directory" ;;
  esac
  [ -O "$HOME" ] || fail "$HOME is not your own directory; run this as its owner, without sudo"
  case ${XDG_DATA_HOME-} in
    /*) home=${XDG_DATA_HOME%/}/venvhook ;;
    *) home=${HOME%/}/.local/share/venvhook ;;
  esac
  case $prefix in
    '') prefix=${HOME%/}/.local ;;
    # A shell leaves it as it is after '--prefix='.
    \~ | \~/*) prefix=$HOME${prefix#\~} ;;
    /*) ;;
    *) prefix=$(pwd)/$prefix ;;
  esac
  launcher=$prefix/bin/venvhook
  case $home$launcher in
    *'
'*) fail "a path with a newline in it cannot be used" ;;
  esac
  source=$(cd "$(dirname "$0")" && pwd -P)
  [ -f "$source/src/venvhook/cli.py" ] || fail "run install.sh from its checkout"
}

# ---- A Python ------------------------------------------------------------------------------------

# Is $1 a Python of at least 3.11? Sets base to the interpreter itself, behind environments and shims.
is_good_python() {
  # shellcheck disable=SC2016  # Python's, not the shell's
  base=$("$1" -I -c 'import sys
if sys.version_info < (3, 11): sys.exit(1)
print(getattr(sys, "_base_executable", None) or sys.executable)' 2> /dev/null) && [ -x "$base" ]
}

# Sets base to a Python, or to nothing.
find_python() {
  base=''
  if [ -n "$python" ]; then
    is_good_python "$python" || fail "$python is not a Python of at least 3.11"
    return 0
  fi
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if is_good_python "$candidate"; then return 0; fi
  done
  base=''
}

# Ends with what is wrong with the names in $shells, of which the Python $1 knows those there are.
check_shells() {
  [ -n "$shells" ] || return 0
  "$1" -I -B -c 'import os, sys; sys.path.insert(0, sys.argv.pop(1))
from venvhook.detect import chosen_shells, installed_shells
from venvhook.errors import run
run(lambda words, environ: chosen_shells(os.fsdecode(words[0]), installed_shells(environ)) and b"")
' "$source/src" "$shells" || exit
}

# ---- The private environment ---------------------------------------------------------------------

# Makes the environment $new and installs the checkout into it, by the first way that there is.
make_environment() {
  if [ -n "$base" ] && "$base" -I -c 'import venv, ensurepip' 2> /dev/null; then
    attempt "$base" -I -m venv "$new"
    install_with_pip "$new/bin/python" -I -m pip
  elif uv --version > /dev/null 2>&1; then
    attempt uv venv --quiet --python "${base:->=3.11}" "$new"
    # uv would take a checkout that has the same pyproject.toml for the one it has built before.
    attempt uv pip install --quiet --refresh-package venvhook --python "$new/bin/python" "$source"
  elif [ -z "$base" ]; then
    fail "no Python of at least 3.11 on PATH, and no uv; install one of them, or give --python"
  elif "$base" -I -m virtualenv --version > /dev/null 2>&1; then
    attempt "$base" -I -m virtualenv --quiet "$new"
    install_with_pip "$new/bin/python" -I -m pip
  elif command -v virtualenv > /dev/null 2>&1; then
    attempt virtualenv --quiet --python "$base" "$new"
    install_with_pip "$new/bin/python" -I -m pip
  elif "$base" -I -m pip --python "$base" --version > /dev/null 2>&1; then
    attempt "$base" -I -m venv --without-pip "$new"
    install_with_pip "$base" -I -m pip --python "$new/bin/python"
  else
    fail "$base cannot make environments: it has no ensurepip; install it (Debian, Ubuntu: 'apt install python3-venv'), or uv, or give --python"
  fi
}

# Installs the checkout with the pip that "$@" calls. Settings that lead elsewhere are left out.
install_with_pip() {
  unset PIP_TARGET PIP_PREFIX PIP_ROOT
  export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
  attempt "$@" install --quiet "$source"
}

# Runs "$@", whose output is shown only if it fails.
attempt() {
  "$@" > "$new.log" 2>&1 < /dev/null && return 0
  cat "$new.log" >&2
  fail "this failed: $*; nothing was changed"
}

# Finishes $new and puts it in the place of the one before, in one step.
turn_to_new() {
  "$new/bin/python" -I -m venvhook --version > /dev/null ||
    fail "what was installed does not run; nothing was changed"
  packages=$("$new/bin/python" -I -c 'import os, venvhook
print(os.path.dirname(os.path.dirname(venvhook.__file__)))')
  # By this name the package is found also after an update to another Python.
  ln -s "${packages#"$new/"}" "$new/package"
  "$new/bin/python" -I -m compileall -q "$packages" > /dev/null 2>&1 || :
  "$new/bin/python" -I -c 'import os, shutil, sys
new, link, log = sys.argv[1:]
old = os.path.realpath(link) if os.path.islink(link) else None
os.symlink(os.path.basename(new), new + ".link")
os.replace(new + ".link", link)
os.unlink(log)
if old and os.path.dirname(old) == os.path.realpath(os.path.dirname(link)):
    shutil.rmtree(old, ignore_errors=True)' "$new" "$home/env" "$new.log"
}

# Adds to the record what is made: the directories $1 and above it that are missing, then the
# directory itself.
make_directory() {
  missing=$1 made=''
  while [ ! -d "$missing" ]; do
    made="directory $missing
$made"
    missing=$(dirname "$missing")
  done
  mkdir -p "$1" || fail "$1 cannot be made; choose another --prefix"
  directories=$directories$made
}

# Adds the directory $1 to the record if it is missing, unless $2 names another in its place.
expect_directory() {
  [ -d "$1" ] || [ -n "$2" ] || directories="${directories}directory $1
"
}

# Writes the record. Its time is what the launcher compares with what it has kept.
write_record() {
  {
    [ ! -f "$home/installed" ] || grep -v -x -F "launcher $launcher" "$home/installed" || :
    printf '%s' "$directories"
    printf 'launcher %s\n' "$launcher"
  } > "$home/installed.new"
  mv -f "$home/installed.new" "$home/installed"
}

# Takes away what an installation that failed has made; the one before is as it was.
clean_up() {
  status=$?
  trap - EXIT
  if [ "$(readlink "$home/env")" != "${new##*/}" ]; then
    rm -rf "$new" "$new.log" "$new.link"
    printf '%s' "$directories" | sed '1!G;h;$!d' | while read -r _ made; do
      rmdir "$made" 2> /dev/null || :
    done
  fi
  exit "$status"
}

# ---- The two jobs --------------------------------------------------------------------------------

install() {
  if [ -e "$launcher" ] && [ "$(sed -n '2p;2q' "$launcher" 2> /dev/null)" != "# venvhook launcher, made by install.sh" ]; then
    fail "$launcher is not from install.sh; remove it, or choose another --prefix"
  fi
  if [ -e "$home/env" ] && [ ! -L "$home/env" ]; then
    fail "$home/env is not from install.sh; move it away"
  fi
  find_python
  [ -z "$base" ] || check_shells "$base"
  directories=''
  new=none
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  make_directory "$home"
  make_directory "$prefix/bin"
  # The hook makes these, and --uninstall should leave none that was not there.
  expect_directory "$HOME/.cache" "${XDG_CACHE_HOME-}"
  expect_directory "$HOME/.config" "${XDG_CONFIG_HOME-}"
  expect_directory "$HOME/.local/state" "${XDG_STATE_HOME-}"
  [ -w "$prefix/bin" ] || fail "$prefix/bin cannot be written; choose another --prefix"
  new=$(mktemp -d "$home/env.XXXXXX")
  rmdir "$new"
  say "Installing into $home with ${base:-uv}"
  make_environment
  [ -n "$base" ] || check_shells "$new/bin/python"
  turn_to_new
  write_record
  set -- --launcher "$launcher"
  [ -z "$shells" ] || set -- "$@" --shells "$shells"
  [ -z "$no_rc" ] || set -- "$@" --no-rc
  "$home/env/bin/python" -I -m venvhook install "$@" || fail "installed, but see above"
  say "Done. Open a new shell, and cd into a project."
}

remove() {
  if [ -x "$home/env/bin/python" ] && "$home/env/bin/python" -I -m venvhook --version > /dev/null 2>&1; then
    "$home/env/bin/python" -I -m venvhook uninstall
    return
  fi
  # The private environment is broken or gone; the checkout knows how as well.
  find_python
  [ -n "$base" ] || fail "no Python of at least 3.11 on PATH to do it with; give --python"
  "$base" -I -c 'import sys; sys.path.insert(0, sys.argv[1])
from venvhook.installation import main; main()' "$source/src"
}

read_options "$@"
find_places
if [ -n "$uninstall" ]; then remove; else install; fi
