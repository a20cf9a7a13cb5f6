"""What the linter costs and how right it is, beside other linters for calls of models, in one run.

    uv run python scripts/benchmarks/lint.py [--quick] [--json FILE] [--tools FOLDER]
        [--only speed|cache|tools]

The files are copies of what is installed here. The labelled repositories are found through
TTA_TEST_DATA (a folder with llm-callsites.jsonl) and TTA_TEST_TREES (a folder of repositories, each
named "owner+name"); without them nothing is said of who is right. The other tools are installed
with uv, each in an environment of its own. Takes about four minutes, --quick one. The exit code is
0 whether goals are met or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import lint_cache
import lint_comparison
import lint_corpus
import lint_speed
from lint_tools import Environments, default_folder
from observability_findings import print_findings
from timing import machine

if TYPE_CHECKING:
    from observability_findings import Finding

FILES = 5000
QUICK_FILES = 800
PARTS = ("speed", "cache", "tools")
NOTE = (
    "Figures are the best that was seen, with the median in brackets. A ratio is ours over the "
    "other."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer files and rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=PARTS, help="run one part")
    parser.add_argument(
        "--tools", type=Path, metavar="FOLDER", default=default_folder(), help="their environments"
    )
    chosen = parser.parse_args(arguments)
    parts = PARTS if chosen.only is None else (chosen.only,)
    environments = Environments(chosen.tools)
    print(machine(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="tta-lint-benchmark-") as scratch:
        found, outcome = _measured(parts, Path(scratch), environments, quick=chosen.quick)
    print_findings(found)
    if outcome is not None and outcome.scores:
        print()
        lint_comparison.print_scores(outcome)
    print(f"\n{NOTE}{environments.note()}")
    if chosen.json is not None:
        record: dict[str, Any] = {  # Any: JSON values
            "machine": machine(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": chosen.quick,
            "findings": [each.record() for each in found],
            "scores": {} if outcome is None else outcome.records(),
            "gold": {} if outcome is None else outcome.gold,
        }
        chosen.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(
    parts: tuple[str, ...], scratch: Path, environments: Environments, *, quick: bool
) -> tuple[list[Finding], lint_comparison.Compared | None]:
    rounds = 1 if quick else 3
    print("copying files ...", file=sys.stderr, flush=True)
    corpus = lint_corpus.installed(scratch / "installed", QUICK_FILES if quick else FILES)
    labelled = lint_corpus.labelled(scratch / "labelled")
    found: list[Finding] = []
    outcome: lint_comparison.Compared | None = None
    if "speed" in parts:
        for each in (corpus, *((labelled[0],) if labelled else ())):
            print(f"measuring speed on {each.name} ...", file=sys.stderr, flush=True)
            found += lint_speed.findings(each, rounds)
    if "tools" in parts:
        print("measuring tools ...", file=sys.stderr, flush=True)
        files, labels = labelled or (corpus, None)
        outcome = lint_comparison.compared(files, labels, environments, min(rounds, 2))
        found += outcome.findings
    if "cache" in parts:  # last, because it changes the files
        print("measuring the cache ...", file=sys.stderr, flush=True)
        found += lint_cache.findings(corpus, rounds)
    return found, outcome


if __name__ == "__main__":
    sys.exit(main())
