# Completion of venvhook's command line in PowerShell, 5.1 and later. Printed by 'venvhook completion
# powershell'; for other shells click has such a text. The command is asked in the way that click has
# for zsh: three lines an answer, of which the first says what kind it is.
# Only ASCII in here: Windows PowerShell reads it by the console's code page.

function global:_venvhook_completion($word, $tree, $cursor) {
    Microsoft.PowerShell.Core\Set-StrictMode -Off
    # Up to the cursor, each word as sh quotes it: click takes the line apart by these rules.
    $words = @()
    foreach ($element in $tree.CommandElements) {
        if ($element.Extent.StartOffset -ge $cursor) { break }
        $value = $element.Value
        if ($null -eq $value) { $value = $element.Extent.Text }
        $words += "'" + "$value".Replace("'", "'\''") + "'"
    }
    $at = $words.Count
    if ($word) { $at -= 1 }
    $status = $global:LASTEXITCODE
    $lines = @()
    try {
        $env:_VENVHOOK_COMPLETE = 'zsh_complete'
        $env:COMP_WORDS = $words -join ' '
        $env:COMP_CWORD = "$at"
        $lines = @(& venvhook 2>$null)
    } finally {
        $env:_VENVHOOK_COMPLETE = $null
        $env:COMP_WORDS = $null
        $env:COMP_CWORD = $null
        $global:LASTEXITCODE = $status
    }
    for ($i = 0; $i + 2 -lt $lines.Count; $i += 3) {
        # Paths are what PowerShell itself completes where it is answered nothing.
        if ($lines[$i] -cne 'plain') { continue }
        $value = $lines[$i + 1].Replace('\:', ':')
        $about = $lines[$i + 2]
        if (-not $about -or $about -ceq '_') { $about = $value }
        $text = $value
        if ($value -notmatch '\A[A-Za-z0-9_./~:\\+-]+\z') {
            $text = "'" + ($value -replace "(['\u2018\u2019\u201a\u201b])", '$1$1') + "'"
        }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}

Microsoft.PowerShell.Core\Register-ArgumentCompleter -Native -CommandName venvhook -ScriptBlock {
    param($word, $tree, $cursor)
    _venvhook_completion $word $tree $cursor
}
