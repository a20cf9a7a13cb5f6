"""What watching adds to the time that a workflow of five primitives takes, under load."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from keploy_goals import Goal
from observability_findings import Finding
from observability_workers import receiver, workers

if TYPE_CHECKING:
    from observability_amounts import Amounts, Load
    from observability_workers import Worker

MEASURE: Final = "five primitives"
OURS, THEIRS, FLOOR = "on", "by hand", "off"
SDK: Final = "the SDK by hand"
GOALS: Final = {
    (0.001, 1): Goal(2, "at most", "%"),
    (0.010, 100): Goal(5, "at most", "%"),
}
Answers = dict[str, list[dict[str, Any]]]  # Any: JSON values


def findings(amounts: Amounts) -> list[Finding]:
    """Measure each load: nobody watches, we do, and the SDK does; spans go to a collector."""
    found: list[Finding] = []
    with receiver() as collector, workers((FLOOR, OURS, THEIRS), collector.url) as started:
        for load in amounts.loads:
            found += _loaded(started, load, amounts.rounds)
    return found


def _loaded(started: dict[str, Worker], load: Load, rounds: int) -> list[Finding]:
    answers: Answers = {name: [] for name in started}
    for turn in range(rounds):
        # The order changes, so that nobody always comes after the one who works most.
        names = list(started)[turn % 3 :] + list(started)[: turn % 3]
        for name in names:
            answers[name].append(started[name].ask("load", **load._asdict()))
    case = f"upstream {load.upstream_seconds * 1000:g} ms, {load.concurrency} at once"
    goal = GOALS.get((load.upstream_seconds, load.concurrency))
    floor = statistics.median(second for each in answers[FLOOR] for second in each["latencies"])
    found = [
        Finding(
            MEASURE,
            f"{case}: p50 added to {floor * 1000:.4g} ms",
            _added(answers, OURS),
            "%",
            beside=SDK,
            theirs=_added(answers, THEIRS),
            goal=goal,
            series=f"{case}: added to p50",
        ),
        Finding(
            MEASURE,
            f"{case}: p99 added to {_slowest(answers[FLOOR]) * 1000:.4g} ms",
            _added_to_slowest(answers, OURS),
            "%",
            beside=SDK,
            theirs=_added_to_slowest(answers, THEIRS),
            series=f"{case}: added to p99",
        ),
    ]
    if load.concurrency > 1:  # of a few workflows the last delivery is most of it
        found.append(
            Finding(
                MEASURE,
                f"{case}: processor time added to {_spent(answers[FLOOR]):.3g} us",
                _spent(answers[OURS]) - _spent(answers[FLOOR]),
                "us",
                beside=SDK,
                theirs=_spent(answers[THEIRS]) - _spent(answers[FLOOR]),
                series=f"{case}: processor time added",
            )
        )
    return found


def _added(answers: Answers, name: str) -> float:
    """Return the median over all rounds of what is added to the median of the same round."""
    added = (
        statistics.median(each["latencies"]) / statistics.median(floor["latencies"]) - 1
        for each, floor in zip(answers[name], answers[FLOOR], strict=True)
    )
    return statistics.median(added) * 100


def _added_to_slowest(answers: Answers, name: str) -> float:
    """Return what is added to the 99th percentile of all rounds together."""
    return (_slowest(answers[name]) / _slowest(answers[FLOOR]) - 1) * 100


def _slowest(answers: list[dict[str, Any]]) -> float:  # Any: JSON values
    latencies = sorted(second for each in answers for second in each["latencies"])
    return latencies[int(len(latencies) * 0.99)]


def _spent(answers: list[dict[str, Any]]) -> float:  # Any: JSON values
    return min(each["processor_seconds"] for each in answers) * 1e6
