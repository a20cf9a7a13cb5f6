"""Ours and other linters over the same files in the same run: how fast, and how right."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keploy_goals import Goal
from lint_labels import Score, amounts, read_labels, scores
from lint_tools import OURS, TOOLS, checked
from observability_findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from lint_corpus import Corpus
    from lint_resources import Spent
    from lint_tools import Environments, Tool

PRECISION: Final = Goal(0.98, "at least", "precision")
RECALL: Final = Goal(0.95, "at least", "recall")
COLUMNS: Final = ("no limit among", "tool", "precision", "recall", "told of, `**kwargs`", "goals")


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out.

    Attributes:
        findings: What each tool took.
        scores: How right each was, by its name and what it should tell; empty without labels.
        gold: How many labelled calls have no limit, by where it would stand.
    """

    findings: list[Finding]
    scores: dict[str, dict[str, Score]]
    gold: dict[str, int]

    def records(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """Return the scores as `--json` writes them."""
        return {
            tool: {idea: score.record() for idea, score in each.items()}
            for tool, each in self.scores.items()
        }


def compared(
    corpus: Corpus, labels: Path | None, environments: Environments, rounds: int
) -> Compared:
    """Run every tool that can be installed, in turns."""
    commands = {tool: environments.command(tool) for tool in TOOLS}
    runs: dict[Tool, list[Spent]] = {tool: [] for tool in TOOLS}
    for _ in range(rounds):
        for tool, command in commands.items():
            if command is not None:
                print(f"  {tool.name} ...", file=sys.stderr, flush=True)
                runs[tool].append(checked(command, corpus.folder))
    ours = runs.pop(OURS)
    findings = [_finding(corpus, ours, tool, spent) for tool, spent in runs.items() if spent]
    if labels is None:
        return Compared(findings, {}, {})
    known = read_labels(labels, corpus.folder)
    found: dict[str, dict[str, Score]] = {}
    for tool, spent in ((OURS, ours), *runs.items()):
        if spent and tool.rule is not None:
            told = tool.places(spent[0].output, corpus.folder)
            found[f"{tool.name} {tool.rule}"] = scores(known, told)
    return Compared(findings, found, {**amounts(known)})


def print_scores(compared: Compared) -> None:
    """Print how right each tool was as a Markdown table."""
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    wanted = next(iter(compared.scores.values()), dict[str, Score]())
    for number, idea in enumerate(wanted):
        for tool, each in compared.scores.items():
            score = each[idea]
            told = f"{score.right} of {score.right + score.wrong}"
            held = not number and tool.startswith(OURS.name)
            goals = (PRECISION.verdict(score.precision), RECALL.verdict(score.recall))
            cells = (
                idea,
                tool,
                f"{_share(score.precision)} ({told})",
                f"{_share(score.recall)} ({score.right} of {score.wanted})",
                f"{score.hidden} of {score.all_hidden}",
                f"{PRECISION}, {RECALL}: {', '.join(goals)}" if held else "",
            )
            print(f"| {' | '.join(cells)} |")
    parts = ", ".join(f"{number} {kind}" for kind, number in compared.gold.items())
    print(f"\nLabelled calls without a limit, by where it would stand: {parts}.")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _finding(corpus: Corpus, ours: list[Spent], tool: Tool, theirs: list[Spent]) -> Finding:
    return Finding(
        "the whole command, one process, no cache",
        f"{corpus.name}, {corpus.files:,} files",
        min(_seconds(ours)),
        "s",
        statistics.median(_seconds(ours)),
        tool.requirement.replace("==", " "),
        min(_seconds(theirs)),
    )


def _seconds(runs: list[Spent]) -> list[float]:
    """Return processor time, or the time by the clock where the system does not tell."""
    return [
        spent.wall_seconds if spent.cpu_seconds is None else spent.cpu_seconds for spent in runs
    ]
