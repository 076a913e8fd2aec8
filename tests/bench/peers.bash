# Times what a hook does at an idle prompt and at a cd between plain directories, in bash: with the
# variables of bench.sh, and HOOK, a command that prints what loads the hook.
# shellcheck disable=SC2153  # BASE, HOOK, OUT: from the environment

: > "$OUT"
one() { cd "$BASE/a/b/c" || exit; }
other() { cd "$BASE/a/b/d" || exit; }
at_prompt() {
  local command
  for command in "${PROMPT_COMMAND[@]}"; do eval "$command"; done
}
hooked_one() { one; at_prompt; }
hooked_other() { other; at_prompt; }

rounds() {
  local i begin end step
  for ((i = 0; i < ROUNDS; i++)); do
    for step in "$@"; do
      begin=$EPOCHREALTIME
      "$step"
      end=$EPOCHREALTIME
      printf '%s %s %s\n' "$step" "$begin" "$end" >> "$OUT"
    done
  done
}

PROMPT_COMMAND=()
rounds one other
eval "$(eval "$HOOK")"
one
at_prompt
rounds at_prompt
rounds hooked_one hooked_other
