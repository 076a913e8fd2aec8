# venvhook for PowerShell 7.2 and later, and Windows PowerShell 5.1, where a change of directory is
# seen only at the next prompt. Printed by 'venvhook init powershell' after a few assignments:
#   $_VENVHOOK_PROTOCOL  which recipes this script understands
#   $_VENVHOOK_PYTHON, $_VENVHOOK_SOURCE  the helper's interpreter, and the directory of its package
#   $_VENVHOOK_CACHE  where recipes of that protocol are kept, or empty
#   $_VENVHOOK_SESSION  where the files of sessions are kept that have no other place, or empty
# Only ASCII in here: Windows PowerShell reads it by the console's code page.

# Cmdlets are called by their full names, which no function or alias of the user's has.

if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
    # Not what a $WarningPreference of 'Stop' would do, which ends the profile.
    Microsoft.PowerShell.Utility\Write-Warning -WarningAction Continue (
        'venvhook: not available in the constrained language mode of this PowerShell')
} else {
# In a module, so that the variables, the strict mode and the $ErrorActionPreference of whoever
# changes the directory stay outside. Not indented, to be read beside the scripts for other shells.
$null = Microsoft.PowerShell.Core\New-Module -Name venvhook -ScriptBlock {
Microsoft.PowerShell.Core\Set-StrictMode -Off
$ErrorActionPreference = 'SilentlyContinue'

# ---- State ---------------------------------------------------------------------------------------
# Global, so that a second load finds it; $null is what is unset elsewhere.
# $_VENVHOOK_PWD   the directory of the last walk, or empty: walk at the next prompt
# $_VENVHOOK_ROOT  the active project and its environment, or empty
# $_VENVHOOK_ENV
# $_VENVHOOK_TOKEN the token that it was known by, or empty
# $_VENVHOOK_REST  the projects in which the user typed 'deactivate' and which he has not left since
# $_VENVHOOK_JUST  the one of them where he has done so in the line that has just run
# $_VENVHOOK_HAND  the environment that the user activated by hand, while it is active
# $_VENVHOOK_MARKERS  the markers in the project that the last walk ended with
# $_VENVHOOK_WATCH pairs of a recipe and a witness of it, of the last walk
# $_VENVHOOK_LOOK  what these looked like then, and the markers in $PWD
# $_VENVHOOK_SESSION  the file by which 'venvhook off' and 'on' reach this shell, or empty; also in
#                  $env:VENVHOOK_SESSION
# $_VENVHOOK_GONE  not empty since the helper's complaints are not shown; mute: only until it answers
# $_VENVHOOK_HUNG, $_VENVHOOK_PAUSE  how often it is not asked after it has hung again, and still
# $_VENVHOOK_TOLD  the lines said in this shell
# $_VENVHOOK_LATER the lines to be said at the next prompt; a shell without one says nothing
# $_VENVHOOK_AGAIN  true from the loading of the script to the first prompt after it
# $_VENVHOOK_INHERITED  is what is active to be entered again, so that it is first on PATH?
# $_VENVHOOK_HALF  the entries in PATH of a switch that has begun; empty once it is done
# $_VENVHOOK_LEFTOVER  was _OLD_VIRTUAL_PATH there although no stock script had just set it?
# $_VENVHOOK_PROMPT  what we have set VIRTUAL_ENV_PROMPT to
# $_VENVHOOK_LEFT  environments that were active when another tool remembered what variables held, which
# $_VENVHOOK_DIRENV  may put them back; and what direnv remembered at the last look
# $_VENVHOOK_OLD_* what a variable held before we replaced it; $null where it was unset
# $_VENVHOOK_ACTION, $_VENVHOOK_THEIRS  our LocationChangedAction, and the prompt that ours calls
# $_VENVHOOK_INSIDE  is that one running?
# $_VENVHOOK_POLICY  the generation of what the user has set, and whether it is to be asked for again:
# $_VENVHOOK_STALE   'new' before the first time; '1' each time, for its witnesses are not older; 'x'
#                  never, for nothing shows a change; empty where they do
# $_VENVHOOK_WITNESSES  its witnesses
# $_VENVHOOK_AUTO_CREATE, $_VENVHOOK_GUARD, $_VENVHOOK_FILES  what it says: the settings of these
# $_VENVHOOK_BOUND   names, and the projects that environments are bound to, a newline before and after
# $_VENVHOOK_MISNAMED  what $env:VENVHOOK_NAMES is if that is a mistake, for the helper to say; else empty
# $_VENVHOOK_OFFER   the directory for which an environment may be offered at the next prompt
# $_VENVHOOK_OFFERED  the projects that one was offered for, like these
# $_VENVHOOK_UNGUARDED  has the user set PIP_REQUIRE_VIRTUALENV himself?
# $_VENVHOOK_REFUSED  the number in the history of the last refusal of pip's that was explained

function _venvhook_load {
    $script:slash = [IO.Path]::DirectorySeparatorChar
    $script:separator = [IO.Path]::PathSeparator
    $script:windows = $script:slash -eq '\'
    $script:bin = 'bin'
    $script:drive = '^/'
    # Paths are equal byte for byte; -eq would compare them as words of a language.
    $script:comparison = [StringComparison]::Ordinal
    if ($script:windows) {
        $script:bin = 'Scripts'
        $script:drive = '^[A-Za-z]:\\'
        $script:comparison = [StringComparison]::OrdinalIgnoreCase
    }
    # From PowerShell 7.2 on. Environments on Windows hold no links.
    $script:links = [IO.File].GetMember('ResolveLinkTarget').Length -gt 0
    # From PowerShell 7.3 on: one look instead of two.
    $script:exists = [IO.Path].GetMember('Exists').Length -gt 0
    _venvhook_names
    _venvhook_session
    # Unknown to an older script, or no arrays.
    if ($global:_VENVHOOK_REST -isnot [array]) { $global:_VENVHOOK_REST = @() }
    if ($global:_VENVHOOK_LEFT -isnot [array]) { $global:_VENVHOOK_LEFT = @() }
    $global:_VENVHOOK_LATER = @()
    $global:_VENVHOOK_HALF = @()
    if (-not $global:_VENVHOOK_LOADED) {
        if ([IO.File]::Exists($global:_VENVHOOK_SESSION)) { [IO.File]::Delete($global:_VENVHOOK_SESSION) }
        $global:_VENVHOOK_LOADED = $true
        $global:_VENVHOOK_ROOT = ''
        $global:_VENVHOOK_ENV = ''
        $global:_VENVHOOK_TOKEN = ''
        $global:_VENVHOOK_HAND = ''
        $global:_VENVHOOK_TOLD = ''
        $global:_VENVHOOK_PREFIX = ''
        $global:_VENVHOOK_PROMPT = ''
        $global:_VENVHOOK_DIRENV = ''
        $global:_VENVHOOK_INHERITED = $false
        $global:_VENVHOOK_LEFTOVER = $null -ne $env:_OLD_VIRTUAL_PATH -or
            $null -ne $global:_OLD_VIRTUAL_PATH
        $global:_VENVHOOK_OFFERED = ''
        $global:_VENVHOOK_UNGUARDED = $false
        $global:_VENVHOOK_REFUSED = 0
        _venvhook_adopt
    }
    $global:_VENVHOOK_PWD = ''
    $global:_VENVHOOK_LOOK = ''
    $global:_VENVHOOK_MARKERS = ''
    $global:_VENVHOOK_WATCH = @()
    $global:_VENVHOOK_GONE = ''
    $global:_VENVHOOK_HUNG = 0
    $global:_VENVHOOK_PAUSE = 0
    $global:_VENVHOOK_INSIDE = $false
    $global:_VENVHOOK_AGAIN = $true
    $global:_VENVHOOK_POLICY = ''
    $global:_VENVHOOK_STALE = 'new'
    $global:_VENVHOOK_WITNESSES = @()
    $global:_VENVHOOK_AUTO_CREATE = 'never'
    $global:_VENVHOOK_GUARD = ''
    $global:_VENVHOOK_FILES = ''
    $global:_VENVHOOK_BOUND = ''
    $global:_VENVHOOK_OFFER = ''
    # Below a file no recipe is found, so there is no other place that has to know.
    if (-not $global:_VENVHOOK_CACHE) { $global:_VENVHOOK_CACHE = $global:_VENVHOOK_PYTHON }
    _venvhook_trust
    _venvhook_register
}

# What $env:VENVHOOK_TRUST says: recipes made under one setting are not for another. The helper
# complains about a word that it does not know.
function _venvhook_trust {
    $trust = $env:VENVHOOK_TRUST
    if (-not $trust) { return }
    $global:_VENVHOOK_PROTOCOL += ".$trust"
    if (-not ('own', 'ask', 'all' -ccontains $trust)) { $global:_VENVHOOK_CACHE = $global:_VENVHOOK_PYTHON }
    if ($global:_VENVHOOK_CACHE -cne $global:_VENVHOOK_PYTHON) { $global:_VENVHOOK_CACHE += ".$trust" }
}

# Up to three names of markers, from $env:VENVHOOK_NAMES, between spaces or colons; else in $args, as
# the user set them. Where it is a mistake, nothing is activated, and the helper says so.
function _venvhook_names {
    $names = @(_venvhook_split "$env:VENVHOOK_NAMES")
    $global:_VENVHOOK_MISNAMED = ''
    if ($names.Count -gt 3 -or $names -match '^\.\.?$|[/\\]') {
        $global:_VENVHOOK_MISNAMED = $env:VENVHOOK_NAMES
        $global:_VENVHOOK_CACHE = $global:_VENVHOOK_PYTHON
        $names = @()
    }
    if ($names.Count -eq 0) { $names = $args }
    if ($names.Count -eq 0) { $names = '.venv', 'venv', 'env' }
    $script:name1 = $names[0]
    $script:name2 = $names[0]
    $script:name3 = $names[0]
    if ($names.Count -gt 1) { $script:name2 = $names[1] }
    if ($names.Count -gt 2) { $script:name3 = $names[2] }
}

# Returns the words of $text, between spaces or colons.
function _venvhook_split($text) {
    return $text.Split([char[]]": `t`n", [StringSplitOptions]::RemoveEmptyEntries)
}

# Where 'venvhook off' and 'on' leave word for this shell: in the runtime directory (XDG Base Directory),
# else where the assignment says.
function _venvhook_session {
    $runtime = $env:XDG_RUNTIME_DIR
    if ("$runtime".StartsWith('/') -and [IO.Directory]::Exists($runtime)) {
        $global:_VENVHOOK_SESSION = "$($runtime.TrimEnd('/'))/venvhook"
    }
    if ($global:_VENVHOOK_SESSION) { $global:_VENVHOOK_SESSION += "$script:slash$PID" }
    $env:VENVHOOK_SESSION = $global:_VENVHOOK_SESSION
}

# ---- Verbs: what a recipe says -------------------------------------------------------------------
# Each sets verdict, unless it comes from a kept recipe that may no longer be used. $root is the
# project, $markers those that there were, each with a slash; witnesses are in $args, the rest.

# The environment $environment is called $name and has the token $token.
function _venvhook_activate($root, $markers, $environment, $name, $token) {
    if (-not (_venvhook_knows $environment $token)) { $token = '' }
    if (-not $script:asked -and -not $token) { return }
    if (-not (_venvhook_may_use $root $markers $args)) { return }
    $script:verdict = 'activate'
    # Deactivated by hand after it was activated by hand: the user means it.
    $hand = $global:_VENVHOOK_HAND
    if ($hand -and (_venvhook_is_same $environment $hand)) { $global:_VENVHOOK_REST += $root }
    foreach ($rest in $global:_VENVHOOK_REST) {
        if ([string]::Equals($root, $rest, $script:comparison)) {
            _venvhook_switch '' '' ''
            return
        }
    }
    if ($global:_VENVHOOK_REST.Count -gt 0) { _venvhook_prune_rest '' }
    # To the front of PATH again, where the profile has put something before it.
    if ($global:_VENVHOOK_INHERITED -or
        -not [string]::Equals($environment, $global:_VENVHOOK_ENV, $script:comparison)) {
        _venvhook_switch $root $environment $name
    }
    $global:_VENVHOOK_ROOT = $root
    $global:_VENVHOOK_TOKEN = $token
}

# There is an environment that may not be used; $reason says why, or nothing where the user knows.
function _venvhook_refuse($root, $markers, $reason) {
    if (-not (_venvhook_may_use $root $markers $args) -or -not (_venvhook_is_still_none $args)) { return }
    $script:verdict = 'refuse'
    _venvhook_prune_rest $root
    $active = $global:_VENVHOOK_ROOT
    _venvhook_switch '' '' ''
    if ($reason) {
        _venvhook_tell $root $reason $active
    } else {
        # Once that is taken back, what was said before is news.
        $global:_VENVHOOK_TOLD = $global:_VENVHOOK_TOLD.Replace("/$root`n", '')
    }
}

# What is called like an environment is none.
function _venvhook_pass($root, $markers) {
    if (-not (_venvhook_may_use $root $markers $args) -or -not (_venvhook_is_still_none $args)) { return }
    $script:verdict = 'pass'
}

# Of the projects in which the user typed 'deactivate', keeps those that he is in, but for $project.
function _venvhook_prune_rest($project) {
    $rest = @()
    foreach ($root in $global:_VENVHOOK_REST) {
        $dir = "$("$root".TrimEnd($script:slash))$script:slash"
        if ("$script:here$script:slash".StartsWith($dir, $script:comparison) -and
            -not [string]::Equals($root, $project, $script:comparison)) { $rest += $root }
    }
    $global:_VENVHOOK_REST = $rest
}

# ---- Recipes -------------------------------------------------------------------------------------

# Does $environment know the $token? One in the place of an accepted one does not, whatever its times
# say. A FIFO has no length, so it is not read; a link is seen by its attributes.
function _venvhook_knows($environment, $token) {
    if (-not $token) { return $false }
    $file = [IO.FileInfo]::new("$environment${script:slash}.venvhook")
    if (-not $file.Exists -or $file.Length -ne 33) { return $false }
    if ($file.Attributes -band [IO.FileAttributes]::ReparsePoint) { return $false }
    try {
        $value = [IO.File]::ReadAllText($file.FullName, [Text.Encoding]::UTF8)
    } catch {
        $value = ''
    }
    return $value -ceq "$token`n"
}

# Returns the file that keeps the recipe of the project $root: of C:\app in <cache>\C\app.
function _venvhook_recipe_of($root) {
    $slash = $script:slash
    $root = $root.Trim($slash)
    if ($script:windows) { $root = $root.Replace(':', '') }
    if ($root) { $root = "$slash$root" }
    return "$global:_VENVHOOK_CACHE$root${slash}venvhook.recipe.ps1"
}

# Returns the names of the markers in $directory, each with a slash.
function _venvhook_markers($directory) {
    $markers = ''
    $dir = "$($directory.TrimEnd($script:slash))$script:slash"
    foreach ($name in $script:name1, $script:name2, $script:name3) {
        if ([IO.Directory]::Exists($dir + $name) -or [IO.File]::Exists($dir + $name)) {
            $markers += "$name/"
        }
    }
    return $markers
}

# May the answer for the project $root with these $markers, which rests on $witnesses, be used? Always
# if the helper has just given it; from a kept recipe if the markers are still the same, and all that
# it rests on exists and is older. If it may, watch lists the witnesses too.
function _venvhook_may_use($root, $markers, $witnesses) {
    $before = $script:watch
    $recipe = _venvhook_recipe_of $root
    foreach ($witness in $witnesses) {
        foreach ($file in (_venvhook_followed $witness)) { $script:watch += $recipe, $file }
    }
    $global:_VENVHOOK_MARKERS = $markers
    if ($script:asked) { return $true }
    if ([string]::Equals($root, $script:level, $script:comparison) -and
        $markers -ceq $script:markers) {
        if (_venvhook_is_newer $before.Count) { return $true }
    }
    $script:watch = $before
    return $false
}

# Returns $witness, and what it leads to. .NET tells of a link whether it exists and when it was made,
# nothing of what it leads to. So that is watched as well, link by link; one that leads nowhere throws
# in the end.
function _venvhook_followed($witness) {
    $files = @($witness)
    if ($script:links -and [IO.File]::Exists($witness)) {
        try {
            $target = [IO.File]::ResolveLinkTarget($witness, $false)
            for ($i = 0; $null -ne $target -and $i -lt 10; $i += 1) {
                $files += $target.FullName
                $target = [IO.File]::ResolveLinkTarget($target.FullName, $false)
            }
        } catch {
            $target = $null
        }
    }
    return $files
}

# Does all that watch lists from the entry $first on exist, and is it older than its recipe?
function _venvhook_is_newer($first) {
    $watch = $script:watch
    for ($i = $first; $i -lt $watch.Count; $i += 2) {
        $witness = $watch[$i + 1]
        if (-not [IO.File]::Exists($witness) -and -not [IO.Directory]::Exists($witness)) {
            return $false
        }
        # The time of a missing recipe is the year 1601.
        $made = [IO.File]::GetLastWriteTimeUtc($watch[$i])
        if ($made -le [IO.File]::GetLastWriteTimeUtc($witness)) { return $false }
    }
    return $true
}

# Is none of $witnesses an environment? One with old times may have been moved into its place.
function _venvhook_is_still_none($witnesses) {
    if ($script:asked) { return $true }
    foreach ($witness in $witnesses) {
        if ([IO.File]::Exists("$witness${script:slash}pyvenv.cfg")) { return $false }
    }
    return $true
}

# Returns what the markers in $here and the files in watch look like.
function _venvhook_look($here) {
    $look = ''
    if ($here -match $script:drive) {
        $dir = "$($here.TrimEnd($script:slash))$script:slash"
        foreach ($name in $script:name1, $script:name2, $script:name3) {
            # Of a link that leads nowhere .NET says that it is a file.
            if ([IO.Directory]::Exists($dir + $name)) { $look += 'd' }
            elseif ([IO.File]::Exists($dir + $name)) { $look += 'e' }
            else { $look += 'a' }
        }
    }
    $watch = $script:watch
    for ($i = 0; $i -lt $watch.Count; $i += 2) {
        $witness = $watch[$i + 1]
        if (-not [IO.File]::Exists($witness) -and -not [IO.Directory]::Exists($witness)) {
            $look += 'm'
        } else {
            $made = [IO.File]::GetLastWriteTimeUtc($watch[$i])
            $changed = [IO.File]::GetLastWriteTimeUtc($witness)
            if ($made -gt $changed) { $look += 'n' } else { $look += 'o' }
        }
    }
    $token = $global:_VENVHOOK_TOKEN
    if ($token -and -not (_venvhook_knows $global:_VENVHOOK_ENV $token)) { $look += 'x' }
    return $look
}

# ---- The policy: what the user has set -----------------------------------------------------------

# The policy $generation says what auto_create and guard are, how markers and project files are called,
# and what is bound. In $args are witnesses. From the cache it counts only while it is newer than each.
function _venvhook_policy(
    $generation, $auto_create, $guard, $name1, $name2, $name3, $files, $bound
) {
    $before = $global:_VENVHOOK_POLICY
    $known = $global:_VENVHOOK_WITNESSES
    $global:_VENVHOOK_POLICY = $generation
    $global:_VENVHOOK_WITNESSES = @()
    foreach ($witness in $args) { $global:_VENVHOOK_WITNESSES += _venvhook_followed $witness }
    $fresh = _venvhook_is_current
    if (-not $script:asked -and (-not $fresh -or $args.Count -eq 0)) {
        $global:_VENVHOOK_POLICY = $before
        $global:_VENVHOOK_WITNESSES = $known
        return
    }
    $script:loaded = $true
    $global:_VENVHOOK_STALE = '1'
    if ($fresh) { $global:_VENVHOOK_STALE = '' }
    if (-not $generation -or $args.Count -eq 0) { $global:_VENVHOOK_STALE = 'x' }
    $global:_VENVHOOK_AUTO_CREATE = $auto_create
    $global:_VENVHOOK_GUARD = $guard
    $global:_VENVHOOK_FILES = $files
    $global:_VENVHOOK_BOUND = $bound
    _venvhook_names $name1 $name2 $name3
}

# Are all witnesses of the policy there, and older? It goes itself when something is bound. The time of
# what is missing is the year 1601.
function _venvhook_is_current {
    if (-not $global:_VENVHOOK_POLICY) { return $false }
    try {
        $made = [IO.File]::GetLastWriteTimeUtc($global:_VENVHOOK_POLICY)
        foreach ($witness in $global:_VENVHOOK_WITNESSES) {
            $changed = [IO.File]::GetLastWriteTimeUtc($witness)
            if ($made -le $changed -or $changed.Year -eq 1601) { return $false }
        }
    } catch {
        return $false
    }
    return $true
}

# Loads the policy again, where it has changed: from the cache, or from the helper.
function _venvhook_renew {
    if ($global:_VENVHOOK_STALE -eq 'x') { return }
    if (-not $global:_VENVHOOK_STALE -and (_venvhook_is_current)) { return }
    $script:asked = $false
    $script:loaded = $false
    $kept = [IO.FileInfo]"$global:_VENVHOOK_CACHE${script:slash}venvhook.policy.ps1"
    if ($kept.Exists -and $kept.Length -gt 0) {
        try {
            $line = [IO.File]::ReadAllText($kept.FullName, [Text.Encoding]::UTF8)
            $null = Microsoft.PowerShell.Utility\Invoke-Expression $line
        } catch {
            $line = ''
        }
    }
    if (-not $script:loaded) { _venvhook_ask 'policy' @('powershell') }
    # A helper that complains is not asked for this again.
    if (-not $script:loaded -and $global:_VENVHOOK_GONE -eq 'said') { $global:_VENVHOOK_STALE = 'x' }
    $script:asked = $false
}

# ---- The helper ----------------------------------------------------------------------------------

# Returns what starts the Python of the helper with $words. [Diagnostics.Process] leaves $LASTEXITCODE
# and the window's title alone, as & would not.
function _venvhook_start_of($words) {
    # ArgumentList is missing in Windows PowerShell. Backslashes count twice before a quote only;
    # .NET takes the line apart by these rules of Windows on every system.
    $line = ''
    foreach ($word in $words) {
        $line += '"' + ($word -replace '(\\*)"', '$1$1\"' -replace '(\\+)\z', '$1$1') + '" '
    }
    $start = [Diagnostics.ProcessStartInfo]::new($global:_VENVHOOK_PYTHON)
    $start.Arguments = $line
    $start.UseShellExecute = $false
    return $start
}

# Asks the helper's $module with $arguments, and does what it answers. One that does not end is given
# up in time, and asked again after a change of directory; while it goes on hanging, after ever more of
# them. Both of what it says is read at the same time: a full pipe would stop it.
function _venvhook_ask($module, $arguments) {
    $script:asked = $true
    if ($script:hung) { return }
    if ($global:_VENVHOOK_PAUSE -gt 0) {
        $global:_VENVHOOK_PAUSE -= 1
        $script:hung = $true
        return
    }
    $code = 'import sys, _signal; _signal.signal(2, _signal.SIG_DFL); '
    $code += "sys.path.append(sys.argv.pop(1)); from venvhook.$module import main; main()"
    $words = '-I', '-S', '-c', $code, $global:_VENVHOOK_SOURCE, $global:_VENVHOOK_PROTOCOL
    $start = _venvhook_start_of ($words + $arguments)
    $start.CreateNoWindow = $true
    # All three: with one left .NET would set the terminal up for the child, and back again.
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [Text.Encoding]::UTF8
    $start.StandardErrorEncoding = [Text.Encoding]::UTF8
    $python = $global:_VENVHOOK_PYTHON
    $process = $null
    try { $process = [Diagnostics.Process]::Start($start) } catch { $process = $null }
    if ($null -eq $process) {
        if ([IO.File]::Exists($python)) {
            _venvhook_fail "the helper could not be started ($python)"
        } else {
            _venvhook_fail "the helper's Python is gone ($python); install venvhook again"
        }
        return
    }
    $answer = $process.StandardOutput.ReadToEndAsync()
    $complaint = $process.StandardError.ReadToEndAsync()
    $both = [Threading.Tasks.Task[]]@($answer, $complaint)
    $limit = _venvhook_limit
    $ended = $false
    try {
        $ended = [Threading.Tasks.Task]::WaitAll($both, 1000 * $limit) -and $process.WaitForExit(1000)
    } finally {
        # Also after Ctrl-C, which ends all but what stands here.
        if (-not $ended) { _venvhook_kill $process }
    }
    if (-not $ended) {
        _venvhook_give_up "did not answer within $limit s ($python)"
        return
    }
    $status = $process.ExitCode
    $process.StandardOutput.Dispose()
    $process.StandardError.Dispose()
    $process.Dispose()
    # Ended by Ctrl-C, it is asked again at the next prompt: nothing has been looked at.
    if ($status -eq 130) { throw 'interrupted' }
    $text = $complaint.Result.TrimEnd()
    # What is wrong with it is said once.
    if ($text -and -not $global:_VENVHOOK_GONE) { $global:_VENVHOOK_LATER += $text }
    if ($status -ne 0) {
        if ($text) { $global:_VENVHOOK_GONE = 'said' }
        elseif ($status -gt 128) { _venvhook_give_up "was killed ($python)" }
        return
    }
    $global:_VENVHOOK_HUNG = 0
    if ($global:_VENVHOOK_GONE -eq 'mute') { $global:_VENVHOOK_GONE = '' }
    if (-not $answer.Result) { return }
    try {
        $null = Microsoft.PowerShell.Utility\Invoke-Expression $answer.Result
    } catch {
        _venvhook_fail "what the helper answered cannot be used ($python)"
    }
}

# Says $text once, for the helper has failed.
function _venvhook_fail($text) {
    if (-not $global:_VENVHOOK_GONE) {
        _venvhook_say $text
        $global:_VENVHOOK_GONE = 'mute'
    }
}

# Returns the seconds that the helper is waited for: those of VENVHOOK_TIMEOUT, if it says some.
function _venvhook_limit {
    if (-not $env:VENVHOOK_TIMEOUT) { return 1 }
    if ($env:VENVHOOK_TIMEOUT -cmatch '\A[1-9][0-9]?\z') { return [int]$env:VENVHOOK_TIMEOUT }
    $line = "/`nVENVHOOK_TIMEOUT`n"
    if (-not $global:_VENVHOOK_TOLD.Contains($line)) {
        $global:_VENVHOOK_TOLD += $line
        _venvhook_say 'VENVHOOK_TIMEOUT is no number from 1 to 99; the helper is waited for 1 s'
    }
    return 1
}

# Says once that the helper $text. For this change of directory it is not asked again.
function _venvhook_give_up($text) {
    $script:hung = $true
    if ($global:_VENVHOOK_HUNG -eq 0) {
        _venvhook_say "the helper $text; it is asked again after a change of directory"
    }
    $global:_VENVHOOK_PAUSE = $global:_VENVHOOK_HUNG
    if ($global:_VENVHOOK_HUNG -lt 32) { $global:_VENVHOOK_HUNG = $global:_VENVHOOK_HUNG * 2 + 1 }
}

# Ends $process, unless it has just ended.
function _venvhook_kill($process) {
    try { $process.Kill() } catch { $script:hung = $true }
}

# Says $text at the next prompt: not in the middle of a line that runs, nor in a script.
function _venvhook_say($text) {
    $global:_VENVHOOK_LATER += "venvhook: $text"
}

# Says $text about the project $project, once in this shell; again if it is $active, the one that was.
# Who has left the project before the next prompt is not told.
function _venvhook_tell($project, $text, $active) {
    $line = "/$project`n$text`n"
    if ($project -cne $active -and $global:_VENVHOOK_TOLD.Contains($line)) { return }
    $script:untold = $line
    $script:refusal = $text
}

# Says what is to be said at a prompt.
function _venvhook_report {
    if ($script:untold) {
        $global:_VENVHOOK_TOLD += $script:untold
        $script:untold = ''
        _venvhook_say $script:refusal
    }
    $lines = $global:_VENVHOOK_LATER
    $global:_VENVHOOK_LATER = @()
    foreach ($line in $lines) { [Console]::Error.WriteLine($line) }
}

# ---- What changes in the shell, and is given back ------------------------------------------------

# From the active environment to $environment, of the project $root and called $name; all empty: to
# none. Ctrl-C may end it between any two lines: while HALF says so, the next hook takes all back.
function _venvhook_switch($root, $environment, $name) {
    $active = $global:_VENVHOOK_ENV
    if (-not $active -and -not $environment) { return }
    $path = $env:PATH
    $entries = @()
    if ($active) {
        $entries += "$active$script:slash$script:bin"
        $path = _venvhook_path_without $path $entries[0]
    }
    if (-not $environment) {
        $global:_VENVHOOK_HALF = $entries
        if (-not $path -and $global:_VENVHOOK_PATHLESS) { $path = $null }
        $env:PATH = $path
        _venvhook_restore
    } else {
        $entry = "$environment$script:slash$script:bin"
        if (-not $active) { _venvhook_store }
        if ($path -or -not $global:_VENVHOOK_PATHLESS) { $path = "$script:separator$path" }
        $global:_VENVHOOK_HALF = $entries + $entry
        $global:_VENVHOOK_ROOT = $root
        $global:_VENVHOOK_ENV = $environment
        $global:_VENVHOOK_INHERITED = $false
        # Also one that was set while another environment was active.
        if ($null -ne $env:PYTHONHOME) { $global:_VENVHOOK_OLD_PYTHONHOME = $env:PYTHONHOME }
        $env:PYTHONHOME = $null
        $env:VIRTUAL_ENV = $environment
        $env:VIRTUAL_ENV_PROMPT = $name
        $global:_VENVHOOK_PROMPT = $name
        $env:VENVHOOK_ACTIVE = $environment
        $env:PATH = "$entry$path"
        if (-not $active) { _venvhook_deactivate_define }
        _venvhook_prompt_show $name
    }
    $global:_VENVHOOK_HALF = @()
}

# Takes back a switch that Ctrl-C has ended: no environment is active, and the next walk goes on.
function _venvhook_mend {
    $path = $env:PATH
    foreach ($entry in $global:_VENVHOOK_HALF) { $path = _venvhook_path_without $path $entry }
    if (-not $path -and $global:_VENVHOOK_PATHLESS) { $path = $null }
    $env:PATH = $path
    if ($global:_VENVHOOK_ENV) { _venvhook_restore } else { _venvhook_forget }
    $global:_VENVHOOK_PWD = ''
    $global:_VENVHOOK_HALF = @()
}

# Remembers what activation replaces.
function _venvhook_store {
    $global:_VENVHOOK_OLD_VIRTUAL_ENV = $env:VIRTUAL_ENV
    $global:_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT = $env:VIRTUAL_ENV_PROMPT
    $global:_VENVHOOK_PATHLESS = $null -eq $env:PATH
    $global:_VENVHOOK_LEFTOVER = $null -ne $env:_OLD_VIRTUAL_PATH -or
        $null -ne $global:_OLD_VIRTUAL_PATH
}

# Gives back what activation replaced. A variable or function set to $null is removed.
function _venvhook_restore {
    _venvhook_prompt_hide
    $env:VENVHOOK_ACTIVE = $null
    $env:VIRTUAL_ENV = $global:_VENVHOOK_OLD_VIRTUAL_ENV
    $env:VIRTUAL_ENV_PROMPT = $global:_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT
    # A PYTHONHOME that the user has set meanwhile stays.
    if ($null -eq $env:PYTHONHOME) { $env:PYTHONHOME = $global:_VENVHOOK_OLD_PYTHONHOME }
    _venvhook_forget
}

# Nothing of ours is active any more, and nothing of the user's is kept.
function _venvhook_forget {
    _venvhook_deactivate_remove
    $global:_VENVHOOK_TOKEN = ''
    $global:_VENVHOOK_INHERITED = $false
    $global:_VENVHOOK_ROOT = ''
    $global:_VENVHOOK_ENV = ''
    $global:_VENVHOOK_OLD_PYTHONHOME = $null
}

# Our 'deactivate' stands before that of the user's, if he has one.
function _venvhook_deactivate_define {
    $now = ${function:global:deactivate}
    if (-not "$now".Contains('_venvhook_deactivate')) { $global:_VENVHOOK_DEACTIVATE = $now }
    # His own may be read-only: then it stays.
    try {
        function global:deactivate { _venvhook_deactivate }
    } catch {
        $global:_VENVHOOK_DEACTIVATE = $null
    }
}

# Takes our 'deactivate' away, and gives back that of the user's. One that he has defined meanwhile, or
# a stock script, stays.
function _venvhook_deactivate_remove {
    if ("${function:global:deactivate}".Contains('_venvhook_deactivate')) {
        ${function:global:deactivate} = $global:_VENVHOOK_DEACTIVATE
    }
    $global:_VENVHOOK_DEACTIVATE = $null
}

# Returns $path without the first entry $entry.
function _venvhook_path_without($path, $entry) {
    $separator = $script:separator
    $all = "$separator$path$separator"
    $at = $all.IndexOf("$separator$entry$separator", $script:comparison)
    if ($at -lt 0) { return $path }
    $all = $all.Remove($at, $entry.Length + 1)
    if ($all.Length -lt 2) { return '' }
    return $all.Substring(1, $all.Length - 2)
}

# Lets _venvhook_prompt put ($name) before the user's prompt.
function _venvhook_prompt_show($name) {
    $global:_VENVHOOK_PREFIX = "($name) "
}

function _venvhook_prompt_hide {
    $global:_VENVHOOK_PREFIX = ''
}

# What 'deactivate' does while an environment is active: it stays off until the project is left.
function _venvhook_deactivate {
    $global:_VENVHOOK_REST += $global:_VENVHOOK_ROOT
    $global:_VENVHOOK_JUST = $global:_VENVHOOK_ROOT
    _venvhook_switch '' '' ''
    _venvhook_guard
}

# An environment was activated by hand on top of ours, and 'deactivate' is no longer ours: what is
# left of ours goes, also out of what the other one will give back. The script of venv keeps that in
# the environment, those of virtualenv and uv in variables.
function _venvhook_yield {
    $separator = $script:separator
    $entry = "$global:_VENVHOOK_ENV$script:slash$script:bin"
    $theirs = "${function:global:deactivate}"
    # Of two entries that are the same, the first is the user's.
    if ([string]::Equals($env:VIRTUAL_ENV, $global:_VENVHOOK_ENV, $script:comparison) -and
        "$env:PATH".StartsWith("$entry$separator", $script:comparison)) {
        $path = _venvhook_path_without ($env:PATH.Substring($entry.Length + 1)) $entry
        if ($path) { $path = "$separator$path" }
        $env:PATH = "$entry$path"
    } else {
        $env:PATH = _venvhook_path_without $env:PATH $entry
    }
    if ($null -ne $env:_OLD_VIRTUAL_PATH) {
        $env:_OLD_VIRTUAL_PATH = _venvhook_path_without $env:_OLD_VIRTUAL_PATH $entry
    } elseif ($null -ne $global:_OLD_VIRTUAL_PATH) {
        $global:_OLD_VIRTUAL_PATH = _venvhook_path_without $global:_OLD_VIRTUAL_PATH $entry
    }
    # What a stock script has set, it gives back; most know nothing of PYTHONHOME.
    $old = $global:_VENVHOOK_OLD_PYTHONHOME
    if ($theirs.Contains('_OLD_VIRTUAL_PYTHONHOME')) {
        if ($null -ne $old) { $env:_OLD_VIRTUAL_PYTHONHOME = $old }
    } elseif ($null -eq $env:PYTHONHOME) {
        $env:PYTHONHOME = $old
    }
    if (-not $theirs.Contains('_OLD_VIRTUAL_P')) { _venvhook_mind_leaving }
    if ($env:VIRTUAL_ENV_PROMPT -ceq $global:_VENVHOOK_PROMPT -and
        -not $theirs.Contains('VIRTUAL_ENV_PROMPT')) {
        $env:VIRTUAL_ENV_PROMPT = $global:_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT
    }
    _venvhook_prompt_hide
    $env:VENVHOOK_ACTIVE = $null
    # Somebody may have set VIRTUAL_ENV and no more: then 'deactivate' is still ours.
    _venvhook_forget
}

# Remembers that what is active now may be put back later, when it no longer is: when direnv leaves a
# directory, it sets each variable that it has changed to what that held before, and mise does so with
# VIRTUAL_ENV.
function _venvhook_mind_leaving {
    foreach ($left in $global:_VENVHOOK_LEFT) {
        if ([string]::Equals($left, $global:_VENVHOOK_ENV, $script:comparison)) { return }
    }
    $global:_VENVHOOK_LEFT += $global:_VENVHOOK_ENV
}

# Takes away again what was put back, and puts back what direnv has taken away.
function _venvhook_sweep {
    $separator = $script:separator
    $active = $global:_VENVHOOK_ENV
    $path = $env:PATH
    $is_new = "$env:DIRENV_DIFF" -cne $global:_VENVHOOK_DIRENV
    $stock = $null -ne $env:_OLD_VIRTUAL_PATH -or $null -ne $global:_OLD_VIRTUAL_PATH
    foreach ($left in $global:_VENVHOOK_LEFT) {
        if ([string]::Equals($left, $active, $script:comparison)) { continue }
        # Not by hand, which shows in what stock scripts remember.
        if ([string]::Equals($left, $env:VIRTUAL_ENV, $script:comparison) -and
            $stock -eq $global:_VENVHOOK_LEFTOVER) { $env:VIRTUAL_ENV = $null }
        if ($is_new -and -not [string]::Equals($left, $env:VIRTUAL_ENV, $script:comparison)) {
            $path = _venvhook_path_without $path "$left$script:slash$script:bin"
        }
    }
    if ($active -and $is_new) {
        $entry = "$active$script:slash$script:bin"
        $all = "$separator$path$separator"
        if ($all.IndexOf("$separator$entry$separator", $script:comparison) -lt 0) {
            if ($path) { $path = "$separator$path" }
            $path = "$entry$path"
        }
        _venvhook_mind_leaving
    }
    if ($path -cne $env:PATH) { $env:PATH = $path }
    if ($global:_VENVHOOK_LEFT.Count -gt 0 -and -not $env:VIRTUAL_ENV -and
        $env:VIRTUAL_ENV_PROMPT -ceq $global:_VENVHOOK_PROMPT) { $env:VIRTUAL_ENV_PROMPT = $null }
    $global:_VENVHOOK_DIRENV = "$env:DIRENV_DIFF"
    if (-not $env:DIRENV_DIFF -and
        [string]::Equals($env:VIRTUAL_ENV, $active, $script:comparison)) { $global:_VENVHOOK_LEFT = @() }
}

# A shell started from one with an active environment inherits it. It stays active, also where no
# prompt follows (pwsh -Command), until a walk has seen whether it is right for the directory. If
# VIRTUAL_ENV is another's by now, what is left of ours goes.
function _venvhook_adopt {
    $active = $env:VENVHOOK_ACTIVE
    if ($env:SUDO_COMMAND -and -not $active -and -not $env:VIRTUAL_ENV) { _venvhook_adopt_entry }
    if (-not $active) { return }
    if ($env:DIRENV_DIFF) { $global:_VENVHOOK_LEFT = @($active) }
    if (-not [string]::Equals($env:VIRTUAL_ENV, $active, $script:comparison)) {
        $env:PATH = _venvhook_path_without $env:PATH "$active$script:slash$script:bin"
        $env:VENVHOOK_ACTIVE = $null
        if (-not $env:VIRTUAL_ENV) { $env:VIRTUAL_ENV_PROMPT = $null }
        return
    }
    _venvhook_store
    # What it replaced is not known here.
    $global:_VENVHOOK_OLD_VIRTUAL_ENV = $null
    $global:_VENVHOOK_OLD_VIRTUAL_ENV_PROMPT = $null
    $global:_VENVHOOK_PROMPT = "$env:VIRTUAL_ENV_PROMPT"
    $global:_VENVHOOK_ENV = $active
    $global:_VENVHOOK_INHERITED = $true
    _venvhook_deactivate_define
}

# Of all that says what is active, sudo may leave PATH.
function _venvhook_adopt_entry {
    $entry = "$env:PATH".Split($script:separator)[0]
    if (-not $entry.EndsWith("$script:slash$script:bin", $script:comparison)) { return }
    $active = $entry.Substring(0, $entry.Length - $script:bin.Length)
    if ([IO.File]::Exists($active + '.venvhook') -and [IO.File]::Exists($active + 'pyvenv.cfg')) {
        $env:PATH = _venvhook_path_without $env:PATH $entry
    }
}

# ---- The walk ------------------------------------------------------------------------------------

# Are $one and $other the same directory, by name or by a link as the last part of the name?
function _venvhook_is_same($one, $other) {
    if ([string]::Equals($one, $other, $script:comparison)) { return $true }
    if (-not $script:links -or -not [IO.Directory]::Exists($one)) { return $false }
    if (-not [IO.Directory]::Exists($other)) { return $false }
    try {
        $target = [IO.Directory]::ResolveLinkTarget($one, $true)
        if ($null -ne $target) { $one = $target.FullName }
        $target = [IO.Directory]::ResolveLinkTarget($other, $true)
        if ($null -ne $target) { $other = $target.FullName }
    } catch {
        return $false
    }
    return [string]::Equals($one, $other, $script:comparison)
}

# Does what is to be done about the project $project: nothing if it is active and unchanged, else
# what its kept recipe says, else what the helper answers.
function _venvhook_decide($project) {
    $script:markers = _venvhook_markers $project
    if ([string]::Equals($project, $global:_VENVHOOK_ROOT, $script:comparison) -and
        $script:markers -ceq $global:_VENVHOOK_MARKERS -and
        -not $global:_VENVHOOK_INHERITED -and $script:watch.Count -eq 0 -and $global:_VENVHOOK_WATCH.Count -gt 0) {
        $script:verdict = 'activate'
        $script:watch = $global:_VENVHOOK_WATCH
        if ((_venvhook_is_newer 0) -and
            (_venvhook_knows $global:_VENVHOOK_ENV $global:_VENVHOOK_TOKEN)) { return }
        $script:watch = @()
    }
    $script:verdict = ''
    $script:level = $project
    $recipe = [IO.FileInfo](_venvhook_recipe_of $project)
    # What is no regular file has no length.
    if ($recipe.Exists -and $recipe.Length -gt 0) {
        # What is no recipe is as good as none: it is replaced then.
        try {
            $line = [IO.File]::ReadAllText($recipe.FullName, [Text.Encoding]::UTF8)
            $null = Microsoft.PowerShell.Utility\Invoke-Expression $line
        } catch {
            $line = ''
        }
    }
    if (-not $script:verdict) {
        $names = $script:name1, $script:name2, $script:name3, $global:_VENVHOOK_MISNAMED -ne ''
        _venvhook_ask 'hook' (@('powershell', $project) + $names)
    }
}

# Returns the nearest project at or above $here that an environment is bound to, or nothing. $top
# counts for itself alone.
function _venvhook_find_bound($here, $top) {
    $at = $here.TrimEnd($script:slash)
    $first = $at
    while ($at.IndexOf($script:slash) -ge 0) {
        $is_top = [string]::Equals($at, $top, $script:comparison)
        if ($is_top -and $at -cne $first) { break }
        if ($global:_VENVHOOK_BOUND.IndexOf("`n$at`n", $script:comparison) -ge 0) { return $at }
        if ($is_top) { break }
        $at = $at.Substring(0, $at.LastIndexOf($script:slash))
    }
    return ''
}

# Walks up from $here to the nearest project whose markers do not just pass, and does what it says.
function _venvhook_walk($here) {
    $script:hung = $false
    $script:untold = ''
    _venvhook_renew
    $slash = $script:slash
    $name1 = "$slash$script:name1"
    $name2 = "$slash$script:name2"
    $name3 = "$slash$script:name3"
    $top = $env:HOME
    if ($script:windows -and -not $top) { $top = $env:USERPROFILE }
    $top = "$top".TrimEnd($slash)
    $script:verdict = ''
    $script:asked = $false
    $script:watch = @()
    $global:_VENVHOOK_OFFER = ''
    if ($here -match $script:drive) {
        $dir = $here.TrimEnd($slash)
        $bound = ''
        if ($global:_VENVHOOK_BOUND) { $bound = _venvhook_find_bound $here $top }
        if ([IO.Directory]::Exists($dir + $name1) -or [IO.File]::Exists($dir + $name1) -or
            [IO.Directory]::Exists($dir + $name2) -or [IO.File]::Exists($dir + $name2) -or
            [IO.Directory]::Exists($dir + $name3) -or [IO.File]::Exists($dir + $name3) -or
            ($bound -and [string]::Equals($dir, $bound, $script:comparison))) {
            $project = $dir
            if ($dir.IndexOf($slash) -lt 0) { $project = "$dir$slash" }
            _venvhook_decide $project
        }
        if (-not [string]::Equals($dir, $top, $script:comparison)) {
            $dir = $dir.Substring(0, [Math]::Max(0, $dir.LastIndexOf($slash)))
        }
        while (-not $script:asked -and ($script:verdict -eq '' -or $script:verdict -eq 'pass')) {
            # The root, or that of a drive, holds no slash any more.
            while ($dir.IndexOf($slash) -ge 0) {
                if ([string]::Equals($dir, $top, $script:comparison)) { break }
                if ($bound -and [string]::Equals($dir, $bound, $script:comparison)) { break }
                if ($script:exists) {
                    if ([IO.Path]::Exists($dir + $name1) -or [IO.Path]::Exists($dir + $name2) -or
                        [IO.Path]::Exists($dir + $name3)) { break }
                } elseif ([IO.Directory]::Exists($dir + $name1) -or
                    [IO.Directory]::Exists($dir + $name2) -or
                    [IO.Directory]::Exists($dir + $name3) -or
                    [IO.File]::Exists($dir + $name1) -or
                    [IO.File]::Exists($dir + $name2) -or
                    [IO.File]::Exists($dir + $name3)) { break }
                $dir = $dir.Substring(0, $dir.LastIndexOf($slash))
            }
            # $HOME counts for itself alone, also when it is reached by another name.
            if ($dir.IndexOf($slash) -lt 0 -or (_venvhook_is_same $dir $top)) { break }
            _venvhook_decide $dir
            $dir = $dir.Substring(0, $dir.LastIndexOf($slash))
        }
    }
    if ($script:verdict -eq '' -or $script:verdict -eq 'pass') {
        $global:_VENVHOOK_REST = @()
        if ($global:_VENVHOOK_ENV) { _venvhook_leave $here }
        $auto_create = $env:VENVHOOK_AUTO_CREATE
        if (-not $auto_create) { $auto_create = $global:_VENVHOOK_AUTO_CREATE }
        if ($auto_create -cne 'never' -and $here -cne $global:_VENVHOOK_PWD) {
            $global:_VENVHOOK_OFFER = $here
        }
    }
    $global:_VENVHOOK_PWD = $here
    $global:_VENVHOOK_LOOK = _venvhook_look $here
    $global:_VENVHOOK_HAND = ''
    $global:_VENVHOOK_JUST = ''
    $global:_VENVHOOK_WATCH = $script:watch
}

# Nothing is found any more. Who still stands in the project may be making its environment anew.
function _venvhook_leave($here) {
    $root = $global:_VENVHOOK_ROOT
    _venvhook_switch '' '' ''
    $dir = "$("$root".TrimEnd($script:slash))$script:slash"
    if (-not $root -or -not "$here$script:slash".StartsWith($dir, $script:comparison)) { return }
    $recipe = _venvhook_recipe_of $root
    foreach ($name in $script:name1, $script:name2, $script:name3) {
        $script:watch += $recipe, "$dir$name"
    }
}

# ---- The hook ------------------------------------------------------------------------------------

# Called at each prompt, and from PowerShell 7 on after each change of directory, with $PWD. What
# came out of here as an exception would end the line that the user has typed.
function _venvhook_hook($location) {
    $errors = $global:Error.Count
    try {
        # In the registry, in Env: and so on there is no project, as in a directory called ':'.
        $here = ':'
        if ($location.Provider.Name -eq 'FileSystem') { $here = $location.ProviderPath }
        $script:here = $here
        if ($global:_VENVHOOK_HALF.Count -gt 0) { _venvhook_mend }
        if (($env:VENVHOOK_OFF -or [IO.File]::Exists($global:_VENVHOOK_SESSION)) -and
            (_venvhook_is_off)) { return }
        $conda = $env:CONDA_DEFAULT_ENV
        if (-not [string]::Equals($env:VIRTUAL_ENV, $global:_VENVHOOK_ENV, $script:comparison) -or
            ($conda -and $conda -ne 'base') -or
            "$env:DIRENV_DIFF" -cne $global:_VENVHOOK_DIRENV -or
            ($global:_VENVHOOK_ENV -and -not $global:_VENVHOOK_LEFTOVER -and
            ($null -ne $env:_OLD_VIRTUAL_PATH -or $null -ne $global:_OLD_VIRTUAL_PATH))) {
            if (-not (_venvhook_is_free)) {
                $global:_VENVHOOK_OFFER = ''
                _venvhook_guard
                return
            }
        }
        if ([string]::Equals($here, $global:_VENVHOOK_PWD, $script:comparison)) {
            $script:watch = $global:_VENVHOOK_WATCH
            # Where nothing is looked at that rests on the stamp, something may have been bound.
            if ((_venvhook_look $here) -ceq $global:_VENVHOOK_LOOK -and
                ($global:_VENVHOOK_STALE -or $script:watch.Count -gt 0 -or
                [IO.File]::Exists($global:_VENVHOOK_POLICY))) { return }
        }
        _venvhook_walk $here
        _venvhook_guard
    } catch {
        if ($env:VENVHOOK_DEBUG) { _venvhook_say "$_ $($_.InvocationInfo.PositionMessage)" }
    } finally {
        while ($global:Error.Count -gt $errors) { $global:Error.RemoveAt(0) }
    }
}

# Is no environment active by the user's own hand? What is left of ours below one is taken away.
function _venvhook_is_free {
    if ("$env:DIRENV_DIFF" -cne $global:_VENVHOOK_DIRENV -or $global:_VENVHOOK_LEFT.Count -gt 0) {
        _venvhook_sweep
    }
    $conda = $env:CONDA_DEFAULT_ENV
    $is_conda = $conda -and $conda -ne 'base'
    $stock = $null -ne $env:_OLD_VIRTUAL_PATH -or $null -ne $global:_OLD_VIRTUAL_PATH
    $is_stock = $stock -and $global:_VENVHOOK_ENV -and -not $global:_VENVHOOK_LEFTOVER
    $is_ours = [string]::Equals($env:VIRTUAL_ENV, $global:_VENVHOOK_ENV, $script:comparison)
    if ($is_ours -and -not $is_stock -and -not $is_conda) { return $true }
    if ($global:_VENVHOOK_ENV) {
        if ($is_stock -or ($env:VIRTUAL_ENV -and -not $is_ours)) {
            _venvhook_yield
        } else {
            # VIRTUAL_ENV was taken away, or conda activated an environment.
            if (-not $env:VIRTUAL_ENV) { $global:_VENVHOOK_REST += $global:_VENVHOOK_ROOT }
            _venvhook_switch '' '' ''
        }
    }
    $global:_VENVHOOK_PWD = ''
    if (-not $env:VIRTUAL_ENV -and -not $is_conda) { return $true }
    # Whatever calls 'deactivate' first means no project by it.
    if ($global:_VENVHOOK_JUST) { _venvhook_prune_rest $global:_VENVHOOK_JUST }
    $global:_VENVHOOK_JUST = ''
    $global:_VENVHOOK_HAND = $env:VIRTUAL_ENV
    return $false
}

# Is this shell switched off: by 'venvhook off', or by VENVHOOK_OFF, which 'venvhook on' overrules? Then
# nothing of ours is active, and nothing is looked at.
function _venvhook_is_off {
    $word = ''
    $file = $null
    if ($global:_VENVHOOK_SESSION) { $file = [IO.FileInfo]$global:_VENVHOOK_SESSION }
    # What is no regular file has no length; a link is seen by its attributes.
    if ($null -ne $file -and $file.Exists -and $file.Length -gt 0 -and $file.Length -lt 8 -and
        -not ($file.Attributes -band [IO.FileAttributes]::ReparsePoint)) {
        $word = [IO.File]::ReadAllText($file.FullName)
    }
    if ($word -ceq "on`n") {
        # Where it overrules no variable, it does so with what 'deactivate' has put to rest.
        if (-not $env:VENVHOOK_OFF) {
            [IO.File]::Delete($file.FullName)
            $global:_VENVHOOK_PWD = ''
            $global:_VENVHOOK_REST = @()
        }
        return $false
    }
    if ($word -cne "off`n" -and -not $env:VENVHOOK_OFF) { return $false }
    if ($global:_VENVHOOK_ENV) { $null = _venvhook_is_free }
    _venvhook_switch '' '' ''
    $global:_VENVHOOK_PWD = ''
    $global:_VENVHOOK_REST = @()
    $global:_VENVHOOK_HAND = ''
    $global:_VENVHOOK_OFFER = ''
    if ($env:VENVHOOK_GUARDED) { _venvhook_guard 'off' }
    return $true
}

# ---- Where there is no environment ---------------------------------------------------------------

# Offers to make one for the project that $PWD is, once in this shell. Who asks is Python, with the
# terminal to itself. 3 is its answer where something is being typed, so that it asks at the next prompt.
function _venvhook_offer {
    $here = $global:_VENVHOOK_OFFER
    $global:_VENVHOOK_OFFER = ''
    if ($global:_VENVHOOK_OFFERED.Contains("`n$here`n")) { return }
    if ([Console]::IsInputRedirected -or [Console]::IsErrorRedirected) { return }
    $files = "$env:VENVHOOK_PROJECT_FILES"
    if (-not $files) { $files = $global:_VENVHOOK_FILES }
    $is_project = $false
    foreach ($file in (_venvhook_split $files)) {
        if ([IO.File]::Exists("$here$script:slash$file")) { $is_project = $true }
    }
    if (-not $is_project) { return }
    $offered = $global:_VENVHOOK_OFFERED
    $global:_VENVHOOK_OFFERED += "`n$here`n"
    $code = 'import sys; sys.path.append(sys.argv.pop(1)); from venvhook.offer import main; main()'
    $start = _venvhook_start_of @('-I', '-c', $code, $global:_VENVHOOK_SOURCE, $here)
    $process = $null
    try { $process = [Diagnostics.Process]::Start($start) } catch { $process = $null }
    if ($null -eq $process) { return }
    $process.WaitForExit()
    if ($process.ExitCode -eq 0) {
        $global:_VENVHOOK_PWD = ''
        $null = _venvhook_hook $PWD
    } elseif ($process.ExitCode -eq 3) {
        $global:_VENVHOOK_OFFERED = $offered
        $global:_VENVHOOK_OFFER = $here
    }
    $process.Dispose()
}

# Lets pip refuse while no environment is active, if the user wants that; otherwise gives back what he
# had. What that was, after a =, is exported, so that a shell started from this one goes on with it.
# $guard may be 'off', whatever he wants otherwise.
function _venvhook_guard($guard) {
    if (-not $guard) { $guard = $env:VENVHOOK_GUARD }
    if (-not $guard) { $guard = $global:_VENVHOOK_GUARD }
    if (-not $guard -and -not $env:VENVHOOK_GUARDED) { return }
    $is_on = '1', 'true', 'on' -ccontains $guard
    $conda = $env:CONDA_DEFAULT_ENV
    $wanted = $is_on -and -not $env:VIRTUAL_ENV -and (-not $conda -or $conda -eq 'base')
    if (-not $is_on) { $global:_VENVHOOK_UNGUARDED = $false }
    if (-not $env:VENVHOOK_GUARDED) {
        if (-not $wanted -or $global:_VENVHOOK_UNGUARDED) { return }
        $old = $env:PIP_REQUIRE_VIRTUALENV
        $env:VENVHOOK_GUARDED = 'unset'
        if ($null -ne $old) { $env:VENVHOOK_GUARDED = "=$old" }
        $env:PIP_REQUIRE_VIRTUALENV = '1'
    } elseif ($env:PIP_REQUIRE_VIRTUALENV -cne '1') {
        # The user has set it himself.
        $env:VENVHOOK_GUARDED = $null
        $global:_VENVHOOK_UNGUARDED = $true
    } elseif (-not $wanted) {
        $old = $env:VENVHOOK_GUARDED
        $env:VENVHOOK_GUARDED = $null
        $env:PIP_REQUIRE_VIRTUALENV = $null
        if ($old.StartsWith('=')) { $env:PIP_REQUIRE_VIRTUALENV = $old.Substring(1) }
    }
}

# Says why pip has just refused, if it was pip.
function _venvhook_explain_refusal {
    $last = Microsoft.PowerShell.Core\Get-History -Count 1
    if ($null -eq $last -or $last.Id -eq $global:_VENVHOOK_REFUSED) { return }
    $global:_VENVHOOK_REFUSED = $last.Id
    if (-not $last.CommandLine.Contains('pip')) { return }
    _venvhook_say "pip installs outside of environments are off; 'venvhook guard off' allows them"
}

# ---- Completion ----------------------------------------------------------------------------------

# Completes a command line of venvhook's: by a text that is loaded the first time.
function _venvhook_complete($word, $tree, $cursor) {
    if ($null -eq ${function:global:_venvhook_completion}) {
        $status = $global:LASTEXITCODE
        $text = & venvhook completion powershell | Microsoft.PowerShell.Utility\Out-String
        $global:LASTEXITCODE = $status
        Microsoft.PowerShell.Utility\Invoke-Expression $text
        _venvhook_register_completion
    }
    _venvhook_completion $word $tree $cursor
}

function _venvhook_register_completion {
    $block = { param($word, $tree, $cursor) _venvhook_complete $word $tree $cursor }
    Microsoft.PowerShell.Core\Register-ArgumentCompleter -Native -CommandName venvhook -ScriptBlock $block
}

# ---- Registration --------------------------------------------------------------------------------

# Returns the user's prompt, with the environment's name in front. $ok is the $? that he is to see.
function _venvhook_prompt($ok) {
    # It may call ours of an earlier load, which has nothing to add.
    if ($global:_VENVHOOK_INSIDE) {
        if (-not $ok) { Microsoft.PowerShell.Utility\Write-Error '' -ErrorAction Ignore }
        return & $script:theirs
    }
    if ($global:_VENVHOOK_AGAIN) {
        $global:_VENVHOOK_AGAIN = $false
        $global:_VENVHOOK_INHERITED = $true
        $global:_VENVHOOK_PWD = ''
    }
    $null = _venvhook_hook $PWD
    $global:_VENVHOOK_INHERITED = $false
    $global:_VENVHOOK_JUST = ''
    $errors = $global:Error.Count
    try {
        if ($env:VENVHOOK_GUARDED -and $global:LASTEXITCODE -eq 3) { _venvhook_explain_refusal }
        if ($global:_VENVHOOK_OFFER) { _venvhook_offer }
        if ($script:untold -or $global:_VENVHOOK_LATER.Count -gt 0) { _venvhook_report }
    } catch {
        if ($env:VENVHOOK_DEBUG) { _venvhook_say "$_ $($_.InvocationInfo.PositionMessage)" }
    } finally {
        while ($global:Error.Count -gt $errors) { $global:Error.RemoveAt(0) }
    }
    $prefix = $global:_VENVHOOK_PREFIX
    if ($prefix -and $env:VIRTUAL_ENV_DISABLE_PROMPT) { $prefix = '' }
    # A prompt that writes what it shows has the name before that, as from a stock script.
    if ($prefix -and $script:writes) {
        $Host.UI.Write($prefix)
        $prefix = ''
    }
    $global:_VENVHOOK_INSIDE = $true
    try {
        # Sets $? without a trace in $Error; nothing may come between this and the user's prompt.
        if (-not $ok) { Microsoft.PowerShell.Utility\Write-Error '' -ErrorAction Ignore }
        $text = & $script:theirs
    } finally {
        $global:_VENVHOOK_INSIDE = $false
    }
    if (-not $prefix) { return $text }
    # PowerShell shows the first object alone, and 'PS>' for nothing.
    $shown = "$(@($text)[0])"
    if (-not $shown) { $shown = 'PS>' }
    return $prefix + $shown
}

# Wraps the prompt that stands there now, and replaces our LocationChangedAction of an earlier load.
# Another prompt that is set later stays: in PowerShell 7 changes of directory reach us without one.
function _venvhook_register {
    _venvhook_register_completion
    $now = ${function:global:prompt}
    if (-not "$now".Contains('_venvhook_prompt')) { $global:_VENVHOOK_THEIRS = $now }
    if ($null -eq $global:_VENVHOOK_THEIRS) { $global:_VENVHOOK_THEIRS = { 'PS>' } }
    $script:theirs = $global:_VENVHOOK_THEIRS
    $script:writes = "$script:theirs".IndexOf('Write-Host', [StringComparison]::OrdinalIgnoreCase) -ge 0
    function global:prompt {
        $ok = $?
        _venvhook_prompt $ok
    }
    $engine = $ExecutionContext.SessionState.InvokeCommand
    if ($null -eq $engine.PSObject.Properties['LocationChangedAction']) { return }
    $action = $engine.LocationChangedAction
    if ($null -ne $global:_VENVHOOK_ACTION) {
        $action = [Delegate]::Remove($action, $global:_VENVHOOK_ACTION)
    }
    $block = { param($from, $change) $null = _venvhook_hook $change.NewPath }
    $ours = [EventHandler[System.Management.Automation.LocationChangedEventArgs]]$block
    $global:_VENVHOOK_ACTION = $ours
    $engine.LocationChangedAction = [Delegate]::Combine($action, $ours)
}

_venvhook_load
Microsoft.PowerShell.Core\Export-ModuleMember
}
}
