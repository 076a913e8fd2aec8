"""May this environment be used: by its owners, each for itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout import IS_ROOT
from environments import EnvironmentMaker
from venvhook.environment import Unusable, examine
from venvhook.trust import check_trust

FOREIGN = 12345
PARTS = {"directory": "", "bin": "bin", "pyvenv.cfg": "pyvenv.cfg"}


def test_ones_own_environment_may_be_used(
    tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    check_trust(examine(bytes(make_environment(tmp_path / ".venv"))))


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_any_part_of_another_user_is_reason_enough(
    part: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    environment = examine(bytes(make_environment(tmp_path / ".venv")))
    os.chown(tmp_path / ".venv" / part, FOREIGN, -1)
    with pytest.raises(Unusable, match=f"belongs to user {FOREIGN}") as raised:
        check_trust(environment)
    assert not raised.value.kept, "an owner leaves no trace in a witness"


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_what_is_roots_may_be_used_by_all(
    tmp_path: Path, make_environment: EnvironmentMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = examine(bytes(make_environment(tmp_path / ".venv")))
    monkeypatch.setattr(os, "geteuid", lambda: FOREIGN)
    check_trust(environment)
    os.chown(tmp_path / ".venv/bin", FOREIGN, -1)
    check_trust(environment)
    os.chown(tmp_path / ".venv/bin", FOREIGN + 1, -1)
    with pytest.raises(Unusable):
        check_trust(environment)


@pytest.mark.skipif(os.name == "nt", reason="no owners are looked at on Windows")
@pytest.mark.parametrize("part", ["bin", "pyvenv.cfg"])
def test_what_vanished_meanwhile_is_a_reason(
    part: str, tmp_path: Path, make_environment: EnvironmentMaker
) -> None:
    environment = examine(bytes(make_environment(tmp_path / ".venv")))
    (tmp_path / ".venv" / part).rename(tmp_path / "gone")
    with pytest.raises(Unusable, match="cannot be read"):
        check_trust(environment)
