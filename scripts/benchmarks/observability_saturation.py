"""How many workflows a second there are when none of them waits, and what is lost meanwhile."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from observability_findings import Finding
from observability_workers import receiver, workers
from observability_workflow_parts import PARTS

if TYPE_CHECKING:
    from observability_amounts import Amounts
    from observability_workers import Receiver, Worker

MEASURE: Final = "saturation"
SDK: Final = "the SDK by hand"


def findings(amounts: Amounts) -> list[Finding]:
    """Run workflows without a pause: nobody watches, we do, and the SDK does."""
    answers: dict[str, list[dict[str, Any]]] = {"off": [], "on": [], "by hand": []}
    with receiver() as collector, workers(answers, collector.url) as started:
        for _ in range(amounts.rounds):
            for name, worker in started.items():
                answers[name].append(_saturated(worker, collector, amounts.seconds))
    rates = {
        name: statistics.median(each["workflows"] / each["seconds"] for each in rounds)
        for name, rounds in answers.items()
    }
    counted = sum(each["counted_lost"] for each in answers["on"])
    lost = sum(each["lost"] for each in answers["on"])
    if counted != lost:
        msg = f"{lost} spans did not arrive, but {counted} are counted as lost"
        raise RuntimeError(msg)
    return [
        Finding(
            MEASURE,
            "workflows a second, of those that nobody watches",
            rates["on"] / rates["off"] * 100,
            "% of them",
            beside=SDK,
            theirs=rates["by hand"] / rates["off"] * 100,
        ),
        Finding(
            MEASURE,
            f"workflows a second, where unwatched there are {rates['off']:,.0f}",
            rates["on"],
            "a second",
            beside=SDK,
            theirs=rates["by hand"],
            series="workflows a second",
        ),
        Finding(
            MEASURE,
            "spans that arrive, of those that end; ours counts the others",
            _arrived(answers["on"]),
            "% of them",
            beside=f"{SDK}, which counts none",
            theirs=_arrived(answers["by hand"]),
        ),
        Finding(
            MEASURE,
            "spans that arrive",
            _arriving(answers["on"]),
            "a second",
            beside=SDK,
            theirs=_arriving(answers["by hand"]),
        ),
    ]


def _saturated(worker: Worker, collector: Receiver, seconds: float) -> dict[str, Any]:
    """Return the answer with how many spans ended and how many did not arrive."""
    before = collector.spans()
    answer = worker.ask("saturation", seconds=seconds)
    answer["arrived"] = collector.spans() - before
    answer["ended"] = answer["workflows"] * PARTS
    answer["lost"] = answer["ended"] - answer["arrived"]
    return answer


def _arrived(rounds: list[dict[str, Any]]) -> float:  # Any: JSON values
    ended = sum(each["ended"] for each in rounds)
    return sum(each["arrived"] for each in rounds) / ended * 100


def _arriving(rounds: list[dict[str, Any]]) -> float:  # Any: JSON values
    return statistics.median(each["arrived"] / each["seconds"] for each in rounds)
