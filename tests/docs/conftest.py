"""Make the block runner importable, and print its table at the end of the run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test folders are no packages here (import mode importlib), so the runner is put on the path.
sys.path.insert(0, str(Path(__file__).parent))

from blocks import Result, summary, table

RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture
def results(pytestconfig: pytest.Config) -> list[Result]:
    """Collect the results that the table at the end of the run shows."""
    return pytestconfig.stash.setdefault(RESULTS, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print one line about the blocks; the whole table with ``-v`` or ``-rA``."""
    if RESULTS not in config.stash:
        return
    found = sorted(config.stash[RESULTS], key=_position)
    terminalreporter.section("code blocks of the docs")
    if config.get_verbosity() > 0 or "A" in str(config.getoption("reportchars")):
        for line in table(found):
            terminalreporter.write_line(line)
    terminalreporter.write_line(summary(found))


def _position(result: Result) -> tuple[str, int]:
    page, _, line = result.place.rpartition(":")
    return page, int(line)
