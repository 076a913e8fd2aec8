"""The boundary of the fast road: one line for what went wrong, a traceback only on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from venvhook.errors import UsageError, VenvhookError, run


def _fail_unexpectedly(_words: list[bytes], _environ: Mapping[str, str]) -> bytes:
    raise ZeroDivisionError("by\nzero")


def _fail_as_expected(_words: list[bytes], _environ: Mapping[str, str]) -> bytes:
    raise VenvhookError("no")


def _call_wrongly(_words: list[bytes], _environ: Mapping[str, str]) -> bytes:
    raise UsageError("no")


@pytest.mark.parametrize(
    ("respond", "status"), [(_fail_unexpectedly, 1), (_fail_as_expected, 1), (_call_wrongly, 2)]
)
def test_a_failure_is_one_line_and_a_status(
    respond: Callable[[list[bytes], Mapping[str, str]], bytes],
    status: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(respond)
    assert ended.value.code == status
    printed, complaint = capfd.readouterr()
    assert printed == ""
    assert complaint.startswith("venvhook: ")
    assert complaint.count("\n") == 1


def test_an_unexpected_failure_is_shown_in_full_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENVHOOK_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(_fail_unexpectedly)
