"""A server that makes its policies and then forks its workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .cases import KINDS

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def outcomes() -> list[str]:
    """What parent and child say about each kind, used on both sides of a fork."""
    script = "import sys; sys.path.insert(0, sys.argv[1]); from cancellation.forked import main"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{script}; main()", Path(__file__).parents[1]],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"fault"}))
def test_policy_made_before_a_fork_works_on_both_sides(kind: str, outcomes: list[str]) -> None:
    """With no lock, timer or loop of the parent in its way."""
    assert [line for line in outcomes if line.startswith(f"{kind}:")] == [f"{kind}: "] * 2
