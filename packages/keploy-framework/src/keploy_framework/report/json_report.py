"""A run as JSON, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from keploy_framework.report.view import STATUSES

if TYPE_CHECKING:
    from keploy_framework.report.view import ReportedRun, SetView, TestView

VERSION: Final = 1
"""Grows when a key changes its meaning or goes; new keys may come without it."""


def json_report(run: ReportedRun) -> str:
    """Write a run as one JSON object, in ASCII, ending with a newline.

    Its key ``version`` is `VERSION`. Every key is always there.

    Args:
        run: The run.
    """
    data: dict[str, Any] = {  # Any: JSON
        "version": VERSION,
        "run": run.name,
        "passed": run.passed,
        "seconds": round(run.seconds, 6),
        "total": len(run.tests),
        "counts": {status.lower(): run.count(status) for status in STATUSES},
        "sets": [_set(one) for one in run.sets],
    }
    return json.dumps(data, indent=2) + "\n"


def _set(one: SetView) -> dict[str, Any]:
    return {
        "name": one.name,
        "status": one.status,
        "reason": one.reason,
        "seconds": round(one.seconds, 6),
        "created_at": one.created_at,
        "app_log": one.app_log,
        "mock_usage": one.mock_usage,
        "tests": [_test(test) for test in one.tests],
    }


def _test(test: TestView) -> dict[str, Any]:
    data = asdict(test)
    data["seconds"] = round(test.seconds, 9)
    return data
