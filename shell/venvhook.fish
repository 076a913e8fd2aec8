# venvhook for fish, 3.6 and later. Printed by 'venvhook init fish' after a few assignments:
#   _VENVHOOK_PROTOCOL  which recipes this script understands
#   _VENVHOOK_PYTHON, _VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   _VENVHOOK_CACHE  where recipes are kept, or empty
#
# test, set, string, read, command, eval and status are reserved words, which no function of the user's
# can replace; the other builtins that are used here are called through 'builtin'.
# A command substitution costs as much as ten builtins, so a function answers by setting variables of
# the function that called it: those with --no-scope-shadowing (-S).

# ---- State ---------------------------------------------------------------------------------------
# _VENVHOOK_PWD   the directory of the last walk, or empty: walk at the next prompt
# _VENVHOOK_ROOT  the active project and its environment, or empty
# _VENVHOOK_ENV
# _VENVHOOK_REST  the project in which the user typed 'deactivate' and which he has not left since
# _VENVHOOK_HAND  the environment that the user activated by hand, while it is active
# _VENVHOOK_CALM  what follows VIRTUAL_ENV where nobody else activated anything, see _venvhook_hook
# _VENVHOOK_UNDER what _OLD_VIRTUAL_PATH of stock activate held when we activated
# _VENVHOOK_WATCH the files that the last walk's answer rests on, and their recipes: words for 'test'
# _VENVHOOK_LOOK  words for 'test' that hold while those and the markers in $PWD are as they were
# _VENVHOOK_LEVELS the pattern for a directory and those above it, see _venvhook_bounds
# _VENVHOOK_TOLD  the lines said in this shell
# _VENVHOOK_OLD_* what a variable held before we replaced it; unset where it was unset

function _venvhook_load
    _venvhook_names
    if not set -q _VENVHOOK_LOADED
        set -g _VENVHOOK_LOADED 1
        for name in ROOT ENV REST HAND CALM PATHLESS UNDER
            set -g _VENVHOOK_$name ''
        end
        set -g _VENVHOOK_TOLD
        set -g _VENVHOOK_PLAIN
        _venvhook_adopt
    end
    set -g _VENVHOOK_PWD ''
    set -g _VENVHOOK_LOOK
    set -g _VENVHOOK_WATCH
    set -g _VENVHOOK_GONE ''
    test -n "$_VENVHOOK_CACHE" -a -O "$_VENVHOOK_CACHE"; or set -g _VENVHOOK_CACHE ''
    _venvhook_bounds
    _venvhook_register
end

# Up to three names of markers, from VENVHOOK_NAMES, between spaces or colons or as a list.
function _venvhook_names
    set -l names (string match -ar '[^:\s]+' -- "$VENVHOOK_NAMES")
    set -q names[1]; or set names .venv venv env
    # Always three: that is quicker to test than to count.
    set -a names $names[1] $names[1]
    set -g _VENVHOOK_NAMES $names[1..3]
end

# ---- Verbs: what a recipe says; they set variables of the function that asked --------------------

function _venvhook_activate -S
    set verdict activate
    set root $argv[1]
    set env $argv[2]
    set name $argv[3]
    set token $argv[4]
    _venvhook_rests_on $argv[5..]
end

function _venvhook_refuse -S
    set verdict refuse
    set root $argv[1]
    set reason $argv[2]
    _venvhook_rests_on $argv[3..]
end

function _venvhook_pass -S
    set verdict pass
    set root $argv[1]
    _venvhook_rests_on $argv[2..]
end

# Seven words for each witness, so that 'test / $said' asks for all of them at once.
function _venvhook_rests_on -S
    _venvhook_recipe_of "$root"
    for witness in $argv
        set -a said -a -e $witness -a $recipe -nt $witness
    end
end

# ---- Recipes -------------------------------------------------------------------------------------

# Sets recipe to the file that keeps the recipe of the project $argv[1], or to nothing.
function _venvhook_recipe_of -S
    set recipe ''
    test -z "$_VENVHOOK_CACHE"; or set recipe $_VENVHOOK_CACHE$argv[1]/venvhook.recipe.fish
end

# Appends to look what holds of the files in watch as long as they stay as they are.
function _venvhook_look -S
    if test / $watch
        set -a look $watch
        return
    end
    set -l rest $watch
    while set -q rest[1]
        if not test -e $rest[3]
            set -a look -a ! -e $rest[3]
        else if test $rest[5] -nt $rest[3]
            set -a look $rest[1..7]
        else
            set -a look -a -e $rest[3] -a ! $rest[5] -nt $rest[3]
        end
        set -e rest[1..7]
    end
end

# Is all that the recipe of verdict rests on, in argv, older than it? A marker that is no environment
# must not have become one by a directory with old times being moved there.
function _venvhook_is_fresh -S
    test / $argv; or return 1
    test "$verdict" = activate; and return 0
    set -l rest $argv
    while set -q rest[1]
        test -e $rest[3]/pyvenv.cfg; and return 1
        set -e rest[1..7]
    end
    return 0
end

# Sets verdict and its values from the kept recipe of $argv[1], if that may still be used.
function _venvhook_recall -S
    set -l recipe
    set -l said
    set verdict ''
    _venvhook_recipe_of $argv[1]
    if test -n "$recipe" -a -f "$recipe" -a -O "$recipe"
        builtin source $recipe 2>/dev/null
        if test -n "$verdict" -a "$root" = $argv[1]; and _venvhook_is_fresh $said
            set -a watch $said
            return 0
        end
    end
    set verdict ''
    return 1
end

# ---- The helper ----------------------------------------------------------------------------------

# Sets verdict and its values to the helper's answer for $argv[1] and the directories above it.
function _venvhook_ask -S
    set verdict ''
    if not test -x "$_VENVHOOK_PYTHON"
        test -n "$_VENVHOOK_GONE"
        or _venvhook_say "the helper's Python is gone ($_VENVHOOK_PYTHON); install venvhook again"
        set -g _VENVHOOK_GONE 1
        return 0
    end
    set -l recipe
    set -l said
    set -l code 'import sys, _signal; _signal.signal(2, _signal.SIG_DFL); sys.path.append(sys.argv.pop(1)); '
    set code $code'from venvhook.hook import main; main()'
    set -l answer "$(command $_VENVHOOK_PYTHON -I -S -c $code $_VENVHOOK_SOURCE $_VENVHOOK_PROTOCOL \
        fish $argv[1] $_VENVHOOK_NAMES)"
    or return 0
    eval $answer
    set -a watch $said
end

function _venvhook_say
    builtin printf 'venvhook: %s\n' $argv[1] >&2
end

# Says $argv[2] about the project $argv[1], once in this shell.
function _venvhook_tell
    builtin contains -- "$argv[1]"\n"$argv[2]" $_VENVHOOK_TOLD; and return
    set -ga _VENVHOOK_TOLD "$argv[1]"\n"$argv[2]"
    _venvhook_say $argv[2]
end

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to env, of the project root and called name; all empty: to none.
function _venvhook_switch -a root env name
    set -l path $PATH
    if test -n "$_VENVHOOK_ENV"
        _venvhook_path_without $_VENVHOOK_ENV/bin
        _venvhook_prompt_hide
    end
    if test -n "$env"
        test -n "$_VENVHOOK_ENV"; or _venvhook_store
        _venvhook_set_aside PYTHONHOME
        set -g _VENVHOOK_ROOT $root
        set -g _VENVHOOK_ENV $env
        set -gx VIRTUAL_ENV $env
        set -gx VIRTUAL_ENV_PROMPT $name
        set -gx VENVHOOK_ACTIVE $env
        set -gx PATH $env/bin $path
        _venvhook_prompt_show $name
    else if test -n "$_VENVHOOK_ENV"
        set -g _VENVHOOK_ROOT ''
        set -g _VENVHOOK_ENV ''
        if test -n "$_VENVHOOK_PATHLESS"
            set -eg PATH
            test "$path" = "$PATH"; or set -gx PATH $path
        else
            set -gx PATH $path
        end
        _venvhook_restore
    end
    _venvhook_bounds
end

# Remembers what activation replaces. A universal variable is only covered by our global one.
function _venvhook_store
    for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME
        set -eg _VENVHOOK_OLD_$name
        _venvhook_set_aside $name
    end
    set -g _VENVHOOK_PATHLESS ''
    set -qg PATH; or set -g _VENVHOOK_PATHLESS 1
    set -g _VENVHOOK_UNDER "$_OLD_VIRTUAL_PATH"
    builtin functions -e _venvhook_old_deactivate
    builtin functions -q deactivate
    and builtin functions -c deactivate _venvhook_old_deactivate
    function deactivate -d 'Leave the environment that venvhook activated'
        _venvhook_deactivate
    end
end

# Unsets the variable $argv[1], if it is set, and remembers it: whether it was exported, and its value.
function _venvhook_set_aside
    if set -qg $argv[1]
        set -g _VENVHOOK_OLD_$argv[1] (set -qgx $argv[1]; and builtin echo -x; or builtin echo -u) $$argv[1]
        set -eg $argv[1]
    end
    # An empty global one, not exported, hides a universal one from programs.
    set -qx $argv[1]; and set -gu $argv[1]
end

# Gives back what activation replaced.
function _venvhook_restore
    set -eg VENVHOOK_ACTIVE
    set -eg VIRTUAL_ENV
    set -eg VIRTUAL_ENV_PROMPT
    # A PYTHONHOME that the user has set meanwhile stays; what hid a universal one goes.
    set -qgx PYTHONHOME; or set -q PYTHONHOME[1]; or set -eg PYTHONHOME
    for name in VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME
        set -l old _VENVHOOK_OLD_$name
        if set -q $old
            set -l value $$old
            set -qg $name; or set -g $value[1] $name $value[2..]
            set -eg $old
        end
    end
    builtin functions -e deactivate
    _venvhook_rename _venvhook_old_deactivate deactivate
end

# Calls the function $argv[1], if there is one, $argv[2].
function _venvhook_rename
    builtin functions -q $argv[1]; or return 0
    builtin functions -e $argv[2]
    builtin functions -c $argv
    builtin functions -e $argv[1]
end

# Takes the first entry $argv[1] out of path.
function _venvhook_path_without -S
    if test "$path[1]" = $argv[1]
        set -e path[1]
    else if set -l at (builtin contains -i -- $argv[1] $path)
        set -e path[$at]
    end
end

# Puts ($argv[1]) before the prompt: the function of the user's moves to the name in _VENVHOOK_PLAIN.
# It is called first, since whatever prints the name would change $status and $pipestatus for it.
function _venvhook_prompt_show
    if set -q VIRTUAL_ENV_DISABLE_PROMPT
        test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and set -q VIRTUAL_ENV_DISABLE_PROMPT[1]; or return 0
    end
    builtin functions -q fish_prompt; or return 0
    set -g _VENVHOOK_SHOWN $argv[1]
    # One that was left where a prompt defined meanwhile may still call it keeps its name.
    set -l plain _venvhook_plain
    while builtin functions -q $plain
        set plain {$plain}_
    end
    builtin functions -c fish_prompt $plain
    set -g _VENVHOOK_PLAIN $plain
    function fish_prompt -V plain
        set -l text ($plain $argv | string collect --no-trim-newlines)
        test "$plain" = "$_VENVHOOK_PLAIN"; and builtin printf '(%s) ' $_VENVHOOK_SHOWN
        builtin printf %s $text
    end
end

function _venvhook_prompt_hide
    if set -q _VENVHOOK_PLAIN[1]; and _venvhook_is_ours fish_prompt
        _venvhook_rename $_VENVHOOK_PLAIN fish_prompt
    end
    set -g _VENVHOOK_PLAIN
end

# Is $argv[1] the prompt that _venvhook_prompt_show defined, by whatever name?
function _venvhook_is_ours
    string match -q '*_VENVHOOK_SHOWN*' -- "$(builtin functions $argv[1])"
end

# What 'deactivate' does while an environment is active: it stays off until the project is left.
function _venvhook_deactivate
    set -g _VENVHOOK_REST $_VENVHOOK_ROOT
    _venvhook_switch '' '' ''
end

# An environment was activated by hand on top of ours, and 'deactivate' is no longer ours: what is
# left of ours goes, also out of what the other one will give back.
function _venvhook_yield
    set -l entry $_VENVHOOK_ENV/bin
    set -l path $PATH
    _venvhook_path_without $entry
    set -gx PATH $path
    if set -qg _OLD_VIRTUAL_PATH
        set path $_OLD_VIRTUAL_PATH
        _venvhook_path_without $entry
        set -gx _OLD_VIRTUAL_PATH $path
    end
    if set -q _VENVHOOK_PLAIN[1]; and builtin functions -q _old_fish_prompt
        and _venvhook_is_ours _old_fish_prompt
        _venvhook_rename $_VENVHOOK_PLAIN _old_fish_prompt
    end
    _venvhook_prompt_hide
    # The first word of a remembered value says whether it was exported.
    set -q _VENVHOOK_OLD_PYTHONHOME
    and set -gx _OLD_VIRTUAL_PYTHONHOME $_VENVHOOK_OLD_PYTHONHOME[2..]
    set -eg VENVHOOK_ACTIVE
    set -eg _VENVHOOK_OLD_VIRTUAL_ENV
    set -eg _VENVHOOK_OLD_VIRTUAL_ENV_PROMPT
    set -eg _VENVHOOK_OLD_PYTHONHOME
    builtin functions -e _venvhook_old_deactivate
    set -g _VENVHOOK_ROOT ''
    set -g _VENVHOOK_ENV ''
    _venvhook_bounds
end

# A shell started from one with an active environment inherits it: given back here, it is activated
# again at the first prompt if it is right for the directory.
function _venvhook_adopt
    set -l path $PATH
    set -l active $VENVHOOK_ACTIVE
    set -eg VENVHOOK_ACTIVE
    test -n "$active"; and test "$VIRTUAL_ENV" = "$active"; or return 0
    _venvhook_path_without $active/bin
    set -gx PATH $path
    set -eg VIRTUAL_ENV
    set -eg VIRTUAL_ENV_PROMPT
end

# ---- The walk ------------------------------------------------------------------------------------

# Sets the pattern that finds, for a directory, itself and up to eight above it, nearest first: l0 to
# l8, each without their common beginning, base. That is the active project if the directory lies in
# it (then it is also in inside), else HOME, else nothing; neither is one of the levels. One match and
# one test of all levels cost a third of a loop over them.
function _venvhook_bounds
    set -l home ''
    set -l root $_VENVHOOK_ROOT
    string match -rq '(?s)^(?<home>/.*[^/])/*\z' -- "$HOME"
    # \E would end the quoting that \Q begins.
    if string match -q '*\\\\E*' -- "$home" "$root"
        set home (string replace -a '\E' '\E\\\\E\Q' -- $home | string collect)
        set root (string replace -a '\E' '\E\\\\E\Q' -- $root | string collect)
    end
    set -l inside "(?<inside>\\Q$root\\E(?=/))"
    test -z "$root" -o "$root" = "$home"; and set inside '(?<inside>(?!))'
    set -l base "$inside|\\Q$home\\E(?=/)"
    string match -rq "^\\Q$root\\E/" -- $home; and set base "\\Q$home\\E(?=/)|$inside"
    set -l levels '(?<l8>(?:/+[^/]+)+)'
    for level in l7 l6 l5 l4 l3 l2 l1 l0
        set levels "(?<$level>$levels?/+[^/]+)"
    end
    set -g _VENVHOOK_LEVELS "^(?!\\Q$home\\E\\z)(?<base>(?:$base)?+)$levels\\z"
end

# Is what is active, or that nothing is, right for $PWD as well, as far as can be seen at a glance?
function _venvhook_glance -a base inside l0 l1 l2 l3 l4 l5 l6 l7 l8
    string match -rq $_VENVHOOK_LEVELS -- $PWD
    and test "$inside$l8" = "$_VENVHOOK_ROOT$_VENVHOOK_REST"
    and not builtin path is $base$l0/$_VENVHOOK_NAMES $base$l1/$_VENVHOOK_NAMES \
        $base$l2/$_VENVHOOK_NAMES $base$l3/$_VENVHOOK_NAMES $base$l4/$_VENVHOOK_NAMES \
        $base$l5/$_VENVHOOK_NAMES $base$l6/$_VENVHOOK_NAMES $base$l7/$_VENVHOOK_NAMES
    or return 1
    set -l here $base$l0/$_VENVHOOK_NAMES
    test ! -L $here[1] -a ! -L $here[2] -a ! -L $here[3] $_VENVHOOK_WATCH
    or return 1
    set -g _VENVHOOK_LOOK ! -e $here[1] -a ! -e $here[2] -a ! -e $here[3] \
        -a ! -L $here[1] -a ! -L $here[2] -a ! -L $here[3] $_VENVHOOK_WATCH
end

# Sets verdict for the project $argv[1]: 'same' where it is active and nothing has changed.
function _venvhook_decide -S
    if test "$argv[1]" = "$_VENVHOOK_ROOT"; and set -q _VENVHOOK_WATCH[1]; and not set -q watch[1]
        if test / $_VENVHOOK_WATCH
            set watch $_VENVHOOK_WATCH
            set verdict same
            return
        end
    end
    _venvhook_recall $argv[1]; and return
    set asked 1
    _venvhook_ask $argv[1]
end

# Walks up from $PWD to the nearest project whose markers do not just pass, and does what it says.
function _venvhook_walk -a verdict root env name token reason asked
    set -l watch
    set -l look /
    set -l dir
    if string match -rq '^(?<dir>(?:/+[^/]+)*+)/*\z' -- $PWD
        set -l here $dir/$_VENVHOOK_NAMES
        for marker in $here
            if test -e $marker
                set -a look -a -e $marker
            else if test -L $marker
                set -a look -a ! -e $marker -a -L $marker
            else
                set -a look -a ! -e $marker -a ! -L $marker
            end
        end
        # A link that leads nowhere is noticed only here, not on the way up.
        if builtin path is $here; or test -L $here[1] -o -L $here[2] -o -L $here[3]
            set -l project $dir
            test -n "$project"; or set project /
            _venvhook_decide $project
        end
        test -z "$asked"; and builtin contains -- "$verdict" '' pass; and _venvhook_climb
    end
    _venvhook_apply
    _venvhook_look
    set -g _VENVHOOK_LOOK $look
    set -g _VENVHOOK_WATCH
    test -z "$_VENVHOOK_ENV"; or set -g _VENVHOOK_WATCH $watch
end

# Sets verdict for the nearest project above dir whose markers do not just pass.
function _venvhook_climb -S -a base inside l0 l1 l2 l3 l4 l5 l6 l7 l8
    while string match -rq $_VENVHOOK_LEVELS -- $dir
        for level in $base$l1 $base$l2 $base$l3 $base$l4 $base$l5 $base$l6 $base$l7 $base$l8
            builtin path is $level/$_VENVHOOK_NAMES; or continue
            # $HOME counts for itself alone, also when it is reached by another name.
            builtin path is $HOME/$_VENVHOOK_NAMES; and _venvhook_is_same $level $HOME; and return
            _venvhook_decide $level
            test "$asked$verdict" = pass; or return
        end
        if set -q l8[1]
            set dir $base$l8
        else if test -n "$inside"
            set dir $inside
            builtin path is $dir/$_VENVHOOK_NAMES; or continue
            _venvhook_decide $dir
            test "$asked$verdict" = pass; or return
        else
            return
        end
    end
end

# Does what verdict says.
function _venvhook_apply -S
    switch "$verdict"
        case same
            return
        case activate
            # Deactivated by hand after it was activated by hand: the user means it.
            test -n "$_VENVHOOK_HAND"; and _venvhook_is_same $env $_VENVHOOK_HAND
            and set -g _VENVHOOK_REST $root
            if test "$root" != "$_VENVHOOK_REST" -a -z "$VENVHOOK_OFF"
                set -g _VENVHOOK_REST ''
                if test "$env" != "$_VENVHOOK_ENV"
                    _venvhook_switch $root $env $name
                else if test "$root" != "$_VENVHOOK_ROOT"
                    set -g _VENVHOOK_ROOT $root
                    _venvhook_bounds
                end
                return
            end
        case refuse
            set -g _VENVHOOK_REST ''
            _venvhook_tell $root $reason
        case '*'
            set -g _VENVHOOK_REST ''
    end
    test -z "$_VENVHOOK_ENV"; or _venvhook_switch '' '' ''
end

# Are $argv[1] and $argv[2] the same directory?
function _venvhook_is_same
    test "$argv[1]" = "$argv[2]"
    or test "$(builtin path resolve -- $argv[1])" = "$(builtin path resolve -- $argv[2])"
end

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and after each change of directory. What the variables of other activators
# hold stands in one text, since comparing several costs more than that.
function _venvhook_hook
    set -l others ":$CONDA_DEFAULT_ENV:$_OLD_VIRTUAL_PATH:$VENVHOOK_OFF"
    if test "$VIRTUAL_ENV$others" = "$_VENVHOOK_ENV$_VENVHOOK_CALM"
        test "$PWD" = "$_VENVHOOK_PWD"; and test $_VENVHOOK_LOOK; and return
        _venvhook_glance; or _venvhook_walk
        set -g _VENVHOOK_PWD $PWD
    else if _venvhook_is_free
        _venvhook_walk
        set -g _VENVHOOK_CALM $others
        set -g _VENVHOOK_HAND ''
        set -g _VENVHOOK_PWD $PWD
    end
end

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
function _venvhook_is_free
    if test -n "$_VENVHOOK_ENV"
        if test "$_OLD_VIRTUAL_PATH" != "$_VENVHOOK_UNDER"
            or not builtin contains -- "$VIRTUAL_ENV" '' "$_VENVHOOK_ENV"
            _venvhook_yield
        else if test -z "$VIRTUAL_ENV"
            _venvhook_deactivate
        else if not builtin contains -- "$CONDA_DEFAULT_ENV" '' base
            _venvhook_switch '' '' ''
        end
    end
    set -g _VENVHOOK_WATCH
    test "$VIRTUAL_ENV" = "$_VENVHOOK_ENV"; and builtin contains -- "$CONDA_DEFAULT_ENV" '' base
    and return
    set -g _VENVHOOK_HAND $VIRTUAL_ENV
    set -g _VENVHOOK_PWD ''
    return 1
end

# ---- Registration --------------------------------------------------------------------------------

function _venvhook_register
    function _venvhook_prompt --on-event fish_prompt --on-variable PWD
        _venvhook_hook
    end
    function _venvhook_home --on-variable HOME
        _venvhook_bounds
    end
end

# A shell that runs a script reads config.fish too, and has nothing to do here.
status is-interactive; and _venvhook_load
