"""What a span weighs while it waits for the thread that exports."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from keploy_processes import program, result_of
from observability_findings import Finding

if TYPE_CHECKING:
    from observability_amounts import Amounts

MEASURE: Final = "a span that waits"
SDK: Final = "ReadableSpan of the SDK"
KINDS: Final = {
    "plain": "a step",
    "records": "of a workflow of five, with what was reported",
}
WAYS: Final = {"allocated": "bytes by tracemalloc", "resident": "bytes of resident memory"}


def findings(amounts: Amounts) -> list[Finding]:
    """Keep many spans, of ours and of the SDK, each in a new process."""
    found: list[Finding] = []
    for kind, title in KINDS.items():
        for way, unit in WAYS.items():
            found.append(
                Finding(
                    MEASURE,
                    f"{title}, {unit}",
                    _weight("ours", kind, way, amounts),
                    "bytes",
                    beside=SDK,
                    theirs=_weight("sdk", kind, way, amounts),
                )
            )
    return found


def _weight(side: str, kind: str, way: str, amounts: Amounts) -> float:
    words = program("observability_queue.py", side, kind, way, str(amounts.queued))
    return statistics.median(result_of(words) for _ in range(amounts.weighings))
