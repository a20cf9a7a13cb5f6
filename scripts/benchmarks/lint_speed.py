"""How fast files are checked for the first time, on one core, and the memory that takes."""

from __future__ import annotations

import json
import statistics
import sys
from typing import TYPE_CHECKING, Any, Final

from keploy_goals import Goal
from keploy_processes import program
from lint_resources import run
from observability_findings import Finding

if TYPE_CHECKING:
    from lint_corpus import Corpus

COLD: Final = Goal(300, "at least", "files/s")
MODES: Final = ("parse", "lint")
BESIDE: Final = "reading and ast.parse"


def findings(corpus: Corpus, rounds: int) -> list[Finding]:
    """Check all files in a new process, and parse them in another, in turns."""
    taken: dict[str, list[dict[str, Any]]] = {mode: [] for mode in MODES}  # Any: JSON values
    for _ in range(rounds):
        for mode in MODES:
            spent = run(program("lint_worker.py", mode, corpus.folder), corpus.folder)
            if spent.code:
                msg = f"lint_worker.py {mode} ended with {spent.code}: {spent.output}"
                raise RuntimeError(msg)
            taken[mode].append(json.loads(spent.output))
    files = taken["lint"][0]["files"]
    case = f"{corpus.name}, {files:,} files, {corpus.megabytes:.0f} MB"
    found = [
        Finding(
            "cold, one process, of processor time",
            case,
            files / min(_all(taken["lint"], "cpu_seconds")),
            "files/s",
            files / statistics.median(_all(taken["lint"], "cpu_seconds")),
            BESIDE,
            files / min(_all(taken["parse"], "cpu_seconds")),
            COLD,
        ),
        Finding(
            "cold, one process, by the clock",
            case,
            files / min(_all(taken["lint"], "wall_seconds")),
            "files/s",
            files / statistics.median(_all(taken["lint"], "wall_seconds")),
            BESIDE,
            files / min(_all(taken["parse"], "wall_seconds")),
            COLD,
        ),
    ]
    if sys.platform != "win32":
        most = _all(taken["lint"], "megabytes")
        found.append(
            Finding(
                "cold, one process, most memory",
                case,
                min(most),
                "MB",
                statistics.median(most),
                BESIDE,
                min(_all(taken["parse"], "megabytes")),
            )
        )
    return found


def _all(records: list[dict[str, Any]], name: str) -> list[float]:  # Any: JSON values
    return [record[name] for record in records]
