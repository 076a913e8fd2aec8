"""What can be known of shell/venvhook.ps1 where there is no PowerShell: its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

SCRIPT = Path(__file__).resolve().parents[2] / "shell/venvhook.ps1"
COMPLETION = SCRIPT.with_name("venvhook.completion.ps1")
PARSER = Parser(Language(tree_sitter_powershell.language()))

# Set by PowerShell itself, and by 'venvhook init' before the script.
AUTOMATIC = {"$?", "$_", "$args", "$null", "$true", "$false", "$PWD", "$ExecutionContext", "$Host"}
AUTOMATIC |= {"$PID", "$ErrorActionPreference", "$global:Error", "$global:LASTEXITCODE"}
ASSIGNED = {
    f"$global:_VENVHOOK_{name}" for name in ("PROTOCOL", "PYTHON", "SOURCE", "CACHE", "SESSION")
}
# Variables of the scripts that environments come with.
STOCK = {"$global:_OLD_VIRTUAL_PATH", "$global:_OLD_VIRTUAL_PYTHONHOME"}


def nodes(node: Node) -> Iterator[Node]:
    """Yield *node* and all below it."""
    yield node
    for child in node.children:
        yield from nodes(child)


def text(node: Node) -> str:
    """Return the source of *node*."""
    return (node.text or b"").decode()


def mistakes(source: bytes) -> list[str]:
    """Return what of *source* is no PowerShell that version 5.1 knows."""
    return [
        f"line {node.start_point.row + 1}: {text(node)[:60]!r}"
        for node in nodes(PARSER.parse(source).root_node)
        if node.is_error or node.is_missing or node.type == "pipeline_chain_tail"
    ]


def spelled(variable: Node) -> str:
    """Return the name of *variable*, without the braces that it may be written with."""
    return re.sub(r"^\$\{(.*)\}$", r"$\1", text(variable))


def variables(node: Node) -> set[str]:
    """Return the names of all variables in *node*, but not those of the environment."""
    found = {
        spelled(child) for child in nodes(node) if child.type in ("variable", "braced_variable")
    }
    return {name for name in found if not name.lower().startswith(("$env:", "$function:"))}


def variables_set(node: Node) -> set[str]:
    """Return the names of the variables that *node* sets, as parameters too."""
    found: set[str] = set()
    for child in nodes(node):
        if child.type == "left_assignment_expression":
            found |= variables(child)
        elif child.type == "foreach_statement":
            found.add(spelled(next(part for part in child.children if part.type == "variable")))
        elif child.type in ("function_parameter_declaration", "param_block"):
            found |= variables(child)
    return found


def functions(root: Node) -> dict[str, Node]:
    """Return the functions that are defined in *root*, by name."""
    found = [node for node in nodes(root) if node.type == "function_statement"]
    return {text(node.named_children[0]): node for node in found}


@pytest.fixture(scope="module")
def tree() -> Node:
    """The hook script."""
    return PARSER.parse(SCRIPT.read_bytes()).root_node


@pytest.mark.parametrize("script", [SCRIPT, COMPLETION], ids=lambda script: script.name)
def test_a_script_is_powershell_of_every_version(script: Path) -> None:
    assert mistakes(script.read_bytes()) == []


@pytest.mark.parametrize(
    "line",
    [
        b"$a = $b ? 1 : 2",
        b"$a = $b ?? 1",
        b"$a = ${b}?.c",
        b"a && b",
        b"a || b",
        b"if ($a) {",
        b"'a",
    ],
)
def test_what_is_newer_or_broken_is_noticed(line: bytes) -> None:
    assert mistakes(SCRIPT.read_bytes() + line + b"\n") != []


@pytest.mark.parametrize("script", [SCRIPT, COMPLETION], ids=lambda script: script.name)
def test_a_script_is_ascii(script: Path) -> None:
    # Windows PowerShell 5.1 decodes what a program prints by the console's code page.
    assert script.read_bytes().isascii()


def test_every_function_that_is_called_is_defined_and_called(tree: Node) -> None:
    # A recipe calls the verbs; the shell calls these two by the names that it knows.
    called = {"_venvhook_activate", "_venvhook_refuse", "_venvhook_pass", "_venvhook_policy"}
    called |= {"global:prompt", "global:deactivate"}
    called |= {
        text(node)
        for node in nodes(tree)
        if node.type == "command_name" and text(node).startswith("_venvhook")
    }
    # Loaded the first time that something is completed.
    elsewhere = functions(PARSER.parse(COMPLETION.read_bytes()).root_node)
    assert called == set(functions(tree)) | {name.partition(":")[2] for name in elsewhere}


def test_every_shared_variable_is_set_somewhere(tree: Node) -> None:
    shared = {name for name in variables(tree) if name.startswith(("$script:", "$global:"))}
    assert shared - variables_set(tree) - ASSIGNED - STOCK - AUTOMATIC == set()


def test_every_local_variable_is_set_in_its_function(tree: Node) -> None:
    for name, function in functions(tree).items():
        local = {found for found in variables(function) if ":" not in found}
        assert local - variables_set(function) - AUTOMATIC == set(), name


def test_no_automatic_variable_of_powershell_is_set(tree: Node) -> None:
    # A name that PowerShell sets by itself changes under the script, or cannot be set at all.
    reserved = "args error event eventargs foreach home host input matches pid profile pwd sender"
    reserved += " stacktrace switch this true false lastexitcode myinvocation psitem ofs"
    found = {name.lstrip("$").lower() for name in variables_set(tree)}
    assert found & set(reserved.split()) == set()


def commands(root: Node) -> set[str]:
    """Return the names of the commands in *root* that are not functions of the script's own."""
    found = {text(node) for node in nodes(root) if node.type == "command_name"}
    return {name for name in found if not name.startswith("_venvhook")}


def test_cmdlets_stay_off_the_hot_path(tree: Node) -> None:
    # A cmdlet costs some 400 us. These are called on loading, for a recipe, for a failure, and once
    # pip has refused or Tab was pressed. By their full names: a function or an alias comes first.
    assert commands(tree) == {
        "Microsoft.PowerShell.Core\\Export-ModuleMember",
        "Microsoft.PowerShell.Core\\Get-History",
        "Microsoft.PowerShell.Core\\New-Module",
        "Microsoft.PowerShell.Core\\Register-ArgumentCompleter",
        "Microsoft.PowerShell.Core\\Set-StrictMode",
        "Microsoft.PowerShell.Utility\\Invoke-Expression",
        "Microsoft.PowerShell.Utility\\Out-String",
        "Microsoft.PowerShell.Utility\\Write-Error",
        "Microsoft.PowerShell.Utility\\Write-Warning",
        "venvhook",
    }


# What .NET Framework 4.5, under Windows PowerShell 5.1, has too: no Process.ArgumentList, for
# one. The last line is asked for before it is used.
MEMBERS = """
Arguments Attributes Combine CommandLine Contains Count CreateNoWindow Delete DirectorySeparatorChar
Dispose EndsWith Equals Error Exists ExitCode FullName GetLastWriteTimeUtc GetMember Id IndexOf
InvocationInfo InvokeCommand IsErrorRedirected IsInputRedirected Kill LanguageMode LastIndexOf
Length Max Name NewPath Ordinal OrdinalIgnoreCase PSObject PathSeparator PositionMessage
Properties Provider ProviderPath ReadAllText ReadToEndAsync RedirectStandardError
RedirectStandardInput RedirectStandardOutput Remove RemoveAt RemoveEmptyEntries ReparsePoint Replace
Result SessionState Split StandardError StandardErrorEncoding StandardOutput StandardOutputEncoding
Start StartsWith Substring Trim TrimEnd UI UTF8 UseShellExecute WaitAll WaitForExit Write WriteLine
Year new
LocationChangedAction ResolveLinkTarget
"""


def test_only_members_are_used_that_windows_powershell_has(tree: Node) -> None:
    used = {text(node) for node in nodes(tree) if node.type == "member_name"}
    assert used <= set(MEMBERS.split())


def test_completion_calls_cmdlets_by_their_full_names() -> None:
    root = PARSER.parse(COMPLETION.read_bytes()).root_node
    assert commands(root) == {
        "Microsoft.PowerShell.Core\\Register-ArgumentCompleter",
        "Microsoft.PowerShell.Core\\Set-StrictMode",
        "venvhook",
    }


def test_constrained_language_mode_meets_nothing_that_it_forbids(tree: Node) -> None:
    # Methods and types other than the core ones throw there; the first statement tells, and nothing
    # else of the script runs.
    outermost = next(node for node in nodes(tree) if node.type == "if_statement")
    around = [node for node in nodes(tree) if node.end_byte <= outermost.start_byte]
    assert {node.type for node in around} == {"comment"}
    assert text(tree).rstrip().endswith(text(outermost))
    condition, first, rest = (node for node in outermost.named_children if node.type != "comment")
    assert "LanguageMode" in text(condition)
    assert rest.type == "else_clause"
    for part in (condition, first):
        kinds = {node.type for node in nodes(part)}
        assert not kinds & {"type_literal", "cast_expression", "invokation_expression"}, kinds
    assert commands(first) == {"Microsoft.PowerShell.Utility\\Write-Warning"}
