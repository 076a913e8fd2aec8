# Timed rounds in bash 5 and zsh, read with the shell's own clock. Run by tests/bench with the variables
# BASE (the places made for it), INIT (a command that prints the hook), PYTHON, ROUNDS and OUT.
# shellcheck shell=bash
# shellcheck disable=SC1091  # the environments exist only while this runs

if [[ -n ${ZSH_VERSION-} ]]; then
  zmodload zsh/datetime
  shell=zsh
  at_prompt() { _venvhook_hook; }
  after_cd() { :; } # chpwd has run
else
  shell=bash
  at_prompt() { eval _venvhook_hook; } # as PROMPT_COMMAND is run
  after_cd() { eval _venvhook_hook; }
fi
: > "$OUT"

# Times ROUNDS calls of each function after the first word, one after the other in each round.
rounds() {
  local case=$1 i begin end step
  shift
  for ((i = 0; i < ROUNDS; i++)); do
    for step in "$@"; do
      begin=$EPOCHREALTIME
      "$step"
      end=$EPOCHREALTIME
      printf '%s.%s %s %s\n' "$case" "$step" "$begin" "$end" >> "$OUT"
    done
  done
}

one() { cd "$BASE/a/b/c" || exit; }
other() { cd "$BASE/a/b/d" || exit; }
deep_one() { cd "$BASE/1/2/3/4/5/6/7/8/9/10/11/12/c" || exit; }
deep_other() { cd "$BASE/1/2/3/4/5/6/7/8/9/10/11/12/d" || exit; }
inside_one() { cd "$BASE/A/a/b" || exit; }
inside_other() { cd "$BASE/A/a/c" || exit; }
enter() { cd "$BASE/x/A" || exit; }
leave() { cd "$BASE/x" || exit; }
switch_to() { cd "$BASE/x/B" || exit; }
nothing() { :; }
python_starts() { command "$PYTHON" -I -S -c pass; }
# shellcheck disable=SC1090  # made by the benchmark
stock() { . "$ACTIVATE"; }
deactivate_stock() { deactivate; }

hooked_one() { one; after_cd; }
hooked_other() { other; after_cd; }
hooked_deep_one() { deep_one; after_cd; }
hooked_deep_other() { deep_other; after_cd; }
hooked_inside_one() { inside_one; after_cd; }
hooked_inside_other() { inside_other; after_cd; }
hooked_enter() { enter; after_cd; }
hooked_leave() { leave; after_cd; }
hooked_switch_to() { switch_to; after_cd; }
load() { eval "$("$INIT" init "$shell" --source)"; } # as in the block of install.sh

PS1='$ '
rounds bare one other
rounds bare deep_one deep_other
rounds bare inside_one inside_other
rounds bare leave enter switch_to
rounds bare nothing
for maker in venv uv; do
  ACTIVATE=$BASE/stock/$maker/bin/activate
  rounds "$maker" stock deactivate_stock
done
rounds stock python_starts
load
rounds start load
rounds plain hooked_one hooked_other
rounds plain hooked_deep_one hooked_deep_other
one
after_cd
rounds plain at_prompt
hooked_inside_one
rounds inside hooked_inside_one hooked_inside_other
rounds inside at_prompt
hooked_leave
hooked_enter
hooked_switch_to
rounds known hooked_leave hooked_enter hooked_switch_to
hooked_leave
# A first visit: no recipe is kept.
forget() { _VENVHOOK_CACHE=/dev/null; }
forget
rounds first hooked_enter hooked_leave
