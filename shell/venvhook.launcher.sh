# The venvhook command, in front of the private environment that install.sh made. Written to
# <prefix>/bin/venvhook after these lines:
#   home     the directory of the private environment 'env' and of the record 'installed'
#   command  where this file is
# shellcheck shell=sh
# shellcheck disable=SC3013  # -nt, -O: in dash, busybox and the sh of macOS
# shellcheck disable=SC2154  # home, command: assigned above, see src/venvhook/launcher.py

python=$home/env/bin/python source=$home/env/package

# A shell that starts needs no Python: what 'init' printed last time is kept, and is right while it
# is newer than the installation and the settings. -nt is strict, so equal times ask again.
[ "$*" != 'init pwsh' ] || set -- init powershell
case $#:${1-}:${2-}:${3-} in
  2:init:bash: | 2:init:zsh: | 2:init:fish: | 2:init:powershell: | \
    3:init:bash:--source | 3:init:zsh:--source | 3:init:fish:--source)
    case ${XDG_CACHE_HOME-} in
      /*) cache=${XDG_CACHE_HOME%/}/venvhook ;;
      *) cache=${HOME-}/.cache/venvhook ;;
    esac
    case ${XDG_CONFIG_HOME-} in
      /*) config=$XDG_CONFIG_HOME/venvhook ;;
      *) config=${HOME-}/.config/venvhook ;;
    esac
    # Who can write to the cache can move another file of the user's to where this one is. That he
    # has opened it to others himself is seen only when Python is asked the next time: no test shows
    # modes, and starting ls takes longer than all of this (1.4 against 0.9 ms).
    kept=$cache/init.$2
    if [ -f "$kept" ] && [ -O "$kept" ] && [ ! -L "$kept" ] &&
      [ -O "$cache" ] && [ ! -L "$cache" ] &&
      [ -e "$home/installed" ] && [ "$kept" -nt "$home/installed" ] &&
      { [ ! -e "$config" ] || [ "$kept" -nt "$config" ]; } &&
      { [ ! -e "$config/config.toml" ] || [ "$kept" -nt "$config/config.toml" ]; }; then
      # An rc file says --source: its shell reads the file itself, and no cat is started.
      case $#$kept in
        2* | *[\'\\]*) exec cat "$kept" ;;
      esac
      # A user's 'builtin' or 'source' does not matter to '.'; fish has reserved the first.
      case $2 in
        fish | powershell) printf "builtin source '%s'\n" "$kept" ;;
        *) printf "\\. '%s'\n" "$kept" ;;
      esac
      exit 0
    fi
    code='import sys; sys.path.append(sys.argv.pop(1)); from venvhook.init import main; main()'
    set -- -S -c "$code" "$source" --keep "$kept" "$2"
    ;;
  *)
    code='import sys; del sys.argv[0]; from venvhook.__main__ import main; main()'
    # What scripts call often is understood without click, so without looking for packages. Where
    # that comes to its end, the answer is written: Python needs 2 ms to take itself apart.
    case ${_VENVHOOK_COMPLETE-}:${1-}:${2-} in
      :which: | :which:--in | :which:--in=* | :run:[!-]* | :run:-- | :run:--in | :run:--in=*)
        code="import os, sys; sys.path.append(sys.argv.pop(1)); $code; os._exit(0)"
        set -- -S -c "$code" "$source" "$command" "$@"
        ;;
      *) set -- -c "$code" "$command" "$@" ;;
    esac
    ;;
esac

if [ ! -x "$python" ]; then
  echo "venvhook: $python is gone; run install.sh again" >&2
  exit 1
fi
exec "$python" -I "$@"
