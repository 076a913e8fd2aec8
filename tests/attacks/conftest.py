"""The table at the end of the tests: what came of each attack in each shell."""

from __future__ import annotations

import pytest

from attacks.table import Table
from checkout import CHECKOUT

TABLE = pytest.StashKey[Table]()
REPORT = CHECKOUT / ".tests/attacks.md"


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """What is shown at the end."""
    return pytestconfig.stash.setdefault(TABLE, Table())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the counts, and write the table with all cases to a file."""
    found = config.stash.get(TABLE, None)
    if not found:
        return
    found.write(REPORT)
    terminalreporter.section("attacks that held, by shell")
    for line in found.counts():
        terminalreporter.write_line(line)
    if REPORT.exists():
        terminalreporter.write_line(f"case by shell: {REPORT}")
