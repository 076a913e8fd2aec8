# Timed rounds in fish, with the variables of bench.sh. fish has no clock of its own, and asking 'date'
# costs a hundred times what is measured: so steps are timed in batches of fifty, each with one that
# takes it back, and what takes milliseconds one at a time, less the cost of asking ('bare.nothing').
# Directories are changed by the builtin: fish's own function 'cd' has a command substitution, which takes
# up to 200 us more where something has run since the last one. Only 'bare.typed' calls it.

echo -n > $OUT

# Times ROUNDS batches of calls of each function after the first word, all of which may be repeated.
function batches -a case
    for step in $argv[2..]
        for i in (seq $ROUNDS)
            set -l begin (date +%s.%N)
            for j in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25
                $step
                again_$step
            end
            set -l end (date +%s.%N)
            echo $case.$step $begin $end 50 >> $OUT
        end
    end
end

# Times ROUNDS calls of each function after the first word, one after the other in each round.
function rounds -a case
    for i in (seq $ROUNDS)
        for step in $argv[2..]
            set -l begin (date +%s.%N)
            $step
            set -l end (date +%s.%N)
            echo $case.$step $begin $end >> $OUT
        end
    end
end

function one; builtin cd $BASE/a/b/c; end
function again_one; builtin cd $BASE/a/b/d; end
function typed; cd $BASE/a/b/c; end
function again_typed; cd $BASE/a/b/d; end
function deep_one; builtin cd $BASE/1/2/3/4/5/6/7/8/9/10/11/12/c; end
function again_deep_one; builtin cd $BASE/1/2/3/4/5/6/7/8/9/10/11/12/d; end
function inside_one; builtin cd $BASE/A/a/b; end
function again_inside_one; builtin cd $BASE/A/a/c; end
function hooked_one; one; end
function again_hooked_one; again_one; end
function hooked_deep_one; deep_one; end
function again_hooked_deep_one; again_deep_one; end
function hooked_inside_one; inside_one; end
function again_hooked_inside_one; again_inside_one; end
function enter; builtin cd $BASE/x/A; end
function again_enter; builtin cd $BASE/x; end
function switch_to; builtin cd $BASE/x/B; end
function again_switch_to; builtin cd $BASE/x/A; end
function hooked_enter; enter; end
function again_hooked_enter; again_enter; end
function hooked_leave; again_enter; end
function hooked_switch_to; switch_to; end
function again_hooked_switch_to; again_switch_to; end
function nothing; end
function python_starts; command $PYTHON -I -S -c pass; end
function stock; source $ACTIVATE; end
function again_stock; source $ACTIVATE; end
function at_prompt; _venvhook_prompt; end
function again_at_prompt; _venvhook_prompt; end
function load; $INIT init fish --source | source; end

function fish_prompt; echo -n '$ '; end
batches bare typed one deep_one inside_one enter switch_to
rounds bare nothing
for maker in venv uv
    set -g ACTIVATE $BASE/stock/$maker/bin/activate.fish
    batches $maker stock
    deactivate
end
rounds stock python_starts
load
rounds start load
one
batches plain hooked_one hooked_deep_one
one
batches plain at_prompt
inside_one
batches inside hooked_inside_one
batches inside at_prompt
hooked_leave
hooked_enter
hooked_leave
batches known hooked_enter
batches known hooked_switch_to
hooked_leave
set -g _VENVHOOK_CACHE /dev/null
rounds first hooked_enter hooked_leave
