"""What the whole command takes once everything is in the cache, and after an edit."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, Final

from keploy_goals import Goal
from lint_resources import run
from observability_findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from lint_corpus import Corpus
    from lint_resources import Spent

WARM: Final = Goal(2, "at most", "s")
MEASURE: Final = "the command, with a cache"
FILLING: Final = "filling the cache"


def findings(corpus: Corpus, rounds: int) -> list[Finding]:
    """Fill the cache with one run, then run again as it is, and with one file changed each time."""
    (corpus.folder / "pyproject.toml").write_text("[tool.tta.lint]\n", encoding="utf-8")
    first = _command(corpus.folder)
    changing = next(iter(sorted(corpus.folder.rglob("_client.py"))), None)
    warm: list[Spent] = []
    changed: list[Spent] = []
    for number in range(rounds):
        warm.append(_command(corpus.folder))
        if changing is not None:
            with changing.open("a", encoding="utf-8") as file:
                file.write(f"\n_CHANGED_BY_THE_BENCHMARK_{number} = {number}\n")
            changed.append(_command(corpus.folder))
    case = f"{corpus.name}, {corpus.files:,} files"
    found = _findings(f"{case}, nothing changed", warm, first, WARM)
    if changed:
        found += _findings(f"{case}, one module changed", changed, first, None)
    return found


def _command(folder: Path) -> Spent:
    spent = run([sys.executable, "-m", "tta_dev_primitives", "lint", folder, "--json"], folder)
    if spent.code > 1:
        msg = f"tta lint ended with {spent.code}: {spent.output}"
        raise RuntimeError(msg)
    return spent


def _findings(case: str, runs: list[Spent], first: Spent, goal: Goal | None) -> list[Finding]:
    walls = [spent.wall_seconds for spent in runs]
    found = [
        Finding(
            f"{MEASURE}, by the clock",
            case,
            min(walls),
            "s",
            statistics.median(walls),
            FILLING,
            first.wall_seconds,
            goal,
        )
    ]
    used = [spent.cpu_seconds for spent in runs if spent.cpu_seconds is not None]
    if used:
        found.append(
            Finding(
                f"{MEASURE}, of processor time",
                case,
                min(used),
                "s",
                statistics.median(used),
                FILLING,
                first.cpu_seconds,
                goal,
            )
        )
    return found
