from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from tta_dev_primitives.cli.job import JobReport
from tta_dev_primitives.cli.latencies import Latencies
from tta_dev_primitives.cli.progress import progress
from tta_dev_primitives.cli.report import dollars, job_summary, milliseconds


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 0.99, 1.0])
def test_percentiles_are_off_by_one_percent_at_most(share: float) -> None:
    rng = random.Random(7)
    values = sorted(rng.lognormvariate(-2, 2) for _ in range(1001))
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    found = latencies.percentile(share)
    exact = values[max(0, -(-int(share * 1001 * 1000) // 1000) - 1)]
    assert found is not None
    assert exact * 0.9999 <= found <= exact * 1.0101


def test_no_latencies_have_no_percentiles() -> None:
    assert Latencies().percentile(0.5) is None
    assert Latencies().milliseconds(0.5) is None


def test_time_of_nothing_is_counted_too() -> None:
    latencies = Latencies()
    latencies.add(0)
    assert latencies.milliseconds(1.0) == 0.0


def test_cost_is_unknown_once_one_answer_is_unpriced() -> None:
    report = JobReport()
    report.ledger.cost, report.ledger.saved = 0.25, 0.5
    assert job_summary(report)["cost_usd"] == 0.25
    assert job_summary(report)["cost_without_primitives_usd"] == 0.75
    report.ledger.unpriced = 1
    summary = job_summary(report)
    assert summary["cost_usd"] is None
    assert summary["cost_without_primitives_usd"] is None
    assert summary["unpriced_answers"] == 1


def test_amounts_for_people() -> None:
    assert (dollars(None), dollars(1234.5)) == ("unpriced", "$1,234.5000")
    assert milliseconds(1.4, None, 1234.6) == "1 / - / 1,235 ms"


def test_progress_is_silent_without_a_terminal(capsys: Any) -> None:
    with progress("items") as advance:
        advance(0)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_what_is_done_and_what_failed(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress("items", total=2) as advance:
        advance(0)
        advance(1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "items, 1 failed" in shown.err
    assert "2/2" in shown.err
