# venvhook for fish, 3.6 and later. Printed by 'venvhook init fish' after a few assignments:
#   _VENVHOOK_PROTOCOL  which recipes this script understands
#   _VENVHOOK_PYTHON, _VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   _VENVHOOK_CACHE  where recipes of that protocol are kept, or empty
#   _VENVHOOK_SESSION  where the files of sessions are kept that have no other place, or empty
#
# Every command costs 1 to 10 us here and a command substitution 50, so a function answers by
# setting variables of the function that called it (-S), and much is asked of one 'test' or 'path'.
# test, set, string, command, eval, status and the like are reserved words, which no function of the
# user's can replace; the other builtins are called through 'builtin'.
#
# No builtin writes into a pipe: fish starts a thread for that, and waits for ever where it cannot.

# ---- State ---------------------------------------------------------------------------------------
# _VENVHOOK_PWD   the directory of the last walk, or empty: walk at the next prompt
# _VENVHOOK_ROOT  the active project and its environment, or empty
# _VENVHOOK_ENV
# _VENVHOOK_TOKEN the token that it was known by, or empty
# _VENVHOOK_REST  the projects in which the user typed 'deactivate' and which he has not left since
# _VENVHOOK_JUST  the one of them where he has done so in the line that has just run
# _VENVHOOK_HAND  the environment that the user activated by hand, while it is active
# _VENVHOOK_WATCH words for 'test' that hold while the witnesses of what is active are as they were
# _VENVHOOK_DOUBT 1 if that does not prove them older than the recipe: then the helper is asked
# _VENVHOOK_LOOK  the name of a variable with words for 'test' that hold while the markers in $PWD
#                 are as they were: _VENVHOOK_BARE where there were none, _VENVHOOK_ONE if only the
#                 first was there, else _VENVHOOK_MARKERS
# _VENVHOOK_ALSO  the same for the witnesses of what was refused or passed on the way
# _VENVHOOK_ASKED  the directory in which the helper was asked while it has not answered
# _VENVHOOK_GONE  not empty since the helper's complaints are not shown; mute: only until it answers
# _VENVHOOK_HUNG, _VENVHOOK_PAUSE  how often it is not asked after it has hung again, and still
# _VENVHOOK_TOLD  the lines said in this shell
# _VENVHOOK_WAITS  not empty in the middle of a line, where nothing is said
# _VENVHOOK_UNSAID  what is to be said at the prompt: a project, what, and the one that was active
# _VENVHOOK_CALM  what, beside VIRTUAL_ENV, shows other activators, as it was when none was at work;
#                 or 'off'
# _VENVHOOK_SESSION  the file by which 'venvhook off' and 'on' reach this shell, or empty; exported as
#                 VENVHOOK_SESSION, with .off behind it while VENVHOOK_OFF is set
# _VENVHOOK_AGAIN  1 from the loading of the script to the first prompt after it
# _VENVHOOK_PATHLESS  1 if PATH was unset when what is active was entered
# _VENVHOOK_SEEN  PATH as it was at the last look at it while an environment was active
# _VENVHOOK_LEFTOVER  _OLD_VIRTUAL_PATH at that time, set by a stock script in a parent shell
# _VENVHOOK_LEFT  environments that were active when another tool remembered what variables held, which
# _VENVHOOK_DIRENV  may put them back; and what direnv remembered at the last prompt
# _VENVHOOK_PLAIN the function that the user's fish_prompt was moved to, or unset
# _VENVHOOK_FRAME, _VENVHOOK_INSIDE  the pattern of the walk, see _venvhook_bounds
# _VENVHOOK_OLD_* what a variable held before we replaced it; unset where it was unset
# _VENVHOOK_POLICY words for 'test' that hold while what the user has set is to be taken as it is known
# _VENVHOOK_STANDS  more such words, which hold as long as nothing is bound
# _VENVHOOK_AUTO_CREATE, _VENVHOOK_GUARD, _VENVHOOK_FILES  what it says: the settings of these names,
# _VENVHOOK_BOUND and the pattern of the projects that environments are bound to, or unset
# _VENVHOOK_MISNAMED  what VENVHOOK_NAMES is if that is a mistake, for the helper to say; else unset
# _VENVHOOK_OFFER  the directory for which an environment may be offered at the next prompt
# _VENVHOOK_OFFERED  the projects that one was offered for
# _VENVHOOK_UNGUARDED  1 since the user set PIP_REQUIRE_VIRTUALENV himself

function _venvhook_load
    _venvhook_names
    _venvhook_session
    # By its process number, since a child inherits it if it is ever exported.
    if test "$_VENVHOOK_LOADED" != $fish_pid
        set -g _VENVHOOK_LOADED $fish_pid
        for name in SEEN ROOT ENV TOKEN JUST LEFTOVER PATHLESS DOUBT DIRENV
            set -g _VENVHOOK_$name ''
        end
        set -g _VENVHOOK_INSIDE '(?!)'
        set -g _VENVHOOK_REST
        set -g _VENVHOOK_LEFT
        set -g _VENVHOOK_HAND
        set -g _VENVHOOK_TOLD
        set -g _VENVHOOK_OFFERED
        set -g _VENVHOOK_OFFER ''
        set -g _VENVHOOK_UNGUARDED ''
        set -g _VENVHOOK_OLD
        test ! -e "$_VENVHOOK_SESSION"; or command rm -f -- $_VENVHOOK_SESSION
        _venvhook_adopt
    end
    # What is active is left and entered again at the next prompt: whatever config.fish did to PATH
    # before or after this line, the environment is first on it then.
    set -g _VENVHOOK_CALM ''
    set -g _VENVHOOK_AGAIN 1
    set -g _VENVHOOK_PWD ''
    set -g _VENVHOOK_LOOK _VENVHOOK_BARE
    set -g _VENVHOOK_ALSO
    set -g _VENVHOOK_WATCH
    set -g _VENVHOOK_GONE ''
    set -g _VENVHOOK_ASKED ''
    set -g _VENVHOOK_HUNG
    set -g _VENVHOOK_PAUSE
    set -g _VENVHOOK_POLICY ! -n new
    set -g _VENVHOOK_STANDS
    set -g _VENVHOOK_AUTO_CREATE never
    set -g _VENVHOOK_GUARD ''
    set -g _VENVHOOK_FILES
    set -eg _VENVHOOK_BOUND
    set -eg _VENVHOOK_SHORTENED
    # Below this no recipe is found, so there is no other place that has to know.
    test -n "$_VENVHOOK_CACHE" -a -O "$_VENVHOOK_CACHE"; or set -g _VENVHOOK_CACHE /dev/null
    _venvhook_trust
    _venvhook_bounds
    _venvhook_shorten register hook walk climb
    _venvhook_register
end

# Before version 4, a function that calls another costs fish up to 20 us more the later it stands in
# its file, since the lines up to it are counted. So the frequent ones get a text of their own.
function _venvhook_shorten
    string match -q '3.*' -- $version; or return 0
    for name in $argv
        eval "$(builtin functions _venvhook_$name)"
    end
end

# What VENVHOOK_TRUST says: recipes made under one setting are not for another. The helper complains
# about a word that it does not know.
function _venvhook_trust
    test -n "$VENVHOOK_TRUST"; or return 0
    set -g _VENVHOOK_PROTOCOL "$_VENVHOOK_PROTOCOL.$VENVHOOK_TRUST"
    test "$_VENVHOOK_CACHE" = /dev/null; and return
    switch "$VENVHOOK_TRUST"
        case own ask all
            set -g _VENVHOOK_CACHE "$_VENVHOOK_CACHE.$VENVHOOK_TRUST"
        case '*'
            set -g _VENVHOOK_CACHE /dev/null
    end
end

# Three names of markers, from VENVHOOK_NAMES, between spaces or colons or as a list; else $argv, as the
# user set them. Where it is a mistake, nothing is activated, and the helper says so.
function _venvhook_names
    set -l names
    set -eg _VENVHOOK_MISNAMED
    test -z "$VENVHOOK_NAMES"; or set names (string match -ar '[^:\s]+' -- "$VENVHOOK_NAMES")
    if set -q names[1]; and string match -qr '^\.\.?$|[/\\\\]' -- $names; or set -q names[4]
        set -g _VENVHOOK_MISNAMED "$VENVHOOK_NAMES"
        set -g _VENVHOOK_CACHE /dev/null
        set names
    end
    set -q names[1]; or set names $argv .venv venv env
    set -a names $names[1] $names[1]
    set -g _VENVHOOK_NAMES $names[1..3]
    set -g _VENVHOOK_BARE ! -e $names[1] -a ! -e $names[2] -a ! -e $names[3]
    set -g _VENVHOOK_ONE -e $names[1] -a ! -e $names[2] -a ! -e $names[3]
end

# Where 'venvhook off' and 'on' leave word for this shell: in the runtime directory (XDG Base Directory),
# else where the assignment says.
function _venvhook_session
    string match -q '/*' -- "$XDG_RUNTIME_DIR"; and test -O "$XDG_RUNTIME_DIR"
    and set -g _VENVHOOK_SESSION (string trim -r -c / -- $XDG_RUNTIME_DIR)/venvhook
    test -z "$_VENVHOOK_SESSION"; or set -g _VENVHOOK_SESSION $_VENVHOOK_SESSION/$fish_pid
    set -gx VENVHOOK_SESSION "$_VENVHOOK_SESSION"
end

# ---- Verbs: what a recipe says -------------------------------------------------------------------
# Each sets verdict, unless it comes from a kept recipe that may no longer be used. root is the project,
# markers those that there were, each with a slash; the last arguments are witnesses.

# The environment env is called name and has the token.
function _venvhook_activate -S -a root markers env name token
    _venvhook_knows $env $token; or set token ''
    test -n "$asked$token"; or return 0
    set -l words
    _venvhook_may_use $root $markers $argv[6..]; or return 0
    set verdict activate
    # Deactivated by hand after it was activated by hand: the user means it.
    set -q _VENVHOOK_HAND[1]; and _venvhook_is_same $env $_VENVHOOK_HAND
    and set -ga _VENVHOOK_REST $root
    if test -n "$_VENVHOOK_REST"
        _venvhook_prune_rest ''
        if builtin contains -- $root $_VENVHOOK_REST
            set -a also $words
            _venvhook_switch '' '' ''
            return
        end
    end
    set -g _VENVHOOK_WATCH $words
    set -g _VENVHOOK_DOUBT $doubt
    if test "$env" != "$_VENVHOOK_ENV"
        _venvhook_switch $root $env $name; or return 0
    else if test "$root" != "$_VENVHOOK_ROOT"
        _venvhook_be_inside $root
    end
    set -g _VENVHOOK_TOKEN $token
end

# There is an environment that may not be used; reason says why, or nothing where the user knows.
function _venvhook_refuse -S -a root markers reason
    set -l words
    _venvhook_may_use $root $markers $argv[4..]; and _venvhook_is_still_none $argv[4..]; or return 0
    set verdict refuse
    set -a also $words
    set -q _VENVHOOK_REST[1]; and _venvhook_prune_rest $root
    set -l active $_VENVHOOK_ROOT
    _venvhook_switch '' '' ''
    if test -n "$reason"
        _venvhook_tell $root $reason $active
    else if set -q _VENVHOOK_TOLD[1]
        # Once that is taken back, what was said before is news.
        set -l told
        set -l start "^$(string escape --style=regex -- $root)"\n
        for line in $_VENVHOOK_TOLD
            string match -qr -- $start $line; or set -a told $line
        end
        set -g _VENVHOOK_TOLD $told
    end
end

# What is called like an environment is none.
function _venvhook_pass -S -a root markers
    set -l words
    _venvhook_may_use $argv; and _venvhook_is_still_none $argv[3..]; or return 0
    set verdict pass
    set -a also $words
end

# Of the projects in which the user typed 'deactivate', keeps those that $PWD is in, but for except.
function _venvhook_prune_rest -a except
    set -g _VENVHOOK_JUST ''
    set -l rest
    for root in $_VENVHOOK_REST
        test "$root" = "$except"; and continue
        set -l at (string escape --style=regex -- "$(string trim -rc / -- $root)")
        string match -rq "^$at(?:/|\\z)" -- $PWD
        and set -a rest $root
    end
    set -g _VENVHOOK_REST $rest
end

# ---- Recipes -------------------------------------------------------------------------------------

# Does the environment env know the token? One in the place of an accepted one does not, whatever its
# times say. Whose it is leaves no trace in a time either.
function _venvhook_knows -a env token
    set -l file $env/.venvhook
    test -n "$token" -a -f "$file" -a ! -L "$file" -a -O "$file" -a -O "$env/bin"; or return 1
    set -l value
    # Up to a NUL: the newline is part of it.
    read -z -n 40 value <$file
    test "$value" = $token\n
end

# May the answer for the project root with these markers, which rests on the other arguments, be used?
# Always if the helper has just given it; from a kept recipe if the markers are still the same, and that
# is newer than all the others. Sets words to what holds while they are as they are: seven words for
# each witness, so that one 'test' asks for all at once, and then the markers.
function _venvhook_may_use -S -a root markers
    if test -n "$asked"
        set recipe $_VENVHOOK_CACHE$root/venvhook.recipe.fish
    else
        test "$root" = "$level"; or return 1
    end
    # The first alone is what there is nearly always: then the one 'test' below asks for it, too.
    set -l path $root/$_VENVHOOK_NAMES
    set -l held -a -e $path[1] -a ! -e $path[2] -a ! -e $path[3]
    test -z "$asked" -a "$markers" = $_VENVHOOK_NAMES[1]/
    or _venvhook_hold $root $markers; or return 1
    set words
    for witness in $argv[3..]
        set -a words -a -e $witness -a $recipe -nt $witness
    end
    set doubt ''
    if test -n / $words $held
        set -a words $held
        return 0
    end
    test -n "$asked"; or return 1
    set doubt 1
    set -l rest $words
    set words
    while set -q rest[1]
        if not test -e $rest[3]
            set -a words -a ! -e $rest[3]
        else if test $rest[5] -nt $rest[3]
            set -a words $rest[1..7]
        else
            set -a words -a -e $rest[3] -a ! $rest[5] -nt $rest[3]
        end
        set -e rest[1..7]
    end
    set -a words $held
end

# Are the markers in root still these? Sets held to words for 'test' that hold while they are as they
# are now.
function _venvhook_hold -S -a root markers
    set held
    set -l there ''
    for name in $_VENVHOOK_NAMES
        if test -e $root/$name
            set there $there$name/
            set -a held -a -e $root/$name
        else
            set -a held -a ! -e $root/$name
        end
    end
    test -n "$asked" -o "$there" = "$markers"
end

# Is none of the arguments an environment? One with old times may have been moved into its place.
function _venvhook_is_still_none -S
    test -n "$asked"; or not set -q argv[1]; or not builtin path is $argv/pyvenv.cfg
end

# Sets look to the name of words for 'test' that hold while the markers in $PWD, which are not the
# first alone, are as they are.
function _venvhook_look -S
    set look _VENVHOOK_MARKERS
    set -g _VENVHOOK_MARKERS -n /
    for marker in $_VENVHOOK_NAMES
        if test -e $marker
            set -ga _VENVHOOK_MARKERS -a -e $marker
        else
            set -ga _VENVHOOK_MARKERS -a ! -e $marker
        end
    end
end

# ---- The policy: what the user has set -----------------------------------------------------------

# The policy generation says what auto_create and guard are, how markers and project files are called,
# and what is bound. The rest are witnesses. From the cache it counts only while it is newer than each.
function _venvhook_policy -S -a generation auto_create guard name1 name2 name3 files bound witness
    set -l words
    for file in $argv[9..]
        set -a words -a -e $file -a $generation -nt $file
    end
    set -l fresh 1
    test -n / $words; or set fresh ''
    test -n "$asked" -o -n "$fresh" -a -n "$witness" -a -e "$generation"; or return 0
    set loaded 1
    set -g _VENVHOOK_STANDS
    if test -z "$generation" -o -z "$witness"
        # Nothing shows a change.
        set -g _VENVHOOK_POLICY -n /
    else if test -n "$fresh"
        set -g _VENVHOOK_POLICY -n / $words
        set -g _VENVHOOK_STANDS -a -e $generation
    else
        # Its witnesses are not older, so it is asked for again each time.
        set -g _VENVHOOK_POLICY ! -n /
    end
    set -g _VENVHOOK_AUTO_CREATE $auto_create
    set -g _VENVHOOK_GUARD $guard
    set -g _VENVHOOK_FILES $files
    set -eg _VENVHOOK_BOUND
    if test -n "$bound"
        set -l roots
        for part in (string split \n -- $bound)
            switch $part
                case '/*'
                    set -a roots "$(string escape --style=regex -- $part)"
                case ''
                case '*'
                    # The rest of a name with a newline in it.
                    set roots[-1] $roots[-1]\n"$(string escape --style=regex -- $part)"
            end
        end
        set -g _VENVHOOK_BOUND "(?s)^(?<bound>$(string join '|' -- $roots))(?:/|\\z)"
    end
    _venvhook_names $name1 $name2 $name3
end

# Loads the policy again, where it has changed: from the cache, or from the helper.
function _venvhook_renew -a asked loaded
    set -l kept $_VENVHOOK_CACHE/venvhook.policy.fish
    test -f $kept -a -O $kept; and builtin source $kept
    test -n "$loaded"; or _venvhook_ask policy fish
    # A helper that complains is not asked for this again.
    test -n "$loaded" -o "$_VENVHOOK_GONE" != 1; or set -g _VENVHOOK_POLICY -n /
end

# ---- The helper ----------------------------------------------------------------------------------

# Asks the helper's module $argv[1] with the other arguments, and does what it answers. If this is
# interrupted, or it hangs, it is asked again after a change of directory; while it goes on hanging,
# after ever more of them.
function _venvhook_ask -S
    set asked 1
    if not test -x "$_VENVHOOK_PYTHON"
        test -n "$_VENVHOOK_GONE"
        or _venvhook_say "the helper's Python is gone ($_VENVHOOK_PYTHON); install venvhook again"
        set -g _VENVHOOK_GONE mute
        return 0
    end
    test "$PWD" = "$_VENVHOOK_ASKED"; and return
    set -g _VENVHOOK_ASKED $PWD
    if set -q _VENVHOOK_PAUSE[1]
        set -e _VENVHOOK_PAUSE[1]
        return 0
    end
    set -l answer
    set -l limit 1
    test -z "$VENVHOOK_TIMEOUT"; or _venvhook_limit
    set -l mute
    status is-command-substitution; and set mute 1
    if test -z "$_VENVHOOK_GONE$mute"
        set answer "$(_venvhook_run $argv)"
    else
        # What is wrong with it has been said, or is when it is asked again.
        set answer "$(_venvhook_run $argv 2>/dev/null)"
    end
    set -l came "$status$answer"
    if test -n "$mute" -a -z "$_VENVHOOK_GONE"
        switch $came
            case '*#0' '1??#' '124*' '137' '142'
            case '*'
                # Its words are missing in a substitution.
                set -g _VENVHOOK_ASKED ''
                _venvhook_say ''
                return
        end
    end
    switch $came
        case '*#0'
            set -g _VENVHOOK_ASKED ''
            set -g _VENVHOOK_HUNG
            test "$_VENVHOOK_GONE" = mute; and set -g _VENVHOOK_GONE ''
            eval $answer
        case '137#'
            _venvhook_give_up "was killed ($_VENVHOOK_PYTHON)"
        case '1??#' '124*' '137' '142'
            _venvhook_give_up "did not answer within $limit s ($_VENVHOOK_PYTHON)"
        case '*#*'
            set -g _VENVHOOK_ASKED ''
            set -g _VENVHOOK_GONE 1
        case '*'
            # Its Python does not even start, and has said why.
            set -g _VENVHOOK_ASKED ''
            test -n "$_VENVHOOK_GONE"; or set -g _VENVHOOK_GONE mute
    end
end

# Sets limit to the seconds that VENVHOOK_TIMEOUT says, if it says some.
function _venvhook_limit -S
    if string match -qr '^[1-9][0-9]?\z' -- "$VENVHOOK_TIMEOUT"
        set limit $VENVHOOK_TIMEOUT
    else if not builtin contains VENVHOOK_TIMEOUT $_VENVHOOK_TOLD
        set -ga _VENVHOOK_TOLD VENVHOOK_TIMEOUT
        _venvhook_say 'VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s'
    end
end

# Says once that the helper $argv[1].
function _venvhook_give_up
    set -q _VENVHOOK_HUNG[1]
    or _venvhook_say "the helper $argv[1]; it is asked again after a change of directory"
    # As lists: a number would need 'math'.
    set -g _VENVHOOK_PAUSE $_VENVHOOK_HUNG
    set -q _VENVHOOK_HUNG[32]; or set -ga _VENVHOOK_HUNG x $_VENVHOOK_HUNG
end

# Prints the answer of the helper's module $argv[1] between two #, and its exit status. One that hangs
# is killed after limit seconds: by a program that most systems have, not by PATH, which may lead into a
# project; else by itself, if it starts at all.
function _venvhook_run -S
    set -l file $_VENVHOOK_SOURCE/venvhook/helper.py
    set -l words $_VENVHOOK_PYTHON -I -S $file $limit $argv[1] $_VENVHOOK_PROTOCOL $argv[2..]
    test -x /usr/bin/timeout; and set -p words /usr/bin/timeout -s ALRM -k 1 $limit
    command $words
end

function _venvhook_say
    if test -n "$_VENVHOOK_WAITS"
        set -ga _VENVHOOK_UNSAID '' $argv[1] ''
    else
        builtin printf 'venvhook: %s\n' $argv[1] >&2
    end
end

# Says what was not to be said in the middle of a line: of a project while the user is in it. Nothing
# of no project stands for what is found out again.
function _venvhook_say_unsaid
    set -l unsaid $_VENVHOOK_UNSAID
    set -e _VENVHOOK_UNSAID
    while set -q unsaid[1]
        if test -z "$unsaid[1]$unsaid[2]"
            set -g _VENVHOOK_PWD ''
            _venvhook_hook
        else if test -z "$unsaid[1]"
            _venvhook_say $unsaid[2]
        else if test "$(string sub -l (string length -- $unsaid[1]/) -- $PWD/)" = $unsaid[1]/
            _venvhook_tell $unsaid[1..3]
        end
        set -e unsaid[1..3]
    end
end

# Says $argv[2] about the project $argv[1], once in this shell; again if it is $argv[3], the one that
# was active.
function _venvhook_tell
    builtin contains -- "$argv[1]"\n"$argv[2]" $_VENVHOOK_TOLD
    and test "$argv[1]" != "$argv[3]"; and return
    if test -n "$_VENVHOOK_WAITS"
        set -ga _VENVHOOK_UNSAID $argv[1..2] "$argv[3]"
        return
    end
    set -ga _VENVHOOK_TOLD "$argv[1]"\n"$argv[2]"
    _venvhook_say $argv[2]
end

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to env, of the project root and called name; all empty: to none.
function _venvhook_switch -a root env name
    if test -z "$env$_VENVHOOK_ENV"
        set -g _VENVHOOK_WATCH
        return 0
    end
    # As _venvhook_may_change asks, mostly without the cost of a call.
    set -ql PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME
    test $status = 5; or _venvhook_may_change; or return 1
    _venvhook_defer
    set -l path $PATH
    if test -n "$_VENVHOOK_ENV"
        _venvhook_path_without $_VENVHOOK_ENV/bin
    else if test -n "$env"
        _venvhook_store
    end
    set -l unset ''
    if not set -qg PATH
        set unset 1
    else if test -n "$_VENVHOOK_PATHLESS"; and builtin contains -- $_VENVHOOK_ENV/bin $PATH
        # What was there before may be a universal one.
        set -eg PATH
        test "$path" = "$PATH"; and set unset 1
    end
    if test -n "$env"
        set -g _VENVHOOK_PATHLESS $unset
        set -q PYTHONHOME; and _venvhook_set_aside PYTHONHOME
        _venvhook_be_inside $root
        set -g _VENVHOOK_ENV $env
        set -gx VIRTUAL_ENV $env
        set -gx VIRTUAL_ENV_PROMPT $name
        set -g _VENVHOOK_PROMPT $name
        set -gx VENVHOOK_ACTIVE $env
        set -gx PATH $env/bin $path
        set -g _VENVHOOK_SEEN "$PATH"
        # In the middle of a line or of config.fish the prompt stays the user's: $_ is fish only where
        # keys are waited for, one of which may have led here.
        test -n "$_VENVHOOK_WAITS" -a "$_" != fish; or _venvhook_prompt_show
    else if test -n "$_VENVHOOK_ENV"
        _venvhook_forget
        set -g _VENVHOOK_PATHLESS ''
        if test -n "$unset"
            set -eg PATH
        else
            set -gx PATH $path
        end
        _venvhook_prompt_hide
        _venvhook_restore
    end
    _venvhook_release
end

# May be changed what activation changes? Not where a function, a block or a command that is about to end
# has a PATH or the like of its own: then all of it waits for the next prompt, which finds another PWD, or
# what is watched changed.
function _venvhook_may_change
    # Its status is how many of these are not set.
    set -ql PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT VENVHOOK_ACTIVE PYTHONHOME
    test $status = 5; and return
    set -g _VENVHOOK_WATCH -a ! -n /
    return 1
end

# From here on up to _venvhook_release Ctrl-C ends nothing half-way: while a function listens to it, fish
# itself does not.
function _venvhook_defer
    function _venvhook_interrupted --on-signal INT
    end
end

function _venvhook_release
    builtin functions -e _venvhook_interrupted
end

# From here on nothing is active.
function _venvhook_forget
    set -g _VENVHOOK_ROOT ''
    set -g _VENVHOOK_ENV ''
    set -g _VENVHOOK_TOKEN ''
    set -g _VENVHOOK_INSIDE '(?!)'
    set -g _VENVHOOK_WATCH
end

# Remembers what activation replaces.
function _venvhook_store
    # At first only what is called at each prompt and change of directory in here: the rest takes longer
    # than it saves a shell that enters one project.
    if not set -q _VENVHOOK_SHORTENED[2]
        if set -q _VENVHOOK_SHORTENED[1]
            _venvhook_shorten activate may_use switch store be_inside is_ours rename prompt_hide forget \
                restore path_without
        else
            _venvhook_shorten decide prompt_show
        end
        set -ga _VENVHOOK_SHORTENED x
    end
    # Its status is how many of these are not set.
    set -qg VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    test $status = 2; or _venvhook_set_aside VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    builtin functions -e _venvhook_old_deactivate
    builtin functions -q deactivate; and builtin functions -c deactivate _venvhook_old_deactivate
    function deactivate -d 'Leave the environment that venvhook activated' --on-event _venvhook_leaver
        if test "$argv" = _venvhook_leaver
            set -g _VENVHOOK_OURS 1
            return
        end
        _venvhook_deactivate
    end
end

# Unsets global variables, and remembers those that were set: whether exported, and their values.
function _venvhook_set_aside
    for name in $argv
        if set -qUx $name; and set -qg $name; and test -z "$$name"
            # Covered already, in the project that is left for this one.
            continue
        else if set -qg $name
            set -l flag -u
            set -qgx $name; and set flag -x
            builtin contains -- $name $_VENVHOOK_OLD; or set -ga _VENVHOOK_OLD $name
            set -g _VENVHOOK_OLD_$name $flag $$name
            set -eg $name
        end
        # An exported universal one can only be covered; Python takes an empty PYTHONHOME for none.
        set -qUx $name; and set -gx $name ''
    end
end

# Gives back what activation replaced.
function _venvhook_restore
    set -eg VENVHOOK_ACTIVE VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    # What covered a universal PYTHONHOME goes; one that the user has set meanwhile stays.
    set -qUx PYTHONHOME; and test -z "$PYTHONHOME"; and set -eg PYTHONHOME
    for name in $_VENVHOOK_OLD
        set -l old _VENVHOOK_OLD_$name
        set -l value $$old
        set -qg $name; or set -g $value[1] $name $value[2..]
        set -eg $old
    end
    set -g _VENVHOOK_OLD
    # It answers this event while it is ours; one that the user has defined meanwhile stays.
    set -g _VENVHOOK_OURS
    builtin emit _venvhook_leaver _venvhook_leaver
    if not set -q _VENVHOOK_OURS[1]; and builtin functions -q deactivate
        builtin functions -e _venvhook_old_deactivate
        return
    end
    builtin functions -e deactivate
    builtin functions -q _venvhook_old_deactivate
    and _venvhook_rename _venvhook_old_deactivate deactivate
end

# Calls the function $argv[1] $argv[2], whatever that was.
function _venvhook_rename
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

# PATH is another than at the last look. What the user puts before the environment stays there, but for
# shims, which choose a Python themselves, and fish_user_paths, which fish puts first in every shell when
# they are changed in one.
function _venvhook_outrank
    set -g _VENVHOOK_SEEN "$PATH"
    set -l path $PATH
    set -l entry $_VENVHOOK_ENV/bin
    set -l at (builtin contains -i -- $entry $path); or return 0
    test $at = 1; and return
    _venvhook_may_change; or return 0
    for before in $path[1..(builtin math $at - 1)]
        if string match -q '*/shims' -- $before; or builtin contains -- $before $fish_user_paths
            _venvhook_path_without $entry
            set at (builtin contains -i -- $before $path)
            set -l first
            test $at = 1; or set first $path[1..(builtin math $at - 1)]
            set path $first $entry $path[$at..]
            break
        end
    end
    set -gx PATH $path
    set -g _VENVHOOK_SEEN "$PATH"
end

# Puts the name before the prompt, unless that is not wished: moves the user's function, and defines one
# that calls it first, since whatever prints the name would change $status and $pipestatus for it. It is
# there only while keys are waited for, so that each line looks at the user's own, copies and saves that.
function _venvhook_prompt_show
    # It may say what is wished only where it is loaded, here.
    if not builtin functions -q fish_prompt
        # Either there is none, or Ctrl-C came while it was being put back.
        set -q _VENVHOOK_PLAIN; and builtin functions -q $_VENVHOOK_PLAIN; or return
        builtin functions -c $_VENVHOOK_PLAIN fish_prompt
    end
    if set -q VIRTUAL_ENV_DISABLE_PROMPT
        # Set without a value it is meant, too; set to nothing it is not, as for stock activate.
        if test -n "$VIRTUAL_ENV_DISABLE_PROMPT"; or not set -q VIRTUAL_ENV_DISABLE_PROMPT[1]
            _venvhook_prompt_hide
            return
        end
    end
    set -q _VENVHOOK_PLAIN; and _venvhook_is_ours; and return
    # A prompt that was defined meanwhile may still call ours, and ours the one under an earlier
    # name. One that is defined anew each time has its name already.
    set -l plain _venvhook_plain
    while builtin functions -q $plain
        test "$(_venvhook_body fish_prompt)" = "$(_venvhook_body $plain)"; and builtin functions -e $plain
        or set plain {$plain}_
    end
    set -g _VENVHOOK_PLAIN $plain
    builtin functions -c fish_prompt $plain
    set -g _VENVHOOK$plain ready
    function _venvhook_saving --on-event fish_preexec
        # As _venvhook_defer and _venvhook_prompt_hide do, mostly without the cost of a call.
        function _venvhook_interrupted --on-signal INT
        end
        set -g _VENVHOOK_OURS
        builtin emit _venvhook_whose _venvhook_whose
        # One that a key has put in its place, as for the line that stays above, may put a copy back.
        set -q _VENVHOOK_OURS[1]; or _venvhook_is_copy fish_prompt
        and set -q _VENVHOOK_PLAIN
        and begin
            builtin functions -e fish_prompt
            builtin functions -c $_VENVHOOK_PLAIN fish_prompt
            builtin functions -e $_VENVHOOK_PLAIN
            set -eg _VENVHOOK$_VENVHOOK_PLAIN _VENVHOOK_PLAIN
        end
        builtin functions -e _venvhook_interrupted
    end
    # A key may copy it all the same, and another shell, or the next prompt, call what was saved: then
    # there is no such function, or it leads here again.
    function fish_prompt -V plain --on-event _venvhook_whose
        set -l state _VENVHOOK$plain
        switch "$$state$argv"
            case '*_venvhook_whose'
                set -q $state; or return
                set -g $state ready
                set -g _VENVHOOK_OURS 1
                return
            case 'ready*'
                set -g $state busy
                set -l lines ($plain $argv; builtin echo)
                set -g $state ready
                if test "$plain" = "$_VENVHOOK_PLAIN"
                    string match -rq '(?<!\e)[([]' -- $lines; and _venvhook_prompt_tells $lines
                    or builtin printf '(%s) ' $_VENVHOOK_PROMPT
                end
                builtin printf %s $lines[1] \n$lines[2..]
            case '*'
                if set -q $state; and not string match -rq "\\b$plain\\b" -- (status stack-trace)
                    # Ctrl-C had ended it.
                    set -g $state ready
                    set -l itself (status function)
                    $itself $argv
                    return
                end
                set -q _VENVHOOK_STRAY
                or builtin printf 'venvhook: %s; define yours anew, or delete %s if it is there\n' \
                    'fish_prompt is a copy of what shows the name' \
                    $__fish_config_dir/functions/fish_prompt.fish >&2
                set -g _VENVHOOK_STRAY 1
                builtin printf '%s> ' (prompt_pwd)
        end
    end
end

# What the function $argv[1] does, whatever it is called.
function _venvhook_body
    string replace -r '^function \S+' '' -- (string match -v '# *' -- (builtin functions $argv[1]))
end

# Does the prompt of the lines $argv show the environment itself, in brackets, whatever the colours?
function _venvhook_prompt_tells
    set -l names $_VENVHOOK_PROMPT (builtin path basename -- $VIRTUAL_ENV)
    set names (string join '|' -- (string escape --style=regex -- $names))
    set -l colours '(?:\e\[[\d;:]*m|\e\(B|\x0f)*'
    string match -rq "(?<!\e)[([]$colours(?:$names)$colours"'[])]' -- $argv
end

function _venvhook_prompt_hide
    if set -q _VENVHOOK_PLAIN
        if _venvhook_is_ours
            _venvhook_rename $_VENVHOOK_PLAIN fish_prompt
            set -eg _VENVHOOK$_VENVHOOK_PLAIN
        end
        set -eg _VENVHOOK_PLAIN
    end
    builtin functions -e _venvhook_saving
end

# Is fish_prompt the one that _venvhook_prompt_show defined? It answers an event itself while it is;
# that is quicker than reading it, but a copy of it does not.
function _venvhook_is_ours
    set -g _VENVHOOK_OURS
    builtin emit _venvhook_whose _venvhook_whose
    set -q _VENVHOOK_OURS[1]; or _venvhook_is_copy fish_prompt
end

function _venvhook_is_copy
    string match -q '*_VENVHOOK_OURS*' -- "$(builtin functions $argv[1])"
end

# What 'deactivate' does while an environment is active: it stays off until the project is left.
function _venvhook_deactivate
    set -ga _VENVHOOK_REST $_VENVHOOK_ROOT
    set -g _VENVHOOK_JUST $_VENVHOOK_ROOT
    # Nothing else may look changed at the next prompt.
    set -g _VENVHOOK_PWD ''
    _venvhook_switch '' '' ''
    test -z "$VENVHOOK_GUARD$_VENVHOOK_GUARD"; or _venvhook_guard
end

# An environment was activated by hand on top of ours: what is left of ours goes, also out of what
# the other one will give back. 'deactivate' mostly is the other one's by now.
function _venvhook_yield
    set -l entry $_VENVHOOK_ENV/bin
    set -l theirs "$(builtin functions deactivate)"
    set -l path $PATH
    # Of two entries that are the same, the first is the user's.
    if test "$VIRTUAL_ENV" = "$_VENVHOOK_ENV" -a "$path[1]" = "$entry"
        set -e path[1]
        _venvhook_path_without $entry
        set path $entry $path
    else
        _venvhook_path_without $entry
    end
    set -gx PATH $path
    if set -qg _OLD_VIRTUAL_PATH
        set path $_OLD_VIRTUAL_PATH
        _venvhook_path_without $entry
        set -gx _OLD_VIRTUAL_PATH $path
    end
    if set -q _VENVHOOK_PLAIN; and builtin functions -q _old_fish_prompt
        and _venvhook_is_copy _old_fish_prompt
        _venvhook_rename $_VENVHOOK_PLAIN _old_fish_prompt
        set -eg _VENVHOOK$_VENVHOOK_PLAIN _VENVHOOK_PLAIN
    end
    _venvhook_prompt_hide
    # What a stock script has set, it gives back. Others, and old ones, know of fewer variables.
    if string match -q '*_OLD_VIRTUAL_PYTHONHOME*' -- $theirs
        set -q _VENVHOOK_OLD_PYTHONHOME
        and set -gx _OLD_VIRTUAL_PYTHONHOME $_VENVHOOK_OLD_PYTHONHOME[2..]
    else
        set -q _VENVHOOK_OLD_PYTHONHOME; and not set -qg PYTHONHOME
        and set -g $_VENVHOOK_OLD_PYTHONHOME[1] PYTHONHOME $_VENVHOOK_OLD_PYTHONHOME[2..]
        _venvhook_mind_leaving
    end
    if test "$VIRTUAL_ENV_PROMPT" = "$_VENVHOOK_PROMPT"
        and not string match -q '*VIRTUAL_ENV_PROMPT*' -- $theirs
        set -eg VIRTUAL_ENV_PROMPT
        set -l old $_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT
        set -q old[1]; and set -g $old[1] VIRTUAL_ENV_PROMPT $old[2..]
    end
    set -eg VENVHOOK_ACTIVE
    for name in $_VENVHOOK_OLD
        set -eg _VENVHOOK_OLD_$name
    end
    set -g _VENVHOOK_OLD
    if string match -q '*_venvhook_deactivate*' -- $theirs
        builtin functions -e deactivate
        builtin functions -q _venvhook_old_deactivate
        and _venvhook_rename _venvhook_old_deactivate deactivate
    end
    _venvhook_forget
end

# Remembers that what is active now may be put back later, when it no longer is: when direnv leaves a
# directory, it sets each variable that it has changed to what that held before, and mise does so with
# VIRTUAL_ENV.
function _venvhook_mind_leaving
    builtin contains -- $_VENVHOOK_ENV $_VENVHOOK_LEFT; or set -ga _VENVHOOK_LEFT $_VENVHOOK_ENV
end

# Takes away again what was put back, and puts back what direnv has taken away.
function _venvhook_sweep
    set -l path $PATH
    set -l direnv
    test "$DIRENV_DIFF" = "$_VENVHOOK_DIRENV"; or set direnv 1
    set -l prompt
    for env in $_VENVHOOK_LEFT
        test "$env" = "$_VENVHOOK_ENV"; and continue
        # Not by hand, which shows in what stock scripts remember.
        test "$env" = "$VIRTUAL_ENV" -a "$_OLD_VIRTUAL_PATH" = "$_VENVHOOK_LEFTOVER"
        and set -eg VIRTUAL_ENV
        test "$env" = "$VIRTUAL_ENV"; and continue
        test -n "$direnv"; and _venvhook_path_without $env/bin
        test -z "$direnv" -a -n "$VIRTUAL_ENV"; or set prompt $_VENVHOOK_PROMPT
    end
    if test -n "$_VENVHOOK_ENV" -a -n "$direnv"
        builtin contains -- $_VENVHOOK_ENV/bin $path; or set -p path $_VENVHOOK_ENV/bin
        _venvhook_mind_leaving
        test "$VIRTUAL_ENV" = "$_VENVHOOK_ENV"; and set -gx VIRTUAL_ENV_PROMPT $_VENVHOOK_PROMPT
    else if test -n "$prompt" -a "$VIRTUAL_ENV_PROMPT" = "$prompt" -a -z "$_VENVHOOK_ENV"
        set -eg VIRTUAL_ENV_PROMPT
    end
    test "$path" = "$PATH"; or set -gx PATH $path
    set -g _VENVHOOK_DIRENV "$DIRENV_DIFF"
    test -n "$DIRENV_DIFF" -o "$VIRTUAL_ENV" != "$_VENVHOOK_ENV"; or set -g _VENVHOOK_LEFT
end

# A shell started from one with an active environment inherits it, and keeps it up to the first prompt:
# there it is left, and entered again if it is right for the directory. If VIRTUAL_ENV is another's by
# now, what is left of ours goes.
function _venvhook_adopt
    set -l path $PATH
    set -l active $VENVHOOK_ACTIVE
    test -z "$SUDO_COMMAND" -o -n "$active$VIRTUAL_ENV"; or _venvhook_adopt_entry
    set -eg VENVHOOK_ACTIVE
    test -n "$active"; or return 0
    test -z "$DIRENV_DIFF"; or set -g _VENVHOOK_LEFT $active
    _venvhook_adopt_prompt
    if test "$VIRTUAL_ENV" = "$active"
        set -l name $VIRTUAL_ENV_PROMPT
        set -eg VIRTUAL_ENV VIRTUAL_ENV_PROMPT
        _venvhook_store
        set -g _VENVHOOK_ENV $active
        set -g _VENVHOOK_PROMPT $name
        set -gx VIRTUAL_ENV $active
        set -gx VIRTUAL_ENV_PROMPT $name
        set -gx VENVHOOK_ACTIVE $active
    else
        _venvhook_path_without $active/bin
        set -gx PATH $path
        test -n "$VIRTUAL_ENV"; or set -eg VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    end
end

# Where the prompt of another shell is exported, the name is in it. Here that shows nothing, but a shell
# started from this one would show it for ever.
function _venvhook_adopt_prompt
    test -n "$VIRTUAL_ENV_PROMPT"; or return 0
    for variable in PS1 PROMPT
        set -qgx $variable; or continue
        for name in $VIRTUAL_ENV_PROMPT (string replace -a % %% -- $VIRTUAL_ENV_PROMPT)
            set -gx $variable "$(string replace -- "($name) " '' $$variable)"
        end
    end
end

# Of all that says what is active, sudo may leave PATH.
function _venvhook_adopt_entry -S
    set -l env "$(string replace -r '/bin\z' '' -- $path[1])"
    test "$path[1]" = "$env/bin" -a -f "$env/.venvhook" -a -f "$env/pyvenv.cfg"; or return 0
    _venvhook_path_without $path[1]
    set -gx PATH $path
end

# ---- The walk ------------------------------------------------------------------------------------

# Sets the two ends of the walk's pattern, around that of the active project. It finds up to six
# directories above one, nearest first: _l1 to _l6. They lie below _base, which is the active
# project if the directory lies in it (then it is _inside, too), else HOME, else nothing. One match,
# and one 'path' for all levels, cost a third of a loop over them.
function _venvhook_bounds
    set -l home
    set -l levels '(?<_l6>\k<_base>(?:/+[^/]+)+)'
    for level in _l5 _l4 _l3 _l2 _l1
        set levels "(?<$level>(?:$levels|\\k<_base>)/+[^/]+)"
    end
    if string match -rq '(?s)^(?<home>/.*[^/])/*\z' -- "$HOME"
        # \E would end the quoting that \Q begins.
        string match -q '*\\E*' -- $home
        and set home "$(string replace -a '\E' '\E\\\\E\Q' -- $home)"
        set home "\\Q$home\\E"
    else
        set home '(?!)'
    end
    set -g _VENVHOOK_FRAME "^(?!$home\\z)(?=(?<_base>(?>(?<_inside>" \
        ")|$home(?=/)|)))(?:$levels|\\k<_base>)/+[^/]+\\z"
end

# Makes the project $argv[1] the active one. In one whose name cannot be quoted, the walk meets it
# as any other level.
function _venvhook_be_inside
    set -g _VENVHOOK_ROOT $argv[1]
    set -g _VENVHOOK_INSIDE "\\Q$argv[1]\\E(?=/)"
    string match -q '*\\E*' -- $argv[1]; and set -g _VENVHOOK_INSIDE '(?!)'
end

# Does what is to be done about the project $argv[1]: nothing if it is active and unchanged, else
# what its kept recipe says, else what the helper answers.
function _venvhook_decide -S
    if test "$argv[1]$_VENVHOOK_DOUBT" = "$_VENVHOOK_ROOT"; and test -n / $_VENVHOOK_WATCH
        and _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN"
        set verdict activate
        return
    end
    set -l level $argv[1]
    set -l recipe $_VENVHOOK_CACHE$level/venvhook.recipe.fish
    set -l doubt
    set verdict ''
    test -f $recipe -a -O $recipe; and builtin source $recipe
    test -n "$verdict"; or _venvhook_ask hook fish $level $_VENVHOOK_NAMES $_VENVHOOK_MISNAMED
end

# Walks up from $PWD to the nearest project whose markers do not just pass, and does what it says.
function _venvhook_walk -a verdict asked also bound _base _inside _l1 _l2 _l3 _l4 _l5 _l6
    test $_VENVHOOK_POLICY; or _venvhook_renew
    set -l look _VENVHOOK_BARE
    set -q _VENVHOOK_BOUND; and string match -rq $_VENVHOOK_BOUND -- $PWD
    # A link that leads nowhere is noticed on the way up only by the first name, and below what counts.
    if builtin path is -- $_VENVHOOK_NAMES
        or test -L $_VENVHOOK_NAMES[1] -o -L $_VENVHOOK_NAMES[2] -o -L $_VENVHOOK_NAMES[3] \
            -o "$PWD" = "$bound"
        set look _VENVHOOK_ONE
        test $_VENVHOOK_ONE; or _venvhook_look
        _venvhook_decide $PWD
    end
    switch "$asked$verdict"
        case '' pass
            _venvhook_climb $PWD
    end
    switch "$verdict"
        case '' pass
            if test -n "$_VENVHOOK_ENV$_VENVHOOK_REST"; or set -q _VENVHOOK_WATCH[1]
                # Who still stands in the project may be making its environment anew.
                string match -rq "^$_VENVHOOK_INSIDE" -- $PWD/
                and for name in $_VENVHOOK_NAMES
                    set -a also -a ! -e $_VENVHOOK_ROOT/$name
                end
                if set -q _VENVHOOK_REST[1]
                    set -g _VENVHOOK_REST
                    set -g _VENVHOOK_JUST ''
                end
                _venvhook_switch '' '' ''
            end
            test "$VENVHOOK_AUTO_CREATE$_VENVHOOK_AUTO_CREATE" = never
            or test "$PWD" = "$_VENVHOOK_PWD"
            or set -g _VENVHOOK_OFFER $PWD
    end
    set -g _VENVHOOK_LOOK $look
    set -eg _VENVHOOK_ALSO _VENVHOOK_HAND _VENVHOOK_ASKED
    set -q also[1]; and set -g _VENVHOOK_ALSO $also
end

# Goes on above the directory dir.
function _venvhook_climb -S -a dir
    while string match -rq "$_VENVHOOK_FRAME[1]$_VENVHOOK_INSIDE$_VENVHOOK_FRAME[2]" -- $dir
        if set -q _inside[1]
            and builtin contains -- "$HOME" $dir $_l1 $_l2 $_l3 $_l4 $_l5 $_l6 $_inside
            # The active project holds HOME, where the walk ends.
            set -g _VENVHOOK_INSIDE '(?!)'
            continue
        end
        if set -q _l1[1]
            and builtin path is $_l1/$_VENVHOOK_NAMES $_l2/$_VENVHOOK_NAMES $_l3/$_VENVHOOK_NAMES \
                $_l4/$_VENVHOOK_NAMES $_l5/$_VENVHOOK_NAMES $_l6/$_VENVHOOK_NAMES $bound
            for level in $_l1 $_l2 $_l3 $_l4 $_l5 $_l6
                builtin path is $level/$_VENVHOOK_NAMES
                or test -L $level/$_VENVHOOK_NAMES[1] -o "$level" = "$bound"
                or continue
                # $HOME counts for itself alone, also when it is reached by another name.
                builtin path is $HOME/$_VENVHOOK_NAMES; and _venvhook_is_same $level $HOME
                and return
                _venvhook_decide $level
                test "$asked$verdict" = pass; or return
            end
        end
        if set -q _l6[1]
            set dir $_l6
        else if set -q _inside[1]
            for level in $_l1 $_l2 $_l3 $_l4 $_l5 $_l6
                test -L $level/$_VENVHOOK_NAMES[1]; or continue
                _venvhook_decide $level
                test "$asked$verdict" = pass; or return
            end
            set dir $_inside
            _venvhook_decide $dir
            test "$asked$verdict" = pass; or return
        else
            return
        end
    end
end

# Are $argv[1] and $argv[2] the same directory?
function _venvhook_is_same
    test "$argv[1]" = "$argv[2]"
    or test "$(builtin path resolve -- $argv[1])" = "$(builtin path resolve -- $argv[2])"
end

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and after each change of directory.
function _venvhook_hook
    if test "$VIRTUAL_ENV:$CONDA_DEFAULT_ENV:$_OLD_VIRTUAL_PATH:$VENVHOOK_OFF:$DIRENV_DIFF" = \
            "$_VENVHOOK_ENV$_VENVHOOK_CALM" -a ! -e "$_VENVHOOK_SESSION"
        or _venvhook_is_calm
        test "$PWD" = "$_VENVHOOK_PWD"
        and test $$_VENVHOOK_LOOK $_VENVHOOK_ALSO $_VENVHOOK_WATCH $_VENVHOOK_STANDS
        and begin
            test -z "$_VENVHOOK_TOKEN"; or _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN"
        end
        and return
        _venvhook_walk
        set -g _VENVHOOK_PWD $PWD
    else if test $status = 2
        return
    else if _venvhook_is_free
        _venvhook_walk
        set -g _VENVHOOK_PWD $PWD
    end
    test -z "$VENVHOOK_GUARD$_VENVHOOK_GUARD$VENVHOOK_GUARDED"; or _venvhook_guard
end

# Has nothing changed but what direnv remembers? What it has put back is taken away. The status is 2
# where nothing is to be done: all is switched off, or not to be changed now.
function _venvhook_is_calm
    _venvhook_may_change; or return 2
    test -z "$VENVHOOK_OFF" -a ! -e "$_VENVHOOK_SESSION"; or not _venvhook_is_off; or return 2
    set -l before "$_VENVHOOK_DIRENV"
    test "$DIRENV_DIFF" = "$before"; and not set -q _VENVHOOK_LEFT[1]; or _venvhook_sweep
    set -l calm ":$CONDA_DEFAULT_ENV:$_OLD_VIRTUAL_PATH:"
    test "$VIRTUAL_ENV$calm:$before" = "$_VENVHOOK_ENV$_VENVHOOK_CALM"; or return 1
    set -g _VENVHOOK_CALM "$calm:$DIRENV_DIFF"
end

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
function _venvhook_is_free
    if test -n "$_VENVHOOK_ENV"
        if test "$_OLD_VIRTUAL_PATH" != "$_VENVHOOK_LEFTOVER"
            or not builtin contains -- "$VIRTUAL_ENV" '' $_VENVHOOK_ENV
            _venvhook_defer
            _venvhook_yield
            _venvhook_release
        else if test -z "$VIRTUAL_ENV"
            _venvhook_deactivate
        else if test "$argv[1]" = off -o -z "$_VENVHOOK_CALM"
            _venvhook_switch '' '' ''
        else if test -n "$_VENVHOOK_CALM"
            # conda acted; 'base' goes behind what is active.
            _venvhook_switch '' '' ''
        end
    end
    set -l off
    test -z "$VENVHOOK_OFF"; or set off .off
    set -gx VENVHOOK_SESSION "$_VENVHOOK_SESSION$off"
    if test "$VIRTUAL_ENV" = "$_VENVHOOK_ENV"; and builtin contains -- "$CONDA_DEFAULT_ENV" '' base
        set -g _VENVHOOK_CALM ":$CONDA_DEFAULT_ENV:$_OLD_VIRTUAL_PATH::$DIRENV_DIFF"
        set -g _VENVHOOK_LEFTOVER "$_OLD_VIRTUAL_PATH"
        return 0
    end
    # Whatever calls 'deactivate' first, such as workon, means no project by it.
    test -z "$_VENVHOOK_JUST"; or _venvhook_prune_rest $_VENVHOOK_JUST
    set -g _VENVHOOK_HAND $VIRTUAL_ENV
    set -g _VENVHOOK_PWD ''
    return 1
end

# Is this shell switched off: by 'venvhook off', or by VENVHOOK_OFF, which 'venvhook on' overrules? Then
# nothing of ours is active, and nothing is looked at.
function _venvhook_is_off
    set -l word ''
    set -l file $_VENVHOOK_SESSION
    set -l off
    test -z "$VENVHOOK_OFF"; or set off .off
    set -gx VENVHOOK_SESSION "$file$off"
    test -f "$file" -a ! -L "$file" -a -O "$file"; and test -O "$(builtin path dirname -- $file)"
    and read -z -n 8 word <$file
    switch "$word:$off"
        case off\n':*'
        case on\n':'
            # It overrules no variable, but what 'deactivate' has put to rest.
            command rm -f -- $file 2>/dev/null
            set -g _VENVHOOK_PWD ''
            set -g _VENVHOOK_REST
            return 1
        case on\n':*' '*:'
            return 1
    end
    test "$DIRENV_DIFF" = "$_VENVHOOK_DIRENV"; and not set -q _VENVHOOK_LEFT[1]; or _venvhook_sweep
    _venvhook_is_free off
    set -g _VENVHOOK_PWD ''
    set -g _VENVHOOK_REST
    set -g _VENVHOOK_JUST ''
    set -g _VENVHOOK_HAND
    set -g _VENVHOOK_OFFER ''
    set -g _VENVHOOK_CALM off
    test -z "$VENVHOOK_GUARDED"; or _venvhook_guard off
    return 0
end

# At the first prompt: where config.fish itself changed to a project, what it did to PATH after that is
# not to stand before the environment.
function _venvhook_settle
    set -g _VENVHOOK_AGAIN ''
    test -n "$_VENVHOOK_ENV" -a "$PATH[1]" != "$_VENVHOOK_ENV/bin"; or return 0
    set -g _VENVHOOK_CALM ''
    _venvhook_hook
end

# ---- Where there is no environment ---------------------------------------------------------------

# Offers to make one for the project in $PWD, once in this shell. Who asks is Python, with the
# terminal to itself; Ctrl-C there ends all that this prompt was to do. 3 is its answer where something
# is being typed, so that it asks at the next prompt.
function _venvhook_offer
    set -l offer $_VENVHOOK_OFFER
    set -g _VENVHOOK_OFFER ''
    test "$PWD" = "$offer" -a -x "$_VENVHOOK_PYTHON"; or return 0
    builtin contains -- "$PWD" $_VENVHOOK_OFFERED; and return
    isatty stdin; and isatty stderr; or return 0
    set -l auto_create $VENVHOOK_AUTO_CREATE
    test -n "$auto_create"; or set auto_create $_VENVHOOK_AUTO_CREATE
    set -l files $VENVHOOK_PROJECT_FILES
    test -n "$files"; or set files $_VENVHOOK_FILES
    test "$auto_create" = never; and return
    builtin path is -f -- (string match -ar '[^:\s]+' -- "$files"); or return 0
    set -ga _VENVHOOK_OFFERED $PWD
    set -l code 'import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; main()'
    VENVHOOK_AUTO_CREATE=$auto_create command $_VENVHOOK_PYTHON -I -c $code $_VENVHOOK_SOURCE $PWD
    switch $status
        case 0
            set -g _VENVHOOK_PWD ''
            _venvhook_hook
        case 3
            set -g _VENVHOOK_OFFER $PWD
            set -e _VENVHOOK_OFFERED[-1]
    end
end

# Lets pip refuse while no environment is active, if the user wants that; otherwise gives back what he
# had. What that was, after a =, is exported, so that a shell started from this one goes on with it.
# $argv[1] may be 'off', whatever he wants otherwise.
function _venvhook_guard
    set -l wanted ''
    set -l guard $argv[1] $VENVHOOK_GUARD
    test -n "$guard"; or set guard $_VENVHOOK_GUARD
    switch "$guard[1]"
        case 1 true on
            test -z "$VIRTUAL_ENV"; and builtin contains -- "$CONDA_DEFAULT_ENV" '' base
            and set wanted 1
        case '*'
            set -g _VENVHOOK_UNGUARDED ''
    end
    if test -n "$wanted"; and not builtin functions -q _venvhook_after
        # fish tells nowhere else which line has run.
        function _venvhook_after --on-event fish_postexec
            test $status = 3 -a -n "$VENVHOOK_GUARDED"; and _venvhook_explain_refusal $argv
        end
    end
    if test -z "$VENVHOOK_GUARDED"
        test -n "$wanted" -a -z "$_VENVHOOK_UNGUARDED"; or return 0
        if set -qg PIP_REQUIRE_VIRTUALENV
            set -gx VENVHOOK_GUARDED "=$PIP_REQUIRE_VIRTUALENV"
        else
            set -gx VENVHOOK_GUARDED unset
        end
        set -gx PIP_REQUIRE_VIRTUALENV 1
    else if test "$PIP_REQUIRE_VIRTUALENV" != 1
        # The user has set it himself.
        set -eg VENVHOOK_GUARDED
        set -g _VENVHOOK_UNGUARDED 1
    else if test -z "$wanted"
        set -l old $VENVHOOK_GUARDED
        set -eg VENVHOOK_GUARDED PIP_REQUIRE_VIRTUALENV
        test "$old" = unset; or set -gx PIP_REQUIRE_VIRTUALENV (string sub -s 2 -- $old)
    end
end

# Says why pip has just refused, if it was pip that the line $argv[1] called.
function _venvhook_explain_refusal
    string match -q '*pip*' -- $argv[1]
    and _venvhook_say "pip installs outside of environments are off; 'venvhook guard off' allows them"
end

# ---- Completion ----------------------------------------------------------------------------------

# Completes a command line of venvhook's: by the text that click has for that, loaded the first time.
# It never asks another program of that name that stands there, such as ./venvhook of a project. fish
# says itself, wherever the command's words go, that there is no such command; so it is looked for.
function _venvhook_complete
    command -q venvhook; and command -q env; or return 0
    if not builtin functions -q _venvhook_completion
        # Without the line that registers it: this function calls it.
        eval "$(string match -v 'complete *' -- (command env venvhook completion fish 2>/dev/null))"
        builtin functions -q _venvhook_completion; or return 0
    end
    _venvhook_completion 2>/dev/null
end

function _venvhook_register_completion
    builtin complete -c venvhook -f -a '(_venvhook_complete)'
end

# ---- Registration --------------------------------------------------------------------------------

function _venvhook_register
    function _venvhook_prompt --on-event fish_prompt --on-variable PWD
        set -g _VENVHOOK_WAITS "$argv"
        # What the hook asks first, and whether anything is to be said or done, in one: at most prompts
        # there is no more to it.
        if not set -q argv[1]
            and test "$VIRTUAL_ENV:$CONDA_DEFAULT_ENV:$_OLD_VIRTUAL_PATH:$VENVHOOK_OFF:$DIRENV_DIFF" = \
                "$_VENVHOOK_ENV$_VENVHOOK_CALM" -a ! -e "$_VENVHOOK_SESSION" \
                -a "$PWD$_VENVHOOK_AGAIN$_VENVHOOK_OFFER$_VENVHOOK_UNSAID" = "$_VENVHOOK_PWD" \
                -a $$_VENVHOOK_LOOK $_VENVHOOK_ALSO $_VENVHOOK_WATCH $_VENVHOOK_STANDS
            test -n "$_VENVHOOK_ENV"; or return 0
            test -z "$_VENVHOOK_TOKEN"; or _venvhook_knows "$_VENVHOOK_ENV" "$_VENVHOOK_TOKEN"
            or _venvhook_hook
        else
            _venvhook_hook
            # Never in the middle of a line, as after its 'cd', nor of config.fish.
            set -q argv[1]; and return
            set -q _VENVHOOK_UNSAID[1]; and _venvhook_say_unsaid
            test -z "$_VENVHOOK_AGAIN"; or _venvhook_settle
        end
        if test -n "$_VENVHOOK_ENV"
            test "$PATH" = "$_VENVHOOK_SEEN"; or _venvhook_outrank
            # As _venvhook_is_ours asks, without the cost of two calls.
            set -g _VENVHOOK_OURS
            builtin emit _venvhook_whose _venvhook_whose
            set -q _VENVHOOK_OURS[1]; and not set -q VIRTUAL_ENV_DISABLE_PROMPT
            or _venvhook_prompt_show
        end
        test -z "$_VENVHOOK_OFFER"; or _venvhook_offer
    end
    # What a key calls may save fish_prompt, too: fish's own functions that save or edit one name it in this
    # variable first. Not while the prompt is drawn, which may have one of that name itself.
    function _venvhook_edited --on-variable funcname
        set -q _VENVHOOK_PLAIN; or return 0
        set -l state _VENVHOOK$_VENVHOOK_PLAIN
        test "$$state" = busy; or _venvhook_saving
    end
    function _venvhook_home --on-variable HOME
        _venvhook_bounds
    end
    _venvhook_register_completion
end

# A shell that runs a script reads config.fish too, and has nothing to do here.
status is-interactive; and _venvhook_load
