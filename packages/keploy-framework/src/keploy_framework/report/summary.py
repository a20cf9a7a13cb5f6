"""A run in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keploy_framework.report.view import STATUSES

if TYPE_CHECKING:
    from keploy_framework.report.view import ReportedRun


def summary_line(run: ReportedRun) -> str:
    """Say in one line what came of a run, such as ``FAILED test-run-3: 1 failed, 9 passed``.

    Sets that ended otherwise than by their tests are named with what happened to them.

    Args:
        run: The run.
    """
    counts = [f"{run.count(status)} {status.lower()}" for status in STATUSES if run.count(status)]
    tests = f"of {len(run.tests)} tests" if len(run.tests) != 1 else "of 1 test"
    sets = f"in {len(run.sets)} sets" if len(run.sets) != 1 else "in 1 set"
    verdict = "PASSED" if run.passed else "FAILED"
    text = f"{verdict} {run.name}: {', '.join(counts) or 'none'} {tests} {sets}"
    text += f", {shown_seconds(run.seconds)}"
    odd = [
        f"{one.name} {one.status}"
        for one in run.sets
        if one.status not in ("PASSED", "FAILED", "NO_TESTS_TO_RUN")
    ]
    return f"{text} ({', '.join(odd)})" if odd else text


def shown_seconds(seconds: float) -> str:
    """Write a duration for people, such as ``12 ms``, ``3.4 s`` or ``2 min 5 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s"
